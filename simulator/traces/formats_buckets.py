"""Files of sums over equal steps: this project's own, OpenAI's usage, and tables whose columns the user names.

- aggregated CSV: `offset_s,requests,input_tokens,output_tokens`, seconds from the start; or `time` in place of the
  offset, as `breakeven traffic` writes it. Blank is unknown.
- OpenAI usage of completions: pages of `GET /v1/organization/usage/completions` (OpenAPI document 2.3.0: buckets with
  `start_time`, `end_time` and `results`), in one file, a list, or one on every line; and the CSV of the usage page
  (`start_time`, `end_time`, `num_model_requests`, `input_tokens`, `output_tokens`, as it was in October 2025).
  Rows of one bucket (by model, project, key) are added up. A bucket without any result is zero: it is the provider's
  own ledger.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from simulator.domain.recordings import Recording
from simulator.traces.buckets import Array, Buckets, read_buckets, recording_of
from simulator.traces.documents import Document
from simulator.traces.faults import TraceError, fault, several, shown
from simulator.traces.formats_requests import named_by_user
from simulator.traces.tables import Table, blanks, numbers
from simulator.traces.times import MICROSECONDS, Clock

_AGGREGATED = ("offset_s", "requests", "input_tokens", "output_tokens")
_STEP_STARTS = ("time", "offset_s")  # the moment says more, where both are there
_USAGE = ("start_time", "end_time", "num_model_requests", "input_tokens", "output_tokens")
_SUMS = ("num_model_requests", "input_tokens", "output_tokens")
_OPENAI = "OpenAI usage of completions"
_MADE_UP_OF = ("tokens", "requests", "_time", "amount")  # parts of names that tell no group


def is_aggregated(table: Table) -> bool:
    """Whether the columns are this project's own; those of the tokens may be missing."""
    return table.named("requests") is not None and table.named(*_STEP_STARTS) is not None


def read_aggregated(table: Table, timezone: str) -> Recording:
    """Sums by the moment or the offset at which their step starts."""
    time = table.named(*_STEP_STARTS)
    assert time is not None
    sums = [table.named(name) for name in _AGGREGATED[1:]]
    clock = Clock("offset_s" if table.named("time") is None else "any", timezone)
    buckets = read_buckets(table, clock, time, *sums)
    return recording_of(
        table, time, buckets, layout=f"aggregated {table.kind} ({', '.join((time, *filter(None, sums)))})",
        absolute=clock.absolute, notes=(clock.note,) if clock.note else (),
    )  # fmt: skip


def read_named_sums(
    table: Table, time: str, requests: str, input_: str | None, output: str | None, timezone: str
) -> Recording:
    """Sums by step in columns that the user names."""
    named = {"time": time, "requests": requests, "input": input_, "output": output}
    columns = {what: None if name is None else named_by_user(table, name) for what, name in named.items()}
    clock = Clock("any", timezone)
    assert columns["time"] is not None
    buckets = read_buckets(table, clock, columns["time"], columns["requests"], columns["input"], columns["output"])
    told = ", ".join(f"{what} '{name}'" for what, name in columns.items() if name)
    recording = recording_of(
        table, columns["time"], buckets, layout=f"{table.kind} of sums, columns named by the user: {told}",
        absolute=clock.absolute, notes=(clock.note,) if clock.note else (),
    )  # fmt: skip
    return recording


def is_usage_table(table: Table) -> bool:
    """Whether the columns are those of OpenAI's usage page."""
    return all(table.named(name) for name in _USAGE)


def read_usage_table(table: Table) -> Recording:
    """OpenAI's usage as CSV: rows of a bucket added up, rows with times alone are buckets without use."""
    start, end, *sums = (table.named(name) or "" for name in _USAGE)
    groups = [name for name in table.columns if not any(part in name.casefold() for part in _MADE_UP_OF)]
    clock, end_clock = Clock("any", "UTC"), Clock("any", "UTC")
    pieces: list[tuple[Any, ...]] = []
    for chunk in table.chunks():
        units = ("requests", "tokens", "tokens")
        given = np.stack([numbers(table, chunk, column, unit) for column, unit in zip(sums, units, strict=True)])
        empty = np.isnan(given).all(axis=0)
        for name in groups:
            empty &= blanks(chunk.frame[name])
        given[:, empty] = 0.0
        columns = [chunk.frame[name].astype("str").tolist() for name in groups]
        keys = [repr(key) for key in zip(*columns, strict=True)] if columns else [""] * len(chunk.frame)
        pieces.append((clock.read(table, chunk, start), end_clock.read(table, chunk, end), given, keys))
    starts, ends = (np.concatenate([piece[side] for piece in pieces]) for side in (0, 1))
    values = np.concatenate([piece[2] for piece in pieces], axis=1)
    keys = [key for piece in pieces for key in piece[3]]
    return _of_usage(table, start, starts, ends, values, keys, list(range(starts.size)), rows=starts.size)


def is_usage_document(document: Document) -> bool:
    """Whether the first record is a bucket of OpenAI's usage API."""
    first = next(iter(document.records()), None)
    if not isinstance(first, dict) or not {"start_time", "end_time"} <= first.keys():
        return False
    return isinstance(first.get("results", first.get("result")), list)


def read_usage_document(document: Document) -> Recording:
    """OpenAI's usage as its API gives it."""
    table = Table(document.source.path, (), lambda: iter(()), document.line_of, "JSON")
    starts: list[int] = []
    ends: list[int] = []
    values: list[list[float]] = []
    keys: list[str] = []
    records: list[int] = []
    for record, bucket in enumerate(document.records()):
        if not isinstance(bucket, dict):
            raise table.fault(record, None, f"is {shown(str(bucket))}, must be a bucket")
        moments = [_moment(table, record, bucket, name) for name in ("start_time", "end_time")]
        results = bucket.get("results", bucket.get("result"))
        if not isinstance(results, list):
            raise table.fault(record, "results", f"is {shown(str(results))}, must be a list")
        for result in results or [dict.fromkeys(_SUMS, 0)]:
            starts.append(moments[0])
            ends.append(moments[1])
            values.append([_sum_of(table, record, result, name) for name in _SUMS])
            groups = {key: value for key, value in result.items() if not any(part in key for part in _MADE_UP_OF)}
            keys.append(repr(sorted(groups.items())))
            records.append(record)
    numbers_of = np.array(values, dtype=np.float64).T
    return _of_usage(
        table, "start_time", np.array(starts), np.array(ends), numbers_of, keys, records, rows=len(set(records)),
        more_pages=_more_pages(document),
    )  # fmt: skip


def _more_pages(document: Document) -> bool:
    """Whether the last page says that another follows, which is not in the file."""
    last = document.whole
    if document.by_lines:
        *_, line = (line for _, line, _ in document.source.lines() if line.strip())
        last = json.loads(line)
    elif isinstance(last, list) and last:
        last = last[-1]
    return isinstance(last, dict) and last.get("has_more") is True


def _moment(table: Table, record: int, bucket: dict[str, Any], name: str) -> int:
    value = bucket.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e11:
        raise table.fault(record, name, f"is {shown(value)}, must be a number of seconds since 1970")
    return round(value * MICROSECONDS)


def _sum_of(table: Table, record: int, result: Any, name: str) -> float:
    value = result.get(name) if isinstance(result, dict) else None
    if value is None:
        allowed = f"must tell {', '.join(_SUMS)}; export the usage of completions"
        raise table.fault(record, f"results.{name}", f"is missing; a result {allowed}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e18:
        raise table.fault(record, f"results.{name}", f"is {shown(value)}, must be a number, at least 0")
    return float(value)


def _of_usage(
    table: Table,
    time: str,
    starts: Array,
    ends: Array,
    values: Array,
    keys: list[str],
    row_of: list[int],
    *,
    rows: int,
    more_pages: bool = False,
) -> Recording:
    """Add up the rows of each bucket. `values` has shape (3, rows); `row_of` tells where in the file each stands."""
    by_row = replace(table, line_of=lambda row: table.line_of(row_of[row]))
    widths = ends - starts
    wrong = (widths <= 0) | (widths != widths[0])
    if wrong.any():
        row = int(np.argmax(wrong))
        allowed = "above 0" if widths[row] <= 0 else f"{widths[0] / MICROSECONDS:g} s as the first"
        raise by_row.fault(row, time, f"the bucket is {widths[row] / MICROSECONDS:g} s wide, must be {allowed}")
    seen: set[tuple[int, str]] = set()
    for row, (start, key) in enumerate(zip(starts.tolist(), keys, strict=True)):
        if (start, key) in seen:
            raise by_row.fault(row, time, "is a bucket that was there before with the same groups, must be given once")
        seen.add((start, key))
    back = np.flatnonzero(np.diff(starts) < 0)
    if back.size:
        problem = f"goes back by {(starts[back[0]] - starts[back[0] + 1]) / MICROSECONDS:,.15g} s"
        raise by_row.fault(int(back[0]) + 1, time, f"{problem}; buckets must be in the order of time")
    moments, places = np.unique(starts, return_inverse=True)
    sums = [np.bincount(places, weights=each, minlength=moments.size) for each in values]
    empty = int((np.nansum(np.array(sums), axis=0) == 0).sum())
    notes = [f"{several(empty, 'bucket')} without use: zero, as the ledger is complete"] if empty else []
    if more_pages:
        notes.append("the export is incomplete: its last page says has_more: true, and the pages after it are missing")
    notes.append("the last bucket may not have ended when the export was made")
    return recording_of(
        by_row, time, Buckets(moments, *sums), layout=f"{_OPENAI} ({table.kind})", absolute=True,
        width_us=int(widths[0]), rows=rows, notes=tuple(notes),
    )  # fmt: skip


def unknown_columns(table: Table) -> TraceError:
    """The fault of a table that no format fits and no columns were named for."""
    given = ", ".join(table.columns[:20]) + (", ..." if len(table.columns) > 20 else "")
    problem = (
        f"the columns are {given}; no format is known by them. Name those of time and tokens: --time-column NAME "
        "--input-column NAME --output-column NAME (and --requests-column NAME where a row is a step with that many), "
        "in a scenario time_column: NAME, input_column: NAME, output_column: NAME (and requests_column: NAME); "
        f"or write {','.join(_AGGREGATED)}"
    )
    return fault(table.path, 1 if table.kind == "CSV" else None, None, problem)
