"""How long requests wait in a fleet that was simulated step by step: random waits and backlog together.

The fluid simulation knows the backlog of steps in which more arrives than can be served, and nothing of the waits that
chance makes below full load. The queueing formulas know those, in the steady state: near full load they tell of a
queue that would need hours to form. Here the queue is followed through the steps as a diffusion that agrees with both:

- it moves by arrivals less capacity, with the variance that makes its settled law the formula's
  (`domain/queueing.py`), so that over full load it is the fluid backlog with a spread around it;
- it is held at a floor below the number of places, as deep as makes the formula's probability of waiting: what lies
  above 0 waits (regulated Brownian motion: J. M. Harrison, "Brownian Motion and Stochastic Flow Systems", 1985; the
  floor that moves with the load is our own);
- within a step it is drawn without error of time from the joint law of a Brownian motion's end and minimum (S.
  Asmussen, P. Glynn, J. Pitman, "Discretization error in simulation of one-dimensional reflecting Brownian motion",
  Annals of Applied Probability 5, 1995), for a number of draws, with a given seed;
- a request that finds so many ahead waits until the fleet, at the capacity that it has from then on, has taken them.

Where the load holds long enough for the queue to settle, the formula is taken as it stands. The time to settle is about
1 / (capacity (1 - sqrt(load))^2) (J. W. Cohen, "The Single Server Queue", 1982).

It stops holding for arrivals that come in clumps within a step, for priorities, for batches that start together, and
for a fleet of few places whose load jumps within a service time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.queueing_tables import WaitTable, wait_table
from simulator.simulation import sampled_queue
from simulator.simulation.fleet import StepRecord
from simulator.simulation.queue_steps import LOAD_OF_FORMULA, Places, QueueSteps
from simulator.simulation.settled_waits import add_settled
from simulator.simulation.wait_tally import Tally, Times
from simulator.simulation.waiting import queue_report

__all__ = ["LatencyReport", "Places", "Times", "latency_report"]

_UPDATES = 3_000_000  # of the queue, in all steps and draws together
_LEAST_DRAWS, _MOST_DRAWS = 16, 8_192
_BLOCK = 512


@dataclass(frozen=True)
class LatencyReport:
    """Waits and times to the first token of what the fleet answered; what it did not is counted apart."""

    wait: Times
    first_token: Times
    late_share: float | None  # share of the answered requests whose first token came after the target; None: no target
    arriving_requests: float
    overflow_requests: float  # left unserved in the fluid simulation
    left_by_chance_requests: float  # would have waited too long as drawn, the overflow included
    queued_requests: float  # at the end of the horizon
    backlog_mean_wait_s: float  # of the fluid simulation alone, over all arrivals
    followed_share: float  # share of the steps in which the queue did not settle
    mean_wait_s: Array  # of the requests of each step, shape (steps,)


def latency_report(
    record: StepRecord,
    step_s: float,
    places: Places,
    *,
    max_wait_s: float = math.inf,
    prefill_s: float | Array | Callable[[Array], Array] = 0.0,
    first_token_target_s: float | None = None,
    table: WaitTable | None = None,
    seed: int = 0,
) -> LatencyReport:
    """Waits and times to the first token over the horizon, weighted by requests.

    Parameters
    ----------
    record : StepRecord
        Every step of one option, arrays of shape (steps,).
    step_s : float
        Length of a step. [s]
    places : Places
        Capacity and places of a replica.
    max_wait_s : float
        Requests leave after this wait. [s]
    prefill_s : float, array of shape (steps,) or function
        From the start of service to the first token; a function is given the load of each step, 0 to 1. [s]
    first_token_target_s : float, optional
        A request whose first token takes longer is late. [s]
    table : WaitTable, optional
        For the variability of `places`; left out, it is made.
    seed : int
        Of the draws.

    Returns
    -------
    LatencyReport

    Raises
    ------
    ValueError
        If the table is of another variability.

    Notes
    -----
    See the head of this module. Where less than one place is ready on average, it counts as one of less capacity. A
    fleet that has no capacity in any step answers nothing.
    """
    table = table or wait_table(places.service_scv)
    if table.service_scv != places.service_scv:
        raise ValueError(f"table is for service_scv {table.service_scv:g}, places have {places.service_scv:g}")
    queue = QueueSteps.of(record, step_s, places, table, max_wait_s, prefill_s)
    target = math.inf if first_token_target_s is None else first_token_target_s
    tally = Tally.empty(queue.load.size)
    if queue.capacity[-1] > 0.0:
        _follow(queue, tally, max_wait_s / step_s, target / step_s, seed)
        add_settled(queue, tally, target / step_s, max_wait_s / step_s)

    capacity = np.diff(queue.capacity)
    fluid = queue_report(record.arriving_requests, record.served_requests, record.overflow_requests, capacity, step_s)
    answered = max(float(tally.totals[sampled_queue.ANSWERED]), 1e-300)
    arriving = float(record.arriving_requests.sum())
    return LatencyReport(
        wait=tally.times(sampled_queue.WAITS, sampled_queue.WAIT, step_s),
        first_token=tally.times(sampled_queue.FIRST_TOKENS, sampled_queue.FIRST_TOKEN, step_s),
        late_share=None if first_token_target_s is None else float(tally.totals[sampled_queue.LATE]) / answered,
        arriving_requests=arriving,
        overflow_requests=float(record.overflow_requests.sum()),
        left_by_chance_requests=float(tally.blocked.sum()),
        queued_requests=float(record.queued_requests[-1]) if record.queued_requests.size else 0.0,
        backlog_mean_wait_s=fluid.area_s / arriving if arriving > 0.0 else 0.0,
        followed_share=float(tally.sampled.mean()) if tally.sampled.size else 0.0,
        mean_wait_s=tally.mean_wait * step_s,
    )


def _follow(queue: QueueSteps, tally: Tally, patience: float, target: float, seed: int) -> None:
    """Follow the queue through the steps in which it has not settled."""
    restless = ~queue.settled
    steps = restless.size
    if not restless.any():
        return
    draws = int(np.clip(_UPDATES // int(restless.sum()), _LEAST_DRAWS, _MOST_DRAWS)) // 2 * 2
    random = np.random.default_rng(seed)
    lengths = np.zeros(draws)
    first_load = queue.load[0]
    floor, scale = queue.steps[sampled_queue.FLOOR, 0], queue.steps[sampled_queue.SCALE, 0]
    # The queue starts settled where it can, else empty.
    lengths[:] = floor + scale * random.standard_exponential(draws) if first_load < LOAD_OF_FORMULA else floor
    at_rest = int(first_load < LOAD_OF_FORMULA)
    block = max(1, min(_BLOCK, 2_000_000 // draws))
    for start in range(0, steps, block):
        end = min(start + block, steps)
        if at_rest and not restless[start:end].any():
            last = end - 1
            start = last  # only the state to go on from
        shape = (end - start, draws)
        at_rest = sampled_queue.follow(
            start, end, at_rest, queue.steps, queue.capacity, queue.settled, patience, target,
            random.standard_normal(shape), random.standard_exponential(shape),
            lengths, tally.sampled, tally.histograms, tally.totals, tally.mean_wait, tally.blocked,
        )  # fmt: skip
