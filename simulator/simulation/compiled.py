"""Decorators for compiled code: ahead of time by signature, kept on disk where a cache folder can be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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


class _WhenCalled:
    """A function compiled when it is first called, or handed on."""

    def __init__(self, signature: Any, function: Callable[..., Any]) -> None:
        self._signature, self.py_func = signature, function
        self._ready: Any = None

    @property
    def compiled(self) -> Any:
        """The compiled function itself, to hand to another compiled one."""
        if self._ready is None:
            self._ready = compiled(self._signature)(self.py_func)
        return self._ready

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled(*arguments)


def compiled_when_called(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """The same, but not before the first use: for what few scenarios need, since every function takes time to load."""
    return lambda function: _WhenCalled(signature, function)


def part_of_compiled(function: Callable[..., Any]) -> Any:
    """A function that compiled ones of the same file call: compiled with them, and never loaded by itself."""
    return numba.njit(error_model="numpy")(function)


class _HandedOn:
    """The address of a compiled function, as numba asks for it (its wrapper address protocol)."""

    def __init__(self, function: Any) -> None:
        signature = function.nopython_signatures[0]
        made = function.get_compile_result(signature)
        self._function = function  # holds the code that the address is of
        self._address = made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name)
        self._numba_type_ = numba.types.FunctionType(signature)

    def signature(self) -> Any:
        """What it takes and returns."""
        return self._numba_type_.signature

    def __wrapper_address__(self) -> int:
        return int(self._address)


@cache  # one for each compiled function
def handed_on(function: Any) -> Any:
    """A compiled function as an argument of another one: numba looks the address of a bare one up at every call."""
    return _HandedOn(function) if hasattr(function, "nopython_signatures") else function
