"""Plans of a scenario with the overrides of levers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator.config.completing import completed
from simulator.config.faults import Faults
from simulator.config.overrides import override_document
from simulator.config.scenarios import check_plan
from simulator.config.second_look import MakePlan
from simulator.config.yaml_reader import Document
from simulator.domain.plans import Plan

ORIGIN = "levers"


def plan_with(document: Document, make_plan: MakePlan) -> Callable[[Mapping[str, object]], Plan]:
    """From overrides to the plan with them; raises `ValueError` where they can't be had.

    Where the request classes come from a preset or a recording, an override of one of them is made on all of them.
    """

    def planned(overrides: Mapping[str, object]) -> Plan:
        base = document
        if any(key.startswith("workload.") for key in overrides):
            data: Any = document.data
            whole: Any = completed(document)[0].data
            if not data.get("workload") and whole.get("workload"):
                base = override_document(document, {"workload": whole["workload"]}, ORIGIN)
        try:
            return check_plan(override_document(base, overrides, ORIGIN), make_plan, infeasible=False)
        except Faults as error:  # the keys are the lever's, so that a place in the file would mislead
            raise ValueError("\n".join(f"{fault.key}: {fault.message}" for fault in error.faults)) from None

    return planned
