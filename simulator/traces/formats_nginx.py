"""Access logs of web servers in the common or combined format: requests alone, without tokens.

The format is `combined` of nginx's module ngx_http_log_module (and the Combined Log Format of Apache httpd 2.4, which
it follows), or the Common Log Format, the same without referrer and agent; further fields are passed over. A line is
written when the answer ends, and its time is that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from simulator.traces.counting import Mask, RequestFormat
from simulator.traces.faults import fault, shown
from simulator.traces.opening import Source
from simulator.traces.tables import Chunk, Table

_LINE = re.compile(
    r"\S+ \S+ .*?\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?:[^"\\]|\\.)*" (\d{3}) (?:\d+|-)(?:\s|$)'
)
_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"
_ROWS = 100_000
_TIME, _STATUS = "time_local", "status"
_REFUSED = (429, 503)


def is_access_log(source: Source) -> bool:
    """Whether the first line is one of an access log."""
    first = next(line for line in source.head.splitlines() if line.strip())
    return _LINE.match(first) is not None


def access_log_table(source: Source) -> Table:
    """The log as a table of times and status codes. Bytes that are no text are let pass: agents send what they like."""

    def chunks() -> Iterator[Chunk]:
        rows: list[tuple[str, str]] = []
        lines: list[int] = []
        first_row = 0
        for number, line, ended in source.lines(errors="replace"):
            if not line.strip():
                continue
            found = _LINE.match(line)
            if found is None:
                problem = f"is {shown(line)}, must be a line of the common or combined log format"
                if not ended:
                    problem = "ends inside a line without a line end: the file is cut off"
                raise fault(source.path, number, None, problem)
            rows.append((found.group(1), found.group(2)))
            lines.append(number)
            if len(rows) == _ROWS:
                yield _chunk(source, rows, lines, first_row)
                first_row += len(rows)
                rows, lines = [], []
        if rows:
            yield _chunk(source, rows, lines, first_row)

    def line_of(row: int) -> int | None:
        passed = -1
        for number, line, _ in source.lines(errors="replace"):
            passed += bool(line.strip())
            if passed == row:
                return number
        return None

    return Table(source.path, (_TIME, _STATUS), chunks, line_of, "access log")


def _chunk(source: Source, rows: list[tuple[str, str]], lines: list[int], first_row: int) -> Chunk:
    import pandas as pd

    texts = pd.Series([time for time, _ in rows])
    times = pd.to_datetime(texts, format=_TIME_FORMAT, utc=True, errors="coerce")
    wrong = times.isna().to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        problem = f"is {shown(str(texts.iloc[row]))}, must be a date and time that exist"
        raise fault(source.path, lines[row], _TIME, problem)
    frame = pd.DataFrame({_TIME: times, _STATUS: np.array([int(status) for _, status in rows])})
    return Chunk(first_row, frame)


def _left_out(table: Table, chunk: Chunk) -> dict[str, Mask]:
    status = chunk.frame[_STATUS].to_numpy()
    refused = np.isin(status, _REFUSED)
    return {
        "requests refused for load (status 429 or 503; demand that was not served)": refused,
        "requests that failed by the client (status 4xx)": (status >= 400) & (status < 500) & ~refused,
        "requests that failed at the server (status 5xx)": (status >= 500) & ~refused,
    }


ACCESS_LOG = RequestFormat(
    layout="access log in the common or combined format (requests only)",
    marks=((_TIME,),),
    time=(_TIME,),
    input=None,
    output=None,
    left_out=_left_out,
    notes=("every request of the log is counted, whatever its path; times are those at which answers ended",),
)
