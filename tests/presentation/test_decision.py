"""The advice: what may be advised, and what a reader of it should know beside it."""

import pytest

import simulator as sim
from simulator.interface import make_plan
from simulator.presentation.decision import decision_sentence
from simulator.presentation.summary import warnings
from simulator.simulation.ledger import simulate_option
from simulator.solving.study import solve

FULL_REPLICA_REQUESTS = 2_628_000.0  # a month at one a second


def scenario(fleets, *, requests=10 * FULL_REPLICA_REQUESTS, horizon=None, traffic=None):
    """An API at 0.001 USD a request, and fleets of replicas of one request a second at 1 USD an hour."""
    replica = {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": 1.0},
        "throughput": {"requests_per_s": 1.0},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
    }
    return sim.load_scenario(
        {
            "title": "advice",
            "horizon": horizon or {"days": 2, "step_s": 3600},
            "traffic": {"requests_per_month": requests, **(traffic or {})},
            "workload": {"call": {"input_tokens": 500, "output_tokens": 500}},
            "options": {
                "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
                **{name: {**replica, **fleet} for name, fleet in fleets.items()},
            },
        }
    )


def advice(scenario):
    plan = make_plan(scenario)
    study = solve(plan)
    ledgers = {name: simulate_option(plan, name, study.tokens_per_month) for name in study.options}
    return study, decision_sentence(study, ledgers), warnings(study, ledgers)


def test_a_fleet_that_knows_the_future_is_never_advised():
    foresight = {"autoscaling": {"kind": "perfect_foresight"}}
    study, sentence, _ = advice(
        scenario({"bound": foresight}, traffic={"diurnal": {"peak_hour": 9, "peak_to_mean": 2}})
    )
    assert study.options["bound"].usd_per_month < study.options["api"].usd_per_month
    assert study.cheapest == "api"
    assert "Buy: api." in sentence
    assert "bound costs less, but is a lower bound." in sentence


def test_a_fleet_that_turns_requests_away_is_never_advised():
    small = {"autoscaling": {"kind": "fixed", "count": 1}, "overflow": "reject"}
    study, sentence, told = advice(scenario({"small": small}))
    # one request a second of ten is served
    assert study.options["small"].rejected_share == pytest.approx(0.9)
    assert study.cheapest == "api"
    assert "small costs less, but turns 90% of the requests away." in sentence
    assert "small: 90.00% of the requests are rejected, not served" in told


def test_what_waits_for_ever_is_told():
    patient = {"autoscaling": {"kind": "fixed", "count": 1}, "max_wait_s": float("inf")}
    study, _, told = advice(scenario({"patient": patient}))
    assert study.options["patient"].queued_share == pytest.approx(0.9)
    assert study.options["patient"].usd_per_month == pytest.approx(730 + 0.9 * 10 * FULL_REPLICA_REQUESTS * 0.001)
    assert any(text.startswith("patient: 90.0% of the requests still wait") for text in told)


def test_one_off_cost_is_paid_back_by_the_saving_of_each_month():
    # ten replicas at 730 USD a month against 26,280 USD: 18,980 USD saved a month
    fleet = {"fleet": {"one_off_usd": {"set_up": 37_000}}}
    _, sentence, _ = advice(scenario(fleet, horizon={"months": 4, "step_s": 3600}))
    assert "Self-host: fleet" in sentence
    assert "The 37,000 USD at the start of fleet are paid back in month 2." in sentence


def test_a_horizon_too_short_to_pay_the_one_off_cost_back_says_how_long_it_would_take():
    _, sentence, _ = advice(scenario({"fleet": {"one_off_usd": {"set_up": 37_960}}}))
    assert (
        "The 38,000 USD at the start of fleet are not paid back within the horizon; "
        "at the run rate's saving it takes 2.0 months." in sentence
    )


def test_a_run_rate_that_turns_is_told_with_its_month_and_its_cause():
    # 730 USD against 1,314 x 1.2^m of the API's falling bill: it starts cheaper and ends dearer
    declining = {"terms": {"price_decline": {"share_per_year": 0.9}}}
    case = scenario({"fleet": {}}, requests=0.5 * FULL_REPLICA_REQUESTS, horizon={"months": 12, "step_s": 3600})
    data = case.model_dump(mode="json", exclude_unset=True)
    data["options"]["api"] |= declining
    _, sentence, _ = advice(sim.load_scenario(data))
    # 1,314 x 0.1^(m / 12) falls below 730 after 3.06 months: in month 4, which starts on 1 April
    assert "With changing prices the run rate turns in April 2027: api is the cheaper one from then on." in sentence


def test_what_the_options_take_of_the_revenue_is_held_against_the_rule():
    case = scenario({"fleet": {}})
    data = case.model_dump(mode="json", exclude_unset=True)
    data["finance"] = {"revenue_usd_per_request": 0.002}
    _, sentence, _ = advice(sim.load_scenario(data))
    # the API takes 0.001 of 0.002 USD; ten replicas 7,300 USD of 52,560
    assert "Of the revenue over the horizon go to api 50 %, fleet 14 %" in sentence
    assert "at most 25 to 30 %: within it is fleet." in sentence
    data["finance"] = {"revenue_usd_per_request": 0.02}
    assert "at most 25 to 30 %: both are within it." in advice(sim.load_scenario(data))[1]


def test_the_horizon_has_a_say_where_it_differs_from_the_run_rate():
    # One replica costs 730 USD a month, half a replica's work 1,314: from month 0 on the fleet is cheaper, but two
    # months do not pay its set-up.
    case = scenario(
        {"fleet": {"one_off_usd": {"set_up": 10_000}}},
        requests=0.5 * FULL_REPLICA_REQUESTS,
        horizon={"months": 2, "step_s": 3600},
    )
    _, sentence, _ = advice(case)
    assert "Self-host: fleet" in sentence
    assert "But over 2 months, with growth and one-off cost, api is cheaper: 2,630 USD against 11,500 USD." in sentence


def test_a_draw_far_off_its_mean_is_told():
    noise = {"noise": {"relative_sd": 1.0, "correlation_time_s": 86_400}}
    _, _, told = advice(scenario({"fleet": {}}, traffic=noise))
    assert any("off its mean" in text for text in told)


def test_months_that_are_no_whole_steps_are_told():
    _, _, told = advice(scenario({"fleet": {}}, horizon={"days": 60, "step_s": 86_400}))
    assert "bill months of 730 h are rounded to whole steps of 86400 s" in told
