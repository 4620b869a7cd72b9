"""Every term of a contract: the crossings that its curve has when drawn by hand, and its bill month by month.

The curves here are functions of the volume written out for each contract; their changes of sign are looked for on a
dense grid and then halved down, which shares nothing with the search under test.
"""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.interface import make_plan
from simulator.simulation.ledger import run_rate

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
USD_PER_MTOK = 3.0  # input and output alike, so that a bill is the volume times it
USD_PER_TOKEN = USD_PER_MTOK / 1e6
TOKENS_PER_REQUEST = 1_000
FLAT = {"input_usd_per_mtok": USD_PER_MTOK, "output_usd_per_mtok": USD_PER_MTOK}
HOURS_PER_MONTH = 730
START = date(2026, 12, 1)


def fleet(usd_per_month):
    """A fleet that costs this, whatever the volume."""
    return {
        "kind": "self_hosted",
        "throughput": {"requests_per_s": 1e9},
        "rental": {"usd_per_gpu_hour": 0.0},
        "monthly_fixed_usd": {"machine": usd_per_month},
    }


def case(terms, challenger, *, prices=None, workload=None, horizon=None, traffic=None, **api):
    return {
        "title": "contract",
        "horizon": horizon or {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9, **(traffic or {})},
        "workload": {"chat": workload or {"input_tokens": 900, "output_tokens": 100}},
        "options": {"api": {"kind": "api", "prices": prices or FLAT, "terms": terms, **api}, "other": challenger},
        "comparison": {"baseline": "api", "challengers": ["other"]},
    }


def crossings_of(scenario):
    return [(c.tokens_per_month, c.becomes_cheaper, c.kind) for c in sim.break_even(scenario).crossings]


def drawn(theirs, ours, least=1e6, greatest=1e11, points=40_001):
    """Crossings of two curves given as functions of one volume: where `ours` becomes, or stops being, the cheaper."""
    found = []
    grid = np.geomspace(least, greatest, points)
    cheaper = [ours(volume) < theirs(volume) for volume in grid]
    for place in np.flatnonzero(np.diff(cheaper)):
        low, high = grid[place], grid[place + 1]
        for _ in range(80):
            middle = 0.5 * (low + high)
            if (ours(middle) < theirs(middle)) == cheaper[place]:
                low = middle
            else:
                high = middle
        leap = abs((ours(high) - theirs(high)) - (ours(low) - theirs(low)))
        kind = "jump" if leap > 1e-3 * min(theirs(low), theirs(high)) else "continuous"
        found.append((high, "challenger" if cheaper[place + 1] else "baseline", kind))
    return found


def check(found, expected):
    assert [crossing[1:] for crossing in found] == [crossing[1:] for crossing in expected]
    assert [crossing[0] for crossing in found] == pytest.approx([crossing[0] for crossing in expected], rel=1e-6)


# Contracts, each with its bill for a volume as one would draw it, and the fixed cost of the fleet beside it.


def list_usd(volume):
    return USD_PER_TOKEN * volume


def graduated_by_spend(volume):
    spend = list_usd(volume)
    if spend <= 3_000:
        return spend
    if spend <= 12_000:
        return 3_000 + 0.8 * (spend - 3_000)
    return 10_200 + 0.6 * (spend - 12_000)


def graduated_by_tokens(volume):
    if volume <= 1e9:
        return 3.0e-6 * volume
    if volume <= 4e9:
        return 3_000 + 2.7e-6 * (volume - 1e9)
    return 11_100 + 2.25e-6 * (volume - 4e9)


def all_units_by_spend(volume):
    spend = list_usd(volume)
    if spend < 5_000:
        return spend
    return 0.9 * spend if spend < 6_000 else 0.7 * spend


def all_units_by_tokens(volume):
    if volume < 2e9:
        return 3.0e-6 * volume
    return 2.4e-6 * volume if volume < 3e9 else 1.5e-6 * volume


def free_dollars(volume):
    return max(list_usd(volume) - 1_500, 0.0)


def free_tokens(volume):
    return 3e-6 * max(volume - 5e8, 0.0)


def free_requests(volume):
    return 3e-3 * max(volume / TOKENS_PER_REQUEST - 200_000, 0.0)


def subscribed(volume):
    return 2_000 + 3e-6 * max(volume - 1e9, 0.0)


def subscribed_again(volume):
    return 700.0 * max(math.ceil(volume / 4e8), 1)


def subscribed_by_requests(volume):
    return 700.0 * max(math.ceil(volume / TOKENS_PER_REQUEST / 400_000), 1)


def committed_low(volume):
    return max(list_usd(volume), 3_000)


def committed_high(volume):
    return max(list_usd(volume), 6_000)


def surcharged(volume):
    return 1.10 * 1.05 * list_usd(volume)


def free_then_discounted_then_committed(volume):
    left = max(1.1 * list_usd(volume) - 500, 0.0)
    return max(0.7 * left if left >= 8_000 else left, 6_000)


def free_graduated_subscribed_committed(volume):
    paid_share = max(1 - 1e8 / volume, 0.0)  # the first 10^8 tokens free
    left = list_usd(volume) * paid_share
    left = left if left <= 2_000 else 2_000 + 0.5 * (left - 2_000)  # half price above 2,000 USD
    beyond_share = max(1 - 1e9 / volume, 0.0)  # 10^9 of the tokens in the subscription
    return max(left * beyond_share + 1_000, 2_500)


def tiers(kind, key, *pairs):
    return {"volume_discount": {"kind": kind, "tiers": [{key: at, "discount_share": share} for at, share in pairs]}}


CONTRACTS = [
    pytest.param(
        tiers("graduated", "from_usd", (3_000, 0.2), (12_000, 0.4)), graduated_by_spend, 12_600, 1,
        id="graduated by spend",
    ),
    pytest.param(
        tiers("graduated", "from_tokens", (1e9, 0.1), (4e9, 0.25)), graduated_by_tokens, 12_000, 1,
        id="graduated by tokens",
    ),
    pytest.param(
        tiers("all_units", "from_usd", (5_000, 0.1), (6_000, 0.3)), all_units_by_spend, 4_600, 5,
        id="all units by spend, both jumps cross",
    ),
    pytest.param(
        tiers("all_units", "from_usd", (5_000, 0.1), (6_000, 0.3)), all_units_by_spend, 4_400, 3,
        id="all units by spend, the second jump crosses",
    ),
    pytest.param(
        tiers("all_units", "from_usd", (5_000, 0.1), (6_000, 0.3)), all_units_by_spend, 4_100, 1,
        id="all units by spend, a fleet below both jumps",
    ),
    pytest.param(
        tiers("all_units", "from_usd", (5_000, 0.1), (6_000, 0.3)), all_units_by_spend, 5_300, 3,
        id="all units by spend, the first jump is below the fleet",
    ),
    pytest.param(
        tiers("all_units", "from_tokens", (2e9, 0.2), (3e9, 0.5)), all_units_by_tokens, 5_500, 5,
        id="all units by tokens",
    ),
    pytest.param({"free_quota": {"usd": 1_500}}, free_dollars, 4_500, 1, id="free dollars"),
    pytest.param({"free_quota": {"tokens": 5e8}}, free_tokens, 4_500, 1, id="free tokens"),
    pytest.param({"free_quota": {"requests": 2e5}}, free_requests, 4_500, 1, id="free requests"),
    pytest.param(
        {"subscription": {"usd_per_month": 2_000, "tokens": 1e9}}, subscribed, 4_500, 1, id="subscription",
    ),
    pytest.param(
        {"subscription": {"usd_per_month": 2_000, "tokens": 1e9}}, subscribed, 1_900, 0,
        id="subscription dearer than the fleet",
    ),
    pytest.param(
        {"subscription": {"usd_per_month": 700, "tokens": 4e8, "beyond": "another"}}, subscribed_again, 4_500, 1,
        id="more subscriptions",
    ),
    pytest.param(
        {"subscription": {"usd_per_month": 700, "requests": 4e5, "beyond": "another"}}, subscribed_by_requests, 2_100,
        1, id="more subscriptions, the third as dear as the fleet",
    ),
    pytest.param({"commitment": {"usd_per_month": 3_000}}, committed_low, 4_500, 1, id="commitment below the fleet"),
    pytest.param({"commitment": {"usd_per_month": 6_000}}, committed_high, 4_500, 0, id="commitment above the fleet"),
    pytest.param({"surcharges": {"data zone": 0.10, "region": 0.05}}, surcharged, 4_500, 1, id="two surcharges"),
    pytest.param(
        {
            "surcharges": {"data zone": 0.10}, "free_quota": {"usd": 500}, "commitment": {"usd_per_month": 6_000},
            **tiers("all_units", "from_usd", (8_000, 0.3)),
        },
        free_then_discounted_then_committed, 6_500, 3, id="surcharge, free, all units, commitment",
    ),
    pytest.param(
        {
            "free_quota": {"tokens": 1e8}, "subscription": {"usd_per_month": 1_000, "tokens": 1e9},
            "commitment": {"usd_per_month": 2_500}, **tiers("graduated", "from_usd", (2_000, 0.5)),
        },
        free_graduated_subscribed_committed, 4_000, 1, id="free, graduated, subscription, commitment",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "bill_usd", "fleet_usd", "number"), CONTRACTS)
def test_a_contract_crosses_a_fixed_cost_where_its_curve_does(terms, bill_usd, fleet_usd, number):
    scenario = case(terms, fleet(fleet_usd))
    expected = drawn(bill_usd, lambda _: fleet_usd)
    assert len(expected) == number
    check(crossings_of(scenario), expected)


@pytest.mark.parametrize(("terms", "bill_usd", "fleet_usd", "number"), CONTRACTS)
def test_a_contract_crosses_a_price_per_token_where_its_curve_does(terms, bill_usd, fleet_usd, number):
    # 2.2 USD per million tokens and 1,000 USD of people: a line that is not the contract's own.
    line = {
        "kind": "api",
        "prices": {"input_usd_per_mtok": 2.2, "output_usd_per_mtok": 2.2},
        "monthly_fixed_usd": {"people": 1_000.0},
    }
    scenario = case(terms, line)
    check(crossings_of(scenario), drawn(bill_usd, lambda volume: 1_000 + 2.2e-6 * volume))


@pytest.mark.parametrize(("terms", "bill_usd", "fleet_usd", "number"), CONTRACTS)
def test_the_curve_of_a_contract_is_the_one_drawn(terms, bill_usd, fleet_usd, number):
    volumes = [1e6, 0.9e9, 1.7e9, 2.1e9, 3.3e9, 7.7e9, 5e10]
    curve = sim.cost_curve(case(terms, fleet(fleet_usd)), tokens_per_month=volumes)
    total = curve[(curve.option == "api") & (curve.line == "total")].usd_per_month
    assert list(total) == pytest.approx([bill_usd(volume) for volume in volumes], rel=1e-9, abs=1e-6)


def test_a_threshold_is_reached_at_exactly_its_amount():
    terms = tiers("all_units", "from_usd", (5_000, 0.1))
    curve = sim.cost_curve(case(terms, fleet(1.0)), tokens_per_month=[5_000 / USD_PER_TOKEN * (1 - 1e-6), 5e9 / 3])
    total = curve[(curve.option == "api") & (curve.line == "total")].usd_per_month
    assert list(total) == pytest.approx([5_000 * (1 - 1e-6), 4_500])


def test_an_all_units_discount_crosses_five_times_at_places_worked_by_hand():
    scenario = case(tiers("all_units", "from_usd", (5_000, 0.1), (6_000, 0.3)), fleet(4_600))
    spends = [4_600, 5_000, 4_600 / 0.9, 6_000, 4_600 / 0.7]  # up, down at the first, up, down at the second, up
    study = sim.break_even(scenario)
    assert [c.tokens_per_month for c in study.crossings] == pytest.approx([s / USD_PER_TOKEN for s in spends], rel=1e-6)
    assert [c.kind for c in study.crossings] == ["continuous", "jump", "continuous", "jump", "continuous"]
    assert study.first == pytest.approx(4_600 / USD_PER_TOKEN)
    assert study.settled == pytest.approx(4_600 / 0.7 / USD_PER_TOKEN)


def test_a_staircase_of_subscriptions_crosses_a_price_per_token_at_every_early_stair():
    # 121 USD for 10^8 tokens by the token, 100 USD by subscription. The k-th subscription is repaid at k 100 / 1.21
    # million tokens; the next begins at k 10^8, which is dearer than by the token while 121 k < 100 (k + 1): k < 5.
    by_token = {"input_usd_per_mtok": 1.21, "output_usd_per_mtok": 1.21}
    subscription = {"kind": "api", "prices": FLAT, "terms": {"subscription": {
        "usd_per_month": 100, "tokens": 1e8, "beyond": "another"}}}  # fmt: skip
    expected = []
    for k in range(1, 6):
        expected.append((k * 100 / 1.21 * 1e6, "challenger", "continuous"))
        if k < 5:
            expected.append((k * 1e8, "baseline", "jump"))
    found = crossings_of(case({}, subscription, prices=by_token))
    assert len(found) == 9
    check(found, expected)


def test_an_image_subscription_ends_where_another_stair_is_dearer_than_the_fleet():
    # 60 USD for 1,500 images, one an image request of 50 tokens; a fleet of 400 USD pays for 6 subscriptions.
    terms = {"subscription": {"usd_per_month": 60, "images": 1_500, "beyond": "another"}}
    scenario = case(
        terms,
        fleet(400),
        prices={"usd_per_image": 0.08},
        workload={"input_tokens": 50, "output_tokens": 0, "images": 1},
    )
    check(crossings_of(scenario), [(6 * 1_500 * 50, "challenger", "jump")])


@pytest.mark.parametrize(
    ("terms", "images"),
    [
        pytest.param({}, 400 / 0.04, id="list price"),
        pytest.param({"free_quota": {"images": 3_000}}, 3_000 + 400 / 0.04, id="free images"),
        pytest.param({"subscription": {"usd_per_month": 100, "images": 4_000}}, 4_000 + 300 / 0.04, id="subscription"),
        pytest.param({"free_quota": {"usd": 50}, "surcharges": {"region": 0.25}}, 450 / 0.05, id="surcharge"),
    ],
)  # fmt: skip
def test_an_image_service_crosses_where_its_images_do(terms, images):
    scenario = case(
        terms,
        fleet(400),
        prices={"usd_per_image": 0.04},
        workload={"input_tokens": 50, "output_tokens": 0, "images": 2},
    )
    check(crossings_of(scenario), [(images / 2 * 50, "challenger", "continuous")])


def test_a_commitment_above_the_fixed_cost_leaves_no_crossing_and_says_so():
    study = sim.break_even(case({"commitment": {"usd_per_month": 6_000}}, fleet(4_500)))
    assert study.crossings == ()
    assert study.reason == "challenger_always_cheaper"


def test_a_commitment_is_worth_it_where_a_dearer_price_without_one_reaches_it():
    # By the token at 4 USD against 3 USD with 6,000 USD committed: equal at 1.5 x 10^9 tokens, then always cheaper.
    committed = {"kind": "api", "prices": FLAT, "terms": {"commitment": {"usd_per_month": 6_000}}}
    by_token = {"input_usd_per_mtok": 4.0, "output_usd_per_mtok": 4.0}
    check(crossings_of(case({}, committed, prices=by_token)), [(1.5e9, "challenger", "continuous")])


def test_a_quota_of_dollars_counts_after_the_surcharge():
    # 110 % of 3 USD: 1,500 USD free lasts 1,500 / 3.3e-6 tokens.
    terms = {"surcharges": {"region": 0.1}, "free_quota": {"usd": 1_500}}
    check(crossings_of(case(terms, fleet(4_500))), [(6_000 / 3.3e-6, "challenger", "continuous")])


def test_thresholds_count_the_tokens_that_are_billed():
    # Half the requests are answered from the response cache: 2 x 10^9 tokens are billed at 4 x 10^9 asked for, where
    # the bill falls from 6,000 to 3,000 USD; a fleet of 4,500 USD is passed before, and again at twice as many.
    terms = tiers("all_units", "from_tokens", (2e9, 0.5))
    workload = {"input_tokens": 900, "output_tokens": 100, "response_cache": {"hit_share": 0.5}}
    expected = [(3e9, "challenger", "continuous"), (4e9, "baseline", "jump"), (6e9, "challenger", "continuous")]
    check(crossings_of(case(terms, fleet(4_500), workload=workload)), expected)


def test_a_contract_behind_a_router_counts_its_own_share_alone():
    # A quarter of the requests to a contract with a quarter off from 1,000 USD, the rest to 1 USD per million tokens.
    small = {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}}
    large = {"kind": "api", "prices": FLAT, "terms": tiers("all_units", "from_usd", (1_000, 0.25))}
    routed = {"kind": "routed", "routes": {"small": {"share": 0.75}, "large": {"share": 0.25}}}
    scenario = case({}, fleet(1_950.0))
    scenario["options"] |= {"api": routed, "small": small, "large": large}

    def bill_usd(volume):
        spend = 0.25 * list_usd(volume)
        return 0.75e-6 * volume + (0.75 * spend if spend >= 1_000 else spend)

    expected = drawn(bill_usd, lambda _: 1_950.0)
    assert [kind for _, _, kind in expected] == ["continuous", "jump", "continuous"]
    check(crossings_of(scenario), expected)


def test_a_fallback_has_a_contract_of_its_own():
    # One in five requests goes to the other provider, which asks for 800 USD at least.
    scenario = case({}, fleet(4_500))
    scenario["options"]["api"]["fallback"] = {"option": "standby", "share": 0.2}
    scenario["options"]["standby"] = {
        "kind": "api",
        "prices": {"input_usd_per_mtok": 5.0, "output_usd_per_mtok": 5.0},
        "terms": {"commitment": {"usd_per_month": 800}},
    }
    expected = drawn(lambda volume: 0.8 * list_usd(volume) + max(1e-6 * volume, 800), lambda _: 4_500)
    check(crossings_of(scenario), expected)


# Over time: month by month, at 10^9 tokens a month, 3,000 USD at list prices.


def monthly(terms, months, *, start=START, tokens=1e9, step_s=7_200, **more):
    horizon = {"start": start, "months": months, "step_s": step_s}
    ledger = sim.simulate(case(terms, fleet(1.0), horizon=horizon, **more), option="api", tokens_per_month=tokens)
    return ledger.costs.sum(axis=1).to_numpy()


def test_a_smooth_decline_lowers_every_month_by_the_twelfth_root():
    expected = [3_000 * 0.64 ** (month / 12) for month in range(24)]
    assert monthly({"price_decline": {"share_per_year": 0.36}}, 24) == pytest.approx(expected)


def test_a_yearly_decline_lowers_the_prices_after_every_twelve_months():
    expected = [3_000] * 12 + [3_000 * 0.64] * 12 + [3_000 * 0.64**2]
    assert monthly({"price_decline": {"share_per_year": 0.36, "steps": "yearly"}}, 25) == pytest.approx(expected)


def test_a_decline_can_lose_an_all_units_discount():
    # A price a tenth lower after a year: 3,000 USD fall to 2,700, below the 2,800 that a fifth off takes.
    terms = {
        "price_decline": {"share_per_year": 0.1, "steps": "yearly"},
        **tiers("all_units", "from_usd", (2_800, 0.2)),
    }
    assert monthly(terms, 13) == pytest.approx([2_400] * 12 + [2_700])


def test_a_commitment_holds_up_a_bill_that_declines():
    terms = {"price_decline": {"share_per_year": 0.75}, "commitment": {"usd_per_month": 2_000}}
    expected = [max(3_000 * 0.25 ** (month / 12), 2_000) for month in range(12)]
    assert monthly(terms, 12) == pytest.approx(expected)


def test_dated_changes_hold_from_midnight_of_their_day():
    # Months of 730 h, 30.4167 days. From day 15 on a fifth off; from day 40 on 1 USD in, and 2.4 out as before.
    changes = [
        {"effective_from": START + timedelta(days=15), "multiplier": 0.8},
        {"effective_from": START + timedelta(days=40), "input_usd_per_mtok": 1.0},
    ]
    last = 1e9 / 1e6 * (0.9 * 1.0 + 0.1 * 2.4)
    in_days = HOURS_PER_MONTH / 24
    first_month = (15 * 3_000 + (in_days - 15) * 2_400) / in_days
    until = 40 - in_days  # days of the second month at 2,400
    second_month = (until * 2_400 + (in_days - until) * last) / in_days
    assert monthly({"price_changes": changes}, 3, step_s=3_600) == pytest.approx([first_month, second_month, last])


def test_changes_in_force_at_the_start_are_the_run_rate_and_later_ones_are_not():
    changes = [
        {"effective_from": START - timedelta(days=30), "multiplier": 0.5},
        {"effective_from": START + timedelta(days=1), "multiplier": 0.5},
    ]
    terms = {"price_changes": changes, "price_decline": {"share_per_year": 0.9}}
    scenario = case(terms, fleet(4_500), horizon={"start": START, "months": 3, "step_s": 7_200})
    check(crossings_of(scenario), [(4_500 / 1.5e-6, "challenger", "continuous")])


def test_price_changes_hold_for_images_as_for_tokens():
    changes = [
        {"effective_from": START - timedelta(days=30), "multiplier": 0.5},
        {"effective_from": START + timedelta(days=40), "multiplier": 0.5},
    ]
    images = {"prices": {"usd_per_image": 0.04}, "workload": {"input_tokens": 50, "output_tokens": 0, "images": 2}}
    listed = 1_000 * 2 * 0.04
    in_days = HOURS_PER_MONTH / 24
    until = 40 - in_days
    second = listed / 2 * (until + (in_days - until) / 2) / in_days
    bills = monthly({"price_changes": changes}, 3, step_s=3_600, tokens=50_000, **images)
    assert bills == pytest.approx([listed / 2, second, listed / 4])
    declined = monthly({"price_decline": {"share_per_year": 0.36}}, 2, tokens=50_000, **images)
    assert declined == pytest.approx([listed, listed * 0.64 ** (1 / 12)])


def test_credits_pay_the_first_bills_until_they_are_used_up():
    assert monthly({"credits": {"usd": 7_000}}, 4) == pytest.approx([0, 0, 2_000, 3_000])


def test_credits_are_lost_after_their_day():
    # Bill months begin on 1 December, 31 December at 10:00, 30 January at 20:00, 2 March at 6:00.
    terms = {"credits": {"usd": 50_000, "until": date(2027, 1, 31)}}
    assert monthly(terms, 4) == pytest.approx([0, 0, 0, 3_000])
    terms = {"credits": {"usd": 50_000, "until": date(2027, 1, 30)}}
    assert monthly(terms, 4) == pytest.approx([0, 0, 3_000, 3_000])


def test_credits_pay_what_discounts_and_commitments_leave():
    terms = {
        "credits": {"usd": 5_000},
        "commitment": {"usd_per_month": 2_600},
        **tiers("all_units", "from_usd", (3_000, 0.2)),
    }
    assert monthly(terms, 3) == pytest.approx([0, 200, 2_600])


def test_credits_are_no_part_of_the_run_rate():
    scenario = case({"credits": {"usd": 1e6}}, fleet(4_500))
    check(crossings_of(scenario), [(1.5e9, "challenger", "continuous")])


def test_quotas_and_thresholds_of_a_short_last_month_are_in_proportion():
    # A month and a quarter: 600 USD free, 10 % off from 2,400 USD, 2,500 USD committed; all a quarter in the last.
    terms = {
        "free_quota": {"usd": 600},
        "commitment": {"usd_per_month": 2_500},
        **tiers("all_units", "from_usd", (2_400, 0.1)),
    }
    first = max(0.9 * 2_400, 2_500)
    assert monthly(terms, 1.25, step_s=1_800) == pytest.approx([first, first / 4])
    assert monthly({**terms, "commitment": None}, 1.25, step_s=1_800) == pytest.approx([2_160, 540])


def test_growth_reaches_a_discount_in_its_month():
    # 10 % a month on 3,000 USD reaches 4,000 in the month 4 (3,993 in the month 3 does not).
    terms = tiers("all_units", "from_usd", (4_000, 0.5))
    spends = [3_000 * 1.1**month for month in range(6)]
    expected = [spend * (0.5 if spend >= 4_000 else 1) for spend in spends]
    assert monthly(terms, 6, traffic={"growth_per_month": 0.1}) == pytest.approx(expected)
    assert [usd < spend for usd, spend in zip(expected, spends, strict=True)].index(True) == 4


def test_subscriptions_are_bought_month_by_month():
    terms = {"subscription": {"usd_per_month": 500, "tokens": 4e8, "beyond": "another"}}
    expected = [500 * math.ceil(1e9 * 1.1**month / 4e8) for month in range(6)]
    assert monthly(terms, 6, traffic={"growth_per_month": 0.1}) == pytest.approx(expected)


def test_another_model_takes_over_on_its_day():
    # Claude Sonnet 4.5 at 3 and 15, from 10 January Claude Haiku 4.5 at 1 and 5 USD: 900 in and 100 out.
    option = {
        "kind": "api",
        "model": "claude-sonnet-4-5",
        "changes": [{"effective_from": date(2027, 1, 10), "model": "claude-haiku-4-5"}],
    }
    scenario = case({}, fleet(1.0), horizon={"start": START, "months": 3, "step_s": 3_600})
    scenario["options"]["api"] = option
    bill = sim.simulate(scenario, option="api", tokens_per_month=1e9).costs.sum(axis=1).to_numpy()
    before, after = 1e6 * (900 * 3 + 100 * 15) / 1e6, 1e6 * (900 * 1 + 100 * 5) / 1e6
    in_days = HOURS_PER_MONTH / 24
    until = 40 - in_days  # 10 January is 40 days after 1 December
    assert bill == pytest.approx([before, (until * before + (in_days - until) * after) / in_days, after])
    assert sim.break_even(scenario).options["api"].usd_per_month == pytest.approx(before)


# Whatever the contract


@st.composite
def contracts(draw, prices_over_time=False, stairs=True, all_free=True):
    terms = {}
    if draw(st.booleans()):
        measure = draw(st.sampled_from(["usd", "tokens", "requests"]))
        scale = {"usd": 1.0, "tokens": 1 / USD_PER_TOKEN, "requests": 1 / USD_PER_TOKEN / TOKENS_PER_REQUEST}[measure]
        terms["free_quota"] = {measure: scale * draw(st.sampled_from([10.0, 700.0, 4_000.0]))}
    if draw(st.booleans()):
        starts = sorted(
            draw(st.sets(st.sampled_from([0.0, 500.0, 1_000.0, 5_000.0, 20_000.0]), min_size=1, max_size=3))
        )
        key = draw(st.sampled_from(["from_usd", "from_tokens"]))
        scale = 1.0 if key == "from_usd" else 1 / USD_PER_TOKEN
        shares = [
            draw(st.sampled_from([0.0, 0.1, 0.35, 0.8, 1.0] if all_free else [0.0, 0.1, 0.35, 0.8])) for _ in starts
        ]
        kind = draw(st.sampled_from(["graduated", "all_units"]))
        if kind == "all_units":
            shares = sorted(shares)
        terms |= tiers(kind, key, *((scale * start, share) for start, share in zip(starts, shares, strict=True)))
    if draw(st.booleans()):
        terms["subscription"] = {
            "usd_per_month": draw(st.sampled_from([0.0, 290.0, 2_090.0])),
            "tokens": draw(st.sampled_from([1e8, 1e9])),
            "beyond": draw(st.sampled_from(["list_prices", "another"] if stairs else ["list_prices"])),
        }
    if draw(st.booleans()):
        terms["commitment"] = {"usd_per_month": draw(st.sampled_from([0.0, 1_000.0, 6_000.0]))}
    if draw(st.booleans()):
        terms["surcharges"] = {"region": 0.1}
    if prices_over_time and draw(st.booleans()):
        terms["credits"] = {"usd": draw(st.sampled_from([500.0, 1e5]))}
    return terms


def fees_usd(terms, volume):
    """What a contract may add to list prices: its subscriptions, and what is paid at least."""
    subscription, commitment = terms.get("subscription"), terms.get("commitment", {"usd_per_month": 0.0})
    fees = 0.0
    if subscription is not None:
        bought = math.ceil(volume / subscription["tokens"]) if subscription["beyond"] == "another" else 1
        fees = subscription["usd_per_month"] * max(bought, 1)
    return fees, commitment["usd_per_month"]


@QUICK
@given(terms=contracts(), spend=st.floats(0.01, 1e6))
def test_a_bill_never_exceeds_list_prices_and_fees_and_is_never_negative(terms, spend):
    volume = spend / USD_PER_TOKEN
    curve = sim.cost_curve(case(terms, fleet(1.0)), tokens_per_month=volume)
    lines = curve[curve.option == "api"].set_index("line").usd_per_month
    fees, least = fees_usd(terms, volume)
    listed = spend * (1.1 if "surcharges" in terms else 1.0)
    assert -1e-9 * listed <= lines["total"] <= max(listed + fees, least) * (1 + 1e-9)
    assert lines["total"] >= least * (1 - 1e-12)
    assert lines.drop("total").sum() == pytest.approx(lines["total"], abs=1e-9 * listed)


@QUICK
@given(terms=contracts(prices_over_time=True), spend=st.floats(1.0, 1e5), growth=st.sampled_from([0.0, 0.3, -0.2]))
def test_no_month_exceeds_list_prices_and_fees_or_is_negative(terms, spend, growth):
    volume = spend / USD_PER_TOKEN
    bills = monthly(terms, 4, tokens=volume, traffic={"growth_per_month": growth}, step_s=43_800)
    credit = terms.get("credits", {"usd": 0.0})["usd"]
    expected_most = 0.0
    for month, bill in enumerate(bills):
        grown = volume * (1 + growth) ** month
        fees, least = fees_usd(terms, grown)
        most = max(USD_PER_TOKEN * grown * 1.1 + fees, least)
        expected_most += most
        assert -1e-9 * most <= bill <= most * (1 + 1e-9)
    assert bills.sum() >= -1e-9 * expected_most
    without = {key: value for key, value in terms.items() if key != "credits"}
    paid = monthly(without, 4, tokens=volume, traffic={"growth_per_month": growth}, step_s=43_800)
    assert paid.sum() - bills.sum() == pytest.approx(min(credit, paid.sum()), abs=1e-6 * expected_most)


@pytest.mark.slow
@QUICK
@given(
    first=contracts(all_free=False), second=contracts(stairs=False, all_free=False),
    price=st.sampled_from([1.7, 3.0, 4.4]), people=st.sampled_from([0.0, 900.0]),
)  # fmt: skip
def test_between_two_crossings_of_two_contracts_the_same_one_stays_cheaper(first, second, price, people):
    other = {
        "kind": "api",
        "prices": {"input_usd_per_mtok": price, "output_usd_per_mtok": price},
        "terms": second,
        "monthly_fixed_usd": {"people": people},
    }
    scenario = case(first, other)
    study = sim.break_even(scenario)
    volumes = np.geomspace(1e5, 1e12, 3_000)
    curve = sim.cost_curve(scenario, tokens_per_month=volumes)
    totals = curve[curve.line == "total"].set_index("option").usd_per_month
    theirs, ours = totals["api"].to_numpy(), totals["other"].to_numpy()
    cheaper = np.full(volumes.size, study.first == 0.0)
    for crossing in study.crossings:
        cheaper[volumes > crossing.tokens_per_month] = crossing.becomes_cheaper == "challenger"
    clear = np.abs(ours - theirs) > 1.2e-3 * theirs + 1e-9
    assert np.array_equal((ours < theirs)[clear], cheaper[clear])
    # Where the two end parallel, the search may give up at great volumes.
    end_parallel = ours[-1] - ours[-2] == pytest.approx(theirs[-1] - theirs[-2], rel=1e-6)
    assert end_parallel or study.pairs["other"].warnings == ()


BY_TOKEN = {
    "kind": "api",
    "prices": {**FLAT, "cached_input_usd_per_mtok": 0.3, "cache_write_usd_per_mtok": 3.75},
}
PREFIXES = [
    None,
    {"tokens": 600, "lifetime_s": 300},
    {"tokens": 600, "lifetime_s": 3_600, "renewed_by_use": False, "prefixes": 20},
]
SHAPES = [
    {},
    {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.9}},
    {"noise": {"relative_sd": 0.5}, "counts": "poisson"},
]


@st.composite
def units(draw):
    return {
        "usd_per_unit_hour": draw(st.sampled_from([0.02, 0.5])),
        "input_tokens_per_minute_per_unit": 2_500,
        "output_token_weight": 4,
        "percentile_share": draw(st.sampled_from([0.5, 0.99])),
        "minimum": draw(st.sampled_from([0, 15])),
        "increment": draw(st.sampled_from([1, 5])),
        "spill_over": draw(st.sampled_from(["list_prices", "reject"])),
    }


def check_parts(option, prefix, shape, spends):
    workload = {"input_tokens": 900, "output_tokens": 100, "prefix": prefix}
    scenario = case({}, fleet(1.0), workload=workload, traffic=shape, horizon={"days": 1, "step_s": 1_800})
    scenario["options"]["api"] = option
    plan = make_plan(sim.load_scenario(scenario))
    edges = [500.0, 1_000.0, 5_000.0, 20_000.0, 300.0, 3_000.0]
    near = [edge * factor for edge in edges for factor in (1 - 1e-7, 1.0, 1 + 1e-7, 1 / 1.1, 1.4)]
    spends = np.sort(np.array([*spends, *near, *np.geomspace(1.0, 1e5, 60)]))
    rates = run_rate(plan, "api", spends / USD_PER_TOKEN)
    linear = rates.linear_usd_per_request * rates.requests_per_month
    largest = max(abs(rates.rising).max(), abs(rates.falling).max(), linear.max())
    assert np.diff(rates.rising).min() >= -1e-12 * largest
    assert np.diff(rates.falling).min() >= -1e-12 * largest
    assert linear + rates.rising - rates.falling == pytest.approx(rates.usd_per_month, rel=1e-9, abs=1e-9 * largest)
    assert rates.usd_per_month.min() >= -1e-9 * largest


def allowed_with_units(terms):
    """What units do not carry is billed less with every unit more: discounts on all of it go by tokens, no fees."""
    discount = terms.get("volume_discount", {})
    by_usd = any("from_usd" in tier for tier in discount.get("tiers", ()))
    return not (discount.get("kind") == "all_units" and by_usd) and "subscription" not in terms


SPENDS = st.lists(st.floats(1.0, 5e4), min_size=2, max_size=8)


@settings(QUICK, max_examples=60)
@given(terms=contracts(), prefix=st.sampled_from(PREFIXES), shape=st.sampled_from(SHAPES), spends=SPENDS)
def test_the_parts_of_a_bill_keep_their_direction_and_add_up(terms, prefix, shape, spends):
    check_parts({**BY_TOKEN, "terms": terms}, prefix, shape, spends)


@settings(QUICK, max_examples=60)
@given(terms=contracts().filter(allowed_with_units), bought=units(), shape=st.sampled_from(SHAPES), spends=SPENDS)
def test_the_parts_of_a_bill_of_units_keep_their_direction_and_add_up(terms, bought, shape, spends):
    check_parts({**BY_TOKEN, "kind": "provisioned", "units": bought, "terms": terms}, None, shape, spends)


@pytest.mark.slow
@settings(QUICK, max_examples=25)
@given(
    terms=contracts(), prefix=st.sampled_from(PREFIXES), bought=st.one_of(st.none(), units()),
    shape=st.sampled_from([*SHAPES[:2], {"noise": {"relative_sd": 0.5}}]), spend=st.floats(1.0, 5e4),
    days=st.sampled_from([1, 20]),
)  # fmt: skip
def test_a_bill_without_growth_or_dated_prices_is_the_same_over_time(terms, prefix, bought, shape, spend, days):
    option = {**BY_TOKEN, "terms": terms}
    if bought is not None and allowed_with_units(terms):
        option |= {"kind": "provisioned", "units": bought}
        prefix = None  # what units do not carry has the mean hits at run rate, those of its step over time
    scenario = case(
        {}, fleet(1.0), workload={"input_tokens": 900, "output_tokens": 100, "prefix": prefix}, traffic=shape,
        horizon={"days": days, "step_s": 3_600},
    )  # fmt: skip
    scenario["options"]["api"] = option
    scenario["traffic"]["tokens_per_month"] = spend / USD_PER_TOKEN
    at_run_rate = sim.break_even(scenario).options["api"].usd_per_month
    assert sim.simulate(scenario, option="api").usd_per_month == pytest.approx(at_run_rate, rel=1e-6, abs=1e-6)


def test_an_all_units_discount_by_spend_is_refused_where_units_carry_some_of_the_tokens():
    scenario = case({}, fleet(1.0))
    bought = {"usd_per_unit_hour": 0.5, "input_tokens_per_minute_per_unit": 2_500}
    scenario["options"]["api"] = {
        **BY_TOKEN, "kind": "provisioned", "units": bought, "terms": tiers("all_units", "from_usd", (5_000, 0.1)),
    }  # fmt: skip
    with pytest.raises(
        ValueError, match=r"terms\.volume_discount\.kind: is 'all_units' by from_usd, must count from_tok"
    ):
        sim.load_scenario(scenario)
