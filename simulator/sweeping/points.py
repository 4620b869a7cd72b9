"""One point of a sweep solved: a row an option, or one row that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from simulator.domain.plans import Plan
from simulator.simulation.energy import ENERGY_COLUMNS
from simulator.solving.study import INFEASIBLE, Study, solve

FAULT = "fault"
BASELINE, CHALLENGER = "baseline", "challenger"
SETTLED = "settled"

PlanFor = Callable[[Mapping[str, Any]], Plan]
Row = dict[str, Any]
Type = Literal["text", "real", "integer"]

RESULT_COLUMNS: Mapping[str, Type] = MappingProxyType(
    {
        "option": "text",  # empty in the one row of a point that can't be had
        "role": "text",  # baseline or challenger
        "kind": "text",
        "status": "text",  # settled, or the reason why not; baseline; fault
        "first_tokens_per_month": "real",
        "settled_tokens_per_month": "real",
        "crossings": "integer",
        "tokens_per_month": "real",  # the point's own volume, at which the costs stand
        "usd_per_month": "real",
        "baseline": "text",
        "baseline_usd_per_month": "real",
        "cheapest": "text",  # option that costs least at the own volume, of those that serve it
        "utilization_share": "real",
        "overflow_share": "real",
        "rejected_share": "real",
        "peak_replicas": "real",
        "found_count": "integer",  # where the option leaves its base to be found
        **dict.fromkeys(ENERGY_COLUMNS, "real"),
        "message": "text",
    }
)
"""What a row holds beside the point's own values, in order. Empty where it is not known or means nothing."""


def point_rows(overrides: Mapping[str, Any], plan_for: PlanFor) -> list[Row]:
    """Solve a point.

    Parameters
    ----------
    overrides : mapping
        Values by dotted key.
    plan_for : function
        From overrides to a plan.

    Returns
    -------
    list of dict
        One row an option, the baseline first, with the keys of `RESULT_COLUMNS`. A `ValueError` of the plan or of its
        solution is one row with status `fault` and the message.
    """
    try:
        return rows_of(solve(plan_for(overrides)))
    except ValueError as error:
        return [fault_row(str(error))]
    except Exception as error:  # whatever it is, it is this point's, and the others are to be had
        return [fault_row(f"internal error: {type(error).__name__}: {error}")]


def fault_row(message: str) -> Row:
    """The one row of a point that can't be had."""
    return {**_EMPTY, "option": "", "status": FAULT, "message": message}


def rows_of(study: Study) -> list[Row]:
    """Rows of a solved point."""
    cheapest = study.cheapest
    rows = []
    for name in (study.baseline, *study.pairs):
        row = {
            **_EMPTY,
            "option": name,
            "role": BASELINE if name == study.baseline else CHALLENGER,
            "status": BASELINE,
            "tokens_per_month": study.tokens_per_month,
            "baseline": study.baseline,
            "baseline_usd_per_month": study.options[study.baseline].usd_per_month,
            "cheapest": cheapest,
        }
        rows.append(row | _break_even(study, name) | _at_own_volume(study, name))
    return rows


def _break_even(study: Study, name: str) -> Row:
    if name == study.baseline:
        return {}
    pair = study.pairs[name]
    return {
        "status": pair.reason or SETTLED,
        "first_tokens_per_month": pair.first,
        "settled_tokens_per_month": pair.settled,
        "crossings": len(pair.crossings),
        "message": pair.cause if pair.reason == INFEASIBLE else None,
    }


def _at_own_volume(study: Study, name: str) -> Row:
    option = study.options.get(name)
    if option is None:
        return {}
    mix = study.mixes.get(name)
    energy = {} if option.energy is None else {key: float(getattr(option.energy, key)[0]) for key in ENERGY_COLUMNS}
    return {
        "kind": option.kind,
        "usd_per_month": option.usd_per_month,
        "utilization_share": option.utilization_share,
        "overflow_share": option.overflow_share,
        "rejected_share": option.rejected_share,
        "peak_replicas": option.peak_replicas,
        "found_count": None if mix is None else mix.best_count,
        **energy,
    }


_EMPTY: Row = dict.fromkeys(RESULT_COLUMNS)
