"""Random waiting in the steady state: Poisson arrivals, c servers, any spread of service times, first in first out.

A server is one of the places of a fleet: replicas times the requests that a replica serves side by side. The load is
arrivals over capacity. Everything takes numbers or arrays, and servers between whole numbers, as a fleet has on average
while it changes.

Where it stops holding: arrivals that come in clumps wait longer than these; a replica that serves fewer requests at a
time serves each faster, so that waits below full load are on the careful side; there are no priorities and no
batches that start together; and a load that changes faster than the queue settles needs `simulation/latency.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.domain.constant_service import wait_at_constant_service
from simulator.domain.plans import Array

# Requests wait so rarely below this that the form of their wait is not worth a sum (and its terms would underflow).
_HEAVIEST = 1.0 - 1e-6
LEAST_P_WAIT = 1e-200


@dataclass(frozen=True)
class WaitLaw:
    """How long requests wait: not at all, or for a gamma-distributed time. Numbers or arrays of one shape."""

    p_wait: Any  # probability that a request waits at all
    mean_of_waiting_s: Any  # mean wait of those that do
    scv_of_waiting: Any  # their variance over their squared mean; 1: exponential

    @property
    def mean_s(self) -> Any:
        """Mean wait of all requests. [s]"""
        return self.p_wait * self.mean_of_waiting_s

    def share_above(self, wait_s: Any) -> Any:
        """Share of requests that wait longer than `wait_s`, at least 0."""
        from scipy.special import gammaincc

        shape = 1.0 / np.asarray(self.scv_of_waiting)
        return self.p_wait * gammaincc(shape, shape * wait_s / self.mean_of_waiting_s)

    def quantile_s(self, share: Any) -> Any:
        """Wait that `share` of the requests stay within: 0.5, 0.95, 0.99. [s]"""
        from scipy.special import gammainccinv

        shape = 1.0 / np.asarray(self.scv_of_waiting)
        longer = np.minimum((1.0 - np.asarray(share)) / np.maximum(self.p_wait, 1e-300), 1.0)
        return self.mean_of_waiting_s / shape * gammainccinv(shape, longer)


def erlang_b(servers: Any, offered_load: Any) -> Array:
    """Probability that all servers are busy where requests that find them so leave (Erlang 1917).

    Parameters
    ----------
    servers : float or array of shape (n,)
        At least 0, not only whole numbers.
    offered_load : float or array of shape (n,)
        Arrivals times mean service time, above 0. [servers]

    Returns
    -------
    array of shape (n,)
        The integral that continues Erlang's sum between whole numbers of servers (D. L. Jagerman, "Some properties of
        the Erlang loss function", Bell System Technical Journal 53, 1974), as an incomplete gamma function. At whole
        numbers it is what the recursion B(c) = a B(c-1) / (c + a B(c-1)) gives.

    Examples
    --------
    >>> round(float(erlang_b(2, 1.0)), 6)
    0.2
    """
    from scipy.special import gammaincc, gammaln

    servers, offered = np.broadcast_arrays(np.asarray(servers, np.float64), np.asarray(offered_load, np.float64))
    fewer = gammaincc(servers + 1.0, offered)  # probability that a Poisson number is at most `servers`
    swamped = fewer < LEAST_P_WAIT
    exactly = np.exp(servers * np.log(offered) - offered - gammaln(servers + 1.0))
    return np.where(swamped, _swamped(servers, offered, swamped), exactly / np.where(swamped, 1.0, fewer))


def _swamped(servers: Array, offered: Array, swamped: Array) -> Array:
    """The same far above full load, where the probabilities underflow: one over the sum of c (c-1) ... / a^k."""
    term, total, index = swamped.astype(np.float64), np.ones(servers.shape), 0
    while np.any(np.abs(term) > 1e-17):
        term = term * (servers - index) / offered
        total, index = total + term, index + 1
    return 1.0 / total


def erlang_c(servers: Any, load_share: Any) -> Array:
    """Probability that a request waits in M/M/c (Erlang 1917).

    Parameters
    ----------
    servers : float or array of shape (n,)
        Above 0, not only whole numbers.
    load_share : float or array of shape (n,)
        Arrivals over capacity, above 0 and below 1.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    ValueError
        If there are no servers, or a load is not between 0 and 1.

    Examples
    --------
    >>> round(float(erlang_c(1, 0.8)), 6)
    0.8
    """
    _check(servers, load_share)
    load = np.asarray(load_share, dtype=np.float64)
    blocked = erlang_b(servers, load * servers)
    return blocked / (1.0 - load * (1.0 - blocked))


def wait_law(servers: Any, load_share: Any, service_s: Any, service_scv: float = 1.0) -> WaitLaw:
    """Law of the wait in M/G/c.

    Parameters
    ----------
    servers : float or array of shape (n,)
        Above 0.
    load_share : float or array of shape (n,)
        Arrivals over capacity, above 0 and below 1.
    service_s : float or array of shape (n,)
        Mean service time. [s]
    service_scv : float
        Its variance over its squared mean, at least 0: 0 constant, 1 exponential.

    Returns
    -------
    WaitLaw

    Raises
    ------
    ValueError
        If there are no servers, a load is not between 0 and 1, or the variability is negative.

    Notes
    -----
    Exact for exponential service (Erlang 1917; the wait of those that wait is exponential) and in mean, variance and
    probability for constant service (`wait_at_constant_service`). Between and beyond, the mean is the system
    interpolation of T. Kimura, "A two-moment approximation for the mean waiting time in the GI/G/s queue", Management
    Science 32, 1986: (1 + scv) / W = 2 scv / W(M/M/c) + (1 - scv) / W(M/D/c), which for one server is exactly that of
    Pollaczek (1930) and Khinchine (1932). Two moments do not tell all: with service times of very long tails (scv well
    above 2) and several servers it can be off by a tenth and more.

    The probability of waiting and the variability of the wait are interpolated, too, by 2 scv / (1 + scv), which makes
    the variance exact for one server with gamma-distributed service; that is our own choice. Above exponential
    variability the probability stays Erlang's.

    Examples
    --------
    >>> round(float(wait_law(1, 0.8, service_s=1.0).mean_s), 6)
    4.0
    >>> round(float(wait_law(1, 0.7, service_s=1.0, service_scv=2.0).mean_s), 6)
    3.5
    """
    _check(servers, load_share)
    if not service_scv >= 0.0 or math.isinf(service_scv):
        raise ValueError(f"service_scv is {service_scv}, must be finite and at least 0")
    servers, load, service_s = np.broadcast_arrays(
        *(np.asarray(a, np.float64) for a in (servers, load_share, service_s))
    )
    waits = erlang_c(servers, load)
    exponential_s = service_s / (servers * (1.0 - load))
    if service_scv == 1.0:
        return WaitLaw(waits, exponential_s, np.ones_like(waits))
    p_constant, mean_constant, scv_constant = _constant_over_exponential(servers, load, waits)
    between = 2.0 * service_scv / (1.0 + service_scv)
    p_over_exponential = 1.0 + max(0.0, 1.0 - between) * (p_constant - 1.0)
    mean = (1.0 + service_scv) / (2.0 * service_scv + (1.0 - service_scv) / mean_constant)
    scv = 1.0 + (between - 1.0) * (1.0 - scv_constant)
    return WaitLaw(waits * p_over_exponential, exponential_s * mean / p_over_exponential, scv)


def _constant_over_exponential(servers: Array, load: Array, waits: Array) -> tuple[Array, Array, Array]:
    """M/D/c over M/M/c: probability of waiting and mean wait; and the squared variation of waits above 0 in M/D/c."""
    if np.any(load > _HEAVIEST):  # both ratios have reached their limits there, the sums have not
        load = np.minimum(load, _HEAVIEST)
        waits = erlang_c(servers, load)
    seldom = waits < LEAST_P_WAIT
    # Where hardly anybody waits, those who do find one place short, and all service times are alike: both ratios are 1.
    constant = wait_at_constant_service(np.where(seldom, 1.0, servers), np.where(seldom, 0.5, load))
    p, mean = constant.p_above_zero, constant.mean
    scv = np.maximum(constant.variance / mean * (p / mean) + p - 1.0, 1e-3)
    ones = np.ones_like(waits)
    exponential = np.where(seldom, ones, waits)
    mean_exponential = exponential / (servers * (1.0 - load))
    return (
        np.where(seldom, ones, p / exponential),
        np.where(seldom, ones, mean / mean_exponential),
        np.where(seldom, ones, scv),
    )


def servers_for_wait(
    offered_load: float, service_s: float, wait_s: float, late_share: float, service_scv: float = 1.0
) -> int:
    """Fewest servers with which at most `late_share` of the requests wait longer than `wait_s`.

    Parameters
    ----------
    offered_load : float
        Arrivals times mean service time, above 0. [servers]
    service_s : float
        Mean service time. [s]
    wait_s : float
        The target, at least 0. [s]
    late_share : float
        Share of requests allowed to miss it, above 0 and below 1.
    service_scv : float
        Variance of the service time over its squared mean.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the load is not finite and above 0, or the share not between 0 and 1.

    Examples
    --------
    >>> servers_for_wait(12.0, service_s=1.0, wait_s=0.5, late_share=0.05)
    16
    """
    if not 0.0 < offered_load < math.inf:
        raise ValueError(f"offered_load is {offered_load}, must be finite and above 0")
    if not 0.0 < late_share < 1.0:
        raise ValueError(f"late_share is {late_share}, must be above 0 and below 1")

    def is_enough(servers: int) -> bool:
        if offered_load >= servers * (1.0 - 1e-9):
            return False  # all but full: the wait knows no bound
        return bool(wait_law(servers, offered_load / servers, service_s, service_scv).share_above(wait_s) <= late_share)

    low = math.floor(offered_load)  # too few: a load of 1 or more
    extra = 1
    while not is_enough(low + extra):
        extra *= 2
    high, low = low + extra, low + extra // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _check(servers: Any, load_share: Any) -> None:
    servers, load = np.asarray(servers), np.asarray(load_share)
    if np.any(~(servers > 0.0)) or np.any(np.isinf(servers)):
        raise ValueError(f"servers is {servers}, must be finite and above 0")
    if np.any(~(load > 0.0)) or np.any(~(load < 1.0)):
        raise ValueError(f"load_share is {load_share}, must be above 0 and below 1")
