"""Optimisers that run inside one compiled step on every strategy."""
