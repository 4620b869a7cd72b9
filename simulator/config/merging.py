"""Keys of a preset below those of the user: mappings key by key, everything else one or the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simulator.config.field_lookup import Loc
from simulator.domain.traffic import VOLUME_KEYS

# Ways to say the same thing, by the mapping they stand in (`*`: whatever the name): keys of one way, then of another.
# Where the user goes one way, the preset's others go.
_WAYS: Mapping[Loc, Sequence[Sequence[Sequence[str]]]] = {
    (): (
        (*((key,) for key in VOLUME_KEYS[:-1]), (VOLUME_KEYS[-1], "sessions_per_user", "queries_per_session")),
        (("growth_per_month",), ("growth",)),
        (("diurnal",), ("hourly_weights",), ("weekday_hours", "weekend_hours")),
    ),
    ("noise",): ((("relative_sd", "correlation_time_s"), ("parts",)),),
    ("spikes",): (
        (("per_month",), ("per_week",)),
        (("height_to_mean",), ("least_height_to_mean", "greatest_height_to_mean")),
    ),
    ("events", "*"): ((("at",), ("after_days",)),),
}


def merged_below(
    given: Mapping[str, Any], preset: Mapping[str, Any], loc: Loc = ()
) -> tuple[dict[str, Any], list[Loc]]:
    """What the user gave with the preset's keys where he left them out, and the locations of those keys.

    Mappings are merged at every depth, unless they are of another `kind`; numbers, texts and lists of the user replace
    those of the preset, and his null removes what the preset has.
    """
    replaced = set(_replaced(given, loc))
    merged: dict[str, Any] = {}
    brought: list[Loc] = []
    for key, value in preset.items():
        if key not in given and key not in replaced:
            merged[key] = value
            brought.append((*loc, key))
    for key, value in given.items():
        below = preset.get(key)
        if value is None and below is not None:
            continue
        if isinstance(below, Mapping) and _same_kind(value, below):
            merged[key], places = merged_below(value, below, (*loc, key))
            brought += places
        else:
            merged[key] = value
    return merged, brought


def _same_kind(value: object, below: Mapping[str, Any]) -> bool:
    return isinstance(value, Mapping) and value.get("kind", below.get("kind")) == below.get("kind")


def _replaced(given: Mapping[str, Any], loc: Loc) -> Iterator[str]:
    """Keys that the preset may not bring in: of another way than the user's, or of one that he took out."""
    for pattern, choices in _WAYS.items():
        if len(pattern) != len(loc) or any(part not in ("*", name) for part, name in zip(pattern, loc, strict=True)):
            continue
        for ways in choices:
            for way in ways:
                if any(given.get(key) is not None for key in way):
                    yield from (key for other in ways if other is not way for key in other)
                if any(key in given and given[key] is None for key in way):
                    yield from way
