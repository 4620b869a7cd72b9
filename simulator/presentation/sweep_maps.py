"""The maps of a sweep of two or three keys: break-even of each challenger, and which option wins where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulator.domain.plans import Array
from simulator.domain.sweep import CASE, SweepAxis
from simulator.presentation.charts.cells import MOST_PANELS, CellAxes
from simulator.presentation.charts.decision_map import DecisionPanel, decision_map_chart
from simulator.presentation.charts.heatmap import VolumePanel, heatmap_chart
from simulator.presentation.key_values import axis_labels, is_numeric, value_texts
from simulator.presentation.sweep_table import MONTH, SweepTable, evenly, meanings

_MOST_NAMES_ACROSS = 8  # that can be read side by side
MOST_CELLS, MOST_IN_PANELS = 80, 40  # a side of a single map, and of small multiples


@dataclass(frozen=True, eq=False)
class SweepMaps:
    """Maps over two keys with given values, or over three.

    Attributes
    ----------
    table : SweepTable
        The sweep.
    axes : list of SweepAxis
        The keys, two or three; of two the first goes across.
    """

    table: SweepTable
    axes: list[SweepAxis]

    @cached_property
    def _panel_axis(self) -> SweepAxis | None:
        """Of three keys the one with the fewest values, of equals the slowest; it makes the panels."""
        return min(self.axes, key=lambda axis: len(axis.values)) if len(self.axes) == 3 else None

    @cached_property
    def _map_axes(self) -> tuple[SweepAxis, SweepAxis]:
        """The key that goes across and the one that goes up: the first and the second, but many names go up."""
        across, up = (axis for axis in self.axes if axis is not self._panel_axis)
        are_many_names = not is_numeric(across) and len(across.values) > max(_MOST_NAMES_ACROSS, len(up.values))
        return (up, across) if are_many_names else (across, up)

    @cached_property
    def _picked(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the rows and columns that are drawn."""
        across, up = self._map_axes
        most = MOST_CELLS if self._panel_axis is None else MOST_IN_PANELS
        return evenly(len(up.values), most), evenly(len(across.values), most)

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
    def _panels(self) -> list[tuple[tuple[str, ...], Array]]:
        """Titles of each panel, and which points are in it."""
        axis = self._panel_axis
        if axis is None:
            return [((), np.ones(len(self.table.points), dtype=bool))]
        texts, places = value_texts(axis.values), self.table.places(axis)
        names = [f"{_last_part(axis)} "] if axis.column != CASE else []
        return [
            (tuple(f"{name}{texts[place]}" for name in (*names, "")), places == place)
            for place in evenly(len(axis.values), MOST_PANELS).tolist()
        ]

    @property
    def _by_panel(self) -> str:
        """What the panels differ in, for the subtitle."""
        return f", by {_last_part(self._panel_axis)}" if self._panel_axis is not None else ""

    def _spread_out(self, column: pd.Series[float] | pd.Series[str], chosen: Array) -> Array:
        across, up = self._map_axes
        return self.table.spread_out(column, up, across, chosen)[np.ix_(*self._picked)]

    @cached_property
    def _left_away(self) -> str:
        """What of the maps is not drawn for want of room."""
        across, up = self._map_axes
        rows, columns = self._picked
        parts = [
            f"{len(places)} of {len(axis.values)} {_last_part(axis)}"
            for axis, places in ((across, columns), (up, rows))
            if len(places) < len(axis.values)
        ]
        if self._panel_axis is not None and len(self._panels) < len(self._panel_axis.values):
            parts.append(f"{len(self._panels)} of {len(self._panel_axis.values)} {_last_part(self._panel_axis)}")
        return f" Drawn: {', '.join(parts)}." if parts else ""

    def heatmap(self, challenger: str, outcomes: pd.DataFrame, title: str) -> Figure:
        """Settled break-even of one challenger."""
        panels = [
            VolumePanel(
                titles, self._spread_out(outcomes["settled"], chosen), self._spread_out(outcomes["word"], chosen)
            )
            for titles, chosen in self._panels
        ]
        return heatmap_chart(
            panels, self._names,
            title=title,
            subtitle=f"Volume from which {challenger} pays for good against {self.table.baseline}{self._by_panel};"
            " lighter is sooner",
            footer=f"{self.table.count}.{self._left_away} {MONTH}{meanings(outcomes['word'])}",
        )  # fmt: skip

    def decision_map(self) -> Figure:
        """The cheapest option, of all that are compared."""
        winners = self.table.winners()
        panels = []
        for titles, chosen in self._panels:
            words = self._spread_out(winners["word"], chosen)
            options = self._spread_out(winners["option"], chosen)
            panels.append(
                DecisionPanel(
                    titles, np.where(words == "", options, ""), self._spread_out(winners["advantage"], chosen), words
                )
            )
        return decision_map_chart(
            panels, self.table.options, self._names,
            title=self.table.sweep.title,
            subtitle=f"Cheapest option {self.table.at_own_volume}{self._by_panel}",
            footer=f"{self.table.count}.{self._left_away} {MONTH}",
        )  # fmt: skip


def _last_part(axis: SweepAxis) -> str:
    return axis.column.rsplit(".", 1)[-1]
