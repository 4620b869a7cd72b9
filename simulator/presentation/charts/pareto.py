"""Cost of output tokens against the time each takes: a line a GPU, and the front that no other GPU or layout beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from simulator.catalogue.hardware import open_model
from simulator.catalogue.ranking import RankedLayout, Ranking, is_on_front
from simulator.domain.serving import Array
from simulator.presentation import theme
from simulator.presentation.charts.pareto_labels import PLOT, UNVERIFIED, GpuLine, name_front, name_lines
from simulator.presentation.numbers import distinct, log_ticks, number
from simulator.presentation.page import COLUMN_GAP, RIGHT, Page, Row
from simulator.presentation.placing import Box, FreeSpace
from simulator.presentation.theme import BODY, FAINT, INK, NAME, PAPER, RULE, SMALL, OptionStyle
from simulator.presentation.throughput_wording import MS_PER_S, short_layout

COLUMN = Box(1142.0, 112.0, RIGHT, 764.0)  # of the list beside the chart
MOST_LINES = 8
_SPAN = 400.0  # the axis of cost ends so many times above the cheapest point
# Beyond the theme's styles: greys, told apart by dashes and markers.
_MORE_STYLES = (
    OptionStyle("#7d7d7d", "solid", "P", 2.2),
    OptionStyle("#8f8f8f", (0.0, (4.0, 1.6)), "X", 2.2),
)
_COLUMNS = (
    "gpu", "gpus", "tensor_parallel", "data_parallel", "expert_parallel", "precision", "concurrency", "tpot_s",
    "usd_per_mtok_output", "usd_per_mtok_output_low", "usd_per_mtok_output_high", "on_front", "provider", "sku",
    "usd_per_replica_hour", "unverified",
)  # fmt: skip


def pareto_table(ranking: Ranking) -> pd.DataFrame:
    """The points of the chart's lines: of each GPU drawn those that no layout of the same GPU beats.

    Parameters
    ----------
    ranking : Ranking
        What was compared.

    Returns
    -------
    DataFrame
        A row a point, by GPU from the most important on and then by time per token. At most eight GPUs: those on the
        front, then the cheapest under the limit; GPUs without an on-demand rate have no line.
    """
    tables = [table for gpu in _drawn(ranking) if len(table := _line(ranking, gpu))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(_COLUMNS))


def _drawn(ranking: Ranking) -> list[str]:
    priced = [ranked for ranked in ranking.layouts if ranked.curve is not None]
    gpus = list(dict.fromkeys(ranked.gpu for ranked in priced))
    on_front = {ranked.gpu for ranked in priced if ranked.is_on_front}
    return sorted(gpus, key=lambda gpu: (gpu not in on_front, gpus.index(gpu)))[:MOST_LINES]


def _line(ranking: Ranking, gpu: str) -> pd.DataFrame:
    """The points of a GPU that none of its layouts beats, by time per token."""
    tables = [_points(ranked) for ranked in ranking.layouts if ranked.gpu == gpu and ranked.curve is not None]
    table = pd.concat(tables, ignore_index=True)
    front = is_on_front(table["tpot_s"].to_numpy(), table["usd_per_mtok_output"].to_numpy())
    return table[front].sort_values("tpot_s", kind="stable")


def _points(ranked: RankedLayout) -> pd.DataFrame:
    curve, cheapest, layout = ranked.curve, ranked.cheapest, ranked.layout
    if curve is None or cheapest is None:
        return pd.DataFrame(columns=list(_COLUMNS))
    values: dict[str, Any] = {
        "gpu": ranked.gpu,
        "gpus": ranked.estimate.gpus,
        "tensor_parallel": layout.tensor_parallel,
        "data_parallel": layout.data_parallel,
        "expert_parallel": layout.expert_parallel,
        "precision": ranked.precision,
        "concurrency": curve.concurrency,
        "tpot_s": curve.tpot_s,
        "usd_per_mtok_output": curve.usd_per_mtok,
        "usd_per_mtok_output_low": curve.usd_per_mtok_low,
        "usd_per_mtok_output_high": curve.usd_per_mtok_high,
        "on_front": curve.on_front,
        "provider": cheapest.provider,
        "sku": cheapest.sku,
        "usd_per_replica_hour": cheapest.usd_per_replica_hour,
        "unverified": cheapest.unverified,
    }
    return pd.DataFrame(values)


def pareto_chart(ranking: Ranking, table: pd.DataFrame) -> Figure:
    """Cost of a million output tokens against the time per output token.

    Parameters
    ----------
    ranking : Ranking
        What was compared.
    table : DataFrame
        What `pareto_table` made of it.

    Returns
    -------
    Figure
        A slide. The first axes hold a line a GPU, in the order of the table, then the front.

    Raises
    ------
    ValueError
        If the table holds no point.
    """
    if not len(table):
        raise ValueError("no GPU of the ranking has an on-demand rate: there is nothing to draw")
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        lines = [
            GpuLine(str(gpu), _look(place), points)
            for place, (gpu, points) in enumerate(table.groupby("gpu", sort=False))
        ]
        _scale(axes, lines, ranking)
        page.label_axes(
            axes,
            PLOT,
            ["Time per output token [ms]"],
            ["Cost [USD per million output tokens, input included]", "Cost [USD per million output tokens]"],
        )
        for line in lines:
            _draw(axes, line)
        front = table[table["on_front"]].sort_values("tpot_s", kind="stable")
        _draw_front(axes, front)
        space = FreeSpace(Box(PLOT.left + 6, PLOT.bottom + 6, PLOT.right - 6, PLOT.top - 6))
        for line in lines:
            space.cover_line(_within(axes.transData.transform(line.corners)), margin=7.0)
        _draw_limit(page, axes, space, ranking)
        name_lines(page, axes, space, lines)
        name_front(page, axes, space, front)
        _list(page, ranking, lines)
        page.heading(*_headings(ranking, table))
        page.footer(_footer(ranking))
    return page.figure


def _look(place: int) -> OptionStyle:
    if place < theme.MOST_OPTIONS:
        return theme.option_style(place)
    return _MORE_STYLES[(place - theme.MOST_OPTIONS) % len(_MORE_STYLES)]


def _scale(axes: Axes, lines: Sequence[GpuLine], ranking: Ranking) -> None:
    corners = np.concatenate([line.corners for line in lines])
    cheapest = float(corners[:, 1].min())
    shown = corners[corners[:, 1] <= cheapest * _SPAN]
    times = shown[:, 0] if ranking.tpot_limit_s is None else np.append(shown[:, 0], ranking.tpot_limit_s * MS_PER_S)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(float(times.min()) / 1.15, float(times.max()) * 1.6)
    axes.set_ylim(cheapest / 1.7, float(shown[:, 1].max()) * 1.25)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        ticks = log_ticks(low, high)
        axis.set_ticks(ticks, distinct(ticks))
        axis.set_minor_locator(NullLocator())
    theme.clean_axes(axes)


def _draw(axes: Axes, line: GpuLine) -> None:
    look = line.look
    axes.plot(
        *line.corners.T, label=line.gpu, color=look.colour, linestyle=look.dashes,
        linewidth=look.width if line.on_front else 0.7 * look.width,
        marker=look.marker, markevery=(0.0, 0.07), markersize=8.5 if line.on_front else 7.0,
        markeredgecolor=PAPER, markeredgewidth=0.8, zorder=4 if line.on_front else 3,
    )  # fmt: skip


def _draw_front(axes: Axes, front: pd.DataFrame) -> None:
    """A broad band of the uncertainty, and a broad pale line under the points of the front."""
    milliseconds = front["tpot_s"] * MS_PER_S
    low, high = front["usd_per_mtok_output_low"], front["usd_per_mtok_output_high"]
    axes.fill_between(milliseconds, low, high, color=RULE, alpha=0.28, linewidth=0, zorder=1)
    axes.plot(
        milliseconds, front["usd_per_mtok_output"], label="front", color=INK, alpha=0.22, linewidth=11.0,
        solid_capstyle="round", solid_joinstyle="round", zorder=2,
    )  # fmt: skip


def _draw_limit(page: Page, axes: Axes, space: FreeSpace, ranking: Ranking) -> None:
    if ranking.tpot_limit_s is None:
        return
    limit = ranking.tpot_limit_s * MS_PER_S
    axes.axvline(limit, color=INK, linewidth=1.5, linestyle=(0.0, (1.5, 2.0)), zorder=2.5)
    x = float(axes.transData.transform((limit, 1.0))[0])
    space.cover_line(np.array([[x, PLOT.bottom], [x, PLOT.top]]), margin=5.0)
    rows = [Row(f"limit {number(limit)} ms", size=BODY, bold=True)]
    found = space.place(page.block_size(rows), (x, PLOT.top - 8), weights=(1.0, 0.5))
    if found is not None:
        page.block(found.left, found.top, rows)


def _list(page: Page, ranking: Ranking, lines: Sequence[GpuLine]) -> None:
    """What the best layout of every GPU drawn costs under the limit, cheapest first."""
    best: dict[str, RankedLayout] = {}
    for ranked in ranking.layouts:
        best.setdefault(ranked.gpu, ranked)
    rows = [Row(_list_title(ranking), size=BODY, bold=True), Row("USD per million output tokens", colour=FAINT)]
    for line in sorted(lines, key=lambda line: list(best).index(line.gpu)):
        rows += _list_rows(line, best[line.gpu])
    drawn = {line.gpu for line in lines}
    others = [ranked for gpu, ranked in best.items() if gpu not in drawn and ranked.cheapest is not None]
    rows += _rows_of_others(others, COLUMN.height - page.block_size(rows)[1])
    second = max(page.text_width(row.right, row.size, bold=row.bold) for row in rows)
    room = COLUMN.width - second - COLUMN_GAP
    cut = [replace(row, text=page.cut(row.text, room, row.size, bold=row.bold)) if row.right else row for row in rows]
    page.block(COLUMN.left, COLUMN.top, cut)


def _list_rows(line: GpuLine, ranked: RankedLayout) -> list[Row]:
    estimate = ranked.estimate
    usd = np.nan if ranked.cheapest is None else ranked.cheapest.usd_per_mtok_output
    low, high = (usd * estimate.output_tokens_per_s / end for end in (estimate.band.high, estimate.band.low))
    details = f"{short_layout(ranked.layout)}, {ranked.precision}"
    return [
        Row(line.name, right=number(usd, 2), size=NAME, bold=line.on_front, option=line.look),
        Row(details, right=f"{number(low, 2)} to {number(high, 2)}", size=SMALL, colour=FAINT),
    ]


def _rows_of_others(others: Sequence[RankedLayout], height: float) -> list[Row]:
    """GPUs without a line, as many as there is room for."""
    pitch = Row("").height
    most = int(height / pitch) - 2  # the heading, and how many more
    if not others or most < 1:
        return []
    rows = [Row("Not drawn:", colour=FAINT)]
    rows += [
        Row(one.gpu + _mark(one), right=number(one.cheapest.usd_per_mtok_output, 2), colour=FAINT)
        for one in others[:most]
        if one.cheapest is not None
    ]
    more = len(others) - most
    return [*rows, Row(f"and {more} more", colour=FAINT)] if more > 0 else rows


def _mark(ranked: RankedLayout) -> str:
    return UNVERIFIED if ranked.cheapest is not None and ranked.cheapest.unverified else ""


def _list_title(ranking: Ranking) -> str:
    if ranking.tpot_limit_s is None:
        return "At full load"
    return f"Within {number(ranking.tpot_limit_s * MS_PER_S)} ms per token"


def _headings(ranking: Ranking, table: pd.DataFrame) -> tuple[str, list[str]]:
    best = next(ranked for ranked in ranking.layouts if ranked.cheapest is not None)
    usd = best.cheapest.usd_per_mtok_output if best.cheapest is not None else np.nan
    name = open_model(ranking.model).name
    where = "at full load" if ranking.tpot_limit_s is None else f"within {ranking.tpot_limit_s * MS_PER_S:g} ms a token"
    title = (
        f"{name}: {best.estimate.gpus} x {best.gpu} is cheapest {where}, {number(usd, 2)} USD per million output tokens"
    )
    lengths = f"{ranking.input_tokens:,.0f} tokens in, {ranking.output_tokens:,.0f} out"
    rates = f"cheapest on-demand rate of each GPU on {ranking.on}, machines paid whole and fully used"
    return title, [f"{lengths}; {rates}. Each line: one GPU in its best layouts", f"{lengths}; {rates}", lengths]


def _footer(ranking: Ranking) -> str:
    text = "Broad line: nothing is both cheaper and faster; grey band: where four measurements of five would lie."
    marked = any(_mark(ranked) for ranked in ranking.layouts)
    return f"{text} {UNVERIFIED} rate not verified." if marked else text


def _within(points: Array) -> Array:
    """Points in pixels, cut at the edges of the plot."""
    return np.clip(points, [PLOT.left, PLOT.bottom], [PLOT.right, PLOT.top])
