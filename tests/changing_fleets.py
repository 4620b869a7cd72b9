"""Scenarios of fleets that change over the horizon, small enough to be reckoned by hand."""

from datetime import date, timedelta

START = date(2027, 1, 1)
FULL_REPLICA_TOKENS = 1_000.0 * 2_628_000.0  # of a replica of 1,000 tokens/s in a month
API_USD_PER_MTOK = 3.0  # 2 in, 6 out at three to one


def day(number):
    """A day so many days after the start."""
    return START + timedelta(days=number)


def case(fleet=None, *, months=12, step_s=3600, busy=2.5, traffic=None, api=None, days=None):
    """Constant traffic of 400 tokens a request that keeps 2.5 replicas of the first fleet busy: three are paid."""
    return {
        "title": "over time",
        "horizon": {"start": START, "step_s": step_s, **({"months": months} if days is None else {"days": days})},
        "traffic": {"tokens_per_month": busy * FULL_REPLICA_TOKENS, **(traffic or {})},
        "workload": {"chat": {"input_tokens": 300, "output_tokens": 100}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 6.0}, **(api or {})},
            "fleet": {
                "kind": "self_hosted",
                "gpu": "a100-80gb-sxm",
                "rental": {"usd_per_gpu_hour": 3.0},
                "throughput": {"total_tokens_per_s": 1_000.0},
                "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
                **(fleet or {}),
            },
        },
    }


def other_hardware(number, tokens_per_s=2_000.0, usd=4.0, **more):
    """H100s from a day on; at 2,000 tokens/s two of them carry what three A100s do."""
    return {
        "effective_from": day(number),
        "gpu": "h100-sxm",
        "throughput": {"total_tokens_per_s": tokens_per_s},
        "rental": {"usd_per_gpu_hour": usd},
        **more,
    }


NODE = {
    "nodes": 3,
    "usd_per_node": 60_000.0,
    "life_years": 5.0,
    "site": "own_room",
    "support_share_per_year": 0.0,
    "power": {"idle_w": 0.0, "loaded_w": 1_000.0, "pue": 1.0, "usd_per_kwh": 0.1},
}


def owned_case(owned=None, **more):
    """Three nodes of one's own with a replica each, 1,000 USD of depreciation a month each."""
    scenario = case(**more)
    fleet = scenario["options"]["fleet"]
    for key in ("rental", "autoscaling"):
        del fleet[key]
    fleet["owned"] = {**NODE, **(owned or {})}
    return scenario
