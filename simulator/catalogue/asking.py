"""Questions about throughput as a user puts them: checked argument by argument, with the catalogue's defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np

from simulator.catalogue.asked_arguments import (
    check_sizes,
    degrees,
    numbers,
    optional_numbers,
    own_measurements,
    regime_of,
    texts,
)
from simulator.catalogue.efficiencies import DEFAULT_ENGINE, engine_class
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.estimate_warnings import (
    context_warnings,
    far_measurements,
    load_warnings,
    replica_warnings,
)
from simulator.catalogue.estimating import estimate
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import ANY_VERSION, UNSTATED, Question
from simulator.catalogue.replicas import ReplicaIds, can_be_estimated
from simulator.catalogue.shortfalls import missing_bytes, shortfall_text
from simulator.domain.arithmetic import arithmetic_of, default_precision, precisions_of
from simulator.domain.measurements import Measurement, Regime
from simulator.domain.models_and_gpus import PRECISIONS, Gpu, OpenModel, Precision
from simulator.domain.roofline import Layout
from simulator.domain.serving import Numbers
from simulator.domain.serving_state import Load
from simulator.domain.throughput import ThroughputEstimate

T = TypeVar("T")

_VERSION = re.compile(r"\d|unstated|latest|nightly|any")
KV_PRECISIONS: tuple[Precision, ...] = ("bf16", "fp16", "fp8", "int8")


def estimate_throughput(
    model: str,
    gpu: str,
    *,
    input_tokens: Numbers,
    output_tokens: Numbers,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    precision: Precision | None = None,
    kv_precision: Precision | None = None,
    engine: str | None = None,
    engine_version: str | None = None,
    concurrency: Numbers | None = None,
    n_requests: Numbers | None = None,
    regime: Regime | None = None,
    tpot_limit_s: Numbers | None = None,
    arrival_requests_per_s: Numbers | None = None,
    prefix_cached_share: Numbers = 0.0,
    speculative_factor: Numbers = 1.0,
    measurements: Sequence[Measurement] = (),
) -> ThroughputEstimate:
    """What one replica of an open model serves on GPUs: throughput and times, with evidence and an 80 % band.

    Parameters
    ----------
    model, gpu : str
        Ids of the catalogue.
    input_tokens, output_tokens : number or array of shape (n,)
        Mean lengths of a request. [tokens]
    tensor_parallel, pipeline_parallel, expert_parallel, data_parallel : int
        Layout of the replica, on tensor x pipeline x data GPUs; experts are shared by `expert_parallel` of them.
    precision : {'bf16', 'fp16', 'fp8', 'int8', 'w8a16', 'int4', 'fp4'}, optional
        Of the weights; left out: that of the published weights, if the GPU has it, else 16 bit.
    kv_precision : {'bf16', 'fp16', 'fp8', 'int8'}, optional
        Of the key-value cache; left out: 16 bit.
    engine, engine_version : str, optional
        As measurements name them; left out: vLLM, a recent version.
    concurrency : number or array of shape (n,), optional
        Clients that each wait for their answer, or the batch of regime `static`.
    n_requests : number or array of shape (n,), optional
        Requests of a finite run, which ends with a batch that drains.
    regime : str, optional
        As measurements name it; left out: `open` where an arrival rate is given, `closed` where clients are, else
        `saturated`, all requests queued.
    tpot_limit_s : number or array of shape (n,), optional
        Longest mean time per output token: the batch is kept so small that it holds. [s]
    arrival_requests_per_s : number or array of shape (n,), optional
        Rate at which requests arrive. [requests/s]
    prefix_cached_share : number or array of shape (n,)
        Share of the input that is found in the prefix cache and not computed again. [1]
    speculative_factor : number or array of shape (n,)
        Tokens that one pass yields with speculative decoding; a stated factor, at least 1. [1]
    measurements : sequence of Measurement
        Your own, e.g. from `simulator.read_benchmark_file`; they anchor as all but exact.

    Returns
    -------
    ThroughputEstimate
        Numbers, or arrays of shape (n,) where lengths, concurrency or the like are arrays. Where the model does not
        fit, `fits` is False, throughput is 0 and `warnings` say by how much and what would fit.

    Raises
    ------
    ValueError
        Naming the argument, what was given and what is allowed.

    Examples
    --------
    >>> import simulator as sim
    >>> perf = sim.estimate_throughput("llama-3.1-8b", "h100-sxm", input_tokens=512, output_tokens=256)
    >>> bool(perf.band.low < perf.output_tokens_per_s < perf.band.high)
    True
    """
    asked_regime = regime_of(regime, concurrency, arrival_requests_per_s)
    found_model, question = _question(
        *texts(model=model, gpu=gpu),
        degrees(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel),
        *texts(
            precision=precision,
            kv_precision="bf16" if kv_precision is None else kv_precision,
            engine=DEFAULT_ENGINE if engine is None else engine,
            engine_version=engine_version,
        ),
        asked_regime,
    )
    load = Load(
        regime=asked_regime,
        input_tokens=numbers("input_tokens", input_tokens, least=0.0),
        output_tokens=numbers("output_tokens", output_tokens, least=1.0),
        concurrency=optional_numbers("concurrency", concurrency, least=1.0),
        n_requests=optional_numbers("n_requests", n_requests, least=1.0),
        arrival_requests_per_s=optional_numbers("arrival_requests_per_s", arrival_requests_per_s, least=0.0),
        tpot_limit_s=optional_numbers("tpot_limit_s", tpot_limit_s, least=1e-6),
        prefix_cached_share=numbers("prefix_cached_share", prefix_cached_share, least=0.0, most=1.0),
        speculative_factor=numbers("speculative_factor", speculative_factor, least=1.0, most=16.0),
    )
    check_sizes(load)
    own = own_measurements(measurements)
    total = load.input_tokens + load.output_tokens
    longest = total if type(total) is float else float(np.max(total))
    known = (*context_warnings(found_model, longest), *replica_warnings(question.ids), *far_measurements(own))
    answer = estimate(question, load, own, known)
    fits = answer.fits is True or np.all(answer.fits)
    found = load_warnings(load, answer) if fits else (shortfall_text(question.ids, load),)
    return replace(answer, warnings=(*answer.warnings, *found)) if found else answer


def shortfall_of(
    model: str,
    gpu: str,
    *,
    input_tokens: float,
    output_tokens: float,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    precision: Precision | None = None,
    kv_precision: Precision | None = None,
) -> str | None:
    """By how much a model and one request of these lengths miss a replica's memory, and what would fit; None: it fits.

    Arguments and errors as of `estimate_throughput`.
    """
    parallelism = degrees(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel)
    _, question = _question(
        model, gpu, parallelism, precision, kv_precision or "bf16", DEFAULT_ENGINE, None, "saturated"
    )
    load = Load("saturated", input_tokens, output_tokens)
    return shortfall_text(question.ids, load) if missing_bytes(question.ids, load) > 0.0 else None


@cache
def _question(
    model: str,
    gpu: str,
    parallelism: tuple[int, int, int, int],
    precision: Precision | None,
    kv_precision: Precision,
    engine: str,
    engine_version: str | None,
    regime: Regime,
) -> tuple[OpenModel, Question]:
    """The question but for lengths and load; raises ValueError naming the argument."""
    found_model = _found("model", model, open_model)
    found_gpu = _found("gpu", gpu, gpu_of)
    if found_model.modality != "text" or not found_model.has_shape:
        raise ValueError(f"model is '{model}', whose shape is not in the catalogue: only what was measured is known")
    if not can_be_estimated(found_gpu):
        raise ValueError(f"gpu is '{gpu}', whose peaks are not in the catalogue: only what was measured is known")
    layout = _layout(found_model, *parallelism)
    weights = _precision(found_model, found_gpu, precision)
    if kv_precision not in KV_PRECISIONS:
        raise ValueError(f"kv_precision {UnknownId(kv_precision, KV_PRECISIONS)}")
    kind = _found("engine", engine, lambda name: engine_class(name, engine_version))
    version = ANY_VERSION if engine_version is None else engine_version
    if not _VERSION.search(version):
        raise ValueError(f"engine_version is '{engine_version}', must hold a number, or be unstated, latest or nightly")
    version = UNSTATED if version.startswith(UNSTATED) else version
    ids = ReplicaIds(found_model.id, found_gpu.id, layout, weights, kv_precision, kind)
    return found_model, Question(ids, engine, version, regime)


def _found(argument: str, identifier: str, find: Callable[[str], T]) -> T:
    try:
        return find(identifier)
    except UnknownId as error:
        raise ValueError(f"{argument} {error}") from None


def _precision(model: OpenModel, gpu: Gpu, precision: Precision | None) -> Precision:
    if precision is None:
        return default_precision(model, gpu)
    if precision not in PRECISIONS:
        raise ValueError(f"precision {UnknownId(precision, PRECISIONS)}")
    if arithmetic_of(gpu, precision) is None:
        raise ValueError(f"precision is '{precision}', which {gpu.id} lacks; it has {', '.join(precisions_of(gpu))}")
    return precision


def _layout(model: OpenModel, tensor: int, pipeline: int, expert: int, data: int) -> Layout:
    heads = model.attention_heads
    if heads is not None and heads.value % tensor:
        raise ValueError(f"tensor_parallel is {tensor}, must divide the {heads.value:g} attention heads of {model.id}")
    if model.layers is not None and pipeline > model.layers.value:
        raise ValueError(
            f"pipeline_parallel is {pipeline}, must be at most the {model.layers.value:g} layers of {model.id}"
        )
    if expert > 1 and model.experts is None:
        raise ValueError(f"expert_parallel is {expert}, must be 1: {model.id} is not a mixture of experts")
    if model.experts is not None and model.experts.value % expert:
        raise ValueError(f"expert_parallel is {expert}, must divide the {model.experts.value:g} experts of {model.id}")
    if (tensor * data) % expert:
        raise ValueError(f"expert_parallel is {expert}, must divide tensor_parallel x data_parallel, {tensor * data}")
    return Layout(tensor, pipeline, data, expert)
