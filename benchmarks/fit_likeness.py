"""Finds the settings of anchoring by how well measurements predict each other; used by `fit_throughput.py --likeness`.

Each measurement is predicted from all others (leave one out) and from all of other pairs of model and GPU (leave one
pair out), both from one inverse of the covariance: for a group g the error is (C^-1)_gg^-1 (C^-1 y)_g (Rasmussen and
Williams 2006, section 5.4.2). The score is the mean negative logarithm of a Student density with 4 degrees of freedom,
as published measurements have outliers. The search walks along one setting after the other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from simulator.catalogue.anchors import FURTHEST_LOG_RATIO
from simulator.catalogue.efficiencies import AnchoringSettings
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import Measured
from simulator.domain.kriging import Likeness, Situations, category_covariance, fading

SHARES = ("model", "model_kind", "generation", "gpu", "precision", "version", "engine")
SHARES += ("latency", "first_token", "regime", "layout")
LEAST_NOISE_SD = 0.025  # measurements of one thing repeat to about this
LEAVE_ONE_OUT_SHARE = 0.6  # of the score; the rest is for pairs never seen
DEGREES_OF_FREEDOM = 4
SECONDS = 900.0


def pair_groups(measured: Measured) -> list[np.ndarray]:
    """Rows of every pair of model shape and GPU."""
    names = np.array([f"{open_model(row.model).shape_id}|{row.gpu}" for row in measured.rows])
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def predictions(
    settings: Likeness, situations: Situations, log_ratios: np.ndarray, groups: list[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Errors and variances when each row, and each group of rows, is predicted from the others."""
    covariance = category_covariance(situations, situations, settings)
    covariance *= fading(situations.coordinates, situations.coordinates, settings)
    covariance[np.diag_indices(len(situations))] += settings.noise_sd**2
    inverse = np.linalg.inv(covariance)
    weights = inverse @ log_ratios
    alone = 1.0 / np.diag(inverse)
    errors, variances = np.empty_like(weights), np.empty_like(weights)
    for group in groups:
        left = np.linalg.inv(inverse[np.ix_(group, group)])
        errors[group], variances[group] = left @ weights[group], np.diag(left)
    return [(weights * alone, alone), (errors, variances)]


def score(errors: np.ndarray, variances: np.ndarray) -> float:
    """Mean negative logarithm of the predictive density, up to a constant; lower is better."""
    spread = np.maximum(variances, 1e-5)
    power = (DEGREES_OF_FREEDOM + 1) / 2
    return float(np.mean(0.5 * np.log(spread) + power * np.log1p(errors**2 / spread / DEGREES_OF_FREEDOM)))


def fitted_likeness(measured: Measured, log_ratios: np.ndarray, start: Mapping[str, float]) -> dict[str, float]:
    """Settings that predict best, found from those given."""
    situations, groups = measured.situations(), pair_groups(measured)
    clipped = np.clip(log_ratios, -FURTHEST_LOG_RATIO, FURTHEST_LOG_RATIO)

    def cost(point: np.ndarray) -> float:
        settings = AnchoringSettings(**_decoded(names, point)).likeness
        if settings.noise_sd < LEAST_NOISE_SD:
            return np.inf
        (alone, alone_variance), (pairs, pair_variance) = predictions(settings, situations, clipped, groups)
        seen, unseen = score(alone, alone_variance), score(pairs, pair_variance)
        return LEAVE_ONE_OUT_SHARE * seen + (1.0 - LEAVE_ONE_OUT_SHARE) * unseen

    names = tuple(start)
    point = np.array([_encoded(name, value) for name, value in start.items()])
    steps, best = np.full(point.size, 0.3), cost(point)
    order, until = np.random.default_rng(0), time.monotonic() + SECONDS
    while time.monotonic() < until and steps.max() > 0.05:
        for place in order.permutation(point.size):
            for sign in (1.0, -1.0):
                other = point.copy()
                other[place] += sign * steps[place]
                found = cost(other)
                if found < best - 1e-5:
                    best, point = found, other
                    steps[place] *= 1.3
                    break
            else:
                steps[place] *= 0.5
        print(f"score {best:.4f}", _decoded(names, point), flush=True)
    return {name: float(f"{value:.3g}") for name, value in _decoded(names, point).items()}


def _encoded(name: str, value: float) -> float:
    return float(np.log(value / (1.0 - value)) if name in SHARES else np.log(value))


def _decoded(names: tuple[str, ...], point: np.ndarray) -> dict[str, float]:
    return {
        name: float(1.0 / (1.0 + np.exp(-value)) if name in SHARES else np.exp(value))
        for name, value in zip(names, point, strict=True)
    }
