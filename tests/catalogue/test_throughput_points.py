import csv

import pytest

from simulator._paths import data_folder
from simulator.catalogue import throughput
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids
from simulator.catalogue.throughput import all_throughput_points, nearest_throughput_point, throughput_point
from simulator.domain.models_and_gpus import kv_bytes_per_token, weight_bytes

POINTS = all_throughput_points()
COLUMNS = [
    *("id", "model", "gpu", "gpus", "precision", "input_tokens", "output_tokens", "concurrency", "regime"),
    *("output_tokens_per_s", "engine", "engine_version", "as_of", "source", "unverified", "note"),
]


def ids_where(condition):
    return [point.id for point in POINTS if condition(point)]


@pytest.mark.parametrize("path", sorted((data_folder("hardware") / "throughput").glob("*.csv")), ids=lambda p: p.stem)
def test_every_table_has_the_columns_of_the_catalogue(path):
    with path.open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines)) == COLUMNS


def test_every_id_is_given_once():
    assert len({point.id for point in POINTS}) == len(POINTS)


def test_every_point_has_a_known_model_and_gpu_and_a_source():
    assert ids_where(lambda p: p.model not in open_model_ids() or p.gpu not in gpu_ids() or not p.source) == []


def test_undated_points_are_unverified():
    assert ids_where(lambda p: p.as_of is None and not p.unverified) == []


def test_points_with_clients_say_how_many():
    assert ids_where(lambda p: p.regime == "closed" and p.concurrency is None) == []


def test_no_point_computes_faster_than_its_gpus():
    # Every token passes two operations per active weight; the embedding is looked up, the head runs once per output.
    def is_faster(point):
        model, chip = open_model(point.model), gpu(point.gpu)
        body = 2.0 * (model.active_parameters.value - model.embedding_parameters)
        flops = body * point.total_tokens_per_s + model.embedding_parameters * point.output_tokens_per_s
        peak = chip.flops_8bit_per_s if point.precision in ("fp8", "int8") else chip.flops_16bit_per_s
        return flops > 0.95 * point.gpus * peak.value

    assert ids_where(is_faster) == []


def test_no_point_reads_the_cache_faster_than_its_gpus():
    # Each output token reads the cache of what came before it; half of 16 bit, as some engines keep it in 8.
    def is_faster(point):
        kv_read = 0.5 * kv_bytes_per_token(open_model(point.model)) * (point.input_tokens + point.output_tokens / 2)
        bandwidth = point.gpus * gpu(point.gpu).memory_bandwidth_bytes_per_s.value
        return kv_read * point.output_tokens_per_s > bandwidth

    assert ids_where(is_faster) == []


def test_no_point_reads_weights_faster_than_its_gpus():
    # A step gives each of the clients one token and reads the active weights at least once.
    def is_faster(point):
        model = open_model(point.model)
        active_share = model.active_parameters.value / model.parameters.value
        weights_read = point.output_tokens_per_s * active_share * weight_bytes(model, point.precision)
        bandwidth = point.gpus * gpu(point.gpu).memory_bandwidth_bytes_per_s.value
        return point.concurrency is not None and weights_read / point.concurrency > bandwidth

    assert ids_where(is_faster) == []


def test_the_weights_of_every_point_fit_its_gpus():
    def is_too_large(point):
        memory = point.gpus * gpu(point.gpu).memory_bytes.value
        return weight_bytes(open_model(point.model), point.precision) > memory

    assert ids_where(is_too_large) == []


def test_a_point_is_found_by_its_id():
    point = throughput_point(POINTS[0].id)
    assert point is POINTS[0]


def test_a_mistyped_point_is_told_a_likely_one():
    with pytest.raises(UnknownId, match=f"did you mean '{POINTS[0].id}'"):
        throughput_point(POINTS[0].id + "x")


def test_the_nearest_point_of_the_same_lengths_is_that_measurement():
    point = nearest_throughput_point("llama-3.1-70b", "a100-80gb-sxm", 2, "bf16", 1000, 1000)
    assert (point.model, point.gpus, point.precision) == ("llama-3.1-70b", 2, "fp16")
    assert (point.input_tokens, point.output_tokens, point.regime) == (1000, 1000, "saturated")
    assert point.as_of == max(
        p.as_of
        for p in POINTS
        if (p.model, p.gpu, p.gpus, p.input_tokens) == ("llama-3.1-70b", "a100-80gb-sxm", 2, 1000)
    )


def test_measurements_of_the_same_shape_carry_over():
    point = nearest_throughput_point("llama-3.1-8b", "a10g", 2, "bf16", 215, 43)
    assert (point.model, point.output_tokens_per_s) == ("llama-3-8b", 441.76)
    assert nearest_throughput_point("llama-3-8b", "a10g", 2, "bf16", 215, 43) is point


def test_gpus_and_precision_match_exactly_or_there_is_no_point():
    assert nearest_throughput_point("llama-3.1-8b", "a10g", 1, "bf16", 215, 43) is None
    assert nearest_throughput_point("llama-3.1-8b", "a10g", 2, "fp8", 215, 43) is None


def test_full_load_stands_before_few_clients_of_nearer_lengths():
    point = nearest_throughput_point("llama-3.1-8b", "h100-sxm", 1, "bf16", 512, 256)
    assert point.regime == "saturated"


def made(base, **changes):
    return base.model_copy(update=changes)


def test_of_equally_near_points_a_recent_vllm_then_the_newer_then_the_verified_is_taken(monkeypatch):
    base = throughput_point(nearest_throughput_point("llama-3.1-8b", "h100-sxm", 1, "fp8", 1000, 1000).id)
    trt = made(base, id="d", engine="tensorrt-llm", engine_version="1.0")
    old_vllm = made(base, id="c", engine="vllm", engine_version="0.7.3")
    new_vllm = made(base, id="z", engine="vllm", engine_version="0.10.0", unverified=True)
    same_but_verified = made(base, id="zz", engine="vllm", engine_version="0.10.0", unverified=False)
    for points, chosen in (
        ((trt, old_vllm, new_vllm), "z"),
        ((new_vllm, same_but_verified), "zz"),
        ((trt, old_vllm), "c"),
        ((made(trt, id="a", as_of=None), trt), "d"),
    ):
        for order in (points, points[::-1]):
            monkeypatch.setattr(throughput, "all_throughput_points", lambda order=order: order)
            assert nearest_throughput_point("llama-3.1-8b", "h100-sxm", 1, "fp8", 1000, 1000).id == chosen


@pytest.mark.parametrize(
    ("model", "chip", "precision", "message"),
    [
        ("llama-3.1-8", "a10g", "bf16", "did you mean 'llama-3.1-8b'"),
        ("llama-3.1-8b", "a10", "bf16", "did you mean 'a10g'"),
        ("llama-3.1-8b", "a10g", "bf61", "must be one of bf16, fp16"),
    ],
)
def test_mistyped_words_are_told_what_there_is(model, chip, precision, message):
    with pytest.raises(UnknownId, match=message):
        nearest_throughput_point(model, chip, 1, precision, 100, 100)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"output_tokens_per_s": "fast"}, "p.output_tokens_per_s: is 'fast', input should be a valid number"),
        ({"regime": "static"}, "p.regime: is 'static', input should be 'saturated', 'burst' or 'closed'"),
        ({"source": ""}, "p.source: is ''"),
        ({"unverified": "maybe"}, "p.unverified: is 'maybe'"),
    ],
)
def test_a_malformed_row_is_named_with_file_id_and_key(tmp_path, cells, message):
    row = dict.fromkeys(COLUMNS, "") | {
        "id": "p",
        "model": "m",
        "gpu": "g",
        "gpus": "1",
        "precision": "fp16",
        "input_tokens": "1",
        "output_tokens": "1",
        "regime": "saturated",
        "output_tokens_per_s": "1",
        "engine": "vllm",
        "source": "here",
    }
    path = tmp_path / "hardware" / "throughput" / "t.csv"
    path.parent.mkdir(parents=True)
    path.write_text(",".join(COLUMNS) + "\n" + ",".join((row | cells).values()) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"^hardware/throughput/t.csv: {message}"):
        throughput._points_of(path)
