"""The fitted efficiencies of `hardware/efficiencies.yaml`, and which class an engine and its version belong to."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, NonNegative, Positive, PositiveShare, Share
from simulator.domain.efficiencies import (
    ENGINE_COLUMNS,
    GENERATION_COLUMNS,
    LINK_COLUMNS,
    LINKS,
    EfficiencyTable,
)
from simulator.domain.kriging import Likeness

DEFAULT_ENGINE = "vllm"
_OLD_YEARS = re.compile(r"20(1\d|2[0-4])")  # a year in place of a version: before 2025


class _Generation(Model):
    bandwidth_share: PositiveShare
    compute_16bit_share: PositiveShare
    compute_8bit_share: PositiveShare
    compute_4bit_share: PositiveShare
    measurements: int = Field(ge=0, description="Rows that the shares are fitted to.")


class _Engine(Model):
    serves: tuple[str, ...] = Field(min_length=1, description="Engines as measurements name them.")
    from_version: tuple[int, int] | None = Field(default=None, description="First version; null: all before.")
    iteration_s: Positive
    sequence_s: Positive
    layer_s: Positive
    memory_share: PositiveShare
    batch_cap: Positive
    small_gpu_batch_cap: Positive
    measurements: int = Field(ge=0)


class _Link(Model):
    link_share: PositiveShare
    all_reduce_s: Positive


class AnchoringSettings(Model):
    """Settings of anchoring as the file holds them."""

    sd: Positive
    noise_sd: Positive
    input_octaves: Positive
    output_octaves: Positive
    load_octaves: Positive
    gpus_octaves: Positive
    draining_share: Positive
    roughness: Positive
    model: Share
    model_kind: Share
    generation: Share
    gpu: Share
    precision: Share
    version: Share
    engine: Share
    latency: Share
    first_token: Share
    regime: Share
    layout: Share

    @property
    def likeness(self) -> Likeness:
        """The settings for the formulas."""
        given = self.model_dump()
        octaves = (given.pop(f"{name}_octaves") for name in ("input", "output", "load", "gpus"))
        return Likeness(scales=(*octaves, given.pop("draining_share")), **given)


class Bands(Model):
    """Standard deviation on top of what anchoring leaves, so that 80 % bands hold 80 % of rows kept aside."""

    measured_nearby: NonNegative
    other_settings: NonNegative
    elsewhere_dense: NonNegative
    elsewhere_mixture: NonNegative


class Efficiencies(Model):
    """The whole file."""

    fitted_on: date
    measurements: int
    generations: dict[str, _Generation]
    engines: dict[str, _Engine]
    links: dict[str, _Link]
    shared: dict[str, NonNegative]
    likeness: AnchoringSettings
    bands: Bands

    @property
    def table(self) -> EfficiencyTable:
        """The numbers as arrays, for the formulas."""
        return EfficiencyTable(
            generations=tuple(self.generations),
            generation_values=_rows(self.generations.values(), GENERATION_COLUMNS),
            engines=tuple(self.engines),
            engine_values=_rows(self.engines.values(), ENGINE_COLUMNS),
            link_values=_rows([self.links[name] for name in LINKS], LINK_COLUMNS),
            shared=dict(self.shared),
        )


@cache
def efficiencies() -> Efficiencies:
    """The fitted efficiencies; raises ValueError with file and key."""
    path = data_folder("hardware") / "efficiencies.yaml"
    return parsed(Efficiencies, read_mapping(path), path)


@cache
def efficiency_table() -> EfficiencyTable:
    """The fitted numbers as arrays."""
    return efficiencies().table


@cache
def likeness() -> Likeness:
    """The settings of anchoring."""
    return efficiencies().likeness.likeness


def engine_names() -> tuple[str, ...]:
    """All engines that a class serves, in order."""
    return tuple(sorted({name for engine in efficiencies().engines.values() for name in engine.serves}))


@cache
def engine_class(engine: str, version: str | None) -> str:
    """The class of an engine and version: the newest that begins no later.

    Parameters
    ----------
    engine : str
        As measurements name it, e.g. `vllm`.
    version : str or None
        E.g. `0.19.0`; a version without a number, or None, stands for the newest, one with a year before 2025 for the
        oldest.

    Returns
    -------
    str
        A key of `engines`.

    Raises
    ------
    UnknownId
        If no class serves the engine.
    """
    serving = {name: row.from_version or (0, 0) for name, row in efficiencies().engines.items() if engine in row.serves}
    if not serving:
        raise UnknownId(engine, engine_names())
    numbers = _version_numbers(version)
    if numbers is None:
        old = bool(_OLD_YEARS.search(version or ""))
        return min(serving, key=lambda name: serving[name] if old else tuple(-part for part in serving[name]))
    begun = [name for name, first in serving.items() if first <= numbers]
    return max(begun, key=lambda name: serving[name]) if begun else min(serving, key=lambda name: serving[name])


def _version_numbers(version: str | None) -> tuple[int, int] | None:
    found = re.match(r"v?(\d{1,3})\.(\d+)", version or "")
    return None if found is None else (int(found[1]), int(found[2]))


def _rows(items: Any, columns: tuple[str, ...]) -> Any:
    return np.array([[getattr(item, column) for column in columns] for item in items], dtype=np.float64)
