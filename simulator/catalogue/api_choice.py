"""Which API models are meant: all of them, those of some providers, some by name, or the hosts of one open model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from simulator.catalogue.api_prices import ApiModel, api_model_ids, api_providers, resolve_api_model
from simulator.catalogue.errors import UnknownId


def chosen_models(
    providers: Sequence[str] = (), models: Sequence[str] = (), host_of: str | None = None
) -> list[ApiModel]:
    """The models of the price lists that are meant, each once.

    Parameters
    ----------
    providers : sequence of str
        Only of these; empty: of all.
    models : sequence of str
        Only these ids or aliases, each at those of the providers that sell it, or at the one its name belongs to.
    host_of : str, optional
        Only models whose id contains this name, such as `llama-3.3-70b`, whoever sells them.

    Raises
    ------
    ValueError
        If a provider or model is unknown, no id contains the name, or the name is given beside models.
    """
    if models and host_of is not None:
        raise ValueError(f"host_of is {host_of!r}, must be left out where models are given")
    found = _named_models(providers, models) if models else _models_of(providers, host_of)
    distinct = {(model.provider_id, model.model_id): model for model in found}
    if host_of is not None and not distinct:
        sellers = f" of {', '.join(providers)}" if providers else ""
        raise ValueError(f"host_of is {host_of!r}, must be part of the id of a model{sellers}")
    return list(distinct.values())


def _named_models(providers: Sequence[str], models: Sequence[str]) -> Iterator[ApiModel]:
    """Each model at each of the providers that sell it."""
    for provider in providers:
        _model_ids(provider)
    for name in models:
        refusal: UnknownId | None = None
        sold = False
        for seller in providers or (None,):
            try:
                model = resolve_api_model(name, seller)
            except UnknownId as error:
                refusal = refusal or error
            else:
                sold = True
                yield model
        if not sold:
            raise ValueError(f"model {refusal}")


def _models_of(providers: Sequence[str], host_of: str | None) -> Iterator[ApiModel]:
    pattern = None if host_of is None else name_pattern(host_of)
    for provider in providers or api_providers():
        for model_id in _model_ids(provider):
            if pattern is None or pattern.search(model_id.lower()):
                yield resolve_api_model(model_id, provider)


def _model_ids(provider: str) -> tuple[str, ...]:
    try:
        return api_model_ids(provider)
    except UnknownId as error:
        raise ValueError(f"provider {error}") from None


def name_pattern(name: str) -> re.Pattern[str]:
    """A name within an id, whatever parts its words and figures: `llama-3.3-70b` is in `meta.llama3-3-70b-instruct`.

    Some providers write `v3p3` for 3.3.
    """
    parts = re.findall(r"[a-z]+|[0-9]+", name.lower())
    if not parts:
        raise ValueError(f"host_of is {name!r}, must be the name of a model")
    return re.compile(r"(?<![a-z0-9])" + r"(?:[^a-z0-9]*v?|p)".join(parts) + r"(?![a-z0-9])")
