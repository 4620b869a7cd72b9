"""Measurements as the formulas see them: situations, and how far the roofline is off at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from simulator.catalogue.efficiencies import efficiency_table, engine_class
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measurements import all_measurements
from simulator.catalogue.replicas import ReplicaIds, ReplicaTable, can_be_estimated, replica_table
from simulator.domain.arithmetic import arithmetic_of
from simulator.domain.efficiencies import EfficiencyTable
from simulator.domain.kriging import CODES, DIMENSIONS, Situations
from simulator.domain.measurements import REGIMES, Measurement, Regime
from simulator.domain.roofline import Layout
from simulator.domain.serving import Array, larger, smaller
from simulator.domain.serving_state import FINITE_RUNS, Load, State, state_under

UNSTATED = "unstated"  # the version of measurements whose source names none
ANY_VERSION = "any"  # the version of a question that names none: like every version of its class
_INPUT_OFFSET_TOKENS = 16.0  # below that, the length of a prompt hardly matters
_ALIKE_REGIMES: tuple[Regime, ...] = ("saturated", "closed", "mlperf-offline", "mlperf-server")
_QUANTITY = {"output_tokens_per_s": 0, "requests_per_s": 0, "tpot_s": 1, "ttft_s": 2}


@dataclass(frozen=True)
class Question:
    """What a situation is told by, apart from lengths and load."""

    ids: ReplicaIds
    engine: str
    engine_version: str | None
    regime: Regime


def codes_of(question: Question, quantity: int) -> list[int]:
    """The codes of a situation, in the order of `kriging.CODES`.

    What a replica can serve of arrivals is what it serves at full load, so measured there.
    """
    ids = question.ids
    model, gpu = open_model(ids.model), gpu_of(ids.gpu)
    precision = "16" if ids.precision in ("bf16", "fp16") else ids.precision
    version = _code(f"{question.engine} {question.engine_version or UNSTATED}")
    is_alike = question.regime in _ALIKE_REGIMES or (question.regime == "open" and quantity == 0)
    regime = "saturated" if is_alike else question.regime
    is_mixture, is_spread = model.experts is not None, bool(ids.layout.expert_parallel > 1)
    names = (model.shape_id, is_mixture, gpu.id, gpu.generation, precision)
    return [*(_code(str(name)) for name in names), version, _code(ids.engine_class), quantity, _code(regime), is_spread]


def coordinates_of(load: Load, state: State, gpus: Any) -> Array:
    """Lengths, running sequences and GPU count in octaves, and the share of a run that its last batch drains in.

    Shape (n, 5). Full load and as many clients as the largest batch are one and the same.
    """
    draining: Any = 0.0
    if load.regime in FINITE_RUNS and load.n_requests is not None:
        draining = smaller(1.0, state.batch / load.n_requests)
    columns = (
        np.log2(load.input_tokens + _INPUT_OFFSET_TOKENS),
        np.log2(larger(load.output_tokens, 1.0)),
        np.log2(larger(state.batch, 1.0)),
        np.log2(gpus),
        draining,
    )
    if not any(np.ndim(column) for column in columns):
        return np.array([columns])
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float64)


@cache
def usable_rows() -> tuple[Measurement, ...]:
    """Published measurements that the roofline can be held against."""
    return tuple(row for row in all_measurements() if is_usable(row))


def is_usable(row: Measurement) -> bool:
    """Whether the roofline speaks of what a measurement measured: lengths, layout, GPU and precision are known."""
    if row.metric not in _QUANTITY or row.input_tokens is None or not row.output_tokens:
        return False
    gpu, model = gpu_of(row.gpu), open_model(row.model)
    known = model.has_shape and can_be_estimated(gpu) and _is_served(row.engine)
    return known and arithmetic_of(gpu, row.precision or "fp16") is not None


@dataclass(frozen=True)
class _Group:
    """Measurements of one regime, which the formulas take together."""

    index: list[int]
    replicas: ReplicaTable
    load: Load
    quantity: Any  # (n,) of int
    value: Array  # in output tokens per second, or seconds


class Measured:
    """Measurements made ready to be held against the roofline, with these or those efficiencies."""

    def __init__(self, rows: Sequence[Measurement]) -> None:
        self.rows = tuple(rows)
        self._groups = [group for regime in REGIMES if (group := _group_of(self.rows, regime)) is not None]

    def log_ratios(self, table: EfficiencyTable | None = None) -> Array:
        """ln(measured / roofline) of each, times turned round so that above 0 is faster; shape (n,)."""
        ratios = np.zeros(len(self.rows))
        for group in self._groups:
            state = state_under(group.replicas.with_efficiencies(table or efficiency_table()), group.load)
            ratios[group.index] = np.select(
                [group.quantity == 0, group.quantity == 1],
                [np.log(group.value / state.output_tokens_per_s), np.log(state.tpot_s / group.value)],
                np.log(state.ttft_s / group.value),
            )
        return ratios

    def situations(self) -> Situations:
        """Where each was measured."""
        coordinates, codes = np.zeros((len(self.rows), DIMENSIONS)), np.zeros((len(self.rows), len(CODES)), np.int64)
        for group in self._groups:
            replica = group.replicas.with_efficiencies(efficiency_table())
            state = state_under(replica, group.load)
            coordinates[group.index] = coordinates_of(group.load, state, replica.layout.gpus)
        for number, row in enumerate(self.rows):
            question = Question(ids_of(row), row.engine, row.engine_version, row.regime)
            codes[number] = codes_of(question, _QUANTITY[row.metric])
        return Situations(coordinates, codes)


def _group_of(rows: Sequence[Measurement], regime: Regime) -> _Group | None:
    index = [number for number, row in enumerate(rows) if row.regime == regime]
    if not index:
        return None
    some = [rows[number] for number in index]
    tokens = np.array([row.output_tokens if row.metric == "requests_per_s" else 1.0 for row in some], dtype=np.float64)
    return _Group(
        index=index,
        replicas=replica_table([ids_of(row) for row in some]),
        load=load_of(some, regime),
        quantity=np.array([_QUANTITY[row.metric] for row in some]),
        value=np.array([row.value for row in some]) * tokens,
    )


def ids_of(row: Measurement) -> ReplicaIds:
    """The replica of a measurement; what its source does not state is taken as usual: tensor parallel, 16 bit."""
    layout = Layout(
        row.tensor_parallel or row.gpus, row.pipeline_parallel or 1, row.data_parallel or 1, row.expert_parallel or 1
    )
    precision = row.precision or ("fp16" if arithmetic_of(gpu_of(row.gpu), "bf16") is None else "bf16")
    kv_precision = row.kv_precision or "bf16"
    return ReplicaIds(row.model, row.gpu, layout, precision, kv_precision, engine_class(row.engine, row.engine_version))


def load_of(rows: Sequence[Measurement], regime: Regime) -> Load:
    """The loads of measurements of one regime, as arrays."""

    def column(name: str, otherwise: float) -> Array:
        return np.array([otherwise if getattr(row, name) is None else getattr(row, name) for row in rows], float)

    return Load(
        regime=regime,
        input_tokens=column("input_tokens", 0.0),
        output_tokens=column("output_tokens", 1.0),
        concurrency=column("concurrency", np.inf),
        n_requests=column("n_requests", np.inf),
        arrival_requests_per_s=column("arrival_requests_per_s", np.inf) if regime == "open" else None,
    )


_CODES: dict[str, int] = {}


def _code(name: str) -> int:
    """A number for a name, the same throughout a process."""
    return _CODES.setdefault(name, len(_CODES))


@cache
def _is_served(engine: str) -> bool:
    try:
        engine_class(engine, None)
    except UnknownId:
        return False
    return True
