"""Losses: a play and a step become terms, game by game."""
