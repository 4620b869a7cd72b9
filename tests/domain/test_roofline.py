from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hand_built_replicas import (
    BF16,
    DEEPSEEK_V3,
    FITTED,
    FP8,
    GPT_OSS_120B,
    H100,
    H100_IN_8_BIT,
    INT4,
    LLAMA_8B,
    LLAMA_70B,
    MIXTRAL,
    PERFECT,
    batches,
    inputs,
    outputs,
    prefix_shares,
    replica,
    replicas,
    speculative_factors,
    stacked,
    with_efficiency,
    with_format,
    with_gpu,
    with_layout,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.domain.roofline import (
    NumberFormat,
    experts_met_share,
    fastest,
    free_bytes_per_gpu,
    iteration_s,
    iteration_terms,
    kv_bytes_per_token,
    largest_batch,
    largest_batch_in_memory,
    lone_first_token_s,
    output_tokens_per_s,
    pass_s,
    time_per_token_s,
    weight_bytes,
    weight_bytes_per_gpu,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
A_LITTLE = 1.0 + 1e-9  # rounding


def throughput(one, batch, input_tokens, output_tokens, *of_request):
    return output_tokens_per_s(iteration_terms(one, input_tokens, output_tokens, *of_request), batch)


# Memory


def test_16_bit_weights_take_two_bytes_a_parameter():
    assert weight_bytes(LLAMA_8B, 2.0) == pytest.approx(16.06e9)


@pytest.mark.parametrize(("bytes_per_weight", "expected_gb"), [(1.0, 9.081), (0.5, 5.591)])
def test_quantised_weights_leave_embedding_and_output_head_in_16_bit(bytes_per_weight, expected_gb):
    # 2 x 128,256 x 4,096 = 1.0507e9 parameters stay; 6.9793e9 are quantised
    assert weight_bytes(LLAMA_8B, bytes_per_weight) / 1e9 == pytest.approx(expected_gb, abs=5e-4)


def test_a_token_of_llama_8b_takes_128_kib_of_cache():
    assert kv_bytes_per_token(LLAMA_8B, 2.0) == 131_072
    assert kv_bytes_per_token(LLAMA_8B, 1.0) == 65_536


def test_a_token_of_latent_attention_takes_its_latent_on_every_gpu():
    assert kv_bytes_per_token(DEEPSEEK_V3, 2.0) == 61 * 576 * 2 == 70_272
    assert kv_bytes_per_token(DEEPSEEK_V3, 2.0, tensor_parallel=8) == 8 * 70_272


def test_with_more_gpus_than_kv_heads_the_heads_are_repeated():
    assert kv_bytes_per_token(LLAMA_70B, 2.0, tensor_parallel=8) == 80 * 8 * 128 * 2 * 2
    assert kv_bytes_per_token(LLAMA_70B, 2.0, tensor_parallel=16) == 2 * 80 * 8 * 128 * 2 * 2


def test_layers_with_a_window_hold_no_more_than_it():
    assert GPT_OSS_120B.context_tokens_held(100.0) == 100
    assert GPT_OSS_120B.context_tokens_held(1_128.0) == (1_128 + 128) / 2


def test_the_experts_of_mixtral_are_what_is_left_without_attention_and_vocabulary():
    # 32 layers x 8 experts x three matrices of 4,096 x 14,336, as its configuration has them
    assert MIXTRAL.expert_parameters == pytest.approx(32 * 8 * 3 * 4096 * 14_336, rel=2e-3)


def test_the_embedding_is_looked_up_and_not_multiplied_with_unless_it_is_the_output_head_as_well():
    tied = replace(LLAMA_8B, vocabulary_matrices=1.0)
    assert LLAMA_8B.matrix_parameters == 8.03e9 - 128_256 * 4096
    assert tied.matrix_parameters == 8.03e9
    assert weight_bytes(tied, 1.0) == pytest.approx(8.03e9 + 128_256 * 4096)


def test_largest_batch_of_llama_8b_on_an_h100():
    # 0.9 x 85.5e9 - 2.7e9 - 16.06e9 = 58.19e9 bytes; 1,000 + 0.6 x 500 = 1,300 tokens a sequence
    expected = 58.19e9 / (131_072 * 1_300)
    assert largest_batch_in_memory(replica(), 1000.0, 500.0) == pytest.approx(expected)
    assert largest_batch(replica(), 1000.0, 500.0) == pytest.approx(expected)
    assert largest_batch(replica(), 10.0, 10.0) == 1024


def test_groups_of_gpus_have_a_largest_batch_each():
    one, four = replica(), replica(data_parallel=4)
    assert largest_batch_in_memory(four, 1000.0, 500.0) == 4 * largest_batch_in_memory(one, 1000.0, 500.0)
    assert largest_batch(four, 10.0, 10.0) == 4096


def test_a_model_that_leaves_no_room_has_no_batch():
    assert largest_batch_in_memory(replica(LLAMA_70B), 1000.0, 500.0) == 0


def test_a_sequence_that_no_group_has_room_for_fits_nowhere():
    # 58.19e9 bytes hold 443,955 tokens; two groups of them still hold no sequence of 600,000
    assert largest_batch_in_memory(replica(data_parallel=2), 600_000.0, 1.0) < 1


def test_each_stage_of_a_pipeline_holds_its_share_of_weights_and_cache():
    single, staged = replica(LLAMA_70B, tensor_parallel=4), replica(LLAMA_70B, tensor_parallel=4, pipeline_parallel=2)
    assert weight_bytes_per_gpu(staged) == pytest.approx(weight_bytes_per_gpu(single) / 2)
    eight = replica(LLAMA_70B, tensor_parallel=8)
    assert largest_batch_in_memory(staged, 1e3, 500.0) == pytest.approx(largest_batch_in_memory(eight, 1e3, 500.0))


def test_expert_parallel_groups_hold_a_share_of_the_experts_and_all_of_the_rest():
    spread = replica(DEEPSEEK_V3, H100_IN_8_BIT, FP8, data_parallel=8, expert_parallel=8)
    experts = (671e9 - 37e9) / (1 - 8 / 256)
    vocabulary = 2 * 129_280 * 7168
    assert weight_bytes_per_gpu(spread) == pytest.approx(experts / 8 + 671e9 - experts + vocabulary)


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs)
def test_weights_and_cache_of_the_largest_batch_fit_into_usable_memory(one, input_tokens, output_tokens):
    batch = largest_batch(one, input_tokens, output_tokens)
    assume(batch >= one.layout.data_parallel)
    efficiency, layout, shape = one.efficiency, one.layout, one.shape
    tokens = input_tokens + efficiency.output_held_share * output_tokens
    full, windowed = tokens, min(tokens, shape.window_tokens)
    held = (1 - shape.windowed_share) * full + shape.windowed_share * windowed
    values = shape.layers * 2 * shape.head_dim * max(shape.kv_heads, layout.tensor_parallel)
    cache = batch / layout.data_parallel * held * values * one.number_format.bytes_per_kv_value
    cache_per_gpu = cache / (layout.tensor_parallel * layout.pipeline_parallel)
    usable = efficiency.memory_share * one.accelerator.memory_bytes - efficiency.reserve_bytes
    assert weight_bytes_per_gpu(one) + cache_per_gpu <= usable * A_LITTLE


@QUICK
@given(one=replicas())
def test_a_copy_of_the_weights_is_spread_over_its_gpus_without_rest(one):
    # without data parallel groups, everything is there once
    alone = with_layout(one, data_parallel=1, expert_parallel=1)
    gpus = alone.layout.tensor_parallel * alone.layout.pipeline_parallel
    in_all = weight_bytes(one.shape, one.number_format.bytes_per_weight)
    assert gpus * weight_bytes_per_gpu(alone) == pytest.approx(in_all)


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs, factor=st.floats(1.0, 4.0))
def test_a_longer_request_leaves_room_for_fewer(one, input_tokens, output_tokens, factor):
    batch = largest_batch(one, input_tokens, output_tokens)
    assert largest_batch(one, factor * input_tokens, output_tokens) <= batch * A_LITTLE
    assert largest_batch(one, input_tokens, factor * output_tokens) <= batch * A_LITTLE


# Time of an iteration, in closed form


def test_a_perfect_gpu_decodes_one_sequence_as_quickly_as_it_reads_the_weights():
    # without the embedding, of which one row is read
    terms = iteration_terms(replica(efficiency=PERFECT), 0.0, 1e-6)
    assert pass_s(terms, 1.0) == pytest.approx((16.06e9 - 2 * 128_256 * 4096) / 3350e9)


def test_the_context_of_a_sequence_is_read_for_every_token():
    one = replica(efficiency=PERFECT)
    short, long = (pass_s(iteration_terms(one, tokens, 500.0), 1.0) for tokens in (0.0, 8000.0))
    assert long - short == pytest.approx(8000 * 131_072 / 3350e9)


def test_the_cache_read_is_the_mean_over_the_growing_output():
    held = [1000 + position for position in range(500)]
    terms = iteration_terms(replica(efficiency=PERFECT), 1000.0, 500.0)
    assert terms.kv_s == pytest.approx(np.mean(held) * 131_072 / 3350e9, rel=1e-3)


def test_a_large_batch_of_a_perfect_gpu_takes_its_arithmetic():
    terms = iteration_terms(replica(efficiency=PERFECT), 0.0, 1e-6)
    multiplied = 8.03e9 - 128_256 * 4096
    assert pass_s(terms, 10_000.0) - 10_000 * terms.kv_s == pytest.approx(10_000 * 2 * multiplied / 989e12)


def test_the_prompt_of_a_perfect_gpu_takes_two_operations_a_parameter_and_token():
    one = replica(efficiency=PERFECT)
    terms = iteration_terms(one, 1000.0, 1.0)
    matrices = 2 * (8.03e9 - 128_256 * 4096) * 1000 / 989e12
    attention = sum(4 * 32 * 32 * 128 * before for before in range(1000)) / 989e12
    assert terms.prefill_s == pytest.approx(matrices + attention, rel=1e-4)
    assert lone_first_token_s(one, terms, 1.0) == pytest.approx(matrices + attention, rel=1e-4)


def test_the_prompt_of_a_long_request_takes_mostly_attention():
    terms = iteration_terms(replica(efficiency=PERFECT), 131_072.0, 1.0)
    # 4 x 32 x 4,096 x 65,536 = 34.4e9 operations a token, against 2 x 7.50e9
    assert terms.prefill_s == pytest.approx(131_072 * (34.36e9 + 15.01e9) / 989e12, rel=1e-3)


def test_a_short_prompt_takes_one_reading_of_the_weights():
    one = replica()
    terms = iteration_terms(one, 1.0, 100.0)
    reading_s = (16.06e9 - 2 * 128_256 * 4096) / (0.91 * 3350e9)
    assert lone_first_token_s(one, terms, 100.0) == pytest.approx(reading_s + 0.13e-3 + 32 * 59e-6 + 0.023)


def test_an_iteration_of_llama_70b_on_four_gpus_by_hand():
    batch, input_tokens, output_tokens = 64.0, 1000.0, 500.0
    terms = iteration_terms(replica(LLAMA_70B, tensor_parallel=4), input_tokens, output_tokens)
    head = 128_256 * 8192
    bandwidth, flops = 4 * 0.91 * 3350e9, 4 * 0.7 * 989e12
    weights_s = 2 * (70.55e9 - head) / bandwidth
    decode_s = 2 * (70.55e9 - head) * batch / (flops * 0.85)
    linear_s = (weights_s**1.4 + decode_s**1.4) ** (1 / 1.4)
    kv_s = batch * 1250 * (2 * 80 * 8 * 128 * 2) / (bandwidth * 0.97)
    attention_flops = 4 * 80 * 64 * 128 * 500
    prefill_s = batch * 2 * (2 * (70.55e9 - head) / flops + attention_flops / (4 * 0.45 * 989e12))
    message_bytes = batch * (1 + 2) * 8192 * 2
    links_s = 2 * 80 * (2 * 3 / 4 * message_bytes / (0.63 * 450e9) + 9.5e-6)
    overhead_s = 0.13e-3 + 22e-6 * batch + 80 * 59e-6
    expected = linear_s + kv_s + prefill_s + links_s + overhead_s
    assert iteration_s(terms, batch) == pytest.approx(expected, rel=1e-12)
    assert output_tokens_per_s(terms, batch) == pytest.approx(64 / expected)


def test_an_iteration_of_deepseek_over_eight_groups_by_hand():
    batch, input_tokens, output_tokens = 512.0, 2000.0, 1000.0
    one = replica(DEEPSEEK_V3, H100_IN_8_BIT, FP8, data_parallel=8, expert_parallel=8)
    head = 129_280 * 7168
    experts = (671e9 - 37e9) / (1 - 8 / 256)
    bandwidth, flops = 0.91 * 3350e9, 0.7 * 0.75 * 1978e12
    # each group reads its own attention weights, and its eighth of the experts that 512 tokens meet
    always = (37e9 - 2 * head - experts * 8 / 256) + 2 * head
    met = 1 - (31 / 32) ** (1 + 0.95 * 511)
    weights_s = always / bandwidth + experts * met / (8 * bandwidth * 0.89)
    decode_s = 2 * (37e9 - head) * batch / (8 * flops * 0.85)
    linear_s = (weights_s**1.4 + decode_s**1.4) ** (1 / 1.4)
    kv_s = batch / 8 * 2500 * 70_272 / (bandwidth * 0.97)
    attention_s = 4 * 61 * 128 * 160 * 1000 / (8 * 0.45 * 989e12)
    prefill_s = batch * 2 * (2 * (37e9 - head) / (8 * flops) + attention_s)
    links_s = 61 * (batch / 8 * 3 * 7168 * 2 * (2 * 0.27 * 4 * 7 / 8) / (0.63 * 450e9) + 2 * 9.5e-6)
    overhead_s = 0.13e-3 + 22e-6 * batch / 8 + 61 * (59e-6 + 16e-6)
    expected = linear_s + kv_s + prefill_s + links_s + overhead_s
    terms = iteration_terms(one, input_tokens, output_tokens)
    assert iteration_s(terms, batch) == pytest.approx(expected, rel=1e-12)


def test_weights_unpacked_to_16_bit_are_read_and_computed_somewhat_worse():
    terms = iteration_terms(replica(number_format=INT4), 0.0, 1.0)
    head = 128_256 * 4096
    read = 0.5 * (8.03e9 - 2 * head) + 2 * head
    assert terms.weights_s == pytest.approx(read / (0.91 * 0.85 * 3350e9))
    assert terms.matrices_s == pytest.approx(2 * (8.03e9 - head) / (0.7 * 0.8 * 0.85 * 989e12))


def test_two_gpus_halve_the_reading_of_weights_and_cache():
    one, two = (iteration_terms(replica(tensor_parallel=gpus), 1000.0, 500.0) for gpus in (1, 2))
    assert two.weights_s == pytest.approx(one.weights_s / 2)
    assert two.kv_s == pytest.approx(one.kv_s / 2)
    assert two.matrices_s == pytest.approx(one.matrices_s / 2)
    assert (one.link_s, one.latency_s) == (0, 0)


def test_two_stages_of_a_pipeline_take_as_long_for_a_token_as_one():
    one, staged = (iteration_terms(replica(pipeline_parallel=stages), 0.0, 1e-6) for stages in (1, 2))
    assert pass_s(staged, 1.0) == pytest.approx(1.18 * pass_s(one, 1.0), rel=1e-2)
    assert staged.weights_s == one.weights_s


def test_two_stages_of_a_pipeline_share_the_arithmetic_of_a_batch():
    one, staged = (iteration_terms(replica(pipeline_parallel=stages), 1000.0, 500.0) for stages in (1, 2))
    assert staged.matrices_s == pytest.approx(one.matrices_s / 2)
    assert staged.prefill_s == pytest.approx(one.prefill_s / 2)
    assert staged.kv_s == pytest.approx(one.kv_s / 2)


def test_groups_of_a_dense_model_serve_as_so_many_replicas():
    one, four = replica(), replica(data_parallel=4)
    assert throughput(four, 256.0, 1000.0, 500.0) == pytest.approx(4 * throughput(one, 64.0, 1000.0, 500.0))


def test_reading_and_arithmetic_of_equal_length_take_1_64_times_as_long_together():
    terms = iteration_terms(replica(), 0.0, 1.0)
    knee = terms.weights_s / terms.matrices_s
    rest = terms.overhead_s + knee * (terms.kv_s + terms.sequence_overhead_s)
    assert pass_s(terms, knee) - rest == pytest.approx(terms.weights_s * 2 ** (1 / 1.4))


@pytest.mark.parametrize("tokens", [20, 80])
def test_a_batch_meets_the_experts_that_drawing_lots_for_its_tokens_gives(tokens):
    draws = np.random.default_rng(0)
    even = round(0.95 * tokens)  # tokens that, evenly routed, meet as many
    met = [
        np.unique(np.concatenate([draws.choice(256, 8, replace=False) for _ in range(even)])).size for _ in range(200)
    ]
    terms = iteration_terms(replica(DEEPSEEK_V3, tensor_parallel=8), 1000.0, 500.0)
    assert experts_met_share(terms, float(tokens)) == pytest.approx(np.mean(met) / 256, rel=0.01)


def test_a_dense_model_has_no_experts_to_read():
    terms = iteration_terms(replica(), 1000.0, 500.0)
    assert (terms.experts_s, experts_met_share(terms, 100.0)) == (0, 0)


def test_one_token_of_a_mixture_reads_about_its_active_parameters():
    terms = iteration_terms(replica(MIXTRAL, efficiency=PERFECT), 0.0, 1e-6)
    active = 12.88e9 - 32_000 * 4096
    assert pass_s(terms, 1.0) == pytest.approx(2 * active / 3350e9, rel=0.05)


def test_experts_of_separate_copies_are_met_by_the_sequences_of_their_copy_alone():
    together = iteration_terms(replica(MIXTRAL, data_parallel=2, expert_parallel=2), 0.0, 1.0)
    apart = iteration_terms(replica(MIXTRAL, data_parallel=2), 0.0, 1.0)
    assert experts_met_share(apart, 8.0) == experts_met_share(together, 4.0)


def test_a_prompt_found_in_the_cache_is_read_but_not_computed():
    computed, cached = (iteration_terms(replica(), 1000.0, 500.0, share) for share in (0.0, 1.0))
    assert (cached.prefill_s, cached.link_prefill_s) == (0, 0)
    assert cached.kv_s == computed.kv_s > 0


def test_half_a_prompt_in_the_cache_leaves_the_later_half_of_its_attention():
    # tokens 500 to 1,000 look back on what is cached as well
    half = iteration_terms(replica(efficiency=PERFECT), 1000.0, 1.0, 0.5)
    matrices = 2 * (8.03e9 - 128_256 * 4096) * 500
    attention = sum(4 * 32 * 32 * 128 * before for before in range(500, 1000))
    assert half.prefill_s == pytest.approx((matrices + attention) / 989e12, rel=1e-4)


def test_two_tokens_a_pass_halve_the_reading_for_each():
    plain, twice = (iteration_terms(replica(efficiency=PERFECT), 1000.0, 500.0, 1.0, yielded) for yielded in (1.0, 2.0))
    assert time_per_token_s(twice, 4.0) == pytest.approx(time_per_token_s(plain, 4.0) / 2)


def test_two_tokens_a_pass_save_no_arithmetic():
    # 2,000 sequences without context take 2 x 7.5e9 x 2,000 / 989e12 s a token, whatever is read
    plain, twice = (iteration_terms(replica(efficiency=PERFECT), 0.0, 1.0, 0.0, yielded) for yielded in (1.0, 2.0))
    for terms in (plain, twice):
        arithmetic_s = 2 * (8.03e9 - 128_256 * 4096) * 2000 / 989e12
        reading_s = 2000 * 0.5 * 131_072 / 3350e9 / terms.tokens_per_pass
        assert iteration_s(terms, 2000.0) == pytest.approx(arithmetic_s + reading_s)


def test_a_request_pays_for_its_own_prompt_once_and_for_those_of_others_with_every_token():
    terms = iteration_terms(replica(), 1000.0, 500.0)
    own_prompt_s = 500 * terms.prefill_s
    whole_s = 500 * iteration_s(terms, 64.0)
    assert 500 * time_per_token_s(terms, 64.0) + own_prompt_s == pytest.approx(whole_s)


def test_a_run_of_continuous_batching_step_by_step_is_as_quick_as_the_formula():
    batch, input_tokens, output_tokens, steps = 40, 800, 100, 1000
    per_token = 2 * (8.03e9 - 128_256 * 4096) / 989e12
    weights_s = 2 * (8.03e9 - 128_256 * 4096) / 3350e9
    prompt_s = input_tokens * per_token + 4 * 32 * 4096 * input_tokens**2 / 2 / 989e12
    written = [number * output_tokens // batch for number in range(batch)]  # of its output, by each sequence
    clock_s = 0.0
    for _ in range(steps):
        clock_s += max(weights_s, batch * per_token)
        clock_s += sum(input_tokens + tokens for tokens in written) * 131_072 / 3350e9
        for number in range(batch):
            written[number] += 1
            if written[number] == output_tokens:
                written[number] = 0
                clock_s += prompt_s
    found = throughput(replica(efficiency=PERFECT), float(batch), float(input_tokens), float(output_tokens))
    assert found == pytest.approx(steps * batch / clock_s, rel=2e-3)


# Published figures, from far


def test_an_h100_serves_thousands_of_tokens_per_second_of_llama_8b():
    assert 5_000 < throughput(replica(), 256.0, 512.0, 256.0) < 12_000


def test_llama_70b_on_four_gpus_writes_tens_of_tokens_per_second_for_one_reader():
    assert 40 < 1 / time_per_token_s(iteration_terms(replica(LLAMA_70B, tensor_parallel=4), 500.0, 500.0), 1.0) < 80


# The ideal


def test_ideal_throughput_is_the_slower_of_reading_and_arithmetic():
    head = 128_256 * 4096
    per_token = 2 * (8.03e9 - head) / 989e12
    for batch in (1.0, 50.0, 300.0, 4000.0):
        reading_s = 2 * (8.03e9 - head) / 3350e9 + batch * 250 * 131_072 / 3350e9
        attention_s = 2 * 4 * 32 * 4096 * 100 / 989e12
        arithmetic_s = batch * (3 * per_token + attention_s)
        expected = batch / max(reading_s, arithmetic_s)
        assert fastest(replica(), batch, 200.0, 100.0).output_tokens_per_s == pytest.approx(expected)


def test_a_perfect_gpu_without_prompts_and_context_is_ideal():
    one = replica(efficiency=PERFECT)
    for batch in (1.0, 30.0, 3000.0):
        ideal = fastest(one, batch, 0.0, 1e-9).output_tokens_per_s
        assert throughput(one, batch, 0.0, 1e-9) == pytest.approx(ideal)


@QUICK
@given(
    one=replicas(),
    batch=batches,
    input_tokens=inputs,
    output_tokens=outputs,
    cached=prefix_shares,
    yielded=speculative_factors,
)
def test_no_replica_is_faster_than_the_ideal(one, batch, input_tokens, output_tokens, cached, yielded):
    request = input_tokens, output_tokens, cached, yielded
    assert throughput(one, batch, *request) <= fastest(one, batch, *request).output_tokens_per_s * A_LITTLE


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs)
def test_no_replica_computes_more_than_its_gpus_can(one, batch, input_tokens, output_tokens):
    rate = throughput(one, batch, input_tokens, output_tokens)
    flops = 2 * one.shape.matrix_parameters * (1 + input_tokens / output_tokens)
    assert rate * flops <= one.layout.gpus * one.accelerator.flops_per_s * A_LITTLE


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs)
def test_no_replica_reads_more_than_its_gpus_can(one, batch, input_tokens, output_tokens):
    rate = throughput(one, batch, input_tokens, output_tokens)
    held = one.shape.context_tokens_held(input_tokens + output_tokens / 2)
    read = held * one.shape.layers * one.shape.kv_values_per_layer * one.number_format.bytes_per_kv_value
    assert rate * read <= one.layout.gpus * one.accelerator.bandwidth_bytes_per_s * A_LITTLE


# What holds for every model, GPU and layout


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs, factor=st.floats(1.0, 8.0))
def test_a_larger_batch_serves_more_and_takes_longer_for_each(one, batch, input_tokens, output_tokens, factor):
    terms = iteration_terms(one, input_tokens, output_tokens)
    assert output_tokens_per_s(terms, factor * batch) * A_LITTLE >= output_tokens_per_s(terms, batch)
    assert time_per_token_s(terms, factor * batch) * A_LITTLE >= time_per_token_s(terms, batch)
    assert iteration_s(terms, factor * batch) * A_LITTLE >= iteration_s(terms, batch)


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs, factor=st.floats(1.0, 8.0))
def test_longer_prompts_never_speed_up(one, batch, input_tokens, output_tokens, factor):
    longer = throughput(one, batch, factor * input_tokens, output_tokens)
    assert longer <= throughput(one, batch, input_tokens, output_tokens) * A_LITTLE


@QUICK
@given(
    one=replicas(),
    batch=batches,
    input_tokens=inputs,
    output_tokens=outputs,
    peak=st.sampled_from(["bandwidth_bytes_per_s", "flops_per_s", "flops_16bit_per_s", "link_bytes_per_s"]),
)
def test_a_better_gpu_is_never_slower_and_never_more_than_so_much_faster(one, batch, input_tokens, output_tokens, peak):
    better = with_gpu(one, **{peak: 2 * getattr(one.accelerator, peak)})
    before, after = (throughput(each, batch, input_tokens, output_tokens) for each in (one, better))
    assert before <= after * A_LITTLE
    assert after <= 2 * before * A_LITTLE


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs)
def test_fewer_bits_at_the_same_arithmetic_are_never_slower(one, batch, input_tokens, output_tokens):
    sizes = ((2.0, 2.0), (1.0, 2.0), (1.0, 1.0), (0.5, 1.0))
    formats = [with_format(one, bytes_per_weight=weight, bytes_per_kv_value=value) for weight, value in sizes]
    rates = [throughput(each, batch, input_tokens, output_tokens) for each in formats]
    assert all(slower <= faster * A_LITTLE for slower, faster in pairwise(rates))


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs)
def test_more_gpus_in_a_tensor_group_never_serve_more_for_each_gpu(one, batch, input_tokens, output_tokens):
    assume(one.layout.expert_parallel == 1)
    tensor = one.layout.tensor_parallel
    larger = with_layout(one, tensor_parallel=2 * tensor)
    per_gpu = throughput(one, batch, input_tokens, output_tokens) / one.layout.gpus
    assert throughput(larger, batch, input_tokens, output_tokens) / larger.layout.gpus <= per_gpu * A_LITTLE


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs, cached=prefix_shares)
def test_a_prefix_in_the_cache_never_slows(one, batch, input_tokens, output_tokens, cached):
    without = throughput(one, batch, input_tokens, output_tokens)
    assert without <= throughput(one, batch, input_tokens, output_tokens, cached) * A_LITTLE


@QUICK
@given(one=replicas(), batch=batches, input_tokens=inputs, output_tokens=outputs, yielded=speculative_factors)
def test_more_tokens_a_pass_never_slow_and_speed_up_at_most_by_so_many(
    one, batch, input_tokens, output_tokens, yielded
):
    plain = throughput(one, batch, input_tokens, output_tokens)
    speculative = throughput(one, batch, input_tokens, output_tokens, 0.0, yielded)
    assert plain <= speculative * A_LITTLE
    assert speculative <= yielded * plain * A_LITTLE


@QUICK
@given(
    one=replicas(),
    batch=batches,
    input_tokens=inputs,
    output_tokens=outputs,
    share=st.sampled_from(["bandwidth_share", "compute_share", "kv_bandwidth_share", "link_share", "knee"]),
)
def test_a_worse_engine_is_never_faster(one, batch, input_tokens, output_tokens, share):
    least = 1.0 if share == "knee" else 0.0
    worse = with_efficiency(one, **{share: max(least, getattr(one.efficiency, share) / 2)})
    rate = throughput(worse, batch, input_tokens, output_tokens)
    assert rate <= throughput(one, batch, input_tokens, output_tokens) * A_LITTLE


@QUICK
@given(one=replicas(), input_tokens=inputs, output_tokens=outputs)
def test_the_first_token_of_a_lone_request_comes_no_sooner_than_its_prompt_is_computed(
    one, input_tokens, output_tokens
):
    terms = iteration_terms(one, input_tokens, output_tokens)
    gpus, flops = one.layout.gpus_per_group, one.accelerator.flops_per_s
    prompt_s = 2 * one.shape.matrix_parameters * input_tokens / (gpus * flops)
    assert lone_first_token_s(one, terms, output_tokens) * A_LITTLE >= prompt_s


def test_the_first_token_of_a_lone_request_is_the_same_however_long_the_answer():
    one = replica(LLAMA_70B, tensor_parallel=4, data_parallel=2)
    short, long = (lone_first_token_s(one, iteration_terms(one, 5000.0, tokens), tokens) for tokens in (1.0, 900.0))
    assert short == pytest.approx(long)


@QUICK
@given(several=st.lists(st.tuples(replicas(), batches, inputs, outputs, prefix_shares), min_size=1, max_size=4))
def test_arrays_of_replicas_give_what_each_gives_by_itself(several):
    each, *numbers = zip(*several, strict=True)
    batch, input_tokens, output_tokens, cached = (np.array(column) for column in numbers)
    together = stacked(each)
    terms = iteration_terms(together, input_tokens, output_tokens, cached)
    rates = [throughput(one, size, *request) for one, size, *request in several]
    assert output_tokens_per_s(terms, batch) == pytest.approx(rates, rel=1e-12)
    largest = [largest_batch(one, of_input, of_output) for one, _, of_input, of_output, _ in several]
    assert largest_batch(together, input_tokens, output_tokens) == pytest.approx(largest, rel=1e-12)
    first = [lone_first_token_s(one, iteration_terms(one, *request), request[1]) for one, _, *request in several]
    assert lone_first_token_s(together, terms, output_tokens) == pytest.approx(first, rel=1e-12)
    ideal = [fastest(one, size, *request).output_tokens_per_s for one, size, *request in several]
    assert fastest(together, batch, input_tokens, output_tokens, cached).output_tokens_per_s == pytest.approx(ideal)


def test_what_is_left_of_memory_is_below_zero_where_weights_do_not_fit():
    # 141.1e9 bytes of weights, 74.25e9 usable
    assert free_bytes_per_gpu(replica(LLAMA_70B)) == pytest.approx(-66.85e9)


def test_a_number_format_and_a_gpu_are_all_that_8_bit_changes():
    eight_bit = replica(LLAMA_8B, H100_IN_8_BIT, NumberFormat(1.0, 1.0, 0.0), FITTED)
    sixteen_bit = replica(LLAMA_8B, H100, BF16, FITTED)
    faster, slower = (iteration_terms(one, 1000.0, 500.0) for one in (eight_bit, sixteen_bit))
    assert faster.matrices_s == pytest.approx(slower.matrices_s / 2)
    assert faster.kv_s == pytest.approx(slower.kv_s / 2)
    assert faster.overhead_s == slower.overhead_s
