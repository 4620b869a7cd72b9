"""The answer in the terminal: a sentence, the options, the crossings, what to mind. Plain where it is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from rich.markup import escape
from rich.table import Table

from simulator.presentation.console import console_for, plain_table
from simulator.presentation.decision import decision_sentence
from simulator.presentation.energy_wording import energy_table
from simulator.presentation.mix_wording import mix_rows, mix_sentence
from simulator.presentation.numbers import number
from simulator.presentation.service_wording import COLUMNS, service_cells, service_shown, service_title
from simulator.presentation.summary import assumptions, figures_used, warnings
from simulator.presentation.wording import at_own_volume, counts_requests, volume_words
from simulator.simulation.results import Ledger
from simulator.simulation.service import OptionService
from simulator.solving.study import OptionAtVolume, Pair, Study, requests_per_day

_FEW_USD = 9.5


def print_study(
    study: Study, ledgers: Mapping[str, Ledger], files: Sequence[Path], stream: IO[str], changed: Sequence[str] = ()
) -> None:
    """Print the decision summary of a run; `changed` are the keys set beside the scenario's file."""
    console = console_for(stream)
    console.print(f"\n[bold]{escape(study.title)}[/bold]\n")
    console.print(escape(decision_sentence(study, ledgers)))
    for mix in study.mixes.values():
        console.print(escape(mix_sentence(mix)))
    console.print()
    console.print(_options_table(study, ledgers))
    services = service_shown(study)
    if services:
        console.print(_service_table(study, services.values()))
    console.print(_crossings_table(study))
    for mix in study.mixes.values():
        console.print(mix_rows(mix))
    energy = energy_table(study)
    if energy is not None:
        console.print(energy)
    for text in warnings(study, ledgers):
        console.print(f"[yellow]![/yellow] {escape(text)}")
    if changed:
        console.print(f"- not as in the file: {escape(', '.join(changed))}")
    for text in assumptions(study):
        console.print(f"[dim]- {escape(text)}[/dim]")
    console.print("[dim]Stands on:[/dim]")
    for text in _figure_lines(study):
        console.print(f"[dim]- {escape(text)}[/dim]")
    if files:
        console.print(f"\nWritten to {escape(str(files[0].parent))}: {', '.join(path.name for path in files)}")


def _figure_lines(study: Study) -> list[str]:
    """Figures that costs stand on, option by option; then those of energy alone, each once for all that share it."""
    lines = []
    of_energy: dict[str, list[str]] = {}
    for figure in figures_used(study):
        day = "undated" if figure.as_of is None else figure.as_of
        weak = ", unverified" if figure.unverified else ""
        text = f"{figure.what}: {figure.value} ({figure.source}, {day}{weak})"
        if figure.for_energy:
            of_energy.setdefault(text, []).append(figure.option)
        else:
            lines.append(f"{figure.option}: {text}")
    return lines + [f"energy of {', '.join(names)}: {text}" for text, names in of_energy.items()]


def _options_table(study: Study, ledgers: Mapping[str, Ledger]) -> Table:
    here = at_own_volume(study)
    both = here if counts_requests(study) else f"{here} ({study.requests_per_day:,.0f} requests a day)"
    table = plain_table(f"{both}, run rate")
    horizon = f"over {study.plan.scenario.horizon.in_months:g} months"
    for name in (
        "option",
        "USD a month",
        "per 1,000 requests",
        "per M tokens",
        horizon,
        "utilization",
        "not by the fleet",
    ):
        table.add_column(name, justify="left" if name == "option" else "right", no_wrap=name == "option")
    for option in sorted(study.options.values(), key=lambda one: one.usd_per_month):
        table.add_row(*_option_cells(study, option, ledgers.get(option.name)))
    return table


def _option_cells(study: Study, option: OptionAtVolume, ledger: Ledger | None) -> list[str]:
    fleet = option.kind == "self_hosted"
    left = option.overflow_share + option.rejected_share
    return [
        escape(option.name) + _remark(study, option),
        _usd(option.usd_per_month),
        f"{option.unit_costs.usd_per_1000_requests:,.4g}",
        "" if counts_requests(study) else f"{option.unit_costs.usd_per_mtok_total:,.4g}",
        "" if ledger is None else _usd(ledger.total_usd),
        f"{option.utilization_share:.0%}" if fleet else "",
        f"{left:.2%}" if fleet or left > 0 else "",
    ]


def _usd(amount: float) -> str:
    """Whole dollars; three digits where they are few."""
    return number(amount) if 0 < abs(amount) < _FEW_USD else f"{amount:,.0f}"


def _remark(study: Study, option: OptionAtVolume) -> str:
    if option.name == study.baseline:
        return " (baseline)"
    return " (lower bound)" if option.is_lower_bound else ""


def _service_table(study: Study, services: Iterable[OptionService]) -> Table:
    table = plain_table(service_title(study))
    rows = [service_cells(study, service) for service in services]
    shown = [place for place in range(len(COLUMNS)) if any(row[place] for row in rows)]
    for name in (COLUMNS[place] for place in shown):
        table.add_column(name, justify="left" if name == "option" else "right", no_wrap=name == "option")
    for row in rows:
        table.add_row(*(escape(row[place]) for place in shown))
    return table


def _crossings_table(study: Study) -> Table:
    table = plain_table(f"Against {study.baseline}, over every volume")
    names = ("challenger", "first pays at", "for good from", "requests a day", "crossings", "break-even utilization")
    for name in names:
        table.add_column(name, justify="left" if name == "challenger" else "right", no_wrap=name == "challenger")
    for pair in study.pairs.values():
        table.add_row(*_pair_cells(study, pair))
    return table


def _pair_cells(study: Study, pair: Pair) -> list[str]:
    share, words = pair.breakeven_utilization_share, volume_words(study)
    settled = "" if pair.settled is None else f"{requests_per_day(study.plan, pair.settled):,.0f}"
    return [
        escape(pair.challenger),
        "never" if pair.first is None else ("any volume" if pair.first == 0 else words(pair.first, 3)),
        (pair.reason or "").replace("_", " ")
        if pair.settled is None
        else ("any volume" if pair.settled == 0 else words(pair.settled, 3)),
        settled,
        str(len(pair.crossings)),
        "" if share is None else ("never" if share > 1 else f"{share:.0%}"),
    ]
