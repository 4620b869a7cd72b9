"""What `summary.json` holds: the whole answer as plain numbers and words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from simulator import __version__
from simulator.config.finished_runs import INFINITE
from simulator.domain.options import SelfHostedOption
from simulator.domain.units import SECONDS_PER_MONTH
from simulator.presentation.api_wording import option_lines, workload_lines
from simulator.presentation.decision import decision_sentence, pair_sentence
from simulator.presentation.demand_wording import demand_lines, demand_warnings
from simulator.presentation.energy_wording import energy_content, energy_lines, energy_over_time
from simulator.presentation.handing_on_wording import deferred_content, handing_on_lines
from simulator.presentation.horizon_wording import budget_content, pair_content, pair_over_time, rate_warnings
from simulator.presentation.mix_wording import mix_content, mix_notes
from simulator.presentation.over_time_wording import over_time_content, over_time_lines
from simulator.presentation.purchase_wording import purchase_lines
from simulator.presentation.rate_limit_wording import rate_limit_content, rate_limit_lines, rate_limit_warnings
from simulator.presentation.service_wording import left_out_content, service_content, service_lines
from simulator.presentation.uncertainty_wording import uncertainty_lines
from simulator.presentation.wording import volume_words
from simulator.simulation.results import Ledger
from simulator.simulation.shared_costs import demand_of
from simulator.solving.budget_view import budget_of
from simulator.solving.study import INFEASIBLE, OptionAtVolume, Pair, Study, requests_per_day

_MOST_QUEUED_SHARE = 0.001


def summary(study: Study, ledgers: Mapping[str, Ledger]) -> dict[str, Any]:
    """The answer of a run; JSON without NaN or infinity (null stands for them, in the scenario `.inf` as in YAML)."""
    scenario = study.plan.scenario
    horizon = scenario.horizon
    content = {
        "breakeven_version": __version__,
        "title": study.title,
        "scenario": _with_infinity_written(scenario.model_dump(mode="json", exclude_defaults=True)),
        "decision": {
            "sentence": decision_sentence(study, ledgers),
            "cheapest": study.cheapest,
            "action": "buy" if study.options[study.cheapest].kind == "api" else "self_host",
        },
        "volume": {
            "tokens_per_month": study.tokens_per_month,
            "requests_per_day": study.requests_per_day,
            "tokens_per_request": study.tokens_per_request,
        },
        "horizon": {
            "start": horizon.start.isoformat(),
            "months": horizon.in_months,
            "step_s": horizon.step_s,
            "seed": scenario.seed,
        },
        "baseline": study.baseline,
        "options": {name: _option(study, option, ledgers.get(name)) for name, option in study.options.items()},
        **left_out_content(study),
        "pairs": {name: _pair(study, pair, ledgers) for name, pair in study.pairs.items()},
        "assumptions": assumptions(study),
        "warnings": warnings(study, ledgers),
        "figures": [
            {**dataclasses.asdict(figure), "as_of": None if figure.as_of is None else figure.as_of.isoformat()}
            for figure in figures_used(study)
        ],
    }
    if study.mixes:
        content["best_mixes"] = {name: mix_content(mix) for name, mix in study.mixes.items()}
    return _finite(content)


def figures_used(study: Study) -> list[Any]:
    """Catalogue figures that the compared options stand on."""
    return [figure for figure in study.plan.figures if figure.option in study.options]


def warnings(study: Study, ledgers: Mapping[str, Ledger]) -> list[str]:
    """Everything a reader of the result should know, once each."""
    texts = [*study.plan.warnings, *rate_warnings(study.plan.scenario)]
    for pair in study.pairs.values():
        if pair.reason == INFEASIBLE:
            texts.append(f"{pair.challenger} is left out: {pair.cause}")
        texts += pair.warnings
    texts += rate_limit_warnings(study)
    for ledger in ledgers.values():
        texts += ledger.warnings
    for option in study.options.values():
        if option.rejected_share > 0:
            texts.append(f"{option.name}: {option.rejected_share:.2%} of the requests are rejected, not served")
        if option.queued_share > _MOST_QUEUED_SHARE:
            texts.append(
                f"{option.name}: {option.queued_share:.1%} of the requests still wait at the end of the horizon; "
                "they are counted and paid like what overflows or is rejected"
            )
    horizon = study.plan.scenario.horizon
    if horizon.bill_months > 1 and SECONDS_PER_MONTH % horizon.step_s > 1e-6:
        texts.append(f"bill months of 730 h are rounded to whole steps of {horizon.step_s:g} s")
    texts += demand_warnings(study.plan.scenario, demand_of(study.plan))
    costs = [figure for figure in figures_used(study) if not figure.for_energy]
    weak = [f"{figure.option}: {figure.what}" for figure in costs if figure.unverified]
    if weak:
        texts.append(f"stands on unverified figures: {'; '.join(weak)}")
    return list(dict.fromkeys(texts))


def assumptions(study: Study) -> list[str]:
    """What decides the demand, the bills, and the fleets' service and cost, whether given or by default."""
    scenario = study.plan.scenario
    lines = demand_lines(scenario.traffic, demand_of(study.plan)) + workload_lines(scenario)
    for name in study.options:
        option = scenario.options[name]
        if isinstance(option, SelfHostedOption):
            target = scenario.overflow_target(name)
            wait = "waits without limit" if math.isinf(option.max_wait_s) else f"waits at most {option.max_wait_s:g} s"
            after = (
                ""
                if math.isinf(option.max_wait_s)
                else (f", then goes to {target}" if target else ", then is rejected")
            )
            lines.append(
                f"{name}: a request {wait}{after}; cold start {option.cold_start_s:g} s, "
                f"billed from the {option.billing_from}"
            )
        lines += purchase_lines(study, name) + handing_on_lines(study, name) + option_lines(study, name)
        lines += over_time_lines(study, name)
    lines += rate_limit_lines(study) + service_lines(study) + mix_notes(study) + energy_lines(study)
    lines += uncertainty_lines(scenario)
    lines.append("curve and crossings are at run rate: no growth, prices of the first day, no one-off cost")
    lines.append("costs alone are compared: that the options do the job equally well is for you to judge")
    return lines


def _option(study: Study, option: OptionAtVolume, ledger: Ledger | None) -> dict[str, Any]:
    content: dict[str, Any] = {
        "kind": option.kind,
        "option_kind": study.plan.scenario.options[option.name].kind,
        "label": option.label,
        "run_rate": {
            **dataclasses.asdict(option.unit_costs),
            "lines_usd_per_month": dict(option.lines),
            "utilization_share": option.utilization_share if option.kind == "self_hosted" else None,
            "overflow_share": option.overflow_share,
            "rejected_share": option.rejected_share,
            "queued_share": option.queued_share,
            "is_lower_bound": option.is_lower_bound,
            "peak_replicas": option.peak_replicas if option.kind == "self_hosted" else None,
            "energy": energy_content(option.energy),
        },
        "one_off_usd": option.one_off_usd,
        "rate_limits": rate_limit_content(study, option.name),
        "service": service_content(study, option.name),
    }
    can_wait = deferred_content(study, option.name)
    if can_wait is not None:
        content["run_rate"]["deferrable"] = can_wait
    if ledger is not None:
        months = [str(start)[:10] for start in ledger.costs.index]
        content["horizon"] = {
            "total_usd": ledger.total_usd,
            **dataclasses.asdict(ledger.unit_costs),
            "utilization_share": ledger.utilization_share if ledger.kind == "self_hosted" else None,
            "replica_hours": ledger.replica_hours if ledger.kind == "self_hosted" else None,
            "bill_by_month_usd": {
                month: {str(line): float(usd) for line, usd in row.items()}
                for month, row in zip(months, ledger.costs.to_dict(orient="records"), strict=True)
            },
            "energy": energy_over_time(ledger),
            "queue": None if ledger.queue is None else dataclasses.asdict(ledger.queue),
            **over_time_content(study, option.name),
        }
        if ledger.quota is not None:
            content["horizon"]["quota"] = dataclasses.asdict(ledger.quota)
        if ledger.deferred is not None:
            content["horizon"]["deferrable_served_share"] = ledger.deferred.served_share
        if study.plan.scenario.finance.is_budgeted:
            content["budget"] = budget_content(budget_of(study.plan, ledger))
    return content


def _pair(study: Study, pair: Pair, ledgers: Mapping[str, Ledger]) -> dict[str, Any]:
    path = pair_over_time(study, pair, ledgers)

    def place(volume: float | None) -> dict[str, float] | None:
        if volume is None:
            return None
        return {"tokens_per_month": volume, "requests_per_day": requests_per_day(study.plan, volume)}

    return {
        "baseline": pair.baseline,
        "challenger": pair.challenger,
        "sentence": pair_sentence(pair, volume_words(study)),
        "first": place(pair.first),
        "settled": place(pair.settled),
        "reason": pair.reason,
        "cause": pair.cause,
        "crossings": [
            {
                **(place(crossing.tokens_per_month) or {}),
                "becomes_cheaper": crossing.becomes_cheaper,
                "kind": crossing.kind,
            }
            for crossing in pair.crossings
        ],
        "breakeven_utilization_share": pair.breakeven_utilization_share,
        "usd_per_mtok_at_full_load": pair.usd_per_mtok_at_full_load,
        "over_time": None if path is None else pair_content(path),
    }


def _with_infinity_written(value: Any) -> Any:
    """The inputs with infinity as a scenario file spells it, so that a finished run tells all that it was made from."""
    if isinstance(value, dict):
        return {key: _with_infinity_written(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_infinity_written(entry) for entry in value]
    return INFINITE if value == math.inf else value


def _finite(value: Any) -> Any:
    """The value with null for what JSON can't say: infinity and not-a-number."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
