"""Demand as the user writes it: a volume, its growth, and a shape or a blend of several."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Positive, Real
from simulator.domain.growth import ExponentialGrowth, Growth
from simulator.domain.random_parts import TokenLengths
from simulator.domain.shape import GENERATED_KEYS, BlendPart, Shape
from simulator.domain.units import DAYS_PER_MONTH, SECONDS_PER_MONTH

VOLUME_KEYS = ("tokens_per_month", "tokens_per_day", "requests_per_month", "requests_per_day", "daily_users")


class Traffic(Shape):
    """Volume and shape of the demand. Exactly one way to give the volume; a recording has one of its own."""

    tokens_per_month: Positive | None = Field(default=None, description="Input and output tokens in 730 h.")
    tokens_per_day: Positive | None = Field(default=None, description="Input and output tokens a day.")
    requests_per_month: Positive | None = Field(default=None, description="Requests in 730 h.")
    requests_per_day: Positive | None = Field(default=None, description="Requests a day.")
    daily_users: Positive | None = Field(default=None, description="Users a day.")
    sessions_per_user: Positive = Field(default=1.0, description="Sessions of a user a day.")
    queries_per_session: Positive = Field(default=1.0, description="Requests of a session.")
    growth_per_month: Annotated[Real, Field(gt=-1, le=10)] = Field(
        default=0.0, description="Growth of the volume from month to month; month m has (1 + g)^m. [1]"
    )
    growth: Growth | None = Field(default=None, description="Growth of another kind.")
    blend: dict[str, BlendPart] = Field(
        default_factory=dict, description="Several demands by name, each with its share, instead of one shape."
    )
    counts: Literal["expected", "poisson"] = Field(
        default="expected",
        description="Whether the expected requests arrive in every minute, or whole numbers at random around them.",
    )
    token_lengths: TokenLengths | None = Field(
        default=None, description="How lengths vary from request to request and over time; left out: not at all."
    )

    @field_validator("blend", mode="before")
    @classmethod
    def _no_blend(cls, given: object) -> object:
        return {} if given is None else given

    @model_validator(mode="after")
    def _one_volume(self) -> Traffic:
        given = [key for key in VOLUME_KEYS if getattr(self, key) is not None]
        if len(given) != 1 and (given or self.kind != "trace"):
            text = f"must hold exactly one of {', '.join(VOLUME_KEYS)}; holds {', '.join(given) or 'none'}"
            raise PydanticCustomError("at_key", "{text}", {"key": given[1] if given else "", "text": text})
        if self.daily_users is None and (self.sessions_per_user != 1 or self.queries_per_session != 1):
            key = "sessions_per_user" if self.sessions_per_user != 1 else "queries_per_session"
            text = "must be given with daily_users only"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if self.growth is not None and self.growth_per_month != 0:
            text = "must not be given together with growth"
            raise PydanticCustomError("at_key", "{text}", {"key": "growth_per_month", "text": text})
        return self

    @model_validator(mode="after")
    def _blend_adds_up(self) -> Traffic:
        if not self.blend:
            return self
        for key in ("kind", "preset", "timezone", "shift_hours", "file", *GENERATED_KEYS):
            if getattr(self, key) != type(self).model_fields[key].get_default(call_default_factory=True):
                text = "must not be given together with blend, whose parts have their own"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        total = math.fsum(part.share for part in self.blend.values())
        if abs(total - 1.0) > 1e-6:
            last = list(self.blend)[-1]
            text = f"is {self.blend[last].share:g}, all shares together are {total:g}, must add to 1"
            raise PydanticCustomError("at_key", "{text}", {"key": f"blend.{last}.share", "text": text})
        return self

    @property
    def fingerprint(self) -> str:
        """What decides the draws, as text: everything but the volume, and what a recording holds."""
        recorded = [shape.recorded.digest for _, shape in self.shapes.values() if shape.recorded is not None]
        return self.model_dump_json(exclude={*VOLUME_KEYS, "preset"}) + "".join(recorded)

    @property
    def lengths_vary(self) -> bool:
        """Whether mean lengths change over time, or single ones from request to request."""
        if self.token_lengths is not None:
            return self.token_lengths != TokenLengths()
        return self.kind == "trace"

    @property
    def shapes(self) -> dict[str, tuple[float, Shape]]:
        """Shares and shapes of the demands that add up, by name; a single one has the empty name."""
        if self.blend:
            return {name: (part.share, part) for name, part in self.blend.items()}
        return {"": (1.0, self)}

    @property
    def growth_law(self) -> Growth:
        """Growth, of whichever kind."""
        return self.growth if self.growth is not None else ExponentialGrowth(per_month=self.growth_per_month)

    def requests_per_month_at(self, tokens_per_request: float) -> float:
        """Mean demand of month 0 in requests per month of 730 h, at so many tokens per request."""
        if self.tokens_per_month is not None:
            return self.tokens_per_month / tokens_per_request
        if self.tokens_per_day is not None:
            return self.tokens_per_day * DAYS_PER_MONTH / tokens_per_request
        if self.requests_per_month is not None:
            return self.requests_per_month
        if self.requests_per_day is not None:
            return self.requests_per_day * DAYS_PER_MONTH
        if self.daily_users is not None:
            return self.daily_users * self.sessions_per_user * self.queries_per_session * DAYS_PER_MONTH
        return self.recorded.mean_requests_per_s * SECONDS_PER_MONTH if self.recorded is not None else 0.0

    def mean_tokens_per_month(self, tokens_per_request: float) -> float:
        """Mean demand of month 0 in tokens per month of 730 h, at so many tokens per request."""
        return self.requests_per_month_at(tokens_per_request) * tokens_per_request
