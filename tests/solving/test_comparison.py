"""Two runs held against each other: bills line by line, the step of another volume, which options are held."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.solving.compared_study import comparison_of, solved_run
from simulator.solving.comparison import PER_MONTH
from simulator.solving.differences import NEVER, OVER_HORIZON

REQUESTS_PER_MONTH = 10_000 * 730 / 24
PAIR = {
    "title": "A pair",
    "horizon": {"days": 7, "step_s": 3600},
    "traffic": {"requests_per_day": 10_000},
    "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
    "options": {
        "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 5}},
        "fleet": {
            "kind": "self_hosted",
            "rental": {"usd_per_gpu_hour": 2},
            "throughput": {"requests_per_s": 1},
            "autoscaling": {"kind": "fixed", "count": 2},
        },
    },
}
RENT = "options.fleet.rental.usd_per_gpu_hour"
OUTPUT = "options.api.prices.output_usd_per_mtok"


def lines_of(bill):
    return {step.line: step.difference for step in bill.steps if abs(step.difference) > 1e-9}


def renamed(scenario, names):
    options = {names.get(name, name): option for name, option in scenario["options"].items()}
    return {**scenario, "options": options}


def test_a_cheaper_rent_is_the_rent_of_two_gpus_for_730_hours():
    found = sim.compare(PAIR, overrides={RENT: 1.5})
    fleet = found.bill("fleet")
    assert fleet.unit == PER_MONTH
    assert fleet.volume_step is None
    assert lines_of(fleet) == pytest.approx({"rent": -0.5 * 2 * 730})
    assert (fleet.before, fleet.after) == pytest.approx((2 * 2 * 730, 1.5 * 2 * 730))
    assert not found.bill("api").is_changed
    assert [(row.key, *row.of_runs) for row in found.inputs] == [(RENT, 2.0, 1.5)]


def test_another_volume_is_a_step_of_its_own_and_the_lines_are_at_equal_volume():
    found = sim.compare(PAIR, overrides={"traffic.requests_per_day": 20_000, OUTPUT: 10})
    api, fleet = found.bill("api"), found.bill("fleet")
    once = REQUESTS_PER_MONTH * 500 * (1e-6 + 5e-6)
    assert api.before == pytest.approx(once)
    assert api.volume_step == pytest.approx(once)  # twice the volume, twice the bill
    assert lines_of(api) == pytest.approx({"output": 2 * REQUESTS_PER_MONTH * 500 * 5e-6})
    assert api.after == pytest.approx(2 * REQUESTS_PER_MONTH * 500 * 11e-6)
    assert fleet.volume_step == pytest.approx(0.0)  # two replicas serve either
    assert found.gap.volume_step == pytest.approx(-once)


def test_bases_that_are_found_are_found_again_at_the_other_volume():
    auto = {"options.fleet.autoscaling.count": "auto", "options.fleet.rental.usd_per_gpu_hour": 0.1}
    scenario = sim.load_scenario(PAIR, {**auto, "traffic.requests_per_day": 100_000})
    greater = sim.load_scenario(PAIR, {**auto, "traffic.requests_per_day": 400_000})
    found = sim.compare(scenario, greater)
    assert found.bill("fleet").volume_step == pytest.approx(found.bill("fleet").difference)
    assert lines_of(found.bill("fleet")) == {}


@settings(max_examples=15, deadline=None)
@given(
    rent=st.floats(0.5, 8.0),
    price=st.floats(0.1, 40.0),
    requests_per_day=st.floats(1_000.0, 100_000.0),
    over_time=st.booleans(),
)
def test_the_steps_add_up_to_the_difference_and_the_gap_to_that_of_both_bills(rent, price, requests_per_day, over_time):
    overrides = {RENT: rent, OUTPUT: price, "traffic.requests_per_day": requests_per_day}
    found = sim.compare(PAIR, overrides=overrides, over_time=over_time)
    for bill in found.bills:
        total = math.fsum(step.difference for step in bill.steps) + (bill.volume_step or 0.0)
        assert total == pytest.approx(bill.after - bill.before, abs=1e-6)
        direct = sim.break_even(sim.load_scenario(PAIR, overrides)).options[bill.other].usd_per_month
        if not over_time:
            assert bill.after == pytest.approx(direct)
    assert found.gap.difference == pytest.approx(
        found.bill("fleet").difference - found.bill("api").difference, abs=1e-6
    )


def test_steps_come_with_the_greatest_first():
    found = sim.compare(PAIR, overrides={OUTPUT: 6, "options.api.prices.input_usd_per_mtok": 11})
    assert [step.line for step in found.bill("api").steps] == ["input", "output"]


def test_the_other_way_round_every_difference_has_the_other_sign():
    changed = sim.load_scenario(PAIR, {RENT: 1.5, OUTPUT: 7})
    there, back = sim.compare(PAIR, changed), sim.compare(changed, PAIR)
    for one, other in zip(there.bills, back.bills, strict=True):
        assert lines_of(one) == pytest.approx({line: -usd for line, usd in lines_of(other).items()})


def test_growth_moves_no_bill_at_run_rate_so_that_those_over_the_horizon_are_compared():
    scenario = sim.load_scenario(PAIR, {"horizon": {"months": 3, "step_s": 3600}})
    grown = sim.load_scenario(PAIR, {"horizon": {"months": 3, "step_s": 3600}, "traffic.growth_per_month": 0.1})
    found = sim.compare(scenario, grown)
    assert found.bill("api").unit == OVER_HORIZON
    assert found.bill("api").before == pytest.approx(3 * REQUESTS_PER_MONTH * 0.003)
    assert found.bill("api").difference == pytest.approx((0.1 + 0.21) * REQUESTS_PER_MONTH * 0.003)


def test_a_default_that_is_written_out_is_no_difference():
    defaults = {"traffic.growth_per_month": 0.0, "options.fleet.replicas.minimum": 1, "seed": 1}
    comparison = {"comparison.baseline": "api", "comparison.challengers": ["fleet"]}
    assert sim.compare(PAIR, overrides={**defaults, **comparison, "title": "Another"}).inputs == ()


def test_what_is_absent_on_one_side_is_told_key_by_key_without_its_defaults():
    found = sim.compare(PAIR, overrides={"traffic.diurnal": {"peak_hour": 12, "peak_to_mean": 1.5}})
    assert [(row.key, *row.of_runs) for row in found.inputs] == [
        ("traffic.diurnal.peak_hour", None, 12.0),
        ("traffic.diurnal.peak_to_mean", None, 1.5),
    ]


def test_options_of_other_names_are_held_by_their_place():
    found = sim.compare(PAIR, renamed(PAIR, {"api": "vendor", "fleet": "gpus"}))
    assert found.held == (("api", "vendor"), ("fleet", "gpus"))
    assert not any(bill.is_changed for bill in found.bills)
    assert {row.key for row in found.inputs} == {"comparison.baseline", "comparison.challengers"}
    assert found.results == ()


def test_options_can_be_held_as_one_likes():
    other = renamed(PAIR, {"fleet": "gpus"})
    found = sim.compare(PAIR, other, options={"fleet": "api"})
    assert found.held == (("fleet", "api"),)
    assert found.bill("fleet").after == pytest.approx(REQUESTS_PER_MONTH * 0.003)
    assert found.gap is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"flet": "fleet"}}, "'flet' is no option of .*, must be one of api, fleet"),
        ({"challengers": ("fleet", "gpus")}, "'gpus' is no option of"),
        ({"options": {"api": "api", "fleet": "api"}}, "an option of .* is held against two"),
    ],
)
def test_an_option_that_is_not_there_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sim.compare(PAIR, overrides={RENT: 1.0}, **arguments)


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(ValueError, match="b is missing"):
        sim.compare(PAIR)


def test_an_option_that_is_not_held_is_not_taken_for_the_one_of_its_name():
    """Of B, `other` is held against the API of A; what B calls `api` costs twice as much and stands apart."""
    dear = {"kind": "api", "prices": {"input_usd_per_mtok": 2, "output_usd_per_mtok": 10}}
    other = {**PAIR, "options": {**renamed(PAIR, {"api": "other"})["options"], "api": dear}}
    found = sim.compare(PAIR, {**other, "comparison": {"baseline": "other", "challengers": ["fleet", "api"]}},
                        options={"api": "other", "fleet": "fleet"})  # fmt: skip
    assert [bill.is_changed for bill in found.bills] == [False, False]
    told = {(row.option, row.key): row.of_runs for row in found.results}
    assert ("api", "usd_per_month") not in told
    once = REQUESTS_PER_MONTH * 500 * (1e-6 + 5e-6)
    assert told["api of b", "usd_per_month"] == (None, pytest.approx(2 * once))
    prices = [row for row in found.inputs if row.key.endswith("input_usd_per_mtok")]
    assert [(row.key, row.of_runs) for row in prices] == [("options.api of b.prices.input_usd_per_mtok", (None, 2.0))]


def test_a_break_even_that_is_gone_is_told_by_its_reason():
    found = sim.compare(PAIR, overrides={RENT: 50.0})
    results = {(row.option, row.key): row.of_runs for row in found.results}
    first, never = results["fleet", "first_tokens_per_month"]
    assert first > 0
    assert never == NEVER
    assert results["fleet", "settled_tokens_per_month"][1] == "baseline_always_cheaper"


def test_a_run_of_which_nothing_is_known_but_its_result_is_compared_per_million_tokens():
    one = solved_run("one", make_plan(sim.load_scenario(PAIR)))
    other = solved_run("other", make_plan(sim.load_scenario(PAIR, {"traffic.requests_per_day": 20_000})))
    found = comparison_of(dataclasses.replace(one, scenario=None), other, make_plan)
    assert found.unit == "USD per million tokens"
    assert found.bill("api").difference == pytest.approx(0.0)
    fleet_usd_per_mtok = 2 * 2 * 730 / (REQUESTS_PER_MONTH * 1_000 / 1e6)
    assert found.bill("fleet").before == pytest.approx(fleet_usd_per_mtok)
    assert found.bill("fleet").after == pytest.approx(fleet_usd_per_mtok / 2)
    assert "the volumes differ and one can't be simulated" in found.warnings[0]
