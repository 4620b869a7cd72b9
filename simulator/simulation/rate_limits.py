"""The demand against the rate limits of API accounts: what peaks pass, and how long throttled calls wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from simulator.domain.api_options import ApiOption, RoutedOption
from simulator.domain.api_plans import ApiPlan, BilledPart, LimitedAmounts
from simulator.domain.plans import Array, Plan
from simulator.domain.rate_limits import LIMITED, RateLimit, RateLimits
from simulator.domain.scenario import Scenario
from simulator.domain.units import SECONDS_PER_MINUTE
from simulator.domain.workload import Mix
from simulator.simulation.demand import Demand, DemandPath
from simulator.simulation.provisioned import carried_by_step, unit_load
from simulator.simulation.shared_costs import demand_of

UNKNOWN, KEPT, PASSED = "unknown", "kept", "passed"
_REACHED = 1.0 + 1e-9  # a peak of exactly the limit is within it, whatever the rounding of a sum


@dataclass(frozen=True)
class PeakPerMinute:
    """The greatest demand a minute of what one limit counts; `limit` None: it is not limited, or not known."""

    limit_name: str
    peak: float
    limit: float | None
    at_utc: datetime

    @property
    def peak_to_limit(self) -> float | None:
        """How many times over the limit the peak is. [1]"""
        return None if self.limit is None else self.peak / self.limit


@dataclass(frozen=True)
class Throttling:
    """What comes of the calls that do not get through at once: they wait and are retried, first come first served.

    `throttled_share` are calls that come while the limit is used up; `waiting_calls_at_end` had not got through by the
    end of the horizon, and wait as long as it takes after it.
    """

    throttled_share: float = 0.0
    mean_wait_of_throttled_s: float = 0.0
    longest_wait_s: float = 0.0
    calls: float = 0.0
    waiting_calls_at_end: float = 0.0
    first_at_utc: datetime | None = None


@dataclass(frozen=True)
class RateLimitCheck:
    """One part of an option against the limits of the account it goes to.

    `state` is `unknown` where no limits are given, else `kept` or `passed`. `sufficient_tier` is the smallest tier that
    keeps all its limits at every peak; None: none of those given. `window_s` is the time over which peaks are means.
    """

    option: str
    part: str
    state: str
    tier: str | None
    source: str | None
    peaks: tuple[PeakPerMinute, ...]
    throttling: Throttling
    sufficient_tier: str | None
    window_s: float

    @property
    def worst(self) -> PeakPerMinute:
        """The peak that is farthest above its limit; without limits the first."""
        return max(self.peaks, key=lambda peak: peak.peak_to_limit or 0.0)

    @property
    def misses_peaks(self) -> bool:
        """Whether peaks within a step are not seen: its demand is known as a mean over more than a minute."""
        return self.window_s > SECONDS_PER_MINUTE * _REACHED


@dataclass(frozen=True)
class Account:
    """Limits of an account: its tier, and every tier by name, the smallest first."""

    tier: str
    tiers: tuple[tuple[str, RateLimit], ...]
    source: str | None

    @classmethod
    def of(cls, limits: RateLimits | None) -> Account | None:
        """The account as it is given; None: nothing is known of it."""
        return None if limits is None else cls(limits.in_force, tuple(limits.tiers.items()), limits.source)

    @property
    def limit(self) -> RateLimit:
        """Limits in force."""
        return dict(self.tiers)[self.tier]

    def sufficient_tier(self, peaks: Mapping[str, float]) -> str | None:
        """The smallest tier whose limits hold all peaks."""
        return next((name for name, tier in self.tiers if _suffices(tier, peaks)), None)


def rate_limit_checks(plan: Plan, name: str) -> tuple[RateLimitCheck, ...]:
    """An option that buys tokens against its rate limits, part by part, at the scenario's own volume with growth.

    A fleet has none.
    """
    option = plan.options[name]
    if not isinstance(option, ApiPlan):
        return ()
    accounts = tuple(Account.of(limits_of(plan.scenario, name, part.name)) for part in option.parts)
    return _checks(option, accounts, demand_of(plan), plan.mix)


def limits_of(scenario: Scenario, name: str, part: str) -> RateLimits | None:
    """Limits of the account that a part of an option goes to: the option's own, or of the one it hands on to."""
    option = scenario.options[name]
    if isinstance(option, RoutedOption):
        option = scenario.options[part]
    elif isinstance(option, ApiOption) and part != name and option.fallback is not None:
        option = scenario.options[option.fallback.option]
    return option.rate_limits if isinstance(option, ApiOption) else None


@lru_cache(maxsize=32)
def _checks(
    option: ApiPlan, accounts: tuple[Account | None, ...], demand: Demand, mix: Mix
) -> tuple[RateLimitCheck, ...]:
    path = _finest(demand).path(option.requests_per_month, mix)
    return tuple(
        _checked(option.name, part.name, account, _flow(part, option, demand, path, mix), demand.horizon.start_utc)
        for part, account in zip(option.parts, accounts, strict=True)
    )


@dataclass(frozen=True)
class _Flow:
    """What reaches an account, in windows of a minute or of a longer step.

    Arrays of shape (windows,): requests of the scenario, and as many times its mean prompt and answer; `each` says what
    of a request counts.
    """

    window_s: float
    requests: Array
    prompts: Array
    answers: Array
    each: LimitedAmounts

    @property
    def calls(self) -> Array:
        """Calls in each window."""
        return self.requests * self.each.calls

    def per_minute(self, limit_name: str) -> Array:
        """What a limit counts, a minute; made anew each time, for a year of minutes takes room."""
        minutes = self.window_s / SECONDS_PER_MINUTE
        if limit_name == "requests_per_minute":
            return self.requests * (self.each.calls / minutes)
        rates = np.zeros(self.requests.size)
        if limit_name != "output_tokens_per_minute":
            rates += self.prompts * (self.each.input_tokens / minutes)
        if limit_name != "input_tokens_per_minute":
            rates += self.answers * (self.each.output_tokens / minutes)
        return rates


def _flow(part: BilledPart, option: ApiPlan, demand: Demand, path: DemandPath, mix: Mix) -> _Flow:
    """Calls and tokens of a part, without those that provisioned units carry; `path` is told by base steps."""
    left = _left_by_units(part, option, demand, path, mix)
    steps = max(1, int(SECONDS_PER_MINUTE / path.step_s + 1e-9))  # those of less than a minute are added up
    return _Flow(
        steps * path.step_s,
        _in_windows(path.requests, 1.0, left, steps),
        _in_windows(path.input_tokens, mix.input_tokens, left, steps),
        _in_windows(path.output_tokens, mix.output_tokens, left, steps),
        part.limited,
    )


def _left_by_units(part: BilledPart, option: ApiPlan, demand: Demand, path: DemandPath, mix: Mix) -> Array | float:
    """Share of each base step that goes on to the API beside provisioned units. Shape (steps,), or 1."""
    if part.units is None:
        return 1.0
    if part.units.rejects:
        return 0.0
    finest = _finest(demand)
    load = unit_load(part, demand, mix, option.requests_per_month)
    _, carried = carried_by_step(part, finest, mix, path, option.requests_per_month, load)
    return 1.0 - carried


def _finest(demand: Demand) -> Demand:
    """The same demand, its base steps told one by one: minutes where steps are shorter than an hour."""
    if demand.parts == 1:
        return demand
    horizon = demand.horizon.model_copy(update={"step_s": demand.step_s / demand.parts})
    return dataclasses.replace(demand, horizon=horizon, parts=1, month_ends=demand.month_ends * demand.parts)


def _in_windows(per_step: Array, unit: float, left: Array | float, steps: int) -> Array:
    """Sums over windows of so many steps, in units, of what is left; the last window may lack some steps."""
    amounts = per_step * (left / unit if unit > 0 else 0.0)
    return amounts if steps == 1 else np.add.reduceat(amounts, np.arange(0, amounts.size, steps))


def _checked(name: str, part: str, account: Account | None, flow: _Flow, start_utc: datetime) -> RateLimitCheck:
    tier = None if account is None else account.limit
    peaks = []
    for limit_name in LIMITED:
        rates = flow.per_minute(limit_name)
        at = int(np.argmax(rates))
        limit = None if tier is None else getattr(tier, limit_name)
        at_utc = start_utc + timedelta(seconds=at * flow.window_s)
        peaks.append(PeakPerMinute(limit_name, float(rates[at]), limit, at_utc))
    by_name = {peak.limit_name: peak.peak for peak in peaks}
    throttling = Throttling(calls=float(flow.calls.sum()))
    state = UNKNOWN if tier is None else KEPT
    if tier is not None and not _suffices(tier, by_name):
        state, throttling = PASSED, _throttling(flow, tier, start_utc)
    return RateLimitCheck(
        option=name,
        part=part,
        state=state,
        tier=None if account is None else account.tier,
        source=None if account is None else account.source,
        peaks=tuple(peaks),
        throttling=throttling,
        sufficient_tier=None if account is None else account.sufficient_tier(by_name),
        window_s=flow.window_s,
    )


def _suffices(tier: RateLimit, peaks: Mapping[str, float]) -> bool:
    """Whether no peak lies above the tier's limit on it."""
    limits = {name: getattr(tier, name) for name in LIMITED}
    return all(limit is None or peaks[name] <= limit * _REACHED for name, limit in limits.items())


def _throttling(flow: _Flow, tier: RateLimit, start_utc: datetime) -> Throttling:
    """The queue of calls in front of the tier's limits."""
    load = np.zeros(flow.requests.size)
    for name in LIMITED:
        limit = getattr(tier, name)
        if limit is not None:
            np.maximum(load, flow.per_minute(name) / limit, out=load)
    throttling = queue_at_limit(load, flow.calls, flow.window_s)
    first = int(np.argmax(load > _REACHED))
    return dataclasses.replace(throttling, first_at_utc=start_utc + timedelta(seconds=first * flow.window_s))


def queue_at_limit(load: Array, calls: Array, window_s: float) -> Throttling:
    """Calls that wait in front of a limit: a fluid queue, first in first out, with the limit as its rate.

    Parameters
    ----------
    load : array of shape (windows,)
        Demand over the limit; of several limits the one that is tightest in that window. [1]
    calls : array of shape (windows,)
        Calls that come in each window.
    window_s : float
        Length of a window. [s]

    Returns
    -------
    Throttling
        Without its first moment.

    Notes
    -----
    Work is measured in the time that the limit takes to let it through, so what waits is the time that a call coming
    now will wait (Lindley 1952): it grows with load - 1 and never falls below 0. Within a window it is a straight line,
    cut off at 0. Calls are let through in the order of their work.
    """
    growth_s = (load - 1.0) * window_s
    walk = np.cumsum(growth_s)
    after_s = walk - np.minimum(np.minimum.accumulate(walk), 0.0)
    after_s[after_s < 1e-9 * window_s] = 0.0  # rounding of the sums
    before_s = np.concatenate(([0.0], after_s[:-1]))
    # A queue that ends within a window was there for this share of it.
    with np.errstate(divide="ignore", invalid="ignore"):
        ends_at = np.where(before_s > 0, np.clip(before_s / -growth_s, 0.0, 1.0), 0.0)
    queued_share = np.where(after_s > 0, 1.0, ends_at)
    mean_s = 0.5 * (before_s + after_s) * queued_share
    total, throttled = float(calls.sum()), float(calls @ queued_share)
    work_s = np.concatenate(([0.0], np.cumsum(load * window_s)))
    came = np.concatenate(([0.0], np.cumsum(calls)))
    let_through = float(np.interp(work_s[-1] - after_s[-1], work_s, came)) if after_s[-1] > 0 else total
    return Throttling(
        throttled_share=throttled / total if total > 0 else 0.0,
        mean_wait_of_throttled_s=float(calls @ mean_s) / throttled if throttled > 0 else 0.0,
        longest_wait_s=float(after_s.max(initial=0.0)),
        calls=total,
        waiting_calls_at_end=total - let_through,
    )
