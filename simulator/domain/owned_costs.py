"""What owned hardware costs: month by month as charged, as cash, and at run rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulator.domain.finance import annuity_usd_per_month, book_value_usd
from simulator.domain.owning import HOURS_PER_YEAR, OwnedFigures, serving_spans
from simulator.domain.power import draw_at_meter_w, energy_kwh
from simulator.domain.serving import Array, Numbers
from simulator.domain.units import HOURS_PER_MONTH

_Spans = list[tuple[float, Array, Array]]

CAPITAL_LINES = ("depreciation", "financing", "annuity", "spares")


@dataclass(frozen=True)
class CapitalCash:
    """Money that changes hands for hardware, by bill month. Arrays have shape (months,). [USD]

    Attributes
    ----------
    purchases_usd : array
        Paid at delivery; what was delivered before the horizon was paid before it and is not here.
    sales_usd : array
        Residual value, at the end of the life.
    value_left_usd : float
        Book value of what still serves at the end of the horizon: not cash, but not lost either. [USD]
    """

    purchases_usd: Array
    sales_usd: Array
    value_left_usd: float


def standing_hours(owned: OwnedFigures, months: int, horizon_hours: float | None = None) -> Array:
    """Hours of each bill month in which the hardware is there, shape (months,). [h]

    `horizon_hours` ends a last month that is short; left out: all months are whole.
    """
    total = np.zeros(months)
    for _, begins, ends in _spans_by_month(owned, months, horizon_hours):
        total += ends - begins
    return total


def monthly_costs_usd(
    owned: OwnedFigures, months: int, utilization_share: Numbers, horizon_hours: float | None = None
) -> Mapping[str, Array]:
    """What the hardware is charged in each bill month, by line.

    Parameters
    ----------
    owned : OwnedFigures
        The hardware.
    months : int
        Bill months of 730 hours from the start of the horizon.
    utilization_share : float or array of shape (months,)
        Share of the capacity that is there in use, 0 to 1: work served over what all nodes could have. [1]
    horizon_hours : float, optional
        End of a last month that is short; left out: all months are whole. [h]

    Returns
    -------
    mapping of str to array of shape (months,)
        `depreciation` and `financing`, or `annuity`; `spares`, `support`, `colocation`, `space`, `electricity`; lines
        that are always 0 are left out. Nothing is charged before the delivery and, where it is not replaced, after the
        end of the life. [USD]

    Notes
    -----
    Straight line: price less residual in equal parts over the hours of the life; financing is the yearly rate on the
    book value, exactly, as the book value falls. Annuity: one level payment per month of the life for both. Spares
    are charged as the nodes are, on a line of their own. Set-up is paid, and charged, with every purchase.
    """
    hours = standing_hours(owned, months, horizon_hours)
    by_month = _spans_by_month(owned, months, horizon_hours)
    nodes_usd, spares_residual = owned.price_usd - owned.spares_usd, owned.residual_share * owned.spares_usd
    nodes = _capital_charges(owned, by_month, nodes_usd, owned.residual_share * owned.hardware_usd, hours)
    spares = _capital_charges(owned, by_month, owned.spares_usd, spares_residual, hours)
    lines: dict[str, Array] = {
        **nodes,
        "spares": np.sum(list(spares.values()), axis=0),
        "support": owned.support_usd_per_hour * hours,
        "colocation": owned.colocation_usd_per_hour * hours,
        "space": owned.space_usd_per_hour * hours,
        "electricity": electricity_usd(owned, hours, utilization_share),
    }
    return {name: usd for name, usd in lines.items() if np.any(usd)}


def electricity_usd(owned: OwnedFigures, hours: Numbers, utilization_share: Numbers) -> Array:
    """Electricity of all nodes over so many hours each at a mean utilization; any number of steps. [USD]

    Parameters
    ----------
    owned : OwnedFigures
        The hardware.
    hours : float or array of shape (n,)
        Hours the nodes are there. [h]
    utilization_share : float or array of shape (n,)
        Share of their capacity in use. [1]

    Returns
    -------
    array of shape (n,)
        [USD]
    """
    watts = draw_at_meter_w(owned.draw, utilization_share)  # refuses shares outside 0 to 1
    return np.asarray(owned.usd_per_kwh * owned.nodes * watts / 1e3 * hours)


def owned_energy_kwh(
    owned: OwnedFigures, months: int, utilization_share: Numbers, horizon_hours: float | None = None
) -> Array:
    """Energy of all nodes at the meter in each bill month, shape (months,). [kWh]

    `horizon_hours` ends a last month that is short; left out: all months are whole.
    """
    hours = owned.nodes * standing_hours(owned, months, horizon_hours)
    return np.asarray(energy_kwh(owned.draw, hours, hours * utilization_share))


def capital_cash(owned: OwnedFigures, months: int, horizon_hours: float | None = None) -> CapitalCash:
    """Purchases, sales and what is left at the end, by bill month; `months` bill months from the start.

    `horizon_hours` ends a last month that is short; left out: all months are whole.
    """
    horizon = months * HOURS_PER_MONTH if horizon_hours is None else horizon_hours
    purchases, sales, left = np.zeros(months), np.zeros(months), 0.0
    for delivered, ends in serving_spans(owned, horizon):
        if delivered >= 0.0:
            purchases[int(delivered // HOURS_PER_MONTH)] += owned.price_usd
        if ends <= horizon:
            sales[min(int(ends // HOURS_PER_MONTH), months - 1)] += owned.residual_usd
        else:
            age = horizon - delivered
            left += float(book_value_usd(owned.price_usd, owned.residual_usd, owned.life_hours, age))
    return CapitalCash(purchases, sales, left)


def run_rate_usd_per_month(owned: OwnedFigures, utilization_share: float) -> Mapping[str, float]:
    """Cost of a month in which the hardware is there, the mean over its life, by line.

    Parameters
    ----------
    owned : OwnedFigures
        The hardware.
    utilization_share : float
        Share of its capacity in use. [1]

    Returns
    -------
    mapping of str to float
        Lines as `monthly_costs_usd` names them. [USD per month]

    Notes
    -----
    Financing is charged on the mean of price and residual, which is the mean book value over the life.
    """
    node_price, node_residual = owned.price_usd - owned.spares_usd, owned.residual_share * owned.hardware_usd
    spares_residual = owned.residual_share * owned.spares_usd
    lines = {
        **_mean_capital_charges(owned, node_price, node_residual),
        "spares": sum(_mean_capital_charges(owned, owned.spares_usd, spares_residual).values()),
        "support": owned.support_usd_per_hour * HOURS_PER_MONTH,
        "colocation": owned.colocation_usd_per_hour * HOURS_PER_MONTH,
        "space": owned.space_usd_per_month,
        "electricity": float(electricity_usd(owned, HOURS_PER_MONTH, utilization_share)),
    }
    return {name: usd for name, usd in lines.items() if usd}


def running_usd_per_hour(owned: OwnedFigures, utilization_share: float) -> float:
    """What the hardware costs to run, without what it cost to buy: what renting must beat each hour. [USD/h]"""
    lines = run_rate_usd_per_month(owned, utilization_share)
    return sum(usd for name, usd in lines.items() if name not in CAPITAL_LINES) / HOURS_PER_MONTH


def owned_usd_per_hour(owned: OwnedFigures, utilization_share: float) -> float:
    """What the hardware costs at run rate, all of it; over its tokens per hour, the cost of a token. [USD/h]"""
    return sum(run_rate_usd_per_month(owned, utilization_share).values()) / HOURS_PER_MONTH


def _capital_charges(
    owned: OwnedFigures, by_month: _Spans, price_usd: float, residual_usd: float, standing: Array
) -> dict[str, Array]:
    """Charges for a thing of this price with the life of the hardware, by line; arrays of shape (months,)."""
    if owned.charging == "annuity":
        life_months = owned.life_hours / HOURS_PER_MONTH
        level = annuity_usd_per_month(price_usd, residual_usd, owned.financing_rate_per_year, life_months)
        return {"annuity": level * standing / HOURS_PER_MONTH}
    depreciation, financing = np.zeros(standing.size), np.zeros(standing.size)
    for delivered, begins, ends in by_month:
        hours = ends - begins
        depreciation += (price_usd - residual_usd) / owned.life_hours * hours
        middle_age = (begins + ends) / 2.0 - delivered  # a straight line has its mean in the middle
        bound = book_value_usd(price_usd, residual_usd, owned.life_hours, middle_age)
        financing += owned.financing_rate_per_year * bound * hours / HOURS_PER_YEAR
    return {"depreciation": depreciation, "financing": financing}


def _mean_capital_charges(owned: OwnedFigures, price_usd: float, residual_usd: float) -> dict[str, float]:
    """As `_capital_charges`, of a month that is the mean over the life."""
    life_months = owned.life_hours / HOURS_PER_MONTH
    if owned.charging == "annuity":
        rate = owned.financing_rate_per_year
        return {"annuity": annuity_usd_per_month(price_usd, residual_usd, rate, life_months)}
    mean_bound = (price_usd + residual_usd) / 2.0
    return {
        "depreciation": (price_usd - residual_usd) / life_months,
        "financing": owned.financing_rate_per_year * mean_bound * HOURS_PER_MONTH / HOURS_PER_YEAR,
    }


def _spans_by_month(owned: OwnedFigures, months: int, horizon_hours: float | None) -> _Spans:
    """Delivery of each purchase, and from when to when it serves in each bill month: arrays of shape (months,). [h]"""
    horizon = months * HOURS_PER_MONTH if horizon_hours is None else horizon_hours
    begins = np.minimum(np.arange(months) * HOURS_PER_MONTH, horizon)
    ends = np.minimum(begins + HOURS_PER_MONTH, horizon)
    spans = serving_spans(owned, horizon)
    return [(span[0], np.clip(begins, *span), np.clip(ends, *span)) for span in spans]
