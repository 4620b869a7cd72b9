"""The measured table: all published measurements, from the CSV files in `hardware/throughput`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache, cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import shown
from simulator.catalogue.hardware import gpu_ids, open_model_ids
from simulator.domain.measurements import METRICS, REGIMES, Measurement
from simulator.domain.models_and_gpus import PRECISIONS

FOLDER = "throughput"
COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Measurement))

_LARGEST = 1e12  # of any number in the table; beyond it is a slip of units
_LAYOUT = ("tensor_parallel", "pipeline_parallel", "data_parallel")


@cache
def all_measurements() -> tuple[Measurement, ...]:
    """All measurements, in the order of files and rows; raises ValueError with every fault, one a line."""
    paths = sorted((data_folder("hardware") / FOLDER).glob("*.csv"))
    measurements = read_measurement_files(paths)
    check_ids(measurements)
    return measurements


@cache
def measurement(measurement_id: str) -> Measurement:
    """The measurement called `measurement_id`; raises `UnknownId` with the ids there are."""
    by_id = _measurements_by_id()
    if measurement_id not in by_id:
        raise UnknownId(measurement_id, by_id)
    return by_id[measurement_id]


def check_ids(measurements: Iterable[Measurement]) -> None:
    """Raises ValueError unless every GPU and model has a file in the catalogue; no file is opened."""
    used = {("gpu", row.gpu): row.id for row in measurements}
    used |= {("model", row.model): row.id for row in measurements}
    known = {"gpu": gpu_ids(), "model": open_model_ids()}
    faults = []
    for (column, given), measurement_id in sorted(used.items()):
        if given not in known[column]:
            faults.append(f"hardware/{FOLDER}: {measurement_id}: {column}: {UnknownId(given, known[column])}")
    _raise(faults)


def read_measurement_files(paths: Sequence[Path]) -> tuple[Measurement, ...]:
    """The measurements of `paths`; raises ValueError with every fault: file, line, id, column, given, allowed."""
    tables = [table for path in paths for table in _tables_of(path)]
    faults = [fault for table in tables for fault in table.faults()]
    faults += _repeated(tables)
    _raise(faults)
    return tuple(row for table in tables for row in table.measurements())


def _raise(faults: Sequence[str]) -> None:
    if faults:
        raise ValueError("\n".join(faults))


@cache
def _measurements_by_id() -> dict[str, Measurement]:
    return {row.id: row for row in all_measurements()}


# --- from text to values, one column at a time: a column holds few distinct texts, and each is converted once


def _text(cell: str) -> str:
    if not cell or cell != cell.strip():
        raise ValueError("must be a text without blanks around it")
    return cell


def _text_or_none(cell: str) -> str | None:
    return cell or None


def _whole(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()) or not 1 <= int(cell) <= _LARGEST:
        raise ValueError("must be a whole number, at least 1")
    return int(cell)


def _real(cell: str, least: float) -> float:
    try:
        number = float(cell)
    except ValueError:
        raise ValueError("must be a number") from None
    if not isfinite(number) or not least <= number <= _LARGEST or "_" in cell:
        raise ValueError(f"must be at least {least:g} and at most {_LARGEST:g}")
    return number


def _tokens(cell: str) -> float:
    return _real(cell, 0.0)


def _positive(cell: str) -> float:
    return _real(cell, 1e-12)


def _day(cell: str) -> date:
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("must be a date like 2026-11-21") from None


def _flag(cell: str) -> bool:
    if cell not in ("", "true"):
        raise ValueError("must be true or empty")
    return cell == "true"


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def checked(cell: str) -> str:
        if cell not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return cell

    return checked


def _or_none(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda cell: convert(cell) if cell else None


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("id", "model", "gpu", "engine", "source"), _text),
    **dict.fromkeys(("engine_version", "note"), _text_or_none),
    **dict.fromkeys((*_LAYOUT, "expert_parallel", "concurrency", "n_requests"), _or_none(_whole)),
    **dict.fromkeys(("input_tokens", "output_tokens"), _or_none(_tokens)),
    **dict.fromkeys(("arrival_requests_per_s", "ttft_s", "tpot_s"), _or_none(_positive)),
    **dict.fromkeys(("precision", "kv_precision"), _or_none(_one_of(PRECISIONS))),
    "gpus": _whole,
    "regime": _one_of(REGIMES),
    "metric": _one_of(METRICS),
    "value": _positive,
    "as_of": _or_none(_day),
    "unverified": _flag,
}


@dataclass(frozen=True)
class _Table:
    """Cells of one file, by row and by column, with the line that each row stands on."""

    path: Path
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        return dict(zip(COLUMNS, zip(*self.rows, strict=True), strict=True))

    @cached_property
    def converted(self) -> dict[str, dict[str, Any]]:
        """The value of each distinct text of each column; a `ValueError` where it is none."""
        texts = {name: set(self.columns[name]) for name in COLUMNS}
        return {name: {cell: _attempt(_CONVERSIONS[name], cell) for cell in texts[name]} for name in COLUMNS}

    def measurements(self) -> list[Measurement]:
        """The rows; only to be called once there are no faults.

        Filled column by column through the slots, as the initialiser of a frozen dataclass takes ten times as long.
        """
        made = [object.__new__(Measurement) for _ in self.rows]
        for name in COLUMNS:
            fill = getattr(Measurement, name).__set__
            values = self.converted[name]
            for row, cell in zip(made, self.columns[name], strict=True):
                fill(row, values[cell])
        return made

    def faults(self) -> list[str]:
        """Every fault of the file, in the order of its lines."""
        found = [fault for name in COLUMNS for fault in self._faults_of_column(name)]
        if not found:  # a layout of unreadable numbers cannot be judged
            found = [*self._faults_of_layout(), *self._faults_of_images()]
        return [self.worded(*fault) for fault in sorted(found)]

    def worded(self, row: int, column: str, fault: str) -> str:
        """A fault in one line: file, line, id, column."""
        return f"{self.place(row)}: {self.rows[row][0]}: {column}: {fault}"

    def place(self, row: int) -> str:
        """File and line of a row."""
        return f"{shown(self.path)}:{self.lines[row]}"

    def _faults_of_column(self, name: str) -> Iterator[tuple[int, str, str]]:
        wrong = {cell: value for cell, value in self.converted[name].items() if isinstance(value, ValueError)}
        if wrong:
            for row, cell in enumerate(self.columns[name]):
                if cell in wrong:
                    yield row, name, f"is '{cell}', {wrong[cell]}"

    def _faults_of_layout(self) -> Iterator[tuple[int, str, str]]:
        layouts = list(zip(self.columns["gpus"], *(self.columns[name] for name in _LAYOUT), strict=True))
        wrong = {layout: fault for layout in set(layouts) if (fault := _fault_of_layout(*layout))}
        yield from ((row, "gpus", wrong[layout]) for row, layout in enumerate(layouts) if layout in wrong)

    def _faults_of_images(self) -> Iterator[tuple[int, str, str]]:
        if "images_per_s" in self.converted["metric"]:
            for row, (metric, tokens) in enumerate(
                zip(self.columns["metric"], self.columns["output_tokens"], strict=True)
            ):
                if metric == "images_per_s" and tokens:
                    yield row, "output_tokens", f"is '{tokens}', must be empty for images"


def _attempt(convert: Callable[[str], Any], cell: str) -> Any:
    try:
        return convert(cell)
    except ValueError as fault:
        return fault


def _fault_of_layout(gpus: str, *parallel: str) -> str | None:
    """Why the GPUs are not tensor x pipeline x data; None if they are, or if the layout is not stated."""
    if not parallel[0]:
        return None
    product = 1
    for degree in parallel:
        product *= int(degree or 1)
    return None if product == int(gpus) else f"is '{gpus}', must be tensor x pipeline x data parallel = {product}"


def _tables_of(path: Path) -> list[_Table]:
    """The table of a file, or none if it holds a header only; raises ValueError if it is no such table."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise ValueError(f"{shown(path)}:1: {_fault_of_header(header)}")
        try:
            numbered = [(reader.line_num, row) for row in reader]
        except csv.Error as fault:
            raise ValueError(f"{shown(path)}:{reader.line_num}: is no CSV: {fault}") from fault
    _raise(
        [
            f"{shown(path)}:{line}: {row[0] if row else ''}: has {len(row)} cells, must have {len(COLUMNS)}"
            for line, row in numbered
            if len(row) != len(COLUMNS)
        ]
    )
    return [_Table(path, *zip(*numbered, strict=True))] if numbered else []


def _fault_of_header(header: Sequence[str]) -> str:
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in COLUMNS if name not in header]
    if unknown:
        return f"unknown column '{unknown[0]}', must be {', '.join(COLUMNS)}"
    if missing:
        return f"column '{missing[0]}' is missing, must be {', '.join(COLUMNS)}"
    return f"columns are in another order or repeated, must be {', '.join(COLUMNS)}"


def _repeated(tables: Sequence[_Table]) -> list[str]:
    """Ids given twice, and rows that differ in their id alone."""
    return [
        *_repeats(tables, lambda cells: cells[0], "is given twice"),
        *_repeats(tables, lambda cells: ",".join(cells[1:]), "differs from another row in nothing but its id"),
    ]


def _repeats(tables: Sequence[_Table], key: Callable[[Sequence[str]], str], what: str) -> list[str]:
    keys = [key(cells) for table in tables for cells in table.rows]
    if len(set(keys)) == len(keys):
        return []  # the usual case, and quick
    faults = []
    firsts: dict[str, tuple[_Table, int]] = {}
    for table in tables:
        for row, cells in enumerate(table.rows):
            here = (table, row)
            first = firsts.setdefault(key(cells), here)
            if first is not here:
                faults.append(table.worded(row, "id", f"{what}, first in {first[0].place(first[1])}"))
    return faults
