"""What bin/benchmark measures; a new measurement is one new file with one class."""
