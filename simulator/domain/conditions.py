"""Conditions on keys, as a sweep states them: `options.fleet.autoscaling.maximum >= options.fleet.autoscaling.minimum`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt, "==": operator.eq, "!=": operator.ne}
)
_WORDS: Mapping[str, bool | None] = MappingProxyType({"true": True, "false": False, "null": None})


@dataclass(frozen=True)
class Condition:
    """A key held against a number, a text or another key."""

    key: str
    operator: str
    other: str

    @classmethod
    def parsed(cls, text: str) -> Condition:
        """The condition in a text of three parts with blanks between; raises `ValueError` where it is none."""
        parts = text.split()
        if len(parts) != 3 or parts[1] not in _OPERATORS:
            raise ValueError(
                f"is '{text}', must be KEY OPERATOR VALUE with one of {' '.join(_OPERATORS)} between blanks"
            )
        return cls(*parts)

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.key} {self.operator} {self.other}"

    def holds(self, value_of: Callable[[str], object]) -> bool:
        """Whether it is met.

        Parameters
        ----------
        value_of : function
            From a dotted key to its value; raises `KeyError` where there is no such key.

        Raises
        ------
        ValueError
            If there is no such key, or a number is to be greater or less than a text.
        """
        try:
            value = value_of(self.key)
        except KeyError:
            raise ValueError(f"is '{self.text}', but neither the sweep nor its base sets {self.key}") from None
        other = self._other(value_of)
        try:
            return bool(_OPERATORS[self.operator](value, other))
        except TypeError:
            raise ValueError(f"is '{self.text}', but {value!r} and {other!r} are neither greater nor less") from None

    def _other(self, value_of: Callable[[str], object]) -> object:
        """The number, the value of the key, or the text on the right."""
        if self.other in _WORDS:
            return _WORDS[self.other]
        try:
            return float(self.other)
        except ValueError:
            pass
        try:
            return value_of(self.other)
        except KeyError:
            return self.other.strip("'\"")
