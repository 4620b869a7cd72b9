"""A sweep run into a store: nothing lost, nothing twice, whoever works and however often it is stopped."""

import sqlite3
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from sweep_jobs import RENT, EndsItsWorker, elsewhere, here, job_of

import simulator as sim
from simulator.sweeping.frames import sweep_frame
from simulator.sweeping.points import FAULT, RESULT_COLUMNS
from simulator.sweeping.pools import Pool, WorkerError, local_pool
from simulator.sweeping.run import forget_points, missing_points, run_sweep
from simulator.sweeping.store import Progress, Store

RENTS = {"grid": {RENT: [1.5, 2, 2.5, 3, -1, 1e9, 4, 5, 6, 7]}}


def contents(path):
    """Every row of the store, in order."""
    with sqlite3.connect(path) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("sweeps", "points", "results")
        }


def run(job, path, *, jobs=1, kind="threads", digest=here, **options):
    with Store.writing(path) as store, local_pool(jobs, kind) as pool:
        return run_sweep(job, store, pool, digest, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with the sweep over rents, run in one go."""
    path = tmp_path_factory.mktemp("whole") / "sweeps.sqlite"
    assert run(job_of(**RENTS), path) == Progress(10, 1)
    return path


def frame(job, path):
    with Store.reading(path) as store:
        return sweep_frame(job, store)


def test_every_point_is_the_break_even_of_its_scenario(whole):
    rows = frame(job_of(**RENTS), whole)
    assert list(rows.columns) == ["point", RENT, *RESULT_COLUMNS]
    assert rows["point"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    for usd in (1.5, 3.0, 7.0):
        study = sim.break_even(sim.load_scenario("minimal", {"horizon.days": 2, RENT: usd}))
        api, fleet = (row for _, row in rows[rows[RENT] == usd].iterrows())
        assert (api["option"], api["role"], api["status"]) == ("api", "baseline", "baseline")
        assert (fleet["option"], fleet["role"], fleet["status"]) == ("fleet", "challenger", "settled")
        assert fleet["first_tokens_per_month"] == study.first
        assert fleet["settled_tokens_per_month"] == study.settled
        assert fleet["usd_per_month"] == study.options["fleet"].usd_per_month
        assert fleet["baseline_usd_per_month"] == api["usd_per_month"] == study.options["api"].usd_per_month
        assert {fleet["cheapest"], api["cheapest"]} == {study.cheapest}


def test_a_point_that_can_not_be_had_is_one_row_that_says_why(whole):
    rows = frame(job_of(**RENTS), whole)
    (fault,) = (row for _, row in rows[rows["status"] == FAULT].iterrows())
    assert fault[RENT] == -1
    assert "usd_per_gpu_hour: is -1, must be at least 0" in fault["message"]
    assert np.isnan(fault["usd_per_month"])
    dear = rows[(rows[RENT] == 1e9) & (rows["option"] == "fleet")]
    assert dear["status"].tolist() == ["baseline_always_cheaper"]


@pytest.mark.parametrize(("jobs", "kind"), [(2, "threads"), pytest.param(2, "processes", marks=pytest.mark.slow)])
def test_however_many_workers_the_store_is_the_same(tmp_path, whole, jobs, kind):
    path = tmp_path / "sweeps.sqlite"
    run(job_of(**RENTS), path, jobs=jobs, kind=kind)
    assert contents(path) == contents(whole)


class StopsAfter(Pool):
    """Solves so many points in the calling thread, then is interrupted."""

    def __init__(self, points):
        super().__init__(1, lambda: self)
        self.left = points

    def submit(self, task, work, tasks):
        if self.left < len(tasks):
            raise KeyboardInterrupt
        self.left -= len(tasks)
        future = Future()
        future.set_result(task(work, tasks))
        return future


@pytest.mark.parametrize("points", [0, 1, 4, 9])
def test_a_sweep_that_is_stopped_goes_on_from_there(tmp_path, whole, points):
    path, job = tmp_path / "sweeps.sqlite", job_of(**RENTS)
    with Store.writing(path) as store, pytest.raises(KeyboardInterrupt):
        run_sweep(job, store, StopsAfter(points), here)
    with Store.writing(path) as store:
        kept = store.progress(job.key).solved
        assert points - 1 <= kept <= points
        assert missing_points(job, store, 100) == 10 - kept
        assert run_sweep(job, store, StopsAfter(10 - kept), here) == Progress(10, 1)
        assert run_sweep(job, store, StopsAfter(0), here) == Progress(10, 1)
    assert contents(path) == contents(whole)


def test_two_sweeps_compute_the_points_that_they_share_once(tmp_path, whole):
    path = tmp_path / "sweeps.sqlite"
    path.write_bytes(whole.read_bytes())
    other = job_of("others", grid={RENT: [2.0, 9, 3]}, cases={"as it is": {}, "the same": {"title": "Another title"}})
    with Store.writing(path) as store:
        assert missing_points(other, store, 100) == 1
        assert run_sweep(other, store, StopsAfter(1), here) == Progress(6, 0)
    rows = frame(other, path)
    assert rows["case"].tolist() == ["as it is"] * 6 + ["the same"] * 6
    halves = [rows.iloc[:6][list(RESULT_COLUMNS)], rows.iloc[6:][list(RESULT_COLUMNS)]]
    assert halves[0].reset_index(drop=True).equals(halves[1].reset_index(drop=True))


def test_equal_points_of_one_sweep_are_solved_once(tmp_path):
    job = job_of(grid={RENT: [2, 2.0, 3, 2]})
    with Store.writing(tmp_path / "sweeps.sqlite") as store:
        assert run_sweep(job, store, StopsAfter(2), here) == Progress(4, 0)
        assert len(list(store.rows(job.key))) == 8


def test_another_catalogue_or_version_is_another_point(tmp_path, whole):
    path = tmp_path / "sweeps.sqlite"
    path.write_bytes(whole.read_bytes())
    with Store.writing(path) as store:
        assert missing_points(replace(job_of(**RENTS), digest="elsewhere"), store, 100) == 10


def test_faults_are_kept_until_they_are_to_be_tried_again(tmp_path, whole):
    path = tmp_path / "sweeps.sqlite"
    path.write_bytes(whole.read_bytes())
    job = job_of(**RENTS)
    with Store.writing(path) as store:
        assert missing_points(job, store, 100, retry_failed=True) == 1
        assert run_sweep(job, store, StopsAfter(1), here, retry_failed=True) == Progress(10, 1)
        forget_points(job, store)
        assert missing_points(job, store, 100) == 10
    assert contents(path)["points"] == contents(whole)["points"]


def test_a_sweep_of_which_only_a_part_is_asked_for(tmp_path):
    job = job_of(**RENTS, where=[f"{RENT} >= 2", f"{RENT} < 3"])
    assert job.size() == 2
    path = tmp_path / "sweeps.sqlite"
    assert run(job, path) == Progress(2, 0)
    assert frame(job, path)[RENT].unique().tolist() == [2, 2.5]


def test_a_part_of_a_sweep_is_that_part_also_where_all_of_it_was_solved_before(tmp_path, whole):
    path = tmp_path / "sweeps.sqlite"
    path.write_bytes(whole.read_bytes())
    part = job_of(**RENTS, where=[f"{RENT} >= 2", f"{RENT} < 3"])
    with Store.writing(path) as store:
        assert run_sweep(part, store, StopsAfter(0), here) == Progress(2, 0)
        assert store.progress(part.key, part.chosen) == Progress(2, 0)
        assert store.progress(part.key) == Progress(10, 1)
    rows = frame(part, path)
    assert rows[RENT].tolist() == [2, 2, 2.5, 2.5]
    assert rows["point"].tolist() == [1, 1, 2, 2]


def test_what_is_forgotten_is_solved_again_whichever_sweep_had_it_solved(tmp_path, whole):
    path = tmp_path / "sweeps.sqlite"
    path.write_bytes(whole.read_bytes())
    other = job_of("others", grid={RENT: [2.0, 3]})
    with Store.writing(path) as store:
        forget_points(other, store)
        assert missing_points(other, store, 100) == 2
        assert missing_points(job_of(**RENTS), store, 100) == 2


def test_workers_with_another_catalogue_are_refused(tmp_path):
    with pytest.raises(WorkerError, match="another catalogue or version"):
        run(job_of(**RENTS), tmp_path / "sweeps.sqlite", digest=elsewhere)


def test_a_failure_within_a_point_is_its_row(tmp_path, monkeypatch):
    job = job_of(grid={RENT: [2, 3]})

    def breaks(overrides):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(type(job.base), "plan_for", lambda _, overrides: breaks(overrides))
    path = tmp_path / "sweeps.sqlite"
    assert run(job, path) == Progress(2, 2)
    assert set(frame(job, path)["message"]) == {"internal error: RuntimeError: out of luck"}


@pytest.mark.slow
def test_a_process_that_ends_costs_no_other_point(tmp_path, whole):
    rents = [1.5, 2, 2.5, 3, 11, 4, 5, 6, 7]
    noted = tmp_path / "noted"
    noted.mkdir()
    plain = job_of(grid={RENT: rents})
    job = replace(plain, base=EndsItsWorker(plain.base, 11, noted))
    path = tmp_path / "sweeps.sqlite"
    assert run(job, path, jobs=2, kind="processes") == Progress(9, 1)
    rows = frame(plain, path)
    (fault,) = (row for _, row in rows[rows["status"] == FAULT].iterrows())
    assert fault[RENT] == 11
    assert fault["message"] == "its worker ended 3 times while solving it; out of memory?"
    solved = rows[rows["status"] != FAULT].set_index([RENT, "option"])["usd_per_month"]
    expected = frame(job_of(**RENTS), whole).set_index([RENT, "option"])["usd_per_month"]
    assert solved.equals(expected.loc[solved.index])
