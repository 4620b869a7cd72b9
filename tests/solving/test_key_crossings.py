"""Break-even in any key: every crossing against a closed form, and reasons where there is none."""

import math
import re

import numpy as np
import pytest

import simulator as sim
from simulator.domain.key_range import KeyBounds
from simulator.interface import make_plan
from simulator.solving import key_crossings

FULL_REPLICA_REQUESTS = 2_628_000.0  # a month at one a second


def case(*, requests=5.5 * FULL_REPLICA_REQUESTS, fleet=None, api=None, horizon=None, **traffic):
    """An API at 0.001 USD a request, and a fleet of replicas of one request a second at 2 USD an hour."""
    return {
        "title": "any key",
        "horizon": horizon or {"days": 1, "step_s": 3600},
        "traffic": {"requests_per_month": requests, **traffic},
        "workload": {"call": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}, **(api or {})},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"requests_per_s": 1.0},
                "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
                **(fleet or {}),
            },
        },
    }


def solve_with(bounds, costs, **given):
    """Solve with both costs as a function of the value, in place of a simulation."""
    plan = make_plan(sim.load_scenario(case()))

    class Planned:
        def __init__(self, value):
            self.scenario, self.value = plan.scenario, value

    with pytest.MonkeyPatch.context() as patched:
        at = {"api": 0, "fleet": 1}
        patched.setattr(key_crossings, "_usd", lambda planned, name, basis: costs(planned.value)[at[name]])
        return key_crossings.solve_key(plan, Planned, bounds, "fleet", **given)


API_USD = 5.5 * FULL_REPLICA_REQUESTS * 0.001  # 14,454 a month; six replicas are 8,760


def test_the_rent_at_which_a_fleet_costs_what_the_api_costs_is_the_bill_over_its_hours():
    found = sim.solve(case(), "options.fleet.rental.usd_per_gpu_hour")
    (crossing,) = found.crossings
    assert crossing.value == pytest.approx(API_USD / (6 * 730), rel=1e-9)
    assert (crossing.kind, crossing.becomes_cheaper) == ("continuous", "baseline")
    assert crossing.baseline_usd == pytest.approx(API_USD)
    assert crossing.challenger_usd == pytest.approx(API_USD, rel=1e-6)
    assert found.distance(crossing) == pytest.approx(API_USD / (6 * 730) / 2.0 - 1.0, rel=1e-9)
    assert found.reason is None


def test_the_price_of_an_input_token_is_what_the_output_leaves_of_the_fleets_cost():
    found = sim.solve(case(), "options.api.prices.input_usd_per_mtok")
    # 500 tokens in, 500 out at 1 USD: (8,760 / requests - 0.0005) / 500 a token
    expected = (8_760.0 / (5.5 * FULL_REPLICA_REQUESTS) - 500e-6) / 500e-6
    assert found.values == pytest.approx((expected,), rel=1e-9)
    assert found.crossings[0].becomes_cheaper == "challenger"


def test_throughput_steps_over_the_bill_by_a_whole_replica():
    # ceil(5.5 / x) replicas at 1,460 USD against 14,454: nine replicas are cheaper (13,140), ten are not.
    found = sim.solve(case(), "options.fleet.throughput.requests_per_s")
    (crossing,) = found.crossings
    assert crossing.value == pytest.approx(5.5 / 9, rel=1e-8)
    assert (crossing.kind, crossing.becomes_cheaper) == ("jump", "challenger")
    assert {round(crossing.challenger_usd), round(crossing.baseline_usd)} == {13_140, 14_454}


def test_a_target_of_utilization_steps_likewise():
    found = sim.solve(case(), "options.fleet.autoscaling.target_share")
    assert found.values == pytest.approx((5.5 / 9,), rel=1e-8)


def test_engineers_may_cost_what_the_fleet_saves():
    priced = {"engineers": {"base_persons": 0.1, "usd_per_person_year": 120_000}}
    found = sim.solve(case(fleet=priced), "options.fleet.engineers.base_persons")
    assert found.values == pytest.approx(((API_USD - 8_760) / 10_000,), rel=1e-9)


def test_replicas_change_the_decision_between_two_whole_numbers():
    found = sim.solve(case(), "options.fleet.replicas.minimum")
    (crossing,) = found.crossings
    assert (crossing.value_below, crossing.value) == (9.0, 10.0)
    assert (crossing.kind, crossing.becomes_cheaper) == ("jump", "baseline")


def test_a_peak_buys_replicas_until_the_fleet_is_the_dearer_one():
    shape = {"diurnal": {"peak_hour": 12, "peak_to_mean": 1.5}, "timezone": "UTC"}
    fixed = {"autoscaling": {"kind": "fixed", "target_share": 1.0}}
    found = sim.solve(case(fleet=fixed, **shape), "traffic.diurnal.peak_to_mean", points=128)
    by_hand = [
        np.sign(
            sim.cost_curve(case(fleet=fixed, diurnal={"peak_hour": 12, "peak_to_mean": peak}, timezone="UTC"), 5.5e9)
            .query("line == 'total'")
            .set_index("option")["usd_per_month"]
            .pipe(lambda usd: usd["fleet"] - usd["api"])
        )
        for peak in (1.0, 12.0)
    ]
    assert by_hand[0] < 0 < by_hand[1]
    assert found.crossings
    assert found.crossings[-1].becomes_cheaper == "baseline"


@pytest.mark.slow
def test_the_volume_as_a_key_crosses_where_the_study_does():
    scenario = case()
    study = sim.break_even(scenario)
    found = sim.solve(scenario, "traffic.requests_per_month", points=2_000)
    volumes = [crossing.tokens_per_month / 1_000 for crossing in study.crossings]
    assert found.values == pytest.approx(tuple(volumes), rel=1e-6)


def test_every_crossing_of_a_difference_that_is_not_monotone_is_found_to_the_grids_resolution():
    bounds = KeyBounds("options.x", today=3.0, low=0.0, high=10.0)

    found = solve_with(bounds, lambda value: (10.0, 10.0 + math.sin(3 * value)))
    assert found.values == pytest.approx([math.pi / 3 * k for k in range(1, 10)], rel=1e-9)
    assert [crossing.becomes_cheaper for crossing in found.crossings] == ["challenger", "baseline"] * 4 + ["challenger"]
    assert found.nearest.value == pytest.approx(math.pi)


def test_no_crossing_says_which_option_is_always_cheaper_and_where_they_are_nearest():
    found = solve_with(KeyBounds("options.x", today=3.0), lambda value: (10.0, 11.0 + (value - 3.0) ** 2))
    assert found.crossings == ()
    assert found.nearest is None
    assert found.reason == "baseline_always_cheaper"
    assert "the same option is cheaper; they are nearest at 3, 1 USD a month apart" in found.cause


def test_a_fleet_that_is_dearer_without_rent_would_need_a_rent_below_zero():
    people = {"engineers": {"base_persons": 2, "usd_per_person_year": 120_000}}
    found = sim.solve(case(fleet=people), "options.fleet.rental.usd_per_gpu_hour")
    assert found.reason == "infeasible"
    # 20,000 USD of people against 14,454: each of 4,380 hours would have to earn 1.27 USD
    assert "it would have to be about -1.27, but must be at least 0" in found.cause


@pytest.mark.slow
def test_a_value_beyond_the_bounds_is_infeasible_and_told():
    # 5.5 replicas of work at 100 %: to cost what the API costs at 0.0004 USD they would have to do more than they can.
    divisible = {"replicas": {"divisible": True}}
    cheap = {"prices": {"input_usd_per_mtok": 0.4, "output_usd_per_mtok": 0.4}}
    found = sim.solve(case(fleet=divisible, api=cheap), "options.fleet.autoscaling.target_share", points=512)
    assert found.reason == "infeasible"
    # cost 5.5 x 1,460 / x against 5,781.6: 1.39; the straight line on from 1 says 1 + (8,030 - 5,781.6) / 8,030
    assert "it would have to be about 1.28, but must be above 0 and at most 1" in found.cause


def test_a_key_that_moves_no_cost_has_no_crossing():
    found = sim.solve(case(), "volume_range.points")
    assert found.reason == "no_effect"


def test_growth_moves_no_run_rate_so_the_mean_month_of_the_horizon_is_compared():
    horizon = {"months": 12, "step_s": 262_800}
    fixed = {"rental": {"usd_per_gpu_hour": 0.0}, "monthly_fixed_usd": {"all": 20_000}}
    found = sim.solve(case(fleet=fixed, horizon=horizon), "traffic.growth_per_month")
    assert found.basis == "horizon"
    assert found.warnings[0].startswith("traffic.growth_per_month moves costs over time only")
    (crossing,) = found.crossings
    # twelve months of 14,454 (1 + g)^m cost as much as twelve of 20,000
    assert sum(API_USD * (1 + crossing.value) ** month for month in range(12)) == pytest.approx(240_000, rel=1e-8)


def test_over_time_counts_one_off_cost_in_the_mean_month():
    horizon = {"months": 12, "step_s": 262_800}
    priced = {"one_off_usd": {"set_up": 1_000.0}}
    found = sim.solve(case(fleet=priced, horizon=horizon), "options.fleet.one_off_usd.set_up")
    assert found.basis == "horizon"
    assert found.values == pytest.approx((12 * (API_USD - 8_760),), rel=1e-8)
    both = sim.solve(case(fleet=priced, horizon=horizon), "options.fleet.rental.usd_per_gpu_hour", over_time=True)
    assert both.values == pytest.approx(((API_USD - 1_000 / 12) / (6 * 730),), rel=1e-8)


def test_values_that_cannot_be_had_are_gaps_and_told():
    def costs(value):
        if value > 6.0:
            raise ValueError("does not fit")
        return 10.0, 8.0 + value

    found = solve_with(KeyBounds("options.x", today=3.0, low=0.0, high=10.0), costs)
    assert found.values == pytest.approx((2.0,))
    assert np.isnan(found.baseline_usd[found.searched.tried > 6.0]).all()
    (warning,) = found.warnings
    assert re.fullmatch(r"can't be had at \d+ values from [67]\.\d+ to 10: does not fit", warning)


def test_where_nothing_can_be_had_the_cause_is_the_reason():
    def costs(value):
        raise ValueError("does not fit")

    found = solve_with(KeyBounds("options.x", today=3.0, low=0.0, high=10.0), costs)
    assert (found.reason, found.cause) == ("infeasible", "no value can be had: does not fit")


def test_a_crossing_hidden_beside_refused_values_is_no_crossing_but_told():
    def costs(value):
        if 2.9 < value < 3.1:
            raise ValueError("does not fit")
        return 10.0, 10.0 + (value - 3.0)

    found = solve_with(KeyBounds("options.x", today=5.0, low=0.0, high=10.0), costs, points=8)
    assert found.crossings == ()
    assert any("lies beside values refused" in text for text in found.warnings)


def test_the_levelised_price_is_the_fleets_cost_over_its_tokens():
    found = sim.solve(case(), "options.fleet.rental.usd_per_gpu_hour")
    mtok = 5.5 * FULL_REPLICA_REQUESTS * 1_000 / 1e6
    assert found.levelised.challenger_usd_per_mtok == pytest.approx(8_760 / mtok)
    assert found.levelised.baseline_usd_per_mtok == pytest.approx(1.0)
    assert found.levelised.equal_price_usd_per_mtok == pytest.approx(8_760 / mtok)


def test_at_the_levelised_price_both_cost_the_same_although_overflow_is_billed_at_it_too():
    small = {"autoscaling": {"kind": "fixed", "count": 3}, "max_wait_s": 0.0}
    people = {"engineers": {"base_persons": 0.1, "usd_per_person_year": 120_000}}
    scenario = case(fleet=small, api=people)
    factor = sim.solve(scenario, "options.fleet.rental.usd_per_gpu_hour").levelised.equal_price_factor
    # three of 5.5 parts are served for 3 x 1,460 USD; the API has 1,000 USD of people
    assert factor == pytest.approx((3 * 1_460 - 1_000) / (API_USD * 3 / 5.5))
    repriced = case(
        fleet=small, api={**people, "prices": {"input_usd_per_mtok": factor, "output_usd_per_mtok": factor}}
    )
    options = sim.break_even(repriced).options
    assert options["fleet"].usd_per_month == pytest.approx(options["api"].usd_per_month)


def test_only_an_option_other_than_the_baseline_can_be_the_challenger():
    with pytest.raises(ValueError, match="challenger is 'api', must be one of fleet"):
        sim.solve(case(), "traffic.requests_per_month", "api")


def test_no_equal_price_is_told_where_the_challenger_buys_at_the_baselines_prices_too():
    scenario = case()
    scenario["options"]["routed"] = {"kind": "routed", "routes": {"api": {"share": 0.5}, "cheap": {"share": 0.5}}}
    scenario["options"]["cheap"] = {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.1}}
    scenario["comparison"] = {"baseline": "api", "challengers": ["routed"]}
    found = sim.solve(scenario, "options.cheap.prices.input_usd_per_mtok")
    assert found.levelised.equal_price_usd_per_mtok is None
    assert found.levelised.challenger_usd_per_mtok == pytest.approx(0.55)
    # half at 1 USD, half at the price that makes both 1: 2 USD less the output's 0.1, over half the tokens
    assert found.values == pytest.approx((1.9,))
