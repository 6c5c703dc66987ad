"""A page about runs, from their folders alone."""
