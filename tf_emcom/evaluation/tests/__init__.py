"""The tests of trained agents."""
