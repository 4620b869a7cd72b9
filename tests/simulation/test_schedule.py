"""Replicas by the clock on the wall, and by last week's same hour."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import simulator as sim
from simulator.domain.autoscaling import WEEKDAYS, Scheduled, ScheduledReplicas


def scenario(autoscaling, *, start="2026-11-30", days=14.0, step_s=900.0, cold_start_s=0.0, traffic=None, **fleet):
    """A fleet of replicas of 100 tokens/s; November 30th of 2026 is a Monday."""
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    return {
        "title": "by the clock",
        "horizon": {"start": date.fromisoformat(start), "days": days, "step_s": step_s},
        "traffic": {"tokens_per_month": 100.0 * 2_628_000.0, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {
            "api": {"kind": "api", "prices": price},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"total_tokens_per_s": 100.0},
                "autoscaling": autoscaling,
                "cold_start_s": cold_start_s,
                **fleet,
            },
        },
    }


def billed(*arguments, **changes):
    return sim.simulate(scenario(*arguments, **changes), option="fleet").billed_replicas


OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from_hour": 8, "to_hour": 18, "replicas": 5}


def test_office_hours_have_their_replicas_and_the_rest_of_the_week_has_others():
    got = billed({"kind": "scheduled", "windows": [OFFICE], "otherwise": 1}, days=7.0).reshape(7, 96)
    day = np.where((np.arange(96) >= 32) & (np.arange(96) < 72), 5, 1)
    assert got.tolist() == [day.tolist()] * 5 + [[1] * 96] * 2


def test_hours_are_those_of_the_clock_on_the_wall_and_follow_its_changes():
    # New York is five hours behind UTC in winter and four in summer; the clock changes on March 14th of 2027, a Sunday.
    schedule = {"kind": "scheduled", "timezone": "America/New_York", "windows": [OFFICE]}
    got = billed(schedule, start="2027-03-12", days=4.0).reshape(4, 96)
    friday, monday = np.flatnonzero(got[0]), np.flatnonzero(got[3])
    assert (friday[0] / 4, (friday[-1] + 1) / 4) == (13, 23)
    assert (monday[0] / 4, (monday[-1] + 1) / 4) == (12, 22)
    assert got[1:3].sum() == 0


def test_hours_may_end_on_the_next_day():
    night = {"days": ["sun"], "from_hour": 22, "to_hour": 6, "replicas": 2}
    got = billed({"kind": "scheduled", "windows": [night]}, days=7.0)
    assert np.flatnonzero(got).tolist() == [*range(24), *range(672 - 8, 672)]  # Monday to 6 h, Sunday from 22 h


def test_where_hours_overlap_the_greatest_number_counts():
    lunch = {"from_hour": 12, "to_hour": 13, "replicas": 9}
    got = billed({"kind": "scheduled", "windows": [OFFICE, lunch], "otherwise": 0}, days=1.0)
    assert got.tolist() == [0] * 32 + [5] * 16 + [9] * 4 + [5] * 20 + [0] * 24


def test_scheduled_replicas_are_ready_when_their_hours_begin():
    ledger = sim.simulate(scenario({"kind": "scheduled", "windows": [OFFICE]}, cold_start_s=1800.0), option="fleet")
    assert np.flatnonzero(ledger.billed_replicas)[0] == 32 - 2
    assert np.flatnonzero(ledger.ready_replicas)[0] == 32


def test_they_may_be_ordered_when_the_hours_begin():
    schedule = {"kind": "scheduled", "windows": [OFFICE], "ordered_ahead_s": 0}
    ledger = sim.simulate(scenario(schedule, cold_start_s=1800.0), option="fleet")
    assert np.flatnonzero(ledger.billed_replicas)[0] == 32
    assert np.flatnonzero(ledger.ready_replicas)[0] == 34


def test_above_the_schedule_there_are_as_many_as_the_load_needs_where_it_says_so():
    schedule = {"kind": "scheduled", "windows": [OFFICE], "target_share": 0.25, "stabilisation_s": 0}
    got = billed(schedule, days=1.0)  # a load of 1 needs 4
    assert got.tolist() == [4] * 32 + [5] * 40 + [4] * 24


def test_a_schedule_overrides_minimum_and_spare_but_not_the_maximum():
    got = billed(
        {"kind": "scheduled", "windows": [OFFICE]}, days=1.0, replicas={"minimum": 2, "spare": 1, "maximum": 4}
    )
    assert set(got) == {0, 4}


def by_the_calendar(schedule, start, steps, step_s):
    """Replicas at the middle of every step, read off the calendar day by day."""
    zone, counts = ZoneInfo(schedule.timezone), []
    for step in range(steps):
        wall = (start + timedelta(seconds=(step + 0.5) * step_s)).astimezone(zone)
        number = None
        for back in (0, 1):
            day = (wall - timedelta(days=back)).weekday()
            for window in schedule.windows:
                hour = wall.hour + wall.minute / 60 + wall.second / 3600 + 24 * back
                end = window.to_hour if window.to_hour > window.from_hour else window.to_hour + 24
                if WEEKDAYS[day] in window.days and window.from_hour <= hour < end:
                    number = max(number or 0, window.replicas)
        counts.append(schedule.otherwise if number is None else number)
    return counts


HOURS = st.integers(0, 24).map(float)


@settings(max_examples=25, deadline=None)
@given(
    windows=st.lists(
        st.builds(
            ScheduledReplicas,
            days=st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(tuple),
            from_hour=HOURS,
            to_hour=HOURS,
            replicas=st.integers(0, 6),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    zone=st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata", "America/New_York"]),
    otherwise=st.integers(0, 3),
)
def test_any_schedule_gives_the_replicas_that_the_calendar_gives(windows, zone, otherwise):
    schedule = Scheduled(kind="scheduled", timezone=zone, windows=windows, otherwise=otherwise)
    got = billed(schedule.model_dump(mode="json"), start="2026-11-28", days=9.0, step_s=1800.0)
    start = datetime(2026, 11, 28, tzinfo=UTC)
    assert got.tolist() == by_the_calendar(schedule, start, 9 * 48, 1800.0)


def test_a_zone_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="Europe/Pariss"):
        Scheduled(kind="scheduled", timezone="Europe/Pariss", windows=(ScheduledReplicas(replicas=1),))


# Last week's same hour.

WEEK = 7 * 24


def hourly(levels):
    points = [{"at_s": hour * 3600.0, "level": float(level)} for hour, level in enumerate(levels)]
    mean = sum(levels) / len(levels)
    return {"tokens_per_month": mean * 100.0 * 2_628_000.0, "piecewise": {"points": points}}


def predicted(levels, **changes):
    policy = {"kind": "predictive", "target_share": 1.0, "margin_share": 0.0, "stabilisation_s": 0}
    policy |= {key: changes.pop(key) for key in list(changes) if key in ("target_share", "margin_share")}
    days = len(levels) / 24
    return billed(policy, days=days, step_s=1200.0, traffic=hourly(levels), **changes)


def test_in_the_second_week_the_replicas_are_those_of_the_first_week_s_hours():
    first = [1 + hour % 5 for hour in range(WEEK)]
    second = [2] * 48
    got = predicted(first + second)
    assert got[: 3 * WEEK].tolist() == np.repeat(first, 3).tolist()  # by the load
    assert got[3 * WEEK :].tolist() == np.repeat(first[:48], 3).tolist()  # by last week's


def test_a_margin_comes_on_top_of_last_week_and_the_target_below():
    got = predicted([4] * WEEK + [1] * 24, margin_share=0.25, target_share=0.5)
    assert got[3 * WEEK :].tolist() == [10] * 72  # 4 x 1.25 / 0.5
    assert got[: 3 * WEEK].tolist() == [8] * 3 * WEEK  # in the first week no margin: the load over the target


def test_what_is_meant_is_the_mean_over_the_hour():
    # Twenty minutes at 6 and forty at 0 in every hour: 2 on average, at every step of the hour.
    points = [{"at_s": 1200.0 * third, "level": 6.0 if third % 3 == 0 else 0.0} for third in range(3 * (WEEK + 24))]
    traffic = {"tokens_per_month": 2.0 * 100.0 * 2_628_000.0, "piecewise": {"points": points}}
    policy = {"kind": "predictive", "target_share": 1.0, "margin_share": 0.0, "stabilisation_s": 0}
    got = billed(policy, days=8.0, step_s=1200.0, traffic=traffic, replicas={"minimum": 0})
    assert got[3 * WEEK :].tolist() == [2] * 72


def test_replicas_are_ordered_one_cold_start_before_the_hour_that_needs_them():
    week = [1] * WEEK
    week[10] = 7
    traffic = hourly(week + [1] * 24)
    policy = {"kind": "predictive", "target_share": 1.0, "margin_share": 0.0, "stabilisation_s": 0}
    changes = {"days": 8.0, "step_s": 1200.0, "traffic": traffic, "cold_start_s": 2400.0}
    ledger = sim.simulate(scenario(policy, **changes), option="fleet")
    second = slice(3 * WEEK, None)
    assert np.flatnonzero(ledger.billed_replicas[second] == 7).tolist() == [28, 29, 30, 31, 32]
    assert np.flatnonzero(ledger.ready_replicas[second] == 7).tolist() == [30, 31, 32]
