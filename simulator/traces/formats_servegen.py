"""ServeGen (alibaba/ServeGen, commit f891d11): rates of one client, and its distributions of lengths.

- `chunk-*-trace.csv`, no header: `start_s, rate_per_s, coefficient of variation of the gaps, Gamma|Weibull|empty, two
  parameters`, a row for every 600 s. Rate times step is a whole number of requests, as published.
- `chunk-*-dataset.json`: `{start_s: {"input_tokens": "{length: share, ...}", "output_tokens": ...}}`, a window for
  every 6 hours; the inner objects are the text of Python dicts and may be empty. No requests are told: all are unknown.
"""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from typing import Any

import numpy as np

from simulator.domain.recordings import Lengths, Recording
from simulator.traces.buckets import Buckets, recording_of
from simulator.traces.documents import Document, Json
from simulator.traces.faults import fault, shown
from simulator.traces.lengths import lengths_of
from simulator.traces.opening import Source
from simulator.traces.tables import csv_table, numbers
from simulator.traces.times import Clock

_COLUMNS = ("start_s", "rate_per_s", "interarrival_cv", "distribution", "parameter_1", "parameter_2")
_DISTRIBUTIONS = ("Gamma", "Weibull", "")
_SIDES = ("input_tokens", "output_tokens")
_WINDOW_S = 21_600


def is_chunk_trace(source: Source) -> bool:
    """Whether the first line is a row of rates, as there is no header."""
    first = next(line for line in source.head.splitlines() if line.strip())
    fields = [field.strip() for field in first.split(",")]
    if len(fields) != len(_COLUMNS) or fields[3] not in _DISTRIBUTIONS:
        return False
    try:
        return all(math.isfinite(float(field)) for field in fields[:3] + fields[4:])
    except ValueError:
        return False


def read_chunk_trace(source: Source) -> Recording:
    """Requests by step from rates. Tokens are unknown: they lie in the dataset beside the trace."""
    table = csv_table(source, names=_COLUMNS)
    clock = Clock("offset_s", "UTC")
    starts: list[Any] = []
    rates: list[Any] = []
    for chunk in table.chunks():
        starts.append(clock.read(table, chunk, "start_s"))
        rates.append(numbers(table, chunk, "rate_per_s", "requests per second"))
    starts_us, rate_per_s = np.concatenate(starts), np.concatenate(rates)
    nothing = np.full(starts_us.size, np.nan)
    recording = recording_of(
        table, "start_s", Buckets(starts_us, rate_per_s, nothing, nothing),
        layout="ServeGen trace of one client (start_s, rate_per_s, ...)", absolute=False,
        notes=("requests are rate times step, rounded",),
    )  # fmt: skip
    return replace(recording, requests=np.rint(recording.requests * recording.step_s))


def is_dataset(whole: Json) -> bool:
    """Whether the document holds windows of lengths."""
    return (
        isinstance(whole, dict)
        and bool(whole)
        and all(_is_whole(key) and isinstance(value, dict) for key, value in whole.items())
        and any(_SIDES[0] in value for value in whole.values())
    )


def _is_whole(key: str) -> bool:
    """Whether a key is a whole number as it is commonly written."""
    return key.isascii() and key.isdigit() and str(int(key)) == key


def read_dataset(document: Document) -> Recording:
    """Lengths over all windows that have any, each with the same weight; requests are unknown throughout."""
    path = document.source.path
    starts = sorted(int(key) for key in document.whole)
    steps = np.diff(starts)
    if (steps != _WINDOW_S).any():
        raise fault(path, None, "start_s", f"windows are {steps.min()} to {steps.max()} s apart, must be {_WINDOW_S} s")
    pooled: dict[str, dict[float, float]] = {side: {} for side in _SIDES}
    filled = 0
    for start in starts:
        shares = {side: _distribution(document, start, side) for side in _SIDES}
        filled += bool(shares[_SIDES[0]])
        for side in _SIDES:
            for length, share in shares[side].items():
                pooled[side][length] = pooled[side].get(length, 0.0) + share
    if not filled:
        raise fault(path, None, None, "all windows are empty, must hold lengths")
    lengths = {side: _lengths(pooled[side]) for side in _SIDES}
    unknown = np.full(len(starts), np.nan)
    return Recording(
        source=path.name,
        layout="ServeGen dataset of one client (lengths by windows of 6 hours)",
        step_s=float(_WINDOW_S),
        start_utc=None,
        requests=unknown,
        input_tokens=unknown,
        output_tokens=unknown,
        input_lengths=lengths[_SIDES[0]],
        output_lengths=lengths[_SIDES[1]],
        rows=len(starts),
        notes=(
            "lengths only: requests are unknown and lie in the trace beside this file",
            f"{filled} of {len(starts)} windows hold lengths; each has the same weight",
        ),
    )


def _distribution(document: Document, start: int, side: str) -> dict[float, float]:
    """Share by length of one window."""
    path, key = document.source.path, f"{start}.{side}"
    given = document.whole[str(start)].get(side, "{}")
    try:
        shares = ast.literal_eval(given) if isinstance(given, str) else given
        result = {float(length): float(share) for length, share in shares.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError, MemoryError, RecursionError):
        line = _line_of_key(document, start)
        raise fault(path, line, key, f"is {shown(str(given))}, must be a dict of shares by length") from None
    wrong = [
        (length, share)
        for length, share in result.items()
        if not (math.isfinite(length) and math.isfinite(share) and length >= 0.0 and share >= 0.0)
    ]
    if wrong:
        problem = f"is {wrong[0][1]:g} at length {wrong[0][0]:g}, lengths and shares must be at least 0"
        raise fault(path, _line_of_key(document, start), key, problem)
    return result


def _line_of_key(document: Document, start: int) -> int | None:
    text = document.source.whole_text()
    place = text.find(f'"{start}"')
    return text.count("\n", 0, place) + 1 if place >= 0 else None


def _lengths(shares: dict[float, float]) -> Lengths | None:
    values = np.array(sorted(shares))
    lengths = lengths_of(values, np.array([shares[value] for value in values]))
    return None if lengths is None else replace(lengths, count=0)  # published shares, not requests that were seen
