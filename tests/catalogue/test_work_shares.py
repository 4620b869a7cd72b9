"""How the work of a request follows its lengths: from the unit of a throughput, or from the slope of an estimate."""

import math

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.planning import make_plan
from simulator.domain.plans import WorkShares
from simulator.simulation.fleet import serve
from simulator.simulation.shared_costs import demand_of

UNEVEN = {"input": {"drift_relative_sd": 0.2}, "output": {"drift_relative_sd": 0.4, "log_sd": 0.8}}


def planned(fleet, lengths=UNEVEN, **traffic):
    """The plan of a fleet for requests of 600 and 200 tokens."""
    lengths = {"token_lengths": lengths} if lengths else {}
    return make_plan(
        sim.load_scenario(
            {
                "title": "work",
                "horizon": {"days": 2, "step_s": 300},
                "traffic": {"requests_per_day": 2e5, **lengths, **traffic},
                "workload": {"chat": {"input_tokens": 600, "output_tokens": 200}},
                "options": {
                    "api": {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.4}},
                    "fleet": {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 2.0}, **fleet},
                },
            }
        )
    )


def work_of(plan):
    """Shares of the fleet's work."""
    assert plan.faults == {}, plan.faults
    return plan.options["fleet"].work


@pytest.mark.parametrize(
    ("throughput", "expected"),
    [
        ({"output_tokens_per_s": 2_000}, WorkShares(0.0, 1.0)),
        ({"total_tokens_per_s": 8_000}, WorkShares(0.75, 0.25)),
        ({"requests_per_s": 10}, WorkShares(0.0, 0.0)),
    ],
)
def test_the_unit_of_a_given_throughput_says_what_work_follows(throughput, expected):
    work = work_of(planned({"throughput": throughput}))
    assert (work.input, work.output) == pytest.approx((expected.input, expected.output))


def test_where_lengths_do_not_vary_work_is_the_same_for_every_request():
    assert work_of(planned({"throughput": {"output_tokens_per_s": 2_000}}, lengths=None)) == WorkShares()
    assert work_of(planned({"throughput": {"output_tokens_per_s": 2_000}}, lengths={"input": {}})) == WorkShares()


@pytest.mark.parametrize(
    ("throughput", "tokens_of"),
    [
        ({"output_tokens_per_s": 2_000}, lambda path: path.output_tokens / 200),
        ({"total_tokens_per_s": 8_000}, lambda path: (path.input_tokens + path.output_tokens) / 800),
        ({"requests_per_s": 10}, lambda path: path.requests),
    ],
    ids=["output", "total", "requests"],
)
def test_the_work_that_arrives_is_that_of_the_drawn_tokens(throughput, tokens_of):
    lengths = {"input": {"drift_relative_sd": 0.2}, "output": {"drift_relative_sd": 0.4}}
    plan = planned({"throughput": throughput}, lengths=lengths, diurnal={"peak_hour": 12, "peak_to_mean": 1.5})
    demand = demand_of(plan)
    volume = 2e5 * 730 / 24
    seen = serve(plan.options["fleet"], demand, np.array([volume]), record=True).record.arriving_requests
    assert seen == pytest.approx(tokens_of(demand.path(volume, plan.scenario.mix)), rel=1e-9)


@pytest.mark.parametrize("per_day", [2e5, 5e7])
def test_the_work_of_counted_requests_scatters_with_their_tokens(per_day):
    # In steps of an hour many requests come together, so both ways to scatter their lengths are nearly normal.
    plan = planned(
        {"throughput": {"output_tokens_per_s": 2_000}}, lengths={"output": {"log_sd": 0.8}}, counts="poisson"
    )
    demand = demand_of(plan)
    volume = per_day * 730 / 24
    seen = serve(plan.options["fleet"], demand, np.array([volume]), record=True).record.arriving_requests
    tokens = demand.path(volume, plan.scenario.mix).output_tokens / 200
    assert np.corrcoef(seen, tokens)[0, 1] > 0.99
    scatter = math.sqrt((1 + math.expm1(0.8**2)) * per_day / 288)
    assert np.abs(seen - tokens).max() < 0.5 * scatter


@pytest.mark.parametrize(
    "fleet",
    [
        {"model": "llama-3.1-8b", "gpu": "h100-sxm"},
        {"model": "llama-3.3-70b", "gpu": "h100-sxm", "precision": "fp8", "gpus_per_replica": 2},
    ],
    ids=["small", "large"],
)
def test_an_estimate_gives_its_own_slopes(fleet):
    work = work_of(planned(fleet))
    assert 0 < work.input < 1
    assert 0 < work.output <= 1

    def seconds_per_request(input_tokens, output_tokens):
        asked = {key: value for key, value in fleet.items() if key not in ("model", "gpu", "gpus_per_replica")}
        asked["tensor_parallel"] = fleet.get("gpus_per_replica", 1)
        estimate = estimate_throughput(
            fleet["model"], fleet["gpu"], input_tokens=input_tokens, output_tokens=output_tokens, **asked
        )
        return 1 / estimate.requests_per_s

    usual = seconds_per_request(600, 200)
    longer_answer, longer_prompt = seconds_per_request(600, 220), seconds_per_request(660, 200)
    assert min(longer_answer, longer_prompt) > usual
    # The slopes upwards are those downwards up to the curvature; where both together are above one, as longer requests
    # leave room for fewer at a time, they are held to one.
    slopes = [(longer_prompt / usual - 1) / 0.1, (longer_answer / usual - 1) / 0.1]
    slopes = np.array(slopes) / max(1.0, sum(slopes))
    assert [work.input, work.output] == pytest.approx(slopes, rel=0.1)
    assert work.input + work.output <= 1 + 1e-9
