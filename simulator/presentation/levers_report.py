"""Levers in words, as plain numbers, as a table, and the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from rich.markup import escape

from simulator import __version__
from simulator.presentation.charts.levers import levers_chart
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.files import json_text, without_infinity, write_tables, write_text
from simulator.presentation.numbers import number, signed, volume, whole_usd
from simulator.presentation.report import write_figure
from simulator.sweeping.levers import BreakEvenShift, LeverOutcome, LeverStudy, Saving, claim_text, figure_text

_CHANGED_SHARE = 1e-6


def levers_content(study: LeverStudy) -> dict[str, Any]:
    """The answer as plain numbers."""
    content = {
        "breakeven_version": __version__,
        "title": study.title,
        "sentence": sentence(study),
        "tokens_per_month": study.tokens_per_month,
        "api": study.api,
        "fleets": list(study.fleets),
        "combined": list(study.combined),
        "left_out": dict(study.left_out),
        "levers": [_outcome_content(outcome) for outcome in study.outcomes],
    }
    return {key: without_infinity(value) for key, value in content.items()}


def _outcome_content(outcome: LeverOutcome) -> dict[str, Any]:
    return {
        "lever": outcome.lever,
        "status": "run" if outcome.was_run else "not run",
        "reason": outcome.reason,
        "warnings": list(outcome.warnings),
        "assumption": outcome.assumption or None,
        "figures": [
            {
                "key": figure.key,
                "value": figure.value,
                "source": figure.source or "as given",
                "as_of": figure.as_of and figure.as_of.isoformat(),
                "unverified": figure.unverified,
            }
            for figure in outcome.figures
        ],
        "claims": [
            {
                "text": claim.text,
                "low_share": claim.low_share,
                "high_share": claim.high_share,
                "of": claim.of,
                "source": claim.source,
                "as_of": claim.as_of and claim.as_of.isoformat(),
                "unverified": claim.unverified,
            }
            for claim in outcome.claims
        ],
        "savings": {
            saving.option: {
                "before_usd_per_month": saving.before_usd_per_month,
                "after_usd_per_month": saving.after_usd_per_month,
                "saving_usd_per_month": saving.usd_per_month,
                "saving_share": saving.share,
            }
            for saving in outcome.savings
        },
        "break_even": {
            shift.challenger: {
                "settled_before_tokens_per_month": shift.before,
                "settled_after_tokens_per_month": shift.after,
                "shift_share": shift.share,
                "reason_before": shift.reason_before,
                "reason_after": shift.reason_after,
            }
            for shift in outcome.break_even
        },
    }


def sentence(study: LeverStudy) -> str:
    """What all levers do together."""
    together = study.together
    if not together.was_run:
        return f"At {number(study.tokens_per_month)} tokens a month no lever can be run."
    parts = [
        f"{saving.option} costs {whole_usd(saving.after_usd_per_month)} in place of "
        f"{whole_usd(saving.before_usd_per_month)} ({signed(-saving.share)})"
        for saving in together.savings
    ]
    return f"At {number(study.tokens_per_month)} tokens a month, with {len(study.combined)} levers: {'; '.join(parts)}."


def break_even_text(shift: BreakEvenShift | None) -> str:
    """Where a challenger pays for good with a lever, and by how much that is more or less than without."""
    if shift is None:
        return ""
    if shift.after is None:
        return "always dearer" if shift.reason_after == "baseline_always_cheaper" else _reason(shift.reason_after)
    if shift.after == 0:
        return "always cheaper"
    where = volume(shift.after)
    return where if shift.share is None else f"{where} ({signed(shift.share)})"


def claims_in_short(outcome: LeverOutcome) -> str:
    """The published savings of a lever without their sources."""
    return "; ".join(claim_text(claim).partition(" (")[0] for claim in outcome.claims)


def shown_savings(outcome: LeverOutcome) -> list[tuple[Saving, BreakEvenShift | None]]:
    """Options that a lever changes, in cost or in break-even."""
    shifts = {shift.challenger: shift for shift in outcome.break_even}
    rows = [(saving, shifts.get(saving.option)) for saving in outcome.savings]
    moved = [
        (saving, shift)
        for saving, shift in rows
        if abs(saving.share) >= _CHANGED_SHARE or (shift is not None and _moves(shift))
    ]
    return moved or rows[:1]


def _moves(shift: BreakEvenShift) -> bool:
    share = shift.share
    return shift.reason_before != shift.reason_after or (share is not None and abs(share) >= _CHANGED_SHARE)


def _reason(reason: str | None) -> str:
    return (reason or "").replace("_", " ")


def left_out_lines(study: LeverStudy) -> list[str]:
    """Why a lever is not in all together, and where it saves more alone than all of them do."""
    together = {saving.option: saving for saving in study.together.savings}
    lines = []
    for title, why in study.left_out.items():
        outcome = next(outcome for outcome in study.outcomes if outcome.title == title)
        more = [
            f"{whole_usd(saving.usd_per_month)} a month at {saving.option}"
            for saving in outcome.savings
            if saving.option in together and saving.usd_per_month > together[saving.option].usd_per_month
        ]
        alone = f"; alone it saves more than all together: {', '.join(more)}" if more else ""
        lines.append(f"{title}: {why}{alone}")
    return lines


def write_levers_report(study: LeverStudy, folder: Path) -> list[Path]:
    """Write levers.json, levers.csv and the chart; raises `OSError` if the folder can't be made or written to."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        write_text(folder / "levers.json", json_text(levers_content(study))),
        write_tables(folder / "levers.csv", [study.table()]),
    ]
    if study.together.was_run:
        chart = levers_chart(study, sentence(study))
        written += [write_figure(folder / f"levers.{ending}", chart) for ending in ("png", "pdf")]
    return written


def print_levers(study: LeverStudy, files: Sequence[Path], stream: IO[str]) -> None:
    """Print the answer: what each lever saves, what it assumes, what was not run and why."""
    console = console_for(stream)
    console.print(f"\n[bold]{escape(study.title)}[/bold]\n")
    console.print(escape(sentence(study)))
    console.print()
    table = plain_table("Saving at the scenario's own volume, run rate")
    for name, side in (
        ("lever", "left"), ("option", "left"), ("saves a month", "right"), ("share", "right"),
        ("pays for good from", "right"), ("published saving", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for place, today in enumerate(study.as_it_stands):
        table.add_row(
            "as it stands" if place == 0 else "", escape(today.challenger), "", "", break_even_text(today), ""
        )
    for outcome in study.outcomes:
        for place, (saving, shift) in enumerate(shown_savings(outcome)):
            table.add_row(
                escape(outcome.title) if place == 0 else "",
                escape(saving.option),
                whole_usd(saving.usd_per_month),
                signed(saving.share).removeprefix("+"),
                break_even_text(shift),
                escape(claims_in_short(outcome)) if place == 0 else "",
            )
    console.print(table)
    console.print("\nAssumed")
    for outcome in study.outcomes[:-1]:
        if outcome.was_run:
            given = "; ".join(figure_text(figure) for figure in outcome.figures)
            console.print(f"[dim]- {escape(outcome.title)}: {escape(_joined(outcome.assumption, given))}[/dim]")
    for outcome in study.outcomes[:-1]:
        for warning in outcome.warnings:
            console.print(f"! {escape(outcome.title)}: {escape(warning)}")
    notes = [f"{outcome.title}: {outcome.reason}" for outcome in study.outcomes[:-1] if outcome.reason]
    if notes:
        console.print("\nNot run")
        for text in notes:
            console.print(f"[dim]- {escape(text)}[/dim]")
    if study.left_out:
        console.print("\nNot in all together")
        for text in left_out_lines(study):
            console.print(f"[dim]- {escape(text)}[/dim]")
    console.print("\nPublished")
    for outcome in study.outcomes:
        for claim in outcome.claims:
            console.print(f"[dim]- {escape(outcome.title)}: {escape(claim.text)}: {escape(claim_text(claim))}[/dim]")
    if files:
        console.print(f"\nWritten to {escape(str(files[0].parent))}: {', '.join(path.name for path in files)}")


def _joined(assumption: str, given: str) -> str:
    return f"{assumption} ({given})" if given else assumption
