"""`breakeven sweep` as it is called: what it tells beforehand and on the way, and that being stopped costs nothing."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import simulator as sim

SWEEP = """\
title: Rent and people
base: minimal
grid:
  options.fleet.rental.usd_per_gpu_hour: [2, 3, 4, 5]
  options.fleet.engineers.base_persons: [0, 0.25, 0.5]
"""
BREAKEVEN = [sys.executable, "-m", "simulator.cli.main"]
RENT = "options.fleet.rental.usd_per_gpu_hour"
TWO_DAYS = ("--set", "horizon.days=2", "-j", "1")  # processes take a second to start


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rent.yaml").write_text(SWEEP)


def files():
    return sorted(str(path) for path in Path().rglob("*") if path.is_file() and path.name != "rent.yaml")


def store_rows(path="reports/sweeps.sqlite"):
    with sqlite3.connect(path) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("sweeps", "points", "results")
        }


def count_results(path):
    """Rows of results in a store that may only just be made."""
    if not Path(path).is_file():
        return 0
    with sqlite3.connect(path) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'results'").fetchone()[0]
        return connection.execute("SELECT count(*) FROM results").fetchone()[0] if made else 0


def test_a_dry_run_tells_points_time_and_room_and_writes_nothing(breakeven):
    result = breakeven("sweep", "rent.yaml", "--dry-run", *TWO_DAYS)
    lines = result.stdout.splitlines()
    assert lines[0] == "12 points, of which 0 are solved already"
    assert "ms a point" in lines[1] and "kB in reports/sweeps.sqlite" in lines[1]
    assert lines[2:] == [
        f"  {RENT}: {usd}, options.fleet.engineers.base_persons: {persons}"
        for usd, persons in ((2, "0"), (2, "0.25"), (2, "0.5"), (3, "0"), (3, "0.25"))
    ]
    assert files() == []


def test_status_and_dry_run_follow_the_store(breakeven):
    assert breakeven("sweep", "rent.yaml", "--status", *TWO_DAYS).status == 1
    breakeven("sweep", "rent.yaml", "--filter", f"{RENT} <= 3", *TWO_DAYS)
    told = breakeven("sweep", "rent.yaml", "--status", *TWO_DAYS).stdout
    assert told.startswith("6 of 12 points solved, 6 missing, 0 faults\nreports/sweeps.sqlite: ")
    assert breakeven("sweep", "rent.yaml", "--dry-run", *TWO_DAYS).stdout.startswith(
        "12 points, of which 6 are solved already"
    )
    breakeven("sweep", "rent.yaml", *TWO_DAYS)
    assert breakeven("sweep", "rent.yaml", "--status", *TWO_DAYS).stdout.startswith("12 of 12 points solved, 0 missing")


def test_a_sweep_ends_with_the_answer_in_sentences(breakeven):
    """An H100 at 730 h and 2 to 5 USD, two engineers' shares and 2 USD per million tokens: worked out by the table."""
    told = breakeven("sweep", "rent.yaml", *TWO_DAYS).stdout.splitlines()
    rows = pd.read_csv("reports/rent/sweep.csv")
    fleet = rows[rows["option"] == "fleet"]
    settled = fleet["settled_tokens_per_month"].dropna()
    counted = fleet["cheapest"].value_counts()
    assert told[-4].startswith(f"fleet against api, of 12 points: pays for good at {len(settled)}, from between ")
    assert told[-3].startswith("Cheapest at 1.52 B tokens a month: ")
    assert f"{counted.index[0]} at {counted.iloc[0]}" in told[-3]


def test_a_part_that_is_asked_for_is_all_that_is_told(breakeven):
    """Also where the store holds the rest of the sweep."""
    breakeven("sweep", "rent.yaml", *TWO_DAYS)
    part = ("--filter", f"{RENT} <= 3", *TWO_DAYS)
    told = breakeven("sweep", "rent.yaml", "--status", *part).stdout
    assert told.startswith("6 of 6 points solved, 0 missing, 0 faults\n")
    rows = json.loads(breakeven("sweep", "rent.yaml", "--json", *part).stdout)
    assert {row[RENT] for row in rows} == {2, 3}
    assert set(pd.read_csv("reports/rent/sweep.csv")[RENT]) == {2, 3}
    python = sim.sweep("rent.yaml", overrides={"horizon.days": 2}, conditions=[f"{RENT} <= 3"], output="reports")
    assert set(python[RENT]) == {2, 3}


@pytest.mark.parametrize("values", ["[2]", "[2, 3]", "[2, 2.0, 2]"])
def test_a_dry_run_takes_few_points_and_equal_ones(breakeven, values):
    Path("few.yaml").write_text(f"title: Few\nbase: minimal\ngrid: {{{RENT}: {values}}}\n")
    result = breakeven("sweep", "few.yaml", "--dry-run", *TWO_DAYS)
    assert result.status == 0
    assert " of which 0 are solved already" in result.stdout


def test_a_dry_run_tells_a_fault_that_it_meets(breakeven):
    Path("odd.yaml").write_text(f"title: Odd\nbase: minimal\ngrid: {{{RENT}: [-1, 2, -1]}}\n")
    told = breakeven("sweep", "odd.yaml", "--dry-run", *TWO_DAYS).stdout.splitlines()
    assert told[-1].startswith("! a point can't be had: ")
    assert told[-1].endswith("is -1, must be at least 0 [USD/h]")


def test_parquet_without_pyarrow_is_told_before_anything_is_solved(breakeven, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = breakeven("sweep", "rent.yaml", "--parquet", *TWO_DAYS)
    assert (result.status, result.stderr) == (
        2,
        "--parquet needs PyArrow: pip install 'breakeven-simulator[parquet]'\n",
    )
    assert files() == []


def test_status_and_dry_run_as_json(breakeven):
    told = json.loads(breakeven("sweep", "rent.yaml", "--dry-run", "--json", "-j", "1", *TWO_DAYS).stdout)
    assert (told["points"], told["solved"], told["missing"], told["workers"]) == (12, 0, 12, 1)
    assert told["seconds"] == pytest.approx(12 * told["seconds_per_point"])
    assert told["first_points"][0] == {RENT: 2, "options.fleet.engineers.base_persons": 0}
    breakeven("sweep", "rent.yaml", "--filter", f"{RENT} <= 3", *TWO_DAYS)
    status = ("sweep", "rent.yaml", "--status", "--json", *TWO_DAYS)
    told = json.loads(breakeven(*status).stdout)
    assert told == {"points": 12, "solved": 6, "missing": 6, "faults": 0,
                    "store_bytes": Path("reports/sweeps.sqlite").stat().st_size}  # fmt: skip
    part = json.loads(breakeven(*status, "--filter", f"{RENT} == 3").stdout)
    assert (part["points"], part["solved"], part["missing"]) == (3, 3, 0)


def test_a_part_is_told_also_where_all_of_it_is_solved(breakeven):
    breakeven("sweep", "rent.yaml", *TWO_DAYS)
    told = json.loads(breakeven("sweep", "rent.yaml", "--json", "--filter", f"{RENT} == 3", *TWO_DAYS).stdout)
    assert [row[RENT] for row in told] == [3] * 6
    assert set(pd.read_csv("reports/rent/sweep.csv")[RENT]) == {3}


@pytest.mark.slow
def test_a_full_disk_is_told_of_the_file_that_did_not_fit():
    """Whichever file it is: those that are there are whole, and the store still has every point."""
    whole = started("rent.yaml", *TWO_DAYS, "-j", "1", "-o", "whole")
    whole.communicate(timeout=200)
    sizes = {path.name: path.stat().st_size for path in Path("whole/rent").iterdir()}
    Path("reports").mkdir()
    Path("reports/sweeps.sqlite").write_bytes(Path("whole/sweeps.sqlite").read_bytes())
    great = sorted(size for size in sizes.values() if size > 40_000)  # to open the store takes 32 kB
    for most in (great[0] - 100, great[-1] - 100):
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most},) * 2); "
        run = f"import sys; sys.argv = ['', 'sweep', 'rent.yaml', *{TWO_DAYS}, '-j', '1']; "
        script = limit + run + "from simulator.cli.main import main; main()"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
        greater = {name for name, size in sizes.items() if size > most}
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
        assert done.stderr.endswith(": File too large\n")
        assert Path(done.stderr.partition(":")[0]).name in greater
        left = {path.name: path.stat().st_size for path in Path("reports/rent").iterdir()}
        assert left == {name: size for name, size in sizes.items() if name in left}
    assert json.loads(started("rent.yaml", *TWO_DAYS, "--status", "--json").communicate()[0])["missing"] == 0


def test_table_csv_parquet_and_json_say_the_same(breakeven):
    result = breakeven("sweep", "rent.yaml", "--parquet", *TWO_DAYS)
    assert (result.status, result.stderr) == (0, "")
    written = pd.read_csv("reports/rent/sweep.csv")
    assert len(written) == 24
    tidy = pd.read_parquet("reports/rent/sweep.parquet")
    assert list(tidy.columns) == list(written.columns)
    numbers = written.dropna(axis="columns", how="all").select_dtypes("number").columns
    pd.testing.assert_frame_equal(tidy[numbers].astype(float), written[numbers].astype(float), rtol=1e-9)
    told = json.loads(breakeven("sweep", "rent.yaml", "--json", *TWO_DAYS).stdout)
    assert [row["usd_per_month"] for row in told] == tidy["usd_per_month"].tolist()
    assert [row["option"] for row in told] == ["api", "fleet"] * 12
    assert all(type(row["crossings"]) is int for row in told if row["option"] == "fleet")
    assert len(result.stdout.splitlines()) == 1 + 12 + 5


def test_what_was_solved_is_not_solved_again_unless_asked_for(breakeven):
    breakeven("sweep", "rent.yaml", *TWO_DAYS)
    path = Path("reports/sweeps.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET usd_per_month = 1.0")
    breakeven("sweep", "rent.yaml", *TWO_DAYS)
    assert set(pd.read_csv("reports/rent/sweep.csv")["usd_per_month"]) == {1.0}
    breakeven("sweep", "rent.yaml", "--no-resume", *TWO_DAYS)
    assert 1.0 not in set(pd.read_csv("reports/rent/sweep.csv")["usd_per_month"])


def test_a_recording_and_a_preset_travel_by_their_content(breakeven, tmp_path):
    """The same sweep from another folder is the same points; another content is not."""
    Path("times.csv").write_text(
        "time,requests\n" + "".join(f"2026-01-01T{hour:02d}:00:00Z,{hour + 1}\n" for hour in range(24))
    )
    Path("mine.yaml").write_text(
        "title: Mine\nhorizon: {days: 2}\ntraffic: {requests_per_day: 50_000, kind: trace, file: times.csv}\n"
        "workload: {request: {input_tokens: 500, output_tokens: 500}}\n"
        "options:\n  api: {kind: api, model: claude-haiku-4-5}\n"
        "  fleet: {kind: self_hosted, model: llama-3.1-8b, gpu: h100-sxm, rental: {usd_per_gpu_hour: 3}}\n"
        "comparison: {baseline: api, challengers: [fleet]}\n"
    )
    Path("own.yaml").write_text(f"title: Own\nbase: mine.yaml\ngrid: {{{RENT}: [2, 3]}}\n")
    assert breakeven("sweep", "own.yaml").status == 0
    keys = {row[0] for row in store_rows()["results"]}
    Path("elsewhere").mkdir()
    for name in ("times.csv", "mine.yaml", "own.yaml"):
        Path("elsewhere", name).write_bytes(Path(name).read_bytes())
    breakeven("sweep", "elsewhere/own.yaml")
    assert {row[0] for row in store_rows()["results"]} == keys
    Path("elsewhere/times.csv").write_text(Path("times.csv").read_text() + "2026-01-02T00:00:00Z,9\n")
    breakeven("sweep", "elsewhere/own.yaml")
    assert len({row[0] for row in store_rows()["results"]}) == 2 * len(keys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--filter", "seed"), "--filter: is 'seed', must be KEY OPERATOR VALUE"),
        (("--filter", f"{RENT} > 100"), "no point of it meets its conditions"),
        (("--filter", "no.such.key > 100"), "neither the sweep nor its base sets no.such.key"),
        (("--jobs", "0"), "0 is not in the range"),
        (("--cluster", "nonsense"), ""),
    ],
)
def test_what_can_not_be_run_is_told_and_leaves_nothing(breakeven, arguments, message):
    result = breakeven("sweep", "rent.yaml", *TWO_DAYS, *arguments)
    assert result.status in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path("reports/rent").exists()


def test_a_key_that_lies_within_a_text_is_told_at_its_line_before_anything_runs(breakeven):
    """Also where only the last of the cases has it."""
    Path("rent.yaml").write_text(f"{SWEEP}cases:\n  as it is: {{}}\n  odd: {{options.fleet.rental.provider.spot: 1}}\n")
    result = breakeven("sweep", "rent.yaml", *TWO_DAYS)
    assert result.status == 2
    assert result.stderr.startswith("rent.yaml:8: cases.odd.options.fleet.rental.provider.spot: ")
    assert "options.fleet.rental.provider: is 'lambda', must be a mapping to hold 'spot'" in result.stderr
    assert files() == []


def test_a_sweep_none_of_whose_points_can_be_had_says_why(breakeven):
    Path("rent.yaml").write_text(SWEEP.replace("[2, 3, 4, 5]", "[-1, -2]"))
    result = breakeven("sweep", "rent.yaml", *TWO_DAYS)
    assert result.status == 2
    assert "no point of the sweep can be had; the first says:\nsweep " in result.stderr
    assert "is -1, must be at least 0" in result.stderr


def _heed_interrupts():
    """Whoever runs the tests in the background may ignore interrupts, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*arguments):
    root = Path(sim.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(
        [*BREAKEVEN, "sweep", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=_heed_interrupts,
    )  # fmt: skip


@pytest.mark.slow
def test_ten_kills_at_any_moment_cost_nothing():
    arguments = ("big.yaml", "--set", "horizon.days=5", "-j", "2")
    Path("big.yaml").write_text(
        f"title: Many\nbase: minimal\ngrid:\n  {RENT}: [2, 2.5, 3, 3.5, 4, 5, -1, 7]\n"
        "  traffic.requests_per_day: [30_000, 60_000, 90_000, 120_000]\n  seed: [1, 2, 3, 4]\n"
    )
    begin = time.monotonic()
    whole = started(*arguments, "-o", "whole")
    assert whole.communicate()[1] == "" or whole.returncode == 0
    took = time.monotonic() - begin
    moments, kept = random.Random(5), []
    for _ in range(10):
        killed = started(*arguments)
        time.sleep(moments.uniform(0.1, 0.9) * took)
        if moments.random() < 0.5:
            os.killpg(killed.pid, signal.SIGKILL)
        else:
            killed.kill()  # its workers must end by themselves
        killed.communicate()
        kept.append(count_results("reports/sweeps.sqlite"))
    assert kept == sorted(kept) and kept[-1] > 0
    last = started(*arguments)
    last.communicate(timeout=300)
    assert last.returncode == 0
    assert store_rows() == store_rows("whole/sweeps.sqlite")
    assert Path("reports/big/sweep.csv").read_bytes() == Path("whole/big/sweep.csv").read_bytes()


@pytest.mark.slow
def test_two_sweeps_at_once_on_one_store_lose_nothing():
    first = started("rent.yaml", *TWO_DAYS)
    second = started("rent.yaml", *TWO_DAYS, "--filter", f"{RENT} < 5")
    assert first.communicate(timeout=200)[0] and second.communicate(timeout=200)[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(store_rows()["results"]) == 24


def living(group):
    """Processes of a group that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("workers", [("-j", "2"), ("-j", "2", "--threads"), ("-j", "1")])
def test_an_interrupt_is_told_in_one_line_and_leaves_no_process(workers):
    """Also while workers start."""
    seeds = ", ".join(map(str, range(500)))
    Path("big.yaml").write_text(f"title: Many\nbase: minimal\ngrid:\n  {RENT}: [2, 3, 4, 5]\n  seed: [{seeds}]\n")
    for seconds in (1.5, 4.0):
        sweep = started("big.yaml", "--set", "horizon.days=20", *workers, "-o", str(seconds))
        time.sleep(seconds)
        os.killpg(sweep.pid, signal.SIGINT)
        output, told = sweep.communicate(timeout=60)
        assert output == "" and sweep.returncode in (130, -signal.SIGINT)  # by what Python was doing
        assert told.startswith("interrupted") and len(told.splitlines()) == 1
        time.sleep(0.5)
        assert living(sweep.pid) == []


def workers_of(process):
    """Processes that a sweep has started to solve points, by what their command lines say."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line, status = (folder / "cmdline").read_text(), (folder / "stat").read_text()
        except OSError:
            continue
        if "spawn_main" in line and int(status.rpartition(")")[2].split()[2]) == process.pid:  # its process group
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_a_cluster_of_processes_gives_the_same_store_also_where_a_worker_is_killed():
    arguments = ("big.yaml", "--set", "horizon.days=300", "-j", "2")
    Path("big.yaml").write_text(
        f"title: Many\nbase: minimal\ngrid:\n  {RENT}: [2, 2.5, 3, 4, 5, -1, 7]\n  seed: [1, 2, 3, 4, 5, 6, 7, 8]\n"
    )
    here = started(*arguments, "-o", "here", "--threads")
    assert (here.communicate(timeout=300)[1], here.returncode) == ("", 0)
    cluster = started(*arguments, "-o", "cluster", "--cluster", "local")
    store = Path("cluster/sweeps.sqlite")
    while count_results(store) < 6:
        assert cluster.poll() is None
        time.sleep(0.02)
    os.kill(workers_of(cluster)[0], signal.SIGKILL)
    assert count_results(store) < count_results("here/sweeps.sqlite")
    _, told = cluster.communicate(timeout=300)
    assert cluster.returncode == 0, told
    assert store_rows(store) == store_rows("here/sweeps.sqlite")
    assert Path("cluster/big/sweep.csv").read_bytes() == Path("here/big/sweep.csv").read_bytes()


def test_a_store_that_is_none_is_told_in_one_line_and_left_alone(breakeven):
    Path("reports").mkdir()
    Path("reports/sweeps.sqlite").write_text("no store")
    for arguments in ((), ("--status",), ("--dry-run",)):
        result = breakeven("sweep", "rent.yaml", *TWO_DAYS, *arguments)
        assert result.status == 1
        assert result.stderr.startswith("reports/sweeps.sqlite: is damaged, or no store")
        assert len(result.stderr.splitlines()) == 1
    assert Path("reports/sweeps.sqlite").read_text() == "no store"
    assert not Path("reports/rent").exists()
