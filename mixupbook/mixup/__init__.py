"""Mixup for anyone's training loop; it knows torch alone."""
