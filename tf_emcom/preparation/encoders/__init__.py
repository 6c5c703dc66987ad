"""What makes vectors of images: one kind of encoder a file."""
