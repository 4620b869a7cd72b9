"""An API option with its price of every day, from the price library or as given."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from simulator.catalogue.api_prices import ApiModel, day_price_cards, first_price_date, price_card, resolve_api_model
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.notes import Notes
from simulator.domain.options import ApiOption, TokenPriceList
from simulator.domain.plans import API_LINES, ApiPlan, Array, Overheads
from simulator.domain.pricing import (
    PriceCard,
    PriceTier,
    RequestCost,
    TokenPrices,
    missing_prices,
    request_cost_usd,
)
from simulator.domain.scenario import Scenario


def plan_api(scenario: Scenario, name: str, option: ApiOption, overheads: Overheads, notes: Notes) -> ApiPlan | None:
    """Prices of the mean request on every day; None: a fault was noted."""
    cards = _daily_cards(scenario, name, option, notes)
    if cards is None:
        return None
    for warning in _missing(scenario, cards):
        notes.warn(f"{name}: {warning}")
    label = option.model or "given prices"
    return ApiPlan(name=name, label=label, usd_per_request=_usd_per_request(scenario, cards), overheads=overheads)


def _daily_cards(scenario: Scenario, name: str, option: ApiOption, notes: Notes) -> list[tuple[PriceCard, ...]] | None:
    """Price cards of every day, one or 48 (half hours UTC) each."""
    horizon, path = scenario.horizon, f"options.{name}"
    last_day = horizon.month_start_utc(horizon.bill_months).date()
    given = option.prices
    if given is not None and given.effective_from is not None and given.effective_from > horizon.start:
        when = "after the horizon" if given.effective_from >= last_day else "after the horizon's start"
        text = f"is {given.effective_from}, {when}; must be at most {horizon.start}"
        notes.fault(name, f"{path}.prices.effective_from", text)
        return None
    if option.model is None:
        card = _given_card(given or TokenPriceList())
        source = card.source
        notes.use(name, "API prices", _worded(card), source, card.as_of, card.unverified)
        return [(card,)] * horizon.calendar_days
    try:
        model = resolve_api_model(option.model, option.provider)
    except UnknownId as error:
        notes.fault(name, f"{path}.{_key_at_fault(option)}", str(error))
        return None
    try:
        cards = _listed_cards(scenario, model)
    except ValueError as error:
        first = first_price_date(model)
        text = f"is '{option.model}', which {error}"
        if first is not None and first > horizon.start:
            text = f"is '{option.model}', which has no price before {first}; the horizon starts on {horizon.start}"
        notes.fault(name, f"{path}.model", text)
        return None
    for warning in model.warnings:
        notes.warn(f"{name}: {warning}")
    card = cards[0][0]
    notes.use(
        name,
        f"API prices of {model.model_id} ({model.provider_id})",
        _worded(card),
        card.source,
        card.as_of,
        card.unverified,
    )
    _check_context(scenario, name, option, model, notes)
    if given is None:
        return cards
    return [tuple(_replaced(card, given) for card in day) for day in cards]


def _key_at_fault(option: ApiOption) -> str:
    """Whether the provider or the model is what the library does not know."""
    from simulator.catalogue.api_prices import api_providers

    return "provider" if option.provider is not None and option.provider not in api_providers() else "model"


def _listed_cards(scenario: Scenario, model: ApiModel) -> list[tuple[PriceCard, ...]]:
    """The library's cards of every day."""
    horizon = scenario.horizon
    days = [horizon.start + timedelta(days=day) for day in range(horizon.calendar_days)]
    if not model.has_time_of_day_prices:
        return [day_price_cards(model, day) for day in days]
    # Days that agree at midnight and at noon lie between the same two changes of the list.
    known: dict[tuple[PriceCard, ...], tuple[PriceCard, ...]] = {}
    cards = []
    for day in days:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        mark = (price_card(model, midnight), price_card(model, midnight + timedelta(hours=12)))
        if mark not in known:
            known[mark] = day_price_cards(model, day)
        cards.append(known[mark])
    return cards


def _check_context(scenario: Scenario, name: str, option: ApiOption, model: ApiModel, notes: Notes) -> None:
    if model.context_window is None:
        return
    for key, request in scenario.workload.items():
        if request.total_tokens > model.context_window:
            text = (
                f"is {request.input_tokens:g}, must with the output be at most the {model.context_window} tokens of "
                f"context of {option.model}"
            )
            notes.fault(name, f"workload.{key}.input_tokens", text)


def _given_card(given: TokenPriceList) -> PriceCard:
    prices = TokenPrices(
        input_usd_per_mtok=given.input_usd_per_mtok or 0.0,
        output_usd_per_mtok=given.output_usd_per_mtok or 0.0,
        cached_input_usd_per_mtok=given.cached_input_usd_per_mtok,
        cache_write_usd_per_mtok=given.cache_write_usd_per_mtok,
    )
    tiers = (PriceTier(0, prices),)
    batch = None if given.batch_multiplier is None else _scaled(tiers, given.batch_multiplier)
    return PriceCard(tiers, batch, given.source or "given in the scenario", given.effective_from)


def _scaled(tiers: tuple[PriceTier, ...], factor: float) -> tuple[PriceTier, ...]:
    def scaled(prices: TokenPrices) -> TokenPrices:
        values: dict[str, Any] = {
            key: None if value is None else value * factor for key, value in dataclasses.asdict(prices).items()
        }
        return TokenPrices(**values)

    return tuple(PriceTier(tier.above_input_tokens, scaled(tier.prices)) for tier in tiers)


def _replaced(card: PriceCard, given: TokenPriceList) -> PriceCard:
    """The card with every price given outright in place of the list's, in every tier."""
    names = ("input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok")
    changes = {key: getattr(given, key) for key in names if getattr(given, key) is not None}
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


def _missing(scenario: Scenario, cards: list[tuple[PriceCard, ...]]) -> tuple[str, ...]:
    classes = scenario.workload.values()
    needs = (
        any(c.cached_input_share > 0 and c.input_tokens > 0 for c in classes),
        any(c.cache_write_input_share > 0 and c.input_tokens > 0 for c in classes),
        any(c.batch_share > 0 for c in classes),
    )
    return tuple(
        dict.fromkeys(
            text
            for card in dict.fromkeys(card for day in cards for card in day)
            for text in missing_prices(card, *needs)
        )
    )


def _usd_per_request(scenario: Scenario, cards: list[tuple[PriceCard, ...]]) -> Array:
    """Price of the mean request by day, half hour and line; shape (days, 1 or 48, 4). Tiers go by class."""
    slots = max(len(day) for day in cards)
    known: dict[PriceCard, tuple[float, ...]] = {}
    prices = np.zeros((len(cards), slots, len(API_LINES)))
    for d, day in enumerate(cards):
        for h, card in enumerate(day):
            if card not in known:
                cost = sum((_class_cost(card, scenario, key) for key in scenario.workload), RequestCost())
                known[card] = (cost.input_usd, cost.cached_input_usd, cost.cache_write_usd, cost.output_usd)
            prices[d, h] = known[card]
    return prices


def _class_cost(card: PriceCard, scenario: Scenario, key: str) -> RequestCost:
    request = scenario.workload[key]
    return request.share * request_cost_usd(
        card,
        request.input_tokens,
        request.output_tokens,
        request.cached_input_share,
        request.cache_write_input_share,
        request.batch_share,
    )


def _worded(card: PriceCard) -> str:
    prices = card.tiers[0].prices
    return f"{prices.input_usd_per_mtok:g} in, {prices.output_usd_per_mtok:g} out USD per million tokens"
