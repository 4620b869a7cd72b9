"""The shape of a demand as the user writes it: its regular course and its random parts, or a recording to replay."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, PositiveShare, Real
from simulator.domain.courses import Diurnal, Piecewise, Weekly
from simulator.domain.events import Event
from simulator.domain.random_parts import Job, Noise, Spikes
from simulator.domain.recordings import Recording

_REPLAY_KEYS = ("file", "repeat", "recorded_from", "time_column", "input_column", "output_column", "requests_column")
GENERATED_KEYS = (
    "piecewise", "diurnal", "weekly", "hourly_weights", "weekday_hours", "weekend_hours", "noise", "spikes", "jobs",
    "events", "cap_to_mean",
)  # fmt: skip
HoursOfDay = Annotated[tuple[NonNegative, ...], Field(min_length=24, max_length=24)]


class Shape(Model):
    """How demand goes up and down: over the day, the week, with dated events, at random; or as it was recorded."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["generated", "trace"] = Field(
        default="generated", description="Whether it is drawn from the keys below or replays the recording in `file`."
    )
    preset: str | None = Field(
        default=None, description="Kind of product whose keys hold where they are left out here; see `list traffic`."
    )
    timezone: str = Field(default="UTC", description="IANA time zone of the daily and weekly course.")
    shift_hours: Annotated[Real, Field(ge=-168, le=168)] = Field(
        default=0.0, description="How much later the courses of day and week are than the clock. [h]"
    )
    piecewise: Piecewise | None = Field(default=None, description="A plan of levels over time.")
    diurnal: Diurnal | None = Field(default=None, description="Course of the day as a curve.")
    weekly: Weekly | None = Field(default=None, description="Course of the week.")
    hourly_weights: tuple[NonNegative, ...] | None = Field(
        default=None, description="24 weights of a day or 168 of a week from Monday 00:00; linear between hour centres."
    )
    weekday_hours: HoursOfDay | None = Field(default=None, description="24 weights of a day from Monday to Friday.")
    weekend_hours: HoursOfDay | None = Field(
        default=None, description="24 weights of Saturday and Sunday, on the scale of weekday_hours."
    )
    noise: Noise | None = Field(default=None, description="Random ups and downs.")
    spikes: Spikes | None = Field(default=None, description="Random bursts.")
    jobs: dict[str, Job] = Field(default_factory=dict, description="Scheduled jobs by name.")
    events: dict[str, Event] = Field(default_factory=dict, description="Dated events by name.")
    cap_to_mean: Annotated[Real, Field(gt=1)] | None = Field(
        default=None, description="Rate, over the mean, that clients with a limit of their own never exceed. [1]"
    )
    file: str | None = Field(default=None, description="Recording to replay; a path from this file's folder.")
    repeat: Literal["loop", "stretch"] = Field(
        default="loop", description="Repeat it, hours and weekdays kept, or stretch it over the horizon."
    )
    recorded_from: datetime | None = Field(
        default=None, description="Local date and time of its first step, where the file tells offsets only."
    )
    time_column: str | None = Field(default=None, description="Column of the time, in a CSV of your own.")
    input_column: str | None = Field(default=None, description="Column of the input tokens.")
    output_column: str | None = Field(default=None, description="Column of the output tokens.")
    requests_column: str | None = Field(default=None, description="Column of the number of requests.")
    recorded: SkipJsonSchema[Recording | None] = Field(default=None, exclude=True, repr=False)

    @field_validator("jobs", "events", mode="before")
    @classmethod
    def _none(cls, given: object) -> object:
        return {} if given is None else given

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"is '{timezone}', must be an IANA time zone such as Europe/Paris or UTC") from None
        return timezone

    @field_validator("recorded_from")
    @classmethod
    def _local(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is not None:
            raise ValueError(f"is {moment.isoformat()}, must be local time, without an offset")
        return moment

    @field_validator("hourly_weights")
    @classmethod
    def _day_or_week(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and len(weights) not in (24, 168):
            raise ValueError(f"has {len(weights)} weights, must have 24 or 168")
        if weights is not None and max(weights) <= 0:
            raise ValueError("is 0 at every hour, must be above 0 at one at least")
        return weights

    @model_validator(mode="after")
    def _one_course(self) -> Shape:
        hours = [key for key in ("diurnal", "hourly_weights", "weekday_hours") if getattr(self, key) is not None]
        if len(hours) > 1:
            text = f"must not be given together with {hours[1]}"
            raise PydanticCustomError("at_key", "{text}", {"key": hours[0], "text": text})
        if (self.weekday_hours is None) != (self.weekend_hours is None):
            given, missing = ("weekday_hours", "weekend_hours")
            if self.weekday_hours is None:
                given, missing = missing, given
            text = f"must be given with {given}"
            raise PydanticCustomError("at_key", "{text}", {"key": missing, "text": text})
        if self.weekday_hours is not None and max(self.hours_of_week) <= 0:
            text = "is 0 at every hour, as weekend_hours is, must be above 0 at one at least"
            raise PydanticCustomError("at_key", "{text}", {"key": "weekday_hours", "text": text})
        if sum(job.share for job in self.jobs.values()) > 1 + 1e-9:
            name = list(self.jobs)[-1]
            text = f"is {self.jobs[name].share:g}, all jobs together must be at most 1"
            raise PydanticCustomError("at_key", "{text}", {"key": f"jobs.{name}.share", "text": text})
        return self

    @model_validator(mode="after")
    def _generated_or_replayed(self) -> Shape:
        replayed = self.kind == "trace"
        for key in GENERATED_KEYS if replayed else _REPLAY_KEYS:
            if getattr(self, key) != type(self).model_fields[key].get_default(call_default_factory=True):
                text = f"must not be given where kind is {self.kind}"
                text += "" if replayed else "; give kind: trace for a replay"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if replayed and self.file is None and self.recorded is None:
            text = "must be given where kind is trace"
            raise PydanticCustomError("at_key", "{text}", {"key": "file", "text": text})
        return self

    @property
    def hours_of_week(self) -> tuple[float, ...]:
        """24 or 168 weights of hours; empty where the day has no such course."""
        if self.hourly_weights is not None:
            return self.hourly_weights
        if self.weekday_hours is not None and self.weekend_hours is not None:
            return self.weekday_hours * 5 + self.weekend_hours * 2
        return ()


class BlendPart(Shape):
    """One of several demands that add up, with a shape of its own."""

    share: PositiveShare = Field(description="Share of the mean volume that this demand is. [1]")
