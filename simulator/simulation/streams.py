"""Streams of random numbers by name: every part of a demand has its own, so that one switched off leaves the others."""

from __future__ import annotations

import zlib

import numpy as np

STREAMS = {
    "noise": 1, "spikes": 2, "jobs": 3, "counts": 4, "input_lengths": 5, "output_lengths": 6, "input_drift": 7,
    "output_drift": 8, "interruptions": 9,
}  # fmt: skip
_BLENDED = 1_000  # before the names of blended demands, so that they never meet a number above


def stream(seed: int, name: str, part: str = "", blended: str = "") -> np.random.Generator:
    """Generator of a part of a demand: `part` names one of several noises or jobs, `blended` one of several demands."""
    key: tuple[int, ...] = (STREAMS[name],)
    if part:
        key = (*key, zlib.crc32(part.encode()))
    if blended:
        key = (_BLENDED, zlib.crc32(blended.encode()), *key)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
