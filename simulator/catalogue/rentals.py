"""What GPUs rent for, by provider, contract and day, from `hardware/rentals`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

from pydantic import Field

from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.fact_files import ids_in, parsed, path_of, read_mapping
from simulator.catalogue.hardware import gpu_ids
from simulator.domain.base import Model
from simulator.domain.models_and_gpus import CONTRACTS, RentalOffer


class _RentalFile(Model):
    provider: str
    offers: tuple[RentalOffer, ...] = Field(min_length=1)


def providers() -> tuple[str, ...]:
    """Ids of all providers of rented GPUs, in order."""
    return ids_in("hardware", "rentals")


@cache
def rental_offers(provider: str) -> tuple[RentalOffer, ...]:
    """All offers of `provider`, of any day, in the order of its file; raises `UnknownId` for another provider."""
    path = path_of("hardware", "rentals", provider)
    return parsed(_RentalFile, read_mapping(path), path).offers


def fitting_offer(
    gpu: str,
    gpus_per_replica: int,
    provider: str,
    contract: str,
    region: str | None = None,
    sku: str | None = None,
    *,
    on: date,
) -> RentalOffer:
    """The offer in force on a day whose machine fits a replica best: the fewest replicas to one, then the least cost.

    A machine of eight GPUs is paid whole; where the provider also rents a smaller one that holds the replica, a fleet
    follows its demand more closely on that.

    Parameters
    ----------
    gpu : str
        Id of the GPU.
    gpus_per_replica : int
        GPUs of one replica; all of them in one instance.
    provider : str
        Id of the provider.
    contract : str
        `on_demand`, `spot`, `reserved_1y`, `reserved_3y` or `capacity_block`.
    region : str or None
        Region of the provider; None: any.
    sku : str or None
        Name of the instance; None: any.
    on : date
        The day whose prices hold.

    Returns
    -------
    RentalOffer
        Of equally good offers the first name. Where every price is later than the day,
        the earliest one, and its note says so.

    Raises
    ------
    UnknownId
        If there is no such GPU, provider or contract.
    NoOffer
        If the provider rents nothing that holds the replica.
    """
    if gpu not in gpu_ids():
        raise UnknownId(gpu, gpu_ids())
    if contract not in CONTRACTS:
        raise UnknownId(contract, CONTRACTS)
    if gpus_per_replica < 1:
        raise ValueError(f"gpus_per_replica is {gpus_per_replica}, must be at least 1")
    offers = rental_offers(provider)
    fitting = [
        offer
        for offer in offers
        if offer.gpu == gpu
        and offer.contract == contract
        and region in (None, offer.region)
        and sku in (None, offer.sku)
        and offer.gpus_per_instance >= gpus_per_replica
    ]
    if not fitting:
        raise NoOffer(_what_there_is(offers, gpu, gpus_per_replica, provider, contract, (region, sku)))
    return min(offers_in_force(fitting, on), key=lambda offer: _preference(offer, gpus_per_replica))


def offers_in_force(offers: Iterable[RentalOffer], on: date) -> list[RentalOffer]:
    """The newest price on a day of every machine among some offers.

    Prices that were known on the day stand before those known only from later on, which are left out; where there are
    none but those, the earliest of each, and its note says so.
    """
    in_force = [_in_force(versions, on) for versions in _versions(offers)]
    known = [offer for offer in in_force if offer.effective_from is None or offer.effective_from <= on]
    return known or in_force


def later_prices(provider: str, offer: RentalOffer) -> tuple[RentalOffer, ...]:
    """The dated prices of the same machine, contract and region after an offer's, in the order of their days."""
    same = next(versions for versions in _versions(rental_offers(provider)) if _is_same(versions[0], offer))
    begun = offer.effective_from or date.min
    later = [one for one in same if one.effective_from is not None and one.effective_from > begun]
    return tuple(sorted(later, key=lambda one: one.effective_from or date.min))


def _is_same(one: RentalOffer, other: RentalOffer) -> bool:
    """Whether two offers are dated prices of one and the same thing."""
    return _thing(one) == _thing(other)


def _thing(offer: RentalOffer) -> tuple[str, str, str, str, int]:
    return (offer.gpu, offer.sku, offer.region, offer.contract, offer.gpus_per_instance)


def _versions(offers: Iterable[RentalOffer]) -> list[list[RentalOffer]]:
    """Offers grouped into the dated prices of one and the same thing."""
    groups: dict[tuple[str, str, str, str, int], list[RentalOffer]] = {}
    for offer in offers:
        groups.setdefault(_thing(offer), []).append(offer)
    return list(groups.values())


def _in_force(versions: list[RentalOffer], on: date) -> RentalOffer:
    """The newest price not after the day; else the earliest, with a note."""
    begun = [offer for offer in versions if offer.effective_from is None or offer.effective_from <= on]
    if begun:
        return max(begun, key=lambda offer: offer.effective_from or date.min)
    earliest = min(versions, key=lambda offer: offer.effective_from or date.min)
    remark = f"price of {earliest.effective_from}, the earliest known, used for {on}"
    note = f"{earliest.note}; {remark}" if earliest.note else remark
    return earliest.model_copy(update={"note": note})


def _preference(offer: RentalOffer, gpus_per_replica: int) -> tuple[int, float, int, str, str]:
    replicas = offer.replicas_per_instance(gpus_per_replica)
    return (replicas, offer.usd_per_hour / replicas, offer.gpus_per_instance, offer.sku, offer.region)


def _what_there_is(
    offers: Iterable[RentalOffer],
    gpu: str,
    gpus_per_replica: int,
    provider: str,
    contract: str,
    place: tuple[str | None, str | None],
) -> str:
    region, sku = place
    where = (f" in region '{region}'" if region else "") + (f" named '{sku}'" if sku else "")
    wanted = f"{provider} has no '{contract}' offer of {gpus_per_replica} x {gpu}{where}"
    of_gpu = sorted(
        {
            f"{offer.contract} {offer.gpus_per_instance} x {gpu} in {offer.region}"
            + (f" named '{offer.sku}'" if sku else "")
            for offer in offers
            if offer.gpu == gpu
        }
    )
    if of_gpu:
        return f"{wanted}; it rents {', '.join(of_gpu)}"
    return f"{wanted}; it rents {', '.join(sorted({offer.gpu for offer in offers}))}"
