"""Reserved bases, spot shares and own hardware through the public interface."""

from datetime import date

import numpy as np
import pytest

import simulator as sim
from simulator.domain.purchase import cheapest_base

DAY_AND_NIGHT = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}


def case(traffic=None, **fleet):
    return {
        "title": "x",
        "horizon": {"start": date(2026, 12, 1), "days": 28, "step_s": 900},
        "traffic": {"requests_per_day": 1e6, **(DAY_AND_NIGHT if traffic is None else traffic)},
        "workload": {"q": {"input_tokens": 500, "output_tokens": 300}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 2.0},
                "rental": {"usd_per_gpu_hour": 4.0},
                **fleet,
            },
        },
    }


def bill(**fleet):
    return sim.break_even(case(**fleet)).options["fleet"]


def test_the_base_that_is_found_is_the_cheapest_of_all():
    costs = [bill(reserved={"replicas": count, "usd_per_gpu_hour": 2.4}).usd_per_month for count in range(16)]
    found = bill(reserved={"replicas": "auto", "usd_per_gpu_hour": 2.4})
    assert found.usd_per_month == pytest.approx(min(costs))
    assert found.lines["reserved base"] == pytest.approx(np.argmin(costs) * 2.4 * 730)
    assert 0 < np.argmin(costs) < 15
    assert found.usd_per_month < costs[0]


def test_a_base_is_paid_whether_it_is_used_or_not():
    # 20 replicas at 2.4 USD an hour; no step wants more.
    idle = bill(reserved={"replicas": 20, "usd_per_gpu_hour": 2.4})
    assert idle.lines == {"rent": 0.0, "reserved base": pytest.approx(20 * 2.4 * 730), "overflow": pytest.approx(0.0)}
    assert bill(reserved={"replicas": 0, "usd_per_gpu_hour": 2.4}).usd_per_month == pytest.approx(bill().usd_per_month)


def test_a_base_over_time_is_what_it_is_at_run_rate():
    scenario = case(reserved={"replicas": 5, "usd_per_gpu_hour": 2.4})
    ledger = sim.simulate(scenario, "fleet")
    assert ledger.usd_per_month == pytest.approx(sim.break_even(scenario).options["fleet"].usd_per_month, rel=1e-9)


@pytest.mark.parametrize(("base_usd", "other_usd"), [(1.0, 4.0), (2.4, 4.0), (3.9, 4.0), (4.0, 4.0), (5.0, 4.0)])
def test_the_cheapest_base_is_a_quantile_of_the_load_duration_curve(base_usd, other_usd):
    replicas = np.random.default_rng(3).poisson(12, 500).astype(float)
    costs = [base_usd * b + other_usd * np.maximum(replicas - b, 0).mean() for b in range(40)]
    found = cheapest_base(replicas.tolist(), base_usd, other_usd)
    assert costs[found] == pytest.approx(min(costs))


def test_spot_without_interruptions_saves_its_discount_on_its_share():
    spot = {"share": 0.5, "discount_share": 0.6, "interruptions_per_replica_hour": 0.0}
    assert bill(spot=spot).usd_per_month == pytest.approx(bill().usd_per_month * (0.5 + 0.5 * 0.4), rel=1e-9)


def test_interruptions_send_more_to_the_api():
    spot = {"share": 1.0, "usd_per_gpu_hour": 1.0, "interruptions_per_replica_hour": 0.5, "notice_s": 0}
    calm, wild = (
        bill(spot={**spot, "interruptions_per_replica_hour": rate}, autoscaling={"kind": "fixed", "count": 9})
        for rate in (0.0, 0.5)
    )
    assert wild.overflow_share > calm.overflow_share
    assert wild.lines["overflow"] > calm.lines["overflow"]
    assert wild.lines["spot"] == pytest.approx(calm.lines["spot"])  # a replacement is paid from its order on


def test_a_cold_start_in_parts_counts_as_their_sum():
    model = {"model": "llama-3.1-8b", "gpu": "h100-sxm", "precision": "bf16"}
    parts = {"provisioning_s": 60, "image_pull_s": 30, "disk_bytes_per_s": 2e9, "warm_up_s": 20}
    # 8.03 billion weights of 2 bytes at 2 GB/s take about 8 s.
    plan = sim.break_even(case(**model, cold_start=parts)).plan.options["fleet"]
    assert plan.cold_start_s == pytest.approx(60 + 30 + 8.03 + 20, abs=0.1)


def test_own_nodes_cost_the_same_at_every_load_but_for_their_power():
    owned = {
        "nodes": 2, "gpus_per_node": 8, "usd_per_node": 200_000, "life_years": 5, "support_share_per_year": 0.05,
        "site": "own_room", "power": {"idle_w": 2_000, "loaded_w": 8_000, "pue": 1.25, "usd_per_kwh": 0.1},
    }  # fmt: skip
    fleet = {"rental": None, "owned": owned, "gpus_per_replica": 8, "throughput": {"requests_per_s": 20.0}}
    option = bill(traffic={}, **fleet)
    # 1 million requests a day are 11.574/s of 40: 28.9 % in use.
    share = 1e6 / 86_400 / 40
    watts = 2 * (2_000 + 6_000 * share) * 1.25
    assert option.utilization_share == pytest.approx(share, rel=1e-6)
    assert option.lines == {
        "depreciation": pytest.approx(2 * 200_000 / 60),
        "support": pytest.approx(2 * 200_000 * 0.05 / 12),
        "electricity": pytest.approx(watts / 1_000 * 730 * 0.1, rel=1e-6),
        "overflow": pytest.approx(0.0),
    }


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ({"spot": {"share": 1.5, "discount_share": 0.5, "interruptions_per_replica_hour": 0}}, r"spot\.share: is 1.5"),
        ({"spot": {"share": 0.5, "interruptions_per_replica_hour": 0}}, r"spot\.usd_per_gpu_hour: must be given, or"),
        (
            {"reserved": {"replicas": 9, "usd_per_gpu_hour": 2}, "replicas": {"maximum": 8}},
            r"reserved\.replicas: is 9, must be at most replicas\.maximum, 8",
        ),
        ({"reserved": {"replicas": 2}}, r"reserved\.usd_per_gpu_hour: is missing; only a rental from a provider"),
        ({"owned": {"nodes": 1}}, r"rental: must not be given with owned"),
        ({"rental": None}, r"rental: is missing; GPUs are rented, or owned"),
        (
            {"autoscaling": {"kind": "target_utilization", "reaction_s": 1e8}},
            r"autoscaling\.reaction_s: is 1e\+08, must be at most 100,000 steps of 900 s",
        ),
        ({"cold_start": {"warm_up_s": 5}}, r"cold_start: must be given with a model and a gpu"),
    ],
    ids=[
        "spot above all",
        "spot without a price",
        "more reserved than allowed",
        "no price",
        "both",
        "none",
        "years",
        "weights",
    ],
)
def test_a_purchase_that_can_not_be_is_refused(fleet, message):
    with pytest.raises(ValueError, match=rf"options\.fleet\.{message}"):
        sim.load_scenario(case(**fleet))
