"""Rates by the hour over time: dated changes, declines by bill months, terms of contracts."""

import numpy as np
import pytest

from simulator.domain.commercial_terms import PriceDecline
from simulator.domain.rates_over_time import RateCourse, rate_course

YEAR_HOURS = 8_760.0


def course(usd=3.0, changes=(), decline=None, term_months=None, begins=0.0, ends=YEAR_HOURS, **more):
    fall = None if decline is None else PriceDecline(**decline)
    return rate_course(usd, changes, fall, term_months, begins_hour=begins, ends_hour=ends, **more)


def at(found, hour):
    return float(found.between(np.array([hour, hour + 1e-3]))[0])


def test_a_rate_without_changes_has_no_course():
    assert course() is None
    assert course(decline={"share_per_year": 0.0}) is None
    assert course(changes=[(YEAR_HOURS, 2.0)]) is None  # after the end
    assert course(changes=[(-24.0, 2.0)]) is None  # what holds at the start is told apart
    assert course(changes=[(100.0, 2.0)], term_months=12.0) is None  # fixed until the end


def test_on_demand_moves_at_once():
    found = course(changes=[(100.0, 2.1), (200.0, 1.9)])
    assert (at(found, 99.0), at(found, 100.0), at(found, 199.0), at(found, 200.0)) == (3.0, 2.1, 2.1, 1.9)


def test_a_decline_comes_at_the_starts_of_bill_months():
    found = course(decline={"share_per_year": 0.36})
    for month in range(12):
        assert at(found, 730.0 * month + 729.0) == pytest.approx(3.0 * 0.64 ** (month / 12))
    yearly = course(decline={"share_per_year": 0.36, "steps": "yearly"}, ends=2 * YEAR_HOURS)
    assert (at(yearly, YEAR_HOURS - 1), at(yearly, YEAR_HOURS)) == (3.0, pytest.approx(1.92))


def test_a_decline_acts_on_what_the_changes_leave_as_on_list_prices():
    found = course(changes=[(1_000.0, 2.0)], decline={"share_per_year": 0.36})
    assert at(found, 999.0) == pytest.approx(3.0 * 0.64 ** (1 / 12))
    assert at(found, 1_000.0) == pytest.approx(2.0 * 0.64 ** (1 / 12))
    assert at(found, 1_460.0) == pytest.approx(2.0 * 0.64 ** (2 / 12))


def test_a_term_fixes_the_rate_until_the_renewal():
    found = course(changes=[(100.0, 2.1), (5 * 730.0, 1.9)], term_months=3.0)
    moments = [0.0, 3 * 730.0 - 1, 3 * 730.0, 6 * 730.0 - 1, 6 * 730.0, 9 * 730.0]
    assert [at(found, hour) for hour in moments] == [3.0, 3.0, 2.1, 2.1, 1.9, 1.9]


def test_a_change_on_the_hour_of_a_renewal_is_in_it():
    found = course(changes=[(3 * 730.0, 2.1)], term_months=3.0)
    assert at(found, 3 * 730.0) == 2.1


def test_a_decline_under_a_term_is_that_of_the_renewals_month():
    found = course(decline={"share_per_year": 0.36}, term_months=6.0)
    assert found.from_hours == (0.0, 6 * 730.0)
    assert found.usd_per_hour == (3.0, pytest.approx(3.0 * 0.8))


def test_what_begins_later_falls_from_its_own_month_or_from_the_start():
    begins = 2 * 730.0 + 100.0
    of_then = course(decline={"share_per_year": 0.36}, begins=begins)
    assert (at(of_then, begins), at(of_then, 3 * 730.0)) == (3.0, pytest.approx(3.0 * 0.64 ** (1 / 12)))
    of_now = course(decline={"share_per_year": 0.36}, begins=begins, declines_from_hour=0.0)
    assert at(of_now, begins) == pytest.approx(3.0 * 0.64 ** (2 / 12))


def test_the_mean_between_moments_is_the_integral_over_the_time():
    found = RateCourse((0.0, 10.0, 25.0), (3.0, 2.0, 1.0))
    edges = np.array([0.0, 5.0, 12.0, 30.0])
    by_hand = [3.0, (5 * 3.0 + 2 * 2.0) / 7, (13 * 2.0 + 5 * 1.0) / 18]
    assert found.between(edges) == pytest.approx(by_hand)
    fine = np.arange(0.0, 30.0, 0.01) + 0.005
    levels = np.select([fine < 10, fine < 25], [3.0, 2.0], 1.0)
    assert found.between(np.array([0.0, 30.0])) == pytest.approx(levels.mean(), rel=1e-9)


def test_before_its_first_moment_the_first_rate_holds():
    assert RateCourse((100.0, 200.0), (3.0, 2.0)).between(np.array([0.0, 50.0, 150.0, 250.0])).tolist() == [3, 3, 2.5]
