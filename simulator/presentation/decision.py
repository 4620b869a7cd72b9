"""The decision in a sentence: what to do and why."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.domain.api_options import ApiOption
from simulator.domain.plans import FleetPlan
from simulator.presentation.horizon_wording import (
    budget_sentences,
    pair_over_time,
    sentences,
    turns_away,
    unserved_sentence,
)
from simulator.presentation.numbers import distinct, usd, volume
from simulator.presentation.over_time_wording import hardware_moves
from simulator.presentation.service_wording import equal_service, service_sentences
from simulator.presentation.wording import VERBS, VolumeWords, at_own_volume, verdict, volume_words
from simulator.simulation.results import Ledger
from simulator.solving.budget_view import budget_of
from simulator.solving.study import BASELINE_ALWAYS_CHEAPER, MOST_REJECTED_SHARE, Pair, Study

_SAME = 0.005  # costs closer than this share are called about the same
_NEARLY_ALL = 0.995
_MOST_MONTHS = 120


def decision_sentence(study: Study, ledgers: Mapping[str, Ledger]) -> str:
    """What every option costs at the scenario's own volume, what to do, and where each challenger starts to pay."""
    amounts = [option.usd_per_month for option in study.options.values()]
    costs = [f"{name} {cost}" for name, cost in zip(study.options, distinct(amounts, usd), strict=True)]
    best = study.options[study.cheapest]
    here, words = f"{at_own_volume(study)}{equal_service(study)}: {_joined(costs)} a month.", volume_words(study)
    advice = f"{VERBS[best.kind].capitalize()}: {best.name}{_margin(study)}."
    pairs = [pair_sentence(pair, words) + _in_time(study, pair, ledgers) for pair in study.pairs.values()]
    said = [
        here,
        *service_sentences(study),
        advice,
        *_not_advised(study),
        *_over_time(study, ledgers),
        *_unserved(study, ledgers),
        *pairs,
    ]
    return " ".join([*said, *_budget(study, ledgers)])


def pair_sentence(pair: Pair, words: VolumeWords = volume) -> str:
    """Where a challenger starts to pay against the baseline, or why it never does."""
    share = pair.breakeven_utilization_share
    hopeless = pair.reason == BASELINE_ALWAYS_CHEAPER and share is not None and share > 1
    why = "; even a full replica costs more per token than the API" if hopeless else ""
    against = "" if pair.settled is None or pair.settled == 0 else f" against {pair.baseline}"
    return f"{pair.challenger} {verdict(pair, words)}{against}{why}."


def _not_advised(study: Study) -> list[str]:
    """Options that cost less than the advised one, and why they are no choice."""
    best = study.options[study.cheapest].usd_per_month
    sentences = []
    for name, option in study.options.items():
        if name in study.eligible or option.usd_per_month >= best:
            continue
        why = "is a lower bound" if option.is_lower_bound else f"turns {option.rejected_share:.0%} of the requests away"
        sentences.append(f"{name} costs less, but {why}.")
    return sentences


def _over_time(study: Study, ledgers: Mapping[str, Ledger]) -> list[str]:
    """The horizon's totals with growth, dated prices and one-off cost, where they say otherwise than the run rate."""
    totals = {
        name: ledgers[name].total_usd
        for name in study.eligible
        if name in ledgers and not _fills_up(study, ledgers[name])
    }
    if len(totals) < 2:
        return []
    best = min(totals, key=totals.__getitem__)
    if best == study.cheapest or totals[best] >= (1 - _SAME) * totals[study.cheapest]:
        return []
    months = study.plan.scenario.horizon.in_months
    names = (best, study.cheapest)
    dated = ", dated prices" if _move_over_time(study, names) else ""
    dated += ", hardware that comes and goes" if any(hardware_moves(study, name) for name in names) else ""
    return [
        f"But over {months:g} months, with growth{dated} and one-off cost, {best} is cheaper: "
        f"{usd(totals[best])} against {usd(totals[study.cheapest])}."
    ]


def _fills_up(study: Study, ledger: Ledger) -> bool:
    """Whether an option turns more away over the horizon than it does at run rate, by more than a rounding."""
    now = study.options[ledger.option].rejected_share
    return turns_away(ledger) and ledger.rejected_share > now + MOST_REJECTED_SHARE


def _unserved(study: Study, ledgers: Mapping[str, Ledger]) -> list[str]:
    """What growth makes an option turn away; what it does at run rate is a warning."""
    said = unserved_sentence(
        ledger for name, ledger in ledgers.items() if name in study.eligible and _fills_up(study, ledger)
    )
    return [said] if said else []


def _margin(study: Study) -> str:
    """How far the cheapest option lies below the next."""
    best = study.options[study.cheapest].usd_per_month
    others = [option.usd_per_month for option in study.eligible.values() if option.name != study.cheapest]
    if not others:
        return ""
    if min(others) - best <= _SAME * min(others):
        return ", though the next costs about the same"
    saved = 1 - best / min(others)
    return f", {'over 99%' if saved > _NEARLY_ALL else f'{saved:.0%}'} below the next"


def _in_time(study: Study, pair: Pair, ledgers: Mapping[str, Ledger]) -> str:
    """When the run rate turns and what is spent is paid back; else when growth carries the volume to the crossing."""
    path = pair_over_time(study, pair, ledgers)
    if path is None:
        return _arrival(study, pair)
    saving = study.options[pair.baseline].usd_per_month - study.options[pair.challenger].usd_per_month
    said = "".join(f" {sentence}" for sentence in sentences(path, study.plan, saving))
    return said if path.turns else _arrival(study, pair) + said


def _budget(study: Study, ledgers: Mapping[str, Ledger]) -> list[str]:
    """What the options take of the revenue, and what the work saved is worth, where the scenario tells it."""
    if not study.plan.scenario.finance.is_budgeted:
        return []
    budgets = {name: budget_of(study.plan, ledgers[name]) for name in study.options if name in ledgers}
    return budget_sentences(study.plan, budgets)


def _arrival(study: Study, pair: Pair) -> str:
    """The month in which growth carries the volume over the settled crossing, within ten years."""
    growth, names = study.plan.scenario.traffic.growth_per_month, (pair.baseline, pair.challenger)
    if growth <= 0 or pair.settled is None or pair.settled <= study.tokens_per_month or _move_over_time(study, names):
        return ""
    level, month = study.tokens_per_month, 0
    while level < pair.settled and month < _MOST_MONTHS:
        month += 1
        level *= 1.0 + growth
    if level < pair.settled:
        return ""
    when = study.plan.scenario.horizon.month_start_utc(month)
    return f" At {growth:.0%} growth a month you arrive there in {when:%B %Y}."


def _move_over_time(study: Study, names: tuple[str, ...]) -> bool:
    """Whether prices of an option move, so that a crossing at run rate is not where it will be met."""
    if any(isinstance(fleet := study.plan.options[name], FleetPlan) and fleet.moves_over_time for name in names):
        return True
    options = (study.plan.scenario.options[name] for name in names)
    return any(
        bool(option.changes or option.terms.price_changes or option.terms.price_decline)
        for option in options
        if isinstance(option, ApiOption)
    )


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
