"""Training an image network, and measuring what was trained."""
