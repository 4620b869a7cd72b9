"""What was measured: how often each model shape on each GPU, and the rows of one model or GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu_ids, open_model, open_model_ids
from simulator.catalogue.measurements import all_measurements
from simulator.domain.measurements import Measurement
from simulator.domain.models_and_gpus import OpenModel
from simulator.presentation.throughput_wording import METRIC_UNITS

Listing = tuple[str, Sequence[str], Iterable[Sequence[Any]]]

MAP_COLUMNS = ("shape", "kind", "rows", "verified", "rows on each GPU")
ROW_COLUMNS = (
    "id", "model", "gpu", "GPUs", "precision", "in", "out", "regime", "value", "unit", "engine", "as of", "source",
    "note",
)  # fmt: skip


def evidence(gpu: str | None = None, model: str | None = None) -> Listing:
    """The map of measurements, model shape by GPU; narrowed to a model (any of its shape) or GPU, the rows themselves.

    Raises
    ------
    ValueError
        If there is no such GPU or model.
    """
    if gpu is not None and gpu not in gpu_ids():
        raise ValueError(f"--gpu: {UnknownId(gpu, gpu_ids())}")
    if model is not None and model not in open_model_ids():
        raise ValueError(f"--model: {UnknownId(model, open_model_ids())}")
    if gpu is None and model is None:
        return _map()
    shape = None if model is None else open_model(model).shape_id
    rows = [
        _row(row)
        for row in all_measurements()
        if gpu in (None, row.gpu) and shape in (None, open_model(row.model).shape_id)
    ]
    of_shape = "" if model is None else f" of {model} and models of its shape"
    return f"{len(rows)} measurements{of_shape}{f' on {gpu}' if gpu else ''}", ROW_COLUMNS, rows


def _map() -> Listing:
    by_shape: dict[str, list[Measurement]] = {}
    for row in all_measurements():
        by_shape.setdefault(open_model(row.model).shape_id, []).append(row)
    ordered = sorted(by_shape.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [_map_line(shape, rows) for shape, rows in ordered]
    total = sum(len(rows) for rows in by_shape.values())
    gpus = len({row.gpu for rows in by_shape.values() for row in rows})
    return f"{total:,} measurements of {len(by_shape)} model shapes on {gpus} GPUs", MAP_COLUMNS, lines


def _map_line(shape: str, rows: Sequence[Measurement]) -> tuple[Any, ...]:
    verified = sum(not row.unverified for row in rows)
    return (shape, _kind(open_model(shape)), len(rows), verified, _counted(row.gpu for row in rows))


def _counted(names: Iterable[str]) -> str:
    """How often each name comes: 'h100-sxm 120, l40s 8'."""
    counts = Counter(names)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _kind(model: OpenModel) -> str:
    if model.modality != "text":
        return str(model.modality)
    return "dense" if model.experts is None else "experts"


def _row(row: Measurement) -> tuple[Any, ...]:
    load = {"closed": row.concurrency, "static": row.concurrency, "burst": row.n_requests}.get(row.regime)
    if row.regime == "open" and row.arrival_requests_per_s is not None:
        load = row.arrival_requests_per_s  # type: ignore[assignment]  # requests/s, not a count
    return (
        row.id,
        row.model,
        row.gpu,
        row.gpus,
        row.precision or "",
        "" if row.input_tokens is None else f"{row.input_tokens:g}",
        "" if row.output_tokens is None else f"{row.output_tokens:g}",
        row.regime if load is None else f"{row.regime} {load:g}",
        f"{row.value:g}",
        METRIC_UNITS[row.metric],
        f"{row.engine} {row.engine_version or ''}".strip(),
        row.as_of,
        row.source,
        "unverified" if row.unverified else "",
    )
