"""Options that buy tokens, with every reference looked up: one provider, provisioned units, or several by routing."""

from __future__ import annotations

import dataclasses

from simulator.catalogue.billed_parts import Weights, billed_part
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.notes import Notes
from simulator.catalogue.provisioned_units import unit_offer, unit_providers
from simulator.domain.api_options import ApiOption, ProvisionedOption, RoutedOption
from simulator.domain.api_plans import ApiPlan, BilledPart, ProvisionedUnits
from simulator.domain.overheads import Overheads
from simulator.domain.scenario import Scenario
from simulator.domain.units import TOKENS_PER_MTOK

ROUTER_LINE = "router"


def plan_api(
    scenario: Scenario,
    name: str,
    option: ApiOption,
    overheads: Overheads,
    notes: Notes,
    asked: Weights | None = None,
) -> ApiPlan | None:
    """An API or provisioned units, with the API that stands in for it; None: a fault was noted.

    `asked` are the requests that come to it, by class; left out: all.
    """
    fallback = option.fallback
    kept = 1.0 if fallback is None else 1.0 - fallback.share
    asked = dict.fromkeys(scenario.workload, 1.0) if asked is None else asked
    parts = [_part(scenario, name, option, {key: kept * weight for key, weight in asked.items()}, notes)]
    if fallback is not None and fallback.share > 0:
        weights = {key: fallback.share * weight for key, weight in asked.items()}
        parts.append(_part_elsewhere(scenario, name, fallback.option, weights, notes, f"fallback {fallback.option}"))
    return _plan(scenario, name, parts, overheads, {}, detailed=1)


def plan_routed(
    scenario: Scenario, name: str, option: RoutedOption, overheads: Overheads, notes: Notes
) -> ApiPlan | None:
    """Requests sent to several options, each billed for what it answers; None: a fault was noted."""
    answers = {key: option.answers(key) for key in scenario.workload}
    parts = []
    for target in option.routes:
        weights = {key: of_class[target] for key, of_class in answers.items()}
        if any(weights.values()):
            parts.append(_part_elsewhere(scenario, name, target, weights, notes, target))
    per_request = {}
    router = option.router
    read = sum(c.share * c.unanswered_share * c.mean_input_tokens for c in scenario.workload.values())
    reached = sum(c.share * c.unanswered_share for c in scenario.workload.values())
    usd = router.usd_per_request * reached + router.usd_per_input_mtok * read / TOKENS_PER_MTOK
    if usd > 0:
        per_request[ROUTER_LINE] = usd
    return _plan(scenario, name, parts, overheads, per_request, detailed=0)


def _plan(
    scenario: Scenario,
    name: str,
    parts: list[BilledPart | None],
    overheads: Overheads,
    per_request: dict[str, float],
    detailed: int,
) -> ApiPlan | None:
    billed = [part for part in parts if part is not None]
    if len(billed) < len(parts):
        return None
    return ApiPlan(
        name=name,
        label=", ".join(dict.fromkeys(part.label for part in billed)),
        parts=tuple(billed),
        overheads=overheads,
        requests_per_month=scenario.requests_per_month,
        per_request_usd=per_request,
        detailed=detailed,
    )


def _part_elsewhere(
    scenario: Scenario, name: str, target: str, weights: Weights, notes: Notes, shown_as: str
) -> BilledPart | None:
    """What another option answers for this one; None: it has a fault, told at its own keys."""
    other = scenario.options[target]
    assert isinstance(other, ApiOption)
    apart = Notes()
    part = _part(scenario, target, other, weights, apart, shown_as)
    if part is None or apart.faults:
        if target not in scenario.planned:
            notes.faults.setdefault(target, []).extend(apart.faults.get(target, ()))
        return None
    for figure in apart.figures:
        notes.use(name, figure.what, figure.value, figure.source, figure.as_of, figure.unverified)
    notes.warnings += apart.warnings
    return part


def _part(
    scenario: Scenario, name: str, option: ApiOption, weights: Weights, notes: Notes, shown_as: str | None = None
) -> BilledPart | None:
    part = billed_part(scenario, name, option, weights, notes, shown_as)
    if part is None or not isinstance(option, ProvisionedOption):
        return part
    units = _provisioned(scenario, name, option, part, notes)
    return None if units is None else dataclasses.replace(part, units=units, label=f"{part.label}, provisioned")


def _provisioned(
    scenario: Scenario, name: str, option: ProvisionedOption, part: BilledPart, notes: Notes
) -> ProvisionedUnits | None:
    """The units of an option: as given, else as in the price list."""
    given, path = option.units, f"options.{name}.units"
    usd, carried = given.usd_per_unit_hour, given.input_tokens_per_minute_per_unit
    weight, minimum, increment = given.output_token_weight, given.minimum, given.increment
    cached_weight = given.cached_token_weight
    if usd is None or carried is None:
        if option.provider is None or option.model is None:
            key = "provider" if option.provider is None else "model"
            listed = f"units are listed by provider, one of {', '.join(unit_providers())}, and model"
            instead = "or give units.usd_per_unit_hour and units.input_tokens_per_minute_per_unit"
            notes.fault(name, f"options.{name}.{key}", f"is missing; {listed}, {instead}")
            return None
        try:
            offer = unit_offer(option.provider, option.model, given.scope, given.contract, scenario.horizon.start)
        except UnknownId as error:
            notes.fault(name, f"options.{name}.{error.key}", str(error))
            return None
        usd = offer.usd_per_unit_hour if usd is None else usd
        carried = offer.input_tokens_per_minute_per_unit if carried is None else carried
        weight = offer.output_weight if weight is None else weight
        minimum = offer.minimum_units if minimum is None else minimum
        increment = offer.unit_step if increment is None else increment
        cached_weight = offer.cached_input_weight if cached_weight is None else cached_weight
        if given.count is not None and (given.count < (minimum or 0) or given.count % (increment or 1)):
            notes.warn(
                f"{name}: units_not_sold_so: {given.count} units are billed as given; {offer.provider} sells them from "
                f"{minimum} on in steps of {increment}"
            )
        value = f"{usd:g} USD/h, {'?' if carried is None else f'{carried:g}'} input tokens/min, {given.contract}"
        what = f"provisioned units of {offer.model} ({offer.provider}, {given.scope})"
        notes.use(name, what, value, offer.source, offer.as_of, offer.unverified)
    if carried is None:
        text = "is missing; the price list does not say what a unit of this model carries"
        notes.fault(name, f"{path}.input_tokens_per_minute_per_unit", text)
        return None
    if weight is None:
        weight = part.output_to_input_price
        notes.warn(
            f"{name}: output_token_weight_assumed: an output token counts as {weight:g} input tokens on a unit, the "
            "ratio of the model's prices; give units.output_token_weight"
        )
    plain = part.input_tokens - part.cached_tokens
    return ProvisionedUnits(
        usd_per_unit_hour=usd,
        tokens_per_minute_per_unit=carried,
        weighted_input_per_request=plain + (cached_weight or 0.0) * part.cached_tokens,
        weighted_output_per_request=weight * part.output_tokens,
        count=given.count,
        percentile_share=given.percentile_share,
        minimum=minimum or 0,
        increment=increment or 1,
        rejects=given.spill_over == "reject",
    )
