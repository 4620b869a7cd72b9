"""Which API models are meant by providers, ids and names."""

import pytest

from simulator.catalogue.api_choice import chosen_models, name_pattern
from simulator.catalogue.api_prices import api_model_ids


def ids(**asked):
    return [(model.provider_id, model.model_id) for model in chosen_models(**asked)]


@pytest.mark.parametrize(
    ("name", "model_id", "is_host"),
    [
        ("llama-3.3-70b", "meta.llama3-3-70b-instruct-v1:0", True),
        ("llama-3.3-70b", "accounts/fireworks/models/llama-v3p3-70b-instruct", True),
        ("llama-3.3-70b", "meta-llama/llama-3.3-70b", True),
        ("gpt-4", "openai/gpt-4-turbo", True),
        ("gpt-4", "gpt-4o", False),
        ("llama-3.3-7b", "llama-3.3-70b", False),
        ("gpt-oss-20b", "gpt-oss-120b", False),
    ],
)
def test_the_name_of_a_model_is_found_in_ids_however_they_are_spelt(name, model_id, is_host):
    assert bool(name_pattern(name).search(model_id)) is is_host


def test_a_provider_without_a_model_means_all_of_its_models():
    assert ids(providers=["anthropic"]) == [("anthropic", model) for model in api_model_ids("anthropic")]


def test_an_alias_and_the_id_it_stands_for_are_one_model():
    twice = ids(models=["mistral-small-2506", "mistral-small-3.2-24b-instruct"], providers=["mistral"])
    assert twice == [("mistral", "mistral-small-3.2-24b-instruct")]


def test_a_model_is_taken_from_those_of_the_providers_that_sell_it():
    assert ids(models=["deepseek-v3.2", "gpt-4o"], providers=["deepseek", "openai"]) == [
        ("deepseek", "deepseek-v3.2"),
        ("openai", "gpt-4o"),
    ]
