"""Fitted efficiencies by GPU generation, engine class and link, and the arithmetic that a precision runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from simulator.domain.roofline import Efficiency
from simulator.domain.serving import Array, Numbers

Rows: TypeAlias = int | npt.NDArray[np.int64]

# Columns of the tables below, in the spelling of hardware/efficiencies.yaml.
GENERATION_COLUMNS = ("bandwidth_share", "compute_16bit_share", "compute_8bit_share", "compute_4bit_share")
ENGINE_COLUMNS = ("iteration_s", "sequence_s", "layer_s", "memory_share", "batch_cap", "small_gpu_batch_cap")
LINK_COLUMNS = ("link_share", "all_reduce_s")
LINKS = ("fast", "pcie")  # NVLink and its like between GPUs; the bus of the machine
SHARED = (
    "kv_bandwidth_share",
    "decode_compute_share",
    "knee",
    "attention_compute_share",
    "reserve_bytes",
    "output_held_share",
    "mixture_compute_share",
    "mixture_bandwidth_share",
    "mixture_layer_s",
    "weights_only_bandwidth_share",
    "weights_only_compute_share",
    "all_to_all_share",
    "pipeline_loss_share",
    "finite_run_loss_share",
    "first_token_s",
)


@dataclass(frozen=True)
class EfficiencyTable:
    """All fitted numbers. Rows of the arrays follow the names beside them, columns the constants above."""

    generations: tuple[str, ...]
    generation_values: Array  # (generations, 4)
    engines: tuple[str, ...]
    engine_values: Array  # (engines, 6)
    link_values: Array  # (2, 2)
    shared: Mapping[str, float]

    def efficiency(
        self,
        generation: Rows,
        arithmetic_bits: Rows,
        engine: Rows,
        link: Rows,
        is_small_gpu: Rows,
    ) -> Efficiency:
        """Efficiencies of one replica, or of n: arguments are row numbers, or arrays of shape (n,) of them.

        `arithmetic_bits` is 16, 8 or 4; `is_small_gpu` whether the engine caps the batch lower on such a GPU.
        """
        column = np.select([np.equal(arithmetic_bits, 16), np.equal(arithmetic_bits, 8)], [1, 2], 3)
        by_generation, by_engine = self.generation_values, self.engine_values
        cap = np.where(is_small_gpu, by_engine[engine, 5], by_engine[engine, 4])
        return Efficiency(
            bandwidth_share=_plain(by_generation[generation, 0]),
            compute_share=_plain(by_generation[generation, column]),
            iteration_s=_plain(by_engine[engine, 0]),
            sequence_s=_plain(by_engine[engine, 1]),
            layer_s=_plain(by_engine[engine, 2]),
            memory_share=_plain(by_engine[engine, 3]),
            batch_cap=_plain(cap),
            link_share=_plain(self.link_values[link, 0]),
            all_reduce_s=_plain(self.link_values[link, 1]),
            **self.shared,
        )


def _plain(value: Numbers) -> Numbers:
    """A number as a float of Python, which counts several times as quickly as one of numpy."""
    return value if np.ndim(value) else float(value)
