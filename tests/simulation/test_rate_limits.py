"""Rate limits: which peaks pass them, by how much, and how long throttled calls wait for their turn."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.interface import make_plan
from simulator.simulation.rate_limits import queue_at_limit, rate_limit_checks

A_REQUEST_A_SECOND = 86_400.0  # a day
START = datetime(2026, 12, 1, tzinfo=UTC)
PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}


def api(**more):
    return {"kind": "api", "prices": PRICES, **more}


def tiers(**limits):
    return {"tiers": limits}


def checks(option, *, name="api", workload=None, traffic=None, horizon=None, others=None):
    """What comes of an option at 60 requests a minute of 100 and 10 tokens, unless told otherwise."""
    scenario = sim.load_scenario(
        {
            "title": "limits",
            "horizon": horizon or {"hours": 4, "step_s": 300},
            "traffic": {"requests_per_day": A_REQUEST_A_SECOND, **(traffic or {})},
            "workload": {"turn": {"input_tokens": 100, "output_tokens": 10, **(workload or {})}},
            "options": {name: option, "spare": api(), **(others or {})},
        }
    )
    return rate_limit_checks(make_plan(scenario), name)


def peaks_of(check):
    return {peak.limit_name: peak.peak for peak in check.peaks}


def test_without_limits_the_result_is_unknown_and_names_the_peak():
    (check,) = checks(api())
    assert (check.state, check.tier, check.sufficient_tier) == ("unknown", None, None)
    expected = {
        "requests_per_minute": 60,
        "input_tokens_per_minute": 6_000,
        "output_tokens_per_minute": 600,
        "tokens_per_minute": 6_600,
    }
    assert peaks_of(check) == pytest.approx(expected)


def test_a_fleet_has_no_rate_limits():
    fleet = {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 1.0}, "throughput": {"requests_per_s": 5.0}}
    assert checks(fleet) == ()


def test_a_peak_of_exactly_the_limit_is_within_it():
    (check,) = checks(api(rate_limits=tiers(one={"requests_per_minute": 60, "tokens_per_minute": 6_600})))
    assert check.state == "kept"
    assert check.worst.peak_to_limit == pytest.approx(1.0)
    assert check.throttling.throttled_share == 0
    assert check.throttling.calls == pytest.approx(4 * 3600)


def test_constant_traffic_above_the_limit_waits_longer_and_longer():
    # 60 come a minute, 50 get through: after 4 h the last call waits 60/50 of its time of arrival, less that time.
    (check,) = checks(api(rate_limits=tiers(one={"requests_per_minute": 50})))
    assert check.state == "passed"
    assert check.throttling.throttled_share == pytest.approx(1.0)
    assert check.throttling.longest_wait_s == pytest.approx(4 * 3600 * (60 / 50 - 1))
    assert check.throttling.mean_wait_of_throttled_s == pytest.approx(2 * 3600 * (60 / 50 - 1))
    assert check.throttling.waiting_calls_at_end == pytest.approx(4 * 60 * (60 - 50))
    assert check.throttling.first_at_utc == START


@pytest.mark.parametrize(
    ("limit", "times"),
    [
        ({"requests_per_minute": 20}, 3.0),
        ({"input_tokens_per_minute": 4_000}, 1.5),
        ({"output_tokens_per_minute": 240}, 2.5),
        ({"tokens_per_minute": 3_300}, 2.0),
        ({"requests_per_minute": 50, "output_tokens_per_minute": 300, "input_tokens_per_minute": 5_000}, 2.0),
    ],
)
def test_each_limit_counts_its_own_and_the_tightest_decides(limit, times):
    (check,) = checks(api(rate_limits=tiers(one=limit)))
    assert check.worst.peak_to_limit == pytest.approx(times)
    # Of four hours' calls one in so many gets through.
    assert check.throttling.waiting_calls_at_end == pytest.approx(4 * 3600 * (1 - 1 / times))


def test_the_smallest_tier_that_would_do_is_named():
    limits = tiers(
        small={"requests_per_minute": 10},
        middle={"requests_per_minute": 59, "tokens_per_minute": 1e9},
        wide={"requests_per_minute": 61},
        widest={"requests_per_minute": 1_000},
    )
    (first,) = checks(api(rate_limits=limits))
    assert (first.tier, first.state, first.sufficient_tier) == ("small", "passed", "wide")
    (account,) = checks(api(rate_limits={**limits, "tier": "widest"}))
    assert (account.tier, account.state, account.sufficient_tier) == ("widest", "kept", "wide")
    (none,) = checks(api(rate_limits=tiers(small={"requests_per_minute": 10})))
    assert none.sufficient_tier is None


def test_with_growth_the_last_month_counts():
    month = {"months": 3, "step_s": 3600}
    grown = {"growth_per_month": 0.1}
    (check,) = checks(api(rate_limits=tiers(one={"requests_per_minute": 65})), traffic=grown, horizon=month)
    assert check.worst.peak == pytest.approx(60 * 1.1**2)
    # 66 a minute come in the second month, the first in which 65 are too few.
    assert check.throttling.first_at_utc == START + timedelta(hours=730)
    assert check.misses_peaks


def test_minutes_are_seen_within_longer_steps():
    noisy = {"counts": "poisson", "noise": {"relative_sd": 0.3}}
    limits = tiers(one={"requests_per_minute": 70})
    (minutes,) = checks(api(rate_limits=limits), traffic=noisy, horizon={"hours": 24, "step_s": 60})
    (steps,) = checks(api(rate_limits=limits), traffic=noisy, horizon={"hours": 24, "step_s": 300})
    assert peaks_of(steps) == pytest.approx(peaks_of(minutes), rel=1e-12)
    assert steps.throttling.throttled_share == pytest.approx(minutes.throttling.throttled_share)
    assert steps.throttling.longest_wait_s == pytest.approx(minutes.throttling.longest_wait_s)
    assert not steps.misses_peaks
    (hours,) = checks(api(rate_limits=limits), traffic=noisy, horizon={"hours": 24, "step_s": 3600})
    assert hours.misses_peaks
    assert hours.worst.peak < steps.worst.peak


def test_steps_shorter_than_a_minute_are_added_up():
    (check,) = checks(api(), horizon={"hours": 1, "step_s": 15})
    assert check.window_s == 60
    assert peaks_of(check)["requests_per_minute"] == pytest.approx(60)
    assert check.throttling.calls == pytest.approx(3_600)


def test_calls_and_retries_count_and_batched_requests_do_not():
    (calls,) = checks(api(), workload={"calls_per_request": 3, "context_growth_tokens": 0})
    assert peaks_of(calls)["requests_per_minute"] == pytest.approx(180)
    (retried,) = checks(api(), workload={"retries": {"failed_share": 0.2, "failed_calls_billed": False}})
    assert peaks_of(retried)["requests_per_minute"] == pytest.approx(60 / 0.8)
    (batched,) = checks(api(), workload={"batch_share": 0.75})
    assert peaks_of(batched)["requests_per_minute"] == pytest.approx(15)
    (cached,) = checks(api(), workload={"response_cache": {"hit_share": 0.5}})
    assert peaks_of(cached)["tokens_per_minute"] == pytest.approx(3_300)


def test_every_route_has_the_limits_of_the_account_it_goes_to():
    routed = {"kind": "routed", "routes": {"small": {"share": 0.75}, "large": {"share": 0.25}}}
    others = {"small": api(rate_limits=tiers(one={"requests_per_minute": 40})), "large": api()}
    small, large = checks(routed, name="router", others=others)
    assert (small.part, small.state, small.worst.peak_to_limit) == ("small", "passed", pytest.approx(45 / 40))
    assert (large.part, large.state) == ("large", "unknown")
    assert peaks_of(large)["requests_per_minute"] == pytest.approx(15)


def test_a_fallback_is_held_to_its_own_limits():
    own = api(rate_limits=tiers(one={"requests_per_minute": 54}), fallback={"option": "other", "share": 0.1})
    first, second = checks(own, others={"other": api(rate_limits=tiers(two={"requests_per_minute": 5}))})
    assert (first.state, first.worst.peak) == ("kept", pytest.approx(54))
    assert (second.state, second.tier, second.worst.peak_to_limit) == ("passed", "two", pytest.approx(6 / 5))


# A request counts 100 + 4 x 10 tokens; four units carry 4,000 a minute.
@pytest.mark.parametrize(("spill_over", "left"), [("list_prices", 60 - 4_000 / 140), ("reject", 0)])
def test_provisioned_units_leave_only_their_spill_over_to_the_limits(spill_over, left):
    units = {
        "usd_per_unit_hour": 1.0,
        "input_tokens_per_minute_per_unit": 1_000,
        "output_token_weight": 4,
        "count": 4,
        "spill_over": spill_over,
    }
    limits = tiers(one={"requests_per_minute": 40})
    (check,) = checks({"kind": "provisioned", "prices": PRICES, "units": units, "rate_limits": limits})
    assert check.state == "kept"
    assert peaks_of(check)["requests_per_minute"] == pytest.approx(left)


def test_a_rectangular_peak_leaves_a_triangle_of_waiting():
    # Ten minutes of three times the limit after an idle one, then half of it: what waits grows by 2 s a second for
    # 600 s to 1,200 s, and shrinks by half a second a second, for 2,400 s.
    load = np.concatenate((np.zeros(1), np.full(10, 3.0), np.full(60, 0.5)))
    queue = queue_at_limit(load, 100 * load, 60.0)
    assert queue.longest_wait_s == pytest.approx(1_200)
    assert queue.calls == pytest.approx(100 * (10 * 3 + 60 * 0.5))
    assert queue.throttled_share * queue.calls == pytest.approx(100 * (10 * 3 + 40 * 0.5))
    assert queue.mean_wait_of_throttled_s == pytest.approx(600)
    assert queue.waiting_calls_at_end == pytest.approx(0, abs=1e-9)


def test_a_queue_that_ends_within_a_minute_throttles_that_part_of_it():
    # 30 s of work too much in the first minute, which a limit with a quarter to spare works off in 40 s.
    queue = queue_at_limit(np.array([1.5, 0.25, 0.25]), np.array([150.0, 25.0, 25.0]), 60.0)
    assert queue.throttled_share * queue.calls == pytest.approx(150 + 25 * 40 / 60)
    assert queue.mean_wait_of_throttled_s == pytest.approx(15)


def test_the_queue_is_that_of_single_calls_served_one_after_the_other():
    generator = np.random.default_rng(3)
    windows, window_s = 240, 60.0
    load = np.where(
        np.arange(windows) % 60 < 20, generator.uniform(0.8, 2.6, windows), generator.uniform(0.0, 0.7, windows)
    )
    calls = generator.integers(200, 900, windows)
    free_at, waits, throttled, started_by_end = 0.0, [], 0, 0
    for window in range(windows):
        for call in range(calls[window]):
            now = (window + (call + 0.5) / calls[window]) * window_s
            start = max(now, free_at)
            free_at = start + load[window] * window_s / calls[window]
            waits.append(start - now)
            throttled += start > now
            started_by_end += start < windows * window_s
    queue = queue_at_limit(load, calls.astype(float), window_s)
    assert queue.calls == len(waits)
    assert queue.throttled_share == pytest.approx(throttled / len(waits), rel=0.01)
    assert queue.mean_wait_of_throttled_s == pytest.approx(sum(waits) / throttled, rel=0.01)
    assert queue.longest_wait_s == pytest.approx(max(waits), rel=0.01)
    assert queue.waiting_calls_at_end == pytest.approx(len(waits) - started_by_end, abs=2)


loads = st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60).map(np.array)


@given(load=loads, factor=st.floats(1.0, 4.0))
def test_a_higher_limit_throttles_no_more_and_no_call_is_lost(load, factor):
    calls = 10 * load
    narrow, wide = queue_at_limit(load, calls, 60.0), queue_at_limit(load / factor, calls, 60.0)
    assert wide.longest_wait_s <= narrow.longest_wait_s + 1e-6
    assert wide.throttled_share <= narrow.throttled_share + 1e-9
    assert wide.waiting_calls_at_end <= narrow.waiting_calls_at_end + 1e-6
    # What has come by the end either waits or has got through, and no more than the limit lets through did.
    let_through = narrow.calls - narrow.waiting_calls_at_end
    assert -1e-9 <= narrow.waiting_calls_at_end <= narrow.calls + 1e-9
    assert let_through <= 10 * load.size + 1e-6
