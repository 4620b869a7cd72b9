"""Worked reference cases of falling prices, growth, payback and present value, through the public interface.

Figures were worked out apart from this program: by substitution, by root finding on both sides of the maximum, and
month by month. Continuous figures of a path that falls or grows at a steady rate come from the path itself.
"""

import math

import pytest

import simulator as sim
from simulator.domain.cash_flows import DecayingSaving, discounted_payback_months, months_until_equal
from simulator.domain.finance import rate_per_month

FIGURE = 1e-6  # relative
HALVING_IN_8_MONTHS = 1.0 - 2.0 ** (-12 / 8)  # share lost in a year
HALVING_IN_5_MONTHS = 1.0 - 2.0 ** (-12 / 5)


def against_a_fixed_cost(
    *,
    tokens=1e9,
    usd_per_mtok=1.0,
    self_usd=0.0,
    months=12,
    growth=0.0,
    decline=0.0,
    one_off=0.0,
    finance=None,
    **fleet,
):
    """An API whose price may fall, and a fleet that serves anything for a fixed cost a month."""
    price = {"input_usd_per_mtok": usd_per_mtok, "output_usd_per_mtok": usd_per_mtok}
    return {
        "title": "over time",
        "horizon": {"months": months, "step_s": 262_800},
        "traffic": {"tokens_per_month": tokens, "growth_per_month": growth},
        "workload": {"chat": {"input_tokens": 600, "output_tokens": 400}},
        "finance": finance or {},
        "options": {
            "api": {"kind": "api", "prices": price, "terms": {"price_decline": {"share_per_year": decline}}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e12},
                **({} if fleet else {"rental": {"usd_per_gpu_hour": 0.0}}),
                "monthly_fixed_usd": {"running": self_usd},
                "one_off_usd": {"set-up": one_off} if one_off else {},
                **fleet,
            },
        },
    }


def bought(usd, life_years, residual_share=0.0):
    """One machine that draws next to nothing."""
    power = {"idle_w": 0.0, "loaded_w": 1e-9, "usd_per_kwh": 0.0, "pue": 1.0, "kg_co2e_per_kwh": 0.0}
    return {
        "nodes": 1,
        "gpus_per_node": 1,
        "usd_per_node": usd,
        "life_years": life_years,
        "residual_share": residual_share,
        "support_share_per_year": 0.0,
        "site": "own_room",
        "power": power,
    }


def test_an_api_ten_times_cheaper_a_year_undercuts_a_constant_cost_in_month_7():
    path = sim.over_time(against_a_fixed_cost(tokens=3e9, usd_per_mtok=6.0, self_usd=5_000.0, decline=0.9, months=12))
    (turn,) = path.turns
    assert path.baseline_usd[0] == pytest.approx(18_000.0)
    assert (turn.becomes_cheaper, turn.month) == ("baseline", 7)
    assert turn.months == pytest.approx(6.675630009, rel=FIGURE)
    assert turn.months / 12 == pytest.approx(0.5563025008, rel=FIGURE)
    assert months_until_equal(18_000.0, 5_000.0, 10 ** (-1 / 12)) == pytest.approx(6.675630009, rel=FIGURE)
    # A year later the price is a tenth.
    longer = against_a_fixed_cost(tokens=3e9, usd_per_mtok=6.0, self_usd=5_000.0, decline=0.9, months=13)
    volumes = sim.volumes_over_time(longer)
    assert volumes.months[-1] == 12
    assert volumes.settled[-1] == pytest.approx(8_333_333_333.0, rel=FIGURE)


@pytest.mark.parametrize("is_bought", [False, True], ids=["one-off cost", "hardware"])
def test_what_a_halving_price_pays_back_in_month_7_it_takes_back_in_month_28(is_bought):
    fleet = {"owned": bought(30_000.0, 10)} if is_bought else {"one_off": 30_000.0}
    case = against_a_fixed_cost(tokens=9e9, self_usd=2_500.0, decline=HALVING_IN_8_MONTHS, months=36, **fleet)
    path = sim.over_time(case)
    assert path.outlay_usd == pytest.approx(30_000.0)
    assert path.paid_back.whole_months == 7
    assert path.undone.whole_months == 27 + 1  # the last month that ends at zero or above is the 27th
    assert [change.into for change in path.changes] == ["ahead", "behind"]


def test_without_an_end_of_month_hardware_pays_back_in_7_1_and_gives_it_back_in_24_6_months():
    saving = DecayingSaving(9_000.0, 8.0, 2_500.0, 30_000.0)
    assert saving.decay_per_month == pytest.approx(0.08664339757, rel=FIGURE)
    assert saving.best_months == pytest.approx(14.78397525, rel=FIGURE)
    assert saving.saved_usd(saving.best_months) == pytest.approx(8_060.203995, rel=FIGURE)
    assert saving.paid_back_months == pytest.approx(7.11061148, rel=FIGURE)
    assert saving.undone_months == pytest.approx(24.63316473, rel=FIGURE)


def test_hardware_against_a_price_that_halves_every_five_months_never_pays_back():
    path = sim.over_time(
        against_a_fixed_cost(tokens=9e9, self_usd=2_500.0, decline=HALVING_IN_5_MONTHS, one_off=30_000.0, months=60)
    )
    assert path.paid_back is None
    assert path.undone is None
    assert path.changes == ()
    saving = DecayingSaving(9_000.0, 5.0, 2_500.0, 30_000.0)
    assert saving.decay_per_month == pytest.approx(0.1386294361, rel=FIGURE)
    assert saving.best_months == pytest.approx(9.239984533, rel=FIGURE)
    assert saving.saved_usd(saving.best_months) == pytest.approx(-6_212.372503, rel=FIGURE)
    assert saving.paid_back_months is None
    assert saving.undone_months is None


# (capex, saving a month, rate a year, months, residual), then the monthly rate, simple and discounted payback, NPV,
# IRR a month and a year, and the outlay at which the NPV is zero.
NODE = (250_000.0, 14_000.0, 0.12, 36, 40_000.0)
NODE_FIGURES = (0.009488792935, 17.85714286, 19.65875395, 20, 203_717.7674, 0.04656970782, 0.7267041113, 453_717.7674)
WORKSTATION = (4_000.0, 180.0, 0.2, 24, 500.0)
WORKSTATION_FIGURES = (
    0.0153094705,
    22.22222222,
    27.36929461,
    28,
    -60.23027583,
    0.01411453343,
    0.1831616392,
    3_939.769724,
)


@pytest.mark.parametrize(
    ("case", "figures"), [(NODE, NODE_FIGURES), (WORKSTATION, WORKSTATION_FIGURES)], ids=["node", "workstation"]
)
def test_bought_hardware_has_the_textbooks_payback_present_value_and_return(case, figures):
    capex, saving, rate, months, residual = case
    monthly, simple, discounted, discounted_month, npv, irr_month, irr_year, outlay = figures

    def path(horizon_months, life_years):
        return sim.over_time(
            against_a_fixed_cost(
                tokens=(saving + 1_000.0) * 1e6,
                self_usd=1_000.0,
                months=horizon_months,
                finance={"discount_rate_per_year": rate},
                owned=bought(capex, life_years, residual / capex),
            )
        )

    # The life ends with the horizon: the residual comes at its very end.
    whole = path(months, months / 12)
    assert whole.outlay_usd == pytest.approx(capex, rel=FIGURE)
    assert whole.paid_back.months == pytest.approx(simple, rel=FIGURE)
    assert whole.npv_usd == pytest.approx(npv, rel=FIGURE)
    assert whole.irr_per_month == pytest.approx(irr_month, rel=FIGURE)
    assert whole.irr_per_year == pytest.approx(irr_year, rel=FIGURE)
    assert whole.outlay_for_zero_npv_usd == pytest.approx(outlay, rel=FIGURE)
    assert rate_per_month(rate) == pytest.approx(monthly, rel=FIGURE)
    # A life long enough for the interest to be earned as well.
    longer = path(36, 3)
    assert longer.discounted_payback.months == pytest.approx(discounted, rel=FIGURE)
    assert longer.discounted_payback.whole_months == discounted_month
    assert discounted_payback_months(capex, saving, rate_per_month(rate)) == pytest.approx(discounted, rel=FIGURE)


def test_eight_percent_growth_a_month_turns_the_run_rate_in_month_33_and_the_sum_in_month_51():
    case = against_a_fixed_cost(tokens=200e6, usd_per_mtok=2.0, self_usd=5_000.0, growth=0.08, months=60)
    path = sim.over_time(case)
    (turn,) = path.turns
    assert (turn.becomes_cheaper, turn.month) == ("challenger", 33)
    assert turn.months == pytest.approx(32.81827542, rel=FIGURE)
    # Months of the sum are counted from 0: at the end of month 51 of it 52 have passed.
    assert path.paid_back.whole_months - 1 == 51
    assert sim.break_even(case).settled == pytest.approx(2.5e9, rel=FIGURE)


def test_set_up_cost_at_fifteen_percent_growth_is_paid_back_in_month_26():
    case = against_a_fixed_cost(tokens=500e6, self_usd=4_000.0, growth=0.15, one_off=25_000.0, months=36)
    path = sim.over_time(case)
    (turn,) = path.turns
    assert (turn.becomes_cheaper, turn.month) == ("challenger", 15)
    assert turn.months == pytest.approx(14.87845336, rel=FIGURE)
    assert path.paid_back.whole_months - 1 == 26
    assert sim.break_even(case).settled == pytest.approx(4e9, rel=FIGURE)


def test_where_prices_fall_faster_than_the_volume_grows_the_api_becomes_the_cheaper_one():
    case = against_a_fixed_cost(
        tokens=2e9, usd_per_mtok=3.0, self_usd=5_000.0, growth=0.1, decline=1 - 1 / 4, months=24
    )
    path = sim.over_time(case)
    (turn,) = path.turns
    assert path.baseline_usd[0] == pytest.approx(6_000.0)
    assert path.baseline_usd[1] / path.baseline_usd[0] == pytest.approx(0.97998859, rel=FIGURE)
    assert path.challenger_usd[0] < path.baseline_usd[0]
    assert (turn.becomes_cheaper, turn.month) == ("baseline", 10)
    assert turn.months == pytest.approx(9.01941216, rel=FIGURE)
    assert math.isclose(months_until_equal(6_000.0, 5_000.0, 1.1 * 4 ** (-1 / 12)), 9.01941216, rel_tol=FIGURE)
