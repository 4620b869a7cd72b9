from dataclasses import replace

import numpy as np
import pytest
from hand_built_replicas import (
    DEEPSEEK_V3,
    FITTED,
    FP8,
    H100,
    H100_IN_8_BIT,
    LLAMA_70B,
    inputs,
    outputs,
    prefix_shares,
    replica,
    replicas,
    speculative_factors,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.domain.roofline import fastest
from simulator.domain.serving_state import Load, state_under
from simulator.domain.throughput import anchored, band_around, bound_of

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
A_LITTLE = 1.0 + 1e-9  # rounding
NOTHING_MEASURED = (0.0, 0.0, 0.0)

ONE = replica()
REGIMES = st.sampled_from(["saturated", "closed", "static", "burst", "open", "single"])


def load(regime="saturated", input_tokens=1000.0, output_tokens=500.0, **of_load):
    return Load(regime, input_tokens, output_tokens, **of_load)


def figures(one, asked, corrections=NOTHING_MEASURED):
    return anchored(one, asked, state_under(one, asked), corrections)


def bound(one=ONE, **of_load):
    asked = load(**of_load)
    return bound_of(one, asked, state_under(one, asked))


# Anchoring


def test_without_measurements_the_roofline_stands():
    state, found = state_under(ONE, load()), figures(ONE, load())
    assert found.output_tokens_per_s == pytest.approx(state.output_tokens_per_s)
    assert (found.tpot_s, found.ttft_s) == pytest.approx((state.tpot_s, state.ttft_s))


def test_what_measured_a_fifth_faster_is_a_fifth_faster_and_its_times_shorter():
    state, found = state_under(ONE, load()), figures(ONE, load(), (np.log(1.2), np.log(1.25), np.log(2.0)))
    assert found.output_tokens_per_s == pytest.approx(1.2 * state.output_tokens_per_s)
    assert found.tpot_s == pytest.approx(0.8 * state.tpot_s)
    assert found.ttft_s == pytest.approx(0.5 * state.ttft_s)


def test_below_saturation_what_arrives_is_served_whatever_was_measured():
    asked = load("open", arrival_requests_per_s=2.0)
    for correction in (-0.5, 0.0, 0.5):
        assert figures(ONE, asked, (correction, 0.0, 0.0)).output_tokens_per_s == pytest.approx(1000, rel=1e-12)


def test_above_saturation_measurements_say_how_much_is_served():
    asked = load("open", arrival_requests_per_s=1e3)
    state = state_under(ONE, asked)
    found = figures(ONE, asked, (-0.1, 0.0, 0.0))
    assert found.output_tokens_per_s == pytest.approx(state.output_tokens_per_s * np.exp(-0.1))


def test_arrivals_beyond_what_the_limit_on_the_time_per_token_allows_are_not_served():
    asked = load("open", arrival_requests_per_s=1e3, tpot_limit_s=0.015)
    state = state_under(ONE, asked)
    assert state.batch < state.largest_batch
    assert figures(ONE, asked).output_tokens_per_s == pytest.approx(state.output_tokens_per_s)


@QUICK
@given(
    one=replicas(),
    regime=REGIMES,
    input_tokens=inputs,
    output_tokens=outputs,
    cached=prefix_shares,
    yielded=speculative_factors,
    correction=st.floats(-1.0, 5.0),
    number=st.floats(1.0, 1000.0),
    limit_s=st.one_of(st.none(), st.floats(1e-3, 1.0)),
)
def test_no_measurement_lifts_a_replica_above_its_data_sheet(
    one, regime, input_tokens, output_tokens, cached, yielded, correction, number, limit_s
):
    asked = load(
        regime,
        input_tokens,
        output_tokens,
        concurrency=number,
        n_requests=number,
        arrival_requests_per_s=number / 10,
        tpot_limit_s=limit_s,
        prefix_cached_share=cached,
        speculative_factor=yielded,
    )
    state = state_under(one, asked)
    served = anchored(one, asked, state, (correction, 0.0, 0.0)).output_tokens_per_s
    # measured faster than the roofline, the arrivals are served by fewer sequences than there may be
    batch = state.batch_limit if regime == "open" else state.batch
    ideal = fastest(one, batch, input_tokens, output_tokens, cached, yielded).output_tokens_per_s
    assert served <= ideal * A_LITTLE


@QUICK
@given(one=replicas(), rate=st.floats(1e-3, 1e4), correction=st.floats(-1.0, 1.0))
def test_no_more_is_served_than_arrives(one, rate, correction):
    served = figures(one, load("open", arrival_requests_per_s=rate), (correction, 0.0, 0.0)).output_tokens_per_s
    assert served <= rate * 500 * A_LITTLE


@QUICK
@given(one=replicas(), lower=st.floats(-1.0, 1.0), rise=st.floats(0.0, 1.0))
def test_a_faster_measurement_never_slows_an_estimate(one, lower, rise):
    slow, fast = (figures(one, load(), (each, each, each)) for each in (lower, lower + rise))
    assert slow.output_tokens_per_s <= fast.output_tokens_per_s * A_LITTLE
    assert (fast.tpot_s, fast.ttft_s) <= (slow.tpot_s * A_LITTLE, slow.ttft_s * A_LITTLE)


def test_arrays_are_anchored_as_one_by_one():
    corrections = np.array([-0.2, 0.1, 3.0])
    rates = np.array([1.0, 8.0, 100.0])
    together = figures(ONE, load("open", arrival_requests_per_s=rates), (corrections, corrections, corrections))
    each = [
        figures(ONE, load("open", arrival_requests_per_s=rate), (correction, correction, correction))
        for rate, correction in zip(rates, corrections, strict=True)
    ]
    for row, name in enumerate(("output_tokens_per_s", "tpot_s", "ttft_s")):
        assert together[row] == pytest.approx([float(getattr(one, name)) for one in each])


# What limits


def test_a_model_that_does_not_fit_is_limited_by_memory():
    assert bound(replica(LLAMA_70B)) == "memory"


def test_a_few_clients_wait_for_the_weights():
    assert bound(regime="closed", concurrency=4.0) == "weights"


def test_long_prompts_are_limited_by_arithmetic():
    assert bound(regime="closed", concurrency=64.0, input_tokens=4000.0, output_tokens=50.0) == "compute"


def test_long_answers_to_many_are_limited_by_reading_the_cache():
    assert bound(regime="closed", concurrency=200.0, input_tokens=1000.0, output_tokens=4000.0) == "kv"


def test_slow_links_limit_a_group_that_is_spread_over_them():
    slow = replace(H100, link_bytes_per_s=1e9)
    assert bound(replica(gpu=slow, tensor_parallel=8), regime="closed", concurrency=64.0) == "links"


def test_an_engine_with_much_to_do_around_the_gpu_is_limited_by_overhead():
    busy = replace(FITTED, iteration_s=0.1)
    assert bound(replica(efficiency=busy), regime="closed", concurrency=8.0) == "overhead"


def test_an_engine_that_allows_few_sequences_is_limited_by_its_cap():
    few = replace(FITTED, batch_cap=4.0)
    assert bound(replica(efficiency=few)) == "batch cap"


def test_where_only_a_few_sequences_fit_the_room_for_the_cache_limits():
    # 0.9 x 85.5e9 - 2.7e9 - 70.55e9 x 1.03 bytes leave room for about 12,000 tokens
    roomy = replace(H100_IN_8_BIT, memory_bytes=89e9)
    assert bound(replica(LLAMA_70B, roomy, FP8), input_tokens=1000.0, output_tokens=500.0) == "kv"


def test_a_limit_on_the_time_per_token_limits_where_it_keeps_the_batch_small():
    assert bound(tpot_limit_s=0.012) == "latency"
    assert bound(tpot_limit_s=10.0) != "latency"


def test_what_limits_is_told_for_each_of_an_array():
    clients = np.array([1.0, 4.0, 200.0])
    asked = load("closed", 1000.0, 4000.0, concurrency=clients)
    together = bound_of(ONE, asked, state_under(ONE, asked))
    assert together.tolist() == [bound(regime="closed", output_tokens=4000.0, concurrency=number) for number in clients]
    assert together.tolist() == ["weights", "weights", "kv"]


@QUICK
@given(one=replicas(), regime=REGIMES, input_tokens=inputs, output_tokens=outputs, number=st.floats(1.0, 1000.0))
def test_what_limits_is_the_same_for_a_number_and_an_array_of_one(one, regime, input_tokens, output_tokens, number):
    of_load = {"concurrency": number, "n_requests": number, "arrival_requests_per_s": number}
    alone = bound(one, regime=regime, input_tokens=input_tokens, output_tokens=output_tokens, **of_load)
    rows = {name: np.array([value]) for name, value in of_load.items()}
    asked = load(regime, np.array([input_tokens]), np.array([output_tokens]), **rows)
    assert np.broadcast_to(bound_of(one, asked, state_under(one, asked)), (1,)).tolist() == [alone]


def test_removing_what_limits_raises_the_throughput_most():
    asked = load("closed", 4000.0, 50.0, concurrency=64.0)
    before = state_under(ONE, asked).output_tokens_per_s
    faster = replica(gpu=replace(H100, flops_per_s=2 * 989e12, flops_16bit_per_s=2 * 989e12))
    wider = replica(gpu=replace(H100, bandwidth_bytes_per_s=2 * 3350e9))
    gain_of_flops, gain_of_bandwidth = (state_under(one, asked).output_tokens_per_s / before for one in (faster, wider))
    assert gain_of_flops > 1.5 > 1.2 > gain_of_bandwidth


# The band, and a figure from far


def test_a_band_lies_around_a_figure_by_equal_factors():
    low, high = band_around(1000.0, np.log(1.25))
    assert (low, high) == pytest.approx((800, 1250))


def test_published_figures_of_deepseek_on_a_node_of_h200_are_in_reach():
    # 8 x 141 GB hold 671e9 parameters in 8 bit, and thousands of tokens/s come out of them
    h200 = replace(H100_IN_8_BIT, memory_bytes=150e9, bandwidth_bytes_per_s=4800e9)
    found = figures(replica(DEEPSEEK_V3, h200, FP8, tensor_parallel=8), load("closed", concurrency=256.0))
    assert 1_500 < found.output_tokens_per_s < 15_000
