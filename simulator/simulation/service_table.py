"""Mean wait and share of late requests over ready replicas and load, made before the step loop that looks them up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.queueing_tables import WaitTable, wait_table
from simulator.domain.serving_times import ServingTimes
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.simulation import service_tally

_COARSE = (40, 28)  # servers and loads of a table that takes long to make: within 1.5 % of the formulas
_LOOKED_UP_ALWAYS = 20_000  # steps up to which every one is looked up in the table
_STRIDE = 16  # of longer horizons one step of so many
# A load that moves lasts about so long: what the formula's queue would take longer to form, it does not form.
HELD_S = 2.0 * SECONDS_PER_HOUR
GREATEST_LOAD = 0.999


@dataclass(frozen=True)
class ServiceTerms:
    """What the step loop needs to tally waits; an empty table: nothing is tallied."""

    numbers: Array
    table: Array


NOT_TALLIED = ServiceTerms(np.zeros(service_tally.NUMBERS), np.zeros(0))


@lru_cache(maxsize=8)
def waits_of(service_scv: float) -> WaitTable:
    """The table of waits for a variability of service; made once."""
    return wait_table(service_scv) if service_scv == 1.0 else wait_table(service_scv, _COARSE)


def reachable_load(serving: ServingTimes, replicas: Any, load: Any, held_s: float) -> Array:
    """The load whose queue forms while a load lasts; at most the load itself.

    Parameters
    ----------
    serving : ServingTimes
        Of the fleet.
    replicas, load : arrays of one shape
        Ready replicas, and share of them at work.
    held_s : float
        Time that a load lasts; infinite: it stays. [s]

    Returns
    -------
    array of that shape

    Notes
    -----
    A queue takes about spread / (capacity (1 - sqrt(load))^2) to settle (J. W. Cohen, "The Single Server Queue", 1982),
    with a spread of (1 + scv) / 2. The load for which that is `held_s` is the most that is reached; what lies
    above full load is the fluid's backlog.
    """
    calls_per_s = np.maximum(replicas * serving.slots_per_replica, 1.0) / serving.service_s
    spread = (1.0 + serving.service_scv) / 2.0
    most = np.square(np.maximum(1.0 - np.sqrt(spread / np.maximum(calls_per_s * held_s, spread)), 0.0))
    # A fleet so slow that it takes longer for a single queue: as at half load.
    return np.minimum(load, np.clip(most, 0.5, GREATEST_LOAD))


def wait_law_at(serving: ServingTimes, replicas: Any, load: Any, held_s: float) -> tuple[Array, Array, Array]:
    """Probability of waiting, mean wait of those that wait [s] and its squared variation, by replicas and load."""
    servers = np.maximum(np.asarray(replicas) * serving.slots_per_replica, 1.0)
    reached = reachable_load(serving, replicas, load, held_s)
    law = waits_of(serving.service_scv).law(servers, reached, serving.service_s)
    # Less than one slot on average counts as one of less capacity.
    stretch = servers / np.maximum(np.asarray(replicas) * serving.slots_per_replica, 1e-3)
    return law.p_wait, law.mean_of_waiting_s * np.minimum(stretch, 1e3), law.scv_of_waiting


def share_waiting_longer(
    p_wait: Array, mean_of_waiting_s: Array, scv_of_waiting: Array, wait_s: Any, is_exponential: bool
) -> Array:
    """Share of requests that wait longer than `wait_s`; 1 where that is below 0."""
    wait_s = np.broadcast_to(np.asarray(wait_s, dtype=np.float64), np.shape(p_wait))
    positive = np.maximum(wait_s, 0.0)
    with np.errstate(over="ignore", under="ignore"):
        if is_exponential:
            longer = np.exp(-positive / mean_of_waiting_s)
        else:
            from scipy.special import gammaincc

            shape = 1.0 / scv_of_waiting
            longer = gammaincc(shape, np.minimum(shape * positive / mean_of_waiting_s, 1e300))
    return np.where(wait_s < 0.0, 1.0, p_wait * longer)


def late_after_s(plan: FleetPlan, first_token_s: float, first_token_from_service_s: Any) -> Array:
    """Wait from which a request is late: what its target leaves; infinite where it leaves for an API before that. [s]

    What waits for `max_wait_s` goes to an API, whose own time is not counted, or is turned away and has no first token.
    """
    left_s = np.asarray(first_token_s - first_token_from_service_s, dtype=np.float64)
    at_the_latest = math.inf if plan.overflow_to is not None else plan.max_wait_s
    return np.where(left_s <= plan.max_wait_s, left_s, at_the_latest)


def service_terms(
    plan: FleetPlan, step_s: float, steps: int, first_token_s: float | None, *, load_stays: bool
) -> ServiceTerms:
    """Numbers and table for the step loop.

    Parameters
    ----------
    plan : FleetPlan
        The fleet; where its slots are not known, waits are those of the backlog alone.
    step_s : float
        Length of a step. [s]
    steps : int
        Steps of the horizon.
    first_token_s : float, optional
        A request whose first token comes later is late; left out: none is. [s]
    load_stays : bool
        Whether the traffic is constant, so that every queue below full load forms.

    Returns
    -------
    ServiceTerms
    """
    stride = 1 if steps <= _LOOKED_UP_ALWAYS else _STRIDE
    whole, rest = divmod(steps, stride)
    looked_up = whole + (-whole % stride < rest)  # one in each whole row of `stride` steps, see `is_looked_up`
    serving = plan.serving
    shape = (service_tally.ROWS, service_tally.COLUMNS, service_tally.VALUES)
    table = np.zeros(shape)
    late_backlog_s = math.inf
    if first_token_s is not None:
        full_s = 0.0 if serving is None else float(serving.first_token_at(1.0))
        late_backlog_s = max(float(late_after_s(plan, first_token_s, full_s)), 0.0)
    if serving is not None:
        replicas, load = _places()
        p_wait, mean_s, scv = wait_law_at(serving, replicas, load, math.inf if load_stays else HELD_S)
        is_exponential = serving.service_scv == 1.0
        table[..., 0] = p_wait * cut_mean_s(mean_s, scv, plan.max_wait_s, is_exponential) / step_s
        if first_token_s is not None:
            late_s = late_after_s(plan, first_token_s, serving.first_token_at(load))
            table[..., 1] = share_waiting_longer(p_wait, mean_s, scv, late_s, is_exponential)
    numbers = np.array(
        [min(late_backlog_s / step_s, 1e300), stride, steps / max(looked_up, 1), min(plan.max_wait_s / step_s, 1e300)]
    )
    return ServiceTerms(numbers, table.ravel())


def cut_mean_s(mean_s: Array, scv: Array, most_s: float | Array, is_exponential: bool) -> Array:
    """Mean of the waits above 0 where nobody waits longer than `most_s`: E[min(W, most)]. [s]"""
    if np.all(np.isinf(most_s)):
        return mean_s
    with np.errstate(under="ignore"):
        if is_exponential:
            return np.asarray(mean_s * -np.expm1(-most_s / mean_s))
        from scipy.special import gammainc, gammaincc

        shape = 1.0 / scv
        at = shape * most_s / mean_s
        return np.asarray(mean_s * gammainc(shape + 1.0, at) + most_s * gammaincc(shape, at))


@lru_cache(maxsize=1)
def _places() -> Array:
    """Replicas and loads of the table's places. Shape (2, rows, columns)."""
    row = np.arange(service_tally.ROWS, dtype=np.float64)
    (first, second, _), (wide, widest) = service_tally.BENDS, service_tally.SPACINGS
    bend = first + (second - first) / wide  # row of the second bend
    replicas = np.where(row <= first, row, first + (row - first) * wide)
    replicas = np.where(row > bend, second + (row - bend) * widest, replicas)
    replicas[0] = 1.0  # where none is ready all waiting is backlog
    near, scale = service_tally.NEAR_FULL, service_tally.COLUMN_SCALE
    column = np.arange(service_tally.COLUMNS) + service_tally.FIRST_COLUMN
    load = np.clip(1.0 + near - near * scale / column, 0.0, 1.0)
    return np.stack(np.broadcast_arrays(replicas[:, None], load[None, :]))
