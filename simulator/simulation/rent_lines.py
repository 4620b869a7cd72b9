"""What the running replicas of a rented fleet cost, by line."""

from __future__ import annotations

from simulator.domain.plans import Array, FleetPlan
from simulator.simulation.fleet import FleetRun


def rent_lines(option: FleetPlan, run: FleetRun, on_demand_replica_hours: Array) -> dict[str, Array]:
    """Rent of replicas that are neither reserved nor on spot, or of each site; arrays of shape (blocks, n). [USD]

    Of several sites the cheaper ones are filled first, so a volume more adds to the dearest in use: none of the lines
    falls with the volume.
    """
    if not option.sites:
        return {"rent": on_demand_replica_hours * option.usd_per_replica_hour}
    sites = zip(option.rent_lines, option.sites, run.site_replica_hours, strict=True)
    return {line: hours * site.usd_per_replica_hour for line, site, hours in sites}
