"""Several agents, and who plays with whom."""
