"""A fit as the `traffic:` section of a scenario: a mapping, and commented YAML."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_MINUTE
from simulator.traces.length_fit import DRIFT_S
from simulator.traces.parameters import Parameter, job_names
from simulator.traces.spike_calibration import MOST_LOG_SD

if TYPE_CHECKING:
    from simulator.traces.fitting import Fit

_SINGLE = re.compile(r"\[\d+\]$")


def rounded(value: float, digits: int = 3) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits}g}")


def traffic_of(fit: Fit) -> dict[str, Any]:
    """The section as a mapping: keys of `Traffic`."""
    section: dict[str, Any] = {"requests_per_month": rounded(fit.requests_per_month, 6), "timezone": fit.clock.timezone}
    weights = [rounded(weight, 4) for weight in fit.weights]
    if fit.course.kind in ("day", "week"):
        section["hourly_weights"] = tuple(weights)
    elif fit.course.kind == "weekdays_and_weekends":
        section["weekday_hours"], section["weekend_hours"] = tuple(weights[:24]), tuple(weights[24:])
    elif fit.course.kind == "days_of_week":
        section["weekly"] = {"day_weights": tuple(weights)}
    noise = _noise(fit)
    if noise:
        section["noise"] = noise
    if fit.spikes is not None:
        law = fit.spikes
        section["spikes"] = {
            "per_week": rounded(law.per_week),
            "least_height_to_mean": rounded(law.least),
            "greatest_height_to_mean": rounded(law.greatest),
            "tail_index": rounded(law.tail_index),
            "half_life_s": rounded(law.half_life_s),
            "half_life_log_sd": min(rounded(law.half_life_log_sd), MOST_LOG_SD),
            "heights_over": "mean",
        }
    if fit.jobs:
        together = max(1.0, sum(job.share for job in fit.jobs) * 1.001)  # rounded, too, at most all of the demand
        section["jobs"] = {
            name: {
                "share": rounded(job.share / together),
                "start_hour": rounded(job.start_hour, 4) % 24.0,
                "duration_hours": rounded(job.duration_hours),
                "days": job.days,
                "volume_relative_sd": rounded(job.volume_relative_sd),
                "start_sd_s": rounded(job.start_sd_s),
                "plateau_relative_sd": rounded(job.plateau_relative_sd),
            }
            for name, job in zip(job_names(len(fit.jobs)), fit.jobs, strict=True)
        }
    if fit.clock.holidays and fit.course.kind in ("weekdays_and_weekends", "week"):
        section["events"] = {"holidays": {"kind": "holidays", "dates": fit.clock.holidays, "course": "weekend"}}
    if fit.cap_to_mean is not None:
        section["cap_to_mean"] = rounded(fit.cap_to_mean, 4)
    section["counts"] = "poisson" if fit.noise.counted else "expected"
    lengths = _lengths(fit)
    if lengths:
        section["token_lengths"] = lengths
    return section


def _noise(fit: Fit) -> dict[str, Any]:
    noise = fit.noise
    parts = {
        name: {
            "relative_sd": min(rounded(float(sd)), 5.0),
            "correlation_time_s": float(memory_s),
            "falls_with_load": bool(falls),
        }
        for name, memory_s, falls, sd in zip(
            noise.names, noise.memories_s, noise.falls, noise.relative_sds, strict=True
        )
        if rounded(float(sd)) > 0
    }
    if not parts:
        return {}
    return {
        "reference_requests_per_minute": rounded(noise.reference_requests_per_minute, 4),
        "taylor_exponent": rounded(noise.taylor_exponent),
        "parts": parts,
    }


def _lengths(fit: Fit) -> dict[str, Any]:
    laws: dict[str, Any] = {}
    for name, length in fit.lengths.items():
        law = {}
        if length.log_sd is not None:
            law["log_sd"] = rounded(length.log_sd)
        if length.drift_relative_sd is not None:
            law["drift_relative_sd"] = rounded(length.drift_relative_sd)
            law["drift_time_s"] = DRIFT_S
        if law:
            laws[name] = law
    return laws


def yaml_of(fit: Fit) -> str:
    """The section as YAML; each number with its 90 % interval, or with the word assumed."""
    known = {parameter.key: parameter for parameter in fit.parameters}
    lines = [f"# {line}" for line in _head(fit)]
    lines.append("traffic:")
    for key, value in fit.traffic().items():
        lines += _entry(key, value, key, known, "  ")
    if len(fit.lengths) == 2:
        means = ", ".join(
            f"{name}_tokens: {_scalar(rounded(length.mean_tokens, 4))}" for name, length in fit.lengths.items()
        )
        lines += ["workload:", f"  request: {{{means}}}"]
    return "\n".join(lines) + "\n"


def _head(fit: Fit) -> list[str]:
    recording = fit.recording
    days = recording.duration_s / SECONDS_PER_DAY
    start = f"{fit.start:%Y-%m-%d %H:%M}" + ("" if fit.clock.start_known else " (assumed: the file tells offsets only)")
    head = [
        f"Demand fitted by `breakeven trace fit` to {recording.source},",
        f"{recording.layout},",
        f"{recording.steps:,} steps of {recording.step_s / SECONDS_PER_MINUTE:g} min, {days:.4g} days from {start}.",
        "Behind each number its 90 % interval, or the word assumed where the recording does not tell it.",
    ]
    for name, length in fit.lengths.items():
        head.append(f"Mean {name} of a request: {length.mean_tokens:.4g} tokens.")
    head.append("Not known:")
    head += [f"  {line}" for line in fit.unknown]
    return head


def _entry(key: str, value: Any, path: str, known: dict[str, Parameter], indent: str) -> list[str]:
    if isinstance(value, dict):
        lines = [f"{indent}{key}:"]
        for inner, below in value.items():
            lines += _entry(inner, below, f"{path}.{inner}", known, indent + "  ")
        return lines
    spread = _spread_of_weights(path, known)
    if isinstance(value, tuple) and len(value) >= 24:
        lines = [f"{indent}{key}:{spread}"]
        rows = [value[start : start + 12] for start in range(0, len(value), 12)]
        texts = [", ".join(f"{weight:g}" for weight in row) for row in rows]
        lines += [
            f"{indent}  [{texts[0]},",
            *(f"{indent}   {text}," for text in texts[1:-1]),
            f"{indent}   {texts[-1]}]",
        ]
        return lines
    return [f"{indent}{key}: {_scalar(value)}{spread or _remark(path, known)}"]


def _spread_of_weights(path: str, known: dict[str, Parameter]) -> str:
    """Half the interval of the typical weight of a list, as a comment; empty where there is none."""
    spreads = sorted(
        (parameter.high - parameter.low) / 2 / parameter.value
        for name, parameter in known.items()
        if name != path and _SINGLE.sub("", name) == path and parameter.low is not None and parameter.high is not None
    )
    return f"  # +-{100 * spreads[len(spreads) // 2]:.2g} % (median of the intervals)" if spreads else ""


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_scalar(one) for one in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _remark(path: str, known: dict[str, Parameter]) -> str:
    if path.endswith((".correlation_time_s", ".drift_time_s")):
        return "  # assumed: one of a fixed set" if path.startswith("noise") else "  # assumed"
    if path.endswith(".falls_with_load"):
        return ""
    parameter = known.get(path)
    if parameter is None:
        return ""
    if parameter.low is None or parameter.high is None:
        return f"  # {parameter.method}"
    return f"  # {parameter.low:.3g} to {parameter.high:.3g}"
