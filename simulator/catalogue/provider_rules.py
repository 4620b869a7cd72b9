"""What a provider's rules make of a request: tokens of its images, and how much of its prefix is cached."""

from __future__ import annotations

from simulator.catalogue.api_prices import ApiModel
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.image_tokens import image_input_tokens
from simulator.catalogue.notes import Notes
from simulator.catalogue.prompt_caching import prompt_caching
from simulator.domain.workload import RequestClass


def image_tokens(name: str, key: str, request: RequestClass, model: ApiModel | None, notes: Notes) -> float:
    """Tokens of the images in a prompt, by the provider's rule where they are not given."""
    images = request.input_images
    if images is None:
        return 0.0
    if images.tokens_per_image is not None:
        return images.per_request * images.tokens_per_image
    provider = "" if model is None else model.provider_id
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


def cached_prefix(
    name: str, key: str, request: RequestClass, model: ApiModel | None, notes: Notes
) -> tuple[float, float]:
    """Tokens of the shared prefix that a provider caches, and the shortest prompt that it does. [tokens]"""
    prefix = request.prefix
    if prefix is None or model is None:
        return (0.0 if prefix is None else prefix.tokens), 0.0
    try:
        rule = prompt_caching(model.provider_id, model.model_id)
    except UnknownId:
        return prefix.tokens, 0.0
    cached = rule.cached_tokens(prefix.tokens)
    what = f"shortest prefix cached by {model.provider_id}"
    value = f"{rule.minimum_tokens:g} tokens"
    notes.use(name, what, value, rule.source, rule.as_of, rule.unverified)
    if cached == 0:
        notes.warn(
            f"{name}: prefix_too_short: {model.model_id} caches prefixes from {rule.minimum_tokens:,} tokens on; "
            f"the {prefix.tokens:g} of class '{key}' are billed as input"
        )
    if prefix.lifetime_s is not None and rule.lifetimes_s and prefix.lifetime_s not in rule.lifetimes_s:
        known = " or ".join(f"{lifetime:g}" for lifetime in rule.lifetimes_s)
        notes.warn(
            f"{name}: cache_lifetime_differs: {model.provider_id} keeps prefixes for {known} s; the "
            f"{prefix.lifetime_s:g} s of class '{key}' are taken as given"
        )
    return cached, float(rule.minimum_tokens)
