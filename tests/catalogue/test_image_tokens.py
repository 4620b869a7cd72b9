import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from

from simulator.catalogue.image_tokens import image_input_tokens, image_providers

EDGES = integers(1, 10_000)


@pytest.mark.parametrize(
    ("provider", "width", "height", "tokens"),
    [
        # The worked examples of the vision guides.
        ("openai", 1024, 1024, 4 * 170 + 85),  # shrunk to 768 x 768, four tiles
        ("openai", 2048, 4096, 6 * 170 + 85),  # to 1024 x 2048, then 768 x 1536, six tiles
        ("openai", 512, 512, 170 + 85),
        ("anthropic", 200, 200, 54),
        ("anthropic", 1000, 1000, 1334),
        ("anthropic", 1092, 1092, 1590),
        ("google", 384, 384, 258),
        ("google", 600, 400, 258),
        ("google", 1024, 1024, 4 * 258),
        # By hand: a panorama is first shrunk to 1568 x 392 = 614,656 pixels, over 750.
        ("anthropic", 4000, 1000, 820),
    ],
)
def test_an_image_is_billed_as_the_providers_examples_say(provider, width, height, tokens):
    counted = image_input_tokens(provider, width, height)
    assert counted.tokens == tokens
    assert counted.source and counted.unverified and counted.as_of is None


@given(provider=sampled_from(["anthropic", "google", "openai"]), width=EDGES, height=EDGES)
def test_turning_an_image_changes_nothing_and_every_image_costs_something(provider, width, height):
    tokens = image_input_tokens(provider, width, height).tokens
    assert tokens == image_input_tokens(provider, height, width).tokens
    assert tokens >= 1


@given(width=EDGES, height=EDGES)
def test_no_image_costs_more_than_1600_tokens_at_anthropic(width, height):
    assert image_input_tokens("anthropic", width, height).tokens <= 1600


def test_an_unknown_provider_and_an_empty_image_are_refused():
    with pytest.raises(ValueError, match="is 'mistral', must be one of anthropic, google, openai"):
        image_input_tokens("mistral", 100, 100)
    for size in ((0, 100), (100, float("nan"))):
        with pytest.raises(ValueError, match="must be at least 1 pixel"):
            image_input_tokens("openai", *size)
    assert image_providers() == ("anthropic", "google", "openai")
