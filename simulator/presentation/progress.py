"""How far a long piece of work is, on stderr: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

EVERY_S = 10.0

Report = Callable[[int], None]  # called with what is done


@contextmanager
def progress_of(
    total: int, what: str, stream: IO[str], clock: Callable[[], float] = time.monotonic
) -> Iterator[Report]:
    """Show progress while the block runs.

    Parameters
    ----------
    total : int
        How many there are.
    what : str
        What they are: `points`.
    stream : text stream
        Where it is shown.
    clock : function
        Seconds that only ever rise.

    Yields
    ------
    function
        To be called with how many are done.
    """
    if not stream.isatty():
        yield _Lines(total, what, stream, clock).report
        return
    from rich.console import Console

    columns = (
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=total, rate="")
        begin = clock()

        def report(done: int) -> None:
            bar.update(task, completed=done, rate=rate_text(done, clock() - begin, what))

        yield report


class _Lines:
    """Plain lines, no two of them within ten seconds."""

    def __init__(self, total: int, what: str, stream: IO[str], clock: Callable[[], float]) -> None:
        self._total, self._what, self._stream, self._clock = total, what, stream, clock
        self._begin = self._last = clock()

    def report(self, done: int) -> None:
        now = self._clock()
        if now - self._last < EVERY_S:
            return
        self._last = now
        took = now - self._begin
        left = duration(took / done * (self._total - done)) if done else "unknown"
        rate = rate_text(done, took, self._what)
        self._stream.write(f"{done:,} of {self._total:,} {self._what}, {rate}, {left} left\n")
        self._stream.flush()


def rate_text(done: int, seconds: float, what: str) -> str:
    """So many a second, or a minute where that is few."""
    each = done / seconds if seconds > 0 else 0.0
    return f"{each:,.1f} {what}/s" if each >= 1 or each == 0 else f"{60 * each:,.1f} {what}/min"


def duration(seconds: float) -> str:
    """A length of time in its two greatest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for place, (name, length) in enumerate(units):
        if whole >= length:
            count, rest = divmod(whole, length)
            if name == "s":
                break
            below, of_below = units[place + 1]
            more = rest // of_below
            return f"{count} {name}" + (f" {more} {below}" if more else "")
    return f"{whole} s"


def size_text(size_bytes: float) -> str:
    """A size in the unit that fits it."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= length:
            return f"{size_bytes / length:.3g} {unit}"
    return f"{size_bytes:.0f} bytes"
