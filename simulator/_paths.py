"""Where the catalogue and the bundled scenarios lie: inside the wheel, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path


def data_folder(name: str) -> Path:
    """Folder `name` (`hardware`, `prices` or `scenarios`): the installed copy first, the checkout second."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name
