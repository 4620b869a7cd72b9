"""KEDA on the requests there are, and fleets that go to zero, by hand from its documentation (see docs/policies.md)."""

import math

import pytest
from listed_fleet import REQUESTS_PER_S, Case, assert_same

import simulator as sim

# One replica serves 25 requests a second, one at a time unless told. Steps are 30 s, 750 requests of a replica's work.

STEP_S = 30.0
PER_STEP = REQUESTS_PER_S * STEP_S
AT_ONCE = {"stabilisation_s": 0.0, "rules": [{"share": 1.0}]}


def run(requests, *, limits=(), cold_start_s=0.0, max_wait_s=math.inf, **policy):
    """Billed replicas of each step for so many requests arriving in each."""
    policy = {
        "kind": "queue_depth", "requests_per_replica": 100.0, "metric": "waiting", "up": {**AT_ONCE, "rules":
        [{"share": 99.0}]}, "down": AT_ONCE, **policy,
    }  # fmt: skip
    case = Case(
        tuple(number / PER_STEP for number in requests),
        step_s=STEP_S,
        autoscaling=tuple(policy.items()),
        replicas=(("minimum", 1), *limits),
        cold_start_s=cold_start_s,
        max_wait_s=max_wait_s,
    )
    assert_same(case)
    return [round(number, 9) for number in case.simulated()["billed"]]


def test_an_idle_fleet_stays_at_zero():
    assert run([0, 0, 0, 1])[:3] == [0, 0, 0]


def test_a_request_activates_one_replica_and_the_queue_behind_it_the_others():
    # 2,000 requests at zero: active, one replica, which serves 750. 1,250 wait: 13 replicas, which serve 750 each.
    assert run([0, 2000, 0, 0, 0], cooldown_s=60.0) == [0, 1, 13, 1, 1]


def test_activation_needs_more_than_the_threshold():
    # At a threshold of 50: 50 waiting requests do not activate, 51 do.
    assert run([0, 50, 0], activation_requests=50.0)[1] == 0
    assert run([0, 51, 0], activation_requests=50.0)[1] == 1


def test_requests_below_the_threshold_pile_up_until_they_pass_it():
    # 20 a step at zero: 20, 40, and 60 in the third, above 50.
    assert run([0, 20, 20, 20, 0], activation_requests=50.0)[:4] == [0, 0, 0, 1]


def test_the_activation_has_priority_over_the_target():
    # The documentation's example: 40 waiting at a target of 10 want 4 replicas, at an activation of 50 there are none.
    got = run([0, 40, 0, 0], requests_per_replica=10.0, activation_requests=50.0)
    assert got == [0, 0, 0, 0]


def test_zero_comes_when_the_cooldown_is_over_since_it_was_last_active():
    # Active for the last time at step 1, 30 s; 90 s later is 120 s, step 4, still within; step 5 is the first beyond.
    assert run([0, 100, 0, 0, 0, 0, 0], cooldown_s=90.0) == [0, 1, 1, 1, 1, 0, 0]


def test_work_within_the_cooldown_begins_it_anew():
    assert run([0, 100, 0, 100, 0, 0, 0, 0], cooldown_s=60.0) == [0, 1, 1, 1, 1, 1, 0, 0]


def test_zero_comes_from_any_number_of_replicas_and_past_the_window_of_stabilisation():
    # The autoscaler would hold 13 for five minutes; 30 s after the last activity the fleet is stopped all the same.
    slow = {"stabilisation_s": 300.0, "rules": [{"share": 1.0}]}
    assert run([0, 2000, 0, 0, 0, 0], cooldown_s=30.0, down=slow) == [0, 1, 13, 13, 0, 0]


def test_a_fleet_looks_for_work_only_when_it_polls():
    # Polled at steps 0, 4, 8: requests of step 1 are seen at step 4.
    assert run([0, 100, 0, 0, 0, 0], polling_interval_s=120.0, cooldown_s=600.0) == [0, 0, 0, 0, 1, 1]


def test_between_one_and_many_the_replicas_are_the_requests_over_the_target():
    # 1 replica for 750 a step: 1,050 leave 300 waiting: 3 replicas; these serve all.
    assert run([750, 1050, 750, 750], cooldown_s=600.0) == [1, 1, 3, 1]


def test_a_ratio_within_the_tolerance_changes_nothing():
    # 860 arrive on 1 replica: 110 wait, 1.1 of the target of 100. 861 leave 111: 2 replicas.
    assert run([750, 860, 750], cooldown_s=600.0) == [1, 1, 1]
    assert run([750, 861, 750], cooldown_s=600.0) == [1, 1, 2]


def test_requests_in_service_count_where_they_are_asked_for():
    # A replica has 25/s x 4 s = 100 requests in service: 3 loads keep 300 in service, 3 replicas at a target of 100.
    got = run([2250, 2250, 2250], metric="waiting_and_in_service", service_s=4.0)
    assert got == [3, 3, 3]
    # At a target of 50 in service they are 6; then half busy all of them, still 300 requests.
    got = run([2250, 2250, 2250], metric="waiting_and_in_service", service_s=4.0, requests_per_replica=50.0)
    assert got == [6, 6, 6]


def test_left_out_a_replica_has_one_request_in_service():
    assert run([1500, 1500], metric="waiting_and_in_service", requests_per_replica=1.0) == [2, 2]


def test_rises_keep_to_the_rules_of_the_autoscaler():
    # Two looks of 15 s a step. 50,000 at zero: 1 replica, 49,250 wait: 1, 5, 10; 41,750 are left: 20, 40; 11,750 are
    # left, which want 118, fewer than 160.
    by_default = [{"share": 1.0}, {"replicas": 4}]
    got = run([0, 50000, 0, 0, 0], up={"stabilisation_s": 0.0, "rules": by_default}, cooldown_s=600.0)
    assert got == [0, 1, 10, 40, 118]


def test_where_it_may_not_go_to_zero_the_minimum_stays():
    assert run([0, 100, 0, 0], scale_to_zero=False, cooldown_s=0.0) == [1, 1, 1, 1]
    assert run([0, 100, 0, 0], scale_to_zero=False, limits=(("minimum", 2),), cooldown_s=0.0) == [2, 2, 2, 2]


def test_activity_starts_the_minimum_at_once():
    assert run([0, 100, 0, 0], limits=(("minimum", 3),), cooldown_s=30.0) == [0, 3, 3, 0]


def test_requests_wait_through_the_cold_start_of_a_fleet_at_zero():
    case = Case(
        (0.0, 1.0, 0.0, 0.0, 0.0),
        step_s=STEP_S,
        autoscaling=(("kind", "queue_depth"), ("requests_per_replica", 1000.0)),
        replicas=(("minimum", 1), ("maximum", 1)),
        cold_start_s=60.0,
    )
    got = case.simulated()
    assert got["ready"] == pytest.approx([0, 0, 0, 1, 1])
    assert got["queued"] == pytest.approx([0, 1, 1, 0, 0])
    assert got["billed"] == pytest.approx([0, 1, 1, 1, 1])


# Fleets that go to zero by an idle timeout.


def internal_tool(*, requests_per_hour=6.0, service_s=20.0, idle_timeout_s=300.0, days=40.0, step_s=10.0):
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    return {
        "title": "an internal tool",
        "seed": 11,
        "horizon": {"days": days, "step_s": step_s},
        "traffic": {"requests_per_day": 24 * requests_per_hour, "counts": "poisson"},
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {
            "api": {"kind": "api", "prices": price},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 4.5},
                "throughput": {"requests_per_s": 1000.0},
                "autoscaling": {
                    "kind": "scale_to_zero", "service_s": service_s, "idle_timeout_s": idle_timeout_s,
                },
                "replicas": {"maximum": 1},
                "cold_start_s": 0.0,
            },
        },
    }  # fmt: skip


@pytest.mark.slow
def test_a_tool_asked_six_times_an_hour_is_warm_for_two_fifths_of_the_time():
    # A step is billed if a request came in the last 320 s, 32 steps: 1 - exp(-6 / 3600 x 320) = 0.41335.
    ledger = sim.simulate(internal_tool(days=120.0), option="fleet")
    warm = ledger.billed_replicas > 0
    share = 1.0 - math.exp(-6.0 / 3600.0 * 320.0)
    assert share == pytest.approx(0.4133537805, rel=1e-6)
    assert warm.mean() == pytest.approx(share, rel=0.03)
    assert ledger.billed_replicas.mean() * 4.5 * 730.0 == pytest.approx(1357.867169, rel=0.03)
    # Starts of a warm time: one a request that comes later than 320 s after the one before.
    starts = (warm[1:] & ~warm[:-1]).sum() / 120.0
    assert starts == pytest.approx(84.47705561, rel=0.03)
    assert warm.sum() * 10.0 / (starts * 120.0) == pytest.approx(422.7629192, rel=0.03)
    # Dedicated at 2.50 USD/h is 1825.0; both cost the same at -ln(1 - 2.5 / 4.5) / 320 s = 9.12 requests an hour.
    even = -math.log(1.0 - 2.5 / 4.5) / 320.0 * 3600.0
    assert even == pytest.approx(9.122964932, rel=1e-6)
    at_even = sim.simulate(internal_tool(days=60.0, requests_per_hour=even), option="fleet")
    assert at_even.billed_replicas.mean() * 4.5 == pytest.approx(2.5, rel=0.03)


def batch_blocks(policy, step_s):
    """Three blocks a day, of 2, 2 and 3 hours, each of which keeps one replica busy; the day begins idle."""
    edges = [(0, 0), (4, 1), (6, 0), (10, 1), (12, 0), (18, 1), (21, 0)]
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    return {
        "title": "batch blocks",
        "horizon": {"hours": 24, "step_s": step_s},
        "traffic": {
            "tokens_per_month": 7.0 / 24.0 * 100.0 * 2_628_000.0,
            "piecewise": {"points": [{"at_s": hour * 3600.0, "level": float(level)} for hour, level in edges]},
        },
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {
            "api": {"kind": "api", "prices": price},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 4.2},
                "throughput": {"total_tokens_per_s": 100.0},
                "autoscaling": policy,
                "replicas": {"maximum": 1},
                "cold_start_s": 240.0,
                "max_wait_s": 3600.0,
            },
        },
    }


@pytest.mark.parametrize("step_s", [60.0, 120.0])
@pytest.mark.parametrize("kind", ["scale_to_zero", "queue_depth"])
def test_each_block_of_work_adds_one_cold_start_and_one_timeout(kind, step_s):
    policies = {
        "scale_to_zero": {"kind": "scale_to_zero", "service_s": step_s, "idle_timeout_s": 600.0},
        "queue_depth": {"kind": "queue_depth", "requests_per_replica": 1e6, "cooldown_s": 600.0},
    }
    ledger = sim.simulate(batch_blocks(policies[kind], step_s), option="fleet")
    billed_hours = ledger.billed_replicas.sum() * step_s / 3600.0
    assert billed_hours == pytest.approx(7.0 + 3 * (10.0 + 4.0) / 60.0, rel=1e-6)
    assert billed_hours * 4.2 == pytest.approx(32.34, rel=1e-6)
    assert billed_hours * 4.2 < 24 * 2.1
    # As many active hours cost as much as a dedicated replica at 24 x 2.1 / 4.2 less the blocks' overhead.
    assert 24 * 2.1 / 4.2 - (billed_hours - 7.0) == pytest.approx(11.3, rel=1e-6)
    assert ledger.served_tokens.sum() == pytest.approx(7 * 3600 * 100.0, rel=1e-9)


def zeroing(loads, **policy):
    policy = {"kind": "scale_to_zero", "idle_timeout_s": 120.0, **policy}
    case = Case(tuple(map(float, loads)), autoscaling=tuple(policy.items()), replicas=(("minimum", 1),))
    assert_same(case)
    return [round(number, 9) for number in case.simulated()["billed"]]


def test_a_step_with_work_is_billed_until_the_timeout_after_its_start():
    # Steps of 60 s: the work of step 1 began at 60 s and is billed until 180 s, through step 2.
    assert zeroing([0, 1, 0, 0, 0]) == [0, 1, 1, 0, 0]
    assert zeroing([0, 1, 0, 0, 0], service_s=60.0) == [0, 1, 1, 1, 0]
    assert zeroing([0, 1, 0, 0, 0], idle_timeout_s=0.0) == [0, 1, 0, 0, 0]


def test_every_replica_of_a_fleet_has_its_own_timeout():
    assert zeroing([0, 3, 1, 1, 0, 0]) == [0, 3, 3, 1, 1, 0]
