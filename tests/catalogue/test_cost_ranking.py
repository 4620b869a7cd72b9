"""API models by what the same requests cost."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats

from simulator.catalogue import cost_ranking
from simulator.catalogue.api_prices import api_model_ids, api_providers, price_card, resolve_api_model
from simulator.catalogue.cost_ranking import RequestsToPrice, ranked_costs
from simulator.domain.pricing import PriceCard, PriceTier, TokenPrices

DECEMBER = date(2026, 12, 1)
SHORT = RequestsToPrice(requests_per_day=1_000, input_tokens=500, output_tokens=300)


def only(requests=SHORT, model="gpt-4o-mini", on=DECEMBER, **more):
    (ranked,) = ranked_costs(requests, on=on, models=[model], **more).models
    return ranked


def names_of(ranked):
    return [warning.partition(":")[0] for warning in ranked.warnings]


@pytest.fixture(scope="module")
def everything():
    return ranked_costs(SHORT, on=DECEMBER)


def test_a_thousand_short_requests_a_day_cost_what_the_price_page_makes_them():
    ranked = only()
    usd_per_request = 500 * 0.15e-6 + 300 * 0.60e-6
    assert (ranked.provider_id, ranked.model_id) == ("openai", "gpt-4o-mini")
    assert (ranked.input_usd_per_mtok, ranked.output_usd_per_mtok) == (0.15, 0.6)
    assert ranked.usd_per_1000_requests == pytest.approx(1_000 * usd_per_request)
    assert ranked.usd_per_day == pytest.approx(0.255)
    assert ranked.usd_per_month == pytest.approx(0.255 * 730 / 24)
    assert ranked.warnings == ()


def test_a_month_has_the_days_it_is_given():
    assert only(replace(SHORT, days_per_month=30)).usd_per_month == pytest.approx(7.65)


def test_every_model_of_every_provider_is_ranked_or_left_out_for_a_reason(everything):
    ids = [(provider, model) for provider in api_providers() for model in api_model_ids(provider)]
    listed = [(one.provider_id, one.model_id) for one in (*everything.models, *everything.left_out)]
    assert len(ids) > 2_000
    assert sorted(listed) == sorted(ids)
    assert sum(everything.left_out_by_reason.values()) == len(everything.left_out)


def test_the_cheapest_is_first_and_equal_ones_are_in_the_order_of_their_names(everything):
    keys = [(one.usd_per_day, one.provider_id, one.model_id) for one in everything.models]
    assert keys == sorted(keys)


@settings(max_examples=10)
@given(floats(1e-3, 1e9))
def test_the_order_is_the_same_at_any_volume_and_the_cost_grows_with_it(requests_per_day):
    few = ranked_costs(SHORT, on=DECEMBER, providers=["anthropic"])
    many = ranked_costs(replace(SHORT, requests_per_day=requests_per_day), on=DECEMBER, providers=["anthropic"])
    for one, other in zip(few.models, many.models, strict=True):
        assert other.model_id == one.model_id
        assert other.usd_per_day == pytest.approx(one.usd_per_day * requests_per_day / 1_000)
        assert other.usd_per_1000_requests == pytest.approx(one.usd_per_1000_requests)


def test_reasoning_is_billed_as_output():
    thinking = only(replace(SHORT, reasoning_tokens=1_000), "claude-haiku-4-5")
    assert thinking.usd_per_1000_requests == pytest.approx(0.5 * 1.0 + 1.3 * 5.0)


def test_cached_input_and_batch_have_their_own_prices():
    ranked = only(replace(SHORT, cached_share=0.8, batch_share=0.5), "claude-haiku-4-5")
    at_list = 0.1 * 1.0 + 0.4 * 0.1 + 0.3 * 5.0  # thousands of tokens uncached, cached and of output
    assert ranked.usd_per_1000_requests == pytest.approx(0.5 * at_list + 0.5 * at_list / 2)
    assert ranked.warnings == ()


def test_a_missing_cache_or_batch_price_is_named_and_billed_at_the_full_price():
    requests = replace(SHORT, cached_share=0.5, batch_share=0.5)
    ranked = only(requests, "mistral-small-3.2-24b-instruct", providers=["mistral"])
    assert ranked.usd_per_day == pytest.approx(0.5 * 0.1 + 0.3 * 0.3)
    assert names_of(ranked) == ["cached_input_price_missing", "batch_price_missing"]
    assert only(replace(requests, input_tokens=0), "gpt-4o").warnings == ()  # nothing to be cached


@pytest.mark.parametrize(
    ("input_tokens", "above", "input_price", "output_price"), [(200_000, 0, 1.25, 10), (200_001, 200_000, 2.5, 15)]
)
def test_a_long_request_is_billed_whole_at_its_tier(input_tokens, above, input_price, output_price):
    ranked = only(replace(SHORT, input_tokens=input_tokens), "gemini-2.5-pro")
    assert ranked.above_input_tokens == above
    assert (ranked.input_usd_per_mtok, ranked.output_usd_per_mtok) == (input_price, output_price)
    assert ranked.usd_per_1000_requests == pytest.approx((input_tokens * input_price + 300 * output_price) / 1e3)


def test_a_request_longer_than_the_context_leaves_the_model_out():
    longest = replace(SHORT, input_tokens=128_000 - 300)
    assert only(longest, "gpt-4o").usd_per_day > 0
    ranking = ranked_costs(
        replace(longest, reasoning_tokens=1), on=DECEMBER, models=["gpt-4o", "gpt-4.1"], providers=["openai"]
    )
    assert [one.model_id for one in ranking.models] == ["gpt-4.1"]
    (left,) = ranking.left_out
    assert (left.model_id, left.reason) == ("gpt-4o", "context too short")
    assert left.detail == "128001 tokens do not fit in its 128000"


def test_models_priced_by_something_else_than_tokens_are_left_out(everything):
    reasons = {(one.provider_id, one.model_id): one.reason for one in everything.left_out}
    assert reasons["openai", "text-embedding-3-small"] == "no price per token"


def test_peak_hours_count_by_their_share_of_the_day_or_at_the_hour_asked_for():
    day = only(model="deepseek-chat")
    hours = [only(model="deepseek-chat", hour=hour / 2) for hour in range(48)]
    assert day.is_mean_of_day
    assert not hours[0].is_mean_of_day
    assert len({round(one.usd_per_day, 9) for one in hours}) == 2
    assert day.usd_per_day == pytest.approx(sum(one.usd_per_day for one in hours) / 48)
    assert day.input_usd_per_mtok == pytest.approx(sum(one.input_usd_per_mtok for one in hours) / 48)
    at_three = price_card(resolve_api_model("deepseek-chat"), datetime(2026, 12, 1, 3, tzinfo=UTC)).tiers[0].prices
    assert hours[6].usd_per_day == pytest.approx(0.5 * at_three.input_usd_per_mtok + 0.3 * at_three.output_usd_per_mtok)


def test_a_service_tier_is_billed_at_its_own_prices_where_there_are_any():
    model = resolve_api_model("gpt-5")
    flex = price_card(model, datetime(2026, 12, 1, tzinfo=UTC), "flex").tiers[0].prices
    ranked = only(model="gpt-5", service_tier="flex")
    assert ranked.input_usd_per_mtok == flex.input_usd_per_mtok == pytest.approx(1.25 / 2)
    assert ranked.warnings == ()
    standard = only(model="claude-haiku-4-5", service_tier="flex")
    assert names_of(standard) == ["service_tier_price_missing"]
    assert standard.usd_per_day == only(model="claude-haiku-4-5").usd_per_day


def test_an_hour_changes_nothing_where_there_are_no_peak_hours():
    assert only(hour=3) == only()


def test_one_model_of_several_providers_is_as_many_rows():
    ranking = ranked_costs(SHORT, on=DECEMBER, host_of="llama-3.3-70b")
    providers = {one.provider_id for one in ranking.models}
    assert {"groq", "aws", "together", "cerebras", "ovhcloud"} <= providers
    assert all("70b" in one.model_id.lower() for one in ranking.models)


def test_a_model_is_looked_for_at_each_provider_given_and_named_once():
    ranking = ranked_costs(
        SHORT, on=DECEMBER, models=["claude-haiku-4-5", "claude-haiku-4-5"], providers=["anthropic", "groq"]
    )
    assert [(one.provider_id, one.model_id) for one in ranking.models] == [("anthropic", "claude-haiku-4-5")]


def test_deprecated_models_and_moving_names_say_so():
    assert names_of(only(model="llama-3.3-70b", providers=["cerebras"])) == ["model_deprecated"]
    assert names_of(only(model="ministral-8b-latest", providers=["mistral"])) == ["alias_drifts"]


def test_a_price_noted_after_the_day_is_marked():
    assert only(on=date(2026, 6, 1)).is_dated_later
    assert not only().is_dated_later


def test_a_card_that_is_not_verified_or_begins_later_is_told(monkeypatch):
    card = PriceCard((PriceTier(0, TokenPrices(1.0, 2.0)),), None, "a page", date(2026, 11, 1), unverified=True)
    monkeypatch.setattr(cost_ranking, "day_price_cards", lambda *_: (card,))
    assert only().unverified
    monkeypatch.setattr(cost_ranking, "first_price_date", lambda _model: date(2027, 1, 1))
    with pytest.raises(ValueError, match="no model to rank: openai gpt-4o-mini: the first price is of 2027"):
        only()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"requests_per_day": 0.0}, "requests_per_day is 0, must be above 0 and at most"),
        ({"requests_per_day": float("nan")}, "requests_per_day is nan, must be above 0"),
        ({"requests_per_day": float("inf")}, "requests_per_day is inf, must be above 0"),
        ({"input_tokens": -1.0}, "input_tokens is -1, must be from 0"),
        ({"output_tokens": float("nan")}, "output_tokens is nan, must be from 0"),
        ({"reasoning_tokens": -0.5}, "reasoning_tokens is -0.5, must be from 0"),
        ({"input_tokens": 0.0, "output_tokens": 0.0}, "input_tokens is 0, must be above 0 where there is no output"),
        ({"cached_share": 1.1}, "cached_share is 1.1, must be from 0 to 1"),
        ({"batch_share": float("nan")}, "batch_share is nan, must be from 0 to 1"),
        ({"days_per_month": 32.0}, "days_per_month is 32, must be above 0 and at most 31"),
    ],
)
def test_impossible_requests_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        replace(SHORT, **changed)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"on": date(2020, 6, 10)}, "on is 2020-06-10, must be at least 2020-06-11"),
        ({"hour": 24.0}, "hour is 24, must be at least 0 and below 24"),
        ({"hour": float("nan")}, "hour is nan, must be"),
        (
            {"providers": ["opnai"]},
            "provider is 'opnai', must be a provider of the price library; did",
        ),
        ({"models": ["gpt-4o-mini"], "providers": ["opnai"]}, "provider is 'opnai'"),
        ({"models": ["claude-9"], "providers": ["anthropic"]}, "model is 'claude-9', must be a model of anthropic"),
        ({"models": ["no-such"]}, "model is 'no-such', must be given with a provider"),
        ({"models": ["gpt-4o"], "host_of": "gpt-4o"}, "host_of is 'gpt-4o', must be left out where models are given"),
        ({"host_of": "no-such"}, "host_of is 'no-such', must be part of the id of a model$"),
        ({"host_of": "gpt", "providers": ["anthropic"]}, "must be part of the id of a model of anthropic"),
        ({"host_of": "."}, "host_of is '.', must be the name of a model"),
        (
            {"models": ["text-embedding-3-small"], "providers": ["openai"]},
            "no model to rank: openai text-embedding-3-small: .* has no price per token of output",
        ),
    ],
)
def test_questions_without_an_answer_are_refused(question, message):
    asked = {"on": DECEMBER, **question}
    with pytest.raises(ValueError, match=message):
        ranked_costs(SHORT, **asked)
