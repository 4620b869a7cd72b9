"""What providers keep in the prompt cache, and for how long, from `prices/prompt_caching.yaml`."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Flag, Model, Positive, PositiveWhole, Sourced


class CachingRule(Sourced):
    """How a provider caches the prefixes of some of its models; null stands for what no source tells."""

    provider: str
    models: tuple[str, ...] = Field(default=(), description="Beginnings of the models' names; empty: all others.")
    minimum_tokens: PositiveWhole = Field(description="Shortest prefix that is cached. [tokens]")
    step_tokens: PositiveWhole | None = Field(default=None, description="Cached lengths grow in steps of so many.")
    lifetimes_s: tuple[Positive, ...] = Field(default=(), description="Choices of lifetime, the usual one first. [s]")
    read_renews: Flag | None = Field(default=None, description="Whether a read starts the lifetime again.")

    def cached_tokens(self, prefix_tokens: float) -> float:
        """Tokens of a shared prefix that are cached: none below the minimum, then in whole steps. [tokens]"""
        if prefix_tokens < self.minimum_tokens:
            return 0.0
        if self.step_tokens is None:
            return prefix_tokens
        steps = (prefix_tokens - self.minimum_tokens) // self.step_tokens
        return self.minimum_tokens + steps * self.step_tokens


class _CachingFile(Model):
    rules: tuple[CachingRule, ...] = Field(min_length=1)


def caching_providers() -> tuple[str, ...]:
    """Providers whose rules are known, in order."""
    return tuple(sorted({rule.provider for rule in _file().rules}))


def prompt_caching(provider: str, model: str | None = None) -> CachingRule:
    """The rule for a model: that with the longest beginning of its name, else the provider's general one.

    Raises
    ------
    UnknownId
        If no rule of the provider is known.
    """
    of_provider = [rule for rule in _file().rules if rule.provider == provider]
    if not of_provider:
        raise UnknownId(provider, caching_providers())

    def fit(rule: CachingRule) -> int:
        fitting = [len(start) for start in rule.models if (model or "").lower().startswith(start)]
        return max(fitting, default=0 if not rule.models else -1)

    return max(of_provider, key=fit)


@cache
def _file() -> _CachingFile:
    path = data_folder("prices") / "prompt_caching.yaml"
    return parsed(_CachingFile, read_mapping(path), path)
