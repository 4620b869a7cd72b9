"""How much of the demand finds enough replicas up, where replicas fail one by one and are repaired."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.service_level import ReplicaFailures
from simulator.domain.units import SECONDS_PER_HOUR


def replica_availability_share(failures: ReplicaFailures) -> float:
    """Share of the time that a replica is up: up for 1 / rate on average, then gone for the repair. [1]

    Examples
    --------
    >>> replica_availability_share(ReplicaFailures(mean_hours_between=99.0, repair_s=3600.0))
    0.99
    """
    return 1.0 / (1.0 + failures.rate_per_hour * failures.repair_s / SECONDS_PER_HOUR)


def share_with_enough_up(replicas: Any, needed: Any, up_share: float) -> Array:
    """Probability that at least `needed` of `replicas` are up, each by itself with `up_share`.

    Parameters
    ----------
    replicas, needed : int or array of shape (n,)
        At least 0; where more are needed than there are, all must be up.
    up_share : float
        Of a replica. [1]

    Returns
    -------
    array of shape (n,)
        [1]

    Notes
    -----
    The upper tail of the binomial law, which is the incomplete beta function I_up(needed, replicas - needed + 1)
    (Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.5.24).

    Examples
    --------
    >>> round(float(share_with_enough_up(2, 1, 0.9)), 6)
    0.99
    """
    from scipy.special import betainc

    replicas = np.asarray(replicas, dtype=np.float64)
    needed = np.minimum(np.asarray(needed, dtype=np.float64), replicas)
    some = np.maximum(needed, 1.0)
    return np.where(needed > 0.0, betainc(some, np.maximum(replicas - some, 0.0) + 1.0, up_share), 1.0)


def availability_share(load: Array, ready_replicas: Array, arriving: Array, failures: ReplicaFailures) -> float:
    """Share of the requests that find as many replicas up as their step needs.

    Parameters
    ----------
    load, ready_replicas, arriving : arrays of shape (steps,)
        Work that arrives, in replicas; replicas in force; requests that arrive.
    failures : ReplicaFailures
        Of one replica.

    Returns
    -------
    float
        [1]

    Notes
    -----
    A step needs its load rounded up to whole replicas, or all in force where that is more: what a fleet can't carry
    even when all are up is late or turned away, not unavailable. Failures are independent of each other and of load.
    """
    total = float(arriving.sum())
    if total <= 0.0:
        return 1.0
    there = np.floor(ready_replicas + 1e-9)
    needed = np.minimum(np.ceil(load - 1e-9), there)
    pairs, place = np.unique(np.stack([there, needed]), axis=1, return_inverse=True)
    weight = np.bincount(place.ravel(), arriving, pairs.shape[1])
    return float(weight @ share_with_enough_up(pairs[0], pairs[1], replica_availability_share(failures))) / total
