"""A ledger over time as a table: hourly means and maxima, or every step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from simulator.domain.units import SECONDS_PER_HOUR
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
        Columns `time`, `option`, and `<quantity>` for single steps or `<quantity>_mean` and `<quantity>_max`.
    """
    return [_one(ledger, every_step) for ledger in ledgers]


def _one(ledger: Ledger, every_step: bool) -> pd.DataFrame:
    quantities = _quantities(ledger)
    per_hour = round(SECONDS_PER_HOUR / ledger.step_s)
    divides = per_hour > 1 and abs(per_hour * ledger.step_s - SECONDS_PER_HOUR) < 1e-6
    if every_step or not divides:
        table = pd.DataFrame(quantities)
        times = ledger.times
    else:
        table = pd.DataFrame(
            {
                f"{key}_{kind}": _by_hour(values, per_hour, kind)
                for key, values in quantities.items()
                for kind in ("mean", "max")
            }
        )
        times = ledger.times[::per_hour]
    table.insert(0, "time", times.strftime("%Y-%m-%dT%H:%M:%SZ"))
    table.insert(1, "option", ledger.option)
    return table


def _quantities(ledger: Ledger) -> dict[str, np.ndarray]:
    quantities = {
        "arriving_tokens_per_s": ledger.arriving_tokens / ledger.step_s,
        "served_tokens_per_s": ledger.served_tokens / ledger.step_s,
    }
    if ledger.kind == "api":
        return quantities
    capacity = ledger.ready_replicas * (ledger.replica_tokens_per_s * ledger.step_s)
    return quantities | {
        "overflow_tokens_per_s": ledger.overflow_tokens / ledger.step_s,
        "rejected_tokens_per_s": ledger.rejected_tokens / ledger.step_s,
        "queued_tokens": ledger.queued_tokens,
        "ready_replicas": ledger.ready_replicas,
        "billed_replicas": ledger.billed_replicas,
        "utilization_share": np.divide(ledger.served_tokens, capacity, out=np.zeros_like(capacity), where=capacity > 0),
    }


def _by_hour(values: np.ndarray, per_hour: int, kind: str) -> np.ndarray:
    """Mean or maximum of every `per_hour` values; the last hour may be short."""
    starts = np.arange(0, values.size, per_hour)
    if kind == "max":
        return np.asarray(np.maximum.reduceat(values, starts))
    counts = np.diff(np.append(starts, values.size))
    return np.asarray(np.add.reduceat(values, starts) / counts)
