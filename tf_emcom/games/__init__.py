"""The rules of a game, and everything that they are chosen from."""
