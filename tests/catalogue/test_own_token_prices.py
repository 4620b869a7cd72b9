from datetime import UTC, date, datetime

import pytest

from simulator._paths import data_folder
from simulator.catalogue import own_token_prices
from simulator.catalogue.api_prices import (
    api_model_ids,
    api_providers,
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
from simulator.catalogue.fact_files import read_mapping
from simulator.catalogue.own_token_prices import OwnTokenPrices, own_row_in_force

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)

# Read by hand from litellm 1.109.1: provider, model, input, output. [USD per million tokens]
LISTED = [
    ("deepinfra", "meta-llama/Llama-3.3-70B-Instruct", 0.23, 0.40),
    ("deepinfra", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 0.10, 0.32),
    ("deepinfra", "meta-llama/Meta-Llama-3.1-8B-Instruct", 0.03, 0.05),
    ("deepinfra", "openai/gpt-oss-120b", 0.037, 0.17),
    ("nebius", "meta-llama/Llama-3.3-70B-Instruct", 0.13, 0.40),
    ("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", 0.90, 0.90),
]


@pytest.mark.parametrize(("provider", "model", "input_price", "output_price"), LISTED)
def test_models_that_the_library_lacks_are_priced_from_our_own_lists(provider, model, input_price, output_price):
    api_model = resolve_api_model(model, provider)
    card = price_card(api_model, DECEMBER)
    prices = card.prices_for(1_000)
    assert (api_model.provider_id, api_model.model_id, api_model.warnings) == (provider, model, ())
    assert (prices.input_usd_per_mtok, prices.output_usd_per_mtok) == (input_price, output_price)
    assert card.source.startswith(f"prices/tokens/{provider}.yaml: litellm 1.109.1")
    assert (card.as_of, card.unverified, card.batch) == (date(2026, 10, 19), True, None)
    assert price_list_source(api_model, DECEMBER) == (card.source, card.as_of, True)


def test_providers_of_our_own_lists_stand_among_the_others():
    assert {"deepinfra", "nebius", "fireworks", "anthropic"} <= set(api_providers())
    assert "openai/gpt-oss-120b" in api_model_ids("deepinfra")
    fireworks = api_model_ids("fireworks")
    assert "accounts/fireworks/models/llama-v3p3-70b-instruct" in fireworks and "llama-v3p1-8b-instruct" in fireworks


def test_a_model_of_the_library_comes_before_our_own_list():
    card = price_card(resolve_api_model("llama-v3p1-8b-instruct", "fireworks"), DECEMBER)
    assert card.source.startswith("genai-prices") and not card.unverified


def test_a_name_without_its_maker_is_found_with_a_warning():
    api_model = resolve_api_model("Llama-3.3-70B-Instruct", "deepinfra")
    assert api_model.model_id == "meta-llama/Llama-3.3-70B-Instruct"
    assert [warning.split(":")[0] for warning in api_model.warnings] == ["alias_drifts"]


def test_before_its_first_day_a_model_of_our_own_lists_has_no_price():
    api_model = resolve_api_model("meta-llama/Llama-3.3-70B-Instruct", "nebius")
    assert first_price_date(api_model) == date(2026, 10, 19)
    message = r"Llama-3.3-70B-Instruct' of nebius has no price before 2026-10-19 \(asked for 2026-06-01\)"
    with pytest.raises(ValueError, match=message):
        price_card(api_model, datetime(2026, 6, 1, tzinfo=UTC))


def test_our_own_lists_have_no_tiers_of_service_and_no_extras():
    api_model = resolve_api_model("openai/gpt-oss-120b", "deepinfra")
    assert not has_service_tier(api_model, DECEMBER, "flex")
    assert price_card(api_model, DECEMBER, "flex") == price_card(api_model, DECEMBER)
    assert extra_prices(api_model, DECEMBER) == {}
    assert input_only_usd_per_mtok("openai/gpt-oss-120b", "deepinfra", DECEMBER) == 0.037
    assert [start for start, _ in price_history(api_model)] == [date(2026, 10, 19)]


@pytest.mark.parametrize(
    ("model", "provider", "message"),
    [
        (
            "llama-3.3-70b",
            "deepinfra",
            r"must be a model of deepinfra in prices/tokens; did you mean 'meta-llama/Llama",
        ),
        ("gpt-oss-120b", "deepinfa", "must be a provider of the price library; did you mean 'deepinfra'"),
        ("accounts/fireworks/models/llama-v3p3-70b-instrct", "fireworks", r"did you mean .*llama-v3p3-70b-instruct'"),
    ],
)
def test_a_misspelt_name_is_refused_with_its_near_matches(model, provider, message):
    with pytest.raises(UnknownId, match=message):
        resolve_api_model(model, provider)


def test_a_changed_price_holds_from_its_own_day():
    def row(start, price):
        facts = {"source": "a page", "as_of": start, "effective_from": start}
        return OwnTokenPrices(model="m", input_usd_per_mtok=price, output_usd_per_mtok=price, **facts)

    rows = (row(date(2026, 1, 1), 2.0), row(date(2026, 7, 1), 1.0))
    assert own_row_in_force(rows, date(2026, 6, 30), "m").input_usd_per_mtok == 2.0
    assert own_row_in_force(rows, date(2026, 7, 1), "m").input_usd_per_mtok == 1.0


def test_every_list_is_named_after_its_provider():
    for path in sorted((data_folder("prices") / "tokens").glob("*.yaml")):
        assert read_mapping(path)["provider"] == path.stem


def test_a_fault_in_a_list_names_file_and_key(tmp_path, monkeypatch):
    path = tmp_path / "prices" / "tokens" / "host.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("provider: host\nprices:\n  - {model: m, input_usd_per_mtok: -1, output_usd_per_mtok: 1}\n")
    monkeypatch.setattr(own_token_prices, "own_providers", lambda: ("host",))
    monkeypatch.setattr(own_token_prices, "path_of", lambda *_: path)
    message = r"prices/tokens/host.yaml: .*as_of: is missing; prices\[0\].input_usd_per_mtok: is -1, .* equal to 0;"
    with pytest.raises(ValueError, match=message):
        own_token_prices.own_model_ids("host")
