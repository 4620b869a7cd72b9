"""How a fleet serves single requests: as given under `slots`, else from the estimate of its throughput."""

from __future__ import annotations

import numpy as np

from simulator.catalogue.fleet_throughput import replica_estimate
from simulator.catalogue.lookups import Lookup
from simulator.domain.options import SelfHostedOption
from simulator.domain.scenario import Scenario
from simulator.domain.serving_times import ServingTimes, service_scv_of
from simulator.domain.throughput import ThroughputEstimate

Times = tuple[float, ...]

_BATCHES = 25  # numbers of sequences at which the times of an estimate are asked for


def serving_times(
    scenario: Scenario, option: SelfHostedOption, gpus: int, requests_per_s: float, lookup: Lookup
) -> ServingTimes | None:
    """Places of a replica and times of a call.

    Parameters
    ----------
    scenario : Scenario
        Its calls, and the lengths of its answers.
    option : SelfHostedOption
        The option, whose throughput has been found.
    gpus : int
        GPUs of one replica.
    requests_per_s : float
        Requests, as they are asked, that a replica serves at full load. [requests/s]
    lookup : Lookup
        Of the option.

    Returns
    -------
    ServingTimes or None
        None where the throughput is given without slots: then nobody knows how many requests a replica serves at once.

    Notes
    -----
    The time in service at full load is slots over calls per second (Little's law). By load: a replica that runs b
    sequences serves X(b), so that at a load of X(b) / X(largest) b of them run, with the times of b.
    """
    slots, calls = option.slots, scenario.served_calls.per_request
    if calls <= 0.0 or (slots is None and option.is_throughput_given):
        return None
    estimated = None if option.is_throughput_given else replica_estimate(scenario, option, gpus, lookup)
    loads, first, between = _times_by_load(scenario, option, gpus, lookup, estimated)
    if slots is None:
        if estimated is None:
            return None
        places = float(estimated.concurrency)
    else:
        places = slots.per_replica
        if slots.prefill_s is not None:
            first = (slots.prefill_s,) * len(loads)
        if slots.time_per_token_s is not None:
            between = (slots.time_per_token_s,) * len(loads)
    scv = slots.service_scv if slots is not None else None
    if scv is None:
        scv = service_scv_of(scenario.workload)
    return ServingTimes(
        slots_per_replica=places,
        service_s=places / (requests_per_s * calls),
        calls_per_request=calls,
        service_scv=1.0 if scv is None else scv,
        scv_is_assumed=scv is None,
        loads=loads,
        first_token_s=first or (0.0,) * len(loads),
        time_per_token_s=between,
        knows_first_token=bool(first),
    )


def _times_by_load(
    scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup, largest: ThroughputEstimate | None
) -> tuple[Times, Times, Times]:
    """Loads, and times to the first token and per token there; without an estimate both are empty."""
    if largest is None:
        return (0.0, 1.0), (), ()
    sizes = np.geomspace(1.0, max(float(largest.concurrency), 1.0 + 1e-6), _BATCHES)
    found = replica_estimate(scenario, option, gpus, lookup, sizes)
    if found is None:
        return (0.0, 1.0), (), ()
    loads = np.maximum.accumulate(found.requests_per_s) / float(np.max(found.requests_per_s))
    return (
        (0.0, *map(float, loads)),
        (float(found.ttft_s[0]), *map(float, found.ttft_s)),
        (float(found.tpot_s[0]), *map(float, found.tpot_s)),
    )
