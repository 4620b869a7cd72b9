"""The compiled loop against a fleet written out in lists: replicas one by one, work in dated parcels."""

import math
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.domain.autoscaling import AutoscalingPolicy
from simulator.simulation import arrivals, kernel

REPLICA_TOKENS_PER_S = 100.0
SECONDS_PER_MONTH = 2_628_000.0


@dataclass(frozen=True)
class Case:
    """A small fleet. `loads` are the arrivals of each step, in replicas that would be busy all the time."""

    loads: tuple[float, ...]
    step_s: float = 60.0
    autoscaling: tuple[tuple[str, object], ...] = (("kind", "target_utilization"), ("stabilisation_s", 0.0))
    replicas: tuple[tuple[str, object], ...] = (("minimum", 0),)
    cold_start_s: float = 0.0
    max_wait_s: float = math.inf
    billing_from: str = "request"

    def scenario(self):
        points = [{"at_s": float(i * self.step_s), "level": load} for i, load in enumerate(self.loads)]
        fleet = {
            "kind": "self_hosted",
            "rental": {"usd_per_gpu_hour": 2.0},
            "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
            "autoscaling": dict(self.autoscaling),
            "replicas": dict(self.replicas),
            "cold_start_s": self.cold_start_s,
            "max_wait_s": self.max_wait_s,
            "billing_from": self.billing_from,
        }
        price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
        mean_load = math.fsum(self.loads) / len(self.loads)
        return {
            "title": "a small fleet",
            "horizon": {"hours": len(self.loads) * self.step_s / 3600.0, "step_s": self.step_s},
            "traffic": {
                "tokens_per_month": mean_load * REPLICA_TOKENS_PER_S * SECONDS_PER_MONTH,
                "piecewise": {"points": points},
            },
            "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
            "options": {"api": {"kind": "api", "prices": price}, "fleet": fleet},
        }

    def simulated(self):
        """What happened in each step, in replicas and replica-steps of work, by name."""
        ledger = sim.simulate(self.scenario(), option="fleet")
        per_replica_step = REPLICA_TOKENS_PER_S * self.step_s
        return {
            "served": ledger.served_tokens / per_replica_step,
            "overflow": ledger.overflow_tokens / per_replica_step,
            "queued": ledger.queued_tokens / per_replica_step,
            "ready": ledger.ready_replicas,
            "billed": ledger.billed_replicas,
        }


def limited(wanted, case):
    """A wish in whole replicas: spare, minimum, increment, maximum, in this order."""
    limits, policy = dict(case.replicas), dict(case.autoscaling)
    whole = not limits.get("divisible", False)
    number = math.ceil(wanted - 1e-9) if whole else wanted
    if policy.get("count") is None:
        number = max(number + limits.get("spare", 0), limits.get("minimum", 1))
    if whole:
        increment = limits.get("increment", 1)
        number = increment * math.ceil(number / increment - 1e-9)
    maximum = limits.get("maximum")
    return number if maximum is None else min(number, maximum)


def steps_in(duration_s, step_s):
    return math.ceil(duration_s / step_s - 1e-9)


def decisions(case):
    """Replicas the policy orders up to, step by step: the highest limited wish of the window, starts held back."""
    policy, limits = dict(case.autoscaling), dict(case.replicas)
    if policy["kind"] == "fixed":
        count = policy.get("count")
        wish = max(case.loads) / policy.get("target_share", 1.0) if count is None else count
        return [limited(wish, case)] * len(case.loads)
    age = steps_in(policy.get("reaction_s", 0.0), case.step_s)
    window = steps_in(policy.get("stabilisation_s", 300.0), case.step_s)

    def load_at(step):  # before the start every arrival equals the first step's
        return case.loads[max(step, 0)]

    def wish_at(step):
        return limited(load_at(step - age) / policy.get("target_share", 0.7), case)

    period = max(1, steps_in(limits.get("evaluation_period_s", 0.0), case.step_s))
    ordered, now = [], wish_at(-1_000_000)
    for step in range(len(case.loads)):
        highest = max(wish_at(earlier) for earlier in range(step - window, step + 1))
        if limits.get("max_starts") is not None and highest > now:
            whole = limits.get("increment") or 1  # machines are rented whole
            starts = max(limits["max_starts"] // whole, 1) * whole
            highest = min(highest, now + (starts if step % period == 0 else 0))
        now = highest
        ordered.append(now)
    return ordered


def reacting_fleet(case):
    """Ready and billed replica-steps: a stack of (number, time ready), the youngest on top."""
    ordered = decisions(case)
    stack = [(ordered[0] if dict(case.replicas).get("max_starts") is None else before_start(case), -math.inf)]
    ready, billed = [], []
    for step, wanted in enumerate(ordered):
        start_s, end_s = step * case.step_s, (step + 1) * case.step_s
        total = sum(number for number, _ in stack)
        if wanted > total:
            stack.append((wanted - total, start_s + case.cold_start_s))
        while wanted < total and stack:
            number, ready_s = stack.pop()
            total -= number
            if total < wanted:
                stack.append((wanted - total, ready_s))
                total = wanted
        serving_s = sum(number * min(max(end_s - ready_s, 0.0), case.step_s) for number, ready_s in stack)
        ready.append(serving_s / case.step_s)
        billed.append(ready[-1] if case.billing_from == "ready" else sum(number for number, _ in stack))
    return ready, billed


def before_start(case):
    policy = dict(case.autoscaling)
    if policy["kind"] == "fixed":
        return decisions(case)[0]
    return limited(case.loads[0] / policy.get("target_share", 0.7), case)


def foreseeing_fleet(case):
    """Ready as needed; the k-th replica is billed from one cold start before every time it is needed."""
    needed = [limited(load, case) for load in case.loads]
    if case.billing_from == "ready":
        return needed, needed
    levels = sorted({0.0, *needed})
    billed = [0.0] * len(needed)
    for below, level in pairwise(levels):
        paid = []  # times at which the replicas between these two levels are paid, in order and apart
        for step, number in enumerate(needed):
            if number >= level:
                start_s = -math.inf if step == 0 else step * case.step_s - case.cold_start_s
                end_s = (step + 1) * case.step_s
                if paid and start_s <= paid[-1][1]:
                    paid[-1] = (paid[-1][0], end_s)
                else:
                    paid.append((start_s, end_s))
        for step in range(len(needed)):
            start_s, end_s = step * case.step_s, (step + 1) * case.step_s
            inside = sum(max(0.0, min(end_s, b) - max(start_s, a)) for a, b in paid)
            billed[step] += (level - below) * inside / case.step_s
    return needed, billed


def written_out(case):
    """The whole case by lists, to compare with the simulation."""
    foresees = dict(case.autoscaling)["kind"] == "perfect_foresight"
    ready, billed = foreseeing_fleet(case) if foresees else reacting_fleet(case)
    served, overflow, queued = [], [], []
    parcels = deque()  # [came from, came until, amount], the oldest first
    for step, load in enumerate(case.loads):
        end_s = (step + 1) * case.step_s
        if load > 0:
            parcels.append([step * case.step_s, end_s, load])
        able, done = ready[step], 0.0
        while parcels and able > 1e-15:
            begin_s, until_s, amount = parcels[0]
            take = min(amount, able)
            able, done = able - take, done + take
            if take == amount:
                parcels.popleft()
            else:
                parcels[0] = [begin_s + (until_s - begin_s) * take / amount, until_s, amount - take]
        too_old, latest_s = 0.0, end_s - case.max_wait_s
        while parcels and parcels[0][0] < latest_s:
            begin_s, until_s, amount = parcels[0]
            lasted_s = until_s - begin_s  # 0: rounding left a crumb that came at one moment
            share = min(1.0, (latest_s - begin_s) / lasted_s) if lasted_s > 0 else 1.0
            too_old += share * amount
            if share == 1.0:
                parcels.popleft()
            else:
                parcels[0] = [latest_s, until_s, amount * (1 - share)]
        served.append(done)
        overflow.append(too_old)
        queued.append(math.fsum(amount for _, _, amount in parcels))
    return {"served": served, "overflow": overflow, "queued": queued, "ready": ready, "billed": billed}


def assert_same(case):
    got, expected = case.simulated(), written_out(case)
    for name, numbers in expected.items():
        # A whole number of replicas may be one part in 10^9 short of the work: the rounding's tolerance.
        np.testing.assert_allclose(got[name], numbers, rtol=1e-9, atol=2e-8, err_msg=name)


LOADS = st.one_of(st.integers(0, 9).map(float), st.floats(0.01, 9.0), st.just(0.0))
STEPS_S = st.sampled_from([30.0, 60.0, 300.0])
DURATIONS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.4, 2.0, 3.0, 3.7, 5.0])  # in steps
WAITS = st.sampled_from([0.0, 0.3, 1.0, 1.5, 2.0, 4.25, 9.0, math.inf])  # in steps


@st.composite
def cases(draw, *kinds):
    step_s = draw(STEPS_S)
    kind = draw(st.sampled_from(kinds))
    autoscaling = {"kind": kind}
    if kind == "fixed" and draw(st.booleans()):
        autoscaling["count"] = draw(st.integers(0, 8))
    elif kind == "fixed":
        autoscaling["target_share"] = draw(st.sampled_from([1.0, 0.8, 0.5]))
    elif kind == "target_utilization":
        autoscaling["target_share"] = draw(st.sampled_from([1.0, 0.8, 0.7, 0.5]))
        autoscaling["reaction_s"] = step_s * draw(DURATIONS)
        autoscaling["stabilisation_s"] = step_s * draw(DURATIONS)
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
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases("fixed", "target_utilization", "target_utilization"))
def test_a_fleet_that_reacts_does_what_a_fleet_written_out_in_lists_does(case):
    note(f"written out: {written_out(case)}")
    assert_same(case)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases("perfect_foresight"))
def test_a_fleet_that_foresees_does_what_a_fleet_written_out_in_lists_does(case):
    note(f"written out: {written_out(case)}")
    assert_same(case)


def test_every_policy_is_compared_with_a_fleet_written_out_in_lists():
    kinds = {get_args(policy.model_fields["kind"].annotation)[0] for policy in get_args(get_args(AutoscalingPolicy)[0])}
    assert kinds == {"fixed", "target_utilization", "perfect_foresight"}


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


def test_the_kernel_and_its_arrivals_are_compiled_for_as_many_lanes():
    assert arrivals.LANES == kernel.LANES


PROGRAM = """
import sys, numpy as np, simulator as sim
POLICIES = [{"kind": "fixed", "count": 3}, {"kind": "fixed", "target_share": 0.8}, {"kind": "perfect_foresight"},
            {"kind": "target_utilization", "target_share": 0.7, "stabilisation_s": 120.0, "reaction_s": 60.0}]
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
np.save(sys.argv[1], np.array(rows))
"""


def test_the_plain_python_loop_gives_the_numbers_of_the_compiled_one(tmp_path):
    results = []
    for name, disabled in (("compiled", "0"), ("plain", "1")):
        path = tmp_path / f"{name}.npy"
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True, env=environment, capture_output=True)
        results.append(np.load(path))
    assert results[0].shape == ((4 + 3) * 3 * 6, 60)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-9)
