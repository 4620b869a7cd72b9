import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
)
from hypothesis import given
from hypothesis.strategies import data, integers, sampled_from

from simulator.catalogue import api_library, api_prices
from simulator.catalogue.api_prices import (
    api_model_ids,
    api_providers,
    daily_windows_of,
    day_price_cards,
    extra_prices,
    first_price_date,
    has_service_tier,
    input_only_usd_per_mtok,
    price_card,
    price_history,
    price_list_source,
    resolve_api_model,
)
from simulator.catalogue.errors import UnknownId
from simulator.domain.pricing import missing_prices, request_cost_usd

NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, 12, tzinfo=UTC)  # before the library lists batch prices

# Prices of genai-prices on 2026-11-20, USD per million tokens, read from its price list by hand:
# provider, id asked for, id matched, input, output, cached input, cache write, batch price over list price
LISTED = [
    ("openai", "gpt-4o", "gpt-4o", 2.5, 10.0, 1.25, None, 0.5),
    ("openai", "gpt-4o-mini", "gpt-4o-mini", 0.15, 0.6, 0.075, None, 0.5),
    ("anthropic", "claude-3-5-sonnet", "claude-3-5-sonnet", 3.0, 15.0, 0.3, 3.75, None),
    ("anthropic", "claude-3-haiku", "claude-3-haiku", 0.25, 1.25, 0.03, 0.3, None),
    ("google", "gemini-1.5-pro", "gemini-1.5-pro", 1.25, 5.0, None, None, None),
    ("google", "gemini-1.5-flash", "gemini-1.5-flash", 0.075, 0.3, 0.01875, None, None),
    ("google", "gemini-2.5-flash-lite", "gemini-2.5-flash-lite", 0.1, 0.4, 0.01, None, 0.5),
    ("mistral", "mistral-small-2506", "mistral-small-3.2-24b-instruct", 0.1, 0.3, None, None, None),
    ("openai", "gpt-5.4-nano", "gpt-5.4-nano", 0.2, 1.25, 0.02, None, 0.5),
    ("google", "gemini-2.5-flash", "gemini-2.5-flash", 0.3, 2.5, 0.03, None, 0.5),
    ("mistral", "mistral-large-2512", "mistral-large-2512", 0.5, 1.5, 0.05, None, 0.5),
    ("openai", "gpt-5.4-mini", "gpt-5.4-mini", 0.75, 4.5, 0.075, None, 0.5),
    ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5", 1.0, 5.0, 0.1, 1.25, 0.5),
    ("google", "gemini-2.5-pro", "gemini-2.5-pro", 1.25, 10.0, 0.125, None, 0.5),
    ("openai", "gpt-5.4", "gpt-5.4", 2.5, 15.0, 0.25, None, 0.5),
    ("anthropic", "claude-sonnet-4-6", "claude-sonnet-4-6", 3.0, 15.0, 0.3, 3.75, 0.5),
    ("anthropic", "claude-opus-4-6", "claude-opus-4-6", 5.0, 25.0, 0.5, 6.25, 0.5),
]
LONG_CONTEXT = [
    ("google", "gemini-1.5-pro", 128_000, 2.5, 10.0),
    ("google", "gemini-1.5-flash", 128_000, 0.15, 0.6),
    ("google", "gemini-2.5-pro", 200_000, 2.5, 15.0),
    ("openai", "gpt-5.4", 272_000, 5.0, 22.5),
]


def card_of(model, provider=None, at=NOVEMBER):
    return price_card(resolve_api_model(model, provider), at)


def warning_names(api_model):
    return [warning.split(":")[0] for warning in api_model.warnings]


@pytest.mark.parametrize(
    ("provider", "asked_for", "model_id", "input_price", "output_price", "cached", "write", "batch"), LISTED
)
def test_the_card_shows_the_listed_prices(
    provider, asked_for, model_id, input_price, output_price, cached, write, batch
):
    api_model = resolve_api_model(asked_for, provider)
    assert (api_model.provider_id, api_model.model_id) == (provider, model_id)
    card = price_card(api_model, NOVEMBER)
    prices = card.prices_for(1_000)
    assert prices.input_usd_per_mtok == pytest.approx(input_price)
    assert prices.output_usd_per_mtok == pytest.approx(output_price)
    assert prices.cached_input_usd_per_mtok == (None if cached is None else pytest.approx(cached))
    assert prices.cache_write_usd_per_mtok == (None if write is None else pytest.approx(write))
    if batch is None:
        assert card.batch is None
    else:
        assert card.prices_for(1_000, batch=True).input_usd_per_mtok == pytest.approx(batch * input_price)
        assert card.prices_for(1_000, batch=True).output_usd_per_mtok == pytest.approx(batch * output_price)
    assert card.source.startswith("genai-prices 0.2.3, https://")
    assert card.as_of is not None and card.as_of <= NOVEMBER.date()


@pytest.mark.parametrize(("provider", "model", "above", "input_price", "output_price"), LONG_CONTEXT)
def test_long_requests_have_their_own_tier(provider, model, above, input_price, output_price):
    short, long = card_of(model, provider).tiers
    assert (short.above_input_tokens, long.above_input_tokens) == (0, above)
    assert (long.prices.input_usd_per_mtok, long.prices.output_usd_per_mtok) == (input_price, output_price)


def test_short_requests_cost_what_the_price_pages_say():
    assert request_cost_usd(card_of("gpt-4o-mini"), 500, 300).total_usd == pytest.approx(0.000255)
    assert request_cost_usd(card_of("claude-haiku-4-5"), 500, 500).total_usd == pytest.approx(0.003)


def library_cost_usd(provider, model, input_tokens, output_tokens, cached_tokens, written_tokens, at, **context):
    usage = genai_prices.Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cached_tokens,
        cache_write_tokens=written_tokens,
    )
    cost = genai_prices.calc_price(
        usage, model, provider_id=provider, genai_request_timestamp=at, price_context=context or None
    )
    return float(cost.total_price)


@given(
    listed=sampled_from(LISTED),
    input_tokens=integers(1, 400_000),
    output_tokens=integers(0, 100_000),
    draws=data(),
)
def test_a_request_costs_what_the_library_computes_for_it(listed, input_tokens, output_tokens, draws):
    provider, model = listed[:2]
    cached = draws.draw(integers(0, input_tokens), label="cached_tokens")
    written = draws.draw(integers(0, input_tokens - cached), label="written_tokens")
    card = card_of(model, provider)
    cost = request_cost_usd(card, input_tokens, output_tokens, cached / input_tokens, written / input_tokens)
    counts = (input_tokens, output_tokens, cached, written)
    assert cost.total_usd == pytest.approx(library_cost_usd(provider, model, *counts, NOVEMBER), rel=1e-9)
    if card.batch is not None:
        shares = (cached / input_tokens, written / input_tokens)
        batch = request_cost_usd(card, input_tokens, output_tokens, *shares, batch_share=1.0)
        library = library_cost_usd(provider, model, *counts, NOVEMBER, processing="batch")
        assert batch.total_usd == pytest.approx(library, rel=1e-9)


@pytest.mark.parametrize("input_tokens", [199_999, 200_000, 200_001])
def test_the_tier_begins_where_the_library_begins_it(input_tokens):
    cost = request_cost_usd(card_of("gemini-2.5-pro"), input_tokens, 1_000, cached_input_share=0.0)
    library = library_cost_usd("google", "gemini-2.5-pro", input_tokens, 1_000, 0, 0, NOVEMBER)
    assert cost.total_usd == pytest.approx(library, rel=1e-12)


# Trap: an alias is priced as another model.


@pytest.mark.parametrize(
    ("asked_for", "provider", "model_id"),
    [
        ("mistral-small-2506", "mistral", "mistral-small-3.2-24b-instruct"),
        ("claude-haiku-4-5-latest", None, "claude-haiku-4-5"),
    ],
)
def test_an_alias_of_another_id_is_a_warning(asked_for, provider, model_id):
    api_model = resolve_api_model(asked_for, provider)
    assert api_model.model_id == model_id
    assert api_model.asked_for == asked_for
    assert any(w.startswith("alias_drifts: ") and asked_for in w and model_id in w for w in api_model.warnings)


def test_a_name_that_ends_in_latest_is_a_warning_even_where_it_is_an_id():
    assert warning_names(resolve_api_model("mistral-small-latest", "mistral")) == ["alias_drifts"]


def test_a_provider_alias_is_a_warning():
    api_model = resolve_api_model("gemini-2.5-pro", "vertex")
    assert api_model.provider_id == "google"
    assert warning_names(api_model) == ["alias_drifts"]


def test_an_exact_id_has_no_warning_whatever_its_case():
    assert resolve_api_model("Claude-Haiku-4-5").warnings == ()


# Trap: a provider without a price of its own takes the price of another.


def test_the_price_of_another_provider_is_a_warning_and_brings_no_batch_price():
    api_model = resolve_api_model("gpt-4o", "azure")
    assert (api_model.provider_id, api_model.model_id) == ("azure", "gpt-4o")
    assert warning_names(api_model) == ["fallback_provider_price"]
    card = price_card(api_model, NOVEMBER)
    assert card.prices_for(100).input_usd_per_mtok == 2.5
    assert card.batch is None
    assert "openai" in card.source


def test_a_deprecated_model_is_a_warning():
    assert warning_names(resolve_api_model("gemini-2.0-flash")) == ["model_deprecated"]


def test_charges_beside_the_tokens_are_a_warning():
    (warning,) = resolve_api_model("sonar", "perplexity").warnings
    assert warning.startswith("charges_left_out: ") and "requests_kcount" in warning


# Trap: the library answers with the full price where it has no batch price.


def test_before_the_library_lists_batch_prices_haiku_is_half_price_by_our_multiplier():
    card = card_of("claude-haiku-4-5", at=AUGUST)
    batch = card.prices_for(1_000, batch=True)
    assert (batch.input_usd_per_mtok, batch.output_usd_per_mtok) == (0.5, 2.5)
    assert (batch.cached_input_usd_per_mtok, batch.cache_write_usd_per_mtok) == pytest.approx((0.05, 0.625))
    assert "batch before 2026-10-14 at 0.5 of the list price" in card.source
    assert library_cost_usd("anthropic", "claude-haiku-4-5", 1_000_000, 0, 0, 0, AUGUST, processing="batch") == 1.0


def test_the_batch_prices_of_the_library_are_used_from_their_first_day():
    day_before = card_of("claude-haiku-4-5", at=datetime(2026, 10, 13, 23, 59, tzinfo=UTC))
    first_day = card_of("claude-haiku-4-5", at=datetime(2026, 10, 14, tzinfo=UTC))
    assert "batch before" in day_before.source
    assert "batch before" not in first_day.source
    assert day_before.batch == first_day.batch


def test_a_cached_price_that_the_batch_list_does_not_discount_stays():
    for at in (AUGUST, NOVEMBER):
        assert card_of("gemini-2.5-pro", at=at).prices_for(1_000, batch=True).cached_input_usd_per_mtok == 0.125


def test_long_batch_requests_have_their_tier_on_both_sides_of_the_first_day():
    for at in (AUGUST, NOVEMBER):
        assert card_of("gemini-2.5-pro", at=at).prices_for(200_001, batch=True).input_usd_per_mtok == 1.25


def test_the_multiplier_is_not_used_where_the_first_batch_price_of_the_library_is_another_multiple():
    assert card_of("grok-4.3", "x-ai").prices_for(1_000, batch=True).input_usd_per_mtok == pytest.approx(0.8 * 1.25)
    assert card_of("grok-4.3", "x-ai", at=AUGUST).batch is None
    assert card_of("gpt-3.5-turbo-1106").prices_for(1_000, batch=True).input_usd_per_mtok == 1.0
    assert card_of("gpt-3.5-turbo-1106", at=AUGUST).batch is None


@pytest.mark.parametrize("at", [AUGUST, NOVEMBER])
def test_a_model_without_a_batch_price_is_a_warning(at):
    card = card_of("claude-3-haiku", at=at)
    (warning,) = missing_prices(card, needs_cached=True, needs_cache_write=True, needs_batch=True)
    assert warning.startswith("batch_price_missing: ")


# Trap: the library bills cached input in full where it has no price for it.


def test_a_missing_cache_price_is_a_warning():
    card = card_of("gemini-1.5-pro")
    (warning,) = missing_prices(card, needs_cached=True, needs_cache_write=False, needs_batch=False)
    assert warning.startswith("cached_input_price_missing: ")


# Cache writes kept for an hour, and tiers of service.


@pytest.mark.parametrize(
    ("model", "above", "hour", "batch_hour"),
    [("claude-haiku-4-5", 0, 2.0, 1.0), ("claude-sonnet-4-6", 0, 6.0, 3.0), ("claude-opus-4-6", 0, 10.0, 5.0)],
)
@pytest.mark.parametrize("at", [AUGUST, NOVEMBER])
def test_a_write_kept_for_an_hour_costs_twice_the_input_and_half_of_that_in_batch(model, above, hour, batch_hour, at):
    card = card_of(model, at=at)
    assert card.prices_for(above + 1).cache_write_1h_usd_per_mtok == hour
    assert card.prices_for(above + 1, batch=True).cache_write_1h_usd_per_mtok == batch_hour


def test_a_list_without_hour_long_writes_has_no_price_for_them():
    assert card_of("gpt-5.6-sol").prices_for(1).cache_write_1h_usd_per_mtok is None
    assert card_of("gpt-5.6-sol").prices_for(1).cache_write_usd_per_mtok == 5.0


# Prices of gpt-5.4 on 2026-11-20 by tier: input, cached, output; the batch price is the same in all of them.
@pytest.mark.parametrize(
    ("tier", "prices"),
    [
        ("standard", (2.5, 0.25, 15.0)),
        ("flex", (1.25, 0.13, 7.5)),
        ("priority", (5.0, 0.5, 30.0)),
        ("fast", (5.0, 0.5, 30.0)),
    ],
)
def test_each_tier_of_service_has_its_own_prices(tier, prices):
    api_model = resolve_api_model("gpt-5.4")
    assert has_service_tier(api_model, NOVEMBER, tier)
    card = price_card(api_model, NOVEMBER, tier)
    short = card.prices_for(1_000)
    assert (short.input_usd_per_mtok, short.cached_input_usd_per_mtok, short.output_usd_per_mtok) == prices
    assert card.prices_for(1_000, batch=True).input_usd_per_mtok == 1.25
    assert (f"{tier} tier" in card.source) == (tier != "standard")
    assert day_price_cards(api_model, NOVEMBER.date(), tier) == (card,)


def test_a_tier_of_service_has_long_context_prices_of_its_own():
    flex = price_card(resolve_api_model("gpt-5.4"), NOVEMBER, "flex")
    assert [tier.above_input_tokens for tier in flex.tiers] == [0, 272_000]
    assert flex.prices_for(300_000).output_usd_per_mtok == 11.25


@given(model=sampled_from(["gpt-5.4", "gpt-5.6-sol", "gpt-4o", "o3"]), tokens=integers(1, 400_000), draws=data())
def test_a_tier_of_service_costs_what_the_library_computes_for_it(model, tokens, draws):
    tier = draws.draw(sampled_from(["flex", "priority"]), label="tier")
    card = price_card(resolve_api_model(model, "openai"), NOVEMBER, tier)
    library = library_cost_usd("openai", model, tokens, 1_000, 0, 0, NOVEMBER, service_tier=tier)
    assert request_cost_usd(card, tokens, 1_000).total_usd == pytest.approx(library, rel=1e-9)


def test_before_its_first_day_a_tier_of_service_is_not_listed_and_the_card_is_the_standard_one():
    api_model = resolve_api_model("gpt-5.4")
    for at, listed in ((datetime(2026, 10, 11, tzinfo=UTC), False), (datetime(2026, 10, 12, tzinfo=UTC), True)):
        assert has_service_tier(api_model, at, "flex") == listed
        assert (price_card(api_model, at, "flex") == price_card(api_model, at)) != listed
    assert has_service_tier(api_model, AUGUST, "standard")


def test_the_fast_mode_of_anthropic_is_not_its_priority_tier():
    api_model = resolve_api_model("claude-opus-5")
    assert not has_service_tier(api_model, NOVEMBER, "priority")
    assert has_service_tier(api_model, NOVEMBER, "fast")
    assert price_card(api_model, NOVEMBER, "fast").prices_for(1).input_usd_per_mtok == 10.0


def test_tiers_of_service_hold_at_the_provider_that_lists_them_only():
    assert not has_service_tier(resolve_api_model("gpt-4o", "azure"), NOVEMBER, "priority")
    azure = resolve_api_model("gpt-4o", "azure")
    assert price_card(azure, NOVEMBER, "priority") == price_card(azure, NOVEMBER)


def test_an_unknown_tier_of_service_is_refused():
    for call in (price_card, has_service_tier):
        with pytest.raises(ValueError, match="service_tier is 'turbo', must be one of standard, flex, priority, fast"):
            call(resolve_api_model("gpt-5.4"), NOVEMBER, "turbo")


# Prices beside those per token, and of input alone.


def test_searches_and_requests_are_priced_each():
    assert extra_prices(resolve_api_model("claude-haiku-4-5"), NOVEMBER) == {"web_searches": 0.01}
    assert extra_prices(resolve_api_model("sonar", "perplexity"), NOVEMBER) == {"requests": pytest.approx(0.012)}
    assert extra_prices(resolve_api_model("gpt-5.4"), NOVEMBER) == {"web_searches": 0.01, "storage_searches": 0.0025}


def test_audio_is_priced_by_the_second_and_other_tokens_each():
    assert extra_prices(resolve_api_model("whisper-1"), NOVEMBER)["audio_seconds"] == pytest.approx(0.36 / 3600)
    image = extra_prices(resolve_api_model("gemini-2.5-flash-image"), NOVEMBER)
    assert image["output_image_tokens"] == pytest.approx(30e-6)


def test_an_embedding_model_has_a_price_of_input_alone():
    assert input_only_usd_per_mtok("text-embedding-3-small", "openai", NOVEMBER) == 0.02
    assert input_only_usd_per_mtok("gemini-2.5-pro", None, NOVEMBER) == 1.25  # the price of short requests
    source, as_of, unverified = price_list_source(resolve_api_model("text-embedding-3-small", "openai"), NOVEMBER)
    assert source.startswith("genai-prices 0.2.3, https://") and as_of == date(2026, 11, 9) and not unverified
    with pytest.raises(ValueError, match="model 'whisper-1' of openai has no price per token of input"):
        input_only_usd_per_mtok("whisper-1", "openai", NOVEMBER)


# Prices by date and by hour.


def test_the_history_of_a_price_goes_from_the_first_to_what_is_announced():
    history = price_history(resolve_api_model("gemini-3.6-flash", "google"))
    assert [start for start, _ in history] == [None, date(2027, 1, 1)]
    assert [card.tiers[0].prices.input_usd_per_mtok for _, card in history] == [0.75, 1.5]


def test_the_history_leaves_out_hours_of_the_day_which_are_told_apart():
    api_model = resolve_api_model("deepseek-v4-flash")
    history = price_history(api_model)
    assert [start for start, _ in history] == [None, date(2026, 8, 17), date(2026, 9, 10)]
    assert [card.tiers[0].prices.output_usd_per_mtok for _, card in history] == [0.28, 0.66, 0.6]
    windows = daily_windows_of(api_model)
    assert [(one.start.hour, one.end.hour) for one in windows] == [(1, 4), (6, 10)]
    assert {one.card.tiers[0].prices.output_usd_per_mtok for one in windows} == {1.2}
    assert daily_windows_of(resolve_api_model("claude-haiku-4-5")) == ()


def test_long_context_prices_that_ended_stand_in_the_history():
    undated, later = price_history(resolve_api_model("claude-opus-4-6"))
    assert (undated[0], later[0]) == (None, date(2026, 3, 13))
    assert [len(card.tiers) for _, card in (undated, later)] == [2, 1]


@given(provider=sampled_from(["anthropic", "openai", "google", "deepseek"]), draws=data())
def test_every_price_of_a_history_is_the_one_in_force_on_its_first_day(provider, draws):
    api_model = resolve_api_model(draws.draw(sampled_from(api_model_ids(provider))), provider)
    try:
        history = price_history(api_model)
    except ValueError:
        return  # not priced by the token
    for start, card in history:
        if start is not None:
            assert price_card(api_model, datetime(start.year, start.month, start.day)).tiers == card.tiers


def test_an_announced_price_holds_from_its_date():
    api_model = resolve_api_model("gemini-3.6-flash", "google")
    assert price_card(api_model, datetime(2026, 12, 31, 23, 59, tzinfo=UTC)).prices_for(1).input_usd_per_mtok == 0.75
    announced = price_card(api_model, datetime(2027, 1, 1, tzinfo=UTC))
    assert announced.prices_for(1).input_usd_per_mtok == 1.5
    assert announced.as_of == date(2026, 11, 9)


def test_dates_are_utc_and_a_moment_without_a_zone_is_utc():
    api_model = resolve_api_model("gemini-3.6-flash", "google")
    new_year_in_auckland = datetime(2027, 1, 1, 9, tzinfo=timezone(timedelta(hours=13)))
    assert price_card(api_model, new_year_in_auckland).prices_for(1).input_usd_per_mtok == 0.75
    assert price_card(api_model, datetime(2027, 1, 1)).prices_for(1).input_usd_per_mtok == 1.5


def test_a_model_without_peak_hours_has_one_card_a_day():
    api_model = resolve_api_model("claude-haiku-4-5")
    assert day_price_cards(api_model, NOVEMBER.date()) == (price_card(api_model, NOVEMBER),)


def test_peak_hours_cost_twice_the_rest_of_the_day():
    api_model = resolve_api_model("deepseek-v4-flash")
    assert api_model.has_time_of_day_prices
    assert warning_names(api_model) == ["peak_hours_every_day"]
    cards = day_price_cards(api_model, date(2026, 11, 1))
    peak_hours = [1, 2, 3, 6, 7, 8, 9]
    expected = [(0.3, 1.2) if half // 2 in peak_hours else (0.15, 0.6) for half in range(48)]
    assert [(c.prices_for(1).input_usd_per_mtok, c.prices_for(1).output_usd_per_mtok) for c in cards] == expected


def test_peak_windows_win_whatever_the_date_and_the_rest_of_the_day_follows_it():
    cards = day_price_cards(resolve_api_model("deepseek-v4-flash"), date(2026, 8, 20))
    assert cards[4].prices_for(1).input_usd_per_mtok == 0.3
    assert cards[24].prices_for(1).input_usd_per_mtok == 0.22


# Trap: before its first price the library answers with that price.


def model_from(start, **prices):
    row = ConditionalPrice(StartDateConstraint(start), prices=ModelPrice(**prices))
    return ModelInfo("new-model", ClauseEquals("new-model"), prices=[row])


@pytest.fixture
def library_of(monkeypatch):
    def install(*models):
        provider = Provider("maker", "Maker", "https://maker", models=list(models))
        monkeypatch.setattr(api_library, "library", lambda: DataSnapshot([provider], from_auto_update=False))

    return install


def test_a_model_has_no_price_before_its_first_date(library_of):
    model = model_from(date(2027, 1, 1), input_mtok=Decimal(1), output_mtok=Decimal(2))
    assert model.get_prices(NOVEMBER).input_mtok == 1  # the library's answer
    library_of(model)
    api_model = resolve_api_model("new-model", "maker")
    assert first_price_date(api_model) == date(2027, 1, 1)
    with pytest.raises(ValueError, match=r"model 'new-model' of maker has no price before 2027-01-01"):
        price_card(api_model, NOVEMBER)
    assert price_card(api_model, datetime(2027, 1, 1)).prices_for(1).output_usd_per_mtok == 2.0


def test_a_model_with_an_undated_price_has_no_first_date():
    assert first_price_date(resolve_api_model("gemini-3.6-flash", "google")) is None


def test_a_tier_begins_wherever_one_of_the_prices_changes(library_of):
    stepped = TieredPrices(Decimal(1), [Tier(100, Decimal(3)), Tier(50, Decimal(2))])
    output = TieredPrices(Decimal(5), [Tier(80, Decimal(9))])
    library_of(model_from(date(2026, 1, 1), input_mtok=stepped, output_mtok=output))
    card = price_card(resolve_api_model("new-model", "maker"), NOVEMBER)
    starts = [tier.above_input_tokens for tier in card.tiers]
    assert starts == [0, 50, 80, 100]
    prices = [(t.prices.input_usd_per_mtok, t.prices.output_usd_per_mtok) for t in card.tiers]
    assert prices == [(1.0, 5.0), (2.0, 5.0), (2.0, 9.0), (3.0, 9.0)]
    assert card.as_of == date(2026, 1, 1)


# Models that cannot be priced, and names that are not known.


@pytest.mark.parametrize(
    ("model", "provider", "message"),
    [
        ("text-embedding-3-small", "openai", "has no price per token of output: the price library lists input_mtok"),
        ("whisper-large-v3", "groq", "has no price per token of input and output: the price library lists audio_hours"),
        ("gemma-3", "google", "the price library lists no price at all"),
    ],
)
def test_a_model_without_prices_per_token_is_refused(model, provider, message):
    with pytest.raises(ValueError, match=message):
        card_of(model, provider)


@pytest.mark.parametrize(
    ("model", "provider", "message"),
    [
        (
            "claude-haiku-45",
            "anthropic",
            r"is 'claude-haiku-45', must be a model of anthropic .*; did you mean '",
        ),
        ("claude-haikku-4-5", None, r"must be a model of anthropic .*'claude-haiku-4-5'"),
        (
            "llama-3.3-70b",
            None,
            r"with a provider, because .*; did you mean .*'llama-3.3-70b-versatile' \(groq\)",
        ),
        ("claude-haiku-4-5", "antropic", r"is 'antropic', must be a provider of .*; did you mean 'anthropic'"),
        ("gpt-4o", "litellm", r"is 'litellm', must be a provider of the price library"),
        ("qqqqqqqqqq", "groq", r"must be a model of groq in the price library$"),
    ],
)
def test_an_unknown_name_is_refused_with_its_near_matches(model, provider, message):
    with pytest.raises(UnknownId, match=message) as error:
        resolve_api_model(model, provider)
    assert str(error.value).count("'") <= 2 * 7  # the name given and six suggestions


def test_every_id_that_is_listed_is_found_again():
    assert {"anthropic", "openai", "google", "groq"} <= set(api_providers())
    assert "claude-haiku-4-5" in api_model_ids("anthropic")
    assert set(api_model_ids("anthropic")) < set(api_model_ids())
    for provider in api_providers():
        for model_id in api_model_ids(provider):
            api_model = resolve_api_model(model_id, provider)
            assert (api_model.provider_id, api_model.model_id.lower()) == (provider, model_id.lower())


def test_every_model_has_a_card_or_a_reason_why_not():
    priced = 0
    for provider in api_providers():
        for model_id in api_model_ids(provider):
            try:
                cards = day_price_cards(resolve_api_model(model_id, provider), NOVEMBER.date())
            except ValueError as error:
                assert "no price per token" in str(error)
            else:
                priced += 1
                assert len(cards) in (1, 48)
    assert priced > 1_500


def test_the_date_of_the_data_is_the_newest_row_that_is_not_in_the_future():
    from genai_prices.data import providers

    rows = [row for p in providers for m in p.models if isinstance(m.prices, list) for row in m.prices]
    starts = {row.constraint.start_date for row in rows if isinstance(row.constraint, StartDateConstraint)}
    assert max(start for start in starts if start <= NOVEMBER.date()) == api_prices.BUNDLED_DATA_AS_OF


def test_importing_the_module_does_not_import_the_library():
    code = "import sys, simulator.catalogue.api_prices; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
