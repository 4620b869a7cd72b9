"""Catalogue: facts by id, from `hardware/`, `prices/` and the price library, as domain objects."""
