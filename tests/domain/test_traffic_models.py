"""What a user may write on the demand, and what is refused with the key at fault."""

import math
from datetime import datetime

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from simulator.domain.events import Event, Holidays, Launch, Surge
from simulator.domain.growth import ExponentialGrowth, Growth, LinearGrowth, LogisticGrowth, SteppedGrowth
from simulator.domain.random_parts import Job, LengthLaw, Noise, Spikes, TokenLengths
from simulator.domain.recordings import Recording
from simulator.domain.shape import BlendPart, Shape
from simulator.domain.traffic import Traffic
from simulator.domain.units import DAYS_PER_MONTH

DAY = [1.0] * 24


def complaint(model, **content):
    """Key and text of the only fault."""
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(model).validate_python(content)
    (details,) = raised.value.errors()
    context = details.get("ctx", {})
    key = ".".join(str(part) for part in (*details["loc"], *([context["key"]] if context.get("key") else [])))
    return key, str(context.get("text", details["msg"]))


def traffic(**content):
    return Traffic(requests_per_day=1000.0, **content)


# Volume and growth


@pytest.mark.parametrize(
    ("volume", "requests_per_day"),
    [
        ({"tokens_per_month": 730_000.0}, 730_000 / 50 / DAYS_PER_MONTH),
        ({"tokens_per_day": 5_000.0}, 100),
        ({"requests_per_month": DAYS_PER_MONTH * 7}, 7),
        ({"requests_per_day": 12.0}, 12),
        ({"daily_users": 10.0, "sessions_per_user": 2.0, "queries_per_session": 3.0}, 60),
    ],
)
def test_every_way_to_give_the_volume_is_one_of_requests(volume, requests_per_day):
    requests_per_month = Traffic(**volume).requests_per_month_at(tokens_per_request=50.0)
    assert requests_per_month == pytest.approx(requests_per_day * DAYS_PER_MONTH)
    assert Traffic(**volume).mean_tokens_per_month(50.0) == pytest.approx(50 * requests_per_month)


def test_exactly_one_volume_is_given():
    assert complaint(Traffic)[1].endswith("holds none")
    key, text = complaint(Traffic, requests_per_day=1.0, daily_users=1.0)
    assert (key, text.split("; ")[1]) == ("daily_users", "holds requests_per_day, daily_users")
    assert complaint(Traffic, requests_per_day=1.0, queries_per_session=2.0)[0] == "queries_per_session"


def test_growth_is_given_in_one_way():
    assert traffic(growth_per_month=0.1).growth_law == ExponentialGrowth(per_month=0.1)
    assert traffic(growth={"kind": "linear", "per_month": 0.1}).growth_law == LinearGrowth(per_month=0.1)
    both = {"requests_per_day": 1.0, "growth_per_month": 0.1, "growth": {"kind": "linear", "per_month": 0.1}}
    assert complaint(Traffic, **both)[0] == "growth_per_month"


def test_growth_of_every_kind_starts_at_one():
    laws = [
        ExponentialGrowth(per_month=0.2),
        LinearGrowth(per_month=0.2),
        LogisticGrowth(per_month=0.2, ceiling_to_start=5.0),
        SteppedGrowth(steps=[{"from_month": 2, "factor": 3.0}]),
    ]
    for law in laws:
        assert law.factors(np.zeros(1)) == pytest.approx([1.0])
        assert TypeAdapter(Growth).validate_python(law.model_dump()) == law


def test_growth_of_every_kind_is_that_of_its_textbook():
    months = np.array([0.0, 1.0, 2.0, 60.0])
    assert ExponentialGrowth(per_month=0.5).factors(months)[:3] == pytest.approx([1, 1.5, 2.25])
    assert LinearGrowth(per_month=-0.4).factors(months) == pytest.approx([1, 0.6, 0.2, 0])
    logistic = LogisticGrowth(per_month=0.5, ceiling_to_start=4.0).factors(months)
    # Verhulst: the ratio of what is to what is left to the ceiling grows by the same factor every month.
    odds = logistic[:3] / (4 - logistic[:3])
    assert odds[1:] / odds[:-1] == pytest.approx([1.5, 1.5])
    assert logistic[-1] == pytest.approx(4, rel=1e-6)
    steps = SteppedGrowth(steps=[{"from_month": 1, "factor": 2.0}, {"from_month": 3, "factor": 0.5}])
    assert list(steps.factors(np.array([0.0, 1.0, 2.0, 3.0, 9.0]))) == [1, 2, 2, 0.5, 0.5]


def test_steps_of_growth_come_in_order():
    steps = [{"from_month": 3, "factor": 2.0}, {"from_month": 3, "factor": 1.0}]
    assert complaint(SteppedGrowth, steps=steps)[0] == "steps[1].from_month"


# Courses


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"weekday_hours": DAY}, "weekend_hours"),
        ({"weekend_hours": DAY}, "weekday_hours"),
        ({"weekday_hours": DAY, "weekend_hours": DAY, "hourly_weights": DAY}, "hourly_weights"),
        ({"weekday_hours": DAY, "weekend_hours": DAY, "diurnal": {"peak_hour": 1, "peak_to_mean": 2}}, "diurnal"),
        ({"weekday_hours": [0.0] * 24, "weekend_hours": [0.0] * 24}, "weekday_hours"),
        ({"weekday_hours": [1.0] * 23, "weekend_hours": DAY}, "weekday_hours"),
        ({"hourly_weights": [1.0] * 25}, "hourly_weights"),
        ({"hourly_weights": [0.0] * 24}, "hourly_weights"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"shift_hours": 169.0}, "shift_hours"),
        ({"cap_to_mean": 1.0}, "cap_to_mean"),
    ],
)
def test_a_course_that_contradicts_itself_is_refused(keys, key):
    assert complaint(Shape, **keys)[0] == key


def test_hours_of_the_week_are_five_weekdays_and_two_of_the_weekend():
    weekend = [0.0] * 12 + [2.0] * 12
    hours = Shape(weekday_hours=DAY, weekend_hours=weekend).hours_of_week
    assert len(hours) == 168
    assert set(hours[:120]) == {1.0}
    assert hours[120:144] == hours[144:] == tuple(weekend)
    assert Shape(hourly_weights=DAY).hours_of_week == tuple(DAY)
    assert Shape().hours_of_week == ()


# Noise, spikes, jobs, lengths


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({}, "relative_sd"),
        ({"relative_sd": 0.1, "parts": {"a": {"relative_sd": 0.1}}}, "relative_sd"),
        ({"relative_sd": 6.0}, "relative_sd"),
        ({"relative_sd": 0.1, "taylor_exponent": 2.1}, "taylor_exponent"),
        ({"parts": {"a": {"relative_sd": 0.0}}}, "parts.a.relative_sd"),
    ],
)
def test_noise_is_one_or_made_of_parts(keys, key):
    assert complaint(Noise, **keys)[0] == key


def test_parts_of_noise_are_told_apart_by_whether_they_fall_with_the_load():
    noise = Noise(
        parts={
            "fast": {"relative_sd": 0.1, "falls_with_load": True},
            "slow": {"relative_sd": 0.2, "correlation_time_s": 7200.0},
        }
    )
    assert [part.relative_sd for part in noise.falling_parts] == [0.1]
    assert [part.relative_sd for part in noise.steady_parts] == [0.2]
    single = Noise(relative_sd=0.3, correlation_time_s=60.0)
    assert [(part.relative_sd, part.correlation_time_s) for part in single.steady_parts] == [(0.3, 60.0)]
    assert single.falling_parts == ()


BOUNDED = {"per_week": 1.0, "least_height_to_mean": 1.0, "greatest_height_to_mean": 8.0}


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"height_to_mean": 2.0}, "per_month"),
        ({"per_week": 1.0, "per_month": 1.0, "height_to_mean": 2.0}, "per_month"),
        ({"per_week": 1.0}, "height_to_mean"),
        ({**BOUNDED, "height_to_mean": 2.0}, "height_to_mean"),
        ({"per_week": 1.0, "least_height_to_mean": 1.0}, "greatest_height_to_mean"),
        ({"per_week": 1.0, "greatest_height_to_mean": 1.0}, "least_height_to_mean"),
        ({**BOUNDED, "greatest_height_to_mean": 1.0}, "greatest_height_to_mean"),
        ({"per_week": 1.0, "height_to_mean": 2.0, "tail_index": 1.0}, "tail_index"),
    ],
)
def test_spikes_are_given_in_one_way(keys, key):
    assert complaint(Spikes, **keys)[0] == key


def test_spikes_of_a_week_are_as_many_as_those_of_a_month():
    assert Spikes(**BOUNDED).per_s == pytest.approx(1 / (7 * 86_400))
    monthly = Spikes(per_month=730 / 168, height_to_mean=2.0)
    assert monthly.per_s == pytest.approx(1 / (7 * 86_400))


@pytest.mark.parametrize("tail_index", [0.5, 1.0, 1.25, 3.0])
def test_the_mean_height_of_bounded_spikes_is_the_integral_over_their_law(tail_index):
    heights = np.geomspace(1.0, 8.0, 200_001)
    density = heights ** (-tail_index - 1)
    expected = np.trapezoid(heights * density, heights) / np.trapezoid(density, heights)
    assert Spikes(**BOUNDED, tail_index=tail_index).mean_height == pytest.approx(expected, rel=1e-6)


def test_the_volume_in_spikes_is_rate_times_height_times_decay():
    spikes = Spikes(per_week=2.0, height_to_mean=3.0, half_life_s=1200.0, half_life_log_sd=0.5)
    rng = np.random.default_rng(1)
    decay_s = (1200 * np.exp(0.5 * rng.standard_normal(400_000)) / math.log(2)).mean()
    excess = 2 / (7 * 86_400) * 3 * decay_s
    assert spikes.mean_excess == pytest.approx(excess, rel=0.005)
    assert spikes.expected_share == pytest.approx(excess / (1 + excess), rel=0.005)


def test_jobs_take_no_more_than_the_whole_volume():
    job = {"start_hour": 1.0, "duration_hours": 2.0}
    jobs = {"a": {**job, "share": 0.7}, "b": {**job, "share": 0.31}}
    assert complaint(Shape, jobs=jobs) == ("jobs.b.share", "is 0.31, all jobs together must be at most 1")
    assert complaint(Job, **{**job, "share": 0.1, "start_hour": 24.0})[0] == "start_hour"
    assert complaint(Job, **{**job, "share": 0.1, "days": "mondays"})[0] == "days"


def test_the_variance_of_lengths_is_that_of_a_lognormal():
    lengths = np.exp(0.7 * np.random.default_rng(2).standard_normal(2_000_000))
    assert LengthLaw(log_sd=0.7).relative_variance == pytest.approx(lengths.var() / lengths.mean() ** 2, rel=0.01)
    assert LengthLaw().relative_variance == 0
    assert not traffic(token_lengths=TokenLengths()).lengths_vary
    assert traffic(token_lengths={"input": {"log_sd": 0.1}}).lengths_vary


# Events


def test_events_are_told_apart_by_their_kind():
    kinds = {"launch": Launch, "surge": Surge, "holidays": Holidays}
    events = traffic(
        events={
            "launch": {"kind": "launch", "after_days": 7.5, "factor": 10},
            "surge": {"kind": "surge", "at": "2027-03-01T09:00", "hours": 3, "factor": 2},
            "holidays": {"kind": "holidays", "country": "DE", "subdivision": "BY", "factor": 0.4},
        }
    ).events
    assert {name: type(event) for name, event in events.items()} == kinds
    assert events["surge"].at == datetime(2027, 3, 1, 9)
    assert events["launch"].half_life_s == 8.5 * 3600


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"kind": "launch", "factor": 2.0}, "launch.at"),
        ({"kind": "launch", "factor": 2.0, "at": "2027-01-01", "after_days": 1.0}, "launch.at"),
        ({"kind": "launch", "factor": 2.0, "at": "2027-01-01T00:00+01:00"}, "launch.at"),
        ({"kind": "surge", "factor": 2.0, "after_days": 1.0}, "surge.hours"),
        ({"kind": "holidays", "factor": 0.5}, "holidays.country"),
        ({"kind": "holidays", "factor": 0.5, "country": "Germany"}, "holidays.country"),
        ({"kind": "holidays", "factor": 0.5, "country": "DE", "subdivision": "CA"}, "holidays.subdivision"),
        ({"kind": "holidays", "factor": 0.5, "dates": ["2027-01-01"], "subdivision": "CA"}, "holidays.subdivision"),
        ({"kind": "holidays", "dates": ["2027-01-01"]}, "holidays.factor"),
    ],
)
def test_an_event_that_has_no_moment_or_no_effect_is_refused(keys, key):
    assert complaint(Event, **keys)[0] == key


# Recordings and blends

RECORDING = Recording("r.csv", "x", 3600.0, None, np.array([10.0, np.nan, 30.0]), *[np.full(3, np.nan)] * 2)


def test_a_recording_has_a_volume_of_its_own_of_the_steps_that_are_known():
    replayed = Traffic(kind="trace", file="r.csv", recorded=RECORDING)
    assert replayed.requests_per_month_at(1.0) == pytest.approx(20 * 730)
    scaled = Traffic(kind="trace", file="r.csv", recorded=RECORDING, requests_per_month=5.0)
    assert scaled.requests_per_month_at(1.0) == 5


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"kind": "trace"}, "file"),
        ({"kind": "trace", "file": "r.csv", "noise": {"relative_sd": 0.1}}, "noise"),
        (
            {"kind": "trace", "file": "r.csv", "events": {"a": {"kind": "launch", "after_days": 1, "factor": 2}}},
            "events",
        ),
        ({"file": "r.csv"}, "file"),
        ({"repeat": "stretch"}, "repeat"),
        ({"time_column": "t"}, "time_column"),
        ({"recorded_from": "2026-01-01"}, "recorded_from"),
    ],
)
def test_keys_of_a_replay_and_of_a_drawn_shape_do_not_mix(keys, key):
    assert complaint(Shape, **keys)[0] == key


def test_a_recording_is_no_part_of_what_is_printed_or_dumped():
    replayed = Traffic(kind="trace", file="r.csv", recorded=RECORDING)
    assert "recorded" not in replayed.model_dump()
    assert "Recording" not in repr(replayed)


def test_shares_of_a_blend_add_to_one():
    parts = {"a": {"share": 0.5}, "b": {"share": 0.4}}
    key, text = complaint(Traffic, requests_per_day=1.0, blend=parts)
    assert (key, text) == ("blend.b.share", "is 0.4, all shares together are 0.9, must add to 1")
    assert complaint(BlendPart, timezone="UTC")[0] == "share"


@pytest.mark.parametrize(
    "keys",
    [
        {"timezone": "Europe/Paris"},
        {"shift_hours": 1.0},
        {"preset": "chat-consumer"},
        {"noise": {"relative_sd": 0.1}},
        {"diurnal": {"peak_hour": 9, "peak_to_mean": 2}},
        {"jobs": {"a": {"share": 0.1, "start_hour": 1, "duration_hours": 1}}},
    ],
)
def test_a_shape_beside_a_blend_is_refused(keys):
    (expected,) = keys
    assert complaint(Traffic, requests_per_day=1.0, blend={"a": {"share": 1.0}}, **keys)[0] == expected


def test_a_single_shape_is_a_blend_of_one():
    blended = traffic(blend={"a": {"share": 0.25, "timezone": "Asia/Tokyo"}, "b": {"share": 0.75}})
    assert {name: share for name, (share, _) in blended.shapes.items()} == {"a": 0.25, "b": 0.75}
    single = traffic(timezone="Asia/Tokyo")
    assert list(single.shapes.values()) == [(1.0, single)]
