"""Tasks: what the listener has to do."""
