"""What must hold whatever the scenario: nothing is lost, prices scale, volume differs by volume alone."""

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.simulation.ledger import run_rate

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
REPLICA_TOKENS_PER_S = 800.0
FULL_REPLICA_TOKENS = REPLICA_TOKENS_PER_S * 2_628_000.0
COMPARED_API = {"input_usd_per_mtok": 0.9, "output_usd_per_mtok": 3.6}


def scenario(fleet=None, *, traffic=None, horizon=None, api=None, seed=1, tokens=3 * FULL_REPLICA_TOKENS):
    return {
        "title": "properties",
        "seed": seed,
        "horizon": horizon or {"days": 2, "step_s": 300},
        "traffic": {"tokens_per_month": tokens, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 100}},
        "options": {
            "api": {"kind": "api", "prices": api or COMPARED_API},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
                **(fleet or {}),
            },
        },
    }


@st.composite
def policies(draw):
    kind = draw(st.sampled_from(["fixed", "sized", "target_utilization", "perfect_foresight"]))
    if kind == "fixed":
        return {"kind": "fixed", "count": draw(st.integers(0, 6))}
    if kind == "sized":
        return {"kind": "fixed", "target_share": draw(st.sampled_from([1.0, 0.6]))}
    if kind == "perfect_foresight":
        return {"kind": kind}
    return {
        "kind": kind,
        "target_share": draw(st.sampled_from([1.0, 0.7, 0.45])),
        "reaction_s": draw(st.sampled_from([0.0, 60.0, 500.0])),
        "stabilisation_s": draw(st.sampled_from([0.0, 300.0, 1000.0])),
    }


@st.composite
def fleets(draw, overflows=("api", "reject")):
    replicas = {"minimum": draw(st.integers(0, 2)), "spare": draw(st.integers(0, 2))}
    form = draw(st.sampled_from(["whole", "increment", "divisible"]))
    if form == "increment":
        replicas["increment"] = draw(st.integers(2, 4))
    elif form == "divisible":
        replicas["divisible"] = True
    if draw(st.booleans()):
        replicas["maximum"] = draw(st.integers(max(1, replicas["minimum"]), 8))
    if draw(st.booleans()):
        replicas["max_starts"] = draw(st.integers(1, 2))
        replicas["evaluation_period_s"] = draw(st.sampled_from([0.0, 450.0, 1200.0]))
    overflow = draw(st.sampled_from(overflows))
    return {
        "autoscaling": draw(policies()),
        "replicas": replicas,
        "cold_start_s": draw(st.sampled_from([0.0, 100.0, 300.0, 725.0, 2000.0])),
        "max_wait_s": draw(st.sampled_from([0.0, 20.0, 300.0, 700.0, 4000.0, math.inf])),
        "billing_from": draw(st.sampled_from(["request", "ready"])),
        "overflow": overflow,
        "rejected_usd_per_request": draw(st.sampled_from([0.0, 0.01])) if overflow == "reject" else 0.0,
        "variable_usd_per_mtok": draw(st.sampled_from([0.0, 0.05])),
        "engineers": {"base_persons": 0.01, "gpus_per_person": 4, "usd_per_person_year": 3_000.0},
    }


@st.composite
def shapes(draw):
    shape = {}
    if draw(st.booleans()):
        shape["diurnal"] = {
            "peak_hour": draw(st.integers(0, 23)),
            "peak_to_mean": draw(st.sampled_from([1.2, 1.9, 3.0])),
        }
    if draw(st.booleans()):
        shape["weekly"] = {"weekend_to_weekday": 0.3}
    if draw(st.booleans()):
        shape["noise"] = {"relative_sd": draw(st.sampled_from([0.2, 0.8])), "correlation_time_s": 1800.0}
    if draw(st.booleans()):
        shape["spikes"] = {"per_month": 300, "height_to_mean": 2.0, "half_life_s": 900.0}
    return shape


VOLUMES = st.floats(0.01, 12.0).map(lambda busy: busy * FULL_REPLICA_TOKENS)


# Conservation


@settings(QUICK, max_examples=60)
@given(fleet=fleets(), shape=shapes(), tokens=VOLUMES, step_s=st.sampled_from([60.0, 300.0, 900.0]))
def test_what_arrives_is_served_or_leaves_or_is_queued(fleet, shape, tokens, step_s):
    case = scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": step_s}, tokens=tokens)
    ledger = sim.simulate(case, option="fleet")
    left = ledger.served_tokens + ledger.overflow_tokens + ledger.rejected_tokens
    assert left.sum() + ledger.queued_tokens[-1] == pytest.approx(ledger.arriving_tokens.sum(), rel=1e-9)
    by_step = np.cumsum(ledger.arriving_tokens - left)
    assert ledger.queued_tokens == pytest.approx(by_step, abs=1e-8 * ledger.arriving_tokens.sum())
    amounts = (ledger.served_tokens, ledger.overflow_tokens, ledger.rejected_tokens, ledger.queued_tokens)
    assert min(amount.min() for amount in amounts) >= 0
    capacity = ledger.ready_replicas * step_s * REPLICA_TOKENS_PER_S
    assert np.all(ledger.served_tokens <= capacity * (1 + 1e-9) + 1e-6)
    assert np.all(ledger.ready_replicas <= ledger.billed_replicas + 1e-9)


# Prices


def priced(case, api_factor=1.0, fleet_factor=1.0):
    """The same scenario with every price of the API, and every price of the fleet, times a factor."""
    other = copy.deepcopy(case)
    prices = other["options"]["api"]["prices"]
    for key in prices:
        prices[key] *= api_factor
    fleet = other["options"]["fleet"]
    fleet["rental"]["usd_per_gpu_hour"] *= fleet_factor
    for key in ("rejected_usd_per_request", "variable_usd_per_mtok"):
        fleet[key] = fleet.get(key, 0.0) * fleet_factor
    if "engineers" in fleet:
        fleet["engineers"]["usd_per_person_year"] *= fleet_factor
    return other


@pytest.mark.slow
@QUICK
@given(
    fleet=fleets(), shape=shapes(), factor=st.sampled_from([0.125, 4.0, 0.3, 7.7]),
    price=st.sampled_from([0.9, 1.3, 3.0]),
)  # fmt: skip
def test_a_currency_moves_no_crossing(fleet, shape, factor, price):
    api = {"input_usd_per_mtok": price, "output_usd_per_mtok": 3 * price}
    case = scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": 900}, api=api)
    once, again = sim.break_even(case), sim.break_even(priced(case, factor, factor))
    assert [(c.becomes_cheaper, c.kind) for c in again.crossings] == [
        (c.becomes_cheaper, c.kind) for c in once.crossings
    ]
    assert [c.tokens_per_month for c in again.crossings] == pytest.approx(
        [c.tokens_per_month for c in once.crossings], rel=1e-5
    )
    assert again.reason == once.reason


@pytest.mark.slow
@QUICK
@given(fleet=fleets(), shape=shapes(), factor=st.floats(1.001, 5.0), price=st.sampled_from([0.9, 1.3, 3.0]))
def test_a_higher_api_price_never_raises_the_first_crossing(fleet, shape, factor, price):
    api = {"input_usd_per_mtok": price, "output_usd_per_mtok": 3 * price}
    case = scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": 900}, api=api)
    before, after = sim.break_even(case).first, sim.break_even(priced(case, api_factor=factor)).first
    if before is not None:
        assert after is not None
        assert after <= before * (1 + 1e-5)


def test_a_higher_rent_never_lowers_the_first_crossing():
    firsts = []
    for factor in (0.5, 1.0, 1.5, 2.0):
        case = scenario({"replicas": {"minimum": 2}}, traffic={"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}})
        firsts.append(sim.break_even(priced(case, fleet_factor=factor)).first or math.inf)
    assert firsts == sorted(firsts)


# Volume


@pytest.mark.slow
@QUICK
@given(fleet=fleets(), shape=shapes(), data=st.data())
def test_every_part_of_the_cost_keeps_its_direction_and_the_parts_add_up(fleet, shape, data):
    case = scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": 300})
    plan = sim.break_even(case).plan
    volumes = np.sort(data.draw(st.lists(VOLUMES, min_size=8, max_size=40)))
    near = FULL_REPLICA_TOKENS * np.array([1.0, 1 + 1e-9, 2.0, 2 + 1e-7, 3.0, 3 - 1e-7])  # around whole replicas
    volumes = np.sort(np.concatenate((volumes, near)))
    for option in ("api", "fleet"):
        rates = run_rate(plan, option, volumes)
        largest = max(rates.rising.max(), rates.falling.max(), 1e-9)
        assert np.diff(rates.rising).min() >= -1e-12 * largest
        assert np.diff(rates.falling).min() >= -1e-12 * largest
        linear = rates.linear_usd_per_request * rates.requests_per_month
        assert linear + rates.rising - rates.falling == pytest.approx(rates.usd_per_month, rel=1e-9, abs=1e-9 * largest)


@QUICK
@given(shape=shapes(), tokens=VOLUMES, factor=st.floats(1.0, 10.0))
def test_arrivals_are_in_proportion_to_the_volume(shape, tokens, factor):
    case = scenario(traffic=shape)
    few = sim.simulate(case, option="fleet", tokens_per_month=tokens).arriving_tokens
    many = sim.simulate(case, option="fleet", tokens_per_month=factor * tokens).arriving_tokens
    assert np.all(many >= few * (1 - 1e-12))
    assert many == pytest.approx(factor * few, rel=1e-12)


@pytest.mark.parametrize(
    "shown", [{"minimum_tokens_per_month": 1.0, "maximum_tokens_per_month": 2.0, "points": 2}, {"points": 4000},
              {"minimum_tokens_per_month": 1e15}, {"maximum_tokens_per_month": 1e6}],
)  # fmt: skip
def test_the_volumes_shown_change_no_crossing(shown):
    case = scenario(traffic={"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}, "noise": {"relative_sd": 0.3}})
    once = sim.break_even(case)
    again = sim.break_even({**case, "volume_range": shown})
    assert once.crossings
    assert again.crossings == once.crossings
    assert (again.first, again.settled) == (once.first, once.settled)


@pytest.mark.parametrize("busy", [1e-6, 0.01, 1.0, 1e3, 1e9])
def test_the_scenario_s_own_volume_changes_no_crossing(busy):
    shape = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}
    once = sim.break_even(scenario(traffic=shape))
    again = sim.break_even(scenario(traffic=shape, tokens=busy * FULL_REPLICA_TOKENS))
    assert once.crossings
    assert again.crossings == once.crossings


# A cost that can be looked at everywhere: every change of sign on a grid is told by a crossing, and only those.


@pytest.mark.slow
@settings(QUICK, max_examples=25)
@given(fleet=fleets(), shape=shapes(), price=st.sampled_from([0.9, 1.3, 2.0]))
def test_between_two_crossings_the_same_option_stays_cheaper(fleet, shape, price):
    api = {"input_usd_per_mtok": price, "output_usd_per_mtok": 3 * price}
    case = scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": 900}, api=api)
    study = sim.break_even(case)
    volumes = np.geomspace(1e3, 200 * FULL_REPLICA_TOKENS, 3000)
    ours, theirs = (run_rate(study.plan, name, volumes).usd_per_month for name in ("fleet", "api"))
    difference = ours - theirs
    state = np.full(volumes.size, study.first == 0.0)
    for crossing in study.crossings:
        state[volumes > crossing.tokens_per_month] = crossing.becomes_cheaper == "challenger"
    clear = np.abs(difference) > 1.2e-3 * theirs  # teeth of up to a thousandth of the bill are none
    assert np.array_equal((difference < 0)[clear], state[clear])
    told = [
        text for text in study.pairs["fleet"].warnings if not (fleet["overflow"] == "reject" and " rejects " in text)
    ]
    assert told == []


def test_a_fleet_held_against_itself_is_never_cheaper():
    case = scenario(traffic={"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}, horizon={"days": 1, "step_s": 3600})
    case["options"]["twin"] = copy.deepcopy(case["options"]["fleet"])
    case["comparison"] = {"baseline": "fleet", "challengers": ["twin"]}
    pair = sim.break_even(case).pairs["twin"]
    assert pair.crossings == ()
    assert pair.first is None
    assert pair.warnings == ()


def test_two_fleets_cross_where_the_larger_replica_is_used_enough():
    # Replicas of 1 at 2 USD and of 3 at 3 USD an hour under constant traffic: one large is cheaper than two small.
    small = {"autoscaling": {"kind": "target_utilization", "target_share": 1.0}, "cold_start_s": 0}
    case = scenario(small, horizon={"hours": 1, "step_s": 3600})
    case["options"]["large"] = {
        **copy.deepcopy(case["options"]["fleet"]),
        "rental": {"usd_per_gpu_hour": 3.0},
        "throughput": {"total_tokens_per_s": 3 * REPLICA_TOKENS_PER_S},
    }
    case["comparison"] = {"baseline": "fleet", "challengers": ["large"]}
    pair = sim.break_even(case).pairs["large"]
    # small ceil(x) 2 against large ceil(x / 3) 3: dearer to 1, cheaper to 3, equal at (3, 4]: 8 against 6, no: cheaper.
    assert [(c.becomes_cheaper, c.kind) for c in pair.crossings] == [("challenger", "jump")]
    assert pair.first == pytest.approx(FULL_REPLICA_TOKENS, rel=1e-6)
    assert pair.settled == pair.first


# Time


@QUICK
@given(fleet=fleets(), tokens=VOLUMES, step_s=st.sampled_from([600.0, 1200.0, 3600.0]))
def test_halving_the_step_moves_no_total_of_constant_traffic(fleet, tokens, step_s):
    fleet = {**fleet, "max_wait_s": min(fleet["max_wait_s"], 1e9)}
    totals = []
    for step in (step_s, step_s / 2):
        ledger = sim.simulate(scenario(fleet, horizon={"hours": 12, "step_s": step}, tokens=tokens), option="fleet")
        left = ledger.overflow_tokens.sum() + ledger.rejected_tokens.sum()
        totals.append(
            [ledger.total_usd, ledger.replica_hours, ledger.arriving_tokens.sum(), ledger.served_tokens.sum(), left]
        )
    assert totals[1] == pytest.approx(totals[0], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("months", [1, 2, 12])
def test_a_longer_horizon_moves_no_monthly_cost_of_constant_traffic(months):
    study = sim.break_even(scenario(horizon={"months": months, "step_s": 7200}))
    assert study.options["fleet"].usd_per_month == pytest.approx(math.ceil(3 / 0.7) * 2.0 * 730)


# Randomness


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_the_same_seed_gives_the_same_bytes(seed):
    from simulator.simulation.demand import forget_draws

    shape = {"noise": {"relative_sd": 0.6}, "spikes": {"per_month": 200, "height_to_mean": 1.5}}

    def drawn():
        forget_draws()
        ledger = sim.simulate(scenario(traffic=shape, seed=seed), option="fleet")
        arrays = (ledger.arriving_tokens, ledger.served_tokens, ledger.queued_tokens, ledger.billed_replicas)
        curve = sim.cost_curve(scenario(traffic=shape, seed=seed), tokens_per_month=[1e9, 5e9])
        return (
            b"".join(a.tobytes() for a in arrays)
            + curve.to_csv().encode()
            + repr(sim.break_even(scenario(traffic=shape, seed=seed)).crossings).encode()
        )

    assert drawn() == drawn()


@pytest.mark.slow
@QUICK
@given(fleet=fleets(), shape=shapes(), order=st.randoms(use_true_random=False))
def test_a_volume_costs_the_same_whatever_stands_beside_it(fleet, shape, order):
    plan = sim.break_even(scenario(fleet, traffic=shape, horizon={"days": 1, "step_s": 900})).plan
    volumes = np.geomspace(0.01, 30, 70) * FULL_REPLICA_TOKENS  # more than one pass of the kernel
    places = list(range(volumes.size))
    order.shuffle(places)
    together = run_rate(plan, "fleet", volumes).usd_per_month
    shuffled = run_rate(plan, "fleet", volumes[places]).usd_per_month
    assert np.array_equal(together[places], shuffled)
    assert run_rate(plan, "fleet", volumes[5:6]).usd_per_month[0] == together[5]


@QUICK
@given(fleet=fleets(), tokens=VOLUMES)
def test_more_patience_serves_no_less(fleet, tokens):
    assume(fleet["autoscaling"]["kind"] != "perfect_foresight")
    shape = {"noise": {"relative_sd": 0.8, "correlation_time_s": 1800.0}}
    served = []
    for wait_s in (0.0, 60.0, 600.0, math.inf):
        case = scenario({**fleet, "max_wait_s": wait_s}, traffic=shape, tokens=tokens)
        served.append(sim.simulate(case, option="fleet").served_tokens.sum())
    assert all(more >= less * (1 - 1e-12) for less, more in pairwise(served))
