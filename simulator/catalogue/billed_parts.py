"""What one provider bills of the requests: prices of a mean request on every day, and what its terms count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.image_tokens import image_input_tokens
from simulator.catalogue.media_lines import MediaUsd, media_factors, media_usd
from simulator.catalogue.notes import Notes
from simulator.catalogue.prefix_shares import typical_hit_share
from simulator.catalogue.price_days import Cards, PriceDays, price_days
from simulator.catalogue.prompt_caching import prompt_caching
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
from simulator.domain.workload import RequestClass, Workload

Weights = Mapping[str, float]  # answers given for one request, by request class


def billed_part(
    scenario: Scenario, name: str, option: ApiOption, weights: Weights, notes: Notes, shown_as: str | None = None
) -> BilledPart | None:
    """The part of the requests that an option answers, each class by its weight; None: a fault was noted."""
    days = price_days(scenario, name, option, notes)
    media = media_usd(scenario, name, option, notes)
    if days is None or media is None:
        return None
    classes = {key: _BilledClass(scenario, name, key, weights[key], days, media, notes) for key in scenario.workload}
    for warning in (*_missing(classes, days.cards), *_cut_tails(scenario.workload, days.cards)):
        notes.warn(f"{name}: {warning}")
    tokens = sum((billed.tokens.at(billed.typical_hit_share) * billed.weight for billed in classes.values()), _NONE)
    sums = tokens.sum(axis=0)
    answered = {key: billed.weight * billed_requests(billed.request) for key, billed in classes.items()}
    amounts: dict[MeasuredBy, float] = {
        "tokens": float(sums.sum()),
        "requests": sum(answered.values()),
        "images": sum(answered[key] * billed.request.images for key, billed in classes.items()),
    }
    return BilledPart(
        name=shown_as or name,
        label=option.model or "given prices",
        prices=_with_media(
            _table(days.cards, [one.missed_usd for one in classes.values()]), classes, media_factors(scenario, option)
        ),
        prefixes=tuple(_prefix_hits(billed, days.cards) for billed in classes.values() if billed.follows_arrivals),
        amounts=amounts,
        input_tokens=float(sums[: WRITTEN + 1].sum()),
        cached_tokens=float(sums[CACHED]),
        output_tokens=float(sums[OUTPUT] + sums[REASONING]),
        limited=_limited(classes.values(), option.rate_limits),
        terms=option.terms,
    )


def _limited(classes: Iterable[_BilledClass], limits: RateLimits | None) -> LimitedAmounts:
    """What rate limits count: calls at once, failed ones whether billed or not."""
    calls, tokens = 0.0, np.zeros(len(TOKEN_LINES))
    for one in classes:
        retries = one.request.retries
        unbilled = 1.0 if retries is None else retries.attempts / retries.billed_attempts
        at_once = one.weight * unbilled * (1.0 - one.request.batch_share)
        calls += at_once * billed_requests(one.request) * one.request.calls_per_request
        tokens += at_once * one.tokens.at(one.typical_hit_share)[0]
    if limits is not None and not limits.cached_input_counts:
        tokens[CACHED] = 0.0
    return LimitedAmounts(calls, float(tokens[: WRITTEN + 1].sum()), float(tokens[OUTPUT] + tokens[REASONING]))


_NONE = np.zeros((1, len(TOKEN_LINES)))


class _BilledClass:
    """A request class as this provider bills it."""

    def __init__(
        self, scenario: Scenario, name: str, key: str, weight: float, days: PriceDays, media: MediaUsd, notes: Notes
    ) -> None:
        request = _scattered(scenario.workload[key], scenario.traffic.token_lengths)
        self.request = request
        self.weight = weight * request.share
        self.media = media.of(request)
        self.image_tokens = _image_tokens(name, key, request, days, notes)
        self.cached_prefix = _cached_prefix(name, key, request, days, notes)
        self.requests_per_month = scenario.requests_per_month
        self._by_tiers: dict[tuple[int, ...], BilledTokens] = {}

    @property
    def prefix(self) -> SharedPrefix | None:
        """Common part of its prompts."""
        return self.request.prefix

    @property
    def follows_arrivals(self) -> bool:
        """Whether hits of its prefix follow from how often requests come."""
        return self.prefix is not None and self.prefix.hit_share is None and self.weight > 0 and self.cached_prefix > 0

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
    def tokens(self) -> BilledTokens:
        """Tokens without regard to tiers."""
        return self._tokens((0,))

    def _tokens(self, starts: tuple[int, ...]) -> BilledTokens:
        if starts not in self._by_tiers:
            self._by_tiers[starts] = billed_tokens(
                self.request, starts, image_tokens=self.image_tokens, cached_prefix=self.cached_prefix
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
        batch = self.request.batch_share
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


def _table(cards: Cards, prices: Sequence[Callable[[PriceCard], Array]]) -> PriceTable:
    """Prices by day, half hour and line, summed over classes."""
    slots = max(len(day) for day in cards)
    known: dict[int, Array] = {}  # by day: days between two changes are one and the same
    usd = np.zeros((len(cards), slots, len(API_LINES)))
    for place, day in enumerate(cards):
        if id(day) not in known:
            of_card = {card: np.sum([price(card) for price in prices], axis=0) for card in dict.fromkeys(day)}
            known[id(day)] = np.stack([of_card[card] for card in day])
        usd[place, :, : len(TOKEN_LINES)] = known[id(day)]
    return PriceTable(usd)


def _with_media(tokens: PriceTable, classes: Mapping[str, _BilledClass], factors: Array) -> PriceTable:
    """The prices with those of images, audio and video, by day as the factors say."""
    media = np.sum([one.weight * one.media for one in classes.values()], axis=0)
    usd = tokens.usd.copy()
    usd[:, :, len(TOKEN_LINES) :] = factors[:, None, None] * media
    return PriceTable(usd)


def _prefix_hits(billed: _BilledClass, cards: Cards) -> PrefixHits:
    assert billed.prefix is not None
    assert billed.prefix.lifetime_s is not None
    return PrefixHits(
        requests_per_prefix=billed.requests_per_prefix,
        lifetime_s=billed.prefix.lifetime_s,
        renewed_by_use=billed.prefix.renewed_by_use,
        change=_table(cards, [billed.hit_usd]),
    )


def _missing(classes: Mapping[str, _BilledClass], cards: Cards) -> tuple[str, ...]:
    """Warnings for prices that are needed and that the cards lack."""
    billed = [one for one in classes.values() if one.weight > 0]
    reads = any(one.tokens.at(one.typical_hit_share)[:, CACHED].sum() > 0 for one in billed)
    writing = [one for one in billed if one.tokens.missed[:, WRITTEN].sum() > 0]
    hours = [one.prefix is not None and one.prefix.is_written_for_an_hour for one in writing]
    batch = any(one.request.batch_share > 0 for one in billed)
    needs = (reads, not all(hours), batch, any(hours))
    distinct = dict.fromkeys(card for day in {id(day): day for day in cards}.values() for card in day)
    return tuple(dict.fromkeys(text for card in distinct for text in missing_prices(card, *needs)))


def _cut_tails(workload: Workload, cards: Cards) -> tuple[str, ...]:
    """Warnings for lengths whose tail is cut where a long-context tier asks for it."""
    if len(cards[0][0].tiers) == 1:
        return ()
    return tuple(
        f"prompt_tail_cut: without the shared prefix the prompts of class '{key}' are too wide for a lognormal; fewer "
        "than its quantile says reach the long-context tier; give quantiles"
        for key, request in workload.items()
        if isinstance(law := request.input_law, LognormalLength) and law.is_cut_beyond(request.prefix_tokens)
    )


def _image_tokens(name: str, key: str, request: RequestClass, days: PriceDays, notes: Notes) -> float:
    """Tokens of the images in a prompt, by the provider's rule where they are not given."""
    images = request.input_images
    if images is None:
        return 0.0
    if images.tokens_per_image is not None:
        return images.per_request * images.tokens_per_image
    provider = "" if days.model is None else days.model.provider_id
    try:
        found = image_input_tokens(provider, float(images.width_px or 1), float(images.height_px or 1))
    except UnknownId:
        text = f"is missing; no rule is known for the images of {provider or 'given prices'}"
        notes.fault(name, f"workload.{key}.input_images.tokens_per_image", text)
        return 0.0
    size = f"{images.width_px} x {images.height_px}"
    value = f"{found.tokens:g} tokens"
    notes.use(name, f"tokens of an image of {size} pixels", value, found.source, found.as_of, found.unverified)
    return images.per_request * found.tokens


def _cached_prefix(name: str, key: str, request: RequestClass, days: PriceDays, notes: Notes) -> float:
    """Tokens of the shared prefix that this provider caches."""
    prefix = request.prefix
    if prefix is None or days.model is None:
        return 0.0 if prefix is None else prefix.tokens
    try:
        rule = prompt_caching(days.model.provider_id, days.model.model_id)
    except UnknownId:
        return prefix.tokens
    cached = rule.cached_tokens(prefix.tokens)
    what = f"shortest prefix cached by {days.model.provider_id}"
    value = f"{rule.minimum_tokens:g} tokens"
    notes.use(name, what, value, rule.source, rule.as_of, rule.unverified)
    if cached == 0:
        notes.warn(
            f"{name}: prefix_too_short: {days.model.model_id} caches prefixes from {rule.minimum_tokens:,} tokens on; "
            f"the {prefix.tokens:g} of class '{key}' are billed as input"
        )
    return cached
