"""How much of the input a prompt cache holds, over the workload."""

from __future__ import annotations

import numpy as np

from simulator.domain.api_plans import PrefixHits, PriceTable
from simulator.domain.billed_tokens import CACHED, INPUT, TOKEN_LINES, WRITTEN, billed_tokens
from simulator.domain.request_lengths import Array
from simulator.domain.scenario import Scenario
from simulator.domain.workload import RequestClass

NO_PRICES = PriceTable(np.zeros((1, 1, len(TOKEN_LINES))))


def typical_hit_share(request: RequestClass, requests_per_month: float) -> float:
    """Share of a class's requests that find their prefix: as given, or at so many of them a month. [1]"""
    prefix = request.prefix
    if prefix is None:
        return 0.0
    if prefix.hit_share is not None or prefix.lifetime_s is None:
        return prefix.hit_share or 0.0
    hits = PrefixHits(1.0 / prefix.prefixes, prefix.lifetime_s, prefix.renewed_by_use, NO_PRICES)
    return float(hits.hit_share(np.asarray(requests_per_month)))


def cached_input_share(scenario: Scenario) -> float:
    """Share of the workload's input tokens that a prompt cache holds, at the scenario's own volume. [1]"""
    cached = sent = 0.0
    for request in scenario.workload.values():
        prefix = 0.0 if request.prefix is None else request.prefix.tokens
        arriving = scenario.requests_per_month * request.share * request.unanswered_share
        tokens: Array = billed_tokens(request, (0,), cached_prefix=prefix).at(typical_hit_share(request, arriving))[0]
        cached += request.share * tokens[CACHED]
        sent += request.share * (tokens[INPUT] + tokens[CACHED] + tokens[WRITTEN])
    return float(cached / sent) if sent > 0 else 0.0
