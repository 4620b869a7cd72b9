"""Options compared at equal service, through the public interface: left out, sized, told; and what is not known."""

import json
import math
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.cli.main import cli
from simulator.domain.queueing import servers_for_wait, wait_law
from simulator.presentation.decision import decision_sentence
from simulator.presentation.summary import summary, warnings
from simulator.simulation.ledger import run_rate, simulate_option
from simulator.simulation.service import services_of

SLOT = {
    "kind": "self_hosted",
    "rental": {"usd_per_instance_hour": 0.40},
    "slots": {"per_replica": 1, "service_s": 1.0, "service_scv": 1.0, "prefill_s": 0.0},
    "autoscaling": {"kind": "fixed", "count": 13},
    "cold_start_s": 0.0,
    "max_wait_s": math.inf,
    "overflow": "reject",
}
API = {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}}
LEVEL = {"first_token_s": 0.5, "late_share": 0.05}


def scenario(level=LEVEL, *, per_s=12.0, api=None, fleet=None, traffic=None, horizon=None, **more):
    return {
        "title": "Slots for a wait",
        "horizon": {"days": 2, "step_s": 300} if horizon is None else horizon,
        "traffic": {"requests_per_day": per_s * 86_400.0} | (traffic or {}),
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {"api": API | (api or {}), "fleet": SLOT | (fleet or {})},
        **({} if level is None else {"service_level": level}),
        **more,
    }


def erlang_c(servers, offered):
    """Erlang's probability of waiting by his own recursion."""
    blocked = 1.0
    for c in range(1, servers + 1):
        blocked = offered * blocked / (c + offered * blocked)
    load = offered / servers
    return blocked / (1.0 - load * (1.0 - blocked))


def late_by_hand(servers, offered, wait_s, service_s=1.0):
    return erlang_c(servers, offered) * math.exp(-(servers - offered) * wait_s / service_s)


def test_slots_for_a_wait_are_sized_as_erlang_would():
    """F10: 12 requests/s of 1 s, at most 5 % wait longer than 0.5 s: 16 slots; the fluid needs 12; 4/3 of its cost."""
    assert late_by_hand(16, 12.0, 0.5) == pytest.approx(0.02768606107)
    assert late_by_hand(15, 12.0, 0.5) == pytest.approx(0.07122101067)
    fluid = sim.break_even(scenario(None, fleet={"autoscaling": {"kind": "fixed", "count": 12}}))
    sized = sim.break_even(scenario(LEVEL | {"where_missed": "size"}))
    (sizing,) = sized.plan.sizings
    assert (sizing.key, sizing.before, sizing.after) == ("autoscaling.count", 13, 16)
    assert sized.options["fleet"].usd_per_month == pytest.approx(16 * 0.40 * 730.0)
    ratio = sized.options["fleet"].usd_per_month / fluid.options["fleet"].usd_per_month
    assert ratio == pytest.approx(1.333, abs=0.0005)
    service = services_of(sized.plan)["fleet"]
    assert service.meets
    assert service.late_share == pytest.approx(late_by_hand(16, 12.0, 0.5), rel=0.02)
    assert sizing.usd_per_month_before == pytest.approx(13 * 0.40 * 730.0)
    assert sizing.usd_per_month_after == pytest.approx(16 * 0.40 * 730.0)


@pytest.mark.parametrize(("slots", "rejected"), [(15, True), (16, False)])
def test_one_slot_less_than_it_takes_is_left_out_with_the_reason(slots, rejected):
    study = sim.break_even(scenario(fleet={"autoscaling": {"kind": "fixed", "count": slots}}))
    assert ("fleet" in study.options) is not rejected
    if rejected:
        assert study.pairs["fleet"].reason == "infeasible"
        told = re.fullmatch(r"service_level: late (.*)% of requests, at most 5% allowed", study.pairs["fleet"].cause)
        assert float(told[1]) / 100 == pytest.approx(late_by_hand(15, 12.0, 0.5), rel=0.01)
        assert services_of(study.plan)["fleet"].late_share == pytest.approx(late_by_hand(15, 12.0, 0.5), rel=0.02)


@pytest.mark.parametrize(("per_s", "wait_s", "late_share"), [(5.0, 1.0, 0.01), (40.0, 0.2, 0.1), (0.5, 2.0, 0.05)])
def test_sized_fleets_are_the_smallest_that_do(per_s, wait_s, late_share):
    level = {"first_token_s": wait_s, "late_share": late_share, "where_missed": "size"}
    fleet = {"autoscaling": {"kind": "fixed", "count": max(math.ceil(per_s), 1)}}
    study = sim.break_even(scenario(level, per_s=per_s, fleet=fleet))
    assert study.plan.sizings[0].after == servers_for_wait(per_s, 1.0, wait_s, late_share)


WAVES = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}
FOUR_SLOTS = {"per_replica": 4, "service_s": 4.0, "prefill_s": 0.1}


def test_an_autoscaled_fleet_gets_the_fewest_spare_replicas():
    policy = {"kind": "queue_depth", "requests_per_replica": 4.0, "scale_to_zero": False}
    fleet = {"autoscaling": policy, "slots": FOUR_SLOTS}
    study = sim.break_even(scenario(LEVEL | {"where_missed": "size"}, traffic=WAVES, fleet=fleet))
    (sizing,) = study.plan.sizings
    assert (sizing.key, sizing.before) == ("replicas.spare", 0)
    assert sizing.usd_per_month_after > sizing.usd_per_month_before
    # As it stands it is enough, and one less is not.
    for spare, enough in ((sizing.after, True), (sizing.after - 1, False)):
        again = sim.break_even(scenario(LEVEL, traffic=WAVES, fleet=fleet | {"replicas": {"spare": int(spare)}}))
        assert ("fleet" in again.options) is enough
    # All volumes have it: at hardly any requests the spare replicas stand beside the least one.
    hardly = float(run_rate(study.plan, "fleet", np.array([1e6])).usd_per_month[0])
    assert hardly == pytest.approx((1 + sizing.after) * 0.40 * 730.0, rel=1e-6)


@pytest.mark.slow
def test_a_fleet_that_aims_at_a_share_aims_lower_where_that_costs_less_than_spare_replicas():
    def fleet(share, spare=0):
        policy = {"kind": "target_utilization", "target_share": share, "stabilisation_s": 0.0}
        return {"autoscaling": policy, "slots": FOUR_SLOTS, "replicas": {"spare": spare}}

    def tried(share, spare=0):
        return sim.break_even(scenario(LEVEL, traffic=WAVES, fleet=fleet(share, spare))).options.get("fleet")

    study = sim.break_even(scenario(LEVEL | {"where_missed": "size"}, traffic=WAVES, fleet=fleet(1.0)))
    (sizing,) = study.plan.sizings
    usd = {"autoscaling.target_share": math.inf, "replicas.spare": math.inf}
    for key, attempts in (
        ("autoscaling.target_share", [(round(1.0 - 0.01 * notch, 2), 0) for notch in range(60)]),
        ("replicas.spare", [(1.0, spare) for spare in range(12)]),
    ):
        first = next(found for found in (tried(*attempt) for attempt in attempts) if found is not None)
        usd[key] = first.usd_per_month
    assert sizing.key == min(usd, key=usd.__getitem__)
    assert sizing.usd_per_month_after == pytest.approx(min(usd.values()))


def test_what_no_size_makes_good_is_left_out():
    slow = {"slots": SLOT["slots"] | {"prefill_s": 2.0}}
    study = sim.break_even(scenario(LEVEL | {"where_missed": "size"}, fleet=slow))
    assert study.pairs["fleet"].reason == "infeasible"
    assert "late 100% of requests" in study.pairs["fleet"].cause
    assert "more replicas would do" in study.pairs["fleet"].cause


def test_a_fleet_may_be_sized_while_others_are_left_out():
    written = scenario(fleet={"where_service_missed": "size"})
    written["options"]["other"] = SLOT
    study = sim.break_even(written)
    assert study.plan.sizings[0].option == "fleet"
    assert study.pairs["other"].reason == "infeasible"


def test_availability_is_met_with_one_replica_more():
    failures = {"mean_hours_between": 99.0, "repair_s": 3600.0}
    level = {"availability_share": 0.99, "where_missed": "size"}
    calm = {"failures": failures, "autoscaling": {"kind": "fixed", "count": 2}}
    study = sim.break_even(scenario(level, per_s=1.5, fleet=calm))
    # Two needed: 0.99^2 falls short; of three, two are up with 0.99^3 + 3 x 0.99^2 x 0.01.
    assert study.plan.sizings[0].after == 3
    found = services_of(study.plan)["fleet"].availability_share
    assert found == pytest.approx(0.99**3 + 3 * 0.99**2 * 0.01)


def test_who_turns_too_many_away_is_left_out():
    level = {"unserved_share": 0.1}
    fleet = {"autoscaling": {"kind": "fixed", "count": 9}, "max_wait_s": 0.0}
    study = sim.break_even(scenario(level, fleet=fleet))
    assert study.pairs["fleet"].cause == "service_level: turned away 25% of requests, at most 10% allowed"


def test_time_per_token_is_held_to_the_level_too():
    level = {"time_per_token_s": 0.02}
    quick, slow = ({"slots": SLOT["slots"] | {"time_per_token_s": tpot}} for tpot in (0.015, 0.03))
    assert "fleet" in sim.break_even(scenario(level, fleet=quick)).options
    cause = sim.break_even(scenario(level, fleet=slow)).pairs["fleet"].cause
    assert cause == "service_level: slower than 0.02 s a token 100% of requests, at most 5% allowed"


def test_an_api_whose_percentile_is_above_the_target_is_late_for_more_than_the_rest_of_it():
    study = sim.break_even(
        scenario(
            comparison={"baseline": "fleet", "challengers": ["api"]},
            fleet={"autoscaling": {"kind": "fixed", "count": 20}},
            api={"latency": {"ttft_p95_s": 0.6, "source": "ours"}},
        )
    )
    (miss,) = services_of(study.plan)["api"].misses
    assert miss == "late more than 5% of requests, at most 5% allowed"


def test_a_host_runs_dedicated_replicas():
    endpoint = {"kind": "dedicated_endpoint", "usd_per_replica_hour": 2.0, "throughput": {"requests_per_s": 1.0}}
    written = scenario(None)
    written["options"]["endpoint"] = endpoint
    assert sim.break_even(written).plan.options["endpoint"].label == "dedicated replicas"


def test_a_baseline_that_misses_the_level_is_an_error_with_the_reason():
    compared = {"baseline": "fleet", "challengers": ["api"]}
    assert late_by_hand(13, 12.0, 0.5) == pytest.approx(0.427, abs=0.0005)
    said = r"^the baseline 'fleet' misses the service level: late 42\.\d% of requests, at most 5% allowed$"
    with pytest.raises(ValueError, match=said):
        sim.break_even(scenario(comparison=compared))


def test_an_estimate_tells_its_slots_and_a_throughput_without_slots_tells_no_waits():
    assert services_of(sim.break_even("minimal").plan)["fleet"].first_token.p99_s > 0.02
    given = {"rental": SLOT["rental"], "kind": "self_hosted", "throughput": {"requests_per_s": 20.0}}
    written = scenario(LEVEL)
    written["options"]["fleet"] = given
    study = sim.break_even(written)
    service = services_of(study.plan)["fleet"]
    assert service.wait is None
    assert service.meets is None
    assert "fleet: waits not known: give slots" in summary(study, {})["assumptions"]
    assert "service of api and fleet unknown" in decision_sentence(study, {})


def test_slots_beside_a_throughput_give_the_service_time():
    written = scenario(None)
    written["options"]["fleet"] = {
        "kind": "self_hosted", "rental": SLOT["rental"], "throughput": {"requests_per_s": 2.0},
        "slots": {"per_replica": 10},
    }  # fmt: skip
    serving = sim.break_even(written).plan.options["fleet"].serving
    assert serving.service_s == pytest.approx(5.0)
    assert serving.service_scv == 1.0


def test_calls_of_an_agent_wait_one_by_one():
    """A request of 4 calls of 1 s on one of 16 slots: the queue is that of 12 calls/s, not of 3 requests/s of 4 s."""
    calls = {"request": {"input_tokens": 500, "output_tokens": 500, "calls_per_request": 4}}
    fleet = {"autoscaling": {"kind": "fixed", "count": 16}}
    study = sim.break_even(scenario(per_s=3.0, fleet=fleet, workload=calls))
    service = services_of(study.plan)["fleet"]
    assert service.late_share == pytest.approx(late_by_hand(16, 12.0, 0.5), rel=0.02)
    rate = run_rate(study.plan, "fleet", np.array([study.tokens_per_month]), service=True)
    assert rate.service.late_share[0] == pytest.approx(late_by_hand(16, 12.0, 0.5), rel=0.03)
    assert rate.service.mean_wait_s[0] == pytest.approx(erlang_c(16, 12.0) / 4.0, rel=0.03)


@pytest.mark.parametrize(
    ("latency", "state"),
    [
        ({"ttft_p95_s": 0.4, "source": "ours"}, True),
        ({"ttft_p50_s": 0.3, "ttft_p99_s": 0.5, "source": "ours"}, True),
        ({"ttft_p95_s": 0.6, "source": "ours"}, False),
        ({"ttft_p50_s": 0.6, "source": "ours"}, False),
        ({"ttft_p50_s": 0.3, "ttft_p99_s": 0.9, "source": "ours"}, None),
        ({"ttft_p50_s": 0.3, "source": "ours"}, None),
    ],
)
def test_the_percentiles_of_an_api_tell_whether_it_is_late(latency, state):
    fleet = {"autoscaling": {"kind": "fixed", "count": 16}}
    compared = {"baseline": "fleet", "challengers": ["api"]}
    study = sim.break_even(scenario(api={"latency": latency}, fleet=fleet, comparison=compared))
    assert services_of(study.plan)["api"].meets is state
    assert ("api" in study.options) is (state is not False)


def test_the_sentence_says_at_equal_service_where_both_are_known_to_meet_it():
    fleet = {"autoscaling": {"kind": "fixed", "count": 16}}
    api = {"latency": {"ttft_p95_s": 0.4, "source": "ours"}}
    known, unknown = (sim.break_even(scenario(api=of, fleet=fleet)) for of in (api, None))
    asked = "first token within 0.5 s for 95% of the requests"
    assert f", at equal service ({asked}): api " in decision_sentence(known, {})
    assert "at equal service" not in decision_sentence(unknown, {})
    assert f"Service asked: {asked}; fleet meets it; service of api unknown." in decision_sentence(unknown, {})


def test_a_sized_fleet_is_told_with_what_it_costs():
    study = sim.break_even(scenario(LEVEL | {"where_missed": "size"}))
    said = "fleet is sized for it: autoscaling.count 16 in place of 13, 4,670 USD a month in place of 3,800 USD."
    assert said in decision_sentence(study, {})


def test_a_crossing_where_the_fleet_misses_the_level_is_warned_of():
    """A fleet of 16 meets it at 12 requests/s; dearer requests let costs cross at 15.5, where many are late."""
    crossing_per_s = 15.5
    usd_per_request = 16 * 0.40 / 3600.0 / crossing_per_s
    prices = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": usd_per_request / 500 * 1e6}
    fleet = {"autoscaling": {"kind": "fixed", "count": 16}}
    study = sim.break_even(scenario(api={"prices": prices}, fleet=fleet))
    pair = study.pairs["fleet"]
    assert pair.first == pytest.approx(crossing_per_s * 2_628_000.0 * 1000.0, rel=1e-3)
    late = late_by_hand(16, crossing_per_s, 0.5)
    (told,) = (text for text in pair.warnings if "misses the service level" in text)
    share = float(told.split(": ")[2].split(" ")[0])
    assert share == pytest.approx(late, rel=0.03)
    assert told.endswith(f"of the requests late at {crossing_per_s * 86_400:,.0f} requests a day")
    assert told in warnings(study, {})


def test_a_run_writes_its_service(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written = scenario(LEVEL | {"where_missed": "size"})
    (tmp_path / "slots.yaml").write_text(json.dumps(written).replace("Infinity", ".inf"))
    with pytest.raises(SystemExit) as stopped:
        cli(["run", "slots.yaml"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    asked = "first token within 0.5 s for 95% of the requests"
    assert f"Service at 1,036,800 requests a day; asked: {asked}" in " ".join(printed.split())
    content = json.loads((tmp_path / "reports/slots/summary.json").read_text())
    service = content["options"]["fleet"]["service"]
    assert service["meets_level"] is True
    assert service["late_share"] == pytest.approx(late_by_hand(16, 12.0, 0.5), rel=0.02)
    assert service["sizing"]["after"] == 16
    assert service["method"] == "followed"
    assert content["options"]["api"]["service"]["not_known"] == ["first_token_s"]
    curve = pd.read_csv(tmp_path / "reports/slots/curve.csv").query("option == 'fleet'")
    below = curve[curve["requests_per_day"] < 15 * 86_400]
    offered = below["requests_per_day"].to_numpy() / 86_400
    by_hand = [wait_law(16, load / 16, 1.0) for load in offered]
    assert below["mean_wait_s"].to_numpy() == pytest.approx([law.mean_s for law in by_hand], rel=0.05, abs=1e-4)
    assert below["late_share"].to_numpy() == pytest.approx([law.share_above(0.5) for law in by_hand], abs=0.003)
    timeline = pd.read_csv(tmp_path / "reports/slots/timeline.csv").query("option == 'fleet'")
    assert timeline["mean_wait_s_mean"].to_numpy() == pytest.approx(erlang_c(16, 12.0) / 4.0, rel=0.02)


def test_without_a_level_costs_are_what_they_were_and_waits_are_told_all_the_same():
    plain = sim.break_even(scenario(None, fleet={"autoscaling": {"kind": "fixed", "count": 16}}))
    held = sim.break_even(scenario(fleet={"autoscaling": {"kind": "fixed", "count": 16}}))
    assert plain.options == held.options
    assert plain.pairs["fleet"].crossings == held.pairs["fleet"].crossings
    by_formula, followed = (services_of(study.plan)["fleet"] for study in (plain, held))
    assert (by_formula.method, followed.method) == ("formula", "followed")
    assert by_formula.wait.mean_s == pytest.approx(erlang_c(16, 12.0) / 4.0, rel=0.02)
    assert followed.wait.mean_s == pytest.approx(erlang_c(16, 12.0) / 4.0, rel=0.02)
    assert by_formula.wait.p95_s == pytest.approx(wait_law(16, 0.75, 1.0).quantile_s(0.95), rel=0.1)
    assert by_formula.late_share is None


def test_a_fleet_with_more_capacity_than_anybody_needs_answers_at_once():
    fleet = {"autoscaling": {"kind": "fixed", "count": 500}, "slots": SLOT["slots"] | {"prefill_s": 0.2}}
    service = services_of(sim.break_even(scenario(fleet=fleet)).plan)["fleet"]
    assert service.wait.p99_s == 0.0
    assert service.first_token.p99_s == pytest.approx(0.2)
    assert service.late_share == 0.0


@pytest.mark.parametrize("max_wait_s", [2.0, 30.0])
def test_nobody_waits_longer_than_he_stays_however_full_the_fleet_is(max_wait_s):
    # A day of waves over a fleet that is too small for the half of it: what stays waits for as long as it may.
    fleet = {"autoscaling": {"kind": "fixed", "count": 12}, "max_wait_s": max_wait_s}
    waves = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}
    by_formula, followed = (
        services_of(sim.break_even(scenario(level, fleet=fleet, traffic=waves)).plan)["fleet"]
        for level in (None, {"first_token_s": 100.0, "late_share": 1.0})
    )
    assert (by_formula.method, followed.method) == ("formula", "followed")
    assert by_formula.wait.p99_s <= max_wait_s
    assert by_formula.wait.p95_s == pytest.approx(followed.wait.p95_s, rel=0.02)
    # The formula knows nobody who leaves a queue below full load.
    assert followed.wait.mean_s < by_formula.wait.mean_s < 1.25 * followed.wait.mean_s


def test_a_fleet_of_no_replica_has_no_times():
    # Too few requests for a base that pays: the API answers all of them.
    fleet = {"autoscaling": {"kind": "fixed", "count": "auto"}, "overflow": "api", "max_wait_s": 5.0}
    waves = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}
    study = sim.break_even(scenario(None, per_s=0.001, fleet=fleet, traffic=waves))
    service = services_of(study.plan)["fleet"]
    assert (service.wait, service.first_token, service.time_per_token) == (None, None, None)
    assert (service.overflow_share, service.late_share) == (1.0, None)


def test_an_overloaded_fleet_waits_for_hours_and_is_left_out():
    plan = sim.break_even(scenario(fleet={"autoscaling": {"kind": "fixed", "count": 8}})).plan
    service = services_of(plan)["fleet"]
    assert service.first_token.p99_s > 3600.0
    assert service.late_share == pytest.approx(1.0, abs=0.01)
    assert "fleet" in plan.left_out


def test_simulations_of_a_fleet_take_its_size_and_leave_nothing_out():
    sized, left_out = scenario(LEVEL | {"where_missed": "size"}), scenario()
    assert sim.simulate(sized, "fleet").ready_replicas == pytest.approx(16.0)
    assert sim.simulate(left_out, "fleet").ready_replicas == pytest.approx(13.0)
    curve = sim.cost_curve(sized, [1e9]).query("option == 'fleet' and line == 'rent'")
    assert curve["usd_per_month"].to_numpy() == pytest.approx(16 * 0.40 * 730.0)


def test_lengths_that_are_known_spread_the_time_in_service():
    lengths = {"request": {"input_tokens": 500, "output_tokens": {"mean": 300, "p90": 600}}}
    steady = {"slots": {"per_replica": 1, "service_s": 1.0}}
    serving = sim.break_even(scenario(None, fleet=steady, workload=lengths)).plan.options["fleet"].serving
    s = lengths["request"]["output_tokens"]
    z = 1.2815515655446004
    log_sd = z - math.sqrt(z * z - 2 * math.log(s["p90"] / s["mean"]))
    assert serving.service_scv == pytest.approx(math.exp(log_sd**2) - 1, rel=1e-3)


def test_requests_in_service_are_known_to_a_policy_that_counts_them():
    """KEDA's rule sees what is in service: all slots of a busy replica, not one request."""
    policy = {"kind": "queue_depth", "requests_per_replica": 4.0, "scale_to_zero": False}
    fleet = {"autoscaling": policy, "slots": {"per_replica": 8, "service_s": 8.0}}
    plan = sim.break_even(scenario(None, fleet=fleet)).plan
    assert plan.options["fleet"].service_s == pytest.approx(8.0)
    # 12 requests/s of 8 s are 96 in service; 4 a replica are 24 replicas of 1 request/s.
    assert simulate_option(plan, "fleet", plan.scenario.tokens_per_month).ready_replicas.max() == pytest.approx(24.0)


def test_the_waits_of_an_option_need_no_slots_where_it_has_its_own():
    given, own = scenario(None, fleet={"autoscaling": {"kind": "fixed", "count": 16}}), {"first_token_target_s": 0.5}
    report = sim.latency(given, "fleet", **own)
    assert report.late_share == pytest.approx(late_by_hand(16, 12.0, 0.5), rel=0.02)
    assert report.wait == sim.latency(given, "fleet", slots_per_replica=1, **own).wait
    given["options"]["fleet"] = {"kind": "self_hosted", "rental": SLOT["rental"], "throughput": {"requests_per_s": 20}}
    with pytest.raises(ValueError, match="slots_per_replica is missing; option 'fleet' gives its throughput without"):
        sim.latency(given, "fleet")


def test_the_summary_holds_the_service_of_what_is_left_out():
    study = sim.break_even(scenario(fleet={"autoscaling": {"kind": "fixed", "count": 15}}))
    content = summary(study, {})
    assert "fleet" not in content["options"]
    service = content["left_out"]["fleet"]["service"]
    assert service["meets_level"] is False
    assert service["late_share"] == pytest.approx(late_by_hand(15, 12.0, 0.5), rel=0.02)
    assert service["misses"] == [study.pairs["fleet"].cause.removeprefix("service_level: ")]


def test_the_service_of_a_scenario_is_had_without_a_run():
    found = sim.service(scenario(fleet={"autoscaling": {"kind": "fixed", "count": 15}}))
    assert found["fleet"].meets is False
    assert found["api"].not_known == ("first_token_s",)


def test_the_scenario_of_the_page_is_sized_as_the_page_says(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "service-level.md").read_text(encoding="utf-8")
    (tmp_path / "page.yaml").write_text(re.search(r"^```yaml\n(.*?)^```", page, flags=re.M | re.S)[1])
    study = sim.break_even(tmp_path / "page.yaml")
    assert page.split("so does the run: `")[1].split("`")[0] in decision_sentence(study, {})
    assert ", at equal service (" in decision_sentence(study, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "per_s", "scv", "wait_s", "mean_wait_s", "late"),
    [
        (1, 0.8, 1.0, 5.0, 4.0, 0.2943035529),  # F1
        (4, 2.8, 1.0, 1.0, 0.3572119319, 0.1291081996),  # F2
        (10, 9.0, 1.0, 1.0, 0.6687315241, 0.2460125794),  # F3
        (1, 0.8, 0.0, None, 2.0, None),  # F4
        (1, 0.7, 2.0, None, 3.5, None),  # F5
        (8, 6.8, 1.5, None, 0.5604516586, None),  # F6
        (1, 0.8, 0.0, None, 1.6 / 0.8, None),  # F7, slots of one request as constant service
        (5, 4.0, 0.0, None, 1.156240029 / 4.0, None),  # F8
        (20, 18.0, 0.0, None, 2.597149352 / 18.0, None),  # F9
    ],
)
def test_queues_of_the_books_come_out_of_a_scenario(servers, per_s, scv, wait_s, mean_wait_s, late):
    fleet = {"autoscaling": {"kind": "fixed", "count": servers}, "slots": SLOT["slots"] | {"service_scv": scv}}
    level = {"first_token_s": 1e3 if wait_s is None else wait_s, "late_share": 1.0}
    plain, held = scenario(None, per_s=per_s, fleet=fleet), scenario(level, per_s=per_s, fleet=fleet)
    by_formula, followed = (sim.service(written)["fleet"] for written in (plain, held))
    plan = sim.break_even(held).plan
    tallied = run_rate(plan, "fleet", np.array([plan.scenario.tokens_per_month]), service=True).service
    for found in (by_formula.wait.mean_s, followed.wait.mean_s, tallied.mean_wait_s[0]):
        assert found == pytest.approx(mean_wait_s, rel=0.07 if scv == 1.5 else 0.04)
    if late is not None:
        for share in (followed.late_share, tallied.late_share[0]):
            assert share == pytest.approx(late, rel=0.02)


def test_owned_nodes_fail_like_rented_ones():
    written = scenario(None, per_s=1.5)
    written["options"]["fleet"] = {
        "kind": "self_hosted", "slots": SLOT["slots"], "failures": {"mean_hours_between": 99.0, "repair_s": 3600.0},
        "owned": {"nodes": 3, "usd_per_node": 10_000, "power": {"loaded_w": 500, "usd_per_kwh": 0.2}},
        "max_wait_s": math.inf, "overflow": "reject",
    }  # fmt: skip
    found = sim.service(written)["fleet"]
    assert found.availability_share == pytest.approx(0.99**3 + 3 * 0.99**2 * 0.01)
    assert found.wait.mean_s == pytest.approx(erlang_c(3, 1.5) / 1.5, rel=0.02)


def test_a_dedicated_endpoint_tells_its_waits_as_a_fleet_does():
    written = scenario(None)
    written["options"]["fleet"] = {
        "kind": "dedicated_endpoint", "usd_per_replica_hour": 0.4, "slots": SLOT["slots"] | {"per_replica": 16},
        "autoscaling": {"kind": "fixed", "count": 1},
    }  # fmt: skip
    assert sim.service(written)["fleet"].wait.mean_s == pytest.approx(erlang_c(16, 12.0) / 4.0, rel=0.03)


def test_the_report_says_what_its_times_stand_on():
    lengths = {"request": {"input_tokens": 500, "output_tokens": {"mean": 300, "p90": 600}}}
    unsure = {"slots": {"per_replica": 1, "service_s": 1.0}}
    assumed, known = (
        summary(sim.break_even(scenario(None, fleet=unsure, **more)), {})["assumptions"]
        for more in ({}, {"workload": lengths})
    )
    line = (
        "fleet: 1 requests side by side a replica, 1 s each at full load, scv 1 (assumed: lengths of answers are means)"
        "; waits by formula; TTFT is the wait alone, prefill not known"
    )
    assert line in assumed
    assert not any("assumed: lengths" in text for text in known)
    api = {"latency": {"ttft_p50_s": 0.3, "source": "ours", "as_of": date(2026, 11, 1)}}
    told = summary(sim.break_even(scenario(None, api=api)), {})
    assert "api: times to and between tokens as given (ours, 2026-11-01)" in told["assumptions"]
    assert told["options"]["api"]["service"]["first_token"]["p50_s"] == 0.3
