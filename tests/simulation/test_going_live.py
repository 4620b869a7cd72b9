"""A demand parted at the moment when a fleet goes live."""

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.simulation.going_live import until_live
from simulator.simulation.shared_costs import demand_of

WEEK_HOURS = 168


def parted(weeks, *, step_s=3600, traffic=None):
    case = {
        "title": "going live",
        "horizon": {"days": 28, "step_s": step_s},
        "traffic": {"requests_per_month": 73_000, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 200}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}},
            "other": {"kind": "api", "prices": {"input_usd_per_mtok": 9.0, "output_usd_per_mtok": 9.0}},
        },
    }
    plan = make_plan(sim.load_scenario(case))
    demand = demand_of(plan)
    return demand, until_live(plan.options["api"], demand, plan.scenario.mix, 73_000.0, weeks)


def test_before_it_is_live_nothing_reaches_the_fleet_and_afterwards_everything():
    demand, before = parted(2, traffic={"diurnal": {"peak_hour": 14, "peak_to_mean": 1.7}})
    first = 2 * WEEK_HOURS
    assert not before.demand.profile[:first].any()
    assert np.array_equal(before.demand.profile[first:], demand.profile[first:])
    assert not before.requests[first:].any()
    assert before.requests[:first] == pytest.approx(demand.profile[:first] * 100)  # 100 requests an hour


def test_the_api_bills_what_it_answers_at_its_list_price():
    _, before = parted(3)
    (usd,) = before.lines.values()
    assert usd.sum() == pytest.approx(3 * WEEK_HOURS * 100 * (300e-6 + 400e-6))
    assert before.tokens.sum() == pytest.approx(3 * WEEK_HOURS * 100 * 500)


def test_a_fleet_that_is_live_from_the_start_has_its_demand_as_it_is():
    demand, before = parted(0)
    assert before.demand is demand
    assert before.lines == {}
    assert not before.requests.any()


def test_a_moment_within_a_step_is_put_at_its_end():
    _, before = parted(0.5, step_s=24 * 3600)  # three and a half steps of a day
    assert np.count_nonzero(before.requests) == 4


def test_requests_that_are_counted_are_the_same_on_both_sides_of_the_moment():
    demand, before = parted(1.5, traffic={"counts": "poisson", "noise": {"relative_sd": 0.4}})
    whole = demand.path(73_000.0, sim.load_scenario("support-chatbot").mix).requests
    first = int(1.5 * WEEK_HOURS)
    assert np.array_equal(before.requests[:first], whole[:first])
    silent = before.demand.path(73_000.0, sim.load_scenario("support-chatbot").mix).requests
    assert not silent[:first].any()
    assert np.array_equal(silent[first:], whole[first:])
