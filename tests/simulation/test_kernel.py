"""The compiled loop against a fleet written out in lists: replicas one by one, work in dated parcels."""

import math
import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from listed_fleet import Case, assert_same, written_out

from simulator.domain.autoscaling import AutoscalingPolicy
from simulator.simulation import arrivals, follow, kernel, policies, rules_of_change, spot

LOADS = st.one_of(st.integers(0, 9).map(float), st.floats(0.01, 9.0), st.just(0.0))
STEPS_S = st.sampled_from([30.0, 60.0, 300.0])
DURATIONS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.4, 2.0, 3.0, 3.7, 5.0])  # in steps
WAITS = st.sampled_from([0.0, 0.3, 1.0, 1.5, 2.0, 4.25, 9.0, math.inf])  # in steps


TARGETS = st.sampled_from([1.0, 0.8, 0.7, 0.5])


@st.composite
def changes(draw, step_s):
    """How fast an autoscaler may go in one direction: periods as long as a look at the metric, or so many steps."""
    rules = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "period_s": st.sampled_from([min(15.0, step_s), step_s, 2.0 * step_s, 2.5 * step_s]),
                    "kind": st.sampled_from(["share", "replicas"]),
                    "share": st.sampled_from([0.1, 0.34, 1.0]),
                    "replicas": st.integers(1, 3),
                }
            ),
            min_size=1,
            max_size=3,
        )
    )
    return {
        "stabilisation_s": step_s * draw(st.sampled_from([0.0, 1.0, 2.0, 3.5])),
        "rules": [{rule["kind"]: rule[rule["kind"]], "period_s": rule["period_s"]} for rule in rules],
        "select": draw(st.sampled_from(["most", "most", "least", "none"])),
    }


@st.composite
def recommending(draw, step_s):
    """What Kubernetes' autoscaler and what is built on it have in common."""
    policy = {"tolerance_share": draw(st.sampled_from([0.0, 0.1, 0.3]))}
    policy["sync_period_s"] = draw(st.sampled_from([15.0, step_s, 2 * step_s]))
    for way in ("up", "down"):
        if draw(st.booleans()):
            policy[way] = draw(changes(step_s))
    return policy


@st.composite
def policies_of(draw, kind, step_s):
    policy = {"kind": kind}
    if kind == "fixed" and draw(st.booleans()):
        policy["count"] = draw(st.integers(0, 8))
    elif kind == "fixed":
        policy["target_share"] = draw(st.sampled_from([1.0, 0.8, 0.5]))
    elif kind == "target_utilization":
        policy |= {"target_share": draw(TARGETS), "reaction_s": step_s * draw(DURATIONS)}
        policy["stabilisation_s"] = step_s * draw(DURATIONS)
    elif kind == "horizontal_pod_autoscaler":
        policy |= draw(recommending(step_s)) | {"target_share": draw(TARGETS), "reaction_s": step_s * draw(DURATIONS)}
        policy["metric"] = draw(st.sampled_from(["busy_share", "load"]))
    elif kind == "queue_depth":
        policy |= draw(recommending(step_s)) | {"requests_per_replica": draw(st.sampled_from([1.0, 30.0, 4000.0]))}
        policy["metric"] = draw(st.sampled_from(["waiting", "waiting_and_in_service"]))
        policy["scale_to_zero"] = draw(st.booleans())
        policy["activation_requests"] = draw(st.sampled_from([0.0, 0.0, 5000.0]))
        policy["polling_interval_s"] = step_s * draw(st.sampled_from([0.5, 1.0, 2.0]))
        policy["cooldown_s"] = step_s * draw(st.sampled_from([0.0, 1.0, 2.5]))
        if draw(st.booleans()):
            policy["service_s"] = draw(st.sampled_from([0.0, 0.04, 10.0]))
    elif kind == "scale_to_zero":
        policy |= {"target_share": draw(TARGETS), "idle_timeout_s": step_s * draw(DURATIONS)}
        policy["service_s"] = step_s * draw(DURATIONS)
    elif kind == "predictive":
        policy |= {"target_share": draw(TARGETS), "margin_share": draw(st.sampled_from([0.0, 0.1, 0.5]))}
        policy["stabilisation_s"] = step_s * draw(DURATIONS)
    return policy


@st.composite
def cases(draw, *kinds):
    kind = draw(st.sampled_from(kinds))
    step_s = 43_200.0 if kind == "predictive" else draw(STEPS_S)
    autoscaling = draw(policies_of(kind, step_s))
    replicas = {"minimum": draw(st.integers(0, 3)), "spare": draw(st.integers(0, 2))}
    if draw(st.booleans()):
        replicas["increment"] = draw(st.integers(1, 4))
    elif draw(st.booleans()):
        replicas["divisible"] = True
    if draw(st.booleans()):
        replicas["maximum"] = draw(st.integers(max(1, replicas["minimum"]), 12))
    if draw(st.booleans()):
        replicas["max_starts"] = draw(st.integers(1, 3))
        replicas["evaluation_period_s"] = step_s * draw(DURATIONS)
    loads = draw(st.lists(LOADS, min_size=2, max_size=24).filter(lambda loads: max(loads) > 0))
    return Case(
        loads=tuple(loads),
        step_s=step_s,
        autoscaling=tuple(autoscaling.items()),
        replicas=tuple(replicas.items()),
        cold_start_s=step_s * draw(DURATIONS),
        max_wait_s=step_s * draw(WAITS),
        billing_from=draw(st.sampled_from(["request", "ready"])),
        # Parts of replicas that rise by a rounding error would be held up.
        minimum_up_s=0.0 if "divisible" in replicas else step_s * draw(st.sampled_from([0.0, 0.0, 1.0, 2.5, 6.0])),
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases("fixed", "target_utilization", "target_utilization", "scale_to_zero", "predictive"))
def test_a_fleet_that_reacts_does_what_a_fleet_written_out_in_lists_does(case):
    note(f"written out: {written_out(case)}")
    assert_same(case)


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases("horizontal_pod_autoscaler", "queue_depth"))
def test_a_fleet_that_follows_recommendations_does_what_a_fleet_written_out_in_lists_does(case):
    note(f"written out: {written_out(case)}")
    assert_same(case)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases("perfect_foresight"))
def test_a_fleet_that_foresees_does_what_a_fleet_written_out_in_lists_does(case):
    note(f"written out: {written_out(case)}")
    assert_same(case)


def test_every_policy_is_compared_with_a_fleet_written_out_in_lists():
    kinds = {get_args(policy.model_fields["kind"].annotation)[0] for policy in get_args(get_args(AutoscalingPolicy)[0])}
    assert kinds == {
        "fixed", "target_utilization", "perfect_foresight", "horizontal_pod_autoscaler", "queue_depth",
        "scale_to_zero", "predictive", "scheduled",  # the last in test_schedule.py
    }  # fmt: skip


# Loads of ones and threes keep the arithmetic in the head: one replica serves one load.


def test_work_waits_for_replicas_that_start_cold():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 3, 3, 3, 3), autoscaling=following, cold_start_s=120.0).simulated()
    assert got["ready"] == pytest.approx([1, 1, 1, 3, 3])
    assert got["billed"] == pytest.approx([1, 3, 3, 3, 3])
    assert got["queued"] == pytest.approx([0, 2, 4, 4, 4])


def test_the_meter_may_start_when_the_replica_is_ready():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 3, 3, 3), autoscaling=following, cold_start_s=60.0, billing_from="ready").simulated()
    assert got["billed"] == pytest.approx([1, 1, 3, 3])


def test_a_replica_that_becomes_ready_within_a_step_serves_the_rest_of_it():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 3, 3, 3), autoscaling=following, cold_start_s=90.0).simulated()
    assert got["ready"] == pytest.approx([1, 1, 1 + 2 * 0.5, 3])
    assert got["queued"] == pytest.approx([0, 2, 3, 3])


def test_a_replica_that_starts_within_its_first_step_serves_the_rest_of_it():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 3, 3), autoscaling=following, cold_start_s=15.0).simulated()
    assert got["ready"] == pytest.approx([1, 1 + 2 * 0.75, 3])
    assert got["billed"] == pytest.approx([1, 3, 3])


def test_the_youngest_starting_replicas_stop_first():
    # 4 starting at step 1, 2 of them stopped at step 2; the 2 left are ready one cold start after step 1.
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 5, 3, 5, 5, 5, 5), autoscaling=following, cold_start_s=180.0).simulated()
    assert got["ready"] == pytest.approx([1, 1, 1, 1, 3, 3, 5])
    assert got["billed"] == pytest.approx([1, 5, 3, 5, 5, 5, 5])


def test_what_waits_keeps_a_fleet_up_that_scales_to_zero_until_its_cold_start_is_over():
    # The start takes three steps, the timeout is one: nothing comes meanwhile, but the first request waits.
    to_zero = (("kind", "scale_to_zero"), ("idle_timeout_s", 60.0))
    case = Case((0, 1, 0, 0, 0, 0, 0), autoscaling=to_zero, cold_start_s=180.0, replicas=(("minimum", 0),))
    got = case.simulated()
    assert got["queued"] == pytest.approx([0, 1, 1, 1, 0, 0, 0])
    assert got["billed"] == pytest.approx([0, 1, 1, 1, 1, 0, 0])


def test_the_window_of_stabilisation_holds_both_of_its_ends():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 120.0))
    assert Case((1, 4, 1, 1, 1, 1), autoscaling=following).simulated()["billed"] == pytest.approx([1, 4, 4, 4, 1, 1])


def test_a_reaction_looks_at_older_arrivals_and_counts_in_whole_steps():
    late = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0), ("reaction_s", 90.0))
    assert Case((1, 4, 4, 4, 4), autoscaling=late).simulated()["billed"] == pytest.approx([1, 1, 1, 4, 4])


def test_starts_come_at_most_so_many_an_evaluation():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    limits = (("minimum", 0), ("max_starts", 2), ("evaluation_period_s", 120.0))
    got = Case((1, 6, 6, 6, 6, 6, 2, 2), autoscaling=following, replicas=limits).simulated()
    assert got["billed"] == pytest.approx([1, 1, 3, 3, 5, 5, 2, 2])  # steps 0, 2, 4, ...; stops need no evaluation


def test_a_replica_that_was_started_runs_for_its_least_time_with_those_before_it():
    # 2 are started at step 1 and run through step 3; the third of step 3 keeps them until the end of step 5.
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    got = Case((1, 3, 1, 1, 1), autoscaling=following, minimum_up_s=180.0).simulated()
    assert got["billed"] == pytest.approx([1, 3, 3, 3, 1])
    got = Case((1, 3, 1, 4, 1, 1, 1), autoscaling=following, minimum_up_s=180.0).simulated()
    assert got["billed"] == pytest.approx([1, 3, 3, 4, 4, 4, 1])


def test_spare_minimum_increment_and_maximum_apply_in_this_order():
    following = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))
    limits = (("minimum", 3), ("spare", 1), ("increment", 4), ("maximum", 10))
    got = Case((0.5, 3, 3.5, 8, 9), autoscaling=following, replicas=limits).simulated()
    assert got["billed"] == pytest.approx([4, 4, 8, 10, 10])


def test_exactly_k_replicas_of_work_need_k():
    following = (("kind", "target_utilization"), ("target_share", 0.7), ("stabilisation_s", 0.0))
    assert Case((0.7, 1.4, 2.1, 6.3), autoscaling=following).simulated()["billed"] == pytest.approx([1, 2, 3, 9])


def test_work_that_waited_longer_than_allowed_leaves_as_overflow():
    one = (("kind", "fixed"), ("count", 1))
    got = Case((3, 3, 3, 0, 0), autoscaling=one, max_wait_s=60.0).simulated()
    # A queue may hold the arrivals of the last minute, 3 of work; after a step without arrivals it may hold none.
    assert got["queued"] == pytest.approx([2, 3, 3, 0, 0])
    assert got["overflow"] == pytest.approx([0, 1, 2, 2, 0])


def test_without_patience_everything_above_capacity_overflows_at_once():
    one = (("kind", "fixed"), ("count", 1))
    got = Case((3, 0.5, 2), autoscaling=one, max_wait_s=0.0).simulated()
    assert got["overflow"] == pytest.approx([2, 0, 1])
    assert got["queued"] == pytest.approx([0, 0, 0])


def test_foresight_pays_for_the_cold_start_and_never_queues():
    ahead = (("kind", "perfect_foresight"),)
    got = Case((1, 1, 1, 4, 1, 1), autoscaling=ahead, cold_start_s=90.0).simulated()
    assert got["ready"] == pytest.approx([1, 1, 1, 4, 1, 1])
    assert got["billed"] == pytest.approx([1, 1 + 3 * 0.5, 4, 4, 1, 1])
    assert got["queued"] == pytest.approx([0] * 6)


def test_foresight_pays_for_the_replicas_ready_in_the_first_steps():
    ahead = (("kind", "perfect_foresight"),)
    got = Case((5, 2, 1, 1, 1, 1), autoscaling=ahead, cold_start_s=120.0).simulated()
    assert got["billed"] == pytest.approx([5, 2, 1, 1, 1, 1])


def test_what_is_compiled_from_several_files_has_one_layout():
    assert {file.LANES for file in (arrivals, follow, policies, rules_of_change, spot)} == {kernel.LANES}
    for name in ("WANTED", "REPLICAS", "READY", "CAPACITY", "BILLED"):
        assert getattr(follow, name) == getattr(kernel, f"_{name}")
    for name in ("READY", "CAPACITY", "BILLED"):
        assert getattr(spot, name) == getattr(kernel, f"_{name}")
    for name in ("ABOVE_BASE", "SPOT_BILLED", "INTERRUPTED"):
        assert getattr(spot, name) == kernel._SUMS + getattr(kernel, name) * kernel.LANES
    for name in ("DIVISIBLE", "REPLICAS", "TARGET", "HISTORY"):
        assert getattr(rules_of_change, name) == getattr(follow, name)
    assert follow.OWN_NUMBERS == rules_of_change.RULES
    # One behind the other: rows of the kernel, of following, of the rules; places of the counts.
    assert kernel._SUMS + kernel.SUM_ROWS * kernel.LANES <= follow._COMMITTED
    assert follow.OWN_ROWS_END == rules_of_change._LIMIT
    assert follow.SYNC_STEPS < rules_of_change.UP < rules_of_change.DOWN == follow.WISHES - 3


PROGRAM = """
import sys, numpy as np, simulator as sim
from dataclasses import replace
from simulator.domain.plans import SpotTerms
from simulator.domain.purchase import SiteTerms
from simulator.interface import make_plan
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve
POLICIES = [{"kind": "fixed", "count": 3}, {"kind": "fixed", "target_share": 0.8}, {"kind": "perfect_foresight"},
            {"kind": "target_utilization", "target_share": 0.7, "stabilisation_s": 120.0, "reaction_s": 60.0},
            {"kind": "horizontal_pod_autoscaler", "reaction_s": 60.0,
             "up": {"stabilisation_s": 60.0, "rules": [{"replicas": 1, "period_s": 180.0}, {"share": 0.5}]}},
            {"kind": "horizontal_pod_autoscaler", "metric": "load"},
            {"kind": "queue_depth", "requests_per_replica": 1.0, "cooldown_s": 0.0},
            {"kind": "scale_to_zero", "idle_timeout_s": 120.0},
            {"kind": "predictive"},
            {"kind": "scheduled", "windows": [{"replicas": 4, "to_hour": 0.4}], "target_share": 0.7}]
LIMITS = [{"minimum": 1}, {"minimum": 0, "spare": 1, "increment": 2, "maximum": 7},
          {"divisible": True, "max_starts": 1, "evaluation_period_s": 120.0}]
SMOOTH = {"tokens_per_month": 9e8, "noise": {"relative_sd": 0.5, "correlation_time_s": 300.0},
          "spikes": {"per_month": 3000, "height_to_mean": 2.0, "half_life_s": 120.0}}
COUNTED = {"requests_per_day": 50_000, "counts": "poisson", "token_lengths": {"output": {"log_sd": 1.0}},
           "noise": {"parts": {"fast": {"relative_sd": 0.3, "correlation_time_s": 300.0, "falls_with_load": True}}},
           "spikes": {"per_week": 900, "height_to_mean": 2.0, "half_life_s": 120.0, "half_life_log_sd": 1.0}}
rows = []
for traffic, autoscaling in [(SMOOTH, policy) for policy in POLICIES] + [(COUNTED, policy) for policy in POLICIES[1:]]:
    for replicas in LIMITS:
        fleet = {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 2.0},
                 "throughput": {"total_tokens_per_s": 100.0 if traffic is SMOOTH else 1.0},
                 "autoscaling": autoscaling, "replicas": replicas,
                 "cold_start_s": 150.0, "max_wait_s": 90.0}
        price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
        scenario = {"title": "t", "horizon": {"hours": 1, "step_s": 60}, "seed": 7,
                    "traffic": traffic,
                    "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
                    "options": {"api": {"kind": "api", "prices": price}, "fleet": fleet}}
        ledger = sim.simulate(scenario, option="fleet")
        rows += [ledger.arriving_tokens, ledger.served_tokens, ledger.overflow_tokens, ledger.queued_tokens,
                 ledger.ready_replicas, ledger.billed_replicas]
plan = make_plan(sim.load_scenario(scenario))
spot = SpotTerms(0.6, 8.0, notice_s=30.0, wait_s=100.0)
fleet = replace(plan.options["fleet"], minimum_up_s=240.0, base_replicas=1.0, spot=spot)
demand = sample_demand(plan.scenario.traffic, plan.scenario.horizon, plan.scenario.seed)
for autoscaling in POLICIES:
    fleet = replace(fleet, autoscaling=sim.load_scenario(
        {**scenario, "options": {**scenario["options"], "fleet": {**scenario["options"]["fleet"],
         "autoscaling": autoscaling}}}).options["fleet"].autoscaling)
    run = serve(fleet, demand, np.geomspace(1e4, 1e7, 60), block_ends=np.arange(1, 61))
    rows += [run.billed_replica_hours.sum(axis=1), run.spot_replica_hours.sum(axis=1),
             run.above_base_replica_hours.sum(axis=1), run.interruptions.sum(axis=1), run.served_requests.sum(axis=1)]
    sites = (SiteTerms("a", 1.0, 3.0, 420.0), SiteTerms("b", 2.0, billing_period_s=150.0))
    run = serve(replace(fleet, sites=sites), demand, np.geomspace(1e4, 1e7, 60), block_ends=np.arange(1, 61))
    rows += [*run.site_replica_hours.sum(axis=2), run.billed_replica_hours.sum(axis=1), run.peak_billed_replicas[-1]]
np.save(sys.argv[1], np.array(rows))
"""


@pytest.mark.slow
def test_the_plain_python_loop_gives_the_numbers_of_the_compiled_one(tmp_path):
    results = []
    for name, disabled in (("compiled", "0"), ("plain", "1")):
        path = tmp_path / f"{name}.npy"
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True, env=environment, capture_output=True)
        results.append(np.load(path))
    assert results[0].shape == ((10 + 9) * 3 * 6 + 10 * (5 + 4), 60)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-9)
