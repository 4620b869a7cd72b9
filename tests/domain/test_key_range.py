"""Which values of a key are searched."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.domain.key_range import KeyBounds, key_range


def test_a_share_is_searched_evenly_over_all_it_may_be_and_its_excluded_end_is_left_out():
    found = key_range(KeyBounds("share", today=0.7, low=0.0, high=1.0, excludes_low=True))
    assert found.spacing == "linear"
    assert 0.0 < found.low < 1e-5
    assert found.high == 1.0
    assert 0.7 in found.tried
    assert found.ends_at_low and found.ends_at_high


def test_a_price_is_searched_a_thousandfold_up_and_down_and_at_zero():
    found = key_range(KeyBounds("rent", today=2.0, low=0.0, high=1e24))
    assert found.spacing == "logarithmic"
    assert (found.low, found.high) == (0.0, 2_000.0)
    assert found.tried[1] == pytest.approx(0.002)
    assert found.tried.size >= 64
    assert found.ends_at_low and not found.ends_at_high


def test_ends_within_a_factor_of_twenty_are_divided_evenly():
    found = key_range(KeyBounds("peak", today=1.6, low=1.0, high=12.0))
    assert np.diff(np.setdiff1d(found.tried, [1.6])) == pytest.approx(np.full(64, 11 / 64))


def test_a_range_on_both_sides_of_zero_is_fine_near_zero():
    found = key_range(KeyBounds("growth", today=0.0, low=-1.0, high=10.0, excludes_low=True))
    assert found.low > -1.0
    assert found.low == pytest.approx(-1.0, abs=1e-4)
    assert found.high == 10.0
    assert 0.0 in found.tried
    assert np.abs(found.tried[found.tried != 0]).min() <= 0.01


def test_few_whole_numbers_are_all_tried_and_many_at_growing_distances():
    assert list(key_range(KeyBounds("n", today=3, low=0, high=9, is_whole=True)).tried) == list(range(10))
    many = key_range(KeyBounds("n", today=3, low=0, high=1e12, is_whole=True)).tried
    assert np.array_equal(many, np.rint(many))
    assert list(many[:4]) == [0, 1, 2, 3]
    assert many[-1] == 3_000


def test_between_is_cut_to_the_bounds():
    found = key_range(KeyBounds("share", today=0.7, low=0.0, high=1.0), between=(0.5, 7.0))
    assert (found.low, found.high) == (0.5, 1.0)
    assert not found.ends_at_low and found.ends_at_high


@pytest.mark.parametrize("between", [(2.0, 1.0), (1.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_between_must_be_a_lower_and_a_higher_number(between):
    with pytest.raises(ValueError, match=r"rent: between is .*, must be a lower and a higher number"):
        key_range(KeyBounds("rent", today=2.0, low=0.0), between=between)


def test_between_must_touch_what_the_key_may_be():
    with pytest.raises(ValueError, match="share: between is 2 to 3, the key must be above 0 and at most 1"):
        key_range(KeyBounds("share", low=0.0, high=1.0, excludes_low=True), between=(2.0, 3.0))


def test_a_key_without_scale_asks_where_to_search():
    for today in (None, 0.0, math.inf):
        with pytest.raises(ValueError, match="says nothing of where to search; give between which values"):
            key_range(KeyBounds("usd", today=today, low=0.0, high=1e24))


def test_the_number_of_values_has_bounds():
    with pytest.raises(ValueError, match="points is 3, must be from 8 to 4096"):
        key_range(KeyBounds("share", low=0.0, high=1.0), points=3)


@given(
    low=st.floats(-1e3, 1e3),
    width=st.floats(1e-2, 1e6),
    points=st.integers(8, 200),
    whole=st.booleans(),
)
def test_values_rise_and_stay_within_the_range(low, width, points, whole):
    bounds = KeyBounds("key", today=low + width / 3, low=low, high=low + width, is_whole=whole)
    if whole and math.floor(low + width) - math.ceil(low) < 2:
        return
    tried = key_range(bounds, points=points).tried
    assert np.all(np.diff(tried) > 0)
    assert tried[0] >= low and tried[-1] <= low + width
    if not whole:
        assert tried.size >= points
