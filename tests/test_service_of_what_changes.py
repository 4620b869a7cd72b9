"""Service where fleets start from nothing, where their hardware changes, and where their base is found."""

import pytest

import simulator as sim


def scenario(fleet, level=None, *, requests_per_day=60, days=14, step_s=300, traffic=None):
    return sim.load_scenario(
        {
            "title": "Service",
            "horizon": {"start": "2026-12-01", "days": days, "step_s": step_s},
            "traffic": {"requests_per_day": requests_per_day, **(traffic or {})},
            "workload": {"turn": {"input_tokens": 800, "output_tokens": 200}},
            "options": {
                "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}},
                "fleet": {
                    "kind": "self_hosted",
                    "slots": {"per_replica": 8, "service_s": 4.0, "prefill_s": 0.2},
                    "rental": {"usd_per_gpu_hour": 2.0},
                    **fleet,
                },
            },
            **({} if level is None else {"service_level": level}),
        }
    )


TO_ZERO = {"autoscaling": {"kind": "scale_to_zero", "idle_timeout_s": 300}, "cold_start_s": 120, "max_wait_s": 600}
SPARSE = {"counts": "poisson"}


def test_steps_longer_than_half_a_cold_start_tell_no_waits_of_a_fleet_that_starts_from_nothing():
    level = {"first_token_s": 5.0, "late_share": 0.05}
    service = sim.service(scenario(TO_ZERO, level, traffic=SPARSE))["fleet"]
    assert service.first_token is None
    assert service.meets is None
    assert "give horizon.step_s of at most 60" in service.why_unknown
    assert sim.simulate(scenario(TO_ZERO, traffic=SPARSE), "fleet").mean_wait_s is None


@pytest.mark.slow
def test_in_short_steps_those_who_find_no_replica_wait_for_the_cold_start():
    level = {"first_token_s": 5.0, "late_share": 0.05}
    service = sim.service(scenario(TO_ZERO, level, traffic=SPARSE, step_s=30))["fleet"]
    # Of 60 requests a day, 24 minutes apart, nearly all come to no replica.
    assert service.late_share > 0.5
    assert service.meets is False
    assert service.first_token.p95_s == pytest.approx(120.2, abs=16.0)


def test_a_fleet_that_always_has_a_replica_is_told_in_any_steps():
    assert sim.service(scenario({"cold_start_s": 120}))["fleet"].first_token is not None


BUSY = {"diurnal": {"peak_hour": 14, "peak_to_mean": 1.6}}


def test_a_base_that_is_found_stays_told_where_the_level_needs_no_more():
    found = {"autoscaling": {"kind": "fixed", "count": "auto"}, "overflow": "api", "max_wait_s": 0.5}
    level = {"first_token_s": 2.0, "late_share": 0.05, "where_missed": "size"}
    with_level, without = (
        sim.break_even(scenario(found, one, requests_per_day=800_000, traffic=BUSY)) for one in (level, None)
    )
    assert with_level.mixes["fleet"].best_count == without.mixes["fleet"].best_count


@pytest.mark.slow
def test_requests_go_to_the_api_sooner_where_that_costs_less_than_more_replicas():
    found = {"autoscaling": {"kind": "fixed", "count": "auto"}, "overflow": "api", "max_wait_s": 60}
    level = {"first_token_s": 2.0, "late_share": 0.05, "where_missed": "size"}
    study = sim.break_even(scenario(found, level, requests_per_day=800_000, traffic=BUSY))
    (sizing,) = study.plan.sizings
    assert (sizing.key, sizing.before, sizing.after) == ("max_wait_s", 60.0, pytest.approx(1.8))
    by_hand = sim.break_even(scenario({**found, "max_wait_s": 1.8}, requests_per_day=800_000, traffic=BUSY))
    assert study.options["fleet"].usd_per_month == pytest.approx(by_hand.options["fleet"].usd_per_month)
    assert sim.service(scenario({**found, "max_wait_s": 1.8}, level, requests_per_day=800_000, traffic=BUSY))[
        "fleet"
    ].meets


@pytest.mark.parametrize("where_missed", ["infeasible", "size"])
def test_later_hardware_is_held_to_the_level_too(where_missed):
    fleet = {
        "autoscaling": {"kind": "fixed", "count": 9},
        "overflow": "reject",
        "hardware_changes": [{"effective_from": "2026-12-08", "autoscaling": {"kind": "fixed", "count": 5}}],
    }
    level = {"first_token_s": 2.0, "late_share": 0.05, "where_missed": where_missed}
    study = sim.break_even(scenario(fleet, level, requests_per_day=800_000, traffic=BUSY))
    # 800,000 requests a day take 4.6 replicas in the mean and 7.4 at the peak: nine do, five do not.
    if where_missed == "infeasible":
        assert "from 2026-12-08 on" in study.pairs["fleet"].cause
        return
    (sizing,) = study.plan.sizings
    assert sizing.where == "autoscaling.count from 2026-12-08 on"
    assert 7 <= sizing.after <= 9
    ledger = sim.simulate(scenario({**fleet, "hardware_changes": []}, None, requests_per_day=800_000), "fleet")
    assert ledger.billed_replicas.max() == 9


def test_a_site_whose_quota_holds_no_machine_is_refused():
    east = {"usd_per_gpu_hour": 2.0, "gpus_per_instance": 8, "quota_gpus": 16}
    west = {"usd_per_gpu_hour": 3.0, "gpus_per_instance": 8, "quota_gpus": 6}
    fleet = {"rental": None, "sites": {"east": east, "west": west}}
    with pytest.raises(ValueError, match=r"sites.west.quota_gpus: is 6, must be at least 8, the GPUs of a machine"):
        scenario(fleet)
