"""Paths drawn once: the first of more are the same, each input is uniform, and they go together as asked."""

import numpy as np
import pytest
from scipy import stats

from simulator.domain.path_draws import SOBOL_SEQUENCES, independent_sequences, path_shares, path_values
from simulator.domain.uncertainty import Uncertainty

TWO = {"a": {"uniform": {"low": 0, "high": 1}}, "b": {"lognormal": {"median": 2, "log_sigma": 0.5}}}


def uncertainty(**more):
    return Uncertainty.model_validate({"inputs": TWO, **more})


@pytest.mark.parametrize("draws", ["sobol", "independent"])
def test_64_paths_are_the_first_of_256(draws):
    of = uncertainty(draws=draws, correlations=[{"keys": ["a", "b"], "correlation": 0.4}])
    assert np.array_equal(path_shares(of, 7, 64), path_shares(of, 7, 256)[:64])
    assert np.array_equal(path_shares(of, 7, 100), path_shares(of, 7, 256)[:100])


def test_another_seed_gives_other_paths_and_the_scenario_s_seed_counts_where_none_is_given():
    assert not np.array_equal(path_shares(uncertainty(), 1, 64), path_shares(uncertainty(), 2, 64))
    assert np.array_equal(path_shares(uncertainty(seed=2), 1, 64), path_shares(uncertainty(), 2, 64))


def test_each_sequence_of_sobol_paths_has_one_point_in_every_part_of_every_input():
    of_each = 8
    shares = path_shares(uncertainty(), 3, SOBOL_SEQUENCES * of_each)
    for sequence in range(SOBOL_SEQUENCES):
        for column in shares[sequence::SOBOL_SEQUENCES].T:
            assert sorted(np.floor(column * of_each).astype(int)) == list(range(of_each))


def test_sequences_of_sobol_paths_know_nothing_of_each_other():
    # Neighbouring paths are of two sequences. Over many seeds they are as independent as two numbers can be.
    seeds = 400
    first_two = np.array([path_shares(uncertainty(), seed, 2)[:, 0] for seed in range(seeds)])
    assert abs(np.corrcoef(first_two.T)[0, 1]) < 4 / np.sqrt(seeds)
    assert first_two.mean(axis=0) == pytest.approx([0.5, 0.5], abs=4 / np.sqrt(12 * seeds))


def test_paths_fall_into_as_many_sequences_as_were_drawn():
    assert independent_sequences(uncertainty(), 256) == SOBOL_SEQUENCES
    assert independent_sequences(uncertainty(), 3) == 3
    assert independent_sequences(uncertainty(draws="independent"), 256) == 256
    assert independent_sequences(Uncertainty(), 16) == 16  # seeds of the traffic, no inputs


@pytest.mark.parametrize("draws", ["sobol", "independent"])
def test_correlated_inputs_are_uniform_each_and_normal_together(draws):
    paths, rho = 4096, 0.3
    shares = path_shares(uncertainty(draws=draws, correlations=[{"keys": ["a", "b"], "correlation": rho}]), 5, paths)
    for column in shares.T:
        # A mean of so many uniform numbers has a standard deviation of 1 / sqrt(12 paths).
        assert column.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * paths))
        assert np.quantile(column, [0.1, 0.9]) == pytest.approx([0.1, 0.9], abs=4 * np.sqrt(0.09 / paths))
    found = np.corrcoef(stats.norm.ppf(shares).T)[0, 1]
    assert found == pytest.approx(rho, abs=4 * (1 - rho**2) / np.sqrt(paths))


def test_values_are_the_quantiles_at_the_shares():
    shares = np.array([[0.25, 0.5], [0.75, 0.9]])
    assert path_values(uncertainty(), shares) == pytest.approx(
        np.array([[0.25, 2.0], [0.75, 2.0 * np.exp(0.5 * stats.norm.ppf(0.9))]])
    )


def test_a_later_group_of_correlations_adds_to_an_earlier_one():
    three = Uncertainty.model_validate(
        {
            "inputs": {**TWO, "c": {"normal": {"mean": 0, "sd": 1}}},
            "correlations": [
                {"keys": ["a", "b"], "correlation": 0.6},
                {"keys": ["b", "c"], "matrix": [[1.0, -0.5], [-0.5, 1.0]]},
            ],
        }
    )
    found = np.corrcoef(stats.norm.ppf(path_shares(three, 1, 4096)).T)
    assert found[np.triu_indices(3, 1)] == pytest.approx([0.6, 0.0, -0.5], abs=4 / np.sqrt(4096))
