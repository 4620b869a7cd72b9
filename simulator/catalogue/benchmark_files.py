"""Reads a user's own benchmark results as measurements; `benchmark_formats` says of which tools and versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from math import inf, prod
from pathlib import Path
from typing import Any

from simulator.catalogue.benchmark_formats import ABOVE_ZERO, GENAI_PERF, GUIDELLM, VLLM, Run, runs_of
from simulator.domain.measurements import Measurement, Regime
from simulator.domain.models_and_gpus import Precision


def read_benchmark_file(
    path: Path | str,
    *,
    model: str,
    gpu: str,
    gpus: int,
    precision: Precision,
    tensor_parallel: int | None = None,
    pipeline_parallel: int = 1,
    data_parallel: int = 1,
    expert_parallel: int = 1,
    kv_precision: Precision | None = None,
    engine: str = "vllm",
    engine_version: str | None = None,
) -> tuple[Measurement, ...]:
    """The runs in a file of benchmark results.

    Parameters
    ----------
    path : Path or str
        Results of `vllm bench serve`, `genai-perf profile` or `guidellm benchmark`, or a plain CSV.
    model, gpu, gpus, precision
        What was measured, which the files do not say: ids of the catalogue, GPUs of all replicas behind the endpoint.
    tensor_parallel : int or None
        None: the GPUs that pipeline and data parallelism leave.
    pipeline_parallel, data_parallel, expert_parallel, kv_precision, engine, engine_version
        Further settings of the server.

    Returns
    -------
    tuple of Measurement
        One for each run, with `output_tokens_per_s` as metric. Regime `open` for a finite rate of requests, else
        `closed` where the number of clients is given, else `saturated`.

    Raises
    ------
    ValueError
        If the file cannot be read as one of the formats, with every fault in a line of its own.
    """
    if tensor_parallel is None:
        tensor_parallel = gpus // (pipeline_parallel * data_parallel)
    if prod((tensor_parallel, pipeline_parallel, data_parallel)) != gpus or gpus < 1:
        raise ValueError(
            f"gpus is {gpus}, must be tensor x pipeline x data parallel = "
            f"{tensor_parallel} x {pipeline_parallel} x {data_parallel}"
        )
    path = Path(path)
    runs = runs_of(path)
    faults: list[str] = []
    figures = [_figures_of(run, faults) for run in runs]
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(
        Measurement(
            id=path.stem if len(runs) == 1 else f"{path.stem}-{number}",
            model=model,
            gpu=gpu,
            gpus=gpus,
            tensor_parallel=tensor_parallel,
            pipeline_parallel=pipeline_parallel,
            data_parallel=data_parallel,
            expert_parallel=expert_parallel,
            precision=precision,
            kv_precision=kv_precision,
            engine=engine,
            engine_version=engine_version,
            source=f"your benchmark {path.name}",
            metric="output_tokens_per_s",
            **run,
        )
        for number, run in enumerate(figures, start=1)
    )


def _figures_of(run: Run, faults: list[str]) -> dict[str, Any]:
    """The fields of the measurement that the run tells."""
    own: list[str] = []
    n_requests = run.number("n_requests", own, least=1)
    figures = {
        "input_tokens": run.number("input_tokens", own, least=0.0, needed=True),
        "output_tokens": run.number("output_tokens", own, least=ABOVE_ZERO, needed=True),
        "value": run.number("output_tokens_per_s", own, least=ABOVE_ZERO, needed=True),
        "ttft_s": run.number("ttft_s", own, least=0.0) or None,  # 0 where answers did not stream
        "tpot_s": run.number("tpot_s", own, least=0.0) or None,  # 0 where a request has one token
        "n_requests": None if n_requests is None else round(n_requests),
    }
    concurrency, rate, notes = _load_of(run, own)
    regime: Regime = "open" if rate is not None else "closed" if concurrency is not None else "saturated"
    derived = bool(notes)
    failed = run.values.get("failed")
    if isinstance(failed, int) and failed > 0:
        notes.append(f"{failed} requests failed")
    if run.values.get("spec_decode_acceptance_rate") is not None:
        notes.append("speculative decoding")
    faults.extend(dict.fromkeys(own))  # the same count may be asked for twice
    return figures | {
        "concurrency": concurrency,
        "arrival_requests_per_s": rate,
        "regime": regime,
        "as_of": _day_of(run),
        "unverified": derived,
        "note": "; ".join(notes) or None,
    }


def _load_of(run: Run, faults: list[str]) -> tuple[int | None, float | None, list[str]]:
    """Clients, rate of requests, and notes on how they were found if the file does not say; no rate if all at once."""
    if run.tool is GUIDELLM:
        return _guidellm_load(run, faults)
    clients = run.number("concurrency", faults, least=1)
    rate = None if _is_infinite(run.raw("request_rate")[1]) else run.number("request_rate", faults, least=ABOVE_ZERO)
    if clients is None and rate is None and run.tool is GENAI_PERF:
        finished = run.number("requests_per_s", faults, least=ABOVE_ZERO, needed=True)
        latency_s = run.number("latency_s", faults, least=ABOVE_ZERO, needed=True)
        if finished is None or latency_s is None:
            return None, None, []
        return max(1, round(finished * latency_s)), None, ["clients not stated, taken as requests/s x latency"]
    return None if clients is None else round(clients), rate, []


def _is_infinite(raw: Any) -> bool:
    return raw == inf or str(raw).lower() in ("inf", "infinity")


def _guidellm_load(run: Run, faults: list[str]) -> tuple[int | None, float | None, list[str]]:
    strategy, number = _guidellm_strategy(run.values)
    if strategy == "synchronous":
        return 1, None, []
    if strategy == "throughput":
        return None if number is None else round(number), None, []
    if strategy in ("constant", "poisson"):
        if number is not None:
            return None, number, []
        finished = run.number("requests_per_s", faults, least=ABOVE_ZERO, needed=True)
        return None, finished, ["rate not stated, taken as the requests finished per second"]
    if strategy == "concurrent" and number is not None:
        return round(number), None, []
    running = run.number("running", faults, least=ABOVE_ZERO, needed=True)
    clients = None if running is None else max(1, round(running))
    return clients, None, ["clients not stated, taken as the mean of running requests"]


def _guidellm_strategy(values: Mapping[str, Any]) -> tuple[str, float | None]:
    """Kind of load and its number: `config.strategy` in JSON (`args` before 0.4), `concurrent@8` in CSV."""
    for parent in ("config", "args", "scheduler"):
        kind = values.get(f"{parent}.strategy.type_")
        if kind:
            numbers = (values.get(f"{parent}.strategy.{name}") for name in ("streams", "rate", "max_concurrency"))
            return str(kind), next((float(number) for number in numbers if isinstance(number, int | float)), None)
    text = str(values.get("Benchmark: Strategy") or values.get("Name") or "")
    kind, _, number = text.partition("@")
    return kind, float(number) if re.fullmatch(r"\d+(\.\d+)?", number) else None


def _day_of(run: Run) -> date | None:
    """Day of the run: `date` of vLLM (20250610-101500), `start_time` of GuideLLM (seconds since 1970); else None."""
    if run.tool is VLLM and re.match(r"\d{8}-", str(run.values.get("date"))):
        return datetime.strptime(str(run.values["date"])[:8], "%Y%m%d").date()
    started = run.values.get("start_time")
    if run.tool is GUIDELLM and isinstance(started, int | float) and 0 < started < 1e11:
        return datetime.fromtimestamp(started, UTC).date()
    return None
