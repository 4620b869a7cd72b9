"""What a result follows from beside its scenario: the catalogue, the price library and the program, as one digest."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from simulator._paths import data_folder

_DATA = ("hardware", "prices", "scenarios")
_LIBRARIES = ("genai-prices", "holidays", "numba", "numpy", "scipy", "tzdata")  # whose figures and rules are in results
_CODE = ("domain", "catalogue", "config", "simulation", "solving", "sweeping", "traces")  # not what only presents


@lru_cache(maxsize=1)
def results_digest() -> str:
    """Digest of every file of the catalogue and of the code that computes, and of the versions of libraries.

    Two installations with the same digest give the same results, on one platform.
    """
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _LIBRARIES).encode())
    package = Path(__file__).resolve().parents[1]
    folders: list[tuple[str, Path, tuple[str, ...]]] = [(name, data_folder(name), (".yaml", ".csv")) for name in _DATA]
    folders += [(name, package / name, (".py",)) for name in _CODE]
    for name, folder, endings in folders:
        for path in sorted(one for one in folder.rglob("*") if one.suffix in endings):
            digest.update(f"{name}/{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
