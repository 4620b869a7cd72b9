"""Which inputs of a scenario are uncertain, how they go together, and how many paths tell what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Model, PositiveShare, PositiveWhole, Whole
from simulator.domain.distributions import Distribution

Array = NDArray[Any]  # of float64

FIRST_PATHS = 64
MOST_PATHS = 131_072
MOST_INPUTS = 200
_LEAST_EIGENVALUE = 1e-10

Correlation = Annotated[Finite, Field(gt=-1, lt=1)]


def _refuse(key: str, text: str) -> None:
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class Correlated(Model):
    """Inputs that go together: one correlation for every two of them, or a matrix.

    Correlations are those of the normal numbers that the inputs are drawn by (a Gaussian copula): of two lognormal
    inputs those of their logarithms.
    """

    keys: tuple[str, ...] = Field(min_length=2, description="Uncertain keys, dotted.")
    correlation: Correlation | None = Field(default=None, description="Of every two of them. [1]")
    matrix: tuple[tuple[Annotated[Finite, Field(ge=-1, le=1)], ...], ...] | None = Field(
        default=None, description="Of each with each, symmetric, with ones on the diagonal. [1]"
    )

    @model_validator(mode="after")
    def _complete(self) -> Correlated:
        if (self.correlation is None) == (self.matrix is None):
            _refuse("correlation", "must be given, or matrix, not both")
        for place, key in enumerate(self.keys):
            if key in self.keys[:place]:
                _refuse(f"keys[{place}]", f"is '{key}', must be a key not named already")
        if self.matrix is not None:
            size = len(self.keys)
            if len(self.matrix) != size or any(len(row) != size for row in self.matrix):
                _refuse("matrix", f"must have {size} rows of {size} numbers, one a key")
            values = np.array(self.matrix)
            if np.any(values != values.T) or np.any(np.diag(values) != 1.0):
                _refuse("matrix", "must be symmetric, with ones on the diagonal")
        if not is_positive_definite(self.values):
            _refuse(
                "matrix" if self.matrix is not None else "correlation",
                "is not positive definite, must be: no numbers can go together like that",
            )
        return self

    @property
    def values(self) -> Array:
        """Correlation of each with each. Shape (keys, keys)."""
        if self.matrix is not None:
            return np.array(self.matrix)
        size = len(self.keys)
        return np.full((size, size), self.correlation or 0.0) + (1.0 - (self.correlation or 0.0)) * np.eye(size)


class Uncertainty(Model):
    """What is not known exactly. A distribution in place of a number anywhere in the file is an entry of `inputs`."""

    inputs: dict[str, Distribution] = Field(
        default_factory=dict, description="Distributions by dotted key; the key itself gets the median."
    )
    correlations: tuple[Correlated, ...] = Field(default=(), description="Inputs that go together.")
    paths: Annotated[PositiveWhole, Field(ge=FIRST_PATHS, le=MOST_PATHS)] = Field(
        default=512, description="Most paths: 64, then twice as many again and again, until the median is known."
    )
    precision_share: PositiveShare = Field(
        default=0.02, description="Half-width of the median's 90 % interval over the median at which paths suffice. [1]"
    )
    traffic_seeds: Annotated[Whole, Field(le=1024)] = Field(
        default=16, description="Seeds that the chance in the traffic is told by; 0: the scenario's own only."
    )
    draws: Literal["sobol", "independent"] = Field(
        default="sobol", description="Scrambled Sobol numbers, or independent ones. Each are the first of a longer row."
    )
    seed: Whole | None = Field(default=None, description="Seed of the paths; left out: the scenario's.")

    @model_validator(mode="after")
    def _together(self) -> Uncertainty:
        if len(self.inputs) > MOST_INPUTS:
            _refuse("inputs", f"has {len(self.inputs)} entries, must have at most {MOST_INPUTS}")
        for place, group in enumerate(self.correlations):
            for index, key in enumerate(group.keys):
                if key not in self.inputs:
                    allowed = ", ".join(self.inputs) or "none is"
                    _refuse(f"correlations[{place}].keys[{index}]", f"is '{key}', must be an uncertain key: {allowed}")
        for place in range(len(self.correlations)):
            if not is_positive_definite(correlation_matrix(tuple(self.inputs), self.correlations[: place + 1])):
                _refuse(f"correlations[{place}]", "with those before it is not positive definite, must be")
        return self


def correlation_matrix(keys: Sequence[str], groups: Sequence[Correlated]) -> Array:
    """Correlation of each key with each; a later group goes before an earlier one. Shape (keys, keys)."""
    matrix = np.eye(len(keys))
    place: Mapping[str, int] = {key: index for index, key in enumerate(keys)}
    for group in groups:
        places = [place[key] for key in group.keys]
        matrix[np.ix_(places, places)] = group.values
    return matrix


def is_positive_definite(matrix: Array) -> bool:
    """Whether numbers can have these correlations."""
    return bool(np.linalg.eigvalsh(matrix).min() > _LEAST_EIGENVALUE)
