"""Levers on the options: another model, a router, fewer bits, cheaper contracts, fuller machines."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from simulator.domain.api_options import ApiOption
from simulator.domain.autoscaling import FixedFleet, TargetUtilization
from simulator.domain.base import NonNegative, PositiveShare, PositiveWhole, Share
from simulator.domain.lever_moves import Lever, LeverCase, LeverFigure, Move, Moves, NotRun
from simulator.domain.models_and_gpus import Contract, Precision
from simulator.domain.options import DedicatedEndpoint, SelfHostedOption

_FEWER_BITS: dict[Precision | None, tuple[Precision, ...]] = {
    None: ("fp8", "int8", "int4"),
    "bf16": ("fp8", "int8", "int4"),
    "fp16": ("fp8", "int8", "int4"),
    "fp8": ("int4",),
    "int8": ("int4",),
    "w8a16": ("int4",),
}
_NO_API = NotRun("no API is compared")
_NO_FLEET = NotRun("no fleet is compared")
_NO_CHEAPER = "and no other API of the scenario costs less"


class Routing(Lever):
    """A share of the API's requests goes to a cheaper model; overflow of fleets goes where it went."""

    key: ClassVar[str] = "routing"
    title: ClassVar[str] = "routing"
    routed_share: Share | None = Field(
        default=None,
        description="Share of the requests that the cheaper model answers; left out: the published one. [1]",
    )
    api_model: str | None = Field(
        default=None, min_length=1, description="The cheaper model; left out: the scenario's cheapest other API."
    )
    api_provider: str | None = Field(default=None, min_length=1, description="Its provider, where several have it.")
    escalation_share: Share = Field(
        default=0.0, description="Share of what it answers that the larger model answers once more. [1]"
    )
    usd_per_request: NonNegative = Field(default=0.0, description="Cost of routing one request. [USD]")

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Puts a router before the API side, which takes its place in the comparison."""
        if case.api is None:
            return _NO_API
        share = self.assumed(case, "routed_share")
        if share is None:
            return self.missing("routed_share", "and none is published")
        cheaper = case.cheapest_other_api
        if self.api_model is None and cheaper is None:
            return self.missing("api_model", _NO_CHEAPER)
        scenario, api = case.scenario, case.api
        plain = api.replace(".", "-")[:48]
        router = f"{plain}-routed"
        overrides: dict[str, object] = {}
        if self.api_model is not None:
            cheaper = f"{plain}-smaller"
            overrides[f"options.{cheaper}"] = _api_of(self.api_model, self.api_provider)
        option = scenario.options[api]
        people = option.engineers.model_dump(exclude_unset=True) if option.engineers is not None else None
        fixed = option.monthly_fixed_usd
        overrides[f"options.{router}"] = {
            "kind": "routed",
            "router": {"usd_per_request": self.usd_per_request},
            "routes": {
                str(cheaper): {
                    "share": float(share.value),
                    "escalation_share": self.escalation_share,
                    **({"escalates_to": api} if self.escalation_share else {}),
                },
                api: {"share": 1.0 - float(share.value)},
            },
            **({"engineers": people} if people is not None else {}),
            **({"monthly_fixed_usd": dict(fixed)} if fixed else {}),
        }
        compared = {name: router if name == api else name for name in (scenario.baseline, *scenario.challengers)}
        overrides["comparison"] = {
            "baseline": compared[scenario.baseline],
            "challengers": [compared[name] for name in scenario.challengers],
        }
        for name, fleet in case.fleets.items():
            target = scenario.overflow_target(name)
            if fleet.overflow is None and target is not None:
                overrides[f"options.{name}.overflow"] = target
        to = self.api_model or cheaper
        return [[
            Move(
                overrides,
                f"{share.as_percent} of the API's requests go to {to}",
                (share,),
                stands_in={api: router},
                also_takes=(f"options.{api}.model",),
            )
        ]]  # fmt: skip


class SmallerModel(Lever):
    """A cheaper model for all: the API's, and the fleets' where one is named."""

    key: ClassVar[str] = "smaller_model"
    title: ClassVar[str] = "smaller model"
    api_model: str | None = Field(
        default=None, min_length=1, description="The API's model; left out: the scenario's cheapest other API."
    )
    api_provider: str | None = Field(default=None, min_length=1, description="Its provider, where several have it.")
    fleet_model: str | None = Field(
        default=None, min_length=1, description="The fleets' model, of the catalogue; left out: they keep theirs."
    )
    fleet_gpus_per_replica: PositiveWhole | None = Field(
        default=None, description="GPUs of one replica with it; left out: as many as before. [GPUs]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Sets the model of the API side, and that of every fleet whose throughput is estimated."""
        found: Moves = []
        if case.api is not None and (self.api_model is not None or case.cheapest_other_api is not None):
            found.append([self._at_the_api(case, case.api)])
        if self.fleet_model is not None:
            found += [[self._at_a_fleet(name)] for name, fleet in case.fleets.items() if not fleet.is_throughput_given]
        return found or self.missing("api_model", f"{_NO_CHEAPER}; nor is fleet_model")

    def _at_the_api(self, case: LeverCase, api: str) -> Move:
        name = case.cheapest_other_api
        if self.api_model is not None:
            keys: dict[str, object] = {"model": self.api_model, "provider": self.api_provider, "prices": None}
        else:
            other = case.scenario.options[str(name)]
            assert isinstance(other, ApiOption)
            keys = {
                "model": other.model,
                "provider": other.provider,
                "prices": None if other.prices is None else other.prices.model_dump(exclude_unset=True),
                "terms": other.terms.model_dump(exclude_unset=True),
            }
        overrides = {f"options.{api}.{key}": value for key, value in keys.items()}
        return Move(overrides, f"{api} answers with {self.api_model or name}")

    def _at_a_fleet(self, name: str) -> Move:
        overrides: dict[str, object] = {f"options.{name}.model": self.fleet_model}
        if self.fleet_gpus_per_replica is not None:
            overrides[f"options.{name}.gpus_per_replica"] = self.fleet_gpus_per_replica
        return Move(overrides, f"{name} runs {self.fleet_model}")


class Quantization(Lever):
    """Weights of fewer bits: the throughput is the estimate's for them."""

    key: ClassVar[str] = "quantization"
    title: ClassVar[str] = "quantization"
    precision: Precision | None = Field(
        default=None,
        description="Precision of the weights; left out: that of FP8, INT8 and 4 bit with the highest throughput.",
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Sets the precision of every fleet whose throughput is estimated."""
        if not case.fleets:
            return _NO_FLEET
        found: Moves = []
        for name, fleet in case.fleets.items():
            if fleet.is_throughput_given:
                continue
            tried = (self.precision,) if self.precision is not None else _FEWER_BITS.get(fleet.precision, ())
            moves = [
                Move({f"options.{name}.precision": bits}, f"{name} in {bits}", fleet=name)
                for bits in tried
                if bits != fleet.precision
            ]
            if moves:
                found.append(moves)
        return found or NotRun("the throughput of every fleet is given, or its weights have four bits already")


class BetterUtilization(Lever):
    """A fleet of fixed size follows the demand instead; one that follows it already aims higher."""

    key: ClassVar[str] = "utilization"
    title: ClassVar[str] = "better utilization"
    target_share: PositiveShare | None = Field(
        default=None, description="Load over capacity that fleets aim at; left out: the published one. [1]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Sets the target of fleets that are of fixed size or aim lower."""
        if not case.fleets:
            return _NO_FLEET
        target = self.assumed(case, "target_share")
        if target is None:
            return self.missing("target_share", "and none is published")
        found: Moves = []
        for name, fleet in case.fleets.items():
            policy = fleet.autoscaling
            if fleet.owned is not None or isinstance(fleet, DedicatedEndpoint):
                continue
            key = f"options.{name}.autoscaling"
            said = f"{name} aims at a load of {target.value:.3g}"
            if isinstance(policy, FixedFleet) and policy.count == "auto":
                continue  # as many as cost least beside the API
            if isinstance(policy, FixedFleet):
                scaled = {"kind": "target_utilization", "target_share": target.value}
                found.append([Move({key: scaled}, said, (target,))])
            elif isinstance(policy, TargetUtilization) and policy.target_share < float(target.value):
                found.append([Move({f"{key}.target_share": target.value}, said, (target,))])
        return found or NotRun(f"in use already: no fleet is of fixed size or aims below {target.value:.3g}")


class Reserved(Lever):
    """A base of replicas on a contract, as large as costs least; the fleet scales above it at the rent."""

    key: ClassVar[str] = "reserved"
    title: ClassVar[str] = "reserved"
    contract: Contract = Field(default="reserved_1y", description="Contract to look up at the provider.")
    usd_per_gpu_hour: NonNegative | None = Field(
        default=None, description="Rent of one reserved GPU; left out: the provider's at the contract. [USD/h]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Reserves a base in every rented fleet that has none."""
        found: Moves = []
        unlisted = []
        for name, fleet in rented(case).items():
            is_listed = fleet.rental is not None and fleet.rental.provider is not None
            if fleet.reserved is None and self.usd_per_gpu_hour is None and not is_listed:
                unlisted.append(name)
            elif fleet.reserved is None:
                base: dict[str, object] = {"replicas": "auto", "contract": self.contract}
                if self.usd_per_gpu_hour is not None:
                    base["usd_per_gpu_hour"] = self.usd_per_gpu_hour
                said = f"{name}: the base that costs least on {self.contract}"
                found.append([Move({f"options.{name}.reserved": base}, said)])
        if not found and unlisted:
            why = f"and the rental of {', '.join(unlisted)} names no provider whose contracts are listed"
            return self.missing("usd_per_gpu_hour", why)
        return found or NotRun("no rented fleet, or all of them have a reserved base already")


class Spot(Lever):
    """All replicas above a reserved base are on spot, and may be taken back."""

    key: ClassVar[str] = "spot"
    title: ClassVar[str] = "spot"
    share: PositiveShare = Field(default=1.0, description="Share of the replicas above a reserved base. [1]")
    discount_share: Share | None = Field(
        default=None, description="Saving on the rent; left out: that of the provider's offer of the GPU. [1]"
    )
    interruptions_per_replica_hour: NonNegative | None = Field(
        default=None, description="How often a replica is taken back; left out: the published one. [1/h]"
    )

    def moves(self, case: LeverCase) -> Moves | NotRun:
        """Puts every rented fleet on spot whose discount is known."""
        taken_back = self.assumed(case, "interruptions_per_replica_hour")
        if taken_back is None:
            return self.missing("interruptions_per_replica_hour", "and none is published")
        fleets = {name: fleet for name, fleet in rented(case).items() if fleet.spot is None}
        if not fleets:
            return NotRun("no rented fleet, or all of them are on spot already")
        found: Moves = []
        for name in fleets:
            discount = case.facts.spot_discounts.get(name)
            if self.discount_share is not None:
                discount = LeverFigure("discount_share", self.discount_share)
            if discount is not None:
                terms = {
                    "share": self.share,
                    "discount_share": discount.value,
                    "interruptions_per_replica_hour": taken_back.value,
                }
                said = f"{name} at {discount.as_percent} off the rent"
                found.append([Move({f"options.{name}.spot": terms}, said, (discount, taken_back))])
        return found or self.missing("discount_share", "and the catalogue has no spot price of the fleets' GPUs")


def rented(case: LeverCase) -> dict[str, SelfHostedOption]:
    """Fleets that are rented at one site, and are no host's."""
    return {
        name: fleet
        for name, fleet in case.fleets.items()
        if fleet.rental is not None and not isinstance(fleet, DedicatedEndpoint)
    }


def _api_of(model: str, provider: str | None) -> dict[str, object]:
    found: dict[str, object] = {"kind": "api", "model": model}
    return found if provider is None else found | {"provider": provider}
