"""What a fleet hands on: what its answers escalate to, and the part of the requests that waits for idle capacity."""

from __future__ import annotations

import dataclasses

from simulator.catalogue.api_planning import plan_api
from simulator.catalogue.billed_parts import Weights
from simulator.catalogue.fleet_throughput import served_requests_per_s
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption
from simulator.domain.api_plans import ApiPlan
from simulator.domain.deferrable import deadline_s, deferred_classes
from simulator.domain.deferred_work import DeferredWork
from simulator.domain.options import SelfHostedOption
from simulator.domain.overheads import Overheads
from simulator.domain.plans import FleetPlan
from simulator.domain.scenario import Scenario
from simulator.domain.serving_times import ServingTimes
from simulator.domain.workload import Workload, mix_of, served_calls_of


def with_answers_elsewhere(
    scenario: Scenario, option: SelfHostedOption, gpus: int, planned: FleetPlan, lookup: Lookup
) -> FleetPlan | None:
    """The fleet with what it hands on; None: it can't be priced, which is told at the API's own keys.

    Where classes can wait, what the plan says of a mean request of the scenario is then of its other classes alone, and
    `deferred` has the rest.
    """
    waiting = deferred_classes(scenario.workload)
    if not waiting and option.escalation is None:
        return planned
    interactive = tuple(name for name in scenario.workload if name not in waiting)
    handing = _HandingOn(scenario, option, planned, lookup)
    with_escalation = dataclasses.replace(planned, escalated_to=handing.escalated(interactive))
    if not waiting:
        return None if handing.has_failed else with_escalation
    of_waiting = {name: scenario.workload[name] for name in waiting}
    work_share = _work_share(scenario, option, gpus, waiting, lookup)
    request_share = sum(request.share for request in of_waiting.values())
    tokens = scenario.served_calls.tokens_per_request
    served_share = served_calls_of(of_waiting).tokens_per_request / tokens if tokens > 0 else 0.0
    deferred = DeferredWork(
        seconds_per_request=planned.seconds_per_request * work_share,
        request_share=request_share,
        token_share=mix_of(of_waiting).total_tokens / scenario.mix.total_tokens,
        deadline_s=deadline_s(scenario.workload),
        interactive_overflow=handing.overflow(interactive),
        overflow=handing.overflow(waiting),
        escalated=handing.escalated(waiting),
        rejected_usd_per_request=planned.rejected_usd_per_request * request_share,
        variable_usd_per_request=planned.variable_usd_per_request * served_share,
    )
    if handing.has_failed:
        return None
    interactive_s = planned.seconds_per_request * (1.0 - work_share)
    of_interactive = {name: scenario.workload[name] for name in interactive}
    serving = planned.serving and _serving_of(planned.serving, of_interactive, interactive_s)
    return dataclasses.replace(
        with_escalation,
        seconds_per_request=interactive_s,
        serving=serving,
        service_s=None if serving is None else serving.slots_per_replica * interactive_s,
        rejected_usd_per_request=planned.rejected_usd_per_request * (1.0 - request_share),
        variable_usd_per_request=planned.variable_usd_per_request * (1.0 - served_share),
        deferred=deferred,
    )


def _serving_of(serving: ServingTimes, classes: Workload, seconds_per_request: float) -> ServingTimes | None:
    """How single requests of some classes are served, which take so much work of a mean request of the scenario."""
    calls = served_calls_of(classes).per_request
    if calls <= 0.0:
        return None
    return dataclasses.replace(
        serving, calls_per_request=calls, service_s=serving.slots_per_replica * seconds_per_request / calls
    )


class _HandingOn:
    """Prices of what some classes of a fleet's requests cost at other options, at list prices."""

    def __init__(self, scenario: Scenario, option: SelfHostedOption, planned: FleetPlan, lookup: Lookup) -> None:
        self._scenario, self._option, self._overheads = scenario, option, planned.overheads
        self._name, self._notes = lookup.name, lookup.notes
        self._overflow_to = planned.overflow_to
        self.has_failed = False

    def escalated(self, classes: tuple[str, ...]) -> ApiPlan | None:
        """Requests of some classes, each by the share that escalates; None: nothing does."""
        target, escalation = self._scenario.escalation_target(self._name), self._option.escalation
        if target is None or escalation is None:
            return None
        shares = {name: escalation.of_class(name) for name in classes}
        return self._at(target, {name: shares.get(name, 0.0) for name in self._scenario.workload})

    def overflow(self, classes: tuple[str, ...]) -> ApiPlan | None:
        """Requests of some classes at the overflow API; None: they are rejected."""
        if self._overflow_to is None:
            return None
        return self._at(self._overflow_to, {name: float(name in classes) for name in self._scenario.workload})

    def _at(self, target: str, weights: Weights) -> ApiPlan | None:
        if not any(weights.values()):
            return None
        found = _handed_on(self._scenario, self._name, target, weights, self._overheads, self._notes)
        self.has_failed |= found is None
        return found


def _handed_on(
    scenario: Scenario, name: str, target: str, weights: Weights, overheads: Overheads, notes: Notes
) -> ApiPlan | None:
    """What a part of the requests costs at an API, at list prices; None: it has a fault, told at its own keys."""
    other = scenario.options[target]
    assert isinstance(other, ApiOption)
    apart = Notes()
    planned = plan_api(scenario, target, other, overheads, apart, weights)
    if target not in scenario.planned:  # what is planned by itself tells its figures, warnings and faults itself
        if planned is None or apart.faults:
            notes.faults.setdefault(target, []).extend(apart.faults.get(target, ()))
        for figure in apart.figures:
            notes.use(name, figure.what, figure.value, figure.source, figure.as_of, figure.unverified)
        notes.warnings += apart.warnings
    return None if planned is None or apart.faults else planned.at_list_prices


def _work_share(
    scenario: Scenario, option: SelfHostedOption, gpus: int, waiting: tuple[str, ...], lookup: Lookup
) -> float:
    """Share of the fleet's work that is of the classes that can wait. [1]

    The work of the whole mix, which is what the fleet is planned with, is divided in the ratio in which each part would
    take it by itself; where one of them can't be estimated alone (no output), in the ratio of their tokens.
    """
    seconds, tokens = [], []
    for names in (waiting, [name for name in scenario.workload if name not in waiting]):
        share = sum(scenario.workload[name].share for name in names)
        alone: Workload = {
            name: request.model_copy(update={"share": request.share / share})
            for name, request in scenario.workload.items()
            if name in names
        }
        part = scenario.model_copy(update={"workload": alone})
        served = served_requests_per_s(part, option, gpus, Lookup(lookup.path, lookup.name, Notes()))
        seconds.append(share / served if served else None)
        tokens.append(share * part.served_calls.tokens_per_request)
    deferred, interactive = seconds
    if deferred is None or interactive is None:
        deferred, interactive = tokens
    return deferred / (deferred + interactive)
