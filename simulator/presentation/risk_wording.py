"""What many paths say, in sentences."""

from __future__ import annotations

import math

import pandas as pd

from simulator.presentation.numbers import percent, usd, volume
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, INFEASIBLE
from simulator.solving.uncertainty import BOTH, INPUTS, TRAFFIC, PairUnderUncertainty, UncertaintyStudy


def risk_answer(study: UncertaintyStudy) -> list[str]:
    """The answer for the first challenger, from long to short, for the head of a chart."""
    pair = study.first_pair
    sentence = crossing_sentence(pair)
    return [f"{sentence} {own_volume_sentence(study, pair)}", sentence, own_volume_sentence(study, pair)]


def crossing_sentence(pair: PairUnderUncertainty) -> str:
    """Where the paths cross for good: median and the range of 8 in 10 paths, and how many never do."""
    band = _widest(pair)
    never, median = float(band["never_share"]), float(band["p50"])
    if math.isinf(median):
        why = _why_never(pair)
        rest = f"; {percent(1 - never)} of them do" if never < 1 else ""
        return f"{pair.challenger} never pays for good on {percent(never)} of the paths{why}{rest}."
    if median == 0:
        return f"{pair.challenger} pays at every volume on most paths."
    high = "never" if math.isinf(band["p90"]) else volume(float(band["p90"]))
    low = "any volume" if band["p10"] == 0 else volume(float(band["p10"]))
    ends = f" Never on {percent(never)} of the paths." if never > 0 else ""
    return (
        f"{pair.challenger} pays for good from {volume(median)} tokens a month; "
        f"on 8 of 10 paths from {low} to {high}.{ends}"
    )


def own_volume_sentence(study: UncertaintyStudy, pair: PairUnderUncertainty) -> str:
    """How likely the challenger is the cheaper one at the scenario's own volume."""
    probability = percent(pair.p_cheaper_at_own_volume)
    where = "At the own volume, itself uncertain," if own_volume_varies(study) else "At the own volume"
    return f"{where} {pair.challenger} is the cheaper one with {probability} probability."


def own_volume_label(study: UncertaintyStudy) -> str:
    """What a mark at the scenario's own volume is called: each path has its own where the traffic is an input."""
    return "own volume, median" if own_volume_varies(study) else "own volume"


def own_volume_varies(study: UncertaintyStudy) -> bool:
    """Whether the volume is an input, so that each path has its own: the curve at their median says something else."""
    own = study.paths["tokens_per_month"]
    return bool(own.min() < own.max())


def precision_sentence(study: UncertaintyStudy) -> str:
    """How well the medians are known, and why no more paths were drawn."""
    paths = len(study.paths)
    if not study.uncertainty.inputs:
        return f"{paths} seeds of the traffic; no input is uncertain."
    worst = max(pair.half_width_share for pair in study.pairs.values())
    known = "unknown" if math.isinf(worst) else f"known to {percent(worst)} either way (90 % interval)"
    wanted = percent(study.precision_share)
    ended = f"as asked for ({wanted})" if study.is_precise else f"{wanted} was asked for; more paths would tell more"
    return f"{paths:,} paths; medians are {known}, {ended}."


def decision_sentence(study: UncertaintyStudy) -> str:
    """Which choice costs least on average, what it may cost to be wrong, and what knowing is worth."""
    table = study.decision.dropna(subset=["expected_usd_per_month"])
    if table.empty:
        return "No path on which every option can be had: nothing to choose from."
    best = table.iloc[int(table["expected_usd_per_month"].to_numpy().argmin())]
    worth = study.value_of_perfect_information_usd_per_month
    expected = usd(float(best["expected_usd_per_month"]))
    compared = study.paths[[f"usd:{name}" for name in study.decision["option"]]].notna().all(axis=1).mean()
    where = "" if compared == 1.0 else f", on the {percent(float(compared))} of the paths where all can be had"
    text = f"On average {best['option']} costs least at the own volume{where}, {expected} a month"
    if worth <= 0:
        return f"{text}, and so on every path: there is nothing to find out first."
    return (
        f"{text}; it is the cheapest on {percent(float(best['p_cheapest']))} of the paths. Knowing every input first "
        f"would be worth {usd(worth)} a month."
    )


def cause_words(varying: str) -> str:
    """What varies, for a table."""
    words = {TRAFFIC: "chance in the traffic", INPUTS: "uncertain inputs", BOTH: "inputs and traffic"}
    return words[varying]


def _why_never(pair: PairUnderUncertainty) -> str:
    words = {INFEASIBLE: "can't be had", BASELINE_ALWAYS_CHEAPER: f"{pair.baseline} is always cheaper"}
    told = [(share, words[reason]) for reason, share in pair.reasons.items() if reason in words]
    return f" ({max(told)[1]})" if told else ""


def _widest(pair: PairUnderUncertainty) -> pd.Series:
    for varying in (BOTH, INPUTS, TRAFFIC):
        if (pair.bands["varying"] == varying).any():
            return pair.band("settled", varying)
    raise ValueError("no path was solved")
