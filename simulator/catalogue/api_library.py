"""The price library and whom a model belongs to in it; offline, never updated at run time.

The library takes a noticeable part of a second to import, so it is imported when a model is first asked for.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from simulator.catalogue.errors import UnknownId
from simulator.catalogue.own_token_prices import own_model_ids, own_providers

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider

MAIN_PROVIDERS = ("anthropic", "openai", "google", "mistral", "x-ai", "deepseek", "groq", "together", "fireworks")
SUGGESTIONS = 6


class UnknownApiId(UnknownId):
    """A model or provider that no price list knows; of the many ids the message names the nearest."""

    def __init__(self, given: str, rule: str, near: list[str]) -> None:
        super().__init__(given, near)
        suggestions = f"; did you mean {', '.join(near)}?" if near else ""
        self.args = (f"is {given!r}, {rule}{suggestions}",)


@dataclass(frozen=True)
class Match:
    """A model of the library, the provider it is bought from, and the provider whose price list it stands in."""

    seller: Provider
    owner: Provider
    model: ModelInfo

    @property
    def label(self) -> str:
        """How messages call the model."""
        return f"model {self.model.id!r} of {self.seller.id}"


@lru_cache(maxsize=1)
def library() -> DataSnapshot:
    """The bundled price lists of all providers."""
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


@lru_cache(maxsize=1)
def library_version() -> str:
    """Release of the price library."""
    return version("genai-prices")


def library_provider_ids() -> tuple[str, ...]:
    """Ids of the providers that the library has a price list of."""
    return tuple(provider.id for provider in library().providers)


def library_model_ids(provider: str | None) -> set[str]:
    """Ids of the models in a provider's price list; without a provider, those of the main providers."""
    providers = [provider_called(provider)] if provider is not None else _main_providers()
    return {model.id for provider in providers for model in provider.models}


def exact_match(model: str, provider: str) -> Match | None:
    """The model with exactly this id in the list of exactly this provider, whatever the case; None: there is none."""
    seller = next((one for one in library().providers if one.id == provider.lower()), None)
    found = None if seller is None else _own_model(seller, model)
    return None if seller is None or found is None else Match(seller, seller, found)


def find(model: str, provider: str | None) -> Match:
    """The library's model for an id or alias; raises `UnknownApiId` where there is none."""
    seller = provider_called(provider) if provider is not None else _provider_of(model)
    found = _own_model(seller, model) or seller.find_model(model, all_providers=library().providers)
    if found is None:
        raise unknown_model(model, seller.id)
    return Match(seller, _owner(seller, found), found)


def provider_called(provider_id: str) -> Provider:
    """The provider with this id or another name; raises `UnknownApiId` where there is none."""
    from genai_prices.data_snapshot import find_provider_by_id

    provider = find_provider_by_id(library().providers, provider_id)
    if provider is None:
        known = sorted({*library_provider_ids(), *own_providers()})
        near = difflib.get_close_matches(provider_id.lower(), known, n=SUGGESTIONS, cutoff=0.5)
        raise UnknownApiId(provider_id, "must be a provider of the price library", [repr(name) for name in near])
    return provider


def unknown_model(model: str, provider: str) -> UnknownApiId:
    """The fault of a model that a provider does not sell, with those of its ids that come near."""
    ids = set(own_model_ids(provider))
    if provider in library_provider_ids():
        return UnknownApiId(
            model, f"must be a model of {provider} in the price library", _near(model, {provider: ids | _ids(provider)})
        )
    return UnknownApiId(model, f"must be a model of {provider} in prices/tokens", _near(model, {provider: ids}))


def _ids(provider: str) -> set[str]:
    return {model.id for one in library().providers if one.id == provider for model in one.models}


def _own_model(provider: Provider, model_id: str) -> ModelInfo | None:
    """The model with exactly this id: the library's own matching misses the ids of some of its models."""
    return next((model for model in provider.models if model.id.lower() == model_id.lower()), None)


def _owner(seller: Provider, found: ModelInfo) -> Provider:
    candidates = (seller, *library().providers)
    return next(provider for provider in candidates if any(found is model for model in provider.models))


def _provider_of(model: str) -> Provider:
    try:
        return library().find_provider(model.lower(), None, None)
    except LookupError:
        rule = "must be given with a provider, because its name tells none"
        raise UnknownApiId(model, rule, _near(model, {one.id: _ids(one.id) for one in _main_providers()})) from None


def _main_providers() -> list[Provider]:
    return [provider for provider in library().providers if provider.id in MAIN_PROVIDERS]


def _near(model: str, ids_by_provider: dict[str, set[str]]) -> list[str]:
    """Ids close to `model`, compared without the maker's name that some providers put in front."""
    ids_by_name: dict[str, list[str]] = {}
    for provider, ids in ids_by_provider.items():
        for known in sorted(ids):
            shown = repr(known) if len(ids_by_provider) == 1 else f"{known!r} ({provider})"
            ids_by_name.setdefault(known.lower().rpartition("/")[2], []).append(shown)
    near = difflib.get_close_matches(model.lower().rpartition("/")[2], ids_by_name, n=SUGGESTIONS, cutoff=0.5)
    return [shown for name in near for shown in ids_by_name[name]][:SUGGESTIONS]
