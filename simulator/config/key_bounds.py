"""What one numeric key of a scenario may be: its bounds from the model that checks it, and its value today."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simulator.config.completing import completed
from simulator.config.faults import Fault, Faults, enumerated, shown
from simulator.config.field_lookup import Loc, child_of, dotted, key_parts, longest_match
from simulator.config.overrides import override_document
from simulator.config.scenarios import check_plan
from simulator.config.second_look import MakePlan
from simulator.config.translation import unknown_key, written_keys
from simulator.config.yaml_reader import Document
from simulator.domain.key_range import KeyBounds
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario

ORIGIN = "--for"

Listed = Callable[[Plan, str, str], float | None]


@dataclass(frozen=True)
class _Limits:
    """Bounds of a number as annotations tell them."""

    low: float = -math.inf
    high: float = math.inf
    excludes_low: bool = False
    excludes_high: bool = False
    is_whole: bool = False

    def within(self, item: object) -> _Limits:
        """Tightened by one piece of metadata."""
        low, high, at_low, at_high = self.low, self.high, self.excludes_low, self.excludes_high
        for name, excludes in (("ge", False), ("gt", True)):
            bound = getattr(item, name, None)
            if bound is not None and (bound > low or (bound == low and excludes)):
                low, at_low = float(bound), excludes
        for name, excludes in (("le", False), ("lt", True)):
            bound = getattr(item, name, None)
            if bound is not None and (bound < high or (bound == high and excludes)):
                high, at_high = float(bound), excludes
        return _Limits(low, high, at_low, at_high, self.is_whole)


def key_bounds(plan: Plan, document: Document, key: str, listed: Listed | None = None) -> KeyBounds:
    """Find a numeric key in a checked scenario.

    Parameters
    ----------
    plan : Plan
        The scenario, in which every choice between kinds is made.
    document : Document
        What the user wrote.
    key : str
        Dotted, e.g. `options.llama.rental.usd_per_gpu_hour`.
    listed : function, optional
        From plan, option and key below it to the value that the catalogue puts where the key is left out.

    Raises
    ------
    Faults
        One line, if there is no such key, or it holds no number.
    """
    parts = key_parts(key)
    if not all(parts):
        raise Faults([Fault(ORIGIN, None, "", f"the key is {shown(key)}, must be names joined by single dots")])
    walk = _Walk(document, plan.scenario)
    while parts:
        parts = walk.step(parts)
    limits = _limits(walk.annotations, walk.metadata)
    value = walk.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if limits is None or not (is_number or value is None):
        given = "a mapping" if isinstance(value, BaseModel) else shown(value)
        text = "takes no number" if value is None else f"is {given}, no number"
        raise walk.fault(tuple(walk.loc), f"{text} to solve for")
    today = float(value) if is_number else None
    if today is None and listed is not None and walk.loc[0] == "options":
        today = listed(plan, str(walk.loc[1]), ".".join(str(part) for part in walk.loc[2:]))
    if walk.loc[0] == "workload" and child_of(document.data, "workload") is None:
        # A preset or a recording tells it, as a whole or not at all.
        walk.beside["workload"] = child_of(completed(document)[0].data, "workload")
    return KeyBounds(
        key, today, limits.low, limits.high, limits.excludes_low, limits.excludes_high, limits.is_whole, walk.beside
    )


def plan_at(document: Document, bounds: KeyBounds, make_plan: MakePlan) -> Callable[[float], Plan]:
    """From a value of the key to the plan with it; raises `Faults` where it can't be had."""

    def planned(value: float) -> Plan:
        given = int(value) if bounds.is_whole else value
        changed = override_document(document, {**bounds.beside, bounds.key: given}, ORIGIN)
        return check_plan(changed, make_plan, infeasible=False)

    return planned


class _Walk:
    """The way of a key through the models: the value it has come to, and the types that may stand there."""

    def __init__(self, document: Document, scenario: Scenario) -> None:
        self.document = document
        self.value: Any = scenario
        self.annotations: Sequence[Any] = (Scenario,)
        self.metadata: Sequence[Any] = ()
        self.loc: list[str | int] = []
        self.beside: dict[str, object] = {}
        self._data: Any = document.data

    def step(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Go on by one part of the key, or as many as are one name; those that are left."""
        value, models = self.value, self._models()
        if isinstance(value, BaseModel) or (value is None and models):
            part: str | int = parts[0]
            field = next((model.model_fields[parts[0]] for model in models if parts[0] in written_keys(model)), None)
            if field is None:
                raise self.fault((*self.loc, part), _unknown(parts[0], models, value))
            self._go(part, getattr(value, parts[0], None), (field.annotation,), field.metadata)
            return parts[1:]
        inner = [one for one in _members(self.annotations) if get_origin(one) in (dict, tuple)]
        if isinstance(value, Mapping):
            count = longest_match(value, parts) or 1
            part, types = ".".join(parts[:count]), [get_args(one)[1] for one in inner if get_origin(one) is dict]
            if part not in value and any(_models_of(types)):
                raise self.fault((*self.loc, part), f"there is none of that name, must be one of {enumerated(value)}")
            self._go(part, value.get(part), types)
            return parts[count:]
        if isinstance(value, tuple) and parts[0].isdecimal():
            place = int(parts[0])
            if place >= len(value):
                raise self.fault((*self.loc, place), f"there is no such entry, there are {len(value)}")
            self._go(place, value[place], [get_args(one)[0] for one in inner if get_origin(one) is tuple])
            return parts[1:]
        raise self.fault(tuple(self.loc), f"is {shown(value)}, has no key {shown(parts[0])}")

    def fault(self, loc: Loc, text: str) -> Faults:
        """A fault at a location, told at the line of as much of it as the file holds."""
        file, line = self.document.place_of(loc)
        return Faults([Fault(file or ORIGIN, line, dotted(loc), text)])

    def _go(self, part: str | int, value: Any, annotations: Sequence[Any], metadata: Sequence[Any] = ()) -> None:
        self.loc.append(part)
        self.value, self.annotations, self.metadata = value, annotations, metadata
        self._data = child_of(self._data, part)
        kind = getattr(value, "kind", None)
        if self._data is None and isinstance(value, BaseModel) and isinstance(kind, str):
            self.beside[f"{'.'.join(str(one) for one in self.loc)}.kind"] = kind

    def _models(self) -> list[type[BaseModel]]:
        """Models that may stand here; of a value that is there, its own."""
        if isinstance(self.value, BaseModel):
            return [type(self.value)]
        return _models_of(self.annotations)


def _unknown(part: str, models: Sequence[type[BaseModel]], value: object) -> str:
    """Unknown, what is close, and of which kind of section that is."""
    kind = getattr(value, "kind", None)
    allowed = list(dict.fromkeys(name for model in models for name in written_keys(model)))
    text = unknown_key(part, allowed, ())
    return f"unknown key of kind {kind}{text.removeprefix('unknown key')}" if isinstance(kind, str) else text


def _members(annotations: Iterable[Any]) -> list[Any]:
    """Types with unions, aliases and annotations opened, without None."""
    opened: list[Any] = []
    for annotation in annotations:
        if get_origin(annotation) is Annotated:
            opened += _members(get_args(annotation)[:1])
        elif get_origin(annotation) in (Union, UnionType):
            opened += _members(get_args(annotation))
        elif annotation is not NoneType:
            opened.append(annotation)
    return opened


def _models_of(annotations: Iterable[Any]) -> list[type[BaseModel]]:
    return [one for one in _members(annotations) if isinstance(one, type) and issubclass(one, BaseModel)]


def _limits(annotations: Sequence[Any], metadata: Iterable[Any]) -> _Limits | None:
    """Bounds of the number among the types, None where there is none."""
    for annotation in annotations:
        found = _number(annotation, _Limits())
        if found is not None:
            return _tightened(found, metadata)
    return None


def _number(annotation: Any, limits: _Limits) -> _Limits | None:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        found = _number(inner, limits)
        return None if found is None else _tightened(found, metadata)
    if get_origin(annotation) in (Union, UnionType):
        return next((found for one in get_args(annotation) if (found := _number(one, limits)) is not None), None)
    if annotation in (int, float):
        return _Limits(limits.low, limits.high, limits.excludes_low, limits.excludes_high, annotation is int)
    return None


def _tightened(limits: _Limits, metadata: Iterable[Any]) -> _Limits:
    for item in metadata:
        for one in (item, *(item.metadata if isinstance(item, FieldInfo) else ())):
            limits = limits.within(one)
    return limits
