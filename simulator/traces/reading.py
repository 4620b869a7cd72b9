"""Reading a recorded trace: which format it is, told by its bytes, columns and keys, never by its name.

>>> import tempfile
>>> from pathlib import Path
>>> with tempfile.TemporaryDirectory() as folder:
...     path = Path(folder) / "usage.csv"
...     _ = path.write_text("offset_s,requests,input_tokens,output_tokens\\n0,3,900,60\\n60,,,\\n120,1,200,30\\n")
...     recording = read_recording(path)
>>> recording.step_s, recording.requests.tolist()
(60.0, [3.0, nan, 1.0])
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.domain.recordings import Recording
from simulator.traces.counting import read_requests
from simulator.traces.documents import Document, json_table
from simulator.traces.faults import TraceError, fault
from simulator.traces.formats_buckets import (
    is_aggregated,
    is_usage_document,
    is_usage_table,
    read_aggregated,
    read_named_sums,
    read_usage_document,
    read_usage_table,
    unknown_columns,
)
from simulator.traces.formats_gateways import GATEWAYS
from simulator.traces.formats_nginx import ACCESS_LOG, access_log_table, is_access_log
from simulator.traces.formats_prometheus import is_range_query, read_range_query
from simulator.traces.formats_requests import HOME_MADE, PUBLIC_TRACES, is_home_made, of_named_columns
from simulator.traces.formats_servegen import is_chunk_trace, is_dataset, read_chunk_trace, read_dataset
from simulator.traces.opening import Source, source_of
from simulator.traces.tables import Table, csv_table, parquet_table

__all__ = ["Columns", "TraceError", "read_recording"]


@dataclass(frozen=True)
class Columns:
    """Names of columns as the user gives them, for tables that no format fits.

    With `requests` every row is a step with that many requests; without, every row is one request.
    """

    time: str | None
    input: str | None
    output: str | None
    requests: str | None = None


def read_recording(
    path: str | Path, *, columns: Columns | None = None, step_s: float = 60.0, timezone: str = "UTC"
) -> Recording:
    """Read a trace as demand in equal steps.

    Parameters
    ----------
    path : str or Path
        A request log, usage export or public trace; CSV, JSON, JSONL, access log, any of them in gzip, or Parquet.
    columns : Columns, optional
        What the columns are, for tables that no format fits.
    step_s : float
        Step that single requests are counted by: whole minutes, or a part of one that divides it. Files of sums keep
        their own step. [s]
    timezone : str
        Zone of times without one, where the format does not say. IANA name.

    Returns
    -------
    Recording
        NaN is unknown, not zero. `notes` say what was assumed and left out.

    Raises
    ------
    TraceError
        If the file cannot be read, or holds what cannot be; the message names file, line and column.
    ValueError
        If `step_s` or `timezone` cannot be used.
    """
    _check(step_s, timezone)
    step_s = float(step_s)
    path = Path(path)
    source = source_of(path)
    before = _state_of(path)
    try:
        if columns is not None:
            return _named(_table(source), columns, step_s, timezone)
        return _recognised(source, step_s, timezone)
    except TraceError:
        raise
    except Exception:
        # A file is read twice, once to know it and once in pieces: what is written to meanwhile may fit neither.
        if _state_of(path) != before:
            raise TraceError(f"{path}: changed while it was read; copy it, and read the copy") from None
        raise


def _state_of(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change of a file; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _check(step_s: float, timezone: str) -> None:
    milliseconds = round(step_s * 1000) if 0 < step_s < 1e9 else 0
    whole = milliseconds >= 1 and (60_000 % milliseconds == 0 or milliseconds % 60_000 == 0)
    if not whole or abs(step_s * 1000 - milliseconds) > 1e-6:
        raise ValueError(f"step_s: is {step_s:g}, must be whole minutes or divide a minute (1, 5, 10, 60, 300, 3600 s)")
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"timezone: is '{timezone}', must be an IANA name such as Europe/Paris or UTC") from None


def _recognised(source: Source, step_s: float, timezone: str) -> Recording:
    if source.parquet:
        return _of_table(parquet_table(source), step_s, timezone)
    if _is_json(source):
        return _of_document(Document(source), step_s, timezone)
    if is_access_log(source):
        return read_requests(access_log_table(source), ACCESS_LOG, step_s, timezone)
    if is_chunk_trace(source):
        return read_chunk_trace(source)
    return _of_table(csv_table(source), step_s, timezone)


def _of_document(document: Document, step_s: float, timezone: str) -> Recording:
    whole = next(document.records(), None) if document.by_lines else document.whole
    if is_range_query(whole):
        return read_range_query(document, whole)
    if is_dataset(whole):
        document.whole = whole  # on a single line it looks like a file of one record
        return read_dataset(document)
    if is_usage_document(document):
        return read_usage_document(document)
    return _of_table(json_table(document), step_s, timezone)


def _of_table(table: Table, step_s: float, timezone: str) -> Recording:
    if is_aggregated(table):
        return read_aggregated(table, timezone)
    if is_usage_table(table):
        return read_usage_table(table)
    for form in (*PUBLIC_TRACES, *GATEWAYS):
        if form.fits(table):
            return read_requests(table, form, step_s, timezone)
    if is_home_made(table):
        return read_requests(table, HOME_MADE, step_s, timezone)
    raise unknown_columns(table)


def _table(source: Source) -> Table:
    if source.parquet:
        return parquet_table(source)
    return json_table(Document(source)) if _is_json(source) else csv_table(source)


def _named(table: Table, columns: Columns, step_s: float, timezone: str) -> Recording:
    if columns.time is None:
        names = ", ".join(table.columns)
        raise fault(table.path, None, "time", f"no column is named for the time, must be one of {names}")
    if columns.requests is None:
        form = of_named_columns(table, columns.time, columns.input, columns.output)
        return read_requests(table, form, step_s, timezone)
    return read_named_sums(table, columns.time, columns.requests, columns.input, columns.output, timezone)


def _is_json(source: Source) -> bool:
    return source.head.lstrip()[:1] in ("{", "[")
