"""What a replica is rented on: a whole machine of the catalogue's, or GPUs at a given rent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.catalogue import hardware
from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.owned_planning import owned_figures
from simulator.catalogue.rentals import fitting_offer, providers
from simulator.domain.models_and_gpus import RentalOffer
from simulator.domain.options import Rental, Replicas, SelfHostedOption
from simulator.domain.owning import OwnedFigures, OwnedHardware
from simulator.domain.scenario import Scenario
from simulator.domain.units import SECONDS_PER_HOUR


@dataclass(frozen=True)
class Machine:
    """What a replica is rented on."""

    usd_per_replica_hour: float
    replicas_per_instance: int
    gpus_paid_per_replica: float
    label: str
    owned: OwnedFigures | None = None
    region: str | None = None  # where a provider rents it out


def machine_of(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> Machine | None:
    """What a replica of so many GPUs is rented on; None: a fault was noted."""
    rental = option.rental
    if option.owned is not None:
        return _owned(scenario, option, option.owned, gpus, lookup)
    assert rental is not None
    if rental.provider is None:
        per_instance = rental.gpus_per_instance or gpus
        if per_instance < gpus:
            text = f"is {per_instance}, must be at least the {gpus} GPUs of a replica"
            lookup.fault("rental.gpus_per_instance", text, infeasible=True)
            return None
        usd = rental.usd_per_instance_hour
        usd = (rental.usd_per_gpu_hour or 0.0) * per_instance if usd is None else usd
        count = per_instance // gpus
        return Machine(usd / count, count, per_instance / count, option.gpu or "own GPUs")
    offer = _offer(scenario, option, rental, gpus, lookup)
    if offer is None:
        return None
    usd = offer.usd_per_hour
    if rental.usd_per_gpu_hour is not None:
        usd = rental.usd_per_gpu_hour * offer.gpus_per_instance
    elif rental.usd_per_instance_hour is not None:
        usd = rental.usd_per_instance_hour
    else:
        what = f"rent of {offer.sku} ({offer.gpus_per_instance} x {offer.gpu}), {offer.contract}, {offer.region}"
        lookup.notes.use(
            lookup.name, what, f"{offer.usd_per_hour:g} USD/h", offer.source, offer.as_of, offer.unverified
        )
        if offer.note:
            lookup.notes.warn(f"{lookup.name}: {offer.sku}: {offer.note}")
    count = offer.replicas_per_instance(gpus)
    label = f"{rental.provider} {offer.sku}"
    return Machine(usd / count, count, offer.gpus_per_instance / count, label, region=offer.region)


def _owned(
    scenario: Scenario, option: SelfHostedOption, owned: OwnedHardware, gpus: int, lookup: Lookup
) -> Machine | None:
    """Replicas on hardware that is bought, which cost nothing by the hour."""
    known = option.gpu is not None and option.gpu in hardware.gpu_ids()
    gpu = hardware.gpu(str(option.gpu)) if known else None
    figures = owned_figures(owned, gpu, gpus, lookup, start=scenario.horizon.start)
    if figures is None:
        return None
    if figures.delivered_at_hour > 0:
        text = f"is {owned.delivery}, must be at most the horizon's start, {scenario.horizon.start}"
        lookup.fault("owned.delivery", text)
        return None
    ends_at_hour = figures.delivered_at_hour + figures.life_hours
    if figures.end_of_life == "end" and ends_at_hour < scenario.horizon.duration_s / SECONDS_PER_HOUR - 1e-6:
        text = "is 'end', but the life ends within the horizon: must be 'replace', or the horizon shorter"
        lookup.fault("owned.end_of_life", text)
        return None
    replicas = figures.replicas(gpus)
    paid = figures.nodes * figures.gpus_per_node / replicas
    return Machine(0.0, 1, paid, f"{figures.nodes} own nodes of {figures.gpus_per_node} GPUs", figures)


def _offer(
    scenario: Scenario, option: SelfHostedOption, rental: Rental, gpus: int, lookup: Lookup
) -> RentalOffer | None:
    if rental.provider not in providers():
        lookup.fault("rental.provider", str(UnknownId(str(rental.provider), providers())))
        return None
    if option.gpu is None or option.gpu not in hardware.gpu_ids():
        return None
    try:
        return fitting_offer(
            option.gpu,
            gpus,
            str(rental.provider),
            rental.contract,
            rental.region,
            rental.sku,
            on=scenario.horizon.start,
        )
    except NoOffer as error:
        lookup.fault("rental", str(error), infeasible=True)
        return None
    except UnknownId as error:
        lookup.fault("rental.region", str(error))
        return None


def whole_machines(option: SelfHostedOption, per_instance: int, lookup: Lookup) -> Replicas:
    """Limits of a fleet whose machines hold several replicas: machines are paid, and run, whole."""
    limits = option.replicas
    increment = int(np.lcm(limits.increment, per_instance))
    maximum = limits.maximum
    if maximum is not None and maximum % increment:
        maximum -= maximum % increment
        least = increment * -(-max(limits.minimum, 1) // increment)
        if maximum < least:
            text = f"is {limits.maximum}, must be at least {least}: a machine holds {per_instance} replicas"
            lookup.fault("replicas.maximum", text, infeasible=True)
            return limits
        lookup.notes.warn(
            f"{lookup.name}: at most {maximum} replicas instead of {limits.maximum}: machines of {per_instance} "
            "are paid whole"
        )
    return limits.model_copy(update={"increment": increment, "maximum": maximum})
