"""A scenario: demand, the options to serve it, and which of them are compared."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.api_options import ApiOption
from simulator.domain.base import Finite, Model, Positive, Whole
from simulator.domain.budget import Finance
from simulator.domain.defaults import DEFAULT_START
from simulator.domain.deferrable import check_deferrable
from simulator.domain.hardware_changes import changed_options
from simulator.domain.levers import Levers
from simulator.domain.options import DedicatedEndpoint, Option, SelfHostedOption
from simulator.domain.people import Requirements
from simulator.domain.references import check_references, handed_on
from simulator.domain.service_level import ServiceLevel
from simulator.domain.sizing import check_sizing
from simulator.domain.traffic import Traffic
from simulator.domain.uncertainty import Uncertainty
from simulator.domain.units import (
    HOURS_PER_DAY,
    HOURS_PER_MONTH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MONTH,
)
from simulator.domain.workload import Mix, RequestClass, ServedCalls, check_shares, mix_of, served_calls_of

MOST_STEPS = 12_000_000
MOST_WINDOW_STEPS = 100_000
MOST_MONTHS = 120


Length = Annotated[Finite, Field(gt=0)]  # of time; bounded by the checks below


class Horizon(Model):
    """The simulated time: start, length and step."""

    start: date = Field(default=DEFAULT_START, description="First day, from midnight UTC.")
    months: Length | None = Field(default=None, description="Length in months of 730 h; 12 where no length is given.")
    days: Length | None = Field(default=None, description="Length in days.")
    hours: Length | None = Field(default=None, description="Length in hours.")
    step_s: Length = Field(default=300.0, description="Length of a time step. [s]")

    @field_validator("start")
    @classmethod
    def _start_in_range(cls, start: date) -> date:
        if not 2000 <= start.year <= 2100:
            raise ValueError(f"is {start}, must be a date from 2000-01-01 to 2100-12-31")
        return start

    @model_validator(mode="after")
    def _whole_steps(self) -> Horizon:
        given = [name for name in ("months", "days", "hours") if getattr(self, name) is not None]
        if len(given) > 1:
            text = f"must not be given together with {given[0]}"
            raise PydanticCustomError("at_key", "{text}", {"key": given[1], "text": text})
        key = given[0] if given else "step_s"
        if self.duration_s > MOST_MONTHS * SECONDS_PER_MONTH * (1 + 1e-12):
            text = f"is {getattr(self, key):g}, must be at most {MOST_MONTHS} months of 730 h in all"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if self.step_s > SECONDS_PER_MONTH:
            text = f"is {self.step_s:g}, must be at most {SECONDS_PER_MONTH:g}, a month"
            raise PydanticCustomError("at_key", "{text}", {"key": "step_s", "text": text})
        steps = self.duration_s / self.step_s
        if steps > MOST_STEPS:
            text = f"is {self.step_s:g}, gives {steps:.3g} steps, must give at most {MOST_STEPS:,}"
            raise PydanticCustomError("at_key", "{text}", {"key": "step_s", "text": text})
        if steps < 1 - 1e-9 or abs(steps - round(steps)) > 1e-6:
            text = f"is {self.step_s:g}, must divide the horizon of {self.duration_s:g} s into whole steps"
            raise PydanticCustomError("at_key", "{text}", {"key": "step_s", "text": text})
        return self

    @property
    def duration_s(self) -> float:
        """Length of the horizon. [s]"""
        if self.hours is not None:
            return self.hours * SECONDS_PER_HOUR
        if self.days is not None:
            return self.days * HOURS_PER_DAY * SECONDS_PER_HOUR
        return (12.0 if self.months is None else self.months) * SECONDS_PER_MONTH

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return round(self.duration_s / self.step_s)

    @property
    def bill_months(self) -> int:
        """Number of bill months: blocks of 730 h from the start, the last one maybe short."""
        return max(1, math.ceil(self.duration_s / SECONDS_PER_MONTH - 1e-9))

    @property
    def calendar_days(self) -> int:
        """Number of days UTC that the horizon touches."""
        return max(1, math.ceil(self.duration_s / SECONDS_PER_DAY - 1e-9))

    @property
    def in_months(self) -> float:
        """Length of the horizon in months of 730 h."""
        return self.duration_s / SECONDS_PER_MONTH

    @property
    def start_utc(self) -> datetime:
        """Start as an aware moment."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    def month_start_utc(self, month: int) -> datetime:
        """Start of bill month `month`, 730 h after the one before."""
        return self.start_utc + timedelta(hours=month * HOURS_PER_MONTH)


class Comparison(Model):
    """Which option the others are held against."""

    baseline: str = Field(min_length=1, description="Option held against; commonly the API in use.")
    challengers: tuple[str, ...] = Field(min_length=1, description="Options that may replace the baseline.")


class VolumeRange(Model):
    """The volumes of the curve drawn and written. Crossings are searched over every volume all the same."""

    minimum_tokens_per_month: Positive | None = Field(default=None, description="Left end. [tokens per month]")
    maximum_tokens_per_month: Positive | None = Field(default=None, description="Right end. [tokens per month]")
    points: Annotated[Whole, Field(ge=2, le=4096)] = Field(default=256, description="Volumes between the ends.")

    @model_validator(mode="after")
    def _ordered(self) -> VolumeRange:
        low, high = self.minimum_tokens_per_month, self.maximum_tokens_per_month
        if low is not None and high is not None and high <= low:
            text = f"is {high:g}, must be greater than minimum_tokens_per_month {low:g}"
            raise PydanticCustomError("at_key", "{text}", {"key": "maximum_tokens_per_month", "text": text})
        return self


def _durations(model: Model, path: str) -> dict[str, float]:
    """Every duration of a policy by its key. [s]"""
    found: dict[str, float] = {}
    for key in type(model).model_fields:
        value = getattr(model, key)
        if isinstance(value, Model):
            found |= _durations(value, f"{path}.{key}")
        elif key.endswith("_s") and isinstance(value, float):
            found[f"{path}.{key}"] = value
    return found


class Scenario(Model):
    """Everything a run needs to know, as the user wrote it."""

    title: str = Field(min_length=1, max_length=200, description="Headline of report and chart.")
    horizon: Horizon = Field(default_factory=Horizon, description="The simulated time.")
    seed: Whole = Field(default=1, description="Seed of every random stream.")
    traffic: Traffic = Field(description="Volume and shape of the demand.")
    workload: dict[str, RequestClass] = Field(
        description="Request classes by name; may be left out where a preset or a recording tells the lengths."
    )
    options: dict[str, Option] = Field(description="Ways to serve the demand, by name.")
    comparison: Comparison | None = Field(
        default=None, description="Left out: the first option of kind api against every other option."
    )
    volume_range: VolumeRange = Field(default_factory=VolumeRange, description="Volumes of the curve.")
    requirements: Requirements = Field(
        default_factory=Requirements, description="What an option must have; one that has not is infeasible."
    )
    service_level: ServiceLevel | None = Field(
        default=None, description="Service that every option is held to, so that costs are compared at equal service."
    )
    finance: Finance = Field(default_factory=Finance, description="Rate of discount, revenue, tasks.")
    uncertainty: Uncertainty | None = Field(
        default=None, description="What is not known exactly; `run` takes the medians, `risk` tells what follows."
    )
    levers: Levers = Field(
        default_factory=Levers, description="Assumptions of `breakeven levers`; `run` has no use for it."
    )
    _written: Any = PrivateAttr(default=None)  # where inputs are uncertain: the data that paths are made from

    @field_validator("workload")
    @classmethod
    def _shares_add_up(cls, workload: dict[str, RequestClass]) -> dict[str, RequestClass]:
        check_shares(workload)
        return workload

    @field_validator("options")
    @classmethod
    def _names(cls, options: dict[str, Option]) -> dict[str, Option]:
        if len(options) < 2:
            raise ValueError("must hold at least two options: one to compare and one to compare it with")
        for name in options:
            if not name or name == "reject" or any(c in name for c in "/\\\0\n") or len(name) > 60:
                text = "is no name for an option; use at most 60 letters, digits, dots and dashes, not 'reject'"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        return options

    @model_validator(mode="after")
    def _references(self) -> Scenario:
        self._check_comparison()
        for name, option in self.options.items():
            if isinstance(option, SelfHostedOption):
                self._check_windows(name, option)
                for place, later in enumerate(self._changed(name, option)):
                    self._check_windows(f"{name}.hardware_changes[{place}]", later)
        check_references(self.options, self.workload)
        check_deferrable(
            self.workload,
            has_fleet=any(isinstance(option, SelfHostedOption) for option in self.options.values()),
            most_s=MOST_WINDOW_STEPS * self.horizon.step_s,
            horizon_s=self.horizon.duration_s,
        )
        check_sizing(self.options, self.service_level)
        return self

    def _changed(self, name: str, option: SelfHostedOption) -> tuple[SelfHostedOption, ...]:
        try:
            return changed_options(option)
        except PydanticCustomError as error:
            context = error.context or {}
            where = {"key": f"options.{name}.{context['key']}", "text": context["text"]}
            raise PydanticCustomError("at_key", "{text}", where) from None

    def _check_windows(self, name: str, option: SelfHostedOption) -> None:
        """Refuse windows of so many steps that their memory would not fit."""
        if option.cold_start_s > self.horizon.duration_s and "cold_start_s" in option.model_fields_set:
            text = f"is {option.cold_start_s:g}, must be at most the horizon of {self.horizon.duration_s:g} s"
            raise PydanticCustomError("at_key", "{text}", {"key": f"options.{name}.cold_start_s", "text": text})
        longest_s = MOST_WINDOW_STEPS * self.horizon.step_s
        for key, rental in option.rentals.items():
            if rental.billing_period_s > longest_s:
                text = f"is '{rental.billed_by}', must be at most {MOST_WINDOW_STEPS:,} steps, {longest_s:g} s"
                raise PydanticCustomError("at_key", "{text}", {"key": f"options.{name}.{key}.billed_by", "text": text})
        windows = {"cold_start_s": option.cold_start_s, "minimum_up_s": option.minimum_up_s}
        windows |= _durations(option.autoscaling, "autoscaling")
        if isinstance(option, DedicatedEndpoint) and "autoscaling.stabilisation_s" in windows:
            windows["idle_timeout_s"] = windows.pop("autoscaling.stabilisation_s")
        for key, seconds in windows.items():
            if seconds > longest_s:
                text = f"is {seconds:g}, must be at most {MOST_WINDOW_STEPS:,} steps of {self.horizon.step_s:g} s"
                raise PydanticCustomError("at_key", "{text}", {"key": f"options.{name}.{key}", "text": text})

    def _check_comparison(self) -> None:
        allowed = ", ".join(self.options)
        if self.comparison is None:
            return
        if self.comparison.baseline not in self.options:
            text = f"is '{self.comparison.baseline}', must be one of {allowed}"
            raise PydanticCustomError("at_key", "{text}", {"key": "comparison.baseline", "text": text})
        seen = {self.comparison.baseline}
        for index, name in enumerate(self.comparison.challengers):
            key = f"comparison.challengers[{index}]"
            if name not in self.options:
                text = f"is '{name}', must be one of {allowed}"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
            if name in seen:
                text = f"is '{name}', must be an option not compared already"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
            seen.add(name)

    @property
    def baseline(self) -> str:
        """Name of the option held against: as given, else the first of kind api, else the first."""
        if self.comparison is not None:
            return self.comparison.baseline
        apis = [name for name, option in self.options.items() if isinstance(option, ApiOption)]
        return apis[0] if apis else next(iter(self.options))

    @property
    def challengers(self) -> tuple[str, ...]:
        """Names of the options that may replace the baseline."""
        if self.comparison is not None:
            return self.comparison.challengers
        return tuple(name for name in self.options if name != self.baseline)

    @property
    def mix(self) -> Mix:
        """Mean request of the workload, as it is asked."""
        return mix_of(self.workload)

    @property
    def served_calls(self) -> ServedCalls:
        """Calls that an option serves for a mean request."""
        return served_calls_of(self.workload)

    @property
    def tokens_per_month(self) -> float:
        """The scenario's own volume: mean demand of month 0. [tokens per month]"""
        return self.traffic.mean_tokens_per_month(self.mix.total_tokens)

    @property
    def requests_per_month(self) -> float:
        """The scenario's own volume. [requests per month]"""
        return self.tokens_per_month / self.mix.total_tokens

    @property
    def planned(self) -> tuple[str, ...]:
        """Options that stand by themselves: compared, a target of overflow, or such as nothing is handed on to."""
        led_to = {target for option in self.options.values() for target in handed_on(option)}
        needed = {self.baseline, *self.challengers} if led_to else set()
        if led_to - needed:
            needed |= {target for name in self.options if (target := self.overflow_target(name)) is not None}
        return tuple(name for name in self.options if name not in led_to or name in needed)

    def escalation_target(self, name: str) -> str | None:
        """Option of kind api that answers once more a share of what fleet `name` has served; None: there is none."""
        option = self.options[name]
        if not isinstance(option, SelfHostedOption) or option.escalation is None:
            return None
        return option.escalation.option or self.overflow_target(name)

    def overflow_target(self, name: str) -> str | None:
        """Option of kind api that serves the overflow of fleet `name`; None: it is rejected."""
        option = self.options[name]
        if not isinstance(option, SelfHostedOption) or option.overflow == "reject":
            return None
        if option.overflow is not None:
            return option.overflow
        apis = [key for key, other in self.options.items() if type(other) is ApiOption]
        return self.baseline if self.baseline in apis else next(iter(apis), None)
