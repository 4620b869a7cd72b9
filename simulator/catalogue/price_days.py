"""Price cards of an API option on every day of the horizon: listed, given, and as a contract changes them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from simulator.catalogue.api_prices import (
    ApiModel,
    api_providers,
    day_price_cards,
    first_price_date,
    has_service_tier,
    price_change_dates,
    price_history,
    resolve_api_model,
)
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_lines import held_units
from simulator.catalogue.media_prices import media_prices
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption, TokenPriceList
from simulator.domain.commercial_terms import CommercialTerms, PriceChange
from simulator.domain.pricing import PriceCard, PriceTier, TokenPrices
from simulator.domain.scenario import Scenario

Cards = list[tuple[PriceCard, ...]]  # by day, one or 48 (half hours UTC) each
PRICES = (
    "input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok",
    "cache_write_1h_usd_per_mtok",
)  # fmt: skip

_DATE = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
PRICES_KNOWN_FROM = date(2025, 11, 9)  # a year before the newest row of the library: older first prices are told
MOST_TOO_LONG_SHARE = 0.001  # of the prompts; more of them are told


@dataclass(frozen=True)
class PriceDays:
    """Cards of every day, and the model they are of on the first; None where the prices are given outright."""

    cards: Cards
    model: ApiModel | None


def price_days(scenario: Scenario, name: str, option: ApiOption, notes: Notes) -> PriceDays | None:
    """Cards of every day with all that changes them; None: a fault was noted."""
    given = option.prices
    horizon, path = scenario.horizon, f"options.{name}"
    last_day = horizon.month_start_utc(horizon.bill_months).date()
    if given is not None and given.effective_from is not None and given.effective_from > horizon.start:
        when = "after the horizon" if given.effective_from >= last_day else "after the horizon's start"
        text = f"is {given.effective_from}, {when}; must be at most {horizon.start}"
        notes.fault(name, f"{path}.prices.effective_from", text)
        return None
    if option.model is None or _sold_by_media_alone(scenario, option):
        card = _given_card(given or TokenPriceList())
        if card.tiers[0].prices != TokenPrices(0.0, 0.0):
            notes.use(name, "API prices", worded(card), card.source, card.as_of, card.unverified)
        days = PriceDays([(card,)] * horizon.calendar_days, None)
    else:
        listed = _listed(scenario, name, option, (option.model, option.provider), 0, f"{path}.model", notes)
        if listed is None:
            return None
        days = listed
        if given is not None:
            days = PriceDays(_each(days.cards, lambda card: _replaced(card, given)), days.model)
    changed = _with_model_changes(scenario, name, option, days.cards, notes)
    if changed is None:
        return None
    return PriceDays(_under_contract(option.terms, changed, horizon.start), days.model)


def _sold_by_media_alone(scenario: Scenario, option: ApiOption) -> bool:
    """Whether a model is sold by the image or the second that the workload holds, and not by the token."""
    units = {row.unit for row in media_prices() if row.model == option.model}
    if option.model is None or not units & held_units(scenario.workload):
        return False
    try:
        model = resolve_api_model(option.model, option.provider)
        price_history(model)
    except ValueError:
        return True
    return False


def named_date(model_id: str) -> date | None:
    """Date that a model's name carries, such as 2025-10-01 in claude-haiku-4-5-20251001; None: none."""
    found = _DATE.search(model_id)
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def _listed(
    scenario: Scenario,
    name: str,
    option: ApiOption,
    asked_for: tuple[str, str | None],
    first_day: int,
    key: str,
    notes: Notes,
) -> PriceDays | None:
    """Cards of a model of the price lists, asked for by id and provider, from a day of the horizon on."""
    model_id, provider = asked_for
    try:
        model = resolve_api_model(model_id, provider)
    except UnknownId as error:
        wrong_provider = provider is not None and provider not in api_providers()
        notes.fault(name, key.removesuffix("model") + "provider" if wrong_provider else key, str(error))
        return None
    try:
        cards = _listed_cards(scenario, model, option.service_tier, first_day)
    except ValueError as error:
        first, start = first_price_date(model), scenario.horizon.start + timedelta(days=first_day)
        text = f"is '{model_id}', which {error}"
        if first is not None and first > start:
            when = f"it takes over on {start}" if first_day else f"the horizon starts on {start}"
            text = f"is '{model_id}', which has no price before {first}; {when}"
        notes.fault(name, key, text)
        return None
    named = named_date(model.model_id)
    starts = scenario.horizon.start + timedelta(days=first_day)
    if named is not None and named > starts:
        when = f"it takes over on {starts}" if first_day else f"the horizon starts on {starts}"
        notes.fault(name, key, f"is '{model_id}', whose name carries the date {named}; {when}")
        return None
    for warning in model.warnings:
        notes.warn(f"{name}: {warning}")
    if first_price_date(model) is None and starts < PRICES_KNOWN_FROM:
        notes.warn(
            f"{name}: price_undated: the price list does not say from when on its first price of {model.model_id!r} "
            f"holds; on {starts} it may have been another, or the model not there"
        )
    if (
        not has_service_tier(model, scenario.horizon.start_utc, option.service_tier)
        and option.service_tier != "standard"
    ):
        notes.warn(
            f"{name}: service_tier_price_missing: the price list has no {option.service_tier} price of "
            f"{model.model_id!r} at the start; it is billed at the standard price"
        )
    card = cards[0][0]
    what = f"API prices of {model.model_id} ({model.provider_id})"
    notes.use(name, what, worded(card), card.source, card.as_of, card.unverified)
    _check_context(scenario, name, model_id, model, notes)
    return PriceDays(cards, model)


def _listed_cards(scenario: Scenario, model: ApiModel, service_tier: str, first_day: int) -> Cards:
    """The list's cards of every day from the first on."""
    horizon = scenario.horizon
    changes = price_change_dates(model)
    cards: Cards = []
    for place in range(first_day, horizon.calendar_days):
        day = horizon.start + timedelta(days=place)
        cards.append(cards[-1] if cards and day not in changes else day_price_cards(model, day, service_tier))
    return cards


def _check_context(scenario: Scenario, name: str, model_id: str, model: ApiModel, notes: Notes) -> None:
    if model.context_window is None:
        return
    for key, request in scenario.workload.items():
        if request.longest_call_tokens > model.context_window:
            text = (
                f"is {request.mean_input_tokens:g}, must with the output be at most the {model.context_window} tokens "
                f"of context of {model_id}"
            )
            if request.calls_per_request > 1:
                text += f"; the last of {request.calls_per_request:g} calls takes {request.longest_call_tokens:,.0f}"
            notes.fault(name, f"workload.{key}.input_tokens", text)
            continue
        room = model.context_window - (request.longest_call_tokens - request.sent_first_prompt_tokens)
        too_long = request.input_law.share_above(room)
        if too_long > MOST_TOO_LONG_SHARE:
            notes.warn(
                f"{name}: context_exceeded: {too_long:.1%} of the prompts of class '{key}' are longer than the "
                f"{model.context_window:,} tokens of context of {model_id} leave room for; they are billed all the same"
            )


def _with_model_changes(scenario: Scenario, name: str, option: ApiOption, cards: Cards, notes: Notes) -> Cards | None:
    """The cards with those of the models that take over later."""
    result = list(cards)
    for place, change in enumerate(option.changes):
        first = (change.effective_from - scenario.horizon.start).days
        if first >= len(result):
            notes.warn(f"{name}: changes[{place}] takes effect after the horizon, on {change.effective_from}")
            continue
        key = f"options.{name}.changes[{place}].model"
        later = _listed(scenario, name, option, (change.model, change.provider), max(first, 0), key, notes)
        if later is None:
            return None
        result[max(first, 0) :] = later.cards
    return _alike_slots(result)


def _alike_slots(cards: Cards) -> Cards:
    """Days with as many slots each."""
    slots = max(len(day) for day in cards)
    known = {id(day): day if len(day) == slots else day * slots for day in cards}
    return [known[id(day)] for day in cards]


def _under_contract(terms: CommercialTerms, cards: Cards, start: date) -> Cards:
    """The cards with the dated changes and the surcharges of a contract."""
    factor = terms.price_factor
    if not terms.price_changes and factor == 1.0:
        return cards
    changed: Cards = []
    starts = [change.effective_from for change in terms.price_changes]
    edges = [0, *((day - start).days for day in starts), len(cards)]
    for number, (first, after) in enumerate(pairwise(edges)):
        change = partial(_changed, changes=terms.price_changes[:number], factor=factor)
        changed += _each(cards[max(first, 0) : max(after, 0)], change)
    return changed


def _each(cards: Cards, change: Callable[[PriceCard], PriceCard]) -> Cards:
    """The cards changed, those of days between two changes once."""
    distinct = {id(day): day for day in cards}
    known = {key: tuple(change(card) for card in day) for key, day in distinct.items()}
    return [known[id(day)] for day in cards]


def _changed(card: PriceCard, changes: Sequence[PriceChange], factor: float) -> PriceCard:
    for change in changes:
        if change.multiplier is not None:
            card = _scaled_card(card, change.multiplier)
        card = _replaced(card, TokenPriceList(**{key: getattr(change, key, None) for key in PRICES}))
    return card if factor == 1.0 else _scaled_card(card, factor)


def _scaled_card(card: PriceCard, factor: float) -> PriceCard:
    batch = None if card.batch is None else _scaled(card.batch, factor)
    return dataclasses.replace(card, tiers=_scaled(card.tiers, factor), batch=batch)


def _given_card(given: TokenPriceList) -> PriceCard:
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


def _replaced(card: PriceCard, given: TokenPriceList) -> PriceCard:
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


def worded(card: PriceCard) -> str:
    """Input and output price in words."""
    prices = card.tiers[0].prices
    return f"{prices.input_usd_per_mtok:g} in, {prices.output_usd_per_mtok:g} out USD per million tokens"
