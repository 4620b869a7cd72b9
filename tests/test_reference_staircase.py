"""Whole replicas: a staircase crosses a line many times, and every crossing is told."""

import pytest

import simulator as sim


def stairs_against_a_price(stairs):
    """A fleet that follows constant traffic in whole replicas of `capacity` tokens a month, against one price."""
    fleet = {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": stairs["replica_usd_per_month"] / 730.0},
        "throughput": {"total_tokens_per_s": stairs["capacity"] / 2_628_000.0},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0},
        "replicas": {"minimum": stairs.get("minimum", 1), "spare": stairs.get("spare", 0)},
        "cold_start_s": 0,
        "monthly_fixed_usd": {"fixed": stairs["fixed_usd"]},
        **stairs.get("more", {}),
    }
    price = {"input_usd_per_mtok": stairs["price"], "output_usd_per_mtok": stairs["price"]}
    return {
        "title": "stairs",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": 1e9},
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {"api": {"kind": "api", "prices": price}, "fleet": fleet},
    }


ONE_FIXED_COST = {"capacity": 1e9, "replica_usd_per_month": 1825.0, "fixed_usd": 2900.0, "price": 2.2}
TWO_AND_A_SPARE = {
    "capacity": 0.8e9, "replica_usd_per_month": 2555.0, "fixed_usd": 4000.0, "price": 3.6, "minimum": 2, "spare": 1,
}  # fmt: skip
ENGINEERS_FOR_EIGHT = {
    "capacity": 1.2e9, "replica_usd_per_month": 1825.0, "fixed_usd": 1500.0, "price": 3.0,
    "more": {"engineers": {"gpus_per_person": 8, "usd_per_person_year": 120_000.0}},
}  # fmt: skip
BELOW_THE_SLOPE = {"capacity": 1e9, "replica_usd_per_month": 1825.0, "fixed_usd": 0.0, "price": 1.8}

# Volumes at which the fleet becomes cheaper (on a tread) and dearer again (at a riser), in turn, in 10^9 tokens.
CROSSINGS = {
    "one fixed cost": (
        ONE_FIXED_COST,
        [7.954545455, 8.0, 8.784090909, 9.0, 9.613636364, 10.0, 10.44318182, 11.0, 11.27272727, 12.0, 12.10227273],
    ),
    "two at least and one spare": (
        TWO_AND_A_SPARE,
        [16.725, 16.8, 17.43472222, 17.6, 18.14444444, 18.4, 18.85416667, 19.2, 19.56388889, 20.0, 20.27361111, 20.8,
         20.98333333, 21.6, 21.69305556, 22.4, 22.40277778],
    ),
    "engineers for eight GPUs each": (
        ENGINEERS_FOR_EIGHT,
        [8.091666667, 8.4, 8.7, 9.6, 15.075, 15.6, 15.68333333, 19.2, 21.45, 21.6, 22.05833333, 28.8, 29.04166667],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("stairs", "volumes"), CROSSINGS.values(), ids=CROSSINGS.keys())
def test_whole_replicas_cross_the_price_many_times(stairs, volumes):
    study = sim.break_even(stairs_against_a_price(stairs))
    expected = [("challenger", "continuous") if i % 2 == 0 else ("baseline", "jump") for i in range(len(volumes))]
    assert [(c.becomes_cheaper, c.kind) for c in study.crossings] == expected
    assert [c.tokens_per_month / 1e9 for c in study.crossings] == pytest.approx(volumes, rel=1e-6)
    assert study.first / 1e9 == pytest.approx(volumes[0], rel=1e-6)
    assert study.settled / 1e9 == pytest.approx(volumes[-1], rel=1e-6)
    assert study.reason is None


def test_a_price_below_the_slope_of_the_stairs_is_never_crossed():
    study = sim.break_even(stairs_against_a_price(BELOW_THE_SLOPE))
    assert (study.crossings, study.first, study.settled) == ((), None, None)
    assert study.reason == "baseline_always_cheaper"


def test_a_price_equal_to_the_slope_of_the_stairs_is_never_crossed():
    study = sim.break_even(stairs_against_a_price({**BELOW_THE_SLOPE, "price": 1.825}))
    assert (study.crossings, study.first, study.settled) == ((), None, None)
    assert study.reason == "baseline_always_cheaper"


@pytest.mark.parametrize("horizon", [{"hours": 1, "step_s": 60}, {"months": 2, "step_s": 7200}, {"days": 3}])
def test_constant_traffic_crosses_at_the_same_volumes_over_any_horizon_and_step(horizon):
    scenario = {**stairs_against_a_price(ONE_FIXED_COST), "horizon": horizon}
    volumes = [c.tokens_per_month / 1e9 for c in sim.break_even(scenario).crossings]
    assert volumes == pytest.approx(CROSSINGS["one fixed cost"][1], rel=1e-6)


def test_replicas_in_twos_cross_where_their_stairs_do():
    # A tread of two replicas costs 3650 and holds 2e9: the crossings of one replica of twice the size.
    pairs = {"replicas": {"minimum": 1, "increment": 2}}
    twos = sim.break_even(stairs_against_a_price({**ONE_FIXED_COST, "more": pairs})).crossings
    double = {**ONE_FIXED_COST, "capacity": 2e9, "replica_usd_per_month": 3650.0}
    whole = sim.break_even(stairs_against_a_price(double)).crossings
    assert len(twos) == len(whole) > 3
    assert [c.tokens_per_month for c in twos] == pytest.approx([c.tokens_per_month for c in whole], rel=1e-6)
    assert [c.kind for c in twos] == [c.kind for c in whole]


def test_a_great_fleet_at_a_thin_margin_has_small_teeth_and_one_crossing():
    # 1,300 replicas at the crossing: a replica is less than a thousandth of the bill, so that its riser is no jump.
    # n replicas cost 1000 n + 26,000 and serve up to n 10^9 tokens; the API costs 1,020 for 10^9.
    stairs = {"capacity": 1e9, "replica_usd_per_month": 1000.0, "fixed_usd": 26_000.0, "price": 1.02}
    study = sim.break_even(stairs_against_a_price(stairs))
    # Every n has a zero at (1000 n + 26,000) / 1.02 millions on its tread if (n - 1) 1000 < zero <= n 1000.
    zeros = [(1000 * n + 26_000) / 1.02 for n in range(1, 3000)]
    on_tread = [zero for n, zero in enumerate(zeros, start=1) if (n - 1) * 1000 < zero <= n * 1000]
    assert len(on_tread) > 20
    assert [(c.becomes_cheaper, c.kind) for c in study.crossings] == [("challenger", "continuous")]
    middle = 0.5 * (on_tread[0] + on_tread[-1]) * 1e6
    assert study.first == pytest.approx(middle, rel=4e-4)  # half a replica of 1,300
    assert study.settled == study.first
