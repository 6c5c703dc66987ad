"""Several speakers and listeners, and who plays and learns with whom."""
