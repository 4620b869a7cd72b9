"""Prices of images, speech and video that requests make or send: given, or from the price list."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_prices import media_price
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption
from simulator.domain.billed_tokens import billed_requests
from simulator.domain.plans import Array
from simulator.domain.scenario import Scenario
from simulator.domain.workload import RequestClass

# What a request may hold, the price given for it, and the unit of the price list.
_MEDIA = (
    ("images", "usd_per_image", "image"),
    ("audio_input_s", "usd_per_audio_input_s", "audio_s"),
    ("audio_output_s", "usd_per_audio_output_s", "audio_s"),
    ("video_s", "usd_per_video_s", "video_s"),
)


@dataclass(frozen=True)
class MediaUsd:
    """Prices of an image, of a second of speech sent, of speech made and of video, by day. Shape (days, 4). [USD]"""

    by_day: Array

    def of(self, request: RequestClass) -> Array:
        """What images, audio and video of a request cost. Shape (days, 3). [USD per request]"""
        images, heard, spoken, video = (self.by_day[:, place] for place in range(len(_MEDIA)))
        audio = request.audio_input_s * heard + request.audio_output_s * spoken
        usd: Array = np.stack([request.images * images, audio, request.video_s * video], axis=1)
        return billed_requests(request) * usd


def held_units(requests: Iterable[RequestClass]) -> set[str]:
    """Units of the price list that requests hold."""
    return {unit for request in requests for held, _, unit in _MEDIA if getattr(request, held) > 0}


def media_usd(
    scenario: Scenario, name: str, option: ApiOption, classes: Collection[str], notes: Notes
) -> MediaUsd | None:
    """Prices of whatever some request classes hold beside text; None: one is needed and not known, which is noted."""
    requests = [scenario.workload[key] for key in classes]
    by_day = np.zeros((scenario.horizon.calendar_days, len(_MEDIA)))
    for place, (held, key, unit) in enumerate(_MEDIA):
        given = None if option.prices is None else getattr(option.prices, key)
        if given is not None:
            by_day[:, place] = given
        elif any(getattr(request, held) > 0 for request in requests):
            listed = _listed(scenario, name, option, key, unit, notes)
            if listed is None:
                return None
            by_day[:, place] = listed
    return MediaUsd(by_day * (_changes(scenario, option) * option.terms.price_factor)[:, None])


def _changes(scenario: Scenario, option: ApiOption) -> Array:
    """What dated changes make of the prices, by day of the horizon. Shape (days,). [1]"""
    factors = np.ones(scenario.horizon.calendar_days)
    for change in option.terms.price_changes:
        first = max((change.effective_from - scenario.horizon.start).days, 0)
        factors[first:] *= change.multiplier or 1.0
    return factors


def _listed(scenario: Scenario, name: str, option: ApiOption, key: str, unit: str, notes: Notes) -> Array | None:
    """The list's price on every day; None: a fault was noted."""
    path, start = f"options.{name}", scenario.horizon.start
    variant = option.image_size if unit in ("image", "video_s") else None
    what = "image" if unit == "image" else "second"
    try:
        rows = [
            media_price(option.model or "", unit, variant, start + timedelta(days=day), provider=option.provider)
            for day in range(scenario.horizon.calendar_days)
        ]
    except UnknownId as error:
        if error.key == "variant" and unit in ("image", "video_s"):
            text = str(error) if option.image_size is not None else f"is missing, must be {_choice(error)}"
            notes.fault(name, f"{path}.image_size", text)
        elif error.key == "provider":
            notes.fault(name, f"{path}.provider", str(error))
        else:
            text = f"is missing; the price list has no price per {what} of {option.model or 'the option'}"
            notes.fault(name, f"{path}.prices.{key}", text)
        return None
    row = rows[0]
    if row.effective_from is not None and row.effective_from > start:
        notes.warn(
            f"{name}: price_later: the first known price per {what} of {row.model!r} is of {row.effective_from}; it is "
            f"billed from {start} on"
        )
    label = f"price of {'an image' if unit == 'image' else 'a second'} of {row.model} ({row.variant})"
    notes.use(name, label, f"{row.usd_per_unit:g} USD", row.source, row.as_of, row.unverified)
    return np.array([of_day.usd_per_unit for of_day in rows])


def _choice(error: UnknownId) -> str:
    return f"one of {', '.join(error.allowed)}"
