import pytest

from simulator._paths import data_folder
from simulator.catalogue.fact_files import read_mapping
from simulator.catalogue.operations import batch_multipliers, engineer_usd_per_year, operations


def test_an_engineer_costs_the_employer_43_percent_more_than_the_salary():
    assert operations().engineer_salary_usd_per_year.value == 147_500
    assert operations().loaded_multiplier.value == 1.43
    assert engineer_usd_per_year() == pytest.approx(210_925)


def test_waiting_halves_the_price_where_a_batch_interface_is_sold():
    assert {name: figure.value for name, figure in batch_multipliers().items()} == dict.fromkeys(
        ("anthropic", "openai", "google", "mistral", "groq"), 0.5
    )


def test_the_catalogue_cannot_be_changed_through_what_it_returns():
    batch_multipliers().clear()
    assert batch_multipliers()


@pytest.mark.parametrize("name", ["operations", "batch_multipliers"])
def test_every_figure_says_where_it_comes_from_and_as_of_when(name):
    content = read_mapping(data_folder("prices") / f"{name}.yaml")
    for figure in content.get("multipliers", content).values():
        assert figure["source"]
        assert figure["as_of"]
