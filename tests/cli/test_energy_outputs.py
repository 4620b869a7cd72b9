"""Energy and carbon in what commands print and write."""

import contextlib
import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.cli.main import main
from simulator.presentation.energy_wording import energy_table

SHORT = {"horizon.days": 2}
COLUMNS = ["energy_kwh_per_mtok", "kg_co2e_per_mtok"]


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
    """Folder and stdout of a short run of one H100."""
    output = tmp_path_factory.mktemp("energy")
    status, stdout, stderr = breakeven("run", "minimal", "--set", "horizon.days=2", "--output", output)
    assert (status, stderr) == (0, "")
    return output / "minimal", stdout


@pytest.fixture(scope="module")
def energy():
    """Of the same fleet, from Python."""
    return sim.break_even(sim.load_scenario("minimal", SHORT)).options["fleet"].energy


def test_the_curve_has_energy_and_carbon_of_fleets_alone(run):
    curve = pd.read_csv(run[0] / "curve.csv")
    assert list(curve)[list(curve).index("peak_replicas") + 1 :][:2] == COLUMNS
    by_option = {name: rows[COLUMNS] for name, rows in curve.groupby("option")}
    assert by_option["api"].isna().all(axis=None)
    assert (by_option["fleet"] > 0).all(axis=None)


def test_the_curve_falls_to_what_a_full_replica_takes(run):
    # 1.5 x 700 W x 1.54, over the tokens of an hour; at use u idle hours add 13.6 % x (1 / u - 1) of it.
    curve = pd.read_csv(run[0] / "curve.csv").query("option == 'fleet' and peak_replicas == 1")
    use = curve["utilization_share"]
    full = curve["energy_kwh_per_mtok"] / (1.0 + 0.136 * (1.0 / use - 1.0))
    np.testing.assert_allclose(full, full.iloc[0], rtol=1e-6)
    mtok_per_hour = curve["tokens_per_month"] / 730 / 1e6 / use
    np.testing.assert_allclose(full * mtok_per_hour, 1.05 * 1.54, rtol=1e-6)


def test_the_summary_holds_energy_and_carbon_at_run_rate_and_by_month(run, energy):
    options = json.loads((run[0] / "summary.json").read_text())["options"]
    at_run_rate = options["fleet"]["run_rate"]["energy"]
    assert at_run_rate["energy_kwh"] == pytest.approx(float(energy.energy_kwh[0]))
    assert at_run_rate["energy_kwh_per_mtok"] == pytest.approx(float(energy.energy_kwh_per_mtok[0]))
    over_time = options["fleet"]["horizon"]["energy"]
    assert over_time["energy_kwh"] == pytest.approx(at_run_rate["energy_kwh"] * 2 * 24 / 730)
    (month,) = over_time["by_month"].values()
    assert month == {key: over_time[key] for key in ("energy_kwh", "kg_co2e")}
    assert options["api"]["run_rate"]["energy"] is options["api"]["horizon"]["energy"] is None


def test_the_page_prints_energy_and_carbon_with_what_they_stand_on(run, energy):
    lines = run[1].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Energy at the meter, at 1.52 B tokens"))
    row = next(line.split() for line in lines[start:] if line.startswith("fleet "))
    per_mtok, _, carbon, month, *_ = (float(cell.replace(",", "")) for cell in row[1:-1])
    assert per_mtok == pytest.approx(float(energy.energy_kwh_per_mtok[0]), rel=5e-3)
    assert carbon == pytest.approx(float(energy.kg_co2e_per_mtok[0]), rel=5e-3)
    assert month == pytest.approx(float(energy.energy_kwh[0]), abs=0.5)
    text = " ".join(run[1].split())
    assert "energy of api: not published by the provider, so none is given" in text
    assert "energy of fleet: carbon of the grid, world: 0.475 kg CO2e/kWh" in text
    assert "2019-12-31, unverified)" in text


@pytest.mark.parametrize("what", ["edge", "deferrable"])
def test_a_full_replica_takes_as_much_for_a_token_whatever_waits_or_stays_on_the_devices(what):
    """The column in full use; two classes that are alike but for their names."""
    chat = {"share": 0.6, "input_tokens": 800, "output_tokens": 200}
    report = {**chat, "share": 0.4}
    fleet = {"kind": "self_hosted", "gpu": "h100-sxm", "rental": {"usd_per_gpu_hour": 2.0}}
    changed = {"edge": ({**fleet, "edge": {"share": 0.4}}, report)}
    changed["deferrable"] = (fleet, {**report, "deferrable": {"deadline_hours": 24}})
    option, waiting = changed[what]
    scenario = {
        "title": "full",
        "horizon": {"days": 2, "step_s": 3600},
        "traffic": {"requests_per_day": 500_000},
        "workload": {"chat": chat, "report": waiting},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 4}},
            "fleet": {**option, "throughput": {"requests_per_s": 1.0}},
        },
    }
    table = energy_table(sim.break_even(scenario))
    (in_full_use,) = table.columns[2].cells
    assert float(in_full_use) == pytest.approx(1.05 * 1.54 * 1e6 / 3600 / 1000, rel=5e-3)


def test_weak_figures_of_energy_are_marked_where_they_stand_and_no_warning(run):
    warned = [line for line in run[1].splitlines() if line.startswith("!")]
    assert not any(word in line for line in warned for word in ("grid", "draw", "energy"))


def test_a_gpu_without_a_rated_power_leaves_the_columns_empty_and_says_so(tmp_path):
    scenario = {
        "title": "cpu",
        "horizon": {"days": 1},
        "traffic": {"requests_per_day": 1000},
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "model": "claude-haiku-4-5"},
            "cpu": {
                "kind": "self_hosted",
                "gpu": "graviton4-16c",
                "rental": {"usd_per_gpu_hour": 1.0},
                "throughput": {"total_tokens_per_s": 500},
            },
        },
    }
    path = tmp_path / "cpu.yaml"
    path.write_text(json.dumps(scenario))
    status, stdout, stderr = breakeven("run", path, "-o", tmp_path)
    assert (status, stderr) == (0, "")
    assert pd.read_csv(tmp_path / "cpu" / "curve.csv")[COLUMNS].isna().all(axis=None)
    assert "cpu: energy not known: no rated power of graviton4-16c is published" in stdout
    assert "Energy at the meter" not in stdout


def test_what_an_api_answers_in_place_of_the_fleet_is_said_to_be_left_out(tmp_path):
    full = [
        "horizon.days=2",
        "traffic.requests_per_day=20_000_000",
        "options.fleet.autoscaling={kind: fixed, count: 1}",
    ]
    arguments = [text for override in full for text in ("--set", override)]
    status, stdout, _ = breakeven("run", "minimal", *arguments, "-o", tmp_path)
    assert status == 0
    assert "energy: without what an API answers in place of the fleet (" in " ".join(stdout.split())


def test_a_sweep_has_energy_and_carbon_of_every_point(tmp_path):
    path = tmp_path / "volume.yaml"
    path.write_text(
        "title: Volume\nbase: minimal\ngrid:\n  horizon.days: [2]\n  traffic.requests_per_day: [50_000, 100_000]\n"
    )
    assert breakeven("sweep", path, "-o", tmp_path)[0] == 0
    rows = pd.read_csv(tmp_path / "volume" / "sweep.csv").query("option == 'fleet'")
    use = rows["utilization_share"].tolist()
    per_mtok = rows["energy_kwh_per_mtok"].tolist()
    # idle 13.6 % and the rest by the use, over the tokens, which follow the use
    assert per_mtok[1] / per_mtok[0] == pytest.approx((0.136 / use[1] + 0.864) / (0.136 / use[0] + 0.864))
    assert (rows["kg_co2e_per_mtok"] / rows["energy_kwh_per_mtok"]).tolist() == pytest.approx([0.475, 0.475])
