"""Growth of the volume from month to month, as the user writes it: exponential, linear, logistic, in steps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, Real, Whole

Array = NDArray[Any]  # of float64
PerMonth = Annotated[Real, Field(gt=-1, le=10)]


class ExponentialGrowth(Model):
    """The same share more every month: (1 + g)^m."""

    kind: Literal["exponential"] = "exponential"
    per_month: PerMonth = Field(description="Growth from month to month. [1]")

    def factors(self, months: Array) -> Array:
        """Volume over that of month 0. Shape as `months`."""
        return (1.0 + self.per_month) ** months


class LinearGrowth(Model):
    """The same amount more every month: 1 + g m, never below zero."""

    kind: Literal["linear"] = "linear"
    per_month: Real = Field(description="What every month adds, over the volume of month 0. [1]")

    def factors(self, months: Array) -> Array:
        """Volume over that of month 0. Shape as `months`."""
        return np.maximum(1.0 + self.per_month * months, 0.0)


class LogisticGrowth(Model):
    """Growth towards a ceiling: c / (1 + (c - 1) (1 + g)^-m), exponential while far below it (Verhulst 1838)."""

    kind: Literal["logistic"] = "logistic"
    per_month: Annotated[Positive, Field(le=10)] = Field(description="Growth from month to month far below it. [1]")
    ceiling_to_start: Positive = Field(description="Volume in the end, over that of month 0. [1]")

    def factors(self, months: Array) -> Array:
        """Volume over that of month 0. Shape as `months`."""
        ceiling = self.ceiling_to_start
        return ceiling / (1.0 + (ceiling - 1.0) * (1.0 + self.per_month) ** -months)


class GrowthStep(Model):
    """A volume from a month on."""

    from_month: Annotated[Whole, Field(ge=1, le=1_000)] = Field(description="Months after the start.")
    factor: NonNegative = Field(description="Volume from then on, over that of month 0. [1]")


class SteppedGrowth(Model):
    """Jumps, such as customers who join: each level holds until the next."""

    kind: Literal["steps"] = "steps"
    steps: tuple[GrowthStep, ...] = Field(min_length=1, description="In the order of time.")

    @model_validator(mode="after")
    def _in_order(self) -> SteppedGrowth:
        for index in range(1, len(self.steps)):
            if self.steps[index].from_month <= self.steps[index - 1].from_month:
                text = f"is {self.steps[index].from_month}, must be later than the step before"
                raise PydanticCustomError("at_key", "{text}", {"key": f"steps[{index}].from_month", "text": text})
        return self

    def factors(self, months: Array) -> Array:
        """Volume over that of month 0. Shape as `months`."""
        levels = np.array([1.0, *(step.factor for step in self.steps)])
        return levels[np.searchsorted([step.from_month for step in self.steps], months, side="right")]


Growth = Annotated[ExponentialGrowth | LinearGrowth | LogisticGrowth | SteppedGrowth, Field(discriminator="kind")]
