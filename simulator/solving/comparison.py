"""Two runs held against each other: what differs in input and in result, and which lines of the bill explain it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.domain.compared import ComparedPair, ComparedRun, Lines
from simulator.domain.units import TOKENS_PER_MTOK
from simulator.solving.differences import (
    OVER_HORIZON,
    PER_MTOK,
    Difference,
    differing_figures,
    differing_inputs,
    differing_results,
)

PER_MONTH = "USD per month"
SAME_SHARE = 1e-9  # volumes and costs closer than this are the same


@dataclass(frozen=True)
class BillStep:
    """One line of a bill before and after, at the same volume."""

    line: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """By how much the line is higher after."""
        return self.after - self.before


@dataclass(frozen=True)
class BillChange:
    """How the bill of one option comes from what it was in the first to what it is in the other. All in `unit`.

    `volume_step` is what the other volume alone makes of the first one's bill; None where the volumes are the same, or
    costs are held against each other per token. Then come the lines, the greatest difference first.
    """

    option: str
    other: str
    unit: str
    before: float
    after: float
    volume_step: float | None
    steps: tuple[BillStep, ...]

    @property
    def difference(self) -> float:
        """By how much the other's bill is higher; the sum of all steps."""
        return self.after - self.before

    @property
    def at_equal_volume(self) -> float:
        """By how much it is higher at the same volume; the sum of the lines."""
        return math.fsum(step.difference for step in self.steps)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs but for rounding."""
        moved = [self.difference, self.volume_step or 0.0, *(step.difference for step in self.steps)]
        return max(map(abs, moved)) > SAME_SHARE * max(abs(self.before), abs(self.after), 1e-12)


@dataclass(frozen=True)
class GapChange:
    """How much more the challenger costs than the baseline, before and after: what each one's bill adds to it."""

    baseline: BillChange
    challenger: BillChange

    @property
    def before(self) -> float:
        """Challenger minus baseline in the first."""
        return self.challenger.before - self.baseline.before

    @property
    def after(self) -> float:
        """Challenger minus baseline in the other."""
        return self.challenger.after - self.baseline.after

    @property
    def difference(self) -> float:
        """By how much the gap grows."""
        return self.after - self.before

    @property
    def volume_step(self) -> float | None:
        """What the other volume alone does to the gap."""
        steps = (self.challenger.volume_step, self.baseline.volume_step)
        return None if None in steps else float(steps[0] or 0.0) - float(steps[1] or 0.0)


@dataclass(frozen=True)
class Comparison:
    """One run held against the first. `held` are the options of both, (first's name, other's name)."""

    a: ComparedRun
    b: ComparedRun
    held: tuple[tuple[str, str], ...]
    pair: tuple[ComparedPair, ComparedPair] | None
    inputs: tuple[Difference, ...]
    figures: tuple[Difference, ...]
    results: tuple[Difference, ...]
    bills: tuple[BillChange, ...]
    gap: GapChange | None
    warnings: tuple[str, ...]

    @property
    def unit(self) -> str:
        """Of the bills."""
        return self.bills[0].unit

    def bill(self, option: str) -> BillChange:
        """The bill by the option's name in the first; raises `KeyError` for one that is not held."""
        return {bill.option: bill for bill in self.bills}[option]


def held_options(
    a: ComparedRun, b: ComparedRun, wanted: Sequence[tuple[str, str]] = (), challengers: tuple[str, str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Which options of two runs are held against each other.

    As `wanted`; else those of the same name, then baseline against baseline and first challenger against first
    challenger where these have no namesake. `challengers` are held in any case.

    Raises
    ------
    ValueError
        If an option is not there, is held twice, or none is left to hold.
    """
    for one, other in (*wanted, *([challengers] if challengers else [])):
        for run, name in ((a, one), (b, other)):
            if name not in run.options:
                raise ValueError(f"'{name}' is no option of {run.name}, must be one of {', '.join(run.options)}")
    if wanted:
        held = dict(wanted)
    else:
        held = {name: name for name in a.options if name in b.options}
        for one, other in ((a.baseline, b.baseline), (first_challenger(a), first_challenger(b))):
            if one in a.options and other in b.options and one not in held and other not in held.values():
                held[one] = other
    if challengers is not None:
        held = {one: other for one, other in held.items() if one != challengers[0] and other != challengers[1]}
        held[challengers[0]] = challengers[1]
    if len(set(held.values())) < len(held):
        raise ValueError(f"an option of {b.name} is held against two of {a.name}: {', '.join(held.values())}")
    if not held:
        raise ValueError(f"{a.name} and {b.name} share no option; name two to hold against each other, as in ONE=OTHER")
    return tuple((name, held[name]) for name in a.options if name in held)


def first_challenger(run: ComparedRun) -> str:
    """The first challenger that can be had; empty where there is none."""
    return next((name for name in run.pairs if name in run.options), "")


def compare_runs(
    a: ComparedRun,
    b: ComparedRun,
    *,
    held: Sequence[tuple[str, str]],
    challengers: tuple[str, str] | None = None,
    at_volume_of_b: Mapping[str, Lines] | None = None,
    over_time: bool = False,
) -> Comparison:
    """Hold one run against another.

    Parameters
    ----------
    a, b : ComparedRun
        The first, and what is held against it.
    held : sequence of (name in a, name in b)
        From `held_options`.
    challengers : (name in a, name in b), optional
        Whose difference to the baseline is explained; left out: the first challenger of `a` that is held.
    at_volume_of_b : mapping of lines by option of `a`, optional
        Bills of `a` at the volume of `b`; left out where the volumes differ: bills are compared per million tokens.
    over_time : bool
        Compare the bills over the horizon instead of those of a month at run rate.

    Returns
    -------
    Comparison
        Inputs, figures and results that differ, and the bills line by line.
    """
    runs, names = (a, b), dict(held)
    bills = tuple(_bill_change(a, b, one, other, at_volume_of_b, over_time) for one, other in held)
    pair = _pair(a, b, names, challengers)
    gap = None
    if pair is not None and pair[0].baseline in names and names[pair[0].baseline] == pair[1].baseline:
        of = {bill.option: bill for bill in bills}
        gap = GapChange(of[pair[0].baseline], of[pair[0].challenger])
    return Comparison(
        a=a,
        b=b,
        held=tuple(held),
        pair=pair,
        inputs=differing_inputs(runs, [held]),
        figures=differing_figures(runs, [held]),
        results=differing_results(runs, [held]),
        bills=bills,
        gap=gap,
        warnings=(*a.warnings, *b.warnings),
    )


def _pair(
    a: ComparedRun, b: ComparedRun, names: Mapping[str, str], challengers: tuple[str, str] | None
) -> tuple[ComparedPair, ComparedPair] | None:
    """The pairs of both whose challengers are held against each other; None: there are none."""
    wanted = [challengers] if challengers else [(name, names.get(name, "")) for name in a.pairs]
    for one, other in wanted:
        if one in a.pairs and other in b.pairs:
            return a.pairs[one], b.pairs[other]
    return None


def same_volume(a: ComparedRun, b: ComparedRun) -> bool:
    """Whether two runs are at one volume."""
    return math.isclose(a.tokens_per_month, b.tokens_per_month, rel_tol=SAME_SHARE)


def _bill_change(
    a: ComparedRun,
    b: ComparedRun,
    one: str,
    other: str,
    at_volume_of_b: Mapping[str, Lines] | None,
    over_time: bool,
) -> BillChange:
    before, after = (
        run.options[name].horizon_lines if over_time else run.options[name].lines
        for run, name in ((a, one), (b, other))
    )
    unit = OVER_HORIZON if over_time else PER_MONTH
    volume_step: float | None = None
    total = math.fsum(before.values())
    if not same_volume(a, b):
        at_volume = None if at_volume_of_b is None else at_volume_of_b.get(one)
        if at_volume is None:
            months = (a.horizon_months, b.horizon_months) if over_time else (1.0, 1.0)
            before = _per_mtok(before, a.tokens_per_month * months[0])
            after = _per_mtok(after, b.tokens_per_month * months[1])
            unit, total = PER_MTOK, math.fsum(before.values())
        else:
            volume_step = math.fsum(at_volume.values()) - total
            before = at_volume
    steps = [BillStep(line, before.get(line, 0.0), after.get(line, 0.0)) for line in dict.fromkeys((*before, *after))]
    steps = [step for step in steps if step.before != 0.0 or step.after != 0.0]
    steps.sort(key=lambda step: -abs(step.difference))
    return BillChange(one, other, unit, total, math.fsum(after.values()), volume_step, tuple(steps))


def _per_mtok(lines: Lines, tokens: float) -> dict[str, float]:
    return {line: usd / tokens * TOKENS_PER_MTOK for line, usd in lines.items()}
