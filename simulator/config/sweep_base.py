"""The base of a sweep: from the overrides of a point to its plan, and to what tells the point from every other one."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from simulator.config.field_lookup import Loc, holds, key_parts, locate_key, named_parts, value_at, with_value
from simulator.config.overrides import override_document
from simulator.config.presets import ENDINGS, bundled_presets, first_found
from simulator.config.scenarios import check_plan
from simulator.config.yaml_reader import Document
from simulator.domain.plans import Plan
from simulator.domain.scenario import Scenario

_ORIGIN = "sweep"
_PRESET, _BESIDE_ONLY = "preset", "measurements"
_FILE_KEYS = frozenset({"file", _PRESET, _BESIDE_ONLY})  # whose values may name a file
_MOST_WHOLE = 2**53  # a greater whole number is none of a float

Reference: TypeAlias = tuple[str, bool, str]  # key; whether an override set it; name, as it is written


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
        Files that the base or a point names.
    """

    document: Document
    make_plan: Callable[[Scenario], Plan]
    files: Mapping[Reference, NamedFile] = field(default_factory=dict)

    def plan_for(self, overrides: Mapping[str, Any]) -> Plan:
        """The plan of a point; raises `Faults` with everything wrong with it."""
        document = override_document(self.document, overrides, _ORIGIN)
        if self.files:
            paths = {reference: str(_at_hand(file)) for reference, file in self.files.items()}
            document = replace(document, data=_with_files(document, paths))
        return check_plan(document, self.make_plan, infeasible=False)

    def identity(self, overrides: Mapping[str, Any]) -> bytes:
        """What the result of a point follows from, but for the catalogue and the program.

        Two points have the same where their scenarios hold the same, in whatever spelling of numbers; the order counts
        of what the scenario names itself, as its options, whose first is the baseline where none is given. Files count
        by content, the title does not.

        Raises
        ------
        Faults
            If a key can't be set.
        """
        document = override_document(self.document, overrides, _ORIGIN)
        digests = {reference: file.digest for reference, file in self.files.items()}
        data = _with_files(document, digests) if digests else document.data
        assert isinstance(data, Mapping)
        plain = _plain({key: value for key, value in data.items() if key != "title"})
        return json.dumps(plain, separators=(",", ":"), default=str).encode()

    def value_of(self, key: str) -> object:
        """What the base file sets a key to; raises `KeyError` where it does not."""
        loc = locate_key(self.document.data, key)
        if not holds(value_at(self.document.data, loc[:-1]), loc[-1]):
            raise KeyError(key)
        return value_at(self.document.data, loc)

    def carrying_files(self) -> SweepBase:
        """The base with the contents of its files, for workers that may not see them."""
        carried = {reference: _read(file.path, with_content=True) for reference, file in self.files.items()}
        return replace(self, files=carried)


def files_named(document: Document, overrides: Iterable[tuple[str, object]]) -> dict[Reference, NamedFile]:
    """Files that a scenario and what is set over it name.

    They are looked for beside the scenario; what an override names, but for measurements, in the working folder first.
    """
    beside = Path() if document.name is None else Path(document.name).parent
    references = dict.fromkeys(reference for reference, _ in _references(document.data, document))
    for key, value in overrides:
        references |= dict.fromkeys(reference for reference, _ in _references({key_parts(key)[-1]: value}, None))
    found: dict[Reference, NamedFile] = {}
    for key, is_set, name in references:
        if key == _PRESET and (name in bundled_presets() or not name.endswith(ENDINGS)):
            continue
        path = first_found(name, (Path(), beside) if is_set and key != _BESIDE_ONLY else (beside,))
        if path is not None and path.is_file():
            found[key, is_set, name] = _read(path.resolve())
    return found


def _read(path: Path, *, with_content: bool = False) -> NamedFile:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}{path.suffix}"  # the ending tells how it is read
    return NamedFile(path, digest, content if with_content else None)


def _references(data: object, document: Document | None, loc: Loc = ()) -> Iterator[tuple[Reference, Loc]]:
    """What may name a file, and where; without a document an override has set all of it."""
    parts: Iterable[tuple[Any, object]] = ()
    if isinstance(data, Mapping):
        parts = data.items()
    elif isinstance(data, list | tuple):
        parts = enumerate(data)
    for part, value in parts:
        at = (*loc, part)
        if part in _FILE_KEYS and isinstance(value, str):
            yield (part, document is None or document.is_overridden(at), value), at
        else:
            yield from _references(value, document, at)


def _with_files(document: Document, names: Mapping[Reference, str]) -> Any:
    """The data of a document with other names of the files."""
    data = document.data
    for reference, loc in list(_references(data, document)):
        if reference in names:
            data = with_value(data, loc, names[reference])
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


def _plain(value: Any, key: str = "") -> Any:
    """Data in which what means the same is written the same: 3 as 3.0, tuples as lists, keys of the format in order."""
    if isinstance(value, Mapping):
        entries = (
            value.items() if key in named_parts(Scenario) else sorted(value.items(), key=lambda entry: str(entry[0]))
        )
        return {str(name): _plain(entry, str(name)) for name, entry in entries}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST_WHOLE:
        return float(value)
    return value
