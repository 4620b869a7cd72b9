"""Layouts, limits and evidence of throughput in words."""

from __future__ import annotations

from simulator.domain.roofline import Layout


def layout_words(layout: Layout) -> str:
    """A layout in few words.

    Examples
    --------
    >>> layout_words(Layout()), layout_words(Layout(tensor_parallel=4)), layout_words(Layout(data_parallel=8))
    ('1 GPU', '4 GPUs, tensor 4', '8 GPUs, data 8')
    """
    degrees = (
        ("tensor", layout.tensor_parallel),
        ("pipeline", layout.pipeline_parallel),
        ("data", layout.data_parallel),
        ("expert", layout.expert_parallel),
    )
    parts = [gpus_words(int(layout.gpus))]
    return ", ".join([*parts, *(f"{name} {int(degree)}" for name, degree in degrees if degree > 1)])


def gpus_words(count: int) -> str:
    """A number of GPUs: '1 GPU', '2 GPUs'."""
    return f"{count} GPU" if count == 1 else f"{count} GPUs"
