"""The JSON Schema of scenario files."""

from __future__ import annotations

import json
from typing import Any

from simulator.config.presets import bundled_presets
from simulator.domain.distributions import FAMILIES
from simulator.domain.scenario import Scenario

_DISTRIBUTION = "Distribution"


def scenario_schema() -> dict[str, Any]:
    """The schema as plain data (JSON Schema 2020-12)."""
    schema = Scenario.model_json_schema()
    schema["required"] = [key for key in schema["required"] if key != "workload"]  # a preset or a recording may tell it
    for of_model in schema["$defs"].values():
        if "preset" in of_model.get("properties", {}):
            names = {"enum": list(bundled_presets())}
            path = {"type": "string", "pattern": r"\.ya?ml$"}
            of_model["properties"]["preset"]["anyOf"] = [names, path, {"type": "null"}]
    _let_numbers_be_uncertain(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "breakeven scenario"}


def _let_numbers_be_uncertain(schema: dict[str, Any]) -> None:
    """Let a distribution stand wherever a number may, but for what says how uncertain something is."""
    families = [family.__name__ for family in FAMILIES]
    own = _named_by([schema["$defs"]["Uncertainty"]], schema["$defs"])
    schema["$defs"][_DISTRIBUTION] = {
        "anyOf": [{"$ref": f"#/$defs/{family}"} for family in families],
        "description": "What stands for a number that is not known exactly.",
    }
    for name, of_model in schema["$defs"].items():
        if name not in own and name not in (_DISTRIBUTION, "Uncertainty"):
            _open_numbers(of_model)
    _open_numbers(schema)


def _named_by(parts: list[Any], definitions: dict[str, Any]) -> set[str]:
    """Definitions that parts of a schema refer to, at whatever depth."""
    named: set[str] = set()
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in named:
                named.add(name)
                parts.append(definitions[name])
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return named


def _open_numbers(of_model: dict[str, Any]) -> None:
    for key, one in of_model.get("properties", {}).items():
        of_model["properties"][key] = _opened(one)


def _opened(one: Any) -> Any:
    """The schema of a value, opened for a distribution if numbers may stand there."""
    if not isinstance(one, dict) or "const" in one or "enum" in one:
        return one
    one = dict(one)
    for holder in ("items", "additionalProperties"):
        if isinstance(one.get(holder), dict):
            one[holder] = _opened(one[holder])
    distribution = {"$ref": f"#/$defs/{_DISTRIBUTION}"}
    if one.get("type") in ("number", "integer"):
        about = {key: one.pop(key) for key in ("title", "description", "default") if key in one}
        return {"anyOf": [one, distribution], **about}
    if "anyOf" in one:
        members = one["anyOf"]
        one["anyOf"] = [member if _is_number(member) else _opened(member) for member in members]
        if any(_is_number(member) for member in members):
            one["anyOf"].append(distribution)
    return one


def _is_number(one: Any) -> bool:
    return isinstance(one, dict) and one.get("type") in ("number", "integer")


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
