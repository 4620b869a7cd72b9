"""What a fleet hands on, in words: what escalates, and what can wait and what becomes of it."""

from __future__ import annotations

import math
from typing import Any

from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import FleetPlan
from simulator.domain.units import SECONDS_PER_HOUR
from simulator.presentation.numbers import percent
from simulator.solving.study import Study


def handing_on_lines(study: Study, name: str) -> list[str]:
    """What of a fleet's requests an API answers beside its overflow, at the scenario's own volume."""
    return [f"{name}: {text}" for text in (_escalation(study, name), _deferred(study, name)) if text]


def deferred_content(study: Study, name: str) -> dict[str, float | None] | None:
    """What can wait of a fleet's requests, and what becomes of it, for `summary.json`; None: nothing can."""
    planned, served_share = study.plan.options[name], study.options[name].deferred_served_share
    if not isinstance(planned, FleetPlan) or planned.deferred is None or served_share is None:
        return None
    return {
        "request_share": planned.deferred.request_share,
        "deadline_hours": planned.deferred.deadline_s / SECONDS_PER_HOUR,
        "served_share": served_share,
        "left_share": 1.0 - served_share,
    }


def _escalation(study: Study, name: str) -> str:
    scenario = study.plan.scenario
    option, target = scenario.options[name], scenario.escalation_target(name)
    if not isinstance(option, SelfHostedOption) or option.escalation is None or target is None:
        return ""
    shares = {key: option.escalation.of_class(key) for key in scenario.workload}
    if len(set(shares.values())) == 1:
        what = f"{percent(next(iter(shares.values())))} of what it serves is"
    else:
        what = f"of what it serves {', '.join(f'{percent(share)} of {key}' for key, share in shares.items())} are"
    return f"{what} answered once more by {target}, at list prices"


def _deferred(study: Study, name: str) -> str:
    content: Any = deferred_content(study, name)
    if content is None:
        return ""
    hours = content["deadline_hours"]
    limit = "without limit" if math.isinf(hours) else f"{hours:g} h"
    target = study.plan.scenario.overflow_target(name)
    rest = "is rejected" if target is None else f"goes to the batch API of {target}"
    what = f"{percent(content['request_share'])} of the requests can wait {limit}; idle capacity serves"
    if content["left_share"] == 0:
        return f"{what} all of those"
    return f"{what} {percent(content['served_share'])} of those, {percent(content['left_share'])} {rest}"
