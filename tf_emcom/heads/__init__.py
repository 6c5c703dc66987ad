"""What turns the output of a core into decisions."""
