"""Service that a comparison holds every option to, and what a fleet or an API says of its own service."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, PositiveShare, Share

WhereMissed = Literal["infeasible", "size"]


class ServiceLevel(Model):
    """Times and shares that every option has to keep at the scenario's own volume."""

    first_token_s: Positive | None = Field(
        default=None, description="Longest time from request to first token, waiting included. [s]"
    )
    time_per_token_s: Positive | None = Field(default=None, description="Longest time per output token after it. [s]")
    late_share: Share = Field(
        default=0.05,
        description="Share of the requests that may be later than first_token_s, and that may be slower than "
        "time_per_token_s. [1]",
    )
    unserved_share: Share | None = Field(
        default=None, description="Share of the requests that may be turned away; left out: any. [1]"
    )
    availability_share: PositiveShare | None = Field(
        default=None, description="Least share of the requests that find enough of the service up. [1]"
    )
    where_missed: WhereMissed = Field(
        default="infeasible",
        description="An option that misses it is left out, or a fleet gets as many more replicas as it takes: the "
        "least count of a fixed fleet, else the fewest spare replicas or the highest target_share, as costs less.",
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> ServiceLevel:
        timed = self.first_token_s is not None or self.time_per_token_s is not None
        if "late_share" in self.model_fields_set and not timed:
            text = f"is {self.late_share:g}, must be given with first_token_s or time_per_token_s: later than what?"
            raise PydanticCustomError("at_key", "{text}", {"key": "late_share", "text": text})
        if not timed and self.unserved_share is None and self.availability_share is None:
            text = "is empty, must give first_token_s, time_per_token_s, unserved_share or availability_share"
            raise PydanticCustomError("at_key", "{text}", {"key": "", "text": text})
        return self


class Slots(Model):
    """Requests that a replica serves side by side, and how long one holds its place; for waits and first tokens."""

    per_replica: Positive = Field(description="Calls that a replica serves side by side at full load.")
    service_s: Positive | None = Field(
        default=None,
        description="Time that a call holds its slot at full load, in place of a throughput, which is then slots over "
        "this; left out: slots over the throughput. [s]",
    )
    service_scv: Annotated[NonNegative, Field(le=100)] | None = Field(
        default=None,
        description="Variance of that time over its squared mean; left out: that of the answers' lengths where they "
        "are distributions, else 1, as exponential times have. [1]",
    )
    prefill_s: NonNegative | None = Field(
        default=None, description="From the start of service to the first token; left out: the estimate's, else 0. [s]"
    )
    time_per_token_s: Positive | None = Field(
        default=None, description="Time per output token; left out: the estimate's, else not known. [s]"
    )


class ReplicaFailures(Model):
    """How often a replica fails, and how long it is gone."""

    per_replica_hour: NonNegative | None = Field(
        default=None, description="Failures of a replica that is up. [1 per h]"
    )
    mean_hours_between: Positive | None = Field(
        default=None, description="Mean time a replica is up between two failures, in place of per_replica_hour. [h]"
    )
    repair_s: NonNegative = Field(description="Mean time from a failure until a replica serves again. [s]")

    @model_validator(mode="after")
    def _one(self) -> ReplicaFailures:
        if (self.per_replica_hour is None) == (self.mean_hours_between is None):
            given = "none" if self.per_replica_hour is None else "both"
            text = f"must hold exactly one of per_replica_hour, mean_hours_between; holds {given}"
            raise PydanticCustomError("at_key", "{text}", {"key": "", "text": text})
        return self

    @property
    def rate_per_hour(self) -> float:
        """Failures of a replica that is up. [1 per h]"""
        if self.per_replica_hour is not None:
            return self.per_replica_hour
        return 1.0 / (self.mean_hours_between or 1.0)


class ApiLatency(Model):
    """Times of an API as measured or promised."""

    keys_in_words: ClassVar[str] = "times and their source"

    ttft_p50_s: Positive | None = Field(default=None, description="Time to the first token, median. [s]")
    ttft_p95_s: Positive | None = Field(default=None, description="The same, 95th percentile. [s]")
    ttft_p99_s: Positive | None = Field(default=None, description="The same, 99th percentile. [s]")
    tpot_s: Positive | None = Field(default=None, description="Time per output token after the first. [s]")
    source: str = Field(min_length=1, description="Where the figures come from.")
    as_of: date | None = Field(default=None, description="Date of the figures.")

    @model_validator(mode="after")
    def _rising(self) -> ApiLatency:
        least, of = 0.0, ""
        for key in ("ttft_p50_s", "ttft_p95_s", "ttft_p99_s"):
            value = getattr(self, key)
            if value is None:
                continue
            if value < least:
                text = f"is {value:g}, must be at least {of}, {least:g}"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
            least, of = value, key
        return self

    @property
    def percentiles(self) -> tuple[tuple[float, float], ...]:
        """Share of the requests that take longer, and the time, of each percentile given."""
        given = ((0.5, self.ttft_p50_s), (0.05, self.ttft_p95_s), (0.01, self.ttft_p99_s))
        return tuple((share, value) for share, value in given if value is not None)
