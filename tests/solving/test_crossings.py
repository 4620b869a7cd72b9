"""Crossings of hand-made differences, whose every change of sign can be written down."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.solving.crossings import Difference, find_crossings


def line_against_stairs(price, stairs):
    """A challenger that costs `stairs(v)` against a baseline that costs `price` a token."""

    def evaluate(volumes):
        return Difference(rising=stairs(volumes), falling=price * volumes, scale=price * volumes)

    return evaluate


def against_fixed(price, usd):
    return line_against_stairs(price, lambda v: np.full(v.size, usd))


def summary(found):
    return [(c.tokens_per_month, c.becomes_cheaper, c.kind) for c in found.crossings]


def assert_crossings(found, expected, rel=1e-6):
    got = summary(found)
    assert [(who, kind) for _, who, kind in got] == [(who, kind) for _, who, kind in expected]
    assert [volume for volume, _, _ in got] == pytest.approx([volume for volume, _, _ in expected], rel=rel)


def test_a_line_crosses_a_constant_once_at_cost_over_price():
    found = find_crossings(against_fixed(2e-6, 7_300.0))
    assert_crossings(found, [(7_300.0 / 2e-6, "challenger", "continuous")], rel=1e-12)
    assert (found.sign_at_least, found.sign_at_greatest, found.resolved) == (1, -1, True)


@pytest.mark.parametrize("exponent", [-3, 0, 1, 20, 33, 40, 55])
def test_a_crossing_at_a_power_of_two_is_a_crossing_as_any_other(exponent):
    found = find_crossings(against_fixed(1.0, 2.0**exponent))
    assert_crossings(found, [(2.0**exponent, "challenger", "continuous")], rel=1e-9)


@pytest.mark.parametrize("volume", [0.01, 3.7, 1e17, 1.1e18])
def test_crossings_at_extreme_volumes_are_found(volume):
    found = find_crossings(against_fixed(1e-6, volume * 1e-6))
    assert_crossings(found, [(volume, "challenger", "continuous")], rel=1e-9)


def test_an_option_that_is_always_dearer_crosses_nowhere():
    found = find_crossings(line_against_stairs(1e-6, lambda v: 100.0 + 2e-6 * v))
    assert summary(found) == []
    assert (found.sign_at_least, found.sign_at_greatest) == (1, 1)


def test_an_option_that_is_always_cheaper_crosses_nowhere():
    found = find_crossings(lambda v: Difference(rising=1e-6 * v, falling=5.0 + 2e-6 * v, scale=5.0 + 2e-6 * v))
    assert summary(found) == []
    assert (found.sign_at_least, found.sign_at_greatest) == (-1, -1)


def test_two_options_of_one_price_cross_nowhere():
    found = find_crossings(lambda v: Difference(rising=0.0 * v, falling=0.0 * v, scale=1e-6 * v))
    assert summary(found) == []
    assert (found.sign_at_least, found.sign_at_greatest, found.resolved) == (0, 0, True)


def test_equal_costs_up_to_a_volume_and_cheaper_from_there_on_is_a_crossing_at_that_volume():
    limit = 3e9
    found = find_crossings(
        lambda v: Difference(rising=0.0 * v, falling=1e-6 * np.maximum(v - limit, 0.0), scale=2e-6 * v)
    )
    assert_crossings(found, [(limit, "challenger", "continuous")])


def test_equal_costs_up_to_a_volume_and_dearer_from_there_on_is_no_gain_anywhere():
    limit = 3e9
    found = find_crossings(
        lambda v: Difference(rising=1e-6 * np.maximum(v - limit, 0.0), falling=0.0 * v, scale=2e-6 * v)
    )
    assert [c for c in found.crossings if c.becomes_cheaper == "challenger"] == []


def stairs_of(capacity, usd, fixed=0.0):
    """Whole replicas: exactly k capacities need k."""
    return lambda v: fixed + usd * np.maximum(np.ceil(v / capacity - 1e-9), 1.0)


def enumerated(capacity, usd, fixed, price, most=10_000):
    """Crossings of a line and stairs, one step after the other."""
    crossings, cheaper = [], False
    for k in range(1, most):
        zero = (fixed + k * usd) / price
        if not cheaper and (k - 1) * capacity < zero <= k * capacity:
            crossings.append((zero, "challenger", "continuous"))
            cheaper = True
        if cheaper and price * k * capacity < fixed + (k + 1) * usd:
            crossings.append((k * capacity, "baseline", "jump"))
            cheaper = False
    return crossings


@pytest.mark.parametrize(
    ("capacity", "usd", "fixed", "price"),
    [
        (1.0e9, 1_825.0, 2_900.0, 2.2e-6),
        (0.7e9, 1_500.0, 9_000.0, 2.6e-6),
        (1.1e9, 1_000.0, 20_000.0, 1.3e-6),
        (2.0e6, 3.0, 11.0, 1.7e-6),
    ],
)
@pytest.mark.parametrize("per_octave", [1, 2, 4])
def test_every_crossing_of_a_line_and_stairs_is_found(capacity, usd, fixed, price, per_octave):
    expected = enumerated(capacity, usd, fixed, price)
    assert expected
    found = find_crossings(line_against_stairs(price, stairs_of(capacity, usd, fixed)), per_octave=per_octave)
    assert found.resolved
    assert_crossings(found, expected)


@settings(max_examples=40, deadline=None)
@given(
    capacity=st.floats(1e6, 1e10),
    margin=st.floats(1.05, 4.0),
    stair_usd=st.floats(10.0, 1e4),
    fixed_replicas=st.floats(0.0, 20.0),
)
def test_crossings_of_any_line_and_stairs_are_those_of_an_enumeration(capacity, margin, stair_usd, fixed_replicas):
    price, fixed = margin * stair_usd / capacity, fixed_replicas * stair_usd
    expected = enumerated(capacity, stair_usd, fixed, price)
    gaps = [b[0] / a[0] - 1 for a, b in pairwise(expected)]
    jumps = [stair_usd / (price * volume) for volume, _, kind in expected if kind == "jump"]
    if any(gap < 2e-5 for gap in gaps) or any(height < 1.1e-3 for height in jumps):
        return  # what merges is tested below
    treads = np.arange(1.0, 2_000.0)
    if np.any(np.abs(price * treads * capacity / (fixed + (treads + 1) * stair_usd) - 1) < 1e-9):
        return  # the corner of a stair touches the line
    assert_crossings(find_crossings(line_against_stairs(price, stairs_of(capacity, stair_usd, fixed))), expected)


def test_a_hire_and_an_all_units_discount_jump_in_both_directions():
    # Challenger: 1,000, and 2,000 more above 4e9. Baseline: 1 a million; from 6e9 on a quarter less on everything.
    def evaluate(v):
        bill = 1e-6 * v
        off = np.where(v >= 6e9, 0.25, 0.0)
        return Difference(rising=1_000.0 + 4_000.0 * (v > 4e9) + off * bill, falling=bill, scale=bill * (1 - off))

    expected = [
        (1e9, "challenger", "continuous"),
        (4e9, "baseline", "jump"),
        (5e9, "challenger", "continuous"),
        (6e9, "baseline", "jump"),  # 4,500 against 5,000
        (5_000.0 / 0.75e-6, "challenger", "continuous"),
    ]
    assert_crossings(find_crossings(evaluate), expected)


@pytest.mark.parametrize("below", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("height", "kind"), [(1.01e-3, "jump"), (0.99e-3, "continuous"), (1e-2, "jump")])
def test_a_jump_moves_the_difference_by_more_than_a_thousandth_of_the_bill(height, kind, below):
    def evaluate(v):  # dearer by `below` of the jump, then cheaper by the rest
        falling = 1_000.0 * height * (v > 1e9)
        return Difference(np.full(v.size, 1_000.0 * height * below), falling, np.full(v.size, 1_000.0))

    assert_crossings(find_crossings(evaluate), [(1e9, "challenger", kind)])


@pytest.mark.parametrize(
    "step_at", [2.0**30, 2.0**30 * (1 + 2**-7), 1e9], ids=["at a sample", "between samples", "anywhere"]
)
def test_a_jump_to_exactly_nothing_and_on_is_one_jump(step_at):
    # Dearer by 10 up to `step_at`, equal there, cheaper beyond.
    def evaluate(v):
        falling = np.where(v >= step_at, 10.0 + 1e-6 * (v - step_at), 0.0)
        return Difference(np.full(v.size, 10.0), falling, np.full(v.size, 1_000.0))

    found = find_crossings(evaluate)
    assert [c.becomes_cheaper for c in found.crossings] == ["challenger"]
    assert found.crossings[0].tokens_per_month == pytest.approx(step_at, rel=1e-6)


def saw(teeth_share, margin_share, middle=1e9, low_share=0.5, pitch=1e-4):
    """A baseline of 1,000 a month and a challenger that comes down through it on a saw.

    Between `middle` times 1 -/+ 10 % the mean falls by `margin_share` of the bill a per cent of volume; each tooth, one
    per `pitch` of volume, is `teeth_share` of the bill high. `low_share` of a tooth lies below the mean.
    """
    bill = 1_000.0

    def evaluate(v):
        x = v / middle - 1.0
        teeth = teeth_share * bill
        near = np.clip(x, -0.1, 0.1)
        up = teeth * np.ceil(near / pitch - 1e-9)  # a stair of one tooth's height a pitch
        down = teeth * near / pitch + margin_share * bill * near * 100.0
        return Difference(rising=up + 5_000.0 - low_share * teeth, falling=down + 5_000.0, scale=np.full(v.size, bill))

    return evaluate


def sign_changes(evaluate, low, high, points=2_000_001):
    """First and last change of sign on a fine grid."""
    volumes = np.linspace(low, high, points)
    signs = evaluate(volumes).value > 0
    places = np.flatnonzero(signs[1:] != signs[:-1])
    return volumes[places[0]], volumes[places[-1] + 1], places.size


@pytest.mark.parametrize("teeth_share", [5.3e-5, 2.1e-4, 5.3e-4, 7.3e-4, 9.3e-4])  # no tooth touches zero with its tip
@pytest.mark.parametrize("low_share", [0.1, 0.5, 0.9])
def test_crossings_joined_by_small_teeth_are_one_in_their_middle(teeth_share, low_share):
    evaluate = saw(teeth_share, margin_share=1e-3, low_share=low_share)
    first, last, count = sign_changes(evaluate, 0.98e9, 1.02e9)
    assert count > 1 or teeth_share < 2e-4
    found = find_crossings(evaluate)
    assert_crossings(found, [(0.5 * (first + last), "challenger", "continuous")], rel=5e-5)


def test_crossings_joined_by_great_teeth_are_told_apart():
    evaluate = saw(4.1e-3, margin_share=3e-3, pitch=1e-3)  # crossings 2.5e-5 apart at least
    _, _, count = sign_changes(evaluate, 0.98e9, 1.02e9)
    assert count > 10
    found = find_crossings(evaluate)
    assert len(found.crossings) == count
    assert {c.kind for c in found.crossings if c.becomes_cheaper == "baseline"} == {"jump"}


def two_steps(first, second):
    """Cheaper between two volumes only."""

    def evaluate(v):
        return Difference(10.0 + 20.0 * (v > second), 20.0 * (v > first), np.full(v.size, 1_000.0))

    return evaluate


def test_crossings_closer_than_a_hundred_thousandth_come_to_nothing():
    assert summary(find_crossings(two_steps(1e9, 1e9 * (1 + 0.9e-5)))) == []


def test_crossings_farther_apart_than_a_hundred_thousandth_are_two():
    second = 1e9 * (1 + 1.2e-5)
    assert_crossings(
        find_crossings(two_steps(1e9, second)), [(1e9, "challenger", "jump"), (second, "baseline", "jump")]
    )


def test_three_crossings_closer_than_a_hundred_thousandth_are_one_continuous_crossing_in_their_middle():
    last = 1e9 * (1 + 0.8e-5)

    def evaluate(v):
        falling = 20.0 * (v > 1e9) + 20.0 * (v > last)
        return Difference(10.0 + 20.0 * (v > 1e9 * (1 + 0.3e-5)), falling, np.full(v.size, 1_000.0))

    expected = [(0.5 * (1e9 + last), "challenger", "continuous")]
    assert_crossings(find_crossings(evaluate), expected, rel=1e-8)


def many_teeth(count):
    """Stairs of `count` jumps between 1e9 and 3e9, every one across the line."""
    places = np.linspace(1e9, 3e9, count)
    pitch = places[1] - places[0]
    price = 1e-6
    stair = price * pitch

    def evaluate(v):
        steps = np.searchsorted(places, v, side="left").astype(
            float
        )  # places[k] itself still belongs to the step below
        bill = price * v
        return Difference(rising=price * 1e9 - 0.5 * stair + stair * steps, falling=bill, scale=bill)

    return evaluate, places, pitch


def test_five_hundred_teeth_are_all_found_with_a_few_samples_each():
    # Each tooth is 4 a step on a bill of 1,000 to 3,000: above a thousandth.
    teeth, places, pitch = many_teeth(500)
    sampled = []

    def evaluate(volumes):
        sampled.append(volumes.size)
        return teeth(volumes)

    found = find_crossings(evaluate)
    assert sum(sampled) < 50 * len(places)  # a halving a decade of precision, twice a tooth
    jumps = [c.tokens_per_month for c in found.crossings if c.kind == "jump"]
    slopes = [c.tokens_per_month for c in found.crossings if c.kind == "continuous"]
    assert found.resolved
    assert jumps == pytest.approx(places, rel=1e-8)
    assert slopes == pytest.approx([places[0] - 0.5 * pitch, *(places + 0.5 * pitch)], rel=1e-8)


def test_a_price_equal_to_the_slope_of_the_stairs_never_pays():
    # At exactly k replicas of work the two cost the same, everywhere else the stairs are dearer.
    capacity, usd = 1e9, 1_825.0
    found = find_crossings(line_against_stairs(usd / capacity, stairs_of(capacity, usd)))
    assert summary(found) == []
    assert found.sign_at_least == 1


@pytest.mark.parametrize("per_octave", [2, 4])
def test_the_crossings_do_not_depend_on_where_the_search_starts(per_octave):
    for evaluate in (saw(4.3e-4, 1e-3), saw(8.3e-4, 1e-3, low_share=0.8), many_teeth(60)[0], two_steps(5e8, 7e9)):
        once = find_crossings(evaluate)
        again = find_crossings(evaluate, per_octave=per_octave)
        assert_crossings(again, summary(once), rel=2e-5)


def test_the_ends_of_the_search_bound_the_crossings():
    evaluate, places, _ = many_teeth(50)
    found = find_crossings(evaluate, least=1.5e9, greatest=2.5e9)
    inside = places[(places > 1.5e9) & (places < 2.5e9)]
    assert [c.tokens_per_month for c in found.crossings if c.kind == "jump"] == pytest.approx(inside, rel=1e-8)
