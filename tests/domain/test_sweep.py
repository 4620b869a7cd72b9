"""The points of a sweep: how many, which, in which order, and what is refused."""

from itertools import pairwise, product

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from simulator.domain.conditions import Condition
from simulator.domain.sweep import Sweep

FRAME = {"title": "A sweep", "base": "minimal"}


def sweep(**parts):
    return Sweep.model_validate({**FRAME, **parts})


def points(**parts):
    of = sweep(**parts)
    return [of.point(number) for number in range(of.size)]


def nothing(key):
    raise KeyError(key)


def test_a_grid_is_every_combination_the_last_key_fastest():
    grid = {"a.x": [1, 2], "b": ["p", "q", "r"], "c": [{"kind": "fixed"}, None]}
    assert [tuple(point.overrides.values()) for point in points(grid=grid)] == list(product(*grid.values()))
    assert [point.told for point in points(grid=grid)] == [point.overrides for point in points(grid=grid)]


def test_keys_of_a_zip_move_together():
    found = points(zip={"a": [1, 2, 3], "b": [10, 20, 30]}, grid={"c": [0, 1]})
    assert [tuple(point.overrides.values()) for point in found] == [
        (1, 10, 0), (1, 10, 1), (2, 20, 0), (2, 20, 1), (3, 30, 0), (3, 30, 1),
    ]  # fmt: skip


def test_cases_are_told_by_name_and_set_what_they_hold():
    found = points(cases={"as it is": {}, "cheap": {"a.usd": 1, "b": 2}}, grid={"c": [5]})
    assert [(point.told, point.overrides) for point in found] == [
        ({"case": "as it is", "c": 5}, {"c": 5}),
        ({"case": "cheap", "c": 5}, {"a.usd": 1, "b": 2, "c": 5}),
    ]


def test_every_part_is_combined_with_every_other():
    of = sweep(
        cases={"one": {}, "two": {"k": 1}},
        zip={"a": [1, 2, 3], "b": [4, 5, 6]},
        grid={"c": [1, 2], "d": [1, 2]},
        sample={"points": 8, "keys": {"e": {"uniform": {"low": 0, "high": 1}}}},
    )
    assert of.size == 2 * 3 * 2 * 2 * 8
    assert of.columns == ("case", "a", "b", "c", "d", "e")
    told = {tuple(of.point(number).told.items()) for number in range(of.size)}
    assert len(told) == of.size


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube"])
def test_drawn_points_follow_their_distributions_and_lie_evenly(method):
    keys = {"a": {"normal": {"mean": 5, "sd": 2}}, "b": {"p10": 1, "p50": 2, "p90": 4}}
    of = sweep(sample={"points": 1024, "method": method, "seed": 7, "keys": keys})
    drawn = np.array([list(of.point(number).overrides.values()) for number in range(of.size)])
    assert stats.kstest(drawn[:, 0], stats.norm(5, 2).cdf).statistic < 2 / 1024
    assert np.quantile(drawn[:, 1], [0.1, 0.5, 0.9]) == pytest.approx([1, 2, 4], rel=0.01)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.05
    again = sweep(sample={"points": 1024, "method": method, "seed": 7, "keys": keys})
    assert again.point(1000) == of.point(1000)
    other = sweep(sample={"points": 1024, "method": method, "seed": 8, "keys": keys})
    assert other.point(1000) != of.point(1000)


def test_points_of_one_demand_come_in_a_row_and_none_is_left_out():
    of = sweep(
        zip={"options.a.usd": [1, 2], "options.b.usd": [3, 4]},
        grid={
            "options.c.usd": [1, 2, 3],
            "traffic.diurnal.peak_to_mean": [1, 2, 4],
            "options.d": [1, 2],
            "seed": [1, 2],
        },
    )
    order = list(of.chosen(nothing))
    assert sorted(point.number for point in order) == list(range(of.size))
    demands = [(point.told["traffic.diurnal.peak_to_mean"], point.told["seed"]) for point in order]
    changes = sum(one != other for one, other in pairwise(demands))
    assert changes == 3 * 2 - 1


def test_cases_that_change_the_demand_come_case_by_case():
    of = sweep(cases={"one": {"traffic.growth_per_month": 0.1}, "two": {}}, grid={"options.a": [1, 2, 3]})
    assert [point.told["case"] for point in of.chosen(nothing)] == ["one"] * 3 + ["two"] * 3


def test_conditions_choose_among_the_points():
    grid = {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4], "kind": ["fixed", "free"]}
    of = sweep(grid=grid, where=["a <= b", "b != 3", "kind == fixed"])
    found = {(point.told["a"], point.told["b"]) for point in of.chosen(nothing)}
    assert found == {(a, b) for a, b in product(range(1, 5), repeat=2) if a <= b and b != 3}


def test_conditions_may_ask_for_what_the_base_sets_or_a_case_sets():
    base = {"limit": 3}
    of = sweep(cases={"low": {"x": 1}, "high": {"x": 5}}, where=["x < limit"])
    assert [point.told["case"] for point in of.chosen(base.__getitem__)] == ["low"]


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("a >= 2", 2, True),
        ("a > 2", 2, False),
        ("a < 1e3", 999.5, True),
        ("a == true", True, True),
        ("a != null", None, False),
        ("a == 'fixed'", "fixed", True),
        ("a == fixed", "free", False),
        ("a == 5", "five", False),
    ],
)
def test_a_condition(text, value, holds):
    assert Condition.parsed(text).holds({"a": value}.__getitem__) is holds


@pytest.mark.parametrize("text", ["a<3", "a = 3", "a <= ", "a <= 3 and b > 1", ""])
def test_a_text_that_is_no_condition(text):
    with pytest.raises(ValueError, match="must be KEY OPERATOR VALUE"):
        Condition.parsed(text)


@pytest.mark.parametrize(
    ("text", "message"), [("b > 1", "neither the sweep nor its base sets b"), ("a > 1", "neither greater nor less")]
)
def test_a_condition_that_makes_no_sense(text, message):
    with pytest.raises(ValueError, match=message):
        Condition.parsed(text).holds({"a": "text"}.__getitem__)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "holds nothing to try"),
        ({"grid": {}}, "holds nothing to try"),
        ({"grid": {"a": []}}, "no values for 'a'"),
        ({"zip": {"a": [1, 2], "b": [1]}}, "has 2 of 'a', 1 of 'b'"),
        ({"grid": {"a": [1]}, "zip": {"a": [1]}}, "where zip sets 'a'"),
        ({"grid": {"a.b": [1]}, "sample": {"points": 2, "keys": {"a": {"p10": 1, "p50": 2, "p90": 3}}}}, "one place"),
        ({"grid": {"a": [1]}, "cases": {"x": {"a.b.c": 1}}}, "one place"),
        ({"grid": {"a": list(range(4000)), "b": list(range(4000))}}, "gives 16,000,000 points"),
        ({"grid": {"a": [1]}, "where": ["a<1"]}, "must be KEY OPERATOR VALUE"),
        ({"sample": {"points": 0, "keys": {"a": {"p10": 1, "p50": 2, "p90": 3}}}}, "greater than or equal to 1"),
        ({"sample": {"points": 2, "keys": {}}}, "at least 1 item"),
        ({"sample": {"points": 2, "method": "grid", "keys": {"a": {"p10": 1, "p50": 2, "p90": 3}}}}, "'sobol'"),
    ],
)
def test_what_is_no_sweep(parts, message):
    with pytest.raises(ValidationError, match=message):
        sweep(**parts)


def test_two_cases_may_set_the_same_key():
    assert sweep(cases={"one": {"a": 1}, "two": {"a": 2}}).size == 2
