"""Statistics of a recording against those of runs of a model."""

import numpy as np
import pytest
from demand_with_known_parts import recording

from simulator.traces.fit_card import card_lines
from simulator.traces.fitting import fit_recording
from simulator.traces.goodness import Likeness, compare, error_of_the_top, statistics, window_lengths


def test_windows_are_the_step_five_minutes_and_an_hour_where_longer():
    assert window_lengths(60.0, 1_440) == {"1 min": 1, "5 min": 5, "60 min": 60}
    assert window_lengths(600.0, 144) == {"10 min": 1, "60 min": 6}
    assert window_lengths(60.0, 100) == {"1 min": 1, "5 min": 5}


def test_peaks_of_longer_windows_are_means_of_their_steps():
    steps = np.full(120, 10.0)
    steps[30:36] = 70.0  # an hour of six steps
    found = statistics(steps[None, :], 600.0)
    mean = (114 * 10 + 6 * 70) / 120
    assert found["peak/mean, 10 min"][0] == pytest.approx(70 / mean)
    assert found["peak/mean, 60 min"][0] == pytest.approx(70 / mean)
    steps[30:36] = [70, 10, 10, 10, 10, 10]
    assert statistics(steps[None, :], 600.0)["peak/mean, 60 min"][0] == pytest.approx(20 / (steps.mean()))


def test_counts_at_random_have_an_index_of_dispersion_of_one():
    runs = np.random.default_rng(0).poisson(50, (4, 20_000)).astype(float)
    found = statistics(runs, 60.0)
    np.testing.assert_allclose(found["index of dispersion"], 1.0, atol=0.05)
    np.testing.assert_allclose(found["noise from step to step"], 50**-0.5, rtol=0.03)
    np.testing.assert_allclose(found["autocorrelation, 1 step"], 0.0, atol=0.03)


def test_a_course_that_repeats_every_day_is_correlated_with_itself_a_day_later():
    day = 10 + 5 * np.sin(2 * np.pi * np.arange(3 * 144) / 144)
    found = statistics(day[None, :], 600.0)
    assert found["autocorrelation, 1 day"][0] == pytest.approx(1.0)
    assert found["autocorrelation, 1 h"][0] == pytest.approx(np.cos(2 * np.pi / 24), abs=0.01)


def test_runs_are_unknown_where_the_recording_is():
    requests = np.full(144, 10.0)
    requests[50:60] = np.nan
    runs = np.full((3, 144), 10.0)
    runs[:, 55] = 1e6  # would be the peak
    rows = {row.name: row for row in compare(requests, runs, 600.0)}
    assert rows["peak/mean, 10 min"].model == pytest.approx(1.0)


def test_the_error_is_the_root_mean_square_over_peaks_and_percentiles_alone():
    rows = (
        Likeness("peak/mean, 1 min", 2.0, 2.2, 0, 9),
        Likeness("p99/mean, 1 min", 2.0, 1.4, 0, 9),
        Likeness("index of dispersion", 1.0, 99.0, 0, 99),
    )
    assert error_of_the_top(rows) == pytest.approx(np.sqrt((0.1**2 + 0.3**2) / 2))


@pytest.mark.parametrize(
    ("model", "low", "ending"),
    [
        (2.56, 1.9, "28 % off: this demand is not well described by the fit."),
        (2.2, 2.05, "10 % off, 2 of 2 rows out of their band: this demand is not well described by the fit."),
        (2.2, 1.9, "10 % off (root mean square)."),
    ],
)
def test_the_card_says_plainly_that_a_demand_is_not_described(model, low, ending):
    fit = fit_recording(recording(np.random.default_rng(0).poisson(500.0, 300)))
    rows = (Likeness("peak/mean, 10 min", 2.0, model, low, 3.0), Likeness("p99/mean, 10 min", 2.0, model, low, 3.0))
    assert card_lines(fit, rows, 60)[-1].endswith(f": {ending}")
