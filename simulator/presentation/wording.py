"""What charts say about a pair and a study, in a few words."""

from __future__ import annotations

from simulator.presentation.numbers import distinct, usd, volume
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, CHALLENGER_ALWAYS_CHEAPER, INFEASIBLE, Pair, Study

VERBS = {"api": "buy", "self_hosted": "self-host"}


def crossing_texts(pair: Pair) -> dict[float, str]:
    """The volumes of a pair that deserve a label, in order, and what happens there: at most two.

    Volumes are in tokens per month; 0 (cheaper from the very first token) is no crossing and gets none.
    """
    if not pair.crossings:
        return {}
    last = pair.crossings[-1].tokens_per_month
    if pair.settled is not None and pair.first == pair.settled:
        return {pair.settled: f"pays from {volume(pair.settled)}"}
    if pair.first is None:
        return {}
    start = pair.first or pair.crossings[0].tokens_per_month
    end = last if pair.settled is None else pair.settled
    first_text, end_text = distinct([start, end], volume)
    texts = {start: f"first pays at {first_text}" if pair.first > 0 else f"pays below {first_text}"}
    if pair.settled is not None:
        texts[end] = f"for good from {end_text}"
    elif end != start:
        texts[end] = f"no longer pays from {end_text}"
    return texts


def verdict(pair: Pair) -> str:
    """When a challenger pays, or the reason why not."""
    if pair.reason == INFEASIBLE:
        return f"can't be had: {pair.cause}"
    if pair.reason == BASELINE_ALWAYS_CHEAPER:
        return f"never pays: {pair.baseline} is cheaper at every volume"
    if pair.reason == CHALLENGER_ALWAYS_CHEAPER:
        return f"always pays: cheaper than {pair.baseline} at every volume"
    text = ", ".join(crossing_texts(pair).values())
    return text if pair.settled is not None else f"{text}; not settled: {pair.baseline} is cheaper above"


def answers(study: Study) -> list[str]:
    """The answer in one line, from the fullest wording to the shortest."""
    best = study.options[study.cheapest]
    here = f"At {volume(study.tokens_per_month)} tokens a month"
    kinds = {option.kind for option in study.options.values()}
    verb = f": {VERBS.get(best.kind, best.name)}" if len(kinds) > 1 else ""
    costs = distinct([option.usd_per_month for option in study.options.values()], usd)
    named = [
        f"{name} costs {cost}" if place == 0 else f"{name} {cost}"
        for place, (name, cost) in enumerate(zip(study.options, costs, strict=True))
    ]
    every = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    cheapest = f"{best.name} is cheapest at {costs[list(study.options).index(best.name)]}"
    nearest = min(
        study.pairs.values(),
        key=lambda pair: (
            pair.challenger != best.name,
            pair.challenger not in study.eligible,
            pair.settled is None,
            pair.settled or 0.0,
        ),
    )
    pairs = [f"{pair.challenger} {verdict(pair)}" for pair in study.pairs.values()]
    return [
        f"{here} {every}{verb}. {'; '.join(pairs)}.",
        f"{here} {cheapest}{verb}. {'; '.join(pairs)}.",
        f"{here} {cheapest}{verb}. {nearest.challenger} {verdict(nearest)}.",
        f"{here} {cheapest}{verb}.",
    ]


def run_rate_note(study: Study, not_drawn: list[str]) -> str:
    """What costs at run rate stand on, and which options a chart leaves out."""
    start = study.plan.scenario.horizon.start.isoformat()
    text = f"Run rate: constant volume, prices of {start}, no growth, no one-off cost. A month is 730 h."
    if any(figure.unverified and figure.option in study.options for figure in study.plan.figures):
        text += " Stands on figures that are not verified."
    return text + (f" Not drawn: {', '.join(not_drawn)}." if not_drawn else "")
