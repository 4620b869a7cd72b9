"""The values of one numeric key that are searched: within its bounds, on a grid that suits them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from simulator.domain.serving import Array

Spacing = Literal["linear", "logarithmic", "whole"]

FEWEST_POINTS, MOST_POINTS = 8, 4_096
_NO_BOUND = 1e12  # a bound beyond this only keeps products finite
_REACH = 1_000.0  # up and down from today's value, where the bounds are no scale
_NO_SCALE = 1e4  # a bound beyond this says nothing of where to search
_LINEAR_UP_TO = 20.0  # ends within this factor are divided evenly
_AT_THE_EDGE = 1e-6  # of the range: how near an excluded bound is tried


@dataclass(frozen=True)
class KeyBounds:
    """One numeric key.

    Attributes
    ----------
    key : str
        Dotted.
    today : float or None
        Its value in the scenario, defaults and presets included; None where it is left out.
    low, high : float
        Least and greatest value that the model takes; infinite where it says nothing.
    excludes_low, excludes_high : bool
        Whether the bound itself is refused.
    is_whole : bool
        Whether only whole numbers are taken.
    beside : mapping
        Keys that must be set along with it, by dotted key: the `kind` of a section that the file leaves out.
    """

    key: str
    today: float | None = None
    low: float = -math.inf
    high: float = math.inf
    excludes_low: bool = False
    excludes_high: bool = False
    is_whole: bool = False
    beside: Mapping[str, object] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """'above 0 and at most 1'."""
        low, high = ("above" if self.excludes_low else "at least"), ("below" if self.excludes_high else "at most")
        parts = [f"{low} {self.low:g}"] if abs(self.low) < _NO_BOUND else []
        parts += [f"{high} {self.high:g}"] if abs(self.high) < _NO_BOUND else []
        return " and ".join(parts) or "any number"


@dataclass(frozen=True)
class KeyRange:
    """Values `tried`, rising, of shape (points,); and whether the range ends where the key's bounds do."""

    tried: Array
    spacing: Spacing
    ends_at_low: bool
    ends_at_high: bool

    @property
    def low(self) -> float:
        """Least value."""
        return float(self.tried[0])

    @property
    def high(self) -> float:
        """Greatest value."""
        return float(self.tried[-1])


def key_range(bounds: KeyBounds, between: tuple[float, float] | None = None, points: int = 64) -> KeyRange:
    """The values of a key to be tried.

    Parameters
    ----------
    bounds : KeyBounds
        Of the key.
    between : (low, high), optional
        Where to search; cut to the bounds. Left out: within the bounds, at most a thousandfold up and down from today's
        value.
    points : int
        How many values, at least; today's value comes on top.

    Raises
    ------
    ValueError
        If the range is empty or outside the bounds, or can't be told from bounds and today's value.

    Notes
    -----
    Evenly spaced where the ends lie within a factor of 20 or are shares, else by equal factors; on both sides of zero
    where the range holds it. Whole numbers are all tried where there are few.
    """
    if not FEWEST_POINTS <= points <= MOST_POINTS:
        raise ValueError(f"points is {points}, must be from {FEWEST_POINTS} to {MOST_POINTS}")
    if bounds.today is not None and not math.isfinite(bounds.today):
        bounds = dataclasses.replace(bounds, today=None)  # a wait without limit tells no scale
    low, high = _ends(bounds, between)
    at_low, at_high = low <= bounds.low, high >= bounds.high
    if bounds.is_whole:
        values = _whole(math.ceil(low), math.floor(high), points)
        spacing: Spacing = "whole"
    else:
        edge = _AT_THE_EDGE * (high - low)
        low += edge if at_low and bounds.excludes_low else 0.0
        high -= edge if at_high and bounds.excludes_high else 0.0
        values, spacing = _real(low, high, bounds, points)
    if bounds.today is not None and low <= bounds.today <= high:
        values = np.union1d(values, [bounds.today])
    if values.size < 2:
        raise ValueError(f"{bounds.key}: from {low:g} to {high:g} there is nothing to search")
    return KeyRange(values, spacing, at_low, at_high)


def _ends(bounds: KeyBounds, between: tuple[float, float] | None) -> tuple[float, float]:
    if between is not None:
        low, high = between
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"{bounds.key}: between is {low:g} to {high:g}, must be a lower and a higher number")
        if high < bounds.low or low > bounds.high:
            raise ValueError(f"{bounds.key}: between is {low:g} to {high:g}, the key must be {bounds.in_words}")
        return max(low, bounds.low), min(high, bounds.high)
    size = abs(bounds.today or 0.0)
    reach = _REACH * size if size > 0 else _NO_SCALE
    low, high = max(bounds.low, -reach), min(bounds.high, reach)
    if size == 0 and max(abs(bounds.low), abs(bounds.high)) > _NO_SCALE:
        value = "is left out" if bounds.today is None else "is 0 today"
        raise ValueError(f"{bounds.key}: {value}, which says nothing of where to search; give between which values")
    return low, high


def _whole(low: int, high: int, points: int) -> Array:
    if high - low <= 4 * points:
        return np.arange(low, high + 1, dtype=np.float64)
    if low >= 0:
        steps = low + np.rint(np.geomspace(1.0, high - low + 1.0, points)) - 1.0
    else:
        steps = np.rint(np.linspace(low, high, points))
    return np.unique(steps)


def _real(low: float, high: float, bounds: KeyBounds, points: int) -> tuple[Array, Spacing]:
    today = abs(bounds.today or 0.0)
    edge = _AT_THE_EDGE * (high - low)
    low, high = (0.0 if -edge < low < 0.0 else low), (0.0 if 0.0 < high < edge else high)
    if low < 0.0 < high:
        least = min(today / 100.0 if today > 0 else high, high, -low) / 100.0
        below = points * math.log(-low / least) / (math.log(-low / least) + math.log(high / least))
        count = min(max(round(below), 4), points - 4)
        negative = -np.geomspace(-low, least, count)
        return np.concatenate((negative, [0.0], np.geomspace(least, high, points - count))), "logarithmic"
    if low >= 0.0 and high > 1.0 and high > _LINEAR_UP_TO * low:
        least = low if low > _AT_THE_EDGE * high else min(today / _REACH if today > 0 else high / _REACH, high / 2.0)
        steps = np.geomspace(least, high, points)
        return (np.concatenate(([low], steps)) if low < least else steps), "logarithmic"
    return np.linspace(low, high, points + 1), "linear"
