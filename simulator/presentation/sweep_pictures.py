"""The pictures of a sweep: which ones its axes call for, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulator.domain.plans import Array
from simulator.domain.sweep import Sweep, SweepAxis
from simulator.presentation.charts.base_sweep import base_sweep_chart, is_size_of_a_base
from simulator.presentation.charts.cells import MOST_PANELS, CellAxes
from simulator.presentation.charts.decision_map import DecisionPanel, decision_map_chart
from simulator.presentation.charts.heatmap import VolumePanel, heatmap_chart
from simulator.presentation.charts.line import line_chart
from simulator.presentation.charts.ranking import RankedKey, ranking_chart
from simulator.presentation.charts.scatter import MOST_DOTS, scatter_chart
from simulator.presentation.key_values import axis_labels, is_numeric, value_texts, values_at
from simulator.presentation.sweep_table import SweepTable
from simulator.sweeping.effects import Classes, classes_of_drawn, effect_of, ranked

MOST_ON_A_LINE = 300
MOST_CELLS = 80  # a side of a map
_MONTH = "At run rate; a month is 730 h."


def sweep_figures(rows: pd.DataFrame, sweep: Sweep) -> dict[str, Figure]:
    """Draw what the axes of a sweep call for.

    Parameters
    ----------
    rows : DataFrame
        Tidy, one row a point and option: `point`, the columns of the sweep, and `RESULT_COLUMNS`.
    sweep : Sweep
        What was tried.

    Returns
    -------
    dict of Figure
        By the stem of the file, in the order to be shown. One key: `line`. Two or three with given values: `heatmap`
        and `decision-map`, over a third in small multiples. Two and more: `ranking`. More than three, or drawn ones:
        `scatter` over the strongest. Where there are several challengers, each has its own `line`, `heatmap`, `ranking`
        and `scatter`, with its name behind. None where no point could be had.
    """
    table = SweepTable(sweep, rows)
    pictures = _Pictures(table)
    figures: dict[str, Figure] = {}
    drawn = {name: pictures.of(name) for name in pictures.challengers}
    for challenger, by_name in drawn.items():
        for stem, figure in by_name.items():
            figures[stem if len(drawn) == 1 else f"{stem}-{challenger}"] = figure
    if figures and pictures.has_map:
        figures["decision-map"] = pictures.decision_map()
    return figures


@dataclass(frozen=True, eq=False)
class _Pictures:
    table: SweepTable

    @cached_property
    def axes(self) -> list[SweepAxis]:
        """What varies; a key with a single value only where there is no other."""
        every = self.table.sweep.axes
        return [axis for axis in every if len(axis.values) != 1] or list(every[:1])

    @property
    def is_over_a_base(self) -> bool:
        """Whether the only key is the size of a base."""
        axis = self.axes[0]
        return len(self.axes) == 1 and is_size_of_a_base(axis.column) and not axis.is_sampled

    @property
    def challengers(self) -> list[str]:
        """Challengers to draw: all, but over the size of a base the one that has it, for the others are the same."""
        every = self.table.challengers
        if not self.is_over_a_base:
            return every
        return [name for name in every if self.axes[0].column.startswith(f"options.{name}.")] or every

    @property
    def has_map(self) -> bool:
        """Whether two or three keys with given values vary."""
        return 2 <= len(self.axes) <= 3 and not any(axis.is_sampled for axis in self.axes)

    def of(self, challenger: str) -> dict[str, Figure]:
        """Pictures of one challenger, by name."""
        outcomes = self.table.outcomes(challenger)
        if len(self.axes) == 1:
            return {"line": self.line(challenger, outcomes)}
        figures = {"heatmap": self.heatmap(challenger, outcomes)} if self.has_map else {}
        ranked_axes = self.ranked_axes(outcomes)
        figures["ranking"] = self.ranking(challenger, ranked_axes)
        if not self.has_map:
            figures["scatter"] = self.scatter(challenger, outcomes, ranked_axes[0][0])
        return figures

    def title(self, challenger: str) -> str:
        """Headline of a picture of one challenger."""
        sweep = self.table.sweep
        return sweep.title if len(self.challengers) == 1 else f"{sweep.title}: {challenger}"

    @cached_property
    def count(self) -> str:
        """How many points there are, and what became of some."""
        table = self.table
        told = f"{len(table.points):,} points" if len(table.points) > 1 else "1 point"
        return f"{told}, {table.faults:,} with a fault" if table.faults else told

    # One key

    def line(self, challenger: str, outcomes: pd.DataFrame) -> Figure:
        """First and settled break-even; over the size of a base its cost."""
        (axis,) = self.axes
        if self.is_over_a_base:
            return self._base_line(challenger, axis)
        values, _ = self._values(axis)
        if axis.is_sampled:
            chosen = np.argsort(values, kind="stable")[_evenly(len(values), MOST_ON_A_LINE)]
        else:
            chosen = _evenly(len(values), MOST_ON_A_LINE)
        shown = outcomes.iloc[chosen]
        x = values[chosen].tolist() if axis.is_sampled else values_at(axis, self.table.places(axis)[chosen])
        thinned = f", {len(chosen)} of them drawn" if len(chosen) < len(values) else ""
        above = " Marks above the lines: there is no such volume." if (shown["word"] != "").any() else ""
        return line_chart(
            x, shown["first"].tolist(), shown["settled"].tolist(), shown["word"].tolist(), axis_labels(axis),
            title=self.title(challenger),
            subtitle=f"Where {challenger} first pays against {self.table.baseline}, and from where it pays for good",
            footer=f"{self.count}{thinned}.{above} {_MONTH}",
        )  # fmt: skip

    def _base_line(self, challenger: str, axis: SweepAxis) -> Figure:
        rows = self.table.rows
        own = rows[(rows["option"] == challenger) | (rows["status"] == "fault")].copy()
        places = self.table.places(axis)[np.searchsorted(self.table.points, own["point"])]
        own[axis.column] = values_at(axis, places)
        return base_sweep_chart(own, axis.column, self.title(challenger))

    def _values(self, axis: SweepAxis) -> tuple[Array, list[str]]:
        """Value of a key at every point as a number; or which of its values it is, and their texts."""
        if axis.is_sampled:
            return self.table.drawn(axis), []
        places = self.table.places(axis)
        if is_numeric(axis):
            return np.array(axis.values, dtype=np.float64)[places], []
        return places.astype(np.float64), value_texts(axis.values)

    # Two and three keys

    @cached_property
    def _panel_axis(self) -> SweepAxis | None:
        """Of three keys the one with the fewest values, of equals the slowest; it makes the panels."""
        return min(self.axes, key=lambda axis: len(axis.values)) if len(self.axes) == 3 else None

    @cached_property
    def _map_axes(self) -> tuple[SweepAxis, SweepAxis]:
        """The key that goes across and the one that goes up."""
        across, up = (axis for axis in self.axes if axis is not self._panel_axis)
        return across, up

    @cached_property
    def _picked(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the rows and columns that are drawn."""
        across, up = self._map_axes
        return _evenly(len(up.values), MOST_CELLS), _evenly(len(across.values), MOST_CELLS)

    @cached_property
    def _names(self) -> CellAxes:
        across, up = self._map_axes
        rows, columns = self._picked
        up_texts, across_texts = value_texts(up.values), value_texts(across.values)
        return CellAxes(
            [across_texts[place] for place in columns], [up_texts[place] for place in rows],
            axis_labels(across), axis_labels(up),
        )  # fmt: skip

    @cached_property
    def _panels(self) -> list[tuple[str, Array]]:
        """Title of each panel, and which points are in it."""
        axis = self._panel_axis
        if axis is None:
            return [("", np.ones(len(self.table.points), dtype=bool))]
        texts, places = value_texts(axis.values), self.table.places(axis)
        name = "" if axis.column == "case" else f"{axis.column.rsplit('.', 1)[-1]} "
        return [(f"{name}{texts[place]}", places == place) for place in _evenly(len(axis.values), MOST_PANELS).tolist()]

    def _spread_out(self, column: pd.Series[float] | pd.Series[str], chosen: Array) -> Array:
        across, up = self._map_axes
        return self.table.spread_out(column, up, across, chosen)[np.ix_(*self._picked)]

    @cached_property
    def _left_away(self) -> str:
        """What of the maps is not drawn for want of room."""
        across, up = self._map_axes
        rows, columns = self._picked
        parts = [
            f"{len(places)} of {len(axis.values)} values of {axis.column}"
            for axis, places in ((across, columns), (up, rows))
            if len(places) < len(axis.values)
        ]
        if self._panel_axis is not None and len(self._panels) < len(self._panel_axis.values):
            parts.append(f"{len(self._panels)} of {len(self._panel_axis.values)} values of {self._panel_axis.column}")
        return f" Drawn: {', '.join(parts)}." if parts else ""

    def heatmap(self, challenger: str, outcomes: pd.DataFrame) -> Figure:
        """Settled break-even of one challenger."""
        panels = [
            VolumePanel(name, self._spread_out(outcomes["settled"], chosen), self._spread_out(outcomes["word"], chosen))
            for name, chosen in self._panels
        ]
        hatched = " Grey: there is no such volume." if (outcomes["word"] != "").any() else ""
        return heatmap_chart(
            panels, self._names,
            title=self.title(challenger),
            subtitle=f"Volume from which {challenger} pays for good against {self.table.baseline}; lighter is sooner",
            footer=f"{self.count}.{self._left_away}{hatched} {_MONTH}",
        )  # fmt: skip

    def decision_map(self) -> Figure:
        """The cheapest option, of all that are compared."""
        winners = self.table.winners()
        panels = []
        for name, chosen in self._panels:
            words = self._spread_out(winners["word"], chosen)
            options = self._spread_out(winners["option"], chosen)
            panels.append(
                DecisionPanel(
                    name, np.where(words == "", options, ""), self._spread_out(winners["advantage"], chosen), words
                )
            )
        return decision_map_chart(
            panels, self.table.options, self._names,
            title=self.table.sweep.title,
            subtitle="Cheapest option at the scenario's own volume, and by how much it is cheaper than the next best",
            footer=f"{self.count}.{self._left_away} {_MONTH}",
        )  # fmt: skip

    # Any number of keys

    def _classes(self, axis: SweepAxis) -> Classes:
        if axis.is_sampled:
            return classes_of_drawn(self.table.drawn(axis))
        return Classes(self.table.places(axis), axis.values)

    def ranked_axes(self, outcomes: pd.DataFrame) -> list[tuple[SweepAxis, RankedKey]]:
        """Keys by their effect, the strongest first."""
        cost, settled = outcomes["difference"].to_numpy(), outcomes["reach"].to_numpy()
        found = {}
        for axis in self.axes:
            classes = self._classes(axis)
            names = list(dict.fromkeys(label.split(" [")[0] for label in axis_labels(axis)))
            found[axis.column] = axis, RankedKey(names, effect_of(cost, classes), effect_of(settled, classes))
        order = ranked({column: [key.cost, key.settled] for column, (_, key) in found.items()})
        return [found[column] for column in order]

    def ranking(self, challenger: str, ranked_axes: list[tuple[SweepAxis, RankedKey]]) -> Figure:
        """Keys by their effect on one challenger."""
        strongest, points = ranked_axes[0][1], ranked_axes[0][1].cost.points
        return ranking_chart(
            [key for _, key in ranked_axes], challenger, self.table.baseline,
            title=self.title(challenger),
            subtitle=f"What moves the cost difference most: {strongest.labels[0]}",
            footer="Bar: from the least to the greatest median of the points at one value of the key, others at any."
            f" Dashed: equal costs. {points:,} points.",
        )  # fmt: skip

    def scatter(self, challenger: str, outcomes: pd.DataFrame, axis: SweepAxis) -> Figure:
        """Every point over the strongest key."""
        values, texts = self._values(axis)
        classes = self._classes(axis)
        counted = outcomes["reach"].notna().to_numpy()
        by_class = pd.DataFrame({"at": values, "reach": outcomes["reach"].to_numpy()})[counted]
        medians = by_class.groupby(classes.places[counted]).median()
        chosen = _evenly(len(values), MOST_DOTS)
        shown = outcomes.iloc[chosen]
        thinned = f", {len(chosen):,} of them drawn" if len(chosen) < len(values) else ""
        above = " Marks above: there is no such volume." if (shown["word"] != "").any() else ""
        return scatter_chart(
            values[chosen], shown["settled"].to_numpy(), shown["word"].tolist(),
            (medians["at"].to_numpy(), medians["reach"].to_numpy()), texts, axis_labels(axis),
            title=self.title(challenger),
            subtitle=f"Volume from which {challenger} pays for good, over the strongest key",
            footer=f"{self.count}{thinned}.{above} {_MONTH}",
        )  # fmt: skip


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many of a count, the first and the last among them."""
    if count <= most:
        return np.arange(count)
    return np.round(np.linspace(0, count - 1, most)).astype(np.int64)
