"""What the estimate of throughput and the catalogue's rents say to published claims; writes docs/published-claims.md.

    python benchmarks/published_claims.py            # prints the tables; a few seconds
    python benchmarks/published_claims.py --write    # and puts them into docs/published-claims.md

The claims are in published_claims.yaml. Here is a class for each kind of claim; its `answer` gives what the estimate
says and the condition under which the claim is true.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median_low
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import yaml

from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measurements import measurement
from simulator.catalogue.rentals import offers_in_force, providers, rental_offers
from simulator.domain.models_and_gpus import PRECISION_BYTES, Precision, RentalOffer
from simulator.domain.throughput import ThroughputEstimate
from simulator.domain.units import (
    HOURS_PER_MONTH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_MONTH,
    TOKENS_PER_MTOK,
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


# --- kinds of claims


class Answer(NamedTuple):
    """A row of the page, without the claim."""

    setup: str
    estimate: str
    verdict: str
    condition: str


class Claim(Protocol):
    """What all claims have in common."""

    @property
    def text(self) -> str:
        """The claim in a line."""
        ...

    def answer(self) -> Answer:
        """What the estimate says, and when the claim is true."""
        ...


@dataclass(frozen=True)
class QueryCost:
    """A query costs so much, from one price to another."""

    text: str
    setup: Setup
    low_usd: float
    high_usd: float
    at_queries_per_hour: float | None = None

    def answer(self) -> Answer:
        """Cost at full load; from which share of it on the two prices are reached."""
        setup, hourly, factor = self.setup, self.setup.usd_per_hour, factor_of(self.setup)
        requests_per_s = float(full_load(setup).requests_per_s)
        per_hour = requests_per_s * SECONDS_PER_HOUR
        fluent = float(asked(setup, tpot_limit_s=FLUENT_TPOT_S).requests_per_s)
        needed, low_needed = ([usd / price / per_hour for usd in hourly] for price in (self.high_usd, self.low_usd))
        condition = reached(self.high_usd, needed, factor)
        if min(needed) <= 1.0:
            queries = [share * requests_per_s for share in needed if share <= 1.0]
            clients = [clients_for(setup, rate) for rate in queries]
            condition += (
                f": {each(rate * SECONDS_PER_HOUR for rate in queries)} queries an hour, {each(clients, count)} at once"
            )
        condition += f". {reached(self.low_usd, low_needed, factor)}."
        if self.at_queries_per_hour:
            given = self.at_queries_per_hour
            condition += f" At {given:g} queries an hour {each(usd / given for usd in hourly)} USD."
        return Answer(
            setup.name,
            f"{banded(requests_per_s, setup, 'queries/s')}, {each(usd / per_hour for usd in hourly)} USD each; "
            f"{figure(fluent)} queries/s at {FLUENT_TPOT_S:g} s a token",
            when_busy(needed, factor),
            condition,
        )


@dataclass(frozen=True)
class TokenCost:
    """A million tokens, in and out, cost so much, from one price to another."""

    text: str
    setup: Setup
    low_usd: float | None
    high_usd: float
    at_tokens_per_month: tuple[float, float] | None = None

    @property
    def usd_per_hour(self) -> tuple[float, ...]:
        """What the replica costs, one figure for each rent. [USD/h]"""
        return self.setup.usd_per_hour

    def answer(self) -> Answer:
        """Cost at full load; from which share of it, and how many tokens a month, on the prices are reached."""
        hourly, tokens_per_s = self.usd_per_hour, float(full_load(self.setup).total_tokens_per_s)
        mtok_per_hour, factor = tokens_per_s * SECONDS_PER_HOUR / TOKENS_PER_MTOK, factor_of(self.setup)
        needed = [usd / self.high_usd / mtok_per_hour for usd in hourly]
        condition = reached(self.high_usd, needed, factor)
        if min(needed) <= 1.0:
            monthly = [share * tokens_per_s * SECONDS_PER_MONTH for share in needed if share <= 1.0]
            condition += f": {each(monthly, billions)} G tokens a month"
        if self.low_usd is not None:
            low_needed = [usd / self.low_usd / mtok_per_hour for usd in hourly]
            condition += f". {reached(self.low_usd, low_needed, factor)}"
        if self.at_tokens_per_month:
            least, most = (volume / TOKENS_PER_MTOK / HOURS_PER_MONTH for volume in self.at_tokens_per_month)
            volumes = " to ".join(f"{volume / 1e9:g}" for volume in self.at_tokens_per_month)
            condition += f". At {volumes} G tokens a month {span(hourly[0] / most, hourly[-1] / least)} USD"
        return Answer(
            self.setup.name,
            f"{banded(tokens_per_s, self.setup, 'tokens/s')}, {each(usd / mtok_per_hour for usd in hourly)} USD per "
            "million",
            when_busy(needed, factor),
            f"{condition}.",
        )


@dataclass(frozen=True)
class OwnedTokenCost(TokenCost):
    """The same on GPUs that were bought, at the two prices that the claim gives for all of them."""

    bought_usd: tuple[float, float] = (0.0, 0.0)

    @property
    def usd_per_hour(self) -> tuple[float, ...]:
        """Purchase over three years, and the boards' rated power. [USD/h]"""
        power_kw = self.setup.gpus * board_power_w(self.setup.gpu) / 1000.0
        return tuple(price / LIFE_HOURS + power_kw * USD_PER_KWH for price in self.bought_usd)


@dataclass(frozen=True)
class PowerCost:
    """Tokens are all but free once the GPU is paid: power costs less than so much a million."""

    text: str
    setup: Setup
    free_usd_per_mtok: float

    def answer(self) -> Answer:
        """Cost of power for one client and at full load; from how many clients on it counts as free."""
        power_w = board_power_w(self.setup.gpu)
        usd_per_hour = power_w / 1000.0 * USD_PER_KWH
        mtok_per_hour = self.setup.request_tokens * SECONDS_PER_HOUR / TOKENS_PER_MTOK  # at one request a second
        one, full = (
            usd_per_hour / (float(rate) * mtok_per_hour)
            for rate in (by_clients(self.setup)[1][0], full_load(self.setup).requests_per_s)
        )
        needed = clients_for(self.setup, usd_per_hour / self.free_usd_per_mtok / mtok_per_hour)
        return Answer(
            self.setup.name,
            f"{power_w:g} W: {figure(one)} USD per million tokens for one client, {figure(full)} at full load",
            f"{ONLY} from {count(needed)} at once on" if math.isfinite(needed) else NOT,
            f"Free is taken as {self.free_usd_per_mtok:g} USD per million at most; power of idle hours comes on top.",
        )


@dataclass(frozen=True)
class TokensPerMinute:
    """One GPU handles so many tokens a minute."""

    text: str
    setup: Setup
    low_per_minute: float

    def answer(self) -> Answer:
        """Tokens a minute, all and output; up to which lengths and from how many requests on the claim is true."""
        estimate, gpus = full_load(self.setup), self.setup.gpus
        total, output = (
            float(rate) * SECONDS_PER_MINUTE / gpus / 1e6
            for rate in (estimate.total_tokens_per_s, estimate.output_tokens_per_s)
        )
        found = f"{banded(total, self.setup, 'M tokens/min')} a GPU, {figure(output)} M of them output"
        lengths = np.arange(50.0, 4001.0, 50.0)
        enough = lengths[self._rates(lengths, lengths) >= self.low_per_minute]
        if not enough.size:
            inputs, outputs = np.meshgrid([100.0, 500.0, 2000.0, 4000.0], [20.0, 100.0, 300.0, 1000.0])
            most = float(np.max(self._rates(inputs.ravel(), outputs.ravel()))) / 1e6
            return Answer(self.setup.name, found, NOT, f"{figure(most)} M at most, whatever the lengths.")
        needed = clients_for(self.setup, self.low_per_minute / SECONDS_PER_MINUTE * gpus / self.setup.request_tokens)
        here = f"from {count(needed)} requests at once on" if math.isfinite(needed) else "not at these lengths"
        return Answer(
            self.setup.name,
            found,
            f"{ONLY} with input counted",
            f"{self.low_per_minute / 1e6:g} M {here}; with as many tokens in as out, up to {count(enough.max())} each.",
        )

    def _rates(self, input_tokens: np.ndarray, output_tokens: np.ndarray) -> np.ndarray:
        """Tokens a minute and GPU at other lengths."""
        estimate = asked(self.setup, input_tokens=input_tokens, output_tokens=output_tokens)
        return np.asarray(estimate.total_tokens_per_s) * SECONDS_PER_MINUTE / self.setup.gpus


@dataclass(frozen=True)
class WeightsRead:
    """A stream of tokens is as fast as the weights are read."""

    text: str
    setup: Setup

    def answer(self) -> Answer:
        """The bound and the estimate of one stream; what streams make together."""
        weights = open_model(self.setup.model).value("parameters") * PRECISION_BYTES[self.setup.precision]
        bound = self.setup.gpus * gpu_of(self.setup.gpu).memory_bandwidth_bytes_per_s.value / weights
        one = asked(self.setup, concurrency=1)
        rate = 1.0 / float(one.tpot_s)
        low, high = (min(float(end) / float(one.output_tokens_per_s) * rate, bound) for end in one.band)
        twice = clients_for(self.setup, 2.0 * bound / self.setup.output_tokens)
        clients, served = by_clients(self.setup)
        return Answer(
            self.setup.name,
            f"bound {figure(bound / self.setup.gpus)} tokens/s a GPU, {figure(bound)} on {self.setup.gpus}; "
            f"one stream {figure(rate)} ({span(low, high)}), {percent(rate / bound)} of it",
            f"{ONLY} for one stream at 16 bit",
            f"Streams share the reading: {count(twice)} make twice the bound together, {count(clients[-1])} make "
            f"{figure(float(served[-1]) * self.setup.output_tokens)} tokens/s.",
        )


@dataclass(frozen=True)
class LeastGpus:
    """A model needs at least so many of these GPUs."""

    text: str
    setups: tuple[Setup, ...]
    claimed_gpus: int

    def answer(self) -> Answer:
        """What fits, and how many requests at once."""
        model, gpu = open_model(self.setups[0].model), self.setups[0].gpu
        fitting = [setup for setup in self.setups if full_load(setup).fits]
        fewer = [setup for setup in fitting if setup.gpus < self.claimed_gpus]
        whole = any(setup.gpus == self.claimed_gpus and setup.precision == "bf16" for setup in fitting)
        holding = [f"{worded(setup.precision)} fits on {setup.gpus}" for setup in fewer]
        return Answer(
            f"{model.name.removesuffix(' (version not stated)')}, {NAMES[gpu]}",
            f"{figure(model.value('parameters') * PRECISION_BYTES['bf16'] / 1e9)} GB at 16 bit. Requests at once: "
            + ", ".join(f"{self._room(setup)} in {worded(setup.precision)} on {setup.gpus}" for setup in self.setups),
            NOT if not whole else f"{ONLY} at 16 bit" if fewer else HOLDS,
            f"{', '.join(holding)}." if holding else "In 16 bit already, with room for a batch.",
        )

    def _room(self, setup: Setup) -> str:
        return count(float(full_load(setup).max_concurrency)) if full_load(setup).fits else "none"


@dataclass(frozen=True)
class CostCut:
    """Tokens get cheaper by such a share."""

    text: str
    before: Setup
    after: Setup
    low_share: float

    def answer(self) -> Answer:
        """The cut per token at full load and for one client; at how many clients, if any, the claim is true."""
        left = per_gpu(self.before) / per_gpu(self.after)
        most, least = (1.0 - end for end in ratio_band(left, self.before, self.after))
        clients, before = by_clients(self.before)
        _, after = by_clients(self.after)
        both = min(before.size, after.size)
        cuts = 1.0 - before[:both] / after[:both] * self.after.gpus / self.before.gpus
        room = [count(full_load(setup).max_concurrency) for setup in (self.before, self.after)]
        if 1.0 - left >= self.low_share:
            partly = f"{ONLY} under load" if cuts.max() >= self.low_share else f"{ONLY} at full load"
            verdict = HOLDS if cuts.min() >= self.low_share else partly
            condition = f"Room for {room[1]} requests at once instead of {room[0]}."
        elif cuts.max() >= self.low_share:
            verdict = f"{ONLY} with {span(*clients[:both][cuts >= self.low_share][[0, -1]], count)} clients"
            condition = "Not at full load."
        else:
            verdict = f"{ONLY} at the edge of the bands" if most >= self.low_share else NOT
            best = f"with {count(clients[cuts.argmax()])} at once" if cuts.max() > 1.0 - left else "at full load"
            condition = f"{cheaper(max(cuts.max(), 1.0 - left))} at best, {best}."
        return Answer(
            f"{self.before.name} → {worded(self.after.precision)} on {self.after.gpus}",
            f"{cheaper(1.0 - left)} at full load ({span(least, most, percent)}), {cheaper(cuts[0])} for one client",
            verdict,
            condition,
        )


@dataclass(frozen=True)
class CostRatio:
    """A small model costs so many times less per token than a large one on the same GPUs."""

    text: str
    small: Setup
    large: Setup
    low: float
    high: float

    def answer(self) -> Answer:
        """The ratio at full load, every replica of the small model on its own GPUs, and for one client each."""
        ratio = per_gpu(self.small) / per_gpu(self.large)
        least, most = ratio_band(ratio, self.small, self.large)
        alone = float(by_clients(self.small)[1][0] / by_clients(self.large)[1][0]) * self.large.gpus / self.small.gpus
        edge = f"{ONLY} at the edge of the bands" if least <= self.high and most >= self.low else NOT
        room = [count(full_load(setup).max_concurrency) for setup in (self.small, self.large)]
        return Answer(
            f"{self.small.name}, against {self.large.name}",
            f"{figure(ratio)} times less at full load ({span(least, most)}), {figure(alone)} for one client each",
            f"{ONLY} at full load" if self.low <= ratio <= self.high else edge,
            f"Room for {room[0]} requests at once, against {room[1]}.",
        )


@dataclass(frozen=True)
class IdleFactor:
    """A GPU with little to do is so many times dearer per token."""

    text: str
    setup: Setup
    factor: float

    def answer(self) -> Answer:
        """How little that is."""
        per_hour = float(full_load(self.setup).requests_per_s) * SECONDS_PER_HOUR
        return Answer(
            self.setup.name,
            f"{banded(per_hour, self.setup, 'queries an hour')}",
            f"{HOLDS} at {percent(1.0 / self.factor)} of full load",
            f"By definition: {figure(per_hour / self.factor)} queries an hour; with fewer dearer still.",
        )


@dataclass(frozen=True)
class Served:
    """So much demand is served by one replica."""

    text: str
    setup: Setup
    demand: tuple[float, float]  # mean over the month, from one volume to another
    unit: Literal["requests_per_s", "requests_per_day", "requests_per_month", "tokens_per_day", "tokens_per_month"]

    def answer(self) -> Answer:
        """The share of full load that the mean demand takes, and the peak that still fits."""
        counted, _, period = self.unit.partition("_per_")
        size = self.setup.request_tokens if counted == "tokens" else 1
        seconds = {"s": 1.0, "day": SECONDS_PER_DAY, "month": SECONDS_PER_MONTH}[period]
        requests_per_s = [volume / size / seconds for volume in self.demand]
        full = float(full_load(self.setup).requests_per_s)
        low, high = (rate / full for rate in requests_per_s)
        found = f"{banded(full, self.setup, 'queries/s')}; mean demand {span(*requests_per_s)}"
        if low > 1.0:
            return Answer(self.setup.name, found, NOT, f"Takes {figure(low)} times as many GPUs.")
        return Answer(
            self.setup.name,
            found,
            f"{ONLY} while peaks are at most {span(1.0 / high, 1.0 / low)} times the mean",
            f"The mean takes {span(100.0 * low, 100.0 * high)} % of full load.",
        )


@dataclass(frozen=True)
class Rate:
    """A replica makes so many output tokens a second, at such lengths."""

    text: str
    setup: Setup
    output_tokens_per_s: float

    def answer(self) -> Answer:
        """Full load, and the requests at once that make the rate."""
        full = float(full_load(self.setup).output_tokens_per_s)
        found = banded(full, self.setup, "output tokens/s")
        share = self.output_tokens_per_s / full
        if share > 1.0:
            near = share <= factor_of(self.setup)
            verdict = f"{ONLY} at the edge of the band" if near else NOT
            return Answer(self.setup.name, found, verdict, f"{figure(share)} times the estimate of full load.")
        needed = clients_for(self.setup, self.output_tokens_per_s / self.setup.output_tokens)
        return Answer(
            self.setup.name, found, f"{ONLY} from {count(needed)} at once on", f"That is {percent(share)} of full load."
        )


@dataclass(frozen=True)
class CheaperAccelerator:
    """One accelerator makes tokens so many times cheaper than another."""

    text: str
    setup: Setup
    against: Setup
    factor: float

    def answer(self) -> Answer:
        """The ratio of costs at the three rents of the other, and the rent of it from which the claim is true."""
        speed = float(full_load(self.against).requests_per_s) / float(full_load(self.setup).requests_per_s)
        own_usd = self.setup.usd_per_hour[0]
        ratios = [usd / speed / own_usd for usd in self.against.usd_per_hour]
        needed = self.factor * own_usd * speed / self.against.gpus
        low, high = ratio_band(needed, self.against, self.setup)
        name = NAMES[self.against.gpu]
        return Answer(
            f"{self.setup.name}, against {name}",
            f"{each(ratios)} times cheaper, at {rent(own_usd)} USD an hour",
            f"{ONLY} against dear {name}s" if max(ratios) >= self.factor else NOT,
            f"True where an {name} rents for {figure(needed)} USD an hour or more ({span(low, high)}).",
        )


@dataclass(frozen=True)
class RentRange:
    """GPUs rent for so much an hour."""

    text: str
    gpu: str
    low_usd: float
    high_usd: float
    among: tuple[str, ...] = ()

    def answer(self) -> Answer:
        """How many offers are within the range, and which are not."""
        offers = [
            (provider, offer.usd_per_gpu_hour)
            for provider, offer in offers_of(self.gpu)
            if not self.among or provider in self.among
        ]
        below = [row for row in offers if row[1] < self.low_usd]
        above = [row for row in offers if row[1] > self.high_usd]
        within = len(offers) - len(below) - len(above)
        outside = [f"{side} {_listed(rows)}" for side, rows in (("Below:", below), ("Above:", above)) if rows]
        return Answer(
            NAMES[self.gpu],
            f"{span(offers[0][1], offers[-1][1], rent)} USD per GPU-hour",
            f"{HOLDS if within == len(offers) else ONLY} for {within} of {len(offers)} offers" if within else NOT,
            f"{'. '.join(outside)}." if outside else "All of them.",
        )


def _listed(rows: Iterable[tuple[str, float]]) -> str:
    """Providers once each, with what they ask."""
    rates: dict[str, list[float]] = {}
    for provider, usd in rows:
        rates.setdefault(provider, []).append(usd)
    return ", ".join(f"{provider} {span(min(usd), max(usd), rent)}" for provider, usd in rates.items())


@dataclass(frozen=True)
class SpecialistSaving:
    """Specialised clouds rent the same GPU for such a share less than hyperscalers."""

    text: str
    gpu: str
    low_share: float
    high_share: float

    def answer(self) -> Answer:
        """The saving between the medians, and the range over all pairs."""
        large = [offer.usd_per_gpu_hour for provider, offer in offers_of(self.gpu) if provider in HYPERSCALERS]
        special = [offer.usd_per_gpu_hour for provider, offer in offers_of(self.gpu) if provider not in HYPERSCALERS]
        middle, large_middle = median_low(special), median_low(large)
        saving = 1.0 - middle / large_middle
        least, most = 1.0 - max(special) / min(large), 1.0 - min(special) / max(large)
        ends = [min(large) * (1.0 - self.low_share), max(large) * (1.0 - self.high_share)]
        return Answer(
            NAMES[self.gpu],
            f"medians {rent(middle)} and {rent(large_middle)} USD an hour, {percent(saving)} less; "
            f"{span(100 * least, 100 * most)} % between any two",
            f"{HOLDS if self.low_share <= saving <= self.high_share else NOT} between the medians",
            f"{percent(self.low_share)} less than the cheapest hyperscaler up to {rent(ends[0])} USD an hour, "
            f"{percent(self.high_share)} less than the dearest up to {rent(ends[1])}.",
        )


@dataclass(frozen=True)
class ImageCost:
    """An image costs so much, from one price to another."""

    text: str
    measured: str  # id of a measurement
    low_usd: float
    high_usd: float

    def answer(self) -> Answer:
        """Cost at the measured rate; from which share of it on the prices are reached."""
        row = measurement(self.measured)
        per_hour = row.value * SECONDS_PER_HOUR
        hourly = [row.gpus * usd for usd in rents(row.gpu).usd_per_gpu_hour]
        needed, low_needed = ([usd / price / per_hour for usd in hourly] for price in (self.high_usd, self.low_usd))
        how = f"batch {row.concurrency}" if row.concurrency else row.regime.replace("mlperf-", "MLPerf ")
        return Answer(
            f"{open_model(row.model).name}, {row.gpus} × {NAMES[row.gpu]}; {how}",
            f"{figure(row.value)} images/s, {each(usd / per_hour for usd in hourly)} USD each",
            when_busy(needed, 1.0),
            f"{reached(self.high_usd, needed)}. {reached(self.low_usd, low_needed)}.",
        )


def board_power_w(gpu: str) -> float:
    """Rated power of a board. [W]"""
    return float(gpu_of(gpu).tdp_w.value)


def cheaper(share: float) -> str:
    """By which share something costs less, or more."""
    return f"{percent(abs(share))} {'more' if share < 0.0 else 'less'}"


def per_gpu(setup: Setup) -> float:
    """Requests per second and GPU at full load."""
    return float(full_load(setup).requests_per_s) / setup.gpus


# --- the claims and the page

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        QueryCost,
        TokenCost,
        OwnedTokenCost,
        PowerCost,
        TokensPerMinute,
        WeightsRead,
        LeastGpus,
        CostCut,
        CostRatio,
        IdleFactor,
        Served,
        Rate,
        CheaperAccelerator,
        RentRange,
        SpecialistSaving,
        ImageCost,
    )
}
SETUP_FIELDS = ("setup", "before", "after", "small", "large", "against")


@cache
def claims() -> dict[str, tuple[Claim, ...]]:
    """All claims, by the table that they stand in."""
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    setups = {name: Setup(**fields) for name, fields in content["setups"].items()}
    return {name: tuple(_claim(fields, setups) for fields in rows) for name, rows in content["claims"].items()}


def _claim(fields: dict[str, Any], setups: dict[str, Setup]) -> Claim:
    kind = KINDS[fields.pop("kind")]
    for name, value in fields.items():
        if name in SETUP_FIELDS:
            fields[name] = setups[value]
        elif isinstance(value, list):
            fields[name] = tuple(setups[item] if name == "setups" else item for item in value)
    return kind(**fields)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def claim_table(rows_of: Iterable[Claim]) -> str:
    """Claims with their answers."""
    rows = []
    for claim in rows_of:
        setup, estimate, verdict, condition = claim.answer()
        rows.append((claim.text, setup, estimate, f"**{verdict}.** {condition}"))
    return markdown(("claim", "set-up", "what the estimate says", "true when"), rows)


def tables() -> dict[str, str]:
    """Every table of the page, by the name of its mark."""
    return {"rent-table": rent_table(RENTED_GPUS)} | {name: claim_table(group) for name, group in claims().items()}


def replaced(page: str, name: str, table: str) -> str:
    """The page with what lies between the marks of a table replaced."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"{PAGE}: must have the marks {begin.strip()} and {end.strip()} once")
    head, rest = page.split(begin)
    return f"{head}{begin}{table}{end}{rest.split(end)[1]}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="put the tables into docs/published-claims.md")
    given = arguments.parse_args()
    page = PAGE.read_text(encoding="utf-8") if given.write else ""
    for name, table in tables().items():
        print(f"\n{name}\n{table}")
        page = replaced(page, name, table) if given.write else ""
    if given.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
