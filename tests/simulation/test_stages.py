"""A demand cut into parts, and fleets that serve one after the other."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from changing_fleets import case, day, other_hardware, owned_case

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.domain.rates_over_time import RateCourse
from simulator.simulation.fleet import serve
from simulator.simulation.fleet_over_time import fleet_over_time
from simulator.simulation.shared_costs import demand_of
from simulator.simulation.stages import moves_by_month, owned_steps, rate_blocks, spans_of

NOISY = {
    "counts": "poisson",
    "growth_per_month": 0.2,
    "diurnal": {"peak_hour": 14, "peak_to_mean": 2.0},
    "noise": {"parts": {"f": {"relative_sd": 0.3, "correlation_time_s": 900, "falls_with_load": True}}},
    "spikes": {"per_month": 8, "height_to_mean": 3, "half_life_s": 1800},
}
LENGTHS = {"token_lengths": {"input": {"log_sd": 0.5, "drift_relative_sd": 0.2, "drift_time_s": 86_400}}}


def planned(scenario):
    plan = make_plan(sim.load_scenario(scenario))
    return plan, demand_of(plan), plan.options["fleet"]


@pytest.mark.parametrize("traffic", [{}, NOISY, {**NOISY, **LENGTHS}], ids=["constant", "noisy", "lengths"])
def test_the_parts_of_a_demand_put_together_are_the_demand(traffic):
    plan, demand, _ = planned(case(days=45, step_s=300, traffic=traffic))
    cuts = [0, 1, 5_000, 8_760, 9_999, demand.steps]
    whole = demand.path(1e6, plan.scenario.mix)
    paths = [demand.between(first, until).path(1e6, plan.scenario.mix) for first, until in pairwise(cuts)]
    for name in ("expected_requests", "requests", "input_tokens", "output_tokens"):
        assert np.array_equal(np.concatenate([getattr(path, name) for path in paths]), getattr(whole, name))
    assert [(path.start_utc - whole.start_utc).total_seconds() / 300 for path in paths] == cuts[:-1]


def test_a_part_of_a_part_is_a_part_of_the_whole():
    _, demand, _ = planned(case(days=45, step_s=300, traffic=NOISY))
    one, other = demand.between(1_000, 9_000).between(500, 7_000), demand.between(1_500, 8_000)
    assert np.array_equal(one.profile, other.profile)
    assert (one.first_step, one.steps) == (other.first_step, other.steps) == (1_500, 6_500)
    assert one.month_ends.tolist() == other.month_ends.tolist()


def test_bill_months_of_a_part_are_what_of_them_lies_in_it():
    _, demand, _ = planned(case(months=4))
    part = demand.between(1_000, 2_000)  # month 1 is 730 to 1460, month 2 up to 2190
    assert part.month_ends.tolist() == [0, 460, 1_000, 1_000]
    assert part.months.tolist() == pytest.approx([0.0, 460 / 730, 540 / 730, 0.0])
    assert part.by_month(np.ones(1_000)).tolist() == [0.0, 460.0, 540.0, 0.0]
    assert part.edges_s[[0, -1]].tolist() == [3.6e6, 7.2e6]


@pytest.mark.parametrize(("first", "until"), [(-1, 5), (5, 5), (0, 9_999)])
def test_a_part_without_steps_or_with_others_is_refused(first, until):
    _, demand, _ = planned(case(months=1))
    with pytest.raises(ValueError, match=f"steps {first} to {until} are not in a demand of 730 steps"):
        demand.between(first, until)


def test_a_fleet_serves_a_part_as_it_serves_those_steps_of_the_whole_once_they_begin_alike():
    # A fixed fleet without a queue remembers nothing, so that its steps are the same wherever it begins.
    _, demand, fleet = planned(
        case({"autoscaling": {"kind": "fixed", "count": 3}, "max_wait_s": 0.0}, days=45, step_s=300, traffic=NOISY)
    )
    volume = np.array([2e7])
    whole = serve(fleet, demand, volume, grown=True, record=True).record
    part = serve(fleet, demand.between(4_000, 11_000), volume, grown=True, record=True).record
    for name in ("arriving_requests", "served_requests", "overflow_requests", "billed_replicas"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name)[4_000:11_000], rel=1e-12)


def test_a_schedule_keeps_to_the_clock_in_a_part():
    windows = [{"days": ["mon", "wed", "sun"], "from_hour": 8, "to_hour": 20, "replicas": 4}]
    policy = {"kind": "scheduled", "otherwise": 1, "windows": windows, "timezone": "Asia/Tokyo", "ordered_ahead_s": 0}
    _, demand, fleet = planned(case({"autoscaling": policy, "cold_start_s": 0.0}, days=21, step_s=900))
    volume = np.array([1e6])
    whole = serve(fleet, demand, volume, record=True).record.billed_replicas
    part = serve(fleet, demand.between(101, 1_900), volume, record=True).record.billed_replicas
    assert np.array_equal(part, whole[101:1_900])
    assert set(whole) == {1.0, 4.0}


def test_spot_replicas_are_taken_back_by_the_same_draws_in_a_part():
    spot = {"share": 1.0, "discount_share": 0.5, "interruptions_per_replica_hour": 0.2}
    _, demand, fleet = planned(case({"autoscaling": {"kind": "fixed", "count": 9}, "spot": spot}, days=45, step_s=3600))
    volume = np.array([1e6])
    parts = [demand.between(0, 500), demand.between(500, demand.steps)]
    taken = sum(serve(fleet, part, volume).interruptions.sum() for part in parts)
    assert taken == pytest.approx(serve(fleet, demand, volume).interruptions.sum(), abs=2.0)


def test_spans_lie_end_to_end_and_overlaps_before_their_day():
    changes = [other_hardware(10, overlap_weeks=1), {**other_hardware(20), "gpu": "l40s"}]
    _, demand, fleet = planned(case({"hardware_changes": changes}, days=30))
    spans = spans_of(fleet, demand)
    assert [(span.first_step, span.until_step, span.serves) for span in spans] == [
        (0, 240, True), (240, 480, True), (480, 720, True), (72, 240, False),
    ]  # fmt: skip


def test_two_changes_in_one_step_leave_the_later_one():
    changes = [other_hardware(10), {**other_hardware(11), "gpu": "l40s"}]
    _, demand, fleet = planned(case({"hardware_changes": changes}, step_s=73 * 3600, months=1))
    assert [(span.fleet.label, span.first_step) for span in spans_of(fleet, demand)] == [
        ("1 x a100-80gb-sxm", 0),
        ("1 x l40s", 4),
    ]


def test_a_change_in_the_last_step_never_serves_and_its_move_is_not_paid():
    change = other_hardware(
        29, one_off_usd={"move": 9.0}
    )  # of 730 hours in steps of 73: the next whole step is the end
    _, demand, fleet = planned(case({"hardware_changes": [change]}, step_s=73 * 3600, months=1))
    assert len(spans_of(fleet, demand)) == 1
    assert moves_by_month(fleet, demand).tolist() == [0.0]


def test_blocks_end_where_rates_move_and_a_step_in_which_one_does_stands_alone():
    _, demand, _ = planned(case(months=2, step_s=73 * 3600))  # 20 steps, ten a month
    course = RateCourse((0.0, 146.0, 240.0, 9_999.0), (3.0, 2.5, 2.0, 1.0))
    assert rate_blocks([course], demand).tolist() == [2, 3, 4, 10, 20]
    assert rate_blocks([course], demand.between(3, 20)).tolist() == [1, 7, 17]
    assert rate_blocks([None], demand) is None


def test_hardware_of_ones_own_serves_whole_steps_within_its_life():
    owned = {"delivery": day(10), "life_years": 0.1, "end_of_life": "end"}  # 876 hours from hour 240 on
    _, demand, fleet = planned(owned_case(owned, months=2, step_s=73 * 3600))
    assert owned_steps(fleet.owned, demand) == (4, 15)  # from hour 292 to hour 1095 of 1116
    assert owned_steps(None, demand) == (0, 20)
    assert owned_steps(dataclasses.replace(fleet.owned, end_of_life="replace"), demand) == (4, 20)


def test_sums_by_month_are_sums_of_the_record():
    changes = [other_hardware(12, overlap_weeks=1), {**other_hardware(33), "gpu": "l40s"}]
    fleet = {"hardware_changes": changes, "variable_usd_per_mtok": 0.5}
    _, demand, option = planned(case(fleet, days=45, step_s=300, traffic=NOISY))
    run = fleet_over_time(option, demand, 1.6e7, lambda fleet: fleet)
    assert run.busy_requests == pytest.approx(demand.by_month(run.record.served_requests))
    assert run.billed_replica_hours == pytest.approx(demand.by_month(run.record.billed_replicas) / 12)
    served_mtok = demand.by_month(run.record.served_requests) * 400 / 1e6
    assert run.lines["variable"] == pytest.approx(0.5 * served_mtok)
