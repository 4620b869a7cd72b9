"""What a reader of an estimate should know: lengths, arithmetic, loads and measurements out of the ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import Measured, usable_rows
from simulator.catalogue.replicas import ReplicaIds
from simulator.domain.arithmetic import arithmetic_of
from simulator.domain.measurements import Measurement
from simulator.domain.models_and_gpus import GPUS_PER_MACHINE, OpenModel
from simulator.domain.serving_state import Load
from simulator.domain.throughput import ThroughputEstimate

_EXPECTED_UNPACKED = ("int4", "w8a16")  # formats that no GPU computes in
_FAR_RATIO = 2.5  # a measurement so many times off the roofline is hardly of what was asked


def context_warnings(model: OpenModel, longest: float) -> tuple[str, ...]:
    """A warning where requests are beyond the context but engines were measured there; ValueError beyond that."""
    if model.context_tokens is None:
        return ()
    context = model.context_tokens.value
    if longest <= context:
        return ()
    measured = max(
        (
            (row.input_tokens or 0.0) + (row.output_tokens or 0.0)
            for row in usable_rows()
            if open_model(row.model).shape_id == model.shape_id
        ),
        default=0.0,
    )
    if longest <= measured:
        text = f"{longest:g} tokens are beyond the context of {model.id}, {context:g}; engines were measured at that"
        return (text,)
    raise ValueError(
        f"input_tokens + output_tokens is {longest:g}, must be at most {context:g}, the context of {model.id}"
    )


@cache
def replica_warnings(ids: ReplicaIds) -> tuple[str, ...]:
    """What is out of the ordinary with a replica, whatever its load."""
    return (*_layout_warnings(ids), *_arithmetic_warnings(ids))


def _layout_warnings(ids: ReplicaIds) -> tuple[str, ...]:
    """That a replica is larger than a machine."""
    if ids.layout.gpus <= GPUS_PER_MACHINE:
        return ()
    return (f"{ids.layout.gpus:g} GPUs span machines, whose links are slower than those within one, as assumed here",)


def _arithmetic_warnings(ids: ReplicaIds) -> tuple[str, ...]:
    """That a GPU has no arithmetic of its own for a precision."""
    arithmetic = arithmetic_of(gpu_of(ids.gpu), ids.precision)
    if arithmetic is None or not arithmetic.weights_only or ids.precision in _EXPECTED_UNPACKED:
        return ()
    return (f"{ids.gpu} has no {ids.precision} arithmetic: weights take less memory, computing is in 16 bit",)


def far_measurements(own: Sequence[Measurement]) -> tuple[str, ...]:
    """That a user's own measurement is far from what the roofline has for its replica."""
    if not own:
        return ()
    ratios = np.exp(Measured(own).log_ratios())
    return tuple(
        f"{row.source} says {row.value:,.4g} {row.metric}, {ratio:.2g} times the roofline of {row.gpus} x {row.gpu} "
        f"with {row.model} in {row.precision}: was that what was measured?"
        for row, ratio in zip(own, ratios, strict=True)
        if not 1.0 / _FAR_RATIO < ratio < _FAR_RATIO
    )


def load_warnings(load: Load, answer: ThroughputEstimate) -> tuple[str, ...]:
    """That a load is more than a replica can take."""
    if load.regime == "static" and np.any(answer.concurrency > answer.max_concurrency):
        return ("the batch is beyond what fits into memory at once; it would run in turns, slower",)
    arriving = load.arrival_requests_per_s
    if load.regime == "open" and arriving is not None and np.any(answer.requests_per_s < 0.999 * arriving):
        return ("more requests arrive than the replica can serve: a queue would grow without end",)
    return ()
