"""From a scenario to what one replica serves: estimated, held to measurements, or given."""

import re

import numpy as np
import pytest
import yaml

import simulator as sim
from simulator.catalogue.asking import estimate_throughput
from simulator.catalogue.efficiencies import efficiencies
from simulator.catalogue.measurements import measurement
from simulator.catalogue.planning import make_plan

# A row of the table: one replica of the very scenario below.
MEASURED = "trtllm-0.17.0-llama-3.1-8b-h100-sxm-1x-fp8-500-2000"
CSV = "input_tokens,output_tokens,output_tokens_per_s\n1000,500,4321\n"


def scenario(fleet=None, *, workload=None, without=()):
    option = {
        "kind": "self_hosted",
        "model": "llama-3.1-8b",
        "gpu": "h100-sxm",
        "rental": {"usd_per_gpu_hour": 2.0},
        **(fleet or {}),
    }
    return {
        "title": "throughput",
        "horizon": {"hours": 1, "step_s": 3600},
        "traffic": {"requests_per_day": 1e6},
        "workload": workload or {"chat": {"input_tokens": 1000, "output_tokens": 500}},
        "options": {
            "api": {"kind": "api", "prices": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.4}},
            "fleet": {key: value for key, value in option.items() if key not in without},
        },
    }


def planned(fleet=None, **more):
    plan = make_plan(sim.load_scenario(scenario(fleet, **more)))
    assert plan.faults == {}, plan.faults
    return plan.options["fleet"]


def requests_per_s(fleet=None, **more):
    return 1.0 / planned(fleet, **more).seconds_per_request


def estimated(model="llama-3.1-8b", gpu="h100-sxm", **given):
    return estimate_throughput(model, gpu, **{"input_tokens": 1000, "output_tokens": 500, **given})


def faults(fleet, **more):
    """What is wrong, infeasible wishes included, as (key, text)."""
    found = make_plan(sim.load_scenario(scenario(fleet, **more))).faults["fleet"]
    return [(fault.key.removeprefix("options.fleet."), fault.text) for fault in found]


def figure(fleet, beginning, **more):
    (found,) = (
        each for each in make_plan(sim.load_scenario(scenario(fleet, **more))).figures if beginning in each.what
    )
    return found


# Estimated


def test_model_gpu_and_precision_are_enough():
    assert requests_per_s({"precision": "fp8"}) == pytest.approx(estimated(precision="fp8").requests_per_s)
    assert sim.break_even(scenario({"precision": "fp8"})).reason != "infeasible"


def test_an_estimate_is_of_the_mean_request_of_the_mix():
    mix = {
        "short": {"share": 0.75, "input_tokens": 400, "output_tokens": 100},
        "long": {"share": 0.25, "input_tokens": 2800, "output_tokens": 1700},
    }
    assert requests_per_s(workload=mix) == pytest.approx(requests_per_s())  # both have 1000 and 500 in the mean


@pytest.mark.parametrize(
    ("fleet", "asked"),
    [
        ({"gpus_per_replica": 4}, {"tensor_parallel": 4}),
        ({"tensor_parallel": 4}, {"tensor_parallel": 4}),
        ({"gpus_per_replica": 4, "tensor_parallel": 4}, {"tensor_parallel": 4}),
        ({"gpus_per_replica": 4, "pipeline_parallel": 2}, {"tensor_parallel": 2, "pipeline_parallel": 2}),
        ({"tensor_parallel": 2, "data_parallel": 2}, {"tensor_parallel": 2, "data_parallel": 2}),
        ({"data_parallel": 2}, {"data_parallel": 2}),
        ({"kv_precision": "fp8"}, {"kv_precision": "fp8"}),
        ({"engine": "sglang", "engine_version": "0.5.9"}, {"engine": "sglang", "engine_version": "0.5.9"}),
        ({"speculative_factor": 2.0}, {"speculative_factor": 2.0}),
        ({"prefix_cached_share": 0.5}, {"prefix_cached_share": 0.5}),
        ({"latency": {"tpot_s": 0.02}}, {"tpot_limit_s": 0.02}),
    ],
)
def test_every_setting_reaches_the_estimate(fleet, asked):
    assert requests_per_s(fleet) == pytest.approx(estimated(**asked).requests_per_s, rel=1e-6)
    assert requests_per_s(fleet) != pytest.approx(requests_per_s(), rel=1e-4)


def test_a_mixture_spreads_its_experts_over_as_many_gpus_as_said():
    fleet = {"model": "mixtral-8x7b", "gpus_per_replica": 4, "expert_parallel": 4}
    asked = estimated("mixtral-8x7b", tensor_parallel=4, expert_parallel=4)
    assert requests_per_s(fleet) == pytest.approx(asked.requests_per_s)


def test_gpus_and_layout_that_contradict_each_other_are_told():
    text = r"fleet.gpus_per_replica: is 4, must be tensor_parallel x pipeline_parallel x data_parallel"
    with pytest.raises(ValueError, match=text):
        sim.load_scenario(scenario({"gpus_per_replica": 4, "tensor_parallel": 2}))


def test_a_replica_of_more_gpus_costs_as_many_rents():
    assert planned({"tensor_parallel": 2, "data_parallel": 2}).usd_per_replica_hour == pytest.approx(4 * 2.0)


def test_a_smaller_cache_and_fewer_prompts_serve_more():
    plain = requests_per_s()
    assert requests_per_s({"kv_precision": "fp8"}) > plain
    assert requests_per_s({"speculative_factor": 2.0}) > plain
    assert requests_per_s({"prefix_cached_share": 0.6}) > plain


def test_the_workload_s_share_of_cached_input_is_not_computed_again_unless_the_option_says_otherwise():
    cached = {"chat": {"input_tokens": 1000, "output_tokens": 500, "cached_input_share": 0.6}}
    assert requests_per_s(workload=cached) == pytest.approx(requests_per_s({"prefix_cached_share": 0.6}))
    assert requests_per_s({"prefix_cached_share": 0.0}, workload=cached) == pytest.approx(requests_per_s())


def test_the_share_of_cached_input_is_weighed_by_the_input():
    cached = {
        "one": {"share": 0.5, "input_tokens": 1500, "output_tokens": 500, "cached_input_share": 0.8},
        "other": {"share": 0.5, "input_tokens": 500, "output_tokens": 500, "cached_input_share": 0.0},
    }
    assert requests_per_s(workload=cached) == pytest.approx(requests_per_s({"prefix_cached_share": 0.6}))


# Latency


def test_a_tighter_time_per_token_serves_less():
    served = [requests_per_s({"latency": {"tpot_s": limit}}) for limit in (0.01, 0.02, 0.05, 1.0)]
    assert served == sorted(served)
    assert served[0] < 0.5 * served[-1]
    assert served[-1] == pytest.approx(requests_per_s())


def test_a_tighter_time_to_the_first_token_serves_less():
    limits = [estimated(concurrency=clients).ttft_s for clients in (4, 40, 1000)]
    served = [requests_per_s({"latency": {"ttft_s": 1.0001 * limit}}) for limit in limits]
    assert served[0] < served[1] < served[2] == pytest.approx(requests_per_s())


def test_the_batch_is_as_large_as_the_time_to_the_first_token_allows():
    limit = estimated(concurrency=50).ttft_s
    served = requests_per_s({"latency": {"ttft_s": limit}})
    within = [size for size in range(1, 200) if estimated(concurrency=size).ttft_s <= limit]
    best = estimated(concurrency=max(within)).requests_per_s
    assert 0.8 * best < served <= 1.01 * best


@pytest.mark.parametrize("key", ["tpot_s", "ttft_s"])
def test_a_time_out_of_reach_is_told_at_its_key_and_is_no_error_but_a_reason(key):
    fleet = {"latency": {key: 1e-4}}
    text = "is 0.0001, but not even one request at a time is answered so soon on 1 x h100-sxm"
    assert faults(fleet) == [(f"latency.{key}", text)]
    study = sim.break_even(scenario(fleet))
    assert study.pairs["fleet"].reason == "infeasible"


# GPUs to be found


@pytest.mark.parametrize(
    "fleet",
    [
        {"model": "llama-3.3-70b", "precision": "fp8"},
        {"model": "llama-3.3-70b", "latency": {"tpot_s": 0.025}},
        {"model": "mixtral-8x7b"},
        {"model": "codellama-34b", "gpu": "l4"},
        {"model": "llama-3.1-8b", "latency": {"tpot_s": 0.005}},
        {"model": "llama-3.3-70b", "precision": "fp8", "rental": {"usd_per_gpu_hour": 2.0, "gpus_per_instance": 4}},
    ],
)
def test_the_gpus_found_are_the_cheapest_for_the_mean_demand(fleet):
    costs = {}
    for count in (1, 2, 4, 8):
        if count > fleet.get("rental", {}).get("gpus_per_instance", 16):
            continue
        plan = make_plan(sim.load_scenario(scenario({**fleet, "gpus_per_replica": count})))
        if not plan.faults:
            option = plan.options["fleet"]
            # a million requests a day, at 70 % load, in whole replicas and whole machines
            replicas = np.ceil(1e6 / 86_400 * option.seconds_per_request / 0.7)
            machines = np.ceil(
                replicas
                * option.gpus_paid_per_replica
                / fleet.get("rental", {}).get("gpus_per_instance", option.gpus_paid_per_replica)
            )
            costs[count] = machines * 2.0 * fleet.get("rental", {}).get("gpus_per_instance", count)
    found = planned({**fleet, "parallelism": "auto"})
    assert len(costs) >= 2
    assert found.gpus_paid_per_replica == min(costs, key=costs.get)
    chosen = figure({**fleet, "parallelism": "auto"}, "GPUs of a replica")
    assert chosen.value == f"{min(costs, key=costs.get)} GPUs"


def test_the_gpus_found_are_whole_groups_of_the_other_parallelism():
    found = planned({"model": "llama-3.3-70b", "parallelism": "auto", "data_parallel": 2, "precision": "fp8"})
    assert found.gpus_paid_per_replica % 2 == 0


def test_where_no_number_of_gpus_will_do_each_has_its_reason():
    ((key, text),) = faults({"model": "deepseek-v3", "gpu": "l4", "parallelism": "auto"})
    assert key == "parallelism"
    assert text.startswith("is 'auto', but nothing will do: 1 GPU: deepseek-v3 in fp8 lacks ")
    assert re.findall(r"(\d+) GPUs?: ", text) == ["1", "2", "4", "8"]
    assert sim.break_even(
        scenario({"model": "deepseek-v3", "gpu": "l4", "parallelism": "auto"})
    ).pairs["fleet"].reason == "infeasible"  # fmt: skip


def test_what_is_wrong_on_any_gpus_is_told_once_at_its_own_key():
    with pytest.raises(ValueError, match=r"^options.fleet.engine: is 'vlm', must be one of .*$") as caught:
        sim.load_scenario(scenario({"parallelism": "auto", "engine": "vlm"}))
    assert len(str(caught.value).splitlines()) == 1


# Own measurements


@pytest.fixture
def file_beside(tmp_path, monkeypatch):
    """A scenario file with `mine.csv` beside it, to be read from another folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def write(fleet=None, csv=CSV, **more):
        (tmp_path / "here" / "mine.csv").write_text(csv)
        option = {"throughput": {"measurements": "mine.csv"}, **(fleet or {})}
        path = tmp_path / "here" / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario(option, **more)))
        return path

    return write


def test_a_file_of_measurements_lies_beside_the_scenario_file(file_beside):
    plan = make_plan(sim.load_scenario(file_beside()))
    served = 1.0 / plan.options["fleet"].seconds_per_request
    assert 500 * served == pytest.approx(4321, rel=0.015)
    used = next(each for each in plan.figures if "throughput" in each.what)
    assert used.what.endswith("your measurement")
    assert used.source == "your benchmark mine.csv (mine)"
    assert not used.unverified


def test_a_file_of_measurements_of_a_mapping_is_named_from_the_working_directory(file_beside, monkeypatch):
    monkeypatch.chdir(file_beside().parent)
    assert 500 * requests_per_s({"throughput": {"measurements": "mine.csv"}}) == pytest.approx(4321, rel=0.015)


def test_a_file_of_measurements_may_be_named_in_full(file_beside, tmp_path):
    path = file_beside()
    fleet = {"throughput": {"measurements": str(path.parent / "mine.csv")}}
    assert 500 * requests_per_s(fleet) == pytest.approx(4321, rel=0.015)


def test_measurements_carry_over_to_the_lengths_of_the_scenario(file_beside):
    workload = {"chat": {"input_tokens": 1500, "output_tokens": 400}}
    plan = make_plan(sim.load_scenario(file_beside(workload=workload)))
    served = 1.0 / plan.options["fleet"].seconds_per_request
    here, there = estimated(), estimated(input_tokens=1500, output_tokens=400)
    assert served / there.requests_per_s == pytest.approx(4321 / here.output_tokens_per_s, rel=0.05)


@pytest.mark.parametrize(
    ("model", "gpu"), [("gemma-2b", "t4"), ("deepseek-v3", "h200-sxm"), ("gpt-oss-120b", "h100-sxm")]
)
def test_measurements_are_of_the_precision_that_the_replica_has(file_beside, model, gpu):
    # fp16 on the T4, fp8 and fp4 as published: whatever the replica is served in was measured
    layout = {"gpus_per_replica": 8} if model != "gemma-2b" else {}
    plan = make_plan(sim.load_scenario(file_beside({"model": model, "gpu": gpu, **layout})))
    assert plan.faults == {}
    served = 1.0 / plan.options["fleet"].seconds_per_request
    without = estimated(model, gpu, tensor_parallel=layout.get("gpus_per_replica", 1))
    most = max(4321.0, without.output_tokens_per_s)
    assert 500 * served <= 1.02 * most
    assert any(used.what.endswith("your measurement") for used in plan.figures)


def as_measured(row):
    """The settings of an option like those of a measurement."""
    return {
        "precision": row.precision,
        "kv_precision": row.kv_precision,
        "engine": row.engine,
        "engine_version": row.engine_version,
    }


def test_a_published_measurement_can_be_chosen():
    row = measurement(MEASURED)
    fleet = {**as_measured(row), "throughput": {"measured": MEASURED}}
    workload = {"chat": {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}}
    # a run of 3,000 requests ends with a batch that drains, a fleet runs on
    assert row.value < row.output_tokens * requests_per_s(fleet, workload=workload) < 1.06 * row.value
    assert MEASURED in figure(fleet, "throughput of", workload=workload).source


@pytest.mark.parametrize(
    ("fleet", "text"),
    [
        ({"tensor_parallel": 2}, "measured on 1 x h100-sxm, must be measured on the replica's GPUs, 2 x h100-sxm"),
        ({"gpu": "h200-sxm"}, "measured on 1 x h100-sxm, must be measured on the replica's GPUs, 1 x h200-sxm"),
        ({"model": "qwen3-8b"}, "measured on llama-3.1-8b, must be measured on qwen3-8b or a model of its shape"),
    ],
)
def test_a_measurement_of_something_else_is_refused(fleet, text):
    with pytest.raises(ValueError, match=re.escape(f"options.fleet.throughput.measured: is '{MEASURED}', {text}")):
        sim.load_scenario(scenario({"throughput": {"measured": MEASURED}, **fleet}))


def test_a_measurement_of_a_model_of_the_same_shape_is_taken():
    assert requests_per_s({"model": "llama-3-8b", "throughput": {"measured": MEASURED}}) > 0


# Given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"output_tokens_per_s": 1000.0}, 2.0),
        ({"total_tokens_per_s": 3000.0}, 2.0),
        ({"requests_per_s": 2.0}, 2.0),
    ],
)
def test_a_given_throughput_overrides_whatever_else_is_said(given, expected):
    settings = {"precision": "fp8", "engine": "sglang", "latency": {"tpot_s": 1e-4}, "speculative_factor": 3.0}
    assert requests_per_s({"throughput": given, **settings}) == pytest.approx(expected)
    assert requests_per_s({"throughput": given}, without=("model", "gpu")) == pytest.approx(expected)
    assert figure({"throughput": given}, "throughput of a replica").source == "given in the scenario"


def test_a_given_throughput_may_be_of_a_gpu_or_model_without_figures():
    assert requests_per_s({"gpu": "graviton3-16c", "throughput": {"requests_per_s": 2.0}}) == pytest.approx(2.0)
    assert requests_per_s({"model": "sdxl", "throughput": {"requests_per_s": 2.0}}) == pytest.approx(2.0)


def test_a_model_too_large_for_its_gpus_is_infeasible_whatever_throughput_is_given():
    for more in ({}, {"throughput": {"requests_per_s": 2.0}}):
        fleet = {"model": "llama-3.3-70b", **more}
        ((key, text),) = faults(fleet)
        assert key == "gpus_per_replica"
        assert re.fullmatch(
            r"is 1, but llama-3.3-70b in bf16 lacks \d\d\.\d GB on 1 x h100-sxm; would fit: .* or 2 GPUs", text
        )
        assert sim.break_even(scenario(fleet)).pairs["fleet"].reason == "infeasible"


# What the report shows


def test_the_figures_used_tell_value_band_evidence_and_source():
    used = figure({}, "throughput of")
    perf = estimated()
    assert used.option == "fleet"
    assert used.what == f"throughput of 1 x h100-sxm, llama-3.1-8b bf16, vllm: {perf.evidence}"
    assert used.value == (
        f"{perf.output_tokens_per_s:,.0f} output tokens/s (80 % band {perf.band.low:,.0f} to {perf.band.high:,.0f})"
    )


def test_a_figure_that_stands_on_the_roofline_names_the_fit_and_is_unverified():
    used = figure({"model": "gemma-2b"}, "throughput of")
    assert used.what.endswith("roofline estimate")
    assert used.source == f"roofline fitted to {efficiencies().measurements:,} published measurements"
    assert (used.as_of, used.unverified) == (efficiencies().fitted_on, True)


def test_a_figure_that_was_measured_nearby_names_the_measurement():
    row = measurement(MEASURED)
    fleet = as_measured(row)
    workload = {"chat": {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}}
    used = figure(fleet, "throughput of", workload=workload)
    assert used.what.endswith("measured nearby")
    assert used.source == f"{row.source} ({row.id})"
    assert (used.as_of, used.unverified) == (row.as_of, row.unverified)


def test_a_warning_of_the_estimate_reaches_the_report():
    fleet = {"model": "llama-2-7b", "gpu": "a100-80gb-sxm"}
    workload = {"chat": {"input_tokens": 128, "output_tokens": 4096}}
    plan = make_plan(sim.load_scenario(scenario(fleet, workload=workload)))
    assert plan.warnings == (
        "fleet: 4224 tokens are beyond the context of llama-2-7b, 4096; engines were measured at that",
    )


def test_experts_are_shared_where_that_is_cheapest_for_the_mean_demand():
    fleet = {"model": "deepseek-v3", "gpu": "h200-sxm", "parallelism": "auto"}
    tensor = planned({"model": "deepseek-v3", "gpu": "h200-sxm", "gpus_per_replica": 8})
    shared = planned({"model": "deepseek-v3", "gpu": "h200-sxm", "data_parallel": 8, "expert_parallel": 8})
    assert shared.seconds_per_request < tensor.seconds_per_request
    assert planned(fleet).seconds_per_request == pytest.approx(shared.seconds_per_request)
