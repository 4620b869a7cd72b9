"""Tables of any packing, a bounded piece at a time: CSV and Parquet, and what JSON records are made into."""

from __future__ import annotations

import csv
import math
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.traces.faults import TraceError, fault, shown
from simulator.traces.opening import Source, WatchedText

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]  # of float64

_CHUNK_BYTES = 24_000_000
_MOST_ROWS = 500_000
_DELIMITERS = ",;\t|"
_WORDS_FOR_BLANK = ("None", "null", "NULL")
_TOO_MANY = "\0fields too many"  # no column of a text file is named so


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a table: their number from 0 on, and each column as it was written."""

    first_row: int
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Table:
    """A file seen as rows and named columns. Each call of `chunks` reads it from its start."""

    path: Path
    columns: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]
    line_of: Callable[[int], int | None]  # of a row; None where a file has no lines
    kind: str  # "CSV", "JSON", "Parquet", "access log"
    record_of: Callable[[int], tuple[int, list[str]]] = lambda row: (0, [])  # line and fields of a row of CSV
    looked_at: list[int] = field(default_factory=list)  # the first row with a blank field, once it was seen

    def named(self, *names: str) -> str | None:
        """The first of the names that is a column, capitals and blanks around it aside, as the file spells it."""
        spelled = {column.strip().casefold(): column for column in reversed(self.columns)}
        return next((spelled[name.casefold()] for name in names if name.casefold() in spelled), None)

    def fault(self, row: int, column: str | None, problem: str) -> TraceError:
        """The error at a row: by its line, or by its number where the file has no lines."""
        line = self.line_of(row)
        return fault(self.path, line, column, problem if line is not None else f"row {row + 1}: {problem}")


def numbers(table: Table, chunk: Chunk, column: str, unit: str) -> Array:
    """A column as numbers of at least zero; blank, or a word for it, is NaN. Shape (rows of the chunk,).

    Raises
    ------
    TraceError
        If a value is not a number, negative or infinite.
    """
    values = chunk.frame[column]
    if values.dtype.kind in "iuf":
        result = np.array(values, dtype=np.float64)
        blank = np.isnan(result)
    else:
        blank = unknowns(values)
        result = np.array([_number(value) for value in values])
        result[blank] = np.nan
    wrong = (np.isnan(result) & ~blank) | (result < 0.0) | np.isinf(result)
    if wrong.any():
        row = int(np.argmax(wrong))
        given = values.iloc[row]
        problem = f"is {given:g}" if values.dtype.kind in "iuf" else f"is {shown(str(given))}"
        raise table.fault(chunk.first_row + row, column, f"{problem}, must be a number of {unit}, at least 0")
    if blank.any() and table.kind == "CSV":
        _check_fields(table, chunk.first_row + int(np.argmax(blank)))
    return result


def _number(value: object) -> float:
    """A number or the text of one; NaN where it is none, and for truth values."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, str, np.number)):
        return math.nan
    try:
        return float(value) if not isinstance(value, str) or "_" not in value else math.nan
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def _check_fields(table: Table, row: int) -> None:
    """A blank field may be one that is missing. The first one of a file is looked at."""
    if table.looked_at:
        return
    table.looked_at.append(row)
    line, fields = table.record_of(row)
    if 0 < len(fields) < len(table.columns):
        raise fault(table.path, line, None, f"has {len(fields)} fields, must have {len(table.columns)}")


def blanks(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Which values are missing or empty text."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind in "iufM":
        return missing
    empty = values.astype("str").str.strip().eq("").to_numpy(dtype=bool, na_value=False)
    return missing | empty


def unknowns(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Which values are blank, or a word for it: None of Python, null of JSON and NULL of SQL, as exports write them."""
    missing = blanks(values)
    if values.dtype.kind in "iufM":
        return missing
    words = values.astype("str").str.strip().isin(_WORDS_FOR_BLANK).to_numpy(dtype=bool, na_value=False)
    return missing | words


def csv_table(source: Source, names: tuple[str, ...] | None = None) -> Table:
    """A CSV file: its first line names the columns, unless `names` are given. Comma, semicolon, tab or bar.

    Raises
    ------
    TraceError
        If a column name is repeated, or no row follows the header; while reading, if the file is cut off.
    """
    header_line, header, delimiter = _header(source)
    columns = tuple(header) if names is None else names
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise fault(source.path, header_line, repeated, "is named twice, must be named once")
    row_bytes = max(len(source.head) / max(source.head.count("\n"), 1), 1.0)
    rows = int(np.clip(_CHUNK_BYTES / row_bytes, 1_000, _MOST_ROWS))

    def chunks() -> Iterator[Chunk]:
        yield from _csv_chunks(source, columns, delimiter, header_line if names is None else 0, rows)

    def record_of(row: int) -> tuple[int, list[str]]:
        filled = ((line, fields) for line, fields in _records(source, delimiter) if any(fields))
        return next(islice(filled, row + (names is None), None), (1, []))

    return Table(source.path, columns, chunks, lambda row: record_of(row)[0], "CSV", record_of)


def _header(source: Source) -> tuple[int, list[str], str]:
    """Number, fields and delimiter of the first line that is not blank."""
    lines = source.head.splitlines()
    number = next(number for number, line in enumerate(lines, 1) if line.strip())
    text = lines[number - 1]
    delimiter = max(_DELIMITERS, key=text.count)
    return number, _fields(text, delimiter), delimiter


def _fields(line: str, delimiter: str) -> list[str]:
    """Fields of one line; as they are where quotes and line ends within make it none."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _csv_chunks(
    source: Source, columns: tuple[str, ...], delimiter: str, header_lines: int, rows: int
) -> Iterator[Chunk]:
    import pandas as pd

    with source.text() as text:
        first_row = 0
        try:
            # One more column than there are shows rows that are too long; pandas itself misses some.
            reader = pd.read_csv(
                text.stream, sep=delimiter, header=None, names=[*columns, _TOO_MANY], skiprows=header_lines,
                chunksize=rows, index_col=False, keep_default_na=False, na_values=[""], skip_blank_lines=False,
                low_memory=False,
            )  # fmt: skip
            while (frame := _next(reader)) is not None:
                if frame[_TOO_MANY].notna().any():
                    raise _long_record_fault(source, columns, delimiter)
                _check_last_line(source, text, columns, delimiter)
                filled = frame.drop(columns=_TOO_MANY).dropna(how="all")  # blank lines
                if len(filled):
                    yield Chunk(first_row, filled)
                    first_row += len(filled)
        except pd.errors.EmptyDataError:
            pass
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise _parser_fault(source, text, columns, delimiter, str(error)) from None
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise text.fault_of(error) from None
    if first_row == 0:
        raise fault(source.path, None, None, "holds a header only, must hold rows")


def _next(reader: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """The next piece; what pandas warns of in a table is an error here."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(reader, None)


def _check_last_line(source: Source, text: WatchedText, columns: tuple[str, ...], delimiter: str) -> None:
    """A last line without an end that has too few fields was cut off. Cheap, so asked after every chunk."""
    if not text.bytes.exhausted or not text.ended_inside_a_line or text.bytes.tail.count(b"\n") == 0:
        return
    before, last = (_fields(line, delimiter) for line in text.last_lines)
    if not last:
        return
    problem = "and no line end: the file is cut off, must be complete"
    if len(last) < len(columns):
        raise fault(source.path, text.line, None, f"has {len(last)} of {len(columns)} fields {problem}")
    if not last[-1] and before and before[-1]:
        raise fault(source.path, text.line, columns[-1], f"is blank {problem}")


def _parser_fault(
    source: Source, text: WatchedText, columns: tuple[str, ...], delimiter: str, message: str
) -> Exception:
    if text.bytes.error is not None:
        return text.fault_of(text.bytes.error)
    if re.search(r"Expected \d+ fields in line \d+, saw \d+", message):
        return _long_record_fault(source, columns, delimiter)
    found = re.search(r"EOF inside string starting at row (\d+)", message)
    if found:
        line = _line_of_record(source, delimiter, int(found.group(1)))
        return fault(source.path, line, None, "a quote opened here is never closed: the file is cut off or damaged")
    return fault(source.path, None, None, f"is not a CSV table: {message}")


def _long_record_fault(source: Source, columns: tuple[str, ...], delimiter: str) -> TraceError:
    """Of the first row with more fields than there are columns, an empty one at its end aside."""
    for line, fields in _records(source, delimiter):
        if any(fields[len(columns) :]):
            return fault(source.path, line, None, f"has {len(fields)} fields, must have {len(columns)}")
    return fault(source.path, None, None, f"has rows with more than {len(columns)} fields")


def _records(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """First line and fields of every record: a second pass, for messages alone."""
    csv.field_size_limit(2**31 - 1)  # prompts may be long
    with source.text(errors="replace") as text:
        reader = csv.reader(text.stream, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                yield line, next(reader)
            except (StopIteration, csv.Error, OSError, EOFError, zlib.error):
                return


def _line_of_record(source: Source, delimiter: str, index: int) -> int | None:
    """Of a record counted from 0, the header and blank lines among them."""
    return next((line for line, _ in islice(_records(source, delimiter), index, None)), None)


def parquet_table(source: Source) -> Table:
    """A Parquet file, by its row groups; needs pyarrow.

    Raises
    ------
    TraceError
        If pyarrow is missing, or the file is cut off.
    """
    try:
        import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        problem = "is Parquet, which needs pyarrow: pip install breakeven-simulator[parquet]"
        raise fault(source.path, None, None, problem) from None
    try:
        columns = tuple(str(name) for name in pyarrow.parquet.read_schema(source.path).names)
    except (pyarrow.ArrowException, OSError) as error:
        problem = f"is not a complete Parquet file: {str(error).splitlines()[0]}"
        raise fault(source.path, None, None, problem) from None

    def chunks() -> Iterator[Chunk]:
        first_row = 0
        try:
            with pyarrow.parquet.ParquetFile(source.path) as file:
                for batch in file.iter_batches(batch_size=_MOST_ROWS // 4):
                    frame = batch.to_pandas()
                    yield Chunk(first_row, frame)
                    first_row += len(frame)
        except (pyarrow.ArrowException, OSError) as error:
            raise fault(source.path, None, None, f"is damaged: {str(error).splitlines()[0]}") from None
        if first_row == 0:
            raise fault(source.path, None, None, "holds columns only, must hold rows")

    return Table(source.path, columns, chunks, lambda row: None, "Parquet")
