"""Open models, GPUs, what GPUs rent for, what was measured on them, and whether a model fits."""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from pydantic import Field

from simulator.domain.base import Model, NonNegative, Positive, PositiveWhole, Sourced

Precision = Literal["bf16", "fp16", "fp8", "int8", "w8a16", "int4", "fp4"]
Contract = Literal["on_demand", "spot", "reserved_1y", "reserved_3y", "capacity_block"]
Regime = Literal["saturated", "burst", "closed"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CONTRACTS: tuple[Contract, ...] = get_args(Contract)

PRECISION_BYTES: dict[Precision, float] = {
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "w8a16": 1.0,
    "int4": 0.5,
    "fp4": 0.5,
}
SIXTEEN_BIT_BYTES = 2.0
GPU_COUNTS = (1, 2, 4, 8, 16)
USABLE_MEMORY_SHARE = 0.90  # vLLM's default `gpu_memory_utilization`
RESERVED_BYTES_PER_GPU = 2.7e9  # activations, graphs and library buffers: fitted to published throughput


class Figure(Sourced):
    """A number with where it comes from."""

    value: Positive = Field(description="The figure, in the unit its name says.")


class Statement(Sourced):
    """A word with where it comes from."""

    value: str = Field(min_length=1, description="What the source says.")


class Gpu(Model):
    """One GPU: memory, bandwidth, arithmetic and power. FLOP/s are dense, without sparsity."""

    id: str
    name: str
    vendor: str
    memory_bytes: Figure = Field(description="Memory as the driver reports it. [bytes]")
    memory_bandwidth_bytes_per_s: Figure = Field(description="Peak bandwidth of the memory. [bytes/s]")
    flops_16bit_per_s: Figure = Field(description="Peak of bf16 or fp16 arithmetic. [FLOP/s]")
    flops_8bit_per_s: Figure | None = Field(description="Peak of fp8, else int8 arithmetic; null without. [FLOP/s]")
    tdp_w: Figure = Field(description="Rated power of the board. [W]")
    release_year: Figure = Field(description="Calendar year of release.")


class OpenModel(Model):
    """An open model: its parameters and the shape that decides memory and speed."""

    id: str
    name: str
    shape: str | None = Field(default=None, description="Id of the model with the same shape; null: its own.")
    parameters: Figure = Field(description="All parameters.")
    active_parameters: Figure = Field(description="Parameters that a token passes through.")
    layers: Figure
    hidden_size: Figure
    attention_heads: Figure
    kv_heads: Figure
    head_dim: Figure = Field(description="Size of one head; not always hidden_size / attention_heads.")
    vocab_size: Figure
    context_tokens: Figure | None = Field(
        description="Longest request, input and output; null where not known. [tokens]"
    )
    native_precision: Statement | None = Field(description="Precision of the published weights; null where not known.")

    @property
    def shape_id(self) -> str:
        """Id that models of the same shape have in common; their measurements carry over."""
        return self.shape or self.id

    @property
    def embedding_parameters(self) -> float:
        """Parameters of the embedding and the output head together, counted as two matrices."""
        return 2.0 * self.vocab_size.value * self.hidden_size.value


class RentalOffer(Sourced):
    """A dated price of one kind of instance, which is paid whole."""

    gpu: str
    sku: str = Field(min_length=1, description="Name of the instance or offer at the provider.")
    gpus_per_instance: PositiveWhole
    contract: Contract
    region: str
    usd_per_hour: Positive = Field(description="Rent of the whole instance. [USD/h]")
    effective_from: date | None = Field(description="First day this price is known to hold; null: day unknown.")

    @property
    def usd_per_gpu_hour(self) -> float:
        """Rent of one GPU when the whole instance is used. [USD/h]"""
        return self.usd_per_hour / self.gpus_per_instance

    def replicas_per_instance(self, gpus_per_replica: int) -> int:
        """Whole replicas of `gpus_per_replica` GPUs that one instance holds."""
        return self.gpus_per_instance // gpus_per_replica


class ThroughputPoint(Sourced):
    """One measurement of a replica under load. A month or year as date stands as its first day."""

    id: str
    model: str
    gpu: str
    gpus: PositiveWhole = Field(description="GPUs of the replica, all of them counted in the throughput.")
    precision: Precision = Field(description="Precision of the weights.")
    input_tokens: NonNegative = Field(description="Mean input of a request. [tokens]")
    output_tokens: Positive = Field(description="Mean output of a request. [tokens]")
    concurrency: PositiveWhole | None = Field(description="Clients or batch; null when all requests were queued.")
    regime: Regime
    output_tokens_per_s: Positive = Field(description="Output of the whole replica. [tokens/s]")
    engine: str
    engine_version: str | None

    @property
    def requests_per_s(self) -> float:
        """Requests finished per second, at the lengths measured."""
        return self.output_tokens_per_s / self.output_tokens

    @property
    def total_tokens_per_s(self) -> float:
        """Input and output tokens per second, at the lengths measured."""
        return self.requests_per_s * (self.input_tokens + self.output_tokens)


def weight_bytes(model: OpenModel, precision: Precision) -> float:
    """Memory that the weights take, over all GPUs of a replica.

    Parameters
    ----------
    model : OpenModel
        The model.
    precision : Precision
        Precision of the weights.

    Returns
    -------
    float
        [bytes]

    Notes
    -----
    W = b (N - 2 V H) + 2 bytes x 2 V H: quantised checkpoints leave the embedding and the output head in 16 bit.
    For models that share one matrix between both (tied embeddings) this is up to 2 V H x 2 bytes too much.
    """
    quantised = PRECISION_BYTES[precision] * (model.parameters.value - model.embedding_parameters)
    return quantised + SIXTEEN_BIT_BYTES * model.embedding_parameters


def kv_bytes_per_token(model: OpenModel) -> float:
    """Memory that one token of context takes in the key-value cache, in 16 bit.

    Parameters
    ----------
    model : OpenModel
        The model.

    Returns
    -------
    float
        [bytes per token]

    Notes
    -----
    2 L n_kv d x 2 bytes: a key and a value of every head and layer. An upper bound for layers with a sliding window.
    """
    values_per_token = 2.0 * model.layers.value * model.kv_heads.value * model.head_dim.value
    return SIXTEEN_BIT_BYTES * values_per_token


def memory_shortfall_bytes(model: OpenModel, gpu: Gpu, gpus: int, precision: Precision, tokens: float = 0.0) -> float:
    """Bytes that are missing to hold the weights and one request; 0 or less means that the model fits.

    Parameters
    ----------
    model : OpenModel
        The model.
    gpu : Gpu
        The kind of GPU.
    gpus : int
        GPUs of one replica.
    precision : Precision
        Precision of the weights; the key-value cache is 16 bit.
    tokens : float
        Length of the longest request, input and output. [tokens]

    Returns
    -------
    float
        [bytes]

    Raises
    ------
    ValueError
        If there is not at least one GPU, or the length is negative.

    Notes
    -----
    G (0.90 M - reserve) >= W + kv tokens, as vLLM divides memory. Where there are more GPUs than key-value heads,
    the heads are repeated and the cache grows with them.
    """
    if gpus < 1:
        raise ValueError(f"gpus is {gpus}, must be at least 1")
    if tokens < 0.0:
        raise ValueError(f"tokens is {tokens}, must be at least 0")
    usable = gpus * (USABLE_MEMORY_SHARE * gpu.memory_bytes.value - RESERVED_BYTES_PER_GPU)
    head_repeats = max(1.0, gpus / model.kv_heads.value)
    return weight_bytes(model, precision) + tokens * kv_bytes_per_token(model) * head_repeats - usable


def smallest_fitting_gpus(model: OpenModel, gpu: Gpu, precision: Precision, tokens: float = 0.0) -> int | None:
    """Fewest GPUs, of 1, 2, 4, 8 or 16, that hold the weights and one request of `tokens` tokens; None if none do.

    Parameters
    ----------
    model : OpenModel
        The model.
    gpu : Gpu
        The kind of GPU.
    precision : Precision
        Precision of the weights.
    tokens : float
        Length of the longest request, input and output. [tokens]

    Returns
    -------
    int or None
        GPUs of one replica.
    """
    for gpus in GPU_COUNTS:
        if memory_shortfall_bytes(model, gpu, gpus, precision, tokens) <= 0.0:
            return gpus
    return None
