"""Levers: each alone against what it must save by hand, and all together."""

import datetime as dt
import math
import re
from pathlib import Path

import pytest

import simulator as sim
from simulator.catalogue.lever_facts import lever_facts
from simulator.domain.lever_moves import Lever
from simulator.domain.levers import Levers
from simulator.domain.levers_of_demand import cap_leaving
from simulator.domain.request_lengths import LognormalLength, length_law
from simulator.sweeping.levers import LeverStudy

# Haiku at 1 and 5 USD per million tokens for 500 tokens in and 500 out; one fleet of two replicas at 2 USD an hour that
# are never full: 10,000 requests a day are 5 M tokens in and 5 M out.
INPUT_USD, OUTPUT_USD = 5.0 * 730 / 24, 25.0 * 730 / 24
API_USD = INPUT_USD + OUTPUT_USD
RENT_USD = 2 * 2.0 * 730


def scenario(**more):
    return {
        "title": "Levers by hand",
        "horizon": {"days": 7, "step_s": 3600},
        "traffic": {"requests_per_day": 10_000},
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {
                "kind": "api",
                "prices": {
                    "input_usd_per_mtok": 1.0,
                    "output_usd_per_mtok": 5.0,
                    "cached_input_usd_per_mtok": 0.1,
                    "batch_multiplier": 0.5,
                },
            },
            "small": {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.5}},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"requests_per_s": 1.0},
                "autoscaling": {"kind": "fixed", "count": 2},
            },
        },
        "comparison": {"baseline": "api", "challengers": ["fleet", "small"]},
        **more,
    }


def outcome(lever, assumed=None, **more) -> tuple[LeverStudy, dict]:
    study = sim.levers(scenario(levers={} if assumed is None else {lever: assumed}, **more))
    found = study.outcome(lever)
    return found, {saving.option: saving for saving in found.savings}


@pytest.mark.parametrize(
    ("lever", "assumed", "saved_usd"),
    [
        pytest.param("response_cache", {"hit_share": 0.35}, 0.35 * API_USD, id="a response cache its hits"),
        pytest.param("batch", {"share": 0.4}, 0.4 * 0.5 * API_USD, id="batch half of what can wait"),
        pytest.param(
            "prompt_cache", {"cached_input_share": 0.6}, 0.6 * 0.9 * INPUT_USD, id="a cached read nine tenths"
        ),
        pytest.param(
            "prompt_compression", {"kept_share": 0.7}, 0.3 * INPUT_USD, id="compression its share of the input"
        ),
        pytest.param("output_cap", {"kept_share": 0.7}, 0.3 * OUTPUT_USD, id="a cap its share of the output"),
        pytest.param(
            "routing", {"routed_share": 0.25}, 0.25 * 0.9 * API_USD, id="a router nine tenths of what it sends"
        ),
        pytest.param("smaller_model", None, 0.9 * API_USD, id="a model at a tenth of the price nine tenths"),
    ],
)
def test_a_lever_saves_at_the_api_what_its_share_of_the_bill_is(lever, assumed, saved_usd):
    found, savings = outcome(lever, assumed)
    assert found.was_run
    assert savings["api"].before_usd_per_month == pytest.approx(API_USD)
    assert savings["api"].usd_per_month == pytest.approx(saved_usd)
    assert savings["fleet"].before_usd_per_month == pytest.approx(RENT_USD)
    assert savings["fleet"].usd_per_month == pytest.approx(0.0, abs=1e-6)  # its size is fixed, and it is never full


def test_a_cheaper_api_moves_the_break_even_up_by_as_much_as_its_price_falls():
    found, _ = outcome("response_cache", {"hit_share": 0.2})
    (shift,) = found.break_even
    # The rent of a fixed fleet over the price of a token: 2,920 / 3 USD per million, and over 4/5 of that.
    assert shift.before == pytest.approx(RENT_USD / 3.0 * 1e6, rel=1e-4)
    assert shift.after == pytest.approx(RENT_USD / 2.4 * 1e6, rel=1e-4)
    assert shift.share == pytest.approx(0.25, rel=1e-3)


def test_a_router_that_escalates_and_costs_pays_for_both():
    assumed = {"routed_share": 0.5, "escalation_share": 0.2, "usd_per_request": 0.0001}
    _, savings = outcome("routing", assumed)
    requests = 10_000 * 730 / 24
    expected = 0.5 * 0.1 * API_USD + (0.5 + 0.5 * 0.2) * API_USD + 0.0001 * requests
    assert savings["api"].after_usd_per_month == pytest.approx(expected)


def test_spot_saves_its_discount_on_the_rent_of_a_fleet():
    assumed = {"discount_share": 0.6, "interruptions_per_replica_hour": 0.0}
    _, savings = outcome("spot", assumed)
    assert savings["fleet"].usd_per_month == pytest.approx(0.6 * RENT_USD)
    assert savings["api"].usd_per_month == pytest.approx(0.0, abs=1e-9)


def test_half_of_a_fleet_on_spot_saves_half_as_much():
    _, savings = outcome("spot", {"share": 0.5, "discount_share": 0.6, "interruptions_per_replica_hour": 0.0})
    assert savings["fleet"].usd_per_month == pytest.approx(0.3 * RENT_USD)


def test_a_reserved_base_under_constant_demand_saves_the_difference_of_the_rents():
    _, savings = outcome("reserved", {"usd_per_gpu_hour": 1.25})
    assert savings["fleet"].usd_per_month == pytest.approx(2 * 0.75 * 730)


def test_a_fleet_that_follows_the_demand_needs_the_replicas_of_its_target():
    # 10,000 requests a day are 0.116 of a replica: one at a load of 60 % in place of two.
    found, savings = outcome("utilization")
    assert savings["fleet"].usd_per_month == pytest.approx(2.0 * 730)
    assert found.figures[0].value == 0.6
    assert found.figures[0].as_of == dt.date(2024, 10, 25)


def estimated(precision, **more):
    fleet = {
        "kind": "self_hosted",
        "model": "llama-3.1-8b",
        "gpu": "h100-sxm",
        "precision": precision,
        "rental": {"usd_per_gpu_hour": 2.0},
        "autoscaling": {"kind": "perfect_foresight"},
        "cold_start_s": 0,
        "replicas": {"increment": 1},
    }
    given = scenario(**more)
    given["options"]["fleet"] = fleet
    return given


def test_quantization_raises_the_throughput_as_the_estimate_says():
    perf = {
        bits: sim.estimate_throughput("llama-3.1-8b", "h100-sxm", precision=bits, input_tokens=500, output_tokens=500)
        for bits in ("bf16", "fp8", "int4")
    }
    requests_per_s = 100_000_000 / 86_400

    def replicas(bits):
        return math.ceil(requests_per_s / (perf[bits].output_tokens_per_s / 500))

    given = estimated("bf16", traffic={"requests_per_day": 100_000_000}, levers={"quantization": {"precision": "fp8"}})
    saving = next(one for one in sim.levers(given).outcome("quantization").savings if one.option == "fleet")
    assert replicas("fp8") < replicas("bf16")
    ratio = saving.after_usd_per_month / saving.before_usd_per_month
    assert ratio == pytest.approx(replicas("fp8") / replicas("bf16"), rel=0.02)


def test_left_to_itself_quantization_takes_the_precision_with_the_highest_throughput():
    found = sim.levers(estimated("bf16")).outcome("quantization")
    rates = {
        bits: sim.estimate_throughput(
            "llama-3.1-8b", "h100-sxm", precision=bits, input_tokens=500, output_tokens=500
        ).output_tokens_per_s
        for bits in ("fp8", "int8", "int4")
    }
    assert found.assumption == f"fleet in {max(rates, key=rates.get)}"


def test_savings_together_multiply_and_do_not_add():
    given = {"response_cache": {"hit_share": 0.2}, "batch": {"share": 1.0}, "output_cap": {"kept_share": 1.0}}
    bare = scenario(levers=given)
    del bare["options"]["small"]
    bare["comparison"] = {"baseline": "api", "challengers": ["fleet"]}
    study = sim.levers(bare)
    saving = next(one for one in study.together.savings if one.option == "api")
    assert saving.after_usd_per_month == pytest.approx(0.8 * 0.5 * API_USD)


def test_together_a_router_keeps_the_smaller_model_out_and_the_study_says_so():
    study = sim.levers(scenario())
    assert "routing" in study.combined
    assert study.left_out["smaller model"] == "sets what routing sets"


def test_a_lever_that_costs_more_is_not_taken_along():
    # 0.116 of a replica at a load of 3 % needs four where two did.
    study = sim.levers(scenario(levers={"utilization": {"target_share": 0.03}}))
    assert study.outcome("utilization").savings[1].usd_per_month == pytest.approx(-2 * 2.0 * 730)
    assert study.left_out["better utilization"] == "costs more by itself"
    assert "better utilization" not in study.combined


@pytest.mark.parametrize("lever", ["prompt_cache", "batch", "prompt_compression"])
def test_a_lever_without_a_published_figure_is_not_run_and_says_what_to_give(lever):
    found, savings = outcome(lever)
    assert not found.was_run
    assert savings == {}
    assert found.reason.startswith(f"levers.{lever}.")
    assert "is not given" in found.reason


def test_an_api_without_a_batch_price_saves_nothing_and_the_outcome_warns():
    given = scenario(levers={"batch": {"share": 1.0}})
    del given["options"]["api"]["prices"]["batch_multiplier"]
    found = sim.levers(given).outcome("batch")
    assert found.savings[0].share == pytest.approx(0.0, abs=1e-12)
    assert any(text.startswith("api: batch_price_missing") for text in found.warnings)


def test_a_lever_in_use_already_is_not_run_twice():
    request = {"input_tokens": 500, "output_tokens": 500, "response_cache": {"hit_share": 0.1}}
    found, _ = outcome("response_cache", workload={"request": request})
    assert found.reason == "in use already: every class has a response cache"


def test_a_contract_that_the_provider_does_not_sell_is_the_reason_why_not():
    study = sim.levers("minimal", overrides={"horizon": {"days": 7, "step_s": 3600}})
    assert study.outcome("reserved").reason.endswith("lambda has no 'reserved_1y' offer of 1 x h100-sxm")


def test_a_reserved_rent_that_no_provider_lists_is_asked_for_by_its_key():
    found, _ = outcome("reserved")
    assert found.reason == (
        "levers.reserved.usd_per_gpu_hour is not given, and the rental of fleet names no provider whose contracts are "
        "listed"
    )


def test_the_discount_on_spot_is_that_of_the_providers_offers():
    case = sim.load_scenario("support-chatbot")
    discount = lever_facts(case).spot_discounts["llama-a10g"]
    assert discount.value == pytest.approx(1 - 0.4125 / 1.006, rel=1e-3)  # AWS, g5.xlarge in us-east-1
    assert discount.unverified


def test_request_classes_of_a_preset_are_those_that_the_levers_change():
    short = {"horizon": {"days": 7, "step_s": 3600}, "levers.batch.share": 1.0}
    found = sim.levers("spot-fleet", overrides=short).outcome("batch")
    api = next(saving for saving in found.savings if saving.is_api)
    assert api.share == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_cap_leaves_the_wanted_share_of_lognormal_answers(share):
    law = length_law(LognormalLength(mean=300.0, p90=600.0))
    cap = cap_leaving(law, share)
    sample = law.at_normal(_normals())
    kept = sum(min(tokens, cap) for tokens in sample) / sum(sample)
    assert kept == pytest.approx(share, abs=2e-3)


def _normals():
    import numpy as np
    from scipy.special import ndtri

    return ndtri((np.arange(200_000) + 0.5) / 200_000)


def test_a_lever_on_several_fleets_changes_each_that_it_fits():
    given = scenario(levers={"spot": {"discount_share": 0.5, "interruptions_per_replica_hour": 0.0}})
    given["options"]["bought"] = {
        "kind": "self_hosted",
        "throughput": {"requests_per_s": 1.0},
        "owned": {"nodes": 1, "gpus_per_node": 1, "usd_per_node": 10_000, "power": {"usd_per_kwh": 0.1}},
        "gpu": "l4",
    }
    given["comparison"]["challengers"].append("bought")
    savings = {saving.option: saving.usd_per_month for saving in sim.levers(given).outcome("spot").savings}
    assert savings["fleet"] == pytest.approx(0.5 * RENT_USD)
    assert savings["bought"] == pytest.approx(0.0, abs=1e-9)


def test_a_smaller_model_of_a_fleet_is_served_at_its_own_estimate():
    given = estimated("bf16", traffic={"requests_per_day": 100_000_000})
    given["options"]["fleet"] |= {"model": "llama-3.1-70b", "gpus_per_replica": 4, "precision": "fp8"}
    given["levers"] = {"smaller_model": {"fleet_model": "llama-3.1-8b", "fleet_gpus_per_replica": 1}}
    saving = next(one for one in sim.levers(given).outcome("smaller_model").savings if one.option == "fleet")
    hours = []
    for model, gpus in (("llama-3.1-70b", 4), ("llama-3.1-8b", 1)):
        rate = sim.estimate_throughput(
            model, "h100-sxm", precision="fp8", tensor_parallel=gpus, input_tokens=500, output_tokens=500
        ).output_tokens_per_s
        hours.append(gpus * math.ceil(100_000_000 / 86_400 * 500 / rate))
    assert saving.after_usd_per_month / saving.before_usd_per_month == pytest.approx(hours[1] / hours[0], rel=0.02)


def test_a_scenario_with_neither_an_api_nor_a_fleet_has_nothing_to_change():
    routed = scenario()
    routed["options"]["one"] = {"kind": "routed", "routes": {"api": {"share": 1.0}}}
    routed["options"]["two"] = {"kind": "routed", "routes": {"small": {"share": 1.0}}}
    routed["comparison"] = {"baseline": "one", "challengers": ["two"]}
    with pytest.raises(ValueError, match="comparison: holds no option of kind api and no fleet"):
        sim.levers(routed)


def test_every_lever_has_a_published_saving_with_its_source_and_tells_its_name():
    facts = lever_facts(sim.load_scenario("minimal"))
    keys = {lever.key for lever in Levers().all}
    assert keys == set(Levers.model_fields)
    for lever in Levers().all:
        assert isinstance(lever, Lever)
        claims = facts.claims_for(lever.key)
        assert claims
        for claim in claims:
            assert 0 < claim.low_share <= claim.high_share < 1
            assert claim.source
            assert claim.unverified or claim.as_of is not None
    assert {claim.lever for claim in facts.claims} == keys
    for lever, key in facts.assumptions:
        assert key in type(getattr(Levers(), lever)).model_fields


def test_the_table_has_a_row_for_each_lever_and_option_and_says_where_figures_come_from():
    study = sim.levers(scenario())
    table = study.table()
    assert set(table["lever"]) == {*Levers.model_fields, "together"}
    batch = table[table["lever"] == "batch"]
    assert list(batch["status"]) == ["not run"]
    cached = table[table["lever"] == "response_cache"].set_index("option")
    assert cached.loc["api", "saving_share"] == pytest.approx(0.2)
    assert "undated, unverified" in cached.loc["api", "assumption_sources"]


def test_a_scenario_without_levers_runs_as_before():
    assert sim.load_scenario("minimal").levers == Levers()


@pytest.fixture
def page():
    return (Path(__file__).parents[2] / "docs" / "levers.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_tells_what_its_example_comes_to(page):
    given = {"levers.batch.share": 0.2, "levers.prompt_cache.cached_input_share": 0.4}
    assert all(f"--set {key}={value}" in page for key, value in given.items())
    study = sim.levers("support-chatbot", overrides=given)
    haiku, llama = study.together.savings
    shift = study.together.break_even[0]
    text = " ".join(page.split())
    assert f"API costs {100 * haiku.share:.0f} % less with seven levers, its fleet {100 * llama.share:.0f} %" in text
    assert len(study.combined) == 7
    assert f"pays from {shift.after / 1e9:.0f} B tokens a month instead of {shift.before / 1e9:.0f}" in text


def test_the_page_has_a_row_for_every_lever_and_its_python_runs(page):
    assert re.findall(r"^\| `(\w+)` \|", page, flags=re.M) == list(Levers.model_fields)
    names: dict = {}
    exec(compile(re.search(r"^```python\n(.*?)^```", page, flags=re.M | re.S)[1], "levers.md", "exec"), names)
    assert names["study"].outcome("batch").savings[0].share == pytest.approx(0.5)
