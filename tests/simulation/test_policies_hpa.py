"""Kubernetes' autoscaler, sequence by sequence, worked by hand from its documentation (see docs/policies.md)."""

import math

import pytest
from listed_fleet import Case, assert_same
from pydantic import ValidationError

from simulator.domain.autoscaling import ChangeRule, Fall, HorizontalPodAutoscaler, Rise
from simulator.simulation.fleet import rounded_durations

# One replica serves a load of 1, the target is a half, there is no cold start: a load of n wants 2 n replicas. Steps
# are as long as the time between two looks, unless it says otherwise.


def replicas(loads, *, step_s=15.0, cold_start_s=0.0, limits=(("minimum", 1),), max_wait_s=math.inf, **policy):
    policy = {"kind": "horizontal_pod_autoscaler", "metric": "load", "target_share": 0.5, **policy}
    case = Case(
        tuple(map(float, loads)),
        step_s=step_s,
        autoscaling=tuple(policy.items()),
        replicas=limits,
        cold_start_s=cold_start_s,
        max_wait_s=max_wait_s,
    )
    assert_same(case)
    return [round(number, 9) for number in case.simulated()["billed"]]


AT_ONCE = {"stabilisation_s": 0.0, "rules": [{"share": 1.0}]}


def down(*rules, stabilisation_s=0.0, **more):
    return {"stabilisation_s": stabilisation_s, "rules": list(rules), **more}


up = down


def test_twice_the_target_doubles_the_replicas_and_half_of_it_halves_them():
    # 4 x 200m/100m = 8; 8 x 50m/100m = 4, the documentation's own ratios. A rise of 4 in one look is allowed.
    assert replicas([2, 4, 2], down=AT_ONCE) == [4, 8, 4]


def test_a_ratio_within_a_tenth_of_one_changes_nothing():
    # 10 replicas want a load of 5. 5.5 is a ratio of 1.1, still within; 5.51 is not: ceil(10 x 1.102) = 12.
    assert replicas([5, 5.5, 5.51], down=AT_ONCE) == [10, 10, 12]
    # 4.5 is a ratio of 0.9, within; 4.4 is not: ceil(10 x 0.88) = 9.
    assert replicas([5, 4.5, 4.4], down=AT_ONCE) == [10, 10, 9]


def test_without_a_tolerance_the_replicas_follow_every_change():
    assert replicas([5, 5.1, 4.9, 4.4], tolerance_share=0.0, down=AT_ONCE) == [10, 11, 10, 9]


def test_by_default_four_replicas_or_as_many_again_start_in_a_look_whichever_is_more():
    # 1 + 4 = 5 (1 x 2 = 2), 5 x 2 = 10 (5 + 4 = 9), 10 x 2 = 20, 40, then 50 are wanted.
    assert replicas([0.5, 25, 25, 25, 25, 25, 25]) == [1, 5, 10, 20, 40, 50, 50]


def test_within_a_longer_step_the_looks_compound():
    # A step of a minute holds four looks: 1, 5, 10, 20, 40 in the first, then 80 and 100 in the second.
    assert replicas([0.5, 50, 50, 50], step_s=60.0) == [1, 40, 100, 100]


def test_by_default_a_fall_waits_for_five_minutes_of_lower_recommendations():
    # The 8 of step 1 counts until 300 s, five steps of a minute, have passed: both ends of the window count.
    assert replicas([2, 4, 2, 2, 2, 2, 2, 2], step_s=60.0) == [4, 8, 8, 8, 8, 8, 8, 4]


def test_the_highest_recommendation_of_the_window_counts_on_the_way_down():
    # Recommendations 10, 4, 6, 2, 2, 2, 2 with a window of two steps: 10, 10, 10, then max(4,6,2)=6, 6, 2, 2.
    got = replicas([5, 2, 3, 1, 1, 1, 1], down=down({"share": 1.0}, stabilisation_s=30.0))
    assert got == [10, 10, 10, 6, 6, 2, 2]


def test_the_lowest_recommendation_of_the_window_counts_on_the_way_up():
    # Window of 30 s upwards: a rise must be recommended in three looks in a row, and the least of them is followed.
    rising = up({"share": 9.0}, stabilisation_s=30.0)
    assert replicas([1, 3, 4, 5, 5, 5], up=rising, down=AT_ONCE) == [2, 2, 2, 6, 8, 10]


def test_a_short_peak_is_not_followed_where_rises_are_stabilised():
    rising = up({"share": 9.0}, stabilisation_s=30.0)
    assert replicas([1, 4, 4, 1, 1], up=rising, down=AT_ONCE) == [2, 2, 2, 2, 2]


def test_a_tenth_of_eighty_replicas_a_minute_then_of_seventy_two_then_four_at_a_time():
    # The documentation's example: 80 to 10 at 10 % or 4 a minute, whichever is more: 8, then ceil(7.2) = 8, then 10 %
    # of 64 = 6.4: 7, of 57: 6, of 51: 6, of 45: 5, of 40: 4, and from there 4 at a time.
    rules = down({"replicas": 4, "period_s": 60.0}, {"share": 0.1, "period_s": 60.0})
    got = replicas([40] + [5] * 14, step_s=60.0, down=rules)
    assert got == [80, 72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10]


def test_the_rule_that_allows_least_counts_where_it_is_selected():
    # 10 % or 5 a minute, whichever is less: 80, 75 (5 < 8), 70, 65, 60, 55, 50, 45 (10 % is 5), 40, then 10 % of 40: 4.
    rules = down({"share": 0.1, "period_s": 60.0}, {"replicas": 5, "period_s": 60.0}, select="least")
    assert replicas([40] + [5] * 9, step_s=60.0, down=rules) == [80, 75, 70, 65, 60, 55, 50, 45, 40, 36]


def test_no_fall_where_falls_are_disabled():
    assert replicas([4, 1, 1, 6, 1], down={**AT_ONCE, "select": "none"}) == [8, 8, 8, 12, 12]


def test_a_period_of_several_steps_looks_back_on_all_of_them():
    # 3 replicas in 60 s, looks every 15 s: 2 + 3 = 5 at once, then nothing until that start is 60 s old.
    rules = up({"replicas": 3, "period_s": 60.0})
    assert replicas([1] + [10] * 9, up=rules) == [2, 5, 5, 5, 5, 8, 8, 8, 8, 11]


def test_what_stopped_within_the_period_may_start_again():
    # One replica may start in 30 s. 8 fell to 4 a look ago: 30 s ago there were 8, so up to 9 are allowed.
    assert replicas([4, 4, 2, 6, 6], up=up({"replicas": 1, "period_s": 30.0}), down=AT_ONCE) == [8, 8, 4, 9, 9]


def test_two_periods_within_a_step_compound_each_at_its_own_pace():
    # One replica every 30 s is two in a step of a minute; every 15 s it is four.
    assert replicas([1, 9, 9], step_s=60.0, up=up({"replicas": 1, "period_s": 30.0})) == [2, 4, 6]
    assert replicas([1, 9, 9], step_s=60.0, up=up({"replicas": 1, "period_s": 15.0})) == [2, 6, 10]


def test_the_autoscaler_looks_no_more_often_than_its_period():
    # A look every 60 s: at steps 0, 4, 8, ... of 15 s.
    assert replicas([1, 2, 2, 2, 2, 2], sync_period_s=60.0) == [2, 2, 2, 2, 4, 4]


def test_minimum_and_maximum_hold_whatever_is_recommended():
    limits = (("minimum", 3), ("maximum", 6))
    assert replicas([0, 5, 0.5], limits=limits, down=AT_ONCE) == [3, 6, 3]


def test_one_replica_stays_at_least_as_in_kubernetes():
    assert replicas([2, 0, 0], limits=(("minimum", 0),), down=AT_ONCE) == [4, 1, 1]


def test_spare_replicas_stand_beside_those_that_are_steered():
    assert replicas([2, 4, 2], limits=(("minimum", 1), ("spare", 2)), down=AT_ONCE) == [6, 10, 6]


def test_replicas_not_yet_ready_count_as_idle_so_that_none_are_ordered_twice():
    # A load of 4 on 4 replicas is a ratio of 2: 8 are ordered. With 4 ready, 4 starting, the ratio is 2 over the ready
    # ones, but 4 / 8 / 0.5 = 1 over all eight: nothing changes. 4.6 is 1.15 over all eight: ceil(9.2) = 10.
    assert replicas([2, 4, 4, 4.6, 4.6], cold_start_s=60.0) == [4, 8, 8, 10, 10]


def test_a_rise_that_the_starting_replicas_turn_into_a_fall_changes_nothing():
    # 4 ready and 8 starting after a load of 6; a load of 3 is a ratio of 1.5 over the ready ones, 0.5 over all twelve.
    got = replicas([2, 6, 3, 3], cold_start_s=60.0, down=AT_ONCE, up=up({"share": 9.0}))
    assert got == [4, 12, 12, 12]


def test_a_fall_is_told_by_the_ready_replicas_alone():
    # 4 ready, 8 starting; a load of 1 is a ratio of 0.5 over the ready ones: ceil(4 x 0.5) = 2.
    got = replicas([2, 6, 1, 1], cold_start_s=60.0, down=AT_ONCE, up=up({"share": 9.0}))
    assert got == [4, 12, 2, 2]


def test_a_busy_share_cannot_pass_one_so_a_flood_only_doubles_at_a_target_of_a_half():
    # All replicas busy is a ratio of 1 / 0.5 = 2, however many requests wait: 2, 4, 8, 16; ready at once.
    limits = (("minimum", 1), ("maximum", 30))
    got = replicas([1, 20, 20, 20, 20], metric="busy_share", up=up({"share": 9.0}), limits=limits, max_wait_s=0.0)
    assert got == [2, 4, 8, 16, 30]


def test_a_queue_keeps_replicas_busy_after_the_load_has_gone():
    # 2 replicas; 6 arrive, 4 of them are served by the four that were ordered, 2 wait: then 2 of 4 replicas are busy.
    got = replicas([1, 6, 0, 0], metric="busy_share", up=up({"share": 9.0}), down=AT_ONCE)
    assert got == [2, 4, 4, 1]


def test_a_metric_that_is_old_is_followed_late():
    assert replicas([1, 2, 2, 2], reaction_s=30.0) == [2, 2, 2, 4]
    assert replicas([1, 2, 2, 2], reaction_s=30.0, metric="busy_share") == [2, 2, 2, 4]


def test_what_does_not_fit_into_whole_steps_is_told():
    rules = ({"replicas": 1, "period_s": 150.0}, {"replicas": 1, "period_s": 30.0})
    policy = {"kind": "horizontal_pod_autoscaler", "reaction_s": 90.0, "up": {"rules": rules}, "sync_period_s": 15.0}
    notes = rounded_durations(Case((1.0, 1.0), autoscaling=tuple(policy.items()), minimum_up_s=600.0).plan(), 60.0)
    assert [note.split(": ", 1)[1] for note in notes] == [
        "autoscaling.reaction_s of 90 s counts as 120 s, whole steps",
        "autoscaling.up.rules[0].period_s of 150 s counts as 180 s, whole steps",
    ]


def test_a_rule_holds_replicas_or_a_share_of_them():
    with pytest.raises(ValidationError, match="exactly one of replicas, share; holds both"):
        ChangeRule(replicas=1, share=0.5)
    with pytest.raises(ValidationError, match="exactly one of replicas, share; holds none"):
        ChangeRule(period_s=60.0)


def test_what_is_left_out_of_a_direction_is_as_in_kubernetes():
    # Only the window downwards is given: 1 x 2 or 1 + 4 at a time upwards, everything at once downwards after 30 s.
    assert replicas([0.5, 25, 25, 25, 25, 0.5, 0.5, 0.5], down={"stabilisation_s": 15.0}) == [
        1,
        5,
        10,
        20,
        40,
        40,
        1,
        1,
    ]


def test_the_defaults_are_those_of_the_documentation():
    policy = HorizontalPodAutoscaler(kind="horizontal_pod_autoscaler")
    assert policy.tolerance_share == 0.1
    assert policy.sync_period_s == 15.0
    doubled, four = ChangeRule(share=1.0, period_s=15.0), ChangeRule(replicas=4, period_s=15.0)
    assert policy.up == Rise(stabilisation_s=0.0, rules=(doubled, four), select="most")
    assert policy.down == Fall(stabilisation_s=300.0, rules=(doubled,), select="most")
