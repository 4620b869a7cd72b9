"""A slide to draw on in pixels: headings, fitted text, labels that find free space and never cover one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from simulator.domain.plans import Array
from simulator.presentation import theme
from simulator.presentation.theme import BODY, DPI, FAINT, HEIGHT, INK, NAME, SMALL, SUBTITLE, TITLE, WIDTH

LEFT, RIGHT = 48.0, WIDTH - 48.0  # margins of the slide
LINE_PITCH = 1.36  # distance of two lines of text over the size of the letters
ELLIPSIS = "…"


@dataclass(frozen=True)
class Row:
    """One line of text in a block, maybe with a second column at the right and a marker before it."""

    text: str
    right: str = ""
    size: float = SMALL
    bold: bool = False
    colour: str = INK
    option: theme.OptionStyle | None = None

    @property
    def height(self) -> float:
        """Height with its share of the space between lines. [pixels]"""
        return self.size * DPI / 72 * LINE_PITCH


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


@dataclass
class Page:
    """A figure of slide size, and the ruler to measure text on it."""

    figure: Figure = field(default_factory=lambda: Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI))

    def __post_init__(self) -> None:
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()

    def axes(self, box: Box) -> Axes:
        """Axes whose data area is the box."""
        return self.figure.add_axes((box.left / WIDTH, box.bottom / HEIGHT, box.width / WIDTH, box.height / HEIGHT))

    def text_width(self, text: str, size: float = SMALL, *, bold: bool = False) -> float:
        """Width of a line of text. [pixels]"""
        font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
        return float(self._renderer.get_text_width_height_descent(text, font, False)[0])

    def cut(self, text: str, width: float, size: float = SMALL, *, bold: bool = False) -> str:
        """The text, shortened by an ellipsis where it is wider than `width`."""
        text = printable(text)
        if self.text_width(text, size, bold=bold) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.text_width(text[:middle].rstrip() + ELLIPSIS, size, bold=bold) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + ELLIPSIS

    def wrapped(self, text: str, width: float, most_lines: int, size: float = SMALL, *, bold: bool = False) -> list[str]:
        """The text in at most so many lines, broken between words; the last one is cut where more is left."""
        words = printable(text).split(" ")
        lines: list[str] = []
        while words:
            if len(lines) == most_lines - 1:
                lines.append(self.cut(" ".join(words), width, size, bold=bold))
                break
            taken = 1
            while taken < len(words) and self.text_width(" ".join(words[: taken + 1]), size, bold=bold) <= width:
                taken += 1
            lines.append(self.cut(" ".join(words[:taken]), width, size, bold=bold))
            words = words[taken:]
        return lines

    def heading(self, title: str, subtitles: Sequence[str]) -> None:
        """Title at the top left, as great as fits, and under it the first of the subtitles that fits in the line."""
        width = RIGHT - LEFT
        sizes = [size for size in (TITLE, 18.0, 16.0) if self.text_width(printable(title), size, bold=True) <= width]
        size = sizes[0] if sizes else 16.0
        self.write(LEFT, HEIGHT - 30, self.cut(title, width, size, bold=True), size=size, bold=True, top=True)
        fitting = [text for text in subtitles if self.text_width(printable(text), SUBTITLE) <= width]
        chosen = fitting[0] if fitting else (subtitles[-1] if subtitles else "")
        if chosen:
            self.write(LEFT, HEIGHT - 84, self.cut(chosen, width, SUBTITLE), size=SUBTITLE, colour=INK, top=True)

    def footer(self, text: str) -> None:
        """A small grey line at the foot."""
        self.write(LEFT, 18, self.cut(text, RIGHT - LEFT, SMALL), size=SMALL, colour=FAINT)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = SMALL,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
        top: bool = False,
    ) -> Text:
        """Write one line of text; `y` is its base line, or its upper edge where `top`."""
        return self.figure.text(
            x / WIDTH,
            y / HEIGHT,
            printable(text),
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=colour,
            ha=align,
            va="top" if top else "baseline",
        )

    def rule(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1.0, dashes: object = "solid") -> None:
        """A thin line through points on the slide."""
        x, y = zip(*points, strict=True)
        line = Line2D(
            [value / WIDTH for value in x],
            [value / HEIGHT for value in y],
            transform=self.figure.transFigure,
            color=colour,
            linewidth=width,
            linestyle=dashes,  # type: ignore[arg-type]
        )
        self.figure.add_artist(line)

    def marker(self, x: float, y: float, option: theme.OptionStyle, size: float = 8.0) -> None:
        """The marker of an option."""
        line = Line2D(
            [x / WIDTH],
            [y / HEIGHT],
            transform=self.figure.transFigure,
            color=option.colour,
            marker=option.marker,
            markersize=size,
            markeredgecolor=theme.PAPER,
            markeredgewidth=0.8,
            linestyle="none",
        )
        self.figure.add_artist(line)

    def block_size(self, rows: Sequence[Row]) -> tuple[float, float]:
        """Width and height of rows of text one below the other. [pixels]"""
        left = max(self.text_width(row.text, row.size, bold=row.bold) + _indent(row) for row in rows if row.text or row.right)
        right = max(self.text_width(row.right, row.size, bold=row.bold) for row in rows)
        alone = max((self.text_width(row.text, row.size, bold=row.bold) for row in rows if not row.right), default=0.0)
        paired = max(
            (self.text_width(row.text, row.size, bold=row.bold) + _indent(row) for row in rows if row.right), default=0.0
        )
        width = max(alone, paired + 18 + right) if right else left
        return width, sum(row.height for row in rows)

    def block(self, x: float, top: float, rows: Sequence[Row], width: float | None = None) -> None:
        """Write rows of text one below the other from their upper left corner."""
        across = self.block_size(rows)[0] if width is None else width
        for row in rows:
            if row.option is not None:
                self.marker(x + 7, top - row.height * 0.46, row.option)
            self.write(x + _indent(row), top - row.height * 0.06, row.text, size=row.size, bold=row.bold, colour=row.colour, top=True)
            if row.right:
                self.write(
                    x + across, top - row.height * 0.06, row.right, size=row.size, bold=row.bold, colour=row.colour, align="right", top=True
                )
            top -= row.height


class FreeSpace:
    """Which cells of a box nothing has been drawn on yet."""

    CELL = 3.0  # pixels

    def __init__(self, box: Box) -> None:
        self.box = box
        self._covered = np.zeros((int(box.height // self.CELL), int(box.width // self.CELL)), dtype=bool)

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
        self._covered[self._rows(box.bottom - margin, box.top + margin), self._columns(box.left - margin, box.right + margin)] = True

    def place(
        self,
        size: tuple[float, float],
        anchor: tuple[float, float],
        *,
        weights: tuple[float, float] = (1.0, 1.0),
        between: tuple[float, float] | None = None,
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
        if not allowed.any():
            return None
        row, column = np.unravel_index(int(np.argmin(np.where(allowed, distance, np.inf))), distance.shape)
        x, y = float(left[column]) + self.CELL, float(bottom[row]) + self.CELL
        found = Box(x, y, x + size[0], y + size[1])
        self.cover_box(found)
        return found

    def _rows(self, low: float, high: float) -> slice:
        return slice(max(0, int((low - self.box.bottom) // self.CELL)), max(0, int(np.ceil((high - self.box.bottom) / self.CELL))))

    def _columns(self, low: float, high: float) -> slice:
        return slice(max(0, int((low - self.box.left) // self.CELL)), max(0, int(np.ceil((high - self.box.left) / self.CELL))))


def spread(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Upper edges of boxes that wish to be centred at `wanted`, in that order from the top, without overlap.

    Notes
    -----
    Least squares under the order, by pooling adjacent violators (Ayer et al. 1955): boxes that collide move as one.
    """
    offsets = np.concatenate(([0.0], np.cumsum(heights)))
    tops = [place + height / 2 + offset for place, height, offset in zip(wanted, heights, offsets, strict=False)]
    pools: list[tuple[float, int]] = []
    for top in tops:
        pools.append((top, 1))
        while len(pools) > 1 and pools[-2][0] < pools[-1][0]:
            (mean_a, count_a), (mean_b, count_b) = pools[-2:]
            pools[-2:] = [((mean_a * count_a + mean_b * count_b) / (count_a + count_b), count_a + count_b)]
    levels = [mean for mean, count in pools for _ in range(count)]
    least = low + float(offsets[-1])
    return [float(max(min(level, high), least) - offset) for level, offset in zip(levels, offsets, strict=False)]


def printable(text: str) -> str:
    """The text in one line, letters that the bundled font lacks replaced by a question mark."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    has = _letters()
    return "".join(letter if has(letter) else "?" for letter in line)


def _letters() -> Callable[[str], bool]:
    fonts = [get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight))) for weight in ("normal", "bold")]
    return lambda letter: letter.isprintable() and all(font.get_char_index(cast(int, ord(letter))) != 0 for font in fonts)


def pixels(axes: Axes, x: Iterable[float], y: Iterable[float]) -> Array:
    """Points of the data on the slide. Shape (n, 2)."""
    points = np.column_stack([np.asarray(list(x), dtype=np.float64), np.asarray(list(y), dtype=np.float64)])
    return cast(Array, axes.transData.transform(points))


def _indent(row: Row) -> float:
    return 20.0 if row.option is not None else 0.0


__all__ = ["BODY", "LEFT", "NAME", "RIGHT", "Box", "FreeSpace", "Page", "Row", "pixels", "printable", "spread"]
