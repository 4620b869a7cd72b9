"""Logs of gateways and observability tools, with a row for every call of a model.

- LiteLLM: table `LiteLLM_SpendLogs` of its `schema.prisma` (1.50 to 1.86), as `/spend/logs` and `/spend/logs/v2` or an
  export of the table give it. Times are UTC; `request_id` is the primary key; the newest row may come first. Rows of
  failed calls have `status` `failure`.
- Langfuse: observations as its API (`startTime`, `usageDetails`, before 3.0 `usage` or `promptTokens`), its export from
  the interface, and its export to blob storage ("Blob Storage Export Field Reference", 2026: `start_time`,
  `usage_details`; UTC) give them. Only observations of type GENERATION are calls of a model. As Langfuse adds up, all
  details whose names begin with `input` are input; Anthropic's `cache_*_input_tokens` are too.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from simulator.traces.counting import Array, Mask, RequestFormat
from simulator.traces.faults import shown
from simulator.traces.formats_requests import nothing
from simulator.traces.tables import Chunk, Table, numbers, unknowns

# Parts of LiteLLM's call types that are no text generation: `aembedding`, `aimage_generation`, `call_mcp_tool`, ...
_OTHER_CALLS = ("embedding", "image", "speech", "transcription", "rerank", "moderation", "mcp", "file", "batch")


def _texts(table: Table, chunk: Chunk, *names: str) -> Any:
    """A column as text in small letters; None where there is none."""
    column = table.named(*names)
    if column is None:
        return None
    values = chunk.frame[column]
    return values.where(~unknowns(values), "").astype("str").str.strip().str.casefold()


def _litellm_left_out(table: Table, chunk: Chunk) -> dict[str, Mask]:
    status, call_type = _texts(table, chunk, "status", "metadata.status"), _texts(table, chunk, "call_type")
    failed = nothing(chunk) if status is None else status.eq("failure").to_numpy(dtype=bool)
    other = nothing(chunk)
    for part in _OTHER_CALLS if call_type is not None else ():
        other |= call_type.str.contains(part, regex=False).to_numpy(dtype=bool)
    return {"calls that failed (status failure)": failed, "calls that generate no text (by call_type)": other}


def _litellm_remarks(table: Table, chunk: Chunk) -> dict[str, Mask]:
    hit = _texts(table, chunk, "cache_hit")
    return {} if hit is None else {"answered from LiteLLM's cache": hit.eq("true").to_numpy(dtype=bool)}


LITELLM = RequestFormat(
    layout="LiteLLM spend log (startTime, prompt_tokens, completion_tokens)",
    marks=(("startTime",), ("prompt_tokens",), ("completion_tokens",)),
    time=("startTime",),
    input=("prompt_tokens",),
    output=("completion_tokens",),
    zone_is_utc=True,
    newest_first=True,
    id=("request_id",),
    left_out=_litellm_left_out,
    remarks=_litellm_remarks,
)


def _langfuse_left_out(table: Table, chunk: Chunk) -> dict[str, Mask]:
    kind, level = _texts(table, chunk, "type"), _texts(table, chunk, "level")
    other = nothing(chunk) if kind is None else kind.ne("generation").to_numpy(dtype=bool)
    failed = nothing(chunk) if level is None else level.eq("error").to_numpy(dtype=bool)
    return {"observations that are no generation": other, "generations that failed (level ERROR)": failed}


_DETAILS = ("usageDetails", "usage_details")
_SIDES = {
    "input": (("inputUsage", "input_usage", "inputTokens"), ("promptTokens", "prompt_tokens"), "promptTokens"),
    "output": (
        ("outputUsage", "output_usage", "outputTokens"), ("completionTokens", "completion_tokens"), "completionTokens"
    ),
}  # fmt: skip


def _langfuse_tokens(table: Table, chunk: Chunk, side: str) -> Array:
    """From the first place that tells them: the usage details, the sums beside them, then what older versions wrote."""
    sums, older, key = _SIDES[side]
    tokens = np.full(len(chunk.frame), np.nan)
    for names, keys in ((_DETAILS, ()), (sums, None), (("usage",), (side, key)), (older, None)):
        column = table.named(*names)
        if column is None:
            continue
        if keys is None:
            told = numbers(table, chunk, column, "tokens")
        else:
            told = _in_objects(table, chunk, column, side, keys)
        tokens = np.where(np.isnan(tokens), told, tokens)
    return tokens


def _in_objects(table: Table, chunk: Chunk, column: str, side: str, keys: tuple[str, ...]) -> Array:
    """Tokens of one side in a column of objects: under one of the keys, or of all details of that side."""
    tokens = np.full(len(chunk.frame), np.nan)
    for row, value in enumerate(chunk.frame[column]):
        usage = value
        if isinstance(value, str) and value.strip():
            try:
                usage = json.loads(value)
            except json.JSONDecodeError:
                problem = f"is {shown(value)}, must be a JSON object of numbers of tokens"
                raise table.fault(chunk.first_row + row, column, problem) from None
        if not isinstance(usage, dict):
            continue
        if keys:
            parts = {key: usage[key] for key in keys if usage.get(key) is not None}
            parts = dict(list(parts.items())[:1])
        else:
            parts = {key: part for key, part in usage.items() if _is_of(key, side) and part is not None}
        for key, part in parts.items():
            # Parquet maps and some exports write numbers as text.
            number = _number(part)
            if number is None:
                problem = f"is {shown(part)}, must be a number of tokens, at least 0"
                raise table.fault(chunk.first_row + row, f"{column}.{key}", problem)
            tokens[row] = number + (0.0 if math.isnan(tokens[row]) else tokens[row])
    return tokens


def _is_of(detail: str, side: str) -> bool:
    return detail.startswith(side) or (detail.startswith("cache_") and detail.endswith(f"{side}_tokens"))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0.0 else None


LANGFUSE = RequestFormat(
    layout="Langfuse observations (startTime, usageDetails or promptTokens and completionTokens)",
    marks=(
        ("startTime", "start_time"),
        ("traceId", "trace_id", "type"),
        (*_DETAILS, "usage", "inputUsage", "input_usage", "inputTokens", "promptTokens", "prompt_tokens"),
    ),
    time=("startTime", "start_time"),
    input=lambda table, chunk: _langfuse_tokens(table, chunk, "input"),
    output=lambda table, chunk: _langfuse_tokens(table, chunk, "output"),
    zone_is_utc=True,
    newest_first=True,
    id=("id",),
    left_out=_langfuse_left_out,
)
GATEWAYS = (LITELLM, LANGFUSE)
