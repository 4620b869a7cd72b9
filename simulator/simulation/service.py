"""Service of an option at the scenario's own volume: times to and between tokens, what is turned away, what is up.

At run rate, as the costs it is read beside: no growth. Of a fleet it is simulated, of an API what the scenario says.
Where a service level is given, the queue of a fleet is followed through the steps (`simulator.simulation.latency`);
else its waits are those of the formula and the backlog, which costs next to nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.domain.api_options import ApiOption, ProvisionedOption, RoutedOption
from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import FleetPlan, OptionPlan, Plan
from simulator.domain.scenario import Scenario
from simulator.domain.service_level import ApiLatency, ServiceLevel
from simulator.domain.serving_times import ServingTimes
from simulator.simulation.availability import availability_share
from simulator.simulation.demand import Demand
from simulator.simulation.fleet import StepRecord, serve
from simulator.simulation.latency import Places, latency_report
from simulator.simulation.ledger import settled_fleet
from simulator.simulation.service_table import waits_of
from simulator.simulation.shared_costs import demand_of
from simulator.simulation.step_waits import (
    LONGEST_STEP_SHARE,
    StepWaits,
    hides_cold_starts,
    late_requests,
    left_is_late,
    load_stays,
    percentiles,
    step_waits,
    weighted_times,
)
from simulator.simulation.wait_tally import Times

Method = Literal["formula", "followed", "given"]
NO_SLOTS = "waits not known: give slots"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OptionService:
    """Service of one option at the scenario's own volume. What is None is not known, or nothing is asked of it.

    Shares are of all requests that arrive. `misses` and `not_known` say what of the service level is missed and what
    can't be judged.
    """

    option: str
    kind: str
    method: Method
    wait: Times | None = None
    first_token: Times | None = None
    time_per_token: Times | None = None
    late_share: float | None = None  # first token after the target, or never
    slow_share: float | None = None  # time per token above the target
    unserved_share: float | None = None  # turned away
    overflow_share: float | None = None  # served by an API instead
    availability_share: float | None = None
    serving: ServingTimes | None = None
    given: ApiLatency | None = None
    backlog_mean_wait_s: float | None = None
    why_unknown: str = NO_SLOTS  # of a fleet whose times are None
    misses: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()

    @property
    def meets(self) -> bool | None:
        """Whether the level is met; None: not known."""
        if self.misses:
            return False
        return None if self.not_known else True


def fleet_service(
    plan: Plan, option: FleetPlan, level: ServiceLevel | None, *, followed: bool | None = None
) -> OptionService:
    """Service of a fleet at the scenario's own volume.

    Parameters
    ----------
    plan : Plan
        The scenario.
    option : FleetPlan
        The fleet; it need not be the one in the plan.
    level : ServiceLevel, optional
        What it is held to.
    followed : bool, optional
        Whether the queue is followed through the steps, or the formula taken; left out: where a level is given.

    Returns
    -------
    OptionService
    """
    demand = demand_of(plan)
    option = settled_fleet(plan, option)
    run = serve(option, demand, np.array([plan.requests_per_month]), record=True)
    record = run.record
    assert record is not None
    arriving = float(record.arriving_requests.sum())
    left_share = max(arriving - float(record.served_requests.sum()), 0.0) / arriving if arriving > 0 else 0.0
    left_share = left_share if left_share > 1e-12 else 0.0
    rejects = option.overflow_to is None
    available = None
    if option.failures is not None:
        load = record.arriving_requests / (option.requests_per_s_per_replica * demand.step_s)
        available = availability_share(load, record.ready_replicas, record.arriving_requests, option.failures)
    service = OptionService(
        option=option.name,
        kind=option.kind,
        method="formula",
        unserved_share=left_share if rejects else 0.0,
        overflow_share=0.0 if rejects else left_share,
        availability_share=available,
    )
    serving = option.serving
    if serving is not None and hides_cold_starts(option, record, demand.step_s):
        longest_s = LONGEST_STEP_SHARE * option.cold_start_s
        text = (
            f"waits not known: in steps of {demand.step_s:g} s those who find no replica seem not to wait for a cold "
            f"start of {option.cold_start_s:g} s; give horizon.step_s of at most {longest_s:g}"
        )
        service = dataclasses.replace(service, why_unknown=text)
    elif serving is not None:
        follows = level is not None if followed is None else followed
        service = _with_waits(plan, option, serving, demand, record, service, level, follows=follows)
    return judged(service, level)


def _with_waits(
    plan: Plan,
    option: FleetPlan,
    serving: ServingTimes,
    demand: Demand,
    record: StepRecord,
    service: OptionService,
    level: ServiceLevel | None,
    *,
    follows: bool,
) -> OptionService:
    """The service with its times."""
    waits = step_waits(option, serving, record, demand.step_s, stays=load_stays(demand))
    target_s = None if level is None else level.first_token_s
    arriving = max(float(record.arriving_requests.sum()), 1e-300)
    left = float(record.overflow_requests.sum() + record.queued_requests[-1])
    if follows:
        report = latency_report(
            _in_calls(record, serving.calls_per_request),
            demand.step_s,
            Places(
                option.requests_per_s_per_replica * serving.calls_per_request,
                serving.slots_per_replica,
                serving.service_scv,
            ),
            max_wait_s=option.max_wait_s,
            prefill_s=serving.first_token_at,
            first_token_target_s=target_s,
            table=waits_of(serving.service_scv),
            seed=plan.scenario.seed,
        )
        wait, first_token = report.wait, report.first_token
        left = max(left, report.left_by_chance_requests / serving.calls_per_request)
        late = (report.late_share or 0.0) * (arriving - left)
    else:
        wait, first_token = percentiles(waits, serving)
        late = 0.0 if target_s is None else late_requests(waits, option, serving, target_s)
    serves = bool(np.any(record.served_requests > 0.0))  # none does where no base pays: nobody has a time then
    late_share = None
    if target_s is not None:
        late_share = min((late + (left if left_is_late(option, target_s) else 0.0)) / arriving, 1.0)
    between = serving.time_per_token_at(waits.load)
    slow = None
    if between is not None and level is not None and level.time_per_token_s is not None:
        slow = _slow_share(waits, between, level.time_per_token_s)
    return dataclasses.replace(
        service,
        method="followed" if follows else "formula",
        wait=wait if serves else None,
        first_token=first_token if serves else None,
        time_per_token=None if between is None or not serves else weighted_times(between, waits.requests),
        late_share=late_share,
        slow_share=slow,
        serving=serving,
        backlog_mean_wait_s=float(waits.requests @ waits.backlog_s) / arriving,
    )


def _slow_share(waits: StepWaits, time_per_token_s: np.ndarray, most_s: float) -> float:
    """Share of the requests that stay which are in steps of a longer time per token. [1]"""
    total = float(waits.requests.sum())
    return float(waits.requests @ (time_per_token_s > most_s * (1 + _ROUNDING))) / total if total > 0 else 0.0


def _in_calls(record: StepRecord, calls_per_request: float) -> StepRecord:
    """The record counted in calls, which wait one by one."""
    if calls_per_request == 1.0:
        return record
    counted = ("arriving_requests", "served_requests", "overflow_requests", "queued_requests")
    return dataclasses.replace(record, **{name: getattr(record, name) * calls_per_request for name in counted})


def api_service(plan: Plan, planned: ApiPlan, level: ServiceLevel | None) -> OptionService:
    """Service of an API, as far as the scenario says what it is."""
    from simulator.simulation.ledger import run_rate  # which tallies waits, and so imports this module

    name = planned.name
    option = plan.scenario.options[name]
    latency = option.latency if isinstance(option, ApiOption) else None
    available = option.availability_share if isinstance(option, ApiOption) else None
    unserved: float | None = 0.0
    if isinstance(option, ProvisionedOption | RoutedOption):
        unserved = float(run_rate(plan, name, np.array([plan.scenario.tokens_per_month])).rejected_share[0])
    service = OptionService(
        option=name, kind="api", method="given", unserved_share=unserved, availability_share=available, given=latency
    )
    return judged(service, level)


def judged(service: OptionService, level: ServiceLevel | None) -> OptionService:
    """The service with what of the level it misses, and what nobody knows."""
    if level is None:
        return service
    misses, not_known = [], []
    if level.first_token_s is not None:
        low, high = _late_between(service, level.first_token_s)
        if low > level.late_share + _ROUNDING or (low == level.late_share > 0 and service.given is not None):
            late = _percent(low, level.late_share) if service.given is None else f"more than {_percent(low)}"
            misses.append(f"late {late} of requests, at most {_limit(level)} allowed")
        elif high > level.late_share + _ROUNDING:
            not_known.append("first_token_s")
    if level.time_per_token_s is not None:
        slow = service.slow_share
        tpot_s = None if service.given is None else service.given.tpot_s
        if tpot_s is not None:
            slow = float(tpot_s > level.time_per_token_s)
        if slow is None:
            not_known.append("time_per_token_s")
        elif slow > level.late_share + _ROUNDING:
            text = f"slower than {level.time_per_token_s:g} s a token {_percent(slow, level.late_share)} of requests"
            misses.append(f"{text}, at most {_limit(level)} allowed")
    if level.unserved_share is not None:
        if service.unserved_share is None:
            not_known.append("unserved_share")
        elif service.unserved_share > level.unserved_share + _ROUNDING:
            said = _percent(service.unserved_share, level.unserved_share)
            misses.append(f"turned away {said} of requests, at most {_percent(level.unserved_share)} allowed")
    if level.availability_share is not None:
        if service.availability_share is None:
            not_known.append("availability_share")
        elif service.availability_share < level.availability_share - _ROUNDING:
            said = _percent(service.availability_share, level.availability_share)
            misses.append(f"up for {said} of requests, at least {_percent(level.availability_share)} asked")
    return dataclasses.replace(service, misses=tuple(misses), not_known=tuple(not_known))


def _late_between(service: OptionService, first_token_s: float) -> tuple[float, float]:
    """Least and greatest share of the requests that may be late; an API's percentiles tell it between two of them."""
    if service.late_share is not None:
        return service.late_share, service.late_share
    if service.given is None:
        return 0.0, 1.0
    low, high = 0.0, 1.0
    for share, time_s in service.given.percentiles:
        if time_s > first_token_s:
            low = max(low, share)
        else:
            high = min(high, share)
    return low, high


def _limit(level: ServiceLevel) -> str:
    return _percent(level.late_share)


def _percent(share: float, beside: float | None = None) -> str:
    """A share in percent, to as many digits as tell it from the one it is held against."""
    for digits in (3, 4, 6):
        text = f"{100 * share:.{digits}g}%"
        if beside is None or text != f"{100 * beside:.{digits}g}%":
            break
    return text


_KNOWN: list[tuple[Scenario, OptionPlan, OptionService]] = []  # by identity, as long as they are asked about
_MOST_KEPT = 32


def services_of(plan: Plan) -> dict[str, OptionService]:
    """Service of every compared option of a plan at the scenario's own volume, of those left out for it too."""
    scenario = plan.scenario
    known = {**plan.left_out, **plan.options}
    return {name: service_of(plan, known[name]) for name in (scenario.baseline, *scenario.challengers) if name in known}


def service_of(plan: Plan, option: OptionPlan) -> OptionService:
    """Service of one option at the scenario's own volume; worked out once."""
    for scenario, known, service in _KNOWN:
        if known is option and scenario is plan.scenario:
            return service
    level = plan.scenario.service_level
    service = fleet_service(plan, option, level) if isinstance(option, FleetPlan) else api_service(plan, option, level)
    _KNOWN.append((plan.scenario, option, service))
    del _KNOWN[:-_MOST_KEPT]
    return service
