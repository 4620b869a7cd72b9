"""The cost of a token of one's own, and the API's price at which buying costs the same: one each, whatever the
crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import Plan
from simulator.domain.references import handed_on
from simulator.domain.units import TOKENS_PER_MTOK
from simulator.simulation.ledger import run_rate


@dataclass(frozen=True)
class Levelised:
    """Costs over tokens at run rate, input and output counted alike, at the scenario's own volume.

    Attributes
    ----------
    challenger_usd_per_mtok, baseline_usd_per_mtok : float
        All cost of the option over all tokens. [USD per 10^6 tokens]
    equal_price_factor : float or None
        Times today's prices of the baseline's API, at which both options cost the same: overflow that goes there is
        billed at the new price as well. None where the baseline's bill is no price times the volume, or one of the two
        hands requests on.
    """

    challenger_usd_per_mtok: float
    baseline_usd_per_mtok: float
    equal_price_factor: float | None
    billed_usd_per_mtok: float | None

    @property
    def equal_price_usd_per_mtok(self) -> float | None:
        """The API's price of a million tokens of the mix at which both options cost the same. [USD per 10^6 tokens]"""
        if self.equal_price_factor is None or self.billed_usd_per_mtok is None:
            return None
        return self.equal_price_factor * self.billed_usd_per_mtok


def levelised_cost(plan: Plan, challenger: str) -> Levelised:
    """Cost of a million tokens of a challenger and of the baseline, and the API price at which they are equal.

    Parameters
    ----------
    plan : Plan
        The scenario with its options.
    challenger : str
        Name of the option.

    Returns
    -------
    Levelised

    Notes
    -----
    With own cost s, overflow bill o, API bill b and other cost f of the API, prices times x make both equal where
    s + o x = f + b x: x = (s - f) / (b - o), one value as less overflows than arrives.
    """
    volume = np.array([plan.scenario.tokens_per_month])
    name = plan.scenario.baseline
    theirs = run_rate(plan, name, volume)
    ours = run_rate(plan, challenger, volume) if challenger in plan.options else None
    mtok = float(theirs.arriving_requests_per_month[0]) * plan.tokens_per_request / TOKENS_PER_MTOK
    if mtok <= 0 or ours is None:
        return Levelised(np.nan, np.nan, None, None)
    own, their = float(ours.usd_per_month[0]), float(theirs.usd_per_month[0])
    api = plan.options[name]
    factor, billed = None, None
    scenario = plan.scenario
    shares_it = name in handed_on(scenario.options[challenger]) or bool(handed_on(scenario.options[name]))
    if isinstance(api, ApiPlan) and api.is_proportional and not shares_it:
        beside = {"engineers", *api.overheads.line_names, *api.per_request_usd}
        fixed = sum(float(usd[0]) for line, usd in theirs.lines.items() if line in beside or line.startswith("fixed: "))
        billed = their - fixed
        goes_there = scenario.overflow_target(challenger) == name
        overflow = float(ours.lines["overflow"][0]) if goes_there and "overflow" in ours.lines else 0.0
        if billed - overflow > 0:
            factor = max(own - overflow - fixed, 0.0) / (billed - overflow)
    return Levelised(own / mtok, their / mtok, factor, None if billed is None else billed / mtok)
