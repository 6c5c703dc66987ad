"""Policies: how a listener takes one candidate, given its scores."""
