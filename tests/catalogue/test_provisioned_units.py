from datetime import date
from math import ceil

import pytest

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.provisioned_units import unit_models, unit_offer, unit_providers

DECEMBER = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("model", "tokens_per_minute", "output_weight", "minimum_regional"),
    [
        ("gpt-5.5", 1200, 6, 50),
        ("gpt-5.4", 2400, 6, 50),
        ("gpt-5.2", 3400, 8, 50),
        ("gpt-5-mini", 23750, 8, 25),
        ("gpt-4.1", 3000, 4, 50),
        ("gpt-4o", 2500, 4, 50),
        ("gpt-4o-mini", 37000, 4, 25),
    ],
)
def test_a_unit_carries_what_azure_publishes(model, tokens_per_minute, output_weight, minimum_regional):
    offer = unit_offer("azure", model, "regional", "hourly", DECEMBER)
    assert offer.input_tokens_per_minute_per_unit == tokens_per_minute
    assert (offer.output_weight, offer.cached_input_weight) == (output_weight, 0.0)
    assert (offer.minimum_units, offer.unit_step) == (minimum_regional, minimum_regional)
    everywhere = unit_offer("azure", model, "global", "hourly", DECEMBER)
    assert (everywhere.minimum_units, everywhere.unit_step) == (15, 5)


@pytest.mark.parametrize(("cached_share", "units"), [(0.0, 110), (0.5, 80)])
def test_azures_own_example_of_sizing_comes_back(cached_share, units):
    # 1,000 requests a minute of 200 tokens in and 20 out, gpt-5.2 in a data zone
    offer = unit_offer("azure", "gpt-5.2", "data_zone", "hourly", DECEMBER)
    normalised = 1_000 * (200 * (1 - cached_share) + offer.output_weight * 20)
    needed = normalised / offer.input_tokens_per_minute_per_unit
    assert ceil(needed / offer.unit_step) * offer.unit_step == units


@pytest.mark.parametrize(
    ("scope", "contract", "usd_per_month"),
    [
        ("global", "hourly", 730.0),
        ("data_zone", "hourly", 803.0),
        ("regional", "hourly", 1460.0),
        ("global", "monthly_reservation", 260.0),
        ("global", "yearly_reservation", 221.0),
    ],
)
def test_a_unit_costs_by_scope_and_contract(scope, contract, usd_per_month):
    offer = unit_offer("azure", "gpt-5.4", scope, contract, DECEMBER)
    assert 730 * offer.usd_per_unit_hour == pytest.approx(usd_per_month)
    assert offer.unverified == (contract != "hourly")  # the reservations are from a book


def test_the_provenance_of_an_offer_is_that_of_both_its_halves():
    offer = unit_offer("azure", "gpt-5.4", "global", "hourly", DECEMBER)
    assert "azure-genai-prices 0.2.0" in offer.source and "provisioned-throughput-sizing.md" in offer.source
    assert offer.as_of == date(2026, 5, 21)  # the older of the two


def test_bedrock_units_carry_an_unknown_number_of_tokens():
    month = unit_offer("aws", "anthropic.claude-v2:1", "us-east-1", "monthly_reservation", DECEMBER)
    half_year = unit_offer("aws", "anthropic.claude-v2:1", "us-east-1", "six_month_reservation", DECEMBER)
    assert (month.usd_per_unit_hour, half_year.usd_per_unit_hour) == (63.0, 34.99)
    assert month.input_tokens_per_minute_per_unit is None and month.output_weight is None and month.unverified


def test_an_early_day_takes_the_earliest_figures_and_says_so_once():
    offer = unit_offer("aws", "anthropic.claude-v2:1", "us-east-1", "monthly_reservation", date(2026, 1, 1))
    assert offer.note.count("figure of 2026-10-19, the earliest known, used for 2026-01-01") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("azur", "gpt-5.4", "global", "hourly"), "is 'azur', must be one of aws, azure; did you mean 'azure'"),
        (("azure", "gpt-5.45", "global", "hourly"), "is 'gpt-5.45', must be one of .*did you mean 'gpt-5.5'"),
        (("azure", "gpt-5.4", "europe", "hourly"), "is 'europe', must be one of data_zone, global, regional"),
        (("azure", "DeepSeek-R1", "regional", "hourly"), "is 'regional', must be one of data_zone, global"),
        (("azure", "gpt-5.4", "data_zone", "yearly_reservation"), "is 'yearly_reservation', must be one of hourly"),
    ],
)
def test_what_is_not_sold_is_refused_with_what_is(arguments, message):
    with pytest.raises(UnknownId, match=message):
        unit_offer(*arguments, DECEMBER)


def test_every_model_of_every_provider_has_an_offer():
    for provider in unit_providers():
        for model in unit_models(provider):
            scope, contract = ("global", "hourly") if provider == "azure" else ("us-east-1", "monthly_reservation")
            offer = unit_offer(provider, model, scope, contract, DECEMBER)
            assert offer.usd_per_unit_hour > 0
            assert offer.minimum_units % offer.unit_step == 0
