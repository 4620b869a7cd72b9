"""The Pareto chart: its lines are the table, the table is the front of each GPU, and nothing written overlaps."""

import dataclasses
import functools
import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from simulator.catalogue.ranking import ranked_layouts
from simulator.presentation.charts.pareto import MOST_LINES, pareto_chart, pareto_table
from simulator.presentation.files import csv_text
from simulator.presentation.pareto_report import write_pareto_report
from simulator.presentation.theme import save_figure

DAY = date(2026, 12, 1)
GPUS = (
    "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "a100-80gb-sxm", "a100-40gb-sxm", "mi300x", "l40s", "l4", "a10g",
    "rtx-4090", "h100-nvl", "gb200",
)  # fmt: skip
CASES = {
    "one model on many GPUs": ("llama-3.1-8b", None, GPUS),
    "a limit": ("llama-3.3-70b", 0.05, GPUS),
    "a mixture": ("gpt-oss-120b", 0.02, GPUS),
    "one GPU": ("llama-3.1-8b", 0.03, ("l40s",)),
    "a limit beyond the lines": ("llama-3.1-8b", 3.0, ("h100-sxm", "mi300x")),
}


@functools.cache
def ranking(case):
    model, limit, gpus = CASES[case]
    return ranked_layouts(model, input_tokens=2_048, output_tokens=256, tpot_limit_s=limit, on=DAY, gpus=gpus)


@functools.cache
def drawn(case):
    found = ranking(case)
    return pareto_chart(found, pareto_table(found))


def written(figure):
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in texts]


def strings(figure):
    return [text for text, _ in written(figure)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_or_is_cut_off(case):
    figure = drawn(case)
    boxes = written(figure)
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or up <= 2, f"'{one}' overlaps '{other}'"
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_text_lies_on_a_line_of_a_gpu(case):
    figure = drawn(case)
    axes = figure.axes[0]
    gpus = pareto_table(ranking(case))["gpu"].unique()
    inside = [(text, box) for text, box in written(figure) if axes.bbox.contains(box.x0, box.y0)]
    assert inside
    for line in axes.lines[: len(gpus)]:
        x, y = axes.transData.transform(line.get_xydata()).T
        lengths = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
        at = np.arange(0.0, lengths[-1], 1.0)
        x, y = np.interp(at, lengths, x), np.interp(at, lengths, y)
        for text, box in inside:
            assert not np.any((x > box.x0) & (x < box.x1) & (y > box.y0 + 3) & (y < box.y1 - 3)), text


@pytest.mark.parametrize("case", CASES)
def test_the_lines_and_the_front_are_the_table(case):
    table = pareto_table(ranking(case))
    axes = drawn(case).axes[0]
    gpus = list(table["gpu"].unique())
    assert [line.get_label() for line in axes.lines[: len(gpus)]] == gpus
    for line, gpu in zip(axes.lines, gpus, strict=False):
        rows = table[table["gpu"] == gpu]
        np.testing.assert_allclose(line.get_xdata(), rows["tpot_s"] * 1_000)
        np.testing.assert_array_equal(line.get_ydata(), rows["usd_per_mtok_output"])
    front = axes.lines[len(gpus)]
    rows = table[table["on_front"]].sort_values("tpot_s")
    assert front.get_label() == "front"
    np.testing.assert_allclose(front.get_xdata(), rows["tpot_s"] * 1_000)
    np.testing.assert_array_equal(front.get_ydata(), rows["usd_per_mtok_output"])


def test_the_band_of_the_front_is_the_table_s():
    table = pareto_table(ranking("a limit"))
    rows = table[table["on_front"]].sort_values("tpot_s")
    (band,) = drawn("a limit").axes[0].collections
    vertices = {tuple(np.round(point, 9)) for point in band.get_paths()[0].vertices}
    for name in ("usd_per_mtok_output_low", "usd_per_mtok_output_high"):
        ends = np.column_stack([rows["tpot_s"] * 1_000, rows[name]])
        assert {tuple(np.round(point, 9)) for point in ends} <= vertices
    assert (rows["usd_per_mtok_output_low"] < rows["usd_per_mtok_output"]).all()
    assert (rows["usd_per_mtok_output"] < rows["usd_per_mtok_output_high"]).all()


@pytest.mark.parametrize("case", CASES)
def test_a_line_is_the_front_of_all_layouts_of_its_gpu_and_holds_the_front_of_all(case):
    found, table = ranking(case), pareto_table(ranking(case))
    for gpu, rows in table.groupby("gpu"):
        curves = [ranked.curve for ranked in found.layouts if ranked.gpu == gpu and ranked.curve]
        every = np.concatenate([np.column_stack([curve.tpot_s, curve.usd_per_mtok]) for curve in curves])
        line = rows[["tpot_s", "usd_per_mtok_output"]].to_numpy()
        assert np.all(np.diff(line[:, 0]) > 0) and np.all(np.diff(line[:, 1]) < 0)
        for point in every:  # nothing lies below the line
            assert np.any((line[:, 0] <= point[0]) & (line[:, 1] <= point[1]))
    marked = sum(int(ranked.curve.on_front.sum()) for ranked in found.layouts if ranked.curve)
    assert int(table["on_front"].sum()) == marked


def test_axes_are_logarithmic_and_state_quantity_and_unit():
    axes = drawn("a limit").axes[0]
    assert axes.get_xlabel() == "Time per output token [ms]"
    assert axes.get_ylabel() == "Cost [USD per million output tokens, input included]"
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_the_limit_is_an_upright_line_with_its_name():
    limits = [line for line in drawn("a limit").axes[0].lines if len(set(line.get_xdata())) == 1]
    assert [list(line.get_xdata()) for line in limits] == [[50.0, 50.0]]
    assert "limit 50 ms" in strings(drawn("a limit"))
    assert "Within 50 ms per token" in strings(drawn("a limit"))
    free = drawn("one model on many GPUs")
    assert not [line for line in free.axes[0].lines if len(set(line.get_xdata())) == 1]
    assert "At full load" in strings(free)


def test_a_limit_beyond_the_lines_is_still_on_the_chart():
    low, high = drawn("a limit beyond the lines").axes[0].get_xlim()
    assert low < 3_000 < high


@pytest.mark.parametrize("case", CASES)
def test_every_line_is_named_beside_it_and_in_the_list_with_its_cost(case):
    texts = strings(drawn(case))
    for gpu in pareto_table(ranking(case))["gpu"].unique():
        assert texts.count(gpu) == 2, gpu


def test_gpus_on_the_front_are_always_drawn_and_others_by_cost():
    found = ranking("one model on many GPUs")
    gpus = list(pareto_table(found)["gpu"].unique())
    assert len(gpus) == MOST_LINES
    assert {ranked.gpu for ranked in found.layouts if ranked.is_on_front} <= set(gpus)
    assert "gb200" not in gpus  # nobody rents it out
    assert "Not drawn:" in strings(drawn("one model on many GPUs"))


def test_lines_are_told_apart_without_colour():
    figure = drawn("one model on many GPUs")
    looks = [(line.get_marker(), line._dash_pattern) for line in figure.axes[0].lines[:MOST_LINES]]
    assert len({marker for marker, _ in looks}) == MOST_LINES


def test_rates_that_are_not_verified_are_marked():
    found = ranking("one GPU")
    doubtful = tuple(
        dataclasses.replace(one, cheapest=one.cheapest and dataclasses.replace(one.cheapest, unverified=True))
        for one in found.layouts
    )
    texts = strings(pareto_chart(found := dataclasses.replace(found, layouts=doubtful), pareto_table(found)))
    assert texts.count("l40s*") == 2
    assert any("* rate not verified" in text for text in texts)
    assert not any("*" in text for text in strings(drawn("one GPU")))


def test_the_title_says_what_is_cheapest_where():
    best = ranking("a limit").layouts[0]
    title = strings(drawn("a limit"))
    assert any(
        text.startswith(f"Llama 3.3 70B: {best.estimate.gpus} x {best.gpu} is cheapest within 50 ms a token")
        for text in title
    )


def test_a_ranking_without_rates_has_no_chart(tmp_path):
    found = ranked_layouts("llama-3.1-8b", input_tokens=2_048, output_tokens=256, on=DAY, gpus=("gb200",))
    table = pareto_table(found)
    assert len(table) == 0
    with pytest.raises(ValueError, match="nothing to draw"):
        pareto_chart(found, table)
    assert [path.name for path in write_pareto_report(found, tmp_path)] == ["pareto.csv"]


def test_the_report_is_the_table_and_the_same_chart_twice_the_same_bytes(tmp_path):
    found = ranking("one GPU")
    files = write_pareto_report(found, tmp_path / "new" / "folder")
    assert [path.name for path in files] == ["pareto.csv", "pareto.png", "pareto.pdf"]
    table = pareto_table(found)
    assert files[0].read_text() == csv_text([table])
    read = pd.read_csv(files[0])
    np.testing.assert_allclose(read["usd_per_mtok_output"], table["usd_per_mtok_output"], rtol=1e-9)
    again = tmp_path / "again.png"
    save_figure(pareto_chart(found, table), again)
    assert again.read_bytes() == files[1].read_bytes()
