"""Sweeping: grids of overrides over a base scenario."""
