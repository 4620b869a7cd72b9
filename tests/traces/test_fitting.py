"""A demand fitted to a recording finds what the recording was drawn from, and says what it cannot know."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import yaml
from demand_with_known_parts import (
    MONDAY,
    decaying_spikes,
    hours_of,
    memory_noise,
    office_hours,
    recording,
)

from simulator.domain.recordings import Lengths
from simulator.domain.traffic import Traffic
from simulator.traces.fitting import fit_recording

WEEK = 7 * 144


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def fitted_weights(fit, hour, *, weekend=False):
    return fit.weights[hour + (24 if weekend else 0)]


def relative_sd(fit, name):
    return float(fit.noise.relative_sds[fit.noise.names.index(name)])


# The course


def test_the_hours_of_weekdays_and_weekends_are_those_drawn(rng):
    shape = office_hours(2 * WEEK)
    fit = fit_recording(recording(rng.poisson(3_000 * shape)))
    assert fit.course.kind == "weekdays_and_weekends"
    # By hand: the bell at the middle of the hour over the mean of the week, for the hour of the peak and of the night.
    day = 0.3 + 1.6 * np.exp(-0.5 * ((np.arange(0.05, 24, 0.1) - 14) / 3.0) ** 2)
    week_mean = day.mean() * (5 + 2 * 0.3) / 7
    at = lambda hour: 0.3 + 1.6 * np.exp(-0.5 * ((hour + 0.5 - 14) / 3.0) ** 2)  # noqa: E731
    assert fitted_weights(fit, 13) == pytest.approx(at(13) / week_mean, rel=0.02)
    assert fitted_weights(fit, 2) == pytest.approx(0.3 / week_mean, rel=0.03)
    assert fitted_weights(fit, 13, weekend=True) == pytest.approx(0.3 * at(13) / week_mean, rel=0.02)


@pytest.mark.parametrize(("days", "kind"), [(0.5, "level"), (3, "day"), (7, "weekdays_and_weekends"), (22, "week")])
def test_a_longer_recording_tells_more_of_the_course(rng, days, kind):
    steps = round(days * 144)
    assert fit_recording(recording(rng.poisson(1_000 * office_hours(steps)))).course.kind == kind


def test_hours_follow_the_local_clock_through_the_change_to_summer_time(rng):
    start = datetime(2025, 3, 17, tzinfo=UTC)  # Berlin goes from UTC+1 to UTC+2 on 30 March
    local = hours_of(4 * WEEK) + np.where(np.arange(4 * WEEK) * 600 >= 13 * 86_400 + 3_600, 2, 1)
    requests = rng.poisson(500 + 2_000 * np.exp(-0.5 * ((local % 24 - 9.5) / 2.0) ** 2))
    fit = fit_recording(recording(requests, start=start), timezone="Europe/Berlin")
    assert int(np.argmax(fit.weights[:24])) == 9
    assert int(np.argmax(fit.weights[6 * 24 :])) == 9  # the Sundays


def test_weekends_are_found_where_the_file_tells_no_date(rng):
    turned = np.roll(office_hours(2 * WEEK), -2 * 144)  # begins on a Wednesday
    fit = fit_recording(recording(rng.poisson(2_000 * turned), start=None))
    assert fit.clock.weekdays_known
    assert fit.start.weekday() == 2
    assert any("Wednesday" in sentence for sentence in fit.unknown)


def test_a_weekday_that_runs_like_a_weekend_is_a_dated_holiday(rng):
    shape = office_hours(3 * WEEK)
    thursday = slice(10 * 144, 11 * 144)
    shape[thursday] = shape[5 * 144 : 6 * 144]
    fit = fit_recording(recording(rng.poisson(2_000 * shape)))
    assert fit.clock.holidays == ((MONDAY + timedelta(days=10)).date(),)
    events = fit.traffic()["events"]
    assert events == {"holidays": {"kind": "holidays", "dates": (date(2025, 3, 13),), "course": "weekend"}}
    assert fit.weights[3 * 24 + 13] == pytest.approx(fit.weights[2 * 24 + 13], rel=0.05)  # other Thursdays count alone


def test_gaps_are_not_zeros(rng):
    requests = rng.poisson(2_000 * office_hours(2 * WEEK)).astype(float)
    whole = fit_recording(recording(requests))
    for day in (1, 4, 8):
        requests[day * 144 + 60 : day * 144 + 100] = np.nan  # in the busy hours
    gaps = fit_recording(recording(requests))
    assert gaps.requests_per_month == pytest.approx(whole.requests_per_month, rel=0.02)
    assert gaps.weights[13] == pytest.approx(whole.weights[13], rel=0.03)


def test_silence_in_a_busy_hour_is_taken_for_an_outage_and_said(rng):
    requests = rng.poisson(2_000 * office_hours(2 * WEEK))
    requests[8 * 144 + 70 : 8 * 144 + 90] = 0
    fit = fit_recording(recording(requests))
    assert fit.outage_steps == 20
    assert any("20 steps without a request" in sentence for sentence in fit.unknown)
    assert np.isnan(fit.requests[8 * 144 + 75])


# Noise


def test_whole_requests_at_random_around_a_course_are_no_noise(rng):
    fit = fit_recording(recording(rng.poisson(500 * office_hours(2 * WEEK))))
    assert all(sd < 0.02 for sd in fit.noise.relative_sds)
    assert fit.traffic()["counts"] == "poisson"


def test_a_rate_without_counting_noise_is_expected_not_poisson():
    assert fit_recording(recording(np.full(WEEK, 100.0))).traffic()["counts"] == "expected"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "memory_s"), [("minutes_20", 1_200), ("minutes_90", 5_400), ("hours_6", 21_600)])
def test_a_noise_is_found_with_its_deviation_and_memory(rng, name, memory_s):
    steps = 5 * WEEK
    noise = memory_noise(rng, steps, 0.2, memory_s)
    fit = fit_recording(recording(rng.poisson(50_000 * noise)))
    assert relative_sd(fit, name) == pytest.approx(0.2, abs=0.03)
    others = [sd for other, sd in zip(fit.noise.names, fit.noise.relative_sds, strict=True) if other != name]
    assert max(others) < 0.12


def test_noise_that_the_course_of_one_day_would_absorb_is_not_claimed(rng):
    day = rng.poisson(3_000 * memory_noise(rng, 1_440, 0.05, 300, step_s=60.0))
    fit = fit_recording(recording(day, step_s=60.0))
    assert "minutes_90" not in fit.noise.names
    assert any("remembers" in sentence for sentence in fit.unknown)


def test_taylors_exponent_is_fitted_where_the_load_ranges_and_assumed_where_not(rng):
    level = 2_000 * (1.05 + np.sin(2 * np.pi * np.arange(3 * 1_440) / 1_440))
    # Variance of a minute beyond counting: phi x mean^1.2.
    requests = rng.poisson(level * np.maximum(1 + 0.15 * (level / 2_000) ** -0.4 * rng.standard_normal(level.size), 0))
    ranging = fit_recording(recording(requests, step_s=60.0))
    assert ranging.noise.taylor_exponent == pytest.approx(1.2, abs=0.15)
    assert ranging.noise.taylor_sd is not None
    flat = fit_recording(recording(rng.poisson(2_000, 3 * 1_440), step_s=60.0))
    assert (flat.noise.taylor_exponent, flat.noise.taylor_sd) == (1.4, None)
    text = fit_recording(recording(rng.poisson(2_000 * memory_noise(rng, WEEK, 0.2, 5_400)))).yaml()
    assert "taylor_exponent: 1.4  # assumed" in text


# Spikes


@pytest.mark.slow
def test_spikes_are_found_with_rate_height_and_half_life(rng):
    steps, count = 8 * WEEK, 40
    at = (np.arange(count) + rng.random(count)) * steps / count
    heights = 1.0 * rng.random(count) ** (-1 / 2.0)  # Pareto, exponent 2, from 1 on
    requests = rng.poisson(5_000 * (1 + decaying_spikes(rng, steps, at, heights, np.full(count, 2_400.0))))
    law = fit_recording(recording(requests)).spikes
    assert law.per_week_interval[0] <= 5.0 <= law.per_week_interval[1]
    assert law.half_life_s == pytest.approx(2_400, rel=0.3)
    assert law.tail_interval[0] <= 2.0 <= law.tail_interval[1]
    assert law.least == pytest.approx(1.0, abs=0.3)


def test_spikes_do_not_move_the_course(rng):
    steps = 2 * WEEK
    shape = office_hours(steps)
    plain = fit_recording(recording(rng.poisson(5_000 * shape)))
    spikes = decaying_spikes(rng, steps, [300.5, 900.2, 1_500.8], [6.0, 4.0, 5.0], [3_000.0] * 3)
    spiky = fit_recording(recording(rng.poisson(5_000 * (shape + spikes))))
    np.testing.assert_allclose(spiky.weights, plain.weights, rtol=0.05)
    assert spiky.spikes.count == 3


def test_the_law_of_few_spikes_is_taken_from_others_and_said(rng):
    spikes = decaying_spikes(rng, WEEK, [300.5, 700.2], [3.0, 2.0], [3_000.0] * 2)
    fit = fit_recording(recording(rng.poisson(5_000 * (1 + spikes))))
    assert fit.spikes.tail_interval is None
    assert "assumed" in next(line for line in fit.yaml().splitlines() if "tail_index" in line)
    assert any("2 seen" in sentence for sentence in fit.unknown)


def test_noise_alone_has_no_spikes(rng):
    requests = rng.poisson(5_000 * office_hours(4 * WEEK) * memory_noise(rng, 4 * WEEK, 0.15, 5_400))
    fit = fit_recording(recording(requests))
    assert fit.spikes is None
    assert any("none was seen" in sentence for sentence in fit.unknown)


# Jobs and ceilings


def test_a_nightly_job_is_found_with_start_length_and_share(rng):
    hours = hours_of(2 * WEEK)
    heights = 8.0 * np.exp(0.1 * rng.standard_normal(14))[np.minimum(hours // 24, 13).astype(int)]
    running = (hours % 24 >= 2) & (hours % 24 < 5)
    fit = fit_recording(recording(rng.poisson(1_000 * (1.0 + heights * running))))
    (job,) = fit.jobs
    # By hand: 3 h at 8 beside 24 h at 1.
    assert job.share == pytest.approx(24 / 48, abs=0.03)
    assert job.start_hour == pytest.approx(2.0, abs=0.1)
    assert job.duration_hours == pytest.approx(3.0, abs=0.15)
    assert job.volume_relative_sd == pytest.approx(0.1, abs=0.05)
    assert job.days == "every_day"
    assert fit.weights.max() < 1.2  # what is left is flat


def test_a_job_of_weekdays_is_told_from_one_of_every_day(rng):
    hours = hours_of(3 * WEEK)
    running = (hours % 24 >= 22) & (hours % 24 < 23) & (hours // 24 % 7 < 5)
    fit = fit_recording(recording(rng.poisson(1_000 * (1.0 + 10.0 * running))))
    assert [job.days for job in fit.jobs] == ["weekdays"]
    assert fit.jobs[0].share == pytest.approx(50 / (50 + 7 * 24), abs=0.02)


def test_office_hours_are_no_job(rng):
    requests = rng.poisson(3_000 * office_hours(2 * WEEK) * memory_noise(rng, 2 * WEEK, 0.1, 5_400))
    assert fit_recording(recording(requests)).jobs == ()


def test_a_ceiling_is_found_where_peaks_pile_up_below_it_and_only_there(rng):
    free = 3_000 * office_hours(2 * WEEK) * memory_noise(rng, 2 * WEEK, 0.2, 5_400)
    assert fit_recording(recording(rng.poisson(free))).cap_to_mean is None
    held = np.minimum(free, 5_000)
    fit = fit_recording(recording(rng.poisson(held)))
    assert fit.cap_to_mean == pytest.approx(5_000 / held.mean(), rel=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_an_hourly_bell_with_noise_has_no_ceiling_and_no_job(seed):
    """By construction there is none: a lognormal scatter of 12 % around a bell, from Monday, weekends lower."""
    rng = np.random.default_rng(seed)
    hours = hours_of(4 * 168, 3_600.0)
    bell = (100 + 900 * np.exp(-(((hours % 24 - 11.5) / 4) ** 2))) * np.where(hours // 24 % 7 >= 5, 0.35, 1.0)
    fit = fit_recording(recording(rng.poisson(bell * rng.lognormal(0.0, 0.12, hours.size)), step_s=3_600.0))
    assert fit.cap_to_mean is None
    assert fit.jobs == ()


def office_plateau(hour):
    return 100 + 1_500 / (1 + np.exp(-(hour - 8.5) / 0.7)) / (1 + np.exp((hour - 17.5) / 0.8))


def lunch_dip(hour):
    return 60 + 900 * np.exp(-(((hour - 10.5) / 1.5) ** 2)) + 950 * np.exp(-(((hour - 15) / 2) ** 2))


def evening_peak(hour):
    return 150 + 800 * np.exp(-(((hour - 20.5) / 2) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("day", [office_plateau, lunch_dip, evening_peak])
@pytest.mark.parametrize(("step_s", "weekend"), [(3_600.0, 0.25), (1_800.0, 1.1), (1_200.0, 0.25), (600.0, 1.1)])
def test_the_course_of_a_day_is_no_job_in_long_and_short_steps(rng, day, step_s, weekend):
    hours = hours_of(round(21 * 86_400 / step_s), step_s)
    rate = day(hours % 24) * np.where(hours // 24 % 7 >= 5, weekend, 1.0) * step_s / 360.0
    fit = fit_recording(recording(rng.poisson(rate * rng.lognormal(0.0, 0.1, hours.size)), step_s=step_s))
    assert fit.jobs == ()
    assert any("Scheduled jobs" in sentence for sentence in fit.unknown) == (step_s >= 1_800.0)


def test_a_block_that_weekends_have_at_half_the_height_is_course_and_no_job(rng):
    hours = hours_of(3 * WEEK)
    heights = np.where(hours // 24 % 7 >= 5, 4.0, 8.0)
    requests = rng.poisson(1_000 * (1.0 + heights * ((hours % 24 >= 9) & (hours % 24 < 12))))
    assert fit_recording(recording(requests)).jobs == ()


# Nearly whole days, and sums of days


def test_a_day_that_lacks_a_minute_has_its_24_hours(rng):
    rate = 0.5 + 0.4 * np.sin(2 * np.pi * np.arange(1_439) / 1_440)
    fit = fit_recording(recording(rng.poisson(rate), step_s=60.0))
    assert fit.step_s == 3_600.0  # so few requests are added up to hours, the last one with 59 minutes
    assert fit.course.kind == "day"
    assert not any(sentence.startswith("The course of the day") for sentence in fit.unknown)
    # By hand: the mean is 0.5 a minute, the morning (3 to 9) 0.4 x 2 sqrt(2) / pi above it.
    assert fit.weights[3:9].mean() == pytest.approx(1 + 0.8 * 2 * np.sqrt(2) / np.pi, rel=0.15)


def test_a_day_that_lacks_an_hour_is_not_taken_for_whole(rng):
    assert fit_recording(recording(rng.poisson(50.0, 1_380), step_s=60.0)).course.kind == "level"


@pytest.mark.slow
def test_a_week_that_lacks_a_minute_has_weekdays_and_weekends(rng):
    weekend = np.arange(10_079) // 1_440 >= 5
    fit = fit_recording(recording(rng.poisson(np.where(weekend, 30.0, 100.0)), step_s=60.0))
    assert fit.course.kind == "weekdays_and_weekends"
    assert fit.weights[12] / fit.weights[36] == pytest.approx(100 / 30, rel=0.05)
    assert not any("course of the week" in sentence for sentence in fit.unknown)


DAYS_FROM_MONDAY = np.array([1.2, 1.3, 1.1, 1.2, 1.1, 0.6, 0.5])  # mean one


def test_sums_of_days_tell_the_days_of_the_week_and_nothing_of_the_day(rng):
    saturday = MONDAY + timedelta(days=5)
    requests = rng.poisson(20_000 * np.roll(np.resize(DAYS_FROM_MONDAY, 63), 2))
    fit = fit_recording(recording(requests, step_s=86_400.0, start=saturday))
    section = fit.traffic()
    assert section["weekly"]["day_weights"] == pytest.approx(DAYS_FROM_MONDAY, rel=0.02)
    assert not {"hourly_weights", "weekday_hours", "weekend_hours"} & set(section)
    assert any(sentence.startswith("The course of the day") for sentence in fit.unknown)
    weights = [parameter for parameter in fit.parameters if parameter.key.startswith("weekly.day_weights")]
    assert len(weights) == 7
    assert all(weight.low < weight.value < weight.high for weight in weights)
    assert yaml.safe_load(fit.yaml())["traffic"]["weekly"]["day_weights"] == list(section["weekly"]["day_weights"])
    np.testing.assert_allclose(fit.expected_requests, requests, rtol=0.05)


def test_sums_of_days_without_a_date_show_one_level(rng):
    fit = fit_recording(recording(rng.poisson(20_000.0, 60), step_s=86_400.0, start=None))
    assert fit.course.kind == "level"


# Lengths


def test_lengths_have_the_mean_of_the_tokens_and_the_law_of_the_requests(rng):
    requests = rng.poisson(500, 2 * WEEK).astype(float)
    drift = memory_noise(rng, 2 * WEEK, 0.1, 36_000)
    lengths = Lengths(count=10_000, mean=800.0, log_mean=6.3, log_sd=0.9, quantiles=tuple(np.arange(101.0)))
    fit = fit_recording(recording(requests, input_tokens=requests * 800.0 * drift, input_lengths=lengths))
    assert set(fit.lengths) == {"input"}
    assert fit.lengths["input"].mean_tokens == pytest.approx(800, rel=0.05)
    law = fit.traffic()["token_lengths"]["input"]
    assert law["log_sd"] == pytest.approx(0.9)
    assert law["drift_relative_sd"] == pytest.approx(0.1, abs=0.04)


# The section


def test_the_section_is_valid_and_the_yaml_says_the_same(rng):
    shape = office_hours(2 * WEEK)
    spikes = decaying_spikes(rng, 2 * WEEK, [300.5], [6.0], [3_000.0])
    fit = fit_recording(recording(rng.poisson(2_000 * (shape * memory_noise(rng, 2 * WEEK, 0.15, 5_400) + spikes))))
    section = yaml.safe_load(fit.yaml())["traffic"]
    assert Traffic.model_validate(_as_tuples(section)) == Traffic.model_validate(fit.traffic())
    head = [line for line in fit.yaml().splitlines() if line.startswith("#")]
    assert any("drawn.csv" in line for line in head)
    assert any("14 days from 2025-03-03" in line for line in head)
    assert all(len(line) <= 120 for line in fit.yaml().splitlines())


def _as_tuples(value):
    if isinstance(value, dict):
        return {key: float(inner) if type(inner) is int else _as_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return tuple(float(inner) if type(inner) is int else inner for inner in value)
    return value


def test_the_volume_is_the_mean_of_the_recording_in_730_hours(rng):
    requests = rng.poisson(1_000, WEEK)
    fit = fit_recording(recording(requests))
    assert fit.requests_per_month == pytest.approx(requests.mean() * 6 * 730, rel=0.01)
    volume = fit.parameters[0]
    assert volume.key == "requests_per_month"
    assert volume.low < volume.value < volume.high


def test_every_number_has_an_interval_around_it_or_the_word_assumed(rng):
    requests = rng.poisson(2_000 * office_hours(2 * WEEK) * memory_noise(rng, 2 * WEEK, 0.15, 5_400))
    for parameter in fit_recording(recording(requests)).parameters:
        if parameter.assumed:
            assert parameter.method.startswith("assumed")
        else:
            assert parameter.low <= parameter.value <= parameter.high


def test_the_same_recording_gives_the_same_fit(rng):
    one = recording(rng.poisson(2_000 * office_hours(WEEK)))
    assert fit_recording(one).yaml() == fit_recording(replace(one)).yaml()


def test_few_requests_are_added_up_to_longer_steps_and_that_is_said(rng):
    fit = fit_recording(recording(rng.poisson(0.5, 5 * 1_440), step_s=60.0))
    assert fit.step_s == 3_600.0  # 30 an hour; 20 are wanted in a step, and 30 minutes would hold 15
    assert any("added up" in sentence for sentence in fit.unknown)
    assert fit.requests_per_month == pytest.approx(0.5 * 60 * 730, rel=0.05)


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (np.full(19, 100.0), "known in 19 steps, must be in at least 20"),
        (np.zeros(100), "are 0 in all, must be at least 50"),
        (np.where(np.arange(900) % 30 == 0, 100.0, np.nan), "too few steps side by side"),
    ],
)
def test_a_recording_that_tells_nothing_is_refused(requests, message):
    with pytest.raises(ValueError, match=message):
        fit_recording(recording(requests))
