"""How the rates of rented replicas move over the horizon: dated changes, declines, and the terms of contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from simulator.catalogue.lookups import Lookup
from simulator.catalogue.machines import Machine
from simulator.catalogue.rentals import later_prices
from simulator.domain.options import Rental
from simulator.domain.purchase import ReservedBase, SiteTerms, SpotPurchase
from simulator.domain.rates_over_time import RateChange, RateCourse, rate_course
from simulator.domain.scenario import Horizon
from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_HOUR


@dataclass(frozen=True)
class Rented:
    """The part of a horizon, from a day on, that a fleet serves in."""

    start: date  # of the horizon
    begins_hour: float
    ends_hour: float

    @classmethod
    def of(cls, horizon: Horizon, from_day: date | None = None, until_day: date | None = None) -> Rented:
        """All of a horizon, or from a day in it on, or up to another."""
        whole = cls(horizon.start, 0.0, horizon.duration_s / SECONDS_PER_HOUR)
        begins = 0.0 if from_day is None else max(whole.hour(from_day), 0.0)
        ends = whole.ends_hour if until_day is None else min(whole.hour(until_day), whole.ends_hour)
        return cls(horizon.start, begins, ends)

    @property
    def day(self) -> date:
        """Its first day."""
        return self.start + timedelta(hours=self.begins_hour)

    def hour(self, day: date) -> float:
        """When a day begins. [h from the start of the horizon]"""
        return float(HOURS_PER_DAY * (day - self.start).days)

    def ends_before(self, day: date) -> bool:
        """Whether the horizon is over by a day."""
        return self.hour(day) >= self.ends_hour


def rent_course(rental: Rental | None, machine: Machine, rented: Rented, lookup: Lookup) -> RateCourse | None:
    """Rent of a replica over time; None where it stays. [USD/h]"""
    if rental is None:
        return None
    if rental.changes:
        changes = [
            (
                rented.hour(change.effective_from),
                change.usd_per_gpu_hour * machine.gpus_paid_per_replica
                if change.usd_per_gpu_hour is not None
                else (change.usd_per_instance_hour or 0.0) / machine.replicas_per_instance,
            )
            for change in rental.changes
        ]
    else:
        changes = _listed_changes(machine, rented, lookup)
    return rate_course(
        machine.usd_per_replica_hour,
        changes,
        rental.price_decline,
        rental.term_months,
        begins_hour=rented.begins_hour,
        ends_hour=rented.ends_hour,
        declines_from_hour=_decline_begins(machine),
    )


def site_courses(
    rentals: Mapping[str, Rental], machine: Machine, rented: Rented, lookup: Lookup
) -> tuple[SiteTerms, ...]:
    """The sites of a machine, each with its rent over time; they are filled in the order of the first rents."""
    courses = {
        site.name: rent_course(rentals[site.name], machine.at_sites[site.name], rented, lookup)
        for site in machine.sites
    }
    return tuple(replace(site, course=courses[site.name]) for site in machine.sites)


def reserved_course(
    base: ReservedBase, usd_per_replica_hour: float, machine: Machine, rented: Rented, lookup: Lookup
) -> RateCourse | None:
    """Rate of a reserved replica over time; None where it stays. [USD/h]"""
    changes = _given_changes(base.changes, machine, rented)
    if not changes and base.usd_per_gpu_hour is None:
        changes = _listed_changes(machine, rented, lookup)
    return rate_course(
        usd_per_replica_hour,
        changes,
        base.price_decline,
        base.term_months,
        begins_hour=rented.begins_hour,
        ends_hour=rented.ends_hour,
        declines_from_hour=None if base.usd_per_gpu_hour is not None else _decline_begins(machine),
    )


def spot_course(
    spot: SpotPurchase | None, machine: Machine, rent: RateCourse | None, rented: Rented
) -> RateCourse | None:
    """Rate of a replica on spot over time: a discount follows the rent, a given rate its own changes. [USD/h]"""
    if spot is None:
        return None
    usd_per_gpu_hour = rate_on(spot, rented.day)
    if usd_per_gpu_hour is None:
        if rent is None:
            return None
        left = 1.0 - (spot.discount_share or 0.0)
        return RateCourse(rent.from_hours, tuple(left * usd for usd in rent.usd_per_hour))
    return rate_course(
        usd_per_gpu_hour * machine.gpus_paid_per_replica,
        _given_changes(spot.changes, machine, rented),
        spot.price_decline,
        None,
        begins_hour=rented.begins_hour,
        ends_hour=rented.ends_hour,
    )


def rate_on(purchase: ReservedBase | SpotPurchase, day: date) -> float | None:
    """Given rate of a GPU on a day; None: it is not given. [USD/h]"""
    begun = [change for change in purchase.changes if change.effective_from <= day]
    return begun[-1].usd_per_gpu_hour if begun else purchase.usd_per_gpu_hour


def _decline_begins(machine: Machine) -> float | None:
    """The catalogue's price is of today, and falls from the start on; a given one is of the day of its hardware."""
    return None if machine.offer is None else 0.0


def _given_changes(changes: Sequence[RateChange], machine: Machine, rented: Rented) -> list[tuple[float, float]]:
    return [
        (rented.hour(change.effective_from), change.usd_per_gpu_hour * machine.gpus_paid_per_replica)
        for change in changes
    ]


def _listed_changes(machine: Machine, rented: Rented, lookup: Lookup) -> list[tuple[float, float]]:
    """Later prices of the same machine that the catalogue holds, each noted where the horizon reaches it."""
    if machine.offer is None:
        return []
    changes = []
    for offer in later_prices(str(machine.provider), machine.offer):
        assert offer.effective_from is not None
        hour = rented.hour(offer.effective_from)
        if not rented.begins_hour < hour < rented.ends_hour:
            continue
        what = f"rent of {offer.sku}, {offer.contract}, {offer.region}, from {offer.effective_from}"
        lookup.notes.use(
            lookup.name, what, f"{offer.usd_per_hour:g} USD/h", offer.source, offer.as_of, offer.unverified
        )
        changes.append((hour, offer.usd_per_hour / machine.replicas_per_instance))
    return changes
