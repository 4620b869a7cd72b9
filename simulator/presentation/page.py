"""A slide to draw on in pixels: headings, text that fits, blocks of rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from simulator.presentation import theme
from simulator.presentation.placing import Box
from simulator.presentation.theme import DPI, FAINT, HEIGHT, INK, NAME, SMALL, SUBTITLE, TITLE, WIDTH

Align = Literal["left", "center", "right"]
Height = Literal["baseline", "top", "center"]
LEFT, RIGHT = 48.0, WIDTH - 48.0  # margins of the slide
LINE_PITCH = 1.36  # distance of two lines of text over the size of the letters
COLUMN_GAP = 18.0
ELLIPSIS = "…"
_BREAKS = re.compile(r"(?<= )|(?<=[a-z]-)(?=[a-z])")  # after a blank, and after a hyphen within a word


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


@dataclass
class Page:
    """A figure of slide size, and the ruler to measure text on it."""

    figure: Figure = field(default_factory=lambda: Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI))

    def __post_init__(self) -> None:
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]

    def axes(self, box: Box) -> Axes:
        """Axes whose data area is the box."""
        return self.figure.add_axes((box.left / WIDTH, box.bottom / HEIGHT, box.width / WIDTH, box.height / HEIGHT))

    def label_axes(self, axes: Axes, box: Box, x_labels: Sequence[str], y_labels: Sequence[str]) -> None:
        """Name both axes by the first name that fits; the upright one stands at the left margin, whatever the ticks."""
        axes.set_xlabel(self.first_that_fits(x_labels, box.width, NAME), labelpad=9)
        axes.set_ylabel(self.first_that_fits(y_labels, box.height, NAME))
        axes.yaxis.set_label_coords((LEFT + 12 - box.left) / box.width, 0.5)

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

    def first_that_fits(self, texts: Sequence[str], width: float, size: float) -> str:
        """The first text no wider than `width`; the last one, cut, if there is none."""
        fitting = (text for text in map(printable, texts) if self.text_width(text, size) <= width)
        return next(fitting, self.cut(texts[-1], width, size))

    def wrapped(
        self, text: str, width: float, most_lines: int, size: float = SMALL, *, bold: bool = False
    ) -> list[str]:
        """The text in at most so many lines, broken between words and at hyphens; the last one is cut if it must be."""
        words = _BREAKS.split(printable(text))
        lines: list[str] = []
        while words:
            taken = len(words) if len(lines) == most_lines - 1 else 1
            while taken < len(words) and self.text_width(_line(words[: taken + 1]), size, bold=bold) <= width:
                taken += 1
            lines.append(self.cut(_line(words[:taken]), width, size, bold=bold))
            words = words[taken:]
        return lines

    def heading(self, title: str, subtitles: Sequence[str]) -> None:
        """Title at the top left, as great as fits, and under it the first of the subtitles that fits in the line."""
        width = RIGHT - LEFT
        top = HEIGHT - 30.0
        for size, lines in ((TITLE, 1), (18.0, 1), (16.0, 1), (15.0, 2)):
            if lines == 2 or self.text_width(printable(title), size, bold=True) <= width:
                break
        for line in self.wrapped(title, width, lines, size, bold=True):
            self.write(LEFT, top, line, size=size, bold=True, at="top")
            top -= 34.0
        fitting = [
            (text, points)
            for text in subtitles
            for points in (SUBTITLE, NAME)
            if self.text_width(printable(text), points) <= width
        ]
        text, points = fitting[0] if fitting else (subtitles[-1], NAME)
        self.write(LEFT, HEIGHT - (84.0 if lines == 1 else 103.0), self.cut(text, width, points), size=points, at="top")

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
        align: Align = "left",
        at: Height = "baseline",
    ) -> Text:
        """Write one line of text; `align` and `at` say which part of it stands at x and y."""
        return self.figure.text(
            x / WIDTH,
            y / HEIGHT,
            printable(text),
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=colour,
            ha=align,
            va=at,
        )

    def rule(
        self, points: Sequence[tuple[float, float]], colour: str, width: float = 1.0, dashes: object = "solid"
    ) -> None:
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
        widths = [self.text_width(printable(row.text), row.size, bold=row.bold) + _indent(row) for row in rows]
        second = max(self.text_width(printable(row.right), row.size, bold=row.bold) for row in rows)
        paired = max((width for width, row in zip(widths, rows, strict=True) if row.right), default=0.0)
        return max(*widths, paired + COLUMN_GAP + second if second else 0.0), sum(row.height for row in rows)

    def block(self, x: float, top: float, rows: Sequence[Row]) -> None:
        """Write rows of text one below the other from their upper left corner."""
        across = self.block_size(rows)[0]
        for row in rows:
            y = top - row.height * 0.06
            if row.option is not None:
                self.marker(x + 7, top - row.height * 0.41, row.option)
            columns: list[tuple[float, str, Align]] = [
                (x + _indent(row), row.text, "left"),
                (x + across, row.right, "right"),
            ]
            for place, text, align in columns:
                if text:
                    self.write(place, y, text, size=row.size, bold=row.bold, colour=row.colour, align=align, at="top")
            top -= row.height


def printable(text: str) -> str:
    """The text in one line, letters that the bundled font lacks replaced by a question mark."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    has = _letters()
    return "".join(letter if has(letter) else "?" for letter in line)


def _letters() -> Callable[[str], bool]:
    fonts = [get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight))) for weight in ("normal", "bold")]
    return lambda letter: letter.isprintable() and all(font.get_char_index(ord(letter)) != 0 for font in fonts)


def _indent(row: Row) -> float:
    return 20.0 if row.option is not None else 0.0


def _line(words: Sequence[str]) -> str:
    return "".join(words).rstrip()
