"""The sampled demand: laws of its random parts, the clock on the wall, exact plans, the calendar of the bills."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.domain.random_parts import Noise
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.simulation import demand as demands
from simulator.simulation.demand import forget_draws, sample_demand
from simulator.simulation.noise import noise_law
from simulator.simulation.recursions import autoregress

VOLUME = {"tokens_per_month": 1e9}


def profile(traffic, seed=1, **horizon):
    """The profile of a traffic mapping. Shape (steps,)."""
    shape = Traffic.model_validate({**VOLUME, **traffic})
    return sample_demand(shape, Horizon.model_validate(horizon), seed).profile


# Plans


@settings(max_examples=80, deadline=None)
@given(
    times=st.lists(st.integers(1, 7_199), max_size=6, unique=True),
    levels=st.lists(st.floats(0.0, 50.0), min_size=7, max_size=7).filter(lambda levels: levels[0] > 0),
    interpolation=st.sampled_from(["steps", "linear"]),
    step_s=st.sampled_from([15.0, 60.0, 90.0, 300.0, 1800.0, 3600.0]),
    period_hours=st.sampled_from([None, 2.0, 2.75]),
)
def test_a_plan_keeps_its_exact_integral_in_every_step(times, levels, interpolation, step_s, period_hours):
    knots = [0, *sorted(times)]
    points = [{"at_s": float(t), "level": level} for t, level in zip(knots, levels, strict=False)]
    plan = {"interpolation": interpolation, "points": points}
    if period_hours is not None:
        plan["repeat_every_hours"] = period_hours
    hours = 6.0
    got = profile({"piecewise": plan}, hours=hours, step_s=step_s)

    # Second by second: the plan bends at whole seconds, so the mean of the ends of a second is exact.
    values = np.array(levels[: len(knots)])
    period_s = int(hours * 3600) if period_hours is None else int(period_hours * 3600)
    seconds = np.arange(int(hours * 3600)) % period_s
    if interpolation == "linear":
        means = (np.interp(seconds, knots, values) + np.interp(seconds + 1, knots, values)) / 2
    else:
        means = values[np.searchsorted(knots, seconds, side="right") - 1]
    expected = means.reshape(-1, int(step_s)).mean(axis=1)
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9, abs=1e-9)


def test_a_plan_bends_within_a_second_as_well():
    points = [{"at_s": 0, "level": 1}, {"at_s": 0.25, "level": 5}, {"at_s": 60.5, "level": 1}]
    got = profile({"piecewise": {"points": points}}, hours=0.05, step_s=60)
    expected = np.array([0.25 * 1 + 59.75 * 5, 0.5 * 5 + 59.5, 60]) / 60
    assert got == pytest.approx(expected / expected.mean(), rel=1e-12)


def test_a_plan_in_hours_is_the_plan_in_seconds():
    in_hours = [{"at_hours": 0, "level": 1}, {"at_hours": 0.5, "level": 4}]
    in_seconds = [{"at_s": 0, "level": 1}, {"at_s": 1800, "level": 4}]
    one, other = (profile({"piecewise": {"points": p}}, hours=2, step_s=600) for p in (in_hours, in_seconds))
    assert one.tobytes() == other.tobytes()


def test_a_plan_longer_than_the_horizon_is_cut():
    points = [{"at_s": 0, "level": 2}, {"at_s": 1800, "level": 6}, {"at_hours": 30, "level": 99}]
    assert profile({"piecewise": {"points": points}}, hours=1, step_s=1800) == pytest.approx([0.5, 1.5])


# The course of the day and the week


@pytest.mark.parametrize("peak_to_mean", [1.0, 1.4, 2.0, 2.5, 6.0, 12.0])
def test_a_day_has_its_peak_at_its_hour_and_mean_one(peak_to_mean):
    course = profile({"diurnal": {"peak_hour": 15, "peak_to_mean": peak_to_mean}}, days=1, step_s=60)
    assert course.mean() == pytest.approx(1.0, rel=1e-12)
    assert course.max() == pytest.approx(peak_to_mean, rel=1e-3)
    assert course.min() >= 0
    if peak_to_mean > 1:
        assert abs(int(np.argmax(course)) - 15 * 60) <= 1


def test_weekends_are_those_of_the_clock_on_the_wall():
    # 2027-01-01 is a Friday; in Auckland (UTC+13 in January) the weekend begins Friday 11:00 UTC.
    week = {"weekly": {"weekend_to_weekday": 0.25}, "timezone": "Pacific/Auckland"}
    course = profile(week, start=date(2027, 1, 1), days=7, step_s=3600)
    quiet = np.flatnonzero(course < course.max() / 2)
    assert quiet.min() == 11
    assert quiet.size == 48
    assert quiet.max() == 11 + 47


def test_seven_weights_begin_on_monday():
    # 2027-01-04 is a Monday.
    weights = [1, 2, 3, 4, 5, 6, 7]
    course = profile({"weekly": {"day_weights": weights}}, start=date(2027, 1, 4), days=7, step_s=86_400)
    assert course == pytest.approx(np.array(weights) / 4)


def test_hours_of_a_week_begin_on_monday_and_join_between_their_middles():
    weights = np.arange(168.0) % 24 + 1
    course = profile({"hourly_weights": weights.tolist()}, start=date(2027, 1, 4), days=7, step_s=3600)
    # The mean over an hour of lines that bend at its middle: three quarters its own weight, an eighth each side's.
    hours = (np.roll(weights, 1) + 6 * weights + np.roll(weights, -1)) / 8
    assert course == pytest.approx(hours / weights.mean(), rel=1e-9)
    fine = profile({"hourly_weights": weights.tolist()}, start=date(2027, 1, 4), days=7, step_s=60)
    minute = 10 * 60 + 45  # 10:45:30, three quarters and half a minute after the middle of the eleventh hour began
    between = 11 + (0.25 + 0.5 / 60) * 1.0
    assert fine[minute] / fine[10 * 60 + 30] == pytest.approx(between / (11 + 0.5 / 60), rel=1e-9)


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        (date(2027, 3, 26), "Europe/Berlin"),
        (date(2027, 10, 29), "Europe/Berlin"),
        (date(2027, 3, 12), "America/New_York"),
        (date(2027, 4, 2), "Australia/Lord_Howe"),  # half an hour of summer time
        (date(2027, 5, 1), "Asia/Kathmandu"),  # UTC+5:45
    ],
)
def test_the_day_follows_the_clock_on_the_wall_through_changes_of_summer_time(start, zone):
    shape = {"diurnal": {"peak_hour": 9, "peak_to_mean": 1.7}, "timezone": zone}
    got = profile(shape, start=start, days=5, step_s=900)
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    expected = np.zeros(5 * 96)
    for quarter in range(expected.size):
        for minute in range(15):
            local = (begin + timedelta(minutes=15 * quarter + minute, seconds=30)).astimezone(ZoneInfo(zone))
            hour = local.hour + local.minute / 60 + local.second / 3600
            expected[quarter] += (1 + 0.7 * math.cos((hour - 9) * math.pi / 12)) / 15
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9)


# Noise


def covariance_of(autoregression, size):
    """Covariance of what a recursion, linear in independent normals, makes of them. Shape (size, size)."""
    rows = np.zeros((size, size + 1))  # one normal more than values: the past of the first
    for normal in range(size + 1):
        values = np.zeros(size + 1)
        values[normal] = 1.0
        autoregress(values, *autoregression)
        rows[:, normal] = values[:size]
    return rows @ rows.T


@pytest.mark.parametrize("correlation_time_s", [600.0, 3600.0, 86_400.0])
@pytest.mark.parametrize("base_s", [60.0, 3600.0])
@pytest.mark.parametrize("size", [2, 3, 24])
def test_the_noise_is_stationary_from_the_first_step_to_the_last(base_s, correlation_time_s, size):
    _, persistence, moving_average, innovation_sd = noise_law(
        Noise(relative_sd=0.5, correlation_time_s=correlation_time_s), base_s
    )
    covariance = covariance_of((persistence, moving_average, innovation_sd), size)
    lag_one = persistence + moving_average * innovation_sd**2
    expected = [1.0] + [lag_one * persistence ** (lag - 1) for lag in range(1, size)]
    lags = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    np.testing.assert_allclose(covariance, np.array(expected)[lags], atol=1e-9)


def minute_covariance(noise, lag_s):
    """Covariance of the noise itself at two moments: of the exponential of an autoregression."""
    log_variance = math.log1p(noise.relative_sd**2)
    correlation = np.exp(-np.abs(lag_s) / noise.correlation_time_s) if noise.correlation_time_s else 1.0 * (lag_s == 0)
    return np.expm1(log_variance * correlation)


def covariance_of_means(noise, window_s, lag_windows):
    """Covariance of the means over two windows of minutes, by the double sum over their minutes."""
    minutes = np.arange(window_s / 60.0) * 60.0
    lags = lag_windows * window_s + np.subtract.outer(minutes, minutes)
    return float(minute_covariance(noise, lags).mean())


@pytest.mark.parametrize("relative_sd", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("correlation_time_s", [0.0, 60.0, 600.0, 3600.0, 86_400.0])
@pytest.mark.parametrize("base_s", [3600.0, 7200.0, 21_600.0])
def test_noise_drawn_in_long_steps_has_the_law_of_the_mean_over_its_minutes(base_s, correlation_time_s, relative_sd):
    noise = Noise(relative_sd=relative_sd, correlation_time_s=correlation_time_s)
    variance, persistence, moving_average, innovation_sd = noise_law(noise, base_s)
    assert math.expm1(variance) == pytest.approx(covariance_of_means(noise, base_s, 0), rel=1e-9)
    lag_one = persistence + moving_average * innovation_sd**2
    assert math.expm1(variance * lag_one) == pytest.approx(covariance_of_means(noise, base_s, 1), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("correlation_time_s", [1800.0, 10_800.0])
def test_two_hours_of_hourly_noise_vary_and_remember_as_two_hours_of_minutes(correlation_time_s):
    noise = Noise(relative_sd=0.6, correlation_time_s=correlation_time_s)
    variance, persistence, moving_average, innovation_sd = noise_law(noise, 3600.0)
    lag_one = persistence + moving_average * innovation_sd**2
    lags = [1.0] + [lag_one * persistence**k for k in range(3)]
    hourly = [math.expm1(variance * correlation) for correlation in lags]  # covariances at 0, 1, 2, 3 hours
    assert (hourly[0] + hourly[1]) / 2 == pytest.approx(covariance_of_means(noise, 7200.0, 0), rel=1e-6)
    assert (hourly[1] + 2 * hourly[2] + hourly[3]) / 4 == pytest.approx(
        covariance_of_means(noise, 7200.0, 1), rel=0.02, abs=2e-4
    )


def test_minutes_and_hours_of_noise_have_the_same_variance_and_memory():
    noise = {"noise": {"relative_sd": 0.6, "correlation_time_s": 5400.0}}
    minutes = profile(noise, seed=3, months=3, step_s=60).reshape(-1, 120).mean(axis=1)
    hours = profile(noise, seed=4, months=60, step_s=3600).reshape(-1, 2).mean(axis=1)
    law = Noise(relative_sd=0.6, correlation_time_s=5400.0)
    for series, tolerance in ((minutes, 0.2), (hours, 0.06)):
        centred = series - series.mean()
        assert series.mean() == pytest.approx(1.0, abs=0.07)
        assert centred.var() == pytest.approx(covariance_of_means(law, 7200.0, 0), rel=tolerance)
        lagged = (centred[1:] * centred[:-1]).mean()
        assert lagged == pytest.approx(covariance_of_means(law, 7200.0, 1), rel=1.5 * tolerance)


@pytest.mark.parametrize(
    "part",
    [
        {"noise": {"relative_sd": 0.8, "correlation_time_s": 3600.0}},
        {"spikes": {"per_month": 300, "height_to_mean": 2.0, "half_life_s": 1800.0, "tail_index": 3.0}},
    ],
    ids=["noise", "spikes"],
)
@pytest.mark.parametrize("step_s", [300.0, 3600.0])
def test_the_mean_over_many_seeds_is_one(part, step_s):
    means = np.array([profile(part, seed=seed, days=10, step_s=step_s).mean() for seed in range(120)])
    assert means.mean() == pytest.approx(1.0, abs=4 * means.std() / math.sqrt(means.size))
    assert 0 < means.std() < 0.5  # in expectation, not on every path


def test_random_parts_have_streams_of_their_own():
    noise = {"noise": {"relative_sd": 0.5, "correlation_time_s": 900.0}}
    spikes = {"spikes": {"per_month": 500, "height_to_mean": 1.0}}
    alone = profile(noise, days=2, step_s=60), profile(spikes, days=2, step_s=60)
    together = profile({**noise, **spikes}, days=2, step_s=60)
    assert together == pytest.approx(alone[0] * alone[1], rel=1e-12)


def test_another_seed_draws_other_numbers_and_the_same_seed_the_same_bytes():
    parts = {"noise": {"relative_sd": 0.5}, "spikes": {"per_month": 500, "height_to_mean": 1.0}}

    def drawn(seed):
        forget_draws()
        return profile(parts, seed=seed, days=2, step_s=300).tobytes()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


# Spikes


def test_spikes_in_hours_are_the_same_spikes_as_in_minutes():
    spikes = {"spikes": {"per_month": 400, "height_to_mean": 3.0, "half_life_s": 900.0}}
    minutes = profile(spikes, seed=5, days=3, step_s=60)
    for step_s in (300.0, 3600.0, 7200.0):
        coarse = profile(spikes, seed=5, days=3, step_s=step_s)
        assert coarse == pytest.approx(minutes.reshape(coarse.size, -1).mean(axis=1), rel=1e-9)


def test_a_spike_falls_to_half_in_its_half_life():
    # Seldom enough that spikes come alone, found as the rises of the profile over its lowest level.
    spikes = {"spikes": {"per_month": 20, "height_to_mean": 50.0, "half_life_s": 600.0}}
    course = profile(spikes, seed=2, months=1, step_s=60)
    extra = course / course.min() - 1.0
    top = int(np.argmax(extra)) + 1  # the step after the spike came: nothing but decay
    assert extra[top + 10] / extra[top] == pytest.approx(0.5, rel=0.02)
    assert extra[top + 20] / extra[top] == pytest.approx(0.25, rel=0.04)


# The calendar


def test_bill_months_are_blocks_of_730_hours_and_grow_at_their_starts():
    traffic = Traffic.model_validate({**VOLUME, "growth_per_month": 0.1})
    demand = sample_demand(traffic, Horizon.model_validate({"days": 70, "step_s": 3600}), 0)
    assert demand.month_ends.tolist() == [730, 1460, 1680]
    assert demand.months == pytest.approx([1.0, 1.0, 220 / 730])
    assert demand.growth == pytest.approx([1.0, 1.1, 1.21])
    grown = demand.profile * demand.growth_by_step
    assert (grown[729], grown[730], grown[1460]) == pytest.approx((1.0, 1.1, 1.21))
    assert demand.by_month(grown) == pytest.approx([730.0, 803.0, 220 * 1.21])


@pytest.mark.parametrize("days", [15, 18, 20, 30])
def test_steps_may_be_as_long_as_the_months_that_are_billed(days):
    horizon = Horizon.model_validate({"days": 180, "step_s": days * 86_400.0})
    demand = sample_demand(Traffic.model_validate(VOLUME), horizon, 0)
    assert demand.by_month(demand.profile).sum() == pytest.approx(demand.profile.sum())
    assert demand.months.sum() == pytest.approx(180 * 24 / 730)


def test_no_demand_in_the_whole_horizon_is_a_fault():
    # 2027-01-04 is a Monday; only weekends have demand.
    weekend = {"weekly": {"day_weights": [0, 0, 0, 0, 0, 1, 1]}}
    with pytest.raises(ValueError, match=r"traffic.* is 0 at every step of the horizon"):
        profile(weekend, start=date(2027, 1, 4), days=2, step_s=3600)


def test_threads_draw_a_demand_once_and_share_it(monkeypatch):
    drawn = []
    draw = demands._draw

    def counted(traffic, horizon, seed, requests_per_month):
        drawn.append(seed)
        time.sleep(0.001)
        return draw(traffic, horizon, seed, requests_per_month)

    def demand_of_seed(seed):
        return sample_demand(traffic, horizon, seed)

    monkeypatch.setattr(demands, "_draw", counted)
    forget_draws()
    traffic, horizon = Traffic.model_validate(VOLUME), Horizon.model_validate({"days": 1})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(demand_of_seed, [seed for seed in range(16) for _ in range(4)]))
        assert sorted(drawn) == list(range(16))
        assert len(set(map(id, found))) == 16
        many = list(pool.map(demand_of_seed, range(200)))  # more than are kept
    assert len(set(map(id, many))) == 200
