"""Images with their labels, and where they come from."""
