"""The rows of a sweep, read for its pictures: what a point says of a challenger, and where it lies on each axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.domain.plans import Array
from simulator.domain.sweep import Sweep, SweepAxis
from simulator.presentation.numbers import volume
from simulator.solving.study import (
    BASELINE_ALWAYS_CHEAPER,
    CHALLENGER_ALWAYS_CHEAPER,
    INFEASIBLE,
    NOT_SETTLED_IN_RANGE,
)
from simulator.sweeping.points import BASELINE, CHALLENGER, FAULT, SETTLED

NEVER, ALWAYS, NOT_SETTLED = "never", "always", "not settled"
NOT_COMPARED, LEFT_OUT, IS_BASELINE = "not compared", "left out", "is the baseline"
MONTH = "At run rate; a month is 730 h."
_WORDS = {
    SETTLED: "",
    BASELINE_ALWAYS_CHEAPER: NEVER,
    CHALLENGER_ALWAYS_CHEAPER: ALWAYS,
    NOT_SETTLED_IN_RANGE: NOT_SETTLED,
    INFEASIBLE: INFEASIBLE,
    BASELINE: IS_BASELINE,
    FAULT: FAULT,
}
_TEXTS = ("option", "role", "status", "cheapest")
_MEANINGS = {
    NEVER: "pays at no volume",
    ALWAYS: "pays at every volume",
    NOT_SETTLED: "does not pay for good",
    INFEASIBLE: "can't be had",
}
_BEYOND = (NEVER, NOT_SETTLED, INFEASIBLE)  # no volume is great enough


@dataclass(frozen=True, eq=False)
class SweepTable:
    """A sweep and its tidy rows.

    Attributes
    ----------
    sweep : Sweep
        What was tried.
    tidy : DataFrame
        One row a point and option: `point` (its number), the values that tell it, and `RESULT_COLUMNS`.
    """

    sweep: Sweep
    tidy: pd.DataFrame

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows, with texts that can be compared between columns, which categories can't."""
        return self.tidy.assign(**{name: self.tidy[name].astype(object) for name in _TEXTS})

    @cached_property
    def options(self) -> list[str]:
        """Every option, those that are a baseline somewhere first."""
        return list(dict.fromkeys([*self._named(BASELINE), *self._named(CHALLENGER)]))

    @cached_property
    def challengers(self) -> list[str]:
        """Options that challenge a baseline at some point."""
        return self._named(CHALLENGER)

    @cached_property
    def baseline(self) -> str:
        """Name of the baseline, or 'the baseline' where it is not the same at every point."""
        names = self._named(BASELINE)
        return names[0] if len(names) == 1 else "the baseline"

    def _named(self, role: str) -> list[str]:
        return self.rows.loc[self.rows["role"] == role, "option"].unique().tolist()

    @cached_property
    def points(self) -> NDArray[np.int64]:
        """Numbers of the points that have rows, in order."""
        return np.unique(self.rows["point"].to_numpy(dtype=np.int64))

    @cached_property
    def faults(self) -> int:
        """How many points can't be had."""
        return int((self.rows["status"] == FAULT).sum())

    @cached_property
    def count(self) -> str:
        """How many points there are, and what became of some."""
        told = f"{len(self.points):,} points" if len(self.points) > 1 else "1 point"
        return f"{told}, {self.faults:,} with a fault" if self.faults else told

    @cached_property
    def at_own_volume(self) -> str:
        """At which volume costs stand: 'at 3 B tokens a month', or that it is each point's own."""
        volumes = self.rows["tokens_per_month"].dropna().to_numpy(dtype=np.float64)
        if volumes.size and np.allclose(volumes, volumes[0], rtol=1e-6):
            return f"at {volume(float(volumes[0]))} tokens a month"
        return "at each point's own volume"

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """Place of every point among the values of each axis; of drawn keys among the draws."""
        fixed = [axis for axis in self.sweep.axes if not axis.is_sampled]
        places = [place.astype(np.int64) for place in np.unravel_index(self.points, self.sweep.lengths)]
        found = {axis.column: place for axis, place in zip(fixed, places, strict=False)}
        return found | {axis.column: places[-1] for axis in self.sweep.axes if axis.is_sampled}

    def places(self, axis: SweepAxis) -> NDArray[np.int64]:
        """Place of every point among the values of an axis. Shape (points,)."""
        return self._places[axis.column]

    def drawn(self, axis: SweepAxis) -> Array:
        """Value of a drawn key at every point. Shape (points,), in its unit."""
        column = self.rows.drop_duplicates("point").set_index("point")[axis.column]
        return column.reindex(self.points).to_numpy(dtype=np.float64)

    def outcomes(self, challenger: str) -> pd.DataFrame:
        """What every point says of one challenger.

        Returns
        -------
        DataFrame
            Index `point`, every one once. `word`: empty where there is a settled break-even, else what there is in its
            place; `settled` and `first`: tokens per month, NaN where there is none; `reach`: the settled volume with 0
            for always and infinity for what no volume reaches, NaN where nothing was found out; `difference`:
            challenger minus baseline at the own volume, infinite where the challenger can't be had [USD per month].
        """
        own = self.rows[self.rows["option"] == challenger].drop_duplicates("point").set_index("point")
        status = own["status"].reindex(self.points)
        word = status.map(_WORDS).where(status.isin(list(_WORDS)), status.astype(str).str.replace("_", " "))
        faulty = self.rows.loc[self.rows["status"] == FAULT, "point"]
        word[status.isna()] = NOT_COMPARED
        word[np.isin(self.points, faulty)] = FAULT
        settled = _numbers(own, "settled_tokens_per_month", self.points)
        first = _numbers(own, "first_tokens_per_month", self.points)
        word[(word == "") & (settled <= 0)] = ALWAYS
        word[(word == "") & settled.isna()] = NEVER
        settled = settled.where(word == "")
        reach = settled.mask(word == ALWAYS, 0.0).mask(word.isin(_BEYOND), np.inf)
        usd = _numbers(own, "usd_per_month", self.points) - _numbers(own, "baseline_usd_per_month", self.points)
        difference = usd.mask(word == INFEASIBLE, np.inf).mask(word == IS_BASELINE)
        return pd.DataFrame(
            {
                "word": word,
                "settled": settled,
                "first": first.where(first > 0),
                "reach": reach,
                "difference": difference,
            }
        )

    def winners(self) -> pd.DataFrame:
        """The cheapest option of every point.

        Returns
        -------
        DataFrame
            Index `point`, every one once. `option`: the cheapest at the own volume, empty where there is none; `word`:
            what there is in its place; `advantage`: what it saves against the next best, over the cost of that [1].

        Notes
        -----
        Of the other options only those count that cost at least as much: one that costs less, and yet was not chosen,
        does not serve all that arrives.
        """
        at_points = self.rows.drop_duplicates("point").set_index("point")
        option = at_points["cheapest"].reindex(self.points)
        rows = self.rows[["point", "option", "usd_per_month", "cheapest"]]
        cost = pd.to_numeric(rows["usd_per_month"], errors="coerce")
        is_winner = rows["option"] == rows["cheapest"]
        won = cost[is_winner].groupby(rows.loc[is_winner, "point"]).first()
        others = cost[~is_winner & (cost >= (1.0 - 1e-9) * rows["point"].map(won))]
        following = others.groupby(rows.loc[others.index, "point"]).min().reindex(self.points)
        advantage = (1.0 - won.reindex(self.points) / following.where(following > 0)).clip(lower=0.0)
        none = option.isna() | (option == "")
        word = at_points["status"].reindex(self.points).where(none, "").fillna(LEFT_OUT).astype(str)
        return pd.DataFrame({"option": option.mask(none, ""), "word": word, "advantage": advantage})

    def spread_out(
        self, column: pd.Series[Any], row_axis: SweepAxis, column_axis: SweepAxis, chosen: Array | None = None
    ) -> Array:
        """A column of the points as a table over two axes.

        Parameters
        ----------
        column : Series
            One value a point.
        row_axis, column_axis : SweepAxis
            With values.
        chosen : array of bool of shape (points,), optional
            Which of the points; all, if left out.

        Returns
        -------
        array of shape (rows, columns)
            Where there is no point: NaN among numbers, 'left out' among words.
        """
        is_text = column.dtype.kind != "f"
        shape = len(row_axis.values), len(column_axis.values)
        table = np.full(shape, LEFT_OUT, dtype=object) if is_text else np.full(shape, np.nan)
        picked = np.ones(len(self.points), dtype=bool) if chosen is None else chosen
        table[self.places(row_axis)[picked], self.places(column_axis)[picked]] = column.to_numpy()[picked]
        return table


def meanings(words: Iterable[str]) -> str:
    """What words in place of a volume mean, for a footer: ' Never: pays at no volume.'."""
    used = set(words)
    return "".join(f" {word.capitalize()}: {meaning}." for word, meaning in _MEANINGS.items() if word in used)


def _numbers(rows: pd.DataFrame, name: str, points: NDArray[np.int64]) -> pd.Series[float]:
    return pd.to_numeric(rows[name], errors="coerce").astype(np.float64).reindex(points)


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many of a count, the first and the last among them."""
    if count <= most:
        return np.arange(count)
    return np.round(np.linspace(0, count - 1, most)).astype(np.int64)
