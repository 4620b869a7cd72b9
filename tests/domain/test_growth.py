"""Growth of the volume from month to month: closed forms of the four kinds, alone and on a demand."""

import math

import numpy as np
import pytest

from simulator.domain.growth import ExponentialGrowth, LinearGrowth, LogisticGrowth, SteppedGrowth
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand

MONTHS = np.arange(25.0)


@pytest.mark.parametrize("per_month", [-0.3, 0.0, 0.08, 1.0])
def test_exponential_growth_doubles_in_its_doubling_time(per_month):
    factors = ExponentialGrowth(per_month=per_month).factors(MONTHS)
    assert factors == pytest.approx([math.exp(month * math.log(1 + per_month)) for month in MONTHS])


def test_linear_growth_adds_the_same_every_month_and_ends_at_nothing():
    assert np.diff(LinearGrowth(per_month=0.25).factors(MONTHS)) == pytest.approx(np.full(24, 0.25))
    shrinking = LinearGrowth(per_month=-0.3).factors(MONTHS)
    assert shrinking[:5] == pytest.approx([1.0, 0.7, 0.4, 0.1, 0.0], abs=1e-12)
    assert np.all(shrinking[4:] == 0.0)


@pytest.mark.parametrize(("per_month", "ceiling"), [(0.2, 8.0), (1.0, 1.5), (0.5, 0.4)])
def test_logistic_growth_has_odds_that_grow_by_the_same_share_every_month(per_month, ceiling):
    volume = LogisticGrowth(per_month=per_month, ceiling_to_start=ceiling).factors(MONTHS)
    odds = volume / (ceiling - volume)
    assert volume[0] == pytest.approx(1.0)
    assert odds[1:] / odds[:-1] == pytest.approx(np.full(24, 1 + per_month), rel=1e-6)
    assert LogisticGrowth(per_month=per_month, ceiling_to_start=ceiling).factors(np.array([500.0])) == pytest.approx(
        [ceiling]
    )


def test_logistic_growth_is_exponential_far_below_its_ceiling_and_fastest_at_half_of_it():
    law = LogisticGrowth(per_month=0.5, ceiling_to_start=1e6)
    assert law.factors(MONTHS[:8]) == pytest.approx(1.5 ** MONTHS[:8], rel=1e-4)
    # From 1 of 16: the odds, 1/15, reach one after ln 15 / ln 1.5 months.
    half = math.log(15) / math.log(1.5)
    assert LogisticGrowth(per_month=0.5, ceiling_to_start=16.0).factors(np.array([half])) == pytest.approx([8.0])


def test_a_step_holds_from_its_month_until_the_next():
    law = SteppedGrowth.model_validate(
        {"steps": [{"from_month": 2, "factor": 3.0}, {"from_month": 3, "factor": 0.5}, {"from_month": 6, "factor": 4}]}
    )
    assert law.factors(np.arange(8.0)).tolist() == [1, 1, 3, 0.5, 0.5, 0.5, 4, 4]


@pytest.mark.parametrize(
    ("growth", "factors"),
    [
        ({"growth": {"kind": "exponential", "per_month": 0.1}}, [1, 1.1, 1.21]),
        ({"growth_per_month": 0.1}, [1, 1.1, 1.21]),
        ({"growth": {"kind": "linear", "per_month": 0.5}}, [1, 1.5, 2.0]),
        ({"growth": {"kind": "logistic", "per_month": 1.0, "ceiling_to_start": 2.0}}, [1, 2 / 1.5, 2 / 1.25]),
        ({"growth": {"kind": "steps", "steps": [{"from_month": 2, "factor": 7.0}]}}, [1, 1, 7]),
    ],
)
@pytest.mark.parametrize("step_s", [600, 3600])
def test_requests_grow_at_the_starts_of_the_months(growth, factors, step_s):
    traffic = Traffic.model_validate({"requests_per_month": 5e5, **growth})
    demand = sample_demand(traffic, Horizon(months=3, step_s=step_s), 1)
    path = demand.path(5e5, Mix(300.0, 100.0))
    months = path.requests.reshape(3, -1)
    assert months.sum(axis=1) == pytest.approx(5e5 * np.array(factors))
    assert np.all(months == months[:, :1])  # nothing changes within a month
    assert path.input_tokens == pytest.approx(300 * path.requests)
