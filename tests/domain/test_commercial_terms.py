"""What a contract may say, what it refuses, and prices that fall by the year."""

from itertools import pairwise

import pytest
from pydantic import ValidationError

from simulator.domain.commercial_terms import NO_TERMS, CommercialTerms, PriceDecline


def refusal(terms):
    """Where, and in what words, a contract is refused: the location of the model, the key from there, the text."""
    with pytest.raises(ValidationError) as refused:
        CommercialTerms.model_validate(terms)
    error, *_ = refused.value.errors()
    return error["loc"], error["ctx"]["key"], error["ctx"]["text"]


@pytest.mark.parametrize(
    ("terms", "loc", "key", "text"),
    [
        (
            {
                "volume_discount": {
                    "kind": "graduated",
                    "tiers": [{"from_usd": 9, "discount_share": 0.1}, {"from_usd": 9, "discount_share": 0.2}],
                }
            },
            ("volume_discount", "tiers"),
            "[1].from_usd",
            "is 9, must be above the tier before, 9",
        ),
        (
            {
                "volume_discount": {
                    "kind": "all_units",
                    "tiers": [{"from_tokens": 9, "discount_share": 0.1}, {"from_usd": 10, "discount_share": 0.2}],
                }
            },
            ("volume_discount", "tiers"),
            "[1].from_tokens",
            "is missing; all tiers go by the same amount, the first by from_tokens",
        ),
        (
            {"volume_discount": {"kind": "all_units", "tiers": [{"discount_share": 0.1}]}},
            ("volume_discount", "tiers", 0),
            "",
            "must hold exactly one of from_usd, from_tokens; holds none",
        ),
        (
            {"subscription": {"usd_per_month": 20, "tokens": 5, "images": 5}},
            ("subscription",),
            "images",
            "must hold exactly one of tokens, requests, images; holds tokens, images",
        ),
        ({"free_quota": {}}, ("free_quota",), "", "must hold exactly one of usd, tokens, requests, images; holds none"),
        (
            {"price_changes": [{"effective_from": "2026-12-05"}]},
            ("price_changes", 0),
            "multiplier",
            "is missing; a price change has a multiplier or new prices",
        ),
        (
            {
                "price_changes": [
                    {"effective_from": "2026-12-05", "multiplier": 2.0},
                    {"effective_from": "2026-12-05", "input_usd_per_mtok": 2.0},
                ]
            },
            ("price_changes",),
            "[1].effective_from",
            "is 2026-12-05, must be after the change before, 2026-12-05",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_key(terms, loc, key, text):
    assert refusal(terms) == (loc, key, text)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_price_that_falls_every_month_has_fallen_by_its_share_after_each_year(share):
    decline = PriceDecline(share_per_year=share)
    factors = [decline.factor(month) for month in range(37)]
    assert factors[0] == 1.0
    for month in range(25):
        assert factors[month + 12] == pytest.approx(factors[month] * (1 - share))
    ratios = [after / before for before, after in pairwise(factors)]
    assert ratios == pytest.approx([ratios[0]] * 36)


def test_a_price_that_falls_by_the_year_stays_for_twelve_months():
    decline = PriceDecline(share_per_year=0.25, steps="yearly")
    expected = [1.0] * 12 + [0.75] * 12 + [0.5625] * 12
    assert [decline.factor(month) for month in range(36)] == pytest.approx(expected)


def test_surcharges_multiply():
    terms = CommercialTerms(surcharges={"data zone": 0.10, "priority": 0.5})
    assert terms.price_factor == pytest.approx(1.1 * 1.5)
    assert NO_TERMS.price_factor == 1.0


@pytest.mark.parametrize(
    ("terms", "acts"),
    [
        ({}, False),
        ({"surcharges": {"data zone": 0.1}}, False),
        ({"price_decline": {"share_per_year": 0.1}}, False),
        ({"price_changes": [{"effective_from": "2026-12-05", "multiplier": 2.0}]}, False),
        ({"free_quota": {"usd": 5.0}}, True),
        ({"commitment": {"usd_per_month": 5.0}}, True),
        ({"credits": {"usd": 5.0}}, True),
        ({"subscription": {"usd_per_month": 5.0, "images": 5.0}}, True),
        ({"volume_discount": {"kind": "graduated", "tiers": [{"from_usd": 5, "discount_share": 0.1}]}}, True),
    ],
)
def test_prices_and_bills_are_changed_by_different_terms(terms, acts):
    assert CommercialTerms.model_validate(terms).acts_on_bill is acts
