"""Every volume at which the cheaper of two options changes.

The difference D of two monthly costs over volume is seldom smooth: rent is a staircase, bills are lines, and under
random traffic every replica of every step is a tooth. A root finder returns any one crossing or none. But D splits
into a part that never falls and one that never rises with the volume, and that bounds it on an interval (`scan.py`).
Intervals whose bounds have one sign hold no crossing and are never looked at again; the others are divided, all
together, until each either pins a jump or lies so near zero that nothing in it counts. So no crossing can hide between
two samples, and the answer does not depend on where the search starts: at octaves over all volumes that can occur.

What counts: a *jump* moves D by more than 0.1 % of the baseline's cost. Crossings joined only by smaller teeth, or
closer than 1e-5 relative, are one continuous crossing in the middle of their cluster. Where both cost the same, the
challenger is not cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from simulator.solving.scan import JUMP_SHARE, NARROW, Difference, Evaluate, Flags, Scan

__all__ = ["Crossing", "CrossingsFound", "Difference", "Evaluate", "find_crossings"]

MERGE_DISTANCE = 1e-5
LEAST_VOLUME, GREATEST_VOLUME = 2.0**-10, 2.0**61  # tokens per month: less than one, more than the world's


@dataclass(frozen=True)
class Crossing:
    """A volume where the cheaper of two options changes, from the left to the right."""

    tokens_per_month: float
    becomes_cheaper: Literal["challenger", "baseline"]
    kind: Literal["continuous", "jump"]


@dataclass(frozen=True)
class CrossingsFound:
    """All crossings in order, and who is cheaper at the lowest and at the highest volume.

    The signs are those of challenger minus baseline, 0 where the two cost the same; `resolved` is False if the search
    ran out of samples before every interval was decided.
    """

    crossings: tuple[Crossing, ...]
    sign_at_least: int
    sign_at_greatest: int
    resolved: bool


@dataclass(frozen=True)
class _Cluster:
    """Changes of sign side by side: the first, the last, and who is cheaper before and after them."""

    first: float
    last: float
    before: bool  # whether the challenger is cheaper
    after: bool
    is_jump: bool


def find_crossings(
    evaluate: Evaluate,
    *,
    least: float = LEAST_VOLUME,
    greatest: float = GREATEST_VOLUME,
    per_octave: int = 1,
    narrowest: float = NARROW,
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
    narrowest : float
        Relative width at which an interval is not divided any more.

    Returns
    -------
    CrossingsFound
        Jumps to `narrowest`; continuous crossings to rounding where the difference is affine.
    """
    exponents = (
        np.arange(np.floor(np.log2(least)) * per_octave, np.ceil(np.log2(greatest)) * per_octave + 1) / per_octave
    )
    scan = Scan(evaluate, np.unique(np.clip(np.exp2(exponents), least, greatest)), narrowest)
    resolved = scan.divide()
    clusters = _joined(scan, _clusters(scan))
    crossings = tuple(_crossing(cluster) for cluster in clusters if cluster.before != cluster.after)
    signs = np.where(np.abs(scan.values) <= scan.noise, 0.0, np.sign(scan.values))
    return CrossingsFound(crossings, int(signs[0]), int(signs[-1]), resolved)


def _crossing(cluster: _Cluster) -> Crossing:
    return Crossing(
        tokens_per_month=0.5 * (cluster.first + cluster.last),
        becomes_cheaper="challenger" if cluster.after else "baseline",
        kind="jump" if cluster.is_jump else "continuous",
    )


def _clusters(scan: Scan) -> list[_Cluster]:
    """Every change of sign the scan holds, in order of volume."""
    runs = _runs(scan, scan.changing() & scan.negligible())
    ends = scan.resolve_ends(runs)
    found = [
        _Cluster(*changes, _cheaper_at(scan, run[0]), _cheaper_at(scan, run[1]), is_jump=False)
        for run, changes in zip(runs, ends, strict=True)
        if changes is not None
    ]
    found += _sudden_changes(scan, runs)
    return sorted(found, key=lambda cluster: cluster.first)


def _runs(scan: Scan, inside: Flags) -> list[tuple[float, float]]:
    """Ends of every longest run of intervals side by side."""
    padded = np.concatenate(([False], inside, [False]))
    starts, ends = np.flatnonzero(~padded[:-1] & padded[1:]), np.flatnonzero(padded[:-1] & ~padded[1:])
    return [(float(scan.volumes[a]), float(scan.volumes[b])) for a, b in zip(starts, ends, strict=True)]


def _cheaper_at(scan: Scan, volume: float) -> bool:
    return bool(scan.cheaper[scan.place_of(volume)])


def _sudden_changes(scan: Scan, runs: list[tuple[float, float]]) -> list[_Cluster]:
    """Changes of sign outside the runs, in narrow intervals."""
    cheaper, values = scan.cheaper, scan.values
    changes = []
    for place in (int(i) for i in np.flatnonzero(cheaper[1:] != cheaper[:-1])):
        low, high = scan.volumes[place], scan.volumes[place + 1]
        if any(start <= low and high <= end for start, end in runs):
            continue
        height = abs(values[place + 1] - values[place])
        is_jump = bool(height > JUMP_SHARE * min(scan.scale[place], scan.scale[place + 1]))
        at = float(high) if is_jump else scan.change_in(place)
        changes.append(_Cluster(at, at, bool(cheaper[place]), bool(cheaper[place + 1]), is_jump))
    return changes


def _joined(scan: Scan, clusters: list[_Cluster]) -> list[_Cluster]:
    """Join clusters that lie closer than the merge distance, or between which only small teeth stand."""
    joined: list[_Cluster] = []
    for cluster in clusters:
        if joined and _belong_together(scan, joined[-1], cluster):
            before = joined[-1]
            joined[-1] = replace(before, last=cluster.last, after=cluster.after, is_jump=False)
        else:
            joined.append(cluster)
    return joined


def _belong_together(scan: Scan, left: _Cluster, right: _Cluster) -> bool:
    if right.first - left.last <= MERGE_DISTANCE * right.first:
        return True
    if left.is_jump or right.is_jump:
        return False
    between = (scan.volumes > left.last) & (scan.volumes < right.first)
    return bool(np.all(np.abs(scan.values[between]) <= JUMP_SHARE * scan.scale[between]))
