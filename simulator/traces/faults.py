"""What is wrong with a trace file, worded for the person who has it."""

from __future__ import annotations

from pathlib import Path


class TraceError(ValueError):
    """A trace that cannot be read. The message is `file:line: column: what was given, what is allowed`."""


def fault(path: Path, line: int | None, column: str | None, problem: str) -> TraceError:
    """The error to raise; `line` (counted from 1) and `column` are left out where there is none."""
    place = str(path) if line is None else f"{path}:{line}"
    message = f"{place}: {problem}" if column is None else f"{place}: {column}: {problem}"
    return TraceError(" ".join(message.splitlines()))


def several(count: float, what: str) -> str:
    """A number and what it counts: 1 row, 1,200 rows."""
    return f"{count:,.0f} {what}" if count == 1 else f"{count:,.0f} {what}s"


def shown(value: object) -> str:
    """A value as the message quotes it: text in quotes, cut where it is long."""
    text = str(value)
    if len(text) > 60:
        text = f"{text[:57]}..."
    return f"'{text}'" if isinstance(value, str) else text
