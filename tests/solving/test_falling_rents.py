"""Crossings of fleets whose rent may fall with the volume: Kubernetes' rules leave a fleet alone near the target."""

import numpy as np
import pytest

import simulator as sim
from simulator.interface import make_plan
from simulator.simulation.ledger import run_rate
from simulator.solving.crossings import find_crossings
from simulator.solving.scan import FINE, Difference
from simulator.solving.study import solve


def plan_of(policy, output_usd_per_mtok=2.6):
    prices = {"input_usd_per_mtok": output_usd_per_mtok / 5, "output_usd_per_mtok": output_usd_per_mtok}
    return make_plan(
        sim.load_scenario(
            {
                "title": "A fleet by Kubernetes' rules",
                "horizon": {"days": 7, "step_s": 300},
                "traffic": {"requests_per_day": 200_000, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}},
                "workload": {"turn": {"input_tokens": 900, "output_tokens": 220}},
                "options": {
                    "api": {"kind": "api", "prices": prices},
                    "fleet": {
                        "kind": "self_hosted",
                        "rental": {"usd_per_gpu_hour": 2.5},
                        "throughput": {"requests_per_s": 1.0},
                        "cold_start_s": 300,
                        "autoscaling": policy,
                    },
                },
            }
        )
    )


HPA = [{"kind": "horizontal_pod_autoscaler", "tolerance_share": share} for share in (0.0, 0.1, 0.3)]
KEDA = [{"kind": "queue_depth", "requests_per_replica": 1.0, "scale_to_zero": zero} for zero in (True, False)]


@pytest.mark.parametrize("policy", HPA + KEDA)
def test_a_rent_falls_with_the_volume_by_no_more_than_the_solver_is_told(policy):
    volumes = np.geomspace(1e6, 1e11, 2048)
    rate = run_rate(plan_of(policy), "fleet", volumes)
    fall = np.maximum.accumulate(rate.rising) - rate.rising
    assert np.all(fall <= rate.may_fall_usd)
    assert np.all(np.diff(rate.falling) >= -1e-9 * rate.falling[1:])


@pytest.mark.slow
@pytest.mark.parametrize("policy", HPA)
@pytest.mark.parametrize("output_usd_per_mtok", [2.6, 2.9, 4.0])
def test_who_is_cheaper_changes_at_the_crossings_and_else_in_narrow_dips_only(policy, output_usd_per_mtok):
    plan = plan_of(policy, output_usd_per_mtok)
    volumes = np.geomspace(1e8, 1e11, 8192)
    difference = run_rate(plan, "fleet", volumes).usd_per_month - run_rate(plan, "api", volumes).usd_per_month
    crossings = np.array([crossing.tokens_per_month for crossing in solve(plan).first_pair.crossings])
    told = np.searchsorted(crossings, volumes, side="right") % 2 == 1
    differs = np.flatnonzero(told != (difference < 0))
    dips = np.split(differs, np.flatnonzero(np.diff(differs) > 1) + 1)
    spans = [volumes[dip[-1]] / volumes[dip[0]] - 1.0 for dip in dips if dip.size]
    assert max(spans, default=0.0) < FINE


def test_crossings_that_may_be_missed_are_told():
    warnings = solve(plan_of(KEDA[0])).first_pair.warnings
    assert any("nearer to each other than 0.8%" in warning for warning in warnings)
    assert not solve(plan_of({"kind": "target_utilization"})).first_pair.warnings


@pytest.mark.parametrize("jump", [90.5, 100.0, 118.9])
def test_a_cost_that_falls_at_once_crosses_where_it_falls(jump):
    """A fleet of 120 USD a month, from a volume on of 60, against an API of 1 USD a unit."""

    def evaluate(volumes):
        rising = np.where(volumes < jump, 120.0, 60.0)
        return Difference(rising, volumes, volumes, np.full(volumes.shape, 60.0))

    (crossing,) = find_crossings(evaluate, least=1.0, greatest=1e6).crossings
    assert (crossing.kind, crossing.becomes_cheaper) == ("jump", "challenger")
    assert crossing.tokens_per_month == pytest.approx(jump, rel=1e-8)
