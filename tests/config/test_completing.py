"""Presets and recordings in scenario files: what they bring in, and where what is wrong with them is told."""

import numpy as np
import pytest

from simulator.catalogue.planning import make_plan
from simulator.config.completing import completed
from simulator.config.faults import Faults
from simulator.config.overrides import override_document
from simulator.config.presets import load_preset
from simulator.config.recordings import recording_at, workload_of
from simulator.config.scenarios import check_plan, load_scenario, parse_scenario, scenario_document
from simulator.domain.recordings import Lengths, Recording
from simulator.domain.units import DAYS_PER_MONTH

OPTIONS = """\
options:
  api: {kind: api, model: claude-haiku-4-5}
  fleet: {kind: self_hosted, model: llama-3.1-8b, gpu: h100-sxm, rental: {provider: lambda}}
"""
WORKLOAD = "workload: {request: {input_tokens: 500, output_tokens: 100}}\n"


@pytest.fixture
def scenario_of(tmp_path):
    """Of a `traffic:` section, the scenario; overrides as on the command line."""

    def make(traffic, workload="", overrides=None):
        path = tmp_path / "s.yaml"
        path.write_text(f"title: T\n{traffic}{workload}{OPTIONS}", encoding="utf-8")
        return parse_scenario(scenario_document(path, overrides))

    return make


@pytest.fixture
def faults_of(tmp_path):
    """Of a `traffic:` section, which starts in line 2, the faults without the folder."""

    def make(traffic, workload="", overrides=None):
        path = tmp_path / "s.yaml"
        path.write_text(f"title: T\n{traffic}{workload}{OPTIONS}", encoding="utf-8")
        with pytest.raises(Faults) as raised:
            check_plan(scenario_document(path, overrides), make_plan)
        return [
            line.replace(f"{tmp_path}/", "").replace(str(tmp_path), "FOLDER") for line in map(str, raised.value.faults)
        ]

    return make


# Presets


def test_a_preset_brings_in_the_shape_and_the_lengths_of_its_product(scenario_of):
    scenario = scenario_of("traffic: {preset: chat-consumer, requests_per_day: 200_000, timezone: Europe/Paris}\n")
    preset = load_preset("chat-consumer").preset
    traffic = scenario.traffic
    assert traffic.timezone == "Europe/Paris"
    assert traffic.weekday_hours == preset.traffic.weekday_hours
    assert traffic.noise == preset.traffic.noise
    assert (traffic.counts, traffic.token_lengths) == ("poisson", preset.traffic.token_lengths)
    assert (scenario.mix.input_tokens, scenario.mix.output_tokens) == (1155, 211)
    assert scenario.tokens_per_month == pytest.approx(200_000 * DAYS_PER_MONTH * (1155 + 211))


def test_a_workload_of_one_s_own_counts(scenario_of):
    scenario = scenario_of("traffic: {preset: chat-consumer, requests_per_day: 1}\n", WORKLOAD)
    assert scenario.mix.input_tokens == 500


def test_a_day_of_one_s_own_takes_the_place_of_the_preset_s(scenario_of):
    traffic = scenario_of(
        "traffic: {preset: chat-consumer, requests_per_day: 1, diurnal: {peak_hour: 9, peak_to_mean: 2}}\n"
    ).traffic
    assert (traffic.hours_of_week, traffic.diurnal.peak_hour) == ((), 9)


def test_a_week_of_one_s_own_says_how_high_the_weekend_is(scenario_of):
    traffic = scenario_of(
        "traffic: {preset: enterprise-workday, requests_per_day: 1, weekly: {weekend_to_weekday: 0.3}}\n"
    ).traffic
    # The hours keep their courses, and neither half of the week is higher than the other before `weekly` counts.
    assert sum(traffic.weekend_hours) == pytest.approx(sum(traffic.weekday_hours))
    given = load_preset("enterprise-workday").preset.traffic.weekend_hours
    assert np.array(traffic.weekend_hours) / given == pytest.approx(np.full(24, traffic.weekend_hours[0] / given[0]))


def test_null_takes_a_part_out(scenario_of):
    traffic = scenario_of(
        "traffic: {preset: steady-api, requests_per_day: 1, spikes: null, noise: {parts: {six_hours: null}}}\n"
    ).traffic
    assert traffic.spikes is None
    assert set(traffic.noise.parts) == {"minute", "five_minutes", "twenty_minutes", "ninety_minutes"}


def test_a_preset_works_from_the_command_line_and_from_python():
    traffic = {"traffic.preset": "steady-api", "traffic.spikes.per_week": 2, "workload": None}
    scenario = load_scenario("minimal", overrides=traffic, make_plan=make_plan)
    assert scenario.traffic.spikes.per_week == 2
    assert scenario.traffic.spikes.tail_index == 1.25
    assert scenario.mix.input_tokens == 914
    mapping = {
        "title": "T",
        "traffic": {"preset": "steady-api", "requests_per_day": np.float64(10), "spikes": {"per_week": 2}},
        "options": {"a": {"kind": "api", "model": "claude-haiku-4-5"}, "b": {"kind": "api", "model": "gpt-4o-mini"}},
    }
    assert load_scenario(mapping, make_plan=make_plan).traffic.spikes == scenario.traffic.spikes
    assert "workload" not in mapping


def test_a_sweep_goes_over_presets():
    document = scenario_document("minimal", {"traffic.noise.taylor_exponent": 1.7})
    exponents = {}
    for name in ("chat-consumer", "batch-nightly"):
        scenario = parse_scenario(override_document(document, {"traffic.preset": name}))
        exponents[name] = (scenario.traffic.noise.taylor_exponent, len(scenario.traffic.jobs))
    assert exponents == {"chat-consumer": (1.7, 0), "batch-nightly": (1.7, 2)}


def test_an_unknown_preset_is_one_fault_and_hides_no_other(faults_of):
    assert faults_of(
        "traffic:\n  requests_per_day: -1\n  preset: steady-ap\n  spikes: {per_week: 2}\n  jobs: {a: {share: 2}}\n"
    ) == [
        "s.yaml:3: traffic.requests_per_day: is -1, must be greater than 0",
        "s.yaml:4: traffic.preset: is 'steady-ap', must be one of batch-nightly, chat-consumer, chat-global, "
        "code-assistant, enterprise-workday, steady-api, viral-launch, or a file that ends in .yaml; "
        "did you mean 'steady-api'?",
        "s.yaml:6: traffic.jobs.a.share: is 2, must be at most 1",
        "s.yaml:6: traffic.jobs.a.start_hour: is missing",
        "s.yaml:6: traffic.jobs.a.duration_hours: is missing",
    ]


def test_what_a_preset_and_the_user_s_keys_make_together_is_told_at_the_line_of_the_preset(faults_of):
    (fault,) = faults_of(
        "traffic:\n  requests_per_day: 1\n  preset: chat-consumer\n  weekday_hours: [1, 2]\n  weekend_hours: null\n"
    )
    assert fault == "s.yaml:5: traffic.weekday_hours: has 2 entries, must have at least 24"
    (fault,) = faults_of(
        "traffic:\n  requests_per_day: 1\n  jobs: {a: {share: 0.5, start_hour: 1, duration_hours: 1}}\n"
        "  preset: batch-nightly\n"
    )
    assert fault == "s.yaml:4: traffic.jobs.a.share: is 0.5, all jobs together must be at most 1"


def test_a_key_that_the_preset_brought_in_has_the_line_of_the_preset(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(f"title: T\ntraffic:\n  requests_per_day: 1\n  preset: steady-api\n{OPTIONS}", encoding="utf-8")
    whole, faults = completed(scenario_document(path))
    assert faults == []
    assert whole.place_of(("traffic", "noise", "parts", "minute")) == (str(path), 4)
    assert whole.place_of(("workload", "request", "input_tokens")) == (str(path), 4)
    assert whole.place_of(("traffic", "requests_per_day")) == (str(path), 3)
    overridden, _ = completed(scenario_document(path, {"traffic.preset": "chat-global"}))
    assert overridden.place_of(("traffic", "noise")) == ("--set traffic.preset=chat-global", None)


@pytest.mark.parametrize(("preset", "message"), [("3", "is 3, must be text"), ("[a]", "must be text")])
def test_a_preset_must_be_text(faults_of, preset, message):
    faults = faults_of(f"traffic:\n  requests_per_day: 1\n  preset: {preset}\n", WORKLOAD)
    assert len(faults) == 1
    assert faults[0].startswith("s.yaml:4: traffic.preset: ")
    assert message in faults[0]


def test_traffic_that_is_no_mapping_is_told_as_ever(faults_of):
    (fault,) = faults_of("traffic: chat-consumer\n", WORKLOAD)
    assert fault == "s.yaml:2: traffic: must be a mapping, is 'chat-consumer'"
    assert faults_of("traffic: {requests_per_day: 1}\n") == ["s.yaml:1: workload: is missing"]


def test_a_file_of_one_s_own_is_looked_for_beside_the_scenario(tmp_path, scenario_of, faults_of, monkeypatch):
    own = "what: mine\ntraffic: {noise: {relative_sd: 0.2}, requests_per_day: 5000, growth_per_month: 0.1}\n" + WORKLOAD
    (tmp_path / "mine.yaml").write_text(own, encoding="utf-8")
    scenario = scenario_of("traffic: {preset: mine.yaml}\n")
    assert (scenario.traffic.requests_per_day, scenario.traffic.growth_per_month) == (5000, 0.1)
    assert scenario.mix.input_tokens == 500
    assert scenario_of("traffic: {preset: mine.yaml, daily_users: 10}\n").traffic.requests_per_day is None
    (tmp_path / "mine.yaml").write_text("traffic:\n  shift_hours: 1000\n", encoding="utf-8")
    assert faults_of("traffic:\n  requests_per_day: 0\n  preset: mine.yaml\n") == [
        "mine.yaml:2: traffic.shift_hours: is 1000, must be at most 168 [h]",
        "s.yaml:3: traffic.requests_per_day: is 0, must be greater than 0",
        "s.yaml:4: traffic.preset: is 'mine.yaml', which has faults of its own",
    ]
    assert faults_of("traffic: {requests_per_day: 1, preset: other.yaml}\n") == [
        "s.yaml:2: traffic.preset: is 'other.yaml', no such file in FOLDER"
    ]


def test_a_file_named_on_the_command_line_is_looked_for_in_the_working_folder_first(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("traffic: {shift_hours: 3}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario("minimal", {"traffic.preset": "mine.yaml"}, make_plan=make_plan)
    assert scenario.traffic.shift_hours == 3


# Blends


BLEND = """\
traffic:
  requests_per_day: 1000
  blend:
    europe: {preset: enterprise-workday, share: 0.6, timezone: Europe/Berlin}
    chat: {preset: viral-launch, share: 0.4, spikes: null}
"""


def test_every_part_of_a_blend_has_a_preset_of_its_own(scenario_of):
    scenario = scenario_of(BLEND)
    europe, chat = scenario.traffic.blend.values()
    assert (europe.timezone, chat.timezone) == ("Europe/Berlin", "UTC")
    assert europe.weekday_hours == load_preset("enterprise-workday").preset.traffic.weekday_hours
    assert (chat.spikes, chat.events["launch"].factor) == (None, 10)
    assert europe.spikes.per_week == 0.8


def test_lengths_and_counts_of_a_blend_are_those_of_its_largest_part(scenario_of):
    scenario = scenario_of(BLEND)
    assert scenario.traffic.counts == "poisson"
    assert scenario.traffic.token_lengths == load_preset("enterprise-workday").preset.traffic.token_lengths
    assert scenario.mix.input_tokens == 914
    turned = scenario_of(BLEND.replace("0.6", "0.3").replace("0.4", "0.7"))
    assert turned.mix.input_tokens == 1155
    assert turned.traffic.token_lengths.output.log_sd == 0.68


def test_what_traffic_gives_itself_counts_in_a_blend(scenario_of):
    scenario = scenario_of(BLEND + "  counts: expected\n  token_lengths: {output: {log_sd: 0}}\n", WORKLOAD)
    assert scenario.traffic.counts == "expected"
    lengths = scenario.traffic.token_lengths
    assert (lengths.output.log_sd, lengths.output.drift_relative_sd, lengths.input.log_sd) == (0, 0.08, 0.97)
    assert scenario.mix.input_tokens == 500


def test_faults_in_a_blend_name_their_part(faults_of):
    assert faults_of(BLEND.replace("viral-launch", "viral").replace("Europe/Berlin", "Europe/Bern")) == [
        "s.yaml:5: traffic.blend.europe.timezone: is 'Europe/Bern', must be an IANA time zone such as Europe/Paris "
        "or UTC",
        "s.yaml:6: traffic.blend.chat.preset: is 'viral', must be one of batch-nightly, chat-consumer, chat-global, "
        "code-assistant, enterprise-workday, steady-api, viral-launch, or a file that ends in .yaml; "
        "did you mean 'viral-launch'?",
    ]


def test_a_preset_beside_a_blend_is_refused(faults_of):
    (fault,) = faults_of(BLEND + "  preset: steady-api\n")
    assert fault.startswith("s.yaml:7: traffic.preset: must not be given together with blend")


def test_a_blend_that_is_no_mapping_of_mappings_is_told_as_ever(faults_of):
    assert faults_of("traffic: {requests_per_day: 1, blend: {a: chat-consumer}}\n", WORKLOAD) == [
        "s.yaml:2: traffic.blend.a: must be a mapping, is 'chat-consumer'"
    ]


# Recordings


HOURS = "offset_s,requests,input_tokens,output_tokens\n0,100,50000,10000\n3600,300,150000,30000\n"


def test_a_recording_beside_the_scenario_brings_in_volume_and_lengths(tmp_path, scenario_of):
    (tmp_path / "hours.csv").write_text(HOURS, encoding="utf-8")
    scenario = scenario_of("traffic: {kind: trace, file: hours.csv}\n")
    assert list(scenario.traffic.recorded.requests) == [100, 300]
    assert (scenario.mix.input_tokens, scenario.mix.output_tokens) == (500, 100)
    assert scenario.tokens_per_month == pytest.approx(200 * 730 * 600)


def test_a_recording_is_read_once_until_it_changes(tmp_path, scenario_of):
    path = tmp_path / "hours.csv"
    path.write_text(HOURS, encoding="utf-8")
    traffic = "traffic: {kind: trace, file: hours.csv}\n"
    first = scenario_of(traffic).traffic.recorded
    assert scenario_of(traffic).traffic.recorded is first
    path.write_text(HOURS + "7200,500,250000,50000\n", encoding="utf-8")
    assert scenario_of(traffic).traffic.recorded.steps == 3


def test_columns_of_a_table_of_one_s_own_are_named(tmp_path, scenario_of, faults_of):
    rows = "when,n,prompt\n2026-05-04T09:00,10,5000\n2026-05-04T10:00,30,15000\n2026-05-04T11:00,20,10000\n"
    (tmp_path / "own.csv").write_text(rows, encoding="utf-8")
    named = "kind: trace, file: own.csv, requests_column: n, input_column: prompt"
    recorded = scenario_of(
        f"traffic: {{{named}, time_column: when, timezone: Europe/Paris}}\n", WORKLOAD
    ).traffic.recorded
    assert (recorded.step_s, list(recorded.requests), list(recorded.input_tokens)) == (
        3600,
        [10, 30, 20],
        [5000, 15000, 10000],
    )
    assert (recorded.start_utc.day, recorded.start_utc.hour) == (4, 7)  # summer time in Paris
    assert faults_of(f"traffic:\n  {{{named}}}\n") == ["s.yaml:3: traffic.input_column: must be given with time_column"]


def test_a_recording_named_in_python_is_looked_for_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "hours.csv").write_text(HOURS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    mapping = {
        "title": "T",
        "traffic": {"kind": "trace", "file": "hours.csv"},
        "options": {"a": {"kind": "api", "model": "claude-haiku-4-5"}, "b": {"kind": "api", "model": "gpt-4o-mini"}},
    }
    assert load_scenario(mapping, make_plan=make_plan).mix.input_tokens == 500
    overrides = {"traffic": {"kind": "trace", "file": "hours.csv"}, "workload": None}
    assert load_scenario("minimal", overrides, make_plan=make_plan).mix.input_tokens == 500


def test_parts_of_a_blend_may_be_recordings(tmp_path, scenario_of):
    (tmp_path / "hours.csv").write_text(HOURS, encoding="utf-8")
    scenario = scenario_of(
        "traffic:\n  requests_per_day: 10\n  blend:\n    a: {kind: trace, file: hours.csv, share: 0.3}\n"
        "    b: {preset: chat-consumer, share: 0.7}\n"
    )
    assert scenario.traffic.blend["a"].recorded.steps == 2
    assert scenario.mix.input_tokens == 1155


def test_a_recording_without_tokens_takes_its_lengths_from_a_preset(tmp_path, scenario_of, faults_of):
    (tmp_path / "counts.csv").write_text(
        "offset_s,requests,input_tokens,output_tokens\n0,1,,\n3600,3,,\n", encoding="utf-8"
    )
    scenario = scenario_of("traffic: {kind: trace, file: counts.csv, preset: chat-consumer}\n")
    assert scenario.mix.output_tokens == 211
    assert scenario.traffic.token_lengths.output.log_sd == 0.68
    assert (scenario.traffic.noise, scenario.traffic.counts, scenario.traffic.hours_of_week) == (None, "expected", ())
    assert faults_of("traffic: {kind: trace, file: counts.csv}\n") == [
        "s.yaml:1: workload: is missing, and 'counts.csv' does not tell the lengths of requests"
    ]


def test_a_recording_with_tokens_keeps_its_own_lengths_beside_a_preset(tmp_path, scenario_of):
    (tmp_path / "hours.csv").write_text(HOURS, encoding="utf-8")
    scenario = scenario_of("traffic: {kind: trace, file: hours.csv, preset: chat-consumer}\n")
    assert scenario.mix.output_tokens == 100
    assert scenario.traffic.token_lengths is None


def test_faults_of_a_recording_are_told_at_the_line_of_its_file_with_its_own(tmp_path, faults_of):
    (tmp_path / "bad.csv").write_text(HOURS.replace(",300,", ",x,"), encoding="utf-8")
    shifted, wrong = faults_of("traffic:\n  kind: trace\n  shift_hours: 900\n  file: bad.csv\n")
    assert shifted == "s.yaml:4: traffic.shift_hours: is 900, must be at most 168 [h]"
    assert wrong.startswith("s.yaml:5: traffic.file: bad.csv:3: requests: ")
    assert "'x'" in wrong
    assert faults_of("traffic:\n  kind: trace\n  file: none.csv\n") == [
        "s.yaml:4: traffic.file: is 'none.csv', no such file in FOLDER"
    ]


def test_a_file_named_by_its_whole_path_is_looked_for_nowhere_else(faults_of):
    assert faults_of("traffic: {kind: trace, file: /nowhere/none.csv}\n") == [
        "s.yaml:2: traffic.file: is '/nowhere/none.csv', no such file"
    ]


@pytest.mark.parametrize("name", ["''", '"a\\0b"', "x" * 5000])
def test_a_name_that_no_file_can_have_is_one_fault(faults_of, name):
    for traffic in (f"{{kind: trace, file: {name}}}", f"{{requests_per_day: 1, preset: {name}}}"):
        assert len(faults_of(f"traffic: {traffic}\n")) == 1


def test_a_wrong_time_zone_of_a_recording_is_told_once(tmp_path, faults_of):
    (tmp_path / "hours.csv").write_text(HOURS, encoding="utf-8")
    assert faults_of("traffic:\n  kind: trace\n  file: hours.csv\n  timezone: Mars\n") == [
        "s.yaml:5: traffic.timezone: is 'Mars', must be an IANA time zone such as Europe/Paris or UTC"
    ]


@pytest.mark.parametrize("value", ["3", "null", "{source: x}"])
def test_nobody_writes_a_recording_into_a_scenario(faults_of, value):
    (fault,) = faults_of(f"traffic:\n  requests_per_day: 1\n  recorded: {value}\n", WORKLOAD)
    assert fault == "s.yaml:4: traffic.recorded: unknown key; did you mean 'recorded_from'?"
    (fault,) = faults_of(
        f"traffic:\n  requests_per_day: 1\n  blend: {{a: {{share: 1, recorded: {value}}}}}\n", WORKLOAD
    )
    assert fault == "s.yaml:4: traffic.blend.a.recorded: unknown key; did you mean 'recorded_from'?"


def recording(requests, input_tokens, output_tokens, lengths=None):
    arrays = [np.array(values, dtype=float) for values in (requests, input_tokens, output_tokens)]
    return Recording("r", "x", 60.0, None, *arrays, input_lengths=lengths, output_lengths=lengths)


def test_mean_lengths_of_a_recording_are_of_the_steps_that_tell_them():
    unknown = np.nan
    told = recording([10, 20, unknown, 30], [100, unknown, 700, 500], [20, 40, 60, 60])
    assert workload_of(told) == {"request": {"input_tokens": 600 / 40, "output_tokens": 120 / 60}}


def test_mean_lengths_of_a_recording_may_be_those_of_single_requests():
    lengths = Lengths(count=5, mean=42.0, log_mean=3.0, log_sd=1.0, quantiles=())
    assert workload_of(recording([1], [np.nan], [np.nan], lengths)) == {
        "request": {"input_tokens": 42.0, "output_tokens": 42.0}
    }
    assert workload_of(recording([1], [5], [np.nan])) is None
    assert workload_of(recording([0], [0], [0])) is None


def test_a_file_that_is_gone_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        recording_at(tmp_path / "gone.csv", {}, "UTC")
