"""Scheduled jobs in a recording: flat blocks that begin at the same time of day on most days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.domain.units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR
from simulator.traces.local_clock import LocalClock, median_over_days

Array = NDArray[Any]  # of float64
Mask = NDArray[np.bool_]
Days = Literal["every_day", "weekdays", "weekends"]

LEAST_DAYS = 4
TOO_COARSE_S = SECONDS_PER_HOUR / 2  # steps from here on show an evening, or a lunch, like a job
MOST_JOBS = 4
LONGEST_SHARE_OF_A_DAY = 0.5
PRESENT_ON = 0.7  # of its days
RAMP_STEPS = 1  # a start within a step, or a little jitter, blurs an edge by so much
LEAST_RISE = 0.5  # of a plateau over what lies beside it
LEAST_RISE_OF_LONG = 3.0  # of one longer than an hour: mornings of an office rise steeply too
LEAST_HEIGHT = 0.4  # of a plateau over the mean
FLATNESS = 0.2  # greatest relative scatter along a plateau
ALIKE = 0.7  # least ratio of what a job brings on weekdays and on weekends, of one that runs on both: else, a course


@dataclass(frozen=True)
class JobFit:
    """One scheduled job, with the errors of its numbers over the days that show it."""

    days: Days
    day_count: int
    share: float
    share_sd: float
    start_hour: float
    start_error_hours: float
    duration_hours: float
    duration_error_hours: float
    volume_relative_sd: float
    start_sd_s: float
    plateau_relative_sd: float


def fit_jobs(clock: LocalClock, requests: Array, step_s: float) -> tuple[tuple[JobFit, ...], Array, Mask]:
    """Jobs, what is left of the requests without them, and the steps that a job covers (or may).

    Notes
    -----
    In the median over days by time of day, the block with the largest volume that is flat, rises and falls within a
    step or two, and stands well above what lies beside it; then the next. Its numbers are means over the days that
    show it. None in steps of half an hour or longer, in which the edges of a job look like those of an evening.
    """
    left, covered = requests.copy(), np.zeros(requests.size, dtype=bool)
    jobs: list[JobFit] = []
    per_day = round(SECONDS_PER_DAY / step_s)
    if step_s >= TOO_COARSE_S - 1e-6:
        return (), left, covered
    if clock.days < LEAST_DAYS or abs(per_day * step_s - SECONDS_PER_DAY) > 1e-6 or per_day < 24:
        return (), left, covered
    slots = np.floor(clock.hours / HOURS_PER_DAY * per_day).astype(np.int64)
    for _ in range(MOST_JOBS):
        days = _by_day(left, slots, per_day)
        block = _best_block(median_over_days(days), float(np.nanmean(requests)))
        if block is None:
            break
        fitted = _job_of_block(days, block, clock, float(np.nansum(requests)), per_day)
        begin, end = block
        inside = np.isin(slots % per_day, np.arange(begin - RAMP_STEPS, end + RAMP_STEPS) % per_day)
        beside = np.isin(slots % per_day, np.array([begin - 2, begin - 3, end + 1, end + 2]) % per_day)
        typical = float(np.nanmedian(left[beside])) if beside.any() else 0.0
        left[inside & np.isfinite(left)] = np.minimum(left[inside & np.isfinite(left)], typical)
        if fitted is None:
            continue
        jobs.append(fitted)
        covered |= inside
    return tuple(sorted(jobs, key=lambda job: -job.share)), left, covered


def _by_day(values: Array, slots: NDArray[np.int64], per_day: int) -> Array:
    """Values by local day and time of day, NaN where unknown. Shape (days, per_day)."""
    table = np.full((int(slots[-1]) // per_day + 1) * per_day, np.nan)
    table[slots] = values
    return table.reshape(-1, per_day)


def _best_block(typical: Array, mean: float) -> tuple[int, int] | None:
    """Begin and end (after the last slot) of the flat block of largest volume in a day that goes round; None: none."""
    size = typical.size
    round_day = np.concatenate((typical, typical, typical))
    best, most = None, 0.0
    for length in range(1, int(size * LONGEST_SHARE_OF_A_DAY) + 1):
        windows = np.lib.stride_tricks.sliding_window_view(round_day, length)[size : 2 * size]
        begin = np.arange(size, 2 * size)
        before = np.maximum(round_day[begin - 2], round_day[begin - 3])
        after = np.maximum(round_day[begin + length + 1], round_day[begin + length + 2])
        base = np.maximum(before, after)
        core = windows[:, 1:-1] if length >= 4 else windows
        middle = core.mean(axis=1)
        height = middle - base
        edges = np.minimum(windows[:, 0], windows[:, -1]) - base
        flat = (core.std(axis=1) <= FLATNESS * height) & (edges >= 0.5 * height)
        rise = LEAST_RISE_OF_LONG if length * HOURS_PER_DAY / size > 1.0 else LEAST_RISE
        good = flat & (height >= LEAST_HEIGHT * mean) & (height >= rise * base)
        volume = np.where(good, height * length, 0.0)
        winner = int(np.argmax(volume))
        if volume[winner] > most:
            most, best = float(volume[winner]), (winner, winner + length)
    return best


def _job_of_block(days: Array, block: tuple[int, int], clock: LocalClock, total: float, per_day: int) -> JobFit | None:
    begin, end = block
    count, size = days.shape
    hours_per_slot = HOURS_PER_DAY / per_day
    line = days.ravel()
    volumes, heights, starts, lengths = (np.full(count, np.nan) for _ in range(4))
    plateaus = np.full((count, end - begin), np.nan)
    margin = max(3, round(0.5 / hours_per_slot), (end - begin) // 3)
    usual_height = float(np.nanmedian(np.take(days, range(begin, end), axis=1, mode="wrap")))
    for day in range(count):
        window = np.arange(day * size + begin - margin, day * size + end + margin)
        if window[0] < 0 or window[-1] >= line.size or np.isfinite(line[window]).mean() < 0.7:
            continue
        known = np.isfinite(line[window])
        filled = np.interp(np.arange(window.size), np.flatnonzero(known), line[window][known])
        excess = filled - min(np.median(filled[: margin - 1]), np.median(filled[1 - margin :]))
        height = float(np.median(excess[margin : margin + end - begin]))
        first, last = _stretch_above(excess, 0.5 * height, margin, margin + end - begin)
        whole = np.isfinite(line[window]).mean() > 0.9  # else its height is known, its ends are not
        volume = max(float(excess[max(first - 1, 0) : last + 2].sum()), 0.0)
        if whole:
            volumes[day] = volume
        if height <= 0.25 * usual_height:
            continue
        core = excess[first + 1 : last] if last - first >= 3 else excess[first : last + 1]
        height = float(np.median(core) if core.size >= 4 else core.max())
        heights[day] = height
        if not whole:
            continue
        # The steps in which the plateau begins and ends are reached in part only.
        early = min(max(excess[first - 1] / height, 0.0), 1.0) if first > 0 else 0.0
        starts[day] = (window[0] + first - day * size + 1 - min(excess[first] / height, 1.0) - early) * hours_per_slot
        lengths[day] = volume / height * hours_per_slot
        inside = np.arange(margin, margin + end - begin)
        inner = (inside > first) & (inside < last)
        plateaus[day, inner] = excess[inside[inner]] / height
    shown = np.isfinite(starts)
    judged = np.isfinite(volumes)
    if shown.sum() < LEAST_DAYS - 1:
        return None
    weekend = np.resize(clock.weekend_like, count) if clock.weekdays_known else None
    kind = _days_of(shown, judged, weekend)
    if kind is None or (kind == "every_day" and weekend is not None and not _alike(volumes, weekend)):
        return None
    seen = volumes[shown]
    number = int(shown.sum())
    relative_sd = float(seen.std(ddof=1) / seen.mean())
    height_sd = float(np.nanstd(heights, ddof=1) / np.nanmean(heights))
    on_days = {"every_day": 1.0, "weekdays": 5.0 / 7.0, "weekends": 2.0 / 7.0}[kind]
    daily_total = total / np.isfinite(line).sum() * per_day
    share = float(seen.mean()) * on_days * min(1.0, shown.sum() / judged.sum() / on_days if on_days == 1.0 else 1.0)
    start_sd_hours = math.sqrt(max(float(starts[shown].var(ddof=1)) - hours_per_slot**2 / 12.0, 0.0))
    return JobFit(
        days=kind,
        day_count=number,
        share=share / daily_total,
        share_sd=share / daily_total * relative_sd / math.sqrt(number),
        start_hour=float(np.mean(starts[shown])) % HOURS_PER_DAY,
        start_error_hours=float(starts[shown].std(ddof=1)) / math.sqrt(number) + hours_per_slot / 4,
        duration_hours=float(np.mean(lengths[shown])),
        duration_error_hours=float(lengths[shown].std(ddof=1)) / math.sqrt(number) + hours_per_slot / 4,
        volume_relative_sd=height_sd,  # at a fixed length the height of a day is its volume
        start_sd_s=start_sd_hours * SECONDS_PER_HOUR,
        plateau_relative_sd=_scatter_along(plateaus[shown]),
    )


def _stretch_above(excess: Array, level: float, begin: int, end: int) -> tuple[int, int]:
    """First and last step of the run above a level that the middle of a block belongs to."""
    below = np.flatnonzero(excess <= level)
    middle = (begin + end) // 2
    before, after = below[below < middle], below[below > middle]
    return (int(before[-1]) + 1 if before.size else 0), (int(after[0]) - 1 if after.size else excess.size - 1)


def _scatter_along(plateaus: Array) -> float:
    """Typical relative scatter along plateaus of shape (days, slots), around the course that all days share."""
    enough = np.isfinite(plateaus).sum(axis=0) >= 3
    if enough.sum() < 3:
        return 0.0
    inner = plateaus[:, enough]
    inner = inner[np.isfinite(inner).any(axis=1)]
    around = inner - np.nanmean(inner, axis=0)
    return float(np.sqrt(np.nanmedian(np.nanmean(around**2, axis=1))))


def _alike(volumes: Array, weekend: Mask) -> bool:
    """Whether weekdays and weekends bring about as much, by their medians; so, too, where one of them is not known."""
    on_weekdays, on_weekends = (volumes[kind & np.isfinite(volumes)] for kind in (~weekend, weekend))
    if on_weekdays.size < 2 or on_weekends.size < 2:
        return True
    less, more = sorted((float(np.median(on_weekdays)), float(np.median(on_weekends))))
    return less >= ALIKE * more


def _days_of(shown: Mask, judged: Mask, weekend: Mask | None) -> Days | None:
    """Days on which a job runs; None where it does so on too few."""
    always: Days | None = "every_day" if shown[judged].mean() >= PRESENT_ON else None
    if weekend is None:
        return always
    on_weekdays = shown[judged & ~weekend].mean() if (judged & ~weekend).any() else 0.0
    on_weekends = shown[judged & weekend].mean() if (judged & weekend).any() else 0.0
    if on_weekdays >= PRESENT_ON and on_weekends <= 1.0 - PRESENT_ON:
        return "weekdays"
    return "weekends" if on_weekends >= PRESENT_ON and on_weekdays <= 1.0 - PRESENT_ON else always
