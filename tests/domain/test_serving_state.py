from dataclasses import fields

import numpy as np
import pytest
from hand_built_replicas import (
    LLAMA_8B,
    LLAMA_70B,
    MIXTRAL,
    batches,
    inputs,
    outputs,
    replica,
    replicas,
    stacked,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from simulator.domain.roofline import (
    iteration_s,
    iteration_terms,
    largest_batch,
    lone_first_token_s,
    output_tokens_per_s,
    time_per_token_s,
)
from simulator.domain.serving_state import Load, State, batch_at_arrival_rate, state_under, sustainable_batch

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
A_LITTLE = 1.0 + 1e-9  # rounding
NEARLY = 1.001  # what a search is worth

ONE = replica()
TERMS = iteration_terms(ONE, 1000.0, 500.0)


def state(regime, one=ONE, input_tokens=1000.0, output_tokens=500.0, **of_load):
    return state_under(one, Load(regime, input_tokens, output_tokens, **of_load))


# Arrivals at a rate


@pytest.mark.parametrize("shape", [LLAMA_8B, MIXTRAL])
@pytest.mark.parametrize("requests_per_s", [0.001, 0.1, 1.0, 5.0, 12.0])
def test_the_batch_at_an_arrival_rate_is_the_root_of_littles_law(shape, requests_per_s):
    terms = iteration_terms(replica(shape, tensor_parallel=2), 1000.0, 500.0)
    excess = lambda batch: batch - requests_per_s * 500 * iteration_s(terms, batch)  # noqa: E731
    expected = brentq(excess, 1e-6, 1e5)
    assert batch_at_arrival_rate(terms, 1e5, 500.0, requests_per_s) == pytest.approx(expected, rel=1e-3)


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs, share=st.floats(0.001, 0.98))
def test_requests_in_the_replica_are_their_rate_times_their_stay(one, input_tokens, output_tokens, share):
    terms = iteration_terms(one, input_tokens, output_tokens)
    rate = share * output_tokens_per_s(terms, 1000.0) / output_tokens
    batch = batch_at_arrival_rate(terms, 1000.0, output_tokens, rate)
    assume(batch > 1e-3)  # the least that is looked for
    assert batch == pytest.approx(rate * output_tokens * iteration_s(terms, batch), rel=1e-3)
    assert batch <= 1000.0


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs, factor=st.floats(1.0, 1e6))
def test_more_arrivals_than_the_largest_batch_serves_fill_it(one, input_tokens, output_tokens, factor):
    terms = iteration_terms(one, input_tokens, output_tokens)
    rate = factor * 1.0001 * output_tokens_per_s(terms, 300.0) / output_tokens
    assert batch_at_arrival_rate(terms, 300.0, output_tokens, rate) == pytest.approx(300.0, rel=1e-9)


@QUICK
@given(one=replicas(), rate=st.floats(1e-3, 1e3), factor=st.floats(1.0, 100.0))
def test_more_arrivals_never_make_a_smaller_batch(one, rate, factor):
    terms = iteration_terms(one, 1000.0, 500.0)
    once, more = (batch_at_arrival_rate(terms, 2000.0, 500.0, each) for each in (rate, factor * rate))
    assert once <= more * A_LITTLE


def test_without_arrivals_next_to_nothing_runs():
    assert batch_at_arrival_rate(TERMS, 100.0, 500.0, 0.0) <= 1e-3


def test_below_saturation_what_arrives_is_served():
    assert state("open", arrival_requests_per_s=4.0).output_tokens_per_s == pytest.approx(4 * 500, rel=1e-3)


def test_above_saturation_what_the_largest_batch_serves_is_served():
    full = state("open", arrival_requests_per_s=1e3)
    assert full.batch == pytest.approx(largest_batch(ONE, 1000.0, 500.0))
    assert full.output_tokens_per_s == pytest.approx(state("saturated").output_tokens_per_s)


def test_a_limit_of_clients_holds_for_arrivals_as_well():
    assert state("open", arrival_requests_per_s=1e3, concurrency=16.0).batch == pytest.approx(16)


# A limit on the time per token


@pytest.mark.parametrize("limit_s", [0.008, 0.015, 0.03])
def test_the_sustainable_batch_is_the_last_within_the_limit(limit_s):
    batch = sustainable_batch(TERMS, 1000.0, limit_s)
    by_trying = [size for size in range(1, 1001) if time_per_token_s(TERMS, float(size)) <= limit_s]
    assert by_trying[-1] <= batch + 1e-3 < by_trying[-1] + 1.001


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs, slack=st.floats(1.0, 50.0))
def test_the_sustainable_batch_is_within_the_limit_and_one_more_is_not(one, input_tokens, output_tokens, slack):
    terms = iteration_terms(one, input_tokens, output_tokens)
    limit_s = slack * 1.0001 * time_per_token_s(terms, 1.0)
    batch = sustainable_batch(terms, 3000.0, limit_s)
    assert 1.0 <= batch <= 3000.0
    assert time_per_token_s(terms, batch) <= limit_s * NEARLY
    assert batch == pytest.approx(3000.0) or time_per_token_s(terms, batch + 1.0) > limit_s


def test_a_limit_that_not_even_one_sequence_holds_leaves_none():
    alone_s = time_per_token_s(TERMS, 1.0)
    assert sustainable_batch(TERMS, 1000.0, 0.99 * alone_s) == 0
    nothing = state("saturated", tpot_limit_s=0.99 * alone_s)
    assert (nothing.batch, nothing.output_tokens_per_s) == (0, 0)


def test_a_generous_limit_leaves_the_largest_batch():
    assert sustainable_batch(TERMS, 300.0, 10.0) == pytest.approx(300)
    assert state("saturated", tpot_limit_s=10.0).batch == pytest.approx(state("saturated").batch)


@pytest.mark.parametrize("regime", ["saturated", "closed", "burst", "open"])
def test_a_limit_on_the_time_per_token_holds_in_every_regime_that_leaves_the_batch_open(regime):
    of_load = {"concurrency": 500.0, "n_requests": 2000.0, "arrival_requests_per_s": 100.0}
    limited = state(regime, tpot_limit_s=0.015, **of_load)
    assert limited.tpot_s == pytest.approx(0.015, rel=1e-3)


@QUICK
@given(one=replicas(), limit_s=st.floats(1e-3, 1.0), factor=st.floats(1.0, 10.0))
def test_a_looser_limit_never_serves_less(one, limit_s, factor):
    tight, loose = (state("saturated", one, tpot_limit_s=limit) for limit in (limit_s, factor * limit_s))
    assert tight.output_tokens_per_s <= loose.output_tokens_per_s * NEARLY


# Regimes


def test_the_batch_of_regime_static_is_as_given():
    assert state("static", concurrency=64.0).batch == 64
    assert state("static", concurrency=64.0).output_tokens_per_s == output_tokens_per_s(TERMS, 64.0)


def test_clients_run_side_by_side_as_far_as_there_is_room():
    room = largest_batch(ONE, 1000.0, 500.0)
    assert state("closed", concurrency=64.0).batch == 64
    assert state("closed", concurrency=5000.0).batch == pytest.approx(room)


def test_a_single_request_runs_alone():
    alone = state("single")
    assert alone.batch == 1
    assert alone.tpot_s == pytest.approx(iteration_s(TERMS, 1.0) - TERMS.prefill_s)


def test_a_burst_runs_all_its_requests_at_once_as_far_as_there_is_room():
    assert state("burst", n_requests=100.0).batch == 100
    assert state("burst", n_requests=5000.0).batch == pytest.approx(largest_batch(ONE, 1000.0, 500.0))
    assert state("burst", n_requests=100.0, concurrency=32.0).batch == 32


def test_a_queue_without_end_keeps_the_largest_batch_running():
    assert state("saturated").batch == pytest.approx(largest_batch(ONE, 1000.0, 500.0))
    assert state("saturated", concurrency=32.0).batch == 32


def test_a_run_that_ends_serves_less_while_its_last_batch_drains():
    endless, finite = state("saturated", concurrency=100.0), state("saturated", concurrency=100.0, n_requests=400.0)
    assert endless.output_tokens_per_s == output_tokens_per_s(TERMS, 100.0)
    # a quarter of the requests are the last batch: 1 + 0.34 / 4
    assert finite.output_tokens_per_s == pytest.approx(endless.output_tokens_per_s / 1.085)


def test_a_run_of_one_batch_loses_a_third_whatever_its_size():
    burst = state("burst", n_requests=50.0)
    assert burst.output_tokens_per_s == pytest.approx(output_tokens_per_s(TERMS, 50.0) / 1.34)


def test_a_model_that_does_not_fit_says_so_by_its_largest_batch():
    assert state("saturated", replica(LLAMA_70B)).largest_batch == 0


def test_the_engine_allows_no_more_sequences_than_its_cap():
    short = state("saturated", input_tokens=10.0, output_tokens=10.0)
    assert (short.batch, short.largest_batch) == (1024, 1024)
    assert short.batch_in_memory > 1024


# Time to the first token


def test_a_lone_request_waits_for_its_prompt_alone():
    # 2 x 7.505e9 x 8,192 operations and attention to 4,096 tokens on average, then overheads and 23 ms
    head = 128_256 * 4096
    prompt_s = 8192 * (2 * (8.03e9 - head) / (0.7 * 989e12) + 4 * 32 * 4096 * 4096 / (0.45 * 989e12))
    alone = state("single", input_tokens=8192.0)
    assert alone.ttft_s == pytest.approx(prompt_s + 0.13e-3 + 32 * 59e-6 + 0.023)


def test_the_prompts_of_others_delay_the_first_token():
    lone_s = lone_first_token_s(ONE, TERMS, 500.0)
    busy = state("closed", concurrency=64.0)
    prompt_s = 500 * TERMS.prefill_s
    assert busy.ttft_s == pytest.approx(lone_s + 2 * iteration_s(TERMS, 64.0) + 63 / 4 * prompt_s)


@QUICK
@given(one=replicas(), clients=batches, factor=st.floats(1.0, 10.0))
def test_more_clients_never_quicken_the_first_token(one, clients, factor):
    few, many = (state("closed", one, concurrency=number) for number in (clients, factor * clients))
    assert few.ttft_s <= many.ttft_s * A_LITTLE
    assert few.ttft_s * A_LITTLE >= one.efficiency.first_token_s


# Arrays

ARRAYS = {
    "input_tokens": np.array([10.0, 1000.0, 8000.0]),
    "output_tokens": np.array([20.0, 500.0, 100.0]),
    "concurrency": np.array([1.0, 32.0, 2000.0]),
    "n_requests": np.array([1.0, 100.0, 5000.0]),
    "arrival_requests_per_s": np.array([0.01, 3.0, 500.0]),
    "tpot_limit_s": np.array([1e-4, 0.012, 1.0]),
    "prefix_cached_share": np.array([0.0, 0.5, 1.0]),
    "speculative_factor": np.array([1.0, 2.0, 4.0]),
}
PLAIN = {
    "input_tokens": 1000.0,
    "output_tokens": 500.0,
    "concurrency": 200.0,
    "n_requests": 1000.0,
    "arrival_requests_per_s": 6.0,
    "tpot_limit_s": 0.02,
}
REGIMES = ("saturated", "closed", "static", "burst", "open", "single", "mlperf-offline", "mlperf-server")


def assert_same(together: State, each: list[State]):
    for field in fields(State):
        if field.name == "terms":
            continue
        alone = np.array([getattr(one, field.name) for one in each])
        found = np.broadcast_to(getattr(together, field.name), alone.shape)
        assert found == pytest.approx(alone, rel=1e-9), field.name


@pytest.mark.parametrize("regime", REGIMES)
def test_arrays_of_loads_give_what_each_gives_by_itself(regime):
    each = [state(regime, **{name: float(values[row]) for name, values in ARRAYS.items()}) for row in range(3)]
    assert_same(state(regime, **ARRAYS), each)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", ARRAYS)
def test_any_one_figure_of_a_load_may_be_an_array(regime, name):
    each = [state(regime, **{**PLAIN, name: float(value)}) for value in ARRAYS[name]]
    together = state(regime, **{**PLAIN, name: ARRAYS[name]})
    assert_same(together, each)
    assert np.shape(together.batch) == np.shape(together.output_tokens_per_s)


@QUICK
@given(
    several=st.lists(replicas(), min_size=2, max_size=4),
    regime=st.sampled_from(REGIMES),
    limit_s=st.floats(1e-3, 1.0),
)
def test_arrays_of_replicas_give_what_each_gives_by_itself(several, regime, limit_s):
    of_load = {**PLAIN, "tpot_limit_s": limit_s}
    each = [state(regime, one, **of_load) for one in several]
    assert_same(state(regime, stacked(several), **of_load), each)


@QUICK
@given(one=replicas(), regime=st.sampled_from(REGIMES), input_tokens=inputs, output_tokens=outputs)
def test_whatever_is_asked_figures_are_numbers(one, regime, input_tokens, output_tokens):
    of_load = {**PLAIN, "tpot_limit_s": None}
    found = state(regime, one, **{**of_load, "input_tokens": input_tokens, "output_tokens": output_tokens})
    figures = found.batch, found.output_tokens_per_s, found.tpot_s, found.ttft_s
    assert all(np.isfinite(figure) and figure > 0 for figure in figures)
