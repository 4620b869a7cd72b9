"""A pair over the horizon: in words, as plain numbers, as a table, and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from rich.markup import escape

from simulator import __version__
from simulator.domain.plans import Array, Plan
from simulator.presentation.charts.calendar_volume import calendar_volume_chart
from simulator.presentation.charts.cumulative import cumulative_chart
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.files import json_text, without_infinity, write_tables, write_text
from simulator.presentation.horizon_wording import (
    budget_content,
    budget_sentences,
    pair_content,
    percent_of,
    rate_warnings,
    sentences,
    turns_away,
    unserved_sentence,
)
from simulator.presentation.numbers import number, usd
from simulator.presentation.report import write_figure
from simulator.simulation.ledger import run_rate
from simulator.simulation.results import Ledger
from simulator.solving.budget_view import Budget, budget_of
from simulator.solving.calendar_volumes import VolumesOverTime, prices_move, volumes_over_time
from simulator.solving.horizon import OverTime, ledger_pair, over_time
from simulator.solving.switching import Switching, switching


@dataclass(frozen=True)
class HorizonView:
    """Everything that is told of a pair over the horizon."""

    plan: Plan
    ledgers: Mapping[str, Ledger]
    path: OverTime
    switch: Switching
    budgets: Mapping[str, Budget]
    run_rate_saving_usd: float
    volumes: VolumesOverTime | None  # None: no price moves, so that the break-even volume stays what it is

    @property
    def sentences(self) -> list[str]:
        """The answer in words."""
        unserved = unserved_sentence(self.ledgers.values())
        found = [
            *([unserved] if unserved else []),
            *sentences(self.path, self.plan, self.run_rate_saving_usd),
            switch_sentence(self.path, self.switch),
        ]
        if self.volumes is not None:
            found.append(volume_sentence(self.volumes))
        return found + budget_sentences(self.plan, self.budgets)

    @property
    def warnings(self) -> list[str]:
        """What to mind of the two options and of the rates."""
        others = self.plan.scenario.options.keys() - {self.path.baseline, self.path.challenger}
        told = [text for text in self.plan.warnings if text.partition(": ")[0] not in others]
        told += [text for ledger in self.ledgers.values() for text in ledger.warnings]
        return list(dict.fromkeys(told + rate_warnings(self.plan.scenario)))


def horizon_view(plan: Plan, challenger: str) -> HorizonView:
    """Simulate both options of a pair and look at them month by month; raises `ValueError` if one can't be planned."""
    pair = ledger_pair(plan, challenger)
    ledgers: dict[str, Ledger] = {ledger.option: ledger for ledger in pair}
    volume = np.array([plan.scenario.tokens_per_month])
    rates = [float(run_rate(plan, name, volume).usd_per_month[0]) for name in ledgers]
    return HorizonView(
        plan=plan,
        ledgers=ledgers,
        path=over_time(plan, challenger, ledgers),
        switch=switching(plan, challenger, ledgers),
        budgets={name: budget_of(plan, ledger) for name, ledger in ledgers.items()},
        run_rate_saving_usd=rates[0] - rates[1],
        volumes=volumes_over_time(plan, challenger) if prices_move(plan, tuple(ledgers)) else None,
    )


def volume_sentence(volumes: VolumesOverTime) -> str:
    """What becomes of the break-even volume as prices move."""
    ends = []
    for place in (0, -1):
        tokens, month = volumes.settled[place], volumes.month_starts[place]
        what = "none" if np.isnan(tokens) else ("any" if tokens == 0 else number(float(tokens)))
        ends.append(f"{what} at the prices of {month:%B %Y}")
    demand = " to ".join(number(float(volumes.demand_tokens_per_month[place])) for place in (0, -1))
    return f"The break-even volume is {ends[0]} and {ends[1]}; the demand goes from {demand} tokens a month."


def switch_sentence(path: OverTime, switch: Switching) -> str:
    """The month in which switching costs least, and what it costs to do so at once, or never."""
    month, regret = switch.best_month, switch.regret_usd
    if month is None:
        return f"It costs least never to switch: switching at once costs {usd(float(regret[0]))} more."
    never = f"never to switch {usd(float(regret[-1]))} more"
    if month == 0:
        return f"It costs least to switch at once: {never}."
    start = path.month_starts[month]
    when = f"{start.day} {start:%B %Y}, {_after(month)}"
    return f"It costs least to switch on {when}: at once costs {usd(float(regret[0]))} more, {never}."


def _after(month: int) -> str:
    return f"after {month} {'month' if month == 1 else 'months'}"


def horizon_content(view: HorizonView) -> dict[str, Any]:
    """The answer as plain numbers."""
    path, switch = view.path, view.switch
    month = switch.best_month
    content = {
        "breakeven_version": __version__,
        "title": view.plan.scenario.title,
        "sentences": view.sentences,
        "warnings": view.warnings,
        "baseline": path.baseline,
        "challenger": path.challenger,
        "tokens_per_month": view.plan.scenario.tokens_per_month,
        "months": float(path.ends_months[-1]),
        **pair_content(path),
        "switch": {
            "best_month": month,
            "best_start": None if month is None else path.month_starts[month].date().isoformat(),
            "is_discounted": switch.is_discounted,
            "cost_usd_by_month_and_never": [float(cost) for cost in switch.cost_usd],
            "regret_usd_by_month_and_never": [float(regret) for regret in switch.regret_usd],
        },
    }
    if view.volumes is not None:
        content["break_even_volume"] = [
            {
                "month": int(month),
                "start": start.date().isoformat(),
                "first_tokens_per_month": float(first),
                "settled_tokens_per_month": float(settled),
                "reason": reason,
                "demand_tokens_per_month": float(demand),
            }
            for month, start, first, settled, reason, demand in zip(
                view.volumes.months,
                view.volumes.month_starts,
                view.volumes.first,
                view.volumes.settled,
                view.volumes.reasons,
                view.volumes.demand_tokens_per_month,
                strict=True,
            )
        ]
    if view.plan.scenario.finance.is_budgeted:
        content["budget"] = {name: budget_content(budget) for name, budget in view.budgets.items()}
    return {key: without_infinity(value) for key, value in content.items()}


def horizon_table(view: HorizonView) -> pd.DataFrame:
    """One row a bill month: charges, cash, the sum saved, cost and regret of a switch in it, shares of revenue."""
    path = view.path
    columns: dict[str, Array | list[Any]] = {
        "month": np.arange(path.ends_months.size),
        "month_start": [start.date().isoformat() for start in path.month_starts],
        "baseline_usd": path.baseline_usd,
        "challenger_usd": path.challenger_usd,
        "baseline_cash_usd": path.baseline_cash.at_starts_usd + path.baseline_cash.through_usd,
        "challenger_cash_usd": path.challenger_cash.at_starts_usd + path.challenger_cash.through_usd,
        "saved_usd": path.saved_usd,
        "switch_cost_usd": view.switch.cost_usd[:-1],
        "switch_regret_usd": view.switch.regret_usd[:-1],
    }
    if view.plan.scenario.finance.has_revenue:
        for name, budget in view.budgets.items():
            columns[f"{name} share_of_revenue"] = budget.share
            columns[f"{name} gross_margin"] = budget.gross_margin
    return pd.DataFrame(columns)


def write_horizon_report(view: HorizonView, folder: Path) -> list[Path]:
    """Write horizon.json, horizon.csv and the chart; raises `OSError` if the folder can't be made or written to."""
    folder.mkdir(parents=True, exist_ok=True)
    chart = cumulative_chart(view.plan.scenario.title, view.path, view.switch, view.sentences)
    written = [
        write_text(folder / "horizon.json", json_text(horizon_content(view))),
        write_tables(folder / "horizon.csv", [horizon_table(view)]),
        write_figure(folder / "horizon.png", chart),
        write_figure(folder / "horizon.pdf", chart),
    ]
    if view.volumes is not None:
        said = volume_sentence(view.volumes)
        subtitles = [said, said.partition(";")[0] + ".", "Break-even volume at the prices of each month"]
        volumes = calendar_volume_chart(view.plan.scenario.title, subtitles, view.path, view.volumes)
        written += [write_figure(folder / f"break-even-volume.{ending}", volumes) for ending in ("png", "pdf")]
    return written


def print_horizon(view: HorizonView, files: Sequence[Path], stream: IO[str]) -> None:
    """Print the answer: sentences, every date, the worth, the budget."""
    console = console_for(stream)
    console.print(f"\n[bold]{escape(view.plan.scenario.title)}[/bold]\n")
    console.print(escape(" ".join(view.sentences)))
    console.print()
    console.print(_dates(view.path))
    if view.plan.scenario.finance.is_budgeted:
        console.print(_budget(view))
    for text in view.warnings:
        console.print(f"[yellow]![/yellow] {escape(text)}")
    for text in _assumptions(view):
        console.print(f"[dim]- {escape(text)}[/dim]")
    if files:
        console.print(f"\nWritten to {escape(str(files[0].parent))}: {', '.join(path.name for path in files)}")


def _dates(path: OverTime) -> Any:
    table = plain_table(f"{path.challenger} against {path.baseline} over {path.ends_months[-1]:g} months")
    for name in ("what", "value"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for turn in path.turns:
        cheaper = path.challenger if turn.becomes_cheaper == "challenger" else path.baseline
        table.add_row(f"run rate turns: {escape(cheaper)} cheaper", f"{turn.start:%Y-%m-%d}, {_after(turn.month)}")
    table.add_row("spent at the start, more than the baseline", usd(path.outlay_usd))
    for change in path.changes:
        said = "paid back" if change.into == "ahead" else "undone again"
        table.add_row(said, f"{change.months:.1f} months (month {change.whole_months})")
    table.add_row("saved by the end", usd(float(path.saved_usd[-1])))
    if path.left_usd:
        table.add_row("hardware left at the end", usd(path.left_usd))
    if path.npv_usd is not None and path.discount_rate_per_year is not None:
        table.add_row(f"present value at {percent_of(path.discount_rate_per_year)} a year", usd(path.npv_usd))
        if path.discounted_payback is not None:
            paid = path.discounted_payback
            table.add_row("paid back with interest", f"{paid.months:.1f} months (month {paid.whole_months})")
    if path.irr_per_month is not None and path.irr_per_year is not None:
        text = f"{percent_of(path.irr_per_year)} a year ({percent_of(path.irr_per_month)} a month)"
        table.add_row("internal rate of return", text)
    return table


def _budget(view: HorizonView) -> Any:
    table = plain_table("Against revenue and tasks, without one-off cost")
    for name in ("option", "share of revenue", "first month", "last month", "gross margin", "per completed task"):
        table.add_column(name, justify="left" if name == "option" else "right")
    has_revenue = view.plan.scenario.finance.has_revenue
    for name, budget in view.budgets.items():
        shares = (budget.mean_share, float(budget.share[0]), float(budget.share[-1]), 1.0 - budget.mean_share)
        each = budget.usd_per_completed_task
        table.add_row(
            escape(name),
            *(percent_of(share) if has_revenue else "" for share in shares),
            "" if each is None else usd(each),
        )
    return table


def _assumptions(view: HorizonView) -> list[str]:
    texts = [
        "a month's saving counts at its end; hardware in cash: its price at delivery, its residual value at its end"
    ]
    texts.append("a switch later meets the rents, prices and salaries of its month; months are bill months of 730 h")
    if view.switch.is_discounted:
        texts.append("cost of a switch is discounted to the start")
    if view.plan.scenario.finance.has_revenue:
        if any(turns_away(ledger) for ledger in view.ledgers.values()):
            texts.append("revenue is that of every request that comes, also of those not served")
        texts.append(
            "25 to 30 % of the revenue is a published rule of thumb for mature products: undated, not verified"
        )
    return texts
