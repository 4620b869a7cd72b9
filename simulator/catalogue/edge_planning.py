"""An option part of whose requests are answered on the users' devices: what reaches it, and what its overflow costs."""

from __future__ import annotations

from dataclasses import replace

from simulator.catalogue.api_planning import plan_api
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption
from simulator.domain.edge import Edge
from simulator.domain.overheads import Overheads
from simulator.domain.people import PeopleAndFixed
from simulator.domain.plans import FleetPlan
from simulator.domain.request_levers import ResponseCache
from simulator.domain.scenario import Scenario
from simulator.domain.workload import RequestClass, Workload, mix_of


def reaching(scenario: Scenario, option: PeopleAndFixed) -> Scenario:
    """The scenario as an option sees it: what the edge answers is as if a response cache did, at no cost.

    Requests are asked as before, so the volume stays; their shares among what reaches the option may change.
    """
    if option.edge is None:
        return scenario
    workload = {key: _reaching(option.edge, key, request) for key, request in scenario.workload.items()}
    return scenario.model_copy(update={"workload": workload})


def _reaching(edge: Edge, key: str, request: RequestClass) -> RequestClass:
    cache = request.response_cache or ResponseCache(hit_share=0.0)
    unanswered = request.unanswered_share * (1.0 - edge.share_of(key))
    return request.model_copy(update={"response_cache": cache.model_copy(update={"hit_share": 1.0 - unanswered})})


def reaching_share(edge: Edge | None, workload: Workload) -> float:
    """Share of the requests that the edge leaves to the option. [1]"""
    return 1.0 if edge is None else sum(one.share * (1.0 - edge.share_of(key)) for key, one in workload.items())


def _reaching_token_share(edge: Edge | None, workload: Workload) -> float:
    """Share of the tokens that the edge leaves to the option. [1]"""
    if edge is None:
        return 1.0
    tokens = {key: mix_of({key: request}).total_tokens for key, request in workload.items()}
    return sum(each * (1.0 - edge.share_of(key)) for key, each in tokens.items()) / sum(tokens.values())


def beyond_edge(scenario: Scenario, option: PeopleAndFixed, fleet: FleetPlan) -> FleetPlan:
    """The fleet with overflow and penalties of the requests that its own edge leaves, whatever the API's edge does."""
    target = None if fleet.overflow_to is None else scenario.options[fleet.overflow_to]
    seen = reaching(scenario, option)
    kept = reaching_share(option.edge, scenario.workload)
    later = tuple(replace(stage, fleet=beyond_edge(scenario, option, stage.fleet)) for stage in fleet.stages)
    fleet = replace(fleet, stages=later) if later else fleet
    penalty = fleet.rejected_usd_per_request * kept
    token_share = _reaching_token_share(option.edge, scenario.workload)
    fleet = replace(fleet, rejected_usd_per_request=penalty, reaching_share=kept, reaching_token_share=token_share)
    if fleet.deferred is not None:
        waiting = fleet.deferred
        of_waiting = replace(waiting, rejected_usd_per_request=waiting.rejected_usd_per_request * kept)
        fleet = replace(fleet, deferred=of_waiting)
    if not isinstance(target, ApiOption) or (option.edge is None and target.edge is None):
        return fleet
    return replace(fleet, overflow_plan=plan_api(seen, str(fleet.overflow_to), target, Overheads(), Notes()))
