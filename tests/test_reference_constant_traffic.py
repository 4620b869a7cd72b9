"""Constant traffic: break-even is fixed cost over the difference of the costs per token."""

import math

import pytest

import simulator as sim
from simulator.domain.serving import unit_cost_usd_per_mtok

DAYS_PER_MONTH = 730.0 / 24.0
NOT_BINDING_TOKENS_PER_S = 1e18


def always_on(api, request, fleet):
    """One replica that is never full against an API. `api` and `request` are (input, output)."""
    return {
        "title": "constant traffic",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9},
        "workload": {"chat": {"input_tokens": request[0], "output_tokens": request[1]}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": api[0], "output_usd_per_mtok": api[1]}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"total_tokens_per_s": NOT_BINDING_TOKENS_PER_S},
                "autoscaling": {"kind": "fixed", "count": 1},
                **fleet,
            },
        },
    }


ONE_H100 = {"rental": {"usd_per_gpu_hour": 2.5}}
FOUR_A100_AND_HALF_AN_ENGINEER = {
    "rental": {"usd_per_gpu_hour": 3.0},
    "gpus_per_replica": 4,
    "engineers": {"base_persons": 0.5, "usd_per_person_year": 180_000.0},
}
FOUR_A100_AND_A_FIXED_ITEM = {
    "rental": {"usd_per_gpu_hour": 3.0},
    "gpus_per_replica": 4,
    "monthly_fixed_usd": {"half an engineer": 7_500.0},
}
OWNED_NODE = {
    "rental": {"usd_per_gpu_hour": 0.0},
    "monthly_fixed_usd": {"amortisation": 60_000.0 / 36, "colocation": 2_000.0},
    "variable_usd_per_mtok": 0.05,
}
DEAR_PER_TOKEN = {"rental": {"usd_per_gpu_hour": 2.0}, "variable_usd_per_mtok": 0.12}


@pytest.mark.parametrize(
    ("api", "request_tokens", "fleet", "fixed_usd", "blended_usd_per_mtok", "tokens_per_month", "requests_per_day"),
    [
        pytest.param((3, 15), (500, 300), ONE_H100, 1_825.0, 7.5, 243_333_333.3, 10_000.0, id="one H100, no staff"),
        pytest.param(
            (2.5, 10), (1000, 250), FOUR_A100_AND_HALF_AN_ENGINEER, 16_260.0, 4.0, 4.065e9, 106_915.0685,
            id="four A100 and half an engineer",
        ),
        pytest.param(
            (2.5, 10), (1000, 250), FOUR_A100_AND_A_FIXED_ITEM, 16_260.0, 4.0, 4.065e9, 106_915.0685,
            id="four A100 and the engineer as a fixed item",
        ),
        pytest.param(
            (0.6, 2.4), (5, 1), OWNED_NODE, 3_666.666667, 0.9, 4_313_725_490.0, 23_636_852.0,
            id="owned node with energy per token",
        ),
    ],
)  # fmt: skip
def test_break_even_is_fixed_cost_over_the_margin_per_token(
    api, request_tokens, fleet, fixed_usd, blended_usd_per_mtok, tokens_per_month, requests_per_day
):
    scenario = always_on(api, request_tokens, fleet)
    study = sim.break_even(scenario)
    assert study.first == pytest.approx(tokens_per_month, rel=1e-6)
    assert study.settled == study.first
    assert [(c.becomes_cheaper, c.kind) for c in study.crossings] == [("challenger", "continuous")]
    per_day = study.first / sum(request_tokens) / DAYS_PER_MONTH
    assert per_day == pytest.approx(requests_per_day, rel=1e-6)
    table = sim.cost_curve(scenario, tokens_per_month=[0.0, 1e6]).query("line == 'total'").set_index("option")
    assert table.loc["fleet", "usd_per_month"].iloc[0] == pytest.approx(fixed_usd, rel=1e-6)
    assert table.loc["api", "usd_per_month"].iloc[1] == pytest.approx(blended_usd_per_mtok, rel=1e-6)


def test_a_variable_cost_above_the_price_never_breaks_even():
    study = sim.break_even(always_on((0.1, 0.1), (1, 1), DEAR_PER_TOKEN))
    assert (study.first, study.settled, study.crossings) == (None, None, ())
    assert study.reason == "baseline_always_cheaper"


@pytest.mark.parametrize(
    ("usd_per_mtok", "share"), [(0.6, 0.6092592593), (0.3, 1.218518519)], ids=["can pay", "can't pay at any load"]
)
def test_a_rented_gpu_breaks_even_at_a_share_of_its_throughput(usd_per_mtok, share):
    scenario = always_on((usd_per_mtok, usd_per_mtok), (3, 1), {"rental": {"usd_per_gpu_hour": 3.29}})
    scenario["options"]["fleet"]["throughput"] = {"total_tokens_per_s": 2_500.0}
    pair = sim.break_even(scenario).pairs["fleet"]
    assert pair.breakeven_utilization_share == pytest.approx(share, rel=1e-6)
    assert pair.usd_per_mtok_at_full_load == pytest.approx(0.3655555556, rel=1e-6)
    assert unit_cost_usd_per_mtok(3.29, 2_500.0, 0.1) == pytest.approx(3.655555556, rel=1e-6)


@pytest.mark.parametrize("usd_per_mtok", [0.6, 0.3])
def test_a_gpu_that_grows_with_the_load_pays_from_the_share_on_or_never(usd_per_mtok):
    scenario = always_on((usd_per_mtok, usd_per_mtok), (3, 1), {"rental": {"usd_per_gpu_hour": 3.29}})
    scenario["options"]["fleet"] |= {
        "throughput": {"total_tokens_per_s": 2_500.0},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
    }
    full_month = 2_500.0 * 2_628_000.0
    first = sim.break_even(scenario).first
    expected = 0.6092592593 * full_month if usd_per_mtok == 0.6 else None
    assert first == (None if expected is None else pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize("exponent", [27, 33])
def test_a_break_even_at_a_power_of_two_is_found_as_any_other(exponent):
    usd_per_month = math.ldexp(1.0, exponent) / 1e6  # at 1 USD a million tokens
    fleet = {"rental": {"usd_per_gpu_hour": 0.0}, "monthly_fixed_usd": {"all": usd_per_month}}
    study = sim.break_even(always_on((1, 1), (1, 1), fleet))
    assert study.first == pytest.approx(2.0**exponent, rel=1e-9)
    assert study.settled == study.first
    assert study.reason is None
