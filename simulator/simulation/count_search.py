"""The cheapest of many counts: all of them, or so few that the cheapest is still proved.

The cost of a base of n with an API for the rest is own(n) + left(n): own (rent, people, licences, electricity) never
falls with n, and left (the API's bill) never rises. So between two counts a < b nothing costs less than
own(a) + left(b), and where that is above the cheapest known, nothing between them needs a look. The sum itself may have
many minima, as people are hired in wholes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulator.domain.plans import Array

AT_ONCE = 64  # counts of one pass
ALL_UP_TO = 256  # as many are all tried
MOST_TRIED = 4096
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Tried:
    """What each count comes to, at one volume. `counts` are rising; arrays of shape (n,), money in USD per month."""

    counts: Array
    lines: Mapping[str, Array]
    left_usd: Array  # of the lines, what the API takes for what the fleet leaves
    left_share: Array  # of the requests [1]
    utilization_share: Array

    @property
    def usd_per_month(self) -> Array:
        """All lines together."""
        return np.sum(list(self.lines.values()), axis=0)

    @property
    def own_usd(self) -> Array:
        """All lines but what the API takes."""
        return self.usd_per_month - self.left_usd

    @property
    def best(self) -> int:
        """Place of the cheapest; of equals the least."""
        usd = self.usd_per_month
        return int(np.argmax(usd <= usd.min() * (1.0 + _ROUNDING)))

    @property
    def serving_all(self) -> int | None:
        """Place of the least count that leaves nothing; None: none does."""
        return int(np.argmax(self.left_share <= 0.0)) if np.any(self.left_share <= 0.0) else None


TryPlaces = Callable[[Array], Tried]


def together(one: Tried, other: Tried) -> Tried:
    """What was tried in two passes, by rising count, each count once; a line that a pass lacks is 0 there."""
    counts, places = np.unique(np.concatenate([one.counts, other.counts]), return_index=True)

    def joined(first: Array | None, second: Array | None) -> Array:
        parts = [
            np.zeros(tried.counts.size) if part is None else part
            for part, tried in ((first, one), (second, other))
        ]  # fmt: skip
        both: Array = np.concatenate(parts)[places]
        return both

    return Tried(
        counts=counts,
        lines={key: joined(one.lines.get(key), other.lines.get(key)) for key in {**one.lines, **other.lines}},
        left_usd=joined(one.left_usd, other.left_usd),
        left_share=joined(one.left_share, other.left_share),
        utilization_share=joined(one.utilization_share, other.utilization_share),
    )


def search_counts(try_places: TryPlaces, last: int) -> tuple[Tried, float | None]:
    """Try places 0 to `last`, each with its count, until the cheapest, and the least that leaves nothing, are found.

    Parameters
    ----------
    try_places : function
        From rising places to what their counts come to; counts rise with the places.
    last : int
        The greatest place.

    Returns
    -------
    Tried
        Every place where they are at most `ALL_UP_TO`, else those that were looked at.
    float or None
        By how much one that was not looked at can be cheaper at most: 0, unless more than `MOST_TRIED` would have to be
        looked at. None: the parts were not seen to rise and fall as they should, so that there is no bound.
        [USD per month]

    Notes
    -----
    Branch and bound: a pass divides the gaps between neighbours that may hold something cheaper, those with the lowest
    bound first, and the gap in which the first that leaves nothing must be.
    """
    if last < ALL_UP_TO:
        return try_places(np.arange(last + 1.0)), 0.0
    # Small counts differ most, so they lie closer.
    places = np.unique(np.rint(np.geomspace(1.0, last + 1.0, AT_ONCE) - 1.0))
    tried = try_places(places)
    while True:
        gaps, cheaper_usd = _open_gaps(tried, places)
        if not gaps.size or places.size >= MOST_TRIED:
            return tried, cheaper_usd if _is_monotone(tried) else None
        parts = np.arange(1.0, AT_ONCE // gaps.size + 1.0) / (AT_ONCE // gaps.size + 1.0)
        inside = places[gaps, None] + np.diff(places)[gaps, None] * parts
        new = np.setdiff1d(np.rint(inside), places)
        tried = together(tried, try_places(new))
        places = np.union1d(places, new)


def _open_gaps(tried: Tried, places: Array) -> tuple[Array, float]:
    """Places in `places` before gaps worth a look, at most as many as a pass holds, and how much cheaper any can be."""
    own, left, best = tried.own_usd, tried.left_usd, float(tried.usd_per_month.min())
    has_room = np.diff(places) > 1
    cheaper_usd = np.where(has_room, best * (1.0 - _ROUNDING) - (own[:-1] + left[1:]), 0.0)
    is_end = has_room & (tried.left_share[:-1] > 0.0) & (tried.left_share[1:] <= 0.0)
    order = np.argsort(np.where(is_end, -np.inf, -cheaper_usd), kind="stable")
    is_open = is_end | (cheaper_usd > 0.0)
    return order[is_open[order]][:AT_ONCE], float(cheaper_usd.max(initial=0.0))


def _is_monotone(tried: Tried) -> bool:
    """Whether own cost was seen never to fall, and what is left never to rise, but for rounding."""
    slack = 1e-9 * float(tried.usd_per_month.max())
    return bool(np.all(np.diff(tried.own_usd) >= -slack) and np.all(np.diff(tried.left_usd) <= slack))
