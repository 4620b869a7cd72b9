"""`breakeven throughput`: what a replica serves, and what its tokens cost."""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from simulator.cli.common import json_option, progress

# Arguments of the library that are called otherwise here.
_OPTIONS = {
    "model": "MODEL",
    "input_tokens": "--input",
    "output_tokens": "--output",
    "input_tokens + output_tokens": "--input + --output",
    "tpot_limit_s": "--tpot-limit-ms",
    "arrival_requests_per_s": "--arrival-rate",
    "n_requests": "--requests",
}
_OF_ONE_REPLICA = (
    "gpus", "tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel", "concurrency",
    "arrival_requests_per_s", "regime", "n_requests", "measurements",
)  # fmt: skip
_MS_PER_S = 1_000.0
_count = click.IntRange(min=1)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("throughput")
@click.argument("model")
@click.option("--gpu", help="Id of the GPU.")
@click.option("--gpus", type=_count, help="GPUs of the replica, tensor parallel unless told otherwise.  [default: 1]")
@click.option("--tensor-parallel", type=_count, help="GPUs that share every layer.")
@click.option("--pipeline-parallel", type=_count, help="Stages that share the layers.")
@click.option("--expert-parallel", type=_count, help="GPUs that share the experts.")
@click.option("--data-parallel", type=_count, help="Groups that each serve requests of their own.")
@click.option("--precision", help="Of the weights; 'all' with --compare-gpus.  [default: as published]")
@click.option("--kv-precision", help="Of the key-value cache.  [default: 16 bit]")
@click.option("--engine", help="As measurements name it.  [default: vllm]")
@click.option("--engine-version", help="As measurements name it.  [default: a recent one]")
@click.option("--input", "--input-tokens", "input_tokens", type=float, required=True, help="Mean input of a request.")
@click.option("--output", "--output-tokens", "output_tokens", type=float, required=True, help="Mean output of it.")
@click.option("--concurrency", type=float, help="Clients that each wait for their answer.")
@click.option("--arrival-rate", "arrival_requests_per_s", type=float, help="Requests that arrive per second.")
@click.option("--tpot-limit-ms", type=click.FloatRange(min=0.001), help="Longest mean time per output token.")
@click.option("--regime", help="As measurements name it.  [default: by what is given, else full load]")
@click.option("--requests", "n_requests", type=float, help="Requests of a finite run.")
@click.option("--prefix-cached-share", type=float, help="Share of the input found in the prefix cache.")
@click.option("--speculative-factor", type=float, help="Tokens of a pass with speculative decoding.")
@click.option("--measurements", multiple=True, type=_file, help="Results of your own benchmark; any number of times.")
@click.option("--compare-gpus", is_flag=True, help="Rank all GPUs and layouts by cost, and draw the Pareto chart.")
@click.option("--all-rates", is_flag=True, help="Every row of the table.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the rates.  [default: 2026-12-01]")
@click.option(
    "-o", "--folder", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
    help="Folder for chart and table of --compare-gpus; the model gets a folder of its own in it.",
)  # fmt: skip
@json_option
def command(
    model: str,
    gpu: str | None,
    compare_gpus: bool,
    all_rates: bool,
    day: datetime | None,
    folder: Path,
    as_json: bool,
    tpot_limit_ms: float | None,
    **given: Any,
) -> None:
    """Estimate what a replica serves: tokens per second with an 80 % band, times, evidence, cost at every rental rate.

    With --compare-gpus: every GPU and layout by cost, at full load or within --tpot-limit-ms, and
    pareto.png, pareto.pdf and pareto.csv in FOLDER/throughput-<model>/; --gpu then compares its layouts alone.

    \b
    Example:  breakeven throughput llama-3.1-8b --gpu h100-sxm --input 2048 --output 256
              breakeven throughput llama-3.3-70b --compare-gpus --input 2048 --output 256 --tpot-limit-ms 50
    """
    # Matrices are small: threads cost more than they save. Heeded where numpy is not loaded yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from simulator.domain.defaults import DEFAULT_START

    on = DEFAULT_START if day is None else day.date()
    question = {key: value for key, value in given.items() if value not in (None, ())}
    if tpot_limit_ms is not None:
        question["tpot_limit_s"] = tpot_limit_ms / _MS_PER_S
    try:
        if compare_gpus:
            _compare(model, gpu, question, on, folder, as_json=as_json, all_rates=all_rates)
        elif gpu is None:
            raise ValueError("--gpu: is missing; give one (`breakeven list gpus`), or --compare-gpus")
        else:
            _one(model, gpu, question, on, as_json=as_json, all_rates=all_rates)
    except ValueError as error:
        raise ValueError(_in_options(str(error), given)) from None


def _one(model: str, gpu: str, question: dict[str, Any], on: date, *, as_json: bool, all_rates: bool) -> None:
    from simulator.catalogue.asked_throughput import asked_throughput
    from simulator.catalogue.rental_costs import rental_costs
    from simulator.presentation.files import json_text
    from simulator.presentation.throughput_card import estimate_content, print_estimate

    estimate, asked = asked_throughput(model, gpu, **question)
    costs = rental_costs(estimate, on=on)
    if as_json:
        click.echo(json_text(estimate_content(estimate, asked, costs, on)), nl=False)
    else:
        print_estimate(estimate, asked, costs, on, sys.stdout, all_rates=all_rates)


def _compare(
    model: str,
    gpu: str | None,
    question: dict[str, Any],
    on: date,
    folder: Path,
    *,
    as_json: bool,
    all_rates: bool,
) -> None:
    from simulator.catalogue.ranking import ranked_layouts
    from simulator.presentation.files import json_text
    from simulator.presentation.ranking_table import print_ranking, ranking_content

    for key in _OF_ONE_REPLICA:
        if key in question:
            raise ValueError(f"{_option(key)}: does not go with --compare-gpus, which tries all layouts at full load")
    every = question.get("precision") == "all"
    if every:
        del question["precision"]
    with progress("comparing"):
        ranking = ranked_layouts(model, on=on, gpus=gpu and (gpu,), all_precisions=every, **question)
    if as_json:
        click.echo(json_text(ranking_content(ranking)), nl=False)
    else:
        print_ranking(ranking, sys.stdout, every=all_rates)

    from simulator.presentation.pareto_report import write_pareto_report  # charts load slowly: the table comes first

    with progress("drawing"):
        files = write_pareto_report(ranking, folder / f"throughput-{model}")
    if not as_json:
        click.echo(f"\nWritten to {files[0].parent}: {', '.join(path.name for path in files)}")


def _in_options(message: str, given: dict[str, Any]) -> str:
    """A message of the library, which begins with its argument, with the option instead."""
    argument, _, rest = message.partition(" is ")
    known = argument in _OPTIONS or argument in given or argument == "gpu"
    return f"{_option(argument)}: is {rest}" if known and rest else message


def _option(argument: str) -> str:
    return _OPTIONS.get(argument, f"--{argument.replace('_', '-')}")
