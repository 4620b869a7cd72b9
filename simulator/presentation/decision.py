"""The decision in a sentence: what to do and why."""

from __future__ import annotations

from simulator.presentation.numbers import distinct, usd, volume
from simulator.presentation.wording import VERBS, verdict
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, Pair, Study

_SAME = 0.005  # costs closer than this share are called about the same
_MOST_MONTHS = 120


def decision_sentence(study: Study) -> str:
    """What every option costs at the scenario's own volume, what to do, and where each challenger starts to pay."""
    amounts = [option.usd_per_month for option in study.options.values()]
    costs = [f"{name} {cost}" for name, cost in zip(study.options, distinct(amounts, usd), strict=True)]
    best = study.options[study.cheapest]
    here = f"At {volume(study.tokens_per_month)} tokens a month: {_joined(costs)} a month."
    advice = f"{VERBS[best.kind].capitalize()}: {best.name}{_margin(study)}."
    pairs = [pair_sentence(pair) + _arrival(study, pair) for pair in study.pairs.values()]
    return " ".join([here, advice, *pairs])


def pair_sentence(pair: Pair) -> str:
    """Where a challenger starts to pay against the baseline, or why it never does."""
    share = pair.breakeven_utilization_share
    hopeless = pair.reason == BASELINE_ALWAYS_CHEAPER and share is not None and share > 1
    why = "; even a full replica costs more per token than the API" if hopeless else ""
    return f"{pair.challenger} {verdict(pair)}{why}."


def _margin(study: Study) -> str:
    """How far the cheapest option lies below the next."""
    best = study.options[study.cheapest].usd_per_month
    others = [option.usd_per_month for option in study.options.values() if option.name != study.cheapest]
    if not others:
        return ""
    if min(others) - best <= _SAME * min(others):
        return ", though the next costs about the same"
    return f", {1 - best / min(others):.0%} below the next"


def _arrival(study: Study, pair: Pair) -> str:
    """The month in which growth carries the volume over the settled crossing, within ten years."""
    growth = study.plan.scenario.traffic.growth_per_month
    if growth <= 0 or pair.settled is None or pair.settled <= study.tokens_per_month:
        return ""
    level, month = study.tokens_per_month, 0
    while level < pair.settled and month < _MOST_MONTHS:
        month += 1
        level *= 1.0 + growth
    if level < pair.settled:
        return ""
    when = study.plan.scenario.horizon.month_start_utc(month)
    return f" At {growth:.0%} growth a month you arrive there in {when:%B %Y}."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
