import re
from datetime import date

import pytest

from simulator._paths import data_folder
from simulator.catalogue import rentals
from simulator.catalogue.errors import NoOffer, UnknownId
from simulator.catalogue.fact_files import read_mapping
from simulator.catalogue.hardware import gpu_ids
from simulator.catalogue.rentals import fitting_offer, providers, rental_offers
from simulator.domain.models_and_gpus import RentalOffer

LATE_2026 = date(2026, 12, 1)


def offer(**changes):
    fields = {
        "gpu": "a10g",
        "sku": "one",
        "gpus_per_instance": 1,
        "contract": "on_demand",
        "region": "here",
        "usd_per_hour": 1.0,
        "effective_from": date(2026, 1, 1),
        "source": "price page",
        "as_of": date(2026, 1, 1),
    }
    return RentalOffer(**(fields | changes))


@pytest.fixture
def market(monkeypatch):
    def offers_are(*offers):
        monkeypatch.setattr(rentals, "rental_offers", lambda provider: offers)

    return offers_are


@pytest.mark.parametrize("provider", providers())
def test_every_provider_file_is_named_by_its_provider(provider):
    assert read_mapping(data_folder("hardware") / "rentals" / f"{provider}.yaml")["provider"] == provider


@pytest.mark.parametrize("provider", providers())
def test_every_offer_has_a_known_gpu_a_source_and_a_likely_price(provider):
    for it in rental_offers(provider):
        assert it.gpu in gpu_ids()
        assert it.source
        assert 0.05 < it.usd_per_gpu_hour < 25, it
        assert it.as_of is not None or it.unverified
        assert it.effective_from == it.as_of


@pytest.mark.parametrize("provider", providers())
def test_no_price_is_given_twice_for_one_day(provider):
    keys = [(o.gpu, o.sku, o.region, o.contract, o.effective_from) for o in rental_offers(provider)]
    assert len(set(keys)) == len(keys)


def test_cpus_and_tpus_are_rented_as_machines_of_one():
    # a whole Graviton4 of 96 vCPU; a chip of TPU v6e
    assert fitting_offer("graviton4-96c", 1, "aws", "on_demand", on=LATE_2026).usd_per_hour == 3.8285
    assert fitting_offer("graviton4-16c", 1, "aws", "on_demand", on=LATE_2026).sku == "c8g.4xlarge"
    assert fitting_offer("axion-16c", 1, "gcp", "reserved_3y", on=LATE_2026).usd_per_hour == 0.3234
    assert fitting_offer("tpu-v6e", 1, "gcp", "spot", on=LATE_2026).usd_per_hour == 1.89


def test_spot_prices_worked_out_from_a_saving_say_so():
    derived = [o for o in rental_offers("aws") if o.contract == "spot" and o.unverified]
    on_demand = {o.sku: o.usd_per_hour for o in rental_offers("aws") if o.contract == "on_demand"}
    assert derived
    for it in derived:
        assert (found := re.match(r"derived: (\d+) % below the on-demand price", it.note or ""))
        assert it.usd_per_hour == pytest.approx(on_demand[it.sku] * (1 - int(found[1]) / 100), abs=1e-4)


def test_the_cheapest_single_a10g_of_aws_is_g5_xlarge():
    it = fitting_offer("a10g", 1, "aws", "on_demand", on=LATE_2026)
    assert (it.sku, it.usd_per_hour, it.note) == ("g5.xlarge", 1.006, None)


def test_two_a10g_of_aws_are_half_of_four_rather_than_a_quarter_of_eight():
    assert fitting_offer("a10g", 2, "aws", "on_demand", on=LATE_2026).sku == "g5.12xlarge"


def test_a_smaller_machine_goes_before_a_cheaper_gpu_in_a_larger_one():
    # 4.29 for one H100, 31.92 for eight (3.99 each): one replica would pay for seven idle ones
    it = fitting_offer("h100-sxm", 1, "lambda", "on_demand", on=LATE_2026)
    assert (it.gpus_per_instance, it.usd_per_hour) == (1, 4.29)


def test_a_machine_can_be_asked_for_by_its_name():
    it = fitting_offer("h100-sxm", 1, "lambda", "on_demand", sku="8x", on=LATE_2026)
    assert (it.gpus_per_instance, it.usd_per_hour) == (8, pytest.approx(31.92))
    with pytest.raises(NoOffer, match=r"named '9x'; it rents .*named '8x'"):
        fitting_offer("h100-sxm", 1, "lambda", "on_demand", sku="9x", on=LATE_2026)


def test_aws_sells_the_a100_of_80_gb_by_eights_only():
    assert {o.gpus_per_instance for o in rental_offers("aws") if o.gpu == "a100-80gb-sxm"} == {8}
    assert fitting_offer("a100-80gb-sxm", 1, "aws", "on_demand", on=LATE_2026).sku == "p4de.24xlarge"


def test_of_equally_cheap_h100_the_smaller_instance_is_taken():
    # p5.4xlarge: 6.88 for one; p5.48xlarge: 55.04 for eight
    assert fitting_offer("h100-sxm", 1, "aws", "on_demand", on=LATE_2026).sku == "p5.4xlarge"
    assert fitting_offer("h100-sxm", 2, "aws", "on_demand", on=LATE_2026).sku == "p5.48xlarge"


def test_rounding_of_the_source_does_not_make_eight_a100_cheaper_than_one():
    # a2-highgpu-1g: 3.6734; a2-highgpu-8g: 29.3871 / 8 = 3.6733875
    assert fitting_offer("a100-40gb-sxm", 1, "gcp", "on_demand", on=LATE_2026).sku == "a2-highgpu-1g"


@pytest.mark.parametrize(
    ("on", "usd_per_hour"), [(date(2026, 9, 1), 3.29), (date(2026, 10, 1), 3.49), (date(2026, 11, 9), 3.99)]
)
def test_the_newest_price_not_after_the_day_holds(on, usd_per_hour):
    secure = [o for o in rental_offers("runpod") if (o.gpu, o.sku) == ("h100-sxm", "secure cloud")]
    assert rentals._in_force(secure, on).usd_per_hour == usd_per_hour


def test_a_day_before_all_prices_takes_the_earliest_and_says_so():
    it = fitting_offer("a10g", 1, "aws", "on_demand", on=date(2025, 1, 1))
    assert it.usd_per_hour == 1.006
    assert it.note == "price of 2026-07-20, the earliest known, used for 2025-01-01"


def test_an_offer_of_a_later_day_does_not_undercut_one_in_force(market):
    market(offer(sku="now", usd_per_hour=2.0), offer(sku="later", usd_per_hour=1.0, effective_from=date(2027, 1, 1)))
    assert fitting_offer("a10g", 1, "x", "on_demand", on=LATE_2026).sku == "now"
    assert fitting_offer("a10g", 1, "x", "on_demand", on=date(2027, 1, 1)).sku == "later"


def test_an_offer_of_unknown_day_holds_until_a_dated_one_replaces_it(market):
    market(offer(usd_per_hour=2.0, effective_from=None), offer(usd_per_hour=3.0))
    assert fitting_offer("a10g", 1, "x", "on_demand", on=date(2025, 12, 31)).usd_per_hour == 2.0
    assert fitting_offer("a10g", 1, "x", "on_demand", on=date(2026, 1, 1)).usd_per_hour == 3.0


def test_an_instance_that_replicas_do_not_fill_is_paid_whole(market):
    # three GPUs a replica: eight GPUs hold two replicas at 4.00 each, four GPUs hold one at 3.90
    market(
        offer(sku="eight", gpus_per_instance=8, usd_per_hour=8.0),
        offer(sku="four", gpus_per_instance=4, usd_per_hour=3.9),
    )
    assert fitting_offer("a10g", 3, "x", "on_demand", on=LATE_2026).sku == "four"


def test_a_region_can_be_asked_for():
    everywhere = fitting_offer("h200-sxm", 8, "aws", "spot", on=LATE_2026)
    assert (everywhere.region, everywhere.usd_per_hour) == ("us-east-2", 26.5714)
    assert fitting_offer("h200-sxm", 8, "aws", "spot", "eu-north-1", on=LATE_2026).usd_per_hour == 39.8158


def test_a_replica_larger_than_any_instance_is_told_what_there_is():
    message = "aws has no 'on_demand' offer of 16 x a100-80gb-sxm; it rents on_demand 8 x a100-80gb-sxm in us-east-1"
    message += ", spot 8 x a100-80gb-sxm in us-east-1"
    with pytest.raises(NoOffer, match=f"^{re.escape(message)}$"):
        fitting_offer("a100-80gb-sxm", 16, "aws", "on_demand", on=LATE_2026)


def test_a_gpu_the_provider_lacks_is_answered_with_those_it_has():
    with pytest.raises(NoOffer, match="lambda has no 'on_demand' offer of 1 x l4; it rents a100-40gb-sxm, "):
        fitting_offer("l4", 1, "lambda", "on_demand", on=LATE_2026)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provider": "awz"}, "is 'awz', must be one of .*did you mean 'aws'"),
        ({"gpu": "a10gg"}, "is 'a10gg', must be one of .*did you mean 'a10g'"),
        ({"contract": "ondemand"}, "is 'ondemand', must be one of .*did you mean 'on_demand'"),
    ],
)
def test_mistyped_words_are_told_what_there_is(changes, message):
    words = {"gpu": "a10g", "provider": "aws", "contract": "on_demand"} | changes
    with pytest.raises(UnknownId, match=message):
        fitting_offer(**words, gpus_per_replica=1, on=LATE_2026)


def test_a_replica_without_gpus_is_refused():
    with pytest.raises(ValueError, match="gpus_per_replica is 0, must be at least 1"):
        fitting_offer("a10g", 0, "aws", "on_demand", on=LATE_2026)
