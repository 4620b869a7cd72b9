"""Scenarios whose answer under uncertainty has a closed form."""

HOURS_PER_MONTH, SECONDS_PER_MONTH = 730, 2_628_000


def scenario(options, tokens_per_month, **more):
    return {
        "title": "closed form",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"tokens_per_month": tokens_per_month},
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": options,
        **more,
    }


def api(usd_per_mtok, **more):
    prices = {"input_usd_per_mtok": usd_per_mtok, "output_usd_per_mtok": usd_per_mtok}
    return {"kind": "api", "prices": prices, **more}


def divisible(tokens_per_s, usd_per_hour, fixed_usd):
    """Cost proportional to the volume, and something fixed."""
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": usd_per_hour},
        "throughput": {"total_tokens_per_s": tokens_per_s},
        "replicas": {"divisible": True, "minimum": 0},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0},
        "cold_start_s": 0,
        "monthly_fixed_usd": {"all": fixed_usd},
    }


def fixed(usd_per_month):
    """A fleet that is never full and costs the same at every volume."""
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": 0.0},
        "throughput": {"total_tokens_per_s": 1e18},
        "autoscaling": {"kind": "fixed", "count": 1},
        "monthly_fixed_usd": {"all": usd_per_month},
    }


def staircase(usd_per_gpu_month, tokens_per_gpu_month, fixed_usd, **more):
    """Whole GPUs, as many as the constant traffic fills."""
    return {
        "kind": "self_hosted",
        "rental": {"usd_per_gpu_hour": usd_per_gpu_month / HOURS_PER_MONTH},
        "throughput": {"total_tokens_per_s": tokens_per_gpu_month / SECONDS_PER_MONTH},
        "autoscaling": {"kind": "target_utilization", "target_share": 1.0, "stabilisation_s": 0},
        "cold_start_s": 0,
        "monthly_fixed_usd": {"all": fixed_usd},
        **more,
    }


def lognormal(median, log_sigma):
    return {"lognormal": {"median": median, "log_sigma": log_sigma}}


def reference_k1(tokens_per_month=15e9, **uncertainty):
    """Lognormal throughput on divisible GPUs."""
    options = {"api": api(0.9), "fleet": divisible(lognormal(1800.0, 0.35), 2.5, 8000.0)}
    return scenario(options, tokens_per_month, uncertainty=uncertainty)


def reference_k2(tokens_per_month=3e9):
    """Lognormal fixed cost over a lognormal price that goes with it."""
    price, cost = "options.api.prices.output_usd_per_mtok", "options.fleet.monthly_fixed_usd.all"
    options = {
        "api": {"kind": "api", "prices": {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": lognormal(2.0, 0.4)}},
        "fleet": fixed(lognormal(6000.0, 0.25)),
    }
    return scenario(
        options,
        tokens_per_month,
        workload={"request": {"input_tokens": 0, "output_tokens": 1000}},
        uncertainty={"correlations": [{"keys": [price, cost], "correlation": 0.3}]},
    )
