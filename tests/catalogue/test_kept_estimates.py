"""Estimates that are kept: the same answer as when asked anew, whoever asked before."""

import numpy as np
import pytest

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.kept_estimates import kept_estimate

LENGTHS = {"input_tokens": 500.0, "output_tokens": 500.0}
H100 = ("llama-3.1-8b", "h100-sxm")


def test_a_kept_estimate_is_what_is_estimated_anew():
    sizes = np.geomspace(1.0, 64.0, 7)
    for _ in range(2):
        for concurrency in (None, 8.0, sizes):
            kept = kept_estimate(*H100, concurrency, **LENGTHS)
            anew = estimate_throughput(*H100, concurrency=concurrency, **LENGTHS)
            assert repr(kept) == repr(anew)


def test_other_lengths_are_another_estimate():
    longer = kept_estimate(*H100, **(LENGTHS | {"output_tokens": 900.0}))
    assert longer.requests_per_s < kept_estimate(*H100, **LENGTHS).requests_per_s


def test_nobody_writes_to_what_others_have_too():
    kept = kept_estimate(*H100, np.array([1.0, 2.0]), **LENGTHS)
    with pytest.raises(ValueError, match="read-only"):
        kept.requests_per_s[0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        kept.band.low[0] = 0.0
