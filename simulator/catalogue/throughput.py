"""Published measurements of throughput, from `hardware/throughput`, and the one nearest to a question."""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, shown
from simulator.catalogue.hardware import gpu_ids, open_model
from simulator.domain.models_and_gpus import PRECISIONS, Regime, ThroughputPoint
from simulator.domain.serving import length_distance_octaves

_WHOLE = ("gpus", "concurrency")
_REAL = ("input_tokens", "output_tokens", "output_tokens_per_s")
_EMPTY_MEANS_NONE = ("concurrency", "engine_version", "as_of", "note")

# How many doublings of a length a measurement short of full load counts as farther away.
_REGIME_OCTAVES: dict[Regime, float] = {"saturated": 0.0, "burst": 0.5, "closed": 1.0}
_RECENT_VLLM = (0, 8)


@cache
def all_throughput_points() -> tuple[ThroughputPoint, ...]:
    """All measurements, in the order of files and rows."""
    points: list[ThroughputPoint] = []
    for path in sorted((data_folder("hardware") / "throughput").glob("*.csv")):
        points.extend(_points_of(path))
    return tuple(points)


@cache
def throughput_point(point_id: str) -> ThroughputPoint:
    """The measurement called `point_id`; raises `UnknownId` with the ids there are."""
    by_id = _points_by_id()
    if point_id not in by_id:
        raise UnknownId(point_id, by_id)
    return by_id[point_id]


def nearest_throughput_point(
    model_id: str, gpu_id: str, gpus: int, precision: str, input_tokens: float, output_tokens: float
) -> ThroughputPoint | None:
    """The measurement that says most about a replica and its requests; None if there is none.

    Parameters
    ----------
    model_id : str
        Id of the open model; measurements of a model of the same shape count.
    gpu_id : str
        Id of the GPU.
    gpus : int
        GPUs of the replica, exactly as measured.
    precision : str
        Precision of the weights; `bf16` and `fp16` stand for each other, same bytes and same peak.
    input_tokens, output_tokens : float
        Mean lengths of a request. [tokens]

    Returns
    -------
    ThroughputPoint or None
        The nearest lengths, counted in half doublings; measurements short of full load count as farther away. Of those
        equally near: vLLM 0.8 and newer, then the latest date, then verified ones, then the first id.

    Raises
    ------
    UnknownId
        If there is no such model, GPU or precision.
    """
    if gpu_id not in gpu_ids():
        raise UnknownId(gpu_id, gpu_ids())
    if precision not in PRECISIONS:
        raise UnknownId(precision, PRECISIONS)
    shape = open_model(model_id).shape_id
    candidates = [
        point
        for point in all_throughput_points()
        if point.gpu == gpu_id
        and point.gpus == gpus
        and _same_arithmetic(point.precision) == _same_arithmetic(precision)
        and open_model(point.model).shape_id == shape
    ]
    if not candidates:
        return None
    return min(candidates, key=lambda point: _preference(point, input_tokens, output_tokens))


def _preference(point: ThroughputPoint, input_tokens: float, output_tokens: float) -> tuple[Any, ...]:
    octaves = length_distance_octaves(point, input_tokens, output_tokens) + _REGIME_OCTAVES[point.regime]
    age = -(point.as_of or date.min).toordinal()
    return (round(2.0 * octaves), not _is_recent_vllm(point), age, point.unverified, octaves, point.id)


def _is_recent_vllm(point: ThroughputPoint) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", point.engine_version or "")
    return point.engine == "vllm" and numbers is not None and (int(numbers[1]), int(numbers[2])) >= _RECENT_VLLM


def _same_arithmetic(precision: str) -> str:
    return "16-bit" if precision in ("bf16", "fp16") else precision


@cache
def _points_by_id() -> dict[str, ThroughputPoint]:
    by_id: dict[str, ThroughputPoint] = {}
    for point in all_throughput_points():
        if point.id in by_id:
            raise ValueError(f"hardware/throughput: id '{point.id}' is given twice")
        by_id[point.id] = point
    return by_id


def _points_of(path: Path) -> list[ThroughputPoint]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return [parsed(ThroughputPoint, _typed(row, path), path, row.get("id") or "") for row in rows]


def _typed(row: dict[str, str], path: Path) -> dict[str, Any]:
    """Cells as numbers and flags; what cannot be converted is left for the message of the check that follows."""
    if None in row:
        raise ValueError(f"{shown(path)}: {row.get('id')}: more cells than columns")
    typed: dict[str, Any] = dict(row)
    for key in _EMPTY_MEANS_NONE:
        typed[key] = row.get(key) or None
    for kind, keys in ((int, _WHOLE), (float, _REAL)):
        for key in keys:
            try:
                typed[key] = kind(row[key]) if row[key] else None
            except (KeyError, TypeError, ValueError):
                continue
    typed["unverified"] = {"true": True, "": False}.get(row.get("unverified", ""), row.get("unverified"))
    return typed
