"""What can wait, in a fleet's results: shares at run rate, and tokens step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.fleet import FleetRun
from simulator.simulation.fleet_over_time import FleetOverTime
from simulator.simulation.results import DeferredLedger


def not_served_shares(option: FleetPlan, run: FleetRun) -> tuple[Array, Array]:
    """Shares of all requests that a fleet does not serve, and that still wait at the end, of that. Shapes (n,). [1]"""
    arrived = run.arriving_requests.sum(axis=0)
    left, queued = _shares(arrived, run.served_requests.sum(axis=0), run.queued_requests)
    if option.deferred is None or run.deferred is None:
        return left, queued
    of_waiting = _shares(arrived, run.deferred.served_requests.sum(axis=0), run.deferred.waiting_requests)
    share = option.deferred.request_share
    return (1.0 - share) * left + share * of_waiting[0], (1.0 - share) * queued + share * of_waiting[1]


def _shares(arrived: Array, served: Array, queued: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        share_left = np.where(arrived > 0, np.maximum(arrived - served, 0.0) / arrived, 0.0)
        share_left[share_left < 1e-12] = 0.0  # rounding of the sums
        return share_left, np.where(arrived > 0, queued / arrived, 0.0)


def deferred_served_share(run: FleetRun) -> Array | None:
    """Share of what can wait that the fleet serves, at each of n volumes; None: nothing can wait. Shape (n,). [1]"""
    if run.deferred is None:
        return None
    left, _ = _shares(run.arriving_requests.sum(axis=0), run.deferred.served_requests.sum(axis=0), np.zeros(1))
    return 1.0 - left


@dataclass(frozen=True)
class DeferredTokens:
    """What a ledger says of what can wait; without it a ledger is as if there were none."""

    ledger: DeferredLedger | None
    tokens_per_request: float  # of a mean request, those that can wait
    left_tokens: Array  # at the deadline, in each step; shape (steps,)
    replica_tokens_per_s: float | Array  # of a replica at full load, for the mean request; 0 where no fleet serves


def deferred_ledger(option: FleetPlan, run: FleetOverTime, before: Array, tokens_per_request: float) -> DeferredTokens:
    """What can wait, in tokens by step; `before` are requests (steps,) that an API answers while there is no fleet."""
    waiting, record, of_waiting = option.deferred, run.record, run.deferred
    if waiting is None or of_waiting is None:
        rate = run.requests_per_s_per_replica * tokens_per_request
        return DeferredTokens(None, 0.0, np.zeros(before.size), rate)
    tokens = waiting.token_share * tokens_per_request
    pace = np.asarray(run.requests_per_s_per_replica)
    seconds = np.divide(1.0, pace, out=np.zeros(pace.shape), where=pace > 0)
    whole_seconds = seconds + run.deferred_seconds_per_request
    per_s = np.divide(tokens_per_request, whole_seconds, out=np.zeros(pace.shape), where=whole_seconds > 0)
    busy_s = seconds * record.served_requests + run.deferred_seconds_per_request * of_waiting.served_requests
    left_tokens = of_waiting.left_requests * tokens
    ledger = DeferredLedger(
        arriving_tokens=(record.arriving_requests + before) * tokens,
        served_tokens=of_waiting.served_requests * tokens,
        left_tokens=left_tokens + before * tokens,
        waiting_tokens=of_waiting.waiting_requests * tokens,
        used_tokens=busy_s * per_s,
    )
    return DeferredTokens(ledger, tokens, left_tokens, per_s if per_s.ndim else float(per_s))
