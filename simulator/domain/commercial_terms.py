"""What a contract with an API provider adds to its list prices: discounts, quotas, commitments, prices over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Protocol

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Model, NonNegative, Positive, Share

MeasuredBy = Literal["usd", "tokens", "requests", "images"]


def _one_of(owner: Model, names: tuple[str, ...], key: str = "") -> str:
    """The one of these fields that is given; refuses none and several."""
    given = [name for name in names if getattr(owner, name) is not None]
    if len(given) != 1:
        text = f"must hold exactly one of {', '.join(names)}; holds {', '.join(given) or 'none'}"
        raise PydanticCustomError("at_key", "{text}", {"key": key or (given[1] if given else ""), "text": text})
    return given[0]


class Dated(Protocol):
    """Something that holds from a day on."""

    @property
    def effective_from(self) -> date:
        """Its first day."""
        ...


def check_days_rise(changes: Sequence[Dated]) -> None:
    """Refuse dated changes that are not in the order of their days."""
    for place, (before, change) in enumerate(pairwise(changes)):
        if change.effective_from <= before.effective_from:
            text = f"is {change.effective_from}, must be after the change before, {before.effective_from}"
            raise PydanticCustomError("at_key", "{text}", {"key": f"[{place + 1}].effective_from", "text": text})


class DiscountTier(Model):
    """A discount from a monthly amount on."""

    from_usd: NonNegative | None = Field(default=None, description="Monthly bill at list prices. [USD per month]")
    from_tokens: NonNegative | None = Field(default=None, description="Billed tokens a month. [tokens per month]")
    discount_share: Share = Field(description="Discount on the list price. [1]")

    @model_validator(mode="after")
    def _measured(self) -> DiscountTier:
        _one_of(self, ("from_usd", "from_tokens"))
        return self

    @property
    def threshold(self) -> float:
        """Amount from which on it holds; reached at exactly this amount."""
        return self.from_usd if self.from_usd is not None else (self.from_tokens or 0.0)


class VolumeDiscount(Model):
    """A discount that grows with the month's volume."""

    kind: Literal["graduated", "all_units"] = Field(
        description="`graduated`: what lies above a threshold is discounted; `all_units`: from there on all of it."
    )
    tiers: tuple[DiscountTier, ...] = Field(min_length=1, description="Discounts, in the order of their thresholds.")

    @field_validator("tiers")
    @classmethod
    def _in_order(cls, tiers: tuple[DiscountTier, ...]) -> tuple[DiscountTier, ...]:
        for place in range(1, len(tiers)):
            before, tier = tiers[place - 1], tiers[place]
            key = "from_usd" if before.from_usd is not None else "from_tokens"
            if getattr(tier, key) is None:
                text = f"is missing; all tiers go by the same amount, the first by {key}"
                raise PydanticCustomError("at_key", "{text}", {"key": f"[{place}].{key}", "text": text})
            if tier.threshold <= before.threshold:
                text = f"is {tier.threshold:g}, must be above the tier before, {before.threshold:g}"
                raise PydanticCustomError("at_key", "{text}", {"key": f"[{place}].{key}", "text": text})
        return tiers

    @property
    def measured_by(self) -> MeasuredBy:
        """What the thresholds count."""
        return "usd" if self.tiers[0].from_usd is not None else "tokens"


class FreeQuota(Model):
    """What is free every month."""

    usd: Positive | None = Field(default=None, description="At list prices. [USD per month]")
    tokens: Positive | None = Field(default=None, description="[tokens per month]")
    requests: Positive | None = Field(default=None, description="[requests per month]")
    images: Positive | None = Field(default=None, description="[images per month]")

    @model_validator(mode="after")
    def _one(self) -> FreeQuota:
        _one_of(self, ("usd", "tokens", "requests", "images"))
        return self

    @property
    def measured_by(self) -> MeasuredBy:
        """What it counts."""
        measured: MeasuredBy = _one_of(self, ("usd", "tokens", "requests", "images"))  # type: ignore[assignment]
        return measured

    @property
    def amount(self) -> float:
        """How much is free a month."""
        return float(getattr(self, self.measured_by))


class Subscription(Model):
    """A flat fee with a quota in it."""

    usd_per_month: NonNegative = Field(description="Fee of one subscription. [USD per month]")
    tokens: Positive | None = Field(default=None, description="Included in one. [tokens per month]")
    requests: Positive | None = Field(default=None, description="Included in one. [requests per month]")
    images: Positive | None = Field(default=None, description="Included in one. [images per month]")
    beyond: Literal["list_prices", "another"] = Field(
        default="list_prices", description="What lies beyond the quota: paid at list prices, or by more subscriptions."
    )

    @model_validator(mode="after")
    def _one(self) -> Subscription:
        _one_of(self, ("tokens", "requests", "images"))
        return self

    @property
    def measured_by(self) -> MeasuredBy:
        """What the quota counts."""
        measured: MeasuredBy = _one_of(self, ("tokens", "requests", "images"))  # type: ignore[assignment]
        return measured

    @property
    def amount(self) -> float:
        """How much one subscription includes a month."""
        return float(getattr(self, self.measured_by))


class Commitment(Model):
    """Spend that is paid whether it is reached or not."""

    usd_per_month: NonNegative = Field(description="Least to pay. [USD per month]")


class Credits(Model):
    """Money given by the provider, used up by the bills; not part of the run rate."""

    usd: Positive = Field(description="Amount. [USD]")
    until: date | None = Field(default=None, description="First day on which it is no longer good; left out: none.")


class PriceDecline(Model):
    """Prices that fall over the horizon, bill month by bill month; not part of the run rate."""

    share_per_year: Annotated[Finite, Field(ge=0, lt=1)] = Field(description="Fall in a year. [1]")
    steps: Literal["monthly", "yearly"] = Field(
        default="monthly", description="Whether it comes a little every month, or whole after each year."
    )

    def factor(self, month: int) -> float:
        """Price of bill month `month`, 0 the first, over the first's."""
        months = month if self.steps == "monthly" else 12 * (month // 12)
        return float((1.0 - self.share_per_year) ** (months / 12))


class PriceChange(Model):
    """A change of the list prices from a day on; not part of the run rate unless it is in force at the start."""

    effective_from: date = Field(description="First day on which it holds.")
    multiplier: Positive | None = Field(default=None, description="On all list prices. [1]")
    input_usd_per_mtok: NonNegative | None = Field(default=None, description="[USD per 10^6 tokens]")
    output_usd_per_mtok: NonNegative | None = Field(default=None, description="[USD per 10^6 tokens]")
    cached_input_usd_per_mtok: NonNegative | None = Field(default=None, description="[USD per 10^6 tokens]")
    cache_write_usd_per_mtok: NonNegative | None = Field(default=None, description="[USD per 10^6 tokens]")

    @model_validator(mode="after")
    def _changes(self) -> PriceChange:
        if all(getattr(self, name) is None for name in type(self).model_fields if name != "effective_from"):
            text = "is missing; a price change has a multiplier or new prices"
            raise PydanticCustomError("at_key", "{text}", {"key": "multiplier", "text": text})
        return self


class CommercialTerms(Model):
    """A contract, in the order in which it acts: prices over time, surcharges, free quota, discount, subscription,
    commitment, credits."""

    price_changes: tuple[PriceChange, ...] = Field(default=(), description="Dated changes, in order of their days.")
    price_decline: PriceDecline | None = Field(default=None, description="Prices that fall by the year.")
    surcharges: dict[str, NonNegative] = Field(
        default_factory=dict,
        description="Added to all list prices, by name, e.g. {data zone: 0.10}; several multiply. [1]",
    )
    free_quota: FreeQuota | None = Field(default=None, description="What is free every month.")
    volume_discount: VolumeDiscount | None = Field(default=None, description="Discount by the month's volume.")
    subscription: Subscription | None = Field(default=None, description="A flat fee with a quota in it.")
    commitment: Commitment | None = Field(default=None, description="Least to pay every month.")
    credits: Credits | None = Field(default=None, description="Money given by the provider.")

    @field_validator("price_changes")
    @classmethod
    def _in_order(cls, changes: tuple[PriceChange, ...]) -> tuple[PriceChange, ...]:
        check_days_rise(changes)
        return changes

    @property
    def acts_on_bill(self) -> bool:
        """Whether the bill of a month is other than amounts times prices."""
        terms = (self.free_quota, self.volume_discount, self.subscription, self.commitment, self.credits)
        return any(term is not None for term in terms)

    @property
    def price_factor(self) -> float:
        """All surcharges together, on the list price. [1]"""
        factor = 1.0
        for share in self.surcharges.values():
            factor *= 1.0 + share
        return factor


NO_TERMS = CommercialTerms()
