"""Hardware of one's own that is delivered after the start, or whose life ends: an API answers meanwhile."""

from datetime import date

import numpy as np
import pytest
from changing_fleets import API_USD_PER_MTOK, FULL_REPLICA_TOKENS, day, owned_case

import simulator as sim
from simulator.domain.owned_costs import capital_cash, monthly_costs_usd
from simulator.domain.owning import OwnedFigures
from simulator.domain.power import PowerDraw
from simulator.presentation.summary import summary

API_USD = 2.5 * FULL_REPLICA_TOKENS / 1e6 * API_USD_PER_MTOK  # a month of everything at the API
NODES_USD = 3 * 60_000.0 / 60  # a month of depreciation
KWH_USD = 2.5 * 1.0 * 0.1  # an hour of electricity: idle nodes draw nothing
DELIVERED_HOUR = 180 * 24  # in the sixth bill month, 670 hours into it


def costs(scenario):
    return sim.simulate(scenario, "fleet").costs


def test_before_the_delivery_the_api_answers_and_nothing_of_the_hardware_is_charged():
    table = costs(owned_case({"delivery": day(180)}))
    there = np.clip((np.arange(1, 13) * 730 - DELIVERED_HOUR) / 730, 0.0, 1.0)
    assert table["depreciation"].tolist() == pytest.approx((NODES_USD * there).tolist())
    assert table["electricity"].tolist() == pytest.approx((KWH_USD * 730 * there).tolist())
    assert table["API until live"].tolist() == pytest.approx((API_USD * (1 - there)).tolist())
    assert table["overflow"].sum() == 0.0


def test_after_a_life_that_ends_the_api_answers_again():
    table = costs(owned_case({"life_years": 0.5, "end_of_life": "end"}))
    assert table["depreciation"].tolist() == pytest.approx([10 * NODES_USD] * 6 + [0.0] * 6)
    assert table["API after the life"].tolist() == pytest.approx([0.0] * 6 + [API_USD] * 6)
    assert "API until live" not in table


def test_a_life_within_the_horizon_has_an_api_before_and_after_it():
    ledger = sim.simulate(owned_case({"delivery": day(73), "life_years": 0.25, "end_of_life": "end"}), "fleet")
    begins, ends = 73 * 24, 73 * 24 + 2190
    table = ledger.costs
    assert table["API until live"].sum() == pytest.approx(API_USD * begins / 730)
    assert table["API after the life"].sum() == pytest.approx(API_USD * (8760 - ends) / 730)
    assert table["depreciation"].sum() == pytest.approx(3 * 60_000.0)
    assert ledger.ready_replicas[[begins - 1, begins, ends - 1, ends]].tolist() == [0.0, 3.0, 3.0, 0.0]
    assert ledger.utilization_share == pytest.approx(2.5 / 3)
    total = ledger.served_tokens.sum() + ledger.overflow_tokens.sum()
    assert ledger.arriving_tokens.sum() == pytest.approx(total)
    assert total == pytest.approx(12 * 2.5 * FULL_REPLICA_TOKENS)


def test_what_is_replaced_goes_on():
    table = costs(owned_case({"delivery": day(73), "life_years": 0.25}))
    assert "API after the life" not in table
    assert table["depreciation"].sum() == pytest.approx(3 * 60_000.0 * (8760 - 73 * 24) / 2190)


def test_people_and_fixed_items_are_paid_from_the_start_and_what_follows_the_gpus_from_the_delivery():
    people = {"base_persons": 1, "gpus_per_person": 3, "usd_per_person_year": 12_000.0}
    fleet = {
        "engineers": people,
        "monthly_fixed_usd": {"room": 100.0},
        "licences": {"suite": {"usd_per_gpu_month": 5.0}},
    }
    table = costs(owned_case({"delivery": day(180)}, fleet=fleet))
    assert table["engineers"].tolist() == pytest.approx([1_000.0] * 5 + [2_000.0] * 7)
    assert table["licence suite"].tolist() == pytest.approx([0.0] * 5 + [15.0] * 7)
    assert table["fixed: room"].tolist() == pytest.approx([100.0] * 12)


def test_weeks_until_live_and_a_delivery_must_both_be_over():
    later = costs(owned_case({"delivery": day(7)}, fleet={"weeks_until_live": 4}))
    assert later["API until live"].sum() == pytest.approx(API_USD * 28 * 24 / 730)
    assert later["depreciation"].iloc[0] == pytest.approx(NODES_USD * (730 - 168) / 730)
    sooner = costs(owned_case({"delivery": day(28)}, fleet={"weeks_until_live": 1}))
    assert sooner["API until live"].sum() == pytest.approx(API_USD * 28 * 24 / 730)


def test_a_delivery_on_the_first_day_is_one_that_is_left_out():
    assert costs(owned_case({"delivery": day(0)})).equals(costs(owned_case()))
    assert costs(owned_case({"delivery": date(2026, 12, 1), "life_years": 5.0})).sum().sum() > 0


def test_the_run_rate_is_as_if_the_hardware_were_there_and_says_so():
    late, there = sim.break_even(owned_case({"delivery": day(180)})), sim.break_even(owned_case())
    assert late.options["fleet"].lines == there.options["fleet"].lines
    assert (late.first, late.settled) == (there.first, there.settled)
    assert "fleet: the hardware is delivered on 2027-06-30; the run rate is as if it were there" in late.plan.warnings
    ends = sim.break_even(owned_case({"life_years": 0.5, "end_of_life": "end"}))
    assert any("the life of the hardware ends on 2027-07-02" in text for text in ends.plan.warnings)


NOISY = {
    "counts": "poisson", "growth_per_month": 0.1, "diurnal": {"peak_hour": 14, "peak_to_mean": 2.0},
    "noise": {"relative_sd": 0.5}, "spikes": {"per_month": 8, "height_to_mean": 3, "half_life_s": 1800},
}  # fmt: skip
PEAKS = {"model": "deepseek-v4-flash", "prices": None}


@pytest.mark.parametrize("api", [{}, PEAKS], ids=["flat", "peak hours"])
def test_the_api_bills_what_it_answers_as_it_bills_everything_else(api):
    # With nodes from day 60 on the API's line is that of the API alone, day by day, up to then.
    scenario = owned_case({"delivery": day(60)}, days=90, step_s=900, traffic=NOISY, api=api)
    ledger = sim.simulate(scenario, "fleet")
    assert sim.break_even(scenario).plan.options["api"].has_peak_hours == bool(api)
    until = 60 * 96
    alone = sim.simulate(scenario, "api")
    by_month = alone.costs.sum(axis=1)
    line = ledger.costs["API until live"]
    assert line.iloc[0] == pytest.approx(by_month.iloc[0])  # a whole month before the delivery
    assert 0 < line.iloc[1] < by_month.iloc[1]
    assert line.iloc[2] == 0.0
    assert ledger.overflow_tokens[:until].sum() == pytest.approx(ledger.arriving_tokens[:until].sum())
    whole = ledger.served_tokens.sum() + ledger.overflow_tokens.sum() + ledger.queued_tokens[-1]
    assert ledger.arriving_tokens.sum() == pytest.approx(whole, rel=1e-9)


def test_a_delivery_and_an_end_are_charged_to_the_hour_in_a_short_last_month():
    # 45 days are 1,080 hours; delivered at hour 960, so 120 hours of a life of 43,800.
    scenario = owned_case({"delivery": day(40), "financing_rate_per_year": 0.1}, days=45)
    table = costs(scenario)
    assert table["depreciation"].tolist() == pytest.approx([0.0, 180_000.0 * 120 / 43_800])
    mean_age = 60.0
    assert table["financing"].sum() == pytest.approx(0.1 * 180_000 * (1 - mean_age / 43_800) * 120 / 8_760)


def figures(**given):
    draw = PowerDraw(0.0, 1_000.0, 1.0, 0.1)
    return OwnedFigures(1, 1, 43_800.0, 43_800.0, draw, 1_000.0, 0.1, **given)


def test_months_that_are_cut_short_add_up_to_the_whole():
    owned = figures(delivered_at_hour=100.0, charging="annuity", residual_share=0.2)
    whole = monthly_costs_usd(owned, 2, 0.5)
    cut = monthly_costs_usd(owned, 2, 0.5, 1_000.0)
    for line, usd in whole.items():
        assert cut[line][0] == pytest.approx(usd[0])
        assert cut[line][1] == pytest.approx(usd[1] * 270 / 730)


def test_cash_is_the_price_on_delivery_and_what_is_left_at_the_end():
    owned = figures(delivered_at_hour=800.0, residual_share=0.5)
    cash = capital_cash(owned, 2, 1_000.0)
    assert cash.purchases_usd.tolist() == [0.0, 43_800.0]
    assert cash.value_left_usd == pytest.approx(43_800.0 - 0.5 * 200.0)


def test_the_summary_tells_the_cash_of_what_is_bought():
    study = sim.break_even(scenario := owned_case({"delivery": day(180), "residual_share": 0.1}))
    ledgers = {name: sim.simulate(scenario, name) for name in study.options}
    content = summary(study, ledgers)
    horizon = content["options"]["fleet"]["horizon"]
    months = list(horizon["cash_by_month_usd"].values())
    assert [month["purchases"] for month in months] == [0.0] * 5 + [180_000.0] + [0.0] * 6
    assert horizon["serves_from_hour"] == 4_320
    left = 180_000.0 - 0.9 * 180_000.0 * (8_760 - 4_320) / 43_800
    assert horizon["book_value_left_usd"] == pytest.approx(left)
    assert "cash_by_month_usd" not in content["options"]["api"]["horizon"]
    assert any("the nodes serve from 2027-06-30 on" in line for line in content["assumptions"])


@pytest.mark.parametrize(
    ("owned", "fleet", "message"),
    [
        (
            {"delivery": day(180)},
            {"overflow": "reject"},
            r"owned\.delivery: is 2027-06-30, must be given with an API as overflow, or be at most the start",
        ),
        (
            {"life_years": 0.5, "end_of_life": "end"},
            {"overflow": "reject"},
            r"owned\.end_of_life: is 'end', but the life ends within the horizon: must be 'replace', or given",
        ),
        (
            {"delivery": day(365)},
            {},
            r"owned\.delivery: is 2028-01-01, must be before the end of the horizon of 8760",
        ),
        ({"delivery": day(9_999)}, {}, r"owned\.delivery: is 2054-05-18, must be before the end of the horizon"),
    ],
)
def test_hardware_that_is_away_without_an_api_is_a_fault(owned, fleet, message):
    with pytest.raises(ValueError, match=rf"options\.fleet\.{message}"):
        sim.load_scenario(owned_case(owned, fleet=fleet))
