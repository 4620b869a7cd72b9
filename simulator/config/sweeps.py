"""Sweep files into checked sweeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.config.faults import Fault, Faults, nearest_hint
from simulator.config.field_lookup import dotted
from simulator.config.overrides import override_document
from simulator.config.scenarios import (
    IS_A_SCENARIO,
    bundled_scenarios,
    bundled_sweeps,
    check_plan,
    named_file,
    parse_scenario,
    plain_data,
    scenario_document,
)
from simulator.config.sweep_base import SweepBase, files_named
from simulator.config.translation import translate
from simulator.config.yaml_reader import Document, read_document
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario
from simulator.domain.sweep import Sweep

_AT_LEAST = "title, base and one of grid, zip, cases, sample"


def read_sweep(path: Path) -> Sweep:
    """The sweep in a file, its base unseen; raises `Faults` with everything that is wrong with it."""
    return _checked(_document(path))


def load_sweep(
    sweep: str | Path | Mapping[str, Any],
    make_plan: Callable[[Scenario], Plan],
    overrides: Mapping[str, object] | None = None,
    conditions: Sequence[str] = (),
) -> tuple[Sweep, SweepBase]:
    """A sweep and its base.

    Parameters
    ----------
    sweep : str, Path or mapping
        Name of a bundled sweep, path of a file, or the same content as a mapping.
    make_plan : function
        From a scenario to its plan.
    overrides : mapping, optional
        Set over the base, by dotted key.
    conditions : sequence of str
        Asked of every point beside those of the file.

    Raises
    ------
    Faults
        With everything that is wrong with the file, its base, or a key that the sweep sets.
    """
    document = _document(sweep)
    checked = _checked(document)
    if conditions:
        checked = _with_conditions(checked, conditions)
    written = scenario_document(_base_path(checked, document))
    parse_scenario(written)  # a fault of the base itself is told at its own line
    faults = _unknown_keys(checked, document, written)
    if faults:
        raise Faults(faults)
    base = override_document(override_document(written, checked.set, "set"), overrides or {})
    faults = _misplaced_keys(checked, document, base)
    if faults:
        raise Faults(faults)
    check_plan(base, make_plan, infeasible=False)
    work = SweepBase(base, make_plan, files_named(base, checked.overrides()))
    odd = _odd_conditions(checked, document, work)
    if odd:
        raise Faults(odd)
    return checked, work


def _document(sweep: str | Path | Mapping[str, Any]) -> Document:
    if isinstance(sweep, Mapping):
        return Document(None, plain_data(sweep))
    document = read_document(named_file(str(sweep), bundled_sweeps(), "sweep"), _AT_LEAST)
    if isinstance(document.data, Mapping) and "options" in document.data and "base" not in document.data:
        raise Faults([Fault(document.name, None, "", IS_A_SCENARIO.format(document.name))])
    return document


def _checked(document: Document) -> Sweep:
    try:
        return Sweep.model_validate(document.data)
    except ValidationError as error:
        raise Faults(translate(error, document, Sweep)) from None


def _with_conditions(sweep: Sweep, conditions: Sequence[str]) -> Sweep:
    try:
        return Sweep.model_validate({**sweep.model_dump(), "where": [*sweep.where, *conditions]})
    except ValidationError as error:
        text = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise Faults([Fault("--filter", None, "", text)]) from None


def _base_path(sweep: Sweep, document: Document) -> Path:
    beside = (Path() if document.name is None else Path(document.name).parent) / sweep.base
    if beside.is_file():
        return beside
    if sweep.base in bundled_scenarios():
        return bundled_scenarios()[sweep.base]
    hint = nearest_hint(sweep.base, bundled_scenarios())
    message = f"is '{sweep.base}', must be a file beside the sweep or one of {', '.join(bundled_scenarios())}{hint}"
    raise Faults([Fault(document.name, document.line_of(("base",)), "base", message)])


def _unknown_keys(sweep: Sweep, document: Document, base: Document) -> list[Fault]:
    """Keys of the sweep that no scenario has, at their lines: else every single point would say so."""
    faults: list[Fault] = []
    places = _first_values(sweep)
    options = _options(base, [key for _, key, _ in places])
    for loc, key, value in places:
        if (
            options
            and key.startswith("options.")
            and not any(f"{key}.".startswith(f"options.{name}.") for name in options)
        ):
            name = key.split(".")[1]
            text = f"the base has no option '{name}', it has {', '.join(options)}{nearest_hint(name, options)}"
            faults.append(Fault(document.name, document.line_of(loc), dotted(loc), text))
            continue
        try:
            parse_scenario(override_document(base, {key: value}))
        except Faults as error:
            unknown = [fault for fault in error.faults if fault.message.startswith("unknown key")]
            faults += _told_at(document, loc, unknown)
    return faults


def _options(base: Document, keys: Sequence[str]) -> list[str]:
    """Options of the base, and those that keys of the sweep make: as a whole, or by their kind."""
    written = base.data.get("options") if isinstance(base.data, Mapping) else None
    parts = [key.split(".") for key in keys if key.startswith("options.")]
    made = [part[1] for part in parts if len(part) == 2 or part[2:] == ["kind"]]
    return list(dict.fromkeys([*written, *made])) if isinstance(written, Mapping) else []


def _misplaced_keys(sweep: Sweep, document: Document, base: Document) -> list[Fault]:
    """Keys that can't be set in the base, for it holds a number where they need a mapping, at their lines."""
    faults: list[Fault] = []
    for loc, key, value in _first_values(sweep):
        try:
            override_document(base, {key: value})
        except Faults as error:
            faults += _told_at(document, loc, error.faults)
    return faults


def _told_at(document: Document, loc: tuple[str, ...], faults: Iterable[Fault]) -> list[Fault]:
    """Faults that a value of the sweep makes in the base, at the line of the sweep that sets it."""
    line = document.line_of(loc)
    return [Fault(document.name, line, dotted(loc), f"{fault.key}: {fault.message}") for fault in faults]


def _first_values(sweep: Sweep) -> list[tuple[tuple[str, ...], str, object]]:
    """Where every key of a sweep stands, the key, and a value of it."""
    found: list[tuple[tuple[str, ...], str, object]] = []
    for name, case in sweep.cases.items():
        found += [(("cases", name, key), key, value) for key, value in case.items()]
    found += [(("set", key), key, value) for key, value in sweep.set.items()]
    for part in ("zip", "grid"):
        found += [((part, key), key, values[0]) for key, values in getattr(sweep, part).items()]
    if sweep.sample is not None:
        row = dict(zip(sweep.sample.keys, sweep.drawn[0].tolist(), strict=True))
        found += [(("sample", "keys", key), key, value) for key, value in row.items()]
    return found


def _odd_conditions(sweep: Sweep, document: Document, base: SweepBase) -> list[Fault]:
    """Conditions on a key that is not there, or that compare what can't be, at their lines."""
    try:
        sweep.meets(sweep.point(0), base.value_of)
    except ValueError as error:
        return [Fault(document.name, document.line_of(("where",)), "where", str(error))]
    return []
