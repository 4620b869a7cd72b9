"""The decision in a sentence: what to do and why."""

from __future__ import annotations

from simulator.presentation.numbers import usd, volume
from simulator.solving.study import (
    BASELINE_ALWAYS_CHEAPER,
    CHALLENGER_ALWAYS_CHEAPER,
    INFEASIBLE,
    Pair,
    Study,
)

# Kinds of option as verbs of a decision.
_VERBS = {"api": "buy", "self_hosted": "self-host"}
_SAME = 0.005  # costs closer than this share are called about the same


def decision_sentence(study: Study) -> str:
    """What every option costs at the scenario's own volume, what to do, and where each challenger starts to pay."""
    costs = [f"{option.name} {usd(option.usd_per_month)}" for option in study.options.values()]
    best = study.options[study.cheapest]
    verb = _VERBS[best.kind]
    head = f"At {volume(study.tokens_per_month)} tokens a month: {_joined(costs)} a month. "
    head += f"{verb.capitalize()}: {best.name}"
    others = [option.usd_per_month for option in study.options.values() if option.name != best.name]
    if others:
        next_best = min(others)
        if next_best - best.usd_per_month <= _SAME * next_best:
            head += ", though the next is about the same"
        else:
            head += f", {1 - best.usd_per_month / next_best:.0%} below the next"
    parts = [head + "."]
    parts += [pair_sentence(pair) + _arrival(study, pair) for pair in study.pairs.values()]
    return " ".join(parts)


def pair_sentence(pair: Pair) -> str:
    """Where a challenger starts to pay against the baseline, or why it never does."""
    if pair.reason == INFEASIBLE:
        return f"{pair.challenger} can't be had: {pair.cause}."
    if pair.reason == BASELINE_ALWAYS_CHEAPER:
        sentence = f"{pair.challenger} pays at no volume"
        share = pair.breakeven_utilization_share
        if share is not None and share > 1:
            sentence += ": even a full replica costs more per token than the API"
        return sentence + "."
    if pair.reason == CHALLENGER_ALWAYS_CHEAPER:
        return f"{pair.challenger} is cheaper than {pair.baseline} at every volume."
    first = volume(pair.first or 0.0)
    if pair.settled is None:
        last = pair.crossings[-1].tokens_per_month
        return f"{pair.challenger} first pays at {first}, but {pair.baseline} is cheaper for good from {volume(last)}."
    settled = volume(pair.settled)
    if first == settled:
        return f"{pair.challenger} pays from {settled} tokens a month on."
    return f"{pair.challenger} first pays at {first}, and for good from {settled} tokens a month."


def _arrival(study: Study, pair: Pair) -> str:
    """The month in which growth carries the volume over the settled crossing, within the horizon's ten-year bound."""
    growth = study.plan.scenario.traffic.growth_per_month
    if growth <= 0 or pair.settled is None or pair.settled <= study.tokens_per_month:
        return ""
    level, month = study.tokens_per_month, 0
    while level < pair.settled and month < 120:
        month += 1
        level *= 1.0 + growth
    if level < pair.settled:
        return ""
    when = study.plan.scenario.horizon.month_start_utc(month)
    return f" At {growth:.0%} growth a month you arrive there in {when:%B %Y}."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
