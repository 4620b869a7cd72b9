"""How many replicas a fleet wants: one small class a policy, closed in a union that is the registry."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.domain.base import (
    Duration,
    Flag,
    Model,
    NonNegative,
    Positive,
    PositiveShare,
    PositiveWhole,
    Share,
    Whole,
)


def _known_zone(timezone: str) -> str:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"is '{timezone}', must be an IANA time zone such as Europe/Paris or UTC") from None
    return timezone


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Period = Annotated[Duration, Field(gt=0, le=1800)]
Window = Annotated[Duration, Field(le=3600)]
Hour = Annotated[NonNegative, Field(le=24)]


class ColdStart(Model):
    """What passes between the order of a replica and its first token, one part after the other."""

    provisioning_s: Duration = Field(default=0.0, description="Until the machine runs and has joined the fleet. [s]")
    image_pull_s: Duration = Field(default=0.0, description="Until the container's image is there and unpacked. [s]")
    network_bytes_per_s: Positive | None = Field(
        default=None,
        description="Rate at which a machine fetches the weights over the network; left out: it has them. [bytes/s]",
    )
    disk_bytes_per_s: Positive | None = Field(
        default=None,
        description="Rate at which a machine reads the weights from its disk into the GPUs; left out: they come "
        "straight from the network, or in no time. [bytes/s]",
    )
    warm_up_s: Duration = Field(
        default=0.0, description="Until the engine has compiled, captured and answered for the first time. [s]"
    )

    def weights_s(self, fetched_bytes: float, read_bytes: float) -> float:
        """Time that a machine takes to fetch weights, and then to read them into its GPUs. [s]"""
        parts = ((fetched_bytes, self.network_bytes_per_s), (read_bytes, self.disk_bytes_per_s))
        return sum(size / rate for size, rate in parts if rate is not None)


class FixedFleet(Model):
    """The same number of replicas all the time: given, found, or sized to the highest step of the demand."""

    kind: Literal["fixed"]
    count: Whole | Literal["auto"] | None = Field(
        default=None,
        description="Replicas; overrides minimum and spare. `auto`: as many as cost least at the scenario's volume "
        "together with the API that serves the rest. Left out: the sampled peak over target_share.",
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


class ScheduledReplicas(Model):
    """Replicas at some hours of some days."""

    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, min_length=1, description="Days on which the hours begin.")
    from_hour: Hour = Field(default=0.0, description="Hour of the clock on the wall at which they begin. [h]")
    to_hour: Hour = Field(
        default=24.0, description="Hour at which they end; at or before from_hour: on the next day. [h]"
    )
    replicas: Whole = Field(description="Replicas in these hours.")


class Scheduled(Model):
    """Replicas by the hours of a week in a time zone, ready when the hours begin; more where the load needs it."""

    kind: Literal["scheduled"]
    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(default="UTC", description="IANA name of the zone.")
    windows: tuple[ScheduledReplicas, ...] = Field(
        min_length=1, description="Hours and their replicas; where several overlap, the greatest number."
    )
    otherwise: Whole = Field(default=0, description="Replicas at all other hours.")
    target_share: PositiveShare | None = Field(
        default=None,
        description="Load over capacity above which there are more replicas than scheduled; left out: never. [1]",
    )
    stabilisation_s: Duration = Field(
        default=300.0, description="Replicas above the schedule stay for this long, where there is a target_share. [s]"
    )
    ordered_ahead_s: Duration | None = Field(
        default=None, description="Time before its hours at which a replica is ordered; left out: one cold start. [s]"
    )


class ChangeRule(Model):
    """How many replicas may be started, or stopped, within a period."""

    replicas: PositiveWhole | None = Field(default=None, description="So many replicas.")
    share: Positive | None = Field(
        default=None, description="So large a share of the replicas at the start of the period. [1]"
    )
    period_s: Period = Field(default=15.0, description="Length of time that the rule looks back on. [s]")

    @model_validator(mode="after")
    def _one(self) -> ChangeRule:
        if (self.replicas is None) == (self.share is None):
            given = "both" if self.replicas is not None else "none"
            text = f"must hold exactly one of replicas, share; holds {given}"
            raise PydanticCustomError("at_key", "{text}", {"key": "", "text": text})
        return self


Rules = Annotated[tuple[ChangeRule, ...], Field(min_length=1, max_length=4)]


class Change(Model):
    """How fast Kubernetes' autoscaler may go in one direction."""

    stabilisation_s: Window
    rules: Rules
    select: Literal["most", "least", "none"] = Field(
        default="most", description="Whether the rule that allows most counts, the one that allows least, or no change."
    )


class Rise(Change):
    """How fast replicas are started; the defaults are Kubernetes' own."""

    stabilisation_s: Window = Field(default=0.0, description="The lowest recommendation of this window counts. [s]")
    rules: Rules = Field(
        default=(ChangeRule(share=1.0), ChangeRule(replicas=4)), description="Limits; in Kubernetes: policies."
    )


class Fall(Change):
    """How fast replicas are stopped; the defaults are Kubernetes' own."""

    stabilisation_s: Window = Field(default=300.0, description="The highest recommendation of this window counts. [s]")
    rules: Rules = Field(default=(ChangeRule(share=1.0),), description="Limits; in Kubernetes: policies.")


class Recommending(Model):
    """What follows recommendations as Kubernetes' autoscaler does."""

    tolerance_share: Share = Field(
        default=0.1, description="Nothing changes where metric over target is nearer to 1 than this. [1]"
    )
    sync_period_s: Positive = Field(default=15.0, le=3600, description="Time between two looks. [s]")
    up: Rise = Field(default_factory=Rise, description="How fast it may start replicas.")
    down: Fall = Field(default_factory=Fall, description="How fast it may stop replicas.")


class HorizontalPodAutoscaler(Recommending):
    """Kubernetes' autoscaler (autoscaling/v2), with its tolerance, windows and rules of change."""

    kind: Literal["horizontal_pod_autoscaler"]
    metric: Literal["busy_share", "load"] = Field(
        default="busy_share",
        description="`busy_share`: share of the ready replicas at work, at most 1; `load`: arrivals over capacity.",
    )
    target_share: PositiveShare = Field(default=0.7, description="The metric that the policy aims at. [1]")
    reaction_s: Duration = Field(default=0.0, description="Age of the metric the policy sees. [s]")


class QueueDepth(Recommending):
    """As KEDA does: replicas by the requests there are, so many for each; none where there is nothing to do."""

    kind: Literal["queue_depth"]
    requests_per_replica: Positive = Field(description="Requests for each replica that the policy aims at.")
    metric: Literal["waiting", "waiting_and_in_service"] = Field(
        default="waiting_and_in_service", description="Which requests count."
    )
    service_s: Duration | None = Field(
        default=None,
        description="Time in service of a request; left out: that of the slots or the estimate, else as if each "
        "replica served one at a time. [s]",
    )
    scale_to_zero: Flag = Field(default=True, description="Whether an idle fleet goes to no replica.")
    activation_requests: NonNegative = Field(
        default=0.0, description="Above so many requests the fleet leaves zero, and at or below it may go there."
    )
    polling_interval_s: Positive = Field(
        default=30.0, le=3600, description="Time between two looks whether it may. [s]"
    )
    cooldown_s: Duration = Field(default=300.0, description="Time since it was last active before it goes to zero. [s]")


class Predictive(Model):
    """Replicas for last week's same hour plus a margin, ordered one cold start ahead; the load in the first week."""

    kind: Literal["predictive"]
    target_share: PositiveShare = Field(default=0.7, description="Load over capacity that the policy aims at. [1]")
    margin_share: NonNegative = Field(
        default=0.1, le=100, description="Added to last week's mean over the hour, as a share of it. [1]"
    )
    stabilisation_s: Duration = Field(
        default=300.0, description="The fleet follows the highest wish of this window, so it shrinks late. [s]"
    )


class ScaleToZero(Model):
    """Replicas while there is work, and each until it has been idle for a time; then none."""

    kind: Literal["scale_to_zero"]
    target_share: PositiveShare = Field(default=1.0, description="Load over capacity that the policy aims at. [1]")
    service_s: Duration = Field(default=0.0, description="Time that a request is in service. [s]")
    idle_timeout_s: Duration = Field(default=300.0, description="Time without work after which a replica stops. [s]")


AutoscalingPolicy = Annotated[
    FixedFleet
    | TargetUtilization
    | PerfectForesight
    | Scheduled
    | HorizontalPodAutoscaler
    | QueueDepth
    | Predictive
    | ScaleToZero,
    Field(discriminator="kind"),
]
