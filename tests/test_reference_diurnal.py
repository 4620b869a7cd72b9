"""Days and weeks: the hours of an ideal autoscaler, of a fleet sized to the peak, and where they break even.

The hours of the autoscaler are those of its closed form: of a day with the rate m (1 + a sin x) the k-th replica of
capacity c is needed for the share arccos((k c / m - 1) / a) / pi.
"""

import math

import pytest

import simulator as sim

SECONDS_PER_MONTH = 2_628_000.0
IDEAL = {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0}
FORESIGHT = {"kind": "perfect_foresight"}
AT_THE_PEAK = {"kind": "fixed"}


def day(mean, amplitude, capacity, autoscaling, *, usd_per_hour=2.5, step_s=60.0, price=1.5, more=None, traffic=None):
    """A sinusoid with its peak at six against one price; a replica serves `capacity` tokens/s."""
    shape = {"diurnal": {"peak_hour": 6, "peak_to_mean": 1 + amplitude}} if traffic is None else traffic
    return {
        "title": "days",
        "horizon": {"days": 7 if shape.get("weekly") else 1, "step_s": step_s},
        "traffic": {"tokens_per_month": mean * SECONDS_PER_MONTH, **shape},
        "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": price, "output_usd_per_mtok": price}},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": usd_per_hour},
                "throughput": {"total_tokens_per_s": capacity},
                "autoscaling": autoscaling,
                "replicas": {"minimum": 0},
                "cold_start_s": 0,
                **(more or {}),
            },
        },
    }


ONE_PER_THOUSAND = {"mean": 3200.0, "amplitude": 0.8, "capacity": 1000.0}
# 1,300 tokens/s a replica, of which 70 % are to be used; two replicas at least; 3 USD an hour.
TWO_AT_SEVENTY_PERCENT = {
    "mean": 2200.0, "amplitude": 0.9, "capacity": 1300.0, "usd_per_hour": 3.0, "more": {"replicas": {"minimum": 2}},
}  # fmt: skip
SEVENTY_PERCENT = {**IDEAL, "target_share": 0.7}
SIZED_AT_SEVENTY_PERCENT = {"kind": "fixed", "target_share": 0.7}


@pytest.mark.parametrize("autoscaling", [IDEAL, FORESIGHT], ids=["target utilization", "perfect foresight"])
def test_an_ideal_autoscaler_pays_the_hours_of_the_closed_form(autoscaling):
    ledger = sim.simulate(day(**ONE_PER_THOUSAND, autoscaling=autoscaling, step_s=1.0), option="fleet")
    assert ledger.replica_hours == pytest.approx(87.838966, rel=1e-5)
    assert ledger.usd_per_month == pytest.approx(6679.421373, rel=1e-5)
    assert ledger.utilization_share == pytest.approx(0.874327232, rel=1e-5)
    assert ledger.queued_tokens.max() == pytest.approx(0.0, abs=1.0)


def test_a_fleet_sized_to_the_peak_of_a_day_pays_for_the_peak_all_day():
    scenario = day(**ONE_PER_THOUSAND, autoscaling=AT_THE_PEAK)
    ledger = sim.simulate(scenario, option="fleet")
    assert set(ledger.billed_replicas) == {6.0}
    assert ledger.replica_hours == pytest.approx(144.0, rel=1e-9)
    assert ledger.usd_per_month == pytest.approx(10_950.0, rel=1e-9)
    assert ledger.utilization_share == pytest.approx(0.5333333333, rel=1e-9)
    assert 1 - 87.838966 / ledger.replica_hours == pytest.approx(0.3900071806, rel=1e-5)
    assert sim.simulate(scenario, option="api").usd_per_month == pytest.approx(12_614.4, rel=1e-9)


@pytest.mark.parametrize("autoscaling", [IDEAL, FORESIGHT], ids=["target utilization", "perfect foresight"])
@pytest.mark.parametrize(("step_s", "hours"), [(3600.0, 88.0), (300.0, 87.66666667), (60.0, 87.83333333)])
def test_longer_steps_pay_the_hours_of_the_rates_at_their_middles(step_s, hours, autoscaling):
    ledger = sim.simulate(day(**ONE_PER_THOUSAND, autoscaling=autoscaling, step_s=step_s), option="fleet")
    assert ledger.replica_hours == pytest.approx(hours, rel=1e-9)


def test_a_floor_and_a_target_pay_the_hours_of_the_closed_form():
    ledger = sim.simulate(day(**TWO_AT_SEVENTY_PERCENT, autoscaling=SEVENTY_PERCENT, step_s=1.0), option="fleet")
    assert ledger.replica_hours == pytest.approx(77.18406638, rel=1e-5)
    assert ledger.usd_per_month == pytest.approx(7043.046057, rel=1e-5)
    assert ledger.utilization_share == pytest.approx(0.7 * 0.7517351798, rel=1e-5)


def test_a_fleet_sized_to_the_peak_over_its_target_pays_for_five():
    scenario = day(**TWO_AT_SEVENTY_PERCENT, autoscaling=SIZED_AT_SEVENTY_PERCENT)
    ledger = sim.simulate(scenario, option="fleet")
    assert set(ledger.billed_replicas) == {5.0}
    assert ledger.replica_hours == pytest.approx(120.0, rel=1e-9)
    assert ledger.usd_per_month == pytest.approx(10_950.0, rel=1e-9)
    assert ledger.utilization_share == pytest.approx(0.7 * 0.4835164835, rel=1e-9)
    assert 1 - 77.18406638 / ledger.replica_hours == pytest.approx(0.3567994468, rel=1e-5)


@pytest.mark.parametrize(("step_s", "hours"), [(3600.0, 78.0), (300.0, 77.33333333), (60.0, 77.16666667)])
def test_a_floor_and_a_target_in_longer_steps_pay_the_hours_of_the_middles(step_s, hours):
    ledger = sim.simulate(day(**TWO_AT_SEVENTY_PERCENT, autoscaling=SEVENTY_PERCENT, step_s=step_s), option="fleet")
    assert ledger.replica_hours == pytest.approx(hours, rel=1e-9)


# A spike of 9,000 tokens/s for 6 % of every day (5,184 s) on a base of 900.
SPIKY_POINTS = [{"at_s": 0, "level": 900}, {"at_s": 43_200, "level": 9000}, {"at_s": 48_384, "level": 900}]
SPIKY = {"piecewise": {"points": SPIKY_POINTS, "repeat_every_hours": 24}}
SPIKY_MEAN = 0.06 * 9000 + 0.94 * 900


def test_a_spike_of_ten_times_the_base_is_cheapest_on_an_autoscaler():
    def scenario(autoscaling):
        two_levels = day(SPIKY_MEAN, 0, 1500.0, autoscaling, usd_per_hour=2.75, step_s=864.0, price=0.9, traffic=SPIKY)
        return {**two_levels, "horizon": {"days": 5, "step_s": 864.0}}

    scaled = sim.simulate(scenario(IDEAL), option="fleet")
    fixed = sim.simulate(scenario(AT_THE_PEAK), option="fleet")
    api = sim.simulate(scenario(IDEAL), option="api")
    assert scaled.arriving_tokens.max() / scaled.arriving_tokens.mean() == pytest.approx(6.493506494, rel=1e-6)
    assert scaled.replica_hours / 5 == pytest.approx(31.2, rel=1e-6)
    assert fixed.replica_hours / 5 == pytest.approx(144.0, rel=1e-6)
    assert scaled.usd_per_month == pytest.approx(2609.75, rel=1e-6)
    assert fixed.usd_per_month == pytest.approx(12_045.0, rel=1e-6)
    assert api.usd_per_month == pytest.approx(3278.1672, rel=1e-6)
    assert sim.break_even(scenario(IDEAL)).cheapest == "fleet"
    assert sim.break_even(scenario(AT_THE_PEAK)).cheapest == "api"


def test_weekends_pay_less_on_an_autoscaler_than_on_a_fleet_sized_to_the_weekdays():
    shape = {
        "diurnal": {"peak_hour": 6, "peak_to_mean": 1.7},
        "weekly": {"day_weights": [4000] * 5 + [1600] * 2},
    }
    mean = (5 * 4000.0 + 2 * 1600.0) / 7

    def ledger(autoscaling):
        return sim.simulate(
            day(mean, 0, 1000.0, autoscaling, usd_per_hour=2.0, step_s=4.0, traffic=shape), option="fleet"
        )

    scaled, fixed = ledger(IDEAL), ledger(AT_THE_PEAK)
    assert scaled.arriving_tokens.sum() / (7 * 86_400) == pytest.approx(3314.285714, rel=1e-9)
    assert scaled.replica_hours == pytest.approx(639.0580088, rel=1e-5)
    assert fixed.replica_hours == pytest.approx(1176.0, rel=1e-9)
    assert 1 - scaled.replica_hours / fixed.replica_hours == pytest.approx(0.4565833258, rel=1e-5)
    assert scaled.total_usd == pytest.approx(1278.116018, rel=1e-5)


SIXTY_PERCENT_SWING = {"mean": 3000.0, "amplitude": 0.6, "capacity": 1000.0, "price": 1.2}
FIXED_COST = {"replicas": {"minimum": 0}, "monthly_fixed_usd": {"fixed": 3000.0}}
# In 10^9 tokens a month: the fleet sized to the peak becomes cheaper, dearer, cheaper, ...
PEAK_FLEET_CROSSINGS = [
    34.4375, 34.4925, 35.95833333, 36.135, 37.47916667, 37.7775, 39.0, 39.42, 40.52083333, 41.0625, 42.04166667,
    42.705, 43.5625, 44.3475, 45.08333333, 45.99, 46.60416667, 47.6325, 48.125, 49.275, 49.64583333, 50.9175,
    51.16666667, 52.56, 52.6875, 54.2025, 54.20833333,
]  # fmt: skip


def test_a_fleet_sized_to_the_peak_crosses_the_price_twenty_seven_times():
    study = sim.break_even(day(**SIXTY_PERCENT_SWING, autoscaling=AT_THE_PEAK, more=FIXED_COST))
    turns = [(c.becomes_cheaper, c.kind) for c in study.crossings]
    assert turns == [("challenger", "continuous") if i % 2 == 0 else ("baseline", "jump") for i in range(27)]
    assert [c.tokens_per_month / 1e9 for c in study.crossings] == pytest.approx(PEAK_FLEET_CROSSINGS, rel=1e-5)
    assert study.first / 1e9 == pytest.approx(34.4375, rel=1e-5)
    assert study.settled / 1e9 == pytest.approx(54.20833333, rel=1e-5)


@pytest.mark.parametrize("autoscaling", [IDEAL, FORESIGHT], ids=["target utilization", "perfect foresight"])
@pytest.mark.parametrize(("step_s", "rel"), [(5.0, 1e-5), (60.0, 1e-3)])
def test_an_ideal_autoscaler_crosses_the_price_once(step_s, rel, autoscaling):
    study = sim.break_even(day(**SIXTY_PERCENT_SWING, autoscaling=autoscaling, more=FIXED_COST, step_s=step_s))
    assert [(c.becomes_cheaper, c.kind) for c in study.crossings] == [("challenger", "continuous")]
    assert study.first == pytest.approx(7_789_419_951.0, rel=rel)
    assert study.first / SECONDS_PER_MONTH == pytest.approx(2964.010636, rel=rel)


def test_the_closed_form_itself_gives_the_hours_of_the_sinusoid():
    mean, amplitude, capacity = 3200.0, 0.8, 1000.0

    def share_above(level):
        x = (level / mean - 1) / amplitude
        return 1.0 if x <= -1 else 0.0 if x >= 1 else math.acos(x) / math.pi

    assert 24 * sum(share_above(k * capacity) for k in range(10)) == pytest.approx(87.838966, rel=1e-7)
