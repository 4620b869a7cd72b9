"""`breakeven compare`: what differs between scenarios or finished runs, and which lines of the bill explain it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.cli.common import (
    check_demand,
    json_option,
    output_option,
    parsed_overrides,
    progress,
    set_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.config.faults import Fault
    from simulator.domain.compared import ComparedRun
    from simulator.domain.plans import Plan

_WITH = "--with"


@click.command("compare")
@click.argument("things", metavar="A [B...]", nargs=-1, required=True)
@click.option(
    _WITH,
    "variant",
    metavar="KEY=VALUE",
    multiple=True,
    help="Hold scenario A against itself with other keys, any number of times, in place of a B.",
)
@click.option(
    "--option",
    "options",
    metavar="NAME[=OTHER]",
    multiple=True,
    help="Options to hold against each other: one of A, and its counterpart in B if that has another name.",
)
@click.option(
    "--challenger",
    metavar="NAME[=OTHER]",
    default=None,
    help="Challenger whose difference to the baseline is explained.",
)
@click.option("--over-time", is_flag=True, help="Compare bills over the horizon instead of the run rate.")
@set_option
@output_option
@json_option
def command(
    things: tuple[str, ...],
    variant: tuple[str, ...],
    options: tuple[str, ...],
    challenger: str | None,
    over_time: bool,
    overrides: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> None:
    """What differs between runs in input and in result, and which lines of the bill explain it.

    A and B are scenarios (a file, or the name of a bundled one) or finished runs (the folder with its summary.json);
    all others are held against A. Options are held against those of their name, else baseline against baseline and
    first challenger against first challenger. Writes compare.json, compare.csv, waterfall.png and waterfall.pdf to
    OUTPUT/<A>-vs-<B>/.

    \b
    Examples:  breakeven compare support-chatbot --with options.llama-a10g.rental.usd_per_gpu_hour=0.8
               breakeven compare reports/support-chatbot support-chatbot
    """
    from simulator.catalogue.planning import make_plan
    from simulator.presentation.compare_report import (
        compare_content,
        compare_folder,
        print_comparisons,
        write_compare_report,
    )
    from simulator.presentation.files import json_text
    from simulator.solving.compared_study import comparison_of

    wanted = [_names(text, "--option") for text in options]
    challengers = None if challenger is None else _names(challenger, "--challenger")
    first, *others = _runs(things, variant, overrides)
    with progress("comparing"):
        comparisons = [
            comparison_of(first, other, make_plan, options=wanted, challengers=challengers, over_time=over_time)
            for other in others
        ]
        folders = [output / compare_folder(one) for one in comparisons]
        if len(set(folders)) < len(folders):
            raise ValueError(f"two comparisons would write to {folders[0]}; compare them apart")
    with progress("writing"):
        files = [write_compare_report(one, folder) for one, folder in zip(comparisons, folders, strict=True)]
    contents = [compare_content(one) for one in comparisons]
    if as_json:
        click.echo(json_text(contents[0] if len(contents) == 1 else contents), nl=False)
    else:
        print_comparisons(comparisons, files, sys.stdout)


def _names(text: str, option: str) -> tuple[str, str]:
    """The two names of `NAME=OTHER`; of `NAME` alone twice the same."""
    one, equals, other = (part.strip() for part in text.partition("="))
    if not one or (equals and not other):
        raise ValueError(f"{option} {text}: must be NAME, or NAME=OTHER")
    return one, other or one


def _runs(things: tuple[str, ...], variant: tuple[str, ...], overrides: tuple[str, ...]) -> list[ComparedRun]:
    """What is to be compared, each checked before the first is simulated."""
    from simulator import __version__
    from simulator.config.faults import Faults
    from simulator.config.finished_runs import is_finished_run, read_finished_run
    from simulator.solving.compared_study import solved_run

    common, other_keys = parsed_overrides(overrides), parsed_overrides(variant, _WITH)
    _check_arguments(things, variant, common)
    names = _distinct(things)
    prepared: list[ComparedRun | tuple[str, Plan]] = []
    faults: list[Fault] = []
    for name, thing in zip(names, things, strict=True):
        try:
            if is_finished_run(thing):
                prepared.append(read_finished_run(thing, __version__, name))
            else:
                prepared.append((name, _plan(thing, common)))
        except Faults as error:
            faults += error.faults
    if faults:
        raise Faults(faults)
    if variant:
        name = f"with {', '.join(_short(text) for text in variant)}"
        prepared.append((name, _plan(things[0], common, other_keys)))
    runs = []
    for one in prepared:
        if isinstance(one, tuple):
            with progress(f"{one[0]}: simulating and solving"):
                runs.append(solved_run(*one))
        else:
            runs.append(one)
    return runs


def _check_arguments(things: tuple[str, ...], variant: tuple[str, ...], common: Mapping[str, object]) -> None:
    """Refuse too few or too many to compare, and keys where there is no scenario to set them in."""
    from simulator.config.finished_runs import is_finished_run

    if variant and len(things) > 1:
        raise ValueError(f"{_WITH} holds one scenario against itself; {len(things)} are given: {', '.join(things)}")
    if variant and is_finished_run(things[0]):
        raise ValueError(f"{_WITH} needs a scenario to set keys in; '{things[0]}' is a finished run")
    if len(things) < 2 and not variant:
        raise ValueError(f"'{things[0]}' alone can't be compared; name another one, or keys with {_WITH} KEY=VALUE")
    if common and all(is_finished_run(thing) for thing in things):
        raise ValueError("--set needs a scenario to set keys in; only finished runs are given")
    twice = sorted({thing for thing in things if things.count(thing) > 1})
    if twice:
        raise ValueError(f"'{twice[0]}' is given twice; {_WITH} KEY=VALUE holds a scenario against itself")


def _distinct(things: tuple[str, ...]) -> list[str]:
    """Names of what is compared: the file's or folder's; where two share one, as they were given."""
    from simulator.config.finished_runs import is_finished_run, run_name

    short = [run_name(Path(thing)) if is_finished_run(thing) else Path(thing).stem for thing in things]
    return [name if short.count(name) == 1 else thing for name, thing in zip(short, things, strict=True)]


def _plan(scenario: str, values: Mapping[str, object], variant: Mapping[str, object] | None = None) -> Plan:
    """The plan of a scenario with the keys of `--set`, then those of `--with`; what can't be had is no fault here."""
    from simulator.catalogue.planning import make_plan
    from simulator.config.overrides import override_document
    from simulator.config.scenarios import check_plan, scenario_document

    with progress(f"checking {scenario}"):
        document = scenario_document(scenario, values)
        if variant:
            document = override_document(document, variant, _WITH)
        plan = check_plan(document, make_plan, infeasible=False)
        check_demand(document, plan)
    return plan


def _short(override: str) -> str:
    """The last part of an override's key with its value: 'usd_per_gpu_hour=2.0'."""
    key, _, value = override.partition("=")
    return f"{key.strip().rsplit('.', 1)[-1]}={value.strip()}"
