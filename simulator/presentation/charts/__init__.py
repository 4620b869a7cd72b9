"""Charts: one module each, from a result to a `Figure`."""
