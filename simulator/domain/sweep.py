"""A sweep: one base scenario and a grid of values for some of its keys."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

from pydantic import Field, field_validator

from simulator.domain.base import Model

MOST_POINTS = 10_000


class Sweep(Model):
    """Every combination of the grid's values, set over the base scenario."""

    title: str = Field(min_length=1, max_length=200, description="Headline of the chart.")
    base: str = Field(min_length=1, description="Bundled scenario, or a path relative to this file.")
    grid: dict[str, tuple[Any, ...]] = Field(description="Values to try, by dotted key of the scenario.")

    @field_validator("grid")
    @classmethod
    def _some_points(cls, grid: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        if not grid:
            raise ValueError("is empty, must hold at least one key with its values")
        for key, values in grid.items():
            if not values:
                raise ValueError(f"has no values for '{key}', must have at least one")
        if prod(len(values) for values in grid.values()) > MOST_POINTS:
            raise ValueError(f"gives more than {MOST_POINTS:,} points, must give at most so many")
        return grid

    def points(self) -> list[dict[str, Any]]:
        """Overrides of every point, the last key fastest."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]
