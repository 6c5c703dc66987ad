"""Whole grids of runs, and the papers' tables and figures made of them."""
