"""Tokens that are bought, with every reference looked up: who bills what part of the requests, and at what prices."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from simulator.domain.billed_tokens import TOKEN_LINES
from simulator.domain.commercial_terms import NO_TERMS, CommercialTerms, MeasuredBy
from simulator.domain.overheads import Overheads
from simulator.domain.request_lengths import Array
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MONTH

# What a bill is made of, and whose amount each line counts: tokens of the prompts, of the answers, or requests.
API_LINES = (*TOKEN_LINES, "images", "audio", "video")
BILLED_BY = ("input", "input", "input", "output", "output", "requests", "requests", "requests")


@dataclass(frozen=True, eq=False)
class PriceTable:
    """What a mean request costs over the horizon, by day, slot of the day and line of the bill.

    `usd` has shape (days, 1 or 48 half hours UTC, lines). [USD per request]
    """

    usd: Array

    @property
    def has_peak_hours(self) -> bool:
        """Whether prices change within a day."""
        return bool(self.usd.shape[1] > 1)

    def between(self, edges_s: Array, *, run_rate: bool = False) -> Array:
        """Mean price between moments, by line.

        Parameters
        ----------
        edges_s : array of shape (n + 1,)
            Moments after the start, never falling. [s]
        run_rate : bool
            The prices of the first day on every day.

        Returns
        -------
        array of shape (n, lines)
            Time average of the price between each moment and the next. [USD per request]
        """
        prices = self.usd[:1] if run_rate else self.usd
        lines = self.usd.shape[2]
        if not self.has_peak_hours and bool(np.all(prices == prices[0])):
            return np.broadcast_to(prices[0, 0], (edges_s.size - 1, lines))
        slots_per_day = prices.shape[1]
        slot_s = SECONDS_PER_DAY / slots_per_day
        slots = int(np.ceil(edges_s[-1] / slot_s - 1e-9))
        by_slot = prices.reshape(-1, lines)
        if run_rate:
            by_slot = np.tile(by_slot, (-(-slots // slots_per_day), 1))
        steps_per_slot = _whole_parts(slot_s, edges_s)
        if steps_per_slot:
            return np.repeat(by_slot[:slots], steps_per_slot, axis=0)[: edges_s.size - 1]
        slot_edges = np.arange(slots + 1) * slot_s
        mean = np.zeros((edges_s.size - 1, lines))
        for line in np.flatnonzero(by_slot.any(axis=0)):
            paid = np.concatenate(([0.0], np.cumsum(by_slot[:slots, line]))) * slot_s
            mean[:, line] = np.diff(np.interp(edges_s, slot_edges, paid)) / np.diff(edges_s)
        return mean


def _whole_parts(slot_s: float, edges_s: Array) -> int:
    """How many even steps from the start make up a slot; 0 where they do not."""
    steps = edges_s.size - 1
    step_s = (edges_s[-1] - edges_s[0]) / steps
    parts = round(slot_s / step_s) if step_s > 0 else 0
    even = parts > 0 and edges_s[0] == 0 and abs(parts * step_s - slot_s) < 1e-9 * slot_s
    return parts if even and bool(np.all(np.abs(np.diff(edges_s) - step_s) < 1e-6 * step_s)) else 0


@dataclass(frozen=True, eq=False)
class PrefixHits:
    """A shared prefix whose hits follow from the arrivals: so many of its requests find it that came soon enough.

    `requests_per_prefix` are requests on one prefix for each request of the scenario; `change` is what the price of a
    mean request would change if every one of them found it.
    """

    requests_per_prefix: float
    lifetime_s: float
    renewed_by_use: bool
    change: PriceTable

    def hit_share(self, requests_per_month: Array) -> Array:
        """Share of the requests that find the prefix, at so many requests a month of the scenario.

        Parameters
        ----------
        requests_per_month : array of any shape
            Rate of the scenario's requests, as the mean over the lifetime before. [requests per month]

        Returns
        -------
        array of the same shape
            [1]

        Notes
        -----
        Arrivals are Poisson with n expected in a lifetime. Where every use renews it, a request misses if none came
        before it in a lifetime: hits are 1 - exp(-n). Where it runs out all the same, one miss is followed by n hits
        in the mean (a renewal process): n / (1 + n).
        """
        expected = requests_per_month * (self.requests_per_prefix * self.lifetime_s / SECONDS_PER_MONTH)
        return -np.expm1(-expected) if self.renewed_by_use else expected / (1.0 + expected)


@dataclass(frozen=True)
class ProvisionedUnits:
    """Units of capacity: what one carries and costs, and how many there are."""

    usd_per_unit_hour: float
    tokens_per_minute_per_unit: float
    weighted_input_per_request: float  # input tokens, as the units count them, for each request of the scenario
    weighted_output_per_request: float
    count: int | None
    percentile_share: float
    minimum: int
    increment: int
    rejects: bool

    def units(self, tokens_per_minute: Array) -> Array:
        """Units bought for weighted tokens per minute. Shape as given."""
        if self.count is not None:
            return np.full(np.shape(tokens_per_minute), float(self.count))
        needed = np.asarray(tokens_per_minute) / self.tokens_per_minute_per_unit
        whole: Array = np.ceil(needed / self.increment - 1e-9) * self.increment
        return np.maximum(whole, float(self.minimum))

    @property
    def usd_per_unit_month(self) -> float:
        """Price of a unit for a month of 730 h. [USD per month]"""
        return self.usd_per_unit_hour * SECONDS_PER_MONTH / SECONDS_PER_HOUR


@dataclass(frozen=True)
class LimitedAmounts:
    """What the rate limits of an account count, for each request of the scenario: batched requests have their own."""

    calls: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0


@dataclass(frozen=True, eq=False)
class BilledPart:
    """What one provider bills of an option: its prices for a mean request of the scenario, and its terms.

    `prices` are those of requests that miss their prefix. `amounts` say what the terms count, and `limited`
    what rate limits do; tokens are those billed, for each request of the scenario.
    """

    name: str
    label: str
    prices: PriceTable
    prefixes: tuple[PrefixHits, ...] = ()
    amounts: Mapping[MeasuredBy, float] = field(default_factory=dict)
    input_tokens: float = 0.0
    cached_tokens: float = 0.0  # of those, read from the prompt cache
    output_tokens: float = 0.0
    output_to_input_price: float = 1.0  # on the first day
    limited: LimitedAmounts = LimitedAmounts()
    terms: CommercialTerms = NO_TERMS
    units: ProvisionedUnits | None = None

    @property
    def at_list_prices(self) -> BilledPart:
        """The part without terms (but for a decline) and units."""
        return dataclasses.replace(self, terms=CommercialTerms(price_decline=self.terms.price_decline), units=None)

    @property
    def has_peak_hours(self) -> bool:
        """Whether prices change within a day."""
        return self.prices.has_peak_hours


@dataclass(frozen=True, eq=False)
class ApiPlan:
    """Tokens bought: from one provider, or from several that each answer a part of the requests.

    The first `detailed` parts show their bill line by line, the others as one line each. `per_request_usd` is what
    every request of the scenario takes beside, by line; `requests_per_month` the scenario's own volume.
    """

    name: str
    label: str
    parts: tuple[BilledPart, ...]
    overheads: Overheads
    requests_per_month: float
    per_request_usd: Mapping[str, float] = field(default_factory=dict)
    detailed: int = 1

    kind = "api"

    @property
    def has_peak_hours(self) -> bool:
        """Whether any price changes within a day."""
        return any(part.has_peak_hours for part in self.parts)

    @property
    def is_proportional(self) -> bool:
        """Whether the bill of the tokens is a price times the volume."""
        return not self.has_prefixes and all(not part.terms.acts_on_bill and part.units is None for part in self.parts)

    @property
    def has_prefixes(self) -> bool:
        """Whether hits of a prompt cache, and so prices, follow from the arrivals."""
        return any(part.prefixes for part in self.parts)

    @cached_property
    def at_list_prices(self) -> ApiPlan:
        """The same at list prices alone: what a request beside the others costs.

        A decline of the prices stays; quotas, discounts, commitments and units go.
        """
        if self.is_proportional:
            return self
        return dataclasses.replace(self, parts=tuple(part.at_list_prices for part in self.parts))
