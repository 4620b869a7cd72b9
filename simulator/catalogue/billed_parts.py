"""What one provider bills of the requests: prices of a mean request on every day, and what its terms count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from simulator.catalogue.api_prices import ApiModel
from simulator.catalogue.card_changes import Cards
from simulator.catalogue.media_lines import MediaUsd, media_usd
from simulator.catalogue.notes import Notes
from simulator.catalogue.prefix_shares import typical_hit_share
from simulator.catalogue.price_days import PriceDays, price_days
from simulator.catalogue.provider_rules import cached_prefix, image_tokens
from simulator.domain.api_options import ApiOption
from simulator.domain.api_plans import API_LINES, BilledPart, LimitedAmounts, PrefixHits, PriceTable
from simulator.domain.billed_tokens import (
    CACHED,
    OUTPUT,
    REASONING,
    TOKEN_LINES,
    WRITTEN,
    BilledTokens,
    billed_requests,
    billed_tokens,
    cards_batch,
    starts_of,
    usd_by_line,
)
from simulator.domain.commercial_terms import MeasuredBy
from simulator.domain.plans import Array
from simulator.domain.pricing import PriceCard, missing_prices
from simulator.domain.random_parts import TokenLengths
from simulator.domain.rate_limits import RateLimits
from simulator.domain.request_lengths import LognormalLength
from simulator.domain.request_levers import SharedPrefix
from simulator.domain.scenario import Scenario
from simulator.domain.workload import RequestClass, holds_media

Weights = Mapping[str, float]  # answers given for one request, by request class


def billed_part(
    scenario: Scenario, name: str, option: ApiOption, weights: Weights, notes: Notes, shown_as: str | None = None
) -> BilledPart | None:
    """The part of the requests that an option answers, each class by its weight; None: a fault was noted."""
    answered = [key for key in scenario.workload if weights[key] > 0]
    days = price_days(scenario, name, option, answered, notes)
    media = media_usd(scenario, name, option, answered, notes)
    if days is None or media is None or not _sells_what_is_asked(scenario, name, option, days, answered, notes):
        return None
    segments = [
        (first, [_BilledClass(scenario, name, key, weights[key], model, media, notes) for key in answered])
        for first, model in days.models
    ]
    classes = segments[0][1]
    for warning in (*_missing(classes, days.cards), *_cut_tails(classes, days.cards)):
        notes.warn(f"{name}: {warning}")
    sums = sum((one.tokens_per_request * one.weight for one in classes), np.zeros(len(TOKEN_LINES)))
    requests = {one.key: one.weight * billed_requests(one.request) for one in classes}
    amounts: dict[MeasuredBy, float] = {
        "tokens": float(sums.sum()),
        "requests": sum(requests[one.key] * one.request.calls_per_request for one in classes),
        "images": sum(requests[one.key] * one.request.images for one in classes),
    }
    prices = _table(days.cards, [(first, [one.missed_usd for one in of_model]) for first, of_model in segments])
    first_prices = days.cards[0][0].tiers[0].prices
    return BilledPart(
        name=shown_as or name,
        label=option.model or "given prices",
        prices=_with_media(prices, classes),
        prefixes=_prefix_hits(segments, days.cards),
        amounts=amounts,
        input_tokens=float(sums[: WRITTEN + 1].sum()),
        cached_tokens=float(sums[CACHED]),
        output_tokens=float(sums[OUTPUT] + sums[REASONING]),
        output_to_input_price=first_prices.output_usd_per_mtok / (first_prices.input_usd_per_mtok or 1.0),
        limited=_limited(classes, option.rate_limits),
        terms=option.terms,
    )


def _sells_what_is_asked(
    scenario: Scenario, name: str, option: ApiOption, days: PriceDays, answered: Sequence[str], notes: Notes
) -> bool:
    """Whether an option sells what its requests are; a fault is noted where an image service is asked for text."""
    path = f"options.{name}"
    requests = {key: scenario.workload[key] for key in answered}
    text = [key for key, request in requests.items() if not holds_media(request)]
    if text and not days.sells_tokens:
        key = "model" if option.model is not None else "prices.input_usd_per_mtok"
        sold = "the option sells images, speech or video alone, and class '{}' is text"
        notes.fault(name, f"{path}.{key}", f"is {option.model or 'missing'!r}: " + sold.format(text[0]))
        return False
    for key, quota in (("free_quota", option.terms.free_quota), ("subscription", option.terms.subscription)):
        if quota is not None and quota.images is not None and not any(one.images > 0 for one in requests.values()):
            notes.fault(name, f"{path}.terms.{key}.images", f"is {quota.images:g}, but no request makes an image")
            return False
    return True


def _limited(classes: Iterable[_BilledClass], limits: RateLimits | None) -> LimitedAmounts:
    """What rate limits count: calls at once, failed ones whether billed or not."""
    calls, tokens = 0.0, np.zeros(len(TOKEN_LINES))
    for one in classes:
        retries = one.request.retries
        unbilled = 1.0 if retries is None else retries.attempts / retries.billed_attempts
        at_once = one.weight * unbilled * (1.0 - one.request.batched_share)
        calls += at_once * billed_requests(one.request) * one.request.calls_per_request
        tokens += at_once * one.tokens_per_request
    if limits is not None and not limits.cached_input_counts:
        tokens[CACHED] = 0.0
    return LimitedAmounts(calls, float(tokens[: WRITTEN + 1].sum()), float(tokens[OUTPUT] + tokens[REASONING]))


class _BilledClass:
    """A request class as a provider bills it with one of its models."""

    def __init__(
        self,
        scenario: Scenario,
        name: str,
        key: str,
        weight: float,
        model: ApiModel | None,
        media: MediaUsd,
        notes: Notes,
    ) -> None:
        request = _scattered(scenario.workload[key], scenario.traffic.token_lengths)
        self.key, self.request = key, request
        self.weight = weight * request.share
        self.media = media.of(request)
        self.image_tokens = image_tokens(name, key, request, model, notes)
        self.cached_prefix, self.least_cached = cached_prefix(name, key, request, model, notes)
        self.requests_per_month = scenario.requests_per_month
        self._by_tiers: dict[tuple[int, ...], BilledTokens] = {}

    @property
    def prefix(self) -> SharedPrefix | None:
        """Common part of its prompts."""
        return self.request.prefix

    @property
    def follows_arrivals(self) -> bool:
        """Whether hits of its prefix follow from how often requests come."""
        return self.prefix is not None and self.prefix.hit_share is None

    @property
    def requests_per_prefix(self) -> float:
        """Requests that reach the provider on one prefix for each request of the scenario."""
        prefixes = 1.0 if self.prefix is None else self.prefix.prefixes
        return self.weight * self.request.unanswered_share / prefixes

    @property
    def typical_hit_share(self) -> float:
        """Hits as given, or at the scenario's own volume."""
        if self.cached_prefix == 0:
            return 0.0
        arriving = self.requests_per_month * self.weight * self.request.unanswered_share
        return typical_hit_share(self.request, arriving)

    @property
    def tokens_per_request(self) -> Array:
        """Tokens by line without regard to tiers, hits as given or at the scenario's own volume. Shape (lines,)."""
        tokens: Array = self._tokens((0,)).at(self.typical_hit_share)[0]
        return tokens

    @property
    def written_at_a_miss(self) -> float:
        """Tokens written to the cache where the prefix is not in it."""
        return float(self._tokens((0,)).missed[0, WRITTEN])

    def _tokens(self, starts: tuple[int, ...]) -> BilledTokens:
        if starts not in self._by_tiers:
            self._by_tiers[starts] = billed_tokens(
                self.request,
                starts,
                image_tokens=self.image_tokens,
                cached_prefix=self.cached_prefix,
                least_cached=self.least_cached,
            )
        return self._by_tiers[starts]

    def missed_usd(self, card: PriceCard) -> Array:
        """Price of a mean request by line: hits as given, none where they follow from the arrivals. Shape (lines,)."""
        hits = 0.0 if self.prefix is None or self.prefix.hit_share is None else self.prefix.hit_share
        return self._usd(card, lambda tokens: tokens.at(hits)) * self.weight

    def hit_usd(self, card: PriceCard) -> Array:
        """What a hit changes of it. Shape (lines,)."""
        return self._usd(card, lambda tokens: tokens.hit_change) * self.weight

    def _usd(self, card: PriceCard, tokens_of: Callable[[BilledTokens], Array]) -> Array:
        hour = self.prefix is not None and self.prefix.is_written_for_an_hour
        total = np.zeros(len(TOKEN_LINES))
        batch = self.request.batched_share
        for share, tiers in ((1.0 - batch, card.tiers), (batch, cards_batch(card))):
            if share > 0:
                tokens = tokens_of(self._tokens(starts_of(tiers)))
                total += share * usd_by_line(tokens, tiers, written_for_an_hour=hour)
        return total


def _scattered(request: RequestClass, laws: TokenLengths | None) -> RequestClass:
    """The class with the scatter of lengths that the demand has, where it gives but a mean: tiers go by each request.

    With a shared prefix or a cap the mean stands for all: what scatters is the rest, and what a cap saves is as the
    workload says.
    """
    if laws is None:
        return request
    scattered = {
        key: LognormalLength.scattered(mean, law.log_sd)
        for key, law, plain in (
            ("input_tokens", laws.input, request.prefix is None),
            ("output_tokens", laws.output, request.output_cap_tokens is None),
        )
        if plain and isinstance(mean := getattr(request, key), int | float) and mean > 0 and law.log_sd > 0
    }
    return request.model_copy(update=scattered)


Priced = Sequence[tuple[int, Sequence[Callable[[PriceCard], Array]]]]  # by the first day of a model: its classes


def _table(cards: Cards, priced: Priced) -> PriceTable:
    """Prices by day, half hour and line, summed over classes, each day's by the model of the day."""
    slots = max(len(day) for day in cards)
    known: dict[tuple[int, int], Array] = {}  # by day and model: days between two changes are one and the same
    usd = np.zeros((len(cards), slots, len(API_LINES)))
    for place, day in enumerate(cards):
        model = max(number for number, (first, _) in enumerate(priced) if first <= place)
        if (id(day), model) not in known:
            of_classes = priced[model][1]
            of_card = {
                card: sum((price(card) for price in of_classes), np.zeros(len(TOKEN_LINES)))
                for card in dict.fromkeys(day)
            }
            known[id(day), model] = np.stack([of_card[card] for card in day])
        usd[place, :, : len(TOKEN_LINES)] = known[id(day), model]
    return PriceTable(usd)


def _with_media(tokens: PriceTable, classes: Sequence[_BilledClass]) -> PriceTable:
    """The prices with those of images, audio and video."""
    usd = tokens.usd.copy()
    for one in classes:
        usd[:, :, len(TOKEN_LINES) :] += one.weight * one.media[:, None, :]
    return PriceTable(usd)


def _prefix_hits(segments: Sequence[tuple[int, Sequence[_BilledClass]]], cards: Cards) -> tuple[PrefixHits, ...]:
    """Prefixes whose hits follow from the arrivals, one by one."""
    found = []
    for place, one in enumerate(segments[0][1]):
        of_models = [(first, classes[place]) for first, classes in segments]
        if not one.follows_arrivals or all(other.cached_prefix == 0 for _, other in of_models):
            continue
        assert one.prefix is not None
        assert one.prefix.lifetime_s is not None
        change = _table(cards, [(first, [other.hit_usd]) for first, other in of_models])
        found.append(PrefixHits(one.requests_per_prefix, one.prefix.lifetime_s, one.prefix.renewed_by_use, change))
    return tuple(found)


def _missing(billed: Sequence[_BilledClass], cards: Cards) -> tuple[str, ...]:
    """Warnings for prices that are needed and that the cards lack."""
    reads = any(one.tokens_per_request[CACHED] > 0 for one in billed)
    writing = [one for one in billed if one.written_at_a_miss > 0]
    hours = [one.prefix is not None and one.prefix.is_written_for_an_hour for one in writing]
    batch = any(one.request.batched_share > 0 for one in billed)
    needs = (reads, not all(hours), batch, any(hours))
    distinct = dict.fromkeys(card for day in {id(day): day for day in cards}.values() for card in day)
    return tuple(dict.fromkeys(text for card in distinct for text in missing_prices(card, *needs)))


def _cut_tails(classes: Sequence[_BilledClass], cards: Cards) -> tuple[str, ...]:
    """Warnings for lengths whose tail is cut where a long-context tier asks for it."""
    if len(cards[0][0].tiers) == 1:
        return ()
    return tuple(
        f"prompt_tail_cut: without the shared prefix the prompts of class '{one.key}' are too wide for a lognormal; "
        "fewer than its quantile says reach the long-context tier; give quantiles"
        for one in classes
        if isinstance(law := one.request.input_law, LognormalLength) and law.is_cut_beyond(one.request.prefix_tokens)
    )
