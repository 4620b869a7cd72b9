"""Rows of the price library -> tiers of a price card.

The library answers every question with a number. Where it has none it takes another row without a word: the first row
before any row is in force, the full price where it has no batch price. Here such answers are refused or left empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from simulator.catalogue.operations import batch_multipliers
from simulator.domain.pricing import PriceTier, TokenPrices

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, PriceVariant, TieredPrices

BATCH = {"processing": "batch"}  # the library's key and value; any other spelling is silently the full price
# Service tiers by the library's keys and values. Its tier `default` is the standard price; `fast` is OpenAI's other
# word for priority, and a mode of its own at Anthropic.
SERVICE_TIERS = {
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
EXTRA_UNITS = (  # ending of a key of the library, the same of its unit in full, units that a price is for
    ("_kcount", "", 1e3),
    ("_mtok", "_tokens", 1e6),
    ("_hours", "_seconds", 3600.0),
    ("_mchars", "_characters", 1e6),
    ("_kpages", "_pages", 1e3),
    ("_gpixels", "_pixels", 1e9),
)
TOKEN_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
UNBILLED_KEYS = ("requests_kcount", "output_reasoning_mtok", "output_citation_mtok")


@dataclass(frozen=True)
class BatchPrices:
    """Batch tiers, None where no batch price is known, and where they come from if not from the library's list."""

    tiers: tuple[PriceTier, ...] | None
    note: str = ""


def as_utc(at: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as UTC, as the library does."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def price_rows(model: ModelInfo) -> list[ConditionalPrice]:
    """All rows of a model, the later ones winning; a model with a single price has one row without a condition."""
    from genai_prices.types import ConditionalPrice, ModelPrice

    return [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else list(model.prices)


def row_start_date(row: ConditionalPrice | PriceVariant) -> date | None:
    """Date from which a row holds; None where it carries none."""
    from genai_prices.types import StartDateConstraint

    return row.constraint.start_date if isinstance(row.constraint, StartDateConstraint) else None


def first_row_date(model: ModelInfo) -> date | None:
    """First date with a price; None where the library has a row without a date."""
    starts = [row_start_date(row) for row in price_rows(model)]
    dated = [start for start in starts if start is not None]
    return min(dated) if dated and len(dated) == len(starts) else None


def has_daily_windows(model: ModelInfo) -> bool:
    """Whether a row of the model holds in some hours of the day only."""
    from genai_prices.types import TimeOfDateConstraint

    return any(isinstance(row.constraint, TimeOfDateConstraint) for row in price_rows(model))


def daily_windows(model: ModelInfo) -> list[tuple[time, time]]:
    """Hours of the day, UTC, in which a row of its own holds: from the first to before the second."""
    from genai_prices.types import TimeOfDateConstraint

    constraints = [row.constraint for row in price_rows(model)]
    return [(one.start_time, one.end_time) for one in constraints if isinstance(one, TimeOfDateConstraint)]


def dated_rows(model: ModelInfo) -> list[tuple[date | None, ConditionalPrice]]:
    """The rows that hold all day, each with its first day, in order of time; None: from the beginning."""
    from genai_prices.types import TimeOfDateConstraint

    rows = [row for row in price_rows(model) if not isinstance(row.constraint, TimeOfDateConstraint)]
    by_start = {row_start_date(row): row for row in rows}  # of two with the same day the later one wins
    return sorted(by_start.items(), key=lambda item: item[0] or date.min)


def change_dates(model: ModelInfo) -> tuple[date, ...]:
    """Days from which a price of any kind holds that is another than the day before, in order."""
    starts = [row_start_date(row) for row in (*price_rows(model), *(model.price_variants or ()))]
    return tuple(sorted({start for start in starts if start is not None}))


def has_service_tier_row(model: ModelInfo, tier: str, at: datetime) -> bool:
    """Whether the list has prices of a service tier at a moment."""
    return any(_variants(model, {key: value}, at) for key, value in SERVICE_TIERS[tier].items())


def extra_prices_of(prices: ModelPrice) -> dict[str, float]:
    """Prices beside those per token of text, by what they are for. [USD per search, request, second, page or token]"""
    extras = {}
    for key, price in prices.__dict__.items():
        if price is None or key in TOKEN_KEYS or key.startswith("_"):
            continue
        ending, full, units = next((one for one in EXTRA_UNITS if key.endswith(one[0])), ("", "", 1.0))
        extras[key.removesuffix(ending) + full] = usd_of(price, 0) / units
    return extras


def unbilled_keys(model: ModelInfo) -> tuple[str, ...]:
    """Prices of the model beside those per token of input and output, such as a fee per request."""
    present = {key for row in price_rows(model) for key, price in row.prices.__dict__.items() if price is not None}
    return tuple(key for key in UNBILLED_KEYS if key in present)


def row_in_force(model: ModelInfo, at: datetime, label: str) -> ConditionalPrice:
    """The row that holds at `at`, the last one that does; ValueError where none does."""
    for row in reversed(price_rows(model)):
        if row.constraint is None or row.constraint.active(at):
            return row
    first = first_row_date(model)
    if first is not None and at.date() < first:
        raise ValueError(f"{label} has no price before {first} (asked for {at.date()})")
    raise ValueError(f"{label} has no price at {at:%Y-%m-%d %H:%M} UTC")


def tiers_of(prices: ModelPrice, label: str) -> tuple[PriceTier, ...]:
    """The tiers of a row: one for each length at which any of its prices changes."""
    from genai_prices.types import TieredPrices

    if prices.input_mtok is None or prices.output_mtok is None:
        given = ", ".join(sorted(key for key, price in prices.__dict__.items() if price is not None))
        raise ValueError(
            f"{label} has no price per token of {'output' if prices.input_mtok is not None else 'input and output'}: "
            f"the price library lists {given or 'no price at all'}; "
            "embedding, image, audio and free models cannot be priced per token"
        )
    tiered = [price for price in prices.__dict__.values() if isinstance(price, TieredPrices)]
    starts = {0} | {tier.start for price in tiered for tier in price.tiers}
    return tuple(
        PriceTier(
            above_input_tokens=start,
            prices=TokenPrices(
                input_usd_per_mtok=usd_of(prices.input_mtok, start),
                output_usd_per_mtok=usd_of(prices.output_mtok, start),
                cached_input_usd_per_mtok=_usd_or_none(prices.cache_read_mtok, start),
                cache_write_usd_per_mtok=_usd_or_none(prices.cache_write_mtok, start),
                cache_write_1h_usd_per_mtok=_usd_or_none(prices.cache_write_1h_mtok, start),
            ),
        )
        for start in sorted(starts)
    )


def batch_prices(model: ModelInfo, provider_id: str, at: datetime, label: str) -> BatchPrices:
    """Batch prices at `at`.

    From the day on which the library begins to list batch prices of the model they are the library's own. Before that
    day the multiplier of the prices folder stands in, if the first batch price of the library is that multiple of the
    list price (of some models it is not: then none is known). A cache price is multiplied only where the library's
    first batch price discounts it.
    """
    if _variants(model, BATCH, at):
        return BatchPrices(tiers_of(model.get_prices(at, BATCH), label))
    first_day = _first_batch_date(model)
    rule = batch_multipliers().get(provider_id)
    if rule is None or first_day is None or at.date() >= first_day:
        return BatchPrices(None)
    listed, batch = _prices_on(first_day, model, label)
    if not (
        math.isclose(batch.input_usd_per_mtok, rule.value * listed.input_usd_per_mtok)
        and math.isclose(batch.output_usd_per_mtok, rule.value * listed.output_usd_per_mtok)
    ):
        return BatchPrices(None)
    cache_multiplier = 1.0 if batch.cached_input_usd_per_mtok == listed.cached_input_usd_per_mtok else rule.value
    return BatchPrices(
        tuple(
            PriceTier(tier.above_input_tokens, _discounted(tier.prices, rule.value, cache_multiplier))
            for tier in tiers_of(row_in_force(model, at, label).prices, label)
        ),
        note=f"batch before {first_day} at {rule.value} of the list price ({rule.source})",
    )


def _first_batch_date(model: ModelInfo) -> date | None:
    starts = [row_start_date(variant) for variant in model.price_variants or () if variant.when == BATCH]
    return min((start for start in starts if start is not None), default=None)


def _prices_on(day: date, model: ModelInfo, label: str) -> tuple[TokenPrices, TokenPrices]:
    """List and batch prices of a short request on a day."""
    midnight = datetime.combine(day, time(), UTC)
    listed = tiers_of(row_in_force(model, midnight, label).prices, label)
    batch = tiers_of(model.get_prices(midnight, BATCH), label)
    return listed[0].prices, batch[0].prices


def _variants(model: ModelInfo, when: Mapping[str, str], at: datetime) -> list[PriceVariant]:
    return [
        variant
        for variant in model.price_variants or ()
        if variant.when == when and (variant.constraint is None or variant.constraint.active(at))
    ]


def _discounted(prices: TokenPrices, multiplier: float, cache_multiplier: float) -> TokenPrices:
    def of_cache(price: float | None) -> float | None:
        return None if price is None else cache_multiplier * price

    return TokenPrices(
        input_usd_per_mtok=multiplier * prices.input_usd_per_mtok,
        output_usd_per_mtok=multiplier * prices.output_usd_per_mtok,
        cached_input_usd_per_mtok=of_cache(prices.cached_input_usd_per_mtok),
        cache_write_usd_per_mtok=of_cache(prices.cache_write_usd_per_mtok),
        cache_write_1h_usd_per_mtok=of_cache(prices.cache_write_1h_usd_per_mtok),
    )


def usd_of(price: Decimal | TieredPrices, above_input_tokens: int) -> float:
    """Price of a request one token longer than `above_input_tokens`: a tier holds above its start, not at it."""
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        return float(price)
    reached = [tier.price for tier in price.tiers if tier.start <= above_input_tokens]
    return float(reached[-1] if reached else price.base)


def _usd_or_none(price: Decimal | TieredPrices | None, above_input_tokens: int) -> float | None:
    return None if price is None else usd_of(price, above_input_tokens)
