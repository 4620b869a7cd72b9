"""Keys to solve for: their bounds, their value today, and what is wrong with them."""

import re

import pytest

from simulator.catalogue.listed_values import listed_value
from simulator.catalogue.planning import make_plan
from simulator.config.key_bounds import key_bounds, plan_at
from simulator.config.scenarios import check_plan, scenario_document

FILE = """\
title: A pair
traffic: {requests_per_day: 50_000}
workload: {request: {input_tokens: 500, output_tokens: 500}}
options:
  api: {kind: api, model: claude-haiku-4-5, monthly_fixed_usd: {gateway: 20}}
  fleet:
    kind: self_hosted
    model: llama-3.1-8b
    gpu: h100-sxm
    rental: {provider: lambda}
    monthly_fixed_usd: {gpt-4.1 monitoring: 100}
"""


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "pair.yaml"
    path.write_text(FILE, encoding="utf-8")
    document = scenario_document(path)
    plan = check_plan(document, make_plan)
    return lambda key: key_bounds(plan, document, key, listed_value), document


@pytest.mark.parametrize(
    ("key", "today", "low", "high", "is_whole"),
    [
        ("traffic.requests_per_day", 50_000, 0, 1e24, False),
        ("traffic.growth_per_month", 0, -1, 10, False),
        ("workload.request.input_tokens", 500, 0, 1e24, False),
        ("options.fleet.autoscaling.target_share", 0.7, 0, 1, False),  # a default, of a section that is left out
        ("options.fleet.replicas.minimum", 1, 0, 1e12, True),
        ("options.fleet.gpus_per_replica", None, 1, 1e12, True),
        ("options.fleet.monthly_fixed_usd.gpt-4.1 monitoring", 100, 0, 1e24, False),  # a name with a dot
        ("options.fleet.monthly_fixed_usd.new", None, 0, 1e24, False),
        ("options.api.terms.price_decline.share_per_year", None, 0, 1, False),
        ("finance.discount_rate_per_year", None, -1, 10, False),
    ],
)
def test_bounds_and_value_of_a_key_are_those_of_the_model(found, key, today, low, high, is_whole):
    bounds = found[0](key)
    assert (bounds.today, bounds.low, bounds.high, bounds.is_whole) == (today, low, high, is_whole)


def test_what_is_looked_up_counts_as_todays_value(found):
    assert found[0]("options.fleet.rental.usd_per_gpu_hour").today > 0
    assert found[0]("options.fleet.engineers.usd_per_person_year").today is None  # nobody is employed
    assert found[0]("options.api.prices.input_usd_per_mtok").today == 1.0
    assert found[0]("options.api.prices.output_usd_per_mtok").today == 5.0
    per_s = found[0]("options.fleet.throughput.requests_per_s").today
    assert found[0]("options.fleet.throughput.output_tokens_per_s").today == pytest.approx(500 * per_s)


def test_a_section_that_is_left_out_is_set_with_its_kind(found):
    look, document = found
    bounds = look("options.fleet.autoscaling.target_share")
    assert bounds.beside == {"options.fleet.autoscaling.kind": "target_utilization"}
    plan = plan_at(document, bounds, make_plan)(0.5)
    assert plan.options["fleet"].autoscaling.target_share == 0.5


def test_a_key_of_whole_numbers_is_set_to_one(found):
    look, document = found
    plan = plan_at(document, look("options.fleet.replicas.minimum"), make_plan)(3.0)
    assert plan.options["fleet"].replicas.minimum == 3


def test_a_value_beyond_the_bounds_is_refused_when_it_is_set(found):
    look, document = found
    with pytest.raises(ValueError, match="must be at most 1"):
        plan_at(document, look("options.fleet.autoscaling.target_share"), make_plan)(1.5)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "options.api.rental.usd_per_gpu_hour",
            "pair.yaml:5: options.api.rental: unknown key of kind api; allowed are",
        ),
        (
            "options.fleet.commitment.usd",
            "pair.yaml:6: options.fleet.commitment: unknown key of kind self_hosted; allowed",
        ),
        ("options.fleet.rental.usd_per_gpu_hours", "pair.yaml:10: options.fleet.rental.usd_per_gpu_hours: unknown key"),
        ("options.flet.gpu", "pair.yaml:4: options.flet: there is none of that name, must be one of api, fleet"),
        ("title", "pair.yaml:1: title: is 'A pair', no number to solve for"),
        ("options.fleet.gpu", "pair.yaml:9: options.fleet.gpu: is 'h100-sxm', no number to solve for"),
        ("options.fleet.gpu.x", "pair.yaml:9: options.fleet.gpu: is 'h100-sxm', has no key 'x'"),
        ("options.fleet", "pair.yaml:6: options.fleet: is a mapping, no number to solve for"),
        ("options.fleet.owned", "options.fleet.owned: takes no number to solve for"),
        ("options..gpu", "the key is 'options..gpu', must be names joined by single dots"),
        ("", "the key is '', must be names joined by single dots"),
        ("finance.discount", "finance.discount: unknown key"),
    ],
)
def test_what_is_wrong_with_a_key_is_told_in_one_line_at_its_place(found, key, message):
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        found[0](key)
    assert len(str(refused.value).splitlines()) == 1


def test_lengths_that_a_preset_tells_can_be_solved_for_as_well():
    document = scenario_document("code-completion")
    plan = check_plan(document, make_plan)
    (name, request), *_ = plan.scenario.workload.items()
    bounds = key_bounds(plan, document, f"workload.{name}.output_tokens")
    assert bounds.today == request.output_tokens
    longer = plan_at(document, bounds, make_plan)(2 * bounds.today).scenario
    assert longer.workload[name].output_tokens == 2 * request.output_tokens
    assert longer.workload[name].input_tokens == request.input_tokens


def test_a_part_of_a_presets_noise_changes_alone():
    document = scenario_document("code-completion")
    plan = check_plan(document, make_plan)
    name = next(iter(plan.scenario.traffic.noise.parts))
    bounds = key_bounds(plan, document, f"traffic.noise.parts.{name}.relative_sd")
    changed = plan_at(document, bounds, make_plan)(0.5).scenario.traffic.noise.parts
    assert changed[name].relative_sd == 0.5
    assert {part: noise for part, noise in changed.items() if part != name} == {
        part: noise for part, noise in plan.scenario.traffic.noise.parts.items() if part != name
    }
