"""Measures of success and of language."""
