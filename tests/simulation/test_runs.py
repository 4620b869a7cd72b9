"""Draws of a demand over the span of a recording."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.domain.traffic import Traffic
from simulator.simulation.runs import drawn_requests

HOURS = tuple(float(hour == 9) + 0.1 for hour in range(24))


def test_runs_have_the_volume_of_the_traffic_and_differ_by_seed():
    traffic = Traffic.model_validate({"requests_per_month": 7.3e6, "counts": "poisson"})
    runs = drawn_requests(traffic, start=datetime(2025, 3, 3), steps=1_008, step_s=600.0, runs=3)
    assert runs.shape == (3, 1_008)
    np.testing.assert_allclose(runs.mean(axis=1), 7.3e6 / 730 / 6, rtol=0.01)
    assert len(np.unique(runs[:, 0])) > 1
    again = drawn_requests(traffic, start=datetime(2025, 3, 3), steps=1_008, step_s=600.0, runs=1, first_seed=2)
    np.testing.assert_array_equal(again[0], runs[2])


@pytest.mark.parametrize("start", [datetime(2025, 3, 3, 6, 30), datetime(2025, 3, 2, 21, 30, tzinfo=UTC)])
def test_steps_begin_at_the_local_moment_of_the_start(start):
    """Nine in the morning in Tokyo, from half past six there: two and a half hours, and half an hour to the middle."""
    traffic = Traffic.model_validate({"requests_per_month": 1e6, "timezone": "Asia/Tokyo", "hourly_weights": HOURS})
    (run,) = drawn_requests(traffic, start=start, steps=24 * 6, step_s=600.0, runs=1)
    assert int(np.argmax(run)) in (17, 18)  # 9:20 to 9:40
