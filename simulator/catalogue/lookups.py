"""Look-ups of one option of a scenario: what fails becomes a fault at its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.notes import Notes

T = TypeVar("T")


@dataclass(frozen=True)
class Lookup:
    """Look-ups of one option; what fails becomes a fault at its key."""

    path: str
    name: str
    notes: Notes

    def find(self, key: str, identifier: str | None, find: Callable[[str], T]) -> T | None:
        """What `find` finds; None without an id, or where there is no such thing, which is noted."""
        if identifier is None:
            return None
        try:
            return find(identifier)
        except UnknownId as error:
            self.fault(key, str(error))
            return None

    def fault(self, key: str, text: str, *, infeasible: bool = False) -> None:
        """Note what is wrong at a key of the option."""
        self.notes.fault(self.name, f"{self.path}.{key}" if key else self.path, text, infeasible=infeasible)
