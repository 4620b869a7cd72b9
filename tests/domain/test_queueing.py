"""Queueing formulas against recursions, chains and moments worked out here."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.domain.queueing import erlang_b, erlang_c, servers_for_wait, wait_law

LOADS = st.floats(0.05, 0.98)
SERVERS = st.floats(1.0, 300.0)
SPREADS = st.sampled_from([0.0, 0.3, 1.0, 1.7, 3.0])


def birth_death_p_wait(servers, load, states=3000):
    """Share of arrivals that find all servers of M/M/c busy, from the balance of its chain."""
    weights = [1.0]
    for state in range(1, states):
        weights.append(weights[-1] * load * servers / min(state, servers))
    return sum(weights[servers:]) / sum(weights)


def constant_service_share_within(wait_s, load):
    """Share of M/D/1 that waits at most so long (Erlang 1909), service time 1."""
    terms = [
        (load * (k - wait_s)) ** k / math.factorial(k) * math.exp(-load * (k - wait_s))
        for k in range(math.floor(wait_s) + 1)
    ]
    return (1 - load) * sum(terms)


@pytest.mark.parametrize("offered", [0.3, 4.0, 60.0, 900.0])
def test_lost_calls_follow_erlangs_recursion_at_whole_numbers(offered):
    blocked = 1.0
    for servers in range(1, 1001):
        blocked = offered * blocked / (servers + offered * blocked)
        if servers in (1, 2, 3, 10, 100, 1000) and blocked > 1e-250:
            assert erlang_b(servers, offered) == pytest.approx(blocked, rel=1e-9)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (3, 0.9), (12, 0.5), (50, 0.95)])
def test_requests_wait_as_often_as_in_the_chain(servers, load):
    assert erlang_c(servers, load) == pytest.approx(birth_death_p_wait(servers, load), rel=1e-9)


def test_between_whole_numbers_of_servers_the_wait_lies_between():
    low, middle, high = (wait_law(c, 6.3 / c, 1.0, 0.5).mean_s for c in (8, 8.4, 9))
    assert high < middle < low


@given(load=LOADS, service_s=st.floats(0.1, 100.0), scv=st.floats(0.0, 5.0))
def test_one_server_waits_as_pollaczek_and_khinchine_say(load, service_s, scv):
    expected = load * service_s * (1 + scv) / (2 * (1 - load))
    assert wait_law(1, load, service_s, scv).mean_s == pytest.approx(expected, rel=1e-6)


@given(load=LOADS, scv=st.floats(0.05, 4.0))
def test_one_server_with_gamma_service_has_the_second_moment_of_takacs(load, scv):
    # E[W^2] = 2 E[W]^2 + lambda E[S^3] / (3 (1 - load)); a gamma time of mean 1 has E[S^3] = (1 + scv) (1 + 2 scv).
    law = wait_law(1, load, 1.0, scv)
    second = law.p_wait * law.mean_of_waiting_s**2 * (1 + law.scv_of_waiting)
    expected = 2 * law.mean_s**2 + load * (1 + scv) * (1 + 2 * scv) / (3 * (1 - load))
    assert second == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_the_tail_of_constant_service_is_erlangs(load):
    law = wait_law(1, load, 1.0, 0.0)
    for share in (0.9, 0.95, 0.99):
        assert constant_service_share_within(float(law.quantile_s(share)), load) == pytest.approx(share, abs=0.004)


def test_exponential_service_has_an_exponential_tail():
    law = wait_law(10, 0.9, 2.0)
    for wait_s in (0.5, 3.0, 20.0):
        expected = birth_death_p_wait(10, 0.9) * math.exp(-(10 / 2.0) * (1 - 0.9) * wait_s)
        assert law.share_above(wait_s) == pytest.approx(expected, rel=1e-9)


@given(servers=SERVERS, load=LOADS, scv=SPREADS, share=st.floats(0.5, 0.999))
def test_quantiles_undo_the_tail(servers, load, scv, share):
    law = wait_law(servers, load, 3.0, scv)
    wait_s = law.quantile_s(share)
    if wait_s > 1e-9:
        assert law.share_above(wait_s) == pytest.approx(1 - share, rel=1e-6)
    else:
        assert law.p_wait <= 1 - share + 1e-9


@given(servers=SERVERS, load=st.floats(0.1, 0.9), scv=SPREADS)
def test_waits_grow_with_load_and_with_the_spread_of_service(servers, load, scv):
    mean_s = wait_law(servers, load, 1.0, scv).mean_s
    assert wait_law(servers, load * 1.05, 1.0, scv).mean_s > mean_s or mean_s < 1e-150
    assert wait_law(servers, load, 1.0, scv + 0.5).mean_s > mean_s * (1 - 1e-6)


@given(servers=st.integers(1, 200), load=LOADS, scv=SPREADS)
def test_twice_the_servers_at_the_same_load_wait_less_than_half_as_long(servers, load, scv):
    once, twice = (wait_law(c, load, 1.0, scv).mean_s for c in (servers, 2 * servers))
    assert twice <= 0.5 * once * (1 + 1e-9)


@given(servers=SERVERS, load=LOADS, scv=SPREADS, factor=st.floats(0.01, 100.0))
def test_waits_are_proportional_to_the_service_time(servers, load, scv, factor):
    once, scaled = wait_law(servers, load, 1.0, scv), wait_law(servers, load, factor, scv)
    assert scaled.mean_s == pytest.approx(factor * once.mean_s, rel=1e-9)
    assert scaled.p_wait == once.p_wait


@given(offered=st.floats(0.1, 500.0), wait_s=st.floats(0.0, 3.0), late=st.floats(0.001, 0.5), scv=SPREADS)
def test_the_fewest_servers_for_a_target_meet_it_and_one_less_does_not(offered, wait_s, late, scv):
    servers = servers_for_wait(offered, 1.0, wait_s, late, scv)
    assert wait_law(servers, offered / servers, 1.0, scv).share_above(wait_s) <= late
    if servers - 1 > offered:
        assert wait_law(servers - 1, offered / (servers - 1), 1.0, scv).share_above(wait_s) > late


def test_waits_too_rare_for_a_number_are_zero():
    law = wait_law(np.array([10_000.0, 5_000.0]), np.array([0.01, 0.3]), 1.0, 0.0)
    assert np.all(law.mean_s == 0.0)
    assert np.all(law.quantile_s(0.99) == 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.5, 1.0, 1.0), "servers is 0, must be finite and above 0"),
        ((4, 1.0, 1.0, 1.0), r"load_share is 1.0, must be above 0 and below 1"),
        ((4, math.nan, 1.0, 1.0), "load_share is nan"),
        ((4, 0.5, 1.0, -0.1), "service_scv is -0.1, must be finite and at least 0"),
    ],
)
def test_impossible_queues_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        wait_law(*arguments)


@pytest.mark.parametrize(
    ("offered", "late", "message"), [(0.0, 0.05, "offered_load is 0.0"), (4.0, 1.0, "late_share is 1.0")]
)
def test_impossible_targets_are_refused_by_name(offered, late, message):
    with pytest.raises(ValueError, match=message):
        servers_for_wait(offered, 1.0, 0.5, late)
