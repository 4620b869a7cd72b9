"""Terms of spot replicas in steps, and the draws of a path."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.simulation import spot
from simulator.simulation.demand import Demand
from simulator.simulation.streams import stream


def spot_terms(plan: FleetPlan, demand: Demand, base: Array) -> tuple[Array, Array, int]:
    """Numbers, draws and rows of memory that `spot.take_back` needs; `base` has one number a lane.

    A replacement is asked for with the notice, can be had `wait_s` later and is ready one cold start after that, so the
    capacity is missing for what of it the notice does not cover. Billed from the request, the lost replica is paid to
    its end and the new one from when it is had: less between the two, or more where they overlap.
    """
    numbers = np.zeros(spot.BASE + spot.LANES)
    numbers[spot.BASE :] = base
    terms = plan.spot
    if terms is None:
        return numbers, np.zeros(1), spot.MEMORY_ROWS + 2
    step_s = demand.step_s
    out = max(terms.wait_s + plan.cold_start_s - terms.notice_s, 0.0) / step_s
    unbilled = out if plan.billing_from == "ready" else (terms.wait_s - terms.notice_s) / step_s
    out_steps, bill_steps = math.ceil(out - 1e-9), math.ceil(abs(unbilled) - 1e-9)
    out_excess, bill_excess = max(out_steps - out, 0.0), max(bill_steps - abs(unbilled), 0.0)
    rate = terms.interruptions_per_replica_hour * step_s / SECONDS_PER_HOUR
    chance = _chance(rate, out_steps, out_excess)
    numbers[: spot.BASE] = [
        terms.share, chance, out_steps, out_excess, bill_steps, bill_excess, -1.0 if unbilled > 0 else 1.0,
    ]  # fmt: skip
    draws = _draws(terms.seed, demand.first_step + demand.steps)[demand.first_step :]
    return numbers, draws, spot.MEMORY_ROWS + max(out_steps, bill_steps) + 1


def _chance(per_step: float, out_steps: int, out_excess: float) -> float:
    """Chance of a replica at risk to be taken back in a step, see `simulator.simulation.spot`."""
    if per_step <= 0.0 or out_steps == 0:
        return min(per_step, 1.0)
    return 1.0 / (1.0 + max(1.0 / per_step - out_excess, 0.0))


@lru_cache(maxsize=8)
def _draws(seed: int, steps: int) -> Array:
    draws: Array = stream(seed, "interruptions").random(steps)
    draws.setflags(write=False)
    return draws
