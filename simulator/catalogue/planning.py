"""A scenario with every reference looked up: options as plain numbers, the figures they stand on, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from simulator.catalogue import hardware, operations, throughput
from simulator.catalogue.api_planning import plan_api
from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.notes import Notes
from simulator.catalogue.rentals import fitting_offer, providers
from simulator.domain.models_and_gpus import (
    Gpu,
    OpenModel,
    RentalOffer,
    ThroughputPoint,
    memory_shortfall_bytes,
    smallest_fitting_gpus,
)
from simulator.domain.options import ApiOption, Engineers, PeopleAndFixed, Replicas, SelfHostedOption
from simulator.domain.plans import FleetPlan, OptionPlan, Overheads, Plan, Staff
from simulator.domain.scenario import Scenario
from simulator.domain.serving import length_ratio, requests_per_s_from_point
from simulator.domain.units import BYTES_PER_GB, TOKENS_PER_MTOK

T = TypeVar("T")

_GIVEN = {
    "output_tokens_per_s": "output tokens/s",
    "total_tokens_per_s": "tokens/s",
    "requests_per_s": "requests/s",
}
# Lengths that differ from the measured ones by more than this factor are worth a word in the report.
_FAR_LENGTH_RATIO = 1.5


def make_plan(scenario: Scenario) -> Plan:
    """Look up everything a scenario refers to. Faults are collected by option, never raised."""
    notes = Notes()
    options: dict[str, OptionPlan] = {}
    for name, option in scenario.options.items():
        overheads = _overheads(name, option, notes)
        planned: OptionPlan | None
        if isinstance(option, ApiOption):
            planned = plan_api(scenario, name, option, overheads, notes)
        else:
            planned = _plan_fleet(scenario, name, option, overheads, notes)
        if planned is not None and name not in notes.faults:
            options[name] = planned
    for name in scenario.options:
        target = scenario.overflow_target(name)
        if name in options and target is not None and target not in options:
            # The overflow can't be priced; what is wrong is told at the API's own keys.
            del options[name]
    return Plan(
        scenario=scenario,
        options=options,
        faults={name: tuple(faults) for name, faults in notes.faults.items()},
        figures=tuple(notes.figures),
        warnings=tuple(dict.fromkeys(notes.warnings)),
    )


def _overheads(name: str, option: PeopleAndFixed, notes: Notes) -> Overheads:
    staff = Staff() if option.engineers is None else _staff(name, option.engineers, notes)
    return Overheads(staff, dict(option.monthly_fixed_usd), dict(option.one_off_usd))


def _staff(name: str, engineers: Engineers, notes: Notes) -> Staff:
    usd_per_year = engineers.usd_per_person_year
    if usd_per_year is None:
        facts = operations.operations()
        usd_per_year = facts.engineer_usd_per_year
        for what, figure in (
            ("engineer's salary a year", facts.engineer_salary_usd_per_year),
            ("loaded cost over salary", facts.loaded_multiplier),
        ):
            notes.use(name, what, f"{figure.value:g}", figure.source, figure.as_of, figure.unverified)
    return Staff(engineers.base_persons, engineers.gpus_per_person, engineers.whole_persons, usd_per_year)


@dataclass(frozen=True)
class _Machine:
    """What a replica is rented on."""

    usd_per_replica_hour: float
    replicas_per_instance: int
    gpus_paid_per_replica: float
    label: str


def _plan_fleet(
    scenario: Scenario, name: str, option: SelfHostedOption, overheads: Overheads, notes: Notes
) -> FleetPlan | None:
    lookup = _Lookup(f"options.{name}", name, notes)
    gpu = lookup.find("gpu", option.gpu, hardware.gpu)
    model = lookup.find("model", option.model, hardware.open_model)
    machine = _machine(scenario, option, lookup)
    if model is not None and gpu is not None:
        _check_memory(scenario, option, model, gpu, lookup)
    requests_per_s = _requests_per_s(scenario, option, lookup) if name not in notes.faults else None
    if requests_per_s is None or machine is None or name in notes.faults:
        return None
    replicas = option.replicas
    if machine.replicas_per_instance > 1 and not replicas.divisible:
        replicas = _whole_machines(option, machine.replicas_per_instance, lookup)
    served_tokens = scenario.mix.total_tokens
    return FleetPlan(
        name=name,
        label=_label(option, machine),
        seconds_per_request=1.0 / requests_per_s,
        usd_per_replica_hour=machine.usd_per_replica_hour,
        gpus_paid_per_replica=machine.gpus_paid_per_replica,
        autoscaling=option.autoscaling,
        replicas=replicas,
        cold_start_s=option.cold_start_s,
        billing_from=option.billing_from,
        max_wait_s=option.max_wait_s,
        overflow_to=scenario.overflow_target(name),
        rejected_usd_per_request=option.rejected_usd_per_request,
        variable_usd_per_request=option.variable_usd_per_mtok * served_tokens / TOKENS_PER_MTOK,
        overheads=overheads,
    )


@dataclass(frozen=True)
class _Lookup:
    """Look-ups of one option; what fails becomes a fault at its key."""

    path: str
    name: str
    notes: Notes

    def find(self, key: str, identifier: str | None, find: Callable[[str], T]) -> T | None:
        if identifier is None:
            return None
        try:
            return find(identifier)
        except UnknownId as error:
            self.fault(key, str(error))
            return None

    def fault(self, key: str, text: str, *, infeasible: bool = False) -> None:
        self.notes.fault(self.name, f"{self.path}.{key}" if key else self.path, text, infeasible=infeasible)


def _machine(scenario: Scenario, option: SelfHostedOption, lookup: _Lookup) -> _Machine | None:
    rental, gpus = option.rental, option.gpus_per_replica
    if rental.provider is None:
        per_instance = rental.gpus_per_instance or gpus
        usd = rental.usd_per_instance_hour
        usd = (rental.usd_per_gpu_hour or 0.0) * per_instance if usd is None else usd
        count = per_instance // gpus
        return _Machine(usd / count, count, per_instance / count, option.gpu or "own GPUs")
    offer = _offer(scenario, option, lookup)
    if offer is None:
        return None
    usd = offer.usd_per_hour
    if rental.usd_per_gpu_hour is not None:
        usd = rental.usd_per_gpu_hour * offer.gpus_per_instance
    elif rental.usd_per_instance_hour is not None:
        usd = rental.usd_per_instance_hour
    else:
        what = f"rent of {offer.sku} ({offer.gpus_per_instance} x {offer.gpu}), {offer.contract}, {offer.region}"
        lookup.notes.use(
            lookup.name, what, f"{offer.usd_per_hour:g} USD/h", offer.source, offer.as_of, offer.unverified
        )
        if offer.note:
            lookup.notes.warn(f"{lookup.name}: {offer.sku}: {offer.note}")
    count = offer.replicas_per_instance(gpus)
    return _Machine(usd / count, count, offer.gpus_per_instance / count, f"{rental.provider} {offer.sku}")


def _offer(scenario: Scenario, option: SelfHostedOption, lookup: _Lookup) -> RentalOffer | None:
    rental = option.rental
    if rental.provider not in providers():
        lookup.fault("rental.provider", str(UnknownId(str(rental.provider), providers())))
        return None
    if option.gpu is None or option.gpu not in hardware.gpu_ids():
        return None
    try:
        return fitting_offer(
            option.gpu,
            option.gpus_per_replica,
            str(rental.provider),
            rental.contract,
            rental.region,
            rental.sku,
            on=scenario.horizon.start,
        )
    except NoOffer as error:
        lookup.fault("rental", str(error), infeasible=True)
        return None
    except UnknownId as error:
        lookup.fault("rental.region", str(error))
        return None


def _check_memory(scenario: Scenario, option: SelfHostedOption, model: OpenModel, gpu: Gpu, lookup: _Lookup) -> None:
    longest = max(request.total_tokens for request in scenario.workload.values())
    missing = memory_shortfall_bytes(model, gpu, option.gpus_per_replica, option.precision, longest)
    if missing <= 0:
        return
    fitting = smallest_fitting_gpus(model, gpu, option.precision, longest)
    more = f"at least {fitting} GPUs" if fitting is not None else "a GPU with more memory"
    lookup.fault(
        "gpus_per_replica",
        f"is {option.gpus_per_replica}, but {model.id} in {option.precision} lacks {missing / BYTES_PER_GB:.1f} GB on "
        f"{option.gpus_per_replica} x {gpu.id}; must have {more}, or fewer bits",
        infeasible=True,
    )


def _requests_per_s(scenario: Scenario, option: SelfHostedOption, lookup: _Lookup) -> float | None:
    """Requests a replica serves per second at full load, for the scenario's mix; None: a fault was noted."""
    given, mix = option.throughput, scenario.mix
    if given is not None and given.measured is None:
        value = next(
            f"{getattr(given, key):g} {unit}" for key, unit in _GIVEN.items() if getattr(given, key) is not None
        )
        lookup.notes.use(
            lookup.name, "throughput of a replica", value, given.source or "given in the scenario", None, False
        )
    if given is not None and given.requests_per_s is not None:
        return given.requests_per_s
    if given is not None and given.total_tokens_per_s is not None:
        return given.total_tokens_per_s / mix.total_tokens
    if given is not None and given.output_tokens_per_s is not None:
        if mix.output_tokens <= 0:
            text = "must not be given for requests without output; give total_tokens_per_s or requests_per_s"
            lookup.fault("throughput.output_tokens_per_s", text)
            return None
        return given.output_tokens_per_s / mix.output_tokens
    if mix.output_tokens <= 0:
        text = "is measured by output tokens, not to be had for requests without output"
        text += "; give total_tokens_per_s or requests_per_s"
        lookup.fault("throughput", text)
        return None
    point = _measured(scenario, option, lookup)
    if point is None:
        return None
    what = f"throughput of {point.gpus} x {point.gpu}, {point.model} {point.precision}, {point.engine}"
    what += f" {point.engine_version}" if point.engine_version else ""
    what += f" at {point.input_tokens:g} in, {point.output_tokens:g} out"
    value = f"{point.output_tokens_per_s:g} output tokens/s"
    lookup.notes.use(lookup.name, what, value, point.source, point.as_of, point.unverified)
    ratio = length_ratio(point, mix.input_tokens, mix.output_tokens)
    if ratio > _FAR_LENGTH_RATIO:
        lookup.notes.warn(
            f"{lookup.name}: throughput was measured at {point.input_tokens:g} in, {point.output_tokens:g} out, the "
            f"scenario's mean is {mix.input_tokens:g} in, {mix.output_tokens:g} out; the lower "
            "of the readings by output and by all tokens is used"
        )
    return requests_per_s_from_point(point, mix.input_tokens, mix.output_tokens)


def _measured(scenario: Scenario, option: SelfHostedOption, lookup: _Lookup) -> ThroughputPoint | None:
    mix, wanted = scenario.mix, None if option.throughput is None else option.throughput.measured
    if wanted is not None and wanted != "nearest":
        point = lookup.find("throughput.measured", wanted, throughput.throughput_point)
        if point is not None and (point.gpus != option.gpus_per_replica or (option.gpu or point.gpu) != point.gpu):
            text = f"is '{wanted}', measured on {point.gpus} x {point.gpu}, must be measured on the replica's GPUs"
            lookup.fault("throughput.measured", f"{text}, {option.gpus_per_replica} x {option.gpu or point.gpu}")
            return None
        return point
    point = throughput.nearest_throughput_point(
        str(option.model),
        str(option.gpu),
        option.gpus_per_replica,
        option.precision,
        mix.input_tokens,
        mix.output_tokens,
    )
    if point is None:
        lookup.fault("throughput", f"is missing, and {_nothing_measured(option)}")
    return point


def _nothing_measured(option: SelfHostedOption) -> str:
    """That nothing is measured for a replica, and what is measured for its model on its GPU."""
    shape = hardware.open_model(str(option.model)).shape_id
    same = sorted(
        {
            f"{point.gpus} x {point.precision}"
            for point in throughput.all_throughput_points()
            if point.gpu == option.gpu and hardware.open_model(point.model).shape_id == shape
        }
    )
    there_is = f"measured there: {', '.join(same)}" if same else "nothing of that shape is measured on it"
    return (
        f"no measurement of {option.model} in {option.precision} on {option.gpus_per_replica} x {option.gpu} is in the "
        f"catalogue ({there_is}); give output_tokens_per_s, total_tokens_per_s or requests_per_s"
    )


def _whole_machines(option: SelfHostedOption, per_instance: int, lookup: _Lookup) -> Replicas:
    """Limits of a fleet whose machines hold several replicas: machines are paid, and run, whole."""
    limits = option.replicas
    increment = int(np.lcm(limits.increment, per_instance))
    maximum = limits.maximum
    if maximum is not None and maximum % increment:
        maximum -= maximum % increment
        least = increment * -(-max(limits.minimum, 1) // increment)
        if maximum < least:
            text = f"is {limits.maximum}, must be at least {least}: a machine holds {per_instance} replicas"
            lookup.fault("replicas.maximum", text, infeasible=True)
            return limits
        lookup.notes.warn(
            f"{lookup.name}: at most {maximum} replicas instead of {limits.maximum}: machines of {per_instance} "
            "are paid whole"
        )
    return limits.model_copy(update={"increment": increment, "maximum": maximum})


def _label(option: SelfHostedOption, machine: _Machine) -> str:
    parts = [part for part in (option.model, option.gpu and f"{option.gpus_per_replica} x {option.gpu}") if part]
    return " on ".join(parts) if parts else machine.label
