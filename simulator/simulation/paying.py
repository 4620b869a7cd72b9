"""Replicas are paid at one or several sites, each in whole periods; a period that is begun is paid to its end.

Sites lie one on the other: the first so many replicas above the base are at the first site, the next at the second.
What is paid for at a site is not given back before its period ends, and what is wanted there again meanwhile takes it:
nobody who pays by the hour does otherwise. A period begins where more is wanted than is paid for, so that with n
replicas wanted at a step and c paid for from before, n - c above 0 begin. Stops thus hit those whose period ends first,
and every one stays paid until then.

That is the cheapest way to cover what is wanted with periods of one length: each begins at the last moment that it can
(the greedy cover of points by intervals). So what is paid up to the end never falls where what is wanted rises, at any
step; at a single step it may.

The first replicas' periods begin with the first step.
"""

from __future__ import annotations

from numba import types

from simulator.simulation.compiled import compiled

LANES = 64

_VECTOR = types.Array(types.float64, 1, "C")
_COUNTS = types.Array(types.int64, 1, "C")

# Numbers: the base of each lane, then two a site, between which replicas its own lie. Counts: the sites, then two
# a site, the steps of its period and where its rows begin in the memory.
SITES = 0
# Rows of the memory: what is paid beside; then of each site what is paid, and what began in each of the last steps.
_BESIDE = 0
# Rows of what is filled in each block: the peak of replicas wanted, then what is paid at each site.
PEAK = 0

# Row of the kernel's `state`.
BILLED = 5 * LANES

# (numbers, counts, step, block, memory, paid, state)
PAY = types.void(_VECTOR, _COUNTS, types.int64, types.int64, _VECTOR, _VECTOR, _VECTOR)


@compiled(PAY)
def pay(numbers, counts, step, block, memory, paid, state):  # type: ignore[no-untyped-def]
    """Add what is paid but not wanted to what is billed in `state`, and what is paid at each site to `paid`.

    Parameters
    ----------
    numbers : float64 array of shape (LANES + 2 * sites,)
        See above.
    counts : int64 array of shape (1 + 2 * sites,)
        See above.
    step, block : int
        The step, and the block of steps that sums are over.
    memory : float64 array of shape (rows * LANES,)
        Zero before the first step.
    paid : float64 array of shape (blocks * (1 + sites) * LANES,)
        Filled.
    state : float64 array
        Of the kernel.
    """
    sites = counts[SITES]
    rows = paid[block * (1 + sites) * LANES : (block + 1) * (1 + sites) * LANES]
    beside = memory[_BESIDE : _BESIDE + LANES]
    for lane in range(LANES):
        number, peak = state[BILLED + lane], rows[PEAK * LANES + lane]
        rows[PEAK * LANES + lane] = number if number > peak else peak
        beside[lane] = 0.0
    for site in range(sites):
        low, high = numbers[LANES + 2 * site], numbers[LANES + 2 * site + 1]
        steps, first = counts[1 + 2 * site], counts[2 + 2 * site]
        begun = memory[first + (1 + step % steps) * LANES : first + (2 + step % steps) * LANES]
        held, sums = memory[first : first + LANES], rows[(1 + site) * LANES : (2 + site) * LANES]
        for lane in range(LANES):
            number, base = state[BILLED + lane], numbers[lane]
            under = low if low > base else base
            number = number if number < high else high
            wanted = number - under if number > under else 0.0
            left = held[lane] - begun[lane]  # what began a period ago ends now
            kept = wanted if wanted > left else left
            begun[lane] = kept - left
            held[lane] = kept
            sums[lane] += kept
            beside[lane] += kept - wanted
    for lane in range(LANES):
        state[BILLED + lane] += beside[lane]
