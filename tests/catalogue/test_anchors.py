from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from simulator.catalogue.anchors import (
    FURTHEST_LOG_RATIO,
    MOST_ANCHORS,
    anchoring_of,
    anchoring_on,
    anchoring_with,
    nearest_rows,
)
from simulator.catalogue.efficiencies import likeness
from simulator.catalogue.hardware import gpu, open_model
from simulator.catalogue.measured import Measured, usable_rows
from simulator.domain.kriging import Situations, category_covariance, correction, fading

ROWS = usable_rows()


def of_pair(row, model, on):
    return open_model(row.model).shape_id == open_model(model).shape_id and row.gpu == on


@cache
def pair_and_rest(model, on):
    rows = [row for row in ROWS if of_pair(row, model, on)]
    return rows, [row for row in ROWS if not of_pair(row, model, on)]


def off_by(measured, anchoring):
    """ln(measured / estimate) of each measurement, by the anchors one question at a time."""
    situations = measured.situations()
    sets = np.zeros((1, len(anchoring.rows)), dtype=bool)
    corrections = []
    for number in range(len(situations)):
        one = Situations(situations.coordinates[number : number + 1], situations.codes[number : number + 1])
        categories = category_covariance(one, anchoring.anchors.situations, likeness())
        found = correction(anchoring.anchors, categories, one.coordinates, sets)
        corrections.append(found.log_ratios[0, 0])
    return measured.log_ratios() - np.array(corrections)


def median_error(log_ratios):
    return np.median(np.abs(np.expm1(log_ratios)))


# Which rows


@pytest.mark.parametrize(
    ("model", "on"),
    [("llama-3.1-8b", "h100-sxm"), ("llama-3.1-70b", "b200-sxm"), ("mixtral-8x7b", "a100-80gb-sxm"),
     ("llama-3.3-70b", "rtx-pro-6000-server"), ("gemma-2b", "t4")],
)  # fmt: skip
def test_a_question_has_so_many_anchors_and_all_of_its_own_pair_among_them(model, on):
    near = nearest_rows(ROWS, model, on)
    own, _ = pair_and_rest(model, on)
    assert len(near) == MOST_ANCHORS
    assert len({row.id for row in near}) == MOST_ANCHORS
    assert {row.id for row in own} <= {row.id for row in near}
    # those of the pair come first
    assert all(of_pair(row, model, on) for row in near[: len(own)])


def test_gpus_of_the_same_generation_and_models_of_the_same_kind_come_before_others():
    near = nearest_rows(ROWS, "mixtral-8x7b", "h100-sxm")
    same_model = [gpu(row.gpu).generation != "hopper" for row in near if row.model == "mixtral-8x7b"]
    same_gpu = [open_model(row.model).experts is None for row in near if row.gpu == "h100-sxm"]
    for is_further in (same_model, same_gpu):
        assert len(is_further) > 100
        assert is_further == sorted(is_further)


def test_few_measurements_are_all_taken():
    few = ROWS[::100]
    assert sorted(row.id for row in nearest_rows(few, "llama-3.1-8b", "l4")) == sorted(row.id for row in few)
    assert nearest_rows((), "llama-3.1-8b", "l4") == ()


def test_what_is_kept_for_a_model_is_that_of_its_shape():
    assert anchoring_of("llama-3.3-70b", "h200-sxm").is_same_pair.sum() == len(
        pair_and_rest("llama-3.1-70b", "h200-sxm")[0]
    )


# What they say


@pytest.mark.parametrize(
    ("model", "on"),
    [("llama-3.1-70b", "h200-sxm"), ("llama-3.1-8b", "h100-sxm"), ("mixtral-8x7b", "h100-sxm"),
     ("mistral-7b-v0.3", "h100-sxm"), ("llama-2-70b", "a100-80gb-sxm"), ("llama-3.1-70b", "l40s")],
)  # fmt: skip
def test_a_pair_kept_aside_is_predicted_by_the_others(model, on):
    own, rest = pair_and_rest(model, on)
    assert len(own) >= 20
    anchoring = anchoring_on(nearest_rows(rest, model, on), model, on)
    assert not anchoring.is_same_pair.any()
    assert median_error(off_by(Measured(own), anchoring)) < 0.10


def test_neighbours_make_a_pair_kept_aside_better_than_the_roofline_alone():
    errors, alone = [], []
    for model, on in (("mistral-7b-v0.3", "h100-sxm"), ("gpt-oss-120b", "h100-sxm"), ("llama-3.1-8b", "h100-sxm")):
        own, rest = pair_and_rest(model, on)
        measured = Measured(own)
        errors.extend(off_by(measured, anchoring_on(nearest_rows(rest, model, on), model, on)))
        alone.extend(measured.log_ratios())
    assert median_error(errors) < median_error(alone)


def test_a_pair_that_anchors_itself_is_met():
    own, _ = pair_and_rest("llama-3.1-70b", "h200-sxm")
    assert median_error(off_by(Measured(own), anchoring_of("llama-3.1-70b", "h200-sxm"))) < 0.02


def test_the_order_of_measurements_does_not_matter():
    own, rest = pair_and_rest("llama-2-70b", "a100-80gb-sxm")
    near = nearest_rows(rest, "llama-2-70b", "a100-80gb-sxm")
    shuffled = [near[index] for index in np.random.default_rng(5).permutation(len(near))]
    measured = Measured(own)
    once = off_by(measured, anchoring_on(near, "llama-2-70b", "a100-80gb-sxm"))
    again = off_by(measured, anchoring_on(shuffled, "llama-2-70b", "a100-80gb-sxm"))
    assert again == pytest.approx(once, abs=1e-6)


def test_without_measurements_nothing_is_corrected():
    own, _ = pair_and_rest("llama-2-70b", "a100-80gb-sxm")
    measured = Measured(own[:3])
    assert off_by(measured, anchoring_on((), "llama-2-70b", "a100-80gb-sxm")) == pytest.approx(measured.log_ratios())


def test_the_weights_solve_the_covariance_of_the_anchors():
    rows = [row for row in pair_and_rest("mistral-7b-v0.3", "h100-sxm")[0] if row.metric == "output_tokens_per_s"]
    anchors = anchoring_on(rows, "mistral-7b-v0.3", "h100-sxm").anchors
    covariance = category_covariance(anchors.situations, anchors.situations, likeness())
    covariance = covariance * fading(anchors.situations.coordinates, anchors.situations.coordinates, likeness())
    covariance = covariance + likeness().noise_sd ** 2 * np.eye(len(rows))
    assert covariance @ anchors.weights == pytest.approx(Measured(rows).log_ratios(), abs=1e-9)


# A user's own


def test_ones_own_measurements_stand_first_and_are_never_cut_off():
    first = pair_and_rest("llama-3.1-8b", "h100-sxm")[0][0]
    own = tuple(replace(first, id=f"mine-{number}") for number in range(3))
    anchoring = anchoring_with(own, "llama-3.1-8b", "h100-sxm")
    assert [row.id for row in anchoring.rows[:3]] == ["mine-0", "mine-1", "mine-2"]
    assert len(anchoring.rows) == 3 + MOST_ANCHORS


def test_a_published_measurement_twice_off_the_roofline_is_not_believed_but_ones_own_is():
    first = next(row for row in pair_and_rest("llama-3.1-8b", "h100-sxm")[0] if row.metric == "output_tokens_per_s")
    slow = replace(first, value=first.value / 8)
    (as_published,) = off_by(Measured([slow]), anchoring_on([slow], "llama-3.1-8b", "h100-sxm"))
    (as_own,) = off_by(Measured([slow]), anchoring_on([slow], "llama-3.1-8b", "h100-sxm", own_rows=1))
    assert Measured([slow]).log_ratios()[0] < -FURTHEST_LOG_RATIO
    assert as_own == pytest.approx(0.0, abs=0.02)
    assert as_published < -0.5
