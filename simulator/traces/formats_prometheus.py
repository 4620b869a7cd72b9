"""Answers of Prometheus to range queries over the counters of an inference server.

`GET /api/v1/query_range` of Prometheus 2 and 3: `{"status": "success", "data": {"resultType": "matrix", "result":
[{"metric": {...}, "values": [[seconds, "text"], ...]}]}}`. Counters: vLLM 0.5 to 0.12 (`docs/usage/metrics.md`) and
SGLang (`sglang:` metrics). One query can hold them all: `{__name__=~"vllm:(request_success|prompt_tokens|
generation_tokens)_total"}`.

Between two samples a counter rises by their difference; where it falls, it was started anew from zero, and rose by what
it shows (as Prometheus' own `increase()` has it, without its extrapolation). A server without samples before or after
a moment did not run; one that misses samples between others leaves the sum of all servers unknown there. Rates are
refused: `rate()` has thrown away its counter's name, its restarts and its gaps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.recordings import Recording
from simulator.traces.counting import start_of
from simulator.traces.documents import Document, Json
from simulator.traces.faults import TraceError, fault, several, shown
from simulator.traces.steps import MOST_STEPS

Array = NDArray[Any]  # of float64

_REQUESTS, _INPUT, _OUTPUT = "requests", "input_tokens", "output_tokens"
_COUNTERS = {
    "vllm:request_success_total": _REQUESTS,
    "vllm:prompt_tokens_total": _INPUT,
    "vllm:generation_tokens_total": _OUTPUT,
    "sglang:num_requests_total": _REQUESTS,
    "sglang:prompt_tokens_total": _INPUT,
    "sglang:generation_tokens_total": _OUTPUT,
}
_ALLOWED = "vllm:request_success_total, vllm:prompt_tokens_total, vllm:generation_tokens_total"


def is_range_query(whole: Json) -> bool:
    """Whether the document is an answer of Prometheus' query API."""
    if not isinstance(whole, dict):
        return False
    data = whole.get("data")
    return _is_error(whole) or (isinstance(data, dict) and ("resultType" in data or "result_type" in data))


def _is_error(whole: dict[str, Json]) -> bool:
    return whole.get("status") == "error" and "errorType" in whole


def read_range_query(document: Document, whole: Json) -> Recording:
    """Requests and tokens between the samples of the counters.

    Raises
    ------
    TraceError
        If it is no range query over counters that are known, or samples do not lie on one grid.
    """
    path = document.source.path
    if _is_error(whole):
        raise fault(path, None, "error", f"the query failed: {shown(str(whole.get('error')))}")
    data = whole["data"]
    kind = data.get("resultType", data.get("result_type"))
    if kind != "matrix":
        raise fault(path, None, "data.resultType", f"is {shown(str(kind))}, must be 'matrix' (a range query)")
    series = [_series(document, place, each) for place, each in enumerate(data.get("result") or ())]
    series = [each for each in series if each[1].size]
    if not series:
        raise fault(path, None, "data.result", "holds no samples")
    start_ms, step_ms, steps = _grid(document, series)
    totals = {name: np.zeros(steps) for name in (_REQUESTS, _INPUT, _OUTPUT)}
    present: set[str] = set()
    restarts = 0
    seen = np.zeros(steps + 1, dtype=bool)
    for name, times_ms, values in series:
        places = (times_ms - start_ms) // step_ms
        seen[places[np.isfinite(values)]] = True
        rises, restarted = _rises(places, values, steps)
        totals[name] += rises
        restarts += restarted
        present.add(name)
    if _REQUESTS not in present:
        raise fault(path, None, "data.result", f"holds no counter of requests, must hold those of {_ALLOWED}")
    nobody = ~(seen[:-1] & seen[1:])
    for name, total in totals.items():
        total[nobody if name in present else slice(None)] = np.nan
    unknown = int(np.isnan(totals[_REQUESTS]).sum())
    notes = [
        "rises of counters, added up over servers and reasons of finishing; requests count when they finish",
        f"{several(restarts, 'restart')} of a counter: it began again at 0" if restarts else "",
        f"{unknown:,} of {several(steps, 'step')} without a sample: unknown, not zero" if unknown else "",
        *(f"no counter of {name.replace('_', ' ')}: unknown" for name in (_INPUT, _OUTPUT) if name not in present),
    ]
    return Recording(
        source=path.name,
        layout="Prometheus range query of counters (matrix)",
        step_s=step_ms / 1000.0,
        start_utc=start_of(start_ms * 1000),
        requests=totals[_REQUESTS],
        input_tokens=totals[_INPUT],
        output_tokens=totals[_OUTPUT],
        rows=sum(times_ms.size for _, times_ms, _ in series),
        notes=tuple(note for note in notes if note),
    )


def _series(document: Document, place: int, given: Json) -> tuple[str, NDArray[np.int64], Array]:
    """What one series counts, the times of its samples in milliseconds, and their values."""
    key = f"data.result[{place}]"
    if not isinstance(given, dict) or not isinstance(given.get("metric"), dict):
        raise _at(document, key, "is no series, must have a metric and values")
    name = given["metric"].get("__name__")
    if not isinstance(name, str) or name not in _COUNTERS:
        problem = f"is {shown(str(name))}, must be one of {_ALLOWED}"
        if name is None:
            problem = f"is missing, as in answers to rate() or sum(): query the counters themselves, {_ALLOWED}"
        raise _at(document, f"{key}.metric.__name__", problem)
    samples = given.get("values")
    if not isinstance(samples, list):
        raise _at(document, f"{key}.values", "is missing, must be a list of [seconds, value]")
    times, values = np.empty(len(samples), dtype=np.int64), np.empty(len(samples))
    for row, sample in enumerate(samples):
        try:
            moment, text = sample
            times[row], values[row] = round(float(moment) * 1000), float(text)
        except (TypeError, ValueError, OverflowError):
            raise _at(document, f"{key}.values[{row}]", f"is {shown(str(sample))}, must be [seconds, value]") from None
        if values[row] < 0 or math.isinf(values[row]):
            raise _at(document, f"{key}.values[{row}]", f"is {shown(str(text))}, must be a counter, at least 0")
        if row and times[row] <= times[row - 1]:
            problem = "repeats the time before it" if times[row] == times[row - 1] else "goes back in time"
            raise _at(document, f"{key}.values[{row}]", f"{problem}; samples must be in order")
    return _COUNTERS[name], times, values


def _grid(document: Document, series: list[tuple[str, NDArray[np.int64], Array]]) -> tuple[int, int, int]:
    """Start and step in milliseconds, and the number of steps between samples."""
    distances = np.concatenate([np.diff(times) for _, times, _ in series])
    if not distances.size:
        raise _at(document, "data.result", "holds one sample of each series, must hold two at least")
    values, counts = np.unique(distances, return_counts=True)
    step = int(values[np.argmax(counts)])
    start = min(int(times[0]) for _, times, _ in series)
    for place, (_, times, _) in enumerate(series):
        astray = (times - start) % step != 0
        if astray.any():
            row = int(np.argmax(astray))
            allowed = f"a whole number of steps of {step / 1000:g} s after the first"
            problem = f"is at {times[row] / 1000:.15g}, must be {allowed}"
            raise _at(document, f"data.result[{place}].values[{row}]", problem)
    steps = (max(int(times[-1]) for _, times, _ in series) - start) // step
    if steps > MOST_STEPS:
        raise _at(document, "data.result", f"spans {steps:,} steps, must be at most {MOST_STEPS:,}")
    return start, step, steps


def _rises(places: NDArray[np.int64], values: Array, steps: int) -> tuple[Array, int]:
    """Rise of one counter in every step, and how often it was started anew; NaN where samples between are missing."""
    known = np.isfinite(values)
    places, values = places[known], values[known]
    rises = np.zeros(steps)
    if not places.size:
        return rises, 0
    rises[places[0] : places[-1]] = np.nan
    change = np.diff(values)
    restarted = change < 0
    change = np.where(restarted, values[1:], change)
    neighbours = np.diff(places) == 1
    rises[places[:-1][neighbours]] = change[neighbours]
    return rises, int(restarted.sum())


def _at(document: Document, key: str, problem: str) -> TraceError:
    """A fault within the document; its keys tell where, as one line often holds it all."""
    return fault(document.source.path, None, key, problem)
