"""Who learns, from what, and what happens in between."""
