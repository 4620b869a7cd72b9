"""How long a replica takes to start, part by part: the weights by their size, the rest as given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.catalogue.hardware import gpu as gpu_of
from simulator.catalogue.hardware import open_model
from simulator.catalogue.replicas import shape_of
from simulator.domain.arithmetic import default_precision
from simulator.domain.autoscaling import ColdStart
from simulator.domain.models_and_gpus import GPUS_PER_MACHINE, PRECISION_BYTES, Precision
from simulator.domain.roofline import weight_bytes


@dataclass(frozen=True)
class ColdStartParts:
    """Parts of a cold start, in their order. [s]"""

    provisioning_s: float
    image_pull_s: float
    weights_s: float
    warm_up_s: float
    weight_bytes: float

    @property
    def total_s(self) -> float:
        """From the order to the first token. [s]"""
        return self.provisioning_s + self.image_pull_s + self.weights_s + self.warm_up_s


def cold_start_parts(
    cold_start: ColdStart,
    model: str,
    gpu: str,
    *,
    gpus: int = 1,
    precision: Precision | None = None,
    data_parallel: int = 1,
) -> ColdStartParts:
    """Parts of the cold start of a replica.

    Parameters
    ----------
    cold_start : ColdStart
        What is given.
    model, gpu : str
        Ids in the catalogue.
    gpus : int
        GPUs of the replica. Those of more than one machine fetch and read their parts side by side.
    precision : Precision, optional
        Of the weights; left out: as published, if the GPU has it, else 16 bit.
    data_parallel : int
        Groups of the replica that hold the weights each for itself.

    Returns
    -------
    ColdStartParts
        [s]

    Raises
    ------
    ValueError
        If the catalogue does not know the id, or the model's size.

    Notes
    -----
    Size over bandwidth: what a file system, a decompression or a slow first byte takes beside that is in the rates.
    A machine that holds them for several groups fetches them once, and reads them for each.
    """
    of_weights = precision or default_precision(open_model(model), gpu_of(gpu))
    size = float(weight_bytes(shape_of(model), PRECISION_BYTES[of_weights]))
    on_machine = size * data_parallel / math.ceil(gpus / GPUS_PER_MACHINE)
    return ColdStartParts(
        provisioning_s=cold_start.provisioning_s,
        image_pull_s=cold_start.image_pull_s,
        weights_s=cold_start.weights_s(min(size, on_machine), on_machine),
        warm_up_s=cold_start.warm_up_s,
        weight_bytes=size,
    )
