"""From single requests to steps: one pass over a table, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.traces.faults import several, shown
from simulator.traces.lengths import LengthCounts, PairMoments
from simulator.traces.steps import Order, Steps, StepSums
from simulator.traces.tables import Chunk, Table, numbers, unknowns
from simulator.traces.times import MICROSECONDS, Clock, ClockKind

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]
Tokens = Callable[[Table, Chunk], Array]
Reasons = Callable[[Table, Chunk], dict[str, Mask]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MOST_TOKENS = 1e9  # of one request: far beyond any context, so that more is a mistake


@dataclass(frozen=True)
class RequestFormat:
    """A table with a row for every request. `marks` are the columns it is known by, each under any of its names."""

    layout: str
    marks: tuple[tuple[str, ...], ...]
    time: tuple[str, ...]
    input: tuple[str, ...] | Tokens | None  # names of the column, or how to find the numbers; None: not told
    output: tuple[str, ...] | Tokens | None
    clock: ClockKind = "text"
    zone_is_utc: bool = False
    newest_first: bool = False  # exports of queries list the newest row first
    id: tuple[str, ...] = ()  # names of the column that no two rows share
    left_out: Reasons | None = None  # rows that are no demand, by the reason
    remarks: Reasons | None = None  # rows that are, and worth a note
    notes: tuple[str, ...] = ()

    def fits(self, table: Table) -> bool:
        """Whether the table has the columns that the format is known by."""
        return all(table.named(*names) is not None for names in self.marks)


def read_requests(table: Table, form: RequestFormat, step_s: float, timezone: str) -> Recording:
    """Count the requests of a table by step.

    Raises
    ------
    TraceError
        At the first row with a time or tokens that cannot be, out of order, or with an id that was there before.
    """
    time = table.named(*form.time)
    assert time is not None, "the format fits"
    clock = Clock(form.clock, timezone, zone_is_utc=form.zone_is_utc)
    order = Order(table, time, newest_first=form.newest_first)
    sums = StepSums(table, time, round(step_s * MICROSECONDS))
    input_counts, output_counts, pairs = LengthCounts(), LengthCounts(), PairMoments()
    left_out: Counter[str] = Counter()
    remarks: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    id_column = table.named(*form.id) if form.id else None
    ids = Ids(table, id_column) if id_column is not None else None
    rows = 0
    for chunk in table.chunks():
        times_us = clock.read(table, chunk, time)
        sums.reach(chunk.first_row, times_us)
        inputs, outputs = (_tokens(table, chunk, where) for where in (form.input, form.output))
        order.check(chunk.first_row, times_us)
        if ids is not None:
            ids.add(chunk)
        kept = np.ones(times_us.size, dtype=bool)
        for reason, mask in (form.left_out(table, chunk) if form.left_out else {}).items():
            left_out[reason] += int((mask & kept).sum())
            kept &= ~mask
        for remark, mask in (form.remarks(table, chunk) if form.remarks else {}).items():
            remarks[remark] += int((mask & kept).sum())
        for name, tokens, where in (("input", inputs, form.input), ("output", outputs, form.output)):
            unknown[name] += int((np.isnan(tokens) & kept).sum()) if where is not None else 0
        sums.add(times_us, kept.astype(np.float64), inputs, outputs)
        input_counts.add(inputs[kept])
        output_counts.add(outputs[kept])
        pairs.add(inputs[kept], outputs[kept])
        rows += times_us.size
    if ids is not None:
        ids.check()
    steps = sums.steps(from_zero=not clock.absolute)
    steps = replace(
        steps,
        input_tokens=steps.input_tokens if form.input is not None else np.full(steps.requests.size, np.nan),
        output_tokens=steps.output_tokens if form.output is not None else np.full(steps.requests.size, np.nan),
    )
    notes = [*form.notes, clock.note, order.note(), *_counted(left_out, remarks, unknown), _dropped(steps, step_s)]
    return Recording(
        source=table.path.name,
        layout=form.layout,
        step_s=step_s,
        start_utc=start_of(steps.start_us) if clock.absolute else None,
        requests=steps.requests,
        input_tokens=steps.input_tokens,
        output_tokens=steps.output_tokens,
        input_lengths=input_counts.lengths(),
        output_lengths=output_counts.lengths(),
        length_correlation=pairs.correlation(),
        rows=rows,
        notes=tuple(note for note in notes if note),
    )


def start_of(microseconds: int) -> datetime:
    """A moment in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _tokens(table: Table, chunk: Chunk, where: tuple[str, ...] | Tokens | None) -> Array:
    if where is None:
        return np.full(len(chunk.frame), np.nan)
    column = table.named(*where) if isinstance(where, tuple) else "tokens"
    if column is None:
        return np.full(len(chunk.frame), np.nan)
    tokens = numbers(table, chunk, column, "tokens") if isinstance(where, tuple) else where(table, chunk)
    too_many = tokens > _MOST_TOKENS
    if too_many.any():
        row = int(np.argmax(too_many))
        problem = f"is {tokens[row]:g}, must be at most {_MOST_TOKENS:g} tokens of one request"
        raise table.fault(chunk.first_row + row, column, problem)
    return tokens


def _counted(left_out: Counter[str], remarks: Counter[str], unknown: Counter[str]) -> list[str]:
    notes = [
        f"{several(count, 'row')} left out, not counted as demand: {why}" for why, count in left_out.items() if count
    ]
    notes += [f"{what}: {several(count, 'request')}, counted as demand" for what, count in remarks.items() if count]
    notes += [
        f"{name} tokens of {several(count, 'request')} are blank: unknown, and so is the sum of their steps"
        for name, count in unknown.items()
        if count
    ]
    return notes


def _dropped(steps: Steps, step_s: float) -> str:
    """What became of the last step."""
    if steps.short_s is not None:
        return f"the rows span {steps.short_s:g} s, less than a step of {step_s:g} s: lengths can be told, rates can't"
    if steps.last_is_unknown:
        return (
            f"the last step is unknown, not zero, with {several(steps.dropped_requests, 'request')} in it: no row for "
            f"its last {steps.silent_s:,.3g} s. It is kept, so that the recording is a whole number of days"
        )
    if steps.silent_s is not None:
        return (
            f"the last step of {step_s:g} s is taken as whole: its last row is {steps.silent_s:,.3g} s before its "
            "end, no more than 3 mean distances of rows"
        )
    return (
        f"the last {steps.dropped_s:,.3g} s are left out with {several(steps.dropped_requests, 'request')}: "
        f"the log ends inside that step of {step_s:g} s"
    )


class Ids:
    """Ids of all rows, as 64-bit hashes: 8 bytes a row, wrong once in a million files of ten million rows."""

    def __init__(self, table: Table, column: str) -> None:
        self.table, self.column = table, column
        self.hashes: list[NDArray[np.uint64]] = []
        self.rows: list[NDArray[np.int64]] = []

    def add(self, chunk: Chunk) -> None:
        """Those of a chunk; blank ones are none."""
        import pandas as pd

        values = chunk.frame[self.column]
        given = ~unknowns(values)
        texts = values[given].astype("str").astype(object).to_numpy()
        self.hashes.append(pd.util.hash_array(texts, categorize=False))
        self.rows.append(chunk.first_row + np.flatnonzero(given))

    def check(self) -> None:
        """Compare them all.

        Raises
        ------
        TraceError
            At the first row whose id was there before.
        """
        hashes = np.concatenate(self.hashes)
        in_order = np.sort(hashes)
        if not (in_order[1:] == in_order[:-1]).any():
            return
        rows = np.concatenate(self.rows)
        order = np.argsort(hashes, kind="stable")
        again = order[1:][hashes[order][1:] == hashes[order][:-1]]
        row = int(rows[again.min()])
        given = next(
            chunk.frame[self.column].iloc[row - chunk.first_row]
            for chunk in self.table.chunks()
            if row < chunk.first_row + len(chunk.frame)
        )
        raise self.table.fault(row, self.column, f"is {shown(str(given))} again, must be given to one row only")
