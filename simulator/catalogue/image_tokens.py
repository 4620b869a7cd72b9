"""Tokens that an input image is billed as, by its size, from the rules in `prices/image_tokens.yaml`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.domain.base import Model, Positive, PositiveWhole, Sourced, Whole


@dataclass(frozen=True)
class ImageTokens:
    """Tokens of one input image, and whose rule counts them."""

    tokens: int
    source: str
    as_of: date | None
    unverified: bool


class AreaRule(Sourced):
    """Tokens by area; a larger image is first shrunk, its proportions kept, to the longest edge and the most tokens."""

    kind: Literal["area"] = "area"
    pixels_per_token: Positive
    longest_edge_px: PositiveWhole
    most_tokens: PositiveWhole

    def tokens(self, width_px: float, height_px: float) -> int:
        """Tokens of an image. [1]"""
        scale = min(1.0, self.longest_edge_px / max(width_px, height_px))
        return min(self.most_tokens, math.ceil(width_px * height_px * scale**2 / self.pixels_per_token))


class TileRule(Sourced):
    """A base and so much for every square tile; small images are one tile, larger ones may be shrunk before."""

    kind: Literal["tiles"] = "tiles"
    tile_px: PositiveWhole
    tokens_per_tile: PositiveWhole
    base_tokens: Whole = 0
    longest_edge_px: PositiveWhole | None = Field(default=None, description="Shrunk to this before all else.")
    shortest_edge_px: PositiveWhole | None = Field(
        default=None, description="Then shrunk until the shorter edge is this."
    )
    one_tile_up_to_px: PositiveWhole | None = Field(default=None, description="Both edges at most this: one tile.")

    def tokens(self, width_px: float, height_px: float) -> int:
        """Tokens of an image. [1]"""
        if self.one_tile_up_to_px is not None and max(width_px, height_px) <= self.one_tile_up_to_px:
            return self.base_tokens + self.tokens_per_tile
        scale = 1.0
        if self.longest_edge_px is not None:
            scale = min(scale, self.longest_edge_px / max(width_px, height_px))
        if self.shortest_edge_px is not None:
            scale = min(scale, self.shortest_edge_px / min(width_px, height_px))
        tiles = self._tiles(scale * width_px) * self._tiles(scale * height_px)
        return self.base_tokens + self.tokens_per_tile * tiles

    def _tiles(self, edge_px: float) -> int:
        # An edge shrunk to exactly a whole number of tiles may come out a rounding error longer.
        return max(1, math.ceil(edge_px / self.tile_px - 1e-9))


class _ImageFile(Model):
    rules: dict[str, Annotated[AreaRule | TileRule, Field(discriminator="kind")]] = Field(min_length=1)


def image_providers() -> tuple[str, ...]:
    """Providers whose rule is known, in order."""
    return tuple(sorted(_file().rules))


def image_input_tokens(provider: str, width_px: float, height_px: float) -> ImageTokens:
    """Tokens that an image in a request is billed as.

    Parameters
    ----------
    provider : str
        `anthropic`, `google` or `openai`.
    width_px, height_px : float
        Size of the image as sent. [pixels]

    Returns
    -------
    ImageTokens
        [tokens]

    Raises
    ------
    ValueError
        If no rule of the provider is known, or an edge is shorter than a pixel.
    """
    if provider not in image_providers():
        raise UnknownId(provider, image_providers())
    for name, edge_px in (("width_px", width_px), ("height_px", height_px)):
        if not (math.isfinite(edge_px) and edge_px >= 1):
            raise ValueError(f"{name} is {edge_px}, must be at least 1 pixel")
    rule = _file().rules[provider]
    return ImageTokens(rule.tokens(width_px, height_px), rule.source, rule.as_of, rule.unverified)


@cache
def _file() -> _ImageFile:
    path = data_folder("prices") / "image_tokens.yaml"
    return parsed(_ImageFile, read_mapping(path), path)
