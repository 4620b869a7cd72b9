"""The base of everything a user or the catalogue writes: frozen, checked when made, no unknown keys."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, AllowInfNan, BaseModel, ConfigDict, Field, Strict

# Numbers are strict (a quoted number or `true` is a fault) and finite. Scenario fields are typed with these aliases,
# so that one place decides what may stand for a number.
# They are bounded so far out that no product of a few of them overflows, and no quotient either.


def _not_tiny(value: float) -> float:
    if 0 < value < 1e-12:
        raise ValueError(f"is {value:g}, must be at least 1e-12")
    return value


Finite = Annotated[float, Strict(), AllowInfNan(False)]
Real = Annotated[Finite, Field(ge=-1e24, le=1e24)]
NonNegative = Annotated[Finite, Field(ge=0, le=1e24)]
Positive = Annotated[Finite, Field(gt=0, le=1e24), AfterValidator(_not_tiny)]
Share = Annotated[Finite, Field(ge=0, le=1)]
PositiveShare = Annotated[Finite, Field(gt=0, le=1), AfterValidator(_not_tiny)]
Duration = Annotated[Finite, Field(ge=0, le=3.2e8)]  # in seconds: up to ten years
Patience = Annotated[float, Strict(), Field(ge=0)]  # in seconds; may be infinite: no limit
Whole = Annotated[int, Strict(), Field(ge=0, le=10**12)]
PositiveWhole = Annotated[int, Strict(), Field(ge=1, le=10**12)]
Flag = Annotated[bool, Strict()]


class Model(BaseModel):
    """A frozen object whose fields are checked when it is made; unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Sourced(Model):
    """A figure or a row of figures with where it comes from and as of when."""

    source: str = Field(min_length=1, description="Where the figure was read: page, repository or data set.")
    as_of: date | None = Field(description="Date of the figure; null where the source carries none.")
    unverified: Flag = Field(default=False, description="True for weak, second-hand or undated single-source figures.")
    note: str | None = Field(default=None, description="What a reader of the figure should know.")
