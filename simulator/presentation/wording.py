"""What charts say about a pair and a study, in a few words."""

from __future__ import annotations

from collections.abc import Callable

from simulator.domain.workload import holds_media
from simulator.presentation.numbers import distinct, number, usd, volume
from simulator.solving.study import (
    BASELINE_ALWAYS_CHEAPER,
    CHALLENGER_ALWAYS_CHEAPER,
    INFEASIBLE,
    Pair,
    Study,
    requests_per_day,
)

VERBS = {"api": "buy", "self_hosted": "self-host"}
VolumeWords = Callable[[float, int], str]  # of tokens a month and significant digits


def counts_requests(study: Study) -> bool:
    """Whether tokens say little of the volume: every request makes or hears images, sound or video."""
    return all(holds_media(request) for request in study.plan.scenario.workload.values())


def volume_words(study: Study) -> VolumeWords:
    """How volumes are written: in tokens a month without their unit, or in requests a day."""

    def in_requests(tokens_per_month: float, digits: int) -> str:
        return f"{number(requests_per_day(study.plan, tokens_per_month), digits)} requests a day"

    return in_requests if counts_requests(study) else volume


def at_own_volume(study: Study) -> str:
    """'At 1.2 B tokens a month'."""
    said = volume_words(study)(study.tokens_per_month, 3)
    return f"At {said}" if counts_requests(study) else f"At {said} tokens a month"


def crossing_texts(pair: Pair, words: VolumeWords = volume) -> dict[float, str]:
    """The volumes of a pair that deserve a label, in order, and what happens there: at most two.

    Volumes are in tokens per month; 0 (cheaper from the very first token) is no crossing and gets none.
    """
    if not pair.crossings:
        return {}
    last = pair.crossings[-1].tokens_per_month
    if pair.settled is not None and pair.first == pair.settled:
        return {pair.settled: f"pays from {words(pair.settled, 3)}"}
    if pair.first is None:
        return {}
    start = pair.first or pair.crossings[0].tokens_per_month
    end = last if pair.settled is None else pair.settled
    first_text, end_text = distinct([start, end], words)
    texts = {start: f"first pays at {first_text}" if pair.first > 0 else f"pays below {first_text}"}
    if pair.settled is not None:
        texts[end] = f"for good from {end_text}"
    elif end != start:
        texts[end] = f"no longer pays from {end_text}"
    return texts


def verdict(pair: Pair, words: VolumeWords = volume) -> str:
    """When a challenger pays, or the reason why not."""
    if pair.reason == INFEASIBLE:
        return f"can't be had: {pair.cause}"
    if pair.reason == BASELINE_ALWAYS_CHEAPER:
        return f"never pays: {pair.baseline} is cheaper at every volume"
    if pair.reason == CHALLENGER_ALWAYS_CHEAPER:
        return f"always pays: cheaper than {pair.baseline} at every volume"
    text = ", ".join(crossing_texts(pair, words).values())
    return text if pair.settled is not None else f"{text}; not settled: {pair.baseline} is cheaper above"


def answers(study: Study) -> list[str]:
    """The answer in one line, from the fullest wording to the shortest."""
    best = study.options[study.cheapest]
    here, words = at_own_volume(study), volume_words(study)
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
    pairs = [f"{pair.challenger} {verdict(pair, words)}" for pair in study.pairs.values()]
    return [
        f"{here} {every}{verb}. {'; '.join(pairs)}.",
        f"{here} {cheapest}{verb}. {'; '.join(pairs)}.",
        f"{here} {cheapest}{verb}. {nearest.challenger} {verdict(nearest, words)}.",
        f"{here} {cheapest}{verb}.",
    ]


def run_rate_note(study: Study, not_drawn: list[str]) -> str:
    """What costs at run rate stand on, and which options a chart leaves out."""
    start = study.plan.scenario.horizon.start.isoformat()
    text = f"Run rate: constant volume, prices of {start}, no growth, no one-off cost. A month is 730 h."
    of_costs = (figure for figure in study.plan.figures if figure.option in study.options and not figure.for_energy)
    if any(figure.unverified for figure in of_costs):
        text += " Stands on figures that are not verified."
    return text + (f" Not drawn: {', '.join(not_drawn)}." if not_drawn else "")
