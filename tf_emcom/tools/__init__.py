"""What is done with runs besides training and testing them."""
