"""The price card of an API model: what it costs on a day, by tier, and what it has cost and will cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from simulator.catalogue.api_prices import (
    BUNDLED_DATA_AS_OF,
    ApiModel,
    daily_windows_of,
    extra_prices,
    first_price_date,
    has_service_tier,
    input_only_usd_per_mtok,
    price_card,
    price_history,
    price_list_source,
    resolve_api_model,
)
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_prices import media_prices
from simulator.catalogue.prompt_caching import caching_providers, prompt_caching
from simulator.domain.pricing import PriceCard, PriceTier, TokenPrices, cache_repaying_reads
from simulator.domain.units import SECONDS_PER_MINUTE

COLUMNS = {
    "input_usd_per_mtok": "input",
    "output_usd_per_mtok": "output",
    "cached_input_usd_per_mtok": "cached",
    "cache_write_usd_per_mtok": "cache write",
    "cache_write_1h_usd_per_mtok": "write 1 h",
}
UNIT_WORDS = {"image": "image", "audio_s": "second of audio", "video_s": "second of video"}


def price_card_content(identifier: str, provider: str | None, on: datetime) -> dict[str, Any]:
    """Everything on the card of an API model, ready for JSON.

    Raises
    ------
    UnknownId
        If no price list knows the model or its provider.
    ValueError
        If the model has no price on the day; the message names the first day that has.
    """
    try:
        model = resolve_api_model(identifier, provider)
    except UnknownId:
        if media := _media_content(identifier, provider, on.date()):
            return media
        raise
    first = first_price_date(model)
    if first is not None and on.date() < first:
        raise ValueError(f"{model.label} has no price before {first} (asked for {on.date()})")
    source, as_of, unverified = price_list_source(model, on)
    content: dict[str, Any] = {
        "model": model.model_id,
        "name": model.name,
        "provider": model.provider_id,
        "prices_on": on.date().isoformat(),
        "context_window_tokens": model.context_window,
        **_token_prices(model, on),
        "also_billed_usd": extra_prices(model, on),
        "source": source,
        "as_of": _day(as_of),
        "unverified": unverified,
        "warnings": list(model.warnings),
    }
    if not (content["tiers"] or content["also_billed_usd"] or content["input_only_usd_per_mtok"] is not None):
        price_card(model, on)  # raises with what the list has instead
    return content


def price_card_text(content: Mapping[str, Any]) -> str:
    """The card in words and columns, for a terminal."""
    if "prices" in content:
        return _media_text(content)
    where = f"{content['name']} ({content['model']}) at {content['provider']}"
    lines = [f"{where}, prices on {content['prices_on']} in USD per million tokens", *_headline(content)]
    if content["tiers"]:
        lines += [
            "",
            *_table(_table_rows(content), content["cache_lifetime_minutes"]),
            "",
            *_window_lines(content),
            *_cache_lines(content),
        ]
        if content["tiers"].get("batch") is None:
            lines.append("  batch: no price listed")
    if content["also_billed_usd"]:
        extras = (f"{key.replace('_', ' ')} {price:.4g}" for key, price in content["also_billed_usd"].items())
        lines.append(f"  also billed, USD each: {', '.join(extras)}")
    lines += _history_lines(content)
    lines.append(f"  source: {content['source']}, {_provenance(content)}")
    return "\n".join([*lines, *(f"  ! {warning}" for warning in content["warnings"])])


def _token_prices(model: ApiModel, on: datetime) -> dict[str, Any]:
    """Prices per token by tier, hour and day; empty for a model that is billed otherwise."""
    try:
        card = price_card(model, on)
    except ValueError:
        return {
            "tiers": {},
            "input_only_usd_per_mtok": _input_only(model, on),
            "daily_windows": [],
            "cache_lifetime_minutes": None,
            "cache_repaying_reads": {},
            "history": [],
        }
    kept_minutes = _kept_minutes(model)
    tiers = {"standard": _tiers(card.tiers)}
    if card.batch is not None:
        tiers["batch"] = _tiers(card.batch)
    for tier in ("flex", "priority", "fast"):
        if has_service_tier(model, on, tier):
            shown = _tiers(price_card(model, on, tier).tiers)
            if shown != tiers.get("priority"):  # `fast` is another word for priority at OpenAI
                tiers[tier] = shown
    return {
        "tiers": tiers,
        "input_only_usd_per_mtok": None,
        "daily_windows": [
            {"from_utc": f"{one.start:%H:%M}", "to_utc": f"{one.end:%H:%M}", "tiers": _tiers(one.card.tiers)}
            for one in daily_windows_of(model)
        ],
        "cache_lifetime_minutes": kept_minutes,
        "cache_repaying_reads": _repaying(card.tiers[0].prices, kept_minutes),
        "history": [_history_row(start, past, on.date()) for start, past in price_history(model)],
        "batch_note": card.source.partition("; ")[2] or None,
    }


def _input_only(model: ApiModel, on: datetime) -> float | None:
    try:
        return input_only_usd_per_mtok(model.model_id, model.provider_id, on)
    except ValueError:
        return None


def _tiers(tiers: Sequence[PriceTier]) -> list[dict[str, Any]]:
    return [
        {"above_input_tokens": tier.above_input_tokens, **{key: getattr(tier.prices, key) for key in COLUMNS}}
        for tier in tiers
    ]


def _kept_minutes(model: ApiModel) -> float | None:
    """How long the prompt cache usually keeps a prefix; None where no source tells. [min]"""
    if model.provider_id not in caching_providers():
        return None
    lifetimes_s = prompt_caching(model.provider_id, model.model_id).lifetimes_s
    return lifetimes_s[0] / SECONDS_PER_MINUTE if lifetimes_s else None


def _repaying(prices: TokenPrices, kept_minutes: float | None) -> dict[str, float]:
    """Reads that repay one write to the cache, by how long it is kept; those that the list has prices for."""
    read, full = prices.cached_input_usd_per_mtok, prices.input_usd_per_mtok
    if read is None or full == 0.0:
        return {}
    usually = "as usual" if kept_minutes is None else f"{kept_minutes:g} minutes"
    writes = {usually: prices.cache_write_usd_per_mtok, "1 hour": prices.cache_write_1h_usd_per_mtok}
    reads = {
        kept: cache_repaying_reads(price / full, read / full) for kept, price in writes.items() if price is not None
    }
    return {kept: count for kept, count in reads.items() if math.isfinite(count)}


def _history_row(start: date | None, card: PriceCard, on: date) -> dict[str, Any]:
    when = "begun"
    if start is not None and start > on:
        when = "announced" if start > BUNDLED_DATA_AS_OF else "later"
    return {"from": _day(start), "status": when, "tiers": _tiers(card.tiers), "unverified": card.unverified}


def _headline(content: Mapping[str, Any]) -> list[str]:
    window = content["context_window_tokens"]
    known = "" if window is None else f"; context {window:,} tokens"
    if content["tiers"]:
        short = content["tiers"]["standard"][0]
        return [f"  text: input {short['input_usd_per_mtok']:g}, output {short['output_usd_per_mtok']:g}{known}"]
    if content["input_only_usd_per_mtok"] is not None:
        return [f"  text: input {content['input_only_usd_per_mtok']:g}, no output{known}"]
    return ["  text: no price per token"]


def _table_rows(content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Rows of the table of prices: a label, and the prices of a tier."""
    rows = [(f"{name}{_above(tier)}", tier) for name, tiers in content["tiers"].items() for tier in tiers]
    for window in content["daily_windows"]:
        rows += [(f"{window['from_utc']} to {window['to_utc']} UTC{_above(tier)}", tier) for tier in window["tiers"]]
    return rows


def _above(tier: Mapping[str, Any]) -> str:
    return f", prompts above {tier['above_input_tokens']:,} tokens" if tier["above_input_tokens"] else ""


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]], kept_minutes: float | None) -> list[str]:
    """Prices in columns; a column that no row has a price in is left out."""
    keys = [key for key in COLUMNS if any(prices[key] is not None for _, prices in rows)]
    heads = dict(COLUMNS)
    if kept_minutes is not None:
        heads["cache_write_usd_per_mtok"] = f"write {kept_minutes:g} min"
    cells = [["", *(heads[key] for key in keys)]]
    cells += [[label, *("-" if prices[key] is None else f"{prices[key]:g}" for key in keys)] for label, prices in rows]
    return _aligned(cells)


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Text in columns, the first to the left and the others to the right."""
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    return [
        "  "
        + "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]


def _window_lines(content: Mapping[str, Any]) -> list[str]:
    hours = [f"{window['from_utc']} to {window['to_utc']}" for window in content["daily_windows"]]
    return [f"  hours with prices of their own, every day, UTC: {', '.join(hours)}"] if hours else []


def _cache_lines(content: Mapping[str, Any]) -> list[str]:
    """How many reads repay a write, kept for each time that there is a price for."""
    lines = []
    for kept, even in content["cache_repaying_reads"].items():
        whole = math.ceil(even - 1e-9)
        reads = "no read is needed" if whole == 0 else f"{whole} read{'' if whole == 1 else 's'}"
        lines.append(f"  a cache write kept {kept} is repaid by {reads} ({even:.4f} at even cost)")
    return lines


def _history_lines(content: Mapping[str, Any]) -> list[str]:
    """Every dated price of short requests; later ones marked."""
    if not content["history"]:
        return []
    marks = {"begun": "", "later": "after this day", "announced": "announced"}
    cells, remarks = [["  from", "input", "output"]], [""]
    for row in content["history"]:
        short = row["tiers"][0]
        prices = [f"{short[key]:g}" for key in ("input_usd_per_mtok", "output_usd_per_mtok")]
        cells.append([f"  {row['from'] or 'the beginning'}", *prices])
        long = (
            f"{tier['input_usd_per_mtok']:g} and {tier['output_usd_per_mtok']:g}{_above(tier)}"
            for tier in row["tiers"][1:]
        )
        remarks.append("; ".join(filter(None, [marks[row["status"]], *long])))
    return [
        "  history:",
        *(f"{line}  {remark}".rstrip() for line, remark in zip(_aligned(cells), remarks, strict=True)),
    ]


def _provenance(content: Mapping[str, Any]) -> str:
    note = f"; {content['batch_note']}" if content.get("batch_note") else ""
    return (content["as_of"] or "undated") + (", unverified" if content["unverified"] else "") + note


def _media_content(model: str, provider: str | None, on: date) -> dict[str, Any] | None:
    """Prices per image or second of a model that no list of token prices has; None: there are none either."""
    rows = [row for row in media_prices() if row.model == model and provider in (None, row.provider)]
    if not rows:
        return None
    return {
        "model": model,
        "provider": rows[0].provider,
        "prices_on": on.isoformat(),
        "prices": [
            {
                "unit": row.unit,
                "variant": row.variant,
                "usd_per_unit": row.usd_per_unit,
                "from": _day(row.effective_from),
                "source": row.source,
                "as_of": _day(row.as_of),
                "unverified": row.unverified,
                "note": row.note,
            }
            for row in rows
        ],
    }


def _media_text(content: Mapping[str, Any]) -> str:
    prices = content["prices"]
    cells = [["", "USD", "from"]]
    for row in prices:
        label = f"{UNIT_WORDS[row['unit']]}, {row['variant']}" if row["variant"] != "any" else UNIT_WORDS[row["unit"]]
        cells.append([label, f"{row['usd_per_unit']:.4g}", row["from"] or "unknown"])
    sources = dict.fromkeys(
        f"  source: {row['source']}, {row['as_of'] or 'undated'}" + (", unverified" if row["unverified"] else "")
        for row in prices
    )
    notes = dict.fromkeys(f"  ! {row['note']}" for row in prices if row["note"])
    return "\n".join([f"{content['model']} at {content['provider']}", "", *_aligned(cells), "", *sources, *notes])


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
