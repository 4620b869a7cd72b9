"""Arguments of a question about throughput, checked one by one: what was given, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import is_usable
from simulator.domain.measurements import REGIMES, Measurement, Regime
from simulator.domain.plausibility import implausible
from simulator.domain.serving import Numbers
from simulator.domain.serving_state import Load

MOST_PARALLEL = 1_024  # GPUs of one kind of parallelism
MOST_OF_A_NUMBER = 1e24  # as in scenarios: no product of a few of them overflows
PARALLELISM = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel")


def texts(**given: Any) -> tuple[Any, ...]:
    """Arguments that name something, checked to be text, or left out, before they are looked up."""
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is {value!r}, must be text")
    return tuple(given.values())


def degrees(*given: int) -> tuple[int, int, int, int]:
    """Tensor, pipeline, expert and data parallelism, checked to be whole numbers (which true is not)."""
    for name, value in zip(PARALLELISM, given, strict=True):
        is_number = isinstance(value, Integral | float) and not isinstance(value, bool)
        if not is_number or not 1 <= value <= MOST_PARALLEL or value % 1 != 0:
            raise ValueError(f"{name} is {value!r}, must be a whole number of at least 1 and at most {MOST_PARALLEL:,}")
    tensor, pipeline, expert, data = map(int, given)
    return tensor, pipeline, expert, data


def regime_of(regime: Regime | None, concurrency: object, arrivals: object) -> Regime:
    """The regime asked for, or what follows from what is given."""
    if regime is None:
        return "open" if arrivals is not None else "closed" if concurrency is not None else "saturated"
    if regime not in REGIMES:
        raise ValueError(f"regime {UnknownId(regime, REGIMES)}")
    if regime == "open" and arrivals is None:
        raise ValueError("arrival_requests_per_s is missing; regime open needs it")
    if regime == "static" and concurrency is None:
        raise ValueError("concurrency is missing; regime static needs it, the batch")
    return regime


def numbers(name: str, value: Numbers, least: float, most: float = np.inf) -> Any:
    """A float, or an array of shape (n,), of finite numbers within bounds."""
    if type(value) in (int, float) and least <= value <= min(most, MOST_OF_A_NUMBER):
        return float(value)  # the usual case, quickly
    try:
        given = np.asarray(value, dtype=np.float64 if type(value) is int else None)
    except OverflowError:
        raise ValueError(f"{name} is too large a number, must be finite") from None
    except ValueError:  # lists within lists
        raise ValueError(f"{name} is {value!r}, must be a number or an array of shape (n,)") from None
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{name} is {value!r}, must be a number")
    if given.ndim > 1 or not given.size:
        raise ValueError(f"{name} has shape {given.shape}, must be a number or an array of shape (n,)")
    given = given.astype(np.float64)
    wrong = given[~(np.isfinite(given) & (given >= least) & (given <= most))]
    if wrong.size:
        allowed = f"at least {least:g}" if most == np.inf else f"between {least:g} and {most:g}"
        raise ValueError(f"{name} is {wrong[0]:g}, must be finite and {allowed}")
    return given if given.ndim else float(given)


def optional_numbers(name: str, value: Numbers | None, least: float) -> Any:
    """The same, or None."""
    return None if value is None else numbers(name, value, least)


def check_sizes(load: Load) -> None:
    """Refuse arrays of different lengths."""
    sizes = {name: len(value) for name, value in vars(load).items() if isinstance(value, np.ndarray)}
    if len(set(sizes.values()) - {1}) > 1:
        text = ", ".join(f"{name} has {size} entries" for name, size in sizes.items() if size > 1)
        raise ValueError(f"{text}; all arrays must have as many")


def own_measurements(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """A user's own measurements, checked to be such as the roofline can be held against."""
    if not isinstance(measurements, Iterable) or isinstance(measurements, str):
        raise ValueError(f"measurements is {measurements!r}, must be a sequence of measurements")
    own = tuple(measurements)
    for row in own:
        if not isinstance(row, Measurement):
            raise ValueError(f"measurements holds {row!r}, must hold measurements, e.g. of read_benchmark_file")
        try:
            usable = is_usable(row)
        except UnknownId as error:
            raise ValueError(f"measurements holds '{row.id}', whose model or gpu {error}") from None
        if not usable:
            what = f"{row.metric} of {row.model} on {row.gpu} by {row.engine}"
            raise ValueError(f"measurements holds '{row.id}', {what}: no estimate can be held to that")
        beyond = implausible(row, gpu_of(row.gpu), open_model(row.model))
        if beyond is not None:
            raise ValueError(f"measurements holds '{row.id}': {beyond}")
    return own
