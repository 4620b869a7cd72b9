"""What a result should say about the demand it stands on: presets and what is assumed in them, replays, bursts."""

from __future__ import annotations

import numpy as np

from simulator.config.presets import ASSUMED, bundled_presets, load_preset
from simulator.domain.recordings import Recording
from simulator.domain.scenario import Scenario
from simulator.domain.shape import Shape
from simulator.domain.traffic import Traffic
from simulator.domain.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from simulator.simulation.calendar import Steps, event_spans
from simulator.simulation.demand import Demand
from simulator.simulation.replay import looped_s

_FAR_FROM_MEAN = 0.01
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
    days, looped_days = recording.duration_s / SECONDS_PER_DAY, looped_s(recording)[0] / SECONDS_PER_DAY
    text = f"{recording.source}, {days:.3g} days, stretched over the horizon"
    if shape.repeat == "loop":
        is_cut = days - looped_days > 0.02
        part = f"the first {looped_days:.3g} of its {days:.3g} days" if is_cut else f"{days:.3g} days"
        text = f"{recording.source}, {part}, looped"
    if unknown:
        text += f"; {unknown:,} of {recording.steps:,} steps are unknown and taken from the same time of other days"
    return text


def demand_warnings(scenario: Scenario, demand: Demand) -> list[str]:
    """What may mislead in the demand that a result stands on."""
    horizon, texts = scenario.horizon, []
    timeline = Steps(horizon.start_utc, horizon.steps, horizon.step_s)
    for name, (_, shape) in scenario.traffic.shapes.items():
        key = f"traffic.blend.{name}" if name else "traffic"
        for event_name, event in shape.events.items():
            spans = event_spans(event, shape.timezone, timeline)
            if not any(first < timeline.duration_s and last > 0 for first, last in spans):
                texts.append(f"{key}.events.{event_name} lies outside the horizon and changes nothing")
        if shape.piecewise is not None and shape.timezone != "UTC":
            texts.append(f"{key}.piecewise counts from the start, midnight UTC, whatever the timezone {shape.timezone}")
        if shape.recorded is not None and shape.recorded.step_s > SECONDS_PER_HOUR:
            hours = shape.recorded.step_s / SECONDS_PER_HOUR
            texts.append(f"{key}.file holds sums of {hours:g} h: peaks within are lost, which flatters every fleet")
    volume = scenario.tokens_per_month / scenario.mix.total_tokens
    realised = float(demand.level.coefficients(np.array([volume]))[:, 0] @ demand.level.rows.mean(axis=1))
    if abs(realised - 1) > _FAR_FROM_MEAN:
        texts.append(
            f"this draw of the demand lies {realised - 1:+.1%} off its mean; bills are those of the draw, "
            "another seed has others"
        )
    return texts
