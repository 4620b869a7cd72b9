"""Where a key stands: in plain data by its dotted name, and in the models by the location pydantic gives an error."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, RootModel, Tag, TypeAdapter
from pydantic.fields import FieldInfo

Loc: TypeAlias = tuple[str | int, ...]

_INDEX_IN_BRACKETS = re.compile(r"\[(\d+)\]")
_UNIT_AT_THE_END = re.compile(r"\[([^\[\]]+)\]\.?\s*$")
_PURE_NUMBER = "1"


def dotted(loc: Loc) -> str:
    """The location as it is written in messages: `offers[1].usd_per_hour`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def key_parts(key: str) -> tuple[str, ...]:
    """The parts of a dotted key; `offers[1].gpu` and `offers.1.gpu` are the same, and `[1].gpu` lies in a list."""
    dotted_key = _INDEX_IN_BRACKETS.sub(r".\1", key)
    return tuple((dotted_key[1:] if key.startswith("[") else dotted_key).split("."))


def longest_match(mapping: Mapping[Any, object], parts: Sequence[str]) -> int:
    """How many of the parts, joined by dots, are one key of the mapping; the longest counts, 0 if none is."""
    for count in range(len(parts), 0, -1):
        if ".".join(parts[:count]) in mapping:
            return count
    return 0


def locate_key(data: object, key: str) -> Loc:
    """The location of a dotted key in the data; names that hold dots themselves (`llama-3.1`) are found whole."""
    loc: list[str | int] = []
    parts = key_parts(key) if key else ()
    while parts:
        count = 1
        part: str | int = parts[0]
        if isinstance(data, Mapping):
            count = longest_match(data, parts) or 1
            part = ".".join(parts[:count])
        elif is_list(data) and parts[0].isdecimal():
            part = int(parts[0])
        loc.append(part)
        data = child_of(data, part)
        parts = parts[count:]
    return tuple(loc)


def value_at(data: object, loc: Loc) -> object:
    """The value at a location, None where the data end before."""
    for part in loc:
        data = child_of(data, part)
    return data


def with_value(data: Any, loc: Loc, value: Any) -> Any:
    """A copy of the data with a value set; only what lies on the way is copied."""
    if not loc:
        return value
    copied: Any = list(data) if isinstance(data, list | tuple) else dict(data)
    copied[loc[0]] = with_value(copied[loc[0]], loc[1:], value)
    return copied


def holds(data: object, part: str | int) -> bool:
    """Whether the data have this key or this index."""
    if isinstance(data, Mapping):
        return part in data
    return is_list(data) and isinstance(part, int) and 0 <= part < len(data)  # type: ignore[arg-type]


def child_of(data: object, part: str | int) -> object:
    """What stands under this key or index, None if there is none."""
    return data[part] if holds(data, part) else None  # type: ignore[index]


def longest_held(data: object, loc: Loc) -> Loc:
    """As much of a location as the data hold."""
    for place, part in enumerate(loc):
        if not holds(data, part):
            return loc[:place]
        data = child_of(data, part)
    return loc


def is_list(data: object) -> bool:
    """Whether the data are a list in a file."""
    return isinstance(data, Sequence) and not isinstance(data, str | bytes)


@dataclass(frozen=True)
class Place:
    """Where an error stands in the models: its key without union tags, and what is allowed there."""

    loc: Loc
    forms: tuple[_Form, ...]
    unit: str | None
    branches: tuple[tuple[int, str], ...]  # unions without a discriminator on the way: length of loc there, and member

    @property
    def field_names(self) -> list[str]:
        """The keys a mapping at this place may have, in the order of their declaration."""
        names = [name for form in _members(self.forms) for name in _fields(form.annotation)]
        return list(dict.fromkeys(names))

    @property
    def keys_in_words(self) -> str:
        """The keys of a mapping at this place in words, where its model says them."""
        return next((text for form in self.forms if (text := getattr(form.annotation, "keys_in_words", ""))), "")

    @property
    def literals(self) -> list[object]:
        """The single values that are allowed at this place."""
        return _literals(self.forms)

    def tags(self, discriminator: str) -> list[object]:
        """The values by which the members of a union at this place are told apart."""
        fields = [_fields(form.annotation).get(discriminator) for form in _members(self.forms)]
        return _literals(field for field in fields if field is not None)


@dataclass(frozen=True)
class _Form:
    """A type stripped of `Annotated` and of `None`, and the discriminator if it is a union that has one."""

    annotation: Any
    discriminator: str | Discriminator | None = None
    unit: str | None = None
    tag: str | None = None

    @property
    def is_union(self) -> bool:
        return get_origin(self.annotation) in (Union, types.UnionType)


def find_place(model: Any, data: object, loc: Loc) -> Place:
    """Walk the model class along an error's location.

    Pydantic's locations hold keys, indices and, where a union was tried, the tag or the name of its member. The types
    say which is which; below a type that says nothing (a validator of its own, `Any`) the data do.
    """
    forms: tuple[_Form, ...] = (_form(model),)
    unit: str | None = None
    found: list[str | int] = []
    branches: list[tuple[int, str]] = []
    for position, part in enumerate(loc):
        if part == "[key]" and position == len(loc) - 1:
            break
        if any(form.is_union for form in forms):
            if not any(form.discriminator for form in forms):
                branches.append((len(found), str(part)))
            forms = _chosen(forms, str(part))
            continue
        children = tuple(child for form in forms if (child := _child(form.annotation, part)) is not None)
        is_last = position == len(loc) - 1
        if children:
            unit = next((child.unit for child in children if child.unit), None if _has_fields(forms) else unit)
        elif not holds(value_at(data, tuple(found)), part) and not (is_last and _has_fields(forms)):
            continue  # a tag, of a union that the types do not show
        forms = children
        found.append(part)
    unit = next((form.unit for form in forms if form.unit), unit)
    return Place(tuple(found), forms, None if unit == _PURE_NUMBER else unit, tuple(branches))


def _form(annotation: Any, discriminator: str | Discriminator | None = None, unit: str | None = None) -> _Form:
    tag = None
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
            for item in metadata:
                if isinstance(item, FieldInfo):
                    discriminator = discriminator or item.discriminator
                    unit = unit or _unit(item)
                elif isinstance(item, Discriminator):
                    discriminator = discriminator or item
                elif isinstance(item, Tag):
                    tag = item.tag
        elif hasattr(annotation, "__value__"):  # a type alias
            annotation = annotation.__value__
        elif hasattr(annotation, "__supertype__"):  # a NewType
            annotation = annotation.__supertype__
        elif isinstance(annotation, type) and issubclass(annotation, RootModel) and "root" in annotation.model_fields:
            field = annotation.model_fields["root"]
            annotation, discriminator = field.annotation, discriminator or field.discriminator
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            if len(members) > 1:
                return _Form(annotation, discriminator, unit, tag)
            annotation = members[0]
        else:
            return _Form(annotation, None, unit, tag)


def _members(forms: Iterable[_Form]) -> list[_Form]:
    """The forms with their unions opened."""
    opened: list[_Form] = []
    for form in forms:
        if form.is_union:
            opened += _members(_form(member) for member in get_args(form.annotation) if member is not type(None))
        else:
            opened.append(form)
    return opened


def _literals(forms: Iterable[_Form]) -> list[object]:
    values: list[object] = []
    for form in _members(forms):
        if get_origin(form.annotation) is Literal:
            values += get_args(form.annotation)
        elif isinstance(form.annotation, type) and issubclass(form.annotation, Enum):
            values += [member.value for member in form.annotation]
    return list(dict.fromkeys(values))


def _chosen(forms: Iterable[_Form], tag: str) -> tuple[_Form, ...]:
    """The members of the unions that a tag, or the name pydantic gives a member, stands for; all if none is found."""
    members: list[_Form] = []
    chosen: list[_Form] = []
    for form in forms:
        if not form.is_union:
            members.append(form)
            continue
        for annotation in get_args(form.annotation):
            if annotation is type(None):
                continue
            member = _form(annotation)
            members.append(member)
            if _has_tag(member, form.discriminator, tag) if form.discriminator else _is_named(annotation, tag):
                chosen.append(member)
    return tuple(chosen or members)


def _has_tag(member: _Form, discriminator: str | Discriminator, tag: str) -> bool:
    if isinstance(discriminator, Discriminator):
        if not isinstance(discriminator.discriminator, str):
            return member.tag == tag
        discriminator = discriminator.discriminator
    if member.is_union:
        return any(_has_tag(inner, discriminator, tag) for inner in _members([member]))
    if not _is_model(member.annotation):
        return False
    field = member.annotation.model_fields.get(discriminator)
    values = get_args(field.annotation) if field is not None else ()
    return tag in [str(value.value if isinstance(value, Enum) else value) for value in values]


def _is_named(annotation: Any, name: str) -> bool:
    """Whether pydantic calls a member of a union so in its locations; one with validators `function-after[.., it]`."""
    try:
        title = TypeAdapter(annotation).validator.title
    except Exception:  # a type that stands only inside its model; the caller then keeps every member
        return False
    return name == title or (name.startswith("function-") and name.endswith(f", {title}]"))


def number_places(model: Any, data: object, is_wanted: Callable[[object], bool]) -> Iterator[tuple[Loc, bool]]:
    """Locations of wanted values where a number may stand, and whether it must be a whole one."""
    yield from _number_places((_form(model),), data, is_wanted, ())


def _number_places(
    forms: Sequence[_Form], value: object, is_wanted: Callable[[object], bool], loc: Loc
) -> Iterator[tuple[Loc, bool]]:
    members = _members(forms)
    kinds = {form.annotation for form in members}
    if is_wanted(value) and kinds & {int, float}:
        yield loc, float not in kinds
        return
    if isinstance(value, Mapping):
        entries: Iterable[tuple[str | int, object]] = value.items()
        members = [form for form in members if _may_be_of(form.annotation, value.get("kind"))]
    elif is_list(value):
        entries = enumerate(value)  # type: ignore[arg-type]
    else:
        return
    for part, child in entries:
        below = tuple(form for member in members if (form := _child(member.annotation, part)) is not None)
        yield from _number_places(below, child, is_wanted, (*loc, part))


def _may_be_of(annotation: Any, kind: object) -> bool:
    """Whether a mapping of this kind may be read by a type: models that have a kind tell."""
    form = _fields(annotation).get("kind")
    tags = _literals([form]) if form is not None else []
    return kind is None or not tags or kind in tags


def _child(annotation: Any, part: str | int) -> _Form | None:
    """The form of what stands under a key or an index, None if the type has no such child."""
    if _is_model(annotation):
        return _fields(annotation).get(part) if isinstance(part, str) else None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):
        return _form(arguments[1])
    if isinstance(part, int) and issubclass(origin, tuple) and Ellipsis not in arguments:
        return _form(arguments[part]) if part < len(arguments) else None
    if isinstance(part, int) and issubclass(origin, Iterable):
        return _form(arguments[0])
    return None


def _fields(annotation: Any) -> Mapping[str, _Form]:
    """The fields of a model by the name they have in a file; those that no file may hold are left out."""
    return _fields_of_model(annotation) if _is_model(annotation) else {}


@cache  # a model never changes, and every scenario is walked along the same ones
def _fields_of_model(model: type[BaseModel]) -> Mapping[str, _Form]:
    forms: dict[str, _Form] = {}
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
        forms[alias or name] = _form(field.annotation, field.discriminator, _unit(field))
    return types.MappingProxyType(forms)


@cache
def named_parts(model: type[BaseModel]) -> frozenset[str]:
    """Keys, anywhere below a model, whose mapping has names that the file gives, as `options`: their order counts."""
    found: set[str] = set()
    seen: set[Any] = set()

    def walk(annotation: Any, key: str) -> None:
        if _is_model(annotation):
            if annotation not in seen:
                seen.add(annotation)
                for name, form in _fields(annotation).items():
                    walk(form.annotation, name)
            return
        origin = get_origin(annotation)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            found.add(key)
        for argument in get_args(annotation):
            walk(argument, key)

    walk(model, "")
    return frozenset(found)


def _unit(field: FieldInfo) -> str | None:
    """The unit at the end of a field's description."""
    match = _UNIT_AT_THE_END.search(field.description or "")
    return match.group(1) if match else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _has_fields(forms: Iterable[_Form]) -> bool:
    return any(_is_model(form.annotation) for form in forms)
