"""Measures of messages and of success, computed with NumPy."""
