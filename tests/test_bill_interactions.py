"""Where two rules of the bill meet: caches and overflow, contracts and noise, models, routes and what is asked."""

from datetime import date

import pytest

import simulator as sim

FLAT = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 3.0}
NOBODY = {
    "kind": "self_hosted", "throughput": {"requests_per_s": 1.0}, "rental": {"usd_per_gpu_hour": 0.0},
    "autoscaling": {"kind": "fixed", "count": 0}, "max_wait_s": 0,
}  # fmt: skip
FREE = {**NOBODY, "throughput": {"requests_per_s": 1e9}, "autoscaling": {"kind": "fixed", "count": 1}}


def case(options, workload, traffic, days=28, step_s=3_600):
    return {
        "title": "x",
        "horizon": {"start": date(2026, 12, 1), "days": days, "step_s": step_s},
        "traffic": traffic,
        "workload": workload,
        "options": options,
    }


@pytest.mark.parametrize("simulate", [True, False], ids=["over time", "at run rate"])
@pytest.mark.parametrize(
    "shape", [{}, {"diurnal": {"peak_hour": 14, "peak_to_mean": 2.0}}, {"noise": {"relative_sd": 0.4}}], ids=str
)
def test_a_fleet_of_nothing_costs_what_the_api_with_its_prompt_cache_costs(shape, simulate):
    prefix = {"tokens": 8_000, "lifetime_s": 300, "prefixes": 20}
    scenario = case(
        {"api": {"kind": "api", "model": "claude-haiku-4-5"}, "fleet": {**NOBODY, "overflow": "api"}},
        {"q": {"input_tokens": 9_000, "output_tokens": 10, "prefix": prefix}},
        {"requests_per_day": 2_000, **shape},
    )
    if simulate:
        costs = {name: sim.simulate(scenario, name).usd_per_month for name in ("api", "fleet")}
    else:
        costs = {name: option.usd_per_month for name, option in sim.break_even(scenario).options.items()}
    assert costs["fleet"] == pytest.approx(costs["api"], rel=1e-9)


def test_a_quota_in_tokens_is_the_same_quota_in_usd_where_all_tokens_cost_the_same():
    # 0.8 of the volume: 3 USD a million tokens, so as many USD as tokens times 3e-6.
    tokens = 0.8 * 100_000 * 800 * 730 / 24
    quotas = {"usd": {"usd": tokens * 3e-6}, "tokens": {"tokens": tokens}}
    options = {key: {"kind": "api", "prices": FLAT, "terms": {"free_quota": quota}} for key, quota in quotas.items()}
    traffic = {"preset": "enterprise-workday", "requests_per_day": 100_000, "token_lengths": None}
    study = sim.break_even(case(options, {"q": {"input_tokens": 500, "output_tokens": 300}}, traffic, 7, 300))
    assert study.options["tokens"].usd_per_month == pytest.approx(study.options["usd"].usd_per_month, rel=1e-9)


def test_a_model_that_takes_over_is_billed_by_its_own_rules():
    # Haiku 4.5 caches from 4,096 tokens on, Sonnet 4.6 from 2,048: a prefix of 2,500 is cached after the change alone.
    prefix = {"tokens": 2_500, "hit_share": 0.9}
    change = {"effective_from": date(2026, 12, 10), "model": "claude-sonnet-4-6"}
    options = {
        "both": {"kind": "api", "model": "claude-haiku-4-5", "changes": [change]},
        "sonnet": {"kind": "api", "model": "claude-sonnet-4-6"},
        "haiku": {"kind": "api", "model": "claude-haiku-4-5"},
    }
    workload = {"q": {"input_tokens": 3_000, "output_tokens": 100, "prefix": prefix}}
    scenario = case(options, workload, {"requests_per_day": 1_000}, days=18)
    total = {name: sim.simulate(scenario, name).total_usd for name in options}
    assert total["both"] == pytest.approx((total["haiku"] + total["sonnet"]) / 2, rel=1e-9)
    # By hand: 9 days of 1,000 requests, 90 % of them read 2,432 or all 2,500 tokens at a tenth of 3 USD.
    read, written, rest = 0.9 * 2_500 * 0.3, 0.1 * 2_500 * 3.75, 500 * 3.0
    assert total["sonnet"] == pytest.approx(18_000 * (read + written + rest + 100 * 15.0) / 1e6, rel=1e-9)


def test_calls_too_short_for_the_cache_pay_for_all_they_send():
    # No prompt passes 1,550 tokens, and Haiku 4.5 keeps none below 4,096.
    agent = {"input_tokens": 1_000, "output_tokens": 100, "calls_per_request": 12, "context_growth_tokens": 50}
    options = {"api": {"kind": "api", "model": "claude-haiku-4-5"}, "other": FREE}
    bills = [
        sim.break_even(case(options, {"q": {**agent, **more}}, {"requests_per_day": 1_000})).options["api"]
        for more in ({}, {"prefix": {"tokens": 800, "hit_share": 1.0}})
    ]
    assert bills[1].usd_per_month == pytest.approx(bills[0].usd_per_month)
    assert set(bills[1].lines) == {"input", "output"}


def test_the_context_of_an_agent_is_cached_from_the_call_that_is_long_enough():
    # Prompts of 3,000 to 6,000 tokens: the first two are below the shortest kept, 4,096; the third writes all it sends.
    agent = {
        "input_tokens": 3_000, "output_tokens": 0, "calls_per_request": 4, "context_growth_tokens": 1_000,
        "prefix": {"tokens": 500, "hit_share": 0.0},
    }  # fmt: skip
    options = {"api": {"kind": "api", "model": "claude-haiku-4-5"}, "other": FREE}
    scenario = case(options, {"q": agent}, {"requests_per_day": 1_000}, days=1)
    expected = 1_000 * (3_000 + 4_000 + 1.25 * 5_000 + (0.1 * 5_000 + 1.25 * 1_000)) / 1e6
    assert sim.simulate(scenario, "api").total_usd == pytest.approx(expected)


@pytest.mark.parametrize("hits", [1.0, 0.5, 0.0])
def test_the_assumed_weight_of_an_output_token_is_the_ratio_of_the_prices_whatever_is_cached(hits):
    units = {"usd_per_unit_hour": 1.0, "input_tokens_per_minute_per_unit": 1_000}
    options = {
        "units": {"kind": "provisioned", "model": "gpt-4.1-mini", "units": units},  # 0.4 in, 1.6 out
        "api": {"kind": "api", "model": "gpt-4.1-mini"},
    }
    workload = {"q": {"input_tokens": 3_000, "output_tokens": 100, "prefix": {"tokens": 2_048, "hit_share": hits}}}
    study = sim.break_even(case(options, workload, {"requests_per_day": 1_440_000}, days=1))
    # 1,000 requests a minute: what is not read from the cache, and 100 answered tokens as 4 each.
    per_request = 3_000 - hits * 2_048 + 400
    assert study.options["units"].lines["provisioned units"] == pytest.approx(-(-per_request // 1) * 730, rel=1e-3)
    assert any("output_token_weight_assumed" in text and "counts as 4 " in text for text in study.plan.warnings)


def test_units_that_carry_nothing_cost_what_the_tokens_cost_although_lengths_drift():
    units = {"usd_per_unit_hour": 1e-9, "input_tokens_per_minute_per_unit": 1e-3, "count": 1, "output_token_weight": 4}
    options = {
        "tokens": {"kind": "api", "prices": FLAT},
        "units": {"kind": "provisioned", "prices": FLAT, "units": units},
    }
    drift = {"input": {"drift_relative_sd": 0.2}, "output": {"drift_relative_sd": 0.1}}
    traffic = {"requests_per_day": 100_000, "token_lengths": drift}
    study = sim.break_even(case(options, {"q": {"input_tokens": 500, "output_tokens": 300}}, traffic))
    assert study.options["units"].usd_per_month == pytest.approx(study.options["tokens"].usd_per_month, rel=1e-6)


@pytest.mark.parametrize(
    ("option", "key"),
    [
        ({"prices": FLAT, "terms": {"free_quota": {"images": 100}}}, "terms.free_quota.images: is 100"),
        ({"prices": FLAT, "terms": {"subscription": {"usd_per_month": 9, "images": 100}}}, "terms.subscription.images"),
        ({"prices": {"usd_per_image": 0.02}}, "prices.input_usd_per_mtok"),
        ({"model": "dall-e-3", "provider": "anthropic", "image_size": "standard-1024x1024"}, "model"),
        ({"prices": FLAT, "service_tier": "flex"}, "service_tier: is 'flex', must be given with a model"),
    ],
    ids=["free images for text", "images by subscription for text", "text at an image service", "dall-e", "flex"],
)  # fmt: skip
def test_what_an_option_does_not_sell_is_refused(option, key):
    options = {"api": {"kind": "api", **option}, "other": FREE}
    with pytest.raises(ValueError, match=f"options\\.api\\.{key}"):
        sim.load_scenario(case(options, {"q": {"input_tokens": 500, "output_tokens": 300}}, {"requests_per_day": 1}))


def test_pictures_are_bought_from_who_sells_them():
    options = {
        "api": {"kind": "api", "model": "dall-e-3", "provider": "anthropic", "image_size": "standard-1024x1024"},
        "other": FREE,
    }
    with pytest.raises(ValueError, match=r"options\.api\.provider: is 'anthropic', must be one of openai"):
        sim.load_scenario(
            case(options, {"q": {"input_tokens": 50, "output_tokens": 0, "images": 1}}, {"requests_per_day": 1})
        )


def test_requests_that_fit_one_model_alone_are_routed_to_it():
    # 300,000 tokens do not fit GPT-4o mini, which answers the short ones only and is not compared by itself.
    options = {
        "large": {"kind": "api", "model": "gemini-2.5-pro"},
        "mini": {"kind": "api", "model": "gpt-4o-mini"},
        "routed": {
            "kind": "routed",
            "routes": {"mini": {"share": {"short": 1}}, "large": {"share": {"long": 1}}},
        },
    }
    workload = {
        "short": {"share": 0.9, "input_tokens": 500, "output_tokens": 300},
        "long": {"share": 0.1, "input_tokens": 300_000, "output_tokens": 1_000},
    }
    scenario = case(options, workload, {"requests_per_day": 1_000}, days=1)
    scenario["comparison"] = {"baseline": "large", "challengers": ["routed"]}
    short, long = 900 * (500 * 0.15 + 300 * 0.6) / 1e6, 100 * (300_000 * 2.5 + 1_000 * 15.0) / 1e6
    assert sim.simulate(scenario, "routed").total_usd == pytest.approx(short + long)


def test_a_picture_before_its_first_known_price_is_told():
    options = {
        "api": {"kind": "api", "model": "dall-e-3", "image_size": "standard-1024x1024"},
        "other": FREE,
    }
    scenario = case(options, {"q": {"input_tokens": 50, "output_tokens": 0, "images": 1}}, {"requests_per_day": 1})
    scenario["horizon"]["start"] = date(2024, 1, 1)
    assert any("price_later" in text for text in sim.break_even(scenario).plan.warnings)


@pytest.mark.slow
def test_break_even_utilization_holds_a_replica_against_the_price_with_its_cache_hits():
    # 4 USD an hour, 0.5 requests/s; a request costs 0.1 x 5,000 + 400 input and 250 x 5 output: 0.00215 USD.
    prefix = {"tokens": 5_000, "lifetime_s": 300}
    fleet = {**FREE, "rental": {"usd_per_gpu_hour": 4.0}, "throughput": {"requests_per_s": 0.5}}
    scenario = case(
        {"api": {"kind": "api", "model": "claude-haiku-4-5"}, "fleet": fleet},
        {"q": {"input_tokens": 5_400, "output_tokens": 250, "prefix": prefix}},
        {"requests_per_day": 40_000},
    )
    share = sim.break_even(scenario).pairs["fleet"].breakeven_utilization_share
    assert share == pytest.approx(4.0 / (0.5 * 3_600 * 0.00215), rel=1e-6)
