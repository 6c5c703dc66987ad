"""Data sets, their cache, their order, and how they come to the devices."""
