"""The layouts that are worth trying for a model."""

from __future__ import annotations

from typing import Any

from simulator.catalogue.hardware import open_model
from simulator.domain.models_and_gpus import GPU_COUNTS, GPUS_PER_MACHINE
from simulator.domain.roofline import Layout

COUNTS_TRIED = tuple(count for count in GPU_COUNTS if count <= GPUS_PER_MACHINE)


def layouts_of(model: str) -> tuple[Layout, ...]:
    """The layouts worth trying for a model, on 1, 2, 4 and 8 GPUs, fewest GPUs first.

    Tensor parallel where the number of GPUs divides the attention heads; for mixtures of experts also one
    data-parallel group a GPU with the experts shared by all of them, where the GPUs divide the experts.
    """
    found = open_model(model)
    layouts = [Layout(tensor_parallel=degree) for degree in COUNTS_TRIED if divides(degree, found.attention_heads)]
    if found.experts is not None:
        shared = [degree for degree in COUNTS_TRIED if degree > 1 and divides(degree, found.experts)]
        layouts += [Layout(data_parallel=degree, expert_parallel=degree) for degree in shared]
    return tuple(sorted(layouts, key=lambda layout: layout.gpus))


def divides(degree: int, figure: Any) -> bool:
    """Whether a number of GPUs shares out so many heads or experts evenly."""
    return degree == 1 or (figure is not None and figure.value % degree == 0)
