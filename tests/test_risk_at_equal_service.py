"""Paths of uncertain inputs held to a service level: what misses it on a path can't be had there."""

import json
import math

import pytest
import yaml
from click.testing import CliRunner

import simulator as sim
from simulator.cli.main import cli

PER_DAY = 86_400.0
LEVEL = {"first_token_s": 0.5, "late_share": 0.05}


def scenario(level, volumes, *, count=16, price=0.3, usd_per_hour=0.40, traffic=None):
    """Places for one request of a second each; Erlang's formula asks for 16 of them at 12 requests a second."""
    return {
        "title": "Slots for a wait",
        "horizon": {"days": 2, "step_s": 3600},
        "traffic": {"requests_per_day": volumes} | (traffic or {}),
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": price}},
            "fleet": {
                "kind": "self_hosted",
                "rental": {"usd_per_instance_hour": usd_per_hour},
                "slots": {"per_replica": 1, "service_s": 1.0, "service_scv": 1.0, "prefill_s": 0.0},
                "autoscaling": {"kind": "fixed", "count": count},
                "cold_start_s": 0.0,
                "max_wait_s": math.inf,
                "overflow": "reject",
            },
        },
        "service_level": level,
    }


def choice(*values):
    return {"choice": {"values": list(values)}}


def test_a_path_on_which_a_fleet_misses_the_level_is_one_on_which_it_cannot_be_had():
    few, many = 10.0 * PER_DAY, 14.0 * PER_DAY  # 14 a second keep 16 places too busy for the level
    study = sim.uncertainty(scenario(LEVEL, choice(few, many)), paths=64)
    for path in study.paths.itertuples():
        values = dict(zip(study.paths.columns, path[1:], strict=True))
        alone = sim.break_even(scenario(LEVEL, values["traffic.requests_per_day"]))
        assert ("fleet" in alone.options) == (values["traffic.requests_per_day"] == few)
        if "fleet" in alone.options:
            assert values["usd:fleet"] == pytest.approx(alone.options["fleet"].usd_per_month)
            assert values["settled:fleet"] == pytest.approx(alone.settled, rel=1e-3)
        else:
            assert math.isnan(values["usd:fleet"])
            assert values["settled:fleet"] == math.inf
    assert study.missed_share == {"fleet": 0.5}
    assert study.first_pair.reasons == {"infeasible": 0.5}
    assert study.decision.set_index("option").loc["fleet", "infeasible_share"] == 0.5


def test_a_fleet_goes_through_all_paths_at_the_size_that_the_medians_ask_for():
    level = LEVEL | {"where_missed": "size"}
    guesses = scenario(level, 12.0 * PER_DAY, count=13, usd_per_hour={"uniform": {"low": 0.3, "high": 0.5}})
    study = sim.uncertainty(guesses, paths=64)
    rents = study.paths["options.fleet.rental.usd_per_instance_hour"]
    assert study.paths["usd:fleet"].to_numpy() == pytest.approx(16 * 730.0 * rents.to_numpy())
    assert study.missed_share == {}


def test_an_input_that_takes_a_fleet_below_the_level_turns_nothing_into_an_answer():
    sensitivity = sim.sensitivity(scenario(LEVEL, {"uniform": {"low": 9.0 * PER_DAY, "high": 14.5 * PER_DAY}}))
    row = sensitivity.tornado.iloc[0]
    assert math.isfinite(row["difference_at_p10"])
    assert math.isnan(row["difference_at_p90"])  # 14 a second: it is not to be had


def test_a_baseline_that_misses_the_level_at_the_medians_is_refused():
    data = scenario(LEVEL, choice(10.0 * PER_DAY, 11.0 * PER_DAY), count=11)
    data["comparison"] = {"baseline": "fleet", "challengers": ["api"]}
    with pytest.raises(ValueError, match="the baseline 'fleet' misses the service level"):
        sim.uncertainty(data, paths=64)


def test_a_key_is_solved_for_with_the_size_of_today_and_only_where_the_level_is_met():
    level = LEVEL | {"where_missed": "size"}
    data = scenario(level, 12.0 * PER_DAY, count=13)
    found = sim.solve(data, "options.api.prices.output_usd_per_mtok")
    tokens = 12.0 * 500 * 2_628_000  # of answers a month
    assert found.values == pytest.approx((16 * 0.40 * 730.0 / tokens * 1e6,))
    assert any("autoscaling.count 16 in place of 13" in text for text in found.warnings)
    busier = sim.solve(data, "traffic.requests_per_day", between=(10.0 * PER_DAY, 15.0 * PER_DAY))
    had = busier.searched.tried[[math.isfinite(usd) for usd in busier.challenger_usd]]
    # Erlang's formula: 16 places have 5 % late after half a second at 12.587 requests a second; the grid has 65 values.
    assert had.max() / PER_DAY == pytest.approx(12.587, abs=0.25)
    assert any("service_level: late" in text for text in busier.warnings)


def test_over_time_and_switching_have_the_sized_fleet_and_refuse_one_that_misses_the_level():
    sized = scenario(LEVEL | {"where_missed": "size"}, 12.0 * PER_DAY, count=13)
    month_share = 48 / 730  # two days
    assert sim.over_time(sized).challenger_usd == pytest.approx([16 * 0.40 * 730.0 * month_share])
    assert sim.switching(sized).cost_usd[0] == pytest.approx(16 * 0.40 * 730.0 * month_share)
    with pytest.raises(ValueError, match="option 'fleet' can't be simulated: service_level: late"):
        sim.over_time(scenario(LEVEL, 12.0 * PER_DAY, count=13))


def test_the_page_tells_the_size_and_the_share_of_the_paths(tmp_path):
    level = LEVEL | {"where_missed": "size"}
    file = tmp_path / "slots.yaml"
    file.write_text(yaml.safe_dump(scenario(level, choice(*[per_s * PER_DAY for per_s in (10, 12, 15)]), count=13)))
    run = CliRunner().invoke(cli, ["risk", str(file), "--paths", "64", "--output", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    content = json.loads(run.stdout)
    missed = content["missed_service_share"]["fleet"]
    assert missed == pytest.approx(1 / 3, abs=0.05)
    said = [text for text in content["warnings"] if "service level" in text]
    assert any("autoscaling.count 16 in place of 13" in text for text in said)
    assert any(f"misses the service level at the own volume of {missed:.1%} of the paths" in text for text in said)
    assert len([text for text in content["warnings"] if "can't be had" in text]) == 1
