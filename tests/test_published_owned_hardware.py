"""Published cases of hardware that is bought, recomputed from the inputs they print, to the digits those give.

L26: S. G. Wani, D. Ellison, J. Upton, On-Premise vs Cloud: Generative AI Total Cost of Ownership (2026 Edition),
Lenovo Press LP2368, 2026-02-04. L25: the 2025 edition, LP2225, 2025-05-23, as quoted by a public guide. Both are
studies of a vendor of servers. P25: G. Pan, V. Chodnekar, A. Roy, H. Wang, A Cost-Benefit Analysis of On-Premise Large
Language Model Deployment, arXiv:2509.18101 v3, 2025-11, tables I to IV. N25: V. Nguyen, S. Perez, LLM Inference
Benchmarking: How Much Does Your LLM Inference Cost?, NVIDIA, 2025-06. B25: zisaacson/BatchLocaLLM, COST_ANALYSIS.md,
2025.
"""

import datetime as dt
import doctest
import re
from pathlib import Path

import pytest
import yaml

from simulator.catalogue.hardware import gpu
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.notes import Notes
from simulator.catalogue.owned_planning import owned_figures
from simulator.domain import finance, power
from simulator.domain.finance import hours_to_break_even, periods_to_pay_back
from simulator.domain.owned_costs import (
    electricity_usd,
    owned_usd_per_hour,
    run_rate_usd_per_month,
    running_usd_per_hour,
)
from simulator.domain.owning import OwnedFigures, OwnedHardware
from simulator.domain.power import PowerDraw, energy_kwh_per_mtok
from simulator.domain.serving import breakeven_utilization_share, unit_cost_usd_per_mtok

# L26 prints power and cooling as 0.87 USD an hour, not the watts: here 8.7 kW at the meter at 10 cents. Maintenance is
# 12 % of the price a year (3.42 USD an hour), colocation 1,500 USD in a month of 720 hours (2.08 USD an hour).
LENOVO_2026 = OwnedFigures(
    nodes=1,
    gpus_per_node=8,
    hardware_usd=250_141.80,
    life_hours=43_800.0,
    draw=PowerDraw(idle_w=8_700.0, loaded_w=8_700.0, pue=1.0),
    nameplate_w=10_200.0,
    usd_per_kwh=0.10,
    support_share_per_year=0.12,
    colocation_usd_per_kw_month=1_500.0 / 720 * 730 / 10.2,
)
# L25 counts electricity only.
LENOVO_2025 = OwnedFigures(
    nodes=1,
    gpus_per_node=8,
    hardware_usd=833_806.0,
    life_hours=43_800.0,
    draw=LENOVO_2026.draw,
    nameplate_w=10_200.0,
    usd_per_kwh=0.10,
)


@pytest.mark.parametrize(
    ("owned", "rent_usd_per_hour", "recomputed_hours", "published_hours"),
    [
        pytest.param(LENOVO_2026, 98.32, 2720.411093, 2720, id="2026, Azure ND96isr H100 v5 on demand"),
        pytest.param(LENOVO_2026, 62.92, 4423.374005, 4423, id="2026, reserved for a year"),
        pytest.param(LENOVO_2025, 98.32, 8556.244228, 8556, id="2025, AWS p5.48xlarge on demand"),
        pytest.param(LENOVO_2025, 77.43, 10890.88297, 10890, id="2025, reserved for a year"),
    ],
)
def test_hours_until_eight_h100_bought_cost_less_than_rented(
    owned, rent_usd_per_hour, recomputed_hours, published_hours
):
    hours = hours_to_break_even(owned.price_usd, rent_usd_per_hour, running_usd_per_hour(owned, 1.0))
    assert hours == pytest.approx(recomputed_hours, rel=1e-3)
    assert hours == pytest.approx(published_hours, rel=1e-3)


def test_the_hourly_parts_of_the_own_server_are_those_printed():
    assert LENOVO_2026.support_usd_per_hour == pytest.approx(3.4266, rel=1e-4)
    assert LENOVO_2026.colocation_usd_per_hour == pytest.approx(2.083333333)
    assert running_usd_per_hour(LENOVO_2026, 1.0) == pytest.approx(6.37, rel=2e-3)
    assert owned_usd_per_hour(LENOVO_2026, 1.0) == pytest.approx(12.081, rel=2e-3)


def test_a_million_tokens_of_70b_on_eight_h100_own_rented_and_bought_from_an_api():
    tokens_per_s = 30_576.0  # L26: Llama 70B at the MLPerf server throughput, always in full use
    own = unit_cost_usd_per_mtok(owned_usd_per_hour(LENOVO_2026, 1.0), tokens_per_s, 1.0)
    rented = unit_cost_usd_per_mtok(98.32, tokens_per_s, 1.0)
    assert own == pytest.approx(0.1097538374, rel=0.02)
    assert rented == pytest.approx(0.8932205361, rel=0.02)
    assert rented / own == pytest.approx(8.138399139, rel=0.02)
    assert 2.0 / own == pytest.approx(18.22259747, rel=0.02)
    share = breakeven_utilization_share(owned_usd_per_hour(LENOVO_2026, 1.0), tokens_per_s, 2.0)
    assert share == pytest.approx(0.05487691872, rel=0.02)


# P25: one price for the study's machine, no support, place or staff; on for 176 hours a month in full use (8 hours on
# 22 days, which its capacities need; its text says 20 days). One token in three is input. Draw as its table II has it.
# Grok-4 has the prices of Claude-4 Sonnet and the same months; Gemini 2.5 Pro has those of GPT-5, but other months.
P25_HOURS = 176.0
P25_APIS = {"GPT-5": (1.25, 10.0), "Claude-4 Opus": (15.0, 75.0), "Claude-4 Sonnet": (3.0, 15.0)}
P25_MACHINES = {  # price [USD], GPUs, watts of one, tokens/s
    "EXAONE 4.0 32B": (2_000, 1, 575, 200),
    "Llama-3.3-70B": (15_000, 1, 400, 190),
    "Qwen3-235B": (60_000, 4, 400, 400),
    "gpt-oss-120B": (30_000, 2, 400, 220),
}


@pytest.mark.parametrize(
    ("model", "api", "recomputed_months", "published_months"),
    [
        ("EXAONE 4.0 32B", "GPT-5", 2.266494413, 2.26),
        ("EXAONE 4.0 32B", "Claude-4 Opus", 0.2875868872, 0.3),
        ("EXAONE 4.0 32B", "Claude-4 Sonnet", 1.450599823, 1.4),
        ("Llama-3.3-70B", "GPT-5", 17.81134226, 17.8),
        ("Llama-3.3-70B", "Claude-4 Opus", 2.269096718, 2.3),
        ("Llama-3.3-70B", "Claude-4 Sonnet", 11.4184449, 11.4),
        ("Qwen3-235B", "GPT-5", 34.22782037, 34.0),
        ("Qwen3-235B", "Claude-4 Opus", 4.31749102, 4.3),
        ("Qwen3-235B", "Claude-4 Sonnet", 21.85314685, 21.8),
        ("gpt-oss-120B", "GPT-5", 31.04818679, 30.9),
        ("gpt-oss-120B", "Claude-4 Opus", 3.923907584, 3.9),
        ("gpt-oss-120B", "Claude-4 Sonnet", 19.83875063, 19.8),
    ],
)
def test_months_until_a_machine_has_earned_its_price_against_an_api(model, api, recomputed_months, published_months):
    price, gpus, watts, tokens_per_s = P25_MACHINES[model]
    owned = OwnedFigures(
        nodes=1,
        gpus_per_node=gpus,
        hardware_usd=price,
        life_hours=43_800.0,
        draw=PowerDraw(idle_w=0.0, loaded_w=gpus * watts, pue=1.0),
        nameplate_w=gpus * watts,
        usd_per_kwh=0.15,
    )
    mtok_per_month = tokens_per_s * 3_600 * P25_HOURS / 1e6
    input_price, output_price = P25_APIS[api]
    bill_usd = mtok_per_month * (input_price + 2 * output_price) / 3
    months = periods_to_pay_back(owned.price_usd, bill_usd - float(electricity_usd(owned, P25_HOURS, 1.0)))
    assert months == pytest.approx(recomputed_months, rel=1e-6)
    assert months == pytest.approx(published_months, rel=0.07)


def home_gpu(**figures):
    """A card in a computer that is there; nothing counts but its price and its electricity."""
    return OwnedFigures(nodes=1, gpus_per_node=1, **figures)


def test_batches_on_a_card_at_home_until_it_has_earned_its_price():
    # B25: 1,200 USD over three years, 320 W at 12 cents; 5,000 requests take 37 minutes, 200,000 take 24.5 hours
    card = home_gpu(
        hardware_usd=1_200.0,
        life_hours=3 * 8_760.0,
        draw=PowerDraw(idle_w=0.0, loaded_w=320.0, pue=1.0),
        nameplate_w=320.0,
        usd_per_kwh=0.12,
    )
    usd_per_hour = owned_usd_per_hour(card, 1.0)
    assert usd_per_hour == pytest.approx(0.08406210046, rel=1e-9)
    assert usd_per_hour * 37 / 60 == pytest.approx(0.05183829528, rel=1e-9)
    assert usd_per_hour * 24.5 == pytest.approx(2.059521461, rel=1e-9)
    api_usd = 40 * (3_942_154 * 0.04 + 1_540_218 * 0.20) / 1e6  # gpt-oss-20b, 200,000 requests
    assert api_usd == pytest.approx(18.63, abs=0.005)
    assert periods_to_pay_back(1_200.0, 18.63) == pytest.approx(64.41223833, rel=1e-9)
    net = 18.63 - 24.5 * running_usd_per_hour(card, 1.0)  # the source forgets the electricity
    assert periods_to_pay_back(1_200.0, net) == pytest.approx(67.83800285, rel=1e-9)


@pytest.mark.parametrize(
    ("licences", "usd_per_year", "usd_per_gpu_hour"), [(1, 87_500, 1.248573059), (8, 119_000, 1.698059361)]
)
def test_the_yearly_server_of_nvidia(licences, usd_per_year, usd_per_gpu_hour):
    # N25: server 320,000 USD over four years, hosting 3,000 and a licence of 4,500 USD a year, per server or per GPU
    server = OwnedFigures(
        nodes=1,
        gpus_per_node=8,
        hardware_usd=320_000.0,
        life_hours=4 * 8_760.0,
        draw=PowerDraw(0.0, 0.0, 1.0),
        nameplate_w=10_200.0,
        usd_per_kwh=0.0,
        support_share_per_year=licences * 4_500 / 320_000,
        space_usd_per_month=3_000 / 12,
    )
    usd_per_hour = owned_usd_per_hour(server, 1.0)
    assert usd_per_hour * 8_760 == pytest.approx(usd_per_year, rel=1e-6)
    assert usd_per_hour / 8 == pytest.approx(usd_per_gpu_hour, rel=1e-6)


def test_two_a100_over_three_years_cost_921_usd_a_month():
    # 30,000 USD over 36 months and 0.8 kW at 15 cents: 833 + 88
    pair = OwnedFigures(
        nodes=1,
        gpus_per_node=2,
        hardware_usd=30_000.0,
        life_hours=3 * 8_760.0,
        draw=PowerDraw(idle_w=0.0, loaded_w=800.0, pue=1.0),
        nameplate_w=800.0,
        usd_per_kwh=0.15,
    )
    assert owned_usd_per_hour(pair, 1.0) * 730 == pytest.approx(920.9, rel=1e-4)


@pytest.fixture
def page():
    return (Path(__file__).parents[1] / "docs" / "owning.md").read_text(encoding="utf-8")


@pytest.fixture
def example(page):
    """The node that the page works through, as it is written there."""
    written = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", page, flags=re.M | re.S)[1])["owned"]
    lookup = Lookup("options.own", "own", Notes())
    return owned_figures(OwnedHardware.model_validate(written), gpu("h100-sxm"), 8, lookup, start=dt.date(2026, 12, 1))


def test_the_page_works_its_example_through_to_what_the_functions_give(page, example):
    run_rate = run_rate_usd_per_month(example, 0.5)
    shown = {
        name: float(usd.replace(",", ""))
        for name, usd in re.findall(r"^\| (\w+) \|.*\| ([\d,]+) \|$", page, flags=re.M)
    }
    assert shown == {name: round(usd) for name, usd in (run_rate | {"all": sum(run_rate.values())}).items()}
    tokens_per_s = 30_576.0
    energy = energy_kwh_per_mtok(example.draw, tokens_per_s, 0.5)
    usd_per_mtok = unit_cost_usd_per_mtok(owned_usd_per_hour(example, 0.5), tokens_per_s, 0.5)
    text = " ".join(page.split())
    carbon = example.draw.kg_co2e(energy)
    assert f"{owned_usd_per_hour(example, 0.5):.2f} USD an hour, and {usd_per_mtok:.3f} USD, " in text
    assert f" {energy:.3f} kWh and {carbon:.3f} kg CO2e for a million tokens" in text
    full, half = running_usd_per_hour(example, 1.0), running_usd_per_hour(example, 0.5)
    always = hours_to_break_even(example.price_usd, 31.92, full)
    assert f"costs {full:.2f} USD an hour to run" in text
    assert f"{example.price_usd:,.0f} USD after {always:,.0f} hours, {always / 730:.0f} months" in text
    seldom = hours_to_break_even(example.price_usd, 31.92, half, rented_share=0.5)
    assert f"at {half:.2f} USD, takes {seldom:,.0f} hours, {seldom / 730:.0f} months" in text


@pytest.mark.parametrize("module", [finance, power])
def test_the_examples_in_the_docstrings_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
