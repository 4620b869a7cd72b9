"""Prices of images, speech and video that requests make or send: given, or from the price list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.media_prices import media_price
from simulator.catalogue.notes import Notes
from simulator.domain.api_options import ApiOption
from simulator.domain.billed_tokens import billed_requests
from simulator.domain.plans import Array
from simulator.domain.scenario import Scenario
from simulator.domain.workload import RequestClass, Workload

# What a request may hold, the price given for it, and the unit of the price list.
_MEDIA = (
    ("images", "usd_per_image", "image"),
    ("audio_input_s", "usd_per_audio_input_s", "audio_s"),
    ("audio_output_s", "usd_per_audio_output_s", "audio_s"),
    ("video_s", "usd_per_video_s", "video_s"),
)


@dataclass(frozen=True)
class MediaUsd:
    """Price of an image, and of a second of speech sent, of speech made and of video. [USD]"""

    image: float
    audio_input_s: float
    audio_output_s: float
    video_s: float

    def of(self, request: RequestClass) -> Array:
        """What the images, the audio and the video of a request cost. Shape (3,). [USD per request]"""
        audio = request.audio_input_s * self.audio_input_s + request.audio_output_s * self.audio_output_s
        usd: Array = billed_requests(request) * np.array([
            request.images * self.image, audio, request.video_s * self.video_s
        ])  # fmt: skip
        return usd


def held_units(workload: Workload) -> set[str]:
    """Units of the price list that the requests of a workload hold."""
    return {unit for held, _, unit in _MEDIA if any(getattr(request, held) > 0 for request in workload.values())}


def media_factors(scenario: Scenario, option: ApiOption) -> Array:
    """What dated changes make of the prices of images and seconds, by day of the horizon. Shape (days,). [1]"""
    factors = np.ones(scenario.horizon.calendar_days)
    for change in option.terms.price_changes:
        first = max((change.effective_from - scenario.horizon.start).days, 0)
        factors[first:] *= change.multiplier or 1.0
    return factors


def media_usd(scenario: Scenario, name: str, option: ApiOption, notes: Notes) -> MediaUsd | None:
    """Prices of whatever the workload holds beside text; None: one is needed and not known, which is noted."""
    prices = []
    for held, key, unit in _MEDIA:
        needed = any(getattr(request, held) > 0 for request in scenario.workload.values())
        price = None if option.prices is None else getattr(option.prices, key)
        if price is None and needed:
            price = _listed(scenario, name, option, key, unit, notes)
            if price is None:
                return None
        prices.append((price or 0.0) * option.terms.price_factor)
    return MediaUsd(*prices)


def _listed(scenario: Scenario, name: str, option: ApiOption, key: str, unit: str, notes: Notes) -> float | None:
    path = f"options.{name}"
    try:
        row = media_price(
            option.model or "", unit, option.image_size if unit == "image" else None, scenario.horizon.start
        )
    except UnknownId as error:
        what = "image" if unit == "image" else "second"
        if error.key == "variant" and unit == "image":
            text = str(error) if option.image_size is not None else f"is missing, must be {_choice(error)}"
            notes.fault(name, f"{path}.image_size", text)
        else:
            text = f"is missing; the price list has no price per {what} of {option.model or 'the option'}"
            notes.fault(name, f"{path}.prices.{key}", text)
        return None
    what = f"price of {'an image' if unit == 'image' else 'a second'} of {row.model} ({row.variant})"
    notes.use(name, what, f"{row.usd_per_unit:g} USD", row.source, row.as_of, row.unverified)
    return row.usd_per_unit


def _choice(error: UnknownId) -> str:
    return f"one of {', '.join(error.allowed)}"
