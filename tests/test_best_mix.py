"""The best mix of own and bought: against closed forms, and against running every count by itself."""

import dataclasses
import json
import math
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.config.scenarios import bundled_scenarios
from simulator.domain.purchase import cheapest_base
from simulator.presentation.mix_wording import mix_content, mix_note, mix_sentence
from simulator.simulation.ledger import run_rate
from simulator.solving.study import solve

HOURS_PER_MONTH, SECONDS_PER_MONTH = 730, 2_628_000
DAY_AND_NIGHT = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
MIXED = {**DAY_AND_NIGHT, "noise": {"relative_sd": 0.3}, "spikes": {"per_month": 8, "height_to_mean": 2.0}}
AUTO = {"kind": "fixed", "count": "auto"}
NODES = {
    "nodes": "auto", "gpus_per_node": 8, "usd_per_node": 150_000, "life_years": 5, "support_share_per_year": 0.05,
    "installation_usd": 30_000, "spares_share": 0.1, "site": "own_room", "space_usd_per_month": 400,
    "power": {"idle_w": 2_000, "loaded_w": 8_000, "pue": 1.25, "usd_per_kwh": 0.1},
}  # fmt: skip


def case(traffic=None, api_usd=5.0, requests_per_day=1e6, horizon=None, api=None, **fleet):
    """A fleet of 2 requests/s a replica at 4 USD an hour, with an API for the rest; 23 replicas at the day's peak."""
    return {
        "title": "x",
        "horizon": {"start": date(2026, 12, 1), "days": 28, "step_s": 900, **(horizon or {})},
        "traffic": {"requests_per_day": requests_per_day, **(DAY_AND_NIGHT if traffic is None else traffic)},
        "workload": {"q": {"input_tokens": 500, "output_tokens": 300}},
        "options": {
            "api": {
                "kind": "api",
                "prices": {"input_usd_per_mtok": api_usd, "output_usd_per_mtok": api_usd},
                **(api or {}),
            },
            "own": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1.0},
                "rental": {"usd_per_gpu_hour": 4.0},
                "autoscaling": AUTO,
                "engineers": {"usd_per_person_year": 120_000},
                **fleet,
            },
        },
    }


def with_count(scenario, count):
    """The scenario with a given number of replicas, or of nodes."""
    own = scenario["options"]["own"]
    size = (
        {"owned": {**own["owned"], "nodes": count}}
        if own.get("owned")
        else {"autoscaling": {"kind": "fixed", "count": count}}
    )
    return {**scenario, "options": {**scenario["options"], "own": {**own, **size}}}


def costs_one_by_one(scenario, counts):
    """Cost of each count, from a scenario of its own."""
    return [cost_of(with_count(scenario, count)) for count in counts]


def cost_of(scenario, name="own"):
    plan = sim.interface.make_plan(sim.load_scenario(scenario))
    return float(run_rate(plan, name, np.array([plan.scenario.tokens_per_month])).usd_per_month[0])


def own_option(scenario):
    plan = solve(sim.interface.make_plan(sim.load_scenario(scenario)))
    return plan.options["own"]


def reference(relative_amplitude, mean_tokens_per_s, step_s, **options):
    """A day whose rate is a sine around its mean."""
    return {
        "title": "A sine",
        "horizon": {"days": 1, "step_s": step_s},
        "traffic": {
            "tokens_per_month": mean_tokens_per_s * SECONDS_PER_MONTH,
            "diurnal": {"peak_hour": 14, "peak_to_mean": 1 + relative_amplitude},
        },
        "workload": {"q": {"input_tokens": 500, "output_tokens": 500}},
        "options": options,
    }


def api_at(usd_per_mtok):
    return {"kind": "api", "prices": {"input_usd_per_mtok": usd_per_mtok, "output_usd_per_mtok": usd_per_mtok}}


# The published cases


def owned_base_with_overflow():
    own = {
        "kind": "self_hosted",
        "throughput": {"total_tokens_per_s": 1_000},
        "rental": {"usd_per_gpu_hour": 2.5},
        "autoscaling": AUTO,
        "max_wait_s": 0,
    }
    return reference(0.8, 4_000, 10, api=api_at(1.1), own=own)


def test_an_owned_base_with_overflow_costs_what_the_reference_says_at_every_count():
    mix = sim.best_mix(owned_base_with_overflow(), "own")
    usd = [11563.2, 10540.91418, 10081.85633, 10009.92721, 10244.5447, 10769.12721, 11600.25633, 12818.51418, 14600.0]
    shares = [1.0, 0.7537631603, 0.5562349809, 0.3921861779, 0.2546479089, 0.1421861779, 0.05623498091, 0.003763160339]
    assert mix.counts.tolist() == list(range(9))
    np.testing.assert_allclose(mix.usd_per_month, usd, rtol=1e-5)
    np.testing.assert_allclose(mix.api_share, [*shares, 0.0], rtol=1e-5, atol=1e-7)
    assert (mix.best_count, mix.full_count) == (3, 8)
    assert mix.best_usd_per_month == pytest.approx(10009.92721, rel=1e-5)
    assert [mix.none_usd_per_month, mix.baseline_usd_per_month] == pytest.approx([11563.2, 11563.2], rel=1e-9)
    assert mix.full_usd_per_month == pytest.approx(14600.0, rel=1e-9)
    assert mix.cheaper_usd_per_month == 0.0


def test_the_answer_of_the_reference_case_in_words():
    # 1 - 10,009.93 / 11,563.2 and 1 - 10,009.93 / 14,600.
    assert mix_sentence(sim.best_mix(owned_base_with_overflow())) == (
        "Cheapest base of own: 3 replicas at 10,010 USD a month: 13.4 % below the API alone, "
        "31.4 % below serving everything (8 replicas)."
    )


@settings(max_examples=12, deadline=None)
@given(amplitude=st.floats(0.1, 0.95), price=st.floats(0.75, 3.0))
def test_the_cost_over_the_base_is_the_closed_form_of_a_sine(amplitude, price):
    scenario = owned_base_with_overflow()
    scenario["traffic"]["diurnal"]["peak_to_mean"] = 1 + amplitude
    scenario["horizon"]["step_s"] = 60
    scenario["options"]["api"] = api_at(price)
    mix = sim.best_mix(scenario, "own")

    def overflow_tokens_per_s(count):
        """E[(m (1 + a sin) - L)+] = ((m - L) (pi - 2 t) + 2 m a cos t) / 2 pi, where t = asin((L / m - 1) / a)."""
        relative = (count * 1_000 / 4_000 - 1) / amplitude
        if abs(relative) >= 1:
            return max(4_000.0 - count * 1_000, 0.0)
        theta = math.asin(relative)
        rising = (4_000 - count * 1_000) * (math.pi - 2 * theta)
        return (rising + 2 * 4_000 * amplitude * math.cos(theta)) / (2 * math.pi)

    expected = [
        count * 2.5 * HOURS_PER_MONTH + overflow_tokens_per_s(count) * SECONDS_PER_MONTH / 1e6 * price
        for count in mix.counts
    ]
    np.testing.assert_allclose(mix.usd_per_month, expected, rtol=2e-5)
    assert mix.best_usd_per_month == pytest.approx(min(expected), rel=2e-5)


def reserved_base_and_peak(replicas):
    fleet = {
        "kind": "self_hosted",
        "throughput": {"total_tokens_per_s": 1_000},
        "rental": {"usd_per_gpu_hour": 4.0},
        "reserved": {"replicas": replicas, "usd_per_gpu_hour": 2.4},
        "autoscaling": {"kind": "perfect_foresight"},
        "replicas": {"minimum": 0},
        "cold_start_s": 0,
        "max_wait_s": 0,
    }
    return reference(0.7, 5_000, 1, api=api_at(1.0), fleet=fleet)


def test_a_reserved_base_under_a_sine_is_what_the_reference_says():
    mix = sim.best_mix(reserved_base_and_peak("auto"), "fleet")
    days = HOURS_PER_MONTH / 24
    assert (mix.what, mix.best_count, mix.full_count) == ("reserved replicas", 4, 9)
    assert mix.best_usd_per_month / days == pytest.approx(420.3481678, rel=1e-5)
    assert mix.none_usd_per_month / days == pytest.approx(528.0, rel=1e-5)
    assert mix.full_usd_per_month / days == pytest.approx(518.4, rel=1e-5)
    # One more of the base adds 2.4 USD an hour and takes away 4 USD for the share of time that it is wanted.
    duty = (2.4 - np.diff(mix.usd_per_month) / HOURS_PER_MONTH) / 4.0
    expected = [1, 1, 0.8277626715, 0.693610581, 0.5922308311, 0.5, 0.4077691689, 0.306389419, 0.1722373285]
    np.testing.assert_allclose(duty, expected, atol=2e-5)
    assert mix_sentence(mix).startswith(
        "Cheapest base of fleet: 4 reserved replicas at 12,786 USD a month: 20.4 % below"
    )


# Everything that changes with the count


SCENARIOS = {
    "plain": case(),
    "noise and spikes": case(MIXED),
    "hires by GPU": case(engineers={"usd_per_person_year": 90_000, "gpus_per_person": 4}),
    "a team only where there is a fleet": case(
        engineers={"usd_per_person_year": 200_000, "persons_per_fleet": 0.7, "gpus_per_person": 9, "on_call_persons": 0}
    ),
    "licences by node and GPU": case(
        rental={"usd_per_gpu_hour": 3.0, "gpus_per_instance": 4},
        licences={"suite": {"usd_per_gpu_month": 300, "usd_per_node_month": 2_000}},
    ),
    "machines of 8, paid whole": case(rental={"usd_per_gpu_hour": 2.0, "gpus_per_instance": 8}),
    "an increment": case(replicas={"increment": 3}),
    "divisible": case(rental={"usd_per_gpu_hour": 2.0, "gpus_per_instance": 8}, replicas={"divisible": True}),
    "waiting": case(MIXED, max_wait_s=7_200),
    "waiting without limit": case(max_wait_s=math.inf),
    "a maximum": case(replicas={"maximum": 5}),
    "an increment above the maximum": case(replicas={"maximum": 7, "increment": 3}),
    "what is served costs": case(
        variable_usd_per_mtok=0.4,
        logs={"bytes_per_request": 2_000, "usd_per_gb": 0.5, "usd_per_million_events": 0},
        egress={"steps": [{"from_gb": 0, "usd_per_gb": 0.3}, {"from_gb": 20, "usd_per_gb": 0.01}]},
    ),
    "dear API with requests of many lengths": case(MIXED, api_usd=20.0),
    "an endpoint of one's own": case(
        kind="dedicated_endpoint", usd_per_replica_hour=3.0, rental=None, replicas={"maximum": 30}
    ),
    "own nodes": case(rental=None, autoscaling=None, owned=NODES, gpus_per_replica=2),
    "own nodes and hires": case(
        rental=None,
        autoscaling=None,
        owned={**NODES, "charging": "annuity", "financing_rate_per_year": 0.08, "usd_per_node": 60_000},
        engineers={"usd_per_person_year": 120_000, "gpus_per_person": 12},
    ),
}
_CACHED = {"input_tokens": 5_000, "output_tokens": 300, "prefix": {"tokens": 3_000, "lifetime_s": 300}}
_LENGTHS = {"input_tokens": {"mean": 400, "p99": 3_000}, "output_tokens": {"mean": 300, "p99": 1_000}}
SCENARIOS |= {
    "an API that is dearer by day": case(MIXED, rental={"usd_per_gpu_hour": 0.4}),
    "a cached prefix": {**case(MIXED), "workload": {"q": _CACHED}},
    "counted requests": {**case({**MIXED, "counts": "poisson"}, requests_per_day=5e4), "workload": {"q": _LENGTHS}},
}
SCENARIOS["an API that is dearer by day"]["options"]["api"] = {"kind": "api", "model": "deepseek-chat"}
SCENARIOS["a cached prefix"]["options"]["api"] = {"kind": "api", "model": "claude-haiku-4-5"}
SCENARIOS["counted requests"]["options"]["own"]["throughput"] = {"requests_per_s": 0.05}
SCENARIOS["counted requests"]["options"]["own"]["rental"] = {"usd_per_gpu_hour": 0.2}
for _scenario in SCENARIOS.values():
    _own = _scenario["options"]["own"]
    for _key in [key for key, value in _own.items() if value is None]:
        del _own[_key]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_count_that_is_found_is_the_cheapest_of_all_run_by_themselves(name):
    scenario = SCENARIOS[name]
    mix = sim.best_mix(scenario)
    first = 1 if mix.what == "nodes" else 0  # a scenario can't give no nodes
    asked = mix.counts[first:].astype(int).tolist()
    costs = costs_one_by_one(scenario, asked)
    np.testing.assert_allclose(mix.usd_per_month[first:], costs, rtol=1e-12)
    # Above the last there is nothing left to take from the API.
    beyond = [] if name.endswith("maximum") else costs_one_by_one(scenario, [asked[-1] + 8])
    cheapest = min([*costs, *beyond, mix.usd_per_month[0]])
    assert mix.best_usd_per_month == pytest.approx(cheapest, rel=1e-12)
    assert own_option(scenario).usd_per_month == pytest.approx(cheapest, rel=1e-12)
    np.testing.assert_allclose(mix.fleet_usd_per_month + mix.api_usd_per_month, mix.usd_per_month, rtol=1e-12)
    np.testing.assert_allclose(np.sum(list(mix.lines.values()), axis=0), mix.usd_per_month, rtol=1e-12)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_fleet_never_grows_cheaper_and_the_api_never_dearer_with_the_base(name):
    mix = sim.best_mix(SCENARIOS[name])
    slack = 1e-9 * mix.usd_per_month.max()
    assert np.all(np.diff(mix.fleet_usd_per_month) >= -slack)
    assert np.all(np.diff(mix.api_usd_per_month) <= slack)
    assert np.all(np.diff(mix.api_share) <= 1e-12)


def test_whole_machines_are_counted_in_their_replicas():
    mix = sim.best_mix(SCENARIOS["machines of 8, paid whole"])
    assert mix.counts.tolist() == [0, 8, 16, 24]
    assert np.all(np.diff(mix.lines["rent"]) == pytest.approx(8 * 2.0 * HOURS_PER_MONTH))


def test_a_count_above_the_last_increment_is_the_maximum():
    assert sim.best_mix(SCENARIOS["an increment above the maximum"]).counts.tolist() == [0, 3, 6, 7]


def test_no_nodes_cost_nothing_but_the_api():
    mix = sim.best_mix(SCENARIOS["own nodes"])
    assert mix.none_usd_per_month == pytest.approx(mix.baseline_usd_per_month, rel=1e-12)
    assert mix.fleet_usd_per_month[0] == 0.0
    # What is set up and rented once for all is in the first node, and in no other.
    first, second = np.diff(mix.fleet_usd_per_month - mix.lines["electricity"])[:2]
    assert first - second == pytest.approx(30_000 / 60 + 400)


def test_own_nodes_are_those_that_a_scenario_gives():
    scenario = SCENARIOS["own nodes"]
    mix = sim.best_mix(scenario)
    found, given = own_option(scenario), own_option(with_count(scenario, mix.best_count))
    assert mix.best_count > 0
    assert found.lines == pytest.approx(given.lines)
    assert found.peak_replicas == given.peak_replicas == 4 * mix.best_count


def test_the_best_count_with_hires_is_not_the_first_minimum_met():
    """People hired in wholes make a minimum before each hire; a search that went downhill from none would stop."""
    scenario = case(engineers={"usd_per_person_year": 150_000, "persons_per_fleet": 1}, api_usd=4.0)
    mix = sim.best_mix(scenario)
    assert mix.usd_per_month[1] > mix.usd_per_month[0]
    assert mix.best_count > 1


def test_more_counts_than_are_all_tried_give_the_same():
    scenario = case(MIXED, requests_per_day=4e7, engineers={"usd_per_person_year": 90_000, "gpus_per_person": 64})
    mix = sim.best_mix(scenario)
    assert mix.counts.size < mix.full_count
    near = [mix.best_count + step for step in (-64, -7, -1, 1, 5, 64)]
    assert min(costs_one_by_one(scenario, near)) > mix.best_usd_per_month
    below_full, full = (
        own_option(with_count(scenario, count)).overflow_share for count in (mix.full_count - 1, mix.full_count)
    )
    assert below_full > 0.0
    assert full == 0.0
    assert "no other can cost less" in mix_note(mix)


def test_a_base_on_spot_is_the_cheapest_of_all_tried():
    spot = {"share": 1.0, "usd_per_gpu_hour": 1.0, "interruptions_per_replica_hour": 0.2}
    scenario = case(spot=spot)
    mix = sim.best_mix(scenario)
    costs = costs_one_by_one(scenario, range(0, 40))
    assert mix.best_count == int(np.argmin(costs))
    assert mix.best_usd_per_month == pytest.approx(min(costs), rel=1e-12)
    assert mix.cheaper_usd_per_month is None


# What moves it


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.01, 100.0))
def test_all_prices_times_the_same_change_no_count(factor):
    hires = {"usd_per_person_year": 90_000 * factor, "gpus_per_person": 4}
    scaled = case(MIXED, 5.0 * factor, rental={"usd_per_gpu_hour": 4.0 * factor}, engineers=hires)
    mix, plain = sim.best_mix(scaled), sim.best_mix(case(MIXED, engineers={**hires, "usd_per_person_year": 90_000}))
    assert mix.best_count == plain.best_count
    np.testing.assert_allclose(mix.usd_per_month, factor * plain.usd_per_month, rtol=1e-9)


def test_a_dearer_api_never_makes_the_base_smaller_nor_a_dearer_rent_larger():
    """cost = own(n) + price x left(n), and left never rises with n: the cheapest n never falls with the price."""
    hires = {"usd_per_person_year": 90_000, "gpus_per_person": 5}
    by_price = [sim.best_mix(case(MIXED, usd, engineers=hires)).best_count for usd in np.geomspace(0.5, 200.0, 14)]
    by_rent = [
        sim.best_mix(case(MIXED, rental={"usd_per_gpu_hour": usd})).best_count for usd in np.geomspace(0.1, 40, 14)
    ]
    assert by_price == sorted(by_price)
    assert by_rent == sorted(by_rent, reverse=True)
    assert len(set(by_price)) > 4
    assert len(set(by_rent)) > 4


@pytest.mark.parametrize(("usd_per_mtok", "expected"), [(1.0, 0), (1.38, 0), (1.40, 11), (6.9, 11), (7.0, 12)])
def test_at_constant_traffic_the_base_is_none_or_all_but_a_rest_that_would_idle(usd_per_mtok, expected):
    """11.2 replicas' work. A full one serves 800 tokens/s for 4 USD an hour: 1.389 USD a million, the last a fifth."""
    mix = sim.best_mix(case({}, usd_per_mtok, requests_per_day=11.2 * 86_400))
    assert (mix.best_count, mix.full_count) == (expected, 12)


# The ends


def test_where_no_replica_pays_the_api_alone_is_cheapest():
    scenario = case(api_usd=0.5)
    mix = sim.best_mix(scenario)
    assert (mix.best_count, mix.best_api_share) == (0, 1.0)
    assert mix_sentence(mix).startswith("Cheapest base of own: none; the API alone is cheapest, ")
    study = sim.break_even(scenario)
    assert study.cheapest == "api"
    assert study.options["own"].overflow_share == 1.0
    assert study.reason == "baseline_always_cheaper"
    ledger = sim.simulate(scenario, "own")
    assert ledger.billed_replicas.max() == 0.0
    assert ledger.usd_per_month == pytest.approx(study.options["api"].usd_per_month)


def test_where_the_api_is_dear_the_base_serves_everything():
    mix = sim.best_mix(case(api_usd=1_000.0))
    assert mix.best_count == mix.full_count == math.ceil(1e6 / 86_400 * 1.8 - 0.05)
    assert mix.best_api_share == 0.0
    assert ", which serve everything, at " in mix_sentence(mix)


def test_a_maximum_below_the_peak_leaves_no_pure_self_hosting():
    mix = sim.best_mix(case(api_usd=1_000.0, replicas={"maximum": 5}))
    assert (mix.best_count, mix.full, mix.full_usd_per_month, mix.below_full_share) == (5, None, None, None)
    assert "no count up to 5 serves everything" in mix_sentence(mix)
    assert mix_content(mix)["full"] is None


def test_a_team_that_is_paid_without_a_fleet_is_told_apart_from_the_api_alone():
    # Two persons of 120,000 USD a year are there without a replica too; the API alone takes nobody.
    mix = sim.best_mix(case(engineers={"usd_per_person_year": 120_000, "base_persons": 2}))
    assert mix.none_usd_per_month - mix.baseline_usd_per_month == pytest.approx(20_000)
    sentence = mix_sentence(mix)
    assert "below own without a base" in sentence
    assert "api alone" in sentence


def test_a_day_without_demand_needs_no_replica():
    assert sim.best_mix(case(requests_per_day=1e-6)).best_count == 0


# What the count means elsewhere


def test_the_count_stays_at_every_other_volume_and_over_time():
    scenario = case({**DAY_AND_NIGHT, "growth_per_month": 0.3}, horizon={"days": None, "months": 3})
    count = sim.best_mix(scenario).best_count
    curve = sim.cost_curve(scenario, [1e8, 1e9, 1e11])
    rents = curve[(curve["option"] == "own") & (curve["line"] == "rent")]["usd_per_month"]
    np.testing.assert_allclose(rents, count * 4.0 * HOURS_PER_MONTH)
    ledger = sim.simulate(scenario, "own")
    assert set(ledger.billed_replicas) == {count}
    assert ledger.overflow_tokens[-2_000:].sum() > ledger.overflow_tokens[:2_000].sum()


def test_cost_at_a_found_count_is_split_into_parts_that_never_fall_with_the_volume():
    plan = sim.interface.make_plan(sim.load_scenario(SCENARIOS["own nodes and hires"]))
    rates = run_rate(plan, "own", np.geomspace(1e8, 1e12, 200))
    for part in (rates.rising, rates.falling):
        assert np.all(np.diff(part) >= -1e-9 * rates.usd_per_month[1:])
    total = rates.linear_usd_per_request * rates.requests_per_month + rates.rising - rates.falling
    np.testing.assert_allclose(total, rates.usd_per_month, rtol=1e-9)


def test_break_even_at_a_found_count_is_that_at_the_same_count_given():
    scenario = case()
    found, given = (sim.break_even(one) for one in (scenario, with_count(scenario, sim.best_mix(scenario).best_count)))
    assert found.crossings == given.crossings
    assert found.pairs["own"] == given.pairs["own"]
    assert given.mixes == {}


def test_full_load_of_own_nodes_does_not_depend_on_how_many_there_are_but_for_what_is_set_up_once():
    nodes = {key: value for key, value in NODES.items() if key not in ("installation_usd", "space_usd_per_month")}
    own = {"rental": None, "owned": nodes, "gpus_per_replica": 2}
    shares = []
    for api_usd in (0.2, 5.0):  # none pay, and some
        scenario = case(api_usd=api_usd, **own)
        del scenario["options"]["own"]["autoscaling"], scenario["options"]["own"]["rental"]
        pair = sim.break_even(scenario).pairs["own"]
        shares.append((sim.best_mix(scenario).best_count, pair.usd_per_mtok_at_full_load))
    assert shares[0][0] == 0 < shares[1][0]
    assert shares[0][1] == pytest.approx(shares[1][1])


def test_every_option_that_asks_for_it_gets_a_base_of_its_own():
    scenario = case(MIXED)
    own = scenario["options"]["own"]
    scenario["options"]["cheap"] = {**own, "rental": {"usd_per_gpu_hour": 2.0}}
    scenario["options"]["reserved"] = {
        **own,
        "autoscaling": {"kind": "target_utilization"},
        "reserved": {"replicas": "auto", "usd_per_gpu_hour": 2.4},
    }
    study = sim.break_even(scenario)
    assert set(study.mixes) == {"own", "cheap", "reserved"}
    assert study.mixes["cheap"].best_count > study.mixes["own"].best_count
    assert study.mixes["own"].best_count == sim.best_mix(case(MIXED), "own").best_count
    with pytest.raises(ValueError, match="option is missing; options that leave a base to be found: own, cheap, res"):
        sim.best_mix(scenario)


def test_what_has_no_base_to_find_is_told():
    with pytest.raises(ValueError, match="option 'own' leaves no base to be found"):
        sim.best_mix(with_count(case(), 3), "own")
    with pytest.raises(ValueError, match="option is missing; options that leave a base to be found: none"):
        sim.best_mix(with_count(case(), 3))
    with pytest.raises(ValueError, match="option is 'x', must be one of api, own"):
        sim.best_mix(case(), "x")


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ({"overflow": "reject"}, r"autoscaling\.count: is 'auto', must be a number where the overflow is rejected"),
        ({"autoscaling": {"kind": "fixed", "count": -1}}, r"autoscaling\.count: is -1, must be at least 0 or auto"),
        (
            {"reserved": {"replicas": 2, "usd_per_gpu_hour": 2}},
            r"reserved: must not be given where autoscaling.count is 'auto'",
        ),
    ],
    ids=["rejected", "below none", "reserved"],
)
def test_a_base_that_can_not_be_found_is_refused(fleet, message):
    with pytest.raises(ValueError, match=rf"options\.own\.{message}"):
        sim.load_scenario(case(**fleet))


def test_a_base_beside_no_api_is_refused():
    scenario = case()
    own = scenario["options"]["own"]
    scenario["options"] = {"own": own, "other": {**own, "autoscaling": {"kind": "fixed", "count": 20}}}
    with pytest.raises(ValueError, match=r"options\.own\.autoscaling\.count: .* there is no option of kind api"):
        sim.load_scenario(scenario)
    own = SCENARIOS["own nodes"]["options"]["own"]
    scenario["options"] = {**scenario["options"], "own": {**own, "overflow": "reject"}}
    with pytest.raises(ValueError, match=r"options\.own\.owned\.nodes: is 'auto', must be a number"):
        sim.load_scenario(scenario)


# A reserved base


@pytest.mark.parametrize("base_usd", [1.0, 2.4, 3.5, 3.9])
def test_the_closed_form_and_the_simulation_find_the_same_reserved_base(base_usd):
    """Without cold start nothing overflows, and a base changes nothing but who is paid for the same replicas."""
    still = {"autoscaling": {"kind": "target_utilization"}, "cold_start_s": 0, "replicas": {"minimum": 0}}
    reserved = {"replicas": "auto", "usd_per_gpu_hour": base_usd}
    scenario = case(MIXED, **still, reserved=reserved, engineers=None)
    del scenario["options"]["own"]["engineers"]
    mix = sim.best_mix(scenario)
    plain = case(MIXED, **still)
    wanted = sim.simulate(plain, "own").billed_replicas
    assert mix.best_count == cheapest_base(wanted.tolist(), base_usd, 4.0)
    expected = [base_usd * b + 4.0 * np.maximum(wanted - b, 0).mean() for b in mix.counts]
    np.testing.assert_allclose(mix.usd_per_month, np.array(expected) * HOURS_PER_MONTH, rtol=1e-9, atol=1e-3)
    assert mix.full_count == wanted.max()


def test_a_reserved_base_counts_what_cold_starts_send_to_the_api():
    """A base is always ready. Each count is run by itself; the closed form, which sees the rent alone, takes fewer."""
    fleet = {
        "autoscaling": {"kind": "target_utilization", "target_share": 0.95, "stabilisation_s": 0},
        "cold_start_s": 7_200,
        "max_wait_s": 0,
        "replicas": {"minimum": 0},
    }
    scenario = case(DAY_AND_NIGHT, api_usd=60.0, **fleet, reserved={"replicas": "auto", "usd_per_gpu_hour": 2.4})
    mix = sim.best_mix(scenario)
    costs = []
    for count in range(mix.full_count + 1):
        scenario["options"]["own"]["reserved"] = {"replicas": count, "usd_per_gpu_hour": 2.4}
        costs.append(cost_of(scenario))
    assert mix.best_count == int(np.argmin(costs))
    assert mix.best_usd_per_month == pytest.approx(min(costs), rel=1e-12)
    wanted = sim.simulate(case(DAY_AND_NIGHT, **fleet), "own").billed_replicas
    assert mix.best_count > cheapest_base(wanted.tolist(), 2.4, 4.0)


def test_a_reserved_base_of_many_is_the_least_of_its_neighbours():
    fleet = {"autoscaling": {"kind": "target_utilization"}, "reserved": {"replicas": "auto", "usd_per_gpu_hour": 2.4}}
    scenario = case(MIXED, requests_per_day=1e7, **fleet)
    mix = sim.best_mix(scenario)
    assert mix.counts.size < mix.full_count
    place = mix.best
    assert mix.counts[place - 1 : place + 2].tolist() == [mix.best_count - 1, mix.best_count, mix.best_count + 1]
    assert "no neighbour of the cheapest costs less" in mix_note(mix)
    assert "all on demand" in mix_sentence(mix)
    assert "all reserved" in mix_sentence(mix)


# Report and sweep


BUNDLED = ("hybrid-burst", "base-replicas")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Folder of a run and of a sweep of the bundled hybrid, and what they print."""
    import contextlib
    import io
    import sys

    from simulator.cli.main import main

    folder = tmp_path_factory.mktemp("reports")
    texts = []
    for command, name in zip(("run", "sweep"), BUNDLED, strict=True):
        stdout = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(stdout),
            pytest.raises(SystemExit) as end,
        ):
            patch.setattr(sys, "argv", ["breakeven", command, name, "-o", str(folder)])
            main()
        assert end.value.code == 0
        texts.append(" ".join(stdout.getvalue().split()))
    return folder, *texts


@pytest.mark.slow
def test_the_least_of_the_sweep_is_the_count_that_the_run_prints(reports):
    folder, printed, swept = reports
    rows = pd.read_csv(folder / BUNDLED[1] / "sweep.csv")
    rows = rows[rows["option"] == "own-base"]
    costs = rows.set_index("options.own-base.autoscaling.count")["usd_per_month"]
    least = int(costs.idxmin())
    assert f"Cheapest base of own-base: {least} replicas at {costs.min():,.0f} USD a month" in printed
    assert {least - 1, least + 1, 0} <= set(costs.index)  # an inner minimum with its neighbours
    assert f"{costs.min():,.0f} USD" in swept


@pytest.mark.slow
def test_a_run_writes_the_table_and_the_picture_of_a_mix(reports):
    folder, printed, _ = reports
    folder = folder / BUNDLED[0]
    mix = sim.best_mix(BUNDLED[0])
    assert {"mix.csv", "mix.png", "mix.pdf"} <= {path.name for path in folder.iterdir()}
    table = pd.read_csv(folder / "mix.csv")
    np.testing.assert_allclose(table["usd_per_month"], mix.usd_per_month, rtol=1e-9)
    lines = [column for column in table if column.endswith(" [USD per month]")]
    np.testing.assert_allclose(table[lines].sum(axis=1), table["usd_per_month"], rtol=1e-8)
    summary = json.loads((folder / "summary.json").read_text())
    content = summary["best_mixes"]["own-base"]
    assert content["best"]["count"] == mix.best_count
    assert content["sentence"] in printed
    below = content["below"]["without_base"]
    assert below["usd_per_month"] == pytest.approx(mix.none_usd_per_month - mix.best_usd_per_month)
    assert below["share"] == pytest.approx(1 - mix.best_usd_per_month / mix.none_usd_per_month)
    assert content["by_count"]["usd_per_month"] == pytest.approx(mix.usd_per_month.tolist())
    assert mix_note(mix) in summary["assumptions"]


def blocks_of_the_page(language):
    page = (Path(__file__).parents[1] / "docs" / "best-mix.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.M | re.S)


@pytest.mark.slow
def test_the_page_shows_what_the_run_prints(reports):
    _, printed, _ = reports
    (shown,) = blocks_of_the_page("text")
    for part in shown.split("\n\n"):
        assert " ".join(part.split()) in printed


def test_the_python_of_the_page_runs(capsys):
    (block,) = blocks_of_the_page("python")
    exec(compile(block, "best-mix.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0].split()[0] == "11"


def test_a_scenario_without_a_base_to_find_says_nothing_of_it():
    assert sim.break_even("minimal").mixes == {}


def test_at_every_point_of_a_sweep_the_base_is_found_anew():
    from simulator.sweeping.points import point_rows

    def plan_for(point):
        return sim.interface.make_plan(sim.load_scenario(case(api_usd=point["usd"])))

    rows = [point_rows({"usd": usd}, plan_for)[1] for usd in (0.5, 5.0, 50.0)]
    expected = [sim.best_mix(case(api_usd=usd)).best_count for usd in (0.5, 5.0, 50.0)]
    assert [row["found_count"] for row in rows] == expected
    assert expected == sorted(set(expected))


def test_the_bundled_hybrid_is_there():
    assert BUNDLED[0] in bundled_scenarios()


def test_a_mix_is_frozen():
    mix = sim.best_mix(case())
    with pytest.raises(dataclasses.FrozenInstanceError):
        mix.best = 0
