"""What the running replicas of a rented fleet cost, by line."""

from __future__ import annotations

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.fleet import FleetRun


def replica_hours_by_line(option: FleetPlan, run: FleetRun) -> dict[str, Array]:
    """Hours of replicas that are neither reserved nor on spot, or of each site; arrays of shape (blocks, n). [h]"""
    if not option.sites:
        return {"rent": run.above_base_replica_hours - run.spot_replica_hours}
    return dict(zip(option.rent_lines, run.site_replica_hours, strict=True))


def rent_lines(option: FleetPlan, run: FleetRun) -> dict[str, Array]:
    """Rent of replicas that are neither reserved nor on spot, or of each site; arrays of shape (blocks, n). [USD]

    Of several sites the cheaper ones are filled first, so a volume more adds to the dearest in use: none of the lines
    falls with the volume.
    """
    rates = [site.usd_per_replica_hour for site in option.sites] or [option.usd_per_replica_hour]
    hours = replica_hours_by_line(option, run)
    return {line: hours[line] * usd for line, usd in zip(option.rent_lines, rates, strict=True)}
