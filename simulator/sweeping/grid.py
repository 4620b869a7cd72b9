"""Break-even at every point of a grid: one row a point and challenger, whatever the point has to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from simulator.domain.plans import Plan
from simulator.simulation.energy import ENERGY_COLUMNS
from simulator.solving.study import INFEASIBLE, Pair, Study, solve

FAULT = "fault"

PlanFor = Callable[[Mapping[str, Any]], Plan]


def sweep_rows(
    points: Iterable[Mapping[str, Any]], plan_for: PlanFor, progress: Callable[[int], None] | None = None
) -> pd.DataFrame:
    """Solve every point.

    Parameters
    ----------
    points : iterable of mappings
        Overrides by dotted key.
    plan_for : function
        From overrides to a plan; its `ValueError` becomes a row with status `fault`.
    progress : function, optional
        Called with the number of points done.

    Returns
    -------
    DataFrame
        The keys of the points, `baseline`, `challenger`, `status` (`settled`, or the reason why not, or `fault`),
        `first_tokens_per_month`, `settled_tokens_per_month`, `crossings`, costs at the point's own volume, `message`;
        `found_count` where the challenger leaves its base to be found; energy and carbon of a million tokens that it
        serves, empty where its draw is not known.
    """
    rows: list[dict[str, Any]] = []
    for done, point in enumerate(points, start=1):
        try:
            study = solve(plan_for(point))
        except ValueError as error:
            rows.append({**point, "status": FAULT, "message": str(error)})
        else:
            rows += [{**point, **_row(study, pair)} for pair in study.pairs.values()]
        if progress is not None:
            progress(done)
    return pd.DataFrame(rows)


def _row(study: Study, pair: Pair) -> dict[str, Any]:
    row: dict[str, Any] = {
        "baseline": pair.baseline,
        "challenger": pair.challenger,
        "status": pair.reason or "settled",
        "first_tokens_per_month": pair.first,
        "settled_tokens_per_month": pair.settled,
        "crossings": len(pair.crossings),
        "tokens_per_month": study.tokens_per_month,
        "baseline_usd_per_month": study.options[pair.baseline].usd_per_month,
        "message": pair.cause if pair.reason == INFEASIBLE else None,
    }
    if pair.challenger in study.options:
        option = study.options[pair.challenger]
        row["challenger_usd_per_month"] = option.usd_per_month
        row["utilization_share"] = option.utilization_share
        row["overflow_share"] = option.overflow_share
        mix = study.mixes.get(pair.challenger)
        if mix is not None:
            row["found_count"] = mix.best_count
        for column in ENERGY_COLUMNS:
            row[column] = None if option.energy is None else float(getattr(option.energy, column)[0])
    return row
