"""A scenario with other values of some keys, checked like the file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from simulator.domain.references import handed_on
from simulator.domain.scenario import Scenario

Loc = tuple[str | int, ...]

# Sections that any option may be planned with.
_PLANNED_WITH = tuple(set(Scenario.model_fields) - {"title", "seed", "options", "volume_range", "uncertainty"})


@dataclass(frozen=True)
class WrittenInputs:
    """What a scenario was made from: its data, every preset in place, and where the uncertain keys lie in them."""

    data: Mapping[str, Any]
    places: Mapping[str, Loc] = field(default_factory=dict)  # by dotted key
    whole: frozenset[str] = frozenset()  # keys that take whole numbers only


class RefusedValueError(ValueError):
    """A value that a key of the scenario, or a check across keys, does not allow."""

    def __init__(self, reasons: ValidationError) -> None:
        first = reasons.errors(include_url=False)[0]
        super().__init__(str(first.get("ctx", {}).get("text") or first["msg"]))
        self.reasons = reasons


def with_values(
    scenario: Scenario, written: WrittenInputs, values: Mapping[str, float], seed: int | None = None
) -> Scenario:
    """The scenario with other values of its uncertain keys, maybe with another seed of the demand.

    Whole-number keys get the nearest whole number.

    Sections that hold none of the keys are those of the scenario itself, not copies: what is the same can be told.

    Raises
    ------
    RefusedValueError
        If the file could not hold these values either.
    """
    changed: dict[Loc, float | int] = {}
    for key, value in values.items():
        changed[written.places[key]] = round(value) if key in written.whole else float(value)
    data: dict[str, Any] = {name: getattr(scenario, name) for name in type(scenario).model_fields}
    if seed is not None:
        data["seed"] = seed
    for section in {loc[0] for loc in changed}:
        inside = {loc[1:]: value for loc, value in changed.items() if loc[0] == section}
        if section in ("options", "workload"):
            held = dict(getattr(scenario, section))
            for name in {loc[0] for loc in inside}:
                of_name = {loc[1:]: value for loc, value in inside.items() if loc[0] == name}
                held[name] = _replaced(written.data[section][name], of_name)
            data[section] = held
        else:
            data[str(section)] = _replaced(written.data.get(str(section)), inside)
    try:
        return type(scenario).model_validate(data)
    except ValidationError as error:
        raise RefusedValueError(error) from None


def unchanged_options(scenario: Scenario, other: Scenario) -> list[str]:
    """Options that are planned alike in two scenarios: they and all that they are planned with are the same."""
    if not all(_is_same(getattr(scenario, name), getattr(other, name)) for name in _PLANNED_WITH):
        return []
    return [
        name
        for name, option in scenario.options.items()
        if option is other.options.get(name)
        and not handed_on(option)
        and (scenario.seed == other.seed or getattr(option, "spot", None) is None)
    ]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two sections are the same objects; mappings are compared entry by entry."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(one[name] is other[name] for name in one)
    return one is other


def _replaced(held: Any, values: Mapping[Loc, Any]) -> Any:
    """A copy of the data with the values set; only what lies on the way to them is copied."""
    if () in values:
        return values[()]
    copied: Any = list(held) if isinstance(held, (list, tuple)) else dict(held)
    for part in {loc[0] for loc in values}:
        inside = {loc[1:]: value for loc, value in values.items() if loc[0] == part}
        copied[part] = _replaced(copied[part] if () not in inside else None, inside)
    return copied
