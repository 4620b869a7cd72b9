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


TryCounts = Callable[[Array], Tried]


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


def search_counts(try_counts: TryCounts, candidates: Array) -> Tried:
    """Try counts until the cheapest of all candidates, and the least that leaves nothing, are among them for certain.

    Parameters
    ----------
    try_counts : function
        From rising counts to what they come to.
    candidates : array of shape (n,)
        Rising counts.

    Returns
    -------
    Tried
        All candidates where they are at most `ALL_UP_TO`, else those that were looked at.

    Notes
    -----
    Exact where own never falls and left never rises with the count, see above; a pass divides every gap that may hold
    something cheaper, or the end of what is left, so there are few passes for any number of candidates.
    """
    last = candidates.size - 1
    if last < ALL_UP_TO:
        places = np.arange(last + 1)
    else:
        # Small counts differ most, so they lie closer.
        places = np.unique(np.rint(np.geomspace(1.0, last + 1.0, AT_ONCE) - 1.0).astype(np.int64))
    tried = try_counts(candidates[places])
    while True:
        gaps = _open_gaps(tried, places)
        if not gaps:
            return tried
        per_gap = max(1, AT_ONCE // len(gaps))
        inside = [np.linspace(low, high, per_gap + 2)[1:-1] for low, high in gaps]
        new = np.setdiff1d(np.rint(np.concatenate(inside)).astype(np.int64), places)
        tried = together(tried, try_counts(candidates[new]))
        places = np.union1d(places, new)


def _open_gaps(tried: Tried, places: Array) -> list[tuple[int, int]]:
    """Neighbours tried with others between them of which one may be the cheapest, or the first that leaves nothing."""
    own, left, best = tried.own_usd, tried.left_usd, float(tried.usd_per_month.min())
    least_between = own[:-1] + left[1:]
    is_end = (tried.left_share[:-1] > 0.0) & (tried.left_share[1:] <= 0.0)
    is_open = (np.diff(places) > 1) & ((least_between < best * (1.0 - _ROUNDING)) | is_end)
    return [(int(places[at]), int(places[at + 1])) for at in np.flatnonzero(is_open)]
