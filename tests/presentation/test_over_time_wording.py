"""What a reader is told of rents that move and hardware that changes: page, summary, timeline and chart."""

import io

import pytest
from changing_fleets import case, day, other_hardware, owned_case

import simulator as sim
from simulator.presentation.charts.timeline import timeline_chart
from simulator.presentation.decision import decision_sentence
from simulator.presentation.over_time_wording import marks_of, over_time_lines
from simulator.presentation.summary import summary
from simulator.presentation.tables import print_study
from simulator.presentation.timeline_table import timeline_tables

CHANGES = [{"effective_from": day(60), "usd_per_gpu_hour": 2.1}]
CHANGING = {"hardware_changes": [other_hardware(100, overlap_weeks=2, one_off_usd={"move": 5_000.0})]}


def lines(fleet, **more):
    return over_time_lines(sim.break_even(case(fleet, **more)), "fleet")


def test_a_change_of_the_rent_is_told_by_the_gpu():
    rental = {"usd_per_gpu_hour": 3.0, "changes": CHANGES}
    assert lines({"rental": rental, "gpus_per_replica": 4}) == [
        "fleet: rent 3 -> 2.1 USD per GPU and hour from 2027-03-02 on"
    ]
    twice = [*CHANGES, {"effective_from": day(90), "usd_per_gpu_hour": 1.0}]
    assert lines({"rental": {**rental, "changes": twice}}) == [
        "fleet: rent 3 -> 2.1 USD per GPU and hour from 2027-03-02 on, 1 from 2027-04-01 on"
    ]


def test_many_steps_of_a_rent_are_told_together():
    rental = {"usd_per_gpu_hour": 3.0, "price_decline": {"share_per_year": 0.36}}
    (line,) = lines({"rental": rental})
    last = 3.0 * 0.64 ** (11 / 12)
    assert line == (
        f"fleet: rent 3 -> {last:.2f} USD per GPU and hour in 11 steps from 2027-01-31 10:00 to 2027-12-01 14:00"
    )


def test_hardware_is_told_with_its_day_its_overlap_and_its_move():
    assert lines(CHANGING) == [
        "fleet: from 2027-04-11 on 1 x h100-sxm at 4 USD per GPU and hour, paid beside the fleet before for 2 weeks; "
        "the move costs 5,000 USD"
    ]
    assert lines({"hardware_changes": [other_hardware(-5)]}) == [
        "fleet: the hardware of 2026-12-27 is there from the start"
    ]
    assert lines({"hardware_changes": [other_hardware(500)]}) == [
        "fleet: the hardware of 2028-05-15 comes after the end of the horizon"
    ]
    assert lines({}) == []


def test_the_page_and_the_summary_tell_it():
    scenario = case(CHANGING)
    study = sim.break_even(scenario)
    ledgers = {name: sim.simulate(scenario, name) for name in study.options}
    page = io.StringIO()
    print_study(study, ledgers, [], page)
    assert "fleet: from 2027-04-11 on 1 x h100-sxm" in " ".join(page.getvalue().split())
    first, second = summary(study, ledgers)["options"]["fleet"]["horizon"]["fleets"]
    assert (first["from"], first["hardware"]) == ("2027-01-01", "1 x a100-80gb-sxm")
    assert (second["from"], second["hardware"]) == ("2027-04-11", "1 x h100-sxm")
    assert (second["move_usd"], second["overlap_hours"]) == (5_000.0, 336.0)
    rental = {"usd_per_gpu_hour": 3.0, "changes": CHANGES}
    scenario = case({"rental": rental})
    study = sim.break_even(scenario)
    content = summary(study, {name: sim.simulate(scenario, name) for name in study.options})
    assert content["options"]["fleet"]["horizon"]["fleets"][0]["usd_per_gpu_hour"]["rent"] == [
        {"from": "2027-01-01", "usd_per_gpu_hour": 3.0},
        {"from": "2027-03-02", "usd_per_gpu_hour": 2.1},
    ]
    plain = sim.break_even(case())
    content = summary(plain, {name: sim.simulate(case(), name) for name in plain.options})
    assert "fleets" not in content["options"]["fleet"]["horizon"]


@pytest.mark.parametrize("step_s", [900, 3600])
def test_the_timeline_has_columns_of_what_changes_and_only_then(step_s):
    scenario = case({**CHANGING, "hardware_changes": [other_hardware(10)]}, days=20, step_s=step_s)
    (table,) = timeline_tables([sim.simulate(scenario, "fleet")])
    rent = "usd_per_replica_hour" + ("_mean" if step_s < 3600 else "")
    assert table["hardware"].tolist() == ["1 x a100-80gb-sxm"] * 240 + ["1 x h100-sxm"] * 240
    assert table[rent].tolist() == [3.0] * 240 + [4.0] * 240
    used = "utilization_share" + ("_mean" if step_s < 3600 else "")
    assert table[used].tolist() == pytest.approx([2.5 / 3] * 240 + [2.5 / 4] * 240)
    (plain,) = timeline_tables([sim.simulate(case(days=20, step_s=step_s), "fleet")])
    assert set(table.columns) - set(plain.columns) == {"hardware", *(c for c in table if c.startswith("usd_per_"))}


def test_before_a_delivery_no_hardware_is_named():
    (table,) = timeline_tables([sim.simulate(owned_case({"delivery": day(5)}, days=20), "fleet")])
    assert table["hardware"].tolist() == [""] * 120 + ["1 x a100-80gb-sxm"] * 360


def test_the_chart_marks_what_changes_in_the_days_that_it_shows():
    rental = {"usd_per_gpu_hour": 3.0, "changes": [{"effective_from": day(4), "usd_per_gpu_hour": 2.1}]}
    changes = [other_hardware(9), {**other_hardware(17), "gpu": "l40s"}]
    ledger = sim.simulate(case({"rental": rental, "hardware_changes": changes}, days=20), "fleet")
    assert [(mark.step, mark.text) for mark in marks_of([ledger])] == [
        (96, "rent 3 -> 2.1 USD an hour a replica"),
        (216, "1 x h100-sxm"),
        (408, "1 x l40s"),
    ]
    figure = timeline_chart([ledger])
    for panel in figure.axes:
        upright = [line.get_xdata()[0] for line in panel.lines if line.get_linestyle() == "--"]
        assert upright == [4.0, 9.0]
    written = [text.get_text() for text in figure.texts]
    assert "rent 3 -> 2.1 USD an hour a replica" in written
    assert "1 x h100-sxm" in written
    assert "1 x l40s" not in written
    assert "Steps of 3,600 s. Later: 2027-01-18 1 x l40s." in written


def test_the_chart_tells_of_hardware_that_comes_after_its_days_and_how_often_else_something_changes():
    rental = {"usd_per_gpu_hour": 3.0, "price_decline": {"share_per_year": 0.36}}
    ledger = sim.simulate(case({"rental": rental, "hardware_changes": [other_hardware(100)]}), "fleet")
    written = [text.get_text() for text in timeline_chart([ledger]).texts]
    assert "Steps of 3,600 s. Later: 2027-04-11 1 x h100-sxm, 3 other changes." in written


def test_an_end_of_the_hardware_is_marked():
    ledger = sim.simulate(owned_case({"life_years": 0.1, "end_of_life": "end"}, months=2), "fleet")
    assert [(mark.step, mark.text) for mark in marks_of([ledger])] == [(876, "no hardware any more")]


def test_the_decision_says_why_the_horizon_advises_otherwise():
    # At run rate the fleet costs more than the API; from the second month on it costs a tenth.
    dear = {"rental": {"usd_per_gpu_hour": 12.0}}
    scenario = case({**dear, "hardware_changes": [other_hardware(31, usd=1.0)]})
    study = sim.break_even(scenario)
    ledgers = {name: sim.simulate(scenario, name) for name in study.options}
    assert study.cheapest == "api"
    sentence = decision_sentence(study, ledgers)
    assert "with growth, dated prices, hardware that comes and goes and one-off cost, fleet is cheaper" in sentence
