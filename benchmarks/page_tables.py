"""Tables of docs/validation.md: each lies between marks of its own, so that each command rewrites its own alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"


def markdown(frame: pd.DataFrame, first: str) -> str:
    """A table in Markdown; the index is its first column, headed `first`."""
    heads = [first, *frame.columns]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * len(frame.columns) + "|"]
    lines += [
        "| " + " | ".join([str(name), *map(str, row)]) + " |"
        for name, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return "\n".join(lines)


def replaced(text: str, name: str, table: str) -> str:
    """The page with what lies between the marks of a table replaced."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise SystemExit(f"{PAGE}: has no marks {begin.strip()} and {end}")
    return f"{head}{begin}{table}\n{end}{tail}"
