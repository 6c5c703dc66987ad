"""Channels: what happens to a message on its way."""
