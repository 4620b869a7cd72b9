"""What the requests and tokens of an uneven demand cost: at an API, and on a fleet whose work follows their lengths."""

import math

import pytest
from demand_parts import MINUTES_PER_MONTH, PARTS

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.simulation.demand import sample_demand

PRICE = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0}


def scenario(traffic, fleet=None, *, horizon=None, seed=3, per_minute=20.0):
    """An API and a fleet for requests of 700 and 150 tokens."""
    return {
        "title": "bills of an uneven demand",
        "seed": seed,
        "horizon": horizon or {"months": 1, "step_s": 300},
        "traffic": {"requests_per_month": per_minute * MINUTES_PER_MONTH, **traffic},
        "workload": {"chat": {"input_tokens": 700, "output_tokens": 150}},
        "options": {
            "api": {"kind": "api", "prices": PRICE},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_gpu_hour": 2.0},
                "throughput": {"output_tokens_per_s": 500.0},
                **(fleet or {}),
            },
        },
    }


EVERYTHING = {
    **PARTS["shift"],
    **PARTS["noises"],
    **PARTS["spikes"],
    **PARTS["jobs"],
    **PARTS["counts"],
    **PARTS["lengths"],
}


def loaded_path(case, per_minute=20.0):
    """The drawn demand of a scenario."""
    loaded = sim.load_scenario(case)
    volume = per_minute * MINUTES_PER_MONTH
    return sample_demand(loaded.traffic, loaded.horizon, loaded.seed, volume).path(volume, loaded.mix)


@pytest.mark.parametrize("per_minute", [0.02, 20.0, 5e3])
def test_the_bill_of_an_api_is_that_of_the_drawn_tokens(per_minute):
    case = scenario(EVERYTHING, per_minute=per_minute)
    path = loaded_path(case, per_minute)
    bill = sim.simulate(case, option="api").costs.sum()
    assert bill["input"] == pytest.approx(2e-6 * path.input_tokens.sum(), rel=1e-9)
    assert bill["output"] == pytest.approx(8e-6 * path.output_tokens.sum(), rel=1e-9)


def test_growing_tokens_are_billed_month_by_month():
    case = scenario({**EVERYTHING, **PARTS["growth"]}, horizon={"months": 3, "step_s": 3600})
    path = loaded_path(case)
    by_month = 2e-6 * path.input_tokens.reshape(3, -1).sum(axis=1) + 8e-6 * path.output_tokens.reshape(3, -1).sum(
        axis=1
    )
    assert sim.simulate(case, option="api").costs.sum(axis=1).tolist() == pytest.approx(by_month.tolist(), rel=1e-9)


@pytest.mark.parametrize("name", ["shift", "noise", "noises", "long spikes", "jobs", "events", "cap"])
def test_the_run_rate_of_an_api_is_the_bill_of_a_month_of_the_same_path(name):
    # Nothing is counted and nobody's length scatters: both are the same path.
    case = scenario({**PARTS[name], "token_lengths": {"input": {"drift_relative_sd": 0.3}}})
    bill = sim.simulate(case, option="api").costs.sum().sum()
    assert sim.break_even(case).options["api"].usd_per_month == pytest.approx(bill, rel=1e-9)


@pytest.mark.parametrize("per_minute", [0.2, 20.0])
def test_the_run_rate_of_an_api_is_the_bill_to_the_scatter_of_counts_and_lengths(per_minute):
    case = scenario(EVERYTHING, per_minute=per_minute)
    bill = sim.simulate(case, option="api").costs.sum()
    rate = sim.break_even(case).options["api"].lines
    requests = per_minute * MINUTES_PER_MONTH
    for line, log_sd in (("input", 0.8), ("output", 0.5)):
        scatter = math.sqrt((1 + math.expm1(log_sd**2)) / requests)
        assert bill[line] == pytest.approx(rate[line], rel=4 * scatter)


NO_FLEET = {"autoscaling": {"kind": "fixed", "count": 0}, "max_wait_s": 0}


@pytest.mark.parametrize("throughput", [{"requests_per_s": 3.0}, {"output_tokens_per_s": 500.0}])
@pytest.mark.parametrize("name", ["noises", "long spikes", "jobs", "events", "counts"])
def test_a_fleet_of_nobody_costs_what_the_api_costs(name, throughput):
    case = scenario({**PARTS["shift"], **PARTS[name]}, {**NO_FLEET, "throughput": throughput})
    bills = {option: sim.simulate(case, option=option).costs.sum().sum() for option in ("api", "fleet")}
    assert bills["fleet"] == pytest.approx(bills["api"], rel=1e-9)
    rates = sim.break_even(case).options
    # The API's run rate does not count its requests one by one.
    near = 4 / math.sqrt(20.0 * MINUTES_PER_MONTH) if name == "counts" else 1e-9
    assert rates["fleet"].usd_per_month == pytest.approx(rates["api"].usd_per_month, rel=near)


@pytest.mark.parametrize(
    ("throughput", "work"), [({"requests_per_s": 3.0}, (0, 0)), ({"total_tokens_per_s": 900.0}, (700 / 850, 150 / 850))]
)
def test_overflow_of_uneven_lengths_costs_what_the_api_costs_to_their_scatter(throughput, work):
    # A fleet sends work to the API, which counts tokens: they differ where its work does not follow the tokens as the
    # bill does. The bill is half for the prompts and half for the answers (700 x 2 and 150 x 8 of 2,600).
    lengths = {"input": {"log_sd": 0.8}, "output": {"log_sd": 0.5}}
    case = scenario({"counts": "poisson", "token_lengths": lengths}, {**NO_FLEET, "throughput": throughput})
    bills = {option: sim.simulate(case, option=option).costs.sum().sum() for option in ("api", "fleet")}
    requests = 20.0 * MINUTES_PER_MONTH
    scatter = math.sqrt(sum(
        (share - bill) ** 2 * math.expm1(log_sd**2)
        for share, bill, log_sd in zip(work, (1400 / 2600, 1200 / 2600), (0.8, 0.5), strict=True)
    ) / requests)  # fmt: skip
    assert bills["fleet"] == pytest.approx(bills["api"], rel=4 * scatter)


def test_a_fleet_works_as_much_as_the_drawn_answers_ask():
    # Work follows the answers: 500 tokens a second and replica, no limit on replicas.
    lengths = {"output": {"drift_relative_sd": 0.5, "drift_time_s": 3600}}
    fleet = {
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0},
        "replicas": {"divisible": True, "minimum": 0},
        "cold_start_s": 0,
    }
    case = scenario({"token_lengths": lengths, **PARTS["shift"]}, fleet, horizon={"days": 5, "step_s": 300})
    path = loaded_path(case)
    ledger = sim.simulate(case, option="fleet")
    assert ledger.replica_hours == pytest.approx(path.output_tokens.sum() / 500 / 3600, rel=1e-6)
    assert ledger.billed_replicas == pytest.approx(path.output_tokens / 500 / 300, rel=1e-6)
    assert make_plan(sim.load_scenario(case)).options["fleet"].work.output == 1.0


@pytest.mark.parametrize("per_minute", [0.05, 20.0])
def test_a_fleet_that_leaves_everything_costs_what_the_api_costs(per_minute):
    none = scenario(EVERYTHING, {"autoscaling": {"kind": "fixed", "count": 0}}, per_minute=per_minute)
    api, fleet = (sim.simulate(none, option=name).total_usd for name in ("api", "fleet"))
    assert fleet == pytest.approx(api, rel=1e-9)
    curve = sim.cost_curve(none, tokens_per_month=[1e8, 1e10])
    bills = curve.groupby(["option", "tokens_per_month"])["usd_per_month"].sum()
    assert bills["fleet"].to_list() == pytest.approx(bills["api"].to_list(), rel=1e-9)


@pytest.mark.parametrize("counts", ["poisson", "expected"])
def test_a_fleet_that_scales_to_nothing_never_pays_for_next_to_no_requests(counts):
    fleet = {
        "throughput": {"output_tokens_per_s": 1000.0},
        "autoscaling": {"kind": "target_utilization", "target_share": 0.7},
        "replicas": {"minimum": 0},
    }
    study = sim.break_even(scenario({**EVERYTHING, "counts": counts}, fleet, per_minute=2e3))
    assert [crossing.becomes_cheaper for crossing in study.crossings] == ["challenger"]
    assert study.first == study.settled > 1e6
