"""What a sweep says in sentences: at how many points an option pays, from which volumes on, which is the cheapest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator.domain.sweep import Sweep
from simulator.presentation.numbers import distinct, volume
from simulator.presentation.sweep_table import ALWAYS, NEVER, NOT_SETTLED, SweepTable
from simulator.solving.study import INFEASIBLE

_OTHERS = {
    ALWAYS: "pays at every volume",
    NEVER: "pays at no volume",
    NOT_SETTLED: "does not pay for good",
    INFEASIBLE: "can't be had",
}


def sweep_sentences(rows: pd.DataFrame, sweep: Sweep) -> list[str]:
    """Sentences on a sweep: one a challenger, one on the cheapest option, one on points with a fault.

    Parameters
    ----------
    rows : DataFrame
        Tidy, one row a point and option.
    sweep : Sweep
        What was tried.
    """
    table = SweepTable(sweep, rows)
    said = [_break_even_sentence(table, challenger) for challenger in table.challengers]
    cheapest = table.winners()["option"]
    counts = cheapest[cheapest != ""].value_counts()
    if len(counts):
        told = ", ".join(f"{name} at {count:,}" for name, count in counts.items())
        said.append(f"Cheapest {table.at_own_volume}: {told} of {_points(len(cheapest))}.")
    if table.faults:
        said.append(f"{_points(table.faults)} can't be had.")
    return said


def _break_even_sentence(table: SweepTable, challenger: str) -> str:
    """At how many points a challenger pays for good, from which volumes on, and what it does at the others."""
    outcomes = table.outcomes(challenger)
    settled = outcomes["settled"].dropna().to_numpy(dtype=np.float64)
    words = outcomes["word"].value_counts()
    parts = [f"{text} at {words[word]:,}" for word, text in _OTHERS.items() if word in words]
    if settled.size:
        low, high = float(settled.min()), float(settled.max())
        ends = list(dict.fromkeys(distinct([low, high], volume)))
        volumes = f"from {ends[0]}" if len(ends) == 1 else f"from between {ends[0]} and {ends[1]}"
        parts.insert(0, f"pays for good at {settled.size:,}, {volumes} tokens a month on")
    if not parts:
        parts = ["is compared at 0"]
    return f"{challenger} against {table.baseline}, of {_points(len(outcomes))}: {'; '.join(parts)}."


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count:,} points"
