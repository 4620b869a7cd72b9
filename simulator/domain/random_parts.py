"""What makes a demand uneven, as the user writes it: noise, spikes, scheduled jobs, lengths of requests."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Duration, Flag, Model, NonNegative, Positive, PositiveShare, Real
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, SECONDS_PER_MONTH

WEEKS_PER_MONTH = SECONDS_PER_MONTH / (168 * SECONDS_PER_HOUR)
MOST_EARLIER_SPIKES = 5_000_000
RelativeSd = Annotated[Positive, Field(le=5)]


class NoisePart(Model):
    """One of the noises that multiply: a mean-one lognormal with a memory of its own."""

    relative_sd: RelativeSd = Field(description="Standard deviation over the mean, at one minute. [1]")
    correlation_time_s: Duration = Field(
        default=0.0, description="Time after which its memory is 1/e; 0: none from minute to minute. [s]"
    )
    falls_with_load: Flag = Field(
        default=False, description="Whether it falls with the load, as mean^(taylor_exponent / 2 - 1)."
    )


class Noise(Model):
    """Mean-one lognormal noise with memory: the exponential of first-order autoregressions, one or a sum of some.

    Parts that fall with the load follow Taylor's law (L. R. Taylor, Nature 189, 1961): the variance of a minute's
    requests grows as a power of their mean, so that the relative noise of many users is smaller than that of few.
    """

    relative_sd: RelativeSd | None = Field(
        default=None, description="Standard deviation over the mean, of one noise. [1]"
    )
    correlation_time_s: Duration = Field(default=3600.0, description="Time after which its memory is 1/e. [s]")
    parts: dict[str, NoisePart] = Field(default_factory=dict, description="Several noises by name, instead of one.")
    reference_requests_per_minute: Positive = Field(
        default=1000.0, description="Load at which parts that fall with it have their relative_sd. [requests/min]"
    )
    taylor_exponent: Annotated[Real, Field(ge=1.2, le=2)] = Field(
        default=1.4, description="Power of the mean by which the variance of a minute's requests grows. [1]"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Noise:
        if (self.relative_sd is None) == (not self.parts):
            text = "must be given, or parts, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "relative_sd", "text": text})
        return self

    @property
    def steady_parts(self) -> tuple[NoisePart, ...]:
        """Noises that are the same at every load."""
        if self.relative_sd is not None:
            return (NoisePart(relative_sd=self.relative_sd, correlation_time_s=self.correlation_time_s),)
        return tuple(part for part in self.parts.values() if not part.falls_with_load)

    @property
    def falling_parts(self) -> tuple[NoisePart, ...]:
        """Noises that fall with the load."""
        return tuple(part for part in self.parts.values() if part.falls_with_load)


class Spikes(Model):
    """Bursts: Poisson arrivals, Pareto heights, lognormal half-lives, exponential decay. The mean volume stays."""

    per_month: Annotated[Positive, Field(le=100_000)] | None = Field(default=None, description="Mean number in 730 h.")
    per_week: Annotated[Positive, Field(le=25_000)] | None = Field(default=None, description="Mean number in 168 h.")
    height_to_mean: Positive | None = Field(
        default=None, description="Mean height above the usual, over the usual, of heights without end. [1]"
    )
    least_height_to_mean: Positive | None = Field(
        default=None, description="Least height, of heights that have an end. [1]"
    )
    greatest_height_to_mean: Positive | None = Field(
        default=None, description="Greatest height, of heights that have an end. [1]"
    )
    tail_index: Annotated[Real, Field(gt=0, le=100)] = Field(
        default=2.5, description="Pareto exponent of the heights; smaller is wilder, above 1 without an end. [1]"
    )
    half_life_s: Annotated[Positive, Field(le=2_628_000)] = Field(
        default=1800.0, description="Median time in which a spike falls to half its height. [s]"
    )
    half_life_log_sd: Annotated[Real, Field(ge=0, le=2)] = Field(
        default=0.0, description="Standard deviation of the logarithm of the half-lives. [1]"
    )
    heights_over: Literal["level", "mean"] = Field(
        default="level", description="Usual to which heights are held: the level of the moment, or the mean volume."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Spikes:
        if (self.per_month is None) == (self.per_week is None):
            text = "must be given, or per_week, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "per_month", "text": text})
        least, greatest = self.least_height_to_mean, self.greatest_height_to_mean
        if (least is None) != (greatest is None):
            key = "least_height_to_mean" if least is None else "greatest_height_to_mean"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": "must be given with the other end"})
        if (self.height_to_mean is None) == (least is None):
            text = "must be given, or least_height_to_mean and greatest_height_to_mean, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "height_to_mean", "text": text})
        if least is not None and greatest is not None and greatest <= least:
            text = f"is {greatest:g}, must be above least_height_to_mean {least:g}"
            raise PydanticCustomError("at_key", "{text}", {"key": "greatest_height_to_mean", "text": text})
        if self.per_s * self.memory_s > MOST_EARLIER_SPIKES:
            key = "per_month" if self.per_month is not None else "per_week"
            text = f"is {getattr(self, key):g}, too many for half-lives so long: {self.per_s * self.memory_s:,.0f} "
            text += f"spikes from before the start would still be felt, must be at most {MOST_EARLIER_SPIKES:,}"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if least is None and self.tail_index <= 1:
            text = f"is {self.tail_index:g}, must be greater than 1 where heights have no end"
            raise PydanticCustomError("at_key", "{text}", {"key": "tail_index", "text": text})
        return self

    @property
    def per_s(self) -> float:
        """Mean number in a second."""
        per_month = self.per_month if self.per_month is not None else (self.per_week or 0.0) * WEEKS_PER_MONTH
        return per_month / SECONDS_PER_MONTH

    @property
    def memory_s(self) -> float:
        """Time before the start whose spikes are felt after it: all but a thousandth of the excess. [s]

        Of half-lives that differ a long one adds to the excess in proportion to its length.
        """
        decay_s = self.half_life_s / math.log(2.0)
        log_sd = self.half_life_log_sd
        return 40.0 * decay_s if not log_sd else 12.0 * decay_s * math.exp(log_sd**2 + 2.0 * log_sd)

    @property
    def least_height(self) -> float:
        """Least height. [1]"""
        if self.least_height_to_mean is not None:
            return self.least_height_to_mean
        return (self.height_to_mean or 0.0) * (self.tail_index - 1.0) / self.tail_index

    @property
    def mean_height(self) -> float:
        """Mean height; of a Pareto law cut at its greatest height the textbook integral. [1]"""
        if self.least_height_to_mean is None or self.greatest_height_to_mean is None:
            return self.height_to_mean or 0.0
        low, high, tail = self.least_height_to_mean, self.greatest_height_to_mean, self.tail_index
        if abs(tail - 1.0) < 1e-9:
            return low * high / (high - low) * math.log(high / low)
        kept = 1.0 - (low / high) ** tail
        return low**tail / kept * tail / (tail - 1.0) * (low ** (1.0 - tail) - high ** (1.0 - tail))

    @property
    def mean_excess(self) -> float:
        """Mean of all spikes together, over the usual: rate x height x mean time of decay. [1]"""
        decay_s = self.half_life_s / math.log(2.0) * math.exp(0.5 * self.half_life_log_sd**2)
        return self.per_s * self.mean_height * decay_s

    @property
    def expected_share(self) -> float:
        """Share of the volume that comes in spikes, in expectation. [1]"""
        return self.mean_excess / (1.0 + self.mean_excess)


class Job(Model):
    """Work that a clock starts: a flat plateau, on the same days at the same hour, of nearly the same volume."""

    share: PositiveShare = Field(description="Share of the mean volume that this job is. [1]")
    start_hour: Annotated[Real, Field(ge=0, lt=24)] = Field(description="Local hour of the start. [h]")
    duration_hours: Annotated[Positive, Field(le=24)] = Field(description="Length of the plateau. [h]")
    days: Literal["every_day", "weekdays", "weekends"] = Field(default="every_day", description="Days of the start.")
    volume_relative_sd: Annotated[NonNegative, Field(le=5)] = Field(
        default=0.0, description="Standard deviation of a day's volume over its mean. [1]"
    )
    start_sd_s: Annotated[NonNegative, Field(le=43_200)] = Field(
        default=0.0, description="Standard deviation of the start. [s]"
    )
    plateau_relative_sd: Annotated[NonNegative, Field(le=5)] = Field(
        default=0.0, description="Noise on the plateau, over its height; its memory is PLATEAU_MEMORY_S. [1]"
    )


PLATEAU_MEMORY_S = 20 * SECONDS_PER_MINUTE  # assumed: the published plateaus are known in steps of ten minutes only


class LengthLaw(Model):
    """Lengths of single requests around the workload's mean: lognormal, with a mean that drifts slowly."""

    log_sd: Annotated[NonNegative, Field(le=4)] = Field(
        default=0.0, description="Standard deviation of the logarithm of a request's length; 0: all alike. [1]"
    )
    drift_relative_sd: Annotated[NonNegative, Field(le=2)] = Field(
        default=0.0, description="Standard deviation over time of the mean length, over its mean. [1]"
    )
    drift_time_s: Duration = Field(default=36_000.0, description="Time after which the drift's memory is 1/e. [s]")

    @property
    def relative_variance(self) -> float:
        """Variance of a request's length over the square of its mean: exp(log_sd^2) - 1 of a lognormal. [1]"""
        return math.expm1(self.log_sd**2)


class TokenLengths(Model):
    """How the lengths of prompts and answers vary; independent of each other. The workload holds their means."""

    input: LengthLaw = Field(default_factory=LengthLaw, description="Lengths of the prompts.")
    output: LengthLaw = Field(default_factory=LengthLaw, description="Lengths of the answers.")
