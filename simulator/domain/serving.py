"""What a replica costs per token, and from which utilization on it is cheaper than an API."""

from __future__ import annotations

from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from simulator.domain.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

Array: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = float | Array


def larger(first: Any, second: Any) -> Any:
    """The larger of two, element by element; for plain numbers several times as quick as numpy."""
    if type(first) is float and type(second) is float:
        return first if first >= second else second
    return np.maximum(first, second)


def smaller(first: Any, second: Any) -> Any:
    """The smaller of two, as `larger`."""
    if type(first) is float and type(second) is float:
        return first if first <= second else second
    return np.minimum(first, second)


def _require_above_zero(name: str, value: Numbers) -> None:
    if not np.all(np.asarray(value) > 0.0):
        raise ValueError(f"{name} is {value}, must be above 0")


@overload
def unit_cost_usd_per_mtok(  # type: ignore[overload-overlap]  # a plain number is never an array
    usd_per_hour: float, output_tokens_per_s: float, utilization_share: float
) -> float: ...
@overload
def unit_cost_usd_per_mtok(
    usd_per_hour: Numbers, output_tokens_per_s: Numbers, utilization_share: Numbers
) -> Array: ...
def unit_cost_usd_per_mtok(usd_per_hour: Numbers, output_tokens_per_s: Numbers, utilization_share: Numbers) -> Numbers:
    """Cost of a million output tokens on hardware billed by the hour.

    Parameters
    ----------
    usd_per_hour : float or array of shape (n,)
        What the replica costs while it runs. [USD/h]
    output_tokens_per_s : float or array of shape (n,)
        Throughput at full load. [tokens/s]
    utilization_share : float or array of shape (n,)
        Share of that throughput in use. [1]

    Returns
    -------
    float or array of shape (n,)
        [USD per 10⁶ tokens]

    Raises
    ------
    ValueError
        If any utilization is outside (0, 1].

    Notes
    -----
    Cost per hour over tokens per hour; the definition, no approximation.

    Examples
    --------
    >>> round(unit_cost_usd_per_mtok(2.50, 2_500.0, 0.5), 4)
    0.5556
    """
    if np.any(np.asarray(utilization_share) <= 0.0) or np.any(np.asarray(utilization_share) > 1.0):
        raise ValueError(f"utilization_share is {utilization_share}, must be above 0 and at most 1")
    tokens_per_hour = output_tokens_per_s * utilization_share * SECONDS_PER_HOUR
    return usd_per_hour / tokens_per_hour * TOKENS_PER_MTOK


@overload
def breakeven_utilization_share(  # type: ignore[overload-overlap]  # as above
    usd_per_hour: float, tokens_per_s: float, price_usd_per_mtok: float
) -> float: ...
@overload
def breakeven_utilization_share(usd_per_hour: Numbers, tokens_per_s: Numbers, price_usd_per_mtok: Numbers) -> Array: ...
def breakeven_utilization_share(usd_per_hour: Numbers, tokens_per_s: Numbers, price_usd_per_mtok: Numbers) -> Numbers:
    """Share of a replica's throughput that must be in use for its tokens to cost what the API asks.

    Parameters
    ----------
    usd_per_hour : float or array of shape (n,)
        What the replica costs while it runs. [USD/h]
    tokens_per_s : float or array of shape (n,)
        Throughput at full load, in the tokens that the price is for. [tokens/s]
    price_usd_per_mtok : float or array of shape (n,)
        Price of the API. [USD per 10⁶ tokens]

    Returns
    -------
    float or array of shape (n,)
        [1]; above 1 means that even the full replica is dearer.

    Raises
    ------
    ValueError
        If a throughput or a price is not above 0.

    Notes
    -----
    The rent of an hour over what the tokens of a full hour would cost at the API: the definition. Rent of one replica
    only; whole replicas, nights and engineers come on top.

    Examples
    --------
    >>> round(breakeven_utilization_share(3.29, 2_500.0, 0.6), 4)
    0.6093
    """
    _require_above_zero("tokens_per_s", tokens_per_s)
    _require_above_zero("price_usd_per_mtok", price_usd_per_mtok)
    mtok_per_hour = tokens_per_s * SECONDS_PER_HOUR / TOKENS_PER_MTOK
    return usd_per_hour / (mtok_per_hour * price_usd_per_mtok)
