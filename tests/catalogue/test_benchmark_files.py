import json
from datetime import date

import pytest

from simulator.catalogue.benchmark_files import read_benchmark_file

SETUP = {"model": "llama-3.1-8b", "gpu": "h100-sxm", "gpus": 1, "precision": "bf16"}

VLLM = {
    "date": "20260610-101500",
    "endpoint_type": "vllm",
    "backend": "vllm",
    "label": None,
    "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "tokenizer_id": "meta-llama/Llama-3.1-8B-Instruct",
    "num_prompts": 200,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": None,
    "duration": 10.0,
    "completed": 200,
    "failed": 0,
    "total_input_tokens": 204_800,
    "total_output_tokens": 25_600,
    "request_throughput": 20.0,
    "request_goodput": None,
    "output_throughput": 2560.0,
    "total_token_throughput": 23_040.0,
    "mean_ttft_ms": 350.0,
    "mean_tpot_ms": 12.5,
    "mean_itl_ms": 12.4,
}

GENAI_PERF = {
    "request_throughput": {"unit": "requests/sec", "avg": 4.0},
    "request_latency": {"unit": "ms", "avg": 2000.0, "p99": 2500.0},
    "request_count": {"unit": "count", "avg": 100.0},
    "time_to_first_token": {"unit": "ms", "avg": 40.0},
    "inter_token_latency": {"unit": "ms", "avg": 8.0},
    "output_token_throughput": {"unit": "tokens/sec", "avg": 800.0},
    "output_sequence_length": {"unit": "tokens", "avg": 200.0},
    "input_sequence_length": {"unit": "tokens", "avg": 550.0},
    "input_config": {"model_names": ["m"], "perf_analyzer": {"stimulus": {"concurrency": 8}}},
}

GENAI_PERF_CSV = """\
Metric,avg,min,max,p99,p95,p90,p75,p50,p25,p10,p5,p1
Time To First Token (ms),40.00,30.00,60.00,60.00,60.00,60.00,45.00,40.00,35.00,31.00,30.00,30.00
Request Latency (ms),"2,000.00",1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00
Inter Token Latency (ms),8.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00
Output Sequence Length (tokens),200.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00
Input Sequence Length (tokens),550.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00,1.00

Metric,Value
Output Token Throughput (tokens/sec),"1,800.00"
Request Throughput (per sec),9.00
Request Count (count),100.00
"""


def guidellm_benchmark(strategy, **changes):
    means = {
        "requests_per_second": 5.0,
        "request_concurrency": 15.6,
        "prompt_token_count": 512.0,
        "output_token_count": 256.0,
        "output_tokens_per_second": 1280.0,
        "time_to_first_token_ms": 60.0,
        "inter_token_latency_ms": 11.0,
        **changes,
    }
    metrics = {name: {"successful": {"mean": mean}, "errored": {"mean": 0.0}} for name, mean in means.items()}
    metrics["request_totals"] = {"successful": 300, "incomplete": 0, "errored": 0, "total": 300}
    return {
        "config": {"strategy": strategy},
        "metrics": metrics,
        "requests": {"successful": [{"request_id": "a"}]},
        "start_time": 1_780_000_000.0,
    }


GUIDELLM = {
    "metadata": {"version": 1, "guidellm_version": "0.8.1"},
    "args": {},
    "benchmarks": [
        guidellm_benchmark({"type_": "synchronous"}),
        guidellm_benchmark({"type_": "concurrent", "streams": 16}),
        guidellm_benchmark({"type_": "throughput", "max_concurrency": None}),
        guidellm_benchmark({"type_": "constant", "rate": 5.5, "max_concurrency": None}),
    ],
}

GUIDELLM_CSV = """\
Run Info,Benchmark,Request Counts,Time to First Token,Inter Token Latency,Server Throughput,Server Throughput,\
Token Metrics,Token Metrics,Token Throughput
Run ID,Strategy,Successful,Successful ms,Successful ms,Successful Requests/Sec,Successful Concurrency,\
Successful Input Tokens,Successful Output Tokens,Successful Output Tokens/Sec
,,,Mean,Mean,Mean,Mean,Mean,Mean,Mean
r1,{strategy},300,60.0,11.0,5.0,15.6,512.0,256.0,1280.0
"""


def written(tmp_path, content, name="result.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(tmp_path, content, name="result.json", **setup):
    return read_benchmark_file(written(tmp_path, content, name), **(SETUP | setup))


def faults_of(tmp_path, content, name="result.json"):
    with pytest.raises(ValueError) as fault:
        read(tmp_path, content, name)
    return str(fault.value).splitlines()


# --- vLLM


def test_vllm_with_all_requests_at_once_is_full_load(tmp_path):
    (row,) = read(tmp_path, VLLM)
    assert (row.regime, row.metric, row.value, row.output_tokens_per_s) == (
        "saturated",
        "output_tokens_per_s",
        2560.0,
        2560.0,
    )
    assert (row.input_tokens, row.output_tokens, row.n_requests) == (1024.0, 128.0, 200)
    assert (row.ttft_s, row.tpot_s) == pytest.approx((0.350, 0.0125))
    assert (row.concurrency, row.arrival_requests_per_s, row.as_of) == (None, None, date(2026, 6, 10))
    assert (row.source, row.id, row.unverified) == ("your benchmark result.json", "result", False)
    assert (row.model, row.gpu, row.gpus, row.tensor_parallel) == ("llama-3.1-8b", "h100-sxm", 1, 1)


def test_vllm_with_a_rate_is_open_and_with_clients_closed(tmp_path):
    (arriving,) = read(tmp_path, VLLM | {"request_rate": 8.0, "max_concurrency": 64})
    assert (arriving.regime, arriving.arrival_requests_per_s, arriving.concurrency) == ("open", 8.0, 64)
    (clients,) = read(tmp_path, VLLM | {"max_concurrency": 64})
    assert (clients.regime, clients.arrival_requests_per_s, clients.concurrency) == ("closed", None, 64)


def test_vllm_says_what_failed_and_whether_it_guessed_ahead(tmp_path):
    (row,) = read(tmp_path, VLLM | {"failed": 3, "spec_decode_acceptance_rate": 71.0})
    assert row.note == "3 requests failed; speculative decoding"


@pytest.mark.parametrize("join", ["\n", ""])
def test_vllm_appends_its_results_to_one_file(tmp_path, join):
    rows = read(tmp_path, join.join(json.dumps(VLLM | {"max_concurrency": clients}) for clients in (4, 8)))
    assert [(row.id, row.concurrency) for row in rows] == [("result-1", 4), ("result-2", 8)]


def test_the_summaries_of_a_vllm_sweep_are_read(tmp_path):
    runs = [VLLM | {"run_number": run, "max_concurrency": 16} for run in (0, 1)]
    from_json = read(tmp_path, runs, "summary.json")
    lines = [
        ["", *map(str, runs[0])],
        *([str(at), *("" if v is None else str(v) for v in run.values())] for at, run in enumerate(runs)),
    ]
    from_csv = read(tmp_path, "\n".join(",".join(line) for line in lines), "summary.csv")
    assert [row.value for row in from_json] == [row.value for row in from_csv] == [2560.0, 2560.0]
    assert {(row.regime, row.concurrency, row.as_of) for row in from_csv} == {("closed", 16, date(2026, 6, 10))}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"output_throughput": "fast"}, "output_throughput: is 'fast', must be a number"),
        ({"output_throughput": True}, "output_throughput: is True, must be a number"),
        ({"output_throughput": 0.0}, "output_throughput: is 0.0, must be a finite number above 0"),
        ({"output_throughput": float("nan")}, "output_throughput: is nan, must be a finite number above 0"),
        ({"total_output_tokens": 0}, "total_output_tokens: is 0, must be a finite number above 0"),
        ({"total_input_tokens": -5}, "total_input_tokens: is -5, must be a finite number, at least 0"),
        ({"total_input_tokens": None}, "total_input_tokens: is missing"),
        ({"request_rate": -1}, "request_rate: is -1, must be a finite number above 0"),
        ({"max_concurrency": 0}, "max_concurrency: is 0, must be a finite number, at least 1"),
        ({"completed": 0}, "completed: is 0, must be a finite number, at least 1"),
    ],
)
def test_a_wrong_figure_is_named_with_file_and_key(tmp_path, changes, fault):
    assert faults_of(tmp_path, VLLM | changes) == [f"result.json: {fault}"]


def test_all_faults_of_a_file_are_reported(tmp_path):
    wrong = [VLLM | {"output_throughput": None}, VLLM, VLLM | {"mean_ttft_ms": "x", "mean_tpot_ms": "y"}]
    assert faults_of(tmp_path, wrong) == [
        "result.json: run 1: output_throughput: is missing",
        "result.json: run 3: mean_ttft_ms: is 'x', must be a number",
        "result.json: run 3: mean_tpot_ms: is 'y', must be a number",
    ]


def test_vllm_bench_throughput_is_told_apart(tmp_path):
    content = {"elapsed_time": 1.0, "num_requests": 1, "total_num_tokens": 9, "tokens_per_second": 9.0}
    (fault,) = faults_of(tmp_path, content)
    assert "is of vllm bench throughput, which does not tell input from output tokens" in fault


# --- GenAI-Perf


def test_genai_perf_json_is_read(tmp_path):
    (row,) = read(tmp_path, GENAI_PERF)
    assert (row.regime, row.concurrency, row.value, row.n_requests) == ("closed", 8, 800.0, 100)
    assert (row.input_tokens, row.output_tokens) == (550.0, 200.0)
    assert (row.ttft_s, row.tpot_s) == pytest.approx((0.040, 0.008))
    assert row.note is None


def test_genai_perf_before_0_0_12_gave_its_load_elsewhere(tmp_path):
    (row,) = read(tmp_path, GENAI_PERF | {"input_config": {"concurrency": None, "request_rate": 2.5}})
    assert (row.regime, row.arrival_requests_per_s) == ("open", 2.5)


def test_genai_perf_csv_does_not_say_its_load(tmp_path):
    (row,) = read(tmp_path, GENAI_PERF_CSV, "profile_export_genai_perf.csv")
    assert (row.value, row.input_tokens, row.output_tokens, row.n_requests) == (1800.0, 550.0, 200.0, 100)
    assert (row.regime, row.concurrency) == ("closed", 18)  # 9 requests/s of 2 s each
    assert (row.unverified, row.note) == (True, "clients not stated, taken as requests/s x latency")


def test_genai_perf_without_lengths_is_refused(tmp_path):
    text = "\n".join(line for line in GENAI_PERF_CSV.splitlines() if "Sequence" not in line)
    faults = faults_of(tmp_path, text, "p.csv")
    assert faults[0] == "p.csv: Input Sequence Length (tokens): is missing"
    assert faults[1] == "p.csv: Output Sequence Length (tokens): is missing"


# --- GuideLLM


def test_guidellm_json_has_one_run_for_each_strategy(tmp_path):
    rows = read(tmp_path, GUIDELLM, "benchmarks.json")
    loads = [(row.regime, row.concurrency, row.arrival_requests_per_s) for row in rows]
    assert loads == [("closed", 1, None), ("closed", 16, None), ("saturated", None, None), ("open", None, 5.5)]
    assert {(row.value, row.input_tokens, row.output_tokens, row.n_requests) for row in rows} == {
        (1280.0, 512.0, 256.0, 300)
    }
    assert (rows[0].ttft_s, rows[0].tpot_s) == pytest.approx((0.060, 0.011))
    assert {row.as_of for row in rows} == {date(2026, 5, 28)}
    assert [row.id for row in rows] == [f"benchmarks-{number}" for number in (1, 2, 3, 4)]


def test_guidellm_before_0_4_kept_its_strategy_in_the_arguments(tmp_path):
    benchmark = guidellm_benchmark({})
    benchmark["args"] = {"strategy": {"type_": "concurrent", "streams": 4}}
    (row,) = read(tmp_path, {"benchmarks": [benchmark]})
    assert (row.regime, row.concurrency) == ("closed", 4)


@pytest.mark.parametrize(
    ("strategy", "load"),
    [
        ("concurrent@16", ("closed", 16, None, False)),
        ("constant@5.50", ("open", None, 5.5, False)),
        ("throughput@unlimited", ("saturated", None, None, False)),
        ("concurrent", ("closed", 16, None, True)),  # 15.6 requests ran on average
        ("poisson", ("open", None, 5.0, True)),
    ],
)
def test_guidellm_csv_has_headings_in_three_lines(tmp_path, strategy, load):
    (row,) = read(tmp_path, GUIDELLM_CSV.format(strategy=strategy), "benchmarks.csv")
    assert (row.regime, row.concurrency, row.arrival_requests_per_s, row.unverified) == load
    assert (row.value, row.input_tokens, row.output_tokens, row.n_requests) == (1280.0, 512.0, 256.0, 300)
    assert (row.ttft_s, row.tpot_s) == pytest.approx((0.060, 0.011))


def test_guidellm_csv_once_had_one_line_of_headings(tmp_path):
    columns = {
        "Type": "generative_benchmark",
        "Name": "concurrent@8",
        "Successful Requests": "50",
        "Successful Prompt token count mean": "512",
        "Successful Output token count mean": "256",
        "Successful Output tokens per second mean": "900",
        "Successful Time to first token ms mean": "60",
        "Successful Inter token latency ms mean": "11",
    }
    (row,) = read(tmp_path, ",".join(columns) + "\n" + ",".join(columns.values()) + "\n", "benchmarks.csv")
    assert (row.concurrency, row.value, row.tpot_s, row.n_requests) == (8, 900.0, 0.011, 50)


def test_a_fault_of_guidellm_names_the_benchmark(tmp_path):
    content = {"benchmarks": [guidellm_benchmark({"type_": "synchronous"}, output_tokens_per_second=0.0)]}
    assert faults_of(tmp_path, content, "b.json") == [
        "b.json: benchmarks[0]: metrics.output_tokens_per_second.successful.mean: "
        "is 0.0, must be a finite number above 0"
    ]
    assert faults_of(tmp_path, {"benchmarks": []}, "b.json") == ["b.json: holds no run"]


# --- plain CSV


def test_a_plain_csv_needs_three_columns(tmp_path):
    rows = read(tmp_path, "input_tokens,output_tokens,output_tokens_per_s\n500, 100, 2000\n500,100,2100\n", "own.csv")
    assert [(row.id, row.regime, row.value) for row in rows] == [
        ("own-1", "saturated", 2000.0),
        ("own-2", "saturated", 2100.0),
    ]


def test_a_plain_csv_may_say_more(tmp_path):
    text = (
        "input_tokens,output_tokens,output_tokens_per_s,concurrency,request_rate,n_requests,ttft_s,tpot_s\n"
        "500,100,2000,32,,640,0.2,0.015\n"
        "500,100,400,,4,640,0.1,0.009\n"
        "500,100,2500,,inf,640,,\n"
    )
    rows = read(tmp_path, text, "own.csv")
    assert [row.regime for row in rows] == ["closed", "open", "saturated"]
    assert (rows[0].concurrency, rows[0].ttft_s, rows[0].n_requests) == (32, 0.2, 640)
    assert (rows[1].arrival_requests_per_s, rows[2].tpot_s) == (4.0, None)


def test_a_wrong_cell_is_named_with_line_and_column(tmp_path):
    text = "input_tokens,output_tokens,output_tokens_per_s\n500,100,2000\n500,x,0\n"
    assert faults_of(tmp_path, text, "own.csv") == [
        "own.csv:3: output_tokens: is 'x', must be a number",
        "own.csv:3: output_tokens_per_s: is '0', must be a finite number above 0",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "own.csv: is empty"),
        (" \n\n", "own.csv: is empty"),
        ("input_tokens,output_tokens,output_tokens_per_s\n", "own.csv: holds no run"),
        ("input_tokens,output_tokens\n1,2\n", "own.csv:1: output_tokens_per_s: column is missing"),
        (
            "input_tokens,output_tokens,output_tokens_per_s,speed\n1,2,3,4\n",
            "own.csv:1: speed: unknown column, must be",
        ),
        ("input_tokens,output_tokens,output_tokens_per_s\n1,2\n", "own.csv:2: has 2 cells, must have 3"),
        ("input_tokens,output_tokens,output_tokens_per_s,ttft_s,ttft_s\n1,2,3,4,5\n", "ttft_s: column is repeated"),
        ('{"model_id": "x"', "own.csv:1: is no JSON"),
        ("[" * 200_000 + "]" * 200_000, "own.csv: is no result of a benchmark: lists in lists without end"),
        ('{"model_id": "x"}', "own.csv: keys are model_id, must be a result of vllm bench serve, genai-perf or"),
        ("[1]", "own.csv: must be a mapping, is '1'"),
        ("[]", "own.csv: holds no run"),
    ],
)
def test_a_file_of_no_known_format_is_refused(tmp_path, text, fault):
    assert fault in faults_of(tmp_path, text, "own.csv")[0]


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "own.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"own\.csv: is no text in UTF-8"):
        read_benchmark_file(path, **SETUP)


def test_the_layout_has_to_use_all_gpus(tmp_path):
    (row,) = read(tmp_path, VLLM, gpus=8, data_parallel=2)
    assert (row.tensor_parallel, row.data_parallel) == (4, 2)
    with pytest.raises(ValueError, match="gpus is 8, must be tensor x pipeline x data parallel = 2 x 1 x 1"):
        read(tmp_path, VLLM, gpus=8, tensor_parallel=2)
    with pytest.raises(ValueError, match="gpus is 0"):
        read(tmp_path, VLLM, gpus=0)
