"""What a run writes: which files, what they hold, the same bytes again, and never half a file."""

import contextlib
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.cli.main import main
from simulator.config.scenarios import bundled_scenarios, bundled_sweeps
from simulator.config.sweeps import read_sweep
from simulator.presentation.files import json_text, write_in_one_piece, write_text

ROOT = Path(__file__).parents[2]
FILES = ["bill.png", "crossover.pdf", "crossover.png", "curve.csv", "summary.json", "timeline.csv", "timeline.png"]
OVERRIDES = {"horizon.days": 14, "traffic.requests_per_day": 5_000_000, "traffic.noise.relative_sd": 0.5}
ARGUMENTS = ["run", "minimal", *(text for key, value in OVERRIDES.items() for text in ("--set", f"{key}={value}"))]
HOURS = 14 * 24
STEPS_PER_HOUR = 12
LONG = {  # scenarios and sweeps of some seconds
    "assistant-70b", "base-replicas", "coding-agent", "desk-gpu", "gpu-rent", "h100-vs-haiku-uncertain",
    "hardware-renewal",
    "hybrid-burst", "internal-tool", "nightly-enrichment", "own-node-colocated", "rag-assistant", "reserved-base",
    "small-model-on-cpu", "spot-fleet", "target-and-peak", "three-tier-router", "tpu-vs-h100",
    "workday-two-continents",
    "engineers-and-volume", "peak-and-volume", "presets-and-gpus", "price-and-rent", "target-and-cold-start",
}  # fmt: skip


def of_mixes(names):
    """Files of the bases that are found; of several each has its own chart."""
    charts = [f"mix-{name}" for name in names] if len(names) > 1 else ["mix"]
    return ["mix.csv", *(f"{chart}.{kind}" for chart in charts for kind in ("pdf", "png"))] if names else []


def breakeven(*arguments):
    """Exit status, stdout and stderr of the command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["breakeven", *map(str, arguments)])
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            pytest.raises(SystemExit) as stopped,
        ):
            main()
    return stopped.value.code, stdout.getvalue(), stderr.getvalue()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder and stdout of a run of two weeks."""
    output = tmp_path_factory.mktemp("reports")
    status, stdout, stderr = breakeven(*ARGUMENTS, "--output", output)
    assert (status, stderr) == (0, "")
    assert [path.name for path in output.iterdir()] == ["minimal"]
    return output / "minimal", stdout


@pytest.fixture(scope="module")
def folder(run):
    return run[0]


@pytest.fixture(scope="module")
def summary(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study():
    return sim.break_even(sim.load_scenario("minimal", OVERRIDES))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def table(path):
    return pd.read_csv(path)


# Which files


def test_a_run_writes_exactly_its_files(folder):
    assert names_in(folder) == FILES
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())


def test_pictures_are_what_their_names_say(folder):
    for name in ("bill.png", "crossover.png", "timeline.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (folder / "crossover.pdf").read_bytes().startswith(b"%PDF-")


def test_files_can_be_read_by_others_as_the_umask_says(folder):
    umask = os.umask(0)
    os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~umask}


def test_the_answer_is_printed_with_the_files(run):
    folder, stdout = run
    assert "tokens a month: api " in stdout
    assert f"Written to {folder}" in "".join(stdout.splitlines()) or str(folder.name) in stdout
    for name in FILES:
        assert name in stdout


# summary.json


def numbers_in(content):
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for entry in content:
            yield from numbers_in(entry)
    elif isinstance(content, float):
        yield content


def test_the_summary_is_strict_json_of_finite_numbers(folder):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"), parse_constant=refuse)
    numbers = list(numbers_in(content))
    assert len(numbers) > 30
    assert all(math.isfinite(number) for number in numbers)


def test_infinite_costs_are_null_in_the_summary(tmp_path):
    """Requests without output have no cost of a million output tokens."""
    overrides = ["--set", "workload.request.output_tokens=0", "--set", "options.fleet.throughput.requests_per_s=5"]
    status, stdout, stderr = breakeven(
        "run", "minimal", "--set", "horizon.days=1", *overrides, "--json", "-o", tmp_path
    )
    assert (status, stderr) == (0, "")
    rates = json.loads(stdout)["options"]["api"]["run_rate"]
    assert rates["usd_per_mtok_output"] is None
    assert rates["usd_per_mtok_total"] > 0


def test_json_prints_what_the_summary_holds(folder, tmp_path):
    status, stdout, stderr = breakeven(*ARGUMENTS, "--json", "--output", tmp_path)
    assert (status, stderr) == (0, "")
    assert stdout.encode() == (folder / "summary.json").read_bytes()


def test_json_of_several_scenarios_is_a_list_of_their_summaries(tmp_path):
    short = ["--set", "horizon.days=1"]
    status, stdout, _ = breakeven("run", "minimal", "h100-vs-haiku", *short, "--json", "--output", tmp_path)
    assert status == 0
    written = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("minimal", "h100-vs-haiku")]
    assert json.loads(stdout) == written


def test_the_summary_is_the_result_of_break_even(summary, study):
    assert summary["title"] == study.title
    assert summary["baseline"] == study.baseline
    assert summary["decision"]["cheapest"] == study.cheapest
    assert summary["volume"]["tokens_per_month"] == study.tokens_per_month
    assert list(summary["pairs"]) == list(study.pairs)
    for name, pair in study.pairs.items():
        told = summary["pairs"][name]
        assert told["first"]["tokens_per_month"] == pair.first
        assert told["settled"]["tokens_per_month"] == pair.settled
        assert told["reason"] == pair.reason
        assert [c["tokens_per_month"] for c in told["crossings"]] == [c.tokens_per_month for c in pair.crossings]
        assert told["first"]["requests_per_day"] == pytest.approx(pair.first / 1000 * 24 / 730)
    for name, option in study.options.items():
        assert summary["options"][name]["run_rate"]["usd_per_month"] == option.usd_per_month


def test_the_summary_over_the_horizon_is_the_ledger(summary):
    scenario = sim.load_scenario("minimal", OVERRIDES)
    for name in ("api", "fleet"):
        ledger = sim.simulate(scenario, name)
        told = summary["options"][name]["horizon"]
        assert told["total_usd"] == ledger.total_usd
        bills = told["bill_by_month_usd"]
        assert math.fsum(usd for lines in bills.values() for usd in lines.values()) == pytest.approx(ledger.total_usd)


# curve.csv


def test_the_lines_of_the_curve_add_up_to_its_total(folder):
    curve = table(folder / "curve.csv")
    lines = [column for column in curve if column.endswith(" [USD per month]")]
    assert len(lines) >= 3
    np.testing.assert_allclose(curve[lines].fillna(0.0).sum(axis=1), curve["usd_per_month"], rtol=1e-8)


def assert_units_agree(curve):
    """Of a request of 500 tokens in and 500 out, per month of 730 h."""
    np.testing.assert_allclose(curve["usd_per_1000_requests"], 1000 * curve["usd_per_request"], rtol=1e-8)
    np.testing.assert_allclose(curve["usd_per_mtok_total"], 1000 * curve["usd_per_request"], rtol=1e-8)
    np.testing.assert_allclose(curve["usd_per_mtok_output"], 2000 * curve["usd_per_request"], rtol=1e-8)
    np.testing.assert_allclose(curve["requests_per_day"] * 730 / 24, curve["tokens_per_month"] / 1000, rtol=1e-8)


def test_unit_costs_of_random_traffic_are_over_what_did_arrive(folder):
    """Noise has mean one in expectation, not on every path: the demand that came is one share of the volume for all."""
    curve = table(folder / "curve.csv")
    assert_units_agree(curve)
    arrived = curve["usd_per_month"] / curve["usd_per_request"]
    share = arrived / (curve["tokens_per_month"] / 1000)
    np.testing.assert_allclose(share, share[0], rtol=1e-8)
    assert share[0] == pytest.approx(1.0, abs=0.05)


def test_every_option_of_the_curve_has_the_same_rising_volumes_around_the_crossing(folder, study):
    curve = table(folder / "curve.csv")
    assert list(dict.fromkeys(curve["option"])) == ["api", "fleet"]
    volumes = [part["tokens_per_month"].to_numpy() for _, part in curve.groupby("option")]
    assert np.array_equal(*volumes)
    assert volumes[0].size == 256
    assert np.all(np.diff(volumes[0]) > 0)
    for mark in (study.first, study.settled, study.tokens_per_month):
        assert volumes[0][0] < mark < volumes[0][-1]


def test_the_curve_changes_sides_where_the_summary_has_crossings(folder, summary):
    costs = table(folder / "curve.csv").pivot_table(index="tokens_per_month", columns="option", values="usd_per_month")
    dearer = (costs["fleet"] > costs["api"]).to_numpy()
    settled = summary["pairs"]["fleet"]["settled"]["tokens_per_month"]
    first = summary["pairs"]["fleet"]["first"]["tokens_per_month"]
    assert dearer[costs.index < first].all()
    assert not dearer[costs.index > settled * (1 + 1e-9)].any()


def test_the_curve_covers_the_range_asked_for_and_its_units_are_the_total_over_the_demand(tmp_path):
    wanted = "volume_range={minimum_tokens_per_month: 1e6, maximum_tokens_per_month: 1e9, points: 31}"
    status, _, stderr = breakeven("run", "minimal", "--set", "horizon.days=1", "--set", wanted, "-o", tmp_path)
    assert (status, stderr) == (0, "")
    curve = table(tmp_path / "minimal" / "curve.csv")
    np.testing.assert_allclose(curve["tokens_per_month"].unique(), np.geomspace(1e6, 1e9, 31), rtol=1e-9)
    assert_units_agree(curve)
    requests_per_month = curve["tokens_per_month"] / 1000
    np.testing.assert_allclose(curve["usd_per_request"] * requests_per_month, curve["usd_per_month"], rtol=1e-8)


# timeline.csv


@pytest.fixture(scope="module")
def every_step(tmp_path_factory):
    output = tmp_path_factory.mktemp("full")
    status, _, stderr = breakeven(*ARGUMENTS, "--full-timeline", "--output", output)
    assert (status, stderr) == (0, "")
    return output / "minimal"


def test_the_timeline_has_every_hour_of_every_option_in_order(folder):
    timeline = table(folder / "timeline.csv")
    assert timeline.groupby("option", sort=False).size().to_dict() == {"api": HOURS, "fleet": HOURS}
    hours = pd.date_range("2026-12-01", periods=HOURS, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ")
    for _, part in timeline.groupby("option"):
        assert list(part["time"]) == list(hours)


def test_the_full_timeline_has_every_step_and_nothing_else_differs(folder, every_step):
    timeline = table(every_step / "timeline.csv")
    steps = HOURS * STEPS_PER_HOUR
    assert timeline.groupby("option", sort=False).size().to_dict() == {"api": steps, "fleet": steps}
    assert list(timeline["time"][:2]) == ["2026-12-01T00:00:00Z", "2026-12-01T00:05:00Z"]
    short, full = bytes_in(folder), bytes_in(every_step)
    assert {name for name in FILES if short[name] != full[name]} == {"timeline.csv"}


def test_hourly_means_and_maxima_are_those_of_the_steps(folder, every_step):
    hourly, steps = table(folder / "timeline.csv"), table(every_step / "timeline.csv")
    quantities = [column for column in steps if column not in ("time", "option")]
    assert {f"{key}_{kind}" for key in quantities for kind in ("mean", "max")} == set(hourly.columns[2:])
    for option in ("api", "fleet"):
        of_hours = hourly[hourly["option"] == option]
        of_steps = steps[steps["option"] == option]
        for key in quantities:
            values = of_steps[key].to_numpy().reshape(HOURS, STEPS_PER_HOUR)
            np.testing.assert_allclose(of_hours[f"{key}_mean"], values.mean(axis=1), rtol=1e-8, atol=1e-8)
            np.testing.assert_allclose(of_hours[f"{key}_max"], values.max(axis=1), rtol=1e-9, atol=1e-9)
    fleet = hourly[hourly["option"] == "fleet"]
    assert (fleet["ready_replicas_max"] > fleet["ready_replicas_mean"]).any()  # the fleet did move


def test_the_timeline_adds_up_to_the_demand_of_the_horizon(every_step):
    steps = table(every_step / "timeline.csv")
    ledger = sim.simulate(sim.load_scenario("minimal", OVERRIDES), "fleet")
    fleet = steps[steps["option"] == "fleet"]
    assert fleet["arriving_tokens_per_s"].sum() * 300 == pytest.approx(ledger.arriving_tokens.sum(), rel=1e-8)
    left = fleet[["served_tokens_per_s", "overflow_tokens_per_s", "rejected_tokens_per_s"]].to_numpy().sum() * 300
    queued = fleet["queued_tokens"].iloc[-1]
    assert left + queued == pytest.approx(ledger.arriving_tokens.sum(), rel=1e-8)


def test_a_horizon_that_ends_within_an_hour_has_a_short_last_hour(tmp_path):
    for flag in ([], ["--full-timeline"]):
        status, _, stderr = breakeven("run", "minimal", "--set", "horizon.hours=2.5", *flag, "-o", tmp_path)
        assert (status, stderr) == (0, "")
        rows = len(table(tmp_path / "minimal" / "timeline.csv")) // 2
        assert rows == (30 if flag else 3)


# The same bytes again


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(folder, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-W", "error", "-m", "simulator.cli.main", *ARGUMENTS, "-o", str(tmp_path)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    once, again = bytes_in(folder), bytes_in(tmp_path / "minimal")
    assert [name for name in FILES if once[name] != again[name]] == []


def test_a_run_over_an_old_one_replaces_its_files_and_keeps_others(folder, tmp_path):
    target = tmp_path / "minimal"
    target.mkdir()
    (target / "notes.txt").write_text("keep me")
    (target / "curve.csv").write_text("old")
    assert breakeven(*ARGUMENTS, "-o", tmp_path)[0] == 0
    assert names_in(target) == sorted([*FILES, "notes.txt"])
    assert (target / "notes.txt").read_text() == "keep me"
    assert (target / "curve.csv").read_bytes() == (folder / "curve.csv").read_bytes()


# Never half a file


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = write_text(tmp_path / "curve.csv", "old")

    def write_half(temporary):
        temporary.write_text("ha")
        raise error

    with pytest.raises(type(error)):
        write_in_one_piece(path, write_half)
    assert names_in(tmp_path) == ["curve.csv"]
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (OSError(28, "No space left on device"), 1, "{folder}/curve.csv: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted; files written so far are whole"),
        (MemoryError(), 1, "out of memory; a longer step_s or a shorter horizon needs less"),
        (RuntimeError("of some sort"), 1, "internal error: RuntimeError: of some sort"),
    ],
)
def test_a_run_interrupted_while_writing_leaves_whole_files(tmp_path, monkeypatch, error, status, message):
    target = tmp_path / "minimal"
    target.mkdir()
    (target / "curve.csv").write_text("old")
    (target / "crossover.png").write_text("old")

    write_text = Path.write_text

    def write_half(path, text, **options):
        if path.suffix == ".csv":
            write_text(path, "ha")
            raise error
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_half)
    stopped, stdout, stderr = breakeven("run", "minimal", "--set", "horizon.days=1", "-o", tmp_path)
    assert (stopped, stdout) == (status, "")
    assert stderr.strip().startswith(message.format(folder=target))
    assert len(stderr.strip().splitlines()) == 1
    assert names_in(target) == ["crossover.png", "curve.csv", "summary.json"]
    assert (target / "curve.csv").read_text() == "old"
    assert (target / "crossover.png").read_text() == "old"
    json.loads((target / "summary.json").read_text())


def test_a_figure_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "minimal"
    target.mkdir()
    (target / "crossover.png").write_text("old")

    def save_half(path, _content):
        path.write_text("ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", save_half)
    status, _, stderr = breakeven("run", "minimal", "--set", "horizon.days=1", "-o", tmp_path)
    assert (status, stderr.strip()) == (1, f"{target / 'crossover.png'}: No space left on device")
    assert names_in(target) == ["crossover.png", "curve.csv", "summary.json", "timeline.csv"]
    assert (target / "crossover.png").read_text() == "old"


def test_not_a_number_is_never_written_as_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"usd": math.nan})


# Everything that is bundled


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in bundled_scenarios()]
)
def test_every_bundled_scenario_runs(tmp_path, name):
    status, stdout, stderr = breakeven("run", name, "-o", tmp_path)
    assert (status, stderr) == (0, "")
    summary = json.loads((tmp_path / name / "summary.json").read_text())
    assert names_in(tmp_path / name) == sorted(FILES + of_mixes(list(summary.get("best_mixes") or {})))
    assert summary["decision"]["sentence"].split()[0] in stdout
    curve = table(tmp_path / name / "curve.csv")
    lines = [column for column in curve if column.endswith(" [USD per month]")]
    np.testing.assert_allclose(curve[lines].fillna(0.0).sum(axis=1), curve["usd_per_month"], rtol=1e-8)
    for pair in summary["pairs"].values():
        for crossing in pair["crossings"]:
            assert crossing["tokens_per_month"] > summary["volume"]["tokens_per_request"]  # at least one request


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in bundled_sweeps()]
)
def test_every_bundled_sweep_runs(tmp_path, name):
    status, stdout, stderr = breakeven("sweep", name, "-o", tmp_path)
    assert status == 0
    assert all(re.fullmatch(r"[\d,]+ of [\d,]+ points, .* left", line) for line in stderr.splitlines())
    stems = {path.stem for path in (tmp_path / name).iterdir()}
    assert stems in ({"sweep", "line"}, {"sweep", "heatmap", "ranking", "decision-map"})
    endings = {path.suffix for path in (tmp_path / name).iterdir() if path.stem != "sweep"}
    assert endings == {".png", ".pdf", ".svg"}
    sweep = read_sweep(bundled_sweeps()[name])
    rows = table(tmp_path / name / "sweep.csv")
    assert len(rows) == sweep.size * rows["option"].nunique()
    assert list(rows.columns[: 1 + len(sweep.columns)]) == ["point", *sweep.columns]
    assert not (rows["status"] == "fault").any()
    assert sweep.title in stdout or "status" in stdout


# A sweep


@pytest.fixture
def short_sweep(tmp_path):
    path = tmp_path / "rent.yaml"
    path.write_text(
        "title: Rent of a GPU\nbase: minimal\n"
        "grid:\n  horizon.days: [2]\n  options.fleet.rental.usd_per_gpu_hour: [2, 4, -1, 1e9]\n"
    )
    return path


def test_a_point_of_a_sweep_is_the_run_of_its_overrides(short_sweep, tmp_path):
    status, stdout, stderr = breakeven("sweep", short_sweep, "--json", "-o", tmp_path / "out")
    assert (status, stderr) == (0, "")
    rows = [row for row in json.loads(stdout) if row["role"] != "baseline"]
    key = "options.fleet.rental.usd_per_gpu_hour"
    assert [row[key] for row in rows] == [2, 4, -1, 1e9]
    for row in rows[:2]:
        study = sim.break_even(sim.load_scenario("minimal", {"horizon.days": 2, key: row[key]}))
        assert row["status"] == "settled"
        assert row["first_tokens_per_month"] == study.first
        assert row["settled_tokens_per_month"] == study.settled
    assert rows[1]["first_tokens_per_month"] == pytest.approx(2 * rows[0]["first_tokens_per_month"], rel=1e-3)


def test_a_point_that_can_not_be_had_is_a_row_that_says_why(short_sweep, tmp_path):
    _, stdout, _ = breakeven("sweep", short_sweep, "--json", "-o", tmp_path / "out")
    fault, dear = [row for row in json.loads(stdout) if row["role"] != "baseline"][2:]
    assert fault["status"] == "fault"
    assert "usd_per_gpu_hour: is -1, must be at least 0" in fault["message"]
    assert fault["first_tokens_per_month"] is None
    assert dear["status"] == "baseline_always_cheaper"


# A fleet that is cheaper at any volume


def test_a_challenger_that_is_always_cheaper_is_an_answer(tmp_path):
    """GPUs that cost nothing: there is no crossing, and the curve still has a range."""
    free = ["--set", "options.fleet.rental.usd_per_gpu_hour=0"]
    status, stdout, stderr = breakeven("run", "minimal", "--set", "horizon.days=2", *free, "--json", "-o", tmp_path)
    assert (status, stderr) == (0, "")
    pair = json.loads(stdout)["pairs"]["fleet"]
    assert pair["reason"] == "challenger_always_cheaper"
    assert pair["first"]["tokens_per_month"] == 0
    assert names_in(tmp_path / "minimal") == FILES


@pytest.mark.parametrize(("months", "step_months"), [(2, 2), (4, 2), (120, 120), (8, 1.6)])
def test_steps_longer_than_a_month_run_or_are_refused_by_name(tmp_path, months, step_months):
    step_s = step_months * 730 * 3600
    horizon = ["--set", f"horizon.months={months}", "--set", f"horizon.step_s={step_s:.0f}"]
    status, _, stderr = breakeven("run", "minimal", *horizon, "-o", tmp_path)
    assert status in (0, 2)
    assert stderr == "" or stderr.startswith(f"--set horizon.step_s={step_s:.0f}: horizon.step_s: is ")


def test_the_page_says_what_is_not_as_in_the_file(run):
    told = next(line for line in run[1].splitlines() if line.startswith("- not as in the file: "))
    assert all(f"{key}=" in run[1] for key in OVERRIDES) and "horizon" in told
