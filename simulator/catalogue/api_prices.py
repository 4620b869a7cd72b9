"""API models and their prices by date, from the bundled data of genai-prices; offline, never updated at run time.

The library takes a noticeable part of a second to import, so it is imported when a price is first asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.price_rows import (
    BatchPrices,
    as_utc,
    batch_prices,
    first_row_date,
    has_daily_windows,
    row_in_force,
    row_start_date,
    tiers_of,
    unbilled_keys,
)
from simulator.domain.pricing import PriceCard
from simulator.domain.units import HALF_HOURS_PER_DAY, SECONDS_PER_HALF_HOUR

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider

BUNDLED_DATA_AS_OF = date(2026, 11, 9)  # newest dated row of genai-prices 0.2.3 that is not an announcement
MAIN_PROVIDERS = ("anthropic", "openai", "google", "mistral", "x-ai", "deepseek", "groq", "together", "fireworks")
SUGGESTIONS = 6


class UnknownApiId(UnknownId):
    """A model or provider that the price library does not know; of its many ids the message names the nearest."""

    def __init__(self, given: str, rule: str, near: list[str]) -> None:
        super().__init__(given, near)
        suggestions = f"; did you mean {', '.join(near)}?" if near else ""
        self.args = (f"is {given!r}, {rule}{suggestions}",)


@dataclass(frozen=True)
class ApiModel:
    """A model of the price library as one provider sells it, and what a reader should know about the match."""

    provider_id: str
    model_id: str
    asked_for: str
    name: str
    context_window: int | None
    warnings: tuple[str, ...]
    has_time_of_day_prices: bool


@dataclass(frozen=True)
class _Match:
    """A model of the library, the provider it is bought from, and the provider whose price list it stands in."""

    seller: Provider
    owner: Provider
    model: ModelInfo

    @property
    def label(self) -> str:
        return f"model {self.model.id!r} of {self.seller.id}"


def api_providers() -> tuple[str, ...]:
    """Ids of the providers, in alphabetical order."""
    return tuple(sorted(provider.id for provider in _library().providers))


def api_model_ids(provider: str | None = None) -> tuple[str, ...]:
    """Ids of a provider's models in alphabetical order; without a provider, those of the main providers."""
    providers = [_provider(provider)] if provider is not None else _main_providers()
    return tuple(sorted({model.id for provider in providers for model in provider.models}))


def resolve_api_model(model: str, provider: str | None = None) -> ApiModel:
    """The library's model for an id or alias, with a warning wherever the match is not exact.

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
        If the library does not know the provider or the model; names near matches.
    """
    match = _match(model, provider)
    return ApiModel(
        provider_id=match.seller.id,
        model_id=match.model.id,
        asked_for=model,
        name=match.model.name or match.model.id,
        context_window=match.model.context_window,
        warnings=tuple(_warnings(match, model, provider)),
        has_time_of_day_prices=has_daily_windows(match.model),
    )


def price_card(api_model: ApiModel, at: datetime) -> PriceCard:
    """The prices in force at a moment (UTC where it has no zone).

    Raises
    ------
    ValueError
        If no price is in force yet, or the model is not priced per token of input and output.
    """
    match = _known(api_model)
    moment = as_utc(at)
    row = row_in_force(match.model, moment, match.label)
    batch = BatchPrices(None)
    if match.owner is match.seller:  # the library's batch prices hold at the provider that lists them, nowhere else
        batch = batch_prices(match.model, match.seller.id, moment, match.label)
    page = (match.owner.pricing_urls or [match.owner.name])[0]
    source = f"genai-prices {_library_version()}, {page}"
    start = row_start_date(row)
    return PriceCard(
        tiers=tiers_of(row.prices, match.label),
        batch=batch.tiers,
        source=f"{source}; {batch.note}" if batch.note else source,
        as_of=BUNDLED_DATA_AS_OF if start is None else min(start, BUNDLED_DATA_AS_OF),
    )


def day_price_cards(api_model: ApiModel, day: date) -> tuple[PriceCard, ...]:
    """Prices of a UTC day: one card, or one per half hour for a model with peak hours.

    A half hour has the prices of its first minute: providers change them on the full or the half hour. A row of the
    library holds from a date or in a daily window, never both, so that peak hours have the present peak prices whatever
    the day (and on weekends, too).
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not api_model.has_time_of_day_prices:
        return (price_card(api_model, midnight),)
    starts = (timedelta(seconds=place * SECONDS_PER_HALF_HOUR) for place in range(HALF_HOURS_PER_DAY))
    return tuple(price_card(api_model, midnight + start) for start in starts)


def first_price_date(api_model: ApiModel) -> date | None:
    """First date with a price; None where the library's first price carries no date."""
    return first_row_date(_known(api_model).model)


@lru_cache(maxsize=1)
def _library() -> DataSnapshot:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


@lru_cache(maxsize=1)
def _library_version() -> str:
    return version("genai-prices")


def _match(model: str, provider: str | None) -> _Match:
    seller = _provider(provider) if provider is not None else _provider_of(model)
    found = _own_model(seller, model) or seller.find_model(model, all_providers=_library().providers)
    if found is None:
        raise UnknownApiId(model, f"must be a model of {seller.id} in the price library", _near_ids(model, [seller]))
    return _Match(seller, _owner(seller, found), found)


def _known(api_model: ApiModel) -> _Match:
    return _match(api_model.model_id, api_model.provider_id)


def _own_model(provider: Provider, model_id: str) -> ModelInfo | None:
    """The model with exactly this id: the library's own matching misses the ids of some of its models."""
    return next((model for model in provider.models if model.id.lower() == model_id.lower()), None)


def _owner(seller: Provider, found: ModelInfo) -> Provider:
    candidates = (seller, *_library().providers)
    return next(provider for provider in candidates if any(found is model for model in provider.models))


def _provider(provider_id: str) -> Provider:
    from genai_prices.data_snapshot import find_provider_by_id

    provider = find_provider_by_id(_library().providers, provider_id)
    if provider is None:
        near = difflib.get_close_matches(provider_id.lower(), api_providers(), n=SUGGESTIONS, cutoff=0.5)
        raise UnknownApiId(provider_id, "must be a provider of the price library", [repr(known) for known in near])
    return provider


def _provider_of(model: str) -> Provider:
    try:
        return _library().find_provider(model.lower(), None, None)
    except LookupError:
        near = _near_ids(model, _main_providers())
        rule = "must be given with a provider, because its name tells none"
        raise UnknownApiId(model, rule, near) from None


def _main_providers() -> list[Provider]:
    return [provider for provider in _library().providers if provider.id in MAIN_PROVIDERS]


def _near_ids(model: str, providers: list[Provider]) -> list[str]:
    """Ids close to `model`, compared without the maker's name that some providers put in front."""
    ids_by_name: dict[str, list[str]] = {}
    for provider in providers:
        for known in provider.models:
            shown = repr(known.id) if len(providers) == 1 else f"{known.id!r} ({provider.id})"
            ids_by_name.setdefault(known.id.lower().rpartition("/")[2], []).append(shown)
    near = difflib.get_close_matches(model.lower().rpartition("/")[2], ids_by_name, n=SUGGESTIONS, cutoff=0.5)
    return [shown for name in near for shown in ids_by_name[name]][:SUGGESTIONS]


def _warnings(match: _Match, asked_for: str, asked_provider: str | None) -> Iterable[str]:
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
