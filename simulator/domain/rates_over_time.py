"""Rates by the hour that move over the horizon: as a user writes them, and as a staircase over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Model, NonNegative
from simulator.domain.commercial_terms import PriceDecline
from simulator.domain.models_and_gpus import Contract
from simulator.domain.serving import Array
from simulator.domain.units import HOURS_PER_MONTH

TermMonths = Annotated[Finite, Field(ge=0.05, le=120)]

# How long a price is fixed by the contracts of the catalogue; the others move at once. [months]
TERM_OF_CONTRACT: dict[Contract, float] = {"reserved_1y": 12.0, "reserved_3y": 36.0}


class RateChange(Model):
    """Another rate of a GPU from a day on; not part of the run rate unless it is in force at the start."""

    effective_from: date = Field(description="First day on which it holds.")
    usd_per_gpu_hour: NonNegative = Field(description="Rent of one GPU. [USD/h]")


class RentChange(Model):
    """Another rent from a day on; not part of the run rate unless it is in force at the start."""

    effective_from: date = Field(description="First day on which it holds.")
    usd_per_gpu_hour: NonNegative | None = Field(default=None, description="Rent of one GPU. [USD/h]")
    usd_per_instance_hour: NonNegative | None = Field(default=None, description="Rent of one whole machine. [USD/h]")

    @model_validator(mode="after")
    def _one(self) -> RentChange:
        if self.usd_per_gpu_hour is not None and self.usd_per_instance_hour is not None:
            text = "must not be given together with usd_per_gpu_hour"
            raise PydanticCustomError("at_key", "{text}", {"key": "usd_per_instance_hour", "text": text})
        if self.usd_per_gpu_hour is None and self.usd_per_instance_hour is None:
            text = "is missing; a change of the rent gives usd_per_gpu_hour or usd_per_instance_hour"
            raise PydanticCustomError("at_key", "{text}", {"key": "usd_per_gpu_hour", "text": text})
        return self


@dataclass(frozen=True)
class RateCourse:
    """A rate over the horizon: from each moment on, up to the next, so much.

    `from_hours` count from the start of the horizon and rise; the first rate also holds before its moment. [h]
    """

    from_hours: tuple[float, ...]
    usd_per_hour: tuple[float, ...]

    @property
    def first(self) -> float:
        """The rate that the run rate is reckoned at. [USD/h]"""
        return self.usd_per_hour[0]

    def between(self, edges_hours: Array) -> Array:
        """Mean rate between moments.

        Parameters
        ----------
        edges_hours : array of shape (n + 1,)
            Moments, rising. [h from the start of the horizon]

        Returns
        -------
        array of shape (n,)
            Time average between each moment and the next. [USD/h]
        """
        edges = np.asarray(edges_hours, dtype=np.float64)
        begins, rates = np.array(self.from_hours), np.array(self.usd_per_hour)
        lengths = np.diff(edges)
        first = np.clip(np.searchsorted(begins, edges[:-1] + 1e-9, side="right") - 1, 0, None)
        last = np.clip(np.searchsorted(begins, edges[1:] - 1e-9, side="right") - 1, 0, None)
        mean = rates[first]
        for place in np.flatnonzero(last > first):
            levels = slice(first[place], last[place] + 1)
            cuts = np.concatenate(([edges[place]], begins[first[place] + 1 : last[place] + 1], [edges[place + 1]]))
            mean[place] = rates[levels] @ np.diff(cuts) / lengths[place]
        return mean


def mean_rates(course: RateCourse | None, usd_per_hour: float, edges_hours: Array) -> Array:
    """Mean rate between n + 1 moments, of a course or of what always costs the same. Shape (n,). [USD/h]"""
    return np.full(len(edges_hours) - 1, usd_per_hour) if course is None else course.between(edges_hours)


def rate_course(
    usd_per_hour: float,
    changes: Sequence[tuple[float, float]],
    decline: PriceDecline | None,
    term_months: float | None,
    *,
    begins_hour: float,
    ends_hour: float,
    declines_from_hour: float | None = None,
) -> RateCourse | None:
    """What a replica costs by the hour, from when it is rented to the end of the horizon.

    Parameters
    ----------
    usd_per_hour : float
        The rate when it begins. [USD/h]
    changes : sequence of (hour, USD/h)
        Dated rates in the order of time; those from before it begins are left aside.
    decline : PriceDecline or None
        Fall of whatever rate holds, at the starts of the bill months.
    term_months : float or None
        How long a contract fixes the rate: at every renewal it is the rate of that moment. None: it moves at once.
    begins_hour, ends_hour : float
        When the fleet begins, and the end of the horizon. [h from the start of the horizon]
    declines_from_hour : float, optional
        From the month of which moment the fall counts; left out: when the fleet begins, whose rate is of then.

    Returns
    -------
    RateCourse or None
        None where the rate is the given one all the time.

    Notes
    -----
    rate(t) = (rate of the last change up to t) x (1 - share_per_year)^(months / 12), months whole ones since the
    fall began (of the year, where it falls by the year); with a term, rate(t) = that of the last renewal up to t.
    """
    later = [(hour, usd) for hour, usd in changes if begins_hour < hour < ends_hour]
    since = begins_hour if declines_from_hour is None else declines_from_hour
    first_month = int((since + 1e-9) // HOURS_PER_MONTH)

    def listed(hour: float) -> float:
        usd = next((usd for at, usd in reversed(later) if at <= hour + 1e-9), usd_per_hour)
        month = int((hour + 1e-9) // HOURS_PER_MONTH)
        return usd if decline is None else usd * decline.factor(month - first_month)

    if term_months is not None:
        term_hours = term_months * HOURS_PER_MONTH
        moments = np.arange(begins_hour, max(ends_hour, begins_hour + 1e-6) - 1e-9, term_hours).tolist()
    else:
        moments = [begins_hour, *(hour for hour, _ in later)]
        if decline is not None:
            months = np.arange(int(begins_hour // HOURS_PER_MONTH) + 1, ends_hour / HOURS_PER_MONTH) * HOURS_PER_MONTH
            moments = sorted({*moments, *(month for month in months.tolist() if month > begins_hour)})
    from_hours, rates = [float(moments[0])], [listed(moments[0])]
    for moment in moments[1:]:
        if listed(moment) != rates[-1]:
            from_hours.append(float(moment))
            rates.append(listed(moment))
    is_constant = len(rates) == 1 and rates[0] == usd_per_hour
    return None if is_constant else RateCourse(tuple(from_hours), tuple(rates))
