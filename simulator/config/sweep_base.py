"""The base of a sweep: from the overrides of a point to its plan, and to what tells the point from every other one."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from simulator.config.field_lookup import holds, locate_key, value_at
from simulator.config.overrides import apply_overrides, override_document
from simulator.config.presets import first_found
from simulator.config.scenarios import check_plan
from simulator.config.yaml_reader import Document
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario

_ORIGIN = "sweep"
_FILE_KEYS = frozenset({"file", "preset", "measurements"})  # whose values may name a file
_MOST_WHOLE = 2**53  # a greater whole number is none of a float


@dataclass(frozen=True)
class NamedFile:
    """A file that a scenario names: where it was found, and what it holds."""

    path: Path
    digest: str
    content: bytes | None = None  # travels with the base to workers that may not see the file


@dataclass(frozen=True)
class SweepBase:
    """A scenario document to be solved with overrides, here or on a worker: it can be pickled.

    Attributes
    ----------
    document : Document
        The base scenario, overrides of the whole sweep applied.
    make_plan : function
        From a scenario to its plan; a function of a module, so that a worker finds it.
    files : mapping of NamedFile
        Files that the base or a point names, by the name as it is written.
    """

    document: Document
    make_plan: Callable[[Scenario], Plan]
    files: Mapping[str, NamedFile] = field(default_factory=dict)

    def plan_for(self, overrides: Mapping[str, Any]) -> Plan:
        """The plan of a point; raises `Faults` with everything wrong with it."""
        document = override_document(self.document, overrides, _ORIGIN)
        if self.files:
            paths = {name: str(_at_hand(file)) for name, file in self.files.items()}
            document = replace(document, data=_with_files(document.data, paths))
        return check_plan(document, self.make_plan, infeasible=False)

    def identity(self, overrides: Mapping[str, Any]) -> bytes:
        """What the result of a point follows from, but for the catalogue and the program.

        Two points have the same where their scenarios hold the same, in whatever order and spelling of numbers; files
        count by content, the title does not.

        Raises
        ------
        Faults
            If a key can't be set.
        """
        assert isinstance(self.document.data, Mapping)
        data = apply_overrides(self.document.data, overrides, _ORIGIN)
        data.pop("title", None)
        if self.files:
            data = _with_files(data, {name: file.digest for name, file in self.files.items()})
        return json.dumps(_plain(data), sort_keys=True, separators=(",", ":"), default=str).encode()

    def value_of(self, key: str) -> object:
        """What the base file sets a key to; raises `KeyError` where it does not."""
        loc = locate_key(self.document.data, key)
        if not holds(value_at(self.document.data, loc[:-1]), loc[-1]):
            raise KeyError(key)
        return value_at(self.document.data, loc)

    def carrying_files(self) -> SweepBase:
        """The base with the contents of its files, for workers that may not see them."""
        return replace(
            self, files={name: replace(file, content=file.path.read_bytes()) for name, file in self.files.items()}
        )


def files_named(document: Document, values: Iterable[object]) -> dict[str, NamedFile]:
    """Files that a scenario or values set over it name, looked for beside the scenario and in the working folder."""
    beside = Path() if document.name is None else Path(document.name).parent
    found: dict[str, NamedFile] = {}
    for name, is_set in [*((name, False) for name in _names_in(document.data)), *((name, True) for name in values)]:
        if not isinstance(name, str) or name in found or not Path(name).suffix:
            continue
        path = first_found(name, (Path(), beside) if is_set else (beside,))
        if path is not None and path.is_file():
            path = path.resolve()
            found[name] = NamedFile(path, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    return found


def _names_in(data: object) -> Iterator[str]:
    """Texts that may be names of files."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key in _FILE_KEYS and isinstance(value, str):
                yield value
            else:
                yield from _names_in(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _names_in(value)


def _with_files(data: Any, names: Mapping[str, str]) -> Any:
    """The data with other names of the files; everything else is the same object."""
    if isinstance(data, Mapping):
        return {
            key: names.get(value, value) if key in _FILE_KEYS and isinstance(value, str) else _with_files(value, names)
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [_with_files(value, names) for value in data]
    return data


def _at_hand(file: NamedFile) -> Path:
    return file.path if file.content is None else _unpacked(file.digest, file.path.name, file.content)


@lru_cache(maxsize=64)
def _unpacked(digest: str, name: str, content: bytes) -> Path:
    """The content as a file of this process, in a folder that goes with it."""
    folder = Path(_folder().name) / digest.partition(":")[2]
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="breakeven-")


def _plain(value: Any) -> Any:
    """Data in which what means the same is written the same: 3 as 3.0, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST_WHOLE:
        return float(value)
    return value
