"""Files that cannot be read: one line that names file, line and column, and nothing else."""

import gzip
import os
import re
from pathlib import Path

import pytest

from simulator.traces.reading import Columns, TraceError, read_recording

SAMPLES = Path(__file__).with_name("samples")
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
SUMS = "offset_s,requests,input_tokens,output_tokens\n"
MINUTES = [f"2024-05-12 {i // 60:02d}:{i % 60:02d}:00,{i + 1},{i}\n" for i in range(300)]


def written(folder, content):
    path = folder / "trace"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_fault(path, place, what, **arguments):
    """One line, at that place of the file, with those words."""
    with pytest.raises(TraceError) as caught:
        read_recording(path, **arguments)
    message = str(caught.value)
    assert message.startswith(f"{path}{place}: "), message
    assert re.search(what, message), message
    assert "\n" not in message


def azure_with(row, line=50):
    """300 requests, one a minute; that of a line (counted from 0 below the header) put in."""
    return AZURE + "".join([*MINUTES[:line], row + "\n", *MINUTES[line + 1 :]])


FAULTS = {
    # name: (content, place, words)
    "empty": ("", "", "is empty, must hold a trace"),
    "blank lines alone": ("\n \n", "", "is empty"),
    "a header alone": (AZURE, "", "holds a header only"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x01", ":3", "is binary, must be text"),
    "not UTF-8": (b"TIMESTAMP,ContextTokens,GeneratedTokens\n2024-01-01,\xe9,3\n", ":2", "byte 0xe9, must be UTF-8"),
    "UTF-16": (AZURE.encode("utf-16"), ":1", "UTF-16 text, must be UTF-8"),
    "half a last line": (AZURE + "".join(MINUTES)[:-5], ":301", "2 of 3 fields and no line end: the file is cut off"),
    "cut after a comma": (AZURE + "".join(MINUTES)[:-4], ":301", "blank and no line end: the file is cut off"),
    "too few fields": (azure_with("2024-05-12 00:50:00,51"), ":52", "has 2 fields, must have 3"),
    "thousands with a comma": (azure_with("2024-05-12 00:50:00,4,808,10"), ":52", "has 4 fields, must have 3"),
    "thousands with a comma in all rows": (AZURE + "".join(MINUTES).replace(":00,", ":00,4,"), ":2", "has 4 fields"),
    "a quote not closed": (azure_with('"2024-05-12 00:50:00,1,1'), ":52", "never closed"),
    "negative tokens": (azure_with("2024-05-12 00:50:00,-51,1"), ":52: ContextTokens", "is -51, must be .* at least 0"),
    "tokens in words": (azure_with("2024-05-12 00:50:00,1,many"), ":52: GeneratedTokens", "is 'many', must be"),
    "tokens NaN": (azure_with("2024-05-12 00:50:00,NaN,1"), ":52: ContextTokens", "is 'NaN', must be a number"),
    "infinite tokens": (azure_with("2024-05-12 00:50:00,1e400,1"), ":52: ContextTokens", "is (inf|.1e400.), must be"),
    "truth for tokens": (azure_with("2024-05-12 00:50:00,True,1"), ":52: ContextTokens", "is 'True'"),
    "no time": (azure_with(",51,1"), ":52: TIMESTAMP", "is blank, must be a time"),
    "time NaN": (azure_with("nan,51,1"), ":52: TIMESTAMP", "is 'nan', must be a time"),
    "a day that is not": (azure_with("2024-02-30 00:00:00,51,1"), ":52: TIMESTAMP", "is '2024-02-30 00:00:00'"),
    "a zone at one time": (azure_with("2024-05-12 00:50:00+00:00,5,1"), ":52: TIMESTAMP", "must be without a"),
    "not in order": (azure_with(MINUTES[200].strip()), ":53: TIMESTAMP", "goes back by 8,940 s"),
    "appended to itself": (AZURE + "".join(MINUTES * 2), ":302: TIMESTAMP", "goes back by 17,940 s"),
    "newest first": (AZURE + "".join(MINUTES[::-1]), ":8: TIMESTAMP", "goes back by 360 s"),
    "two hundred years": (azure_with("2200-05-12 00:50:00,5,1"), ":52: TIMESTAMP", "175.99 years long, must be"),
    "columns unknown": ("a,b\n1,2\n", ":1", "the columns are a, b; no format is known by them"),
    "a column twice": ("a,a\n1,2\n", ":1: a", "named twice"),
    "prose": ("Hello there.\nThis is text.\n", ":1", "no format is known"),
    "a step twice": (SUMS + "0,1,2,3\n60,1,2,3\n60,1,2,3\n120,1,1,1\n", ":4: offset_s", "was there before"),
    "steps back": (SUMS + "0,1,2,3\n60,1,2,3\n0,1,2,3\n", ":4: offset_s", "goes back by 60 s"),
    "two recordings": ("service," + SUMS + "a,0,1,2,3\na,60,1,2,3\nb,0,1,2,3\n", ":4: offset_s", "also has service"),
    "another step": (SUMS + "0,1,2,3\n60,1,2,3\n120,1,2,3\n130,1,1,1\n", ":5: offset_s", "whole number of steps"),
    "one step": (SUMS + "0,1,2,3\n", ": offset_s", "holds one step, must hold two"),
    "sums cut off": (SUMS + "0,1,2,3\n60,1,2,3\n120,1", ":4", "2 of 4 fields and no line end"),
    "negative requests": (SUMS + "0,1,2,3\n60,-1,2,3\n", ":3: requests", "is -1, must be a number of requests"),
    "requests in words": (SUMS + "0,1,2,3\n60,x,2,3\n", ":3: requests", "is 'x', must be a number of requests"),
    "a negative offset": (SUMS + "-60,1,2,3\n0,1,2,3\n", ":2: offset_s", "is -60, must be at least 0"),
    "an offset of centuries": (SUMS + "0,1,2,3\n60,1,2,3\n9999999960,1,1,1\n", ":4: offset_s", "is 1e.10, must be"),
    "decades of minutes": (SUMS + "0,1,2,3\n60,1,2,3\n120,1,2,3\n699999960,,,\n", ":5: offset_s", "at most 10,519,200"),
    "JSON of numbers": ("[1, 2]", ":1", "is '1', must be a JSON object"),
    "no records": ('{"data": []}', "", "holds no records"),
    "JSON too deep": ("[" * 100_000, "", "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_at_its_place(name, tmp_path):
    content, place, words = FAULTS[name]
    assert_fault(written(tmp_path, content), place, words)


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "UTF-16"])
def test_a_fault_is_named_at_the_same_place_in_gzip(name, tmp_path):
    content, place, words = FAULTS[name]
    content = content if isinstance(content, bytes) else content.encode()
    if content:
        assert_fault(written(tmp_path, gzip.compress(content)), place, words)


# Sample, what stands in it, what is put in its place, and the fault.
CHANGED = [
    ("mooncake.jsonl", "8000", "-8000", ":3: input_length", "is -8000"),
    ("mooncake.jsonl", "8000", '"many"', ":3: input_length", "is 'many'"),
    ("mooncake.jsonl", "8000", "true", ":3: input_length", "is 'True'"),
    ("mooncake.jsonl", "8000", "1" + "0" * 400, ":3: input_length", "must be a number of tokens"),
    ("mooncake.jsonl", "60000", "null", ":3: timestamp", "is blank"),
    ("mooncake.jsonl", '{"timestamp": 60000', '{"timestamp" 60000', ":3", "is not JSON"),
    ("mooncake.jsonl", '"hash_ids": [4]}\n', '"hash_i', ":4", "the file is cut off"),
    ("qwen-bailian.jsonl", "61.25", "-61.25", ":2: timestamp", "is -61.25, must be at least 0"),
    ("vidur.csv", "60.0,", "abc,", ":5: arrived_at", "is 'abc', must be a number of seconds"),
    ("servegen-trace.csv", "0.25,", "-0.25,", ":2: rate_per_s", "is -0.25"),
    ("servegen-trace.csv", "2400,", "1200,", ":4: start_s", "was there before"),
    ("servegen-dataset.json", "100: 0.5", "100 0.5", ":7: 21600.input_tokens", "must be a dict of shares"),
    ("servegen-dataset.json", "100: 0.5", "100: -0.5", ":7: 21600.input_tokens", "must be at least 0"),
    ("servegen-dataset.json", '"21600"', '"21601"', ": start_s", "must be 21600 s"),
    ("litellm.json", "chatcmpl-2", "chatcmpl-4", ":5: request_id", "'chatcmpl-4' again"),
    ("litellm.json", '"prompt_tokens": 7', '"prompt_tokens": -7', ":6: prompt_tokens", "is -7"),
    ("litellm.json", "14:26:30+00:00", "14:46:30+00:00", ":4: startTime", "goes back by"),
    ("litellm.csv", "chatcmpl-4", "chatcmpl-1", ":4: request_id", "'chatcmpl-1' again"),
    ("langfuse.json", '"input": 500', '"input": -500', ":6: usageDetails.input", "is -500"),
    ("langfuse.csv", '""input"": 500', '""input"": -500', ":4: usage_details.input", "is -500"),
    ("langfuse.csv", '"{""input"": 10', '"{""input: 10', ":5: usage_details", "must be a JSON object"),
    ("langfuse.csv", "o-5", "o-4", ":5: id", "'o-4' again"),
    ("openai-usage.json", "1730426400", "1730430000", ":13: start_time", "7200 s wide, must be 3600 s"),
    ("openai-usage.json", '"input_tokens": 70', '"input_tokens": -70', ":19: results.input_tokens", "is -70"),
    ("openai-usage.json", "num_model_requests", "amount", ":4: results.num_model_requests", "is missing"),
    ("openai-usage.json", '"model": "gpt-4o"', '"model": "gpt-4o-mini"', ":4: start_time", "the same groups"),
    ("openai-usage.csv", "gpt-5,", "gpt-5-mini,", ":3: start_time", "the same groups"),
    ("openai-usage.csv", "1759622400,1759708800", "1759536000,1759708800", ":4: start_time", "must be 172800 s"),
    ("nginx.log", "13:56:30 +0200]", "13:56:30 +0200", ":5", "must be a line of the common or combined log"),
    ("nginx.log", "10/Oct/2025:13:56:30", "32/Oct/2025:13:56:30", ":5: time_local", "must be a date and time"),
    ("prometheus.json", '"__name__": "vllm:request_success_total", ', "", ": data.result[0].metric.__name__", "rate()"),
    ("prometheus.json", "vllm:request_success", "vllm:running", ": data.result[0].metric.__name__", "must be one of"),
    ("prometheus.json", "matrix", "vector", ": data.resultType", "must be 'matrix'"),
    ("prometheus.json", '"110"', '"-110"', ": data.result[0].values[1]", "at least 0"),
    ("prometheus.json", '"110"', '"x"', ": data.result[0].values[1]", "must be .seconds, value"),
    ("prometheus.json", "1760000060", "1760000061", ": data.result[0].values[1]", "whole number of steps of 60 s"),
    ("prometheus.json", "1760000120", "1760000000", ": data.result[0].values[2]", "goes back in time"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "place", "words"), CHANGED)
def test_a_sample_with_a_fault_is_refused_at_its_place(name, old, new, place, words, tmp_path):
    text = (SAMPLES / name).read_text()
    assert old in text
    assert_fault(written(tmp_path, text.replace(old, new)), place, words)


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.json")))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.97])
def test_json_that_is_cut_off_is_refused_at_the_line_of_the_cut(name, share, tmp_path):
    text = (SAMPLES / name).read_text().strip()
    cut = text[: int(len(text) * share)]
    assert_fault(written(tmp_path, cut), f":{cut.count(chr(10)) + 1}", "cut off")


def test_gzip_that_is_cut_off_is_refused_at_the_line_it_reaches(tmp_path):
    text = AZURE + "".join(MINUTES)
    packed = gzip.compress(text.encode())
    for bytes_left in (3, 12):
        assert_fault(written(tmp_path, packed[:bytes_left]), "", "gzip data is cut off")
    assert_fault(written(tmp_path, packed[:-4]), ":302", "gzip data is cut off")
    with pytest.raises(TraceError, match=r"trace:\d+: the gzip data is cut off"):
        read_recording(written(tmp_path, packed[: len(packed) // 2]))


def test_members_of_gzip_follow_one_another(tmp_path):
    parts = (AZURE + "".join(MINUTES[:7]), "".join(MINUTES[7:]))
    path = written(tmp_path, b"".join(gzip.compress(part.encode()) for part in parts))
    assert read_recording(path).rows == 300


def test_an_access_log_that_is_cut_off_is_refused_at_its_last_line(tmp_path):
    text = (SAMPLES / "nginx.log").read_text()
    assert_fault(written(tmp_path, text[:-70]), ":7", "without a line end: the file is cut off")


def test_a_directory_and_a_file_that_is_not_there(tmp_path):
    assert_fault(tmp_path, "", "is a directory, must be a file")
    assert_fault(tmp_path / "nowhere", "", "no such file")


@pytest.mark.parametrize("line", [2, 5_000, 20_001])
def test_bytes_that_are_no_text_are_named_at_their_line_however_late(line, tmp_path):
    lines = [AZURE.strip().encode()] + [b"2024-05-12 00:00:00,1,1"] * 20_000
    lines[line - 1] = b"2024-05-12 00:00:00,\xe9,1"
    assert_fault(written(tmp_path, b"\n".join(lines) + b"\n"), f":{line}", "byte 0xe9, must be UTF-8")


def test_noise_is_binary(tmp_path):
    with pytest.raises(TraceError, match="must be"):
        read_recording(written(tmp_path, os.urandom(3_000)))


def test_a_server_error_of_prometheus_is_told(tmp_path):
    answer = '{"status": "error", "errorType": "bad_data", "error": "parse error"}'
    assert_fault(written(tmp_path, answer), ": error", "the query failed: 'parse error'")


def test_parquet_that_is_cut_off_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    assert_fault(written(tmp_path, b"PAR1abc"), "", "not a complete Parquet file")


def test_a_fault_in_parquet_is_named_by_its_row(tmp_path):
    pytest.importorskip("pyarrow")
    import pandas as pd

    path = tmp_path / "trace"
    frame = {"arrived_at": [0.0, 70.0, 140.0], "num_prefill_tokens": [1, 2, 3], "num_decode_tokens": [1, 2, -3]}
    pd.DataFrame(frame).to_parquet(path)
    assert_fault(path, ": num_decode_tokens", "row 3: is -3, must be a number of tokens")


# --- what is no fault


def test_small_disorder_of_several_workers_is_counted_and_noted(tmp_path):
    swapped = [*MINUTES[:100], MINUTES[101], MINUTES[100], *MINUTES[102:]]
    recording = read_recording(written(tmp_path, AZURE + "".join(swapped)))
    assert recording == read_recording(written(tmp_path, AZURE + "".join(MINUTES)))
    assert "1 row up to 60 s out of order" in "\n".join(
        read_recording(written(tmp_path, AZURE + "".join(swapped))).notes
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: "\ufeff" + text,
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n", ",\n").replace("Tokens,\n", "Tokens\n", 1),
        lambda text: "\n\n" + text.replace("\n", "\n\n", 5) + "\n\n",
    ],
    ids=["CRLF", "semicolons", "tabs", "byte order mark", "no last line end", "a comma at the end", "blank lines"],
)
def test_the_ways_of_writing_a_csv_do_not_matter(change, tmp_path):
    text = AZURE + "".join(MINUTES)
    assert read_recording(written(tmp_path, change(text))) == read_recording(written(tmp_path, text))


def test_lines_are_counted_with_blank_ones(tmp_path):
    text = "\n\n" + azure_with("\n\n2024-05-12 00:50:00,-51,1")
    assert_fault(written(tmp_path, text), ":56: ContextTokens", "is -51")


# --- arguments


def test_named_columns_must_be_in_the_file():
    path = SAMPLES / "service.csv"
    assert_fault(
        path,
        ":1: whn",
        "no such column, must be one of when, prompt, answer, calls",
        columns=Columns("whn", None, None),
    )
    assert_fault(path, ": time", "no column is named for the time", columns=Columns(None, "prompt", None))


def test_columns_that_are_not_known_are_told_how_to_name(tmp_path):
    path = written(tmp_path, "Zeitpunkt;Anfragen\n2026-09-07 00:00:00;109\n")
    assert_fault(path, ":1", "--time-column NAME --input-column NAME --output-column NAME .*--requests-column NAME")
    assert_fault(path, ":1", "in a scenario time_column: NAME, input_column: NAME")


@pytest.mark.parametrize("time", ["01.10.2026 00:00", "10/01/2026 00:00"])
def test_dates_as_a_country_writes_them_are_refused(time, tmp_path):
    path = written(tmp_path, f"time;requests\n{time};1200\n{time};1300\n")
    assert_fault(path, ":2: time", f"is '{time}', must be a time: ISO 8601 text")


@pytest.mark.parametrize("step_s", [0.0, -60.0, 7.0, 90.0, float("nan"), float("inf")])
def test_steps_must_fit_into_minutes(step_s):
    with pytest.raises(ValueError, match=r"step_s: is .*, must be whole minutes or divide a minute"):
        read_recording(SAMPLES / "vidur.csv", step_s=step_s)


@pytest.mark.parametrize("zone", ["Mars/One", "../etc", ""])
def test_zones_must_be_known(zone):
    with pytest.raises(ValueError, match=r"timezone: is .*, must be an IANA name"):
        read_recording(SAMPLES / "vidur.csv", timezone=zone)


def test_a_local_time_that_clocks_leave_out_is_no_time(tmp_path):
    path = written(tmp_path, AZURE + "2024-03-31 01:50:00,1,1\n2024-03-31 02:10:00,1,1\n2024-03-31 03:05:00,1,1\n")
    assert_fault(path, ":3: TIMESTAMP", "does not exist in Europe/Paris", timezone="Europe/Paris")


def test_a_request_of_more_tokens_than_any_context_is_a_fault_at_its_line(tmp_path):
    path = tmp_path / "log.csv"
    head = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    path.write_text(head + "2024-05-12 00:00:00,5,1\n2024-05-12 00:01:30,99999999999999999999,1\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r":3: ContextTokens: is 1e\+20, must be at most 1e\+09 tokens"):
        read_recording(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "counter.json",
            '{"status":"success","data":{"resultType":"matrix","result":'
            '[{"metric":{"__name__":[]},"values":[[0,"1"],[60,"2"]]}]}}',
        ),
        ("lengths.json", '{"0":{"input_tokens":"{1: 1.0}"},"2١600":{"input_tokens":"{}"}}'),
    ],
)
def test_odd_names_and_digits_are_faults_not_failures(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError, match=name):
        read_recording(path)
