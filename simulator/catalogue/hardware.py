"""GPUs and open models by id, from `hardware/gpus` and `hardware/models`."""

from __future__ import annotations

from functools import cache

from simulator.catalogue.fact_files import ids_in, parsed, path_of, read_mapping
from simulator.domain.models_and_gpus import Gpu, OpenModel


def gpu_ids() -> tuple[str, ...]:
    """Ids of all GPUs of the catalogue, in order."""
    return ids_in("hardware", "gpus")


@cache
def gpu(gpu_id: str) -> Gpu:
    """The GPU called `gpu_id`; raises `UnknownId` with the ids there are."""
    path = path_of("hardware", "gpus", gpu_id)
    return parsed(Gpu, read_mapping(path), path)


def open_model_ids() -> tuple[str, ...]:
    """Ids of all open models of the catalogue, in order."""
    return ids_in("hardware", "models")


@cache
def open_model(model_id: str) -> OpenModel:
    """The open model called `model_id`; raises `UnknownId` with the ids there are."""
    path = path_of("hardware", "models", model_id)
    return parsed(OpenModel, read_mapping(path), path)
