"""Invoices against a bill worked out line by line for one month."""

import math

import numpy as np
import pytest

from simulator.domain.commercial_terms import CommercialTerms, VolumeDiscount
from simulator.domain.invoice import credits_used, discount_share, invoice

USD_PER_MTOK = 3.0
TOKENS_PER_REQUEST, IMAGES_PER_REQUEST = 2_000.0, 0.5
REQUESTS = (0.0, 1.0, 400.0, 5e4, 166_666.666, 2.5e5, 3e6)  # 6 USD a thousand


def total_by_hand(terms, list_usd, amounts, months):
    """The invoice of one bill, from the contract as a mapping, in plain words."""
    total = list_usd
    if quota := terms.get("free_quota"):
        [(kind, free)] = quota.items()
        if kind == "usd":
            total -= min(free * months, total)
        elif amounts[kind] > 0:
            total -= total * min(free * months, amounts[kind]) / amounts[kind]
    if discount := terms.get("volume_discount"):
        total -= discount_by_hand(discount, total, amounts["tokens"], months)
    if subscription := terms.get("subscription"):
        [kind] = {"tokens", "requests", "images"} & subscription.keys()
        included, amount = subscription[kind] * months, amounts[kind]
        fee = subscription["usd_per_month"] * months
        if subscription.get("beyond") == "another":
            total = fee * max(1, math.ceil(amount / included - 1e-9))
        else:
            beyond = max(amount - included, 0.0) / amount if amount > 0 else 0.0
            total = total * beyond + fee
    if commitment := terms.get("commitment"):
        total = max(total, commitment["usd_per_month"] * months)
    return total


def discount_by_hand(discount, total, tokens, months):
    by_usd = "from_usd" in discount["tiers"][0]
    amount = (total if by_usd else tokens) / months
    if amount == 0:
        return 0.0
    starts = [tier["from_usd" if by_usd else "from_tokens"] for tier in discount["tiers"]]
    shares = [tier["discount_share"] for tier in discount["tiers"]]
    if discount["kind"] == "all_units":
        reached = [share for start, share in zip(starts, shares, strict=True) if amount >= start * (1 - 1e-12)]
        return total * (reached[-1] if reached else 0.0)
    saved = 0.0  # of the amount, bracket by bracket
    for place, (start, share) in enumerate(zip(starts, shares, strict=True)):
        end = starts[place + 1] if place + 1 < len(starts) else math.inf
        if amount > start:
            saved += share * (min(amount, end) - start)
    return total * saved / amount


USD_TIERS = [
    {"from_usd": 100.0, "discount_share": 0.05},
    {"from_usd": 1_000.0, "discount_share": 0.2},
    {"from_usd": 10_000.0, "discount_share": 0.35},
]
TOKEN_TIERS = [{"from_tokens": 1e8, "discount_share": 0.1}, {"from_tokens": 1e9, "discount_share": 0.3}]
CONTRACTS = {
    "none": {},
    "free usd": {"free_quota": {"usd": 5.0}},
    "free tokens": {"free_quota": {"tokens": 1e6}},
    "free requests": {"free_quota": {"requests": 1_000.0}},
    "free images": {"free_quota": {"images": 25.0}},
    "graduated": {"volume_discount": {"kind": "graduated", "tiers": USD_TIERS}},
    "graduated, tokens": {"volume_discount": {"kind": "graduated", "tiers": TOKEN_TIERS}},
    "all units": {"volume_discount": {"kind": "all_units", "tiers": USD_TIERS}},
    "all units, tokens": {"volume_discount": {"kind": "all_units", "tiers": TOKEN_TIERS}},
    "from nothing on": {"volume_discount": {"kind": "graduated", "tiers": [{"from_usd": 0.0, "discount_share": 0.1}]}},
    "subscription": {"subscription": {"usd_per_month": 20.0, "requests": 500.0}},
    "subscriptions": {"subscription": {"usd_per_month": 20.0, "images": 500.0, "beyond": "another"}},
    "commitment": {"commitment": {"usd_per_month": 2_000.0}},
    "everything": {
        "free_quota": {"tokens": 1e6},
        "volume_discount": {"kind": "graduated", "tiers": USD_TIERS},
        "subscription": {"usd_per_month": 50.0, "tokens": 2e7},
        "commitment": {"usd_per_month": 500.0},
    },
}


def amounts_of(requests):
    return {
        "tokens": requests * TOKENS_PER_REQUEST,
        "requests": requests,
        "images": requests * IMAGES_PER_REQUEST,
    }


@pytest.mark.parametrize("months", [1.0, 0.25])
@pytest.mark.parametrize("name", CONTRACTS)
def test_an_invoice_is_the_one_worked_out_by_hand(name, months):
    requests = np.array(REQUESTS) * months
    list_usd = requests * TOKENS_PER_REQUEST * USD_PER_MTOK / 1e6
    added = invoice(CommercialTerms.model_validate(CONTRACTS[name]), list_usd, amounts_of(requests), months)
    expected = [
        total_by_hand(CONTRACTS[name], usd, amounts_of(each), months)
        for usd, each in zip(list_usd, requests, strict=True)
    ]
    assert list_usd + added.added_usd == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)


def test_months_of_different_length_have_their_own_quotas():
    terms = CommercialTerms.model_validate(CONTRACTS["everything"])
    months, requests = np.array([1.0, 1.0, 0.1]), np.array([4e5, 5e4, 3e4])
    together = invoice(terms, requests * 0.006, amounts_of(requests), months).added_usd
    alone = [
        float(np.sum(invoice(terms, requests[i : i + 1] * 0.006, amounts_of(requests[i : i + 1]), months[i]).added_usd))
        for i in range(3)
    ]
    assert together == pytest.approx(np.array(alone))


@pytest.mark.parametrize("kind", ["graduated", "all_units"])
def test_a_tier_is_reached_at_exactly_its_threshold(kind):
    discount = VolumeDiscount.model_validate({"kind": kind, "tiers": USD_TIERS})
    just_below, at, above = discount_share(discount, np.array([999.99, 1_000.0, 1_100.0]))
    if kind == "all_units":
        assert (just_below, at, above) == (0.05, 0.2, 0.2)
    else:
        assert at == pytest.approx(0.05 * 900 / 1_000)
        assert above == pytest.approx((0.05 * 900 + 0.2 * 100) / 1_100)


def test_an_all_units_discount_makes_more_volume_cost_less_at_its_threshold():
    terms = CommercialTerms.model_validate(CONTRACTS["all units"])
    list_usd = np.array([9_999.0, 10_000.0])
    bills = list_usd + invoice(terms, list_usd, amounts_of(list_usd)).added_usd
    assert bills == pytest.approx([9_999 * 0.8, 10_000 * 0.65])


def test_graduated_discounts_never_make_more_volume_cost_less():
    terms = CommercialTerms.model_validate(CONTRACTS["graduated"])
    list_usd = np.linspace(0, 30_000, 2_001)
    bills = list_usd + invoice(terms, list_usd, amounts_of(list_usd)).added_usd
    assert np.all(np.diff(bills) > 0)


def test_fees_of_more_subscriptions_are_told_as_what_rises_in_steps():
    terms = CommercialTerms.model_validate(CONTRACTS["subscriptions"])
    requests = np.array([0.0, 1_000.0, 1_000.1, 9_000.0])  # half an image each, 500 images a subscription
    added = invoice(terms, requests * 0.04, amounts_of(requests))
    assert added.rising_usd == pytest.approx([20, 20, 40, 180])
    assert added.lines["subscription"] == pytest.approx([20, 20, 40, 180])
    assert added.lines["in the subscription"] == pytest.approx(-requests * 0.04)


def credits_by_hand(credit, bills, good):
    used = []
    for bill, usable in zip(bills, good, strict=True):
        pays = min(credit, max(bill, 0.0)) if usable else 0.0
        credit -= pays
        used.append(pays)
    return used


@pytest.mark.parametrize(
    ("credit", "bills", "good"),
    [
        (100.0, [30.0, 50.0, 60.0, 10.0], [True] * 4),
        (100.0, [30.0, 50.0, 60.0, 10.0], [True, True, False, False]),
        (1e6, [30.0, 0.0, -5.0], [True] * 3),
        (10.0, [30.0], [True]),
        (10.0, [30.0], [False]),
    ],
)
def test_credits_pay_the_first_bills_while_they_are_good(credit, bills, good):
    used = credits_used(credit, np.array(bills), np.array(good))
    assert used == pytest.approx(credits_by_hand(credit, bills, good))
