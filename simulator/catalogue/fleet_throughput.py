"""What one replica of a self-hosted option serves at full load: given, or estimated and held to what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from simulator.catalogue import hardware
from simulator.catalogue.asking import shortfall_of
from simulator.catalogue.benchmark_files import read_benchmark_file
from simulator.catalogue.efficiencies import DEFAULT_ENGINE, efficiencies
from simulator.catalogue.estimate_warnings import context_warnings
from simulator.catalogue.kept_estimates import kept_estimate
from simulator.catalogue.layouts import COUNTS_TRIED, divides, layouts_of
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.measured import is_usable
from simulator.catalogue.measurements import measurement
from simulator.catalogue.prefix_shares import cached_input_share
from simulator.domain.arithmetic import default_precision
from simulator.domain.measurements import Measurement
from simulator.domain.options import SelfHostedOption
from simulator.domain.scenario import Scenario
from simulator.domain.throughput import ThroughputEstimate
from simulator.domain.workload import RequestClass, holds_media

_GIVEN = {
    "output_tokens_per_s": "output tokens/s",
    "total_tokens_per_s": "tokens/s",
    "requests_per_s": "requests/s",
}
_MEASURED = ("your measurement", "measured nearby")
_BATCHES = 48  # sizes tried where a time to the first token must be kept
# Keys of an option, by the argument of `estimate_throughput` that a message begins with, and whether it is their value.
_KEYS = {"input_tokens + output_tokens": ("model", False), "tpot_limit_s": ("latency.tpot_s", True)}


def chosen_layouts(option: SelfHostedOption) -> tuple[tuple[int, SelfHostedOption], ...]:
    """Layouts that an option could spread a replica over: numbers of GPUs, and the option with that layout.

    Those worth trying for its model; where groups, stages or shared experts are given, tensor parallel beside them.
    """
    others = option.pipeline_parallel * option.data_parallel
    if others * option.expert_parallel > 1:
        heads = hardware.open_model(str(option.model)).attention_heads
        fitting = (count for count in COUNTS_TRIED if count % others == 0)
        return tuple((count, option) for count in fitting if divides(count // others, heads))
    return tuple(
        (
            int(layout.gpus),
            option.model_copy(
                update={"data_parallel": layout.data_parallel, "expert_parallel": layout.expert_parallel}
            ),
        )
        for layout in layouts_of(str(option.model))
    )


def served_requests_per_s(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> float | None:
    """Requests, as they are asked, that a replica serves per second at full load, for the scenario's mix.

    What the response cache answers takes no work; calls and retries take theirs.

    Parameters
    ----------
    scenario : Scenario
        Its mean request counts.
    option : SelfHostedOption
        The option.
    gpus : int
        GPUs of one replica.
    lookup : Lookup
        Notes the figures used; what is wrong becomes a fault.

    Returns
    -------
    float or None
        [requests/s]; None: a fault was noted.
    """
    if option.is_throughput_given:
        return _given(scenario, option, gpus, lookup)
    if scenario.served_calls.output_tokens <= 0 or any(holds_media(c) for c in scenario.workload.values()):
        text = "is estimated by output tokens, not to be had for requests without output, or with images or speech made"
        lookup.fault("throughput", f"{text}; give total_tokens_per_s or requests_per_s")
        return None
    estimate = replica_estimate(scenario, option, gpus, lookup)
    if estimate is None:
        return None
    _note(option, estimate, lookup)
    return float(estimate.requests_per_s) / scenario.served_calls.per_request


def _given(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> float | None:
    given, served, slots = option.throughput, scenario.served_calls, option.slots
    if not _fits(scenario, option, gpus, lookup):
        return None
    if slots is not None and slots.service_s is not None:
        said = f"{slots.per_replica:g} slots, {slots.service_s:g} s of service"
        lookup.notes.use(lookup.name, "throughput of a replica", said, "given in the scenario", None, False)
        return slots.per_replica / slots.service_s / max(served.per_request, 1e-12)
    if given is None:
        return None
    value = next(f"{getattr(given, key):g} {unit}" for key, unit in _GIVEN.items() if getattr(given, key) is not None)
    source = given.source or "given in the scenario"
    lookup.notes.use(lookup.name, "throughput of a replica", value, source, None, False)
    if given.requests_per_s is not None:
        # Requests that reach the fleet, each with all its calls.
        return given.requests_per_s / sum(c.share * c.served_calls / c.calls_per_request for c in _classes(scenario))
    if given.total_tokens_per_s is not None:
        return given.total_tokens_per_s / served.tokens_per_request
    if served.output_tokens <= 0 or given.output_tokens_per_s is None:
        text = "must not be given for requests without output; give total_tokens_per_s or requests_per_s"
        lookup.fault("throughput.output_tokens_per_s", text)
        return None
    return given.output_tokens_per_s / (served.per_request * served.output_tokens)


def _classes(scenario: Scenario) -> tuple[RequestClass, ...]:
    return tuple(scenario.workload.values())


def _fits(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> bool:
    """Whether a model with a given throughput fits its GPUs, as far as the catalogue can tell."""
    if option.model is None or option.gpu is None:
        return True
    longest = max(_classes(scenario), key=lambda request: request.longest_call_tokens)
    degrees = _degrees(option, gpus)
    try:
        shortfall = shortfall_of(
            option.model,
            option.gpu,
            input_tokens=longest.longest_call_tokens - longest.served_output_tokens,
            output_tokens=longest.served_output_tokens,
            precision=option.precision,
            kv_precision=option.kv_precision,
            **degrees,
        )
    except ValueError:
        return True  # what the catalogue can't tell is the user's to know, as the throughput is
    if shortfall is not None:
        lookup.fault(_gpus_key(option), _too_small(option, gpus, shortfall), infeasible=True)
    return shortfall is None


def replica_estimate(
    scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup, concurrency: Any = None
) -> ThroughputEstimate | None:
    """The estimate of a replica at its largest batch, or at given numbers of sequences; None: a fault was noted."""
    own = _own_measurements(option, gpus, lookup)
    if own is None or not _fits(scenario, option, gpus, lookup):
        return None
    degrees = _degrees(option, gpus)

    def ask(concurrency: Any = None) -> ThroughputEstimate:
        return kept_estimate(
            str(option.model),
            str(option.gpu),
            concurrency,
            input_tokens=scenario.served_calls.input_tokens,
            output_tokens=max(scenario.served_calls.output_tokens, 1.0),
            **degrees,
            precision=option.precision,
            kv_precision=option.kv_precision,
            engine=option.engine,
            engine_version=option.engine_version,
            regime="saturated",
            tpot_limit_s=option.latency.tpot_s,
            prefix_cached_share=_cached_share(scenario, option),
            speculative_factor=option.speculative_factor,
            measurements=own,
        )

    if concurrency is not None:
        return ask(concurrency)
    try:
        longest = max(request.longest_call_tokens for request in _classes(scenario))
        context_warnings(hardware.open_model(str(option.model)), longest)
        estimate = ask()
        limit = option.latency.ttft_s
        if limit is not None and estimate.ttft_s > limit:
            estimate = _within_first_token_limit(estimate, limit, ask)
    except ValueError as error:
        _fault(str(error), option, lookup)
        return None
    if estimate.requests_per_s > 0.0:
        return estimate
    _missed(estimate, option, gpus, lookup)
    return None


def _within_first_token_limit(
    estimate: ThroughputEstimate, ttft_limit_s: float, ask: Callable[[Any], ThroughputEstimate]
) -> ThroughputEstimate:
    """The same with the largest batch whose time to the first token is within the limit; 0 requests/s without one."""
    sizes = np.geomspace(1.0, max(estimate.concurrency, 1.0), _BATCHES)
    within = np.flatnonzero(ask(sizes).ttft_s <= ttft_limit_s)
    return ask(float(sizes[within[-1]])) if within.size else replace(estimate, requests_per_s=0.0)


def _missed(estimate: ThroughputEstimate, option: SelfHostedOption, gpus: int, lookup: Lookup) -> None:
    if not estimate.fits:
        lookup.fault(_gpus_key(option), _too_small(option, gpus, estimate.warnings[-1]), infeasible=True)
        return
    key, limit = ("tpot_s", option.latency.tpot_s) if estimate.concurrency < 1.0 else ("ttft_s", option.latency.ttft_s)
    text = f"is {limit:g}, but not even one request at a time is answered so soon on {gpus} x {option.gpu}"
    lookup.fault(f"latency.{key}", text, infeasible=True)


def _fault(text: str, option: SelfHostedOption, lookup: Lookup) -> None:
    """A message of `estimate_throughput`, which begins with its argument, at the key of that name."""
    argument, _, rest = text.partition(" is ")
    key, is_its_value = _KEYS.get(argument, (argument, True))
    if argument == "tensor_parallel" and option.tensor_parallel is None:
        key, is_its_value = _gpus_key(option), False
    lookup.fault(key, f"is {rest}" if is_its_value else text)


def _too_small(option: SelfHostedOption, gpus: int, shortfall: str) -> str:
    return shortfall if option.parallelism == "auto" else f"is {gpus}, but {shortfall}"


def _gpus_key(option: SelfHostedOption) -> str:
    return "parallelism" if option.parallelism == "auto" else "gpus_per_replica"


class _Degrees(TypedDict):
    tensor_parallel: int
    pipeline_parallel: int
    data_parallel: int
    expert_parallel: int


def _degrees(option: SelfHostedOption, gpus: int) -> _Degrees:
    """The layout of a replica on so many GPUs."""
    return {
        "tensor_parallel": gpus // (option.pipeline_parallel * option.data_parallel),
        "pipeline_parallel": option.pipeline_parallel,
        "data_parallel": option.data_parallel,
        "expert_parallel": option.expert_parallel,
    }


def _cached_share(scenario: Scenario, option: SelfHostedOption) -> float:
    """Share of the input that is not computed again: given, or what a prompt cache would hold of the workload's."""
    if option.prefix_cached_share is not None:
        return option.prefix_cached_share
    return cached_input_share(scenario)


def _own_measurements(option: SelfHostedOption, gpus: int, lookup: Lookup) -> tuple[Measurement, ...] | None:
    """Measurements that the option is to be held to; None: a fault was noted."""
    wanted = option.throughput
    if wanted is None:
        return ()
    if wanted.measured is not None:
        found = lookup.find("throughput.measured", wanted.measured, measurement)
        return None if found is None else _of_same_replica(found, option, gpus, lookup)
    degrees = _degrees(option, gpus)
    model, gpu = hardware.open_model(str(option.model)), hardware.gpu(str(option.gpu))
    try:
        return read_benchmark_file(
            Path(str(wanted.measurements)),
            model=model.id,
            gpu=gpu.id,
            gpus=gpus,
            precision=option.precision or default_precision(model, gpu),
            kv_precision=option.kv_precision,
            **degrees,
            engine=option.engine or DEFAULT_ENGINE,
            engine_version=option.engine_version,
        )
    except OSError as error:
        text = f"is '{wanted.measurements}', must be a file that can be read: {error.strerror}"
        lookup.fault("throughput.measurements", text)
    except ValueError as error:
        for line in str(error).splitlines():
            lookup.fault("throughput.measurements", line)
    return None


def _of_same_replica(
    found: Measurement, option: SelfHostedOption, gpus: int, lookup: Lookup
) -> tuple[Measurement, ...] | None:
    text = f"is '{found.id}', "
    if hardware.open_model(found.model).shape_id != hardware.open_model(str(option.model)).shape_id:
        text += f"measured on {found.model}, must be measured on {option.model} or a model of its shape"
    elif found.gpus != gpus or found.gpu != option.gpu:
        text += f"measured on {found.gpus} x {found.gpu}, must be measured on the replica's GPUs"
        text += f", {gpus} x {option.gpu}"
    elif not is_usable(found):
        text += f"whose lengths or engine ({found.engine}) no estimate can be held to"
    else:
        return (found,)
    lookup.fault("throughput.measured", text)
    return None


def _note(option: SelfHostedOption, estimate: ThroughputEstimate, lookup: Lookup) -> None:
    """What the figure stands on, for the report."""
    replica = f"{estimate.gpus} x {estimate.gpu}, {estimate.model} {estimate.precision}, {estimate.engine}"
    value = f"{estimate.output_tokens_per_s:,.0f} output tokens/s"
    value += f" (80 % band {estimate.band.low:,.0f} to {estimate.band.high:,.0f})"
    nearest = estimate.sources[0] if estimate.sources else None
    if nearest is not None and estimate.evidence in _MEASURED:
        source = f"{nearest.source} ({nearest.id})"
        as_of, unverified = nearest.as_of, nearest.unverified
    else:
        fitted = efficiencies()
        source = f"roofline fitted to {fitted.measurements:,} published measurements"
        as_of, unverified = fitted.fitted_on, True
    what = f"throughput of {replica}: {estimate.evidence}"
    lookup.notes.use(lookup.name, what, value, source, as_of, unverified)
    for warning in estimate.warnings:
        lookup.notes.warn(f"{lookup.name}: {warning}")
