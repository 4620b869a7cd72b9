"""Prices between moments, hits of a prompt cache against requests that arrive one by one, units in whole steps."""

import numpy as np
import pytest

from simulator.domain.api_plans import PrefixHits, PriceTable, ProvisionedUnits

NOTHING = PriceTable(np.zeros((1, 1, 8)))
SECONDS_PER_MONTH = 730 * 3600.0
ARRIVALS = 100_000


def hits(renewed_by_use, lifetime_s=300.0, requests_per_prefix=1.0):
    return PrefixHits(requests_per_prefix, lifetime_s, renewed_by_use, NOTHING)


def found_by_events(requests_per_s, lifetime_s, renewed_by_use):
    """Share of the arrivals that find the prefix, in a cache that is written, read and forgotten event by event."""
    moments = np.cumsum(np.random.default_rng(5).exponential(1.0 / requests_per_s, ARRIVALS))
    forgotten_s, found = -1.0, 0
    for moment in moments:
        in_cache = moment < forgotten_s
        found += in_cache
        if renewed_by_use or not in_cache:
            forgotten_s = moment + lifetime_s
    return found / ARRIVALS


@pytest.mark.parametrize("renewed_by_use", [True, False])
@pytest.mark.parametrize("expected_in_a_lifetime", [0.02, 0.5, 1.0, 3.0, 20.0])
def test_hits_are_those_of_a_cache_simulated_event_by_event(expected_in_a_lifetime, renewed_by_use):
    rate = expected_in_a_lifetime / 300.0
    found = float(hits(renewed_by_use).hit_share(np.array(rate * SECONDS_PER_MONTH)))
    assert found == pytest.approx(found_by_events(rate, 300.0, renewed_by_use), rel=0.02, abs=0.002)


@pytest.mark.parametrize("renewed_by_use", [True, False])
def test_requests_on_many_prefixes_hit_as_if_each_came_alone(renewed_by_use):
    volumes = np.array([1e3, 1e5, 1e7])
    many = hits(renewed_by_use, requests_per_prefix=1 / 40).hit_share(volumes)
    assert many == pytest.approx(hits(renewed_by_use).hit_share(volumes / 40))


@pytest.mark.parametrize("renewed_by_use", [True, False])
def test_hits_rise_with_volume_and_lifetime_from_none_to_all(renewed_by_use):
    volumes = np.logspace(0, 12, 60)
    shares = hits(renewed_by_use).hit_share(volumes)
    assert np.all(np.diff(shares) >= 0)
    assert shares[0] < 1e-3
    assert shares[-1] > 0.999
    assert np.all(hits(renewed_by_use, lifetime_s=3600.0).hit_share(volumes) >= shares)
    assert hits(renewed_by_use).hit_share(np.zeros(2)).tolist() == [0.0, 0.0]


def test_a_lifetime_that_reads_renew_finds_more():
    volumes = np.logspace(2, 7, 30)
    assert np.all(hits(True).hit_share(volumes) >= hits(False).hit_share(volumes))


HALF_HOURS = np.array([[10.0 * day + slot % 3 for slot in range(48)] for day in range(4)])[:, :, None] * [1.0, 2.0]
DAYS_ALONE = np.array([[5.0], [5.0], [7.0], [1.0]])[:, :, None] * [1.0, 0.5]


@pytest.mark.parametrize("run_rate", [False, True])
@pytest.mark.parametrize("usd", [HALF_HOURS, DAYS_ALONE], ids=["peak hours", "by day"])
@pytest.mark.parametrize("step_minutes", [5, 30, 45, 24 * 60, 2 * 24 * 60])
def test_the_price_of_a_step_is_the_mean_over_its_minutes(step_minutes, usd, run_rate):
    edges_s = np.arange(0, 4 * 86_400 + 1, step_minutes * 60.0)

    def price_at(minute):
        day = 0 if run_rate else minute // (24 * 60)
        return usd[day, (minute % (24 * 60)) * usd.shape[1] // (24 * 60)]

    by_minute = np.array([price_at(minute) for minute in range(4 * 24 * 60)])
    steps = edges_s.size - 1
    expected = by_minute[: steps * step_minutes].reshape(steps, step_minutes, 2).mean(axis=1)
    assert PriceTable(usd).between(edges_s, run_rate=run_rate) == pytest.approx(expected)


def units(**given):
    sizing = {"count": None, "percentile_share": 0.99, "minimum": 0, "increment": 1, "rejects": False, **given}
    return ProvisionedUnits(2.0, 3_000.0, 1.0, 4.0, **sizing)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [0, 1, 1, 2, 34]),
        ({"minimum": 15}, [15, 15, 15, 15, 34]),
        ({"minimum": 15, "increment": 5}, [15, 15, 15, 15, 35]),
        ({"increment": 50}, [0, 50, 50, 50, 50]),
        ({"count": 7}, [7, 7, 7, 7, 7]),
    ],
)
def test_units_are_bought_in_whole_increments_from_a_minimum_on(given, expected):
    per_minute = np.array([0.0, 1.0, 3_000.0, 3_000.1, 100_000.0])
    assert units(**given).units(per_minute).tolist() == expected


def test_a_unit_is_paid_for_730_hours_a_month():
    assert units().usd_per_unit_month == pytest.approx(2.0 * 730)
