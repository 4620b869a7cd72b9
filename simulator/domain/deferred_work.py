"""The part of the requests that may wait, as plain numbers for each mean request of a scenario, all classes counted."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.domain.api_plans import ApiPlan


@dataclass(frozen=True)
class DeferredWork:
    """What a fleet does, and is paid for, with the classes that can wait.

    `overflow` and `escalated` hold the prices of those classes alone, `interactive_overflow` those of the others; each
    for a mean request of the scenario, so that the two parts add up to it.
    """

    seconds_per_request: float  # replica-seconds of work that can wait, in a mean request of the scenario
    request_share: float  # of the requests
    token_share: float  # of the tokens, input and output
    deadline_s: float
    interactive_overflow: ApiPlan | None  # None: rejected
    overflow: ApiPlan | None
    escalated: ApiPlan | None
    rejected_usd_per_request: float
    variable_usd_per_request: float
