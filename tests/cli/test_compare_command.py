"""`breakeven compare`: what it prints, writes, draws and refuses; finished runs beside scenarios."""

import csv
import json
import math
import re

import pytest

import simulator as sim
from simulator import __version__
from simulator.catalogue.planning import make_plan
from simulator.config.finished_runs import read_finished_run
from simulator.domain.compared import flattened, is_same
from simulator.presentation.charts.waterfall import LINES_ALONE, bars_of, waterfall_chart
from simulator.presentation.compare_wording import pays, sentence
from simulator.solving.compared_study import solved_run
from simulator.solving.comparison import BillChange, BillStep

FILE = """\
title: A pair
horizon: {days: 7, step_s: 3600}
traffic: {requests_per_day: 10_000}
workload: {request: {input_tokens: 500, output_tokens: 500}}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: 2}
    throughput: {requests_per_s: 1}
    autoscaling: {kind: fixed, count: 2}
    max_wait_s: .inf
    monthly_fixed_usd: {monitoring: 100}
"""
RENT = "options.fleet.rental.usd_per_gpu_hour"


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "pair.yaml").write_text(FILE, encoding="utf-8")
    return "pair.yaml"


@pytest.fixture
def finished(breakeven, pair, tmp_path):
    assert breakeven("run", pair).status == 0
    return tmp_path / "reports" / "pair"


def changed_summary(folder, change):
    file = folder / "summary.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def rows_of(folder):
    return list(csv.DictReader((folder / "compare.csv").read_text(encoding="utf-8").splitlines()))


def test_a_scenario_against_itself_prints_the_answer_and_writes_four_files(breakeven, pair, tmp_path):
    result = breakeven("compare", pair, "--with", f"{RENT}=1.5")
    assert result.status == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "pair with usd_per_gpu_hour=1.5 against pair" in text
    assert "fleet costs 730 USD a month less, 2,290 in place of 3,020: rent -730." in text  # 0.5 x 2 x 730
    assert "api costs the same." in text
    assert "api is the cheapest in both (buy)." in text
    assert re.search(rf"{re.escape(RENT)} 2 1.5", text)
    assert re.search("In pair fleet costs 2,10[78] USD a month more than api", text)  # 3,020 - 912.50
    folder = tmp_path / "reports" / "pair-vs-with-usd_per_gpu_hour-1.5"
    assert sorted(path.name for path in folder.iterdir()) == [
        "compare.csv", "compare.json", "waterfall.pdf", "waterfall.png",
    ]  # fmt: skip


def test_the_table_adds_up_line_by_line(breakeven, pair, tmp_path):
    arguments = ["--with", f"{RENT}=1.5", "--with", "traffic.requests_per_day=20_000", "-o", "out"]
    assert breakeven("compare", pair, *arguments).status == 0
    rows = rows_of(next((tmp_path / "out").iterdir()))
    for part, option in (("bill", "api"), ("bill", "fleet")):
        differences = {
            row["key"]: float(row["difference"]) for row in rows if (row["part"], row["option"]) == (part, option)
        }
        total = differences.pop("total")
        assert math.fsum(differences.values()) == pytest.approx(total)
    gap = [(row["option"], row["key"], float(row["difference"])) for row in rows if row["part"] == "gap"]
    total = next(difference for _, key, difference in gap if key == "total")
    assert math.fsum(difference for _, key, difference in gap if key != "total") == pytest.approx(total)
    rent = next(row for row in rows if row["key"] == RENT)
    assert (rent["part"], rent["a"], rent["b"], float(rent["difference"])) == ("input", "2", "1.5", -0.5)


def test_json_is_what_the_file_holds(breakeven, pair, tmp_path):
    result = breakeven("compare", pair, "--with", f"{RENT}=1.5", "--json")
    folder = tmp_path / "reports" / "pair-vs-with-usd_per_gpu_hour-1.5"
    assert result.stdout == (folder / "compare.json").read_text(encoding="utf-8")
    content = json.loads(result.stdout)
    assert content["inputs"] == [{"option": None, "key": RENT, "unit": None, "a": 2.0, "b": 1.5}]
    fleet = next(bill for bill in content["bills"] if bill["option"] == "fleet")
    assert fleet["difference"] == pytest.approx(-730)
    assert fleet["lines"][0] == {"line": "rent", "a": 2920.0, "b": 2190.0, "difference": -730.0}


def test_the_same_comparison_gives_the_same_bytes(breakeven, pair, tmp_path):
    for folder in ("one", "two"):
        assert breakeven("compare", pair, "--with", f"{RENT}=1.5", "-o", folder).status == 0
    one, two = (next((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


def test_several_are_held_against_the_first_in_columns(breakeven, pair, tmp_path):
    for name, rent in (("cheap", 1.0), ("dear", 4.0)):
        (tmp_path / f"{name}.yaml").write_text(FILE.replace("hour: 2", f"hour: {rent}"), encoding="utf-8")
    result = breakeven("compare", pair, "cheap.yaml", "dear.yaml", "--set", "traffic.requests_per_day=5_000")
    assert result.status == 0, result.stderr
    assert re.search(rf"{re.escape(RENT)} +2 +1 +4\b", result.stdout)
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["pair-vs-cheap", "pair-vs-dear"]
    rows = rows_of(tmp_path / "reports" / "pair-vs-dear")
    assert not any(row["key"] == "traffic.requests_per_day" for row in rows)  # set in all of them


def test_a_finished_run_tells_what_the_same_scenario_tells(finished):
    read = read_finished_run(finished, __version__)
    solved = solved_run("pair", make_plan(sim.load_scenario(finished.parent.parent / "pair.yaml")))
    assert read.is_finished
    assert read.inputs == solved.inputs
    assert read.inputs["options.fleet.max_wait_s"] == math.inf
    assert (read.given, read.figures, read.pairs) == (solved.given, solved.figures, solved.pairs)
    for name, option in solved.options.items():
        assert read.options[name].results == option.results
        assert read.options[name].lines == option.lines
        for line, usd in option.horizon_lines.items():
            assert read.options[name].horizon_lines[line] == pytest.approx(usd)
    assert (read.cheapest, read.action, read.baseline) == (solved.cheapest, solved.action, solved.baseline)


def test_a_finished_run_is_no_other_than_its_scenario_today(breakeven, finished, pair):
    result = breakeven("compare", finished, pair)
    assert result.status == 0, result.stderr
    assert "No bill differs, neither at run rate nor over the horizon." in " ".join(result.stdout.split())
    assert "No result differs." in result.stdout
    assert not (finished.parent / "reports-pair-vs-pair" / "waterfall.png").exists()


def test_a_finished_run_is_simulated_at_another_volume(breakeven, finished, pair):
    result = breakeven("compare", finished, pair, "--set", "traffic.requests_per_day=20_000", "--json")
    api = next(bill for bill in json.loads(result.stdout)["bills"] if bill["option"] == "api")
    assert api["unit"] == "USD per month"
    assert api["volume"] == pytest.approx(912.5)
    assert api["at_equal_volume"] == pytest.approx(0.0)


def test_a_run_that_does_not_come_out_as_it_was_is_compared_per_million_tokens(breakeven, finished, pair):
    def dearer(content):
        content["options"]["api"]["run_rate"]["lines_usd_per_month"]["output"] *= 2

    changed_summary(finished, dearer)
    result = breakeven("compare", finished, pair, "--set", "traffic.requests_per_day=20_000")
    text = " ".join(result.stdout.split())
    assert "does not come out today as it was run" in text
    assert "api costs 2.5 USD per million tokens less, 3 in place of 5.5: output -2.5." in text


def test_a_run_of_another_version_is_compared_with_a_warning(breakeven, finished, pair):
    def older(content):
        content["breakeven_version"] = "0.0.1"
        content["scenario"]["options"]["fleet"]["colour"] = "green"

    changed_summary(finished, older)
    result = breakeven("compare", finished, pair)
    text = " ".join(result.stdout.split())
    assert result.status == 0, result.stderr
    assert f"was run by version 0.0.1, this is {__version__}" in text
    assert "its scenario can't be read by this version" in text
    assert "options.fleet.colour green not given" in text


def without(*path):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        pytest.param(without("volume"), r"summary\.json: volume: is missing, must be a mapping", id="part"),
        pytest.param(
            without("options", "api", "run_rate", "usd_per_month"),
            r"summary\.json: options\.api\.run_rate\.usd_per_month: is missing, must be a number",
            id="number",
        ),
        pytest.param(
            lambda content: content["volume"].update(tokens_per_month=-5),
            r"volume\.tokens_per_month: is -5, must be a number above 0",
            id="volume",
        ),
        pytest.param(
            lambda content: content["volume"].update(tokens_per_month="many"),
            r"volume\.tokens_per_month: is 'many', must be a number",
            id="text",
        ),
    ],
)
def test_a_summary_that_lacks_something_is_one_line(breakeven, finished, pair, change, pattern):
    changed_summary(finished, change)
    result = breakeven("compare", finished, pair, "-o", "out")
    assert result.status == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert re.search(pattern, result.stderr), result.stderr


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("{", r"broken/summary\.json:1: is no JSON"),
        ("[1]", r"broken/summary\.json: holds a list, must hold the summary of a run"),
        ('{"a": NaN}', r"is missing, must be"),
        (None, r"broken/summary\.json: is missing; 'broken' is no folder of a finished run"),
    ],
)
def test_what_is_no_finished_run_is_refused(breakeven, pair, tmp_path, text, pattern):
    (tmp_path / "broken").mkdir()
    if text is not None:
        (tmp_path / "broken" / "summary.json").write_text(text, encoding="utf-8")
    result = breakeven("compare", "broken", pair)
    assert result.status == 2
    assert "Traceback" not in result.stderr
    assert re.search(pattern, result.stderr), result.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["pair.yaml"], r"^'pair\.yaml' alone can't be compared"),
        (["pair.yaml", "pair.yaml"], r"^'pair\.yaml' is given twice"),
        (["pair.yaml", "minimal", "--with", "seed=2"], r"^--with holds one scenario against itself; 2 are given"),
        (["pair.yaml", "minimall"], r"did you mean 'minimal'\?"),
        (["pair.yaml", "--with", f"{RENT}=-1"], rf"--with {RENT}=-1: {RENT}: is -1, must be at least 0"),
        (["pair.yaml", "--with", "seed"], r"--with seed: has no '=', must be KEY=VALUE"),
        (["pair.yaml", "minimal", "--option", "flet"], r"'flet' is no option of pair, must be one of api, fleet"),
        (["pair.yaml", "minimal", "--option", "=x"], r"^--option =x: must be NAME, or NAME=OTHER$"),
        (["pair.yaml", "minimal", "--challenger", "fleet=gpus"], r"'gpus' is no option of minimal"),
        (["reports/none.json", "pair.yaml"], r"reports/none\.json: is no file"),
    ],
)
def test_bad_input_is_one_line(breakeven, pair, tmp_path, arguments, pattern):
    result = breakeven("compare", *arguments)
    assert result.status == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert re.search(pattern, result.stderr.strip()), result.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (
            ["reports/pair", "--with", "seed=2"],
            "--with needs a scenario to set keys in; 'reports/pair' is a finished run",
        ),
        (["reports/pair", "reports/pair/summary.json", "--set", "seed=2"], "only finished runs are given"),
    ],
)
def test_keys_are_not_set_in_finished_runs(breakeven, finished, arguments, pattern):
    result = breakeven("compare", *arguments)
    assert result.status == 2
    assert pattern in result.stderr


def test_a_challenger_that_no_longer_pays_is_told_in_words():
    found = sim.compare("minimal", overrides={RENT: 500.0})
    assert "The choice turns from fleet (self-host) to api (buy)." in sentence(found)
    assert re.search(r"fleet never pays; before it pays for good from [\d.]+ B tokens a month\.$", sentence(found))
    assert pays(found.pair[1]) == "never pays"


# The picture


def test_bars_lead_from_the_first_bill_to_the_other(pair, tmp_path):
    overrides = {RENT: 1.5, "options.fleet.monthly_fixed_usd.monitoring": 400, "traffic.requests_per_day": 20_000}
    found = sim.compare(tmp_path / pair, overrides=overrides)
    bars = bars_of(found, found.bill("fleet"), LINES_ALONE)
    assert [bar.label for bar in bars] == ["pair", "volume alone", "rent", "monitoring", "pair"]
    assert [bar.difference for bar in bars[1:-1]] == pytest.approx([0, -730, 300], abs=1e-6)
    assert [bars[0].end, bars[-1].end] == pytest.approx([3020, 2590])
    assert [bar.start for bar in bars[1:-1]] == pytest.approx([bar.end for bar in bars[:-2]])
    axes = next(axes for axes in waterfall_chart(found).axes if axes.get_label() == "fleet")
    drawn = [patch.get_x() + patch.get_width() for patch in axes.patches]
    assert drawn == pytest.approx([bar.end for bar in bars])


def test_small_lines_are_joined_in_the_picture_and_the_sum_is_kept(pair, tmp_path):
    found = sim.compare(tmp_path / pair, overrides={RENT: 1.5})
    steps = [BillStep(f"line {place}", 100.0, 100.0 + 1000.0 / 2**place) for place in range(12)]
    before, after = (math.fsum(getattr(step, side) for step in steps) for side in ("before", "after"))
    bill = BillChange("fleet", "fleet", "USD per month", before, after, None, tuple(steps))
    bars = bars_of(found, bill, 3)
    assert [bar.label for bar in bars[1:-1]] == ["line 0", "line 1", "line 2", "others"]
    assert bars[-2].detail == "9 lines"
    assert bars[-2].end == pytest.approx(after)
    one_more = BillChange("fleet", "fleet", "USD per month", 400.0, 2275.0, None, tuple(steps[:4]))
    assert [bar.label for bar in bars_of(found, one_more, 3)[1:-1]] == ["line 0", "line 1", "line 2", "line 3"]


def test_a_small_step_in_a_large_bill_can_be_seen(pair, tmp_path):
    found = sim.compare(tmp_path / pair, overrides={RENT: 1.99})
    figure = waterfall_chart(found)
    low, high = figure.axes[0].get_xlim()
    assert low > 0  # else 15 USD in 3,020 would be a hairline
    assert 14.6 / (high - low) > 0.3
    assert any("The axis does not start at 0." in text.get_text() for text in figure.texts)


def test_texts_of_the_picture_do_not_overlap(pair, tmp_path):
    overrides = {RENT: 1.5, "options.fleet.monthly_fixed_usd.monitoring": 400, "traffic.requests_per_day": 20_000}
    figure = waterfall_chart(sim.compare(tmp_path / pair, overrides=overrides))
    figure.canvas.draw()
    texts = [text for axes in figure.axes for text in axes.get_xticklabels()] + list(figure.texts)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for place, (one, box) in enumerate(boxes):
        for other, other_box in boxes[place + 1 :]:
            assert not box.overlaps(other_box), (one, other)


# Inputs


def test_nested_inputs_go_by_dotted_key():
    data = {"a": {"b": 1.5, "c": None, "d": {}}, "e": [1, 2.0], "f": [{"g": True}]}
    assert flattened(data) == {"a.b": 1.5, "e": "[1, 2]", "f.0.g": True}


@pytest.mark.parametrize(
    ("values", "same"),
    [((0.1 + 0.2, 0.3), True), ((1, True), False), ((None, 0.0), False), (("a", "a", "a"), True), ((1, 1.001), False)],
)
def test_values_are_the_same_but_for_rounding(values, same):
    assert is_same(values) is same
