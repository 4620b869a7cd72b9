"""Replicas built by hand, of published figures and at random: what the tests of the throughput formulas stand on."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import strategies as st

from simulator.domain.roofline import Accelerator, Efficiency, Layout, ModelShape, NumberFormat, Replica


def dense(parameters, layers, hidden_size, attention_heads, kv_heads, head_dim, vocabulary, **other):
    given = {
        "active_parameters": parameters,
        "kv_values_per_layer": 2.0 * kv_heads * head_dim,
        "vocabulary_matrices": 2.0,
        "experts": 0.0,
        "routed_share": 0.0,
        "window_tokens": 0.0,
        "windowed_share": 0.0,
        **other,
    }
    return ModelShape(
        parameters=parameters,
        layers=layers,
        hidden_size=hidden_size,
        attention_heads=attention_heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocabulary_parameters=vocabulary * hidden_size,
        **given,
    )


def mixture(parameters, active_parameters, experts, experts_per_token, *shape, **other):
    routed = {"experts": experts, "routed_share": experts_per_token / experts}
    return dense(parameters, *shape, active_parameters=active_parameters, **routed, **other)


LLAMA_8B = dense(8.03e9, 32, 4096, 32, 8, 128, 128_256)
LLAMA_70B = dense(70.55e9, 80, 8192, 64, 8, 128, 128_256)
MIXTRAL = mixture(46.7e9, 12.88e9, 8, 2, 32, 4096, 32, 8, 128, 32_000)
DEEPSEEK_V3 = mixture(671e9, 37e9, 256, 8, 61, 7168, 128, 1, 160, 129_280, kv_values_per_layer=576.0)
GPT_OSS_120B = mixture(116.8e9, 5.13e9, 128, 4, 36, 2880, 64, 8, 64, 201_088, window_tokens=128.0, windowed_share=0.5)

H100 = Accelerator(85.5e9, 3350e9, 989e12, 989e12, 450e9)
H100_IN_8_BIT = replace(H100, flops_per_s=1978e12)

BF16 = NumberFormat(2.0, 2.0, 0.0)
FP8 = NumberFormat(1.0, 2.0, 0.0)
INT4 = NumberFormat(0.5, 2.0, 1.0)

FITTED = Efficiency(
    bandwidth_share=0.91,
    compute_share=0.7,
    iteration_s=0.13e-3,
    sequence_s=22e-6,
    layer_s=59e-6,
    memory_share=0.9,
    batch_cap=1024.0,
    kv_bandwidth_share=0.97,
    decode_compute_share=0.85,
    knee=1.4,
    attention_compute_share=0.45,
    reserve_bytes=2.7e9,
    output_held_share=0.6,
    mixture_compute_share=0.75,
    mixture_bandwidth_share=0.89,
    mixture_layer_s=16e-6,
    weights_only_bandwidth_share=0.85,
    weights_only_compute_share=0.8,
    link_share=0.63,
    all_reduce_s=9.5e-6,
    all_to_all_share=0.27,
    pipeline_loss_share=0.18,
    finite_run_loss_share=0.34,
    first_token_s=0.023,
)

# Peaks of the data sheet and nothing lost anywhere.
PERFECT = Efficiency(
    **{
        **{field.name: 1.0 if field.name.endswith("_share") else 0.0 for field in fields(Efficiency)},
        "pipeline_loss_share": 0.0,
        "finite_run_loss_share": 0.0,
        "knee": np.inf,
        "batch_cap": 1024.0,
    }
)


def replica(shape=LLAMA_8B, gpu=H100, number_format=BF16, efficiency=FITTED, **layout):
    return Replica(shape, gpu, Layout(**layout), number_format, efficiency)


def with_efficiency(one, **changes):
    return replace(one, efficiency=replace(one.efficiency, **changes))


def with_gpu(one, **changes):
    return replace(one, accelerator=replace(one.accelerator, **changes))


def with_layout(one, **changes):
    return replace(one, layout=replace(one.layout, **changes))


def with_format(one, **changes):
    return replace(one, number_format=replace(one.number_format, **changes))


def stacked(replicas):
    """Replicas as one whose every number is an array."""

    def of(parts):
        kind = type(parts[0])
        columns = ([getattr(part, field.name) for part in parts] for field in fields(kind))
        return kind(*(np.array(column, dtype=float) for column in columns))

    return Replica(*(of([getattr(one, field.name) for one in replicas]) for field in fields(Replica)))


@st.composite
def shapes(draw):
    """Models whose parameters are what their matrices add up to."""
    layers, kv_heads = draw(st.integers(1, 120)), draw(st.sampled_from([1, 2, 4, 8, 16, 32]))
    group, head_dim = draw(st.sampled_from([1, 4, 8])), draw(st.sampled_from([64, 128]))
    heads, hidden_size = kv_heads * group, draw(st.integers(8, 64)) * 128
    vocabulary, matrices = draw(st.integers(1_000, 250_000)), draw(st.sampled_from([1.0, 2.0]))
    attention = 2 * hidden_size * head_dim * (heads + kv_heads)
    feed_forward = 3 * hidden_size * draw(st.integers(512, 30_000))
    others = {
        "vocabulary_matrices": matrices,
        "windowed_share": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "window_tokens": draw(st.sampled_from([128.0, 4096.0])),
    }
    shape = layers, hidden_size, heads, kv_heads, head_dim, vocabulary
    rest = layers * attention + matrices * vocabulary * hidden_size
    if not draw(st.booleans()):
        return dense(rest + layers * feed_forward, *shape, **others)
    experts = draw(st.sampled_from([8, 64, 256]))
    chosen = draw(st.sampled_from([1, 2, 4]))
    sizes = (rest + layers * number * feed_forward for number in (experts, chosen))
    return mixture(*sizes, experts, chosen, *shape, **others)


@st.composite
def gpus(draw):
    flops = draw(st.floats(6e13, 2.5e15))
    return Accelerator(
        memory_bytes=draw(st.floats(16e9, 300e9)),
        bandwidth_bytes_per_s=draw(st.floats(3e11, 8e12)),
        flops_per_s=flops * draw(st.sampled_from([1.0, 2.0])),
        flops_16bit_per_s=flops,
        link_bytes_per_s=draw(st.floats(1e10, 9e11)),
    )


shares = st.floats(0.2, 1.0)


@st.composite
def efficiencies(draw):
    values = {field.name: draw(shares) for field in fields(Efficiency) if field.name.endswith("_share")}
    times = {field.name: draw(st.floats(0.0, 1e-4)) for field in fields(Efficiency) if field.name.endswith("_s")}
    return Efficiency(
        **{
            **values,
            **times,
            "knee": draw(st.sampled_from([1.0, 1.4, 3.0, np.inf])),
            "reserve_bytes": draw(st.floats(0.0, 4e9)),
            "batch_cap": draw(st.sampled_from([64.0, 256.0, 2048.0])),
        }
    )


@st.composite
def layouts(draw, shape):
    tensor, data = draw(st.sampled_from([1, 2, 4, 8])), draw(st.sampled_from([1, 2, 8]))
    spread = [1] if shape.experts == 0 else [1, tensor, tensor * data]
    return Layout(tensor, draw(st.sampled_from([1, 2, 4])), data, draw(st.sampled_from(spread)))


@st.composite
def replicas(draw):
    shape = draw(shapes())
    number_format = NumberFormat(
        draw(st.sampled_from([2.0, 1.0, 0.5])), draw(st.sampled_from([2.0, 1.0])), draw(st.sampled_from([0.0, 1.0]))
    )
    return Replica(shape, draw(gpus()), draw(layouts(shape)), number_format, draw(efficiencies()))


batches = st.floats(1.0, 4000.0)
inputs = st.floats(0.0, 100_000.0)
outputs = st.floats(1.0, 10_000.0)
prefix_shares = st.floats(0.0, 1.0)
speculative_factors = st.floats(1.0, 5.0)
