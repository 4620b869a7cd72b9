import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from simulator.catalogue.errors import UnknownId
from simulator.cli.show import command
from simulator.presentation.price_card import price_card_content, price_card_text

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def content_of(model, provider=None, on=DECEMBER):
    return price_card_content(model, provider, on)


def lines_of(model, provider=None, on=DECEMBER):
    return price_card_text(content_of(model, provider, on)).splitlines()


def row_of(lines, label):
    (line,) = (line for line in lines if line.strip().startswith(f"{label} "))
    return line.split()[len(label.split()) :]


def test_the_card_of_a_model_shows_its_prices_in_columns():
    lines = lines_of("claude-haiku-4-5", on=JUNE)
    assert lines[0].startswith("Claude Haiku 4.5 (claude-haiku-4-5) at anthropic, prices on 2026-06-01")
    head = next(line for line in lines if "cached" in line)
    assert head.split() == ["input", "output", "cached", "write", "5", "min", "write", "1", "h"]
    assert row_of(lines, "standard") == ["1", "5", "0.1", "1.25", "2"]
    assert row_of(lines, "batch") == ["0.5", "2.5", "0.05", "0.625", "1"]
    assert len({len(line) for line in lines[3:6]}) == 1  # the columns end together


def test_the_card_says_how_many_reads_repay_a_write():
    reads = content_of("claude-haiku-4-5")["cache_repaying_reads"]
    assert reads == {"5 minutes": pytest.approx(0.25 / 0.9), "1 hour": pytest.approx(1 / 0.9)}
    text = "\n".join(lines_of("claude-haiku-4-5"))
    assert "a cache write kept 5 minutes is repaid by 1 read (0.2778 at even cost)" in text
    assert "a cache write kept 1 hour is repaid by 2 reads (1.1111 at even cost)" in text


def test_the_lifetime_of_the_cache_is_that_of_the_provider():
    assert "a cache write kept 30 minutes is repaid by 1 read" in "\n".join(lines_of("gpt-5.6-sol"))
    assert content_of("deepseek-v4-flash")["cache_lifetime_minutes"] is None


def test_tiers_of_service_and_long_prompts_have_rows_of_their_own():
    lines = lines_of("gpt-5.4")
    assert row_of(lines, "flex, prompts above 272,000 tokens") == ["2.5", "11.25", "0.25"]
    assert row_of(lines, "priority") == ["5", "30", "0.5"]
    assert not any(line.strip().startswith("fast") for line in lines)  # at OpenAI another word for priority
    assert row_of(lines_of("claude-opus-5"), "fast") == ["10", "50", "1", "12.5", "20"]


def test_peak_hours_are_shown_with_their_prices():
    lines = lines_of("deepseek-v4-flash")
    assert row_of(lines, "01:00 to 04:00 UTC") == ["0.3", "1.2", "0.006"]
    assert any("01:00 to 04:00, 06:00 to 10:00" in line for line in lines)
    assert any(line.startswith("  ! peak_hours_every_day: ") for line in lines)
    assert "  batch: no price listed" in lines


def test_the_history_marks_what_is_announced_and_what_is_later_than_the_day():
    assert lines_of("gemini-3.6-flash")[-2].split() == ["2027-01-01", "1.5", "7.5", "announced"]
    statuses = [row["status"] for row in content_of("deepseek-v4-flash", on=JUNE)["history"]]
    assert statuses == ["begun", "later", "later"]
    (former,) = (line for line in lines_of("claude-opus-4-6") if line.strip().startswith("the beginning"))
    assert former.split("  ")[-1] == "10 and 37.5, prompts above 200,000 tokens"


def test_a_model_billed_otherwise_than_by_the_token_shows_what_it_is_billed_by():
    whisper = "\n".join(lines_of("whisper-1"))
    assert "text: no price per token" in whisper and "audio seconds 0.0001" in whisper
    assert "text: input 0.02, no output" in "\n".join(lines_of("text-embedding-3-small", "openai"))


def test_a_price_list_of_our_own_is_named_and_marked():
    text = "\n".join(lines_of("meta-llama/Llama-3.3-70B-Instruct", "deepinfra"))
    assert "source: prices/tokens/deepinfra.yaml" in text and "2026-10-19, unverified" in text


def test_images_are_shown_by_variant():
    text = "\n".join(lines_of("dall-e-3"))
    assert "image, hd-1024x1024" in text and "unverified" in text
    assert {row["usd_per_unit"] for row in content_of("dall-e-3")["prices"]} == {0.04, 0.08, 0.12}
    with pytest.raises(UnknownId):
        content_of("dall-e-3", "anthropic")


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "deepseek-v4-flash", "whisper-1", "dall-e-3"])
def test_json_holds_what_the_card_shows(model):
    result = CliRunner().invoke(command, [model, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == content_of(model)
    shown = CliRunner().invoke(command, [model]).stdout
    assert shown == price_card_text(content_of(model)) + "\n"


def test_before_its_first_price_the_first_day_is_named():
    with pytest.raises(ValueError, match=r"of deepinfra has no price before 2026-10-19 \(asked for 2026-06-01\)$"):
        content_of("openai/gpt-oss-120b", "deepinfra", JUNE)


def test_a_model_without_any_price_is_refused():
    with pytest.raises(ValueError, match="the price library lists no price at all"):
        content_of("gemma-3", "google")


def test_a_misspelt_model_is_refused_with_its_near_matches():
    with pytest.raises(UnknownId, match="did you mean 'claude-haiku-4-5'"):
        content_of("claude-haikku-4-5")
