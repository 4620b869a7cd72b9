"""What one replica of a fleet draws, owned or rented."""

from __future__ import annotations

from simulator.catalogue import hardware
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.machines import Machine
from simulator.catalogue.owned_planning import rented_draw
from simulator.domain.options import SelfHostedOption
from simulator.domain.power import PowerDraw


def replica_draw(option: SelfHostedOption, gpus: int, machine: Machine, lookup: Lookup) -> PowerDraw | None:
    """What a replica draws with its share of the machine.

    Parameters
    ----------
    option : SelfHostedOption
        The option.
    gpus : int
        GPUs of a replica.
    machine : Machine
        What it is on.
    lookup : Lookup
        Of the option; for rented machines the figures are noted there, as used for energy only.

    Returns
    -------
    PowerDraw or None
        Owned: what its nodes' electricity is priced with, over the replicas that they hold. Rented: reckoned from the
        rated power of the GPUs that are paid. None where that isn't known.
    """
    owned = machine.owned
    if owned is not None:
        return owned.draw.times(owned.nodes / owned.replicas(gpus))
    if option.gpu is None:
        return None
    provider = None if option.rental is None else option.rental.provider
    return rented_draw(hardware.gpu(option.gpu), machine.gpus_paid_per_replica, provider, machine.region, lookup)
