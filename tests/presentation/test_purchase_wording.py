"""How a fleet is bought, in words, and small amounts of money on the printed page."""

import io

import pytest

import simulator as sim
from simulator.presentation.decision import decision_sentence
from simulator.presentation.purchase_wording import purchase_lines
from simulator.presentation.tables import print_study
from simulator.solving.curve import curve_volumes


def study(traffic=None, **fleet):
    return sim.break_even({
        "title": "x",
        "horizon": {"days": 2, "step_s": 3600},
        "traffic": {"requests_per_day": 400_000, **(traffic or {})},
        "workload": {"q": {"input_tokens": 500, "output_tokens": 300}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.5}},
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 2.0},
                "rental": {"usd_per_gpu_hour": 4.0},
                "autoscaling": {"kind": "target_utilization", "target_share": 1.0},
                **fleet,
            },
        },
    })  # fmt: skip


def test_a_base_is_told_with_its_size_and_how_it_came_about():
    # 400,000 a day are 4.63 a second: three replicas of 2 a second, all the time.
    most, line = purchase_lines(study(reserved={"replicas": "auto", "usd_per_gpu_hour": 2.5}), "fleet")
    assert most == "fleet: 3 replicas at most at this volume, 3 GPUs"
    assert line == (
        "fleet: a base of 3 replicas is reserved, as many as cost least at this volume, at 2.5 USD an hour each, used "
        "or not; those above it cost 4 USD while they run"
    )
    _, line = purchase_lines(study(reserved={"replicas": 1, "usd_per_gpu_hour": 2.5}), "fleet")
    assert line.startswith("fleet: a base of 1 replica is reserved, as given, at 2.5 USD")


def test_spot_is_told_with_its_price_and_how_often_it_is_taken_back():
    spot = {"share": 0.7, "discount_share": 0.6, "interruptions_per_replica_hour": 0.05}
    _, line = purchase_lines(study(spot=spot), "fleet")
    assert line == (
        "fleet: 70 % of the replicas are on spot at 1.6 USD an hour in place of 4 USD, "
        "each taken back 0.05 times an hour"
    )


def test_own_nodes_are_told_with_their_price_and_life():
    power = {"loaded_w": 900, "idle_w": 100, "usd_per_kwh": 0.1}
    owned = {"nodes": 2, "usd_per_node": 40_000, "gpus_per_node": 4, "life_years": 4, "power": power}
    fleet = {"kind": "self_hosted", "throughput": {"requests_per_s": 2.0}, "owned": owned}
    scenario = study().plan.scenario.model_dump(mode="json", exclude_unset=True)
    lines = purchase_lines(sim.break_even({**scenario, "options": {**scenario["options"], "fleet": fleet}}), "fleet")
    assert lines == [
        "fleet: 8 replicas at most at this volume, 8 GPUs",
        "fleet: 2 own nodes of 4 GPUs, 80,000 USD over 4 years",
    ]


def test_of_what_is_rented_by_the_hour_the_size_alone_is_told_and_of_tokens_nothing():
    assert purchase_lines(study(), "fleet") == ["fleet: 3 replicas at most at this volume, 3 GPUs"]
    assert purchase_lines(study(), "api") == []
    in_machines = study(rental={"usd_per_instance_hour": 16.0, "gpus_per_instance": 4})
    assert purchase_lines(in_machines, "fleet") == [
        "fleet: 4 replicas at most at this volume, 4 GPUs, in whole machines of 4 replicas"
    ]


def test_a_dollar_is_not_printed_as_none():
    few = study({"requests_per_day": 50})
    page = io.StringIO()
    print_study(few, {}, [], page)
    row = next(line for line in page.getvalue().splitlines() if line.startswith("api (baseline)"))
    # 50 a day are 1,521 a month, at 0.2 USD for a thousand
    assert float(row.split()[2]) == pytest.approx(0.304, abs=5e-4)


def test_almost_all_is_not_called_all():
    assert "Buy: api, over 99% below the next." in decision_sentence(study({"requests_per_day": 50}), {})
    assert "Buy: api, 72% below the next." in decision_sentence(study({"requests_per_day": 400_000}), {})


def test_the_curve_shows_the_volume_up_to_which_a_challenger_pays():
    # The API is the challenger: cheaper from the first token, until the fleet is full enough.
    scenario = study({"requests_per_day": 50}, variable_usd_per_mtok=0.01).plan.scenario
    document = scenario.model_dump(mode="json", exclude_unset=True)
    document["options"]["fleet"]["throughput"] = {"requests_per_s": 200.0}
    document["comparison"] = {"baseline": "fleet", "challengers": ["api"]}
    document["options"]["fleet"]["overflow"] = "reject"
    turned = sim.break_even(document)
    pair = turned.pairs["api"]
    assert pair.first == 0.0
    assert pair.settled is None
    volumes = curve_volumes(turned)
    assert volumes[0] < turned.tokens_per_month < pair.crossings[-1].tokens_per_month < volumes[-1]
