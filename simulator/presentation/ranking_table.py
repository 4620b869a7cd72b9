"""GPUs and layouts by cost, in the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import IO, Any

from rich.markup import escape

from simulator.catalogue.hardware import open_model
from simulator.catalogue.ranking import RankedLayout, Ranking
from simulator.domain.throughput import EvidenceKind
from simulator.presentation.console import console_for, plain_table
from simulator.presentation.numbers import number
from simulator.presentation.throughput_card import PLAIN_WIDTH
from simulator.presentation.throughput_wording import MS_PER_S, SHORT_EVIDENCE, gpus_words

MOST_LAYOUTS = 24
FRONT, UNVERIFIED = ">", "*"
_COLUMNS = (
    "", "USD/M out", "80 % band", "GPU", "replica", "prec.", "tokens/s", "ms/token", "at once", "USD/h", "provider",
    "machine", "evidence",
)  # fmt: skip
_NUMBERS = ("USD/M out", "80 % band", "tokens/s", "ms/token", "at once", "USD/h")
_DISPENSABLE = ("at once", "machine", "USD/h", "tokens/s")  # left out on a narrow terminal
_SIMILAR: EvidenceKind = "same model and GPU, other settings"
_MACHINE_LETTERS = 14


def ranking_content(ranking: Ranking) -> dict[str, Any]:
    """What `--json` prints: every layout with figures, cost and the rate it stands on."""
    return {
        "model": ranking.model,
        "input_tokens": ranking.input_tokens,
        "output_tokens": ranking.output_tokens,
        "tpot_limit_s": ranking.tpot_limit_s,
        "prices_on": str(ranking.on),
        "layouts": [_content(ranked) for ranked in ranking.layouts],
        "left_out": ranking.left_out,
    }


def _content(ranked: RankedLayout) -> dict[str, Any]:
    estimate, cheapest = ranked.estimate, ranked.cheapest
    figures = ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "ttft_s", "tpot_s", "concurrency")
    low, high = _band(ranked)
    rate = None
    if cheapest is not None:
        rate = {key: value for key, value in asdict(cheapest).items() if not key.startswith("usd_per_mtok")}
        rate["as_of"] = None if cheapest.as_of is None else str(cheapest.as_of)
    return {
        "gpu": ranked.gpu,
        "gpus": estimate.gpus,
        **{key: int(degree) for key, degree in vars(ranked.layout).items()},
        "precision": ranked.precision,
        **{name: getattr(estimate, name) for name in figures},
        "usd_per_mtok_output": None if cheapest is None else cheapest.usd_per_mtok_output,
        "usd_per_mtok_output_low": low,
        "usd_per_mtok_output_high": high,
        "usd_per_mtok_total": None if cheapest is None else cheapest.usd_per_mtok_total,
        "is_on_front": ranked.is_on_front,
        "evidence": estimate.evidence,
        "cheapest_on_demand": rate,
    }


def _band(ranked: RankedLayout) -> tuple[float | None, float | None]:
    """Cost at the ends of the band of the throughput."""
    if ranked.cheapest is None:
        return None, None
    usd_per_s = ranked.cheapest.usd_per_mtok_output * ranked.estimate.output_tokens_per_s
    return usd_per_s / ranked.estimate.band.high, usd_per_s / ranked.estimate.band.low


def print_ranking(ranking: Ranking, stream: IO[str], *, every: bool = False) -> None:
    """Print GPUs and layouts, cheapest first, with what is left out; on a narrow terminal fewer columns."""
    console = console_for(stream)
    if not stream.isatty():
        console.width = PLAIN_WIDTH
    titles = _COLUMNS if console.width >= PLAIN_WIDTH else tuple(name for name in _COLUMNS if name not in _DISPENSABLE)
    table = plain_table(ranking_title(ranking))
    for title in titles:
        table.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True)
    shown = ranking.layouts if every else ranking.layouts[:MOST_LAYOUTS]
    for ranked in shown:
        cells = _cells(ranked)
        table.add_row(*(escape(cells[title]) for title in titles))
    console.print(table)
    for line in _notes(ranking, shown):
        console.print(escape(line))


def ranking_title(ranking: Ranking) -> str:
    """What was compared."""
    at = "at full load, no latency limit"
    if ranking.tpot_limit_s is not None:
        at = f"within {number(ranking.tpot_limit_s * MS_PER_S)} ms per token"
    lengths = f"{number(ranking.input_tokens, 6)} tokens in, {number(ranking.output_tokens, 6)} out"
    return f"{open_model(ranking.model).name}, {lengths}, {at}; cheapest on-demand rates on {ranking.on}"


def _cells(ranked: RankedLayout) -> dict[str, str]:
    estimate, cheapest = ranked.estimate, ranked.cheapest
    low, high = _band(ranked)
    unverified = cheapest is not None and cheapest.unverified
    return {
        "": FRONT if ranked.is_on_front else "",
        "USD/M out": "" if cheapest is None else number(cheapest.usd_per_mtok_output) + UNVERIFIED * unverified,
        "80 % band": "" if low is None or high is None else f"{number(low, 2)} to {number(high, 2)}",
        "GPU": ranked.gpu,
        "replica": gpus_words(estimate.gpus) + (", EP" if ranked.layout.expert_parallel > 1 else ""),
        "prec.": ranked.precision,
        "tokens/s": number(estimate.output_tokens_per_s),
        "ms/token": number(estimate.tpot_s * MS_PER_S),
        "at once": number(estimate.concurrency),
        "USD/h": "" if cheapest is None else f"{cheapest.usd_per_replica_hour:,.2f}",
        "provider": "nobody" if cheapest is None else cheapest.provider,
        "machine": "" if cheapest is None else _cut(cheapest.sku),
        "evidence": SHORT_EVIDENCE[estimate.evidence],
    }


def _cut(name: str) -> str:
    return name if len(name) <= _MACHINE_LETTERS else f"{name[: _MACHINE_LETTERS - 1]}…"


def _notes(ranking: Ranking, shown: tuple[RankedLayout, ...]) -> list[str]:
    notes = []
    more = ranking.layouts[len(shown) :]
    if more:
        unpriced = sum(ranked.cheapest is None for ranked in more)
        rest = f", {unpriced} of them in machines that nobody rents out on demand" if unpriced else ""
        notes.append(f"and {len(more)} more layouts{rest}; --all-rates shows them")
    notes.append(f"{FRONT} on the front: the cheapest choice for some limit on the time per token")
    if any(ranked.estimate.evidence == _SIMILAR for ranked in shown):
        notes.append(f"{SHORT_EVIDENCE[_SIMILAR]}: {_SIMILAR}")
    if any(ranked.layout.expert_parallel > 1 for ranked in shown):
        notes.append("EP: requests are spread over the GPUs, the experts shared by them")
    if any(ranked.cheapest is not None and ranked.cheapest.unverified for ranked in shown):
        notes.append(f"{UNVERIFIED} rate not verified")
    reasons: dict[str, list[str]] = {}
    for gpu, reason in ranking.left_out.items():
        reasons.setdefault(reason, []).append(gpu)
    return notes + [f"left out: {', '.join(gpus)}: {reason}" for reason, gpus in reasons.items()]
