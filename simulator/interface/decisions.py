"""One decision: under uncertainty, over time, for any key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.catalogue.listed_values import listed_value
from simulator.catalogue.planning import make_plan
from simulator.config.key_bounds import key_bounds, plan_at
from simulator.config.scenarios import check_plan, scenario_document
from simulator.domain.scenario import Scenario
from simulator.interface.scenarios import ScenarioLike, load_scenario, plan_of
from simulator.simulation.service_holding import held_to_level
from simulator.solving.calendar_volumes import VolumesOverTime
from simulator.solving.calendar_volumes import volumes_over_time as _volumes_over_time
from simulator.solving.horizon import OverTime, challenger_named
from simulator.solving.horizon import over_time as _over_time
from simulator.solving.key_crossings import KeySolution, solve_key
from simulator.solving.sensitivity import Sensitivity, sensitivity_of
from simulator.solving.switching import Switching
from simulator.solving.switching import switching as _switching
from simulator.solving.uncertainty import UncertaintyStudy, solve_uncertain


def over_time(scenario: ScenarioLike, challenger: str | None = None) -> OverTime:
    """Hold a challenger against the baseline month by month over the horizon: turns, payback, present value, return.

    Parameters
    ----------
    scenario : Scenario, name, path or mapping
        What `load_scenario` takes, or its result.
    challenger : str, optional
        Name of an option other than the baseline; left out: the first challenger.

    Returns
    -------
    OverTime
        `.turns` of the monthly cost, `.paid_back` and `.undone` in cash, `.npv_usd` at the scenario's rate of discount,
        `.irr_per_month`.

    Raises
    ------
    ValueError
        If the option is unknown, the baseline, or can't be planned.

    Examples
    --------
    >>> import simulator as sim
    >>> path = sim.over_time("minimal")
    >>> path.baseline_usd.shape, path.paid_back
    ((12,), None)
    """
    plan = held_to_level(plan_of(scenario))
    return _over_time(plan, challenger_named(plan, challenger))


def solve(
    scenario: str | Path | Mapping[str, Any],
    key: str,
    challenger: str | None = None,
    *,
    between: tuple[float, float] | None = None,
    over_time: bool = False,
    points: int = 64,
    overrides: Mapping[str, object] | None = None,
) -> KeySolution:
    """Find every value of a key at which a challenger costs as much as the baseline, at the scenario's volume.

    Parameters
    ----------
    scenario : name, path or mapping
        What `load_scenario` takes.
    key : str
        Any numeric key, dotted: `options.llama.rental.usd_per_gpu_hour`, `traffic.diurnal.peak_to_mean`.
    challenger : str, optional
        Name of an option other than the baseline; left out: the first challenger.
    between : (low, high), optional
        Where to search; left out: within the key's bounds, at most a thousandfold up and down from today's value.
    over_time : bool
        Compare the mean month of the horizon, growth, dated prices and one-off cost included, instead of the run
        rate. A key that moves no run rate (growth) is compared so anyway, and `.basis` says so.
    points : int
        Values tried, at least; crossings are found to that resolution.
    overrides : mapping, optional
        As in `load_scenario`.

    Returns
    -------
    KeySolution
        `.crossings`, `.values`, `.nearest` to today's value, `.reason` where there is none, `.levelised`.

    Raises
    ------
    ValueError
        If the scenario is faulty, the key is unknown or holds no number, or the range is outside its bounds.

    Examples
    --------
    >>> import simulator as sim
    >>> found = sim.solve("minimal", "options.fleet.rental.usd_per_gpu_hour")
    >>> [crossing.becomes_cheaper for crossing in found.crossings]
    ['baseline']
    """
    document = scenario_document(scenario, overrides, origin="overrides")
    plan = check_plan(document, make_plan, infeasible=False)
    bounds = key_bounds(plan, document, key, listed_value)
    return solve_key(
        plan,
        plan_at(document, bounds, make_plan),
        bounds,
        challenger_named(plan, challenger),
        between=between,
        over_time=over_time,
        points=points,
    )


def switching(scenario: ScenarioLike, challenger: str | None = None) -> Switching:
    """Cost of the horizon by the month in which a challenger takes over from the baseline, or never does.

    Parameters
    ----------
    scenario, challenger
        As in `over_time`.

    Returns
    -------
    Switching
        `.best_month`, None: never; `.cost_usd` and `.regret_usd` of every month and of never.

    Raises
    ------
    ValueError
        As `over_time`.

    Examples
    --------
    >>> import simulator as sim
    >>> sim.switching("minimal").cost_usd.shape
    (13,)
    """
    plan = held_to_level(plan_of(scenario))
    return _switching(plan, challenger_named(plan, challenger))


def volumes_over_time(scenario: ScenarioLike, challenger: str | None = None, most: int = 13) -> VolumesOverTime:
    """Break-even volume at the prices of the horizon's bill months, beside the demand of each of them.

    Parameters
    ----------
    scenario, challenger
        As in `over_time`.
    most : int
        Months solved for at most, evenly over the horizon.

    Returns
    -------
    VolumesOverTime
        `.first` and `.settled` by month (NaN: none), `.demand_tokens_per_month`.

    Raises
    ------
    ValueError
        As `over_time`; or if `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"most is {most}, must be at least 1")
    plan = held_to_level(plan_of(scenario))
    return _volumes_over_time(plan, challenger_named(plan, challenger), most)


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
