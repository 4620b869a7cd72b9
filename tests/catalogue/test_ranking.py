"""What a million tokens costs at every rental rate, and over every GPU and layout: by arithmetic done here."""

import dataclasses
from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.catalogue.asked_throughput import asked_throughput
from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.hardware import gpu_ids, open_model
from simulator.catalogue.layouts import layouts_of
from simulator.catalogue.ranking import is_on_front, ranked_layouts
from simulator.catalogue.rental_costs import rental_costs
from simulator.catalogue.rentals import offers_in_force, providers, rental_offers
from simulator.domain.models_and_gpus import RentalOffer

DAY = date(2026, 12, 1)
LENGTHS = {"input_tokens": 1_000, "output_tokens": 200}


@cache
def estimate_on(gpu="h100-sxm", gpus=1, model="llama-3.1-8b"):
    return estimate_throughput(model, gpu, tensor_parallel=gpus, **LENGTHS)


@cache
def ranking(limit=None, gpus=("h100-sxm", "l40s", "a10g", "t4", "gb200"), model="llama-3.1-8b"):
    return ranked_layouts(model, tpot_limit_s=limit, on=DAY, gpus=gpus, **LENGTHS)


def offer(**more):
    given = {
        "gpu": "h100-sxm",
        "sku": "machine",
        "gpus_per_instance": 8,
        "contract": "on_demand",
        "region": "any",
        "usd_per_hour": 24.0,
        "effective_from": None,
        "source": "test",
        "as_of": None,
    }
    return RentalOffer(**{**given, **more})


def only_offers(monkeypatch, *offers):
    monkeypatch.setattr("simulator.catalogue.rental_costs.providers", lambda: ("somebody",))
    monkeypatch.setattr("simulator.catalogue.rental_costs.rental_offers", lambda provider: offers)


# Rental rates


def test_a_million_tokens_costs_the_rent_of_an_hour_over_the_tokens_of_an_hour(monkeypatch):
    only_offers(monkeypatch, offer(gpus_per_instance=1, usd_per_hour=2.0))
    estimate = dataclasses.replace(estimate_on(), output_tokens_per_s=500.0, total_tokens_per_s=3_000.0)
    (cost,) = rental_costs(estimate, on=DAY)
    # 500 x 3,600 = 1.8 million output tokens an hour, 10.8 million in all, for 2 USD
    assert cost.usd_per_mtok_output == pytest.approx(2.0 / 1.8)
    assert cost.usd_per_mtok_total == pytest.approx(2.0 / 10.8)
    assert (cost.usd_per_gpu_hour, cost.usd_per_replica_hour) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("gpus", "per_instance", "replicas", "instances", "usd"),
    [
        (1, 8, 8, 1, 3.0),
        (2, 8, 4, 1, 6.0),
        (8, 8, 1, 1, 24.0),
        (3, 8, 2, 1, 12.0),  # two GPUs are left over and paid
        (1, 4, 4, 1, 6.0),
        (16, 8, 1, 2, 48.0),
        (12, 8, 1, 2, 48.0),  # two machines, paid whole
    ],
)
def test_a_machine_is_paid_whole_by_the_replicas_it_holds(monkeypatch, gpus, per_instance, replicas, instances, usd):
    only_offers(monkeypatch, offer(gpus_per_instance=per_instance, usd_per_hour=24.0))
    (cost,) = rental_costs(dataclasses.replace(estimate_on(), gpus=gpus, output_tokens_per_s=1_000.0), on=DAY)
    assert (cost.replicas_per_instance, cost.instances) == (replicas, instances)
    assert cost.usd_per_replica_hour == pytest.approx(usd)
    assert cost.usd_per_mtok_output == pytest.approx(usd / 3.6)
    assert cost.usd_per_gpu_hour == 24.0 / per_instance


@pytest.mark.parametrize(("gpus", "per_instance"), [(2, 1), (8, 4), (16, 4), (5, 4)])
def test_a_machine_too_small_for_a_replica_is_no_offer(monkeypatch, gpus, per_instance):
    only_offers(monkeypatch, offer(gpus_per_instance=per_instance))
    assert rental_costs(dataclasses.replace(estimate_on(), gpus=gpus), on=DAY) == ()


def test_the_newest_price_in_force_on_the_day_counts(monkeypatch):
    dated = [offer(usd_per_hour=usd, effective_from=date(2026, month, 1)) for usd, month in ((40, 1), (32, 6), (8, 12))]
    only_offers(monkeypatch, *dated)
    for day, usd in ((date(2026, 5, 31), 40), (date(2026, 6, 1), 32), (date(2026, 12, 1), 8)):
        (cost,) = rental_costs(estimate_on(gpus=8), on=day)
        assert cost.usd_per_replica_hour == usd
        assert cost.note is None


def test_a_price_of_later_stands_in_only_where_there_is_none_of_the_day_and_says_so(monkeypatch):
    later = offer(sku="later", effective_from=date(2027, 1, 1))
    only_offers(monkeypatch, later, offer(sku="now", effective_from=date(2026, 1, 1)))
    assert [cost.sku for cost in rental_costs(estimate_on(), on=DAY)] == ["now"]
    only_offers(monkeypatch, later)
    (cost,) = rental_costs(estimate_on(), on=DAY)
    assert cost.note == "price of 2027-01-01, the earliest known, used for 2026-12-01"


def test_every_provider_machine_contract_and_region_that_holds_the_replica_is_there_cheapest_first():
    costs = rental_costs(estimate_on(gpus=2), on=DAY)
    expected = {
        (provider, one.sku, one.contract, one.region, one.gpus_per_instance)
        for provider in providers()
        for one in rental_offers(provider)
        if one.gpu == "h100-sxm" and one.gpus_per_instance >= 2
    }
    found = [(cost.provider, cost.sku, cost.contract, cost.region, cost.gpus_per_instance) for cost in costs]
    assert set(found) == expected
    assert len(found) == len(expected)
    usd = [cost.usd_per_mtok_output for cost in costs]
    assert usd == sorted(usd)


def test_unverified_rates_and_sources_are_carried(monkeypatch):
    only_offers(monkeypatch, offer(unverified=True, note="a guess", as_of=date(2026, 1, 2)))
    (cost,) = rental_costs(estimate_on(), on=DAY)
    assert (cost.unverified, cost.note, cost.source, cost.as_of) == (True, "a guess", "test", date(2026, 1, 2))


def test_costs_of_an_estimate_of_arrays_are_arrays_and_infinite_where_nothing_is_served(monkeypatch):
    only_offers(monkeypatch, offer(gpus_per_instance=1, usd_per_hour=3.6))
    estimate = dataclasses.replace(
        estimate_on(), output_tokens_per_s=np.array([0.0, 1.0, 1_000.0]), total_tokens_per_s=np.array([0.0, 2.0, 2e3])
    )
    (cost,) = rental_costs(estimate, on=DAY)
    np.testing.assert_allclose(cost.usd_per_mtok_output, [np.inf, 1_000.0, 1.0])
    np.testing.assert_allclose(cost.usd_per_mtok_total, [np.inf, 500.0, 0.5])


def test_what_nobody_rents_out_costs_nothing_to_nobody():
    assert rental_costs(estimate_on("gb200"), on=DAY) == ()


def test_offers_in_force_are_one_a_machine():
    offers = [offer(sku=sku, usd_per_hour=usd) for sku, usd in (("a", 1.0), ("b", 2.0))]
    assert offers_in_force(offers, DAY) == offers


# Layouts


def test_tensor_parallel_divides_the_heads_and_experts_are_shared_by_data_parallel_groups():
    dense = [(layout.tensor_parallel, layout.data_parallel) for layout in layouts_of("llama-3.1-8b")]
    assert dense == [(1, 1), (2, 1), (4, 1), (8, 1)]
    mixture = layouts_of("gpt-oss-120b")
    assert {layout.gpus for layout in mixture} == {1, 2, 4, 8}
    shared = [layout for layout in mixture if layout.expert_parallel > 1]
    assert [(layout.tensor_parallel, layout.data_parallel, layout.expert_parallel) for layout in shared] == [
        (1, 2, 2),
        (1, 4, 4),
        (1, 8, 8),
    ]


@pytest.mark.parametrize("model", ["qwen2.5-14b", "qwen2.5-0.5b", "mixtral-8x7b", "deepseek-v3"])
def test_every_layout_can_be_asked_for(model):
    found = open_model(model)
    for layout in layouts_of(model):
        assert found.attention_heads.value % layout.tensor_parallel == 0
        assert found.experts is None or found.experts.value % layout.expert_parallel == 0
        estimate_throughput(model, "b200-sxm", **vars(layout), **LENGTHS)


# The cheapest layout


def by_hand(model, gpu, limit=None):
    """GPU-seconds per output token of the layouts that serve something, each asked for by itself."""
    found = {}
    for layout in layouts_of(model):
        estimate = estimate_throughput(model, gpu, tpot_limit_s=limit, **vars(layout), **LENGTHS)
        if estimate.output_tokens_per_s > 0.0:
            found[layout] = estimate.gpus / estimate.output_tokens_per_s
    return found


def test_layouts_are_ranked_by_cost_at_the_cheapest_on_demand_rate_and_those_without_come_last():
    costs = [ranked.cheapest and ranked.cheapest.usd_per_mtok_output for ranked in ranking().layouts]
    priced = [usd for usd in costs if usd is not None]
    assert priced == sorted(priced)
    assert costs == priced + [None] * (len(costs) - len(priced))
    assert {ranked.gpu for ranked in ranking().layouts if ranked.cheapest is None} >= {"gb200"}
    for ranked in ranking().layouts:
        on_demand = [cost for cost in ranked.costs if cost.contract == "on_demand"]
        assert ranked.cheapest == (min(on_demand, key=lambda cost: cost.usd_per_mtok_output) if on_demand else None)


def test_a_ranked_layout_is_what_the_public_question_answers():
    for limit in (None, 0.03):
        for ranked in ranking(limit).layouts:
            alone = estimate_throughput(
                "llama-3.1-8b", ranked.gpu, tpot_limit_s=limit, **vars(ranked.layout), **LENGTHS
            )
            assert alone == ranked.estimate


def test_gpus_that_can_not_serve_are_left_out_with_the_reason():
    assert ranking(model="llama-3.3-70b").left_out["t4"] == "too small, even 8 of them"
    found = ranked_layouts("llama-3.1-8b", on=DAY, gpus=("a100-80gb-sxm", "xeon-6980p-2s", "v100s-pcie"), **LENGTHS)
    assert "xeon-6980p-2s" in found.left_out
    lacking = ranked_layouts("llama-3.1-8b", on=DAY, gpus=("h100-sxm", "v100s-pcie"), precision="fp8", **LENGTHS)
    assert lacking.left_out == {"v100s-pcie": "lacks fp8"}
    quick = ranked_layouts("llama-3.1-8b", on=DAY, gpus=("b200-sxm", "a10g"), tpot_limit_s=0.006, **LENGTHS)
    assert quick.left_out == {"a10g": "too slow, even one sequence at a time"}


def test_a_ranking_of_nothing_says_why():
    with pytest.raises(ValueError, match=r"^llama-3.1-405b: l4: too small, even 8 of them$"):
        ranked_layouts("llama-3.1-405b", on=DAY, gpus=("l4",), **LENGTHS)
    with pytest.raises(ValueError, match=r"^precision is 'fp5'"):
        ranked_layouts("llama-3.1-8b", on=DAY, precision="fp5", **LENGTHS)
    with pytest.raises(ValueError, match=r"^gpu is 'h100'"):
        ranked_layouts("llama-3.1-8b", on=DAY, gpus=("h100",), **LENGTHS)


def test_all_precisions_of_a_gpu_can_be_compared():
    found = ranked_layouts("llama-3.1-8b", on=DAY, gpus=("l40s",), all_precisions=True, **LENGTHS)
    assert {ranked.precision for ranked in found.layouts} >= {"bf16", "fp8", "int8", "int4"}
    default = ranked_layouts("llama-3.1-8b", on=DAY, gpus=("l40s",), **LENGTHS)
    assert {ranked.precision for ranked in default.layouts} == {"bf16"}


@pytest.mark.slow
def test_every_gpu_of_the_catalogue_is_ranked_or_left_out():
    found = ranked_layouts("llama-3.1-8b", on=DAY, **LENGTHS)
    assert {ranked.gpu for ranked in found.layouts} | set(found.left_out) == set(gpu_ids())
    assert {ranked.gpu for ranked in found.layouts}.isdisjoint(found.left_out)


def test_a_tighter_limit_never_makes_a_layout_cheaper():
    def costs(limit):
        return {
            (ranked.gpu, ranked.layout): ranked.cheapest.usd_per_mtok_output
            for ranked in ranking(limit).layouts
            if ranked.cheapest
        }

    loose, tight = costs(0.05), costs(0.02)
    assert set(tight) <= set(loose)
    assert all(tight[key] >= loose[key] * (1 - 1e-6) for key in tight)


# Lines and front


def test_a_line_is_the_rent_over_the_throughput_of_each_batch_with_its_band():
    ranked = next(ranked for ranked in ranking().layouts if ranked.gpu == "l40s" and ranked.layout.gpus == 4)
    curve = ranked.curve
    batch = estimate_throughput(
        "llama-3.1-8b", "l40s", tensor_parallel=4, regime="saturated", concurrency=curve.concurrency, **LENGTHS
    )
    rent_per_s = ranked.cheapest.usd_per_replica_hour / 3_600
    np.testing.assert_allclose(curve.usd_per_mtok, rent_per_s / batch.output_tokens_per_s * 1e6)
    np.testing.assert_allclose(curve.usd_per_mtok_low, rent_per_s / batch.band.high * 1e6)
    np.testing.assert_allclose(curve.usd_per_mtok_high, rent_per_s / batch.band.low * 1e6)
    np.testing.assert_array_equal(curve.tpot_s, batch.tpot_s)
    assert curve.concurrency[0] == 1
    assert curve.concurrency[-1] == ranked.estimate.max_concurrency


def test_a_line_ends_at_full_load_and_goes_through_the_estimate_under_a_limit():
    for free, kept in ((ranking(), ranking(0.03)),):
        by_layout = {(ranked.gpu, ranked.layout): ranked for ranked in free.layouts if ranked.curve}
        for ranked in kept.layouts:
            if ranked.curve is None:
                continue
            whole = by_layout[ranked.gpu, ranked.layout]
            assert whole.curve.usd_per_mtok[-1] == pytest.approx(whole.cheapest.usd_per_mtok_output, rel=0.01)
            curve = ranked.curve
            on_line = np.exp(
                np.interp(np.log(ranked.estimate.tpot_s), np.log(curve.tpot_s), np.log(curve.usd_per_mtok))
            )
            # Between one sequence and two the line is straight where cost is not.
            apart = 0.03 if ranked.estimate.concurrency >= 2 else 0.10
            assert ranked.cheapest.usd_per_mtok_output == pytest.approx(on_line, rel=apart)


def beaten_by_nobody(tpot_s, usd):
    """By comparing every point with every other."""
    return [
        not any(
            other != one
            and tpot_s[other] <= tpot_s[one]
            and usd[other] <= usd[one]
            and (tpot_s[other] < tpot_s[one] or usd[other] < usd[one] or other < one)
            for other in range(len(usd))
        )
        for one in range(len(usd))
    ]


numbers = st.integers(1, 9).map(float)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_the_front_is_what_comparing_all_pairs_finds(points):
    tpot_s, usd = (np.array(column) for column in zip(*points, strict=True))
    assert is_on_front(tpot_s, usd).tolist() == beaten_by_nobody(tpot_s, usd)


@pytest.mark.parametrize("limit", [None, 0.03])
def test_the_front_of_a_ranking_is_over_all_points_of_all_layouts(limit):
    curves = [ranked.curve for ranked in ranking(limit).layouts if ranked.curve]
    tpot_s, usd = np.concatenate([c.tpot_s for c in curves]), np.concatenate([c.usd_per_mtok for c in curves])
    marked = np.concatenate([curve.on_front for curve in curves])
    assert marked.tolist() == beaten_by_nobody(tpot_s, usd)
    assert marked[np.argmin(usd)] and marked[np.argmin(tpot_s)]
    for ranked in ranking(limit).layouts:
        assert ranked.is_on_front == (ranked.curve is not None and ranked.curve.on_front.any())


# As somebody asks at a terminal


def test_gpus_are_tensor_parallel_unless_told_otherwise():
    assert asked_throughput("llama-3.1-8b", "h100-sxm", gpus=4, **LENGTHS)[0] == estimate_on(gpus=4)
    _, asked = asked_throughput("llama-3.1-8b", "h100-sxm", gpus=8, data_parallel=4, **LENGTHS)
    assert (asked["tensor_parallel"], asked["data_parallel"], asked["regime"]) == (2, 4, "saturated")
    for degrees in ({"tensor_parallel": 2}, {"pipeline_parallel": 2}):
        with pytest.raises(ValueError, match=r"^gpus is 3, must be tensor x pipeline x data parallel, 2$"):
            asked_throughput("llama-3.1-8b", "h100-sxm", gpus=3, **degrees, **LENGTHS)


def test_a_replica_that_serves_nothing_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"^llama-3.3-70b in bf16 lacks [\d.]+ GB on 1 x h100-sxm; would fit: fp8"):
        asked_throughput("llama-3.3-70b", "h100-sxm", **LENGTHS)
    with pytest.raises(ValueError, match=r"does not keep a time per token of 0.001 s even with one sequence at a time"):
        asked_throughput("llama-3.1-8b", "h100-sxm", tpot_limit_s=0.001, **LENGTHS)


def test_own_benchmarks_of_the_replica_anchor_the_estimate(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("input_tokens,output_tokens,output_tokens_per_s,concurrency\n1000,200,1234,64\n")
    estimate, _ = asked_throughput("llama-3.1-8b", "h100-sxm", concurrency=64, measurements=[path], **LENGTHS)
    assert estimate.output_tokens_per_s == pytest.approx(1_234, rel=0.02)
    assert estimate.evidence == "your measurement"
