"""Trained agents as files: SavedModel and Keras exports, corpora, example games."""
