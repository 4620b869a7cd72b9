import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.domain.kriging import (
    CODES,
    DIMENSIONS,
    Likeness,
    Situations,
    anchored_on,
    category_covariance,
    correction,
    fading,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOISE_SD = 0.025
SINGLE_PRECISION = 2e-5  # of a variance of 0.04

LIKENESS = Likeness(
    sd=0.2,
    noise_sd=NOISE_SD,
    scales=(5.0, 4.0, 2.5, 1.2, 0.5),
    roughness=2.0,
    model=0.6,
    model_kind=0.8,
    generation=0.85,
    gpu=0.9,
    precision=0.5,
    version=0.4,
    engine=0.25,
    latency=0.5,
    first_token=0.2,
    regime=0.65,
    layout=0.7,
)
HERE = dict.fromkeys(CODES, 0)
NOWHERE = (0.0,) * DIMENSIONS
THROUGHPUT, TIME_PER_TOKEN, FIRST_TOKEN = range(3)


def situations(*codes, coordinates=None):
    """Situations that differ from `HERE` in the codes given."""
    rows = [[{**HERE, **each}[name] for name in CODES] for each in codes]
    places = np.zeros((len(rows), DIMENSIONS)) if coordinates is None else np.array(coordinates, dtype=float)
    return Situations(places, np.array(rows, dtype=np.int64).reshape(len(rows), len(CODES)))


def anchors(measured, log_ratios, noise_sd=NOISE_SD):
    return anchored_on(measured, np.array(log_ratios, dtype=float), LIKENESS, np.full(len(measured), noise_sd))


def asked(made, question=None, coordinates=(NOWHERE,), sets=None):
    """What anchors say of throughput, time per token and time to the first token of a question."""
    sets = np.ones((1, len(made)), dtype=bool) if sets is None else np.array(sets, dtype=bool)
    quantities = ({**(question or {}), "quantity": quantity} for quantity in range(3))
    categories = category_covariance(situations(*quantities), made.situations, LIKENESS)
    return correction(made, categories, np.array(coordinates, dtype=float), sets)


def covariance_by_hand(one, other, one_place, other_place):
    """Of two situations given by name, with the rules of the class written out."""

    def same(name):
        return one[name] == other[name]

    value = LIKENESS.sd**2
    if not same("model"):
        value *= LIKENESS.model if same("is_mixture") else LIKENESS.model * LIKENESS.model_kind
    if not same("gpu"):
        value *= LIKENESS.generation if same("generation") else LIKENESS.generation * LIKENESS.gpu
    if not same("version"):
        value *= LIKENESS.version if same("engine") else LIKENESS.version * LIKENESS.engine
    for name in ("precision", "regime", "layout"):
        value *= 1.0 if same(name) else getattr(LIKENESS, name)
    quantities = {one["quantity"], other["quantity"]}
    value *= {
        frozenset({0, 1}): LIKENESS.latency,
        frozenset({1, 2}): LIKENESS.first_token,
        frozenset({0, 2}): LIKENESS.latency * LIKENESS.first_token,
    }.get(frozenset(quantities), 1.0)
    places = zip(one_place, other_place, LIKENESS.scales, strict=True)
    distance = math.sqrt(sum(((a - b) / scale) ** 2 for a, b, scale in places))
    return value / (1 + distance**2 / (2 * LIKENESS.roughness)) ** LIKENESS.roughness


@st.composite
def consistent_codes(draw):
    """Codes in which a model is of one kind, a GPU of one generation and a version of one engine."""
    model, gpu, version = (draw(st.integers(0, 5)) for _ in range(3))
    others = {name: draw(st.integers(0, 1)) for name in ("precision", "regime", "layout")}
    kinds = {"is_mixture": model % 2, "generation": gpu % 3, "engine": version % 3}
    return {"model": model, "gpu": gpu, "version": version, **kinds, **others, "quantity": draw(st.integers(0, 2))}


places = st.tuples(*(st.floats(0.0, most) for most in (17.0, 13.0, 12.0, 4.0, 1.0)))
measured_rows = st.tuples(consistent_codes(), places, st.floats(-0.7, 0.7))


def made_of(rows):
    codes, coordinates, log_ratios = zip(*rows, strict=True)
    return anchors(situations(*codes, coordinates=coordinates), log_ratios)


# What is alike


@QUICK
@given(rows=st.lists(measured_rows, min_size=2, max_size=6))
def test_covariance_is_the_product_of_what_differs_and_how_far_apart(rows):
    codes, coordinates, _ = zip(*rows, strict=True)
    several = situations(*codes, coordinates=coordinates)
    found = category_covariance(several, several, LIKENESS)
    found *= fading(several.coordinates, several.coordinates, LIKENESS)
    by_hand = [
        [covariance_by_hand(codes[i], codes[j], coordinates[i], coordinates[j]) for j in range(len(rows))]
        for i in range(len(rows))
    ]
    assert found == pytest.approx(np.array(by_hand), rel=1e-6)


@QUICK
@given(rows=st.lists(measured_rows, min_size=2, max_size=40))
def test_no_combination_of_situations_varies_less_than_not_at_all(rows):
    codes, coordinates, _ = zip(*rows, strict=True)
    several = situations(*codes, coordinates=coordinates)
    covariance = category_covariance(several, several, LIKENESS)
    covariance *= fading(several.coordinates, several.coordinates, LIKENESS)
    assert covariance == pytest.approx(covariance.T)
    assert np.linalg.eigvalsh((covariance + covariance.T) / 2).min() > -1e-12


@pytest.mark.parametrize(
    ("differing", "factor"),
    [
        ({}, 1.0),
        ({"model": 1}, 0.6),
        ({"model": 1, "is_mixture": 1}, 0.6 * 0.8),
        ({"gpu": 1}, 0.85),
        ({"gpu": 1, "generation": 1}, 0.85 * 0.9),
        ({"version": 1}, 0.4),
        ({"version": 1, "engine": 1}, 0.4 * 0.25),
        ({"precision": 1, "regime": 1, "layout": 1}, 0.5 * 0.65 * 0.7),
        ({"quantity": TIME_PER_TOKEN}, 0.5),
        ({"quantity": FIRST_TOKEN}, 0.5 * 0.2),
    ],
)
def test_what_differs_makes_situations_less_alike_by_its_factor(differing, factor):
    found = category_covariance(situations({}), situations(differing), LIKENESS)
    assert found[0, 0] / LIKENESS.sd**2 == pytest.approx(factor)


def test_the_times_of_a_request_are_alike_as_the_first_token_factor_says():
    found = category_covariance(
        situations({"quantity": TIME_PER_TOKEN}), situations({"quantity": FIRST_TOKEN}), LIKENESS
    )
    assert found[0, 0] / LIKENESS.sd**2 == pytest.approx(0.2)


def test_likeness_fades_over_its_scales():
    here, there = np.array([NOWHERE]), np.diag(LIKENESS.scales)
    # one scale away in any one direction: (1 + 1 / 4)^-2
    assert fading(here, there, LIKENESS) == pytest.approx(np.full((1, DIMENSIONS), 0.64))
    assert fading(here, 1e6 * there, LIKENESS) == pytest.approx(np.zeros((1, DIMENSIONS)), abs=1e-9)


# What measurements say


def test_without_measurements_nothing_is_corrected_and_nothing_is_sure():
    found = asked(anchors(situations(), []), coordinates=[NOWHERE, NOWHERE])
    assert found.log_ratios == pytest.approx(np.zeros((3, 2)))
    assert found.variance == pytest.approx([0.2**2 + NOISE_SD**2] * 2)
    assert found.nearest == pytest.approx(np.zeros((1, 2)))
    assert found.first.size == 0


def test_an_exact_measurement_of_the_very_question_is_the_answer():
    found = asked(anchors(situations({}), [0.3], noise_sd=0.002))
    assert found.log_ratios[THROUGHPUT, 0] == pytest.approx(0.3, rel=1e-3)
    assert found.variance[0] == pytest.approx(NOISE_SD**2, rel=0.02)
    assert (found.nearest[0, 0], found.first[0]) == pytest.approx((1.0, 1.0))


def test_a_noisy_measurement_counts_by_its_share_of_the_variance():
    found = asked(anchors(situations({}), [0.3], noise_sd=0.1))
    assert found.log_ratios[THROUGHPUT, 0] == pytest.approx(0.3 * 0.04 / (0.04 + 0.01))
    assert found.variance[0] == pytest.approx(0.04 * 0.01 / (0.04 + 0.01) + NOISE_SD**2, rel=1e-4)


def test_a_throughput_says_half_as_much_of_the_time_per_token():
    found = asked(anchors(situations({}), [0.3], noise_sd=1e-3))
    assert found.log_ratios[:, 0] == pytest.approx([0.3, 0.3 * 0.5, 0.3 * 0.5 * 0.2], rel=1e-3)


def test_measurements_far_away_say_nothing():
    found = asked(anchors(situations({}), [0.3]), coordinates=[(1e6, 0.0, 0.0, 0.0, 0.0)])
    assert found.log_ratios[:, 0] == pytest.approx(np.zeros(3), abs=1e-9)
    assert found.variance[0] == pytest.approx(0.2**2 + NOISE_SD**2)


def test_two_measurements_of_one_thing_are_averaged():
    found = asked(anchors(situations({}, {}), [0.2, 0.4], noise_sd=0.01))
    assert found.log_ratios[THROUGHPUT, 0] == pytest.approx(0.3, rel=5e-3)


@QUICK
@given(rows=st.lists(measured_rows, min_size=1, max_size=12), question=consistent_codes(), place=places)
def test_mean_and_variance_are_those_of_a_joint_gaussian_given_the_measurements(rows, question, place):
    codes, coordinates, log_ratios = zip(*rows, strict=True)
    everything = list(zip([{**question, "quantity": THROUGHPUT}, *codes], [place, *coordinates], strict=True))
    joint = np.array(
        [[covariance_by_hand(one, other, here, there) for other, there in everything] for one, here in everything]
    )
    joint += NOISE_SD**2 * np.eye(len(everything))
    # the block of the inverse that belongs to the question is the inverse of its variance given the rest
    precision = np.linalg.inv(joint)
    variance = 1 / precision[0, 0]
    mean = -variance * precision[0, 1:] @ np.array(log_ratios)
    found = asked(made_of(rows), question, [place])
    assert found.log_ratios[THROUGHPUT, 0] == pytest.approx(mean, rel=1e-5, abs=1e-8)
    assert found.variance[0] == pytest.approx(variance, abs=SINGLE_PRECISION)


@QUICK
@given(rows=st.lists(measured_rows, min_size=2, max_size=12), question=consistent_codes(), data=st.data())
def test_the_order_of_measurements_does_not_matter(rows, question, data):
    shuffled = data.draw(st.permutations(rows))
    first, second = asked(made_of(rows), question), asked(made_of(shuffled), question)
    assert first.log_ratios == pytest.approx(second.log_ratios, abs=1e-9)
    assert first.variance == pytest.approx(second.variance, abs=SINGLE_PRECISION)


@QUICK
@given(rows=st.lists(measured_rows, min_size=2, max_size=12), question=consistent_codes(), place=places)
def test_one_more_measurement_never_makes_less_sure(rows, question, place):
    fewer, all_of_them = (asked(made_of(some), question, [place]).variance[0] for some in (rows[:-1], rows))
    assert all_of_them <= fewer + SINGLE_PRECISION
    assert NOISE_SD**2 <= all_of_them <= 0.2**2 + NOISE_SD**2 + SINGLE_PRECISION


@QUICK
@given(rows=st.lists(measured_rows, min_size=1, max_size=12), question=consistent_codes(), factor=st.floats(-2.0, 2.0))
def test_what_measurements_say_is_proportional_to_how_far_off_they_are(rows, question, factor):
    once = asked(made_of(rows), question).log_ratios
    scaled = asked(made_of([(codes, place, factor * ratio) for codes, place, ratio in rows]), question).log_ratios
    assert scaled == pytest.approx(factor * once, abs=1e-9)


@QUICK
@given(rows=st.lists(measured_rows, min_size=1, max_size=8), asked_at=st.lists(places, min_size=1, max_size=5))
def test_questions_are_answered_together_as_one_by_one(rows, asked_at):
    made = made_of(rows)
    together, each = asked(made, coordinates=asked_at), [asked(made, coordinates=[place]) for place in asked_at]
    assert together.log_ratios == pytest.approx(np.hstack([one.log_ratios for one in each]), abs=1e-9)
    assert together.variance == pytest.approx(np.hstack([one.variance for one in each]), abs=1e-6)
    assert together.nearest == pytest.approx(np.hstack([one.nearest for one in each]))
    assert together.first == pytest.approx(each[0].first)


def test_more_questions_than_are_answered_at_a_time_are_answered_as_one_by_one():
    made = anchors(situations({}, {"gpu": 1}), [0.3, -0.2])
    asked_at = [(0.01 * number, 0.0, 0.0, 0.0, 0.0) for number in range(1200)]
    together = asked(made, coordinates=asked_at)
    for number in (0, 511, 512, 1199):
        alone = asked(made, coordinates=[asked_at[number]])
        assert together.log_ratios[:, number] == pytest.approx(alone.log_ratios[:, 0])
        assert together.variance[number] == pytest.approx(alone.variance[0], abs=1e-6)
        assert together.nearest[:, number] == pytest.approx(alone.nearest[:, 0])


def test_the_most_alike_measurement_is_told_for_each_set_and_zero_where_a_set_is_empty():
    made = anchors(situations({"gpu": 1}, {"precision": 1}, {"gpu": 1, "model": 1}), [0.1, 0.1, 0.1])
    sets = [[True, False, True], [False, True, False], [False, False, False]]
    found = asked(made, sets=sets)
    assert found.nearest[:, 0] == pytest.approx([0.85, 0.5, 0.0])
    assert found.first == pytest.approx([0.85, 0.5, 0.85 * 0.6])


def test_many_repeated_exact_measurements_leave_a_variance_that_single_precision_can_tell():
    rows = situations(*([{}] * 300))
    found = asked(anchors(rows, np.full(300, 0.1), noise_sd=0.01))
    assert found.log_ratios[THROUGHPUT, 0] == pytest.approx(0.1, rel=1e-3)
    assert found.variance[0] == pytest.approx(NOISE_SD**2 + 0.01**2 / 300, abs=1e-4)
