"""Every volume at which the cheaper of two options changes.

The difference D of two monthly costs over volume is seldom smooth: rent is a staircase, bills are lines, and under
random traffic every replica of every step is a tooth. A root finder returns any one crossing or none. But D splits
into a part that never falls and one that never rises with the volume, D = rising - falling, and that bounds it on an
interval:

    rising(a) - falling(b)  <=  D  <=  rising(b) - falling(a)     on [a, b].

Intervals whose bounds have one sign hold no crossing and are never looked at again; the others are divided, all
together, until each either pins a jump or lies so near zero that nothing in it counts: the scan can't miss a crossing
between its points, and its answer does not depend on where it starts. Intervals start as octaves over all volumes
that can occur.

What counts: a *jump* moves D by more than 0.1 % of the bill. Crossings joined only by smaller teeth, or closer than
1e-5 relative, are one continuous crossing in the middle of their cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.domain.plans import Array

JUMP_SHARE = 1e-3
MERGE_DISTANCE = 1e-5
LOCATION_TOLERANCE = 1e-9  # of a jump; a continuous crossing is interpolated from closer
LEAST_VOLUME, GREATEST_VOLUME = 2.0**-10, 2.0**60  # tokens per month: less than one, more than the world's
LANES = 64
MOST_SAMPLES = 24_576


@dataclass(frozen=True)
class Difference:
    """Cost of a challenger minus a baseline at n volumes, in two parts that never fall; arrays of shape (n,)."""

    rising: Array
    falling: Array
    scale: Array  # the baseline's cost, against which jumps are measured

    @property
    def value(self) -> Array:
        """The difference itself. [USD per month]"""
        return self.rising - self.falling


Evaluate = Callable[[Array], Difference]


@dataclass(frozen=True)
class Crossing:
    """A volume where the cheaper of two options changes, from the left to the right."""

    tokens_per_month: float
    becomes_cheaper: Literal["challenger", "baseline"]
    kind: Literal["continuous", "jump"]


@dataclass(frozen=True)
class CrossingsFound:
    """All crossings in order, and who is cheaper at the lowest and at the highest volume (0: equal)."""

    crossings: tuple[Crossing, ...]
    sign_at_least: int  # of challenger minus baseline
    sign_at_greatest: int
    resolved: bool  # False: the scan ran out of samples before every interval was decided


def find_crossings(
    evaluate: Evaluate, *, least: float = LEAST_VOLUME, greatest: float = GREATEST_VOLUME, per_octave: int = 1
) -> CrossingsFound:
    """All crossings of two cost curves between two volumes.

    Parameters
    ----------
    evaluate : function from volumes (n,) to Difference
        The two parts of the difference; each must never fall with the volume.
    least, greatest : float
        Ends of the search. [tokens per month]
    per_octave : int
        Intervals that each doubling starts with; any number finds the same crossings.

    Returns
    -------
    CrossingsFound
        Jumps to 1e-9 relative; continuous crossings to rounding where the difference is affine.
    """
    start = np.exp2(
        np.arange(np.floor(np.log2(least)) * per_octave, np.ceil(np.log2(greatest)) * per_octave + 1) / per_octave
    )
    start = np.unique(np.clip(start, least, greatest))
    scan = _Scan(evaluate, start)
    resolved = scan.divide()
    found = [*scan.jumps(), *scan.continuous()]
    found.sort(key=lambda crossing: crossing.tokens_per_month)
    signs = _signs(scan)
    merged = _alternating(_merged_by_distance(found), int(signs[0]))
    return CrossingsFound(tuple(merged), int(signs[0]), int(signs[-1]), resolved)


class _Scan:
    """Samples of the difference in the order of volume, and the intervals between them that may hold a crossing."""

    def __init__(self, evaluate: Evaluate, volumes: Array) -> None:
        self._evaluate = evaluate
        first = evaluate(volumes)
        self.volumes, self.rising, self.falling, self.scale = volumes, first.rising, first.falling, first.scale

    @property
    def values(self) -> Array:
        return self.rising - self.falling

    def _bounds(self) -> tuple[Array, Array, Array]:
        """Least and greatest difference possible on each interval, and rounding noise there. Shape (samples - 1,)."""
        low = self.rising[:-1] - self.falling[1:]
        high = self.rising[1:] - self.falling[:-1]
        noise = 1e-12 * np.maximum(np.maximum(self.rising[1:], self.falling[1:]), 1e-300)
        return low, high, noise

    def undecided(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Intervals whose bounds have both signs."""
        low, high, noise = self._bounds()
        return (low < -noise) & (high > noise)

    def negligible(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Intervals so near zero all over that no tooth in them counts."""
        low, high, _ = self._bounds()
        near = 0.5 * JUMP_SHARE * np.minimum(self.scale[:-1], self.scale[1:])
        return (-low <= near) & (high <= near)

    def narrow(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Intervals too short to divide."""
        return np.diff(self.volumes) <= LOCATION_TOLERANCE * self.volumes[1:]

    def divide(self) -> bool:
        """Divide undecided intervals until each is negligible or narrow; False: too many of them."""
        while True:
            wanted = np.flatnonzero(self.undecided() & ~self.negligible() & ~self.narrow())
            if wanted.size == 0:
                return True
            if self.volumes.size + wanted.size > MOST_SAMPLES:
                return False
            inner = max(1, LANES // wanted.size)
            parts = np.arange(1, inner + 1) / (inner + 1)
            low, high = self.volumes[wanted], self.volumes[wanted + 1]
            self.add((low[:, None] + (high - low)[:, None] * parts).ravel())

    def add(self, volumes: Array) -> None:
        """Sample more volumes."""
        volumes = np.setdiff1d(volumes, self.volumes)
        if volumes.size == 0:
            return
        more = self._evaluate(volumes)
        at = np.searchsorted(self.volumes, volumes)
        self.volumes = np.insert(self.volumes, at, volumes)
        self.rising = np.insert(self.rising, at, more.rising)
        self.falling = np.insert(self.falling, at, more.falling)
        self.scale = np.insert(self.scale, at, more.scale)

    def jumps(self) -> list[Crossing]:
        """Sign changes inside narrow intervals that are no part of a negligible run."""
        values = self.values
        places = np.flatnonzero(self.undecided() & self.narrow() & ~self.negligible() & (values[:-1] * values[1:] < 0))
        return [
            Crossing(float(self.volumes[i + 1]), _cheaper_after(values[i]), self._kind(i))
            for i in (int(place) for place in places)
        ]

    def _kind(self, place: int) -> Literal["continuous", "jump"]:
        height = abs(self.values[place + 1] - self.values[place])
        return "jump" if height > JUMP_SHARE * self.scale[place : place + 2].min() else "continuous"

    def continuous(self) -> list[Crossing]:
        """One crossing in every run of negligible intervals whose ends have different signs."""
        runs = [(low, high) for low, high in self._negligible_runs() if self._sign_at(low) * self._sign_at(high) < 0]
        located = _locate(self, runs)
        return [
            Crossing(volume, _cheaper_after(self._sign_at(low)), "continuous")
            for volume, (low, _) in zip(located, runs, strict=True)
        ]

    def _sign_at(self, volume: float) -> float:
        return float(np.sign(self.values[np.searchsorted(self.volumes, volume)]))

    def _negligible_runs(self) -> list[tuple[float, float]]:
        """Ends of every longest run of negligible undecided intervals side by side."""
        inside = np.concatenate(([False], self.undecided() & self.negligible(), [False]))
        starts = np.flatnonzero(~inside[:-1] & inside[1:])
        ends = np.flatnonzero(inside[:-1] & ~inside[1:])
        return [(float(self.volumes[a]), float(self.volumes[b])) for a, b in zip(starts, ends, strict=True)]


def _locate(scan: _Scan, runs: list[tuple[float, float]]) -> list[float]:
    """The middle between first and last sign change in each run, to rounding.

    Each run is looked at through a window that shrinks around its sign changes. Where the difference is monotone in the
    window the next points lie close around the straight line's zero, which ends the search at once for an affine one.
    """
    windows = [list(run) for run in runs]
    for _ in range(60):
        open_runs = [i for i, (low, high) in enumerate(windows) if high - low > 1e-14 * high]
        if not open_runs:
            break
        points = [_window_points(scan, windows[i], max(3, LANES // len(open_runs))) for i in open_runs]
        scan.add(np.concatenate(points))
        before = [tuple(windows[i]) for i in open_runs]
        for i in open_runs:
            windows[i] = list(_sign_changes_between(scan, *windows[i]))
        if before == [tuple(windows[i]) for i in open_runs]:
            break
    return [_middle(scan, low, high) for low, high in windows]


def _window_points(scan: _Scan, window: list[float], count: int) -> Array:
    """Where to look next in a window: near the straight line's zero where D is monotone, else all over."""
    low, high = window
    a, b = (int(place) for place in np.searchsorted(scan.volumes, window))
    noise = 1e-13 * max(scan.rising[b], scan.falling[b])
    rises, falls = scan.rising[b] - scan.rising[a], scan.falling[b] - scan.falling[a]
    even = np.linspace(low, high, count + 2)[1:-1]
    if min(rises, falls) > noise:
        return even
    left, right = scan.values[a], scan.values[b]
    zero = low + (high - low) * left / (left - right)
    around = zero + (high - low) * np.array([-1e-4, 0.0, 1e-4])
    return np.clip(np.concatenate((around, even[: max(0, count - 3)])), low, high)


def _sign_changes_between(scan: _Scan, low: float, high: float) -> tuple[float, float]:
    """The smallest window with samples at its ends that holds every sign change seen between two samples."""
    a, b = (int(place) for place in np.searchsorted(scan.volumes, (low, high)))
    signs = np.sign(scan.values[a : b + 1])
    changes = np.flatnonzero(signs[:-1] != signs[1:])
    if changes.size == 0:
        return low, high
    first, last = int(changes[0]), int(changes[-1])
    return float(scan.volumes[a + first]), float(scan.volumes[a + last + 1])


def _middle(scan: _Scan, low: float, high: float) -> float:
    """Zero of the straight line where one sign change is left in the window, else its middle."""
    a, b = (int(place) for place in np.searchsorted(scan.volumes, (low, high)))
    values = scan.values
    if b == a + 1 and values[a] * values[b] < 0:
        return float(low + (high - low) * values[a] / (values[a] - values[b]))
    return 0.5 * (low + high)


def _signs(scan: _Scan) -> Array:
    low_noise = 1e-12 * np.maximum(np.maximum(scan.rising, scan.falling), 1e-300)
    return np.where(np.abs(scan.values) <= low_noise, 0.0, np.sign(scan.values))


def _cheaper_after(difference_before: float) -> Literal["challenger", "baseline"]:
    return "challenger" if difference_before > 0 else "baseline"


def _merged_by_distance(crossings: list[Crossing]) -> list[Crossing]:
    """Crossings closer to the one before than the merge distance become one continuous crossing, or none."""
    clusters: list[list[Crossing]] = []
    for crossing in crossings:
        previous = clusters[-1][-1].tokens_per_month if clusters else 0.0
        if clusters and crossing.tokens_per_month - previous <= MERGE_DISTANCE * crossing.tokens_per_month:
            clusters[-1].append(crossing)
        else:
            clusters.append([crossing])
    merged = []
    for cluster in clusters:
        if len(cluster) == 1:
            merged.append(cluster[0])
        elif cluster[0].becomes_cheaper == cluster[-1].becomes_cheaper:
            middle = 0.5 * (cluster[0].tokens_per_month + cluster[-1].tokens_per_month)
            merged.append(Crossing(middle, cluster[0].becomes_cheaper, "continuous"))
    return merged


def _alternating(crossings: list[Crossing], sign_at_least: int) -> list[Crossing]:
    """Drop what is no change from the state before: an edge where the two were equal, a tooth that came to nothing."""
    state = {1: "baseline", -1: "challenger"}.get(sign_at_least)
    kept = []
    for crossing in crossings:
        if crossing.becomes_cheaper != state:
            kept.append(crossing)
            state = crossing.becomes_cheaper
    return kept
