"""Kinds of published claims about the cost of queries and tokens, and what a replica serves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from claim_basics import (
    FLUENT_TPOT_S,
    HOLDS,
    LIFE_HOURS,
    NAMES,
    NOT,
    ONLY,
    USD_PER_KWH,
    Setup,
    asked,
    banded,
    billions,
    by_clients,
    clients_for,
    count,
    each,
    factor_of,
    figure,
    full_load,
    percent,
    reached,
    span,
    when_busy,
    worded,
)

from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.domain.models_and_gpus import PRECISION_BYTES
from simulator.domain.units import (
    HOURS_PER_MONTH,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_MONTH,
    TOKENS_PER_MTOK,
)


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


def board_power_w(gpu: str) -> float:
    """Rated power of a board. [W]"""
    return float(gpu_of(gpu).tdp_w.value)
