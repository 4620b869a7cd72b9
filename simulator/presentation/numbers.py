"""Numbers as people read them: '1.2 B', '340 M', '12,400 USD', and the ticks of an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

# Million, billion, trillion, as in finance; below a million the digits themselves with thousands separated.
_NAMES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_LARGEST, _SMALLEST = 1e18, 1e-4  # outside of these a power of ten says it better
_MOST_DIGITS = 9
_LEAST_SHOWN_SHARE = 5e-4
_UNITS_OF_KEYS = (
    ("_usd_per_gpu_hour", "USD per GPU and hour"),
    ("_usd_per_instance_hour", "USD per machine and hour"),
    ("_usd_per_person_year", "USD per person and year"),
    ("_usd_per_mtok", "USD per million tokens"),
    ("_usd_per_gpu_month", "USD per GPU and month"),
    ("_usd_per_node_month", "USD per machine and month"),
    ("_usd_per_node", "USD per machine"),
    ("_usd_per_gb_month", "USD per GB and month"),
    ("_usd_per_gb", "USD per GB"),
    ("_bytes_per_s", "bytes/s"),
    ("_weeks", "weeks"),
    ("weeks_until_live", "weeks"),
    ("_usd_per_month", "USD per month"),
    ("_usd_per_request", "USD per request"),
    ("_usd_per_hour", "USD per hour"),
    ("monthly_fixed_usd", "USD per month"),
    ("_tokens_per_s", "tokens/s"),
    ("_requests_per_s", "requests/s"),
    ("tokens_per_month", "tokens per month"),
    ("requests_per_month", "requests per month"),
    ("requests_per_day", "requests per day"),
    ("_tokens", "tokens"),
    ("_growth_per_month", "share per month"),
    ("_gpus_per_person", "GPUs"),
    ("_share", "share, 0 to 1"),
    ("_persons", "persons"),
    ("_hours", "hours"),
    ("_months", "months"),
    ("_usd", "USD"),
    ("_s", "s"),
)


def number(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, zeros at the end left out.

    Examples
    --------
    >>> number(1.2e9), number(340e6), number(12_400.0), number(0.25), number(999_999_999.0)
    ('1.2 B', '340 M', '12,400', '0.25', '1 B')
    """
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    size = abs(rounded)
    if size >= _LARGEST or size < _SMALLEST:
        mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
        return f"{_without_zeros(mantissa)}e{int(exponent)}"
    for factor, name in _NAMES:
        if size >= factor:
            return f"{_plain(rounded / factor, digits)} {name}"
    return _plain(rounded, digits)


def volume(tokens_per_month: float, digits: int = 3) -> str:
    """A volume, without its unit: '2.9 B'."""
    return number(tokens_per_month, digits)


def usd(amount_usd: float, digits: int = 3) -> str:
    """An amount of money to so many digits, with its unit: '12,400 USD'."""
    return f"{number(amount_usd, digits)} USD"


def whole_usd(amount_usd: float) -> str:
    """An amount to the dollar, so that parts add up to their sum; below 10 USD and from 10 M USD on to three digits.

    Examples
    --------
    >>> whole_usd(13_810.94), whole_usd(1_234_567.0), whole_usd(0.123)
    ('13,811 USD', '1,234,567 USD', '0.123 USD')
    """
    size = abs(amount_usd)
    return f"{amount_usd:,.0f} USD" if size == 0 or 9.5 <= size < 1e7 else usd(amount_usd)


def percent(share: float) -> str:
    """A share as a percentage of two digits, but never 0 % or 100 % where it is neither."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{number(100 * share, 3 if 0.99 <= share < 1 else 2)} %"


def signed(share: float) -> str:
    """A share with its sign: '+12 %', '-4 %'; '0 %' below a twentieth of a percent."""
    if abs(share) < _LEAST_SHOWN_SHARE:
        return "0 %"
    return f"{'+' if share > 0 else '-'}{number(100 * abs(share), 2)} %"


def distinct(values: Sequence[float], text: Callable[[float, int], str] = number) -> list[str]:
    """Texts of numbers with as few digits, but at least three, as keep different ones apart.

    Examples
    --------
    >>> distinct([3.001e9, 3.004e9], volume)
    ['3.001 B', '3.004 B']
    """
    different = len({round_to_digits(value) for value in values})
    for digits in range(3, _MOST_DIGITS + 1):
        texts = [text(value, digits) for value in values]
        if len(set(texts)) == different:
            break
    return texts


def linear_ticks(low: float, high: float, most: int = 7, *, whole: bool = False) -> list[float]:
    """Round numbers, evenly spaced, from the least above `low` to the greatest below `high`; at most `most`."""
    if not low < high:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = [power * factor for factor in (1, 2, 2.5, 5, 10, 20, 25, 50)]
    if whole:
        steps = [step for step in steps if step >= 1 and step == round(step)] or [1.0]
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round_to_digits(place * step) for place in range(first, last + 1)]
    return [low, high]


def log_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers for a logarithmic axis: powers of ten, with others between them where there is room."""
    for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3)):
        ticks = _decades(low, high, digits)
        if len(ticks) < 4:
            return linear_ticks(low, high, most)
        if len(ticks) <= most:
            return ticks
    decades = _decades(low, high, (1,))
    every = math.ceil(len(decades) / most)
    return [tick for tick in decades if round(math.log10(tick)) % every == 0]


def key_label(key: str) -> str:
    """A dotted key as an axis label, with the unit that its name carries.

    Examples
    --------
    >>> key_label("options.llama.rental.usd_per_gpu_hour")
    'options.llama.rental.usd_per_gpu_hour [USD per GPU and hour]'
    """
    unit = key_unit(key)
    return f"{key} [{unit}]" if unit else key


def key_unit(key: str) -> str:
    """The unit that the name of a dotted key carries; empty where it carries none."""
    last = "_" + key.rsplit(".", 1)[-1]
    named = "monthly_fixed_usd" if ".monthly_fixed_usd." in key else last
    return next((unit for ending, unit in _UNITS_OF_KEYS if named.endswith(ending)), "")


def key_labels(key: str) -> list[str]:
    """Labels of a dotted key from the full one to the one of its last part, for axes of any length."""
    parts = key.split(".")
    return [key_label(".".join(parts[start:])) for start in range(len(parts))]


def round_to_digits(value: float, digits: int = 12) -> float:
    """Rid a number of the noise of its arithmetic."""
    return float(f"{value:.{digits - 1}e}")


def _decades(low: float, high: float, digits: Sequence[int]) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = (float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits)
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


def _plain(value: float, digits: int) -> str:
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return _without_zeros(f"{value:,.{decimals}f}")


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
