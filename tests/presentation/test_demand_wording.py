"""What a result says about the demand it stands on."""

from datetime import UTC, datetime

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.domain.recordings import Recording
from simulator.presentation.demand_wording import demand_lines, demand_warnings
from simulator.simulation.shared_costs import demand_of

PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
DAYS_OFF = {"kind": "holidays", "dates": ["2020-01-01"], "factor": 0.5}


def planned(traffic, **horizon):
    """A plan around a traffic mapping."""
    api = {"kind": "api", "prices": PRICES}
    horizon = horizon or {"months": 1, "step_s": 3600}
    document = {"title": "t", "horizon": horizon, "traffic": traffic, "options": {"a": api, "b": api}}
    return make_plan(sim.load_scenario({"workload": {"r": {"input_tokens": 1, "output_tokens": 1}}, **document}))


def said(traffic, **horizon):
    """Lines and warnings of a demand."""
    plan = planned(traffic, **horizon)
    return demand_lines(plan.scenario.traffic, demand_of(plan)), demand_warnings(plan.scenario, demand_of(plan))


def recorded(step_s, steps):
    """A recording of so many equal steps."""
    amounts = np.ones(steps)
    return Recording("log.csv", "made up", step_s, datetime(2027, 1, 4, tzinfo=UTC), amounts, amounts, amounts)


def test_a_preset_is_named_with_what_is_assumed_in_it_and_what_bursts():
    lines, _ = said({"preset": "steady-api", "requests_per_day": 1e6, "timezone": "Europe/Paris"})
    assert lines[0].startswith("demand: preset steady-api; assumed in it: ")
    assert "timezone" not in lines[0]  # given
    assert lines[0].endswith("sources: breakeven show steady-api")
    # 3.1 a week of mean height 2.4 (Pareto 1.25 from 1 to 8.6) and 20 min / ln 2 x exp(1.4^2 / 2) of decay.
    least, most, tail = 1.0, 8.6, 1.25
    height = tail / (tail - 1) * (least - most ** (1 - tail)) / (1 - most**-tail)
    excess = 3.1 / 168 * height * (20 / 60 / np.log(2)) * np.exp(0.98)
    assert lines[1] == f"demand: {excess / (1 + excess):.1%} in spikes, in expectation"


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "launch", "at": "2025-03-01", "factor": 3},
        {"kind": "surge", "at": "2029-03-01", "hours": 2, "factor": 2},
        DAYS_OFF,
    ],
)
def test_an_event_outside_of_the_horizon_is_told(event):
    _, warnings = said({"requests_per_day": 1e6, "events": {"it": event}})
    assert warnings == ["traffic.events.it lies outside the horizon and changes nothing"]
    _, warnings = said({"requests_per_day": 1e6, "events": {"it": {"kind": "launch", "after_days": 3, "factor": 3}}})
    assert warnings == []


def test_a_cap_that_the_draw_keeps_does_not_count_as_off_its_mean():
    noise = {"reference_requests_per_minute": 700, "parts": {"fast": {"relative_sd": 0.3, "falls_with_load": True}}}
    _, warnings = said({"requests_per_day": 1e6, "noise": noise, "cap_to_mean": 1.02}, months=1, step_s=300)
    assert warnings == []


def test_a_replay_says_what_of_the_recording_it_repeats():
    plan = planned({"requests_per_day": 1e6})
    for days, words in ((30, "log.csv, the first 28 of its 30 days, looped"), (7, "log.csv, 7 days, looped")):
        traffic = plan.scenario.traffic.model_copy(update={"kind": "trace", "recorded": recorded(86_400.0, days)})
        scenario = plan.scenario.model_copy(update={"traffic": traffic})
        assert demand_lines(traffic, demand_of(plan)) == [f"demand: {words}"]
        assert demand_warnings(scenario, demand_of(plan)) == [
            "traffic.file holds sums of 24 h: peaks within are lost, which flatters every fleet"
        ]
