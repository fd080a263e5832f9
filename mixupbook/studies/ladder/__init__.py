"""Which pairs teach: from the patch model to images, one ingredient changed at a time."""
