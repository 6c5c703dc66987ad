"""Whole grids of runs, and tables and figures as NEC has them, made of them."""
