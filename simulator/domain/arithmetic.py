"""Which precisions a GPU can serve, with what arithmetic, and how many bytes they take."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.domain.models_and_gpus import PRECISION_BYTES, PRECISIONS, Gpu, OpenModel, Precision

# Formats without units of their own in a generation are unpacked to 16 bit where engines have kernels for that
# (vLLM and SGLang: Marlin and its like, from Ampere on): weights take fewer bytes, arithmetic is no faster.
_SIXTEEN_BIT = ("bf16", "fp16")
_WITHOUT_BF16 = ("volta", "turing")
_UNPACKED: dict[str, tuple[str, ...]] = {
    "fp8": ("ampere", "ampere-g"),
    "fp4": ("ampere", "ampere-g", "ada", "hopper", "cdna3"),
}


@dataclass(frozen=True)
class Arithmetic:
    """How a precision runs on a GPU."""

    bits: int  # 16, 8 or 4: of the multiplications
    flops_per_s: float
    weights_only: bool
    bytes_per_weight: float


def arithmetic_of(gpu: Gpu, precision: Precision) -> Arithmetic | None:
    """Arithmetic and bytes of a precision on a GPU; None where the GPU lacks it.

    Parameters
    ----------
    gpu : Gpu
        The GPU.
    precision : Precision
        Precision of the weights.

    Returns
    -------
    Arithmetic or None
        With the peak of the catalogue at that precision. [FLOP/s]
    """
    if gpu.flops_16bit_per_s is None:
        return None
    sixteen_bit, size = gpu.flops_16bit_per_s.value, PRECISION_BYTES[precision]
    if precision in _SIXTEEN_BIT:
        lacks = precision == "bf16" and gpu.generation in _WITHOUT_BF16
        return None if lacks else Arithmetic(16, sixteen_bit, False, size)
    if precision in ("int4", "w8a16") or gpu.generation in _UNPACKED.get(precision, ()):
        return Arithmetic(16, sixteen_bit, True, size)
    native = {"fp8": gpu.flops_fp8_per_s, "int8": gpu.flops_int8_per_s, "fp4": gpu.flops_fp4_per_s}[precision]
    return None if native is None else Arithmetic(4 if precision == "fp4" else 8, native.value, False, size)


def precisions_of(gpu: Gpu) -> tuple[Precision, ...]:
    """All precisions that a GPU can serve."""
    return tuple(precision for precision in PRECISIONS if arithmetic_of(gpu, precision) is not None)


def default_precision(model: OpenModel, gpu: Gpu) -> Precision:
    """Precision of the published weights, else the nearest that the GPU can serve.

    Parameters
    ----------
    model : OpenModel
        The model.
    gpu : Gpu
        The GPU.

    Returns
    -------
    Precision
        16 bit where nothing is said of the weights.
    """
    words = "" if model.native_precision is None else model.native_precision.value.lower()
    wanted: Precision = "fp4" if "fp4" in words else "fp8" if words.startswith("fp8") else "bf16"
    able = precisions_of(gpu)
    order: tuple[Precision, ...] = (wanted, "bf16", "fp16")
    return next((precision for precision in order if precision in able), wanted)
