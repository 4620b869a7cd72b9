"""Requests answered on the users' own devices, before an option is asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulator.domain.base import Finite, Model, NonNegative

EdgeShare = Annotated[Finite, Field(ge=0, le=0.999)]


class Edge(Model):
    """A part of the requests answered on the users' devices: no tokens and no GPUs, but work to build and to keep."""

    share: EdgeShare | dict[str, EdgeShare] = Field(
        description="Share of the requests answered there, of those that the response cache leaves; a number, or one "
        "by request class. [1]"
    )
    integration_person_weeks: NonNegative = Field(default=0.0, description="Work to build it, once. [person-weeks]")
    usd_once: NonNegative = Field(default=0.0, description="What else it takes, once. [USD]")
    upkeep_persons: NonNegative = Field(default=0.0, description="Work on it, all the time. [persons]")
    usd_per_month: NonNegative = Field(default=0.0, description="What else it takes. [USD per month]")
    usd_per_person_year: NonNegative | None = Field(
        default=None,
        description="Loaded cost of a person; left out: that of the option's engineers, else the catalogue's sourced "
        "figure. [USD per year]",
    )

    def share_of(self, request_class: str) -> float:
        """Share of a class; one that is not named has none. [1]"""
        return self.share.get(request_class, 0.0) if isinstance(self.share, dict) else self.share
