"""The page on traffic: its examples are scenarios that are fine, and its tables are those of the presets."""

import re
from pathlib import Path

import numpy as np
import pytest

from simulator.config.presets import ASSUMED, bundled_presets, load_preset
from simulator.config.scenarios import parse_scenario, scenario_document
from simulator.domain.traffic import Traffic

PAGE = (Path(__file__).parents[2] / "docs" / "traffic.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", PAGE, flags=re.M | re.S))
(RECORDING,) = re.findall(r"^```text\n(offset_s.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture
def example(tmp_path):
    """A scenario of the page, with its recording beside it."""
    (tmp_path / "trace.csv").write_text(RECORDING, encoding="utf-8")

    def load(name):
        (tmp_path / name).write_text(EXAMPLES[name], encoding="utf-8")
        return parse_scenario(scenario_document(tmp_path / name))

    return load


def test_the_page_has_an_example_of_each_way():
    assert set(EXAMPLES) == {"chat.yaml", "blend.yaml", "shifted.yaml", "replay.yaml"}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "replay.yaml"])
def test_an_example_of_the_page_is_a_scenario(example, name):
    assert example(name).tokens_per_month > 0


def test_the_recording_of_the_page_is_replayed_at_its_own_volume_and_lengths(example):
    scenario = example("replay.yaml")
    assert (scenario.mix.input_tokens, scenario.mix.output_tokens) == (800, 200)
    assert scenario.traffic.requests_per_month_at(1.0) == pytest.approx((120 + 180 + 90) / 3 * 730)


def test_the_peaks_of_one_and_of_two_working_days_are_as_the_page_says():
    one = load_preset("enterprise-workday").preset.course_of_week
    two = 0.6 * one + 0.4 * np.roll(one, 6 * 60)  # New York is six hours behind Berlin
    assert f"{two.max():.2f} times the mean, against {one.max():.2f} of one working day" in PAGE


@pytest.mark.parametrize("name", bundled_presets())
def test_a_row_of_the_table_of_presets_is_that_of_the_file(name):
    (row,) = re.findall(rf"^\| `{name}` \|(.*)\|$", PAGE, flags=re.M)
    _, peak, weekend, lengths, _ = row.split(" | ")
    preset = load_preset(name).preset
    assert peak.split(",")[0] == f"{preset.peak_to_mean:.2f}"
    assert weekend == f"{preset.weekend_to_weekday:.2f}"
    assert lengths == f"{preset.mix.input_tokens:,.0f}, {preset.mix.output_tokens:,.0f}"


def test_every_key_of_traffic_is_on_the_page():
    ways_of_volume = ("tokens_per_", "requests_per_", "daily_users", "sessions_per_user", "queries_per_session")
    keys = [key for key, field in Traffic.model_fields.items() if not field.exclude]
    assert [key for key in keys if not key.startswith(ways_of_volume) and f"{key}" not in PAGE] == []


def test_every_trace_is_attributed_with_its_licence():
    attribution = PAGE.split("## Sources and licences")[1]
    for name in bundled_presets():
        for entry in load_preset(name).preset.sources.values():
            origin = re.split("[,:]", entry.source)[0]
            if entry.source != ASSUMED:
                assert origin in attribution or origin.startswith("Wikipedia page views")
    assert attribution.count("CC-BY 4.0") >= 3
    assert "Apache-2.0" in attribution
