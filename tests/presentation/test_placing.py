import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists, tuples

from simulator.presentation.placing import Box, FreeSpace, spread


def test_a_label_goes_beside_its_anchor_where_all_is_free():
    found = FreeSpace(Box(0, 0, 300, 300)).place((60, 20), (150, 150))
    assert found.left <= 150 <= found.right
    assert found.bottom <= 150 <= found.top


def test_a_label_keeps_off_lines_and_other_labels():
    space = FreeSpace(Box(0, 0, 300, 300))
    diagonal = np.array([[0.0, 0.0], [300.0, 300.0]])
    space.cover_line(diagonal)
    first = space.place((60, 20), (150, 150))
    second = space.place((60, 20), (150, 150))
    along = np.linspace(0, 300, 3_001)
    for box in (first, second):
        assert not np.any((along > box.left) & (along < box.right) & (along > box.bottom) & (along < box.top))
    assert (
        first.right <= second.left
        or second.right <= first.left
        or first.top <= second.bottom
        or second.top <= first.bottom
    )


def test_a_leader_does_not_strike_out_another_label():
    space = FreeSpace(Box(0, 0, 400, 400))
    space.place((390, 20), (200, 140))  # all over the width, between the anchor and the space below
    space.cover_line(np.array([[0.0, 200.0], [400.0, 200.0]]), margin=40.0)
    found = space.place((80, 20), (200, 200), leader=True)
    assert found.bottom > 200


def test_there_is_no_place_for_what_is_too_large_or_where_all_is_covered():
    space = FreeSpace(Box(0, 0, 90, 90))
    assert space.place((100, 10), (0, 0)) is None
    space.cover_box(Box(0, 0, 90, 90))
    assert space.place((10, 10), (45, 45)) is None


def test_labels_without_conflict_stay_where_they_wish():
    assert spread([90.0, 50.0], [10.0, 10.0], 0.0, 100.0) == [90.0, 50.0]


def test_labels_that_collide_move_apart_evenly():
    assert spread([50.0, 50.0], [10.0, 10.0], 0.0, 100.0) == pytest.approx([55.0, 45.0])


@given(lists(tuples(floats(0, 500), floats(5, 60)), min_size=1, max_size=6))
def test_a_column_of_labels_never_overlaps_and_never_leaves_its_range(labels):
    labels.sort(reverse=True)
    wanted, heights = [place for place, _ in labels], [height for _, height in labels]
    tops = spread(wanted, heights, 0.0, 500.0)
    bottoms = [top - height for top, height in zip(tops, heights, strict=True)]
    assert tops[0] <= 500 + 1e-6
    assert bottoms[-1] >= -1e-6
    assert all(below <= above + 1e-6 for above, below in zip(bottoms, tops[1:], strict=False))
