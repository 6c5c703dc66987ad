"""Compiles a training step for a TPU ahead of time and estimates its costs, on a machine without a TPU."""
