"""Ranking for Cython code: nothing yet that is worth calling item by item."""
