"""Quotas of GPUs in whole machines, and the limits of a fleet that they are."""

from __future__ import annotations

import math

from simulator.catalogue.lookups import Lookup
from simulator.catalogue.machines import Machine
from simulator.domain.autoscaling import FixedFleet, Scheduled
from simulator.domain.options import Replicas, SelfHostedOption
from simulator.domain.purchase import Quota


def quota_of(option: SelfHostedOption, machine: Machine) -> Quota | None:
    """What the providers grant in all, and the replicas that fit into it; None: there is no limit."""
    quotas = [rental.quota_gpus for rental in option.rentals.values()]
    given = [gpus for gpus in quotas if gpus is not None]
    if not given or len(given) < len(quotas):
        return None
    return Quota(gpus=sum(given), replicas=sum(machine.replicas_in(gpus) for gpus in given))


def within_quota(
    option: SelfHostedOption, limits: Replicas, quota: Quota | None, machine: Machine, lookup: Lookup
) -> Replicas:
    """Limits of a fleet that has no more than its quota; what asks for more is a fault."""
    if quota is None:
        return limits
    gpus = round(machine.gpus_per_instance)
    most = quota.replicas - quota.replicas % limits.increment
    if most == 0:
        key = "rental.quota_gpus" if option.sites is None else "sites"
        what = f"is {quota.gpus}" if option.sites is None else f"grant {quota.gpus} GPUs in all"
        least = gpus * -(-limits.increment // machine.replicas_per_instance)
        lookup.fault(key, f"{what}, must be at least {least}, the GPUs of the fewest machines that can be rented")
        return limits
    holds = f"what the quota of {quota.gpus} GPUs holds"
    for key, count in _counts(option, limits).items():
        if count > most:
            machines = math.ceil(count / machine.replicas_per_instance)
            lookup.fault(key, f"is {count} ({machines * gpus} GPUs), must be at most {most}, {holds}")
    maximum = most if limits.maximum is None else min(limits.maximum, most)
    return limits.model_copy(update={"maximum": maximum})


def _counts(option: SelfHostedOption, limits: Replicas) -> dict[str, int]:
    """Replicas that an option asks for whatever comes, by key."""
    policy, counts = option.autoscaling, {"replicas.minimum": limits.minimum}
    if isinstance(policy, FixedFleet) and isinstance(policy.count, int):
        counts["autoscaling.count"] = policy.count
    if isinstance(policy, Scheduled):
        counts["autoscaling.otherwise"] = policy.otherwise
        counts |= {f"autoscaling.windows[{i}].replicas": window.replicas for i, window in enumerate(policy.windows)}
    if option.reserved is not None and option.reserved.replicas != "auto":
        counts["reserved.replicas"] = option.reserved.replicas
    return counts
