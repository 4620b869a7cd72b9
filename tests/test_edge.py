"""A share of the requests answered on the users' devices: less to serve, work to build it in."""

from datetime import date

import numpy as np
import pytest

import simulator as sim
from simulator.presentation.summary import summary

CLASSES = {
    "short": {"share": 0.75, "input_tokens": 200, "output_tokens": 100},
    "long": {"share": 0.25, "input_tokens": 2_000, "output_tokens": 600},
}
PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}
DAYS_PER_MONTH = 730 / 24


def case(*, api=None, fleet=None, traffic=None, workload=None, others=None, requests_per_day=1e6):
    return {
        "title": "x",
        "horizon": {"start": date(2026, 12, 1), "days": 28, "step_s": 900},
        "traffic": {"requests_per_day": requests_per_day, **(traffic or {})},
        "workload": workload or CLASSES,
        "options": {
            "api": {"kind": "api", "prices": PRICES, **(api or {})},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"total_tokens_per_s": 4_000.0},
                "rental": {"usd_per_gpu_hour": 4.0},
                **(fleet or {}),
            },
            **(others or {}),
        },
    }


def options(**changes):
    return sim.break_even(case(**changes)).options


def test_an_api_is_paid_for_what_the_edge_leaves():
    edge = {"share": 0.2}
    with_edge, without = options(api={"edge": edge})["api"], options()["api"]
    assert with_edge.usd_per_month == pytest.approx(0.8 * without.usd_per_month)
    assert with_edge.lines["input"] == pytest.approx(0.8 * without.lines["input"])


def test_shares_by_class_change_the_mix_that_reaches_the_api():
    bill = options(api={"edge": {"share": {"short": 0.9}}})["api"]
    requests = 1e6 * DAYS_PER_MONTH
    short, long = 0.75 * 0.1, 0.25
    assert bill.lines["input"] == pytest.approx(requests * (short * 200 + long * 2_000) * 1.0 / 1e6)
    assert bill.lines["output"] == pytest.approx(requests * (short * 100 + long * 600) * 5.0 / 1e6)


def test_a_fleet_is_as_large_as_what_the_edge_leaves_needs():
    # A divisible fleet without limits follows its work exactly.
    fleet = {"replicas": {"divisible": True, "minimum": 0}}
    rents = [
        options(fleet={**fleet, **edge})["fleet"].lines["rent"]
        for edge in ({}, {"edge": {"share": 0.3}}, {"edge": {"share": {"long": 0.6}}})
    ]
    short, long = 0.75 * 300, 0.25 * 2_600
    assert rents[1] == pytest.approx(0.7 * rents[0], rel=1e-9)
    assert rents[2] == pytest.approx((short + 0.4 * long) / (short + long) * rents[0], rel=1e-9)


def test_an_edge_that_answers_nothing_changes_nothing():
    plain, none = options(), options(api={"edge": {"share": 0.0}}, fleet={"edge": {"share": {}}})
    for name in ("api", "fleet"):
        assert none[name].lines == plain[name].lines


def test_people_at_their_loaded_salary_build_it_once_and_keep_it_up():
    edge = {
        "share": 0.2, "integration_person_weeks": 13, "usd_once": 1_000, "upkeep_persons": 0.25, "usd_per_month": 50,
        "usd_per_person_year": 120_000,
    }  # fmt: skip
    for name, option in options(api={"edge": edge}, fleet={"edge": edge}).items():
        assert option.lines["fixed: edge upkeep"] == pytest.approx(0.25 * 120_000 / 12 + 50), name
        assert option.one_off_usd == pytest.approx(13 * 120_000 / 52 + 1_000), name


def test_its_people_are_those_of_the_option_else_of_the_catalogue():
    edge, staff = {"share": 0.2, "upkeep_persons": 1.0}, {"engineers": {"usd_per_person_year": 60_000}}
    own = options(api={"edge": edge, **staff})["api"]
    listed = options(api={"edge": edge, "upkeep": {"prompt_upkeep_persons": 1.0}})["api"]
    assert own.lines["fixed: edge upkeep"] == pytest.approx(5_000)
    assert listed.lines["fixed: edge upkeep"] == pytest.approx(listed.lines["fixed: prompt upkeep"])


def test_the_overflow_of_a_fleet_is_what_its_edge_leaves_whatever_the_edge_of_the_api():
    # A fleet of no replicas sends all that reaches it on.
    empty = {"autoscaling": {"kind": "fixed", "count": 0}, "replicas": {"minimum": 0}}
    plain = options()["api"].usd_per_month
    for fleet_share in (0.0, 0.4):
        for api in ({}, {"edge": {"share": 0.5}}):
            edge = {"edge": {"share": fleet_share}} if fleet_share else {}
            bill = options(api=api, fleet={**empty, **edge})["fleet"]
            assert bill.lines["overflow"] == pytest.approx((1 - fleet_share) * plain), (fleet_share, api)


def test_a_penalty_is_paid_for_requests_that_reach_the_fleet():
    empty = {"autoscaling": {"kind": "fixed", "count": 0}, "replicas": {"minimum": 0}, "overflow": "reject"}
    fleet = {**empty, "rejected_usd_per_request": 0.01, "edge": {"share": 0.4}}
    assert options(fleet=fleet)["fleet"].lines["rejected"] == pytest.approx(0.01 * 0.6 * 1e6 * DAYS_PER_MONTH)


def test_the_edge_of_a_routed_option_comes_before_its_router():
    routed = {
        "kind": "routed",
        "router": {"usd_per_request": 0.001},
        "routes": {"api": {"share": 0.5}, "other": {"share": 0.5}},
        "edge": {"share": 0.25},
    }
    other = {"kind": "api", "prices": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 2.0}}
    with_edge = options(others={"other": other, "mixed": routed})["mixed"]
    without = options(others={"other": other, "mixed": {**routed, "edge": {"share": 0.0}}})["mixed"]
    assert with_edge.lines["router"] == pytest.approx(0.75 * without.lines["router"])
    assert with_edge.usd_per_month == pytest.approx(0.75 * without.usd_per_month)


def test_what_the_response_cache_answers_never_comes_to_the_edge():
    workload = {"q": {"input_tokens": 500, "output_tokens": 300, "response_cache": {
        "hit_share": 0.5, "usd_per_lookup": 1e-4}}}  # fmt: skip
    plain = options(workload={"q": {"input_tokens": 500, "output_tokens": 300}})["api"]
    both = options(workload=workload, api={"edge": {"share": 0.2}})["api"]
    assert both.lines["input"] == pytest.approx(0.5 * 0.8 * plain.lines["input"])
    assert both.lines["response cache"] == pytest.approx(1e-4 * 1e6 * DAYS_PER_MONTH)


def test_extras_of_unanswered_requests_are_not_paid_for_what_the_edge_answers():
    extras = {"check": {"usd_each": 0.001, "requests": "unanswered"}, "log": {"usd_each": 0.002}}
    workload = {"q": {"input_tokens": 500, "output_tokens": 300, "extras": extras}}
    lines = options(workload=workload, api={"edge": {"share": 0.2}})["api"].lines
    assert lines["check"] == pytest.approx(0.8 * 0.001 * 1e6 * DAYS_PER_MONTH)
    assert lines["log"] == pytest.approx(0.002 * 1e6 * DAYS_PER_MONTH)


def test_logs_are_written_of_what_reaches_the_fleet():
    logs = {"logs": {"bytes_per_request": 10_000, "usd_per_gb": 0.5}}
    usd = [options(fleet={**logs, "edge": {"share": share}})["fleet"].lines["logs"] for share in (0.0, 0.25)]
    assert usd[1] == pytest.approx(0.75 * usd[0], rel=1e-6)


def test_requests_answered_at_the_edge_count_in_the_volume():
    study = sim.break_even(case(api={"edge": {"share": 0.2}}))
    assert study.requests_per_day == pytest.approx(1e6)
    unit = study.options["api"].unit_costs
    assert unit.usd_per_request == pytest.approx(study.options["api"].usd_per_month / (1e6 * DAYS_PER_MONTH))


def test_an_edge_over_time_costs_what_it_costs_at_run_rate():
    edge = {"share": {"short": 0.5, "long": 0.1}, "upkeep_persons": 0.5, "usd_per_person_year": 120_000}
    scenario = case(api={"edge": edge}, fleet={"edge": edge}, traffic={"diurnal": {
        "peak_hour": 14, "peak_to_mean": 1.8}})  # fmt: skip
    rates = sim.break_even(scenario).options
    for name in ("api", "fleet"):
        assert sim.simulate(scenario, name).usd_per_month == pytest.approx(rates[name].usd_per_month, rel=1e-9)


def test_an_edge_pays_from_the_volume_at_which_it_saves_its_upkeep():
    # 1000 USD a month against 30 % of (200 + 5 x 100) USD per million requests.
    workload = {"q": {"input_tokens": 200, "output_tokens": 100}}
    edge = {"share": 0.3, "usd_per_month": 1_000}
    others = {"with-edge": {"kind": "api", "prices": PRICES, "edge": edge}}
    study = sim.break_even(case(workload=workload, others=others))
    assert study.pairs["with-edge"].settled == pytest.approx(1_000 / (0.3 * 700e-6) * 300, rel=1e-6)


def test_the_report_says_what_the_edge_answers_and_takes():
    edge = {"share": {"short": 0.4}, "integration_person_weeks": 13, "usd_per_person_year": 120_000}
    lines = summary(sim.break_even(case(api={"edge": edge})), {})["assumptions"]
    text = "30 % of the requests are answered on the users' devices, for 30,000 USD once and 0 USD a month"
    assert f"api: {text}" in lines


def test_an_edge_with_random_lengths_and_counts_leaves_its_share():
    traffic = {"counts": "poisson", "token_lengths": {"output": {"log_sd": 0.5}}, "noise": {
        "relative_sd": 0.3, "correlation_time_s": 3600.0}}  # fmt: skip
    workload = {"q": {"input_tokens": 200, "output_tokens": 100}}
    fleet = {"replicas": {"divisible": True, "minimum": 0}, "max_wait_s": float("inf"), "cold_start_s": 0.0}
    both = [
        options(traffic=traffic, workload=workload, api={"edge": {"share": share}},
                fleet={**fleet, "edge": {"share": share}})
        for share in (0.0, 0.3)
    ]  # fmt: skip
    for name in ("api", "fleet"):
        assert both[1][name].usd_per_month == pytest.approx(0.7 * both[0][name].usd_per_month, rel=1e-9), name
    assert np.isfinite(both[1]["fleet"].usd_per_month)


def test_provisioned_units_are_sized_for_what_the_edge_leaves():
    # 1e6 requests a day of 500 + 5 x 300 weighted tokens are 1.39 M a minute; half of it takes half of the units.
    units = {"usd_per_unit_hour": 1.0, "input_tokens_per_minute_per_unit": 10_000}
    others = {"units": {"kind": "provisioned", "prices": PRICES, "units": units, "edge": {"share": 0.5}}}
    workload = {"q": {"input_tokens": 500, "output_tokens": 300}}
    bill = options(workload=workload, others=others)["units"]
    assert bill.lines["provisioned units"] == pytest.approx(np.ceil(0.5 * 1e6 * 2_000 / 1_440 / 10_000) * 730)


def test_half_at_the_edge_is_half_the_volume_for_a_fleet_and_for_those_that_wait_for_it():
    fleet = {"autoscaling": {"kind": "fixed", "count": 1}, "overflow": "reject", "throughput": {"requests_per_s": 6.0}}
    workload = {"q": {"input_tokens": 500, "output_tokens": 300}}
    halved = case(fleet={**fleet, "edge": {"share": 0.5}}, workload=workload, requests_per_day=1e6)
    plain = case(fleet=fleet, workload=workload, requests_per_day=5e5)
    bills = [sim.break_even(scenario).options["fleet"] for scenario in (halved, plain)]
    assert bills[0].usd_per_month == pytest.approx(bills[1].usd_per_month, rel=1e-12)
    assert bills[0].utilization_share == pytest.approx(bills[1].utilization_share, rel=1e-12)
    waits = [sim.latency(scenario, "fleet", slots_per_replica=1.0) for scenario in (halved, plain)]
    assert waits[0].wait.mean_s == pytest.approx(waits[1].wait.mean_s, rel=1e-9)
    assert waits[0].wait.mean_s > 0


def test_the_edge_answers_too_until_a_fleet_is_live():
    workload = {"q": {"input_tokens": 500, "output_tokens": 300}}
    ledger = sim.simulate(case(workload=workload, fleet={"weeks_until_live": 2.0, "edge": {"share": 0.4}}), "fleet")
    assert ledger.costs["API until live"].sum() == pytest.approx(0.6 * 14 * 1e6 * (500 * 1.0 + 300 * 5.0) / 1e6)
