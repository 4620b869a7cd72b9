"""What a million tokens costs on rented GPUs: at every rental rate, and over every GPU and layout for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.benchmark_files import read_benchmark_file
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import gpu_ids, open_model, open_model_ids
from simulator.catalogue.rentals import offers_in_force, providers, rental_offers
from simulator.catalogue.replicas import can_be_estimated
from simulator.domain.arithmetic import arithmetic_of, precisions_of
from simulator.domain.models_and_gpus import CONTRACTS, PRECISIONS, Contract, Precision, RentalOffer
from simulator.domain.roofline import Layout
from simulator.domain.serving import Array, Numbers, unit_cost_usd_per_mtok
from simulator.domain.throughput import ThroughputEstimate

GPUS_PER_MACHINE = 8  # most GPUs in one machine, and of the layouts that are tried
_DEGREES = (1, 2, 4, 8)
_LAYOUT = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel")
_BATCHES = 24  # sizes on the line of a layout, from one sequence to all that fit


@dataclass(frozen=True)
class RentalCost:
    """What a replica and its tokens cost at one rental rate. Token costs are arrays where the estimate's figures are.

    Attributes
    ----------
    instances : int
        Machines that one replica takes: 1, unless it has more GPUs than a machine.
    replicas_per_instance : int
        Replicas that share one machine, which is paid whole; GPUs left over are paid by them.
    usd_per_gpu_hour : float
        Rent of the machine over its GPUs. [USD/h]
    usd_per_replica_hour : float
        Rent of the machine over its replicas. [USD/h]
    usd_per_mtok_output, usd_per_mtok_total : float or array of shape (n,)
        At full use of the estimate's throughput, per output token, and per token of input and output. [USD per 10⁶]
    """

    provider: str
    sku: str
    contract: Contract
    region: str
    gpus_per_instance: int
    instances: int
    replicas_per_instance: int
    usd_per_gpu_hour: float
    usd_per_replica_hour: float
    usd_per_mtok_output: Any
    usd_per_mtok_total: Any
    source: str
    as_of: date | None
    unverified: bool
    note: str | None


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


class LayoutChoice(NamedTuple):
    """The layout that uses the fewest GPU-seconds per token, with its estimate; or the reason why there is none."""

    layout: Layout | None
    estimate: ThroughputEstimate | None
    reason: str | None


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
    asked["regime"] = asked.get("regime") or (
        "open" if "arrival_requests_per_s" in asked else "closed" if "concurrency" in asked else "saturated"
    )
    estimate = estimate_throughput(model, gpu, **asked)
    if measurements:
        replica = {key: asked[key] for key in (*_LAYOUT, "kv_precision", "engine", "engine_version") if key in asked}
        of_replica = {**replica, "model": model, "gpu": gpu, "gpus": estimate.gpus, "precision": estimate.precision}
        asked["measurements"] = [row for path in measurements for row in read_benchmark_file(path, **of_replica)]
        estimate = estimate_throughput(model, gpu, **asked)
    if not estimate.fits:
        raise ValueError(estimate.warnings[-1])
    if estimate.output_tokens_per_s <= 0.0:
        raise ValueError(_too_slow(estimate, "a time per token", asked.get("tpot_limit_s"), estimate.tpot_s))
    return estimate, asked


def _layout_of(gpus: int | None, question: dict[str, Any]) -> dict[str, int]:
    """The degrees of parallelism, the tensor-parallel one from the number of GPUs where it is not given."""
    layout = {name: int(question.get(name, 1)) for name in _LAYOUT}
    others = layout["pipeline_parallel"] * layout["data_parallel"]
    if gpus is not None and "tensor_parallel" not in question and gpus % others == 0:
        layout["tensor_parallel"] = gpus // others
    product = layout["tensor_parallel"] * others
    if gpus is not None and gpus != product:
        raise ValueError(f"gpus is {gpus}, must be tensor x pipeline x data parallel, {product}")
    return layout


def rental_costs(estimate: ThroughputEstimate, *, on: date) -> tuple[RentalCost, ...]:
    """What a replica costs at every rental rate in force on a day, cheapest first.

    Parameters
    ----------
    estimate : ThroughputEstimate
        Of one replica.
    on : date
        The day whose prices hold.

    Returns
    -------
    tuple of RentalCost
        Of every provider, machine, contract and region that rents out the GPU in machines that hold the replica, or in
        machines of eight GPUs where the replica has more. Empty where nobody does. Costs are infinite where the
        replica serves nothing.

    Notes
    -----
    Rent of the whole machine, over the replicas it holds, over tokens per hour.
    """
    costs = [
        _rental_cost(estimate, provider, offer)
        for provider in providers()
        for offer in offers_in_force((one for one in rental_offers(provider) if one.gpu == estimate.gpu), on)
        if offer.gpus_per_instance >= min(estimate.gpus, GPUS_PER_MACHINE)
    ]
    return tuple(sorted(costs, key=_dearness))


def _dearness(cost: RentalCost) -> tuple[Any, ...]:
    return (cost.usd_per_replica_hour, CONTRACTS.index(cost.contract), cost.unverified, cost.provider, cost.sku)


def _rental_cost(estimate: ThroughputEstimate, provider: str, offer: RentalOffer) -> RentalCost:
    instances = -(-estimate.gpus // offer.gpus_per_instance)
    replicas = offer.replicas_per_instance(estimate.gpus) or 1
    usd_per_hour = offer.usd_per_hour * instances / replicas
    return RentalCost(
        provider=provider,
        sku=offer.sku,
        contract=offer.contract,
        region=offer.region,
        gpus_per_instance=offer.gpus_per_instance,
        instances=instances,
        replicas_per_instance=replicas,
        usd_per_gpu_hour=offer.usd_per_gpu_hour,
        usd_per_replica_hour=usd_per_hour,
        usd_per_mtok_output=_usd_per_mtok(usd_per_hour, estimate.output_tokens_per_s),
        usd_per_mtok_total=_usd_per_mtok(usd_per_hour, estimate.total_tokens_per_s),
        source=offer.source,
        as_of=offer.as_of,
        unverified=offer.unverified,
        note=offer.note,
    )


def _usd_per_mtok(usd_per_hour: float, tokens_per_s: Numbers) -> Any:
    rate = np.asarray(tokens_per_s, dtype=np.float64)
    cost = np.where(rate > 0.0, unit_cost_usd_per_mtok(usd_per_hour, np.where(rate > 0.0, rate, 1.0), 1.0), np.inf)
    return cost if cost.ndim else float(cost)


def layouts_of(model: str) -> tuple[Layout, ...]:
    """The layouts worth trying for a model, on 1, 2, 4 and 8 GPUs, fewest GPUs first.

    Tensor parallel where the number of GPUs divides the attention heads; for mixtures of experts also one
    data-parallel group a GPU with the experts shared by all of them, where the GPUs divide the experts.
    """
    found = open_model(model)
    layouts = [Layout(tensor_parallel=degree) for degree in _DEGREES if _divides(degree, found.attention_heads)]
    if found.experts is not None:
        shared = [degree for degree in _DEGREES if degree > 1 and _divides(degree, found.experts)]
        layouts += [Layout(data_parallel=degree, expert_parallel=degree) for degree in shared]
    return tuple(sorted(layouts, key=lambda layout: layout.gpus))


def _divides(degree: int, figure: Any) -> bool:
    return degree == 1 or (figure is not None and figure.value % degree == 0)


def cheapest_layout(
    model: str,
    gpu: str,
    precision: Precision | None = None,
    *,
    input_tokens: float,
    output_tokens: float,
    tpot_limit_s: float | None = None,
    ttft_limit_s: float | None = None,
    most_gpus: int = GPUS_PER_MACHINE,
    **settings: Any,
) -> LayoutChoice:
    """The layout of a GPU that serves a token with the fewest GPU-seconds, within memory and limits.

    Parameters
    ----------
    model, gpu : str
        Ids of the catalogue.
    precision : Precision, optional
        Of the weights; left out: that of the published weights, if the GPU has it, else 16 bit.
    input_tokens, output_tokens : float
        Mean lengths of a request. [tokens]
    tpot_limit_s : float, optional
        Longest mean time per output token: each layout runs the largest batch that keeps it. [s]
    ttft_limit_s : float, optional
        Longest mean time to the first token, without waiting: the batch is kept so small that it holds. [s]
    most_gpus : int
        GPUs of a replica at most; 8 is the most that is tried.
    **settings
        Further arguments of `estimate_throughput`: `kv_precision`, `engine`, `engine_version`, `prefix_cached_share`,
        `speculative_factor`, `measurements`.

    Returns
    -------
    LayoutChoice
        `layout` with its `estimate` under the limits; or both None and a `reason` in words. Of equally good layouts
        the one of fewer GPUs.

    Raises
    ------
    ValueError
        If no layout could be asked for: an id is unknown, the GPU lacks the precision, the lengths are beyond the
        context.

    Notes
    -----
    Only the price of GPUs that are all used counts: a machine of eight that holds one replica of two is paid whole,
    which `rental_costs` knows and this does not.

    Examples
    --------
    >>> choice = cheapest_layout("llama-3.1-8b", "h100-sxm", input_tokens=512, output_tokens=256)
    >>> choice.layout.gpus, choice.reason
    (1, None)
    """
    _known("model", model, open_model_ids())
    question = {
        "precision": precision,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "tpot_limit_s": tpot_limit_s,
        **settings,
    }
    best: LayoutChoice | None = None
    missed: list[ThroughputEstimate] = []
    for layout in layouts_of(model):
        if layout.gpus > most_gpus:
            continue
        estimate = estimate_throughput(model, gpu, **vars(layout), **question)
        if estimate.fits and ttft_limit_s is not None and estimate.ttft_s > ttft_limit_s:
            estimate = _within_first_token_limit(estimate, ttft_limit_s, layout, question)
        if estimate.output_tokens_per_s <= 0.0 or (ttft_limit_s is not None and estimate.ttft_s > ttft_limit_s):
            missed.append(estimate)
        elif best is None or _gpu_seconds(estimate) < _gpu_seconds(best.estimate):
            best = LayoutChoice(layout, estimate, None)
    return best or LayoutChoice(None, None, _why_none(missed, tpot_limit_s, ttft_limit_s))


def _gpu_seconds(estimate: ThroughputEstimate | None) -> float:
    """GPU-seconds of an output token."""
    return np.inf if estimate is None else float(estimate.gpus / estimate.output_tokens_per_s)


def _within_first_token_limit(
    estimate: ThroughputEstimate, ttft_limit_s: float, layout: Layout, question: dict[str, Any]
) -> ThroughputEstimate:
    """The same with the largest batch whose time to the first token is within the limit, else with one sequence."""
    sizes = _batch_sizes(max(float(estimate.concurrency), 1.0))
    settings = {"regime": "saturated", **question, **vars(layout)}
    tried = estimate_throughput(estimate.model, estimate.gpu, concurrency=sizes, **settings)
    within = np.flatnonzero(tried.ttft_s <= ttft_limit_s)
    size = float(sizes[within[-1]]) if within.size else 1.0
    return estimate_throughput(estimate.model, estimate.gpu, concurrency=size, **settings)


def _why_none(missed: Sequence[ThroughputEstimate], tpot_limit_s: float | None, ttft_limit_s: float | None) -> str:
    if not missed:
        return "no layout has so few GPUs"
    fitting = [estimate for estimate in missed if estimate.fits]
    if not fitting:
        return missed[-1].warnings[-1]
    too_slow = [estimate for estimate in fitting if estimate.output_tokens_per_s <= 0.0]
    if len(too_slow) == len(fitting):
        quickest = min(too_slow, key=lambda estimate: float(estimate.tpot_s))
        return _too_slow(quickest, "a time per token", tpot_limit_s, quickest.tpot_s)
    others = [estimate for estimate in fitting if estimate.output_tokens_per_s > 0.0]
    quickest = min(others, key=lambda estimate: float(estimate.ttft_s))
    return _too_slow(quickest, "a time to the first token", ttft_limit_s, quickest.ttft_s)


def _too_slow(quickest: ThroughputEstimate, what: str, limit_s: float | None, least_s: float) -> str:
    return (
        f"{quickest.model} in {quickest.precision} on {quickest.gpu} does not keep {what} of {limit_s:g} s even with "
        f"one sequence at a time; {quickest.gpus} of them take {least_s:.3g} s"
    )


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
        usd_per_mtok=_usd_per_mtok(usd_per_hour, found.output_tokens_per_s),
        usd_per_mtok_low=_usd_per_mtok(usd_per_hour, found.band.high),
        usd_per_mtok_high=_usd_per_mtok(usd_per_hour, found.band.low),
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
        ranked
        if ranked.curve is None
        else RankedLayout(**{**vars(ranked), "curve": CostCurve(**{**vars(ranked.curve), "on_front": next(parts)})})
        for ranked in layouts
    ]


def _rank(ranked: RankedLayout) -> tuple[Any, ...]:
    """Cheapest first; without a rate last, by GPU-seconds per token."""
    usd = np.inf if ranked.cheapest is None else ranked.cheapest.usd_per_mtok_output
    return (usd, _gpu_seconds(ranked.estimate), ranked.estimate.gpus, ranked.gpu, ranked.precision)


def _known(argument: str, identifier: str, allowed: Sequence[str]) -> None:
    if identifier not in allowed:
        raise ValueError(f"{argument} {UnknownId(identifier, allowed)}")
