"""What running a fleet takes besides its GPUs, as the user writes it: work, licences, monitoring, storage, egress."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Flag, Model, NonNegative, PositiveWhole
from simulator.domain.people import PeopleAndFixed

MOST_WEEKS = 520.0  # ten years, as long as a horizon may be

Months = Annotated[Finite, Field(ge=0.05, le=1200)]
Weeks = Annotated[Finite, Field(ge=0, le=MOST_WEEKS)]


def _refuse(key: str, text: str) -> PydanticCustomError:
    return PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class Migration(Model):
    """Work to move to the fleet, and to keep it on current software."""

    person_weeks: NonNegative = Field(default=0.0, description="Work of the move, once. [person-weeks]")
    replatforming_person_weeks_per_year: NonNegative = Field(
        default=0.0, description="New engines, drivers and models, every year. [person-weeks per year]"
    )


class SecurityReview(Model):
    """Review before the first request, once."""

    person_weeks: NonNegative = Field(default=0.0, description="Work of one's own people. [person-weeks]")
    usd: NonNegative = Field(default=0.0, description="What others take for it. [USD]")


class Licence(Model):
    """Fees for software, by the size of the fleet at the month's peak."""

    usd_per_month: NonNegative = Field(default=0.0, description="Whatever the size. [USD per month]")
    usd_per_gpu_month: NonNegative = Field(default=0.0, description="For every GPU. [USD per GPU and month]")
    usd_per_node_month: NonNegative = Field(default=0.0, description="For every machine. [USD per machine and month]")

    @model_validator(mode="after")
    def _priced(self) -> Licence:
        names = ("usd_per_month", "usd_per_gpu_month", "usd_per_node_month")
        if not self.model_fields_set.intersection(names):
            raise _refuse("", f"must hold at least one of {', '.join(names)}; holds none")
        return self


class FineTuning(Model):
    """A model tuned or distilled for the purpose: trained before the start, and again at intervals."""

    usd: NonNegative = Field(default=0.0, description="Computing and examples for one training. [USD]")
    person_weeks: NonNegative = Field(default=0.0, description="Work of one training. [person-weeks]")
    repeat_months: Months | None = Field(
        default=None, description="Interval from training to training; left out: trained once. [months of 730 h]"
    )


class Monitoring(Model):
    """Watching the machines, by the size of the fleet at the month's peak."""

    usd_per_node_month: NonNegative | None = Field(
        default=None,
        description="For every machine; left out: the catalogue's figure, 0 where it is given by GPU. "
        "[USD per machine and month]",
    )
    usd_per_gpu_month: NonNegative = Field(default=0.0, description="For every GPU. [USD per GPU and month]")
    tracing: Flag = Field(default=False, description="Whether the catalogue's figure is with tracing of requests.")

    @property
    def is_looked_up(self) -> bool:
        """Whether the catalogue tells what a machine costs."""
        return self.usd_per_node_month is None and "usd_per_gpu_month" not in self.model_fields_set

    @model_validator(mode="after")
    def _priced_once(self) -> Monitoring:
        if self.tracing and not self.is_looked_up:
            raise _refuse("tracing", "is true, must not be given where a price is")
        return self


class Storage(Model):
    """Where weights and logs are kept."""

    service: str | None = Field(default=None, min_length=1, description="Service in the catalogue, e.g. google-object.")
    usd_per_gb_month: NonNegative | None = Field(default=None, description="Its price. [USD per GB and month]")
    weights_gb: NonNegative | None = Field(
        default=None, description="Weights of one model; left out: parameters x bytes of their precision. [GB]"
    )
    copies: PositiveWhole = Field(default=1, description="Copies of the weights that are kept: versions, regions.")
    gb_per_node: NonNegative = Field(default=0.0, description="Disk of every machine at the month's peak. [GB]")

    @model_validator(mode="after")
    def _priced_once(self) -> Storage:
        if (self.service is None) == (self.usd_per_gb_month is None):
            held = "none" if self.service is None else "service, usd_per_gb_month"
            raise _refuse("", f"must hold exactly one of service, usd_per_gb_month; holds {held}")
        return self


class Logs(Model):
    """What is written down of every request that the fleet serves."""

    bytes_per_request: NonNegative = Field(description="Written for a request, all its calls. [bytes]")
    usd_per_gb: NonNegative | None = Field(
        default=None, description="Taking them in; left out: the catalogue's figure. [USD per GB]"
    )
    indexed_events_per_request: NonNegative = Field(default=0.0, description="Entries that are made searchable.")
    usd_per_million_events: NonNegative | None = Field(
        default=None, description="Making them so; left out: the catalogue's figure. [USD per 10^6 events]"
    )
    kept_months: NonNegative = Field(
        default=0.0, description="How long they are kept in `storage`, paid for when written. [months of 730 h]"
    )


class EgressStep(Model):
    """A price from a monthly amount on."""

    from_gb: NonNegative = Field(default=0.0, description="Where it begins. [GB per month]")
    usd_per_gb: NonNegative = Field(description="What lies above costs. [USD per GB]")


class Egress(Model):
    """Answers that leave the provider's network: graduated by the month's amount."""

    provider: str | None = Field(
        default=None, min_length=1, description="Provider in the catalogue; left out: the rental's, without a price."
    )
    usd_per_gb: NonNegative | None = Field(default=None, description="One price for all. [USD per GB]")
    free_gb: NonNegative | None = Field(default=None, description="Free every month, before it. [GB per month]")
    steps: tuple[EgressStep, ...] = Field(default=(), description="Prices in steps, the first from 0 on.")
    bytes_per_output_token: NonNegative | None = Field(
        default=None,
        description="What an output token is on the wire; left out: its text alone, the catalogue's rule of thumb. "
        "[bytes]",
    )

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[EgressStep, ...]) -> tuple[EgressStep, ...]:
        for place, step in enumerate(steps):
            if place == 0 and step.from_gb != 0:
                raise _refuse("[0].from_gb", f"is {step.from_gb:g}, must be 0 in the first step")
            if place > 0 and step.from_gb <= steps[place - 1].from_gb:
                before = steps[place - 1].from_gb
                raise _refuse(f"[{place}].from_gb", f"is {step.from_gb:g}, must be above the step before, {before:g}")
        return steps

    @model_validator(mode="after")
    def _priced_once(self) -> Egress:
        given = [name for name in ("provider", "usd_per_gb", "steps") if getattr(self, name) not in (None, ())]
        if len(given) > 1:
            raise _refuse(given[1], f"must not be given together with {given[0]}")
        if self.free_gb is not None and self.usd_per_gb is None:
            raise _refuse("free_gb", f"is {self.free_gb:g}, must be given with usd_per_gb only")
        return self


class OperatingCosts(PeopleAndFixed):
    """What running a fleet takes besides its GPUs."""

    migration: Migration | None = Field(default=None, description="Work to move to the fleet, and to keep it current.")
    security_review: SecurityReview | None = Field(default=None, description="Review before the start, once.")
    licences: dict[str, Licence] = Field(default_factory=dict, description="Fees for software, by name.")
    fine_tuning: FineTuning | None = Field(default=None, description="A model tuned or distilled for the purpose.")
    monitoring: Monitoring | None = Field(default=None, description="Watching the machines.")
    storage: Storage | None = Field(default=None, description="Where weights and logs are kept.")
    logs: Logs | None = Field(default=None, description="What is written down of every request served.")
    egress: Egress | None = Field(default=None, description="Answers that leave the provider's network.")
    load_balancer_usd_per_month: NonNegative = Field(default=0.0, description="In front of it. [USD per month]")
    control_plane_usd_per_month: NonNegative = Field(
        default=0.0, description="Orchestration, e.g. a managed Kubernetes. [USD per month]"
    )
    weeks_until_live: Weeks = Field(
        default=0.0,
        description="Until then the fleet is paid and the API of its overflow answers; over time only. [weeks]",
    )

    @model_validator(mode="after")
    def _logs_kept_somewhere(self) -> OperatingCosts:
        if self.logs is not None and self.logs.kept_months > 0 and self.storage is None:
            text = f"is {self.logs.kept_months:g}, must be given with storage, which tells what keeping costs"
            raise _refuse("logs.kept_months", text)
        return self

    @property
    def person_weeks(self) -> float:
        """Work once, in the first year, and for one training: above 0 where persons have to be paid. [person-weeks]"""
        once = [part.person_weeks for part in (self.migration, self.security_review, self.fine_tuning) if part]
        return sum(once) + (self.migration.replatforming_person_weeks_per_year if self.migration else 0.0)
