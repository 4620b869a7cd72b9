"""The JSON Schema of scenario files."""

from __future__ import annotations

import json
from typing import Any

from simulator.config.presets import bundled_presets
from simulator.domain.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema as plain data (JSON Schema 2020-12)."""
    schema = Scenario.model_json_schema()
    schema["required"] = [key for key in schema["required"] if key != "workload"]  # a preset or a recording may tell it
    for of_model in schema["$defs"].values():
        if "preset" in of_model.get("properties", {}):
            names = {"enum": list(bundled_presets())}
            path = {"type": "string", "pattern": r"\.ya?ml$"}
            of_model["properties"]["preset"]["anyOf"] = [names, path, {"type": "null"}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "breakeven scenario"}


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
