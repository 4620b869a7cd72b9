import itertools
import math

import pytest
from hypothesis import given
from hypothesis.strategies import floats

from simulator.presentation.numbers import (
    distinct,
    key_label,
    key_labels,
    linear_ticks,
    log_ticks,
    number,
    percent,
    usd,
    volume,
    whole_usd,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.2e9, "1.2 B"),
        (340e6, "340 M"),
        (12_400.0, "12,400"),
        (12_437.5, "12,400"),
        (999.96, "1,000"),
        (999_999_999.0, "1 B"),
        (3.45e15, "3,450 T"),
        (2.0**60, "1.15e18"),
        (0.25, "0.25"),
        (1.5e-7, "1.5e-7"),
        (-2.5e6, "-2.5 M"),
        (math.inf, "∞"),
    ],
)
def test_numbers_read_as_in_finance(value, text):
    assert number(value) == text


def test_money_carries_its_unit_and_volumes_do_not():
    assert usd(12_400) == "12,400 USD"
    assert usd(1_234_567) == "1.23 M USD"
    assert volume(2.93e9) == "2.93 B"


def test_a_bill_is_written_to_the_dollar_so_that_it_adds_up():
    assert [whole_usd(amount) for amount in (5_022.4, 8_788.54, 13_810.94)] == ["5,022 USD", "8,789 USD", "13,811 USD"]
    assert whole_usd(0.0) == "0 USD"
    assert whole_usd(0.123) == "0.123 USD"


def test_a_share_is_never_rounded_to_none_or_all():
    assert [percent(share) for share in (0, 1, 0.414, 0.006, 0.0001, 0.9999, 0.9951)] == [
        "0 %",
        "100 %",
        "41 %",
        "0.6 %",
        "under 0.1 %",
        "over 99.9 %",
        "99.5 %",
    ]


def test_two_crossings_close_together_are_told_apart():
    assert distinct([3.001e9, 3.004e9], volume) == ["3.001 B", "3.004 B"]
    assert distinct([2e9, 2e9], volume) == ["2 B", "2 B"]


@given(low=floats(1e-3, 1e17), decades=floats(0.001, 18))
def test_ticks_of_a_logarithmic_axis_are_few_lie_inside_and_have_different_texts(low, decades):
    high = low * 10**decades
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low * (1 - 1e-8) <= tick <= high * (1 + 1e-8) for tick in ticks)
    assert len(set(distinct(ticks))) == len(ticks)


@given(low=floats(0, 1e9), width=floats(0.1, 1e9))
def test_ticks_of_a_linear_axis_are_evenly_spaced(low, width):
    ticks = linear_ticks(low, low + width)
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert 2 <= len(ticks) <= 7
    assert max(steps) == pytest.approx(min(steps), rel=1e-3, abs=1e-6 * (low + width))


def test_decades_are_thinned_out_when_there_are_many():
    assert log_ticks(1.0, 1e12) == [1.0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12]
    assert log_ticks(9e7, 1.1e10) == [1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10]


def test_replicas_are_counted_in_whole_ticks():
    assert linear_ticks(0, 9.2, 5, whole=True) == [0, 2, 4, 6, 8]
    assert linear_ticks(0, 1, 5, whole=True) == [0, 1]


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("options.llama.rental.usd_per_gpu_hour", "USD per GPU and hour"),
        ("options.haiku.prices.input_usd_per_mtok", "USD per million tokens"),
        ("traffic.growth_per_month", "share per month"),
        ("options.llama.autoscaling.target_share", "share, 0 to 1"),
        ("options.llama.cold_start_s", "s"),
        ("options.llama.throughput.total_tokens_per_s", "tokens/s"),
        ("options.llama.monthly_fixed_usd.storage", "USD per month"),
    ],
)
def test_an_axis_names_the_unit_that_its_key_carries(key, unit):
    assert key_label(key) == f"{key} [{unit}]"
    assert key_labels(key)[-1].startswith(key.rsplit(".", 1)[-1])


def test_a_key_without_a_unit_is_named_as_it_is():
    assert key_label("traffic.diurnal.peak_to_mean") == "traffic.diurnal.peak_to_mean"
