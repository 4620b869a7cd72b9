"""API models and their prices by date, from the bundled data of genai-prices and, for the rest, lists of our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from simulator.catalogue.api_library import (
    MAIN_PROVIDERS,
    Match,
    exact_match,
    find,
    library_model_ids,
    library_provider_ids,
    library_version,
    unknown_model,
)
from simulator.catalogue.own_token_prices import (
    OwnTokenPrices,
    own_card,
    own_model_ids,
    own_providers,
    own_row_in_force,
    own_rows,
)
from simulator.catalogue.price_rows import (
    SERVICE_TIERS,
    BatchPrices,
    as_utc,
    batch_prices,
    change_dates,
    daily_windows,
    dated_rows,
    extra_prices_of,
    first_row_date,
    has_daily_windows,
    has_service_tier_row,
    row_in_force,
    row_start_date,
    tiers_of,
    unbilled_keys,
    usd_of,
)
from simulator.domain.pricing import PriceCard
from simulator.domain.units import HALF_HOURS_PER_DAY, SECONDS_PER_HALF_HOUR

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice

BUNDLED_DATA_AS_OF = date(2026, 11, 9)  # newest dated row of genai-prices 0.2.3 that is not an announcement
STANDARD = "standard"


@dataclass(frozen=True)
class ApiModel:
    """A model of a price list as one provider sells it, and what a reader should know about the match."""

    provider_id: str
    model_id: str
    asked_for: str
    name: str
    context_window: int | None
    warnings: tuple[str, ...]
    has_time_of_day_prices: bool
    in_own_list: bool = False

    @property
    def label(self) -> str:
        """How messages call the model."""
        return f"model {self.model_id!r} of {self.provider_id}"


@dataclass(frozen=True)
class DailyWindow:
    """Prices of their own in some hours of every day: from `start` to before `end`, UTC."""

    start: time
    end: time
    card: PriceCard


def api_providers() -> tuple[str, ...]:
    """Ids of the providers, those of our own lists among them, in alphabetical order."""
    return tuple(sorted({*library_provider_ids(), *own_providers()}))


def api_model_ids(provider: str | None = None) -> tuple[str, ...]:
    """Ids of a provider's models in alphabetical order; without a provider, those of the main providers."""
    sellers = MAIN_PROVIDERS if provider is None else (provider,)
    own = {model for seller in sellers for model in own_model_ids(seller)}
    if provider in own_providers() and provider not in library_provider_ids():
        return tuple(sorted(own))
    return tuple(sorted(library_model_ids(provider) | own))


def resolve_api_model(model: str, provider: str | None = None) -> ApiModel:
    """The model for an id or alias, with a warning wherever the match is not exact.

    An id of the library comes first, then one of our own lists, then an alias of the library.

    Parameters
    ----------
    model : str
        Id or alias, such as `claude-haiku-4-5`.
    provider : str, optional
        Provider id; without it, the provider that the model's name belongs to.

    Returns
    -------
    ApiModel
        Warnings are `alias_drifts`, `fallback_provider_price`, `model_deprecated`, `peak_hours_every_day` and
        `charges_left_out`.

    Raises
    ------
    UnknownId
        If no list knows the provider or the model; names near matches.
    """
    match = None if provider is None else exact_match(model, provider)
    if match is None and provider is not None:
        if own := own_rows(model, provider.lower()):
            return _own_api_model(model, provider.lower(), own[-1])
        if provider.lower() in own_providers() and provider.lower() not in library_provider_ids():
            raise unknown_model(model, provider.lower())
    match = match or find(model, provider)
    return ApiModel(
        provider_id=match.seller.id,
        model_id=match.model.id,
        asked_for=model,
        name=match.model.name or match.model.id,
        context_window=match.model.context_window,
        warnings=tuple(_warnings(match, model, provider)),
        has_time_of_day_prices=has_daily_windows(match.model),
    )


def price_card(api_model: ApiModel, at: datetime, service_tier: str = STANDARD) -> PriceCard:
    """The prices in force at a moment (UTC where it has no zone).

    Parameters
    ----------
    api_model : ApiModel
        From `resolve_api_model`.
    at : datetime
        The moment.
    service_tier : str
        `standard`, `flex` (cheaper, may wait), `priority` (dearer, sooner) or `fast` (Anthropic's fast mode; at OpenAI
        another word for priority). Where the list has no prices of the tier, as `has_service_tier` tells, the card is
        the standard one. Batch prices are the same in every tier.

    Raises
    ------
    ValueError
        If no price is in force yet, the model is not priced per token of input and output, or there is no such tier.
    """
    _check_tier(service_tier)
    moment = as_utc(at)
    if api_model.in_own_list:
        row = own_row_in_force(_own(api_model), moment.date(), api_model.label)
        return own_card(row, api_model.provider_id)
    match = _known(api_model)
    return _card_of_row(match, row_in_force(match.model, moment, match.label), moment, service_tier)


def has_service_tier(api_model: ApiModel, at: datetime, tier: str) -> bool:
    """Whether the list has prices of a service tier at a moment; it always has those of `standard`."""
    _check_tier(tier)
    if tier == STANDARD:
        return True
    if api_model.in_own_list:
        return False
    match = _known(api_model)
    # The variants of a list hold at the provider that keeps it, not where its prices stand in for missing ones.
    return match.owner is match.seller and has_service_tier_row(match.model, tier, as_utc(at))


def day_price_cards(api_model: ApiModel, day: date, service_tier: str = STANDARD) -> tuple[PriceCard, ...]:
    """Prices of a UTC day: one card, or one per half hour for a model with peak hours.

    A half hour has the prices of its first minute: providers change them on the full or the half hour. A row of the
    library holds from a date or in a daily window, never both, so that peak hours have the present peak prices whatever
    the day (and on weekends, too).
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not api_model.has_time_of_day_prices:
        return (price_card(api_model, midnight, service_tier),)
    starts = (timedelta(seconds=place * SECONDS_PER_HALF_HOUR) for place in range(HALF_HOURS_PER_DAY))
    return tuple(price_card(api_model, midnight + start, service_tier) for start in starts)


def price_change_dates(api_model: ApiModel) -> tuple[date, ...]:
    """Days on which a price of any kind changes, in order: between two of them every day is alike."""
    if api_model.in_own_list:
        return tuple(row.effective_from for row in _own(api_model))
    return change_dates(_known(api_model).model)


def first_price_date(api_model: ApiModel) -> date | None:
    """First date with a price; None where the first price of the list carries no date."""
    if api_model.in_own_list:
        return _own(api_model)[0].effective_from
    return first_row_date(_known(api_model).model)


def price_history(api_model: ApiModel) -> tuple[tuple[date | None, PriceCard], ...]:
    """Every price of the list that holds all day, with its first day, announced ones included, in order of time.

    None as first day: from the beginning. Prices of some hours of the day are in `daily_windows_of`. Batch prices are
    those of the first day, or of an undated row's last.
    """
    if api_model.in_own_list:
        return tuple((row.effective_from, own_card(row, api_model.provider_id)) for row in _own(api_model))
    match = _known(api_model)
    rows = dated_rows(match.model)
    starts = [start for start, _ in rows if start is not None]
    last_undated_day = starts[0] - timedelta(days=1) if starts else BUNDLED_DATA_AS_OF
    return tuple(
        (start, _card_of_row(match, row, datetime.combine(start or last_undated_day, time(), UTC)))
        for start, row in rows
    )


def daily_windows_of(api_model: ApiModel) -> tuple[DailyWindow, ...]:
    """The hours of the day with prices of their own, as the list has them now."""
    if api_model.in_own_list:
        return ()
    match = _known(api_model)
    return tuple(
        DailyWindow(start, end, price_card(api_model, datetime.combine(BUNDLED_DATA_AS_OF, start, UTC)))
        for start, end in daily_windows(match.model)
    )


def extra_prices(api_model: ApiModel, at: datetime) -> dict[str, float]:
    """Prices at a moment beside those per token of text, by what they are for, such as `web_searches`.

    In USD per one: a search, request, second of audio, page, or token of another kind; none for our own lists.
    """
    if api_model.in_own_list:
        return {}
    match = _known(api_model)
    return extra_prices_of(row_in_force(match.model, as_utc(at), match.label).prices)


def input_only_usd_per_mtok(model: str, provider: str | None, at: datetime) -> float:
    """Price of a million tokens of input of a model that may have no other price, such as an embedding model.

    Raises
    ------
    ValueError
        If no list knows the model, or it has no price per token of input at the moment.
    """
    api_model = resolve_api_model(model, provider)
    if api_model.in_own_list:
        return price_card(api_model, at).tiers[0].prices.input_usd_per_mtok
    match = _known(api_model)
    price = row_in_force(match.model, as_utc(at), match.label).prices.input_mtok
    if price is None:
        raise ValueError(f"{match.label} has no price per token of input")
    return usd_of(price, above_input_tokens=0)


def price_list_source(api_model: ApiModel, at: datetime) -> tuple[str, date | None, bool]:
    """Where the prices in force at a moment come from, as of when, and whether they are unverified."""
    if api_model.in_own_list:
        card = price_card(api_model, at)
        return card.source, card.as_of, card.unverified
    match = _known(api_model)
    return (*_source(match, row_in_force(match.model, as_utc(at), match.label)), False)


def _check_tier(service_tier: str) -> None:
    if service_tier != STANDARD and service_tier not in SERVICE_TIERS:
        raise ValueError(f"service_tier is {service_tier!r}, must be one of {', '.join([STANDARD, *SERVICE_TIERS])}")


def _card_of_row(match: Match, row: ConditionalPrice, moment: datetime, service_tier: str = STANDARD) -> PriceCard:
    """A row of the library at a moment as a price card, with the batch prices of that moment."""
    batch, prices = BatchPrices(None), row.prices
    source, as_of = _source(match, row)
    if match.owner is match.seller:  # batch and service tiers hold at the provider that lists them, nowhere else
        batch = batch_prices(match.model, match.seller.id, moment, match.label)
        if service_tier != STANDARD and has_service_tier_row(match.model, service_tier, moment):
            prices = match.model.get_prices(moment, SERVICE_TIERS[service_tier])
            source = f"{source}, {service_tier} tier"
    return PriceCard(
        tiers=tiers_of(prices, match.label),
        batch=batch.tiers,
        source=f"{source}; {batch.note}" if batch.note else source,
        as_of=as_of,
    )


def _source(match: Match, row: ConditionalPrice) -> tuple[str, date]:
    page = (match.owner.pricing_urls or [match.owner.name])[0]
    start = row_start_date(row)
    as_of = BUNDLED_DATA_AS_OF if start is None else min(start, BUNDLED_DATA_AS_OF)
    return f"genai-prices {library_version()}, {page}", as_of


def _known(api_model: ApiModel) -> Match:
    return find(api_model.model_id, api_model.provider_id)


def _own(api_model: ApiModel) -> tuple[OwnTokenPrices, ...]:
    return own_rows(api_model.model_id, api_model.provider_id)


def _own_api_model(asked_for: str, provider: str, row: OwnTokenPrices) -> ApiModel:
    drifts = f"alias_drifts: {asked_for!r} is priced as {row.model!r}"
    return ApiModel(
        provider_id=provider,
        model_id=row.model,
        asked_for=asked_for,
        name=row.model.rpartition("/")[2],
        context_window=row.context_window_tokens,
        warnings=() if asked_for.lower() == row.model.lower() else (drifts,),
        has_time_of_day_prices=False,
        in_own_list=True,
    )


def _warnings(match: Match, asked_for: str, asked_provider: str | None) -> Iterable[str]:
    model, seller = match.model, match.seller
    if asked_for.lower() != model.id.lower():
        yield f"alias_drifts: {asked_for!r} is priced as {model.id!r}; another release of the price library may differ"
    elif model.id.lower().endswith("latest"):
        yield f"alias_drifts: {asked_for!r} is a moving name; the provider decides which model it is"
    if asked_provider is not None and asked_provider.lower() != seller.id:
        yield f"alias_drifts: provider {asked_provider!r} is priced as {seller.id!r}"
    if match.owner is not seller:
        yield (
            f"fallback_provider_price: the price library has no price of {seller.id} for {model.id!r}; "
            f"the prices of {match.owner.id} stand in for it"
        )
    if model.deprecated:
        yield f"model_deprecated: {seller.id} has deprecated {model.id!r} and may switch it off"
    if has_daily_windows(model):
        yield (
            f"peak_hours_every_day: the peak prices of {model.id!r} are billed every day and whatever the date; "
            "where weekends are off-peak, or the peak hours began later, the bill is an upper bound"
        )
    if left_out := unbilled_keys(model):
        yield f"charges_left_out: {model.id!r} is billed for {', '.join(left_out)} as well, which is not in the cost"
