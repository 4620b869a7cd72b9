"""Results of sweeps in one SQLite file: a row a point and option, by what the point is and what computed it.

Whoever writes holds a lock beside the file; who comes second waits. A batch of points is one transaction of the
write-ahead log, so that a program that is killed loses what was not solved yet, and nothing else.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from simulator.sweeping.points import FAULT, RESULT_COLUMNS, Row

NAME = "sweeps.sqlite"
FORMAT = 1
_APPLICATION = 0x62726576  # 'brev': what the file says it belongs to
_COLUMNS = tuple(RESULT_COLUMNS)
_BUSY_S = 60.0
_AT_ONCE = 500  # keys in one question


class StoreError(OSError):
    """The store can't be used; the message says why and what to do. Nothing that it holds was changed."""


@dataclass(frozen=True)
class Progress:
    """How far a sweep is. [points]"""

    solved: int  # faults among them
    faults: int


def point_key(identity: bytes, digest: str) -> str:
    """Key of a point: of what its result follows from, and of what computes it."""
    return hashlib.sha256(digest.encode() + b"\0" + identity).hexdigest()[:32]


class Store:
    """An open store. Use it in a `with`; errors of the file come as `StoreError`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def writing(cls, path: Path, on_wait: Callable[[], None] | None = None) -> Self:
        """Open a store to write, made if it is not there; calls `on_wait` before waiting for another writer.

        Raises
        ------
        StoreError
            If the file is none, damaged, of another format, or can't be written.
        """
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{path.name}.lock")
            beside.touch()  # where that can't be, the lock would wait for ever
            lock = FileLock(beside)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if on_wait is not None:
                    on_wait()
                lock.acquire()
            try:
                return cls(path, _opened(path, "rwc"), lock)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def reading(cls, path: Path) -> Self:
        """Open a store to read, also while another program writes; raises `StoreError` as `writing` does."""
        with _told(path):
            if not path.is_file():
                raise StoreError(f"{path}: no such store; it is made by the first run of a sweep")
            return cls(path, _opened(path, "rw"), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._connection.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def begin(self, sweep: str, name: str, title: str, size: int, version: str) -> None:
        """Enter a sweep by its key, with the number of its points; what is there of it stays."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?, ?, ?)", (sweep, name, title, size, version)
            )

    def enter(self, sweep: str, points: Iterable[tuple[int, str]]) -> None:
        """Enter points of a sweep, number and key."""
        rows = [(sweep, number, key) for number, key in points]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?)", rows)

    def known(self, keys: Sequence[str]) -> dict[str, bool]:
        """Points of which there are results, with whether they are a fault."""
        found: dict[str, bool] = {}
        with _told(self.path):
            for first in range(0, len(keys), _AT_ONCE):
                part = keys[first : first + _AT_ONCE]
                marks = ",".join("?" * len(part))
                question = f"SELECT key, status FROM results WHERE place = 0 AND key IN ({marks})"
                found |= {key: status == FAULT for key, status in self._connection.execute(question, part)}
        return found

    def add(self, solved: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """Keep the rows of some points, all of them or none; earlier rows of a point are replaced."""
        given = list(solved)
        rows = [
            (key, place, *(row[name] for name in _COLUMNS))
            for key, of_point in given
            for place, row in enumerate(of_point)
        ]
        with self._transaction():
            self._connection.executemany("DELETE FROM results WHERE key = ?", [(key,) for key, _ in given])
            self._connection.executemany(f"INSERT INTO results VALUES ({','.join('?' * (len(_COLUMNS) + 2))})", rows)

    def forget(self, sweep: str) -> None:
        """Forget the results of every point of a sweep, also where another sweep shares them."""
        with self._transaction():
            self._connection.execute(
                "DELETE FROM results WHERE key IN (SELECT key FROM points WHERE sweep = ?)", (sweep,)
            )

    def progress(self, sweep: str, among: Collection[int] | None = None) -> Progress:
        """How many points of a sweep are solved: of all, or among those of some numbers."""
        if among is not None:
            question = (
                "SELECT points.number, results.status FROM points "
                "JOIN results ON results.key = points.key AND results.place = 0 WHERE points.sweep = ?"
            )
            with _told(self.path):
                found = self._connection.execute(question, (sweep,))
                statuses = [status for number, status in found if number in among]
            return Progress(len(statuses), statuses.count(FAULT))
        question = (
            "SELECT count(*), coalesce(sum(results.status = ?), 0) FROM points "
            "JOIN results ON results.key = points.key AND results.place = 0 WHERE points.sweep = ?"
        )
        with _told(self.path):
            return Progress(*self._connection.execute(question, (FAULT, sweep)).fetchone())

    def rows(self, sweep: str) -> Iterator[tuple[Any, ...]]:
        """Number of the point and the values of `RESULT_COLUMNS`, by number, a point's baseline first."""
        question = (
            f"SELECT points.number, {', '.join(f'results.{name}' for name in _COLUMNS)} FROM points "
            "JOIN results ON results.key = points.key WHERE points.sweep = ? ORDER BY points.number, results.place"
        )
        with _told(self.path):
            yield from self._connection.execute(question, (sweep,))

    def count_rows(self, sweep: str) -> int:
        """How many rows `rows` gives."""
        question = "SELECT count(*) FROM points JOIN results ON results.key = points.key WHERE points.sweep = ?"
        with _told(self.path):
            return int(self._connection.execute(question, (sweep,)).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def bytes_of_rows(rows: Sequence[tuple[str, Sequence[Row]]], points: int) -> float:
    """Size that so many points like some that are solved take in a store. [bytes]"""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _make_tables(connection)
    empty = _size_bytes(connection)
    store, copies = Store(Path(":memory:"), connection, None), max(1, 1000 // len(rows))
    for copy in range(copies):
        keyed = [(hashlib.sha256(f"{copy} {key}".encode()).hexdigest()[:32], one) for key, one in rows]
        store.add(keyed)
        store.enter("0" * 32, [(copy * len(rows) + place, key) for place, (key, _) in enumerate(keyed)])
    used = _size_bytes(connection) - empty
    connection.close()
    return used / (copies * len(rows)) * points


def _size_bytes(connection: sqlite3.Connection) -> int:
    pages, size = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    return pages * size


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to a store, of the right format and with its tables."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_S, isolation_level=None
    )
    try:
        application, form = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
        )
        is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not (is_empty and application == 0) and application != _APPLICATION:
            raise StoreError(f"{path}: is a database of another program; give another --output, or move it away")
        if not is_empty and form != FORMAT:
            raise StoreError(
                f"{path}: is a store of another version (format {form}, this version has {FORMAT}); give another "
                "--output, or move it away"
            )
        if is_empty and mode != "rwc":
            raise StoreError(f"{path}: is empty so far")
        if mode == "rwc":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            _make_tables(connection)
            connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    """Tables of an empty store; what is there stays."""
    columns = ", ".join(f"{name} {kind.upper()}" for name, kind in RESULT_COLUMNS.items())
    connection.execute(
        "CREATE TABLE IF NOT EXISTS sweeps (key TEXT PRIMARY KEY, name TEXT, title TEXT, size INTEGER, version TEXT) "
        "WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS points (sweep TEXT, number INTEGER, key TEXT, PRIMARY KEY (sweep, number)) "
        "WITHOUT ROWID"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS results (key TEXT, place INTEGER, {columns}, PRIMARY KEY (key, place)) "
        "WITHOUT ROWID"
    )
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the database and of the file, in words that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_words(error)}") from None
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path}: {error.strerror or error}; nothing was written to it") from None


def _words(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", None) or ""
    kept = "what was solved before is kept, the same command goes on from there"
    if name.startswith("SQLITE_FULL"):
        return f"the disk is full; {kept} once there is room"
    if name.startswith("SQLITE_IOERR"):
        return f"can't be written or read further ({error}): is the disk full, or a size limit reached? {kept}"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"is damaged, or no store ({error}); nothing was written to it; move it away, or give another --output"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return f"can't be written ({error}); give another --output"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"another program holds it ({error}); {kept}"
    return f"{error}; {kept}"
