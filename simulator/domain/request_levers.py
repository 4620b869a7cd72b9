"""What changes the work of a request: prompt cache, retries, response cache, compression, images, extras.

Each holds for every option, not for an API alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import (
    Duration,
    Finite,
    Flag,
    Model,
    NonNegative,
    Positive,
    PositiveShare,
    PositiveWhole,
    Share,
)

ONE_HOUR_S = 3600.0


class SharedPrefix(Model):
    """The part of the prompt that many requests have in common and that is kept in a prompt cache."""

    tokens: Positive = Field(description="Length of the common part. [tokens]")
    hit_share: Share | None = Field(
        default=None,
        description="Share of the requests that find it in the cache; left out: follows from how often requests come "
        "and the lifetime. [1]",
    )
    lifetime_s: Annotated[Duration, Field(gt=0)] | None = Field(
        default=None,
        description="Time for which the cache keeps it, e.g. 300; from 3600 on written at the one-hour price. [s]",
    )
    renewed_by_use: Flag = Field(default=True, description="Whether every read begins the lifetime anew.")
    prefixes: Positive = Field(
        default=1.0, description="Different prefixes in equal use, e.g. one for every customer: each is kept by itself."
    )
    keeps_context: Flag = Field(
        default=True,
        description="Whether later calls of a request read from the cache what the calls before have sent.",
    )

    @model_validator(mode="after")
    def _can_tell_hits(self) -> SharedPrefix:
        if self.hit_share is None and self.lifetime_s is None:
            text = "is missing; a cache has a lifetime, or its hit_share is given"
            raise PydanticCustomError("at_key", "{text}", {"key": "lifetime_s", "text": text})
        return self

    @property
    def is_written_for_an_hour(self) -> bool:
        """Whether the cache write is the one that is kept an hour."""
        return self.lifetime_s is not None and self.lifetime_s >= ONE_HOUR_S


class Retries(Model):
    """Calls that fail and are made again until they succeed."""

    failed_share: Annotated[Finite, Field(ge=0, le=0.95)] = Field(description="Share of the calls that fail. [1]")
    failed_calls_billed: Flag = Field(
        default=True, description="Whether an API bills failed calls; the work is done all the same."
    )

    @property
    def attempts(self) -> float:
        """Calls made for one that succeeds: a geometric series. [1]"""
        return 1.0 / (1.0 - self.failed_share)

    @property
    def billed_attempts(self) -> float:
        """Calls that an API bills for one that succeeds. [1]"""
        return self.attempts if self.failed_calls_billed else 1.0


class ResponseCache(Model):
    """Answers kept and given again, before any option is asked."""

    hit_share: Annotated[Finite, Field(ge=0, le=0.999)] = Field(
        description="Share of the requests answered from the cache. [1]"
    )
    usd_per_lookup: NonNegative = Field(
        default=0.0, description="Embedding and vector look-up of one request, for whatever option. [USD]"
    )


class PromptCompression(Model):
    """The prompt, without its shared prefix, shortened before it is sent."""

    kept_share: PositiveShare = Field(description="What is left of it. [1]")
    usd_per_request: NonNegative = Field(default=0.0, description="Cost of compressing one request. [USD]")


class InputImages(Model):
    """Images in the prompt, billed as tokens by their size."""

    per_request: Positive = Field(default=1.0, description="Images in a request.")
    width_px: PositiveWhole | None = Field(default=None, description="Width. [pixels]")
    height_px: PositiveWhole | None = Field(default=None, description="Height. [pixels]")
    tokens_per_image: Positive | None = Field(
        default=None, description="Tokens of one image; left out: by the provider's rule for the size. [tokens]"
    )

    @model_validator(mode="after")
    def _sized(self) -> InputImages:
        if self.tokens_per_image is None:
            for key in ("width_px", "height_px"):
                if getattr(self, key) is None:
                    text = "is missing; an image has width_px and height_px, or tokens_per_image"
                    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        return self


class Extra(Model):
    """Something else that a request takes, at its price, whatever the option: a reranker, moderation, a tool."""

    usd_each: NonNegative = Field(description="Price of one. [USD]")
    per_request: Positive = Field(default=1.0, description="How many in a request.")
    requests: Literal["all", "unanswered"] = Field(
        default="all", description="`unanswered`: only for requests that the response cache does not answer."
    )
