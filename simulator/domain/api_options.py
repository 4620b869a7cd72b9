"""Ways to buy tokens: an API billed per token, provisioned units, and requests routed to several of them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, PositiveShare, PositiveWhole, Share, Whole
from simulator.domain.commercial_terms import CommercialTerms, check_days_rise
from simulator.domain.people import PeopleAndFixed
from simulator.domain.rate_limits import RateLimits
from simulator.domain.service_level import ApiLatency


class TokenPriceList(Model):
    """Prices given outright; each replaces what the price library says."""

    input_usd_per_mtok: NonNegative | None = Field(default=None, description="Uncached input. [USD per 10^6 tokens]")
    output_usd_per_mtok: NonNegative | None = Field(default=None, description="Output. [USD per 10^6 tokens]")
    cached_input_usd_per_mtok: NonNegative | None = Field(
        default=None, description="Input read from the prompt cache. [USD per 10^6 tokens]"
    )
    cache_write_usd_per_mtok: NonNegative | None = Field(
        default=None, description="Input written to the prompt cache. [USD per 10^6 tokens]"
    )
    cache_write_1h_usd_per_mtok: NonNegative | None = Field(
        default=None, description="Input written to the prompt cache for an hour. [USD per 10^6 tokens]"
    )
    batch_multiplier: Share | None = Field(default=None, description="Price of a batched request over the full. [1]")
    usd_per_image: NonNegative | None = Field(default=None, description="An image made. [USD]")
    usd_per_audio_input_s: NonNegative | None = Field(default=None, description="A second of speech sent. [USD]")
    usd_per_audio_output_s: NonNegative | None = Field(default=None, description="A second of speech made. [USD]")
    usd_per_video_s: NonNegative | None = Field(default=None, description="A second of video made. [USD]")
    effective_from: date | None = Field(default=None, description="First day on which these prices hold.")
    source: str | None = Field(default=None, description="Where the prices were read.")


class ModelChange(Model):
    """Another model from a day on."""

    effective_from: date = Field(description="First day of the model.")
    model: str = Field(min_length=1, description="Model as the provider names it.")
    provider: str | None = Field(default=None, min_length=1, description="Provider id; left out: found by the model.")


class Fallback(Model):
    """Another API that answers while this one does not."""

    option: str = Field(min_length=1, description="Option of kind api.")
    share: Share = Field(description="Share of the requests that go there. [1]")


class ApiUpkeep(Model):
    """People and services that an API takes although somebody else runs the model."""

    integration_person_weeks: NonNegative = Field(default=0.0, description="Work to build it in, once. [person-weeks]")
    gateway_usd_per_month: NonNegative = Field(default=0.0, description="Gateway in front of it. [USD per month]")
    prompt_upkeep_persons: NonNegative = Field(default=0.0, description="Work on prompts, all the time. [persons]")
    drift_monitoring_persons: NonNegative = Field(
        default=0.0, description="Watching that answers stay as good when the provider changes the model. [persons]"
    )
    usd_per_person_year: NonNegative | None = Field(
        default=None, description="Loaded cost of a person; left out: the catalogue's sourced figure. [USD per year]"
    )


class ApiOption(PeopleAndFixed):
    """An API billed per token: of the model's maker, or of a host of open models."""

    kind: Literal["api"]
    model: str | None = Field(default=None, min_length=1, description="Model as the provider names it.")
    provider: str | None = Field(default=None, min_length=1, description="Provider id; left out: found by the model.")
    prices: TokenPriceList | None = Field(default=None, description="Prices given outright.")
    service_tier: Literal["standard", "flex", "priority"] = Field(
        default="standard", description="Slower and cheaper, or faster and dearer, where the provider has it."
    )
    image_size: str | None = Field(
        default=None, min_length=1, description="Size and quality of images or video made, as in the price list."
    )
    terms: CommercialTerms = Field(default_factory=CommercialTerms, description="What a contract adds to the prices.")
    changes: tuple[ModelChange, ...] = Field(default=(), description="Models that take over at a day, in order.")
    upkeep: ApiUpkeep | None = Field(default=None, description="People and services that an API takes.")
    fallback: Fallback | None = Field(default=None, description="Another API that answers while this one does not.")
    rate_limits: RateLimits | None = Field(default=None, description="Limits of the account; left out: not known.")
    latency: ApiLatency | None = Field(default=None, description="Times to and between tokens; left out: not known.")
    availability_share: PositiveShare | None = Field(
        default=None, description="Share of the requests that find the API up; left out: not known. [1]"
    )

    @field_validator("changes")
    @classmethod
    def _in_order(cls, changes: tuple[ModelChange, ...]) -> tuple[ModelChange, ...]:
        check_days_rise(changes)
        return changes

    @model_validator(mode="after")
    def _tiered(self) -> ApiOption:
        if self.service_tier != "standard" and self.model is None:
            text = f"is '{self.service_tier}', must be given with a model: given prices have no tiers"
            raise PydanticCustomError("at_key", "{text}", {"key": "service_tier", "text": text})
        return self

    @model_validator(mode="after")
    def _priced(self) -> ApiOption:
        if self.model is None:
            prices = self.prices
            needed: tuple[str, ...] = ("input_usd_per_mtok", "output_usd_per_mtok")
            if prices is not None and prices.usd_per_image is not None:
                needed = ()  # an image service has no prices of tokens
            for name in needed:
                if prices is None or getattr(prices, name) is None:
                    key = "model" if prices is None else f"prices.{name}"
                    text = f"is missing; an option of kind {self.kind} names a model, or gives its prices"
                    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        return self


class UnitSizing(Model):
    """Provisioned units: what one carries and costs, and how many are bought."""

    count: Whole | None = Field(default=None, description="Units; left out: as many as the percentile needs.")
    percentile_share: PositiveShare = Field(
        default=0.99, description="Share of the time in which the units carry all the traffic. [1]"
    )
    scope: str = Field(default="global", min_length=1, description="Deployment in the price list, e.g. global.")
    contract: str = Field(
        default="hourly",
        min_length=1,
        description="Contract: hourly, or monthly_, six_month_ or yearly_reservation.",
    )
    usd_per_unit_hour: NonNegative | None = Field(default=None, description="Price of a unit. [USD/h]")
    input_tokens_per_minute_per_unit: Positive | None = Field(
        default=None, description="What one unit carries; left out: the price list's. [tokens/min]"
    )
    output_token_weight: Positive | None = Field(
        default=None,
        description="Input tokens that an output token counts as; left out: the price list's, else the ratio of the "
        "model's prices, which is assumed. [1]",
    )
    cached_token_weight: NonNegative | None = Field(
        default=None,
        description="Input tokens that a token read from the prompt cache counts as; left out: the list's, else 0. [1]",
    )
    minimum: Whole | None = Field(default=None, description="Fewest units; left out: the price list's, else none.")
    increment: PositiveWhole | None = Field(default=None, description="Units come in multiples; left out: the list's.")
    spill_over: Literal["list_prices", "reject"] = Field(
        default="list_prices", description="What the units do not carry: billed per token, or turned away."
    )


class ProvisionedOption(ApiOption):
    """Units of a provider's capacity, paid by the hour, and tokens for what they do not carry."""

    kind: Literal["provisioned"]  # type: ignore[assignment]
    units: UnitSizing = Field(default_factory=UnitSizing, description="The units.")

    @model_validator(mode="after")
    def _discounted(self) -> ProvisionedOption:
        discount = self.terms.volume_discount
        # The bill of what the units do not carry falls with every unit more: a discount on all of it would come and go.
        if discount is not None and discount.kind == "all_units" and discount.measured_by == "usd":
            text = "is 'all_units' by from_usd, must count from_tokens for provisioned units, or be graduated"
            raise PydanticCustomError("at_key", "{text}", {"key": "terms.volume_discount.kind", "text": text})
        if self.terms.subscription is not None:
            text = "must not be given for provisioned units, which are a flat fee themselves"
            raise PydanticCustomError("at_key", "{text}", {"key": "terms.subscription", "text": text})
        return self


ClassShares = Share | dict[str, Share]


class Route(Model):
    """What one of several options answers, and what it hands on."""

    share: ClassShares = Field(
        default=0.0, description="Share of the requests that come here first; a number, or one by request class. [1]"
    )
    escalation_share: ClassShares = Field(
        default=0.0, description="Share of its requests that are answered once more elsewhere. [1]"
    )
    escalates_to: str | None = Field(default=None, min_length=1, description="The route that answers those.")

    @model_validator(mode="after")
    def _whole(self) -> Route:
        shares = self.escalation_share
        escalates = any(share > 0 for share in (shares.values() if isinstance(shares, dict) else (shares,)))
        if escalates and self.escalates_to is None:
            text = "is missing; an escalation_share goes to another route"
            raise PydanticCustomError("at_key", "{text}", {"key": "escalates_to", "text": text})
        return self


class Router(Model):
    """What telling the requests apart costs."""

    usd_per_request: NonNegative = Field(default=0.0, description="Cost of routing one request. [USD]")
    usd_per_input_mtok: NonNegative = Field(
        default=0.0, description="Price of what a classifier reads of the prompts. [USD per 10^6 tokens]"
    )


class RoutedOption(PeopleAndFixed):
    """Requests told apart and sent to several other options of kind api or provisioned, each at its terms.

    People and fixed cost are this option's own; those of the options it routes to are not added.
    """

    kind: Literal["routed"]
    router: Router = Field(default_factory=Router, description="What routing costs.")
    routes: dict[str, Route] = Field(min_length=1, description="Routes by the name of the option that answers.")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> RoutedOption:
        for name, route in self.routes.items():
            seen, at = {name}, route.escalates_to
            while at is not None:
                if at not in self.routes:
                    text = f"is '{at}', must be one of the routes {', '.join(self.routes)}"
                    raise PydanticCustomError("at_key", "{text}", {"key": f"routes.{name}.escalates_to", "text": text})
                if at in seen:
                    text = f"is '{route.escalates_to}', which leads back to '{at}'"
                    raise PydanticCustomError("at_key", "{text}", {"key": f"routes.{name}.escalates_to", "text": text})
                seen.add(at)
                at = self.routes[at].escalates_to
        return self

    def answers(self, request_class: str) -> dict[str, float]:
        """Answers of each route for one request of a class, down the chains of escalation."""
        weights = dict.fromkeys(self.routes, 0.0)
        for name, route in self.routes.items():
            flow, at = of_class(route.share, request_class), name
            while flow > 0:
                weights[at] += flow
                flow *= of_class(self.routes[at].escalation_share, request_class)
                following = self.routes[at].escalates_to
                if following is None:
                    break
                at = following
        return weights


def of_class(shares: float | dict[str, float], request_class: str) -> float:
    """The share of a class; a class that is not named has none."""
    return shares.get(request_class, 0.0) if isinstance(shares, dict) else shares
