"""A second look at a faulty scenario, for the faults that the first ones hide.

Checks across keys and look-ups in the catalogue need a scenario that parses. Where it does not, the faulty keys are
left out, sections that can't do without them get a stand-in, and what is found then at other keys is told in the same
run.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simulator.config.faults import Fault
from simulator.config.field_lookup import Loc, locate_key
from simulator.config.translation import translate
from simulator.config.yaml_reader import Document
from simulator.domain.budget import Finance
from simulator.domain.options import Option
from simulator.domain.plans import Plan
from simulator.domain.scenario import Comparison, Horizon, Scenario, VolumeRange
from simulator.domain.service_level import ServiceLevel
from simulator.domain.traffic import Traffic
from simulator.domain.workload import RequestClass

MakePlan = Callable[[Scenario], Plan]

_STAND_INS: dict[str, Any] = {
    "title": "stand-in",
    "traffic": {"requests_per_day": 1.0},
    "workload": {"stand-in": {"input_tokens": 1.0, "output_tokens": 1.0}},
}
_PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
_UNITS = {"usd_per_unit_hour": 1.0, "input_tokens_per_minute_per_unit": 1.0, "output_token_weight": 1.0}
_FLEET: dict[str, Any] = {
    "kind": "self_hosted",
    "rental": {"usd_per_gpu_hour": 1.0},
    "throughput": {"requests_per_s": 1.0},
}
_STAND_IN_OPTIONS: dict[str, Any] = {
    "api": {"kind": "api", "prices": _PRICES},
    "provisioned": {"kind": "provisioned", "prices": _PRICES, "units": _UNITS},
    "routed": _FLEET,  # one without references; no other option may name it either
    "self_hosted": _FLEET,
    "dedicated_endpoint": _FLEET,
}
_SECTIONS: dict[str, Any] = {
    "comparison": Comparison,
    "finance": Finance,
    "horizon": Horizon,
    "traffic": Traffic,
    "workload": dict[str, RequestClass],
    "volume_range": VolumeRange,
    "service_level": ServiceLevel,
}
_ANY_SERVICE = {"unserved_share": 1.0}  # options may say what becomes of them where they miss it
_OF_MEDIA = ("prices.usd_per_", "image_size")
_MEDIA = ("images", "audio_input_s", "audio_output_s", "video_s")
_MOST_LOOKS = 16
# Look-ups whose answer does not depend on the keys left out.
_LOOKED_UP = ("gpu", "model", "provider", "rental.provider")


def hidden_faults(document: Document, found: Iterable[Fault], make_plan: MakePlan) -> list[Fault]:
    """Faults of a document besides those found already."""
    if not isinstance(document.data, Mapping):
        return []
    known = [locate_key(document.data, fault.key) for fault in found]
    faults: list[Fault] = []
    for _ in range(_MOST_LOOKS):
        try:
            scenario = Scenario.model_validate(_repaired(document.data, known))
        except ValidationError as error:
            more = [fault for fault in translate(error, document, Scenario) if is_new(document, fault, known)]
            if not more:
                return faults
            faults += more
            known += [locate_key(document.data, fault.key) for fault in more]
        else:
            return faults + _missed_look_ups(document, make_plan(scenario), known)
    return faults


def _missed_look_ups(document: Document, plan: Plan, known: list[Loc]) -> list[Fault]:
    """Look-ups that failed, as far as their answer does not depend on what was left out."""
    touched = {loc[1] for loc in known if len(loc) > 1 and loc[0] == "options"}
    with_units = {loc[1] for loc in known if loc[:1] == ("options",) and loc[2:3] == ("units",)}
    media_known = not any(loc[0] == "workload" and (len(loc) < 3 or loc[2] in _MEDIA) for loc in known if loc)
    faults = []
    for name, of_option in plan.faults.items():
        for fault in of_option:
            key = fault.key.removeprefix(f"options.{name}.")
            sure = not fault.infeasible and "throughput" not in key and (media_known or not key.startswith(_OF_MEDIA))
            looked_up = key in _LOOKED_UP and name not in with_units  # the figures of units may be those left out
            if sure if name not in touched else looked_up:
                file, line = document.place_of(locate_key(document.data, fault.key))
                faults.append(Fault(file, line, fault.key, fault.text))
    return [fault for fault in faults if is_new(document, fault, known)]


def is_new(document: Document, fault: Fault, known: list[Loc]) -> bool:
    """Whether a fault lies at no known one, nor above or below one, nor in what a stand-in replaced.

    Neither is one new that lies in what a faulty key brought in: a preset that there is not.
    """
    loc = locate_key(document.data, fault.key)
    if "stand-in" in f"{fault.key} {fault.message}" or document.origin_of(loc) in known:
        return False
    return not any(loc[: len(k)] == k[: len(loc)] for k in known)


def _repaired(data: Mapping[str, Any], known: list[Loc]) -> dict[str, Any]:
    """The data without what is faulty, with stand-ins where a section can't do without it."""
    repaired: dict[str, Any] = copy.deepcopy(dict(data))
    for loc in known:
        _leave_out(repaired, _with_what_goes_with_it(loc))
    for key, stand_in in _STAND_INS.items():
        repaired.setdefault(key, stand_in)
    for key, kind in _SECTIONS.items():
        if key in repaired and not _is_valid(kind, repaired[key]):
            repaired.pop(key)
            if key in _STAND_INS:
                repaired[key] = _STAND_INS[key]
    if "service_level" in data:
        repaired.setdefault("service_level", _ANY_SERVICE)
    if repaired["workload"] is _STAND_INS["workload"]:
        repaired["workload"] = _stand_in_classes(data.get("workload"))
    options = repaired.get("options")
    if not isinstance(options, dict):
        options = {}
    given = data.get("options")
    names = list(given) if isinstance(given, Mapping) else []
    repaired["options"] = {name: _valid_option(options.get(name)) for name in names}
    for spare in ("stand-in a", "stand-in b")[: max(0, 2 - len(names))]:
        repaired["options"][spare] = _STAND_IN_OPTIONS["api"]
    return repaired


def _with_what_goes_with_it(loc: Loc) -> Loc:
    """More than a key: where a share is left out the others do not add up, without images a model of images fails."""
    if len(loc) == 3 and loc[0] == "workload" and loc[2] in ("share", *_MEDIA):
        return loc[:1]
    return loc[:3] if len(loc) > 3 and loc[0] == "options" and loc[2] == "routes" else loc


def _stand_in_classes(given: Any) -> dict[str, Any]:
    """Request classes of the names given, to which options may refer, with images and speech where those have some."""
    classes = given if isinstance(given, Mapping) and given else {"stand-in": None}
    stand_ins = {}
    for name, of_class in classes.items():
        held = of_class if isinstance(of_class, Mapping) else {}
        media = {key: 1.0 for key in _MEDIA if held.get(key, 0) != 0}
        stand_ins[name] = {"share": 1.0 / len(classes), "input_tokens": 1.0, "output_tokens": 1.0, **media}
    return stand_ins


def _valid_option(option: Any) -> Any:
    if _is_valid(Option, option):
        return option
    kind = option.get("kind") if isinstance(option, dict) else None
    return _STAND_IN_OPTIONS.get(str(kind), _STAND_IN_OPTIONS["api"])


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _is_valid(kind: Any, value: Any) -> bool:
    try:
        _adapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _leave_out(data: Any, loc: Loc) -> None:
    """Delete what lies at a location, if it is there; of a list all of it."""
    loc = loc[: next((place for place, part in enumerate(loc) if isinstance(part, int)), len(loc))]
    for part in loc[:-1]:
        if isinstance(data, dict) and part in data:
            data = data[part]
        else:
            return
    if loc and isinstance(data, dict):
        data.pop(loc[-1], None)
