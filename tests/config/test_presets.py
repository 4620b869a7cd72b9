"""Preset files: every parameter with its source, and what the week of each looks like."""

import math

import numpy as np
import pytest

from simulator.config.faults import Faults
from simulator.config.presets import ASSUMED, UnknownPreset, bundled_presets, leaves, load_preset, read_preset
from simulator.domain.shape import GENERATED_KEYS

NAMES = (
    "batch-nightly", "chat-consumer", "chat-global", "code-assistant", "enterprise-workday", "steady-api",
    "viral-launch",
)  # fmt: skip


def preset(name):
    return load_preset(name).preset


def written(folder, text, name="own.yaml"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_seven_kinds_of_products_come_with_the_package():
    assert tuple(bundled_presets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_a_preset_has_a_source_or_says_that_it_is_assumed(name):
    loaded = load_preset(name)
    keys = [*leaves(loaded.traffic), *leaves({"workload": loaded.workload})]
    assert len(keys) > 10
    for key, _ in keys:
        source = loaded.preset.source_of(key)
        assert source is not None, key
        assert source.note if source.source == ASSUMED else source.licence, key


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_names_its_traces_and_their_licences_at_its_head(name):
    head = bundled_presets()[name].read_text(encoding="utf-8").split("\nwhat:")[0]
    sources = {entry.source.split(",")[0] for entry in preset(name).sources.values() if entry.source != ASSUMED}
    for trace in ("ServeGen", "Azure LLM inference trace 2023", "Azure LLM inference trace 2024"):
        if trace in sources:
            assert trace in head
    assert "Apache-2.0" in head or "CC-BY 4.0" in head


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_gives_no_volume_and_is_of_whole_requests(name):
    traffic = preset(name).traffic
    assert traffic.requests_per_month_at(1000.0) == 0.0
    assert traffic.counts == "poisson"
    assert traffic.kind == "generated"
    assert traffic.growth_per_month == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_hourly_weights_of_a_preset_have_mean_one_over_a_week(name):
    traffic = preset(name).traffic
    if traffic.hours_of_week:
        assert np.mean(traffic.hours_of_week) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_noise_of_a_preset_falls_with_the_load_where_its_memory_is_of_minutes_only(name):
    for part in preset(name).traffic.noise.parts.values():
        assert part.falls_with_load == (part.correlation_time_s <= 20 * 60)


@pytest.mark.parametrize("name", NAMES)
def test_spikes_of_a_preset_are_over_the_mean_as_they_were_measured(name):
    spikes = preset(name).traffic.spikes
    assert spikes is None or spikes.heights_over == "mean"


def test_the_figures_of_the_presets_are_those_of_the_traces():
    """A few by hand, so that a slip in a file is seen."""
    consumer, workday, code = preset("chat-consumer"), preset("enterprise-workday"), preset("code-assistant")
    assert (consumer.traffic.weekday_hours[21], consumer.traffic.weekend_hours[21]) == (2.239, 2.428)
    assert consumer.traffic.noise.parts["minute"].relative_sd == 0.041
    assert consumer.traffic.noise.reference_requests_per_minute == 3193
    assert (workday.traffic.spikes.per_week, workday.traffic.spikes.greatest_height_to_mean) == (0.8, 2.5)
    assert (code.mix.input_tokens, code.mix.output_tokens) == (2048, 28)
    assert code.traffic.timezone == "America/New_York"
    nightly = preset("batch-nightly").traffic.jobs
    assert [(job.start_hour, job.duration_hours, job.share) for job in nightly.values()] == [
        (1.5, 3.1, 0.8),
        (7.0, 0.75, 0.1),
    ]
    launch = preset("viral-launch").traffic.events["launch"]
    assert (launch.factor, launch.half_life_s) == (10, 8.5 * 3600)


@pytest.mark.parametrize("name", NAMES)
def test_the_course_of_a_week_has_mean_one(name):
    assert preset(name).course_of_week.mean() == pytest.approx(1.0, abs=1e-9)


def test_the_peak_of_a_nightly_job_is_its_plateau_on_the_background():
    assert preset("batch-nightly").peak_to_mean == pytest.approx(0.8 * 24 / 3.1 + 0.1, rel=1e-6)
    assert preset("batch-nightly").weekend_to_weekday == pytest.approx(1.0)


def test_weekends_of_presets_are_those_of_the_traces():
    ratios = {name: preset(name).weekend_to_weekday for name in NAMES}
    assert ratios["chat-consumer"] == pytest.approx(1.09, abs=0.01)
    assert ratios["chat-global"] == pytest.approx(0.568, abs=0.005)
    assert ratios["code-assistant"] == pytest.approx(0.319, abs=0.005)
    assert ratios["enterprise-workday"] == pytest.approx(0.42, abs=0.01)


def test_the_day_of_an_own_preset_counts_in_its_course(tmp_path):
    path = written(
        tmp_path,
        "traffic:\n  diurnal: {peak_hour: 12, peak_to_mean: 1.5}\n  weekly: {weekend_to_weekday: 0.5}\n"
        "  jobs: {late: {share: 0.2, start_hour: 23, duration_hours: 2, days: weekdays}}\n",
    )
    own = read_preset(path).preset
    # 0.8 of the volume by day, weekdays at 7 / 6 of the mean; 0.2 of it in 5 x 2 h of 168.
    weekday, weekend = 0.8 * 7 / 6, 0.8 * 7 / 12
    late = 0.2 * 168 / 10
    saturday = 5 * 24 * 60
    assert own.course_of_week[12 * 60] == pytest.approx(1.5 * weekday, rel=1e-3)
    assert own.course_of_week[saturday] == pytest.approx(weekend * (1 + 0.5 * math.cos(math.pi)) + late, rel=1e-3)
    assert own.course_of_week[-1] == pytest.approx(0.5 * weekend, rel=1e-3)


def test_a_preset_that_there_is_not_is_told_with_those_that_are():
    with pytest.raises(UnknownPreset, match=r"is 'chat_consumr', must be one of batch-nightly, .*'chat-consumer'\?$"):
        load_preset("chat_consumr")
    with pytest.raises(UnknownPreset, match=r"is 'mine\.yaml', no such file in the working folder$"):
        load_preset("mine.yaml")


def test_a_file_of_one_s_own_needs_no_more_than_traffic(tmp_path):
    path = written(tmp_path, "traffic: {noise: {relative_sd: 0.2}, requests_per_day: 5000}\n")
    loaded = load_preset("own.yaml", (tmp_path / "elsewhere", tmp_path))
    assert loaded.traffic == {"noise": {"relative_sd": 0.2}, "requests_per_day": 5000}
    assert (loaded.workload, loaded.preset.mix, loaded.preset.source_of("noise")) == (None, None, None)
    assert load_preset(str(path)) is loaded


def test_a_file_that_changed_is_read_anew(tmp_path):
    path = written(tmp_path, "traffic: {shift_hours: 1}\n")
    assert read_preset(path).preset.traffic.shift_hours == 1
    written(tmp_path, "traffic: {shift_hours: 10}\n")
    assert read_preset(path).preset.traffic.shift_hours == 10


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("what: x\n", "own.yaml:1: traffic: is missing"),
        ("traffic:\n  spiks: {}\n", "own.yaml:2: traffic.spiks: unknown key; did you mean 'spikes'?"),
        ("traffic:\n  shift_hours: 200\n", "own.yaml:2: traffic.shift_hours: is 200, must be at most 168 [h]"),
        (
            "traffic:\n  requests_per_day: 1\n  daily_users: 1\n",
            "own.yaml:3: traffic.daily_users: must not be given together with requests_per_day",
        ),
        ("traffic:\n  preset: steady-api\n", "own.yaml:2: traffic.preset: must not be given in a preset"),
        (
            "traffic:\n  blend: {a: {share: 1}}\n",
            "own.yaml:2: traffic.blend: must not be given in a preset",
        ),
        ("traffic:\n  recorded: 1\n  recorded_from: 2026-01-01\n", "own.yaml:2: traffic.recorded: unknown key"),
        (
            "traffic: {}\nworkload:\n  a: {share: 0.5, input_tokens: 1, output_tokens: 1}\n",
            "own.yaml:3: workload.a.share: is 0.5, all shares together are 0.5, must add to 1",
        ),
        (
            "traffic: {}\nsources:\n  nois: {source: x, as_of: null}\n",
            "own.yaml:3: sources.nois: is the source of no key of traffic, nor of workload",
        ),
        (
            "traffic: {}\nsources:\n  noise: {source: assumed, as_of: null}\n",
            "own.yaml:3: sources.noise.note: must be given where source is assumed",
        ),
        ("traffic: {}\ntitle: x\n", "own.yaml:2: title: unknown key"),
    ],
)
def test_faults_of_a_preset_file_are_told_at_its_lines(tmp_path, text, fault):
    with pytest.raises(Faults) as raised:
        read_preset(written(tmp_path, text))
    assert fault in str(raised.value)
    assert len(raised.value.faults) == 1


def test_every_key_of_a_shape_that_is_drawn_may_stand_in_a_preset():
    from simulator.config.presets import PresetTraffic

    assert set(GENERATED_KEYS) <= set(PresetTraffic.model_fields)
