"""What a replica and a million tokens cost at every rental rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from simulator.catalogue.rentals import offers_in_force, providers, rental_offers
from simulator.domain.models_and_gpus import CONTRACTS, GPUS_PER_MACHINE, Contract, RentalOffer
from simulator.domain.serving import Numbers, unit_cost_usd_per_mtok
from simulator.domain.throughput import ThroughputEstimate


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
        usd_per_mtok_output=usd_per_mtok(usd_per_hour, estimate.output_tokens_per_s),
        usd_per_mtok_total=usd_per_mtok(usd_per_hour, estimate.total_tokens_per_s),
        source=offer.source,
        as_of=offer.as_of,
        unverified=offer.unverified,
        note=offer.note,
    )


def usd_per_mtok(usd_per_hour: float, tokens_per_s: Numbers) -> Any:
    """Cost of a million tokens at full use; infinite where nothing is served. [USD per 10⁶ tokens]"""
    rate = np.asarray(tokens_per_s, dtype=np.float64)
    cost = np.where(rate > 0.0, unit_cost_usd_per_mtok(usd_per_hour, np.where(rate > 0.0, rate, 1.0), 1.0), np.inf)
    return cost if cost.ndim else float(cost)
