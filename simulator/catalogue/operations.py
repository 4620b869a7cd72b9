"""What people, and what running a fleet takes besides its GPUs, cost; and what waiting saves.

From `prices/operations.yaml` and `prices/batch_multipliers.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from pydantic import Field, model_validator

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, NonNegative, Sourced
from simulator.domain.models_and_gpus import Figure

DEFAULT_REGION = "us"
DEFAULT_ROLE = "mlops-engineer"

FactT = TypeVar("FactT", bound=Sourced)


class EgressPrice(Sourced):
    """What bytes that leave a provider's network cost in a month, in steps."""

    from_gb: tuple[NonNegative, ...] = Field(min_length=1, description="Where each step begins. [GB per month]")
    usd_per_gb: tuple[NonNegative, ...] = Field(min_length=1, description="What lies above it costs. [USD per GB]")

    @model_validator(mode="after")
    def _in_steps(self) -> EgressPrice:
        if len(self.from_gb) != len(self.usd_per_gb) or self.from_gb[0] != 0:
            raise ValueError("from_gb: must begin with 0 and hold as many numbers as usd_per_gb")
        if sorted(set(self.from_gb)) != list(self.from_gb):
            raise ValueError(f"from_gb: is {list(self.from_gb)}, must rise")
        return self


class LogPrices(Model):
    """What logs cost."""

    ingest_usd_per_gb: Figure = Field(description="Taking them in. [USD per GB]")
    index_usd_per_million_events: Figure = Field(description="Making them searchable. [USD per 10^6 events]")


class MonitoringPrices(Model):
    """What watching one host costs. [USD per month]"""

    infrastructure: Figure
    tracing: Figure


class Operations(Model):
    """What running a fleet costs besides its GPUs."""

    salary_usd_per_year: dict[str, Figure] = Field(description="Salary by region/role. [USD per year]")
    loaded_over_salary: dict[str, Figure] = Field(description="All that an employer pays over it, by region. [1]")
    monitoring_usd_per_host_month: MonitoringPrices
    logs: LogPrices
    storage_usd_per_gb_month: dict[str, Figure] = Field(description="Keeping bytes, by service. [USD per GB-month]")
    egress: dict[str, EgressPrice] = Field(description="By provider.")
    bytes_per_output_token: Figure = Field(description="Text of a token. [bytes]")


class _BatchMultipliers(Model):
    multipliers: dict[str, Figure]


@cache
def operations() -> Operations:
    """The operations figures of the catalogue."""
    path = data_folder("prices") / "operations.yaml"
    return parsed(Operations, read_mapping(path), path)


def salary(region: str = DEFAULT_REGION, role: str = DEFAULT_ROLE) -> Figure:
    """Salary of a person; raises `UnknownId`, whose key says which of both is not known. [USD per year]"""
    known = operations().salary_usd_per_year
    places = {name.split("/")[0] for name in known}
    if region not in places:
        raise UnknownId(region, places, key="region")
    if f"{region}/{role}" not in known:
        raise UnknownId(role, (name.split("/")[1] for name in known if name.startswith(f"{region}/")), key="role")
    return known[f"{region}/{role}"]


def loaded_over_salary(region: str = DEFAULT_REGION) -> Figure:
    """All that an employer pays over the salary; raises `UnknownId` with the regions there are. [1]"""
    return _known(region, operations().loaded_over_salary)


def engineer_usd_per_year(region: str = DEFAULT_REGION, role: str = DEFAULT_ROLE) -> float:
    """What one person costs the employer in a year. [USD/year]"""
    return salary(region, role).value * loaded_over_salary(region).value


def storage_price(service: str) -> Figure:
    """What a service takes for keeping bytes; raises `UnknownId` with those there are. [USD per GB-month]"""
    return _known(service, operations().storage_usd_per_gb_month)


def egress_price(provider: str) -> EgressPrice:
    """What a provider takes for bytes that leave its network; raises `UnknownId` with those that are listed."""
    return _known(provider, operations().egress)


@cache
def _batch_file() -> _BatchMultipliers:
    path = data_folder("prices") / "batch_multipliers.yaml"
    return parsed(_BatchMultipliers, read_mapping(path), path)


def batch_multipliers() -> dict[str, Figure]:
    """Price of a request that can wait over the price at once, by provider of an API; a provider without is absent."""
    return dict(_batch_file().multipliers)


def _known(identifier: str, facts: Mapping[str, FactT]) -> FactT:
    if identifier not in facts:
        raise UnknownId(identifier, facts)
    return facts[identifier]
