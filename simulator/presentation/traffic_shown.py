"""What card and chart show of a demand: the draw of a scenario or a recording, with its statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import NormalDist

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.random_parts import LengthLaw
from simulator.domain.recordings import Lengths, Recording
from simulator.domain.scenario import Horizon, Scenario
from simulator.domain.traffic import Traffic
from simulator.domain.traffic_moments import idle_share, known_windows, load_duration
from simulator.domain.traffic_statistics import (
    DemandStatistics,
    WindowStatistics,
    demand_statistics,
    duration_words,
    window_statistics,
)
from simulator.domain.units import DAYS_PER_MONTH, SECONDS_PER_HOUR, SECONDS_PER_MINUTE
from simulator.domain.workload import RequestClass
from simulator.simulation.demand import DemandPath, sample_demand

CHART_WINDOWS_S = tuple(minutes * SECONDS_PER_MINUTE for minutes in (1, 2, 3, 5, 10, 15, 20, 30, 60))
LEAST_HOURS = 48  # known, for a load-duration curve of hours
SHARES = np.linspace(0.0, 1.0, 101)
_STRATA = 1_000


@dataclass(frozen=True)
class LengthsShown:
    """Lengths of prompts or of answers. [tokens]

    `quantiles` has shape (101,): what a share of 0, 0.01, ..., 1 of the requests does not exceed; empty where unknown.
    """

    mean: float | None
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrafficShown:
    """A demand as it is shown. Arrays over steps have shape (steps,); NaN is unknown."""

    title: str
    timezone: str
    start: datetime | None  # with its offset; None: unknown
    step_s: float
    requests: Array
    input_tokens: Array
    output_tokens: Array
    expected_requests: Array | None  # before counting noise; None: unknown
    statistics: DemandStatistics
    load_window_s: float  # of the load-duration curve
    load_duration: Array  # (101,): load over the mean reached during 0, 1, ..., 100 % of the windows
    idle_at_peak_share: float  # of a fleet always as large as the busiest of those windows needs
    idle_at_p99_share: float  # of one as large as 99 of 100 windows need
    windows: tuple[WindowStatistics, ...]  # more lengths than the statistics have, for the chart
    lengths: Mapping[str, LengthsShown]  # "prompts" and "answers"
    requests_per_day: float  # the volume; of a recording its mean

    @property
    def tokens_per_day(self) -> float | None:
        """Input and output tokens a day, at the mean lengths; None where those are unknown."""
        means = [one.mean for one in self.lengths.values()]
        if any(mean is None for mean in means):
            return None
        return self.requests_per_day * sum(mean for mean in means if mean is not None)

    @property
    def peak_tokens_per_s(self) -> float | None:
        """Greatest rate of input and output tokens in a step; None where unknown. [tokens/s]"""
        tokens = self.input_tokens + self.output_tokens
        return float(np.nanmax(tokens)) / self.step_s if np.isfinite(tokens).any() else None

    @property
    def duration_s(self) -> float:
        """Length of the demand. [s]"""
        return self.requests.size * self.step_s


@dataclass(frozen=True)
class ScenarioTraffic:
    """The demand of a scenario at its own volume: as it arrives, grown, in its steps; and as it is shown, not grown."""

    scenario: Scenario
    requests_per_month: float  # of month 0
    path: DemandPath
    shown: TrafficShown


def scenario_traffic(scenario: Scenario) -> ScenarioTraffic:
    """Draw the demand of a scenario, and once more in one-minute steps without growth, to be measured.

    The second draw is of the whole horizon, from the same seed and thus of the same random parts. A horizon that is not
    of whole minutes, or is in steps shorter than a minute, keeps its steps.
    """
    mix = scenario.mix
    volume = scenario.traffic.requests_per_month_at(mix.total_tokens)
    path = sample_demand(scenario.traffic, scenario.horizon, scenario.seed, volume).path(volume, mix)
    level = scenario.traffic.model_copy(update={"growth_per_month": 0.0, "growth": None})
    measured = sample_demand(level, _in_minutes(scenario.horizon), scenario.seed, volume).path(volume, mix)
    if not measured.requests.any():
        asked = f"{volume / DAYS_PER_MONTH:g} requests a day"
        raise ValueError(f"traffic: {asked} are so few that none arrives in this draw; nothing can be shown of it")
    shown = _shown(
        scenario.title,
        timezone_of(scenario.traffic),
        measured.start_utc,
        measured.step_s,
        (measured.requests, measured.input_tokens, measured.output_tokens),
        expected_requests=measured.expected_requests,
        counting=scenario.traffic.counts == "poisson",
        lengths=scenario_lengths(scenario),
        volume=volume / DAYS_PER_MONTH,
    )
    return ScenarioTraffic(scenario, volume, path, shown)


def tells_lengths_only(recording: Recording) -> bool:
    """Whether a recording knows how long requests are, but of no step how many there were."""
    has_lengths = recording.input_lengths is not None or recording.output_lengths is not None
    return has_lengths and not np.isfinite(recording.requests).any()


def recorded_lengths(recording: Recording) -> dict[str, LengthsShown]:
    """Lengths of a recording that tells no more than those."""
    laws = {"prompts": recording.input_lengths, "answers": recording.output_lengths}
    return {name: _recorded_lengths(law, None) for name, law in laws.items()}


def recorded_traffic(recording: Recording, timezone: str) -> TrafficShown:
    """A recording as it is shown; raises `ValueError` if it holds no request."""
    shown = _shown(
        recording.source,
        timezone,
        recording.start_utc,
        recording.step_s,
        (recording.requests, recording.input_tokens, recording.output_tokens),
        expected_requests=None,
        counting=True,
        lengths={},
    )
    means = {"prompts": shown.statistics.mean_input_tokens, "answers": shown.statistics.mean_output_tokens}
    laws = {"prompts": recording.input_lengths, "answers": recording.output_lengths}
    lengths = {name: _recorded_lengths(law, means[name]) for name, law in laws.items()}
    return replace(shown, lengths=lengths)


def window_word(window_s: float) -> str:
    """A window as one says 'the busiest ...'."""
    words = {1.0: "second", SECONDS_PER_MINUTE: "minute", SECONDS_PER_HOUR: "hour"}
    return words.get(window_s, duration_words(window_s))


def timezone_of(traffic: Traffic) -> str:
    """Time zone of a demand; of a blend that of its largest part."""
    return max(traffic.shapes.values(), key=lambda shared: shared[0])[1].timezone


def scenario_lengths(scenario: Scenario) -> dict[str, LengthsShown]:
    """Lengths of a scenario's requests over the whole time: its classes, scattered and drifting as it says."""
    laws, recorded = scenario.traffic.token_lengths, scenario.traffic.recorded
    if laws is None and recorded is not None and recorded.input_lengths and recorded.output_lengths:
        return {
            "prompts": _recorded_lengths(recorded.input_lengths, None),
            "answers": _recorded_lengths(recorded.output_lengths, None),
        }
    classes = list(scenario.workload.values())
    plain = LengthLaw()
    return {
        "prompts": _mixed(classes, [one.asked_input_tokens for one in classes], plain if laws is None else laws.input),
        "answers": _mixed(
            classes, [one.asked_output_tokens for one in classes], plain if laws is None else laws.output
        ),
    }


def _recorded_lengths(lengths: Lengths | None, mean: float | None) -> LengthsShown:
    return LengthsShown(mean) if lengths is None else LengthsShown(lengths.mean, lengths.quantiles)


def _mixed(classes: list[RequestClass], means: list[float], law: LengthLaw) -> LengthsShown:
    """Quantiles of a mixture of lognormals, from the middles of equal shares of each."""
    log_sd = float(np.sqrt(law.log_sd**2 + np.log1p(law.drift_relative_sd**2)))
    strata = _STRATA if log_sd > 0 else 1
    normal = NormalDist()
    numbers = np.array([normal.inv_cdf((place + 0.5) / strata) for place in range(strata)])
    scatter = np.exp(log_sd * numbers - 0.5 * log_sd**2)
    lengths = np.concatenate([mean * scatter for mean in means])
    shares = np.repeat([one.share / strata for one in classes], strata)
    order = np.argsort(lengths, kind="stable")
    reached = np.cumsum(shares[order])
    places = np.clip(np.searchsorted(reached, SHARES * reached[-1] - 1e-9), 0, lengths.size - 1)
    mean = sum(one.share * length for one, length in zip(classes, means, strict=True))
    return LengthsShown(mean, tuple(lengths[order][places].tolist()))


def _in_minutes(horizon: Horizon) -> Horizon:
    minutes = horizon.duration_s / SECONDS_PER_MINUTE
    if horizon.step_s <= SECONDS_PER_MINUTE or abs(minutes - round(minutes)) > 1e-6:
        return horizon
    return horizon.model_copy(update={"step_s": SECONDS_PER_MINUTE})


def _shown(
    title: str,
    timezone: str,
    start: datetime | None,
    step_s: float,
    amounts: tuple[Array, Array, Array],
    *,
    expected_requests: Array | None,
    counting: bool,
    lengths: Mapping[str, LengthsShown],
    volume: float | None = None,
) -> TrafficShown:
    requests, input_tokens, output_tokens = amounts
    statistics = demand_statistics(
        requests, step_s, start=start, timezone=timezone, input_tokens=input_tokens, output_tokens=output_tokens,
        counting=counting,
    )  # fmt: skip
    hours = _hourly(requests, step_s)
    loads = requests if hours is None else hours
    curve = load_duration(loads)
    return TrafficShown(
        title=title,
        timezone=timezone,
        start=start,
        step_s=step_s,
        requests=requests,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        expected_requests=expected_requests,
        statistics=statistics,
        load_window_s=step_s if hours is None else SECONDS_PER_HOUR,
        load_duration=curve,
        idle_at_peak_share=idle_share(loads, float(curve[0])),
        idle_at_p99_share=idle_share(loads, float(curve[1])),
        windows=tuple(window_statistics(requests, step_s, window_s) for window_s in CHART_WINDOWS_S),
        lengths=lengths,
        requests_per_day=statistics.mean_requests_per_day if volume is None else volume,
    )


def _hourly(requests: Array, step_s: float) -> Array | None:
    """Requests of the hours; None where an hour is not of whole steps, or too few hours are known."""
    per_hour = round(SECONDS_PER_HOUR / step_s)
    if per_hour < 1 or abs(per_hour * step_s - SECONDS_PER_HOUR) > 1e-6 * SECONDS_PER_HOUR:
        return None
    hours = known_windows(requests, per_hour)
    return hours if hours.size >= LEAST_HOURS and hours.sum() > 0 else None
