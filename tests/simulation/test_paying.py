"""Billing periods and sites: what is paid for replicas that are not wanted any more, and where."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed_fleet import REQUESTS_PER_S, SECONDS_PER_MONTH, Case

from simulator.domain.plans import SpotTerms
from simulator.domain.purchase import SiteTerms
from simulator.interface import load_scenario, make_plan
from simulator.simulation import kernel, paying
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve

STEP_S = 60.0
AT_ONCE = (("kind", "target_utilization"), ("target_share", 1.0), ("stabilisation_s", 0.0))


def staircase(numbers, **changes):
    """A fleet that wants these numbers of replicas, one a step."""
    return Case(tuple(float(number) for number in numbers), step_s=STEP_S, autoscaling=AT_ONCE, **changes)


def paid(numbers, steps, **changes):
    """Replicas paid in each step, where a period is so many steps."""
    return staircase(numbers).run(billing_period_s=steps * STEP_S, **changes).record.billed_replicas.tolist()


# Hand-worked.


def test_a_replica_is_paid_to_the_end_of_the_period_that_has_begun():
    # One for 2 steps is paid 3; one for 4 steps is paid 6.
    assert paid([0, 1, 1, 0, 0, 0], 3) == [0, 1, 1, 1, 0, 0]
    assert paid([0, 1, 1, 1, 1, 0, 0, 0], 3) == [0, 1, 1, 1, 1, 1, 1, 0]


def test_a_stop_right_at_the_end_of_a_period_wastes_nothing():
    assert paid([0, 1, 1, 1, 0, 0], 3) == [0, 1, 1, 1, 0, 0]


def test_those_whose_period_ends_first_are_stopped():
    # Begun in steps 0 and 2, one is stopped in step 4: the first one is paid up to 5, the second one up to 4, and goes.
    # The other way round the second one would be paid up to 7.
    assert paid([1, 1, 2, 2, 1, 1, 0, 0, 0], 3) == [1, 1, 2, 2, 2, 1, 0, 0, 0]


def test_what_is_paid_for_is_used_again_before_another_period_begins():
    assert paid([1, 0, 1, 0, 1, 0, 0, 0], 4) == [1, 1, 1, 1, 1, 1, 1, 1]


def test_the_periods_of_the_first_replicas_begin_with_the_horizon_and_its_end_cuts_the_last():
    assert paid([2, 1, 1, 1, 1], 4) == [2, 2, 2, 2, 1]


def test_a_period_that_is_no_multiple_of_the_step_is_rounded_up_to_whole_ones():
    case = staircase([0, 1, 0, 0, 0])
    assert case.run(billing_period_s=150.0).record.billed_replicas.tolist() == [0, 1, 1, 1, 0]


def test_billed_from_readiness_the_period_begins_when_the_replica_is_ready():
    case = staircase([0, 1, 1, 1, 0, 0, 0, 0], cold_start_s=60.0, billing_from="ready")
    assert case.run(billing_period_s=180.0).record.billed_replicas.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("period_s", [0.0, 1.0, 59.0, 60.0])
def test_a_period_not_longer_than_a_step_changes_nothing(period_s):
    numbers = [3, 0, 2, 5, 1, 1, 4]
    assert staircase(numbers).run(billing_period_s=period_s).record.billed_replicas.tolist() == numbers


# Against replicas written out one by one.


def written_out(numbers, steps):
    """Replicas in a list, by the step in which each began; total paid, step by step and replica by replica."""
    rented, by_step, ended = [], [], []
    for step, number in enumerate(numbers):
        # Those that are not wanted are given back when their period is over, the ones that it is over for first.
        over = [begun for begun in rented if (step - begun) % steps == 0]
        for begun in over[: max(len(rented) - number, 0)]:
            rented.remove(begun)
            ended.append((begun, step))
        rented += [step] * max(number - len(rented), 0)
        by_step.append(len(rented))
    last = len(numbers)
    ended += [(begun, last) for begun in rented]
    # What a replica is paid is its time in whole periods, up to the end of the horizon.
    total = sum(min(math.ceil((end - begun) / steps) * steps, last - begun) for begun, end in ended)
    return by_step, total


NUMBERS = st.lists(st.integers(0, 9), min_size=3, max_size=60).filter(any)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(numbers=NUMBERS, steps=st.integers(1, 14))
def test_random_staircases_are_paid_as_replicas_in_a_list_are(numbers, steps):
    run = staircase(numbers).run(billing_period_s=steps * STEP_S)
    by_step, total = written_out(numbers, steps)
    assert run.record.billed_replicas.tolist() == by_step
    assert sum(by_step) == total
    assert run.billed_replica_hours.sum() == pytest.approx(total / 60.0)
    assert run.peak_billed_replicas.max() == max(numbers)


def cheapest_cover(numbers, steps):
    """Least that periods of this length cost which cover the numbers: every choice of what begins, by dynamic rule."""
    known = {}

    def cost(step, begun):
        if step == len(numbers):
            return 0
        if (step, begun) not in known:
            missing = max(numbers[step] - sum(begun), 0)
            known[step, begun] = min(
                more * min(steps, len(numbers) - step) + cost(step + 1, (*begun, more)[1:])
                for more in range(missing, max(numbers) + 1)
            )
        return known[step, begun]

    return cost(0, (0,) * (steps - 1))


@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(st.integers(0, 3), min_size=3, max_size=8).filter(any), steps=st.integers(2, 4))
def test_no_other_choice_of_periods_costs_less(numbers, steps):
    assert sum(paid(numbers, steps)) == cheapest_cover(numbers, steps)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(numbers=NUMBERS, data=st.data(), steps=st.integers(2, 12))
def test_more_replicas_at_any_step_never_cost_less(numbers, data, steps):
    more = [number + data.draw(st.integers(0, 3)) for number in numbers]
    assert sum(paid(more, steps)) >= sum(paid(numbers, steps))


# Together with what else is bought.


def test_a_base_is_paid_apart_and_never_stands_in_for_a_replica_above_it():
    # Above a base of 1, one replica for one step is paid 2.
    run = staircase([1, 2, 1, 1, 1]).run(billing_period_s=2 * STEP_S, base_replicas=1.0)
    assert run.record.billed_replicas.tolist() == [1, 2, 2, 1, 1]
    assert run.above_base_replica_hours.sum() * 60.0 == pytest.approx(2)
    # Without one, the period of the first could be let run out instead.
    assert paid([1, 2, 1, 1, 1], 2) == [1, 2, 1, 1, 1]


def test_stopped_replicas_are_on_spot_by_the_share_that_is():
    run = staircase([4, 0, 0, 0, 4, 4]).run(billing_period_s=3 * STEP_S, spot=SpotTerms(0.25, 0.0))
    assert run.billed_replica_hours.sum() * 60.0 == pytest.approx(4 * 5)
    assert run.spot_replica_hours.sum() == pytest.approx(0.25 * run.above_base_replica_hours.sum())


def test_service_does_not_depend_on_the_billing_period():
    case = staircase([3, 0, 2, 5, 1, 1, 4, 0, 6], cold_start_s=90.0)
    once, again = case.run(), case.run(billing_period_s=600.0)
    np.testing.assert_array_equal(once.record.ready_replicas, again.record.ready_replicas)
    np.testing.assert_array_equal(once.record.served_requests, again.record.served_requests)
    assert again.billed_replica_hours.sum() > once.billed_replica_hours.sum()


# Sites.


def test_sites_are_filled_in_their_order():
    sites = (SiteTerms("a", 1.0, 2.0), SiteTerms("b", 2.0, 3.0), SiteTerms("c", 3.0))
    run = staircase([1, 2, 4, 5, 7, 0]).run(sites=sites)
    assert (run.site_replica_hours[:, :, 0].sum(axis=1) * 60.0).tolist() == pytest.approx(
        [1 + 2 + 2 + 2 + 2, 0 + 0 + 2 + 3 + 3, 2]
    )


@settings(max_examples=40, deadline=None)
@given(
    numbers=NUMBERS,
    edges=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    periods=st.lists(st.integers(1, 5), min_size=4, max_size=4),
)
def test_every_site_is_paid_as_a_list_of_its_own(numbers, edges, periods):
    sizes = [*map(float, edges), math.inf]
    sites = tuple(SiteTerms(str(place), 1.0 + place, size, periods[place] * STEP_S) for place, size in enumerate(sizes))
    run = staircase(numbers).run(sites=sites)
    low = 0.0
    for size, steps, hours in zip(sizes, periods, run.site_replica_hours[:, :, 0].sum(axis=1), strict=False):
        own = [int(min(max(number - low, 0), size)) for number in numbers]
        assert hours * 60.0 == pytest.approx(written_out(own, steps)[1])
        low += size
    assert run.site_replica_hours.sum() == pytest.approx(run.billed_replica_hours.sum())


# Many volumes.


def volumes_run(loads, policy, **changes):
    steps = 600
    shape = 1.0 + 0.8 * np.sin(np.arange(steps) / 17.0) + 0.6 * np.sin(np.arange(steps) / 3.1)
    numbers = tuple(np.maximum(shape, 0.05).tolist())
    case = Case(numbers, step_s=STEP_S, autoscaling=tuple(policy.items()))
    plan = make_plan(load_scenario(case.scenario()))
    demand = sample_demand(plan.scenario.traffic, plan.scenario.horizon, plan.scenario.seed)
    fleet = replace(plan.options["fleet"], cold_start_s=120.0, **changes)
    return serve(fleet, demand, np.asarray(loads) * REQUESTS_PER_S * SECONDS_PER_MONTH)


@pytest.mark.parametrize(
    "policy",
    [
        {"kind": "target_utilization", "stabilisation_s": 0.0},
        {"kind": "target_utilization", "stabilisation_s": 300.0},
        {"kind": "perfect_foresight"},
        {"kind": "scale_to_zero", "idle_timeout_s": 60.0},
    ],
    ids=lambda policy: policy["kind"],
)
@pytest.mark.parametrize("billing_from", ["request", "ready"])
def test_the_rent_of_whole_hours_never_falls_with_the_volume(policy, billing_from):
    run = volumes_run(np.geomspace(0.05, 40, 1500), policy, billing_period_s=3600.0, billing_from=billing_from)
    hours = run.billed_replica_hours.sum(axis=0)
    assert np.all(np.diff(hours) >= -1e-9 * hours[1:])
    plain = volumes_run(np.geomspace(0.05, 40, 1500), policy, billing_from=billing_from)
    assert np.all(hours >= plain.billed_replica_hours.sum(axis=0) - 1e-9)
    np.testing.assert_array_equal(run.peak_billed_replicas, plain.peak_billed_replicas)


def test_every_volume_is_paid_as_it_is_alone():
    policy, loads = {"kind": "target_utilization"}, np.linspace(0.3, 9, 100)
    sites = (SiteTerms("a", 1.0, 3.0, 3600.0), SiteTerms("b", 2.0, math.inf, 600.0))
    together = volumes_run(loads, policy, sites=sites)
    alone = volumes_run(loads[41:42], policy, sites=sites)
    np.testing.assert_array_equal(together.site_replica_hours[:, :, 41], alone.site_replica_hours[:, :, 0])


def test_the_layout_is_that_of_the_kernel():
    assert (paying.LANES, paying.BILLED) == (kernel.LANES, kernel._BILLED)
