"""Paths of the uncertain inputs, drawn once: the first 64 of 256 are those of 64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.uncertainty import Uncertainty, correlation_matrix

Array = NDArray[Any]  # of float64

_STREAM = 0x70617468  # 'path': apart from every stream of the demand
_EDGE = 2.0**-33  # Sobol numbers lie on a grid of 2^-30 and may be 0


def path_shares(uncertainty: Uncertainty, scenario_seed: int, paths: int) -> Array:
    """Place of every input of every path in its distribution, correlations included.

    Parameters
    ----------
    uncertainty : Uncertainty
        The inputs, in their order.
    scenario_seed : int
        Used where the uncertainty has no seed of its own.
    paths : int
        How many.

    Returns
    -------
    array of shape (paths, inputs)
        Above 0 and below 1; uniform each. More paths begin with the same ones.

    Notes
    -----
    Scrambled Sobol numbers (Owen, 1998; as in scipy.stats.qmc) where so asked, else independent ones. Correlations by a
    Gaussian copula: the normal numbers of the shares, times the Cholesky factor, back to shares.
    """
    size = len(uncertainty.inputs)
    seed = scenario_seed if uncertainty.seed is None else uncertainty.seed
    rng = np.random.default_rng([_STREAM, seed])
    if size == 0:
        return np.zeros((paths, 0))
    if uncertainty.draws == "independent":
        shares = rng.random((paths, size))
    else:
        from scipy.stats import qmc

        whole = 1 << max(paths - 1, 0).bit_length()  # the balance of the numbers is that of powers of two
        shares = qmc.Sobol(size, scramble=True, rng=rng).random(whole)[:paths]
    shares = np.clip(shares, _EDGE, 1.0 - _EDGE)
    if not uncertainty.correlations:
        return shares
    from scipy.special import ndtr, ndtri

    factor = np.linalg.cholesky(correlation_matrix(tuple(uncertainty.inputs), uncertainty.correlations))
    return np.clip(ndtr(ndtri(shares) @ factor.T), 1e-15, 1.0 - 1e-15)


def path_values(uncertainty: Uncertainty, shares: Array) -> Array:
    """Values of every input at its shares. Shape (paths, inputs), in the units of the keys."""
    values = np.empty(shares.shape)
    for place, distribution in enumerate(uncertainty.inputs.values()):
        values[:, place] = distribution.quantile(shares[:, place])
    return values
