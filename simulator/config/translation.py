"""Errors of pydantic as faults in plain words: what was given, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simulator.config.faults import Fault, enumerated, line_or_last, shown
from simulator.config.field_lookup import Loc, Place, dotted, find_place, locate_key, value_at

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
    for problem in _without_echoes(_one_member_each(problems, 0)):
        file, line = document.place_of(problem.loc)
        faults.setdefault(problem.loc, Fault(file, line, dotted(problem.loc), problem.message))
    return sorted(faults.values(), key=line_or_last)


@dataclass(frozen=True)
class _Complaint:
    """What is wrong with one value: a finished message, or the value given and what it must be."""

    message: str = ""
    given: str = ""
    wanted: tuple[str, ...] = ()
    choices: tuple[object, ...] = ()
    fits_type: bool = False  # a number, but not one that is allowed

    def __str__(self) -> str:
        if self.message:
            return self.message
        wanted = list(dict.fromkeys(self.wanted))
        if any(text.startswith("a number") for text in wanted):
            wanted = [text for text in wanted if not text.startswith("a whole number")]
        if self.choices:
            choices = list(dict.fromkeys(self.choices))
            wanted.append(("one of " if len(choices) > 1 else "") + enumerated(choices))
        must_be = f"must be {' or '.join(wanted)}"
        if all(text in (_MAPPING, _LIST) for text in wanted):
            return f"{must_be}, is {self.given}"
        return f"is {self.given}, {must_be}"


@dataclass(frozen=True)
class _Problem:
    """One error, its location freed of union tags."""

    loc: Loc
    branches: tuple[tuple[int, str], ...]
    complaint: _Complaint
    kind: str = ""  # pydantic's name of the error

    @property
    def message(self) -> str:
        return str(self.complaint)


def _one_member_each(problems: Sequence[_Problem], level: int) -> list[_Problem]:
    """The problems with each union that has no discriminator reduced to what its closest member says.

    Pydantic reports what every member of such a union has against the value. A member that looked inside the value is
    closer than one that refused its type; among those the one with the fewest faults is. If all refused the value
    itself, the refusals become one. `level` counts the unions, one inside the other, already treated.
    """
    reduced: list[_Problem] = []
    unions: dict[Loc, dict[str, list[_Problem]]] = {}
    for problem in problems:
        if len(problem.branches) <= level:
            reduced.append(problem)
            continue
        depth, member = problem.branches[level]
        unions.setdefault(problem.loc[:depth], {}).setdefault(member, []).append(problem)
    for loc, members in unions.items():
        by_member = [_one_member_each(list(group), level + 1) for group in members.values()]
        inside = [group for group in by_member if all(len(problem.loc) > len(loc) for problem in group)]
        if inside:
            closest: list[_Problem] = min(inside, key=len)
            reduced += closest
        else:
            reduced.append(
                _Problem(loc, (), _merged([p.complaint for group in by_member for p in group if p.loc == loc]))
            )
    return reduced


def _without_echoes(problems: Sequence[_Problem]) -> list[_Problem]:
    """The problems without those that only say that the entries refused below them are missing."""
    deeper = {problem.loc[:length] for problem in problems for length in range(len(problem.loc))}
    return [problem for problem in problems if problem.kind != "too_short" or problem.loc not in deeper]


def _merged(complaints: Sequence[_Complaint]) -> _Complaint:
    finished = next((complaint for complaint in complaints if complaint.message), None)
    if finished is not None:
        return finished
    closest = [complaint for complaint in complaints if complaint.fits_type] or complaints
    return _Complaint(
        given=complaints[0].given,
        wanted=tuple(text for complaint in closest for text in complaint.wanted),
        choices=tuple(choice for complaint in complaints for choice in complaint.choices),
    )


def _problem(details: ErrorDetails, document: Document, model: type[BaseModel]) -> _Problem:
    place = find_place(model, document.data, details["loc"])
    context = details.get("ctx", {})
    kind = details["type"]
    loc, complaint = place.loc, None
    if kind == "at_key" and "key" in context:
        loc += locate_key(value_at(document.data, loc), str(context["key"]))
        complaint = _Complaint(str(context.get("text", details["msg"])))
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        loc, complaint = _wrong_tag(place, details)
    elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
        complaint = _unknown_key(details, document, model, place.loc)
    elif details["loc"][-1:] == ("[key]",):
        complaint = _Complaint(f"as a key {_complaint(details, place)}")
    return _Problem(loc, place.branches, complaint or _complaint(details, place), kind)


def _wrong_tag(place: Place, details: ErrorDetails) -> tuple[Loc, _Complaint]:
    context, given = details.get("ctx", {}), details["input"]
    named = re.match(r"'([^']+)'", str(context["discriminator"]))
    expected: tuple[object, ...] = tuple(_quoted(str(context.get("expected_tags", ""))))
    if named is None:  # a function told the members apart
        return place.loc, _Complaint(given=shown(given), choices=expected) if expected else _Complaint(details["msg"])
    key = named.group(1)
    tags = expected or tuple(place.tags(key))
    loc = (*place.loc, key)
    if isinstance(given, Mapping) and key not in given:
        return loc, _Complaint("is missing" + (f", must be one of {enumerated(tags)}" if tags else ""))
    value = given[key] if isinstance(given, Mapping) else context.get("tag")
    return loc, _Complaint(given=shown(value), choices=tags)


def _quoted(text: str) -> list[str]:
    """The values in pydantic's `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", text)


def _unknown_key(details: ErrorDetails, document: Document, model: type[BaseModel], loc: Loc) -> _Complaint:
    parent = find_place(model, document.data, details["loc"][:-1])
    siblings = value_at(document.data, loc[:-1])
    return _Complaint(
        unknown_key(str(details["loc"][-1]), parent.field_names, siblings if isinstance(siblings, Mapping) else ())
    )


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


_MAPPING = "a mapping"
_LIST = "a list"
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
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
}


def _complaint(details: ErrorDetails, place: Place) -> _Complaint:
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind in _NUMBERS:
        unit = f" [{place.unit}]" if place.unit else ""
        wanted = _filled(_NUMBERS[kind], context) + unit + _spelling(kind, given)
        return _Complaint(given=shown(given), wanted=(wanted,), fits_type="{" in _NUMBERS[kind])
    if kind in _OTHERS:
        return _Complaint(given=shown(given), wanted=(_filled(_OTHERS[kind], context),))
    if kind in _MESSAGES:
        return _Complaint(_MESSAGES[kind](context, given))
    if kind in ("literal_error", "enum"):
        return _Complaint(given=shown(given), choices=tuple(place.literals or _quoted(str(context["expected"]))))
    return _Complaint(f"is {shown(given)}: {details['msg']}")


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
