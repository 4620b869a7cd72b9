"""What a run says of uncertain inputs: that it took their medians."""

from __future__ import annotations

from simulator.domain.distributions import median_of
from simulator.domain.scenario import Scenario
from simulator.presentation.numbers import number

_MOST_NAMED = 6


def uncertainty_lines(scenario: Scenario) -> list[str]:
    """The uncertain inputs and the medians taken; nothing where there is none."""
    if scenario.uncertainty is None or not scenario.uncertainty.inputs:
        return []
    inputs = scenario.uncertainty.inputs
    named = [f"{key} {number(median_of(one))}" for key, one in list(inputs.items())[:_MOST_NAMED]]
    more = f" and {len(inputs) - _MOST_NAMED} more" if len(inputs) > _MOST_NAMED else ""
    return [f"uncertain inputs are at their medians ({', '.join(named)}{more}); `breakeven risk` tells what follows"]
