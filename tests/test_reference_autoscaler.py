"""Autoscalers that react late: the queue behind a step, a staircase of starts, a ramp and a spike, in closed form.

Every case begins with ten minutes of the load before it; times are told from the change on.
"""

import math

import pytest

import simulator as sim

BEFORE_S = 600.0
REPLICA_TOKENS_PER_S = 1000.0


def simulated(points, *, autoscaling, cold_start_s, step_s=60.0, hours=1.0, replicas=None, interpolation="steps"):
    """Ledger of a fleet without a limit on the wait, for a plan of loads [tokens/s] over time after the change [s]."""
    levels = [{"at_s": 0.0, "level": points[0][1]}]
    levels += [{"at_s": BEFORE_S + at_s, "level": level} for at_s, level in points[1:]]
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    scenario = {
        "title": "late reactions",
        "horizon": {"hours": hours, "step_s": step_s},
        "traffic": {
            "tokens_per_month": mean_level(levels, hours * 3600.0, interpolation) * 2_628_000.0,
            "piecewise": {"interpolation": interpolation, "points": levels},
        },
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {
            "api": {"kind": "api", "prices": price},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.5},
                "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
                "autoscaling": {"kind": "target_utilization", "stabilisation_s": 0, **autoscaling},
                "replicas": replicas or {},
                "cold_start_s": cold_start_s,
                "max_wait_s": math.inf,
            },
        },
    }
    return sim.simulate(scenario, option="fleet")


def mean_level(levels, horizon_s, interpolation):
    area = 0.0
    for i, point in enumerate(levels):
        until_s = levels[i + 1]["at_s"] if i + 1 < len(levels) else horizon_s
        end = levels[i + 1]["level"] if i + 1 < len(levels) and interpolation == "linear" else point["level"]
        area += (until_s - point["at_s"]) * (point["level"] + end) / 2
    return area / horizon_s


def at(ledger, after_s):
    """Place of the step that ends `after_s` after the change."""
    return round((BEFORE_S + after_s) / ledger.step_s) - 1


# reaction [s] -> peak [tokens], its time [s], clearing [s], area [token s], delayed [tokens], mean and greatest
# wait [s], and the queue at some times.
STEPS_UP = {
    0.0: (1_080_000, 180, 540, 291_600_000, 4_860_000, 60, 120, {90: 540e3, 180: 1080e3, 240: 900e3, 480: 180e3}),
    60.0: (1_440_000, 240, 720, 518_400_000, 6_480_000, 80, 160, {120: 720e3, 240: 1440e3, 300: 1260e3, 540: 540e3}),
}


@pytest.mark.parametrize("step_s", [60.0, 30.0, 10.0])
@pytest.mark.parametrize("reaction_s", STEPS_UP)
def test_a_step_in_load_queues_until_the_cold_start_is_over(reaction_s, step_s):
    peak, peak_at_s, cleared_at_s, area, delayed, mean_wait_s, max_wait_s, queues = STEPS_UP[reaction_s]
    autoscaling = {"target_share": 0.8, "reaction_s": reaction_s}
    ledger = simulated([(0, 2000), (0, 9000)], autoscaling=autoscaling, cold_start_s=180.0, step_s=step_s)
    queue = ledger.queue
    assert ledger.billed_replicas[0] == 3
    assert ledger.billed_replicas[-1] == 12
    assert (ledger.billed_replicas[-1] - ledger.billed_replicas[0]) * 2.5 == 22.5
    assert queue.peak == pytest.approx(peak, rel=1e-6)
    assert queue.peak_at_s - BEFORE_S == pytest.approx(peak_at_s, rel=1e-6)
    assert queue.cleared_at_s - BEFORE_S == pytest.approx(cleared_at_s, abs=1e-3)
    assert queue.area_s == pytest.approx(area, rel=1e-6)
    assert queue.delayed == pytest.approx(delayed, rel=1e-6)
    assert queue.mean_wait_of_delayed_s == pytest.approx(mean_wait_s, rel=1e-6)
    assert queue.max_wait_s == pytest.approx(max_wait_s, rel=1e-6)
    for after_s, tokens in queues.items():
        if after_s % step_s == 0:
            assert ledger.queued_tokens[at(ledger, after_s)] == pytest.approx(tokens, rel=1e-6)


def test_one_replica_a_minute_works_the_queue_off_in_pieces():
    # 8 replicas at 6,000 / (1,000 x 0.75), 3 before; the first is asked for one minute after the step.
    ledger = simulated(
        [(0, 2000), (0, 6000)],
        autoscaling={"target_share": 0.75, "reaction_s": 60.0},
        cold_start_s=240.0,
        replicas={"max_starts": 1, "evaluation_period_s": 60.0},
    )
    for replica, ready_s in enumerate([300, 360, 420, 480, 540], start=4):
        assert ledger.ready_replicas[at(ledger, ready_s)] == replica - 1
        assert ledger.ready_replicas[at(ledger, ready_s) + 1] == replica
    queue = ledger.queue
    assert queue.peak == pytest.approx(1_080_000, rel=1e-6)
    assert queue.peak_at_s - BEFORE_S == pytest.approx(420.0, abs=60.0)  # flat at its peak for a minute
    assert queue.cleared_at_s - BEFORE_S == pytest.approx(1050.0, abs=1e-3)
    assert queue.area_s == pytest.approx(643_500_000, rel=1e-6)
    assert queue.mean_wait_of_delayed_s == pytest.approx(102.1428571, rel=1e-6)


@pytest.mark.parametrize("step_s", [60.0, 10.0])
def test_a_ramp_followed_late_and_without_headroom_is_never_worked_off(step_s):
    ledger = simulated(
        [(0, 1000), (0.0, 1000), (3600.0, 7000)],
        autoscaling={"target_share": 1.0, "reaction_s": 300.0},
        cold_start_s=0.0,
        replicas={"divisible": True, "minimum": 0},
        interpolation="linear",
        hours=2.0,
        step_s=step_s,
    )
    assert ledger.queue.peak == pytest.approx(1_800_000, rel=0.002)
    assert ledger.queue.cleared_at_s is None
    assert ledger.queued_tokens[-1] == pytest.approx(1_800_000, rel=0.002)
    assert ledger.queue.max_wait_s == pytest.approx(257.1428571, rel=0.002)


@pytest.mark.parametrize("step_s", [60.0, 30.0])
def test_a_spike_shorter_than_the_cold_start_is_paid_for_until_the_window_has_passed(step_s):
    ledger = simulated(
        [(0, 1500), (0, 6000), (120.0, 1500)],
        autoscaling={"target_share": 0.75, "stabilisation_s": 900.0},
        cold_start_s=300.0,
        replicas={"minimum": 3},
        step_s=step_s,
    )
    assert ledger.billed_replicas.min() == 3
    assert ledger.billed_replicas.max() == 8
    assert ledger.queue.peak == pytest.approx(360_000, rel=1e-6)
    assert ledger.queued_tokens[at(ledger, 300.0)] == pytest.approx(90_000, rel=1e-6)
    assert ledger.queue.cleared_at_s - BEFORE_S == pytest.approx(313.8461538, rel=1e-6)
    extra_gpu_seconds = ((ledger.billed_replicas - 3) * step_s).sum()
    assert extra_gpu_seconds == pytest.approx(5100.0, rel=1e-9)
    assert extra_gpu_seconds / 3600 * 2.5 == pytest.approx(3.541666667, rel=1e-6)
    assert ledger.ready_replicas[at(ledger, 300.0) + 1] == 8
