"""Bills of one month against invoices worked by hand from the rules that each provider publishes.

A month has 730 hours. Prices, in USD per million tokens, are those of the providers' lists in December 2026; what
could follow from chance (hits of a prompt cache, tiers of random lengths) is held against simulations made here, call
by call and seeded, to four standard errors.
"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator as sim

DAYS_PER_MONTH = 730 / 24
START = "2026-12-01"


def case(option, workload, requests_per_day, *, shape=None, horizon=None):
    if "input_tokens" in workload:
        workload = {"chat": workload}
    return {
        "title": "invoice",
        "horizon": {"start": START, **(horizon or {"days": 1, "step_s": 300})},
        "traffic": {"requests_per_day": requests_per_day, **(shape or {})},
        "workload": workload,
        "options": {
            "bought": option,
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e9},
                "rental": {"usd_per_gpu_hour": 0.0},
                "monthly_fixed_usd": {"machine": 1_000.0},
            },
        },
        "comparison": {"baseline": "bought", "challengers": ["fleet"]},
    }


def invoice(option, workload, requests_per_day, **more):
    """Lines of the bill of a month at run rate."""
    return sim.break_even(case(option, workload, requests_per_day, **more)).options["bought"].lines


def usd_per_request(option, workload, *, requests_per_day=1_000.0, **more):
    return sum(invoice(option, workload, requests_per_day, **more).values()) / requests_per_day / DAYS_PER_MONTH


def warnings(option, workload, requests_per_day=1_000.0):
    return sim.break_even(case(option, workload, requests_per_day)).plan.warnings


def standard_error(share, events):
    return math.sqrt(share * (1 - share) / events)


# Anthropic. Claude Haiku 4.5: 1 in, 5 out; read from the cache a tenth of the input, written for five minutes 1.25
# times, for an hour twice the input. Prefixes from 4,096 tokens on. Batches at half of everything.

HAIKU = {"kind": "api", "model": "claude-haiku-4-5"}
PREFIX_TOKENS, OWN_TOKENS, ANSWER_TOKENS = 5_000, 400, 300


def haiku_request(**prefix):
    return {
        "input_tokens": PREFIX_TOKENS + OWN_TOKENS,
        "output_tokens": ANSWER_TOKENS,
        "prefix": {"tokens": PREFIX_TOKENS, **prefix},
    }


def haiku_usd(hits, write):
    """A request: the own part in full, the prefix read at a hit and written at a miss, the answer. [USD]"""
    prefix = PREFIX_TOKENS * (hits * 0.1 + (1 - hits) * write)
    return (OWN_TOKENS * 1.0 + prefix + ANSWER_TOKENS * 5.0) / 1e6


@pytest.mark.parametrize(("lifetime_s", "write"), [(300, 1.25), (3_600, 2.0)])
@pytest.mark.parametrize("hits", [0.0, 0.75, 1.0])
def test_anthropic_bills_hits_as_reads_and_misses_as_writes(lifetime_s, write, hits):
    bill = invoice(HAIKU, haiku_request(lifetime_s=lifetime_s, hit_share=hits), 200)
    requests = 200 * DAYS_PER_MONTH
    expected = {
        "input": requests * 400 * 1.0 / 1e6,
        "cached_input": requests * hits * 5_000 * 0.1 / 1e6,
        "cache_write": requests * (1 - hits) * 5_000 * write / 1e6,
        "output": requests * 300 * 5.0 / 1e6,
    }
    assert bill == pytest.approx({line: usd for line, usd in expected.items() if usd > 0})
    assert sum(bill.values()) / requests == pytest.approx(haiku_usd(hits, write))


def test_anthropic_caches_no_prefix_below_its_minimum():
    request = {"input_tokens": 4_000, "output_tokens": 100, "prefix": {"tokens": 3_000, "lifetime_s": 300}}
    assert usd_per_request(HAIKU, request) == pytest.approx((4_000 * 1.0 + 100 * 5.0) / 1e6)
    assert any("prefix_too_short" in warning for warning in warnings(HAIKU, request))


def test_anthropic_halves_reads_and_writes_in_a_batch():
    request = {**haiku_request(lifetime_s=300, hit_share=0.5), "batch_share": 0.4}
    assert usd_per_request(HAIKU, request) == pytest.approx((0.6 + 0.4 / 2) * haiku_usd(0.5, 1.25))


def test_an_agent_on_anthropic_reads_what_its_calls_before_have_sent():
    # Three calls that send 5,400, 5,700 and 6,000 tokens: at a hit the first reads the 5,000 of the prefix and writes
    # its own 400; each later call reads all that was sent before and writes the answer that came back since.
    request = {**haiku_request(lifetime_s=300, hit_share=1.0), "calls_per_request": 3}
    read, written, answered = 5_000 + 5_400 + 5_700, 400 + 300 + 300, 3 * 300
    expected = (read * 0.1 + written * 1.25 + answered * 5.0) / 1e6
    assert usd_per_request(HAIKU, request) == pytest.approx(expected)
    # At a miss the first call writes its prefix too.
    request = {**haiku_request(lifetime_s=300, hit_share=0.0), "calls_per_request": 3}
    expected = ((read - 5_000) * 0.1 + (written + 5_000) * 1.25 + answered * 5.0) / 1e6
    assert usd_per_request(HAIKU, request) == pytest.approx(expected)


def poisson_times(rate_per_s, days, peak_to_mean, generator):
    """Arrivals of a day-night traffic with its peak at 14:00, by thinning. [s]"""
    span_s = days * 86_400.0
    most = rate_per_s * peak_to_mean
    times = np.sort(generator.uniform(0.0, span_s, generator.poisson(most * span_s)))
    level = 1 + (peak_to_mean - 1) * np.cos((times / 3_600 - 14) * (2 * np.pi / 24))
    return times[generator.uniform(0.0, peak_to_mean, times.size) < level]


def hits_among(times, lifetime_s, renewed_by_use):
    """Share of arrivals that find the prefix written, or used, less than a lifetime before."""
    if renewed_by_use:
        return float(np.mean(np.diff(times) < lifetime_s))
    hits, until = 0, -math.inf
    for time in times.tolist():
        if time < until:
            hits += 1
        else:
            until = time + lifetime_s
    return hits / times.size


@pytest.mark.parametrize(("lifetime_s", "write"), [(300, 1.25), (3_600, 2.0)])
@pytest.mark.parametrize("renewed_by_use", [True, False])
@pytest.mark.parametrize("peak_to_mean", [1.0, 1.9])
@pytest.mark.parametrize("per_lifetime", [0.2, 1.0, 4.0])
def test_hits_follow_from_the_arrivals_as_in_a_simulation_of_every_request(
    lifetime_s, write, renewed_by_use, peak_to_mean, per_lifetime
):
    rate_per_s = per_lifetime / lifetime_s
    generator = np.random.default_rng([lifetime_s, renewed_by_use, int(10 * peak_to_mean), int(10 * per_lifetime)])
    times = poisson_times(rate_per_s, 60_000 / (rate_per_s * 86_400), peak_to_mean, generator)
    hits = hits_among(times, lifetime_s, renewed_by_use)
    request = haiku_request(lifetime_s=lifetime_s, renewed_by_use=renewed_by_use)
    shape = {} if peak_to_mean == 1.0 else {"diurnal": {"peak_hour": 14, "peak_to_mean": peak_to_mean}}
    found = usd_per_request(HAIKU, request, requests_per_day=rate_per_s * 86_400, shape=shape)
    billed_hits = (haiku_usd(0.0, write) - found) / (PREFIX_TOKENS * (write - 0.1) / 1e6)
    assert billed_hits == pytest.approx(hits, abs=4 * standard_error(hits, times.size))


def test_few_requests_write_the_cache_again_and_many_read_it():
    # One request in five minutes finds a prefix kept for five minutes 1 - 1/e of the time, one in an hour 8 %.
    def cached(requests_per_day, lifetime_s, write):
        expected = haiku_usd(1 - math.exp(-requests_per_day * lifetime_s / 86_400), write)
        found = usd_per_request(HAIKU, haiku_request(lifetime_s=lifetime_s), requests_per_day=requests_per_day)
        assert found == pytest.approx(expected)
        return found

    uncached = (5_400 * 1.0 + 300 * 5.0) / 1e6
    assert cached(24, 300, 1.25) > uncached
    assert cached(24, 3_600, 2.0) < uncached  # kept for an hour it is worth it
    assert uncached > cached(288, 300, 1.25) > cached(288, 3_600, 2.0)
    assert cached(28_800, 300, 1.25) == pytest.approx(haiku_usd(1.0, 1.25))


def test_every_prefix_is_kept_by_itself():
    # 2,880 requests a day on 10 prefixes: each sees one in five minutes.
    found = usd_per_request(HAIKU, haiku_request(lifetime_s=300, prefixes=10), requests_per_day=2_880)
    assert found == pytest.approx(haiku_usd(1 - math.exp(-1), 1.25))


def test_requests_answered_from_the_response_cache_do_not_renew_the_prompt_cache():
    # Half of 576 requests a day reach the provider: one in five minutes.
    request = {**haiku_request(lifetime_s=300), "response_cache": {"hit_share": 0.5}}
    found = usd_per_request(HAIKU, request, requests_per_day=576)
    assert found == pytest.approx(0.5 * haiku_usd(1 - math.exp(-1), 1.25))


def test_a_bill_over_time_has_the_hits_of_every_month_s_traffic():
    # Twice the traffic in the second month: 1 and 2 requests in five minutes.
    scenario = case(
        HAIKU, haiku_request(lifetime_s=300), 288, shape={"growth_per_month": 1.0},
        horizon={"months": 2, "step_s": 1_800},
    )  # fmt: skip
    bill = sim.simulate(scenario, option="bought").costs.sum(axis=1).to_numpy()
    requests = 288 * DAYS_PER_MONTH
    expected = [
        requests * haiku_usd(1 - math.exp(-1), 1.25), 2 * requests * haiku_usd(1 - math.exp(-2), 1.25),
    ]  # fmt: skip
    # The first five minutes of the second month look back on the first's rate, which a month does not show.
    assert bill == pytest.approx(expected, rel=1e-3)


# OpenAI. GPT-4.1: 2 in, 0.5 cached, 8 out; writing costs nothing beside the input. Batches: 1 in and 4 out, cached
# input at 0.5 as without. The first 1,024 tokens of a prefix are cached, then 128 at a time.

GPT = {"kind": "api", "model": "gpt-4.1", "provider": "openai"}


@pytest.mark.parametrize(
    ("prefix_tokens", "cached_tokens"),
    [(1_000, 0), (1_023, 0), (1_024, 1_024), (1_151, 1_024), (1_152, 1_152), (2_000, 1_920)],
)
def test_openai_caches_1024_tokens_and_then_128_at_a_time(prefix_tokens, cached_tokens):
    request = {"input_tokens": 3_000, "output_tokens": 0, "prefix": {"tokens": prefix_tokens, "hit_share": 1.0}}
    expected = (cached_tokens * 0.5 + (3_000 - cached_tokens) * 2.0) / 1e6
    assert usd_per_request(GPT, request) == pytest.approx(expected)


def test_openai_bills_a_chat_and_a_nightly_batch():
    workload = {
        "chat": {
            "share": 0.6, "input_tokens": 3_000, "output_tokens": 200, "reasoning_tokens": 50,
            "prefix": {"tokens": 2_000, "hit_share": 0.9, "lifetime_s": 300},
        },
        "enrichment": {"share": 0.4, "input_tokens": 5_000, "output_tokens": 800, "batch_share": 1.0},
    }  # fmt: skip
    bill = invoice(GPT, workload, 10_000)
    chats, batched = 6_000 * DAYS_PER_MONTH, 4_000 * DAYS_PER_MONTH
    reads = 0.9 * 1_920
    assert bill["cached_input"] == pytest.approx(chats * reads * 0.5 / 1e6)
    assert bill["output"] == pytest.approx((chats * 200 * 8 + batched * 800 * 4) / 1e6)
    assert bill["reasoning"] == pytest.approx(chats * 50 * 8 / 1e6)
    in_full = chats * (3_000 - reads) * 2 / 1e6 + batched * 5_000 * 1 / 1e6
    assert bill["input"] + bill.get("cache_write", 0.0) == pytest.approx(in_full)


def test_openai_gives_a_batch_no_lower_price_of_cached_input():
    request = {
        "input_tokens": 3_000, "output_tokens": 200, "batch_share": 0.5,
        "prefix": {"tokens": 2_000, "hit_share": 1.0},
    }  # fmt: skip
    at_once = 1_920 * 0.5 + 1_080 * 2 + 200 * 8
    batched = 1_920 * 0.5 + 1_080 * 1 + 200 * 4
    assert usd_per_request(GPT, request) == pytest.approx((at_once + batched) / 2 / 1e6)


def test_failed_calls_are_billed_unless_the_provider_does_not():
    request = {"input_tokens": 1_000, "output_tokens": 100}
    once = (1_000 * 2 + 100 * 8) / 1e6
    billed = {**request, "retries": {"failed_share": 0.2}}
    assert usd_per_request(GPT, billed) == pytest.approx(once / 0.8)
    unbilled = {**request, "retries": {"failed_share": 0.2, "failed_calls_billed": False}}
    assert usd_per_request(GPT, unbilled) == pytest.approx(once)


# Google. Gemini 2.5 Pro: 1.25 in and 10 out for prompts to 200,000 tokens, 2.5 and 15 for the whole of a longer one.

GEMINI = {"kind": "api", "model": "gemini-2.5-pro", "provider": "google"}
TIER = 200_000


def gemini_usd(prompt, answer):
    """A call, or the mean of many: each at the tier of its own prompt. [USD]"""
    prompt, answer = np.asarray(prompt, dtype=float), np.asarray(answer, dtype=float)
    longer = prompt > TIER
    return np.mean(np.where(longer, 2.5, 1.25) * prompt + np.where(longer, 15.0, 10.0) * answer) / 1e6


@pytest.mark.parametrize("prompt", [1_000, 199_999, 200_000, 200_001, 400_000])
def test_gemini_bills_the_whole_of_a_prompt_above_200000_tokens_at_the_higher_price(prompt):
    request = {"input_tokens": prompt, "output_tokens": 1_000}
    assert usd_per_request(GEMINI, request) == pytest.approx(gemini_usd(prompt, 1_000))


def test_two_classes_are_billed_each_at_its_own_tier_and_the_mean_is_wrong_by_almost_two():
    workload = {
        "short": {"share": 0.7, "input_tokens": 10_000, "output_tokens": 200},
        "long": {"share": 0.3, "input_tokens": 600_000, "output_tokens": 200},
    }
    expected = 0.7 * (10_000 * 1.25 + 200 * 10) / 1e6 + 0.3 * (600_000 * 2.5 + 200 * 15) / 1e6
    found = usd_per_request(GEMINI, workload)
    assert found == pytest.approx(expected)
    by_mean = (187_000 * 1.25 + 200 * 10) / 1e6  # the mean prompt is in the lower tier
    assert expected == pytest.approx(0.46105)
    assert by_mean == pytest.approx(0.23575)
    assert found > 1.95 * by_mean


def test_the_mean_can_be_wrong_the_other_way_too():
    # Nine of ten prompts of 190,000 tokens and one of 700,000: 241,000 in the mean, above the tier.
    workload = {
        "short": {"share": 0.9, "input_tokens": 190_000, "output_tokens": 200},
        "long": {"share": 0.1, "input_tokens": 700_000, "output_tokens": 200},
    }
    expected = 0.9 * (190_000 * 1.25 + 200 * 10) / 1e6 + 0.1 * (700_000 * 2.5 + 200 * 15) / 1e6
    found = usd_per_request(GEMINI, workload)
    assert found == pytest.approx(expected)
    assert found < 0.7 * (241_000 * 2.5 + 200 * 15) / 1e6


def test_gemini_halves_both_tiers_in_a_batch():
    for prompt in (150_000, 250_000):
        request = {"input_tokens": prompt, "output_tokens": 1_000, "batch_share": 1.0}
        assert usd_per_request(GEMINI, request) == pytest.approx(gemini_usd(prompt, 1_000) / 2)


def test_the_tier_is_that_of_what_is_sent_after_compression_and_with_images():
    # 250,000 tokens, of which 100,000 in the prefix stay and the rest is halved: 175,000 are sent.
    request = {
        "input_tokens": 250_000, "output_tokens": 1_000, "prompt_compression": {"kept_share": 0.5},
        "prefix": {"tokens": 100_000, "hit_share": 0.0, "lifetime_s": 3_600},
    }  # fmt: skip
    assert usd_per_request(GEMINI, request) == pytest.approx(gemini_usd(175_000, 1_000))
    # 199,000 tokens and 5 pictures of 258 tokens are 200,290.
    request = {
        "input_tokens": 199_000,
        "output_tokens": 1_000,
        "input_images": {"per_request": 5, "tokens_per_image": 258},
    }
    assert usd_per_request(GEMINI, request) == pytest.approx(gemini_usd(200_290, 1_000))


def test_reasoning_is_billed_as_output_at_the_tier_of_its_prompt():
    for prompt in (150_000, 250_000):
        request = {"input_tokens": prompt, "output_tokens": 1_000, "reasoning_tokens": 3_000}
        bill = invoice(GEMINI, request, 1_000)
        assert sum(bill.values()) == pytest.approx(gemini_usd(prompt, 4_000) * 1_000 * DAYS_PER_MONTH)
        assert bill["reasoning"] == pytest.approx(3 * bill["output"])


def lognormal(mean, quantile, normal_quantile):
    """Median and standard deviation of the logarithm, by halving: quantile / mean = exp(z s - s^2 / 2), s < z."""
    low, high = 0.0, normal_quantile
    for _ in range(100):
        s = 0.5 * (low + high)
        low, high = (s, high) if normal_quantile * s - s * s / 2 < math.log(quantile / mean) else (low, s)
    return mean * math.exp(-s * s / 2), s


Z90, Z99 = 1.2815515655446004, 2.3263478740408408


@pytest.mark.parametrize(
    ("length", "quantile", "z"),
    [({"mean": 120_000, "p90": 250_000}, 250_000, Z90), ({"mean": 60_000, "p99": 400_000}, 400_000, Z99)],
)
def test_lognormal_prompts_are_billed_each_at_its_own_tier(length, quantile, z):
    median, s = lognormal(length["mean"], quantile, z)
    normals = np.linspace(-9.0, 9.0, 2_000_001)
    prompts = median * np.exp(s * normals)
    density = np.exp(-(normals**2) / 2)
    longer = prompts > TIER
    usd = np.where(longer, 2.5, 1.25) * prompts + np.where(longer, 15.0, 10.0) * 800
    expected = np.sum(usd * density) / np.sum(density) / 1e6
    found = usd_per_request(GEMINI, {"input_tokens": length, "output_tokens": 800})
    assert found == pytest.approx(expected, rel=1e-5)
    assert found > 1.2 * gemini_usd(length["mean"], 800)


def test_prompts_given_by_quantiles_are_billed_each_at_its_own_tier():
    # Straight lines between 10, 120, 300 and 900 thousand tokens at p0, p50, p90 and p100: above 200,000 lie 100 of 180
    # parts of the 40 % in the middle, 250,000 in the mean, and the longest 10 %, 600,000 in the mean.
    prompt = {"quantiles": {"p0": 10_000, "p50": 120_000, "p90": 300_000, "p100": 900_000}}
    mean = 0.5 * 65_000 + 0.4 * 210_000 + 0.1 * 600_000
    longer_share = 0.4 * 100 / 180 + 0.1
    longer = 0.4 * 100 / 180 * 250_000 + 0.1 * 600_000
    expected = (longer * 2.5 + (mean - longer) * 1.25 + 800 * (10 + 5 * longer_share)) / 1e6
    found = usd_per_request(GEMINI, {"input_tokens": prompt, "output_tokens": 800})
    assert found == pytest.approx(expected)


def test_an_agent_s_context_grows_across_the_tier_call_by_call():
    # 120, 150, ... 270 thousand tokens: the first three in the lower tier, none at the mean of 195 thousand.
    request = {
        "input_tokens": 120_000, "output_tokens": 1_000, "calls_per_request": 6, "context_growth_tokens": 30_000,
    }  # fmt: skip
    calls = [120_000 + 30_000 * call for call in range(6)]
    found = usd_per_request(GEMINI, request)
    assert found == pytest.approx(6 * gemini_usd(calls, [1_000] * 6))
    assert found > 1.5 * 6 * gemini_usd(np.mean(calls), 1_000)


def test_lognormal_prompts_of_an_agent_cross_the_tier_each_at_its_own_call():
    generator = np.random.default_rng(4)
    median, s = lognormal(80_000, 160_000, Z90)
    first = median * np.exp(s * generator.standard_normal(1_000_000))
    each = np.zeros(first.size)
    for call in range(5):
        prompt = first + 25_000 * call
        longer = prompt > TIER
        each += (np.where(longer, 2.5, 1.25) * prompt + np.where(longer, 15.0, 10.0) * 2_000) / 1e6
    request = {
        "input_tokens": {"mean": 80_000, "p90": 160_000}, "output_tokens": 2_000, "calls_per_request": 5,
        "context_growth_tokens": 25_000,
    }  # fmt: skip
    error = each.std() / math.sqrt(each.size)
    assert usd_per_request(GEMINI, request) == pytest.approx(each.mean(), abs=4 * error)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("cap", [None, 9_000])
def test_long_prompts_with_long_answers_cost_more_than_lengths_apart(correlation, cap):
    generator = np.random.default_rng([5, int(10 * correlation)])
    normals = generator.standard_normal((2, 1_000_000))
    answers_normals = correlation * normals[0] + math.sqrt(1 - correlation**2) * normals[1]
    prompt_median, prompt_s = lognormal(120_000, 250_000, Z90)
    answer_median, answer_s = lognormal(4_000, 20_000, Z99)
    prompts = prompt_median * np.exp(prompt_s * normals[0])
    answers = np.minimum(answer_median * np.exp(answer_s * answers_normals), cap or math.inf)
    longer = prompts > TIER
    each = (np.where(longer, 2.5, 1.25) * prompts + np.where(longer, 15.0, 10.0) * answers) / 1e6
    request = {
        "input_tokens": {"mean": 120_000, "p90": 250_000}, "output_tokens": {"mean": 4_000, "p99": 20_000},
        "length_correlation": correlation, "output_cap_tokens": cap,
    }  # fmt: skip
    bill = invoice(GEMINI, request, 1_000)
    error = each.std() / math.sqrt(each.size)
    assert sum(bill.values()) / 1_000 / DAYS_PER_MONTH == pytest.approx(each.mean(), abs=4 * error)
    # The answers alone, which tell the correlation.
    outputs = np.where(longer, 15.0, 10.0) * answers / 1e6
    error = outputs.std() / math.sqrt(outputs.size)
    assert bill["output"] / 1_000 / DAYS_PER_MONTH == pytest.approx(outputs.mean(), abs=4 * error)


def test_a_hit_is_billed_at_the_cached_price_of_the_prompt_s_own_tier():
    # 0.125 USD of cached input to 200,000 tokens, 0.25 above; half the requests find the 100,000 tokens.
    def usd(prompt, price_in, price_cached, price_out):
        in_full = prompt - 0.5 * 100_000
        return (in_full * price_in + 0.5 * 100_000 * price_cached + 500 * price_out) / 1e6

    prefix = {"tokens": 100_000, "hit_share": 0.5, "lifetime_s": 3_600}
    for prompt, prices in ((150_000, (1.25, 0.125, 10)), (250_000, (2.5, 0.25, 15))):
        request = {"input_tokens": prompt, "output_tokens": 500, "prefix": prefix}
        assert usd_per_request(GEMINI, request) == pytest.approx(usd(prompt, *prices))


def test_prompts_of_many_lengths_all_hold_their_whole_prefix():
    # 100,000 tokens in common and a lognormal rest: 180,000 in the mean, nine of ten below 270,000.
    generator = np.random.default_rng(6)
    median, s = lognormal(80_000, 170_000, Z90)
    prompts = 100_000 + median * np.exp(s * generator.standard_normal(1_000_000))
    factor = np.where(prompts > TIER, 2.0, 1.0)
    each = factor * ((prompts - 100_000) * 1.25 + 100_000 * 0.125) / 1e6
    request = {
        "input_tokens": {"mean": 180_000, "p90": 270_000}, "output_tokens": 0,
        "prefix": {"tokens": 100_000, "hit_share": 1.0},
    }  # fmt: skip
    error = each.std() / math.sqrt(each.size)
    assert usd_per_request(GEMINI, request) == pytest.approx(each.mean(), abs=4 * error)


# Whatever a request is: every call of many requests billed one by one.

QUANTILES = {"quantiles": {"p0": 20_000, "p40": 90_000, "p80": 260_000, "p100": 600_000}}
PROMPTS = [150_000, {"mean": 110_000, "p90": 230_000}, QUANTILES]
ANSWERS = [3_000, {"mean": 4_000, "p99": 20_000}, {"quantiles": {"p10": 200, "p50": 1_000, "p100": 9_000}}]


def drawn_lengths(length, normals, common=0):
    """Lengths that standard normal numbers stand for, by their ranks; `common` tokens are in all of them."""
    if isinstance(length, int):
        return np.full(normals.size, float(length))
    if "quantiles" in length:
        ranks = [float(name[1:]) / 100 for name in length["quantiles"]]
        below = np.searchsorted(np.sort(normals), normals) / normals.size
        return np.interp(below, ranks, list(length["quantiles"].values()))
    quantile, z = (length["p90"], Z90) if "p90" in length else (length["p99"], Z99)
    median, s = lognormal(length["mean"] - common, quantile - common, z)
    return common + median * np.exp(s * normals)


def gemini_requests_usd(request, generator, size=200_000):
    """What each of many requests is billed, from its calls. [USD]"""
    correlation = request["length_correlation"]
    normals = generator.standard_normal((2, size))
    prompts = drawn_lengths(request["input_tokens"], normals[0], common=request["prefix"]["tokens"])
    answers = drawn_lengths(
        request["output_tokens"], correlation * normals[0] + math.sqrt(1 - correlation**2) * normals[1]
    )
    answers = np.minimum(answers, request["output_cap_tokens"] or math.inf) + request["reasoning_tokens"]
    prefix = request["prefix"]
    kept = request["prompt_compression"]["kept_share"]
    first = prefix["tokens"] + kept * (prompts - prefix["tokens"])
    factor = np.where(generator.random(size) < request["batch_share"], 0.5, 1.0)
    hit = generator.random(size) < prefix["hit_share"]
    usd = np.zeros(size)
    for call in range(request["calls_per_request"]):
        sent = first + call * request["context_growth_tokens"]
        longer = sent > TIER
        # The first call reads the prefix at a hit; where the context is kept, a later one all that was sent before.
        read = np.where(hit | (call > 0), prefix["tokens"], 0.0)
        if call > 0 and prefix["keeps_context"]:
            read = sent - request["context_growth_tokens"]
        in_full = np.where(longer, 2.5, 1.25) * (sent - read) * factor
        cached = np.where(longer, 0.25, 0.125) * read  # a batch has no lower price of cached input
        usd += in_full + cached + np.where(longer, 15.0, 10.0) * answers * factor
    attempts = generator.geometric(1 - request["retries"]["failed_share"], size)
    asked = generator.random(size) >= request["response_cache"]["hit_share"]
    return asked * attempts * usd / 1e6


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    request=st.fixed_dictionaries({
        "input_tokens": st.sampled_from(PROMPTS),
        "output_tokens": st.sampled_from(ANSWERS),
        "length_correlation": st.sampled_from([0.0, 0.6, 1.0]),
        "output_cap_tokens": st.sampled_from([None, 2_500]),
        "reasoning_tokens": st.sampled_from([0, 1_500]),
        "calls_per_request": st.sampled_from([2, 5]),
        "context_growth_tokens": st.sampled_from([0, 30_000]),
        "prompt_compression": st.sampled_from([{"kept_share": 1.0}, {"kept_share": 0.6}]),
        "prefix": st.fixed_dictionaries({
            "tokens": st.sampled_from([4_096, 18_000]),
            "hit_share": st.sampled_from([0.0, 0.5, 1.0]),
            "keeps_context": st.booleans(),
        }),
        "batch_share": st.sampled_from([0.0, 0.3]),
        "retries": st.sampled_from([{"failed_share": 0.0}, {"failed_share": 0.25}]),
        "response_cache": st.sampled_from([{"hit_share": 0.0}, {"hit_share": 0.4}]),
    }),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_a_request_of_any_kind_is_billed_as_its_calls_are_one_by_one(request, seed):
    each = gemini_requests_usd(request, np.random.default_rng(seed))
    error = each.std() / math.sqrt(each.size)
    assert usd_per_request(GEMINI, request) == pytest.approx(each.mean(), abs=5 * error + 1e-5 * each.mean())


# DeepSeek. V4 Flash: 0.15 in and 0.6 out, twice that from 1 to 4 and from 6 to 10 o'clock UTC; a fiftieth of the input
# for what is read from the cache.

DEEPSEEK = {"kind": "api", "model": "deepseek-v4-flash", "provider": "deepseek"}
PEAK_HOURS = (1, 2, 3, 6, 7, 8, 9)


def by_hour(levels):
    """A plan of 24 levels, the same every day."""
    points = [{"at_hours": hour, "level": level} for hour, level in enumerate(levels)]
    return {"piecewise": {"points": points, "repeat_every_hours": 24}}


def deepseek_day_usd(levels, requests_per_day, prompt, answer):
    """The 24 hours one by one."""
    total = 0.0
    for hour, level in enumerate(levels):
        factor = 2.0 if hour in PEAK_HOURS else 1.0
        total += requests_per_day * level / sum(levels) * factor * (prompt * 0.15 + answer * 0.6) / 1e6
    return total


EVENLY = [1.0] * 24
AT_PEAK = [1.0 if hour in PEAK_HOURS else 0.05 for hour in range(24)]
OFF_PEAK = [0.05 if hour in PEAK_HOURS else 1.0 for hour in range(24)]
ROLLING = [1.0 + 0.1 * hour for hour in range(24)]


@pytest.mark.parametrize(
    ("levels", "step_s"),
    [(levels, step_s) for levels in (EVENLY, AT_PEAK, OFF_PEAK, ROLLING) for step_s in (300, 1_800, 3_600)]
    + [(EVENLY, 43_200)],  # a step of half a day holds no course of the day
)
def test_deepseek_bills_every_hour_at_its_own_price(levels, step_s):
    request = {"input_tokens": 1_500, "output_tokens": 400}
    bill = invoice(DEEPSEEK, request, 5_000, shape=by_hour(levels), horizon={"days": 2, "step_s": step_s})
    expected = deepseek_day_usd(levels, 5_000, 1_500, 400) * DAYS_PER_MONTH
    assert sum(bill.values()) == pytest.approx(expected)


def test_work_done_off_peak_costs_little_more_than_half_of_that_at_the_peak():
    request = {"input_tokens": 1_500, "output_tokens": 400}
    bills = {}
    for name, levels in (("peak", AT_PEAK), ("evenly", EVENLY), ("off peak", OFF_PEAK)):
        bills[name] = sum(invoice(DEEPSEEK, request, 5_000, shape=by_hour(levels)).values())
    assert bills["evenly"] / bills["off peak"] == pytest.approx((31 / 24) / ((17 + 0.35 * 2) / 17.35))
    assert bills["peak"] / bills["off peak"] == pytest.approx(((14 + 0.85) / 7.85) / ((17 + 0.7) / 17.35))


def test_a_month_of_deepseek_over_time_is_the_sum_of_its_days():
    # 730 hours from midnight: 30 days and 10 hours, of which the hours 1 to 3 and 6 to 9 are at the peak.
    request = {"input_tokens": 1_500, "output_tokens": 400}
    scenario = case(DEEPSEEK, request, 5_000, horizon={"months": 1, "step_s": 1_800})
    hours = 30 * (17 + 2 * 7) + (3 + 2 * 7)
    expected = hours * 5_000 / 24 * (1_500 * 0.15 + 400 * 0.6) / 1e6
    assert sim.simulate(scenario, option="bought").total_usd == pytest.approx(expected)


def test_hours_of_the_provider_are_utc_wherever_the_users_are():
    # Users in Shanghai, eight hours ahead, most at 15:00 there: 7:00 UTC. Over the hours a to b of a course 1 + 0.8
    # cos((t - 7) pi / 12) come b - a + 0.8 (12 / pi) (sin((b - 7) pi / 12) - sin((a - 7) pi / 12)) of 24 parts.
    def arrivals(a, b):
        return b - a + 0.8 * 12 / math.pi * (math.sin((b - 7) * math.pi / 12) - math.sin((a - 7) * math.pi / 12))

    at_peak = (arrivals(1, 4) + arrivals(6, 10)) / 24
    expected = (1 + at_peak) * (1_500 * 0.15 + 400 * 0.6) / 1e6
    shape = {"timezone": "Asia/Shanghai", "diurnal": {"peak_hour": 15, "peak_to_mean": 1.8}}
    found = usd_per_request(DEEPSEEK, {"input_tokens": 1_500, "output_tokens": 400}, shape=shape)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("step_s", [900, 1_800, 3_600])
def test_a_price_that_changes_at_half_past_is_averaged_over_the_hour(step_s):
    # DeepSeek Chat: 0.27 in and 1.1 out from 0:30 to 16:30 UTC, half of it in the other hours.
    usd = 0.0
    for hour, level in enumerate(ROLLING):
        full = 0.5 if hour in (0, 16) else float(1 <= hour < 16)
        usd += level / sum(ROLLING) * (0.5 + 0.5 * full) * (1_500 * 0.27 + 400 * 1.1) / 1e6
    chat = {"kind": "api", "model": "deepseek-chat", "provider": "deepseek"}
    request = {"input_tokens": 1_500, "output_tokens": 400}
    horizon = {"days": 1, "step_s": step_s}
    assert usd_per_request(chat, request, shape=by_hour(ROLLING), horizon=horizon) == pytest.approx(usd)


def test_hits_at_peak_hours_save_twice_as_much():
    request = {"input_tokens": 1_500, "output_tokens": 0, "prefix": {"tokens": 1_000, "hit_share": 1.0}}
    hours = 17 + 2 * 7
    expected = hours / 24 * (500 * 0.15 + 1_000 * 0.003) / 1e6
    assert usd_per_request(DEEPSEEK, request) == pytest.approx(expected)


def test_hits_that_follow_the_day_are_weighed_with_the_price_of_their_hour():
    # All requests at peak hours, one in five minutes there, a lifetime of a minute; between them none at all.
    levels = [1.0 if hour in PEAK_HOURS else 0.0 for hour in range(24)]
    request = {"input_tokens": 1_500, "output_tokens": 0, "prefix": {"tokens": 1_000, "lifetime_s": 60}}
    per_day = 7 * 12
    hits = 1 - math.exp(-60 / 300)
    expected = 2 * ((1_500 - 1_000 * hits) * 0.15 + 1_000 * hits * 0.003) / 1e6
    found = usd_per_request(DEEPSEEK, request, requests_per_day=per_day, shape=by_hour(levels),
                            horizon={"days": 1, "step_s": 60})  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-3)  # a lifetime after each of the two beginnings nothing is cached


# Azure. Provisioned units of GPT-4.1: 3,000 input tokens a minute each, an output token counts as 4, what is read from
# the cache as none; at least 15, in steps of 5; 1 USD an hour each. By the token 2 in, 0.5 cached and 8 out.

REQUEST = {"input_tokens": 1_000, "output_tokens": 250}  # 2,000 weighted tokens, 0.004 USD by the token
QUIET_AND_BUSY = [1.0] * 10 + [4.0] * 4 + [1.0] * 10  # 40 requests a minute, 160 from 10 to 14 o'clock
REQUESTS_PER_DAY = 20 * 60 * 40 + 4 * 60 * 160


def azure(**units):
    return {"kind": "provisioned", "model": "gpt-4.1", "provider": "azure", "units": units}


def azure_case(units, request=REQUEST, requests_per_day=REQUESTS_PER_DAY, horizon=None):
    return case(azure(**units), request, requests_per_day, shape=by_hour(QUIET_AND_BUSY), horizon=horizon)


def azure_lines(units, **more):
    return sim.break_even(azure_case(units, **more)).options["bought"].lines


def test_units_for_the_quiet_hours_spill_the_busy_ones_over():
    # 40 x 2,000 / 3,000 = 26.7 units, 30 in steps of five: they carry 45 requests a minute of the 160.
    lines = azure_lines({"percentile_share": 0.8})
    assert lines["provisioned units"] == pytest.approx(30 * 1.0 * 730)
    assert lines["spill-over"] == pytest.approx((160 - 45) * 240 * 0.004 * DAYS_PER_MONTH)


def test_units_for_the_busy_hours_carry_everything():
    # 160 x 2,000 / 3,000 = 106.7 units, 110 in steps of five.
    lines = azure_lines({"percentile_share": 0.99})
    assert lines["provisioned units"] == pytest.approx(110 * 730)
    assert lines["spill-over"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("requests_a_minute", "units"),
    [(1, 15), (22, 15), (22.5, 15), (22.6, 20), (30, 20), (30.1, 25), (1_000, 670)],
)
def test_units_come_from_fifteen_on_in_steps_of_five(requests_a_minute, units):
    scenario = case(azure(), REQUEST, requests_a_minute * 1_440, horizon={"days": 1, "step_s": 3_600})
    assert sim.break_even(scenario).options["bought"].lines["provisioned units"] == pytest.approx(units * 730)


@pytest.mark.parametrize(
    ("units", "usd_per_month"),
    [
        ({"scope": "data_zone"}, 110 * 1.1 * 730), ({"contract": "monthly_reservation"}, 110 * 260),
        ({"contract": "yearly_reservation"}, 110 * 221), ({"scope": "regional"}, 150 * 2.0 * 730),
        ({"count": 40}, 40 * 730), ({"increment": 1, "minimum": 1}, 107 * 730),
    ],
)  # fmt: skip
def test_units_cost_what_their_deployment_and_contract_do(units, usd_per_month):
    assert azure_lines(units)["provisioned units"] == pytest.approx(usd_per_month)


def test_a_given_count_spills_what_it_does_not_carry():
    # 15 units: 22.5 requests a minute, of the 40 and the 160.
    lines = azure_lines({"count": 15})
    spilled = (40 - 22.5) * 1_200 + (160 - 22.5) * 240
    assert lines["spill-over"] == pytest.approx(spilled * 0.004 * DAYS_PER_MONTH)


def test_units_that_reject_bill_nothing_by_the_token_and_say_what_they_turn_away():
    option = sim.break_even(azure_case({"percentile_share": 0.8, "spill_over": "reject"})).options["bought"]
    assert option.lines == pytest.approx({"provisioned units": 30 * 730})
    assert option.rejected_share == pytest.approx((160 - 45) * 240 / REQUESTS_PER_DAY)


def test_what_is_read_from_the_cache_takes_no_unit():
    # 1,536 of 2,500 tokens are read (1,024 + 4 x 128): 964 + 4 x 250 = 1,964 weighted tokens.
    request = {"input_tokens": 2_500, "output_tokens": 250, "prefix": {"tokens": 1_600, "hit_share": 1.0}}
    lines = azure_lines({"percentile_share": 0.8}, request=request)
    assert lines["provisioned units"] == pytest.approx(30 * 730)  # 26.2
    carried = 30 * 3_000 / 1_964
    by_token = (1_536 * 0.5 + 964 * 2 + 250 * 8) / 1e6
    assert lines["spill-over"] == pytest.approx((160 - carried) * 240 * by_token * DAYS_PER_MONTH)


def test_a_day_of_units_over_time_is_the_run_rate_of_a_day():
    for units in ({"percentile_share": 0.8}, {"percentile_share": 0.8, "spill_over": "reject"}, {"count": 15}):
        scenario = azure_case(units, horizon={"days": 3, "step_s": 3_600})
        ledger = sim.simulate(scenario, option="bought")
        expected = sim.break_even(scenario).options["bought"].usd_per_month * 3 / DAYS_PER_MONTH
        assert ledger.total_usd == pytest.approx(expected)
    ledger = sim.simulate(azure_case({"count": 15, "spill_over": "reject"}), option="bought")
    turned_away = ((40 - 22.5) * 1_200 + (160 - 22.5) * 240) * 1_250
    assert ledger.rejected_tokens.sum() == pytest.approx(turned_away)


def test_growth_buys_more_units_month_by_month():
    # 40 requests a minute all day take 30 units, twice as many 55 (53.3), four times 110 (106.7).
    scenario = case(
        azure(), REQUEST, 40 * 1_440, shape={"growth_per_month": 1.0}, horizon={"months": 3, "step_s": 7_200}
    )
    units = sim.simulate(scenario, option="bought").costs["provisioned units"].to_numpy()
    assert units == pytest.approx(np.array([30, 55, 110]) * 730.0)
