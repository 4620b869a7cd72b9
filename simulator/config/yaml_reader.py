"""YAML 1.2 as plain data with the line of every key; every fault of a file in one run.

PyYAML follows YAML 1.1: it reads `1e6` as text, `12:30` as 750, `no` as False, and lets the last of two equal keys win.
Only its parser is used here. The values are made from the parser's events by the rules of the YAML 1.2 core schema (and
digits may be grouped, `250_000`), without recursion and without expanding aliases.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simulator.config.faults import LONGEST_VALUE, Fault, Faults, shown
from simulator.config.field_lookup import Loc, dotted
from simulator.config.yaml_scalars import is_too_large, plain_scalar

MOST_BYTES = 1_000_000
MOST_VALUES = 100_000  # mappings, lists, keys and scalars, those behind aliases counted every time
MOST_LEVELS = 50

EVENT_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it

BYTES_PER_MB = 1e6


@dataclass(slots=True)
class Node:
    """A value of a document: where it starts, and the line and node of each key or entry.

    `values` counts it and everything below it, `levels` the mappings and lists on the longest way down.
    """

    line: int
    value: Any
    children: dict[str | int, tuple[int, Node]] = field(default_factory=dict)
    values: int = 1
    levels: int = 0


@dataclass(frozen=True)
class Document:
    """What a user wrote, as plain data, with the place of every key.

    `name` is the file's, None for a mapping from Python; `overridden` holds the locations that were set from outside
    the file, with how (`--set a.b=1`); `merged` those that another key brought in (a preset), with the location of that
    key.
    """

    name: str | None
    data: object
    lines: Node | None = None
    overridden: Mapping[Loc, str] = field(default_factory=dict)
    merged: Mapping[Loc, Loc] = field(default_factory=dict)

    def line_of(self, loc: Loc) -> int | None:
        """The line of the key at `loc`, or of its deepest ancestor in the file; None without a file.

        Parts of `loc` that are no key where they stand (the tag of a union) are passed over.
        """
        if self.lines is None:
            return None
        line, node = self.lines.line, self.lines
        for part in loc:
            if part in node.children:
                line, node = node.children[part]
        return line

    def place_of(self, loc: Loc) -> tuple[str | None, int | None]:
        """File and line of a key, of the one that brought it in, or in place of both the override that set it."""
        loc = self.origin_of(loc) or loc
        for length in range(len(loc), -1, -1):
            if loc[:length] in self.overridden:
                return self.overridden[loc[:length]], None
        return self.name, self.line_of(loc)

    def is_overridden(self, loc: Loc) -> bool:
        """Whether the key, or one that it lies in, was set from outside the file."""
        return any(loc[:length] in self.overridden for length in range(len(loc) + 1))

    def origin_of(self, loc: Loc) -> Loc | None:
        """The location of the key that brought this one in, None where the user gave it."""
        return next((self.merged[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self.merged), None)


def read_document(path: Path, at_least: str = "one key") -> Document:
    """The document in a file; `at_least` says in the message for an empty file what it must hold."""
    return parse_document(_text_of(path), str(path), at_least)


def parse_document(text: str, name: str, at_least: str = "one key") -> Document:
    """The document in a text; raises `Faults` with everything that is wrong with it as YAML."""
    root = _parse(text, name)
    if root is None or root.value is None:
        raise Faults([Fault(name, None, "", f"is empty, must be a mapping with at least {at_least}")])
    if not isinstance(root.value, dict):
        raise Faults(
            [Fault(name, root.line, "", f"must be a mapping with at least {at_least}, is {shown(root.value)}")]
        )
    return Document(name, root.value, root)


def parse_value(text: str, name: str) -> object:
    """One value by the same rules, `[1, 2]` and `{a: 1}` included; an empty text is None."""
    root = _parse(text, name)
    return None if root is None else root.value


def _text_of(path: Path) -> str:
    def fault(message: str, line: int | None = None) -> Faults:
        return Faults([Fault(str(path), line, "", message)])

    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise fault("is a folder, must be a file")
        if status.st_size > MOST_BYTES:
            size = math.ceil(status.st_size / BYTES_PER_MB * 100) / 100
            raise fault(f"is {size:g} MB, must be at most {MOST_BYTES / BYTES_PER_MB:g} MB")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise fault("no such file") from None
    except PermissionError:
        raise fault("cannot be read: no permission") from None
    except OSError as error:
        raise fault(f"cannot be read: {error.strerror}") from None
    except Faults:
        raise
    except ValueError as error:  # a name that no file can have
        raise fault(f"cannot be read: {error}") from None
    if len(content) > MOST_BYTES:  # a pipe, which has no size beforehand
        raise fault(f"is longer than {MOST_BYTES / BYTES_PER_MB:g} MB")
    if b"\0" in content:
        raise fault("is a binary file or not in UTF-8, must be text in UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise fault(f"holds the byte 0x{content[error.start]:02x}, must be text in UTF-8", line) from None


_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INDENTED_BY_TAB = re.compile(r"^ *\t[ \t]*[^ \t\r\n#]", re.MULTILINE)


def _parse(text: str, name: str) -> Node | None:
    """The root of the only document in a text, None if the text holds nothing but comments."""
    text = text.removeprefix("\ufeff")
    for pattern, message in (
        (_NOT_TEXT, "holds a control character, must be text"),
        (_INDENTED_BY_TAB, "is indented by a tab, must be by spaces"),
    ):
        if match := pattern.search(text):
            raise Faults([Fault(name, text.count("\n", 0, match.start()) + 1, "", message)])
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=EVENT_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.faults.append(Fault(name, _line_of_error(error, text), "", _syntax_message(error)))
    except Faults:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # such as an impossible \\U escape
        builder.faults.append(Fault(name, None, "", f"is not valid YAML: {error}"))
    if builder.faults:
        raise Faults(builder.faults)
    return builder.root


def _line_of_error(error: yaml.MarkedYAMLError, text: str) -> int | None:
    mark = error.problem_mark or error.context_mark
    last = text.rstrip().count("\n") + 1
    return None if mark is None else min(int(mark.line) + 1, last)


_HINTS = {
    "mapping values": "keys of one mapping must start in the same column, text that holds ': ' must be in quotes",
    "cannot start any token": "text that starts with @, % or ` must be in quotes",
    "expected key": "keys of one mapping must start in the same column",
    "expected <block end>": "keys of one mapping must start in the same column",
    "unexpected end of stream": "a quote is not closed",
}


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    message = f"is not valid YAML: {error.problem}"
    if error.context and error.context_mark is not None:
        message += f" {error.context} that starts in line {error.context_mark.line + 1}"
    hint = next((hint for sign, hint in _HINTS.items() if sign in (error.problem or "")), None)
    return f"{message}; {hint}" if hint else message


_NO_KEY: Any = object()  # no key was read yet, or one that cannot be used


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: Node
    is_mapping: bool
    key: Any = _NO_KEY
    key_line: int = 0
    awaits_value: bool = False


class _Builder:
    """Makes nodes of the parser's events, and gathers the faults that the parser lets pass."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._values = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(line, "starts a second document, must be one document in a file")
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._aliased(str(event.anchor), line), line)
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event.tag, line)
            self._count(1, line)
            node = Node(line, self._scalar(event, line))
            self._anchor(event.anchor, node)
            if event.value == "<<" and event.implicit[0] and self._awaits_key():
                self._fault(line, "merge keys (<<) are not read, write the keys out")
                self._key(_NO_KEY, line)
            else:
                self._place(node, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_tag(event.tag, line)
            self._count(1, line)
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            node = Node(line, {} if is_mapping else [], levels=1)
            self._anchor(event.anchor, node)
            self._open.append(_Open(node, is_mapping))
            self._limit_levels(0, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop().node
            for _, child in node.children.values():
                node.values += child.values + isinstance(node.value, dict)  # a key is one
                node.levels = max(node.levels, child.levels + 1)
            self._place(node, node.line)

    def _place(self, node: Node, line: int) -> None:
        """Put a finished node where the parser is: as the root, an entry, a key or the value of a key."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if not parent.is_mapping:
            parent.node.children[len(parent.node.value)] = (line, node)
            parent.node.value.append(node.value)
        elif not parent.awaits_value:
            self._key(self._checked_key(node, line), line)
        else:
            parent.awaits_value = False
            if parent.key is not _NO_KEY:
                parent.node.children[parent.key] = (parent.key_line, node)
                parent.node.value[parent.key] = node.value
            parent.key = _NO_KEY

    def _key(self, key: Any, line: int) -> None:
        parent = self._open[-1]
        parent.key, parent.key_line, parent.awaits_value = key, line, True

    def _checked_key(self, node: Node, line: int) -> Any:
        siblings = self._open[-1].node.children
        if isinstance(node.value, dict | list):
            self._fault(line, f"a key is {shown(node.value)}, must be text")
        elif not isinstance(node.value, str):
            quoted = "" if node.value is None else ", written in quotes"
            number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
            comma = "; a number is written without commas, such as 40_000" if number else ""
            self._fault(line, f"a key is {shown(node.value)}, must be text{quoted}{comma}")
        elif node.value in siblings:
            self._fault(line, f"repeated key, first given in line {siblings[node.value][0]}", node.value)
        else:
            return node.value
        return _NO_KEY

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._open[-1].is_mapping and not self._open[-1].awaits_value

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> object:
        if not event.implicit[0]:  # quoted
            return event.value
        value = plain_scalar(event.value)
        if isinstance(value, float | int) and is_too_large(event.value, value):
            self._fault(line, f"is {shown(event.value)}, too large for a number", *self._path_of_value())
            return None
        return value

    def _anchor(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _aliased(self, anchor: str, line: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            self._fault(line, f"alias *{anchor} has no anchor &{anchor} before it", *self._path_of_value())
            return Node(line, None)
        if any(parent.node is node for parent in self._open):
            self._fault(line, f"alias *{anchor} stands inside its own anchor", *self._path_of_value())
            return Node(line, None)
        self._count(node.values, line)
        self._limit_levels(node.levels, line)
        return node

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        if tag is not None:
            short = tag.replace("tag:yaml.org,2002:", "!!")[:LONGEST_VALUE]
            self._fault(line, f"tags ({short}) are not read, write the plain value", *self._path_of_value())

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            self._stop(line, f"holds more than {MOST_VALUES:,} values (aliases counted each time), must be fewer")

    def _limit_levels(self, below: int, line: int) -> None:
        if len(self._open) + below > MOST_LEVELS:
            self._stop(line, f"is nested deeper than {MOST_LEVELS} levels")

    def _path(self) -> Loc:
        """The location of the mapping or list that is being read."""
        return tuple(_part(parent) for parent in self._open[:-1] if parent.key is not _NO_KEY or not parent.is_mapping)

    def _path_of_value(self) -> Loc:
        """The last part of the location of the value that is being read; nothing for a key."""
        if not self._open or self._awaits_key():
            return ()
        parent = self._open[-1]
        return () if parent.is_mapping and parent.key is _NO_KEY else (_part(parent),)

    def _fault(self, line: int, message: str, *parts: str | int) -> None:
        self.faults.append(Fault(self.name, line, dotted((*self._path(), *parts)), message))

    def _stop(self, line: int, message: str) -> None:
        raise Faults([*self.faults, Fault(self.name, line, "", message)])


def _part(parent: _Open) -> str | int:
    return str(parent.key) if parent.is_mapping else len(parent.node.value)
