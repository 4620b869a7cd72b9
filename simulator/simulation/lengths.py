"""Lengths of requests over time: a drift of their mean, and what a sum of so many single lengths scatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import LengthLaw
from simulator.domain.traffic import Traffic
from simulator.simulation.calendar import Steps
from simulator.simulation.noise import lognormal
from simulator.simulation.replay import replayed_lengths
from simulator.simulation.streams import stream


@dataclass(frozen=True)
class OneLength:
    """Lengths of prompts or of answers.

    `drift` is the mean length over the workload's, at each base step (None: always one); `normals` one number a base
    step (None: no scatter); `relative_variance` that of a single length.
    """

    drift: Array | None = None
    normals: Array | None = None
    relative_variance: float = 0.0

    def between(self, base_steps: slice) -> OneLength:
        """The lengths of some base steps."""
        drift = None if self.drift is None else self.drift[base_steps]
        normals = None if self.normals is None else self.normals[base_steps]
        return OneLength(drift, normals, self.relative_variance)

    def tokens(self, requests: Array, mean_tokens: float, counted: bool) -> Array:
        """Tokens of so many requests in each base step: a lognormal around their expectation, exact in the mean.

        The sum of n lengths of relative variance v has mean n and variance n v; `counted` says whether the requests are
        single ones, or the flow that is expected, whose lengths do not scatter.
        """
        tokens = requests * mean_tokens
        if self.drift is not None:
            tokens *= self.drift
        if counted and self.normals is not None:
            log_variance = np.maximum(requests, 1.0)
            np.log1p(np.divide(self.relative_variance, log_variance, out=log_variance), out=log_variance)
            scatter = np.sqrt(log_variance)
            scatter *= self.normals
            log_variance *= 0.5
            scatter -= log_variance
            tokens *= np.exp(scatter, out=scatter)
        return tokens


@dataclass(frozen=True)
class LengthDraws:
    """Lengths of prompts and of answers."""

    input: OneLength
    output: OneLength

    def between(self, base_steps: slice) -> LengthDraws:
        """The lengths of some base steps."""
        return LengthDraws(self.input.between(base_steps), self.output.between(base_steps))

    @property
    def vary(self) -> bool:
        """Whether any length is not its mean."""
        return any(one.drift is not None or one.normals is not None for one in (self.input, self.output))


def drawn_lengths(traffic: Traffic, timeline: Steps, seed: int) -> LengthDraws:
    """Lengths over the horizon, drawn or as they were recorded."""
    laws = traffic.token_lengths
    if laws is None:
        input_drift, output_drift = replayed_lengths(traffic, timeline)
        return LengthDraws(OneLength(drift=input_drift), OneLength(drift=output_drift))
    return LengthDraws(_drawn(laws.input, "input", timeline, seed), _drawn(laws.output, "output", timeline, seed))


def _drawn(law: LengthLaw, name: str, timeline: Steps, seed: int) -> OneLength:
    drift = normals = None
    if law.drift_relative_sd > 0:
        generator = stream(seed, f"{name}_drift")
        drift = lognormal(law.drift_relative_sd, law.drift_time_s, timeline.size, timeline.base_s, generator)
    if law.log_sd > 0:
        normals = stream(seed, f"{name}_lengths").standard_normal(timeline.size)
    return OneLength(drift, normals, law.relative_variance)
