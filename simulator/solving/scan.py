"""Samples of a cost difference over volume, divided where its bounds leave room for a change of sign.

A difference D = rising - falling of two parts that never fall with the volume is bounded between two samples a < b:

    rising(a) - falling(b)  <=  D  <=  rising(b) - falling(a)     on [a, b].

Some rules of scaling make a part that does fall now and then, by a known amount at most. Then the bounds of intervals
wider than `FINE` are so much wider; finer ones are taken as if it never fell, so that a dip that begins and ends
within one may be missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.domain.plans import Array

Flags = NDArray[np.bool_]

JUMP_SHARE = 1e-3  # of the baseline's cost: a smaller tooth does not count
NARROW = 1e-9  # relative width at which an interval is not divided any more
COARSE = 2.0**-12  # the same where many studies are solved and share their samples
WIDE = 2.0**-9  # relative width above which an interval is divided without a look at prices
FINE = 1.0 / 128  # relative width of an interval in which a part that may fall is taken not to
LANES = 64  # volumes that one pass of the simulation takes
MOST_SAMPLES = 24_576
MOST_PASSES = 48


@dataclass(frozen=True)
class Difference:
    """Cost of a challenger minus a baseline at n volumes, in two parts that never fall; arrays of shape (n,)."""

    rising: Array
    falling: Array
    scale: Array  # the baseline's cost, against which teeth are measured
    may_fall: Array | float = 0.0  # by how much the parts together may fall after all [USD per month]

    @property
    def value(self) -> Array:
        """The difference itself. [USD per month]"""
        return self.rising - self.falling


Evaluate = Callable[[Array], Difference]


class Scan:
    """Samples in the order of volume. Interval i lies between samples i and i + 1.

    Where intervals need not get narrower than `COARSE`, they are halved a whole number of times: another study divides
    at the same volumes.
    """

    def __init__(self, evaluate: Evaluate, volumes: Array, narrowest: float = NARROW) -> None:
        self._evaluate = evaluate
        self._narrowest = narrowest
        first = evaluate(volumes)
        # What both parts have in common at every volume (the same fixed cost on both sides) says nothing of their
        # difference and would hide it behind its rounding.
        self._common = float(min(first.rising[0], first.falling[0]))
        self.volumes, self.scale = volumes, first.scale
        self.rising, self.falling = first.rising - self._common, first.falling - self._common
        self.may_fall = np.broadcast_to(first.may_fall, volumes.shape)

    @property
    def values(self) -> Array:
        """The difference at the samples."""
        return self.rising - self.falling

    @property
    def noise(self) -> Array:
        """Rounding in the difference at each sample."""
        return 1e-12 * np.maximum(np.maximum(self.rising, self.falling), 1e-300) + 4e-15 * abs(self._common)

    @property
    def cheaper(self) -> Flags:
        """Samples at which the challenger is cheaper, by more than rounding."""
        return self.values < -self.noise

    def undecided(self) -> Flags:
        """Intervals whose bounds have both signs, but for those on which the two cost the same."""
        low, high, noise = self._bounds()
        return (low < -noise) & (high > noise) & ~self.equal()

    def changing(self) -> Flags:
        """Intervals whose sign changes, or may."""
        cheaper = self.cheaper
        return self.undecided() | (cheaper[1:] != cheaper[:-1])

    def negligible(self) -> Flags:
        """Intervals so near zero all over that no tooth in them counts."""
        low, high, _ = self._bounds()
        near = 0.5 * JUMP_SHARE * np.minimum(self.scale[:-1], self.scale[1:])
        return (-low <= near) & (high <= near)

    def equal(self) -> Flags:
        """Intervals on which the two cost the same, to rounding: at their ends, and at the samples around them.

        Two fleets that differ in a limit not yet reached have equal costs, whose bounds never decide.
        """
        same = np.abs(self.values) <= self.noise
        padded = np.concatenate((same[:1], same, same[-1:]))
        around = padded[:-3] & padded[1:-2] & padded[2:-1] & padded[3:]
        return around & (np.diff(self.volumes) <= 0.125 * self.volumes[1:])

    def narrow(self) -> Flags:
        """Intervals too short to divide."""
        return np.diff(self.volumes) <= self._narrowest * self.volumes[1:]

    def monotone(self, place: int) -> bool:
        """Whether one of the parts stands still on an interval, so that the difference has one zero there at most."""
        rises = self.rising[place + 1] - self.rising[place]
        falls = self.falling[place + 1] - self.falling[place]
        noise = 1e-13 * max(self.rising[place + 1], self.falling[place + 1])
        return bool(min(rises, falls) <= noise)

    def _bounds(self) -> tuple[Array, Array, Array]:
        """Least and greatest difference possible on each interval, and rounding noise there."""
        is_wide = np.diff(self.volumes) > FINE * self.volumes[1:]
        slack = np.where(is_wide, np.maximum(self.may_fall[:-1], self.may_fall[1:]), 0.0)
        values = self.values
        # Both ends are on it, which the bounds say by themselves where nothing falls.
        low = np.minimum(self.rising[:-1] - self.falling[1:] - slack, np.minimum(values[:-1], values[1:]))
        high = np.maximum(self.rising[1:] - self.falling[:-1] + slack, np.maximum(values[:-1], values[1:]))
        return low, high, self.noise[1:]

    def add(self, volumes: Array) -> None:
        """Sample more volumes."""
        volumes = np.setdiff1d(volumes, self.volumes)
        if volumes.size == 0:
            return
        more = self._evaluate(volumes)
        at = np.searchsorted(self.volumes, volumes)
        self.volumes = np.insert(self.volumes, at, volumes)
        self.rising = np.insert(self.rising, at, more.rising - self._common)
        self.falling = np.insert(self.falling, at, more.falling - self._common)
        self.scale = np.insert(self.scale, at, more.scale)
        self.may_fall = np.insert(self.may_fall, at, more.may_fall)

    def place_of(self, volume: float) -> int:
        """Index of a volume among the samples."""
        return int(np.searchsorted(self.volumes, volume))

    def divide(self) -> bool:
        """Divide what may hold a change of sign until it is negligible or narrow; False: the samples ran out."""
        while True:
            wanted = np.flatnonzero(self.changing() & ~self.negligible() & ~self.narrow())
            if wanted.size == 0:
                return True
            if self.volumes.size + wanted.size > MOST_SAMPLES:
                return False
            parts = self._parts(wanted.size, 1)
            self.add(np.concatenate([self._between(int(place), parts) for place in wanted]))

    def _parts(self, intervals: int, fewest: int) -> int:
        """Volumes to sample in each of so many intervals."""
        if self._narrowest >= COARSE:
            return 63 if intervals <= 2 else 7
        return max(fewest, LANES // intervals)

    def _between(self, place: int, parts: int) -> Array:
        """Volumes to sample in an interval: all over, and around where a straight line has its zero.

        A wide interval is divided into a power of two, whatever the prices: a scenario that differs in them alone
        divides at the same volumes, and shares their runs.
        """
        low, high = self.volumes[place], self.volumes[place + 1]
        zeros = np.empty(0) if self._narrowest >= COARSE or parts < 3 else self._zeros(place)
        around = 0.4 * self._narrowest * zeros
        near = np.clip(np.concatenate((zeros - around, zeros + around)), low, high)
        count = max(parts - near.size, 1)
        if high - low > WIDE * high:
            count = 2 ** int(np.log2(parts + 1)) - 1
        return np.concatenate((near, low + (high - low) * np.arange(1, count + 1) / (count + 1)))

    def _zeros(self, place: int) -> Array:
        """Where the difference may be zero in an interval in which its sign changes, if one part is straight there.

        The other part stands still, or steps once: to the left of the step it is what it is at the left end, to the
        right what it is at the right one.
        """
        (low, high), (left, right) = self.volumes[place : place + 2], self.values[place : place + 2]
        if left * right >= 0 or (high - low > WIDE * high and not self.monotone(place)):
            return np.empty(0)
        (r0, r1), (f0, f1) = self.rising[place : place + 2], self.falling[place : place + 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            falling_straight = (r0 - f0) / (f1 - f0), (r1 - f0) / (f1 - f0)
            rising_straight = (f0 - r0) / (r1 - r0), (f1 - r0) / (r1 - r0)
        shares = np.array([*falling_straight, *rising_straight])
        shares = shares[(shares > 0) & (shares < 1)]
        return np.unique(low + (high - low) * shares)

    def resolve_ends(self, runs: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
        """First and last change of sign in each run of undecided intervals, as midpoints of narrow intervals.

        None for a run in which the sign changes nowhere. All runs are searched together, each from both its ends: the
        outermost interval that is still undecided is divided until it is narrow, and passed over if its sign stays.
        After MOST_PASSES the outermost change between two samples stands for what was not found: where two options cost
        nearly the same over a wide range, there is no end of changes, and none of them counts.
        """
        searches = [_Search(run, from_left) for run in runs for from_left in (True, False)]
        for _ in range(MOST_PASSES):
            active = [(search, place) for search in searches if (place := search.next_place(self)) is not None]
            if not active:
                break
            parts = self._parts(len(active), 3)
            self.add(np.concatenate([self._between(place, parts) for place in {place for _, place in active}]))
        for search in searches:
            search.settle(self)
        found = [(searches[2 * i].change, searches[2 * i + 1].change) for i in range(len(runs))]
        return [None if first is None or last is None else (first, last) for first, last in found]

    def change_in(self, place: int) -> float:
        """Where the sign changes in a narrow interval: on the straight line through its ends."""
        low, high = self.volumes[place], self.volumes[place + 1]
        left, right = self.values[place : place + 2]
        return float(low + (high - low) * left / (left - right))


@dataclass
class _Search:
    """The search for the outermost change of sign in a run, from one of its ends."""

    run: tuple[float, float]
    from_left: bool
    change: float | None = None
    over: bool = False

    def settle(self, scan: Scan) -> None:
        """Take the outermost change between two samples, if the search was not over."""
        if self.over or self.change is not None:
            return
        low, high = scan.place_of(self.run[0]), scan.place_of(self.run[1])
        cheaper = scan.cheaper[low : high + 1]
        changes = np.flatnonzero(cheaper[1:] != cheaper[:-1])
        if changes.size:
            self.change = scan.change_in(low + int(changes[0] if self.from_left else changes[-1]))

    def next_place(self, scan: Scan) -> int | None:
        """The interval to divide next; None when the search is over."""
        if self.over or self.change is not None:
            return None
        low, high = scan.place_of(self.run[0]), scan.place_of(self.run[1])
        open_intervals = scan.undecided()[low:high]
        cheaper = scan.cheaper[low : high + 1]
        changes = cheaper[1:] != cheaper[:-1]
        narrow = np.diff(scan.volumes[low : high + 1]) <= scan._narrowest * scan.volumes[low + 1 : high + 1]
        candidates = np.flatnonzero((open_intervals & ~narrow) | changes)
        if candidates.size == 0:
            self.over = True
            return None
        place = int(candidates[0] if self.from_left else candidates[-1])
        left, right = scan.values[low + place : low + place + 2]
        pinned = narrow[place] or (left * right < 0 and not open_intervals[place])
        if changes[place] and pinned:
            self.change = scan.change_in(low + place)
            return None
        return low + place
