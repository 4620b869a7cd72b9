"""One thing of the catalogue as text: every figure with source and date."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import Any

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids
from simulator.catalogue.measurements import all_measurements, measurement
from simulator.catalogue.rentals import providers, rental_offers
from simulator.config.presets import ASSUMED, PartSource, bundled_presets, leaves, load_preset
from simulator.config.scenarios import bundled_scenarios
from simulator.domain.base import Model, Sourced
from simulator.domain.measurements import Measurement
from simulator.presentation.price_card import price_card_content, price_card_text


def card_text(identifier: str, *, provider: str | None, on: datetime) -> str:
    """The card of whatever has this id.

    Raises
    ------
    ValueError
        If nothing has; the message names near ids.
    """
    if provider is None:
        if identifier in gpu_ids():
            return _facts(gpu(identifier))
        if identifier in open_model_ids():
            return _facts(open_model(identifier))
        if identifier in providers():
            return "\n\n".join([identifier, *(_facts(offer) for offer in rental_offers(identifier))])
        if identifier in bundled_presets():
            return _preset_card(identifier)
        if identifier in bundled_scenarios():
            return bundled_scenarios()[identifier].read_text(encoding="utf-8").rstrip()
        if any(row.id == identifier for row in all_measurements()):
            return _measured(measurement(identifier))
    return price_card_text(price_content(identifier, provider=provider, on=on))


def price_content(identifier: str, *, provider: str | None, on: datetime) -> dict[str, Any]:
    """The price card of an API model as content for JSON.

    Raises
    ------
    ValueError
        If no API model has this id, or it has no price on the day; the message names near ids, or the first day.
    """
    try:
        return price_card_content(identifier, provider, on)
    except UnknownId as error:
        known = [*gpu_ids(), *open_model_ids(), *providers(), *bundled_scenarios(), *bundled_presets()]
        if provider is None and (hint := _closest(identifier, known)):
            raise ValueError(f"'{identifier}' is not in the catalogue; did you mean '{hint}'?") from None
        raise ValueError(f"'{identifier}' is not in the catalogue; as API model it {error}") from None


def _closest(identifier: str, known: list[str]) -> str | None:
    from difflib import get_close_matches

    close = get_close_matches(identifier, known, n=1)
    return close[0] if close else None


def _facts(thing: Model) -> str:
    """Every field of a catalogue entry, figures with their source."""
    lines = [f"{getattr(thing, 'name', None) or getattr(thing, 'id', None) or getattr(thing, 'sku', '')}"]
    for key in type(thing).model_fields:
        value = getattr(thing, key)
        if value is None or key == "name":
            continue
        if isinstance(value, Sourced):
            lines.append(f"  {key}: {_number(getattr(value, 'value', ''))}  ({_provenance(value)})")
            if value.note:
                lines.append(f"      {value.note}")
        else:
            lines.append(f"  {key}: {_number(value)}")
    return "\n".join(lines)


def _measured(row: Measurement) -> str:
    """A measurement with what follows from it, and its source."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    for derived in ("output_tokens_per_s", "requests_per_s", "total_tokens_per_s"):
        values.setdefault(derived, getattr(row, derived))
    source = f"{row.source}, {_day(row.as_of)}" + (", unverified" if row.unverified else "")
    hidden = ("source", "as_of", "unverified", "note")
    lines = [f"  {key}: {_number(value)}" for key, value in values.items() if value is not None and key not in hidden]
    return "\n".join([row.id, *lines, f"  source: {source}", *([f"      {row.note}"] if row.note else [])])


def _preset_card(name: str) -> str:
    """Every parameter of a traffic preset, each group below its source."""
    loaded = load_preset(name)
    values = [*leaves(loaded.traffic), *leaves({"workload": loaded.workload or {}})]
    groups: dict[PartSource | None, list[str]] = {}
    for key, value in values:
        groups.setdefault(loaded.preset.source_of(key), []).append(f"    {key}: {_number(value)}")
    # Sources of what the preset leaves out on purpose: no spikes were seen.
    for key, source in loaded.preset.sources.items():
        if not any(known == key or known.startswith(f"{key}.") for known, _ in values):
            groups.setdefault(source, []).append(f"    {key}: none")
    lines = [f"{name}: {loaded.preset.what}", f"  file: {bundled_presets()[name].name}"]
    for origin, of_source in groups.items():
        lines += [f"  {_origin(origin)}", *of_source]
        if origin is not None and origin.note:
            lines.append(f"      {origin.note}")
    return "\n".join(lines)


def _origin(origin: PartSource | None) -> str:
    """Where a part of a preset comes from, with its licence."""
    if origin is None:
        return "no source"
    if origin.source == ASSUMED:
        return ASSUMED
    return _provenance(origin) + (f", {origin.licence}" if origin.licence else "")


def _provenance(figure: Sourced) -> str:
    parts = [figure.source, "undated" if figure.as_of is None else str(figure.as_of)]
    return ", ".join([*parts, "unverified"] if figure.unverified else parts)


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1e4 and value == round(value) else f"{value:g}"
    return str(value)


def _day(day: date | None) -> str:
    return "undated" if day is None else str(day)
