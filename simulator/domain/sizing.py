"""Which fleets are sized so that they meet the service level."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from simulator.domain.autoscaling import Scheduled
from simulator.domain.base import Model
from simulator.domain.options import SelfHostedOption
from simulator.domain.service_level import ServiceLevel


def is_sized(option: Model, level: ServiceLevel | None) -> bool:
    """Whether a fleet that misses the level gets more replicas; else it is left out."""
    if level is None or not isinstance(option, SelfHostedOption):
        return False
    return (option.where_service_missed or level.where_missed) == "size"


def check_sizing(options: Mapping[str, Model], level: ServiceLevel | None) -> None:
    """Refuse to size what has no size: owned hardware, a schedule, and any fleet where there is no level."""
    for name, option in options.items():
        if not isinstance(option, SelfHostedOption):
            continue
        if level is None and option.where_service_missed is not None:
            text = f"is '{option.where_service_missed}', must be given with a service_level"
            _refuse(name, text)
        if not is_sized(option, level):
            continue
        why = "hardware that is bought" if option.owned is not None else ""
        if isinstance(option.autoscaling, Scheduled):
            why = "a schedule, which says how many replicas there are"
        if why:
            given = option.where_service_missed
            said = "is missing, service_level.where_missed says 'size'" if given is None else f"is '{given}'"
            _refuse(name, f"{said}, must be 'infeasible': there is nothing to size in {why}")


def _refuse(name: str, text: str) -> None:
    key = f"options.{name}.where_service_missed"
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
