"""Heads: what agents make of the state of their cores."""
