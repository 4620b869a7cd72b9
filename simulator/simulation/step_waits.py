"""Waits of single requests step by step, from the formula and the fluid's backlog; and their percentiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.serving_times import ServingTimes
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import StepRecord
from simulator.simulation.service_table import (
    HELD_S,
    late_after_s,
    share_waiting_longer,
    wait_law_at,
)
from simulator.simulation.wait_tally import Times

_NODES = 24  # waits of a kind of step, each of the same share of the requests that wait
_LEAST_SHARE = 1e-7  # of the requests, below which those that wait make no percentile
_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class StepWaits:
    """Waits by step, arrays of shape (steps,): of the backlog, and by chance for some of the requests on top of it."""

    requests: Array  # that stay
    load: Array  # share of the ready replicas at work
    replicas: Array
    backlog_s: Array
    p_wait: Array
    mean_of_waiting_s: Array
    scv_of_waiting: Array

    @property
    def mean_s(self) -> Array:
        """Mean wait of the requests of each step. [s]"""
        return self.backlog_s + self.p_wait * self.mean_of_waiting_s


def load_stays(demand: Demand) -> bool:
    """Whether the traffic is constant, so that every queue below full load has the time to form."""
    if not demand.is_smooth:
        return False
    least, greatest = float(demand.profile.min()), float(demand.profile.max())
    return greatest - least <= 1e-9 * greatest


def step_waits(plan: FleetPlan, serving: ServingTimes, record: StepRecord, step_s: float, *, stays: bool) -> StepWaits:
    """Waits of every step of one simulated fleet.

    Parameters
    ----------
    plan, serving : FleetPlan and ServingTimes
        The fleet, and how it serves single requests.
    record : StepRecord
        Every step.
    step_s : float
        Length of a step. [s]
    stays : bool
        Whether the load is constant, see `load_stays`.

    Returns
    -------
    StepWaits
        By chance: the formula at the load of the step, or at the greatest whose queue forms while a load lasts. What
        comes into a backlog waits until as much has left as was ahead of it.
    """
    capacity = record.ready_replicas * (plan.requests_per_s_per_replica * step_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.where(capacity > 0.0, np.minimum(record.served_requests / capacity, 1.0), 0.0)
    p_wait, mean_s, scv = wait_law_at(serving, record.ready_replicas, load, math.inf if stays else HELD_S)
    return StepWaits(
        requests=np.maximum(record.arriving_requests - record.overflow_requests, 0.0),
        load=load,
        replicas=record.ready_replicas,
        backlog_s=_backlog_s(record, step_s),
        p_wait=p_wait,
        mean_of_waiting_s=np.minimum(mean_s, plan.max_wait_s),
        scv_of_waiting=scv,
    )


def _backlog_s(record: StepRecord, step_s: float) -> Array:
    """Wait of what comes in the middle of each step until as much has left as had arrived. [s]"""
    if not np.any(record.queued_requests > 0.0):
        return np.zeros(record.arriving_requests.size)
    arrived = np.cumsum(record.arriving_requests)
    left = np.concatenate(([0.0], np.cumsum(record.served_requests + record.overflow_requests)))
    middle = np.arange(arrived.size) + 0.5
    wait = np.interp(arrived - record.arriving_requests / 2, left, np.arange(left.size)) - middle
    return np.where(wait > 1e-6, wait, 0.0) * step_s


def mean_waits_s(plan: FleetPlan, record: StepRecord, demand: Demand) -> Array | None:
    """Mean wait of the requests of each step, shape (steps,); None where slots are not known. [s]"""
    if plan.serving is None:
        return None
    stays = load_stays(demand) and bool(np.all(demand.growth == 1.0))
    return step_waits(plan, plan.serving, record, demand.step_s, stays=stays).mean_s


def late_requests(waits: StepWaits, plan: FleetPlan, serving: ServingTimes, first_token_s: float) -> float:
    """Requests that stay and whose first token comes after the target."""
    late_s = late_after_s(plan, first_token_s, serving.first_token_at(waits.load)) - waits.backlog_s
    share = share_waiting_longer(
        waits.p_wait, waits.mean_of_waiting_s, waits.scv_of_waiting, late_s, serving.service_scv == 1.0
    )
    return float(waits.requests @ share)


def percentiles(waits: StepWaits, serving: ServingTimes) -> tuple[Times, Times]:
    """Mean and percentiles over requests of the wait and of the time to the first token.

    Steps of the same replicas and about the same load (to a part in some hundred of what is free) and backlog count as
    one.
    """
    total = float(waits.requests.sum())
    if total <= 0.0:
        none = Times(0.0, 0.0, 0.0, 0.0)
        return none, none
    first_token_s = serving.first_token_at(waits.load)
    kind, weight = _kinds(waits)
    one, p_wait = kind, waits.p_wait[kind]
    waiting = np.flatnonzero(weight * p_wait > _LEAST_SHARE * total)
    longer = (np.arange(_NODES) + 0.5) / _NODES
    shape = 1.0 / waits.scv_of_waiting[one[waiting]][:, None]
    if serving.service_scv == 1.0:
        excess = np.broadcast_to(-np.log(longer), (waiting.size, _NODES))
    else:
        from scipy.special import gammainccinv

        excess = gammainccinv(shape, longer[None, :]) / shape
    by_chance = waits.mean_of_waiting_s[one[waiting]][:, None] * excess
    weights = np.concatenate([weight * (1.0 - p_wait), np.repeat(weight[waiting] * p_wait[waiting] / _NODES, _NODES)])
    backlog = waits.backlog_s[one]
    times = np.concatenate([backlog, (backlog[waiting][:, None] + by_chance).ravel()])
    prefill = first_token_s[one]
    to_first = np.concatenate([backlog + prefill, ((backlog + prefill)[waiting][:, None] + by_chance).ravel()])
    mean_wait = float(waits.requests @ waits.mean_s) / total
    mean_first = mean_wait + float(waits.requests @ first_token_s) / total
    return weighted_times(times, weights, mean_wait), weighted_times(to_first, weights, mean_first)


def weighted_times(times: Array, weights: Array, mean_s: float | None = None) -> Times:
    """Mean and percentiles of times that each count by a weight. [s]"""
    order = np.argsort(times, kind="stable")
    below = np.cumsum(weights[order])
    if below.size == 0 or below[-1] <= 0.0:
        return Times(0.0, 0.0, 0.0, 0.0)
    places = np.searchsorted(below, np.array(_SHARES) * below[-1] * (1.0 - 1e-12))
    p50, p95, p99 = times[order][np.minimum(places, times.size - 1)]
    mean = float(weights @ times) / float(below[-1]) if mean_s is None else mean_s
    return Times(mean, float(p50), float(p95), float(p99))


def _kinds(waits: StepWaits) -> tuple[Array, Array]:
    """One step of every kind, and the requests of its kind."""
    near_full = np.rint(200.0 / (1.1 - waits.load))
    behind = np.rint(np.log1p(waits.backlog_s) * 100.0)
    key = (np.rint(waits.replicas * 8.0) * 4096.0 + near_full) * 4096.0 + behind
    _, one, place = np.unique(key, return_index=True, return_inverse=True)
    return one, np.bincount(place.ravel(), waits.requests, one.size)
