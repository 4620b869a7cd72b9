"""`breakeven cost`: API models ranked by what the same requests cost."""

import csv
import io
import json
import sys

import pytest

SHORT = ("--requests-per-day", 1000, "--input", 500, "--output", 300)
RANK, PROVIDER, MODEL, DAY, MONTH, THOUSAND, INPUT, OUTPUT, TIER, NOTES = range(10)


def assert_refused(result, message):
    assert result.status == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]


def test_all_models_are_ranked_and_the_25_cheapest_shown(breakeven):
    result = breakeven("cost", *SHORT)
    assert result.status == 0
    assert result.stdout.splitlines()[0].split("\t") == [
        "rank", "provider", "model", "USD/day", "USD/month", "USD/1k requests", "input", "output", "tier", "notes",
    ]  # fmt: skip
    assert [row[RANK] for row in result.rows] == [str(place) for place in range(1, 26)]
    costs = [float(row[DAY]) for row in result.rows]
    assert costs == sorted(costs)
    last = result.stderr.splitlines()[-1]
    assert "dearer models (--all shows them)" in last
    assert "without a price per token of input and output" in last


def test_what_is_shown_and_left_out_adds_up(breakeven):
    every = breakeven("cost", *SHORT, "--all", "--provider", "openai")
    few = breakeven("cost", *SHORT, "--top", 5, "--provider", "openai")
    assert few.rows == every.rows[:5]
    assert f"and {len(every.rows) - 5} dearer models" in few.stderr


def test_a_few_models_are_compared(breakeven):
    result = breakeven("cost", *SHORT, "--model", "claude-haiku-4-5", "--model", "gpt-4o-mini", "--days-per-month", 30)
    assert result.rows == [
        ["1", "openai", "gpt-4o-mini", "0.255", "7.65", "0.255", "0.15", "0.6", "", ""],
        ["2", "anthropic", "claude-haiku-4-5", "2", "60", "2", "1", "5", "", ""],
    ]
    assert result.stderr.splitlines() == [
        "input, output: USD per million tokens; a month of 30 days",
        "nothing is left out",
    ]


def test_the_day_of_the_prices_is_the_one_asked_for(breakeven):
    asked = ("--provider", "openai", "--model", "o3", *SHORT)
    assert breakeven("cost", *asked, "--on", "2025-06-09").rows[0][INPUT] == "10"  # o3 fell by 80 % on 2025-06-10
    assert breakeven("cost", *asked, "--on", "2025-06-10").rows[0][INPUT] == "2"


def test_a_missing_price_has_a_star_and_a_line_that_names_it(breakeven):
    result = breakeven("cost", *SHORT, "--model", "mistral-small-2506", "--provider", "mistral", "--batch-share", 0.5)
    assert result.rows[0][NOTES].startswith("*")
    assert "* batch_price_missing (1 of these): the price list has no batch price" in result.stderr


def test_prices_of_a_service_tier_are_taken_where_there_are_any(breakeven):
    few = ("--model", "gpt-5", "--model", "claude-haiku-4-5")
    gpt, haiku = breakeven("cost", *SHORT, *few, "--service-tier", "flex").rows
    assert (gpt[MODEL], gpt[INPUT], gpt[NOTES]) == ("gpt-5", "0.625", "")
    assert (haiku[INPUT], haiku[NOTES]) == ("1", "*")


def test_deprecated_models_are_marked(breakeven):
    result = breakeven("cost", *SHORT, "--model", "llama-3.3-70b", "--provider", "cerebras")
    assert result.rows[0][NOTES] == "deprecated"


def test_peak_hours_are_told(breakeven):
    mean = breakeven("cost", *SHORT, "--model", "deepseek-chat")
    assert "peak hours: the mean of the day" in mean.stderr
    assert mean.rows[0][NOTES] == "peak hours"
    peak, off_peak = (breakeven("cost", *SHORT, "--model", "deepseek-chat", "--hour", hour) for hour in (3, 20))
    assert "mean of the day" not in peak.stderr
    assert float(off_peak.rows[0][DAY]) < float(mean.rows[0][DAY]) < float(peak.rows[0][DAY])


def test_the_tier_of_a_long_input_is_shown(breakeven):
    long = ("--requests-per-day", 1, "--input", 250_000, "--output", 0)
    result = breakeven("cost", *long, "--model", "gemini-2.5-pro", "--model", "gpt-4o")
    assert result.rows[0][INPUT : TIER + 1] == ["2.5", "15", ">200000"]
    assert "tier: the whole request" in result.stderr
    assert result.stderr.splitlines()[-1] == "left out 1 with too short a context (openai gpt-4o)"


def test_the_csv_and_the_json_hold_every_ranked_model(breakeven, tmp_path):
    asked = ("cost", *SHORT, "--provider", "anthropic", "--batch-share", 1, "--top", 2)
    table = breakeven(*asked, "--csv", "costs.csv")
    assert len(table.rows) == 2
    assert table.stderr.splitlines()[-1] == "Written to costs.csv"
    written = list(csv.DictReader(io.StringIO((tmp_path / "costs.csv").read_text(encoding="utf-8"))))
    printed = json.loads(breakeven(*asked, "--json").stdout)
    assert len(written) == len(printed["models"]) > 2
    for row, content in zip(written, printed["models"], strict=True):
        assert row["model_id"] == content["model_id"]
        assert float(row["usd_per_month"]) == pytest.approx(content["usd_per_month"])
        assert row["warnings"] == "; ".join(content["warnings"])
        assert content["source"].startswith("genai-prices")
    assert (printed["requests_per_day"], printed["batch_share"], printed["prices_on"]) == (1000, 1, "2026-12-01")


def test_a_terminal_shows_a_table_of_rounded_figures_and_what_to_mind_below_it(breakeven, monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = breakeven("cost", *SHORT, "--model", "gpt-4o-mini", "--model", "claude-haiku-4-5")
    lines = result.stdout.splitlines()
    assert "1,000 requests a day, 500 tokens in, 300 out; prices of 2026-12-01" in lines[0]
    assert "7.756" in result.stdout  # 0.255 x 730 / 24
    assert lines[-1] == "nothing is left out"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--requests-per-day", 0), "--requests-per-day: is 0, must be above 0"),
        (("--requests-per-day", "nan"), "--requests-per-day: is nan, must be above 0"),
        (("--input", -1), "--input: is -1, must be from 0"),
        (("--output", "inf"), "--output: is inf, must be from 0"),
        (("--reasoning", -1), "--reasoning: is -1, must be from 0"),
        (("--cached-share", 2), "--cached-share: is 2, must be from 0 to 1"),
        (("--batch-share", -0.1), "--batch-share: is -0.1, must be from 0 to 1"),
        (("--days-per-month", 0), "--days-per-month: is 0, must be above 0"),
        (("--provider", "nobody"), "--provider: is 'nobody', must be a provider"),
        (("--model", "gpt-4o-minni"), "--model: is 'gpt-4o-minni', must be"),
        (("--on", "2019-01-01"), "--on: is 2019-01-01, must be at least 2020-06-11"),
        (("--on", "yesterday"), "'yesterday' does not match the format"),
        (("--hour", 24), "--hour: is 24, must be at least 0 and below 24"),
        (("--host-of", "no-such-model"), "--host-of: is 'no-such-model', must be part of the id of a model"),
        (("--top", 0), "0 is not in the range x>=1"),
        (("--top", 3, "--all"), "--top does not go with --all"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(breakeven, tmp_path, arguments, message):
    assert_refused(breakeven("cost", *SHORT, *arguments, "--csv", "costs.csv"), message)
    assert not (tmp_path / "costs.csv").exists()


def test_help_has_examples_and_says_what_the_ranking_leaves_out(breakeven):
    result = breakeven("cost", "--help")
    assert result.status == 0
    assert "Example:  breakeven cost --requests-per-day 1000 --input 500 --output 300" in result.stdout
    assert "nothing about quality, speed or rate limits" in " ".join(result.stdout.split())
