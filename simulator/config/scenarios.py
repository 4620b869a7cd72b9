"""Scenario files, bundled or the user's, into a checked scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from simulator._paths import data_folder
from simulator.config.completing import completed
from simulator.config.faults import Fault, Faults, nearest_hint
from simulator.config.field_lookup import locate_key
from simulator.config.overrides import override_document
from simulator.config.second_look import MakePlan, hidden_faults, is_new
from simulator.config.translation import translate
from simulator.config.uncertain_inputs import with_written
from simulator.config.yaml_reader import Document, read_document
from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import Plan, PlanFault
from simulator.domain.scenario import Scenario

_AT_LEAST = "title, traffic, workload and options"
IS_A_SWEEP = "is a sweep, not a scenario; try `breakeven sweep {0}`, or with --dry-run to check it"
IS_A_SCENARIO = "is a scenario, not a sweep; try `breakeven run {0}`, or name it as `base` in a sweep file"


def bundled_scenarios() -> dict[str, Path]:
    """Scenarios that come with the package, by name."""
    return {path.stem: path for path in sorted(data_folder("scenarios").glob("*.yaml"))}


def bundled_sweeps() -> dict[str, Path]:
    """Sweeps that come with the package, by name."""
    return {path.stem: path for path in sorted((data_folder("scenarios") / "sweeps").glob("*.yaml"))}


def scenario_path(name_or_path: str | Path) -> Path:
    """File of a scenario: a path that exists or looks like one, else a bundled name.

    Raises
    ------
    Faults
        If it is neither; the message names the bundled scenarios.
    """
    return named_file(str(name_or_path), bundled_scenarios(), "scenario")


def named_file(name_or_path: str, bundled: Mapping[str, Path], what: str) -> Path:
    """A path that exists or looks like one, else what is bundled under that name; raises `Faults` if it is neither."""
    path = Path(name_or_path)
    try:
        exists = path.exists()
    except OSError as error:  # a name too long to be one, for instance
        raise Faults([Fault(name_or_path, None, "", f"is no file: {error.strerror}")]) from None
    if name_or_path and (exists or path.suffix in (".yaml", ".yml") or len(path.parts) > 1):
        return path
    if name_or_path in bundled:
        return bundled[name_or_path]
    if name_or_path in {**bundled_scenarios(), **bundled_sweeps()}:
        text = IS_A_SWEEP if what == "scenario" else IS_A_SCENARIO
        raise Faults([Fault(name_or_path, None, "", text.format(name_or_path))])
    hint = nearest_hint(name_or_path, bundled)
    message = f"is no file and no bundled {what}; bundled are {', '.join(bundled)}{hint}"
    raise Faults([Fault(name_or_path or "''", None, "", message)])


def scenario_document(
    scenario: str | Path | Mapping[str, Any], overrides: Mapping[str, object] | None = None, origin: str = "--set"
) -> Document:
    """The scenario as plain data with the place of every key, overrides applied."""
    if isinstance(scenario, Mapping):
        document = Document(None, plain_data(scenario))
    else:
        document = read_document(scenario_path(scenario), _AT_LEAST)
        if isinstance(document.data, Mapping) and "base" in document.data and "options" not in document.data:
            raise Faults([Fault(document.name, None, "", IS_A_SWEEP.format(document.name))])
    return override_document(document, overrides, origin) if overrides else document


def parse_scenario(document: Document) -> Scenario:
    """The scenario in a document; raises `Faults` with everything that is wrong with it."""
    return _checked(*completed(document))


def _checked(whole: Document, faults: list[Fault]) -> Scenario:
    """The scenario in a completed document, unless there are faults already or it has some."""
    try:
        scenario = Scenario.model_validate(whole.data)
    except ValidationError as error:
        known = [locate_key(whole.data, fault.key) for fault in faults]
        found = translate(error, whole, Scenario)
        raise Faults([*faults, *(fault for fault in found if is_new(whole, fault, known))]) from None
    if faults:
        raise Faults(faults)
    if whole.name is not None:
        scenario = _beside(scenario, Path(whole.name).parent)
    scenario, faults = with_written(scenario, whole)
    if faults:
        raise Faults(faults)
    return scenario


def load_scenario(
    scenario: str | Path | Mapping[str, Any],
    overrides: Mapping[str, object] | None = None,
    *,
    make_plan: MakePlan,
) -> Scenario:
    """Read and check a scenario, its references looked up with `make_plan`; raises `Faults` with all that is wrong."""
    document = scenario_document(scenario, overrides, origin="overrides")
    return check_plan(document, make_plan, infeasible=False).scenario


def plan_faults(plan: Plan, document: Document, *, infeasible: bool = True) -> list[Fault]:
    """What is wrong with a plan, at the lines of the file; without what is only infeasible, if so asked.

    An option that does not meet the requirements is no fault, it is left out; but the baseline is what all others are
    held against.
    """
    baseline = plan.scenario.baseline
    faults = []
    for name, of_option in plan.faults.items():
        for fault in of_option:
            left_out = fault.is_requirement and name != baseline
            if left_out or (fault.infeasible and not infeasible):
                continue
            needed = f"; '{name}' is the baseline, name another one in comparison" if fault.is_requirement else ""
            faults.append(_at_its_line(document, fault, needed))
    return faults


def check_can_be_had(plan: Plan, document: Document, names: Iterable[str]) -> None:
    """Raises `Faults` with the reasons, at their lines, if one of the options can't be had."""
    whole, _ = completed(document)
    faults = [_at_its_line(whole, fault) for name in dict.fromkeys(names) for fault in plan.faults.get(name, ())]
    if faults:
        raise Faults(faults)


def _at_its_line(document: Document, fault: PlanFault, more: str = "") -> Fault:
    file, line = document.place_of(locate_key(document.data, fault.key))
    return Fault(file, line, fault.key, fault.text + more)


def check_plan(document: Document, make_plan: MakePlan, *, infeasible: bool = True) -> Plan:
    """The plan of a document's scenario; raises `Faults` with everything that is wrong with it.

    `infeasible` says whether a wish that can't be had (a model that does not fit its GPUs) counts as a fault.
    """
    whole, found = completed(document)
    try:
        scenario = _checked(whole, found)
    except Faults as error:
        raise Faults([*error.faults, *hidden_faults(whole, error.faults, make_plan)]) from None
    plan = make_plan(scenario)
    faults = plan_faults(plan, whole, infeasible=infeasible)
    if faults:
        raise Faults(faults)
    return plan


def _beside(scenario: Scenario, folder: Path) -> Scenario:
    """The scenario with the files it names looked for in the folder of its own file."""
    options = dict(scenario.options)
    for name, option in scenario.options.items():
        if isinstance(option, SelfHostedOption) and option.throughput is not None and option.throughput.measurements:
            path = str(folder / option.throughput.measurements)
            throughput = option.throughput.model_copy(update={"measurements": path})
            options[name] = option.model_copy(update={"throughput": throughput})
    return scenario.model_copy(update={"options": options})


def plain_data(value: Any) -> Any:
    """Mappings, lists and numbers of numpy as plain ones, so that a mapping from Python reads like a file."""
    if isinstance(value, Mapping):
        return {key: plain_data(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return [plain_data(entry) for entry in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value
