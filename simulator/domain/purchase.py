"""How replicas are bought: the rent and its terms, a reserved base, a share on spot, several sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Duration, Finite, Model, NonNegative, Positive, PositiveShare, Share, Whole
from simulator.domain.commercial_terms import PriceDecline, check_days_rise
from simulator.domain.models_and_gpus import Contract
from simulator.domain.rates_over_time import TERM_OF_CONTRACT, RateChange, RateCourse, TermMonths
from simulator.domain.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

BilledBy = Literal["second", "minute", "hour"]
# Longer periods than a step count; a second never does: it is what the simulation bills by anyway.
PERIODS_S: dict[str, float] = {"second": 0.0, "minute": SECONDS_PER_MINUTE, "hour": SECONDS_PER_HOUR}


class SpotPurchase(Model):
    """A share of the replicas above the base that is cheaper, and that the provider may take back."""

    share: PositiveShare = Field(description="Share of the replicas above a reserved base that is on spot. [1]")
    usd_per_gpu_hour: NonNegative | None = Field(default=None, description="Rent of one GPU on spot. [USD/h]")
    discount_share: Share | None = Field(default=None, description="Saving on the rent, in place of a rent. [1]")
    interruptions_per_replica_hour: Annotated[Finite, Field(ge=0, le=60)] = Field(
        description="How often a replica that runs is taken back. [1/h]"
    )
    notice_s: Duration = Field(default=0.0, description="Between the notice and the loss; a new one is asked for. [s]")
    wait_s: Duration = Field(default=0.0, description="Until a new one can be had; then it starts cold. [s]")
    changes: tuple[RateChange, ...] = Field(
        default=(), description="Dated changes of a given rent on spot, in order of their days."
    )
    price_decline: PriceDecline | None = Field(default=None, description="A given rent on spot that falls by the year.")

    @field_validator("changes")
    @classmethod
    def _in_order(cls, changes: tuple[RateChange, ...]) -> tuple[RateChange, ...]:
        check_days_rise(changes)
        return changes

    @model_validator(mode="after")
    def _priced(self) -> SpotPurchase:
        if (self.usd_per_gpu_hour is None) == (self.discount_share is None):
            text = "must be given, or discount_share, not both"
            raise PydanticCustomError("at_key", "{text}", {"key": "usd_per_gpu_hour", "text": text})
        for key in ("changes", "price_decline"):
            if self.discount_share is not None and getattr(self, key):
                text = "must not be given with discount_share, which follows the rent"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        return self


class ReservedBase(Model):
    """Replicas that are paid whether they are used or not, and so run all the time; the fleet scales above them."""

    replicas: Whole | Literal["auto"] = Field(
        description="Replicas reserved; `auto`: as many as cost least at the scenario's volume."
    )
    usd_per_gpu_hour: Positive | None = Field(
        default=None, description="Rent of one reserved GPU; left out: the provider's at the contract. [USD/h]"
    )
    contract: Contract = Field(default="reserved_1y", description="Contract to look up at the provider of the rental.")
    changes: tuple[RateChange, ...] = Field(
        default=(), description="Dated changes of what is asked for it, in order of their days."
    )
    price_decline: PriceDecline | None = Field(default=None, description="What is asked for it falls by the year.")
    renewal_months: TermMonths | None = Field(
        default=None,
        description="Term of the contract: the rate stays, and at each renewal is the one asked for then; left out: 12 "
        "or 36 by the contract, else it moves at once. [months of 730 h]",
    )

    @field_validator("changes")
    @classmethod
    def _in_order(cls, changes: tuple[RateChange, ...]) -> tuple[RateChange, ...]:
        check_days_rise(changes)
        return changes

    @property
    def term_months(self) -> float | None:
        """How long the contract fixes the rate; None: it moves at once. [months]"""
        return self.renewal_months or TERM_OF_CONTRACT.get(self.contract)


@dataclass(frozen=True)
class BaseTerms:
    """A reserved base as plain numbers; `replicas` None: to be found."""

    replicas: int | None
    usd_per_replica_hour: float
    course: RateCourse | None = None  # of that rate over time; None: it stays


@dataclass(frozen=True)
class SiteTerms:
    """A place where replicas are rented, as plain numbers."""

    name: str
    usd_per_replica_hour: float
    replicas: float = math.inf  # that the provider's quota holds
    billing_period_s: float = 0.0
    course: RateCourse | None = None  # of the rent over time; None: it stays


@dataclass(frozen=True)
class Quota:
    """What providers grant: GPUs, and the replicas on them in whole machines."""

    gpus: int
    replicas: int


def cheapest_base(replicas: list[float], base_usd_per_hour: float, other_usd_per_hour: float) -> int:
    """Base that costs least for a fleet that wants so many replicas step by step.

    Parameters
    ----------
    replicas : list of float
        Replicas in each step, all steps of one length.
    base_usd_per_hour, other_usd_per_hour : float
        Price of a replica of the base, paid always, and of one above it, paid while it runs. [USD/h]

    Returns
    -------
    int
        [replicas]

    Notes
    -----
    Cost per hour of a base b is base x b + other x E[(n - b)+], convex in b: one more pays as long as more than
    base / other of the steps want more than b replicas. That is a quantile of the load-duration curve.
    """
    if not replicas or base_usd_per_hour >= other_usd_per_hour:
        return 0
    ordered = sorted(replicas)
    most_below = len(ordered) * (1.0 - base_usd_per_hour / other_usd_per_hour)
    place = min(int(most_below + 1e-9), len(ordered) - 1)
    return int(ordered[place] + 1e-9)
