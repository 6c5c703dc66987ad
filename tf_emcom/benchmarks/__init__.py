"""What is measured against the plain way of doing it; a new benchmark is one new file with one class."""
