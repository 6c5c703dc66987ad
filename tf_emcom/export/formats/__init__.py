"""Formats of exports: one class a file, chosen by its name."""
