"""An estimate of what one replica serves: figures, what limits them, what they stand on and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np

from simulator.domain.roofline import Fastest, Replica, experts_met_share, fastest, output_tokens_per_s
from simulator.domain.serving import Numbers, larger, smaller
from simulator.domain.serving_state import Load, State

EvidenceKind = Literal[
    "your measurement",
    "measured nearby",
    "same model and GPU, other settings",
    "roofline estimate",
    "roofline estimate of a mixture of experts",
]
Bound = Literal["weights", "kv", "compute", "links", "overhead", "batch cap", "latency", "memory"]

# Covariance with the most alike measurement, over the variance, from which it counts as nearby.
NEARBY_LIKENESS = 0.5
LEAST_LIKENESS = 0.05  # below it a measurement of the same model and GPU says nothing about the question
_NEARLY = 0.999  # a batch so close to the largest is the largest, as much of what arrives is all of it
_WAITING = ("weights", "overhead")  # parts of an iteration that a larger batch would share


class Band(NamedTuple):
    """Where four measurements of five would lie. [output tokens/s]"""

    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Source:
    """A measurement that an estimate stands on."""

    id: str
    model: str
    gpu: str
    gpus: int
    precision: str | None
    kv_precision: str | None
    engine: str
    engine_version: str | None
    input_tokens: float
    output_tokens: float
    value: float
    metric: str
    source: str
    as_of: date | None
    unverified: bool
    likeness: float  # to the question, 0 to 1


@dataclass(frozen=True)
class ThroughputEstimate:
    """What one replica serves. Figures are numbers, or arrays of shape (n,) where lengths or concurrency were arrays.

    Attributes
    ----------
    output_tokens_per_s, total_tokens_per_s, requests_per_s : number or array
        Of the whole replica; 0 where the model does not fit.
    ttft_s, tpot_s : number or array
        Mean time to the first token, without waiting for a place in the batch, and from token to token. [s]
    concurrency : number or array
        Sequences that run at once.
    max_concurrency : number or array
        Whole sequences that memory and engine allow at once.
    fits : bool or array
        Whether weights and one sequence fit into memory.
    bound : str or array of str
        What limits the figure.
    evidence : str or array of str
        What it stands on.
    band : Band
        80 % band of output_tokens_per_s.
    sources : tuple of Source
        The most alike measurements, most alike first.
    warnings : tuple of str
        What a reader should know.
    """

    model: str
    gpu: str
    gpus: int
    precision: str
    kv_precision: str
    engine: str
    output_tokens_per_s: Any
    total_tokens_per_s: Any
    requests_per_s: Any
    ttft_s: Any
    tpot_s: Any
    concurrency: Any
    max_concurrency: Any
    fits: Any
    bound: Any
    evidence: Any
    band: Band
    sources: tuple[Source, ...]
    warnings: tuple[str, ...] = ()


class Figures(NamedTuple):
    """Roofline figures after anchoring."""

    output_tokens_per_s: Numbers
    tpot_s: Numbers
    ttft_s: Numbers


def anchored(replica: Replica, load: Load, state: State, corrections: tuple[Numbers, Numbers, Numbers]) -> Figures:
    """Roofline figures corrected by what was measured, never above what the data sheet allows.

    Parameters
    ----------
    replica, load, state : Replica, Load, State
        The replica, its load, and its state by the roofline.
    corrections : tuple of three numbers or arrays of shape (n,)
        Logarithm of measured over roofline, of throughput and of the rates that time per token and time to the first
        token are inverses of.

    Returns
    -------
    Figures
        With arrivals at a rate, what arrives is what is served, up to what the largest batch serves.
    """
    output_tokens = larger(load.output_tokens, 1.0)
    most = _fastest(replica, load, state.batch)
    factor = np.exp(corrections[0])
    if load.regime == "open" and load.arrival_requests_per_s is not None:
        capacity: Numbers = output_tokens_per_s(state.terms, state.batch_limit) * factor
        capacity = smaller(capacity, _fastest(replica, load, state.batch_limit).output_tokens_per_s)
        throughput = smaller(load.arrival_requests_per_s * output_tokens, capacity)
    else:
        throughput = smaller(state.output_tokens_per_s * factor, most.output_tokens_per_s)
    tpot_s = larger(state.tpot_s / np.exp(corrections[1]), most.tpot_s)
    return Figures(throughput, tpot_s, state.ttft_s / np.exp(corrections[2]))


def _fastest(replica: Replica, load: Load, batch: Numbers) -> Fastest:
    output_tokens = larger(load.output_tokens, 1.0)
    return fastest(replica, batch, load.input_tokens, output_tokens, load.prefix_cached_share, load.speculative_factor)


def bound_of(replica: Replica, load: Load, state: State) -> Any:
    """What limits the throughput: the largest part of an iteration, or what keeps the batch small.

    Parameters
    ----------
    replica, load, state : Replica, Load, State
        The replica, its load, and its state by the roofline.

    Returns
    -------
    str or array of str, shape (n,)
        `weights`, `kv` (reading the cache, or room for it), `compute`, `links`, `overhead`, `batch cap`, `latency`, or
        `memory` where the model does not fit. A batch that is capped while reading weights takes longest is limited
        by the cap.
    """
    terms, batch = state.terms, state.batch
    tokens = batch * terms.tokens_per_pass
    parts = {
        "weights": terms.weights_s + terms.experts_s * experts_met_share(terms, batch),
        "kv": batch * terms.kv_s,
        "compute": tokens * (terms.matrices_s + terms.prefill_s),
        "links": tokens * (terms.link_s + terms.link_prefill_s) + terms.latency_s,
        "overhead": terms.overhead_s + batch * terms.sequence_overhead_s,
    }
    full = batch >= _NEARLY * state.largest_batch
    limited: Any = False
    if load.tpot_limit_s is not None:
        limited = ~np.asarray(full) & ((state.tpot_s > 0.98 * load.tpot_limit_s) | (batch <= 0.0))
    capped = "batch cap", state.largest_batch < state.batch_in_memory
    if np.ndim(batch) == 0:
        largest = max(parts, key=lambda name: float(parts[name]))
        if largest in _WAITING and full:
            largest = capped[0] if capped[1] else "kv"
        return "memory" if state.largest_batch < 1.0 else "latency" if limited else largest
    names, seconds = np.array(list(parts)), np.stack(np.broadcast_arrays(*parts.values()))
    bound = names[seconds.argmax(axis=0)]
    bound = np.where(np.isin(bound, _WAITING) & full, np.where(capped[1], capped[0], "kv"), bound)
    return np.where(state.largest_batch < 1.0, "memory", np.where(limited, "latency", bound))


def band_around(output_tokens_per_s: Numbers, half_width: Numbers) -> Band:
    """The band whose ends are so far from a figure, as a logarithm."""
    return Band(output_tokens_per_s * np.exp(-half_width), output_tokens_per_s * np.exp(half_width))
