"""One scenario: loaded, drawn, simulated, costed over volume, its break-even found."""

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
from simulator.simulation.service import OptionService, services_of
from simulator.simulation.service_holding import held_to_level
from simulator.simulation.shared_costs import demand_of
from simulator.solving.best_mix import BestMix, options_with_a_mix
from simulator.solving.best_mix import best_mix as _best_mix
from simulator.solving.curve import cost_table, curve_volumes
from simulator.solving.study import Study
from simulator.solving.study import solve as _solve

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
    plan = plan_of(scenario)
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else tokens_per_month
    if not (np.isfinite(volume) and volume >= 0):
        raise ValueError(f"tokens_per_month is {volume}, must be finite and at least 0")
    return demand_of(plan).path(volume / plan.tokens_per_request, plan.scenario.mix)


def simulate(scenario: ScenarioLike, option: str, tokens_per_month: float | None = None) -> Ledger:
    """Simulate one option step by step over the horizon, with growth, dated prices and hardware, and one-off cost.

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
    plan = held_to_level(plan_of(scenario), leave_out=False)
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else float(tokens_per_month)
    return simulate_option(plan, option, volume)


def latency(
    scenario: ScenarioLike,
    option: str,
    *,
    slots_per_replica: float | None = None,
    service_scv: float | None = None,
    prefill_s: float | None = None,
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
    slots_per_replica : float, optional
        Requests that a replica serves side by side at full load; left out: the option's own, of its calls.
    service_scv : float, optional
        Variance of the service time over its squared mean; left out: the option's own, 1 with slots given. [1]
    prefill_s : float, optional
        From the start of service to the first token; left out: the option's own by load, 0 with slots given. [s]
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
        If the option is unknown or no fleet, or its slots are neither known nor given.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.latency("minimal", "fleet", slots_per_replica=32).wait.p95_s >= 0.0
    True
    """
    plan = held_to_level(plan_of(scenario), leave_out=False)
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


def service(scenario: ScenarioLike) -> dict[str, OptionService]:
    """Service of every compared option at the scenario's own volume, at run rate, as `run` shows it.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.

    Returns
    -------
    dict of OptionService
        By option: `.first_token`, `.wait` and `.time_per_token` with mean and percentiles, `.late_share`,
        `.unserved_share`, `.availability_share`, and of the service level `.meets`, `.misses` and `.not_known`. Fleets
        are sized where the scenario says so; options that miss the level are among them.

    Raises
    ------
    ValueError
        If the scenario has faults.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.service("minimal")["fleet"].first_token.p95_s < 1.0
    True
    """
    return services_of(held_to_level(plan_of(scenario)))


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
    plan = plan_of(scenario)
    try:
        given = None if tokens_per_month is None else np.atleast_1d(np.asarray(tokens_per_month, dtype=np.float64))
    except (TypeError, ValueError):
        raise ValueError(f"tokens_per_month is {tokens_per_month}, must be numbers") from None
    plan = held_to_level(plan)
    volumes = curve_volumes(_solve(plan)) if given is None else given
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
    return _solve(plan_of(scenario))


def best_mix(scenario: ScenarioLike, option: str | None = None) -> BestMix:
    """The base that costs least: replicas or nodes of one's own beside an API, or reserved ones, with the whole table.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.
    option : str, optional
        Option whose `autoscaling.count`, `owned.nodes` or `reserved.replicas` is `auto`; may be left out where there is
        one such.

    Returns
    -------
    BestMix
        `.best_count`, its cost and the API's share; cost over `.counts`; what the API alone and pure self-hosting cost.

    Raises
    ------
    ValueError
        If the option is unknown, can't be planned or leaves no base to be found.

    Examples
    --------
    >>> import simulator as sim
    >>> mix = sim.best_mix("hybrid-burst")
    >>> bool(mix.usd_per_month[mix.best] == mix.usd_per_month.min())
    True
    """
    plan = plan_of(scenario)
    if option is None:
        options = options_with_a_mix(plan, list(plan.options))
        if len(options) != 1:
            held = ", ".join(options) or "none"
            raise ValueError(f"option is missing; options that leave a base to be found: {held}")
        option = options[0]
    return _best_mix(plan, option)


def plan_of(scenario: ScenarioLike) -> Plan:
    """The plan of a scenario, in whatever form it is given."""
    return make_plan(scenario if isinstance(scenario, Scenario) else load_scenario(scenario))
