"""Requests that can wait, from the scenario to the bill: at an API in batch, at a fleet in its idle capacity."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.cli import main as command_line
from simulator.presentation.charts.timeline import timeline_chart
from simulator.simulation.ledger import run_rate

HOURS_PER_MONTH = 730.0
SECONDS_PER_MONTH = 3600.0 * HOURS_PER_MONTH
RENT = 3.0
CHAT = {"share": 0.75, "input_tokens": 1_000, "output_tokens": 200}
REPORT = {"share": 0.25, "input_tokens": 3_000, "output_tokens": 600}
WAITS = {**REPORT, "deferrable": {"deadline_hours": 24}}
CHAT_USD = (1_000 * 2.0 + 200 * 10.0) * 1e-6  # of a request at the API
REPORT_USD = (3_000 * 2.0 + 600 * 10.0) * 1e-6


def api(batch=0.5, input_usd=2.0, output_usd=10.0, **more):
    prices = {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd, "batch_multiplier": batch}
    return {"kind": "api", "prices": prices, **more}


def fleet(**more):
    """Replicas of 1,200 tokens a second: a chat, or a third of a report."""
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": RENT},
        "throughput": {"total_tokens_per_s": 1_200.0},
        "autoscaling": {"kind": "fixed", "count": 2},
        "max_wait_s": 0,
        **more,
    }


def scenario(requests_per_s=1.0, workload=None, options=None, **more):
    return {
        "title": "Chats and reports",
        "horizon": {"days": 4, "step_s": 3600},
        "traffic": {"requests_per_day": 86_400 * requests_per_s},
        "workload": workload or {"chat": CHAT, "report": WAITS},
        "options": options or {"api": api(), "fleet": fleet()},
        **more,
    }


def rate_of(content, tokens_per_month=None, name="fleet"):
    plan = make_plan(sim.load_scenario(content))
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else tokens_per_month
    return run_rate(plan, name, np.atleast_1d(volume))


def lines_of(content, **more):
    return {key: float(usd[0]) for key, usd in rate_of(content, **more).lines.items()}


# At an API


def test_an_api_bills_a_class_that_can_wait_as_a_batch():
    batched = {"chat": CHAT, "report": {**REPORT, "batch_share": 1.0}}
    assert lines_of(scenario(), name="api") == lines_of(scenario(workload=batched), name="api")
    requests = SECONDS_PER_MONTH
    assert sum(lines_of(scenario(), name="api").values()) == pytest.approx(
        requests * (0.75 * CHAT_USD + 0.25 * 0.5 * REPORT_USD)
    )


def test_a_batch_price_that_the_list_lacks_is_a_warning():
    options = {"api": {"kind": "api", "model": "deepseek-chat"}, "fleet": fleet()}
    warnings = make_plan(sim.load_scenario(scenario(options=options))).warnings
    assert any("batch_price_missing" in warning for warning in warnings)


# The bill of a fleet


def test_overflow_of_chats_is_paid_at_list_and_reports_that_find_no_time_at_batch_price():
    # 0.75 chats a second are 0.75 replicas, 0.25 reports are 0.75: of 2.4 a second 1.8 + 1.8, of two replicas.
    found = lines_of(scenario(requests_per_s=2.4))
    reports_left = 0.6 - (2.0 - 1.8) / 3.0
    assert found["overflow"] == pytest.approx(0.0, abs=1e-9)
    assert found["batch overflow"] == pytest.approx(reports_left * SECONDS_PER_MONTH * 0.5 * REPORT_USD)
    found = lines_of(scenario(requests_per_s=4.0))  # chats of 3 replicas
    assert found["overflow"] == pytest.approx(1.0 * SECONDS_PER_MONTH * CHAT_USD)
    assert found["batch overflow"] == pytest.approx(1.0 * SECONDS_PER_MONTH * 0.5 * REPORT_USD)
    assert found["rent"] == pytest.approx(2 * RENT * HOURS_PER_MONTH)


def test_what_is_rejected_is_counted_by_requests_of_either_kind():
    options = {"api": api(), "fleet": fleet(overflow="reject", rejected_usd_per_request=0.01)}
    rate = rate_of(scenario(requests_per_s=4.0, options=options))
    assert float(rate.lines["rejected"][0]) == pytest.approx(0.01 * (1.0 + 1.0) * SECONDS_PER_MONTH)
    assert float(rate.rejected_share[0]) == pytest.approx(2.0 / 4.0)
    assert float(rate.deferred_served_share[0]) == pytest.approx(0.0, abs=1e-12)


def test_tokens_that_wait_cost_their_variable_cost_when_the_fleet_serves_them():
    served = lines_of(scenario(options={"api": api(), "fleet": fleet(variable_usd_per_mtok=0.5)}))
    tokens = 0.75 * 1_200 + 0.25 * 3_600
    assert served["variable"] == pytest.approx(0.5e-6 * tokens * SECONDS_PER_MONTH)


def test_reports_that_escalate_do_so_at_the_batch_price():
    gate = {"share": {"chat": 0.1, "report": 0.4}}
    found = lines_of(scenario(options={"api": api(), "fleet": fleet(escalation=gate)}))
    each = 0.75 * 0.1 * CHAT_USD + 0.25 * 0.4 * 0.5 * REPORT_USD
    assert found["escalated"] == pytest.approx(each * SECONDS_PER_MONTH)


def test_utilization_counts_the_work_of_both():
    rate = rate_of(scenario())
    assert float(rate.utilization_share[0]) == pytest.approx((0.75 + 0.75) / 2)
    assert float(rate.deferred_served_share[0]) == pytest.approx(1.0)
    ledger = sim.simulate(scenario(), "fleet")
    assert ledger.utilization_share == pytest.approx((0.75 + 0.75) / 2)


def test_waiting_never_costs_more_than_being_served_at_once_in_a_fixed_fleet():
    day = {"requests_per_day": 86_400, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.9}}
    at_once = {"chat": CHAT, "report": {**REPORT, "batch_share": 1.0}}
    waiting = rate_of(scenario(traffic=day), np.geomspace(1e8, 1e11, 40)).usd_per_month
    served_at_once = rate_of(scenario(traffic=day, workload=at_once), np.geomspace(1e8, 1e11, 40)).usd_per_month
    # What can wait overflows at the batch price here, as in the other; but chats are never sent away for it.
    assert np.all(waiting <= served_at_once * (1 + 1e-9))


@pytest.mark.parametrize("traffic", ["smooth", "drawn"])
@pytest.mark.parametrize("prefix", [None, {"tokens": 800, "lifetime_s": 300}])
def test_a_fleet_without_replicas_pays_what_the_api_costs(traffic, prefix):
    priced_api = api()
    priced_api["prices"] |= {"cached_input_usd_per_mtok": 0.2, "cache_write_usd_per_mtok": 2.5}
    drawn = {"noise": {"relative_sd": 0.3}, "counts": "poisson", "growth_per_month": 0.1}
    content = scenario(
        workload={"chat": {**CHAT, "prefix": prefix} if prefix else CHAT, "report": WAITS},
        options={"api": priced_api, "fleet": fleet(autoscaling={"kind": "fixed", "count": 0})},
        traffic={
            "requests_per_day": 40_000,
            "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
            **(drawn if traffic == "drawn" else {}),
        },
        horizon={"months": 2, "step_s": 900},
    )
    volumes = sim.load_scenario(content).tokens_per_month * np.array([0.1, 1.0, 3.0])
    bill = rate_of(content, volumes, name="api").usd_per_month
    assert rate_of(content, volumes).usd_per_month == pytest.approx(bill, rel=1e-9)
    # Over time a report is paid at the price of the step in which it leaves; here all steps have one.
    assert sim.simulate(content, "fleet").total_usd == pytest.approx(sim.simulate(content, "api").total_usd, rel=1e-9)


# The parts of the cost

PRICES = {
    "batch at half the price": {"api": api()},
    "batch dearer than the list": {"api": api(batch=1.0)},
    "reports dearer to serve": {"api": api(), "gate": {"share": {"report": 0.9}}},
    "all escalates": {"api": api(), "gate": {"share": 0.5}},
    "rejected": {"api": api(), "rejects": True},
}
SHAPES = {
    "fixed": {"autoscaling": {"kind": "fixed", "count": 3}},
    "autoscaled": {"autoscaling": {"kind": "target_utilization", "target_share": 0.7, "stabilisation_s": 1800}},
    "capped": {"replicas": {"maximum": 3}, "autoscaling": {"kind": "target_utilization"}, "max_wait_s": 600},
}
TRAFFIC = {
    "smooth": {"requests_per_day": 86_400, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}},
    "noisy": {
        "requests_per_day": 86_400,
        "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
        "noise": {"relative_sd": 0.3},
        "counts": "poisson",
    },
}


def priced(prices, shape, traffic="smooth", report=None, **more):
    given = PRICES[prices]
    own = {**SHAPES[shape], "variable_usd_per_mtok": 0.02}
    if "gate" in given:
        own["escalation"] = given["gate"]
    if "rejects" in given:
        own |= {"overflow": "reject", "rejected_usd_per_request": 0.02}
    workload = {"chat": CHAT, "report": {**(report or REPORT), "deferrable": {"deadline_hours": 12}}}
    return scenario(
        workload=workload,
        options={"api": given["api"], "fleet": fleet(**own)},
        traffic=TRAFFIC[traffic],
        horizon={"days": 7, "step_s": 900},
        **more,
    )


@pytest.mark.parametrize(
    ("prices", "traffic"),
    # Where noisy arrivals are rejected, what noise adds to their number has no side of its own.
    [(prices, traffic) for prices in PRICES for traffic in TRAFFIC if (prices, traffic) != ("rejected", "noisy")],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_three_parts_of_the_cost_add_up_and_never_fall(prices, shape, traffic):
    rate = rate_of(priced(prices, shape, traffic), np.geomspace(1e6, 1e12, 256))
    parts = rate.linear_usd_per_request * rate.requests_per_month + rate.rising - rate.falling
    assert parts == pytest.approx(rate.usd_per_month, rel=1e-9)
    for part in (rate.rising, rate.falling):
        assert np.all(np.diff(part) >= -1e-9 * np.abs(part[1:]))


LONG_ANSWERS = {"share": 0.25, "input_tokens": 100, "output_tokens": 3_500}  # a second of them saves more than of chats


def test_the_parts_never_fall_where_a_second_of_waiting_work_saves_more_than_one_of_the_others():
    rate = rate_of(priced("batch dearer than the list", "fixed", report=LONG_ANSWERS), np.geomspace(1e6, 1e12, 256))
    seconds_chat, seconds_report = 1_200 / 1_200, 3_600 / 1_200
    assert (100 * 2 + 3_500 * 10) * 1e-6 / seconds_report > CHAT_USD / seconds_chat
    for part in (rate.rising, rate.falling):
        assert np.all(np.diff(part) >= -1e-9 * np.abs(part[1:]))
    parts = rate.linear_usd_per_request * rate.requests_per_month + rate.rising - rate.falling
    assert parts == pytest.approx(rate.usd_per_month, rel=1e-9)


def test_hits_of_a_prompt_cache_keep_the_parts():
    chat = {**CHAT, "prefix": {"tokens": 800, "lifetime_s": 300}}
    content = scenario(
        workload={"chat": chat, "report": WAITS},
        options={
            "api": {
                "kind": "api",
                "prices": {
                    **api()["prices"],
                    "cached_input_usd_per_mtok": 0.2,
                    "cache_write_usd_per_mtok": 2.5,
                },
            },
            "fleet": fleet(escalation={"share": 0.2}),
        },
        traffic=TRAFFIC["smooth"],
    )
    rate = rate_of(content, np.geomspace(1e5, 1e12, 192))
    parts = rate.linear_usd_per_request * rate.requests_per_month + rate.rising - rate.falling
    assert parts == pytest.approx(rate.usd_per_month, rel=1e-9)
    for part in (rate.rising, rate.falling):
        assert np.all(np.diff(part) >= -1e-9 * np.abs(part[1:]))


@pytest.mark.parametrize("prices", ["batch at half the price", "batch dearer than the list", "reports dearer to serve"])
@pytest.mark.parametrize("shape", SHAPES)
def test_crossings_are_those_of_a_fine_grid(prices, shape):
    content = priced(prices, shape)
    study = sim.break_even(content)
    volumes = np.geomspace(1e6, 1e12, 6_000)
    difference = rate_of(content, volumes).usd_per_month - rate_of(content, volumes, name="api").usd_per_month
    signs = np.sign(difference)
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    found = np.array([c.tokens_per_month for c in study.crossings])
    assert found.size > 0
    # Every change of the grid lies at a crossing told, or in a cluster of teeth around one.
    for place in changes:
        assert np.any(np.abs(np.log(found / volumes[place])) < 0.02)
    first = volumes[np.flatnonzero(difference < 0)[0]]
    assert study.first == pytest.approx(first, rel=0.005)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from(list(SHAPES)),
    batch=st.floats(0.1, 1.0),
    price=st.floats(0.05, 4.0),
    share=st.floats(0.05, 0.9),
    gate=st.floats(0.0, 0.6),
    deadline=st.sampled_from([0.0, 3.0, 24.0]),
)
def test_between_two_crossings_the_same_option_stays_cheaper(shape, batch, price, share, gate, deadline):
    content = scenario(
        workload={
            "chat": {**CHAT, "share": 1.0 - share},
            "report": {**REPORT, "share": share, "deferrable": {"deadline_hours": deadline}},
        },
        options={
            "api": api(batch, price, 4 * price),
            "fleet": fleet(**SHAPES[shape], escalation={"share": {"chat": gate}}),
        },
        traffic=TRAFFIC["smooth"],
        horizon={"days": 2, "step_s": 3600},
    )
    study = sim.break_even(content)
    volumes = np.geomspace(1e4, 1e13, 2_000)
    ours, theirs = (run_rate(study.plan, name, volumes).usd_per_month for name in ("fleet", "api"))
    cheaper = np.full(volumes.size, study.first == 0.0)
    for crossing in study.crossings:
        cheaper[volumes > crossing.tokens_per_month] = crossing.becomes_cheaper == "challenger"
    clear = np.abs(ours - theirs) > 1.2e-3 * theirs
    assert np.array_equal((ours < theirs)[clear], cheaper[clear])


BOUGHT = {
    "reserved": {"reserved": {"replicas": 2, "usd_per_gpu_hour": 1.8}},
    "spot": {"spot": {"share": 0.5, "discount_share": 0.6, "interruptions_per_replica_hour": 0.05}},
    "hosted": {"kind": "dedicated_endpoint", "usd_per_replica_hour": RENT, "rental": None, "autoscaling": None},
    "served costs": {
        "logs": {"bytes_per_request": 8_000, "usd_per_gb": 0.5},
        "egress": {"steps": [{"usd_per_gb": 0.1}, {"from_gb": 50, "usd_per_gb": 0.05}], "bytes_per_output_token": 200},
    },
    "owned": {
        "rental": None,
        "autoscaling": None,
        "gpus_per_replica": 8,
        "owned": {
            "nodes": 2,
            "gpus_per_node": 8,
            "usd_per_node": 300_000,
            "site": "own_room",
            "power": {"idle_w": 2_000, "loaded_w": 8_000, "pue": 1.25, "usd_per_kwh": 0.1},
        },
    },
}


@pytest.mark.parametrize("bought", BOUGHT)
def test_however_the_replicas_are_bought_the_parts_never_fall_and_both_bills_agree(bought):
    content = priced("all escalates", "autoscaled")
    changed = {**content["options"]["fleet"], **BOUGHT[bought]}
    content["options"]["fleet"] = {key: value for key, value in changed.items() if value is not None}
    rate = rate_of(content, np.geomspace(1e7, 1e12, 192))
    parts = rate.linear_usd_per_request * rate.requests_per_month + rate.rising - rate.falling
    assert parts == pytest.approx(rate.usd_per_month, rel=1e-9)
    for part in (rate.rising, rate.falling):
        assert np.all(np.diff(part) >= -1e-9 * np.abs(part[1:]))
    own = rate_of(content)
    ledger = sim.simulate(content, "fleet")
    assert 0 < ledger.deferred.served_share <= 1
    assert float(own.lines["escalated"][0]) == pytest.approx(ledger.costs["escalated"].sum() / ledger.months)


# What a fleet sees


POLICIES = {
    "target_utilization": {"kind": "target_utilization", "target_share": 0.7},
    "queue_depth": {"kind": "queue_depth", "requests_per_replica": 30, "polling_interval_s": 60},
    "queue_depth with service": {
        "kind": "queue_depth", "requests_per_replica": 4, "metric": "waiting_and_in_service", "service_s": 5,
    },
    "horizontal": {"kind": "horizontal_pod_autoscaler", "target_share": 0.7},
    "scale_to_zero": {"kind": "scale_to_zero", "idle_timeout_s": 600},
    "sized to the peak": {"kind": "fixed", "target_share": 0.8},
    "perfect_foresight": {"kind": "perfect_foresight"},
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_sees_what_it_would_see_without_the_reports(policy):
    own = {"autoscaling": POLICIES[policy], "max_wait_s": 900, "replicas": {"minimum": 0}}
    options = {"api": api(), "fleet": fleet(**own)}
    day = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
    fine = {"days": 2, "step_s": 60}
    both = scenario(options=options, traffic={"requests_per_day": 400_000, **day}, horizon=fine)
    alone = scenario(
        options=options,
        workload={"chat": {**CHAT, "share": 1.0}},
        traffic={"requests_per_day": 300_000, **day},
        horizon=fine,
    )
    with_reports, chats = sim.simulate(both, "fleet"), sim.simulate(alone, "fleet")
    assert with_reports.billed_replicas == pytest.approx(chats.billed_replicas)
    assert with_reports.ready_replicas == pytest.approx(chats.ready_replicas)
    assert with_reports.queued_tokens == pytest.approx(chats.queued_tokens, abs=1e-3)
    reports = with_reports.deferred
    assert with_reports.served_tokens - reports.served_tokens == pytest.approx(chats.served_tokens, abs=1e-3)
    assert with_reports.queue.peak == pytest.approx(chats.queue.peak, abs=1e-3)
    assert with_reports.queue.max_wait_s == pytest.approx(chats.queue.max_wait_s, abs=1e-3)


def test_latency_is_that_of_the_requests_that_do_not_wait():
    day = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
    hours = {"days": 2, "step_s": 300}
    own = {"autoscaling": {"kind": "fixed", "count": 6}, "max_wait_s": 600}
    options = {"api": api(), "fleet": fleet(**own)}
    both = scenario(options=options, traffic={"requests_per_day": 400_000, **day}, horizon=hours)
    alone = scenario(
        options=options,
        workload={"chat": {**CHAT, "share": 1.0}},
        traffic={"requests_per_day": 300_000, **day},
        horizon=hours,
    )
    with_reports = sim.latency(both, "fleet", slots_per_replica=8)
    chats = sim.latency(alone, "fleet", slots_per_replica=8)
    assert with_reports.wait.mean_s == pytest.approx(chats.wait.mean_s, rel=1e-6)
    assert with_reports.wait.p99_s == pytest.approx(chats.wait.p99_s, rel=1e-6)


def test_the_work_of_all_classes_is_that_of_the_same_classes_at_once():
    llama = {
        "kind": "self_hosted",
        "model": "llama-3.1-8b",
        "gpu": "h100-sxm",
        "precision": "fp8",
        "rental": {"usd_per_gpu_hour": 3.0},
    }
    options = {"api": api(), "fleet": llama}
    waiting = make_plan(sim.load_scenario(scenario(options=options))).options["fleet"]
    at_once = make_plan(sim.load_scenario(scenario(options=options, workload={"chat": CHAT, "report": REPORT})))
    assert waiting.whole_seconds_per_request == pytest.approx(at_once.options["fleet"].seconds_per_request, rel=1e-12)
    # Each part of the work follows what a replica does of that part alone.
    chat, report = (
        sim.estimate_throughput("llama-3.1-8b", "h100-sxm", input_tokens=inputs, output_tokens=outputs, precision="fp8")
        for inputs, outputs in ((1_000, 200), (3_000, 600))
    )
    ratio = waiting.deferred.seconds_per_request / waiting.seconds_per_request
    assert ratio == pytest.approx(0.25 / 0.75 * chat.requests_per_s / report.requests_per_s, rel=1e-9)


# Over time


def test_a_ledger_keeps_what_arrives_and_tells_the_reports_apart():
    content = scenario(
        options={"api": api(), "fleet": fleet(max_wait_s=7200)},
        traffic={"requests_per_day": 190_000, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}},
        horizon={"months": 2, "step_s": 900},
    )
    ledger = sim.simulate(content, "fleet")
    reports = ledger.deferred
    arrived = ledger.arriving_tokens.sum()
    gone = ledger.served_tokens.sum() + ledger.overflow_tokens.sum() + ledger.rejected_tokens.sum()
    assert gone + ledger.queued_tokens[-1] + reports.waiting_tokens[-1] == pytest.approx(arrived, rel=1e-12)
    assert reports.arriving_tokens == pytest.approx(ledger.arriving_tokens * (0.25 * 3_600 / (0.75 * 1_200 + 900)))
    kept = np.cumsum(reports.arriving_tokens - reports.served_tokens - reports.left_tokens)
    assert reports.waiting_tokens == pytest.approx(kept, abs=1e-6 * arrived)
    assert 0 < reports.served_share < 1
    capacity = ledger.ready_replicas * ledger.replica_tokens_per_s * ledger.step_s
    assert np.all(ledger.used_tokens <= capacity * (1 + 1e-12))
    # Both kinds are paid: chats at list, reports in batch, those that wait at the end with them.
    left = reports.left_tokens.sum() + reports.waiting_tokens[-1]
    assert ledger.costs["batch overflow"].sum() == pytest.approx(left / 3_600 * 0.5 * REPORT_USD)
    chats_left = ledger.overflow_tokens.sum() - reports.left_tokens.sum() + ledger.queued_tokens[-1]
    assert ledger.costs["overflow"].sum() == pytest.approx(chats_left / 1_200 * CHAT_USD)


def test_batch_overflow_is_paid_at_the_prices_of_its_month():
    cheaper = api(terms={"price_decline": {"share_per_year": 0.5, "steps": "monthly"}})
    content = scenario(
        requests_per_s=4.0,
        options={"api": cheaper, "fleet": fleet(escalation={"share": {"report": 0.5}})},
        horizon={"months": 3, "step_s": 3600},
        workload={"chat": CHAT, "report": {**REPORT, "deferrable": {"deadline_hours": 0}}},
    )
    ledger = sim.simulate(content, "fleet")
    prices = 0.5 ** (np.arange(3) / 12)
    each_month = 1.0 * SECONDS_PER_MONTH * 0.5 * REPORT_USD * prices
    assert ledger.costs["batch overflow"].to_numpy() == pytest.approx(each_month)


def test_until_a_fleet_is_live_the_api_answers_the_reports_too():
    content = scenario(options={"api": api(), "fleet": fleet(weeks_until_live=1)}, horizon={"days": 14, "step_s": 3600})
    ledger = sim.simulate(content, "fleet")
    week = 7 * 86_400.0
    assert ledger.costs["API until live"].sum() == pytest.approx(week * (0.75 * CHAT_USD + 0.25 * 0.5 * REPORT_USD))
    assert ledger.served_tokens.sum() == pytest.approx(week * 1_800)
    assert ledger.deferred.served_share == pytest.approx(0.5)
    assert ledger.arriving_tokens.sum() == pytest.approx(2 * week * 1_800)
    assert ledger.overflow_tokens.sum() == pytest.approx(week * 1_800)


def test_run_rate_and_simulation_agree_where_nothing_changes():
    content = priced("all escalates", "autoscaled")
    ledger, rate = sim.simulate(content, "fleet"), rate_of(content)
    for line, usd in rate.lines.items():
        if line in ledger.costs:
            assert ledger.costs[line].sum() / ledger.months == pytest.approx(float(usd[0]), rel=1e-9), line
    assert ledger.usd_per_month == pytest.approx(float(rate.usd_per_month[0]), rel=1e-9)


# The picture and the page


def test_the_timeline_draws_what_can_wait_as_a_dashed_queue():
    content = scenario(traffic={"requests_per_day": 110_000, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.9}})
    ledger = sim.simulate(content, "fleet")
    queue = timeline_chart([ledger]).axes[3]
    assert queue.get_ylabel() == "Queue [tokens], dashed: of requests that can wait"
    own, dashed = queue.lines
    assert own.get_ydata() == pytest.approx(ledger.queued_tokens)
    assert dashed.get_ydata() == pytest.approx(ledger.deferred.waiting_tokens)
    assert dashed.get_linestyle() == "--"
    assert queue.get_ylim()[1] > ledger.deferred.waiting_tokens.max() > 0


def test_the_table_of_the_page_is_what_its_scenario_comes_to(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "deferrable-work.md").read_text(encoding="utf-8")
    path = tmp_path / "assistant-and-reports.yaml"
    path.write_text(re.search(r"^```yaml\n(.*?)^```", page, flags=re.M | re.S)[1], encoding="utf-8")
    waits = sim.break_even(path).options["llama"]
    path.write_text(path.read_text(encoding="utf-8").replace("deferrable: {deadline_hours: 24}", "batch_share: 1"))
    at_once = sim.break_even(path).options["llama"]
    for option, row in ((at_once, "at once"), (waits, "within 24 hours")):
        assert f"| {row} | {option.lines['rent']:,.0f} USD | {option.utilization_share:.0%}".replace("%", " %") in page
    assert waits.deferred_served_share > 0.999


# What is refused


def waits(**deferrable):
    return {**REPORT, "deferrable": deferrable}


@pytest.mark.parametrize(
    ("workload", "key", "message"),
    [
        (
            {"chat": CHAT, "report": waits(deadline_hours=-1)},
            "workload.report.deferrable.deadline_hours",
            "is -1, must be at least 0 [h]",
        ),
        (
            {"chat": CHAT, "report": {**WAITS, "batch_share": 0.5}},
            "workload.report.batch_share",
            "is 0.5, must not be given with deferrable: an API batches all of the class",
        ),
        (
            {"chat": {**CHAT, "deferrable": {}}, "report": waits(deadline_hours=12)},
            "workload.report.deferrable.deadline_hours",
            "is 12, must be 24 as of 'chat': all that can wait has one deadline",
        ),
        (
            {"report": {**WAITS, "share": 1.0}},
            "workload.report.deferrable",
            "must not be given for every class where a fleet is compared",
        ),
        ({"chat": CHAT, "report": waits(deadline=3)}, "workload.report.deferrable.deadline", "unknown key"),
    ],
)
def test_what_can_not_wait_so_is_refused_at_its_key(workload, key, message):
    with pytest.raises(ValueError, match=key) as refused:
        sim.load_scenario(scenario(workload=workload))
    assert f"{key}: {message}" in str(refused.value)


def test_a_deadline_of_too_many_steps_is_refused_unless_it_is_as_long_as_the_horizon():
    fine = {"hours": 48, "step_s": 0.5}
    with pytest.raises(ValueError, match=r"is 24, must be at most 13\.8889 at such short steps, or \.inf"):
        sim.load_scenario(scenario(horizon=fine))
    unlimited = {"chat": CHAT, "report": waits(deadline_hours=float("inf"))}
    assert sim.load_scenario(scenario(horizon=fine, workload=unlimited))


def test_where_no_fleet_is_compared_every_class_may_wait():
    found = sim.load_scenario(
        scenario(workload={"report": {**WAITS, "share": 1.0}}, options={"api": api(), "other": api(0.4)})
    )
    assert found.workload["report"].batched_share == 1.0


# What a run shows


def test_a_run_says_what_becomes_of_the_requests_that_can_wait(tmp_path, monkeypatch, capsys):
    path = tmp_path / "waiting.yaml"
    content = scenario(requests_per_s=2.4, horizon={"days": 20, "step_s": 3600})
    path.write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["breakeven", "run", str(path), "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    # Two replicas less 1.8 of chats leave 0.2 for reports of 1.8: a ninth.
    said = "fleet: 25 % of the requests can wait 24 h; idle capacity serves 11 % of those, 89 % goes to the batch API"
    assert said in printed
    assert "report: can wait 24 h: an API bills it at its batch price" in printed
    option = json.loads((tmp_path / "waiting" / "summary.json").read_text(encoding="utf-8"))["options"]["fleet"]
    waiting = option["run_rate"]["deferrable"]
    assert waiting["request_share"] == pytest.approx(0.25)
    assert waiting["served_share"] == pytest.approx(1 / 9)
    assert waiting["left_share"] == pytest.approx(8 / 9)
    assert option["horizon"]["deferrable_served_share"] == pytest.approx(1 / 9)
    timeline = pd.read_csv(tmp_path / "waiting" / "timeline.csv")
    served = timeline[timeline["option"] == "fleet"]["deferred_served_tokens_per_s"]
    assert served.to_numpy() == pytest.approx(np.full(480, 0.2 * 1_200))
    curve = pd.read_csv(tmp_path / "waiting" / "curve.csv")
    assert curve[curve["option"] == "fleet"]["deferred_served_share"].between(0, 1).all()


def test_without_requests_that_can_wait_nothing_speaks_of_them():
    plain = scenario(workload={"chat": CHAT, "report": REPORT})
    rate, ledger = rate_of(plain), sim.simulate(plain, "fleet")
    assert rate.deferred_served_share is None
    assert ledger.deferred is None
    assert "batch overflow" not in rate.lines
