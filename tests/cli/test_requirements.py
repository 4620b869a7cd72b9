"""Requirements: an option that does not meet them is left out, and said so; the baseline has to."""

import json

import pytest

import simulator as sim

SCENARIO = """\
title: Data that stays here
horizon: {days: 2, step_s: 3600}
traffic: {requests_per_day: 100_000}
workload: {turn: {input_tokens: 900, output_tokens: 100}}
requirements: {data_residency: [eu, ch]}
options:
  here: {kind: api, prices: {input_usd_per_mtok: 1.0, output_usd_per_mtok: 1.0}, data_residency: eu}
  away: {kind: api, prices: {input_usd_per_mtok: 0.5, output_usd_per_mtok: 0.5}, data_residency: us}
  unknown: {kind: api, prices: {input_usd_per_mtok: 0.5, output_usd_per_mtok: 0.5}}
  router: {kind: routed, data_residency: eu, routes: {here: {share: 0.5}, away: {share: 0.5}}}
  leaning:
    kind: api
    prices: {input_usd_per_mtok: 1.0, output_usd_per_mtok: 1.0}
    data_residency: ch
    fallback: {option: away, share: 0.1}
  fleet: {kind: self_hosted, data_residency: ch, throughput: {requests_per_s: 10}, rental: {usd_per_gpu_hour: 2}}
comparison: {baseline: here, challengers: [away, unknown, router, leaning, fleet]}
"""
ASKED = "requirements.data_residency asks for one of eu, ch"
CAUSES = {
    "away": f"options.away.data_residency: is 'us', but {ASKED}",
    "unknown": f"options.unknown.data_residency: is not given, but {ASKED}",
    "router": f"options.router.routes.away: goes to 'away', whose data_residency is 'us', but {ASKED}",
    "leaning": f"options.leaning.fallback.option: goes to 'away', whose data_residency is 'us', but {ASKED}",
}


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "here.yaml"
    path.write_text(SCENARIO)
    return path


def test_options_that_do_not_meet_them_are_left_out_with_the_reason(scenario):
    study = sim.break_even(sim.load_scenario(scenario))
    assert list(study.options) == ["here", "fleet"]
    causes = {name: pair.cause for name, pair in study.pairs.items() if pair.reason == "infeasible"}
    assert causes == CAUSES


def test_the_others_are_compared_and_the_files_say_who_is_missing(breakeven, scenario, tmp_path):
    told = breakeven("run", scenario, "-o", "out", "--json")
    assert (told.status, told.stderr) == (0, "")
    content = json.loads((tmp_path / "out/here/summary.json").read_text())
    assert content["pairs"]["away"]["reason"] == "infeasible"
    assert content["pairs"]["away"]["cause"] == CAUSES["away"]
    assert set(content["options"]) == {"here", "fleet"}
    assert {f"{name} is left out: {cause}" for name, cause in CAUSES.items()} <= set(content["warnings"])
    assert breakeven("check", scenario).status == 0


def test_a_baseline_that_does_not_meet_them_asks_for_another_one(breakeven, scenario, tmp_path):
    asks = "'away' is the baseline, name another one in comparison"
    for command in (("check", scenario), ("run", scenario, "-o", "out")):
        told = breakeven(*command, "--set", "comparison={baseline: away, challengers: [here]}")
        assert told.status == 2
        assert told.stderr == f"{scenario}:8: {CAUSES['away']}; {asks}\n"
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_fit_its_gpus_is_still_a_fault(breakeven, scenario):
    llama = "{kind: self_hosted, data_residency: eu, model: llama-3.3-70b, gpu: a10g, rental: {provider: aws}}"
    told = breakeven("check", scenario, "--set", f"options.fleet={llama}")
    assert told.status == 2
    assert "options.fleet." in told.stderr


def test_without_hardware_on_premises_every_api_is_left_out():
    def fleet(**more):
        return {"kind": "self_hosted", "throughput": {"requests_per_s": 10}, "rental": {"usd_per_gpu_hour": 2}, **more}

    study = sim.break_even(
        {
            "title": "own walls",
            "horizon": {"days": 1, "step_s": 3600},
            "traffic": {"requests_per_day": 1_000},
            "workload": {"turn": {"input_tokens": 900, "output_tokens": 100}},
            "requirements": {"on_premises": True},
            "options": {
                "own": fleet(on_premises=True, overflow="reject"),
                "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
                "leaning": fleet(on_premises=True, overflow="api"),
            },
            "comparison": {"baseline": "own", "challengers": ["api", "leaning"]},
        }
    )
    assert study.pairs["api"].reason == study.pairs["leaning"].reason == "infeasible"
    assert "asks for hardware on premises" in study.pairs["api"].cause
    assert study.pairs["leaning"].cause.startswith(
        "options.leaning.overflow: goes to 'api', whose on_premises is false"
    )
