"""The measurements that a model on a GPU is anchored to, and how far the roofline is off at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from simulator.catalogue.efficiencies import likeness
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import Measured, usable_rows
from simulator.domain.efficiencies import EfficiencyTable
from simulator.domain.kriging import Anchors, anchored_on
from simulator.domain.measurements import Measurement

MOST_ANCHORS = 448  # of one model and GPU: those of the pair, then of like models and GPUs
FURTHEST_LOG_RATIO = 0.7  # a measurement twice off the roofline says that something else was measured
OWN_NOISE_SD = 0.01  # a user's own measurement is of the very thing asked about


@dataclass(frozen=True)
class Anchoring:
    """Anchors with the measurements they stand for, row by row."""

    anchors: Anchors
    rows: tuple[Measurement, ...]
    is_same_pair: Any  # (n,) of bool: measured on the model's shape and the GPU themselves


@lru_cache(maxsize=64)
def anchoring_of(model_id: str, gpu_id: str) -> Anchoring:
    """What the published measurements say about a model (any of its shape) on a GPU, however it is served."""
    return anchoring_on(nearest_rows(usable_rows(), model_id, gpu_id), model_id, gpu_id)


def anchoring_with(own: Sequence[Measurement], model_id: str, gpu_id: str) -> Anchoring:
    """The same with a user's own measurements, which count as all but exact."""
    rows = nearest_rows(usable_rows(), model_id, gpu_id)
    return anchoring_on((*own, *rows), model_id, gpu_id, own_rows=len(own))


def anchoring_on(
    rows: Sequence[Measurement],
    model_id: str,
    gpu_id: str,
    own_rows: int = 0,
    table: EfficiencyTable | None = None,
) -> Anchoring:
    """Anchors made of given measurements; the first `own_rows` of them count as all but exact."""
    shape = open_model(model_id).shape_id
    measured = Measured(rows)
    situations, log_ratios = measured.situations(), measured.log_ratios(table)
    noise_sd = np.full(len(rows), likeness().noise_sd)
    noise_sd[:own_rows] = OWN_NOISE_SD
    furthest = np.where(np.arange(len(rows)) < own_rows, np.inf, FURTHEST_LOG_RATIO)
    anchors = anchored_on(situations, np.clip(log_ratios, -furthest, furthest), likeness(), noise_sd)
    same_pair = np.array([open_model(row.model).shape_id == shape and row.gpu == gpu_id for row in rows], dtype=bool)
    return Anchoring(anchors, tuple(rows), same_pair)


def nearest_rows(rows: Sequence[Measurement], model_id: str, gpu_id: str) -> tuple[Measurement, ...]:
    """At most `MOST_ANCHORS` measurements, those on the most alike models and GPUs; of equally alike ones a spread."""
    groups: dict[float, list[Measurement]] = {}
    for row in rows:
        groups.setdefault(_alikeness(row.model, row.gpu, model_id, gpu_id), []).append(row)
    chosen: list[Measurement] = []
    for _, group in sorted(groups.items(), reverse=True):
        room = MOST_ANCHORS - len(chosen)
        if len(group) > room:
            group = [group[index] for index in np.linspace(0, len(group) - 1, room).round().astype(int)]
        chosen.extend(group)
        if len(chosen) >= MOST_ANCHORS:
            break
    return tuple(chosen)


@cache
def _alikeness(model_id: str, gpu_id: str, to_model_id: str, to_gpu_id: str) -> float:
    one, other = open_model(model_id), open_model(to_model_id)
    same_kind = (one.experts is None) == (other.experts is None)
    same_generation = gpu_of(gpu_id).generation == gpu_of(to_gpu_id).generation
    of_models = likeness().of_models(one.shape_id == other.shape_id, same_kind)
    return float(of_models * likeness().of_gpus(gpu_id == to_gpu_id, same_generation))
