"""What a comparison says in words: the answer in sentences, and the cells of its tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator.domain.compared import ComparedPair, ComparedRun, Value, is_same
from simulator.presentation.charts.bill import cost_line_label
from simulator.presentation.numbers import distinct, number, percent, volume, whole_usd
from simulator.presentation.wording import VERBS
from simulator.solving.comparison import PER_MONTH, BillChange, BillStep, Comparison
from simulator.solving.differences import OVER_HORIZON, PER_MTOK, Difference
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, INFEASIBLE, NOT_SETTLED_IN_RANGE

NOT_GIVEN = "not given"
WITH = "with "  # starts the name of the first with other keys
UNIT_WORDS = {PER_MONTH: "USD a month", PER_MTOK: "USD per million tokens", OVER_HORIZON: "USD"}
_VERBS = {"buy": VERBS["api"], "self_host": VERBS["self_hosted"]}
_TOLD_SHARE = 0.05  # of the greatest step: smaller ones are in the table
_MOST_TOLD = 3

_REASONS = {
    BASELINE_ALWAYS_CHEAPER: "never pays",
    NOT_SETTLED_IN_RANGE: "does not pay for good",
    INFEASIBLE: "can't be had",
}
RESULT_NAMES = {
    "tokens_per_month": "volume [tokens a month]",
    "requests_per_day": "requests a day",
    "tokens_per_request": "tokens a request",
    "cheapest": "cheapest",
    "action": "advice",
    "usd_per_month": "USD a month",
    "usd_per_1000_requests": "USD per 1,000 requests",
    "usd_per_mtok_output": "USD per M output tokens",
    "usd_per_mtok_total": "USD per M tokens",
    "utilization_share": "utilization",
    "overflow_share": "overflow",
    "rejected_share": "rejected",
    "queued_share": "waiting at the end",
    "peak_replicas": "replicas at most",
    "horizon_usd": "USD over the horizon",
    "one_off_usd": "one-off USD",
    "first_tokens_per_month": "first pays at",
    "settled_tokens_per_month": "pays for good from",
    "cause": "cause",
    "breakeven_utilization_share": "break-even utilization",
}


def heading(comparison: Comparison) -> str:
    """'B against A'."""
    a, b = comparison.a.name, comparison.b.name
    return f"{a} {b} against {a}" if b.startswith(WITH) else f"{b} against {a}"


def sentence(comparison: Comparison) -> str:
    """The answer: what each option costs more or less and for which lines, then the choice, then the break-even."""
    changed = sorted((bill for bill in comparison.bills if bill.is_changed), key=lambda bill: -abs(bill.difference))
    same = [bill_name(bill) for bill in comparison.bills if not bill.is_changed]
    said = [bill_sentence(comparison, bill) for bill in changed]
    if not changed:
        said.append("No bill differs, neither at run rate nor over the horizon.")
    elif same:
        said.append(f"{_joined(same)} {'costs' if len(same) == 1 else 'cost'} the same.")
    return " ".join([*said, choice_sentence(comparison), break_even_sentence(comparison)]).strip()


def bill_sentence(comparison: Comparison, bill: BillChange) -> str:
    """What one option costs more or less, before and after, and the lines that make it so."""
    before, after, change = money([bill.before, bill.after, abs(bill.difference)])
    unit = UNIT_WORDS[bill.unit]
    over = f" over {comparison.b.horizon_months:g} months" if bill.unit == OVER_HORIZON else ""
    if is_nothing(bill.difference, bill):
        first = f"{bill_name(bill)} costs {before} {unit}{over} in both"
    else:
        more = "more" if bill.difference > 0 else "less"
        first = f"{bill_name(bill)} costs {change} {unit} {more}{over}, {after} in place of {before}"
    if bill.volume_step is None:
        return f"{first}: {told_lines(bill)}." if told_lines(bill) else f"{first}."
    of_volume = f"{signed_money(bill.volume_step)} for the other volume"
    lines = told_lines(bill)
    if not lines:
        return f"{first}: {of_volume} alone."
    return f"{first}: {of_volume}, {signed_money(bill.at_equal_volume)} at equal volume ({lines})."


def told_lines(bill: BillChange) -> str:
    """The lines that matter, with their signs: 'rent -2,900, overflow +210'."""
    steps = [step for step in bill.steps if not is_nothing(step.difference, bill)]
    if not steps:
        return ""
    least = _TOLD_SHARE * abs(steps[0].difference)
    told = [step for step in steps[:_MOST_TOLD] if abs(step.difference) >= least]
    text = ", ".join(f"{cost_line_label(step.line)} {signed_money(step.difference)}" for step in told)
    return text if len(told) == len(steps) else f"{text}, others {signed_money(_rest(steps[len(told) :]))}"


def _rest(steps: Sequence[BillStep]) -> float:
    return math.fsum(step.difference for step in steps)


def is_nothing(difference: float, bill: BillChange) -> bool:
    """Whether a difference is but rounding in a bill of this size."""
    return abs(difference) <= 1e-9 * max(abs(bill.before), abs(bill.after))


def choice_sentence(comparison: Comparison) -> str:
    """Whether the cheapest option is another one."""
    a, b = comparison.a, comparison.b
    names = {other: one for one, other in comparison.held}
    if names.get(b.cheapest, b.cheapest) == a.cheapest:
        return f"{b.cheapest} is the cheapest in both ({_VERBS.get(b.action, b.action)})."
    turned = [f"{run.cheapest} ({_VERBS.get(run.action, run.action)})" for run in (a, b)]
    return f"The choice turns from {turned[0]} to {turned[1]}."


def break_even_sentence(comparison: Comparison) -> str:
    """Where the challenger pays for good, before and after; empty where there is no pair of both."""
    if comparison.pair is None:
        return ""
    name = comparison.pair[1].challenger
    was, now = (pair.settled for pair in comparison.pair)
    if was and now and not is_same((was, now)):
        before, after = distinct([was, now], volume)
        return f"{name} pays for good from {after} tokens a month, in place of {before}."
    before, after = (pays(pair) for pair in comparison.pair)
    return f"{name} {after} in both." if before == after else f"{name} {after}; before it {before}."


def pays(pair: ComparedPair) -> str:
    """When a challenger pays for good, or why it does not."""
    if pair.settled is None:
        return _REASONS.get(pair.reason or "", (pair.reason or "does not pay").replace("_", " "))
    where = f"from {volume(pair.settled)} tokens a month" if pair.settled else "at any volume"
    return f"pays for good {where}"


def gap_sentence(comparison: Comparison) -> str:
    """By how much the challenger is dearer or cheaper than the baseline, before and after; empty without a pair."""
    gap = comparison.gap
    if gap is None:
        return ""
    unit, ours, theirs = UNIT_WORDS[comparison.unit], gap.challenger, gap.baseline
    before, after = (
        f"{text} {unit} {'more' if value > 0 else 'less'}"
        for text, value in zip(money([abs(gap.before), abs(gap.after)]), (gap.before, gap.after), strict=True)
    )
    first = f"In {comparison.a.name} {ours.option} costs {before} than {theirs.option}"
    if (ours.option, theirs.option) == (ours.other, theirs.other):
        return f"{first}, {_in(comparison.b.name)} {after}"
    return f"{first}, {_in(comparison.b.name)} {ours.other} {after} than {theirs.other}"


def _in(name: str) -> str:
    return name if name.startswith(WITH) else f"in {name}"


def bill_name(bill: BillChange) -> str:
    """The option; both names where they differ."""
    return bill.option if bill.option == bill.other else f"{bill.other} (held against {bill.option})"


def money(values: Sequence[float]) -> list[str]:
    """Amounts without their unit: to the dollar where they are many, else to as many digits as tell them apart."""
    if max(abs(value) for value in values) >= 1_000.0:
        return [whole_usd(value).removesuffix(" USD") for value in values]
    return distinct(values, number)


def signed_money(value: float) -> str:
    """An amount with its sign, without its unit."""
    text = whole_usd(abs(value)).removesuffix(" USD")
    return text if value == 0 else f"{'+' if value > 0 else '-'}{text}"


def result_cells(row: Difference) -> list[str]:
    """A result of each run as text."""
    if row.key in ("first_tokens_per_month", "settled_tokens_per_month"):
        return [_pays_at(value, text) for value, text in _numbers(row.of_runs)]
    if "share" in row.unit:
        return ["" if value is None else _share(value) for value in row.of_runs]
    if row.key == "action":
        return ["" if value is None else _VERBS.get(str(value), str(value)) for value in row.of_runs]
    amounts = [value for value in row.of_runs if isinstance(value, int | float)]
    if row.unit.startswith("USD") and len(amounts) == len(row.of_runs):
        return money(amounts)
    return ["" if value is None else text for value, text in _numbers(row.of_runs)]


def _pays_at(value: Value, text: str) -> str:
    if value is None:
        return ""
    return "any volume" if value == 0 else text.replace("_", " ")


def _share(value: Value) -> str:
    return percent(value) if isinstance(value, int | float) and value > 0 else "0 %"


def input_cells(values: Sequence[Value]) -> list[str]:
    """An input of each run as text: numbers with as many digits as tell them apart."""
    texts = []
    for value, text in _numbers(values):
        if value is None:
            texts.append(NOT_GIVEN)
        elif isinstance(value, bool):
            texts.append("true" if value else "false")
        else:
            texts.append(text)
    return texts


def _numbers(values: Sequence[Value]) -> list[tuple[Value, str]]:
    """Every value with its text; numbers are written so that different ones differ."""
    amounts = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    texts = iter(distinct(amounts, number) if amounts else [])
    return [(value, next(texts) if _is_number(value) else str(value)) for value in values]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def volumes_of(runs: Sequence[ComparedRun]) -> list[str]:
    """Volumes of runs in words that tell them apart."""
    return distinct([run.tokens_per_month for run in runs], volume)


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
