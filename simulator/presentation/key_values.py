"""Keys of a sweep and their values, as they stand on axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from simulator.domain.sweep import CASE, SweepAxis
from simulator.presentation.numbers import distinct, key_labels, number

_MOST_LETTERS = 60  # of a value that is a mapping or a list


def axis_labels(axis: SweepAxis) -> list[str]:
    """Names of an axis with the unit, from the full key to its last part; keys that move along are counted."""
    if axis.column == CASE:
        return ["Case"]
    along = f", {' and '.join(axis.along)} along" if axis.along else ""
    short = f" and {len(axis.along)} more" if axis.along else ""
    labels = key_labels(axis.column)
    if not along:
        return labels
    lasts = f", {' and '.join(key.rsplit('.', 1)[-1] for key in axis.along)} along"
    return [labels[0] + along, *(label + lasts for label in labels), *(label + short for label in labels)]


def value_texts(values: Iterable[object]) -> list[str]:
    """Values of a key as texts: numbers readable, words as they are, mappings and lists in short.

    Examples
    --------
    >>> value_texts([{"kind": "fixed", "count": 4}, ["a", "b"], None, True])
    ['fixed, count 4', 'a, b', 'none', 'true']
    """
    listed = list(values)
    if all(is_number(value) for value in listed):
        return distinct([float(value) for value in listed], number)  # type: ignore[arg-type]
    return [_in_short(value) for value in listed]


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _in_short(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if is_number(value):
        return number(float(value))  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        parts = (_in_short(held) if key == "kind" else f"{key} {_in_short(held)}" for key, held in value.items())
        return _cut(", ".join(parts))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _cut(", ".join(_in_short(held) for held in value))
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1].rstrip() + "…"


def values_at(axis: SweepAxis, places: Iterable[int]) -> list[Any]:
    """Values of an axis at places."""
    return [axis.values[place] for place in places]


def is_numeric(axis: SweepAxis) -> bool:
    """Whether all values of an axis are numbers."""
    return all(is_number(value) for value in axis.values)
