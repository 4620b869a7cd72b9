"""Break-even over paths of uncertain inputs, against closed forms worked out in the tests."""

import math

import numpy as np
import pytest
from scipy import stats
from uncertain_scenarios import (
    api,
    divisible,
    fixed,
    lognormal,
    reference_k1,
    reference_k2,
    scenario,
    staircase,
)

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.solving.path_statistics import half_width_share, median_interval, quantile, simultaneous_half_width
from simulator.solving.paths import PathSolver
from simulator.solving.uncertainty import BOTH, INPUTS, TRAFFIC

K_PATHS = 512  # of 100,000 that the reference cases were worked out for


def quantile_error(density, share, paths=K_PATHS):
    """Standard error of a quantile of independent draws, from the density there."""
    return math.sqrt(share * (1 - share) / paths) / density


def probability_error(p, paths=K_PATHS):
    return math.sqrt(p * (1 - p) / paths)


def p_at(pair, volume):
    """P(cheaper) at a volume, from the share of paths that cross for good below it."""
    table = pair.probability
    return float(np.interp(math.log(volume), np.log(table["tokens_per_month"]), table["p_cheaper"]))


# Reference cases


@pytest.fixture(scope="module")
def k1():
    return sim.uncertainty(reference_k1(), paths=K_PATHS)


@pytest.fixture(scope="module")
def k2():
    return sim.uncertainty(reference_k2(), paths=K_PATHS)


def k1_break_even(share):
    """The quantile of V* = fixed / (price - rent / throughput): it falls with the throughput."""
    throughput = 1800.0 * math.exp(0.35 * stats.norm.ppf(1 - share))
    return 8000.0 / (0.9e-6 - 2.5 / 3600 / throughput)


@pytest.mark.slow
def test_quantiles_of_the_break_even_with_lognormal_throughput(k1):
    for share, listed in {
        0.05: 11_712_023_870.0, 0.25: 13_438_096_180.0, 0.5: 15_558_223_290.0, 0.75: 19_442_395_080.0,
        0.9: 27_043_272_530.0,
    }.items():  # fmt: skip
        assert k1_break_even(share) == pytest.approx(listed, rel=1e-9)
        step = 1e-5
        density = 2 * step / (k1_break_even(share + step) - k1_break_even(share - step))
        found = quantile(k1.paths["settled:fleet"].to_numpy(), share)
        # Sobol numbers lie more evenly than independent ones, so three of their errors are much.
        assert found == pytest.approx(listed, abs=3 * quantile_error(density, share))
        assert found == pytest.approx(listed, rel=0.04 if share < 0.9 else 0.1)


@pytest.mark.slow
def test_the_share_of_paths_that_never_break_even_is_that_of_too_low_a_throughput(k1):
    p_never = stats.norm.cdf(math.log(2.5 / 3600 / 0.9e-6 / 1800.0) / 0.35)
    assert p_never == pytest.approx(0.007756031366, rel=1e-8)
    band = k1.first_pair.band("settled")
    assert band["never_share"] == pytest.approx(p_never, abs=3 * probability_error(p_never))
    assert band["infeasible_share"] == 0.0
    assert k1.first_pair.reasons == {"baseline_always_cheaper": band["never_share"]}
    assert np.isinf(k1.paths["settled:fleet"]).mean() == band["never_share"]  # kept among the paths as infinity


@pytest.mark.slow
def test_the_probability_of_being_cheaper_over_volume_with_lognormal_throughput(k1):
    for volume, listed in {9e9: 0.0, 15e9: 0.4422174611, 40e9: 0.9556369985}.items():
        found = p_at(k1.first_pair, volume)
        assert found == pytest.approx(listed, abs=3 * probability_error(listed) + 0.005)
        table = k1.first_pair.probability
        low = np.interp(math.log(volume), np.log(table["tokens_per_month"]), table["low"])
        high = np.interp(math.log(volume), np.log(table["tokens_per_month"]), table["high"])
        assert low <= listed <= high
    assert k1.first_pair.p_cheaper_at_own_volume == pytest.approx(0.4422174611, abs=3 * probability_error(0.4422174611))


@pytest.mark.slow
def test_break_even_of_a_lognormal_cost_over_a_lognormal_price(k2):
    sigma = math.sqrt(0.25**2 + 0.4**2 - 2 * 0.3 * 0.25 * 0.4)
    assert sigma == pytest.approx(0.4031128874, rel=1e-9)
    law = stats.lognorm(sigma, scale=3e9)
    assert law.ppf([0.05, 0.95]) == pytest.approx([1_545_813_940.0, 5_822_175_468.0], rel=1e-9)
    band = k2.first_pair.band("settled")
    for column, share in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95)):
        error = quantile_error(law.pdf(law.ppf(share)), share)
        assert band[column] == pytest.approx(law.ppf(share), abs=3 * error)
    for volume, listed in {2e9: 0.1572474399, 3e9: 0.5, 6e9: 0.957237091}.items():
        assert law.cdf(volume) == pytest.approx(listed, rel=1e-8)
        assert p_at(k2.first_pair, volume) == pytest.approx(listed, abs=3 * probability_error(listed) + 0.005)
    settled = k2.paths["settled:fleet"]
    spread = 3e9 * math.exp(sigma**2 / 2) * math.sqrt(math.expm1(sigma**2) / K_PATHS)
    assert settled.mean() == pytest.approx(3_253_926_070.0, abs=3 * spread)
    assert np.log(settled).std() == pytest.approx(sigma, rel=0.1)  # 3 standard errors of 1 / sqrt(2 n)


@pytest.mark.slow
def test_the_interval_of_the_median_holds_the_true_one(k1, k2):
    for study, true in ((k1, 15_558_223_290.0), (k2, 3e9)):
        low, high = study.first_pair.median_interval
        assert low <= true <= high
        width = study.first_pair.half_width_share
        assert width == pytest.approx((high - low) / 2 / study.first_pair.band()["p50"])


# Verdicts, never an exception


def verdict(options, tokens_per_month=1e9, **more):
    return sim.uncertainty(scenario(options, tokens_per_month, **more), paths=64)


WIDE = {"uniform": {"low": 900.0, "high": 1100.0}}


def test_a_baseline_that_is_cheaper_at_every_volume_is_never_broken_even_with():
    study = verdict({"api": api(0.0), "fleet": fixed(WIDE)})
    band = study.first_pair.band("settled")
    assert (band["never_share"], band["p50"]) == (1.0, math.inf)
    assert study.first_pair.reasons == {"baseline_always_cheaper": 1.0}
    assert study.first_pair.median_interval == (math.inf, math.inf)
    assert study.is_precise  # that it never pays is known, and needs no more paths
    assert study.first_pair.probability["p_cheaper"].max() == 0.0
    assert study.first_pair.probability["high"].min() > 0.0  # 64 paths can't rule out what is rare


def test_a_challenger_that_is_cheaper_at_every_volume_breaks_even_at_nothing():
    study = verdict({"api": api(1.0, monthly_fixed_usd={"all": 2000.0}), "fleet": fixed(WIDE)})
    assert study.first_pair.band("settled")["p95"] == 0.0
    assert study.first_pair.band("settled")["never_share"] == 0.0
    assert study.first_pair.p_cheaper_at_own_volume == 1.0
    assert study.value_of_perfect_information_usd_per_month == 0.0


def test_two_options_that_cost_the_same_are_no_reason_to_change():
    unimportant = {"inputs": {"options.fleet.cold_start_s": {"uniform": {"low": 1, "high": 9}}}}
    same = {"api": api(0.0, monthly_fixed_usd={"all": 1000.0}), "fleet": fixed(1000.0)}
    study = verdict(same, uncertainty=unimportant)
    assert study.first_pair.reasons == {"baseline_always_cheaper": 1.0}
    assert study.decision["expected_regret_usd_per_month"].tolist() == [0.0, 0.0]


def test_a_staircase_that_is_crossed_31_times_says_so_on_every_path():
    rent_usd, gpu_tokens, price = 1500.0, 1e9, 1.6  # each GPU, full, earns 100 USD a month
    data = scenario(
        {"api": api(price), "fleet": staircase(rent_usd, gpu_tokens, {"uniform": {"low": 945.0, "high": 955.0}})}, 9e9
    )
    # GPU k turns cheaper where price V = k rent + fixed, if that lies within its step: from k = 10 on. A GPU more
    # makes it dearer again as long as k 100 < rent + fixed: up to k = 24. That is 15 up, 16 down.
    study = sim.uncertainty(data, paths=64)
    solver = PathSolver(sim.load_scenario(data), make_plan)
    for fixed_usd in study.paths["options.fleet.monthly_fixed_usd.all"].iloc[:4]:
        answer = solver.solve({"options.fleet.monthly_fixed_usd.all": float(fixed_usd)})
        assert len(answer.pairs["fleet"].crossings) == 31
        assert answer.first("fleet") == pytest.approx((10 * rent_usd + fixed_usd) / price * 1e6, rel=3e-4)
        assert answer.settled("fleet") == pytest.approx((25 * rent_usd + fixed_usd) / price * 1e6, rel=3e-4)
    band_first, band_settled = study.first_pair.band("first"), study.first_pair.band("settled")
    assert band_first["p50"] == pytest.approx(15_950 / price * 1e6, rel=1e-3)
    assert band_settled["p50"] == pytest.approx(38_450 / price * 1e6, rel=1e-3)
    # Just below a full twelfth GPU it pays, just above it does not, on every path.
    volumes = study.first_pair.probability["tokens_per_month"].to_numpy()
    p = study.first_pair.probability["p_cheaper"].to_numpy()
    for volume, chance in zip(volumes, p, strict=True):
        gpus = math.ceil(volume / gpu_tokens)
        gain = price * volume / 1e6 - gpus * rent_usd
        if not 940 < gain < 960:
            assert chance == float(gain > 950), volume


def test_crossings_outside_the_range_of_the_curve_are_found_all_the_same():
    study = verdict(
        {"api": api(1.0), "fleet": fixed(WIDE)},
        volume_range={"minimum_tokens_per_month": 1.0, "maximum_tokens_per_month": 100.0},
    )
    assert study.first_pair.band("settled")["p50"] == pytest.approx(1e9, rel=0.01)
    assert study.curves["tokens_per_month"].max() == pytest.approx(100.0)


def test_a_fleet_that_is_too_small_at_high_volumes_cannot_be_had_there():
    small = staircase(1000.0, 1e9, 100.0, replicas={"maximum": 2}, overflow="reject")
    small["rental"] = {"usd_per_gpu_hour": {"uniform": {"low": 1.0, "high": 2.0}}}
    study = verdict({"api": api(2.0), "fleet": small}, tokens_per_month=1e10)
    of_fleet = study.decision.set_index("option").loc["fleet"]
    assert of_fleet["infeasible_share"] == 1.0
    assert study.first_pair.p_cheaper_at_own_volume == 0.0
    assert math.isnan(study.value_of_perfect_information_usd_per_month)


def test_paths_on_which_an_option_cannot_be_had_are_a_share():
    options = {
        "api": api(1.0),
        "fleet": {
            "kind": "self_hosted", "model": "llama-3.3-70b", "gpu": "h100-sxm", "precision": "fp16",
            "gpus_per_replica": {"choice": {"values": [1, 4], "weights": [0.25, 0.75]}},
            "rental": {"usd_per_gpu_hour": 2.0},
        },
    }  # fmt: skip
    study = verdict(options, tokens_per_month=1e12)
    band = study.first_pair.band("settled")
    assert band["infeasible_share"] == 0.25  # 141 GB do not fit one GPU of 80
    assert study.first_pair.reasons["infeasible"] == 0.25
    assert band["never_share"] >= 0.25
    assert study.decision.set_index("option").loc["fleet", "infeasible_share"] >= 0.25


def test_a_scenario_in_which_nothing_is_uncertain_is_refused():
    with pytest.raises(ValueError, match="nothing in the scenario is uncertain"):
        sim.uncertainty(scenario({"api": api(1.0), "fleet": fixed(1000.0)}, 1e9))


# The choice


def test_what_knowing_first_is_worth_with_two_equally_likely_costs():
    # At 1e9 tokens the API costs 1,000; the fleet 600 or 1,800. Blind: the API, 1,000. Knowing: 600 or 1,000, 800.
    study = verdict({"api": api(1.0), "fleet": fixed({"choice": {"values": [600.0, 1800.0]}})})
    choice = study.decision.set_index("option")
    assert choice["expected_usd_per_month"].to_dict() == pytest.approx({"api": 1000.0, "fleet": 1200.0})
    assert choice["expected_regret_usd_per_month"].to_dict() == pytest.approx({"api": 200.0, "fleet": 400.0})
    assert choice["p_cheapest"].to_dict() == {"api": 0.5, "fleet": 0.5}
    assert study.value_of_perfect_information_usd_per_month == pytest.approx(200.0)


@pytest.mark.slow
def test_correlated_inputs_leave_less_to_chance():
    def spread(correlation):
        data = reference_k2()
        data["uncertainty"]["correlations"][0]["correlation"] = correlation
        band = sim.uncertainty(data, paths=256).first_pair.band("settled")
        return math.log(band["p90"] / band["p10"])

    sigma = {rho: math.sqrt(0.25**2 + 0.4**2 - 2 * rho * 0.1) for rho in (-0.9, 0.9)}
    assert spread(-0.9) / spread(0.9) == pytest.approx(sigma[-0.9] / sigma[0.9], rel=0.1)


# Traffic and inputs apart

NOISY = {
    "tokens_per_month": 1e10,
    "noise": {"relative_sd": 0.5, "correlation_time_s": 20_000},
}


def test_chance_in_the_traffic_and_in_the_inputs_are_told_apart():
    options = {"api": api(1.0), "fleet": staircase(1000.0, 2e9, {"uniform": {"low": 900, "high": 1100}})}
    data = scenario(options, 1e10, traffic=NOISY, uncertainty={"traffic_seeds": 5})
    study = sim.uncertainty(data, paths=64)
    bands = study.first_pair.bands
    assert list(bands["varying"].unique()) == [TRAFFIC, INPUTS, BOTH]
    assert bands.groupby("varying")["paths"].first().to_dict() == {TRAFFIC: 5, INPUTS: 64, BOTH: 64}
    # Each seed with the inputs at their medians is the run of that seed.
    settled = []
    for seed in range(1, 6):
        alone = scenario({**options, "fleet": staircase(1000.0, 2e9, 1000.0)}, 1e10, traffic=NOISY, seed=seed)
        settled.append(sim.break_even(alone).settled)
    band = study.first_pair.band("settled", TRAFFIC)
    assert band["p50"] == pytest.approx(np.median(settled), rel=1e-3)
    assert len(set(settled)) == 5


def test_traffic_without_chance_has_no_band_of_its_own():
    assert list(verdict({"api": api(1.0), "fleet": fixed(WIDE)}).first_pair.bands["varying"].unique()) == [INPUTS]


def test_chance_in_the_traffic_alone_is_an_answer_too():
    options = {"api": api(1.0), "fleet": staircase(1000.0, 2e9, 1000.0)}
    study = sim.uncertainty(scenario(options, 1e10, traffic=NOISY, uncertainty={"traffic_seeds": 4}))
    assert list(study.first_pair.bands["varying"].unique()) == [TRAFFIC]
    assert len(study.paths) == 4


# Paths


def test_a_path_is_the_scenario_with_its_numbers_written_in():
    options = {
        "api": api(1.0),
        "fleet": staircase(1000.0, 2e9, 500.0) | {
            "rental": {"usd_per_gpu_hour": lognormal(1.4, 0.2)},
            "throughput": {"total_tokens_per_s": lognormal(800.0, 0.3)},
            "autoscaling": {"kind": "target_utilization", "target_share": {"uniform": {"low": 0.5, "high": 0.9}}},
            "cold_start_s": {"uniform": {"low": 0, "high": 7200}},
        },
    }  # fmt: skip
    traffic = {**NOISY, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
    study = sim.uncertainty(scenario(options, 1e10, traffic=traffic), paths=64)
    for path in (0, 17, 63):
        row = study.paths.iloc[path]
        values = {key: float(row[key]) for key in study.uncertainty.inputs}
        alone = sim.break_even(sim.load_scenario(scenario(options, 1e10, traffic=traffic), values))
        for quantity in ("settled", "first"):
            volume = getattr(alone, quantity)
            assert row[f"{quantity}:fleet"] == pytest.approx(math.inf if volume is None else volume, rel=5e-4)
        for name in ("api", "fleet"):
            assert row[f"usd:{name}"] == pytest.approx(alone.options[name].usd_per_month, rel=1e-9)


def test_more_paths_begin_with_the_same_ones():
    few, many = (sim.uncertainty(reference_k1(), paths=paths).paths for paths in (64, 128))
    assert few.equals(many.iloc[:64])


def test_paths_are_added_until_the_median_is_known_or_there_are_enough():
    rough = sim.uncertainty(reference_k1(paths=512), precision_share=0.5)
    assert (len(rough.paths), rough.is_precise) == (64, True)
    capped = sim.uncertainty(reference_k1(paths=128), precision_share=1e-6)
    assert (len(capped.paths), capped.is_precise) == (128, False)
    assert capped.first_pair.half_width_share > 1e-6


@pytest.mark.slow
def test_a_value_that_its_key_does_not_allow_is_set_to_the_end_that_it_does():
    share = {"normal": {"mean": 0.7, "sd": 0.128}}  # p99 is 0.998, and 1 % lie above 1
    fleet = {**divisible(1800.0, 2.5, 8000.0), "autoscaling": {"kind": "target_utilization", "target_share": share}}
    study = sim.uncertainty(scenario({"api": api(0.9), "fleet": fleet}, 15e9), paths=256)
    drawn = study.paths["options.fleet.autoscaling.target_share"]
    assert study.clipped_paths == int((drawn > 1.0).sum()) > 0
    assert study.first_pair.band()["infeasible_share"] == 0.0


# Statistics


def test_infinity_is_a_value_among_the_others():
    values = np.array([1.0, 2.0, 3.0, math.inf])
    assert (quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.75)) == (2.5, math.inf, 3.0)
    assert quantile(np.full(3, math.inf), 0.1) == math.inf
    assert half_width_share(2.0, (1.0, math.inf)) == math.inf
    assert half_width_share(math.inf, (math.inf, math.inf)) == 0.0


def test_the_interval_of_a_median_is_as_wide_as_the_order_statistics_say():
    values = np.sort(np.random.default_rng(1).random(401))
    low, high = median_interval(values, seed=1)
    # Exact for independent draws: ranks from the binomial with 401 draws and one half.
    ranks = stats.binom(401, 0.5).ppf([0.05, 0.95]).astype(int)
    assert low == pytest.approx(values[ranks[0]], abs=0.01)
    assert high == pytest.approx(values[ranks[1]], abs=0.01)


def test_sequences_that_agree_tell_the_median_exactly_and_ones_that_differ_give_student_s_interval():
    every = np.tile(np.arange(101.0), (16, 1))  # 16 sequences, the same 101 values in each
    assert median_interval(every.T.ravel(), seed=1, sequences=16) == (50.0, 50.0)
    # Sequences that are constant, 101 paths each: a resample's median is that of 16 numbers drawn from 16, whose
    # standard deviation is worked out from all the ranks that it can have (Maritz and Jarrett, 1978), of 15 here for
    # one rank only.
    places = np.linspace(-1.0, 1.0, 15)
    apart = np.repeat(places[None, :], 101, axis=0).ravel()
    ranks = np.diff(stats.binom(15, np.arange(16) / 15).sf(7))  # P(the median is the k-th of them)
    error = math.sqrt(float(ranks @ places**2) * 15 / 14)
    low, high = median_interval(apart, seed=1, sequences=15)
    assert high == pytest.approx(stats.t(14).ppf(0.95) * error, rel=0.08)
    assert low == pytest.approx(-high, rel=0.1)


def test_an_interval_of_few_sequences_is_no_wider_than_the_values_and_keeps_infinity():
    two = np.where(np.arange(160) % 16 < 8, 1.0, 3.0)
    assert median_interval(two, seed=1, sequences=16) == (1.0, 3.0)
    some = np.where(np.arange(160) % 16 < 9, 1.0, math.inf)
    assert median_interval(some, seed=1, sequences=16) == (1.0, math.inf)
    none = np.full(160, math.inf)
    assert median_interval(none, seed=1, sequences=16) == (math.inf, math.inf)


def test_the_band_of_few_sequences_is_the_spread_between_them():
    # One volume, 16 sequences of which 8 always and 8 never pay: shares of resamples are binomial over 16.
    cheaper = (np.arange(1600) % 16 < 8)[:, None]
    distance = stats.binom(16, 0.5)
    quantile_of_distance = next(k / 16 for k in range(9) if distance.cdf(8 + k) - distance.cdf(7 - k) >= 0.9)
    few = stats.t(15).ppf(0.95) / stats.norm.ppf(0.95) * math.sqrt(16 / 15)
    assert simultaneous_half_width(cheaper, seed=1, sequences=16) == pytest.approx(few * quantile_of_distance)


def test_the_band_is_that_of_kolmogorov_where_every_path_crosses_once():
    places = np.sort(np.random.default_rng(2).random(400))
    cheaper = places[:, None] <= np.linspace(0, 1, 200)[None, :]
    kolmogorov = stats.kstwo(400).ppf(0.9)
    assert simultaneous_half_width(cheaper, seed=1) == pytest.approx(kolmogorov, rel=0.06)
    none = np.zeros((400, 200), dtype=bool)
    assert simultaneous_half_width(none, seed=1) == pytest.approx(1 - 0.1 ** (1 / 400))
