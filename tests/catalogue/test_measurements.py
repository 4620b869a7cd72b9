import csv
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from simulator._paths import data_folder
from simulator.catalogue import measurements as table
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids
from simulator.catalogue.measurements import COLUMNS, check_ids, read_measurement_files
from simulator.domain.measurements import METRICS, REGIMES
from simulator.domain.plausibility import implausible, peak_flops_per_s

PATHS = sorted((data_folder("hardware") / table.FOLDER).glob("*.csv"))
ROWS = read_measurement_files(PATHS)
BY_ID = {row.id: row for row in ROWS}
# What is not in the catalogue is the business of the test of its ids.
OF_TOKENS = tuple(
    row for row in ROWS if row.metric != "images_per_s" and row.gpu in gpu_ids() and row.model in open_model_ids()
)

ROWS_OF = {
    "accelmark": 285,
    "aiconfigurator": 328,
    "diffusers": 28,
    "dstack-benchmarks": 48,
    "foundation-model-benchmarking-tool": 50,
    "gpu-benchmarks-on-llm-inference": 16,
    "inference-bench": 24,
    "inferencex": 965,
    "intel-extension-for-pytorch": 2,
    "iog-llm-inference-benchmarks": 24,
    "jetstream-pytorch": 11,
    "lambda-diffusers": 35,
    "llama-cpp": 1,
    "llamafile": 1,
    "llm-perf-bench": 31,
    "llm-price-compass": 2,
    "llmservingsim": 3,
    "lmdeploy": 18,
    "mlperf": 152,
    "mushfiqrahman-dev": 4,
    "nim": 8,
    "nm-vllm": 35,
    "rocm-vllm": 15,
    "stable-fast": 13,
    "tensorrt-llm": 1612,
    "text-generation-inference-tests": 34,
    "tpu-recipes": 5,
    "vllm-cost-meter": 39,
}


def ids_where(condition, rows=ROWS):
    return [row.id for row in rows if condition(row)]


def test_every_source_has_all_its_rows():
    assert {path.stem: len(read_measurement_files([path])) for path in PATHS} == ROWS_OF
    assert len(ROWS) == sum(ROWS_OF.values()) == 3789


def test_every_regime_and_metric_is_measured_somewhere():
    assert {row.regime for row in ROWS} == set(REGIMES)
    assert Counter(row.metric for row in ROWS) == {
        "output_tokens_per_s": 3420,
        "tpot_s": 188,
        "images_per_s": 126,
        "ttft_s": 29,
        "requests_per_s": 26,
    }
    assert set(Counter(row.metric for row in ROWS)) == set(METRICS)


def test_every_gpu_and_model_is_in_the_catalogue():
    check_ids(ROWS)


def test_ids_are_short_and_plain():
    assert max(len(row.id) for row in ROWS) <= 72
    assert ids_where(lambda row: not set(row.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")) == []


def test_undated_rows_are_unverified():
    assert ids_where(lambda row: row.as_of is None and not row.unverified) == []


def test_rows_with_clients_or_a_batch_say_how_many():
    fixed = ("closed", "static", "single")
    assert ids_where(lambda row: row.regime in fixed and row.concurrency is None) == []


def test_rows_with_arrivals_say_their_rate_and_no_other_does():
    assert ids_where(lambda row: (row.regime == "open") != (row.arrival_requests_per_s is not None)) == []


def test_images_have_no_lengths():
    assert ids_where(lambda row: row.metric == "images_per_s" and row.input_tokens is not None) == []


def test_times_stand_in_seconds():
    assert ids_where(lambda row: row.ttft_s is not None and row.ttft_s > 3600) == []
    assert ids_where(lambda row: row.mean_tpot_s is not None and not 1e-4 < row.mean_tpot_s < 2) == []


def test_a_table_per_gpu_is_multiplied_and_says_so():
    row = BY_ID["trtllm-1.1-gpt-oss-120b-b200-sxm-2x-dep-fp4-1024-1024"]
    published = float(row.note.split("published per GPU: ")[1].split(" ")[0])
    assert row.value == pytest.approx(2 * published)


def test_attention_data_parallel_layouts_spread_over_all_gpus():
    rows = [row for row in ROWS if row.data_parallel and row.data_parallel > 1]
    assert len(rows) == 129
    assert {(row.tensor_parallel, row.gpus // row.expert_parallel) for row in rows} == {(1, 1)}


def test_no_row_is_beyond_what_its_gpus_can_do():
    # Known exceptions would be listed here with their reason; there are none.
    found = {row.id: implausible(row, gpu(row.gpu), open_model(row.model)) for row in OF_TOKENS}
    assert {key: fault for key, fault in found.items() if fault} == {}


def test_no_row_computes_its_prompts_faster_than_its_gpus():
    # Stricter than `implausible`, since nothing in the table runs with cached prompts.
    def share_of_peak(row):
        model, peak = open_model(row.model), peak_flops_per_s(gpu(row.gpu), row.precision)
        if peak is None:
            return 0.0  # of a CPU the catalogue holds no peak
        body = 2 * (model.active_parameters.value - model.embedding_parameters)
        flops_per_s = body * row.total_tokens_per_s + model.embedding_parameters * row.output_tokens_per_s
        return flops_per_s / (row.gpus * peak)

    assert ids_where(lambda row: row.total_tokens_per_s is not None and share_of_peak(row) > 0.95, OF_TOKENS) == []


def test_clients_times_output_over_latency_is_the_throughput():
    # Little's law, by a route the sources with measured throughput did not take.
    def ratio(row):
        latency_s = row.ttft_s + row.tpot_s * (row.output_tokens - 1)
        return row.value * latency_s / (row.concurrency * row.output_tokens)

    timed = [row for row in ROWS if row.regime == "closed" and row.ttft_s and row.tpot_s and row.output_tokens > 1]
    assert len(timed) > 1300
    assert [row.id for row in timed if not 0.75 < ratio(row) < 1.25] == []


def test_a_row_too_fast_for_its_gpus_is_found():
    row = BY_ID["trtllm-0.12.0-llama-2-7b-h100-sxm-1x-fp16-128-2048"]
    chip, model = gpu("h100-sxm"), open_model("llama-2-7b")
    assert implausible(row, chip, model) is None
    assert "arithmetic of 1 x h100-sxm allows" in implausible(replace(row, value=1e6), chip, model)
    alone = replace(row, regime="single", concurrency=1, value=400.0)  # 13.5e9 bytes at 3.35e12 bytes/s: 249 tokens/s
    assert "reading the weights on 1 x h100-sxm takes" in implausible(alone, chip, model)
    assert implausible(replace(alone, value=240.0), chip, model) is None
    assert implausible(replace(alone, note="speculative decoding, 3 tokens"), chip, model) is None
    assert implausible(replace(row, metric="tpot_s", value=0.001), chip, model) is not None


def test_tokens_per_s_follow_from_what_was_measured():
    row = replace(BY_ID["trtllm-0.12.0-llama-2-7b-h100-sxm-1x-fp16-128-2048"], input_tokens=100.0, output_tokens=11.0)
    assert replace(row, metric="requests_per_s", value=2.0).output_tokens_per_s == 22.0
    assert replace(row, value=22.0).total_tokens_per_s == pytest.approx(222.0)
    alone = replace(row, regime="single", metric="tpot_s", value=0.05, ttft_s=0.6)
    assert alone.output_tokens_per_s == pytest.approx(11 / 1.1)
    arriving = replace(row, regime="open", metric="tpot_s", value=0.05, arrival_requests_per_s=3.0)
    assert arriving.output_tokens_per_s is None
    assert replace(row, metric="images_per_s", output_tokens=None).requests_per_s is None


def test_a_measurement_is_found_by_its_id(monkeypatch):
    monkeypatch.setattr(table, "_measurements_by_id", lambda: BY_ID)
    table.measurement.cache_clear()
    assert table.measurement(ROWS[0].id) is ROWS[0]
    with pytest.raises(UnknownId, match=f"did you mean '{ROWS[0].id}'"):
        table.measurement(ROWS[0].id + "x")
    table.measurement.cache_clear()


# --- files that are wrong

GOOD = dict.fromkeys(COLUMNS, "") | {
    "id": "p",
    "model": "llama-3.1-8b",
    "gpu": "h100-sxm",
    "gpus": "2",
    "tensor_parallel": "2",
    "pipeline_parallel": "1",
    "data_parallel": "1",
    "expert_parallel": "1",
    "precision": "fp8",
    "input_tokens": "100",
    "output_tokens": "10",
    "regime": "saturated",
    "metric": "output_tokens_per_s",
    "value": "1000",
    "engine": "vllm",
    "as_of": "2026-01-31",
    "source": "here",
}


def written(tmp_path, *rows, columns=COLUMNS, name="t"):
    path = tmp_path / "hardware" / table.FOLDER / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return path


def faults_of(*paths):
    with pytest.raises(ValueError) as fault:
        read_measurement_files(paths)
    return str(fault.value).splitlines()


def test_a_good_row_is_read_with_its_types(tmp_path):
    (row,) = read_measurement_files([written(tmp_path, GOOD)])
    assert (row.gpus, row.value, row.as_of, row.unverified) == (2, 1000.0, date(2026, 1, 31), False)
    assert (row.kv_precision, row.concurrency, row.note) == (None, None, None)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"id": ""}, ": id: is '', must be a text without blanks around it"),
        ({"engine": " vllm"}, "p: engine: is ' vllm', must be a text without blanks around it"),
        ({"gpus": "0"}, "p: gpus: is '0', must be a whole number, at least 1"),
        ({"gpus": "2.0"}, "p: gpus: is '2.0', must be a whole number, at least 1"),
        ({"tensor_parallel": "4"}, "p: gpus: is '2', must be tensor x pipeline x data parallel = 4"),
        ({"precision": "fp12"}, "p: precision: is 'fp12', must be one of bf16, fp16, fp8, int8, w8a16, int4, fp4"),
        ({"kv_precision": "fp12"}, "p: kv_precision: is 'fp12', must be one of bf16, fp16"),
        ({"input_tokens": "-1"}, "p: input_tokens: is '-1', must be at least 0 and at most 1e+12"),
        ({"output_tokens": "many"}, "p: output_tokens: is 'many', must be a number"),
        ({"concurrency": "1_0"}, "p: concurrency: is '1_0', must be a whole number, at least 1"),
        ({"arrival_requests_per_s": "inf"}, "p: arrival_requests_per_s: is 'inf', must be at least 1e-12"),
        ({"regime": "quick"}, "p: regime: is 'quick', must be one of saturated, closed, static, burst, open"),
        ({"metric": "tokens"}, "p: metric: is 'tokens', must be one of output_tokens_per_s, requests_per_s"),
        ({"value": "nan"}, "p: value: is 'nan', must be at least 1e-12"),
        ({"value": "0"}, "p: value: is '0', must be at least 1e-12"),
        ({"value": ""}, "p: value: is '', must be a number"),
        ({"as_of": "2026-02-30"}, "p: as_of: is '2026-02-30', must be a date like 2026-11-21"),
        ({"unverified": "yes"}, "p: unverified: is 'yes', must be true or empty"),
        ({"metric": "images_per_s"}, "p: output_tokens: is '10', must be empty for images"),
    ],
)
def test_a_wrong_cell_is_named_with_file_line_id_and_column(tmp_path, cells, message):
    (fault,) = faults_of(written(tmp_path, GOOD | {"id": "first", "value": "1"}, GOOD | cells))
    assert fault.startswith(f"hardware/{table.FOLDER}/t.csv:3: {message}")


def test_all_faults_are_reported_in_the_order_of_their_lines(tmp_path):
    rows = [GOOD | {"id": f"p{line}", "value": str(line), **cells} for line, cells in enumerate(WRONG, start=2)]
    faults = faults_of(written(tmp_path, *rows), written(tmp_path, GOOD | {"gpus": "x"}, name="u"))
    assert [fault.split(": ")[0].split("/")[-1] for fault in faults] == ["t.csv:2", "t.csv:2", "t.csv:4", "u.csv:2"]


WRONG = [{"gpus": "", "regime": "x"}, {}, {"as_of": "today"}]


def test_an_id_is_given_once_over_all_files(tmp_path):
    first, second = written(tmp_path, GOOD), written(tmp_path, GOOD | {"value": "2"}, name="u")
    (fault,) = faults_of(first, second)
    assert fault.endswith(f"u.csv:2: p: id: is given twice, first in hardware/{table.FOLDER}/t.csv:2")


def test_a_measurement_is_given_once(tmp_path):
    (fault,) = faults_of(written(tmp_path, GOOD, GOOD | {"id": "q"}))
    assert "t.csv:3: q: id: differs from another row in nothing but its id, first in" in fault


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([*COLUMNS, "speed"], "t.csv:1: unknown column 'speed', must be id, model, gpu"),
        (COLUMNS[:-1], "t.csv:1: column 'note' is missing"),
        ((*COLUMNS[1:], "id"), "t.csv:1: columns are in another order or repeated"),
    ],
)
def test_other_columns_are_refused(tmp_path, columns, message):
    (fault,) = faults_of(written(tmp_path, GOOD, columns=columns))
    assert message in fault


def test_a_short_row_is_refused(tmp_path):
    path = written(tmp_path, GOOD)
    path.write_text(path.read_text(encoding="utf-8") + "q,llama-3.1-8b\n", encoding="utf-8")
    assert faults_of(path) == [f"hardware/{table.FOLDER}/t.csv:3: q: has 2 cells, must have {len(COLUMNS)}"]


def test_an_empty_table_has_no_rows_and_an_empty_file_no_header(tmp_path):
    path = written(tmp_path)
    assert read_measurement_files([path]) == ()
    path.write_text("", encoding="utf-8")
    assert "t.csv:1: column 'id' is missing" in faults_of(path)[0]


def test_unknown_gpus_and_models_are_told_likely_ones(tmp_path):
    rows = read_measurement_files([written(tmp_path, GOOD | {"gpu": "h100-sxn", "model": "llama-3.1-8c"})])
    with pytest.raises(ValueError, match=r"p: gpu: is 'h100-sxn', must be one of .*did you mean 'h100-sxm'") as fault:
        check_ids(rows)
    assert "p: model: is 'llama-3.1-8c'" in str(fault.value).splitlines()[1]


def test_an_unstated_layout_is_not_checked(tmp_path):
    unstated = GOOD | dict.fromkeys(("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel"), "")
    (row,) = read_measurement_files([written(tmp_path, unstated | {"gpus": "8"})])
    assert (row.gpus, row.tensor_parallel) == (8, None)
