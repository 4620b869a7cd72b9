"""Keys set from outside a file, `traffic.requests_per_day=1e6`: on the command line, in a sweep, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.config.faults import LONGEST_VALUE, Fault, Faults, shown
from simulator.config.field_lookup import Loc, dotted, key_parts, longest_match
from simulator.config.yaml_reader import MOST_LEVELS, Document, parse_value

ORIGIN = "--set"


def parse_override(text: str, origin: str = ORIGIN) -> tuple[tuple[str, ...], object]:
    """The parts of the key and the value in `KEY=VALUE`; the value is read as in a scenario file."""
    key, equals, written = (part.strip() for part in text.partition("="))
    place = f"{origin} {_short(text)}"
    if not equals:
        raise Faults([Fault(place, None, "", "has no '=', must be KEY=VALUE")])
    if not all(key_parts(key)):
        raise Faults([Fault(place, None, "", f"the key is {shown(key)}, must be names joined by single dots")])
    try:
        value = parse_value(written, place)
    except Faults as faults:
        raise Faults(replace(fault, line=None, key=key) for fault in faults.faults) from None
    if value is None and written not in ("null", "Null", "NULL", "~"):
        raise Faults([Fault(place, None, key, "has no value; write null or '' if that is meant")])
    return key_parts(key), value


def apply_overrides(
    data: Mapping[str, object], overrides: Mapping[str, object], origin: str = ORIGIN
) -> dict[str, Any]:
    """A copy of the data with the dotted keys set; mappings on the way are made where there are none.

    A name that holds dots itself is found if it is there: of the keys of a mapping the longest that fits counts. A
    number is the index of an entry where the data hold a list.
    """
    return _applied(data, overrides, origin)[0]


def override_document(document: Document, overrides: Mapping[str, object], origin: str = ORIGIN) -> Document:
    """The document with the keys set, and told which of its keys came from an override."""
    if not isinstance(document.data, Mapping):
        raise TypeError(f"document holds {shown(document.data)}, must hold a mapping")
    data, places = _applied(document.data, overrides, origin)
    kept = {loc: place for loc, place in document.overridden.items() if not _is_within_any(loc, places)}
    return replace(document, data=data, overridden={**kept, **places})


def _applied(
    data: Mapping[str, object], overrides: Mapping[str, object], origin: str
) -> tuple[dict[str, Any], dict[Loc, str]]:
    """The copy with the keys set, and the locations that were set or made, with the override that did."""
    copied: dict[str, Any] = _copy(data, 0)
    places: dict[Loc, str] = {}
    faults: list[Fault] = []
    for key, value in overrides.items():
        place = f"{origin} {_short(f'{key}={_written(value)}')}"
        try:
            loc = _set(copied, key, value)
        except _NoSuchPlaceError as error:
            faults.append(Fault(place, None, dotted(error.loc), error.message))
            continue
        places = {earlier: at for earlier, at in places.items() if earlier[: len(loc)] != loc}
        places[loc] = place
    if faults:
        raise Faults(faults)
    return copied, places


class _NoSuchPlaceError(Exception):
    def __init__(self, loc: Loc, message: str) -> None:
        super().__init__(message)
        self.loc, self.message = loc, message


def _set(data: dict[str, Any], key: str, value: object) -> Loc:
    """Set the key in the data; the location of the outermost mapping or value that is new by it."""
    parts = key_parts(key)
    if not all(parts):
        raise _NoSuchPlaceError((), f"the key is {shown(key)}, must be names joined by single dots")
    loc: list[str | int] = []
    made: Loc = ()
    holder: Any = data
    while True:
        part, rest = _next_part(holder, parts, tuple(loc))
        loc.append(part)
        is_new = isinstance(holder, dict) and holder.get(part) is None
        if not made and (is_new or not rest):
            made = tuple(loc)
        if not rest:
            holder[part] = _copy(value, len(loc))
            return made
        if is_new:
            holder[part] = {}
        holder, parts = holder[part], rest


def _next_part(holder: object, parts: tuple[str, ...], loc: Loc) -> tuple[str | int, tuple[str, ...]]:
    if isinstance(holder, dict):
        count = longest_match(holder, parts) or 1
        return ".".join(parts[:count]), parts[count:]
    if isinstance(holder, list):
        index = int(parts[0]) if parts[0].isascii() and parts[0].isdecimal() else len(holder)
        if index >= len(holder):
            allowed = f"an index from 0 to {len(holder) - 1}" if holder else "set as a whole, it is empty"
            raise _NoSuchPlaceError(loc, f"is a list, {shown(parts[0])} must be {allowed}")
        return index, parts[1:]
    raise _NoSuchPlaceError(loc, f"is {shown(holder)}, must be a mapping to hold {shown('.'.join(parts))}")


def _is_within_any(loc: Loc, outer: Mapping[Loc, str]) -> bool:
    return any(loc[:length] in outer for length in range(len(loc) + 1))


def _copy(value: Any, level: int) -> Any:
    """A copy with mappings and lists of its own everywhere, also where two keys shared one."""
    if level > MOST_LEVELS:
        raise ValueError(f"the data are nested deeper than {MOST_LEVELS} levels")
    if isinstance(value, Mapping):
        return {key: _copy(child, level + 1) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(child, level + 1) for child in value]
    return value


def _written(value: object) -> str:
    """A value as it would be written on the command line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(child) for child in value) + "]"
    return value if isinstance(value, str) else shown(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
