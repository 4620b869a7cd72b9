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
    cut_mean_s,
    late_after_s,
    share_waiting_longer,
    wait_law_at,
)
from simulator.simulation.service_tally import NEAR_FULL
from simulator.simulation.wait_tally import Times

_NODES = 24  # waits of a kind of step, each of the same share of the requests that wait
_LEAST_SHARE = 1e-7  # of the requests, below which those that wait make no percentile
_LOADS = 200.0  # kinds of load for each that is free
_SHARES = (0.5, 0.95, 0.99)
LONGEST_STEP_SHARE = 0.5  # of a cold start, up to which steps show how those wait who find no replica
_NO_REPLICA = 1e-9
_FEW_SHARE = 0.002  # of the requests: so few that come to no replica move no percentile that is told


@dataclass(frozen=True)
class StepWaits:
    """Waits by kind of step: of the backlog, and by chance for some of the requests on top of it.

    Arrays have shape (kinds,), but `kind`, the kind of each step, (steps,). Steps of the same replicas and about the
    same load (to a part in some hundred of what is free) and backlog are of one kind.
    """

    kind: Array
    requests: Array  # that stay
    load: Array  # share of the ready replicas at work
    backlog_s: Array
    p_wait: Array
    mean_of_waiting_s: Array
    scv_of_waiting: Array
    most_by_chance_s: Array  # nobody waits longer than `max_wait_s`, the backlog included
    is_exponential: bool

    @property
    def mean_s(self) -> Array:
        """Mean wait of the requests of each kind. [s]"""
        cut_s = cut_mean_s(self.mean_of_waiting_s, self.scv_of_waiting, self.most_by_chance_s, self.is_exponential)
        return self.backlog_s + self.p_wait * cut_s


def load_stays(demand: Demand) -> bool:
    """Whether the traffic is constant, so that every queue below full load has the time to form."""
    if not demand.is_smooth:
        return False
    least, greatest = float(demand.profile.min()), float(demand.profile.max())
    return greatest - least <= 1e-9 * greatest


def shows_cold_starts(plan: FleetPlan, step_s: float) -> bool:
    """Whether steps are short enough to tell how requests wait for a cold start, if it takes any time."""
    return plan.cold_start_s <= 0.0 or step_s <= LONGEST_STEP_SHARE * plan.cold_start_s


def hides_cold_starts(plan: FleetPlan, record: StepRecord, step_s: float) -> bool:
    """Whether requests find a fleet without replicas, in steps too long to tell how they wait for the first one.

    What comes within a step is served with the capacity of the whole step, also what came before it was there.
    """
    if shows_cold_starts(plan, step_s):
        return False
    ready = record.ready_replicas
    starts = (ready[:-1] <= _NO_REPLICA) & (ready[1:] > _NO_REPLICA)
    requests = record.arriving_requests
    return float(requests[1:] @ starts) > _FEW_SHARE * float(requests.sum())


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
    backlog_s = np.minimum(_backlog_s(record, step_s), plan.max_wait_s)
    near_full = np.rint(_LOADS / (1.0 + NEAR_FULL - load))
    key = (np.rint(record.ready_replicas * 8.0) * 4096.0 + near_full) * 4096.0 + np.rint(np.log1p(backlog_s) * 100.0)
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    kind = kind.ravel()
    staying = np.maximum(record.arriving_requests - record.overflow_requests, 0.0)
    p_wait, mean_s, scv = wait_law_at(serving, record.ready_replicas[first], load[first], math.inf if stays else HELD_S)
    return StepWaits(
        kind=kind,
        requests=np.bincount(kind, staying, first.size),
        load=load[first],
        backlog_s=backlog_s[first],
        p_wait=p_wait,
        mean_of_waiting_s=mean_s,
        scv_of_waiting=scv,
        most_by_chance_s=plan.max_wait_s - backlog_s[first],
        is_exponential=serving.service_scv == 1.0,
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
    if plan.serving is None or hides_cold_starts(plan, record, demand.step_s):
        return None
    stays = load_stays(demand) and bool(np.all(demand.growth == 1.0))
    waits = step_waits(plan, plan.serving, record, demand.step_s, stays=stays)
    return np.asarray(waits.mean_s[waits.kind])


def late_requests(waits: StepWaits, plan: FleetPlan, serving: ServingTimes, first_token_s: float) -> float:
    """Requests that stay and whose first token comes after the target."""
    late_s = late_after_s(plan, first_token_s, serving.first_token_at(waits.load)) - waits.backlog_s
    share = share_waiting_longer(
        waits.p_wait, waits.mean_of_waiting_s, waits.scv_of_waiting, late_s, waits.is_exponential
    )
    return float(waits.requests @ share)


def left_is_late(option: FleetPlan, first_token_s: float) -> bool:
    """Whether what leaves after `max_wait_s` is late: it is never answered, or waited too long for an API."""
    if option.overflow_to is None:
        return True
    full_s = 0.0 if option.serving is None else float(option.serving.first_token_at(1.0))
    return math.isfinite(float(late_after_s(option, first_token_s, full_s)))


def percentiles(waits: StepWaits, serving: ServingTimes) -> tuple[Times, Times]:
    """Mean and percentiles over requests of the wait and of the time to the first token."""
    total = float(waits.requests.sum())
    if total <= 0.0:
        none = Times(0.0, 0.0, 0.0, 0.0)
        return none, none
    prefill_s = serving.first_token_at(waits.load)
    waiting = np.flatnonzero(waits.requests * waits.p_wait > _LEAST_SHARE * total)
    longer = (np.arange(_NODES) + 0.5) / _NODES
    if waits.is_exponential:
        excess = np.broadcast_to(-np.log(longer), (waiting.size, _NODES))
    else:
        from scipy.special import gammainccinv

        shape = 1.0 / waits.scv_of_waiting[waiting][:, None]
        excess = gammainccinv(shape, longer[None, :]) / shape
    by_chance = np.minimum(waits.mean_of_waiting_s[waiting][:, None] * excess, waits.most_by_chance_s[waiting][:, None])
    at_once = waits.requests * (1.0 - waits.p_wait)
    by_node = np.repeat((waits.requests * waits.p_wait)[waiting] / _NODES, _NODES)
    weights = np.concatenate([at_once, by_node])

    def times_of(without_chance_s: Array, mean_s: float) -> Times:
        by_node_s = (without_chance_s[waiting][:, None] + by_chance).ravel()
        return weighted_times(np.concatenate([without_chance_s, by_node_s]), weights, mean_s)

    mean_wait_s = float(waits.requests @ waits.mean_s) / total
    mean_prefill_s = float(waits.requests @ prefill_s) / total
    wait = times_of(waits.backlog_s, mean_wait_s)
    return wait, times_of(waits.backlog_s + prefill_s, mean_wait_s + mean_prefill_s)


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
