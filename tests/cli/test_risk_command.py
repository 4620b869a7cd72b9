"""`breakeven risk`: what it prints and writes, and what it refuses."""

import json
import math

import pandas as pd
import pytest
import yaml

CONSTANT = {
    "title": "Guesses as ranges",
    "horizon": {"days": 1, "step_s": 3600},
    "traffic": {"tokens_per_month": 1e9},
    "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
    "options": {
        "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
        "fleet": {
            "kind": "self_hosted",
            "rental": {"usd_per_gpu_hour": 0.0},
            "throughput": {"total_tokens_per_s": 1e18},
            "autoscaling": {"kind": "fixed", "count": 1},
            "monthly_fixed_usd": {"all": {"choice": {"values": [600.0, 1800.0]}}},
        },
    },
}
FIXED = "options.fleet.monthly_fixed_usd.all"


@pytest.fixture
def guesses(tmp_path):
    path = tmp_path / "guesses.yaml"
    path.write_text(yaml.safe_dump(CONSTANT, sort_keys=False), encoding="utf-8")
    return path


def test_the_answer_is_printed_and_written(breakeven, guesses, tmp_path):
    result = breakeven("risk", guesses, "--paths", 64, "-o", "out")
    assert (result.status, result.stderr) == (0, "")
    # Half of the paths cross at 0.6e9, half at 1.8e9; blind the API costs 1,000, knowing would save 200.
    assert "At the own volume fleet is the cheaper one with 50 % probability." in result.stdout
    assert "Knowing every input first would be worth 200 USD a month." in " ".join(result.stdout.split())
    folder = tmp_path / "out" / "guesses"
    assert {path.name for path in folder.iterdir()} == {
        "risk.json", "bands.csv", "probability.csv", "fan.csv", "paths.csv", "choice.csv", "tornado.csv", "flips.csv",
        *(f"{stem}.{kind}" for stem in ("fan", "probability", "tornado", "flips") for kind in ("png", "pdf")),
    }  # fmt: skip
    content = json.loads((folder / "risk.json").read_text())
    assert content["value_of_perfect_information_usd_per_month"] == pytest.approx(200.0)
    assert content["inputs"][FIXED]["median"] == 600.0
    paths = pd.read_csv(folder / "paths.csv")
    assert sorted(paths["settled:fleet"].round(-5).unique()) == [6e8, 1.8e9]
    assert list(pd.read_csv(folder / "probability.csv").columns) == [
        "challenger", "tokens_per_month", "p_cheaper", "low", "high",
    ]  # fmt: skip


def test_json_is_what_is_written(breakeven, guesses, tmp_path):
    result = breakeven("risk", guesses, "--paths", 64, "--json", "-o", "out")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "guesses" / "risk.json").read_text())


def test_a_path_that_never_pays_is_written_as_infinite(breakeven, guesses, tmp_path):
    result = breakeven(
        "risk", guesses, "--paths", 64, "-o", "out", "--json",
        "--set", "options.api.prices.input_usd_per_mtok=0", "--set", "options.api.prices.output_usd_per_mtok=0",
    )  # fmt: skip
    bands = json.loads(result.stdout)["pairs"]["fleet"]["bands_tokens_per_month"]
    assert {(band["p50"], band["never_share"]) for band in bands} == {("never", 1.0)}
    assert math.isinf(pd.read_csv(tmp_path / "out" / "guesses" / "bands.csv")["p50"].iloc[0])


def test_a_run_takes_the_medians_and_says_so(breakeven, guesses, tmp_path):
    result = breakeven("run", guesses, "-o", "out")
    said = " ".join(result.stdout.split())
    assert f"uncertain inputs are at their medians ({FIXED} 600); `breakeven risk` tells what follows" in said
    content = json.loads((tmp_path / "out" / "guesses" / "summary.json").read_text())
    assert content["pairs"]["fleet"]["settled"]["tokens_per_month"] == pytest.approx(6e8)
    assert content["scenario"]["uncertainty"]["inputs"][FIXED] == {"choice": {"values": [600.0, 1800.0]}}


@pytest.mark.slow
def test_the_scenario_in_a_summary_says_the_same_as_the_file(breakeven, guesses, tmp_path):
    breakeven("run", guesses, "-o", "out")
    again = json.loads((tmp_path / "out" / "guesses" / "summary.json").read_text())["scenario"]
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(again, sort_keys=False), encoding="utf-8")
    one, other = (
        json.loads(breakeven("risk", path, "--paths", 64, "--json", "-o", "out").stdout)["pairs"]
        for path in (guesses, "again.yaml")
    )
    assert one == other


def test_nothing_uncertain_is_bad_input(breakeven, guesses, tmp_path):
    result = breakeven("risk", guesses, "--set", f"{FIXED}=600", "-o", "out")
    assert result.status == 2
    assert result.stderr.startswith("nothing in the scenario is uncertain; give a distribution in place of a number")
    assert not (tmp_path / "out").exists()


def test_a_faulty_distribution_is_told_with_its_line(breakeven, guesses):
    guesses.write_text(guesses.read_text().replace("- 1800.0", "- 1800.0\n          weights: [0.5, 0.6]"))
    result = breakeven("risk", guesses)
    assert result.status == 2
    assert f"{FIXED}.choice.weights: add to 1.1, must add to 1" in result.stderr
    assert result.stderr.split(":")[1].isdecimal()


def test_a_distribution_set_on_the_command_line_counts(breakeven, tmp_path):
    result = breakeven(
        "risk", "minimal", "--set", "horizon={days: 7, step_s: 3600}", "--paths", 64, "--json", "-o", "out",
        "--set", "options.fleet.rental.usd_per_gpu_hour={p10: 2, p50: 2.5, p90: 3.5}",
    )  # fmt: skip
    content = json.loads(result.stdout)
    assert content["inputs"]["options.fleet.rental.usd_per_gpu_hour"]["median"] == 2.5
    bands = content["pairs"]["fleet"]["bands_tokens_per_month"]
    assert [band["varying"] for band in bands] == ["inputs", "inputs"]
    assert bands[1]["p10"] < bands[1]["p50"] < bands[1]["p90"]


def test_growth_is_said_to_be_left_out_and_where_it_is_told(breakeven, guesses, tmp_path):
    grown = breakeven("risk", guesses, "--paths", 8, "--set", "traffic.growth_per_month=0.08")
    said = "no growth (here 8 % a month: `breakeven horizon` tells what becomes of it)"
    assert said in " ".join(grown.stdout.split())
    assert "no growth, prices of the first day" in " ".join(breakeven("risk", guesses, "--paths", 8).stdout.split())
