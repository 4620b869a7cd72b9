"""What is not the same in all of several runs: inputs, figures of the catalogue, results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.domain.compared import AT_RUN_RATE, ComparedRun, Value, is_same

PER_MTOK, OVER_HORIZON = "USD per million tokens", "USD over the horizon"
NEVER = "never"  # in place of a volume
Held = Sequence[tuple[str, str]]  # options held against each other: the first run's name, the other's

_UNITS = {
    "usd_per_month": "USD per month",
    "usd_per_1000_requests": "USD per 1,000 requests",
    "usd_per_mtok_output": "USD per million output tokens",
    "usd_per_mtok_total": PER_MTOK,
    "utilization_share": "share, 0 to 1",
    "overflow_share": "share, 0 to 1",
    "rejected_share": "share, 0 to 1",
    "queued_share": "share, 0 to 1",
    "peak_replicas": "replicas",
    "horizon_usd": OVER_HORIZON,
    "one_off_usd": "USD",
    "tokens_per_month": "tokens per month",
    "requests_per_day": "requests per day",
    "tokens_per_request": "tokens",
    "first_tokens_per_month": "tokens per month",
    "settled_tokens_per_month": "tokens per month",
    "breakeven_utilization_share": "share, 0 to 1",
}


@dataclass(frozen=True)
class Difference:
    """Something that is not the same in all that are compared; one value each, None where it has none."""

    option: str  # as the first names it; empty where it is of no option
    key: str
    unit: str
    of_runs: tuple[Value, ...]


def differing_inputs(runs: Sequence[ComparedRun], held: Sequence[Held]) -> tuple[Difference, ...]:
    """Keys that are not the same in all runs; options go by the names of the first. `held` has one entry a further run.

    Of what is absent somewhere (another kind, an option of its own) only the keys that are no defaults are told.
    """
    renamed = [_renamed_inputs(run, names) for run, names in zip(runs, _names(runs, held), strict=True)]
    keys = dict.fromkeys(key for _, given in renamed for key in given)
    sections = list(dict.fromkeys(_section(key) for key in keys))
    found = []
    for key in sorted(keys, key=lambda key: sections.index(_section(key))):
        values = tuple(inputs.get(key) for inputs, _ in renamed)
        if not is_same(values):
            found.append(Difference("", key, "", values))
    return tuple(found)


def _section(key: str) -> str:
    """The part of a scenario that a key belongs to: an option by its name, else the first part of the key."""
    parts = key.split(".")
    return ".".join(parts[:2] if parts[0] == "options" else parts[:1])


def differing_figures(runs: Sequence[ComparedRun], held: Sequence[Held]) -> tuple[Difference, ...]:
    """Figures of the catalogue that are not the same for all runs."""
    renamed = [
        {(names.get(option, option), what): value for (option, what), value in run.figures.items()}
        for run, names in zip(runs, _names(runs, held), strict=True)
    ]
    keys = dict.fromkeys(key for figures in renamed for key in figures)
    rows = [Difference(option, what, "", tuple(one.get((option, what)) for one in renamed)) for option, what in keys]
    return tuple(row for row in rows if not is_same(row.of_runs))


def differing_results(runs: Sequence[ComparedRun], held: Sequence[Held]) -> tuple[Difference, ...]:
    """Results that are not the same in all runs: volume, choice, then option by option, then the break-evens."""
    renamed = [_results(run, names) for run, names in zip(runs, _names(runs, held), strict=True)]
    keys = sorted(dict.fromkeys(key for results in renamed for key in results), key=lambda key: _PARTS.index(key[0]))
    rows = [
        Difference(option, key, _UNITS.get(key, ""), tuple(results.get((part, option, key)) for results in renamed))
        for part, option, key in keys
    ]
    return tuple(row for row in rows if not is_same(row.of_runs) and set(row.of_runs) != {None, 0.0})


_PARTS = ("volume", "decision", "option", "pair")


def _results(run: ComparedRun, names: Mapping[str, str]) -> dict[tuple[str, str, str], Value]:
    """Every result by part, option and name."""
    found: dict[tuple[str, str, str], Value] = {
        ("volume", "", key): getattr(run, key) for key in ("tokens_per_month", "requests_per_day", "tokens_per_request")
    }
    found["decision", "", "cheapest"] = names.get(run.cheapest, run.cheapest)
    found["decision", "", "action"] = run.action
    for name, option in run.options.items():
        for key in (*AT_RUN_RATE, "horizon_usd", "one_off_usd"):
            found["option", names.get(name, name), key] = option.results.get(key)
    for name, pair in run.pairs.items():
        of = names.get(name, name)
        found["pair", of, "first_tokens_per_month"] = NEVER if pair.first is None else pair.first
        found["pair", of, "settled_tokens_per_month"] = pair.reason if pair.settled is None else pair.settled
        found["pair", of, "cause"] = pair.cause
        found["pair", of, "breakeven_utilization_share"] = pair.breakeven_utilization_share
    return found


def _renamed_inputs(run: ComparedRun, names: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Inputs and given keys with the options under the names of the first."""

    def renamed(key: str) -> str:
        for name, first in names.items():
            if name != first and key.startswith(f"options.{name}."):
                return f"options.{first}.{key.removeprefix(f'options.{name}.')}"
        return key

    inputs = {renamed(key): value for key, value in run.inputs.items()}
    return inputs, [renamed(key) for key in run.inputs if key in run.given]


def _names(runs: Sequence[ComparedRun], held: Sequence[Held]) -> list[dict[str, str]]:
    """For each run, the first one's name of each of its options that is held.

    An option that is not held, but has the name of one that is, goes by the name of its run as well.
    """
    names: list[dict[str, str]] = [{}]
    for run, pairs in zip(runs[1:], held, strict=True):
        of_run = {other: one for one, other in pairs}
        taken = set(of_run.values())
        alike = [name for name in {**run.options, **run.pairs} if name in taken and name not in of_run]
        names.append(of_run | {name: f"{name} of {run.name}" for name in alike})
    return names
