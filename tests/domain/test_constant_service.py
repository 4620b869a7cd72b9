"""Queues with constant service times against chains solved state by state."""

import math

import numpy as np
import pytest

from simulator.domain.constant_service import queue_in_slots, wait_at_constant_service


def settled_chain(arriving, served, states=400):
    """Law of B' = max(0, B + A - s) by linear equations."""
    poisson = np.exp([-arriving + k * math.log(arriving) - math.lgamma(k + 1) for k in range(states + served)])
    moves = np.zeros((states, states))
    for queue in range(states):
        for come, chance in enumerate(poisson):
            moves[queue, min(max(queue + come - served, 0), states - 1)] += chance
    equations = np.vstack([moves.T - np.eye(states), np.ones(states)])
    return np.linalg.lstsq(equations, np.r_[np.zeros(states), 1.0], rcond=None)[0]


@pytest.mark.parametrize(("arriving", "served"), [(0.5, 1), (2.4, 3), (6.0, 7)])
def test_a_queue_in_slots_has_the_law_of_its_chain(arriving, served):
    law = settled_chain(arriving, served)
    length = np.arange(law.size)
    queue = queue_in_slots(arriving, served)
    mean = (law * length).sum()
    assert queue.p_zero == pytest.approx(law[0], rel=1e-6)
    assert queue.mean == pytest.approx(mean, rel=1e-6)
    assert queue.variance == pytest.approx((law * length**2).sum() - mean**2, rel=1e-6)


@pytest.mark.parametrize("servers", [1, 2, 5, 40])
@pytest.mark.parametrize("load", [0.3, 0.8, 0.95])
def test_littles_law_joins_the_slots_to_constant_service(servers, load):
    wait = wait_at_constant_service(servers, load)
    assert wait.mean * servers * load == pytest.approx(queue_in_slots(servers * load, servers).mean, rel=1e-7)


@pytest.mark.parametrize("load", [0.01, 0.5, 0.9, 0.995])
def test_one_server_of_constant_service_follows_pollaczek_and_khinchine(load):
    wait = wait_at_constant_service(1, load)
    mean = load / (2 * (1 - load))
    assert wait.mean == pytest.approx(mean, rel=1e-7)
    assert wait.variance == pytest.approx(mean**2 + load / (3 * (1 - load)), rel=1e-7)
    assert wait.p_above_zero == pytest.approx(load, rel=1e-7)


def test_laws_of_many_queues_come_as_arrays():
    together = wait_at_constant_service(np.array([1.0, 4.0]), np.array([0.5, 0.9]))
    assert together.mean.shape == (2,)
    assert together.mean[1] == pytest.approx(float(wait_at_constant_service(4.0, 0.9).mean), rel=1e-12)
