"""Kept runs: what a volume was served with is the same to the last bit, whatever was asked for before or beside it."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.simulation.fleet import serve
from simulator.simulation.kept_runs import KeptRuns
from simulator.simulation.shared_costs import demand_of

VOLUMES = np.random.default_rng(1).permutation(np.geomspace(1e3, 1e8, 150))  # requests per month
FLEETS = {
    "fixed": {"autoscaling": {"kind": "fixed"}},
    "target": {"autoscaling": {"kind": "target_utilization", "target_share": 0.7}},
    "foresight": {"autoscaling": {"kind": "perfect_foresight"}},
    "queue": {"autoscaling": {"kind": "queue_depth", "requests_per_replica": 4}},
    "horizontal": {"autoscaling": {"kind": "horizontal_pod_autoscaler", "target_share": 0.6}},
    "to zero": {"autoscaling": {"kind": "scale_to_zero"}},
    "spot": {"spot": {"share": 0.5, "interruptions_per_replica_hour": 0.05, "usd_per_gpu_hour": 1.0}},
    "reserved": {"reserved": {"replicas": 3, "usd_per_gpu_hour": 1.0}, "rental.billed_by": "hour"},
}
TRAFFIC = {
    "expected": {},
    "counted": {"counts": "poisson"},
    "scattered": {"counts": "poisson", "spikes": {"per_month": 4, "height_to_mean": 3.0}},
}


class Counting:
    """`serve`, and how many volumes it was asked for."""

    def __init__(self):
        self.served = 0

    def __call__(self, plan, demand, volumes, **more):
        self.served += volumes.size
        return serve(plan, demand, volumes, **more)


def plan_with(fleet, traffic, usd=2.0):
    more = {f"options.fleet.{key}": value for key, value in FLEETS[fleet].items()}
    document = {
        "title": "kept",
        "horizon": {"days": 10, "step_s": 1800},
        "traffic": {
            "tokens_per_month": 1e9,
            "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
            "noise": {"relative_sd": 0.2, "correlation_time_s": 7200},
            **TRAFFIC[traffic],
        },
        "workload": {"chat": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"total_tokens_per_s": 2000.0},
                "rental": {"usd_per_gpu_hour": usd},
                "replicas": {"maximum": 40},
            },
        },
    }
    return make_plan(sim.load_scenario(document, more))


def assert_same(one, other):
    for part in dataclasses.fields(one):
        ours, theirs = getattr(one, part.name), getattr(other, part.name)
        if isinstance(ours, np.ndarray):
            assert ours.shape == theirs.shape, part.name
            assert ours.tobytes() == np.ascontiguousarray(theirs).tobytes(), part.name
        else:
            assert ours == theirs, part.name


@pytest.mark.parametrize("traffic", TRAFFIC)
@pytest.mark.parametrize("fleet", FLEETS)
def test_a_kept_run_is_one_of_its_own_to_the_last_bit(fleet, traffic):
    runs, rng = KeptRuns(), np.random.default_rng(7)
    plans = [plan_with(fleet, traffic, usd) for usd in (2.0, 3.5)]
    for number in range(6):
        plan = plans[number % 2]
        asked = rng.choice(VOLUMES, rng.integers(1, 100), replace=False)
        assert_same(
            runs(plan.options["fleet"], demand_of(plan), asked), serve(plan.options["fleet"], demand_of(plan), asked)
        )


def test_another_price_is_no_new_run_and_another_fleet_is():
    counting = Counting()
    runs = KeptRuns(counting)
    for usd in (2.0, 3.0, 4.0):
        plan = plan_with("target", "expected", usd)
        runs(plan.options["fleet"], demand_of(plan), VOLUMES)
    assert counting.served == VOLUMES.size
    fleet = plan.options["fleet"]
    for other in (
        dataclasses.replace(fleet, cold_start_s=7200.0),
        dataclasses.replace(fleet, seconds_per_request=fleet.seconds_per_request * 2),
        dataclasses.replace(fleet, max_wait_s=0.0),
    ):
        counting.served = 0
        runs(other, demand_of(plan), VOLUMES)
        assert counting.served == VOLUMES.size


def test_given_numbers_of_replicas_are_part_of_what_is_kept():
    plan, runs = plan_with("fixed", "expected"), KeptRuns()
    fleet, volumes = plan.options["fleet"], np.full(5, 1e7)
    for counts in (np.arange(1.0, 6.0), np.arange(3.0, 8.0)):
        kept = runs(fleet, demand_of(plan), volumes, fixed_replicas=counts)
        assert_same(kept, serve(fleet, demand_of(plan), volumes, fixed_replicas=counts))


def test_what_is_not_asked_for_again_is_forgotten():
    plan = plan_with("target", "expected")
    fleet, demand = plan.options["fleet"], demand_of(plan)
    counting = Counting()
    runs = KeptRuns(counting, most_numbers=100_000)
    often = VOLUMES[:5]
    for number in range(60):
        runs(fleet, demand, often)
        runs(fleet, demand, VOLUMES[:40] * (1.0 + 0.001 * number))
    kept = [
        column for generation in (runs._young, runs._old) for lanes in generation.values() for column in lanes.values()
    ]
    assert sum(column.size for column in kept) < 2 * 100_000
    assert counting.served < often.size * 2 + 40 * 60


def test_threads_share_a_memory():
    plan, runs = plan_with("target", "counted"), KeptRuns(most_numbers=3000)
    fleet, demand = plan.options["fleet"], demand_of(plan)
    alone = serve(fleet, demand, VOLUMES)

    def ask(seed):
        places = np.random.default_rng(seed).choice(VOLUMES.size, 30, replace=False)
        run = runs(fleet, demand, VOLUMES[places])
        return np.array_equal(run.billed_replica_hours, alone.billed_replica_hours[:, places])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(60)))
