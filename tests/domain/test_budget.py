"""Revenue, tasks, and cost as a share of revenue."""

import numpy as np
import pytest
from pydantic import ValidationError

import simulator as sim
from simulator.domain.budget import Finance, share_of_revenue
from simulator.interface import make_plan
from simulator.presentation.decision import decision_sentence
from simulator.simulation.ledger import simulate_option
from simulator.solving.budget_view import budget_of


def test_revenue_comes_by_request_by_user_or_by_month():
    requests, months = np.array([100.0, 200.0]), np.array([1.0, 0.5])
    assert Finance(revenue_usd_per_request=0.5).revenue_usd(requests, months) == pytest.approx([50.0, 100.0])
    by_user = Finance(revenue_usd_per_user_month=20.0, requests_per_user_month=10.0)
    assert by_user.revenue_usd(requests, months) == pytest.approx([200.0, 400.0])
    assert Finance(revenue_usd_per_month=30.0).revenue_usd(requests, months) == pytest.approx([30.0, 15.0])
    assert Finance().revenue_usd(requests, months) == pytest.approx([0.0, 0.0])


def test_a_completed_task_pays_for_the_attempts_that_fail():
    assert Finance(requests_per_task=4.0, completed_share=0.8).usd_per_completed_task(0.1) == pytest.approx(0.5)


def test_without_revenue_any_cost_is_an_infinite_share():
    assert list(share_of_revenue(np.array([1.0, 1.0]), np.array([4.0, 0.0]))) == [0.25, np.inf]


@pytest.mark.parametrize(
    "given",
    [
        {"discount_rate_per_year": -1.0},
        {"revenue_usd_per_request": 1.0, "revenue_usd_per_month": 1.0},
        {"revenue_usd_per_user_month": 1.0},
        {"requests_per_user_month": 1.0},
        {"completed_share": 0.0},
        {"hours_saved_per_task": 0.5},
        {"labour_usd_per_hour": 60.0},
    ],
)
def test_contradictions_are_refused(given):
    with pytest.raises(ValidationError):
        Finance(**given)


def test_an_options_months_are_held_against_what_its_requests_earn():
    plan = make_plan(
        sim.load_scenario(
            {
                "title": "budget",
                "horizon": {"months": 12, "step_s": 262_800},
                "traffic": {"requests_per_month": 1e6, "growth_per_month": 0.1},
                "workload": {"call": {"input_tokens": 500, "output_tokens": 500}},
                "finance": {"revenue_usd_per_request": 0.004, "requests_per_task": 3, "completed_share": 0.5},
                "options": {
                    "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
                    "fleet": {
                        "kind": "self_hosted",
                        "throughput": {"requests_per_s": 1e9},
                        "rental": {"usd_per_gpu_hour": 0.0},
                        "monthly_fixed_usd": {"all": 2_000.0},
                        "one_off_usd": {"set_up": 50_000.0},
                    },
                },
            }
        )
    )
    volume = plan.scenario.tokens_per_month
    api, fleet = (budget_of(plan, simulate_option(plan, name, volume)) for name in ("api", "fleet"))
    earned = 4_000.0 * 1.1 ** np.arange(12)
    assert api.share == pytest.approx(np.full(12, 0.25))
    assert api.gross_margin == pytest.approx(np.full(12, 0.75))
    assert api.months_within(0.25) == 12
    assert fleet.share == pytest.approx(2_000.0 / earned)  # one-off cost is no cost of goods
    assert fleet.months_within(0.3) == int(np.sum(2_000.0 / earned <= 0.3))
    assert fleet.mean_share == pytest.approx(24_000.0 / earned.sum())
    assert api.usd_per_completed_task == pytest.approx(0.001 * 3 / 0.5)


def test_the_work_saved_is_worth_the_hours_of_the_completed_tasks():
    finance = Finance(requests_per_task=4.0, completed_share=0.5, hours_saved_per_task=0.1, labour_usd_per_hour=60.0)
    # 800 requests are 200 attempts and 100 completed tasks, 10 hours of 60 USD.
    assert finance.saved_usd(np.array([800.0])) == pytest.approx([600.0])


def test_the_answer_says_what_the_work_saved_is_worth():
    scenario = sim.load_scenario(
        {
            "title": "hours",
            "horizon": {"months": 2, "step_s": 262_800},
            "traffic": {"requests_per_month": 1e6},
            "workload": {"call": {"input_tokens": 500, "output_tokens": 500}},
            "finance": {"requests_per_task": 5, "hours_saved_per_task": 0.01, "labour_usd_per_hour": 50},
            "options": {
                "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
                "other": {"kind": "api", "prices": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 2.0}},
            },
        }
    )
    plan = make_plan(scenario)
    budget = budget_of(plan, simulate_option(plan, "api", scenario.tokens_per_month))
    # 200,000 tasks a month save 2,000 hours; a million requests of 1,000 tokens cost 1,000 USD a month.
    assert budget.hours_saved_usd == pytest.approx([100_000.0, 100_000.0])
    study = sim.break_even(scenario)
    ledgers = {name: sim.simulate(scenario, name) for name in study.options}
    said = (
        "The work saved over the horizon is worth 200,000 USD: 100 times the cost of api, 50 times the cost of other."
    )
    assert said in decision_sentence(study, ledgers)
