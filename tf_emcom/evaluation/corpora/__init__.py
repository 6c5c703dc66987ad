"""Corpora of messages: what agents said and chose, in files, and what can be measured of it without the agents."""
