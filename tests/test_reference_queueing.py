"""Random waiting in the steady state: textbook queues, queues in slots, and the servers that a target takes."""

import math

import numpy as np
import pytest

from simulator.domain.constant_service import queue_in_slots
from simulator.domain.queueing import servers_for_wait, wait_law
from simulator.simulation.fleet import StepRecord
from simulator.simulation.latency import Places, latency_report

REL = 1e-6
SIMULATED_REL = 0.05

# arrivals/s, servers, target wait [s] -> load, p(wait), mean wait [s], queue, response [s], in system, p(wait above
# target), and the mean wait and p(wait) of a long simulation; exponential service of mean 1 s.
EXPONENTIAL = {
    "M/M/1 at 80 percent": (0.8, 1, 5.0, 0.8, 0.8, 4.0, 3.2, 5.0, 4.0, 0.2943035529, 4.016069576, 0.8000020833),
    "M/M/4 at 70 percent": (
        2.8, 4, 1.0, 0.7, 0.4286543182, 0.3572119319, 1.000193409, 1.357211932, 3.800193409, 0.1291081996,
        0.3589903621, 0.4291128472,
    ),
    "M/M/10 at 90 percent": (
        9.0, 10, 1.0, 0.9, 0.6687315241, 0.6687315241, 6.018583717, 1.668731524, 15.01858372, 0.2460125794,
        0.6803123178, 0.6693060764,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPONENTIAL)
def test_exponential_service_waits_as_erlang_says(case):
    arriving, servers, target_s, load, p_wait, wait_s, queue, response_s, in_system, late, *simulated = EXPONENTIAL[
        case
    ]
    assert arriving / servers == pytest.approx(load, rel=REL)
    law = wait_law(servers, arriving / servers, 1.0)
    assert law.p_wait == pytest.approx(p_wait, rel=REL)
    assert law.mean_s == pytest.approx(wait_s, rel=REL)
    assert law.mean_s * arriving == pytest.approx(queue, rel=REL)
    assert law.mean_s + 1.0 == pytest.approx(response_s, rel=REL)
    assert (law.mean_s + 1.0) * arriving == pytest.approx(in_system, rel=REL)
    assert law.share_above(target_s) == pytest.approx(late, rel=REL)
    assert (law.mean_s, law.p_wait) == pytest.approx(simulated, rel=SIMULATED_REL)


# arrivals/s, squared variation of service, servers -> load, mean wait [s], queue, mean wait of a long simulation [s].
GENERAL = {
    "M/D/1 at 80 percent": (0.8, 0.0, 1, 0.8, 2.0, 1.6, 2.001120989),
    "M/G/1 with lognormal service, scv 2": (0.7, 2.0, 1, 0.7, 3.5, 2.45, 3.471627144),
}


@pytest.mark.parametrize("case", GENERAL)
def test_one_server_waits_by_the_spread_of_its_service(case):
    arriving, scv, servers, load, wait_s, queue, simulated_s = GENERAL[case]
    law = wait_law(servers, arriving / servers, 1.0, scv)
    assert arriving / servers == pytest.approx(load, rel=REL)
    assert law.mean_s == pytest.approx(wait_s, rel=REL)
    assert law.mean_s * arriving == pytest.approx(queue, rel=REL)
    assert law.mean_s == pytest.approx(simulated_s, rel=SIMULATED_REL)


def test_eight_servers_of_lognormal_service_wait_as_in_a_long_simulation():
    # 16 replications of 600,000 requests; the rule of Allen and Cunneen, (1 + scv) / 2 of Erlang's wait, is context.
    wait_s = float(wait_law(8, 6.8 / 8, 1.0, 1.5).mean_s)
    assert wait_s == pytest.approx(0.5604516586, rel=0.06)
    assert wait_law(8, 0.85, 1.0).mean_s == pytest.approx(0.4771407775, rel=REL)
    assert wait_s < 0.5964259719


# arrivals and capacity of a slot -> load, mean backlog, p(none), its standard deviation, wait in slots, the estimate of
# a diffusion, and the mean of a long simulation.
SLOTS = {
    "one request per slot": (0.8, 1, 0.8, 1.6, 0.4451081857, 2.239047418, 2.0, 2.0, 1.599977917),
    "capacity five": (4.0, 5, 0.8, 1.156240029, 0.6155645639, 2.066456618, 0.2890600073, 2.0, 1.157982733),
    "capacity twenty at 90 percent": (
        18.0, 20, 0.9, 2.597149352, 0.5499884829, 4.383331639, 0.1442860751, 4.5, 2.598086677,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SLOTS)
def test_a_queue_in_slots_is_one_of_constant_service(case):
    arriving, capacity, load, backlog, p_none, sd, wait_slots, diffusion, simulated = SLOTS[case]
    queue = queue_in_slots(arriving, capacity)
    assert arriving / capacity == pytest.approx(load, rel=REL)
    assert queue.mean == pytest.approx(backlog, rel=REL)
    assert queue.p_zero == pytest.approx(p_none, rel=REL)
    assert math.sqrt(queue.variance) == pytest.approx(sd, rel=REL)
    assert queue.mean / arriving == pytest.approx(wait_slots, rel=REL)
    assert wait_law(capacity, load, 1.0, 0.0).mean_s == pytest.approx(wait_slots, rel=REL)
    assert arriving / (2 * (capacity - arriving)) == pytest.approx(diffusion, rel=REL)
    assert queue.mean == pytest.approx(simulated, rel=SIMULATED_REL)


def test_slots_for_a_wait_target_are_more_than_the_work_takes():
    servers = servers_for_wait(12.0, service_s=1.0, wait_s=0.5, late_share=0.05)
    assert servers == 16
    assert wait_law(16, 12 / 16, 1.0).share_above(0.5) == pytest.approx(0.02768606107, rel=REL)
    assert wait_law(15, 12 / 15, 1.0).share_above(0.5) == pytest.approx(0.07122101067, rel=REL)
    assert 12 / servers == 0.75
    assert servers * 0.4 / (12 * 0.4) == pytest.approx(1.333333333, rel=REL)


@pytest.mark.parametrize("case", [*EXPONENTIAL, *GENERAL])
def test_a_fleet_of_slots_waits_as_its_queue_where_the_fluid_simulation_sees_none(case):
    if case in EXPONENTIAL:
        arriving, servers, target_s, _, _, wait_s, *_, late = EXPONENTIAL[case][:10]
        scv = 1.0
    else:
        arriving, scv, servers, _, wait_s, *_ = GENERAL[case]
        target_s, late = None, None
    steps, step_s = 288, 300.0
    arrivals, none, ready = np.full(steps, arriving * step_s), np.zeros(steps), np.ones(steps)
    record = StepRecord(arrivals, arrivals, none, none, ready, ready)
    places = Places.of_service(service_s=1.0, slots_per_replica=servers, service_scv=scv)
    report = latency_report(record, step_s, places, first_token_target_s=target_s)
    assert report.backlog_mean_wait_s == 0.0
    assert report.wait.mean_s == pytest.approx(wait_s, rel=0.005)
    if late is not None:
        assert report.late_share == pytest.approx(late, rel=0.01)
