"""API models by what the same requests cost: in the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO, Any

from simulator.catalogue.cost_ranking import CostRanking, RankedModel, Reason
from simulator.presentation.console import print_rows
from simulator.presentation.numbers import number, percent

MISSING = "*"
_COLUMNS = ("rank", "provider", "model", "USD/day", "USD/month", "USD/1k requests", "input", "output", "tier", "notes")
_IMPLIED = ("rank", "USD/1k requests", "tier")  # left out on a narrow terminal
_RIGHT = ("rank", "USD/day", "USD/month", "USD/1k requests", "input", "output", "tier")
_SHORT_WARNINGS = {
    "model_deprecated": "deprecated",
    "alias_drifts": "moving name",
    "fallback_provider_price": "price of another provider",
    "peak_hours_every_day": "peak hours",
    "charges_left_out": "other charges",
}
_LEFT_OUT: dict[Reason, str] = {
    "no price per token": "without a price per token of input and output",
    "no price yet": "without a price yet",
    "context too short": "with too short a context",
}
_MOST_NAMED = 5


def print_costs(ranking: CostRanking, stream: IO[str], notes: IO[str], *, top: int | None) -> None:
    """Print the cheapest `top` models (all of them where it is None) to `stream`, and what to mind to `notes`.

    Figures are rounded on a terminal alone.
    """
    shown = ranking.models if top is None else ranking.models[:top]
    rounded = stream.isatty()
    rows = [_cells(place, model, rounded=rounded) for place, model in enumerate(shown, start=1)]
    print_rows(f"{_title(ranking)}\n", _COLUMNS, _aligned(rows) if rounded else rows, stream, implied=_IMPLIED)
    month = number(ranking.requests.days_per_month, 4)
    notes.write(f"input, output: USD per million tokens; a month of {month} days\n")
    notes.writelines(f"{line}\n" for line in cost_notes(ranking, shown))


def cost_csv(ranking: CostRanking) -> str:
    """All ranked models as CSV, the cheapest first; several warnings are parted by `; `."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    contents = [_content(place, model) for place, model in enumerate(ranking.models, start=1)]
    writer.writerow(contents[0])
    for content in contents:
        cells = {**content, "warnings": "; ".join(content["warnings"])}
        writer.writerow(f"{cell:.10g}" if isinstance(cell, float) else cell for cell in cells.values())
    return table.getvalue()


def cost_content(ranking: CostRanking) -> dict[str, Any]:
    """What `--json` prints: the requests, every ranked model, and how many are left out for which reason."""
    return {
        **asdict(ranking.requests),
        "prices_on": str(ranking.on),
        "hour": ranking.hour,
        "service_tier": ranking.service_tier,
        "models": [_content(place, model) for place, model in enumerate(ranking.models, start=1)],
        "left_out": ranking.left_out_by_reason,
        "notes": cost_notes(ranking, ranking.models),
    }


def cost_notes(ranking: CostRanking, shown: Sequence[RankedModel]) -> list[str]:
    """What to mind of the models shown, and at last what is not among them."""
    lines = []
    for name, text in _missing_prices(shown).items():
        count = sum(name in _warning_names(model) for model in shown)
        lines.append(f"{MISSING} {name} ({count} of these): {text}")
    if any(model.is_mean_of_day for model in shown):
        lines.append("peak hours: the mean of the day, requests evenly over it; --hour prices them at one hour, UTC")
    if any(model.above_input_tokens for model in shown):
        lines.append("tier: the whole request at the prices of inputs longer than so many tokens")
    later = sum(model.is_dated_later for model in shown)
    if later:
        lines.append(
            f"{later} of these prices were noted after {ranking.on}, without the day they began: they may not have held"
        )
    if any(model.unverified for model in shown):
        lines.append("unverified: a price at second hand or without a date")
    lines.append(_last_line(ranking, len(ranking.models) - len(shown)))
    return lines


def _last_line(ranking: CostRanking, more: int) -> str:
    parts = []
    if more:
        parts.append(f"and {more:,} dearer models (--all shows them)")
    named = len(ranking.left_out) <= _MOST_NAMED
    for reason, count in ranking.left_out_by_reason.items():
        these = [f"{one.provider_id} {one.model_id}" for one in ranking.left_out if one.reason == reason]
        parts.append(f"left out {count:,} {_LEFT_OUT[reason]}" + (f" ({', '.join(these)})" if named else ""))
    return "; ".join(parts) if parts else "nothing is left out"


def _title(ranking: CostRanking) -> str:
    requests = ranking.requests
    parts = [
        f"{number(requests.requests_per_day, 6)} requests a day",
        f"{number(requests.input_tokens, 6)} tokens in, {number(requests.output_tokens, 6)} out",
    ]
    if requests.reasoning_tokens:
        parts.append(f"{number(requests.reasoning_tokens, 6)} of reasoning")
    if requests.cached_share:
        parts.append(f"{percent(requests.cached_share)} of the input cached")
    if requests.batch_share:
        parts.append(f"{percent(requests.batch_share)} in batch")
    when = str(ranking.on) if ranking.hour is None else f"{ranking.on}, hour {ranking.hour:g} UTC"
    tier = "" if ranking.service_tier == "standard" else f"{ranking.service_tier} "
    return f"{', '.join(parts)}; {tier}prices of {when}"


def _cells(place: int, model: RankedModel, *, rounded: bool) -> list[str]:
    def amount(value: float) -> str:
        return number(value, 4) if rounded else f"{value:.10g}"

    tier = model.above_input_tokens
    return [
        str(place),
        model.provider_id,
        model.model_id,
        amount(model.usd_per_day),
        amount(model.usd_per_month),
        amount(model.usd_per_1000_requests),
        amount(model.input_usd_per_mtok),
        amount(model.output_usd_per_mtok),
        (f"> {tier:,}" if rounded else f">{tier}") if tier else "",
        _marks(model),
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Cells of numbers filled up at their left, so that they end in one line."""
    columns = zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    widths = [max(map(len, cells)) if name in _RIGHT else 0 for name, cells in columns]
    return [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]


def _marks(model: RankedModel) -> str:
    """The star of a missing price, then what else to mind, in a word or two each."""
    others = [name for name in _warning_names(model) if not _is_missing_price(name)]
    words = [_SHORT_WARNINGS.get(name, name.replace("_", " ")) for name in others]
    if model.unverified:
        words.append("unverified")
    star = [MISSING] if len(others) < len(model.warnings) else []
    return " ".join([*star, ", ".join(dict.fromkeys(words))]).rstrip()


def _warning_names(model: RankedModel) -> list[str]:
    return [warning.partition(":")[0] for warning in model.warnings]


def _is_missing_price(name: str) -> bool:
    return name.endswith("_price_missing")


def _missing_prices(models: Sequence[RankedModel]) -> dict[str, str]:
    """Texts of the warnings of missing prices, by name."""
    warnings = (warning.partition(": ") for model in models for warning in model.warnings)
    return {name: text for name, _, text in warnings if _is_missing_price(name)}


def _content(place: int, model: RankedModel) -> dict[str, Any]:
    return {
        "rank": place,
        **asdict(model),
        "warnings": list(model.warnings),
        "as_of": None if model.as_of is None else str(model.as_of),
    }
