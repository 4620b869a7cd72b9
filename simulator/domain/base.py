"""The base of everything a user or the catalogue writes: frozen, checked when made, no unknown keys."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, Strict

# Numbers are strict (a quoted number or `true` is a fault) and finite. Scenario fields are typed with these aliases,
# so that one place decides what may stand for a number.
Real = Annotated[float, Strict(), AllowInfNan(False)]
NonNegative = Annotated[Real, Field(ge=0)]
Positive = Annotated[Real, Field(gt=0)]
Share = Annotated[Real, Field(ge=0, le=1)]
PositiveShare = Annotated[Real, Field(gt=0, le=1)]
Duration = Annotated[float, Strict(), Field(ge=0)]  # may be infinite: no limit
Whole = Annotated[int, Strict(), Field(ge=0)]
PositiveWhole = Annotated[int, Strict(), Field(ge=1)]
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
