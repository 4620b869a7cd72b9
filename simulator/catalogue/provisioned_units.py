"""Provisioned throughput that providers sell by the unit and hour, from `prices/provisioned_units.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from simulator._paths import data_folder
from simulator.catalogue.dated_rows import DatedRow, row_of_day
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, NonNegative, Positive, PositiveWhole
from simulator.domain.units import HOURS_PER_MONTH

UnitContract = Literal["hourly", "monthly_reservation", "six_month_reservation", "yearly_reservation"]


@dataclass(frozen=True)
class UnitOffer:
    """Units of one model on a day: what one costs, carries, and in what numbers it is sold.

    None stands for what the provider does not publish.
    """

    provider: str
    model: str
    scope: str
    contract: str
    usd_per_unit_hour: float
    input_tokens_per_minute_per_unit: float | None
    output_weight: float | None  # input tokens that one output token counts as
    cached_input_weight: float | None  # input tokens that one token read from the prompt cache counts as
    minimum_units: int
    unit_step: int
    source: str
    as_of: date | None
    unverified: bool
    note: str | None


class _UnitPrice(DatedRow):
    """What a unit costs from a day on; without a model, for all models of the provider."""

    provider: str
    model: str | None = None
    scope: str = Field(description="Where requests are answered: `global`, `data_zone`, `regional`, or a region.")
    contract: UnitContract
    usd_per_unit_hour: Positive | None = None
    usd_per_unit_month: Positive | None = None

    @model_validator(mode="after")
    def _one_price(self) -> _UnitPrice:
        if (self.usd_per_unit_hour is None) == (self.usd_per_unit_month is None):
            raise ValueError("usd_per_unit_hour: give this or usd_per_unit_month, not both")
        return self

    @property
    def hourly_usd(self) -> float:
        """Price of a unit for an hour; a month has 730. [USD/h]"""
        return self.usd_per_unit_hour or (self.usd_per_unit_month or 0.0) / HOURS_PER_MONTH


class _UnitCapacity(DatedRow):
    """What a unit of a model carries from a day on, and in what numbers it is sold, by scope."""

    provider: str
    model: str
    input_tokens_per_minute_per_unit: Positive | None = None
    output_weight: Positive | None = None
    cached_input_weight: NonNegative | None = None
    minimum_units: dict[str, PositiveWhole] = Field(min_length=1)
    unit_step: dict[str, PositiveWhole] = Field(min_length=1)


class _UnitFile(Model):
    prices: tuple[_UnitPrice, ...] = Field(min_length=1)
    models: tuple[_UnitCapacity, ...] = Field(min_length=1)


def unit_providers() -> tuple[str, ...]:
    """Providers of provisioned units, in order."""
    return tuple(sorted({row.provider for row in _file().models}))


def unit_models(provider: str) -> tuple[str, ...]:
    """Models that a provider sells units of, in order."""
    return tuple(sorted({row.model for row in _file().models if row.provider == provider}))


def unit_offer(provider: str, model: str, scope: str, contract: str, on: date) -> UnitOffer:
    """The units of a model on a day.

    Parameters
    ----------
    provider, model : str
        Ids, such as `azure` and `gpt-5.4`.
    scope : str
        Where requests are answered: `global`, `data_zone`, `regional`, or a region of the provider.
    contract : str
        `hourly`, `monthly_reservation`, `six_month_reservation` or `yearly_reservation`.
    on : date
        The day whose figures hold.

    Returns
    -------
    UnitOffer
        Where every figure is later than the day, the earliest one, and the note says so. [USD/h, tokens/min]

    Raises
    ------
    UnknownId
        If the file has no such provider, model, scope or contract; names those it has.
    """
    if provider not in unit_providers():
        raise UnknownId(provider, unit_providers(), key="provider")
    if model not in unit_models(provider):
        raise UnknownId(model, unit_models(provider), key="model")
    capacity = row_of_day((row for row in _file().models if (row.provider, row.model) == (provider, model)), on)
    prices = [row for row in _file().prices if row.provider == provider and row.model in (None, model)]
    scopes = {row.scope for row in prices} & capacity.minimum_units.keys()
    if scope not in scopes:
        raise UnknownId(scope, scopes, key="units.scope")
    in_scope = [row for row in prices if row.scope == scope]
    contracts = {row.contract for row in in_scope}
    if contract not in contracts:
        raise UnknownId(contract, contracts, key="units.contract")
    price = row_of_day((row for row in in_scope if row.contract == contract), on)
    return UnitOffer(
        provider=provider,
        model=model,
        scope=scope,
        contract=contract,
        usd_per_unit_hour=price.hourly_usd,
        input_tokens_per_minute_per_unit=capacity.input_tokens_per_minute_per_unit,
        output_weight=capacity.output_weight,
        cached_input_weight=capacity.cached_input_weight,
        minimum_units=capacity.minimum_units[scope],
        unit_step=capacity.unit_step[scope],
        source="; ".join(dict.fromkeys((price.source, capacity.source))),
        as_of=_oldest(row.as_of for row in (price, capacity)),
        unverified=price.unverified or capacity.unverified,
        note="; ".join(dict.fromkeys(part for row in (price, capacity) for part in _remarks(row))) or None,
    )


def _remarks(row: DatedRow) -> list[str]:
    return row.note.split("; ") if row.note else []


def _oldest(days: Iterable[date | None]) -> date | None:
    """The oldest of some dates; None where one of them is unknown."""
    given = list(days)
    known = [day for day in given if day is not None]
    return min(known) if len(known) == len(given) else None


@cache
def _file() -> _UnitFile:
    path = data_folder("prices") / "provisioned_units.yaml"
    return parsed(_UnitFile, read_mapping(path), path)
