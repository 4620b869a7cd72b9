from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.domain.models_and_gpus import (
    PRECISION_BYTES,
    PRECISIONS,
    Figure,
    Gpu,
    OpenModel,
    RentalOffer,
    ThroughputPoint,
    kv_bytes_per_token,
    memory_shortfall_bytes,
    smallest_fitting_gpus,
    weight_bytes,
)


def figure(value):
    return Figure(value=value, source="worked out here", as_of=None)


def llama_70b(**changes):
    fields = {
        "parameters": 70_553_706_496,
        "active_parameters": 70_553_706_496,
        "layers": 80,
        "hidden_size": 8192,
        "attention_heads": 64,
        "kv_heads": 8,
        "head_dim": 128,
        "vocab_size": 128_256,
        "context_tokens": 131_072,
    }
    figures = {name: figure(float(value)) for name, value in (fields | changes).items()}
    return OpenModel(id="llama", name="Llama", native_precision=None, **figures)


def a100_80gb(memory_bytes=85.5e9):
    return Gpu(
        id="a100",
        name="A100",
        vendor="nvidia",
        memory_bytes=figure(memory_bytes),
        memory_bandwidth_bytes_per_s=figure(2039e9),
        flops_16bit_per_s=figure(312e12),
        flops_8bit_per_s=None,
        tdp_w=figure(400.0),
        release_year=figure(2020.0),
    )


def offer(**changes):
    fields = {
        "gpu": "a100",
        "sku": "p4de.24xlarge",
        "gpus_per_instance": 8,
        "contract": "on_demand",
        "region": "us-east-1",
        "usd_per_hour": 27.4471,
        "effective_from": date(2026, 7, 20),
        "source": "price page",
        "as_of": date(2026, 7, 20),
    }
    return RentalOffer(**(fields | changes))


def point(**changes):
    fields = {
        "id": "p",
        "model": "llama",
        "gpu": "a100",
        "gpus": 4,
        "precision": "fp16",
        "input_tokens": 300.0,
        "output_tokens": 100.0,
        "concurrency": None,
        "regime": "saturated",
        "output_tokens_per_s": 1_000.0,
        "engine": "vllm",
        "engine_version": "0.9.1",
        "source": "benchmark",
        "as_of": None,
    }
    return ThroughputPoint(**(fields | changes))


def test_sixteen_bit_weights_take_two_bytes_per_parameter():
    assert weight_bytes(llama_70b(), "bf16") == 2 * 70_553_706_496
    assert weight_bytes(llama_70b(), "bf16") == pytest.approx(141.1e9, rel=1e-3)


def test_quantised_weights_leave_embedding_and_head_in_sixteen_bit():
    two_matrices = 2 * 128_256 * 8192
    assert two_matrices == 2_101_346_304
    assert weight_bytes(llama_70b(), "fp8") == 70_553_706_496 + two_matrices
    assert weight_bytes(llama_70b(), "int4") == 70_553_706_496 / 2 + 1.5 * two_matrices


def test_every_precision_has_its_bytes():
    assert set(PRECISION_BYTES) == set(PRECISIONS)


def test_a_token_of_llama_70b_takes_320_kib_of_cache():
    assert kv_bytes_per_token(llama_70b()) == 320 * 1024


def test_llama_70b_in_bf16_does_not_fit_one_a100_of_80_gb():
    usable = 0.90 * 85.5e9 - 2.7e9
    missing = memory_shortfall_bytes(llama_70b(), a100_80gb(), 1, "bf16")
    assert missing == pytest.approx(141_107_412_992 - usable)
    assert missing > 60e9


def test_llama_70b_in_bf16_fits_two_a100_of_80_gb_with_22_thousand_tokens_but_not_23():
    room = 2 * (0.90 * 85.5e9 - 2.7e9) - 141_107_412_992
    assert 22_000 < room / 327_680 < 23_000
    assert memory_shortfall_bytes(llama_70b(), a100_80gb(), 2, "bf16", tokens=22_000) <= 0
    assert memory_shortfall_bytes(llama_70b(), a100_80gb(), 2, "bf16", tokens=23_000) > 0
    assert smallest_fitting_gpus(llama_70b(), a100_80gb(), "bf16", tokens=22_000) == 2
    assert smallest_fitting_gpus(llama_70b(), a100_80gb(), "bf16", tokens=23_000) == 4


def test_more_gpus_than_heads_repeat_the_cache():
    eight = memory_shortfall_bytes(llama_70b(), a100_80gb(), 8, "bf16", 1_000) - memory_shortfall_bytes(
        llama_70b(), a100_80gb(), 8, "bf16"
    )
    sixteen = memory_shortfall_bytes(llama_70b(), a100_80gb(), 16, "bf16", 1_000) - memory_shortfall_bytes(
        llama_70b(), a100_80gb(), 16, "bf16"
    )
    assert eight == pytest.approx(1_000 * 327_680)
    assert sixteen == pytest.approx(2 * eight)


def test_a_model_too_large_for_sixteen_gpus_fits_nowhere():
    assert smallest_fitting_gpus(llama_70b(), a100_80gb(memory_bytes=10e9), "bf16") is None


@given(
    gpus=st.sampled_from([1, 2, 4, 8]),
    tokens=st.floats(0, 100_000),
    precision=st.sampled_from(PRECISIONS),
    memory_bytes=st.floats(10e9, 200e9),
)
def test_more_gpus_are_never_shorter_of_memory(gpus, tokens, precision, memory_bytes):
    gpu = a100_80gb(memory_bytes)
    once = memory_shortfall_bytes(llama_70b(), gpu, gpus, precision, tokens)
    assert memory_shortfall_bytes(llama_70b(), gpu, 2 * gpus, precision, 0.0) < once


@pytest.mark.parametrize(("gpus", "tokens", "key"), [(0, 0.0, "gpus is 0"), (1, -1.0, "tokens is -1")])
def test_impossible_replicas_are_refused(gpus, tokens, key):
    with pytest.raises(ValueError, match=key):
        memory_shortfall_bytes(llama_70b(), a100_80gb(), gpus, "bf16", tokens)


def test_an_instance_is_paid_whole():
    assert offer().usd_per_gpu_hour == pytest.approx(3.4308875)
    assert offer().replicas_per_instance(3) == 2


@pytest.mark.parametrize("changes", [{"usd_per_hour": -2.5}, {"contract": "reserved"}, {"gpus_per_instance": 0}])
def test_impossible_offers_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        offer(**changes)


def test_a_point_counts_requests_and_all_tokens():
    assert point().requests_per_s == pytest.approx(10.0)
    assert point().total_tokens_per_s == pytest.approx(10.0 * (300 + 100))


def test_a_model_of_another_name_may_have_the_same_shape():
    model = llama_70b()
    assert model.shape_id == "llama"
    assert model.model_copy(update={"id": "llama-2", "shape": "llama"}).shape_id == "llama"
