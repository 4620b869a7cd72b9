"""Which uncertain input matters, in sentences; and what an input is called."""

from __future__ import annotations

import math

from simulator.presentation.numbers import usd
from simulator.solving.sensitivity import Sensitivity


def names_of_key(key: str) -> list[str]:
    """A dotted key, and what is left of it as parts are taken off its front: the first that fits is shown."""
    parts = key.split(".")
    return [".".join(parts[begin:]) for begin in range(len(parts))]


def flip_sentence(sensitivity: Sensitivity) -> str:
    """What would turn the choice at the own volume, and what would not."""
    middle = sensitivity.difference_usd_per_month
    if math.isnan(middle):
        return _not_had(sensitivity)
    cheaper = sensitivity.challenger if middle < 0 else sensitivity.baseline
    turning = int(sensitivity.flips["flips_at"].notna().sum())
    of_them = f"{turning} of {len(sensitivity.flips)} inputs" if turning else "no input"
    return f"{cheaper} is cheaper by {usd(abs(middle))} a month at the medians; {of_them} can turn that alone"


def tornado_sentences(sensitivity: Sensitivity) -> list[str]:
    """What both cost at the medians and what moves it most, from long to short."""
    middle = sensitivity.difference_usd_per_month
    if math.isnan(middle):
        return [_not_had(sensitivity)]
    more = "more" if middle > 0 else "less"
    first = (
        f"At the medians {sensitivity.challenger} costs {usd(abs(middle))} a month {more} than {sensitivity.baseline}"
    )
    if sensitivity.tornado.empty:
        return [first]
    return [f"{first}; what moves it most is {sensitivity.tornado.iloc[0]['key']}", first]


def _not_had(sensitivity: Sensitivity) -> str:
    return f"{sensitivity.challenger} can't be had with every input at its median"
