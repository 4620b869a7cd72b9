"""Public traces with a row for every request, and tables whose columns the user names.

- Azure LLM inference traces of 2023 and 2024: `AzureLLMInferenceDataset2023.md` and `...2024.md` of
  Azure/AzurePublicDataset. Local text without a zone and seven decimals in 2023, UTC with an offset in 2024.
- BurstGPT: README of HPMLL/BurstGPT. Seconds from the first day on; no response tokens mean that the request failed.
  The variant with sessions has `Session ID` and `Elapsed time` besides.
- Mooncake: `FAST25-release` of kvcache-ai/Mooncake, JSON lines, milliseconds.
- Qwen-Bailian: README of alibaba-edu/qwen-bailian-usagetraces-anon, JSON lines, seconds.
- home-made logs: the names that most services give to time and tokens; no document says so, hence the note.
- vidur: `data/processed_traces` of microsoft/vidur (commit 7d47513), seconds from the start.
"""

from __future__ import annotations

import numpy as np

from simulator.traces.counting import Mask, RequestFormat
from simulator.traces.faults import fault
from simulator.traces.tables import Chunk, Table, numbers


def _without_answer(table: Table, chunk: Chunk) -> dict[str, Mask]:
    """BurstGPT writes 0 response tokens for requests that failed; clients try those again."""
    column = table.named("Response tokens")
    assert column is not None
    return {"requests that failed (0 response tokens)": numbers(table, chunk, column, "tokens") == 0.0}


AZURE = RequestFormat(
    layout="Azure LLM inference trace (TIMESTAMP, ContextTokens, GeneratedTokens)",
    marks=(("TIMESTAMP",), ("ContextTokens",), ("GeneratedTokens",)),
    time=("TIMESTAMP",),
    input=("ContextTokens",),
    output=("GeneratedTokens",),
)
BURSTGPT = RequestFormat(
    layout="BurstGPT (Timestamp, Request tokens, Response tokens)",
    marks=(("Timestamp",), ("Request tokens",), ("Response tokens",)),
    time=("Timestamp",),
    input=("Request tokens",),
    output=("Response tokens",),
    clock="offset_s",
    left_out=_without_answer,
)
BAILIAN = RequestFormat(
    layout="Qwen-Bailian (chat_id, timestamp in s, input_length, output_length)",
    marks=(("chat_id",), ("timestamp",), ("input_length",), ("output_length",)),
    time=("timestamp",),
    input=("input_length",),
    output=("output_length",),
    clock="offset_s",
)
MOONCAKE = RequestFormat(
    layout="Mooncake (timestamp in ms, input_length, output_length)",
    marks=(("timestamp",), ("input_length",), ("output_length",)),
    time=("timestamp",),
    input=("input_length",),
    output=("output_length",),
    clock="offset_ms",
)
VIDUR = RequestFormat(
    layout="vidur (arrived_at in s, num_prefill_tokens, num_decode_tokens)",
    marks=(("arrived_at",), ("num_prefill_tokens",), ("num_decode_tokens",)),
    time=("arrived_at",),
    input=("num_prefill_tokens",),
    output=("num_decode_tokens",),
    clock="offset_s",
)
PUBLIC_TRACES = (AZURE, BURSTGPT, BAILIAN, MOONCAKE, VIDUR)

_TIMES = ("timestamp", "time", "ts", "datetime", "created_at")
_INPUTS, _OUTPUTS = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")
HOME_MADE = RequestFormat(
    layout="log of requests (a time, prompt_tokens or input_tokens, completion_tokens or output_tokens)",
    marks=(_TIMES, _INPUTS, _OUTPUTS),
    time=_TIMES,
    input=_INPUTS,
    output=_OUTPUTS,
    clock="any",
    notes=("the columns are known by common names; every row is taken as one request (assumed)",),
)
_COUNTS = ("requests", "num_requests", "n_requests", "request_count", "num_model_requests", "calls", "count")


def is_home_made(table: Table) -> bool:
    """Whether the columns have the names most logs of requests give them, and none of them counts requests."""
    return HOME_MADE.fits(table) and table.named(*_COUNTS) is None


def of_named_columns(table: Table, time: str, input_: str | None, output: str | None) -> RequestFormat:
    """A table of requests by the columns that the user names.

    Raises
    ------
    TraceError
        If one of them is not in the file.
    """
    for name in (time, input_, output):
        if name is not None:
            named_by_user(table, name)
    told = [f"{what} '{name}'" for what, name in (("time", time), ("input", input_), ("output", output)) if name]
    return RequestFormat(
        layout=f"{table.kind} with columns named by the user: {', '.join(told)}",
        marks=((time,),),
        time=(time,),
        input=None if input_ is None else (input_,),
        output=None if output is None else (output,),
        clock="any",
    )


def named_by_user(table: Table, name: str) -> str:
    """The column of that name.

    Raises
    ------
    TraceError
        If the file has none.
    """
    column = table.named(name)
    if column is None:
        line = 1 if table.kind == "CSV" else None
        raise fault(table.path, line, name, f"no such column, must be one of {', '.join(table.columns)}")
    return column


def nothing(chunk: Chunk) -> Mask:
    """No row of a chunk."""
    return np.zeros(len(chunk.frame), dtype=bool)
