"""Rows that are sums over a step already: put on a grid, where a step without a row is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.traces.counting import start_of
from simulator.traces.faults import fault, several
from simulator.traces.steps import MOST_STEPS
from simulator.traces.tables import Table, numbers
from simulator.traces.times import MICROSECONDS, Clock, Whole

Array = NDArray[Any]  # of float64

_MOST_ROWS = 4 * MOST_STEPS
_OWN_COLUMNS = ("offset_s", "time", "requests", "input_tokens", "output_tokens")


@dataclass(frozen=True, eq=False)
class Buckets:
    """Sums by the moment at which their step starts, in the order of the file. Arrays of shape (rows,)."""

    starts_us: Whole
    requests: Array
    input_tokens: Array
    output_tokens: Array


def read_buckets(
    table: Table, clock: Clock, time: str, requests: str | None, input_tokens: str | None, output_tokens: str | None
) -> Buckets:
    """All rows of a table of sums; a column that is not there is unknown throughout."""
    pieces: list[tuple[Array, ...]] = []
    rows = 0
    for chunk in table.chunks():
        rows += len(chunk.frame)
        if rows > _MOST_ROWS:
            raise fault(table.path, None, None, f"holds more than {_MOST_ROWS:,} steps, must hold at most that many")
        sums = [
            np.full(len(chunk.frame), np.nan) if column is None else numbers(table, chunk, column, unit)
            for column, unit in ((requests, "requests"), (input_tokens, "tokens"), (output_tokens, "tokens"))
        ]
        pieces.append((clock.read(table, chunk, time), *sums))
    return Buckets(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))


def recording_of(
    table: Table,
    time: str,
    buckets: Buckets,
    *,
    layout: str,
    absolute: bool,
    width_us: int | None = None,
    rows: int | None = None,
    notes: tuple[str, ...] = (),
) -> Recording:
    """Put sums on their grid. `width_us` is the step, found as the most common distance between rows where None.

    Raises
    ------
    TraceError
        If rows go back in time, a step is there twice, or starts between the steps of the others.
    """
    starts_us = buckets.starts_us
    distances = np.diff(starts_us)
    _check_rising(table, time, distances)
    step_us = width_us if width_us is not None else _common_distance(table, time, distances)
    offsets = starts_us - starts_us[0]
    astray = offsets % step_us != 0
    if astray.any():
        row = int(np.argmax(astray))
        problem = (
            f"starts {offsets[row] / MICROSECONDS:.15g} s after the first step, must start a whole number of steps "
            f"of {step_us / MICROSECONDS:.15g} s after it"
        )
        raise table.fault(row, time, problem)
    places = offsets // step_us
    steps = int(places[-1]) + 1
    if steps > MOST_STEPS:
        row = int(np.argmax(places >= MOST_STEPS))
        problem = f"makes {steps:,} steps of {step_us / MICROSECONDS:.15g} s, must be at most {MOST_STEPS:,}"
        raise table.fault(row, time, problem)
    grid = np.full((3, steps), np.nan)
    grid[:, places] = [buckets.requests, buckets.input_tokens, buckets.output_tokens]
    missing = steps - places.size
    blank = [int(np.isnan(values).sum()) - missing for values in grid]
    notes = (*notes, *_unknown(missing, blank, places.size))
    return Recording(
        source=table.path.name,
        layout=layout,
        step_s=step_us / MICROSECONDS,
        start_utc=start_of(int(starts_us[0])) if absolute else None,
        requests=grid[0],
        input_tokens=grid[1],
        output_tokens=grid[2],
        rows=starts_us.size if rows is None else rows,
        notes=notes,
    )


def _check_rising(table: Table, time: str, distances: Whole) -> None:
    wrong = distances <= 0
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    back_s = -distances[row] / MICROSECONDS
    if back_s == 0:
        raise table.fault(row + 1, time, "is a step that was there before, must be given once")
    others = ", ".join(column for column in table.columns if column.casefold() not in _OWN_COLUMNS)
    hint = f" (the file also has {others}: a file must hold one recording)" if table.columns and others else ""
    raise table.fault(row + 1, time, f"goes back by {back_s:,.15g} s; steps must be in the order of time{hint}")


def _common_distance(table: Table, time: str, distances: Whole) -> int:
    """The most common distance between neighbours, the shortest of those where several are as common."""
    if not distances.size:
        raise fault(table.path, None, time, "holds one step, must hold two at least, so that the step can be told")
    values, counts = np.unique(distances, return_counts=True)
    return int(values[np.argmax(counts)])


def _unknown(missing: int, blank: list[int], given: int) -> list[str]:
    notes = [f"{several(missing, 'step')} without a row: unknown, not zero"] if missing else []
    for name, count in zip(("requests", "input tokens", "output tokens"), blank, strict=True):
        if count:
            which = "all steps" if count == given else f"{count:,} of {several(given, 'step')}"
            notes.append(f"{name} of {which} are blank or have no column: unknown, not zero")
    return notes
