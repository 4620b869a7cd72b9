"""The pictures of a sweep: which ones its axes call for, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.domain.sweep import Sweep, SweepAxis
from simulator.presentation.charts.base_sweep import base_sweep_chart, is_size_of_a_base
from simulator.presentation.charts.line import line_chart
from simulator.presentation.charts.ranking import RankedKey, ranking_chart
from simulator.presentation.charts.scatter import MOST_DOTS, scatter_chart
from simulator.presentation.key_values import axis_labels, is_numeric, value_texts, values_at
from simulator.presentation.sweep_maps import SweepMaps
from simulator.presentation.sweep_table import MONTH, SweepTable, evenly, meanings
from simulator.sweeping.effects import Classes, classes_of_drawn, effect_of, ranked
from simulator.sweeping.points import FAULT

MOST_ON_A_LINE = 300


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
    if figures and pictures.maps is not None:
        figures["decision-map"] = pictures.maps.decision_map()
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

    @cached_property
    def maps(self) -> SweepMaps | None:
        """Where two or three keys with given values vary."""
        if not 2 <= len(self.axes) <= 3 or any(axis.is_sampled for axis in self.axes):
            return None
        return SweepMaps(self.table, self.axes)

    def of(self, challenger: str) -> dict[str, Figure]:
        """Pictures of one challenger, by name."""
        outcomes = self.table.outcomes(challenger)
        if len(self.axes) == 1:
            return {"line": self.line(challenger, outcomes)}
        figures = {}
        if self.maps is not None:
            figures["heatmap"] = self.maps.heatmap(challenger, outcomes, self.title(challenger))
        ranked_axes = self.ranked_axes(outcomes)
        figures["ranking"] = self.ranking(challenger, ranked_axes)
        if self.maps is None:
            figures["scatter"] = self.scatter(challenger, outcomes, ranked_axes[0][0])
        return figures

    def title(self, challenger: str) -> str:
        """Headline of a picture of one challenger."""
        sweep = self.table.sweep
        if len(self.challengers) == 1:
            return sweep.title
        return f"{sweep.title}{'' if sweep.title.endswith(('?', '!', '.', ':')) else ':'} {challenger}"

    def line(self, challenger: str, outcomes: pd.DataFrame) -> Figure:
        """First and settled break-even; over the size of a base its cost."""
        (axis,) = self.axes
        if self.is_over_a_base:
            return self._base_line(challenger, axis)
        values, _ = self._values(axis)
        if axis.is_sampled:
            chosen = np.argsort(values, kind="stable")[evenly(len(values), MOST_ON_A_LINE)]
        else:
            chosen = evenly(len(values), MOST_ON_A_LINE)
        shown = outcomes.iloc[chosen]
        x = values[chosen].tolist() if axis.is_sampled else values_at(axis, self.table.places(axis)[chosen])
        thinned = f", {len(chosen)} of them drawn" if len(chosen) < len(values) else ""
        above = meanings(shown["word"])
        return line_chart(
            x, shown["first"].tolist(), shown["settled"].tolist(), shown["word"].tolist(), axis_labels(axis),
            title=self.title(challenger),
            subtitle=f"Where {challenger} first pays against {self.table.baseline}, and from where it pays for good",
            footer=f"{self.table.count}{thinned}. {MONTH}{above}",
        )  # fmt: skip

    def _base_line(self, challenger: str, axis: SweepAxis) -> Figure:
        rows = self.table.rows
        own = rows[(rows["option"] == challenger) | (rows["status"] == FAULT)].assign(option=challenger)
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
        is_drawn = any(axis.is_sampled for axis in self.axes)
        at_one = "in one class of drawn values" if is_drawn else "with one value of the key"
        at = self.table.at_own_volume
        moves = f"What moves the cost difference {at} most: {strongest.labels[0]}"
        nothing = f"None of the keys moves the cost difference {at}"
        return ranking_chart(
            [key for _, key in ranked_axes], challenger, self.table.baseline,
            title=self.title(challenger),
            subtitle=moves if strongest.moves else nothing,
            footer=f"Bar: the median of all points {at_one}, from where it is least to where it is greatest."
            f" Dashed: equal costs. {points:,} points.",
        )  # fmt: skip

    def scatter(self, challenger: str, outcomes: pd.DataFrame, axis: SweepAxis) -> Figure:
        """Every point over the strongest key."""
        values, texts = self._values(axis)
        classes = self._classes(axis)
        counted = outcomes["reach"].notna().to_numpy()
        by_class = pd.DataFrame({"at": values, "reach": outcomes["reach"].to_numpy()})[counted]
        medians = by_class.groupby(classes.places[counted]).median()
        chosen = evenly(len(values), MOST_DOTS)
        shown = outcomes.iloc[chosen]
        thinned = f", {len(chosen):,} of them drawn" if len(chosen) < len(values) else ""
        above = meanings(shown["word"])
        return scatter_chart(
            values[chosen], shown["settled"].to_numpy(), shown["word"].tolist(),
            (medians["at"].to_numpy(), medians["reach"].to_numpy()), texts, axis_labels(axis),
            title=self.title(challenger),
            subtitle=f"Volume from which {challenger} pays for good, over the key that moves the cost difference most",
            footer=f"{self.table.count}{thinned}. {MONTH}{above}",
        )  # fmt: skip
