"""What each lever saves, as bars, with the published savings beside them."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simulator.presentation import theme
from simulator.presentation.numbers import distinct, linear_ticks, number, signed, volume
from simulator.presentation.page import LEFT, RIGHT, Page
from simulator.presentation.placing import Box
from simulator.presentation.theme import BODY, FAINT, INK, NAME
from simulator.sweeping.levers import BreakEvenShift, LeverOutcome, LeverStudy

PLOT = Box(400.0, 110.0, 830.0, 690.0)
MOST_FLEETS = 3
_BREAK_EVEN, _PUBLISHED = 856.0, 1160.0
_CLAIM = "#8a8a8a"


def levers_chart(study: LeverStudy, answer: str) -> Figure:
    """Bars of the saving by lever, one for the API side and one for each of the first fleets; all together at the foot.

    Parameters
    ----------
    study : LeverStudy
        With at least one lever that was run.
    answer : str
        Under the headline, where it fits.

    Returns
    -------
    Figure
        A slide. The first axes hold the bars [% of the option's cost] and the range of each published saving, a grey
        line with ends. At the right the break-even of the first fleet with each lever, and what the claim is of.
    """
    shown = [outcome for outcome in study.outcomes if outcome.was_run]
    names = [name for name in (study.api, *study.fleets[:MOST_FLEETS]) if name is not None]
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        _bars(axes, shown, names)
        _texts(page, shown, study)
        for place, name in enumerate(names):
            _legend(page, LEFT + 250.0 * place, theme.option_style(place).colour, name)
        axes.set_xlabel("Saving [% of the option's monthly cost]", labelpad=9)
        page.heading(study.title, [answer, _short(study, names), _short(study, names[:1])])
        left = len(study.outcomes) - len(shown)
        told = f"{left} more not run: levers.csv says why. " if left else ""
        today = f", {_break_even(study.as_it_stands[0])} today" if study.as_it_stands else ""
        page.footer(
            f"Run rate at the own volume, each lever alone. Break-even: for good{today}. {told}Quality is not judged."
        )
    return page.figure


def _short(study: LeverStudy, names: list[str]) -> str:
    """What the levers do together to some options."""
    changes = [
        f"{saving.option} {number(100 * abs(saving.share), 2)} % {'less' if saving.share >= 0 else 'more'}"
        for saving in study.together.savings
        if saving.option in names
    ]
    volume_text = number(study.tokens_per_month)
    return f"At {volume_text} tokens a month, {len(study.combined)} levers together: {', '.join(changes)}"


def _bars(axes: Axes, shown: list[LeverOutcome], names: list[str]) -> None:
    savings = [{saving.option: 100 * saving.share for saving in outcome.savings} for outcome in shown]
    claims = [100 * end for outcome in shown for claim in outcome.claims for end in (claim.low_share, claim.high_share)]
    values = [value for group in savings for name, value in group.items() if name in names] + claims
    low, high = min(0.0, *values), max(0.0, *values)
    reach = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - reach if low < 0 else 0.0, high + reach)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    ticks = linear_ticks(low - reach if low < 0 else 0.0, high + reach, 7)
    axes.set_xticks(ticks, distinct(ticks))
    theme.clean_axes(axes, grid="x")
    axes.set_yticks([])
    thick = 0.6 / len(names)
    for place, name in enumerate(names):
        heights = [row - 0.4 + thick * (place + 0.5) for row in range(len(shown))]
        widths = [group.get(name, 0.0) for group in savings]
        axes.barh(heights, widths, height=0.9 * thick, color=theme.option_style(place).colour, label=name, zorder=3)
    for row, outcome in enumerate(shown):
        for place, claim in enumerate(outcome.claims):
            y = row + 0.28 + 0.1 * place
            ends = [100 * claim.low_share, 100 * claim.high_share]
            axes.plot(ends, [y, y], color=_CLAIM, linewidth=2.2, marker="|", markersize=8, zorder=4)
    axes.axvline(0.0, color=INK, linewidth=1.4, zorder=5)


def _texts(page: Page, shown: list[LeverOutcome], study: LeverStudy) -> None:
    """Names and assumptions at the left; break-even and claims at the right."""
    pitch = PLOT.height / len(shown)
    top = PLOT.top + 24
    first = study.fleets[0] if study.fleets else None
    if first is not None:
        width = _PUBLISHED - _BREAK_EVEN - 18
        page.write(_BREAK_EVEN, top + 11, page.cut(first, width, BODY, bold=True), size=BODY, bold=True, at="center")
        page.write(_BREAK_EVEN, top - 11, "break-even [tokens/month]", at="center")
    page.write(_PUBLISHED, top, "Published saving", size=BODY, bold=True, at="center")
    _claim_mark(page, _PUBLISHED + page.text_width("Published saving", BODY, bold=True) + 16, top)
    for place, outcome in enumerate(shown):
        y = PLOT.top - pitch * (place + 0.5)
        width = PLOT.left - LEFT - 20
        assumed = "" if outcome.lever == "together" or pitch < 40 else outcome.assumption
        page.write(LEFT, y + (9 if assumed else 0), outcome.title, size=BODY, bold=True, at="center")
        if assumed:
            page.write(LEFT, y - 13, page.cut(assumed, width), colour=FAINT, at="center")
        shift = next((shift for shift in outcome.break_even if shift.challenger == first), None)
        text = page.cut(_break_even(shift), _PUBLISHED - _BREAK_EVEN - 18, BODY)
        page.write(_BREAK_EVEN, y, text, size=BODY, at="center")
        for line, claim in enumerate(outcome.claims):
            ends = dict.fromkeys(number(100 * end) for end in (claim.low_share, claim.high_share))
            text = page.cut(f"{' to '.join(ends)} % of {claim.of}", RIGHT - _PUBLISHED)
            shifted = y + 9 - 21 * line if len(outcome.claims) > 1 else y
            page.write(_PUBLISHED, shifted, text, at="center")


def _break_even(shift: BreakEvenShift | None) -> str:
    if shift is None:
        return ""
    if shift.after is None:
        return "never" if shift.reason_after == "baseline_always_cheaper" else "not settled"
    if shift.after == 0:
        return "any volume"
    return volume(shift.after) + ("" if shift.share is None else f" ({signed(shift.share)})")


def _legend(page: Page, x: float, colour: str, name: str) -> None:
    y = PLOT.top + 70
    patch = Rectangle((x / theme.WIDTH, (y - 6) / theme.HEIGHT), 18 / theme.WIDTH, 12 / theme.HEIGHT, color=colour)
    page.figure.add_artist(patch)
    page.write(x + 26, y, page.cut(name, 210, NAME), size=NAME, at="center")


def _claim_mark(page: Page, x: float, y: float) -> None:
    page.rule([(x, y), (x + 34, y)], _CLAIM, 2.2)
    for end in (x, x + 34):
        page.rule([(end, y - 6), (end, y + 6)], _CLAIM, 2.2)
