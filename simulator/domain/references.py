"""What options say of each other: where overflow, escalated requests and fallbacks go."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pydantic_core import PydanticCustomError

from simulator.domain.api_options import ApiOption, RoutedOption, of_class
from simulator.domain.base import Model
from simulator.domain.escalation import Escalation
from simulator.domain.options import SelfHostedOption
from simulator.domain.people import PeopleAndFixed

SHARES_TO = 1e-6


def check_references(options: Mapping[str, Model], classes: Collection[str]) -> None:
    """Refuse an option that names another which is not there or can't do what is asked of it."""
    apis = [name for name, option in options.items() if type(option) is ApiOption]
    bought = [name for name, option in options.items() if isinstance(option, ApiOption)]
    for name, option in options.items():
        _check_edge(name, option, classes)
        if isinstance(option, SelfHostedOption) and option.overflow not in (None, "reject", *apis):
            _refuse(
                f"options.{name}.overflow", f"is '{option.overflow}', must be one of {', '.join([*apis, 'reject'])}"
            )
        if isinstance(option, SelfHostedOption) and option.escalation is not None:
            _check_escalation(name, option, option.escalation, apis, classes)
        if isinstance(option, ApiOption) and option.fallback is not None:
            others = [api for api in apis if api != name]
            if option.fallback.option not in others:
                allowed = f"one of {', '.join(others)}" if others else "another option of kind api"
                _refuse(f"options.{name}.fallback.option", f"is '{option.fallback.option}', must be {allowed}")
        if isinstance(option, RoutedOption):
            _check_routes(name, option, bought, classes)


def handed_on(option: Model) -> tuple[str, ...]:
    """Options that one hands requests on to: its routes, its fallback, or what its answers escalate to."""
    if isinstance(option, SelfHostedOption) and option.escalation is not None and option.escalation.option is not None:
        return (option.escalation.option,)
    if isinstance(option, RoutedOption):
        return tuple(option.routes)
    if isinstance(option, ApiOption) and option.fallback is not None:
        return (option.fallback.option,)
    return ()


def _check_edge(name: str, option: Model, classes: Collection[str]) -> None:
    edge = option.edge if isinstance(option, PeopleAndFixed) else None
    shares = {} if edge is None or not isinstance(edge.share, dict) else edge.share
    for unknown in sorted(set(shares) - set(classes)):
        _refuse(f"options.{name}.edge.share.{unknown}", f"is no request class, must be one of {', '.join(classes)}")


def _check_escalation(
    name: str, option: SelfHostedOption, escalation: Escalation, apis: list[str], classes: Collection[str]
) -> None:
    key = f"options.{name}.escalation"
    if isinstance(escalation.share, dict):
        for unknown in set(escalation.share) - set(classes):
            _refuse(f"{key}.share.{unknown}", f"is no request class, must be one of {', '.join(classes)}")
    if escalation.option is not None and escalation.option not in apis:
        allowed = f"one of {', '.join(apis)}" if apis else "an option of kind api"
        _refuse(f"{key}.option", f"is '{escalation.option}', must be {allowed}")
    if escalation.option is None and (option.overflow == "reject" or not apis):
        _refuse(f"{key}.option", "is missing; overflow is rejected, so that no API answers for it")


def _check_routes(name: str, option: RoutedOption, bought: list[str], classes: Collection[str]) -> None:
    for target, route in option.routes.items():
        key = f"options.{name}.routes.{target}"
        if target not in bought:
            allowed = ", ".join(bought) or "an option of kind api or provisioned"
            _refuse(key, f"is no option to route to, must be one of {allowed}")
        for field in ("share", "escalation_share"):
            shares = getattr(route, field)
            for unknown in set(shares) - set(classes) if isinstance(shares, dict) else ():
                _refuse(f"{key}.{field}.{unknown}", f"is no request class, must be one of {', '.join(classes)}")
    last = list(option.routes)[-1]
    for request_class in classes:
        total = sum(of_class(route.share, request_class) for route in option.routes.values())
        if abs(total - 1.0) > SHARES_TO:
            text = f"all shares of class '{request_class}' together are {total:g}, must add to 1"
            given = of_class(option.routes[last].share, request_class)
            _refuse(f"options.{name}.routes.{last}.share", f"is {given:g}, {text}")


def _refuse(key: str, text: str) -> None:
    raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
