"""Charts of the answer over paths: what is drawn is what the tables hold, in every case that may occur."""

import math

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.presentation.charts.fan import fan_chart
from simulator.presentation.charts.flips import flip_chart
from simulator.presentation.charts.probability import probability_chart
from simulator.presentation.charts.tornado import tornado_chart
from simulator.presentation.risk_wording import crossing_sentence, decision_sentence
from simulator.presentation.sensitivity_wording import flip_sentence
from simulator.presentation.theme import save_figure


def fixed(usd_per_month, **more):
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": 0.0},
        "throughput": {"total_tokens_per_s": 1e18},
        "autoscaling": {"kind": "fixed", "count": 1},
        "monthly_fixed_usd": {"all": usd_per_month},
        **more,
    }


def study_of(price=1.0, fleets=None, **more):
    return {
        "title": "Charts of risk",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9},
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": price, "output_usd_per_mtok": price}},
            **(fleets or {"fleet": fixed({"uniform": {"low": 500.0, "high": 2500.0}})}),
        },
        **more,
    }


@pytest.fixture(scope="module")
def study():
    return sim.uncertainty(study_of(), paths=64)


@pytest.fixture(scope="module")
def sensitivity():
    return sim.sensitivity(study_of())


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    return found + [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_fan_draws_medians_between_their_bands(study):
    figure = fan_chart(study)
    axes, strips = figure.axes[:2]
    for name in ("api", "fleet"):
        table = study.curves[study.curves["option"] == name]
        line = next(line for line in axes.lines if line.get_label() == name)
        assert np.array_equal(line.get_xydata(), table[["tokens_per_month", "p50"]].to_numpy())
    assert axes.get_ylabel() == "Cost [USD per month]"
    assert strips.get_xlabel() == "Volume [tokens per month]"
    band = study.first_pair.band("settled")
    ends = [tuple(line.get_xdata()) for line in strips.lines if len(line.get_xdata()) == 2]
    assert ends == [(band["p05"], band["p95"]), (band["p10"], band["p90"])]
    assert strips.get_xlim() == axes.get_xlim()


def test_the_probability_is_drawn_in_percent_with_its_band(study):
    axes = probability_chart(study).axes[0]
    table = study.first_pair.probability
    line = next(line for line in axes.lines if line.get_label() == "fleet")
    assert np.array_equal(line.get_xdata(), table["tokens_per_month"])
    assert np.array_equal(line.get_ydata(), 100 * table["p_cheaper"])
    assert "[%]" in axes.get_ylabel()


def test_where_the_volume_is_uncertain_the_probability_is_not_said_to_be_that_at_one_volume(study):
    assert "50 % at own volume" not in texts(probability_chart(study))  # 500 of 2,000 USD lie below 1,000
    assert "25 % at own volume" in texts(probability_chart(study))
    two = study_of(traffic={"tokens_per_month": {"choice": {"values": [0.4e9, 2.6e9]}}})
    # never at 0.4 B, always at 2.6 B: half of the paths, whatever the curve is at the median
    assert "50 % over own volumes" in texts(probability_chart(sim.uncertainty(two, paths=64)))


def test_bars_of_the_tornado_end_where_the_table_says(sensitivity):
    figure = tornado_chart(sensitivity, "Title")
    axes = figure.axes[0]
    middle = sensitivity.difference_usd_per_month
    ends = sorted(bar.get_x() + bar.get_width() for bar in axes.patches)
    row = sensitivity.tornado.iloc[0]
    assert ends == pytest.approx(sorted([row["difference_at_p10"], row["difference_at_p90"]]))
    assert {bar.get_x() for bar in axes.patches} == {middle}
    assert axes.get_xlabel() == "fleet minus api [USD per month]"


def test_the_table_of_turns_holds_the_value_and_its_distance(sensitivity):
    # 1,500 USD against 1,000: it turns at 1,000, a third lower, where a quarter of the range lies below.
    found = texts(flip_chart(sensitivity, "Title"))
    assert {"1,500", "1,000", "-33 %", "25 %", "fleet"} <= set(found)
    assert (
        flip_sentence(sensitivity)
        == "api is cheaper by 500 USD a month at the medians; 1 of 1 inputs can turn that alone"
    )


RENT = {"uniform": {"low": 1.0, "high": 2.0}}
CASES = {
    "never": study_of(price=0.0),
    "always": study_of(price=1e6),
    "infeasible": study_of(fleets={"fleet": {
        "kind": "self_hosted", "model": "llama-3.3-70b", "gpu": "h100-sxm", "precision": "fp16",
        "rental": {"usd_per_gpu_hour": RENT},
    }}),
    "three": study_of(fleets={
        "a-fleet-with-a-name-that-somebody-thought-was-good": fixed({"uniform": {"low": 500.0, "high": 2500.0}}),
        "b": fixed(2000.0), "c": fixed(50.0),
    }),
    "one volume": study_of(volume_range={"minimum_tokens_per_month": 1.0, "maximum_tokens_per_month": 2.0}),
    "no traffic to speak of": study_of(traffic={"tokens_per_month": {"uniform": {"low": 1.0, "high": 2.0}}}),
    "noise alone": study_of(
        fleets={"fleet": {**fixed(100.0), "rental": {"usd_per_gpu_hour": 1.0},
                          "throughput": {"total_tokens_per_s": 100.0},
                          "autoscaling": {"kind": "target_utilization"}}},
        traffic={"tokens_per_month": 1e9, "noise": {"relative_sd": 0.3, "correlation_time_s": 7200}},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_drawn_and_told(case, tmp_path):
    found = sim.uncertainty(CASES[case], paths=8)
    figures = [fan_chart(found), probability_chart(found)]
    if found.uncertainty.inputs:
        alone = sim.sensitivity(CASES[case])
        figures += [tornado_chart(alone, "Title"), flip_chart(alone, "Title")]
    for figure in figures:
        save_figure(figure, tmp_path / "chart.png")
    for pair in found.pairs.values():
        assert "nan" not in crossing_sentence(pair)
    assert "nan" not in decision_sentence(found)


def test_words_say_how_many_paths_never_pay():
    found = sim.uncertainty(CASES["never"], paths=8)
    assert crossing_sentence(found.first_pair) == (
        "fleet never pays for good on 100 % of the paths (api is always cheaper)."
    )
    assert math.isinf(found.first_pair.band()["p50"])
    assert isinstance(found.first_pair.bands, pd.DataFrame)
