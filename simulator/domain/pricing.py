"""What an API charges for a request: prices per token, long-context tiers, prompt caching, batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise

from simulator.domain.units import TOKENS_PER_MTOK

SHARE_ROUNDING = 1e-9  # two shares that a user wrote as 0.9 and 0.1 may add up to a little more than 1


@dataclass(frozen=True)
class TokenPrices:
    """Prices of a million tokens; None where the price list has no such price. [USD per 10⁶ tokens]"""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    cache_write_1h_usd_per_mtok: float | None = None  # kept for an hour instead of the usual few minutes

    def __post_init__(self) -> None:
        for price in fields(self):
            value = getattr(self, price.name)
            if value is not None and not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{price.name} is {value}, must be at least 0 USD per million tokens")

    @property
    def billed_cached_input_usd_per_mtok(self) -> float:
        """The cached-input price, or the input price where the list has none."""
        cached = self.cached_input_usd_per_mtok
        return self.input_usd_per_mtok if cached is None else cached

    @property
    def billed_cache_write_usd_per_mtok(self) -> float:
        """The cache-write price, or the input price where the list has none."""
        write = self.cache_write_usd_per_mtok
        return self.input_usd_per_mtok if write is None else write

    @property
    def billed_cache_write_1h_usd_per_mtok(self) -> float:
        """The price of a write kept for an hour, or the input price where the list has none."""
        write = self.cache_write_1h_usd_per_mtok
        return self.input_usd_per_mtok if write is None else write


@dataclass(frozen=True)
class PriceTier:
    """Prices of a request whose input is longer than `above_input_tokens`."""

    above_input_tokens: int
    prices: TokenPrices


@dataclass(frozen=True)
class PriceCard:
    """The prices of one model at one moment.

    `tiers` is in ascending order and begins at 0; `batch` is None where the price list has no batch price.
    """

    tiers: tuple[PriceTier, ...]
    batch: tuple[PriceTier, ...] | None
    source: str
    as_of: date | None
    unverified: bool = False

    def __post_init__(self) -> None:
        _check_tiers("tiers", self.tiers)
        if self.batch is not None:
            _check_tiers("batch", self.batch)

    def prices_for(self, input_tokens: float, batch: bool = False) -> TokenPrices:
        """Prices of a request with `input_tokens` of input, cached ones included.

        The whole request is billed at the tier's prices when its input is longer than `above_input_tokens`; a request
        of exactly that length is still in the tier below. Without a batch price, batch requests cost the full price.
        """
        tiers = self.batch if batch and self.batch is not None else self.tiers
        reached = [tier.prices for tier in tiers if input_tokens > tier.above_input_tokens]
        return reached[-1] if reached else tiers[0].prices


@dataclass(frozen=True)
class RequestCost:
    """What a request costs, by kind of token. [USD]"""

    input_usd: float = 0.0
    cached_input_usd: float = 0.0
    cache_write_usd: float = 0.0
    output_usd: float = 0.0

    @property
    def total_usd(self) -> float:
        """Sum over the kinds of token. [USD]"""
        return self.input_usd + self.cached_input_usd + self.cache_write_usd + self.output_usd

    def __add__(self, other: RequestCost) -> RequestCost:
        if not isinstance(other, RequestCost):
            return NotImplemented
        return RequestCost(
            self.input_usd + other.input_usd,
            self.cached_input_usd + other.cached_input_usd,
            self.cache_write_usd + other.cache_write_usd,
            self.output_usd + other.output_usd,
        )

    def __mul__(self, factor: float) -> RequestCost:
        return RequestCost(
            self.input_usd * factor,
            self.cached_input_usd * factor,
            self.cache_write_usd * factor,
            self.output_usd * factor,
        )

    __rmul__ = __mul__


def request_cost_usd(
    card: PriceCard,
    input_tokens: float,
    output_tokens: float,
    cached_input_share: float = 0.0,
    cache_write_input_share: float = 0.0,
    batch_share: float = 0.0,
) -> RequestCost:
    """Expected cost of one request.

    Parameters
    ----------
    card : PriceCard
        Prices in force. [USD per 10⁶ tokens]
    input_tokens : float
        Input of the request, cached and written parts included; chooses the tier. [tokens]
    output_tokens : float
        Output of the request, reasoning included. [tokens]
    cached_input_share : float
        Share of the input read from the prompt cache. [1]
    cache_write_input_share : float
        Share of the input written to the prompt cache. [1]
    batch_share : float
        Share of requests sent as batch, that is the chance that this one is. [1]

    Returns
    -------
    RequestCost
        [USD]

    Raises
    ------
    ValueError
        If a token count is negative or not finite, a share is outside [0, 1], or the two cache shares add up to
        more than 1.

    Notes
    -----
    With the prices p of the tier that `input_tokens` falls in, a definition and no approximation::

        cost(p) = [(1 - cached - written) p_input + cached p_cached + written p_write] input + p_output output
        expected cost = (1 - batch) cost(p_list) + batch cost(p_batch)

    A missing cached-input or cache-write price is the input price, a missing batch price the list price;
    `missing_prices` names them. The tier holds for a request of this length: a mean over requests of different
    lengths that straddle a tier must be taken over the lengths, outside.

    Examples
    --------
    >>> prices = TokenPrices(input_usd_per_mtok=1.0, output_usd_per_mtok=5.0)
    >>> card = PriceCard((PriceTier(0, prices),), batch=None, source="example", as_of=None)
    >>> round(request_cost_usd(card, input_tokens=500, output_tokens=500).total_usd, 6)
    0.003
    """
    _check_tokens("input_tokens", input_tokens)
    _check_tokens("output_tokens", output_tokens)
    _check_share("cached_input_share", cached_input_share)
    _check_share("cache_write_input_share", cache_write_input_share)
    _check_share("batch_share", batch_share)
    if cached_input_share + cache_write_input_share > 1.0 + SHARE_ROUNDING:
        raise ValueError(
            f"cached_input_share is {cached_input_share} and cache_write_input_share is {cache_write_input_share}, "
            "must add up to at most 1"
        )
    cached_tokens = cached_input_share * input_tokens
    written_tokens = cache_write_input_share * input_tokens
    uncached_tokens = max(0.0, input_tokens - cached_tokens - written_tokens)

    def cost_at(prices: TokenPrices) -> RequestCost:
        return RequestCost(
            uncached_tokens / TOKENS_PER_MTOK * prices.input_usd_per_mtok,
            cached_tokens / TOKENS_PER_MTOK * prices.billed_cached_input_usd_per_mtok,
            written_tokens / TOKENS_PER_MTOK * prices.billed_cache_write_usd_per_mtok,
            output_tokens / TOKENS_PER_MTOK * prices.output_usd_per_mtok,
        )

    list_cost = cost_at(card.prices_for(input_tokens))
    batch_cost = cost_at(card.prices_for(input_tokens, batch=True))
    return (1.0 - batch_share) * list_cost + batch_share * batch_cost


def blended_usd_per_mtok(
    card: PriceCard,
    input_tokens: float,
    output_tokens: float,
    cached_input_share: float = 0.0,
    cache_write_input_share: float = 0.0,
    batch_share: float = 0.0,
) -> float:
    """Cost of a million tokens, input and output together, in the mix of one request.

    Parameters
    ----------
    card, input_tokens, output_tokens, cached_input_share, cache_write_input_share, batch_share
        As in `request_cost_usd`.

    Returns
    -------
    float
        [USD per 10⁶ tokens]

    Raises
    ------
    ValueError
        As in `request_cost_usd`, and if the request has no tokens.

    Notes
    -----
    Cost of the request over its input and output tokens; the definition.

    Examples
    --------
    >>> prices = TokenPrices(input_usd_per_mtok=1.0, output_usd_per_mtok=5.0)
    >>> card = PriceCard((PriceTier(0, prices),), batch=None, source="example", as_of=None)
    >>> round(blended_usd_per_mtok(card, input_tokens=900, output_tokens=100), 6)
    1.4
    """
    cost = request_cost_usd(
        card, input_tokens, output_tokens, cached_input_share, cache_write_input_share, batch_share
    ).total_usd
    tokens = input_tokens + output_tokens
    if tokens == 0.0:
        raise ValueError("input_tokens and output_tokens are 0, must add up to more than 0 tokens")
    return cost / tokens * TOKENS_PER_MTOK


def cache_repaying_reads(write_multiplier: float, read_multiplier: float) -> float:
    """Reads from the prompt cache that repay the write, as against sending the prefix uncached every time.

    Parameters
    ----------
    write_multiplier : float
        Price of a token written to the cache over that of an input token. [1]
    read_multiplier : float
        Price of a token read from the cache over that of an input token. [1]

    Returns
    -------
    float
        Reads per write at which both ways cost the same; 0 where a write costs no more than the input, infinite where
        a read saves nothing and the write costs extra. The next whole read saves money. [1]

    Raises
    ------
    ValueError
        If a multiplier is negative or not finite.

    Notes
    -----
    One write and n reads against n + 1 times the input price, w + n r = 1 + n, hence n = (w - 1) / (1 - r).

    Examples
    --------
    >>> round(cache_repaying_reads(1.25, 0.1), 4)
    0.2778
    """
    for name, multiplier in (("write_multiplier", write_multiplier), ("read_multiplier", read_multiplier)):
        if not (math.isfinite(multiplier) and multiplier >= 0.0):
            raise ValueError(f"{name} is {multiplier}, must be at least 0")
    if write_multiplier <= 1.0:
        return 0.0
    if read_multiplier >= 1.0:
        return math.inf
    return (write_multiplier - 1.0) / (1.0 - read_multiplier)


def missing_prices(
    card: PriceCard,
    needs_cached: bool,
    needs_cache_write: bool,
    needs_batch: bool,
    needs_cache_write_1h: bool = False,
) -> tuple[str, ...]:
    """Warnings for the prices that a workload needs and the card lacks, each `name: what is billed instead`."""
    billed_at = card.tiers + (card.batch or () if needs_batch else ())
    warnings = []
    if needs_cached and any(tier.prices.cached_input_usd_per_mtok is None for tier in billed_at):
        warnings.append(
            "cached_input_price_missing: the price list has no price for cached input; "
            "it is billed at the full input price"
        )
    if needs_cache_write and any(tier.prices.cache_write_usd_per_mtok is None for tier in billed_at):
        warnings.append(
            "cache_write_price_missing: the price list has no price for cache writes; "
            "they are billed at the full input price"
        )
    if needs_cache_write_1h and any(tier.prices.cache_write_1h_usd_per_mtok is None for tier in billed_at):
        warnings.append(
            "cache_write_1h_price_missing: the price list has no price for cache writes kept for an hour; "
            "they are billed at the full input price"
        )
    if needs_batch and card.batch is None:
        warnings.append(
            "batch_price_missing: the price list has no batch price; batch requests are billed at the full price"
        )
    return tuple(warnings)


def _check_tiers(name: str, tiers: tuple[PriceTier, ...]) -> None:
    starts = [tier.above_input_tokens for tier in tiers]
    if not starts or starts[0] != 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        raise ValueError(f"{name} begin above {starts} input tokens, must begin above 0 and rise")


def _check_tokens(name: str, tokens: float) -> None:
    if not (math.isfinite(tokens) and tokens >= 0.0):
        raise ValueError(f"{name} is {tokens}, must be at least 0 tokens")


def _check_share(name: str, share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"{name} is {share}, must be from 0 to 1")
