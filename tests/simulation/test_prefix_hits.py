"""Hits of a shared prefix over a day that rises and falls: step by step, and event by event."""

import math

import numpy as np
import pytest

import simulator as sim
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.simulation.demand import sample_demand
from simulator.simulation.prefix_hits import recent_profile

HOURS_PER_MONTH = 730.0
WEIGHTS = [1, 1, 1, 1, 2, 4, 8, 14, 20, 24, 24, 22, 20, 22, 24, 24, 20, 16, 12, 8, 6, 4, 2, 1]
PLAN = {
    "interpolation": "steps",
    "repeat_every_hours": 24,
    "points": [{"at_hours": hour, "level": float(weight)} for hour, weight in enumerate(WEIGHTS)],
}
STEP_S = 600.0
INPUT, PREFIX, OUTPUT = 5_000.0, 4_000.0, 200.0
PRICES = {
    "input_usd_per_mtok": 3.0,
    "output_usd_per_mtok": 15.0,
    "cached_input_usd_per_mtok": 0.3,
    "cache_write_usd_per_mtok": 3.75,
    "cache_write_1h_usd_per_mtok": 6.0,
}
DAYS = 5.0


def scenario(prefix, *, tokens_per_month=1e8, **request):
    return {
        "title": "prefix",
        "horizon": {"start": "2026-12-01", "days": DAYS, "step_s": STEP_S},
        "traffic": {"tokens_per_month": tokens_per_month, "piecewise": PLAN},
        "workload": {
            "chat": {"input_tokens": INPUT, "output_tokens": OUTPUT, "prefix": {"tokens": PREFIX, **prefix}, **request}
        },
        "options": {
            "api": {"kind": "api", "prices": PRICES},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e9},
                "rental": {"usd_per_gpu_hour": 0.0},
            },
        },
    }


def weight_at(time_s):
    """Level of the traffic over its mean; before the start as in the first hour."""
    return WEIGHTS[int(max(time_s, 0.0) // 3600) % 24] / (sum(WEIGHTS) / 24)


def level_between(start_s, end_s):
    """Mean level, minute by minute."""
    moments = np.arange(start_s + 30.0, end_s, 60.0)
    return sum(weight_at(moment) for moment in moments) / len(moments)


@pytest.mark.parametrize("lifetime_s", [60.0, 300.0, 3600.0, 86_400.0])
def test_the_recent_level_is_the_mean_over_the_lifetime_before_a_step(lifetime_s):
    traffic = Traffic.model_validate({"tokens_per_month": 1e8, "piecewise": PLAN})
    demand = sample_demand(traffic, Horizon(start="2026-12-01", days=2.0, step_s=STEP_S), 1)
    recent = recent_profile(demand, lifetime_s)
    for step in range(0, demand.steps, 17):
        middle = (step + 0.5) * STEP_S
        assert recent[step] == pytest.approx(level_between(middle - lifetime_s, middle), rel=1e-6), step


def bill_by_steps(requests_per_month, lifetime_s, renewed_by_use, prefixes):
    """Monthly bill of the prefix by line, step by step, from the rate over the lifetime before."""
    read = written = 0.0
    steps = int(DAYS * 86_400 / STEP_S)
    for step in range(steps):
        middle = (step + 0.5) * STEP_S
        requests = requests_per_month / HOURS_PER_MONTH * STEP_S / 3600 * weight_at(middle)
        per_s = requests_per_month / (HOURS_PER_MONTH * 3600) / prefixes
        expected = per_s * level_between(middle - lifetime_s, middle) * lifetime_s
        hit = 1 - math.exp(-expected) if renewed_by_use else expected / (1 + expected)
        read += requests * hit * PREFIX
        written += requests * (1 - hit) * PREFIX
    write_price = 6.0 if lifetime_s >= 3600 else 3.75
    to_month = HOURS_PER_MONTH / (DAYS * 24)
    return {"cached_input": read * 0.3 / 1e6 * to_month, "cache_write": written * write_price / 1e6 * to_month}


@pytest.mark.parametrize("renewed_by_use", [True, False])
@pytest.mark.parametrize(("lifetime_s", "prefixes"), [(300.0, 1), (300.0, 25), (3600.0, 200)])
def test_the_bill_is_that_of_the_hits_of_every_step(lifetime_s, prefixes, renewed_by_use):
    prefix = {"lifetime_s": lifetime_s, "renewed_by_use": renewed_by_use, "prefixes": prefixes}
    volumes = [1e6, 3e7, 1e9]
    table = sim.cost_curve(scenario(prefix), volumes)
    for volume in volumes:
        requests = volume / (INPUT + OUTPUT)
        expected = bill_by_steps(requests, lifetime_s, renewed_by_use, prefixes)
        expected |= {"input": requests * (INPUT - PREFIX) * 3.0 / 1e6, "output": requests * OUTPUT * 15.0 / 1e6}
        rows = table[(table.tokens_per_month == volume) & (table.option == "api")]
        found = dict(zip(rows.line, rows.usd_per_month, strict=True))
        assert found.pop("total") == pytest.approx(sum(expected.values()), rel=1e-4)
        assert found == pytest.approx(expected, rel=1e-4)
        costs = sim.simulate(scenario(prefix), option="api", tokens_per_month=volume).costs.sum()
        over_time = {line: usd * HOURS_PER_MONTH / (DAYS * 24) for line, usd in costs.items()}
        assert over_time == pytest.approx(expected, rel=1e-4)


def events_through_the_day(requests_per_month, days, seed):
    """Moments of requests that come as a Poisson process with the level of the traffic, by thinning."""
    rng = np.random.default_rng(seed)
    highest = max(WEIGHTS) / (sum(WEIGHTS) / 24)
    mean = requests_per_month / (HOURS_PER_MONTH * 3600) * highest * days * 86_400
    moments = np.sort(rng.random(rng.poisson(mean)) * days * 86_400)
    levels = np.array(WEIGHTS)[(moments // 3600).astype(int) % 24] / (sum(WEIGHTS) / 24)
    return moments[rng.random(moments.size) < levels / highest]


@pytest.mark.parametrize(
    ("requests_per_month", "lifetime_s"), [(3_000.0, 300.0), (10_000.0, 300.0), (1_500.0, 3_600.0)]
)
def test_hits_over_the_day_are_those_of_a_cache_simulated_event_by_event(requests_per_month, lifetime_s):
    moments = events_through_the_day(requests_per_month, 400 * DAYS, seed=9)
    gaps = np.diff(moments)  # a cache renewed by use is found by whoever comes within a lifetime of the one before
    share = np.mean(gaps < lifetime_s)
    table = sim.cost_curve(scenario({"lifetime_s": lifetime_s}), [requests_per_month * (INPUT + OUTPUT)])
    read_usd = table[(table.option == "api") & (table.line == "cached_input")].usd_per_month.sum()
    assert read_usd / (requests_per_month * PREFIX * 0.3 / 1e6) == pytest.approx(share, rel=0.01)


def test_hits_grow_with_the_traffic_month_by_month():
    growing = scenario({"lifetime_s": 300.0, "prefixes": 50})
    growing["horizon"] = {"start": "2026-12-01", "months": 3, "step_s": 3600}
    growing["traffic"] = {"tokens_per_month": 1e8, "growth_per_month": 1.0}
    costs = sim.simulate(growing, option="api", tokens_per_month=1e8).costs
    for month in range(3):
        requests = 1e8 / (INPUT + OUTPUT) * 2**month
        hit = 1 - math.exp(-requests / 50 / (HOURS_PER_MONTH * 3600) * 300.0)
        assert costs["cached_input"].iloc[month] == pytest.approx(requests * hit * PREFIX * 0.3 / 1e6)
        assert costs["cache_write"].iloc[month] == pytest.approx(requests * (1 - hit) * PREFIX * 3.75 / 1e6)


def test_a_given_hit_share_does_not_follow_the_arrivals():
    table = sim.cost_curve(scenario({"hit_share": 0.9}), [1e6, 1e9])
    of_api = table[table.option == "api"].pivot_table(index="line", columns="tokens_per_month", values="usd_per_month")
    assert of_api[1e9].to_numpy() == pytest.approx(1_000 * of_api[1e6].to_numpy())
    requests = 1e6 / (INPUT + OUTPUT)
    assert of_api[1e6]["cached_input"] == pytest.approx(requests * 0.9 * PREFIX * 0.3 / 1e6)
    assert of_api[1e6]["cache_write"] == pytest.approx(requests * 0.1 * PREFIX * 3.75 / 1e6)


def test_requests_answered_by_a_response_cache_keep_no_prefix_warm():
    halved = scenario({"lifetime_s": 300.0}, response_cache={"hit_share": 0.5})
    whole = scenario({"lifetime_s": 300.0})
    asked = sim.cost_curve(halved, [2e7]).query("option == 'api'").set_index("line").usd_per_month
    reached = sim.cost_curve(whole, [1e7]).query("option == 'api'").set_index("line").usd_per_month
    for line in ("input", "cached_input", "cache_write", "output"):
        assert asked[line] == pytest.approx(reached[line])
