"""What a million tokens costs on rented GPUs: at every rental rate, and over every GPU and layout for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import gpu_ids, open_model_ids
from simulator.catalogue.layouts import layouts_of
from simulator.catalogue.rental_costs import RentalCost, rental_costs, usd_per_mtok
from simulator.catalogue.replicas import can_be_estimated
from simulator.domain.arithmetic import arithmetic_of, precisions_of
from simulator.domain.models_and_gpus import GPUS_PER_MACHINE, PRECISIONS, Precision
from simulator.domain.roofline import Layout
from simulator.domain.serving import Array
from simulator.domain.throughput import ThroughputEstimate

_BATCHES = 24  # sizes on the line of a layout, from one sequence to all that fit


@dataclass(frozen=True)
class CostCurve:
    """Cost over time per token of a layout, at its cheapest on-demand rate: from one sequence to all that fit.

    Arrays of shape (n,); costs are in USD per 10⁶ output tokens, `low` and `high` at the ends of the 80 % band.
    """

    concurrency: Array
    tpot_s: Array
    usd_per_mtok: Array
    usd_per_mtok_low: Array
    usd_per_mtok_high: Array
    on_front: Any  # (n,) of bool: no other point of the ranking is both cheaper and faster

    def only(self, index: Any) -> CostCurve:
        """The points of an index."""
        return CostCurve(**{name: values[index] for name, values in vars(self).items()})


@dataclass(frozen=True)
class RankedLayout:
    """A GPU in a layout and precision: what it serves at the latency limit, and what that costs.

    Attributes
    ----------
    estimate : ThroughputEstimate
        At the latency limit; without one at the largest batch.
    costs : tuple of RentalCost
        At every rental rate, cheapest first.
    cheapest : RentalCost or None
        At the cheapest on-demand rate; None where nobody rents out such a machine on demand.
    curve : CostCurve or None
        At the same rate; None without one.
    """

    gpu: str
    layout: Layout
    precision: Precision
    estimate: ThroughputEstimate
    costs: tuple[RentalCost, ...]
    cheapest: RentalCost | None
    curve: CostCurve | None

    @property
    def is_on_front(self) -> bool:
        """Whether it is the best choice for some limit on the time per token."""
        return self.curve is not None and bool(np.any(self.curve.on_front))


@dataclass(frozen=True)
class Ranking:
    """Layouts by USD per million tokens, those without a rate last; and why GPUs are not among them."""

    model: str
    input_tokens: float
    output_tokens: float
    tpot_limit_s: float | None
    on: date
    layouts: tuple[RankedLayout, ...]
    left_out: dict[str, str]  # GPU -> reason


def ranked_layouts(
    model: str,
    *,
    input_tokens: float,
    output_tokens: float,
    precision: Precision | None = None,
    all_precisions: bool = False,
    tpot_limit_s: float | None = None,
    on: date,
    gpus: Sequence[str] | None = None,
    **settings: Any,
) -> Ranking:
    """Every GPU and layout that can serve a model, by what a million tokens costs at the cheapest on-demand rate.

    Parameters
    ----------
    model : str
        Id of the open model.
    input_tokens, output_tokens : float
        Mean lengths of a request. [tokens]
    precision : Precision, optional
        Of the weights; left out: each GPU's default.
    all_precisions : bool
        Every precision that a GPU has, instead.
    tpot_limit_s : float, optional
        Longest mean time per output token: the layouts are compared at the largest batch that keeps it. [s]
    on : date
        The day whose prices hold.
    gpus : sequence of str, optional
        Ids; left out: all GPUs of the catalogue.
    **settings
        Further arguments of `estimate_throughput`: `kv_precision`, `engine`, `engine_version`, `prefix_cached_share`,
        `speculative_factor`.

    Returns
    -------
    Ranking
        Cheapest first; then those that nobody rents out on demand, by GPU-seconds per token. Points that no other one
        of the ranking beats in both cost and time per token are marked as the front.

    Raises
    ------
    ValueError
        If an id is unknown, the lengths are beyond the context, or no GPU can serve the model.
    """
    _known("model", model, open_model_ids())
    if precision is not None:
        _known("precision", precision, PRECISIONS)
    for one in gpus or ():
        _known("gpu", one, gpu_ids())
    question = {"input_tokens": input_tokens, "output_tokens": output_tokens, **settings}
    layouts: list[RankedLayout] = []
    left_out: dict[str, str] = {}
    for one in gpus or gpu_ids():
        try:
            ranked = _of_gpu(model, one, _asked_precisions(one, precision, all_precisions), tpot_limit_s, on, question)
        except _LeftOut as reason:
            left_out[one] = str(reason)
        else:
            layouts += ranked
    if not layouts:
        raise ValueError(f"{model}: {'; '.join(f'{one}: {reason}' for one, reason in left_out.items())}")
    return Ranking(
        model=model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        tpot_limit_s=tpot_limit_s,
        on=on,
        layouts=tuple(sorted(_with_front(layouts), key=_rank)),
        left_out=left_out,
    )


class _LeftOut(Exception):  # noqa: N818 - no error: the reason why a GPU is not in a ranking
    """A GPU that can't be compared."""


def _asked_precisions(gpu: str, precision: Precision | None, every: bool) -> tuple[Precision | None, ...]:
    """The precisions to try on a GPU; None stands for its default."""
    found = gpu_of(gpu)
    if not can_be_estimated(found):
        raise _LeftOut("peaks are not in the catalogue")
    if every:
        return precisions_of(found)
    if precision is not None and arithmetic_of(found, precision) is None:
        raise _LeftOut(f"lacks {precision}")
    return (precision,)


def _of_gpu(
    model: str,
    gpu: str,
    precisions: Sequence[Precision | None],
    tpot_limit_s: float | None,
    on: date,
    question: dict[str, Any],
) -> list[RankedLayout]:
    """The layouts of a GPU that fit and keep the limit."""
    ranked = []
    fits = False
    for precision in precisions:
        for layout in layouts_of(model):
            asked = {**question, **vars(layout), "precision": precision}
            estimate = estimate_throughput(model, gpu, tpot_limit_s=tpot_limit_s, **asked)
            fits |= bool(estimate.fits)
            if estimate.output_tokens_per_s > 0.0:
                ranked.append(_ranked(layout, estimate, asked, on))
    if not ranked:
        raise _LeftOut(
            "too slow, even one sequence at a time" if fits else f"too small, even {GPUS_PER_MACHINE} of them"
        )
    return ranked


def _ranked(layout: Layout, estimate: ThroughputEstimate, asked: dict[str, Any], on: date) -> RankedLayout:
    costs = rental_costs(estimate, on=on)
    cheapest = next((cost for cost in costs if cost.contract == "on_demand"), None)
    curve = None if cheapest is None else _curve(estimate, cheapest, asked)
    precision: Any = estimate.precision
    return RankedLayout(estimate.gpu, layout, precision, estimate, costs, cheapest, curve)


def _curve(estimate: ThroughputEstimate, cheapest: RentalCost, asked: dict[str, Any]) -> CostCurve:
    """Cost over time per token. Regime `saturated`, so that the estimate under a limit lies on the line."""
    sizes = _batch_sizes(float(estimate.max_concurrency))
    found = estimate_throughput(estimate.model, estimate.gpu, regime="saturated", concurrency=sizes, **asked)
    usd_per_hour = cheapest.usd_per_replica_hour
    return CostCurve(
        concurrency=sizes,
        tpot_s=found.tpot_s,
        usd_per_mtok=usd_per_mtok(usd_per_hour, found.output_tokens_per_s),
        usd_per_mtok_low=usd_per_mtok(usd_per_hour, found.band.high),
        usd_per_mtok_high=usd_per_mtok(usd_per_hour, found.band.low),
        on_front=np.zeros(sizes.size, dtype=bool),
    )


def _batch_sizes(most: float) -> Array:
    sizes: Array = np.unique(np.round(np.geomspace(1.0, max(most, 1.0), _BATCHES)))
    return sizes


def is_on_front(tpot_s: Array, usd_per_mtok: Array) -> Any:
    """Which of n points no other point beats: none is cheaper and as fast, or faster and as cheap.

    Parameters
    ----------
    tpot_s, usd_per_mtok : array of shape (n,)
        Time per token [s] and cost [USD per 10⁶ tokens].

    Returns
    -------
    array of bool, shape (n,)
        Of equal points the first.
    """
    order = np.lexsort((usd_per_mtok, tpot_s))
    costs = usd_per_mtok[order]
    cheapest_before = np.concatenate(([np.inf], np.minimum.accumulate(costs)[:-1]))
    front = np.zeros(costs.size, dtype=bool)
    front[order] = costs < cheapest_before
    return front


def _with_front(layouts: Sequence[RankedLayout]) -> list[RankedLayout]:
    """The layouts with the points of their curves marked that are on the front of all."""
    curves = [ranked.curve for ranked in layouts if ranked.curve is not None]
    if not curves:
        return list(layouts)
    front = is_on_front(
        np.concatenate([curve.tpot_s for curve in curves]), np.concatenate([curve.usd_per_mtok for curve in curves])
    )
    parts = iter(np.split(front, np.cumsum([curve.tpot_s.size for curve in curves])[:-1]))
    return [
        ranked if ranked.curve is None else replace(ranked, curve=replace(ranked.curve, on_front=next(parts)))
        for ranked in layouts
    ]


def _rank(ranked: RankedLayout) -> tuple[Any, ...]:
    """Cheapest first; without a rate last, by GPU-seconds per token."""
    usd = np.inf if ranked.cheapest is None else ranked.cheapest.usd_per_mtok_output
    gpu_seconds_per_token = ranked.estimate.gpus / ranked.estimate.output_tokens_per_s
    return (usd, gpu_seconds_per_token, ranked.estimate.gpus, ranked.gpu, ranked.precision)


def _known(argument: str, identifier: str, allowed: Sequence[str]) -> None:
    if identifier not in allowed:
        raise ValueError(f"{argument} {UnknownId(identifier, allowed)}")
