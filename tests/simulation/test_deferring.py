"""Work that can wait fills idle capacity: by parcels in lists, by areas under a curve, and at the ends of its range."""

import math
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.interface import load_scenario, make_plan
from simulator.simulation import deferring, follow, kernel, rules_of_change, spot
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve
from simulator.simulation.ledger import run_rate

ROOT = Path(__file__).parent.parent.parent
REPLICA_TOKENS_PER_S = 100.0
SECONDS_PER_MONTH = 2_628_000.0
CHAT, REPORT = 4.0, 10.0  # tokens of a request
FIXED = {"kind": "fixed", "count": 2}


def fleet_of(loads, report_share, deadline_hours, step_s=3600.0, **more):
    """A scenario in which the chats of each step are so many replicas' work, and reports come beside them."""
    points = [{"at_s": float(i * step_s), "level": load} for i, load in enumerate(loads)]
    chat_tokens, report_tokens = (1.0 - report_share) * CHAT, report_share * REPORT
    chat_load = math.fsum(loads) / len(loads)
    return {
        "title": "chats and reports",
        "horizon": {"hours": len(loads) * step_s / 3600.0, "step_s": step_s},
        "traffic": {
            "tokens_per_month": chat_load
            * REPLICA_TOKENS_PER_S
            * SECONDS_PER_MONTH
            * (chat_tokens + report_tokens)
            / chat_tokens,
            "piecewise": {"points": points},
        },
        "workload": {
            "chat": {"share": 1.0 - report_share, "input_tokens": 3, "output_tokens": 1},
            "report": {
                "share": report_share,
                "input_tokens": 8,
                "output_tokens": 2,
                "deferrable": {"deadline_hours": deadline_hours},
            },
        },
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
                "autoscaling": FIXED,
                "replicas": {"minimum": 0},
                "max_wait_s": 0.0,
                **more,
            },
        },
    }


def ratio_of(report_share):
    """Work of the reports for each of the chats."""
    return report_share * REPORT / ((1.0 - report_share) * CHAT)


def run_of(content, times=(1.0,), *, record=True):
    scenario = load_scenario(content)
    demand = sample_demand(scenario.traffic, scenario.horizon, scenario.seed)
    plan = make_plan(scenario).options["fleet"]
    run = serve(plan, demand, scenario.requests_per_month * np.array(times), record=record)
    return plan, run


def simulated(content):
    """Work in replica-steps, by name: reports served, gone at their deadline, waiting; capacity and chats served."""
    plan, run = run_of(content)
    step_s = content["horizon"]["step_s"]
    reports, chats = run.deferred.record, run.record
    each, other = plan.deferred.seconds_per_request / step_s, plan.seconds_per_request / step_s
    return {
        "served": reports.served_requests * each,
        "left": reports.left_requests * each,
        "waiting": reports.waiting_requests * each,
        "capacity": chats.ready_replicas,
        "chats": chats.served_requests * other,
    }


def in_parcels(loads, ratio, capacity, deadline, patience):
    """The same by dated parcels: [when it came, how much came, how much is left of it], the oldest first.

    Of a parcel the earliest part is served first, and what came longer ago than it may wait has left by a step's end.
    """
    chats, reports = deque(), deque()
    served, left, waiting, chats_served = [], [], [], []

    def take(queue, room):
        taken = 0.0
        while queue and room > 0:
            part = min(queue[0][2], room)
            queue[0][2] -= part
            taken, room = taken + part, room - part
            if queue[0][2] <= 0:
                queue.popleft()
        return taken

    def let_go(queue, now, limit):
        gone = 0.0
        for parcel in queue:
            came, amount, rest = parcel
            keep = min(rest, amount * min(max(came + 1 - (now + 1 - limit), 0.0), 1.0))
            gone += rest - keep
            parcel[2] = keep
        return gone

    for step, load in enumerate(loads):
        chats.append([step, load, load])
        reports.append([step, ratio * load, ratio * load])
        done = take(chats, capacity[step])
        let_go(chats, step, patience)
        chats_served.append(done)
        served.append(take(reports, capacity[step] - done))
        left.append(let_go(reports, step, deadline))
        waiting.append(sum(parcel[2] for parcel in reports))
    return {"served": served, "left": left, "waiting": waiting, "chats": chats_served}


LOADS = st.lists(st.one_of(st.just(0.0), st.floats(0.01, 6.0)), min_size=3, max_size=48).filter(any)
FLEETS = {
    "fixed": {"autoscaling": FIXED},
    "autoscaled": {
        "autoscaling": {"kind": "target_utilization", "target_share": 0.7, "stabilisation_s": 7200},
        "cold_start_s": 1800.0,
    },
    "to zero": {"autoscaling": {"kind": "scale_to_zero", "idle_timeout_s": 3600}, "replicas": {"minimum": 0}},
}


@settings(max_examples=60, deadline=None)
@given(
    loads=LOADS,
    report_share=st.floats(0.05, 0.8),
    deadline=st.one_of(st.sampled_from([0.0, 1.0, 5.0, math.inf]), st.floats(0.1, 12.0)),
    patience=st.sampled_from([0.0, 1.0, 2.5]),
    kind=st.sampled_from(list(FLEETS)),
)
def test_reports_are_served_first_in_first_out_by_what_the_chats_leave(loads, report_share, deadline, patience, kind):
    content = fleet_of(loads, report_share, deadline, max_wait_s=3600.0 * patience, **FLEETS[kind])
    found = simulated(content)
    expected = in_parcels(loads, ratio_of(report_share), found["capacity"], deadline, patience)
    scale = max(loads) * max(1.0, ratio_of(report_share))
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-9 * scale * len(loads)), name


@settings(max_examples=30, deadline=None)
@given(
    loads=LOADS,
    report_share=st.floats(0.05, 0.8),
    deadline=st.floats(0.0, 10.0),
)
def test_no_report_is_lost_or_made(loads, report_share, deadline):
    found = simulated(fleet_of(loads, report_share, deadline))
    arrived = ratio_of(report_share) * math.fsum(loads)
    assert found["served"].sum() + found["left"].sum() + found["waiting"][-1] == pytest.approx(arrived)
    assert np.all(found["chats"] + found["served"] <= found["capacity"] * (1 + 1e-12))


def test_reports_never_scale_a_fleet():
    loads = [1.0, 3.0, 0.2, 0.0, 2.0, 4.0, 1.0, 0.5]
    for more in FLEETS.values():
        _, few = run_of(fleet_of(loads, 0.1, 24.0, **more))
        _, many = run_of(fleet_of(loads, 0.9, 24.0, **more))
        assert few.record.billed_replicas == pytest.approx(many.record.billed_replicas)
        assert few.record.ready_replicas == pytest.approx(many.record.ready_replicas)


@pytest.mark.parametrize("report_share", [0.1, 0.3, 0.6])
def test_a_fixed_fleet_under_constant_chats_serves_the_reports_up_to_what_is_spare(report_share):
    found = simulated(fleet_of([1.25] * 48, report_share, 24.0))
    expected = min(1.25 * ratio_of(report_share), 2.0 - 1.25)
    assert found["served"] == pytest.approx(np.full(48, expected))


def test_with_a_deadline_of_0_only_what_is_spare_in_the_step_serves():
    loads = [0.5, 3.0, 1.5, 0.1, 1.9]
    found = simulated(fleet_of(loads, 0.4, 0.0))
    spare = [max(2.0 - load, 0.0) for load in loads]
    expected = [min(room, ratio_of(0.4) * load) for room, load in zip(spare, loads, strict=True)]
    assert found["served"] == pytest.approx(expected)
    assert found["waiting"] == pytest.approx(np.zeros(5))


def test_without_a_deadline_all_is_served_where_the_mean_spare_capacity_suffices():
    # A day at 2.4 replicas' work of chats, of which 0.4 overflow, and a night at 0.4: 1.6 spare half of the time.
    days = ([2.4] * 12 + [0.4] * 12) * 20
    share = 0.55 / (0.55 + REPORT / CHAT)  # reports are 0.55 of the chats' work: 0.77 of 0.8 in the mean
    found = simulated(fleet_of(days, share, math.inf))
    assert ratio_of(share) == pytest.approx(0.55)
    assert found["left"].sum() == 0.0
    assert found["waiting"][-1] == pytest.approx(0.0, abs=1e-9)  # a night ends with nothing left
    assert found["served"].sum() == pytest.approx(0.55 * sum(days))


@pytest.mark.parametrize("ratio", [0.2, 0.5, 1.0, 2.0])
def test_a_night_serves_the_reports_of_the_day_up_to_its_idle_area(ratio):
    # Chats of 2 by day fill two replicas; by night they leave 2 - 0.5. What the night can't do leaves at 24 h.
    days, night_spare = 30, 1.5
    loads = ([2.0] * 12 + [0.5] * 12) * days
    share = ratio / (ratio + REPORT / CHAT)
    found = simulated(fleet_of(loads, share, 24.0))
    arriving_a_day = ratio * (12 * 2.0 + 12 * 0.5)
    served_a_day = min(arriving_a_day, 12 * night_spare)
    of_last_day = found["served"][-24:].sum()
    assert of_last_day == pytest.approx(served_a_day)
    by_day = found["served"].reshape(days, 24)[:, :12].sum()
    assert by_day == pytest.approx(0.0, abs=1e-9)


def test_no_volume_knows_of_the_others_beside_it():
    content = fleet_of([1.0, 3.0, 0.2, 0.5, 2.0, 0.1] * 8, 0.4, 6.0)
    times = np.geomspace(0.05, 20.0, 130)
    _, together = run_of(content, times, record=False)
    for place in (0, 63, 64, 129):
        _, alone = run_of(content, times[place : place + 1], record=False)
        assert alone.deferred.served_requests[:, 0] == pytest.approx(together.deferred.served_requests[:, place])
        assert alone.deferred.waiting_requests[0] == pytest.approx(together.deferred.waiting_requests[place])


@settings(max_examples=40, deadline=None)
@given(
    loads=LOADS,
    report_share=st.floats(0.1, 0.8),
    deadline=st.floats(0.0, 30.0),
    patience=st.sampled_from([0.0, 1800.0, 7200.0]),
    kind=st.sampled_from(list(FLEETS)),
)
def test_more_volume_never_means_less_work_in_all_though_chats_crowd_reports_out(
    loads, report_share, deadline, patience, kind
):
    assume(kind != "to zero" or patience == 0.0)  # it stays longer for a queue, which one replica more has not
    content = fleet_of(loads, report_share, deadline, max_wait_s=patience, **FLEETS[kind])
    _, run = run_of(content, np.geomspace(0.02, 50.0, 128), record=False)
    for amount in (run.busy_requests.sum(axis=0), run.served_requests.sum(axis=0)):
        assert np.all(np.diff(amount) >= -1e-9 * amount[1:])


@pytest.mark.parametrize("report_share", [0.2, 0.5, 0.8])
def test_a_fleet_that_goes_to_zero_serves_less_by_no_more_than_the_solver_is_told(report_share):
    content = fleet_of([0.0, 1.0, 0.0], report_share, 1.0, max_wait_s=1800.0, **FLEETS["to zero"])
    plan = make_plan(load_scenario(content))
    rate = run_rate(plan, "fleet", plan.scenario.tokens_per_month * np.geomspace(0.02, 50.0, 512))
    falls = np.maximum.accumulate(rate.falling) - rate.falling
    assert np.any(falls > 1e-6 * rate.falling)
    assert np.all(falls <= rate.may_fall_usd)


def test_chats_do_crowd_reports_out():
    _, run = run_of(fleet_of([1.0, 0.5] * 24, 0.3, 24.0), [1.0, 4.0], record=False)
    assert run.deferred.served_requests[0, 1] < run.deferred.served_requests[0, 0]


def test_rows_of_reports_in_the_kernel_are_its_own():
    assert deferring.LANES == kernel.LANES
    assert (deferring.CAPACITY, deferring.SERVED) == (kernel._CAPACITY, kernel._SERVED)
    assert (
        deferring.SUM_SERVED == kernel._SUMS + kernel.DEFERRED_SERVED * kernel.LANES
        and deferring.SUM_LEFT == kernel._SUMS + kernel.DEFERRED_LEFT * kernel.LANES
    )
    assert spot.INTERRUPTED < deferring.SUM_SERVED
    assert deferring.SUM_LEFT < follow._COMMITTED < rules_of_change.STATE_ROWS * kernel.LANES


_PRINT_SUMS = """
import numpy as np
from tests.simulation.test_deferring import FLEETS, fleet_of, simulated
for more in FLEETS.values():
    content = fleet_of([1.0, 3.0, 0.2, 0.0, 2.0, 4.0] * 5, 0.4, 4.5, max_wait_s=1800.0, **more)
    print([float(values.sum()).hex() for values in simulated(content).values()])
"""


@pytest.mark.slow
def test_plain_python_gives_the_same_numbers():
    printed = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", _PRINT_SUMS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        printed.append(
            [
                [float.fromhex(text.strip(" '")) for text in line.strip("[]").split(",")]
                for line in done.stdout.splitlines()
            ]
        )
    for compiled, plain in zip(*printed, strict=True):
        assert compiled == pytest.approx(plain, rel=1e-12)
