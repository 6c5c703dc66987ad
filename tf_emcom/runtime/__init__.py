"""Where and how a program runs: strategies, configuration, checkpoints."""
