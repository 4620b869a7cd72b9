"""Where labels go: free space beside what is drawn, and columns in which they make room for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from simulator.domain.plans import Array


@dataclass(frozen=True)
class Box:
    """A rectangle. [pixels from the lower left corner of the slide]"""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """Width. [pixels]"""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height. [pixels]"""
        return self.top - self.bottom


class FreeSpace:
    """Which cells of a box nothing has been drawn on yet."""

    CELL = 3.0  # pixels
    TRIED = 4_000  # nearest places whose leaders are looked at

    def __init__(self, box: Box) -> None:
        self.box = box
        self._covered = np.zeros((int(box.height // self.CELL), int(box.width // self.CELL)), dtype=bool)
        self._written = np.zeros_like(self._covered)  # what a leader must not strike out

    def cover_line(self, points: Array, margin: float = 6.0) -> None:
        """Cover a line through points of shape (n, 2) and a margin on both sides."""
        points = points[np.all(np.isfinite(points), axis=1)]
        if points.shape[0] == 0:
            return
        lengths = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
        at = np.arange(0.0, lengths[-1] + self.CELL, self.CELL)
        x = np.interp(at, lengths, points[:, 0])
        y = np.interp(at, lengths, points[:, 1])
        reach = np.arange(-margin, margin + self.CELL, self.CELL)
        columns = ((x[:, None, None] + reach[None, :, None] - self.box.left) // self.CELL).astype(int)
        rows = ((y[:, None, None] + reach[None, None, :] - self.box.bottom) // self.CELL).astype(int)
        columns, rows = np.broadcast_arrays(columns, rows)
        inside = (columns >= 0) & (columns < self._covered.shape[1]) & (rows >= 0) & (rows < self._covered.shape[0])
        self._covered[rows[inside], columns[inside]] = True

    def cover_box(self, box: Box, margin: float = 4.0) -> None:
        """Cover a rectangle and a margin around it."""
        self._covered[
            self._rows(box.bottom - margin, box.top + margin), self._columns(box.left - margin, box.right + margin)
        ] = True

    def place(
        self,
        size: tuple[float, float],
        anchor: tuple[float, float],
        *,
        weights: tuple[float, float] = (1.0, 1.0),
        between: tuple[float, float] | None = None,
        leader: bool = False,
    ) -> Box | None:
        """The free box of a size that is nearest to an anchor, and cover it.

        Parameters
        ----------
        size : (width, height)
            What is to be placed. [pixels]
        anchor : (x, y)
            What it belongs to.
        weights : (float, float)
            How much a distance across and up counts.
        between : (float, float), optional
            Left and right end of where it may be.
        leader : bool
            Whether a straight line will lead from the anchor to it: then one is chosen that strikes nothing out.

        Returns
        -------
        Box or None
            None where no free box is left.
        """
        wide, high = (int(np.ceil(extent / self.CELL)) + 2 for extent in size)
        if wide > self._covered.shape[1] or high > self._covered.shape[0]:
            return None
        sums = np.pad(np.cumsum(np.cumsum(self._covered, axis=0, dtype=np.int64), axis=1), ((1, 0), (1, 0)))
        covered = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
        left = self.box.left + np.arange(covered.shape[1]) * self.CELL
        bottom = self.box.bottom + np.arange(covered.shape[0]) * self.CELL
        away = [
            np.maximum(0.0, np.maximum(start - middle, middle - (start + extent * self.CELL)))
            for start, extent, middle in ((left, wide, anchor[0]), (bottom, high, anchor[1]))
        ]
        distance = np.hypot(weights[0] * away[0][None, :], weights[1] * away[1][:, None])
        # Between equals, the one whose middle is nearer.
        distance = distance + 0.02 * np.abs(left + wide * self.CELL / 2 - anchor[0])[None, :]
        distance = distance + 0.02 * np.abs(bottom + high * self.CELL / 2 - anchor[1])[:, None]
        allowed = covered == 0
        if between is not None:
            allowed &= ((left >= between[0]) & (left + wide * self.CELL <= between[1]))[None, :]
        places = np.flatnonzero(allowed.ravel())
        if places.size == 0:
            return None
        if places.size > self.TRIED:
            places = places[np.argpartition(distance.ravel()[places], self.TRIED - 1)[: self.TRIED]]
        places.sort()
        rows, columns = np.unravel_index(places, distance.shape)
        x, y = left[columns] + self.CELL, bottom[rows] + self.CELL
        cost = distance.ravel()[places]
        if leader:
            cost = cost + self._struck(anchor, x, y, size)
        best = int(np.argmin(cost))
        found = Box(float(x[best]), float(y[best]), float(x[best]) + size[0], float(y[best]) + size[1])
        self.take(found)
        return found

    def is_free(self, box: Box) -> bool:
        """Whether a rectangle is within the box and nothing is drawn there."""
        inside = self.box.left <= box.left and box.right <= self.box.right
        inside &= self.box.bottom <= box.bottom and box.top <= self.box.top
        return inside and not self._covered[self._rows(box.bottom, box.top), self._columns(box.left, box.right)].any()

    def take(self, box: Box) -> None:
        """Cover a rectangle and a margin around it with text."""
        self.cover_box(box)
        self._written[self._rows(box.bottom, box.top), self._columns(box.left, box.right)] = True

    def _struck(self, anchor: tuple[float, float], x: Array, y: Array, size: tuple[float, float]) -> Array:
        """What leaders from an anchor to boxes at `x`, `y` would strike out: text counts a thousandfold."""
        ends = np.clip(anchor[0], x, x + size[0]), np.clip(anchor[1], y, y + size[1])
        part = np.linspace(0.0, 1.0, 64)[:, None]
        columns = ((anchor[0] + part * (ends[0] - anchor[0]) - self.box.left) // self.CELL).astype(int)
        rows = ((anchor[1] + part * (ends[1] - anchor[1]) - self.box.bottom) // self.CELL).astype(int)
        columns, rows = np.clip(columns, 0, self._covered.shape[1] - 1), np.clip(rows, 0, self._covered.shape[0] - 1)
        lengths = np.hypot(ends[0] - anchor[0], ends[1] - anchor[1])
        lines, texts = self._covered[rows, columns].mean(axis=0), self._written[rows, columns].mean(axis=0)
        return cast(Array, lengths * (lines + 1_000.0 * texts))

    def _rows(self, low: float, high: float) -> slice:
        return slice(
            max(0, int((low - self.box.bottom) // self.CELL)),
            max(0, int(np.ceil((high - self.box.bottom) / self.CELL))),
        )

    def _columns(self, low: float, high: float) -> slice:
        return slice(
            max(0, int((low - self.box.left) // self.CELL)), max(0, int(np.ceil((high - self.box.left) / self.CELL)))
        )


def spread(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Upper edges of boxes that wish to have them at `wanted`, in that order from the top, without overlap.

    Notes
    -----
    Least squares under the order, by pooling adjacent violators (Ayer et al. 1955): boxes that collide move as one.
    """
    offsets = np.concatenate(([0.0], np.cumsum(heights)))
    tops = [place + offset for place, offset in zip(wanted, offsets, strict=False)]
    pools: list[tuple[float, int]] = []
    for top in tops:
        pools.append((top, 1))
        while len(pools) > 1 and pools[-2][0] < pools[-1][0]:
            (mean_a, count_a), (mean_b, count_b) = pools[-2:]
            pools[-2:] = [((mean_a * count_a + mean_b * count_b) / (count_a + count_b), count_a + count_b)]
    levels = [mean for mean, count in pools for _ in range(count)]
    least = low + float(offsets[-1])
    return [float(max(min(level, high), least) - offset) for level, offset in zip(levels, offsets, strict=False)]
