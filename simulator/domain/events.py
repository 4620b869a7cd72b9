"""Dated events as the user writes them: a launch, holidays, a surge between two moments."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive
from simulator.domain.units import SECONDS_PER_HOUR

Factor = Annotated[NonNegative, Field(le=1e6)]


class Dated(Model):
    """Something that happens at a moment: on a date, or so long after the start of the horizon."""

    at: datetime | None = Field(
        default=None, description="Local date, or date and time as 2027-03-01T09:00, in the demand's time zone."
    )
    after_days: NonNegative | None = Field(default=None, description="Days after the start of the horizon, instead.")

    @field_validator("at")
    @classmethod
    def _local(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is not None:
            raise ValueError(f"is {moment.isoformat()}, must be local time, without an offset")
        if moment is not None and not 1990 <= moment.year <= 2200:
            raise ValueError(f"is {moment.isoformat()}, must be from 1990 to 2200")
        return moment

    @model_validator(mode="after")
    def _one_moment(self) -> Dated:
        if (self.at is None) == (self.after_days is None):
            text = "must be given, or after_days, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "at", "text": text})
        return self


class Launch(Dated):
    """A launch or a mention in the news: a jump whose excess decays, to a level that may stay higher."""

    kind: Literal["launch"] = "launch"
    factor: Factor = Field(description="Demand right after it, over before. [1]")
    half_life_s: Positive = Field(
        default=8.5 * SECONDS_PER_HOUR, description="Time in which the excess falls to half. [s]"
    )
    lasting_factor: Factor = Field(default=1.0, description="Demand long after it, over before. [1]")


class Surge(Dated):
    """Other demand between two moments: a competitor's outage, a campaign, a shut-down of one's own."""

    kind: Literal["surge"] = "surge"
    hours: Positive = Field(description="How long it lasts. [h]")
    factor: Factor = Field(description="Demand meanwhile, over the usual. [1]")


class Holidays(Model):
    """Days off: those of a country's calendar, or given dates."""

    kind: Literal["holidays"] = "holidays"
    country: str | None = Field(default=None, description="ISO 3166 code, such as DE or US, of the public holidays.")
    subdivision: str | None = Field(default=None, description="State or province, such as BY or CA.")
    dates: tuple[date, ...] = Field(default=(), description="Days, instead of a country's.")
    factor: Factor = Field(default=1.0, description="Demand on such a day, over the usual. [1]")
    course: Literal["usual", "weekend"] = Field(
        default="usual", description="Whether such a day has the hours of its weekday or those of a Sunday."
    )

    @model_validator(mode="after")
    def _one_calendar(self) -> Holidays:
        if (self.country is None) == (not self.dates):
            text = "must be given, or dates, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "country", "text": text})
        if self.subdivision is not None and self.country is None:
            text = "must be given with country only"
            raise PydanticCustomError("at_key", "{text}", {"key": "subdivision", "text": text})
        if self.country is not None:
            self._check_calendar(self.country, self.subdivision)
        if self.factor == 1 and self.course == "usual":
            text = "must be given, or course: weekend; else these days are like any other"
            raise PydanticCustomError("at_key", "{text}", {"key": "factor", "text": text})
        return self

    @staticmethod
    def _check_calendar(country: str, subdivision: str | None) -> None:
        import holidays

        known = holidays.list_supported_countries()
        if country not in known:
            text = f"is '{country}', must be an ISO 3166 code such as DE, FR or US"
            raise PydanticCustomError("at_key", "{text}", {"key": "country", "text": text})
        if subdivision is not None and subdivision not in known[country]:
            text = f"is '{subdivision}', must be one of {', '.join(known[country])}"
            raise PydanticCustomError("at_key", "{text}", {"key": "subdivision", "text": text})


Event = Annotated[Launch | Surge | Holidays, Field(discriminator="kind")]
