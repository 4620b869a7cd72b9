"""What a reader is told of a bill of bought tokens: contract, caches, routing, units, rate limits."""

import json
import math

import numpy as np
import pytest
from matplotlib.text import Text

import simulator as sim
from simulator.interface import make_plan
from simulator.presentation.charts.crossover import crossover_chart
from simulator.presentation.files import json_text
from simulator.presentation.summary import assumptions, summary, warnings
from simulator.simulation.ledger import simulate_option
from simulator.solving.curve import cost_table
from simulator.solving.study import solve

A_REQUEST_A_SECOND = 86_400.0  # a day
PRICES = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 2.0}


def api(**more):
    return {"kind": "api", "prices": PRICES, **more}


def study_of(options, *, turn=None, horizon=None, traffic=None):
    """A thousand tokens a request, a billion a month at 2 USD a million, unless told otherwise."""
    return solve(
        make_plan(
            sim.load_scenario(
                {
                    "title": "told",
                    "horizon": horizon or {"hours": 4, "step_s": 300},
                    "traffic": traffic or {"tokens_per_month": 1e9},
                    "workload": {"turn": {"input_tokens": 900, "output_tokens": 100, **(turn or {})}},
                    "options": options if len(options) > 1 else {**options, "spare": api()},
                }
            )
        )
    )


def told(options, **more):
    return assumptions(study_of(options, **more))


def about(lines, start):
    """The one line that starts so, without its start."""
    (line,) = [line for line in lines if line.startswith(start)]
    return line.removeprefix(start)


def test_what_changes_the_work_of_a_request_is_told_once_for_all_options():
    lines = told(
        {"api": api(), "other": api()},
        turn={
            "retries": {"failed_share": 0.2, "failed_calls_billed": False},
            "response_cache": {"hit_share": 0.3, "usd_per_lookup": 0.0001},
            "prompt_compression": {"kept_share": 0.6},
            "prefix": {"tokens": 600, "hit_share": 0.9},
        },
    )
    assert [line for line in lines if line.startswith("turn: ")] == [
        "turn: 30 % of the requests are answered from the response cache, at 0.1 USD for 1,000 look-ups",
        "turn: 60 % of the prompts are left after compression",
        "turn: 20 % of the calls fail and are made again: 1.25 calls for one that succeeds, failed ones not billed",
        "turn: 90 % of the requests find their prefix of 600 tokens in a prompt cache, as given",
    ]


@pytest.mark.parametrize(
    ("renewed", "hits"), [(True, 1 - math.exp(-1.0)), (False, 1.0 / 2.0)], ids=["renewed by use", "runs out"]
)
def test_hits_of_a_prefix_are_told_as_they_follow_from_the_arrivals(renewed, hits):
    # One request a second in the mean, on a prefix that is kept for one.
    prefix = {"tokens": 600, "lifetime_s": 1, "renewed_by_use": renewed}
    lines = told({"api": api()}, turn={"prefix": prefix}, traffic={"requests_per_day": A_REQUEST_A_SECOND})
    said = f"api: {100 * hits:.2g} % of the requests find their prefix in the prompt cache: it is kept 1 s"
    assert about(lines, said) == (
        f" from {'the last use' if renewed else 'when it was written'}, so this follows from how often requests come"
    )


def test_a_contract_is_told_with_what_it_comes_to():
    terms = {
        "free_quota": {"usd": 500},
        "volume_discount": {"kind": "graduated", "tiers": [{"from_usd": 0, "discount_share": 0.2}]},
        "commitment": {"usd_per_month": 1_450},
    }
    said = about(told({"api": api(terms=terms)}), "api: contract: ")
    # 2,000 at list prices, 500 free, a fifth off 1,500, and 250 more to the 1,450 committed.
    expected = "2,000 USD a month at list prices, free quota -500 USD, volume discount -300 USD, commitment +250 USD"
    assert said == f"{expected}: 1,450 USD"


def test_what_a_contract_brings_later_is_told_apart_from_the_run_rate():
    terms = {
        "surcharges": {"data zone": 0.1},
        "credits": {"usd": 3_000, "until": "2027-02-01"},
        "price_decline": {"share_per_year": 0.2, "steps": "yearly"},
        "price_changes": [{"effective_from": "2027-03-01", "multiplier": 0.5}],
    }
    said = about(told({"api": api(terms=terms)}), "api: contract: ")
    assert said == (
        "prices with surcharges (data zone +10 %); over time also credits of 3,000 USD until 2027-02-01, prices that "
        "fall by 20 % a year, yearly, price changes on 2027-03-01"
    )


def test_without_a_contract_nothing_is_said_of_one():
    assert not [line for line in told({"api": api()}) if "contract" in line]


def test_routes_are_told_with_what_each_answers():
    routes = {
        "small": {"share": 0.8, "escalation_share": 0.1, "escalates_to": "large"},
        "large": {"share": 0.2},
    }
    router = {"kind": "routed", "routes": routes}
    lines = told({"small": api(terms={"free_quota": {"usd": 100}}), "large": api(), "router": router})
    said = "router: small answers 80 %, large answers 28 % of the requests; 8 % are answered once more"
    assert said in lines
    # Eight tenths of a billion tokens at 2 USD a million.
    assert about(lines, "router, small: contract: ") == (
        "1,600 USD a month at list prices, free quota -100 USD: 1,500 USD"
    )


def test_a_fallback_is_told():
    lines = told({"api": api(fallback={"option": "other", "share": 0.05}), "other": api()})
    assert "api: 5 % of the requests go to other" in lines


# 60 requests a minute of 900 + 4 x 100 tokens: 78,000 on units of 10,000.
@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({}, "8 provisioned units (sized for 99 % of the time, 78,000 weighted tokens a minute) carry 100 %"),
        ({"count": 6}, f"6 provisioned units (as given) carry {100 * 60 / 78:.2g} %"),
        ({"count": 6, "spill_over": "reject"}, f"6 provisioned units (as given) carry {100 * 60 / 78:.2g} %"),
    ],
    ids=["sized", "given", "rejecting"],
)
def test_units_are_told_with_their_number_and_what_they_carry(units, said):
    sizing = {"usd_per_unit_hour": 1.0, "input_tokens_per_minute_per_unit": 10_000, "output_token_weight": 4, **units}
    option = {"kind": "provisioned", "prices": PRICES, "units": sizing}
    line = about(told({"units": option}, traffic={"requests_per_day": A_REQUEST_A_SECOND}), f"units: {said}")
    rest = {"reject": "; the rest is turned away", None: "; the rest is paid per token" if "count" in units else ""}
    assert line == f" of its requests{rest[units.get('spill_over')]}"


def test_overflow_is_told_to_be_billed_without_a_contract_only_where_there_is_one():
    fleet = {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 1.0}, "throughput": {"requests_per_s": 5.0}}
    plain = told({"api": api(), "fleet": fleet})
    assert not [line for line in plain if "list prices" in line]
    terms = {"commitment": {"usd_per_month": 100}}
    assert about(told({"api": api(terms=terms), "fleet": fleet}), "fleet: what goes to api ") == (
        "is billed at list prices, without its quotas, discounts, subscriptions, commitments and units"
    )


LIMITS = {
    "tier": "tier 2",
    "source": "the provider's page",
    "tiers": {
        "tier 1": {"requests_per_minute": 10},
        "tier 2": {"requests_per_minute": 100, "tokens_per_minute": 25_000},
        "tier 3": {"requests_per_minute": 61},
        "tier 4": {"requests_per_minute": 1_000},
    },
}


def at_a_request_a_second(limits):
    study = study_of(
        {"haiku": api(rate_limits=limits) if limits else api()}, traffic={"requests_per_day": A_REQUEST_A_SECOND}
    )
    return assumptions(study), warnings(study, {})


def test_limits_that_are_not_known_are_said_not_to_be():
    lines, _ = at_a_request_a_second(None)
    assert "haiku: rate limits not known; the peak takes 60 requests and 60,000 tokens a minute" in lines


def test_limits_that_hold_are_told_with_how_much_of_them_is_used_and_a_smaller_tier_that_would_do():
    lines, _ = at_a_request_a_second({**LIMITS, "tier": "tier 4"})
    said = "haiku: the rate limits of tier 4 hold, at most 6 % of its requests a minute; tier 3 would do"
    assert said in lines


def test_limits_that_are_passed_are_a_warning():
    lines, warned = at_a_request_a_second(LIMITS)
    # 60,000 tokens a minute against 25,000; the last of four hours' calls waits 1.4 times as long as they took to come.
    assert (
        "haiku: tier 2 would be passed 2.4 times over on 1 December 2026 (60,000 tokens a minute); 100 % of the calls "
        "are throttled and wait 2.8 h, at most 5.6 h; 8,400 calls still wait at the end; tier 3 would do"
    ) in warned
    assert not [line for line in lines if line.startswith("haiku: ")]


def test_no_tier_given_may_do():
    _, warned = at_a_request_a_second({"tiers": {"only": {"requests_per_minute": 59}}})
    assert "no tier given would do" in " ".join(warned)


def test_steps_longer_than_a_minute_are_said_to_hide_peaks():
    lines = told({"api": api()}, horizon={"hours": 4, "step_s": 3600})
    assert "rate limits: peaks within steps of 1 h are not seen; shorter steps show them" in lines
    assert not [line for line in told({"api": api()}) if "are not seen" in line]


def test_the_summary_holds_the_limits_of_every_part_as_plain_numbers():
    options = {
        "api": api(rate_limits=LIMITS, fallback={"option": "other", "share": 0.5}),
        "other": api(),
        "fleet": {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 1.0}, "throughput": {"requests_per_s": 5.0}},
    }
    study = study_of(options, traffic={"requests_per_day": A_REQUEST_A_SECOND})
    content = json.loads(json_text(summary(study, {})))
    own, other = content["options"]["api"]["rate_limits"]
    assert (own["part"], own["state"], own["tier"], own["sufficient_tier"]) == ("api", "passed", "tier 2", "tier 3")
    assert own["source"] == "the provider's page"
    tokens = own["peaks"]["tokens_per_minute"]
    assert tokens["peak_to_limit"] == pytest.approx(30_000 / 25_000)
    assert tokens["at_utc"] == own["first_passed_at_utc"] == "2026-12-01T00:00:00+00:00"
    assert own["longest_wait_s"] == pytest.approx(4 * 3_600 * 0.2)
    assert (other["part"], other["state"]) == ("fallback other", "unknown")
    assert other["peaks"]["requests_per_minute"] == {
        "peak": pytest.approx(30),
        "limit": None,
        "peak_to_limit": None,
        "at_utc": "2026-12-01T00:00:00+00:00",
    }
    assert content["options"]["fleet"]["rate_limits"] is None


ENDPOINT = {
    "kind": "dedicated_endpoint",
    "throughput": {"requests_per_s": 5.0},
    "overflow": "reject",
    "cold_start_s": 0,
}
UNITS = {"usd_per_unit_hour": 0.01, "input_tokens_per_minute_per_unit": 1e6, "output_token_weight": 4}


@pytest.mark.parametrize(
    ("cheap", "action"),
    [
        ({"kind": "provisioned", "prices": PRICES, "units": UNITS}, "buy"),
        ({"kind": "routed", "routes": {"cheaper": {"share": 1.0}}}, "buy"),
        ({**ENDPOINT, "usd_per_replica_hour": 0.01}, "self_host"),
    ],
    ids=["provisioned", "routed", "dedicated_endpoint"],
)
def test_the_advice_follows_the_kind_of_the_cheapest(cheap, action):
    cheaper = {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.1}}
    scenario = sim.load_scenario(
        {
            "title": "advice",
            "horizon": {"hours": 4, "step_s": 300},
            "traffic": {"tokens_per_month": 1e9},
            "workload": {"turn": {"input_tokens": 900, "output_tokens": 100}},
            "options": {"api": api(), "cheap": cheap, "cheaper": cheaper},
            "comparison": {"baseline": "api", "challengers": ["cheap"]},
        }
    )
    plan = make_plan(scenario)
    study = solve(plan)
    ledgers = {name: simulate_option(plan, name, study.tokens_per_month) for name in study.options}
    content = summary(study, ledgers)
    assert content["decision"]["cheapest"] == "cheap"
    assert content["decision"]["action"] == action
    assert content["options"]["cheap"]["option_kind"] == cheap["kind"]
    assert ("Buy: cheap" if action == "buy" else "Self-host: cheap") in content["decision"]["sentence"]


@pytest.mark.parametrize(
    ("turn", "here", "pays"),
    [
        ({"images": 1}, "At 10,000 requests a day: ", "fixed pays from 5,000 requests a day"),
        ({}, "At 304 M tokens a month: ", "fixed pays from 152 M"),
    ],
    ids=["images", "text"],
)
def test_volumes_of_images_are_told_in_requests(turn, here, pays):
    # A request costs 0.001 USD less, against 5,000 a day x 730/24 days x 0.001 USD a month.
    prices = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 2.0, "usd_per_image": 0.0}
    cheap = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0, "usd_per_image": 0.0}
    monthly = {"platform": 5_000 * 730 / 24 * 0.001}
    study = study_of(
        {"api": api(prices=prices), "fixed": api(prices=cheap, monthly_fixed_usd=monthly)},
        turn=turn,
        traffic={"requests_per_day": 10_000},
    )
    content = summary(study, {})
    assert content["decision"]["sentence"].startswith(here)
    assert content["pairs"]["fixed"]["sentence"].startswith(pays)
    curve = cost_table(study.plan, study.tokens_per_month * np.geomspace(0.1, 10.0, 50))
    texts = " ".join(text.get_text() for text in crossover_chart(study, curve).findobj(Text))
    assert pays in texts
    assert f"you are here: {here.removeprefix('At ').removesuffix(' tokens a month: ').removesuffix(': ')}" in texts
