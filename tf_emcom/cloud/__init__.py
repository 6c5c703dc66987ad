"""Renting a TPU for one training job: which commands of Google Cloud's tool do what."""
