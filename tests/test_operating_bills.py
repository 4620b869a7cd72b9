"""What running a fleet takes besides its GPUs, in the bills: at run rate, over time, and where options cross."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.cli.main import main
from simulator.simulation.ledger import run_rate

PAGE = (Path(__file__).parent.parent / "docs" / "operating-costs.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```yaml\n# (\S+\.yaml)(:.*?)^```", PAGE, flags=re.M | re.S))

# A replica of one GPU serves 2 requests of 500 tokens a second; machines of 4 GPUs are paid whole, at 8 USD an hour.
REQUESTS_PER_REPLICA = 2 * 2_628_000.0
FLEET = {
    "kind": "self_hosted",
    "rental": {"usd_per_gpu_hour": 2.0, "gpus_per_instance": 4},
    "throughput": {"requests_per_s": 2.0},
    "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
    "cold_start_s": 0,
}
ENGINEERS = {"usd_per_person_year": 120_000}  # 10,000 USD a month


def scenario(fleet, *, replicas=5.0, traffic=None, months=3, step_s=3600):
    return {
        "title": "operating costs",
        "horizon": {"months": months, "step_s": step_s},
        "traffic": {"requests_per_month": replicas * REQUESTS_PER_REPLICA, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 200}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}},
            "fleet": {**FLEET, **fleet},
        },
    }


def lines_of(fleet, **kind):
    return dict(sim.break_even(scenario(fleet, **kind)).options["fleet"].lines)


def costs_of(fleet, **kind):
    return sim.simulate(scenario(fleet, **kind), option="fleet").costs


def monthly(costs, line):
    return [float(usd) for usd in costs[line]]


# People and machines: five replicas run on two machines, eight GPUs


@pytest.mark.parametrize(
    ("engineers", "persons"),
    [
        ({"base_persons": 0.5, "persons_per_fleet": 0.25}, 0.75),
        ({"base_persons": 0.5, "gpus_per_person": 6}, 2.5),
        ({"base_persons": 0.5, "gpus_per_person": 6, "whole_persons": False}, 0.5 + 8 / 6),
        ({"base_persons": 0.5, "gpus_per_person": 6, "on_call_persons": 4}, 4),
        ({"on_call_persons": 1, "gpus_per_person": 4}, 2),
    ],
)
def test_engineers_are_paid_for_the_peak_and_never_fewer_than_the_rota(engineers, persons):
    given_ = {"engineers": {**engineers, **ENGINEERS}}
    assert lines_of(given_)["engineers"] == pytest.approx(persons * 10_000)
    assert monthly(costs_of(given_), "engineers") == pytest.approx([persons * 10_000] * 3)


def test_a_salary_is_looked_up_by_region_and_role_with_its_source():
    study = sim.break_even(scenario({"engineers": {"base_persons": 1, "region": "us", "role": "software-developer"}}))
    assert study.options["fleet"].lines["engineers"] == pytest.approx(133_080 * 1.43 / 12)
    used = {figure.what: figure for figure in study.plan.figures}
    assert used["salary of a software-developer a year"].unverified
    assert used["loaded cost over salary"].as_of.year == 2020


def test_licences_and_monitoring_are_by_gpu_or_whole_machine_of_the_peak():
    lines = lines_of(
        {
            "licences": {"support": {"usd_per_month": 100, "usd_per_gpu_month": 7, "usd_per_node_month": 50}},
            "monitoring": {"usd_per_node_month": 20, "usd_per_gpu_month": 1},
            "storage": {"usd_per_gb_month": 0.1, "weights_gb": 16, "copies": 2, "gb_per_node": 500},
            "load_balancer_usd_per_month": 25,
            "control_plane_usd_per_month": 73,
        }
    )
    assert lines["licence support"] == pytest.approx(100 + 7 * 8 + 50 * 2)
    assert lines["monitoring"] == pytest.approx(20 * 2 + 1 * 8)
    assert lines["disks"] == pytest.approx(0.1 * 500 * 2)
    assert lines["fixed: storage of weights"] == pytest.approx(0.1 * 2 * 16)
    assert lines["fixed: load balancer"] == 25
    assert lines["fixed: control plane"] == 73


def test_monitoring_without_a_price_is_the_catalogue_s_by_machine():
    assert lines_of({"monitoring": {}})["monitoring"] == pytest.approx(2 * 15)
    assert lines_of({"monitoring": {"tracing": True}})["monitoring"] == pytest.approx(2 * (15 + 31))


def test_what_has_the_name_of_a_fixed_item_is_added_to_it():
    lines = lines_of({"load_balancer_usd_per_month": 25, "monthly_fixed_usd": {"load balancer": 10, "rent": 5}})
    assert (lines["fixed: load balancer"], lines["fixed: rent"]) == (35, 5)


@pytest.mark.parametrize("layout", [{"gpus_per_replica": 2, "throughput": {"requests_per_s": 2.0}}, {}])
def test_a_machine_of_the_catalogue_is_as_large_as_it_is_rented(layout):
    """Eight GPUs are sold together: whatever a replica spans, a fee by machine is for every eight of the peak."""
    chosen = layout or {"model": "llama-3.1-8b", "parallelism": "auto", "throughput": None}
    fleet = {"rental": {"provider": "azure"}, "gpu": "h100-sxm", "licences": {"x": {"usd_per_node_month": 9}}}
    study = sim.break_even(scenario({**fleet, **chosen, "monitoring": {"usd_per_gpu_month": 1}}, replicas=60))
    lines = study.options["fleet"].lines
    assert lines["monitoring"] % 8 == 0
    assert lines["licence x"] == 9 * lines["monitoring"] / 8


# What follows the requests


def test_logs_are_taken_in_kept_and_indexed_for_every_request_served():
    logs = {
        "bytes_per_request": 5_000,
        "usd_per_gb": 0.5,
        "kept_months": 6,
        "indexed_events_per_request": 2,
        "usd_per_million_events": 1.5,
    }
    lines = lines_of({"logs": logs, "storage": {"usd_per_gb_month": 0.02, "weights_gb": 0}})
    requests = 5 * REQUESTS_PER_REPLICA
    assert lines["logs"] == pytest.approx(requests * 5e-6 * (0.5 + 6 * 0.02) + requests * 2 * 1.5e-6)


@pytest.mark.parametrize(
    ("egress", "usd_of_gb"),
    [
        ({"usd_per_gb": 0.1}, lambda gb: 0.1 * gb),
        ({"usd_per_gb": 0.1, "free_gb": 1_000}, lambda gb: 0.1 * (gb - 1_000)),
        ({"provider": "aws"}, lambda gb: 0.09 * 9_900 + 0.085 * (gb - 10_000)),
        ({"provider": "lambda"}, lambda gb: 0.0),
        ({"steps": [{"usd_per_gb": 0}, {"from_gb": 200, "usd_per_gb": 1}]}, lambda gb: gb - 200),
    ],
)
def test_answers_leave_at_the_graduated_price_of_each_month(egress, usd_of_gb):
    given_ = {"egress": {"bytes_per_output_token": 3_000, **egress}}
    gb = 5 * REQUESTS_PER_REPLICA * 200 * 3_000 / 1e9  # 15,768 GB a month
    assert lines_of(given_).get("egress", 0.0) == pytest.approx(usd_of_gb(gb))
    costs = costs_of(given_, months=2.5)
    if "egress" in costs:  # half a month has half of the free amount, and half of each step
        assert monthly(costs, "egress") == pytest.approx([usd_of_gb(gb), usd_of_gb(gb), usd_of_gb(gb) / 2])


def test_egress_without_a_price_is_that_of_the_rental_and_says_what_a_token_is():
    case = scenario({"rental": {"provider": "aws"}, "gpu": "h100-sxm", "egress": {}}, replicas=500)
    study = sim.break_even(case)
    gb = 500 * REQUESTS_PER_REPLICA * 200 * 4 / 1e9
    assert study.options["fleet"].lines["egress"] == pytest.approx(0.09 * (gb - 100))
    assert any("an output token leaves as 4 bytes" in warning for warning in study.plan.warnings)
    assert any(figure.what == "bytes of an output token" and figure.unverified for figure in study.plan.figures)


def test_answers_of_the_overflow_api_are_no_egress_and_no_logs():
    limited = {
        "autoscaling": {"kind": "fixed", "count": 4},
        "egress": {"usd_per_gb": 1, "bytes_per_output_token": 1_000},
        "logs": {"bytes_per_request": 1_000, "usd_per_gb": 1},
    }
    lines = lines_of(limited, replicas=5)  # four replicas serve what four can
    assert lines["egress"] == pytest.approx(4 * REQUESTS_PER_REPLICA * 200 * 1_000 / 1e9, rel=1e-6)
    assert lines["logs"] == pytest.approx(4 * REQUESTS_PER_REPLICA * 1_000 / 1e9, rel=1e-6)


def test_what_requests_take_beside_is_told_apart_from_a_line_of_the_same_name():
    case = scenario({"logs": {"bytes_per_request": 1_000, "usd_per_gb": 1}})
    case["workload"]["chat"]["extras"] = {"logs": {"usd_each": 0.001}, "rent": {"usd_each": 0.002}}
    option = sim.break_even(case).options["fleet"]
    requests = 5 * REQUESTS_PER_REPLICA
    assert option.lines["logs"] == pytest.approx(requests * 1e-6)
    assert option.lines["logs of requests"] == pytest.approx(requests * 0.001)
    assert option.lines["rent of requests"] == pytest.approx(requests * 0.002)
    assert option.usd_per_month == pytest.approx(16 * 730 + requests * (1e-6 + 0.003))


# Once, every year, again and again


def test_work_that_is_done_once_is_paid_at_the_start_and_is_no_part_of_the_run_rate():
    given_ = {
        "engineers": ENGINEERS,
        "migration": {"person_weeks": 13, "replatforming_person_weeks_per_year": 5.2},
        "security_review": {"person_weeks": 2.6, "usd": 4_000},
        "one_off_usd": {"migration": 500},
    }
    lines = lines_of(given_)
    assert set(lines) == {"rent", "fixed: re-platforming", "overflow"}
    assert lines["fixed: re-platforming"] == pytest.approx(0.1 * 10_000)
    once = 120_000 / 4 + 500 + 120_000 / 20 + 4_000
    assert sim.break_even(scenario(given_)).options["fleet"].one_off_usd == pytest.approx(once)
    costs = costs_of(given_)
    assert monthly(costs, "one_off") == pytest.approx([once, 0, 0])
    assert monthly(costs, "fixed: re-platforming") == pytest.approx([1_000] * 3)


def test_a_model_trained_every_four_months_is_paid_when_due_and_at_run_rate_by_its_mean():
    given_ = {"engineers": ENGINEERS, "fine_tuning": {"usd": 1_000, "person_weeks": 2.6, "repeat_months": 4}}
    assert lines_of(given_)["fine-tuning"] == pytest.approx(7_000 / 4)
    costs = costs_of(given_, months=12)
    assert monthly(costs, "fine-tuning") == pytest.approx([7_000 * (month in (4, 8)) for month in range(12)])
    assert monthly(costs, "one_off") == pytest.approx([7_000, *[0] * 11])


def test_a_model_trained_once_is_no_line_of_the_run_rate():
    assert "fine-tuning" not in lines_of({"fine_tuning": {"usd": 1_000}})


# Weeks until live: 672 hours of the first month of 730


def test_until_it_is_live_the_fleet_is_paid_at_its_minimum_and_the_api_answers():
    fleet = {"weeks_until_live": 4, "replicas": {"minimum": 1}, "egress": {"usd_per_gb": 1}}
    ledger = sim.simulate(scenario(fleet), option="fleet")
    requests, price = 5 * REQUESTS_PER_REPLICA, 300e-6 + 400e-6
    assert monthly(ledger.costs, "API until live") == pytest.approx([requests * 672 / 730 * price, 0, 0])
    assert monthly(ledger.costs, "rent") == pytest.approx([8 * 672 + 16 * 58, 16 * 730, 16 * 730])
    answered = requests * 200 * 4 / 1e9
    assert monthly(ledger.costs, "egress") == pytest.approx([answered * 58 / 730, answered, answered])
    assert monthly(ledger.costs, "overflow") == pytest.approx([0, 0, 0], abs=1e-6)
    assert ledger.arriving_tokens.sum() == pytest.approx(3 * requests * 500)
    assert ledger.overflow_tokens.sum() == pytest.approx(requests * 672 / 730 * 500)
    assert ledger.served_tokens.sum() == pytest.approx(requests * 500 * (3 - 672 / 730))
    left = ledger.served_tokens + ledger.overflow_tokens
    assert left.sum() + ledger.queued_tokens[-1] == pytest.approx(ledger.arriving_tokens.sum(), rel=1e-9)


def test_weeks_until_live_are_no_part_of_the_run_rate():
    assert lines_of({"weeks_until_live": 4}) == lines_of({})


def test_what_every_request_takes_it_takes_before_the_fleet_is_live_too():
    case = scenario({"weeks_until_live": 4})
    case["workload"]["chat"]["extras"] = {"search": {"usd_each": 0.001}}
    costs = sim.simulate(case, option="fleet").costs
    assert monthly(costs, "search") == pytest.approx([5 * REQUESTS_PER_REPLICA * 0.001] * 3)


def test_until_it_is_live_the_bill_is_the_api_s_own_at_any_demand():
    lengths = {"input_tokens": {"mean": 300, "p90": 600}, "output_tokens": {"mean": 200, "p90": 400}}
    traffic = {
        "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
        "noise": {"relative_sd": 0.5},
        "growth_per_month": 0.1,
    }
    case = scenario({"weeks_until_live": 12}, traffic=traffic)
    case["workload"]["chat"] = lengths
    ours, theirs = (sim.simulate(case, option=name).costs for name in ("fleet", "api"))
    own = theirs[["input", "output"]].sum(axis=1)
    assert monthly(ours, "API until live")[:2] == pytest.approx(list(own)[:2])
    assert 0 < monthly(ours, "API until live")[2] < list(own)[2]


# The parts that a search for crossings stands on

EVERYTHING = {
    "engineers": {"base_persons": 0.2, "persons_per_fleet": 0.1, "gpus_per_person": 5, "on_call_persons": 1}
    | {"usd_per_person_year": 3_000},
    "migration": {"person_weeks": 3, "replatforming_person_weeks_per_year": 2},
    "licences": {"x": {"usd_per_gpu_month": 20, "usd_per_node_month": 30}},
    "fine_tuning": {"usd": 300, "repeat_months": 7},
    "monitoring": {},
    "storage": {"service": "google-object", "weights_gb": 30, "gb_per_node": 100},
    "logs": {"bytes_per_request": 3_000, "indexed_events_per_request": 1, "kept_months": 2},
    "egress": {"provider": "aws", "bytes_per_output_token": 900},
    "load_balancer_usd_per_month": 20,
    "weeks_until_live": 0.1,
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    volumes=st.lists(st.floats(0.01, 40.0), min_size=8, max_size=30),
    shape=st.sampled_from([{}, {"diurnal": {"peak_hour": 9, "peak_to_mean": 2.5}}, {"noise": {"relative_sd": 0.7}}]),
    limits=st.sampled_from([{}, {"maximum": 12}, {"minimum": 0}]),
)
def test_every_part_of_the_cost_keeps_its_direction_and_the_parts_add_up(volumes, shape, limits):
    case = scenario({**EVERYTHING, "replicas": limits}, traffic=shape, months=0.1, step_s=1314)
    plan = sim.break_even(case).plan
    near = [4.0, 4 + 1e-9, 8.0, 8 + 1e-7]  # around whole machines
    rates = run_rate(plan, "fleet", np.sort([*volumes, *near]) * REQUESTS_PER_REPLICA * 500)
    assert {"engineers", "licence x", "monitoring", "disks", "logs", "egress", "fine-tuning"} <= set(rates.lines)
    largest = max(rates.rising.max(), rates.falling.max(), 1e-9)
    assert np.diff(rates.rising).min() >= -1e-12 * largest
    assert np.diff(rates.falling).min() >= -1e-12 * largest
    linear = rates.linear_usd_per_request * rates.requests_per_month
    assert linear + rates.rising - rates.falling == pytest.approx(rates.usd_per_month, rel=1e-9, abs=1e-9 * largest)


@pytest.mark.parametrize("price", [0.35, 0.5, 1.3])
def test_between_two_crossings_the_same_option_stays_cheaper(price):
    case = scenario(EVERYTHING, traffic={"diurnal": {"peak_hour": 9, "peak_to_mean": 1.5}}, months=0.1, step_s=2628)
    case["options"]["api"]["prices"] = {"input_usd_per_mtok": price, "output_usd_per_mtok": 2 * price}
    study = sim.break_even(case)
    volumes = np.geomspace(1e3, 1e14, 3000)
    ours, theirs = (run_rate(study.plan, name, volumes).usd_per_month for name in ("fleet", "api"))
    state = np.full(volumes.size, study.first == 0.0)
    for crossing in study.crossings:
        state[volumes > crossing.tokens_per_month] = crossing.becomes_cheaper == "challenger"
    clear = np.abs(ours - theirs) > 1.2e-3 * theirs
    assert np.array_equal((ours < theirs)[clear], state[clear])


def test_a_discount_far_out_moves_the_crossing_there():
    """Dear at first and cheap from 10^7 GB on: the fleet pays from the volume where the later gigabytes make it up."""
    steps = [{"usd_per_gb": 3.0}, {"from_gb": 1e7, "usd_per_gb": 0.0}]
    fleet = {"egress": {"steps": steps, "bytes_per_output_token": 1e6}, "replicas": {"divisible": True}}
    # A request is 0.2 GB, 0.60 USD, against 0.0007 of the API, less 2 USD for the hour in which a GPU serves 7,200.
    pair = sim.break_even(scenario(fleet, months=0.1, step_s=2628)).pairs["fleet"]
    requests = 3.0 * 1e7 / (0.0007 - 2.0 / 7_200)
    assert pair.settled == pytest.approx(requests * 500, rel=1e-3)


# The page


def yaml_of(name):
    return f"# {name}{EXAMPLES[name]}"


@pytest.fixture
def page_scenario(tmp_path):
    def load(name):
        path = tmp_path / name
        path.write_text(yaml_of(name), encoding="utf-8")
        return sim.load_scenario(path)

    return load


def test_the_page_has_two_scenarios():
    assert sorted(EXAMPLES) == ["hosted-endpoint.yaml", "proper-fleet.yaml"]


def test_the_fleet_with_everything_comes_to_what_its_page_says(page_scenario):
    case = page_scenario("proper-fleet.yaml")
    study = sim.break_even(case)
    fleet, requests = study.options["llama"], 400_000 * 730 / 24
    person_year = 225_000 * 1.43
    gb = requests * 300 * 200 / 1e9
    assert fleet.peak_replicas == 1
    by_hand = {
        "engineers": 2 * person_year / 12,
        "licence support": 300,
        "monitoring": 15 + 31,
        "disks": 500 * 0.02,
        "logs": requests * (8e-6 * (0.1 + 6 * 0.02) + 1.7e-6),
        "egress": 0.09 * (gb - 100),
        "fine-tuning": (2_000 + 2 * person_year / 52) / 6,
        "fixed: re-platforming": 6 * person_year / 52 / 12,
        "fixed: load balancer": 25,
        "fixed: control plane": 75,
        "fixed: storage of weights": 3 * 8.03 * 0.02,
    }
    assert {line: fleet.lines[line] for line in by_hand} == pytest.approx(by_hand, rel=1e-3)
    assert fleet.one_off_usd == pytest.approx((12 + 3 + 2) * person_year / 52 + 15_000 + 2_000)
    ledger = sim.simulate(case, option="llama")
    assert ledger.costs["API until live"].sum() == pytest.approx(study.options["haiku"].usd_per_month / 730 * 1_680)
    assert ledger.costs["fine-tuning"].to_numpy().nonzero()[0].tolist() == [6]


def test_the_hosted_endpoint_comes_to_what_its_page_says(page_scenario):
    case = page_scenario("hosted-endpoint.yaml")
    endpoint = sim.break_even(case).options["endpoint"]
    assert endpoint.lines["engineers"] == pytest.approx(0.2 * 150_000 / 12)
    assert endpoint.lines["monitoring"] == 10
    assert endpoint.lines["egress"] == 0  # 2 GB a month
    assert endpoint.one_off_usd == pytest.approx(3 * 150_000 / 52)
    costs = sim.simulate(case, option="endpoint").costs
    assert costs["rent"].iloc[0] == pytest.approx(4.0 * 58, rel=0.02)  # nothing runs until it is live
    assert costs["engineers"].iloc[0] == pytest.approx(0.2 * 150_000 / 12)


# Bad input


BROKEN = """\
title: broken
horizon: {days: 28}
traffic: {requests_per_day: 1000}
workload: {chat: {input_tokens: 300, output_tokens: 200}}
options:
  api: {kind: api, model: claude-haiku-4-5}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: 2.0}
    throughput: {requests_per_s: 2.0}
    overflow: api
"""


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        ("engineers: {usd_per_person_year: -1}", "engineers.usd_per_person_year", "is -1, must be at least 0"),
        ("engineers: {on_call_persons: 0.5}", "engineers.on_call_persons", "is 0.5, must be a whole number"),
        (
            "engineers: {region: germany}",
            "engineers.region",
            "is 'germany', must be one of us; or give usd_per_person_year",
        ),
        ("engineers: {role: sre}\n    migration: {person_weeks: 3}", "engineers.role", "must be one of data-scientist"),
        ("storage: {service: s3, weights_gb: 1}\n    logs: {bytes_per_request: 1, kept_months: 1}", "storage.service",
         "is 's3', must be one of coreweave-file"),
        ("storage: {service: google-object}", "storage.weights_gb", "is missing; the catalogue does not know"),
        ("egress: {provider: azure}", "egress.provider", "is 'azure', must be one of aws, coreweave, gcp, lambda"),
        ("egress: {}", "egress.provider", "is missing; egress is listed of aws, coreweave, gcp, lambda"),
        ("weeks_until_live: 4", "weeks_until_live", "is 4, must be below the horizon of 4 weeks"),
        ("weeks_until_live: 521", "weeks_until_live", "is 521, must be at most 520"),
        ("fine_tuning: {usd: 5, repeat_months: 0}", "fine_tuning.repeat_months", "is 0, must be at least 0.05"),
        ("licences: {x: {}}", "licences.x", "must hold at least one of usd_per_month"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_its_place(lines, place, message, tmp_path, monkeypatch, capsys):
    file = tmp_path / "broken.yaml"
    file.write_text(f"{BROKEN}    {lines}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["breakeven", "check", str(file)])
    with pytest.raises(SystemExit) as stopped:
        main()
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert stopped.value.code == 2
    assert re.search(rf":\d+: options\.fleet\.{re.escape(place)}: ", told), told
    assert message in told


def test_until_live_somebody_has_to_answer(tmp_path, monkeypatch, capsys):
    file = tmp_path / "broken.yaml"
    rejecting = BROKEN.replace("overflow: api", "overflow: reject")
    file.write_text(f"{rejecting}    weeks_until_live: 1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["breakeven", "check", str(file)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "weeks_until_live: is 1, must be given with an API as overflow" in capsys.readouterr().err


def test_an_api_has_no_machines_to_watch(tmp_path, monkeypatch, capsys):
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN.replace("model: claude-haiku-4-5", "model: claude-haiku-4-5, monitoring: {}"), "utf-8")
    monkeypatch.setattr(sys, "argv", ["breakeven", "check", str(file)])
    with pytest.raises(SystemExit):
        main()
    assert "options.api.monitoring: unknown key" in capsys.readouterr().err
