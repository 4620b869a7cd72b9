"""The Python interface: load a scenario, simulate it, draw its cost curve, find its break-even."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator import __version__
from simulator.catalogue.lever_facts import lever_facts
from simulator.catalogue.listed_values import listed_value
from simulator.catalogue.planning import make_plan
from simulator.config.finished_runs import is_finished_run, read_finished_run
from simulator.config.key_bounds import key_bounds, plan_at
from simulator.config.lever_documents import plan_with
from simulator.config.scenarios import check_plan, scenario_document
from simulator.config.scenarios import load_scenario as _load_scenario
from simulator.domain.compared import ComparedRun
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
from simulator.solving.calendar_volumes import VolumesOverTime
from simulator.solving.calendar_volumes import volumes_over_time as _volumes_over_time
from simulator.solving.compared_study import comparison_of, solved_run
from simulator.solving.comparison import Comparison
from simulator.solving.curve import cost_table, curve_volumes
from simulator.solving.horizon import OverTime, challenger_named
from simulator.solving.horizon import over_time as _over_time
from simulator.solving.key_crossings import KeySolution, solve_key
from simulator.solving.sensitivity import Sensitivity, sensitivity_of
from simulator.solving.study import Study
from simulator.solving.study import solve as _solve
from simulator.solving.switching import Switching
from simulator.solving.switching import switching as _switching
from simulator.solving.uncertainty import UncertaintyStudy, solve_uncertain
from simulator.sweeping.levers import LeverStudy, lever_study

__all__ = [
    "best_mix",
    "break_even",
    "compare",
    "cost_curve",
    "draw_demand",
    "latency",
    "levers",
    "load_scenario",
    "make_plan",
    "over_time",
    "sensitivity",
    "service",
    "simulate",
    "solve",
    "switching",
    "uncertainty",
    "volumes_over_time",
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
    plan = held_to_level(_plan(scenario), leave_out=False)
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
    plan = held_to_level(_plan(scenario), leave_out=False)
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
    return services_of(held_to_level(_plan(scenario)))


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
    return _solve(_plan(scenario))


def compare(
    a: ScenarioLike,
    b: ScenarioLike | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    options: Mapping[str, str] | None = None,
    challengers: tuple[str, str] | None = None,
    over_time: bool = False,
) -> Comparison:
    """What differs between two runs in input and in result, and which lines of the bill explain it.

    Parameters
    ----------
    a, b : Scenario, name, path or mapping
        What `load_scenario` takes, its result, or the folder (or `summary.json`) of a finished run. `b` left out: `a`
        with the overrides.
    overrides : mapping, optional
        Values by dotted key, set in `b`, which is then no finished run and no Scenario.
    options : mapping, optional
        Options of `a` and those of `b` they are held against; left out: those of the same name, else baseline against
        baseline and first challenger against first challenger.
    challengers : (name in a, name in b), optional
        Whose difference to the baseline is explained; left out: the first challenger.
    over_time : bool
        Bills over the horizon; else those of a month at run rate, unless none of these differs.

    Returns
    -------
    Comparison
        `.inputs`, `.figures` and `.results` that differ; `.bill("llama")` with `.steps`, the greatest first, and
        `.volume_step`; `.gap` between challenger and baseline.

    Raises
    ------
    ValueError
        If a scenario or a run has faults, an option is not there, or there is nothing to compare with.

    Examples
    --------
    >>> import simulator as sim
    >>> found = sim.compare("minimal", overrides={"options.fleet.rental.usd_per_gpu_hour": 2.0})
    >>> [(step.line, step.difference < 0) for step in found.bill("fleet").steps if step.difference]
    [('rent', True)]
    """
    if b is None and not overrides:
        raise ValueError("b is missing; give another scenario or run, or overrides")
    first = _compared(a, "a")
    other = _compared(a if b is None else b, "b", overrides)
    held = tuple((options or {}).items())
    return comparison_of(first, other, make_plan, options=held, challengers=challengers, over_time=over_time)


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
    plan = held_to_level(_plan(scenario))
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


def levers(scenario: str | Path | Mapping[str, Any], *, overrides: Mapping[str, object] | None = None) -> LeverStudy:
    """What each way to cut the bill saves, alone and together, at the API and at each fleet, beside what is published.

    Parameters
    ----------
    scenario : name, path or mapping
        What `load_scenario` takes. Its key `levers` holds what is assumed.
    overrides : mapping, optional
        As in `load_scenario`.

    Returns
    -------
    LeverStudy
        `.outcome("batch")` with `.savings`, `.break_even`, `.claims`, and `.reason` where it was not run; `.together`;
        `.table()`.

    Raises
    ------
    ValueError
        If the scenario is faulty, or compares neither an API nor a fleet.

    Examples
    --------
    >>> import simulator as sim
    >>> study = sim.levers("minimal", overrides={"levers.batch.share": 1.0})
    >>> round(study.outcome("batch").savings[0].share, 6)
    0.5
    """
    document = scenario_document(scenario, overrides, origin="overrides")
    plan = check_plan(document, make_plan, infeasible=False)
    return lever_study(plan, plan_with(document, make_plan), lever_facts(plan.scenario))


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
    plan = held_to_level(_plan(scenario))
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
    plan = held_to_level(_plan(scenario))
    return _volumes_over_time(plan, challenger_named(plan, challenger), most)


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
    plan = _plan(scenario)
    if option is None:
        options = options_with_a_mix(plan, list(plan.options))
        if len(options) != 1:
            held = ", ".join(options) or "none"
            raise ValueError(f"option is missing; options that leave a base to be found: {held}")
        option = options[0]
    return _best_mix(plan, option)


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


def _compared(given: ScenarioLike, role: str, overrides: Mapping[str, object] | None = None) -> ComparedRun:
    """A scenario, solved, or a finished run, read."""
    if isinstance(given, str | Path) and is_finished_run(str(given)):
        if overrides:
            raise ValueError(f"overrides need a scenario, '{given}' is a finished run")
        return read_finished_run(str(given), __version__)
    if isinstance(given, Scenario):
        if overrides:
            raise ValueError("overrides are for a name, path or mapping; load_scenario takes them for a Scenario")
        return solved_run(role, make_plan(given))
    name = Path(given).stem if isinstance(given, str | Path) else role
    return solved_run(name, make_plan(load_scenario(given, overrides)))
