import pytest

from simulator.presentation.wording import crossing_texts, verdict
from simulator.solving.crossings import Crossing
from simulator.solving.study import Pair


def pair(first, settled, changes=(), reason=None, cause=None):
    """`changes` are volumes where the sides change in turn, at the first to the challenger where `first` is above 0."""
    sides = ("challenger", "baseline") if first else ("baseline", "challenger")
    crossings = tuple(Crossing(at, sides[place % 2], "jump") for place, at in enumerate(changes))
    return Pair("api", "fleet", crossings, first, settled, reason, cause, None, None, ())


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (pair(2.9e9, 2.9e9, [2.9e9]), "pays from 2.9 B"),
        (pair(2.9e9, 3.4e9, [2.9e9, 3e9, 3.4e9]), "first pays at 2.9 B, for good from 3.4 B"),
        (pair(3.001e9, 3.004e9, [3.001e9, 3.002e9, 3.004e9]), "first pays at 3.001 B, for good from 3.004 B"),
        (pair(0.0, 5e9, [1e9, 5e9]), "pays below 1 B, for good from 5 B"),
        (
            pair(0.0, None, [1e9], "not_settled_in_range"),
            "pays below 1 B; not settled: api is cheaper above",
        ),
        (
            pair(1e9, None, [1e9, 2e9], "not_settled_in_range"),
            "first pays at 1 B, no longer pays from 2 B; not settled: api is cheaper above",
        ),
        (pair(None, None, reason="baseline_always_cheaper"), "never pays: api is cheaper at every volume"),
        (pair(0.0, 0.0, reason="challenger_always_cheaper"), "always pays: cheaper than api at every volume"),
        (pair(None, None, reason="infeasible", cause="no such GPU"), "can't be had: no such GPU"),
    ],
)
def test_every_answer_has_its_words(one, said):
    assert verdict(one) == said


def test_only_the_first_and_the_settled_of_many_crossings_are_labelled():
    volumes = [float(10 + place) * 1e9 for place in range(11)]
    assert list(crossing_texts(pair(10e9, 20e9, volumes))) == [10e9, 20e9]
