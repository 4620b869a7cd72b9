"""Estimates of throughput by ids: the roofline of the catalogue's figures, anchored to its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from simulator.catalogue.anchors import Anchoring, anchoring_of, anchoring_with
from simulator.catalogue.efficiencies import efficiencies, likeness
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import ANY_VERSION, UNSTATED, Question, codes_of, coordinates_of
from simulator.catalogue.replicas import replica_of
from simulator.domain.kriging import DIMENSIONS, QUANTITIES, Correction, Situations, category_covariance, correction
from simulator.domain.measurements import Measurement
from simulator.domain.roofline import Replica
from simulator.domain.serving import Array, larger
from simulator.domain.serving_state import Load, State, state_under
from simulator.domain.throughput import (
    LEAST_LIKENESS,
    NEARBY_LIKENESS,
    Band,
    EvidenceKind,
    Source,
    ThroughputEstimate,
    anchored,
    band_around,
    bound_of,
)

MOST_SOURCES = 3
LIMIT_PASSES = 3  # until batch and correction agree to about a percent
HALF_WIDTH_OF_80_PERCENT = 1.2816  # of a normal distribution, in standard deviations
_KINDS: tuple[EvidenceKind, ...] = (
    "your measurement",
    "measured nearby",
    "same model and GPU, other settings",
    "roofline estimate",
    "roofline estimate of a mixture of experts",
)
_EVIDENCE = np.array(_KINDS)


@dataclass(frozen=True)
class _Asked:
    """A question but for lengths and load: its anchors, and its covariance with them but for distance."""

    anchoring: Anchoring
    categories: Array  # (3, n): one row a quantity
    sets: Any  # (2, n) of bool: a user's own measurements, and those of the same model and GPU
    otherwise: int  # row of `_EVIDENCE` where none of them is near
    further_variances: Array  # (5,): on top of what anchoring leaves, in the order of `_EVIDENCE`


@lru_cache(maxsize=64)
def _asked(question: Question, own: tuple[Measurement, ...]) -> _Asked:
    ids = question.ids
    # A user's own results that name no version are of the one that is asked about.
    own = tuple(replace(row, engine_version=row.engine_version or question.engine_version) for row in own)
    anchoring = anchoring_with(own, ids.model, ids.gpu) if own else anchoring_of(ids.model, ids.gpu)
    codes = np.array([codes_of(question, quantity) for quantity in range(len(QUANTITIES))])
    here = Situations(np.zeros((len(QUANTITIES), DIMENSIONS)), codes)
    categories = category_covariance(here, anchoring.anchors.situations, likeness())
    is_own = np.arange(len(anchoring.rows)) < len(own)
    is_mixture = open_model(ids.model).experts is not None
    otherwise = 4 if is_mixture else 3
    sets = np.array([is_own, anchoring.is_same_pair])
    return _Asked(anchoring, categories, sets, otherwise, _further_variances(is_mixture))


def estimate(
    question: Question, load: Load, own: Sequence[Measurement] = (), warnings: tuple[str, ...] = ()
) -> ThroughputEstimate:
    """What one replica serves under a load.

    Parameters
    ----------
    question : Question
        The replica by ids, its engine and regime.
    load : Load
        Numbers, or arrays of shape (n,).
    own : sequence of Measurement
        A user's own measurements, which anchor as all but exact.
    warnings : tuple of str
        To be passed on.

    Returns
    -------
    ThroughputEstimate
        Numbers, or arrays of shape (n,).

    Raises
    ------
    ValueError
        If the catalogue does not hold what the formulas need.
    """
    replica = replica_of(question.ids)
    asked = _asked(question, tuple(own))
    state, found, load = _anchored_state(replica, load, asked)
    scalar = np.ndim(state.batch) == 0
    first, second, third = found.log_ratios[:, 0].tolist() if scalar else found.log_ratios
    figures = anchored(replica, load, state, (first, second, third))
    fits: Any = state.largest_batch >= 1.0
    index = _evidence_index(asked, found)
    half_width: Any = HALF_WIDTH_OF_80_PERCENT * np.sqrt(found.variance + asked.further_variances[index])
    evidence: Any = _KINDS[index[0]] if scalar else _EVIDENCE[index]
    half_width = float(half_width[0]) if scalar else half_width
    output_tokens_per_s: Any = figures.output_tokens_per_s * fits
    requests_per_s = output_tokens_per_s / larger(load.output_tokens, 1.0)
    low, high = band_around(output_tokens_per_s, half_width)
    never = (1.0 if fits else np.inf) if scalar else np.where(fits, 1.0, np.inf)
    out = _number if scalar else partial(_array, np.shape(state.batch))
    return ThroughputEstimate(
        model=question.ids.model,
        gpu=question.ids.gpu,
        gpus=int(question.ids.layout.gpus),
        precision=question.ids.precision,
        kv_precision=question.ids.kv_precision,
        engine=_engine_words(question),
        output_tokens_per_s=out(output_tokens_per_s),
        total_tokens_per_s=out(output_tokens_per_s + requests_per_s * load.input_tokens),
        requests_per_s=out(requests_per_s),
        ttft_s=out(figures.ttft_s * never),
        tpot_s=out(figures.tpot_s * never),
        concurrency=out(state.batch * fits),
        max_concurrency=out(state.largest_batch // 1.0),
        fits=out(fits),
        bound=bound_of(replica, load, state),
        evidence=out(evidence),
        band=Band(out(low), out(high)),
        sources=_sources(asked, found.first),
        warnings=warnings,
    )


def _anchored_state(replica: Replica, load: Load, asked: _Asked) -> tuple[State, Correction, Load]:
    """State by the roofline, what the anchors say about it, and the load with the limit for the roofline."""
    state = state_under(replica, load)
    found = _correction(asked, load, state, replica)
    if load.tpot_limit_s is None:
        return state, found, load
    # The limit is on the time measured: how far the roofline is off depends on the batch, and the batch on that.
    measured_limit_s = load.tpot_limit_s
    for _ in range(LIMIT_PASSES):
        factor = np.exp(found.log_ratios[1] if np.ndim(state.batch) else found.log_ratios[1, 0])
        load = replace(load, tpot_limit_s=measured_limit_s * factor)
        state = state_under(replica, load)
        found = _correction(asked, load, state, replica)
    return state, found, load


def _correction(asked: _Asked, load: Load, state: State, replica: Replica) -> Correction:
    coordinates = coordinates_of(load, state, replica.layout.gpus)
    return correction(asked.anchoring.anchors, asked.categories, coordinates, asked.sets)


def _evidence_index(asked: _Asked, found: Correction) -> Any:
    """The row of `_EVIDENCE` for each question."""
    own, same_pair = found.nearest
    elsewhere = np.where(same_pair >= LEAST_LIKENESS, 2, asked.otherwise)
    return np.where(own >= NEARBY_LIKENESS, 0, np.where(same_pair >= NEARBY_LIKENESS, 1, elsewhere))


def _engine_words(question: Question) -> str:
    version = question.engine_version
    return question.engine if version in (None, ANY_VERSION, UNSTATED) else f"{question.engine} {version}"


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _array(shape: tuple[int, ...], value: Any) -> Any:
    return value if np.shape(value) == shape else np.array(np.broadcast_to(value, shape))


def _further_variances(is_mixture: bool) -> Array:
    """Variance on top of what anchoring leaves, in the order of `_EVIDENCE`."""
    bands = efficiencies().bands
    elsewhere = bands.elsewhere_mixture if is_mixture else bands.elsewhere_dense
    return np.array([0.0, bands.measured_nearby, bands.other_settings, elsewhere, elsewhere]) ** 2


def _sources(asked: _Asked, likeness_of_first: Array) -> tuple[Source, ...]:
    """The measurements most alike to the (first) question, most alike first."""
    rows, merit = asked.anchoring.rows, likeness_of_first.copy()
    order = []
    for _ in range(min(MOST_SOURCES, len(rows))):
        order.append(int(merit.argmax()))
        merit[order[-1]] = -1.0
    return tuple(_source(rows[index], float(likeness_of_first[index])) for index in order)


def _source(row: Measurement, nearness: float) -> Source:
    return Source(
        id=row.id,
        model=row.model,
        gpu=row.gpu,
        gpus=row.gpus,
        precision=row.precision,
        kv_precision=row.kv_precision,
        engine=row.engine,
        engine_version=row.engine_version,
        input_tokens=row.input_tokens or 0.0,
        output_tokens=row.output_tokens or 0.0,
        value=row.value,
        metric=row.metric,
        source=row.source,
        as_of=row.as_of,
        unverified=row.unverified,
        likeness=nearness,
    )
