"""What running an option takes besides tokens or GPUs, as plain numbers, with what was left out looked up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from simulator.catalogue import hardware, operations
from simulator.catalogue.edge_planning import reaching_share
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.layouts import COUNTS_TRIED
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.machines import machine_of
from simulator.catalogue.notes import Notes
from simulator.catalogue.operations import EgressPrice
from simulator.domain.api_options import ApiOption, ApiUpkeep
from simulator.domain.arithmetic import default_precision
from simulator.domain.edge import Edge
from simulator.domain.models_and_gpus import PRECISION_BYTES, Figure
from simulator.domain.operating_costs import Egress, Logs, Monitoring, OperatingCosts, Storage
from simulator.domain.options import SelfHostedOption
from simulator.domain.overheads import GraduatedRate, Overheads, PeakCost, RepeatedCost, ServedCost, Staff
from simulator.domain.people import Engineers, PeopleAndFixed
from simulator.domain.plans import FleetPlan
from simulator.domain.scenario import Scenario
from simulator.domain.units import BYTES_PER_GB, MONTHS_PER_YEAR, SECONDS_PER_DAY, WEEKS_PER_YEAR

_PER_USD = GraduatedRate((0.0,), (1.0,))
_EVENTS_PER_MILLION = 1e6


@dataclass
class _Items:
    """Cost by name while it is put together; what has one name is one line."""

    monthly: dict[str, float]
    one_off: dict[str, float]
    peak: dict[str, PeakCost] = field(default_factory=dict)
    served: dict[str, ServedCost] = field(default_factory=dict)
    repeated: dict[str, RepeatedCost] = field(default_factory=dict)

    def add_monthly(self, name: str, usd: float) -> None:
        if usd > 0:
            self.monthly[name] = self.monthly.get(name, 0.0) + usd

    def add_once(self, name: str, usd: float) -> None:
        if usd > 0:
            self.one_off[name] = self.one_off.get(name, 0.0) + usd

    def add_peak(self, name: str, *, month: float = 0.0, gpu: float = 0.0, node: float = 0.0) -> None:
        if month + gpu + node > 0:
            self.peak[name] = PeakCost(month, gpu, node)

    def add_served(self, name: str, amount_per_request: float, rate: GraduatedRate) -> None:
        if amount_per_request > 0 and not rate.is_free:
            self.served[name] = ServedCost(amount_per_request, rate)


def overheads_of(scenario: Scenario, name: str, option: PeopleAndFixed, notes: Notes) -> Overheads:
    """Cost of an option that does not follow the tokens asked for; machines still count as one GPU each."""
    lookup = Lookup(f"options.{name}", name, notes)
    items = _Items(dict(option.monthly_fixed_usd), dict(option.one_off_usd))
    staff, weeks = Staff(), 0.0
    person_usd = 0.0
    if option.engineers is not None or (isinstance(option, OperatingCosts) and option.person_weeks > 0):
        person_usd = _usd_per_person_year(option.engineers, lookup)
    if option.engineers is not None:
        staff = _staff(option.engineers, person_usd)
    if option.edge is not None:
        _add_edge(option.edge, option.engineers, items, lookup)
    if isinstance(option, ApiOption) and option.upkeep is not None:
        _add_upkeep(option.upkeep, items, lookup)
    elif isinstance(option, SelfHostedOption):
        gb_month_usd = 0.0 if option.storage is None else _usd_per_gb_month(option.storage, lookup)
        _add_work(option, items, person_usd / WEEKS_PER_YEAR)
        _add_machines(option, items, lookup)
        if option.storage is not None and gb_month_usd > 0:
            _add_storage(option, option.storage, gb_month_usd, items, lookup)
        _add_requests(scenario, option, gb_month_usd, items, lookup)
        weeks = _weeks_until_live(scenario, option, lookup)
    return Overheads(staff, items.monthly, items.one_off, items.peak, items.served, items.repeated, weeks)


def with_whole_machines(scenario: Scenario, option: SelfHostedOption, fleet: FleetPlan) -> FleetPlan:
    """The fleet with what is paid for its machines counted by whole machines."""
    overheads = fleet.overheads
    if not any(cost.usd_per_node_month > 0 for cost in overheads.peak_costs.values()):
        return fleet
    gpus = _gpus_per_machine(scenario, option, fleet)
    costs = {name: replace(cost, gpus_per_node=gpus) for name, cost in overheads.peak_costs.items()}
    return replace(fleet, overheads=replace(overheads, peak_costs=costs))


def _gpus_per_machine(scenario: Scenario, option: SelfHostedOption, fleet: FleetPlan) -> float:
    """GPUs of the machine that the fleet's replicas are on: paid for a replica, times the replicas that it holds."""
    paid = fleet.gpus_paid_per_replica
    if fleet.owned is not None:
        return float(fleet.owned.gpus_per_node)
    for gpus in COUNTS_TRIED if option.parallelism == "auto" else (option.gpus,):
        machine = machine_of(scenario, option, gpus, Lookup("", fleet.name, Notes()))
        if machine is not None and math.isclose(machine.gpus_paid_per_replica, paid):
            return paid * machine.replicas_per_instance
    return paid


def _staff(engineers: Engineers, usd_per_person_year: float) -> Staff:
    return Staff(
        base_persons=engineers.base_persons,
        gpus_per_person=engineers.gpus_per_person,
        whole_persons=engineers.whole_persons,
        usd_per_person_year=usd_per_person_year,
        persons_per_fleet=engineers.persons_per_fleet,
        on_call_persons=float(engineers.on_call_persons),
    )


def _usd_per_person_year(engineers: Engineers | None, lookup: Lookup) -> float:
    """Loaded cost of a person, as given or as in the catalogue; 0 where a fault was noted. [USD per year]"""
    engineers = engineers or Engineers()
    if engineers.usd_per_person_year is not None:
        return engineers.usd_per_person_year
    region, role = engineers.region or operations.DEFAULT_REGION, engineers.role or operations.DEFAULT_ROLE
    try:
        salary, loaded = operations.salary(region, role), operations.loaded_over_salary(region)
    except UnknownId as error:
        lookup.fault(f"engineers.{error.key}", f"{error}; or give usd_per_person_year")
        return 0.0
    what = "engineer's salary a year" if role == operations.DEFAULT_ROLE else f"salary of a {role} a year"
    _use(lookup, what, salary)
    _use(lookup, "loaded cost over salary", loaded)
    return salary.value * loaded.value


def _add_upkeep(upkeep: ApiUpkeep, items: _Items, lookup: Lookup) -> None:
    """What an API takes every month, and once."""
    items.add_monthly("gateway", upkeep.gateway_usd_per_month)
    persons = {"prompt upkeep": upkeep.prompt_upkeep_persons, "drift monitoring": upkeep.drift_monitoring_persons}
    if upkeep.integration_person_weeks > 0 or any(persons.values()):
        usd_per_year = _usd_per_person_year(Engineers(usd_per_person_year=upkeep.usd_per_person_year), lookup)
        for what, number in persons.items():
            items.add_monthly(what, number * usd_per_year / MONTHS_PER_YEAR)
        items.add_once("integration", upkeep.integration_person_weeks * usd_per_year / WEEKS_PER_YEAR)


def _add_edge(edge: Edge, engineers: Engineers | None, items: _Items, lookup: Lookup) -> None:
    """What answering on the users' devices takes once, and every month."""
    usd_per_year = 0.0
    if edge.integration_person_weeks > 0 or edge.upkeep_persons > 0:
        own = edge.usd_per_person_year
        paid = engineers if own is None else Engineers(usd_per_person_year=own)
        usd_per_year = _usd_per_person_year(paid, lookup)
    items.add_once("edge integration", edge.integration_person_weeks * usd_per_year / WEEKS_PER_YEAR + edge.usd_once)
    items.add_monthly("edge upkeep", edge.upkeep_persons * usd_per_year / MONTHS_PER_YEAR + edge.usd_per_month)


def _add_work(option: OperatingCosts, items: _Items, usd_per_week: float) -> None:
    """Work once and every year, and a model trained again and again."""
    migration, review, tuning = option.migration, option.security_review, option.fine_tuning
    if migration is not None:
        items.add_once("migration", migration.person_weeks * usd_per_week)
        yearly_usd = migration.replatforming_person_weeks_per_year * usd_per_week
        items.add_monthly("re-platforming", yearly_usd / MONTHS_PER_YEAR)
    if review is not None:
        items.add_once("security review", review.person_weeks * usd_per_week + review.usd)
    if tuning is not None:
        training_usd = tuning.person_weeks * usd_per_week + tuning.usd
        items.add_once("fine-tuning", training_usd)
        if tuning.repeat_months is not None and training_usd > 0:
            items.repeated["fine-tuning"] = RepeatedCost(training_usd, tuning.repeat_months)


def _add_machines(option: OperatingCosts, items: _Items, lookup: Lookup) -> None:
    """What is paid by the month: for the machines at the month's peak, or whatever their number."""
    items.add_monthly("load balancer", option.load_balancer_usd_per_month)
    items.add_monthly("control plane", option.control_plane_usd_per_month)
    for name, fee in option.licences.items():
        items.add_peak(
            f"licence {name}", month=fee.usd_per_month, gpu=fee.usd_per_gpu_month, node=fee.usd_per_node_month
        )
    if option.monitoring is not None:
        node_usd = _monitoring_usd_per_node(option.monitoring, lookup)
        items.add_peak("monitoring", gpu=option.monitoring.usd_per_gpu_month, node=node_usd)


def _monitoring_usd_per_node(monitoring: Monitoring, lookup: Lookup) -> float:
    if not monitoring.is_looked_up:
        return monitoring.usd_per_node_month or 0.0
    prices = operations.operations().monitoring_usd_per_host_month
    _use(lookup, "monitoring of a machine, USD a month", prices.infrastructure)
    if not monitoring.tracing:
        return prices.infrastructure.value
    _use(lookup, "tracing of requests on a machine, USD a month", prices.tracing)
    return prices.infrastructure.value + prices.tracing.value


def _add_storage(option: SelfHostedOption, storage: Storage, usd: float, items: _Items, lookup: Lookup) -> None:
    """Weights that are kept, and disks of the machines, at `usd` per GB and month."""
    items.add_monthly("storage of weights", storage.copies * _weights_gb(option, storage, lookup) * usd)
    items.add_peak("disks", node=storage.gb_per_node * usd)


def _usd_per_gb_month(storage: Storage, lookup: Lookup) -> float:
    if storage.usd_per_gb_month is not None:
        return storage.usd_per_gb_month
    price = lookup.find("storage.service", storage.service, operations.storage_price)
    if price is None:
        return 0.0
    _use(lookup, f"storage, {storage.service}, USD per GB and month", price)
    return price.value


def _weights_gb(option: SelfHostedOption, storage: Storage, lookup: Lookup) -> float:
    """Weights of one model: as given, else parameters x bytes of the precision it is served in. [GB]"""
    if storage.weights_gb is not None:
        return storage.weights_gb
    model = None
    if option.model in hardware.open_model_ids():
        model = hardware.open_model(str(option.model))
    if model is None or model.parameters is None:
        if option.model is None or model is not None:  # an unknown model is told at its own key
            lookup.fault("storage.weights_gb", "is missing; the catalogue does not know the parameters of the model")
        return 0.0
    precision = option.precision
    if precision is None:
        known = option.gpu in hardware.gpu_ids()
        precision = default_precision(model, hardware.gpu(str(option.gpu))) if known else "bf16"
    return model.parameters.value * PRECISION_BYTES[precision] / BYTES_PER_GB


def _add_requests(
    scenario: Scenario, option: SelfHostedOption, gb_month_usd: float, items: _Items, lookup: Lookup
) -> None:
    """What is paid for every request that the fleet serves."""
    if option.logs is not None:
        usd = _log_usd_per_request(option.logs, gb_month_usd, lookup)
        items.add_served("logs", usd * reaching_share(option.edge, scenario.workload), _PER_USD)
    if option.egress is not None:
        rate = _egress_rate(option, option.egress, lookup)
        calls = scenario.served_calls
        tokens = calls.per_request * calls.output_tokens
        if rate is not None and not rate.is_free and tokens > 0:
            items.add_served("egress", tokens * _bytes_per_token(option.egress, lookup) / BYTES_PER_GB, rate)


def _log_usd_per_request(logs: Logs, gb_month_usd: float, lookup: Lookup) -> float:
    """Taking in, keeping and indexing what one request writes. [USD]"""
    prices = operations.operations().logs
    gb = logs.bytes_per_request / BYTES_PER_GB
    ingest, index = logs.usd_per_gb, logs.usd_per_million_events
    if ingest is None and gb > 0:
        _use(lookup, "taking in logs, USD per GB", prices.ingest_usd_per_gb)
        ingest = prices.ingest_usd_per_gb.value
    if index is None and logs.indexed_events_per_request > 0:
        _use(lookup, "indexing logs, USD per 10^6 events", prices.index_usd_per_million_events)
        index = prices.index_usd_per_million_events.value
    index_usd = logs.indexed_events_per_request * (index or 0.0) / _EVENTS_PER_MILLION
    return gb * ((ingest or 0.0) + logs.kept_months * gb_month_usd) + index_usd


def _egress_rate(option: SelfHostedOption, egress: Egress, lookup: Lookup) -> GraduatedRate | None:
    """Price by the month's amount in GB: as given, else the provider's; None: a fault was noted."""
    if egress.steps:
        return GraduatedRate(
            tuple(step.from_gb for step in egress.steps), tuple(step.usd_per_gb for step in egress.steps)
        )
    if egress.usd_per_gb is not None:
        if not egress.free_gb:
            return GraduatedRate((0.0,), (egress.usd_per_gb,))
        return GraduatedRate((0.0, egress.free_gb), (0.0, egress.usd_per_gb))
    provider = egress.provider or (None if option.rental is None else option.rental.provider)
    listed = operations.operations().egress
    if egress.provider is None and provider not in listed:
        text = f"is missing; egress is listed of {', '.join(sorted(listed))}: name one of them, or give usd_per_gb"
        lookup.fault("egress.provider", text)
        return None
    price = lookup.find("egress.provider", provider, operations.egress_price)
    if price is None:
        return None
    _use_egress(lookup, str(provider), price)
    return GraduatedRate(price.from_gb, price.usd_per_gb)


def _bytes_per_token(egress: Egress, lookup: Lookup) -> float:
    if egress.bytes_per_output_token is not None:
        return egress.bytes_per_output_token
    figure = operations.operations().bytes_per_output_token
    _use(lookup, "bytes of an output token", figure)
    lookup.notes.warn(
        f"{lookup.name}: egress_bytes_assumed: an output token leaves as {figure.value:g} bytes, its text alone; "
        "streamed token by token it takes many times as much: give egress.bytes_per_output_token"
    )
    return figure.value


def _weeks_until_live(scenario: Scenario, option: OperatingCosts, lookup: Lookup) -> float:
    weeks = option.weeks_until_live
    horizon_weeks = scenario.horizon.duration_s / SECONDS_PER_DAY / 7.0
    if weeks > 0 and scenario.overflow_target(lookup.name) is None:
        lookup.fault("weeks_until_live", f"is {weeks:g}, must be given with an API as overflow: until then it answers")
    elif weeks >= horizon_weeks:
        lookup.fault("weeks_until_live", f"is {weeks:g}, must be below the horizon of {horizon_weeks:.3g} weeks")
    return weeks


def _use(lookup: Lookup, what: str, figure: Figure) -> None:
    lookup.notes.use(lookup.name, what, f"{figure.value:g}", figure.source, figure.as_of, figure.unverified)


def _use_egress(lookup: Lookup, provider: str, price: EgressPrice) -> None:
    steps = ", ".join(f"{usd:g} from {start:g} GB" for start, usd in zip(price.from_gb, price.usd_per_gb, strict=True))
    what = f"egress of {provider}, USD per GB by the month's amount"
    lookup.notes.use(lookup.name, what, steps, price.source, price.as_of, price.unverified)
    if price.note:
        lookup.notes.warn(f"{lookup.name}: egress of {provider}: {price.note}")
