"""`breakeven throughput` and `breakeven list throughput`: card, rates, ranking, messages, exit codes, JSON."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measurements import all_measurements

ROOT = Path(__file__).parents[2]
LENGTHS = ("--input", "2048", "--output", "256")
H100 = ("throughput", "llama-3.1-8b", "--gpu", "h100-sxm", *LENGTHS)
ONE = ("llama-3.1-8b", "--gpu", "h100-sxm")
HEAVY = ("pandas", "matplotlib", "numba", "scipy")


def assert_refused(result, message):
    assert result.status == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]


def process(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


# One replica


def test_the_card_says_what_is_served_what_limits_it_and_what_it_stands_on(breakeven):
    result = breakeven(*H100)
    assert (result.status, result.stderr) == (0, "")
    estimate = estimate_throughput("llama-3.1-8b", "h100-sxm", input_tokens=2_048, output_tokens=256)
    assert "Llama 3.1 8B in bf16 on NVIDIA H100 80GB SXM5: 1 GPU, vllm" in result.stdout
    assert "2,048 tokens in, 256 out; all requests queued, full load" in result.stdout
    for label in (
        "output  ", "input and output", "requests", "time to first token", "time per token", "sequences at once",
        "limited by", "evidence", "nearest measurements", "80 % band",
    ):  # fmt: skip
        assert label in result.stdout
    assert f"{estimate.requests_per_s:.3g} requests/s" in result.stdout
    assert estimate.sources[0].source in result.stdout
    assert estimate.sources[0].id in result.stdout


def test_json_is_the_public_answer_with_costs_by_arithmetic(breakeven):
    result = breakeven(*H100, "--gpus", "2", "--json")
    content = json.loads(result.stdout)
    estimate = estimate_throughput("llama-3.1-8b", "h100-sxm", tensor_parallel=2, input_tokens=2_048, output_tokens=256)
    for name in ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "ttft_s", "tpot_s", "concurrency"):
        assert content[name] == pytest.approx(getattr(estimate, name))
    assert (content["output_tokens_per_s_low"], content["output_tokens_per_s_high"]) == pytest.approx(estimate.band)
    assert content["asked"]["tensor_parallel"] == content["gpus"] == 2
    assert [source["id"] for source in content["sources"]] == [source.id for source in estimate.sources]
    lambda_8x = next(cost for cost in content["rental_costs"] if (cost["provider"], cost["sku"]) == ("lambda", "8x"))
    # four replicas of two share a machine of eight
    assert lambda_8x["usd_per_replica_hour"] == pytest.approx(2 * lambda_8x["usd_per_gpu_hour"])
    mtok_per_hour = estimate.output_tokens_per_s * 3_600 / 1e6
    assert lambda_8x["usd_per_mtok_output"] == pytest.approx(2 * lambda_8x["usd_per_gpu_hour"] / mtok_per_hour)
    assert lambda_8x["usd_per_mtok_total"] == pytest.approx(lambda_8x["usd_per_mtok_output"] * 256 / (2_048 + 256))


def test_rates_are_the_cheapest_twelve_unless_all_are_asked_for(breakeven):
    costs = json.loads(breakeven(*H100, "--json").stdout)["rental_costs"]
    short, whole = breakeven(*H100).stdout, breakeven(*H100, "--all-rates").stdout
    assert f"and {len(costs) - 12} more rates, up to" in short
    assert "more rates" not in whole
    days = [sum(line.count(cost["as_of"]) for cost in costs[:1]) for line in whole.splitlines()]
    assert sum(days) >= 1
    table = whole[whole.index("output  in + out") :].splitlines()[1 : len(costs) + 1]
    amounts = [float(line.split()[0]) for line in table]
    assert amounts == sorted(amounts)
    assert len(amounts) == len(costs)


def test_the_rates_are_of_the_day_asked_for(breakeven):
    early = json.loads(breakeven(*H100, "--on", "2026-10-01", "--json").stdout)
    late = json.loads(breakeven(*H100, "--json").stdout)
    assert (early["prices_on"], late["prices_on"]) == ("2026-10-01", "2026-12-01")

    def secure(content):
        named = [cost for cost in content["rental_costs"] if cost["sku"] == "secure cloud"]
        return {cost["usd_per_gpu_hour"] for cost in named}

    assert secure(early) == {3.49}
    assert secure(late) == {3.99}


def test_layout_load_and_limits_are_passed_on(breakeven):
    arguments = ("--precision", "fp8", "--kv-precision", "fp8", "--engine", "sglang", "--tpot-limit-ms", "20")
    content = json.loads(breakeven(*H100, *arguments, "--prefix-cached-share", "0.5", "--json").stdout)
    estimate = estimate_throughput(
        "llama-3.1-8b", "h100-sxm", input_tokens=2_048, output_tokens=256, precision="fp8", kv_precision="fp8",
        engine="sglang", tpot_limit_s=0.02, prefix_cached_share=0.5,
    )  # fmt: skip
    assert content["output_tokens_per_s"] == pytest.approx(estimate.output_tokens_per_s)
    clients = json.loads(breakeven(*H100, "--concurrency", "16", "--json").stdout)
    assert clients["asked"]["regime"] == "closed"
    open_loop = breakeven(*H100, "--arrival-rate", "1e6")
    assert "! more requests arrive than the replica can serve" in open_loop.stdout
    keeping_up = json.loads(breakeven(*H100, "--arrival-rate", "0.5", "--json").stdout)
    assert keeping_up["requests_per_s"] == pytest.approx(0.5)


def test_own_benchmarks_anchor_and_are_named(breakeven, tmp_path):
    (tmp_path / "mine.csv").write_text("input_tokens,output_tokens,output_tokens_per_s,concurrency\n2048,256,1500,64\n")
    result = breakeven(*H100, "--concurrency", "64", "--measurements", "mine.csv")
    assert "your measurement" in result.stdout
    assert "your benchmark mine.csv" in result.stdout
    content = json.loads(breakeven(*H100, "--concurrency", "64", "--measurements", "mine.csv", "--json").stdout)
    assert content["output_tokens_per_s"] == pytest.approx(1_500, rel=0.02)


def test_a_model_that_does_not_fit_says_by_how_much_and_what_would(breakeven):
    result = breakeven("throughput", "llama-3.3-70b", "--gpu", "h100-sxm", *LENGTHS)
    assert_refused(result, "llama-3.3-70b in bf16 lacks ")
    assert_refused(result, " GB on 1 x h100-sxm; would fit: fp8")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("llama-3.1-8b",), "--gpu: is missing; give one (`breakeven list gpus`), or --compare-gpus"),
        (("llama-3.1-8b", "--gpu", "h100"), "--gpu: is 'h100', must be one of"),
        (("llama-3.1-8b", "--gpu", "h100-sxn"), "did you mean 'h100-sxm'?"),
        (("lama-3.1-8b", "--gpu", "h100-sxm"), "MODEL: is 'lama-3.1-8b', must be one of"),
        (("lama-3.1-8b", "--gpu", "h100-sxm"), "did you mean 'llama-3.1-8b'?"),
        ((*ONE, "--precision", "fp5"), "--precision: is 'fp5', must be one of bf16"),
        (("llama-3.1-8b", "--gpu", "v100s-pcie", "--precision", "bf16"), "is 'bf16', which v100s-pcie lacks"),
        ((*ONE, "--gpus", "3"), "--tensor-parallel: is 3, must divide the 32 attention"),
        ((*ONE, "--gpus", "3", "--tensor-parallel", "2"), "--gpus: is 3, must be tensor"),
        ((*ONE, "--expert-parallel", "2"), "--expert-parallel: is 2, must be 1"),
        ((*ONE, "--input", "1e6"), "--input + --output: is 1.00026e+06, must be at most 131072"),
        ((*ONE, "--input", "-1"), "--input: is -1, must be finite and at least 0"),
        ((*ONE, "--output", "nan"), "--output: is nan, must be finite and at least 1"),
        ((*ONE, "--regime", "opn"), "--regime: is 'opn', must be one of burst, closed"),
        ((*ONE, "--engine", "vlm"), "did you mean 'vllm'?"),
        ((*ONE, "--tpot-limit-ms", "1"), "does not keep a time per token of 0.001 s"),
        ((*ONE, "--tpot-limit-ms", "0"), "'--tpot-limit-ms': 0.0 is not in the range"),
        ((*ONE, "--on", "soon"), "'soon' does not match the format '%Y-%m-%d'"),
        ((*ONE, "--measurements", "none.csv"), "File 'none.csv' does not exist"),
        ((*ONE, "--measurements", "bad.csv"), "bad.csv:1: nonsense: unknown column"),
        (("sdxl", "--gpu", "h100-sxm"), "MODEL: is 'sdxl', whose shape is not in the catalogue"),
        (("llama-3.1-8b", "--gpu", "xeon-6980p-2s"), "--gpu: is 'xeon-6980p-2s', whose peaks are not in the catalogue"),
        (("llama-3.1-8b", "--compare-gpus", "--gpu", "h100"), "--gpu: is 'h100', must be one of"),
        (("llama-3.1-8b", "--compare-gpus", "--precision", "fp5"), "--precision: is 'fp5', must be one of"),
        (("llama-3.1-8b", "--compare-gpus", "--concurrency", "2"), "--concurrency: does not go with --compare-gpus"),
        (("llama-3.1-8b", "--compare-gpus", "--arrival-rate", "2"), "--arrival-rate: does not go with --compare-gpus"),
        (("llama-3.1-405b", "--compare-gpus", "--gpu", "l4"), "llama-3.1-405b: l4: too small, even 8 of them"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_told_in_one_line(breakeven, tmp_path, arguments, message):
    (tmp_path / "bad.csv").write_text("nonsense\n1\n")
    result = breakeven("throughput", *LENGTHS, *arguments)
    assert_refused(result, message)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_the_command_loads_neither_charts_nor_the_simulation():
    call = f"import sys; sys.argv = ['breakeven', *{H100!r}]\nfrom simulator.cli.main import main\n"
    show = f"print('LOADED', *(name for name in {HEAVY} if name in sys.modules))"
    done = process("-c", f"{call}try:\n    main()\nexcept SystemExit:\n    {show}")
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


# Comparing GPUs

COMPARE = ("throughput", "llama-3.1-8b", "--compare-gpus", "--gpu", "l40s", *LENGTHS)


def test_a_comparison_prints_the_ranking_and_writes_chart_and_table(breakeven, tmp_path):
    result = breakeven(*COMPARE, "--tpot-limit-ms", "40", "-o", "out")
    assert (result.status, result.stderr) == (0, "")
    assert "Llama 3.1 8B, 2,048 tokens in, 256 out, within 40 ms per token" in result.stdout
    assert "Written to out/throughput-llama-3.1-8b: pareto.csv, pareto.png, pareto.pdf" in result.stdout
    folder = tmp_path / "out" / "throughput-llama-3.1-8b"
    assert sorted(path.name for path in folder.iterdir()) == ["pareto.csv", "pareto.pdf", "pareto.png"]
    with (folder / "pareto.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["gpu"] for row in rows} == {"l40s"}
    assert "True" in {row["on_front"] for row in rows}


def test_a_comparison_without_a_limit_says_so(breakeven):
    assert "at full load, no latency limit" in breakeven(*COMPARE).stdout


def test_a_comparison_as_json_holds_every_layout_with_its_rate(breakeven):
    content = json.loads(breakeven(*COMPARE, "--tpot-limit-ms", "40", "--json").stdout)
    assert content["tpot_limit_s"] == 0.04
    assert {layout["gpus"] for layout in content["layouts"]} <= {1, 2, 4, 8}
    for layout in content["layouts"]:
        rate = layout["cheapest_on_demand"]
        assert rate["contract"] == "on_demand"
        per_mtok = rate["usd_per_replica_hour"] / (layout["output_tokens_per_s"] * 3_600) * 1e6
        assert layout["usd_per_mtok_output"] == pytest.approx(per_mtok)
        assert layout["usd_per_mtok_output_low"] < per_mtok < layout["usd_per_mtok_output_high"]
        assert layout["tpot_s"] <= 0.04 * 1.001
    usd = [layout["usd_per_mtok_output"] for layout in content["layouts"]]
    assert usd == sorted(usd)


def test_all_precisions_are_compared_where_asked_for(breakeven):
    content = json.loads(breakeven(*COMPARE, "--precision", "all", "--json").stdout)
    assert {layout["precision"] for layout in content["layouts"]} >= {"bf16", "fp8", "int4"}


def test_many_layouts_are_cut_and_all_rates_shows_them(breakeven):
    short = breakeven(*COMPARE, "--precision", "all").stdout
    whole = breakeven(*COMPARE, "--precision", "all", "--all-rates").stdout
    assert "more layouts" in short and "--all-rates shows them" in short
    assert "more layouts" not in whole
    assert whole.count(" l40s ") > short.count(" l40s ")


# list throughput


def test_the_map_counts_every_measurement_once_by_shape_and_gpu(breakeven):
    rows = breakeven("list", "throughput").rows
    expected = Counter((open_model(row.model).shape_id, row.gpu) for row in all_measurements())
    found = {
        (shape, part.rsplit(" ", 1)[0]): int(part.rsplit(" ", 1)[1])
        for shape, _, _, _, gpus in rows
        for part in gpus.split(", ")
    }
    assert found == dict(expected)
    assert sum(int(row[2]) for row in rows) == len(all_measurements())
    verified = Counter(open_model(row.model).shape_id for row in all_measurements() if not row.unverified)
    assert {row[0]: int(row[3]) for row in rows} == {row[0]: verified[row[0]] for row in rows}
    assert {row[1] for row in rows} == {"dense", "experts", "image"}


def test_a_model_or_gpu_narrows_the_map_to_the_rows(breakeven):
    by_argument = breakeven("list", "throughput", "llama-3.1-8b", "--gpu", "l40s")
    assert by_argument == breakeven("list", "throughput", "--model", "llama-3.1-8b", "--gpu", "l40s")
    assert {row[2] for row in by_argument.rows} == {"l40s"}
    assert {open_model(row[1]).shape_id for row in by_argument.rows} == {open_model("llama-3.1-8b").shape_id}
    of_gpu = [row for row in all_measurements() if row.gpu == "l40s"]
    assert [row[0] for row in breakeven("list", "throughput", "--gpu", "l40s").rows] == [row.id for row in of_gpu]


def test_images_are_listed_with_their_unit(breakeven):
    rows = breakeven("list", "throughput", "sdxl").rows
    assert rows
    assert {row[9] for row in rows} == {"images/s"}


def test_a_listed_row_is_the_measurement(breakeven):
    row = next(row for row in all_measurements() if row.regime == "closed" and row.unverified)
    (line,) = [line for line in breakeven("list", "throughput", row.model, "--gpu", row.gpu).rows if line[0] == row.id]
    assert line[3] == str(row.gpus)
    assert (float(line[5]), float(line[6])) == (row.input_tokens, row.output_tokens)
    assert line[7] == f"closed {row.concurrency}"
    assert float(line[8]) == pytest.approx(row.value, rel=1e-5)
    assert line[12:] == [row.source, "unverified"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("throughput", "lama-3.1-8b"), "--model: is 'lama-3.1-8b', must be one of"),
        (("throughput", "llama-3.1-8b", "--model", "mixtral-8x7b"), "give one of them"),
        (("gpus", "llama-3.1-8b"), "--model: does not go with 'gpus'"),
    ],
)
def test_a_listing_that_there_is_not_is_refused(breakeven, arguments, message):
    assert_refused(breakeven("list", *arguments), message)


# show


def test_a_measurement_is_shown_with_what_follows_from_it(breakeven):
    row = next(row for row in all_measurements() if row.metric == "output_tokens_per_s" and row.input_tokens)
    text = breakeven("show", row.id).stdout
    assert text.splitlines()[0] == row.id
    assert f"model: {row.model}" in text and f"gpu: {row.gpu}" in text
    assert f"source: {row.source}" in text
    assert f"requests_per_s: {row.value / row.output_tokens:g}" in text


@pytest.mark.parametrize(
    ("identifier", "facts"),
    [
        ("h100-sxm", ["generation: hopper", "flops_fp8_per_s:", "flops_int8_per_s:", "link: nvlink"]),
        ("b200-sxm", ["flops_fp4_per_s:"]),
        ("llama-3.1-8b", ["layers: 32", "licence:"]),
        ("llama-3.3-70b", ["shape: llama-3.1-70b"]),
        ("gpt-oss-120b", ["experts: 128", "experts_per_token: 4", "tied_embeddings: no", "window_tokens: 128"]),
        ("sdxl", ["modality: image"]),
    ],
)  # fmt: skip
def test_cards_show_what_the_formulas_need(breakeven, identifier, facts):
    result = breakeven("show", identifier)
    assert (result.status, result.stderr) == (0, "")
    for fact in facts:
        assert fact in result.stdout
