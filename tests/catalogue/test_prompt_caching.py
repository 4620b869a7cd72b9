import pytest

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.prompt_caching import caching_providers, prompt_caching


@pytest.mark.parametrize(
    ("provider", "model", "minimum_tokens", "lifetimes_s", "read_renews"),
    [
        ("anthropic", None, 1024, (300, 3600), True),
        ("anthropic", "claude-sonnet-4-5", 1024, (300, 3600), True),
        ("anthropic", "claude-haiku-4-5", 4096, (300, 3600), True),
        ("anthropic", "Claude-3-Haiku-20240307", 2048, (300, 3600), True),
        ("openai", "gpt-4o", 1024, (300,), True),
        ("openai", "gpt-5.6-sol", 1024, (1800,), True),
        ("google", "gemini-2.5-pro", 4096, (3600,), None),
        ("google", "gemini-2.5-flash-lite", 1024, (3600,), None),
    ],
)
def test_the_rule_of_a_model_is_that_of_its_family(provider, model, minimum_tokens, lifetimes_s, read_renews):
    rule = prompt_caching(provider, model)
    assert (rule.minimum_tokens, rule.lifetimes_s, rule.read_renews) == (minimum_tokens, lifetimes_s, read_renews)


@pytest.mark.parametrize(
    ("prefix_tokens", "cached_tokens"), [(0, 0), (1023, 0), (1024, 1024), (1151, 1024), (1152, 1152), (1500, 1408)]
)
def test_openai_caches_1024_tokens_and_then_steps_of_128(prefix_tokens, cached_tokens):
    assert prompt_caching("openai", "gpt-5.4").cached_tokens(prefix_tokens) == cached_tokens


def test_anthropic_caches_a_prefix_to_its_end():
    rule = prompt_caching("anthropic")
    assert rule.cached_tokens(1500) == 1500 and rule.cached_tokens(1000) == 0


def test_an_unknown_provider_is_refused():
    with pytest.raises(UnknownId, match="is 'cohere', must be one of anthropic, azure, google, openai"):
        prompt_caching("cohere")
    assert "anthropic" in caching_providers()
