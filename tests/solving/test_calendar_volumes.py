"""The break-even volume at the prices of later months."""

import numpy as np
import pytest

import simulator as sim
from simulator.interface import make_plan
from simulator.solving.calendar_volumes import plan_at_month, prices_move


def case(months=13, terms=None, growth=0.0, fleet=None):
    return {
        "title": "calendar",
        "horizon": {"start": "2026-12-01", "months": months, "step_s": 262_800},
        "traffic": {"tokens_per_month": 1e9, "growth_per_month": growth},
        "workload": {"chat": {"input_tokens": 600, "output_tokens": 400}},
        "options": {
            "api": {
                "kind": "api",
                "prices": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 2.0},
                "terms": terms or {},
            },
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e12},
                "rental": {"usd_per_gpu_hour": 0.0},
                "monthly_fixed_usd": {"all": 5_000.0},
                **(fleet or {}),
            },
        },
    }


def test_at_a_falling_price_the_break_even_volume_rises_by_the_same_factor():
    found = sim.volumes_over_time(case(terms={"price_decline": {"share_per_year": 0.75}}, growth=0.1))
    assert list(found.months) == list(range(13))
    assert found.settled == pytest.approx(2.5e9 * 4 ** (np.arange(13) / 12))
    assert found.first == pytest.approx(found.settled)
    assert found.demand_tokens_per_month == pytest.approx(1e9 * 1.1 ** np.arange(13))
    assert set(found.reasons) == {None}


def test_a_decline_in_yearly_steps_moves_it_once_a_year():
    found = sim.volumes_over_time(case(terms={"price_decline": {"share_per_year": 0.5, "steps": "yearly"}}))
    assert found.settled == pytest.approx([2.5e9] * 12 + [5e9])


def test_a_dated_change_of_prices_moves_it_from_the_first_month_that_starts_after_it():
    change = {"price_changes": [{"effective_from": "2027-06-15", "multiplier": 0.5}]}
    found = sim.volumes_over_time(case(terms=change))
    # Bill month 7 starts 5,110 h after 1 December, on 1 July 2027.
    assert found.settled == pytest.approx([2.5e9] * 7 + [5e9] * 6)


def test_the_first_month_is_the_study_of_the_scenario():
    scenario = sim.load_scenario("h100-vs-haiku", overrides={"horizon.step_s": 3600})
    found = sim.volumes_over_time(scenario, most=1)
    study = sim.break_even(scenario)
    assert found.settled == pytest.approx([study.settled])


def test_a_month_in_which_it_never_pays_says_why():
    dear = {"variable_usd_per_mtok": 1.0}
    found = sim.volumes_over_time(case(terms={"price_decline": {"share_per_year": 0.75}}, fleet=dear))
    # at half the price, in month 6, a token costs less than the fleet's variable cost
    assert found.settled[0] == pytest.approx(5e9)
    assert np.isnan(found.settled[-1])
    assert found.reasons[-1] == "baseline_always_cheaper"


def test_long_horizons_are_solved_at_some_months_the_first_and_last_among_them():
    found = sim.volumes_over_time(case(months=120), most=5)
    assert list(found.months) == [0, 30, 60, 89, 119]
    with pytest.raises(ValueError, match="most is 0, must be at least 1"):
        sim.volumes_over_time(case(), most=0)


@pytest.mark.parametrize(
    ("terms", "move"),
    [
        ({}, False),
        ({"price_decline": {"share_per_year": 0.0}}, False),
        ({"price_decline": {"share_per_year": 0.1}}, True),
        ({"price_changes": [{"effective_from": "2027-06-15", "multiplier": 0.5}]}, True),
    ],
)
def test_prices_move_by_decline_or_by_date(terms, move):
    plan = make_plan(sim.load_scenario(case(terms=terms)))
    assert prices_move(plan, ("api", "fleet")) is move


def test_a_later_month_has_the_later_prices_and_no_decline_beside():
    plan = plan_at_month(make_plan(sim.load_scenario(case(terms={"price_decline": {"share_per_year": 0.5}}))), 12)
    (part,) = plan.options["api"].parts
    assert part.terms.price_decline is None
    assert part.prices.usd[0].sum() == pytest.approx(1_000 * 2e-6 / 2)


@pytest.mark.parametrize(
    "later",
    [
        {"rental": {"usd_per_gpu_hour": 4.0, "changes": [{"effective_from": "2027-06-15", "usd_per_gpu_hour": 2.0}]}},
        {
            "rental": {"usd_per_gpu_hour": 4.0},
            "hardware_changes": [
                {
                    "effective_from": "2027-06-15",
                    "rental": {"usd_per_gpu_hour": 2.0},
                    "throughput": {"requests_per_s": 1e12},
                }
            ],
        },
        {
            "rental": None,
            "sites": {
                "east": {
                    "usd_per_gpu_hour": 4.0,
                    "changes": [{"effective_from": "2027-06-15", "usd_per_gpu_hour": 2.0}],
                }
            },
        },
    ],
    ids=["rent", "hardware", "site"],
)
def test_a_rent_that_halves_moves_it_by_what_the_fleet_costs_less(later):
    fixed = {"autoscaling": {"kind": "fixed", "count": 1}, "monthly_fixed_usd": {"all": 1_000.0}}
    scenario = case(fleet={**fixed, **later})
    # One replica at 4 and then 2 USD an hour and 1,000 USD a month, against 2 USD per million tokens.
    volumes = [(1_000.0 + 730 * usd) / 2.0 * 1e6 for usd in (4.0, 2.0)]
    found = sim.volumes_over_time(scenario)
    assert found.settled == pytest.approx([volumes[0]] * 7 + [volumes[1]] * 6)
    assert prices_move(make_plan(sim.load_scenario(scenario)), ("api", "fleet"))
