"""Replicas that fail one by one: the binomial law against every case written out, and against failures drawn."""

import itertools

import numpy as np
import pytest

from simulator.domain.service_level import ReplicaFailures
from simulator.simulation.availability import availability_share, replica_availability_share, share_with_enough_up


@pytest.mark.parametrize(("replicas", "needed"), [(1, 1), (2, 1), (3, 2), (6, 4), (8, 8), (5, 0)])
def test_enough_are_up_as_often_as_in_all_cases_counted(replicas, needed):
    up = 0.9
    chance = sum(
        up ** sum(case) * (1 - up) ** (replicas - sum(case))
        for case in itertools.product((0, 1), repeat=replicas)
        if sum(case) >= needed
    )
    assert float(share_with_enough_up(replicas, needed, up)) == pytest.approx(chance, rel=1e-12)


def test_where_more_are_needed_than_there_are_all_must_be_up():
    assert float(share_with_enough_up(3, 7, 0.9)) == pytest.approx(0.9**3)


def test_a_spare_replica_turns_hours_of_outage_into_minutes():
    # Two are needed. Without a spare a^2; with one of three a^3 + 3 a^2 (1 - a).
    failures, steps = ReplicaFailures(mean_hours_between=99.0, repair_s=3600.0), np.ones(10)
    a = 0.99
    alone = availability_share(1.5 * steps, 2 * steps, steps, failures)
    spared = availability_share(1.5 * steps, 3 * steps, steps, failures)
    assert alone == pytest.approx(a**2)
    assert spared == pytest.approx(a**3 + 3 * a**2 * (1 - a))


def test_steps_count_by_their_requests():
    failures = ReplicaFailures(per_replica_hour=0.1, repair_s=3600.0)
    a = replica_availability_share(failures)
    assert a == pytest.approx(1 / 1.1)
    load, replicas, arriving = np.array([0.5, 1.5, 0.0]), np.array([2.0, 2.0, 2.0]), np.array([10.0, 30.0, 0.0])
    expected = (10 * (1 - (1 - a) ** 2) + 30 * a**2) / 40
    assert availability_share(load, replicas, arriving, failures) == pytest.approx(expected)


def test_failures_and_repairs_drawn_one_by_one_agree():
    """Alternating exponential times up and down of 4 replicas, 3 of them needed."""
    rate_per_hour, repair_hours, replicas, needed = 0.05, 2.0, 4, 3
    random, hours = np.random.default_rng(5), 200_000.0
    changes = []
    for _ in range(replicas):
        size = int(hours / (1 / rate_per_hour + repair_hours) * 1.2)
        up, down = random.exponential(1 / rate_per_hour, size), random.exponential(repair_hours, size)
        ends = np.cumsum(np.stack([up, down], axis=1).ravel())
        changes += [(time, -1 if k % 2 == 0 else 1) for k, time in enumerate(ends) if time < hours]
    changes.sort()
    there, last, enough = replicas, 0.0, 0.0
    for time, change in changes:
        enough += (time - last) * (there >= needed)
        there, last = there + change, time
    enough += (hours - last) * (there >= needed)
    failures = ReplicaFailures(per_replica_hour=rate_per_hour, repair_s=repair_hours * 3600.0)
    one = np.ones(1)
    assert availability_share(2.5 * one, 4 * one, one, failures) == pytest.approx(enough / hours, abs=0.003)


def test_no_requests_miss_nothing():
    assert (
        availability_share(np.zeros(2), np.ones(2), np.zeros(2), ReplicaFailures(per_replica_hour=1, repair_s=1)) == 1.0
    )
