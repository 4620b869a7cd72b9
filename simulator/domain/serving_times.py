"""How a fleet serves single requests: places side by side, time in service, and times to and between tokens by load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.request_lengths import LengthLaw, LognormalLength, QuantileLength, normal_share_below
from simulator.domain.workload import RequestClass

Array = NDArray[Any]  # of float64

_EDGES = np.linspace(-8.0, 8.0, 801)


@dataclass(frozen=True)
class ServingTimes:
    """Places of a replica, and times of one call. A request makes `calls_per_request` of them, one after the other.

    `first_token_s` is counted from the start of service; it and `time_per_token_s` belong to `loads`, shares of full
    load that rise from 0 to 1. Where the time per token is not known it is empty.
    """

    slots_per_replica: float
    service_s: float  # that a call holds its slot at full load
    calls_per_request: float = 1.0
    service_scv: float = 1.0
    loads: tuple[float, ...] = (0.0, 1.0)
    first_token_s: tuple[float, ...] = (0.0, 0.0)
    time_per_token_s: tuple[float, ...] = ()
    scv_is_assumed: bool = False  # nothing is known of how the time in service varies
    knows_first_token: bool = True  # False: the time to the first token is the wait alone

    def first_token_at(self, load: Any) -> Array:
        """Time from the start of service to the first token at shares of full load. [s]"""
        return np.interp(load, self.loads, self.first_token_s)

    def time_per_token_at(self, load: Any) -> Array | None:
        """Time per output token at shares of full load; None: not known. [s]"""
        return np.interp(load, self.loads, self.time_per_token_s) if self.time_per_token_s else None


def service_scv_of(workload: Mapping[str, RequestClass]) -> float | None:
    """Squared coefficient of variation of a call's time in service, where that follows the length of its answer.

    Parameters
    ----------
    workload : mapping of RequestClass
        The classes; each counts by its share and its calls.

    Returns
    -------
    float or None
        Variance of the output tokens of a call over their squared mean, reasoning and cap included; None where the
        length of a class' answers is given as a mean, which says nothing of its spread.

    Notes
    -----
    E[X^2] / E[X]^2 - 1 over the mixture of the classes. Decoding takes most of the time that a call is in service; the
    time of its prompt is not counted.
    """
    calls = first = second = 0.0
    for request in workload.values():
        law = request.output_law
        if not isinstance(law, LognormalLength | QuantileLength):
            return None
        lengths, weights = _answers(law, request)
        weight = request.share * request.served_calls
        calls += weight
        first += weight * float(weights @ lengths)
        second += weight * float(weights @ lengths**2)
    if calls <= 0.0 or first <= 0.0:
        return None
    return max(second * calls / first**2 - 1.0, 0.0)


def _answers(law: LengthLaw, request: RequestClass) -> tuple[Array, Array]:
    """Lengths of the answers of a class, reasoning and cap included, and their weights, which add to 1."""
    middles = (_EDGES[1:] + _EDGES[:-1]) / 2
    shares = np.diff([normal_share_below(float(edge)) for edge in _EDGES])
    lengths = law.at_normal(middles)
    if request.output_cap_tokens is not None:
        lengths = np.minimum(lengths, request.output_cap_tokens)
    return lengths + request.reasoning_tokens, shares / shares.sum()
