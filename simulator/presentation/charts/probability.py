"""Probability that a challenger is the cheaper one, over volume."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from simulator.presentation import theme
from simulator.presentation.numbers import distinct, log_ticks, percent
from simulator.presentation.page import LEFT, RIGHT, Page, Row
from simulator.presentation.placing import Box, spread
from simulator.presentation.risk_wording import own_volume_label, own_volume_sentence, own_volume_varies, risk_answer
from simulator.presentation.theme import FAINT, MOST_OPTIONS, NAME, RULE
from simulator.solving.uncertainty import UncertaintyStudy

PLOT = Box(168.0, 122.0, 1310.0, 750.0)


def probability_chart(study: UncertaintyStudy) -> Figure:
    """Probability over volume that each challenger costs less than the baseline, with its band.

    Parameters
    ----------
    study : UncertaintyStudy
        The answer.

    Returns
    -------
    Figure
        A slide. The first axes hold a line a challenger, in percent.
    """
    with theme.style():
        page = Page()
        axes = page.axes(PLOT)
        names = list(study.at_medians.options)
        tables = {name: pair.probability for name, pair in list(study.pairs.items())[:MOST_OPTIONS]}
        ends = []
        for name, table in tables.items():
            look = theme.option_style(names.index(name) if name in names else 1)
            volumes = table["tokens_per_month"]
            axes.fill_between(
                volumes, 100 * table["low"], 100 * table["high"], color=look.colour, alpha=0.15, linewidth=0
            )
            axes.plot(
                volumes, 100 * table["p_cheaper"], color=look.colour, linestyle=look.dashes, linewidth=look.width,
                label=name, zorder=3,
            )  # fmt: skip
            ends.append((float(table["p_cheaper"].iloc[-1]), name, look))
        low = min(float(table["tokens_per_month"].iloc[0]) for table in tables.values())
        high = max(float(table["tokens_per_month"].iloc[-1]) for table in tables.values())
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(-2, 102)
        ticks = log_ticks(low, high)
        axes.set_xticks(ticks, distinct(ticks))
        axes.set_xticks([], minor=True)
        axes.set_yticks(range(0, 101, 20), [f"{share}" for share in range(0, 101, 20)])
        theme.clean_axes(axes)
        axes.axhline(50, color=RULE, linewidth=1.2, zorder=1)
        own = study.at_medians.tokens_per_month
        axes.axvline(own, color=RULE, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        label = own_volume_label(study)
        if low < own < high:
            at_right = (math.log(own) - math.log(low)) / (math.log(high) - math.log(low)) > 0.8
            axes.text(
                own, 1.01, f"{label} " if at_right else f" {label}", transform=axes.get_xaxis_transform(),
                va="bottom", ha="right" if at_right else "left", color=FAINT, size=theme.SMALL,
            )  # fmt: skip
        ends.sort(key=lambda end: -end[0])
        width = RIGHT - PLOT.right - 40
        where = "over own volumes" if own_volume_varies(study) else "at own volume"
        blocks = [
            [
                Row(page.cut(name, width, NAME), size=NAME, option=look),
                Row(f"{percent(study.pairs[name].p_cheaper_at_own_volume)} {where}", colour=FAINT),
            ]
            for _, name, look in ends
        ]
        heights = [page.block_size(block)[1] + 6 for block in blocks]
        wanted = [
            float(axes.transData.transform((high, 100 * p))[1]) + block[0].height * 0.41
            for (p, _, _), block in zip(ends, blocks, strict=True)
        ]
        for block, upper in zip(blocks, spread(wanted, heights, PLOT.bottom, PLOT.top), strict=True):
            page.block(PLOT.right + 16, upper, block)
        axes.set_xlabel("Volume [tokens per month]", labelpad=9)
        axes.set_ylabel(
            page.cut(f"Probability of costing less than {study.at_medians.baseline} [%]", PLOT.height, NAME)
        )
        axes.yaxis.set_label_coords((LEFT + 12 - PLOT.left) / PLOT.width, 0.5)
        page.heading(study.at_medians.title, [risk_answer(study)[0], own_volume_sentence(study, study.first_pair)])
        page.footer(
            f"{len(study.paths):,} paths. Band: holds the whole curve with 90 % probability (bootstrap). At run rate."
        )
    return page.figure
