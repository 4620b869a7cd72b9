"""Domain: what things are. Frozen models and pure formulas; no files, no clock, no plots."""
