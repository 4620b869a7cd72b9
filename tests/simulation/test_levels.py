"""Demands that add up, and caps of clients that never exceed a rate: whose parts, which mean, how much noise."""

import math

import numpy as np
import pytest

from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand

MINUTES_PER_MONTH = 43_800.0
MIX = Mix(300.0, 100.0)


def rates(traffic, per_minute=100.0, seed=1, own_per_minute=None, **horizon):
    """Rate before counting over the mean one, in every step. Shape (steps,)."""
    shape = Traffic.model_validate({"requests_per_day": 1440 * (own_per_minute or per_minute), **traffic})
    span = Horizon.model_validate(horizon)
    demand = sample_demand(shape, span, seed, (own_per_minute or per_minute) * MINUTES_PER_MONTH)
    return demand.path(per_minute * MINUTES_PER_MONTH, MIX).expected_requests / (per_minute * span.step_s / 60)


def mean_and_error(samples):
    """Mean of independent samples and its standard error."""
    samples = np.asarray(samples)
    return samples.mean(), samples.std(ddof=1) / math.sqrt(samples.size)


# Blends


OFFICE = {"weekly": {"weekend_to_weekday": 0.2}, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
BATCH = {"jobs": {"it": {"share": 0.5, "start_hour": 2, "duration_hours": 3}}, "timezone": "America/New_York"}


@pytest.mark.parametrize("step_s", [300, 3600])
def test_a_blend_is_the_weighted_sum_of_its_demands(step_s):
    horizon = {"days": 14, "step_s": step_s}
    blend = rates({"blend": {"a": {"share": 0.7, **OFFICE}, "b": {"share": 0.3, **BATCH}}}, **horizon)
    assert blend == pytest.approx(0.7 * rates(OFFICE, **horizon) + 0.3 * rates(BATCH, **horizon), rel=1e-12)


def test_the_demands_of_a_blend_have_noise_of_their_own():
    noise = {"noise": {"relative_sd": 0.4, "correlation_time_s": 0}}
    one = rates({"blend": {"a": {"share": 0.5, **noise}, "b": {"share": 0.5}}}, days=7, step_s=60)
    other = rates({"blend": {"a": {"share": 0.5}, "b": {"share": 0.5, **noise}}}, days=7, step_s=60)
    both = rates({"blend": {"a": {"share": 0.5, **noise}, "b": {"share": 0.5, **noise}}}, days=7, step_s=60)
    assert both == pytest.approx(one + other - 1.0, rel=1e-9)  # each as if alone
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.0, abs=4 / math.sqrt(one.size))
    assert both.var() == pytest.approx(2 * 0.5**2 * 0.4**2, rel=4 * math.sqrt(4 / both.size))


def test_names_of_the_same_noise_in_a_blend_do_not_share_draws():
    part = {"parts": {"it": {"relative_sd": 0.3}, "other": {"relative_sd": 0.3}}}
    blend = {"a": {"share": 0.5, "noise": part}, "it": {"share": 0.5, "noise": part}}
    sample = rates({"blend": blend}, days=7, step_s=60)
    assert sample.var() == pytest.approx(0.5 * (1.09**2 - 1), rel=4 * math.sqrt(5 / sample.size))


def test_falling_noise_in_a_blend_is_that_of_a_smaller_load():
    part = {"relative_sd": 0.05, "falls_with_load": True}
    noise = {"noise": {"parts": {"it": part}, "reference_requests_per_minute": 100}}
    sample = rates({"blend": {"a": {"share": 0.2, **noise}, "b": {"share": 0.8}}}, 100.0, months=1, step_s=60)
    # A fifth of 100 a minute: 0.05 x 5^0.3, on a fifth of the volume.
    assert sample.std() == pytest.approx(0.2 * 0.05 * 5**0.3, rel=4 / math.sqrt(2 * sample.size) + 0.005)


# Caps


LUNCH = {"diurnal": {"peak_hour": 12, "peak_to_mean": 1.9}}
CAPPED = {
    "season": {**LUNCH},
    "steady noise": {**LUNCH, "noise": {"relative_sd": 0.5, "correlation_time_s": 600}},
    "memoryless noise": {"noise": {"relative_sd": 1.0, "correlation_time_s": 0}},
    "falling noise": {
        **LUNCH,
        "noise": {"parts": {"it": {"relative_sd": 0.4, "falls_with_load": True}}, "reference_requests_per_minute": 50},
    },
    "spikes": {"spikes": {"per_week": 60, "height_to_mean": 2.0, "half_life_s": 1800}},
    "spikes over the mean": {
        **LUNCH,
        "spikes": {"per_week": 60, "least_height_to_mean": 0.5, "greatest_height_to_mean": 5.0,
                   "half_life_s": 1800, "heights_over": "mean"},
        "jobs": {"it": {"share": 0.2, "start_hour": 3, "duration_hours": 4}},
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("step_s", [60, 3600])
@pytest.mark.parametrize("name", CAPPED)
def test_a_cap_is_never_exceeded_and_keeps_the_mean(name, step_s):
    samples = [rates({**CAPPED[name], "cap_to_mean": 1.6}, seed=seed, days=14, step_s=step_s) for seed in range(24)]
    assert max(sample.max() for sample in samples) <= 1.6 * (1 + 1e-9)
    assert max(sample.max() for sample in samples) > 1.5  # it is felt
    mean, error = mean_and_error([sample.mean() for sample in samples])
    # The factor that makes up for it is found by quadrature, to half a per cent.
    assert mean == pytest.approx(1.0, abs=4 * error + 0.005)


def test_a_capped_season_is_cut_and_scaled_as_the_textbook_says():
    got = rates({**LUNCH, "cap_to_mean": 1.5}, days=2, step_s=60)
    season = 1 + 0.9 * np.cos((np.arange(1440) + 0.5 - 720) / 720 * math.pi)
    low, high = 1.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * season, 1.5).mean() < 1 else (low, middle)
    assert got == pytest.approx(np.tile(np.minimum(low * season, 1.5), 2), rel=2e-3)


def test_a_cap_that_nothing_reaches_changes_nothing():
    shape = {**LUNCH, "noise": {"relative_sd": 0.1}}
    usual, capped = (rates({**shape, **cap}, days=3, step_s=60) for cap in ({}, {"cap_to_mean": 50}))
    assert capped == pytest.approx(usual, rel=1e-9)


@pytest.mark.parametrize("part", [{}, {"noise": {"relative_sd": 0.3}}, CAPPED["spikes"]])
def test_a_cap_below_what_the_hours_with_demand_can_hold_is_refused(part):
    # Eight hours a day have demand (the straight lines to the six reach into two more): three is their least mean rate.
    hours = [0.0] * 18 + [1.0] * 6
    shape = {"weekday_hours": hours, "weekend_hours": hours, "cap_to_mean": 2.5, **part}
    with pytest.raises(ValueError, match=r"^traffic\.cap_to_mean: is 2\.5, [^\n]*$"):
        rates(shape, days=7, step_s=3600)


def test_each_demand_of_a_blend_has_its_own_cap():
    capped = {"share": 0.5, "noise": {"relative_sd": 1.0, "correlation_time_s": 0}, "cap_to_mean": 1.3}
    sample = rates({"blend": {"a": capped, "b": {"share": 0.5}}}, days=3, step_s=60)
    assert sample.max() == pytest.approx(0.5 * 1.3 + 0.5, rel=1e-9)
