"""What each key of a sweep does: how far the middle of the points moves from one of its values to another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]  # of float64

POINTS_A_CLASS = 100  # wanted of a key that is drawn, so that chance moves a class little
FEWEST_CLASSES, MOST_CLASSES = 3, 10


@dataclass(frozen=True, eq=False)
class Classes:
    """Points sorted by the value of one key.

    Attributes
    ----------
    places : array of int of shape (points,)
        Class of each point, from 0 on.
    told : tuple
        What stands for each class: the value of its points, or the median of the values drawn in it.
    """

    places: NDArray[np.int64]
    told: tuple[Any, ...]


@dataclass(frozen=True)
class Effect:
    """How far one key moves an outcome.

    Attributes
    ----------
    low, high : float
        Least and greatest median of a class, in the unit of the outcome; NaN where no point has an outcome.
    low_at, high_at : Any
        Value of the key in these classes; None where there are none.
    points : int
        How many points it stands on.
    """

    low: float
    high: float
    low_at: Any
    high_at: Any
    points: int

    @property
    def reach(self) -> float:
        """Distance between the two medians; 0 where there is none."""
        if self.low == self.high or math.isnan(self.low):
            return 0.0
        return self.high - self.low


def classes_of_drawn(values: Array) -> Classes:
    """Sort drawn values into classes of equal counts.

    Parameters
    ----------
    values : array of shape (points,)
        Of one key.

    Returns
    -------
    Classes
        Three to ten of them, with a hundred points each where there are as many; fewer where there are fewer points.
    """
    count = min(len(values), max(FEWEST_CLASSES, min(MOST_CLASSES, len(values) // POINTS_A_CLASS)))
    order = np.argsort(values, kind="stable")
    places = np.empty(len(values), dtype=np.int64)
    places[order] = np.arange(len(values)) * count // max(len(values), 1)
    middles = pd.Series(values).groupby(places).median()
    return Classes(places, tuple(middles.tolist()))


def effect_of(outcome: Array, classes: Classes) -> Effect:
    """How far one key moves an outcome.

    Parameters
    ----------
    outcome : array of shape (points,)
        Infinite where the point has none for a reason that counts, NaN where it is to be left out.
    classes : Classes
        The points sorted by the key.

    Returns
    -------
    Effect
        Between the medians of the points at one value of the key, whatever the other keys are at.

    Notes
    -----
    The main effect of a factor (Box, Hunter and Hunter, 2005, Statistics for Experimenters, chapter 5), by medians in
    place of means, so that a point that never breaks even counts, however far away "never" is. A drawn key is first
    sorted into classes of equal counts, as Plischke, Borgonovo and Smith (2013, European Journal of Operational
    Research 226) do with given data. What keys do only together is not in it; where they are drawn, chance alone moves
    the median of a class of n points by about 1.25 standard deviations over the root of n.

    Examples
    --------
    >>> rent = Classes(np.array([0, 0, 1, 1]), (2.0, 4.0))
    >>> effect_of(np.array([100.0, 300.0, 500.0, np.inf]), rent)
    Effect(low=200.0, high=inf, low_at=2.0, high_at=4.0, points=4)
    """
    counted = ~np.isnan(outcome)
    medians = pd.Series(outcome[counted]).groupby(classes.places[counted]).median()
    if medians.empty:
        return Effect(math.nan, math.nan, None, None, 0)
    middles = medians.to_numpy()
    low, high = int(np.argmin(middles)), int(np.argmax(middles))
    low_at, high_at = (classes.told[medians.index[place]] for place in (low, high))
    return Effect(float(middles[low]), float(middles[high]), low_at, high_at, int(counted.sum()))


def ranked(effects: Mapping[str, Sequence[Effect]]) -> list[str]:
    """Keys by their effect on the first of several outcomes, the strongest first; then by the next; then as they came.

    Examples
    --------
    >>> weak, strong = Effect(0.0, 1.0, 1, 2, 4), Effect(0.0, 5.0, 1, 2, 4)
    >>> ranked({"a": [weak], "b": [strong]})
    ['b', 'a']
    """
    return sorted(effects, key=lambda key: [-effect.reach for effect in effects[key]])
