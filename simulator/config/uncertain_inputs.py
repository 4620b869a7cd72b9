"""Distributions in place of numbers: taken out of a document, their medians put in, and held against every bound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from simulator.config.faults import Fault, Faults, enumerated, shown
from simulator.config.field_lookup import (
    Loc,
    dotted,
    find_place,
    holds,
    is_list,
    locate_key,
    number_places,
    value_at,
    with_value,
)
from simulator.config.overrides import apply_overrides
from simulator.config.translation import translate, unknown_key
from simulator.config.yaml_reader import Document, Node
from simulator.domain.base import Model
from simulator.domain.distributions import FAMILIES, Distribution, family_of, median_of
from simulator.domain.drawn_scenarios import RefusedValueError, WrittenInputs, with_values
from simulator.domain.scenario import Scenario

BLOCK = "uncertainty"
_INPUTS: Loc = (BLOCK, "inputs")
_NAMED = ("options", "workload")  # sections whose names the file gives
_CORRELATIONS = "correlations"
_TAILS = (("p1", 0.01), ("p99", 0.99))  # within these a distribution must keep to the bounds of its key
_FAMILIES_IN_WORDS = ", or ".join(str(getattr(family, "keys_in_words", "")) for family in FAMILIES)
_STAND_INS = ("p50", "median", "mode", "mean", "low", "p10", "p90", "high")


def medians_in_place(document: Document) -> tuple[Document, list[Fault]]:
    """The document with every distribution moved to `uncertainty.inputs` and its median where it stood.

    The same document where there is no distribution. What is wrong with one in place of a number is told at its line;
    of those in the block only what prevents a median, the rest is told when the block is checked.
    """
    if not isinstance(document.data, Mapping):
        return document, []
    inline: list[tuple[Loc, bool]] = []
    if _holds_distribution(document.data):  # else the walk along the models, which takes long, finds nothing
        places = number_places(Scenario, document.data, lambda value: family_of(value) is not None)
        inline = [(loc, is_whole) for loc, is_whole in places if loc[0] != BLOCK]
    document = _without_certain_keys(document)
    assert isinstance(document.data, Mapping)
    block = document.data.get(BLOCK, {})
    given = block.get("inputs", {}) if isinstance(block, Mapping) else None
    if not inline and not (isinstance(given, Mapping) and given):
        return document, []
    work = _Taking(document, dict(given) if isinstance(given, Mapping) else {})
    for loc, is_whole in inline:
        work.take(loc, is_whole)
    work.put_medians_of_block()
    data = dict(work.data)
    if isinstance(block, Mapping) and isinstance(given, Mapping):  # else it is told when the block is checked
        data[BLOCK] = {**block, "inputs": work.inputs}
    return replace(document, data=data, merged={**document.merged, **work.merged}), work.faults


def _holds_distribution(value: object) -> bool:
    """Whether anything in the data looks like a distribution, wherever it stands."""
    if isinstance(value, Mapping):
        return family_of(value) is not None or any(_holds_distribution(child) for child in value.values())
    return is_list(value) and any(_holds_distribution(child) for child in value)  # type: ignore[attr-defined]


def _without_certain_keys(document: Document) -> Document:
    """The document whose correlations leave out keys that an override gives a number: these are not uncertain any more.

    A group of which one key is left goes with it, unless the correlations are an override themselves.
    """
    assert isinstance(document.data, Mapping)
    block = document.data.get(BLOCK)
    groups = block.get(_CORRELATIONS) if isinstance(block, Mapping) else None
    if not isinstance(block, Mapping) or not isinstance(groups, list) or (BLOCK, _CORRELATIONS) in document.overridden:
        return document
    inputs = block.get("inputs") or {}

    def is_certain(key: object) -> bool:
        loc = locate_key(document.data, str(key))
        in_block = isinstance(inputs, Mapping) and (*_INPUTS, key) in document.overridden
        return loc in document.overridden and not in_block and _is_number(value_at(document.data, loc))

    left = []
    for group in groups:
        keys = group.get("keys") if isinstance(group, Mapping) else None
        kept = [place for place, key in enumerate(keys) if not is_certain(key)] if isinstance(keys, list) else []
        if not isinstance(keys, list) or len(kept) == len(keys):
            left.append(group)
        elif len(kept) > 1:
            changed = {**group, "keys": [keys[place] for place in kept]}
            matrix = group.get("matrix")
            if isinstance(matrix, list) and all(isinstance(row, list) and len(row) == len(keys) for row in matrix):
                changed["matrix"] = [[matrix[row][column] for column in kept] for row in kept if row < len(matrix)]
            left.append(changed)
    if left == groups:
        return document
    return replace(document, data={**document.data, BLOCK: {**block, _CORRELATIONS: left}})


class _Taking:
    """A document on its way to hold numbers only."""

    def __init__(self, document: Document, inputs: dict[Any, Any]) -> None:
        assert isinstance(document.data, Mapping)
        self.document, self.inputs = document, inputs
        self.written: Mapping[str, Any] = document.data
        self.data: Mapping[str, Any] = document.data
        self.merged: dict[Loc, Loc] = {}
        self.faults: list[Fault] = []
        self._taken: set[str] = set()

    def take(self, loc: Loc, is_whole: bool) -> None:
        """Take the distribution at a location out, if it is one."""
        written, key = value_at(self.document.data, loc), dotted(loc)
        family = family_of(written)
        assert isinstance(written, Mapping) and family is not None
        if key in self.inputs and key not in self._taken:
            self._fault(loc, key, f"has a distribution here and in {dotted(_INPUTS)}, must have one")
        distribution, faults = _read(self._part(loc), family)
        self.faults += [replace(fault, key=f"{key}.{fault.key}" if fault.key else key) for fault in faults]
        median = _stand_in(written) if distribution is None else median_of(distribution)
        self.data = with_value(self.data, loc, round(median) if is_whole else median)
        if distribution is not None:
            self.inputs[key] = dict(written)
            self._taken.add(key)
            self.merged[(*_INPUTS, key)] = loc
            if BLOCK not in self.written:
                self.merged.setdefault((BLOCK,), loc)

    def put_medians_of_block(self) -> None:
        """Set every key that the block names to its median; one that an override sets is not uncertain any more."""
        for key in [key for key in self.inputs if key not in self._taken]:
            loc = locate_key(self.data, str(key))
            if loc in self.document.overridden and (*_INPUTS, key) not in self.document.overridden:
                del self.inputs[key]
                continue
            at, family = (*_INPUTS, key), family_of(self.inputs[key])
            if family is None and isinstance(self.inputs[key], Mapping):
                self._fault(at, dotted(at), f"is no distribution, must be a mapping with {_FAMILIES_IN_WORDS}")
                del self.inputs[key]
                continue
            distribution = None if family is None else _read(self._part(at), family)[0]
            if distribution is None:
                continue  # told when the block is checked
            if loc[0] in _NAMED and len(loc) > 2 and not holds(value_at(self.data, loc[:1]), loc[1]):
                names = value_at(self.data, loc[:1])
                known = f", must be one of {enumerated(names)}" if isinstance(names, Mapping) else ""
                self._fault(at, dotted(at), f"names '{loc[1]}', of which there is none in {loc[0]}{known}")
                del self.inputs[key]
                continue
            median = median_of(distribution)
            try:
                changed = apply_overrides(self.data, {str(key): median})
                loc = locate_key(changed, str(key))
                is_whole = dict(number_places(Scenario, changed, _is_number)).get(loc)
                if is_whole is not None:
                    self.data = apply_overrides(self.data, {str(key): round(median) if is_whole else median})
            except Faults as error:
                self._fault(at, dotted(at), error.faults[0].message)
                del self.inputs[key]
                continue
            if is_whole is None or loc[0] == BLOCK:
                self._fault(at, dotted(at), f"is no key that takes a number{_meant(self.document.data, loc)}")
                del self.inputs[key]
                continue
            self.merged[loc] = at

    def _part(self, loc: Loc) -> Document:
        """What stands at a location as a document of its own, with its lines."""
        file, line = self.document.place_of(loc)
        node = self.document.lines if file == self.document.name else None
        for part in loc:
            node = node.children[part][1] if node is not None and part in node.children else None
        if node is not None:
            node = Node(line or node.line, node.value, node.children)
        return Document(file, value_at(self.document.data, loc), node)

    def _fault(self, loc: Loc, key: str, message: str) -> None:
        file, line = self.document.place_of(loc)
        self.faults.append(Fault(file, line, key, message))


def _meant(data: object, loc: Loc) -> str:
    """What a key is probably misspelt for, or what is there instead of a number."""
    for depth, part in enumerate(loc):
        above = value_at(data, loc[:depth])
        allowed = find_place(Scenario, data, loc[:depth]).field_names
        if not allowed and isinstance(above, Mapping) and depth + 1 < len(loc):
            allowed = [str(name) for name in above]
        if allowed and part not in allowed:
            return f": {unknown_key(str(part), allowed, ())}".replace("unknown key", f"'{part}' is unknown")
    found = value_at(data, loc)
    return f": holds {shown(found)}" if found is not None else ""


def _read(part: Document, family: type[Model]) -> tuple[Distribution | None, list[Fault]]:
    try:
        return family.model_validate(part.data), []  # type: ignore[return-value]
    except ValidationError as error:
        model: type[BaseModel] = family
        return None, translate(error, part, model)


def _stand_in(written: Mapping[str, Any]) -> float:
    """A number in place of a faulty distribution, so that the rest is checked all the same."""
    flat = {**written, **{k: v for value in written.values() if isinstance(value, Mapping) for k, v in value.items()}}
    found = [flat[name] for name in _STAND_INS if isinstance(flat.get(name), int | float)]
    values = flat.get("values")
    if isinstance(values, list | tuple):
        found += [value for value in values if isinstance(value, int | float)]
    return float(found[0]) if found else 1.0


@dataclass(frozen=True)
class _Input:
    """An uncertain key: where it lies, and the key that its faults are told at."""

    loc: Loc
    told_at: Loc
    shown_as: str


def with_written(scenario: Scenario, whole: Document) -> tuple[Scenario, list[Fault]]:
    """The scenario with what its paths are made from, and what is wrong with the tails of its distributions.

    Both tails of every input, one at a time, must be values that the file could hold.
    """
    uncertainty = scenario.uncertainty
    if uncertainty is None or not uncertainty.inputs:
        return scenario, []
    inputs = {key: _input(whole, key) for key in uncertainty.inputs}
    places = {key: one.loc for key, one in inputs.items()}
    wholes = {loc for loc, is_whole in number_places(Scenario, whole.data, _is_number) if is_whole}
    written = WrittenInputs(
        _with_files(whole.data, scenario), places, frozenset(key for key, loc in places.items() if loc in wholes)
    )
    faults = []
    for key, distribution in uncertainty.inputs.items():
        one = inputs[key]
        if not holds(value_at(whole.data, one.loc[:-1]), one.loc[-1]):
            continue
        for name, share in _TAILS:
            tail = float(f"{float(distribution.quantile(np.array(share))):.4g}")
            try:
                with_values(scenario, written, {key: tail})
            except RefusedValueError as error:
                file, line = whole.place_of(one.told_at)
                why = translate(error.reasons, replace(whole, data=with_value(whole.data, one.loc, tail)), Scenario)[0]
                is_own = why.key == dotted(one.loc)
                says = re.sub(r"^is \S+, ", "", why.message) if is_own else f"where {why.key} {why.message}"
                text = f"reaches {tail:.4g} at its {name}, {says}"
                faults.append(Fault(file, line, one.shown_as, text))
                break
    scenario._written = written
    return scenario, faults


def _with_files(data: Any, scenario: Scenario) -> Mapping[str, Any]:
    """The data with the files of measurements where the scenario found them."""
    for name, option in scenario.options.items():
        throughput = getattr(option, "throughput", None)
        if throughput is not None and throughput.measurements:
            data = with_value(data, ("options", name, "throughput", "measurements"), throughput.measurements)
    return data


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _input(whole: Document, key: str) -> _Input:
    loc, in_block = locate_key(whole.data, key), (*_INPUTS, key)
    origin = whole.merged.get(in_block)
    return _Input(loc, origin or in_block, key if origin is not None else dotted(in_block))
