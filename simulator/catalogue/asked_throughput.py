"""A question about throughput as the command line puts it: GPUs in all, and files of a user's own results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.catalogue.asked_arguments import PARALLELISM, regime_of
from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.benchmark_files import read_benchmark_file
from simulator.domain.throughput import ThroughputEstimate


def asked_throughput(
    model: str, gpu: str, *, gpus: int | None = None, measurements: Sequence[Path] = (), **question: Any
) -> tuple[ThroughputEstimate, dict[str, Any]]:
    """An estimate as somebody at a terminal asks for it, of a replica that has to serve something.

    Parameters
    ----------
    model, gpu : str
        Ids of the catalogue.
    gpus : int, optional
        GPUs of the replica: those that pipeline and data parallelism leave are tensor parallel.
    measurements : sequence of Path
        Benchmark files that `read_benchmark_file` reads, of the replica itself.
    **question
        Further arguments of `estimate_throughput`.

    Returns
    -------
    (ThroughputEstimate, dict)
        The estimate, and the arguments it was made with, the layout and regime filled in.

    Raises
    ------
    ValueError
        Naming the argument; also where the model does not fit, or one sequence at a time is above the limit.
    """
    asked = {**question, **_layout_of(gpus, question)}
    asked["regime"] = regime_of(*(asked.get(key) for key in ("regime", "concurrency", "arrival_requests_per_s")))
    estimate = estimate_throughput(model, gpu, **asked)
    if measurements:
        replica = {
            key: asked[key] for key in (*PARALLELISM, "kv_precision", "engine", "engine_version") if key in asked
        }
        of_replica = {**replica, "model": model, "gpu": gpu, "gpus": estimate.gpus, "precision": estimate.precision}
        asked["measurements"] = [row for path in measurements for row in read_benchmark_file(path, **of_replica)]
        estimate = estimate_throughput(model, gpu, **asked)
    if not estimate.fits:
        raise ValueError(estimate.warnings[-1])
    if estimate.output_tokens_per_s <= 0.0 and asked.get("tpot_limit_s") is not None:
        raise ValueError(
            f"{model} in {estimate.precision} on {gpu} does not keep a time per token of {asked['tpot_limit_s']:g} s "
            f"even with one sequence at a time; {estimate.gpus} of them take {estimate.tpot_s:.3g} s"
        )
    return estimate, asked


def _layout_of(gpus: int | None, question: dict[str, Any]) -> dict[str, int]:
    """The degrees of parallelism, the tensor-parallel one from the number of GPUs where it is not given."""
    layout = {name: int(question.get(name, 1)) for name in PARALLELISM}
    others = layout["pipeline_parallel"] * layout["data_parallel"]
    if gpus is not None and "tensor_parallel" not in question and gpus % others == 0:
        layout["tensor_parallel"] = gpus // others
    product = layout["tensor_parallel"] * others
    if gpus is not None and gpus != product:
        raise ValueError(f"gpus is {gpus}, must be tensor x pipeline x data parallel, {product}")
    return layout
