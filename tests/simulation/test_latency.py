"""Waits of simulated fleets: settled, overloaded, over a day, with limits and targets."""

import math

import numpy as np
import pytest

from simulator.domain.queueing import wait_law
from simulator.domain.queueing_tables import wait_table
from simulator.simulation import sampled_queue
from simulator.simulation.fleet import StepRecord
from simulator.simulation.latency import Places, latency_report
from simulator.simulation.waiting import queue_report

DAY_S = 86_400.0


def fluid_record(arriving, replicas, places, step_s, max_wait_s=math.inf):
    """Record of a fleet that serves what it can; what would wait too long at this capacity leaves at once."""
    arriving, replicas = np.asarray(arriving, dtype=float), np.broadcast_to(replicas, len(arriving)).astype(float)
    capacity = replicas * places.requests_per_s_per_replica * step_s
    served, overflow, queued = (np.zeros(arriving.size) for _ in range(3))
    left = 0.0
    for step, come in enumerate(arriving):
        served[step] = min(left + come, capacity[step])
        left += come - served[step]
        if math.isfinite(max_wait_s):
            overflow[step] = max(left - capacity[step] * max_wait_s / step_s, 0.0)
            left -= overflow[step]
        queued[step] = left
    return StepRecord(arriving, served, overflow, queued, replicas, replicas)


def report_of(arriving, replicas, places, step_s=300.0, max_wait_s=math.inf, **more):
    record = fluid_record(arriving, replicas, places, step_s, max_wait_s)
    return latency_report(record, step_s, places, max_wait_s=max_wait_s, **more)


@pytest.mark.slow
@pytest.mark.parametrize("scv", [0.0, 1.0, 2.0])
@pytest.mark.parametrize(("slots", "load"), [(1, 0.5), (16, 0.9), (64, 0.95)])
def test_constant_traffic_waits_as_the_formula_says(slots, load, scv):
    places = Places.of_service(service_s=10.0, slots_per_replica=slots, service_scv=scv)
    report = report_of(np.full(288, load * slots / 10.0 * 300.0), 1, places, first_token_target_s=5.0)
    law = wait_law(slots, load, 10.0, scv)
    assert report.followed_share == 0.0
    assert report.wait.mean_s == pytest.approx(law.mean_s, rel=0.01)
    for share, told_s in ((0.5, report.wait.p50_s), (0.95, report.wait.p95_s), (0.99, report.wait.p99_s)):
        assert told_s == pytest.approx(law.quantile_s(share), rel=0.01, abs=0.01)
    assert report.late_share == pytest.approx(law.share_above(5.0), abs=0.001)
    assert report.mean_wait_s == pytest.approx(np.full(288, law.mean_s), rel=0.01)


def test_more_replicas_of_few_slots_wait_as_one_of_many():
    arriving = np.full(100, 0.8 * 12 / 5.0 * 60.0)
    one = report_of(arriving, 1, Places.of_service(5.0, 12), step_s=60.0)
    four = report_of(arriving, 4, Places.of_service(5.0, 3), step_s=60.0)
    assert four.wait == one.wait


def test_a_large_overload_waits_in_its_fluid_backlog():
    # Half as much again for 2 hours, then half; chance adds next to nothing to 5,000 places.
    places = Places.of_service(service_s=10.0, slots_per_replica=5_000)
    full = 500.0 * 300.0
    arriving = np.r_[np.full(24, 0.5), np.full(24, 1.5), np.full(72, 0.5)] * full
    report = report_of(arriving, 1, places)
    # The backlog rises to an hour's work in two hours, and is gone after two more.
    area_s = 0.5 * (3600.0 * 500.0) * 4 * 3600.0
    expected_s = area_s / arriving.sum()
    assert report.backlog_mean_wait_s == pytest.approx(expected_s, rel=1e-9)
    assert report.wait.mean_s == pytest.approx(expected_s, rel=0.01)
    assert report.wait.p99_s == pytest.approx(3600.0, rel=0.03)


def test_what_waits_is_served_by_the_replicas_that_come_later():
    # A replica of 100 requests/s gets 3 times its capacity; 5 more come after 10 minutes.
    places = Places.of_service(service_s=1.0, slots_per_replica=100)
    arriving = np.r_[np.full(20, 50.0), np.full(40, 300.0)] * 60.0
    replicas = np.r_[np.full(30, 1.0), np.full(30, 6.0)]
    record = fluid_record(arriving, replicas, places, 60.0)
    report = latency_report(record, 60.0, places)
    capacity = replicas * 100.0 * 60.0
    fluid = queue_report(record.arriving_requests, record.served_requests, record.overflow_requests, capacity, 60.0)
    assert report.wait.mean_s == pytest.approx(fluid.area_s / arriving.sum(), rel=0.02)
    assert report.wait.p99_s == pytest.approx(fluid.max_wait_s, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("peak", "swing"), [(0.8, 0.5), (0.95, 0.5), (1.1, 0.4)])
def test_a_day_of_one_server_waits_as_its_chain_moves(peak, swing):
    """M(t)/M/1 from its own equations: probabilities of every number in the system, second by second."""
    service_s, states = 10.0, 1_200
    mean_rate = peak / service_s / (1 + swing)
    probability, shares = np.zeros(states), np.zeros(states)
    probability[0] = 1.0
    served = 1.0 / service_s
    for half_step in range(2 * int(DAY_S / 5.0)):  # two days, the second of which counts
        rate = mean_rate * (1 - swing * math.cos(2 * math.pi * half_step * 5.0 / DAY_S))
        for _ in range(2):
            up, down = rate * 2.5 * probability[:-1], served * 2.5 * probability[1:]
            probability[:-1] += down - up
            probability[1:] += up - down
        if half_step >= DAY_S / 5.0:
            shares += rate * probability
    shares /= shares.sum()
    mean_s = (shares * np.arange(states)).sum() * service_s
    # p95: a request that finds n waits the sum of n exponential times.
    from scipy.stats import gamma

    def share_within(wait_s):
        return shares[0] + (shares[1:] * gamma.cdf(wait_s, np.arange(1, states), scale=service_s)).sum()

    starts = np.arange(0.0, 10 * DAY_S, 300.0)
    expected = mean_rate * (1 - swing * np.cos(2 * np.pi * (starts + 150.0) / DAY_S)) * 300.0
    report = report_of(expected, 1, Places.of_service(service_s))
    assert report.wait.mean_s == pytest.approx(mean_s, rel=0.05)
    assert share_within(report.wait.p95_s) == pytest.approx(0.95, abs=0.005)
    if peak > 0.9:
        steady = [wait_law(1, min(load, 0.999), service_s).mean_s for load in expected / 300.0 * service_s]
        assert (steady * expected).sum() / expected.sum() > 1.03 * mean_s


def test_time_in_other_units_changes_waits_by_as_much():
    shape = 1.0 + 0.5 * np.sin(np.arange(500) / 20.0)
    slow = report_of(0.7 * 4 / 10.0 * 300.0 * shape, 1, Places.of_service(10.0, 4), 300.0)
    fast = report_of(0.7 * 4 / 10.0 * 300.0 * shape, 1, Places.of_service(1.0, 4), 30.0)
    assert 0.0 < slow.followed_share < 1.0
    assert slow.wait.mean_s == pytest.approx(10 * fast.wait.mean_s, rel=1e-6)
    assert slow.wait.p99_s == pytest.approx(10 * fast.wait.p99_s, rel=0.01)


def test_nobody_waits_longer_than_requests_stay():
    places = Places.of_service(service_s=10.0, slots_per_replica=200)
    arriving = np.r_[np.full(50, 0.6), np.full(50, 1.5), np.full(50, 0.6)] * 20.0 * 300.0
    report = report_of(arriving, 1, places, max_wait_s=60.0)
    assert report.wait.p99_s <= 60.0 + 1e-9
    assert report.wait.p99_s > 55.0
    assert report.overflow_requests == pytest.approx(0.5 * 50 * 6_000 - 1_200)
    assert report.left_by_chance_requests == pytest.approx(report.overflow_requests, rel=0.02)
    assert report.arriving_requests == arriving.sum()


@pytest.mark.parametrize("load", [0.9, 0.99, 1.2])
def test_where_requests_leave_a_single_server_waits_by_the_law_cut_off_at_their_patience(load):
    # Work ahead in M/M/1 whose arrivals leave when it is above T: at 0 with weight 1, density load exp(-(1 - load) x)
    # up to T and the rest of an exponential service above, in service times.
    service_s, patience = 10.0, 12.0
    rate = 1.0 - load
    below = load * -math.expm1(-rate * patience) / rate
    above = load * math.exp(-rate * patience)
    moment = load * (-math.expm1(-rate * patience) / rate**2 - patience * math.exp(-rate * patience) / rate)
    arriving = np.full(4_000, load / service_s * 60.0)
    report = report_of(arriving, 1, Places.of_service(service_s), step_s=60.0, max_wait_s=patience * service_s)
    assert report.wait.mean_s == pytest.approx(moment / (1 + below) * service_s, rel=0.06)
    left = report.left_by_chance_requests / arriving.sum()
    assert left == pytest.approx(above / (1 + below + above), rel=0.2)


def test_the_first_token_comes_after_wait_and_prefill():
    places = Places.of_service(service_s=10.0, slots_per_replica=8)
    arriving = np.full(100, 0.5 * 8 / 10.0 * 300.0)
    report = report_of(arriving, 1, places, prefill_s=0.4, first_token_target_s=0.5)
    law = wait_law(8, 0.5, 10.0)
    assert report.first_token.mean_s == pytest.approx(law.mean_s + 0.4, rel=0.005)
    assert report.first_token.p50_s == pytest.approx(0.4, rel=1e-9)
    assert report.late_share == pytest.approx(law.share_above(0.1), rel=0.01)


def test_prefill_may_depend_on_the_load_and_on_the_step():
    places = Places.of_service(service_s=1.0, slots_per_replica=100)
    arriving = np.r_[np.full(30, 20.0), np.full(10, 60.0)] * 300.0
    by_load = report_of(arriving, 1, places, prefill_s=lambda load: 0.1 + load)
    by_step = report_of(arriving, 1, places, prefill_s=np.r_[np.full(30, 0.3), np.full(10, 0.7)])
    assert by_load.first_token.p50_s == pytest.approx(by_step.first_token.p50_s)
    assert by_load.first_token.mean_s == pytest.approx(by_step.first_token.mean_s)
    assert by_load.first_token.mean_s == pytest.approx((0.3 + 0.7) / 2, rel=1e-3)  # as many requests in 10 as in 30
    assert by_load.first_token.p95_s == pytest.approx(0.7, rel=1e-3)


def test_without_a_target_nothing_is_late_or_on_time():
    assert report_of(np.full(10, 10.0), 1, Places.of_service(1.0)).late_share is None


def test_a_target_no_request_can_miss_or_meet():
    arriving = np.full(50, 0.5 * 300.0)
    places = Places.of_service(1.0)
    assert report_of(arriving, 1, places, prefill_s=1.0, first_token_target_s=0.5).late_share == pytest.approx(1.0)
    assert report_of(arriving, 1, places, first_token_target_s=1e4).late_share == pytest.approx(0.0, abs=1e-12)


def test_a_fleet_that_starts_from_zero_makes_its_first_requests_wait_for_it():
    places = Places.of_service(service_s=1.0, slots_per_replica=1_000)
    replicas = np.r_[np.zeros(10), np.ones(90)]
    arriving = np.r_[np.zeros(5), np.full(95, 400.0)] * 60.0
    report = report_of(arriving, replicas, places, step_s=60.0)
    # 5 minutes of 400 a second wait until minute 10, and go at 1,000 a second: the first wait 300 s, the last none.
    area_s = 0.5 * 400.0 * 300.0 * (300.0 + 200.0)
    assert report.wait.mean_s == pytest.approx(area_s / arriving.sum(), rel=0.03)
    assert report.wait.p99_s == pytest.approx(300.0 - 0.01 * arriving.sum() / 400.0 * 0.6, rel=0.1)


def test_a_fleet_without_capacity_answers_nothing():
    report = report_of(np.full(10, 5.0), 0.0, Places.of_service(1.0))
    assert report.wait.mean_s == 0.0
    assert report.queued_requests == 50.0


def test_no_requests_no_waits():
    report = report_of(np.zeros(10), 1.0, Places.of_service(1.0), first_token_target_s=1.0)
    assert report.wait.p99_s == 0.0
    assert report.late_share == 0.0


def test_the_same_seed_gives_the_same_figures():
    arriving = 290.0 * (1.0 + 0.2 * np.sin(np.arange(300) / 30.0))
    first, again, other = (report_of(arriving, 1, Places.of_service(1.0), seed=seed) for seed in (1, 1, 2))
    assert first.followed_share > 0.2
    assert first.wait == again.wait
    assert first.wait != other.wait
    assert first.wait.mean_s == pytest.approx(other.wait.mean_s, rel=0.05)


def test_a_table_for_other_service_times_is_refused():
    with pytest.raises(ValueError, match="table is for service_scv 0, places have 1"):
        report_of(np.full(10, 5.0), 1, Places.of_service(1.0), table=wait_table(0.0))


def test_plain_python_follows_the_queue_to_the_same_figures(monkeypatch):
    arriving = 290.0 * (1.0 + 0.3 * np.sin(np.arange(40) / 5.0))
    monkeypatch.setattr("simulator.simulation.latency._MOST_DRAWS", 20)
    compiled = report_of(arriving, 1, Places.of_service(1.0, 2), max_wait_s=400.0)
    for name in ("_wait_of", "_bin_of"):
        part = getattr(sampled_queue, name)
        monkeypatch.setattr(sampled_queue, name, getattr(part, "py_func", part))
    for name in ("follow", "mark_settled"):
        monkeypatch.setattr(sampled_queue, name, getattr(sampled_queue, name).py_func)
    plain = report_of(arriving, 1, Places.of_service(1.0, 2), max_wait_s=400.0)
    assert plain.wait == compiled.wait
    assert plain.left_by_chance_requests == compiled.left_by_chance_requests
