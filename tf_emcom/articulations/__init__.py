"""Articulations: how a speaker utters a symbol in training."""
