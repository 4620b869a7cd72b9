"""What a request is: classes of requests with their lengths, caching and patience, and the mean of the mix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, PositiveShare, Share


class RequestClass(Model):
    """One class of requests: how long, how much of it is cached, how much of it may wait."""

    share: PositiveShare = Field(default=1.0, description="Share of the requests that are of this class. [1]")
    input_tokens: NonNegative = Field(description="Mean prompt length, system prompt included. [tokens]")
    output_tokens: NonNegative = Field(description="Mean length of the answer. [tokens]")
    cached_input_share: Share = Field(
        default=0.0, description="Share of the input tokens read from the provider's prompt cache. [1]"
    )
    cache_write_input_share: Share = Field(
        default=0.0, description="Share of the input tokens written to the provider's prompt cache. [1]"
    )
    batch_share: Share = Field(default=0.0, description="Share of the requests sent to the provider's batch API. [1]")

    @model_validator(mode="after")
    def _consistent(self) -> RequestClass:
        if self.input_tokens + self.output_tokens <= 0:
            raise PydanticCustomError(
                "at_key", "{text}", {"key": "output_tokens", "text": "is 0, must be above 0 where input_tokens is 0"}
            )
        cached = self.cached_input_share + self.cache_write_input_share
        if cached > 1 + 1e-9:
            text = f"is {self.cache_write_input_share:g}, must be at most 1 together with cached_input_share"
            raise PydanticCustomError("at_key", "{text}", {"key": "cache_write_input_share", "text": text})
        return self

    @property
    def total_tokens(self) -> float:
        """Input and output tokens of one request. [tokens]"""
        return self.input_tokens + self.output_tokens


Workload = Mapping[str, RequestClass]


@dataclass(frozen=True)
class Mix:
    """Mean request of a workload. [tokens per request]"""

    input_tokens: float
    output_tokens: float

    @property
    def total_tokens(self) -> float:
        """Input and output tokens of the mean request."""
        return self.input_tokens + self.output_tokens


def mix_of(workload: Workload) -> Mix:
    """Mean request of the workload, its classes weighted by their shares."""
    return Mix(
        input_tokens=sum(c.share * c.input_tokens for c in workload.values()),
        output_tokens=sum(c.share * c.output_tokens for c in workload.values()),
    )


def check_shares(workload: Workload) -> None:
    """Refuse a workload whose class shares do not add to one (to 1e-6)."""
    if not workload:
        raise PydanticCustomError("at_key", "{text}", {"key": "", "text": "is empty, must hold at least one class"})
    total = math.fsum(c.share for c in workload.values())
    if abs(total - 1.0) > 1e-6:
        last = list(workload)[-1]
        text = f"is {workload[last].share:g}, all shares together are {total:g}, must add to 1"
        raise PydanticCustomError("at_key", "{text}", {"key": f"{last}.share", "text": text})
