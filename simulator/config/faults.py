"""Faults of what a user wrote, one plain line each: where, which key, what was given, what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

LONGEST_VALUE = 60  # characters of a given value that a message shows
LONGEST_KEY = 200  # characters of a dotted key
MOST_DIGITS = 40  # of a whole number


@dataclass(frozen=True)
class Fault:
    """One thing wrong at one place.

    `file` is a file name, or the override that set the key (`--set a.b=1`), or None for a mapping from Python. `line`
    counts from 1 and is None where there is no line to name; `key` is dotted and empty where no key is at fault.
    """

    file: str | None
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file or ""
        if self.file and self.line is not None:
            place += f":{self.line}"
        key = self.key if len(self.key) <= LONGEST_KEY else self.key[: LONGEST_KEY - 3] + "..."
        return one_line(": ".join(part for part in (place, key, self.message) if part))


class Faults(ValueError):  # noqa: N818 (it holds several)
    """Everything wrong with what was read: file by file, in the order of the lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        given = tuple(faults)
        rank: dict[str | None, int] = {}
        for fault in given:
            rank.setdefault(fault.file, len(rank))
        self.faults = tuple(sorted(given, key=lambda fault: (rank[fault.file], line_or_last(fault))))
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def line_or_last(fault: Fault) -> float:
    """The line of a fault to sort by; one without a line comes last."""
    return math.inf if fault.line is None else fault.line


def one_line(text: str) -> str:
    """The text with everything escaped that a terminal would not print in its line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def shown(value: object) -> str:
    """A given value as a message shows it: short, on one line, in the spelling of YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        too_long = abs(value) >= 10**MOST_DIGITS
        return f"a whole number of more than {MOST_DIGITS} digits" if too_long else int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, str):
        short = value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 3] + "..."
        return repr(str(short))
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return "a list"
    return f"of type {type(value).__name__}"


def nearest_hint(name: str, names: Iterable[str]) -> str:
    """What a message adds where one of the names is spelled nearly so; else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def enumerated(values: Iterable[object]) -> str:
    """Allowed values in a row: `fixed, queue_depth`."""
    return ", ".join(value if isinstance(value, str) else shown(value) for value in values)
