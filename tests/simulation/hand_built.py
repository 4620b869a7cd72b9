"""Fleets given as slots, and plain demands, for tests of waits."""

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.courses import Diurnal
from simulator.domain.options import Replicas
from simulator.domain.overheads import Overheads
from simulator.domain.plans import FleetPlan
from simulator.domain.scenario import Horizon
from simulator.domain.serving_times import ServingTimes
from simulator.domain.traffic import Traffic
from simulator.simulation.demand import sample_demand


def slotted_fleet(count, slots, service_s, *, scv=1.0, first_token_s=(0.0, 0.0), max_wait_s=float("inf"), **more):
    """A fixed fleet whose replicas serve so many requests side by side; what waits too long is turned away."""
    keys = {
        "name": "fleet",
        "label": "fleet",
        "seconds_per_request": service_s / slots,
        "usd_per_replica_hour": 1.0,
        "gpus_paid_per_replica": 1.0,
        "autoscaling": FixedFleet(kind="fixed", count=count),
        "replicas": Replicas(minimum=0),
        "cold_start_s": 0.0,
        "billing_from": "request",
        "max_wait_s": max_wait_s,
        "overflow_to": None,
        "rejected_usd_per_request": 0.0,
        "variable_usd_per_request": 0.0,
        "overheads": Overheads(),
        "serving": ServingTimes(slots, service_s, service_scv=scv, first_token_s=first_token_s),
    }
    return FleetPlan(**keys | more)


def constant_demand(days, step_s):
    """The same requests in every step."""
    return sample_demand(Traffic(requests_per_day=1.0), Horizon(days=days, step_s=step_s), 1)


def wavy_demand(days, step_s=300.0):
    """A day and a night, half as much again at the peak as in the mean."""
    traffic = Traffic(requests_per_day=1.0, diurnal=Diurnal(peak_hour=14, peak_to_mean=1.5))
    return sample_demand(traffic, Horizon(days=days, step_s=step_s), 1)
