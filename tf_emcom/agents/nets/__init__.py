"""Keras layers of agents, which know no game."""
