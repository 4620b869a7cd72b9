"""Where bills of bought tokens jump, found between the volumes of a curve."""

import numpy as np
import pytest

import simulator as sim
from simulator.solving.curve import cost_table
from simulator.solving.jumps import beside_jumps

VOLUMES = np.geomspace(1e8, 1e11, 100)


def jumps_of(**option):
    """Volumes and costs right below and at the jumps of an API of 1 USD a million tokens."""
    api = {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}}
    scenario = sim.load_scenario(
        {
            "title": "jumps",
            "horizon": {"hours": 48, "step_s": 3600},
            "traffic": {"tokens_per_month": 1e9},
            "workload": {"turn": {"input_tokens": 900, "output_tokens": 100}},
            "options": {"api": {**api, **option}, "plain": api},
        }
    )
    return beside_jumps(sim.break_even(scenario).plan, VOLUMES)


def test_a_discount_on_all_units_falls_at_its_thresholds():
    tiers = [{"from_usd": 2_000, "discount_share": 0.1}, {"from_usd": 30_000, "discount_share": 0.25}]
    table = jumps_of(terms={"volume_discount": {"kind": "all_units", "tiers": tiers}})
    assert set(table["option"]) == {"api"}
    np.testing.assert_allclose(table["tokens_per_month"], [2e9, 2e9, 3e10, 3e10], rtol=2e-9)
    np.testing.assert_allclose(table["usd_per_month"], [2_000, 1_800, 27_000, 22_500], rtol=1e-8)
    assert np.all(np.diff(table["tokens_per_month"]) > 0)


def test_more_subscriptions_rise_in_steps():
    # One for every 25 M requests of 1,000 tokens: at 25, 50, 75 and 100 B.
    fee = {"usd_per_month": 100.0, "requests": 25e6, "beyond": "another"}
    table = jumps_of(terms={"subscription": fee})
    np.testing.assert_allclose(table["tokens_per_month"][::2], [2.5e10, 5e10, 7.5e10], rtol=1e-6)
    np.testing.assert_allclose(table["usd_per_month"], [100, 200, 200, 300, 300, 400])


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"commitment": {"usd_per_month": 5_000}},
        {"free_quota": {"tokens": 1e9}},
        {"volume_discount": {"kind": "graduated", "tiers": [{"from_usd": 2_000, "discount_share": 0.9}]}},
    ],
)
def test_bends_are_no_jumps(terms):
    assert jumps_of(terms=terms) is None


def test_the_rows_fit_the_curve():
    tiers = [{"from_usd": 2_000, "discount_share": 0.1}]
    table = jumps_of(terms={"volume_discount": {"kind": "all_units", "tiers": tiers}})
    plan = sim.break_even(
        {
            "title": "same columns",
            "traffic": {"tokens_per_month": 1e9},
            "horizon": {"hours": 2, "step_s": 3600},
            "workload": {"turn": {"input_tokens": 900, "output_tokens": 100}},
            "options": {
                name: {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}}
                for name in ("one", "other")
            },
        }
    ).plan
    assert list(table.columns) == list(cost_table(plan, VOLUMES).columns)
    # 1,000 tokens a request, 730 h in a month.
    np.testing.assert_allclose(table["requests_per_day"], table["tokens_per_month"] / 1_000 * 24 / 730)
