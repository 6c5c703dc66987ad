"""Rewards: what success pays."""
