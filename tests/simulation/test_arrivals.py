"""Requests counted one by one: the Poisson law at few a minute, the way over to many, and one law for every volume."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulator.domain.autoscaling import FixedFleet
from simulator.domain.options import Replicas
from simulator.domain.overheads import Overheads
from simulator.domain.plans import FleetPlan, WorkShares
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation import arrivals
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve

MINUTES_PER_MONTH = 43_800.0
MIX = Mix(300.0, 100.0)


def counted(means, normals):
    """Requests at means without other noise, each with its standard normal number; broadcast."""
    means, normals = (np.ascontiguousarray(a, dtype=float).ravel() for a in np.broadcast_arrays(means, normals))
    out = np.empty(means.size)
    arrivals.count(means, means, normals, arrivals.count_thresholds(), out)
    return out


def normals_of_equal_weight(size=20_001):
    """Standard normal numbers at the middles of equally likely intervals."""
    return stats.norm.ppf((np.arange(size) + 0.5) / size)


# The law of a minute


@pytest.mark.parametrize("mean", [0.003, 0.2, 1.0, 4.7, 12.0, 29.9])
def test_few_requests_are_the_quantile_of_the_poisson_law(mean):
    normals = np.random.default_rng(3).standard_normal(20_000)
    got = counted(mean, normals)
    exact = stats.poisson.ppf(stats.norm.cdf(normals), mean)
    assert np.abs(got - exact).max() <= 1
    assert (got != exact).mean() < 2e-3  # next to an edge of the law only
    assert np.all(got == np.round(got))


@pytest.mark.parametrize(
    "mean", [1e-6, 0.01, 0.5, 3.0, 10.0, 29.0, 30.0, 31.0, 33.0, 35.9, 36.0, 50.0, 71.0, 72.0, 1e4]
)
def test_counts_have_the_mean_and_the_variance_of_a_poisson_law(mean):
    normals = normals_of_equal_weight(2_000_001 if mean < 1e-3 else 200_001)
    requests = counted(mean, normals)
    assert requests.mean() == pytest.approx(mean, rel=2e-3)
    # Index of dispersion one; a normal number cut into equal weights lacks 1e-4 of its variance.
    assert requests.var() / mean == pytest.approx(1.0, rel=6e-3)


def test_no_demand_brings_no_requests():
    assert counted(0.0, normals_of_equal_weight()).max() == 0.0


@pytest.mark.parametrize("normal", [-6.9, -4.0, -2.5, -0.7, 0.0, 0.4, 1.0, 3.1, 5.0])
def test_counts_rise_with_the_mean_through_every_way_over(normal):
    means = np.concatenate(
        [np.geomspace(1e-9, 20.0, 4_000), np.arange(20.0, 90.0, 0.003), np.geomspace(90, 1e7, 4_000)]
    )
    requests = counted(means, normal)
    assert np.diff(requests).min() >= -1e-9 * requests.max()
    assert requests.min() >= 0


def test_a_sample_of_minutes_is_poisson_through_the_whole_generator():
    # A level that is ten times as high every other six hours: 4 and 40 requests a minute.
    plan = {"points": [{"at_s": 0, "level": 1}, {"at_hours": 6, "level": 10}], "repeat_every_hours": 12}
    traffic = Traffic.model_validate({"requests_per_day": 22 * 1440, "piecewise": plan, "counts": "poisson"})
    demand = sample_demand(traffic, Horizon(days=40, step_s=60), 11)
    minutes = demand.path(22 * MINUTES_PER_MONTH, MIX).requests.reshape(-1, 2, 360)
    for place, mean in ((0, 4.0), (1, 40.0)):
        sample = minutes[:, place].ravel()
        assert sample.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / sample.size))
        assert sample.var() / mean == pytest.approx(1.0, abs=4 * math.sqrt((2 + 1 / mean) / sample.size))
    few = minutes[:, 0].ravel()
    frequencies = np.bincount(few.astype(int), minlength=12)[:12]
    expected = stats.poisson.pmf(np.arange(12), 4.0) * few.size
    assert ((frequencies - expected) ** 2 / expected).sum() < stats.chi2.ppf(1 - 1e-5, 12)


# The same requests for a fleet


def fleet(work=None):
    """A fleet without replicas, which only looks at what arrives."""
    return FleetPlan(
        name="none", label="none", seconds_per_request=0.37, usd_per_replica_hour=1.0, gpus_paid_per_replica=1.0,
        autoscaling=FixedFleet(kind="fixed", count=0), replicas=Replicas(minimum=0), cold_start_s=0.0,
        billing_from="request", max_wait_s=0.0, overflow_to=None, rejected_usd_per_request=0.0,
        variable_usd_per_request=0.0, overheads=Overheads(), work=work or WorkShares(),
    )  # fmt: skip


FALLING = {"relative_sd": 0.25, "correlation_time_s": 300, "falls_with_load": True}
SHAPES = {
    "flat": {},
    "day": {"diurnal": {"peak_hour": 14, "peak_to_mean": 2.0}, "noise": {"relative_sd": 0.4}},
    "nights without demand": {"weekday_hours": [0] * 12 + [5] * 12, "weekend_hours": [1] * 24},
    "falling noise": {
        "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8},
        "noise": {"parts": {"f": FALLING, "slow": {"relative_sd": 0.2}}, "reference_requests_per_minute": 30},
    },
    "blend": {
        "blend": {
            "people": {
                "share": 0.7,
                "weekly": {"weekend_to_weekday": 0.5},
                "noise": {"parts": {"f": FALLING}, "reference_requests_per_minute": 50, "taylor_exponent": 1.6},
            },
            "machines": {"share": 0.3, "jobs": {"it": {"share": 0.5, "start_hour": 3, "duration_hours": 2}},
                         "noise": {"parts": {"f": FALLING}, "reference_requests_per_minute": 10}},
        },
    },
}  # fmt: skip
GROWTH = {"kind": "steps", "steps": [{"from_month": 1, "factor": 3.0}]}


@pytest.mark.parametrize("counts", ["poisson", "expected"])
@pytest.mark.parametrize("growth", [None, GROWTH], ids=["", "growing"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_fleet_sees_the_requests_that_the_demand_holds(name, growth, counts):
    content = {"requests_per_day": 1e4, "counts": counts, **SHAPES[name], **({"growth": growth} if growth else {})}
    for step_s, months in ((300, 1.1), (3600, 1.1)):
        horizon = Horizon(hours=round(730 * months), step_s=step_s)
        demand = sample_demand(Traffic.model_validate(content), horizon, 5)
        for per_minute in (0.002, 0.5, 8.0, 31.0, 50.0, 120.0, 4e3):
            volume = per_minute * MINUTES_PER_MONTH
            seen = serve(fleet(), demand, np.array([volume]), grown=True, record=True).record.arriving_requests
            held = demand.path(volume, MIX).requests
            # Where noise falls with the load, a few minutes are near the edge of what counts as many.
            rounding = 1e-3 if name == "falling noise" else 1e-9
            np.testing.assert_allclose(seen, held, rtol=rounding, atol=1e-9 * held.max())
            assert (np.abs(seen - held) > 1e-8 * held.max()).mean() < 5e-3


@pytest.mark.parametrize("work", [WorkShares(), WorkShares(0.3, 0.6)], ids=["requests", "tokens"])
def test_many_volumes_side_by_side_see_what_each_sees_alone(work):
    lengths = {"output": {"log_sd": 0.8, "drift_relative_sd": 0.2}, "input": {"log_sd": 0.5}}
    content = {"requests_per_day": 1e4, "counts": "poisson", "token_lengths": lengths, **SHAPES["blend"]}
    demand = sample_demand(Traffic.model_validate(content), Horizon(days=2, step_s=600), 5)
    volumes = np.random.default_rng(0).permutation(np.geomspace(0.01, 1e4, 150)) * MINUTES_PER_MONTH
    blocks = np.arange(1, demand.steps + 1)
    together = serve(fleet(work), demand, volumes, block_ends=blocks).arriving_requests
    for place in range(0, volumes.size, 7):
        alone = serve(fleet(work), demand, volumes[place : place + 1], block_ends=blocks).arriving_requests
        np.testing.assert_allclose(together[:, place], alone[:, 0], rtol=1e-12, atol=1e-12)


def test_a_month_without_demand_brings_nothing_and_is_no_fault():
    plan = {"points": [{"at_s": 0, "level": 1}, {"at_hours": 1000, "level": 0}]}
    content = {
        "requests_per_day": 1e4, "counts": "poisson", "piecewise": plan, "growth": {"kind": "linear", "per_month": -1},
    }  # fmt: skip
    demand = sample_demand(Traffic.model_validate(content), Horizon(months=2, step_s=3600), 1)
    seen = serve(fleet(), demand, np.array([1e5]), grown=True, record=True).record.arriving_requests
    assert (seen[:730].min() > 0, seen[730:].max()) == (True, 0.0)


def test_the_work_of_requests_of_uneven_lengths_scatters_as_their_sum():
    # Work all by the answer, of lengths with relative variance v: mean N, variance N (1 + v) in a minute.
    variance = math.exp(0.9**2) - 1
    lengths = {"output": {"log_sd": 0.9}}
    content = {"requests_per_day": 1e4, "counts": "poisson", "token_lengths": lengths}
    demand = sample_demand(Traffic.model_validate(content), Horizon(days=20, step_s=60), 3)
    blocks = np.arange(1, demand.steps + 1)
    volumes = np.array([5.0, 40.0, 60.0, 3e3])
    work = serve(fleet(WorkShares(0.0, 1.0)), demand, volumes * MINUTES_PER_MONTH, block_ends=blocks).arriving_requests
    spread = math.sqrt((1 + variance) / demand.steps)
    np.testing.assert_allclose(work.mean(axis=0) / volumes, 1.0, atol=4 * spread / math.sqrt(volumes.min()))
    # Between few and many it goes over from one form to the other, some per cent off on the way.
    np.testing.assert_allclose(work.var(axis=0) / volumes, 1 + variance, rtol=0.07)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(SHAPES)),
    counts=st.sampled_from(["poisson", "expected"]),
    per_day=st.floats(0.5, 5e5),
    factor=st.floats(1.0, 3.0),
    step_s=st.sampled_from([60, 300, 3600, 43_200]),
    seed=st.integers(0, 50),
)
def test_a_larger_volume_never_brings_fewer_requests_at_any_step(name, counts, per_day, factor, step_s, seed):
    content = {"requests_per_day": 1e4, "counts": counts, **SHAPES[name]}
    demand = sample_demand(Traffic.model_validate(content), Horizon(days=3, step_s=step_s), seed)
    volumes = np.array([per_day, per_day * factor]) * 730 / 24
    small, large = (demand.path(volume, MIX).requests for volume in volumes)
    assert small.min() >= 0.0
    assert np.all(large >= small * (1 - 1e-12))
    seen = serve(fleet(), demand, volumes, block_ends=np.arange(1, demand.steps + 1)).arriving_requests
    assert np.all(seen[:, 1] >= seen[:, 0] * (1 - 1e-9))
