"""Tokens that an API bills for a request, by kind and by long-context tier, over the lengths of the requests.

A provider bills each call at the tier that its own prompt falls in. So tokens are split by the length of the single
call, never by a mean: over all lengths for a class with a distribution, and call by call where the context grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.pricing import PriceCard, PriceTier
from simulator.domain.request_lengths import Array, mean_capped_beyond
from simulator.domain.units import TOKENS_PER_MTOK
from simulator.domain.workload import RequestClass

TOKEN_LINES = ("input", "cached_input", "cache_write", "output", "reasoning")
INPUT, CACHED, WRITTEN, OUTPUT, REASONING = range(len(TOKEN_LINES))


@dataclass(frozen=True)
class BilledTokens:
    """Tokens of a mean request by tier and line: where its prefix is not in the cache, and what a hit changes.

    Arrays of shape (tiers, 5), lines in the order of `TOKEN_LINES`. [tokens per request]
    """

    missed: Array
    hit_change: Array

    def at(self, hit_share: float) -> Array:
        """Tokens where this share of the requests finds its prefix."""
        return self.missed + hit_share * self.hit_change


def billed_tokens(
    request: RequestClass,
    above_input_tokens: tuple[int, ...],
    *,
    image_tokens: float = 0.0,
    cached_prefix: float = 0.0,
    least_cached: float = 0.0,
) -> BilledTokens:
    """Tokens that an API bills for a mean request of a class.

    Parameters
    ----------
    request : RequestClass
        The class.
    above_input_tokens : tuple of int
        Lengths above which each tier begins, the first 0. [tokens]
    image_tokens : float
        Tokens of the images in the prompt, sent with every call. [tokens]
    cached_prefix : float
        Tokens of the shared prefix that the provider caches: all of it, or fewer by its rules. [tokens]
    least_cached : float
        Shortest prompt that the provider keeps; a call's mean prompt is held against it. [tokens]

    Returns
    -------
    BilledTokens
        For each request that is asked, all its calls and billed retries.

    Notes
    -----
    The call k (0 the first) sends s R + b_k tokens, where R is the length of a prompt beyond its prefix, s what
    compression leaves of that, and b_k the rest: prefix, images, and k times the growth of the context. It lies above
    a tier's start T where R > (T - b_k) / s, so that E[s R + b_k; above T] and E[Y; above T] of the answer Y follow
    from the laws of the lengths. With a prefix cache the first call reads the prefix (a hit) or writes it (a miss);
    where the context is kept too, it writes all it sends, and every later call reads what the one before it has sent
    and writes what is new.
    """
    shape = (len(above_input_tokens), len(TOKEN_LINES))
    missed, change = np.zeros(shape), np.zeros(shape)
    for call, weight in enumerate(request.call_weights):
        of_call = _by_tier(request, above_input_tokens, call, image_tokens, cached_prefix)
        tokens, on_hit = _lines_of_call(request, call, of_call, least_cached)
        missed += weight * tokens
        change += weight * on_hit
    billed = billed_requests(request)
    return BilledTokens(billed * missed, billed * change)


def billed_requests(request: RequestClass) -> float:
    """Requests of a class billed for each that is asked: what the response cache leaves, with billed retries."""
    attempts = 1.0 if request.retries is None else request.retries.billed_attempts
    return request.unanswered_share * attempts


@dataclass(frozen=True)
class _CallByTier:
    """One call in each tier: tokens sent, answered, of the cached prefix; share of the calls. Shapes (tiers,)."""

    sent: Array
    answered: Array
    common: Array
    share: Array


def _by_tier(
    request: RequestClass, above: tuple[int, ...], call: int, image_tokens: float, cached_prefix: float
) -> _CallByTier:
    """What a call sends and answers where its prompt lies in each tier."""
    kept = 1.0 if request.prompt_compression is None else request.prompt_compression.kept_share
    added = request.prefix_tokens + image_tokens + call * request.growth_tokens
    rest, answer = request.rest_law, request.output_law
    cap, correlation = request.output_cap_tokens, request.length_correlation
    longer = np.zeros((3, len(above) + 1))  # sums over the calls above each start; none is above the last
    for tier, start in enumerate(above):
        length = (start - added) / kept
        if start == 0 or length < 0:
            share, mean = 1.0, rest.mean
            answered = mean_capped_beyond(answer, cap, -np.inf, 0.0)
        else:
            share, mean = rest.share_above(length), rest.mean_above(length)
            answered = mean_capped_beyond(answer, cap, rest.normal_rank(length), correlation)
        longer[:, tier] = kept * mean + added * share, answered, share
    sent, answers, shares = longer[:, :-1] - longer[:, 1:]
    return _CallByTier(sent, answers, cached_prefix * shares, shares)


def _lines_of_call(request: RequestClass, call: int, tiers: _CallByTier, least_cached: float) -> tuple[Array, Array]:
    """Tokens of one call by tier and line, where the prefix is missed, and what a hit changes."""
    sent, common = tiers.sent, tiers.common
    tokens = np.zeros((sent.size, len(TOKEN_LINES)))
    on_hit = np.zeros_like(tokens)
    tokens[:, OUTPUT] = tiers.answered
    tokens[:, REASONING] = request.reasoning_tokens * tiers.share
    prefix = request.prefix
    if prefix is None:
        tokens[:, CACHED] = request.cached_input_share * sent
        tokens[:, WRITTEN] = request.cache_write_input_share * sent
        tokens[:, INPUT] = np.maximum(sent - tokens[:, CACHED] - tokens[:, WRITTEN], 0.0)
        return tokens, on_hit
    new = request.growth_tokens
    keeps_context = prefix.keeps_context and request.calls_per_request > 1 and float(sent.sum()) >= least_cached
    if keeps_context and call > 0 and float(sent.sum()) - new >= least_cached:
        tokens[:, WRITTEN], tokens[:, CACHED] = new * tiers.share, sent - new * tiers.share
    elif keeps_context and call > 0:  # the first prompt of the row that is long enough
        tokens[:, WRITTEN] = sent
    elif keeps_context:
        tokens[:, WRITTEN] = sent
        on_hit[:, CACHED], on_hit[:, WRITTEN] = common, -common
    elif call > 0:  # the call before has just used it
        tokens[:, CACHED], tokens[:, INPUT] = common, sent - common
    else:
        tokens[:, WRITTEN], tokens[:, INPUT] = common, sent - common
        on_hit[:, CACHED], on_hit[:, WRITTEN] = common, -common
    return tokens, on_hit


def usd_by_line(tokens: Array, tiers: tuple[PriceTier, ...], *, written_for_an_hour: bool = False) -> Array:
    """What tokens by tier and line cost. Shape (5,). [USD per request]"""
    prices = np.array([_prices_by_line(tier, written_for_an_hour) for tier in tiers])
    cost: Array = (tokens * prices).sum(axis=0) / TOKENS_PER_MTOK
    return cost


def _prices_by_line(tier: PriceTier, written_for_an_hour: bool) -> tuple[float, ...]:
    prices = tier.prices
    write = prices.billed_cache_write_usd_per_mtok
    if written_for_an_hour:
        write = prices.billed_cache_write_1h_usd_per_mtok
    output = prices.output_usd_per_mtok
    return prices.input_usd_per_mtok, prices.billed_cached_input_usd_per_mtok, write, output, output


def starts_of(tiers: tuple[PriceTier, ...]) -> tuple[int, ...]:
    """Lengths above which the tiers of a card begin."""
    return tuple(tier.above_input_tokens for tier in tiers)


def cards_batch(card: PriceCard) -> tuple[PriceTier, ...]:
    """Tiers of batched requests: the list's own where it has no batch price."""
    return card.tiers if card.batch is None else card.batch
