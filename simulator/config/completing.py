"""What a scenario names elsewhere, brought into its data before they are checked: presets and recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulator.config.faults import Fault, Faults, shown
from simulator.config.field_lookup import Loc, dotted
from simulator.config.merging import merged_below
from simulator.config.presets import LoadedPreset, UnknownPreset, first_found, load_preset, nearest_preset, no_such_file
from simulator.config.recordings import COLUMN_KEYS, recording_at, workload_of
from simulator.config.translation import unknown_key, written_keys
from simulator.config.uncertain_inputs import medians_in_place
from simulator.config.yaml_reader import Document
from simulator.domain.shape import BlendPart
from simulator.domain.traffic import Traffic
from simulator.traces.faults import TraceError

_ANY_PRESET = "steady-api"  # stands in where there is none of the name: it has noise, spikes and lengths
_ANY_WORKLOAD = {"request": {"input_tokens": 1.0, "output_tokens": 1.0}}
_OF_TRAFFIC_ONLY = ("counts", "token_lengths")  # a blend has one law of these, its parts none
_OF_A_REPLAY = ("token_lengths",)  # what a preset adds to a recording that does not tell its lengths
_HIDDEN = "recorded"  # set here, never by the user


def completed(document: Document) -> tuple[Document, list[Fault]]:
    """The document with the keys that presets and recordings bring in, and what is wrong with those.

    Where a preset or recording can't be had, a stand-in is brought in, so that everything else is checked all the same.
    """
    document, faults = medians_in_place(document)
    traffic = document.data.get("traffic") if isinstance(document.data, Mapping) else None
    if not isinstance(traffic, Mapping):
        return document, faults
    work = _Completion(document)
    work.complete(traffic)
    data: dict[str, Any] = {**document.data, "traffic": work.traffic}  # type: ignore[dict-item]
    if work.workload is not None:
        data["workload"] = work.workload
    return replace(document, data=data, merged={**document.merged, **work.merged}), faults + work.faults


@dataclass(frozen=True)
class _Offer:
    """What one shape has to say on the whole demand: mean lengths and laws, and the key that brought them in."""

    share: float
    origin: Loc
    workload: Mapping[str, Any] | None
    laws: Mapping[str, Any] = field(default_factory=dict)


class _Completion:
    """The sections `traffic` and `workload` of a document on their way to be whole."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.merged: dict[Loc, Loc] = {}
        self.faults: list[Fault] = []
        self.traffic: dict[str, Any] = {}
        self.workload: Mapping[str, Any] | None = None
        self._offers: list[_Offer] = []
        self._silent: list[tuple[Loc, str]] = []  # recordings without lengths

    def complete(self, traffic: Mapping[str, Any]) -> None:
        """Bring in what the shapes name, then what they say on the whole demand, the largest share first."""
        blend = traffic.get("blend")
        if isinstance(blend, Mapping) and blend:
            parts = {
                name: self._shape(part, ("traffic", "blend", name)) if isinstance(part, Mapping) else part
                for name, part in blend.items()
            }
            self.traffic = {**self._without_hidden(traffic, ("traffic",)), "blend": parts}
        else:
            self.traffic = self._shape(traffic, ("traffic",))
        offers = sorted(self._offers, key=lambda offer: -offer.share)
        for offer in offers:
            self.traffic, brought = merged_below(self.traffic, offer.laws)
            self.merged |= {("traffic", *loc): offer.origin for loc in brought}
        self._take_workload(offers)

    def _take_workload(self, offers: list[_Offer]) -> None:
        if self.document.data.get("workload") is not None:  # type: ignore[attr-defined]
            return
        offered = next((offer for offer in offers if offer.workload is not None), None)
        if offered is not None:
            self.workload, self.merged["workload",] = offered.workload, offered.origin
        elif self._silent:
            origin, name = self._silent[0]
            self._fault(("workload",), f"is missing, and {shown(name)} does not tell the lengths of requests")
            self.workload, self.merged["workload",] = _ANY_WORKLOAD, origin

    def _shape(self, given: Mapping[str, Any], loc: Loc) -> dict[str, Any]:
        """A shape with what its preset and its recording bring in."""
        shape = self._without_hidden(given, loc)
        if shape.get("kind") == "trace" and isinstance(shape.get("file"), str):
            self._replay(shape, loc)
        if isinstance(shape.get("preset"), str):
            shape = self._with_preset(shape, loc)
        return shape

    def _without_hidden(self, given: Mapping[str, Any], loc: Loc) -> dict[str, Any]:
        if _HIDDEN in given:
            model = Traffic if len(loc) == 1 else BlendPart
            self._fault((*loc, _HIDDEN), unknown_key(_HIDDEN, written_keys(model), given))
        return {key: value for key, value in given.items() if key != _HIDDEN}

    def _with_preset(self, shape: dict[str, Any], loc: Loc) -> dict[str, Any]:
        origin = (*loc, "preset")
        preset = self._preset(shape["preset"], origin)
        below = _level_with(shape, preset.traffic)
        if shape.get("kind") == "trace":
            silent = any(at == (*loc, "file") for at, _ in self._silent)
            below = {key: value for key, value in below.items() if silent and key in _OF_A_REPLAY}
        laws = {}
        if len(loc) > 1:
            laws = {key: value for key, value in below.items() if key in _OF_TRAFFIC_ONLY}
            below = {key: value for key, value in below.items() if key in BlendPart.model_fields}
        merged, brought = merged_below(shape, below)
        self.merged |= {loc + at: origin for at in brought}
        self._offers.append(_Offer(_share_of(shape), origin, preset.workload, laws))
        return merged

    def _preset(self, name: str, origin: Loc) -> LoadedPreset:
        try:
            return load_preset(name, self._folders(origin))
        except UnknownPreset as error:
            self._fault(origin, str(error))
        except Faults as error:
            self.faults += error.faults
            self._fault(origin, f"is {shown(name)}, which has faults of its own")
        return load_preset(nearest_preset(name) or _ANY_PRESET)

    def _replay(self, shape: dict[str, Any], loc: Loc) -> None:
        origin = (*loc, "file")
        columns = {key: shape[key] for key in COLUMN_KEYS if isinstance(shape.get(key), str)}
        if columns and COLUMN_KEYS[0] not in columns:
            self._fault((*loc, next(iter(columns))), f"must be given with {COLUMN_KEYS[0]}")
            self._offers.append(_Offer(_share_of(shape), origin, _ANY_WORKLOAD))
            return
        timezone = shape.get("timezone", "UTC")
        if not _is_zone(timezone):
            timezone = "UTC"  # told when the scenario is checked
        folders = self._folders(origin)
        path = first_found(shape["file"], folders)
        if path is None:
            self._fault(origin, no_such_file(shape["file"], folders))
            self._offers.append(_Offer(_share_of(shape), origin, _ANY_WORKLOAD))
            return
        try:
            recording = recording_at(path, columns, timezone)
        except (TraceError, OSError) as error:
            text = str(error) if isinstance(error, TraceError) else f"{path}: {error.strerror}"
            for line in text.splitlines() or [f"{path}: is no recording"]:
                self._fault(origin, line)
            self._offers.append(_Offer(_share_of(shape), origin, _ANY_WORKLOAD))
            return
        shape[_HIDDEN] = recording
        self.merged[(*loc, _HIDDEN)] = origin
        workload = workload_of(recording)
        if workload is None:
            self._silent.append((origin, shape["file"]))
        self._offers.append(_Offer(_share_of(shape), origin, workload))

    def _folders(self, loc: Loc) -> tuple[Path, ...]:
        """Where a file is looked for: beside the scenario; named in an override, from the working folder first."""
        beside = Path() if self.document.name is None else Path(self.document.name).parent
        is_set = self.document.is_overridden(loc)
        return (Path(), beside) if is_set and beside != Path() else (beside,)

    def _fault(self, loc: Loc, message: str) -> None:
        file, line = self.document.place_of(loc)
        self.faults.append(Fault(file, line, dotted(loc), message))


def _level_with(given: Mapping[str, Any], preset: Mapping[str, Any]) -> Mapping[str, Any]:
    """The preset, its weekend as high as its weekdays where the user gives the course of the week himself."""
    hours = preset.get("weekday_hours"), preset.get("weekend_hours")
    if given.get("weekly") is None or hours[0] is None or hours[1] is None or "weekend_hours" in given:
        return preset
    weekdays, weekend = sum(hours[0]), sum(hours[1])
    if weekdays <= 0 or weekend <= 0:
        return preset
    return {**preset, "weekend_hours": [weight * weekdays / weekend for weight in hours[1]]}


def _share_of(shape: Mapping[str, Any]) -> float:
    share = shape.get("share")
    return float(share) if isinstance(share, int | float) else 0.0


def _is_zone(timezone: object) -> bool:
    try:
        ZoneInfo(timezone)  # type: ignore[arg-type]
    except (KeyError, ValueError, OSError, TypeError):
        return False
    return True
