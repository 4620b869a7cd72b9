import dataclasses
import functools
import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import simulator as sim
from simulator.presentation.charts.bill import bill_chart
from simulator.presentation.charts.crossover import crossover_chart
from simulator.presentation.charts.line import line_chart
from simulator.presentation.charts.timeline import MOST_POINTS, time_ticks, timeline_chart, window
from simulator.presentation.theme import cost_line_colours, ink_on, option_style, save_figure
from simulator.solving.curve import cost_table
from simulator.solving.jumps import beside_jumps

HOURS_PER_MONTH, SECONDS_PER_MONTH = 730, 2_628_000
LONG_NAME = "a-name-that-somebody-thought-was-good-and-which-goes-on-and"


def api(usd_per_mtok, **more):
    return {
        "kind": "api",
        "prices": {"input_usd_per_mtok": usd_per_mtok, "output_usd_per_mtok": usd_per_mtok},
        **more,
    }


def fleet(usd_per_month=1_000.0, tokens_per_month=1e9, fixed_usd=0.0, **more):
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": usd_per_month / HOURS_PER_MONTH},
        "throughput": {"total_tokens_per_s": tokens_per_month / SECONDS_PER_MONTH},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0},
        "cold_start_s": 0,
        "monthly_fixed_usd": {"platform": fixed_usd},
        **more,
    }


def scenario(options, title="A chart", tokens_per_month=1e9, **more):
    return {
        "title": title,
        "horizon": {"hours": 48, "step_s": 3600},
        "traffic": {"tokens_per_month": tokens_per_month},
        "workload": {"turn": {"input_tokens": 900, "output_tokens": 100}},
        "options": options,
        **more,
    }


OFFICE = {"requests_per_day": 250_000, "timezone": "Europe/Paris", "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
# One GPU a billion tokens at 1,000 USD, 5,200 USD besides, against 2 USD a million tokens.
STAIR = scenario({"api": api(2.0), "fleet": fleet(fixed_usd=5_200.0)}, title="A staircase")
SIX = {
    "cheap": api(1.0),
    "dear": api(3.0),
    "small": fleet(fixed_usd=900.0),
    LONG_NAME: fleet(600.0, fixed_usd=9_000.0),
    "middle": fleet(400.0, fixed_usd=2_500.0),
    "fixed": fleet(3_000.0, 9e9, autoscaling={"kind": "fixed", "count": 1}),
}
MISSING = {"kind": "self_hosted", "model": "llama-3.3-70b", "gpu": "a10g", "rental": {"provider": "aws"}}
TERMS = {
    "free_quota": {"usd": 500},
    "volume_discount": {"kind": "graduated", "tiers": [{"from_usd": 0, "discount_share": 0.2}]},
}
UNITS = {"usd_per_unit_hour": 0.5, "input_tokens_per_minute_per_unit": 9_000, "output_token_weight": 4}
ALL_UNITS = {"kind": "all_units", "tiers": [{"from_usd": 1_500, "discount_share": 0.3}]}
KINDS = {
    "contract": api(2.0, terms={"volume_discount": ALL_UNITS, "commitment": {"usd_per_month": 900}}),
    "managed": api(1.2),
    "units": api(2.0) | {"kind": "provisioned", "units": UNITS},
    "routed": {
        "kind": "routed",
        "router": {"usd_per_request": 1e-5},
        "routes": {"contract": {"share": 0.3}, "managed": {"share": 0.7}},
    },
    "endpoint": {
        "kind": "dedicated_endpoint",
        "usd_per_replica_hour": 1.1,
        "throughput": {"total_tokens_per_s": 500},
        "cold_start_s": 0,
    },
    "fleet": fleet(fixed_usd=400.0),
}
CONTRACTS = {
    "graduated": api(2.0, terms=TERMS, monthly_fixed_usd={"gateway": 100.0}),
    "flat": api(2.0, terms={"subscription": {"usd_per_month": 300.0, "tokens": 1.5e9}}),
    "part": api(
        2.0, terms={"subscription": {"usd_per_month": 300.0, "tokens": 1e8}}, fallback={"option": "flat", "share": 0.1}
    ),
    LONG_NAME: api(
        2.0,
        terms={"commitment": {"usd_per_month": 3_000}, "free_quota": {"usd": 10}},
        **{
            "monthly_fixed_usd": {f"item {number}": 10.0 * 2**number for number in range(12)},
        },
    ),
    "almost free": api(2.0, terms={"free_quota": {"usd": 1_999}}),
    "free of charge": api(2.0, terms={"free_quota": {"usd": 3_000}}),
}
SHAPES = {
    "six kinds": scenario(KINDS, title="Six kinds of options"),
    "contracts": scenario(CONTRACTS, title="Contracts"),
    "staircase": STAIR,
    "six options": scenario(SIX, title="Six ways $5 to $10 漢字 " * 8),
    "long names": scenario({LONG_NAME: api(2.0), LONG_NAME[::-1]: fleet(fixed_usd=5_200.0)}, title="W" * 200),
    "never": scenario({"api": api(0.5), "fleet": fleet(fixed_usd=100.0)}),
    "always": scenario(
        {"api": api(5.0, monthly_fixed_usd={"platform": 9_000.0}), "fleet": fleet(replicas={"minimum": 0})}
    ),
    "infeasible": scenario({"api": api(2.0), "no": MISSING, "neither": MISSING, "fleet": fleet()}),
    "free": scenario({"free": api(0.0), "paid": api(0.001), "fleet": fleet()}),
    "all free": scenario({"free": api(0.0), "free-too": api(0.0)}),
    "huge": scenario({"api": api(1.1), "fleet": fleet(fixed_usd=3e9)}, tokens_per_month=5e15),
    "tiny": scenario({"api": api(1e3), "fleet": fleet()}, tokens_per_month=10.0),
    "office hours": scenario(
        {"api": api(1.0), "fleet": fleet(9_000.0, 2e10), "small": fleet(900.0, 1.5e9)}, traffic=OFFICE
    ),
}


@functools.cache
def study_of(shape):
    return sim.break_even(SHAPES[shape])


def curve_of(study, low=0.02, high=50.0, points=200):
    return cost_table(study.plan, np.geomspace(study.tokens_per_month * low, study.tokens_per_month * high, points))


def written(figure):
    """Texts that are drawn, with their boxes in pixels."""
    figure.canvas.draw()
    hidden = {
        id(artist)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        if not axis.get_visible()
        for artist in axis.findobj()
    }
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in texts if id(text) not in hidden]


def assert_readable(figure):
    boxes = written(figure)
    assert boxes
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or up <= 2, f"'{one}' overlaps '{other}'"
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 12


def assert_off_the_lines(figure, axes, count):
    """No text within the axes lies on one of the first lines."""
    inside = [(text, box) for text, box in written(figure) if axes.bbox.contains(box.x0, box.y0)]
    for line in axes.lines[:count]:
        x, y = axes.transData.transform(line.get_xydata()).T
        if line.get_drawstyle() == "steps-post":
            x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
        lengths = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
        at = np.arange(0.0, lengths[-1], 1.0)
        x, y = np.interp(at, lengths, x), np.interp(at, lengths, y)
        for text, box in inside:
            assert not np.any((x > box.x0) & (x < box.x1) & (y > box.y0 + 3) & (y < box.y1 - 3)), text


def strings(figure):
    return [text for text, _ in written(figure)]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_overlaps_or_is_cut_off(shape):
    study = study_of(shape)
    figure = crossover_chart(study, curve_of(study))
    assert_readable(figure)
    assert_off_the_lines(figure, figure.axes[0], len(study.options))
    assert_readable(bill_chart(study))


@pytest.mark.parametrize(("low", "high"), [(3.0, 9.0), (5.5, 6.2), (0.001, 0.5), (1.0, 1.0), (1e-4, 1e6)])
def test_any_range_of_volumes_is_readable(low, high):
    figure = crossover_chart(study_of("staircase"), curve_of(study_of("staircase"), low, high))
    assert_readable(figure)
    assert_off_the_lines(figure, figure.axes[0], 2)


def test_the_lines_are_the_curve():
    study = study_of("six options")
    curve = curve_of(study)
    axes = crossover_chart(study, curve).axes[0]
    for line, name in zip(axes.lines, study.options, strict=False):
        rows = curve[(curve["option"] == name) & (curve["line"] == "total")]
        np.testing.assert_array_equal(line.get_xydata(), rows[["tokens_per_month", "usd_per_month"]].to_numpy())
    assert axes.get_xlabel() == "Volume [tokens per month]"
    assert axes.get_ylabel() == "Cost [USD per month]"


def test_the_upper_axis_counts_requests_a_day():
    study = study_of("staircase")
    below, above = crossover_chart(study, curve_of(study)).axes
    assert above.get_xlabel() == "Volume [requests per day]"
    # 1,000 tokens a request, 730 h in a month.
    per_day = np.array(below.get_xlim()) / 1_000 * 24 / 730
    np.testing.assert_allclose(above.get_xlim(), per_day)


def test_first_and_settled_crossing_and_the_own_volume_are_labelled():
    # 5,200 + 1,000 k = 2,000 v with k - 1 < v <= k billions: v = 5.6 and 6.1; the seventh GPU, at 6, is in between.
    study = study_of("staircase")
    figure = crossover_chart(study, curve_of(study))
    texts = strings(figure)
    assert {"first pays at 5.6 B", "for good from 6.1 B", "you are here: 1 B"} <= set(texts)
    assert {"2,000 USD", "6,200 USD"} <= set(texts)
    answer = "At 1 B tokens a month api costs 2,000 USD and fleet 6,200 USD: buy. "
    assert answer + "fleet first pays at 5.6 B, for good from 6.1 B." in texts
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o" and line.get_linestyle() == "None"]
    points = sorted(tuple(point) for line in marks for point in line.get_xydata())
    on_the_bill = [(1e9, 2_000), (5.6e9, 11_200), (6e9, 12_000), (6.1e9, 12_200)]
    np.testing.assert_allclose(points, on_the_bill, rtol=1e-6)
    assert "where in the stair you are" in " ".join(texts)


def test_more_points_at_the_jumps_make_risers_upright():
    study = study_of("staircase")
    jumps = np.arange(1, 50) * 1e9
    detail = cost_table(study.plan, np.concatenate([jumps * (1 - 1e-8), jumps * (1 + 1e-8)]))
    line = crossover_chart(study, curve_of(study), detail=detail).axes[0].lines[1]
    tokens, usd = line.get_xydata().T
    risen = np.flatnonzero(np.diff(usd) > 1)
    np.testing.assert_allclose(tokens[risen + 1] / tokens[risen], 1.0, rtol=1e-7)
    assert line.get_drawstyle() == "steps-post"


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("never", "never pays: api is cheaper at every volume"),
        ("always", "always pays: cheaper than api at every volume"),
        ("infeasible", "can't be had:"),
    ],
)
def test_a_chart_without_crossing_says_why(shape, said):
    study = study_of(shape)
    assert said in " ".join(strings(crossover_chart(study, curve_of(study))))


def test_an_own_volume_outside_of_the_range_is_told():
    study = study_of("staircase")
    texts = strings(crossover_chart(study, curve_of(study, 3.0, 9.0)))
    assert "you are here: 1 B, left of this chart" in texts


def test_costs_are_logarithmic_where_they_span_much_and_keep_their_zero():
    def scale(shape, low, high):
        study = study_of(shape)
        return crossover_chart(study, curve_of(study, low, high)).axes[0].get_yscale()

    assert scale("staircase", 0.02, 50.0) == "log"
    assert scale("staircase", 3.0, 9.0) == "linear"
    assert scale("free", 0.02, 50.0) == "symlog"
    assert scale("all free", 0.5, 2.0) == "linear"


def test_a_curve_without_totals_is_refused():
    study = study_of("staircase")
    with pytest.raises(ValueError, match="curve holds no line 'total'"):
        crossover_chart(study, curve_of(study).query("line != 'total'"))


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_same_figure_is_the_same_bytes_whatever_the_users_settings(tmp_path, ending):
    study = study_of("staircase")
    before = dict(matplotlib.rcParams)
    save_figure(crossover_chart(study, curve_of(study)), tmp_path / f"one.{ending}")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context(
        {"font.size": 30, "axes.grid": True, "lines.linewidth": 9, "pdf.fonttype": 42, "svg.hashsalt": "other"}
    ):
        save_figure(crossover_chart(study, curve_of(study)), tmp_path / f"other.{ending}")
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"other.{ending}").read_bytes()


def test_a_picture_has_the_size_of_a_slide(tmp_path):
    save_figure(bill_chart(study_of("staircase")), tmp_path / "bill.png")
    header = (tmp_path / "bill.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (1600, 900)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.png, \.pdf or \.svg"):
        save_figure(bill_chart(study_of("staircase")), tmp_path / "bill.gif")


def test_the_bars_of_a_bill_are_its_lines():
    study = study_of("staircase")
    figure = bill_chart(study)
    widths = {bars.get_label(): bars[0].get_width() for bars in figure.axes[0].containers}
    # 1 B tokens at 2 USD a million, nine tenths of them input; one GPU and the fixed item.
    assert widths == pytest.approx({"input": 1_800, "output": 200, "rent": 1_000, "fixed: platform": 5_200})
    texts = strings(figure)
    assert {"2,000 USD", "6,200 USD", "rent 1,000 USD", "platform 5,200 USD"} <= set(texts)
    assert figure.axes[0].get_xlabel() == "Cost [USD per month]"


def test_discounts_lie_over_the_end_of_a_bar_which_ends_at_what_is_paid():
    # 2,000 USD at list prices and 100 for the gateway; 500 free, a fifth of the other 1,500 off: 1,300 are paid.
    figure = bill_chart(study_of("contracts"))
    axes = figure.axes[0]
    bars = {bar.get_label(): bar[0] for bar in axes.containers[:5]}
    spans = {label: (bar.get_x(), bar.get_x() + bar.get_width()) for label, bar in bars.items()}
    expected = {
        "fixed: gateway": (0, 100),
        "input": (100, 1_900),
        "output": (1_900, 2_100),
        "free quota": (1_600, 2_100),
        "volume discount": (1_300, 1_600),
    }
    for label, span in expected.items():
        assert spans[label] == pytest.approx(span), label
        assert bool(bars[label].get_hatch()) == (label in ("free quota", "volume discount"))
    texts = strings(figure)
    assert {"1,300 USD", "at list prices 2,100 USD"} <= set(texts)
    assert any("free quota" in text for text in texts)


def test_what_a_subscription_includes_is_taken_off_the_list_amount_not_off_the_fee():
    figure = bill_chart(study_of("contracts"))
    flat = figure.axes[0].containers[5:9]
    spans = {bar.get_label(): (bar[0].get_x(), bar[0].get_x() + bar[0].get_width()) for bar in flat}
    assert spans["subscription"] == pytest.approx((0, 300))
    assert spans["in the subscription"] == pytest.approx((300, 2_300))
    assert "at list prices 2,000 USD" in strings(figure)


def test_solid_parts_less_hatched_ones_are_the_total_of_every_option():
    study = study_of("contracts")
    containers = iter(bill_chart(study).axes[0].containers)
    for option in study.options.values():
        drawn = [next(containers)[0] for usd in option.lines.values() if usd != 0]
        paid = sum(-bar.get_width() if bar.get_hatch() else bar.get_width() for bar in drawn)
        assert paid == pytest.approx(option.usd_per_month), option.name


def test_lines_without_room_are_listed_the_smallest_together():
    # Twelve items of 10, 20, 40, ... USD beside the others: their names do not fit into one line.
    texts = strings(bill_chart(study_of("contracts")))
    assert any("others" in text for text in texts)
    assert any("free quota -10" in text for text in texts)


def test_a_route_has_the_colour_of_its_option():
    options = ["one", "other", "routed"]
    colours = cost_line_colours(["one", "other", "fallback other", "elsewhere", "input"], options)
    assert colours["one"] == option_style(0).colour
    assert colours["other"] == colours["fallback other"] == option_style(1).colour
    assert len(set(colours.values())) == 4


def test_the_bill_says_which_options_are_left_out_and_why():
    texts = " ".join(strings(bill_chart(study_of("infeasible"))))
    assert "Left out: no (" in texts
    assert study_of("infeasible").pairs["no"].cause[:30] in texts


def test_a_discount_on_all_units_falls_upright():
    # From 1,500 USD on, at 0.75 B tokens, 30 % off the whole bill.
    study = study_of("six kinds")
    curve = curve_of(study, 0.1, 10.0)
    detail = beside_jumps(study.plan, curve["tokens_per_month"].unique())
    lines = crossover_chart(study, curve, detail=detail).axes[0].lines
    tokens, usd = lines[list(study.options).index("contract")].get_xydata().T
    (fall,) = np.flatnonzero(np.diff(usd) < 0)
    np.testing.assert_allclose(tokens[fall : fall + 2], 0.75e9, rtol=1e-8)
    np.testing.assert_allclose(usd[fall : fall + 2], [1_500, 1_050], rtol=1e-6)


def test_a_cost_line_has_one_colour_everywhere():
    one, other = cost_line_colours(["rent", "fixed: a"]), cost_line_colours(["input", "rent"])
    assert one["rent"] == other["rent"]
    assert (
        len(
            set(
                cost_line_colours(["rent", "engineers", "overflow", "input", "output", "fixed: a", "fixed: b"]).values()
            )
        )
        == 7
    )


def test_text_is_dark_on_light_and_light_on_dark():
    assert ink_on("#ffffff") == ink_on("#e69f00") == "#1a1a1a"
    assert ink_on("#0072b2") == ink_on("#000000") == "#ffffff"


@functools.cache
def ledgers():
    office = scenario(
        {
            "api": api(1.0),
            "fleet": fleet(2_000.0, 3e9, cold_start_s=7200),
            "small": fleet(900.0, 1.5e9),
            "third": fleet(),
        },
        traffic=OFFICE,
        horizon={"days": 20, "step_s": 3600},
    )
    return [sim.simulate(office, name) for name in ("api", "fleet", "small", "third")]


def test_the_timeline_shows_two_weeks_of_the_first_two_fleets():
    figure = timeline_chart(ledgers())
    assert_readable(figure)
    demand, replicas, utilization, queue = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "Demand [tokens/s]",
        "Replicas [number]",
        "Utilization of ready replicas [%]",
        "Queue [tokens]",
    ]
    assert queue.get_xlabel() == "Date [UTC]"
    one, steps = ledgers()[1], 14 * 24
    np.testing.assert_allclose(demand.lines[0].get_ydata(), one.arriving_tokens[:steps] / 3600)
    np.testing.assert_allclose(replicas.lines[1].get_ydata(), one.ready_replicas[:steps])
    used = one.served_tokens[:steps] / (one.ready_replicas[:steps] * one.replica_tokens_per_s * 3600)
    np.testing.assert_allclose(utilization.lines[0].get_ydata(), 100 * used)
    np.testing.assert_allclose(queue.lines[0].get_ydata(), one.queued_tokens[:steps])
    assert len(queue.lines) == 2
    assert "Tue 1 Dec" in strings(figure)


def test_a_fleet_has_the_same_colour_in_the_timeline_as_in_the_other_charts():
    figure = timeline_chart(ledgers(), options=["api", "other", "third", "small", "fleet"])
    colours = [line.get_color() for line in figure.axes[3].lines]
    assert colours == [option_style(4).colour, option_style(3).colour]


def test_a_year_in_minutes_is_drawn_by_means_and_by_the_longest_queue():
    steps = 525_600
    minute = dataclasses.replace(
        ledgers()[1],
        step_s=60.0,
        arriving_tokens=np.tile([0.0, 120.0], steps // 2),
        served_tokens=np.tile([0.0, 60.0], steps // 2),
        queued_tokens=np.where(np.arange(steps) == 5_003, 7.0, 0.0),
        ready_replicas=np.tile([1.0, 3.0], steps // 2),
        billed_replicas=np.full(steps, 3.0),
        replica_tokens_per_s=1.0,
    )
    shown = window(minute)
    assert shown.days.size <= MOST_POINTS
    assert shown.days[-1] < 14
    assert shown.queued_tokens.max() == 7.0
    # Groups of 11 steps: six and five of either kind in turn.
    assert shown.ready_replicas[0] == pytest.approx((6 * 1 + 5 * 3) / 11)
    assert shown.demand_tokens_per_s[0] == pytest.approx(5 * 120 / 11 / 60)
    assert shown.utilization_share[0] == pytest.approx(5 * 60 / (21 * 60))
    assert_readable(timeline_chart([minute]))


def test_utilization_is_missing_where_no_replica_is_ready():
    one = ledgers()[1]
    shown = window(dataclasses.replace(one, ready_replicas=np.zeros_like(one.ready_replicas)))
    assert np.isnan(shown.utilization_share).all()


def test_a_timeline_needs_a_fleet():
    with pytest.raises(ValueError, match="ledgers hold no fleet: api"):
        timeline_chart(ledgers()[:1])


@pytest.mark.parametrize(
    ("hours", "first", "last"),
    [(2, "1 Dec 00:00", "02:00"), (48, "1 Dec 00:00", "3 Dec 00:00"), (336, "Tue 1 Dec", "Tue 15 Dec")],
)
def test_dates_are_on_round_times(hours, first, last):
    ticks, labels = time_ticks(pd.Timestamp("2026-12-01", tz="UTC"), hours * 3600.0)
    assert (labels[0], labels[-1]) == (first, last)
    assert ticks[-1] == pytest.approx(hours / 24)
    assert len(ticks) <= 9


def test_a_line_chart_draws_both_volumes_and_marks_what_has_none_above():
    words = ["", "", "not settled", "never", "infeasible"]
    figure = line_chart(
        [1.0, 2.0, 3.0, 4.0, 5.0], [1e9, 2e9, 3e9, None, None], [1e9, 3e9, None, np.nan, None],
        words, ["options.f.rental [USD]", "rental"], "By rent", "Where it pays", "A month is 730 h.",
    )  # fmt: skip
    assert_readable(figure)
    axes, *strips = figure.axes
    settled, first = axes.lines
    np.testing.assert_array_equal(settled.get_ydata(), [1e9, 3e9, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(first.get_ydata(), [1e9, 2e9, 3e9, np.nan, np.nan])
    marked = {strip.lines[0].get_label(): list(strip.lines[0].get_xdata()) for strip in strips}
    assert marked == {"not settled": [3.0], "never": [4.0], "infeasible": [5.0]}
    assert axes.get_ylabel() == "Break-even volume [tokens per month]"
    assert axes.get_xlabel() == "options.f.rental [USD]"


@pytest.mark.parametrize(
    "x",
    [
        ["a10g", "h100-sxm", LONG_NAME],
        [1.0, 10.0, 1_000.0],
        [0.5, 0.5, 0.5],
        list(range(3)),
        ["x"] * 60,
        [{"a": 1}, None],
    ],
)
def test_a_line_chart_over_any_values_is_readable(x):
    volumes = list(np.geomspace(1e9, 3e9, len(x)))
    said = ["k" * 200, "options.f.gpu"], "W" * 200, "By GPU", "f" * 300
    assert_readable(line_chart(x, volumes, volumes, [""] * len(x), *said))
    assert_readable(line_chart(x, [None] * len(x), [0.0] * len(x), ["always"] * len(x), *said))


def test_values_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="must be as many"):
        line_chart([1, 2], [1e9], [1e9], [""], ["a"], "t", "s", "f")


def test_a_baseline_without_any_challenger_is_drawn_alone():
    study = sim.break_even(scenario({"api": api(2.0), "no": MISSING}))
    figure = crossover_chart(study, curve_of(study))
    assert_readable(figure)
    assert "no (no line)" in strings(figure)
    assert_readable(bill_chart(study))
