"""What the bundled scenarios of bought tokens come to, by a second route; what every lever does to API and fleet."""

import math
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.domain.commercial_terms import CommercialTerms
from simulator.domain.options import Option
from simulator.domain.workload import RequestClass

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "api-bill.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", PAGE, flags=re.M | re.S))
DAYS_PER_MONTH = 730 / 24


@cache
def steady(name, requests_per_day):
    """A bundled scenario with the same requests at every moment, so that its bill is a sum that can be done by hand."""
    steadily = {"traffic": {"requests_per_day": requests_per_day}, "horizon": {"days": 2, "step_s": 3600}}
    return sim.load_scenario(name, overrides=steadily)


def bills(scenario, *requests_per_day):
    """Monthly bill by option and line at the scenario's own volume, or at each of these."""
    own = scenario.requests_per_month / DAYS_PER_MONTH
    volumes = [day * DAYS_PER_MONTH * scenario.mix.total_tokens for day in requests_per_day or (own,)]
    curve = sim.cost_curve(scenario, volumes)
    curve = curve[curve["line"] != "total"]
    lines = [
        {key: dict(zip(rows["line"], rows["usd_per_month"], strict=True)) for key, rows in at.groupby("option")}
        for _, at in curve.groupby("tokens_per_month")
    ]
    return lines if requests_per_day else lines[0]


def total(lines):
    return sum(lines.values())


# The coding agent


def twelve_calls():
    """Prompt of each call: all that was sent before, 1,500 tokens more every time."""
    return [12_000 + 1_500 * call for call in range(12)]


def test_an_action_of_twelve_calls_is_asked_as_250800_tokens():
    prompts, answers = sum(twelve_calls()), 12 * (400 + 250)
    assert (prompts, answers) == (243_000, 7_800)
    mix = steady("coding-agent", 6_000).mix
    assert (mix.input_tokens, mix.output_tokens) == (prompts, answers)


def test_an_action_is_billed_as_a_cache_that_keeps_what_was_sent_makes_it():
    """Call by call, against a cache that holds the shared 8,000 tokens and whatever was sent before."""
    usd = {"input": 3.0, "cached_input": 0.30, "cache_write": 3.75, "output": 15.0}  # Claude Sonnet 4.6, per 10^6
    found = 1 - math.exp(-6_000 / 86_400 * 300)  # an action every 14 s, kept 300 s
    action = dict.fromkeys(("cached_input", "cache_write", "output", "reasoning"), 0.0)
    for begins_with, chance in ((8_000, found), (0, 1 - found)):
        kept = begins_with
        for prompt in twelve_calls():
            action["cached_input"] += chance * kept * usd["cached_input"] / 1e6
            action["cache_write"] += chance * (prompt - kept) * usd["cache_write"] / 1e6
            action["output"] += chance * 400 * usd["output"] / 1e6
            action["reasoning"] += chance * 250 * usd["output"] / 1e6
            kept = prompt
    attempts = 1 / 0.98  # one in fifty is made again, and again
    bill = bills(steady("coding-agent", 6_000))["sonnet"]
    assert bill == pytest.approx({key: cost * attempts * 6_000 * DAYS_PER_MONTH for key, cost in action.items()})


def test_a_cache_makes_the_agent_four_times_cheaper_than_its_tokens_at_the_list_price():
    bill = bills(steady("coding-agent", 6_000))["sonnet"]
    uncached = (243_000 * 3.0 + 7_800 * 15.0) / 1e6 / 0.98 * 6_000 * DAYS_PER_MONTH
    assert 3 < uncached / total(bill) < 5


# The assistant with a long cached prefix


def test_hits_of_a_prefix_are_the_gaps_between_poisson_arrivals_that_are_shorter_than_its_lifetime():
    """500 questions a day reach the provider on each of 150 prefixes: drawn, and counted."""
    per_prefix = 100_000 * 0.75 / 150
    gaps = np.random.default_rng(8).exponential(86_400 / per_prefix, 200_000)
    found = float(np.mean(gaps < 300))
    assert found == pytest.approx(1 - math.exp(-500 * 300 / 86_400), abs=0.005)
    bill = bills(steady("rag-assistant", 100_000))["haiku"]
    asked = 100_000 * 0.75 * DAYS_PER_MONTH * 7_000 / 1e6
    assert bill["cached_input"] == pytest.approx(asked * found * 0.10, rel=0.01)
    assert bill["cache_write"] == pytest.approx(asked * (1 - found) * 1.25, rel=0.03)
    assert bill["input"] == pytest.approx(100_000 * 0.75 * DAYS_PER_MONTH * 2_500 / 1e6)


def test_hits_of_a_week_of_office_hours_are_those_of_its_questions_drawn_one_by_one():
    """Every question of the drawn week gets a moment within its step and one of 150 prefixes; then gaps are counted."""
    scenario = sim.load_scenario("rag-assistant", overrides={"horizon": {"days": 7, "step_s": 300}})
    draw = np.random.default_rng(4)
    reached = draw.binomial(np.round(sim.draw_demand(scenario).requests).astype(int), 0.75)
    moments = 300 * (np.repeat(np.arange(reached.size), reached) + draw.random(reached.sum()))
    prefixes = draw.integers(150, size=moments.size)
    order = np.lexsort((moments, prefixes))
    follows = np.diff(prefixes[order]) == 0
    found = np.sum(follows & (np.diff(moments[order]) < 300)) / moments.size
    costs = sim.simulate(scenario, "haiku", scenario.tokens_per_month).costs.sum()
    read, written = costs["cached_input"] / 0.10, costs["cache_write"] / 1.25
    assert read / (read + written) == pytest.approx(found, abs=0.004)
    assert 0.5 < found < 0.95  # neither all nor none, so that something was tested


def test_few_questions_write_the_prefix_anew_and_many_read_it():
    few, many = bills(steady("rag-assistant", 100_000), 1_000, 1_000_000)
    per_million_few = (few["haiku"]["cached_input"] + few["haiku"]["cache_write"]) / (1_000 * 0.75 * DAYS_PER_MONTH)
    per_million_many = (many["haiku"]["cached_input"] + many["haiku"]["cache_write"]) / (1e6 * 0.75 * DAYS_PER_MONTH)
    assert per_million_few == pytest.approx(7_000 * 1.25 / 1e6, rel=0.02)
    assert per_million_many == pytest.approx(7_000 * 0.10 / 1e6, rel=0.02)


def test_reranking_and_looking_up_cost_every_option_the_same():
    lines = bills(steady("rag-assistant", 100_000))
    asked = 100_000 * DAYS_PER_MONTH
    for option in lines.values():
        assert option["rerank"] == pytest.approx(0.002 * 0.75 * asked)
        assert option["vector look-up"] == pytest.approx(0.00002 * asked)
        assert option["response cache"] == pytest.approx(0.00001 * asked)


# The job at night


def test_a_job_that_may_wait_is_billed_at_half_the_list_price():
    lines = bills(steady("nightly-enrichment", 2_000_000))
    documents = 2_000_000 * DAYS_PER_MONTH
    assert total(lines["gpt-mini"]) == pytest.approx(documents * (1_200 * 0.15 + 150 * 0.60) / 2 / 1e6)
    assert total(lines["flash-lite"]) == pytest.approx(documents * (1_200 * 0.10 + 150 * 0.40) / 2 / 1e6)


def test_three_gpus_that_work_through_the_queue_cost_less_than_a_fleet_that_follows_the_job():
    lines = bills(sim.load_scenario("nightly-enrichment"))
    assert lines["llama-all-day"]["rent"] == pytest.approx(3 * 0.79 * 730)
    assert total(lines["llama-all-day"]) < total(lines["llama-by-night"]) < total(lines["gpt-mini"])


# The router


def test_the_routes_of_the_router_answer_what_a_walk_down_the_cascade_says():
    tenth, eighth = Fraction(1, 10), Fraction(1, 8)
    simple, ordinary, hard = Fraction(6, 10), Fraction(3, 10), Fraction(1, 10)
    answers = {  # by class, in shares of all requests
        "small": {"simple": simple},
        "middle": {"simple": simple * tenth, "ordinary": ordinary},
        "large": {"simple": simple * tenth * eighth, "ordinary": ordinary * eighth, "hard": hard},
    }
    tokens = {"simple": (500, 150), "ordinary": (1_200, 350), "hard": (3_000, 900 + 600)}
    usd = {"small": (0.15, 0.60), "middle": (1.0, 5.0), "large": (3.0, 15.0)}
    requests = 60_000 * DAYS_PER_MONTH
    bill = bills(steady("three-tier-router", 60_000))["routed"]
    for route, shares in answers.items():
        million = [sum(float(share) * tokens[key][kind] for key, share in shares.items()) / 1e6 for kind in (0, 1)]
        assert bill[route] == pytest.approx(requests * np.dot(million, usd[route]))
    assert bill["router"] == pytest.approx(requests * 0.00003)


def test_the_router_pays_from_where_its_people_are_repaid():
    """A fifth of an engineer, over what a request costs less than by the large model."""
    large = sum(share * (i * 3 + o * 15) for share, i, o in ((0.6, 500, 150), (0.3, 1_200, 350), (0.1, 3_000, 1_500)))
    routed = (
        0.6 * (500 * 0.15 + 150 * 0.60)
        + 0.06 * (500 * 1 + 150 * 5) + 0.3 * (1_200 * 1 + 350 * 5)
        + 0.0075 * (500 * 3 + 150 * 15) + 0.0375 * (1_200 * 3 + 350 * 15) + 0.1 * (3_000 * 3 + 1_500 * 15)
        + 30
    )  # fmt: skip
    people = 0.2 * 147_500 * 1.43 / 12
    requests = people / ((large - routed) / 1e6)
    tokens = 0.6 * 650 + 0.3 * 1_550 + 0.1 * 4_500
    pair = sim.break_even(steady("three-tier-router", 60_000)).pairs["routed"]
    assert pair.first == pytest.approx(requests * tokens)
    assert pair.settled == pair.first


def test_units_come_in_fives_from_fifteen_on():
    """GPT-4o on Azure: 2,500 input tokens a minute and unit, an answer's token counts as four, 221 USD a month."""
    scenario = steady("three-tier-router", 60_000)
    weighted = 960 + 4 * (285 + 60)
    for requests_per_day, lines in zip((100, 60_000, 300_000), bills(scenario, 100, 60_000, 300_000), strict=True):
        units = max(5 * math.ceil(requests_per_day / 1_440 * weighted / 2_500 / 5), 15)
        assert lines["units"]["provisioned units"] == pytest.approx(units * 221, rel=1e-4)
        assert lines["units"].get("spill-over", 0.0) == pytest.approx(0, abs=1e-6)


# The pictures


def test_a_picture_on_a_full_l40s_costs_a_third_of_a_tenth_of_a_cent():
    full = 0.79 / 3600 / (5.9027 / 8)
    assert full == pytest.approx(0.0003, rel=0.02)
    crowded = bills(steady("image-generation", 8_000), 20_000_000)[0]["sdxl-l40s"]
    per_picture = crowded["rent"] / (20_000_000 * DAYS_PER_MONTH)
    assert full <= per_picture <= full / 0.6  # the target leaves some of each GPU free


@pytest.mark.parametrize(
    ("requests_per_day", "lies_within"), [(8_000, False), (30_000, False), (40_000, True), (150_000, True)]
)
def test_the_published_cost_of_a_picture_of_ones_own_holds_at_high_volumes_only(requests_per_day, lies_within):
    bill = bills(sim.load_scenario("image-generation"), requests_per_day)[0]["sdxl-l40s"]
    per_picture = total(bill) / (requests_per_day * DAYS_PER_MONTH)
    assert (0.001 <= per_picture <= 0.005) == lies_within


def test_a_picture_bought_costs_what_was_published_of_it():
    lines = bills(steady("image-generation", 8_000))
    pictures = 8_000 * DAYS_PER_MONTH
    assert total(lines["dall-e-square"]) / pictures == pytest.approx(0.04)
    assert total(lines["dall-e-tall"]) / pictures == pytest.approx(0.08)
    assert total(lines["subscription"]) == pytest.approx(60 * math.ceil(pictures / 3_500))
    assert 0.01 <= total(lines["subscription"]) / pictures <= 0.04


def test_pictures_break_even_where_fees_and_gpus_are_repaid():
    pairs = sim.break_even(steady("image-generation", 8_000)).pairs
    two_gpus_and_people = 2 * 0.79 * 730 + 0.25 * 147_500 * 1.43 / 12
    assert pairs["sdxl-l40s"].first == pytest.approx(two_gpus_and_people / 0.04 * 60)
    assert pairs["subscription"].first == pytest.approx(60 / 0.04 * 60)
    assert pairs["dall-e-tall"].reason == "baseline_always_cheaper"


# All of them

SCENARIOS = ("rag-assistant", "coding-agent", "nightly-enrichment", "three-tier-router", "image-generation")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_month_of_steady_traffic_costs_what_the_curve_says_line_by_line(name):
    scenario = steady(name, 5_000)
    for option, lines in bills(scenario).items():
        ledger = sim.simulate(scenario, option, scenario.tokens_per_month)
        monthly = ledger.costs.sum() * DAYS_PER_MONTH / 2  # the horizon is two days of a month
        over_time = {line: usd for line, usd in monthly.items() if line != "total" and abs(usd) > 1e-9}
        assert over_time == pytest.approx({line: usd for line, usd in lines.items() if abs(usd) > 1e-9}), option


# The levers

PLAIN = {"input_tokens": 1_000, "output_tokens": 300}
FLEET = {
    "kind": "self_hosted",
    "throughput": {"total_tokens_per_s": 1_000},
    "rental": {"usd_per_gpu_hour": 2.0},
    "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
    "replicas": {"minimum": 0, "divisible": True},
    "cold_start_s": 0,
    "overflow": "reject",
}
API = {
    "kind": "api",
    "prices": {
        "input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0, "cached_input_usd_per_mtok": 0.1,
        "cache_write_usd_per_mtok": 1.25, "batch_multiplier": 0.5,
    },
}  # fmt: skip


@cache
def _usd_of(levers):
    scenario = sim.load_scenario({
        "title": "levers",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"requests_per_day": 100_000},
        "workload": {"request": {**PLAIN, **yaml.safe_load(levers)}},
        "options": {"api": API, "fleet": FLEET},
    })  # fmt: skip
    lines = bills(scenario)
    requests = scenario.requests_per_month
    return total(lines["api"]) / requests, total(lines["fleet"]) / requests, scenario.mix.total_tokens


def usd_of(levers):
    """Cost of a request bought, cost of one served, and its tokens as it is asked."""
    return _usd_of(yaml.safe_dump(levers))


def bought(input_tokens, output_tokens):
    return (input_tokens * 1.0 + output_tokens * 5.0) / 1e6


def served(tokens):
    return tokens / 1_000 * 2.0 / 3600


GROWN = (1_000 + 1_300 + 1_600, 3 * 300)  # three calls, each with the answer before it in its prompt
LEVERS = {
    "none": ({}, bought(1_000, 300), served(1_300), 1_300),
    "response cache": ({"response_cache": {"hit_share": 0.25}}, 0.75 * bought(1_000, 300), 0.75 * served(1_300), 1_300),
    "retries billed": (
        {"retries": {"failed_share": 0.2}}, bought(1_000, 300) / 0.8, served(1_300) / 0.8, 1_300
    ),
    "retries not billed": (
        {"retries": {"failed_share": 0.2, "failed_calls_billed": False}},
        bought(1_000, 300), served(1_300) / 0.8, 1_300,
    ),
    "reasoning": ({"reasoning_tokens": 200}, bought(1_000, 500), served(1_500), 1_500),
    "compression": (
        {"prompt_compression": {"kept_share": 0.5, "usd_per_request": 0.0001}},
        bought(500, 300) + 0.0001, served(800) + 0.0001, 1_300,
    ),
    "cap": ({"output_cap_tokens": 120}, bought(1_000, 120), served(1_120), 1_300),
    "three calls": ({"calls_per_request": 3}, bought(*GROWN), served(sum(GROWN)), sum(GROWN)),
    "batch": ({"batch_share": 0.4}, 0.8 * bought(1_000, 300), served(1_300), 1_300),
    "prefix": (
        {"prefix": {"tokens": 800, "hit_share": 0.75}},
        bought(200, 300) + 800 * (0.75 * 0.1 + 0.25 * 1.25) / 1e6, served(1_300), 1_300,
    ),
    "extra": (
        {"extras": {"moderation": {"usd_each": 0.0002, "per_request": 2}}},
        bought(1_000, 300) + 0.0004, served(1_300) + 0.0004, 1_300,
    ),
}  # fmt: skip


@pytest.mark.parametrize("lever", LEVERS)
def test_a_lever_changes_bill_fleet_and_volume_as_its_formula_says(lever):
    levers, api_usd, fleet_usd, tokens = LEVERS[lever]
    assert usd_of(levers) == pytest.approx((api_usd, fleet_usd, tokens))


@settings(max_examples=15, deadline=None)
@given(
    hit_share=st.floats(0, 0.9),
    failed_share=st.floats(0, 0.5),
    reasoning_tokens=st.floats(0, 2_000),
    kept_share=st.floats(0.1, 1),
)
def test_levers_together_multiply(hit_share, failed_share, reasoning_tokens, kept_share):
    levers = {
        "response_cache": {"hit_share": hit_share},
        "retries": {"failed_share": failed_share},
        "reasoning_tokens": reasoning_tokens,
        "prompt_compression": {"kept_share": kept_share},
    }
    reached = (1 - hit_share) / (1 - failed_share)
    prompt, answer = 1_000 * kept_share, 300 + reasoning_tokens
    expected = (reached * bought(prompt, answer), reached * served(prompt + answer), 1_300 + reasoning_tokens)
    assert usd_of(levers) == pytest.approx(expected)


def test_calls_of_a_growing_context_are_billed_each_at_the_tier_of_its_own_prompt():
    """Gemini 2.5 Pro: prompts above 200,000 tokens cost 2.50 and 15 USD, not 1.25 and 10. Two calls of five are."""
    scenario = sim.load_scenario({
        "title": "long contexts",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"requests_per_day": 1_000},
        "workload": {
            "action": {
                "input_tokens": 150_000, "output_tokens": 1_000,
                "calls_per_request": 5, "context_growth_tokens": 20_000,
            },
        },
        "options": {"api": {"kind": "api", "model": "gemini-2.5-pro"}, "fleet": FLEET},
    })  # fmt: skip
    prompts = (150_000, 170_000, 190_000, 210_000, 230_000)
    dear = [prompt > 200_000 for prompt in prompts]
    action = sum(
        (prompt * (2.5 if above else 1.25) + 1_000 * (15 if above else 10)) / 1e6
        for prompt, above in zip(prompts, dear, strict=True)
    )
    assert total(bills(scenario)["api"]) == pytest.approx(action * 1_000 * DAYS_PER_MONTH)


# The page


def test_the_page_has_an_example_of_each_way_to_buy():
    assert set(EXAMPLES) == {"classes.yaml", "contract.yaml", "hosts.yaml", "routes.yaml", "needs.yaml"}


@pytest.fixture
def example(tmp_path):
    """A scenario of the page."""

    def load(name):
        (tmp_path / name).write_text(EXAMPLES[name], encoding="utf-8")
        return sim.load_scenario(tmp_path / name)

    return load


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_of_the_page_is_a_scenario_whose_every_option_has_a_bill_or_a_reason(name, example):
    scenario = example(name)
    faults = make_plan(scenario).faults
    assert set(faults) == ({"elsewhere"} if name == "needs.yaml" else set())
    assert set(bills(scenario)) == set(scenario.options) - set(faults)


def test_the_contract_of_the_page_is_billed_in_the_order_it_says(example):
    scenario = example("contract.yaml")
    lines = bills(scenario)["contract"]
    listed = 200_000 * DAYS_PER_MONTH * (1_500 * 1.0 + 400 * 5.0) / 1e6 * 1.1  # with the surcharge for the data zone
    saved = 15_000 * 0.05 + (listed - 20_000) * 0.12
    assert lines["input"] + lines["output"] == pytest.approx(listed)
    assert lines["volume discount"] == pytest.approx(-saved)
    assert lines["commitment"] == 0.0  # 20,000 USD are more than 10,000
    few = bills(scenario, 1_000)[0]["contract"]
    assert sum(few[line] for line in ("input", "output", "commitment")) == pytest.approx(10_000)


def test_the_cascade_of_the_page_answers_as_many_as_it_says(example):
    routed = example("routes.yaml").options["routed"]
    assert 100 * routed.answers("hard")["large"] == pytest.approx(65)
    assert 100 * routed.answers("easy")["large"] == pytest.approx(10)
    assert "so the large one answers 65; of 100 easy ones it answers 10" in PAGE.replace("\n", " ")


def test_every_lever_term_and_kind_of_option_is_on_the_page():
    kinds = [kind for one in get_args(get_args(Option)[0]) for kind in get_args(one.model_fields["kind"].annotation)]
    keys = [*RequestClass.model_fields, *CommercialTerms.model_fields, *kinds, "rate_limits", "requirements", "upkeep"]
    written = set(re.findall(r"[a-z_]+", PAGE))
    assert [key for key in keys if key not in written and key != "self_hosted"] == []
