"""What a request is: classes of requests with their lengths, calls, caching and patience, and the mean of the mix.

The tokens of a request are counted as it is asked: input and output of all its calls, reasoning included. What saves
work (response cache, compression, a cap) or repeats it (retries) changes what an option has to do, not the volume.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, PositiveShare, Share
from simulator.domain.deferrable import Deferrable
from simulator.domain.request_lengths import (
    LengthLaw,
    LognormalLength,
    QuantileLength,
    TokenLength,
    length_law,
    mean_capped,
)
from simulator.domain.request_levers import (
    Extra,
    InputImages,
    PromptCompression,
    ResponseCache,
    Retries,
    SharedPrefix,
)

MOST_CALLS = 1_000


class RequestClass(Model):
    """One class of requests: how long, how many calls, how much of it is cached, how much of it may wait."""

    share: PositiveShare = Field(default=1.0, description="Share of the requests that are of this class. [1]")
    input_tokens: TokenLength = Field(
        description="Prompt length, system prompt included: the mean, or {mean, p90 or p99} of a lognormal, or "
        "{quantiles: ...}. [tokens]"
    )
    output_tokens: TokenLength = Field(description="Length of the answer, given like input_tokens. [tokens]")
    length_correlation: Share = Field(
        default=0.0,
        description="Correlation of prompt and answer length, of the logarithms where both are lognormal "
        "(a Gaussian copula of any others). [1]",
    )
    reasoning_tokens: NonNegative = Field(
        default=0.0, description="Tokens of reasoning before the answer, billed as output, beside output_tokens."
    )
    calls_per_request: Annotated[Positive, Field(ge=1, le=MOST_CALLS)] = Field(
        default=1.0, description="Calls that one request makes one after the other (agents)."
    )
    context_growth_tokens: NonNegative | None = Field(
        default=None, description="By how much the prompt grows from call to call; left out: by the answer. [tokens]"
    )
    prefix: SharedPrefix | None = Field(default=None, description="Common part of the prompts, in a prompt cache.")
    cached_input_share: Share = Field(
        default=0.0, description="Share of the input tokens read from the provider's prompt cache. [1]"
    )
    cache_write_input_share: Share = Field(
        default=0.0, description="Share of the input tokens written to the provider's prompt cache. [1]"
    )
    batch_share: Share = Field(default=0.0, description="Share of the requests sent to the provider's batch API. [1]")
    deferrable: Deferrable | None = Field(
        default=None, description="That requests can wait: batched at an API, served by a fleet when it is idle."
    )
    retries: Retries | None = Field(default=None, description="Calls that fail and are made again.")
    response_cache: ResponseCache | None = Field(default=None, description="Answers given again without a model.")
    output_cap_tokens: Positive | None = Field(default=None, description="Longest answer allowed. [tokens]")
    prompt_compression: PromptCompression | None = Field(default=None, description="Shorter prompts.")
    images: NonNegative = Field(default=0.0, description="Images that one request makes.")
    input_images: InputImages | None = Field(default=None, description="Images in the prompt.")
    audio_input_s: NonNegative = Field(default=0.0, description="Speech that one request sends. [s]")
    audio_output_s: NonNegative = Field(default=0.0, description="Speech that one request makes. [s]")
    video_s: NonNegative = Field(default=0.0, description="Video that one request makes. [s]")
    extras: dict[str, Extra] = Field(default_factory=dict, description="What else a request takes, by name.")

    @model_validator(mode="after")
    def _consistent(self) -> RequestClass:
        if self.mean_input_tokens + self.mean_output_tokens <= 0:
            self._refuse("output_tokens", "is 0, must be above 0 where input_tokens is 0")
        cached = self.cached_input_share + self.cache_write_input_share
        if cached > 1 + 1e-9:
            given = self.cache_write_input_share
            self._refuse("cache_write_input_share", f"is {given:g}, must be at most 1 together with cached_input_share")
        if self.prefix is not None:
            for key in ("cached_input_share", "cache_write_input_share"):
                if getattr(self, key) > 0:
                    self._refuse(key, f"is {getattr(self, key):g}, must not be given with a prefix, which tells it")
            self._check_prefix(self.prefix.tokens)
        if self.context_growth_tokens is not None and self.calls_per_request == 1:
            text = f"is {self.context_growth_tokens:g}, must be given with calls_per_request above 1 only"
            self._refuse("context_growth_tokens", text)
        if self.deferrable is not None and "batch_share" in self.model_fields_set:
            text = f"is {self.batch_share:g}, must not be given with deferrable: an API batches all of the class"
            self._refuse("batch_share", text)
        return self

    def _check_prefix(self, prefix_tokens: float) -> None:
        """Refuse a prefix that is longer than prompts are, or leaves nothing that could scatter."""
        law = self.input_law
        if isinstance(law, LognormalLength):
            if prefix_tokens >= law.mean * (1.0 - 1e-9):
                text = f"is {prefix_tokens:g}, must be below input_tokens, {law.mean:g} in the mean"
                self._refuse("prefix.tokens", text)
            return
        shortest = min(law.quantiles.values()) if isinstance(law, QuantileLength) else law.mean
        if prefix_tokens > shortest:
            where = " at the shortest" if isinstance(law, QuantileLength) else ""
            self._refuse("prefix.tokens", f"is {prefix_tokens:g}, must be at most input_tokens, {shortest:g}{where}")

    @staticmethod
    def _refuse(key: str, text: str) -> None:
        raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})

    @property
    def input_law(self) -> LengthLaw:
        """Law of the prompt's length, at the first call."""
        return length_law(self.input_tokens)

    @property
    def output_law(self) -> LengthLaw:
        """Law of the answer's length."""
        return length_law(self.output_tokens)

    @property
    def prefix_tokens(self) -> float:
        """Part of the prompt that all of the class have in common. [tokens]"""
        return 0.0 if self.prefix is None else self.prefix.tokens

    @property
    def rest_law(self) -> LengthLaw:
        """Law of the prompt's length beyond its prefix."""
        return self.input_law if self.prefix is None else self.input_law.beyond(self.prefix.tokens)

    @property
    def mean_input_tokens(self) -> float:
        """Mean prompt of the first call. [tokens]"""
        return self.input_law.mean

    @property
    def mean_output_tokens(self) -> float:
        """Mean answer of a call, without reasoning or a cap. [tokens]"""
        return self.output_law.mean

    @property
    def capped_output_tokens(self) -> float:
        """Mean answer of a call under the cap. [tokens]"""
        return mean_capped(self.output_law, self.output_cap_tokens)

    @property
    def call_weights(self) -> tuple[float, ...]:
        """How often each call in the row is made in a request: 1, and less for the last of a broken number of calls."""
        calls = self.calls_per_request
        return tuple(min(1.0, calls - k) for k in range(math.ceil(calls - 1e-9)))

    @property
    def growth_tokens(self) -> float:
        """By how much the prompt grows from one call to the next. [tokens]"""
        return self.capped_output_tokens if self.context_growth_tokens is None else self.context_growth_tokens

    @property
    def grown_tokens(self) -> float:
        """What the calls of one request send beside its first prompt each time. [tokens per request]"""
        return self.growth_tokens * sum(k * weight for k, weight in enumerate(self.call_weights))

    @property
    def asked_input_tokens(self) -> float:
        """Input of one request as it is asked, all its calls. [tokens]"""
        return self.calls_per_request * self.mean_input_tokens + self.grown_tokens

    @property
    def asked_output_tokens(self) -> float:
        """Output of one request as it is asked, all its calls, reasoning included. [tokens]"""
        return self.calls_per_request * (self.mean_output_tokens + self.reasoning_tokens)

    @property
    def total_tokens(self) -> float:
        """Input and output tokens of one request as it is asked."""
        return self.asked_input_tokens + self.asked_output_tokens

    @property
    def batched_share(self) -> float:
        """Share of the requests that an API bills at its batch price. [1]"""
        return self.batch_share if self.deferrable is None else 1.0

    @property
    def unanswered_share(self) -> float:
        """Share of the requests that the response cache does not answer. [1]"""
        return 1.0 if self.response_cache is None else 1.0 - self.response_cache.hit_share

    @property
    def served_calls(self) -> float:
        """Calls that an option serves for each request that is asked: what the cache leaves, with retries."""
        attempts = 1.0 if self.retries is None else self.retries.attempts
        return self.unanswered_share * attempts * self.calls_per_request

    @property
    def sent_first_prompt_tokens(self) -> float:
        """Mean first prompt as it is sent: its prefix, and the rest compressed. [tokens]"""
        if self.prompt_compression is None:
            return self.mean_input_tokens
        return self.prefix_tokens + (self.mean_input_tokens - self.prefix_tokens) * self.prompt_compression.kept_share

    @property
    def served_input_tokens(self) -> float:
        """Mean input of a call as it is served, images of a given size in tokens among it. [tokens]"""
        images = self.input_images
        pictured = 0.0 if images is None else images.per_request * (images.tokens_per_image or 0.0)
        return self.sent_first_prompt_tokens + pictured + self.grown_tokens / self.calls_per_request

    @property
    def served_output_tokens(self) -> float:
        """Mean output of a call as it is served, reasoning included. [tokens]"""
        return self.capped_output_tokens + self.reasoning_tokens

    @property
    def longest_call_tokens(self) -> float:
        """Input and output of the last call in the row, at mean lengths. [tokens]"""
        grown = self.growth_tokens * (len(self.call_weights) - 1)
        return self.sent_first_prompt_tokens + grown + self.served_output_tokens


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


@dataclass(frozen=True)
class ServedCalls:
    """What an option has to serve for a mean request: so many calls, of this mean length."""

    per_request: float
    input_tokens: float
    output_tokens: float

    @property
    def tokens_per_request(self) -> float:
        """Input and output tokens served for each request that is asked."""
        return self.per_request * (self.input_tokens + self.output_tokens)


def holds_media(request: RequestClass) -> bool:
    """Whether a request makes images or video, or hears or speaks."""
    return request.images + request.audio_input_s + request.audio_output_s + request.video_s > 0


def mix_of(workload: Workload) -> Mix:
    """Mean request of the workload as it is asked, its classes weighted by their shares."""
    return Mix(
        input_tokens=sum(c.share * c.asked_input_tokens for c in workload.values()),
        output_tokens=sum(c.share * c.asked_output_tokens for c in workload.values()),
    )


def served_calls_of(workload: Workload) -> ServedCalls:
    """Calls of the workload as they are served: after response cache, compression and cap, with retries."""
    calls = sum(c.share * c.served_calls for c in workload.values())
    if calls == 0:
        return ServedCalls(0.0, 0.0, 0.0)
    return ServedCalls(
        per_request=calls,
        input_tokens=sum(c.share * c.served_calls * c.served_input_tokens for c in workload.values()) / calls,
        output_tokens=sum(c.share * c.served_calls * c.served_output_tokens for c in workload.values()) / calls,
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
