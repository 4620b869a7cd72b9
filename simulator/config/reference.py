"""Every key of a scenario file as a page for people, from the same models that check the file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from simulator.config.presets import bundled_presets
from simulator.domain.scenario import Scenario

_FROM_PRESET = ("workload",)  # required of the file unless a preset or a recording tells it

_HEAD = """# Scenario files

Every key, its default and what it means. Made by `breakeven schema --markdown`; `breakeven schema` prints the same for
editors. Numbers follow YAML 1.2 (`1e6`, `250_000`); units are in the names; a month is 730 hours.

In place of any number but those below `uncertainty` a distribution may stand, such as `{p10: 1.8, p50: 2.2, p90: 3.5}`;
its keys are those of `uncertainty.inputs.<name>` below. `breakeven run` takes its median, `breakeven risk` tells what
follows from not knowing it.
"""


def reference_markdown() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    seen: set[type[BaseModel]] = set()
    queue: list[tuple[str, type[BaseModel]]] = [("the file", Scenario)]
    while queue:
        path, model = queue.pop(0)
        if model in seen:
            continue
        seen.add(model)
        parts.append(_section(path, model))
        for name, field in model.model_fields.items():
            if field.exclude:
                continue
            below = name if model is Scenario else f"{path.split(', ')[0]}.{name}"
            queue += [(_path(below, field, member), member) for member in _models(field.annotation)]
    return "\n".join(parts)


def _path(below: str, field: FieldInfo, member: type[BaseModel]) -> str:
    if get_origin(field.annotation) is dict:
        below += ".<name>"
    if get_origin(field.annotation) is tuple:
        below += "[]"
    keys = getattr(member, "keys_in_words", "")  # tells the members of a union apart that have no kind
    if keys:
        return f"{below}, with {keys}"
    return f"{below}, kind `{_tag(member)}`" if _tag(member) else below


def _tag(model: type[BaseModel]) -> str:
    """The value of `kind` by which a member of a union is known; empty where a model is none, or of several kinds."""
    values = get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ()
    return str(values[0]) if len(values) == 1 else ""


def _section(path: str, model: type[BaseModel]) -> str:
    summary = " ".join((model.__doc__ or "").split())
    lines = [f"## {path}", "", summary, "", "| key | given as | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if not (field.exclude or (name == "kind" and _tag(model))):
            default = "from the preset" if name in _FROM_PRESET and model is Scenario else _default(field)
            lines.append(f"| `{name}` | {_given_as(name, field)} | {default} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if field.default_factory is not None or value is PydanticUndefined:
        return "see below" if list(_models(field.annotation)) else "none"
    if value is None or value == ():
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _given_as(name: str, field: FieldInfo) -> str:
    if name == "preset":
        return " or ".join([*(f"`{preset}`" for preset in bundled_presets()), "a YAML file"])
    return _cell(" or ".join(dict.fromkeys(_kinds(field.annotation))))


def _kinds(annotation: Any) -> Iterable[str]:
    """What a person would write for a type, in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _kinds(member)
    elif origin is Literal:
        yield " or ".join(f"`{value}`" for value in get_args(annotation))
    elif origin is dict:
        yield "mapping by name"
    elif origin is tuple:
        yield "list"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "mapping"
    elif annotation is not NoneType:
        names = {float: "number", int: "whole number", bool: "`true` or `false`", str: "text"}
        names |= {date: "date", datetime: "date and time"}
        yield names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    """Models that a type holds, at whatever depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for member in get_args(annotation):
        yield from _models(member)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
