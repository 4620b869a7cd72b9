"""Changes of an option's hardware: the option as it is from each day on, and what can't be carried over."""

from __future__ import annotations

from datetime import date

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from simulator.domain.options import HardwareChange, SelfHostedOption

_OWN_KEYS = {"effective_from", "one_off_usd", "overlap_weeks"}
_LAYOUT = {
    "gpus_per_replica", "parallelism", "tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel",
}  # fmt: skip
_OF_THROUGHPUT = {
    "precision", "kv_precision", "engine", "engine_version", "latency", "prefix_cached_share", "speculative_factor",
}  # fmt: skip
_IN_PLACE_OF = {"cold_start": "cold_start_s", "cold_start_s": "cold_start"}


def changed_options(option: SelfHostedOption) -> tuple[SelfHostedOption, ...]:
    """The option as each of its hardware changes leaves it, one after the other.

    Raises
    ------
    PydanticCustomError
        At a key from `hardware_changes[0]` on, where an option can't be so, or a figure is of the GPU before.
    """
    options: list[SelfHostedOption] = []
    before = option
    for place, change in enumerate(option.hardware_changes):
        before = _changed(before, change, f"hardware_changes[{place}]")
        options.append(before)
    return tuple(options)


def option_on(option: SelfHostedOption, day: date) -> SelfHostedOption:
    """The option as its hardware changes up to a day leave it."""
    begun = sum(change.effective_from <= day for change in option.hardware_changes)
    return changed_options(option)[begun - 1] if begun else option


def _changed(option: SelfHostedOption, change: HardwareChange, path: str) -> SelfHostedOption:
    given = {key: getattr(change, key) for key in change.model_fields_set - _OWN_KEYS}
    held = {key: getattr(option, key) for key in option.model_fields_set - {"hardware_changes"}}
    is_laid_out = bool(_LAYOUT & given.keys())
    dropped = set(_LAYOUT) if is_laid_out else set()
    dropped |= {other for key, other in _IN_PLACE_OF.items() if given.get(key) is not None and other not in given}
    merged = {key: value for key, value in held.items() if key not in dropped} | given
    try:
        later = SelfHostedOption.model_validate({key: value for key, value in merged.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        context = first.get("ctx", {})
        key = str(context.get("key", ".".join(str(part) for part in first["loc"])))
        raise _refusal(f"{path}.{key}", str(context.get("text", first["msg"]))) from None
    _check_renewed(option, later, set(given), path)
    return later


def _check_renewed(before: SelfHostedOption, later: SelfHostedOption, given: set[str], path: str) -> None:
    """Refuse figures that were given for hardware that is no longer there."""
    other_gpu = before.gpu != later.gpu
    other_replica = other_gpu or before.gpus != later.gpus or before.parallelism != later.parallelism
    served_otherwise = any(getattr(before, key) != getattr(later, key) for key in _OF_THROUGHPUT)
    throughput = before.throughput
    is_stale = throughput is not None and (other_replica or (served_otherwise and throughput.is_given))
    if is_stale and "throughput" not in given:
        text = "is missing; the one before is of another replica: give its throughput, or null for the estimate"
        raise _refusal(f"{path}.throughput", text)
    if not other_gpu:
        return
    rental, reserved, spot = before.rental, before.reserved, before.spot
    rent_given = rental is not None and (
        rental.provider is None
        or rental.usd_per_gpu_hour is not None
        or rental.usd_per_instance_hour is not None
        or rental.changes
    )
    if rent_given and "rental" not in given:
        raise _refusal(f"{path}.rental", "is missing; the rent before is of another GPU")
    if reserved is not None and reserved.usd_per_gpu_hour is not None and "reserved" not in given:
        text = "is missing; the rate before is of another GPU: give its own, or null for no base"
        raise _refusal(f"{path}.reserved", text)
    if spot is not None and spot.usd_per_gpu_hour is not None and "spot" not in given:
        text = "is missing; the rate before is of another GPU: give its own, or null for none on spot"
        raise _refusal(f"{path}.spot", text)


def _refusal(key: str, text: str) -> PydanticCustomError:
    return PydanticCustomError("at_key", "{text}", {"key": key, "text": text})
