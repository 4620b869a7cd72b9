"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def json_text(content: Any) -> str:
    """Content as the JSON that is printed and written."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, text: str) -> Path:
    """Write a text file in one piece."""
    return write_in_one_piece(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_in_one_piece(path: Path, write: Callable[[Path], object]) -> Path:
    """Write beside the path and move there when done, so that nobody ever finds half a file.

    Raises
    ------
    OSError
        If the folder is not there or can't be written to.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
