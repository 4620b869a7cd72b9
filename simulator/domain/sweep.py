"""A sweep: one base scenario and the points of it to be tried, numbered; a point is worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, PositiveWhole, Whole
from simulator.domain.conditions import Condition
from simulator.domain.distributions import Distribution

MOST_POINTS = 10_000_000
MOST_SAMPLED = 1_000_000
CASE = "case"
_OF_DEMAND = ("traffic", "horizon", "seed")  # sections from which the demand is drawn
_EDGE = 2.0**-33  # Sobol numbers lie on a grid of 2^-30 and may be 0


class Sample(Model):
    """Points drawn from distributions, evenly spread."""

    points: Annotated[PositiveWhole, Field(le=MOST_SAMPLED)] = Field(description="How many points.")
    method: Literal["sobol", "latin_hypercube"] = Field(
        default="sobol", description="Scrambled Sobol numbers, or a Latin hypercube."
    )
    seed: Whole = Field(default=0, description="Of the draw.")
    keys: dict[str, Distribution] = Field(min_length=1, description="Distributions, by dotted key of the scenario.")

    def draw(self) -> NDArray[np.float64]:
        """Values of every key at every point. Shape (points, keys), in the units of the keys.

        Notes
        -----
        Scrambled Sobol numbers (Owen, 1998) or a Latin hypercube (McKay, Beckman and Conover, 1979), both of
        scipy.stats.qmc, through the quantiles of the distributions.
        """
        from scipy.stats import qmc

        rng = np.random.default_rng(self.seed)
        if self.method == "sobol":
            whole = 1 << (self.points - 1).bit_length()  # the balance of the numbers is that of powers of two
            shares = qmc.Sobol(len(self.keys), scramble=True, rng=rng).random(whole)[: self.points]
        else:
            shares = qmc.LatinHypercube(len(self.keys), rng=rng).random(self.points)
        shares = np.clip(shares, _EDGE, 1.0 - _EDGE)
        return np.stack([law.quantile(shares[:, i]) for i, law in enumerate(self.keys.values())], axis=1)


@dataclass(frozen=True)
class SweepAxis:
    """What varies on its own: a key with its values, keys that move together, named cases, or a key that is drawn.

    Attributes
    ----------
    column : str
        Column of the results that tells the value: the (first) key, or `case`.
    values : tuple
        In their order; empty where they are drawn.
    along : tuple of str
        Further keys that move with it.
    """

    column: str
    values: tuple[Any, ...]
    along: tuple[str, ...] = ()

    @property
    def is_sampled(self) -> bool:
        """Whether its values are drawn from a distribution."""
        return not self.values


class Sweep(Model):
    """Every combination of cases, keys that move together, the grid's values and the drawn points."""

    title: str = Field(min_length=1, max_length=200, description="Headline of the charts.")
    base: str = Field(min_length=1, description="Bundled scenario, or a path relative to this file.")
    set: dict[str, Any] = Field(default_factory=dict, description="Set at every point, by dotted key of the scenario.")
    cases: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Overrides by dotted key, by name.")
    zip: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="Values that move together, by dotted key; all lists of one length."
    )
    grid: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="Values to combine, by dotted key of the scenario."
    )
    sample: Sample | None = Field(default=None, description="Points drawn from distributions.")
    where: tuple[str, ...] = Field(
        default=(), description="Conditions that a point must meet, `KEY OPERATOR VALUE` or `KEY OPERATOR KEY`."
    )

    @field_validator("grid", "zip")
    @classmethod
    def _with_values(cls, part: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for key, values in part.items():
            if not values:
                raise ValueError(f"has no values for '{key}', must have at least one")
        return part

    @field_validator("zip")
    @classmethod
    def _of_one_length(cls, together: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        lengths = {key: len(values) for key, values in together.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} of '{key}'" for key, length in lengths.items())
            raise ValueError(f"has {told}, must have as many values of every key")
        return together

    @field_validator("where")
    @classmethod
    def _readable(cls, where: tuple[str, ...]) -> tuple[str, ...]:
        for text in where:
            Condition.parsed(text)
        return where

    @model_validator(mode="after")
    def _some_points(self) -> Sweep:
        sampled = tuple(self.sample.keys) if self.sample is not None else ()
        if not self.axes:
            raise PydanticCustomError("at_key", "{text}", {"key": "grid", "text": _NOTHING_TO_TRY})
        parts: dict[str, tuple[str, ...]] = {
            "zip": tuple(self.zip),
            "grid": tuple(self.grid),
            "sample.keys": sampled,
        }
        for name, overrides in self.cases.items():
            _refuse_shared({**parts, f"cases.{name}": tuple(overrides)})
        _refuse_shared(parts)
        if self.size > MOST_POINTS:
            text = f"gives {self.size:,} points with the other parts, must give at most {MOST_POINTS:,}"
            raise PydanticCustomError("at_key", "{text}", {"key": "grid", "text": text})
        return self

    @cached_property
    def axes(self) -> tuple[SweepAxis, ...]:
        """What varies, the slowest first: cases, keys that move together, every key of the grid, drawn keys."""
        axes = [SweepAxis(CASE, tuple(self.cases))] if self.cases else []
        if self.zip:
            first, *others = self.zip
            axes.append(SweepAxis(first, self.zip[first], tuple(others)))
        axes += [SweepAxis(key, values) for key, values in self.grid.items()]
        if self.sample is not None:
            axes += [SweepAxis(key, ()) for key in self.sample.keys]
        return tuple(axes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the results that tell a point."""
        return tuple(column for axis in self.axes for column in (axis.column, *axis.along))

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """Values of the keys that are drawn. Shape (points, keys)."""
        return np.zeros((0, 0)) if self.sample is None else self.sample.draw()

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Points of each part, the slowest first: every axis that is not drawn, then all that are drawn at once."""
        lengths = [len(axis.values) for axis in self.axes if not axis.is_sampled]
        return (*lengths, self.sample.points) if self.sample is not None else tuple(lengths)

    @property
    def size(self) -> int:
        """Number of points, those left out by `where` included."""
        return prod(self.lengths)

    def point(self, number: int) -> SweepPoint:
        """The point of a number, from 0 on; the last part is the fastest."""
        places: list[int] = []
        rest = number
        for length in reversed(self.lengths):
            rest, place = divmod(rest, length)
            places.insert(0, place)
        told: dict[str, Any] = {}
        overrides: dict[str, Any] = {}
        for axis, place in zip((axis for axis in self.axes if not axis.is_sampled), places, strict=False):
            value = axis.values[place]
            told[axis.column] = value
            if axis.column == CASE and self.cases:
                overrides |= self.cases[value]
                continue
            overrides[axis.column] = value
            for key in axis.along:
                told[key] = overrides[key] = self.zip[key][place]
        if self.sample is not None:
            row = dict(zip(self.sample.keys, self.drawn[places[-1]].tolist(), strict=True))
            told |= row
            overrides |= row
        return SweepPoint(number, told, overrides)

    def overrides(self) -> Iterator[tuple[str, Any]]:
        """Every key that points set, with each of its given values."""
        for case in self.cases.values():
            yield from case.items()
        for part in (self.zip, self.grid):
            yield from ((key, value) for key, values in part.items() for value in values)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """`where`, ready to be asked."""
        return tuple(Condition.parsed(text) for text in self.where)

    def meets(self, point: SweepPoint, value_in_base: Callable[[str], object]) -> bool:
        """Whether a point meets every condition.

        `value_in_base` gives the base's value of a key that the point does not set; it raises `KeyError` where there
        is none. Raises `ValueError` where a condition makes no sense.
        """

        def value_of(key: str) -> object:
            for values in (point.told, point.overrides):
                if key in values:
                    return values[key]
            return value_in_base(key)

        return all(condition.holds(value_of) for condition in self.conditions)

    def chosen(self, value_in_base: Callable[[str], object]) -> Iterator[SweepPoint]:
        """Points that meet every condition, those of one demand in a row, so that it is drawn once."""
        points = map(self.point, self._numbers_by_demand())
        return points if not self.where else (point for point in points if self.meets(point, value_in_base))

    def _numbers_by_demand(self) -> Iterator[int]:
        """Numbers of all points; what changes the demand changes slowest."""
        slow = [self._changes_demand(axis) for axis in self.axes if not axis.is_sampled]
        if self.sample is not None:
            slow.append(any(_is_of_demand(key) for key in self.sample.keys))
        strides = [prod(self.lengths[place + 1 :]) for place in range(len(self.lengths))]
        order = sorted(range(len(slow)), key=lambda place: not slow[place])
        ranges = [range(0, self.lengths[place] * strides[place], strides[place]) for place in order]
        return map(sum, product(*ranges))

    def _changes_demand(self, axis: SweepAxis) -> bool:
        keys = (axis.column, *axis.along)
        if axis.column == CASE and self.cases:
            keys = tuple(key for case in self.cases.values() for key in case)
        return any(_is_of_demand(key) for key in keys)


@dataclass(frozen=True)
class SweepPoint:
    """One point: what tells it apart, by column, and what it sets, by dotted key."""

    number: int
    told: Mapping[str, Any]
    overrides: Mapping[str, Any]


_NOTHING_TO_TRY = "holds nothing to try, nor does another part; the sweep must hold one of cases, zip, grid, sample"


def _is_of_demand(key: str) -> bool:
    return key.partition(".")[0] in _OF_DEMAND


def _refuse_shared(parts: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a key that two parts set, or that lies within another one that is set."""
    seen: dict[str, str] = {}
    for part, keys in parts.items():
        for key in keys:
            for held, owner in seen.items():
                if key == held or key.startswith(f"{held}.") or held.startswith(f"{key}."):
                    text = f"sets '{key}', where {owner} sets '{held}'; must be set in one place"
                    raise PydanticCustomError("at_key", "{text}", {"key": part, "text": text})
            seen[key] = part
