import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from simulator.domain.sweep import Sweep
from simulator.presentation.key_values import axis_labels, value_texts
from simulator.presentation.sweep_pictures import MOST_ON_A_LINE, sweep_figures
from simulator.presentation.sweep_report import write_sweep_report
from simulator.presentation.sweep_table import SweepTable
from simulator.presentation.sweep_wording import sweep_sentences
from simulator.sweeping.points import RESULT_COLUMNS
from tests.presentation.test_charts import assert_readable, strings

RENT, PEAK, STAFF, COUNT = (
    "options.own.rental.usd_per_gpu_hour", "traffic.diurnal.peak_to_mean", "options.own.engineers.base_persons",
    "options.own.autoscaling.count",
)  # fmt: skip
FAULT = {"option": "", "status": "fault", "message": "scenario.yaml:3: no"}
API_USD = 1_000.0


def sweep(**parts):
    return Sweep(title="A sweep", base="minimal", **parts)


def row(option, status="settled", settled=None, usd=API_USD, **more):
    role = "baseline" if status == "baseline" else "challenger"
    return {
        "option": option, "role": role, "status": status, "first_tokens_per_month": settled,
        "settled_tokens_per_month": settled, "usd_per_month": usd, "baseline": "api",
        "baseline_usd_per_month": API_USD, **more,
    }  # fmt: skip


def solved(settled, usd, status="settled", cheapest=None):
    """Rows of a point with one challenger."""
    cheapest = cheapest or ("api" if usd is None or usd >= API_USD else "own")
    return [row("api", "baseline", cheapest=cheapest), row("own", status, settled, usd, cheapest=cheapest)]


def tidy(tried, point_rows):
    """Tidy rows of a sweep: what `point_rows` says of each point; None leaves it out."""
    empty = dict.fromkeys(RESULT_COLUMNS)
    rows = pd.DataFrame(
        [
            {"point": point.number, **point.told, **empty, **one}
            for point in map(tried.point, range(tried.size))
            for one in point_rows(point) or ()
        ]
    )
    return rows.astype({name: "category" for name, kind in RESULT_COLUMNS.items() if kind == "text"})


def by_sum(point):
    """Costs and break-even that rise with every number of a point."""
    total = sum(value for value in point.told.values() if isinstance(value, int | float))
    return solved(1e9 * total, 250.0 * total)


def meshes(figure):
    return [part for axes in figure.axes for part in axes.collections if isinstance(part, QuadMesh)]


def test_one_key_gives_the_line_chart_by_itself():
    tried = sweep(grid={RENT: (2.0, 3.0, 4.0)})
    answers = [solved(2e9, 500.0), solved(None, 2_000.0, "baseline_always_cheaper"), [FAULT]]
    figures = sweep_figures(tidy(tried, lambda point: answers[point.number]), tried)
    assert list(figures) == ["line"]
    axes, *strips = figures["line"].axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[2.0, 2e9], [3.0, np.nan], [4.0, np.nan]])
    marked = {strip.lines[0].get_label(): strip.lines[0].get_xdata().tolist() for strip in strips}
    assert marked == {"never": [3.0], "fault": [4.0]}
    assert axes.get_xlabel() == f"{RENT} [USD per GPU and hour]"
    assert any("3 points, 1 with a fault" in text for text in strings(figures["line"]))


@pytest.mark.parametrize(
    "parts",
    [
        {"cases": {"office hours": {"seed": 1}, "world": {"seed": 2}}},
        {"zip": {RENT: (2.0, 3.0), STAFF: (1.0, 2.0)}},
        {"grid": {"options.own.autoscaling": ({"kind": "fixed", "count": 2}, {"kind": "schedule", "hours": [1, 2]})}},
        {"grid": {RENT: (2.0, 3.0), PEAK: (1.0,)}},
        {"sample": {"points": 500, "keys": {RENT: {"uniform": {"low": 1, "high": 3}}}}},
    ],
    ids=["cases", "keys that move together", "mappings", "one of two varies", "drawn"],
)
def test_whatever_one_part_varies_is_a_line_chart(parts):
    tried = sweep(**parts)
    figures = sweep_figures(tidy(tried, lambda point: solved(1e9 + point.number, 500.0)), tried)
    assert list(figures) == ["line"]
    assert_readable(figures["line"])
    assert len(figures["line"].axes[0].lines[0].get_xdata()) == min(tried.size, MOST_ON_A_LINE)


def test_over_the_size_of_a_base_its_cost_is_drawn_for_the_option_that_has_it():
    tried = sweep(grid={COUNT: (0, 2, 4)})

    def rows(point):
        return [*solved(2e9, 900.0 - 100 * point.number), row("other", settled=3e9, usd=5_000.0)]

    figures = sweep_figures(tidy(tried, rows), tried)
    assert list(figures) == ["line"]
    assert figures["line"].axes[0].lines[0].get_xydata().tolist() == [[0, 900], [2, 800], [4, 700]]
    assert "Cheapest at count 4: 700 USD a month" in strings(figures["line"])


def test_two_keys_give_maps_and_a_ranking():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0), PEAK: (1.0, 2.0)})
    figures = sweep_figures(tidy(tried, by_sum), tried)
    assert list(figures) == ["heatmap", "ranking", "decision-map"]
    for figure in figures.values():
        assert_readable(figure)
    # The first key goes across, the second up: 1e9 x (rent + peak).
    drawn = meshes(figures["heatmap"])[0].get_array().tolist()
    assert drawn == [[2e9, 3e9, 4e9], [3e9, 4e9, 5e9]]
    cost = figures["ranking"].axes[0]
    # Medians over the rent: 250 x (rent + 1.5) - 1,000, for 1 and 3; over the peak 250 x (2 + peak) - 1,000.
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in cost.patches]
    np.testing.assert_allclose(bars, [(-375.0, 125.0), (-250.0, 0.0)])
    assert any(RENT in text for text in strings(figures["ranking"]))
    # 250 x 4 = 1,000 USD is what the API costs too, and of equals the baseline wins.
    decided = figures["decision-map"].axes[0]
    shares = {text.get_position(): text.get_text() for text in decided.texts}
    assert shares[0.5, 0.5] == "50 %"
    assert shares[2.5, 1.5] == "20 %"  # 1,000 against 1,250


def test_what_has_no_volume_is_told_apart_from_what_was_left_out():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0, 4.0), PEAK: (1.0, 2.0)})
    answers = [
        solved(2e9, 500.0), solved(None, 2_000.0, "baseline_always_cheaper"), solved(None, None, "infeasible"),
        solved(0.0, 1.0, "challenger_always_cheaper"), solved(None, 900.0, "not_settled_in_range"), [FAULT], None,
        [row("api", "baseline", cheapest="api")],
    ]  # fmt: skip
    figures = sweep_figures(tidy(tried, lambda point: answers[point.number]), tried)
    texts = {text.get_position(): text.get_text() for text in figures["heatmap"].axes[0].texts}
    assert texts == {
        (0.5, 0.5): "2 B", (0.5, 1.5): "never", (1.5, 0.5): "infeasible", (1.5, 1.5): "always",
        (2.5, 0.5): "not settled", (2.5, 1.5): "fault", (3.5, 0.5): "left out", (3.5, 1.5): "not compared",
    }  # fmt: skip
    said = "7 points, 1 with a fault. At run rate; a month is 730 h. Never: pays at no volume. Always: pays at every"
    assert any(text.startswith(said) for text in strings(figures["heatmap"]))
    decided = {text.get_text() for text in figures["decision-map"].axes[0].texts}
    assert {"fault", "left out"} <= decided
    assert not {"never", "infeasible"} & decided


def test_outcomes_count_what_never_pays_as_infinite():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0, 4.0)})
    answers = [
        solved(2e9, 500.0), solved(0.0, 100.0, "challenger_always_cheaper"), solved(None, None, "infeasible"), [FAULT]
    ]  # fmt: skip
    found = SweepTable(tried, tidy(tried, lambda point: answers[point.number])).outcomes("own")
    assert found["word"].tolist() == ["", "always", "infeasible", "fault"]
    np.testing.assert_array_equal(found["reach"], [2e9, 0.0, np.inf, np.nan])
    np.testing.assert_array_equal(found["settled"], [2e9, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(found["difference"], [-500.0, -900.0, np.inf, np.nan])


def test_the_winner_is_measured_against_the_next_that_serves_all():
    tried = sweep(grid={RENT: (1.0, 2.0)})
    answers = [
        # The cheapest of all is not chosen, since it turns requests away; the next after the winner costs 1,000.
        [row("api", "baseline"), row("own", usd=800.0), row("turns", usd=100.0)],
        [row("api", "baseline"), row("own", usd=4_000.0), row("turns", usd=2_000.0)],
    ]
    chosen = ["own", "api"]
    for name, rows in zip(chosen, answers, strict=True):
        for one in rows:
            one["cheapest"] = name
    found = SweepTable(tried, tidy(tried, lambda point: answers[point.number])).winners()
    assert found["option"].tolist() == ["own", "api"]
    np.testing.assert_allclose(found["advantage"], [1 - 800 / 1_000, 1 - 1_000 / 2_000])


def test_three_keys_give_small_multiples_over_the_one_with_the_fewest_values():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0), STAFF: (0.5, 1.0), PEAK: (1.0, 2.0, 3.0, 4.0)})
    figures = sweep_figures(tidy(tried, by_sum), tried)
    drawn = meshes(figures["heatmap"])[:2]
    assert [mesh.get_array().shape for mesh in drawn] == [(4, 3), (4, 3)]
    assert drawn[1].get_array()[3, 2] == 1e9 * (3.0 + 1.0 + 4.0)
    assert {"base_persons 0.5", "base_persons 1"} <= set(strings(figures["heatmap"]))
    for figure in figures.values():
        assert_readable(figure)


def test_more_panels_than_fit_are_chosen_evenly_and_the_page_says_so():
    tried = sweep(grid={RENT: tuple(range(1, 24)), STAFF: tuple(range(1, 25)), PEAK: tuple(range(1, 26))})
    figures = sweep_figures(tidy(tried, by_sum), tried)
    texts = strings(figures["heatmap"])
    assert any("Drawn: 12 of 23 usd_per_gpu_hour" in text for text in texts)
    assert {"usd_per_gpu_hour 1", "usd_per_gpu_hour 23"} <= set(texts) or {"1", "23"} <= set(texts)


def test_several_challengers_have_pictures_of_their_own_but_one_decision_map():
    tried = sweep(grid={RENT: (1.0, 2.0), PEAK: (1.0, 2.0)})
    figures = sweep_figures(tidy(tried, lambda point: [*by_sum(point), row("node", settled=5e9, usd=10.0)]), tried)
    assert list(figures) == ["heatmap-own", "ranking-own", "heatmap-node", "ranking-node", "decision-map"]
    assert "A sweep: node" in strings(figures["heatmap-node"])


def test_drawn_keys_give_a_ranking_and_a_scatter_over_the_strongest():
    uniform = {"uniform": {"low": 1.0, "high": 2.0}}
    tried = sweep(sample={"points": 128, "keys": {RENT: uniform, PEAK: uniform}})

    def rows(point):
        strength = 10.0 * point.told[PEAK] + point.told[RENT]
        return solved(1e9 * strength, 50.0 * strength)

    table = tidy(tried, rows)
    figures = sweep_figures(table, tried)
    assert list(figures) == ["ranking", "scatter"]
    axes = figures["scatter"].axes[0]
    assert axes.get_xlabel() == PEAK
    dots, medians = axes.lines
    own = table[table["option"] == "own"]
    np.testing.assert_allclose(dots.get_xdata(), own[PEAK])
    np.testing.assert_allclose(dots.get_ydata(), own["settled_tokens_per_month"])
    assert len(medians.get_xdata()) == 3  # thirds of 128 points
    assert_readable(figures["scatter"])
    assert_readable(figures["ranking"])


def test_more_than_three_keys_give_a_scatter_over_texts_too():
    tried = sweep(
        cases={"office hours": {"seed": 1}, "world": {"seed": 2}},
        grid={RENT: (1.0, 2.0), PEAK: (1.0, 2.0), STAFF: (0.5, 1.0)},
    )
    high = {"office hours": 1.0, "world": 100.0}

    def rows(point):
        return solved(1e9 * high[point.told["case"]], 10.0 * high[point.told["case"]])

    figures = sweep_figures(tidy(tried, rows), tried)
    assert list(figures) == ["ranking", "scatter"]
    axes = figures["scatter"].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["office hours", "world"]
    assert axes.lines[1].get_xydata().tolist() == [[0.0, 1e9], [1.0, 1e11]]
    assert_readable(figures["scatter"])


def test_texts_may_be_categories_or_not():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0), PEAK: (1.0, 2.0)})
    rows = tidy(tried, by_sum)
    plain = rows.astype({name: object for name, kind in RESULT_COLUMNS.items() if kind == "text"})
    for column in ("winners", "outcomes"):
        asked = ("own",) if column == "outcomes" else ()
        one, other = (getattr(SweepTable(tried, table), column)(*asked) for table in (rows, plain))
        pd.testing.assert_frame_equal(one, other)


def test_no_picture_where_no_point_can_be_had():
    tried = sweep(grid={RENT: (1.0, 2.0)})
    assert sweep_figures(tidy(tried, lambda _: [FAULT]), tried) == {}


def test_a_report_is_a_table_and_every_picture_in_three_formats_with_the_same_bytes(tmp_path):
    tried = sweep(grid={RENT: (1.0, 2.0), PEAK: (1.0, 2.0)})
    rows = tidy(tried, by_sum)
    first, second = (write_sweep_report(rows, tried, tmp_path / name) for name in ("one", "other"))
    stems = ["heatmap", "ranking", "decision-map"]
    endings = ["png", "pdf", "svg"]
    assert [path.name for path in first] == ["sweep.csv", *(f"{stem}.{end}" for stem in stems for end in endings)]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    written = pd.read_csv(tmp_path / "one" / "sweep.csv")
    assert len(written) == 2 * 4
    assert list(written.columns[:3]) == ["point", RENT, PEAK]


def test_values_and_names_of_keys_on_axes():
    assert value_texts([1, 2.5]) == ["1", "2.5"]
    assert value_texts([1, "auto"]) == ["1", "auto"]
    assert value_texts([[1, 2], {"a": {"b": 3}}]) == ["1, 2", "a b 3"]
    assert len(value_texts([{"k" * 100: 1}])[0]) == 60
    (axis,) = sweep(zip={RENT: (1.0, 2.0), STAFF: (1.0, 2.0)}).axes
    assert axis_labels(axis)[0] == f"{RENT} [USD per GPU and hour], {STAFF} along"
    assert f"{RENT} [USD per GPU and hour], {STAFF.rsplit('.')[-1]} along" in axis_labels(axis)
    assert axis_labels(axis)[-1] == "usd_per_gpu_hour [USD per GPU and hour] and 1 more"


def test_between_cases_there_is_no_line_and_what_is_one_is_drawn_once():
    tried = sweep(cases={"office hours": {"seed": 1}, "world": {"seed": 2}})
    axes = sweep_figures(tidy(tried, lambda point: solved(1e9 + point.number, 500.0)), tried)["line"].axes[0]
    (settled,) = (line for line in axes.lines if line.get_label() in ("for good", "first"))
    assert settled.get_linestyle() == "None"


def test_costs_name_the_volume_at_which_they_stand():
    tried = sweep(grid={RENT: (2.0, 3.0), PEAK: (1.0, 2.0)})
    rows = tidy(tried, by_sum).assign(tokens_per_month=3e9)
    assert SweepTable(tried, rows).at_own_volume == "at 3 B tokens a month"
    assert any("at 3 B tokens a month" in text for text in strings(sweep_figures(rows, tried)["decision-map"]))
    rows.loc[0, "tokens_per_month"] = 4e9
    assert SweepTable(tried, rows).at_own_volume == "at each point's own volume"


def test_where_nothing_moves_the_cost_the_ranking_says_so():
    tried = sweep(grid={RENT: (2.0, 3.0), PEAK: (1.0, 2.0)})
    figures = sweep_figures(tidy(tried, lambda point: solved(1e9, 500.0 + 1e-9 * point.number)), tried)
    said = strings(figures["ranking"])
    assert any(text.startswith("None of the keys moves the cost difference at ") for text in said)
    assert not any("e-" in text for text in said)


def test_sentences_tell_how_often_an_option_pays():
    tried = sweep(grid={RENT: (1.0, 2.0, 3.0, 4.0)})
    answers = [
        solved(2e9, 500.0), solved(4e9, 500.0), solved(None, 2_000.0, "baseline_always_cheaper"), [FAULT],
    ]  # fmt: skip
    said = sweep_sentences(tidy(tried, lambda point: answers[point.number]), tried)
    assert said[0] == (
        "own against api, of 4 points: pays for good at 2, from between 2 B and 4 B tokens a month on; "
        "pays at no volume at 1."
    )
    assert said[-1] == "1 point can't be had."
