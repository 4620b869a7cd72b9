"""What a lever looks at, and what it would change: figures, the case of a scenario, overrides by dotted key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from simulator.domain.api_options import ApiOption
from simulator.domain.base import Model
from simulator.domain.options import SelfHostedOption

if TYPE_CHECKING:
    from simulator.domain.scenario import Scenario


@dataclass(frozen=True)
class LeverClaim:
    """A saving that is published for a lever, as a range of shares of something."""

    lever: str
    text: str
    low_share: float
    high_share: float
    of: str
    source: str
    as_of: date | None
    unverified: bool


@dataclass(frozen=True)
class LeverFigure:
    """An assumption of a lever: its key, its value, where it comes from; `source` is None where the user gives it."""

    key: str
    value: float | str
    source: str | None = None
    as_of: date | None = None
    unverified: bool = False

    @property
    def as_percent(self) -> str:
        """A share as it is said: `80 %`."""
        return f"{100 * float(self.value):.3g} %"


@dataclass(frozen=True)
class LeverFacts:
    """What the catalogue knows: claims, assumptions by lever and key, rents on spot by fleet."""

    claims: tuple[LeverClaim, ...] = ()
    assumptions: Mapping[tuple[str, str], LeverFigure] = field(default_factory=dict)
    spot_discounts: Mapping[str, LeverFigure] = field(default_factory=dict)  # saving on the rent by fleet [1]

    def claims_for(self, lever: str) -> tuple[LeverClaim, ...]:
        """Published savings of one lever."""
        return tuple(claim for claim in self.claims if claim.lever == lever)


@dataclass(frozen=True)
class LeverCase:
    """A scenario as the levers see it: its API side, its fleets, what every option costs as it stands."""

    scenario: Scenario
    usd_per_month: Mapping[str, float]
    facts: LeverFacts

    @property
    def api(self) -> str | None:
        """The API side: the baseline where it is an API, else the first API that is compared; None: there is none."""
        compared = [self.scenario.baseline, *self.scenario.challengers]
        return next((name for name in compared if type(self.scenario.options[name]) is ApiOption), None)

    @property
    def fleets(self) -> dict[str, SelfHostedOption]:
        """The fleets that are compared, by name."""
        compared = [self.scenario.baseline, *self.scenario.challengers]
        options = {name: self.scenario.options[name] for name in compared}
        return {name: option for name, option in options.items() if isinstance(option, SelfHostedOption)}

    @property
    def cheapest_other_api(self) -> str | None:
        """The cheapest option of kind api that costs less than the API side; None: none does."""
        if self.api is None:
            return None
        others = {
            name: usd
            for name, usd in self.usd_per_month.items()
            if name != self.api
            and type(self.scenario.options[name]) is ApiOption
            and usd < self.usd_per_month[self.api]
        }
        return min(others, key=lambda name: others[name]) if others else None


@dataclass(frozen=True)
class Move:
    """Keys to set, the assumption in words and figures, and which option stands in for which.

    `keys` are what the move takes for itself; two moves that take the same do not go together.
    """

    overrides: Mapping[str, object]
    assumption: str
    figures: tuple[LeverFigure, ...] = ()
    stands_in: Mapping[str, str] = field(default_factory=dict)
    also_takes: tuple[str, ...] = ()
    fleet: str | None = None  # the fleet that it changes, where there are several moves to choose from

    @property
    def keys(self) -> frozenset[str]:
        """Every key that the move takes for itself."""
        return frozenset({*self.overrides, *self.also_takes})


@dataclass(frozen=True)
class NotRun:
    """Why a lever changes nothing here."""

    reason: str


# One entry for each thing that is changed by itself; of its moves the one counts that can be planned and, where there
# are several, gives the fleet the highest throughput.
Moves = list[list[Move]]


class Lever(Model, ABC):
    """One way to cut the bill. Its fields are the assumptions a user may give; their sourced defaults are facts."""

    key: ClassVar[str]  # under which a scenario holds it
    title: ClassVar[str]

    @abstractmethod
    def moves(self, case: LeverCase) -> Moves | NotRun:
        """What it would change in a scenario, or why nothing."""

    def assumed(self, case: LeverCase, key: str) -> LeverFigure | None:
        """An assumption: as the user gives it, else as published, else None."""
        given = getattr(self, key)
        if given is not None:
            return LeverFigure(key, given)
        return case.facts.assumptions.get((self.key, key))

    def missing(self, key: str, why: str) -> NotRun:
        """That an assumption has no published figure and none was given."""
        return NotRun(f"levers.{self.key}.{key} is not given, {why}")
