"""Terms of a fleet that act on each other: sites, rates that move, other hardware, work that waits, edge and quota."""

from datetime import date

import numpy as np
import pytest

import simulator as sim

DAY_HOURS = 24
MONTH_HOURS = 730.0
FOLLOWING = {"kind": "target_utilization", "target_share": 1.0}


def scenario(fleet, *, days=60, traffic=None, workload=None, **others):
    return sim.load_scenario(
        {
            "title": "Altogether",
            "horizon": {"start": "2026-12-01", "days": days, "step_s": 3600},
            "traffic": {"requests_per_day": 864_000, **(traffic or {})},
            "workload": workload or {"turn": {"input_tokens": 800, "output_tokens": 200}},
            "options": {
                "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}},
                "fleet": {
                    "kind": "self_hosted",
                    "throughput": {"requests_per_s": 1.0},
                    **({} if "owned" in fleet else {"autoscaling": FOLLOWING}),
                    "cold_start_s": 0,
                    "max_wait_s": 0,
                    **fleet,
                },
            },
            **others,
        }
    )


DAILY = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
WAITING = {
    "chat": {"share": 0.7, "input_tokens": 800, "output_tokens": 200},
    "report": {"share": 0.3, "input_tokens": 800, "output_tokens": 200, "deferrable": {"deadline_hours": 24}},
}


def accounted(ledger):
    waiting = 0.0 if ledger.deferred is None else float(ledger.deferred.waiting_tokens[-1])
    left = ledger.overflow_tokens.sum() + ledger.rejected_tokens.sum()
    return ledger.served_tokens.sum() + left + ledger.queued_tokens[-1] + waiting


def test_each_site_has_its_own_rate_over_time():
    # 10 replicas all the time: 6 at the cheap site, whose rent halves after 30 days, 4 at the other, which stays.
    falls = {
        "usd_per_gpu_hour": 2.0,
        "quota_gpus": 6,
        "changes": [{"effective_from": "2026-12-31", "usd_per_gpu_hour": 1.0}],
    }
    ledger = sim.simulate(scenario({"sites": {"east": falls, "west": {"usd_per_gpu_hour": 3.0}}}), "fleet")
    paid = ledger.costs.sum()
    assert paid["rent, east"] == pytest.approx(6 * DAY_HOURS * (30 * 2.0 + 30 * 1.0))
    assert paid["rent, west"] == pytest.approx(4 * DAY_HOURS * 60 * 3.0)
    study = sim.break_even(scenario({"sites": {"east": falls, "west": {"usd_per_gpu_hour": 3.0}}}))
    assert study.options["fleet"].lines["rent, east"] == pytest.approx(6 * MONTH_HOURS * 2.0)


def test_work_that_waits_is_the_same_over_a_change_to_the_same_hardware():
    fleet = {"rental": {"usd_per_gpu_hour": 2.0}}
    same = {**fleet, "hardware_changes": [{"effective_from": "2026-12-20", "rental": {"usd_per_gpu_hour": 2.0}}]}
    before, after = (sim.simulate(scenario(one, traffic=DAILY, workload=WAITING), "fleet") for one in (fleet, same))
    assert after.total_usd == pytest.approx(before.total_usd)
    assert after.deferred.served_tokens == pytest.approx(before.deferred.served_tokens)
    assert after.utilization_share == pytest.approx(before.utilization_share)


@pytest.mark.parametrize("count", [6, 10, 14])
def test_nothing_that_waits_is_lost_where_other_hardware_takes_over(count):
    fleet = {
        "rental": {"usd_per_gpu_hour": 2.0},
        "autoscaling": {"kind": "fixed", "count": count},
        "variable_usd_per_mtok": 0.1,
        "hardware_changes": [
            {"effective_from": "2026-12-20", "throughput": {"requests_per_s": 1.5}, "variable_usd_per_mtok": 0.2}
        ],
    }
    plan = scenario(fleet, traffic=DAILY, workload=WAITING)
    ledger = sim.simulate(plan, "fleet")
    assert accounted(ledger) == pytest.approx(ledger.arriving_tokens.sum(), rel=1e-9)
    # What a fleet of the first hardware, and one of the second, could at most do.
    capacity = count * 1000 * 3600 * DAY_HOURS * (19 * 1.0 + 41 * 1.5)
    assert ledger.served_tokens.sum() <= capacity * (1 + 1e-9)
    assert ledger.utilization_share == pytest.approx(ledger.served_tokens.sum() / capacity)
    first = ledger.served_tokens[: 19 * DAY_HOURS].sum()
    second = ledger.served_tokens[19 * DAY_HOURS :].sum()
    assert ledger.costs["variable"].sum() == pytest.approx((0.1 * first + 0.2 * second) / 1e6)


@pytest.mark.parametrize("kind", ["other hardware", "delivered later"])
def test_what_waits_may_be_longer_than_the_rest_and_no_fleet_is_more_than_full(kind):
    # A request that waits is as much work as another, but has three times its tokens; the one replica is always full.
    workload = {**WAITING, "report": {**WAITING["report"], "input_tokens": 2400, "output_tokens": 600}}
    owned = {"nodes": 1, "gpus_per_node": 1, "usd_per_node": 30_000, "life_years": 4, "delivery": date(2026, 12, 20)}
    change = {"effective_from": "2026-12-20", "throughput": {"requests_per_s": 2.0}}
    fleet = {
        "other hardware": {
            "rental": {"usd_per_gpu_hour": 2.0},
            "autoscaling": {"kind": "fixed", "count": 1},
            "hardware_changes": [change],
        },
        "delivered later": {"gpu": "l4", "owned": owned},
    }[kind]
    ledger = sim.simulate(scenario(fleet, workload=workload), "fleet")
    assert ledger.utilization_share == pytest.approx(1.0)


def test_the_edge_leaves_as_much_to_every_stage():
    fleet = {
        "rental": {"usd_per_gpu_hour": 2.0},
        "hardware_changes": [
            {
                "effective_from": "2026-12-31",
                "throughput": {"requests_per_s": 2.0},
                "rental": {"usd_per_gpu_hour": 3.0},
            }
        ],
    }
    ledger = sim.simulate(scenario({**fleet, "edge": {"share": 0.4}}), "fleet")
    # 10 requests/s are asked, 6 reach the fleet: 6 replicas, then 3.
    assert ledger.costs["rent"].sum() == pytest.approx(30 * DAY_HOURS * (6 * 2.0 + 3 * 3.0))


def test_a_base_is_found_for_each_hardware():
    change = {
        "effective_from": "2026-12-31",
        "throughput": {"requests_per_s": 4.0},
        "rental": {"usd_per_gpu_hour": 2.0},
    }
    fleet = {"rental": {"usd_per_gpu_hour": 2.0}, "autoscaling": {"kind": "fixed", "count": "auto"}}
    ledger = sim.simulate(scenario({**fleet, "hardware_changes": [change]}, traffic=DAILY), "fleet")
    alone = scenario({**fleet, "throughput": {"requests_per_s": 4.0}}, traffic=DAILY)
    assert ledger.billed_replicas[0] == sim.best_mix(scenario(fleet, traffic=DAILY), "fleet").best_count
    assert ledger.billed_replicas[-1] == sim.best_mix(alone, "fleet").best_count
    assert ledger.billed_replicas[0] > ledger.billed_replicas[-1]


def test_the_quota_of_the_hardware_that_serves_is_told():
    fleet = {
        "rental": {"usd_per_gpu_hour": 2.0, "quota_gpus": 20},
        "hardware_changes": [
            {
                "effective_from": "2026-12-31",
                "throughput": {"requests_per_s": 1.0},
                "rental": {"usd_per_gpu_hour": 1.0, "quota_gpus": 8},
            }
        ],
    }
    ledger = sim.simulate(scenario(fleet), "fleet")
    assert (ledger.quota.gpus, ledger.quota.share_of_time) == (8, pytest.approx(0.5, abs=1e-9))
    # Of 10 requests/s 2 are left for 30 days.
    assert ledger.quota.overflow_requests == pytest.approx(2 * 30 * 86_400)


def test_a_base_beside_an_api_counts_what_waits_for_it():
    fleet = {"rental": {"usd_per_gpu_hour": 2.0}, "autoscaling": {"kind": "fixed", "count": "auto"}}
    mix = sim.best_mix(scenario(fleet, traffic=DAILY, workload=WAITING), "fleet")
    by_hand = {
        count: sim.break_even(
            scenario({**fleet, "autoscaling": {"kind": "fixed", "count": count}}, traffic=DAILY, workload=WAITING)
        )
        .options["fleet"]
        .usd_per_month
        for count in range(0, 20)
    }
    assert mix.best_count == min(by_hand, key=by_hand.__getitem__)
    assert mix.best_usd_per_month == pytest.approx(min(by_hand.values()))


def test_energy_is_that_of_the_hardware_of_each_day():
    def energy(gpu, changes=()):
        fleet = {
            "gpu": gpu,
            "rental": {"usd_per_gpu_hour": 2.0},
            "autoscaling": {"kind": "fixed", "count": 10},
            "hardware_changes": list(changes),
        }
        return float(np.sum(sim.simulate(scenario(fleet), "fleet").energy.energy_kwh))

    change = {
        "effective_from": "2026-12-31",
        "gpu": "l4",
        "throughput": {"requests_per_s": 1.0},
        "rental": {"usd_per_gpu_hour": 1.0},
    }
    assert energy("h100-sxm", [change]) == pytest.approx((energy("h100-sxm") + energy("l4")) / 2)
