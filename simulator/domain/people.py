"""Cost of an option that does not follow the tokens: people and fixed items; and where the option keeps the data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulator.domain.base import Flag, Model, NonNegative, Positive


class Engineers(Model):
    """People: a base share, and persons that come with the size of the fleet."""

    base_persons: NonNegative = Field(default=0.0, description="Persons whatever the size; may be a share. [persons]")
    gpus_per_person: Positive | None = Field(
        default=None, description="One person for every so many GPUs of the month's peak; left out: none. [GPUs]"
    )
    whole_persons: Flag = Field(default=True, description="Whether the persons per GPUs are hired in wholes.")
    usd_per_person_year: NonNegative | None = Field(
        default=None, description="Loaded cost of a person; left out: the catalogue's sourced figure. [USD per year]"
    )


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
        if self.data_residency and option.data_residency not in self.data_residency:
            allowed = ", ".join(self.data_residency)
            given = "is not given" if option.data_residency is None else f"is '{option.data_residency}'"
            return "data_residency", f"{given}, but requirements.data_residency asks for one of {allowed}"
        return None
