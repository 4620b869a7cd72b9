"""What may stand for a number that nobody knows exactly: one small class a family, closed in a union.

A distribution is known by its keys, which hold nothing else: `{p10: 1.8, p50: 2.2, p90: 3.5}`, `{normal: {mean: 2, sd:
0.3}}`. Each gives its quantiles as a function of a share; a draw is the quantile at a uniform number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Model, NonNegative, Positive, Real

Array = NDArray[Any]  # of float64

WEIGHTS_TO = 1e-6
_Z90 = 1.2815515655446004  # of the standard normal, at 0.9
_STRAIGHT = 1e-9  # log of the ratio of the two distances below which three quantiles are those of a normal


def _refuse(key: str, text: str) -> None:
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class Quantiles(Model):
    """Three quantiles, met exactly by a normal that is skewed as they are.

    It is a lognormal where p90 / p50 equals p50 / p10, a normal where p90 - p50 equals p50 - p10, and else a lognormal
    that is shifted, or mirrored: the g distribution of Tukey (1977), x = p50 + (p90 - p50) (e^(s z) - 1) / (r - 1) with
    the standard normal z, the ratio r = (p90 - p50) / (p50 - p10) and s = ln r / z(0.9).
    """

    keys_in_words: ClassVar[str] = "p10, p50 and p90"

    p10: Real = Field(description="Value that 1 in 10 stays below.")
    p50: Real = Field(description="Median.")
    p90: Real = Field(description="Value that 9 in 10 stay below.")

    @model_validator(mode="after")
    def _rising(self) -> Quantiles:
        for (below, low), (above, high) in pairwise((("p10", self.p10), ("p50", self.p50), ("p90", self.p90))):
            if low >= high:
                _refuse(below, f"is {low:g}, must be below {above}, {high:g}")
        return self

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1. Shape as `share`."""
        from scipy.special import ndtri

        ratio = (self.p90 - self.p50) / (self.p50 - self.p10)
        skew = math.log(ratio) / _Z90
        z = ndtri(share)
        if abs(skew) * _Z90 < _STRAIGHT:
            values: Array = self.p50 + (self.p90 - self.p50) / _Z90 * z
        else:
            values = self.p50 + (self.p90 - self.p50) * np.expm1(skew * z) / (ratio - 1.0)
        return values


class NormalLaw(Model):
    """Mean and standard deviation."""

    mean: Real = Field(description="Mean, and median.")
    sd: Positive = Field(description="Standard deviation.")


class Normal(Model):
    """A normal distribution."""

    keys_in_words: ClassVar[str] = "normal"

    normal: NormalLaw = Field(description="Mean and standard deviation.")

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1. Shape as `share`."""
        from scipy.special import ndtri

        values: Array = self.normal.mean + self.normal.sd * ndtri(share)
        return values


class LognormalLaw(Model):
    """Median, and standard deviation of the logarithm."""

    median: Positive = Field(description="Median.")
    log_sigma: Annotated[Positive, Field(le=5)] = Field(description="Standard deviation of the natural logarithm. [1]")


class Lognormal(Model):
    """A lognormal distribution."""

    keys_in_words: ClassVar[str] = "lognormal"

    lognormal: LognormalLaw = Field(description="Median and spread.")

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1. Shape as `share`."""
        from scipy.special import ndtri

        values: Array = self.lognormal.median * np.exp(self.lognormal.log_sigma * ndtri(share))
        return values


class UniformLaw(Model):
    """Ends of a range."""

    low: Real = Field(description="Least value.")
    high: Real = Field(description="Greatest value.")

    @model_validator(mode="after")
    def _rising(self) -> UniformLaw:
        if self.low >= self.high:
            _refuse("low", f"is {self.low:g}, must be below high, {self.high:g}")
        return self


class Uniform(Model):
    """Every value of a range alike."""

    keys_in_words: ClassVar[str] = "uniform"

    uniform: UniformLaw = Field(description="Ends of the range.")

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1. Shape as `share`."""
        return self.uniform.low + (self.uniform.high - self.uniform.low) * share


class TriangularLaw(Model):
    """Ends of a range and the likeliest value."""

    low: Real = Field(description="Least value.")
    mode: Real = Field(description="Likeliest value.")
    high: Real = Field(description="Greatest value.")

    @model_validator(mode="after")
    def _rising(self) -> TriangularLaw:
        if self.low >= self.high:
            _refuse("low", f"is {self.low:g}, must be below high, {self.high:g}")
        if not self.low <= self.mode <= self.high:
            _refuse("mode", f"is {self.mode:g}, must be from low {self.low:g} to high {self.high:g}")
        return self


class Triangular(Model):
    """A density that rises straight to the likeliest value and falls straight from it."""

    keys_in_words: ClassVar[str] = "triangular"

    triangular: TriangularLaw = Field(description="Ends and likeliest value.")

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1. Shape as `share`."""
        low, mode, high = self.triangular.low, self.triangular.mode, self.triangular.high
        left = (mode - low) / (high - low)
        rising = low + np.sqrt(share * (high - low) * (mode - low))
        falling = high - np.sqrt((1.0 - share) * (high - low) * (high - mode))
        return np.where(share < left, rising, falling)


class ChoiceLaw(Model):
    """Values and how likely each is."""

    values: tuple[Finite, ...] = Field(min_length=2, description="Values that it may have.")
    weights: tuple[NonNegative, ...] | None = Field(
        default=None, description="Probability of each; left out: all alike. [1]"
    )

    @model_validator(mode="after")
    def _weighted(self) -> ChoiceLaw:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.values):
            _refuse("weights", f"has {len(self.weights)} entries, must have {len(self.values)}, one a value")
        total = sum(self.weights)
        if abs(total - 1.0) > WEIGHTS_TO:
            _refuse("weights", f"add to {total:g}, must add to 1")
        return self


class Choice(Model):
    """One of some values."""

    keys_in_words: ClassVar[str] = "choice"

    choice: ChoiceLaw = Field(description="Values and weights.")

    def quantile(self, share: Array) -> Array:
        """Values at shares, above 0 and below 1: the least that so much of the weight lies at or below."""
        values = np.array(self.choice.values)
        weights = np.ones(values.size) if self.choice.weights is None else np.array(self.choice.weights)
        order = np.argsort(values, kind="stable")
        below = np.cumsum(weights[order] / weights.sum())
        place = np.searchsorted(below, np.asarray(share) - 1e-12, side="left")
        picked: Array = values[order][np.minimum(place, values.size - 1)]
        return picked


Distribution = Quantiles | Normal | Lognormal | Uniform | Triangular | Choice
"""Every family of distributions."""

FAMILIES: tuple[type[Model], ...] = (Quantiles, Normal, Lognormal, Uniform, Triangular, Choice)


def family_of(written: object) -> type[Model] | None:
    """The family whose keys a mapping holds; None where it is no distribution.

    Three quantiles are known by any two of their keys, so that a missing one or one too many is told; the others by
    their one key.
    """
    if not isinstance(written, Mapping) or not written:
        return None
    keys = set(written)
    if len(keys & {"p10", "p50", "p90"}) >= 2:
        return Quantiles if all(str(key).startswith("p") for key in keys) else None
    if len(keys) != 1:
        return None
    key = next(iter(keys))
    return next((family for family in FAMILIES[1:] if key in family.model_fields), None)


def median_of(distribution: Distribution) -> float:
    """The value in the middle."""
    return float(distribution.quantile(np.array(0.5)))
