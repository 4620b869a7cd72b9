"""What benchmark tools write: the names of their figures, and the runs in a file of results.

Five formats, told apart by their content; names of keys and columns as in the versions given.

- vLLM 0.9 to main of autumn 2026 (`vllm/benchmarks/serve.py`): the JSON of `vllm bench serve --save-result`, several of
  them appended with `--append-result`, and `summary.json` and `summary.csv` of `vllm bench sweep serve`
- GenAI-Perf 0.0.16 and before (`genai_perf/export_data`): `profile_export_genai_perf.json` and `.csv`
- GuideLLM 0.8.1 (`guidellm/benchmark/outputs/csv.py`, `guidellm/benchmark/schemas/metrics.py`) and back to 0.3:
  `benchmarks.json` and `benchmarks.csv`
- a plain CSV with the columns `PLAIN_COLUMNS`, of which the first three are needed

GuideLLM and GenAI-Perf call the time per token after the first one "inter token latency"; that is `tpot_s` here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

PLAIN_COLUMNS = (
    *("input_tokens", "output_tokens", "output_tokens_per_s"),
    *("concurrency", "request_rate", "n_requests", "ttft_s", "tpot_s"),
)
ABOVE_ZERO = 1e-12
_NEEDED = PLAIN_COLUMNS[:3]
_PER_MS = 1e-3


@dataclass(frozen=True)
class _Key:
    """Where a tool writes a figure: the names it had over time, the factor to our unit, what it is a sum over."""

    names: tuple[str, ...]
    factor: float = 1.0
    summed_over: str | None = None


@dataclass(frozen=True)
class Tool:
    """A tool that writes results, and where it writes each figure."""

    name: str
    keys: Mapping[str, _Key]


def _tool(name: str, **keys: str | _Key) -> Tool:
    return Tool(name, {ours: key if isinstance(key, _Key) else _Key((key,)) for ours, key in keys.items()})


def _ms(*names: str) -> _Key:
    return _Key(names, _PER_MS)


VLLM = _tool(
    "vllm bench serve",
    input_tokens=_Key(("total_input_tokens",), summed_over="completed"),
    output_tokens=_Key(("total_output_tokens",), summed_over="completed"),
    output_tokens_per_s="output_throughput",
    concurrency="max_concurrency",
    request_rate="request_rate",
    n_requests="completed",
    ttft_s=_ms("mean_ttft_ms"),
    tpot_s=_ms("mean_tpot_ms"),
)
GENAI_PERF = _tool(
    "genai-perf",
    input_tokens=_Key(("input_sequence_length.avg", "Input Sequence Length (tokens)", "Input Sequence Length")),
    output_tokens=_Key(("output_sequence_length.avg", "Output Sequence Length (tokens)", "Output Sequence Length")),
    output_tokens_per_s=_Key(
        (
            "output_token_throughput.avg",
            "Output Token Throughput (tokens/sec)",
            "Output Token Throughput (per sec)",
        )
    ),
    concurrency=_Key(("input_config.perf_analyzer.stimulus.concurrency", "input_config.concurrency")),
    request_rate=_Key(("input_config.perf_analyzer.stimulus.request_rate", "input_config.request_rate")),
    n_requests=_Key(("request_count.avg", "Request Count (count)")),
    ttft_s=_ms("time_to_first_token.avg", "Time To First Token (ms)"),
    tpot_s=_ms("inter_token_latency.avg", "Inter Token Latency (ms)"),
    requests_per_s=_Key(("request_throughput.avg", "Request Throughput (per sec)")),
    latency_s=_ms("request_latency.avg", "Request Latency (ms)"),
)


def _guidellm(metric: str, group: str, column: str) -> tuple[str, str, str]:
    """Names of the mean of one metric: in JSON, in CSV with three lines of headings, and in CSV with one."""
    flat = metric.replace("_", " ").capitalize()
    return (
        f"metrics.{metric}.successful.mean",
        f"{group}: Successful {column}: Mean",
        f"Successful {flat} mean",
    )


GUIDELLM = _tool(
    "guidellm",
    input_tokens=_Key(_guidellm("prompt_token_count", "Token Metrics", "Input Tokens")),
    output_tokens=_Key(_guidellm("output_token_count", "Token Metrics", "Output Tokens")),
    output_tokens_per_s=_Key(_guidellm("output_tokens_per_second", "Token Throughput", "Output Tokens/Sec")),
    n_requests=_Key(
        (
            *("metrics.request_totals.successful", "request_totals.successful"),
            *("Request Counts: Successful", "Successful Requests"),
        )
    ),
    ttft_s=_ms(*_guidellm("time_to_first_token_ms", "Time to First Token", "ms")),
    tpot_s=_ms(*_guidellm("inter_token_latency_ms", "Inter Token Latency", "ms")),
    requests_per_s=_Key(_guidellm("requests_per_second", "Server Throughput", "Requests/Sec")),
    running=_Key(_guidellm("request_concurrency", "Server Throughput", "Concurrency")),
)
_PLAIN = _tool("plain CSV", **{name: name for name in PLAIN_COLUMNS})


@dataclass(frozen=True)
class Run:
    """What one run wrote, by key, with the place of the keys for messages."""

    tool: Tool
    place: str
    values: Mapping[str, Any]

    def raw(self, ours: str) -> tuple[str, Any]:
        """Name and value of a figure under the first of its names that has one; the first name and None without."""
        names = self.tool.keys[ours].names if ours in self.tool.keys else (ours,)
        for name in names:
            if self.values.get(name) not in (None, ""):
                return name, self.values[name]
        # The name that fits the kind of file: dotted ones are of JSON, the others of CSV.
        kin = [name for name in names if ("." in name) == any("." in key for key in self.values)]
        return (kin or list(names))[0], None

    def number(self, ours: str, faults: list[str], *, least: float, needed: bool = False) -> float | None:
        """A figure in our unit; None where it is not given or wrong, with the fault added to `faults`."""
        name, raw = self.raw(ours)
        if raw is None:
            if needed:
                faults.append(f"{self.place}: {name}: is missing")
            return None
        key = self.tool.keys[ours]
        try:
            value = _as_number(raw) * key.factor
        except ValueError as fault:
            faults.append(f"{self.place}: {name}: is {raw!r}, {fault}")
            return None
        if key.summed_over:
            requests = self.number("n_requests", faults, least=1, needed=True)
            value = value / requests if requests else 1.0
        if not isfinite(value) or value < least:
            faults.append(f"{self.place}: {name}: is {raw!r}, must be {_worded(least)}")
            return None
        return value


def _worded(least: float) -> str:
    return "a finite number above 0" if least == ABOVE_ZERO else f"a finite number, at least {least:g}"


def _as_number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or "_" in str(raw):
        raise ValueError("must be a number")
    try:
        return float(raw)
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None


def runs_of(path: Path) -> list[Run]:
    """The runs in a file; raises ValueError with file, place and fault if it is of no known format."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"{path.name}: is no text in UTF-8") from fault
    if not text.strip():
        raise ValueError(f"{path.name}: is empty")
    reader = _json_runs if text.lstrip()[0] in "[{" else _csv_runs
    runs = list(reader(path.name, text))
    if not runs:
        raise ValueError(f"{path.name}: holds no run")
    return runs


def _json_runs(file: str, text: str) -> Iterator[Run]:
    contents = _json_values(file, text)
    if len(contents) == 1 and isinstance(contents[0], list):
        contents = contents[0]
    for number, content in enumerate(contents):
        place = file if len(contents) == 1 else f"{file}: run {number + 1}"
        if not isinstance(content, dict):
            raise ValueError(f"{place}: must be a mapping, is {str(content)[:40]!r}")
        if isinstance(content.get("benchmarks"), list):
            for index, benchmark in enumerate(content["benchmarks"]):
                yield Run(GUIDELLM, f"{place}: benchmarks[{index}]", dict(_flat(benchmark)))
        elif "output_token_throughput" in content or "output_sequence_length" in content:
            yield Run(GENAI_PERF, place, dict(_flat(content)))
        elif "output_throughput" in content or "total_output_tokens" in content:
            yield Run(VLLM, place, content)
        else:
            raise ValueError(f"{place}: {_unknown_json(content)}")


def _unknown_json(content: Mapping[str, Any]) -> str:
    if "tokens_per_second" in content and "elapsed_time" in content:
        return "is of vllm bench throughput, which does not tell input from output tokens; use vllm bench serve"
    keys = ", ".join(list(content)[:5]) or "none"
    return f"keys are {keys}, must be a result of vllm bench serve, genai-perf or guidellm"


def _json_values(file: str, text: str) -> list[Any]:
    """The values in the text, one after the other, as `--append-result` of vLLM leaves them."""
    decoder, values, at = json.JSONDecoder(), [], 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        except json.JSONDecodeError as fault:
            raise ValueError(f"{file}:{fault.lineno}: is no JSON: {fault.msg}") from fault
        except RecursionError:
            raise ValueError(f"{file}: is no result of a benchmark: lists in lists without end") from None
        values.append(value)
        if not text[at:].strip():
            break
    return values


def _flat(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings by dotted key; lists are left out, they hold single requests."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif not isinstance(content, list):
        yield prefix, content


def _csv_runs(file: str, text: str) -> Iterator[Run]:
    numbered = _csv_rows(file, text)
    header = numbered[0][1]
    if header[0] == "Metric":
        yield Run(GENAI_PERF, file, {row[0]: row[1].replace(",", "") for _, row in numbered[1:] if len(row) > 1})
        return
    tool, body = _PLAIN, numbered[1:]
    if "Run Info" in header or "Token Throughput" in header:
        tool, body = GUIDELLM, numbered[3:]
        header = [": ".join(filter(None, column)) for column in _columns(numbered[:3])]
    elif any(name.startswith("Successful ") for name in header):
        tool = GUIDELLM
    elif "output_throughput" in header and "total_output_tokens" in header:
        tool = VLLM
    else:
        _check_plain_header(f"{file}:{numbered[0][0]}", header)
    for line, row in body:
        if len(row) != len(header):
            raise ValueError(f"{file}:{line}: has {len(row)} cells, must have {len(header)}")
        yield Run(tool, f"{file}:{line}", dict(zip(header, row, strict=True)))


def _csv_rows(file: str, text: str) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, without blanks around cells, each with its line."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as fault:
        raise ValueError(f"{file}:{reader.line_num}: is no CSV: {fault}") from fault
    return [(line, row) for line, row in rows if any(row)]


def _columns(numbered: Sequence[tuple[int, Sequence[str]]]) -> Iterator[tuple[str, ...]]:
    width = max(len(row) for _, row in numbered)
    return zip(*([*row, *[""] * (width - len(row))] for _, row in numbered), strict=True)


def _check_plain_header(place: str, header: Sequence[str]) -> None:
    faults = [f"{place}: {name}: column is missing" for name in _NEEDED if name not in header]
    faults += [
        f"{place}: {name}: unknown column, must be one of {', '.join(PLAIN_COLUMNS)}"
        for name in header
        if name not in PLAIN_COLUMNS
    ]
    faults += [f"{place}: {name}: column is repeated" for name in PLAIN_COLUMNS if header.count(name) > 1]
    if faults:
        raise ValueError("\n".join(faults))
