"""Spot replicas that the provider takes back, and a base that is paid apart."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed_fleet import REQUESTS_PER_S, SECONDS_PER_MONTH, Case

from simulator.domain.plans import SpotTerms
from simulator.interface import load_scenario, make_plan
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve
from simulator.simulation.streams import stream

STEP_S = 60.0


def fixed(count, steps, **changes):
    case = Case((1.0,) * steps, step_s=STEP_S, autoscaling=(("kind", "fixed"), ("count", count)))
    return replace(case, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("outage_s", [60.0, 330.0, 1800.0])
@pytest.mark.parametrize("per_hour", [0.05, 0.5, 4.0])
def test_replicas_are_up_as_long_as_interruptions_and_restarts_let_them_on_average(per_hour, outage_s):
    # Up for 1 / rate on average, then out for the outage: 1 / (1 + rate x outage).
    spot = SpotTerms(1.0, per_hour, wait_s=outage_s - 60.0)
    run = fixed(400, 20_000, cold_start_s=60.0).run(spot=spot)
    expected = 1.0 / (1.0 + per_hour * outage_s / 3600.0)
    assert run.record.ready_replicas.mean() / 400 == pytest.approx(expected, rel=1e-3)
    hours_up = run.record.ready_replicas.sum() * STEP_S / 3600.0
    assert run.interruptions.sum() / hours_up == pytest.approx(per_hour, rel=0.01)


@pytest.mark.slow
def test_the_mean_over_many_draws_of_one_replica_is_the_same():
    case = fixed(1, 2_000, cold_start_s=600.0)
    up = [case.run(spot=SpotTerms(1.0, 1.0, seed=seed)).record.ready_replicas.mean() for seed in range(40)]
    expected = 1.0 / (1.0 + 600.0 / 3600.0)
    assert np.mean(up) == pytest.approx(expected, abs=4 * np.std(up) / math.sqrt(40))
    assert np.std(up) > 0.005


def test_only_the_share_on_spot_is_taken_back():
    run = fixed(10, 5_000, cold_start_s=1800.0).run(spot=SpotTerms(0.4, 3.0))
    assert run.record.ready_replicas.min() >= 6
    assert run.record.ready_replicas.mean() == pytest.approx(6 + 4 / (1 + 3.0 * 0.5), rel=0.01)


@pytest.mark.slow
def test_a_notice_covers_a_part_of_the_cold_start():
    # Asked for with the notice, 120 s before the loss, a replacement is ready 300 - 120 s after it.
    run = fixed(400, 10_000, cold_start_s=300.0).run(spot=SpotTerms(1.0, 2.0, notice_s=120.0))
    assert run.record.ready_replicas.mean() / 400 == pytest.approx(1 / (1 + 2.0 * 180 / 3600), rel=1e-3)
    # A notice as long as the cold start leaves no gap; both replicas are paid in the meantime.
    run = fixed(400, 10_000, cold_start_s=300.0).run(spot=SpotTerms(1.0, 2.0, notice_s=300.0))
    assert run.record.ready_replicas.min() == 400
    assert run.interruptions.sum() > 0
    assert run.record.billed_replicas.mean() / 400 == pytest.approx(1 + 2.0 * 300 / 3600, rel=0.002)


@pytest.mark.slow
def test_what_is_gone_is_not_billed_and_its_restart_is_as_any_other():
    terms = SpotTerms(1.0, 2.0, wait_s=240.0)
    asked = fixed(300, 10_000, cold_start_s=120.0).run(spot=terms)
    out = asked.interruptions.sum() * 240.0 / 3600.0  # hours
    assert asked.billed_replica_hours.sum() == pytest.approx(300 * 10_000 / 60.0 - out, rel=2e-5)
    ready = fixed(300, 10_000, cold_start_s=120.0, billing_from="ready").run(spot=terms)
    np.testing.assert_allclose(ready.record.billed_replicas, ready.record.ready_replicas)


def test_what_is_interrupted_waits_and_is_served_by_those_that_are_left():
    run = fixed(1, 600, cold_start_s=300.0).run(spot=SpotTerms(1.0, 6.0))
    assert (run.record.ready_replicas == 0).any()
    arrived = run.arriving_requests.sum()
    assert run.served_requests.sum() + run.queued_requests.sum() == pytest.approx(arrived, rel=1e-9)
    assert run.served_requests.sum() == pytest.approx(
        run.record.ready_replicas.sum() * REQUESTS_PER_S * STEP_S, rel=1e-9
    )


def lanes(counts_or_loads, *, spot=None, base_replicas=None, steps=3_000, policy=None, **changes):
    """One run over several volumes: as many replicas, of which each takes a load of one."""
    case = Case((1.0,) * steps, step_s=STEP_S, autoscaling=tuple((policy or {"kind": "target_utilization"}).items()))
    plan = make_plan(load_scenario(case.scenario()))
    fleet = replace(plan.options["fleet"], spot=spot, **changes)
    demand = sample_demand(plan.scenario.traffic, plan.scenario.horizon, plan.scenario.seed)
    volumes = np.array(counts_or_loads) * REQUESTS_PER_S * SECONDS_PER_MONTH
    return serve(fleet, demand, volumes, base_replicas=base_replicas, block_ends=np.arange(1, steps + 1))


def test_interruptions_are_the_same_for_every_volume_and_rise_with_the_replicas():
    sizes = np.arange(1, 65)
    run = lanes(
        sizes, spot=SpotTerms(1.0, 1.0), cold_start_s=900.0, policy={"kind": "target_utilization", "target_share": 1.0}
    )
    taken, up = run.interruptions, sizes - out_of(run.interruptions, 15)
    assert (np.diff(taken, axis=1) >= 0).all()
    assert (np.diff(up, axis=1) >= 0).all()
    alone = lanes(sizes[30:31], spot=SpotTerms(1.0, 1.0), cold_start_s=900.0, policy={
        "kind": "target_utilization", "target_share": 1.0})  # fmt: skip
    np.testing.assert_array_equal(alone.interruptions[:, 0], taken[:, 30])


def out_of(taken, steps):
    """How many are out in each step, each for so many steps."""
    sums = np.cumsum(taken, axis=0)
    return sums - np.vstack([np.zeros((steps, taken.shape[1])), sums[:-steps]])


def test_another_seed_is_another_path_and_the_same_seed_the_same():
    one, again, other = (
        fixed(20, 500).run(spot=SpotTerms(1.0, 1.0, wait_s=300.0, seed=seed)).record.ready_replicas
        for seed in (1, 1, 2)
    )
    assert one.tolist() == again.tolist()
    assert one.tolist() != other.tolist()


def test_without_spot_nothing_is_taken_back():
    plain = fixed(20, 500).run()
    for terms in (SpotTerms(0.0, 5.0, wait_s=300.0), SpotTerms(1.0, 0.0, wait_s=300.0)):
        run = fixed(20, 500).run(spot=terms)
        assert run.interruptions.sum() == 0
        assert run.record.ready_replicas.tolist() == plain.record.ready_replicas.tolist()
        assert run.billed_replica_hours.sum() == plain.billed_replica_hours.sum()


def written_out(case, terms, base, ordered):
    """Interruptions one by one: each loses a replica for a time, and changes the bill for a time."""
    out_s = max(terms.wait_s + case.cold_start_s - terms.notice_s, 0.0)
    gap_s = out_s if case.billing_from == "ready" else terms.wait_s - terms.notice_s
    rate = terms.interruptions_per_replica_hour * case.step_s / 3600.0
    rest = math.ceil(out_s / case.step_s - 1e-9) - out_s / case.step_s
    chance = 1.0 / (1.0 + max(1.0 / rate - rest, 0.0)) if out_s > 0 else min(rate, 1.0)
    draws = stream(terms.seed, "interruptions").random(len(ordered))
    lost_s, ready, billed = [], [], []
    for step, number in enumerate(ordered):
        start_s, end_s = step * case.step_s, (step + 1) * case.step_s
        spot = terms.share * max(number - base, 0.0)
        down = sum(1 for at_s in lost_s if at_s + out_s > start_s + 1e-6)
        lost_s += [start_s] * math.floor(draws[step] + chance * max(spot - down, 0.0))
        spans = [(at_s, at_s + out_s) for at_s in lost_s]
        missing = sum(max(min(until, end_s) - max(since, start_s), 0.0) for since, until in spans) / case.step_s
        ready.append(number - min(missing, spot))
        spans = [(at_s, at_s + abs(gap_s)) for at_s in lost_s]
        differs = sum(max(min(until, end_s) - max(since, start_s), 0.0) for since, until in spans) / case.step_s
        differs = min(differs, spot)
        billed.append(number - differs if gap_s > 0 else number + differs)
    return ready, billed


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 12),
    share=st.sampled_from([0.25, 0.5, 1.0]),
    per_hour=st.sampled_from([0.3, 5.0, 60.0]),
    notice_s=st.sampled_from([0.0, 30.0, 120.0, 400.0]),
    wait_s=st.sampled_from([0.0, 45.0, 300.0]),
    cold_start_s=st.sampled_from([0.0, 90.0, 240.0]),
    base=st.sampled_from([0.0, 1.0, 3.0]),
    billing_from=st.sampled_from(["request", "ready"]),
    seed=st.integers(0, 5),
)
def test_interruptions_do_what_interruptions_written_out_one_by_one_do(
    count, share, per_hour, notice_s, wait_s, cold_start_s, base, billing_from, seed
):
    case = fixed(count, 60, cold_start_s=cold_start_s, billing_from=billing_from)
    terms = SpotTerms(share, per_hour, notice_s, wait_s, seed)
    run = case.run(spot=terms, base_replicas=base)
    ready, billed = written_out(case, terms, base, [float(count)] * 60)
    np.testing.assert_allclose(run.record.ready_replicas, ready, atol=1e-9)
    np.testing.assert_allclose(run.record.billed_replicas, billed, atol=1e-9)
    assert run.billed_replica_hours.sum() == pytest.approx(sum(billed) / 60.0)


# A base.


def test_what_is_billed_above_a_base_is_told_apart():
    loads = (1.0, 3.0, 6.0, 2.0, 1.0, 5.0)
    case = Case(loads, autoscaling=(("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0)))
    run = case.run(base_replicas=2.0)
    assert run.above_base_replica_hours.sum() * 60.0 == pytest.approx(0 + 1 + 4 + 0 + 0 + 3)
    assert run.billed_replica_hours.sum() * 60.0 == pytest.approx(18)
    assert case.run().above_base_replica_hours.sum() * 60.0 == pytest.approx(18)


def test_every_volume_may_have_a_base_of_its_own():
    sizes, bases = np.array([4.0, 2.0, 8.0, 8.0]), np.array([1.0, 3.0, 0.0, 5.0])
    run = lanes(sizes, base_replicas=bases, steps=60, policy={"kind": "target_utilization", "target_share": 1.0})
    assert run.above_base_replica_hours.sum(axis=0).tolist() == pytest.approx([3.0, 0.0, 8.0, 3.0])


def test_the_base_is_never_on_spot():
    run = fixed(10, 5_000, cold_start_s=1800.0).run(spot=SpotTerms(1.0, 3.0), base_replicas=7.0)
    assert run.record.ready_replicas.min() >= 7
    assert run.spot_replica_hours.sum() == pytest.approx(run.above_base_replica_hours.sum())
    half = fixed(10, 5_000, cold_start_s=1800.0).run(spot=SpotTerms(0.5, 3.0), base_replicas=6.0)
    assert half.above_base_replica_hours.sum() == pytest.approx(4 * 5_000 / 60.0)
    assert half.spot_replica_hours.sum() == pytest.approx(2 * 5_000 / 60.0)
