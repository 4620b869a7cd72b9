"""Traffic presets: kinds of products whose demand was measured, and files of one's own with a `traffic:` section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator._paths import data_folder
from simulator.config.faults import Fault, Faults, enumerated, shown
from simulator.config.field_lookup import holds, value_at
from simulator.config.translation import translate, unknown_key, written_keys
from simulator.config.yaml_reader import read_document
from simulator.domain.base import Model, Sourced
from simulator.domain.seasons import diurnal_weights, hourly_curve
from simulator.domain.traffic import VOLUME_KEYS, Traffic
from simulator.domain.workload import Mix, RequestClass, check_shares, mix_of

ASSUMED = "assumed"  # as a source: nothing was measured
ENDINGS = (".yaml", ".yml")
_MINUTES_PER_DAY = 24 * 60


class PartSource(Sourced):
    """Where a part of a preset comes from: what was measured, or `assumed` and why."""

    licence: str | None = Field(default=None, description="Licence of what was measured.")

    @model_validator(mode="after")
    def _why_assumed(self) -> PartSource:
        if self.source == ASSUMED and self.note is None:
            text = f"must be given where source is {ASSUMED}"
            raise PydanticCustomError("at_key", "{text}", {"key": "note", "text": text})
        return self


class PresetTraffic(Traffic):
    """The shape of a preset: what `traffic:` of a scenario holds, but no blend, no recording and no preset."""

    @model_validator(mode="after")
    def _one_volume(self) -> PresetTraffic:  # one at most: most presets have none
        given = [key for key in VOLUME_KEYS if getattr(self, key) is not None]
        if len(given) > 1:
            text = f"must not be given together with {given[0]}"
            raise PydanticCustomError("at_key", "{text}", {"key": given[1], "text": text})
        for key in ("preset", "blend", "file"):
            if getattr(self, key):
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": "must not be given in a preset"})
        return self


class Preset(Model):
    """A preset file: the shape of a demand, mean lengths of its requests, and where each part comes from."""

    what: str = Field(default="", description="The product in a few words.")
    traffic: PresetTraffic = Field(description="Keys that hold where a scenario leaves them out.")
    workload: dict[str, RequestClass] | None = Field(default=None, description="Request classes, where it gives none.")
    sources: dict[str, PartSource] = Field(
        default_factory=dict, description="By dotted key of `traffic`, or `workload`; a key covers those below it."
    )

    @field_validator("workload")
    @classmethod
    def _shares_add_up(cls, workload: dict[str, RequestClass] | None) -> dict[str, RequestClass] | None:
        if workload is not None:
            check_shares(workload)
        return workload

    @model_validator(mode="after")
    def _sources_of_keys(self) -> Preset:
        known = (*written_keys(type(self.traffic)), "workload")
        for key in self.sources:
            if key.partition(".")[0] not in known:
                text = "is the source of no key of traffic, nor of workload"
                raise PydanticCustomError("at_key", "{text}", {"key": f"sources.{key}", "text": text})
        return self

    @property
    def mix(self) -> Mix | None:
        """Mean request."""
        return None if self.workload is None else mix_of(self.workload)

    def source_of(self, key: str) -> PartSource | None:
        """Source of a dotted key: its own, or that of the nearest key above."""
        parts = key.split(".")
        names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((self.sources[name] for name in names if name in self.sources), None)

    @property
    def course_of_week(self) -> NDArray[np.float64]:
        """Demand over its mean in every minute of a week from Monday, without what is random or dated. (10080,) [1]"""
        middles = (np.arange(7 * _MINUTES_PER_DAY) + 0.5) / 60.0
        course = np.ones(middles.size)
        if self.traffic.hours_of_week:
            course *= hourly_curve(self.traffic.hours_of_week, middles)
        if self.traffic.diurnal is not None:
            course *= diurnal_weights(self.traffic.diurnal, middles % 24.0)
        if self.traffic.weekly is not None:
            course *= np.repeat(self.traffic.weekly.weights, _MINUTES_PER_DAY)
        jobs = self.traffic.jobs.values()
        course *= (1.0 - sum(job.share for job in jobs)) / course.mean()
        weekday = middles < 5 * 24
        for job in jobs:
            starts = {"every_day": weekday | ~weekday, "weekdays": weekday, "weekends": ~weekday}[job.days]
            start = int(job.start_hour * 60)
            runs = np.roll((middles % 24.0 < job.duration_hours) & starts, start)
            course += job.share * runs / runs.mean()
        return course

    @property
    def peak_to_mean(self) -> float:
        """Greatest minute of the course of the week over its mean. [1]"""
        return float(self.course_of_week.max())

    @property
    def weekend_to_weekday(self) -> float:
        """Saturday and Sunday over a weekday, in the course of the week. [1]"""
        weekdays = self.course_of_week[: 5 * _MINUTES_PER_DAY]
        return float(self.course_of_week[5 * _MINUTES_PER_DAY :].mean() / weekdays.mean())


@dataclass(frozen=True)
class LoadedPreset:
    """A preset as it is checked, and its sections `traffic` and `workload` as they are written."""

    preset: Preset
    traffic: Mapping[str, Any]
    workload: Mapping[str, Any] | None


def bundled_presets() -> dict[str, Path]:
    """Presets that come with the package, by name."""
    return {path.stem: path for path in sorted((data_folder("scenarios") / "traffic").glob("*.yaml"))}


def load_preset(name_or_path: str, folders: tuple[Path, ...] = (Path(),)) -> LoadedPreset:
    """A bundled preset by name, or a YAML file from one of the folders.

    Raises
    ------
    UnknownPreset
        If it is neither; its text follows the key.
    Faults
        With everything that is wrong in the file.
    """
    bundled = bundled_presets()
    if name_or_path in bundled:
        return read_preset(bundled[name_or_path])
    if name_or_path.endswith(ENDINGS):
        path = first_found(name_or_path, folders)
        if path is not None:
            return read_preset(path)
        raise UnknownPreset(no_such_file(name_or_path, folders))
    near = nearest_preset(name_or_path)
    hint = f"; did you mean '{near}'?" if near else ""
    allowed = enumerated(bundled)
    raise UnknownPreset(f"is {shown(name_or_path)}, must be one of {allowed}, or a file that ends in .yaml{hint}")


def nearest_preset(name: str) -> str | None:
    """The bundled preset that is spelled nearly so, or of whose name this is a part."""
    bundled, spelled = list(bundled_presets()), name.lower().replace("_", "-").replace(" ", "-")
    close = get_close_matches(spelled, bundled, n=1) or [known for known in bundled if spelled and spelled in known]
    return close[0] if close else None


class UnknownPreset(ValueError):  # noqa: N818 (what it says follows a key)
    """There is no such preset."""


def first_found(name: str, folders: tuple[Path, ...]) -> Path | None:
    """The file of this name in the first folder that has it."""
    for folder in folders:
        try:
            if (folder / name).exists():
                return folder / name
        except (OSError, ValueError):  # a name that no file can have
            return None
    return None


def no_such_file(name: str, folders: tuple[Path, ...]) -> str:
    """What a message says of a file that none of the folders has."""
    if Path(name).is_absolute():
        return f"is {shown(name)}, no such file"
    where = " or ".join("the working folder" if folder == Path() else str(folder) for folder in folders)
    return f"is {shown(name)}, no such file in {where}"


def read_preset(path: Path) -> LoadedPreset:
    """The preset in a file, read anew when the file has changed; raises `Faults` with everything wrong in it."""
    try:
        status = path.stat()
    except OSError as error:
        raise Faults([Fault(str(path), None, "", f"cannot be read: {error.strerror}")]) from None
    return _read(path, (path.resolve(), status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=64)
def _read(path: Path, _version: tuple[Path, int, int]) -> LoadedPreset:
    document = read_document(path, "the key traffic")
    if holds(value_at(document.data, ("traffic",)), "recorded"):  # which the program sets, from `file`
        text = unknown_key("recorded", written_keys(PresetTraffic), ("recorded",))
        raise Faults([Fault(document.name, document.line_of(("traffic", "recorded")), "traffic.recorded", text)])
    try:
        preset = Preset.model_validate(document.data)
    except ValidationError as error:
        raise Faults(translate(error, document, Preset)) from None
    data: Any = document.data
    return LoadedPreset(preset, data["traffic"], data.get("workload"))


def leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """The single values of a mapping with their dotted keys; a list counts as one, as does a mapping of numbers."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from leaves(entry, f"{key}.{name}" if key else str(name))
    else:
        yield key, value
