"""Estimates of throughput, kept: a scenario that differs in prices or traffic alone asks the same as the one before."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np

from simulator.catalogue.asking import estimate_throughput
from simulator.domain.throughput import ThroughputEstimate

_MOST_KEPT = 256


def kept_estimate(model: str, gpu: str, concurrency: Any = None, **asked: Hashable) -> ThroughputEstimate:
    """What `estimate_throughput` answers, found again where everything that is asked was asked before.

    Parameters
    ----------
    model, gpu : str
        Ids of the catalogue.
    concurrency : number or array of shape (n,), optional
        As of `estimate_throughput`.
    **asked :
        Its other arguments, numbers only and no arrays.

    Returns
    -------
    ThroughputEstimate
        Its arrays can't be written to: others have them too.

    Raises
    ------
    ValueError
        As `estimate_throughput`.
    """
    sizes = tuple(concurrency.tolist()) if isinstance(concurrency, np.ndarray) else concurrency
    return _estimated(model, gpu, sizes, tuple(asked.items()))


@lru_cache(maxsize=_MOST_KEPT, typed=True)
def _estimated(
    model: str, gpu: str, sizes: tuple[float, ...] | float | None, asked: tuple[tuple[str, Any], ...]
) -> ThroughputEstimate:
    concurrency = np.array(sizes) if isinstance(sizes, tuple) else sizes
    estimate = estimate_throughput(model, gpu, concurrency=concurrency, **dict(asked))
    own = (getattr(estimate, one.name) for one in fields(estimate))
    for value in (*own, *estimate.band):
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return estimate
