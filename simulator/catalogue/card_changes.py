"""Price cards as prices given outright, dated changes and surcharges make them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

from simulator.domain.api_options import TokenPriceList
from simulator.domain.commercial_terms import CommercialTerms, PriceChange
from simulator.domain.pricing import PriceCard, PriceTier, TokenPrices

Cards = list[tuple[PriceCard, ...]]  # by day, one or 48 (half hours UTC) each
PRICES = (
    "input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok",
    "cache_write_1h_usd_per_mtok",
)  # fmt: skip


def under_contract(terms: CommercialTerms, cards: Cards, start: date) -> Cards:
    """The cards with the dated changes and the surcharges of a contract."""
    factor = terms.price_factor
    if not terms.price_changes and factor == 1.0:
        return cards
    changed: Cards = []
    starts = [change.effective_from for change in terms.price_changes]
    edges = [0, *((day - start).days for day in starts), len(cards)]
    for number, (first, after) in enumerate(pairwise(edges)):
        change = partial(_changed, changes=terms.price_changes[:number], factor=factor)
        changed += each_card(cards[max(first, 0) : max(after, 0)], change)
    return changed


def each_card(cards: Cards, change: Callable[[PriceCard], PriceCard]) -> Cards:
    """The cards changed, those of days between two changes once."""
    distinct = {id(day): day for day in cards}
    known = {key: tuple(change(card) for card in day) for key, day in distinct.items()}
    return [known[id(day)] for day in cards]


def _changed(card: PriceCard, changes: Sequence[PriceChange], factor: float) -> PriceCard:
    for change in changes:
        if change.multiplier is not None:
            card = _scaled_card(card, change.multiplier)
        card = replaced(card, TokenPriceList(**{key: getattr(change, key, None) for key in PRICES}))
    return card if factor == 1.0 else _scaled_card(card, factor)


def _scaled_card(card: PriceCard, factor: float) -> PriceCard:
    batch = None if card.batch is None else _scaled(card.batch, factor)
    return dataclasses.replace(card, tiers=_scaled(card.tiers, factor), batch=batch)


def given_card(given: TokenPriceList) -> PriceCard:
    """The card of prices given outright; a price of tokens that is missing is 0."""
    values: dict[str, Any] = {key: getattr(given, key) for key in PRICES}
    values |= {key: values[key] or 0.0 for key in PRICES[:2]}
    tiers = (PriceTier(0, TokenPrices(**values)),)
    batch = None if given.batch_multiplier is None else _scaled(tiers, given.batch_multiplier)
    return PriceCard(tiers, batch, given.source or "given in the scenario", given.effective_from)


def _scaled(tiers: tuple[PriceTier, ...], factor: float) -> tuple[PriceTier, ...]:
    def scaled(prices: TokenPrices) -> TokenPrices:
        values: dict[str, Any] = {
            key: None if value is None else value * factor for key, value in dataclasses.asdict(prices).items()
        }
        return TokenPrices(**values)

    return tuple(PriceTier(tier.above_input_tokens, scaled(tier.prices)) for tier in tiers)


def replaced(card: PriceCard, given: TokenPriceList) -> PriceCard:
    """The card with every price given outright in place of the list's, in every tier."""
    changes = {key: getattr(given, key) for key in PRICES if getattr(given, key) is not None}
    tiers = tuple(PriceTier(t.above_input_tokens, dataclasses.replace(t.prices, **changes)) for t in card.tiers)
    batch = card.batch
    if given.batch_multiplier is not None:
        batch = _scaled(tiers, given.batch_multiplier)
    elif batch is not None and changes:
        # The list's batch discount goes with the list's price: carried over to the given one, price by price.
        batch = tuple(
            PriceTier(tier.above_input_tokens, _discounted_alike(listed.prices, tier.prices, new.prices))
            for tier, listed, new in zip(batch, card.tiers, tiers, strict=False)
        )
    return dataclasses.replace(card, tiers=tiers, batch=batch)


def _discounted_alike(listed: TokenPrices, batch: TokenPrices, new: TokenPrices) -> TokenPrices:
    def carried(key: str) -> float | None:
        before, cheap, now = getattr(listed, key), getattr(batch, key), getattr(new, key)
        if now is None or before is None or cheap is None or before == 0:
            return None if now is None else float(now)
        return float(now) * float(cheap) / float(before)

    values: dict[str, Any] = {field.name: carried(field.name) for field in dataclasses.fields(TokenPrices)}
    return TokenPrices(**values)
