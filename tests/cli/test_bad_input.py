"""Whatever is wrong with what a user gives: a line with file, line and key for each fault, and nothing written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FILE = "broken.yaml"
SOUND = """\
title: Sound until something is changed
horizon:
  start: 2026-12-01
  days: 14
traffic:
  requests_per_day: 50_000
workload:
  request:
    input_tokens: 500
    output_tokens: 500
options:
  api:
    kind: api
    model: claude-haiku-4-5
  fleet:
    kind: self_hosted
    model: llama-3.1-8b
    gpu: h100-sxm
    rental:
      provider: lambda
comparison:
  baseline: api
  challengers: [fleet]
"""
TITLE = "title: Sound until something is changed"
START = "  start: 2026-12-01"
DAYS = "  days: 14"
VOLUME = "  requests_per_day: 50_000"
REQUEST = "  request:\n    input_tokens: 500\n    output_tokens: 500"
INPUT = "    input_tokens: 500"
OUTPUT = "    output_tokens: 500"
API_MODEL = "    model: claude-haiku-4-5"
MODEL = "    model: llama-3.1-8b"
GPU = "    gpu: h100-sxm"
RENTAL = "    rental:\n      provider: lambda"
PROVIDER = "      provider: lambda"
BASELINE = "  baseline: api"
CHALLENGERS = "  challengers: [fleet]"

DAY_OF_ZEROS = [0] * 24
WEEK_WITHOUT_A_DAY = [1] * 6


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def line_of(text, line):
    assert f"\n{text}".count(f"\n{line}\n") == 1, f"{line!r} must be one line"
    return text.splitlines().index(line) + 1


def broken(name, old, new, key, message, at=None):
    """A sound scenario with one part changed, and the fault expected: at the last line put in, or else `at` a line."""
    assert SOUND.count(f"{old}\n") == 1, f"{old!r} must stand once in the sound scenario"
    text = SOUND.replace(f"{old}\n", f"{new}\n" if new else "")
    return pytest.param(text, line_of(text, at or new.splitlines()[-1]), key, message, id=name)


def added(name, below, line, key, message, at=None):
    return broken(name, below, f"{below}\n{line}", key, message, at)


def traffic(name, line, key, message):
    return added(name, VOLUME, f"  {line}", f"traffic.{key}", message)


def fleet(name, line, key, message, at=None):
    return added(name, MODEL, f"    {line}", f"options.fleet.{key}", message, at)


def rental(name, lines, key, message, at=None):
    return broken(name, PROVIDER, f"      {lines}", f"options.fleet.rental.{key}".rstrip("."), message, at)


def request_of(name, content, key, message):
    return broken(name, REQUEST, f"  request: {{{content}}}", f"workload.request.{key}", message)


def prompt(name, length, key, message):
    """A prompt's length as it is written, and the fault below `input_tokens`."""
    return request_of(name, f"input_tokens: {length}, output_tokens: 500", f"input_tokens.{key}".rstrip("."), message)


def asked(name, content, key, message):
    return request_of(name, f"input_tokens: 500, output_tokens: 500, {content}", key, message)


def api(name, lines, key, message, at=None):
    return added(name, API_MODEL, f"    {lines}", f"options.api.{key}", message, at)


def terms(name, content, key, message):
    return api(name, f"terms: {{{content}}}", f"terms.{key}", message)


def listed_terms(name, term, entries, key, message, at):
    """Terms with a list, one entry a line; the fault lies in the line `at`."""
    lines = [f"      {term}", *(f"      {entry}" for entry in entries)]
    return api(name, "\n".join(["terms:", *lines]), f"terms.{key}", message, f"      {entries[at]}")


def option(name, content, key, message, at=None):
    """Another option, `other`, beside the two."""
    return added(name, "options:", f"  other: {{{content}}}", f"options.other.{key}", message, at)


def routes(name, lines, key, message, at=None):
    """Routes of an option, of which `cheap` is one more API."""
    head = ["  cheap: {kind: api, model: gpt-4o-mini}", "  other:", "    kind: routed", "    routes:"]
    text = "\n".join([*head, *(f"      {line}" for line in lines)])
    at = None if at is None else f"      {lines[at]}"
    return added(name, "options:", text, f"options.other.routes.{key}", message, at)


def endpoint(name, content, key, message):
    return option(name, f"kind: dedicated_endpoint, throughput: {{requests_per_s: 5}}, {content}", key, message)


TYPES = [
    broken(
        "text-for-a-number",
        VOLUME,
        "  requests_per_day: many",
        "traffic.requests_per_day",
        "is 'many', must be a number",
    ),
    broken(
        "a-quoted-number", VOLUME, "  requests_per_day: '5'", "traffic.requests_per_day", "is '5', must be a number"
    ),
    broken(
        "true-for-a-number", VOLUME, "  requests_per_day: true", "traffic.requests_per_day", "is true, must be a number"
    ),
    broken("a-list-for-a-number", VOLUME, "  requests_per_day: [5]", "traffic.requests_per_day", "is a list, must be"),
    traffic("a-percentage", "growth_per_month: 5%", "growth_per_month", "is '5%', must be a number"),
    broken("a-number-for-text", TITLE, "title: 5", "title", "is 5, must be text"),
    broken("an-empty-title", TITLE, "title: ''", "title", "is empty, must be text"),
    broken("a-long-title", TITLE, f"title: {'x' * 201}", "title", "must have at most 200 characters"),
    broken("a-number-for-a-mapping", RENTAL, "    rental: 5", "options.fleet.rental", "must be a mapping, is 5"),
    broken(
        "nothing-for-a-mapping", RENTAL, "    rental:", "options.fleet.rental", "is missing; GPUs are rented, or owned"
    ),
    broken("a-number-for-a-class", REQUEST, "  request: 5", "workload.request", "must be a mapping, is 5"),
    broken(
        "text-for-a-list", CHALLENGERS, "  challengers: fleet", "comparison.challengers", "must be a list, is 'fleet'"
    ),
    broken(
        "a-number-in-a-list-of-names",
        CHALLENGERS,
        "  challengers: [6]",
        "comparison.challengers[0]",
        "is 6, must be text",
    ),
    fleet("text-for-a-policy", "autoscaling: fixed", "autoscaling", "must be a mapping, is 'fixed'"),
    fleet("half-a-gpu", "gpus_per_replica: 1.5", "gpus_per_replica", "is 1.5, must be a whole number"),
    fleet("no-for-false", "replicas: {divisible: no}", "replicas.divisible", "is 'no', must be true or false"),
    added("a-seed-as-1e3", TITLE, "seed: 1e3", "seed", "must be a whole number, written 1000"),
    added("a-negative-seed", TITLE, "seed: -1", "seed", "is -1, must be at least 0"),
]

KEYS = [
    fleet("a-misspelled-key", "max_wait: 5", "max_wait", "unknown key; did you mean 'max_wait_s'?"),
    added("a-misspelled-section", TITLE, "sede: 5", "sede", "unknown key; did you mean 'seed'?"),
    added("a-key-like-no-other", TITLE, "quux: 5", "quux", "unknown key; allowed are title, horizon, seed"),
    fleet("a-misspelled-limit", "replicas: {mininum: 2}", "replicas.mininum", "unknown key; did you mean 'minimum'?"),
    added("a-repeated-section", TITLE, "title: Again", "title", "repeated key, first given in line 1"),
    added("a-repeated-key", API_MODEL, "    model: other", "options.api.model", "repeated key, first given in line 14"),
    broken("no-traffic", f"traffic:\n{VOLUME}", "", "traffic", "is missing", at=TITLE),
    broken("no-answers", OUTPUT, "", "workload.request.output_tokens", "is missing", at="  request:"),
    broken("no-rental", RENTAL, "", "options.fleet.rental", "is missing", at="  fleet:"),
    broken(
        "no-kind",
        "    kind: api",
        "",
        "options.api.kind",
        "is missing, must be one of api, provisioned, routed, self_hosted, dedicated_endpoint",
        at="  api:",
    ),
]

UNKNOWN_NAMES = [
    broken(
        "unknown-gpu", GPU, "    gpu: h100-smx", "options.fleet.gpu", "is 'h100-smx', must be one of a10, a100-40gb-sxm"
    ),
    broken(
        "unknown-model",
        MODEL,
        "    model: llama-8",
        "options.fleet.model",
        "is 'llama-8', must be one of codellama-34b, ",
    ),
    rental("unknown-provider", "provider: lamda", "provider", "did you mean 'lambda'?"),
    rental("unknown-contract", "provider: lambda\n      contract: daily", "contract", "must be one of on_demand, spot"),
    rental(
        "unknown-region", "provider: lambda\n      region: mars", "", "in region 'mars'; it rents", at="    rental:"
    ),
    rental("unknown-machine", "provider: lambda\n      sku: big", "", "named 'big'; it rents", at="    rental:"),
    broken(
        "unknown-api-model",
        API_MODEL,
        "    model: claude-haiku-45",
        "options.api.model",
        "did you mean 'claude-haiku-4-5'",
    ),
    broken("nameless-api-model", API_MODEL, "    model: a-model", "options.api.model", "must be given with a provider"),
    added(
        "unknown-api-provider", API_MODEL, "    provider: antropic", "options.api.provider", "did you mean 'anthropic'"
    ),
    broken("not-sold-by-the-token", API_MODEL, "    model: whisper-1", "options.api.model", "has no price per token"),
    fleet("unknown-precision", "precision: fp7", "precision", "is 'fp7', must be one of bf16, fp16, fp8"),
    fleet(
        "unknown-policy", "autoscaling: {kind: target-utilization}", "autoscaling.kind", "must be one of fixed, target_"
    ),
    broken(
        "unknown-kind",
        "    kind: api",
        "    kind: buy",
        "options.api.kind",
        "is 'buy', must be one of api, provisioned, routed, self_hosted, dedicated_endpoint",
    ),
    fleet("unknown-billing", "billing_from: start", "billing_from", "is 'start', must be one of request, ready"),
    fleet("unknown-measurement", "throughput: {measured: mine}", "throughput.measured", "is 'mine', must be one of"),
]

HARDWARE = [
    broken(
        "a-model-too-large-for-the-memory",
        MODEL,
        "    model: llama-3.3-70b",
        "options.fleet.gpus_per_replica",
        "is 1, but llama-3.3-70b in bf16 lacks ",
        at="  fleet:",
    ),
    fleet(
        "no-machine-of-so-many-gpus", "gpus_per_replica: 16", "rental", "no 'on_demand' offer of 16 x", at="    rental:"
    ),
    fleet("no-gpu", "gpus_per_replica: 0", "gpus_per_replica", "is 0, must be at least 1"),
    broken(
        "a-model-too-large-whatever-its-throughput",
        MODEL,
        "    model: llama-3.3-70b\n    throughput: {requests_per_s: 5}",
        "options.fleet.gpus_per_replica",
        " GB on 1 x h100-sxm; would fit: fp8, int8, w8a16, int4, fp4, or 2 GPUs",
        at="  fleet:",
    ),
    broken(
        "a-gpu-without-figures",
        f"{GPU}\n{RENTAL}",
        "    rental: {usd_per_gpu_hour: 1}\n    gpu: graviton3-16c",
        "options.fleet.gpu",
        "is 'graviton3-16c', whose peaks are not in the catalogue",
    ),
    broken(
        "a-model-without-shape", MODEL, "    model: sdxl", "options.fleet.model", "is 'sdxl', whose shape is not in the"
    ),
    broken(
        "a-precision-the-gpu-lacks",
        f"{GPU}\n{RENTAL}",
        "    gpu: a100-80gb-sxm\n    rental: {usd_per_gpu_hour: 1}\n    precision: fp7",
        "options.fleet.precision",
        "is 'fp7', must be one of bf16, fp16, fp8, int8, w8a16, int4, fp4",
    ),
    broken(
        "fp8-on-a-gpu-without",
        f"{GPU}\n{RENTAL}",
        "    gpu: t4\n    rental: {usd_per_gpu_hour: 1}\n    precision: fp8",
        "options.fleet.precision",
        "is 'fp8', which t4 lacks; it has fp16, int8, w8a16, int4",
    ),
    fleet("int4-of-the-cache", "kv_precision: int4", "kv_precision", "is 'int4', must be one of bf16, fp16, fp8, int8"),
    fleet("unknown-engine", "engine: vlm", "engine", "sglang, tensorrt-llm, tgi, vllm, vllm-rocm, vllm-tpu; did you"),
    fleet("a-version-as-number", "engine_version: 0.19", "engine_version", "is 0.19, must be text"),
    fleet(
        "a-speculative-factor-below-1", "speculative_factor: 0.5", "speculative_factor", "is 0.5, must be at least 1"
    ),
    fleet("more-than-all-cached", "prefix_cached_share: 1.5", "prefix_cached_share", "is 1.5, must be at most 1"),
    fleet(
        "measured-on-other-gpus",
        "throughput: {measured: trtllm-0.17.0-llama-3.1-8b-l40s-1x-fp8-128-128}",
        "throughput.measured",
        "measured on 1 x l40s, must be measured on the replica's GPUs, 1 x h100-sxm",
    ),
    broken(
        "requests-without-output",
        OUTPUT,
        "    output_tokens: 0",
        "options.fleet.throughput",
        "without output",
        at="  fleet:",
    ),
]

LAYOUTS = [
    fleet(
        "heads-that-do-not-divide",
        "tensor_parallel: 3",
        "tensor_parallel",
        "is 3, must divide the 32 attention heads of llama-3.1-8b",
    ),
    fleet(
        "gpus-that-heads-do-not-divide-by",
        "gpus_per_replica: 6",
        "gpus_per_replica",
        "tensor_parallel is 6, must divide the 32 attention heads of llama-3.1-8b",
    ),
    broken(
        "more-stages-than-layers",
        RENTAL,
        "    rental: {usd_per_gpu_hour: 1}\n    pipeline_parallel: 64",
        "options.fleet.pipeline_parallel",
        "is 64, must be at most the 32 layers of llama-3.1-8b",
    ),
    fleet(
        "experts-of-a-dense-model",
        "tensor_parallel: 2\n    expert_parallel: 2",
        "expert_parallel",
        "is 2, must be 1: llama-3.1-8b is not a mixture of experts",
    ),
    broken(
        "experts-that-do-not-divide",
        MODEL,
        "    model: mixtral-8x7b\n    gpus_per_replica: 4\n    expert_parallel: 3",
        "options.fleet.expert_parallel",
        "is 3, must divide the 8 experts of mixtral-8x7b",
    ),
    broken(
        "experts-on-more-gpus-than-there-are",
        MODEL,
        "    model: mixtral-8x7b\n    gpus_per_replica: 4\n    expert_parallel: 8",
        "options.fleet.expert_parallel",
        "is 8, must divide tensor_parallel x data_parallel, 4",
    ),
    fleet(
        "gpus-that-contradict-the-layout",
        "tensor_parallel: 2\n    gpus_per_replica: 4",
        "gpus_per_replica",
        "is 4, must be tensor_parallel x pipeline_parallel x data_parallel",
    ),
    fleet("no-tensor-parallelism", "tensor_parallel: 0", "tensor_parallel", "is 0, must be at least 1"),
    fleet("unknown-parallelism", "parallelism: best", "parallelism", "is 'best', must be one of given, auto"),
    fleet(
        "gpus-given-and-to-be-found",
        "parallelism: auto\n    gpus_per_replica: 2",
        "gpus_per_replica",
        "is 2, must not be given with parallelism auto",
    ),
    fleet(
        "tensor-parallelism-given-and-to-be-found",
        "parallelism: auto\n    tensor_parallel: 2",
        "tensor_parallel",
        "is 2, must not be given with parallelism auto",
    ),
    fleet(
        "gpus-to-be-found-for-a-given-throughput",
        "throughput: {requests_per_s: 5}\n    parallelism: auto",
        "parallelism",
        "is 'auto', must be given where the throughput is",
    ),
    fleet(
        "gpus-to-be-found-for-measurements",
        "throughput: {measurements: mine.csv}\n    parallelism: auto",
        "parallelism",
        "is 'auto', must be given where measurements are",
    ),
    fleet("unknown-engine-on-any-gpus", "parallelism: auto\n    engine: vlm", "engine", "is 'vlm', must be one of"),
    broken(
        "unknown-provider-of-any-gpus",
        PROVIDER,
        "      provider: lamda\n    parallelism: auto",
        "options.fleet.rental.provider",
        "did you mean 'lambda'?",
        at="      provider: lamda",
    ),
    broken(
        "too-large-for-any-number-of-gpus",
        MODEL,
        "    model: deepseek-v3\n    parallelism: auto",
        "options.fleet.parallelism",
        "is 'auto', but nothing will do: 1 GPU: deepseek-v3 in fp8 lacks ",
    ),
    fleet(
        "too-slow-on-any-number-of-gpus",
        "latency: {tpot_s: 1e-4}\n    parallelism: auto",
        "parallelism",
        "; 8 GPUs: latency.tpot_s is 0.0001, but not even one request at a time",
    ),
    fleet(
        "stages-that-no-number-of-gpus-has",
        "pipeline_parallel: 3\n    parallelism: auto",
        "parallelism",
        "is 'auto', but nothing will do: no layout on 1, 2, 4, 8 GPUs",
    ),
]

PRICES = [
    rental("a-negative-rent", "usd_per_gpu_hour: -2", "usd_per_gpu_hour", "is -2, must be at least 0 [USD/h]"),
    rental(
        "no-rent", "contract: spot", "provider", "is missing; a rental names a provider, or gives", at="    rental:"
    ),
    rental(
        "two-rents",
        "usd_per_gpu_hour: 2\n      usd_per_instance_hour: 3",
        "usd_per_instance_hour",
        "not be given together",
    ),
    rental(
        "a-region-of-nobody", "usd_per_gpu_hour: 2\n      region: x", "region", "must be given with a provider only"
    ),
    rental(
        "machines-given-twice", "provider: lambda\n      gpus_per_instance: 8", "gpus_per_instance", "with a provider"
    ),
    broken(
        "a-machine-too-small",
        RENTAL,
        "    gpus_per_replica: 8\n    rental: {usd_per_gpu_hour: 2, gpus_per_instance: 4}",
        "options.fleet.rental.gpus_per_instance",
        "is 4, must be at least gpus_per_replica 8",
    ),
    broken(
        "an-api-without-prices", API_MODEL, "", "options.api.model", "is missing; an option of kind api", at="  api:"
    ),
    broken(
        "an-api-with-half-its-prices",
        API_MODEL,
        "    prices: {input_usd_per_mtok: 3}",
        "options.api.prices.output_usd_per_mtok",
        "is missing",
    ),
    added(
        "a-negative-price",
        API_MODEL,
        "    prices: {input_usd_per_mtok: -1}",
        "options.api.prices.input_usd_per_mtok",
        "is -1, must be at least 0",
    ),
    added(
        "a-price-from-after-the-horizon",
        API_MODEL,
        "    prices: {effective_from: 2027-06-01}",
        "options.api.prices.effective_from",
        "is 2027-06-01, after the horizon; must be at most 2026-12-01",
    ),
    added(
        "a-price-from-within-the-horizon",
        API_MODEL,
        "    prices: {effective_from: 2026-12-05}",
        "options.api.prices.effective_from",
        "after the horizon's start; must be at most 2026-12-01",
    ),
    fleet(
        "negative-fixed-cost", "monthly_fixed_usd: {desk: -1}", "monthly_fixed_usd.desk", "is -1, must be at least 0"
    ),
    fleet("negative-one-off-cost", "one_off_usd: {move: -1}", "one_off_usd.move", "is -1, must be at least 0"),
    fleet("fewer-than-no-engineers", "engineers: {base_persons: -1}", "engineers.base_persons", "must be at least 0"),
    fleet("a-person-for-no-gpus", "engineers: {gpus_per_person: 0}", "engineers.gpus_per_person", "greater than 0"),
    fleet("a-negative-penalty", "rejected_usd_per_request: -1", "rejected_usd_per_request", "must be at least 0"),
]

THROUGHPUT = [
    fleet("no-throughput", "throughput: {output_tokens_per_s: 0}", "throughput.output_tokens_per_s", "greater than 0"),
    fleet(
        "throughput-given-twice",
        "throughput: {output_tokens_per_s: 5, requests_per_s: 5}",
        "throughput",
        "exactly one of",
    ),
    fleet(
        "throughput-given-and-measured",
        "throughput: {requests_per_s: 5, measured: nearest}",
        "throughput",
        "exactly one",
    ),
    fleet(
        "throughput-not-given", "throughput: {}", "throughput", "must hold exactly one of output_tokens_per_s, total_"
    ),
    fleet("nearest", "throughput: {measured: nearest}", "throughput.measured", "is 'nearest', must be one of the 3"),
    fleet(
        "measured-with-another-model",
        "throughput: {measured: trtllm-0.12.0-mistral-7b-v0.3-h100-sxm-1x-fp8-128-128}",
        "throughput.measured",
        "measured on mistral-7b-v0.3, must be measured on llama-3.1-8b or a model of its shape",
    ),
    fleet(
        "a-missing-file",
        "throughput: {measurements: there-is-none.csv}",
        "throughput.measurements",
        "is 'there-is-none.csv', must be a file that can be read: No such file",
    ),
    fleet(
        "a-folder-of-measurements",
        "throughput: {measurements: .}",
        "throughput.measurements",
        "is '.', must be a file that can be read: Is a directory",
    ),
    fleet("no-time-per-token", "latency: {tpot_s: 0}", "latency.tpot_s", "is 0, must be greater than 0 [s]"),
    fleet("hardly-a-time-per-token", "latency: {tpot_s: 1e-9}", "latency.tpot_s", "is 1e-09, must be finite and at"),
    fleet(
        "a-time-per-token-out-of-reach",
        "latency: {tpot_s: 1e-4}",
        "latency.tpot_s",
        "is 0.0001, but not even one request at a time is answered so soon on 1 x h100-sxm",
    ),
    fleet(
        "a-time-to-the-first-token-out-of-reach",
        "latency: {ttft_s: 1e-3, tpot_s: 1}",
        "latency.ttft_s",
        "is 0.001, but not even one request at a time is answered so soon on 1 x h100-sxm",
    ),
    broken("unnamed-model", MODEL, "", "options.fleet.model", "is missing; without a given throughput", at="  fleet:"),
    broken("unnamed-gpu", GPU, "", "options.fleet.gpu", "is missing; without a given throughput", at="  fleet:"),
]

FLEETS = [
    fleet(
        "minimum-above-maximum",
        "replicas: {minimum: 5, maximum: 4}",
        "replicas.maximum",
        "is 4, must be at least minimum 5",
    ),
    fleet("no-replica-at-most", "replicas: {maximum: 0}", "replicas.maximum", "is 0, must be at least 1"),
    fleet("half-a-replica", "autoscaling: {kind: fixed, count: 2.5}", "autoscaling.count", "must be a whole number"),
    fleet(
        "no-load",
        "autoscaling: {kind: target_utilization, target_share: 0}",
        "autoscaling.target_share",
        "greater than 0",
    ),
    fleet(
        "overload", "autoscaling: {kind: target_utilization, target_share: 2}", "autoscaling.target_share", "at most 1"
    ),
    fleet(
        "a-key-of-another-policy", "autoscaling: {kind: fixed, reaction_s: 1}", "autoscaling.reaction_s", "unknown key"
    ),
    fleet("a-negative-cold-start", "cold_start_s: -1", "cold_start_s", "is -1, must be at least 0 [s]"),
    fleet("a-negative-wait", "max_wait_s: -1", "max_wait_s", "is -1, must be at least 0 [s]"),
    fleet("overflow-to-nobody", "overflow: ap", "overflow", "is 'ap', must be one of api, reject"),
    fleet("overflow-to-a-fleet", "overflow: fleet", "overflow", "is 'fleet', must be one of api, reject"),
]

HORIZONS = [
    added(
        "a-length-given-twice", DAYS, "  months: 1", "horizon.days", "must not be given together with months", at=DAYS
    ),
    broken("no-days", DAYS, "  days: 0", "horizon.days", "is 0, must be greater than 0"),
    broken("more-than-ten-years", DAYS, "  months: 121", "horizon.months", "is 121, must be at most 120 months"),
    added(
        "a-step-that-does-not-divide",
        DAYS,
        "  step_s: 7.5e3",
        "horizon.step_s",
        "must divide the horizon of 1.2096e+06 s",
    ),
    added("a-step-longer-than-the-horizon", DAYS, "  step_s: 2_419_200", "horizon.step_s", "must divide the horizon"),
    added("too-many-steps", DAYS, "  step_s: 0.01", "horizon.step_s", "must give at most 12,000,000"),
    added("endlessly-many-steps", DAYS, "  step_s: 5e-324", "horizon.step_s", "must give at most 12,000,000"),
    added("no-step", DAYS, "  step_s: 0", "horizon.step_s", "is 0, must be greater than 0 [s]"),
    broken(
        "a-start-long-ago",
        START,
        "  start: 1999-12-31",
        "horizon.start",
        "must be a date from 2000-01-01 to 2100-12-31",
    ),
    broken(
        "a-start-far-away",
        START,
        "  start: 2101-01-01",
        "horizon.start",
        "must be a date from 2000-01-01 to 2100-12-31",
    ),
    broken(
        "a-start-that-is-no-date",
        START,
        "  start: soon",
        "horizon.start",
        "is 'soon', must be a date such as 2026-12-01",
    ),
    broken("a-start-in-month-13", START, "  start: 2026-13-01", "horizon.start", "is '2026-13-01', must be a date"),
    broken(
        "a-start-at-noon", START, "  start: 2026-12-01T12:00:00", "horizon.start", "must be a date such as 2026-12-01"
    ),
]

DEMAND = [
    broken(
        "no-volume", VOLUME, "  timezone: UTC", "traffic", "must hold exactly one of tokens_per_month", at="traffic:"
    ),
    traffic("volume-given-twice", "daily_users: 5", "daily_users", "must hold exactly one of tokens_per_month"),
    traffic("sessions-of-nobody", "sessions_per_user: 2", "sessions_per_user", "must be given with daily_users only"),
    broken("zero-volume", VOLUME, "  requests_per_day: 0", "traffic.requests_per_day", "is 0, must be greater than 0"),
    traffic("unknown-timezone", "timezone: Mars/Phobos", "timezone", "is 'Mars/Phobos', must be an IANA time zone"),
    traffic("a-path-as-timezone", "timezone: ../../etc/passwd", "timezone", "must be an IANA time zone"),
    traffic(
        "a-peak-below-the-mean", "diurnal: {peak_hour: 9, peak_to_mean: 0.9}", "diurnal.peak_to_mean", "at least 1"
    ),
    traffic("a-peak-at-24-hours", "diurnal: {peak_hour: 24, peak_to_mean: 2}", "diurnal.peak_hour", "less than 24 [h]"),
    traffic("23-hours", f"hourly_weights: {[1] * 23}", "hourly_weights", "has 23 weights, must have 24 or 168"),
    traffic("hours-of-nothing", f"hourly_weights: {DAY_OF_ZEROS}", "hourly_weights", "is 0 at every hour"),
    traffic("a-negative-hour", f"hourly_weights: {[1] * 23 + [-1]}", "hourly_weights[23]", "is -1, must be at least 0"),
    traffic(
        "two-courses-of-the-day",
        f"hourly_weights: {[1] * 24}\n  diurnal: {{peak_hour: 9, peak_to_mean: 2}}",
        "diurnal",
        "must not be given together with hourly_weights",
    ),
    traffic("six-days", f"weekly: {{day_weights: {WEEK_WITHOUT_A_DAY}}}", "weekly.day_weights", "must have at least 7"),
    traffic("an-empty-week", "weekly: {}", "weekly.weekend_to_weekday", "must be given, or day_weights, not both"),
    traffic(
        "points-out-of-order",
        "piecewise: {points: [{at_s: 0, level: 1}, {at_s: 9, level: 2}, {at_s: 5, level: 3}]}",
        "piecewise.points[2]",
        "is 5 s, must be later than the point before",
    ),
    traffic("a-late-plan", "piecewise: {points: [{at_s: 5, level: 1}]}", "piecewise.points[0]", "is 5 s, must be 0"),
    traffic("an-empty-plan", "piecewise: {points: []}", "piecewise.points", "has 0 entries, must have at least 1"),
    traffic(
        "a-plan-of-nothing", "piecewise: {points: [{at_s: 0, level: 0}]}", "piecewise.points", "is 0 at every point"
    ),
    traffic(
        "a-point-without-time",
        "piecewise: {points: [{level: 1}]}",
        "piecewise.points[0].at_s",
        "must be given, or at_hours",
    ),
    traffic(
        "a-period-too-short",
        "piecewise: {repeat_every_hours: 1, points: [{at_s: 0, level: 1}, {at_hours: 1, level: 2}]}",
        "piecewise.repeat_every_hours",
        "is 1, must be longer than the time of the last point",
    ),
    traffic("wild-noise", "noise: {relative_sd: 6}", "noise.relative_sd", "is 6, must be at most 5"),
    traffic("no-noise", "noise: {relative_sd: 0}", "noise.relative_sd", "is 0, must be greater than 0"),
    traffic("sunken-spikes", "spikes: {per_month: 3, height_to_mean: -1}", "spikes.height_to_mean", "greater than 0"),
    traffic("countless-spikes", "spikes: {per_month: 1e6, height_to_mean: 1}", "spikes.per_month", "at most 100000"),
    traffic(
        "endless-spikes",
        "spikes: {per_month: 3, height_to_mean: 1, tail_index: 1}",
        "spikes.tail_index",
        "greater than 1",
    ),
    traffic("shrinking-to-nothing", "growth_per_month: -1", "growth_per_month", "is -1, must be greater than -1"),
    traffic("growing-eleven-fold", "growth_per_month: 11", "growth_per_month", "is 11, must be at most 10"),
    broken(
        "no-demand-in-the-horizon",
        f"{DAYS}\ntraffic:\n{VOLUME}",
        f"  days: 1\ntraffic:\n{VOLUME}\n  weekly: {{day_weights: [1, 0, 0, 0, 0, 0, 0]}}",
        "traffic",
        "is 0 at every step of the horizon",
        at="traffic:",
    ),
]

REQUESTS = [
    request_of(
        "zero-length", "input_tokens: 0, output_tokens: 0", "output_tokens", "must be above 0 where input_tokens is 0"
    ),
    request_of(
        "negative-length", "input_tokens: -1, output_tokens: 5", "input_tokens", "is -1, must be at least 0 [tokens]"
    ),
    request_of(
        "a-share-of-half", "share: 0.5, input_tokens: 5, output_tokens: 5", "share", "all shares together are 0.5"
    ),
    request_of(
        "a-share-of-nothing", "share: 0, input_tokens: 5, output_tokens: 5", "share", "is 0, must be greater than 0"
    ),
    request_of(
        "cached-above-one",
        "cached_input_share: 1.2, input_tokens: 5, output_tokens: 5",
        "cached_input_share",
        "at most 1",
    ),
    request_of(
        "cached-and-written-above-one",
        "cached_input_share: 0.7, cache_write_input_share: 0.4, input_tokens: 5, output_tokens: 5",
        "cache_write_input_share",
        "is 0.4, must be at most 1 together with cached_input_share",
    ),
    broken(
        "shares-above-one",
        REQUEST,
        "  a: {share: 0.5, input_tokens: 5, output_tokens: 5}\n  b: {share: 0.6, input_tokens: 5, output_tokens: 5}",
        "workload.b.share",
        "is 0.6, all shares together are 1.1, must add to 1",
    ),
    broken("no-class", f"workload:\n{REQUEST}", "workload: {}", "workload", "is empty, must hold at least one class"),
    broken(
        "longer-than-the-context-of-the-api",
        f"{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}\n  fleet:\n    kind: self_hosted\n{MODEL}",
        f"  request: {{input_tokens: 190_000, output_tokens: 20_000}}\noptions:\n  api:\n    kind: api\n{API_MODEL}\n"
        "  fleet:\n    kind: self_hosted\n    model: llama-4-scout\n    gpus_per_replica: 8",
        "workload.request.input_tokens",
        "200000 tokens of context of claude-haiku-4-5",
        at="  request: {input_tokens: 190_000, output_tokens: 20_000}",
    ),
    broken(
        "longer-than-the-context-of-the-open-model",
        INPUT,
        "    input_tokens: 140_000",
        "options.fleet.model",
        "input_tokens + output_tokens is 140500, must be at most 131072, the context of llama-3.1-8b",
        at=MODEL,
    ),
]

_LENGTH = "must be a number [tokens] or a mapping with mean and p90 or p99, or quantiles"
LENGTHS = [
    prompt("a-length-in-words", "long", "", f"is 'long', {_LENGTH}"),
    prompt("a-quoted-length", "'500'", "", f"is '500', {_LENGTH}"),
    prompt("a-list-of-lengths", "[500, 600]", "", f"is a list, {_LENGTH}"),
    prompt("both-quantiles", "{mean: 500, p90: 900, p99: 2000}", "p99", "is 2000, must not be given together with p90"),
    prompt("a-mean-alone", "{mean: 500}", "p90", "must be given, or p99"),
    prompt("a-quantile-alone", "{p90: 500}", "mean", "is missing"),
    prompt("p90-below-the-mean", "{mean: 500, p90: 400}", "p90", "is 400, must be from the mean 500 to 1137, the most"),
    prompt("p90-out-of-reach", "{mean: 500, p90: 4000}", "p90", "is 4000, must be from the mean 500 to 1137, the most"),
    prompt("p99-out-of-reach", "{mean: 500, p99: 40_000}", "p99", "is 40000, must be from the mean 500 to 7484"),
    prompt("a-mean-in-words", "{mean: five, p90: 900}", "mean", "is 'five', must be a number [tokens]"),
    prompt("p95", "{mean: 500, p95: 900}", "p95", "unknown key; did you mean 'p99'?"),
    prompt(
        "mean-and-quantiles", "{mean: 5, quantiles: {p100: 6}}", "quantiles", "must not be given together with mean"
    ),
    prompt(
        "falling-quantiles", "{quantiles: {p0: 5, p50: 4, p100: 6}}", "quantiles.p50", "is 4, must be at least p0, 5"
    ),
    prompt("no-longest", "{quantiles: {p0: 5, p50: 7}}", "quantiles.p100", "is missing; it is the longest"),
    prompt("p101", "{quantiles: {p100: 8, p101: 9}}", "quantiles.p101", "is no quantile; must be p0 to p100"),
    prompt("a-median", "{quantiles: {median: 7, p100: 8}}", "quantiles.median", "is no quantile; must be p0 to p100"),
    prompt("a-negative-quantile", "{quantiles: {p0: -5, p100: 6}}", "quantiles.p0", "is -5, must be at least 0"),
    asked("reasoning-by-a-law", "reasoning_tokens: {mean: 5}", "reasoning_tokens", "is a mapping, must be a number"),
    asked("opposite-lengths", "length_correlation: -0.5", "length_correlation", "is -0.5, must be at least 0"),
]

LEVERS = [
    asked(
        "a-cache-without-lifetime", "prefix: {tokens: 100}", "prefix.lifetime_s", "is missing; a cache has a lifetime"
    ),
    asked("a-cache-of-no-time", "prefix: {tokens: 100, lifetime_s: 0}", "prefix.lifetime_s", "is 0, must be greater"),
    asked(
        "a-prefix-longer-than-the-prompt",
        "prefix: {tokens: 1000, lifetime_s: 300}",
        "prefix.tokens",
        "is 1000, must be at most input_tokens, 500",
    ),
    asked(
        "a-prefix-and-a-cached-share",
        "cached_input_share: 0.5, prefix: {tokens: 100, lifetime_s: 300}",
        "cached_input_share",
        "is 0.5, must not be given with a prefix",
    ),
    asked(
        "growth-of-a-single-call",
        "context_growth_tokens: 5",
        "context_growth_tokens",
        "is 5, must be given with calls_per_request above 1 only",
    ),
    asked("half-a-call", "calls_per_request: 0.5", "calls_per_request", "is 0.5, must be at least 1"),
    asked("every-call-fails", "retries: {failed_share: 1}", "retries.failed_share", "is 1, must be at most 0.95"),
    asked("a-share-for-retries", "retries: 0.1", "retries", "must be a mapping, is 0.1"),
    asked("nothing-left-to-answer", "response_cache: {hit_share: 1}", "response_cache.hit_share", "at most 0.999"),
    asked("no-answer-allowed", "output_cap_tokens: 0", "output_cap_tokens", "is 0, must be greater than 0 [tokens]"),
    asked(
        "nothing-kept", "prompt_compression: {kept_share: 0}", "prompt_compression.kept_share", "is 0, must be greater"
    ),
    asked("an-extra-without-price", "extras: {rerank: {per_request: 2}}", "extras.rerank.usd_each", "is missing"),
    asked(
        "an-extra-on-misses",
        "extras: {rerank: {usd_each: 0.1, requests: misses}}",
        "extras.rerank.requests",
        "is 'misses', must be one of all, unanswered",
    ),
    asked(
        "an-image-without-size",
        "input_images: {per_request: 2}",
        "input_images.width_px",
        "is missing; an image has width_px and height_px, or tokens_per_image",
    ),
    asked(
        "an-image-without-height", "input_images: {width_px: 512}", "input_images.height_px", "is missing; an image has"
    ),
    broken(
        "an-image-that-no-rule-counts",
        f"{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}",
        "  request: {input_tokens: 500, output_tokens: 500, input_images: {width_px: 512, height_px: 512}}\n"
        "options:\n  api:\n    kind: api\n    model: deepseek-chat\n    provider: deepseek",
        "workload.request.input_images.tokens_per_image",
        "is missing; no rule is known for the images of deepseek",
        at="  request: {input_tokens: 500, output_tokens: 500, input_images: {width_px: 512, height_px: 512}}",
    ),
]

CONTRACTS = [
    terms(
        "a-negative-commitment",
        "commitment: {usd_per_month: -5}",
        "commitment.usd_per_month",
        "is -5, must be at least 0 [USD per month]",
    ),
    listed_terms(
        "tiers-out-of-order",
        "volume_discount:",
        [
            "  kind: graduated",
            "  tiers:",
            "    - {from_usd: 1000, discount_share: 0.1}",
            "    - {from_usd: 500, discount_share: 0.2}",
        ],
        "volume_discount.tiers[1].from_usd",
        "is 500, must be above the tier before, 1000",
        at=3,
    ),
    listed_terms(
        "tiers-by-usd-and-by-tokens",
        "volume_discount:",
        [
            "  kind: all_units",
            "  tiers:",
            "    - {from_usd: 1000, discount_share: 0.1}",
            "    - {from_tokens: 1e9, discount_share: 0.2}",
        ],
        "volume_discount.tiers[1].from_usd",
        "is missing; all tiers go by the same amount, the first by from_usd",
        at=3,
    ),
    terms(
        "a-tier-from-nowhere",
        "volume_discount: {kind: graduated, tiers: [{discount_share: 0.1}]}",
        "volume_discount.tiers[0]",
        "must hold exactly one of from_usd, from_tokens; holds none",
    ),
    terms(
        "a-discount-of-no-kind",
        "volume_discount: {tiers: [{from_usd: 1, discount_share: 0.1}]}",
        "volume_discount.kind",
        "is missing, must be one of graduated, all_units",
    ),
    terms(
        "two-quotas",
        "subscription: {usd_per_month: 20, requests: 5, images: 5}",
        "subscription.images",
        "must hold exactly one of tokens, requests, images; holds requests, images",
    ),
    terms("no-quota", "subscription: {usd_per_month: 20}", "subscription", "must hold exactly one of tokens, requests"),
    terms("an-empty-free-quota", "free_quota: {}", "free_quota", "must hold exactly one of usd, tokens, requests"),
    terms("no-credits", "credits: {usd: 0}", "credits.usd", "is 0, must be greater than 0 [USD]"),
    listed_terms(
        "price-changes-out-of-order",
        "price_changes:",
        [
            "  - {effective_from: 2026-12-05, multiplier: 0.9}",
            "  - {effective_from: 2026-12-03, multiplier: 0.8}",
        ],
        "price_changes[1].effective_from",
        "is 2026-12-03, must be after the change before, 2026-12-05",
        at=1,
    ),
    terms(
        "a-change-of-nothing",
        "price_changes: [{effective_from: 2026-12-05}]",
        "price_changes[0].multiplier",
        "is missing; a price change has a multiplier or new prices",
    ),
    terms("prices-that-vanish", "price_decline: {share_per_year: 1}", "price_decline.share_per_year", "less than 1"),
    terms(
        "a-negative-surcharge", "surcharges: {data zone: -0.1}", "surcharges.data zone", "is -0.1, must be at least 0"
    ),
    terms("a-term-of-ones-own", "rebate: 0.1", "rebate", "unknown key; allowed are price_changes, "),
    api("a-service-tier-misspelt", "service_tier: flexible", "service_tier", "must be one of standard, flex, priority"),
    api("a-fallback-to-itself", "fallback: {option: api, share: 0.1}", "fallback.option", "is 'api', must be another"),
    api("a-fallback-to-a-fleet", "fallback: {option: fleet, share: 0.1}", "fallback.option", "is 'fleet', must be"),
    api("no-premises", "on_premises: yes", "on_premises", "is 'yes', must be true or false"),
    api("a-list-of-residencies", "data_residency: [eu]", "data_residency", "is a list, must be text"),
    api(
        "an-unknown-tier-of-limits",
        "rate_limits: {tier: tier 9, tiers: {tier 1: {requests_per_minute: 50}}}",
        "rate_limits.tier",
        "is 'tier 9', must be one of tier 1",
    ),
    api(
        "a-tier-without-limits",
        "rate_limits: {tiers: {tier 1: {}}}",
        "rate_limits.tiers.tier 1",
        "must hold at least one of requests_per_minute, input_tokens_per_minute",
    ),
    added(
        "a-place-without-name",
        TITLE,
        "requirements: {data_residency: [eu, '']}",
        "requirements.data_residency[1]",
        "is empty, must be text",
    ),
    added(
        "one-residency-as-text",
        TITLE,
        "requirements: {data_residency: eu}",
        "requirements.data_residency",
        "must be a list, is 'eu'",
    ),
    added(
        "a-model-that-takes-over-unknown",
        API_MODEL,
        "    changes: [{effective_from: 2026-12-05, model: claude-haiku-45}]",
        "options.api.changes[0].model",
        "did you mean 'claude-haiku-4-5'",
    ),
    api(
        "models-that-take-over-out-of-order",
        "changes:\n    - {effective_from: 2026-12-05, model: gpt-5}\n    - {effective_from: 2026-12-03, model: gpt-5}",
        "changes[1].effective_from",
        "is 2026-12-03, must be after the change before, 2026-12-05",
    ),
]

_NOT_YET = "meta-llama/Llama-3.3-70B-Instruct"
DATES = [
    broken(
        "a-model-before-it-is-listed",
        f"{START}\n{DAYS}\ntraffic:\n{VOLUME}\nworkload:\n{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}",
        f"  start: 2026-06-01\n{DAYS}\ntraffic:\n{VOLUME}\nworkload:\n{REQUEST}\noptions:\n  api:\n    kind: api\n"
        f"    provider: deepinfra\n    model: {_NOT_YET}",
        "options.api.model",
        f"is '{_NOT_YET}', which has no price before 2026-10-19; the horizon starts on 2026-06-01",
    ),
    broken(
        "a-model-that-takes-over-before-it-is-listed",
        f"{START}\n{DAYS}\ntraffic:\n{VOLUME}\nworkload:\n{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}",
        f"  start: 2026-06-01\n{DAYS}\ntraffic:\n{VOLUME}\nworkload:\n{REQUEST}\noptions:\n  api:\n    kind: api\n"
        f"{API_MODEL}\n    changes: [{{effective_from: 2026-06-05, provider: deepinfra, model: {_NOT_YET}}}]",
        "options.api.changes[0].model",
        f"is '{_NOT_YET}', which has no price before 2026-10-19",
    ),
]

ROUTES = [
    routes("a-route-to-a-fleet", ["fleet: {share: 1}"], "fleet", "is no option to route to, must be one of cheap, api"),
    routes("a-route-to-itself", ["other: {share: 1}"], "other", "is no option to route to, must be one of cheap, api"),
    routes("a-route-to-nobody", ["chaep: {share: 1}"], "chaep", "is no option to route to, must be one of cheap, api"),
    routes(
        "routes-above-one",
        ["api: {share: 0.5}", "cheap: {share: 0.6}"],
        "cheap.share",
        "is 0.6, all shares of class 'request' together are 1.1, must add to 1",
    ),
    routes(
        "routes-of-a-class-below-one",
        ["api: {share: {request: 0.5}}", "cheap: {share: {request: 0.4}}"],
        "cheap.share",
        "is 0.4, all shares of class 'request' together are 0.9, must add to 1",
    ),
    routes(
        "an-unknown-class",
        ["api: {share: {requests: 1}}"],
        "api.share.requests",
        "is no request class, must be one of request",
    ),
    routes("a-share-in-words", ["api: {share: most}"], "api.share", "is 'most', must be a number or a mapping"),
    routes("a-share-of-two", ["api: {share: 2}"], "api.share", "is 2, must be at most 1"),
    routes(
        "escalation-in-a-circle",
        [
            "api: {share: 1, escalation_share: 0.1, escalates_to: cheap}",
            "cheap: {escalation_share: 0.1, escalates_to: api}",
        ],
        "api.escalates_to",
        "is 'cheap', which leads back to 'api'",
        at=0,
    ),
    routes(
        "escalation-to-nobody",
        ["api: {share: 1, escalation_share: 0.1, escalates_to: fleet}"],
        "api.escalates_to",
        "is 'fleet', must be one of the routes api",
    ),
    routes(
        "escalation-to-nowhere",
        ["api: {share: 1, escalation_share: 0.1}"],
        "api.escalates_to",
        "is missing; an escalation_share goes to another route",
    ),
    option("no-route", "kind: routed, routes: {}", "routes", "has 0 entries, must have at least 1"),
    option("a-list-of-routes", "kind: routed, routes: [api]", "routes", "must be a mapping, is a list"),
]

_THROUGHPUT = "    throughput: {requests_per_s: 5}"
MEDIA = [
    broken(
        "images-of-a-model-that-makes-none",
        f"{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}\n  fleet:\n    kind: self_hosted\n{MODEL}",
        f"{REQUEST}\n    images: 1\noptions:\n  api:\n    kind: api\n{API_MODEL}\n  fleet:\n    kind: self_hosted\n"
        f"{_THROUGHPUT}\n{MODEL}",
        "options.api.prices.usd_per_image",
        "is missing; the price list has no price per image of claude-haiku-4-5",
        at="  api:",
    ),
    broken(
        "images-of-no-size",
        f"{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}\n  fleet:\n    kind: self_hosted\n{MODEL}",
        f"{REQUEST}\n    images: 1\noptions:\n  api:\n    kind: api\n    model: dall-e-3\n  fleet:\n"
        f"    kind: self_hosted\n{_THROUGHPUT}\n{MODEL}",
        "options.api.image_size",
        "is missing, must be one of hd-1024x1024",
        at="  api:",
    ),
    broken(
        "images-of-an-unknown-size",
        f"{REQUEST}\noptions:\n  api:\n    kind: api\n{API_MODEL}\n  fleet:\n    kind: self_hosted\n{MODEL}",
        f"{REQUEST}\n    images: 1\noptions:\n  api:\n    kind: api\n    model: dall-e-3\n    image_size: huge\n"
        f"  fleet:\n    kind: self_hosted\n{_THROUGHPUT}\n{MODEL}",
        "options.api.image_size",
        "is 'huge', must be one of hd-1024x1024",
        at="    image_size: huge",
    ),
    broken(
        "text-of-an-image-model", API_MODEL, "    model: dall-e-3", "options.api.model", "is 'dall-e-3', must be given"
    ),
]

UNITS = [
    option(
        "units-of-an-unknown-model",
        "kind: provisioned, model: gpt-9x",
        "model",
        "is 'gpt-9x', must be a model of openai in the price library",
    ),
    option(
        "units-of-nobody",
        "kind: provisioned, model: claude-haiku-4-5",
        "provider",
        "is missing; units are listed by provider, one of aws, azure",
    ),
    option(
        "units-of-an-unlisted-model", "kind: provisioned, provider: azure, model: gpt-4", "model", "is 'gpt-4', must be"
    ),
    option(
        "an-unknown-scope",
        "kind: provisioned, provider: azure, model: gpt-5.4, units: {scope: marz}",
        "units.scope",
        "is 'marz', must be one of data_zone, global, regional",
    ),
    option(
        "an-unknown-contract",
        "kind: provisioned, provider: azure, model: gpt-5.4, units: {contract: weekly}",
        "units.contract",
        "is 'weekly', must be one of hourly, monthly_reservation, yearly_reservation",
    ),
    endpoint(
        "two-prices-of-an-endpoint",
        "usd_per_replica_hour: 5, rental: {usd_per_gpu_hour: 2}",
        "rental",
        "must not be given; usd_per_replica_hour is the price",
    ),
    endpoint(
        "an-idle-time-of-years",
        "usd_per_replica_hour: 5, idle_timeout_s: 1e8",
        "idle_timeout_s",
        "is 1e+08, must be at most 100,000 steps of 300 s",
    ),
    option("units-of-nothing", "kind: provisioned", "model", "is missing; an option of kind provisioned names a model"),
    option(
        "half-a-unit",
        "kind: provisioned, provider: azure, model: gpt-5.4, units: {count: 1.5}",
        "units.count",
        "must be a whole number",
    ),
    option(
        "a-percentile-as-percentage",
        "kind: provisioned, provider: azure, model: gpt-5.4, units: {percentile_share: 99}",
        "units.percentile_share",
        "is 99, must be at most 1",
    ),
    option(
        "an-unknown-spill-over",
        "kind: provisioned, provider: azure, model: gpt-5.4, units: {spill_over: queue}",
        "units.spill_over",
        "is 'queue', must be one of list_prices, reject",
    ),
    api("units-of-an-api", "units: {count: 3}", "units", "unknown key; allowed are engineers"),
    endpoint("an-endpoint-without-price", "cold_start_s: 5", "usd_per_replica_hour", "is missing"),
    endpoint(
        "a-negative-price", "usd_per_replica_hour: -5", "usd_per_replica_hour", "is -5, must be at least 0 [USD/h]"
    ),
    endpoint(
        "a-price-as-text", "usd_per_replica_hour: '5'", "usd_per_replica_hour", "is '5', must be a number [USD/h]"
    ),
    endpoint(
        "an-endless-price", "usd_per_replica_hour: .inf", "usd_per_replica_hour", "is inf, must be a finite number"
    ),
    endpoint(
        "a-negative-idle-time",
        "usd_per_replica_hour: 5, idle_timeout_s: -5",
        "idle_timeout_s",
        "is -5, must be at least",
    ),
    endpoint(
        "true-for-gpus", "usd_per_replica_hour: 5, gpus_per_replica: true", "gpus_per_replica", "must be a whole number"
    ),
    endpoint("yes-for-zero", "usd_per_replica_hour: 5, scale_to_zero: yes", "scale_to_zero", "must be true or false"),
    option(
        "an-endpoint-without-throughput",
        "kind: dedicated_endpoint, usd_per_replica_hour: 5",
        "model",
        "is missing; without a given throughput the model must be named",
    ),
]

COMPARISONS = [
    broken(
        "an-unknown-challenger",
        CHALLENGERS,
        "  challengers: [flet]",
        "comparison.challengers[0]",
        "is 'flet', must be one of",
    ),
    broken(
        "an-unknown-baseline", BASELINE, "  baseline: ap", "comparison.baseline", "is 'ap', must be one of api, fleet"
    ),
    broken(
        "a-challenger-twice",
        CHALLENGERS,
        "  challengers: [fleet, fleet]",
        "comparison.challengers[1]",
        "not compared already",
    ),
    broken(
        "the-baseline-itself", CHALLENGERS, "  challengers: [api]", "comparison.challengers[0]", "not compared already"
    ),
    broken(
        "no-challenger",
        CHALLENGERS,
        "  challengers: []",
        "comparison.challengers",
        "has 0 entries, must have at least 1",
    ),
    broken(
        "one-option",
        f"  fleet:\n    kind: self_hosted\n{MODEL}\n{GPU}\n{RENTAL}\ncomparison:\n{BASELINE}\n{CHALLENGERS}",
        "",
        "options",
        "must hold at least two options",
        at="options:",
    ),
    added(
        "an-option-called-reject",
        "options:",
        "  reject: {kind: api, model: gpt-5}",
        "options.reject",
        "no name for an option",
    ),
    added(
        "an-option-called-as-a-path",
        "options:",
        "  a/b: {kind: api, model: gpt-5}",
        "options.a/b",
        "no name for an option",
    ),
    added(
        "a-reversed-range",
        TITLE,
        "volume_range: {minimum_tokens_per_month: 5, maximum_tokens_per_month: 4}",
        "volume_range.maximum_tokens_per_month",
        "is 4, must be greater than minimum_tokens_per_month 5",
    ),
    added(
        "a-range-of-one-point", TITLE, "volume_range: {points: 1}", "volume_range.points", "is 1, must be at least 2"
    ),
    added(
        "a-range-of-5000-points", TITLE, "volume_range: {points: 5000}", "volume_range.points", "must be at most 4096"
    ),
]

_NUMBER_KEYS = {
    "traffic.requests_per_day": (VOLUME, "  requests_per_day: {}"),
    "traffic.growth_per_month": (VOLUME, f"{VOLUME}\n  growth_per_month: {{}}"),
    "horizon.days": (DAYS, "  days: {}"),
    "workload.request.input_tokens": (INPUT, "    input_tokens: {}"),
    "options.fleet.rental.usd_per_gpu_hour": (PROVIDER, "      usd_per_gpu_hour: {}"),
    "options.fleet.throughput.requests_per_s": (GPU, f"{GPU}\n    throughput: {{{{requests_per_s: {{}}}}}}"),
    "options.fleet.cold_start_s": (GPU, f"{GPU}\n    cold_start_s: {{}}"),
}
NOT_FINITE = [
    broken(f"{value.strip('-.')}-as-{key}", old, new.format(value), key, f"is {value.replace('.', '')}, must be")
    for key, (old, new) in _NUMBER_KEYS.items()
    for value in (".nan", "-.inf" if key == "horizon.days" else ".inf")
] + [fleet("nan-as-max_wait_s", "max_wait_s: .nan", "max_wait_s", "is nan, must be")]

HUGE = [
    broken(
        "a-volume-of-1e309", VOLUME, "  requests_per_day: 1e309", "traffic.requests_per_day", "too large for a number"
    ),
    fleet("400-digits", f"replicas: {{minimum: 1{'0' * 400}}}", "replicas.minimum", "too large for a number"),
    broken("days-of-1e308", DAYS, "  days: 1e308", "horizon.days", "must be at most 120 months"),
    broken("a-volume-of-1e308", VOLUME, "  requests_per_day: 1e308", "traffic.requests_per_day", "is 1e+308, must be"),
    rental("a-rent-of-1e308", "usd_per_gpu_hour: 1e308", "usd_per_gpu_hour", "is 1e+308, must be"),
    fleet("a-cold-start-of-1e308", "cold_start_s: 1e308", "cold_start_s", "is 1e+308, must be"),
    fleet(
        "a-window-of-1e308",
        "autoscaling: {kind: target_utilization, stabilisation_s: 1e308}",
        "autoscaling.stabilisation_s",
        "is 1e+308, must be",
    ),
    fleet(
        "a-reaction-of-1e308",
        "autoscaling: {kind: target_utilization, reaction_s: 1e308}",
        "autoscaling.reaction_s",
        "is 1e+308, must be",
    ),
    fleet(
        "a-throughput-of-1e308",
        "throughput: {requests_per_s: 1e308}",
        "throughput.requests_per_s",
        "is 1e+308, must be",
    ),
    fleet("fixed-cost-of-1e308", "monthly_fixed_usd: {desk: 1e308}", "monthly_fixed_usd.desk", "is 1e+308, must be"),
    traffic(
        "a-level-of-1e308", "piecewise: {points: [{at_s: 0, level: 1e308}]}", "piecewise.points[0].level", "is 1e+308"
    ),
    traffic(
        "spikes-of-1e308",
        "spikes: {per_month: 3, height_to_mean: 1e308}",
        "spikes.height_to_mean",
        "is 1e+308, must be",
    ),
]

CASES = [
    *TYPES,
    *KEYS,
    *UNKNOWN_NAMES,
    *HARDWARE,
    *LAYOUTS,
    *PRICES,
    *THROUGHPUT,
    *FLEETS,
    *HORIZONS,
    *DEMAND,
    *REQUESTS,
    *LENGTHS,
    *LEVERS,
    *CONTRACTS,
    *DATES,
    *ROUTES,
    *MEDIA,
    *UNITS,
    *COMPARISONS,
    *NOT_FINITE,
    *HUGE,
]


def assert_told(result, *faults):
    """Exit status 2, nothing on stdout, and on stderr one line for each (place, piece of the message) in this order."""
    assert "Traceback" not in result.stderr
    told = result.stderr.splitlines()
    assert len(told) == len(faults), result.stderr
    for line, (place, message) in zip(told, faults, strict=True):
        assert line.startswith(place), line
        assert message in line.removeprefix(place), line
    assert result.stdout == ""
    assert result.status == 2


def test_the_scenario_that_the_cases_break_is_sound(breakeven):
    Path(FILE).write_text(SOUND)
    result = breakeven("check", FILE)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == "broken: fine; api against fleet, 4,032 steps\n"


@pytest.mark.parametrize(("text", "line", "key", "message"), CASES)
def test_a_fault_is_one_line_with_file_line_and_key_and_nothing_is_written(breakeven, text, line, key, message):
    Path(FILE).write_text(text)
    result = breakeven("run", FILE, "--output", "results")
    assert_told(result, (f"{FILE}:{line}: {key}: ", message))
    assert files_in(".") == [FILE]


@pytest.mark.parametrize(("text", "line", "key", "message"), CASES[::10])
def test_check_says_the_same_as_run(breakeven, text, line, key, message):
    Path(FILE).write_text(text)
    assert breakeven("check", FILE) == breakeven("run", FILE, "--output", "results")


# Files that are no scenario

_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)
_ALL_KEYS = "must be a mapping with at least title, traffic, workload and options"
NOT_YAML = [
    pytest.param(b"", ": ", f"is empty, {_ALL_KEYS}", id="empty"),
    pytest.param(b"\n# nothing\n# but comments\n", ": ", "is empty, must be a mapping", id="comments-only"),
    pytest.param(b"---\n", ": ", "is empty, must be a mapping", id="a-document-without-content"),
    pytest.param(b"- a\n- b\n", ":1: ", f"{_ALL_KEYS}, is a list", id="a-list"),
    pytest.param(b"a scenario\n", ":1: ", f"{_ALL_KEYS}, is 'a scenario'", id="text"),
    pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", ": ", "is a binary file or not in UTF-8", id="a-picture"),
    pytest.param("title: ä\n".encode("utf-16"), ": ", "is a binary file or not in UTF-8", id="utf-16"),
    pytest.param(b"title: x\nnote: caf\xe9\n", ":2: ", "holds the byte 0xe9, must be text in UTF-8", id="latin-1"),
    pytest.param(b"title: a\x07b\n", ":1: ", "holds a control character, must be text", id="a-bell"),
    pytest.param(_BOMB.encode(), ":5: ", "holds more than 100,000 values", id="a-bomb-of-aliases"),
    pytest.param(b"title: " + b"[" * 1000 + b"]" * 1000, ":1: ", "is nested deeper than 50 levels", id="deep-nesting"),
    pytest.param(b"title: x\ntraffic:\n\ttokens_per_day: 5\n", ":3: ", "is indented by a tab", id="a-tab"),
    pytest.param(b"title: a: b\n", ":1: ", "is not valid YAML: mapping values are not allowed", id="two-colons"),
    pytest.param(b"title: x\nseed: [1\n", ":2: ", "is not valid YAML: did not find expected ','", id="an-open-bracket"),
    pytest.param(b'title: "x\n', ":1: ", "a quote is not closed", id="an-open-quote"),
    pytest.param(b"a: 1\n b: 2\n", ":2: ", "must start in the same column", id="a-shifted-key"),
    pytest.param(b"title: x\n---\ntitle: y\n", ":2: ", "starts a second document", id="two-documents"),
    pytest.param(b"title: !!python/object/apply:os.system [ls]\n", ":1: title: ", "tags (!!python", id="a-python-tag"),
    pytest.param(b"title: !secret x\n", ":1: title: ", "tags (!secret) are not read", id="a-tag-of-ones-own"),
    pytest.param(b"a: &a {b: 1}\nc:\n  <<: *a\n", ":3: c: ", "merge keys (<<) are not read", id="a-merge-key"),
    pytest.param(b"1: x\n", ":1: ", "a key is 1, must be text, written in quotes", id="a-number-as-key"),
    pytest.param(b"true: x\n", ":1: ", "a key is true, must be text, written in quotes", id="true-as-key"),
    pytest.param(b"~: x\n", ":1: ", "a key is null, must be text", id="null-as-key"),
    pytest.param(b"? [a, b]\n: x\n", ":1: ", "a key is a list, must be text", id="a-list-as-key"),
    pytest.param(b"title: *x\n", ":1: title: ", "alias *x has no anchor &x before it", id="an-alias-of-nothing"),
    pytest.param(b"title: &a [*a]\n", ":1: title[0]: ", "stands inside its own anchor", id="an-alias-of-itself"),
]


@pytest.mark.parametrize(("content", "place", "message"), NOT_YAML)
def test_a_file_that_is_no_scenario_is_one_line(breakeven, content, place, message):
    Path(FILE).write_bytes(content)
    assert_told(breakeven("run", FILE, "-o", "results"), (f"{FILE}{place}", message))
    assert files_in(".") == [FILE]


def test_a_file_of_100_mb_is_refused_unread(breakeven):
    with Path(FILE).open("wb") as file:
        file.truncate(100_000_000)
    assert_told(breakeven("run", FILE), (f"{FILE}: ", "is 100 MB, must be at most 1 MB"))


@pytest.mark.slow
def test_of_thousands_of_faults_the_first_hundred_are_told(breakeven):
    Path(FILE).write_text("title: x\noptions:\n" + "".join(f"  o{number}: {{kind: api}}\n" for number in range(3000)))
    result = breakeven("check", FILE)
    assert result.status == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 101
    assert re.fullmatch(r"\.\.\. and 2,?9\d\d more", lines[-1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("there-is-none.yaml", "there-is-none.yaml: no such file", id="a-missing-file"),
        pytest.param("no/folder/x.yaml", "no/folder/x.yaml: no such file", id="a-file-in-a-missing-folder"),
        pytest.param("folder.yaml", "folder.yaml: is a folder, must be a file", id="a-folder"),
        pytest.param("minimun", "bundled are assistant-70b, code-completion,", id="a-name-spelled-nearly-so"),
        pytest.param("minimun", "; did you mean 'minimal'?", id="a-name-with-a-suggestion"),
        pytest.param(f"{'x' * 300}.yaml", "File name too long", id="a-name-too-long"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_one_line(breakeven, tmp_path, name, message):
    (tmp_path / "folder.yaml").mkdir()
    result = breakeven("run", name, "-o", "results")
    assert_told(result, (f"{name}: ", message.removeprefix(f"{name}: ")))
    assert files_in(tmp_path) == ["folder.yaml"]


# Keys set on the command line


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("traffic.requests_per_day", "--set traffic.requests_per_day: has no '=', must be KEY=VALUE"),
        ("traffic.requests_per_day=", "--set traffic.requests_per_day=: traffic.requests_per_day: has no value"),
        ("=5", "--set =5: the key is '', must be names joined by single dots"),
        ("traffic..x=5", "--set traffic..x=5: the key is 'traffic..x', must be names joined by single dots"),
        ("trafic.x=5", "--set trafic.x=5: trafic: unknown key"),
        ("traffic.growth_per_mont=5", "traffic.growth_per_mont: unknown key; did you mean 'growth_per_month'?"),
        ("title.x=5", "--set title.x=5: title: is 'Minimal', must be a mapping to hold 'x'"),
        ("seed=many", "--set seed=many: seed: is 'many', must be a whole number"),
        ("seed=[1", "--set seed=[1: seed: is not valid YAML"),
        ("options.fleet.gpu=h100", "--set options.fleet.gpu=h100: options.fleet.gpu: is 'h100', must be one of a10, "),
        ("horizon.days=0", "--set horizon.days=0: horizon.days: is 0, must be greater than 0"),
        ("options.fleet=5", "--set options.fleet=5: options.fleet: must be a mapping, is 5"),
        ("traffic.growth_per_month=1e400", "traffic.growth_per_month: is '1e400', too large for a number"),
    ],
)
def test_a_fault_of_an_override_names_the_override(breakeven, tmp_path, given, fault):
    result = breakeven("run", "minimal", "--set", given, "-o", "results")
    assert_told(result, ("--set ", fault.removeprefix("--set ")))
    assert files_in(tmp_path) == []


def test_all_faults_of_all_overrides_are_told(breakeven):
    result = breakeven("check", "minimal", "--set", "x", "--set", "y", "--set", "seed=!a b")
    assert_told(
        result, ("--set x: ", "has no '='"), ("--set y: ", "has no '='"), ("--set seed=!a b: seed: ", "tags (!a)")
    )


def test_overrides_may_take_the_demand_away(breakeven):
    week = "traffic.weekly={day_weights: [1, 0, 0, 0, 0, 0, 0]}"  # the default start is a Tuesday
    result = breakeven("check", "minimal", "--set", week, "--set", "horizon.days=1")
    assert result.status == 2
    assert len(result.stderr.splitlines()) == 1
    assert "traffic: is 0 at every step of the horizon" in result.stderr
    assert "minimal.yaml:4: " in result.stderr


# Several faults, several scenarios

MANY = """\
title: Broken in many places
horizon:
  days: 14
  step_s: 0                                             # here
trafic: {}                                              # here
traffic:
  requests_per_day: 50_000
  spikes: {per_month: -3, height_to_mean: 1}            # here
workload:
  request:
    input_tokens: 500
    output_tokens: 0.5 tokens                           # here
options:
  api:
    kind: api
    model: claude-haiku-45                              # here
  fleet:
    kind: self_hosted
    model: llama-3.1-8b
    gpu: h100-smx                                       # here
    rental: {provider: lambda}
    overflow: nobody                                    # here
  other:
    kind: self_hosted
    gpus_per_replica: 0                                 # here
    rental: {usd_per_gpu_hour: 2}
    throughput: {requests_per_s: 1}
    replicas: {minimum: 5, maximum: 4}                  # here
comparison:
  baseline: api
  challengers: [fleet, fleet]                           # here
volume_range: {points: 5000}                            # here
"""
MANY_KEYS = [
    "horizon.step_s",
    "trafic",
    "traffic.spikes.per_month",
    "workload.request.output_tokens",
    "options.api.model",
    "options.fleet.gpu",
    "options.fleet.overflow",
    "options.other.gpus_per_replica",
    "options.other.replicas.maximum",
    "comparison.challengers[1]",
    "volume_range.points",
]


def test_faults_of_structure_references_and_catalogue_are_told_in_one_run_in_the_order_of_lines(breakeven):
    marked = [number for number, line in enumerate(MANY.splitlines(), start=1) if line.endswith("# here")]
    Path(FILE).write_text(MANY)
    result = breakeven("run", FILE, "-o", "results")
    assert_told(result, *((f"{FILE}:{line}: {key}: ", "") for line, key in zip(marked, MANY_KEYS, strict=True)))
    assert files_in(".") == [FILE]


@pytest.mark.parametrize(
    ("place", "line", "key"),
    [
        (CHALLENGERS, "  challengers: [fleet, fleet]", "comparison.challengers[1]"),
        (VOLUME, f"{VOLUME}\n  hourly_weights: {[1] * 23 + [-1]}", "traffic.hourly_weights[23]"),
        (VOLUME, f"{VOLUME}\n  piecewise: {{points: [{{at_s: 5, level: 1}}]}}", "traffic.piecewise.points[0]"),
    ],
    ids=["challengers", "weights", "points"],
)
def test_a_fault_within_a_list_hides_none_of_the_catalogue(breakeven, place, line, key):
    text = SOUND.replace(place, line).replace(API_MODEL, "    model: claude-haiku-45")
    Path(FILE).write_text(text)
    faults = [
        (f"{FILE}:{line_of(text, line.splitlines()[-1])}: {key}: ", "is "),
        (f"{FILE}:{line_of(text, '    model: claude-haiku-45')}: options.api.model: ", "is 'claude-haiku-45'"),
    ]
    if place == CHALLENGERS:
        faults.reverse()
    assert_told(breakeven("check", FILE), *faults)


def test_an_overflow_to_nobody_and_an_unknown_challenger_are_told_together(breakeven):
    text = SOUND.replace(MODEL, f"{MODEL}\n    overflow: nobody").replace(CHALLENGERS, "  challengers: [flet]")
    Path(FILE).write_text(text)
    assert_told(
        breakeven("check", FILE),
        (f"{FILE}:18: options.fleet.overflow: ", "is 'nobody'"),
        (f"{FILE}:24: comparison.challengers[0]: ", "is 'flet'"),
    )


ROUTED = """\
  cheap: {kind: api, model: gpt-4o-mini}
  routed:
    kind: routed
    routes:
      api: {share: {request: 0.5}}
      cheap: {share: {request: 0.5}}
"""


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        pytest.param(
            "      api: {share: {request: 0.5}}", "      fleet: {share: 0.5}", "options.routed.routes.fleet", id="route"
        ),
        pytest.param(OUTPUT, "    output_tokens: many", "workload.request.output_tokens", id="a-class"),
        pytest.param(INPUT, "    input_tokens: 500\n    images: -1", "workload.request.images", id="images"),
        pytest.param(INPUT, "    input_tokens: 500\n    share: x", "workload.request.share", id="a-share"),
        pytest.param(
            "  cheap: {kind: api, model: gpt-4o-mini}",
            "  cheap: {kind: provisioned, model: gpt-4o-mini, units: {usd_per_unit_hour: -1}}",
            "options.cheap.units.usd_per_unit_hour",
            id="units",
        ),
        pytest.param(
            "  cheap: {kind: api, model: gpt-4o-mini}",
            "  cheap: {kind: api, model: gpt-4o-mini, terms: {credits: {usd: 0}}}",
            "options.cheap.terms.credits.usd",
            id="terms",
        ),
    ],
)
def test_a_fault_of_what_others_lean_on_invents_none_and_hides_none(breakeven, old, new, key):
    text = SOUND.replace("options:\n", f"options:\n{ROUTED}").replace(API_MODEL, "    model: claude-haiku-45")
    text = text.replace(f"{old}\n", f"{new}\n")
    Path(FILE).write_text(text)
    assert_told(
        breakeven("check", FILE),
        *sorted(
            [
                (f"{FILE}:{line_of(text, new.splitlines()[-1])}: {key}: ", ""),
                (f"{FILE}:{line_of(text, '    model: claude-haiku-45')}: options.api.model: ", "is 'claude-haiku-45'"),
            ],
            key=lambda fault: int(fault[0].split(":")[1]),
        ),
    )


@pytest.mark.parametrize("leaning", ["    fallback: {option: api, share: 0.1}", "    overflow: api"])
def test_an_unknown_model_is_told_once_whoever_leans_on_the_option(breakeven, leaning):
    text = SOUND.replace("options:\n", f"options:\n{ROUTED}").replace(API_MODEL, "    model: claude-haiku-45")
    if "overflow" in leaning:
        text = text.replace(MODEL, f"{MODEL}\n{leaning}")
    else:
        text = text.replace(
            "  cheap: {kind: api, model: gpt-4o-mini}", f"  cheap:\n    kind: api\n    model: gpt-5\n{leaning}"
        )
    Path(FILE).write_text(text)
    line = line_of(text, "    model: claude-haiku-45")
    assert_told(breakeven("check", FILE), (f"{FILE}:{line}: options.api.model: ", "is 'claude-haiku-45'"))


def test_a_model_may_take_over_from_the_day_it_is_listed(breakeven):
    change = f"{{effective_from: 2026-10-20, provider: deepinfra, model: {_NOT_YET}}}"
    text = SOUND.replace(START, "  start: 2026-10-12").replace(API_MODEL, f"{API_MODEL}\n    changes: [{change}]")
    Path(FILE).write_text(text)
    result = breakeven("check", FILE)
    assert (result.status, result.stderr) == (0, "")


def test_an_unknown_measurement_is_told_with_the_nearest_of_the_hundreds_there_are(breakeven):
    given = "trtllm-1.0-llama-3.1-8b-h100-sxm-1x-fp8-128-127"
    Path(FILE).write_text(SOUND.replace(MODEL, f"{MODEL}\n    throughput: {{measured: {given}}}"))
    result = breakeven("check", FILE)
    assert_told(result, (f"{FILE}:18: options.fleet.throughput.measured: ", f"{given[:-1]}8'"))
    assert len(result.stderr) < 1000


def test_a_machine_that_nobody_rents_hides_no_fault_of_the_replica(breakeven):
    Path(FILE).write_text(SOUND.replace(MODEL, f"{MODEL}\n    tensor_parallel: 12"))
    assert_told(
        breakeven("check", FILE),
        (f"{FILE}:18: options.fleet.tensor_parallel: ", "is 12, must divide the 32 attention heads"),
        (f"{FILE}:20: options.fleet.rental: ", "no 'on_demand' offer of 12 x h100-sxm"),
    )


def test_every_fault_of_a_benchmark_file_is_told_with_its_own_line(breakeven, tmp_path):
    Path("mine.csv").write_text("input_tokens,output_tokens,output_tokens_per_s\n-1,x,100\n5,5,nan\n")
    Path(FILE).write_text(SOUND.replace(MODEL, f"{MODEL}\n    throughput: {{measurements: mine.csv}}"))
    place = f"{FILE}:18: options.fleet.throughput.measurements: mine.csv:"
    assert_told(
        breakeven("run", FILE, "-o", "results"),
        (f"{place}2: input_tokens: ", "is '-1', must be a finite number, at least 0"),
        (f"{place}2: output_tokens: ", "is 'x', must be a number"),
        (f"{place}3: output_tokens_per_s: ", "is 'nan', must be a finite number above 0"),
    )
    assert files_in(tmp_path) == [FILE, "mine.csv"]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\x00\xff", b"{", b"a,b\n1,2\n", b"[1, 2]", b"{}"])
def test_a_file_that_holds_no_benchmark_is_told_without_a_traceback(breakeven, content):
    Path("mine.json").write_bytes(content)
    Path(FILE).write_text(SOUND.replace(MODEL, f"{MODEL}\n    throughput: {{measurements: mine.json}}"))
    result = breakeven("check", FILE)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.splitlines()
    for line in result.stderr.splitlines():
        assert line.startswith(f"{FILE}:18: options.fleet.throughput.measurements: mine.json")


def test_faults_of_the_catalogue_in_several_options_are_told_in_one_run(breakeven):
    text = (
        SOUND.replace(API_MODEL, "    model: claude-haiku-45")
        .replace(GPU, "    gpu: h100")
        .replace(PROVIDER, "      provider: x")
    )
    Path(FILE).write_text(text)
    assert_told(
        breakeven("check", FILE),
        (f"{FILE}:14: options.api.model: ", "is 'claude-haiku-45'"),
        (f"{FILE}:18: options.fleet.gpu: ", "is 'h100'"),
        (f"{FILE}:20: options.fleet.rental.provider: ", "is 'x'"),
    )


def test_faults_of_several_scenarios_are_told_file_by_file_and_sound_ones_are_not_run(breakeven, tmp_path):
    Path("b.yaml").write_text(SOUND.replace(DAYS, "  days: 0").replace(PROVIDER, "      provider: x"))
    Path("a.yaml").write_text(SOUND.replace(VOLUME, "  requests_per_day: many"))
    Path("sound.yaml").write_text(SOUND)
    result = breakeven("run", "b.yaml", "sound.yaml", "a.yaml", "missing.yaml", "-o", "results")
    assert_told(
        result,
        ("b.yaml:4: horizon.days: ", "is 0"),
        ("b.yaml:20: options.fleet.rental.provider: ", "is 'x'"),
        ("a.yaml:6: traffic.requests_per_day: ", "is 'many'"),
        ("missing.yaml: ", "no such file"),
    )
    assert files_in(tmp_path) == ["a.yaml", "b.yaml", "sound.yaml"]


def test_zero_demand_in_one_scenario_does_not_hide_the_faults_of_another(breakeven):
    Path("a.yaml").write_text(
        SOUND.replace(DAYS, "  days: 1").replace(VOLUME, f"{VOLUME}\n  weekly: {{day_weights: [1, 0, 0, 0, 0, 0, 0]}}")
    )
    Path("b.yaml").write_text(SOUND.replace(DAYS, "  days: 0"))
    result = breakeven("check", "a.yaml", "b.yaml")
    assert_told(result, ("a.yaml:5: traffic: ", "is 0 at every step"), ("b.yaml:4: horizon.days: ", "is 0"))


def test_two_scenarios_of_one_name_are_refused_before_anything_runs(breakeven, tmp_path):
    Path("minimal.yaml").write_text(SOUND)
    result = breakeven("run", "minimal.yaml", "consumer-launch", "./minimal.yaml", "-o", "results")
    assert_told(result, ("", "two scenarios are named 'minimal' and would write to one folder"))
    assert files_in(tmp_path) == ["minimal.yaml"]


@pytest.mark.parametrize("command", ["run", "check", "levers"])
@pytest.mark.parametrize("sweep", ["gpu-rent", "mine.yaml"])
def test_a_sweep_in_place_of_a_scenario_is_told_as_one(breakeven, command, sweep):
    Path("mine.yaml").write_text(SWEEP)
    told = f"is a sweep, not a scenario; try `breakeven sweep {sweep}`, or with --dry-run to check it"
    assert_told(breakeven(command, sweep), (f"{sweep}: ", told))


def test_a_scenario_in_place_of_a_sweep_is_told_as_one(breakeven):
    assert_told(breakeven("sweep", "minimal"), ("minimal: ", "is a scenario, not a sweep; try `breakeven run minimal`"))


def test_a_sweep_may_make_an_option_of_its_own(breakeven):
    Path("made.yaml").write_text(
        f"{SWEEP}set: {{options.other.kind: api, comparison.challengers: [fleet, other]}}\n"
        "cases: {one: {options.other.model: claude-haiku-4-5}}\n"
    )
    result = breakeven("sweep", "made.yaml", "--dry-run")
    assert "has no option" not in result.stderr


# Sweeps

SWEEP = "title: A sweep\nbase: minimal\ngrid: {seed: [1, 2]}\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        pytest.param("", ": ", "is empty, must be a mapping with at least title, base and one of grid", id="empty"),
        pytest.param(
            SWEEP.replace("minimal", "minimun"), ":2: base: ", "is 'minimun', must be a file beside", id="base"
        ),
        pytest.param(SWEEP.replace("minimal", "minimun"), ":2: base: ", "did you mean 'minimal'?", id="base-hint"),
        pytest.param(
            SWEEP.replace("seed", "options.flet.cold_start_s"),
            ":3: grid.options.flet.cold_start_s: ",
            "the base has no option 'flet', it has api, fleet; did you mean 'fleet'?",
            id="option",
        ),
        pytest.param(SOUND, ": ", "is a scenario, not a sweep; try `breakeven run", id="scenario"),
        pytest.param(SWEEP.replace("{seed: [1, 2]}", "{}"), ":3: grid: ", "holds nothing to try", id="no-key"),
        pytest.param(SWEEP.replace("[1, 2]", "[]"), ":3: grid", "at least one", id="no-value"),
        pytest.param(SWEEP.replace("[1, 2]", "5"), ":3: grid.seed: ", "must be a list, is 5", id="no-list"),
        pytest.param(
            SWEEP.replace("{seed: [1, 2]}", f"{{seed: {list(range(4000))}, title: {list(range(4000))}}}"),
            ":3: grid: ",
            "gives 16,000,000 points with the other parts, must give at most 10,000,000",
            id="too-many",
        ),
        pytest.param(f"{SWEEP}gird: 5\n", ":4: gird: ", "unknown key", id="unknown-key"),
        pytest.param(
            SWEEP.replace("seed", "options.fleet.cold_starts"),
            ":3: grid.options.fleet.cold_starts: ",
            "did you mean 'cold_start_s'?",
            id="key",
        ),
        pytest.param(f"{SWEEP}zip: {{title: [a, b], horizon.days: [1]}}\n", ":4: zip: ", "has 2 of 'title'", id="zip"),
        pytest.param(f"{SWEEP}cases: {{a: {{seed: 3}}}}\n", ":4: cases.a: ", "sets 'seed', where", id="twice"),
        pytest.param(f"{SWEEP}where: [seed<1]\n", ":4: where: ", "must be KEY OPERATOR VALUE", id="no-condition"),
        pytest.param(f"{SWEEP}where: [sed < 1]\n", ":4: where: ", "neither the sweep nor its base", id="condition"),
        pytest.param(
            f"{SWEEP}sample: {{points: 4, keys: {{horizon.days: {{p10: 3, p50: 2, p90: 1}}}}}}\n",
            ":4: sample.keys.horizon.days.p10: ",
            "is 3, must be below p50, 2",
            id="distribution",
        ),
        pytest.param(
            f"{SWEEP}sample: {{points: 4, method: halton, keys: {{horizon.days: {{uniform: {{low: 1, high: 2}}}}}}}}\n",
            ":4: sample.method: ",
            "is 'halton', must be one of sobol, latin_hypercube",
            id="method",
        ),
    ],
)
def test_a_fault_of_a_sweep_file_is_one_line_with_its_place(breakeven, text, place, message):
    Path("sweep.yaml").write_text(text)
    assert_told(breakeven("sweep", "sweep.yaml", "-o", "results"), (f"sweep.yaml{place}", message))
    assert files_in(".") == ["sweep.yaml"]


def test_a_fault_of_the_base_ends_a_sweep_with_its_place(breakeven):
    Path(FILE).write_text(SOUND.replace(DAYS, "  days: 0"))
    Path("sweep.yaml").write_text(SWEEP.replace("minimal", FILE))
    assert_told(breakeven("sweep", "sweep.yaml", "-o", "results"), (f"{FILE}:4: horizon.days: ", "is 0"))
    assert files_in(".") == [FILE, "sweep.yaml"]


def test_a_missing_sweep_names_the_bundled_ones(breakeven):
    assert_told(breakeven("sweep", "gpu-rend"), ("gpu-rend: ", "did you mean 'gpu-rent'?"))


# The output folder


def test_an_output_folder_that_cannot_be_made_is_one_line_and_exit_status_1(breakeven, tmp_path):
    Path("file").write_text("in the way")
    result = breakeven("run", "minimal", "--set", "horizon.days=1", "--output", "file/below")
    assert result.status == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [f"{Path('file/below/minimal')}: Not a directory"]
    assert files_in(tmp_path) == ["file"]
    assert Path("file").read_text() == "in the way"


# As a process of its own


@pytest.mark.parametrize(
    ("content", "arguments", "status", "message"),
    [
        pytest.param(SOUND.replace(DAYS, "  dais: 14"), [FILE], 2, f"{FILE}:4: horizon.dais: unknown key", id="a-key"),
        pytest.param(_BOMB, [FILE], 2, f"{FILE}:5: holds more than 100,000 values", id="a-bomb"),
        pytest.param(SOUND, ["missing.yaml"], 2, "missing.yaml: no such file", id="a-missing-file"),
        pytest.param(SOUND, [FILE, "-o", f"{FILE}/x"], 1, f"{FILE}/x/broken: Not a directory", id="an-output-folder"),
    ],
)
def test_the_process_ends_with_one_line_and_the_status(tmp_path, content, arguments, status, message):
    (tmp_path / FILE).write_text(content)
    command = [sys.executable, "-m", "simulator.cli.main", "run", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(message)
    assert files_in(tmp_path) == [FILE]
