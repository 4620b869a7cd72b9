"""Reads the files of the catalogue: YAML 1.2 numbers, no repeated keys, faults in one line with file and key."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.domain.base import Model, Sourced

ModelT = TypeVar("ModelT", bound=Model)

_PROVENANCE = ("source", "as_of", "unverified")

if TYPE_CHECKING:
    from yaml import SafeLoader as _BaseLoader
else:  # libyaml is ten times as fast, where PyYAML was built with it
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _FactLoader(_BaseLoader):
    """The core schema of YAML 1.2: `85.5e9` is a number, `no` and `12:30` are text, a repeated key is a fault."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - replaces PyYAML's own table, declared like this

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' is repeated", node.start_mark)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


for _tag, _pattern, _first_characters in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _FactLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first_characters)
    )


@cache
def ids_in(folder: str, kind: str) -> tuple[str, ...]:
    """Names, without `.yaml`, of the files in `hardware/<kind>` or the like, in order; no file is opened."""
    return tuple(sorted(path.stem for path in (data_folder(folder) / kind).glob("*.yaml")))


def path_of(folder: str, kind: str, identifier: str) -> Path:
    """File of the thing called `identifier`; raises `UnknownId` if there is none."""
    if identifier not in ids_in(folder, kind):
        raise UnknownId(identifier, ids_in(folder, kind))
    return data_folder(folder) / kind / f"{identifier}.yaml"


def read_mapping(path: Path) -> dict[str, Any]:
    """Content of a YAML file that holds one mapping; raises ValueError with file, line and fault."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_FactLoader)
    except yaml.MarkedYAMLError as fault:
        line = f":{fault.problem_mark.line + 1}" if fault.problem_mark else ""
        raise ValueError(f"{shown(path)}{line}: {fault.problem}") from fault
    if not isinstance(content, dict):
        raise ValueError(f"{shown(path)}: must hold a mapping, is {content!r}")
    return content


def read_facts(kind: type[Model], path: Path) -> dict[str, Any]:
    """Content of the file of one `kind`, where every figure without a source of its own has been given the file's.

    `source`, `as_of` and `unverified` may stand once for a file: `layers: 80` then means a value of that source, and so
    does a mapping without `source`. Raises ValueError as `read_mapping` does, or if the file's source is incomplete.
    """
    content = read_mapping(path)
    common = {key: content.pop(key) for key in _PROVENANCE if key in content}
    if common:
        for key in ("source", "as_of"):
            if key not in common:
                raise ValueError(f"{shown(path)}: {key}: is missing, as the file gives {' and '.join(common)}")
    for name in _sourced_fields(kind):
        given = content.get(name)
        if given is not None:
            figure = given if isinstance(given, dict) else {"value": given}
            content[name] = figure if "source" in figure else common | figure
    return content


@cache
def _sourced_fields(kind: type[Model]) -> tuple[str, ...]:
    """Names of the fields that hold a figure, or a statement, with a source."""

    def is_sourced(annotation: Any) -> bool:
        return any(isinstance(one, type) and issubclass(one, Sourced) for one in (annotation, *get_args(annotation)))

    return tuple(name for name, field in kind.model_fields.items() if is_sourced(field.annotation))


def parsed(kind: type[ModelT], content: Mapping[str, Any], path: Path, prefix: str = "") -> ModelT:
    """`content` as an object of `kind`; raises ValueError with file, key, what was given and what is allowed."""
    try:
        return kind.model_validate(content)
    except ValidationError as fault:
        faults = "; ".join(_worded(prefix, error) for error in fault.errors(include_url=False))
        raise ValueError(f"{shown(path)}: {faults}") from fault


def shown(path: Path) -> str:
    """The file as it is called in messages: from the folder of the catalogue on."""
    for folder in path.parents:
        if folder.name in ("hardware", "prices"):
            return path.relative_to(folder.parent).as_posix()
    return path.as_posix()


def _worded(prefix: str, error: Any) -> str:
    if not error["loc"] and not prefix:  # of the whole; it names its keys itself
        return str(error["msg"]).removeprefix("Value error, ")
    key = prefix
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if error["type"] == "missing":
        return f"{key}: is missing"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    return f"{key}: is {error['input']!r}, {error['msg'][0].lower()}{error['msg'][1:]}"
