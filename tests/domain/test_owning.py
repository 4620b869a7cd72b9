"""Owned hardware: when it serves, what it is charged, what it draws."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulator.domain.finance import (
    annuity_usd_per_month,
    book_value_usd,
    hours_to_break_even,
    periods_to_pay_back,
    rate_per_month,
)
from simulator.domain.owned_costs import (
    capital_cash,
    monthly_costs_usd,
    owned_energy_kwh,
    owned_usd_per_hour,
    run_rate_usd_per_month,
    running_usd_per_hour,
    standing_hours,
)
from simulator.domain.owning import OwnedFigures, OwnedHardware, serves_at, serving_spans
from simulator.domain.power import PowerDraw, draw_at_meter_w, energy_kwh, energy_kwh_per_mtok, per_mtok

MONTH = 730.0  # hours

NODE = OwnedFigures(
    nodes=2,
    gpus_per_node=8,
    hardware_usd=480_000.0,
    life_hours=48 * MONTH,
    draw=PowerDraw(idle_w=1_000.0, loaded_w=8_000.0, pue=1.5, kg_co2e_per_kwh=0.4),
    nameplate_w=10_000.0,
    usd_per_kwh=0.10,
    residual_share=0.1,
    financing_rate_per_year=0.06,
    support_share_per_year=0.12,
    colocation_usd_per_kw_month=150.0,
)


def costs(owned, months=12, share=0.5):
    return monthly_costs_usd(owned, months, share)


def total(lines):
    return float(sum(usd.sum() for usd in lines.values()))


def test_each_line_of_a_month_is_what_a_hand_calculation_gives():
    lines = costs(NODE, months=48)
    assert lines["depreciation"] == pytest.approx(np.full(48, 0.9 * 480_000 / 48))
    assert lines["support"][0] == pytest.approx(480_000 * 0.12 / 12)
    assert lines["colocation"][0] == pytest.approx(2 * 10 * 150)
    # half used: 4.5 kW a node, 6.75 at the meter
    assert lines["electricity"][0] == pytest.approx(2 * 6.75 * 730 * 0.10)
    bound = [480_000 - 9_000 * (month + 0.5) for month in range(48)]  # in the middle of each month
    assert lines["financing"] == pytest.approx([0.06 / 12 * usd for usd in bound])
    assert set(lines) == {"depreciation", "financing", "support", "colocation", "electricity"}


def test_over_its_life_the_depreciation_and_the_residual_are_the_price():
    owned = replace(NODE, spares_usd=20_000.0, installation_usd=10_000.0, financing_rate_per_year=0.0)
    lines = costs(owned, months=48)
    assert lines["depreciation"].sum() + lines["spares"].sum() + owned.residual_usd == pytest.approx(510_000)
    assert owned.residual_usd == pytest.approx(50_000)  # setting up fetches nothing


def test_spares_cost_their_share_of_what_the_nodes_do():
    lines = costs(replace(NODE, spares_usd=0.05 * 480_000))
    capital = lines["depreciation"] + lines["financing"]
    assert lines["spares"] == pytest.approx(0.05 * capital)


def test_an_annuity_pays_back_price_and_interest_month_by_month():
    payment = annuity_usd_per_month(250_000, 40_000, 0.12, 36)
    debt = 250_000.0
    for _ in range(36):
        debt = debt * 1.12 ** (1 / 12) - payment
    assert debt == pytest.approx(40_000)


def test_an_annuity_without_interest_is_the_straight_line():
    free = replace(NODE, financing_rate_per_year=0.0)
    line, level = costs(free), costs(replace(free, charging="annuity"))
    assert level["annuity"] == pytest.approx(line["depreciation"])
    assert "financing" not in level
    assert annuity_usd_per_month(1_000, 0, 1e-9, 10) == pytest.approx(100, rel=1e-6)


def test_hardware_delivered_late_serves_and_costs_nothing_before():
    late = replace(NODE, delivered_at_hour=2.5 * MONTH)
    lines = costs(late, months=6)
    assert standing_hours(late, 6) == pytest.approx([0, 0, 365, 730, 730, 730])
    for usd in lines.values():
        assert usd[:2] == pytest.approx([0, 0])
    assert lines["support"][2] == pytest.approx(lines["support"][3] / 2)
    assert list(serves_at(late, np.array([0.0, 1_824.9, 1_825.0, 99_999.0]))) == [False, False, True, True]


def test_hardware_whose_life_ends_is_replaced_or_serves_no_more():
    ends = replace(NODE, life_hours=2 * MONTH, end_of_life="end")
    assert standing_hours(ends, 4) == pytest.approx([730, 730, 0, 0])
    assert not serves_at(ends, 2 * MONTH)
    assert costs(ends, months=4)["electricity"][2:] == pytest.approx([0, 0])
    again = replace(ends, end_of_life="replace")
    assert serving_spans(again, 4 * MONTH) == ((0, 2 * MONTH), (2 * MONTH, 4 * MONTH))
    assert costs(again, months=4)["financing"][2] == pytest.approx(costs(again, months=4)["financing"][0])
    assert serves_at(again, 3 * MONTH)


def test_the_cash_is_the_price_at_delivery_and_the_residual_at_the_end():
    owned = replace(NODE, delivered_at_hour=1.5 * MONTH, life_hours=4 * MONTH)
    cash = capital_cash(owned, 8)
    assert cash.purchases_usd == pytest.approx([0, 480_000, 0, 0, 0, 480_000, 0, 0])
    assert cash.sales_usd == pytest.approx([0, 0, 0, 0, 0, 48_000, 0, 0])
    assert cash.value_left_usd == pytest.approx(480_000 - 432_000 * 2.5 / 4)


def test_what_was_bought_before_the_horizon_is_charged_but_not_paid_again():
    old = replace(NODE, delivered_at_hour=-24 * MONTH)
    cash = capital_cash(old, 12)
    assert cash.purchases_usd.sum() == 0
    assert cash.value_left_usd == pytest.approx(480_000 - 432_000 * 36 / 48)
    assert costs(old)["depreciation"] == pytest.approx(costs(NODE)["depreciation"])
    assert costs(old)["financing"][0] == pytest.approx(0.005 * (480_000 - 9_000 * 24.5))


def test_hardware_replaced_before_the_horizon_is_as_young_as_its_last_replacement():
    assert serving_spans(replace(NODE, delivered_at_hour=-100 * MONTH), 12 * MONTH) == ((-4 * MONTH, 44 * MONTH),)
    ended = replace(NODE, delivered_at_hour=-100 * MONTH, end_of_life="end")
    assert serving_spans(ended, 12 * MONTH) == ()
    assert costs(ended) == {}


@given(
    delivered=st.floats(-60_000, 10_000),
    life_months=st.floats(1.5, 80),
    end=st.sampled_from(["replace", "end"]),
    charging=st.sampled_from(["straight_line", "annuity"]),
)
def test_two_half_years_cost_what_the_year_does(delivered, life_months, end, charging):
    owned = replace(
        NODE, delivered_at_hour=delivered, life_hours=life_months * MONTH, end_of_life=end, charging=charging
    )
    later = replace(owned, delivered_at_hour=delivered - 6 * MONTH)
    assert total(costs(owned)) == pytest.approx(total(costs(owned, months=6)) + total(costs(later, months=6)))


@given(
    delivered=st.floats(-60_000, 10_000),
    life_months=st.floats(1.5, 80),
    end=st.sampled_from(["replace", "end"]),
)
def test_cash_less_the_change_of_the_books_is_what_is_depreciated(delivered, life_months, end):
    owned = replace(NODE, delivered_at_hour=delivered, life_hours=life_months * MONTH, end_of_life=end)
    cash = capital_cash(owned, 12)
    opening = sum(
        book_value_usd(owned.price_usd, owned.residual_usd, owned.life_hours, -begins)
        for begins, _ in serving_spans(owned, 12 * MONTH)
        if begins < 0
    )
    spent = opening + cash.purchases_usd.sum() - cash.sales_usd.sum() - cash.value_left_usd
    charged = costs(owned).get("depreciation", np.zeros(12)).sum()
    assert charged == pytest.approx(spent, abs=1e-3)


@pytest.mark.parametrize("charging", ["straight_line", "annuity"])
def test_the_run_rate_is_the_mean_month_of_the_life(charging):
    owned = replace(NODE, spares_usd=9_000.0, space_usd_per_month=400.0, charging=charging)
    run_rate = run_rate_usd_per_month(owned, 0.5)
    over_life = costs(owned, months=48)
    assert run_rate == pytest.approx({name: usd.mean() for name, usd in over_life.items()})


def test_running_leaves_out_what_was_paid_to_buy():
    # support 6.575, place 4.110, two nodes of 12 kW at the meter at 10 cents 2.40
    assert running_usd_per_hour(NODE, 1.0) == pytest.approx(480_000 * 0.12 / 8_760 + 3_000 / 730 + 2.40)
    capital = 0.9 * 480_000 / (48 * 730) + 0.06 * 264_000 / 8_760
    assert owned_usd_per_hour(NODE, 1.0) == pytest.approx(running_usd_per_hour(NODE, 1.0) + capital)


def test_a_purchase_pays_back_when_the_rent_it_spares_is_its_price():
    assert hours_to_break_even(100_000, 30, 5) == pytest.approx(4_000)
    assert hours_to_break_even(100_000, 30, 5, rented_share=0.5) == pytest.approx(10_000)
    assert hours_to_break_even(100_000, 5, 5) == np.inf
    assert periods_to_pay_back(1_000, np.array([100.0, -1.0])) == pytest.approx([10, np.inf])


def test_the_monthly_rate_compounds_to_the_yearly_one():
    assert (1 + rate_per_month(0.12)) ** 12 == pytest.approx(1.12)
    assert rate_per_month(0) == 0


def test_a_book_value_falls_in_a_straight_line_and_stays_at_the_residual():
    assert book_value_usd(100, 20, 10, np.array([-5.0, 0.0, 5.0, 10.0, 50.0])) == pytest.approx([100, 100, 60, 20, 20])


def test_an_idle_node_draws_its_idle_power_and_a_busy_one_all_of_it():
    draw = PowerDraw(1_000, 8_000, 1.25)
    assert draw_at_meter_w(draw, np.array([0.0, 1.0])) == pytest.approx([1_250, 10_000])
    with pytest.raises(ValueError, match=r"utilization_share is 1.2, must be between 0 and 1"):
        draw_at_meter_w(draw, 1.2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_energy_from_totals_is_the_sum_over_the_hours(shares):
    draw = PowerDraw(900, 6_500, 1.4)
    by_hour = sum(draw_at_meter_w(draw, share) / 1e3 for share in shares)
    assert energy_kwh(draw, len(shares), sum(shares)) == pytest.approx(by_hour)


def test_half_use_costs_more_energy_per_token_than_full_use():
    draw = PowerDraw(1_000, 8_000, 1.0)
    # 1,000 tokens/s are 3.6 million an hour
    assert energy_kwh_per_mtok(draw, 1_000, 1.0) == pytest.approx(8 / 3.6)
    assert energy_kwh_per_mtok(draw, 1_000, 0.5) == pytest.approx(4.5 / 1.8)
    with pytest.raises(ValueError, match="above 0"):
        energy_kwh_per_mtok(draw, 1_000, 0.0)
    with pytest.raises(ValueError, match="tokens_per_s is 0"):
        energy_kwh_per_mtok(draw, 0.0, 0.5)


def test_carbon_is_the_energy_times_that_of_the_grid():
    month = owned_energy_kwh(NODE, 1, 1.0)
    assert month == pytest.approx([2 * 12 * 730])
    assert NODE.draw.kg_co2e(month) == pytest.approx([0.4 * 2 * 12 * 730])
    assert PowerDraw(1, 2, 1).kg_co2e(5.0) is None
    assert per_mtok(month, np.array([1.752e10])) == pytest.approx([1.0])
    assert np.isnan(per_mtok(5.0, 0.0))


def test_a_replicas_share_of_a_node_draws_its_share():
    eighth = NODE.draw.times(1 / 8)
    assert (eighth.idle_w, eighth.loaded_w) == (125, 1_000)
    assert draw_at_meter_w(eighth, 0.5) * 8 == pytest.approx(draw_at_meter_w(NODE.draw, 0.5))


def test_replicas_do_not_span_nodes():
    assert NODE.replicas(8) == 2
    assert NODE.replicas(4) == 4
    assert NODE.replicas(3) == 4
    assert NODE.replicas(16) == 0


def test_a_purchase_is_written_in_a_few_lines():
    owned = OwnedHardware.model_validate(
        {"nodes": 1, "gpus_per_node": 8, "usd_per_node": 250_142, "delivery": date(2027, 2, 1), "site": "own_room"}
    )
    assert owned.tariff == "commercial"
    assert OwnedHardware(nodes=1, site="home").tariff == "residential"
    assert OwnedHardware(nodes=1, site="home", power={"tariff": "commercial"}).tariff == "commercial"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"nodes": 0}, "greater than or equal to 1"),
        ({"nodes": 1, "life_years": 0}, r"greater than or equal to 0\.1"),
        ({"nodes": 1, "life_years": 31}, "less than or equal to 30"),
        ({"nodes": 1, "residual_share": 1.1}, "less than or equal to 1"),
        ({"nodes": 1, "financing_rate_per_year": 6}, "less than or equal to 1"),
        ({"nodes": 1, "power": {"pue": 0.9}}, "greater than or equal to 1"),
        ({"nodes": 1, "power": {"idle_w": 900, "loaded_w": 800}}, "is 900, must be at most loaded_w 800"),
        ({"nodes": 1, "power": {"nameplate_w": 700, "loaded_w": 800}}, "is 700, must be at least loaded_w 800"),
        ({"nodes": 1, "watts": 5}, "Extra inputs"),
    ],
)
def test_a_purchase_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(ValidationError, match=says):
        OwnedHardware.model_validate(wrong)
