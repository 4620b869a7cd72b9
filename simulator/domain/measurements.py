"""One published or own measurement of a model on GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from simulator.domain.models_and_gpus import Precision

Regime = Literal["saturated", "closed", "static", "burst", "open", "single", "mlperf-offline", "mlperf-server"]
Metric = Literal["output_tokens_per_s", "requests_per_s", "tpot_s", "ttft_s", "images_per_s"]

REGIMES: tuple[Regime, ...] = get_args(Regime)
METRICS: tuple[Metric, ...] = get_args(Metric)

# In these regimes `concurrency` is how many sequences run side by side; in the others it is a limit, if given at all.
_SIDE_BY_SIDE: tuple[Regime, ...] = ("closed", "static", "single")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the measured table. Values count all GPUs together; lengths are means per request.

    Attributes
    ----------
    gpus : int
        GPUs measured, all of them counted in `value`.
    tensor_parallel, pipeline_parallel, data_parallel, expert_parallel : int or None
        How the model was spread over them: `gpus` = tensor x pipeline x data. None where the source does not say.
    precision, kv_precision : Precision or None
        Of the weights and of the key-value cache; None where not stated.
    input_tokens, output_tokens : float or None
        Mean lengths of a request; None where not stated, and for images. [tokens]
    concurrency : int or None
        Clients, batch, or limit of running sequences, as the regime has it.
    n_requests : int or None
        Requests of the run.
    arrival_requests_per_s : float or None
        Rate at which requests arrived, of regime `open`. [requests/s]
    regime : Regime
        What was run: all queued from the start (saturated), N clients (closed), a fixed batch (static), N at once and
        no refill (burst), arrivals at a rate (open), one request at a time (single), or a scenario of MLPerf.
    metric, value : Metric, float
        What was measured, in the unit that the metric names.
    ttft_s, tpot_s : float or None
        Mean time to the first token and per further token, where they were measured as well. [s]
    as_of : date or None
        A month or year stands as its first day; None where the source carries no date.
    unverified : bool
        True for derived, undated or partly guessed figures.
    """

    id: str
    model: str
    gpu: str
    gpus: int
    tensor_parallel: int | None
    pipeline_parallel: int | None
    data_parallel: int | None
    expert_parallel: int | None
    precision: Precision | None
    kv_precision: Precision | None
    input_tokens: float | None
    output_tokens: float | None
    concurrency: int | None
    n_requests: int | None
    arrival_requests_per_s: float | None
    regime: Regime
    metric: Metric
    value: float
    ttft_s: float | None
    tpot_s: float | None
    engine: str
    engine_version: str | None
    as_of: date | None
    source: str
    unverified: bool
    note: str | None

    @property
    def output_tokens_per_s(self) -> float | None:
        """Output of all GPUs; None where it cannot be told. [tokens/s]

        A row of regime `open` that gives times alone tells none: more may have arrived than was served.
        """
        if self.metric == "output_tokens_per_s":
            return self.value
        if self.output_tokens is None:
            return None
        if self.metric == "requests_per_s":
            return self.value * self.output_tokens
        if self.metric == "tpot_s" and self.regime == "single" and self.ttft_s is not None:
            return self.output_tokens / (self.ttft_s + self.value * (self.output_tokens - 1.0))
        return None

    @property
    def requests_per_s(self) -> float | None:
        """Requests finished per second, at the lengths measured; None where it cannot be told. [requests/s]"""
        if self.metric == "requests_per_s":
            return self.value
        if self.output_tokens_per_s is None or not self.output_tokens:
            return None
        return self.output_tokens_per_s / self.output_tokens

    @property
    def total_tokens_per_s(self) -> float | None:
        """Input and output tokens per second; None where it cannot be told. [tokens/s]"""
        if self.requests_per_s is None or self.input_tokens is None or self.output_tokens is None:
            return None
        return self.requests_per_s * (self.input_tokens + self.output_tokens)

    @property
    def mean_tpot_s(self) -> float | None:
        """Mean time per output token after the first, measured; None where it was not. [s]"""
        return self.value if self.metric == "tpot_s" else self.tpot_s

    @property
    def running_sequences(self) -> int | None:
        """Sequences running side by side, where the regime fixes their number."""
        return self.concurrency if self.regime in _SIDE_BY_SIDE else None
