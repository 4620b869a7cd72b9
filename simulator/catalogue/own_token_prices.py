"""Prices per token that the price library lacks, by provider, model and day, from `prices/tokens`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

from pydantic import Field

from simulator.catalogue.fact_files import ids_in, parsed, path_of, read_mapping
from simulator.domain.base import Model, NonNegative, PositiveWhole, Sourced
from simulator.domain.pricing import PriceCard, PriceTier, TokenPrices


class OwnTokenPrices(Sourced):
    """What one model costs at one provider from a day on. [USD per 10⁶ tokens]"""

    model: str = Field(min_length=1, description="The model as the provider calls it.")
    input_usd_per_mtok: NonNegative
    output_usd_per_mtok: NonNegative
    cached_input_usd_per_mtok: NonNegative | None = None
    cache_write_usd_per_mtok: NonNegative | None = None
    cache_write_1h_usd_per_mtok: NonNegative | None = None
    context_window_tokens: PositiveWhole | None = None
    effective_from: date = Field(description="First day on which this price is known to have held.")


class _TokenFile(Model):
    provider: str
    prices: tuple[OwnTokenPrices, ...] = Field(min_length=1)


def own_providers() -> tuple[str, ...]:
    """Ids of the providers with a list of their own in `prices/tokens`, in order."""
    return ids_in("prices", "tokens")


def own_model_ids(provider: str) -> tuple[str, ...]:
    """The provider's models in `prices/tokens`, in order; none for a provider without a list there."""
    return tuple(sorted({row.model for row in _rows(provider)})) if provider in own_providers() else ()


def own_rows(model: str, provider: str) -> tuple[OwnTokenPrices, ...]:
    """The dated prices of a model, the oldest first; none where the list does not hold it.

    The case does not matter, and neither does the maker's name in front where one model only is called so.
    """
    if provider not in own_providers():
        return ()
    names = [name for name in own_model_ids(provider) if name.lower() == model.lower()] or [
        name for name in own_model_ids(provider) if name.lower().rpartition("/")[2] == model.lower()
    ]
    rows = [row for row in _rows(provider) if [row.model] == names]
    return tuple(sorted(rows, key=lambda row: row.effective_from))


def own_row_in_force(rows: Sequence[OwnTokenPrices], on: date, label: str) -> OwnTokenPrices:
    """The newest of a model's prices on a day; ValueError before the first."""
    begun = [row for row in rows if row.effective_from <= on]
    if not begun:
        raise ValueError(f"{label} has no price before {rows[0].effective_from} (asked for {on})")
    return begun[-1]


def own_card(row: OwnTokenPrices, provider: str) -> PriceCard:
    """A price of `prices/tokens` as a price card; no batch price."""
    prices = TokenPrices(
        input_usd_per_mtok=row.input_usd_per_mtok,
        output_usd_per_mtok=row.output_usd_per_mtok,
        cached_input_usd_per_mtok=row.cached_input_usd_per_mtok,
        cache_write_usd_per_mtok=row.cache_write_usd_per_mtok,
        cache_write_1h_usd_per_mtok=row.cache_write_1h_usd_per_mtok,
    )
    source = f"prices/tokens/{provider}.yaml: {row.source}"
    return PriceCard((PriceTier(0, prices),), None, source, row.as_of, row.unverified)


@cache
def _rows(provider: str) -> tuple[OwnTokenPrices, ...]:
    path = path_of("prices", "tokens", provider)
    return parsed(_TokenFile, read_mapping(path), path).prices
