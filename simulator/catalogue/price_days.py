"""Price cards of an API option on every day of the horizon: listed, given, and as a contract changes them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

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
from simulator.catalogue.card_changes import Cards, each_card, given_card, replaced, under_contract
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_lines import held_units
from simulator.catalogue.media_prices import media_prices
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption, TokenPriceList
from simulator.domain.pricing import PriceCard, TokenPrices
from simulator.domain.scenario import Scenario

_DATE = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
PRICES_KNOWN_FROM = date(2025, 11, 9)  # a year before the newest row of the library: older first prices are told
MOST_TOO_LONG_SHARE = 0.001  # of the prompts; more of them are told


@dataclass(frozen=True)
class PriceDays:
    """Cards of every day, and the models they are of.

    `models` holds the first day of each and the model, None where the prices are given outright; `sells_tokens` whether
    text is sold at all.
    """

    cards: Cards
    models: tuple[tuple[int, ApiModel | None], ...]
    sells_tokens: bool = True


def price_days(
    scenario: Scenario, name: str, option: ApiOption, classes: Collection[str], notes: Notes
) -> PriceDays | None:
    """Cards of every day with all that changes them, for some request classes; None: a fault was noted."""
    given = option.prices
    horizon, path = scenario.horizon, f"options.{name}"
    last_day = horizon.month_start_utc(horizon.bill_months).date()
    if given is not None and given.effective_from is not None and given.effective_from > horizon.start:
        when = "after the horizon" if given.effective_from >= last_day else "after the horizon's start"
        text = f"is {given.effective_from}, {when}; must be at most {horizon.start}"
        notes.fault(name, f"{path}.prices.effective_from", text)
        return None
    if option.model is None or _sold_by_media_alone(scenario, option, classes):
        card = given_card(given or TokenPriceList())
        if card.tiers[0].prices != TokenPrices(0.0, 0.0):
            notes.use(name, "API prices", worded(card), card.source, card.as_of, card.unverified)
        sells_tokens = given is not None and given.input_usd_per_mtok is not None
        days = PriceDays([(card,)] * horizon.calendar_days, ((0, None),), sells_tokens)
    else:
        asked_for = (option.model, option.provider)
        listed = _listed(scenario, name, option, asked_for, 0, f"{path}.model", classes, notes)
        if listed is None:
            return None
        days = listed
        if given is not None:
            days = PriceDays(each_card(days.cards, lambda card: replaced(card, given)), days.models)
    changed = _with_model_changes(scenario, name, option, days, classes, notes)
    if changed is None:
        return None
    return dataclasses.replace(changed, cards=under_contract(option.terms, changed.cards, horizon.start))


def _sold_by_media_alone(scenario: Scenario, option: ApiOption, classes: Collection[str]) -> bool:
    """Whether a model is sold by the image or the second that the requests hold, and not by the token."""
    units = {row.unit for row in media_prices() if row.model == option.model}
    held = held_units([scenario.workload[key] for key in classes])
    if option.model is None or not units & held:
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
    classes: Collection[str],
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
    _check_context(scenario, name, model, classes, notes)
    return PriceDays(cards, ((first_day, model),))


def _listed_cards(scenario: Scenario, model: ApiModel, service_tier: str, first_day: int) -> Cards:
    """The list's cards of every day from the first on."""
    horizon = scenario.horizon
    changes = price_change_dates(model)
    cards: Cards = []
    for place in range(first_day, horizon.calendar_days):
        day = horizon.start + timedelta(days=place)
        cards.append(cards[-1] if cards and day not in changes else day_price_cards(model, day, service_tier))
    return cards


def _check_context(scenario: Scenario, name: str, model: ApiModel, classes: Collection[str], notes: Notes) -> None:
    """Refuse requests that are longer than the model's context, and warn of those that sometimes are."""
    if model.context_window is None:
        return
    for key in classes:
        request = scenario.workload[key]
        if request.longest_call_tokens > model.context_window:
            text = (
                f"is {request.mean_input_tokens:g}, must with the output be at most the {model.context_window} tokens "
                f"of context of {model.asked_for}"
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
                f"{model.context_window:,} tokens of context of {model.asked_for} leave room for; they are billed all "
                "the same"
            )


def _with_model_changes(
    scenario: Scenario, name: str, option: ApiOption, days: PriceDays, classes: Collection[str], notes: Notes
) -> PriceDays | None:
    """The cards with those of the models that take over later."""
    cards, models = list(days.cards), list(days.models)
    for place, change in enumerate(option.changes):
        first = (change.effective_from - scenario.horizon.start).days
        if first >= len(cards):
            notes.warn(f"{name}: changes[{place}] takes effect after the horizon, on {change.effective_from}")
            continue
        first = max(first, 0)
        key = f"options.{name}.changes[{place}].model"
        asked_for = (change.model, change.provider)
        later = _listed(scenario, name, option, asked_for, first, key, classes, notes)
        if later is None:
            return None
        cards[first:] = later.cards
        models = [(day, model) for day, model in models if day < first] + list(later.models)
    return PriceDays(_alike_slots(cards), tuple(models), days.sells_tokens)


def _alike_slots(cards: Cards) -> Cards:
    """Days with as many slots each."""
    slots = max(len(day) for day in cards)
    known = {id(day): day if len(day) == slots else day * slots for day in cards}
    return [known[id(day)] for day in cards]


def worded(card: PriceCard) -> str:
    """Input and output price in words."""
    prices = card.tiers[0].prices
    return f"{prices.input_usd_per_mtok:g} in, {prices.output_usd_per_mtok:g} out USD per million tokens"
