"""Whether physics allows a measurement: bounds of arithmetic and bandwidth that no engine gets around."""

from __future__ import annotations

from simulator.domain.arithmetic import arithmetic_of, precisions_of
from simulator.domain.measurements import Measurement
from simulator.domain.models_and_gpus import PRECISION_BYTES, Gpu, OpenModel, Precision
from simulator.domain.roofline import FLOPS_PER_PARAMETER, SIXTEEN_BIT_BYTES


def peak_flops_per_s(gpu: Gpu, precision: Precision | None) -> float | None:
    """Dense peak of one GPU in the arithmetic of a precision, the highest if that is unknown; None without figures."""
    precisions = precisions_of(gpu) if precision is None else (precision,)
    peaks = [found.flops_per_s for each in precisions if (found := arithmetic_of(gpu, each)) is not None]
    return max(peaks, default=None)


def implausible(measurement: Measurement, gpu: Gpu, model: OpenModel) -> str | None:
    """Why the measurement is beyond what its GPUs can do; None if it is within.

    Parameters
    ----------
    measurement : Measurement
        The measurement; images and rows without a rate or time of tokens always pass.
    gpu : Gpu
        The kind of GPU it was measured on.
    model : OpenModel
        The model that was measured.

    Returns
    -------
    str or None
        One line with what was measured and what is possible.

    Notes
    -----
    Two bounds that no engine gets around. Arithmetic: each token costs two operations per active parameter, the
    embedding is looked up; `tokens/s x 2 N_body + output tokens/s x 2 V H <= gpus x dense peak`. Only output tokens
    are counted, since cached prompts cost nothing. Bandwidth: a step reads the active weights and gives a sequence
    one token; `active weight bytes / (gpus x bandwidth) <= time per token`. Speculative decoding gives more than one
    and is excepted; the note has to say so.
    """
    return _beyond_arithmetic(measurement, gpu, model) or _beyond_bandwidth(measurement, gpu, model)


def _beyond_arithmetic(measurement: Measurement, gpu: Gpu, model: OpenModel) -> str | None:
    tokens_per_s, peak = measurement.output_tokens_per_s, peak_flops_per_s(gpu, measurement.precision)
    if tokens_per_s is None or peak is None or not model.has_shape:
        return None
    matrices = model.value("active_parameters") - 0.5 * model.embedding_parameters
    possible = measurement.gpus * peak / (FLOPS_PER_PARAMETER * matrices)
    if tokens_per_s <= possible:
        return None
    return f"{tokens_per_s:.4g} output tokens/s, the arithmetic of {measurement.gpus} x {gpu.id} allows {possible:.4g}"


def _beyond_bandwidth(measurement: Measurement, gpu: Gpu, model: OpenModel) -> str | None:
    measured_s = _time_per_token_s(measurement)
    if measured_s is None or gpu.memory_bandwidth_bytes_per_s is None or not model.has_shape:
        return None
    if "speculative" in (measurement.note or "").lower():
        return None
    bandwidth = measurement.gpus * gpu.memory_bandwidth_bytes_per_s.value
    least_s = _active_weight_bytes(model, measurement.precision) / bandwidth
    if measured_s >= least_s:
        return None
    return f"{measured_s:.4g} s per token, reading the weights on {measurement.gpus} x {gpu.id} takes {least_s:.4g} s"


def _time_per_token_s(measurement: Measurement) -> float | None:
    """Mean time between two tokens of one sequence, as far as the row tells it. [s]"""
    if measurement.mean_tpot_s is not None:
        return measurement.mean_tpot_s
    tokens_per_s, sequences = measurement.output_tokens_per_s, measurement.running_sequences
    if tokens_per_s is None or sequences is None:
        return None
    return sequences / tokens_per_s


def _active_weight_bytes(model: OpenModel, precision: Precision | None) -> float:
    """Weights that one token needs: the active ones and the output head, which stays in 16 bit."""
    bytes_per_weight = min(PRECISION_BYTES.values()) if precision is None else PRECISION_BYTES[precision]
    body = model.value("active_parameters") - model.embedding_parameters
    return bytes_per_weight * body + SIXTEEN_BIT_BYTES * 0.5 * model.embedding_parameters
