"""Solving: cost curves over volume and every crossing of two of them."""
