"""Spikes and scheduled jobs: how many, how high, how long, at which hour, and what share of the volume."""

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import integrate

from simulator.domain.random_parts import Spikes
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.simulation.bursts import spike_level
from simulator.simulation.demand import sample_demand

DAYS_PER_MONTH = 730 / 24


def profile(traffic, seed=1, **horizon):
    """Demand over its mean in every step. Shape (steps,)."""
    shape = Traffic.model_validate({"requests_per_day": 1e4, **traffic})
    return sample_demand(shape, Horizon.model_validate(horizon), seed).profile


def mean_and_error(samples):
    """Mean of independent samples and its standard error."""
    samples = np.asarray(samples)
    return samples.mean(), samples.std(ddof=1) / math.sqrt(samples.size)


# Spikes


def single_spikes(spikes, days, step_s, seed=1):
    """Jump of every spike that stands alone: what is above the decay of what was there."""
    level = spike_level(
        Spikes.model_validate(spikes), round(days * 86_400 / step_s), step_s, np.random.default_rng(seed)
    )
    keep = 0.5 ** (step_s / spikes["half_life_s"])
    return level[1:] - keep * level[:-1], level


def test_spikes_come_at_their_rate():
    spikes = {"per_week": 20, "height_to_mean": 1.0, "half_life_s": 60}
    rises, _ = single_spikes(spikes, 700, 60)
    # A spike within a step leaves a rise in that one and the next; both together count as one.
    up = rises > 1e-9
    count = np.count_nonzero(up[1:] & ~up[:-1])
    assert count == pytest.approx(100 * 20, abs=4 * math.sqrt(2_000) + 2_000 * 2 * 20 / 10_080)
    monthly = Spikes(per_month=20 * 730 / 168, height_to_mean=1.0)
    assert monthly.per_s == pytest.approx(Spikes(per_week=20, height_to_mean=1.0).per_s)


@pytest.mark.parametrize(("low", "high", "tail"), [(0.4, 8.0, 1.3), (1.0, 3.0, 1.0), (0.5, 50.0, 0.6), (2.0, 4.0, 5.0)])
def test_the_mean_height_of_a_pareto_law_with_an_end_is_its_integral(low, high, tail):
    spikes = Spikes(per_week=1, least_height_to_mean=low, greatest_height_to_mean=high, tail_index=tail)
    density = lambda height: height ** (-tail - 1)  # noqa: E731
    mass, _ = integrate.quad(density, low, high)
    first, _ = integrate.quad(lambda height: height * density(height), low, high)
    assert spikes.mean_height == pytest.approx(first / mass, rel=1e-8)


def test_heights_are_pareto_between_their_ends():
    spikes = {"per_month": 200, "half_life_s": 1e5, "least_height_to_mean": 0.5, "greatest_height_to_mean": 6.0}
    # Within a step of a second nothing of a spike is lost: the two rises it makes add up to its height.
    heights = np.concatenate([_heights_of({**spikes, "tail_index": 1.3}, seed) for seed in range(10)])
    assert heights.size == pytest.approx(1_000, abs=4 * math.sqrt(1_000) + 20)
    assert (heights.min() >= 0.4999, heights.max() <= 6.001) == (True, True)
    kept = 1 - (0.5 / 6.0) ** 1.3
    for height in (0.6, 1.0, 2.0, 4.0):
        share = (1 - (0.5 / height) ** 1.3) / kept
        assert (heights <= height).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / heights.size))


def _heights_of(spikes, seed):
    """Heights of the spikes of half a month, each from the rise in the step it came in and the step after."""
    rises, _ = single_spikes(spikes, DAYS_PER_MONTH / 2, 5.0, seed)
    pairs = rises[:-1] + rises[1:]
    first = (rises[:-1] > 1e-6) & (np.concatenate(([0.0], rises[:-2])) <= 1e-6)
    return pairs[first] * 1.00002


def test_a_spike_decays_by_half_in_its_half_life_from_its_moment():
    spikes = Spikes(per_month=8, height_to_mean=3.0, half_life_s=900.0)
    level = spike_level(spikes, 40_000, 60.0, np.random.default_rng(8))
    for top in np.flatnonzero((level[1:-60] > 1.0) & (level[1:-60] > 3 * level[:-61])) + 2:
        if level[top : top + 46].argmax() == 0 and np.all(np.diff(level[top : top + 46]) < 0):
            assert level[top + 15] / level[top] == pytest.approx(0.5, rel=1e-6)
            assert level[top + 45] / level[top] == pytest.approx(0.125, rel=1e-6)
            break
    else:
        pytest.fail("no spike stands alone")


def test_half_lives_are_lognormal_around_their_median():
    # Few spikes, steps much shorter than the half-lives: the fall from step to step tells each one's half-life.
    spikes = {"per_month": 4, "height_to_mean": 1.0, "half_life_s": 1200.0, "half_life_log_sd": 0.4}
    found = []
    for seed in range(150):
        model = Spikes.model_validate(spikes)
        level = spike_level(model, round(DAYS_PER_MONTH * 1440), 60.0, np.random.default_rng(seed))
        alone = np.flatnonzero((level[2:-3] > 0) & (level[:-5] == 0)) + 2
        found += [60 * math.log(2) / math.log(level[step + 1] / level[step + 2]) for step in alone]
    logs = np.log(np.array(found) / 1200.0)
    assert logs.size > 200
    assert np.median(logs) == pytest.approx(0.0, abs=4 * 1.2533 * 0.4 / math.sqrt(logs.size))
    assert logs.std() == pytest.approx(0.4, rel=4 / math.sqrt(2 * logs.size))


@pytest.mark.parametrize("log_sd", [0.0, 1.0])
@pytest.mark.parametrize("base_s", [60.0, 3600.0])
def test_all_spikes_together_have_their_expected_excess(base_s, log_sd):
    spikes = Spikes(
        per_week=30, least_height_to_mean=0.3, greatest_height_to_mean=3.0, tail_index=1.5,
        half_life_s=1500.0, half_life_log_sd=log_sd,
    )  # fmt: skip
    # Campbell's theorem: rate x mean height x mean time of decay, whose lognormal mean is exp(sd^2 / 2) medians.
    decay_s = 1500.0 / math.log(2) * math.exp(log_sd**2 / 2)
    expected = 30 / 604_800 * spikes.mean_height * decay_s
    assert spikes.mean_excess == pytest.approx(expected)
    assert spikes.expected_share == pytest.approx(expected / (1 + expected))
    means = [
        spike_level(spikes, round(7 * 86_400 / base_s), base_s, np.random.default_rng(seed)).mean()
        for seed in range(200)
    ]
    mean, error = mean_and_error(means)
    assert mean == pytest.approx(expected, abs=4 * error)
    first_hour = [
        spike_level(spikes, round(3600 / base_s), base_s, np.random.default_rng(seed)).mean() for seed in range(2_000)
    ]
    mean, error = mean_and_error(first_hour)
    assert mean == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("heights_over", ["level", "mean"])
def test_heights_are_over_the_level_or_over_the_mean(heights_over):
    spikes = {"per_month": 60, "height_to_mean": 2.0, "half_life_s": 1200.0, "heights_over": heights_over}
    shape = {"diurnal": {"peak_hour": 12, "peak_to_mean": 1.9}}
    season = profile(shape, days=20, step_s=60)
    flat = profile({"spikes": spikes}, days=20, step_s=60)  # (1 + spikes) / (1 + their expectation)
    both = profile({**shape, "spikes": spikes}, days=20, step_s=60)
    excess = Spikes.model_validate(spikes).mean_excess
    if heights_over == "level":
        assert both == pytest.approx(season * flat, rel=1e-9)
    else:
        assert both == pytest.approx(flat + (season - 1) / (1 + excess), rel=1e-9)


# Jobs


def local_hours(start, size, step_s, zone):
    """Begin of every step as a local time."""
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return [(begin + timedelta(seconds=step_s * step)).astimezone(ZoneInfo(zone)) for step in range(size)]


@pytest.mark.parametrize("step_s", [60, 1800, 3600])
@pytest.mark.parametrize(
    ("days", "weekdays"), [("every_day", range(7)), ("weekdays", range(5)), ("weekends", range(5, 7))]
)
def test_a_job_runs_on_its_days_from_its_hour_and_holds_exactly_its_share(step_s, days, weekdays):
    job = {"share": 0.3, "start_hour": 21.5, "duration_hours": 4, "days": days}
    start = date(2027, 1, 5)
    got = profile({"jobs": {"it": job}, "timezone": "America/Chicago"}, start=start, days=21, step_s=step_s)
    assert got.mean() == pytest.approx(1.0, rel=1e-12)
    minutes = local_hours(start, 21 * 1440, 60, "America/Chicago")
    on = np.array([(m - timedelta(hours=21.5)).hour < 4 and (m - timedelta(hours=21.5)).weekday() in weekdays
                   for m in minutes])  # fmt: skip
    expected = 0.7 + 0.3 * on / on.mean()
    assert got == pytest.approx(expected.reshape(-1, step_s // 60).mean(axis=1), rel=1e-9)


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31), date(2027, 7, 4)])
@pytest.mark.parametrize("start_hour", [1.0, 8.0, 23.0])
def test_a_job_starts_by_the_clock_on_the_wall_on_days_of_summer_time_too(day, start_hour):
    job = {"share": 0.5, "start_hour": start_hour, "duration_hours": 0.5}
    start = day - timedelta(days=1)
    got = profile({"jobs": {"it": job}, "timezone": "Europe/Berlin"}, start=start, days=3, step_s=1800)
    moments = np.array(local_hours(start, got.size, 1800, "Europe/Berlin"))
    for moment in moments[got > 1]:
        assert (moment.hour, moment.minute) == (start_hour, 0)
    assert [moment.date() for moment in moments[got > 1]].count(day) == 1


def test_a_plateau_has_its_edges_within_a_step():
    # From 03:20:30 for 90 minutes, in steps of an hour: 39.5 minutes of the fourth hour, 50.5 of the fifth.
    job = {"share": 0.4, "start_hour": 3 + 20.5 / 60, "duration_hours": 1.5}
    got = profile({"jobs": {"it": job}}, days=1, step_s=3600)
    height = 0.4 * 24 / 1.5
    expected = np.full(24, 0.6)
    expected[3] += height * 39.5 / 60
    expected[4] += height * 50.5 / 60
    assert got == pytest.approx(expected, rel=1e-9)


def test_the_volume_of_a_day_scatters_as_it_says_and_keeps_the_share():
    job = {"share": 0.5, "start_hour": 6, "duration_hours": 2, "volume_relative_sd": 0.3}
    days = profile({"jobs": {"it": job}}, days=3_000, step_s=7200).reshape(-1, 12)
    volumes = (days[:, 3] - 0.5) / 6.0
    assert volumes.mean() == pytest.approx(1.0, abs=4 * 0.3 / math.sqrt(3_000))
    # Kurtosis of a lognormal of sd 0.3 is 4.6.
    assert volumes.std() == pytest.approx(0.3, rel=4 * math.sqrt(3.6 / 3_000) / 2)
    assert np.corrcoef(volumes[1:], volumes[:-1])[0, 1] == pytest.approx(0.0, abs=4 / math.sqrt(3_000))


def test_the_start_of_a_job_scatters_around_its_hour():
    job = {"share": 0.5, "start_hour": 12, "duration_hours": 1, "start_sd_s": 900}
    days = profile({"jobs": {"it": job}}, days=1_000, step_s=60).reshape(-1, 1440) - 0.5
    middles = days @ (np.arange(1440) + 0.5) / days.sum(axis=1) - 30  # minutes of the start
    assert middles.mean() == pytest.approx(720, abs=4 * 15 / math.sqrt(1_000))
    assert middles.std() == pytest.approx(15, rel=4 / math.sqrt(2_000))
    assert days.sum(axis=1) == pytest.approx(720, rel=1e-9)  # the volume does not


def test_noise_on_a_plateau_leaves_the_rest_alone():
    job = {"share": 0.5, "start_hour": 12, "duration_hours": 6}
    calm = profile({"jobs": {"it": job}}, days=600, step_s=1800)
    noisy = profile({"jobs": {"it": {**job, "plateau_relative_sd": 0.2}}}, days=600, step_s=1800)
    on = calm > 0.6
    assert noisy[~on] == pytest.approx(calm[~on])
    mean, error = mean_and_error(((noisy[on] - 0.5) / 2).reshape(600, 12).mean(axis=1))
    assert mean == pytest.approx(1.0, abs=4 * error)


def test_a_job_without_a_day_in_the_horizon_leaves_its_volume_to_the_rest():
    # Monday to Friday of a job at weekends: the mean over the horizon stays one.
    job = {"share": 0.25, "start_hour": 3, "duration_hours": 2, "days": "weekends"}
    got = profile({"jobs": {"it": job}}, start=date(2027, 1, 4), days=5, step_s=3600)
    assert got == pytest.approx(np.ones(120))
