"""Results of a sweep as a table: the point's own values, then what came of it."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.domain.sweep import Sweep
from simulator.sweeping.points import RESULT_COLUMNS
from simulator.sweeping.store import Store

POINT = "point"


def sweep_frame(sweep: Sweep, store: Store, key: str, among: Collection[int] | None = None) -> pd.DataFrame:
    """Every row that a store holds of a sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    store : Store
        Where its rows are.
    key : str
        Of the sweep in the store.
    among : collection of int, optional
        Numbers of the points that are asked for; all, if left out.

    Returns
    -------
    DataFrame
        One row a point and option, by the number of the point, its baseline first: `point` (number), a column for
        everything that the sweep varies, and `RESULT_COLUMNS`. Texts are categories, numbers are floats, missing where
        there is none; a point with a fault has one row without an option.
    """
    numbers = array("q")
    columns = [_Texts() if kind == "text" else _Numbers() for kind in RESULT_COLUMNS.values()]
    for number, *values in store.rows(key):
        if among is not None and number not in among:
            continue
        numbers.append(number)
        for column, value in zip(columns, values, strict=True):
            column.add(value)
    places = np.frombuffer(numbers, dtype=np.int64) if numbers else np.zeros(0, dtype=np.int64)
    results = {name: column.values() for name, column in zip(RESULT_COLUMNS, columns, strict=True)}
    return pd.DataFrame({POINT: places, **told_columns(sweep, places), **results})


def told_columns(sweep: Sweep, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """What a sweep varies, at points by their numbers: arrays of the shape of `numbers`, by column."""
    if not numbers.size:
        return {column: np.zeros(0) for column in sweep.columns}
    places = np.unravel_index(numbers, sweep.lengths)
    told: dict[str, NDArray[Any]] = {}
    for axis, place in zip((axis for axis in sweep.axes if not axis.is_sampled), places, strict=False):
        told[axis.column] = _picked(axis.values, place)
        for key in axis.along:
            told[key] = _picked(sweep.zip[key], place)
    if sweep.sample is not None:
        drawn = sweep.drawn[places[-1]]
        told |= {key: drawn[:, column] for column, key in enumerate(sweep.sample.keys)}
    return {column: told[column] for column in sweep.columns}


def _picked(values: Sequence[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """Values by place: numbers as numbers, everything else as it is written."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)[places]
    listed = np.empty(len(values), dtype=object)
    listed[:] = list(values)
    return listed[places]


class _Numbers:
    def __init__(self) -> None:
        self._values = array("d")

    def add(self, value: float | None) -> None:
        self._values.append(np.nan if value is None else value)

    def values(self) -> Any:
        return np.array(self._values)


class _Texts:
    """Texts of a column, each kept once."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._texts: dict[str, int] = {}

    def add(self, value: str | None) -> None:
        self._codes.append(self._texts.setdefault(value, len(self._texts)) if value else -1)

    def values(self) -> Any:
        texts = pd.Index(list(self._texts), dtype=object)
        return pd.Categorical.from_codes(np.array(self._codes, dtype=np.int32), categories=texts)
