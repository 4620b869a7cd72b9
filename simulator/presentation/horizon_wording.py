"""The horizon in sentences: when the cheaper option changes, when an outlay is paid back, what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from simulator.domain.api_options import ApiOption
from simulator.domain.cash_flows import SideChange
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.presentation.numbers import number, percent, usd
from simulator.simulation.results import Ledger
from simulator.solving.budget_view import RULE_OF_REVENUE_SHARE, Budget
from simulator.solving.horizon import OverTime, over_time
from simulator.solving.study import MOST_REJECTED_SHARE, Pair, Study

_LEAST_OUTLAY = 1e-6  # of the cost of the horizon: less is rounding


def pair_over_time(study: Study, pair: Pair, ledgers: Mapping[str, Ledger]) -> OverTime | None:
    """The pair over the horizon; None where an option was not simulated."""
    if pair.baseline not in ledgers or pair.challenger not in ledgers:
        return None
    return over_time(study.plan, pair.challenger, ledgers)


def turn_sentence(path: OverTime, plan: Plan) -> str:
    """When the cheaper option of a month changes; empty where it never does."""
    if not path.turns:
        return ""
    first, last = path.turns[0], path.turns[-1]
    names = {"challenger": path.challenger, "baseline": path.baseline}
    what = f"{moved_by(plan, path)}the run rate turns in {first.start:%B %Y}"
    then = f"{names[first.becomes_cheaper]} is the cheaper one from then on"
    if len(path.turns) > 1:
        then = f"{names[first.becomes_cheaper]} is the cheaper one; it turns {len(path.turns)} times, "
        then += f"last in {last.start:%B %Y} for {names[last.becomes_cheaper]}"
    return f"{what[:1].upper()}{what[1:]}: {then}."


def payback_sentence(path: OverTime, run_rate_saving_usd: float) -> str:
    """When what is spent at the start is paid back, and undone; empty where nothing is, and the sum never turns."""
    paid, length = path.paid_back, float(path.ends_months[-1])
    months = f"{length:.3g} months" if length >= 1.0 else "horizon"
    spends = path.outlay_usd > _LEAST_OUTLAY * float(path.baseline_usd.sum())
    if not spends and paid is None:
        return ""
    what = f"The {usd(path.outlay_usd)} at the start of {path.challenger}" if spends else "What it cost more at first"
    are = "are" if spends else "is"
    if paid is not None:
        return f"{what} {are} paid back in month {paid.whole_months}{_afterwards(path, paid)}."
    if run_rate_saving_usd <= 0:
        return f"{what} {are} not paid back within the {months}."
    at_rate = path.outlay_usd / run_rate_saving_usd
    return f"{what} {are} not paid back within the {months}; at the run rate's saving it takes {at_rate:,.1f} months."


def _afterwards(path: OverTime, paid: SideChange) -> str:
    """What becomes of a payback: undone, and paid back again."""
    later = path.changes[path.changes.index(paid) + 1 :]
    if not later:
        return ""
    said = [f"undone in month {later[0].whole_months}"]
    if later[-1].into == "ahead":
        said.append(f"paid back again in month {later[-1].whole_months}")
    elif len(later) > 1:
        said.append(f"at last in month {later[-1].whole_months}")
    return f" ({', '.join(said)})"


def worth_sentence(path: OverTime) -> str:
    """Present value and return, where a rate of discount is given."""
    if path.npv_usd is None or path.discount_rate_per_year is None:
        return ""
    text = f"At {percent_of(path.discount_rate_per_year)} a year {path.challenger} is worth {usd(path.npv_usd)} now"
    if path.outlay_usd <= 0:
        return f"{text}."
    rate = path.irr_per_year
    if rate is None:
        earned = "has several internal rates, none of them a return" if path.rates_per_month else "earns no return"
    else:
        earned = f"earns {percent_of(rate)} a year" if rate > 0 else "earns no return"
    return f"{text} and {earned}{_discounted(path.discounted_payback)}."


def _discounted(change: SideChange | None) -> str:
    return "" if change is None else f"; with interest it is paid back in month {change.whole_months}"


def sentences(path: OverTime, plan: Plan, run_rate_saving_usd: float) -> list[str]:
    """All of them that have something to say."""
    found = [turn_sentence(path, plan), payback_sentence(path, run_rate_saving_usd), worth_sentence(path)]
    return [sentence for sentence in found if sentence]


def moved_by(plan: Plan, path: OverTime) -> str:
    """What makes the months differ, as the opening of a sentence."""
    growth = plan.scenario.traffic.growth_per_month
    options = (plan.scenario.options[name] for name in (path.baseline, path.challenger))
    prices = any(
        bool(option.changes or option.terms.price_changes)
        or (option.terms.price_decline is not None and option.terms.price_decline.share_per_year > 0)
        for option in options
        if isinstance(option, ApiOption)
    )
    causes = [f"at {percent_of(growth)} growth a month"] if growth else []
    causes += ["with a changing volume"] if plan.scenario.traffic.growth is not None else []
    causes += ["with changing prices"] if prices else []
    return f"{' and '.join(causes)} " if causes else ""


def turns_away(ledger: Ledger) -> bool:
    """Whether so much is not served over the horizon that the cost is that of another service."""
    return ledger.rejected_share > MOST_REJECTED_SHARE


def unserved_sentence(ledgers: Iterable[Ledger]) -> str:
    """Which options turn requests away over the horizon, how many, and from which month on; empty where none does."""
    said = []
    for ledger in ledgers:
        if turns_away(ledger):
            months = (np.arange(ledger.arriving_tokens.size) * ledger.step_s // SECONDS_PER_MONTH).astype(int)
            arrived, away = (np.bincount(months, tokens) for tokens in (ledger.arriving_tokens, ledger.rejected_tokens))
            full = np.flatnonzero(away > MOST_REJECTED_SHARE * arrived)
            since = f", from month {full[0] + 1} on" if full.size and full[0] > 0 else ""
            said.append(f"{ledger.option} does not serve {percent_of(ledger.rejected_share)} of the requests{since}")
    return f"Over the horizon {'; '.join(said)}: what it costs is for less service." if said else ""


def rate_warnings(scenario: Scenario) -> list[str]:
    """Rates so high that a percentage was probably meant."""
    rates = {
        "traffic.growth_per_month": (scenario.traffic.growth_per_month, "a month"),
        "finance.discount_rate_per_year": (scenario.finance.discount_rate_per_year or 0.0, "a year"),
    }
    return [
        f"{key} is {rate:g}, which is {percent_of(rate)} {per}; {rate:g} % would be {rate / 100:g}"
        for key, (rate, per) in rates.items()
        if rate >= 1.0
    ]


def percent_of(share: float) -> str:
    """A share as a percentage, also above one and below zero."""
    return percent(share) if 0 < share < 1 else f"{number(100 * share)} %"


def budget_sentence(budgets: Mapping[str, Budget]) -> str:
    """Share of revenue of every option, against the published rule."""
    low, high = (100 * share for share in RULE_OF_REVENUE_SHARE)
    shares = ", ".join(f"{name} {percent_of(budget.mean_share)}" for name, budget in budgets.items())
    within = [name for name, budget in budgets.items() if budget.mean_share <= RULE_OF_REVENUE_SHARE[1]]
    verdict = f"within it {'is' if len(within) == 1 else 'are'} {', '.join(within)}" if within else "none is within it"
    if 1 < len(within) == len(budgets):
        verdict = f"{'both' if len(within) == 2 else 'all'} are within it"
    rule = f"a rule of thumb says at most {low:g} to {high:g} %"
    return f"Of the revenue over the horizon go to {shares}; {rule}: {verdict}."


def budget_sentences(plan: Plan, budgets: Mapping[str, Budget]) -> list[str]:
    """What the options take of the revenue, and what the work saved is worth, where the scenario tells it."""
    finance = plan.scenario.finance
    told = [budget_sentence(budgets)] if finance.has_revenue else []
    return told + ([saved_sentence(budgets)] if finance.saves_hours and budgets else [])


def saved_sentence(budgets: Mapping[str, Budget]) -> str:
    """What the work saved is worth, and how many times the cost of every option that is."""
    worth = next(
        float(budget.hours_saved_usd.sum()) for budget in budgets.values() if budget.hours_saved_usd is not None
    )
    times = ", ".join(
        f"{number(worth / cost)} times the cost of {name}"
        for name, budget in budgets.items()
        if (cost := float(budget.cost_usd.sum())) > 0
    )
    return f"The work saved over the horizon is worth {usd(worth)}{': ' if times else ''}{times}."


def pair_content(path: OverTime) -> dict[str, Any]:
    """The pair over the horizon as plain numbers."""

    def change(one: SideChange) -> dict[str, Any]:
        return {"months": one.months, "whole_months": one.whole_months, "into": one.into}

    return {
        "turns": [
            {
                "month": turn.month,
                "months": turn.months,
                "start": turn.start.date().isoformat(),
                "becomes_cheaper": turn.becomes_cheaper,
            }
            for turn in path.turns
        ],
        "outlay_usd": path.outlay_usd,
        "paid_back": None if path.paid_back is None else change(path.paid_back),
        "undone": None if path.undone is None else change(path.undone),
        "changes": [change(one) for one in path.changes],
        "saved_usd": float(path.saved_usd[-1]),
        "left_usd": path.left_usd,
        "discount_rate_per_year": path.discount_rate_per_year,
        "npv_usd": path.npv_usd,
        "outlay_for_zero_npv_usd": path.outlay_for_zero_npv_usd,
        "discounted_payback": None if path.discounted_payback is None else change(path.discounted_payback),
        "irr_per_month": path.irr_per_month,
        "irr_per_year": path.irr_per_year,
        "internal_rates_per_month": list(path.rates_per_month),
    }


def budget_content(budget: Budget) -> dict[str, Any]:
    """Cost against revenue as plain numbers; shares are null in a month without revenue."""
    has_revenue = bool(budget.revenue_usd.any())
    return {
        "usd_per_completed_task": budget.usd_per_completed_task,
        "cost_usd": float(budget.cost_usd.sum()),
        "revenue_usd": float(budget.revenue_usd.sum()) if has_revenue else None,
        "share_of_revenue": budget.mean_share if has_revenue else None,
        "gross_margin": 1.0 - budget.mean_share if has_revenue else None,
        "share_of_revenue_by_month": [float(share) for share in budget.share] if has_revenue else None,
        "months_within_rule": budget.months_within(RULE_OF_REVENUE_SHARE[1]) if has_revenue else None,
        "rule_of_revenue_share": list(RULE_OF_REVENUE_SHARE) if has_revenue else None,
        "hours_saved_usd": None if budget.hours_saved_usd is None else float(budget.hours_saved_usd.sum()),
    }
