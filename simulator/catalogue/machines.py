"""What a replica is rented on: a whole machine of the catalogue's, or GPUs at a given rent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from simulator.catalogue import hardware
from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.owned_planning import owned_figures
from simulator.catalogue.rentals import fitting_offer, providers
from simulator.domain.models_and_gpus import RentalOffer
from simulator.domain.options import DedicatedEndpoint, Rental, Replicas, SelfHostedOption
from simulator.domain.owning import OwnedFigures, OwnedHardware
from simulator.domain.purchase import SiteTerms
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
    gpus_per_instance: float = 1.0
    provider: str | None = None
    offer: RentalOffer | None = None  # of that provider, whose price holds; None: the rent is given
    region: str | None = None  # where a provider rents it out
    sites: tuple[SiteTerms, ...] = ()  # where there are several, in the order in which they are filled
    at_sites: Mapping[str, Machine] = field(default_factory=dict)  # the machine of each

    def replicas_in(self, gpus: int) -> int:
        """Replicas on the whole machines that a quota of GPUs holds."""
        return int(gpus / self.gpus_per_instance + 1e-9) * self.replicas_per_instance


def machine_of(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> Machine | None:
    """What a replica of so many GPUs is rented on; None: a fault was noted."""
    rental = option.rental
    if option.owned is not None:
        return _owned(scenario, option, option.owned, gpus, lookup)
    if option.sites is not None:
        return _at_sites(scenario, option, option.sites, gpus, lookup)
    assert rental is not None
    rental = rental.on(scenario.horizon.start)
    if rental.provider is None:
        per_instance = rental.gpus_per_instance or gpus
        if per_instance < gpus:
            text = f"is {per_instance}, must be at least the {gpus} GPUs of a replica"
            lookup.fault("rental.gpus_per_instance", text, infeasible=True)
            return None
        usd = rental.usd_per_instance_hour
        usd = (rental.usd_per_gpu_hour or 0.0) * per_instance if usd is None else usd
        count = per_instance // gpus
        unnamed = "dedicated replicas" if isinstance(option, DedicatedEndpoint) else "own GPUs"
        label = option.gpu or unnamed
        return Machine(usd / count, count, per_instance / count, label, gpus_per_instance=per_instance)
    offer = _offer(scenario, option, rental, gpus, lookup)
    if offer is None:
        return None
    usd = offer.usd_per_hour
    is_listed = False
    if rental.usd_per_gpu_hour is not None:
        usd = rental.usd_per_gpu_hour * offer.gpus_per_instance
    elif rental.usd_per_instance_hour is not None:
        usd = rental.usd_per_instance_hour
    else:
        is_listed = True
        what = f"rent of {offer.sku} ({offer.gpus_per_instance} x {offer.gpu}), {offer.contract}, {offer.region}"
        lookup.notes.use(
            lookup.name, what, f"{offer.usd_per_hour:g} USD/h", offer.source, offer.as_of, offer.unverified
        )
        if offer.note:
            lookup.notes.warn(f"{lookup.name}: {offer.sku}: {offer.note}")
    count = offer.replicas_per_instance(gpus)
    return Machine(
        usd / count,
        count,
        offer.gpus_per_instance / count,
        f"{rental.provider} {offer.sku}",
        gpus_per_instance=offer.gpus_per_instance,
        provider=rental.provider,
        region=offer.region,
        offer=offer if is_listed else None,
    )


@dataclass(frozen=True)
class _SiteLookup(Lookup):
    """Look-ups of one of several sites: what is wrong with its rental is told at the site's keys."""

    site: str = ""

    def fault(self, key: str, text: str, *, infeasible: bool = False) -> None:
        """Note what is wrong at a key of the option."""
        super().fault(key.replace("rental", f"sites.{self.site}", 1), text, infeasible=infeasible)


def _at_sites(
    scenario: Scenario, option: SelfHostedOption, sites: Mapping[str, Rental], gpus: int, lookup: Lookup
) -> Machine | None:
    """The cheapest site's machine, with all sites in the order of their prices; None: a fault was noted."""
    found: dict[str, Machine] = {}
    for name, rental in sites.items():
        alone = option.model_copy(update={"rental": rental, "sites": None})
        machine = machine_of(scenario, alone, gpus, _SiteLookup(lookup.path, lookup.name, lookup.notes, name))
        if machine is not None:
            found[name] = machine
    if len(found) < len(sites):
        return None
    order = sorted(found, key=lambda name: found[name].usd_per_replica_hour)
    first = found[order[0]]
    for name, machine in found.items():
        if (machine.gpus_per_instance, machine.replicas_per_instance) != (
            first.gpus_per_instance,
            first.replicas_per_instance,
        ):
            text = f"has machines of {machine.gpus_per_instance:g} GPUs, must be {first.gpus_per_instance:g} as at"
            lookup.fault(f"sites.{name}", f"{text} '{order[0]}'; `sku` names a machine")
            return None
    for name in order[:-1]:
        if sites[name].quota_gpus is None:
            text = f"is missing; the site is filled first, and nothing would come to '{order[-1]}'"
            lookup.fault(f"sites.{name}.quota_gpus", text)
            return None
    for name, machine in found.items():
        quota_gpus = sites[name].quota_gpus
        if quota_gpus is not None and machine.replicas_in(quota_gpus) == 0:
            text = f"is {quota_gpus}, must be at least {machine.gpus_per_instance:g}, the GPUs of a machine"
            lookup.fault(f"sites.{name}.quota_gpus", text)
            return None
    terms = tuple(_site_terms(name, sites[name], found[name]) for name in order)
    return replace(first, sites=terms, at_sites=found)


def _site_terms(name: str, rental: Rental, machine: Machine) -> SiteTerms:
    quota = math.inf if rental.quota_gpus is None else float(machine.replicas_in(rental.quota_gpus))
    return SiteTerms(name, machine.usd_per_replica_hour, quota, rental.billing_period_s)


def _owned(
    scenario: Scenario, option: SelfHostedOption, owned: OwnedHardware, gpus: int, lookup: Lookup
) -> Machine | None:
    """Replicas on hardware that is bought, which cost nothing by the hour."""
    known = option.gpu is not None and option.gpu in hardware.gpu_ids()
    gpu = hardware.gpu(str(option.gpu)) if known else None
    figures = owned_figures(owned, gpu, gpus, lookup, start=scenario.horizon.start)
    if figures is None:
        return None
    if not _serves_with_an_api(scenario, owned, figures, lookup):
        return None
    replicas = figures.replicas(gpus)
    paid = figures.nodes * figures.gpus_per_node / replicas
    number = "" if owned.nodes == "auto" else f"{figures.nodes} "
    return Machine(0.0, 1, paid, f"{number}own nodes of {figures.gpus_per_node} GPUs", figures)


def _serves_with_an_api(scenario: Scenario, owned: OwnedHardware, figures: OwnedFigures, lookup: Lookup) -> bool:
    """Whether an API answers while the hardware is not there; notes the fault, or what the run rate is."""
    horizon, name = scenario.horizon, lookup.name
    hours = horizon.duration_s / SECONDS_PER_HOUR
    has_api = scenario.overflow_target(name) is not None
    if figures.delivered_at_hour >= hours:
        lookup.fault("owned.delivery", f"is {owned.delivery}, must be before the end of the horizon of {hours:g} hours")
        return False
    if figures.delivered_at_hour > 0:
        if not has_api:
            text = (
                f"is {owned.delivery}, must be given with an API as overflow, or be at most the start, {horizon.start}"
            )
            lookup.fault("owned.delivery", f"{text}: until then it answers")
            return False
        lookup.notes.warn(f"{name}: the hardware is delivered on {owned.delivery}; the run rate is as if it were there")
    if figures.ends_at_hour < hours - 1e-6:
        if not has_api:
            text = "is 'end', but the life ends within the horizon: must be 'replace', or given with an API as overflow"
            lookup.fault("owned.end_of_life", text)
            return False
        day = horizon.start_utc + timedelta(hours=figures.ends_at_hour)
        then = "then the API answers; the run rate is as if it went on"
        lookup.notes.warn(f"{name}: the life of the hardware ends on {day:%Y-%m-%d}: {then}")
    return True


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
