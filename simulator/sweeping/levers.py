"""Every lever alone and all together: what each saves at the scenario's volume, and where the break-even goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from simulator.domain.lever_moves import Lever, LeverCase, LeverClaim, LeverFacts, LeverFigure, Move, NotRun
from simulator.domain.plans import FleetPlan, Plan
from simulator.solving.study import Pair, Study, solve

TOGETHER = "together"
PlanFor = Callable[[Mapping[str, object]], Plan]


@dataclass(frozen=True)
class Saving:
    """What a lever does to one option at the scenario's volume, at run rate. [USD per month]"""

    option: str
    is_api: bool
    before_usd_per_month: float
    after_usd_per_month: float

    @property
    def usd_per_month(self) -> float:
        """What is saved; below zero: it costs more."""
        return self.before_usd_per_month - self.after_usd_per_month

    @property
    def share(self) -> float:
        """Over what the option cost before. [1]"""
        return self.usd_per_month / self.before_usd_per_month if self.before_usd_per_month else 0.0


@dataclass(frozen=True)
class BreakEvenShift:
    """Where a challenger pays for good, before and after; None: nowhere, and the reason says why. [tokens per month]"""

    challenger: str
    before: float | None
    after: float | None
    reason_before: str | None
    reason_after: str | None

    @property
    def share(self) -> float | None:
        """By how much it moves, over where it was; None where there is none before or after. [1]"""
        return None if not self.before or self.after is None else self.after / self.before - 1.0


@dataclass(frozen=True)
class LeverOutcome:
    """One lever, or all together: `reason` says why it was not run, or what of it was left out."""

    lever: str
    title: str
    assumption: str
    figures: tuple[LeverFigure, ...]
    claims: tuple[LeverClaim, ...]
    savings: tuple[Saving, ...]
    break_even: tuple[BreakEvenShift, ...]
    reason: str | None
    warnings: tuple[str, ...] = ()  # of its plan, that the scenario as it is does not have

    @property
    def was_run(self) -> bool:
        """Whether it changed anything."""
        return bool(self.savings)


@dataclass(frozen=True)
class LeverStudy:
    """Every lever of a scenario, `together` at the end; `options` are the API side and the fleets."""

    title: str
    tokens_per_month: float
    api: str | None
    fleets: tuple[str, ...]
    outcomes: tuple[LeverOutcome, ...]
    combined: tuple[str, ...]  # titles of the levers that go together
    left_out: Mapping[str, str]  # title of a lever that was run alone, but not together with the others -> why

    def outcome(self, lever: str) -> LeverOutcome:
        """The outcome by its key; raises `KeyError` for one that there is not."""
        return {outcome.lever: outcome for outcome in self.outcomes}[lever]

    @property
    def together(self) -> LeverOutcome:
        """All levers that go together."""
        return self.outcome(TOGETHER)

    @property
    def as_it_stands(self) -> tuple[BreakEvenShift, ...]:
        """Where each challenger pays for good without any lever; nothing where no lever was run."""
        return tuple(
            BreakEvenShift(shift.challenger, None, shift.before, shift.reason_before, shift.reason_before)
            for shift in self.together.break_even
        )

    def table(self) -> pd.DataFrame:
        """One row a lever and option; a lever that was not run has one row, which says why."""
        rows: list[dict[str, object]] = []
        for outcome in self.outcomes:
            shifts = {shift.challenger: shift for shift in outcome.break_even}
            for saving in outcome.savings or (None,):
                row: dict[str, object] = {"lever": outcome.lever, "status": "run" if outcome.was_run else "not run"}
                if saving is not None:
                    row |= {
                        "option": saving.option,
                        "side": "api" if saving.is_api else "fleet",
                        "before_usd_per_month": saving.before_usd_per_month,
                        "after_usd_per_month": saving.after_usd_per_month,
                        "saving_usd_per_month": saving.usd_per_month,
                        "saving_share": saving.share,
                    }
                    shift = shifts.get(saving.option)
                    row["settled_before_tokens_per_month"] = shift and shift.before
                    row["settled_after_tokens_per_month"] = shift and shift.after
                    row["settled_shift_share"] = shift and shift.share
                    row["settled_after_reason"] = shift and shift.reason_after
                row["assumption"] = outcome.assumption or None
                row["assumption_sources"] = "; ".join(_sources(outcome.figures)) or None
                row["claims"] = "; ".join(claim_text(claim) for claim in outcome.claims) or None
                row["reason"] = outcome.reason
                row["warnings"] = "; ".join(outcome.warnings) or None
                rows.append(row)
        return pd.DataFrame(rows)


def lever_study(plan: Plan, plan_for: PlanFor, facts: LeverFacts) -> LeverStudy:
    """Solve a scenario as it is, with each lever alone, and with all that go together.

    Parameters
    ----------
    plan : Plan
        Of the scenario as it is.
    plan_for : function
        From overrides by dotted key to a plan; raises `ValueError` where they can't be had.
    facts : LeverFacts
        Published savings and assumptions.

    Returns
    -------
    LeverStudy
        Levers are combined in the order of `Levers`. One that costs more by itself, that would set a key which one
        before it has set, or that can't be planned together with those, is left out there, and the study says so.

    Raises
    ------
    ValueError
        If the scenario has neither an API nor a fleet that is compared and can be planned.
    """
    scenario = plan.scenario
    before = solve(plan)
    costs = {name: option.usd_per_month for name, option in before.options.items()}
    case = LeverCase(scenario, costs, facts)
    names = [name for name in (case.api, *case.fleets) if name is not None and name in costs]
    if not names:
        raise ValueError("comparison: holds no option of kind api and no fleet, must hold one for a lever to act on")
    work = _Work(plan_for, case, before, tuple(names))
    outcomes, taken, combined, left_out = [], _Taken(plan_for, frozenset(plan.options)), [], {}
    for lever in scenario.levers.all:
        found, reasons = _planned(lever, case, plan_for, frozenset(plan.options))
        outcomes.append(work.outcome(lever.key, lever.title, found, facts.claims_for(lever.key), reasons))
        if not found:
            continue
        if sum(saving.usd_per_month for saving in outcomes[-1].savings) < 0:
            left_out[lever.title] = "costs more by itself"
            continue
        why = [reason for move in found if (reason := taken.add(lever.title, move)) is not None]
        if len(why) < len(found):
            combined.append(lever.title)
        if why:
            left_out[lever.title] = "; ".join(dict.fromkeys(why))
    if taken.moves:
        said = "; ".join(f"{title}: {why}" for title, why in left_out.items())
        outcomes.append(work.outcome(TOGETHER, "all together", taken.moves, (), [said] if said else []))
    else:
        outcomes.append(work.outcome(TOGETHER, "all together", [], (), ["no lever could be run"]))
    fleets = tuple(name for name in names if name != case.api)
    api = case.api if case.api in names else None
    return LeverStudy(
        scenario.title, scenario.tokens_per_month, api, fleets, tuple(outcomes), tuple(combined), left_out
    )


class _Taken:
    """Moves that go together so far."""

    def __init__(self, plan_for: PlanFor, planned: frozenset[str]) -> None:
        self._plan_for, self._planned = plan_for, planned
        self._owners: dict[str, str] = {}
        self.moves: list[Move] = []

    def add(self, title: str, move: Move) -> str | None:
        """Take a move along; why not, where it does not go with those before."""
        clash = next((owner for key in move.keys if (owner := self._owner(key, title)) is not None), None)
        if clash is not None:
            return f"sets what {clash} sets"
        plan = _plan_or_why(self._plan_for, _merged([*self.moves, move]), self._planned)
        if isinstance(plan, str):
            return plan
        self._owners |= dict.fromkeys(move.keys, title)
        self.moves.append(move)
        return None

    def _owner(self, key: str, title: str) -> str | None:
        for held, owner in self._owners.items():
            within = key == held or key.startswith(f"{held}.") or held.startswith(f"{key}.")
            if within and owner != title:
                return owner
        return None


@dataclass(frozen=True)
class _Work:
    plan_for: PlanFor
    case: LeverCase
    before: Study
    names: tuple[str, ...]

    def outcome(
        self, key: str, title: str, moves: Sequence[Move], claims: tuple[LeverClaim, ...], reasons: Sequence[str]
    ) -> LeverOutcome:
        """Solve with the moves made, and hold the result against the scenario as it is."""
        savings: list[Saving] = []
        shifts: list[BreakEvenShift] = []
        warnings: list[str] = []
        if moves:
            after = solve(self.plan_for(_merged(moves)))
            warnings = [text for text in after.plan.warnings if text not in self.before.plan.warnings]
            now = {old: new for move in moves for old, new in move.stands_in.items()}
            for name in self.names:
                costs = self.before.options[name].usd_per_month, after.options[now.get(name, name)].usd_per_month
                savings.append(Saving(name, name == self.case.api, *costs))
            for challenger, pair in self.before.pairs.items():
                later = after.pairs.get(now.get(challenger, challenger))
                if challenger in self.names and later is not None:
                    shifts.append(_shift(challenger, pair, later))
        return LeverOutcome(
            lever=key,
            title=title,
            assumption="; ".join(dict.fromkeys(move.assumption for move in moves)),
            figures=tuple(dict.fromkeys(figure for move in moves for figure in move.figures)),
            claims=claims,
            savings=tuple(savings),
            break_even=tuple(shifts),
            reason="; ".join(dict.fromkeys(reasons)) or None,
            warnings=tuple(warnings),
        )


def _planned(lever: Lever, case: LeverCase, plan_for: PlanFor, planned: frozenset[str]) -> tuple[list[Move], list[str]]:
    """The first move of each group that can be planned, and why the others can't."""
    groups = lever.moves(case)
    if isinstance(groups, NotRun):
        return [], [groups.reason]
    found: list[Move] = []
    reasons: list[str] = []
    for group in groups:
        plans = [(move, _plan_or_why(plan_for, move.overrides, planned)) for move in group]
        can = [(move, plan) for move, plan in plans if isinstance(plan, Plan)]
        if can:
            found.append(min(can, key=lambda pair: _seconds_per_request(*pair))[0])
        else:
            reasons += [why for _, why in plans if isinstance(why, str)][:1]
    return found, reasons


def _seconds_per_request(move: Move, plan: Plan) -> float:
    """Replica-seconds that a request takes the fleet of a move; 0 where it is of none."""
    option = None if move.fleet is None else plan.options[move.fleet]
    return option.seconds_per_request if isinstance(option, FleetPlan) else 0.0


def _plan_or_why(plan_for: PlanFor, overrides: Mapping[str, object], planned: frozenset[str]) -> Plan | str:
    """The plan with overrides, or why it can't be had, or not with every option that was there before."""
    try:
        plan = plan_for(overrides)
    except ValueError as error:
        return _in_short(str(error))
    for name in sorted(planned - frozenset(plan.options)):
        faults = plan.faults.get(name, ())
        if faults:
            return _in_short(f"{faults[0].key}: {faults[0].text}")
        if name in {plan.scenario.baseline, *plan.scenario.challengers}:
            return f"options.{name}: can't be had with it"
    return plan


def _in_short(message: str) -> str:
    """The first fault, without what there would be instead."""
    return message.splitlines()[0].split("; ")[0]


def _merged(moves: Sequence[Move]) -> dict[str, object]:
    return {key: value for move in moves for key, value in move.overrides.items()}


def _shift(challenger: str, before: Pair, after: Pair) -> BreakEvenShift:
    return BreakEvenShift(challenger, before.settled, after.settled, before.reason, after.reason)


def _sources(figures: Sequence[LeverFigure]) -> list[str]:
    return [figure_text(figure) for figure in figures]


def figure_text(figure: LeverFigure) -> str:
    """An assumption with its source and day."""
    value = f"{figure.value:.3g}" if isinstance(figure.value, float) else figure.value
    if figure.source is None:
        return f"{figure.key} {value}: as given"
    return f"{figure.key} {value}: {figure.source}, {_day(figure)}"


def claim_text(claim: LeverClaim) -> str:
    """A published saving with its source and day."""
    ends = dict.fromkeys((f"{100 * claim.low_share:.3g}", f"{100 * claim.high_share:.3g}"))
    return f"{' to '.join(ends)} % of {claim.of} ({claim.source}, {_day(claim)})"


def _day(figure: LeverFigure | LeverClaim) -> str:
    day = "undated" if figure.as_of is None else figure.as_of.isoformat()
    return f"{day}, unverified" if figure.unverified else day
