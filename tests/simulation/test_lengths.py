"""Lengths of requests: sums of uneven ones, a mean that drifts, prompts and answers apart."""

import math

import numpy as np
import pytest

from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand

MINUTES_PER_MONTH = 43_800.0
MIX = Mix(700.0, 150.0)


def drawn(lengths, per_minute, seed=1, counts="poisson", **horizon):
    """The demand at a mean number of requests a minute."""
    traffic = Traffic.model_validate({"requests_per_day": 1e4, "counts": counts, "token_lengths": lengths})
    return sample_demand(traffic, Horizon.model_validate(horizon), seed).path(per_minute * MINUTES_PER_MONTH, MIX)


@pytest.mark.parametrize("step_s", [60, 3600])
@pytest.mark.parametrize(("per_minute", "log_sd"), [(3.0, 0.5), (3.0, 1.1), (25.0, 0.8), (400.0, 1.1)])
def test_the_tokens_of_n_requests_have_n_times_their_mean_and_n_times_their_variance(per_minute, log_sd, step_s):
    path = drawn({"input": {"log_sd": log_sd}}, per_minute, months=1 if step_s == 60 else 20, step_s=step_s)
    some = path.requests >= 1
    requests = path.requests[some]
    scaled = (path.input_tokens[some] / MIX.input_tokens - requests) / np.sqrt(requests)
    variance = math.exp(log_sd**2) - 1
    # Sample mean and variance of numbers of that variance; the kurtosis is taken from the sample.
    assert scaled.mean() == pytest.approx(0.0, abs=4 * scaled.std() / math.sqrt(scaled.size))
    squares = scaled**2
    assert squares.mean() == pytest.approx(variance, abs=4 * squares.std() / math.sqrt(scaled.size))
    assert path.input_tokens.min() >= 0
    assert np.all(path.input_tokens[~some] == 0)
    assert path.output_tokens == pytest.approx(path.requests * MIX.output_tokens, rel=1e-12)


def test_lengths_of_expected_requests_do_not_scatter():
    path = drawn({"input": {"log_sd": 1.5}, "output": {"log_sd": 0.4}}, 40.0, counts="expected", days=2, step_s=300)
    assert path.input_tokens == pytest.approx(path.requests * MIX.input_tokens)
    assert path.output_tokens == pytest.approx(path.requests * MIX.output_tokens)


@pytest.mark.parametrize("step_s", [60, 3600])
@pytest.mark.parametrize("time_s", [0.0, 7_200.0])
def test_the_mean_length_drifts_with_its_deviation_and_its_memory(step_s, time_s):
    law = {"output": {"drift_relative_sd": 0.3, "drift_time_s": time_s}}
    drifts = []
    for seed in range(24):
        path = drawn(law, 100.0, seed, counts="expected", days=4, step_s=step_s)
        drifts.append(path.output_tokens / path.requests / MIX.output_tokens - 1.0)
        assert path.input_tokens == pytest.approx(path.requests * MIX.input_tokens)
    minutes = np.arange(step_s // 60) * 60.0
    for lag in (0, 1):
        lags = np.abs(lag * step_s + np.subtract.outer(minutes, minutes))
        memory = np.exp(-lags / time_s) if time_s else (lags == 0).astype(float)
        expected = np.expm1(math.log(1 + 0.3**2) * memory).mean()
        sample = np.array([(x[lag:] * x[: x.size - lag]).mean() for x in drifts])
        assert sample.mean() == pytest.approx(expected, abs=4 * sample.std() / math.sqrt(sample.size))
    means = np.array([x.mean() for x in drifts])
    assert means.mean() == pytest.approx(0.0, abs=4 * means.std() / math.sqrt(means.size))


@pytest.mark.parametrize("law", [{"log_sd": 0.8}, {"drift_relative_sd": 0.3, "drift_time_s": 0}])
def test_prompts_and_answers_are_independent(law):
    path = drawn({"input": law, "output": law}, 500.0, days=20, step_s=60)
    inputs, outputs = path.input_tokens / path.requests, path.output_tokens / path.requests
    assert np.corrcoef(inputs, outputs)[0, 1] == pytest.approx(0.0, abs=4 / math.sqrt(inputs.size))
    assert np.corrcoef(inputs, path.requests)[0, 1] == pytest.approx(0.0, abs=4 / math.sqrt(inputs.size))


def test_one_law_switched_off_leaves_the_other_draws_as_they_were():
    law = {"log_sd": 0.8, "drift_relative_sd": 0.3}
    both = drawn({"input": law, "output": law}, 50.0, days=1, step_s=60)
    prompts = drawn({"input": law}, 50.0, days=1, step_s=60)
    steady = drawn({"input": {"log_sd": 0.8}, "output": law}, 50.0, days=1, step_s=60)
    assert prompts.input_tokens.tobytes() == both.input_tokens.tobytes()
    assert prompts.requests.tobytes() == both.requests.tobytes()
    assert steady.output_tokens.tobytes() == both.output_tokens.tobytes()
