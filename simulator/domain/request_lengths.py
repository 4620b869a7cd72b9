"""How long requests are: every one alike, lognormal, or by quantiles; and how many tokens lie above a length."""

from __future__ import annotations

import math
import re
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive

_QUANTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100)")
_NORMALS = np.linspace(-8.0, 8.0, 801)  # where a mean over two lengths that go together is taken

Array = NDArray[Any]  # of float64


class LognormalLength(Model):
    """Lengths that are lognormal, by their mean and one high quantile."""

    keys_in_words: ClassVar[str] = "mean and p90 or p99"

    mean: Positive = Field(description="Mean length. [tokens]")
    p90: Positive | None = Field(default=None, description="Length that 90 % of the requests stay below. [tokens]")
    p99: Positive | None = Field(default=None, description="Length that 99 % of the requests stay below. [tokens]")

    @model_validator(mode="after")
    def _one_quantile(self) -> LognormalLength:
        if self.p90 is not None and self.p99 is not None:
            text = f"is {self.p99:g}, must not be given together with p90"
            raise PydanticCustomError("at_key", "{text}", {"key": "p99", "text": text})
        if self.p90 is None and self.p99 is None:
            raise PydanticCustomError("at_key", "{text}", {"key": "p90", "text": "must be given, or p99"})
        key = "p90" if self.p90 is not None else "p99"
        most = self.mean * self._widest
        if not self.mean <= self._high <= most:
            text = f"is {self._high:g}, must be from the mean {self.mean:g} to {most:.4g}, the most a lognormal allows"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        return self

    def beyond(self, tokens: float) -> LognormalLength:
        """Law of what is longer than a part that all have: lognormal, with mean and quantile less by that part.

        Where no lognormal has so high a quantile over its mean, the widest: its mean is exact, its tail is shorter.
        """
        mean = self.mean - tokens
        high = min(self._high - tokens, mean * self._widest * (1.0 - 1e-12))
        return LognormalLength(mean=mean, **{"p90" if self.p90 is not None else "p99": high})

    def is_cut_beyond(self, tokens: float) -> bool:
        """Whether what is longer than this part has a shorter tail than its quantile says."""
        return self._high - tokens > (self.mean - tokens) * self._widest

    @classmethod
    def scattered(cls, mean: float, log_sd: float) -> LognormalLength:
        """The law with this mean and standard deviation of the logarithm, up to 2.3."""
        z = normal_quantile(0.99)
        scatter = min(log_sd, z)
        return cls(mean=mean, p99=mean * math.exp(z * scatter - scatter**2 / 2))

    @property
    def _high(self) -> float:
        return self.p90 if self.p90 is not None else (self.p99 or 0.0)

    @property
    def _widest(self) -> float:
        """The greatest quantile over the mean that any lognormal has. [1]"""
        return math.exp(self._z**2 / 2)

    @property
    def _z(self) -> float:
        return normal_quantile(0.90 if self.p90 is not None else 0.99)

    @property
    def log_sd(self) -> float:
        """Standard deviation of the logarithm: of ln(quantile / mean) = z s - s^2 / 2 the smaller root. [1]"""
        z = self._z
        return z - math.sqrt(max(z * z - 2.0 * math.log(self._high / self.mean), 0.0))

    def share_above(self, tokens: float) -> float:
        """Share of the requests longer than this. [1]"""
        return 1.0 - normal_share_below(self.normal_rank(tokens))

    def mean_above(self, tokens: float) -> float:
        """Tokens of the requests longer than this, over all requests: E[X; X > tokens]. [tokens]"""
        return self.mean * (1.0 - normal_share_below(self.normal_rank(tokens) - self.log_sd))

    def normal_rank(self, tokens: float) -> float:
        """Standard normal number that a request of this length stands for."""
        if tokens <= 0:
            return -math.inf
        median = self.mean * math.exp(-(self.log_sd**2) / 2)
        if self.log_sd == 0:
            return math.inf if tokens >= self.mean else -math.inf
        return math.log(tokens / median) / self.log_sd

    def at_normal(self, normal: Array) -> Array:
        """Lengths of the requests that standard normal numbers stand for. [tokens]"""
        return self.mean * np.exp(self.log_sd * normal - self.log_sd**2 / 2)


class QuantileLength(Model):
    """Lengths by their quantiles, straight lines between them."""

    keys_in_words: ClassVar[str] = "quantiles"

    quantiles: dict[str, NonNegative] = Field(
        description="Length below which a share of the requests stays, e.g. {p0: 50, p50: 800, p90: 3000, p100: 9000}; "
        "p100, the longest, must be there; below the first all are as long as it. [tokens]"
    )

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, quantiles: dict[str, float]) -> dict[str, float]:
        for name in quantiles:
            if not _QUANTILE.fullmatch(name):
                text = "is no quantile; must be p0 to p100, such as p50 or p99.9"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        if "p100" not in quantiles:
            raise PydanticCustomError("at_key", "{text}", {"key": "p100", "text": "is missing; it is the longest"})
        ordered = sorted(quantiles, key=_rank)
        for before, name in pairwise(ordered):
            if quantiles[name] < quantiles[before]:
                text = f"is {quantiles[name]:g}, must be at least {before}, {quantiles[before]:g}"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        return quantiles

    def beyond(self, tokens: float) -> QuantileLength:
        """Law of what is longer than a part that all have."""
        return QuantileLength(quantiles={name: length - tokens for name, length in self.quantiles.items()})

    @cached_property
    def _points(self) -> tuple[Array, Array]:
        """Ranks and lengths, from rank 0 to 1."""
        ordered = sorted(self.quantiles, key=_rank)
        ranks = [_rank(name) for name in ordered]
        lengths = [self.quantiles[name] for name in ordered]
        if ranks[0] > 0:
            ranks, lengths = [0.0, *ranks], [lengths[0], *lengths]
        return np.array(ranks), np.array(lengths)

    @property
    def mean(self) -> float:
        """Mean length. [tokens]"""
        return self.mean_above(-1.0)

    def share_above(self, tokens: float) -> float:
        """Share of the requests longer than this. [1]"""
        return 1.0 - self._rank_of(tokens)

    def mean_above(self, tokens: float) -> float:
        """Tokens of the requests longer than this, over all requests. [tokens]"""
        ranks, lengths = self._points
        start = self._rank_of(tokens)
        inside = ranks > start
        at = np.concatenate(([start], ranks[inside]))
        of = np.concatenate(([max(tokens, lengths[0])], lengths[inside]))
        return float(np.sum(np.diff(at) * (of[1:] + of[:-1]) / 2))

    def normal_rank(self, tokens: float) -> float:
        """Standard normal number that a request of this length stands for."""
        return normal_quantile(self._rank_of(tokens))

    def at_normal(self, normal: Array) -> Array:
        """Lengths of the requests that standard normal numbers stand for. [tokens]"""
        ranks, lengths = self._points
        return np.interp([normal_share_below(number) for number in normal], ranks, lengths)

    def _rank_of(self, tokens: float) -> float:
        """Share of the requests at most so long."""
        ranks, lengths = self._points
        if tokens < lengths[0]:
            return 0.0
        if tokens >= lengths[-1]:
            return 1.0
        place = int(np.searchsorted(lengths, tokens, side="right")) - 1
        run = lengths[place + 1] - lengths[place]
        return float(ranks[place] + (ranks[place + 1] - ranks[place]) * (tokens - lengths[place]) / run)


class _FixedLength:
    """Every request alike."""

    def __init__(self, tokens: float) -> None:
        self.mean = tokens

    def beyond(self, tokens: float) -> _FixedLength:
        return _FixedLength(self.mean - tokens)

    def share_above(self, tokens: float) -> float:
        return float(self.mean > tokens)

    def mean_above(self, tokens: float) -> float:
        return self.mean if self.mean > tokens else 0.0

    def normal_rank(self, tokens: float) -> float:
        return math.inf if tokens >= self.mean else -math.inf

    def at_normal(self, normal: Array) -> Array:
        return np.full(normal.shape, self.mean)


TokenLength = NonNegative | LognormalLength | QuantileLength
LengthLaw = _FixedLength | LognormalLength | QuantileLength


def length_law(length: float | LognormalLength | QuantileLength) -> LengthLaw:
    """The law of a length as it is written: a number means that every request is so long."""
    return _FixedLength(float(length)) if isinstance(length, int | float) else length


def mean_capped(law: LengthLaw, cap_tokens: float | None) -> float:
    """Mean of the lengths with those above the cap cut to it: E[min(X, cap)] = E[X] - E[X - cap; X > cap]."""
    if cap_tokens is None:
        return law.mean
    return law.mean - (law.mean_above(cap_tokens) - cap_tokens * law.share_above(cap_tokens))


def mean_capped_beyond(law: LengthLaw, cap_tokens: float | None, normal: float, correlation: float) -> float:
    """Mean of capped lengths over the requests whose rank in another length is high: E[min(Y, cap); Z > normal].

    Z is a standard normal number whose correlation with the one that Y stands for is `correlation` (a Gaussian copula).
    """
    if correlation == 0 or math.isinf(normal):
        return mean_capped(law, cap_tokens) * (1.0 - normal_share_below(normal))
    lengths = law.at_normal(_NORMALS)
    if cap_tokens is not None:
        lengths = np.minimum(lengths, cap_tokens)
    spread = math.sqrt(max(1.0 - correlation**2, 1e-12))
    beyond = [normal_share_below((correlation * own - normal) / spread) for own in _NORMALS]
    density = np.exp(-(_NORMALS**2) / 2)
    return float(np.sum(lengths * beyond * density) / np.sum(density))


def normal_share_below(normal: float) -> float:
    """Share of a standard normal law below a number."""
    return 0.5 * math.erfc(-normal / math.sqrt(2.0))


def normal_quantile(share: float) -> float:
    """The standard normal number below which this share lies; infinite at 0 and 1."""
    if share <= 0.0 or share >= 1.0:
        return math.copysign(math.inf, share - 0.5)
    return NormalDist().inv_cdf(share)


def _rank(name: str) -> float:
    return float(name[1:]) / 100.0
