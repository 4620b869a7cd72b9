"""The best mix in words, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from simulator.presentation.console import plain_table
from simulator.presentation.numbers import number, whole_usd
from simulator.solving.best_mix import SAME_SHARE, BestMix, below_share
from simulator.solving.study import Study

_MOST_ROWS = 11  # of the table in the terminal
_BESIDE = 3  # counts shown on either side of the cheapest


def counted(mix: BestMix, count: int) -> str:
    """'3 replicas', '1 node', '2 reserved replicas'."""
    return f"{count:,} {mix.what.removesuffix('s') if count == 1 else mix.what}"


def mix_sentence(mix: BestMix) -> str:
    """The cheapest base, what it costs, and how far below the pure ways."""
    return mix_sentences(mix)[0]


def mix_sentences(mix: BestMix) -> list[str]:
    """The same from the fullest wording to the shortest."""
    cost = f"{whole_usd(mix.best_usd_per_month)} a month"
    is_last = mix.what == "reserved replicas" or (mix.below_baseline_share or 0.0) < 0
    if mix.best_count == 0:
        if mix.what == "reserved replicas":
            rest = "all on demand is cheapest"
        else:
            rest = "all by the API" if _baseline(mix) else "the API alone is cheapest"
        head, parts = f"Cheapest base of {mix.option}: none; {rest}, {cost}", [_below_full(mix)]
    else:
        what = counted(mix, mix.best_count)
        if mix.best == mix.full:
            what += ", which is all of them," if mix.what == "reserved replicas" else ", which serve everything,"
        head = f"Cheapest base of {mix.option}: {what} at {cost}"
        parts = [_below_none(mix), *([] if mix.best == mix.full else [_below_full(mix)])]
    parts = [*parts, *_baseline(mix)] if is_last else [*_baseline(mix), *parts]
    return [f"{head}: {', '.join(parts[:said])}." for said in range(len(parts), 0, -1)] + [f"{head}."]


def _below_none(mix: BestMix) -> str:
    if mix.what == "reserved replicas":
        return f"{_percent(mix.below_none_share)} below all on demand"
    is_api = mix.baseline == mix.api and mix.below_baseline_share is not None
    if is_api and abs(mix.below_none_share - (mix.below_baseline_share or 0.0)) < 5e-4:
        return f"{_percent(mix.below_none_share)} below the API alone"
    return f"{_percent(mix.below_none_share)} below {mix.option} without a base"


def _below_full(mix: BestMix) -> str:
    if mix.full_count is None:
        return f"no count up to {mix.counts[-1]:,.0f} serves everything"
    share = _percent(mix.below_full_share or 0.0)
    if mix.what == "reserved replicas":
        return f"{share} below all reserved ({mix.full_count:,})"
    return f"{share} below serving everything ({counted(mix, mix.full_count)})"


def _baseline(mix: BestMix) -> list[str]:
    """The baseline on its own, where it says something else than no base."""
    share = mix.below_baseline_share
    if share is None or mix.baseline == mix.option or abs(share - mix.below_none_share) < 5e-4:
        return []
    alone = " alone" if mix.baseline == mix.api else ""
    if share >= 0:
        return [f"{_percent(share)} below {mix.baseline}{alone}"]
    return [f"but {_percent(-share)} above {mix.baseline}{alone}"]


def _percent(share: float) -> str:
    """Three digits, as a mix is often but some percent cheaper."""
    return f"{number(100 * share)} %"


def mix_note(mix: BestMix) -> str:
    """How the base was found, and what that guarantees."""
    name = "base" if mix.what == "reserved replicas" else "count"
    every = f"every {name}" if _is_every(mix) else f"{mix.counts.size:,} {name}s"
    how = f"{every} from 0 to {mix.counts[-1]:,.0f} simulated{_surely(mix)}"
    return f"{mix.option}: base found at run rate ({how}), kept at every other volume and over time"


def _is_every(mix: BestMix) -> bool:
    """Whether no count between two was left out."""
    if mix.what == "reserved replicas":
        return mix.cheaper_usd_per_month is not None
    steps = np.diff(mix.counts)
    return steps.size == 0 or bool(np.all(steps <= steps[0]))


def _surely(mix: BestMix) -> str:
    """What is known of the counts that were not simulated."""
    if _is_every(mix):
        return ""
    if mix.cheaper_usd_per_month is None:
        return ", no neighbour of the cheapest costs less" if mix.what == "reserved replicas" else ""
    if mix.cheaper_usd_per_month > SAME_SHARE * mix.best_usd_per_month:
        return f", no other can be more than {whole_usd(mix.cheaper_usd_per_month)} cheaper"
    return ", no other can cost less"


def mix_content(mix: BestMix) -> dict[str, Any]:
    """A best mix as plain numbers and words."""
    best_usd, others = mix.best_usd_per_month, _others(mix)
    return {
        "sentence": mix_sentence(mix),
        "note": mix_note(mix),
        "what": mix.what,
        "best": {"count": mix.best_count, "usd_per_month": best_usd, "api_share": mix.best_api_share},
        "without_base": {"count": 0, "usd_per_month": mix.none_usd_per_month},
        "full": None if mix.full is None else {"count": mix.full_count, "usd_per_month": mix.full_usd_per_month},
        "baseline": {"option": mix.baseline, "usd_per_month": mix.baseline_usd_per_month},
        "below": {
            name: {"usd_per_month": usd - best_usd, "share": below_share(best_usd, usd)} for name, usd in others.items()
        },
        "cheaper_usd_per_month": mix.cheaper_usd_per_month,
        "by_count": {str(name): column.tolist() for name, column in mix_table(mix).items() if name != "option"},
    }


def _others(mix: BestMix) -> Mapping[str, float]:
    """What the mix is held against. [USD per month]"""
    others = {
        "without_base": mix.none_usd_per_month,
        "full": mix.full_usd_per_month,
        "baseline": mix.baseline_usd_per_month,
    }
    return {name: usd for name, usd in others.items() if usd is not None}


def mix_table(mix: BestMix) -> pd.DataFrame:
    """Cost over the base: one row a count that was simulated, rising."""
    columns = {
        "option": mix.option,
        "count": mix.counts.astype(np.int64),
        "usd_per_month": mix.usd_per_month,
        "fleet_usd_per_month": mix.fleet_usd_per_month,
        "api_usd_per_month": mix.api_usd_per_month,
        "api_share": mix.api_share,
        "utilization_share": mix.utilization_share,
    }
    return pd.DataFrame(columns)


def mix_file_table(mix: BestMix) -> pd.DataFrame:
    """As `mix_table`, with what is counted and every cost line."""
    table = mix_table(mix)
    table.insert(1, "what", mix.what)
    for line, usd in mix.lines.items():
        table[f"{line} [USD per month]"] = usd
    return table


def mix_rows(mix: BestMix) -> Table:
    """The ends and what lies around the cheapest, for the terminal."""
    table = plain_table(f"{mix.option} at its own volume, run rate, by its base")
    for name in (mix.what, "USD a month", "fleet", "API", "by the API", "utilization", "cheapest lies below"):
        table.add_column(name, justify="right")
    for place in _shown(mix):
        usd = mix.usd_per_month[place]
        table.add_row(
            f"{mix.counts[place]:,.0f}",
            f"{usd:,.0f}",
            f"{mix.fleet_usd_per_month[place]:,.0f}",
            f"{mix.api_usd_per_month[place]:,.0f}",
            f"{mix.api_share[place]:.2%}",
            f"{mix.utilization_share[place]:.0%}",
            "cheapest" if place == mix.best else _distance(mix, float(usd)),
        )
    return table


def _distance(mix: BestMix, usd: float) -> str:
    """How far the cheapest lies below a cost."""
    best = mix.best_usd_per_month
    return f"{usd - best:,.0f} ({below_share(best, usd):.1%})"


def _shown(mix: BestMix) -> list[int]:
    """Places of the rows shown."""
    if mix.counts.size <= _MOST_ROWS:
        return list(range(mix.counts.size))
    near = range(max(mix.best - _BESIDE, 0), min(mix.best + _BESIDE + 1, mix.counts.size))
    return sorted({0, *near, mix.counts.size - 1 if mix.full is None else mix.full})


def mix_notes(study: Study) -> list[str]:
    """How every base of a study was found."""
    return [mix_note(mix) for mix in study.mixes.values()]
