"""What a command can do with an experiment: train it, test it."""
