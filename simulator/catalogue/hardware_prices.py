"""What GPUs and whole servers are bought for, from `hardware/prices.yaml`."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from simulator._paths import data_folder
from simulator.catalogue.dated_rows import DatedRow, row_of_day
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.catalogue.hardware import gpu_ids
from simulator.domain.base import Flag, Model, Positive, PositiveWhole

Condition = Literal["new", "used"]


class HardwarePrice(DatedRow):
    """A dated price of a board, or of a whole server."""

    gpu: str
    gpus: PositiveWhole = Field(default=1, description="GPUs in it.")
    whole_node: Flag = Field(default=False, description="Whether the server around the GPUs is in the price.")
    condition: Condition = "new"
    usd: Positive = Field(description="Price, before tax. [USD]")

    @model_validator(mode="after")
    def _whole(self) -> HardwarePrice:
        if self.gpus > 1 and not self.whole_node:
            raise ValueError(f"gpus: is {self.gpus}, must be 1 where whole_node is false")
        return self


class _PriceFile(Model):
    prices: tuple[HardwarePrice, ...] = Field(min_length=1)


@cache
def hardware_prices() -> tuple[HardwarePrice, ...]:
    """All prices of the catalogue, of any day, in the order of the file."""
    path = data_folder("hardware") / "prices.yaml"
    return parsed(_PriceFile, read_mapping(path), path).prices


def node_price(gpu_id: str, gpus_per_node: int, condition: Condition = "new", *, on: date) -> HardwarePrice | None:
    """The newest price on a day of a whole server with so many of a GPU, else of one GPU alone.

    Parameters
    ----------
    gpu_id : str
        Id of the GPU.
    gpus_per_node : int
        GPUs of the server.
    condition : str
        `new` or `used`.
    on : date
        The day whose prices hold.

    Returns
    -------
    HardwarePrice or None
        Its `whole_node` says which; a price of one GPU leaves out the server and is to be taken `gpus_per_node` times.
        Where every price is later than the day, the earliest one, and its note says so. None: no price is known.

    Raises
    ------
    UnknownId
        If there is no such GPU.
    """
    if gpu_id not in gpu_ids():
        raise UnknownId(gpu_id, gpu_ids())
    of_gpu = [price for price in hardware_prices() if price.gpu == gpu_id and price.condition == condition]
    whole = [price for price in of_gpu if price.whole_node and price.gpus == gpus_per_node]
    found = whole or [price for price in of_gpu if not price.whole_node]
    return row_of_day(found, on) if found else None
