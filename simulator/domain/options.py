"""The ways to serve the demand: tokens bought in one way or another, or a fleet of replicas on rented GPUs."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from simulator.domain.api_options import ApiOption, ProvisionedOption, RoutedOption
from simulator.domain.autoscaling import AutoscalingPolicy, ColdStart, TargetUtilization
from simulator.domain.base import Duration, Flag, Model, NonNegative, Patience, Positive, PositiveWhole, Share, Whole
from simulator.domain.commercial_terms import PriceDecline, check_days_rise
from simulator.domain.escalation import Escalation
from simulator.domain.models_and_gpus import Contract, Precision
from simulator.domain.operating_costs import OperatingCosts, Weeks
from simulator.domain.owning import OwnedHardware
from simulator.domain.purchase import PERIODS_S, BilledBy, ReservedBase, SpotPurchase
from simulator.domain.rates_over_time import TERM_OF_CONTRACT, RentChange, TermMonths
from simulator.domain.service_level import ReplicaFailures, Slots, WhereMissed

SpeculativeFactor = Annotated[Positive, Field(ge=1, le=16)]


def _exactly_one(owner: Model, names: tuple[str, ...], key: str) -> None:
    given = [name for name in names if getattr(owner, name) is not None]
    if len(given) != 1:
        text = f"must hold exactly one of {', '.join(names)}; holds {', '.join(given) or 'none'}"
        raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class Rental(Model):
    """What the GPUs cost by the hour: looked up in the catalogue, or given."""

    provider: str | None = Field(default=None, min_length=1, description="Provider in the catalogue, e.g. aws.")
    contract: Contract = Field(default="on_demand", description="Contract to look up.")
    region: str | None = Field(default=None, min_length=1, description="Region; left out: the cheapest listed.")
    sku: str | None = Field(default=None, min_length=1, description="Name of the machine; left out: the best fit.")
    usd_per_gpu_hour: NonNegative | None = Field(
        default=None, description="Rent of one GPU; replaces the catalogue's price, not its machine. [USD/h]"
    )
    usd_per_instance_hour: NonNegative | None = Field(default=None, description="Rent of one whole machine. [USD/h]")
    gpus_per_instance: PositiveWhole | None = Field(
        default=None, description="GPUs sold together, paid whole; left out: as many as a replica needs. [GPUs]"
    )
    billed_by: BilledBy = Field(
        default="second", description="What is paid whole: one that is begun is paid to its end."
    )
    quota_gpus: PositiveWhole | None = Field(
        default=None,
        description="GPUs that the provider grants in all, reserved, on spot and on demand; left out: no limit. [GPUs]",
    )
    changes: tuple[RentChange, ...] = Field(
        default=(),
        description="Dated changes of the rent, in order of their days; they stand in place of the catalogue's.",
    )
    price_decline: PriceDecline | None = Field(default=None, description="Rent that falls by the year.")
    renewal_months: TermMonths | None = Field(
        default=None,
        description="Term of the contract: the rent stays, and at each renewal is the one asked for then; left out: 12 "
        "or 36 for reserved_1y and reserved_3y, else it moves at once. [months of 730 h]",
    )

    @property
    def billing_period_s(self) -> float:
        """Length of what is paid whole; 0: nothing is. [s]"""
        return PERIODS_S[self.billed_by]

    @field_validator("changes")
    @classmethod
    def _in_order(cls, changes: tuple[RentChange, ...]) -> tuple[RentChange, ...]:
        check_days_rise(changes)
        return changes

    @property
    def term_months(self) -> float | None:
        """How long the contract fixes the rent; None: it moves at once. [months]"""
        return self.renewal_months or TERM_OF_CONTRACT.get(self.contract)

    def on(self, day: date) -> Rental:
        """The rental with the rent of a day, as far as its changes tell."""
        begun = [change for change in self.changes if change.effective_from <= day]
        if not begun:
            return self
        rent = {key: getattr(begun[-1], key) for key in ("usd_per_gpu_hour", "usd_per_instance_hour")}
        return self.model_copy(update=rent)

    @model_validator(mode="after")
    def _priced(self) -> Rental:
        if self.usd_per_gpu_hour is not None and self.usd_per_instance_hour is not None:
            text = "must not be given together with usd_per_gpu_hour"
            raise PydanticCustomError("at_key", "{text}", {"key": "usd_per_instance_hour", "text": text})
        if self.provider is None and self.usd_per_gpu_hour is None and self.usd_per_instance_hour is None:
            text = "is missing; a rental names a provider, or gives usd_per_gpu_hour or usd_per_instance_hour"
            raise PydanticCustomError("at_key", "{text}", {"key": "provider", "text": text})
        for name in ("region", "sku"):
            if self.provider is None and getattr(self, name) is not None:
                text = f"is '{getattr(self, name)}', must be given with a provider only"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        if self.provider is not None and self.gpus_per_instance is not None:
            text = f"is {self.gpus_per_instance}, must not be given with a provider: its machines are in the catalogue"
            raise PydanticCustomError("at_key", "{text}", {"key": "gpus_per_instance", "text": text})
        return self


class Throughput(Model):
    """Throughput of one replica for the request mix of the scenario: given, or measured by you and carried over."""

    output_tokens_per_s: Positive | None = Field(default=None, description="Output tokens at full load. [tokens/s]")
    total_tokens_per_s: Positive | None = Field(default=None, description="Input and output tokens. [tokens/s]")
    requests_per_s: Positive | None = Field(default=None, description="Requests at full load. [requests/s]")
    measured: str | None = Field(
        default=None, min_length=1, description="Id of a published measurement that the estimate is held to."
    )
    measurements: str | None = Field(
        default=None,
        min_length=1,
        description="File of your own benchmark results (vllm bench serve, genai-perf, guidellm, or CSV) that the "
        "estimate is held to; a relative path is looked for beside the scenario file.",
    )
    source: str | None = Field(default=None, description="Where a given figure comes from.")

    @property
    def is_given(self) -> bool:
        """Whether the figure itself is given, so that nothing is estimated."""
        return self.measured is None and self.measurements is None

    @model_validator(mode="after")
    def _one(self) -> Throughput:
        given = ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "measured", "measurements")
        _exactly_one(self, given, "")
        return self


class LatencyTarget(Model):
    """Times that a replica keeps at full load: its batch is kept so small that they hold."""

    tpot_s: Positive | None = Field(default=None, description="Longest mean time per output token. [s]")
    ttft_s: Positive | None = Field(
        default=None, description="Longest mean time to the first token, without waiting for a replica. [s]"
    )


class Replicas(Model):
    """Limits on the number of replicas, applied in this order: spare, minimum, increment, maximum, starts."""

    minimum: Whole = Field(default=1, description="Least number of replicas.")
    maximum: PositiveWhole | None = Field(default=None, description="Greatest number of replicas; left out: none.")
    spare: Whole = Field(default=0, description="Replicas above what the policy wants.")
    increment: PositiveWhole = Field(default=1, description="Replicas come in multiples of this.")
    divisible: Flag = Field(default=False, description="True: replicas may be fractions (no rounding up).")
    max_starts: PositiveWhole | None = Field(
        default=None, description="Replicas started at most in one evaluation period; left out: no limit."
    )
    evaluation_period_s: Duration = Field(
        default=0.0, description="Time between two decisions to start, where max_starts is given; 0: every step. [s]"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.maximum is not None and self.maximum < self.minimum:
            text = f"is {self.maximum}, must be at least minimum {self.minimum}"
            raise PydanticCustomError("at_key", "{text}", {"key": "maximum", "text": text})
        return self


class HardwareChange(Model):
    """Other hardware from a day on: what is given takes the place of the option's keys, what is not stays.

    Where any key of the layout is given, all of it is given anew; null takes a key away.
    """

    effective_from: date = Field(description="First day on which the new hardware serves.")
    gpu: str | None = Field(default=None, min_length=1, description="GPU in the catalogue.")
    gpus_per_replica: PositiveWhole | None = Field(default=None, description="GPUs that one copy spans. [GPUs]")
    parallelism: Literal["given", "auto"] | None = Field(default=None, description="As in the option.")
    tensor_parallel: PositiveWhole | None = Field(default=None, description="GPUs that share every layer. [GPUs]")
    pipeline_parallel: PositiveWhole | None = Field(default=None, description="Stages of the layers.")
    data_parallel: PositiveWhole | None = Field(default=None, description="Groups of one replica.")
    expert_parallel: PositiveWhole | None = Field(default=None, description="GPUs that share the experts.")
    precision: Precision | None = Field(default=None, description="Precision of the weights.")
    kv_precision: Literal["bf16", "fp16", "fp8", "int8"] | None = Field(
        default=None, description="Precision of the key-value cache."
    )
    engine: str | None = Field(default=None, min_length=1, description="Serving engine.")
    engine_version: str | None = Field(default=None, min_length=1, description="Its version.")
    latency: LatencyTarget | None = Field(default=None, description="Times to be kept at full load.")
    prefix_cached_share: Share | None = Field(default=None, description="Share of the input not computed again. [1]")
    speculative_factor: SpeculativeFactor | None = Field(default=None, description="Tokens that one pass yields. [1]")
    rental: Rental | None = Field(default=None, description="What the new GPUs cost by the hour.")
    reserved: ReservedBase | None = Field(default=None, description="Replicas paid whether used or not.")
    spot: SpotPurchase | None = Field(default=None, description="Replicas that may be taken back.")
    throughput: Throughput | None = Field(
        default=None, description="Throughput of one replica; null: estimated from model, GPU and precision."
    )
    autoscaling: AutoscalingPolicy | None = Field(default=None, description="How the new fleet scales.")
    replicas: Replicas | None = Field(default=None, description="Limits on the number of replicas.")
    cold_start_s: Duration | None = Field(default=None, description="From the order to the first token. [s]")
    cold_start: ColdStart | None = Field(default=None, description="Parts of the cold start.")
    minimum_up_s: Duration | None = Field(default=None, description="Least time from order to stop. [s]")
    billing_from: Literal["request", "ready"] | None = Field(default=None, description="When the meter starts.")
    variable_usd_per_mtok: NonNegative | None = Field(
        default=None, description="Cost of every million tokens the fleet serves. [USD per 10^6 tokens]"
    )
    one_off_usd: dict[str, NonNegative] = Field(
        default_factory=dict, description="Cost of the move by name, paid on the day. [USD]"
    )
    overlap_weeks: Weeks = Field(
        default=0.0, description="So long before the day the new fleet is paid as well as the old one. [weeks]"
    )


class SelfHostedOption(OperatingCosts):
    """An open model served by replicas on rented GPUs."""

    kind: Literal["self_hosted"]
    model: str | None = Field(default=None, min_length=1, description="Open model in the catalogue.")
    gpu: str | None = Field(default=None, min_length=1, description="GPU in the catalogue.")
    gpus_per_replica: PositiveWhole | None = Field(
        default=None,
        description="GPUs that one running copy spans; left out: what the parallelism says, else 1. [GPUs]",
    )
    parallelism: Literal["given", "auto"] = Field(
        default="given",
        description="`auto`: as many GPUs as hold the model, meet the latency target and cost least to rent at the "
        "scenario's mean demand.",
    )
    tensor_parallel: PositiveWhole | None = Field(
        default=None, description="GPUs that share every layer; left out: all that the other kinds leave. [GPUs]"
    )
    pipeline_parallel: PositiveWhole = Field(default=1, description="Stages that the layers are divided into.")
    data_parallel: PositiveWhole = Field(default=1, description="Groups of one replica, each with its own sequences.")
    expert_parallel: PositiveWhole = Field(default=1, description="GPUs that share the experts of a mixture.")
    precision: Precision | None = Field(
        default=None, description="Precision of the weights; left out: as published, if the GPU has it, else 16 bit."
    )
    kv_precision: Literal["bf16", "fp16", "fp8", "int8"] = Field(
        default="bf16", description="Precision of the key-value cache."
    )
    engine: str | None = Field(default=None, min_length=1, description="Serving engine; left out: vllm.")
    engine_version: str | None = Field(default=None, min_length=1, description="Its version; left out: a recent one.")
    latency: LatencyTarget = Field(default_factory=LatencyTarget, description="Times to be kept at full load.")
    prefix_cached_share: Share | None = Field(
        default=None,
        description="Share of the input found in the replica's prefix cache and not computed again; left out: the "
        "workload's share of cached input. [1]",
    )
    speculative_factor: SpeculativeFactor = Field(
        default=1.0, description="Tokens that one pass yields with speculative decoding; 1: none. [1]"
    )
    rental: Rental | None = Field(default=None, description="What the GPUs cost by the hour; or they are owned.")
    sites: dict[str, Rental] | None = Field(
        default=None,
        min_length=1,
        description="Several rentals by name, in place of one: regions or clouds, filled up to their quotas, the "
        "cheapest first.",
    )
    reserved: ReservedBase | None = Field(
        default=None, description="Replicas paid whether used or not; the fleet scales above them at the rent."
    )
    spot: SpotPurchase | None = Field(default=None, description="Replicas that are cheaper and may be taken back.")
    owned: OwnedHardware | None = Field(
        default=None, description="Hardware that is bought; all of it runs all the time, and there is no more."
    )
    throughput: Throughput | None = Field(
        default=None, description="Throughput of one replica; left out: estimated from model, GPU and precision."
    )
    slots: Slots | None = Field(
        default=None, description="Places of a replica, for waits; left out: the estimate's, where there is one."
    )
    failures: ReplicaFailures | None = Field(
        default=None, description="How often a replica fails; left out: availability is not known."
    )
    where_service_missed: WhereMissed | None = Field(
        default=None,
        description="What becomes of this fleet where it misses the service level; left out: as the level says.",
    )
    autoscaling: AutoscalingPolicy = Field(
        default_factory=lambda: TargetUtilization(kind="target_utilization"), description="How the fleet scales."
    )
    replicas: Replicas = Field(default_factory=Replicas, description="Limits on the number of replicas.")
    cold_start_s: Duration = Field(default=180.0, description="From the order to the first token. [s]")
    cold_start: ColdStart | None = Field(
        default=None, description="Parts of the cold start, whose sum takes the place of cold_start_s."
    )
    minimum_up_s: Duration = Field(default=0.0, description="Least time from the order of a replica to its stop. [s]")
    billing_from: Literal["request", "ready"] = Field(
        default="request", description="Whether the meter starts with the order or when the replica is ready."
    )
    max_wait_s: Patience = Field(
        default=60.0, description="Work that waited longer leaves as overflow; .inf: no limit. [s]"
    )
    overflow: str | None = Field(
        default=None,
        min_length=1,
        description="API option that serves the overflow, or `reject`; left out: the baseline, else the first API.",
    )
    rejected_usd_per_request: NonNegative = Field(default=0.0, description="Penalty of a rejected request. [USD]")
    variable_usd_per_mtok: NonNegative = Field(
        default=0.0, description="Cost of every million tokens the fleet serves. [USD per 10^6 tokens]"
    )
    escalation: Escalation | None = Field(
        default=None, description="Share of what the fleet serves that an API has to answer once more."
    )
    hardware_changes: tuple[HardwareChange, ...] = Field(
        default=(), description="Other hardware from a day on, in order of the days; not part of the run rate."
    )

    @field_validator("hardware_changes")
    @classmethod
    def _in_order(cls, changes: tuple[HardwareChange, ...]) -> tuple[HardwareChange, ...]:
        check_days_rise(changes)
        return changes

    @property
    def is_throughput_given(self) -> bool:
        """Whether the throughput is given, outright or as slots with a service time, so that nothing is estimated."""
        if self.slots is not None and self.slots.service_s is not None:
            return True
        return self.throughput is not None and self.throughput.is_given

    @property
    def gpus(self) -> int:
        """GPUs of one replica, where they are given."""
        return self.gpus_per_replica or (self.tensor_parallel or 1) * self.pipeline_parallel * self.data_parallel

    @property
    def rentals(self) -> dict[str, Rental]:
        """Every rental by its key."""
        one = {} if self.rental is None else {"rental": self.rental}
        return one | {f"sites.{name}": rental for name, rental in (self.sites or {}).items()}

    @model_validator(mode="after")
    def _complete(self) -> SelfHostedOption:
        if self.slots is not None and self.slots.service_s is not None and self.throughput is not None:
            text = "must not be given with throughput: slots over service_s is one"
            raise PydanticCustomError("at_key", "{text}", {"key": "slots.service_s", "text": text})
        if not self.is_throughput_given:
            for name in ("model", "gpu"):
                if getattr(self, name) is None:
                    text = f"is missing; without a given throughput the {name} must be named"
                    raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        self._check_hardware()
        if any(rental.provider is not None for rental in self.rentals.values()) and self.gpu is None:
            text = "is missing; a rental from a provider is looked up by GPU"
            raise PydanticCustomError("at_key", "{text}", {"key": "gpu", "text": text})
        return self

    @model_validator(mode="after")
    def _laid_out(self) -> SelfHostedOption:
        if self.parallelism == "auto":
            self._check_auto()
        elif self.gpus_per_replica is not None:
            others = self.pipeline_parallel * self.data_parallel
            wanted = (self.tensor_parallel or self.gpus_per_replica / others) * others
            if wanted != self.gpus_per_replica or self.gpus_per_replica % others:
                text = f"is {self.gpus_per_replica}, must be tensor_parallel x pipeline_parallel x data_parallel"
                raise PydanticCustomError("at_key", "{text}", {"key": "gpus_per_replica", "text": text})
        instance = None if self.rental is None else self.rental.gpus_per_instance
        if instance is not None and instance < self.gpus:
            text = f"is {instance}, must be at least gpus_per_replica {self.gpus}"
            raise PydanticCustomError("at_key", "{text}", {"key": "rental.gpus_per_instance", "text": text})
        return self

    def _check_hardware(self) -> None:
        """Refuse GPUs that are neither rented nor owned, or both, and a policy for what can't scale."""
        if self.sites is not None:
            self._check_sites()
        elif (self.rental is None) == (self.owned is None):
            text = "is missing; GPUs are rented, or owned" if self.owned is None else "must not be given with owned"
            raise PydanticCustomError("at_key", "{text}", {"key": "rental", "text": text})
        if self.cold_start is not None:
            self._check_cold_start()
        if self.owned is None:
            return
        for key in ("autoscaling", "replicas", "reserved", "spot", "hardware_changes"):
            if key in self.model_fields_set:
                text = "must not be given with owned: what is bought runs all the time"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if self.parallelism == "auto":
            text = "is 'auto', must be given where the hardware is owned"
            raise PydanticCustomError("at_key", "{text}", {"key": "parallelism", "text": text})

    def _check_sites(self) -> None:
        """Refuse GPUs that are bought in another way beside several sites."""
        for key in ("rental", "owned", "reserved", "spot"):
            if getattr(self, key) is not None:
                text = "must not be given with sites"
                raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})

    def _check_cold_start(self) -> None:
        """Refuse two cold starts, and weights of a model that is not named."""
        text = "must not be given with cold_start_s" if "cold_start_s" in self.model_fields_set else ""
        if self.model is None or self.gpu is None:
            text = "must be given with a model and a gpu, whose weights are loaded"
        if text:
            raise PydanticCustomError("at_key", "{text}", {"key": "cold_start", "text": text})

    def _check_auto(self) -> None:
        for name in ("gpus_per_replica", "tensor_parallel"):
            if getattr(self, name) is not None:
                text = f"is {getattr(self, name)}, must not be given with parallelism auto"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        if self.is_throughput_given:
            text = "is 'auto', must be given where the throughput is: nothing is estimated then"
            raise PydanticCustomError("at_key", "{text}", {"key": "parallelism", "text": text})
        if self.throughput is not None and self.throughput.measurements is not None:
            text = "is 'auto', must be given where measurements are: on how many GPUs is not in the file"
            raise PydanticCustomError("at_key", "{text}", {"key": "parallelism", "text": text})


class DedicatedEndpoint(SelfHostedOption):
    """Replicas of an open model that a host runs for you alone, billed by the hour; may scale to zero."""

    kind: Literal["dedicated_endpoint"]  # type: ignore[assignment]
    usd_per_replica_hour: NonNegative = Field(description="Price of one replica while it runs. [USD/h]")
    scale_to_zero: Flag = Field(default=True, description="Whether no replica runs, and none is billed, without work.")
    idle_timeout_s: Duration = Field(default=300.0, description="Time without work after which a replica stops. [s]")
    rental: SkipJsonSchema[Rental] = Field(default=None, exclude=True)  # type: ignore[assignment]
    sites: SkipJsonSchema[None] = Field(default=None, exclude=True)
    hardware_changes: SkipJsonSchema[tuple[HardwareChange, ...]] = Field(default=(), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _as_fleet(cls, data: Any) -> Any:
        """Say in a fleet's own keys what is not given in them."""
        if not isinstance(data, dict):
            return data
        for key in {"rental", "sites"}.intersection(data):
            text = "must not be given; usd_per_replica_hour is the price"
            raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
        if data.get("hardware_changes"):
            text = "must not be given; the hardware is the host's"
            raise PydanticCustomError("at_key", "{text}", {"key": "hardware_changes", "text": text})
        usd = data.get("usd_per_replica_hour")
        priced = isinstance(usd, int | float) and not isinstance(usd, bool) and 0 <= usd <= 1e24
        degrees = [data.get(key) for key in ("tensor_parallel", "pipeline_parallel", "data_parallel")]
        whole = [degree for degree in degrees if isinstance(degree, int) and not isinstance(degree, bool)]
        gpus = data.get("gpus_per_replica")
        given = gpus if isinstance(gpus, int) and gpus > 0 else max(math.prod(whole), 1)
        least = 0 if data.get("scale_to_zero", True) is True else 1
        defaults: dict[str, Any] = {
            "rental": {"usd_per_instance_hour": float(usd or 0.0) if priced else 0.0, "gpus_per_instance": given},
            "autoscaling": {"kind": "target_utilization"},
            "replicas": {},
        }
        complete = {**defaults, **data}
        idle = data.get("idle_timeout_s", 300.0)
        if isinstance(complete["autoscaling"], dict) and complete["autoscaling"].get("kind") == "target_utilization":
            complete["autoscaling"] = {"stabilisation_s": idle, **complete["autoscaling"]}
        if isinstance(complete["replicas"], dict):
            complete["replicas"] = {"minimum": least, **complete["replicas"]}
        return complete


Option = Annotated[
    ApiOption | ProvisionedOption | RoutedOption | SelfHostedOption | DedicatedEndpoint, Field(discriminator="kind")
]
