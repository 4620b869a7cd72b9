"""A study as one of the things compared, and its bills at another volume."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from simulator import __version__
from simulator.domain.compared import (
    AT_RUN_RATE,
    ComparedOption,
    ComparedPair,
    ComparedRun,
    Lines,
    inputs_of,
    is_same,
)
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario
from simulator.domain.traffic import VOLUME_KEYS
from simulator.simulation.ledger import run_rate, simulate_option
from simulator.simulation.results import Ledger
from simulator.simulation.service_holding import held_to_level
from simulator.solving.comparison import Comparison, compare_runs, held_options, same_volume
from simulator.solving.differences import Held
from simulator.solving.study import OptionAtVolume, Pair, Study, solve

MakePlan = Callable[[Scenario], Plan]

NOT_AT_VOLUME = (
    "the volumes differ and {} can't be simulated at the other one (it does not come out today as it was run): bills "
    "are compared per million tokens"
)


def compared_study(name: str, study: Study, ledgers: Mapping[str, Ledger]) -> ComparedRun:
    """What is compared of a study and its options over the horizon; inputs are those of its scenario."""
    scenario = study.plan.scenario
    inputs, given = inputs_of(scenario)
    figures = {
        (figure.option, figure.what): figure.value
        for figure in study.plan.figures
        if figure.option in study.options and not figure.for_energy
    }
    return ComparedRun(
        name=name,
        title=study.title,
        version=__version__,
        tokens_per_month=study.tokens_per_month,
        requests_per_day=study.requests_per_day,
        tokens_per_request=study.tokens_per_request,
        horizon_months=scenario.horizon.in_months,
        baseline=study.baseline,
        cheapest=study.cheapest,
        action="buy" if study.options[study.cheapest].kind == "api" else "self_host",
        options={key: _option(option, ledgers[key]) for key, option in study.options.items()},
        pairs={key: _pair(pair) for key, pair in study.pairs.items()},
        inputs=inputs,
        given=given,
        figures=figures,
        scenario=scenario,
    )


def _pair(pair: Pair) -> ComparedPair:
    share = pair.breakeven_utilization_share
    return ComparedPair(
        baseline=pair.baseline,
        challenger=pair.challenger,
        first=pair.first,
        settled=pair.settled,
        reason=pair.reason,
        cause=pair.cause,
        breakeven_utilization_share=share if share is not None and np.isfinite(share) else None,
    )


def _option(option: OptionAtVolume, ledger: Ledger) -> ComparedOption:
    fleet = option.kind == "self_hosted"
    everything = {**dataclasses.asdict(option.unit_costs), **vars(option)}
    results: dict[str, float | None] = {key: everything[key] for key in AT_RUN_RATE}
    if not fleet:
        results["utilization_share"] = results["peak_replicas"] = None
    results = {key: value if value is None or np.isfinite(value) else None for key, value in results.items()}
    results |= {"horizon_usd": ledger.total_usd, "one_off_usd": option.one_off_usd}
    return ComparedOption(option.name, option.kind, option.label, results, dict(option.lines), _over_time(ledger))


def _over_time(ledger: Ledger) -> dict[str, float]:
    """Cost of the horizon by line. [USD]"""
    return {str(line): float(ledger.costs[line].sum()) for line in ledger.costs}


def bills_at(
    run: ComparedRun,
    tokens_per_month: float,
    make_plan: MakePlan,
    *,
    over_time: bool = False,
) -> dict[str, Lines] | None:
    """Bills of a run's options at another volume, simulated; all else, bases that are found included, as it was.

    Parameters
    ----------
    run : ComparedRun
        With its scenario.
    tokens_per_month : float
        Mean demand of month 0.
    make_plan : function from scenario to plan
        Of the catalogue as it is now.
    over_time : bool
        Over the horizon [USD] instead of a month at run rate [USD per month].

    Returns
    -------
    dict of lines by option, or None
        None where it can't be told: what the run was made from is not known, or does not give its bills any more.
    """
    if run.scenario is None:
        return None
    if run.is_finished and not _gives_its_bills(run, run.scenario, make_plan):
        return None
    return _bills(_at_volume(run.scenario, tokens_per_month), list(run.options), make_plan, over_time)


def _gives_its_bills(run: ComparedRun, scenario: Scenario, make_plan: MakePlan) -> bool:
    """Whether a finished run would come out the same today: neither program nor catalogue have moved it."""
    if any(shape.kind == "trace" for _, shape in scenario.traffic.shapes.values()):
        return False  # the recording is not in its file
    bills = _bills(scenario, list(run.options), make_plan, over_time=False)
    return bills is not None and all(
        is_same((lines.get(line, 0.0), bills[name].get(line, 0.0)))
        for name, lines in ((name, option.lines) for name, option in run.options.items())
        for line in (*lines, *bills[name])
    )


def _bills(scenario: Scenario, options: list[str], make_plan: MakePlan, over_time: bool) -> dict[str, Lines] | None:
    plan = held_to_level(make_plan(scenario), leave_out=False)
    if any(name not in plan.options for name in options):
        return None
    volume = scenario.tokens_per_month
    if over_time:
        return {name: _over_time(simulate_option(plan, name, volume)) for name in options}
    rates = {name: run_rate(plan, name, np.array([volume])) for name in options}
    return {name: {line: float(usd[0]) for line, usd in rate.lines.items()} for name, rate in rates.items()}


def _at_volume(scenario: Scenario, tokens_per_month: float) -> Scenario:
    """The scenario with its demand scaled to another volume."""
    volume = dict.fromkeys(VOLUME_KEYS) | {"tokens_per_month": tokens_per_month}
    traffic = scenario.traffic.model_copy(update=volume)
    return scenario.model_copy(update={"traffic": traffic})


def solved_run(name: str, plan: Plan) -> ComparedRun:
    """Solve and simulate a plan for a comparison; raises `ValueError` if its baseline can't be planned."""
    study = solve(plan)
    ledgers = {option: simulate_option(study.plan, option, study.tokens_per_month) for option in study.options}
    return compared_study(name, study, ledgers)


def comparison_of(
    a: ComparedRun,
    b: ComparedRun,
    make_plan: MakePlan,
    *,
    options: Sequence[tuple[str, str]] = (),
    challengers: tuple[str, str] | None = None,
    over_time: bool = False,
) -> Comparison:
    """Hold one run against the first, with what the other volume alone does to its bills.

    Where no bill at run rate differs (growth, dated prices, one-off cost), those over the horizon are compared.

    Parameters
    ----------
    a, b : ComparedRun
        The first, and what is held against it.
    make_plan : function from scenario to plan
        For the bills of the first at the volume of the other.
    options : sequence of (name in a, name in b)
        Options to hold against each other; empty: as `held_options` finds them.
    challengers : (name in a, name in b), optional
        Challengers whose difference to the baseline is explained.
    over_time : bool
        Bills over the horizon in any case.

    Returns
    -------
    Comparison
        Bills per million tokens, and a warning, where the volumes differ and that of `a` can't be simulated.

    Raises
    ------
    ValueError
        If an option is not there, or none is left to hold.
    """
    held = held_options(a, b, options, challengers)
    compared = _compared(a, b, make_plan, held, challengers, over_time)
    if over_time or any(bill.is_changed for bill in compared.bills):
        return compared
    whole = _compared(a, b, make_plan, held, challengers, over_time=True)
    return whole if any(bill.is_changed for bill in whole.bills) else compared


def _compared(
    a: ComparedRun,
    b: ComparedRun,
    make_plan: MakePlan,
    held: Held,
    challengers: tuple[str, str] | None,
    over_time: bool,
) -> Comparison:
    bills: dict[str, Lines] | None = None
    warnings: tuple[str, ...] = ()
    if not same_volume(a, b):
        bills = bills_at(a, b.tokens_per_month, make_plan, over_time=over_time)
        warnings = () if bills is not None else (NOT_AT_VOLUME.format(a.name),)
    compared = compare_runs(a, b, held=held, challengers=challengers, at_volume_of_b=bills, over_time=over_time)
    return dataclasses.replace(compared, warnings=(*compared.warnings, *warnings))
