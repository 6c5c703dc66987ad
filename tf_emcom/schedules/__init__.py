"""Schedules: a step becomes a value."""
