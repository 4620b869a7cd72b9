"""What people cost and what waiting saves: `prices/operations.yaml` and `prices/batch_multipliers.yaml`."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model
from simulator.domain.models_and_gpus import Figure


class Operations(Model):
    """What running a fleet costs besides its GPUs."""

    engineer_salary_usd_per_year: Figure = Field(description="Salary of one engineer. [USD/year]")
    loaded_multiplier: Figure = Field(description="All that an employer pays, over the salary. [1]")

    @property
    def engineer_usd_per_year(self) -> float:
        """What one engineer costs the employer in a year. [USD/year]"""
        return self.engineer_salary_usd_per_year.value * self.loaded_multiplier.value


class _BatchMultipliers(Model):
    multipliers: dict[str, Figure]


@cache
def operations() -> Operations:
    """The operations figures of the catalogue."""
    path = data_folder("prices") / "operations.yaml"
    return parsed(Operations, read_mapping(path), path)


def engineer_usd_per_year() -> float:
    """What one engineer costs the employer in a year. [USD/year]"""
    return operations().engineer_usd_per_year


@cache
def _batch_file() -> _BatchMultipliers:
    path = data_folder("prices") / "batch_multipliers.yaml"
    return parsed(_BatchMultipliers, read_mapping(path), path)


def batch_multipliers() -> dict[str, Figure]:
    """Price of a request that can wait over the price at once, by provider of an API; a provider without is absent."""
    return dict(_batch_file().multipliers)
