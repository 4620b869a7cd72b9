"""A demand as JSON: of a scenario at its own volume, or of a recording. Null is unknown."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from simulator.domain.recordings import Recording
from simulator.presentation.traffic_card import QUANTILES, scenario_notes
from simulator.presentation.traffic_shown import ScenarioTraffic, TrafficShown


def scenario_content(traffic: ScenarioTraffic) -> dict[str, Any]:
    """What `breakeven traffic --json` prints."""
    per_month = traffic.requests_per_month
    return {
        "title": traffic.scenario.title,
        "seed": traffic.scenario.seed,
        "requests_per_month": per_month,
        "tokens_per_month": per_month * traffic.scenario.mix.total_tokens,
        "spike_share": traffic.path.spike_share,
        "job_share": traffic.path.job_share,
        **shown_content(traffic.shown),
        "notes": scenario_notes(traffic),
    }


def recording_content(recording: Recording, shown: TrafficShown) -> dict[str, Any]:
    """What `breakeven trace inspect --json` prints."""
    return {
        "source": recording.source,
        "layout": recording.layout,
        "rows": recording.rows,
        "start": None if recording.start_utc is None else recording.start_utc.isoformat(),
        "duration_s": recording.duration_s,
        **shown_content(shown),
        "length_correlation": recording.length_correlation,
        "notes": list(recording.notes),
    }


def lengths_content(recording: Recording) -> dict[str, Any]:
    """The same of a recording that tells lengths only."""
    laws = {"prompts": recording.input_lengths, "answers": recording.output_lengths}
    return {
        "source": recording.source,
        "layout": recording.layout,
        "rows": recording.rows,
        "mean_tokens": {name: None if law is None else law.mean for name, law in laws.items()},
        "length_correlation": recording.length_correlation,
        "notes": list(recording.notes),
    }


def shown_content(shown: TrafficShown) -> dict[str, Any]:
    """Statistics and lengths of a demand, with units in their names."""
    statistics = asdict(shown.statistics)
    statistics["autocorrelations"] = [
        {key: value for key, value in one.items() if not key.endswith("needs")}
        for one in statistics["autocorrelations"]
    ]
    statistics["windows"] = [
        {key: value for key, value in one.items() if key != "needs"} for one in statistics["windows"]
    ]
    statistics["load_duration"] = shown.load_duration.tolist()
    lengths = {
        name: {
            "mean_tokens": one.mean,
            **{f"p{share}_tokens": one.quantiles[share] if one.quantiles else None for share in QUANTILES},
        }
        for name, one in shown.lengths.items()
    }
    content: dict[str, Any] = _finite(
        {
            "timezone": shown.timezone,
            **statistics,
            "load_window_s": shown.load_window_s,
            "idle_at_p99_share": shown.idle_at_p99_share,
            "idle_at_peak_share": shown.idle_at_peak_share,
            "peak_tokens_per_s": shown.peak_tokens_per_s,
            "lengths": lengths,
        }
    )
    return content


def _finite(content: Any) -> Any:
    """The content with null where a number is infinite, which JSON does not know."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
