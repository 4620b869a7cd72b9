"""Distributions in place of a number: quantiles against textbook forms and scipy's own laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats
from pydantic import ValidationError
from scipy import stats

from simulator.domain.distributions import (
    FAMILIES,
    Choice,
    Lognormal,
    Normal,
    Quantiles,
    Triangular,
    Uniform,
    family_of,
    median_of,
)

SHARES = np.array([0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
ONE_EACH = {
    Quantiles: {"p10": 1.0, "p50": 2.0, "p90": 5.0},
    Normal: {"normal": {"mean": 2.0, "sd": 0.5}},
    Lognormal: {"lognormal": {"median": 3.0, "log_sigma": 0.4}},
    Uniform: {"uniform": {"low": 1.0, "high": 4.0}},
    Triangular: {"triangular": {"low": 1.0, "mode": 1.5, "high": 4.0}},
    Choice: {"choice": {"values": [3.0, 1.0, 2.0], "weights": [0.2, 0.5, 0.3]}},
}


@given(p50=floats(-1e3, 1e3), below=floats(1e-3, 1e3), above=floats(1e-3, 1e3))
def test_three_quantiles_are_met_whatever_their_skew(p50, below, above):
    given_values = [p50 - below, p50, p50 + above]
    law = Quantiles(**dict(zip(("p10", "p50", "p90"), given_values, strict=True)))
    assert law.quantile(np.array([0.1, 0.5, 0.9])) == pytest.approx(given_values, rel=1e-9, abs=1e-6)
    assert np.all(np.diff(law.quantile(SHARES)) >= 0)  # far out on the short side it stands still, to rounding


def test_three_quantiles_in_one_ratio_are_a_lognormal():
    law = Quantiles(p10=1.0, p50=2.0, p90=4.0)
    sigma = math.log(2.0) / stats.norm.ppf(0.9)
    assert law.quantile(SHARES) == pytest.approx(stats.lognorm(sigma, scale=2.0).ppf(SHARES), rel=1e-12)


def test_three_quantiles_at_one_distance_are_a_normal():
    law = Quantiles(p10=1.0, p50=2.0, p90=3.0)
    assert law.quantile(SHARES) == pytest.approx(stats.norm(2.0, 1.0 / stats.norm.ppf(0.9)).ppf(SHARES), rel=1e-12)


@pytest.mark.parametrize(
    ("law", "same"),
    [
        (Normal(**ONE_EACH[Normal]), stats.norm(2.0, 0.5)),
        (Lognormal(**ONE_EACH[Lognormal]), stats.lognorm(0.4, scale=3.0)),
        (Uniform(**ONE_EACH[Uniform]), stats.uniform(1.0, 3.0)),
        (Triangular(**ONE_EACH[Triangular]), stats.triang(0.5 / 3.0, loc=1.0, scale=3.0)),
    ],
    ids=["normal", "lognormal", "uniform", "triangular"],
)
def test_a_family_has_the_quantiles_of_the_law_it_is_named_for(law, same):
    assert law.quantile(SHARES) == pytest.approx(same.ppf(SHARES), rel=1e-12)
    assert median_of(law) == pytest.approx(same.median())


def test_a_choice_takes_each_value_as_often_as_its_weight_says():
    law = Choice(**ONE_EACH[Choice])
    drawn = law.quantile((np.arange(1000) + 0.5) / 1000)
    assert [int(np.sum(drawn == value)) for value in (1.0, 2.0, 3.0)] == [500, 300, 200]
    assert median_of(Choice(choice={"values": [1, 2, 4]})) == 2.0


@pytest.mark.parametrize("family", FAMILIES)
def test_quantiles_of_every_family_never_fall(family):
    law = family.model_validate(ONE_EACH[family])
    assert np.all(np.diff(law.quantile(np.linspace(1e-6, 1 - 1e-6, 999))) >= 0)
    assert family_of(ONE_EACH[family]) is family


@pytest.mark.parametrize(
    "written",
    [{"mean": 500, "p90": 900}, {"quantiles": {"p50": 3}}, {"p90": 3}, {}, {"p10": 1, "p50": 2, "kind": "x"}, 3, "p50"],
)
def test_what_keys_of_a_scenario_take_already_is_no_distribution(written):
    assert family_of(written) is None


@pytest.mark.parametrize(
    ("family", "written", "said"),
    [
        (Quantiles, {"p10": 3, "p50": 2, "p90": 4}, "is 3, must be below p50, 2"),
        (Quantiles, {"p10": 1, "p50": 4, "p90": 4}, "is 4, must be below p90, 4"),
        (Uniform, {"uniform": {"low": 2, "high": 1}}, "is 2, must be below high, 1"),
        (Triangular, {"triangular": {"low": 1, "mode": 5, "high": 4}}, "is 5, must be from low 1 to high 4"),
        (Choice, {"choice": {"values": [1, 2], "weights": [0.5, 0.6]}}, r"add to 1\.1, must add to 1"),
        (Choice, {"choice": {"values": [1, 2], "weights": [1.0]}}, "has 1 entries, must have 2"),
        (Normal, {"normal": {"mean": 2, "sd": 0}}, "greater than 0"),
    ],
)
def test_a_distribution_that_is_none_is_refused(family, written, said):
    with pytest.raises(ValidationError, match=said):
        family.model_validate(written)
