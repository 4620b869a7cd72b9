"""The page of published claims is what the command makes now, and its figures are right by hand."""

import re
import sys
from pathlib import Path

import pytest

import simulator as sim

ROOT = Path(__file__).parent.parent


sys.path.insert(0, str(ROOT / "benchmarks"))  # its scripts are no package
import claim_basics  # noqa: E402
import claims_of_comparison  # noqa: E402
import published_claims as command  # noqa: E402

CLAIMS = [claim for group in command.claims().values() for claim in group]


def answer_to(beginning):
    (claim,) = [claim for claim in CLAIMS if claim.text.startswith(beginning)]
    return claim.answer()


def printed(pattern, text):
    """The number in the brackets of a pattern, which has two significant digits."""
    return pytest.approx(float(re.search(pattern, text)[1]), rel=0.051)


def test_the_tables_of_the_page_are_those_the_command_makes_now():
    page = command.PAGE.read_text(encoding="utf-8")
    remade = page
    for name, table in command.tables().items():
        remade = command.replaced(remade, name, table)
    assert page == remade, "run: python benchmarks/published_claims.py --write"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{type(claim).__name__}: {claim.text[:40]}")
def test_every_claim_has_a_verdict_an_estimate_and_a_condition(claim):
    setup, estimate, verdict, condition = claim.answer()
    assert verdict.startswith((claim_basics.HOLDS, claim_basics.NOT))
    assert setup
    assert condition.endswith(".")
    assert re.search(r"\d", estimate)
    assert not re.search(r"\b(nan|inf|None)\b|∞", f"{estimate} {verdict} {condition}")


def test_the_page_names_no_table_that_is_not_made():
    page = command.PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- end (\S+) -->", page)) == set(command.tables())
    assert set(re.findall(r"\]\[(\w+)\]", page)) == set(re.findall(r"^\[(\w+)\]: http", page, flags=re.M))


def test_a_query_of_70b_on_four_a100_costs_the_rent_over_the_queries_of_the_hour():
    perf = sim.estimate_throughput(
        "llama-3.1-70b", "a100-80gb-sxm", input_tokens=500, output_tokens=300, tensor_parallel=4, precision="bf16"
    )
    queries_per_hour = perf.output_tokens_per_s / 300 * 3600
    cheapest = 4 * 1.39  # RunPod, community cloud, of 2026-09-25
    _, estimate, verdict, condition = answer_to("70B on four A100: 0.001")
    assert verdict == "Holds only when busy"
    assert cheapest / queries_per_hour == printed(r", ([\d.]+) / .* USD each", estimate)
    assert 100 * cheapest / 0.003 / queries_per_hour == printed(r"0\.003 USD from ([\d.]+) / ", condition)
    assert ": 1,900 / " in condition  # 5.56 / 0.003 = 1,853 queries an hour
    assert "At 100 queries an hour 0.056 / " in condition  # 5.56 / 100


def test_tokens_of_70b_on_two_a100_never_cost_30_cents_and_at_a_thousand_million_a_month_two_dollars():
    perf = sim.estimate_throughput(
        "llama-3.1-70b", "a100-80gb-sxm", input_tokens=500, output_tokens=300, tensor_parallel=2, precision="bf16"
    )
    usd_per_mtok = 2 * 1.39 / (perf.output_tokens_per_s * 800 / 300 * 3600 / 1e6)
    assert usd_per_mtok > 0.30
    _, estimate, verdict, condition = answer_to("Self-hosting on rented GPUs")
    assert verdict == "Does not hold"
    assert usd_per_mtok == printed(r", ([\d.]+) / .* USD per million", estimate)
    assert "At 0.5 to 1 G tokens a month 2.0 to 15 USD" in condition  # 2 x 730 h x 1.39 / 1000; 2 x 730 x 5.07 / 500


def test_the_mean_of_100_000_queries_a_day_leaves_the_a10g_so_much_room_for_peaks():
    perf = sim.estimate_throughput("llama-3.1-8b", "a10g", input_tokens=500, output_tokens=300, precision="bf16")
    room = perf.output_tokens_per_s / 300 / (100_000 / 86_400)
    _, estimate, verdict, _ = answer_to("50,000 to 100,000 queries a day")
    assert "mean demand 0.58 to 1.2" in estimate  # 50,000 / 86,400 = 0.579
    assert room == printed(r"at most ([\d.]+) to ", verdict)
    assert 2 * room == printed(r" to ([\d.]+) times the mean", verdict)


def test_one_stream_of_70b_is_bound_to_the_bandwidth_over_two_bytes_a_parameter():
    _, estimate, _, _ = answer_to("A token reads two bytes per parameter")
    assert estimate.startswith("bound 24 tokens/s a GPU, 47 on 2;")  # 3.35e12 / (2 x 70.6e9) = 23.7


def test_an_image_costs_the_rent_over_the_images_of_the_hour():
    images = [
        claim for claim in CLAIMS if isinstance(claim, claims_of_comparison.ImageCost) and "rtx-4090" in claim.measured
    ]
    _, estimate, _, condition = images[0].answer()
    assert estimate == "1.2 images/s, 0.000077 / 0.000077 / 0.00017 USD each"  # 0.34 / (1.2256 x 3600)
    assert condition.startswith("0.005 USD from 1.5 / 1.5 / 3.4 % of full load.")  # 0.34 / 0.005 / 4412 an hour


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.000266, "0.00027"),
        (0.0999, "0.10"),
        (9.96, "10"),
        (5.8, "5.8"),
        (20_880.0, "21,000"),
        (99.7, "100"),
        (0.0, "0"),
        (-3.14, "-3.1"),
    ],
)
def test_figures_have_two_significant_digits_and_no_exponent(value, words):
    assert claim_basics.figure(value) == words


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        ((0.1, 0.2, 0.3), "10 / 20 / 30 %"),
        ((0.41, 0.73, 2.1), "41 / 73 % / never"),
        ((1.5, 2.0, 3.0), "never / never / never"),
        ((0.5, 0.5, 0.5), "50 %"),
    ],
)
def test_shares_of_full_load_say_where_a_price_is_never_reached(needed, words):
    assert claim_basics.shares(needed) == words


def test_rents_are_those_in_force_per_gpu_of_a_whole_machine():
    assert claim_basics.rents("a10g").usd_per_gpu_hour == pytest.approx((1.006, 1.212, 16.288 / 8))
    assert claim_basics.rents("h100-sxm").dearest.usd_per_gpu_hour == pytest.approx(98.32 / 8)
