"""Sweep files into checked sweeps."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from simulator._paths import data_folder
from simulator.config.faults import Fault, Faults
from simulator.config.scenarios import bundled_scenarios, named_file
from simulator.config.translation import translate
from simulator.config.yaml_reader import read_document
from simulator.domain.sweep import Sweep


def bundled_sweeps() -> dict[str, Path]:
    """Sweeps that come with the package, by name."""
    return {path.stem: path for path in sorted((data_folder("scenarios") / "sweeps").glob("*.yaml"))}


def load_sweep(name_or_path: str) -> tuple[Sweep, Path]:
    """A sweep and the path of its base scenario; raises `Faults` with everything that is wrong with the file."""
    path = named_file(name_or_path, bundled_sweeps(), "sweep")
    document = read_document(path, "title, base and grid")
    try:
        sweep = Sweep.model_validate(document.data)
    except ValidationError as error:
        raise Faults(translate(error, document, Sweep)) from None
    beside = path.parent / sweep.base
    if beside.is_file():
        return sweep, beside
    if sweep.base in bundled_scenarios():
        return sweep, bundled_scenarios()[sweep.base]
    message = f"is '{sweep.base}', must be a file beside the sweep or one of {', '.join(bundled_scenarios())}"
    raise Faults([Fault(document.name, document.line_of(("base",)), "base", message)])
