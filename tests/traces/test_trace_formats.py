"""Every format that is recognised, by a small sample of it whose sums are worked out by hand."""

import gzip
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simulator.traces import tables
from simulator.traces.reading import Columns, TraceError, read_recording

SAMPLES = Path(__file__).with_name("samples")
NAN = math.nan
NOVEMBER = datetime(2023, 11, 16, 18, 15, tzinfo=UTC)
USAGE = datetime(2024, 11, 1, tzinfo=UTC)
OCTOBER = datetime(2025, 10, 5, tzinfo=UTC)
NAMED = datetime(2023, 11, 14, 22, 13, tzinfo=UTC)
AUGUST = datetime(2026, 8, 6, 14, 25, tzinfo=UTC)
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

# Sample -> step, start, and what its steps hold. The log ends inside the step after the last.
EXPECTED = {
    "azure-naive.csv": (60, NOVEMBER, [3, 1, 0, 1], [600, 400, 0, 500], [60, 40, 0, 50]),
    "azure-offset.csv": (60, datetime(2024, 5, 12, tzinfo=UTC), [2, 1], [1500, 800], [6, 38]),
    "burstgpt.csv": (60, None, [1, 2], [400, 800], [20, 300]),
    "burstgpt-sessions.csv": (60, None, [1], [400], [20]),
    "mooncake.jsonl": (60, None, [2, 1], [13_000, 8_000], [900, 300]),
    "qwen-bailian.jsonl": (60, None, [1, 1], [2_000, 2_600], [500, 100]),
    "vidur.csv": (60, None, [2, 2], [700, 900], [153, 71]),
    "servegen-trace.csv": (600, None, [300, 150, 0, NAN, 3], [NAN] * 5, [NAN] * 5),
    "servegen-dataset.json": (21_600, None, [NAN] * 2, [NAN] * 2, [NAN] * 2),
    "aggregated.csv": (300, None, [12, NAN, 0, NAN, 7, 3], [3400, NAN, 0, NAN, NAN, 900], [560, NAN, 0, NAN, 210, 90]),
    "aggregated-time.csv": (3600, datetime(2026, 12, 1, tzinfo=UTC), [12.5, NAN, 0], [3400, NAN, 0], [560, NAN, 0]),
    "openai-usage.json": (3600, USAGE, [7, 0, NAN, 1], [1300, 0, NAN, 70], [560, 0, NAN, 20]),
    "openai-usage.csv": (86_400, OCTOBER, [54, 0, 30], [128_000, 0, 70_000], [9_700, 0, 5_000]),
    "litellm.json": (60, AUGUST, [2, *[0] * 7], [127, *[0] * 7], [37, *[0] * 7]),
    "litellm.jsonl": (60, AUGUST, [2], [127], [37]),
    "litellm.csv": (60, AUGUST, [2], [127], [37]),
    "langfuse.json": (60, MARCH, [1, 1], [90, 500], [20, 40]),
    "langfuse.jsonl": (60, MARCH, [1, 1], [90, 500], [20, 40]),
    "langfuse.csv": (60, MARCH, [1, 1], [90, 500], [20, 40]),
    "nginx.log": (60, datetime(2025, 10, 10, 11, 55, tzinfo=UTC), [2, 1], [NAN] * 2, [NAN] * 2),
    "prometheus.json": (
        60, datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC),
        # Both counters of pod a restart in the second step; b runs in the third alone; two samples of a are missing.
        [10 + 1, 4 + 0, 5 + 1 + 6, NAN, NAN, 1 + 0], [1000, 300, 600, NAN, NAN, 50], [50, 5, 30, NAN, NAN, 5],
    ),
}  # fmt: skip


def sums(recording):
    return recording.requests, recording.input_tokens, recording.output_tokens


def notes_of(name, **arguments):
    return "\n".join(read_recording(SAMPLES / name, **arguments).notes)


def test_every_sample_has_its_expectation():
    assert {path.name for path in SAMPLES.iterdir()} == {*EXPECTED, "service.csv"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_holds_what_was_counted_by_hand(name):
    step_s, start, *expected = EXPECTED[name]
    recording = read_recording(SAMPLES / name)
    assert (recording.step_s, recording.start_utc, recording.source) == (step_s, start, name)
    for given, counted in zip(sums(recording), expected, strict=True):
        np.testing.assert_array_equal(given, counted)


@pytest.mark.parametrize("name", EXPECTED)
def test_name_and_gzip_do_not_matter(name, tmp_path):
    packed = tmp_path / "trace.bin"
    packed.write_bytes(gzip.compress((SAMPLES / name).read_bytes()))
    recording, plain = read_recording(packed), read_recording(SAMPLES / name)
    assert recording == plain
    assert (recording.layout, recording.rows, recording.notes) == (plain.layout, plain.rows, plain.notes)
    assert recording.input_lengths == plain.input_lengths


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith(".csv") and "servegen" not in name])
def test_parquet_reads_as_the_csv_it_was_made_from(name, tmp_path):
    pytest.importorskip("pyarrow")
    import pandas as pd

    path = tmp_path / "trace"
    pd.read_csv(SAMPLES / name).to_parquet(path)
    recording, plain = read_recording(path), read_recording(SAMPLES / name)
    assert recording == plain
    assert recording.layout.replace("Parquet", "CSV") == plain.layout


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = tmp_path / "trace.parquet"
    path.write_bytes(b"PAR1 and the rest")
    with pytest.raises(TraceError, match=r"trace\.parquet: is Parquet.*pip install breakeven-simulator\[parquet\]"):
        read_recording(path)


@pytest.mark.parametrize("name", ["openai-usage.json", "prometheus.json", "langfuse.json", "litellm.json"])
def test_json_reads_the_same_on_one_line_and_indented(name, tmp_path):
    document = json.loads((SAMPLES / name).read_text())
    for indent in (None, 1):
        path = tmp_path / "trace.json"
        path.write_text(json.dumps(document, indent=indent))
        assert read_recording(path) == read_recording(SAMPLES / name)


def test_pages_of_usage_are_read_from_one_file_in_a_list_or_by_lines(tmp_path):
    page = json.loads((SAMPLES / "openai-usage.json").read_text())
    pages = [{**page, "data": page["data"][:1]}, {**page, "data": page["data"][1:]}]
    path = tmp_path / "usage"
    for text in (json.dumps(pages), "\n".join(json.dumps(page) for page in pages)):
        path.write_text(text)
        assert read_recording(path) == read_recording(SAMPLES / "openai-usage.json")


# --- what is left out is said


def test_failed_requests_are_no_demand_and_counted_in_the_notes():
    assert "1 row left out, not counted as demand: requests that failed (0 response tokens)" in notes_of("burstgpt.csv")
    assert "1 row left out, not counted as demand: calls that failed (status failure)" in notes_of("litellm.json")
    assert "1 row left out, not counted as demand: generations that failed (level ERROR)" in notes_of("langfuse.json")
    notes = notes_of("nginx.log")
    assert "1 row left out, not counted as demand: requests refused for load (status 429 or 503" in notes
    assert "1 row left out, not counted as demand: requests that failed by the client (status 4xx)" in notes
    assert "1 row left out, not counted as demand: requests that failed at the server (status 5xx)" in notes


def test_calls_that_are_no_generation_are_left_out():
    assert "calls that generate no text (by call_type)" in notes_of("litellm.json")
    assert "1 row left out, not counted as demand: observations that are no generation" in notes_of("langfuse.json")


def test_answers_from_a_cache_count_as_demand_and_are_noted():
    assert "answered from LiteLLM's cache: 1 request, counted as demand" in notes_of("litellm.json")


def test_an_export_that_lists_the_newest_first_is_read_and_noted():
    assert "rows are newest first" in notes_of("litellm.json")


def test_what_the_last_step_lost_is_noted():
    assert "the last 10 s are left out with 1 request" in notes_of("azure-naive.csv")


def test_unknown_steps_are_noted():
    notes = notes_of("aggregated.csv")
    assert "1 step without a row: unknown, not zero" in notes
    assert "requests of 1 of 5 steps are blank" in notes
    assert "input tokens of all steps are blank or have no column" in notes_of("servegen-trace.csv")
    assert "2 of 6 steps without a sample" in notes_of("prometheus.json")
    assert "4 restarts of a counter" in notes_of("prometheus.json")


def test_a_usage_bucket_without_use_is_zero_and_a_missing_one_unknown():
    notes = notes_of("openai-usage.json")
    assert "1 bucket without use: zero, as the ledger is complete" in notes
    assert "1 step without a row: unknown" in notes


# --- lengths


def test_lengths_are_those_of_the_requests():
    recording = read_recording(SAMPLES / "azure-naive.csv")
    lengths, logs = recording.input_lengths, np.log([100, 200, 300, 400, 500, 600])
    assert (lengths.count, lengths.mean) == (6, 350.0)
    assert (lengths.log_mean, lengths.log_sd) == (pytest.approx(logs.mean()), pytest.approx(logs.std()))
    assert len(lengths.quantiles) == 101
    assert [lengths.quantiles[share] for share in (0, 16, 17, 50, 51, 100)] == [100, 100, 200, 300, 400, 600]
    assert recording.length_correlation == pytest.approx(1.0)  # every answer is a tenth of its prompt


def test_lengths_leave_failed_requests_out():
    assert read_recording(SAMPLES / "burstgpt.csv").input_lengths.count == 4


def test_published_lengths_are_weighted_by_their_shares_and_count_no_requests():
    recording = read_recording(SAMPLES / "servegen-dataset.json")
    lengths = recording.input_lengths
    assert lengths.count == 0
    assert lengths.mean == pytest.approx(0.25 * 60 + 0.5 * 100 + 0.25 * 180)
    assert [lengths.quantiles[share] for share in (0, 25, 26, 75, 76, 100)] == [60, 60, 100, 100, 180, 180]
    assert recording.output_lengths.mean == pytest.approx(20)
    assert math.isnan(recording.mean_requests_per_s)


def test_lengths_beyond_the_exact_ones_keep_mean_and_greatest(tmp_path):
    path = tmp_path / "long.csv"
    rows = ["0,100,10", "30,1000000,10", "61,3000000,10", "90,3000001,10"]
    path.write_text("\n".join(["arrived_at,num_prefill_tokens,num_decode_tokens", *rows]) + "\n")
    lengths = read_recording(path).input_lengths
    assert lengths.mean == (100 + 1_000_000 + 3_000_000 + 3_000_001) / 4
    assert lengths.quantiles[100] == 3_000_001
    assert lengths.quantiles[50] == pytest.approx(1_000_000, rel=2e-4)


# --- columns that the user names, and the way times are written


def test_a_table_of_requests_by_named_columns():
    recording = read_recording(SAMPLES / "service.csv", columns=Columns("when", "prompt", "answer"))
    assert recording.start_utc == datetime(2023, 11, 14, 22, 13, tzinfo=UTC)  # 1700000000 is 22:13:20
    for given, counted in zip(sums(recording), ([2, 1], [300, 300], [30, 30]), strict=True):
        np.testing.assert_array_equal(given, counted)
    assert "taken as seconds since 1970-01-01 UTC" in recording.notes[0]


def test_a_table_of_sums_by_named_columns(tmp_path):
    path = tmp_path / "daily.csv"
    path.write_text("day;calls;prompt\n2024-01-01;5;50\n2024-01-02;;60\n2024-01-04;7;70\n")
    recording = read_recording(path, columns=Columns("day", "prompt", None, "calls"))
    assert (recording.step_s, recording.start_utc) == (86_400.0, datetime(2024, 1, 1, tzinfo=UTC))
    np.testing.assert_array_equal(recording.requests, [5, NAN, NAN, 7])
    np.testing.assert_array_equal(recording.input_tokens, [50, 60, NAN, 70])
    assert np.isnan(recording.output_tokens).all()


@pytest.mark.parametrize(
    ("times", "start", "note"),
    [
        ((1700000000000, 1700000070000, 1700000130000), NAMED, "milliseconds since"),
        (("2023-11-14T22:13:20Z", "2023-11-14T22:14:30Z", "2023-11-14T22:15:30Z"),
         NAMED, "left out"),
        (("2023-11-14 23:13:20", "2023-11-14 23:14:30", "2023-11-14 23:15:30"),
         NAMED, "taken as Europe/Paris (assumed)"),
        ((0.5, 70, 130), None, "seconds from the start of the recording"),
    ],
)  # fmt: skip
def test_the_way_times_are_written_is_found_and_said(times, start, note, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("t\n" + "".join(f"{time}\n" for time in times))
    recording = read_recording(path, columns=Columns("t", None, None), timezone="Europe/Paris")
    assert recording.start_utc == start
    np.testing.assert_array_equal(recording.requests, [1, 1])
    assert note in "\n".join(recording.notes)


def test_the_hour_that_clocks_repeat_is_told_apart_by_time_going_back(tmp_path, monkeypatch):
    clock = (
        "01:50",
        "02:10",
        "02:50",
        "02:05",
        "02:40",
        "03:05",
        "03:20",
    )  # 02:05 is an hour and a quarter after 01:50
    path = tmp_path / "log.csv"
    path.write_text("t\n" + "".join(f"2024-10-27 {time}:00\n" for time in clock))
    recording = read_recording(path, columns=Columns("t", None, None), timezone="Europe/Paris", step_s=1800)
    assert recording.start_utc == datetime(2024, 10, 26, 23, 50, tzinfo=UTC)
    np.testing.assert_array_equal(recording.requests, [2, 0, 2, 1, 1])  # from 23:50 UTC, half an hour each
    monkeypatch.setattr(tables, "_MOST_ROWS", 1)
    assert read_recording(path, columns=Columns("t", None, None), timezone="Europe/Paris", step_s=1800) == recording


def test_long_lines_of_json_are_lines_of_json(tmp_path):
    record = {"timestamp": 0, "input_length": 900, "output_length": 30, "hash_ids": list(range(30_000))}
    path = tmp_path / "long"
    path.write_text("".join(json.dumps({**record, "timestamp": moment}) + "\n" for moment in (0, 59_000, 61_000)))
    np.testing.assert_array_equal(read_recording(path).input_tokens, [1800])


def test_an_unknown_length_makes_the_sum_of_its_step_unknown(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,5,1\n20,,1\n61,7,1\n150,9,1\n")
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.requests, [2, 1])
    np.testing.assert_array_equal(recording.input_tokens, [NAN, 7])
    np.testing.assert_array_equal(recording.output_tokens, [2, 1])
    assert "input tokens of 1 request are blank" in recording.notes[0]


def test_longer_steps_count_the_same_requests():
    hours = read_recording(SAMPLES / "litellm.json", step_s=120)
    minutes = read_recording(SAMPLES / "litellm.json")
    assert hours.start_utc == minutes.start_utc
    np.testing.assert_array_equal(hours.requests, minutes.resampled(120).requests)
    np.testing.assert_array_equal(hours.input_tokens, minutes.resampled(120).input_tokens)


def test_steps_below_a_minute_start_at_the_whole_minute():
    recording = read_recording(SAMPLES / "azure-offset.csv", step_s=30)
    assert recording.start_utc == datetime(2024, 5, 12, tzinfo=UTC)
    np.testing.assert_array_equal(recording.requests, [1, 1, 1, 0])


def test_a_log_shorter_than_a_step_tells_lengths_but_no_rates(tmp_path):
    path = tmp_path / "short.csv"
    rows = ["2024-05-10 00:00:00.009930+00:00,100,10", "2024-05-10 00:00:00.250000+00:00,300,20"]
    path.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows, ""]), encoding="utf-8")
    recording = read_recording(path)
    assert recording.requests.tolist() == [2.0]
    assert recording.input_tokens.tolist() == [400.0]
    assert recording.input_lengths.mean == 200.0
    assert any("0.24007 s, less than a step of 60 s" in note for note in recording.notes)


@pytest.mark.parametrize("head", ["offset_s,requests", "time,requests"])
def test_sums_of_requests_alone_leave_the_tokens_unknown(tmp_path, head):
    times = (
        ["0", "60", "120"]
        if head.startswith("offset")
        else ["2026-01-05T00:00", "2026-01-05T00:01", "2026-01-05T00:02"]
    )
    path = tmp_path / "requests.csv"
    path.write_text("\n".join([head, *(f"{time},{count}" for time, count in zip(times, (5, 7, 9), strict=True)), ""]))
    recording = read_recording(path)
    assert recording.requests.tolist() == [5, 7, 9]
    assert np.isnan(recording.input_tokens).all()
    assert np.isnan(recording.output_tokens).all()


# --- logs of one's own


@pytest.mark.parametrize("time", ["timestamp", "time", "ts", "datetime", "created_at"])
@pytest.mark.parametrize(("given", "made"), [("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")])
def test_a_log_with_common_names_is_read_without_naming_its_columns(time, given, made, tmp_path):
    path = tmp_path / "log.csv"
    rows = ["2026-10-01T00:00:10Z,a,100,20", "2026-10-01T00:00:50Z,b,50,30", "2026-10-01T00:01:20Z,a,7,3"]
    path.write_text("\n".join([f"{time},model,{given},{made}", *rows, ""]))
    recording = read_recording(path)
    assert recording.start_utc == datetime(2026, 10, 1, tzinfo=UTC)
    for sum_, counted in zip(sums(recording), ([2], [150], [50]), strict=True):
        np.testing.assert_array_equal(sum_, counted)
    assert "every row is taken as one request (assumed)" in "\n".join(recording.notes)


def test_rows_with_a_count_of_requests_are_never_taken_as_single_requests(tmp_path):
    path = tmp_path / "sums.csv"
    path.write_text("time,requests,input_tokens,output_tokens\n2026-10-01T00:00Z,9,90,9\n2026-10-01T01:00Z,8,80,8\n")
    np.testing.assert_array_equal(read_recording(path).requests, [9, 8])
    path.write_text("timestamp,num_requests,input_tokens,output_tokens\n2026-10-01T00:00Z,9,90,9\n")
    with pytest.raises(TraceError, match="no format is known"):
        read_recording(path)


@pytest.mark.parametrize("word", ["None", "null", "NULL", ""])
def test_the_words_that_exports_write_for_nothing_are_unknown_not_zero(word, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(f"time,input_tokens,output_tokens\n0,5,1\n20,{word},1\n61,7,{word}\n150,9,1\n")
    recording = read_recording(path)
    for given, counted in zip(sums(recording), ([2, 1], [NAN, 7], [2, NAN]), strict=True):
        np.testing.assert_array_equal(given, counted)


# --- the step inside which a log ends


def access_log(path, seconds):
    """Requests at these seconds after midnight of 13 October, UTC."""
    rows = []
    for second in seconds:
        clock = f"{13 + second // 86_400}/Oct/2026:{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        rows.append(f'10.0.0.1 - - [{clock} +0000] "POST /v1/chat/completions HTTP/1.1" 200 99\n')
    path.write_text("".join(rows))
    return path


@pytest.mark.parametrize("days", [1, 7])
def test_a_log_that_is_rotated_at_midnight_is_whole_days(days, tmp_path):
    # A request every 20 s, the last one 15 s before midnight: less than 60 s of silence.
    recording = read_recording(access_log(tmp_path / "log", range(5, days * 86_400, 20)))
    np.testing.assert_array_equal(recording.requests, np.full(days * 1440, 3.0))
    assert "its last row is 15 s before its end" in recording.notes[-1]


def test_a_step_that_the_log_leaves_silent_is_left_out(tmp_path):
    # A request every 5 s: 15 s of silence are three distances, 16 s are more.
    dense = [*range(0, 3600, 5), 3600, 3620, 3643]
    assert read_recording(access_log(tmp_path / "log", dense)).requests.size == 60
    dense[-1] = 3646
    np.testing.assert_array_equal(read_recording(access_log(tmp_path / "log", dense)).requests, [12] * 60 + [3])


def test_a_last_step_that_completes_a_day_is_unknown_where_the_log_falls_silent(tmp_path):
    # Ten seconds apart until 23:59:20; 40 s of silence are more than three distances.
    recording = read_recording(access_log(tmp_path / "log", range(0, 86_400 - 39, 10)))
    np.testing.assert_array_equal(recording.requests, [6.0] * 1439 + [NAN])
    assert np.isnan(recording.input_tokens).all()
    assert "the last step is unknown, not zero, with 3 requests in it" in recording.notes[-1]


def test_a_log_that_runs_over_midnight_by_seconds_is_whole_days(tmp_path):
    recording = read_recording(access_log(tmp_path / "log", range(0, 86_450, 20)))
    np.testing.assert_array_equal(recording.requests, [3.0] * 1440)


def test_a_few_rows_tell_too_little_of_their_distance_to_go_on(tmp_path):
    assert read_recording(access_log(tmp_path / "log", range(0, 1000, 20))).requests.size == 16


def test_an_access_log_in_the_common_format_is_read(tmp_path):
    np.testing.assert_array_equal(read_recording(access_log(tmp_path / "log", [5, 30, 70])).requests, [2])


@pytest.mark.parametrize("by_lines", [True, False])
def test_usage_whose_last_page_has_more_is_noted_as_incomplete(by_lines, tmp_path):
    page = json.loads((SAMPLES / "openai-usage.json").read_text())
    path = tmp_path / "usage"

    def notes(*has_more):
        halves = (page["data"][:1], page["data"][1:])
        pages = [{**page, "data": data, "has_more": more} for data, more in zip(halves, has_more, strict=True)]
        path.write_text("\n".join(map(json.dumps, pages)) + "\n" if by_lines else json.dumps(pages))
        return "\n".join(read_recording(path).notes)

    assert "the export is incomplete" in notes(True, True)
    assert "incomplete" not in notes(True, False)
