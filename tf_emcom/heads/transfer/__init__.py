"""Heads of listeners that predict something about the input instead of choosing a candidate."""
