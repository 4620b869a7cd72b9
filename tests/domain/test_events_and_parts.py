"""Closed forms of what makes a demand uneven: noises, spikes, lengths, and the volumes they are held to."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from simulator.domain.random_parts import LengthLaw, Noise, NoisePart, Spikes
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic


@pytest.mark.parametrize("log_sd", [0.0, 0.3, 1.0, 1.7])
def test_the_variance_of_a_length_is_the_integral_over_its_lognormal_law(log_sd):
    law = stats.lognorm(log_sd) if log_sd else None
    expected = law.var() / law.mean() ** 2 if law else 0.0
    assert LengthLaw(log_sd=log_sd).relative_variance == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("tail_index", [1.5, 2.5, 4.0])
def test_endless_heights_begin_where_their_mean_is_the_one_given(tail_index):
    spikes = Spikes(per_month=1, height_to_mean=3.0, tail_index=tail_index)
    law = stats.pareto(tail_index, scale=spikes.least_height)
    assert law.mean() == pytest.approx(3.0)
    assert spikes.mean_height == pytest.approx(3.0)


@pytest.mark.parametrize("tail_index", [0.4, 0.999999999, 1.0, 1.000001, 1.3, 8.0])
def test_the_mean_of_heights_with_an_end_has_no_jump_at_a_tail_of_one(tail_index):
    spikes = Spikes(per_month=1, least_height_to_mean=0.2, greatest_height_to_mean=9.0, tail_index=tail_index)
    mass, _ = integrate.quad(lambda log: math.exp(-tail_index * log), math.log(0.2), math.log(9.0))
    first, _ = integrate.quad(lambda log: math.exp((1 - tail_index) * log), math.log(0.2), math.log(9.0))
    assert spikes.mean_height == pytest.approx(first / mass, rel=1e-5)


@pytest.mark.parametrize("log_sd", [0.0, 0.5, 1.4])
def test_the_share_in_spikes_is_the_area_under_their_decay(log_sd):
    spikes = Spikes(per_week=7, height_to_mean=2.0, half_life_s=1800, half_life_log_sd=log_sd)
    area_s, _ = integrate.quad(lambda since_s: 2.0 * 2 ** (-since_s / 1800), 0, 100 * 1800)
    mean_of_half_lives = stats.lognorm(log_sd).mean() if log_sd else 1.0
    excess = 1 / 86_400 * area_s * mean_of_half_lives  # one a day
    assert spikes.mean_excess == pytest.approx(excess, rel=1e-6)
    assert spikes.expected_share == pytest.approx(excess / (1 + excess), rel=1e-6)


def test_one_noise_is_a_part_that_does_not_fall():
    noise = Noise(relative_sd=0.3, correlation_time_s=60.0)
    assert noise.steady_parts == (NoisePart(relative_sd=0.3, correlation_time_s=60.0),)
    assert noise.falling_parts == ()


@pytest.mark.parametrize(
    ("volume", "requests_per_month"),
    [
        ({"requests_per_day": 24.0}, 730.0),
        ({"requests_per_month": 5.0}, 5.0),
        ({"tokens_per_month": 800.0}, 2.0),
        ({"tokens_per_day": 24 * 400.0}, 730.0),
        ({"daily_users": 24.0, "sessions_per_user": 2.0, "queries_per_session": 3.0}, 6 * 730.0),
    ],
)
def test_every_volume_is_one_of_requests_in_730_hours(volume, requests_per_month):
    traffic = Traffic.model_validate(volume)
    assert traffic.requests_per_month_at(400.0) == pytest.approx(requests_per_month)
    assert traffic.mean_tokens_per_month(400.0) == pytest.approx(400 * requests_per_month)


def test_a_month_is_730_hours_of_any_horizon():
    assert Horizon(hours=73).in_months == pytest.approx(0.1)
    assert Horizon(days=365, step_s=3600).in_months == pytest.approx(12.0)
    assert np.array([Horizon(months=1.5).bill_months, Horizon(months=2).bill_months]).tolist() == [2, 2]
