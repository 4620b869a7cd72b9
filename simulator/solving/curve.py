"""Cost curves over volume, as tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from simulator.domain.plans import Array, Plan
from simulator.simulation.energy import ENERGY_COLUMNS
from simulator.simulation.ledger import run_rate
from simulator.simulation.results import RunRate, UnitCosts
from simulator.solving.study import Study, compared_options, requests_per_day


def run_rates(plan: Plan, tokens_per_month: Array) -> dict[str, RunRate]:
    """Every compared option at each of n volumes, at run rate; with its service where a level is asked for."""
    wanted = plan.scenario.service_level is not None
    return {name: run_rate(plan, name, tokens_per_month, service=wanted) for name in compared_options(plan)}


def cost_table(plan: Plan, tokens_per_month: Array, rates: Mapping[str, RunRate] | None = None) -> pd.DataFrame:
    """Monthly cost at run rate over volume: one row a volume, option and line.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    tokens_per_month : array of shape (n,)
        Volumes. [tokens per month]
    rates : mapping of RunRate, optional
        Costs at these volumes, if they are known already.

    Returns
    -------
    DataFrame
        Columns `tokens_per_month`, `requests_per_day`, `option`, `line`, `usd_per_month`; the line `total` is the sum.
    """
    parts = []
    if not compared_options(plan):
        reasons = [f"{fault.key} {fault.text}" for faults in plan.faults.values() for fault in faults]
        raise ValueError(f"no option can be planned: {'; '.join(reasons)}")
    for name, rate in (run_rates(plan, tokens_per_month) if rates is None else rates).items():
        for line, usd in {**rate.lines, "total": rate.usd_per_month}.items():
            columns = {"tokens_per_month": tokens_per_month, "option": name, "line": line, "usd_per_month": usd}
            parts.append(pd.DataFrame(columns))
    table = pd.concat(parts, ignore_index=True)
    per_token = requests_per_day(plan, 1.0)
    table.insert(1, "requests_per_day", table["tokens_per_month"] * per_token)
    return table


def curve_tables(plan: Plan, tokens_per_month: Array, rates: Mapping[str, RunRate]) -> list[pd.DataFrame]:
    """The curve in every unit, a table an option: one row a volume, lines as columns, then units and shares."""
    parts = []
    mix = plan.scenario.mix
    for name, rate in rates.items():
        total, requests = rate.usd_per_month, rate.arriving_requests_per_month
        costs = [UnitCosts.of(float(usd), float(number), mix) for usd, number in zip(total, requests, strict=True)]
        table = pd.DataFrame({"tokens_per_month": tokens_per_month, "option": name})
        table.insert(1, "requests_per_day", tokens_per_month * requests_per_day(plan, 1.0))
        for line, usd in rate.lines.items():
            table[f"{line} [USD per month]"] = usd
        for unit in dataclasses.fields(UnitCosts):
            table[unit.name] = [getattr(cost, unit.name) for cost in costs]
        table["utilization_share"] = rate.utilization_share
        table["overflow_share"] = rate.overflow_share
        table["rejected_share"] = rate.rejected_share
        table["peak_replicas"] = rate.peak_replicas
        if rate.deferred_served_share is not None:
            table["deferred_served_share"] = rate.deferred_served_share
        for column in ENERGY_COLUMNS:
            table[column] = np.nan if rate.energy is None else getattr(rate.energy, column)
        if rate.service is not None:
            table["mean_wait_s"] = rate.service.mean_wait_s
            if rate.service.late_share is not None:
                table["late_share"] = rate.service.late_share
        parts.append(table)
    return parts


def curve_volumes(study: Study) -> Array:
    """Volumes of the curve: the range asked for, else from well below to well above what matters.

    What matters are the scenario's own volume and the crossings that the answer names: where a challenger first pays,
    or stops to where it pays from the first token on, and from where it does so for good, or no longer.
    """
    wanted = study.plan.scenario.volume_range
    marks = [study.tokens_per_month]
    for pair in study.pairs.values():
        if pair.crossings:  # else the challenger pays at any volume, or at none
            last = pair.crossings[-1].tokens_per_month
            marks += [pair.first or pair.crossings[0].tokens_per_month, pair.settled or last]
    low = wanted.minimum_tokens_per_month or min(marks) / 8.0
    high = wanted.maximum_tokens_per_month or max(marks) * 8.0
    if low >= high:
        low, high = (low, low * 64.0) if wanted.minimum_tokens_per_month is not None else (high / 64.0, high)
    return np.geomspace(low, high, wanted.points)
