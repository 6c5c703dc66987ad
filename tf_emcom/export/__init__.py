"""Trained agents for use elsewhere: SavedModels that need nothing but TensorFlow, and tests that run on them."""
