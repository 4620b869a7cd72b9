"""Waits tallied in the step loop: against the formula lane by lane, against the queue followed, and in plain Python."""

import dataclasses
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hand_built import constant_demand, slotted_fleet, wavy_demand

from simulator.domain.queueing import wait_law
from simulator.simulation import follow, kernel, rules_of_change, service_tally
from simulator.simulation.fleet import serve
from simulator.simulation.latency import Places, latency_report
from simulator.simulation.service_rates import rates_of
from simulator.simulation.service_table import NOT_TALLIED, service_terms
from simulator.simulation.step_waits import load_stays

MONTH_S = 2_628_000.0


def tallied(fleet, demand, volumes, target_s=None):
    terms = service_terms(fleet, demand.step_s, demand.steps, target_s, load_stays=load_stays(demand))
    run = serve(fleet, demand, volumes, service=terms)
    arriving = run.arriving_requests.sum(axis=0)
    return run.waited_request_s.sum(axis=0) / arriving, run.late_requests.sum(axis=0) / arriving


def test_the_constants_of_the_files_agree():
    assert service_tally.LANES == kernel.LANES == follow.LANES == rules_of_change.LANES
    assert service_tally.WAITED == (10 + kernel.WAITED) * kernel.LANES
    assert service_tally.LATE == (10 + kernel.LATE) * kernel.LANES
    assert kernel.SUM_ROWS == kernel.LATE + 1
    assert (10 + kernel.SUM_ROWS) * kernel.LANES <= 24 * kernel.LANES  # what following keeps begins there


@pytest.mark.parametrize("scv", [1.0, 0.4])
@pytest.mark.parametrize(("slots", "service_s"), [(1, 5.0), (8, 4.0), (64, 20.0)])
def test_constant_traffic_waits_as_the_formula_says_in_every_lane(slots, service_s, scv):
    replicas, loads = 3, np.linspace(0.3, 0.97, 64)
    fleet = slotted_fleet(replicas, slots, service_s, scv=scv)
    volumes = loads * replicas * slots / service_s * MONTH_S
    wait_s, late = tallied(fleet, constant_demand(days=2, step_s=300.0), volumes, target_s=2.0)
    law = wait_law(replicas * slots, loads, service_s, scv)
    assert wait_s == pytest.approx(law.mean_s, rel=0.05, abs=1e-4)
    assert late == pytest.approx(law.share_above(2.0), abs=0.006)


@pytest.mark.parametrize("replicas", [1, 7, 100, 300, 5_000])
def test_fleets_of_every_size_find_their_place_in_the_table(replicas):
    fleet = slotted_fleet(replicas, 2, 10.0)
    loads = 1.0 - np.array([0.5, 0.6, 1.0]) / math.sqrt(2 * replicas)
    wait_s, late = tallied(fleet, constant_demand(days=1, step_s=600.0), loads * replicas * 2 / 10.0 * MONTH_S, 0.1)
    law = wait_law(2 * replicas, loads, 10.0)
    assert wait_s == pytest.approx(law.mean_s, rel=0.08)
    assert late == pytest.approx(law.share_above(0.1), rel=0.05, abs=0.01)


def test_an_enormous_fleet_waits_not_at_all():
    wait_s, late = tallied(slotted_fleet(10_000, 10, 1.0), wavy_demand(days=3), np.array([1e3 * MONTH_S]), 0.01)
    assert wait_s[0] < 1e-9
    assert late[0] == 0.0


def test_over_full_load_requests_wait_in_the_backlog_and_all_are_late():
    # One request a second more than the 10 that are served, for a day: the queue grows to 86,400, half of it in the
    # mean, over all that arrive. By chance they wait on top of it.
    fleet = slotted_fleet(1, 10, 1.0)
    wait_s, late = tallied(fleet, constant_demand(days=1, step_s=300.0), np.array([11.0 * MONTH_S]), target_s=60.0)
    assert wait_s[0] == pytest.approx(86_400.0 / 2 / 11.0, rel=0.03)
    assert late[0] == pytest.approx(1.0, abs=0.01)


def test_a_prefill_longer_than_the_target_makes_every_request_late():
    fleet = slotted_fleet(4, 8, 4.0, first_token_s=(1.0, 3.0))
    volume = np.array([0.5 * 8.0 * MONTH_S])
    demand = constant_demand(days=1, step_s=300.0)
    assert tallied(fleet, demand, volume, target_s=0.5)[1] == pytest.approx(1.0)
    # At half load it takes 2 s, which leaves one to wait.
    law = wait_law(32, 0.5, 4.0)
    assert tallied(fleet, demand, volume, target_s=3.0)[1] == pytest.approx(law.share_above(1.0), abs=1e-4)


def test_nobody_waits_longer_than_he_stays():
    patient, hasty = slotted_fleet(1, 1, 10.0), slotted_fleet(1, 1, 10.0, max_wait_s=5.0)
    demand, volume = constant_demand(days=1, step_s=300.0), np.array([0.8 / 10.0 * MONTH_S])
    # Exponential waits of mean 50 s for 0.8 of the requests; cut at 5 s: E[min(W, 5)].
    assert tallied(patient, demand, volume)[0] == pytest.approx(0.8 * 50.0, rel=0.03)
    assert tallied(hasty, demand, volume)[0] == pytest.approx(0.8 * 50.0 * (1 - math.exp(-0.1)), rel=0.03)


def test_the_backlog_counts_towards_the_longest_wait():
    # A tenth more arrives than is served, for hours: what stays waits as long as it may, and no longer by chance.
    fleet = slotted_fleet(1, 10, 1.0, max_wait_s=60.0)
    wait_s, _ = tallied(fleet, constant_demand(days=1, step_s=300.0), np.array([11.0 * MONTH_S]))
    assert wait_s[0] == pytest.approx(60.0, rel=0.05)


@pytest.mark.parametrize(("peak", "slots"), [(0.8, 8), (0.95, 32), (1.05, 32)])
def test_a_day_of_waves_is_tallied_about_as_the_queue_followed_through_it(peak, slots):
    fleet = slotted_fleet(4, slots, 10.0, first_token_s=(0.1, 0.5))
    demand = wavy_demand(days=20)
    volume = np.array([peak / 1.5 * 4 * slots / 10.0 * MONTH_S])
    wait_s, late = tallied(fleet, demand, volume, target_s=2.0)
    record = serve(fleet, demand, volume, record=True).record
    report = latency_report(
        record, demand.step_s, Places(slots / 10.0, slots), prefill_s=fleet.serving.first_token_at,
        first_token_target_s=2.0,
    )  # fmt: skip
    assert wait_s[0] == pytest.approx(report.wait.mean_s, rel=0.1, abs=0.02)
    assert late[0] == pytest.approx(report.late_share, abs=0.01)


def test_a_long_horizon_of_which_one_step_in_sixteen_is_looked_up_tells_the_same():
    fleet = slotted_fleet(4, 8, 10.0)
    volumes = np.array([0.4, 0.55]) * 4 * 8 / 10.0 * MONTH_S
    every, some = wavy_demand(days=60, step_s=300.0), wavy_demand(days=80, step_s=300.0)
    assert every.steps < 20_000 < some.steps
    at_every, at_some = (tallied(fleet, demand, volumes, target_s=1.0) for demand in (every, some))
    assert at_some[0] == pytest.approx(at_every[0], rel=0.01)
    assert at_some[1] == pytest.approx(at_every[1], rel=0.01)


@pytest.mark.parametrize("steps", [20_001, 20_016, 105_120, 43_207])
def test_looked_up_steps_stand_for_all(steps):
    fleet = slotted_fleet(1, 1, 1.0)
    stride, weight = service_terms(fleet, 60.0, steps, None, load_stays=False).numbers[1:3]
    looked_up = sum(1 for step in range(steps) if (step + step // stride) % stride == 0)
    assert weight * looked_up == pytest.approx(steps)
    hours = {step % 1_440 // 60 for step in range(20_000) if (step + step // stride) % stride == 0}
    assert hours == set(range(24))


def test_what_is_tallied_changes_nothing_of_what_is_served():
    fleet, demand, volumes = slotted_fleet(2, 4, 10.0, max_wait_s=90.0), wavy_demand(days=3), np.geomspace(1e5, 4e6, 70)
    terms = service_terms(fleet, demand.step_s, demand.steps, 1.0, load_stays=False)
    without, tally = (serve(fleet, demand, volumes, service=service) for service in (NOT_TALLIED, terms))
    for name in ("arriving_requests", "served_requests", "overflow_requests", "queued_requests"):
        assert np.array_equal(getattr(without, name), getattr(tally, name))
    assert not without.waited_request_s.any()
    assert tally.waited_request_s.all()


def test_what_is_turned_away_after_waiting_is_late_and_counted_once():
    # Half as much again as can be served: a third leaves, all others wait about as long as they may.
    fleet = slotted_fleet(1, 10, 1.0, max_wait_s=60.0)
    demand, volume = constant_demand(days=2, step_s=60.0), np.array([15.0 * MONTH_S])
    terms = service_terms(fleet, demand.step_s, demand.steps, 30.0, load_stays=True)
    run = serve(fleet, demand, volume, service=terms)
    arriving = run.arriving_requests.sum(axis=0)
    staying_late = run.late_requests.sum(axis=0) / arriving
    assert staying_late == pytest.approx(2 / 3, abs=0.005)

    class Level:
        first_token_s = 30.0

    class Written:
        service_level = Level

    class Plan:
        scenario = Written

    rates = rates_of(Plan, fleet, run, terms)
    assert rates.late_share == pytest.approx(1.0, abs=0.005)
    # Where an API takes them after a wait that is shorter than the target, they are not late.
    soon = dataclasses.replace(fleet, overflow_to="api", max_wait_s=10.0)
    run = serve(soon, demand, volume, service=service_terms(soon, demand.step_s, demand.steps, 30.0, load_stays=True))
    assert rates_of(Plan, soon, run, terms).late_share == pytest.approx(0.0, abs=0.005)


def test_plain_python_tallies_the_same_numbers():
    fleet = slotted_fleet(4, 8, 10.0, first_token_s=(0.1, 0.9))
    for stride in (1, 3):
        terms = service_terms(fleet, 300.0, 100, 2.0, load_stays=False)
        numbers = terms.numbers.copy()
        numbers[service_tally.STRIDE] = stride
        states = []
        for tally in (service_tally.tally_service, getattr(service_tally.tally_service, "py_func", None)):
            state = np.zeros(kernel.STATE_SIZE)
            random = np.random.default_rng(7)
            for step in range(8):
                capacity = np.where(random.random(64) < 0.2, 0.0, random.integers(0, 40_000, 64) * random.random(64))
                state[4 * 64 : 5 * 64] = capacity
                state[7 * 64 : 8 * 64] = capacity * random.random(64)
                state[6 * 64 : 7 * 64] = np.where(random.random(64) < 0.5, 0.0, random.random(64) * 5.0)
                state[8 * 64 : 9 * 64] = np.where(random.random(64) < 0.5, 0.0, random.random(64))
                (tally or service_tally.tally_service)(numbers, terms.table, step, random.random(64) * 10, state)
            states.append(state)
        assert np.array_equal(states[0], states[1])


PROGRAM = """
import sys, numpy as np, simulator as sim
from simulator.interface import make_plan
from simulator.simulation.ledger import run_rate
fleet = {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 2.0}, "cold_start_s": 150.0, "max_wait_s": 90.0,
         "slots": {"per_replica": 4, "service_s": 8.0, "prefill_s": 0.2}, "autoscaling": {"kind": "target_utilization"}}
price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
scenario = {"title": "t", "horizon": {"hours": 2, "step_s": 60}, "seed": 7,
            "traffic": {"requests_per_day": 1e5, "noise": {"relative_sd": 0.5, "correlation_time_s": 300.0}},
            "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
            "service_level": {"first_token_s": 1.0, "late_share": 1.0},
            "options": {"api": {"kind": "api", "prices": price}, "fleet": fleet}}
plan = make_plan(sim.load_scenario(scenario))
rate = run_rate(plan, "fleet", np.geomspace(1e5, 1e9, 64), service=True)
np.save(sys.argv[1], np.array([rate.service.mean_wait_s, rate.service.late_share, rate.usd_per_month]))
"""


@pytest.mark.slow
def test_the_plain_python_loop_tallies_what_the_compiled_one_does(tmp_path):
    results = []
    for name, disabled in (("compiled", "0"), ("plain", "1")):
        path = tmp_path / f"{name}.npy"
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True, env=environment, capture_output=True)
        results.append(np.load(path))
    assert results[0][:2].min() >= 0.0
    assert results[0][1].max() > 0.01
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12, atol=1e-12)
