"""Noise: memory and variance at minutes and hours, and Taylor's law of the noise that falls with the load."""

import math

import numpy as np
import pytest

from simulator.domain.random_parts import Noise
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand
from simulator.simulation.noise import falling_noise, lognormal

MINUTES_PER_MONTH = 43_800.0
MIX = Mix(300.0, 100.0)


def mean_and_error(samples):
    """Mean of independent samples and its standard error."""
    samples = np.asarray(samples)
    return samples.mean(), samples.std(ddof=1) / math.sqrt(samples.size)


def correlation(time_s, lag_s):
    """Memory of a first-order autoregression; none from minute to minute where its time is zero."""
    lag_s = np.abs(np.asarray(lag_s, dtype=float))
    return np.exp(-lag_s / time_s) if time_s else (lag_s == 0).astype(float)


def mean_over_hours(of_lag, hours_apart):
    """Mean of a function of the lag over all pairs of minutes of two hours."""
    minutes = np.arange(60) * 60.0
    return float(of_lag(3600.0 * hours_apart + np.subtract.outer(minutes, minutes)).mean())


def expected_rates(traffic, requests_per_minute, seed=1, **horizon):
    """Rate before counting over the mean one, in every step, at a mean volume. Shape (steps,)."""
    shape = Traffic.model_validate({"requests_per_day": 1e4, **traffic})
    span = Horizon.model_validate(horizon)
    path = sample_demand(shape, span, seed).path(requests_per_minute * MINUTES_PER_MONTH, MIX)
    return path.expected_requests / (requests_per_minute * span.step_s / 60)


# Steady noise


@pytest.mark.parametrize("time_s", [0.0, 300.0, 5_400.0])
@pytest.mark.parametrize("relative_sd", [0.2, 0.7])
def test_steady_noise_of_minutes_has_the_autocovariance_of_a_lognormal(relative_sd, time_s):
    log_variance = math.log(1 + relative_sd**2)
    draws = [lognormal(relative_sd, time_s, 3_000, 60.0, np.random.default_rng(seed)) - 1.0 for seed in range(60)]
    for lag in (0, 1, 7, 60):
        expected = math.expm1(log_variance * float(correlation(time_s, 60.0 * lag)))
        mean, error = mean_and_error([(x[lag:] * x[: x.size - lag]).mean() for x in draws])
        assert mean == pytest.approx(expected, abs=4 * error)
    mean, error = mean_and_error([x.mean() for x in draws])
    assert mean == pytest.approx(0.0, abs=4 * error)


@pytest.mark.parametrize("time_s", [0.0, 300.0, 5_400.0, 259_200.0])
def test_hourly_draws_have_the_variance_and_the_memory_of_hours_of_minutes(time_s):
    relative_sd = 0.6
    log_variance = math.log(1 + relative_sd**2)
    draws = [lognormal(relative_sd, time_s, 4_000, 3600.0, np.random.default_rng(seed)) - 1.0 for seed in range(60)]
    for lag in (0, 1):
        expected = mean_over_hours(lambda lag_s: np.expm1(log_variance * correlation(time_s, lag_s)), lag)
        mean, error = mean_and_error([(x[lag:] * x[: x.size - lag]).mean() for x in draws])
        assert mean == pytest.approx(expected, abs=4 * error)
        assert error < 0.1 * log_variance  # the test can tell


def test_minutes_drawn_and_averaged_over_hours_have_that_law_too():
    relative_sd, time_s = 0.6, 2_400.0
    log_variance = math.log(1 + relative_sd**2)
    hours = [
        lognormal(relative_sd, time_s, 60 * 200, 60.0, np.random.default_rng(seed)).reshape(-1, 60).mean(axis=1) - 1.0
        for seed in range(60)
    ]
    for lag in (0, 1):
        expected = mean_over_hours(lambda lag_s: np.expm1(log_variance * correlation(time_s, lag_s)), lag)
        mean, error = mean_and_error([(x[lag:] * x[: x.size - lag]).mean() for x in hours])
        assert mean == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("step_s", [60, 3600])
def test_several_noises_multiply(step_s):
    # Memories far apart: within an hour of the fast one the slow one stands still.
    parts = {
        "fast": {"relative_sd": 0.4, "correlation_time_s": 0},
        "slow": {"relative_sd": 0.5, "correlation_time_s": 200_000},
    }
    draws = [expected_rates({"noise": {"parts": parts}}, 1e3, seed, days=10, step_s=step_s) for seed in range(80)]
    fast, slow = math.log(1 + 0.4**2 / (step_s / 60)), math.log(1 + 0.5**2)
    logs = [np.log(x) + (fast + slow) / 2 for x in draws]
    for lag, expected in ((0, fast + slow), (1, slow * math.exp(-step_s / 200_000))):
        mean, error = mean_and_error([(x[lag:] * x[: x.size - lag]).mean() for x in logs])
        assert mean == pytest.approx(expected, abs=4 * error)


def test_one_noise_is_the_same_as_a_list_of_one():
    alone = {"noise": {"relative_sd": 0.4, "correlation_time_s": 900.0}}
    listed = {"noise": {"parts": {"it": {"relative_sd": 0.4, "correlation_time_s": 900.0}}}}
    one, other = (np.log(expected_rates(noise, 1e3, days=60, step_s=60)) for noise in (alone, listed))
    assert one.std() == pytest.approx(other.std(), rel=0.05)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.0, abs=0.1)  # from streams of their own


# Noise that falls with the load


def falling(relative_sd=0.2, time_s=0.0, reference=100.0, exponent=1.4):
    part = {"relative_sd": relative_sd, "correlation_time_s": time_s, "falls_with_load": True}
    return {"noise": {"parts": {"it": part}, "reference_requests_per_minute": reference, "taylor_exponent": exponent}}


@pytest.mark.parametrize("time_s", [0.0, 300.0, 5_400.0, 259_200.0])
@pytest.mark.parametrize("base_s", [60.0, 3600.0])
def test_the_normal_number_behind_it_and_its_square_are_aggregated_too(base_s, time_s):
    noise = Noise.model_validate(falling(0.3, time_s)["noise"])
    draws = [falling_noise(noise, 3_000, base_s, seed, "") for seed in range(60)]

    def over(power, lag):
        if base_s == 60:
            return float(correlation(time_s, 60.0 * lag)) ** power
        return mean_over_hours(lambda lag_s: correlation(time_s, lag_s) ** power, lag)

    for lag in (0, 1):
        mean, error = mean_and_error([(z[lag:] * z[: z.size - lag]).mean() for z, *_ in draws])
        assert mean == pytest.approx(over(1, lag), abs=4 * error)
    mean, error = mean_and_error([(square**2).mean() for _, square, *_ in draws])  # that of z^2 - 1 is 2 r^2
    assert mean == pytest.approx(2 * over(2, 0), abs=4 * error)
    for place in (0, 1):
        mean, error = mean_and_error([draw[place].mean() for draw in draws])
        assert mean == pytest.approx(0.0, abs=4 * error)


@pytest.mark.parametrize("time_s", [0.0, 300.0, 5_400.0])
def test_an_hour_of_falling_noise_varies_as_the_mean_of_its_minutes(time_s):
    relative_sd = 0.5
    log_variance = math.log(1 + relative_sd**2)

    def second_order(lag_s):
        r = correlation(time_s, lag_s)
        return log_variance * r + 0.5 * log_variance**2 * r**2

    expected = mean_over_hours(second_order, 0)
    samples = {
        step_s: [
            expected_rates(falling(relative_sd, time_s), 100.0, seed, days=15, step_s=step_s) for seed in range(40)
        ]
        for step_s in (60, 3600)
    }
    for step_s, draws in samples.items():
        hours = [x.reshape(-1, 3600 // step_s).mean(axis=1) - 1.0 for x in draws]
        mean, error = mean_and_error([(x**2).mean() for x in hours])
        assert mean == pytest.approx(expected, abs=4 * error)
        mean, error = mean_and_error([x.mean() for x in hours])
        assert mean == pytest.approx(0.0, abs=4 * error)


def test_the_falling_parts_add_their_memories_to_one_noise():
    parts = {
        "fast": {"relative_sd": 0.15, "correlation_time_s": 0, "falls_with_load": True},
        "slow": {"relative_sd": 0.10, "correlation_time_s": 1800, "falls_with_load": True},
    }
    noise = {"noise": {"parts": parts, "reference_requests_per_minute": 100}}
    draws = [expected_rates(noise, 100.0, seed, days=2, step_s=60) - 1.0 for seed in range(80)]
    fast, slow = math.log(1 + 0.15**2), math.log(1 + 0.10**2)
    for lag, first_order in ((0, fast + slow), (1, slow * math.exp(-60 / 1800)), (30, slow * math.exp(-1))):
        mean, error = mean_and_error([(x[lag:] * x[: x.size - lag]).mean() for x in draws])
        assert mean == pytest.approx(first_order + first_order**2 / 2, abs=4 * error)


def sd_of(rates):
    """Standard deviation about the mean of one."""
    return math.sqrt(((rates - 1.0) ** 2).mean())


@pytest.mark.parametrize("relative_sd", [0.1, 0.3, 0.5])
def test_at_the_reference_load_it_has_its_relative_sd(relative_sd):
    rates = expected_rates(falling(relative_sd), 100.0, months=4, step_s=60)
    # Kurtosis of a lognormal of sd 0.5 is 8.9: the standard error of the sd is sd sqrt(7.9 / n) / 2 at most.
    assert sd_of(rates) == pytest.approx(relative_sd, rel=4 * math.sqrt(7.9 / rates.size) / 2 + relative_sd**4)


@pytest.mark.parametrize("exponent", [1.2, 1.4, 1.7, 2.0])
def test_ten_times_the_load_has_less_noise_by_taylors_law(exponent):
    noise = falling(0.05, exponent=exponent)
    small, large = (sd_of(expected_rates(noise, rate, months=1, step_s=60)) for rate in (100.0, 1_000.0))
    # The variance of the requests grows as mean^b, so the sd over the mean falls as mean^(b/2 - 1); b = 1.4: 10^-0.3.
    assert large / small == pytest.approx(10 ** (exponent / 2 - 1), rel=0.01)


def test_nights_have_more_noise_than_days_by_the_same_law():
    # Half the time at a tenth of the rate of the other half: 18.18 and 181.8 a minute.
    nights = [{"at_s": 0, "level": 1}, {"at_hours": 12, "level": 10}]
    shape = {"piecewise": {"points": nights, "repeat_every_hours": 24}, **falling(0.05)}
    rates = expected_rates(shape, 100.0, days=60, step_s=60).reshape(-1, 2, 720)
    night, day = (sd_of(rates[:, part] / level) for part, level in ((0, 2 / 11), (1, 20 / 11)))
    assert day / night == pytest.approx(10**-0.3, rel=4 / math.sqrt(43_200))
    at_night = 0.05 * (100 * 2 / 11 / 100) ** -0.3
    assert night == pytest.approx(at_night, rel=4 / math.sqrt(2 * 43_200) + 0.01)


@pytest.mark.parametrize("rate", [0.01, 1.0, 20.0, 1e5])
@pytest.mark.parametrize("step_s", [60, 300, 3600])
def test_it_is_never_negative_and_has_an_end_at_small_loads(rate, step_s):
    noise = falling(0.5, 600.0)
    rates = expected_rates(noise, rate, months=1, step_s=step_s)
    assert rates.min() > 0.0
    if step_s == 60:
        # 1 + s z + s^2 (z^2 - 1)/2 with s at most 0.8.
        assert sd_of(rates) < math.sqrt(0.8**2 + 0.8**4 / 2) * 1.15
    smaller = expected_rates(noise, rate / 100, months=1, step_s=step_s)
    if rate <= 1.0:
        assert smaller == pytest.approx(rates, rel=1e-9)  # both at the end
    else:
        assert sd_of(smaller) > 1.02 * sd_of(rates)


def test_a_larger_volume_never_has_a_smaller_rate_at_any_step():
    nights = [{"at_s": 0, "level": 0.001}, {"at_hours": 6, "level": 1}, {"at_hours": 12, "level": 4}]
    shape = {"piecewise": {"points": nights, "repeat_every_hours": 24}, **falling(1.5, 600.0)}
    rates = [rate * expected_rates(shape, rate, days=10, step_s=60) for rate in np.geomspace(0.1, 1e5, 40)]
    assert np.diff(np.array(rates), axis=0).min() >= 0.0
