"""What money bound in hardware costs, and how long a purchase takes to earn its price."""

from __future__ import annotations

from typing import overload

import numpy as np

from simulator.domain.serving import Array, Numbers
from simulator.domain.units import MONTHS_PER_YEAR


def rate_per_month(rate_per_year: float) -> float:
    """The monthly rate that compounds to a yearly one. [1 per month]

    Examples
    --------
    >>> round(rate_per_month(0.12), 6)
    0.009489
    """
    return float((1.0 + rate_per_year) ** (1.0 / MONTHS_PER_YEAR) - 1.0)


def annuity_usd_per_month(price_usd: float, residual_usd: float, rate_per_year: float, months: float) -> float:
    """Level payment at the end of each month that pays for a thing and the money bound in it.

    Parameters
    ----------
    price_usd : float
        Paid at the start. [USD]
    residual_usd : float
        What the thing fetches after the last month. [USD]
    rate_per_year : float
        Cost of money; compounds monthly. [1 per year]
    months : float
        How long it is used, above 0. [months]

    Returns
    -------
    float
        [USD per month]

    Notes
    -----
    The payments' present value and the residual's are together the price:
    ``(price - residual (1 + i)^-n) i / (1 - (1 + i)^-n)`` with the monthly rate i. (The annuity formula of any
    textbook of finance, e.g. Brealey, Myers and Allen, Principles of Corporate Finance.)

    Examples
    --------
    >>> round(annuity_usd_per_month(250_000.0, 0.0, 0.06, 60), 2)
    4814.75
    """
    if months <= 0.0:
        raise ValueError(f"months is {months}, must be above 0")
    rate = rate_per_month(rate_per_year)
    if rate == 0.0:
        return (price_usd - residual_usd) / months
    discount = (1.0 + rate) ** -months
    return (price_usd - residual_usd * discount) * rate / (1.0 - discount)


def book_value_usd(price_usd: float, residual_usd: float, life_hours: float, age_hours: Numbers) -> Numbers:
    """What a thing still stands in the books at: from the price to the residual, in a straight line over its life.

    Parameters
    ----------
    price_usd, residual_usd : float
        At age 0, and from the end of the life on. [USD]
    life_hours : float
        Above 0. [h]
    age_hours : float or array of shape (n,)
        [h]

    Returns
    -------
    float or array of shape (n,)
        [USD]
    """
    share = np.clip(np.asarray(age_hours, dtype=np.float64) / life_hours, 0.0, 1.0)
    value = price_usd - (price_usd - residual_usd) * share
    return value if value.ndim else float(value)


@overload
def periods_to_pay_back(price_usd: float, saving_usd_per_period: float) -> float: ...  # type: ignore[overload-overlap]
@overload
def periods_to_pay_back(price_usd: Numbers, saving_usd_per_period: Numbers) -> Array: ...
def periods_to_pay_back(price_usd: Numbers, saving_usd_per_period: Numbers) -> Numbers:
    """Hours, or months, until what a purchase saves has paid its price; infinite where it saves nothing.

    Parameters
    ----------
    price_usd : float or array of shape (n,)
        [USD]
    saving_usd_per_period : float or array of shape (n,)
        What the purchase spares in an hour or a month, less what it costs to run. [USD per hour, or per month]

    Returns
    -------
    float or array of shape (n,)
        In the periods that the saving is given for.

    Notes
    -----
    Price over saving: simple payback, without interest and residual value.
    """
    price = np.asarray(price_usd, dtype=np.float64)
    saving = np.asarray(saving_usd_per_period, dtype=np.float64)
    periods = np.where(saving > 0.0, price / np.where(saving > 0.0, saving, 1.0), np.inf)
    return periods if periods.ndim else float(periods)


@overload
def hours_to_break_even(  # type: ignore[overload-overlap]  # a plain number is never an array
    price_usd: float, rent_usd_per_hour: float, running_usd_per_hour: float, rented_share: float = 1.0
) -> float: ...
@overload
def hours_to_break_even(
    price_usd: Numbers, rent_usd_per_hour: Numbers, running_usd_per_hour: Numbers, rented_share: Numbers = 1.0
) -> Array: ...
def hours_to_break_even(
    price_usd: Numbers, rent_usd_per_hour: Numbers, running_usd_per_hour: Numbers, rented_share: Numbers = 1.0
) -> Numbers:
    """Hours after which a machine bought has cost what the same machine rented would have.

    Parameters
    ----------
    price_usd : float or array of shape (n,)
        Of the machine. [USD]
    rent_usd_per_hour : float or array of shape (n,)
        Of the same machine. [USD/h]
    running_usd_per_hour : float or array of shape (n,)
        Electricity, place, support of the own one. [USD/h]
    rented_share : float or array of shape (n,), default 1
        Share of the hours in which one would rent; the own machine is there in all of them. [1]

    Returns
    -------
    float or array of shape (n,)
        Hours on the clock; infinite where renting is no dearer than running. [h]

    Examples
    --------
    >>> round(hours_to_break_even(250_141.8, 98.32, 6.37), 1)
    2720.4
    """
    return periods_to_pay_back(price_usd, rent_usd_per_hour * rented_share - running_usd_per_hour)
