"""Dated rows of one and the same thing: which of them holds on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from pydantic import Field

from simulator.domain.base import Sourced


class DatedRow(Sourced):
    """A row that holds from a day on; null: the day is unknown, and it holds before every dated one."""

    effective_from: date | None = Field(default=None, description="First day this row is known to hold.")


RowT = TypeVar("RowT", bound=DatedRow)


def row_of_day(rows: Iterable[RowT], on: date) -> RowT:
    """The newest row not after the day; else the earliest, whose note says so."""
    in_order = sorted(rows, key=lambda row: row.effective_from or date.min)
    begun = [row for row in in_order if row.effective_from is None or row.effective_from <= on]
    if begun:
        return begun[-1]
    earliest = in_order[0]
    remark = f"figure of {earliest.effective_from}, the earliest known, used for {on}"
    return earliest.model_copy(update={"note": f"{earliest.note}; {remark}" if earliest.note else remark})
