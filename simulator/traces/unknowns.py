"""What a recording is too short or too coarse to tell, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.traces.job_fit import TOO_COARSE_S
from simulator.traces.noise_fit import MEMORIES_S
from simulator.traces.season_fit import LONGEST_STEP_S, days_recorded
from simulator.traces.spike_fit import FEW

if TYPE_CHECKING:
    from simulator.traces.fitting import Fit

NONE_SEEN = 2.303  # upper end of a one-sided 90 % interval of a Poisson count of none: -ln 0.1


def unknowns_of(fit: Fit) -> tuple[str, ...]:
    """Sentences for a reader, the widest gap of knowledge first."""
    return (
        *_of_the_span(fit),
        *_of_the_clock(fit),
        *_of_the_noise(fit),
        *_of_jobs(fit),
        *_of_spikes(fit),
        *_of_gaps(fit),
    )


def _of_the_span(fit: Fit) -> list[str]:
    days = days_recorded(fit.recording.duration_s)
    found = []
    if fit.recording.step_s > LONGEST_STEP_S:
        hours = fit.recording.step_s / SECONDS_PER_HOUR
        found.append(f"The course of the day: a step is {hours:g} hours, so all hours of a day are alike.")
    elif days < 1 - 1e-9:
        found.append(f"The course of the day: {days * 24:.3g} hours show one level only.")
    if days < 7 - 1e-9:
        found.append("The course of the week: less than a week was recorded, so every day has the same hours.")
    elif fit.course.kind == "day":
        found.append("The course of the week: the weekdays are not known and the days do not fall into two kinds.")
    elif fit.course.kind == "weekdays_and_weekends":
        found.append("Differences between Monday and Friday: less than three weeks were recorded.")
    if days < 365:
        found.append("Growth and the seasons of the year: less than a year was recorded; growth is left out.")
    return found


def _of_the_clock(fit: Fit) -> list[str]:
    if fit.clock.start_known:
        return []
    found = ["The date: the file tells offsets only, so its first step is assumed to be a midnight; give --start."]
    if fit.clock.weekdays_known:
        found.append(f"The weekdays: found in the numbers; day one is assumed to be a {fit.clock.start:%A}.")
    return found


def _of_the_noise(fit: Fit) -> list[str]:
    step_s, span_s = fit.step_s, fit.recording.duration_s
    seen = {MEMORIES_S[name] for name in fit.noise.names}
    longer = [memory_s for memory_s in MEMORIES_S.values() if memory_s > max(seen, default=0.0)]
    found = []
    if step_s > 2 * SECONDS_PER_MINUTE:
        added = "" if step_s == fit.recording.step_s else ", added up as there are few requests"
        found.append(f"Noise from minute to minute: a step is {step_s / SECONDS_PER_MINUTE:g} minutes{added}.")
    if longer:
        span = _duration(span_s)
        found.append(f"Noise that remembers {_duration(longer[0])} or longer: {span} were recorded, less its course.")
    if fit.noise.taylor_sd is None:
        found.append("How noise falls with the load: the exponent of Taylor's law is assumed.")
    return found


def _duration(seconds: float) -> str:
    """In the unit that reads best."""
    for unit_s, unit in ((SECONDS_PER_DAY, "days"), (SECONDS_PER_HOUR, "hours")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.3g} {unit}"
    return f"{seconds / SECONDS_PER_MINUTE:.3g} minutes"


def _of_jobs(fit: Fit) -> list[str]:
    if fit.step_s < TOO_COARSE_S - 1e-6:
        return []
    minutes = fit.step_s / SECONDS_PER_MINUTE
    return [f"Scheduled jobs: in steps of {minutes:g} minutes they cannot be told from the course of the day."]


def _of_spikes(fit: Fit) -> list[str]:
    weeks = fit.recording.duration_s / (7 * SECONDS_PER_DAY)
    if fit.spikes is None:
        return [f"Rare spikes: none was seen; up to {NONE_SEEN / weeks:.2g} a week would go unseen one time in ten."]
    if fit.spikes.count < FEW:
        return [f"The law of spikes: {fit.spikes.count} seen; exponent and spread of half-lives are assumed."]
    return []


def _of_gaps(fit: Fit) -> list[str]:
    if not fit.outage_steps:
        return []
    return [f"Demand in {fit.outage_steps} steps without a request where many are usual: taken for a gap or an outage."]
