"""Configuration, strategies, checkpoints and run folders."""
