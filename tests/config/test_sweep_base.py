"""The base of a sweep: which points are the same, and which files they mean."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.config.scenarios import check_plan, scenario_document
from simulator.config.sweeps import load_sweep
from simulator.solving.study import solve
from simulator.sweeping.points import point_rows, rows_of

PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}
DEAR = {"input_usd_per_mtok": 9.0, "output_usd_per_mtok": 45.0}
FLEET = {"kind": "self_hosted", "throughput": {"total_tokens_per_s": 2000}, "rental": {"usd_per_gpu_hour": 2}}
TWO_APIS = {
    "title": "Two APIs",
    "horizon": {"days": 2},
    "traffic": {"tokens_per_month": 1e9},
    "workload": {"chat": {"input_tokens": 500, "output_tokens": 500}},
    "options": {"cheap": {"kind": "api", "prices": PRICES}, "dear": {"kind": "api", "prices": DEAR}, "fleet": FLEET},
}
RENT = "options.fleet.rental.usd_per_gpu_hour"
SEED = {"grid": {"seed": [1]}}


def scenario_file(path, content=None):
    """JSON is YAML."""
    import json

    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(TWO_APIS if content is None else content))
    return str(path)


def base_of(scenario, overrides=None, **parts):
    _, base = load_sweep({"title": "A sweep", "base": scenario, **(parts or SEED)}, make_plan, overrides)
    return base


def test_the_order_of_options_is_part_of_a_point_for_the_first_is_the_baseline(tmp_path):
    turned = {**TWO_APIS, "options": dict(reversed(TWO_APIS["options"].items()))}
    bases = [base_of(scenario_file(tmp_path / f"{name}.yaml", one)) for name, one in (("a", TWO_APIS), ("b", turned))]
    baselines = [point_rows({}, base.plan_for)[0]["option"] for base in bases]
    assert baselines == ["cheap", "dear"]
    assert bases[0].identity({}) != bases[1].identity({})


def test_the_order_of_keys_titles_and_spellings_of_numbers_are_not(tmp_path):
    other = {key: TWO_APIS[key] for key in reversed(TWO_APIS)} | {"title": "Another title"}
    other["options"] = {**TWO_APIS["options"], "fleet": {key: FLEET[key] for key in reversed(FLEET)}}
    bases = [base_of(scenario_file(tmp_path / f"{name}.yaml", one)) for name, one in (("a", TWO_APIS), ("b", other))]
    assert bases[0].identity({RENT: 3, "seed": 5}) == bases[1].identity({"seed": 5.0, RENT: 3.0})
    assert bases[0].identity({RENT: 3}) != bases[1].identity({RENT: 3.5})
    assert bases[0].identity({"seed": 1}) != bases[1].identity({"seed": True})


def recording(path, hours=24, most=24.0):
    path.parent.mkdir(exist_ok=True)
    lines = [f"2026-01-01T{hour:02d}:00:00Z,{1 + hour * most / hours}" for hour in range(hours)]
    path.write_text("\n".join(["time,requests", *lines]) + "\n")


TRACE = {"kind": "trace", "file": "times.csv", "requests_per_day": 50_000}


@pytest.mark.parametrize(
    ("name", "overrides", "parts"),
    [
        ("times.csv", {"traffic": TRACE}, SEED),
        ("times", {"traffic": {**TRACE, "file": "times"}}, SEED),
        ("times.csv", None, {"set": {"traffic": TRACE}, **SEED}),
        ("times.csv", None, {"grid": {"traffic": [TRACE, {"requests_per_day": 1000}]}}),
        ("times.csv", None, {"cases": {"recorded": {"traffic.kind": "trace", "traffic.file": "times.csv"}}}),
    ],
)
def test_a_recording_in_the_working_folder_counts_by_its_content(tmp_path, monkeypatch, name, overrides, parts):
    """As `breakeven run --set` finds it: there before beside the scenario, and wherever the workers run."""
    monkeypatch.chdir(tmp_path)
    scenario = scenario_file(tmp_path / "scenarios" / "mine.yaml")
    recording(tmp_path / "scenarios" / name, most=1.0)
    told = []
    for most in (5.0, 50.0):
        recording(tmp_path / name, most=most)
        base = base_of(scenario, overrides, **parts)
        point = {} if overrides or "set" in parts else {"traffic": TRACE}
        expected = rows_of(solve(check_plan(scenario_document(scenario, overrides or {"traffic": TRACE}), make_plan)))
        there = pickle.loads(pickle.dumps(base.carrying_files()))
        assert base.identity(point) == there.identity(point)
        told.append((base.identity(point), repr(expected)))
        assert repr(point_rows(point, base.plan_for)) == repr(expected)
        monkeypatch.chdir("/")
        assert repr(point_rows(point, there.plan_for)) == repr(expected)
        monkeypatch.chdir(tmp_path)
    assert len({identity for identity, _ in told}) == len({rows for _, rows in told}) == 2


def test_one_name_may_be_two_files(tmp_path, monkeypatch):
    """The base means the one beside it, a point the one in the working folder."""
    monkeypatch.chdir(tmp_path)
    scenario = scenario_file(tmp_path / "scenarios" / "mine.yaml", {**TWO_APIS, "traffic": TRACE})
    recording(tmp_path / "scenarios" / "times.csv", most=5.0)
    recording(tmp_path / "times.csv", most=50.0)
    base = base_of(scenario, grid={"traffic.file": ["times.csv"]})
    assert len(base.files) == 2
    beside, here = point_rows({}, base.plan_for), point_rows({"traffic.file": "times.csv"}, base.plan_for)
    assert repr(beside) != repr(here)
    assert repr(beside) == repr(rows_of(solve(check_plan(scenario_document(scenario), make_plan))))
    assert base.identity({}) != base.identity({"traffic.file": "times.csv"})


def test_a_preset_of_the_package_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("chat-consumer").write_text("no preset")
    scenario = scenario_file(tmp_path / "mine.yaml")
    assert base_of(scenario, grid={"traffic.preset": ["chat-consumer", "steady-api"]}).files == {}


def test_numbers_of_numpy_are_numbers(tmp_path):
    scenario = scenario_file(tmp_path / "mine.yaml")
    sweeps = [{"title": "Seeds", "base": scenario, "grid": {"seed": seeds}} for seeds in (np.arange(2), [0, 1])]
    ours, plain = (sim.sweep(one) for one in sweeps)
    assert ours.equals(plain) and ours["seed"].tolist() == [0, 0, 0, 1, 1, 1]
