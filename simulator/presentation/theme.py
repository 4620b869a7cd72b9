"""The look of every chart, and how a figure becomes a file: the same figure, the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH, HEIGHT, DPI = 1600, 900, 120  # pixels; a slide of 13.33 x 7.5 in
INK, FAINT, RULE, GRID, PAPER = "#1a1a1a", "#5c5c5c", "#9a9a9a", "#e4e4e4", "#ffffff"
TITLE, SUBTITLE, NAME, BODY, SMALL = 20.0, 14.0, 13.0, 12.5, 12.0  # points; nothing smaller is drawn

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.labelsize": NAME,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": False,
    "figure.dpi": DPI,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",
    "font.size": SMALL,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "hatch.color": "#8f8f8f",
    "hatch.linewidth": 0.9,
    "pdf.fonttype": 3,
    "savefig.dpi": DPI,
    "svg.fonttype": "path",  # looks the same where the font is not installed
    "svg.hashsalt": "breakeven",  # else the names of its parts are drawn at random
    "text.color": INK,
    "text.parse_math": False,  # a title may hold dollar signs
    "xtick.color": RULE,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
}


@dataclass(frozen=True)
class OptionStyle:
    """How one option is drawn everywhere: by colour, dashes and marker, so that grey paper keeps them apart."""

    colour: str
    dashes: str | tuple[float, tuple[float, ...]]
    marker: str
    width: float


# Okabe and Ito (2008), "Color Universal Design", in an order that alternates dark and light.
_OPTION_STYLES = (
    OptionStyle("#1a1a1a", "solid", "o", 2.0),
    OptionStyle("#0072b2", "solid", "s", 3.4),
    OptionStyle("#e69f00", (0.0, (5.0, 1.6)), "^", 2.8),
    OptionStyle("#d55e00", (0.0, (7.0, 1.6, 1.6, 1.6)), "D", 2.6),
    OptionStyle("#56b4e9", (0.0, (1.6, 1.4)), "v", 3.0),
    OptionStyle("#b0588f", (0.0, (12.0, 2.5)), "<", 2.8),
)
MOST_OPTIONS = len(_OPTION_STYLES)

_LINE_COLOURS = {
    "rent": "#0072b2",
    "engineers": "#e69f00",
    "overflow": "#d55e00",
    "variable": "#f0e442",
    "escalated": "#a3335c",
    "batch overflow": "#e8a07a",
    "rejected": "#7a3b00",
    "input": "#56b4e9",
    "output": "#009e73",
    "cached_input": "#a6d8f5",
    "cache_write": "#b0588f",
    "reasoning": "#8fd3b6",
    "images": "#7e62b5",
    "audio": "#b9a5de",
    "video": "#4a2f80",
    "provisioned units": "#2a4a7c",
    "spill-over": "#d55e00",
    "router": "#8c7a1f",
    "subscription": "#5a6872",
    "commitment": "#7a3b00",
    "reserved base": "#2a4a7c",
    "spot": "#8fb8de",
    "depreciation": "#0072b2",
    "annuity": "#0072b2",
    "financing": "#7fb2d9",
    "electricity": "#f0e442",
    "colocation": "#b8a07a",
    "support": "#5a6872",
    "monitoring": "#4f8a8b",
    "logs": "#9cc5b5",
    "egress": "#cc79a7",
    "fine-tuning": "#86b300",
    "disks": "#b8a07a",
    "API until live": "#d55e00",
}
_FALLBACK = "fallback "
_SITE = "rent, "
_SITE_COLOURS = ("#0072b2", "#8fb8de", "#2a4a7c", "#56b4e9")
_OTHER_LINE_COLOURS = ("#c9c9c9", "#8a8a8a", "#b3a68f", "#6d7f8f", "#dcd3c4", "#a0b0a0")


def option_style(place: int) -> OptionStyle:
    """Style of the option at a place of the comparison; the baseline is at 0."""
    return _OPTION_STYLES[place % MOST_OPTIONS]


def cost_line_colours(lines: Sequence[str], options: Sequence[str] = ()) -> dict[str, str]:
    """A colour for every cost line, the same for the same kind in every chart.

    What another of the compared `options` answers has that option's colour; other items take greys in turn.
    """
    colours: dict[str, str] = {}
    others, sites = 0, 0
    for line in lines:
        answering = line.removeprefix(_FALLBACK)
        if line in _LINE_COLOURS:
            colours[line] = _LINE_COLOURS[line]
        elif answering in options[:MOST_OPTIONS]:
            colours[line] = option_style(list(options).index(answering)).colour
        elif line.startswith(_SITE):
            colours[line] = _SITE_COLOURS[sites % len(_SITE_COLOURS)]
            sites += 1
        else:
            colours[line] = _OTHER_LINE_COLOURS[others % len(_OTHER_LINE_COLOURS)]
            others += 1
    return colours


def ink_on(colour: tuple[float, float, float] | str) -> str:
    """Black or white, whichever reads better on a colour; contrast by WCAG 2.1, relative luminance."""
    rgb = matplotlib.colors.to_rgb(colour)
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) / 0.06 >= 1.05 / (luminance + 0.05) else PAPER


@contextmanager
def style() -> Iterator[None]:
    """Draw in this look whatever the user's own matplotlib settings are; they are back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcParams.update(_defaults())  # type: ignore[arg-type]
        yield


def clean_axes(axes: Axes, *, grid: str = "both") -> None:
    """A thin grid on `x`, `y`, `both` or `none` of the directions, and no tick marks in its way."""
    axes.tick_params(length=0, which="both", pad=7)
    if grid != "none":
        axes.grid(visible=True, which="major", axis=grid)  # type: ignore[arg-type]


def save_figure(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG, PDF or SVG, by the path's ending; the same figure gives the same bytes.

    Raises
    ------
    ValueError
        If the path ends in none of these.
    """
    target = Path(path)
    ending = target.suffix.lower()
    options: dict[str, Any]
    if ending == ".png":
        # Half the time of the default compression for an eighth more bytes.
        options = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 3}}
    elif ending == ".pdf":
        options = {"metadata": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}}
    elif ending == ".svg":
        options = {"metadata": {"Date": None, "Creator": None}}
    else:
        raise ValueError(f"path is '{target}', must end in .png, .pdf or .svg")
    drawn = BytesIO()  # in one piece: on a full disk some formats end with an error that is none of the disk's
    with style():
        figure.savefig(drawn, format=ending[1:], dpi=DPI, **options)
    target.write_bytes(drawn.getbuffer())


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    """All settings as matplotlib ships them, with ours on top."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        shipped = dict(matplotlib.rcParams.copy())
    shipped.pop("backend", None)
    return shipped | _STYLE
