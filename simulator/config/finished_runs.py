"""Finished runs: `summary.json` of a folder that `breakeven run` has written, as one of the things compared."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.config.faults import Fault, Faults, shown
from simulator.domain.compared import (
    AT_RUN_RATE,
    ComparedOption,
    ComparedPair,
    ComparedRun,
    Value,
    flattened,
    inputs_of,
    without_title,
)
from simulator.domain.scenario import Scenario

SUMMARY = "summary.json"
INFINITE = ".inf"  # in the scenario of a summary: JSON has no infinity, YAML writes it so
MOST_BYTES = 50_000_000


def is_finished_run(name_or_path: str) -> bool:
    """Whether an argument names a folder or a JSON file, so that it is a finished run and no scenario."""
    path = Path(name_or_path)
    try:
        return bool(name_or_path) and (path.suffix == ".json" or path.is_dir())
    except OSError:  # a name too long to be one, for instance
        return False


def run_name(path: Path) -> str:
    """Name of a finished run: that of its folder."""
    folder = path.parent if path.suffix == ".json" else path
    return folder.resolve().name or "run"


def read_finished_run(name_or_path: str | Path, version: str, name: str = "") -> ComparedRun:
    """Read a finished run.

    Parameters
    ----------
    name_or_path : str or Path
        Folder of the run, or its `summary.json`.
    version : str
        Of this program: a run of another one bears a warning.
    name : str
        What to call it; left out: as its folder.

    Returns
    -------
    ComparedRun
        Without its scenario where that can't be read any more; a warning says so.

    Raises
    ------
    Faults
        If there is no such file, it is no JSON, or lacks what a summary holds: every key in one run.
    """
    path = Path(name_or_path)
    file = path if path.suffix == ".json" else path / SUMMARY
    content = _content(file, path)
    reader = _Reader(str(file))
    run = _run(name or run_name(path), content, reader, version)
    if reader.faults or run is None:
        raise Faults(reader.faults)
    return run


def _content(file: Path, path: Path) -> Mapping[str, Any]:
    def fault(message: str, line: int | None = None) -> Faults:
        return Faults([Fault(str(file), line, "", message)])

    if not file.is_file():
        what = "is no file" if path.suffix == ".json" else f"is missing; '{path}' is no folder of a finished run"
        raise fault(f"{what} (`breakeven run` writes one)")
    if file.stat().st_size > MOST_BYTES:
        raise fault(f"has {file.stat().st_size / 1e6:,.0f} MB, must have at most {MOST_BYTES / 1e6:,.0f}")
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise fault(f"can't be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise fault(f"is no JSON: {error.msg} at column {error.colno}", error.lineno) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise fault("is no JSON: must be text in UTF-8") from None
    if not isinstance(content, Mapping):
        raise fault(f"holds {shown(content)}, must hold the summary of a run, a mapping")
    return content


class _Reader:
    """Looks values up and collects what is wrong, by dotted key."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []

    def number(self, data: Mapping[str, Any], key: str, at: str = "") -> float:
        """A finite number that must be there; 0 with a fault where it is not."""
        value = data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._fault(f"{at}{key}", key in data, value, "a number")
            return 0.0
        return float(value)

    def positive(self, data: Mapping[str, Any], key: str, at: str = "") -> float:
        """A number above 0 that must be there."""
        faults = len(self.faults)
        value = self.number(data, key, at)
        if key in data and value <= 0 and len(self.faults) == faults:
            self._fault(f"{at}{key}", True, data[key], "a number above 0")
        return value

    def maybe(self, data: Mapping[str, Any], key: str, at: str = "") -> float | None:
        """A number, or nothing where it is missing or null."""
        return None if data.get(key) is None else self.number(data, key, at)

    def text(self, data: Mapping[str, Any], key: str, at: str = "") -> str:
        """A text that must be there."""
        value = data.get(key)
        if isinstance(value, str):
            return value
        self._fault(f"{at}{key}", key in data, value, "a text")
        return ""

    def maybe_text(self, data: Mapping[str, Any], key: str, at: str = "") -> str | None:
        """A text, or nothing where it is missing or null."""
        return None if data.get(key) is None else self.text(data, key, at)

    def part(self, data: Mapping[str, Any], key: str, at: str = "") -> Mapping[str, Any]:
        """A mapping that must be there."""
        value = data.get(key)
        if isinstance(value, Mapping):
            return value
        self._fault(f"{at}{key}", key in data, value, "a mapping")
        return {}

    def lines(self, data: Mapping[str, Any], at: str) -> dict[str, float]:
        """A bill by line."""
        return {line: self.number(data, line, at) for line in data}

    def _fault(self, key: str, is_given: bool, value: object, allowed: str) -> None:
        parent = any(key.startswith(f"{fault.key}.") for fault in self.faults)  # told already
        if not parent:
            given = f"is {shown(value)}" if is_given else "is missing"
            self.faults.append(Fault(self.file, None, key, f"{given}, must be {allowed}, as `breakeven run` writes it"))


def _run(name: str, content: Mapping[str, Any], reader: _Reader, version: str) -> ComparedRun | None:
    volume, decision, horizon = (reader.part(content, key) for key in ("volume", "decision", "horizon"))
    options, pairs, written = (reader.part(content, key) for key in ("options", "pairs", "scenario"))
    of_version = reader.text(content, "breakeven_version")
    scenario = _scenario(written)
    inputs, given = _inputs(written) if scenario is None else inputs_of(scenario)
    warnings = [] if of_version == version else [f"{name} was run by version {of_version}, this is {version}"]
    if scenario is None:
        warnings.append(f"{name}: its scenario can't be read by this version, so that its defaults are not known")
    return ComparedRun(
        name=name,
        title=reader.text(content, "title"),
        version=of_version,
        tokens_per_month=reader.positive(volume, "tokens_per_month", "volume."),
        requests_per_day=reader.positive(volume, "requests_per_day", "volume."),
        tokens_per_request=reader.positive(volume, "tokens_per_request", "volume."),
        horizon_months=reader.positive(horizon, "months", "horizon."),
        baseline=reader.text(content, "baseline"),
        cheapest=reader.text(decision, "cheapest", "decision."),
        action=reader.text(decision, "action", "decision."),
        options={key: _option(key, reader.part(options, key, "options."), reader) for key in options},
        pairs={key: _pair(key, reader.part(pairs, key, "pairs."), reader) for key in pairs},
        inputs=inputs,
        given=given,
        figures=_figures(content),
        scenario=scenario,
        is_finished=True,
        warnings=tuple(warnings),
    )


def _scenario(written: Mapping[str, Any]) -> Scenario | None:
    try:
        return Scenario.model_validate(_with_infinity(written))
    except (ValidationError, ValueError, RecursionError):
        return None


def _with_infinity(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_infinity(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_infinity(entry) for entry in value]
    return math.inf if value == INFINITE else value


def _inputs(written: Mapping[str, Any]) -> tuple[dict[str, Value], frozenset[str]]:
    """What stands in the file alone, where the defaults of its version are not known."""
    inputs = without_title(flattened(written))
    return inputs, frozenset(inputs)


def _option(name: str, content: Mapping[str, Any], reader: _Reader) -> ComparedOption:
    at = f"options.{name}."
    rate, over_time = reader.part(content, "run_rate", at), reader.part(content, "horizon", at)
    months = reader.part(over_time, "bill_by_month_usd", f"{at}horizon.")
    results: dict[str, float | None] = {key: reader.maybe(rate, key, f"{at}run_rate.") for key in AT_RUN_RATE}
    results["usd_per_month"] = reader.number(rate, "usd_per_month", f"{at}run_rate.")
    results["horizon_usd"] = reader.number(over_time, "total_usd", f"{at}horizon.")
    results["one_off_usd"] = reader.maybe(content, "one_off_usd", at)
    bill = reader.part(rate, "lines_usd_per_month", f"{at}run_rate.")
    lines = reader.lines(bill, f"{at}run_rate.lines_usd_per_month.")
    over: dict[str, float] = {}
    for month in months:
        place = f"{at}horizon.bill_by_month_usd."
        for line, usd in reader.lines(reader.part(months, month, place), f"{place}{month}.").items():
            over[line] = over.get(line, 0.0) + usd
    kind, label = reader.text(content, "kind", at), reader.text(content, "label", at)
    return ComparedOption(name, kind, label, results, lines, over)


def _pair(name: str, content: Mapping[str, Any], reader: _Reader) -> ComparedPair:
    at = f"pairs.{name}."

    def volume(key: str) -> float | None:
        if content.get(key) is None:
            return None
        return reader.number(reader.part(content, key, at), "tokens_per_month", f"{at}{key}.")

    return ComparedPair(
        baseline=reader.text(content, "baseline", at),
        challenger=reader.text(content, "challenger", at),
        first=volume("first"),
        settled=volume("settled"),
        reason=reader.maybe_text(content, "reason", at),
        cause=reader.maybe_text(content, "cause", at),
        breakeven_utilization_share=reader.maybe(content, "breakeven_utilization_share", at),
    )


def _figures(content: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    figures = content.get("figures")
    found: dict[tuple[str, str], str] = {}
    for figure in figures if isinstance(figures, list) else []:
        if isinstance(figure, Mapping) and not figure.get("for_energy"):
            found[str(figure.get("option")), str(figure.get("what"))] = str(figure.get("value"))
    return found
