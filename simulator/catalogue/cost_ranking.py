"""What the same requests cost at every API model that the price lists know, cheapest first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import add
from typing import Literal

from simulator.catalogue.api_choice import chosen_models
from simulator.catalogue.api_prices import (
    STANDARD,
    ApiModel,
    day_price_cards,
    first_price_date,
    has_service_tier,
    price_card,
)
from simulator.domain.pricing import PriceCard, RequestCost, missing_prices, request_cost_usd
from simulator.domain.units import DAYS_PER_MONTH, HOURS_PER_DAY, REQUESTS_PER_THOUSAND

# OpenAI announced its API on this day (https://openai.com/index/openai-api/). Most rows of the price library carry no
# date and would be billed on any day before it, too.
FIRST_DAY = date(2020, 6, 11)
MOST_REQUESTS_PER_DAY, MOST_TOKENS = 1e15, 1e9  # beyond anything asked; keeps every bill finite
Reason = Literal["no price yet", "no price per token", "context too short"]


@dataclass(frozen=True)
class RequestsToPrice:
    """Requests of one length, spread evenly over the day and the same every day."""

    requests_per_day: float
    input_tokens: float
    output_tokens: float
    reasoning_tokens: float = 0.0  # billed as output
    cached_share: float = 0.0  # of the input, read from the prompt cache
    batch_share: float = 0.0  # of the requests
    days_per_month: float = DAYS_PER_MONTH

    def __post_init__(self) -> None:
        for name, most in (("requests_per_day", MOST_REQUESTS_PER_DAY), ("days_per_month", 31.0)):
            value = getattr(self, name)
            if not 0.0 < value <= most:
                raise ValueError(f"{name} is {value:g}, must be above 0 and at most {most:g}")
        for name in ("input_tokens", "output_tokens", "reasoning_tokens"):
            value = getattr(self, name)
            if not 0.0 <= value <= MOST_TOKENS:
                raise ValueError(f"{name} is {value:g}, must be from 0 to {MOST_TOKENS:g} tokens")
        if self.input_tokens + self.billed_output_tokens == 0.0:
            raise ValueError("input_tokens is 0, must be above 0 where there is no output")
        for name in ("cached_share", "batch_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value:g}, must be from 0 to 1")

    @property
    def billed_output_tokens(self) -> float:
        """Output of a request with the reasoning before it. [tokens]"""
        return self.output_tokens + self.reasoning_tokens

    @property
    def total_tokens(self) -> float:
        """What has to fit in the context of a model. [tokens]"""
        return self.input_tokens + self.billed_output_tokens


@dataclass(frozen=True)
class RankedModel:
    """What the requests cost at one model of one provider."""

    provider_id: str
    model_id: str
    name: str
    usd_per_day: float
    usd_per_month: float
    usd_per_1000_requests: float
    input_usd_per_mtok: float  # of the tier that the input falls in; without an hour the mean of the day
    output_usd_per_mtok: float
    above_input_tokens: int  # where that tier begins
    is_mean_of_day: bool
    is_dated_later: bool  # the price was noted after the day asked for
    context_window: int | None
    warnings: tuple[str, ...]
    unverified: bool
    source: str
    as_of: date | None


@dataclass(frozen=True)
class LeftOutModel:
    """A model that is not ranked, and why."""

    provider_id: str
    model_id: str
    reason: Reason
    detail: str


@dataclass(frozen=True)
class CostRanking:
    """Models by what the requests cost, cheapest first, and those that could not be ranked."""

    requests: RequestsToPrice
    on: date
    hour: float | None
    service_tier: str
    models: tuple[RankedModel, ...]
    left_out: tuple[LeftOutModel, ...]

    @property
    def left_out_by_reason(self) -> dict[Reason, int]:
        """How many models were left out for each reason."""
        return dict(Counter(model.reason for model in self.left_out))


def ranked_costs(
    requests: RequestsToPrice,
    *,
    on: date,
    hour: float | None = None,
    service_tier: str = STANDARD,
    providers: Sequence[str] = (),
    models: Sequence[str] = (),
    host_of: str | None = None,
) -> CostRanking:
    """Models by what the requests cost at the prices of a day.

    Parameters
    ----------
    requests : RequestsToPrice
        How many, and of what length.
    on : date
        Day of the prices, in UTC.
    hour : float, optional
        Hour of that day whose prices hold, for models with peak hours; left out: the mean of the day. [h]
    service_tier : str
        Prices to take where a model has them, as in `price_card`: `standard`, `flex`, `priority` or `fast`.
    providers : sequence of str
        Only of these; empty: of all.
    models : sequence of str
        Only these ids or aliases, each at the providers given, or at the one its name belongs to.
    host_of : str, optional
        Only models whose id contains this name, such as `llama-3.3-70b`, whoever sells them.

    Returns
    -------
    CostRanking
        The same model of two providers is two rows; models of one price are in the order of their names.

    Raises
    ------
    ValueError
        If a provider or model is unknown, the day lies before OpenAI announced its API, the hour is outside the day,
        or not one model is left.

    Notes
    -----
    Cost of a request (`request_cost_usd`) times the requests of a day, and that times the days of a month.
    """
    if on < FIRST_DAY:
        raise ValueError(f"on is {on}, must be at least {FIRST_DAY}, when OpenAI announced its API")
    if hour is not None and not 0.0 <= hour < HOURS_PER_DAY:
        raise ValueError(f"hour is {hour:g}, must be at least 0 and below 24")
    ranked, left_out = [], []
    for model in chosen_models(providers, models, host_of):
        result = _ranked(model, requests, on, hour, service_tier)
        if isinstance(result, RankedModel):
            ranked.append(result)
        else:
            left_out.append(result)
    if not ranked:
        raise ValueError(_nothing_to_rank(left_out))
    ranked.sort(key=lambda model: (model.usd_per_day, model.provider_id, model.model_id))
    return CostRanking(requests, on, hour, service_tier, tuple(ranked), tuple(left_out))


def _ranked(
    model: ApiModel, requests: RequestsToPrice, on: date, hour: float | None, service_tier: str
) -> RankedModel | LeftOutModel:
    first = first_price_date(model)
    if first is not None and on < first:
        return LeftOutModel(model.provider_id, model.model_id, "no price yet", f"the first price is of {first}")
    at = datetime.combine(on, time(), UTC) + timedelta(hours=hour or 0.0)
    has_tier = has_service_tier(model, at, service_tier)
    tier = service_tier if has_tier else STANDARD
    try:
        cards = day_price_cards(model, on, tier) if hour is None else (price_card(model, at, tier),)
    except ValueError as error:
        return LeftOutModel(model.provider_id, model.model_id, "no price per token", str(error))
    if model.context_window is not None and requests.total_tokens > model.context_window:
        detail = f"{requests.total_tokens:g} tokens do not fit in its {model.context_window}"
        return LeftOutModel(model.provider_id, model.model_id, "context too short", detail)
    no_tier = (
        f"service_tier_price_missing: the price list has no {service_tier} prices; standard ones are billed instead"
    )
    return _priced(model, requests, on, cards, model.warnings + (() if has_tier else (no_tier,)))


def _priced(
    model: ApiModel, requests: RequestsToPrice, on: date, cards: tuple[PriceCard, ...], warnings: tuple[str, ...]
) -> RankedModel:
    """The model with its cost, the mean over cards that hold for equal parts of the day."""
    usd_per_request = _mean_cost(cards, requests).total_usd
    usd_per_day = usd_per_request * requests.requests_per_day
    prices = [card.prices_for(requests.input_tokens) for card in cards]
    card = cards[0]
    return RankedModel(
        provider_id=model.provider_id,
        model_id=model.model_id,
        name=model.name,
        usd_per_day=usd_per_day,
        usd_per_month=usd_per_day * requests.days_per_month,
        usd_per_1000_requests=usd_per_request * REQUESTS_PER_THOUSAND,
        input_usd_per_mtok=_mean(price.input_usd_per_mtok for price in prices),
        output_usd_per_mtok=_mean(price.output_usd_per_mtok for price in prices),
        above_input_tokens=_tier_start(card, requests.input_tokens),
        is_mean_of_day=len(cards) > 1,
        is_dated_later=card.as_of is not None and card.as_of > on,
        context_window=model.context_window,
        warnings=warnings + _missing(cards, requests),
        unverified=any(card.unverified for card in cards),
        source=card.source,
        as_of=card.as_of,
    )


def _mean_cost(cards: tuple[PriceCard, ...], requests: RequestsToPrice) -> RequestCost:
    costs = [
        request_cost_usd(
            card,
            requests.input_tokens,
            requests.billed_output_tokens,
            cached_input_share=requests.cached_share,
            batch_share=requests.batch_share,
        )
        for card in cards
    ]
    return reduce(add, costs) * (1.0 / len(costs))


def _missing(cards: tuple[PriceCard, ...], requests: RequestsToPrice) -> tuple[str, ...]:
    """Warnings for prices that the requests need and some hour of the day lacks."""
    needs_cached = requests.cached_share > 0.0 and requests.input_tokens > 0.0
    found = [missing_prices(card, needs_cached, False, requests.batch_share > 0.0) for card in cards]
    return tuple(dict.fromkeys(warning for warnings in found for warning in warnings))


def _tier_start(card: PriceCard, input_tokens: float) -> int:
    return max((tier.above_input_tokens for tier in card.tiers if input_tokens > tier.above_input_tokens), default=0)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return listed[0] if len(listed) == 1 else math.fsum(listed) / len(listed)


def _nothing_to_rank(left_out: list[LeftOutModel]) -> str:
    first, *others = left_out
    more = f"; nor for {len(others)} others" if others else ""
    return f"no model to rank: {first.provider_id} {first.model_id}: {first.detail}{more}"
