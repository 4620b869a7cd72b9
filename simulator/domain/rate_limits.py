"""Limits of an API account, by tier."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Flag, Model, Positive

LIMITED = ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute", "tokens_per_minute")


class RateLimit(Model):
    """Limits of one tier; what is left out is not limited."""

    requests_per_minute: Positive | None = Field(default=None, description="[requests/min]")
    input_tokens_per_minute: Positive | None = Field(default=None, description="[tokens/min]")
    output_tokens_per_minute: Positive | None = Field(default=None, description="[tokens/min]")
    tokens_per_minute: Positive | None = Field(default=None, description="Input and output together. [tokens/min]")

    @model_validator(mode="after")
    def _limits(self) -> RateLimit:
        if all(getattr(self, name) is None for name in LIMITED):
            text = f"must hold at least one of {', '.join(LIMITED)}"
            raise PydanticCustomError("at_key", "{text}", {"key": "", "text": text})
        return self


class RateLimits(Model):
    """The tiers of a provider, from the smallest, and the one of the account."""

    tiers: dict[str, RateLimit] = Field(min_length=1, description="Limits by tier, the smallest first.")
    tier: str | None = Field(default=None, min_length=1, description="Tier of the account; left out: the first.")
    cached_input_counts: Flag = Field(
        default=True, description="Whether input read from the prompt cache counts towards the tokens per minute."
    )
    source: str | None = Field(default=None, description="Where the limits were read.")

    @model_validator(mode="after")
    def _known(self) -> RateLimits:
        if self.tier is not None and self.tier not in self.tiers:
            text = f"is '{self.tier}', must be one of {', '.join(self.tiers)}"
            raise PydanticCustomError("at_key", "{text}", {"key": "tier", "text": text})
        return self

    @property
    def in_force(self) -> str:
        """Name of the account's tier."""
        return self.tier if self.tier is not None else next(iter(self.tiers))
