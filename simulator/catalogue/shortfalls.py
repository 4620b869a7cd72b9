"""By how much a model misses the memory of a replica, and what would fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.replicas import ReplicaIds, replica_of
from simulator.domain.arithmetic import precisions_of
from simulator.domain.models_and_gpus import GPU_COUNTS
from simulator.domain.roofline import Layout, free_bytes_per_gpu, kv_bytes_per_token
from simulator.domain.serving_state import Load
from simulator.domain.units import BYTES_PER_GB


def shortfall_text(ids: ReplicaIds, load: Load) -> str:
    """By how many GB a model misses the memory of a replica, and what would fit."""
    missing = missing_bytes(ids, load)
    gpus, heads = int(ids.layout.gpus), open_model(ids.model).value("attention_heads")
    larger = [count for count in GPU_COUNTS if count > gpus and heads % count == 0]
    more = [count for count in larger if missing_bytes(replace(ids, layout=Layout(count)), load) <= 0.0]
    fewer = [
        precision
        for precision in precisions_of(gpu_of(ids.gpu))
        if missing_bytes(replace(ids, precision=precision), load) <= 0.0
    ]
    fitting = ([", ".join(fewer)] if fewer else []) + ([f"{more[0]} GPUs"] if more else [])
    return (
        f"{ids.model} in {ids.precision} lacks {missing / BYTES_PER_GB:.1f} GB on {gpus} x {ids.gpu}; would fit: "
        + (", or ".join(fitting) or "a GPU with more memory")
    )


def missing_bytes(ids: ReplicaIds, load: Load) -> float:
    """Memory that a replica lacks for its weights and one request. [bytes]"""
    replica = replica_of(ids)
    longest = float(np.max(load.input_tokens + load.output_tokens))
    tensor_parallel = replica.layout.tensor_parallel
    cache = kv_bytes_per_token(replica.shape, replica.number_format.bytes_per_kv_value, tensor_parallel)
    held = replica.shape.context_tokens_held(longest)
    free = free_bytes_per_gpu(replica) * replica.layout.gpus_per_group
    return float((cache * held - free) * replica.layout.data_parallel)
