"""Statistics of a demand against closed forms: sines, Poisson counts, autoregressions, square waves, unknown steps."""

import doctest
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.domain import traffic_statistics
from simulator.domain.local_hours import hours_of_week
from simulator.domain.traffic_moments import idle_share, length_drift
from simulator.domain.traffic_statistics import demand_statistics, window_statistics

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES_PER_DAY, MINUTES_PER_WEEK = 1_440, 10_080


def minutes(days):
    return np.arange(days * MINUTES_PER_DAY) + 0.5


def sine(days, depth=0.5, mean=1_000.0):
    return mean * (1.0 + depth * np.sin(2 * np.pi * minutes(days) / MINUTES_PER_DAY))


def lognormal_noise(size, sd, memory_steps, seed):
    """Logarithm of a mean-one lognormal with exponential memory, its log of variance `sd`^2."""
    generator = np.random.default_rng(seed)
    persistence = np.exp(-1.0 / memory_steps)
    values = np.empty(size)
    values[0] = generator.standard_normal()
    innovations = np.sqrt(1 - persistence**2) * generator.standard_normal(size)
    for place in range(1, size):
        values[place] = persistence * values[place - 1] + innovations[place]
    return sd * values - 0.5 * sd**2


def by_window(statistics):
    return {round(window.window_s / 60): window for window in statistics.windows}


def by_lag(statistics):
    return {round(one.lag_s / 60): one for one in statistics.autocorrelations}


# Peaks


def test_a_sine_peaks_at_one_plus_its_depth_and_less_over_longer_windows():
    windows = by_window(demand_statistics(sine(7, depth=0.5), 60.0))
    for length, window in windows.items():
        # The peak lies between two windows at 6 h: the mean of a sine from there to one window on is sin(x) / x of it.
        angle = 2 * np.pi * length / MINUTES_PER_DAY
        assert window.peak_to_mean == pytest.approx(1.0 + 0.5 * np.sin(angle) / angle, abs=1e-5)


def test_a_sine_is_above_its_99th_percentile_for_a_hundredth_of_the_time():
    minute = by_window(demand_statistics(sine(7, depth=0.5), 60.0))[1]
    # 1 % of the circle around the peak: the level half a hundredth of a turn away from it.
    assert minute.p99_to_mean == pytest.approx(1.0 + 0.5 * np.cos(np.pi * 0.01), abs=1e-4)


def test_windows_that_hold_an_unknown_step_are_unknown():
    requests = np.tile([1.0, 3.0, 2.0, 2.0, 2.0], 40)
    requests[::5] = np.nan  # one minute of every five
    assert window_statistics(requests, 60.0, 300.0).peak_to_mean is None
    requests[5 * 20 :: 5] = 1.0  # the second half is whole: twenty windows of ten requests
    requests[-1] = 12.0
    statistics = window_statistics(requests, 60.0, 300.0)
    assert statistics.peak_to_mean == pytest.approx(20.0 / (5 * np.nanmean(requests)))
    # nineteen windows of ten requests and one of twenty: mean 10.5, variance 10^2 x 19/20 x 1/20 x 20/19
    assert statistics.dispersion == pytest.approx((100.0 / 20) / 10.5)


def test_windows_shorter_than_a_step_or_not_of_whole_steps_tell_nothing():
    assert window_statistics(np.ones(1_000), 600.0, 300.0).needs == "steps of at most 5 min"
    assert window_statistics(np.ones(1_000), 240.0, 600.0).needs == "steps of a whole part of 10 min"
    assert window_statistics(np.ones(1_000), 600.0, 600.0).peak_to_mean == 1.0


def test_too_few_windows_give_no_peak_and_say_how_long_a_recording_would():
    windows = by_window(demand_statistics(np.ones(58), 60.0))
    assert (windows[1].peak_to_mean, windows[1].p99_to_mean, windows[1].needs) == (1.0, None, "2 h")
    assert (windows[10].peak_to_mean, windows[10].needs) == (None, "2 h")
    assert (windows[60].dispersion, windows[60].needs) == (None, "10 h")


# Bunching


@pytest.mark.parametrize("mean", [0.3, 40.0])
def test_a_poisson_process_has_a_dispersion_of_one_at_every_window(mean):
    requests = np.random.default_rng(3).poisson(mean, 28 * MINUTES_PER_DAY).astype(float)
    for length, window in by_window(demand_statistics(requests, 60.0)).items():
        count = requests.size // length
        # Var(variance) of Poisson counts of mean m: (2 m^2 + m) / n
        error = np.sqrt((2.0 + 1.0 / (mean * length)) / count)
        assert window.dispersion == pytest.approx(1.0, abs=4 * error)


def test_a_level_that_varies_adds_its_variance_times_the_mean_to_the_dispersion():
    requests = np.tile([900.0, 1_100.0], 5_000)
    assert by_window(demand_statistics(requests, 60.0))[1].dispersion == pytest.approx(100.0**2 / 1_000.0, rel=1e-3)
    assert by_window(demand_statistics(requests, 60.0))[10].dispersion == pytest.approx(0.0, abs=1e-12)


# Noise and memory


def test_the_noise_beyond_counting_is_the_relative_sd_that_was_put_in():
    weeks, memory, relative_sd = 8, 20.0, 0.2
    log_sd = np.sqrt(np.log1p(relative_sd**2))
    factor = np.exp(lognormal_noise(weeks * MINUTES_PER_WEEK, log_sd, memory, seed=5))
    level = sine(weeks * 7, mean=10.0)  # so few that counting noise is larger than the noise looked for
    requests = np.random.default_rng(6).poisson(level * factor).astype(float)
    noise = demand_statistics(requests, 60.0, start=MONDAY).noise_relative_sd
    # A variance over n minutes with memory T has the relative error sqrt(2 T / n); that of the counts is
    # sqrt(2 / n) (1 + 1 / (mean v)), and a sd has half of both.
    n = requests.size
    error = 0.5 * np.hypot(np.sqrt(2 * memory / n), np.sqrt(2 / n) * (1 + 1 / (10.0 * relative_sd**2)))
    assert noise == pytest.approx(relative_sd, rel=4 * error + 0.03)  # a week's season of eight takes 1/16 at most


def test_counts_that_are_poisson_around_their_season_have_no_noise_beyond_counting():
    level = sine(21, mean=200.0)
    requests = np.random.default_rng(1).poisson(level).astype(float)
    assert demand_statistics(requests, 60.0, start=MONDAY).noise_relative_sd < 0.01
    # told that nothing was counted, all of it is noise: mean(s) / mean(s^2) with s = 200 (1 + sin / 2)
    plain = demand_statistics(requests, 60.0, start=MONDAY, counting=False).noise_relative_sd
    assert plain == pytest.approx(np.sqrt(1.0 / (200.0 * 1.125)), rel=0.02)


def test_a_weekend_that_differs_is_season_not_noise():
    day = np.arange(14 * 24) // 24 % 7
    requests = np.where(day > 4, 500.0, 1_000.0)
    statistics = demand_statistics(requests, 3_600.0, start=MONDAY, counting=False)
    # hours are joined in straight lines, which blurs the two midnights of a week alone
    assert statistics.noise_relative_sd < 0.02
    assert statistics.weekend_to_weekday == pytest.approx(0.5)
    assert demand_statistics(requests, 3_600.0, counting=False).noise_relative_sd > 0.2


def test_the_memory_of_an_autoregression_is_found_within_its_standard_error():
    memory = 30.0
    noise = lognormal_noise(8 * MINUTES_PER_WEEK, 0.1, memory, seed=11)
    statistics = demand_statistics(1e6 * np.exp(noise), 60.0, start=MONDAY, counting=False)
    n, step = noise.size, np.exp(-1.0 / memory)
    for lag, found in by_lag(statistics).items():
        expected = step**lag
        # Bartlett (1946) for an autoregression of the first order, Box and Jenkins (1970) equation 2.1.13
        ratio = (1 + step**2) * (1 - expected**2) / (1 - step**2) - 2 * lag * expected**2
        error = np.sqrt(max(ratio, 0.0) / n)
        assert found.requests == pytest.approx(expected, abs=4 * error + 1e-9)
        # A season of eight weeks takes an eighth of what noise has in common with the weeks before and after.
        assert found.noise == pytest.approx(expected, abs=4 * error + (0.2 if lag == MINUTES_PER_WEEK else 0.02))


def test_a_day_of_pure_season_repeats_itself_after_a_day():
    lags = by_lag(demand_statistics(sine(14), 60.0, start=MONDAY))
    assert lags[MINUTES_PER_DAY].requests == pytest.approx(1.0)
    # cos(2 pi 60 / 1440), but for the ends
    assert lags[60].requests == pytest.approx(np.cos(np.pi / 12), abs=0.01)


def test_unknown_steps_do_not_count_for_the_memory():
    requests = sine(14)
    requests[5 * MINUTES_PER_DAY : 6 * MINUTES_PER_DAY] = np.nan
    lags = by_lag(demand_statistics(requests, 60.0, start=MONDAY))
    assert lags[MINUTES_PER_DAY].requests == pytest.approx(1.0)


def test_what_never_varies_has_no_memory_to_tell():
    found = by_lag(demand_statistics(np.full(300, 7.0), 60.0))[5]
    assert (found.requests, found.needs) == (None, "a load that varies")


# Load-duration curve


def test_a_square_wave_is_high_for_its_share_of_the_time():
    requests = np.tile([5.0, 1.0, 1.0, 1.0], 250)  # mean 2; a quarter of the time at 2.5 times it
    curve = demand_statistics(requests, 60.0).load_duration
    assert curve[:26] == pytest.approx([2.5] * 26)
    assert curve[26:] == pytest.approx([0.5] * 75)


def test_the_load_duration_curve_of_a_sine_is_a_cosine_of_the_share():
    curve = np.array(demand_statistics(sine(7, depth=0.5), 60.0).load_duration)
    np.testing.assert_allclose(curve, 1.0 + 0.5 * np.cos(np.pi * np.linspace(0, 1, 101)), atol=0.002)


def test_a_fleet_for_the_peak_of_a_square_wave_idles_as_much_as_the_wave_is_below_it():
    requests = np.tile([5.0, 1.0, np.nan, 1.0, 1.0], 100)  # mean 2
    assert idle_share(requests, 2.5) == pytest.approx(1.0 - 2.0 / 5.0)
    assert idle_share(requests, 0.5) == pytest.approx(0.0)  # always full at the least load
    assert idle_share(requests, 1.0) == pytest.approx(1.0 - (2.0 + 3 * 1.0) / 4 / 2.0)  # the peak is cut at 2


def test_unknown_steps_are_no_time_without_load():
    requests = np.tile([4.0, np.nan, 0.0, np.nan], 100)
    statistics = demand_statistics(requests, 60.0)
    assert statistics.unknown_steps == 200
    assert statistics.empty_share == 0.5
    assert statistics.mean_requests_per_day == 2.0 * MINUTES_PER_DAY
    assert statistics.load_duration[50] == 2.0
    assert statistics.load_duration[51] == 0.0


# Day and week


def test_the_mean_day_has_peak_and_trough_of_its_hours():
    statistics = demand_statistics(sine(3, depth=0.5), 60.0)
    best = np.sin(np.pi / 12) / (np.pi / 12)  # mean of an hour beside the peak over the peak
    assert statistics.day_peak_to_trough == pytest.approx((1 + 0.5 * best) / (1 - 0.5 * best), rel=1e-4)
    empty_nights = np.tile(np.r_[np.zeros(8), np.ones(16)], 3)
    assert demand_statistics(empty_nights, 3_600.0).day_peak_to_trough == np.inf


def test_a_day_in_paris_begins_when_the_clock_on_the_wall_says_so_in_summer_too():
    # 31 March 2024, 01:00 UTC: from 02:00 to 03:00 local time
    start = datetime(2024, 3, 30, 23, 0, tzinfo=UTC)  # a Sunday, 00:00 in Paris
    hours = hours_of_week(start, "Europe/Paris", 5, 3_600.0)
    assert hours == pytest.approx([144.5, 145.5, 147.5, 148.5, 149.5])
    with pytest.raises(ValueError, match="must carry its offset"):
        hours_of_week(datetime(2024, 3, 30), "UTC", 5, 3_600.0)


def test_weekends_are_those_of_the_time_zone():
    local_weekend = (hours_of_week(MONDAY, "Asia/Tokyo", 14 * 24, 3_600.0) >= 120).astype(float)
    statistics = demand_statistics(1.0 + local_weekend, 3_600.0, start=MONDAY, timezone="Asia/Tokyo")
    assert statistics.weekend_to_weekday == pytest.approx(2.0)


def test_a_recording_too_short_or_without_a_date_says_what_it_lacks():
    hour = demand_statistics(np.full(60, 5.0), 60.0, start=MONDAY)
    assert (
        hour.day_peak_to_trough is hour.weekend_to_weekday is hour.noise_relative_sd is hour.mean_input_tokens is None
    )
    assert hour.needs["day_peak_to_trough"] == "a day"
    assert hour.needs["weekend_to_weekday"] == "a week"
    assert hour.needs["noise_relative_sd"] == "2 days"
    assert hour.needs["mean_input_tokens"] == "token counts"
    assert by_lag(hour)[MINUTES_PER_WEEK].needs == "2 weeks"
    assert demand_statistics(sine(10), 60.0).needs["weekend_to_weekday"] == "the date of its start"


def test_steps_of_a_day_say_that_hours_are_needed():
    daily = demand_statistics(np.tile([5.0, 5.0, 5.0, 5.0, 5.0, 2.0, 2.0], 4), 86_400.0, start=MONDAY)
    for key in ("noise_relative_sd", "day_peak_to_trough", "weekend_to_weekday"):
        assert getattr(daily, key) is None
        assert daily.needs[key] == "steps of at most 1 h"
    assert by_lag(daily)[MINUTES_PER_WEEK].requests == pytest.approx(1.0)


@pytest.mark.parametrize("requests", [[], [np.nan, np.nan], [0.0, 0.0, np.nan]])
def test_a_demand_without_a_request_has_no_statistics(requests):
    with pytest.raises(ValueError, match="no known step above 0"):
        demand_statistics(np.array(requests), 60.0)


# Lengths


def test_the_mean_length_counts_steps_in_which_both_are_known():
    requests = np.array([10.0, 20.0, np.nan, 30.0] * 10)
    tokens = np.array([1_000.0, np.nan, 5_000.0, 6_000.0] * 10)
    statistics = demand_statistics(requests, 60.0, input_tokens=tokens, output_tokens=np.full(40, np.nan))
    assert statistics.mean_input_tokens == pytest.approx(7_000.0 / 40.0)
    assert statistics.mean_output_tokens is None


def test_the_drift_of_lengths_is_told_apart_from_which_requests_happened_to_come():
    generator = np.random.default_rng(9)
    days = 28
    drift = np.repeat(np.exp(lognormal_noise(days * 24, 0.1, 10.0, seed=2)), 60)
    requests = np.full(days * MINUTES_PER_DAY, 4.0)
    # a request varies by 1.5 of its mean, so an hour's mean by 1.5 / sqrt(240) = 0.097: as much as the drift itself
    sample_sd = 1.5 / np.sqrt(4.0)
    drawn = np.exp(
        np.sqrt(np.log1p(sample_sd**2)) * generator.standard_normal(requests.size) - 0.5 * np.log1p(sample_sd**2)
    )
    steady, drifting = requests * 500.0 * drawn, requests * 500.0 * drift * drawn
    true = drift[::60].std() / drift.mean()
    # the covariance of n hours of two halves, each with the sampling variance 2 x 0.097^2 = 0.0188, errs by about
    # (0.0188 + true^2) / sqrt(n)
    error = (2 * 0.097**2 + true**2) / np.sqrt(days * 24)
    assert length_drift(requests, drifting, 60.0) ** 2 == pytest.approx(true**2, abs=4 * error)
    assert length_drift(requests, steady, 60.0) ** 2 < 4 * error
    assert length_drift(requests, steady, 3_600.0) is None


def test_the_examples_in_the_docstrings_are_true():
    result = doctest.testmod(traffic_statistics)
    assert result.attempted > 0
    assert result.failed == 0
