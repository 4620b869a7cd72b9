import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import gpu_ids, open_model, open_model_ids
from simulator.catalogue.measured import ids_of, usable_rows
from simulator.catalogue.measurements import measurement
from simulator.catalogue.replicas import can_be_estimated
from simulator.domain.arithmetic import arithmetic_of, precisions_of
from simulator.domain.measurements import REGIMES, Measurement
from simulator.domain.models_and_gpus import PRECISION_BYTES
from simulator.domain.plausibility import implausible

QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROUNDING = 1 + 1e-9
HOME = {"input_tokens": 1000.0, "output_tokens": 500.0}
FIGURES = ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "ttft_s", "tpot_s", "concurrency")
# Dense and mixtures, with latent attention, sliding windows and one embedding matrix; GPUs of every kind of arithmetic.
MODELS = ("llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b", "deepseek-v3", "gpt-oss-20b", "gemma-2b", "qwen2.5-0.5b",
          "llama-4-scout")  # fmt: skip
GPUS = ("t4", "a100-80gb-sxm", "l4", "h100-sxm", "b200-sxm", "mi300x", "rtx-5090", "tpu-v6e")
SHAPED = [name for name in open_model_ids() if open_model(name).has_shape]
SERVING = [name for name in gpu_ids() if can_be_estimated(gpu_of(name))]
LOADS = {
    "saturated": {},
    "a finite run": {"n_requests": 300},
    "a burst": {"regime": "burst", "n_requests": 64},
    "clients": {"concurrency": 16},
    "a batch": {"regime": "static", "concurrency": 32},
    "arrivals": {"arrival_requests_per_s": 3.0},
    "one at a time": {"regime": "single"},
    "a limit on the time per token": {"tpot_limit_s": 0.02},
    "a prefix in the cache": {"prefix_cached_share": 0.5},
    "speculative decoding": {"speculative_factor": 2.0},
}


def asked(model="llama-3.1-8b", gpu="h100-sxm", **given):
    return sim.estimate_throughput(model, gpu, **{**HOME, **given})


def shape_and_gpu(row):
    return open_model(row.model).shape_id, row.gpu


MEASURED_PAIRS = {shape_and_gpu(row) for row in usable_rows()}


# Load


@pytest.mark.parametrize(
    ("given", "regime"),
    [({}, "saturated"), ({"concurrency": 8}, "closed"), ({"arrival_requests_per_s": 2.0}, "open"),
     ({"concurrency": 8, "arrival_requests_per_s": 2.0}, "open")],
)  # fmt: skip
def test_a_load_is_told_by_what_is_given(given, regime):
    assert asked(**given) == asked(**given, regime=regime)


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_requests_output_and_total_are_one_throughput(load):
    perf = asked(**load)
    assert perf.output_tokens_per_s == pytest.approx(500 * perf.requests_per_s)
    assert perf.total_tokens_per_s == pytest.approx(1500 * perf.requests_per_s)
    assert 0 < perf.band.low < perf.output_tokens_per_s < perf.band.high
    assert perf.band.low * perf.band.high == pytest.approx(perf.output_tokens_per_s**2)


def test_a_load_of_clients_runs_as_many_sequences():
    assert asked(concurrency=16).concurrency == 16
    assert asked(concurrency=1e6).concurrency == asked().concurrency


def test_few_clients_get_their_tokens_one_time_per_token_apart():
    # a client waits for its first token, and then for each of the others
    for clients in (1, 4, 16):
        perf = asked(concurrency=clients)
        one_request_s = perf.ttft_s + 499 * perf.tpot_s
        # times to the first token are of clients in clumps, which throughput is not
        assert perf.output_tokens_per_s == pytest.approx(clients * 500 / one_request_s, rel=0.06)


def test_more_clients_get_more_together_and_less_each():
    perf = asked(concurrency=np.array([1, 2, 4, 8, 16, 32, 64.0]))
    assert np.all(np.diff(perf.output_tokens_per_s) > 0)
    assert np.all(np.diff(perf.output_tokens_per_s / perf.concurrency) < 0)
    assert np.all(np.diff(perf.tpot_s) > 0)


@pytest.mark.parametrize("rate", [0.1, 1.0, 4.0])
def test_below_saturation_what_arrives_is_served(rate):
    assert asked(arrival_requests_per_s=rate).requests_per_s == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("rate", [0.1, 1.0, 4.0])
def test_as_many_sequences_run_as_arrive_while_one_is_served(rate):
    # Little's law; the prompt's own time is a small part of it
    perf = asked(arrival_requests_per_s=rate)
    assert perf.concurrency == pytest.approx(rate * (perf.ttft_s + 499 * perf.tpot_s), rel=0.1)


def test_above_saturation_as_much_is_served_as_without_a_rate():
    perf = asked(arrival_requests_per_s=1e4)
    assert perf.requests_per_s < 100
    assert perf.output_tokens_per_s == pytest.approx(asked().output_tokens_per_s, rel=0.2)


def test_no_arrivals_ask_for_nothing():
    assert asked(arrival_requests_per_s=0.0).output_tokens_per_s == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("model", "gpu", "layout"),
    [("llama-3.1-8b", "h100-sxm", 1), ("llama-3.1-70b", "h100-sxm", 4), ("mixtral-8x7b", "h100-sxm", 2),
     ("qwen2.5-7b", "l4", 1), ("deepseek-v3", "h200-sxm", 8)],
)  # fmt: skip
def test_a_limit_on_the_time_per_token_is_kept_and_a_tighter_one_never_gives_more(model, gpu, layout):
    limits = np.geomspace(0.003, 1.0, 60)
    for lengths in ((128, 128), (4000, 200)):
        perf = asked(
            model, gpu, input_tokens=lengths[0], output_tokens=lengths[1], tensor_parallel=layout, tpot_limit_s=limits
        )
        serving = perf.output_tokens_per_s > 0
        assert np.all(perf.tpot_s[serving] <= 1.01 * limits[serving])
        assert np.all(np.diff(perf.output_tokens_per_s) >= -1e-9 * perf.output_tokens_per_s[-1])
        assert perf.bound[serving][0] == "latency"
        assert not np.any(serving[limits < 0.1 * perf.tpot_s[serving][0]])


def test_a_limit_that_no_batch_reaches_changes_nothing():
    assert asked(tpot_limit_s=10.0).output_tokens_per_s == pytest.approx(asked().output_tokens_per_s)


def test_a_limit_out_of_reach_leaves_nothing():
    perf = asked(tpot_limit_s=1e-4)
    assert (perf.output_tokens_per_s, perf.fits, perf.bound) == (0.0, True, "latency")
    # the cache of one long request takes time as well: limits between that of the weights and that of both
    limits = np.geomspace(0.002, 0.1, 200)
    perf = asked("llama-4-scout", "mi300x", tensor_parallel=2, input_tokens=508_478, tpot_limit_s=limits)
    nothing = perf.output_tokens_per_s == 0
    assert 0 < nothing.sum() < 200
    assert set(perf.bound[nothing]) == {"latency"}


def test_what_saves_work_gives_more():
    nothing = asked().output_tokens_per_s
    assert asked(prefix_cached_share=0.5).output_tokens_per_s > nothing
    assert asked(concurrency=4, speculative_factor=2.0).output_tokens_per_s > 1.3 * (
        asked(concurrency=4).output_tokens_per_s
    )
    assert asked(kv_precision="fp8").max_concurrency == pytest.approx(2 * asked().max_concurrency, abs=2)
    assert asked(input_tokens=100).output_tokens_per_s > nothing


def test_a_batch_larger_than_the_memory_is_warned_of():
    assert asked(regime="static", concurrency=64).warnings == ()
    assert "beyond what fits into memory" in asked(regime="static", concurrency=4000).warnings[0]


# Arrays


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_arrays_give_what_numbers_give(load):
    lengths = list(product((10.0, 1000.0, 20_000.0), (2.0, 500.0)))
    together = asked(
        input_tokens=np.array([length for length, _ in lengths]),
        output_tokens=np.array([length for _, length in lengths]),
        **load,
    )
    for number, (input_tokens, output_tokens) in enumerate(lengths):
        alone = asked(input_tokens=input_tokens, output_tokens=output_tokens, **load)
        for name in (*FIGURES, "max_concurrency"):
            assert getattr(together, name)[number] == pytest.approx(getattr(alone, name), rel=1e-5), name
        assert together.band.low[number] == pytest.approx(alone.band.low, rel=1e-3)
        for name in ("fits", "bound", "evidence"):
            assert getattr(together, name)[number] == getattr(alone, name), name


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_an_array_of_one_gives_arrays_of_one(load):
    alone, together = asked(**load), asked(input_tokens=np.array([1000.0]), **load)
    for name in (*FIGURES, "fits", "bound", "evidence"):
        assert np.shape(getattr(together, name)) == (1,), name
        assert np.shape(getattr(alone, name)) == (), name
    assert together.output_tokens_per_s[0] == pytest.approx(alone.output_tokens_per_s)


@pytest.mark.parametrize("name", ["concurrency", "n_requests", "tpot_limit_s", "arrival_requests_per_s",
                                  "prefix_cached_share", "speculative_factor"])  # fmt: skip
def test_every_part_of_a_load_may_be_an_array(name):
    values = np.array([0.5, 0.9]) if name == "prefix_cached_share" else np.array([2.0, 7.0])
    together = asked(**{name: values})
    for number, value in enumerate(values):
        alone = asked(**{name: float(value)})
        assert together.output_tokens_per_s[number] == pytest.approx(alone.output_tokens_per_s, rel=1e-5)


def test_more_than_a_thousand_questions_at_once_are_answered_as_one_by_one():
    lengths = np.linspace(10, 5000, 1201)
    together = asked(input_tokens=lengths).output_tokens_per_s
    assert np.all(np.diff(together) < 0)
    assert together[700] == pytest.approx(asked(input_tokens=lengths[700]).output_tokens_per_s, rel=1e-5)


# What was measured


def asked_as_measured(row, **more):
    """The question that a measurement answers."""
    ids = ids_of(row)
    load = {"concurrency": row.concurrency, "n_requests": row.n_requests}
    if row.regime == "open":
        load["arrival_requests_per_s"] = row.arrival_requests_per_s
    return sim.estimate_throughput(
        row.model,
        row.gpu,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        tensor_parallel=ids.layout.tensor_parallel,
        pipeline_parallel=ids.layout.pipeline_parallel,
        data_parallel=ids.layout.data_parallel,
        expert_parallel=ids.layout.expert_parallel,
        precision=ids.precision,
        kv_precision=ids.kv_precision,
        engine=row.engine,
        engine_version=row.engine_version or "unstated",
        regime=row.regime,
        **load,
        **more,
    )


def spread_over_the_table():
    """Five rows each of every fifth pair of model and GPU."""
    pairs = {}
    for row in usable_rows():
        pairs.setdefault(shape_and_gpu(row), []).append(row)
    chosen = [pairs[pair] for pair in sorted(pairs)[::5]]
    return [group[index] for group in chosen for index in sorted({round(x) for x in np.linspace(0, len(group) - 1, 5)})]


@pytest.fixture(scope="module")
def met():
    """Measurements spread over the table, each with the estimate of the same thing."""
    return [(row, asked_as_measured(row)) for row in spread_over_the_table()]


def relative_error(row, perf):
    return abs(getattr(perf, row.metric) / row.value - 1)


def test_what_was_measured_is_met(met):
    assert len(met) >= 120
    assert {row.metric for row, _ in met} == {row.metric for row in usable_rows()}
    assert {row.regime for row, _ in met} == {row.regime for row in usable_rows()}
    errors = np.array([relative_error(row, perf) for row, perf in met])
    assert np.median(errors) < 0.02
    assert np.quantile(errors, 0.8) < 0.05


def test_what_was_measured_lies_in_its_band(met):
    # The bands are for what was not measured: 80 % of that. Rows that anchor their own estimate lie in it more often.
    of_throughput = [(row, perf) for row, perf in met if row.metric == "output_tokens_per_s"]
    inside = [perf.band.low <= row.value <= perf.band.high for row, perf in of_throughput]
    assert 0.7 <= np.mean(inside) < 1.0
    width = [perf.band.high / perf.band.low for _, perf in of_throughput]
    assert np.median(width) < 1.3


def test_what_was_measured_is_told_as_measured_nearby(met):
    of_throughput = [(row, perf) for row, perf in met if row.metric == "output_tokens_per_s"]
    assert {perf.evidence for _, perf in of_throughput} == {"measured nearby"}
    for row, perf in of_throughput:
        assert perf.sources[0].likeness == pytest.approx(1.0, abs=0.01)
        assert shape_and_gpu(measurement(perf.sources[0].id)) == shape_and_gpu(row)


def test_llama_8b_on_an_h100_nvl_is_met_as_measured():
    # vllm-cost-meter: 500 requests of 512 and 256 tokens at once, vLLM 0.19.0
    question = {"input_tokens": 512, "output_tokens": 256, "precision": "fp16"}
    usual = asked("llama-3.1-8b", "h100-nvl", **question)
    assert usual.band.low < 6238 < usual.band.high
    as_run = asked("llama-3.1-8b", "h100-nvl", **question, n_requests=500, engine_version="0.19.0")
    assert as_run.output_tokens_per_s == pytest.approx(6238, rel=0.03)
    assert as_run.evidence == "measured nearby"
    assert as_run.sources[0].source.startswith("github.com/pChitral/vllm-cost-meter")


# Evidence


def test_evidence_grows_weaker_with_the_distance_from_what_was_measured():
    like_measured = asked("llama-3.1-8b", "h100-nvl", input_tokens=512, output_tokens=256, precision="fp16",
                          n_requests=500, engine_version="0.19.0")  # fmt: skip
    other = asked("llama-3.1-8b", "h100-nvl", input_tokens=8_000, output_tokens=64, precision="fp16",
                  engine_version="0.15.1")  # fmt: skip
    assert like_measured.evidence == "measured nearby"
    assert other.evidence == "same model and GPU, other settings"

    def width(perf):
        return perf.band.high / perf.band.low

    assert width(like_measured) < width(other)


@pytest.mark.parametrize(
    ("model", "gpu", "evidence"),
    [("gemma-2b", "h100-sxm", "roofline estimate"), ("qwen3-8b", "gb200", "roofline estimate"),
     ("mixtral-8x7b", "mi300x", "roofline estimate of a mixture of experts")],
)  # fmt: skip
def test_a_pair_that_nobody_measured_stands_on_the_roofline(model, gpu, evidence):
    assert (open_model(model).shape_id, gpu) not in MEASURED_PAIRS
    perf = asked(model, gpu, tensor_parallel=2)
    assert (perf.evidence, perf.fits) == (evidence, True)
    assert perf.band.high / perf.band.low > 1.2


def test_a_model_of_the_same_shape_is_as_good_as_measured():
    eight, distilled = asked("llama-3.1-8b", "h100-sxm"), asked("deepseek-r1-distill-llama-8b", "h100-sxm")
    assert distilled.output_tokens_per_s == eight.output_tokens_per_s
    assert distilled.evidence == eight.evidence


def test_sources_are_three_rows_of_the_table_the_same_pair_first():
    perf = asked("llama-3.1-70b", "h100-sxm", tensor_parallel=4, precision="fp8")
    assert len(perf.sources) == 3
    for source in perf.sources:
        row = measurement(source.id)
        assert (source.value, source.metric, source.source, source.as_of) == (
            row.value, row.metric, row.source, row.as_of,
        )  # fmt: skip
        assert shape_and_gpu(row) == ("llama-3.1-70b", "h100-sxm")
    likenesses = [source.likeness for source in perf.sources]
    assert likenesses == sorted(likenesses, reverse=True)


# A user's own measurements


def measured_by_user(value, model="llama-3.1-8b", gpu="h100-sxm", **changed):
    row = Measurement(
        id="mine", model=model, gpu=gpu, gpus=1, tensor_parallel=1, pipeline_parallel=1, data_parallel=1,
        expert_parallel=1, precision="bf16", kv_precision="bf16", input_tokens=1000.0, output_tokens=500.0,
        concurrency=None, n_requests=None, arrival_requests_per_s=None, regime="saturated",
        metric="output_tokens_per_s", value=value, ttft_s=None, tpot_s=None, engine="vllm", engine_version=None,
        as_of=None, source="my own", unverified=False, note=None,
    )  # fmt: skip
    return replace(row, **changed)


OWN = [("llama-3.1-8b", "h100-sxm"), ("qwen3-32b", "h200-sxm"), ("gemma-7b", "l40s"), ("mixtral-8x7b", "mi300x")]


@pytest.mark.parametrize(("model", "gpu"), OWN)
@pytest.mark.parametrize("factor", [0.6, 1.15])
def test_a_measurement_of_ones_own_overrides_what_is_published(model, gpu, factor):
    value = factor * asked(model, gpu).output_tokens_per_s
    perf = asked(model, gpu, measurements=[measured_by_user(value, model, gpu)])
    assert perf.output_tokens_per_s == pytest.approx(value, rel=0.015)
    assert perf.band.low < value < perf.band.high
    assert perf.evidence == "your measurement"
    assert (perf.sources[0].id, perf.sources[0].source) == ("mine", "my own")


@pytest.mark.parametrize(("model", "gpu"), OWN)
def test_ones_own_measurement_carries_over_to_lengths_nearby(model, gpu):
    own = [measured_by_user(0.8 * asked(model, gpu).output_tokens_per_s, model, gpu)]
    for lengths in ({"input_tokens": 1500}, {"output_tokens": 700}, {"input_tokens": 700, "output_tokens": 700}):
        without, perf = asked(model, gpu, **lengths), asked(model, gpu, **lengths, measurements=own)
        assert perf.output_tokens_per_s / without.output_tokens_per_s == pytest.approx(0.8, abs=0.04)
        assert perf.evidence == "your measurement"


@pytest.mark.parametrize(("model", "gpu"), OWN)
def test_ones_own_measurement_hardly_tells_of_another_engine_lengths_and_load(model, gpu):
    own = [measured_by_user(0.7 * asked(model, gpu).output_tokens_per_s, model, gpu)]
    far = {"input_tokens": 16, "output_tokens": 4000, "regime": "single", "engine": "tensorrt-llm"}
    without, perf = asked(model, gpu, **far), asked(model, gpu, **far, measurements=own)
    assert perf.output_tokens_per_s == pytest.approx(without.output_tokens_per_s, rel=0.05)
    assert perf.evidence != "your measurement"


def test_the_band_is_narrower_the_nearer_ones_own_measurement_is():
    own = [measured_by_user(asked("qwen3-32b", "h200-sxm").output_tokens_per_s, "qwen3-32b", "h200-sxm")]
    lengths = np.array([1000.0, 1500.0, 4000.0, 30_000.0])
    band = asked("qwen3-32b", "h200-sxm", input_tokens=lengths, measurements=own).band
    width = np.log(band.high / band.low)
    assert np.all(np.diff(width) > 0)
    assert width[0] < 0.3 * np.log(np.divide(*asked("qwen3-32b", "h200-sxm").band[::-1]))


def test_several_measurements_of_ones_own_are_all_met():
    lengths = (200.0, 1000.0, 5000.0)
    values = np.array([0.7, 0.8, 0.9]) * asked(input_tokens=np.array(lengths)).output_tokens_per_s
    own = [
        measured_by_user(float(value), input_tokens=length, id=f"mine-{length:g}")
        for value, length in zip(values, lengths, strict=True)
    ]
    perf = asked(input_tokens=np.array(lengths), measurements=own)
    assert perf.output_tokens_per_s == pytest.approx(values, rel=0.02)
    assert asked(input_tokens=200.0, measurements=own[::-1]).output_tokens_per_s == pytest.approx(
        perf.output_tokens_per_s[0], rel=1e-3
    )


def test_times_of_ones_own_are_met_as_throughput_is():
    per_token_s = 1.2 * asked(concurrency=8).tpot_s
    row = measured_by_user(per_token_s, metric="tpot_s", regime="closed", concurrency=8)
    perf = asked(concurrency=8, measurements=[row])
    assert perf.tpot_s == pytest.approx(per_token_s, rel=0.015)


def test_a_measurement_beyond_physics_lifts_nothing_beyond_it():
    with pytest.raises(ValueError, match="the arithmetic of 1 x h100-sxm allows"):
        asked(measurements=[measured_by_user(1e9)])
    # below that by output alone, but a token of output comes with two of input: two operations per parameter each
    perf = asked(measurements=[measured_by_user(6e4)])
    peak = gpu_of("h100-sxm").flops_16bit_per_s.value
    assert perf.output_tokens_per_s * 3 * 2 * 7.5e9 <= peak
    assert "times the roofline" in perf.warnings[0]


def test_a_benchmark_file_anchors_as_its_rows_do(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("input_tokens,output_tokens,output_tokens_per_s\n1000,500,4321\n")
    own = sim.read_benchmark_file(path, model="llama-3.1-8b", gpu="h100-sxm", gpus=1, precision="bf16")
    perf = asked(measurements=own)
    assert perf.output_tokens_per_s == pytest.approx(4321, rel=0.015)
    assert perf.sources[0].source == "your benchmark mine.csv"


# Bounds of physics


def shape_figures(name):
    model = open_model(name)
    figures = ("parameters", "active_parameters", "layers", "kv_heads", "head_dim", "vocab_size", "hidden_size")
    return {figure: model.value(figure) for figure in figures}


@st.composite
def questions(draw):
    model = draw(st.sampled_from(MODELS))
    gpu = draw(st.sampled_from(GPUS))
    heads = open_model(model).value("attention_heads")
    longest = 2000 if open_model(model).context_tokens is None else open_model(model).context_tokens.value
    input_tokens = draw(st.floats(1, 0.8 * longest))
    output_tokens = draw(st.floats(1, 0.2 * longest))
    load = draw(st.sampled_from(list(LOADS.values())))
    if "regime" in load and load["regime"] == "static":
        load = {}  # a given batch is asked for whatever the memory
    return {
        "model": model,
        "gpu": gpu,
        "precision": draw(st.sampled_from(precisions_of(gpu_of(gpu)))),
        "tensor_parallel": draw(st.sampled_from([count for count in (1, 2, 4, 8, 16) if heads % count == 0])),
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        **load,
    }


@QUICK
@given(question=questions())
def test_no_estimate_is_beyond_arithmetic_and_bandwidth(question):
    perf = asked(**question)
    model, gpu = open_model(question["model"]), gpu_of(question["gpu"])
    figures = shape_figures(question["model"])
    assert perf.gpus == question["tensor_parallel"]
    assert all(np.isfinite(getattr(perf, name)) for name in FIGURES if perf.fits or not name.endswith("_s"))
    if not perf.fits:
        assert perf.output_tokens_per_s == perf.concurrency == 0
        return
    assert perf.output_tokens_per_s > 0 or perf.bound == "latency"
    embedding = figures["vocab_size"] * figures["hidden_size"]
    matrices = figures["active_parameters"] - (0 if model.tied_embeddings else embedding)
    peak = perf.gpus * arithmetic_of(gpu, question["precision"]).flops_per_s
    assert perf.output_tokens_per_s * 2 * matrices <= peak * ROUNDING
    # a pass reads the active weights once, and gives every sequence one token, or as many as speculation yields
    weights = PRECISION_BYTES[question["precision"]] * max(figures["active_parameters"] - 2 * embedding, 0.0)
    reading_s = weights / (perf.gpus * gpu.memory_bandwidth_bytes_per_s.value)
    sequences = max(perf.concurrency, 1.0) * question.get("speculative_factor", 1.0)
    assert perf.output_tokens_per_s * reading_s <= sequences * ROUNDING


@QUICK
@given(question=questions())
def test_what_runs_at_once_fits_into_memory(question):
    perf = asked(**question)
    model, figures = open_model(question["model"]), shape_figures(question["model"])
    vocabulary = figures["vocab_size"] * figures["hidden_size"] * (1 if model.tied_embeddings else 2)
    size = PRECISION_BYTES[question["precision"]]
    weights = size * (figures["parameters"] - vocabulary) + 2 * vocabulary
    input_tokens = question["input_tokens"]
    if model.window_tokens is not None:
        share = model.windowed_layers_share.value
        input_tokens = (1 - share) * input_tokens + share * min(input_tokens, model.window_tokens.value)
    latent = model.kv_latent_size
    values = latent.value if latent is not None else 2 * figures["kv_heads"] * figures["head_dim"]
    prompts = perf.max_concurrency * input_tokens * figures["layers"] * values * 2
    memory = perf.gpus * gpu_of(question["gpu"]).memory_bytes.value
    assert prompts <= memory
    assert not perf.fits or prompts + weights <= memory
    assert perf.concurrency <= perf.max_concurrency + 1


@pytest.mark.parametrize("name", SHAPED)
def test_every_model_of_known_shape_has_an_estimate_that_physics_allows(name):
    precision = "fp8"
    perf = asked(name, "h200-sxm", tensor_parallel=1, precision=precision, input_tokens=512, output_tokens=128,
                 concurrency=16)  # fmt: skip
    if not perf.fits:
        assert open_model(name).value("parameters") > 100e9
        return
    row = measured_by_user(
        perf.output_tokens_per_s, name, "h200-sxm", precision=precision, regime="closed", concurrency=16
    )
    assert implausible(row, gpu_of("h200-sxm"), open_model(name)) is None


@pytest.mark.parametrize("name", SERVING)
def test_every_gpu_with_figures_serves_a_small_model(name):
    perf = asked("qwen2.5-0.5b", name, input_tokens=512, output_tokens=128)
    assert perf.fits
    assert 100 < perf.output_tokens_per_s < 1e6
    assert perf.bound in ("weights", "kv", "compute", "links", "overhead", "batch cap")


def test_more_gpus_serve_more_but_no_more_than_in_proportion_to_arithmetic():
    served = [asked("llama-3.1-70b", "h100-sxm", precision="fp8", tensor_parallel=count) for count in (2, 4, 8)]
    tokens = [perf.output_tokens_per_s for perf in served]
    assert tokens == sorted(tokens)
    assert [perf.gpus for perf in served] == [2, 4, 8]


def test_data_parallel_groups_serve_side_by_side():
    one, two = asked(), asked(data_parallel=2)
    assert two.gpus == 2
    assert two.max_concurrency == pytest.approx(2 * one.max_concurrency, abs=2)
    assert two.output_tokens_per_s == pytest.approx(2 * one.output_tokens_per_s, rel=0.15)


# What does not fit


@pytest.mark.parametrize(
    ("model", "gpu", "lengths"),
    [("llama-3.3-70b", "h100-sxm", (1000, 500)), ("mixtral-8x7b", "h100-sxm", (1000, 500)),
     ("llama-3.1-8b", "t4", (1000, 500)), ("qwen2.5-32b", "l40s", (1000, 500)),
     ("deepseek-v3", "h200-sxm", (1000, 500)), ("llama-3.1-8b", "l4", (100_000, 1000)),
     ("qwen2.5-14b", "t4", (1000, 500))],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_told_by_how_much_and_what_is_advised_fits(model, gpu, lengths):
    question = {"input_tokens": lengths[0], "output_tokens": lengths[1]}
    perf = asked(model, gpu, **question)
    assert (perf.fits, perf.output_tokens_per_s, perf.requests_per_s, perf.concurrency) == (False, 0.0, 0.0, 0.0)
    assert perf.max_concurrency == 0
    assert perf.bound == "memory"
    assert perf.band == (0.0, 0.0)
    (warning,) = perf.warnings
    said = re.fullmatch(rf"{model} in (\w+) lacks (\d+\.\d) GB on 1 x {gpu}; would fit: (.*)", warning)
    assert said
    assert said[1] == perf.precision
    advice = said[3].split(", or ")
    assert advice != ["a GPU with more memory"]
    for way in advice:
        if way.endswith(" GPUs"):
            count = int(way.removesuffix(" GPUs"))
            assert asked(model, gpu, **question, tensor_parallel=count).fits
            fewer = [fewer for fewer in (2, 4, 8) if fewer < count]
            assert not any(asked(model, gpu, **question, tensor_parallel=fewer).fits for fewer in fewer)
        else:
            for precision in way.split(", "):
                assert asked(model, gpu, **question, precision=precision).fits


def test_the_memory_that_lacks_is_weights_and_one_request_over_what_the_engine_uses():
    # 70.6 B parameters of 2 bytes, and 1500 tokens of 80 layers x 8 heads x 128 x 2 values x 2 bytes
    needed = 70.55e9 * 2 + 1500 * 80 * 8 * 128 * 2 * 2
    usable = 0.9 * gpu_of("h100-sxm").memory_bytes.value
    lacks = float(re.search(r"lacks (.*) GB", asked("llama-3.3-70b", "h100-sxm").warnings[0])[1])
    assert lacks == pytest.approx((needed - usable) / 1e9, abs=2.0)  # the engine keeps a reserve


def test_of_several_lengths_those_that_fit_are_served():
    perf = asked("llama-3.1-8b", "l4", input_tokens=np.array([1000.0, 100_000.0]))
    assert perf.fits.tolist() == [True, False]
    assert perf.output_tokens_per_s[0] > 0 == perf.output_tokens_per_s[1]
    assert np.isinf(perf.ttft_s[1])
    assert "lacks" in perf.warnings[0]


# Bad input


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "llama-3.1-8"}, r"model is 'llama-3.1-8', must be one of .*; did you mean 'llama-3.1-8b'\?"),
        ({"model": None}, "model is 'None', must be one of "),
        ({"model": ["a"]}, r"model is \['a'\], must be text"),
        ({"model": "sdxl"}, "model is 'sdxl', whose shape is not in the catalogue"),
        ({"gpu": "h100"}, r"gpu is 'h100', must be one of a10, .*; did you mean 'h100-sxm'\?"),
        ({"gpu": "graviton3-16c"}, "gpu is 'graviton3-16c', whose peaks are not in the catalogue"),
        ({"precision": "fp7"}, r"precision is 'fp7', must be one of bf16, .*; did you mean 'fp8'\?"),
        ({"gpu": "t4", "precision": "bf16"}, "precision is 'bf16', which t4 lacks; it has fp16, int8, w8a16, int4"),
        ({"kv_precision": "int4"}, "kv_precision is 'int4', must be one of bf16, fp16, fp8, int8"),
        ({"engine": "vlm"}, r"engine is 'vlm', must be one of .*; did you mean 'vllm'\?"),
        ({"engine": ""}, "engine is '', must be one of "),
        ({"engine_version": 0.19}, "engine_version is 0.19, must be text"),
        ({"tensor_parallel": 3}, "tensor_parallel is 3, must divide the 32 attention heads of llama-3.1-8b"),
        ({"pipeline_parallel": 33}, "pipeline_parallel is 33, must be at most the 32 layers of llama-3.1-8b"),
        ({"tensor_parallel": 2, "expert_parallel": 2}, "expert_parallel is 2, must be 1: llama-3.1-8b is not a"),
        ({"model": "mixtral-8x7b", "expert_parallel": 3}, "expert_parallel is 3, must divide the 8 experts of mixtral"),
        (
            {"model": "mixtral-8x7b", "tensor_parallel": 2, "expert_parallel": 4},
            "expert_parallel is 4, must divide tensor_parallel x data_parallel, 2",
        ),
        *(
            ({name: value}, rf"{name} is .*, must be a whole number of at least 1")
            for name in ("tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel")
            for value in (0, -1, 1.5, True, None, "2", float("nan"), float("inf"))
        ),
        (
            {"input_tokens": 131_072, "output_tokens": 1},
            r"input_tokens \+ output_tokens is 131073, must be at most 131072, the context of llama-3.1-8b",
        ),
        ({"input_tokens": 10**5000}, "input_tokens is too large a number, must be finite"),
        ({"input_tokens": [5, 1e6]}, r"input_tokens \+ output_tokens is 1.0005e\+06, must be at most 131072"),
        *(
            ({name: value}, rf"{name} is {text}")
            for name in ("input_tokens", "output_tokens")
            for value, text in (
                (float("nan"), "nan, must be finite"), (float("inf"), "inf, must be finite"), (-1, "-1, must be"),
                ("many", "'many', must be a number"), ("512", "'512', must be a number"), (None, "None, must be a"),
                (True, "True, must be a number"), (1j, "1j, must be a number"), ([5, -7], "-7, must be finite"),
            )
        ),
        ({"input_tokens": np.ones((2, 2))}, r"input_tokens has shape \(2, 2\), must be a number or an array of shape"),
        ({"input_tokens": []}, r"input_tokens has shape \(0,\), must be a number or an array of shape"),
        ({"input_tokens": [[1], [1, 2]]}, "input_tokens is .*, must be a number or an array of shape"),
        ({"input_tokens": [1, 2], "output_tokens": [1, 2, 3]}, "input_tokens has 2 entries, output_tokens has 3"),
        ({"output_tokens": 0}, "output_tokens is 0, must be finite and at least 1"),
        ({"regime": "batch"}, "regime is 'batch', must be one of burst, closed, mlperf-offline, "),
        ({"regime": "open"}, "arrival_requests_per_s is missing; regime open needs it"),
        ({"regime": "static"}, "concurrency is missing; regime static needs it, the batch"),
        ({"concurrency": 0}, "concurrency is 0, must be finite and at least 1"),
        ({"n_requests": 0.5}, "n_requests is 0.5, must be finite and at least 1"),
        ({"arrival_requests_per_s": -1}, "arrival_requests_per_s is -1, must be finite and at least 0"),
        ({"arrival_requests_per_s": float("inf")}, "arrival_requests_per_s is inf, must be finite"),
        ({"tpot_limit_s": 0}, "tpot_limit_s is 0, must be finite and at least 1e-06"),
        ({"prefix_cached_share": 1.2}, "prefix_cached_share is 1.2, must be finite and between 0 and 1"),
        ({"speculative_factor": 0.5}, "speculative_factor is 0.5, must be finite and between 1 and 16"),
        ({"measurements": None}, "measurements is None, must be a sequence of measurements"),
        ({"measurements": "mine.csv"}, "measurements is 'mine.csv', must be a sequence of measurements"),
        ({"measurements": [5]}, "measurements holds 5, must hold measurements, e.g. of read_benchmark_file"),
        (
            {"measurements": [measured_by_user(5.0, metric="images_per_s")]},
            "measurements holds 'mine', images_per_s of llama-3.1-8b on h100-sxm by vllm: no estimate can be held",
        ),
        ({"measurements": [measured_by_user(5.0, gpu="h100")]}, "measurements holds 'mine', whose .* is 'h100', must"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_with_its_argument(given, message):
    asked()  # what was asked before, and is remembered, changes nothing
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        asked(**given)
    assert "\n" not in str(caught.value)


def test_lengths_that_engines_were_measured_at_are_allowed_beyond_the_context_with_a_warning():
    perf = asked("llama-2-7b", "a100-80gb-sxm", input_tokens=128, output_tokens=4096)
    assert perf.output_tokens_per_s > 0
    assert perf.warnings == ("4224 tokens are beyond the context of llama-2-7b, 4096; engines were measured at that",)
    with pytest.raises(ValueError, match="is 8192, must be at most 4096, the context of llama-2-7b"):
        asked("llama-2-7b", "a100-80gb-sxm", input_tokens=4096, output_tokens=4096)


def test_whole_numbers_of_any_kind_are_taken():
    assert asked(tensor_parallel=np.int64(2), input_tokens=np.float32(1000), output_tokens=500) == (
        asked(tensor_parallel=2.0, input_tokens=1000)
    )


@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_has_an_answer(regime):
    perf = asked(regime=regime, concurrency=8, n_requests=100, arrival_requests_per_s=2.0)
    assert perf.output_tokens_per_s > 0
