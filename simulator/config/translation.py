"""Errors of pydantic as faults in plain words: what was given, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simulator.config.faults import Fault, enumerated, line_or_last, shown
from simulator.config.field_lookup import Loc, Place, dotted, find_place, locate_key, value_at
from simulator.config.problems import A_LIST, A_MAPPING, Complaint, Problem, one_member_each, without_echoes

if TYPE_CHECKING:
    from simulator.config.yaml_reader import Document


def translate(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Fault]:
    """Every error of a validation as a fault with its line, in the order of the lines; one per key.

    Validators say what is wrong with a `ValueError` whose text follows the key (`is 3, must be even`). One that
    compares several keys names the one at fault, counted from its model, by raising
    `PydanticCustomError("at_key", "{text}", {"key": "replicas.maximum", "text": "is 2, must be at least 4"})`.
    """
    problems = [_problem(details, document, model) for details in error.errors(include_url=False)]
    faults: dict[Loc, Fault] = {}
    for problem in without_echoes(one_member_each(problems, 0), document.data):
        file, line = document.place_of(problem.loc)
        faults.setdefault(problem.loc, Fault(file, line, dotted(problem.loc), problem.message))
    return sorted(faults.values(), key=line_or_last)


def _problem(details: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    place = find_place(model, document.data, details["loc"])
    context = details.get("ctx", {})
    kind = details["type"]
    loc, complaint = place.loc, None
    if kind == "at_key" and "key" in context:
        loc += locate_key(value_at(document.data, loc), str(context["key"]))
        complaint = Complaint(str(context.get("text", details["msg"])))
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        loc, complaint = _wrong_tag(place, details)
    elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
        complaint = _unknown_key(details, document, model, place.loc)
    elif details["loc"][-1:] == ("[key]",):
        complaint = Complaint(f"as a key {_complaint(details, place)}")
    return Problem(loc, place.branches, complaint or _complaint(details, place), kind)


def _wrong_tag(place: Place, details: ErrorDetails) -> tuple[Loc, Complaint]:
    context, given = details.get("ctx", {}), details["input"]
    named = re.match(r"'([^']+)'", str(context["discriminator"]))
    expected: tuple[object, ...] = tuple(_quoted(str(context.get("expected_tags", ""))))
    if named is None:  # a function told the members apart
        return place.loc, Complaint(given=shown(given), choices=expected) if expected else Complaint(details["msg"])
    key = named.group(1)
    tags = expected or tuple(place.tags(key))
    loc = (*place.loc, key)
    if isinstance(given, Mapping) and key not in given:
        return loc, Complaint("is missing" + (f", must be one of {enumerated(tags)}" if tags else ""))
    value = given[key] if isinstance(given, Mapping) else context.get("tag")
    return loc, Complaint(given=shown(value), choices=tags)


def _quoted(text: str) -> list[str]:
    """The values in pydantic's `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", text)


def _unknown_key(details: ErrorDetails, document: Document, model: type[BaseModel], loc: Loc) -> Complaint:
    parent = find_place(model, document.data, details["loc"][:-1])
    given = value_at(document.data, loc[:-1])
    siblings = list(given) if isinstance(given, Mapping) else []
    key, allowed = str(details["loc"][-1]), parent.field_names
    if parent.branches and key in find_place(model, document.data, details["loc"][:-2]).field_names:
        others = [name for name in siblings if name in allowed]
        return Complaint(f"must not be given together with {enumerated(others or allowed)}")
    return Complaint(unknown_key(key, allowed, siblings))


def unknown_key(unknown: str, allowed: Sequence[str], siblings: Iterable[str]) -> str:
    """Unknown, and the allowed key that is meant: one spelled nearly so and not given already."""
    given = set(siblings)
    absent = [name for name in allowed if name not in given]
    close = difflib.get_close_matches(unknown.lower().replace("-", "_"), absent, n=1)
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    return f"unknown key; allowed are {enumerated(allowed)}" if allowed else "unknown key"


def written_keys(model: type[BaseModel]) -> list[str]:
    """The fields of a model that a file may hold."""
    return [name for name, field in model.model_fields.items() if not field.exclude]


_DATE = "a date such as 2026-12-01"
_DATE_AND_TIME = "a date and time such as 2026-12-01T12:00:00"
_TIME = "a time such as 12:30"
_DURATION = "a duration in seconds"

# What the value must be, by pydantic's type of error: first numbers, which take the unit of their field, then the rest.
_NUMBERS = {
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
}
_OTHERS = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "text",
    "string_sub_type": "text",
    "invalid_key": "text",
    "string_pattern_mismatch": "text that matches {pattern}",
    "none_required": "null",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _DATE_AND_TIME,
    "datetime_parsing": _DATE_AND_TIME,
    "datetime_from_date_parsing": _DATE_AND_TIME,
    "time_type": _TIME,
    "time_parsing": _TIME,
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "dict_type": A_MAPPING,
    "mapping_type": A_MAPPING,
    "model_type": A_MAPPING,
    "model_attributes_type": A_MAPPING,
    "dataclass_type": A_MAPPING,
    "list_type": A_LIST,
    "tuple_type": A_LIST,
    "set_type": A_LIST,
    "frozen_set_type": A_LIST,
    "iterable_type": A_LIST,
}


def _complaint(details: ErrorDetails, place: Place) -> Complaint:
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind in _NUMBERS:
        unit = f" [{place.unit}]" if place.unit else ""
        wanted = _filled(_NUMBERS[kind], context) + unit + _spelling(kind, given)
        return Complaint(given=shown(given), wanted=(wanted,), fits_type="{" in _NUMBERS[kind])
    if kind in _OTHERS:
        wanted = _filled(_OTHERS[kind], context)
        if wanted == A_MAPPING and place.keys_in_words:
            wanted = f"{A_MAPPING} with {place.keys_in_words}"
        return Complaint(given=shown(given), wanted=(wanted,))
    if kind == "missing" and place.literals:
        return Complaint(f"is missing, must be one of {enumerated(place.literals)}")
    if kind in _MESSAGES:
        return Complaint(_MESSAGES[kind](context, given))
    if kind in ("literal_error", "enum"):
        return Complaint(given=shown(given), choices=tuple(place.literals or _quoted(str(context["expected"]))))
    return Complaint(f"is {shown(given)}: {details['msg']}")


def _filled(wanted: str, context: Mapping[str, Any]) -> str:
    return wanted.format_map({name: _bound(value) for name, value in context.items()})


def _bound(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else shown(value)


def _spelling(kind: str, given: object) -> str:
    """How to write a whole number that was given as a number: `1e3` is not one to YAML."""
    is_whole = kind == "int_type" and isinstance(given, float) and given.is_integer() and abs(given) < 1e15
    return f", written {given:.0f}" if is_whole else ""


def _said(context: Mapping[str, Any], given: object) -> str:
    return str(context["error"]) or f"is {shown(given)}, which is not allowed"


def _counted(count: object, noun: str) -> str:
    plural = "entries" if noun == "entry" else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _text_too_short(context: Mapping[str, Any], given: object) -> str:
    if given == "":
        return "is empty, must be text"
    return f"is {shown(given)}, must have at least {_counted(context['min_length'], 'character')}"


_MESSAGES: dict[str, Callable[[Mapping[str, Any], object], str]] = {
    "missing": lambda context, given: "is missing",
    "missing_argument": lambda context, given: "is missing",
    "value_error": _said,
    "assertion_error": _said,
    "string_too_short": _text_too_short,
    "string_too_long": lambda context, given: (
        f"is {shown(given)}, must have at most {_counted(context['max_length'], 'character')}"
    ),
    "too_short": lambda context, given: (
        f"has {_counted(context['actual_length'], 'entry')}, must have at least {context['min_length']}"
    ),
    "too_long": lambda context, given: (
        f"has {_counted(context['actual_length'] or 'too many', 'entry')}, must have at most {context['max_length']}"
    ),
}
