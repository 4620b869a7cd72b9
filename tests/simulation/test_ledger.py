"""What it cost: every line of the bills by hand, over time and at run rate."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

import simulator as sim

HOURS_PER_MONTH = 730.0
SECONDS_PER_MONTH = 2_628_000.0
REPLICA_TOKENS_PER_S = 1000.0
FULL_REPLICA_TOKENS = REPLICA_TOKENS_PER_S * SECONDS_PER_MONTH  # a month
PRICE = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 6.0}  # 3 a million at three to one


def scenario(fleet=None, *, tokens=2.5 * FULL_REPLICA_TOKENS, horizon=None, traffic=None, api=None):
    """Constant traffic of 400 tokens a request (300 in, 100 out), by default what keeps 2.5 replicas busy."""
    return {
        "title": "bills",
        "horizon": horizon or {"months": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": tokens, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 100}},
        "options": {
            "api": {"kind": "api", "prices": PRICE, **(api or {})},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
                "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
                **(fleet or {}),
            },
        },
    }


def lines(scenario, option="fleet", tokens=None):
    """Total of every line over the horizon."""
    return sim.simulate(scenario, option=option, tokens_per_month=tokens).costs.sum().to_dict()


def test_rent_is_replica_hours_at_the_price_of_their_gpus():
    costs = lines(scenario({"gpus_per_replica": 4}))
    assert costs["rent"] == pytest.approx(3 * 4 * 2.0 * HOURS_PER_MONTH)
    assert sum(costs.values()) == pytest.approx(costs["rent"])


def test_a_machine_of_eight_gpus_is_paid_whole():
    # Replicas of 3 GPUs, two to a machine of 8: three busy replicas need two machines.
    machine = {"gpus_per_replica": 3, "rental": {"usd_per_instance_hour": 20.0, "gpus_per_instance": 8}}
    assert lines(scenario(machine))["rent"] == pytest.approx(2 * 20.0 * HOURS_PER_MONTH)


def test_tokens_served_cost_their_variable_price():
    served_mtok = 2.5 * FULL_REPLICA_TOKENS / 1e6
    assert lines(scenario({"variable_usd_per_mtok": 0.07}))["variable"] == pytest.approx(0.07 * served_mtok)


def test_engineers_are_a_base_and_whole_persons_for_the_peak_of_the_month():
    people = {"base_persons": 0.25, "gpus_per_person": 8, "usd_per_person_year": 120_000.0}
    fleet = {"gpus_per_replica": 4, "engineers": people}
    assert lines(scenario(fleet))["engineers"] == pytest.approx((0.25 + math.ceil(12 / 8)) * 10_000.0)
    fleet["engineers"] = {**people, "whole_persons": False}
    assert lines(scenario(fleet))["engineers"] == pytest.approx((0.25 + 12 / 8) * 10_000.0)


def test_engineers_of_a_month_follow_its_own_peak():
    # One replica in the first month, three in the second: one person each.
    two_months = {"interpolation": "steps", "points": [{"at_s": 0, "level": 1}, {"at_hours": 730, "level": 3}]}
    fleet = {"engineers": {"gpus_per_person": 1, "usd_per_person_year": 12_000.0}}
    case = scenario(
        fleet, tokens=2 * FULL_REPLICA_TOKENS, horizon={"months": 2, "step_s": 3600}, traffic={"piecewise": two_months}
    )
    assert sim.simulate(case, option="fleet").costs["engineers"].tolist() == pytest.approx([1_000.0, 3_000.0])


def test_fixed_items_are_paid_by_the_month_and_in_part_for_a_part():
    case = scenario({"monthly_fixed_usd": {"storage": 300.0}}, horizon={"hours": 730 * 1.5, "step_s": 1800})
    assert sim.simulate(case, option="fleet").costs["fixed: storage"].tolist() == pytest.approx([300.0, 150.0])


def test_set_up_cost_is_paid_once_and_is_no_part_of_the_run_rate():
    case = scenario({"one_off_usd": {"migration": 40_000.0, "tests": 2_000.0}}, horizon={"months": 3, "step_s": 3600})
    ledger = sim.simulate(case, option="fleet")
    assert ledger.costs["one_off"].tolist() == [42_000.0, 0.0, 0.0]
    assert ledger.one_off_usd == 42_000.0
    rent = 3 * 2.0 * HOURS_PER_MONTH
    assert ledger.total_usd == pytest.approx(3 * rent + 42_000.0)
    assert ledger.usd_per_month == pytest.approx(rent)
    at_run_rate = sim.break_even(case).options["fleet"]
    assert at_run_rate.usd_per_month == pytest.approx(rent)
    assert at_run_rate.one_off_usd == 42_000.0


TWO_REPLICAS = {"autoscaling": {"kind": "fixed", "count": 2}, "max_wait_s": 0}


def test_overflow_is_billed_at_the_price_of_the_api_it_goes_to():
    # Half a replica's work of 2.5 goes to the API, at 3 USD a million.
    costs = lines(scenario(TWO_REPLICAS))
    assert costs["overflow"] == pytest.approx(3.0 * 0.5 * FULL_REPLICA_TOKENS / 1e6)
    assert costs["rent"] == pytest.approx(2 * 2.0 * HOURS_PER_MONTH)
    at_run_rate = sim.break_even(scenario(TWO_REPLICAS)).options["fleet"]
    assert at_run_rate.overflow_share == pytest.approx(0.2)
    assert at_run_rate.rejected_share == 0.0
    assert at_run_rate.utilization_share == pytest.approx(1.0)
    assert dict(at_run_rate.lines) == pytest.approx(costs)


def test_rejected_requests_are_counted_and_priced_where_there_is_a_penalty():
    rejects = {**TWO_REPLICAS, "overflow": "reject"}
    ledger = sim.simulate(scenario(rejects), option="fleet")
    assert ledger.rejected_tokens.sum() == pytest.approx(0.5 * FULL_REPLICA_TOKENS)
    assert ledger.overflow_tokens.sum() == 0.0
    assert set(ledger.costs.columns) == {"rent"}
    requests = 0.5 * FULL_REPLICA_TOKENS / 400
    costs = lines(scenario({**rejects, "rejected_usd_per_request": 0.01}))
    assert costs["rejected"] == pytest.approx(0.01 * requests)
    at_run_rate = sim.break_even(scenario(rejects)).options["fleet"]
    assert (at_run_rate.rejected_share, at_run_rate.overflow_share) == (pytest.approx(0.2), 0.0)


def test_overflow_may_go_to_another_api_than_the_baseline():
    case = scenario({**TWO_REPLICAS, "overflow": "cheap"})
    case["options"]["cheap"] = {
        "kind": "api",
        "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0},
    }
    assert lines(case)["overflow"] == pytest.approx(1.0 * 0.5 * FULL_REPLICA_TOKENS / 1e6)


def test_an_api_bills_input_and_output_at_their_prices():
    case = scenario(api={"monthly_fixed_usd": {"plan": 20.0}})
    mtok = 2.5 * FULL_REPLICA_TOKENS / 1e6
    expected = {"input": 2.0 * 0.75 * mtok, "output": 6.0 * 0.25 * mtok, "fixed: plan": 20.0}
    assert lines(case, option="api") == pytest.approx(expected)


def test_growth_steps_at_the_bill_months_and_is_no_part_of_the_run_rate():
    case = scenario(horizon={"months": 3, "step_s": 3600}, traffic={"growth_per_month": 0.5})
    api, fleet = (sim.simulate(case, option=name) for name in ("api", "fleet"))
    bill = 3.0 * 2.5 * FULL_REPLICA_TOKENS / 1e6
    assert api.costs.sum(axis=1).tolist() == pytest.approx([bill, 1.5 * bill, 2.25 * bill])
    # 2.5, 3.75 and 5.625 busy replicas.
    assert fleet.billed_replicas[[0, 729, 730, 1459, 1460]].tolist() == [3, 3, 4, 4, 6]
    study = sim.break_even(case)
    assert study.options["api"].usd_per_month == pytest.approx(bill)
    assert study.options["fleet"].usd_per_month == pytest.approx(3 * 2.0 * HOURS_PER_MONTH)


def test_a_short_horizon_gives_its_cost_and_the_rate_of_a_month():
    ledger = sim.simulate(scenario(horizon={"hours": 73, "step_s": 600}), option="fleet")
    assert ledger.total_usd == pytest.approx(3 * 2.0 * 73)
    assert ledger.usd_per_month == pytest.approx(3 * 2.0 * HOURS_PER_MONTH)
    assert ledger.months == pytest.approx(0.1)


def test_unit_costs_are_one_cost_over_requests_and_tokens():
    case = scenario(horizon={"months": 2, "step_s": 3600})
    usd, tokens = 3 * 2.0 * HOURS_PER_MONTH, 2.5 * FULL_REPLICA_TOKENS
    for units in (sim.simulate(case, option="fleet").unit_costs, sim.break_even(case).options["fleet"].unit_costs):
        assert units.usd_per_month == pytest.approx(usd)
        assert units.usd_per_request == pytest.approx(usd / (tokens / 400))
        assert units.usd_per_1000_requests == pytest.approx(1000 * usd / (tokens / 400))
        assert units.usd_per_mtok_total == pytest.approx(usd / tokens * 1e6)
        assert units.usd_per_mtok_output == pytest.approx(usd / (tokens / 4) * 1e6)


def test_no_volume_costs_the_minimum_and_nothing_arrives():
    ledger = sim.simulate(scenario(), option="fleet", tokens_per_month=0.0)
    assert ledger.total_usd == pytest.approx(1 * 2.0 * HOURS_PER_MONTH)
    assert ledger.arriving_tokens.sum() == 0.0
    assert ledger.utilization_share == 0.0
    assert ledger.unit_costs.usd_per_request == math.inf
    assert sim.simulate(scenario(), option="api", tokens_per_month=0.0).total_usd == 0.0


def test_steps_carry_their_time_and_bills_the_start_of_their_month():
    horizon = {"months": 2, "step_s": 7200, "start": date(2027, 2, 1)}
    ledger = sim.simulate(scenario(horizon=horizon), option="fleet")
    assert ledger.times[0] == pd.Timestamp("2027-02-01T00:00Z")
    assert ledger.times[1] - ledger.times[0] == pd.Timedelta(hours=2)
    starts = [pd.Timestamp("2027-02-01T00:00Z"), pd.Timestamp("2027-02-01T00:00Z") + pd.Timedelta(hours=730)]
    assert ledger.costs.index.tolist() == starts


def test_a_cost_curve_has_every_line_and_their_total():
    case = scenario({**TWO_REPLICAS, "monthly_fixed_usd": {"storage": 300.0}})
    volumes = [0.0, FULL_REPLICA_TOKENS, 4 * FULL_REPLICA_TOKENS]
    table = sim.cost_curve(case, tokens_per_month=volumes)
    fleet = table[table["option"] == "fleet"].pivot_table(
        index="tokens_per_month", columns="line", values="usd_per_month"
    )
    rent = 2 * 2.0 * HOURS_PER_MONTH
    overflow = 3.0 * 2 * FULL_REPLICA_TOKENS / 1e6
    assert fleet["total"].tolist() == pytest.approx([rent + 300.0, rent + 300.0, rent + 300.0 + overflow])
    assert fleet["overflow"].tolist() == pytest.approx([0.0, 0.0, overflow])
    per_day = table.set_index("tokens_per_month")["requests_per_day"]
    assert per_day.loc[FULL_REPLICA_TOKENS].iloc[0] == pytest.approx(FULL_REPLICA_TOKENS / 400 * 24 / HOURS_PER_MONTH)


def test_without_replicas_everything_costs_what_the_api_costs():
    none = {"autoscaling": {"kind": "fixed", "count": 0}, "max_wait_s": 0}
    study = sim.break_even(scenario(none, traffic={"diurnal": {"peak_hour": 9, "peak_to_mean": 1.8}}))
    assert study.options["fleet"].usd_per_month == pytest.approx(study.options["api"].usd_per_month, rel=1e-12)
    assert study.first is None
    assert study.reason == "baseline_always_cheaper"


@pytest.mark.parametrize("simulate", [True, False], ids=["over time", "at run rate"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_without_replicas_everything_costs_what_an_api_with_peak_hours_costs(zone, simulate):
    # Summer time begins in the second month, so that the hours of the demand are not the same in every month.
    none = {"autoscaling": {"kind": "fixed", "count": 0}, "max_wait_s": 0}
    case = scenario(
        none,
        tokens=1e9,
        horizon={"months": 3, "step_s": 3600, "start": date(2025, 3, 1)},
        traffic={"diurnal": {"peak_hour": 9, "peak_to_mean": 2.0}, "timezone": zone},
    )
    case["options"]["api"] = {"kind": "api", "model": "deepseek-chat", "provider": "deepseek"}
    study = sim.break_even(case)
    by_hour = study.plan.options["api"].parts[0].prices.usd[0].sum(axis=1)
    assert by_hour.max() > by_hour.min()
    if simulate:
        costs = {name: sim.simulate(case, option=name).usd_per_month for name in ("api", "fleet")}
    else:
        costs = {name: study.options[name].usd_per_month for name in ("api", "fleet")}
    assert costs["fleet"] == pytest.approx(costs["api"], rel=1e-9)


def deepseek(fleet, **more):
    """An API with double prices from 01 to 04 and 06 to 10 UTC, and a fleet whose overflow goes there."""
    case = scenario(fleet, **more)
    case["options"]["api"] = {"kind": "api", "model": "deepseek-v4-flash", "provider": "deepseek"}
    return case


# 300 input and 100 output tokens: 0.15 and 0.6 a million off peak, twice as much in the 7 peak hours.
OFF_PEAK_USD = (300 * 0.15 + 100 * 0.6) / 1e6
MEAN_USD = OFF_PEAK_USD * (17 + 2 * 7) / 24


@pytest.mark.parametrize("step_s", [60, 1_800, 3_600, 7_200, 21_600, 86_400])
def test_peak_hours_count_by_the_clock_however_long_the_steps(step_s):
    case = deepseek({}, horizon={"days": 30, "step_s": step_s}, tokens=4e8)
    expected = 1e6 * MEAN_USD
    assert sim.break_even(case).options["api"].usd_per_month == pytest.approx(expected, rel=1e-9)
    assert sim.simulate(case, "api").usd_per_month == pytest.approx(expected, rel=1e-9)


def test_overflow_at_peak_hours_costs_what_the_api_costs_then():
    # One request a second all day, six more from 01 to 04 UTC, of which a replica of one a second serves none.
    levels = [(0, 1), (3_600, 7), (4 * 3_600, 1)]
    plan = {"points": [{"at_s": at, "level": level} for at, level in levels], "repeat_every_hours": 24}
    per_day = 86_400 + 6 * 3 * 3_600
    replica = {
        "autoscaling": {"kind": "fixed", "count": 1},
        "throughput": {"requests_per_s": 1.0},
        "max_wait_s": 0,
        "cold_start_s": 0,
    }
    case = deepseek(
        replica, horizon={"days": 10, "step_s": 300}, tokens=per_day * 730 / 24 * 400, traffic={"piecewise": plan}
    )
    expected = 6 * 3 * 3_600 * (730 / 24) * 2 * OFF_PEAK_USD
    assert sim.break_even(case).options["fleet"].lines["overflow"] == pytest.approx(expected, rel=1e-9)
    ledger = sim.simulate(case, "fleet")
    assert ledger.costs["overflow"].sum() / ledger.months == pytest.approx(expected, rel=1e-9)


def test_a_price_that_changes_within_a_bill_month_counts_from_its_day():
    # The library announces twice the price for 2027-01-01; the second bill month begins 2026-12-31 10:00.
    case = scenario({}, horizon={"months": 2, "step_s": 3_600, "start": date(2026, 12, 1)}, tokens=4e8)
    case["options"]["api"] = {"kind": "api", "model": "gemini-3.8-flash", "provider": "google"}
    before, after = sim.simulate(case, "api").costs.sum(axis=1)
    assert after == pytest.approx(before * (14 + 716 * 2) / 730, rel=1e-9)


@pytest.mark.parametrize("patience", [{}, {"max_wait_s": 3_600.0}, {"max_wait_s": math.inf}])
def test_what_still_waits_at_the_end_is_paid_like_what_overflows(patience):
    none = {"autoscaling": {"kind": "fixed", "count": 0}, **patience}
    case = scenario(none, horizon={"days": 1, "step_s": 300}, tokens=1e9)
    study = sim.break_even(case)
    assert study.options["fleet"].usd_per_month == pytest.approx(study.options["api"].usd_per_month, rel=1e-9)
    assert study.options["fleet"].overflow_share == pytest.approx(1.0)
    assert (study.first, study.reason) == (None, "baseline_always_cheaper")
    over_time = {name: sim.simulate(case, name).usd_per_month for name in ("api", "fleet")}
    assert over_time["fleet"] == pytest.approx(over_time["api"], rel=1e-9)


def test_a_month_that_long_steps_leave_without_one_costs_nothing():
    # Ten steps of 0.61 months: the seventh month would be the last tenth of the tenth step.
    step_s = 0.61 * SECONDS_PER_MONTH
    case = scenario(
        {"engineers": {"base_persons": 1, "usd_per_person_year": 12_000.0}}, horizon={"months": 6.1, "step_s": step_s}
    )
    for name, monthly in (
        ("fleet", 3 * 2.0 * HOURS_PER_MONTH + 1_000.0),
        ("api", 3.0 * 2.5 * FULL_REPLICA_TOKENS / 1e6),
    ):
        ledger = sim.simulate(case, name)
        assert len(ledger.costs) == 7
        assert ledger.costs.sum(axis=1).iloc[-1] == 0.0
        assert ledger.usd_per_month == pytest.approx(monthly)


def test_machines_of_several_replicas_start_whole_however_few_starts_are_allowed():
    rental = {"usd_per_gpu_hour": 2.0, "gpus_per_instance": 8}
    limits = {"max_starts": 3, "evaluation_period_s": 300}
    traffic = {"diurnal": {"peak_hour": 12, "peak_to_mean": 2.0}}
    case = scenario({"rental": rental, "replicas": limits}, tokens=4e11, traffic=traffic)
    billed = sim.simulate(case, "fleet").billed_replicas
    assert billed.max() > 8
    assert set(np.unique(billed) % 8) == {0.0}


def test_the_run_rate_is_the_simulation_where_nothing_grows_or_changes():
    shape = {
        "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
        "noise": {"relative_sd": 0.4},
        "spikes": {"per_month": 60, "height_to_mean": 2.0},
    }
    fleet = {"engineers": {"gpus_per_person": 2, "usd_per_person_year": 60_000.0}, "variable_usd_per_mtok": 0.02}
    case = scenario(fleet, horizon={"months": 1, "step_s": 300}, traffic=shape)
    at_run_rate = sim.break_even(case).options
    for option in ("api", "fleet"):
        ledger = sim.simulate(case, option=option)
        assert dict(at_run_rate[option].lines) == pytest.approx(ledger.costs.sum().to_dict(), rel=1e-9)
        assert at_run_rate[option].utilization_share == pytest.approx(ledger.utilization_share, rel=1e-9)
        # What is asked for is the expectation; what arrived on this path is what is divided by.
        assert at_run_rate[option].usd_per_month == pytest.approx(ledger.usd_per_month, rel=1e-9)


def test_cost_per_request_of_a_path_is_over_the_requests_of_that_path():
    case = scenario(horizon={"days": 2, "step_s": 300}, traffic={"noise": {"relative_sd": 1.0}})
    blended = 3.0
    assert sim.simulate(case, option="api").unit_costs.usd_per_mtok_total == pytest.approx(blended, rel=1e-9)
    assert sim.break_even(case).options["api"].unit_costs.usd_per_mtok_total == pytest.approx(blended, rel=1e-9)


def test_an_unknown_option_and_a_negative_volume_are_faults():
    with pytest.raises(ValueError, match="option is 'fleat', must be one of api, fleet"):
        sim.simulate(scenario(), option="fleat")
    with pytest.raises(ValueError, match="must be finite and at least 0"):
        sim.simulate(scenario(), option="fleet", tokens_per_month=-1.0)
    with pytest.raises(ValueError, match=r"tokens_per_month is .*must be"):
        sim.cost_curve(scenario(), tokens_per_month=[1e9, math.nan])


@pytest.mark.parametrize("tokens", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("option", ["api", "fleet"])
def test_a_volume_below_nothing_is_a_fault_for_every_option(option, tokens):
    with pytest.raises(ValueError, match="must be finite and at least 0"):
        sim.simulate(scenario(), option=option, tokens_per_month=tokens)


def test_durations_that_are_no_whole_steps_are_told():
    fleet = {
        "autoscaling": {"kind": "target_utilization", "reaction_s": 90.0, "stabilisation_s": 300.0},
        "replicas": {"max_starts": 2, "evaluation_period_s": 100.0},
    }
    warnings = sim.simulate(scenario(fleet, horizon={"hours": 1, "step_s": 60}), option="fleet").warnings
    assert warnings == (
        "fleet: autoscaling.reaction_s of 90 s counts as 120 s, whole steps",
        "fleet: replicas.evaluation_period_s of 100 s counts as 120 s, whole steps",
    )
