"""The regular course on the clock on the wall: daylight saving, holidays, launches and surges, minute by minute."""

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.simulation.demand import sample_demand

UNEVEN_WEEK = [1.0 + (7 * hour % 24) / 5 + hour // 24 for hour in range(168)]
NEXT_YEAR = date(2027, 1, 4)  # a Monday


def profile(traffic, **horizon):
    """Demand over its mean in every step. Shape (steps,)."""
    shape = Traffic.model_validate({"requests_per_day": 1e4, **traffic})
    return sample_demand(shape, Horizon.model_validate(horizon), 1).profile


def local_minutes(start, days, zone, shift_hours=0.0):
    """The middle of every minute as a local time, with the course's shift taken off."""
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(seconds=30)
    for minute in range(round(days * 1440)):
        local = (begin + timedelta(minutes=minute)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        yield local - timedelta(hours=shift_hours)


def weight_of_week(moment, weights=UNEVEN_WEEK):
    """Hourly weights joined by straight lines between the middles of their hours."""
    hour = moment.weekday() * 24 + moment.hour + moment.minute / 60 + moment.second / 3600 - 0.5
    before = math.floor(hour)
    return weights[before % 168] + (hour - before) * (weights[(before + 1) % 168] - weights[before % 168])


# Daylight saving


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2027, 3, 28), "Europe/Berlin", 23),
        (date(2027, 10, 31), "Europe/Berlin", 25),
        (date(2027, 4, 4), "Australia/Lord_Howe", 24.5),  # half an hour of summer time, in the southern summer
        (date(2027, 10, 3), "Australia/Lord_Howe", 23.5),
        (date(2027, 4, 4), "Pacific/Auckland", 25),
        (date(2027, 9, 26), "Pacific/Auckland", 23),
        (date(2027, 6, 6), "Europe/Berlin", 24),
    ],
)
@pytest.mark.parametrize("step_s", [60, 1800])
def test_a_sunday_of_summer_time_has_as_many_hours_as_the_clock_on_the_wall(day, zone, hours, step_s):
    only_sundays = {"weekly": {"day_weights": [0, 0, 0, 0, 0, 0, 1]}, "timezone": zone}
    course = profile(only_sundays, start=day - timedelta(days=2), days=4, step_s=step_s)
    assert np.count_nonzero(course) * step_s / 3600 == pytest.approx(hours)


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        (date(2027, 3, 27), "Europe/Berlin"),
        (date(2027, 10, 30), "Europe/Berlin"),
        (date(2027, 4, 3), "Australia/Lord_Howe"),
        (date(2027, 9, 25), "Pacific/Auckland"),
        (date(2027, 3, 13), "America/St_Johns"),  # UTC-3:30
        (date(2027, 9, 4), "America/Santiago"),  # changes at midnight
    ],
)
@pytest.mark.parametrize("shift_hours", [0.0, -5.25, 31.5])
def test_the_week_follows_the_clock_on_the_wall_and_its_shift(start, zone, shift_hours):
    shape = {"hourly_weights": UNEVEN_WEEK, "timezone": zone, "shift_hours": shift_hours}
    expected = np.array([weight_of_week(moment) for moment in local_minutes(start, 3, zone, shift_hours)])
    for step_s in (60, 3600):
        steps = expected.reshape(-1, step_s // 60).mean(axis=1)
        assert profile(shape, start=start, days=3, step_s=step_s) == pytest.approx(steps / steps.mean(), rel=1e-9)


def test_a_shift_of_a_course_moves_it_later():
    shape = {"diurnal": {"peak_hour": 10, "peak_to_mean": 1.8}}
    usual = profile(shape, days=2, step_s=3600)
    later = profile({**shape, "shift_hours": 3}, days=2, step_s=3600)
    assert later == pytest.approx(np.roll(usual, 3), rel=1e-9)


# Long steps


EVENTS = {
    "release": {"kind": "launch", "at": "2027-03-27T09:07:20", "factor": 5, "half_life_s": 4000, "lasting_factor": 1.2},
    "outage": {"kind": "surge", "at": "2027-03-28T01:10:00", "hours": 2.3, "factor": 0.1},
    "easter": {"kind": "holidays", "country": "DE", "factor": 0.4, "course": "weekend"},
}


@settings(max_examples=25, deadline=None)
@given(
    course=st.sampled_from(
        [
            {"diurnal": {"peak_hour": 15.5, "peak_to_mean": 3.0}, "weekly": {"weekend_to_weekday": 0.3}},
            {"hourly_weights": UNEVEN_WEEK},
            {"weekday_hours": list(range(1, 25)), "weekend_hours": [3] * 24},
            {"piecewise": {"points": [{"at_s": 0, "level": 1}, {"at_s": 100_007, "level": 3}]}},
            {},
        ]
    ),
    events=st.sets(st.sampled_from(sorted(EVENTS)), min_size=1),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    step_s=st.sampled_from([300, 1800, 3600, 5400, 7200, 43_200, 86_400]),
)
def test_a_long_step_is_the_exact_mean_of_its_minutes(course, events, zone, step_s):
    shape = {**course, "timezone": zone, "events": {name: EVENTS[name] for name in events}}
    minutes = profile(shape, start=date(2027, 3, 26), days=6, step_s=60)
    long = profile(shape, start=date(2027, 3, 26), days=6, step_s=step_s)
    assert long == pytest.approx(minutes.reshape(long.size, -1).mean(axis=1), rel=1e-9)


# Launches and surges


def launch(factor, half_life_s, lasting, since_s):
    """Demand so long after a launch, over that before."""
    return np.where(since_s < 0, 1.0, lasting + (factor - lasting) * 2.0 ** (-np.maximum(since_s, 0) / half_life_s))


@pytest.mark.parametrize("step_s", [15, 60, 90, 300, 3600])
@pytest.mark.parametrize(("at_s", "lasting"), [(4_521.3, 1.0), (0.0, 1.5), (10_799.9, 0.6)])
def test_a_launch_is_the_integral_of_its_decay_in_every_step(step_s, at_s, lasting):
    event = {"kind": "launch", "after_days": at_s / 86_400, "factor": 6, "half_life_s": 700, "lasting_factor": lasting}
    tenths_s = (np.arange(6 * 36_000) + 0.5) / 10
    means = launch(6, 700, lasting, tenths_s - at_s).reshape(-1, step_s * 10).mean(axis=1)
    assert profile({"events": {"it": event}}, hours=6, step_s=step_s) == pytest.approx(means / means.mean(), rel=1e-4)


def test_a_launch_before_the_start_has_decayed_until_then():
    event = {"kind": "launch", "at": "2027-01-03T22:00:00", "factor": 9, "half_life_s": 3600, "lasting_factor": 2}
    seconds = np.arange(6 * 3600) + 0.5
    means = launch(9, 3600, 2, seconds + 7200).reshape(-1, 600).mean(axis=1)
    got = profile({"events": {"it": event}}, start=NEXT_YEAR, hours=6, step_s=600)
    assert got == pytest.approx(means / means.mean(), rel=1e-6)


@pytest.mark.parametrize("step_s", [15, 60, 90, 300, 3600])
@pytest.mark.parametrize(("at_s", "hours"), [(4_521.3, 1.234), (3_600.0, 2.0), (4_000.2, 0.001), (20_000.0, 50.0)])
def test_a_surge_fills_the_part_of_a_step_that_it_lasts(step_s, at_s, hours):
    event = {"kind": "surge", "after_days": at_s / 86_400, "hours": hours, "factor": 7.5}
    tenths_s = (np.arange(6 * 36_000) + 0.5) / 10
    during = (tenths_s >= at_s) & (tenths_s < at_s + hours * 3600)
    means = np.where(during, 7.5, 1.0).reshape(-1, step_s * 10).mean(axis=1)
    got = profile({"events": {"it": event}}, hours=6, step_s=step_s)
    # To a tenth of a second at each of its two ends.
    assert got == pytest.approx(means / means.mean(), abs=6.5 * 0.2 / step_s)


def test_events_multiply_each_other_and_the_course():
    diurnal = {"diurnal": {"peak_hour": 9, "peak_to_mean": 1.5}}
    surges = {
        "one": {"kind": "surge", "after_days": 0.25, "hours": 6, "factor": 2},
        "other": {"kind": "surge", "after_days": 0.375, "hours": 6, "factor": 3},
    }
    got = profile({**diurnal, "events": surges}, days=1, step_s=3600)
    factors = np.ones(24)
    factors[6:12] *= 2
    factors[9:15] *= 3
    expected = profile(diurnal, days=1, step_s=3600) * factors
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9)


def test_days_after_the_start_and_a_local_date_name_the_same_moment():
    # 2027-03-28 09:00 in Berlin is 07:00 UTC, a day with a change at 01:00 UTC.
    common = {"kind": "launch", "factor": 3, "half_life_s": 9_000}
    dated = {"events": {"it": {**common, "at": "2027-03-28T09:00:00"}}, "timezone": "Europe/Berlin"}
    counted = {"events": {"it": {**common, "after_days": 2 + 7 / 24}}, "timezone": "Europe/Berlin"}
    one, other = (profile(shape, start=date(2027, 3, 26), days=4, step_s=300) for shape in (dated, counted))
    assert one == pytest.approx(other, rel=1e-9)


# Holidays


def quiet_days(shape, zone="UTC", **horizon):
    """Local dates of the hours below the usual."""
    begin = datetime(horizon["start"].year, horizon["start"].month, horizon["start"].day, tzinfo=UTC)
    course = profile({**shape, "timezone": zone}, step_s=3600, **horizon)
    hours = np.flatnonzero(course < 0.9 * course.max())
    return {(begin + timedelta(hours=int(hour))).astimezone(ZoneInfo(zone)).date() for hour in hours}, hours.size


def test_the_holidays_of_germany_in_the_spring_are_those_of_its_calendar():
    # Easter 2027 is on 28 March: Good Friday and Easter Monday beside it, Ascension 39 days later, and May Day.
    shape = {"events": {"off": {"kind": "holidays", "country": "DE", "factor": 0.3}}}
    days, hours = quiet_days(shape, "Europe/Berlin", start=date(2027, 3, 20), days=50)
    assert days == {date(2027, 3, 26), date(2027, 3, 29), date(2027, 5, 1), date(2027, 5, 6)}
    assert hours == 4 * 24


def test_a_state_has_holidays_of_its_own():
    epiphany = date(2027, 1, 6)
    for state, expected in (("BY", {epiphany}), ("HH", set())):
        off = {"kind": "holidays", "country": "DE", "subdivision": state, "factor": 0.3}
        days, _ = quiet_days({"events": {"off": off}}, "Europe/Berlin", start=date(2027, 1, 3), days=6)
        assert days == expected


def test_a_given_holiday_has_the_23_hours_of_its_day_and_more_than_one_year_is_covered():
    given_days = {"kind": "holidays", "dates": ["2027-03-28", "2027-12-31", "2028-01-01"], "factor": 0.5}
    shape = {"events": {"off": given_days}}
    days, hours = quiet_days(shape, "Europe/Berlin", start=date(2027, 3, 26), days=5)
    assert (days, hours) == ({date(2027, 3, 28)}, 23)
    days, hours = quiet_days(shape, "Europe/Berlin", start=date(2027, 12, 29), days=6)
    assert (days, hours) == ({date(2027, 12, 31), date(2028, 1, 1)}, 48)


@pytest.mark.parametrize("step_s", [60, 1800, 3600])
@pytest.mark.parametrize("factor", [1.0, 0.8])
def test_a_holiday_may_have_the_hours_of_a_sunday(step_s, factor):
    # Good Friday 2027-03-26 with the hours of Sunday, 2027-03-28 (which has 23 hours itself; the Friday has 24).
    zone, friday = "Europe/Berlin", date(2027, 3, 26)
    off = {"kind": "holidays", "dates": [str(friday)], "course": "weekend", "factor": factor}
    shape = {"hourly_weights": UNEVEN_WEEK, "timezone": zone, "events": {"off": off}}
    expected = []
    for moment in local_minutes(date(2027, 3, 25), 3, zone):
        if moment.date() == friday:
            expected.append(factor * weight_of_week(moment + timedelta(days=2)))
        else:
            expected.append(weight_of_week(moment))
    means = np.array(expected).reshape(-1, step_s // 60).mean(axis=1)
    got = profile(shape, start=date(2027, 3, 25), days=3, step_s=step_s)
    assert got == pytest.approx(means / means.mean(), rel=1e-9)
