"""GPUs and open models by id, from `hardware/gpus` and `hardware/models`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import ids_in, parsed, path_of, read_facts, shown
from simulator.domain.models_and_gpus import SHAPE_FIELDS, Gpu, OpenModel


def gpu_ids() -> tuple[str, ...]:
    """Ids of all GPUs of the catalogue, in order."""
    return ids_in("hardware", "gpus")


@cache
def gpu(gpu_id: str) -> Gpu:
    """The GPU called `gpu_id`; raises `UnknownId` with the ids there are."""
    path = path_of("hardware", "gpus", gpu_id)
    return parsed(Gpu, read_facts(Gpu, path), path)


def open_model_ids() -> tuple[str, ...]:
    """Ids of all open models of the catalogue, in order."""
    return ids_in("hardware", "models")


@cache
def open_model(model_id: str) -> OpenModel:
    """The open model called `model_id`, with the shape it shares; raises `UnknownId` with the ids there are."""
    path = path_of("hardware", "models", model_id)
    return parsed(OpenModel, with_shape(read_facts(OpenModel, path), path), path)


def with_shape(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """`content` of a model's file, completed by the fields of the model whose shape it has, if it names one.

    Raises
    ------
    ValueError
        If there is no such model, or that one has the shape of yet another.
    """
    shape = content.get("shape")
    if shape is None:
        return content
    if shape not in open_model_ids():
        raise ValueError(f"{shown(path)}: shape: {UnknownId(str(shape), open_model_ids())}")
    origin = path_of("hardware", "models", shape)
    original = read_facts(OpenModel, origin)
    if original.get("shape") is not None:
        raise ValueError(f"{shown(path)}: shape: is '{shape}', must be a model with a shape of its own")
    model = parsed(OpenModel, original, origin)
    return {name: getattr(model, name) for name in SHAPE_FIELDS} | content
