"""A ledger over time as a table: hourly means and maxima, or every step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from simulator.domain.plans import Array
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.presentation.over_time_wording import hardware_by_step
from simulator.simulation.results import Ledger


def timeline_tables(ledgers: Iterable[Ledger], *, every_step: bool = False) -> list[pd.DataFrame]:
    """Demand, service, replicas and queue over time, one table an option and one row an hour (or step).

    Parameters
    ----------
    ledgers : iterable of Ledger
        Simulated options.
    every_step : bool
        One row a step instead of hourly means and maxima. Steps of an hour and more are always given singly.

    Returns
    -------
    list of DataFrame
        Columns `time`, `option`, and `<quantity>` for single steps or `<quantity>_mean` and `<quantity>_max`; of a
        fleet whose rent moves also that, and of one whose hardware changes `hardware`, what serves as the row begins.
    """
    return [_one(ledger, every_step) for ledger in ledgers]


def _one(ledger: Ledger, every_step: bool) -> pd.DataFrame:
    quantities = _quantities(ledger)
    if every_step or ledger.step_s >= SECONDS_PER_HOUR:
        table = pd.DataFrame(quantities)
        times = ledger.times
        starts = np.arange(times.size)
    else:
        hours = np.arange(ledger.arriving_tokens.size) * ledger.step_s // SECONDS_PER_HOUR
        starts = np.flatnonzero(np.diff(hours, prepend=-1.0))
        table = pd.DataFrame(
            {
                f"{key}_{kind}": _by_hour(values, starts, kind)
                for key, values in quantities.items()
                for kind in ("mean", "max")
            }
        )
        times = ledger.times[starts].floor("h")
    table.insert(0, "time", times.strftime("%Y-%m-%dT%H:%M:%SZ"))
    table.insert(1, "option", ledger.option)
    hardware = hardware_by_step(ledger)
    if hardware is not None:
        table["hardware"] = [hardware[step] for step in starts]
    return table


def _quantities(ledger: Ledger) -> dict[str, Array]:
    quantities = {
        "arriving_tokens_per_s": ledger.arriving_tokens / ledger.step_s,
        "served_tokens_per_s": ledger.served_tokens / ledger.step_s,
    }
    if ledger.kind == "api":
        return quantities
    if ledger.deferred is not None:
        waiting = ledger.deferred
        quantities |= {
            "deferred_served_tokens_per_s": waiting.served_tokens / ledger.step_s,
            "deferred_left_tokens_per_s": waiting.left_tokens / ledger.step_s,
            "deferred_waiting_tokens": waiting.waiting_tokens,
        }
    capacity = ledger.ready_replicas * (ledger.replica_tokens_per_s * ledger.step_s)
    rent = {} if ledger.usd_per_replica_hour is None else {"usd_per_replica_hour": ledger.usd_per_replica_hour}
    waits = {} if ledger.mean_wait_s is None else {"mean_wait_s": ledger.mean_wait_s}
    return quantities | {
        "overflow_tokens_per_s": ledger.overflow_tokens / ledger.step_s,
        "rejected_tokens_per_s": ledger.rejected_tokens / ledger.step_s,
        "queued_tokens": ledger.queued_tokens,
        "ready_replicas": ledger.ready_replicas,
        "billed_replicas": ledger.billed_replicas,
        "utilization_share": np.divide(ledger.used_tokens, capacity, out=np.zeros_like(capacity), where=capacity > 0),
        **rent,
        **waits,
    }


def _by_hour(values: Array, starts: Array, kind: str) -> Array:
    """Mean or maximum of the steps that begin in each hour."""
    if kind == "max":
        return np.maximum.reduceat(values, starts)
    return np.add.reduceat(values, starts) / np.diff(np.append(starts, values.size))
