"""Money over months: present value, internal rate, when an outlay is paid back and when that is undone again.

Amounts are savings: what one option spares against another, negative where it costs more. A month's saving is counted
at the month's end, as in a table of annuities; between two ends it is taken to flow so that the discounted sums at
the ends come out, which makes months of payback continuous and equal to the textbook's formula where savings are level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from simulator.domain.serving import Array

Side = Literal["ahead", "behind"]
_WIDEST_LOG_RATE, _RATES_TRIED = 5.0, 2_001  # of ln(1 + rate): from -99.3 % to 14,700 % a period
_ROUNDING = 1e-12  # of the greatest sum


@dataclass(frozen=True)
class SideChange:
    """A time at which the sum of all savings so far changes its sign.

    `months` after the start; `whole_months` have passed at the first end of a month at which it has changed. `into`
    is `ahead` where the sum is no longer below zero: what was spent is paid back.
    """

    months: float
    whole_months: int
    into: Side


def present_value_usd(amounts_usd: Array, times: Array, rate_per_period: float) -> float:
    """Amounts at times, worth at time 0.

    Parameters
    ----------
    amounts_usd, times : array of shape (n,)
        [USD], and when each is paid. [periods]
    rate_per_period : float
        Above -1. [1 per period]

    Returns
    -------
    float
        [USD]

    Raises
    ------
    ValueError
        If the rate is -1 or below.

    Examples
    --------
    >>> round(present_value_usd(np.array([-100.0, 110.0]), np.array([0.0, 1.0]), 0.21), 6)
    -9.090909
    """
    if not rate_per_period > -1.0:
        raise ValueError(f"rate_per_period is {rate_per_period}, must be above -1")
    return float(np.sum(np.asarray(amounts_usd) * (1.0 + rate_per_period) ** -np.asarray(times, dtype=np.float64)))


def internal_rates(amounts_usd: Array, times: Array) -> tuple[float, ...]:
    """Every rate at which amounts are worth nothing at time 0: none, one, or several.

    Parameters
    ----------
    amounts_usd, times : array of shape (n,)
        As in `present_value_usd`.

    Returns
    -------
    tuple of float
        From the lowest to the highest, of those from -99 % to 14,000 % a period. Empty where all amounts have one sign.
        Where signs change several times there may be several, and none of them is a return. [1 per period]

    Notes
    -----
    Roots of the present value in ln(1 + rate), on a grid of 0.005; two nearer to each other than that are both
    missed. At most as many as signs change in the order of time (Descartes).
    """
    amounts, when = np.asarray(amounts_usd, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if not (np.any(amounts > 0) and np.any(amounts < 0)):
        return ()

    def value(log_rate: Array | float) -> Array:
        # Over its greatest term, so that nothing overflows; the sign is what counts.
        powers = -np.multiply.outer(log_rate, when)
        return np.asarray(np.exp(powers - powers.max(axis=-1, keepdims=True)) @ amounts)

    tried = np.linspace(-_WIDEST_LOG_RATE, _WIDEST_LOG_RATE, _RATES_TRIED)
    values = value(tried)
    found = [float(tried[place]) for place, usd in enumerate(values) if usd == 0.0]
    for place in np.flatnonzero(values[:-1] * values[1:] < 0):
        low, high = float(tried[place]), float(tried[place + 1])
        at_low, at_high = float(value(low)), float(value(high))
        if at_low * at_high < 0:
            found.append(float(brentq(lambda rate: float(value(rate)), low, high, xtol=1e-14, rtol=1e-13)))
        else:  # one of them is zero but for rounding, which is another one for many rates at once
            found.append(low if abs(at_low) <= abs(at_high) else high)
    return tuple(math.expm1(log_rate) for log_rate in sorted(found))


def changes_of_side(
    at_starts_usd: Sequence[float] | Array,
    savings_usd: Sequence[float] | Array,
    ends_months: Sequence[float] | Array,
    rate_per_month: float = 0.0,
) -> tuple[SideChange, ...]:
    """Every time at which the discounted sum of all savings changes its sign, the undoing of a payback included.

    Parameters
    ----------
    at_starts_usd : array of shape (months,)
        Amounts at the start of each month: what is spent is negative. [USD]
    savings_usd : array of shape (months,)
        What each month saves. [USD]
    ends_months : array of shape (months,)
        End of each month, the last one maybe short. [months]
    rate_per_month : float
        Above -1; 0: not discounted. [1 per month]

    Returns
    -------
    tuple of SideChange
        In the order of time. That the sum falls below zero at time 0, by what is spent there, is no change.

    Examples
    --------
    >>> changes = changes_of_side([-30.0, 0.0, 0.0], [20.0, 20.0, -30.0], [1, 2, 3])
    >>> [change.whole_months for change in changes]
    [2, 3]
    """
    ends = np.asarray(ends_months, dtype=np.float64)
    starts = np.concatenate(([0.0], ends[:-1]))
    growth = 1.0 + rate_per_month
    lumps = np.asarray(at_starts_usd, dtype=np.float64) * growth**-starts
    flows = np.asarray(savings_usd, dtype=np.float64) * growth**-ends
    nothing = _ROUNDING * float(np.abs(lumps).sum() + np.abs(flows).sum())
    changes: list[SideChange] = []
    total, side = 0.0, "ahead"
    for month, (start, end, lump, flow) in enumerate(zip(starts, ends, lumps, flows, strict=True)):
        total += lump
        if side != (now := _side(total, nothing)):
            side = now
            if start > 0.0:
                changes.append(SideChange(float(start), month, now))
        if side != (now := _side(total + flow, nothing)):
            # At time 0 nothing is spent or saved: a first month that costs more is where it starts behind.
            side = now
            if start > 0.0 or abs(total) > nothing:
                months = start + _months_into(-total / flow, end - start, rate_per_month)
                changes.append(SideChange(float(months), month + 1, now))
        total += flow
    return tuple(changes)


def _side(total: float, nothing: float) -> Side:
    return "ahead" if total >= -nothing else "behind"


def _months_into(share: float, length: float, rate_per_month: float) -> float:
    """Time into a month of this length at which a share of its discounted saving has come. [months]"""
    if rate_per_month == 0.0:
        return share * length
    left = 1.0 - (1.0 + rate_per_month) ** -length
    return -math.log1p(-share * left) / math.log1p(rate_per_month)


def discounted_payback_months(outlay_usd: float, saving_usd_per_month: float, rate_per_month: float) -> float:
    """Months in which a level saving pays an outlay and the interest on it; infinite where it never does.

    Parameters
    ----------
    outlay_usd : float
        Paid at the start. [USD]
    saving_usd_per_month : float
        At the end of every month. [USD per month]
    rate_per_month : float
        Above -1. [1 per month]

    Returns
    -------
    float
        [months]

    Notes
    -----
    ``-ln(1 - K i / s) / ln(1 + i)``: the number of payments of an annuity s with present value K.

    Examples
    --------
    >>> round(discounted_payback_months(250_000.0, 14_000.0, 1.12 ** (1 / 12) - 1), 6)
    19.658754
    """
    if saving_usd_per_month <= 0.0:
        return math.inf
    if rate_per_month == 0.0:
        return outlay_usd / saving_usd_per_month
    left = 1.0 - outlay_usd * rate_per_month / saving_usd_per_month
    return math.inf if left <= 0.0 else -math.log(left) / math.log1p(rate_per_month)


def months_until_equal(now: float, then: float, factor_per_month: float) -> float | None:
    """Months until a quantity that is multiplied by a factor every month reaches another value; None where it never
    will.

    Examples
    --------
    >>> round(months_until_equal(18_000.0, 5_000.0, 10 ** (-1 / 12)), 6)
    6.67563
    """
    if factor_per_month == 1.0 or min(now, then, factor_per_month) <= 0.0:
        return None
    months = math.log(then / now) / math.log(factor_per_month)
    return months if months >= 0.0 else None


@dataclass(frozen=True)
class DecayingSaving:
    """Hardware bought for a price, which spares a bill that decays all the time and costs so much to run.

    Saved after t months: ``N(t) = B (1 - exp(-k t)) / k - o t - K``. It rises as long as the bill exceeds the running
    cost, and falls from then on: it is zero twice, or never. [USD], [months]
    """

    bill_usd_per_month: float
    halving_months: float
    running_usd_per_month: float
    price_usd: float

    @property
    def decay_per_month(self) -> float:
        """Rate k of the decay. [1 per month]"""
        return math.log(2.0) / self.halving_months

    def saved_usd(self, months: float) -> float:
        """Sum of the savings less the price, after so many months. [USD]"""
        spared = self.bill_usd_per_month * -math.expm1(-self.decay_per_month * months) / self.decay_per_month
        return spared - self.running_usd_per_month * months - self.price_usd

    @property
    def best_months(self) -> float:
        """When it has saved most: the bill has fallen to the running cost. [months]"""
        return max(0.0, math.log(self.bill_usd_per_month / self.running_usd_per_month) / self.decay_per_month)

    @property
    def paid_back_months(self) -> float | None:
        """When it has paid its price; None: never. [months]"""
        if self.saved_usd(self.best_months) < 0.0:
            return None
        return 0.0 if self.price_usd <= 0.0 else float(brentq(self.saved_usd, 0.0, self.best_months, xtol=1e-12))

    @property
    def undone_months(self) -> float | None:
        """When it has given all of that back again; None: never was paid back. [months]"""
        if self.saved_usd(self.best_months) < 0.0:
            return None
        # All that the bill can ever spare is B / k: by then running has cost more.
        last = self.bill_usd_per_month / self.decay_per_month / self.running_usd_per_month
        return float(brentq(self.saved_usd, self.best_months, last + 1.0, xtol=1e-12))
