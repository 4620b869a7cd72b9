"""What a replica serves and what its tokens cost, in the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import IO, Any

from rich.markup import escape

from simulator.catalogue.hardware import gpu, open_model
from simulator.catalogue.rental_costs import RentalCost
from simulator.domain.roofline import Layout
from simulator.domain.throughput import Source, ThroughputEstimate
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.numbers import number
from simulator.presentation.throughput_wording import (
    BOUND_WORDS,
    METRIC_UNITS,
    gpus_words,
    layout_words,
    load_words,
    milliseconds,
)

MOST_RATES = 12
_COLUMNS = (
    "output", "in + out", "replica/h", "GPU/h", "GPUs", "provider", "machine", "contract", "region", "as of", "",
)  # fmt: skip
_NUMBERS = ("output", "in + out", "replica/h", "GPU/h", "GPUs")
_DISPENSABLE = ("in + out", "GPU/h", "region")  # left out on a narrow terminal
_FULL_WIDTH = 130
PLAIN_WIDTH = 140  # of tables where there is no terminal


def estimate_content(
    estimate: ThroughputEstimate, asked: Mapping[str, Any], costs: Sequence[RentalCost], on: date
) -> dict[str, Any]:
    """What `--json` prints: the question, the figures with units in their names, what they stand on, and costs."""
    figures = (
        "output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "ttft_s", "tpot_s", "concurrency",
        "max_concurrency", "bound", "evidence",
    )  # fmt: skip
    return {
        "model": estimate.model,
        "gpu": estimate.gpu,
        "gpus": estimate.gpus,
        "precision": estimate.precision,
        "engine": estimate.engine,
        "asked": {key: value for key, value in asked.items() if key != "measurements"},
        **{name: getattr(estimate, name) for name in figures},
        "output_tokens_per_s_low": estimate.band.low,
        "output_tokens_per_s_high": estimate.band.high,
        "sources": [_dated(asdict(source)) for source in estimate.sources],
        "warnings": list(estimate.warnings),
        "prices_on": str(on),
        "rental_costs": [_dated(asdict(cost)) for cost in costs],
    }


def _dated(content: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, date) else value for key, value in content.items()}


def print_estimate(
    estimate: ThroughputEstimate,
    asked: Mapping[str, Any],
    costs: Sequence[RentalCost],
    on: date,
    stream: IO[str],
    *,
    all_rates: bool = False,
) -> None:
    """Print the card of a replica, and what its tokens cost at every rental rate."""
    stream.write("\n".join(card_lines(estimate, asked)) + "\n\n")
    print_costs(estimate, costs, on, stream, all_rates=all_rates)


def card_lines(estimate: ThroughputEstimate, asked: Mapping[str, Any]) -> list[str]:
    """The card of a replica, line by line."""
    degrees = ("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel")
    layout = Layout(**{name: asked.get(name, 1) for name in degrees})
    name, gpu_name = open_model(estimate.model).name, gpu(estimate.gpu).name
    lengths = f"{number(asked['input_tokens'], 6)} tokens in, {number(asked['output_tokens'], 6)} out"
    low, high = (number(float(end)) for end in estimate.band)
    band = f"80 % band {low} to {high}"
    rows = [
        ("output", f"{number(estimate.output_tokens_per_s)} tokens/s", band),
        ("input and output", f"{number(estimate.total_tokens_per_s)} tokens/s", ""),
        ("requests", f"{number(estimate.requests_per_s)} requests/s", ""),
        ("time to first token", milliseconds(estimate.ttft_s), "without waiting for a place in the batch"),
        ("time per token", milliseconds(estimate.tpot_s), ""),
        (
            "sequences at once",
            number(min(estimate.concurrency, estimate.max_concurrency)),
            f"of {number(estimate.max_concurrency)} that fit",
        ),
        ("limited by", BOUND_WORDS[estimate.bound], ""),
        ("evidence", estimate.evidence, ""),
    ]
    width = max(len(value) for label, value, remark in rows if remark)
    return [
        f"{name} in {estimate.precision} on {gpu_name}: {layout_words(layout)}, {estimate.engine}, "
        f"cache in {estimate.kv_precision}",
        f"{lengths}; {load_words(asked['regime'], asked)}",
        "",
        *(f"  {label:<21}{value:<{width}}  {remark}".rstrip() for label, value, remark in rows),
        *_source_lines(estimate.sources),
        *(f"  ! {warning}" for warning in estimate.warnings),
    ]


def _source_lines(sources: Sequence[Source]) -> list[str]:
    if not sources:
        return ["  nearest measurements none"]
    lines = ["  nearest measurements"]
    for source in sources:
        engine = f"{source.engine} {source.engine_version or ''}".strip()
        day = "undated" if source.as_of is None else str(source.as_of)
        value = f"{number(source.value, 4)} {METRIC_UNITS[source.metric]}"  # type: ignore[index]
        what = f"{source.model} {source.precision or ''}".strip()
        what += f", cache {source.kv_precision}" if source.kv_precision else ""
        lengths = f"{number(source.input_tokens, 6)} in, {number(source.output_tokens, 6)} out"
        lines += [
            f"    {what}, {source.gpus} x {source.gpu}, {lengths}: {value}; {engine}, {day}"
            + (", unverified" if source.unverified else ""),
            f"      {source.source} ({source.id}); likeness {_likeness(source)}",
        ]
    return lines


def _likeness(source: Source) -> str:
    return "under 0.01" if source.likeness < 0.005 else f"{source.likeness:.2f}"


def print_costs(
    estimate: ThroughputEstimate, costs: Sequence[RentalCost], on: date, stream: IO[str], *, all_rates: bool
) -> None:
    """Print what a million tokens costs at every rental rate, cheapest first."""
    if not costs:
        stream.write(f"Nobody in the catalogue rents out {gpus_words(estimate.gpus)} of {estimate.gpu} in a machine.\n")
        return
    console = console_for(stream)
    if not stream.isatty():
        console.width = PLAIN_WIDTH
    table = plain_table(f"USD per million tokens and per hour, fully used, rates on {on}")
    titles = [title for title in _COLUMNS if console.width >= _FULL_WIDTH or title not in _DISPENSABLE]
    for title in titles:
        table.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True, overflow="ellipsis")
    shown = costs if all_rates else costs[:MOST_RATES]
    for cost in shown:
        cells = _cost_cells(cost)
        table.add_row(*(escape(cells[title]) for title in titles))
    console.print(table)
    if len(shown) < len(costs):
        stream.write(
            f"and {len(costs) - len(shown)} more rates, up to {number(costs[-1].usd_per_mtok_output)} USD per "
        )
        stream.write("million output tokens; --all-rates shows them\n")
    notes = dict.fromkeys(f"! {cost.provider} {cost.sku}: {cost.note}\n" for cost in shown if cost.note)
    stream.writelines(notes)


def _cost_cells(cost: RentalCost) -> dict[str, str]:
    machines = f"{cost.instances} x " if cost.instances > 1 else ""
    return {
        "output": number(cost.usd_per_mtok_output),
        "in + out": number(cost.usd_per_mtok_total),
        "replica/h": f"{cost.usd_per_replica_hour:,.2f}",
        "GPU/h": f"{cost.usd_per_gpu_hour:,.2f}",
        "GPUs": f"{machines}{cost.gpus_per_instance}",
        "provider": cost.provider,
        "machine": cost.sku,
        "contract": cost.contract,
        "region": cost.region,
        "as of": "undated" if cost.as_of is None else str(cost.as_of),
        "": "unverified" if cost.unverified else "",
    }
