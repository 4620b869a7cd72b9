"""Plain scalars by the rules of the YAML 1.2 core schema, digits maybe grouped."""

from __future__ import annotations

import re
from collections.abc import Callable


def _without_underscores(text: str) -> str:
    return text.replace("_", "")


_DIGITS = "[0-9]+(?:_[0-9]+)*"

# The YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), with grouped digits.
_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(rf"[-+]?{_DIGITS}"), lambda text: _whole_number(text)),
    (
        re.compile(rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?"),
        lambda text: float(_without_underscores(text)),
    ),
    (re.compile(r"null|Null|NULL|~|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda text: float("nan")),
)
_STARTS_OF_VALUES = frozenset("0123456789+-.~nNtTfF")
_LONGEST_NUMBER = 400  # characters; the largest floating-point number has 309 digits


def plain_scalar(text: str) -> object:
    """The value of text without quotes by the rules of YAML 1.2: a number, true, false, null, or the text itself."""
    if text and text[0] not in _STARTS_OF_VALUES:
        return text
    for pattern, value_of in _PLAIN:
        if pattern.fullmatch(text):
            return value_of(text)
    return text


def _whole_number(text: str) -> int | float:
    digits = _without_underscores(text)
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def is_too_large(text: str, value: int | float) -> bool:
    """Whether a number that was written out does not fit a floating-point number."""
    try:
        return float(value) in (float("inf"), float("-inf")) and "inf" not in text.lower()
    except OverflowError:
        return True
