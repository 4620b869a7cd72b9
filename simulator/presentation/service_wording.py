"""Service of the options in a result: a table, a few sentences, plain numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

from simulator.domain.plans import FleetPlan, Sizing
from simulator.domain.service_level import ServiceLevel
from simulator.presentation.numbers import distinct, number, usd
from simulator.simulation.service import OptionService, services_of
from simulator.simulation.wait_tally import Times
from simulator.solving.study import Study

COLUMNS = ("option", "TTFT p50", "p95", "p99", "per token", "late", "turned away", "up", "meets the level")
_UNKNOWN = "unknown"


def service_shown(study: Study) -> dict[str, OptionService]:
    """Service of every compared option, where there is anything to tell: a fleet, a level, or an API's own figures."""
    services = services_of(study.plan)
    tells = any(service.kind == "self_hosted" or service.given is not None for service in services.values())
    return services if tells or study.plan.scenario.service_level is not None else {}


def service_title(study: Study) -> str:
    """Headline of the table."""
    level = study.plan.scenario.service_level
    asked = "" if level is None else f"; asked: {level_words(level)}"
    return f"Service at {study.requests_per_day:,.0f} requests a day{asked}"


def service_cells(study: Study, service: OptionService) -> list[str]:
    """One row of the table: an option, times to the first token, time per token, shares, and whether it will do."""
    late = "" if _target(study) is None else _share(service.late_share)
    return [
        service.option,
        *_first_token_cells(service),
        _time_per_token_cell(service),
        late,
        _share(service.unserved_share),
        _share(service.availability_share),
        "" if study.plan.scenario.service_level is None else _meets(service),
    ]


def level_words(level: ServiceLevel) -> str:
    """What is asked: 'first token within 2 s for 95% of the requests, at most 1% turned away'."""
    parts = []
    most = f"for {_percent(1.0 - level.late_share)} of the requests"
    if level.first_token_s is not None:
        parts.append(f"first token within {number(level.first_token_s)} s {most}")
    if level.time_per_token_s is not None:
        parts.append(f"{number(level.time_per_token_s)} s a token {most}")
    if level.unserved_share is not None:
        parts.append(f"at most {_percent(level.unserved_share)} turned away")
    if level.availability_share is not None:
        parts.append(f"up for {_percent(level.availability_share)} of the requests")
    return ", ".join(parts)


def equal_service(study: Study) -> str:
    """', at equal service (...)' where every compared option is known to meet the level; else nothing."""
    level = study.plan.scenario.service_level
    services = services_of(study.plan)
    if level is None or not all(services[name].meets for name in study.options):
        return ""
    return f", at equal service ({level_words(level)})"


def service_sentences(study: Study) -> list[str]:
    """What the costs stand on: sized fleets, and options of whose service something is unknown."""
    level = study.plan.scenario.service_level
    if level is None:
        return []
    sentences = [_sized(sizing) for sizing in study.plan.sizings if sizing.option in study.options]
    services = services_of(study.plan)
    unknown = [name for name in study.options if services[name].not_known]
    if unknown:
        known = [name for name in study.options if name not in unknown]
        met = f"{_and(known)} {'meets' if len(known) == 1 else 'meet'} it; " if known else ""
        sentences.append(f"Service asked: {level_words(level)}; {met}service of {_and(unknown)} unknown.")
    return sentences


def service_lines(study: Study) -> list[str]:
    """What the times of each fleet stand on, and what is not known."""
    lines = []
    level = study.plan.scenario.service_level
    for name, service in service_shown(study).items():
        if service.kind == "self_hosted" and service.serving is None:
            lines.append(f"{name}: {service.why_unknown}")
        elif service.serving is not None:
            serving = service.serving
            without = "" if serving.knows_first_token else "; TTFT is the wait alone, prefill not known"
            assumed = " (assumed: lengths of answers are means)" if serving.scv_is_assumed else ""
            lines.append(
                f"{name}: {number(serving.slots_per_replica)} requests side by side a replica, "
                f"{number(serving.service_s)} s each at full load, scv {number(serving.service_scv)}{assumed}; "
                f"waits {'followed through the steps' if service.method == 'followed' else 'by formula'}{without}"
            )
        if level is not None and service.not_known:
            lines.append(f"{name}: service unknown: {', '.join(service.not_known)} of the level can't be judged")
        if service.given is not None:
            day = "undated" if service.given.as_of is None else service.given.as_of
            lines.append(f"{name}: times to and between tokens as given ({service.given.source}, {day})")
    return lines


def service_content(study: Study, name: str) -> dict[str, Any]:
    """Service of an option as plain numbers; null: not known, or not asked."""
    service = services_of(study.plan)[name]
    serving, given = service.serving, service.given
    first = _times(service.first_token)
    per_token = _times(service.time_per_token)
    if given is not None:
        first = {"mean_s": None, "p50_s": given.ttft_p50_s, "p95_s": given.ttft_p95_s, "p99_s": given.ttft_p99_s}
        per_token = {"mean_s": given.tpot_s, "p50_s": None, "p95_s": None, "p99_s": None}
    sizing = next((one for one in study.plan.sizings if one.option == name), None)
    is_fleet = isinstance({**study.plan.left_out, **study.plan.options}[name], FleetPlan)
    return {
        "method": service.method if serving is not None or given is not None else None,
        "unknown": service.why_unknown if is_fleet and serving is None else None,
        "wait": _times(service.wait),
        "first_token": first,
        "time_per_token": per_token,
        "backlog_mean_wait_s": service.backlog_mean_wait_s,
        "late_share": service.late_share,
        "slow_share": service.slow_share,
        "unserved_share": service.unserved_share,
        "overflow_share": service.overflow_share,
        "availability_share": service.availability_share,
        "slots_per_replica": None if serving is None else serving.slots_per_replica,
        "service_s": None if serving is None else serving.service_s,
        "service_scv": None if serving is None else serving.service_scv,
        "source": None if given is None else given.source,
        "meets_level": None if study.plan.scenario.service_level is None else service.meets,
        "misses": list(service.misses),
        "not_known": list(service.not_known),
        "sizing": None if sizing is None else dataclasses.asdict(sizing),
    }


def left_out_content(study: Study) -> dict[str, Any]:
    """Compared options that miss the service level, with their service; nothing where none does."""
    missed = [name for name in services_of(study.plan) if name in study.plan.left_out]
    return {"left_out": {name: {"service": service_content(study, name)} for name in missed}} if missed else {}


def _first_token_cells(service: OptionService) -> list[str]:
    if service.first_token is not None:
        times = service.first_token
        return [_seconds(times.p50_s), _seconds(times.p95_s), _seconds(times.p99_s)]
    given = service.given
    if given is None:
        return [_UNKNOWN, "", ""]
    return [_UNKNOWN if s is None else _seconds(s) for s in (given.ttft_p50_s, given.ttft_p95_s, given.ttft_p99_s)]


def _time_per_token_cell(service: OptionService) -> str:
    if service.time_per_token is not None:
        return _seconds(service.time_per_token.mean_s)
    tpot_s = None if service.given is None else service.given.tpot_s
    return _UNKNOWN if tpot_s is None else _seconds(tpot_s)


def _meets(service: OptionService) -> str:
    return {True: "yes", False: "no", None: "not known"}[service.meets]


def _sized(sizing: Sizing) -> str:
    before, after = distinct([sizing.usd_per_month_before, sizing.usd_per_month_after], usd)
    key, was = f"{sizing.where} {number(sizing.after, 6)}", number(sizing.before, 6)
    return f"{sizing.option} is sized for it: {key} in place of {was}, {after} a month in place of {before}."


def _target(study: Study) -> float | None:
    level = study.plan.scenario.service_level
    return None if level is None else level.first_token_s


def _times(times: Times | None) -> dict[str, float | None] | None:
    return None if times is None else dict(dataclasses.asdict(times))


def _seconds(time_s: float) -> str:
    return f"{number(time_s, 2)} s"


def _share(share: float | None) -> str:
    return _UNKNOWN if share is None else _percent(share)


def _percent(share: float) -> str:
    """A share in percent; near 0 and 100 as many digits as it takes to show how far it is from there."""
    if 0.0 < share < 1e-5:
        return "<0.001%"
    if 1.0 - 1e-6 < share < 1.0:
        return ">99.9999%"
    for digits in range(5):
        text = f"{100 * share:.{digits}f}%"
        if abs(float(text[:-1]) / 100 - share) <= 0.02 * min(share, 1.0 - share) or share in (0.0, 1.0):
            break
    return text


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
