"""What `risk.json` holds: the answer over paths as plain numbers and words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from simulator import __version__
from simulator.domain.distributions import median_of
from simulator.presentation.horizon_wording import percent_of
from simulator.presentation.numbers import number
from simulator.presentation.risk_wording import (
    crossing_sentence,
    decision_sentence,
    own_volume_sentence,
    precision_sentence,
)
from simulator.presentation.sensitivity_wording import flip_sentence
from simulator.solving.sensitivity import Sensitivity
from simulator.solving.uncertainty import UncertaintyStudy

NEVER = "never"  # stands for infinity, which JSON has not


def risk_content(study: UncertaintyStudy, sensitivities: Mapping[str, Sensitivity]) -> dict[str, Any]:
    """The answer; JSON without NaN (null) or infinity (`never`)."""
    scenario = study.at_medians.plan.scenario
    content = {
        "breakeven_version": __version__,
        "title": study.at_medians.title,
        "sentences": sentences(study, sensitivities),
        "inputs": {
            key: {"median": median_of(distribution), "distribution": distribution.model_dump(mode="json")}
            for key, distribution in study.uncertainty.inputs.items()
        },
        "correlations": [group.model_dump(mode="json", exclude_none=True) for group in study.uncertainty.correlations],
        "paths": len(study.paths),
        "draws": study.uncertainty.draws,
        "seed": scenario.seed if study.uncertainty.seed is None else study.uncertainty.seed,
        "is_precise": study.is_precise,
        "clipped_paths": study.clipped_paths,
        "missed_service_share": dict(study.missed_share),
        "baseline": study.at_medians.baseline,
        "pairs": {
            name: {
                "at_medians": {
                    "first_tokens_per_month": study.at_medians.pairs[name].first,
                    "settled_tokens_per_month": study.at_medians.pairs[name].settled,
                    "reason": study.at_medians.pairs[name].reason,
                },
                "bands_tokens_per_month": _rows(pair.bands),
                "median_interval_tokens_per_month": list(pair.median_interval),
                "half_width_share": pair.half_width_share,
                "p_cheaper_at_own_volume": pair.p_cheaper_at_own_volume,
                "share_by_reason": dict(pair.reasons),
                "sensitivity": _sensitivity(sensitivities.get(name)),
            }
            for name, pair in study.pairs.items()
        },
        "decision": _rows(study.decision),
        "value_of_perfect_information_usd_per_month": study.value_of_perfect_information_usd_per_month,
        "warnings": warnings(study),
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def sentences(study: UncertaintyStudy, sensitivities: Mapping[str, Sensitivity]) -> list[str]:
    """The answer in words."""
    texts = []
    for name, pair in study.pairs.items():
        texts += [crossing_sentence(pair), own_volume_sentence(study, pair)]
        if name in sensitivities:
            texts.append(f"{flip_sentence(sensitivities[name])}.")
    return [*texts, decision_sentence(study), precision_sentence(study)]


def warnings(study: UncertaintyStudy) -> list[str]:
    """What a reader of the answer should know."""
    texts = []
    if not study.is_precise:
        texts.append(
            f"the medians are not known to {study.precision_share:.1%} after {len(study.paths):,} paths; "
            "uncertainty.paths allows more"
        )
    if study.clipped_paths:
        texts.append(
            f"{study.clipped_paths} paths held a value beyond p1 or p99 that its key does not allow; it was set there"
        )
    texts += _service_warnings(study)
    for name, pair in study.pairs.items():
        infeasible = pair.reasons.get("infeasible", 0.0)
        if infeasible > study.missed_share.get(name, 0.0):
            texts.append(f"{name} can't be had on {infeasible:.1%} of the paths, which count as never paying")
    texts += [
        f"{row['option']} can't be had, or rejects more than 1 % of the requests, at the own volume of "
        f"{row['infeasible_share']:.1%} of the paths; averages leave these out"
        for row in study.decision.to_dict(orient="records")
        if row["infeasible_share"] > study.missed_share.get(row["option"], 0.0)
    ]
    traffic = study.at_medians.plan.scenario.traffic
    grows = traffic.growth_per_month != 0 or traffic.growth is not None
    what = f"{percent_of(traffic.growth_per_month)} a month" if traffic.growth is None else "as traffic.growth says"
    growth = f"no growth (here {what}: `breakeven horizon` tells what becomes of it)" if grows else "no growth"
    texts.append(f"crossings and costs are at run rate: {growth}, prices of the first day, no one-off cost")
    return texts


def _service_warnings(study: UncertaintyStudy) -> list[str]:
    """How fleets were sized for the service level, and on how many paths it is missed."""
    texts = [
        f"{sizing.option} is sized for the service level at the medians, {sizing.where} {number(sizing.after)} in "
        f"place of {number(sizing.before)}, and has that size on every path"
        for sizing in study.at_medians.plan.sizings
    ]
    texts += [
        f"{name} misses the service level at the own volume of {share:.1%} of the paths: it can't be had there, which "
        "counts as never paying, and averages leave these out"
        for name, share in study.missed_share.items()
    ]
    return texts


def _sensitivity(one: Sensitivity | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "difference_at_medians_usd_per_month": one.difference_usd_per_month,
        "tornado": _rows(one.tornado),
        "flips": _rows(one.flips),
        "variance_shares": None if one.indices is None else _rows(one.indices),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return None if math.isnan(value) else (NEVER if math.isinf(value) else value)
    return value
