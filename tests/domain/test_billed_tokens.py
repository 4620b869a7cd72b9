"""Billed tokens against single calls, walked one after the other and billed each by its own tier."""

import math

import numpy as np
import pytest
from scipy import special

from simulator.domain.billed_tokens import TOKEN_LINES, billed_tokens, usd_by_line
from simulator.domain.pricing import PriceTier, TokenPrices
from simulator.domain.workload import RequestClass

DRAWS = 4_000  # with evenly spread ranks: good to a few parts in a thousand
TIERS = (
    PriceTier(0, TokenPrices(1.25, 10.0, 0.31, 1.5, 2.5)),
    PriceTier(2_000, TokenPrices(2.5, 15.0, 0.625, 3.0, 5.0)),
    PriceTier(6_000, TokenPrices(4.0, 20.0, 1.0)),  # no price for writes: billed as input
)
STARTS = tuple(tier.above_input_tokens for tier in TIERS)
LOGNORMAL = {"mean": 2_000, "p90": 4_200}
QUANTILES = {"quantiles": {"p0": 1_100, "p50": 1_900, "p90": 5_000, "p100": 9_000}}
ANSWERS = {"mean": 400, "p99": 2_000}


def request_class(**given):
    return RequestClass.model_validate({"input_tokens": LOGNORMAL, "output_tokens": ANSWERS, **given})


def drawn_lengths(request):
    """Pairs of prompt and answer, their ranks evenly spread and coupled as asked; no prompt is below its prefix."""
    rng = np.random.default_rng(11)
    ranks = (np.stack([rng.permutation(DRAWS), rng.permutation(DRAWS)]) + rng.random((2, DRAWS))) / DRAWS
    first, other = special.ndtri(ranks)
    rho = request.length_correlation
    second = rho * first + math.sqrt(1 - rho**2) * other
    return zip(
        at_ranks(request.input_tokens, special.ndtr(first), 0.0 if request.prefix is None else request.prefix.tokens),
        at_ranks(request.output_tokens, special.ndtr(second)),
        strict=True,
    )


def at_ranks(length, ranks, prefix=0.0):
    if isinstance(length, float):
        return np.full(ranks.shape, length)
    if hasattr(length, "quantiles"):
        points = sorted((float(name[1:]) / 100.0, tokens) for name, tokens in length.quantiles.items())
        return np.interp(ranks, *zip(*points, strict=True))
    high, z = (length.p90, special.ndtri(0.90)) if length.p90 else (length.p99, special.ndtri(0.99))
    mean = length.mean - prefix  # what lies beyond the prefix is lognormal
    spread = z - math.sqrt(z**2 - 2 * math.log((high - prefix) / mean))
    return prefix + mean * np.exp(spread * special.ndtri(ranks) - spread**2 / 2)


def walked(request, *, hit, image_tokens=0.0, cached_prefix=0.0):
    """Tokens by tier and line of a mean request: every call of every draw, with its cache kept as a set."""
    bill = np.zeros((len(TIERS), len(TOKEN_LINES)))
    answers = []
    drawn = list(drawn_lengths(request))
    cap = request.output_cap_tokens or math.inf
    growth = request.context_growth_tokens
    if growth is None:
        growth = np.mean([min(answer, cap) for _, answer in drawn])
    for prompt, answer in drawn:
        walk_request(request, bill, prompt, min(answer, cap), growth, hit, image_tokens, cached_prefix)
        answers.append(min(answer, cap))
    unanswered = 1.0 if request.response_cache is None else 1.0 - request.response_cache.hit_share
    made = 1.0
    if request.retries is not None and request.retries.failed_calls_billed:
        made = sum(request.retries.failed_share**attempt for attempt in range(200))
    return bill / DRAWS * unanswered * made


def walk_request(request, bill, prompt, answer, growth, hit, image_tokens, cached_prefix):
    prefix = 0.0 if request.prefix is None else request.prefix.tokens
    kept = 1.0 if request.prompt_compression is None else request.prompt_compression.kept_share
    cache = {"prefix"} if hit else set()
    calls = request.calls_per_request
    for call in range(math.ceil(calls)):
        made = min(1.0, calls - call)  # the last of a broken number of calls is made in a part of the requests
        pieces = {"prefix": cached_prefix, "own": prefix - cached_prefix + (prompt - prefix) * kept + image_tokens}
        pieces |= {f"grown {k}": growth for k in range(call)}
        length = sum(pieces.values())
        tier = max(place for place, start in enumerate(STARTS) if length > start or start == 0)
        whole = request.prefix is not None and request.prefix.keeps_context and calls > 1
        cacheable = {"prefix"} if request.prefix is not None else set()
        if whole:
            cacheable = set(pieces)
        for name, tokens in pieces.items():
            line = "input"
            if name in cacheable:
                line = "cached_input" if name in cache else "cache_write"
            bill[tier, TOKEN_LINES.index(line)] += made * tokens
        cache |= cacheable
        bill[tier, TOKEN_LINES.index("output")] += made * answer
        bill[tier, TOKEN_LINES.index("reasoning")] += made * request.reasoning_tokens


CLASSES = {
    "lognormal": {},
    "quantiles": {"input_tokens": QUANTILES},
    "fixed": {"input_tokens": 2_000, "output_tokens": 300},
    "just above a tier": {"input_tokens": 2_001, "output_tokens": 300},
    "correlated": {"length_correlation": 0.8},
    "capped, correlated": {"length_correlation": 0.5, "output_cap_tokens": 500},
    "reasoning": {"reasoning_tokens": 900, "input_tokens": QUANTILES},
    "agent": {"calls_per_request": 4, "context_growth_tokens": 900},
    "agent, answers grow": {"calls_per_request": 3, "output_tokens": 700},
    "agent, broken calls": {"calls_per_request": 2.5, "context_growth_tokens": 1_500, "reasoning_tokens": 50},
    "compressed": {"prompt_compression": {"kept_share": 0.4}},
    "retries": {"retries": {"failed_share": 0.2}, "response_cache": {"hit_share": 0.3}},
    "retries not billed": {"retries": {"failed_share": 0.2, "failed_calls_billed": False}},
}
PREFIX = {"tokens": 1_000, "lifetime_s": 300}
CACHED = {
    "prefix": {"input_tokens": QUANTILES, "prefix": PREFIX},
    "prefix, lognormal": {"input_tokens": {"mean": 3_000, "p90": 4_500}, "prefix": PREFIX, "length_correlation": 0.4},
    "prefix of all prompts": {"input_tokens": 1_000, "prefix": PREFIX, "calls_per_request": 2},
    "prefix, compressed": {
        "input_tokens": QUANTILES,
        "prefix": PREFIX,
        "prompt_compression": {"kept_share": 0.5},
    },
    "prefix, agent": {"input_tokens": QUANTILES, "prefix": PREFIX, "calls_per_request": 4},
    "prefix, agent, tools": {
        "input_tokens": QUANTILES,
        "prefix": PREFIX,
        "calls_per_request": 5.25,
        "context_growth_tokens": 1_200,
    },
    "prefix alone, agent": {
        "input_tokens": QUANTILES,
        "prefix": {**PREFIX, "keeps_context": False},
        "calls_per_request": 4,
    },
}


def assert_same(found, expected):
    assert found.shape == expected.shape
    scale = expected.sum()
    assert found == pytest.approx(expected, rel=0.01, abs=0.004 * scale)
    assert found.sum() == pytest.approx(scale, rel=0.002)


@pytest.mark.parametrize("name", CLASSES)
def test_tokens_are_those_of_single_calls_each_in_its_own_tier(name):
    request = request_class(**CLASSES[name])
    assert_same(billed_tokens(request, STARTS).missed, walked(request, hit=False))


@pytest.mark.parametrize("hit", [False, True], ids=["missed", "hit"])
@pytest.mark.parametrize("name", CACHED)
def test_a_prefix_is_written_once_and_read_by_the_calls_that_follow(name, hit):
    request = request_class(**CACHED[name])
    found = billed_tokens(request, STARTS, cached_prefix=1_000).at(float(hit))
    assert_same(found, walked(request, hit=hit, cached_prefix=1_000))


@pytest.mark.parametrize("hit", [False, True], ids=["missed", "hit"])
def test_what_a_provider_does_not_cache_of_a_prefix_is_input(hit):
    request = request_class(input_tokens=QUANTILES, prefix=PREFIX)
    found = billed_tokens(request, STARTS, cached_prefix=896).at(float(hit))
    assert_same(found, walked(request, hit=hit, cached_prefix=896))


def test_images_are_sent_with_every_call_and_count_for_the_tier():
    request = request_class(calls_per_request=3, context_growth_tokens=500)
    found = billed_tokens(request, STARTS, image_tokens=1_300).missed
    assert_same(found, walked(request, hit=False, image_tokens=1_300))


def test_a_bill_is_the_sum_over_calls_at_the_prices_of_their_tiers():
    request = request_class(**CACHED["prefix, agent, tools"])
    for written_for_an_hour in (False, True):
        expected = np.zeros(len(TOKEN_LINES))
        for tokens, tier in zip(walked(request, hit=False, cached_prefix=1_000), TIERS, strict=True):
            price = tier.prices
            write = price.cache_write_1h_usd_per_mtok if written_for_an_hour else price.cache_write_usd_per_mtok
            by_line = (
                price.input_usd_per_mtok,
                price.cached_input_usd_per_mtok,
                price.input_usd_per_mtok if write is None else write,
                price.output_usd_per_mtok,
                price.output_usd_per_mtok,
            )
            expected += tokens * np.array(by_line) / 1e6
        tokens = billed_tokens(request, STARTS, cached_prefix=1_000).missed
        found = usd_by_line(tokens, TIERS, written_for_an_hour=written_for_an_hour)
        assert found == pytest.approx(expected, rel=0.01)


def test_a_mixture_of_lengths_is_billed_by_its_parts_not_by_its_mean():
    # Half the prompts have 1,000 tokens, half 3,000: their mean of 2,000 lies in the first tier, half of them do not.
    short, long = (
        request_class(input_tokens=1_000, output_tokens=100),
        request_class(input_tokens=3_000, output_tokens=100),
    )
    two = sum(0.5 * usd_by_line(billed_tokens(r, STARTS).missed, TIERS) for r in (short, long))
    straddling = request_class(
        input_tokens={"quantiles": {"p0": 1_000, "p49.999": 1_000, "p50": 3_000, "p100": 3_000}}, output_tokens=100
    )
    assert usd_by_line(billed_tokens(straddling, STARTS).missed, TIERS) == pytest.approx(two, rel=1e-3)
    mean = request_class(input_tokens=2_000, output_tokens=100)
    assert usd_by_line(billed_tokens(mean, STARTS).missed, TIERS).sum() < 0.8 * two.sum()


def test_a_given_share_of_cached_input_holds_in_every_tier():
    request = request_class(cached_input_share=0.6, cache_write_input_share=0.1)
    tokens = billed_tokens(request, STARTS).missed
    plain = billed_tokens(request_class(), STARTS).missed[:, 0]
    assert tokens[:, 0] == pytest.approx(0.3 * plain)
    assert tokens[:, 1] == pytest.approx(0.6 * plain)
    assert tokens[:, 2] == pytest.approx(0.1 * plain)
