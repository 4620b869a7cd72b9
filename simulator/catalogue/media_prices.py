"""Prices of images, audio and video that are not billed by the token, from `prices/media.yaml`."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.dated_rows import DatedRow, row_of_day
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, NonNegative

MediaUnit = Literal["image", "audio_s", "video_s"]


class MediaPrice(DatedRow):
    """What one unit of a medium costs in one variant of a model, from a day on."""

    model: str = Field(min_length=1, description="The model as the provider calls it.")
    provider: str = Field(min_length=1)
    unit: MediaUnit = Field(description="One image, one second of audio, or one second of video.")
    variant: str = Field(
        min_length=1, description="Quality and size, such as `hd-1024x1024`; `any` where all cost alike."
    )
    usd_per_unit: NonNegative = Field(description="[USD per image or second]")


class _MediaFile(Model):
    prices: tuple[MediaPrice, ...] = Field(min_length=1)


def media_prices() -> tuple[MediaPrice, ...]:
    """All rows, of any day, in the order of the file."""
    return _file().prices


def media_price(model: str, unit: str, variant: str | None, on: date, *, provider: str | None = None) -> MediaPrice:
    """What one unit costs on a day.

    Parameters
    ----------
    model : str
        Name of the model, such as `dall-e-3`.
    unit : str
        `image`, `audio_s` or `video_s`.
    variant : str or None
        Quality and size; None where the model has one variant only.
    on : date
        The day whose price holds.
    provider : str, optional
        Who sells it; left out: whoever the list names.

    Returns
    -------
    MediaPrice
        Where every price is later than the day, the earliest one, and its note says so.

    Raises
    ------
    UnknownId
        If no row has the model, the model is not sold by this unit, or it has no such variant; names those it has.
    """
    of_model = [row for row in media_prices() if row.model == model]
    if not of_model:
        raise UnknownId(model, {row.model for row in media_prices()})
    sellers = {row.provider for row in of_model}
    if provider is not None and provider not in sellers:
        raise UnknownId(provider, sellers, key="provider")
    of_unit = [row for row in of_model if row.unit == unit and provider in (None, row.provider)]
    if not of_unit:
        raise UnknownId(unit, {row.unit for row in of_model})
    variants = {row.variant for row in of_unit}
    if variant is None and len(variants) == 1:
        (variant,) = variants
    if variant not in variants:
        raise UnknownId("" if variant is None else variant, variants, key="variant")
    return row_of_day((row for row in of_unit if row.variant == variant), on)


@cache
def _file() -> _MediaFile:
    path = data_folder("prices") / "media.yaml"
    return parsed(_MediaFile, read_mapping(path), path)
