"""Energy and carbon of fleets: closed forms, against the electricity bill, over volumes and over time."""

import numpy as np
import pytest

import simulator as sim
from simulator.catalogue.planning import make_plan
from simulator.simulation.ledger import run_rate

HOURS_PER_MONTH = 730.0
REPLICA_TOKENS_PER_S = 1000.0
FULL_MTOK = REPLICA_TOKENS_PER_S * HOURS_PER_MONTH * 3600 / 1e6  # a replica, a month
# prices/facility.yaml and hardware/gpus/h100-sxm.yaml: a busy server draws 1.5 x 700 W for every GPU, an idle one
# 13.6 % of that; the survey's building takes 1.54 times as much; a kWh of the world's grid emits 0.475 kg.
LOADED_KW, IDLE_SHARE, PUE, WORLD = 1.5 * 0.7, 0.136, 1.54, 0.475


def case(fleet=None, *, mtok=2.5 * FULL_MTOK, horizon=None, **traffic):
    """Traffic of 400 tokens a request, constant unless said otherwise, that keeps 2.5 replicas of one H100 busy."""
    option = {
        "kind": "self_hosted",
        "gpu": "h100-sxm",
        "rental": {"usd_per_gpu_hour": 2.0},
        "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
        "autoscaling": {"kind": "fixed", "count": 4},
        **(fleet or {}),
    }
    return {
        "title": "energy",
        "horizon": horizon or {"months": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": mtok * 1e6, **traffic},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 100}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 6.0}},
            "fleet": {key: value for key, value in option.items() if value is not None},
        },
    }


def owned(nodes=1, gpus_per_node=4, **power):
    power = {"loaded_w": 4000, "idle_w": 1000, "pue": 1.3, "usd_per_kwh": 0.2, "kg_co2e_per_kwh": 0.3, **power}
    return {
        "rental": None,
        "autoscaling": None,
        "owned": {"nodes": nodes, "gpus_per_node": gpus_per_node, "usd_per_node": 9e4, "power": power},
    }


def energy(scenario, name="fleet"):
    """At the scenario's own volume, at run rate."""
    return sim.break_even(scenario).options[name].energy


def number(array):
    assert array.shape == (1,)
    return float(array[0])


DAY_AND_NIGHT = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}


# Closed forms


@pytest.mark.parametrize(("gpus", "replicas", "busy"), [(1, 4, 2.5), (2, 4, 4.0), (8, 3, 0.01), (1, 3, 3.0)])
def test_machines_draw_idle_power_in_all_hours_and_the_rest_for_the_work(gpus, replicas, busy):
    fleet = {"gpus_per_replica": gpus, "autoscaling": {"kind": "fixed", "count": replicas}}
    found = energy(case(fleet, mtok=busy * FULL_MTOK))
    loaded_kw = gpus * LOADED_KW
    idle_kw = IDLE_SHARE * loaded_kw
    kwh = PUE * HOURS_PER_MONTH * (replicas * idle_kw + busy * (loaded_kw - idle_kw))
    assert number(found.energy_kwh) == pytest.approx(kwh)
    assert number(found.kg_co2e) == pytest.approx(WORLD * kwh)
    mtok = busy * FULL_MTOK
    assert number(found.energy_kwh_per_mtok) == pytest.approx(kwh / mtok)
    assert number(found.kg_co2e_per_mtok) == pytest.approx(WORLD * kwh / mtok)
    assert number(found.energy_kwh_per_1000_requests) == pytest.approx(kwh / mtok * 400 / 1000)


def test_what_overflows_is_in_neither_the_energy_nor_the_tokens():
    # Four full replicas serve half of the traffic: a million of their tokens takes what it takes in full use.
    found = energy(case(mtok=8 * FULL_MTOK))
    assert number(found.energy_kwh_per_mtok) == pytest.approx(PUE * LOADED_KW * 1e6 / (REPLICA_TOKENS_PER_S * 3600))


def test_what_the_edge_answers_is_in_neither_the_energy_nor_the_tokens():
    # Short requests are answered by the edge: of 1,300 tokens the fleet serves 30 % of 400 and all of 900.
    requests_per_s = 3.2
    scenario = case({"edge": {"share": {"chat": 0.7}}}, mtok=requests_per_s * 1300 * HOURS_PER_MONTH * 3600 / 1e6)
    scenario["workload"] = {
        "chat": {"share": 0.5, "input_tokens": 600, "output_tokens": 200},
        "report": {"share": 0.5, "input_tokens": 1500, "output_tokens": 300},
    }
    for found in (energy(scenario), sim.simulate(scenario, "fleet").energy.together):
        served_mtok = requests_per_s * (0.3 * 400 + 900) * HOURS_PER_MONTH * 3600 / 1e6
        assert number(found.energy_kwh_per_mtok) == pytest.approx(number(found.energy_kwh) / served_mtok)
        requests = requests_per_s * (0.3 + 1) / 2 * HOURS_PER_MONTH * 3600
        assert number(found.energy_kwh_per_1000_requests) == pytest.approx(number(found.energy_kwh) / requests * 1000)


def test_the_gpus_that_are_paid_draw_whether_a_replica_uses_them_or_not():
    # Two replicas of 3 GPUs on a machine of 8: each answers for 4.
    paid = {"gpus_per_replica": 3, "rental": {"usd_per_instance_hour": 20.0, "gpus_per_instance": 8}}
    of_four = energy(case({"gpus_per_replica": 4}))
    assert number(energy(case(paid)).energy_kwh) == pytest.approx(number(of_four.energy_kwh))


def test_a_fleet_that_scales_to_zero_draws_nothing_in_hours_that_are_not_billed():
    points = [{"at_hours": 0, "level": 1}, {"at_hours": 1, "level": 0}]
    points += [{"at_hours": 20, "level": 1}, {"at_hours": 21, "level": 0}]
    policy = {"kind": "scale_to_zero", "idle_timeout_s": 3600}
    fleet = {"autoscaling": policy, "cold_start_s": 0, "max_wait_s": 0, "replicas": {"minimum": 0, "maximum": 1}}
    horizon = {"hours": 48, "step_s": 3600}
    traffic = {"piecewise": {"interpolation": "steps", "points": points}}
    ledger = sim.simulate(case(fleet, mtok=FULL_MTOK / 48, horizon=horizon, **traffic), "fleet")
    billed = float(ledger.billed_replicas.sum())  # steps of an hour
    assert 2 <= billed <= 2 * 3
    idle_kw = IDLE_SHARE * LOADED_KW
    busy = float(ledger.served_tokens.sum()) / (REPLICA_TOKENS_PER_S * 3600)
    kwh = PUE * (billed * idle_kw + busy * (LOADED_KW - idle_kw))
    assert number(ledger.energy.together.energy_kwh) == pytest.approx(kwh)


def test_spot_replicas_draw_as_much_as_others():
    spot = {"spot": {"share": 0.5, "usd_per_gpu_hour": 1.0, "interruptions_per_replica_hour": 0.0}}
    fleet = {"autoscaling": {"kind": "target_utilization", "target_share": 0.8}}
    assert number(energy(case(fleet | spot)).energy_kwh) == pytest.approx(number(energy(case(fleet)).energy_kwh))


# Owned hardware


@pytest.mark.parametrize("traffic", [{}, DAY_AND_NIGHT], ids=["constant", "day and night"])
@pytest.mark.parametrize("node", [owned(), owned(3, 8)], ids=["1 x 4", "3 x 8"])
def test_owned_energy_is_what_the_electricity_is_paid_for(node, traffic):
    scenario = case(node, horizon={"days": 60, "step_s": 3600}, **traffic)
    option = sim.break_even(scenario).options["fleet"]
    assert number(option.energy.energy_kwh) == pytest.approx(option.lines["electricity"] / 0.2, rel=1e-12)
    assert number(option.energy.kg_co2e) == pytest.approx(0.3 * option.lines["electricity"] / 0.2, rel=1e-12)
    ledger = sim.simulate(scenario, "fleet")
    paid_kwh = ledger.costs["electricity"].to_numpy() / 0.2
    assert ledger.energy.energy_kwh.tolist() == pytest.approx(paid_kwh.tolist(), rel=1e-12)


def test_owned_energy_in_closed_form():
    # One node of four replicas of one GPU, 2.5 of them busy.
    kwh = 1.3 * HOURS_PER_MONTH * (1.0 + 2.5 / 4 * 3.0)
    assert number(energy(case(owned())).energy_kwh) == pytest.approx(kwh)


def test_a_replica_draws_its_share_of_the_nodes():
    plan = make_plan(sim.load_scenario(case({**owned(3, 8), "gpus_per_replica": 3})))
    draw = plan.options["fleet"].draw  # two replicas to a node
    assert (draw.idle_w, draw.loaded_w) == pytest.approx((500, 2000))


# Over volumes and over time


@pytest.mark.parametrize(
    "fleet",
    [{}, {"autoscaling": {"kind": "target_utilization", "target_share": 0.7}}, owned()],
    ids=["fixed", "autoscaled", "owned"],
)
@pytest.mark.parametrize("traffic", [{}, DAY_AND_NIGHT], ids=["constant", "day and night"])
def test_energy_over_time_is_that_of_the_run_rate_where_nothing_changes(fleet, traffic):
    scenario = case(fleet, horizon={"months": 2, "step_s": 3600}, **traffic)
    over_time = sim.simulate(scenario, "fleet").energy
    assert over_time.energy_kwh.shape == (2,)
    here = energy(scenario)
    assert number(over_time.together.energy_kwh) == pytest.approx(2 * number(here.energy_kwh))
    assert number(over_time.together.energy_kwh_per_mtok) == pytest.approx(number(here.energy_kwh_per_mtok))
    assert number(over_time.together.kg_co2e_per_mtok) == pytest.approx(number(here.kg_co2e_per_mtok))


def test_energy_follows_the_growth_month_by_month():
    scenario = case(horizon={"months": 3, "step_s": 3600}, mtok=FULL_MTOK, growth_per_month=0.5)
    idle_kw = IDLE_SHARE * LOADED_KW
    expected = [PUE * HOURS_PER_MONTH * (4 * idle_kw + busy * (LOADED_KW - idle_kw)) for busy in (1.0, 1.5, 2.25)]
    assert sim.simulate(scenario, "fleet").energy.energy_kwh.tolist() == pytest.approx(expected)


def test_the_fuller_a_fleet_the_less_energy_for_a_token():
    plan = make_plan(sim.load_scenario(case(**DAY_AND_NIGHT)))
    rate = run_rate(plan, "fleet", np.geomspace(1e6, 8e9, 40))
    assert np.all(np.diff(rate.utilization_share) > 0)
    assert np.all(np.diff(rate.energy.energy_kwh_per_mtok) < 0)
    assert np.all(np.diff(rate.energy.kg_co2e_per_mtok) < 0)
    assert np.all(np.diff(rate.energy.energy_kwh) > 0)


def test_a_fleet_without_work_draws_idle_power_for_no_token():
    plan = make_plan(sim.load_scenario(case()))
    rate = run_rate(plan, "fleet", np.array([0.0]))
    assert rate.energy.energy_kwh.tolist() == pytest.approx([PUE * HOURS_PER_MONTH * 4 * IDLE_SHARE * LOADED_KW])
    assert np.isnan(rate.energy.energy_kwh_per_mtok[0])


# What is not known, and what it does not touch


def test_energy_of_apis_and_of_gpus_without_a_rated_power_is_not_known():
    study = sim.break_even(case({"gpu": "graviton4-16c"}))
    assert study.options["api"].energy is None
    assert study.options["fleet"].energy is None
    assert sim.simulate(case({"gpu": None}), "fleet").energy is None
    assert not [figure for figure in study.plan.figures if figure.for_energy]


@pytest.mark.parametrize(
    ("rental", "pue", "kg_co2e_per_kwh"),
    [
        ({"usd_per_gpu_hour": 2.0}, 1.54, 0.475),
        ({"provider": "gcp", "region": "us-central1"}, 1.1, 0.43),
        ({"provider": "aws", "region": "us-east-1"}, 1.54, 0.415755),
        ({"provider": "azure", "region": "eastus"}, 1.54, 0.369473),
    ],
    ids=["given rent", "gcp", "aws", "azure"],
)
def test_building_and_grid_are_those_of_the_provider_and_region(rental, pue, kg_co2e_per_kwh):
    fleet = {"rental": rental, "gpus_per_replica": 8}
    draw = make_plan(sim.load_scenario(case(fleet))).options["fleet"].draw
    assert (draw.pue, draw.kg_co2e_per_kwh) == pytest.approx((pue, kg_co2e_per_kwh))


def test_no_cost_stands_on_the_figures_of_energy():
    known, unknown = case(), case({"gpu": None})
    assert sim.simulate(known, "fleet").costs.equals(sim.simulate(unknown, "fleet").costs)
    weak = [figure for figure in sim.break_even(known).plan.figures if figure.unverified]
    assert {figure.for_energy for figure in weak} == {True}
