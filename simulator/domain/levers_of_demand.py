"""Levers on the requests: caches, the batch API, shorter prompts and answers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from simulator.domain.base import NonNegative, PositiveShare, Share
from simulator.domain.lever_moves import Lever, LeverCase, Move, Moves, NotRun
from simulator.domain.request_lengths import LengthLaw, mean_capped

_NOT_PUBLISHED = "and no published figure says it for a scenario's requests"
_BISECTIONS = 100


class PromptCache(Lever):
    """A share of the input is read from the prompt cache: of the provider, and of the replicas."""

    key: ClassVar[str] = "prompt_cache"
    title: ClassVar[str] = "prompt cache"
    cached_input_share: Share | None = Field(
        default=None, description="Share of the input tokens read from the cache; left out: not run. [1]"
    )
    cache_write_input_share: Share = Field(
        default=0.0, description="Share of the input tokens written to it, at the provider's price for that. [1]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Sets the cached share of every class that has none."""
        classes = [
            name
            for name, request in case.scenario.workload.items()
            if request.prefix is None and request.cached_input_share == 0
        ]
        if not classes:
            return NotRun("in use already: the workload tells what of its input is cached")
        share = self.assumed(case, "cached_input_share")
        if share is None:
            return self.missing("cached_input_share", _NOT_PUBLISHED)
        overrides: dict[str, object] = {}
        for name in classes:
            overrides[f"workload.{name}.cached_input_share"] = share.value
            if self.cache_write_input_share:
                overrides[f"workload.{name}.cache_write_input_share"] = self.cache_write_input_share
        return [[Move(overrides, f"{share.as_percent} of the input is read from the cache", (share,))]]


class CachedAnswers(Lever):
    """A share of the requests is answered from a cache of answers, before any option is asked."""

    key: ClassVar[str] = "response_cache"
    title: ClassVar[str] = "response cache"
    hit_share: Share | None = Field(
        default=None, description="Share of the requests answered from it; left out: the published one. [1]"
    )
    usd_per_lookup: NonNegative = Field(default=0.0, description="Cost of looking one request up. [USD]")

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Gives every class without a response cache one."""
        classes = [name for name, request in case.scenario.workload.items() if request.response_cache is None]
        if not classes:
            return NotRun("in use already: every class has a response cache")
        share = self.assumed(case, "hit_share")
        if share is None:
            return self.missing("hit_share", _NOT_PUBLISHED)
        cache = {"hit_share": share.value, "usd_per_lookup": self.usd_per_lookup}
        overrides: dict[str, object] = {f"workload.{name}.response_cache": cache for name in classes}
        return [[Move(overrides, f"{share.as_percent} of the requests hit", (share,))]]


class Batch(Lever):
    """A share of the requests is sent to the provider's batch API."""

    key: ClassVar[str] = "batch"
    title: ClassVar[str] = "batch API"
    share: Share | None = Field(
        default=None, description="Share of the requests that can wait for it; left out: not run. [1]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Sets the batch share of every class that has none; a fleet does not see it."""
        if case.api is None:
            return NotRun("no API is compared")
        classes = [
            name
            for name, request in case.scenario.workload.items()
            if request.batch_share == 0 and request.deferrable is None
        ]
        if not classes:
            return NotRun("in use already: every class is batched, wholly or in part")
        share = self.assumed(case, "share")
        if share is None:
            return self.missing("share", "and only you know which requests can wait")
        overrides: dict[str, object] = {f"workload.{name}.batch_share": share.value for name in classes}
        return [[Move(overrides, f"{share.as_percent} of the requests can wait", (share,))]]


class ShorterPrompts(Lever):
    """Prompts, without their shared prefix, are compressed before they are sent."""

    key: ClassVar[str] = "prompt_compression"
    title: ClassVar[str] = "prompt compression"
    kept_share: PositiveShare | None = Field(
        default=None, description="What is left of the prompt; left out: not run. [1]"
    )
    usd_per_request: NonNegative = Field(default=0.0, description="Cost of compressing one request. [USD]")

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Compresses the prompts of every class that does not yet."""
        classes = [name for name, request in case.scenario.workload.items() if request.prompt_compression is None]
        if not classes:
            return NotRun("in use already: every class compresses its prompts")
        share = self.assumed(case, "kept_share")
        if share is None:
            return self.missing("kept_share", "and what is published is a saving, not a share of the prompt")
        shorter = {"kept_share": share.value, "usd_per_request": self.usd_per_request}
        overrides: dict[str, object] = {f"workload.{name}.prompt_compression": shorter for name in classes}
        return [[Move(overrides, f"{share.as_percent} of the prompt is left", (share,))]]


class OutputCap(Lever):
    """Answers are capped so that a share of their tokens is left. Reasoning before the answer is not."""

    key: ClassVar[str] = "output_cap"
    title: ClassVar[str] = "output cap"
    kept_share: PositiveShare | None = Field(
        default=None, description="Share of the output tokens that is left; left out: the published one. [1]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Caps every class that has no cap where the mean answer is so much shorter."""
        classes = {
            name: request
            for name, request in case.scenario.workload.items()
            if request.output_cap_tokens is None and request.output_law.mean > 0
        }
        if not classes:
            return NotRun("in use already: every class has a cap, or no answer")
        share = self.assumed(case, "kept_share")
        if share is None:
            return self.missing("kept_share", _NOT_PUBLISHED)
        caps = {name: cap_leaving(request.output_law, float(share.value)) for name, request in classes.items()}
        overrides: dict[str, object] = {f"workload.{name}.output_cap_tokens": cap for name, cap in caps.items()}
        return [[Move(overrides, f"{share.as_percent} of the output is left", (share,))]]


def cap_leaving(law: LengthLaw, share: float) -> float:
    """The cap under which the mean length is a share of what it was. [tokens]

    By bisection: the capped mean rises with the cap. For a constant length it is the share of that length.
    """
    wanted, low, high = share * law.mean, 0.0, law.mean
    while mean_capped(law, high) < wanted and high < 1e12:
        high *= 2.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if mean_capped(law, middle) < wanted else (low, middle)
    return high
