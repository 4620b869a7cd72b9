"""`breakeven solve` and `breakeven horizon`: what they print, write and refuse."""

import csv
import json
import re

import pytest

FILE = """\
title: A pair
horizon: {months: 24, step_s: 262_800}
traffic: {tokens_per_month: 9e9}
workload: {chat: {input_tokens: 600, output_tokens: 400}}
finance: {discount_rate_per_year: 0.1, revenue_usd_per_request: 0.004}
options:
  api:
    kind: api
    prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}
    terms: {price_decline: {share_per_year: 0.5}}
  fleet:
    kind: self_hosted
    throughput: {requests_per_s: 1e9}
    rental: {usd_per_gpu_hour: 0}
    monthly_fixed_usd: {all: 4_000}
    one_off_usd: {set_up: 10_000}
  other:
    kind: self_hosted
    throughput: {requests_per_s: 1e9}
    rental: {usd_per_gpu_hour: 0}
    monthly_fixed_usd: {all: 8_000}
comparison: {baseline: api, challengers: [fleet, other]}
"""
FIXED = "options.fleet.monthly_fixed_usd.all"


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "pair.yaml").write_text(FILE, encoding="utf-8")
    return "pair.yaml"


def assert_refused(result, pattern, tmp_path):
    assert result.status == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert re.search(pattern, result.stderr), result.stderr
    assert not (tmp_path / "reports").exists()


def test_solve_prints_the_value_todays_and_the_distance_and_writes_four_files(breakeven, pair, tmp_path):
    result = breakeven("solve", pair, "--for", FIXED)
    assert result.status == 0
    assert f"fleet and api cost the same at {FIXED} = 9,000 (today 4,000), at run rate." in " ".join(
        result.stdout.split()
    )
    assert "+125.0%" in result.stdout
    assert "Equal at an API price of 0.444 USD per million tokens, 0.444 times today's." in result.stdout
    folder = tmp_path / "reports" / "pair"
    assert sorted(path.name for path in folder.iterdir()) == ["solve.csv", "solve.json", "solve.pdf", "solve.png"]
    rows = list(csv.DictReader((folder / "solve.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) > 64
    (crossing,) = (row for row in rows if row["crossing"])
    assert float(crossing[FIXED]) == pytest.approx(9_000.0)
    assert crossing["crossing"] == "api cheaper above (continuous)"


@pytest.mark.slow
def test_solve_prints_as_json_what_it_writes(breakeven, pair, tmp_path):
    result = breakeven("solve", pair, "--for", FIXED, "--json", "--between", 1000, 20_000)
    content = json.loads(result.stdout)
    assert content == json.loads((tmp_path / "reports/pair/solve.json").read_text(encoding="utf-8"))
    assert content["crossings"][0]["value"] == pytest.approx(9_000.0)
    assert content["crossings"][0]["distance_share"] == pytest.approx(1.25)
    assert content["searched"]["low"] == 1_000.0


@pytest.mark.slow
def test_solve_takes_another_challenger_and_overrides(breakeven, pair):
    arguments = ("--pair", "other", "--set", "traffic.tokens_per_month=5e9", "--json")
    content = json.loads(breakeven("solve", pair, "--for", "options.other.monthly_fixed_usd.all", *arguments).stdout)
    assert content["challenger"] == "other"
    assert content["crossings"][0]["value"] == pytest.approx(5_000.0)


@pytest.mark.slow
def test_solve_over_time_says_so(breakeven, pair):
    result = breakeven("solve", pair, "--for", FIXED, "--over-time")
    # 24 months of 9,000 x 0.5^(m / 12), less the set-up
    bill = sum(9_000 * 0.5 ** (month / 12) for month in range(24)) - 10_000
    assert round(bill / 24, -1) == 4_590
    assert "= 4,590 (today" in " ".join(result.stdout.split())
    assert "mean month of the horizon, one-off cost included" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (
            ("--for", "options.api.rental.usd_per_gpu_hour"),
            r"^pair.yaml:7: options.api.rental: unknown key of kind api",
        ),
        (("--for", "options.flet.replicas.minimum"), r"^pair.yaml:6: options.flet: there is none of that name"),
        (("--for", "options.fleet"), r"^pair.yaml:11: options.fleet: is a mapping, no number to solve for"),
        (("--for", "title"), r"^pair.yaml:1: title: is 'A pair', no number to solve for"),
        (("--for", FIXED, "--between", 5, 5), r"between is 5 to 5, must be a lower and a higher number"),
        (("--for", FIXED, "--between", -5, -1), r"between is -5 to -1, the key must be at least 0"),
        (("--for", FIXED, "--points", 2), r"points is 2, must be from 8 to 4096"),
        (("--for", FIXED, "--pair", "api"), r"^--pair is 'api', must be one of fleet, other"),
        (("--for", "options.fleet.monthly_fixed_usd.new"), r"is left out, which says nothing of where to search"),
        (("--for", "options.fleet.cold_start_s", "--set", "seed=x"), r"^--set seed=x: seed: is 'x', must be a whole"),
    ],
)
def test_solve_refuses_in_one_line(breakeven, pair, tmp_path, arguments, pattern):
    assert_refused(breakeven("solve", pair, *arguments), pattern, tmp_path)


def test_horizon_says_turns_payback_worth_switch_and_revenue(breakeven, pair, tmp_path):
    result = breakeven("horizon", pair)
    assert result.status == 0
    said = " ".join(result.stdout.split())
    # 9,000 x 0.5^(m / 12) falls below 4,000 after 14.04 months: in month 15, which starts 15 x 730 h after 1 December
    assert "With changing prices the run rate turns in March 2028: api is the cheaper one from then on." in said
    assert "The 10,000 USD at the start of fleet are paid back in month 3." in said
    assert "It costs least to switch at once" in said
    assert "run rate turns: api cheaper 2028-03-01, after 15 months" in said
    # 9 M requests at 0.004 USD: 36,000 USD a month; 4,000 are a ninth
    assert "fleet 11 %; a rule of thumb says at most 25 to 30 %" in said
    folder = tmp_path / "reports" / "pair"
    names = [f"{name}.{ending}" for name in ("break-even-volume", "horizon") for ending in ("pdf", "png")]
    names = sorted([*names, "horizon.csv", "horizon.json"])
    assert sorted(path.name for path in folder.iterdir()) == names
    rows = list(csv.DictReader((folder / "horizon.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 24
    assert float(rows[0]["saved_usd"]) == pytest.approx(-10_000 + 9_000 - 4_000)
    assert float(rows[12]["api share_of_revenue"]) == pytest.approx(4_500 / 36_000)
    content = json.loads((folder / "horizon.json").read_text(encoding="utf-8"))
    # 4,000 USD over a price that is halved after a year
    volumes = {entry["month"]: entry["settled_tokens_per_month"] for entry in content["break_even_volume"]}
    assert volumes[0] == pytest.approx(4e9)
    assert volumes[23] == pytest.approx(4e9 * 2 ** (23 / 12))
    assert content["paid_back"]["whole_months"] == 3
    assert content["switch"]["best_month"] == 0
    assert len(content["switch"]["regret_usd_by_month_and_never"]) == 25


def test_a_fleet_that_growth_fills_is_said_not_to_serve_all_and_is_not_called_cheaper(breakeven, tmp_path):
    text = """\
title: Outgrown
horizon: {months: 4, step_s: 3600}
traffic: {requests_per_day: 86_400, growth: {kind: steps, steps: [{from_month: 2, factor: 4}]}}
workload: {chat: {input_tokens: 600, output_tokens: 400}}
finance: {revenue_usd_per_request: 0.004}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: 5}
    throughput: {requests_per_s: 2}
    autoscaling: {kind: fixed, count: 1}
    overflow: reject
    max_wait_s: 0
"""
    (tmp_path / "grown.yaml").write_text(text, encoding="utf-8")
    # 1 request a second for two months, 4 for two more, of which 2 are served: 4 of 10 are not
    words = "Over the horizon fleet does not serve 40 % of the requests, from month 3 on: what it costs is for less"
    held = " ".join(breakeven("horizon", "grown.yaml").stdout.split())
    assert words in held
    assert "revenue is that of every request that comes, also of those not served" in held
    # the API costs 2,628 USD a month at run rate and 26,280 in all, the fleet 3,650 and 14,600
    run = " ".join(breakeven("run", "grown.yaml").stdout.split())
    assert words in run
    assert "is cheaper: " not in run


def test_horizon_refuses_a_pair_that_cant_be_had_at_its_line(breakeven, tmp_path):
    big = "  fleet:\n    kind: self_hosted\n    model: llama-3.3-70b\n    gpu: h100-sxm\n    gpus_per_replica: 1\n"
    big += "    precision: bf16\n    rental: {usd_per_gpu_hour: 2}\n  was:"
    (tmp_path / "pair.yaml").write_text(FILE.replace("  fleet:", big), encoding="utf-8")
    result = breakeven("horizon", "pair.yaml")
    assert_refused(result, r"^pair.yaml:15: options.fleet.gpus_per_replica: is 1, but llama-3.3-70b in bf16", tmp_path)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("traffic.growth_per_month", "traffic.growth_per_month is 8, which is 800 % a month; 8 % would be 0.08"),
        (
            "finance.discount_rate_per_year",
            "finance.discount_rate_per_year is 8, which is 800 % a year; 8 % would be 0.08",
        ),
    ],
)
def test_a_rate_that_is_probably_a_percentage_is_warned_of(breakeven, pair, key, words):
    for command in ("horizon", "run"):
        assert words in " ".join(breakeven(command, pair, "--set", f"{key}=8").stdout.split())
    assert "which is" not in breakeven("horizon", pair, "--set", f"{key}=0.08").stdout


def test_horizon_prints_as_json_what_it_writes(breakeven, pair, tmp_path):
    result = breakeven("horizon", pair, "--pair", "other", "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "reports/pair/horizon.json").read_text(encoding="utf-8"))


def test_run_says_it_too_and_its_summary_has_it_by_pair(breakeven, pair, tmp_path):
    result = breakeven("run", pair)
    said = " ".join(result.stdout.split())
    assert "The 10,000 USD at the start of fleet are paid back in month 3." in said
    assert "Of the revenue over the horizon go to" in said
    content = json.loads((tmp_path / "reports/pair/summary.json").read_text(encoding="utf-8"))
    assert content["pairs"]["fleet"]["over_time"]["paid_back"]["whole_months"] == 3
    assert content["pairs"]["fleet"]["over_time"]["turns"][0]["month"] == 15
    assert content["options"]["fleet"]["budget"]["share_of_revenue"] == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    ("key", "value", "pattern"),
    [
        ("discount_rate_per_year", "-1", r"finance.discount_rate_per_year: is -1, must be greater than -1"),
        ("discount_rate_per_year", "-3", r"finance.discount_rate_per_year: is -3, must be greater than -1"),
        ("discount_rate_per_year", "ten", r"finance.discount_rate_per_year: is 'ten', must be a number"),
        ("discount_rate", "0.1", r"finance.discount_rate: unknown key; allowed are discount_rate_per_year, revenue"),
        ("completed_share", "0", r"finance.completed_share: is 0, must be greater than 0"),
        (
            "revenue_usd_per_month",
            "5",
            r"finance.revenue_usd_per_month: must not be given together with revenue_usd_per",
        ),
        ("revenue_usd_per_user_month", "5", r"finance.\w+: (must not be given together|is missing)"),
        ("requests_per_user_month", "5", r"finance.revenue_usd_per_user_month: is missing; requests_per_user_month is"),
    ],
)
def test_what_is_wrong_with_finance_is_told_with_file_line_and_key(breakeven, tmp_path, key, value, pattern):
    text = FILE.replace("revenue_usd_per_request: 0.004}", f"revenue_usd_per_request: 0.004, {key}: {value}}}")
    if key == "discount_rate_per_year":
        text = FILE.replace("discount_rate_per_year: 0.1", f"{key}: {value}")
    (tmp_path / "pair.yaml").write_text(text, encoding="utf-8")
    for command in ("check", "run", "horizon"):
        assert_refused(breakeven(command, "pair.yaml"), rf"^pair.yaml:5: {pattern}", tmp_path)


def test_a_crossing_at_which_a_fleet_rejects_is_warned_of(breakeven, tmp_path):
    text = """\
title: One machine for all
horizon: {days: 1, step_s: 3600}
traffic: {requests_per_day: 86_400}
workload: {chat: {input_tokens: 600, output_tokens: 400}}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: 36}
    throughput: {requests_per_s: 2}
    autoscaling: {kind: fixed, count: 1}
    overflow: reject
    max_wait_s: 0
"""
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    said = " ".join(breakeven("run", "one.yaml").stdout.split())
    # 36 USD an hour are 36 M tokens an hour at the API, 10 requests a second, of which 2 are served
    words = (
        "fleet: rejects 80% of the requests where costs cross, at 26.3 B tokens a month: it costs less there for less"
    )
    assert words in said
    (tmp_path / "one.yaml").write_text(text.replace("overflow: reject", "overflow: api"), encoding="utf-8")
    assert "rejects" not in breakeven("run", "one.yaml").stdout
