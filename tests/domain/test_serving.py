import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from simulator.domain import serving
from simulator.domain.serving import breakeven_utilization_share, unit_cost_usd_per_mtok


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(serving).failed == 0


def test_a_half_used_replica_doubles_the_unit_cost():
    full = unit_cost_usd_per_mtok(2.50, 2_500.0, 1.0)
    assert unit_cost_usd_per_mtok(2.50, 2_500.0, 0.5) == pytest.approx(2 * full)


@given(
    usd_per_hour=floats(0.1, 100),
    output_tokens_per_s=floats(10, 1e5),
    share=floats(0.01, 1),
    factor=floats(0.1, 10),
)
def test_unit_cost_is_proportional_to_rent(usd_per_hour, output_tokens_per_s, share, factor):
    once = unit_cost_usd_per_mtok(usd_per_hour, output_tokens_per_s, share)
    assert unit_cost_usd_per_mtok(factor * usd_per_hour, output_tokens_per_s, share) == pytest.approx(factor * once)


def test_unit_cost_takes_arrays():
    costs = unit_cost_usd_per_mtok(3.6, 1_000.0, np.array([1.0, 0.5, 0.25]))
    assert costs == pytest.approx([1.0, 2.0, 4.0])


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01])
def test_utilization_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match=r"utilization_share is .*, must be above 0 and at most 1"):
        unit_cost_usd_per_mtok(2.50, 2_500.0, share)


@pytest.mark.parametrize(("price", "share"), [(0.6, 0.6092592593), (0.3, 1.218518519)])
def test_breakeven_utilization_of_one_gpu_at_3_29_usd_an_hour(price, share):
    assert breakeven_utilization_share(3.29, 2_500.0, price) == pytest.approx(share, rel=1e-9)


@given(usd_per_hour=floats(0.1, 10), tokens_per_s=floats(1_000, 1e5), price=floats(3, 100))
def test_at_breakeven_utilization_a_token_costs_what_the_api_asks(usd_per_hour, tokens_per_s, price):
    share = breakeven_utilization_share(usd_per_hour, tokens_per_s, price)
    assert share < 1
    assert unit_cost_usd_per_mtok(usd_per_hour, tokens_per_s, share) == pytest.approx(price)


def test_breakeven_utilization_takes_arrays():
    shares = breakeven_utilization_share(3.29, 2_500.0, np.array([0.6, 0.3]))
    assert shares[1] == pytest.approx(2 * shares[0])


@pytest.mark.parametrize(("tokens_per_s", "price", "key"), [(0.0, 1.0, "tokens_per_s is 0"), (1.0, 0.0, "price_usd")])
def test_breakeven_utilization_without_throughput_or_price_is_refused(tokens_per_s, price, key):
    with pytest.raises(ValueError, match=key):
        breakeven_utilization_share(1.0, tokens_per_s, price)
