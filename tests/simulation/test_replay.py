"""Replay of recordings: looped with hours and weekdays kept, stretched, with gaps, and with the lengths they had."""

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.domain.recordings import Recording
from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.domain.workload import Mix
from simulator.simulation.demand import sample_demand

MIX = Mix(300.0, 100.0)
WEDNESDAY_14 = datetime(2026, 9, 2, 14, tzinfo=UTC)


def recording(requests, step_s=3600.0, start=WEDNESDAY_14, inputs=None, outputs=None):
    """A recording of so many requests in each step."""
    requests = np.asarray(requests, dtype=float)
    unknown = np.full(requests.size, np.nan)
    return Recording(
        source="test.csv", layout="by hand", step_s=step_s, start_utc=start, requests=requests,
        input_tokens=unknown if inputs is None else np.asarray(inputs, dtype=float),
        output_tokens=unknown if outputs is None else np.asarray(outputs, dtype=float),
    )  # fmt: skip


def replayed(recorded, traffic=None, horizon=None):
    """The demand of a recording, at a million requests a month."""
    shape = Traffic.model_validate(
        {"requests_per_month": 1e6, "kind": "trace", "recorded": recorded, **(traffic or {})}
    )
    return sample_demand(shape, Horizon.model_validate(horizon), 1)


def hours_of_week(start, size, zone="UTC"):
    """Hour of the week from Monday at the begin of every hour."""
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    moments = [(begin + timedelta(hours=hour)).astimezone(ZoneInfo(zone)) for hour in range(size)]
    return np.array([moment.weekday() * 24 + moment.hour for moment in moments])


def test_a_recording_of_weeks_is_looped_with_its_weekdays_and_hours():
    # Two weeks from a Wednesday 14:00, of which every hour has a number of its own; the horizon begins on a Sunday.
    amounts = 100.0 + np.arange(336)
    got = replayed(recording(amounts), horizon={"start": date(2027, 1, 3), "days": 35, "step_s": 3600}).profile
    place = 3 * 24 + 10  # from Wednesday 14:00 to Sunday 00:00
    expected = amounts[(place + np.arange(35 * 24)) % 336]
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9)
    assert np.all((2 * 24 + 14 + (place + np.arange(840)) % 336) % 168 == hours_of_week(date(2027, 1, 3), 840))


def test_what_a_recording_has_beyond_its_whole_weeks_is_left_out():
    amounts = np.concatenate([1.0 + np.arange(168), np.full(50, 1e6)])
    horizon = {"start": date(2027, 1, 4), "days": 14, "step_s": 3600}
    cut, whole = (replayed(recording(x), horizon=horizon).profile for x in (amounts, amounts[:168]))
    assert cut == pytest.approx(whole, rel=1e-9)


def test_a_recording_of_days_keeps_the_hours_of_the_day():
    amounts = 10.0 + np.arange(48)  # from 14:00
    got = replayed(recording(amounts), horizon={"start": date(2027, 1, 8), "days": 6, "step_s": 3600}).profile
    clock = (14 + np.arange(48)) % 24
    for step in range(144):
        candidates = amounts[clock == step % 24]
        share = got[step] / got.mean() * amounts.mean()
        assert np.min(np.abs(candidates - share)) < 1e-6
    assert got[:96] == pytest.approx(np.concatenate([got[48:96], got[96:144]]), rel=1e-9)


def test_a_recording_shorter_than_a_day_begins_with_the_horizon_and_repeats():
    amounts = np.array([1.0, 5.0, 3.0])
    got = replayed(recording(amounts), horizon={"hours": 10, "step_s": 3600}).profile
    expected = np.resize(amounts, 10)
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9)


@pytest.mark.parametrize("step_s", [300, 1800, 7200])
def test_steps_of_another_length_keep_the_requests_of_every_moment(step_s):
    amounts = np.random.default_rng(2).uniform(1, 10, 168 * 12)  # of five minutes
    recorded = recording(amounts, step_s=300.0, start=datetime(2026, 9, 7, tzinfo=UTC))  # a Monday
    got = replayed(recorded, horizon={"start": date(2027, 1, 4), "days": 7, "step_s": step_s}).profile
    assert got == pytest.approx(amounts.reshape(-1, step_s // 300).mean(axis=1) / amounts.mean() if step_s >= 300
                                else np.repeat(amounts, 300 // step_s) / amounts.mean(), rel=1e-9)  # fmt: skip


def test_minutes_of_an_hourly_recording_are_level_within_the_hour():
    got = replayed(recording([2.0, 6.0]), horizon={"hours": 2, "step_s": 60}).profile
    assert got == pytest.approx(np.repeat([0.5, 1.5], 60), rel=1e-9)


def test_a_recording_in_another_zone_and_shifted_starts_at_its_local_hour():
    amounts = 1.0 + np.arange(168.0)
    zone = "Asia/Kolkata"  # UTC+5:30
    recorded = recording(amounts, start=datetime(2026, 9, 6, 18, 30, tzinfo=UTC))  # Monday 00:00 there
    horizon = {"start": date(2027, 1, 4), "days": 7, "step_s": 1800}
    got = replayed(recorded, {"timezone": zone}, horizon).profile
    local = (np.arange(336) / 2 + 5.5) % 168
    assert got == pytest.approx(amounts[local.astype(int)] / amounts.mean(), rel=1e-9)
    later = replayed(recorded, {"timezone": zone, "shift_hours": 8}, horizon).profile
    assert later == pytest.approx(np.roll(got, 16), rel=1e-9)


def test_offsets_only_start_on_the_date_that_is_given_or_else_on_a_monday():
    amounts = 1.0 + np.arange(168.0)
    horizon = {"start": date(2027, 1, 4), "days": 7, "step_s": 3600}  # a Monday
    unknown = replayed(recording(amounts, start=None), horizon=horizon).profile
    assert unknown == pytest.approx(amounts / amounts.mean(), rel=1e-9)
    friday = {"recorded_from": "2026-09-04T06:00:00"}
    got = replayed(recording(amounts, start=None), friday, horizon).profile
    assert got == pytest.approx(np.roll(amounts, 4 * 24 + 6) / amounts.mean(), rel=1e-9)


def test_a_stretched_recording_fills_the_horizon_once():
    amounts = np.array([1.0, 2.0, 6.0, 3.0])
    got = replayed(recording(amounts), {"repeat": "stretch"}, {"days": 4, "step_s": 3600}).profile
    assert got == pytest.approx(np.repeat(amounts, 24) / 3, rel=1e-9)
    shorter = replayed(recording(amounts), {"repeat": "stretch"}, {"hours": 2, "step_s": 3600}).profile
    assert shorter == pytest.approx([0.5, 1.5], rel=1e-9)


def test_unknown_steps_are_as_their_time_of_day_usually_is():
    amounts = np.tile(np.arange(24.0) + 1, 7)
    amounts[48:72] *= 3  # one other day
    holed = amounts.copy()
    holed[[5, 29, 130]] = np.nan  # 5:00 of two days, 10:00 of another
    horizon = {"start": date(2027, 1, 4), "days": 7, "step_s": 3600}
    got = replayed(recording(holed, start=datetime(2026, 9, 7, tzinfo=UTC)), horizon=horizon).profile
    filled = amounts.copy()
    five = np.array([amounts[24 * day + 5] for day in (2, 3, 4, 5, 6)]).mean()
    ten = np.array([amounts[24 * day + 10] for day in (0, 1, 2, 3, 4, 6)]).mean()
    filled[[5, 29]], filled[130] = five, ten
    assert got == pytest.approx(filled / filled.mean(), rel=1e-9)


def test_a_replay_has_the_lengths_of_its_steps_and_the_mean_of_the_workload():
    requests = np.array([10.0, 40.0, 0.0, 50.0])
    prompts = requests * np.array([100, 200, 0, 400])
    recorded = recording(requests, inputs=prompts, outputs=requests * 7)
    path = replayed(recorded, horizon={"hours": 4, "step_s": 3600}).path(730e4, MIX)
    assert path.requests == pytest.approx(requests * 400, rel=1e-9)
    # A recorded mean of 290 tokens against 300 of the workload.
    assert path.input_tokens == pytest.approx(prompts * 400 * 300 / 290, rel=1e-9)
    assert path.output_tokens == pytest.approx(path.requests * 100, rel=1e-9)


def test_steps_without_known_tokens_have_the_mean_length():
    requests = np.array([10.0, 30.0, 20.0])
    recorded = recording(requests, inputs=[1000.0, np.nan, 1000.0])
    path = replayed(recorded, horizon={"hours": 3, "step_s": 3600}).path(730e3, MIX)
    lengths = path.input_tokens / path.requests
    mean = 2000 / 30
    expected = np.array([100.0, mean, 50.0])
    assert lengths == pytest.approx(300 * expected / (expected @ requests / 60), rel=1e-9)


def test_a_recording_may_be_counted_and_grown():
    recorded = recording([1.0, 3.0])
    growing = {"counts": "poisson", "growth": {"kind": "linear", "per_month": 1.0}}
    path = replayed(recorded, growing, {"months": 2, "step_s": 3600}).path(730 * 4e4, MIX)
    for month, factor in ((0, 1), (1, 2)):
        hours = path.requests[730 * month : 730 * (month + 1)].reshape(-1, 2)
        for place, mean in ((0, 2e4 * factor), (1, 6e4 * factor)):
            assert hours[:, place].mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / 365))
            assert hours[:, place].var() == pytest.approx(mean, rel=4 * math.sqrt(2 / 365))


@pytest.mark.parametrize("step_s", [900, 3600])
def test_a_loop_keeps_the_local_hours_through_the_change_of_summer_time(step_s):
    amounts = 1.0 + np.arange(168.0)
    recorded = recording(amounts, start=datetime(2027, 1, 3, 23, tzinfo=UTC))  # Monday 00:00 in Berlin
    horizon = {"start": date(2027, 3, 22), "days": 14, "step_s": step_s}
    got = replayed(recorded, {"timezone": "Europe/Berlin"}, horizon).profile
    expected = np.repeat(amounts[hours_of_week(date(2027, 3, 22), 14 * 24, "Europe/Berlin")], 3600 // step_s)
    assert got == pytest.approx(expected / expected.mean(), rel=1e-9)


@pytest.mark.parametrize(("days", "steps"), [(1, 1_439), (7, 10_079), (7, 10_070)])
def test_a_log_that_ends_minutes_before_a_whole_number_of_days_loops_whole_ones(days, steps):
    hours = np.arange(steps) // 60
    counts = 100.0 + hours % 24 + 10.0 * (hours // 24)  # each hour of each day unlike the others
    recording = Recording("log", "made up", 60.0, datetime(2027, 1, 4, tzinfo=UTC), counts, counts, counts)
    traffic = Traffic.model_validate({"kind": "trace", "file": "log", "requests_per_day": 1e5})
    traffic = traffic.model_copy(update={"recorded": recording})
    got = sample_demand(traffic, Horizon(start=date(2027, 2, 1), days=3 * days, step_s=3600), 1).profile
    assert got[: 24 * days] == pytest.approx(got[24 * days : 48 * days], rel=1e-9)
    whole = 100.0 + np.arange(24 * days) % 24 + 10.0 * (np.arange(24 * days) // 24)
    assert got[: 24 * days - 1] / got[0] == pytest.approx(whole[:-1] / whole[0], rel=1e-9)
