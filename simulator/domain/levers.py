"""The levers of a scenario: `Levers` is their registry, and the order in which they are combined."""

from __future__ import annotations

from pydantic import Field

from simulator.domain.base import Model
from simulator.domain.lever_moves import Lever
from simulator.domain.levers_of_demand import Batch, CachedAnswers, OutputCap, PromptCache, ShorterPrompts
from simulator.domain.levers_of_options import BetterUtilization, Quantization, Reserved, Routing, SmallerModel, Spot


class Levers(Model):
    """What `breakeven levers` assumes of each way to cut the bill; `run` does not look at it."""

    routing: Routing = Field(default_factory=Routing, description="A cheaper model for a share of the requests.")
    smaller_model: SmallerModel = Field(default_factory=SmallerModel, description="A cheaper model for all of them.")
    prompt_cache: PromptCache = Field(default_factory=PromptCache, description="Input read from a prompt cache.")
    response_cache: CachedAnswers = Field(default_factory=CachedAnswers, description="Answers given again.")
    batch: Batch = Field(default_factory=Batch, description="Requests sent to the batch API.")
    prompt_compression: ShorterPrompts = Field(default_factory=ShorterPrompts, description="Shorter prompts.")
    output_cap: OutputCap = Field(default_factory=OutputCap, description="Shorter answers.")
    quantization: Quantization = Field(default_factory=Quantization, description="Weights of fewer bits.")
    utilization: BetterUtilization = Field(default_factory=BetterUtilization, description="Fuller machines.")
    reserved: Reserved = Field(default_factory=Reserved, description="A base on a longer contract.")
    spot: Spot = Field(default_factory=Spot, description="Machines that may be taken back.")

    @property
    def all(self) -> tuple[Lever, ...]:
        """Every lever, in the order in which they are combined."""
        return tuple(getattr(self, name) for name in type(self).model_fields)
