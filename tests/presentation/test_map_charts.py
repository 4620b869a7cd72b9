import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh

from simulator.presentation.charts.cells import LOOKS, MOST_PANELS, CellAxes, panel_boxes
from simulator.presentation.charts.decision_map import DecisionPanel, decision_map_chart
from simulator.presentation.charts.heatmap import VolumePanel, heatmap_chart
from simulator.presentation.charts.ranking import MOST_KEYS, RankedKey, ranking_chart
from simulator.sweeping.effects import Effect
from tests.presentation.test_charts import assert_readable, strings

SAID = "Title", "Subtitle", "Footer"
NEVER = float("inf")


def names(rows, columns):
    return CellAxes(
        [f"gpu-{place}" for place in range(columns)], [f"{place / 10:g}" for place in range(rows)],
        ["options.f.gpu"], ["options.f.autoscaling.target_share [share, 0 to 1]", "target_share"],
    )  # fmt: skip


def volumes(rows, columns, titles=(), **words):
    told = np.full((rows, columns), "", dtype=object)
    for word, (row, column) in words.items():
        told[row, column] = word.replace("_", " ")
    return VolumePanel(titles, np.geomspace(1e8, 5e11, rows * columns).reshape(rows, columns), told)


def test_a_heatmap_shows_volumes_and_keeps_what_has_none_apart():
    panel = volumes(3, 4, never=(0, 0), infeasible=(1, 2), always=(2, 3))
    figure = heatmap_chart([panel], names(3, 4), *SAID)
    assert_readable(figure)
    axes = figure.axes[0]
    (mesh,) = (part for part in axes.collections if isinstance(part, QuadMesh))
    assert mesh.get_array().mask.sum() == 3
    assert mesh.get_array()[0, 1] == panel.volumes[0, 1]
    at = {text.get_position(): text.get_text() for text in axes.texts}
    assert (at[0.5, 0.5], at[2.5, 1.5], at[3.5, 2.5]) == ("never", "infeasible", "always")
    assert at[1.5, 0.5] == "217 M"  # 1e8 x 5,000^(1/11)
    assert axes.get_ylabel() == "options.f.autoscaling.target_share [share, 0 to 1]"
    assert axes.get_xlabel() == "options.f.gpu"


def test_volumes_that_are_nearly_the_same_look_nearly_the_same():
    panel = VolumePanel((), np.array([[1.04e9, 1.06e9]]), np.full((1, 2), "", dtype=object))
    axes = heatmap_chart([panel], names(1, 2), *SAID).axes[0]
    (mesh,) = (part for part in axes.collections if isinstance(part, QuadMesh))
    near, far = mesh.to_rgba(np.array([1.04e9, 1.06e9]))
    assert np.abs(near - far).max() < 0.1


def test_no_colour_of_a_volume_is_that_of_a_word():
    """Volumes are coloured, words grey and hatched; white is what was left out."""
    for look in LOOKS.values():
        red, green, blue = matplotlib.colors.to_rgb(look.colour)
        assert red == green == blue
    assert all(look.hatch for word, look in LOOKS.items() if word != "left out")
    assert len(set(LOOKS.values())) == len(LOOKS)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (50, 50), (2, 30)])
def test_a_heatmap_of_any_size_is_readable(rows, columns):
    assert_readable(heatmap_chart([volumes(rows, columns)], names(rows, columns), "W" * 200, "s" * 200, "f" * 300))
    nothing = VolumePanel((), np.full((rows, columns), np.nan), np.full((rows, columns), "never", dtype=object))
    figure = heatmap_chart([nothing], names(rows, columns), *SAID)
    assert_readable(figure)
    assert len(figure.axes) == 1  # no bar of colours without a colour


@pytest.mark.parametrize(
    "count",
    [2, 5, MOST_PANELS, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, MOST_PANELS) if n != 5)],
)
def test_small_multiples_share_one_scale_and_are_readable(count):
    panels = [volumes(4, 5, (f"requests_per_day_and_more {place},000", f"{place},000")) for place in range(count)]
    panels[0].volumes[0, 0] = 1e6
    figure = heatmap_chart(panels, names(4, 5), *SAID)
    assert_readable(figure)
    meshes = [part for axes in figure.axes[:count] for part in axes.collections if isinstance(part, QuadMesh)]
    assert len(meshes) == count
    assert {mesh.norm.vmin for mesh in meshes} == {1e6}
    assert sum("3,000" in text for text in strings(figure)) == (count > 3)


def test_panels_do_not_touch():
    for count in range(2, MOST_PANELS + 1):
        boxes = panel_boxes(count)
        for place, one in enumerate(boxes):
            for other in boxes[place + 1 :]:
                assert one.right < other.left or other.top < one.bottom


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="there are 13 panels, must be 1 to 12"):
        heatmap_chart([volumes(1, 1)] * 13, names(1, 1), *SAID)
    with pytest.raises(ValueError, match=r"volumes of shape \(2, 2\).*must be \(2, 3\)"):
        heatmap_chart([volumes(2, 2)], names(2, 3), *SAID)
    with pytest.raises(ValueError, match="no keys to rank"):
        ranking_chart([], "own", "api", *SAID)


def decisions(options, shares, words=None, titles=()):
    options = np.array(options, dtype=object)
    words = np.full(options.shape, "", dtype=object) if words is None else np.array(words, dtype=object)
    return DecisionPanel(titles, options, np.array(shares, dtype=float), words)


def test_a_decision_map_fills_cells_by_option_and_draws_the_border_between_winners():
    panel = decisions([["api", "own"], ["own", "own"]], [[0.2, 0.03], [0.3, 0.004]])
    figure = decision_map_chart([panel], ["api", "own", "idle"], names(2, 2), *SAID)
    assert_readable(figure)
    axes = figure.axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(0.5, 0.5): "20 %", (1.5, 0.5): "3 %", (0.5, 1.5): "30 %", (1.5, 1.5): "<1 %"}
    (border,) = (part for part in axes.collections if isinstance(part, LineCollection) and part.get_linewidth() > 2)
    # The api's cell at the lower left, seen from the right and from above.
    assert sorted(segment.tolist() for segment in border.get_segments()) == [[[0, 1], [1, 1]], [[1, 0], [1, 1]]]
    colours = {patch.get_xy(): matplotlib.colors.to_hex(patch.get_facecolor()) for patch in axes.patches}
    assert len(set(colours.values())) == 3  # api, own, and own by little
    assert colours[1, 0] == colours[1, 1] != colours[0, 1]
    assert {"api", "own", "by under 5 %"} <= set(strings(figure))
    assert any("idle" in text for text in strings(figure))


def test_options_of_a_decision_map_differ_in_grey_or_by_hatching():
    options = [f"option-{place}" for place in range(6)]
    figure = decision_map_chart([decisions([options], [[0.5] * 6])], options, names(1, 6), *SAID)
    assert_readable(figure)
    patches = figure.axes[0].patches
    assert len({patch.get_hatch() for patch in patches}) == 6
    greys = [np.dot(matplotlib.colors.to_rgb(patch.get_facecolor()), [0.299, 0.587, 0.114]) for patch in patches]
    assert greys[0] - greys[1] > 0.15


def test_cells_of_a_decision_map_without_a_winner_say_why():
    panel = decisions([["", "own"]], [[np.nan, np.nan]], [["fault", ""]])
    figure = decision_map_chart([panel], ["api", "own"], names(1, 2), *SAID)
    assert_readable(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["fault"]
    assert not [part for part in figure.axes[0].collections if part.get_linewidth() > 2 and part.get_segments()]


def ranked(cost, settled, name="options.f.rental.usd_per_gpu_hour"):
    return RankedKey([name, name.split(".")[-1]], Effect(*cost, 1.0, 4.0, 12), Effect(*settled, 1.0, 4.0, 12))


def test_a_ranking_draws_a_bar_from_the_least_to_the_greatest_median():
    figure = ranking_chart(
        [ranked((-500.0, 9_000.0), (2e9, 8e9)), ranked((100.0, 400.0), (3e9, NEVER))], "own", "api", *SAID
    )
    assert_readable(figure)
    cost, settled = figure.axes[:2]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in cost.patches]
    np.testing.assert_allclose(bars, [(-500, 9_000), (100, 400)])
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in settled.patches if bar.get_height() < 0.5]
    np.testing.assert_allclose(ends, [(2e9, 8e9), (3e9, settled.get_xlim()[1])])
    assert {"-500 USD at 1, 9,000 USD at 4", "3 B at 1, never at 4", "never"} <= set(strings(figure))


def test_rounding_is_no_amount_of_money():
    figure = ranking_chart([ranked((-500.0, -3e-10), (2e9, 8e9))], "own", "api", *SAID)
    assert "-500 USD at 1, 0 USD at 4" in strings(figure)


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow), MOST_KEYS + 4])
@pytest.mark.parametrize(
    ("cost", "settled"),
    [
        ((0.0, 0.0), (0.0, 0.0)),
        ((NEVER, NEVER), (NEVER, NEVER)),
        ((-1e9, NEVER), (0.0, NEVER)),
        ((np.nan, np.nan), (np.nan, np.nan)),
        ((1.0, 2.0), (2e9, 2.01e9)),
    ],
)
def test_any_ranking_is_readable(count, cost, settled):
    keys = [ranked(cost, settled, f"options.{'long-' * place}name.usd_per_gpu_hour") for place in range(count)]
    assert_readable(ranking_chart(keys, "o" * 80, "a" * 80, *SAID))
