"""What machines draw, what that is per token, and what it puts into the air."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulator.domain.serving import Array, Numbers
from simulator.domain.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

WATTS_PER_KW = 1e3


@dataclass(frozen=True)
class PowerDraw:
    """What one machine, or one replica's share of it, draws.

    Attributes
    ----------
    idle_w : float
        While it is on and serves nothing. [W]
    loaded_w : float
        While it serves all it can. [W]
    pue : float
        What the building draws over what the machines do. [1]
    kg_co2e_per_kwh : float or None
        Carbon of the grid; None: not known. [kg CO2e per kWh]
    """

    idle_w: float
    loaded_w: float
    pue: float
    kg_co2e_per_kwh: float | None = None

    def times(self, machines: float) -> PowerDraw:
        """The same for so many machines."""
        return replace(self, idle_w=self.idle_w * machines, loaded_w=self.loaded_w * machines)

    def kg_co2e(self, energy_kwh: Numbers) -> Numbers | None:
        """Carbon of so much energy from this grid; None where the grid is not known. [kg CO2e]"""
        return None if self.kg_co2e_per_kwh is None else energy_kwh * self.kg_co2e_per_kwh


def draw_at_meter_w(draw: PowerDraw, utilization_share: Numbers) -> Numbers:
    """What the electricity meter of the building sees of one machine.

    Parameters
    ----------
    draw : PowerDraw
        Of the machine.
    utilization_share : float or array of shape (n,)
        Share of its capacity in use, 0 to 1. [1]

    Returns
    -------
    float or array of shape (n,)
        [W]

    Raises
    ------
    ValueError
        If a utilization is outside [0, 1].

    Notes
    -----
    Idle draw, and the rest in proportion to the use. Measured draws rise faster at first (a batch of one sequence
    already reads all weights), so this is a little low at low use. (The linear model of Fan, Weber and Barroso, Power
    Provisioning for a Warehouse-sized Computer, ISCA 2007.)

    Examples
    --------
    >>> round(draw_at_meter_w(PowerDraw(1_000.0, 8_000.0, 1.5), 0.5))
    6750
    """
    if np.any(np.asarray(utilization_share) < 0.0) or np.any(np.asarray(utilization_share) > 1.0):
        raise ValueError(f"utilization_share is {utilization_share}, must be between 0 and 1")
    return draw.pue * (draw.idle_w + utilization_share * (draw.loaded_w - draw.idle_w))


def energy_kwh(draw: PowerDraw, machine_hours: Numbers, busy_machine_hours: Numbers) -> Numbers:
    """Energy of a fleet from its totals: hours its machines were on, and hours' worth of full work they did.

    Parameters
    ----------
    draw : PowerDraw
        Of one machine, or of one replica.
    machine_hours : float or array of shape (n,)
        Hours they were on, of all together. [h]
    busy_machine_hours : float or array of shape (n,)
        Work served, in hours of a full machine; at most the hours they were on. [h]

    Returns
    -------
    float or array of shape (n,)
        At the meter. [kWh]

    Notes
    -----
    The draw is linear in the use, so that the totals give what a sum over all steps would.
    """
    watt_hours = draw.idle_w * machine_hours + (draw.loaded_w - draw.idle_w) * busy_machine_hours
    return draw.pue * watt_hours / WATTS_PER_KW


def energy_kwh_per_mtok(draw: PowerDraw, tokens_per_s: Numbers, utilization_share: Numbers) -> Numbers:
    """Energy of a million tokens from a machine in steady use.

    Parameters
    ----------
    draw : PowerDraw
        Of the machine.
    tokens_per_s : float or array of shape (n,)
        Throughput at full load. [tokens/s]
    utilization_share : float or array of shape (n,)
        Share of it in use, above 0. [1]

    Returns
    -------
    float or array of shape (n,)
        At the meter, for tokens as the throughput counts them. [kWh per 10⁶ tokens]

    Raises
    ------
    ValueError
        If a utilization is outside (0, 1] or a throughput is not above 0.

    Examples
    --------
    >>> round(energy_kwh_per_mtok(PowerDraw(1_000.0, 8_400.0, 1.42), 30_576.0, 1.0), 4)
    0.1084
    """
    if np.any(np.asarray(utilization_share) <= 0.0):
        raise ValueError(f"utilization_share is {utilization_share}, must be above 0 and at most 1")
    if np.any(np.asarray(tokens_per_s) <= 0.0):
        raise ValueError(f"tokens_per_s is {tokens_per_s}, must be above 0")
    mtok_per_hour = tokens_per_s * utilization_share * SECONDS_PER_HOUR / TOKENS_PER_MTOK
    return draw_at_meter_w(draw, utilization_share) / WATTS_PER_KW / mtok_per_hour


def per_mtok(total: Numbers, tokens: Numbers) -> Numbers:
    """A total over the tokens it was spent on; nan where there were none.

    Parameters
    ----------
    total : float or array of shape (n,)
        Energy or carbon. [kWh or kg CO2e]
    tokens : float or array of shape (n,)
        Tokens served. [tokens]

    Returns
    -------
    float or array of shape (n,)
        [kWh, or kg CO2e, per 10⁶ tokens]
    """
    mtok: Array = np.asarray(tokens, dtype=np.float64) / TOKENS_PER_MTOK
    spent = np.asarray(total, dtype=np.float64)
    ratio = np.where(mtok > 0.0, spent / np.where(mtok > 0.0, mtok, 1.0), np.nan)
    return ratio if ratio.ndim else float(ratio)
