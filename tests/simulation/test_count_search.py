"""The search for the cheapest count against looking at every one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.simulation.count_search import ALL_UP_TO, MOST_TRIED, Tried, search_counts


def problem(own, left):
    """What places come to by two tables, and a list of how many were looked at."""
    looked_at = []

    def try_places(places):
        at = places.astype(int)
        looked_at.append(at.size)
        return Tried(
            counts=places,
            lines={"rent": own[at], "overflow": left[at]},
            left_usd=left[at],
            left_share=left[at] / left[0],
            utilization_share=np.zeros(at.size),
        )

    return try_places, looked_at


def staircase(size, seed, hires):
    """Rent with hires in wholes, and the overflow of a random load: the sum has a minimum between any two hires."""
    random = np.random.default_rng(seed)
    counts = np.arange(size + 1.0)
    own = counts * random.uniform(0.2, 2.0) + np.ceil(counts / hires) * random.uniform(0.0, 40.0)
    load = np.minimum(random.gamma(2.0, size / 8.0, 400), size - 0.5)
    left = random.uniform(0.5, 3.0) * np.maximum(load[:, None] - counts, 0.0).mean(axis=0)
    return own, left


@settings(max_examples=60, deadline=None)
@given(size=st.integers(300, 6_000), seed=st.integers(0, 10_000), hires=st.integers(1, 900))
def test_the_search_finds_the_cheapest_of_all_whatever_the_hires(size, seed, hires):
    own, left = staircase(size, seed, hires)
    try_places, _ = problem(own, left)
    tried, cheaper_usd = search_counts(try_places, size)
    assert cheaper_usd == 0.0 or tried.counts.size >= MOST_TRIED
    assert tried.usd_per_month[tried.best] <= (own + left).min() * (1 + 1e-12) + cheaper_usd
    assert tried.counts[tried.serving_all] == np.flatnonzero(left == 0.0)[0]


def test_few_counts_are_all_tried_in_one_pass():
    own, left = staircase(200, 3, 16)
    try_places, looked_at = problem(own, left)
    tried, cheaper_usd = search_counts(try_places, 200)
    assert (looked_at, cheaper_usd) == ([201], 0.0)
    assert tried.counts.tolist() == list(range(201))


def test_many_counts_need_few_passes():
    own, left = staircase(100_000, 5, 400)
    try_places, looked_at = problem(own, left)
    tried, cheaper_usd = search_counts(try_places, 100_000)
    assert tried.usd_per_month[tried.best] == pytest.approx((own + left).min(), rel=1e-12)
    assert cheaper_usd == 0.0
    assert sum(looked_at) < 4_000


def test_where_all_counts_cost_the_same_the_search_gives_up_and_says_by_how_much_it_may_be_wrong():
    own, left = np.arange(100_001.0), 100_000.0 - np.arange(100_001.0)
    tried, cheaper_usd = search_counts(problem(own, left)[0], 100_000)
    assert MOST_TRIED <= tried.counts.size < 2 * MOST_TRIED
    # Between two neighbours tried nothing can be cheaper than one count less of each: their distance.
    assert 0 < cheaper_usd <= np.diff(tried.counts).max()


def test_no_bound_is_claimed_where_the_fleet_grows_cheaper_with_its_size():
    size = 2 * ALL_UP_TO
    own, left = size - np.arange(size + 1.0), np.linspace(10.0, 0.0, size + 1)
    assert search_counts(problem(own, left)[0], size)[1] is None


def test_of_equal_costs_the_least_count_is_taken():
    own, left = np.array([0.0, 1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0, 0.0])
    tried, _ = search_counts(problem(own, left)[0], 3)
    assert (tried.best, tried.serving_all) == (0, 3)
