"""Replicas as the formulas see them, from ids of models, GPUs, precisions and engines; one, or a table of n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar

import numpy as np

from simulator.catalogue.efficiencies import efficiency_table
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.domain.arithmetic import Arithmetic, arithmetic_of
from simulator.domain.efficiencies import EfficiencyTable
from simulator.domain.models_and_gpus import PRECISION_BYTES, Gpu, OpenModel, Precision
from simulator.domain.roofline import Accelerator, Layout, ModelShape, NumberFormat, Replica

Part = TypeVar("Part")

# vLLM's defaults give fewer sequences to GPUs below 70 GiB and to the A100 (its unit test of engine defaults).
_LARGE_MEMORY_BYTES = 70e9
_FAST_LINKS = ("nvlink", "infinity_fabric", "ici")


@dataclass(frozen=True)
class ReplicaIds:
    """A replica by names."""

    model: str
    gpu: str
    layout: Layout
    precision: Precision
    kv_precision: Precision
    engine_class: str


def can_be_estimated(gpu: Gpu) -> bool:
    """Whether the catalogue holds what the formulas need to know of a GPU, and its generation is fitted."""
    figures = (gpu.memory_bytes, gpu.memory_bandwidth_bytes_per_s, gpu.flops_16bit_per_s, gpu.link_bytes_per_s)
    return all(figure is not None for figure in figures) and gpu.generation in efficiency_table().generations


@cache
def shape_of(model_id: str) -> ModelShape:
    """The shape of an open model as plain numbers; raises ValueError where the catalogue does not hold it."""
    model = open_model(model_id)
    if not model.has_shape:
        raise ValueError(f"is '{model_id}', whose shape is not in the catalogue; only what was measured is known of it")
    return _shape(model)


@cache
def replica_of(ids: ReplicaIds) -> Replica:
    """One replica as plain numbers.

    Parameters
    ----------
    ids : ReplicaIds
        Of a GPU that can be estimated, in a precision that it serves.

    Returns
    -------
    Replica
        Of floats.

    Raises
    ------
    ValueError
        If the GPU lacks the precision, or there are no figures.
    """
    gpu = gpu_of(ids.gpu)
    arithmetic = arithmetic_of(gpu, ids.precision)
    if arithmetic is None:
        raise ValueError(f"is '{ids.precision}', which {ids.gpu} lacks")
    accelerator = _accelerator(gpu, arithmetic)
    weights_only = 1.0 if arithmetic.weights_only else 0.0
    kv_bytes = PRECISION_BYTES[ids.kv_precision]
    number_format = NumberFormat(arithmetic.bytes_per_weight, kv_bytes, weights_only)
    efficiency = efficiency_table().efficiency(*_efficiency_rows(ids))
    return Replica(shape_of(ids.model), accelerator, ids.layout, number_format, efficiency)


@dataclass(frozen=True)
class ReplicaTable:
    """n replicas, every field an array of shape (n,), and which rows of a table of efficiencies hold for them."""

    shape: ModelShape
    accelerator: Accelerator
    layout: Layout
    number_format: NumberFormat
    rows: tuple[Any, ...]

    def with_efficiencies(self, table: EfficiencyTable) -> Replica:
        """The n replicas as one, with the efficiencies of a table."""
        return Replica(self.shape, self.accelerator, self.layout, self.number_format, table.efficiency(*self.rows))


def replica_table(all_ids: Sequence[ReplicaIds]) -> ReplicaTable:
    """n replicas as one; raises ValueError as `replica_of` does."""
    replicas = [replica_of(ids) for ids in all_ids]
    rows = np.array([_efficiency_rows(ids) for ids in all_ids], dtype=np.int64)
    return ReplicaTable(
        shape=_stacked([replica.shape for replica in replicas]),
        accelerator=_stacked([replica.accelerator for replica in replicas]),
        layout=_stacked([replica.layout for replica in replicas]),
        number_format=_stacked([replica.number_format for replica in replicas]),
        rows=tuple(rows.T),
    )


def _stacked(parts: Sequence[Part]) -> Part:
    """Objects of numbers as one object of arrays."""
    kind: Any = type(parts[0])
    return kind(*(np.array([getattr(part, field.name) for part in parts], dtype=np.float64) for field in fields(kind)))


@cache
def _efficiency_rows(ids: ReplicaIds) -> tuple[int, int, int, int, bool]:
    """Which rows of the fitted table hold for a replica: arguments of `EfficiencyTable.efficiency`."""
    table, gpu = efficiency_table(), gpu_of(ids.gpu)
    memory = 0.0 if gpu.memory_bytes is None else gpu.memory_bytes.value
    arithmetic = arithmetic_of(gpu, ids.precision)
    is_small = memory < _LARGE_MEMORY_BYTES or gpu.generation == "ampere"
    link = 0 if gpu.link in _FAST_LINKS else 1
    generation, engine = table.generations.index(gpu.generation), table.engines.index(ids.engine_class)
    return generation, 16 if arithmetic is None else arithmetic.bits, engine, link, is_small


def _accelerator(gpu: Gpu, arithmetic: Arithmetic) -> Accelerator:
    memory, bandwidth, link = gpu.memory_bytes, gpu.memory_bandwidth_bytes_per_s, gpu.link_bytes_per_s
    if memory is None or bandwidth is None or link is None or gpu.flops_16bit_per_s is None:
        raise ValueError(f"is '{gpu.id}', whose peaks are not in the catalogue; only what was measured is known of it")
    return Accelerator(memory.value, bandwidth.value, arithmetic.flops_per_s, gpu.flops_16bit_per_s.value, link.value)


def _shape(model: OpenModel) -> ModelShape:
    def value(name: str, otherwise: float = 0.0) -> float:
        figure = getattr(model, name)
        return otherwise if figure is None else float(figure.value)

    latent = value("kv_latent_size")
    experts = value("experts")
    return ModelShape(
        parameters=value("parameters"),
        active_parameters=value("active_parameters"),
        layers=value("layers"),
        hidden_size=value("hidden_size"),
        attention_heads=value("attention_heads"),
        kv_heads=1.0 if latent else value("kv_heads"),
        head_dim=value("head_dim"),
        kv_values_per_layer=latent or 2.0 * value("kv_heads") * value("head_dim"),
        vocabulary_parameters=value("vocab_size") * value("hidden_size"),
        vocabulary_matrices=1.0 if model.tied_embeddings else 2.0,
        experts=experts,
        routed_share=value("experts_per_token") / experts if experts else 0.0,
        window_tokens=value("window_tokens"),
        windowed_share=value("windowed_layers_share"),
    )
