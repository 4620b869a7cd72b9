"""Worked reference cases of volume discounts and of effective prices, through the public interface.

Figures were worked out apart from this program, by inverting the piecewise bills and by a dense grid; counts are
exact, places to 1e-6.
"""

import math

import pytest

import simulator as sim
from simulator.domain.pricing import cache_repaying_reads

FIGURE = 1e-6  # relative


def against_a_fixed_cost(usd_per_month, prices, terms=None, **request):
    return {
        "title": "effective prices",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9},
        "workload": {"chat": {"input_tokens": 600, "output_tokens": 400, **request}},
        "options": {
            "api": {"kind": "api", "prices": prices, "terms": terms or {}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e9},
                "rental": {"usd_per_gpu_hour": 0.0},
                "monthly_fixed_usd": {"machine": usd_per_month},
            },
        },
    }


THREE_DOLLARS = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 3.0}
# 3 USD to 10^9 tokens, 2.4 to 5 x 10^9, then 1.8: discounts of a fifth and two fifths on what lies above.
GRADUATED = {
    "volume_discount": {
        "kind": "graduated",
        "tiers": [{"from_tokens": 1e9, "discount_share": 0.2}, {"from_tokens": 5e9, "discount_share": 0.4}],
    }
}
ALL_UNITS = {"volume_discount": {"kind": "all_units", "tiers": [{"from_usd": 5_000, "discount_share": 0.25}]}}


def kinds(study):
    return [(crossing.becomes_cheaper, crossing.kind) for crossing in study.crossings]


def places(study):
    return [crossing.tokens_per_month for crossing in study.crossings]


def test_graduated_tiers_cross_a_constant_cost_once():
    study = sim.break_even(against_a_fixed_cost(9_000.0, THREE_DOLLARS, GRADUATED))
    assert kinds(study) == [("challenger", "continuous")]
    assert places(study) == pytest.approx([3.5e9], rel=FIGURE)
    assert study.first == pytest.approx(3.5e9, rel=FIGURE)
    assert study.settled == pytest.approx(3.5e9, rel=FIGURE)


def test_the_price_of_the_first_tier_alone_would_put_the_crossing_too_low():
    study = sim.break_even(against_a_fixed_cost(9_000.0, THREE_DOLLARS))
    assert places(study) == pytest.approx([3e9], rel=FIGURE)


def test_a_quarter_off_the_whole_bill_crosses_three_times():
    study = sim.break_even(against_a_fixed_cost(4_500.0, THREE_DOLLARS, ALL_UNITS))
    assert kinds(study) == [("challenger", "continuous"), ("baseline", "jump"), ("challenger", "continuous")]
    assert places(study) == pytest.approx([1_500_000_000.0, 1_666_666_667.0, 2_000_000_000.0], rel=FIGURE)
    assert study.first == pytest.approx(1.5e9, rel=FIGURE)
    assert study.settled == pytest.approx(2.0e9, rel=FIGURE)


CACHED_AND_BATCHED = {
    "input_tokens": 6_000,
    "output_tokens": 400,
    "cached_input_share": 0.75,
    "cache_write_input_share": 0.05,
    "batch_share": 0.3,
}
LIST_PRICES = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}
WITH_CACHE_AND_BATCH = {
    **LIST_PRICES,
    "cached_input_usd_per_mtok": 0.1 * 3.0,
    "cache_write_usd_per_mtok": 1.25 * 3.0,
    "batch_multiplier": 0.5,
}


def test_prompt_caching_and_batch_more_than_double_the_break_even():
    study = sim.break_even(against_a_fixed_cost(9_000.0, WITH_CACHE_AND_BATCH, **CACHED_AND_BATCHED))
    assert places(study) == pytest.approx([5_611_983_924.0], rel=FIGURE)
    api = study.options["api"]
    assert api.unit_costs.usd_per_mtok_total == pytest.approx(1.603710938, rel=FIGURE)
    # 0.85 of 1.0125 USD is the input's part, at 6,000 of 6,400 tokens; batched requests cost half.
    input_usd = sum(api.lines[line] for line in ("input", "cached_input", "cache_write"))
    requests_per_month = 1e9 / 6_400
    assert input_usd / (requests_per_month * 6_000) * 1e6 == pytest.approx(0.85 * 1.0125, rel=FIGURE)
    assert study.plan.warnings == ()


def test_list_prices_alone_would_break_even_far_too_early():
    request = {"input_tokens": 6_000, "output_tokens": 400}
    at_list = sim.break_even(against_a_fixed_cost(9_000.0, LIST_PRICES, **request))
    assert at_list.options["api"].unit_costs.usd_per_mtok_total == pytest.approx(3.75, rel=FIGURE)
    assert places(at_list) == pytest.approx([2.4e9], rel=FIGURE)
    effective = sim.break_even(against_a_fixed_cost(9_000.0, WITH_CACHE_AND_BATCH, **CACHED_AND_BATCHED))
    assert effective.first / at_list.first == pytest.approx(2.338326635, rel=FIGURE)


def test_a_cache_write_is_repaid_by_the_first_read():
    assert cache_repaying_reads(write_multiplier=1.25, read_multiplier=0.1) == pytest.approx(0.2777777778, rel=FIGURE)
    cheaper = [reads for reads in range(5) if 1.25 + 0.1 * reads < 1 + reads]
    assert cheaper == [1, 2, 3, 4]


def cached_against_uncached(reads_per_write):
    """One provider with a prompt cache against one that bills every prompt in full; the whole prompt is shared."""
    prefix = {"tokens": 2_000, "hit_share": reads_per_write / (1 + reads_per_write), "lifetime_s": 300}
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 0.0}
    return {
        "title": "one write and its reads",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9},
        "workload": {"chat": {"input_tokens": 2_000, "output_tokens": 0, "prefix": prefix}},
        "options": {
            "in full": {
                "kind": "api",
                "prices": {**prices, "cached_input_usd_per_mtok": 1.0, "cache_write_usd_per_mtok": 1.0},
            },
            "cached": {
                "kind": "api",
                "prices": {**prices, "cached_input_usd_per_mtok": 0.1, "cache_write_usd_per_mtok": 1.25},
            },
        },
        "comparison": {"baseline": "in full", "challengers": ["cached"]},
    }


@pytest.mark.parametrize(
    ("reads", "reason"),
    [
        (0, "baseline_always_cheaper"), (0.2777, "baseline_always_cheaper"), (0.2778, "challenger_always_cheaper"),
        (1, "challenger_always_cheaper"), (9, "challenger_always_cheaper"),
    ],
)  # fmt: skip
def test_whether_a_cache_pays_depends_on_reads_per_write_and_on_no_volume(reads, reason):
    study = sim.break_even(cached_against_uncached(reads))
    assert study.crossings == ()
    assert study.reason == reason
    # One write and n reads in 1 + n requests of 2,000 tokens, 10^9 tokens a month.
    expected = 1_000.0 * (1.25 + 0.1 * reads) / (1 + reads)
    assert study.options["cached"].usd_per_month == pytest.approx(expected, rel=FIGURE)
    assert study.options["in full"].usd_per_month == pytest.approx(1_000.0, rel=FIGURE)


@pytest.mark.parametrize(
    ("renewed_by_use", "per_lifetime"),
    [
        # A miss is followed by n hits in the mean, n requests in a lifetime: the reads that repay a write.
        (False, 0.25 / 0.9),
        # Hits are 1 - exp(-n): a quarter extra for the misses is repaid by 0.9 for each hit.
        (True, -math.log(1 - 0.25 / 1.15)),
    ],
)
def test_a_cache_pays_from_the_traffic_on_that_repays_its_writes(renewed_by_use, per_lifetime):
    scenario = cached_against_uncached(0)
    prefix = {"tokens": 2_000, "lifetime_s": 300, "renewed_by_use": renewed_by_use}
    scenario["workload"]["chat"]["prefix"] = prefix
    study = sim.break_even(scenario)
    lifetimes_per_month = 730 * 3_600 / 300
    assert kinds(study) == [("challenger", "continuous")]
    assert places(study) == pytest.approx([per_lifetime * lifetimes_per_month * 2_000], rel=FIGURE)
