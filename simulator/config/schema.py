"""The JSON Schema of scenario files."""

from __future__ import annotations

import json
from typing import Any

from simulator.domain.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema as plain data (JSON Schema 2020-12)."""
    schema = Scenario.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "breakeven scenario"}


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
