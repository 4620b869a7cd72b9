import math

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from simulator.domain.pricing import (
    PriceCard,
    PriceTier,
    RequestCost,
    TokenPrices,
    blended_usd_per_mtok,
    cache_repaying_reads,
    missing_prices,
    request_cost_usd,
)

SHARES = floats(0.0, 1.0)
TOKENS = integers(0, 500_000)


def flat(prices: TokenPrices, batch: TokenPrices | None = None) -> PriceCard:
    batch_tiers = None if batch is None else (PriceTier(0, batch),)
    return PriceCard((PriceTier(0, prices),), batch_tiers, source="example", as_of=None)


FULL = TokenPrices(3.0, 15.0, cached_input_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75)
HALF = TokenPrices(1.5, 7.5, cached_input_usd_per_mtok=0.15, cache_write_usd_per_mtok=1.875)
LONG = PriceCard(
    (PriceTier(0, TokenPrices(1.25, 10.0)), PriceTier(200_000, TokenPrices(2.5, 15.0))),
    batch=None,
    source="example",
    as_of=None,
)


def test_caching_and_batch_bring_the_price_of_a_mixed_request_to_1_60_usd_per_million_tokens():
    # 6000 in, 400 out: 1200 uncached at 3, 4500 cached at 0.3, 300 written at 3.75, 400 out at 15, in millionths of USD
    worked_out = (1200 * 3 + 4500 * 0.3 + 300 * 3.75 + 400 * 15) * (0.7 + 0.3 * 0.5)
    card = flat(FULL, HALF)
    cost = request_cost_usd(card, 6_000, 400, cached_input_share=0.75, cache_write_input_share=0.05, batch_share=0.3)
    assert cost.total_usd == pytest.approx(worked_out / 1e6)
    blended = blended_usd_per_mtok(
        card, 6_000, 400, cached_input_share=0.75, cache_write_input_share=0.05, batch_share=0.3
    )
    assert blended == pytest.approx(1.603710938, rel=1e-6)


def test_each_kind_of_token_is_billed_at_its_own_price():
    cost = request_cost_usd(flat(FULL), 1_000, 100, cached_input_share=0.5, cache_write_input_share=0.2)
    assert cost == RequestCost(
        input_usd=pytest.approx(300 * 3e-6),
        cached_input_usd=pytest.approx(500 * 0.3e-6),
        cache_write_usd=pytest.approx(200 * 3.75e-6),
        output_usd=pytest.approx(100 * 15e-6),
    )


@pytest.mark.parametrize(("input_tokens", "input_price", "output_price"), [(200_000, 1.25, 10.0), (200_001, 2.5, 15.0)])
def test_a_request_longer_than_the_tier_is_billed_at_the_tier_as_a_whole(input_tokens, input_price, output_price):
    cost = request_cost_usd(LONG, input_tokens, 1_000)
    assert cost.input_usd == pytest.approx(input_tokens * input_price / 1e6)
    assert cost.output_usd == pytest.approx(1_000 * output_price / 1e6)


def test_two_short_requests_do_not_reach_the_tier_that_one_of_their_total_length_reaches():
    two = 2 * request_cost_usd(LONG, 150_000, 0)
    assert two.total_usd == pytest.approx(0.375)
    assert request_cost_usd(LONG, 300_000, 0).total_usd == pytest.approx(0.75)


def test_cached_tokens_count_towards_the_tier():
    assert request_cost_usd(LONG, 250_000, 1_000, cached_input_share=0.9).output_usd == pytest.approx(0.015)


def test_a_price_that_is_missing_is_the_full_price_and_is_named():
    card = flat(TokenPrices(2.0, 8.0))
    plain = request_cost_usd(card, 10_000, 500)
    mixed = request_cost_usd(card, 10_000, 500, cached_input_share=0.6, cache_write_input_share=0.4, batch_share=1.0)
    assert mixed.total_usd == pytest.approx(plain.total_usd)
    names = [text.split(":")[0] for text in missing_prices(card, True, True, True)]
    assert names == ["cached_input_price_missing", "cache_write_price_missing", "batch_price_missing"]


def test_prices_that_are_not_needed_are_not_missed():
    assert missing_prices(flat(TokenPrices(2.0, 8.0)), False, False, False) == ()
    assert missing_prices(flat(FULL, HALF), True, True, True) == ()


def test_a_cached_price_of_zero_is_a_price():
    card = flat(TokenPrices(2.0, 8.0, cached_input_usd_per_mtok=0.0))
    assert request_cost_usd(card, 1_000, 0, cached_input_share=1.0).total_usd == 0.0
    assert missing_prices(card, needs_cached=True, needs_cache_write=False, needs_batch=False) == ()


def test_a_missing_price_of_writes_kept_for_an_hour_is_named_only_where_it_is_needed():
    card = flat(FULL)
    assert missing_prices(card, True, True, False) == ()
    (warning,) = missing_prices(card, True, True, False, needs_cache_write_1h=True)
    assert warning.startswith("cache_write_1h_price_missing: ") and "full input price" in warning
    assert FULL.billed_cache_write_1h_usd_per_mtok == 3.0
    priced = TokenPrices(3.0, 15.0, 0.3, 3.75, cache_write_1h_usd_per_mtok=6.0)
    assert priced.billed_cache_write_1h_usd_per_mtok == 6.0
    assert missing_prices(flat(priced), True, True, False, needs_cache_write_1h=True) == ()


@pytest.mark.parametrize(("write", "reads"), [(1.25, 0.25 / 0.9), (2.0, 1 / 0.9), (1.0, 0.0), (0.9, 0.0)])
def test_a_cache_write_is_repaid_when_both_ways_cost_the_same(write, reads):
    even = cache_repaying_reads(write, 0.1)
    assert even == pytest.approx(reads)
    if even > 0.0:
        assert write + even * 0.1 == pytest.approx(1.0 + even)


def test_a_cache_whose_reads_save_nothing_never_repays():
    assert cache_repaying_reads(1.25, 1.0) == math.inf
    assert cache_repaying_reads(1.0, 1.0) == 0.0
    with pytest.raises(ValueError, match=r"read_multiplier is -0.1, must be at least 0"):
        cache_repaying_reads(1.25, -0.1)


@given(input_tokens=TOKENS, output_tokens=TOKENS, cached=SHARES, written=SHARES, batch=SHARES, factor=floats(0.1, 10))
def test_the_cost_is_proportional_to_the_prices(input_tokens, output_tokens, cached, written, batch, factor):
    def scaled(prices):
        return TokenPrices(
            factor * prices.input_usd_per_mtok,
            factor * prices.output_usd_per_mtok,
            factor * prices.cached_input_usd_per_mtok,
            factor * prices.cache_write_usd_per_mtok,
        )

    written *= 1.0 - cached
    once = request_cost_usd(flat(FULL, HALF), input_tokens, output_tokens, cached, written, batch)
    more = request_cost_usd(flat(scaled(FULL), scaled(HALF)), input_tokens, output_tokens, cached, written, batch)
    assert more.total_usd == pytest.approx(factor * once.total_usd)


@given(input_tokens=TOKENS, output_tokens=TOKENS, less=SHARES, more=SHARES)
def test_reading_more_from_the_cache_never_costs_more(input_tokens, output_tokens, less, more):
    less, more = sorted((less, more))
    costs = [request_cost_usd(flat(FULL), input_tokens, output_tokens, share).total_usd for share in (less, more)]
    assert costs[1] <= costs[0] * (1 + 1e-12)


def test_costs_add_up_and_scale_by_kind():
    one = RequestCost(1.0, 2.0, 3.0, 4.0)
    assert sum([one, one], RequestCost()) == 2 * one == one * 2 == RequestCost(2.0, 4.0, 6.0, 8.0)
    assert one.total_usd == 10.0


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"input_tokens": -1.0}, "input_tokens is -1.0, must be at least 0 tokens"),
        ({"output_tokens": math.nan}, "output_tokens is nan, must be at least 0 tokens"),
        ({"cached_input_share": 1.2}, "cached_input_share is 1.2, must be from 0 to 1"),
        ({"batch_share": -0.1}, "batch_share is -0.1, must be from 0 to 1"),
        ({"cached_input_share": 0.7, "cache_write_input_share": 0.4}, "must add up to at most 1"),
    ],
)
def test_impossible_requests_are_refused(given_values, message):
    arguments = {"input_tokens": 100.0, "output_tokens": 100.0} | given_values
    with pytest.raises(ValueError, match=message):
        request_cost_usd(flat(FULL), **arguments)


def test_a_request_without_tokens_costs_nothing_and_has_no_price_per_token():
    assert request_cost_usd(flat(FULL), 0, 0).total_usd == 0.0
    with pytest.raises(ValueError, match="must add up to more than 0 tokens"):
        blended_usd_per_mtok(flat(FULL), 0, 0)


def test_a_card_begins_at_zero_and_its_tiers_rise():
    tier = PriceTier(200_000, FULL)
    for tiers in [(), (tier,), (PriceTier(0, FULL), tier, tier)]:
        with pytest.raises(ValueError, match="must begin above 0 and rise"):
            PriceCard(tiers, batch=None, source="example", as_of=None)


def test_a_negative_price_is_refused():
    with pytest.raises(ValueError, match=r"output_usd_per_mtok is -1.0, must be at least 0"):
        TokenPrices(1.0, -1.0)
