"""Published figures about API prices and bills come back to their printed rounding; wrong ones as they should be.

The figures are of five guides to the cost of language models; each id names one of them. Prices that were printed in
2024 and 2025 are those of models which the price library has without a day, so that any day prices them.
"""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest

import simulator as sim
from simulator.catalogue.api_prices import price_card, resolve_api_model
from simulator.catalogue.cost_ranking import RequestsToPrice, ranked_costs
from simulator.catalogue.prompt_caching import prompt_caching

ON = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GPT_4O, MINI, NANO, GPT_5_4 = "gpt-4o", "gpt-4o-mini", "gpt-5.4-nano", "gpt-5.4"
OLD_SONNET, OLD_HAIKU = "claude-3-5-sonnet", "claude-3-haiku"
SONNET, HAIKU, OPUS = "claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-4-6"
GEMINI_PRO, GEMINI_FLASH = "gemini-1.5-pro", "gemini-1.5-flash"
PROVIDERS = {"mistral-small-2506": "mistral", "mistral-large-2512": "mistral"}

# model, USD per million tokens of input and output, USD per 1,000 requests of 500 + 500 tokens: all as printed
PRICE_TABLE = [
    pytest.param("gemini-2.5-flash-lite", "0.10", "0.40", "0.25", id="S001-05"),
    pytest.param("mistral-small-2506", "0.10", "0.30", "0.20", id="S001-06"),
    pytest.param(NANO, "0.20", "1.25", "0.73", id="S001-07"),
    pytest.param("gemini-2.5-flash", "0.30", "2.50", "1.40", id="S001-08"),
    pytest.param("mistral-large-2512", "0.50", "1.50", "1.00", id="S001-09"),
    pytest.param("gpt-5.4-mini", "0.75", "4.50", "2.63", id="S001-10"),
    pytest.param(HAIKU, "1.00", "5.00", "3.00", id="S001-11"),
    pytest.param("gemini-2.5-pro", "1.25", "10.00", "5.63", id="S001-12"),
    pytest.param(GPT_5_4, "2.50", "15.00", "8.75", id="S001-13"),
    pytest.param(SONNET, "3.00", "15.00", "9.00", id="S001-14"),
    pytest.param(OPUS, "5.00", "25.00", "15.00", id="S001-15"),
]
MODELS_OF_THE_TABLE = [row.values[0] for row in PRICE_TABLE]


def prices(model):
    return price_card(resolve_api_model(model, PROVIDERS.get(model)), NOON).prices_for(1_000)


def input_price(model):
    return prices(model).input_usd_per_mtok


def output_price(model):
    return prices(model).output_usd_per_mtok


def output_to_input(model):
    return output_price(model) / input_price(model)


def ranked(model, requests_per_day, input_tokens, output_tokens, **more):
    """One model in the ranking, with months of 30 days as in the guides."""
    requests = RequestsToPrice(requests_per_day, input_tokens, output_tokens, days_per_month=30, **more)
    providers = [PROVIDERS[model]] if model in PROVIDERS else []
    return ranked_costs(requests, on=ON, models=[model], providers=providers).models[0]


def usd(model, requests, input_tokens, output_tokens, **more):
    """Cost of so many requests."""
    return ranked(model, requests, input_tokens, output_tokens, **more).usd_per_day


def per_thousand(model, input_tokens, output_tokens, **more):
    return ranked(model, 1_000, input_tokens, output_tokens, **more).usd_per_1000_requests


def as_printed(value, printed):
    """A figure with the decimals of the printed one, halves rounded up as in print."""
    return str(Decimal(f"{value:.10g}").quantize(Decimal(printed), rounding=ROUND_HALF_UP))


# Prices


@pytest.mark.parametrize(
    ("model", "input_printed", "output_printed", "ratio"),
    [
        pytest.param(GPT_4O, "2.50", "10", 4, id="S000-01"),
        pytest.param(OLD_SONNET, "3", "15", 5, id="S000-02"),
        pytest.param(GEMINI_PRO, "1.25", "5", 4, id="S000-03"),
        pytest.param(MINI, "0.15", "0.60", 4, id="S000-04"),
        pytest.param(OLD_HAIKU, "0.25", "1.25", 5, id="S000-05"),
        pytest.param(GEMINI_FLASH, "0.075", "0.30", 4, id="S000-06"),
        pytest.param(GPT_4O, "2.50", "10.00", 4, id="S003-07"),
        pytest.param(MINI, "0.15", "0.60", 4, id="S003-08"),
        pytest.param(OLD_SONNET, "3.00", "15.00", 5, id="S003-09"),
        pytest.param(OLD_HAIKU, "0.25", "1.25", 5, id="S003-10"),
        pytest.param(GEMINI_PRO, "1.25", "5.00", 4, id="S003-11"),
        pytest.param(GEMINI_FLASH, "0.075", "0.30", 4, id="S003-12"),
        pytest.param("gpt-4", "30", "60", 2, id="S004-08"),
    ],
)
def test_the_price_of_a_model_is_the_printed_one(model, input_printed, output_printed, ratio):
    assert as_printed(input_price(model), input_printed) == input_printed
    assert as_printed(output_price(model), output_printed) == output_printed
    assert output_to_input(model) == pytest.approx(ratio)


@pytest.mark.parametrize(("model", "input_printed", "output_printed", "cost_printed"), PRICE_TABLE)
def test_a_row_of_the_price_table_comes_back(model, input_printed, output_printed, cost_printed):
    row = ranked(model, 1_000, 500, 500)
    assert as_printed(row.input_usd_per_mtok, input_printed) == input_printed
    assert as_printed(row.output_usd_per_mtok, output_printed) == output_printed
    assert as_printed(row.usd_per_1000_requests, cost_printed) == cost_printed


def of_the_table(figure):
    figures = [figure(model) for model in MODELS_OF_THE_TABLE]
    return min(figures), max(figures)


@pytest.mark.parametrize(
    ("figures", "recomputed"),
    [
        pytest.param(lambda: of_the_table(input_price)[0], 0.10, id="S001-01"),
        pytest.param(lambda: input_price(SONNET), 3.00, id="S001-02"),
        pytest.param(lambda: output_price(OPUS), 25.00, id="S001-03"),
        pytest.param(lambda: of_the_table(output_to_input), (3.0, 8.333), id="S001-16"),
        pytest.param(lambda: (of_the_table(input_price)[0], input_price(HAIKU)), (0.10, 1.00), id="S002-04"),
        pytest.param(lambda: (input_price(HAIKU), input_price(OPUS)), (1.00, 5.00), id="S002-05"),
        pytest.param(
            lambda: (per_thousand("mistral-small-2506", 500, 500), per_thousand("gemini-2.5-flash-lite", 500, 500)),
            (0.20, 0.25),
            id="S002-16",
        ),
        pytest.param(lambda: of_the_table(output_to_input), (3.0, 8.333), id="S002-17"),
        pytest.param(lambda: (output_to_input(GPT_4O), output_to_input(OLD_SONNET)), (4.0, 5.0), id="S003-02"),
        pytest.param(lambda: (input_price(GPT_4O), output_price(OLD_SONNET)), (2.50, 15), id="S003-22"),
        pytest.param(lambda: (input_price(MINI), input_price(GPT_4O)), (0.15, 2.50), id="S003-32"),
        pytest.param(lambda: (input_price(HAIKU), output_price(HAIKU)), (1.00, 5.00), id="S004-04"),
    ],
)
def test_prices_and_their_ratios_are_the_recomputed_ones(figures, recomputed):
    assert figures() == pytest.approx(recomputed, rel=1e-4)


# Bills


@pytest.mark.parametrize(
    ("cost", "recomputed"),
    [
        pytest.param(lambda: usd(GPT_4O, 1, 4_000, 0), 0.010, id="S000-08"),
        pytest.param(lambda: usd(GPT_4O, 1, 0, 2_000), 0.02, id="S000-09-two-cents"),
        pytest.param(lambda: usd(GPT_4O, 1, 0, 5_000), 0.05, id="S000-09-five-cents"),
        pytest.param(lambda: usd(GEMINI_FLASH, 1_000, 500, 0), 0.0375, id="S000-10-flash"),
        pytest.param(lambda: usd(GPT_4O, 1_000, 500, 0), 1.25, id="S000-10-gpt-4o-input"),
        pytest.param(lambda: usd(GPT_4O, 1_000, 250, 250), 3.125, id="S000-10-gpt-4o-half"),
        pytest.param(lambda: usd(OLD_SONNET, 1_000, 0, 500), 7.50, id="S000-10-sonnet-output"),
        pytest.param(lambda: usd(GEMINI_PRO, 10_000, 4_000, 0), 50.0, id="S000-11-gemini"),
        pytest.param(lambda: usd(GPT_4O, 10_000, 4_000, 0), 100.0, id="S000-11-gpt-4o"),
        pytest.param(lambda: usd(OLD_SONNET, 10_000, 4_000, 0), 120.0, id="S000-11-sonnet"),
        pytest.param(lambda: usd(OLD_SONNET, 10_000, 4_000, 200), 150.0, id="S000-11-sonnet-answers"),
        pytest.param(lambda: usd(GEMINI_FLASH, 10_000, 4_000, 0), 3.0, id="S000-12-flash"),
        pytest.param(lambda: usd(MINI, 10_000, 4_000, 0), 6.0, id="S000-12-mini"),
        pytest.param(lambda: usd(OLD_HAIKU, 10_000, 4_000, 0), 10.0, id="S000-12-haiku"),
        pytest.param(lambda: usd(GPT_4O, 1, 500, 300), 0.00425, id="S000-28-gpt-4o"),
        pytest.param(lambda: usd(OLD_SONNET, 1, 500, 300), 0.006, id="S000-28-sonnet"),
        pytest.param(lambda: 0.05 / usd(GPT_4O, 1, 500, 300), 11.76, id="S000-28-ratio"),
        pytest.param(lambda: usd(GPT_4O, 50_000 * 30, 500, 300), 6_375.0, id="S000-30-low"),
        pytest.param(lambda: usd(GPT_4O, 100_000 * 30, 500, 300), 12_750.0, id="S000-30-high"),
        pytest.param(lambda: usd(MINI, 1_000, 500, 300), 0.255, id="S003-14"),
        pytest.param(lambda: ranked(MINI, 1_000, 500, 300).usd_per_month, 7.65, id="S003-15"),
        pytest.param(lambda: ranked(OLD_SONNET, 1_000, 500, 300).usd_per_month, 180.0, id="S003-16"),
        pytest.param(lambda: ranked(MINI, 100_000, 500, 300).usd_per_month, 765.0, id="S003-17"),
        pytest.param(lambda: ranked(OLD_SONNET, 100_000, 500, 300).usd_per_month, 18_000.0, id="S003-18"),
        pytest.param(lambda: usd(OLD_SONNET, 1, 500, 300) / usd(MINI, 1, 500, 300), 23.53, id="S003-19"),
        pytest.param(lambda: 1e6 / 800 * usd(MINI, 1, 500, 300), 0.31875, id="S003-47-mini"),
        pytest.param(lambda: 1e6 / 800 * usd(OLD_HAIKU, 1, 500, 300), 0.625, id="S003-47-haiku"),
        pytest.param(lambda: usd(SONNET, 1, 500, 500), 0.009, id="S004-15"),
        pytest.param(lambda: 0.10 / usd(SONNET, 1, 500, 500), 11.11, id="S004-15-ratio"),
        pytest.param(lambda: usd(GPT_5_4, 1, 10_000, 5_000), 0.10, id="S004-15-long"),
    ],
)
def test_a_bill_is_the_recomputed_one(cost, recomputed):
    assert cost() == pytest.approx(recomputed, rel=5e-4)


@pytest.mark.parametrize(
    ("calls_per_day", "model", "low", "high"),
    [
        pytest.param(500, MINI, 3.825, 6.30, id="S003-40-mini"),
        pytest.param(500, OLD_HAIKU, 7.50, 12.38, id="S003-40-haiku"),
        pytest.param(500, GPT_4O, 63.75, 105.0, id="S003-40-gpt-4o"),
        pytest.param(5_000, MINI, 38.25, 63.0, id="S003-42-mini"),
        pytest.param(5_000, OLD_HAIKU, 75.0, 123.8, id="S003-42-haiku"),
        pytest.param(5_000, GPT_4O, 637.5, 1_050.0, id="S003-42-gpt-4o"),
        pytest.param(50_000, MINI, 382.5, 630.0, id="S003-44-and-46-mini"),
        pytest.param(50_000, OLD_HAIKU, 750.0, 1_238.0, id="S003-44-and-46-haiku"),
        pytest.param(50_000, GPT_4O, 6_375.0, 10_500.0, id="S003-44-and-46-gpt-4o"),
    ],
)
def test_a_budget_of_short_and_longer_calls_is_the_recomputed_one(calls_per_day, model, low, high):
    short, longer = (ranked(model, calls_per_day, *lengths).usd_per_month for lengths in ((500, 300), (800, 500)))
    assert (short, longer) == pytest.approx((low, high), rel=5e-4)


# Discounts


def batch_over_list(model):
    card = price_card(resolve_api_model(model), NOON)
    batch, listed = card.prices_for(1_000, batch=True), card.prices_for(1_000)
    return (
        batch.input_usd_per_mtok / listed.input_usd_per_mtok,
        batch.output_usd_per_mtok / listed.output_usd_per_mtok,
    )


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        pytest.param(HAIKU, 0.5, id="S001-04"),
        pytest.param(SONNET, 0.5, id="S001-20-anthropic"),
        pytest.param(GPT_5_4, 0.5, id="S001-20-openai"),
        pytest.param("gemini-2.5-flash", 0.5, id="S004-14"),
    ],
)
def test_batch_costs_the_printed_share_of_the_list_price(model, factor):
    assert batch_over_list(model) == pytest.approx((factor, factor))
    together = per_thousand(model, 500, 300, batch_share=1.0)
    assert together == pytest.approx(factor * per_thousand(model, 500, 300))


@pytest.mark.parametrize(
    ("model", "read_multiplier"),
    [
        pytest.param(SONNET, 0.1, id="S001-18"),
        pytest.param(HAIKU, 0.1, id="S004-13-most"),
        pytest.param(GPT_4O, 0.5, id="S004-13-least"),
    ],
)
def test_a_cached_read_costs_the_printed_share_of_the_input_price(model, read_multiplier):
    all_read = per_thousand(model, 500, 0, cached_share=1.0)
    assert all_read == pytest.approx(read_multiplier * per_thousand(model, 500, 0))


@pytest.mark.parametrize(
    ("lifetime", "reads_needed"),
    [
        pytest.param("cache_write_usd_per_mtok", 0.2778, id="S001-19-five-minutes"),
        pytest.param("cache_write_1h_usd_per_mtok", 1.111, id="S001-19-an-hour"),
    ],
)
def test_a_cache_write_pays_for_itself_after_fewer_reads_than_printed(lifetime, reads_needed):
    listed = prices(SONNET)
    extra_of_a_write = getattr(listed, lifetime) - listed.input_usd_per_mtok
    saved_by_a_read = listed.input_usd_per_mtok - listed.cached_input_usd_per_mtok
    assert extra_of_a_write / saved_by_a_read == pytest.approx(reads_needed, rel=5e-4)
    assert reads_needed < 3


def test_short_prompts_are_not_cached():  # S003-50: from 1,024 tokens on, so that the guide's 500 to 800 are not
    rule = prompt_caching("openai", GPT_4O)
    assert rule.minimum_tokens == 1_024
    assert rule.cached_tokens(800) == 0


# Savings that follow from prices


def routed_saving(dear, cheap, routed_share, *lengths):
    """Share of a bill that falls away when a share of the requests goes to a cheaper model."""
    all_dear = usd(dear, 100, *lengths)
    mixed = usd(dear, 100 * (1 - routed_share), *lengths) + usd(cheap, 100 * routed_share, *lengths)
    return 1 - mixed / all_dear


@pytest.mark.parametrize(
    ("dear", "cheap", "routed_share", "lengths", "saving"),
    [
        pytest.param(GPT_4O, MINI, 0.8, (500, 300), 0.752, id="S000-23"),
        pytest.param(GPT_4O, MINI, 0.6383, (500, 300), 0.60, id="S000-27"),
        pytest.param(SONNET, NANO, 0.6526, (500, 500), 0.60, id="S001-21-least"),
        pytest.param(SONNET, NANO, 0.8157, (500, 500), 0.75, id="S001-21-most"),
    ],
)
def test_requests_routed_to_a_cheaper_model_save_the_recomputed_share(dear, cheap, routed_share, lengths, saving):
    assert routed_saving(dear, cheap, routed_share, *lengths) == pytest.approx(saving, abs=1e-4)


@pytest.mark.parametrize(
    ("saving_printed", "input_cut_needed"),
    [pytest.param(0.30, 1.02, id="S000-24-least"), pytest.param(0.50, 1.70, id="S000-24-most")],
)
def test_shorter_prompts_alone_cannot_save_what_is_printed(saving_printed, input_cut_needed):
    saved_without_input = 1 - usd(GPT_4O, 1, 0, 300) / usd(GPT_4O, 1, 500, 300)
    assert saving_printed / saved_without_input == pytest.approx(input_cut_needed, rel=5e-4)
    assert input_cut_needed > 1


@pytest.mark.parametrize(
    ("output_cut", "saving"),
    [pytest.param(0.20, 0.1667, id="S001-22-least"), pytest.param(0.40, 0.3333, id="S001-22-most")],
)
def test_shorter_answers_save_the_share_of_the_output_in_the_bill(output_cut, saving):
    shorter = usd(SONNET, 1, 500, 500 * (1 - output_cut))
    assert 1 - shorter / usd(SONNET, 1, 500, 500) == pytest.approx(saving, abs=1e-4)


# The same bills through a scenario, at prices given outright


def monthly_bill_in_a_scenario(requests_per_day, request_class, given_prices, **more):
    """USD in a month of 730 hours of an option that has these prices."""
    study = sim.break_even(
        {
            "title": "A published bill",
            "traffic": {"requests_per_day": requests_per_day},
            "workload": {"request": request_class},
            "options": {
                "priced": {"kind": "api", "prices": given_prices, **more},
                "other": {"kind": "api", "prices": {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}},
            },
            "comparison": {"baseline": "priced", "challengers": ["other"]},
        }
    )
    return study.options["priced"].usd_per_month


@pytest.mark.parametrize(
    ("requests_per_day", "request_class", "given_prices", "usd_per_day"),
    [
        pytest.param(
            1_000,
            {"input_tokens": 500, "output_tokens": 300},
            {"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.60},
            0.255,
            id="S003-14",
        ),
        pytest.param(
            100_000,
            {"input_tokens": 500, "output_tokens": 300},
            {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0},
            600.0,
            id="S003-18",
        ),
        pytest.param(
            10_000,
            {"input_tokens": 4_000, "output_tokens": 0, "batch_share": 1},
            {"input_usd_per_mtok": 0.075, "output_usd_per_mtok": 0.30, "batch_multiplier": 0.5},
            1.50,
            id="S000-12-flash-batch",
        ),
        pytest.param(
            1_000,
            {"input_tokens": 500, "output_tokens": 500},
            {"input_usd_per_mtok": 0.20, "output_usd_per_mtok": 1.25},
            0.725,
            id="S001-07",
        ),
        pytest.param(
            1_000,
            {"input_tokens": 1_000, "output_tokens": 0, "cached_input_share": 1},
            {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0, "cached_input_usd_per_mtok": 0.30},
            0.30,
            id="S001-18",
        ),
    ],
)
def test_a_scenario_at_the_printed_prices_has_the_recomputed_bill(
    requests_per_day, request_class, given_prices, usd_per_day
):
    bill = monthly_bill_in_a_scenario(requests_per_day, request_class, given_prices)
    assert bill * 24 / 730 == pytest.approx(usd_per_day, rel=1e-6)


@pytest.mark.parametrize(
    ("discount_share", "usd_after"),
    [pytest.param(0.20, 4_000.0, id="S003-51-least"), pytest.param(0.30, 3_500.0, id="S003-51-most")],
)
def test_a_discount_on_the_whole_bill_makes_it_fall_at_its_threshold(discount_share, usd_after):
    request = {"input_tokens": 500, "output_tokens": 500}
    haiku = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}  # 0.003 USD a request
    tiers = [{"from_usd": 5_000, "discount_share": discount_share}]
    terms = {"volume_discount": {"kind": "all_units", "tiers": tiers}}
    requests_per_day = 5_000 / 0.003 * 24 / 730
    below, above = (
        monthly_bill_in_a_scenario(requests_per_day * factor, request, haiku, terms=terms) for factor in (0.999, 1.001)
    )
    assert (below, above) == pytest.approx((0.999 * 5_000, 1.001 * usd_after), rel=1e-6)
