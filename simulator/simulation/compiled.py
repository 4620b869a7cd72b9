"""Decorators for compiled code: ahead of time by signature, kept on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature and cache it on disk; uncached where no folder can be written.

    With `NUMBA_DISABLE_JIT=1` the plain Python function comes back.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(signature, cache=True, error_model="numpy")(function)
        except (RuntimeError, OSError):
            return numba.njit(signature, cache=False, error_model="numpy")(function)

    return decorate


def part_of_compiled(function: Callable[..., Any]) -> Any:
    """A function that compiled ones of the same file call: compiled with them, and never loaded by itself."""
    return numba.njit(error_model="numpy")(function)
