"""Emergent communication in TensorFlow: speakers, listeners, noisy channels and their compiled training."""
