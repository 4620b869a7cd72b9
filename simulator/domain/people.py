"""Cost of an option that does not follow the tokens: people and fixed items; and where the option keeps the data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Flag, Model, NonNegative, Positive, Whole
from simulator.domain.edge import Edge


class Engineers(Model):
    """People: a base share, persons that come with the fleet and its size, and the least that a rota takes."""

    base_persons: NonNegative = Field(default=0.0, description="Persons whatever the size; may be a share. [persons]")
    persons_per_fleet: NonNegative = Field(
        default=0.0, description="Persons in every month in which the fleet has a GPU; may be a share. [persons]"
    )
    gpus_per_person: Positive | None = Field(
        default=None, description="One person for every so many GPUs of the month's peak; left out: none. [GPUs]"
    )
    whole_persons: Flag = Field(default=True, description="Whether the persons per GPUs are hired in wholes.")
    on_call_persons: Whole = Field(
        default=0, description="Persons that the rota takes: all together are never fewer; 0: no rota. [persons]"
    )
    region: str | None = Field(
        default=None, min_length=1, description="Where they work, of those whose salary is listed; left out: us."
    )
    role: str | None = Field(
        default=None, min_length=1, description="What they are, as salaries are listed; left out: mlops-engineer."
    )
    usd_per_person_year: NonNegative | None = Field(
        default=None, description="Loaded cost of a person; left out: the catalogue's sourced figure. [USD per year]"
    )

    @model_validator(mode="after")
    def _priced_once(self) -> Engineers:
        for name in ("region", "role"):
            if self.usd_per_person_year is not None and getattr(self, name) is not None:
                text = f"is '{getattr(self, name)}', must not be given with usd_per_person_year, which it would tell"
                raise PydanticCustomError("at_key", "{text}", {"key": name, "text": text})
        return self


class PeopleAndFixed(Model):
    """Cost that does not follow the tokens, and where the data goes: the same for every kind of option."""

    engineers: Engineers | None = Field(default=None, description="People this option needs.")
    monthly_fixed_usd: dict[str, NonNegative] = Field(
        default_factory=dict, description="Other monthly cost by name. [USD per month]"
    )
    one_off_usd: dict[str, NonNegative] = Field(
        default_factory=dict, description="Set-up cost by name, paid at the start; not part of the run rate. [USD]"
    )
    data_residency: str | None = Field(
        default=None, min_length=1, description="Where the data is processed and kept, e.g. eu; left out: not known."
    )
    on_premises: Flag = Field(default=False, description="Whether it runs on premises of your own.")
    edge: Edge | None = Field(default=None, description="Requests answered on the users' devices, before the option.")


class Requirements(Model):
    """What an option must have; one that has not is infeasible."""

    data_residency: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="Places where the data may be processed, e.g. [eu, ch]; empty: any."
    )
    on_premises: Flag = Field(default=False, description="Whether it must run on premises of your own.")

    def shortfall(self, option: PeopleAndFixed) -> tuple[str, str] | None:
        """Key of the option that does not meet them, and why; None: it does."""
        if self.on_premises and not option.on_premises:
            return "on_premises", "is false, but requirements.on_premises asks for hardware on premises"
        kept = (option.data_residency or "").lower()
        if self.data_residency and kept not in {place.lower() for place in self.data_residency}:
            allowed = ", ".join(self.data_residency)
            given = "is not given" if option.data_residency is None else f"is '{option.data_residency}'"
            return "data_residency", f"{given}, but requirements.data_residency asks for one of {allowed}"
        return None
