"""Hardware of one's own: what is bought, for how long it serves, and what it draws, as a user writes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import Finite, Model, NonNegative, Positive, PositiveWhole, Share
from simulator.domain.power import WATTS_PER_KW, PowerDraw
from simulator.domain.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

HOURS_PER_YEAR = HOURS_PER_MONTH * MONTHS_PER_YEAR

Site = Literal["colocation", "own_room", "home"]
Tariff = Literal["industrial", "commercial", "residential"]
Charging = Literal["straight_line", "annuity"]
EndOfLife = Literal["replace", "end"]

Life = Annotated[Finite, Field(ge=0.1, le=30)]
Pue = Annotated[Finite, Field(ge=1, le=5)]

# Who buys the electricity: an operator of halls, a company for a room of its own, a household.
TARIFF_OF_SITE: dict[Site, Tariff] = {"colocation": "industrial", "own_room": "commercial", "home": "residential"}


def _refuse(key: str, text: str) -> None:
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class OwnedPower(Model):
    """What one node draws, and what its electricity costs and emits."""

    idle_w: NonNegative | None = Field(
        default=None,
        description="Draw of a node that is on and serves nothing; left out: from the GPU's rated power. [W]",
    )
    loaded_w: Positive | None = Field(
        default=None, description="Draw of a node in full use; left out: from the GPU's rated power. [W]"
    )
    nameplate_w: Positive | None = Field(
        default=None,
        description="Rated input of a node, which the place is paid for; left out: loaded_w where that is given, else "
        "from the GPU's rated power. [W]",
    )
    pue: Pue | None = Field(
        default=None, description="What the building draws over what its machines do; left out: from the site. [1]"
    )
    place: str | None = Field(
        default=None,
        min_length=1,
        description="Where the electricity comes from, in the catalogue, e.g. us-ohio or de.",
    )
    tariff: Tariff | None = Field(
        default=None, description="Whose price of electricity is looked up; left out: from the site."
    )
    usd_per_kwh: NonNegative | None = Field(
        default=None, description="Price of electricity; left out: the catalogue's of the place. [USD per kWh]"
    )
    kg_co2e_per_kwh: NonNegative | None = Field(
        default=None, description="Carbon of the grid; left out: the catalogue's of the place. [kg CO2e per kWh]"
    )

    @model_validator(mode="after")
    def _ordered(self) -> OwnedPower:
        if self.idle_w is not None and self.loaded_w is not None and self.idle_w > self.loaded_w:
            _refuse("idle_w", f"is {self.idle_w:g}, must be at most loaded_w {self.loaded_w:g}")
        if self.nameplate_w is not None and self.loaded_w is not None and self.nameplate_w < self.loaded_w:
            _refuse("nameplate_w", f"is {self.nameplate_w:g}, must be at least loaded_w {self.loaded_w:g}")
        return self


class OwnedHardware(Model):
    """Nodes that are bought, not rented."""

    nodes: PositiveWhole | Literal["auto"] = Field(
        description="Machines bought together. `auto`: as many as cost least at the scenario's volume together with "
        "the API that serves the rest; may be none."
    )
    gpus_per_node: PositiveWhole | None = Field(
        default=None, description="GPUs of one machine; left out: as many as a replica needs. [GPUs]"
    )
    usd_per_node: NonNegative | None = Field(
        default=None,
        description="Price of one machine, before tax; left out: the catalogue's price of such a node, else of its "
        "GPUs alone. [USD]",
    )
    condition: Literal["new", "used"] = Field(default="new", description="Which price of the catalogue is looked up.")
    installation_usd: NonNegative = Field(
        default=0.0, description="Racks, network, freight, setting up, for all nodes; has no residual value. [USD]"
    )
    delivery: date | None = Field(
        default=None, description="Day from which the nodes serve and are charged; left out: the start."
    )
    life_years: Life | None = Field(
        default=None, description="How long a node serves; left out: the catalogue's. [years]"
    )
    end_of_life: EndOfLife = Field(
        default="replace",
        description="`replace`: the same is bought again at the same price the day the life ends; `end`: it serves no "
        "more and costs no more.",
    )
    residual_share: Share = Field(default=0.0, description="Share of the price that a node fetches at its end. [1]")
    charging: Charging = Field(
        default="straight_line",
        description="`straight_line`: equal depreciation, and financing on what still stands in the books; `annuity`: "
        "one level payment for both.",
    )
    financing_rate_per_year: Share = Field(default=0.0, description="Cost of the money bound. [1 per year]")
    spares_share: Share = Field(
        default=0.0, description="Spare parts and spare nodes bought along, over the price of the nodes. [1]"
    )
    support_share_per_year: Share | None = Field(
        default=None,
        description="Support contract and repairs over the price; left out: the catalogue's, none at home. "
        "[1 per year]",
    )
    site: Site = Field(
        default="colocation",
        description="`colocation`: place rented per kW; `own_room`: a room that is there; `home`: under a desk.",
    )
    colocation_usd_per_kw_month: NonNegative | None = Field(
        default=None,
        description="Rent of the place per kW of the nameplate; left out: the catalogue's at site colocation, else "
        "none. [USD per kW and month]",
    )
    space_usd_per_month: NonNegative = Field(default=0.0, description="Rent of a room or cage. [USD per month]")
    power: OwnedPower = Field(default_factory=OwnedPower, description="What a node draws, and from which grid.")

    @property
    def tariff(self) -> Tariff:
        """Whose price of electricity holds."""
        return self.power.tariff or TARIFF_OF_SITE[self.site]


@dataclass(frozen=True)
class OwnedFigures:
    """Owned hardware with everything looked up, as plain numbers.

    Attributes
    ----------
    nodes, gpus_per_node : int
        What is bought.
    hardware_usd, spares_usd, installation_usd : float
        Price of all nodes, of the spares bought along, and of setting up. [USD]
    residual_share : float
        Of nodes and spares. [1]
    delivered_at_hour : float
        From the start of the horizon; below 0: it was there before. [h]
    life_hours : float
        [h]
    support_share_per_year : float
        Over the price of the nodes. [1 per year]
    nameplate_w : float
        Rated input of one node. [W]
    draw : PowerDraw
        Of one node.
    """

    nodes: int
    gpus_per_node: int
    hardware_usd: float
    life_hours: float
    draw: PowerDraw
    nameplate_w: float
    usd_per_kwh: float
    spares_usd: float = 0.0
    installation_usd: float = 0.0
    residual_share: float = 0.0
    delivered_at_hour: float = 0.0
    end_of_life: EndOfLife = "replace"
    charging: Charging = "straight_line"
    financing_rate_per_year: float = 0.0
    support_share_per_year: float = 0.0
    colocation_usd_per_kw_month: float = 0.0
    space_usd_per_month: float = 0.0

    @property
    def price_usd(self) -> float:
        """All that is paid at delivery. [USD]"""
        return self.hardware_usd + self.spares_usd + self.installation_usd

    @property
    def residual_usd(self) -> float:
        """All that comes back at the end of the life. [USD]"""
        return self.residual_share * (self.hardware_usd + self.spares_usd)

    @property
    def support_usd_per_hour(self) -> float:
        """Support contract and repairs. [USD/h]"""
        return self.support_share_per_year * self.hardware_usd / HOURS_PER_YEAR

    @property
    def colocation_usd_per_hour(self) -> float:
        """Rent of the place by the nameplate. [USD/h]"""
        nameplate_kw = self.nodes * self.nameplate_w / WATTS_PER_KW
        return self.colocation_usd_per_kw_month * nameplate_kw / HOURS_PER_MONTH

    @property
    def space_usd_per_hour(self) -> float:
        """Rent of room or cage. [USD/h]"""
        return self.space_usd_per_month / HOURS_PER_MONTH

    def with_nodes(self, nodes: int) -> OwnedFigures:
        """The same with another number of nodes; without any, nothing is set up and no place is rented."""
        share = nodes / self.nodes
        return replace(
            self,
            nodes=nodes,
            hardware_usd=self.hardware_usd * share,
            spares_usd=self.spares_usd * share,
            installation_usd=self.installation_usd if nodes else 0.0,
            space_usd_per_month=self.space_usd_per_month if nodes else 0.0,
        )

    @property
    def ends_at_hour(self) -> float:
        """When it serves no more, from the start of the horizon; infinite where it is replaced. [h]"""
        return math.inf if self.end_of_life == "replace" else self.delivered_at_hour + self.life_hours

    def is_there_until(self, horizon_hours: float) -> bool:
        """Whether it serves from the start of a horizon to its end."""
        return self.delivered_at_hour <= 0.0 and self.ends_at_hour >= horizon_hours - 1e-6

    def replicas(self, gpus_per_replica: int) -> int:
        """Replicas of so many GPUs that the nodes hold; none spans two nodes."""
        return self.nodes * (self.gpus_per_node // gpus_per_replica)


def serving_spans(owned: OwnedFigures, horizon_hours: float) -> tuple[tuple[float, float], ...]:
    """From when to when the hardware of each purchase serves, of those that touch the horizon.

    Parameters
    ----------
    owned : OwnedFigures
        The hardware.
    horizon_hours : float
        Length of the horizon. [h]

    Returns
    -------
    tuple of (delivered, ends)
        Hours from the start of the horizon, in order; the first may begin before it, the last may end after it. Where
        life's end replaces the hardware, the next purchase is delivered the moment the one before ends. [h]
    """
    spans: list[tuple[float, float]] = []
    life = owned.life_hours
    delivered = owned.delivered_at_hour
    if owned.end_of_life == "replace" and delivered + life <= 0.0:
        delivered += life * int(-delivered // life)  # purchases whose life was over before the start
    while delivered < horizon_hours:
        if delivered + life > 0.0:
            spans.append((delivered, delivered + life))
        if owned.end_of_life == "end":
            break
        delivered += life
    return tuple(spans)


def serves_at(owned: OwnedFigures, hours: Any) -> Any:
    """Whether the hardware is there at given hours from the start of the horizon: delivered, and not at its end.

    Parameters
    ----------
    owned : OwnedFigures
        The hardware.
    hours : float or array of shape (n,)
        [h]

    Returns
    -------
    bool or array of shape (n,)
        True from the hour of delivery on, False from the end of life on unless it is replaced.
    """
    is_delivered = hours >= owned.delivered_at_hour
    if owned.end_of_life == "replace":
        return is_delivered
    return is_delivered & (hours < owned.delivered_at_hour + owned.life_hours)
