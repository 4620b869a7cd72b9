"""How many replicas a fleet wants: one small class a policy, closed in a union that is the registry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.domain.base import Duration, Model, PositiveShare, Whole


class FixedFleet(Model):
    """The same number of replicas all the time: given, or sized to the highest step of the demand."""

    kind: Literal["fixed"]
    count: Whole | None = Field(
        default=None,
        description="Replicas; overrides minimum and spare. Left out: the sampled peak over target_share.",
    )
    target_share: PositiveShare = Field(
        default=1.0, description="Load at the peak over capacity, where the fleet is sized to the peak. [1]"
    )


class TargetUtilization(Model):
    """Replicas follow the arrivals so that the load is `target_share` of capacity; falls wait for a quiet window."""

    kind: Literal["target_utilization"]
    target_share: PositiveShare = Field(default=0.7, description="Load over capacity that the policy aims at. [1]")
    reaction_s: Duration = Field(default=0.0, description="Age of the arrivals the policy sees. [s]")
    stabilisation_s: Duration = Field(
        default=300.0, description="The fleet follows the highest wish of this window, so it shrinks late. [s]"
    )


class PerfectForesight(Model):
    """As many ready replicas as each step needs, ordered one cold start ahead: the lower bound without queueing."""

    kind: Literal["perfect_foresight"]


AutoscalingPolicy = Annotated[FixedFleet | TargetUtilization | PerfectForesight, Field(discriminator="kind")]
