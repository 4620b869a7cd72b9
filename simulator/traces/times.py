"""Moments as a file writes them, in whole microseconds: text with or without a zone, seconds, milliseconds, offsets."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.traces.faults import shown
from simulator.traces.tables import Chunk, Table, blanks

if TYPE_CHECKING:
    import pandas as pd

Whole = NDArray[np.int64]

MICROSECONDS = 1_000_000  # in a second
MOST_BACK_US = 300 * MICROSECONDS  # a log of several workers may be this much out of order
ClockKind = Literal["any", "text", "offset_s", "offset_ms"]

# How a bare number is read, by the size of the file's first one: since 1970 in these units, or else an offset.
_EPOCHS = ((1e17, "nanoseconds", 1e-3), (1e14, "microseconds", 1.0), (1e11, "milliseconds", 1e3), (1e8, "seconds", 1e6))
_DAY_US = 86_400 * MICROSECONDS
_MOST_US = 250 * 365 * 86_400 * MICROSECONDS  # beyond it, no clock is meant
_HAS_ZONE = r"\d[T ]\d\d.*(?:[zZ]|[+-]\d\d(?::?\d\d)?)$"
_ALLOWED = "a time: ISO 8601 text, or a number of seconds or milliseconds"


class Clock:
    """Reads the times of one file, all in the way its first one is written."""

    def __init__(self, kind: ClockKind, timezone: str, *, zone_is_utc: bool = False) -> None:
        self.kind = kind
        self.timezone = timezone
        self.zone_is_utc = zone_is_utc  # the format says that times without a zone are UTC
        self.way: str | None = None  # "numbers", "zoned", "naive"
        self.factor_us = 1.0
        self.absolute = kind in ("any", "text")
        self.note: str | None = None
        self._latest_local = -_MOST_US
        self._second_time_round: int | None = None  # the day on which the repeated hour has begun again

    def read(self, table: Table, chunk: Chunk, column: str) -> Whole:
        """Microseconds since 1970 in UTC, or since the start of an offset clock. Shape (rows of the chunk,).

        Raises
        ------
        TraceError
            If a time is blank or none, or some have a zone and others have not.
        """
        values = chunk.frame[column]
        missing = blanks(values)
        if missing.any():
            raise table.fault(chunk.first_row + int(np.argmax(missing)), column, f"is blank, must be {_ALLOWED}")
        if values.dtype.kind == "M":
            return self._typed(table, chunk, column)
        if values.dtype.kind in "iuf" or self.kind.startswith("offset"):
            return self._numbers(table, chunk, column)
        if self.way == "numbers" or (self.way is None and _is_number(values.iloc[0])):
            return self._numbers(table, chunk, column)
        return self._text(table, chunk, column)

    def _typed(self, table: Table, chunk: Chunk, column: str) -> Whole:
        """Of a Parquet column of times."""
        values = chunk.frame[column]
        zoned = getattr(values.dtype, "tz", None) is not None
        self._keep_to("zoned" if zoned else "naive", table, chunk.first_row, column, values.iloc[0])
        if zoned:
            return _microseconds(values.dt.tz_convert("UTC").dt.tz_localize(None))
        return self._in_utc(_microseconds(values), table, chunk, column)

    def _numbers(self, table: Table, chunk: Chunk, column: str) -> Whole:
        import pandas as pd

        values = chunk.frame[column]
        given = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = ~np.isfinite(given)
        if wrong.any():
            row = int(np.argmax(wrong))
            allowed = "a number of seconds" if self.kind != "offset_ms" else "a number of milliseconds"
            allowed = _ALLOWED if self.kind in ("any", "text") and self.way is None else allowed
            raise table.fault(chunk.first_row + row, column, f"is {shown(str(values.iloc[row]))}, must be {allowed}")
        self._keep_to("numbers", table, chunk.first_row, column, values.iloc[0], first=float(given[0]))
        microseconds = given * self.factor_us
        wrong = np.abs(microseconds) > _MOST_US
        if not self.absolute:
            wrong |= microseconds < 0
        if wrong.any():
            row = int(np.argmax(wrong))
            allowed = "at least 0" if microseconds[row] < 0 else "a time within some decades"
            raise table.fault(chunk.first_row + row, column, f"is {given[row]:g}, must be {allowed}")
        if values.dtype.kind in "iu" and self.factor_us >= 1.0:
            return values.to_numpy(dtype=np.int64) * int(self.factor_us)
        return np.rint(microseconds).astype(np.int64)

    def _text(self, table: Table, chunk: Chunk, column: str) -> Whole:
        import pandas as pd

        values = chunk.frame[column].astype("str").str.strip()
        if values.iloc[0].endswith(" UTC"):
            values = values.str.replace(" UTC", "+00:00", regex=False)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", FutureWarning)  # of pandas 2, of several offsets
                parsed = pd.to_datetime(values, format="ISO8601")
            if parsed.isna().any():
                raise ValueError("no time")  # texts such as 'nan'
        except (ValueError, FutureWarning):
            return self._text_of_several_zones(table, chunk, column, values)
        return self._typed(table, Chunk(chunk.first_row, parsed.to_frame(column)), column)

    def _text_of_several_zones(self, table: Table, chunk: Chunk, column: str, values: pd.Series[Any]) -> Whole:
        """The slow way: some value is no time, or clocks went over to summer time, or only some have a zone."""
        import pandas as pd

        parsed = pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True)
        wrong = parsed.isna().to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise table.fault(chunk.first_row + row, column, f"is {shown(str(values.iloc[row]))}, must be {_ALLOWED}")
        zoned = values.str.contains(_HAS_ZONE, regex=True).to_numpy(dtype=bool)
        way = "zoned" if zoned[0] else "naive"
        self._keep_to(way, table, chunk.first_row, column, values.iloc[0])
        other = zoned != (way == "zoned")
        if other.any():
            row = int(np.argmax(other))
            its = "naive" if way == "zoned" else "zoned"
            self._keep_to(its, table, chunk.first_row + row, column, values.iloc[row])
        return _microseconds(parsed.dt.tz_localize(None))

    def _keep_to(
        self, way: str, table: Table, row: int, column: str, given: object, first: float | None = None
    ) -> None:
        """All times of a file are written one way; the first decides."""
        if self.way is None:
            self.way = way
            self._decide(way, first)
        elif self.way != way:
            words = {"numbers": "a number", "zoned": "with a UTC offset", "naive": "without a UTC offset"}
            problem = f"is {shown(str(given))}, must be {words[self.way]}, as the times before it"
            raise table.fault(row, column, problem)

    def _decide(self, way: str, first: float | None) -> None:
        if self.kind == "offset_s":
            self.factor_us = float(MICROSECONDS)
        elif self.kind == "offset_ms":
            self.factor_us = 1e3
        elif way == "numbers" and first is not None:
            epoch = next(((name, factor) for least, name, factor in _EPOCHS if first >= least), None)
            if epoch is not None:
                self.note = f"times are taken as {epoch[0]} since 1970-01-01 UTC, as the first is {first:.15g}"
                self.factor_us = epoch[1]
            else:
                self.absolute = False
                self.factor_us = float(MICROSECONDS)
                self.note = f"times are taken as seconds from the start of the recording, as the first is {first:g}"
        elif way == "naive" and self.zone_is_utc:
            self.note = "times have no zone; the format writes UTC"
        elif way == "naive":
            self.note = f"times have no zone; taken as {self.timezone} (assumed)"

    def _in_utc(self, local: Whole, table: Table, chunk: Chunk, column: str) -> Whole:
        """Local times of the given zone as UTC. The hour that clocks repeat is told apart by time going back."""
        if self.zone_is_utc or self.timezone == "UTC":
            return local
        import pandas as pd

        zone = ZoneInfo(self.timezone)
        stamps = pd.DatetimeIndex(local.astype("datetime64[us]"))
        first = stamps.tz_localize(zone, ambiguous=np.ones(local.size, dtype=bool), nonexistent="NaT")
        gone = np.asarray(first.isna())
        if gone.any():
            row = int(np.argmax(gone))
            problem = f"is {stamps[row]}, does not exist in {self.timezone}, where clocks go forward then"
            raise table.fault(chunk.first_row + row, column, f"{problem}; must be of the zone given")
        second = stamps.tz_localize(zone, ambiguous=np.zeros(local.size, dtype=bool), nonexistent="NaT")
        early, late = (_microseconds(pd.Series(index.tz_convert("UTC").tz_localize(None))) for index in (first, second))
        latest = np.maximum.accumulate(np.concatenate(([self._latest_local], local)))
        self._latest_local = int(latest[-1])
        repeated, days = early != late, local // _DAY_US
        went_back = repeated & (latest[:-1] - local > MOST_BACK_US)
        for day in np.unique(days[repeated]):
            that_hour = repeated & (days == day)
            again = that_hour & (np.maximum.accumulate(went_back & that_hour) | (self._second_time_round == day))
            early = np.where(again, late, early)
            if again.any():
                self._second_time_round = int(day)
        return early


def _is_number(value: object) -> bool:
    """Whether it is a number, or the text of one."""
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _microseconds(values: pd.Series[Any]) -> Whole:
    return values.to_numpy(dtype="datetime64[us]").astype(np.int64)
