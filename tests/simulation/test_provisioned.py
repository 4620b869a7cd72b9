"""Provisioned units against a plain loop over the steps: how many, what they cost, and what spills over."""

import math

import pytest

import simulator as sim

HOURS_PER_MONTH = 730.0
WEIGHTS = [2, 1, 1, 1, 1, 2, 4, 7, 10, 13, 14, 15, 14, 14, 15, 14, 12, 10, 8, 6, 5, 4, 3, 2]
PLAN = {
    "interpolation": "steps",
    "repeat_every_hours": 24,
    "points": [{"at_hours": hour, "level": float(weight)} for hour, weight in enumerate(WEIGHTS)],
}
STEP_S = 1800.0
INPUT, OUTPUT = 1_000.0, 200.0
PRICES = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0}
USD_PER_REQUEST = (INPUT * 2.0 + OUTPUT * 8.0) / 1e6
VOLUMES = [1e6, 3e8, 1e9, 7.77e9, 5e10]  # tokens a month
UNITS = {"usd_per_unit_hour": 1.5, "input_tokens_per_minute_per_unit": 3_000, "output_token_weight": 4.0}
SIZINGS = {
    "the highest percentile": {},
    "all the traffic": {"percentile_share": 1.0},
    "half the time": {"percentile_share": 0.5},
    "in fives from fifteen": {"percentile_share": 0.9, "minimum": 15, "increment": 5},
    "a given number": {"count": 40},
    "none": {"count": 0},
    "turned away": {"percentile_share": 0.8, "spill_over": "reject"},
}


def scenario(units, *, workload=None, traffic=None, days=14.0, own_tokens=1e9):
    return {
        "title": "units",
        "horizon": {"start": "2026-12-01", "days": days, "step_s": STEP_S},
        "traffic": {"tokens_per_month": own_tokens, "piecewise": PLAN, **(traffic or {})},
        "workload": {"chat": {"input_tokens": INPUT, "output_tokens": OUTPUT, **(workload or {})}},
        "options": {
            "units": {"kind": "provisioned", "prices": PRICES, "units": {**UNITS, **units}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e9},
                "rental": {"usd_per_gpu_hour": 0.0},
            },
        },
    }


def requests_by_step(tokens_per_month, days, growth_by_step=None):
    """Requests of every step, by the weight of its hour over the mean of the steps."""
    per_step = tokens_per_month / (INPUT + OUTPUT) / HOURS_PER_MONTH * STEP_S / 3600
    steps = int(days * 86_400 / STEP_S)
    weights = [WEIGHTS[int(step * STEP_S // 3600) % 24] for step in range(steps)]
    shape = [weight * steps / sum(weights) for weight in weights]
    return [per_step * weight * (growth_by_step(step) if growth_by_step else 1.0) for step, weight in enumerate(shape)]


def units_by_hand(requests, units, weighted_per_request):
    """Units that carry the percentile of the steps."""
    if "count" in units:
        return units["count"]
    loads = sorted(number * weighted_per_request * 60 / STEP_S for number in requests)
    wanted = loads[math.ceil(units.get("percentile_share", 0.99) * len(loads) - 1e-9) - 1]
    increment = units.get("increment", 1)
    whole = math.ceil(wanted / UNITS["input_tokens_per_minute_per_unit"] / increment - 1e-9) * increment
    return max(whole, units.get("minimum", 0))


def left_by_hand(requests, bought, weighted_per_request):
    """Requests that units do not carry, summed over the steps."""
    left = 0.0
    for number in requests:
        load = number * weighted_per_request * 60 / STEP_S
        capacity = bought * UNITS["input_tokens_per_minute_per_unit"]
        if load > capacity:
            left += number * (1 - capacity / load)
    return left


WEIGHTED = INPUT + 4.0 * OUTPUT


@pytest.mark.parametrize("name", SIZINGS)
def test_the_bill_is_units_and_what_spills_over_step_by_step(name):
    units, days = SIZINGS[name], 14.0
    table = sim.cost_curve(scenario(units, days=days), VOLUMES)
    for volume in VOLUMES:
        requests = requests_by_step(volume, days)
        bought = units_by_hand(requests, units, WEIGHTED)
        spilled = left_by_hand(requests, bought, WEIGHTED) * USD_PER_REQUEST * HOURS_PER_MONTH / (days * 24)
        expected = {"provisioned units": bought * 1.5 * HOURS_PER_MONTH, "spill-over": spilled}
        if units.get("spill_over") == "reject":
            expected.pop("spill-over")
        rows = table[(table.tokens_per_month == volume) & (table.option == "units")]
        found = dict(zip(rows.line, rows.usd_per_month, strict=True))
        assert found.pop("total") == pytest.approx(sum(expected.values()), rel=1e-9, abs=1e-6)
        for line, usd in expected.items():
            assert found.get(line, 0.0) == pytest.approx(usd, rel=1e-9, abs=1e-6), (volume, line)


@pytest.mark.parametrize("name", SIZINGS)
def test_over_time_units_follow_the_growth_month_by_month(name):
    units, months, growth = SIZINGS[name], 3, 0.25
    days = months * HOURS_PER_MONTH / 24
    grown = scenario(units, days=days, traffic={"growth_per_month": growth})
    ledger = sim.simulate(grown, option="units", tokens_per_month=1e9)
    steps_per_month = HOURS_PER_MONTH * 3600 / STEP_S
    requests = requests_by_step(1e9, days, lambda step: (1 + growth) ** int(step // steps_per_month))
    first_month_s = [number / (1 + growth) ** int(s // steps_per_month) for s, number in enumerate(requests)]
    for month in range(months):
        of_month = requests[int(month * steps_per_month) : int((month + 1) * steps_per_month)]
        bought = units_by_hand([number * (1 + growth) ** month for number in first_month_s], units, WEIGHTED)
        costs = ledger.costs.iloc[month]
        assert costs["provisioned units"] == pytest.approx(bought * 1.5 * HOURS_PER_MONTH)
        if units.get("spill_over") != "reject":
            spilled = left_by_hand(of_month, bought, WEIGHTED) * USD_PER_REQUEST
            assert costs.get("spill-over", 0.0) == pytest.approx(spilled, rel=1e-9, abs=1e-6)


def test_what_units_turn_away_is_told():
    units = SIZINGS["turned away"]
    requests = requests_by_step(1e9, 14.0)
    left = left_by_hand(requests, units_by_hand(requests, units, WEIGHTED), WEIGHTED)
    ledger = sim.simulate(scenario(units), option="units", tokens_per_month=1e9)
    assert ledger.rejected_tokens.sum() == pytest.approx(left * (INPUT + OUTPUT))
    assert ledger.served_tokens.sum() == pytest.approx((sum(requests) - left) * (INPUT + OUTPUT))


@pytest.mark.parametrize(("cached_weight", "weighted"), [(0.0, 0.4 * INPUT), (0.25, 0.4 * INPUT + 0.25 * 0.6 * INPUT)])
def test_cached_tokens_count_on_a_unit_by_their_weight(cached_weight, weighted):
    units = {"cached_token_weight": cached_weight}
    cached = scenario(units, workload={"cached_input_share": 0.6})
    cached["options"]["units"]["prices"] = {**PRICES, "cached_input_usd_per_mtok": 0.5}
    ledger = sim.simulate(cached, option="units", tokens_per_month=1e9)
    requests = requests_by_step(1e9, 14.0)
    bought = units_by_hand(requests, units, weighted + 4.0 * OUTPUT)
    assert ledger.costs["provisioned units"].sum() == pytest.approx(bought * 1.5 * 14 * 24)


def test_agents_and_retries_load_the_units_with_all_their_calls():
    workload = {"calls_per_request": 3, "context_growth_tokens": 500, "retries": {"failed_share": 0.2}}
    ledger = sim.simulate(scenario({"percentile_share": 1.0}, workload=workload), option="units", tokens_per_month=1e9)
    asked = 3 * INPUT + (0 + 1 + 2) * 500 + 3 * OUTPUT  # tokens of a request as it is asked
    weighted = (3 * INPUT + 1_500 + 4.0 * 3 * OUTPUT) / 0.8
    requests = [number * (INPUT + OUTPUT) / asked for number in requests_by_step(1e9, 14.0)]
    bought = units_by_hand(requests, {"percentile_share": 1.0}, weighted)
    assert ledger.costs["provisioned units"].sum() == pytest.approx(bought * 1.5 * 14 * 24)


def test_units_for_all_the_traffic_of_a_random_path_leave_nothing():
    noisy = scenario(
        {"percentile_share": 1.0}, traffic={"counts": "poisson", "noise": {"relative_sd": 0.4}}, own_tokens=1e8
    )
    ledger = sim.simulate(noisy, option="units", tokens_per_month=1e8)
    lines = ledger.costs.sum().to_dict()
    assert lines.pop("provisioned units") > 0
    assert sum(lines.values()) == pytest.approx(0.0, abs=1e-6)
