"""Billing periods, quotas and several sites through the public interface."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

import simulator as sim
from simulator.presentation.summary import summary
from simulator.simulation.ledger import run_rate

HOURS_PER_MONTH = 730.0
LEVELS = (3.6, 9.6)  # replicas that the two halves of the day need, at a load of one


def case(traffic=None, *, days=28, step_s=300, requests_per_s=1.0, load=6.6, **fleet):
    """A fleet of replicas that serve one request a second, at a target of one; the load is the mean."""
    return {
        "title": "x",
        "horizon": {"start": date(2026, 12, 1), "days": days, "step_s": step_s},
        "traffic": {"requests_per_day": load * 86_400 * requests_per_s, **(traffic or {})},
        "workload": {"q": {"input_tokens": 500, "output_tokens": 300}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": requests_per_s},
                "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0.0},
                "cold_start_s": 0.0,
                "max_wait_s": 0.0,
                **fleet,
            },
        },
    }


def two_levels(days=28):
    """Half of every day at each level."""
    points = []
    for day in range(days):
        start = day * 86_400.0
        points += [{"at_s": start, "level": LEVELS[0]}, {"at_s": start + 43_200.0 - 1e-3, "level": LEVELS[0]}]
        points += [
            {"at_s": start + 43_200.0, "level": LEVELS[1]},
            {"at_s": start + 86_400.0 - 1e-3, "level": LEVELS[1]},
        ]
    return {"piecewise": {"points": points}}


def bill(*arguments, **fleet):
    return sim.break_even(case(*arguments, **fleet)).options["fleet"]


# Several sites: the cheapest split by hand.


def test_on_constant_traffic_sites_are_filled_by_price_up_to_their_quotas():
    # 7 replicas: 4 at 2 USD, 2 at 3, the last at 5.
    sites = {
        "dear": {"usd_per_gpu_hour": 5.0},
        "first": {"usd_per_gpu_hour": 2.0, "quota_gpus": 4},
        "second": {"usd_per_gpu_hour": 3.0, "quota_gpus": 2},
    }
    lines = bill(sites=sites).lines
    assert {line: usd / HOURS_PER_MONTH for line, usd in lines.items() if usd > 1e-6} == {
        "rent, first": pytest.approx(8.0), "rent, second": pytest.approx(6.0), "rent, dear": pytest.approx(5.0),
    }  # fmt: skip


def test_on_two_levels_each_site_is_paid_for_the_part_of_the_day_that_it_is_needed():
    # 4 replicas in one half of the day and 10 in the other; 6 fit into the first site.
    sites = {"east": {"usd_per_gpu_hour": 2.0, "quota_gpus": 6}, "west": {"usd_per_gpu_hour": 3.5}}
    lines = bill(two_levels(), sites=sites).lines
    assert lines["rent, east"] == pytest.approx(2.0 * (4 + 6) / 2 * HOURS_PER_MONTH)
    assert lines["rent, west"] == pytest.approx(3.5 * (0 + 4) / 2 * HOURS_PER_MONTH)


@pytest.mark.parametrize("quota", [0, 2, 5, 8, 12])
def test_no_other_split_of_two_levels_costs_less(quota):
    """Every split of the replicas over two sites, level by level."""
    prices = {"east": 2.0, "west": 3.5}
    least = 0.0
    for wanted in (4, 10):
        splits = [(east, wanted - east) for east in range(wanted + 1) if east <= quota]
        least += min(east * prices["east"] + west * prices["west"] for east, west in splits) / 2
    east = {"usd_per_gpu_hour": 2.0, "quota_gpus": quota} if quota else None
    sites = {**({"east": east} if east else {}), "west": {"usd_per_gpu_hour": 3.5}}
    found = bill(two_levels(), sites=sites)
    assert sum(usd for line, usd in found.lines.items() if line.startswith("rent")) == pytest.approx(
        least * HOURS_PER_MONTH
    )


WAVES = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}, "noise": {"relative_sd": 0.4, "correlation_time_s": 3600.0}}


@pytest.mark.parametrize("billed_by", ["second", "hour"])
def test_one_site_is_one_rental(billed_by):
    rental = {"usd_per_gpu_hour": 2.5, "billed_by": billed_by}
    one, site = bill(WAVES, rental=rental), bill(WAVES, sites={"east": rental})
    assert site.lines["rent, east"] == pytest.approx(one.lines["rent"], rel=1e-12)
    assert site.usd_per_month == pytest.approx(one.usd_per_month, rel=1e-12)


@pytest.mark.parametrize("quota", [1, 4, 9, 200])
def test_two_sites_at_one_price_are_one(quota):
    one = bill(WAVES, rental={"usd_per_gpu_hour": 2.5})
    both = bill(WAVES, sites={"a": {"usd_per_gpu_hour": 2.5, "quota_gpus": quota}, "b": {"usd_per_gpu_hour": 2.5}})
    assert both.lines["rent, a"] + both.lines["rent, b"] == pytest.approx(one.lines["rent"], rel=1e-12)
    assert both.peak_replicas == one.peak_replicas


def test_a_quota_that_is_never_reached_is_none():
    one = bill(WAVES, rental={"usd_per_gpu_hour": 2.5})
    wide = bill(WAVES, sites={"a": {"usd_per_gpu_hour": 2.5, "quota_gpus": 10_000}, "b": {"usd_per_gpu_hour": 9.0}})
    assert wide.lines == {
        "rent, a": pytest.approx(one.lines["rent"]),
        "rent, b": 0.0,
        "overflow": one.lines["overflow"],
    }


def test_sites_over_time_cost_what_they_cost_at_run_rate():
    sites = {"east": {"usd_per_gpu_hour": 2.0, "quota_gpus": 6}, "west": {"usd_per_gpu_hour": 3.5, "billed_by": "hour"}}
    scenario = case(WAVES, sites=sites)
    ledger, rate = sim.simulate(scenario, "fleet"), sim.break_even(scenario).options["fleet"]
    assert ledger.usd_per_month == pytest.approx(rate.usd_per_month, rel=1e-9)
    assert {"rent, east", "rent, west"} <= set(ledger.costs)
    assert ledger.replica_hours == pytest.approx(ledger.billed_replicas.sum() / 12)


def test_machines_of_sites_are_rented_whole():
    # Of 12 GPUs granted one machine of 8 can be rented; each holds 4 replicas of 2 GPUs.
    sites = {
        "east": {"usd_per_gpu_hour": 2.0, "gpus_per_instance": 8, "quota_gpus": 12},
        "west": {"usd_per_gpu_hour": 3.0, "gpus_per_instance": 8},
    }
    lines = bill(gpus_per_replica=2, sites=sites).lines
    assert lines["rent, east"] == pytest.approx(8 * 2.0 * HOURS_PER_MONTH)
    assert lines["rent, west"] == pytest.approx(8 * 3.0 * HOURS_PER_MONTH)


def test_providers_of_the_catalogue_are_sites_at_their_listed_prices():
    sites = {
        "aws": {"provider": "aws", "region": "us-east-1", "sku": "p5.4xlarge"},
        "lambda": {"provider": "lambda", "sku": "1x", "quota_gpus": 3},
    }
    plan = sim.break_even(case(gpu="h100-sxm", sites=sites)).plan
    fleet = plan.options["fleet"]
    assert [(site.name, site.usd_per_replica_hour, site.replicas) for site in fleet.sites] == [
        ("lambda", 4.29, 3.0), ("aws", 6.88, np.inf),
    ]  # fmt: skip
    assert fleet.usd_per_replica_hour == 4.29  # rough figures are at the cheapest site's
    rents = {figure.value for figure in plan.figures if figure.what.startswith("rent of")}
    assert rents == {"4.29 USD/h", "6.88 USD/h"}


# Quotas


def test_a_fleet_has_no_more_than_its_quota_and_the_rest_overflows():
    # 10 replicas are needed in half of the time; of 8 GPUs, 4 machines of 2.
    option = bill(two_levels(), gpus_per_replica=2, rental={"usd_per_gpu_hour": 2.0, "quota_gpus": 9})
    assert option.peak_replicas == 4
    assert option.overflow_share == pytest.approx((9.6 - 4) / 2 / 6.6)


def test_the_report_says_when_the_quota_was_reached_and_what_it_cost():
    traffic = {"growth_per_month": 0.3}
    scenario = case(traffic, days=182.5, load=3.0, step_s=3600, rental={"usd_per_gpu_hour": 2.0, "quota_gpus": 6})
    ledger = sim.simulate(scenario, "fleet")
    # 3, 3.9, 5.07, 6.59, 8.57, 11.1 replicas are needed: 6 from the third of the six months on.
    assert ledger.quota.first_month == 3
    assert ledger.quota.share_of_time == pytest.approx(4 / 6, abs=0.001)
    left = sum((3 * 1.3**month - 6) * HOURS_PER_MONTH * 3600 for month in (3, 4, 5))
    assert ledger.quota.overflow_requests == pytest.approx(left, rel=1e-6)
    assert ledger.quota.overflow_usd == pytest.approx(left * (500 * 1.0 + 300 * 5.0) / 1e6, rel=1e-6)
    expected = "fleet: reached the quota of 6 GPUs in month 3 and was at it 66.7% of the time; "
    assert [text for text in ledger.warnings if text.startswith(expected)]
    content = summary(sim.break_even(scenario), {"fleet": ledger})
    assert content["options"]["fleet"]["horizon"]["quota"]["first_month"] == 3
    assert any("6 GPUs granted in all, 6 replicas" in line for line in content["assumptions"])


def test_a_quota_that_is_not_reached_is_not_spoken_of():
    ledger = sim.simulate(case(rental={"usd_per_gpu_hour": 2.0, "quota_gpus": 8}), "fleet")
    assert (ledger.quota.first_month, ledger.quota.overflow_requests) == (None, 0.0)
    assert ledger.warnings == ()
    assert sim.simulate(case(rental={"usd_per_gpu_hour": 2.0}), "fleet").quota is None


def test_a_maximum_below_the_quota_is_not_the_quota():
    fleet = {"rental": {"usd_per_gpu_hour": 2.0, "quota_gpus": 8}, "replicas": {"maximum": 3}}
    ledger = sim.simulate(case(**fleet), "fleet")
    assert ledger.quota.first_month is None
    assert ledger.overflow_tokens.sum() > 0


def test_the_reserved_base_counts_in_the_quota():
    fleet = {
        "rental": {"usd_per_gpu_hour": 4.0, "quota_gpus": 8},
        "reserved": {"replicas": 5, "usd_per_gpu_hour": 2.0},
    }
    option = bill(two_levels(), **fleet)
    assert option.peak_replicas == 8
    assert option.lines["rent"] == pytest.approx(4.0 * (0 + 3) / 2 * HOURS_PER_MONTH)


# Billing periods


def test_a_day_of_two_halves_pays_nothing_more_by_the_hour():
    rental = {"usd_per_gpu_hour": 2.0}
    by_hour = bill(two_levels(), rental={**rental, "billed_by": "hour"}).usd_per_month
    assert by_hour == pytest.approx(bill(two_levels(), rental=rental).usd_per_month, rel=1e-12)


def test_ten_minutes_of_a_replica_cost_an_hour():
    # One more for 10 minutes at noon of every day, 4 all the time; the periods of those begin at midnight.
    points = []
    for day in range(7):
        at = day * 86_400.0
        for since, level in ((0.0, 3.6), (43_200.0, 4.6), (43_800.0, 3.6)):
            until = {0.0: 43_200.0, 43_200.0: 43_800.0, 43_800.0: 86_400.0}[since]
            points += [{"at_s": at + since, "level": level}, {"at_s": at + until - 1e-3, "level": level}]
    mean = (3.6 * (86_400 - 600) + 4.6 * 600) / 86_400
    bills = {}
    for billed_by in ("second", "minute", "hour"):
        rental = {"usd_per_gpu_hour": 2.0, "billed_by": billed_by}
        ledger = sim.simulate(
            case({"piecewise": {"points": points}}, days=7, load=mean, rental=rental, reserved={
                "replicas": 4, "usd_per_gpu_hour": 1.0}), "fleet")  # fmt: skip
        bills[billed_by] = float(ledger.costs["rent"].sum())
    assert bills == {"second": pytest.approx(7 * 2.0 / 6), "minute": bills["second"], "hour": pytest.approx(7 * 2.0)}


def test_a_step_that_does_not_divide_the_hour_is_told():
    rental = {"usd_per_gpu_hour": 2.0, "billed_by": "hour"}
    ledger = sim.simulate(case(days=28, step_s=1400, rental=rental), "fleet")
    assert "fleet: rental.billed_by of 3600 s counts as 4200 s, whole steps" in ledger.warnings
    assert sim.simulate(case(rental=rental), "fleet").warnings == ()


FALLS = (
    ({"kind": "target_utilization", "stabilisation_s": 0.0}, 1e-12),
    ({"kind": "queue_depth", "requests_per_replica": 2.0}, 1e-12),
    # Its tolerance lets it keep fewer replicas at a greater volume, whatever they are billed by.
    ({"kind": "horizontal_pod_autoscaler"}, 0.01),
)
HOURS = {"rental": {"usd_per_gpu_hour": 2.0, "billed_by": "hour"}}
SITES = {
    "sites": {"a": {"usd_per_gpu_hour": 2.0, "billed_by": "hour", "quota_gpus": 5}, "b": {"usd_per_gpu_hour": 3.0}}
}


@pytest.mark.parametrize(("policy", "most"), FALLS, ids=lambda given: given["kind"] if isinstance(given, dict) else "")
@pytest.mark.parametrize("bought", [HOURS, SITES], ids=["hours", "sites"])
def test_the_cost_of_the_fleet_does_not_fall_with_the_volume(policy, most, bought):
    spikes = {"spikes": {"per_month": 60, "height_to_mean": 2.0, "half_life_s": 900.0}}
    plan = sim.break_even(case(WAVES | spikes, days=7, cold_start_s=180.0, autoscaling=policy, **bought)).plan
    rising = run_rate(plan, "fleet", plan.scenario.tokens_per_month * np.geomspace(0.02, 3.0, 1500)).rising
    assert np.max(np.maximum.accumulate(rising) / rising) <= 1 + most


def test_sites_and_hours_are_in_what_the_command_prints():
    sites = {"east": {"usd_per_gpu_hour": 2.0, "quota_gpus": 6, "billed_by": "hour"}, "west": {"usd_per_gpu_hour": 3.5}}
    lines = summary(sim.break_even(case(sites=sites)), {})["assumptions"]
    kept = "paid to the end of the hour begun, and used again until then where it is wanted"
    assert f"fleet: what runs at east is {kept}" in lines
    order = "east (up to 6, 2 USD an hour each), west (any number, 3.5 USD an hour each)"
    assert f"fleet: replicas are placed in this order: {order}" in lines


PAGE = (Path(__file__).parents[1] / "docs" / "purchase.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.M | re.S))
def test_the_examples_of_the_page_can_be_planned(block):
    keys = yaml.safe_load(block)
    sold = {"rental": {"provider": "lambda"}} if not keys.keys() & {"rental", "sites"} else {}
    plan = sim.break_even(case(model="llama-3.1-8b", gpu="h100-sxm", **sold, **keys)).plan
    assert "fleet" in plan.options, plan.faults


def test_a_layout_that_does_not_fit_the_quota_is_not_chosen():
    fleet = {
        "model": "llama-3.3-70b",
        "gpu": "h100-sxm",
        "precision": "bf16",
        "parallelism": "auto",
        "throughput": None,
    }
    plans = [
        sim.break_even(case(**fleet, load=40, rental={"usd_per_gpu_hour": 4.0, "quota_gpus": quota})).plan
        for quota in (64, 2, 1)
    ]
    assert [plan.options["fleet"].gpus_paid_per_replica for plan in plans[:2]] == [4.0, 2.0]
    (fault,) = plans[2].faults["fleet"]
    assert fault.key == "options.fleet.parallelism"
    assert "2 GPUs: rental.quota_gpus is 1, must be at least 2" in fault.text
