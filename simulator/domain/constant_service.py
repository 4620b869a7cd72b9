"""Queues whose service time is constant, exactly: M/D/c, and the queue of a program that runs in slots.

Both are the greatest value of a random walk, whose cumulants are sums over the walk's positive parts (F. Spitzer, "A
combinatorial lemma and its application to probability theory", Transactions of the American Mathematical Society 82,
1956): kappa_n = sum over k of E[(S_k^+)^n] / k, and P(0) = exp(-sum of P(S_k > 0) / k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.domain.plans import Array

# Terms added one by one; those after them change so slowly that an integral with the first correction of Euler and
# Maclaurin takes their place, with an error below 1e-8 of the sum.
_TERMS = 64
_NODES = 48
_LEAST_DECAY = 45.0  # terms below exp(-45) of the first are left out


@dataclass(frozen=True)
class ExtremeLaw:
    """Probability of zero, mean and variance of a queue or wait; numbers or arrays of one shape."""

    p_zero: Any
    mean: Any
    variance: Any
    p_above_zero: Any  # not 1 - p_zero, which would lose small probabilities


def wait_at_constant_service(servers: Any, load_share: Any) -> ExtremeLaw:
    """Wait in M/D/c, in service times.

    Parameters
    ----------
    servers : float or array of shape (n,)
        Requests served side by side, above 0; between whole numbers the formula is continued smoothly.
    load_share : float or array of shape (n,)
        Arrivals over capacity, above 0 and below 1.

    Returns
    -------
    ExtremeLaw
        Of the wait of a request, first in first out, in the steady state. [service times]

    Notes
    -----
    Every c-th request goes to the same server, so that waits are those of one server with Erlang-c times between
    arrivals (C. D. Crommelin, "Delay probability formulas when the holding times are constant", P.O. Electrical
    Engineers' Journal 25, 1932). The walk is S_k = k - X_k with X_k gamma of shape k c; exact for whole c.

    Examples
    --------
    >>> round(float(wait_at_constant_service(1, 0.8).mean), 6)
    2.0
    """
    servers, load = np.broadcast_arrays(np.asarray(servers, dtype=np.float64), np.asarray(load_share, dtype=np.float64))

    def positive_parts(steps: Array) -> tuple[Array, Array, Array]:
        from scipy.special import gammainc, gammaln

        shape, work = servers[..., None] * steps, (servers * load)[..., None] * steps
        reached = gammainc(shape, work)  # the gamma time is over within k service times
        density = np.exp(shape * np.log(work) - work - gammaln(shape + 1.0))
        reached_1 = reached - density
        reached_2 = reached_1 - density * work / (shape + 1.0)
        ratio = 1.0 / load[..., None]
        first = steps * (reached - ratio * reached_1)
        square = steps**2 * (reached - 2.0 * ratio * reached_1 + ratio**2 * (1.0 + 1.0 / shape) * reached_2)
        return reached, np.maximum(first, 0.0), np.maximum(square, 0.0)

    return _extreme(positive_parts, servers * (load - 1.0 - np.log(load)))


def queue_in_slots(requests_per_slot: Any, capacity_per_slot: Any) -> ExtremeLaw:
    """Requests left at the end of a slot when a slot serves so many of a Poisson number that came, and of those left.

    Parameters
    ----------
    requests_per_slot : float or array of shape (n,)
        Mean arrivals, above 0 and below the capacity.
    capacity_per_slot : float or array of shape (n,)
        Requests a slot can serve, a whole number.

    Returns
    -------
    ExtremeLaw
        Of B' = max(0, B + A - s) in the steady state. [requests]

    Notes
    -----
    S_k = (Poisson of mean k a) - k s. Over arrivals its mean is the wait of M/D/s whose service time is the slot
    (Little 1961): what a simulation in slots shows of randomness is that of constant service times.

    Examples
    --------
    >>> round(float(queue_in_slots(0.8, 1).mean), 6)
    1.6
    """
    arriving, served = np.broadcast_arrays(
        np.asarray(requests_per_slot, dtype=np.float64), np.asarray(capacity_per_slot, dtype=np.float64)
    )

    def positive_parts(steps: Array) -> tuple[Array, Array, Array]:
        from scipy.special import gammainc

        come, gone = arriving[..., None] * steps, served[..., None] * steps
        above, at_least, one_less = (gammainc(gone + 1.0, come), gammainc(gone, come), gammainc(gone - 1.0, come))
        first = come * at_least - gone * above
        square = come**2 * one_less + (1.0 - 2.0 * gone) * come * at_least + gone**2 * above
        return above, np.maximum(first, 0.0), np.maximum(square, 0.0)

    load = arriving / served
    return _extreme(positive_parts, served * (load - 1.0 - np.log(load)))


def _extreme(positive_parts: Callable[[Array], tuple[Array, Array, Array]], decay: Array) -> ExtremeLaw:
    """Sum the terms over k, which fall as exp(-decay k): P(S_k > 0) / k, E[S_k^+] / k and E[(S_k^+)^2] / k."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    start = _TERMS + 0.5
    span = np.log1p(_LEAST_DECAY / decay / start)
    steps = start * np.exp(span[..., None] * (nodes + 1.0) / 2.0)
    tail_weights = span[..., None] * weights / 2.0  # of the logarithm of k: the division by k is done
    single = np.arange(1.0, _TERMS + 1.0)
    around = np.array([_TERMS, _TERMS + 1.0])
    direct, edge = positive_parts(single), positive_parts(around)
    sums = []
    for first_terms, edge_terms, tail_terms in zip(direct, edge, positive_parts(steps), strict=True):
        slope = edge_terms[..., 1] / around[1] - edge_terms[..., 0] / around[0]
        sums.append((first_terms / single).sum(-1) + (tail_terms * tail_weights).sum(-1) + slope / 24.0)
    return ExtremeLaw(np.exp(-sums[0]), sums[1], sums[2], -np.expm1(-sums[0]))
