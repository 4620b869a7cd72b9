"""Paths of the uncertain inputs, drawn once: the first 64 of 256 are those of 64.

Sobol numbers come as several sequences, each scrambled on its own: how far these differ from each other tells how well
a median is known (Owen, 1997). The paths take turns: path i is point i // sequences of sequence i mod sequences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.domain.uncertainty import Uncertainty, correlation_matrix

Array = NDArray[Any]  # of float64

SOBOL_SEQUENCES = 16  # fewer: intervals rest on few; more: each is shorter, and lies less evenly
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
    Scrambled Sobol numbers (Owen, 1998; as in scipy.stats.qmc) where so asked, in turn from `SOBOL_SEQUENCES` of them
    that know nothing of each other; else independent ones. Correlations by a Gaussian copula: the normal numbers of the
    shares, times the Cholesky factor, back to shares.
    """
    size = len(uncertainty.inputs)
    seed = scenario_seed if uncertainty.seed is None else uncertainty.seed
    if size == 0:
        return np.zeros((paths, 0))
    if uncertainty.draws == "independent":
        shares = np.random.default_rng([_STREAM, seed]).random((paths, size))
    else:
        shares = _sobol_shares(size, seed, paths)
    shares = np.clip(shares, _EDGE, 1.0 - _EDGE)
    if not uncertainty.correlations:
        return shares
    from scipy.special import ndtr, ndtri

    factor = np.linalg.cholesky(correlation_matrix(tuple(uncertainty.inputs), uncertainty.correlations))
    return np.clip(ndtr(ndtri(shares) @ factor.T), 1e-15, 1.0 - 1e-15)


def independent_sequences(uncertainty: Uncertainty, paths: int) -> int:
    """Into how many sequences that know nothing of each other the paths fall: path i belongs to the (i mod n)-th."""
    return min(paths, SOBOL_SEQUENCES) if uncertainty.inputs and uncertainty.draws == "sobol" else paths


def _sobol_shares(size: int, seed: int, paths: int) -> Array:
    """Points of all sequences in turn. Shape (paths, size)."""
    from scipy.stats import qmc

    of_each = -(-paths // SOBOL_SEQUENCES)
    whole = 1 << max(of_each - 1, 0).bit_length()  # the balance of the numbers is that of powers of two
    sequences = [
        qmc.Sobol(size, scramble=True, rng=np.random.default_rng([_STREAM, seed, place])).random(whole)
        for place in range(SOBOL_SEQUENCES)
    ]
    return np.stack(sequences, axis=1).reshape(-1, size)[:paths]


def path_values(uncertainty: Uncertainty, shares: Array) -> Array:
    """Values of every input at its shares. Shape (paths, inputs), in the units of the keys."""
    values = np.empty(shares.shape)
    for place, distribution in enumerate(uncertainty.inputs.values()):
        values[:, place] = distribution.quantile(shares[:, place])
    return values
