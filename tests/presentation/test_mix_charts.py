"""The charts of a best mix and of a sweep over its base: what they draw, and that all of it can be read."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from test_charts import api, assert_readable, fleet, scenario, strings

import simulator as sim
from simulator.presentation.charts.base_sweep import base_sweep_chart, is_size_of_a_base
from simulator.presentation.charts.mix import mix_chart
from simulator.presentation.mix_wording import mix_note, mix_sentence

AUTO = {"autoscaling": {"kind": "fixed", "count": "auto"}}
LONG_NAME = "a-name-that-somebody-thought-was-good-and-which-goes-on-and"
DAY = {
    "horizon": {"days": 7, "step_s": 3600},
    "traffic": {"tokens_per_month": 8e9, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.9}},
}
SHAPES = {
    "a mix": {"api": api(2.0), "own": fleet(**AUTO)},
    "none": {"api": api(0.5), "own": fleet(**AUTO)},
    "all": {"api": api(500.0), "own": fleet(**AUTO)},
    "a maximum": {"api": api(50.0), "own": fleet(replicas={"maximum": 2}, **AUTO)},
    "many": {"api": api(2.0), "own": fleet(2.0, 2e6, **AUTO)},
    "thousands": {"api": api(2.0), "own": fleet(0.02, 2e4, **AUTO)},
    "a team without a fleet": {"api": api(2.0), "own": fleet(fixed_usd=3_000.0, **AUTO)},
    "a long name": {LONG_NAME: api(2.0), "own": fleet(**AUTO)},
    "a reserved base": {"api": api(20.0), "own": fleet(reserved={"replicas": "auto", "usd_per_gpu_hour": 1.0})},
    "a reserved base of many": {
        "api": api(2.0), "own": fleet(20.0, 2e7, reserved={"replicas": "auto", "usd_per_gpu_hour": 0.02})
    },
    "millions of dollars": {"api": api(2e5), "own": fleet(9e7, **AUTO)},
}  # fmt: skip


def mix_of(shape):
    return sim.best_mix(scenario(SHAPES[shape], **DAY), "own")


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_of_a_mix_overlaps_or_is_cut_off(shape):
    mix = mix_of(shape)
    figure = mix_chart(mix, "A fleet of one's own beside an API")
    assert_readable(figure)
    assert not any("…" in text for text in strings(figure) if text != mix_note(mix)) or shape == "a long name"


def test_a_mix_chart_draws_the_cost_of_every_count_and_marks_the_least():
    mix = mix_of("a mix")
    axes = mix_chart(mix, "Mix").axes[0]
    total, least = (line.get_xydata() for line in axes.lines[:2])
    assert total[:, 0].tolist() == mix.counts[: len(total)].tolist()
    np.testing.assert_allclose(total[:, 1], mix.usd_per_month[: len(total)])
    assert least.tolist() == [[mix.best_count, mix.best_usd_per_month]]
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(2, -1)
    np.testing.assert_allclose(heights.sum(axis=0), total[:, 1])
    np.testing.assert_allclose(heights[1], mix.api_usd_per_month[: len(total)])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Base of own [replicas]", "Cost [USD per month]")


def test_a_mix_chart_says_both_pure_ways():
    mix = mix_of("a mix")
    texts = strings(mix_chart(mix, "Mix"))
    assert mix_sentence(mix) in texts or any(text.startswith("Cheapest base of own:") for text in texts)
    assert {
        "No base: all by the API",
        f"No API: {mix.full_count} replicas",
        f"Cheapest: {mix.best_count} replicas",
    } <= set(texts)


def test_the_parts_of_a_mix_differ_in_grey():
    axes = mix_chart(mix_of("a mix"), "Mix").axes[0]
    greys = sorted(
        np.dot(matplotlib.colors.to_rgb(part.patches[0].get_facecolor()), [0.299, 0.587, 0.114])
        for part in axes.containers
    )
    assert greys[1] - greys[0] > 0.3
    assert any(part.patches[0].get_hatch() for part in axes.containers)


def sweep_rows(counts, volumes=(2e9, None)):
    return pd.DataFrame(
        {
            "options.own.autoscaling.count": list(counts),
            "option": "own",
            "baseline": "api",
            "usd_per_month": [100.0 + (place - 2) ** 2 for place in range(len(counts))],
            "baseline_usd_per_month": 103.0,
            "first_tokens_per_month": [volumes[place % 2] for place in range(len(counts))],
            "settled_tokens_per_month": [volumes[place % 2] for place in range(len(counts))],
        }
    )


@pytest.mark.parametrize(
    "counts", [range(6), ["auto", 0, 5, 10, 20], [3], [0, 1000, 2000, "auto"], range(0, 400, 7)], ids=str
)
@pytest.mark.parametrize("volumes", [(2e9, None), (None, None), (2e9, 2e12)], ids=str)
def test_a_sweep_over_a_base_is_readable(counts, volumes):
    rows = sweep_rows(list(counts), volumes)
    assert_readable(base_sweep_chart(rows, "options.own.autoscaling.count", "Over the base"))


def test_a_sweep_over_a_base_draws_its_cost_and_marks_the_least():
    rows = sweep_rows([4, 0, 2, 1])
    figure = base_sweep_chart(rows, "options.own.autoscaling.count", "Over the base")
    ours, theirs, least = (line.get_xydata().tolist() for line in figure.axes[0].lines[:3])
    assert ours == [[0, 101], [1, 101], [2, 100], [4, 104]]
    assert theirs == [[0, 103], [1, 103], [2, 103], [4, 103]]
    assert least == [[2, 100]]
    assert "Cheapest at count 2: 100 USD a month" in strings(figure)


@pytest.mark.parametrize(
    ("key", "is_size"),
    [
        ("options.own.autoscaling.count", True),
        ("options.own.owned.nodes", True),
        ("options.own.reserved.replicas", True),
        ("options.own.rental.usd_per_gpu_hour", False),
        ("options.own.autoscaling.target_share", False),
    ],
)
def test_keys_that_are_the_size_of_a_base(key, is_size):
    assert is_size_of_a_base(key) is is_size
