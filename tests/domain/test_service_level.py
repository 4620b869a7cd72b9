"""Service levels, slots and failures as they are written; the spread of service times that lengths imply."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.domain.service_level import ApiLatency, ReplicaFailures, ServiceLevel, Slots
from simulator.domain.serving_times import ServingTimes, service_scv_of
from simulator.domain.workload import RequestClass


def request(**keys):
    return RequestClass(**{"input_tokens": 100, "output_tokens": 100} | keys)


def test_a_lognormal_answer_spreads_the_service_time_by_its_own_variance():
    # A lognormal's squared coefficient of variation is exp(s^2) - 1; p90 over the mean is exp(1.28155 s - s^2 / 2).
    s = 0.8
    p90 = 100 * math.exp(1.2815515655446004 * s - s * s / 2)
    scv = service_scv_of({"r": request(output_tokens={"mean": 100, "p90": p90})})
    assert scv == pytest.approx(math.exp(s * s) - 1, rel=1e-3)


def test_classes_of_two_lengths_spread_it_by_their_distance():
    # Uniform from 50 to 150, and from 250 to 350: means 100 and 300, each with a variance of 100^2 / 12.
    short, long = ({"quantiles": {"p0": low, "p100": low + 100}} for low in (50, 250))
    workload = {"a": request(share=0.5, output_tokens=short), "b": request(share=0.5, output_tokens=long)}
    mean, second = 200.0, 0.5 * (100**2 + 300**2) + 100**2 / 12
    assert service_scv_of(workload) == pytest.approx(second / mean**2 - 1, rel=1e-3)


def test_reasoning_of_one_length_and_a_cap_make_it_steadier():
    law = {"mean": 100, "p90": 220}
    plain, reasoned, capped = (
        service_scv_of({"r": request(output_tokens=law, **more)})
        for more in ({}, {"reasoning_tokens": 100}, {"output_cap_tokens": 150})
    )
    assert reasoned == pytest.approx(plain / 4, rel=1e-4)  # twice the mean, the same variance
    assert capped < plain


def test_a_mean_alone_says_nothing_of_the_spread():
    assert service_scv_of({"r": request()}) is None
    assert (
        service_scv_of({"r": request(output_tokens={"mean": 100, "p90": 150}, share=0.5), "s": request(share=0.5)})
        is None
    )


def test_times_by_load_lie_between_their_points():
    times = ServingTimes(
        8, 4.0, loads=(0.0, 0.5, 1.0), first_token_s=(0.1, 0.2, 0.6), time_per_token_s=(0.01, 0.01, 0.03)
    )
    assert np.allclose(times.first_token_at(np.array([0.0, 0.25, 0.75, 2.0])), [0.1, 0.15, 0.4, 0.6])
    assert times.time_per_token_at(0.75) == pytest.approx(0.02)
    assert ServingTimes(8, 4.0).time_per_token_at(0.5) is None


def test_a_failure_rate_is_one_over_the_time_between_failures():
    assert ReplicaFailures(mean_hours_between=250.0, repair_s=60.0).rate_per_hour == pytest.approx(0.004)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ServiceLevel(), "is empty, must give first_token_s"),
        (lambda: ServiceLevel(late_share=0.1, unserved_share=0.1), "must be given with first_token_s"),
        (lambda: ServiceLevel(first_token_s=1.0, late_share=1.5), "less than or equal to 1"),
        (lambda: ServiceLevel(first_token_s=-1.0), "greater than 0"),
        (lambda: Slots(per_replica=0), "greater than 0"),
        (lambda: ReplicaFailures(repair_s=1.0), "exactly one of per_replica_hour, mean_hours_between; holds none"),
        (lambda: ReplicaFailures(per_replica_hour=1, mean_hours_between=1, repair_s=1.0), "holds both"),
        (lambda: ApiLatency(ttft_p50_s=1.0, ttft_p99_s=0.5, source="ours"), "is 0.5, must be at least ttft_p50_s, 1"),
    ],
)
def test_what_makes_no_sense_is_refused(make, text):
    with pytest.raises(ValidationError, match=text):
        make()
