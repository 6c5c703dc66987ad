"""Grammars: which symbols may follow which."""
