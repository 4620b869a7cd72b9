"""Rate limits in a result: a line for every account, and plain numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.presentation.numbers import number, percent
from simulator.simulation.rate_limits import PASSED, UNKNOWN, RateLimitCheck, rate_limit_checks
from simulator.solving.study import Study

_COUNTED = {
    "requests_per_minute": "requests",
    "input_tokens_per_minute": "input tokens",
    "output_tokens_per_minute": "output tokens",
    "tokens_per_minute": "tokens",
}


def rate_limit_warnings(study: Study) -> list[str]:
    """A line for every account whose limits are passed."""
    return [_passed(check) for check in _of_compared(study) if check.state == PASSED]


def rate_limit_lines(study: Study) -> list[str]:
    """A line for every other account: that its limits are kept, or not known; and one for what can't be seen."""
    checks = _of_compared(study)
    others = [check for check in checks if check.state != PASSED]
    lines = [_unknown(check) if check.state == UNKNOWN else _kept(check) for check in others]
    if any(check.misses_peaks for check in checks):
        within = _duration(checks[0].window_s)
        lines.append(f"rate limits: peaks within steps of {within} are not seen; shorter steps show them")
    return lines


def rate_limit_content(study: Study, name: str) -> list[dict[str, Any]] | None:
    """The limits of an option, part by part, as plain numbers; None for a fleet."""
    checks = rate_limit_checks(study.plan, name)
    return [_content(check) for check in checks] if checks else None


def _of_compared(study: Study) -> list[RateLimitCheck]:
    """Accounts of the compared options that anything is sent to: units may turn away what they do not carry."""
    checks = [check for name in study.options for check in rate_limit_checks(study.plan, name)]
    return [check for check in checks if check.throttling.calls > 0]


def _content(check: RateLimitCheck) -> dict[str, Any]:
    throttling = check.throttling
    first = throttling.first_at_utc
    return {
        "part": check.part,
        "state": check.state,
        "tier": check.tier,
        "source": check.source,
        "sufficient_tier": check.sufficient_tier,
        "peaks": {
            peak.limit_name: {
                "peak": peak.peak,
                "limit": peak.limit,
                "peak_to_limit": peak.peak_to_limit,
                "at_utc": peak.at_utc.isoformat(),
            }
            for peak in check.peaks
        },
        "peaks_are_means_over_s": check.window_s,
        "throttled_share": throttling.throttled_share,
        "mean_wait_of_throttled_s": throttling.mean_wait_of_throttled_s,
        "longest_wait_s": throttling.longest_wait_s,
        "waiting_calls_at_end": throttling.waiting_calls_at_end,
        "first_passed_at_utc": None if first is None else first.isoformat(),
    }


def _whose(check: RateLimitCheck) -> str:
    return check.option if check.part == check.option else f"{check.option}, {check.part}"


def _unknown(check: RateLimitCheck) -> str:
    peaks = {peak.limit_name: peak.peak for peak in check.peaks}
    takes = f"{number(peaks['requests_per_minute'])} requests and {number(peaks['tokens_per_minute'])} tokens a minute"
    return f"{_whose(check)}: rate limits not known; the peak takes {takes}"


def _kept(check: RateLimitCheck) -> str:
    worst = check.worst
    used = f"at most {percent(worst.peak_to_limit or 0.0)} of its {_COUNTED[worst.limit_name]} a minute"
    smaller = check.sufficient_tier if check.sufficient_tier != check.tier else None
    less = "" if smaller is None else f"; {smaller} would do"
    return f"{_whose(check)}: the rate limits of {check.tier} hold, {used}{less}"


def _passed(check: RateLimitCheck) -> str:
    worst, throttling = check.worst, check.throttling
    times, counted = number(worst.peak_to_limit or 0.0, 2), _COUNTED[worst.limit_name]
    first = throttling.first_at_utc
    since = "" if first is None or first.date() == worst.at_utc.date() else f", for the first time on {_day(first)}"
    waits = (
        f"{percent(throttling.throttled_share)} of the calls are throttled and wait "
        f"{_duration(throttling.mean_wait_of_throttled_s)}, at most {_duration(throttling.longest_wait_s)}"
    )
    left = throttling.waiting_calls_at_end
    still = "" if left < 0.5 else f"; {number(left)} calls still wait at the end"
    enough = "no tier given would do" if check.sufficient_tier is None else f"{check.sufficient_tier} would do"
    return (
        f"{_whose(check)}: {check.tier} would be passed {times} times over on {_day(worst.at_utc)} "
        f"({number(worst.peak)} {counted} a minute){since}; {waits}{still}; {enough}"
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _duration(seconds: float) -> str:
    """A time in the unit in which it is a handy number."""
    for unit_s, name in ((SECONDS_PER_DAY, "days"), (SECONDS_PER_HOUR, "h"), (SECONDS_PER_MINUTE, "min")):
        if seconds >= (2 if name == "days" else 1) * unit_s * (1 - 1e-9):
            return f"{number(seconds / unit_s, 2)} {name}"
    return f"{number(seconds, 2)} s"
