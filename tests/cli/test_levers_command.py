"""`breakeven levers`: what it prints, writes, draws and refuses."""

import csv
import json
import re

import pytest

import simulator as sim
from simulator.presentation.charts.levers import levers_chart
from simulator.presentation.levers_report import break_even_text
from simulator.presentation.numbers import signed
from simulator.sweeping.levers import BreakEvenShift

FILE = """\
title: Levers of a pair
horizon: {days: 7, step_s: 3600}
traffic: {requests_per_day: 10_000}
workload: {request: {input_tokens: 500, output_tokens: 500}}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5, batch_multiplier: 0.5}}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: 2}
    throughput: {requests_per_s: 1}
    autoscaling: {kind: fixed, count: 2}
levers:
  batch: {share: 0.4}
"""


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "pair.yaml").write_text(FILE, encoding="utf-8")
    return "pair.yaml"


def test_the_command_prints_the_savings_their_sources_and_what_was_not_run_and_writes_four_files(
    breakeven, pair, tmp_path
):
    result = breakeven("levers", pair)
    assert result.status == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert re.search(r"batch API api 183 USD 20 %", text)  # 0.4 x 0.5 of 912.50
    assert "50 % of the bill of batched requests" in text
    assert "genai-prices 0.2.3" in text
    assert "levers.prompt_cache.cached_input_share is not given" in text
    assert "guide to the cost of language models (S003-48), undated, unverified" in text
    folder = tmp_path / "reports" / "pair"
    assert sorted(path.name for path in folder.iterdir()) == ["levers.csv", "levers.json", "levers.pdf", "levers.png"]
    rows = list(csv.DictReader((folder / "levers.csv").read_text(encoding="utf-8").splitlines()))
    batch = next(row for row in rows if row["lever"] == "batch" and row["option"] == "api")
    assert float(batch["saving_share"]) == pytest.approx(0.2)


def test_json_is_what_the_file_holds(breakeven, pair, tmp_path):
    result = breakeven("levers", pair, "--json")
    assert result.stdout == (tmp_path / "reports" / "pair" / "levers.json").read_text(encoding="utf-8")
    levers = {entry["lever"]: entry for entry in json.loads(result.stdout)["levers"]}
    assert levers["batch"]["savings"]["api"]["saving_share"] == pytest.approx(0.2)
    assert levers["batch"]["figures"] == [
        {"key": "share", "value": 0.4, "source": "as given", "as_of": None, "unverified": False}
    ]
    assert levers["prompt_cache"]["status"] == "not run"


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        pytest.param(["--set", "levers.batch.share=2"], r"levers\.batch\.share: is 2, must be at most 1$", id="share"),
        pytest.param(
            ["--set", "levers.bach.share=0.2"],
            r"levers\.bach: unknown key; allowed are routing, smaller_model",
            id="key",
        ),
        pytest.param(
            ["--set", "levers.quantization.precision=fp7"],
            r"levers\.quantization\.precision: is 'fp7', must be one of bf16, fp16, fp8",
            id="precision",
        ),
        pytest.param(["--set", "levers.response_cache.hit_share=yes"], r"hit_share: is 'yes', must be", id="text"),
    ],
)
def test_bad_input_is_one_line(breakeven, pair, tmp_path, arguments, pattern):
    result = breakeven("levers", pair, *arguments)
    assert result.status == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert re.search(pattern, result.stderr.strip()), result.stderr
    assert not (tmp_path / "reports").exists()


def test_bars_are_the_savings_and_grey_lines_the_claims(pair, tmp_path):
    study = sim.levers(tmp_path / pair)
    axes = levers_chart(study, "").axes[0]
    shown = [outcome for outcome in study.outcomes if outcome.was_run]
    assert axes.get_xlabel() == "Saving [% of the option's monthly cost]"
    bars = {container.get_label(): [patch.get_width() for patch in container] for container in axes.containers}
    assert set(bars) == {"api", "fleet"}
    expected = [next(one.share for one in outcome.savings if one.option == "api") for outcome in shown]
    assert bars["api"] == pytest.approx([100 * share for share in expected])
    claims = [[100 * claim.low_share, 100 * claim.high_share] for outcome in shown for claim in outcome.claims]
    drawn = [list(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert drawn == claims


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (BreakEvenShift("fleet", 2e9, 3e9, None, None), "3 B (+50 %)"),
        (BreakEvenShift("fleet", 2e9, None, None, "baseline_always_cheaper"), "always dearer"),
        (BreakEvenShift("fleet", 2e9, 0.0, None, None), "always cheaper"),
        (BreakEvenShift("fleet", None, 3e9, "baseline_always_cheaper", None), "3 B"),
        (BreakEvenShift("fleet", 2e9, None, None, "not_settled_in_range"), "not settled in range"),
        (None, ""),
    ],
)
def test_where_a_challenger_pays_for_good_in_words(shift, words):
    assert break_even_text(shift) == words


@pytest.mark.parametrize(("share", "words"), [(0.123, "+12 %"), (-0.004, "-0.4 %"), (2e-4, "0 %")])
def test_shares_have_their_sign(share, words):
    assert signed(share) == words


def test_the_table_opens_with_where_the_fleet_pays_without_any_lever(breakeven, pair):
    said = " ".join(breakeven("levers", pair).stdout.split())
    # two GPUs at 2 USD an hour cost 2,920 USD a month, a million tokens 3 USD at the API: 973 M
    assert re.search(r"as it stands fleet 973 M [^(]", said)


def test_a_lever_left_out_that_saves_more_alone_than_all_together_is_said_to(tmp_path, breakeven):
    cheap = "  cheap: {kind: api, prices: {input_usd_per_mtok: 0.1, output_usd_per_mtok: 0.5}}\n  fleet:"
    (tmp_path / "pair.yaml").write_text(
        FILE.replace("  fleet:", cheap).replace("batch: {share: 0.4}", "routing: {routed_share: 0.1}"), encoding="utf-8"
    )
    said = " ".join(breakeven("levers", "pair.yaml").stdout.split())
    # a tenth of the price for all requests, against a tenth of the requests: 90 % of 912.50 USD
    assert (
        "smaller model: sets what routing sets; alone it saves more than all together: 821 USD a month at api" in said
    )
    assert "10 % of the API's requests go to cheap" in said
