"""People, staircases, graduated prices and repeated costs, against counts made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from simulator.domain.operating_costs import Egress, Licence, Monitoring, OperatingCosts, Storage
from simulator.domain.overheads import GraduatedRate, Overheads, PeakCost, RepeatedCost, ServedCost, Staff
from simulator.domain.people import Engineers

# People


def test_persons_are_a_base_those_of_the_fleet_and_one_for_every_so_many_gpus():
    staff = Staff(base_persons=0.3, persons_per_fleet=0.5, gpus_per_person=16)
    assert list(staff.persons(np.array([0, 1, 16, 17, 40]))) == pytest.approx([0.3, 1.8, 1.8, 2.8, 3.8])


def test_shares_of_a_person_follow_the_gpus_in_proportion():
    staff = Staff(gpus_per_person=16, whole_persons=False)
    assert list(staff.persons(np.array([0, 4, 40]))) == pytest.approx([0.0, 0.25, 2.5])


def test_a_rota_of_four_is_never_fewer_than_four():
    staff = Staff(base_persons=1.5, gpus_per_person=8, on_call_persons=4, usd_per_person_year=120_000)
    assert list(staff.persons(np.array([0, 8, 16, 24]))) == pytest.approx([4, 4, 4, 4.5])
    assert staff.usd_per_month(np.array([0.0]))[0] == pytest.approx(4 * 10_000)


def test_persons_of_a_fleet_are_not_there_in_a_month_without_a_gpu():
    staff = Staff(persons_per_fleet=0.4)
    assert list(staff.persons(np.array([0.0, 1.0, 1e6]))) == [0.0, 0.4, 0.4]
    assert staff.are_any
    assert not Staff(usd_per_person_year=1.0).are_any


amounts = st.floats(0, 1e6)


@given(
    base=st.floats(0, 5), fleet=st.floats(0, 5), rota=st.integers(0, 9), each=st.floats(0.1, 99), whole=st.booleans(),
    fewer=amounts, more=amounts,
)  # fmt: skip
def test_more_gpus_never_take_fewer_persons(base, fleet, rota, each, whole, fewer, more):
    staff = Staff(base, each, whole, 1.0, fleet, rota)
    low, high = staff.persons(np.sort([fewer, more]))
    assert rota <= low <= high


# What follows the peak


def test_a_fee_by_machine_is_for_whole_machines():
    cost = PeakCost(usd_per_month=100, usd_per_gpu_month=3, usd_per_node_month=50, gpus_per_node=8)
    assert list(cost.at(np.array([0, 1, 8, 9, 16]))) == [100, 153, 174, 227, 248]


# Graduated prices


AWS_LIKE = GraduatedRate((0.0, 100.0, 10_000.0), (0.0, 0.09, 0.085))


@pytest.mark.parametrize(
    ("gb", "usd"),
    [(0, 0), (100, 0), (101, 0.09), (10_000, 9_900 * 0.09), (30_000, 9_900 * 0.09 + 20_000 * 0.085)],
)
def test_every_part_of_an_amount_has_the_price_of_its_step(gb, usd):
    assert float(AWS_LIKE.usd(np.array(gb))) == pytest.approx(usd)


steps = st.lists(st.tuples(st.floats(1, 1e5), st.floats(0, 2)), min_size=0, max_size=4, unique_by=lambda step: step[0])


@st.composite
def rates(draw):
    rest = sorted(draw(steps))
    return GraduatedRate((0.0, *(start for start, _ in rest)), (draw(st.floats(0, 2)), *(usd for _, usd in rest)))


@given(rate=rates(), amount=st.floats(0, 1e6))
def test_a_graduated_bill_is_the_sum_over_its_steps(rate, amount):
    starts = [*rate.from_amount, math.inf]
    by_hand = sum(
        each * max(0.0, min(amount, starts[place + 1]) - starts[place]) for place, each in enumerate(rate.usd_each)
    )
    assert float(rate.usd(np.array(amount))) == pytest.approx(by_hand)


@given(rate=rates(), fewer=st.floats(0, 1e6), more=st.floats(0, 1e6))
def test_a_graduated_bill_never_falls_and_stays_near_that_of_its_last_price(rate, fewer, more):
    low, high = rate.usd(np.sort([fewer, more]))
    assert low <= high + 1e-9
    distance = abs(float(rate.usd(np.array(more))) - rate.usd_each[-1] * more)
    assert distance <= rate.most_not_proportional_usd * (1 + 1e-9) + 1e-6


def test_a_rate_of_nothing_is_free():
    assert GraduatedRate((0.0, 5.0), (0.0, 0.0)).is_free
    assert not AWS_LIKE.is_free


# What is repeated


@pytest.mark.parametrize(
    ("every", "length", "due"),
    [
        (6, 12, {6: 1}),
        (6, 13, {6: 1, 12: 1}),
        (2.5, 8, {2: 1, 5: 1, 7: 1}),
        (0.5, 2, {0: 1, 1: 2}),
        (24, 12, {}),
    ],
)
def test_a_repetition_is_paid_in_the_month_in_which_it_is_due(every, length, due):
    months = math.ceil(length)
    paid = RepeatedCost(1_000.0, every).due_by_month(months, length)
    assert list(paid) == [1_000.0 * due.get(month, 0) for month in range(months)]


def test_over_a_long_time_repetitions_cost_their_monthly_mean():
    cost = RepeatedCost(900.0, 4.5)
    assert cost.due_by_month(450, 450).sum() / 450 == pytest.approx(cost.usd_per_month, rel=0.011)
    assert cost.usd_per_month == pytest.approx(200)


# How far from proportional


@given(gpus=st.floats(0, 1e6), beyond=st.floats(0, 64), served=st.floats(0, 1e9))
def test_what_is_not_proportional_is_within_its_bound(gpus, beyond, served):
    """A fleet of `gpus` in proportion to a demand and some beyond, against costs that are in proportion."""
    overheads = Overheads(
        Staff(0.7, 12, True, 120_000, 0.4, 3),
        monthly_fixed_usd={"gateway": 40},
        peak_costs={"licence": PeakCost(10, 3, 70, 8)},
        served_costs={"egress": ServedCost(1e-6, AWS_LIKE)},
        repeated={"fine-tuning": RepeatedCost(600, 6)},
    )
    peak = np.array(gpus + beyond)
    cost = float(overheads.staff.usd_per_month(peak) + overheads.peak_costs["licence"].at(peak))
    cost += 40 + 100 + float(overheads.served_costs["egress"].usd_per_month(np.array(served)))
    proportional = gpus / 12 * 10_000 + gpus * 3 + gpus / 8 * 70 + served * 1e-6 * 0.085
    assert abs(cost - proportional) <= overheads.most_not_proportional_usd(beyond) * (1 + 1e-9)


def test_one_off_cost_is_added_up():
    assert Overheads(one_off_usd={"migration": 3.0, "security review": 4.0}).total_one_off_usd == 7.0


# Bad input


@pytest.mark.parametrize(
    ("model", "given_", "key", "text"),
    [
        (Egress, {"provider": "aws", "usd_per_gb": 0.1}, "usd_per_gb", "must not be given together with provider"),
        (Egress, {"free_gb": 3}, "free_gb", "is 3, must be given with usd_per_gb only"),
        (Egress, {"steps": [{"from_gb": 1, "usd_per_gb": 1}]}, "[0].from_gb", "is 1, must be 0 in the first step"),
        (
            Egress,
            {"steps": [{"usd_per_gb": 1}, {"from_gb": 9, "usd_per_gb": 1}, {"from_gb": 9, "usd_per_gb": 0}]},
            "[2].from_gb",
            "is 9, must be above the step before, 9",
        ),
        (Storage, {}, "", "must hold exactly one of service, usd_per_gb_month; holds none"),
        (Storage, {"service": "x", "usd_per_gb_month": 1}, "", "holds service, usd_per_gb_month"),
        (Licence, {}, "", "must hold at least one of usd_per_month, usd_per_gpu_month, usd_per_node_month"),
        (Monitoring, {"tracing": True, "usd_per_gpu_month": 1}, "tracing", "must not be given where a price is"),
        (Engineers, {"region": "us", "usd_per_person_year": 1}, "region", "must not be given with usd_per_person_year"),
        (
            OperatingCosts,
            {"logs": {"bytes_per_request": 10, "kept_months": 3}},
            "logs.kept_months",
            "is 3, must be given with storage",
        ),
    ],
)
def test_what_contradicts_itself_is_told_at_its_key(model, given_, key, text):
    with pytest.raises(ValidationError) as fault:
        TypeAdapter(model).validate_python(given_)
    (error,) = fault.value.errors()
    assert error["ctx"]["key"] == key
    assert text in error["msg"]


@pytest.mark.parametrize(
    ("model", "given_"),
    [
        (Engineers, {"usd_per_person_year": -1}),
        (Engineers, {"on_call_persons": 1.5}),
        (OperatingCosts, {"weeks_until_live": -1}),
        (OperatingCosts, {"weeks_until_live": 1e9}),
        (OperatingCosts, {"fine_tuning": {"usd": 1, "repeat_months": 0}}),
        (OperatingCosts, {"migration": {"person_weeks": -1}}),
    ],
)
def test_amounts_out_of_range_are_refused(model, given_):
    with pytest.raises(ValidationError):
        TypeAdapter(model).validate_python(given_)
