import math

import numpy as np
import pytest

from simulator.domain.recordings import Recording


def recording(requests, step_s=60.0):
    requests = np.array(requests, dtype=float)
    return Recording("file", "layout", step_s, None, requests, requests * 100, requests * np.nan)


def test_a_sum_with_an_unknown_part_is_unknown():
    longer = recording([1, 2, math.nan, 4, 5, 6, 7]).resampled(120)
    np.testing.assert_array_equal(longer.requests, [3, math.nan, 11])
    np.testing.assert_array_equal(longer.input_tokens, [300, math.nan, 1100])
    assert np.isnan(longer.output_tokens).all()
    assert (longer.step_s, longer.duration_s) == (120, 360)


@pytest.mark.parametrize("step_s", [90.0, 30.0, 480.0])
def test_a_recording_is_resampled_to_whole_steps_within_it(step_s):
    with pytest.raises(ValueError, match=r"step_s is .*, must be"):
        recording([1, 2, 3]).resampled(step_s)


def test_the_mean_is_that_of_the_known_steps():
    assert recording([1, math.nan, 5]).mean_requests_per_s == pytest.approx(3 / 60)
    assert recording([1, math.nan, 5]).known_share == pytest.approx(2 / 3)
    assert math.isnan(recording([math.nan]).mean_requests_per_s)


def test_recordings_of_the_same_numbers_are_equal():
    assert recording([1, math.nan]) == recording([1, math.nan])
    assert recording([1, math.nan]) != recording([1, 0])
    assert recording([1, 2]) != recording([1, 2], step_s=120.0)
    assert len({recording([1, 2]), recording([1, 2])}) == 1
