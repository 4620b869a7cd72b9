"""The slides of a demand and of a fit: what is drawn is what is told, and nothing overlaps."""

import functools
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hand_made_traffic import MINUTES_PER_DAY, MONDAY, lengths, recording, two_level_week
from matplotlib.text import Text

import simulator as sim
from simulator.presentation.charts.local_time import first_monday
from simulator.presentation.charts.trace_fit import draw_trace_fit, weeks_drawn
from simulator.presentation.charts.traffic import traffic_chart
from simulator.presentation.charts.traffic_week import week_of
from simulator.presentation.theme import save_figure
from simulator.presentation.traffic_shown import recorded_traffic, scenario_traffic

BUNDLED = ("support-chatbot", "consumer-launch", "minimal", "assistant-70b")
SINGLE = {"input_lengths": lengths(2_000.0), "output_lengths": lengths(150.0)}


def counts(days, step_s=60.0, mean=30.0, seed=1):
    """Whole requests around a day's course."""
    steps = round(days * 86_400 / step_s)
    level = mean * (1 + 0.6 * np.sin(2 * np.pi * np.arange(steps) * step_s / 86_400))
    return np.random.default_rng(seed).poisson(level).astype(float)


def gapped(requests):
    """The same with a day missing and single steps missing."""
    found = requests.copy()
    found[found.size // 3 : found.size // 2] = np.nan
    found[::97] = np.nan
    return found


RECORDINGS = {
    "weeks of minutes": recording(counts(21), **SINGLE),
    "weeks with gaps": recording(gapped(counts(15)), **SINGLE),
    "a day": recording(counts(1)),
    "an hour without a start": recording(counts(1)[:58], start_utc=None, **SINGLE),
    "ten seconds": recording(counts(1)[:90], step_s=10.0),
    "ten minutes, no date": recording(counts(14, step_s=600.0, mean=9_000.0), step_s=600.0, start_utc=None),
    "few requests": recording(counts(8, mean=0.002)),
    "days of hours": recording(counts(5, step_s=3_600.0), step_s=3_600.0, start_utc=MONDAY + timedelta(hours=7.5)),
    "a huge spike": recording(np.where(np.arange(20_000) == 5_000, 1e6, 50.0)),
    "every second step empty": recording(np.tile([0.0, 8.0], 2_000), source="W" * 150),
    "two levels": recording(two_level_week()),
    "one length": recording(counts(2), input_lengths=lengths(3.0), output_lengths=lengths(3.0)),
}


@functools.cache
def recorded(name):
    return recorded_traffic(RECORDINGS[name], "Europe/Paris")


def written(figure):
    """Texts that are drawn, with their boxes in pixels."""
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in texts]


def assert_readable(figure):
    boxes = written(figure)
    assert boxes
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or up <= 2, f"'{one}' overlaps '{other}'"
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 12


def strings(figure):
    return [text for text, _ in written(figure)]


# A demand


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
def test_every_recording_makes_a_readable_slide(name):
    assert_readable(traffic_chart(recorded(name), "A note at the foot."))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_every_scenario_makes_a_readable_slide(name):
    assert_readable(traffic_chart(scenario_traffic(sim.load_scenario(name)).shown, "A note at the foot."))


def test_axes_name_what_they_measure_and_its_unit():
    figure = traffic_chart(recorded("weeks of minutes"))
    texts = strings(figure)
    for title in (
        "Requests [1/min]", "Load over its mean, by hour [1]", "Busy windows over the mean [1]",
        "Requests up to that length [%]", "Share of the time at this load or more [%]", "Length of the window [min]",
        "Length [tokens]", "Local time from Mon 8 Jan 2024 on [Europe/Paris]",
    ):  # fmt: skip
        assert title in texts


def test_the_load_duration_curve_is_the_one_of_the_hours_and_its_middle_is_marked():
    shown = recorded_traffic(recording(two_level_week()), "UTC")
    axes = traffic_chart(shown).axes[1]
    curve = next(line for line in axes.lines if len(line.get_xdata()) == 101)
    np.testing.assert_allclose(curve.get_xdata(), np.arange(101))
    # 60 and 180 a minute, half of the time each
    np.testing.assert_allclose(curve.get_ydata(), np.where(np.arange(101) <= 50, 1.5, 0.5))
    assert "Half of the time below 1.5 x" in strings(axes.figure)
    assert "Hatched: 33 % idle if sized" in strings(axes.figure)


def test_a_load_far_above_all_others_leaves_the_axis_and_is_told():
    figure = traffic_chart(recorded("a huge spike"))
    assert figure.axes[1].get_ylim()[1] < 5
    assert any("off the axis" in text for text in strings(figure))


def test_the_windows_are_those_of_the_statistics():
    shown = recorded_traffic(recording(counts(28)), "UTC")
    lines = {line.get_label(): line.get_xydata() for line in traffic_chart(shown).axes[2].lines}
    for window in shown.statistics.windows:
        minutes = window.window_s / 60
        (peak,) = lines["the busiest one"][lines["the busiest one"][:, 0] == minutes]
        (p99,) = lines["99 of 100 stay below"][lines["99 of 100 stay below"][:, 0] == minutes]
        assert (peak[1], p99[1]) == (window.peak_to_mean, window.p99_to_mean)


def test_what_is_unknown_is_said_in_its_panel():
    texts = strings(traffic_chart(recorded("a day")))
    assert "unknown\n(needs single requests)" in texts
    short = strings(traffic_chart(recorded_traffic(recording([1.0, 2.0, 3.0]), "UTC")))
    assert "unknown\n(needs 10 min)" in short


def test_lengths_are_drawn_from_their_quantiles_with_median_and_mean():
    figure = traffic_chart(recorded("weeks of minutes"))
    axes = figure.axes[3]
    prompts, answers = (line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 101)
    np.testing.assert_allclose(prompts, np.column_stack([np.linspace(1, 4_000, 101), np.arange(101)]))
    np.testing.assert_allclose(answers, np.column_stack([np.linspace(1, 300, 101), np.arange(101)]))
    texts = strings(figure)
    assert {"prompts", "answers", "median 2,000", "mean 2,000", "mean 150"} <= set(texts)


# The week


def test_the_week_starts_on_the_first_local_monday_and_names_its_days():
    start = datetime(2024, 1, 3, 12, tzinfo=UTC)  # a Wednesday
    shown = recorded_traffic(recording(counts(21), start_utc=start), "Asia/Tokyo")
    week = week_of(shown)
    # Monday 8 January 00:00 in Tokyo is Sunday 15:00 UTC
    assert week.first_step == (datetime(2024, 1, 7, 15, tzinfo=UTC) - start) / timedelta(minutes=1)
    assert week.steps == 7 * MINUTES_PER_DAY
    assert "Mon 8 Jan" in strings(traffic_chart(shown))


def test_without_a_whole_week_from_monday_all_is_drawn_from_the_start():
    assert first_monday(MONDAY + timedelta(days=1), "UTC", 12 * 24, 3_600.0) == 0
    assert first_monday(MONDAY, "UTC", 7 * 24, 3_600.0) == 0
    assert first_monday(MONDAY + timedelta(days=1), "UTC", 13 * 24, 3_600.0) == 6 * 24
    assert first_monday(None, "UTC", 1_000, 3_600.0) == 0


def test_the_band_spans_the_single_steps_and_the_line_is_their_mean():
    requests = np.tile(np.r_[np.full(15, 10.0), np.full(15, 30.0)], 7 * 48)
    week = week_of(recorded_traffic(recording(requests), "UTC"))
    assert week.group == 30
    np.testing.assert_allclose(week.mean, 20.0 / 60)
    np.testing.assert_allclose(week.least, 10.0 / 60)
    np.testing.assert_allclose(week.most, 30.0 / 60)


def test_a_change_of_the_clock_keeps_names_between_local_midnights():
    start = datetime(2024, 3, 24, 23, tzinfo=UTC)  # Monday 25 March in Paris; the clock changes on Sunday the 31st
    axes = traffic_chart(recorded_traffic(recording(counts(7), start_utc=start), "Europe/Paris")).axes[0]
    np.testing.assert_allclose(axes.get_xticks(), [0, 24, 48, 72, 96, 120, 144, 167])


def test_the_same_demand_gives_the_same_bytes(tmp_path):
    for name in ("one.png", "other.png", "one.pdf", "other.pdf"):
        save_figure(traffic_chart(recorded("a day")), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "other.pdf").read_bytes()


# A fit

ROWS = [(f"peak over mean, {minutes} min", 2.0, 2.1, 1.9, 2.3) for minutes in range(1, 6)]


def fitted(days, step_s=60.0, start=MONDAY, runs=8, requests=None):
    requests = counts(days, step_s) if requests is None else requests
    level = np.full(requests.size, np.nanmean(requests))
    drawn = np.stack([counts(days, step_s, seed=10 + seed)[: requests.size] for seed in range(runs)])
    return draw_trace_fit("A fit", requests, drawn, level, step_s, start=start, statistics=ROWS, note="A note.")


@pytest.mark.slow
@pytest.mark.parametrize("days", [1, pytest.param(7, marks=pytest.mark.slow), 15])
@pytest.mark.parametrize("start", [MONDAY, None])
def test_every_fit_makes_a_readable_slide(days, start):
    assert_readable(fitted(days, start=start))
    assert_readable(fitted(days, start=start, requests=gapped(counts(days))))


def test_more_rows_than_have_room_are_counted_and_those_outside_of_the_band_are_bold():
    requests, rows = counts(1), [("lower", 1.0, 2.0, 1.5, 2.5), *ROWS * 4]
    figure = draw_trace_fit("A fit", requests, requests[None, :], requests, 60.0, statistics=rows)
    assert_readable(figure)
    (more,) = (text for text in strings(figure) if text.endswith(" more"))
    drawn = sum(text.startswith("peak over mean") for text in strings(figure))
    assert more == f"and {20 - drawn} more"
    bold = [text.get_text() for text in figure.findobj(Text) if text.get_fontweight() == "bold"]
    assert "1" in bold
    assert "2" not in bold


def test_a_model_that_is_the_recording_lies_on_it():
    requests = counts(7)
    axes = draw_trace_fit("A fit", requests, np.stack([requests] * 3), requests, 60.0, start=MONDAY).axes
    for panel in axes[1:]:
        model, recorded_line = (line.get_ydata() for line in panel.lines[-2:])
        np.testing.assert_allclose(model, recorded_line)


def test_the_fitted_course_is_drawn_at_the_middle_of_the_steps_it_is_the_mean_of():
    requests = 10.0 + np.arange(48.0)
    for step_s, first in ((3_600.0, 0.5), (86_400.0 / 48, 0.25)):
        drawn = draw_trace_fit("A fit", requests, requests[None, :], requests, step_s, start=MONDAY).axes[0].lines
        course = next(line for line in drawn if line.get_linestyle() == "--")
        assert course.get_drawstyle() == "default"
        np.testing.assert_allclose(course.get_xdata(), first * (1 + 2 * np.arange(48)))


def test_the_course_of_sums_of_days_is_level_over_each_day():
    requests = 10.0 + np.arange(7.0)
    drawn = draw_trace_fit("A fit", requests, requests[None, :], requests, 86_400.0, start=MONDAY).axes[0].lines
    course = next(line for line in drawn if line.get_linestyle() == "--")
    assert course.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(course.get_xdata(), 24.0 * np.arange(8))


def test_long_recordings_show_the_busiest_week_and_a_typical_one():
    weekly = np.repeat([10.0, 14.0, 30.0, 13.0], 7 * 24)
    assert weeks_drawn(weekly, 3_600.0, MONDAY, "UTC") == [
        ("Busiest week", 2 * 168, 3 * 168),
        ("Typical week", 168, 2 * 168),  # 14, nearest to the median 13.5 together with 13, and first
    ]
    assert weeks_drawn(weekly[: 9 * 24], 3_600.0, MONDAY, "UTC") == [("", 0, 9 * 24)]


def test_weeks_without_a_date_are_counted_from_the_start_of_the_recording():
    requests = np.repeat([10.0, 14.0, 30.0], 7 * 24)
    figure = draw_trace_fit("A fit", requests, requests[None, :], requests, 3_600.0)
    figure.canvas.draw()
    first, second = ([label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes[:2])
    assert first == [str(day) for day in range(14, 22)]  # the busiest
    assert second == [str(day) for day in range(7, 15)]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must be \(steps,\), \(runs, steps\)"):
        draw_trace_fit("A fit", np.ones(10), np.ones((2, 9)), np.ones(10), 60.0)
    with pytest.raises(ValueError, match="no known step"):
        draw_trace_fit("A fit", np.full(10, np.nan), np.ones((2, 10)), np.ones(10), 60.0)
