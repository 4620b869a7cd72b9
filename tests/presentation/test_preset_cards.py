"""Traffic presets as a listing and as cards."""

from datetime import UTC, datetime

import pytest

from simulator.config.presets import ASSUMED, bundled_presets, leaves, load_preset
from simulator.presentation.cards import card_text
from simulator.presentation.listings import listing

ON = datetime(2026, 12, 1, tzinfo=UTC)


def test_the_listing_says_what_each_preset_is_and_how_its_week_goes():
    _, columns, rows = listing("traffic", {})
    table = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert list(table) == list(bundled_presets())
    workday = table["enterprise-workday"]
    assert workday["what"] == "Office hours of one time zone, lunch dip"
    assert (workday["peak/mean"], workday["weekend/weekday"]) == ("2.81", "0.42")
    assert (workday["in [tokens]"], workday["out [tokens]"]) == ("914", "155")
    assert workday["source"] == "ServeGen; Azure LLM inference trace 2024"
    assert all(row["source"] for row in table.values())


def test_the_listing_of_presets_can_not_be_narrowed():
    with pytest.raises(ValueError, match="--gpu: does not go with 'traffic'"):
        listing("traffic", {"gpu": "a10g"})


@pytest.mark.parametrize("name", bundled_presets())
def test_a_card_has_every_parameter_below_its_source(name):
    card = card_text(name, provider=None, on=ON)
    lines = card.splitlines()
    loaded = load_preset(name)
    for key, _ in leaves(loaded.traffic):
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"    {key}: ")]
        head = next(line for line in reversed(lines[:place]) if line.startswith("  ") and line[2] != " ")
        assert head.strip().startswith(loaded.preset.source_of(key).source)
    for source in loaded.preset.sources.values():
        if source.note:
            assert source.note in card
        if source.source != ASSUMED:
            assert source.licence in card


def test_a_card_says_what_was_looked_for_and_not_seen():
    assert "no excess of one mean rate in 4 service-days" in card_text("chat-consumer", provider=None, on=ON)
    assert "    spikes: none" in card_text("chat-consumer", provider=None, on=ON)


def test_a_preset_that_is_nearly_spelled_so_is_suggested():
    with pytest.raises(ValueError, match="'chat-consumr' is not in the catalogue; did you mean 'chat-consumer'"):
        card_text("chat-consumr", provider=None, on=ON)
