"""The regular course of a demand as the user writes it: plans of levels, the day, the week."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, Real
from simulator.domain.units import SECONDS_PER_HOUR


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
