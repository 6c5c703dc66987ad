"""Listener heads: `scores(message, candidates)` and `values(scores, ...)`."""
