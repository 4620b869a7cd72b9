"""Present values, internal rates, paybacks and their undoing."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.domain import cash_flows
from simulator.domain.cash_flows import (
    DecayingSaving,
    changes_of_side,
    discounted_payback_months,
    internal_rates,
    months_until_equal,
    present_value_usd,
)


def test_the_examples_are_true():
    result = doctest.testmod(cash_flows)
    assert result.attempted > 0
    assert result.failed == 0


def test_a_rate_of_minus_one_or_below_has_no_present_value():
    for rate in (-1.0, -2.0, math.nan):
        with pytest.raises(ValueError, match=r"rate_per_period is .*, must be above -1"):
            present_value_usd(np.array([1.0]), np.array([1.0]), rate)


def test_amounts_of_one_sign_have_no_internal_rate():
    assert internal_rates(np.array([-1.0, -2.0]), np.array([0.0, 1.0])) == ()
    assert internal_rates(np.array([5.0]), np.array([0.0])) == ()
    assert internal_rates(np.array([]), np.array([])) == ()


def test_two_changes_of_sign_may_have_two_internal_rates_or_none():
    # -100 + 230 v - 132 v^2 with v = 1 / (1 + r) is zero at r = 10 % and 20 %.
    times = np.arange(3.0)
    assert internal_rates(np.array([-100.0, 230.0, -132.0]), times) == pytest.approx((0.1, 0.2), rel=1e-9)
    # A discriminant below zero: 20^2 < 4 x 100 x 132.
    assert internal_rates(np.array([-100.0, 20.0, -132.0]), times) == ()


@given(
    rate=st.floats(-0.5, 2.0),
    savings=st.lists(st.floats(1.0, 1e4), min_size=1, max_size=60),
)
def test_the_internal_rate_is_the_one_that_the_outlay_was_made_from(rate, savings):
    times = np.arange(1.0, len(savings) + 1.0)
    outlay = sum(saving / (1 + rate) ** month for month, saving in enumerate(savings, start=1))
    amounts = np.array([-outlay, *savings])
    (found,) = internal_rates(amounts, np.array([0.0, *times]))
    assert found == pytest.approx(rate, abs=1e-7)


def test_an_internal_rate_on_the_grid_is_found_once():
    for place in range(-400, 401):
        rate = np.expm1(0.005 * place)
        assert internal_rates(np.array([-1.0, 1.0 + rate]), np.array([0.0, 1.0])) == pytest.approx((rate,), abs=1e-9)


@given(
    outlay=st.integers(1, 800).map(lambda eighths: eighths / 8),
    savings=st.lists(st.integers(-50, 50), min_size=1, max_size=24),
)
def test_changes_of_side_are_those_that_a_walk_in_small_steps_meets(outlay, savings):
    changes = changes_of_side([-outlay, *([0.0] * (len(savings) - 1))], savings, np.arange(1.0, len(savings) + 1.0))
    # The sum is a broken line through (0, -outlay): its signs at the ends of the months.
    sums = -outlay + np.cumsum(savings)
    signs = np.concatenate(([False], sums >= 0))  # sums of eighths are exact
    months = np.flatnonzero(signs[1:] != signs[:-1]) + 1
    assert [change.whole_months for change in changes] == list(months)
    for change in changes:
        assert np.interp(
            change.months, np.arange(len(savings) + 1), np.concatenate(([-outlay], sums))
        ) == pytest.approx(0.0, abs=1e-6)


def test_a_replacement_at_the_start_of_a_month_undoes_a_payback_at_that_moment():
    changes = changes_of_side([-10.0, 0.0, -10.0, 0.0], [6.0, 6.0, 6.0, 6.0], [1.0, 2.0, 3.0, 4.0])
    assert [(change.into, round(change.months, 9)) for change in changes] == [
        ("ahead", round(1 + 4 / 6, 9)),
        ("behind", 2.0),
        ("ahead", round(3 + 2 / 6, 9)),
    ]


def test_a_first_month_that_costs_more_is_no_change_but_its_recovery_is():
    changes = changes_of_side([0.0, 0.0], [-5.0, 10.0], [1.0, 2.0])
    assert [(change.into, change.months) for change in changes] == [("ahead", 1.5)]


def test_a_short_last_month_pays_back_within_its_length():
    (change,) = changes_of_side([-15.0, 0.0], [10.0, 10.0], [1.0, 1.5])
    assert change.months == pytest.approx(1.25)


def test_a_level_saving_pays_back_as_the_annuity_formula_says_whatever_the_rate():
    for rate in (-0.01, 0.0, 0.005, 0.03):
        (change,) = changes_of_side([-1_000.0, *([0.0] * 59)], [50.0] * 60, np.arange(1.0, 61.0), rate)
        assert change.months == pytest.approx(discounted_payback_months(1_000.0, 50.0, rate), rel=1e-12)


def test_interest_above_the_saving_is_never_paid_back():
    assert discounted_payback_months(1_000.0, 10.0, 0.01) == math.inf  # interest of 10 a month
    assert discounted_payback_months(1_000.0, 0.0, 0.0) == math.inf
    assert discounted_payback_months(1_000.0, 10.0, 0.0) == pytest.approx(100.0)


def test_what_moves_away_from_a_value_never_reaches_it():
    assert months_until_equal(1.0, 2.0, 0.9) is None
    assert months_until_equal(1.0, 2.0, 1.0) is None
    assert months_until_equal(1.0, 2.0, 1.1) == pytest.approx(math.log(2) / math.log(1.1))


def test_a_decaying_saving_without_a_price_is_paid_back_at_once():
    saving = DecayingSaving(100.0, 12.0, 50.0, 0.0)
    assert saving.paid_back_months == 0.0
    assert saving.saved_usd(saving.undone_months) == pytest.approx(0.0, abs=1e-6)
