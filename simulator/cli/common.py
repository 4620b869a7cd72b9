"""What the commands share: overrides, output folders, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from simulator.config.faults import Fault
    from simulator.config.yaml_reader import Document
    from simulator.domain.plans import Plan

Command = TypeVar("Command", bound=Callable[..., Any])


def set_option(command: Command) -> Command:
    """The option `--set key=value`, any number of times."""
    text = "Set a key, e.g. --set traffic.growth_per_month=0.05; any dotted key, any number of times."
    return click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help=text)(command)


def output_option(command: Command) -> Command:
    """The option `--output`."""
    text = "Folder for the results; each scenario gets a folder of its own in it."
    kind = click.Path(path_type=Path)
    return click.option("-o", "--output", type=kind, default=Path("reports"), show_default=True, help=text)(command)


def json_option(command: Command) -> Command:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON instead of words.")(command)


def parsed_overrides(overrides: tuple[str, ...], origin: str = "--set") -> dict[str, object]:
    """Texts of `--set`, or another option, as values by dotted key; raises `Faults` with everything wrong in them."""
    from simulator.config.faults import Faults
    from simulator.config.overrides import parse_override

    values: dict[str, object] = {}
    faults: list[Fault] = []
    for text in overrides:
        try:
            parts, value = parse_override(text, origin)
        except Faults as error:
            faults += error.faults
        else:
            values[".".join(parts)] = value
    if faults:
        raise Faults(faults)
    return values


def checked_plans(scenarios: tuple[str, ...], overrides: tuple[str, ...]) -> list[tuple[str, Document, Plan]]:
    """Name, document and plan of every scenario; raises `Faults` with everything wrong in any of them."""
    from simulator.catalogue.planning import make_plan
    from simulator.config.faults import Faults
    from simulator.config.scenarios import check_plan, scenario_document

    values = parsed_overrides(overrides)
    plans: list[tuple[str, Document, Plan]] = []
    faults: list[Fault] = []
    for scenario in scenarios:
        try:
            document = scenario_document(scenario, values)
            plan = check_plan(document, make_plan)
            check_demand(document, plan)
        except Faults as error:
            faults += error.faults
        else:
            plans.append((Path(scenario).stem, document, plan))
    if faults:
        raise Faults(faults)
    return plans


def check_demand(document: Document, plan: Plan) -> None:
    """Draw the demand, which whoever simulates needs; raises `Faults` where there is none over the horizon."""
    from simulator.config.faults import Fault, Faults
    from simulator.simulation.shared_costs import demand_of

    try:
        demand_of(plan)
    except ValueError as error:
        key, _, text = str(error).partition(": ")
        file, line = document.place_of(tuple(key.split(".")))
        raise Faults([Fault(file, line, key, text)]) from None


def distinct_names(names: list[str]) -> None:
    """Refuse two scenarios that would write to one folder."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two scenarios are named '{twice[0]}' and would write to one folder; run them apart")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Say on stderr what is being done, where stderr is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text} ...", nl=False, err=True)
    yield
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
