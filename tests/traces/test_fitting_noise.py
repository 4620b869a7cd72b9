"""The pieces that find a noise: draws with a memory, differences of blocks, least squares, longer steps."""

import numpy as np
import pytest
from demand_with_known_parts import recording

from simulator.traces.least_squares import non_negative, weighted_median, whitening
from simulator.traces.longer_steps import in_longer_steps
from simulator.traces.noise_paths import mean_of_step, unit_paths
from simulator.traces.noise_scales import block_differences


@pytest.mark.parametrize("memory_s", [0.0, 300.0, 5_400.0, 86_400.0])
@pytest.mark.parametrize("step_s", [60.0, 600.0])
def test_means_of_steps_have_the_variance_of_the_minutes_in_them(memory_s, step_s):
    """By the sum over all pairs of minutes, which no code here forms."""
    minutes = round(step_s / 60)
    lag = np.abs(np.subtract.outer(np.arange(minutes), np.arange(minutes)))
    correlation = np.exp(-60.0 * lag / memory_s) if memory_s else (lag == 0).astype(float)
    expected = correlation.mean()
    assert mean_of_step(memory_s, step_s)[3] == pytest.approx(expected, rel=1e-9)
    paths = unit_paths(memory_s, step_s, 400, 50, np.random.default_rng(0))
    assert paths.var() == pytest.approx(expected, rel=0.12)


def test_draws_forget_after_their_memory():
    paths = unit_paths(3_600.0, 600.0, 2_000, 13, np.random.default_rng(1))
    # Means of ten minutes, an hour apart: exp(-1) of the minutes' variance, each mean of pairs within +-10 minutes.
    lags = 3_600.0 + 60.0 * np.subtract.outer(np.arange(10), np.arange(10))
    expected = np.exp(-lags / 3_600.0).mean()
    assert np.mean(paths[:, 0] * paths[:, 6]) == pytest.approx(expected, abs=0.05)


def test_differences_of_blocks_of_noise_without_memory_fall_with_their_length():
    paths = np.random.default_rng(2).standard_normal((200, 256))
    found = block_differences(paths, np.ones(256, bool), np.ones(256), np.array([1, 4, 16]))
    np.testing.assert_allclose(found.mean(axis=0), [1, 1 / 4, 1 / 16], rtol=0.05)


def test_blocks_that_are_mostly_unknown_do_not_count_and_unknown_steps_do_not_matter():
    known = np.ones(64, bool)
    known[20:30] = False
    paths = np.random.default_rng(3).standard_normal((1, 64))
    other = paths.copy()
    other[:, ~known] = 1e9
    scales = np.array([1, 8])
    first, second = (block_differences(one, known, np.ones(64), scales) for one in (paths, other))
    np.testing.assert_array_equal(first, second)
    assert np.isnan(block_differences(paths, np.arange(64) % 4 == 0, np.ones(64), scales)).all()


def test_least_squares_without_negative_numbers_meets_the_conditions_of_the_optimum():
    """Karush, Kuhn and Tucker: the slope is zero where the number is above zero, and not downhill where it is zero."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        matrix, target = rng.standard_normal((9, 5)), rng.standard_normal(9)
        found = non_negative(matrix, target)
        slope = matrix.T @ (matrix @ found - target)
        assert (found >= 0).all()
        np.testing.assert_allclose(slope[found > 0], 0, atol=1e-9)
        assert (slope[found == 0] >= -1e-9).all()


def test_whitened_samples_hardly_scatter_together():
    rng = np.random.default_rng(5)
    mixed = rng.standard_normal((4_000, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 5.0]])
    covariance = np.cov((mixed @ whitening(mixed).T).T)
    np.testing.assert_allclose(covariance, np.eye(3), atol=0.15)


def test_half_of_the_weight_lies_below_the_weighted_median():
    assert weighted_median(np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 5.0])) == 3.0


def test_steps_with_few_requests_are_added_up_to_a_part_of_an_hour():
    requests = np.full(720, 2.0)
    requests[0:6] = np.nan  # more than half of the first ten minutes
    requests[12:15] = np.nan  # less than half of the second
    longer = in_longer_steps(recording(requests, step_s=60.0))
    assert longer.step_s == 600.0  # 20 requests
    assert np.isnan(longer.requests[0])
    np.testing.assert_allclose(longer.requests[1:], 20.0)


def test_steps_with_enough_requests_stay_as_they_are():
    busy = recording(np.full(720, 25.0), step_s=60.0)
    assert in_longer_steps(busy) is busy
    assert in_longer_steps(recording(np.full(7_200, 25.0), step_s=1.0)).step_s == 60.0
