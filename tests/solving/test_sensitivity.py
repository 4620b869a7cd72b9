"""Which input matters and what would turn the choice, against closed forms."""

import math

import numpy as np
import pytest
from scipy import stats
from uncertain_scenarios import api, divisible, fixed, lognormal, scenario

import simulator as sim

Z90 = stats.norm.ppf(0.9)
VOLUME = 15e9
THROUGHPUT, FIXED = "options.fleet.throughput.total_tokens_per_s", "options.fleet.monthly_fixed_usd.all"
PRICE = "options.api.prices.output_usd_per_mtok"


def difference_usd(tokens_per_s=1800.0, fixed_usd=8000.0):
    """Fleet minus API at 15e9 tokens a month, 0.9 USD a million."""
    return VOLUME / tokens_per_s / 3600 * 2.5 + fixed_usd - 0.9 * VOLUME / 1e6


def break_even(tokens_per_s=1800.0, fixed_usd=8000.0):
    return fixed_usd / (0.9e-6 - 2.5 / 3600 / tokens_per_s)


@pytest.fixture(scope="module")
def found():
    fleet = divisible(lognormal(1800.0, 0.35), 2.5, {"p10": 7000.0, "p50": 8000.0, "p90": 9500.0})
    return sim.sensitivity(scenario({"api": api(0.9), "fleet": fleet}, VOLUME))


def test_the_tornado_moves_one_input_at_a_time_to_its_p10_and_p90(found):
    table = found.tornado.set_index("key")
    ends = [1800.0 * math.exp(sign * 0.35 * Z90) for sign in (-1, 1)]
    for column, throughput, fixed_usd in (("p10", ends[0], 7000.0), ("p90", ends[1], 9500.0)):
        of_throughput, of_fixed = table.loc[THROUGHPUT], table.loc[FIXED]
        assert of_throughput[column] == pytest.approx(throughput)
        assert of_throughput[f"difference_at_{column}"] == pytest.approx(difference_usd(throughput))
        assert of_throughput[f"settled_at_{column}"] == pytest.approx(break_even(throughput), rel=3e-4)
        assert of_fixed[f"difference_at_{column}"] == pytest.approx(difference_usd(fixed_usd=fixed_usd))
        assert of_fixed[f"settled_at_{column}"] == pytest.approx(break_even(fixed_usd=fixed_usd), rel=3e-4)
    assert found.difference_usd_per_month == pytest.approx(difference_usd())
    swings = (found.tornado["difference_at_p90"] - found.tornado["difference_at_p10"]).abs()
    assert list(swings) == sorted(swings, reverse=True)


def test_the_choice_turns_where_both_cost_the_same(found):
    table = found.flips.set_index("key")
    throughput = VOLUME / 3600 * 2.5 / (0.9 * VOLUME / 1e6 - 8000.0)
    fixed_usd = 0.9 * VOLUME / 1e6 - VOLUME / 1800.0 / 3600 * 2.5
    assert table.loc[THROUGHPUT, "flips_at"] == pytest.approx(throughput, rel=1e-4)
    assert table.loc[FIXED, "flips_at"] == pytest.approx(fixed_usd, rel=1e-4)
    assert table.loc[FIXED, "change_share"] == pytest.approx(fixed_usd / 8000.0 - 1, rel=1e-3)
    assert table.loc[THROUGHPUT, "p_beyond"] == pytest.approx(
        1 - stats.norm.cdf(math.log(throughput / 1800.0) / 0.35), abs=1e-3
    )
    assert set(table["becomes_cheaper"]) == {"fleet"}


def test_the_number_of_gpus_at_which_the_choice_turns_is_a_whole_one():
    # 1,000 USD of API against one replica of 2 to 8 GPUs at 200 USD each and 1 USD besides: 5 GPUs cost more.
    fleet = {**fixed(1.0), "rental": {"usd_per_gpu_hour": 200.0 / 730}}
    fleet["gpus_per_replica"] = {"choice": {"values": [2, 3, 4, 6, 7, 8], "weights": [0.2, 0.2, 0.2, 0.2, 0.1, 0.1]}}
    turn = sim.sensitivity(scenario({"api": api(1.0), "fleet": fleet}, 1e9)).flips.iloc[0]
    assert (turn["today"], turn["flips_at"], turn["becomes_cheaper"]) == (4.0, 5.0, "api")
    assert turn["p_beyond"] == pytest.approx(0.4, abs=1e-3)


def test_an_input_that_turns_nothing_says_so():
    found = sim.sensitivity(scenario({"api": api(1.0), "fleet": fixed({"uniform": {"low": 10, "high": 20}})}, 1e9))
    assert found.flips["flips_at"].isna().all()
    assert found.flips["becomes_cheaper"].isna().all()
    assert found.difference_usd_per_month == pytest.approx(15.0 - 1000.0)


@pytest.mark.slow
def test_variance_shares_of_a_sum_are_those_of_its_terms():
    # Fleet minus API is a uniform cost minus 1,000 times a uniform price: variances (high - low)^2 / 12, none together.
    options = {
        "api": {"kind": "api", "prices": {
            "input_usd_per_mtok": 0.0, "output_usd_per_mtok": {"uniform": {"low": 0.9, "high": 1.1}},
        }},
        "fleet": fixed({"uniform": {"low": 800.0, "high": 1200.0}}),
    }  # fmt: skip
    data = scenario(options, 1e9, workload={"request": {"input_tokens": 0, "output_tokens": 1000}})
    table = sim.sensitivity(data, sobol_paths=128).indices.set_index("key")
    shares = np.array([400.0**2, 200.0**2]) / (400.0**2 + 200.0**2)
    for column in ("first_order", "total"):
        assert table.loc[[FIXED, PRICE], column].to_numpy() == pytest.approx(shares, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"challenger": "none"}, "challenger is 'none', must be one of fleet"),
        ({"sobol_paths": 100}, "sobol_paths is 100, must be a power of 2, or 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments, said):
    data = scenario({"api": api(1.0), "fleet": fixed({"uniform": {"low": 10, "high": 20}})}, 1e9)
    with pytest.raises(ValueError, match=said):
        sim.sensitivity(data, **arguments)
    with pytest.raises(ValueError, match="no input of the scenario is uncertain"):
        sim.sensitivity(scenario({"api": api(1.0), "fleet": fixed(10.0)}, 1e9))
