"""Fleets whose size is left to be found: what they need, and how own nodes hold their replicas."""

from __future__ import annotations

from simulator.catalogue.lookups import Lookup
from simulator.domain.autoscaling import FixedFleet
from simulator.domain.options import Replicas, SelfHostedOption
from simulator.domain.owning import OwnedHardware
from simulator.domain.scenario import Scenario


def check_count_to_find(scenario: Scenario, option: SelfHostedOption, lookup: Lookup) -> None:
    """Note a fault where a size is to be found that nothing limits, or that another one would change."""
    key = _key_to_find(option)
    if key is None:
        return
    if scenario.overflow_target(lookup.name) is None:
        why = "the overflow is rejected" if option.overflow == "reject" else "there is no option of kind api"
        lookup.fault(key, f"is 'auto', must be a number where {why}: it is found against the API that serves the rest")
    if option.reserved is not None:
        text = "must not be given where autoscaling.count is 'auto': what runs all the time is reserved by its rental"
        lookup.fault("reserved", text)


def _key_to_find(option: SelfHostedOption) -> str | None:
    """Key of the size that is to be found; None: it is given, or follows the demand."""
    if option.owned is not None:
        return "owned.nodes" if option.owned.nodes == "auto" else None
    policy = option.autoscaling
    return "autoscaling.count" if isinstance(policy, FixedFleet) and policy.count == "auto" else None


def replicas_on_nodes(owned: OwnedHardware, replicas: int) -> tuple[Replicas, FixedFleet]:
    """Limits and policy of a fleet on own nodes: all replicas run; those of one node where nodes are to be found."""
    if owned.nodes == "auto":
        return Replicas(increment=replicas), FixedFleet(kind="fixed", count="auto")
    return Replicas(), FixedFleet(kind="fixed", count=replicas)
