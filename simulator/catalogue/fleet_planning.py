"""A self-hosted option with its references looked up: what a replica serves, what it costs, and on how many GPUs."""

from __future__ import annotations

import math

from simulator.catalogue import hardware
from simulator.catalogue.answered_elsewhere import with_answers_elsewhere
from simulator.catalogue.cold_start import cold_start_parts
from simulator.catalogue.counts_to_find import check_count_to_find, replicas_on_nodes
from simulator.catalogue.fleet_throughput import chosen_layouts, served_requests_per_s
from simulator.catalogue.layouts import COUNTS_TRIED
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.machines import Machine, machine_of, whole_machines
from simulator.catalogue.notes import Notes
from simulator.catalogue.quotas import quota_of, within_quota
from simulator.catalogue.rent_courses import Rented, rate_on, rent_course, reserved_course, site_courses, spot_course
from simulator.catalogue.replica_draw import replica_draw
from simulator.catalogue.serving_times import serving_times
from simulator.catalogue.work_shares import work_shares
from simulator.domain.options import Rental, SelfHostedOption
from simulator.domain.overheads import Overheads
from simulator.domain.plans import FleetPlan, PlanFault, SpotTerms
from simulator.domain.purchase import BaseTerms
from simulator.domain.rates_over_time import RateCourse
from simulator.domain.scenario import Scenario
from simulator.domain.units import SECONDS_PER_MONTH, TOKENS_PER_MTOK


def plan_fleet(
    scenario: Scenario,
    name: str,
    option: SelfHostedOption,
    overheads: Overheads,
    notes: Notes,
    rented: Rented | None = None,
) -> FleetPlan | None:
    """The fleet as plain numbers; None where something is wrong, which is noted.

    The prices of the scenario's first day hold; `rented` says which part of the horizon that day begins, left out: all.
    """
    lookup = Lookup(f"options.{name}", name, notes)
    lookup.find("gpu", option.gpu, hardware.gpu)
    lookup.find("model", option.model, hardware.open_model)
    are_known = name not in notes.faults
    gpus = option.gpus
    if option.parallelism == "auto" and are_known:
        chosen = _cheapest_layout(scenario, option, lookup)
        if chosen is None:
            return None
        gpus, option = chosen
    machine = machine_of(scenario, option, gpus, lookup)
    requests_per_s = served_requests_per_s(scenario, option, gpus, lookup) if are_known else None
    if requests_per_s is None or machine is None or name in notes.faults:
        return None
    replicas, autoscaling = option.replicas, option.autoscaling
    check_count_to_find(scenario, option, lookup)
    if option.owned is not None and machine.owned is not None:
        replicas, autoscaling = replicas_on_nodes(option.owned, machine.owned.replicas(gpus))
    elif machine.replicas_per_instance > 1 and not replicas.divisible:
        replicas = whole_machines(option, machine.replicas_per_instance, lookup)
    quota = quota_of(option, machine)
    replicas = within_quota(option, replicas, quota, machine, lookup)
    cold_start_s = _cold_start_s(scenario, option, gpus, lookup)
    rented = rented or Rented.of(scenario.horizon)
    reserved = _reserved(scenario, option, gpus, machine, lookup, rented)
    rent = rent_course(option.rental, machine, rented, lookup)
    spot = spot_course(option.spot, machine, rent, rented)
    if name in notes.faults:
        return None
    serving = serving_times(scenario, option, gpus, requests_per_s, lookup)
    planned = FleetPlan(
        name=name,
        serving=serving,
        service_s=None if serving is None else serving.slots_per_replica / requests_per_s,
        failures=option.failures,
        label=_label(option, gpus, machine),
        seconds_per_request=1.0 / requests_per_s,
        usd_per_replica_hour=machine.usd_per_replica_hour if rent is None else rent.first,
        gpus_paid_per_replica=machine.gpus_paid_per_replica,
        autoscaling=autoscaling,
        replicas=replicas,
        cold_start_s=cold_start_s,
        minimum_up_s=option.minimum_up_s,
        reserved=reserved,
        spot=_spot(scenario, option),
        usd_per_spot_replica_hour=_usd_per_spot_replica_hour(scenario, option, machine) if spot is None else spot.first,
        rent_course=rent,
        spot_course=spot,
        billing_period_s=0.0 if option.rental is None else option.rental.billing_period_s,
        sites=site_courses(option.sites or {}, machine, rented, lookup),
        quota=quota,
        billing_from=option.billing_from,
        max_wait_s=option.max_wait_s,
        overflow_to=scenario.overflow_target(name),
        rejected_usd_per_request=option.rejected_usd_per_request,
        variable_usd_per_request=option.variable_usd_per_mtok
        * scenario.served_calls.tokens_per_request
        / TOKENS_PER_MTOK,
        overheads=overheads,
        owned=machine.owned,
        work=work_shares(scenario, option, gpus, requests_per_s, lookup),
        draw=replica_draw(option, gpus, machine, lookup),
    )
    return with_answers_elsewhere(scenario, option, gpus, planned, lookup)


def _cold_start_s(scenario: Scenario, option: SelfHostedOption, gpus: int, lookup: Lookup) -> float:
    """From the order of a replica to its first token: as given, or the sum of its parts. [s]"""
    if option.cold_start is None:
        return option.cold_start_s
    try:
        parts = cold_start_parts(
            option.cold_start,
            str(option.model),
            str(option.gpu),
            gpus=gpus,
            precision=option.precision,
            data_parallel=option.data_parallel,
        )
    except ValueError as error:
        lookup.fault("cold_start", str(error))
        return option.cold_start_s
    if parts.total_s > scenario.horizon.duration_s:
        text = f"takes {parts.total_s:.3g} s in all, must be at most the horizon of {scenario.horizon.duration_s:g} s"
        lookup.fault("cold_start", text)
    return parts.total_s


def _reserved(
    scenario: Scenario, option: SelfHostedOption, gpus: int, machine: Machine, lookup: Lookup, rented: Rented
) -> BaseTerms | None:
    """The reserved base with its price; a provider's is that of the same machine at another contract."""
    base = option.reserved
    if base is None:
        return None
    count = None if base.replicas == "auto" else base.replicas
    maximum = option.replicas.maximum
    if count is not None and maximum is not None and count > maximum:
        lookup.fault("reserved.replicas", f"is {count}, must be at most replicas.maximum, {maximum}")
    usd_per_gpu_hour = rate_on(base, scenario.horizon.start)
    if usd_per_gpu_hour is not None:
        usd = usd_per_gpu_hour * machine.gpus_paid_per_replica
        return _base_terms(count, usd, reserved_course(base, usd, machine, rented, lookup))
    rental = option.rental
    if rental is None or rental.provider is None:
        lookup.fault("reserved.usd_per_gpu_hour", "is missing; only a rental from a provider has other contracts")
        return None
    at_contract = Rental(provider=rental.provider, contract=base.contract, region=rental.region)
    found = machine_of(scenario, option.model_copy(update={"rental": at_contract}), gpus, lookup)
    if found is None:
        return None
    usd = found.usd_per_replica_hour
    return _base_terms(count, usd, reserved_course(base, usd, found, rented, lookup))


def _base_terms(count: int | None, usd_per_replica_hour: float, course: RateCourse | None) -> BaseTerms:
    return BaseTerms(count, usd_per_replica_hour if course is None else course.first, course)


def _spot(scenario: Scenario, option: SelfHostedOption) -> SpotTerms | None:
    spot = option.spot
    if spot is None:
        return None
    return SpotTerms(
        share=spot.share,
        interruptions_per_replica_hour=spot.interruptions_per_replica_hour,
        notice_s=spot.notice_s,
        wait_s=spot.wait_s,
        seed=scenario.seed,
    )


def _usd_per_spot_replica_hour(scenario: Scenario, option: SelfHostedOption, machine: Machine) -> float:
    """Price of a replica on spot. [USD/h]"""
    if option.spot is None:
        return 0.0
    usd_per_gpu_hour = rate_on(option.spot, scenario.horizon.start)
    if usd_per_gpu_hour is not None:
        return usd_per_gpu_hour * machine.gpus_paid_per_replica
    return machine.usd_per_replica_hour * (1.0 - (option.spot.discount_share or 0.0))


def _cheapest_layout(
    scenario: Scenario, option: SelfHostedOption, lookup: Lookup
) -> tuple[int, SelfHostedOption] | None:
    """GPUs and layout of the replica whose fleet costs least to rent at the mean demand; None: none will do."""
    costs: list[tuple[float, int, SelfHostedOption]] = []
    faults: dict[int, list[PlanFault]] = {}
    for gpus, laid_out in chosen_layouts(option):
        trial = Lookup(lookup.path, lookup.name, Notes())
        machine = machine_of(scenario, laid_out, gpus, trial)
        requests_per_s = served_requests_per_s(scenario, laid_out, gpus, trial)
        if machine is not None:
            within_quota(option, option.replicas, quota_of(option, machine), machine, trial)
        if machine is not None and requests_per_s and lookup.name not in trial.notes.faults:
            costs.append((_usd_per_hour_at_mean_demand(scenario, option, machine, requests_per_s), gpus, laid_out))
        faults.setdefault(gpus, trial.notes.faults.get(lookup.name, []))
    if not costs:
        _note_why_none(faults, lookup)
        return None
    _, gpus, best = min(costs, key=lambda found: found[:2])
    layout = f"{gpus} GPU{'s' * (gpus > 1)}, experts shared by all" if best.expert_parallel > 1 else f"{gpus} GPUs"
    what = "GPUs of a replica, the cheapest at the mean demand"
    lookup.notes.use(lookup.name, what, layout, "chosen", None, False)
    return gpus, best


def _usd_per_hour_at_mean_demand(
    scenario: Scenario, option: SelfHostedOption, machine: Machine, requests_per_s: float
) -> float:
    """Rent of the replicas that the mean demand takes at the load aimed at, in whole machines. [USD/h]"""
    arriving_per_s = scenario.tokens_per_month / scenario.mix.total_tokens / SECONDS_PER_MONTH
    load_share = getattr(option.autoscaling, "target_share", 1.0)
    wanted = arriving_per_s / (requests_per_s * load_share)
    if option.replicas.divisible:
        return machine.usd_per_replica_hour * max(wanted, option.replicas.minimum)
    step = machine.replicas_per_instance
    whole = max(math.ceil(wanted - 1e-9), option.replicas.minimum, 1)
    return machine.usd_per_replica_hour * step * math.ceil(whole / step)


def _note_why_none(faults: dict[int, list[PlanFault]], lookup: Lookup) -> None:
    """What is wrong whatever the number of GPUs, at its own key, or else why each number will not do."""
    tried = list(faults.values())
    everywhere = [fault for fault in (tried or [[]])[0] if all(fault in others for others in tried)]
    if everywhere:
        lookup.notes.faults.setdefault(lookup.name, []).extend(everywhere)
        return
    reasons = [f"{gpus} GPU{'s' * (gpus > 1)}: {_reason(of_count[0], lookup)}" for gpus, of_count in faults.items()]
    why = "; ".join(reasons) or f"no layout on {', '.join(map(str, COUNTS_TRIED))} GPUs"
    lookup.fault("parallelism", f"is 'auto', but nothing will do: {why}", infeasible=True)


def _reason(fault: PlanFault, lookup: Lookup) -> str:
    key = fault.key.removeprefix(f"{lookup.path}.")
    return f"{key} {fault.text}" if fault.text.startswith("is ") else fault.text


def _label(option: SelfHostedOption, gpus: int, machine: Machine) -> str:
    parts = [part for part in (option.model, option.gpu and f"{gpus} x {option.gpu}") if part]
    return " on ".join(parts) if parts else machine.label
