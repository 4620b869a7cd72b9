"""Defaults that more than scenarios go by."""

from __future__ import annotations

from datetime import date

# The start of a scenario that gives none, and the day of prices where none is asked for: fixed with the release, so
# that no wall clock enters an output.
DEFAULT_START = date(2026, 12, 1)
