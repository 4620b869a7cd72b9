"""Listings of the catalogue and the package: a title, columns, rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from simulator.domain.autoscaling import AutoscalingPolicy
from simulator.domain.models_and_gpus import Figure

Listing = tuple[str, Sequence[str], Iterable[Sequence[Any]]]

# Columns that others spell out, by kind: the id of a measurement names what was measured.
IMPLIED = {"throughput": ("model", "gpu", "GPUs", "precision", "in", "out", "regime", "engine")}


def listing(kind: str, narrowed: Mapping[str, str]) -> Listing:
    """The listing of a kind, narrowed to a provider, GPU or model.

    Raises
    ------
    ValueError
        If the kind can't be narrowed so, or nothing has that id.
    """
    make, takes = _LISTINGS[kind]
    for key in narrowed:
        if key not in takes:
            allowed = ", ".join(f"--{name}" for name in takes) or "no option"
            raise ValueError(f"--{key}: does not go with '{kind}', which takes {allowed}")
    return make(**narrowed)


def _scaled(figure: Figure | None, unit: float = 1.0, decimals: int = 0) -> str:
    """A figure in a larger unit; blank where the catalogue does not hold it."""
    return "" if figure is None else f"{figure.value / unit:.{decimals}f}"


def _gpus() -> Listing:
    from simulator.catalogue.hardware import gpu, gpu_ids

    gpus = [gpu(identifier) for identifier in gpu_ids()]
    columns = ("id", "name", "memory [GB]", "bandwidth [GB/s]", "16-bit [TFLOP/s]", "power [W]", "year")
    rows = [
        (
            one.id,
            one.name,
            _scaled(one.memory_bytes, 1e9, 1),
            _scaled(one.memory_bandwidth_bytes_per_s, 1e9),
            _scaled(one.flops_16bit_per_s, 1e12),
            _scaled(one.tdp_w),
            _scaled(one.release_year),
        )
        for one in gpus
    ]
    return "GPUs", columns, rows


def _models() -> Listing:
    from simulator.catalogue.hardware import open_model, open_model_ids

    models = [open_model(identifier) for identifier in open_model_ids()]
    columns = ("id", "name", "parameters [B]", "active [B]", "context [tokens]", "shape")
    rows = [
        (
            one.id,
            one.name,
            _scaled(one.parameters, 1e9, 2),
            _scaled(one.active_parameters, 1e9, 2),
            _scaled(one.context_tokens),
            one.shape or "",
        )
        for one in models
    ]
    return "Open models", columns, rows


def _rentals(provider: str | None = None, gpu: str | None = None) -> Listing:
    from simulator.catalogue.errors import UnknownId
    from simulator.catalogue.hardware import gpu_ids
    from simulator.catalogue.rentals import providers, rental_offers

    if provider is not None and provider not in providers():
        raise ValueError(f"--provider: {UnknownId(provider, providers())}")
    if gpu is not None and gpu not in gpu_ids():
        raise ValueError(f"--gpu: {UnknownId(gpu, gpu_ids())}")
    columns = ("provider", "gpu", "machine", "GPUs", "contract", "region", "USD/h", "USD/GPU-h", "as of", "note")
    rows = [
        (
            one,
            offer.gpu,
            offer.sku,
            offer.gpus_per_instance,
            offer.contract,
            offer.region,
            f"{offer.usd_per_hour:.4g}",
            f"{offer.usd_per_gpu_hour:.4g}",
            offer.as_of,
            "unverified" if offer.unverified else "",
        )
        for one in ((provider,) if provider else providers())
        for offer in rental_offers(one)
        if gpu in (None, offer.gpu)
    ]
    return "Rented GPUs", columns, rows


def _prices(provider: str | None = None) -> Listing:
    from datetime import UTC, datetime

    from simulator.catalogue.api_library import MAIN_PROVIDERS
    from simulator.catalogue.api_prices import api_model_ids, price_card, resolve_api_model
    from simulator.domain.defaults import DEFAULT_START

    on = datetime.combine(DEFAULT_START, datetime.min.time(), UTC)
    columns = ("model", "provider", "input", "output", "cached input", "batch", "note")
    rows = []
    try:
        sellers = MAIN_PROVIDERS if provider is None else (provider,)
        models = [resolve_api_model(identifier, seller) for seller in sellers for identifier in api_model_ids(seller)]
    except ValueError as error:
        raise ValueError(f"--provider: {error}") from None
    for model in models:
        try:
            card = price_card(model, on)
        except ValueError:
            continue  # priced in another unit than tokens
        prices = card.tiers[0].prices
        cached = prices.cached_input_usd_per_mtok
        rows.append(
            (
                model.model_id,
                model.provider_id,
                f"{prices.input_usd_per_mtok:g}",
                f"{prices.output_usd_per_mtok:g}",
                "" if cached is None else f"{cached:g}",
                "yes" if card.batch is not None else "",
                "unverified" if card.unverified else "",
            )
        )
    return f"API prices on {on.date()} [USD per million tokens]", columns, rows


def _scenarios() -> Listing:
    from simulator.config.scenarios import bundled_scenarios, parse_scenario, scenario_document

    rows = []
    for name, path in bundled_scenarios().items():
        scenario = parse_scenario(scenario_document(path))
        rows.append((name, scenario.title, scenario.baseline, ", ".join(scenario.challengers)))
    return "Bundled scenarios", ("name", "title", "baseline", "challengers"), rows


def _sweeps() -> Listing:
    from simulator.config.scenarios import bundled_sweeps
    from simulator.config.sweeps import read_sweep

    rows = []
    for name, path in bundled_sweeps().items():
        sweep = read_sweep(path)
        rows.append((name, sweep.title, sweep.base, sweep.size))
    return "Bundled sweeps", ("name", "title", "base", "points"), rows


def _traffic() -> Listing:
    from simulator.config.presets import ASSUMED, bundled_presets, load_preset
    from simulator.presentation.numbers import number

    rows = []
    for name in bundled_presets():
        preset = load_preset(name).preset
        mix = preset.mix
        sources = dict.fromkeys(re.split("[,:]", origin.source)[0] for origin in preset.sources.values())
        rows.append(
            (
                name,
                preset.what,
                f"{preset.peak_to_mean:.2f}",
                f"{preset.weekend_to_weekday:.2f}",
                "" if mix is None else number(mix.input_tokens, 4),
                "" if mix is None else number(mix.output_tokens, 4),
                "; ".join(source for source in sources if source != ASSUMED),
            )
        )
    columns = ("name", "what", "peak/mean", "weekend/weekday", "in [tokens]", "out [tokens]", "source")
    return "Traffic presets", columns, rows


def _policies() -> Listing:
    members = get_args(get_args(AutoscalingPolicy)[0])
    rows = []
    for policy in members:
        keys = [name for name in policy.model_fields if name != "kind"]
        kind = get_args(policy.model_fields["kind"].annotation)[0]
        rows.append((kind, (policy.__doc__ or "").splitlines()[0], ", ".join(keys)))
    return "Autoscaling policies", ("kind", "what it does", "keys"), rows


def _throughput(gpu: str | None = None, model: str | None = None) -> Listing:
    from simulator.presentation.evidence import evidence

    return evidence(gpu, model)


_LISTINGS: dict[str, tuple[Callable[..., Listing], tuple[str, ...]]] = {
    "gpus": (_gpus, ()),
    "models": (_models, ()),
    "rentals": (_rentals, ("provider", "gpu")),
    "prices": (_prices, ("provider",)),
    "scenarios": (_scenarios, ()),
    "sweeps": (_sweeps, ()),
    "traffic": (_traffic, ()),
    "policies": (_policies, ()),
    "throughput": (_throughput, ("gpu", "model")),
}
