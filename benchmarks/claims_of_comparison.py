"""Kinds of published claims that compare: costs of two set-ups, rents, images, loads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

from claim_basics import (
    HOLDS,
    HYPERSCALERS,
    NAMES,
    NOT,
    ONLY,
    Setup,
    banded,
    by_clients,
    clients_for,
    count,
    each,
    factor_of,
    figure,
    full_load,
    offers_of,
    percent,
    ratio_band,
    reached,
    rent,
    rents,
    span,
    when_busy,
    worded,
)
from claims_of_cost import Answer

from simulator.catalogue.hardware import open_model
from simulator.catalogue.measurements import measurement
from simulator.domain.units import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MONTH,
)


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


def cheaper(share: float) -> str:
    """By which share something costs less, or more."""
    return f"{percent(abs(share))} {'more' if share < 0.0 else 'less'}"


def per_gpu(setup: Setup) -> float:
    """Requests per second and GPU at full load."""
    return float(full_load(setup).requests_per_s) / setup.gpus
