import math

import numpy as np
import pytest

from simulator.sweeping.effects import Classes, classes_of_drawn, effect_of, ranked


def factorial(*lengths):
    """Classes of every key of a full grid, the last one the fastest."""
    places = np.indices(lengths).reshape(len(lengths), -1)
    return [Classes(one, tuple(range(length))) for one, length in zip(places, lengths, strict=True)]


def test_each_key_of_an_additive_grid_moves_the_middle_by_its_own_range():
    rent, peak, idle = factorial(3, 5, 4)
    outcome = 100.0 * rent.places + 7.0 * peak.places
    # The others have the same values at each value of one, so the medians are as far apart as its own steps.
    assert effect_of(outcome, rent).reach == pytest.approx(200.0)
    assert effect_of(outcome, peak).reach == pytest.approx(28.0)
    assert effect_of(outcome, idle).reach == 0.0
    assert (effect_of(outcome, rent).low_at, effect_of(outcome, rent).high_at) == (0, 2)
    assert effect_of(outcome, rent).points == 60


def test_a_fall_counts_as_much_as_a_rise():
    (key,) = factorial(3)
    effect = effect_of(np.array([5.0, -1.0, 2.0]), key)
    assert (effect.low, effect.high, effect.low_at, effect.high_at) == (-1.0, 5.0, 1, 0)


def test_what_never_pays_counts_as_infinite_and_is_not_dropped():
    first, second = factorial(2, 3)
    never = math.inf
    outcome = np.array([1.0, 2.0, 3.0, 4.0, never, never])
    assert effect_of(outcome, first).high == never
    assert (effect_of(outcome, second).low, effect_of(outcome, second).low_at) == (2.5, 0)
    everywhere = effect_of(np.full(6, never), first)
    assert everywhere.reach == 0.0


def test_points_with_a_fault_are_left_out_and_not_counted():
    (key,) = factorial(4)
    effect = effect_of(np.array([math.nan, 1.0, 3.0, math.nan]), key)
    assert (effect.low, effect.high, effect.points) == (1.0, 3.0, 2)
    nothing = effect_of(np.full(4, math.nan), key)
    assert (nothing.reach, nothing.points, nothing.low_at) == (0.0, 0, None)


@pytest.mark.parametrize(("points", "classes"), [(1, 1), (2, 2), (64, 3), (512, 5), (100_000, 10)])
def test_drawn_values_fall_into_classes_of_equal_counts(points, classes):
    values = np.random.default_rng(1).normal(size=points)
    found = classes_of_drawn(values)
    counts = np.bincount(found.places)
    assert len(counts) == len(found.told) == classes
    assert counts.max() - counts.min() <= 1
    assert list(found.told) == sorted(found.told)
    highest, lowest = values[found.places == classes - 1], values[found.places == 0]
    assert lowest.max() <= highest.min()


def test_the_effect_of_a_drawn_key_is_the_distance_of_its_outer_classes():
    share = (np.arange(1_000) + 0.5) / 1_000
    # Ten classes of a uniform key from 0 to 1: their medians are 0.05 and 0.95.
    effect = effect_of(60.0 * share, classes_of_drawn(share))
    assert (effect.low, effect.high) == (pytest.approx(3.0), pytest.approx(57.0))
    assert effect.high_at == pytest.approx(0.95)


def test_a_key_that_does_nothing_moves_a_drawn_outcome_by_chance_alone():
    rng = np.random.default_rng(2)
    outcome, idle = rng.normal(size=20_000), rng.random(20_000)
    # Standard error of the median of 2,000 normal points: 1.25 / 44.7 = 0.028; the range of ten is some three of it.
    assert effect_of(outcome, classes_of_drawn(idle)).reach < 5 * 0.028


def test_keys_are_ranked_by_the_first_outcome_and_then_by_the_second():
    first, second = factorial(2, 2)
    cost, settled = 3.0 * second.places + 1.0 * first.places, np.array([1.0, 1.0, math.inf, math.inf])
    effects = {
        "weak": [effect_of(cost, first), effect_of(settled, first)],
        "strong": [effect_of(cost, second), effect_of(settled, second)],
    }
    assert ranked(effects) == ["strong", "weak"]
    alike = effect_of(np.ones(4), first)
    assert ranked({"a": [alike, effects["strong"][1]], "b": [alike, effects["weak"][1]]}) == ["b", "a"]
