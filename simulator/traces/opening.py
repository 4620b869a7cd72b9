"""Bytes of a trace file: packed or not, text or not, and whether they end where a file should."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from simulator.traces.faults import fault

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 65_536
_TAIL_BYTES = 65_536
_ALLOWED = "text (CSV, JSON, JSONL, an access log), gzip of it, or Parquet"


@dataclass(frozen=True)
class Source:
    """A file that exists and holds something: its packing is told by its first bytes, never by its name."""

    path: Path
    packed: bool  # gzip
    parquet: bool
    head: str  # the first 64 KiB, unpacked; empty for Parquet

    def text(self, errors: str = "strict") -> WatchedText:
        """The unpacked text from its start."""
        return WatchedText(self, errors)

    def lines(self, errors: str = "strict") -> Iterator[tuple[int, str, bool]]:
        """Number from 1, text without its end, and whether it had one, of every line.

        Raises
        ------
        TraceError
            If the packed data is cut off or the text is not UTF-8.
        """
        with self.text(errors) as text:
            number = 0
            try:
                for line in text.stream:
                    number += 1
                    yield number, line.rstrip("\r\n"), line.endswith("\n")
            except (OSError, EOFError, zlib.error) as error:
                raise text.fault_of(error) from None
            except UnicodeDecodeError as error:
                raise self.not_text(error) from None

    def whole_text(self) -> str:
        """All of it.

        Raises
        ------
        TraceError
            If the packed data is cut off or the text is not UTF-8.
        """
        with self.text() as text:
            try:
                return text.stream.read()
            except (OSError, EOFError, zlib.error) as error:
                raise text.fault_of(error) from None
            except UnicodeDecodeError as error:
                raise self.not_text(error) from None

    def not_text(self, error: UnicodeDecodeError) -> Exception:
        """The fault of bytes that are no UTF-8, at their line: a second pass, as text is decoded ahead of the lines."""
        with self.text() as text:
            for number, line in enumerate(text.stream.buffer, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as found:
                    return fault(self.path, number, None, _not_text(found))
        return fault(self.path, None, None, _not_text(error))


class WatchedText:
    """A text stream over a file, with its last bytes and the number of lines that have passed."""

    def __init__(self, source: Source, errors: str) -> None:
        self.source, self.path = source, source.path
        self.bytes = _Watched(source.path.open("rb"), packed=source.packed)
        buffered = io.BufferedReader(self.bytes, 1 << 18)
        self.stream = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors=errors, newline="")

    def __enter__(self) -> WatchedText:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    @property
    def ended_inside_a_line(self) -> bool:
        """Whether the text read so far does not end with a line end."""
        return not self.bytes.tail.endswith((b"\n", b"\r"))

    @property
    def last_lines(self) -> tuple[str, str]:
        """The line before the last line end, and what stands after it; of what lies within the last 64 KiB."""
        before, last = ([b"", b"", *self.bytes.tail.rsplit(b"\n", 2)])[-2:]
        return before.decode("utf-8", "replace").rstrip("\r"), last.decode("utf-8", "replace").rstrip("\r")

    @property
    def line(self) -> int:
        """Number of the line that was read last."""
        return self.bytes.line_ends + 1

    def fault_of(self, error: BaseException) -> Exception:
        """The fault behind a failed read, named at the line it was reached on."""
        reason = self.bytes.error or error
        if isinstance(reason, UnicodeDecodeError):
            return self.source.not_text(reason)
        if isinstance(reason, (EOFError, zlib.error)):
            return fault(self.path, self.line, None, "the gzip data is cut off or damaged here, must be complete")
        return fault(self.path, None, None, f"cannot be read: {reason}")


class _Watched(io.RawIOBase):
    """Passes bytes on, unpacked, and remembers the last of them, how many lines ended, and what went wrong.

    Unpacks by itself, as the library's gzip file holds back what it has when the data ends too soon.
    """

    def __init__(self, inner: BinaryIO, *, packed: bool) -> None:
        self.inner = inner
        self.unpacker = zlib.decompressobj(wbits=31) if packed else None
        self.tail = b""
        self.line_ends = 0
        self.exhausted = False
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.inner.read(len(buffer)) if self.unpacker is None else self._unpacked(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            self.error = error
            raise
        buffer[: len(data)] = data
        self.exhausted = not data
        if data:
            self.tail = (self.tail + data)[-_TAIL_BYTES:] if len(data) < _TAIL_BYTES else data[-_TAIL_BYTES:]
            self.line_ends += data.count(b"\n")
        return len(data)

    def _unpacked(self, most: int) -> bytes:
        """Up to so many bytes of the packed members, one after another; empty at the end of the last."""
        assert self.unpacker is not None
        while True:
            packed = self.unpacker.unconsumed_tail or self.unpacker.unused_data or self.inner.read(most)
            if self.unpacker.eof:
                if not packed.rstrip(b"\0"):  # some tools fill up with zeros
                    return b""
                self.unpacker = zlib.decompressobj(wbits=31)
            elif not packed:
                raise EOFError("the packed data ends too soon")
            data = self.unpacker.decompress(packed, most)
            if data:
                return data

    def close(self) -> None:
        self.inner.close()
        super().close()


def source_of(path: Path) -> Source:
    """The file behind a path, looked at far enough to tell how to read it.

    Raises
    ------
    TraceError
        If there is no such file, it is a directory, empty, or not text.
    """
    if path.is_dir():
        raise fault(path, None, None, "is a directory, must be a file")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise fault(path, None, None, "no such file") from None
    except OSError as error:
        raise fault(path, None, None, f"cannot be read: {error.strerror}") from None
    if not magic:
        raise fault(path, None, None, "is empty, must hold a trace")
    if magic == _PARQUET:
        return Source(path, packed=False, parquet=True, head="")
    packed = magic.startswith(_GZIP)
    return Source(path, packed, parquet=False, head=_head(path, packed))


def _head(path: Path, packed: bool) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if packed:
        try:
            # As far as it goes: where it is cut off is found by whoever reads it all, with the line.
            unpacker = zlib.decompressobj(wbits=31)
            head = unpacker.decompress(head, _HEAD_BYTES)
        except zlib.error:
            raise fault(path, None, None, "the gzip data is damaged, must be complete") from None
        if not head and not unpacker.eof:
            raise fault(path, None, None, "the gzip data is cut off, must be complete")
    if head.startswith(_UTF_16):
        raise fault(path, 1, None, "is UTF-16 text, must be UTF-8")
    zero = head.find(b"\x00")
    if zero >= 0:
        line = head.count(b"\n", 0, zero) + 1
        raise fault(path, line, None, f"is binary, must be {_ALLOWED}")
    try:
        # By increments, as a character may be cut by the end of the block.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise fault(path, line, None, _not_text(error)) from None
    if not text.strip():
        raise fault(path, None, None, "is empty, must hold a trace")
    return text


def _not_text(error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    return f"holds the byte 0x{byte:02x}, must be UTF-8 text (or gzip of it, or Parquet)"
