"""JSON in the shapes that exports have: one document, pages of records, or a record on every line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from json.decoder import WHITESPACE  # type: ignore[attr-defined]
from typing import Any

import numpy as np

from simulator.traces.faults import fault, shown
from simulator.traces.opening import Source
from simulator.traces.tables import Chunk, Table

Json = Any  # what json.loads returns
_ROWS = 20_000
_ROWS_FOR_COLUMNS = 100
_CUT_WORD = 8  # characters that may be left of a number, a word or an escape that is cut
_PAGE = "data"  # OpenAI, LiteLLM and Langfuse put the records of a page there


class Document:
    """The JSON values of a file: one, or one on every line. Whole documents are held in memory, lines are not."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.by_lines = _by_lines(source)
        self.whole: Json = None if self.by_lines else self._whole()

    def _whole(self) -> Json:
        text = self.source.whole_text()
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            ends_here = len(text.rstrip()) - error.pos <= _CUT_WORD
            unfinished = ends_here or error.msg.startswith("Unterminated string")
            what = "the JSON ends inside a value: the file is cut off" if unfinished else f"is not JSON: {error.msg}"
            raise fault(self.source.path, error.lineno, None, what) from None
        except RecursionError:
            raise fault(self.source.path, None, None, "is nested too deeply to be a trace") from None

    def records(self) -> Iterator[Json]:
        """Records of all pages, in their order.

        Raises
        ------
        TraceError
            If a line is not JSON, or the last one is cut off.
        """
        if not self.by_lines:
            yield from _of_pages(self.whole if isinstance(self.whole, list) else [self.whole])
            return
        for _, value in self._numbered():
            yield from _of_pages([value])

    def _numbered(self) -> Iterator[tuple[int, Json]]:
        """Line number and value of every line that is not blank."""
        for number, line, ended in self.source.lines():
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                problem = f"is not JSON: {getattr(error, 'msg', 'nested too deeply')}"
                if not ended:
                    problem = "the JSON ends inside a value and without a line end: the file is cut off"
                raise fault(self.source.path, number, None, problem) from None

    def line_of(self, row: int) -> int | None:
        """Line on which a record starts; a second pass, for messages alone."""
        if self.by_lines:
            passed = 0
            for number, value in self._numbered():
                passed += len(list(_of_pages([value])))
                if passed > row:
                    return number
            return None
        text = self.source.whole_text()
        for number, start in enumerate(_starts(text, _skip(text, 0))):
            if number == row:
                return text.count("\n", 0, start) + 1
        return None


def json_table(document: Document) -> Table:
    """Records as rows; keys within a record's objects are columns with a dot in the name.

    Raises
    ------
    TraceError
        If there are no records, or one is not an object.
    """
    source = document.source
    columns: dict[str, None] = {}
    for row, record in enumerate(document.records()):
        if row == _ROWS_FOR_COLUMNS:
            break
        columns.update(dict.fromkeys(_flat(_checked(document, row, record))))
    if not columns:
        raise fault(source.path, None, None, "holds no records")

    def chunks() -> Iterator[Chunk]:
        import pandas as pd

        first_row = 0
        rows: list[dict[str, Json]] = []
        for row, record in enumerate(document.records()):
            rows.append(_flat(_checked(document, row, record)))
            if len(rows) == _ROWS:
                yield Chunk(first_row, pd.DataFrame(_columns(rows, columns)))
                first_row += len(rows)
                rows = []
        if rows:
            yield Chunk(first_row, pd.DataFrame(_columns(rows, columns)))

    return Table(source.path, tuple(columns), chunks, document.line_of, "JSON")


def _columns(rows: list[dict[str, Json]], names: Mapping[str, None]) -> dict[str, Any]:
    """Values of the columns, as they stand in the file. `names` are those of the first records."""
    result: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            # Numbers throughout, and no truth values among them: what a recording of millions mostly holds.
            numeric = all(type(value) is int or type(value) is float for value in values)
            result[name] = np.array(values, dtype=np.float64) if numeric else _objects(values)
        except OverflowError:
            result[name] = _objects(values)
    return result


def _objects(values: list[Json]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _checked(document: Document, row: int, record: Json) -> dict[str, Json]:
    if isinstance(record, dict):
        return record
    raise fault(document.source.path, document.line_of(row), None, f"is {shown(str(record))}, must be a JSON object")


def _flat(record: dict[str, Json]) -> dict[str, Json]:
    """A record with the keys of its objects beside its own: `usage.input`. Lists are left as they are."""
    flat: dict[str, Json] = {}
    for key, value in record.items():
        flat[key] = value
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": what for inner, what in value.items()})
    return flat


def _of_pages(values: list[Json]) -> Iterator[Json]:
    for value in values:
        if isinstance(value, dict) and isinstance(value.get(_PAGE), list):
            yield from value[_PAGE]
        else:
            yield value


def _by_lines(source: Source) -> bool:
    """Whether the first line is a whole object: a record on every line."""
    first = source.head.lstrip().split("\n", 1)[0]
    if not first.startswith("{"):
        return False
    try:
        json.loads(first)
    except (json.JSONDecodeError, RecursionError):
        # A first line longer than the head cannot be judged; if more objects follow, it was one of many.
        return "\n" not in source.head.lstrip() and len(first) > 60_000 and _a_second_line_follows(source)
    return True


def _a_second_line_follows(source: Source) -> bool:
    lines = (line for _, line, _ in source.lines() if line.strip())
    next(lines, None)
    return next(lines, "").startswith("{")


# --- where a record starts, for messages


def _starts(text: str, at: int) -> Iterator[int]:
    """Positions of the records of the value at a position: of a list, of a page, or of the value itself."""
    if text[at] == "[":
        for position in _elements(text, at):
            if text[position] == "{" and (inner := _value_at(text, position, _PAGE)) is not None and text[inner] == "[":
                yield from _elements(text, inner)
            else:
                yield position
        return
    inner = _value_at(text, at, _PAGE)
    if inner is not None and text[inner] == "[":
        yield from _elements(text, inner)
    else:
        yield at


def _elements(text: str, at: int) -> Iterator[int]:
    decoder = json.JSONDecoder()
    position = _skip(text, at + 1)
    while text[position] != "]":
        yield position
        position = _skip(text, decoder.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _skip(text, position + 1)


def _value_at(text: str, at: int, wanted: str) -> int | None:
    """Position of the value of a key of the object at a position."""
    decoder = json.JSONDecoder()
    position = _skip(text, at + 1)
    while text[position] != "}":
        key, position = decoder.raw_decode(text, position)
        position = _skip(text, _skip(text, position) + 1)
        if key == wanted:
            return position
        position = _skip(text, decoder.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _skip(text, position + 1)
    return None


def _skip(text: str, position: int) -> int:
    """Past blanks and line ends."""
    return int(WHITESPACE.match(text, position).end())
