"""What a fleet itself costs, by line: at run rate over volumes, and over time at rates that may move."""

from __future__ import annotations

import numpy as np

from simulator.domain.plans import Array, FleetPlan
from simulator.domain.rates_over_time import mean_rates
from simulator.domain.units import HOURS_PER_MONTH, SECONDS_PER_HOUR
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import FleetRun
from simulator.simulation.rent_lines import rent_lines, replica_hours_by_line
from simulator.simulation.shared_costs import fixed_lines


def fleet_lines(option: FleetPlan, demand: Demand, run: FleetRun) -> dict[str, Array]:
    """Cost of a fleet itself by line, each of shape (blocks or months, n). [USD]"""
    lines = paid_lines(option, demand, run)
    peaks = np.maximum.reduceat(run.peak_billed_replicas, run.month_starts, axis=0)
    served = np.add.reduceat(run.mean_requests, run.month_starts, axis=0)
    months = demand.months[demand.has_steps]
    lines |= fixed_lines(option.overheads, months, peaks * option.gpus_paid_per_replica, served)
    if option.variable_usd_per_request > 0:
        lines["variable"] = run.served_requests * option.variable_usd_per_request
    return lines


def paid_lines(option: FleetPlan, demand: Demand, run: FleetRun) -> dict[str, Array]:
    """Rent, spot and reserved base at the first rates, each of shape (blocks or months, n). [USD]"""
    lines: dict[str, Array] = {}
    if option.owned is None:
        lines |= rent_lines(option, run)
    if option.spot is not None:
        lines["spot"] = run.spot_replica_hours * option.usd_per_spot_replica_hour
    if option.reserved is not None:
        months = demand.months[demand.has_steps]
        usd_per_month = option.base_replicas * option.reserved.usd_per_replica_hour * HOURS_PER_MONTH
        size = run.billed_replica_hours.shape[1]
        lines["reserved base"] = np.broadcast_to(usd_per_month * months[:, None], (months.size, size))
    return lines


def paid_lines_over_time(option: FleetPlan, demand: Demand, run: FleetRun, edges_hours: Array) -> dict[str, Array]:
    """Rent, spot and reserved base of a fleet at rates that move, in blocks between moments.

    Parameters
    ----------
    option : FleetPlan
        The fleet.
    demand : Demand
        What it served.
    run : FleetRun
        By these blocks, of one volume.
    edges_hours : array of shape (blocks + 1,)
        Moments between the blocks. [h from the start of the horizon]

    Returns
    -------
    dict of arrays of shape (blocks,)
        Replica-hours of the block x mean rate of its time: exact where a rate moves between blocks or within a block
        of one step. [USD]
    """

    lines: dict[str, Array] = {}
    if option.owned is None:
        hours = replica_hours_by_line(option, run)
        rates = [(site.course, site.usd_per_replica_hour) for site in option.sites]
        rates = rates or [(option.rent_course, option.usd_per_replica_hour)]
        for line, (course, usd_per_hour) in zip(option.rent_lines, rates, strict=True):
            lines[line] = hours[line][:, 0] * mean_rates(course, usd_per_hour, edges_hours)
    if option.spot is not None:
        spot_rates = mean_rates(option.spot_course, option.usd_per_spot_replica_hour, edges_hours)
        lines["spot"] = run.spot_replica_hours[:, 0] * spot_rates
    if option.reserved is not None:
        base_hours = option.base_replicas * np.diff(edges_hours)
        base_rates = mean_rates(option.reserved.course, option.reserved.usd_per_replica_hour, edges_hours)
        lines["reserved base"] = base_hours * base_rates
    return lines


def utilization(option: FleetPlan, run: FleetRun) -> Array:
    """Share of the billed capacity in use at each volume. Shape (n,). [1]"""
    return share_in_use(option, run.busy_requests.sum(axis=0), run.billed_replica_hours.sum(axis=0))


def share_in_use(option: FleetPlan, served_requests: Array, billed_replica_hours: Array) -> Array:
    """Work served over the capacity billed; arrays of any one shape. [1]"""
    capacity = billed_replica_hours * option.requests_per_s_per_replica * SECONDS_PER_HOUR
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(capacity > 0, served_requests / capacity, 0.0)
