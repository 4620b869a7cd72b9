"""Figures in words, rents and replicas that published claims are answered with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

import numpy as np

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.hardware import open_model
from simulator.catalogue.rentals import offers_in_force, providers, rental_offers
from simulator.domain.models_and_gpus import Precision, RentalOffer
from simulator.domain.throughput import ThroughputEstimate
from simulator.domain.units import (
    HOURS_PER_MONTH,
)

PAGE = Path(__file__).parents[1] / "docs" / "published-claims.md"
CLAIMS = Path(__file__).with_name("published_claims.yaml")
PRICES_ON = date(2026, 12, 1)  # rents in force on this day
FLUENT_TPOT_S = 0.05  # 20 tokens a second, faster than one reads
HYPERSCALERS = ("aws", "azure", "gcp")
RENTED_GPUS = ("a10g", "a100-80gb-sxm", "h100-sxm", "rtx-4090", "t4", "tpu-v6e")

# What owning costs, with the prices that a claim gives for the GPUs. The electricity price is that of arXiv 2509.18101.
LIFE_HOURS = 3 * 12 * HOURS_PER_MONTH
USD_PER_KWH = 0.15

# A verdict begins with one of these; the second goes on with what it takes.
HOLDS, ONLY, NOT = "Holds", "Holds only", "Does not hold"

NAMES = {
    "a10g": "A10G",
    "a100-80gb-sxm": "A100 80GB",
    "h100-sxm": "H100",
    "h100-nvl": "H100 NVL",
    "rtx-4090": "RTX 4090",
    "t4": "T4",
    "tpu-v6e": "TPU v6e",
}


# --- figures in words


def figure(value: float) -> str:
    """Two significant digits: 0.00027, 5.8, 21,000."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = 1 - math.floor(math.log10(abs(float(f"{value:.1e}"))))
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def count(value: float) -> str:
    """Two significant digits of a whole number: 9, 170."""
    return figure(value) if value >= 10.0 else f"{value:.0f}"


def percent(share: float) -> str:
    """Two significant digits of a share, which may be negative or above 1."""
    return f"{'−' if share < 0.0 else ''}{figure(abs(100.0 * share))} %"


def span(low: float, high: float, word: Callable[[float], str] = figure) -> str:
    """From one figure to another."""
    first, last = word(low), word(high)
    return first if first == last else f"{first} to {last}"


def each(values: Iterable[float], word: Callable[[float], str] = figure) -> str:
    """One figure for each rent: cheapest / median / dearest; a single one where all are the same."""
    words = [word(value) for value in values]
    return words[0] if len(set(words)) == 1 else " / ".join(words)


def shares(values: Sequence[float]) -> str:
    """Shares of full load, one for each rent; more than all of it can't be had."""
    words = [figure(100.0 * share) if share <= 1.0 else "never" for share in values]
    last = sum(share <= 1.0 for share in values) - 1  # rents rise, and so do shares
    if last >= 0:
        words[last] += " %"
    return words[last] if len(set(values)) == 1 else " / ".join(words)


def rent(usd_per_hour: float) -> str:
    """As offers print it."""
    return f"{usd_per_hour:.2f}"


def billions(number: float) -> str:
    """A number of tokens, in thousands of millions."""
    return figure(number / 1e9)


# --- rents


class Rents(NamedTuple):
    """Offers of one GPU on demand: the cheapest per GPU, the median (of an even number the lower) and the dearest."""

    cheapest: RentalOffer
    median: RentalOffer
    dearest: RentalOffer

    @property
    def usd_per_gpu_hour(self) -> tuple[float, ...]:
        """Of the three. [USD/h]"""
        return tuple(offer.usd_per_gpu_hour for offer in self)


@cache
def offers_of(gpu: str) -> tuple[tuple[str, RentalOffer], ...]:
    """Provider and offer of every machine with the GPU, on demand, in force on the day; cheapest first."""
    found = []
    for provider in providers():
        offers = [offer for offer in rental_offers(provider) if offer.gpu == gpu and offer.contract == "on_demand"]
        found += [(provider, offer) for offer in offers_in_force(offers, PRICES_ON)]
    return tuple(sorted(found, key=lambda row: (row[1].usd_per_gpu_hour, row[0], row[1].sku)))


@cache
def rents(gpu: str) -> Rents:
    """The three rents of a GPU that answers are given for."""
    offers = [offer for _, offer in offers_of(gpu)]
    middle = median_low(range(len(offers)))
    return Rents(offers[0], offers[middle], offers[-1])


def rent_table(gpus: Sequence[str]) -> str:
    """The rents used, with provider, day and source."""
    rows = []
    for gpu in gpus:
        provider_of = {id(offer): provider for provider, offer in offers_of(gpu)}
        name = f"{NAMES[gpu]} ({len(provider_of)})"
        for offer in dict.fromkeys(rents(gpu)):
            kinds = [kind for kind, other in zip(Rents._fields, rents(gpu), strict=True) if other is offer]
            kind = ", ".join(kinds) if len(provider_of) > 1 else "the only one"
            where = "" if offer.region == "any" else f", {offer.region}"
            who = f"{provider_of[id(offer)]}: {offer.sku}{where}"
            rows.append((name, kind, rent(offer.usd_per_gpu_hour), who, f"{short(offer.source)}, {offer.as_of}"))
            name = ""
    return markdown(("GPU (offers)", "rent", "USD per GPU-hour", "offer", "source, read on"), rows)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def short(source: str) -> str:
    """Repository or site of a source; the file of the provider has it in full."""
    words = source.removeprefix("github ").split(" ")[0]
    parts = re.sub(r"^https?://(www\.)?", "", words).split("/")
    if parts[0] == "raw.githubusercontent.com":
        return "/".join(parts[1:3])
    return "/".join(parts[1:4]) if parts[0] == "huggingface.co" else "/".join(parts[:2])


# --- replicas and what they serve


@dataclass(frozen=True)
class Setup:
    """A model on the GPUs of one replica, and the lengths of its requests; left out: all requests queued."""

    model: str
    gpu: str
    gpus: int = 1
    precision: Precision = "bf16"
    input_tokens: int = 500
    output_tokens: int = 300
    n_requests: int | None = None
    engine: str | None = None

    @property
    def name(self) -> str:
        """Model, precision, GPUs, and lengths where they are not 500 and 300."""
        model = open_model(self.model).name.removesuffix(" (version not stated)")
        lengths = (self.input_tokens, self.output_tokens)
        tail = "" if lengths == (500, 300) else f"; {self.input_tokens} in, {self.output_tokens} out"
        tail += f"; {self.engine}" if self.engine else ""
        return f"{model}, {worded(self.precision)}, {self.gpus} × {NAMES[self.gpu]}{tail}"

    @property
    def request_tokens(self) -> int:
        """Input and output of one request."""
        return self.input_tokens + self.output_tokens

    @property
    def usd_per_hour(self) -> tuple[float, ...]:
        """Rent of the replica: cheapest, median, dearest. [USD/h]"""
        return tuple(self.gpus * usd for usd in rents(self.gpu).usd_per_gpu_hour)


def worded(precision: Precision) -> str:
    """A precision as people say it."""
    return {"int4": "4-bit", "int8": "INT8", "w8a16": "8-bit weights"}.get(precision, precision.upper())


@cache
def full_load(setup: Setup) -> ThroughputEstimate:
    """The estimate with all requests queued."""
    return asked(setup)


def asked(setup: Setup, **load: object) -> ThroughputEstimate:
    """The estimate under some other load, in tensor parallel."""
    wanted: dict[str, object] = {
        "input_tokens": setup.input_tokens,
        "output_tokens": setup.output_tokens,
        "n_requests": setup.n_requests,
        "engine": setup.engine,
    }
    return estimate_throughput(
        setup.model, setup.gpu, tensor_parallel=setup.gpus, precision=setup.precision, **{**wanted, **load}
    )


@cache
def by_clients(setup: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of clients up to the largest batch, and the requests per second that they get served."""
    clients = np.arange(1.0, max(float(full_load(setup).max_concurrency), 1.0) + 1.0)
    return clients, asked(replace(setup, n_requests=None), concurrency=clients).requests_per_s


def clients_for(setup: Setup, requests_per_s: float) -> float:
    """The fewest clients, each waiting for its answer, that get so much served; infinite where none do."""
    clients, served = by_clients(setup)
    enough = served >= requests_per_s
    return float(clients[enough.argmax()]) if enough.any() else math.inf


def half_width(setup: Setup) -> float:
    """Of the 80 % band at full load, as a logarithm."""
    estimate = full_load(setup)
    return math.log(float(estimate.band.high) / float(estimate.output_tokens_per_s))


def factor_of(setup: Setup) -> float:
    """By which the 80 % band at full load goes up and down."""
    return math.exp(half_width(setup))


def banded(value: float, setup: Setup, unit: str) -> str:
    """A figure proportional to throughput, with its band."""
    factor = factor_of(setup)
    return f"{figure(value)} {unit} ({span(value / factor, value * factor)})"


def ratio_band(ratio: float, one: Setup, other: Setup) -> tuple[float, float]:
    """The band of a ratio of two estimates, as if their errors had nothing in common."""
    factor = math.exp(math.hypot(half_width(one), half_width(other)))
    return ratio / factor, ratio * factor


def when_busy(needed: Sequence[float], factor: float) -> str:
    """The verdict on a price that needs these shares of full load, one for each rent."""
    dear = sum(share > 1.0 for share in needed)
    if dear == len(needed):
        return f"{ONLY} at the edge of the band" if min(needed) <= factor else NOT
    return f"{ONLY} when busy" + ("", ", and not at the dearest rent", ", and only at the cheapest rent")[dear]


def reached(usd: float, needed: Sequence[float], factor: float = 1.0) -> str:
    """From which shares of full load on a price is reached, and where the band leaves that open."""
    names = Rents._fields if len(needed) == len(Rents._fields) else ("lower", "higher")
    open_ends = [
        f"{span(100.0 * share / factor, 100.0 * share * factor)} % at the {name}"
        for name, share in zip(names, needed, strict=True)
        if share / factor <= 1.0 < share * factor
    ]
    band = f" (band: {', '.join(open_ends)})" if open_ends else ""
    if min(needed) > 1.0:
        return f"{usd:g} USD never: full load costs {each(needed)} times that{band}"
    return f"{usd:g} USD from {shares(needed)} of full load{band}"
