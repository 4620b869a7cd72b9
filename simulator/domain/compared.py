"""What is compared of a run, whether it was just made or read from its file: inputs by dotted key, results, bills."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.domain.scenario import Scenario

Lines = Mapping[str, float]
Value = float | str | bool | None  # of an input or a result; None: not given, or not known

TITLE = "title"  # told in the heading, not among the inputs
LEVERS = "levers"  # of another command; no result of a run depends on them

# Results of an option, at run rate and over the horizon; names as in `summary.json`.
AT_RUN_RATE = (
    "usd_per_month", "usd_per_1000_requests", "usd_per_mtok_output", "usd_per_mtok_total", "utilization_share",
    "overflow_share", "rejected_share", "queued_share", "peak_replicas",
)  # fmt: skip


@dataclass(frozen=True)
class ComparedOption:
    """One option of a run: results by name, its bill at the own volume [USD per month] and over the horizon [USD]."""

    name: str
    kind: str
    label: str
    results: Mapping[str, float | None]
    lines: Lines
    horizon_lines: Lines


@dataclass(frozen=True)
class ComparedPair:
    """Where a challenger pays; volumes in tokens per month, None where there is none, and then `reason` says why."""

    baseline: str
    challenger: str
    first: float | None
    settled: float | None
    reason: str | None
    cause: str | None
    breakeven_utilization_share: float | None


@dataclass(frozen=True)
class ComparedRun:
    """One of the things compared. `inputs` hold every key, defaults included; `given` names those that are not.

    `scenario` is None where what a finished run was made from can't be read any more.
    """

    name: str
    title: str
    version: str
    tokens_per_month: float
    requests_per_day: float
    tokens_per_request: float
    horizon_months: float
    baseline: str
    cheapest: str
    action: str
    options: Mapping[str, ComparedOption]
    pairs: Mapping[str, ComparedPair]
    inputs: Mapping[str, Value]
    given: frozenset[str]
    figures: Mapping[tuple[str, str], str]  # (option, what) -> value of the catalogue
    scenario: Scenario | None = None
    is_finished: bool = False  # read from its file; a warning says what can't be told of it
    warnings: tuple[str, ...] = ()


def inputs_of(scenario: Scenario) -> tuple[dict[str, Value], frozenset[str]]:
    """Every key of a scenario with its value, and the keys whose value is not the default.

    What is left to the program (length of the horizon, baseline and challengers) counts as given as it was decided.
    """
    every = flattened(scenario.model_dump(mode="json"))
    given = flattened(scenario.model_dump(mode="json", exclude_defaults=True))
    decided: dict[str, Value] = {
        "comparison.baseline": scenario.baseline,
        "comparison.challengers": f"[{', '.join(scenario.challengers)}]",
    }
    if scenario.horizon.days is None and scenario.horizon.hours is None:
        decided["horizon.months"] = scenario.horizon.in_months
    return without_title(every | decided), frozenset(without_title(given | decided))


def without_title(inputs: Mapping[str, Value]) -> dict[str, Value]:
    """The keys that a result of a run may depend on."""
    return {key: value for key, value in inputs.items() if key != TITLE and key.split(".")[0] != LEVERS}


def flattened(data: Mapping[str, Any], prefix: str = "") -> dict[str, Value]:
    """Nested data by dotted key; what is null or empty is not given.

    A list of plain values is one value, as it would be written; entries of other lists go by their index.

    Examples
    --------
    >>> flattened({"a": {"b": 1, "c": None}, "d": [1, 2], "e": [{"f": "x"}]})
    {'a.b': 1, 'd': '[1, 2]', 'e.0.f': 'x'}
    """
    flat: dict[str, Value] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{prefix}{key}")
    return flat


def _flat(value: Any, key: str) -> dict[str, Value]:
    if value is None or (isinstance(value, Mapping | list | tuple) and not value):
        return {}
    if isinstance(value, Mapping):
        return flattened(value, f"{key}.")
    if isinstance(value, list | tuple):
        if any(isinstance(entry, Mapping | list | tuple) for entry in value):
            return flattened({str(place): entry for place, entry in enumerate(value)}, f"{key}.")
        return {key: f"[{', '.join(_written(entry) for entry in value)}]"}
    return {key: value}


def _written(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def is_same(values: Iterable[Value]) -> bool:
    """Whether values are equal; numbers but for the rounding of their arithmetic."""
    first, *others = values
    return all(_are_same(first, other) for other in others)


def _are_same(one: Value, other: Value) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other
