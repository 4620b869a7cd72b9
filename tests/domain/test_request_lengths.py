"""Laws of the lengths against numerical integration and against lengths that are drawn."""

import math
from functools import lru_cache

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import integrate, optimize, special, stats

from simulator.domain.request_lengths import (
    LognormalLength,
    QuantileLength,
    TokenLength,
    length_law,
    mean_capped,
    mean_capped_beyond,
    normal_quantile,
    normal_share_below,
)

LOGNORMALS = [(1000.0, "p90", 2000.0), (500.0, "p90", 500.0), (800.0, "p99", 5000.0), (3000.0, "p99", 3100.0)]
QUANTILES = [
    {"p0": 50.0, "p50": 800.0, "p90": 3000.0, "p100": 9000.0},
    {"p25": 100.0, "p99.9": 4000.0, "p100": 100_000.0},
    {"p0": 0.0, "p50": 0.0, "p100": 600.0},  # half of them empty
    {"p100": 700.0},
]
LENGTHS = [0.0, 49.0, 100.0, 700.0, 799.5, 2500.0, 9000.0, 50_000.0]


def lognormal(mean, name, length):
    return LognormalLength(mean=mean, **{name: length})


def frozen(mean, name, length):
    """The same law as scipy has it: of the spreads that give this quantile the smaller."""
    share = {"p90": 0.90, "p99": 0.99}[name]
    z = stats.norm.ppf(share)

    def too_long(spread):
        return stats.lognorm.ppf(share, spread, scale=mean * math.exp(-(spread**2) / 2)) - length

    spread = optimize.brentq(too_long, 1e-9, z, xtol=1e-14)  # the quantile rises with the spread up to z
    return stats.lognorm(spread, scale=mean * math.exp(-(spread**2) / 2))


def evenly_ranked(quantiles, count=1_000_000):
    """Lengths of requests at equally many ranks, on the straight lines between the quantiles."""
    return _evenly_ranked(tuple(quantiles.items()), count)


@lru_cache
def _evenly_ranked(quantiles, count):
    points = sorted((float(name[1:]) / 100.0, length) for name, length in quantiles)
    points = [(0.0, points[0][1]), *points]
    ranks = (np.arange(count) + 0.5) / count
    return np.interp(ranks, *zip(*points, strict=True))


@lru_cache
def drawn_pairs(correlation):
    """Prompts of the lognormal (1000, p90 2000) with the answers that go with them."""
    first, other = np.random.default_rng(7).standard_normal((2, 500_000))
    second = correlation * first + math.sqrt(1 - correlation**2) * other
    prompts = frozen(1000.0, "p90", 2000.0).ppf(special.ndtr(first))
    return prompts, np.interp(special.ndtr(second), [0.0, 0.5, 1.0], [10.0, 200.0, 2000.0])


@pytest.mark.parametrize(("mean", "name", "length"), [(1000.0, "p90", 2000.0), (800.0, "p99", 5000.0)])
@pytest.mark.parametrize("above", LENGTHS)
def test_a_lognormal_has_the_shares_and_means_of_its_density(mean, name, length, above):
    law, same = lognormal(mean, name, length), frozen(mean, name, length)
    assert law.share_above(above) == pytest.approx(same.sf(above), abs=1e-9)
    lowest, highest = math.log(max(above, same.ppf(1e-15))), math.log(same.isf(1e-30))
    of_density = integrate.quad(lambda log: math.exp(2 * log) * same.pdf(math.exp(log)), lowest, highest)[0]
    assert law.mean_above(above) == pytest.approx(of_density, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("mean", "name", "length"), LOGNORMALS)
def test_a_lognormal_has_the_mean_and_the_quantile_it_is_given_by(mean, name, length):
    law = lognormal(mean, name, length)
    assert law.mean_above(0.0) == pytest.approx(mean)
    if length > mean:
        assert law.share_above(length) == pytest.approx({"p90": 0.10, "p99": 0.01}[name])


def test_a_quantile_at_the_mean_makes_all_requests_alike():
    law = lognormal(500.0, "p90", 500.0)
    assert (law.share_above(499.0), law.share_above(500.0)) == (1.0, 0.0)
    assert (law.mean_above(499.0), law.mean_above(500.0)) == (500.0, 0.0)


def test_the_longest_p90_that_a_lognormal_allows_is_where_the_quantile_stops_rising():
    z = stats.norm.ppf(0.90)
    longest = max(1000.0 * math.exp(z * s - s**2 / 2) for s in np.linspace(0, 4, 4001))
    LognormalLength(mean=1000.0, p90=longest * 0.9999)
    with pytest.raises(ValidationError, match="the most a lognormal allows"):
        LognormalLength(mean=1000.0, p90=longest * 1.001)


@pytest.mark.parametrize("quantiles", QUANTILES)
@pytest.mark.parametrize("above", LENGTHS)
def test_quantiles_have_the_shares_and_means_of_requests_at_every_rank(quantiles, above):
    law, drawn = QuantileLength(quantiles=quantiles), evenly_ranked(quantiles)
    assert law.share_above(above) == pytest.approx(np.mean(drawn > above), abs=1e-5)
    assert law.mean_above(above) == pytest.approx(np.mean(drawn * (drawn > above)), rel=1e-4, abs=0.02)


@pytest.mark.parametrize("quantiles", QUANTILES)
def test_the_mean_of_quantiles_is_that_of_requests_at_every_rank(quantiles):
    assert QuantileLength(quantiles=quantiles).mean == pytest.approx(evenly_ranked(quantiles).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("law", "name", "length"),
    [
        (length_law(700), "p90", 700.0),
        (LognormalLength(mean=2000.0, p90=3000.0), "p90", 3000.0),
        (LognormalLength(mean=2000.0, p99=6000.0), "p99", 6000.0),
        (QuantileLength(quantiles={"p0": 600.0, "p90": 3000.0, "p100": 9000.0}), "p90", 3000.0),
    ],
    ids=["fixed", "p90", "p99", "quantiles"],
)
def test_what_is_longer_than_a_common_part_has_mean_and_quantile_less_by_it(law, name, length):
    rest = law.beyond(500.0)
    assert rest.mean == pytest.approx(law.mean - 500.0)
    share = {"p90": 0.10, "p99": 0.01}[name]
    assert rest.share_above((length - 500.0) * (1 - 1e-9)) >= share * (1 - 1e-6)
    assert rest.share_above((length - 500.0) * (1 + 1e-9)) <= share * (1 + 1e-6)


def test_a_tail_that_no_lognormal_has_beyond_the_common_part_is_the_widest_there_is():
    law = LognormalLength(mean=1000.0, p90=2000.0)
    assert not law.is_cut_beyond(100.0)  # 1900 over 900 is below 2.27
    assert law.is_cut_beyond(500.0)  # 1500 over 500 is above it
    rest = law.beyond(500.0)
    assert rest.mean_above(0.0) == pytest.approx(500.0)
    z = stats.norm.ppf(0.90)
    assert rest.p90 == pytest.approx(500.0 * math.exp(z * z / 2))


def test_the_order_of_quantiles_in_a_file_does_not_matter():
    backwards = QuantileLength(quantiles=dict(reversed(QUANTILES[0].items())))
    assert backwards.mean_above(700.0) == QuantileLength(quantiles=QUANTILES[0]).mean_above(700.0)


@pytest.mark.parametrize("cap", [None, 1.0, 400.0, 1000.0, 5000.0])
@pytest.mark.parametrize(
    ("law", "draw"),
    [
        (length_law(700), lambda ranks: np.full(ranks.shape, 700.0)),
        (lognormal(1000.0, "p90", 2000.0), lambda ranks: frozen(1000.0, "p90", 2000.0).ppf(ranks)),
        (QuantileLength(quantiles=QUANTILES[0]), lambda ranks: evenly_ranked(QUANTILES[0], ranks.size)),
    ],
    ids=["fixed", "lognormal", "quantiles"],
)
def test_a_cap_cuts_what_lies_above_it(law, draw, cap):
    lengths = draw((np.arange(200_000) + 0.5) / 200_000)
    expected = lengths.mean() if cap is None else np.minimum(lengths, cap).mean()
    assert mean_capped(law, cap) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("cap", [None, 500.0])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("above", [200.0, 1000.0, 4000.0])
def test_answers_beyond_a_prompt_length_are_those_of_pairs_that_go_together(above, correlation, cap):
    prompt = lognormal(1000.0, "p90", 2000.0)
    answer = QuantileLength(quantiles={"p0": 10.0, "p50": 200.0, "p100": 2000.0})
    prompts, answers = drawn_pairs(correlation)
    capped = answers if cap is None else np.minimum(answers, cap)
    expected = np.mean(capped * (prompts > above))
    found = mean_capped_beyond(answer, cap, prompt.normal_rank(above), correlation)
    assert found == pytest.approx(expected, rel=0.02, abs=0.1)


def test_answers_beyond_no_length_are_all_answers():
    answer = lognormal(300.0, "p99", 1500.0)
    for correlation in (0.0, 0.6):
        assert mean_capped_beyond(answer, 800.0, -math.inf, correlation) == pytest.approx(mean_capped(answer, 800.0))
        assert mean_capped_beyond(answer, 800.0, math.inf, correlation) == 0.0
        assert mean_capped_beyond(answer, None, -8.0, correlation) == pytest.approx(300.0, rel=1e-6)


@pytest.mark.parametrize("share", [1e-9, 0.01, 0.5, 0.9, 0.999])
def test_normal_numbers_are_those_of_the_normal_law(share):
    assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), abs=1e-7)
    assert normal_share_below(stats.norm.ppf(share)) == pytest.approx(share)


def test_shares_of_none_and_all_lie_at_no_number():
    assert (normal_quantile(0.0), normal_quantile(1.0)) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (500, float),
        (0.5, float),
        ({"mean": 5, "p99": 9}, LognormalLength),
        ({"quantiles": {"p100": 5}}, QuantileLength),
    ],
)
def test_a_length_is_read_as_it_is_written(written, kind):
    assert isinstance(TypeAdapter(TokenLength).validate_python(written), kind)


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({"p0": 5.0}, "p100", "is missing; it is the longest"),
        ({"p50": 5.0, "p100": 4.0}, "p100", "is 4, must be at least p50, 5"),
        ({"p100": 5.0, "p101": 6.0}, "p101", "is no quantile"),
        ({"p100": 5.0, "p-1": 6.0}, "p-1", "is no quantile"),
        ({"p100": 5.0, "P50": 6.0}, "P50", "is no quantile"),
    ],
)
def test_quantiles_that_are_none_are_refused_at_their_key(given, key, text):
    with pytest.raises(ValidationError) as refused:
        QuantileLength(quantiles=given)
    context = refused.value.errors()[0]["ctx"]
    assert context["key"] == key
    assert text in context["text"]
