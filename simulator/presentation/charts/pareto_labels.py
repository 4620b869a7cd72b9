"""Names of the lines of the Pareto chart: beside them where there is room, else with a leader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simulator.domain.serving import Array
from simulator.presentation.page import Page, Row
from simulator.presentation.placing import Box, FreeSpace
from simulator.presentation.theme import FAINT, NAME, OptionStyle
from simulator.presentation.throughput_wording import MS_PER_S, gpus_words

PLOT = Box(150.0, 112.0, 1112.0, 764.0)
UNVERIFIED = "*"
_STEP = 4.0  # pixels between points of a path
_ANCHORS = 32  # places on a line that are tried for its name
_SIDES = ((1, 0), (0, 1), (1, 1), (-1, 0), (0, -1), (-1, -1), (-1, 1), (1, -1))  # of a place, where a name may stand
_OFFSET = 11.0  # pixels between a line and its name
_CLEAR = 45.0  # pixels from another line that are as good as more
_LEAST_CLEAR = -8.0  # pixels that another line may be nearer than its own
_LEAST_NAMED, _FARTHEST_NAMED = 60.0, 60.0  # pixels: parts of the front that get a number of GPUs, and how near


@dataclass(frozen=True)
class GpuLine:
    """One GPU as it is drawn."""

    gpu: str
    look: OptionStyle
    points: pd.DataFrame

    @property
    def corners(self) -> Array:
        """Time per token [ms] and cost [USD per 10⁶ output tokens]; shape (points, 2)."""
        milliseconds = self.points["tpot_s"].to_numpy() * MS_PER_S
        return np.column_stack([milliseconds, self.points["usd_per_mtok_output"].to_numpy()])

    @property
    def on_front(self) -> bool:
        """Whether some of its points are on the front of all GPUs."""
        return bool(self.points["on_front"].any())

    @property
    def name(self) -> str:
        """Its id, marked where a rate is not verified."""
        return self.gpu + (UNVERIFIED if self.points["unverified"].any() else "")


def name_lines(page: Page, axes: Axes, space: FreeSpace, lines: Sequence[GpuLine]) -> None:
    """Every GPU named at its line; where there is no room beside it, somewhere near with a leader."""
    paths = {line.gpu: _dense(axes.transData.transform(line.corners)) for line in lines}
    crowded = []
    for line in lines:
        rows = [Row(line.name, size=NAME, bold=line.on_front, option=line.look)]
        others = np.concatenate([path for gpu, path in paths.items() if gpu != line.gpu] or [np.empty((0, 2))])
        box = _beside(space, page.block_size(rows), paths[line.gpu], others)
        if box is None:
            crowded.append((line, rows))
            continue
        space.take(box)
        page.block(box.left, box.top, rows)
    for line, rows in crowded:
        end = (float(paths[line.gpu][-1, 0]), float(paths[line.gpu][-1, 1]))
        found = space.place(page.block_size(rows), end, leader=True)
        if found is not None:
            page.block(found.left, found.top, rows)
            _leader(page, space, end, found, line.look.colour)


def _beside(space: FreeSpace, size: tuple[float, float], path: Array, others: Array) -> Box | None:
    """The free box beside a line that is clearest of other lines; of equally clear ones that at the cheapest place."""
    width, height = size
    inside = path[(path[:, 0] < PLOT.right) & (path[:, 1] > PLOT.bottom) & (path[:, 1] < PLOT.top)]
    best, most = None, -np.inf
    for x, y in inside[np.linspace(len(inside) - 1, 0, min(_ANCHORS, len(inside))).astype(int)]:
        for across, up in _SIDES:
            left = x + across * (width / 2 + _OFFSET) - width / 2
            bottom = y + up * (height / 2 + _OFFSET) - height / 2
            box = Box(float(left), float(bottom), float(left + width), float(bottom + height))
            if not space.is_free(box):
                continue
            clear = float(_gaps(box, others).min(initial=_CLEAR)) - float(_gaps(box, path).min())
            if clear > most + 1.0:
                best, most = box, clear
    return best if most > _LEAST_CLEAR else None


def name_front(page: Page, axes: Axes, space: FreeSpace, front: pd.DataFrame) -> None:
    """How many GPUs make a replica, beside each part of the front that is long enough."""
    keys = front[["gpu", "gpus"]]
    for _, points in front.groupby(keys.ne(keys.shift()).any(axis=1).cumsum()):
        corners = np.column_stack([points["tpot_s"] * MS_PER_S, points["usd_per_mtok_output"]])
        path = _dense(axes.transData.transform(corners))
        path = path[(path[:, 1] > PLOT.bottom) & (path[:, 1] < PLOT.top)]
        if len(path) * _STEP < _LEAST_NAMED:
            continue
        anchor = (float(path[len(path) // 2][0]), float(path[len(path) // 2][1]))
        rows = [Row(gpus_words(int(points["gpus"].iloc[0])), colour=FAINT)]
        found = space.place(page.block_size(rows), anchor, leader=True)
        if found is not None and _gap(found, anchor) < _FARTHEST_NAMED:
            page.block(found.left, found.top, rows)


def _dense(points: Array) -> Array:
    """A path through points in steps of a few pixels."""
    lengths = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    at = np.arange(0.0, lengths[-1] + _STEP, _STEP)
    return np.column_stack([np.interp(at, lengths, points[:, 0]), np.interp(at, lengths, points[:, 1])])


def _gaps(box: Box, points: Array) -> Array:
    """Distances of points from a box. [pixels]"""
    x = np.clip(points[:, 0], box.left, box.right)
    y = np.clip(points[:, 1], box.bottom, box.top)
    return np.asarray(np.hypot(x - points[:, 0], y - points[:, 1]))


def _gap(box: Box, anchor: Sequence[float]) -> float:
    return float(_gaps(box, np.array([anchor]))[0])


def _leader(page: Page, space: FreeSpace, anchor: tuple[float, float], box: Box, colour: str) -> None:
    """A thin line from the end of a line to its name, where they are not side by side."""
    x, y = min(max(anchor[0], box.left), box.right), min(max(anchor[1], box.bottom), box.top)
    length = float(np.hypot(x - anchor[0], y - anchor[1]))
    if length > 22:
        part = 9 / length
        start = (anchor[0] + (x - anchor[0]) * part, anchor[1] + (y - anchor[1]) * part)
        page.rule([start, (x, y)], colour, 1.0)
        space.cover_line(np.array([start, (x, y)]), margin=3.0)
