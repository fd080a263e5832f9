"""The mixer: two images under Mixup, mixed in the reader's browser without a kernel."""
