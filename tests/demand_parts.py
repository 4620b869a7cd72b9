"""Parts of an uneven demand by name, for the tests that put them together."""

from simulator.domain.workload import Mix

MIX = Mix(700.0, 150.0)
MINUTES_PER_MONTH = 43_800.0

FALLING = {"relative_sd": 0.2, "correlation_time_s": 900, "falls_with_load": True}
GROWING_DAY = [3 + hour % 24 * (1 + hour // 120) for hour in range(168)]
PARTS = {
    "course": {"hourly_weights": GROWING_DAY, "timezone": "Europe/Berlin"},
    "shift": {
        "diurnal": {"peak_hour": 15, "peak_to_mean": 2.5}, "weekly": {"weekend_to_weekday": 0.4}, "shift_hours": 3.7,
    },
    "plan": {"piecewise": {"points": [{"at_s": 0, "level": 1}, {"at_s": 100_003, "level": 2}]}},
    "noise": {"noise": {"relative_sd": 0.5, "correlation_time_s": 1800}},
    "noises": {
        "noise": {"parts": {"fast": {"relative_sd": 0.2}, "falling": FALLING}, "reference_requests_per_minute": 40},
    },
    "spikes": {"spikes": {"per_week": 20, "height_to_mean": 1.5, "half_life_s": 1200, "tail_index": 3.5}},
    "long spikes": {
        "spikes": {"per_week": 40, "least_height_to_mean": 0.5, "greatest_height_to_mean": 6, "half_life_s": 900,
                   "half_life_log_sd": 0.8, "heights_over": "mean"},
    },
    "jobs": {"jobs": {"it": {"share": 0.3, "start_hour": 22.3, "duration_hours": 3, "volume_relative_sd": 0.3,
                             "start_sd_s": 600, "plateau_relative_sd": 0.1}}},
    "events": {
        "events": {
            "release": {"kind": "launch", "after_days": 1.37, "factor": 4, "half_life_s": 9_000},
            "outage": {"kind": "surge", "at": "2027-03-26T05:13:00", "hours": 1.7, "factor": 0.2},
            "friday": {"kind": "holidays", "dates": ["2027-03-26"], "factor": 0.6},
        },
    },
    "cap": {"cap_to_mean": 3.0},
    "counts": {"counts": "poisson"},
    "lengths": {
        "token_lengths": {
            "input": {"log_sd": 0.8, "drift_relative_sd": 0.2, "drift_time_s": 7200}, "output": {"log_sd": 0.5},
        },
    },
    "growth": {"growth": {"kind": "linear", "per_month": 0.4}},
}  # fmt: skip
