"""Keras blocks that know no game."""
