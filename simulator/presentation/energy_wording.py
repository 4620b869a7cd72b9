"""Energy and carbon in a result: a table of the fleets, plain numbers, and whose energy is not known."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from simulator.domain.api_plans import ApiPlan
from simulator.domain.plans import FleetPlan
from simulator.domain.power import energy_kwh_per_mtok
from simulator.domain.units import REQUESTS_PER_THOUSAND, TOKENS_PER_MTOK
from simulator.presentation.console import plain_table
from simulator.presentation.numbers import number, percent
from simulator.presentation.wording import at_own_volume, counts_requests
from simulator.simulation.energy import Energy, reaching_tokens
from simulator.simulation.results import Ledger
from simulator.solving.study import OptionAtVolume, Study

_LEAST_LEFT_SHARE = 5e-5  # of the requests, that the fleet leaves to others: less is not worth a word


def energy_table(study: Study) -> Table | None:
    """Energy and carbon of every fleet whose draw is known, at the scenario's own volume; None where there is none."""
    known = [option for option in study.options.values() if option.energy is not None]
    if not known:
        return None
    amount = "1,000 requests" if counts_requests(study) else "M tokens"
    table = plain_table(f"Energy at the meter, {at_own_volume(study)[0].lower()}{at_own_volume(study)[1:]}, run rate")
    columns = (
        "option",
        f"kWh per {amount}",
        "in full use",
        f"kg CO2e per {amount}",
        "kWh a month",
        "kg CO2e a month",
        "in use",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "option" else "right", no_wrap=name == "option")
    for option in sorted(known, key=lambda one: one.usd_per_month):
        table.add_row(*_cells(study, option))
    return table


def energy_content(energy: Energy | None) -> dict[str, float] | None:
    """Energy and carbon together as plain numbers; None where the draw is not known."""
    if energy is None:
        return None
    whole = energy.together
    return {
        name: float(getattr(whole, name)[0])
        for name in (
            "energy_kwh",
            "kg_co2e",
            "energy_kwh_per_mtok",
            "kg_co2e_per_mtok",
            "energy_kwh_per_1000_requests",
            "kg_co2e_per_1000_requests",
        )
    }


def energy_over_time(ledger: Ledger) -> dict[str, Any] | None:
    """As `energy_content`, of the whole horizon, with energy and carbon by bill month."""
    if ledger.energy is None:
        return None
    months = [str(start)[:10] for start in ledger.costs.index]
    rows = zip(months, ledger.energy.energy_kwh.tolist(), ledger.energy.kg_co2e.tolist(), strict=True)
    by_month = {month: {"energy_kwh": kwh, "kg_co2e": carbon} for month, kwh, carbon in rows}
    return {**(energy_content(ledger.energy) or {}), "by_month": by_month}


def energy_lines(study: Study) -> list[str]:
    """What the energy is reckoned from, what it leaves out, and whose is not known."""
    bought = [name for name in study.options if isinstance(study.plan.options[name], ApiPlan)]
    lines = [f"{name}: energy not known: {_why_unknown(study, name)}" for name in study.options if _lacks(study, name)]
    if any(option.energy is not None for option in study.options.values()):
        lines.append(
            "energy: machines draw their idle power in every hour that is billed, the rest in proportion to the work"
        )
        left = [
            f"{percent(option.overflow_share)} of the requests of {option.name}"
            for option in study.options.values()
            if option.energy is not None and option.overflow_share > _LEAST_LEFT_SHARE
        ]
        if left:
            lines.append(f"energy: without what an API answers in place of the fleet ({', '.join(left)})")
    if bought:
        lines.append(f"energy of {', '.join(bought)}: not published by the provider, so none is given")
    return lines


def _lacks(study: Study, name: str) -> bool:
    return isinstance(study.plan.options[name], FleetPlan) and study.options[name].energy is None


def _why_unknown(study: Study, name: str) -> str:
    gpu = getattr(study.plan.scenario.options[name], "gpu", None)
    return "without a gpu there is no rated power" if gpu is None else f"no rated power of {gpu} is published"


def _cells(study: Study, option: OptionAtVolume) -> list[str]:
    assert option.energy is not None
    here = energy_content(option.energy) or {}
    unit = "1000_requests" if counts_requests(study) else "mtok"
    return [
        escape(option.name),
        _amount(here[f"energy_kwh_per_{unit}"]),
        _amount(_in_full_use(study, option.name)),
        _amount(here[f"kg_co2e_per_{unit}"]),
        f"{here['energy_kwh']:,.0f}",
        _whole(here["kg_co2e"]),
        f"{option.utilization_share:.0%}",
    ]


def _in_full_use(study: Study, name: str) -> float:
    """Energy of a million tokens, or of 1,000 requests, where every replica is full. [kWh]"""
    option, tokens = study.plan.options[name], study.plan.tokens_per_request
    if not isinstance(option, FleetPlan) or option.draw is None:
        return float("nan")
    # An edge leaves a part of the mean request to the fleet, which is all of a replica's work.
    served_per_s = tokens * option.reaching_token_share / option.whole_seconds_per_request
    each = float(energy_kwh_per_mtok(option.draw, served_per_s, 1.0))
    per_mtok = reaching_tokens(option, tokens) * REQUESTS_PER_THOUSAND / TOKENS_PER_MTOK
    return each * per_mtok if counts_requests(study) else each


def _amount(value: float) -> str:
    return "" if value != value else number(value)


def _whole(value: float) -> str:
    return "" if value != value else f"{value:,.0f}"
