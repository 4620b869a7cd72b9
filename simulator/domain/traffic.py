"""Demand as the user writes it: a volume and the parts of its shape."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Duration, Model, NonNegative, Positive, Real
from simulator.domain.units import DAYS_PER_MONTH, SECONDS_PER_HOUR

VOLUME_KEYS = ("tokens_per_month", "tokens_per_day", "requests_per_month", "requests_per_day", "daily_users")


class Point(Model):
    """A level that holds, or is passed, at a time after the start."""

    at_s: NonNegative | None = Field(default=None, description="Time after the start. [s]")
    at_hours: NonNegative | None = Field(default=None, description="Time after the start. [h]")
    level: NonNegative = Field(description="Demand at that time, in any unit: only the proportions count.")

    @model_validator(mode="after")
    def _one_time(self) -> Point:
        if (self.at_s is None) == (self.at_hours is None):
            raise PydanticCustomError(
                "at_key", "{text}", {"key": "at_s", "text": "must be given, or at_hours, not both"}
            )
        return self

    @property
    def seconds(self) -> float:
        """Time after the start. [s]"""
        return self.at_s if self.at_s is not None else round((self.at_hours or 0.0) * SECONDS_PER_HOUR, 6)


class Piecewise(Model):
    """A plan: levels at given times, held as steps or joined by straight lines."""

    interpolation: Literal["steps", "linear"] = Field(default="steps", description="How the points are joined.")
    points: tuple[Point, ...] = Field(min_length=1, description="In the order of time; the first at 0.")
    repeat_every_hours: Positive | None = Field(
        default=None, description="Period after which the plan starts anew. [h]"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Piecewise:
        if self.points[0].seconds != 0:
            text = f"is {self.points[0].seconds:g} s, must be 0: the plan starts with the horizon"
            raise PydanticCustomError("at_key", "{text}", {"key": "points[0]", "text": text})
        for index in range(1, len(self.points)):
            if self.points[index].seconds <= self.points[index - 1].seconds:
                text = f"is {self.points[index].seconds:g} s, must be later than the point before"
                raise PydanticCustomError("at_key", "{text}", {"key": f"points[{index}]", "text": text})
        period_hours = self.repeat_every_hours
        if period_hours is not None and self.points[-1].seconds >= period_hours * SECONDS_PER_HOUR:
            text = f"is {period_hours:g}, must be longer than the time of the last point"
            raise PydanticCustomError("at_key", "{text}", {"key": "repeat_every_hours", "text": text})
        if max(point.level for point in self.points) <= 0:
            text = "is 0 at every point, must be above 0 at one at least"
            raise PydanticCustomError("at_key", "{text}", {"key": "points", "text": text})
        return self


class Diurnal(Model):
    """The course of a day: one cosine up to twice the mean, a sharper bell above."""

    peak_hour: Annotated[Real, Field(ge=0, lt=24)] = Field(description="Local hour of the peak. [h]")
    peak_to_mean: Annotated[Real, Field(ge=1, le=12)] = Field(description="Peak over the mean of the day. [1]")


class Weekly(Model):
    """The course of a week: how weekends, or each day from Monday on, compare."""

    weekend_to_weekday: NonNegative | None = Field(default=None, description="Saturday and Sunday over a weekday. [1]")
    day_weights: Annotated[tuple[NonNegative, ...], Field(min_length=7, max_length=7)] | None = Field(
        default=None, description="Seven weights, Monday first; only the proportions count."
    )

    @model_validator(mode="after")
    def _one(self) -> Weekly:
        if (self.weekend_to_weekday is None) == (self.day_weights is None):
            text = "must be given, or day_weights, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "weekend_to_weekday", "text": text})
        if self.day_weights is not None and max(self.day_weights) <= 0:
            text = "is 0 on every day, must be above 0 on one at least"
            raise PydanticCustomError("at_key", "{text}", {"key": "day_weights", "text": text})
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        """Seven weights, Monday first."""
        if self.day_weights is not None:
            return self.day_weights
        weekend = self.weekend_to_weekday or 0.0
        return (1.0,) * 5 + (weekend,) * 2


class Noise(Model):
    """Mean-one lognormal noise with memory: the exponential of a first-order autoregression."""

    relative_sd: Annotated[Positive, Field(le=5)] = Field(description="Standard deviation over the mean. [1]")
    correlation_time_s: Duration = Field(default=3600.0, description="Time after which its memory is 1/e. [s]")


class Spikes(Model):
    """Bursts: Poisson arrivals, Pareto heights, exponential decay. Multiplies the shape; the mean stays."""

    per_month: Annotated[Positive, Field(le=100_000)] = Field(description="Mean number in 730 h.")
    height_to_mean: Positive = Field(description="Mean height above the usual level, over that level. [1]")
    half_life_s: Annotated[Positive, Field(le=2_628_000)] = Field(
        default=1800.0, description="Time in which a spike falls to half its height. [s]"
    )
    tail_index: Annotated[Real, Field(gt=1, le=100)] = Field(
        default=2.5, description="Pareto exponent of the heights; smaller is wilder. [1]"
    )


class Traffic(Model):
    """Volume and shape of the demand. Exactly one way to give the volume."""

    tokens_per_month: Positive | None = Field(default=None, description="Input and output tokens in 730 h.")
    tokens_per_day: Positive | None = Field(default=None, description="Input and output tokens a day.")
    requests_per_month: Positive | None = Field(default=None, description="Requests in 730 h.")
    requests_per_day: Positive | None = Field(default=None, description="Requests a day.")
    daily_users: Positive | None = Field(default=None, description="Users a day.")
    sessions_per_user: Positive = Field(default=1.0, description="Sessions of a user a day.")
    queries_per_session: Positive = Field(default=1.0, description="Requests of a session.")
    timezone: str = Field(default="UTC", description="IANA time zone of the daily and weekly course.")
    piecewise: Piecewise | None = Field(default=None, description="A plan of levels over time.")
    diurnal: Diurnal | None = Field(default=None, description="Course of the day as a curve.")
    weekly: Weekly | None = Field(default=None, description="Course of the week.")
    hourly_weights: tuple[NonNegative, ...] | None = Field(
        default=None, description="24 weights of a day or 168 of a week from Monday 00:00; linear between hour centres."
    )
    growth_per_month: Annotated[Real, Field(gt=-1, le=10)] = Field(
        default=0.0, description="Growth of the volume from month to month; month m has (1 + g)^m. [1]"
    )
    noise: Noise | None = Field(default=None, description="Random ups and downs.")
    spikes: Spikes | None = Field(default=None, description="Random bursts.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"is '{timezone}', must be an IANA time zone such as Europe/Paris or UTC") from None
        return timezone

    @field_validator("hourly_weights")
    @classmethod
    def _day_or_week(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and len(weights) not in (24, 168):
            raise ValueError(f"has {len(weights)} weights, must have 24 or 168")
        if weights is not None and max(weights) <= 0:
            raise ValueError("is 0 at every hour, must be above 0 at one at least")
        return weights

    @model_validator(mode="after")
    def _one_volume(self) -> Traffic:
        given = [key for key in VOLUME_KEYS if getattr(self, key) is not None]
        if len(given) != 1:
            text = f"must hold exactly one of {', '.join(VOLUME_KEYS)}; holds {', '.join(given) or 'none'}"
            raise PydanticCustomError("at_key", "{text}", {"key": given[1] if given else "", "text": text})
        if self.hourly_weights is not None and self.diurnal is not None:
            text = "must not be given together with hourly_weights"
            raise PydanticCustomError("at_key", "{text}", {"key": "diurnal", "text": text})
        if self.daily_users is None and (self.sessions_per_user != 1 or self.queries_per_session != 1):
            key = "sessions_per_user" if self.sessions_per_user != 1 else "queries_per_session"
            text = "must be given with daily_users only"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        return self

    def requests_per_month_at(self, tokens_per_request: float) -> float:
        """Mean demand of month 0 in requests per month of 730 h, at so many tokens per request."""
        if self.tokens_per_month is not None:
            return self.tokens_per_month / tokens_per_request
        if self.tokens_per_day is not None:
            return self.tokens_per_day * DAYS_PER_MONTH / tokens_per_request
        if self.requests_per_month is not None:
            return self.requests_per_month
        if self.requests_per_day is not None:
            return self.requests_per_day * DAYS_PER_MONTH
        return (self.daily_users or 0.0) * self.sessions_per_user * self.queries_per_session * DAYS_PER_MONTH

    def mean_tokens_per_month(self, tokens_per_request: float) -> float:
        """Mean demand of month 0 in tokens per month of 730 h, at so many tokens per request."""
        return self.requests_per_month_at(tokens_per_request) * tokens_per_request
