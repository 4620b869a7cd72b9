"""The operations figures of the catalogue, and what is looked up of them for an option."""

import pytest

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import read_mapping
from simulator.catalogue.operations import (
    EgressPrice,
    batch_multipliers,
    egress_price,
    engineer_usd_per_year,
    loaded_over_salary,
    operations,
    salary,
    storage_price,
)


def test_an_engineer_costs_the_employer_43_percent_more_than_the_salary():
    assert salary().value == 147_500
    assert loaded_over_salary().value == 1.43
    assert engineer_usd_per_year() == pytest.approx(210_925)
    assert engineer_usd_per_year("us", "software-developer") == pytest.approx(133_080 * 1.43)


def test_every_region_with_a_salary_has_what_an_employer_pays_over_it():
    figures = operations()
    assert {name.split("/")[0] for name in figures.salary_usd_per_year} == set(figures.loaded_over_salary)


def test_a_region_or_role_without_a_salary_is_told_apart():
    with pytest.raises(UnknownId, match="is 'germany', must be one of us") as fault:
        salary("germany")
    assert fault.value.key == "region"
    with pytest.raises(UnknownId, match="did you mean 'mlops-engineer'") as fault:
        salary("us", "mlop-engineer")
    assert fault.value.key == "role"


def test_the_first_hundred_gigabytes_leave_aws_free():
    price = egress_price("aws")
    assert (price.from_gb[:2], price.usd_per_gb[:2]) == ((0, 100), (0, 0.09))
    assert egress_price("coreweave").usd_per_gb == (0,)
    with pytest.raises(UnknownId, match="must be one of aws, coreweave, gcp, lambda"):
        egress_price("azure")


def test_no_provider_takes_more_for_a_later_gigabyte_than_for_an_earlier_one_that_is_paid():
    for provider, price in operations().egress.items():
        paid = [usd for usd in price.usd_per_gb if usd > 0]
        assert paid == sorted(paid, reverse=True), provider


@pytest.mark.parametrize(
    ("from_gb", "usd_per_gb", "text"),
    [([0, 10], [1], "as many numbers"), ([5], [1], "begin with 0"), ([0, 9, 9], [3, 2, 1], "must rise")],
)
def test_egress_steps_begin_at_0_and_rise(from_gb, usd_per_gb, text):
    with pytest.raises(ValueError, match=text):
        EgressPrice(from_gb=from_gb, usd_per_gb=usd_per_gb, source="x", as_of=None)


def test_storage_is_listed_by_service():
    assert storage_price("google-object").value == 0.02
    with pytest.raises(UnknownId, match="did you mean 'google-ssd-disk'"):
        storage_price("google-ssd")


def test_waiting_halves_the_price_where_a_batch_interface_is_sold():
    assert {name: figure.value for name, figure in batch_multipliers().items()} == dict.fromkeys(
        ("anthropic", "openai", "google", "mistral", "groq"), 0.5
    )


def test_the_catalogue_cannot_be_changed_through_what_it_returns():
    batch_multipliers().clear()
    assert batch_multipliers()


def test_every_multiplier_says_where_it_comes_from_and_as_of_when():
    for figure in read_mapping(data_folder("prices") / "batch_multipliers.yaml")["multipliers"].values():
        assert figure["source"]
        assert figure["as_of"]
