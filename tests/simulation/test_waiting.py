"""Waits of a queue against the same queue followed moment by moment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.simulation.waiting import queue_report

FINE = 500  # moments a step


def served_by(arriving, capacity):
    """What a first-in-first-out server with no limit on the wait serves in each step."""
    queue, served = 0.0, []
    for amount, most in zip(arriving, capacity, strict=True):
        done = min(queue + amount, most)
        queue += amount - done
        served.append(done)
    return np.array(served)


def moment_by_moment(arriving, capacity, step_s):
    """Peak, area, delayed amount, mean and greatest wait of a queue, from a run in five hundred moments a step."""
    moment_s = step_s / FINE
    inflow, outflow = np.repeat(arriving, FINE) / FINE, np.repeat(capacity, FINE) / FINE
    queue, queues, left, gone = 0.0, [], [], 0.0
    for comes, can in zip(inflow.tolist(), outflow.tolist(), strict=True):
        done = min(queue + comes, can)
        queue += comes - done
        if queue < 1e-13 * arriving.sum():
            queue = 0.0
        gone += done
        queues.append(queue)
        left.append(gone)
    queues, left, arrived = np.array(queues), np.array(left), np.cumsum(inflow)
    # What arrives in a moment leaves in the first moment in which as much has left as has arrived by its end.
    served = arrived <= left[-1] * (1 + 1e-12)
    leaves = np.searchsorted(left * (1 + 1e-12), arrived[served])
    waits = (leaves - np.flatnonzero(served)) * moment_s
    with_flow = inflow[served] > 0
    delayed = inflow[queues > 0].sum()
    area = queues.sum() * moment_s
    return {
        "peak": queues.max(),
        "area_s": area,
        "delayed": delayed,
        "mean_wait_of_delayed_s": area / delayed if delayed else 0.0,
        "max_wait_s": waits[with_flow].max(initial=0.0),
        "queues": queues,
    }


@settings(max_examples=60, deadline=None)
@given(
    flows=st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 2.5, 4.0, 7.0]), st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0])),
        min_size=1,
        max_size=10,
    ).filter(lambda flows: sum(a for a, _ in flows) > 0),
    step_s=st.sampled_from([1.0, 60.0]),
)
def test_a_queue_waits_as_long_as_when_followed_moment_by_moment(flows, step_s):
    arriving, capacity = (np.array(column) for column in zip(*flows, strict=True))
    served = served_by(arriving, capacity)
    report = queue_report(arriving, served, np.zeros(arriving.size), capacity, step_s)
    expected = moment_by_moment(arriving, capacity, step_s)
    total, horizon_s = arriving.sum(), arriving.size * step_s
    fine = 3.0 / FINE
    assert report.peak == pytest.approx(expected["peak"], abs=fine * total)
    assert report.area_s == pytest.approx(expected["area_s"], abs=fine * total * horizon_s)
    assert report.delayed == pytest.approx(expected["delayed"], abs=4 * fine * total)
    assert report.max_wait_s == pytest.approx(expected["max_wait_s"], abs=4 * fine * step_s * arriving.size)
    if expected["delayed"] > 0.05 * total:
        assert report.mean_wait_of_delayed_s == pytest.approx(expected["mean_wait_of_delayed_s"], rel=0.1)
    peak_at = round(report.peak_at_s / step_s * FINE)
    after = np.flatnonzero(expected["queues"][peak_at:] <= 1e-9 * total)
    if report.peak <= 1e-9 * total or after.size == 0:
        assert report.cleared_at_s is None
    else:
        assert report.cleared_at_s == pytest.approx((peak_at + after[0]) / FINE * step_s, abs=6 * fine * horizon_s)


def test_a_rush_on_one_server_waits_as_the_triangle_says():
    # 3 a step for two steps at a capacity of 1: a queue of 4 that falls at 1 a step: 4 steps.
    arriving = np.array([3.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    capacity = np.ones(7)
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(7), capacity, 60.0)
    assert report.peak == pytest.approx(4.0)
    assert report.peak_at_s == pytest.approx(120.0)
    assert report.cleared_at_s == pytest.approx(360.0)
    assert report.area_s == pytest.approx((4 * 2 / 2 + 4 * 4 / 2) * 60.0)
    assert report.delayed == pytest.approx(6.0)
    assert report.mean_wait_of_delayed_s == pytest.approx(12 * 60.0 / 6)
    assert report.max_wait_s == pytest.approx(4 * 60.0)


def test_a_queue_that_empties_within_a_step_bends_there():
    # 2 queued, then 1 a step against a capacity of 5: empty after 2 / (5 - 1) of the second step.
    arriving, capacity = np.array([4.0, 1.0, 1.0]), np.array([2.0, 5.0, 5.0])
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(3), capacity, 100.0)
    assert report.cleared_at_s == pytest.approx(150.0)
    assert report.area_s == pytest.approx(2.0 * 100.0 / 2 + 2.0 * 50.0 / 2)
    assert report.delayed == pytest.approx(4.0 + 1.0 * 0.5)
    # What is served at 100 s, the last of the first 2, came at 50 s; what came at 100 s waits 40 s, behind 2 at 5.
    assert report.max_wait_s == pytest.approx(50.0)


def test_a_queue_that_is_never_cleared_says_so_and_tells_what_has_been_waited():
    arriving, capacity = np.array([3.0, 3.0]), np.array([1.0, 1.0])
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(2), capacity, 10.0)
    assert report.cleared_at_s is None
    assert report.peak == pytest.approx(4.0)
    # At 20 s the server works on what arrived when 2 of 6 had come: at 6.67 s.
    assert report.max_wait_s == pytest.approx(20.0 - 20.0 / 3)


def test_nothing_waits_where_capacity_is_enough():
    arriving = np.array([1.0, 2.0, 0.0, 2.0])
    report = queue_report(arriving, arriving, np.zeros(4), np.full(4, 2.0), 60.0)
    assert (report.peak, report.area_s, report.delayed, report.max_wait_s) == (0.0, 0.0, 0.0, 0.0)
    assert report.mean_wait_of_delayed_s == 0.0
    assert report.cleared_at_s is None


def test_the_last_of_a_rush_waits_longest_even_if_nothing_follows_it():
    arriving, capacity = np.array([2.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 4.0, 4.0])
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(4), capacity, 60.0)
    # The first waits from 0 to 120 s; the last from 60 s to 150 s.
    assert report.max_wait_s == pytest.approx(120.0)
    assert report.cleared_at_s == pytest.approx(150.0)
    assert report.area_s == pytest.approx(2 * 60 / 2 + 2 * 60 + 2 * 30 / 2)


def test_overflow_leaves_the_queue_with_the_wait_it_had():
    # Three a step at a capacity of one; after each step only one may stay: two steps of arrivals, six, one served each.
    arriving = np.array([3.0, 3.0, 0.0, 0.0])
    served, overflow = np.array([1.0, 1.0, 1.0, 0.0]), np.array([1.0, 2.0, 0.0, 0.0])
    report = queue_report(arriving, served, overflow, np.ones(4), 60.0)
    assert report.peak == pytest.approx(1.0)
    assert report.area_s == pytest.approx((0.5 + 1.0 + 0.5) * 60.0)
    assert report.cleared_at_s == pytest.approx(180.0)


def test_a_wait_does_not_grow_with_the_quiet_after_it():
    # 1 comes in the first step, half of it served there and half in the second: nothing waits longer than 30 s.
    arriving, capacity = np.array([1.0, 0.0]), np.array([0.5, 1.0])
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(2), capacity, 60.0)
    assert report.max_wait_s == pytest.approx(30.0)


def test_another_unit_scales_the_amounts_and_leaves_the_times():
    arriving, capacity = np.array([3.0, 0.0, 0.0]), np.ones(3)
    report = queue_report(arriving, served_by(arriving, capacity), np.zeros(3), capacity, 60.0)
    scaled = report.scaled(1_000.0)
    assert (scaled.peak, scaled.area_s, scaled.delayed) == pytest.approx(
        (1_000 * report.peak, 1_000 * report.area_s, 1_000 * report.delayed)
    )
    assert (scaled.max_wait_s, scaled.cleared_at_s) == (report.max_wait_s, report.cleared_at_s)
