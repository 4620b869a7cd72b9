"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd  # slow to load, and not needed to write text

_NEEDS_QUOTES = re.compile('[,"\n\r]')


def json_text(content: Any) -> str:
    """Content as the JSON that is printed and written."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def without_infinity(value: Any) -> Any:
    """Plain content with null for what JSON can't say: infinity and not-a-number."""
    if isinstance(value, dict):
        return {key: without_infinity(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_infinity(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> Path:
    """Write a text file in one piece."""
    return write_in_one_piece(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_tables(path: Path, tables: Sequence[pd.DataFrame]) -> Path:
    """Write tables one below the other as one CSV, in one piece."""
    return write_text(path, csv_text(tables))


def csv_text(tables: Sequence[pd.DataFrame]) -> str:
    """Tables one below the other as CSV; a column that one of them lacks is empty there.

    Ten digits, which is more than any figure is good for. Row by row through one format: five times as fast as pandas,
    which formats cell by cell.
    """
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    lines = [",".join(_cell(str(name)) for name in names)]
    for table in tables:
        formats, columns = [], []
        for name in names:
            column = table.get(name)
            if column is None:
                formats.append("")
            elif column.dtype.kind == "f" and not column.isna().any():
                formats.append("%.10g")
                columns.append(column.tolist())
            else:
                formats.append("%s")
                columns.append([_cell(value) for value in column])
        row = ",".join(formats)
        lines += [row % cells for cells in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    """One cell: nothing for what is missing, quotes where a comma or a quote needs them."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    if _NEEDS_QUOTES.search(text):
        quoted = text.replace('"', '""')
        return f'"{quoted}"'
    return text


def write_in_one_piece(path: Path, write: Callable[[Path], object]) -> Path:
    """Write beside the path and move there when done, so that nobody ever finds half a file.

    Raises
    ------
    OSError
        With the name of the file, if the folder is not there or can't be written to, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:  # told of the file that was meant, not of the one beside it
        raise OSError(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:  # a full disk does not say of which file
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_parquet() -> None:
    """Raise `ValueError` if Parquet can't be written."""
    if find_spec("pyarrow") is None:
        raise ValueError("--parquet needs PyArrow: pip install 'breakeven-simulator[parquet]'")
