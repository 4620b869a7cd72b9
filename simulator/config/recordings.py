"""Recorded demand that a scenario names: the file found and read once, its mean lengths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from simulator.domain.recordings import Recording

_COLUMNS = {"time_column": "time", "input_column": "input", "output_column": "output", "requests_column": "requests"}
COLUMN_KEYS = tuple(_COLUMNS)


def recording_at(path: Path, columns: Mapping[str, str], timezone: str) -> Recording:
    """The recording in a file, read anew when the file has changed.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping
        Names of its columns by key of the scenario (`time_column`, ...); without any the format is recognised.
    timezone : str
        IANA zone of local times in it that carry no offset.

    Raises
    ------
    TraceError
        If it holds what can't be; the message names its line and column.
    OSError
        If it can't be read.
    """
    status = path.stat()
    return _read(path, tuple(columns.items()), timezone, (path.resolve(), status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=16)
def _read(
    path: Path, columns: tuple[tuple[str, str], ...], timezone: str, _version: tuple[Path, int, int]
) -> Recording:
    from simulator.traces.reading import Columns, read_recording  # with pandas, which other scenarios do without

    named: dict[str, str | None] = {
        **dict.fromkeys(_COLUMNS.values()),
        **{_COLUMNS[key]: name for key, name in columns},
    }
    return read_recording(path, columns=Columns(**named) if columns else None, timezone=timezone)


def workload_of(recording: Recording) -> dict[str, Any] | None:
    """The recording's mean request as a workload; None where it does not tell both lengths."""
    means = []
    for tokens, lengths in (
        (recording.input_tokens, recording.input_lengths),
        (recording.output_tokens, recording.output_lengths),
    ):
        known = np.isfinite(tokens) & np.isfinite(recording.requests)
        requests = float(recording.requests[known].sum())
        if requests > 0:
            means.append(float(tokens[known].sum()) / requests)
        elif lengths is not None and lengths.count:
            means.append(lengths.mean)
    if len(means) < 2 or sum(means) <= 0:
        return None
    return {"request": {"input_tokens": means[0], "output_tokens": means[1]}}
