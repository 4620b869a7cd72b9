"""Runs kept by load: what another price or throughput costs is what a run of its own says."""

import dataclasses

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.simulation.ledger import run_rate
from simulator.simulation.shared_runs import SharedRuns

VOLUMES = np.geomspace(1e8, 1e11, 20)
POLICIES = {
    "fixed": {"kind": "fixed"},
    "target": {"kind": "target_utilization", "target_share": 0.7},
    "foresight": {"kind": "perfect_foresight"},
    "queue": {"kind": "queue_depth", "requests_per_replica": 4},
    "horizontal": {"kind": "horizontal_pod_autoscaler", "target_share": 0.6},
}


def plan_with(tokens_per_s, usd, policy, counts="expected"):
    return make_plan(
        sim.load_scenario(
            {
                "title": "shared",
                "horizon": {"days": 7, "step_s": 1800},
                "traffic": {
                    "tokens_per_month": 1e9, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
                    "noise": {"relative_sd": 0.2, "correlation_time_s": 7200}, "counts": counts,
                },
                "workload": {"chat": {"input_tokens": 500, "output_tokens": 500}},
                "options": {
                    "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
                    "fleet": {
                        "kind": "self_hosted", "throughput": {"total_tokens_per_s": tokens_per_s},
                        "rental": {"usd_per_gpu_hour": usd}, "autoscaling": policy, "replicas": {"maximum": 40},
                        "engineers": {"base_persons": 0.5},
                    },
                },
            }
        )
    )  # fmt: skip


@pytest.mark.parametrize("counts", ["expected", "poisson"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_shared_run_costs_what_one_of_its_own_does(policy, counts):
    runs = SharedRuns()
    for tokens_per_s, usd in ((2000.0, 2.0), (2000.0, 3.0), (1000.0, 3.0)):
        plan = plan_with(tokens_per_s, usd, POLICIES[policy], counts)
        volumes = VOLUMES * (tokens_per_s / 2000.0)
        shared, alone = run_rate(plan, "fleet", volumes, runs), run_rate(plan, "fleet", volumes)
        assert list(shared.lines) == list(alone.lines)
        for part in ("usd_per_month", "rising", "falling", "overflow_share", "utilization_share", "peak_replicas"):
            assert getattr(shared, part) == pytest.approx(getattr(alone, part), rel=1e-9, abs=1e-9), part


def test_half_the_throughput_at_half_the_volume_is_no_new_run():
    runs = SharedRuns()
    for tokens_per_s, usd in ((2000.0, 2.0), (1000.0, 5.0)):
        run_rate(plan_with(tokens_per_s, usd, POLICIES["target"]), "fleet", VOLUMES * (tokens_per_s / 2000.0), runs)
    assert (runs.asked, runs.served) == (2 * VOLUMES.size, VOLUMES.size)


def test_another_policy_limit_or_cold_start_is_a_run_of_its_own():
    plan, runs = plan_with(2000.0, 2.0, POLICIES["target"]), SharedRuns()
    fleet = plan.options["fleet"]
    others = [
        dataclasses.replace(fleet, cold_start_s=7200.0),
        dataclasses.replace(fleet, replicas=fleet.replicas.model_copy(update={"minimum": 9})),
        dataclasses.replace(fleet, autoscaling=fleet.autoscaling.model_copy(update={"target_share": 0.5})),
        dataclasses.replace(fleet, max_wait_s=0.0),
    ]
    for number, other in enumerate([fleet, *others], start=1):
        run_rate(dataclasses.replace(plan, options={**plan.options, "fleet": other}), "fleet", VOLUMES, runs)
        assert runs.served == number * VOLUMES.size
