"""What a result should say about the demand it stands on: presets and what is assumed in them, replays, bursts."""

from __future__ import annotations

import numpy as np

from simulator.config.presets import ASSUMED, bundled_presets, load_preset
from simulator.domain.recordings import Recording
from simulator.domain.shape import Shape
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_DAY
from simulator.simulation.demand import Demand

_LEAST_SHARE = 0.0005  # of the volume: less is not worth a word


def demand_lines(traffic: Traffic, demand: Demand) -> list[str]:
    """A line for each thing that a reader of the result should know about its demand."""
    lines = []
    by_preset: dict[str, dict[str, Shape]] = {}
    for name, (share, shape) in traffic.shapes.items():
        whose = f"{name} {share:.0%}" if name else ""
        if shape.recorded is not None:
            lines.append(f"demand{f', {whose}' if whose else ''}: {_replay(shape, shape.recorded)}")
        elif shape.preset is not None:
            by_preset.setdefault(shape.preset, {})[whose] = shape
    for preset, shapes in by_preset.items():
        parts = f" ({', '.join(shapes)})" if "" not in shapes else ""
        lines.append(f"demand: preset {preset}{parts}{_assumed(preset, tuple(shapes.values()))}")
    bursts = [
        f"{share:.1%} in {what}"
        for share, what in ((demand.level.spike_share, "spikes"), (demand.level.job_share, "scheduled jobs"))
        if share > _LEAST_SHARE
    ]
    if bursts:
        lines.append(f"demand: {' and '.join(bursts)}, in expectation")
    return lines


def _assumed(preset: str, shapes: tuple[Shape, ...]) -> str:
    """What of a bundled preset is assumed and not given otherwise, and where to see the sources of the rest."""
    if preset not in bundled_presets():
        return ""
    loaded = load_preset(preset).preset
    keys = [key for key, source in loaded.sources.items() if source.source == ASSUMED]
    if any(shape.timezone != loaded.traffic.timezone for shape in shapes):
        keys = [key for key in keys if key != "timezone"]
    assumed = f"assumed in it: {', '.join(keys)}; " if keys else ""
    return f"; {assumed}sources: breakeven show {preset}"


def _replay(shape: Shape, recording: Recording) -> str:
    unknown = int(np.count_nonzero(~np.isfinite(recording.requests)))
    how = "looped" if shape.repeat == "loop" else "stretched over the horizon"
    text = f"{recording.source} ({recording.duration_s / SECONDS_PER_DAY:.3g} days) {how}"
    if unknown:
        text += f"; {unknown:,} of {recording.steps:,} steps are unknown and taken from the same time of other days"
    return text
