"""A share of what a fleet serves is answered once more by an API: what it costs, and where the crossings move."""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.cli import main as command_line
from simulator.simulation.ledger import run_rate
from simulator.solving.study import solve

HOURS_PER_MONTH = 730.0
RENT = 3.0  # USD an hour


def api(input_usd=2.0, output_usd=10.0, **more):
    return {"kind": "api", "prices": {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd}, **more}


def fleet(**more):
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": RENT},
        "throughput": {"requests_per_s": 1.0},
        "autoscaling": {"kind": "fixed", "count": 2},
        "max_wait_s": 0,
        **more,
    }


def scenario(requests_per_s=1.0, workload=None, options=None, **more):
    return {
        "title": "A gate",
        "horizon": {"hours": 48, "step_s": 3600},
        "traffic": {"requests_per_day": 86_400 * requests_per_s},
        "workload": workload or {"chat": {"input_tokens": 1_000, "output_tokens": 200}},
        "options": options or {"api": api(), "fleet": fleet(escalation={"share": 0.08})},
        **more,
    }


CHAT_USD = (1_000 * 2.0 + 200 * 10.0) * 1e-6  # of a request at the API


def rates(content, tokens_per_month=None, name="fleet"):
    plan = make_plan(sim.load_scenario(content))
    volume = plan.scenario.tokens_per_month if tokens_per_month is None else tokens_per_month
    return run_rate(plan, name, np.atleast_1d(volume))


def lines(content, **more):
    return {key: float(usd[0]) for key, usd in rates(content, **more).lines.items()}


def test_a_share_of_what_is_served_is_billed_once_more_at_list_prices():
    requests = 1.0 * 3600 * HOURS_PER_MONTH
    assert lines(scenario())["escalated"] == pytest.approx(0.08 * requests * CHAT_USD, rel=1e-12)


def test_what_overflows_is_answered_by_the_api_already_and_does_not_escalate():
    found = lines(scenario(requests_per_s=3.0))  # two replicas serve 2 a second
    seconds = 3600 * HOURS_PER_MONTH
    assert found["escalated"] == pytest.approx(0.08 * 2.0 * seconds * CHAT_USD)
    assert found["overflow"] == pytest.approx(1.0 * seconds * CHAT_USD)


def test_a_fleet_whose_every_answer_escalates_pays_the_whole_api_bill_beside_its_rent():
    everything = scenario(options={"api": api(), "fleet": fleet(escalation={"share": 1.0})})
    rate = rates(everything)
    bill = float(rates(everything, name="api").usd_per_month[0])
    assert float(rate.usd_per_month[0]) == pytest.approx(bill + 2 * RENT * HOURS_PER_MONTH)
    assert solve(make_plan(sim.load_scenario(everything))).pairs["fleet"].reason == "baseline_always_cheaper"


PREFIX = {"input_tokens": 1_000, "output_tokens": 200, "prefix": {"tokens": 800, "lifetime_s": 300}}
CACHED = api()
CACHED["prices"] |= {"cached_input_usd_per_mtok": 0.2, "cache_write_usd_per_mtok": 2.5}
DRAWN = {
    "requests_per_day": 40_000,
    "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
    "noise": {"relative_sd": 0.3},
    "counts": "poisson",
    "growth_per_month": 0.1,
}


@pytest.mark.parametrize(
    ("answering", "workload"),
    [
        (CACHED, {"chat": PREFIX}),
        ({"kind": "api", "model": "deepseek-chat"}, {"chat": {"input_tokens": 1_000, "output_tokens": 200}}),
        (CACHED, {"chat": {**PREFIX, "retries": {"failed_share": 0.1}, "response_cache": {"hit_share": 0.2}}}),
    ],
    ids=["prompt cache", "peak hours", "retries and cache"],
)
def test_where_all_is_served_and_escalates_the_api_is_paid_to_the_cent(answering, workload):
    gate = {"share": 1.0}
    roomy = fleet(autoscaling={"kind": "fixed", "count": 50}, escalation=gate)
    content = scenario(
        workload=workload,
        options={"api": answering, "fleet": roomy},
        traffic=DRAWN,
        horizon={"months": 2, "step_s": 900},
    )
    for times in (0.1, 1.0, 3.0):
        volume = times * sim.load_scenario(content).tokens_per_month
        escalated = float(rates(content, volume).lines["escalated"][0])
        assert escalated == pytest.approx(float(rates(content, volume, name="api").usd_per_month[0]), rel=1e-9)
    once_more, bought = sim.simulate(content, "fleet"), sim.simulate(content, "api")
    assert once_more.costs["escalated"].sum() == pytest.approx(bought.total_usd, rel=1e-9)


def test_a_share_of_zero_costs_nothing_and_changes_nothing_else():
    without = rates(scenario(options={"api": api(), "fleet": fleet()}))
    gated = rates(scenario(options={"api": api(), "fleet": fleet(escalation={"share": 0.0})}))
    assert gated.lines == without.lines
    assert (gated.rising, gated.falling) == (without.rising, without.falling)


TWO = {
    "chat": {"share": 0.75, "input_tokens": 1_000, "output_tokens": 200},
    "code": {"share": 0.25, "input_tokens": 4_000, "output_tokens": 800},
}


def test_each_class_escalates_by_its_own_share_at_its_own_price():
    gate = {"share": {"code": 0.4, "chat": 0.1}}
    found = lines(scenario(workload=TWO, options={"api": api(), "fleet": fleet(escalation=gate)}))
    code_usd = (4_000 * 2.0 + 800 * 10.0) * 1e-6
    each = 0.75 * 0.1 * CHAT_USD + 0.25 * 0.4 * code_usd
    assert found["escalated"] == pytest.approx(each * 3600 * HOURS_PER_MONTH)


def test_a_class_that_is_not_named_does_not_escalate():
    found = lines(scenario(workload=TWO, options={"api": api(), "fleet": fleet(escalation={"share": {"chat": 0.1}})}))
    assert found["escalated"] == pytest.approx(0.75 * 0.1 * CHAT_USD * 3600 * HOURS_PER_MONTH)


def test_another_api_than_that_of_the_overflow_may_answer_and_need_not_be_compared():
    options = {
        "api": api(),
        "better": api(5.0, 25.0),
        "fleet": fleet(overflow="api", escalation={"share": 0.08, "option": "better"}),
    }
    content = scenario(options=options, comparison={"baseline": "api", "challengers": ["fleet"]})
    better_usd = (1_000 * 5.0 + 200 * 25.0) * 1e-6
    assert lines(content)["escalated"] == pytest.approx(0.08 * better_usd * 3600 * HOURS_PER_MONTH)
    assert set(make_plan(sim.load_scenario(content)).options) == {"api", "fleet"}


def test_classes_billed_in_batch_escalate_to_the_batch_price():
    workload = {"chat": {"input_tokens": 1_000, "output_tokens": 200, "batch_share": 1}}
    priced = api()
    priced["prices"]["batch_multiplier"] = 0.5
    found = lines(scenario(workload=workload, options={"api": priced, "fleet": fleet(escalation={"share": 0.08})}))
    assert found["escalated"] == pytest.approx(0.5 * 0.08 * CHAT_USD * 3600 * HOURS_PER_MONTH)


def test_an_api_with_a_fallback_answers_what_escalates_with_it():
    options = {
        "api": api(fallback={"option": "other", "share": 0.25}),
        "other": api(1.0, 5.0),
        "fleet": fleet(overflow="api", escalation={"share": 0.08}),
    }
    found = lines(scenario(options=options, comparison={"baseline": "api", "challengers": ["fleet"]}))
    each = 0.75 * CHAT_USD + 0.25 * 0.5 * CHAT_USD  # the other costs half
    assert found["escalated"] == pytest.approx(0.08 * each * 3600 * HOURS_PER_MONTH)


def test_contracts_of_the_api_do_not_reach_what_escalates():
    contract = api(terms={"commitment": {"usd_per_month": 50_000}, "surcharges": {"priority": 0.1}})
    found = lines(scenario(options={"api": contract, "fleet": fleet(escalation={"share": 0.08})}))
    assert found["escalated"] == pytest.approx(0.08 * 1.1 * CHAT_USD * 3600 * HOURS_PER_MONTH)


def test_a_hosted_endpoint_has_a_gate_too():
    hosted = {
        "kind": "dedicated_endpoint",
        "usd_per_replica_hour": RENT,
        "throughput": {"requests_per_s": 2.0},
        "escalation": {"share": 0.08},
    }
    found = lines(scenario(options={"api": api(), "fleet": hosted}))
    assert found["escalated"] == pytest.approx(0.08 * 3600 * HOURS_PER_MONTH * CHAT_USD)


def test_what_the_response_cache_answers_does_not_escalate():
    cached = {"chat": {"input_tokens": 1_000, "output_tokens": 200, "response_cache": {"hit_share": 0.4}}}
    found = lines(scenario(workload=cached))
    assert found["escalated"] == pytest.approx(0.08 * 0.6 * 3600 * HOURS_PER_MONTH * CHAT_USD)


def test_an_api_that_can_not_be_priced_is_told_at_its_own_key():
    options = {
        "api": api(),
        "better": {"kind": "api", "model": "no-such-model"},
        "fleet": fleet(overflow="api", escalation={"share": 0.1, "option": "better"}),
    }
    content = scenario(options=options, comparison={"baseline": "api", "challengers": ["fleet"]})
    with pytest.raises(ValueError, match=r"options\.better\.model: is 'no-such-model'"):
        sim.load_scenario(content)


def test_a_fault_in_a_file_names_its_line(tmp_path):
    path = tmp_path / "gate.yaml"
    text = json.dumps(scenario(options={"api": api(), "fleet": fleet(escalation={"share": 1.5})}), indent=1)
    path.write_text(text, encoding="utf-8")
    line = 1 + next(number for number, row in enumerate(text.splitlines()) if '"share": 1.5' in row)
    expected = rf"gate\.yaml:{line}: options\.fleet\.escalation\.share: is 1\.5, must be at most 1"
    with pytest.raises(ValueError, match=expected):
        sim.load_scenario(path)


def test_over_time_each_month_escalates_at_its_own_prices_and_volume():
    priced = api(terms={"price_decline": {"share_per_year": 0.5, "steps": "monthly"}})
    content = scenario(
        options={"api": priced, "fleet": fleet(escalation={"share": 0.08})},
        horizon={"months": 3, "step_s": 3600},
        traffic={"requests_per_day": 86_400, "growth_per_month": 0.1},
    )
    ledger = sim.simulate(content, "fleet")
    months = np.arange(3)
    expected = 0.08 * CHAT_USD * 0.5 ** (months / 12) * 1.1**months * 3600 * HOURS_PER_MONTH
    assert ledger.costs["escalated"].to_numpy() == pytest.approx(expected)


def test_a_rise_of_the_price_raises_what_escalates_from_its_day_on():
    dated = api(terms={"price_changes": [{"effective_from": "2027-01-01", "multiplier": 2.0}]})
    content = scenario(
        options={"api": dated, "fleet": fleet(escalation={"share": 0.1})},
        horizon={"start": datetime(2026, 12, 31, tzinfo=UTC).date(), "hours": 48, "step_s": 3600},
    )
    ledger = sim.simulate(content, "fleet")
    assert float(ledger.costs["escalated"].sum()) == pytest.approx(0.1 * CHAT_USD * 86_400 * (1 + 2))


def test_the_gate_moves_the_crossing_to_where_rent_equals_what_is_left_of_the_price():
    # A fleet of one that serves all below its capacity costs rent + 0.2 x bill: it pays where 0.8 of the bill is rent.
    one = {"kind": "fixed", "count": 1}
    content = scenario(options={"api": api(), "fleet": fleet(autoscaling=one, escalation={"share": 0.2})})
    study = sim.break_even(content)
    requests = RENT * HOURS_PER_MONTH / (0.8 * CHAT_USD)
    assert study.first == pytest.approx(requests * 1_200, rel=1e-9)
    pair = study.pairs["fleet"]
    # The price of what a replica serves at full load, less what escalates of it.
    assert pair.breakeven_utilization_share == pytest.approx(RENT / (3600 * 0.8 * CHAT_USD))
    assert pair.usd_per_mtok_at_full_load == pytest.approx((RENT / 3600 + 0.2 * CHAT_USD) / 1_200 * 1e6)


SHAPES = {
    "fixed": {"autoscaling": {"kind": "fixed", "count": 3}},
    "autoscaled": {"autoscaling": {"kind": "target_utilization", "target_share": 0.8, "stabilisation_s": 600}},
    "capped": {"autoscaling": {"kind": "target_utilization"}, "replicas": {"maximum": 2}, "max_wait_s": 300},
}


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_three_parts_of_the_cost_add_up_and_never_fall(shape, noisy):
    traffic = {"requests_per_day": 86_400, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}
    if noisy:
        traffic |= {"noise": {"relative_sd": 0.3}, "counts": "poisson"}
    content = scenario(
        options={"api": api(), "fleet": fleet(escalation={"share": 0.3}, **SHAPES[shape])},
        traffic=traffic,
        horizon={"days": 7, "step_s": 600},
    )
    rate = rates(content, np.geomspace(1e6, 1e11, 192))
    parts = rate.linear_usd_per_request * rate.requests_per_month + rate.rising - rate.falling
    assert parts == pytest.approx(rate.usd_per_month, rel=1e-9)
    for part in (rate.rising, rate.falling):
        assert np.all(np.diff(part) >= -1e-9 * np.abs(part[1:]))


def test_an_option_that_escalates_to_an_api_outside_of_the_required_place_fails_with_it():
    options = {
        "api": api(data_residency="eu"),
        "elsewhere": api(5.0, 25.0, data_residency="us"),
        "fleet": fleet(data_residency="eu", overflow="api", escalation={"share": 0.1, "option": "elsewhere"}),
    }
    content = scenario(
        options=options,
        requirements={"data_residency": ["eu"]},
        comparison={"baseline": "api", "challengers": ["fleet"]},
    )
    plan = make_plan(sim.load_scenario(content))
    (fault,) = plan.faults["fleet"]
    assert fault.is_requirement
    assert fault.key == "options.fleet.escalation.option"
    assert "goes to 'elsewhere', whose data_residency is 'us'" in fault.text


@pytest.mark.parametrize(
    ("gate", "more", "key", "message"),
    [
        ({"share": 1.2}, {}, "options.fleet.escalation.share", "is 1.2, must be at most 1"),
        ({"share": -0.1}, {}, "options.fleet.escalation.share", "is -0.1, must be at least 0"),
        ({"share": {"chat": 2.0}}, {}, "options.fleet.escalation.share.chat", "is 2.0, must be at most 1"),
        (
            {"share": {"chit": 0.1}},
            {},
            "options.fleet.escalation.share.chit",
            "is no request class, must be one of chat",
        ),
        (
            {"share": 0.1, "option": "gpt"},
            {},
            "options.fleet.escalation.option",
            "is 'gpt', must be one of api",
        ),
        (
            {"share": 0.1, "option": "fleet"},
            {},
            "options.fleet.escalation.option",
            "is 'fleet', must be one of api",
        ),
        (
            {"share": 0.1},
            {"overflow": "reject"},
            "options.fleet.escalation.option",
            "is missing; overflow is rejected, so that no API answers for it",
        ),
        ({}, {}, "options.fleet.escalation.share", "is missing"),
        ({"share": 0.1, "shares": 1}, {}, "options.fleet.escalation.shares", "unknown key; allowed are share, option"),
    ],
)
def test_a_gate_that_can_not_be_is_refused_at_its_key(gate, more, key, message):
    with pytest.raises(ValueError, match=key) as refused:
        sim.load_scenario(scenario(options={"api": api(), "fleet": fleet(escalation=gate, **more)}))
    assert f"{key}: {message}" in str(refused.value)


def test_the_scenario_and_the_figures_of_the_page_are_true(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "quality-gate.md").read_text(encoding="utf-8")
    path = tmp_path / "gated.yaml"
    path.write_text(re.search(r"^```yaml\n(.*?)^```", page, flags=re.M | re.S)[1], encoding="utf-8")
    assert sim.break_even(path).options["llama"].lines["escalated"] > 0
    key = "options.llama-h100.escalation.share"
    without = sim.break_even(sim.load_scenario("h100-vs-haiku")).settled
    gated = sim.break_even(sim.load_scenario("h100-vs-haiku", overrides={key: 0.08})).settled
    assert f"from {without / 1e9:.2f} to {gated / 1e9:.2f} billion tokens" in " ".join(page.split())


def test_a_run_shows_what_escalates(tmp_path, monkeypatch, capsys):
    path = tmp_path / "gate.json.yaml"
    path.write_text(
        json.dumps(
            scenario(
                workload=TWO,
                options={
                    "api": api(),
                    "fleet": fleet(escalation={"share": {"code": 0.4}}),
                    "plain": fleet(escalation={"share": 0.08}),
                },
            )
        ),
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "argv", ["breakeven", "run", str(path), "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "fleet: of what it serves 0 % of chat, 40 % of code are answered once more by api, at list prices" in printed
    assert "plain: 8 % of what it serves is answered once more by api, at list prices" in printed
    (folder,) = (entry for entry in tmp_path.iterdir() if entry.is_dir())
    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    option = content["options"]["fleet"]
    assert option["run_rate"]["lines_usd_per_month"]["escalated"] > 0
    assert all(month["escalated"] > 0 for month in option["horizon"]["bill_by_month_usd"].values())
