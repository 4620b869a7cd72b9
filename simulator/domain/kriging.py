"""Anchoring: what measurements say about a roofline figure, and how sure that leaves it.

The logarithm of measured over roofline is taken as a Gaussian process over what was measured: alike situations are off
alike. Its mean corrects the roofline, its variance is the band (kriging: Rasmussen and Williams 2006, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.domain.serving import Array

# What a situation is told by: columns of `Situations.codes`.
CODES = ("model", "is_mixture", "gpu", "generation", "precision", "version", "engine", "quantity", "regime", "layout")
DIMENSIONS = 5  # of `Situations.coordinates`
_BLOCK = 512  # questions answered at a time: what they need stays in the processor's cache
QUANTITIES = ("throughput", "time_per_token", "first_token")


@dataclass(frozen=True)
class Likeness:
    """How alike two situations are: distances that halve nothing but fade, and factors for what differs.

    Attributes
    ----------
    sd : float
        Standard deviation of ln(measured / roofline) before any measurement. [1]
    noise_sd : float
        The same between two measurements of one and the same thing. [1]
    scales : tuple of float
        Doublings of input, output, load and GPUs over which likeness fades, and the difference in draining share.
    roughness : float
        Exponent of the rational quadratic kernel; small: near ones count more, far ones still count.
    model, model_kind, generation, gpu, precision, version, engine, latency, first_token, regime, layout : float
        Factor where that differs: another model of the same kind, of the other kind as well; another GPU of the same
        generation, of another one as well; another version of the engine, another engine as well; a time in place of
        a throughput; a time to the first token.
    """

    sd: float
    noise_sd: float
    scales: tuple[float, float, float, float, float]
    roughness: float
    model: float
    model_kind: float
    generation: float
    gpu: float
    precision: float
    version: float
    engine: float
    latency: float
    first_token: float
    regime: float
    layout: float

    def of_models(self, same: Any, same_kind: Any) -> Any:
        """Of one model to another: bools, or arrays of them."""
        return np.where(same, 1.0, np.where(same_kind, self.model, self.model * self.model_kind))

    def of_gpus(self, same: Any, same_generation: Any) -> Any:
        """Of one GPU to another: bools, or arrays of them."""
        return np.where(same, 1.0, np.where(same_generation, self.generation, self.generation * self.gpu))


@dataclass(frozen=True)
class Situations:
    """n situations.

    `coordinates` (n, 5): input, output, load and GPUs in octaves, and how much of a finite run its draining batch is;
    `codes` (n, 10): as in `CODES`.
    """

    coordinates: Array
    codes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.coordinates.shape[0])


@dataclass(frozen=True)
class Anchors:
    """Measured situations with what they say, made ready for questions."""

    situations: Situations
    weights: Array  # (n,): inverse covariance x log ratios
    inverse: npt.NDArray[np.float32]  # (n, n) inverse covariance
    likeness: Likeness

    @cached_property
    def scales(self) -> Array:
        """Over which likeness fades, shape (dimensions,)."""
        return np.asarray(self.likeness.scales)

    @cached_property
    def scaled(self) -> Array:
        """Coordinates over the scales, shape (n, dimensions)."""
        return self.situations.coordinates / self.scales

    @cached_property
    def squares(self) -> Array:
        """Squared lengths of those, shape (n,)."""
        return np.einsum("ij,ij->i", self.scaled, self.scaled)

    def __len__(self) -> int:
        return len(self.situations)


def anchored_on(situations: Situations, log_ratios: Array, likeness: Likeness, noise_sd: Array) -> Anchors:
    """Solve for the weights of measured situations.

    Parameters
    ----------
    situations : Situations
        n measured ones.
    log_ratios : array of shape (n,)
        ln(measured / roofline), of a rate: for a time ln(roofline / measured).
    likeness : Likeness
        How alike situations are.
    noise_sd : array of shape (n,)
        Standard deviation of each log ratio by itself.

    Returns
    -------
    Anchors
        Without any measurement: anchors that correct nothing.
    """
    covariance = category_covariance(situations, situations, likeness)
    covariance *= fading(situations.coordinates, situations.coordinates, likeness)
    covariance[np.diag_indices(len(situations))] += noise_sd**2
    inverse = np.linalg.inv(covariance)
    return Anchors(situations, inverse @ log_ratios, inverse.astype(np.float32), likeness)


def category_covariance(first: Situations, second: Situations, likeness: Likeness) -> Array:
    """Covariance of situations of equal lengths, loads and GPU counts, shape (n, m)."""
    same = {name: _same(first.codes[:, column], second.codes[:, column]) for column, name in enumerate(CODES)}
    another_version = np.where(same["engine"], likeness.version, likeness.version * likeness.engine)
    covariance = likeness.sd**2 * likeness.of_models(same["model"], same["is_mixture"])
    covariance *= likeness.of_gpus(same["gpu"], same["generation"])
    covariance *= np.where(same["version"], 1.0, another_version)
    covariance *= np.where(same["precision"], 1.0, likeness.precision)
    covariance *= np.where(same["regime"], 1.0, likeness.regime)
    covariance *= np.where(same["layout"], 1.0, likeness.layout)
    quantity = CODES.index("quantity")
    covariance *= _quantity_factors(likeness)[first.codes[:, quantity]][:, second.codes[:, quantity]]
    return covariance


def fading(first: Array, second: Array, likeness: Likeness) -> Array:
    """How likeness fades with the distance of lengths, loads and GPU counts, shape (n, m); 1 at none.

    Rational quadratic kernel, a mixture of Gaussian ones of all widths: (1 + d^2 / 2 a)^-a.
    """
    scale = np.asarray(likeness.scales)
    a, b = first / scale, second / scale
    return _faded(a, b, np.einsum("ij,ij->i", b, b), likeness.roughness)


def _faded(scaled: Array, others: Array, squares_of_others: Array, roughness: float) -> Array:
    squares = np.einsum("ij,ij->i", scaled, scaled)[:, None] + squares_of_others - 2.0 * (scaled @ others.T)
    fade: Array = (1.0 + np.maximum(squares, 0.0) / (2.0 * roughness)) ** -roughness
    return fade


class Correction(NamedTuple):
    """What anchors say about m questions."""

    log_ratios: Array  # (q, m): ln(measured / roofline) of q quantities, as rates
    variance: Array  # (m,): left of the first quantity, noise of one measurement included
    nearest: Array  # (k, m): likeness, 0 to 1, to the most alike anchor of each of k sets, of the first quantity
    first: Array  # (n,): likeness of the first question to every anchor


def correction(anchors: Anchors, categories: Array, coordinates: Array, sets: npt.NDArray[np.bool_]) -> Correction:
    """What anchors add to the logarithm of rates, and the variance that is left.

    Parameters
    ----------
    anchors : Anchors
        n measured situations.
    categories : array of shape (q, n)
        Covariance of the questions with them but for distance, from `category_covariance`; one row a quantity.
    coordinates : array of shape (m, dimensions)
        Of the questions.
    sets : array of bool of shape (k, n)
        Sets of anchors to tell the nearness of.

    Returns
    -------
    Correction
        Without anchors: no correction, all of the variance.
    """
    blocks = [
        _block(anchors, categories, coordinates[start : start + _BLOCK], sets)
        for start in range(0, max(len(coordinates), 1), _BLOCK)
    ]
    if len(blocks) == 1:
        return blocks[0]
    ratios, variance, nearest, _ = (np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True))
    return Correction(ratios, variance, nearest, blocks[0].first)


def _block(anchors: Anchors, categories: Array, coordinates: Array, sets: npt.NDArray[np.bool_]) -> Correction:
    settings = anchors.likeness
    fade = _faded(coordinates / anchors.scales, anchors.scaled, anchors.squares, settings.roughness)
    covariance = categories[0] * fade
    narrow = covariance.astype(np.float32)
    explained = np.einsum("ij,ij->i", narrow @ anchors.inverse, narrow)
    left = np.maximum(settings.sd**2 - explained, 0.0) + settings.noise_sd**2
    likeness = covariance / settings.sd**2
    nearest = np.array([likeness[:, chosen].max(axis=1, initial=0.0) for chosen in sets])
    first = likeness[0] if len(likeness) else np.zeros(len(anchors))
    return Correction((categories * anchors.weights) @ fade.T, left, nearest, first)


def _same(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return first[:, None] == second


def _quantity_factors(likeness: Likeness) -> Array:
    """Likeness of throughput, time per token and time to the first token to one another."""
    factors = np.full((3, 3), likeness.latency * likeness.first_token)
    factors[0, 1] = factors[1, 0] = likeness.latency
    factors[1, 2] = factors[2, 1] = likeness.first_token
    np.fill_diagonal(factors, 1.0)
    return factors
