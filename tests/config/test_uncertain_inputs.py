"""Distributions in scenario files: what becomes of the number, and where a fault is told."""

import pytest

import simulator as sim
from simulator.config.faults import Faults
from simulator.config.scenarios import parse_scenario
from simulator.config.uncertain_inputs import medians_in_place
from simulator.config.yaml_reader import parse_document
from simulator.domain.distributions import median_of

FILE = """\
title: Guesses as ranges
traffic: {tokens_per_month: 1e9}
workload:
  chat: {input_tokens: {mean: 600, p90: 900}, output_tokens: {p10: 300, p50: 400, p90: 500}}
options:
  api: {kind: api, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}}
  fleet:
    kind: self_hosted
    rental: {usd_per_gpu_hour: {p10: 2, p50: 2.5, p90: 3.5}}
    gpus_per_replica: {choice: {values: [1, 2, 4]}}
    throughput: {total_tokens_per_s: {lognormal: {median: 1800, log_sigma: 0.3}}}
    monthly_fixed_usd: {p10: 100, p50: 200, p90: 300}
    cold_start_s: 120
"""
RENT = "options.fleet.rental.usd_per_gpu_hour"


def parsed(text):
    return parse_scenario(parse_document(text, "a.yaml"))


def faults_of(text):
    with pytest.raises(Faults) as caught:
        parsed(text)
    return str(caught.value).splitlines()


def test_the_median_stands_where_the_distribution_stood():
    scenario = parsed(FILE)
    fleet = scenario.options["fleet"]
    assert (fleet.rental.usd_per_gpu_hour, fleet.throughput.total_tokens_per_s) == (2.5, 1800.0)
    assert (fleet.gpus_per_replica, type(fleet.gpus_per_replica)) == (2, int)
    assert list(scenario.uncertainty.inputs) == [
        "workload.chat.output_tokens",
        RENT,
        "options.fleet.gpus_per_replica",
        "options.fleet.throughput.total_tokens_per_s",
    ]


def test_the_same_file_read_twice_is_the_same_scenario():
    assert parsed(FILE) == parsed(FILE)
    assert parsed(FILE) != parsed(FILE.replace("p90: 3.5", "p90: 3.6"))


def test_mappings_that_keys_take_already_keep_their_meaning():
    scenario = parsed(FILE)
    assert scenario.workload["chat"].input_tokens.p90 == 900  # lengths of requests, not an uncertain mean
    assert dict(scenario.options["fleet"].monthly_fixed_usd) == {"p10": 100, "p50": 200, "p90": 300}  # three items


def test_a_scenario_without_distributions_is_read_as_ever():
    document = parse_document(FILE.replace("{p10: 2, p50: 2.5, p90: 3.5}", "2.5").split("    gpus")[0], "a.yaml")
    document.data["workload"] = {"chat": {"input_tokens": 1, "output_tokens": 1}}
    assert medians_in_place(document) == (document, [])
    assert medians_in_place(document)[0] is document


def test_the_block_says_the_same_as_a_distribution_in_place():
    written = FILE.replace("{p10: 2, p50: 2.5, p90: 3.5}", "99")
    written += f"uncertainty: {{inputs: {{{RENT}: {{p10: 2, p50: 2.5, p90: 3.5}}}}}}\n"
    in_place, in_block = parsed(FILE), parsed(written)
    assert in_place.uncertainty.inputs == in_block.uncertainty.inputs
    assert in_block.options["fleet"].rental.usd_per_gpu_hour == 2.5


def test_a_key_left_at_its_default_may_be_uncertain_too():
    written = FILE + "uncertainty: {inputs: {options.fleet.replicas.minimum: {uniform: {low: 1, high: 5}}}}\n"
    assert parsed(written).options["fleet"].replicas.minimum == 3


def test_a_key_that_is_set_from_outside_is_not_uncertain_any_more():
    for written in (FILE, FILE + "uncertainty: {inputs: {options.fleet.cold_start_s: {uniform: {low: 1, high: 5}}}}\n"):
        document = parse_document(written, "a.yaml")
        set_keys = {RENT: 4.0, "options.fleet.cold_start_s": 7.0}
        scenario = sim.load_scenario(document.data, set_keys)
        assert not {RENT, "options.fleet.cold_start_s"} & set(scenario.uncertainty.inputs)
        assert scenario.options["fleet"].rental.usd_per_gpu_hour == 4.0
        assert scenario.options["fleet"].cold_start_s == 7.0


def test_a_distribution_may_come_from_outside():
    scenario = sim.load_scenario("minimal", {"traffic.requests_per_day": {"uniform": {"low": 1e4, "high": 3e4}}})
    assert scenario.traffic.requests_per_day == 2e4
    assert median_of(scenario.uncertainty.inputs["traffic.requests_per_day"]) == 2e4


@pytest.mark.parametrize(
    ("was", "written", "lines"),
    [
        ("    cold_start_s: 120\n", "uncertainty: 3\n", ["a.yaml:13: uncertainty: must be a mapping, is 3"]),
        (
            "    cold_start_s: 120\n",
            "uncertainty: {inputs: {options.fleet.cold_start_s: {gauss: {mean: 1}}}}\n",
            [
                "a.yaml:13: uncertainty.inputs.options.fleet.cold_start_s: is no distribution, must be a mapping with "
                "p10, p50 and p90, or normal, or lognormal, or uniform, or triangular, or choice"
            ],
        ),
        (
            "    cold_start_s: 120\n",
            "uncertainty: {paths: {uniform: {low: 64, high: 128}}}\n",
            ["a.yaml:13: uncertainty.paths: is a mapping, must be a whole number"],
        ),
        (
            "{p10: 2, p50: 2.5, p90: 3.5}",
            "{p10: 2, p50: 1.5, p90: 3.5}",
            [f"a.yaml:9: {RENT}.p10: is 2, must be below p50, 1.5"],
        ),
        ("{p10: 2, p50: 2.5, p90: 3.5}", "{p10: 2, p90: 3.5}", [f"a.yaml:9: {RENT}.p50: is missing"]),
        (
            "{p10: 2, p50: 2.5, p90: 3.5}",
            "{normal: {mean: 2}}",
            [f"a.yaml:9: {RENT}.normal.sd: is missing"],
        ),
        (
            "{p10: 2, p50: 2.5, p90: 3.5}",
            "{normal: {mean: 2, sd: 3}}",
            [f"a.yaml:9: {RENT}: reaches -4.979 at its p1, must be at least 0 [USD/h]"],
        ),
        (
            "{choice: {values: [1, 2, 4]}}",
            "{choice: {values: [1, 2, 4], weights: [0.5, 0.5, 0.5]}}",
            ["a.yaml:10: options.fleet.gpus_per_replica.choice.weights: add to 1.5, must add to 1"],
        ),
        (
            "kind: self_hosted",
            "kind: self_hosted\n    engine: {p10: 1, p50: 2, p90: 3}",
            ["a.yaml:9: options.fleet.engine: is a mapping, must be text"],
        ),
        (
            "    cold_start_s: 120\n",
            "uncertainty:\n  inputs:\n    title: {uniform: {low: 1, high: 2}}\n"
            "    options.flet.cold_start_s: {uniform: {low: 1, high: 2}}\n"
            "    options.fleet.cold_starts: {uniform: {low: 1, high: 2}}\n",
            [
                "a.yaml:15: uncertainty.inputs.title: is no key that takes a number: holds 'Guesses as ranges'",
                "a.yaml:16: uncertainty.inputs.options.flet.cold_start_s: names 'flet', of which there is none in "
                "options, must be one of api, fleet",
                "a.yaml:17: uncertainty.inputs.options.fleet.cold_starts: is no key that takes a number: 'cold_starts' "
                "is unknown; did you mean 'cold_start_s'?",
            ],
        ),
        (
            "    cold_start_s: 120\n",
            f"uncertainty: {{inputs: {{{RENT}: {{uniform: {{low: 1, high: 2}}}}}}}}\n",
            [f"a.yaml:9: {RENT}: has a distribution here and in uncertainty.inputs, must have one"],
        ),
        (
            "    cold_start_s: 120\n",
            f"uncertainty:\n  correlations:\n    - {{keys: [{RENT}, options.fleet.cold_start_s], correlation: 0.5}}\n",
            [
                "a.yaml:15: uncertainty.correlations[0].keys[1]: is 'options.fleet.cold_start_s', must be an uncertain "
                f"key: workload.chat.output_tokens, {RENT}, options.fleet.gpus_per_replica, "
                "options.fleet.throughput.total_tokens_per_s"
            ],
        ),
        (
            "    cold_start_s: 120\n",
            f"uncertainty:\n  correlations:\n    - keys: [{RENT}, workload.chat.output_tokens, "
            "options.fleet.gpus_per_replica]\n      correlation: -0.6\n",
            [
                "a.yaml:16: uncertainty.correlations[0].correlation: is not positive definite, must be: no numbers can "
                "go together like that"
            ],
        ),
    ],
    ids=[
        "a block that is none", "an unknown family", "what says how uncertain it is", "p10 above p50",
        "no p50", "no sd", "below the key's bounds", "weights", "text", "no such keys", "twice",
        "correlation of what is certain", "impossible correlation",
    ],
)  # fmt: skip
def test_a_fault_names_file_line_and_key(was, written, lines):
    assert faults_of(FILE.replace(was, written)) == lines


def test_every_fault_of_a_file_is_told_in_one_run():
    broken = FILE.replace("p50: 2.5", "p50: 9").replace("log_sigma: 0.3", "log_sigma: -1")
    broken = broken.replace("cold_start_s: 120", "cold_start: 120")
    assert [line.split(": ")[1] for line in faults_of(broken)] == [
        f"{RENT}.p50",
        "options.fleet.throughput.total_tokens_per_s.lognormal.log_sigma",
        "options.fleet.cold_start",
    ]


def test_a_key_that_is_set_from_outside_leaves_its_correlations():
    rent, cold, share = (f"options.fleet.{key}" for key in ("rental.usd_per_gpu_hour", "cold_start_s", "max_wait_s"))
    guesses = {key: {"uniform": {"low": 1.0, "high": 2.0}} for key in (rent, cold, share)}
    matrix = [[1.0, 0.3, 0.2], [0.3, 1.0, 0.1], [0.2, 0.1, 1.0]]
    file_data = {
        "title": "three that go together",
        "horizon": {"days": 1, "step_s": 3600},
        "traffic": {"requests_per_day": 1000},
        "workload": {"request": {"input_tokens": 500, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}},
            "fleet": {
                "kind": "self_hosted", "throughput": {"requests_per_s": 10.0}, "rental": {"usd_per_gpu_hour": 1.0},
                "autoscaling": {"kind": "fixed", "count": 1}, "overflow": "reject",
            },
        },
        "uncertainty": {"inputs": guesses, "correlations": [{"keys": [rent, cold, share], "matrix": matrix}]},
    }  # fmt: skip
    (group,) = sim.load_scenario(file_data, {cold: 1.5}).uncertainty.correlations
    assert group.keys == (rent, share)
    assert group.matrix == ((1.0, 0.2), (0.2, 1.0))
    assert sim.load_scenario(file_data, {cold: 1.5, rent: 1.5}).uncertainty.correlations == ()
    with pytest.raises(ValueError, match="must be an uncertain key"):  # an override of its own is held to what it says
        sim.load_scenario(
            file_data, {cold: 1.5, "uncertainty.correlations": [{"keys": [rent, cold], "correlation": 0.1}]}
        )
