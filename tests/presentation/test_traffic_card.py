"""The card of a demand: figures worked out by hand, what is unknown and why, JSON without holes."""

import json
from io import StringIO

import numpy as np
import pytest
from hand_made_traffic import lengths, recording, two_level_week

import simulator as sim
from simulator.presentation.files import json_text
from simulator.presentation.traffic_card import (
    known,
    print_recorded_traffic,
    print_scenario_traffic,
    recording_lines,
    scenario_lines,
)
from simulator.presentation.traffic_content import recording_content, scenario_content
from simulator.presentation.traffic_shown import (
    SHARES,
    recorded_traffic,
    scenario_lengths,
    scenario_traffic,
    timezone_of,
)


def scenario(traffic, horizon=None, workload=None, **more):
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    api = {"kind": "api", "prices": prices}
    return sim.load_scenario(
        {
            "title": "Made by hand",
            "horizon": {"days": 14, "step_s": 300} if horizon is None else horizon,
            "traffic": traffic,
            "workload": workload or {"turn": {"input_tokens": 900, "output_tokens": 100}},
            "options": {"one": api, "other": api},
            **more,
        }
    )


def row_of(lines, label):
    """What stands behind a label, in words."""
    (found,) = (line for line in lines if line.strip().startswith(label))
    return found.strip().removeprefix(label).split()


# A recording


def test_a_recording_of_two_levels_has_the_figures_of_two_levels():
    lines = recording_lines(made := recording(two_level_week()), recorded_traffic(made, "UTC"))
    # 60 and 180 requests a minute, half of the time each: mean 120, peak 1.5 of it
    assert "120 requests" not in " ".join(lines)
    assert row_of(lines, "volume")[:4] == ["173,000", "requests", "a", "day"]  # 120 x 1,440 = 172,800
    assert row_of(lines, "mean rate") == ["2", "requests/s", "220", "tokens/s"]
    assert row_of(lines, "busiest minute") == ["3", "requests/s", "330", "tokens/s"]
    assert row_of(lines, "peak over mean") == ["1.50"] * 4
    assert row_of(lines, "mean day, peak to trough") == ["3"]
    assert row_of(lines, "weekend over weekday") == ["1"]
    assert row_of(lines, "steps without a request") == ["none"]
    # sized for the peak 180, half of the time at 60: 120 of 180 in use
    assert "99 % of the time: 33 %" in " ".join(row_of(lines, "idle if sized for"))
    assert "50 % of it below 1.5 x" in " ".join(row_of(lines, "load by hour"))
    assert row_of(lines, "requests in all") == ["1,209,600"]
    assert row_of(lines, "prompts")[:4] == ["100", "unknown", "unknown", "unknown"]


def test_what_an_hour_cannot_tell_is_unknown_and_says_what_it_needs():
    made = recording(np.full(60, 5.0), start_utc=None)
    lines = recording_lines(made, recorded_traffic(made, "UTC"))
    text = "\n".join(lines)
    assert "unknown (needs 2 days)" in text
    assert "unknown (needs the date of its start)" in text
    assert "needs 10 h (1 h)" in text
    assert "needs 2 weeks (1 week)" in text
    assert "1 h, start unknown" in text
    assert row_of(lines, "volume at this rate")[0] == "7,200"


def test_unknown_steps_are_counted_and_notes_are_passed_on():
    requests = two_level_week()
    requests[:504] = np.nan  # a twentieth of the week
    made = recording(requests, notes=("2 failed requests left out",), length_correlation=0.25)
    lines = recording_lines(made, recorded_traffic(made, "UTC"))
    assert row_of(lines, "unknown steps") == ["504", "5", "%"]
    assert lines[-1] == "- 2 failed requests left out"
    assert row_of(lines, "prompt with answer")[0] == "0.25"


def test_tokens_that_are_unknown_are_not_zero():
    nothing = np.full(two_level_week().size, np.nan)
    made = recording(two_level_week(), input_tokens=nothing, output_tokens=nothing)
    lines = recording_lines(made, recorded_traffic(made, "UTC"))
    assert row_of(lines, "mean rate")[2:] == ["tokens", "unknown"]
    assert row_of(lines, "input tokens in all") == ["unknown"]
    assert row_of(lines, "prompts")[0] == "unknown"


def test_lengths_of_single_requests_are_shown_by_their_quantiles():
    made = recording(two_level_week(), input_lengths=lengths(100.0), output_lengths=lengths(10.0))
    lines = recording_lines(made, recorded_traffic(made, "UTC"))
    # evenly from 1 to 200
    assert row_of(lines, "prompts")[:4] == ["100", "100", "180", "198"]


def test_the_json_of_a_recording_is_whole_and_null_where_unknown():
    made = recording(np.tile(np.r_[np.zeros(12), np.ones(12)], 2), step_s=3_600.0)
    content = json.loads(json_text(recording_content(made, recorded_traffic(made, "UTC"))))
    assert content["day_peak_to_trough"] is None  # infinite, which JSON does not know
    assert content["needs"]["weekend_to_weekday"] == "a week"
    assert content["windows"][0] == {
        "window_s": 60.0, "peak_to_mean": None, "p99_to_mean": None, "dispersion": None,
    }  # fmt: skip
    assert len(content["load_duration"]) == 101
    assert content["mean_requests_per_day"] == pytest.approx(12.0)
    assert content["lengths"]["prompts"] == {
        "mean_tokens": 100.0, "p50_tokens": None, "p90_tokens": None, "p99_tokens": None,
    }  # fmt: skip


def test_a_value_is_itself_or_what_it_takes_to_know_it():
    assert known(2.5, "a week") == "2.5"
    assert known(None, "a week") == "unknown (needs a week)"


# A scenario


def test_a_constant_demand_has_its_volume_and_no_ups_and_downs():
    lines = scenario_lines(scenario_traffic(scenario({"requests_per_day": 86_400})))
    assert row_of(lines, "volume") == ["86,400", "requests", "a", "day", "2.63", "M", "a", "month"]
    assert row_of(lines, "mean rate") == ["1", "requests/s", "1,000", "tokens/s"]
    assert row_of(lines, "peak over mean") == ["1.00"] * 4
    assert row_of(lines, "index of dispersion") == ["0.00"] * 4
    assert row_of(lines, "noise over the season")[0] == "0"
    assert row_of(lines, "expected in spikes") == ["none"]
    assert row_of(lines, "prompts") == ["900"] * 4 + ["none"]
    assert any("without counting noise" in line for line in lines)


def test_poisson_counts_have_a_dispersion_of_one():
    traffic = scenario_traffic(scenario({"requests_per_day": 86_400, "counts": "poisson"}, {"days": 28, "step_s": 60}))
    windows = traffic.shown.statistics.windows
    for window in windows:
        count = 28 * 86_400 / window.window_s
        assert window.dispersion == pytest.approx(1.0, abs=4 * np.sqrt(2 / count))
    assert not any("without counting noise" in line for line in scenario_lines(traffic))


def test_statistics_are_of_one_minute_steps_whatever_the_step_of_the_scenario():
    day = {"requests_per_day": 1e6, "diurnal": {"peak_hour": 14, "peak_to_mean": 1.8}}
    for step_s in (30, 300, 7_200):
        traffic = scenario_traffic(scenario(day, {"days": 14, "step_s": step_s}))
        assert traffic.shown.step_s == min(step_s, 60)
        assert traffic.path.step_s == step_s
        assert traffic.shown.statistics.windows[0].peak_to_mean == pytest.approx(1.8, abs=1e-3)
        # the mean hour beside the peak of a cosine over that beside its trough
        hour = 0.8 * np.sin(np.pi / 12) / (np.pi / 12)
        assert traffic.shown.statistics.day_peak_to_trough == pytest.approx((1 + hour) / (1 - hour), rel=1e-3)


def test_a_horizon_that_is_not_of_whole_minutes_keeps_its_steps():
    traffic = scenario_traffic(scenario({"requests_per_day": 1e6}, {"hours": 1.0125, "step_s": 90 * 0.9}))
    assert traffic.shown.step_s == traffic.path.step_s == pytest.approx(81.0)


def test_growth_is_in_what_arrives_and_not_in_the_statistics():
    traffic = scenario_traffic(
        scenario({"requests_per_day": 1_000, "growth_per_month": 0.5}, {"months": 2, "step_s": 3_600})
    )
    assert traffic.path.requests.sum() == pytest.approx(1_000 * 730 / 24 * 2.5)
    assert traffic.shown.statistics.mean_requests_per_day == pytest.approx(1_000.0)
    assert any("Growth is left out" in line for line in scenario_lines(traffic))


def test_the_noise_that_was_asked_for_is_the_noise_that_is_told():
    noise = {"relative_sd": 0.3, "correlation_time_s": 600}
    traffic = scenario_traffic(scenario({"requests_per_day": 1e6, "noise": noise}, {"days": 84, "step_s": 60}))
    # The variance over n minutes of an AR(1) with a memory of T minutes errs by sqrt(2 T / n), its root by half of it.
    error = 0.5 * np.sqrt(2 * 10 / (84 * 1_440))
    assert traffic.shown.statistics.noise_relative_sd == pytest.approx(0.3, rel=5 * error + 0.01)


def test_classes_of_requests_mix_by_their_shares():
    workload = {
        "short": {"share": 0.75, "input_tokens": 100, "output_tokens": 10},
        "long": {"share": 0.25, "input_tokens": 1_000, "output_tokens": 10},
    }
    prompts = scenario_lengths(scenario({"requests_per_day": 1_000}, workload=workload))["prompts"]
    assert prompts.mean == 0.75 * 100 + 0.25 * 1_000
    assert [prompts.quantiles[share] for share in (0, 50, 75, 76, 100)] == [100, 100, 100, 1_000, 1_000]


def test_lengths_are_the_lognormals_they_are_said_to_be():
    laws = {"input": {"log_sd": 0.8}, "output": {"log_sd": 0.6, "drift_relative_sd": 0.5}}
    shown = scenario_lengths(scenario({"requests_per_day": 1_000, "token_lengths": laws}))
    # a lognormal of mean m has the median m exp(-s^2 / 2); the drift adds its variance
    assert shown["prompts"].quantiles[50] == pytest.approx(900 * np.exp(-0.5 * 0.8**2), rel=0.01)
    assert shown["prompts"].quantiles[90] / shown["prompts"].quantiles[50] == pytest.approx(
        np.exp(0.8 * 1.2816), rel=0.01
    )
    variance = 0.6**2 + np.log(1.25)
    assert shown["answers"].quantiles[50] == pytest.approx(100 * np.exp(-0.5 * variance), rel=0.01)
    middle = np.interp(SHARES, SHARES, shown["prompts"].quantiles)
    assert np.all(np.diff(middle) >= 0)


def test_a_blend_is_shown_on_the_clock_of_its_largest_part():
    traffic = {
        "requests_per_day": 1_000,
        "blend": {"few": {"share": 0.3, "timezone": "Asia/Tokyo"}, "many": {"share": 0.7, "timezone": "Europe/Paris"}},
    }
    assert timezone_of(scenario(traffic).traffic) == "Europe/Paris"


def test_a_recording_in_long_steps_is_said_to_hide_shorter_peaks(tmp_path):
    rows = [f"{600 * place},{1 + 2 * (place % 2)},," for place in range(2 * 7 * 72)]
    (tmp_path / "steps.csv").write_text("\n".join(["offset_s,requests,input_tokens,output_tokens", *rows]) + "\n")
    lines = scenario_lines(scenario_traffic(scenario({"kind": "trace", "file": str(tmp_path / "steps.csv")})))
    assert any(line.startswith("- Within the 10 min of a recorded step") for line in lines)
    # 2 requests in 10 minutes on the mean, 3 in every second of them
    assert row_of(lines, "volume")[0] == "288"
    assert row_of(lines, "peak over mean") == ["1.50", "1.50", "1.50", "1.00"]


def test_spikes_and_jobs_are_told_by_their_expected_share():
    job = {"share": 0.25, "start_hour": 2, "duration_hours": 3}
    spikes = {"per_month": 730, "height_to_mean": 2.0, "half_life_s": 600}
    traffic = scenario({"requests_per_day": 1e5, "jobs": {"nightly": job}, "spikes": spikes})
    drawn = scenario_traffic(traffic)
    # once an hour twice the mean, decaying with 600 s / ln 2
    excess = 2.0 * 600 / np.log(2) / 3_600
    content = scenario_content(drawn)
    assert content["job_share"] == pytest.approx(0.25)
    assert content["spike_share"] == pytest.approx(0.75 * excess / (1 + excess))
    assert "25 % of the volume" in " ".join(row_of(scenario_lines(drawn), "expected in jobs"))


def test_the_json_of_a_scenario_is_whole():
    content = json.loads(json_text(scenario_content(scenario_traffic(scenario({"requests_per_day": 86_400})))))
    assert content["requests_per_month"] == pytest.approx(86_400 * 730 / 24)
    assert content["tokens_per_month"] == pytest.approx(86_400 * 730 / 24 * 1_000)
    assert content["load_window_s"] == 3_600
    assert content["idle_at_peak_share"] == pytest.approx(0.0)


def test_cards_are_printed_with_a_line_end():
    made = recording(two_level_week())
    for print_card, arguments in (
        (print_recorded_traffic, (made, recorded_traffic(made, "UTC"))),
        (print_scenario_traffic, (scenario_traffic(scenario({"requests_per_day": 1_000})),)),
    ):
        stream = StringIO()
        print_card(*arguments, stream)
        assert stream.getvalue().endswith("\n")
        assert max(map(len, stream.getvalue().splitlines())) <= 130
