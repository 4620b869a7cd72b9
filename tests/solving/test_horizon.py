"""Two options over the horizon: charges, cash, turns, and the month to switch."""

import numpy as np
import pytest

import simulator as sim
from simulator.config.scenarios import bundled_scenarios
from simulator.interface import make_plan
from simulator.solving.horizon import turns_of


def case(*, months=12, growth=0.0, one_off=0.0, finance=None, self_usd=1_000.0, tokens=1e9, decline=0.0, fleet=None):
    """An API at 1 USD a million tokens, and a fleet that serves anything for a fixed cost."""
    return {
        "title": "over time",
        "horizon": {"months": months, "step_s": 262_800},
        "traffic": {"tokens_per_month": tokens, "growth_per_month": growth},
        "workload": {"chat": {"input_tokens": 600, "output_tokens": 400}},
        "finance": finance or {},
        "options": {
            "api": {
                "kind": "api",
                "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0},
                "terms": {"price_decline": {"share_per_year": decline}},
            },
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e12},
                "monthly_fixed_usd": {"running": self_usd},
                "one_off_usd": {"set-up": one_off} if one_off else {},
                **(fleet or {"rental": {"usd_per_gpu_hour": 0.0}}),
            },
        },
    }


MACHINE = {
    "nodes": 1,
    "gpus_per_node": 1,
    "usd_per_node": 12_000.0,
    "life_years": 1,
    "residual_share": 0.25,
    "support_share_per_year": 0.0,
    "site": "own_room",
    "power": {"idle_w": 0.0, "loaded_w": 1e-9, "usd_per_kwh": 0.0, "pue": 1.0, "kg_co2e_per_kwh": 0.0},
}


def test_hardware_is_paid_at_delivery_and_replaced_at_the_end_of_its_life_not_depreciated():
    path = sim.over_time(case(months=30, fleet={"owned": MACHINE}))
    bought = np.zeros(30)
    bought[[0, 12, 24]] = 12_000.0
    bought[[12, 24]] -= 3_000.0  # the old one is sold for a quarter of its price
    assert path.challenger_cash.at_starts_usd == pytest.approx(bought)
    assert path.challenger_cash.through_usd == pytest.approx(np.full(30, 1_000.0))
    # Half of the third life is left: the middle between price and residual value.
    assert path.challenger_cash.left_usd == pytest.approx((12_000.0 + 3_000.0) / 2)
    # Charged: a twelfth of what it loses, every month.
    assert path.challenger_usd == pytest.approx(np.full(30, 1_000.0 + 9_000.0 / 12))


def test_cash_and_charges_come_to_the_same_over_a_horizon_of_whole_lives():
    path = sim.over_time(case(months=24, fleet={"owned": MACHINE}))
    cash = path.challenger_cash
    assert cash.at_starts_usd.sum() + cash.through_usd.sum() - cash.left_usd == pytest.approx(path.challenger_usd.sum())
    assert cash.left_usd == pytest.approx(3_000.0)


@pytest.mark.parametrize("days", [45, 365, 380])
def test_what_hardware_is_worth_at_the_end_of_a_part_of_a_month_is_what_the_ledger_has_not_charged(days):
    data = case(fleet={"owned": MACHINE}) | {"horizon": {"days": days, "step_s": 86_400}}
    path = sim.over_time(data)
    age_days = days - 365 * (days // 365 if days % 365 else 0)  # the second machine's in 380 days; 365 are a life
    assert path.challenger_cash.left_usd == pytest.approx(12_000.0 - 9_000.0 * age_days / 365)
    spent = path.challenger_cash.at_starts_usd.sum() + path.challenger_cash.through_usd.sum()
    assert spent - path.challenger_cash.left_usd == pytest.approx(path.challenger_usd.sum())
    study = sim.switching(data)
    assert study.cost_usd[0] == pytest.approx(sim.simulate(data, "fleet").total_usd)
    lived_days = days - 365 / 12  # bought a month later
    lives = int((lived_days - 1e-6) // 365)
    left = 12_000.0 - 9_000.0 * (lived_days - 365 * lives) / 365
    assert study.cost_usd[1] == pytest.approx(1_000.0 * days / (365 / 12) + 12_000.0 + 9_000.0 * lives - left)


def test_hardware_that_was_there_before_is_paid_already():
    owned = {**MACHINE, "life_years": 5, "delivery": "2025-12-01"}
    path = sim.over_time(
        case(fleet={"owned": owned}) | {"horizon": {"start": "2026-12-01", "months": 12, "step_s": 262_800}}
    )
    assert path.challenger_cash.at_starts_usd == pytest.approx(np.zeros(12))
    assert path.outlay_usd == pytest.approx(0.0)


def test_what_comes_again_at_intervals_makes_no_month_turn():
    again = {"fine_tuning": {"usd": 600.0, "repeat_months": 3}, "rental": {"usd_per_gpu_hour": 0.0}}
    path = sim.over_time(case(self_usd=700.0, fleet=again))
    assert path.turns == ()
    assert path.challenger_usd == pytest.approx(np.full(12, 900.0))
    assert path.challenger_cash.through_usd.max() >= 1_300.0 - 1e-6


def test_every_turn_is_found_in_both_directions():
    ours = np.array([2.0, 1.0, 1.0, 2.0, 1.0])
    turns = turns_of(np.full(5, 1.5), ours, tuple(range(5)))
    assert [(turn.month, turn.becomes_cheaper) for turn in turns] == [
        (1, "challenger"),
        (3, "baseline"),
        (4, "challenger"),
    ]


def test_a_turn_lies_between_its_months_also_where_a_month_costs_nothing():
    (turn,) = turns_of(np.array([0.0, 2.0]), np.array([1.0, 1.0]), (0, 1))
    assert turn.months == pytest.approx(0.5)


def test_no_rate_of_discount_no_present_value():
    path = sim.over_time(case(one_off=100.0, self_usd=500.0))
    assert path.npv_usd is None
    assert path.outlay_for_zero_npv_usd is None
    assert path.discounted_payback is None
    assert path.irr_per_month == pytest.approx(4.99999, rel=1e-3)  # 500 a month for 100: five-fold but for the end


def test_an_option_that_only_costs_more_has_no_return():
    path = sim.over_time(case(self_usd=2_000.0, one_off=100.0))
    assert path.rates_per_month == ()
    assert path.irr_per_month is None
    assert path.irr_per_year is None
    assert path.paid_back is None


def test_the_month_to_switch_is_the_cheapest_of_all_that_can_be_counted_by_hand():
    one_off, growth = 700.0, 0.08
    study = sim.switching(case(growth=growth, one_off=one_off, self_usd=1_400.0, months=12))
    api = [1_000.0 * (1 + growth) ** month for month in range(12)]
    by_hand = [sum(api[:month]) + (12 - month) * 1_400.0 + (one_off if month < 12 else 0.0) for month in range(13)]
    assert study.cost_usd == pytest.approx(by_hand)
    assert study.best_month == int(np.argmin(by_hand))
    assert study.regret_usd == pytest.approx(np.array(by_hand) - min(by_hand))


def test_switching_never_is_best_where_the_set_up_is_never_earned():
    study = sim.switching(case(one_off=1e6, self_usd=900.0))
    assert study.best_month is None
    assert study.cost_usd[-1] == pytest.approx(12_000.0)


def test_a_rate_of_discount_values_later_spending_less():
    rate = 0.3
    study = sim.switching(case(one_off=1_000.0, self_usd=900.0, finance={"discount_rate_per_year": rate}))
    monthly = (1 + rate) ** (1 / 12)
    by_hand = [
        sum(1_000.0 / monthly ** (j + 1) for j in range(month))
        + sum(900.0 / monthly ** (j + 1) for j in range(month, 12))
        + (1_000.0 / monthly**month if month < 12 else 0.0)
        for month in range(13)
    ]
    assert study.is_discounted
    assert study.cost_usd == pytest.approx(by_hand)


@pytest.mark.parametrize("month", [0, 5, 12])
def test_hardware_bought_at_the_switch_lives_from_then_on(month):
    study = sim.switching(case(months=18, fleet={"owned": MACHINE}))
    used = 18 - month
    replacements = (used - 1) // 12  # none on the last day
    left_age = used - 12 * replacements
    left = 12_000.0 - 9_000.0 * left_age / 12
    spent = 12_000.0 + replacements * 9_000.0 - left
    assert study.cost_usd[month] == pytest.approx(month * 1_000.0 + used * 1_000.0 + spent)


def test_switching_at_once_costs_what_the_ledger_of_the_challenger_says():
    scenario = case(one_off=500.0, self_usd=900.0, growth=0.02)
    study = sim.switching(scenario)
    assert study.cost_usd[0] == pytest.approx(sim.simulate(scenario, "fleet").total_usd)
    assert study.cost_usd[-1] == pytest.approx(sim.simulate(scenario, "api").total_usd)


def test_weeks_until_live_are_part_of_what_a_switch_costs():
    late = {"rental": {"usd_per_gpu_hour": 0.0}, "weeks_until_live": 8}
    scenario = case(fleet=late, self_usd=500.0)
    study = sim.switching(scenario)
    assert study.cost_usd[0] == pytest.approx(sim.simulate(scenario, "fleet").total_usd)
    # Eight weeks of the API at 1,000 USD a month are paid beside, whenever one switches.
    weeks_usd = 1_000.0 * 8 * 7 * 24 / 730
    assert study.cost_usd[3] == pytest.approx(3 * 1_000.0 + 9 * 500.0 + weeks_usd, rel=1e-2)


def test_the_challenger_must_be_an_option_other_than_the_baseline():
    with pytest.raises(ValueError, match="challenger is 'api', must be one of fleet"):
        sim.over_time(case(), "api")


def test_what_costs_more_at_first_without_an_outlay_earns_no_return():
    path = sim.over_time(case(growth=0.2, self_usd=1_500.0))
    assert path.paid_back is not None
    assert len(path.rates_per_month) == 1
    assert path.irr_per_month is None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(bundled_scenarios()))
def test_in_every_bundled_scenario_the_sums_over_time_are_those_of_the_ledgers(name):
    scenario = sim.load_scenario(name, overrides={"horizon.step_s": 3600})
    path, switch = sim.over_time(scenario), sim.switching(scenario)
    ledgers = [sim.simulate(scenario, option) for option in (path.baseline, path.challenger)]
    totals = [ledger.total_usd for ledger in ledgers]
    # Hardware is paid at the start in place of what it is charged, and is still worth something at the end.
    owned = [getattr(make_plan(scenario).options[ledger.option], "owned", None) for ledger in ledgers]
    paid = [0.0 if hardware is None else hardware.price_usd for hardware in owned]
    charged = [float(ledger.costs.filter(["depreciation", "financing", "spares"]).sum().sum()) for ledger in ledgers]
    in_cash = [total - less + more for total, less, more in zip(totals, charged, paid, strict=True)]
    left = [path.baseline_cash.left_usd, path.challenger_cash.left_usd]
    assert all((worth > 0) == (hardware is not None) for worth, hardware in zip(left, owned, strict=True))
    assert switch.cost_usd[[-1, 0]] == pytest.approx([cash - worth for cash, worth in zip(in_cash, left, strict=True)])
    assert path.saved_usd[-1] == pytest.approx(in_cash[0] - in_cash[1], abs=1e-9 * sum(totals))
    one_off = path.challenger_cash.at_starts_usd.sum() - path.baseline_cash.at_starts_usd.sum() + paid[0] - paid[1]
    assert path.baseline_usd.sum() - path.challenger_usd.sum() == pytest.approx(
        totals[0] - totals[1] + one_off, abs=1e-9 * sum(totals)
    )
