import pytest

from simulator.catalogue.hardware import gpu, gpu_ids, open_model
from simulator.domain.arithmetic import arithmetic_of, default_precision, precisions_of
from simulator.domain.models_and_gpus import PRECISION_BYTES

WITH_FIGURES = [name for name in gpu_ids() if gpu(name).flops_16bit_per_s is not None]
SIXTEEN_BIT_PEAK = {name: gpu(name).flops_16bit_per_s.value for name in WITH_FIGURES}


def of_generation(*generations):
    return [name for name in WITH_FIGURES if gpu(name).generation in generations]


def bits(name, precision):
    return arithmetic_of(gpu(name), precision).bits


# 16 bit


@pytest.mark.parametrize("name", of_generation("volta", "turing"))
def test_volta_and_turing_have_no_bf16(name):
    assert arithmetic_of(gpu(name), "bf16") is None
    assert bits(name, "fp16") == 16


@pytest.mark.parametrize("name", [name for name in WITH_FIGURES if name not in of_generation("volta", "turing")])
def test_bf16_and_fp16_are_one_arithmetic_from_ampere_on(name):
    assert arithmetic_of(gpu(name), "bf16") == arithmetic_of(gpu(name), "fp16")


@pytest.mark.parametrize("name", WITH_FIGURES)
def test_16_bit_runs_at_the_16_bit_peak_on_two_bytes(name):
    found = arithmetic_of(gpu(name), "fp16")
    assert (found.flops_per_s, found.bytes_per_weight, found.weights_only) == (SIXTEEN_BIT_PEAK[name], 2.0, False)


# 8 bit


@pytest.mark.parametrize(
    ("name", "peak"),
    [("l4", 242e12), ("l40s", 733e12), ("h100-sxm", 1979e12), ("h200-sxm", 1979e12), ("b200-sxm", 4500e12),
     ("mi300x", 2615e12), ("rtx-pro-6000-server", 936e12)],
)  # fmt: skip
def test_fp8_has_units_of_its_own_on_ada_hopper_blackwell_and_the_mi300x(name, peak):
    found = arithmetic_of(gpu(name), "fp8")
    assert (found.bits, found.weights_only, found.bytes_per_weight) == (8, False, 1.0)
    assert found.flops_per_s == pytest.approx(peak, rel=0.002)


@pytest.mark.parametrize("name", of_generation("ampere", "ampere-g"))
def test_ampere_unpacks_fp8_to_16_bit(name):
    found = arithmetic_of(gpu(name), "fp8")
    assert (found.bits, found.weights_only, found.bytes_per_weight) == (16, True, 1.0)
    assert found.flops_per_s == SIXTEEN_BIT_PEAK[name]


@pytest.mark.parametrize("name", of_generation("volta", "turing"))
def test_volta_and_turing_serve_no_fp8_and_no_fp4(name):
    assert arithmetic_of(gpu(name), "fp8") is None
    assert arithmetic_of(gpu(name), "fp4") is None


def test_the_t4_has_int8_units_and_the_v100_has_none():
    assert bits("t4", "int8") == 8
    assert arithmetic_of(gpu("v100s-pcie"), "int8") is None


# 4 bit


@pytest.mark.parametrize(("name", "peak"), [("b200-sxm", 9000e12), ("b300-sxm", 14000e12), ("rtx-5090", 838e12)])
def test_blackwell_multiplies_fp4(name, peak):
    found = arithmetic_of(gpu(name), "fp4")
    assert (found.bits, found.weights_only) == (4, False)
    assert found.flops_per_s == pytest.approx(peak, rel=0.002)


@pytest.mark.parametrize("name", of_generation("ampere", "ampere-g", "ada", "hopper", "cdna3"))
def test_before_blackwell_fp4_is_unpacked_to_16_bit(name):
    found = arithmetic_of(gpu(name), "fp4")
    assert (found.bits, found.weights_only, found.flops_per_s) == (16, True, SIXTEEN_BIT_PEAK[name])


@pytest.mark.parametrize("name", WITH_FIGURES)
@pytest.mark.parametrize("precision", ["int4", "w8a16"])
def test_weights_alone_can_be_packed_on_every_gpu(name, precision):
    found = arithmetic_of(gpu(name), precision)
    assert (found.bits, found.weights_only, found.flops_per_s) == (16, True, SIXTEEN_BIT_PEAK[name])


# All of them


@pytest.mark.parametrize("name", gpu_ids())
def test_a_gpu_serves_a_precision_or_lacks_it(name):
    able = precisions_of(gpu(name))
    assert (able == ()) == (name not in WITH_FIGURES)
    for precision, size in PRECISION_BYTES.items():
        found = arithmetic_of(gpu(name), precision)
        assert (found is not None) == (precision in able)
        assert found is None or found.bytes_per_weight == size


def test_a_4_bit_weight_takes_its_share_of_the_scales():
    assert PRECISION_BYTES["fp4"] == pytest.approx((4 + 8 / 16) / 8)  # NVFP4: 8 bits for every 16 weights
    # AWQ and GPTQ: a scale of 16 bits, and a zero point with it, for every 128 weights
    assert (4 + 16 / 128) / 8 < PRECISION_BYTES["int4"] <= (4 + 32 / 128) / 8


# Published weights


@pytest.mark.parametrize(
    ("model", "name", "precision"),
    [
        ("llama-3.1-8b", "h100-sxm", "bf16"),
        ("llama-3.1-8b", "t4", "fp16"),
        ("llama-2-7b", "v100s-pcie", "fp16"),
        ("llama-2-7b", "a100-80gb-sxm", "bf16"),  # nothing is said of its weights
        ("deepseek-v3", "h200-sxm", "fp8"),
        ("deepseek-v3", "a100-80gb-sxm", "fp8"),
        ("deepseek-v3", "v100s-pcie", "fp16"),
        ("gpt-oss-120b", "b200-sxm", "fp4"),
        ("gpt-oss-120b", "h100-sxm", "fp4"),
        ("gpt-oss-20b", "t4", "fp16"),
    ],
)
def test_a_model_is_served_as_it_is_published_if_the_gpu_can(model, name, precision):
    assert default_precision(open_model(model), gpu(name)) == precision
