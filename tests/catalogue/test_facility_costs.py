"""Facility figures, prices of hardware, and owned hardware with what was left out looked up."""

from datetime import date

import pytest

from simulator.catalogue import facility_costs as facility
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu, gpu_ids
from simulator.catalogue.hardware_prices import HardwarePrice, hardware_prices, node_price
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.notes import Notes
from simulator.catalogue.owned_planning import owned_figures, rented_draw
from simulator.domain.owned_costs import running_usd_per_hour
from simulator.domain.owning import OwnedHardware

START = date(2026, 12, 1)


def planned(gpu_id="h100-sxm", gpus_per_replica=8, start=START, **written):
    lookup = Lookup("options.own", "own", Notes())
    owned = OwnedHardware.model_validate({"nodes": 1, **written})
    board = None if gpu_id is None else gpu(gpu_id)
    return owned_figures(owned, board, gpus_per_replica, lookup, start=start), lookup.notes


def faults(notes):
    return {fault.key: fault.text for fault in notes.faults["own"]}


def test_every_price_of_hardware_is_of_a_gpu_of_the_catalogue_and_undated_ones_are_unverified():
    for price in hardware_prices():
        assert price.gpu in gpu_ids()
        assert price.as_of is not None or price.unverified, price
        assert price.effective_from == price.as_of


def test_no_two_prices_hold_from_the_same_day_for_the_same_thing():
    things = [(price.gpu, price.gpus, price.condition, price.effective_from) for price in hardware_prices()]
    assert len(things) == len(set(things))


def test_a_price_of_several_gpus_is_that_of_a_server():
    with pytest.raises(ValueError, match="gpus: is 8, must be 1 where whole_node is false"):
        HardwarePrice(gpu="h100-sxm", gpus=8, usd=1.0, source="x", as_of=START)


def test_a_whole_server_comes_before_its_gpus_and_the_newest_price_of_the_day_holds():
    assert node_price("h100-sxm", 8, on=START).usd == 250_141.80
    assert node_price("h100-sxm", 8, on=date(2025, 12, 1)).usd == 833_806
    alone = node_price("h100-sxm", 4, on=START)
    assert (alone.usd, alone.whole_node) == (30_000, False)
    assert node_price("h100-sxm", 4, "used", on=START).usd == 23_500
    assert node_price("l4", 1, on=START) is None
    with pytest.raises(UnknownId, match="did you mean 'h100-sxm'"):
        node_price("h100-smx", 8, on=START)


def test_a_region_without_a_figure_of_its_own_has_its_countrys_grid():
    assert facility.grid_of("us-ohio") == "us"
    assert facility.grid_of_cloud("aws", "us-east-1") == "aws/us-east-1"
    assert facility.grid_of_cloud("aws", "us-east-2") == "us"
    assert facility.grid_of_cloud("vast", None) == "world"
    assert facility.grid_carbon("us").value == 0.369473
    with pytest.raises(UnknownId, match="is 'atlantis'"):
        facility.grid_of("atlantis")


def test_the_building_of_a_site_is_its_own_or_that_of_the_survey():
    assert facility.pue_of("colocation").value == 1.42
    assert facility.pue_of("gcp").value == 1.1
    assert facility.pue_of("lambda") == facility.pue_of("own_room")


def test_the_newest_rate_of_colocation_holds():
    assert facility.colocation_rate("us-ohio", on=START).usd_per_kw_month == 184.06
    assert facility.colocation_rate("us", on=date(2024, 6, 1)).usd_per_kw_month == 163.44


def test_what_is_left_out_comes_from_the_catalogue_and_is_listed():
    figures, notes = planned()
    assert figures.hardware_usd == 250_141.80
    assert figures.life_hours == 5 * 8_760
    assert figures.draw.loaded_w == pytest.approx(8_400)  # as measured on eight H100
    assert figures.nameplate_w == pytest.approx(10_192)
    assert figures.draw.pue == 1.42
    # support 3.43, colocation 10.192 kW at 184.06 a month, 8.4 kW x 1.42 at 8 cents
    by_hand = 250_141.80 * 0.12 / 8_760 + 10.192 * 184.06 / 730 + 8.4 * 1.42 * 0.08
    assert running_usd_per_hour(figures, 1.0) == pytest.approx(by_hand)
    listed = {figure.what for figure in notes.figures}
    assert {"price of a server of 8 x h100-sxm", "life of a node", "support", "colocation, us"} <= listed
    assert {"electricity, industrial, us", "carbon of the grid, us", "rated power of h100-sxm"} <= listed
    assert all(figure.source and (figure.as_of or figure.unverified) for figure in notes.figures)
    assert notes.warnings == []


def test_what_is_given_is_taken_and_nothing_is_listed():
    figures, notes = planned(
        gpu_id=None,
        gpus_per_replica=1,
        nodes=3,
        usd_per_node=2_000,
        life_years=3,
        site="home",
        power={"idle_w": 60, "loaded_w": 500, "usd_per_kwh": 0.3, "kg_co2e_per_kwh": 0.1},
    )
    assert not notes.figures
    assert (figures.hardware_usd, figures.draw.pue, figures.nameplate_w) == (6_000, 1.0, 500)
    assert running_usd_per_hour(figures, 1.0) == pytest.approx(3 * 0.5 * 0.3)


def test_gpus_without_their_server_are_warned_of():
    figures, notes = planned("rtx-4090", 2, site="home", power={"place": "us-ohio"})
    assert figures.hardware_usd == 2 * 1_599
    assert figures.usd_per_kwh == 0.1605
    assert figures.colocation_usd_per_kw_month == 0
    assert notes.warnings == [
        "own: the node is 2 x rtx-4090 at 1,599 USD each, without the server around them; give owned.usd_per_node"
    ]


def test_a_price_from_after_the_start_is_warned_of():
    _, notes = planned(start=date(2024, 1, 1))
    assert len(notes.warnings) == 2  # the server of May 2025, the place of March 2024
    assert notes.warnings[0].startswith("own: price of h100-sxm: ")
    assert notes.warnings[0].endswith("figure of 2025-05-23, the earliest known, used for 2024-01-01")


def test_delivery_counts_in_hours_from_the_start():
    assert planned(delivery=date(2027, 1, 31))[0].delivered_at_hour == 61 * 24
    assert planned(delivery=date(2026, 11, 30))[0].delivered_at_hour == -24


@pytest.mark.parametrize(
    ("written", "key", "text"),
    [
        ({"gpu_id": "l4"}, "usd_per_node", "is missing; no price of a new l4 is known, so it must be given"),
        ({"gpu_id": None, "power": {"loaded_w": 9}}, "usd_per_node", "is missing; without a gpu it must be given"),
        ({"gpu_id": "gb200", "usd_per_node": 9}, "power.loaded_w", "the rated power of gb200 is not known"),
        ({"site": "home"}, "power.usd_per_kwh", "residential rates are known with owned.power.place one of us-east"),
        ({"power": {"place": "de"}}, "power.place", "is 'de', must be one of us, us-east-north-central"),
        (
            {"power": {"place": "de", "usd_per_kwh": 0.2}},
            "colocation_usd_per_kw_month",
            "is missing; no rate of 'de' is known, only of us",
        ),
        ({"power": {"idle_w": 9_000}}, "power.idle_w", "is 9000, must be at most loaded_w, which is 8400 here"),
        ({"power": {"nameplate_w": 8_000}}, "power.nameplate_w", "is 8000, must be at least loaded_w, which is 8400"),
        ({"gpus_per_node": 4}, "gpus_per_node", "is 4, must be at least the 8 GPUs of a replica"),
        (
            {"delivery": date(2020, 1, 1), "end_of_life": "end"},
            "delivery",
            "is 2020-01-01, so that a life of 5 years has ended before the start, 2026-12-01",
        ),
    ],
)
def test_what_cannot_be_looked_up_is_a_fault_at_its_key(written, key, text):
    figures, notes = planned(**written)
    assert figures is None
    assert text in faults(notes)[f"options.own.owned.{key}"]


def test_a_rented_gpu_draws_its_share_of_the_server():
    lookup = Lookup("options.rented", "rented", Notes())
    draw = rented_draw(gpu("h100-sxm"), 4, "gcp", "us-central1", lookup)
    assert draw.loaded_w == pytest.approx(4 * 700 * 1.5)
    assert draw.idle_w == pytest.approx(0.136 * 4 * 700 * 1.5)
    assert (draw.pue, draw.kg_co2e_per_kwh) == (1.1, 0.43)
    assert len(lookup.notes.figures) == 5
    assert rented_draw(gpu("tpu-v6e"), 1, "gcp", None, lookup) is None
