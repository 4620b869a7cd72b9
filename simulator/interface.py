"""The Python interface: load a scenario, simulate it, draw its cost curve, find its break-even."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.catalogue.planning import make_plan
from simulator.config.scenarios import load_scenario as _load_scenario
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario
from simulator.simulation.demand import DemandPath
from simulator.simulation.latency import LatencyReport
from simulator.simulation.ledger import simulate_option
from simulator.simulation.option_latency import option_latency
from simulator.simulation.results import Ledger
from simulator.simulation.shared_costs import demand_of
from simulator.solving.curve import cost_table, curve_volumes
from simulator.solving.sensitivity import Sensitivity, sensitivity_of
from simulator.solving.study import Study, solve
from simulator.solving.uncertainty import UncertaintyStudy, solve_uncertain

__all__ = [
    "break_even",
    "cost_curve",
    "draw_demand",
    "latency",
    "load_scenario",
    "make_plan",
    "sensitivity",
    "simulate",
    "uncertainty",
]

ScenarioLike = Scenario | str | Path | Mapping[str, Any]


def load_scenario(scenario: str | Path | Mapping[str, Any], overrides: Mapping[str, object] | None = None) -> Scenario:
    """Read and check a scenario, its references to the catalogue included.

    Parameters
    ----------
    scenario : str, Path or mapping
        Name of a bundled scenario, path of a file, or the same content as a mapping.
    overrides : mapping, optional
        Values by dotted key, e.g. `{"traffic.growth_per_month": 0.05}`.

    Returns
    -------
    Scenario
        Frozen.

    Raises
    ------
    ValueError
        With one line for every fault: file, line, key, what was given, what is allowed.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.load_scenario("minimal", overrides={"traffic.requests_per_day": 1e6}).traffic.requests_per_day
    1000000.0
    """
    return _load_scenario(scenario, overrides, make_plan=make_plan)


def draw_demand(scenario: ScenarioLike, tokens_per_month: float | None = None) -> DemandPath:
    """The demand that every option of a scenario is served with, step by step, growth included.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What to draw.
    tokens_per_month : float, optional
        Mean demand of month 0, input and output tokens in 730 h; left out: the scenario's own volume.

    Returns
    -------
    DemandPath
        Requests, input and output tokens in each step, arrays of shape (steps,), and the expected shares of the volume
        that are spikes and scheduled jobs.

    Raises
    ------
    ValueError
        If the scenario is faulty, or the volume negative or not finite.

    Examples
    --------
    >>> import simulator as sim
    >>> path = sim.draw_demand("workday-two-continents")
    >>> path.requests.shape, bool(path.requests.min() >= 0)
    ((105120,), True)
    """
    plan = _plan(scenario)
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else tokens_per_month
    if not (np.isfinite(volume) and volume >= 0):
        raise ValueError(f"tokens_per_month is {volume}, must be finite and at least 0")
    return demand_of(plan).path(volume / plan.tokens_per_request, plan.scenario.mix)


def simulate(scenario: ScenarioLike, option: str, tokens_per_month: float | None = None) -> Ledger:
    """Simulate one option step by step over the horizon, with growth, dated prices and one-off cost.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.
    option : str
        Name of the option.
    tokens_per_month : float, optional
        Mean demand of month 0, input and output tokens in 730 h; left out: the scenario's own volume.

    Returns
    -------
    Ledger
        Arrays of shape (steps,), costs by month and line in USD, waits.

    Raises
    ------
    ValueError
        If the option is unknown or can't be planned, or the volume is negative or not finite.

    Examples
    --------
    >>> import simulator as sim
    >>> ledger = sim.simulate("minimal", option="fleet")
    >>> round(ledger.utilization_share, 3) < 1
    True
    """
    plan = _plan(scenario)
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else float(tokens_per_month)
    return simulate_option(plan, option, volume)


def latency(
    scenario: ScenarioLike,
    option: str,
    *,
    slots_per_replica: float,
    service_scv: float = 1.0,
    prefill_s: float = 0.0,
    first_token_target_s: float | None = None,
    tokens_per_month: float | None = None,
) -> LatencyReport:
    """Waits and times to the first token of a fleet, request by request, weighted over the horizon.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.
    option : str
        Name of a fleet.
    slots_per_replica : float
        Requests that a replica serves side by side at full load.
    service_scv : float
        Variance of the service time over its squared mean. [1]
    prefill_s : float
        From the start of service to the first token. [s]
    first_token_target_s : float, optional
        A request whose first token takes longer is late. [s]
    tokens_per_month : float, optional
        Mean demand of month 0; left out: the scenario's own volume.

    Returns
    -------
    LatencyReport
        `.wait` and `.first_token` with mean and percentiles, `.late_share`; what overflows is counted apart.

    Raises
    ------
    ValueError
        If the option is unknown or no fleet.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.latency("minimal", "fleet", slots_per_replica=32).wait.p95_s >= 0.0
    True
    """
    plan = _plan(scenario)
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else float(tokens_per_month)
    return option_latency(
        plan,
        option,
        volume,
        slots_per_replica=slots_per_replica,
        service_scv=service_scv,
        prefill_s=prefill_s,
        first_token_target_s=first_token_target_s,
    )


def cost_curve(scenario: ScenarioLike, tokens_per_month: Sequence[float] | float | None = None) -> pd.DataFrame:
    """Monthly cost of every compared option over volume, at run rate, by line.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.
    tokens_per_month : number or sequence of numbers, optional
        Volumes; left out: a range around the crossings and the scenario's own volume.

    Returns
    -------
    DataFrame
        One row a volume, option and line: `tokens_per_month`, `requests_per_day`, `option`, `line`, `usd_per_month`.
        The line `total` is the sum of the others.

    Raises
    ------
    ValueError
        If a volume is negative or not finite.
    """
    plan = _plan(scenario)
    try:
        given = None if tokens_per_month is None else np.atleast_1d(np.asarray(tokens_per_month, dtype=np.float64))
    except (TypeError, ValueError):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be numbers") from None
    volumes = curve_volumes(solve(plan)) if given is None else given
    if volumes.ndim != 1 or not np.all(np.isfinite(volumes)) or np.any(volumes < 0):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be a list of finite numbers of at least 0")
    return cost_table(plan, volumes)


def break_even(scenario: ScenarioLike) -> Study:
    """Find every volume at which a challenger and the baseline change places, at run rate.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.

    Returns
    -------
    Study
        `.pairs[challenger]` with `.crossings`, `.first`, `.settled`, `.reason`; `.first`, `.settled`, `.crossings` and
        `.reason` of the first challenger; `.options[name]` at the scenario's own volume.

    Raises
    ------
    ValueError
        If the scenario has faults (all of them in the message), or its baseline can't be planned.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.break_even("minimal").first > 0
    True
    """
    return solve(_plan(scenario))


def uncertainty(
    scenario: ScenarioLike, *, paths: int | None = None, precision_share: float | None = None
) -> UncertaintyStudy:
    """Break-even over paths of the uncertain inputs: medians, bands, probabilities, regret.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        With a distribution in place of at least one number, or with chance in its traffic.
    paths : int, optional
        Exactly so many; left out: 64, then twice as many until the medians are known, up to the scenario's most.
    precision_share : float, optional
        Half-width of a median's 90 % interval over the median at which paths suffice; left out: the scenario's. [1]

    Returns
    -------
    UncertaintyStudy
        `.pairs[challenger]` with `.bands`, `.probability`, `.p_cheaper_at_own_volume`; `.paths`, `.curves`,
        `.decision`, `.value_of_perfect_information_usd_per_month`.

    Raises
    ------
    ValueError
        If the scenario has faults, nothing in it is uncertain, or `paths` is below 2.

    Examples
    --------
    >>> import simulator as sim
    >>> rent = {"options.fleet.rental.usd_per_gpu_hour": {"p10": 2.0, "p50": 2.5, "p90": 3.5}}
    >>> study = sim.uncertainty(sim.load_scenario("minimal", rent | {"horizon.step_s": 3600}), paths=64)
    >>> band = study.first_pair.band("settled")
    >>> bool(band["p10"] < band["p50"] < band["p90"])
    True
    """
    return solve_uncertain(
        scenario if isinstance(scenario, Scenario) else load_scenario(scenario),
        make_plan,
        paths=paths,
        precision_share=precision_share,
    )


def sensitivity(scenario: ScenarioLike, challenger: str | None = None, *, sobol_paths: int = 0) -> Sensitivity:
    """Which uncertain input matters to a challenger, and where each would turn the choice.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        With a distribution in place of at least one number.
    challenger : str, optional
        Left out: the first.
    sobol_paths : int
        A power of 2: paths for the shares of the variance, times the number of inputs plus 2; 0: none are computed.

    Returns
    -------
    Sensitivity
        `.tornado`, `.flips` and, where asked for, `.indices`.

    Raises
    ------
    ValueError
        If the scenario has faults, no input is uncertain, or the challenger is none.

    Examples
    --------
    >>> import simulator as sim
    >>> rent = {"options.fleet.rental.usd_per_gpu_hour": {"p10": 2.0, "p50": 2.5, "p90": 3.5}}
    >>> list(sim.sensitivity(sim.load_scenario("minimal", rent | {"horizon.step_s": 3600})).tornado["p90"])
    [3.5]
    """
    return sensitivity_of(
        scenario if isinstance(scenario, Scenario) else load_scenario(scenario),
        make_plan,
        challenger,
        sobol_paths=sobol_paths,
    )


def _plan(scenario: ScenarioLike) -> Plan:
    return make_plan(scenario if isinstance(scenario, Scenario) else load_scenario(scenario))
