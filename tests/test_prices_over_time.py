"""Rents that move and hardware that changes, through the public interface: every month's cost by hand."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from changing_fleets import API_USD_PER_MTOK, FULL_REPLICA_TOKENS, START, case, day, other_hardware

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.presentation.over_time_wording import over_time_lines

MONTH_HOURS = 730


def months_of(scenario, line="rent"):
    return sim.simulate(scenario, "fleet").costs[line].tolist()


def by_hour(levels, months=12):
    """Monthly sums of a rate by the hour that holds from so many hours on: a second route, hour by hour."""
    hours = np.zeros(months * MONTH_HOURS)
    for hour, usd in levels:
        hours[hour:] = usd
    return hours.reshape(months, MONTH_HOURS).sum(axis=1).tolist()


# Rents


def test_a_dated_rent_is_charged_from_its_day_within_a_bill_month():
    rental = {"usd_per_gpu_hour": 3.0, "changes": [{"effective_from": day(100), "usd_per_gpu_hour": 2.1}]}
    assert months_of(case({"rental": rental})) == pytest.approx(by_hour([(0, 9.0), (2400, 6.3)]))


def test_a_rent_that_falls_by_the_year_steps_at_bill_months():
    rental = {"usd_per_gpu_hour": 3.0, "price_decline": {"share_per_year": 0.36}}
    expected = [3 * 730 * 3.0 * 0.64 ** (month / 12) for month in range(12)]
    assert months_of(case({"rental": rental})) == pytest.approx(expected)


def test_a_reserved_rental_renews_after_twelve_of_eighteen_months_at_the_rent_of_then():
    rental = {
        "usd_per_gpu_hour": 3.0,
        "contract": "reserved_1y",
        "changes": [{"effective_from": day(30), "usd_per_gpu_hour": 2.5}],
        "price_decline": {"share_per_year": 0.2},
    }
    expected = [3 * 730 * 3.0] * 12 + [3 * 730 * 2.5 * 0.8] * 6
    assert months_of(case({"rental": rental}, months=18)) == pytest.approx(expected)
    named = {**rental, "contract": "on_demand", "renewal_months": 12}
    assert months_of(case({"rental": named}, months=18)) == pytest.approx(expected)


def test_a_rent_that_changes_within_a_step_is_charged_at_the_mean_of_the_step():
    # Steps of 73 hours: day 10 is hour 240, 21 hours into the fourth step.
    rental = {"usd_per_gpu_hour": 3.0, "changes": [{"effective_from": day(10), "usd_per_gpu_hour": 2.0}]}
    scenario = case({"rental": rental}, step_s=73 * 3600, months=1)
    assert months_of(scenario) == pytest.approx([3 * (240 * 3.0 + 490 * 2.0)])


def test_a_change_up_to_the_start_is_the_rent_of_the_run_rate_and_a_later_one_is_not():
    changes = [
        {"effective_from": date(2026, 6, 1), "usd_per_gpu_hour": 2.0},
        {"effective_from": START, "usd_per_gpu_hour": 1.5},
        {"effective_from": day(60), "usd_per_gpu_hour": 1.0},
    ]
    scenario = case({"rental": {"usd_per_gpu_hour": 3.0, "changes": changes}})
    assert sim.break_even(scenario).options["fleet"].lines["rent"] == pytest.approx(3 * 730 * 1.5)
    assert months_of(scenario) == pytest.approx(by_hour([(0, 4.5), (1440, 3.0)]))


def test_the_rent_of_a_machine_changes_by_the_gpu_or_by_the_machine():
    machine = {"gpus_per_replica": 2, "replicas": {"minimum": 0}}
    rent = {"usd_per_instance_hour": 12.0, "gpus_per_instance": 4}  # two replicas to a machine: four are paid
    by_gpu = {**rent, "changes": [{"effective_from": day(30), "usd_per_gpu_hour": 2.0}]}
    by_machine = {**rent, "changes": [{"effective_from": day(30), "usd_per_instance_hour": 8.0}]}
    expected = by_hour([(0, 24.0), (720, 16.0)])
    assert months_of(case({**machine, "rental": by_gpu})) == pytest.approx(expected)
    assert months_of(case({**machine, "rental": by_machine})) == pytest.approx(expected)


def test_spot_follows_the_rent_by_its_discount_and_a_given_rate_its_own_changes():
    rental = {"usd_per_gpu_hour": 3.0, "changes": [{"effective_from": day(73), "usd_per_gpu_hour": 2.0}]}
    spot = {"share": 1.0, "discount_share": 0.5, "interruptions_per_replica_hour": 0.0}
    follows = case({"rental": rental, "spot": spot})
    assert months_of(follows, "spot") == pytest.approx(by_hour([(0, 4.5), (73 * 24, 3.0)]))
    own = {
        "share": 1.0, "usd_per_gpu_hour": 1.0, "interruptions_per_replica_hour": 0.0,
        "changes": [{"effective_from": day(10), "usd_per_gpu_hour": 0.5}],
    }  # fmt: skip
    assert months_of(case({"rental": rental, "spot": own}), "spot") == pytest.approx(by_hour([(0, 3.0), (240, 1.5)]))


def test_a_reserved_base_renews_by_itself_while_what_is_above_it_moves_at_once():
    fleet = {
        "rental": {"usd_per_gpu_hour": 3.0, "price_decline": {"share_per_year": 0.2, "steps": "yearly"}},
        "reserved": {"replicas": 2, "usd_per_gpu_hour": 2.0, "renewal_months": 6,
                     "changes": [{"effective_from": day(10), "usd_per_gpu_hour": 1.5}]},
    }  # fmt: skip
    scenario = case(fleet, months=18)
    assert months_of(scenario) == pytest.approx([730 * 3.0] * 12 + [730 * 2.4] * 6)
    assert months_of(scenario, "reserved base") == pytest.approx([2 * 730 * 2.0] * 6 + [2 * 730 * 1.5] * 12)


def test_a_change_of_the_catalogues_price_within_the_horizon_is_followed_on_demand_and_not_under_a_term():
    # RunPod, secure cloud, H100 SXM: 3.49 from 2026-09-25 on, 3.99 from 2026-11-09 on.
    def monthly(**rental):
        scenario = case(
            {"gpu": "h100-sxm", "rental": {"provider": "runpod", "sku": "secure cloud", **rental}}, months=2
        )
        scenario["horizon"]["start"] = date(2026, 10, 1)
        return months_of(scenario)

    hours = (date(2026, 11, 9) - date(2026, 10, 1)).days * 24
    assert monthly() == pytest.approx(by_hour([(0, 3 * 3.49), (hours, 3 * 3.99)], 2))
    assert monthly(renewal_months=12) == pytest.approx([3 * 730 * 3.49] * 2)
    assert monthly(usd_per_gpu_hour=2.0) == pytest.approx([3 * 730 * 2.0] * 2)
    changes = [{"effective_from": date(2026, 10, 2), "usd_per_gpu_hour": 1.0}]
    assert monthly(changes=changes) == pytest.approx(by_hour([(0, 3 * 3.49), (24, 3.0)], 2))


def test_growth_and_a_falling_rent_act_together():
    rental = {"usd_per_gpu_hour": 3.0, "price_decline": {"share_per_year": 0.36}}
    growth = {"kind": "steps", "steps": [{"from_month": 6, "factor": 2.0}]}
    scenario = case({"rental": rental}, traffic={"growth": growth})
    replicas = [3] * 6 + [5] * 6
    expected = [n * 730 * 3.0 * 0.64 ** (month / 12) for month, n in enumerate(replicas)]
    assert months_of(scenario) == pytest.approx(expected)


def test_rates_that_move_leave_service_as_it_is():
    rental = {"usd_per_gpu_hour": 3.0, "changes": [{"effective_from": day(5), "usd_per_gpu_hour": 2.1}]}
    noisy = {"counts": "poisson", "noise": {"relative_sd": 0.4}, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
    plain, moving = (
        sim.simulate(case(fleet, days=20, step_s=900, traffic=noisy), "fleet") for fleet in ({}, {"rental": rental})
    )
    for name in ("served_tokens", "overflow_tokens", "queued_tokens", "billed_replicas"):
        assert np.array_equal(getattr(plain, name), getattr(moving, name))
    hours = np.arange(plain.billed_replicas.size) / 4.0
    expected = (plain.billed_replicas * np.where(hours < 120, 3.0, 2.1)).sum() / 4.0
    assert moving.costs["rent"].sum() == pytest.approx(expected)


# Hardware


def test_other_hardware_from_a_day_on_costs_its_own_rent_and_the_move_is_paid_once():
    scenario = case({"hardware_changes": [other_hardware(100, one_off_usd={"move": 5_000.0, "tests": 500.0})]})
    assert months_of(scenario) == pytest.approx(by_hour([(0, 9.0), (2400, 8.0)]))
    assert months_of(scenario, "one_off") == [0.0] * 3 + [5_500.0] + [0.0] * 8
    ledger = sim.simulate(scenario, "fleet")
    assert ledger.one_off_usd == 5_500.0
    assert ledger.served_tokens.sum() == pytest.approx(12 * 2.5 * FULL_REPLICA_TOKENS)
    # 2.5 of 3 replicas are in use, then 1.25 of 2.
    capacity = 2400 * 3 * 1_000.0 + (8760 - 2400) * 2 * 2_000.0
    assert ledger.utilization_share == pytest.approx(8760 * 2.5 * 1_000.0 / capacity)
    assert ledger.replica_tokens_per_s[[0, 2399, 2400]].tolist() == [1_000.0, 1_000.0, 2_000.0]


def test_two_changes_follow_each_other():
    third = other_hardware(200, tokens_per_s=500.0, usd=1.0)
    scenario = case({"hardware_changes": [other_hardware(100), {**third, "gpu": "l40s"}]})
    assert months_of(scenario) == pytest.approx(by_hour([(0, 9.0), (2400, 8.0), (4800, 5.0)]))


def test_a_day_within_a_step_counts_from_the_next_one_and_is_told():
    # Steps of 73 hours: day 10 is hour 240, so that the fifth step, from hour 292 on, is the first of the new fleet.
    scenario = case({"hardware_changes": [other_hardware(10)]}, step_s=73 * 3600, months=1)
    ledger = sim.simulate(scenario, "fleet")
    assert ledger.costs["rent"].sum() == pytest.approx(292 * 9.0 + (730 - 292) * 8.0)
    told = "fleet: the hardware of 2027-01-11 serves from 2027-01-13 04:00:00 UTC on, the next whole step"
    assert told in ledger.warnings


@pytest.mark.parametrize("before", [0, 1, 400])
def test_a_change_up_to_the_start_is_the_scenario_written_with_the_new_hardware(before):
    changed = case({"hardware_changes": [other_hardware(-before)]}, traffic={"growth_per_month": 0.05})
    new = other_hardware(0)
    written = case({key: new[key] for key in ("gpu", "throughput", "rental")}, traffic={"growth_per_month": 0.05})
    one, other = sim.simulate(changed, "fleet"), sim.simulate(written, "fleet")
    assert one.costs.equals(other.costs)
    assert np.array_equal(one.billed_replicas, other.billed_replicas)
    ours, theirs = sim.break_even(changed), sim.break_even(written)
    assert (ours.first, ours.settled) == (theirs.first, theirs.settled)
    assert ours.options["fleet"].lines == theirs.options["fleet"].lines


def test_the_move_of_a_change_on_the_first_day_is_paid_and_one_from_before_was():
    for before, usd in ((0, 700.0), (1, 0.0)):
        scenario = case({"hardware_changes": [other_hardware(-before, one_off_usd={"move": 700.0})]})
        assert sim.simulate(scenario, "fleet").one_off_usd == usd
        assert sim.break_even(scenario).options["fleet"].one_off_usd == usd


def test_a_change_after_the_end_never_comes():
    plain = sim.simulate(case(), "fleet")
    for number in (365, 366, 5_000):
        scenario = case({"hardware_changes": [other_hardware(number, one_off_usd={"move": 9.0})]})
        assert sim.simulate(scenario, "fleet").costs.equals(plain.costs)


def test_the_run_rate_is_that_of_the_hardware_of_the_first_day():
    changed = sim.break_even(case({"hardware_changes": [other_hardware(100, one_off_usd={"move": 9.0})]}))
    plain = sim.break_even(case())
    assert changed.options["fleet"].lines == plain.options["fleet"].lines
    assert (changed.first, changed.settled) == (plain.first, plain.settled)
    assert changed.options["fleet"].one_off_usd == 0.0


@pytest.mark.parametrize("traffic", [{}, {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}, "counts": "poisson"}])
def test_a_change_to_the_same_hardware_changes_nothing(traffic):
    same = {"effective_from": day(9), "gpu": "a100-80gb-sxm"}
    plain, changed = (
        sim.simulate(case(fleet, days=20, step_s=900, traffic=traffic), "fleet")
        for fleet in ({}, {"hardware_changes": [same]})
    )
    assert changed.costs.equals(plain.costs)
    assert np.array_equal(changed.served_tokens, plain.served_tokens)


def test_under_constant_traffic_a_fleet_restarted_costs_what_it_did():
    renamed = {"effective_from": day(9), "cold_start_s": 181.0}
    plain, changed = (sim.simulate(case(fleet), "fleet") for fleet in ({}, {"hardware_changes": [renamed]}))
    assert len(changed.stages) == 2
    assert changed.costs["rent"].tolist() == pytest.approx(plain.costs["rent"].tolist())


def test_while_they_overlap_both_fleets_are_paid_and_one_serves():
    people = {"gpus_per_person": 1, "usd_per_person_year": 12_000.0}
    licence = {"suite": {"usd_per_gpu_month": 10.0, "usd_per_node_month": 100.0}}
    change = other_hardware(100, overlap_weeks=2)
    scenario = case({"hardware_changes": [change], "engineers": people, "licences": licence})
    ledger = sim.simulate(scenario, "fleet")
    begins = 2400 - 336
    both = by_hour([(0, 9.0), (begins, 17.0), (2400, 8.0)])
    assert ledger.costs["rent"].tolist() == pytest.approx(both)
    # Hours 2064 to 2400 lie in the third and fourth month: five GPUs there, three before, two after.
    gpus = [3, 3, 5, 5] + [2] * 8
    assert ledger.costs["engineers"].tolist() == pytest.approx([1_000.0 * n for n in gpus])
    assert ledger.costs["licence suite"].tolist() == pytest.approx([110.0 * n for n in gpus])
    assert ledger.served_tokens.sum() == pytest.approx(12 * 2.5 * FULL_REPLICA_TOKENS)
    assert ledger.billed_replicas[begins] == 5


def test_machines_of_another_size_are_counted_as_they_are():
    # Three replicas of 2 GPUs on machines of 4, two to a machine: two machines. Then two GPUs alone.
    first = {"gpus_per_replica": 2, "rental": {"usd_per_gpu_hour": 3.0, "gpus_per_instance": 4}, "replicas": {}}
    change = other_hardware(73, gpus_per_replica=1)
    licence = {"suite": {"usd_per_node_month": 100.0}}
    scenario = case({**first, "hardware_changes": [change], "licences": licence})
    # Day 73 lies in the third month, whose peak is that of its first days.
    assert months_of(scenario, "licence suite") == pytest.approx([200.0] * 12)
    smaller = other_hardware(73, gpus_per_replica=1, tokens_per_s=10_000.0)
    scenario["options"]["fleet"]["hardware_changes"] = [smaller]
    assert months_of(scenario, "licence suite") == pytest.approx([200.0] * 3 + [100.0] * 9)


@pytest.mark.parametrize("overflow", [{}, {"overflow": "reject", "rejected_usd_per_request": 0.01}])
def test_what_waits_at_a_change_leaves_and_nothing_is_lost(overflow):
    # One replica for 1.5 replicas' work: half a replica-hour more waits after every hour, without limit.
    fixed = {"autoscaling": {"kind": "fixed", "count": 1}, "max_wait_s": float("inf"), **overflow}
    change = other_hardware(10, tokens_per_s=1_200.0)
    ledger = sim.simulate(case({**fixed, "hardware_changes": [change]}, busy=1.5, days=20), "fleet")
    left = ledger.overflow_tokens + ledger.rejected_tokens
    waiting = 240 * 0.5 * 3.6e6
    assert left[239] == pytest.approx(waiting)
    assert left.sum() == pytest.approx(waiting)
    assert ledger.queued_tokens[239] == 0.0
    assert ledger.queued_tokens[-1] == pytest.approx(240 * 0.3 * 3.6e6)
    assert ledger.arriving_tokens.sum() == pytest.approx(
        ledger.served_tokens.sum() + left.sum() + ledger.queued_tokens[-1]
    )
    usd_per_token = 0.01 / 400 if overflow else API_USD_PER_MTOK / 1e6
    line = ledger.costs["rejected" if overflow else "overflow"]
    assert line.sum() == pytest.approx((waiting + 240 * 0.3 * 3.6e6) * usd_per_token)


@pytest.mark.parametrize(
    "policy", ["target_utilization", "scheduled", "queue_depth", "perfect_foresight", "predictive"]
)
def test_arrivals_are_served_overflow_or_wait_over_all_stages(policy):
    kinds = {
        "target_utilization": {"kind": "target_utilization", "target_share": 0.8},
        "scheduled": {"kind": "scheduled", "otherwise": 1,
                      "windows": [{"days": ["mon", "fri"], "from_hour": 8, "to_hour": 20, "replicas": 4}]},
        "queue_depth": {"kind": "queue_depth", "requests_per_replica": 8},
        "perfect_foresight": {"kind": "perfect_foresight"},
        "predictive": {"kind": "predictive"},
    }  # fmt: skip
    noisy = {
        "counts": "poisson", "growth_per_month": 0.1, "diurnal": {"peak_hour": 14, "peak_to_mean": 2.0},
        "noise": {"relative_sd": 0.5}, "spikes": {"per_month": 8, "height_to_mean": 3, "half_life_s": 1800},
    }  # fmt: skip
    changes = [other_hardware(12, overlap_weeks=1), {**other_hardware(33, tokens_per_s=700.0), "gpu": "l40s"}]
    fleet = {"autoscaling": kinds[policy], "hardware_changes": changes, "max_wait_s": 900.0}
    ledger = sim.simulate(case(fleet, days=45, step_s=300, traffic=noisy), "fleet")
    left = ledger.overflow_tokens.sum() + ledger.queued_tokens[-1]
    assert ledger.arriving_tokens.sum() == pytest.approx(ledger.served_tokens.sum() + left, rel=1e-9)
    assert np.all(ledger.served_tokens <= ledger.ready_replicas * ledger.replica_tokens_per_s * 300 * (1 + 1e-9) + 1e-6)
    whole = sim.simulate(case(days=45, step_s=300, traffic=noisy), "fleet")
    assert ledger.arriving_tokens == pytest.approx(whole.arriving_tokens)


def test_what_overflows_is_billed_at_the_apis_price_of_its_day():
    # Without a replica everything overflows, so that it costs what the API alone does.
    none = {"autoscaling": {"kind": "fixed", "count": 0}, "replicas": {"minimum": 0}, "max_wait_s": 0.0}
    changes = [other_hardware(100)]
    terms = {"terms": {"price_changes": [{"effective_from": day(200), "multiplier": 2.0}]}}
    ledger = sim.simulate(case({**none, "hardware_changes": changes}, api=terms), "fleet")
    api = sim.simulate(case(api=terms), "api")
    assert ledger.costs["overflow"].tolist() == pytest.approx(api.costs.sum(axis=1).tolist())


def test_a_rental_that_is_looked_up_is_looked_up_for_the_new_gpu_on_its_day():
    fleet = {"gpu": "a100-80gb-sxm", "rental": {"provider": "lambda"}, "gpus_per_replica": 8}
    change = {"effective_from": day(60), "gpu": "h100-sxm", "throughput": {"total_tokens_per_s": 2_000.0}}
    plan = make_plan(sim.load_scenario(case({**fleet, "hardware_changes": [change]})))
    first = plan.options["fleet"]
    assert (first.usd_per_replica_hour, first.stages[0].fleet.usd_per_replica_hour) == (22.32, 31.92)
    assert any(figure.what.endswith("from 2027-03-02 on") for figure in plan.figures)


def test_the_catalogues_rent_falls_from_the_start_also_for_hardware_that_comes_later():
    fleet = {"rental": {"provider": "lambda", "price_decline": {"share_per_year": 0.36}}, "gpus_per_replica": 8}
    change = {"effective_from": day(30 * 12), "gpu": "h100-sxm", "throughput": {"total_tokens_per_s": 2_000.0}}
    plan = make_plan(sim.load_scenario(case({**fleet, "hardware_changes": [change]}, months=18)))
    later = plan.options["fleet"].stages[0].fleet
    assert later.usd_per_replica_hour == pytest.approx(31.92 * 0.64 ** (11 / 12))  # day 360 lies in bill month 11


def test_one_fleet_is_an_estimate_and_another_given():
    fleet = {"model": "llama-3.1-8b", "gpu": "a100-80gb-sxm", "throughput": None}
    change = {"effective_from": day(60), "gpu": "h100-sxm", "rental": {"usd_per_gpu_hour": 4.0}}
    plan = make_plan(sim.load_scenario(case({**fleet, "hardware_changes": [change]})))
    first = plan.options["fleet"]
    assert first.stages[0].fleet.seconds_per_request < first.seconds_per_request
    assert first.stages[0].fleet.label == "llama-3.1-8b on 1 x h100-sxm"


def test_a_null_throughput_asks_for_the_estimate():
    fleet = {"model": "llama-3.1-8b", "gpu": "a100-80gb-sxm"}
    change = {**other_hardware(60), "throughput": None}
    plan = make_plan(sim.load_scenario(case({**fleet, "hardware_changes": [change]})))
    estimated = {**fleet, "gpu": "h100-sxm", "throughput": None}
    alone = make_plan(sim.load_scenario(case(estimated)))
    assert plan.options["fleet"].stages[0].fleet.seconds_per_request == alone.options["fleet"].seconds_per_request


def test_a_base_is_found_for_every_hardware():
    # All of three A100s and of two H100s run all the time, so that all of them are reserved, whatever comes before.
    reserved = {"replicas": "auto", "usd_per_gpu_hour": 2.0}
    change = other_hardware(365, reserved={"replicas": "auto", "usd_per_gpu_hour": 3.5})
    fleet = {"reserved": reserved, "hardware_changes": [change], "weeks_until_live": 2}
    scenario = case(fleet, months=18)
    assert months_of(scenario, "reserved base") == pytest.approx([3 * 730 * 2.0] * 12 + [2 * 730 * 3.5] * 6)
    assert months_of(scenario) == pytest.approx([0.0] * 18)


def test_storage_is_of_the_weights_that_are_there_at_the_start():
    fleet = {"model": "llama-3.1-8b", "precision": "bf16", "storage": {"usd_per_gb_month": 1.0}}
    sizes = []
    for number in (-1, 60):
        scenario = case({**fleet, "hardware_changes": [other_hardware(number, precision="fp8")]})
        sizes.append(sim.break_even(scenario).options["fleet"].lines["fixed: storage of weights"])
    assert sizes[0] == pytest.approx(sizes[1] / 2)


def test_waits_request_by_request_are_not_told_of_hardware_that_changes():
    with pytest.raises(ValueError, match="option is 'fleet', must be a fleet of one kind of hardware"):
        sim.latency(case({"hardware_changes": [other_hardware(60)]}, months=3), "fleet", slots_per_replica=8)


# What can't be

CHANGE = {"effective_from": day(60), "usd_per_gpu_hour": 2.0}


def with_rental(**rental):
    return {"rental": {"usd_per_gpu_hour": 3.0, **rental}}


def with_changes(*changes, **fleet):
    return {**fleet, "hardware_changes": list(changes)}


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        (
            with_rental(changes=[CHANGE, {**CHANGE, "effective_from": day(60)}]),
            r"rental\.changes\[1\]\.effective_from: is 2027-03-02, must be after the change before, 2027-03-02",
        ),
        (
            with_rental(changes=[{**CHANGE, "usd_per_gpu_hour": -2.0}]),
            r"rental\.changes\[0\]\.usd_per_gpu_hour: is -2\.0, must be at least 0",
        ),
        (
            with_rental(changes=[{**CHANGE, "usd_per_instance_hour": 2.0}]),
            r"rental\.changes\[0\]\.usd_per_instance_hour: must not be given together with usd_per_gpu_hour",
        ),
        (
            with_rental(changes=[{"effective_from": day(3)}]),
            r"rental\.changes\[0\]\.usd_per_gpu_hour: is missing; a change of the rent gives",
        ),
        (
            with_rental(price_decline={"share_per_year": 1.0}),
            r"rental\.price_decline\.share_per_year: is 1\.0, must be less than 1",
        ),
        (with_rental(renewal_months=0), r"rental\.renewal_months: is 0, must be at least 0\.05"),
        (
            {"reserved": {"replicas": 1, "usd_per_gpu_hour": 1.0, "changes": [CHANGE, CHANGE]}},
            r"reserved\.changes\[1\]\.effective_from: is 2027-03-02, must be after",
        ),
        (
            {"spot": {"share": 1.0, "discount_share": 0.5, "interruptions_per_replica_hour": 0.0, "changes": [CHANGE]}},
            r"spot\.changes: must not be given with discount_share, which follows the rent",
        ),
        (
            with_changes(other_hardware(60), other_hardware(50)),
            r"hardware_changes\[1\]\.effective_from: is 2027-02-20, must be after the change before, 2027-03-02",
        ),
        (
            with_changes({"effective_from": day(60), "gpu": "h100-sxm", "rental": {"usd_per_gpu_hour": 4.0}}),
            r"hardware_changes\[0\]\.throughput: is missing; the one before is of another replica",
        ),
        (
            with_changes({"effective_from": day(60), "gpus_per_replica": 2}),
            r"hardware_changes\[0\]\.throughput: is missing; the one before is of another replica",
        ),
        (
            with_changes({"effective_from": day(60), "precision": "fp8"}),
            r"hardware_changes\[0\]\.throughput: is missing",
        ),
        (
            with_changes(
                {"effective_from": day(60), "gpu": "h100-sxm", "throughput": {"total_tokens_per_s": 2_000.0}}
            ),
            r"hardware_changes\[0\]\.rental: is missing; the rent before is of another GPU",
        ),
        (
            with_changes(other_hardware(60), reserved={"replicas": 1, "usd_per_gpu_hour": 1.0}),
            r"hardware_changes\[0\]\.reserved: is missing; the rate before is of another GPU",
        ),
        (
            with_changes({**other_hardware(60), "gpu": "h100-sxx"}),
            r"hardware_changes\[0\]\.gpu: is 'h100-sxx', must be one of",
        ),
        (
            with_changes({**other_hardware(60), "gpus_per_replica": 4, "tensor_parallel": 3}),
            r"hardware_changes\[0\]\.gpus_per_replica: is 4, must be tensor_parallel x pipeline_parallel",
        ),
        (
            with_changes({**other_hardware(60), "overlap_weeks": -1}),
            r"hardware_changes\[0\]\.overlap_weeks: is -1, must be at least 0",
        ),
        (
            with_changes({**other_hardware(60), "model": "llama-3.1-8b"}),
            r"hardware_changes\[0\]\.model: unknown key",
        ),
        (
            with_changes(
                {"effective_from": day(60), "autoscaling": {"kind": "target_utilization", "reaction_s": 3.6e8 / 1.2}}
            ),
            None,
        ),
    ],
)  # fmt: skip
def test_what_can_not_change_so_is_a_fault_at_its_key(fleet, message):
    if message is None:
        scenario = case(fleet, step_s=300)
        message = r"hardware_changes\[0\]\.autoscaling\.reaction_s: is 3e\+08, must be at most 100,000 steps of 300 s"
    else:
        scenario = case(fleet)
    with pytest.raises(ValueError, match=rf"options\.fleet\.{message}"):
        sim.load_scenario(scenario)


def test_hardware_that_can_not_be_had_on_its_day_makes_the_option_infeasible():
    change = {**other_hardware(60), "rental": {"provider": "lambda", "contract": "spot"}}
    plan = make_plan(sim.load_scenario(case(with_changes(change))))
    (fault,) = plan.faults["fleet"]
    assert fault.key == "options.fleet.hardware_changes[0].rental"
    assert fault.text.startswith("lambda has no 'spot' offer of 1 x h100-sxm")
    assert fault.infeasible


def test_owned_hardware_and_a_hosts_replicas_do_not_change():
    scenario = case({"rental": None, "owned": {"nodes": 1}, "hardware_changes": [other_hardware(60)]})
    del scenario["options"]["fleet"]["autoscaling"]
    with pytest.raises(ValueError, match=r"options\.fleet\.hardware_changes: must not be given with owned"):
        sim.load_scenario(scenario)
    host = case()
    host["options"]["fleet"] = {
        "kind": "dedicated_endpoint", "usd_per_replica_hour": 3.0, "throughput": {"total_tokens_per_s": 1_000.0},
        "hardware_changes": [other_hardware(60)],
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"options\.fleet\.hardware_changes: must not be given; the hardware is the"):
        sim.load_scenario(host)


def test_a_fault_of_a_change_is_told_with_its_line(tmp_path):
    path = tmp_path / "moving.yaml"
    path.write_text(
        """\
title: moving
traffic: {requests_per_day: 1000}
workload: {q: {input_tokens: 300, output_tokens: 100}}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}}
  fleet:
    kind: self_hosted
    gpu: a100-80gb-sxm
    rental: {usd_per_gpu_hour: 3}
    throughput: {requests_per_s: 5}
    hardware_changes:
      - effective_from: 2027-07-01
        gpu: h100-sxm
        rental:
          provider: lambda
          contract: spot
        throughput: {requests_per_s: 5}
      - effective_from: 2027-08-01
        gpu: h100-sxx
""",
        encoding="utf-8",
    )
    with pytest.raises(ValueError) as told:
        sim.load_scenario(path)
    lines = str(told.value).splitlines()
    assert len(lines) == 1  # the second needs a throughput of its own; what is looked up is told after that
    assert lines[0].startswith(f"{path}:18: options.fleet.hardware_changes[1].throughput: is missing")


def test_the_example_of_the_page_costs_what_the_page_says():
    page = (Path(__file__).parent.parent / "docs" / "prices-over-time.md").read_text(encoding="utf-8")
    for overrides, told in (
        ({}, "432,000"),
        ({"options.llama.rental.price_decline": None}, "503,000"),
        ({"options.llama.hardware_changes": []}, "440,000"),
    ):
        ledger = sim.simulate(sim.load_scenario("hardware-renewal", overrides=overrides), "llama")
        assert f"{round(ledger.total_usd, -3):,.0f}" == told
        assert told in " ".join(page.split())
    study = sim.break_even("hardware-renewal")
    for line in over_time_lines(study, "llama"):
        assert f"- {line}" in page.splitlines()
