"""The schema for editors and the page of keys: what presets and recordings change in them."""

import json

from simulator.config.presets import bundled_presets
from simulator.config.reference import reference_markdown
from simulator.config.schema import scenario_schema, schema_text
from simulator.domain.scenario import Scenario


def test_an_editor_completes_the_presets_and_lets_files_pass():
    definitions = scenario_schema()["$defs"]
    for model in ("Traffic", "BlendPart"):
        names, path, nothing = definitions[model]["properties"]["preset"]["anyOf"]
        assert names == {"enum": list(bundled_presets())}
        assert path["pattern"] == r"\.ya?ml$"
        assert nothing == {"type": "null"}


def test_the_workload_may_be_left_out():
    required = [name for name, field in Scenario.model_fields.items() if field.is_required()]
    assert set(required) - set(scenario_schema()["required"]) == {"workload"}
    assert "| `workload` | mapping by name | from the preset |" in reference_markdown()


def test_what_the_program_sets_itself_is_on_neither():
    assert '"recorded"' not in schema_text()
    assert "`recorded`" not in reference_markdown()
    assert "`recorded_from`" in reference_markdown()


def test_a_kind_that_tells_no_union_apart_is_a_key_like_others():
    page = reference_markdown()
    assert "| `kind` | `generated` or `trace` | `generated` |" in page
    assert "## traffic\n" in page
    assert "## traffic.events.<name>, kind `launch`\n" in page


def test_sections_of_the_page_are_named_by_their_keys():
    sections = [line.removeprefix("## ") for line in reference_markdown().splitlines() if line.startswith("## ")]
    assert "options.<name>.engineers" in sections
    assert "options.<name>.autoscaling, kind `target_utilization`" in sections
    assert "traffic.noise.parts.<name>" in sections
    assert len(sections) == len(set(sections))


def test_every_key_of_a_blend_s_part_is_in_the_schema():
    properties = json.loads(schema_text())["$defs"]["BlendPart"]["properties"]
    assert {"share", "preset", "timezone", "shift_hours", "file", "noise"} <= set(properties)
    assert not {"counts", "token_lengths", "requests_per_day", "blend"} & set(properties)
