"""The fleet and the demand that the benchmarks share: an autoscaled fleet through office hours, noise and weekends."""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest import mock

import numpy as np

from simulator.domain.autoscaling import TargetUtilization
from simulator.domain.courses import Diurnal, Weekly
from simulator.domain.options import Replicas
from simulator.domain.overheads import Overheads
from simulator.domain.plans import Array, FleetPlan
from simulator.domain.random_parts import Noise, Spikes
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.simulation import kernel
from simulator.simulation.demand import Demand, sample_demand

STEP_S = 60.0
TARGET_SHARE = 0.7
STABILISATION_S = 300.0
COLD_START_S = 180.0
MAX_WAIT_S = 60.0
MINIMUM_REPLICAS = 1
SECONDS_PER_REQUEST = 2.0


def fleet() -> FleetPlan:
    """A fleet that follows its load, starts cold, keeps what it has for a while and lets go of what waits too long."""
    return FleetPlan(
        name="fleet",
        label="fleet",
        seconds_per_request=SECONDS_PER_REQUEST,
        usd_per_replica_hour=2.5,
        gpus_paid_per_replica=1.0,
        autoscaling=TargetUtilization(
            kind="target_utilization", target_share=TARGET_SHARE, stabilisation_s=STABILISATION_S
        ),
        replicas=Replicas(minimum=MINIMUM_REPLICAS),
        cold_start_s=COLD_START_S,
        billing_from="request",
        max_wait_s=MAX_WAIT_S,
        overflow_to=None,
        rejected_usd_per_request=0.0,
        variable_usd_per_request=0.0,
        overheads=Overheads(),
    )


def demand(days: float) -> Demand:
    """Steps of one minute over so many days: a daily and a weekly course, noise, spikes steep enough to overflow."""
    traffic = Traffic(
        requests_per_day=1.0,
        diurnal=Diurnal(peak_hour=14, peak_to_mean=1.8),
        weekly=Weekly(weekend_to_weekday=0.5),
        noise=Noise(relative_sd=0.3, correlation_time_s=900.0),
        spikes=Spikes(per_month=120.0, height_to_mean=3.0, half_life_s=600.0),
    )
    return sample_demand(traffic, Horizon(days=days, step_s=STEP_S), 7)


def volumes() -> Array:
    """Sixty-four volumes, from half a replica's work to two hundred replicas'. [requests per month]"""
    loads = np.geomspace(0.5, 200.0, kernel.LANES)
    return loads * (SECONDS_PER_MONTH / SECONDS_PER_REQUEST)


def seconds_in_kernel(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds that a call takes, and how many of them are spent in the compiled loop."""
    compiled = kernel.run_lanes
    inside = 0.0

    def timed(*arguments: object) -> None:
        nonlocal inside
        start = time.perf_counter()
        compiled(*arguments)
        inside += time.perf_counter() - start

    with mock.patch.object(kernel, "run_lanes", timed):
        start = time.perf_counter()
        call()
        return time.perf_counter() - start, inside
