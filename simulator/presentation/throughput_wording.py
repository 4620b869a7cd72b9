"""Layouts, loads, limits and evidence of throughput in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.domain.measurements import Metric, Regime
from simulator.domain.roofline import Layout
from simulator.domain.throughput import Bound, EvidenceKind
from simulator.presentation.numbers import number

MS_PER_S = 1_000.0

METRIC_UNITS: dict[Metric, str] = {
    "output_tokens_per_s": "output tokens/s",
    "requests_per_s": "requests/s",
    "tpot_s": "s per token",
    "ttft_s": "s to the first token",
    "images_per_s": "images/s",
}
BOUND_WORDS: dict[Bound, str] = {
    "weights": "reading the weights",
    "kv": "the key-value cache: reading it, or room for it",
    "compute": "arithmetic",
    "links": "messages between GPUs",
    "overhead": "overheads of the engine",
    "batch cap": "the engine's limit on sequences at once",
    "latency": "the limit on the time per token",
    "memory": "memory",
}
SHORT_EVIDENCE: dict[EvidenceKind, str] = {
    "your measurement": "yours",
    "measured nearby": "measured",
    "same model and GPU, other settings": "similar",
    "roofline estimate": "roofline",
    "roofline estimate of a mixture of experts": "roofline",
}


def gpus_words(count: int) -> str:
    """A number of GPUs: '1 GPU', '2 GPUs'."""
    return f"{count} GPU" if count == 1 else f"{count} GPUs"


def layout_words(layout: Layout) -> str:
    """A layout with its degrees of parallelism.

    Examples
    --------
    >>> layout_words(Layout()), layout_words(Layout(tensor_parallel=4))
    ('1 GPU', '4 GPUs, tensor 4')
    """
    degrees = (
        ("tensor", layout.tensor_parallel),
        ("pipeline", layout.pipeline_parallel),
        ("data", layout.data_parallel),
        ("expert", layout.expert_parallel),
    )
    parts = [gpus_words(int(layout.gpus))]
    return ", ".join([*parts, *(f"{name} {int(degree)}" for name, degree in degrees if degree > 1)])


def short_layout(layout: Layout) -> str:
    """A layout as rankings try them: tensor parallel, or expert parallel with data-parallel attention."""
    return gpus_words(int(layout.gpus)) + (" expert-parallel" if layout.expert_parallel > 1 else "")


def load_words(regime: Regime, asked: Mapping[str, Any]) -> str:
    """What a replica is loaded with."""
    clients, requests, rate = (asked.get(key) for key in ("concurrency", "n_requests", "arrival_requests_per_s"))
    words: dict[Regime, str] = {
        "saturated": "all requests queued, full load",
        "closed": f"{clients:g} clients, each waiting for its answer" if clients else "as many clients as run at once",
        "static": f"a fixed batch of {clients:g}" if clients else "a fixed batch",
        "burst": f"{requests:g} requests at once, no refill" if requests else "requests at once, no refill",
        "open": f"requests arriving at {rate:g} per second" if rate else "requests arriving at a rate",
        "single": "one request at a time",
        "mlperf-offline": "MLPerf offline",
        "mlperf-server": "MLPerf server",
    }
    return words[regime]


def milliseconds(seconds: float) -> str:
    """A time to three digits: '75.3 ms', '1.2 s'."""
    return f"{number(seconds * MS_PER_S)} ms" if seconds < 1.0 else f"{number(seconds)} s"
