"""The files a run writes, each whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.domain.plans import Array
from simulator.presentation.charts.bill import bill_chart
from simulator.presentation.charts.crossover import crossover_chart
from simulator.presentation.charts.mix import mix_chart
from simulator.presentation.charts.timeline import timeline_chart
from simulator.presentation.files import json_text, write_in_one_piece, write_tables, write_text
from simulator.presentation.mix_wording import mix_file_table
from simulator.presentation.theme import save_figure
from simulator.presentation.timeline_table import timeline_tables
from simulator.simulation.results import Ledger
from simulator.solving.curve import cost_table, curve_tables, curve_volumes, run_rates
from simulator.solving.jumps import beside_jumps
from simulator.solving.scan import NARROW
from simulator.solving.study import Study


def write_run_report(
    study: Study,
    ledgers: Mapping[str, Ledger],
    content: Mapping[str, Any],
    folder: Path,
    *,
    full_timeline: bool = False,
) -> list[Path]:
    """Write summary, curve, timeline and charts of a run.

    Parameters
    ----------
    study, ledgers : Study and mapping of Ledger by option
        The result.
    content : mapping
        What `summary` made of them.
    folder : Path
        Made if it is not there.
    full_timeline : bool
        Every step in `timeline.csv` instead of hourly means and maxima.

    Returns
    -------
    list of Path
        The files, in the order written.

    Raises
    ------
    OSError
        If the folder can't be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fleets = [ledger for ledger in ledgers.values() if ledger.kind == "self_hosted"]
    volumes = curve_volumes(study)
    rates = run_rates(study.plan, volumes)
    curve = cost_table(study.plan, volumes, rates)
    crossover = crossover_chart(study, curve, detail=_at_jumps(study, volumes))
    written = [
        write_text(folder / "summary.json", json_text(content)),
        write_tables(folder / "curve.csv", curve_tables(study.plan, volumes, rates)),
        write_tables(folder / "timeline.csv", timeline_tables(ledgers.values(), every_step=full_timeline)),
        write_figure(folder / "crossover.png", crossover),
        write_figure(folder / "crossover.pdf", crossover),
        write_figure(folder / "bill.png", bill_chart(study)),
    ]
    if fleets:
        written.append(write_figure(folder / "timeline.png", timeline_chart(fleets, options=list(study.options))))
    return written + _write_mixes(study, folder)


def _write_mixes(study: Study, folder: Path) -> list[Path]:
    """Table and chart of every base that was found; where there are several, a chart an option."""
    mixes = study.mixes
    if not mixes:
        return []
    written = [write_tables(folder / "mix.csv", [mix_file_table(mix) for mix in mixes.values()])]
    for name, mix in mixes.items():
        figure = mix_chart(mix, study.title)
        stem = "mix" if len(mixes) == 1 else f"mix-{name}"
        written += [write_figure(folder / f"{stem}.png", figure), write_figure(folder / f"{stem}.pdf", figure)]
    return written


def _at_jumps(study: Study, volumes: Array) -> pd.DataFrame | None:
    """The curve right below and right at its jumps, so that risers and falls are drawn upright.

    Of fleets those that are crossings, of bought tokens all that can be seen.
    """
    jumps = {
        crossing.tokens_per_month
        for pair in study.pairs.values()
        for crossing in pair.crossings
        if crossing.kind == "jump"
    }
    tables = []
    if jumps:
        beside = np.array(sorted(volume * side for volume in jumps for side in (1 - 4 * NARROW, 1)))
        tables.append(cost_table(study.plan, beside))
    of_bills = beside_jumps(study.plan, volumes)
    if of_bills is not None:
        tables.append(of_bills)
    return pd.concat(tables, ignore_index=True) if tables else None


def write_figure(path: Path, figure: Figure) -> Path:
    """Write a figure in one piece, in the format of the path's ending."""
    return write_in_one_piece(path, lambda temporary: save_figure(figure, temporary))
