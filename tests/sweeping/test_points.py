"""Points of a sweep: a row is the same to the last bit whatever was solved before, in which order, and where."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.config.overrides import override_document
from simulator.config.scenarios import check_plan, scenario_document
from simulator.simulation import fleet
from simulator.simulation.kept_runs import kept_runs
from simulator.solving.study import solve
from simulator.sweeping.points import FAULT, RESULT_COLUMNS, point_rows, rows_of

SCENARIO = "h100-vs-haiku"
HORIZON = {"horizon": {"months": 2, "step_s": 3600}}
AXES = {
    "options.llama-h100.rental.usd_per_gpu_hour": (1.5, 8.0),
    "options.haiku.prices.input_usd_per_mtok": (0.2, 2.0),
    "options.llama-h100.engineers.base_persons": (0.0, 2.0),
    "traffic.tokens_per_month": (1e8, 3e10),
    "traffic.diurnal.peak_to_mean": (1.0, 2.5),
    "options.llama-h100.autoscaling.target_share": (0.4, 0.9),
    "workload.request.output_tokens": (200.0, 2000.0),
}
ANEW = """
import json, sys
sys.path.insert(0, {folder!r})
from test_points import rows_at
print(json.dumps([repr(rows_at(point)) for point in json.loads(sys.argv[1])]))
"""


def drawn_points(seed, count):
    """Points that set one to three keys each, drawn evenly."""
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        keys = rng.choice(list(AXES), rng.integers(1, 4), replace=False)
        point = {str(key): float(rng.uniform(*AXES[key])) for key in keys}
        price = point.get("options.haiku.prices.input_usd_per_mtok")
        if price is not None:
            point["options.haiku.prices.output_usd_per_mtok"] = 5.0 * price
        points.append(point)
    return points


def rows_at(point):
    document = scenario_document(SCENARIO, HORIZON)
    return point_rows(point, lambda keys: check_plan(override_document(document, keys), make_plan, infeasible=False))


def rows_anew(points):
    """The rows as another process has them, which solves nothing before the first."""
    script = ANEW.format(folder=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(points)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_rows_do_not_depend_on_what_was_solved_before():
    points = drawn_points(1, 16)
    there = [repr(rows_at(point)) for point in points]
    assert len(set(there)) > 10
    assert not any(rows[0]["status"] == FAULT for rows in map(rows_at, points))
    for seed in range(3):
        for place in np.random.default_rng(seed).permutation(len(points)):
            assert repr(rows_at(points[place])) == there[place]
    assert rows_anew(points[::-1]) == there[::-1]
    for place in (3, 11):
        assert rows_anew([points[place]]) == [there[place]]


def test_threads_find_the_rows_that_one_finds():
    points = drawn_points(2, 12)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(rows_at, points))
    assert repr(together) == repr([rows_at(point) for point in points])


@pytest.mark.parametrize("point", drawn_points(3, 4))
def test_a_row_says_what_a_run_of_its_scenario_says(point):
    study = sim.break_even(sim.load_scenario(SCENARIO, {**HORIZON, **point}))
    rows = rows_at(point)
    assert [row["option"] for row in rows] == [study.baseline, *study.pairs]
    assert rows[1]["first_tokens_per_month"] == study.first
    assert rows[1]["settled_tokens_per_month"] == study.settled
    assert rows[1]["usd_per_month"] == study.options["llama-h100"].usd_per_month
    assert repr(rows_of(solve(study.plan))) == repr(rows)
    assert all(tuple(row) == tuple(RESULT_COLUMNS) for row in rows)


def test_another_volume_takes_a_pass_of_its_own_and_no_more(monkeypatch):
    served = []

    def counted(plan, demand, volumes, **more):
        served.append(volumes.size)
        return fleet.serve(plan, demand, volumes, **more)

    monkeypatch.setattr(kept_runs, "_serving", counted)
    rows_at({"traffic.tokens_per_month": 1.23e9})
    served.clear()
    rows_at({"traffic.tokens_per_month": 2.34e9})
    assert served == [1]


def test_a_point_that_cannot_be_had_says_why_in_a_row():
    rows = rows_at({"options.llama-h100.rental.usd_per_gpu_hour": -1.0})
    assert [row["status"] for row in rows] == [FAULT]
    assert "must be" in rows[0]["message"]
