"""Requests and tokens added up by the step they fall into, and the order they come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.traces.faults import TraceError, several
from simulator.traces.tables import Table
from simulator.traces.times import MICROSECONDS, MOST_BACK_US, Whole

Array = NDArray[Any]  # of float64

MINUTE_US = 60 * MICROSECONDS
DAY_US = 86_400 * MICROSECONDS
MOST_STEPS = 10_519_200  # the minutes of 20 years of 365.25 days
_MOST_YEARS = 20
_YEAR_US = round(365.25 * 86_400) * MICROSECONDS
# A log that is silent for this many mean distances of its rows has ended, with the odds of 20 to 1 (e^3) for arrivals
# that do not know of each other; fewer rows than these tell their mean distance to worse than a tenth.
_SILENT_DISTANCES = 3.0
_LEAST_ROWS = 100


@dataclass(frozen=True, eq=False)
class Steps:
    """Sums by step. `start_us` is when the first step begins; arrays have shape (steps,), NaN is unknown."""

    start_us: int
    requests: Array
    input_tokens: Array
    output_tokens: Array
    dropped_s: float  # length of the last step's part that was left out
    dropped_requests: float
    short_s: float | None = None  # length of a log that is shorter than a step
    silent_s: float | None = None  # from the last row to the end of its step, where that step is there
    last_is_unknown: bool = False


class StepSums:
    """Adds up single requests, in cells of the step or a minute, the shorter: steps start at a whole minute."""

    def __init__(self, table: Table, column: str, step_us: int) -> None:
        self.table, self.column = table, column
        self.step_us = step_us
        self.cell_us = min(step_us, MINUTE_US)
        self.first_cell = 0
        self.sums = np.zeros((3, 0))
        self.earliest_us: int | None = None
        self.latest_us = 0
        self.rows = 0

    def reach(self, first_row: int, times_us: Whole) -> None:
        """Rows of these times are coming.

        Raises
        ------
        TraceError
            If they make the recording longer than 20 years or 10,519,200 cells; nothing has been allocated then.
        """
        earliest, latest = int(times_us.min()), int(times_us.max())
        before = (self.earliest_us, self.latest_us)
        self.earliest_us = earliest if before[0] is None else min(before[0], earliest)
        self.latest_us = latest if before[0] is None else max(before[1], latest)
        self._check_span(first_row, times_us, before)

    def add(self, times_us: Whole, counted: Array, input_tokens: Array, output_tokens: Array) -> None:
        """Add rows within reach; `counted` is 1 for a request, 0 for a row that only shows that the log was running."""
        earliest, latest = int(times_us.min()), int(times_us.max())
        self.rows += times_us.size
        cells = times_us // self.cell_us
        low, high = earliest // self.cell_us, latest // self.cell_us
        self._make_room(low, high)
        cells -= low
        here = slice(low - self.first_cell, high + 1 - self.first_cell)
        rows = (counted, np.where(counted > 0, input_tokens, 0.0), np.where(counted > 0, output_tokens, 0.0))
        for sums, amounts in zip(self.sums, rows, strict=True):
            sums[here] += np.bincount(cells, weights=amounts, minlength=high + 1 - low)

    def _check_span(self, first_row: int, times_us: Whole, before: tuple[int | None, int]) -> None:
        assert self.earliest_us is not None
        most_us = min(_MOST_YEARS * _YEAR_US, MOST_STEPS * self.cell_us)
        if self.latest_us - self.earliest_us < most_us:
            return
        start = int(times_us[0]) if before[0] is None else before[0]
        row = int(np.argmax(np.abs(times_us - start) >= most_us))
        years = (self.latest_us - self.earliest_us) / _YEAR_US
        allowed = (
            f"{_MOST_YEARS} years"
            if most_us == _MOST_YEARS * _YEAR_US
            else f"{most_us / 86_400 / MICROSECONDS:.0f} days in steps of {self.step_us / MICROSECONDS:g} s"
        )
        raise self.table.fault(
            first_row + row, self.column, f"makes the recording {years:,.2f} years long, must be at most {allowed}"
        )

    def _make_room(self, low: int, high: int) -> None:
        """Make room for cells `low` to `high`, and half as much again where it grows."""
        size = self.sums.shape[1]
        if not size:
            self.first_cell, self.sums = low, np.zeros((3, high + 1 - low))
            return
        missing_before, missing_after = max(self.first_cell - low, 0), max(high + 1 - self.first_cell - size, 0)
        if not missing_before and not missing_after:
            return
        spare = size // 2
        before = missing_before + spare if missing_before else 0
        after = missing_after + spare if missing_after else 0
        wider = np.zeros((3, before + size + after))
        wider[:, before : before + size] = self.sums
        self.sums, self.first_cell = wider, self.first_cell - before

    def steps(self, *, from_zero: bool) -> Steps:
        """Sums by step; a log shorter than a step keeps its steps.

        `from_zero`: the first step starts at time 0, otherwise at the whole minute of the first row. The last step,
        inside which the log ends, is kept where the log plainly goes on to its end, kept as unknown where it makes the
        recording a whole number of days, and left out otherwise.
        """
        assert self.earliest_us is not None
        start_us = 0 if from_zero else self.earliest_us // MINUTE_US * MINUTE_US
        whole = (self.latest_us - start_us) // self.step_us
        length_us = self.latest_us - (0 if from_zero else self.earliest_us)
        if length_us < self.step_us:
            return self._steps(start_us, whole + 1, short_s=length_us / MICROSECONDS)
        silent_us = start_us + (whole + 1) * self.step_us - self.latest_us
        silent_s = silent_us / MICROSECONDS
        if self._goes_on_for(silent_us) and not self._makes_days(whole):
            return self._steps(start_us, whole + 1, silent_s=silent_s)
        steps = self._steps(start_us, whole)
        steps = replace(
            steps,
            dropped_s=(self.step_us - silent_us) / MICROSECONDS,
            dropped_requests=float(self.sums[0].sum() - steps.requests.sum()),
        )
        return _with_unknown_last(steps, silent_s) if self._makes_days(whole + 1) else steps

    def _steps(
        self, start_us: int, steps: int, *, short_s: float | None = None, silent_s: float | None = None
    ) -> Steps:
        requests, input_tokens, output_tokens = self._by_step(start_us, steps)
        return Steps(start_us, requests, input_tokens, output_tokens, 0.0, 0.0, short_s, silent_s)

    def _by_step(self, start_us: int, steps: int) -> Array:
        """Requests, input and output tokens of so many steps. Shape (3, steps)."""
        per_step = self.step_us // self.cell_us
        cells = np.zeros((3, steps * per_step))
        # Cells before the first that was seen are empty, and so are those after the last.
        offset = start_us // self.cell_us - self.first_cell
        source = self.sums[:, max(offset, 0) : max(offset + cells.shape[1], 0)]
        lead = max(-offset, 0)
        cells[:, lead : lead + source.shape[1]] = source
        return cells.reshape(3, steps, per_step).sum(axis=2)

    def _goes_on_for(self, silent_us: int) -> bool:
        """Whether a log with rows this dense may well go on, though none follows for so long."""
        assert self.earliest_us is not None
        if self.rows < _LEAST_ROWS:
            return False
        return silent_us * (self.rows - 1) <= _SILENT_DISTANCES * (self.latest_us - self.earliest_us)

    def _makes_days(self, steps: int) -> bool:
        """Whether so many steps, each below a day, are a whole number of days: what logs that are rotated hold."""
        return self.step_us < DAY_US and steps > 0 and steps * self.step_us % DAY_US == 0


def _with_unknown_last(steps: Steps, silent_s: float) -> Steps:
    """The same and one more step, of which nothing is known."""
    sums = (np.append(values, np.nan) for values in (steps.requests, steps.input_tokens, steps.output_tokens))
    requests, input_tokens, output_tokens = sums
    return replace(
        steps, requests=requests, input_tokens=input_tokens, output_tokens=output_tokens,
        silent_s=silent_s, last_is_unknown=True,
    )  # fmt: skip


class Order:
    """Watches that times rise, small disorder aside; or that they fall, where exports list the newest first."""

    def __init__(self, table: Table, column: str, *, newest_first: bool) -> None:
        self.table, self.column = table, column
        self.may_fall = newest_first
        self.falls = False
        self._latest: int | None = None
        self._earliest = 0
        self._rose_at: int | None = None
        self._fell_at: int | None = None
        self.out_of_order = 0
        self.most_back_us = 0

    def check(self, first_row: int, times_us: Whole) -> None:
        """The next rows.

        Raises
        ------
        TraceError
            At the first row that goes back by more than five minutes.
        """
        start = int(times_us[0]) if self._latest is None else self._latest
        latest = np.maximum.accumulate(np.concatenate(([start], times_us)))
        back = latest[:-1] - times_us
        self.out_of_order += int((back > 0).sum())
        self.most_back_us = max(self.most_back_us, int(back.max()))
        fell = back > MOST_BACK_US
        if fell.any() and self._fell_at is None:
            self._fell_at = first_row + int(np.argmax(fell))
            if not self.may_fall:
                raise self._fault(self._fell_at, int(back[np.argmax(fell)]))
        if self.may_fall:
            lowest = int(times_us[0]) if self._latest is None else self._earliest
            earliest = np.minimum.accumulate(np.concatenate(([lowest], times_us)))
            rose = times_us - earliest[:-1] > MOST_BACK_US
            if rose.any() and self._rose_at is None:
                self._rose_at = first_row + int(np.argmax(rose))
            self._earliest = int(earliest[-1])
            if self._fell_at is not None and self._rose_at is not None:
                raise self._fault(max(self._fell_at, self._rose_at), int(back.max()))
        self._latest = int(latest[-1])

    def _fault(self, row: int, back_us: int) -> TraceError:
        if self.may_fall and self._fell_at is not None and row != self._fell_at:
            return self.table.fault(row, self.column, "goes forward after times that went back; rows must be in order")
        allowed = f"rows must be in the order of time, {MOST_BACK_US / MICROSECONDS:g} s at most aside"
        return self.table.fault(row, self.column, f"goes back by {back_us / MICROSECONDS:,.0f} s; {allowed}")

    def note(self) -> str | None:
        """What a reader should know about the order."""
        if self._fell_at is not None:
            return "rows are newest first"
        if self.out_of_order:
            most_s = self.most_back_us / MICROSECONDS
            rows = several(self.out_of_order, "row")
            return f"{rows} up to {most_s:,.3g} s out of order; each is counted in the step of its time"
        return None
