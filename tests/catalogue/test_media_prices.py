from datetime import date

import pytest

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_prices import media_price

DECEMBER = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("variant", "usd"),
    [
        ("standard-1024x1024", 0.04),
        ("standard-1024x1792", 0.08),
        ("hd-1024x1024", 0.08),
        ("hd-1792x1024", 0.12),
    ],
)
def test_a_dall_e_3_image_costs_4_to_12_cents_by_quality_and_size(variant, usd):
    price = media_price("dall-e-3", "image", variant, DECEMBER)
    assert price.usd_per_unit == usd
    assert price.source and price.as_of and price.unverified


@pytest.mark.parametrize(
    ("model", "usd_per_hour"),
    [("whisper-1", 0.36), ("whisper-large-v3", 0.111), ("whisper-large-v3-turbo", 0.04), ("gpt-transcribe", 0.27)],
)
def test_an_hour_of_transcribed_audio_costs_its_seconds(model, usd_per_hour):
    assert 3600 * media_price(model, "audio_s", None, DECEMBER).usd_per_unit == pytest.approx(usd_per_hour, rel=1e-8)


def test_a_ten_second_video_costs_a_dollar_to_six():
    costs = [
        10 * media_price(model, "video_s", variant, DECEMBER).usd_per_unit
        for model, variant in (("sora-2", "720p"), ("sora-2-pro", "1024p"), ("veo-3.1-generate-001", "4k"))
    ]
    assert costs == pytest.approx([1.0, 5.0, 6.0])


def test_an_early_day_takes_the_earliest_price_and_its_note_says_so():
    price = media_price("dall-e-3", "image", "hd-1024x1024", date(2025, 1, 1))
    assert price.usd_per_unit == 0.08
    assert price.note == "figure of 2025-08-13, the earliest known, used for 2025-01-01"
    assert media_price("dall-e-3", "image", "hd-1024x1024", DECEMBER).note is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dall-e-4", "image", None), r"is 'dall-e-4', must be one of .*; did you mean 'dall-e-\d'"),
        (("dall-e-3", "video_s", None), "is 'video_s', must be one of image"),
        (("dall-e-3", "image", "uhd"), "is 'uhd', must be one of hd-1024x1024, .*standard-1792x1024"),
        (("dall-e-3", "image", None), "is '', must be one of hd-1024x1024"),
    ],
)
def test_what_is_not_sold_is_refused_with_what_is(arguments, message):
    with pytest.raises(UnknownId, match=message):
        media_price(*arguments, DECEMBER)
