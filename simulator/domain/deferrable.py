"""Requests that may wait for idle capacity of a fleet, and for an API's batch endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from simulator.domain.base import Model, Patience
from simulator.domain.units import SECONDS_PER_HOUR


class Deferrable(Model):
    """A class whose requests may be answered at any time before their deadline.

    At an API all of the class is batched. At a fleet it waits for capacity that is idle, and goes to the batch endpoint
    of the overflow API at its deadline.
    """

    deadline_hours: Patience = Field(
        default=24.0,
        description="Time from asking within which the answer is due; 0: only what is idle at once serves it; .inf: no "
        "limit; the same for all classes that can wait. [h]",
    )


def deferred_classes(workload: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the request classes that can wait."""
    return tuple(name for name, request in workload.items() if request.deferrable is not None)


def deadline_s(workload: Mapping[str, Any]) -> float:
    """Deadline of the classes that can wait, which is one for all; infinite where none can. [s]"""
    hours = [request.deferrable.deadline_hours for request in workload.values() if request.deferrable is not None]
    return hours[0] * SECONDS_PER_HOUR if hours else float("inf")


def check_deferrable(workload: Mapping[str, Any], *, has_fleet: bool, most_s: float, horizon_s: float) -> None:
    """Refuse several deadlines, one of too many steps, and a fleet that has nothing else to do.

    Parameters
    ----------
    workload : mapping of RequestClass by name
        All classes.
    has_fleet : bool
        Whether an option serves them with replicas.
    most_s : float
        Longest deadline whose memory fits. [s]
    horizon_s : float
        A deadline as long as this is none, and takes no memory. [s]
    """
    waiting = deferred_classes(workload)
    if not waiting:
        return
    first = workload[waiting[0]].deferrable.deadline_hours
    for name in waiting:
        hours = workload[name].deferrable.deadline_hours
        key = f"workload.{name}.deferrable.deadline_hours"
        if hours != first:
            _refuse(key, f"is {hours:g}, must be {first:g} as of '{waiting[0]}': all that can wait has one deadline")
        if has_fleet and most_s < hours * SECONDS_PER_HOUR < horizon_s:
            _refuse(key, f"is {hours:g}, must be at most {most_s / SECONDS_PER_HOUR:g} at such short steps, or .inf")
    if has_fleet and len(waiting) == len(workload):
        text = (
            "must not be given for every class where a fleet is compared: it fills the capacity that others leave; "
            "give batch_share: 1, and the fleet a max_wait_s of the deadline"
        )
        _refuse(f"workload.{waiting[0]}.deferrable", text)


def _refuse(key: str, text: str) -> None:
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
