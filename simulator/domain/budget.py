"""What a scenario says of money beside costs: the rate of discount, revenue, tasks; and shares of revenue by month."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, NonNegative, Positive, PositiveShare, Real
from simulator.domain.serving import Array

REVENUE_KEYS = ("revenue_usd_per_request", "revenue_usd_per_user_month", "revenue_usd_per_month")


class Finance(Model):
    """What decides how money at different times, and money earned, count."""

    discount_rate_per_year: Annotated[Real, Field(gt=-1, le=10)] | None = Field(
        default=None, description="Cost of money, for present values; left out: none are told. [1 per year]"
    )
    revenue_usd_per_request: NonNegative | None = Field(default=None, description="Earned by a request. [USD]")
    revenue_usd_per_user_month: NonNegative | None = Field(
        default=None, description="Earned by a user in a month; users follow the requests. [USD per month]"
    )
    requests_per_user_month: Positive | None = Field(
        default=None, description="Requests of a user in a month, where users are what pays. [requests per month]"
    )
    revenue_usd_per_month: NonNegative | None = Field(
        default=None, description="Earned in a month, whatever the requests. [USD per month]"
    )
    requests_per_task: Positive = Field(default=1.0, description="Requests that an attempt at a task takes.")
    completed_share: PositiveShare = Field(default=1.0, description="Share of the attempts that complete it. [1]")
    hours_saved_per_task: NonNegative | None = Field(
        default=None, description="Work that a completed task saves a person. [h]"
    )
    labour_usd_per_hour: Positive | None = Field(
        default=None, description="Loaded cost of that person's hour. [USD per hour]"
    )

    @model_validator(mode="after")
    def _one_revenue(self) -> Finance:
        given = [key for key in REVENUE_KEYS if getattr(self, key) is not None]
        if len(given) > 1:
            text = f"must not be given together with {given[0]}"
            raise PydanticCustomError("at_key", "{text}", {"key": given[1], "text": text})
        if (self.revenue_usd_per_user_month is None) != (self.requests_per_user_month is None):
            missing = self.requests_per_user_month is None
            key = "requests_per_user_month" if missing else "revenue_usd_per_user_month"
            other = "revenue_usd_per_user_month" if missing else "requests_per_user_month"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": f"is missing; {other} is given"})
        if (self.hours_saved_per_task is None) != (self.labour_usd_per_hour is None):
            missing = self.labour_usd_per_hour is None
            key, other = ("labour_usd_per_hour", "hours_saved_per_task")[:: 1 if missing else -1]
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": f"is missing; {other} is given"})
        return self

    @property
    def has_revenue(self) -> bool:
        """Whether any revenue is given."""
        return any(getattr(self, key) is not None for key in REVENUE_KEYS)

    @property
    def saves_hours(self) -> bool:
        """Whether it is told what a completed task saves."""
        return self.hours_saved_per_task is not None

    @property
    def is_budgeted(self) -> bool:
        """Whether cost is to be held against revenue, tasks or the hours they save."""
        counts_tasks = self.requests_per_task != 1.0 or self.completed_share != 1.0
        return self.has_revenue or self.saves_hours or counts_tasks

    def saved_usd(self, requests: Array) -> Array:
        """Worth of the hours saved by so many requests: completed tasks x hours x labour cost. Shape as given. [USD]"""
        completed = np.asarray(requests) / self.requests_per_task * self.completed_share
        return np.asarray(completed * (self.hours_saved_per_task or 0.0) * (self.labour_usd_per_hour or 0.0))

    def revenue_usd(self, requests: Array, months: Array) -> Array:
        """Revenue of bill months with so many requests and of such lengths. Shape (months,). [USD]"""
        if self.revenue_usd_per_request is not None:
            return self.revenue_usd_per_request * requests
        if self.revenue_usd_per_user_month is not None and self.requests_per_user_month is not None:
            return self.revenue_usd_per_user_month * requests / self.requests_per_user_month
        return (self.revenue_usd_per_month or 0.0) * months

    def usd_per_completed_task(self, usd_per_request: float) -> float:
        """Cost of a completed task: every attempt is paid, also those that fail. [USD]"""
        return usd_per_request * self.requests_per_task / self.completed_share


def share_of_revenue(cost_usd: Array, revenue_usd: Array) -> Array:
    """Cost over revenue; infinite without revenue. The gross margin, if nothing else is paid for, is 1 less it. [1]

    Parameters
    ----------
    cost_usd, revenue_usd : array of shape (months,)
        [USD]

    Returns
    -------
    array of shape (months,)
        [1]
    """
    cost, revenue = np.asarray(cost_usd, dtype=np.float64), np.asarray(revenue_usd, dtype=np.float64)
    return np.where(revenue > 0, cost / np.where(revenue > 0, revenue, 1.0), np.inf)
