"""`breakeven traffic` and `breakeven trace inspect`: cards, files, messages, exit codes, JSON."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FILES = ("traffic.csv", "traffic.pdf", "traffic.png")
TWO_DAYS = ("--set", "horizon.days=2")


def assert_refused(result, message):
    assert result.status == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]


def written_in(folder):
    return tuple(sorted(path.name for path in folder.iterdir()))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def week(tmp_path):
    """A week of minutes, 60 requests in each of the night's twelve hours, 180 in each of the day's."""
    lines = ["time,requests,input_tokens,output_tokens"]
    for hour in range(7 * 24):
        number = 180 if hour % 24 >= 12 else 60
        for minute in range(60):
            time = f"2024-01-{1 + hour // 24:02}T{hour % 24:02}:{minute:02}:00Z"
            lines.append(f"{time},{number},{100 * number},{10 * number}")
    path = tmp_path / "week.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# A scenario


def test_the_card_tells_the_demand_and_the_files_hold_it(breakeven, tmp_path):
    result = breakeven("traffic", "support-chatbot", "--output", "out")
    assert (result.status, result.stderr) == (0, "")
    folder = tmp_path / "out" / "support-chatbot"
    assert written_in(folder) == FILES
    assert "250,000 requests a day" in result.stdout
    for label in ("peak over mean", "index of dispersion", "autocorrelation", "noise over the season", "prompts"):
        assert label in result.stdout
    assert result.stdout.splitlines()[-1] == f"Written to out/support-chatbot: {', '.join(FILES[:1] + FILES[:0:-1])}"
    rows = rows_of(folder / "traffic.csv")
    assert list(rows[0]) == ["time", "requests", "input_tokens", "output_tokens"]
    assert rows[0]["time"] == "2026-12-01T00:00:00Z"
    assert len(rows) == 365 * 24 * 12
    # 80 % of the requests have 320 tokens in, 20 % 500
    assert float(rows[7]["input_tokens"]) == pytest.approx(356 * float(rows[7]["requests"]))


def test_the_volume_is_the_one_that_was_set(breakeven):
    content = json.loads(breakeven("traffic", "minimal", "--set", "traffic.requests_per_day=1e6", "--json").stdout)
    assert content["requests_per_month"] == pytest.approx(1e6 * 730 / 24)
    assert content["mean_requests_per_day"] == pytest.approx(1e6)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_draw(breakeven, tmp_path):
    printed = []
    for folder, seed in (("one", 7), ("same", 7), ("other", 8)):
        result = breakeven("traffic", "support-chatbot", *TWO_DAYS, "--set", f"seed={seed}", "-o", folder, "--json")
        printed.append(result.stdout)
    one, same, other = (tmp_path / folder / "support-chatbot" for folder in ("one", "same", "other"))
    assert printed[0] == printed[1] != printed[2]
    for name in FILES:
        assert (one / name).read_bytes() == (same / name).read_bytes()
        assert (one / name).read_bytes() != (other / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml")))
def test_every_bundled_scenario_has_a_card_without_holes(breakeven, scenario):
    content = json.loads(breakeven("traffic", scenario, "--json").stdout)
    assert all(window["peak_to_mean"] is not None for window in content["windows"])
    assert content["load_duration"][0] >= 1.0 >= content["load_duration"][-1]
    assert content["mean_input_tokens"] > 0


def test_a_fault_of_the_scenario_is_one_line_and_nothing_is_written(breakeven, tmp_path):
    result = breakeven("traffic", "minimal", "--set", "traffic.timezon=UTC")
    assert_refused(result, "traffic.timezon: unknown key; did you mean 'timezone'?")
    assert_refused(breakeven("traffic", "minmal"), "did you mean 'minimal'?")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_fails_without_a_traceback(breakeven, tmp_path):
    (tmp_path / "out").write_text("a file")
    result = breakeven("traffic", "minimal", *TWO_DAYS, "-o", "out")
    assert result.status == 1
    assert "Traceback" not in result.stderr
    assert "out" in result.stderr


# A recording


def test_a_recording_is_told_and_nothing_is_written_unasked(breakeven, week, tmp_path):
    result = breakeven("trace", "inspect", "week.csv")
    assert (result.status, result.stderr) == (0, "")
    assert "7 days from 2024-01-01 00:00 UTC" in result.stdout
    assert "10,080 steps of 1 min" in result.stdout
    assert "peak over mean                 1.50      1.50      1.50      1.50" in result.stdout
    assert list(tmp_path.iterdir()) == [week]


def test_a_recording_is_drawn_and_written_where_asked(breakeven, week, tmp_path):
    result = breakeven("trace", "inspect", "week.csv", "--output", "out")
    folder = tmp_path / "out" / "week"
    assert written_in(folder) == FILES
    assert result.stdout.splitlines()[-1].startswith("Written to out/week: ")
    rows = rows_of(folder / "traffic.csv")
    assert len(rows) == 7 * 24 * 60
    assert rows[720] == {
        "time": "2024-01-01T12:00:00Z", "requests": "180", "input_tokens": "18000", "output_tokens": "1800",
    }  # fmt: skip


def test_what_is_written_reads_back_as_the_same_recording(breakeven, week):
    first = json.loads(breakeven("trace", "inspect", "week.csv", "-o", "out", "--json").stdout)
    second = json.loads(breakeven("trace", "inspect", "out/week/traffic.csv", "--json").stdout)
    for key in ("windows", "load_duration", "mean_requests_per_day", "start", "weekend_to_weekday"):
        assert first[key] == second[key]
    assert first["mean_requests_per_day"] == pytest.approx(120 * 1_440)
    assert first["day_peak_to_trough"] == pytest.approx(3.0)


def test_unknown_is_empty_in_the_table_and_null_in_json(breakeven, tmp_path):
    lines = ["offset_s,requests,input_tokens,output_tokens", *(f"{60 * place},5,," for place in range(60)), "3600,,,"]
    (tmp_path / "hour.csv").write_text("\n".join([*lines, "3660,5,,"]) + "\n", encoding="utf-8")
    content = json.loads(breakeven("trace", "inspect", "hour.csv", "-o", "out", "--json").stdout)
    assert (content["unknown_steps"], content["noise_relative_sd"], content["start"]) == (1, None, None)
    assert content["needs"]["noise_relative_sd"] == "2 days"
    rows = rows_of(tmp_path / "out" / "hour" / "traffic.csv")
    assert rows[60] == {"offset_s": "3600", "requests": "", "input_tokens": "", "output_tokens": ""}


def test_weekends_are_those_of_the_time_zone(breakeven, tmp_path):
    # busy from Friday 15:00 to Sunday 15:00 UTC, which is Saturday and Sunday in Tokyo
    busy = [5 * 24 - 9 <= hour < 7 * 24 - 9 for hour in range(7 * 24)]
    lines = [f"2024-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z,{90 if on else 30},," for hour, on in enumerate(busy)]
    text = "\n".join(["time,requests,input_tokens,output_tokens", *lines])
    (tmp_path / "tokyo.csv").write_text(text + "\n", encoding="utf-8")
    content = json.loads(breakeven("trace", "inspect", "tokyo.csv", "--timezone", "Asia/Tokyo", "--json").stdout)
    assert (content["timezone"], content["weekend_to_weekday"]) == ("Asia/Tokyo", pytest.approx(3.0))


def test_a_start_dates_a_recording_of_offsets(breakeven, tmp_path):
    lines = [f"{3_600 * hour},{1 if hour < 48 else 3},," for hour in range(7 * 24)]
    (tmp_path / "hours.csv").write_text("\n".join(["offset_s,requests,input_tokens,output_tokens", *lines]) + "\n")
    undated = json.loads(breakeven("trace", "inspect", "hours.csv", "--json").stdout)
    assert (undated["start"], undated["weekend_to_weekday"]) == (None, None)
    saturday = ("--start", "2024-01-06", "--timezone", "Europe/Paris")
    dated = json.loads(breakeven("trace", "inspect", "hours.csv", *saturday, "--json").stdout)
    assert dated["start"] == "2024-01-05T23:00:00+00:00"
    assert dated["weekend_to_weekday"] == pytest.approx(1 / 3)


def test_columns_of_a_table_of_ones_own_are_named(breakeven, tmp_path):
    generator = np.random.default_rng(1)
    lines = ["when;question;answer"]
    for place, tokens in enumerate(generator.integers(100, 200, 3_000)):
        lines.append(f"2024-01-01T{place // 1_800:02}:{place // 30 % 60:02}:{2 * (place % 30):02}Z;{tokens};20")
    (tmp_path / "own.csv").write_text("\n".join(line.replace(";", ",") for line in lines) + "\n", encoding="utf-8")
    named = ("--time-column", "when", "--input-column", "question", "--output-column", "answer")
    content = json.loads(breakeven("trace", "inspect", "own.csv", *named, "--json").stdout)
    assert content["rows"] == 3_000
    assert content["mean_requests_per_day"] == pytest.approx(30 * 1_440)
    assert content["mean_output_tokens"] == pytest.approx(20)
    assert 100 < content["lengths"]["prompts"]["p50_tokens"] < 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.csv",), "missing.csv"),
        (("week.csv", "--timezone", "Mars/Base"), "--timezone: is 'Mars/Base', must be an IANA name"),
        (("week.csv", "--step-s", "7"), "--step-s: is 7, must be"),
        (("week.csv", "--time-column", "nowhen"), "nowhen"),
        (("week.csv", "--start", "2024-01-01"), "--start: must not be given for week.csv, which tells its own times"),
        (("empty.csv",), "empty.csv"),
        (("silent.csv",), "silent.csv"),
    ],
)
def test_what_cannot_be_read_is_one_line(breakeven, week, tmp_path, arguments, message):
    (tmp_path / "empty.csv").write_text("")
    zeros = "".join(f"{60 * place},0,0,0\n" for place in range(60))
    (tmp_path / "silent.csv").write_text(f"offset_s,requests,input_tokens,output_tokens\n{zeros}")
    result = breakeven("trace", "inspect", *arguments, "--output", "out")
    assert_refused(result, message)
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_subcommand_is_refused(breakeven):
    result = breakeven("trace", "inspekt")
    assert result.status == 2
    assert "inspekt" in result.stderr


def test_help_is_told_without_loading_what_computes():
    heavy = ("pandas", "matplotlib", "numba", "scipy", "numpy")
    for arguments in (["trace", "--help"], ["trace", "inspect", "--help"], ["traffic", "--help"]):
        code = (
            f"import sys; sys.argv = ['breakeven', *{arguments}]\n"
            "from simulator.cli.main import main\n"
            "try: main()\nexcept SystemExit as stopped: assert stopped.code == 0\n"
            f"print('loaded', [name for name in {heavy} if name in sys.modules])"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.splitlines()[-1] == "loaded []"
        assert "Example:" in done.stdout or "Try:" in done.stdout


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_of_lengths_alone_is_told_by_its_lengths(breakeven, tmp_path, indent):
    windows = {"0": {"input_tokens": "{100: 0.5, 300: 0.5}", "output_tokens": "{20: 1.0}"}}
    path = tmp_path / "lengths.json"
    path.write_text(json.dumps(windows, indent=indent), encoding="utf-8")
    result = breakeven("trace", "inspect", str(path))
    assert (result.status, result.stderr) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    assert rows["prompts"][0] == "200"
    assert rows["answers"] == ["20", "20", "20", "20"]
    told = json.loads(breakeven("trace", "inspect", str(path), "--json").stdout)
    assert told["mean_tokens"] == {"prompts": 200.0, "answers": 20.0}
    refused = breakeven("trace", "inspect", str(path), "--output", str(tmp_path / "out"))
    assert refused.status == 2
    assert "tells lengths only" in refused.stderr
    assert not (tmp_path / "out").exists()
