"""Config: YAML files to domain objects, every fault with file, line and key."""
