"""Speakers and listeners, and what they are made of."""
