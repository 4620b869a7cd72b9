"""Open models, GPUs, and what GPUs rent for."""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from pydantic import Field, model_validator

from simulator.domain.base import Flag, Model, Positive, PositiveWhole, Sourced

Precision = Literal["bf16", "fp16", "fp8", "int8", "w8a16", "int4", "fp4"]
Contract = Literal["on_demand", "spot", "reserved_1y", "reserved_3y", "capacity_block"]
Vendor = Literal["nvidia", "amd", "google", "aws", "intel"]
Generation = Literal[
    "volta",
    "turing",
    "ampere",
    "ampere-g",  # GA10x: A10, A10G, RTX 3090, RTX A6000
    "ada",
    "hopper",
    "blackwell",
    "blackwell-g",  # GB20x: RTX 5090, RTX PRO 6000
    "cdna3",
    "tpu",
    "cpu",
]
Link = Literal["nvlink", "pcie", "infinity_fabric", "ici", "none"]
Modality = Literal["text", "image"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CONTRACTS: tuple[Contract, ...] = get_args(Contract)

# 4-bit formats carry a scale: 8 bits for every 16 weights (NVFP4), 16 bits for every 128 and zero points (AWQ, GPTQ).
PRECISION_BYTES: dict[Precision, float] = {
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "w8a16": 1.0,
    "int4": 0.53125,
    "fp4": 0.5625,
}
GPU_COUNTS = (1, 2, 4, 8, 16)
GPUS_PER_MACHINE = 8  # most that one machine has


class Figure(Sourced):
    """A number with where it comes from."""

    value: Positive = Field(description="The figure, in the unit its name says.")


class Statement(Sourced):
    """A word with where it comes from."""

    value: str = Field(min_length=1, description="What the source says.")


class Gpu(Model):
    """One accelerator, or a machine's CPU: what decides its speed and memory. Figures without a source are null."""

    id: str
    name: str
    vendor: Vendor
    generation: Generation = Field(description="Design; efficiencies are fitted by this.")
    memory_bytes: Figure | None = Field(description="Memory as the driver reports it. [bytes]")
    memory_bandwidth_bytes_per_s: Figure | None = Field(description="Peak bandwidth of the memory. [bytes/s]")
    flops_16bit_per_s: Figure | None = Field(description="Dense peak of bf16, else fp16 arithmetic. [FLOP/s]")
    flops_fp8_per_s: Figure | None = Field(description="Dense peak of fp8 arithmetic; null without. [FLOP/s]")
    flops_int8_per_s: Figure | None = Field(description="Dense peak of int8 arithmetic; null without. [OP/s]")
    flops_fp4_per_s: Figure | None = Field(description="Dense peak of fp4 arithmetic; null without. [FLOP/s]")
    link_bytes_per_s: Figure | None = Field(
        description="One direction of one GPU's links to the other GPUs of its machine. [bytes/s]"
    )
    link: Link = Field(description="What joins the GPUs of a machine.")
    tdp_w: Figure | None = Field(description="Rated power of the board. [W]")
    release_year: Figure | None = Field(description="Calendar year of release.")


_LAYER_FIELDS = ("layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "vocab_size")

# What models of one shape have in common; the file of such a model need not repeat it.
SHAPE_FIELDS = (
    "parameters",
    "active_parameters",
    *_LAYER_FIELDS,
    "experts",
    "experts_per_token",
    "kv_latent_size",
    "window_tokens",
    "windowed_layers_share",
    "tied_embeddings",
)


class OpenModel(Model):
    """An open model: its parameters and the shape that decides memory and speed."""

    id: str
    name: str
    shape: str | None = Field(default=None, description="Id of the model with the same shape; null: its own.")
    modality: Modality = Field(default="text", description="What it generates.")
    parameters: Figure | None = Field(default=None, description="All parameters.")
    active_parameters: Figure | None = Field(default=None, description="Parameters that a token passes through.")
    layers: Figure | None = None
    hidden_size: Figure | None = None
    attention_heads: Figure | None = None
    kv_heads: Figure | None = None
    head_dim: Figure | None = Field(
        default=None, description="Size of one head; not always hidden_size / attention_heads."
    )
    vocab_size: Figure | None = None
    experts: Figure | None = Field(default=None, description="Routed experts of a layer; null: no mixture.")
    experts_per_token: Figure | None = Field(default=None, description="Routed experts that a token is sent to.")
    kv_latent_size: Figure | None = Field(
        default=None, description="Values that latent attention keeps per token and layer, in place of keys and values."
    )
    window_tokens: Figure | None = Field(default=None, description="Reach of layers with a sliding window. [tokens]")
    windowed_layers_share: Figure | None = Field(default=None, description="Share of the layers with such a window.")
    tied_embeddings: Flag | None = Field(
        default=None, description="Whether embedding and output head are one matrix; null: not known."
    )
    context_tokens: Figure | None = Field(
        description="Longest request, input and output; null where not known. [tokens]"
    )
    native_precision: Statement | None = Field(description="Precision of the published weights; null where not known.")
    licence: Statement | None = Field(default=None, description="Licence of the weights; null where not known.")

    @model_validator(mode="after")
    def _is_whole(self) -> OpenModel:
        if self.modality == "text":
            self._need("parameters", "active_parameters")
        if any(getattr(self, name) is not None for name in _LAYER_FIELDS):
            self._need(*_LAYER_FIELDS)
        for pair in (("experts", "experts_per_token"), ("window_tokens", "windowed_layers_share")):
            if any(getattr(self, name) is not None for name in pair):
                self._need(*pair)
        self._hold("active_parameters", "parameters")
        self._hold("experts_per_token", "experts")
        if self.windowed_layers_share is not None and self.windowed_layers_share.value > 1.0:
            raise ValueError(f"windowed_layers_share: is {self.windowed_layers_share.value:g}, must be at most 1")
        return self

    def _need(self, *names: str) -> None:
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise ValueError("; ".join(f"{name}: is missing" for name in missing))

    def _hold(self, smaller: str, larger: str) -> None:
        part, whole = getattr(self, smaller), getattr(self, larger)
        if part is not None and whole is not None and part.value > whole.value:
            raise ValueError(f"{smaller}: is {part.value:g}, must be at most {larger}, {whole.value:g}")

    @property
    def shape_id(self) -> str:
        """Id that models of the same shape have in common; their measurements carry over."""
        return self.shape or self.id

    @property
    def has_shape(self) -> bool:
        """Whether memory and speed can be worked out; without, only what was measured is known."""
        return self.modality == "text" and self.layers is not None

    @property
    def embedding_parameters(self) -> float:
        """Parameters of the embedding and the output head together, counted as two matrices."""
        return 2.0 * self.value("vocab_size") * self.value("hidden_size")

    def value(self, name: str) -> float:
        """The figure of a field; raises ValueError where the catalogue does not hold it."""
        figure = getattr(self, name)
        if figure is None:
            raise ValueError(f"{name} of '{self.id}' is not in the catalogue")
        return float(figure.value)


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
