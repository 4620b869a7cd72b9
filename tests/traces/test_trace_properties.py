"""What holds for every recording: nothing is lost or made up, and the size of the pieces read does not matter."""

import json
import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.traces import documents, tables
from simulator.traces.reading import TraceError, read_recording

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = datetime(2026, 3, 2, 9, 0, 17, tzinfo=UTC)

# Gaps in milliseconds and two lengths of each request; a length may be unknown.
LENGTH = st.one_of(st.none(), st.integers(0, 200_000))
REQUESTS = st.lists(st.tuples(st.integers(0, 40_000), LENGTH, LENGTH), min_size=2, max_size=60)
STEPS = st.sampled_from([5.0, 30.0, 60.0, 300.0])


def read_in_pieces(path, rows, **arguments):
    """The recording, read so many rows at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_MOST_ROWS", rows)
        patch.setattr(documents, "_ROWS", rows)
        return read_recording(path, **arguments)


def moments_of(requests):
    """Milliseconds from the first request to each, and after the last a gap that no step outlasts."""
    return np.cumsum([0, *(gap for gap, _, _ in requests[1:])])


def log_of(requests, folder):
    """A log of requests, and one more, eleven minutes later, so that every step with one of them is whole."""
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    moments = moments_of(requests)
    for moment, (_, given_, made) in zip(moments, requests, strict=True):
        time = START + timedelta(milliseconds=int(moment))
        lines.append(f"{time.isoformat()},{'' if given_ is None else given_},{'' if made is None else made}")
    lines.append(f"{(START + timedelta(milliseconds=int(moments[-1]), minutes=11)).isoformat()},1,1")
    path = folder / "log"
    path.write_text("\n".join(lines) + "\n")
    return path


@QUICK
@given(requests=REQUESTS, step_s=STEPS)
def test_every_request_and_token_is_in_the_step_of_its_time(requests, step_s):
    with tempfile.TemporaryDirectory() as folder:
        recording = read_recording(log_of(requests, Path(folder)), step_s=step_s)
    assert recording.rows == len(requests) + 1
    assert recording.requests.sum() == len(requests)
    first = START.replace(second=0)
    assert recording.start_utc == first
    expected = np.zeros((3, recording.steps))
    for moment, (_, given_, made) in zip(moments_of(requests), requests, strict=True):
        step = int((START + timedelta(milliseconds=int(moment)) - first) / timedelta(seconds=step_s))
        expected[0, step] += 1
        expected[1, step] += math.nan if given_ is None else given_
        expected[2, step] += math.nan if made is None else made
    np.testing.assert_array_equal([recording.requests, recording.input_tokens, recording.output_tokens], expected)


@QUICK
@given(requests=REQUESTS, rows=st.integers(1, 70), step_s=STEPS)
def test_the_size_of_the_pieces_does_not_matter(requests, rows, step_s):
    with tempfile.TemporaryDirectory() as folder:
        path = log_of(requests, Path(folder))
        whole, pieces = read_recording(path, step_s=step_s), read_in_pieces(path, rows, step_s=step_s)
    assert whole == pieces
    assert (whole.rows, whole.notes) == (pieces.rows, pieces.notes)
    assert (whole.input_lengths, whole.output_lengths) == (pieces.input_lengths, pieces.output_lengths)
    if whole.length_correlation is None:
        assert pieces.length_correlation is None
    else:
        assert whole.length_correlation == pytest.approx(pieces.length_correlation, abs=1e-9)


@QUICK
@given(requests=REQUESTS, step_s=STEPS)
def test_lines_of_json_hold_the_same_as_a_table(requests, step_s):
    with tempfile.TemporaryDirectory() as folder:
        plain = read_recording(log_of(requests, Path(folder)), step_s=step_s)
        path = Path(folder) / "lines"
        keys = ("startTime", "prompt_tokens", "completion_tokens")
        rows = [line.split(",") for line in (Path(folder) / "log").read_text().splitlines()[1:]]
        values = [(time, *(int(tokens) if tokens else None for tokens in lengths)) for time, *lengths in rows]
        path.write_text("".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in values))
        assert read_recording(path, step_s=step_s) == plain


@QUICK
@given(requests=REQUESTS)
def test_lengths_are_the_statistics_of_the_requests(requests):
    with tempfile.TemporaryDirectory() as folder:
        recording = read_recording(log_of(requests, Path(folder)))
    for lengths, side in ((recording.input_lengths, 1), (recording.output_lengths, 2)):
        known = np.sort([*(request[side] for request in requests if request[side] is not None), 1])
        assert lengths.count == known.size
        assert lengths.mean == pytest.approx(known.mean(), rel=1e-12)
        expected = [known[max(math.ceil(share * known.size / 100) - 1, 0)] for share in range(101)]
        np.testing.assert_allclose(lengths.quantiles, expected, rtol=2e-4)
        logs = np.log(known[known > 0])
        assert lengths.log_mean == pytest.approx(logs.mean(), abs=1e-4)
        assert lengths.log_sd == pytest.approx(logs.std(), abs=1e-4)


@QUICK
@given(
    requests=st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 99), st.integers(1, 99)), min_size=3, max_size=60)
)
def test_the_correlation_is_that_of_the_logarithms(requests):
    with tempfile.TemporaryDirectory() as folder:
        correlation = read_recording(log_of(requests, Path(folder))).length_correlation
    logs = np.log([*((given_, made) for _, given_, made in requests), (1, 1)]).T
    if logs.std(axis=1).min() < 1e-6:
        assert correlation is None
    else:
        assert correlation == pytest.approx(np.corrcoef(logs)[0, 1], abs=1e-6)


SUM = st.one_of(st.none(), st.integers(0, 10**9))


@QUICK
@given(
    rows=st.lists(st.tuples(SUM, SUM, SUM), min_size=3, max_size=80),
    step_s=st.sampled_from([1, 60, 600, 3600]),
    data=st.data(),
)
def test_sums_keep_what_is_unknown_and_a_row_that_is_not_there_is_unknown(rows, step_s, data):
    left_out = data.draw(
        st.sets(st.integers(2, len(rows) - 1), max_size=len(rows) // 3).map(lambda some: some - {len(rows) - 1})
    )
    expected = np.array([[math.nan if value is None else value for value in row] for row in rows], dtype=float)
    expected[sorted(left_out)] = math.nan
    lines = ["offset_s,requests,input_tokens,output_tokens"]
    for step, row in enumerate(rows):
        if step not in left_out:
            lines.append(",".join([str(step * step_s), *("" if value is None else str(value) for value in row)]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sums"
        path.write_text("\n".join(lines) + "\n")
        try:
            recording = read_in_pieces(path, data.draw(st.integers(1, 50)))
        except TraceError as error:
            # So many are left out that no distance is more common than that of two steps.
            distances = np.diff([step for step in range(len(rows)) if step not in left_out])
            assert "whole number of steps" in str(error) and (distances > 1).sum() >= (distances == 1).sum()
            return
    if recording.step_s == step_s:
        np.testing.assert_array_equal([recording.requests, recording.input_tokens, recording.output_tokens], expected.T)


@QUICK
@given(requests=REQUESTS, times=st.integers(2, 5))
def test_resampling_keeps_the_sums_of_whole_steps_and_what_is_unknown(requests, times):
    with tempfile.TemporaryDirectory() as folder:
        recording = read_recording(log_of(requests, Path(folder)))
    longer = recording.resampled(60.0 * times)
    whole = recording.steps // times * times
    assert (longer.step_s, longer.steps, longer.start_utc) == (60.0 * times, whole // times, recording.start_utc)
    assert longer.requests.sum() == recording.requests[:whole].sum()
    for short, long in ((recording.input_tokens, longer.input_tokens), (recording.output_tokens, longer.output_tokens)):
        parts = short[:whole].reshape(-1, times)
        np.testing.assert_array_equal(np.isnan(long), np.isnan(parts).any(axis=1))
        np.testing.assert_array_equal(long, parts.sum(axis=1))


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 200])
@pytest.mark.parametrize("line", [2, 9, 150, 299])
@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ("2024-05-12 04:10:00,-1,1", ": ContextTokens: is -1"),
        ("never,1,1", ": TIMESTAMP: is 'never'"),
        ("2024-05-12 04:10:00,1,1,1", ": has 4 fields"),
        ("2024-05-12 04:10:00,1", ": has 2 fields"),
        ("2031-05-12 04:10:00+02:00,1,1", ": TIMESTAMP: is '2031-05-12 04:10:00+02:00', must be without"),
    ],
)
def test_lines_are_right_in_every_piece(rows, line, broken, place, tmp_path):
    minutes = [f"2024-05-12 {i // 60:02d}:{i % 60:02d}:00,{i},{i}" for i in range(300)]
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens", *minutes]
    lines[line] = broken
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TraceError) as caught:
        read_in_pieces(path, rows)
    assert str(caught.value).startswith(f"{path}:{line + 1}{place}")


def test_a_repeated_id_is_found_across_pieces(tmp_path):
    rows = [f"c-{i},2024-05-12 {i // 60:02d}:{i % 60:02d}:00,{i},{i}" for i in range(300)]
    rows[250] = rows[250].replace("c-250", "c-3")
    path = tmp_path / "log"
    path.write_text("\n".join(["request_id,startTime,prompt_tokens,completion_tokens", *rows]) + "\n")
    with pytest.raises(TraceError, match=r"log:252: request_id: is 'c-3' again"):
        read_in_pieces(path, 40)


def test_blank_ids_are_no_ids(tmp_path):
    rows = [f",2024-05-12 {i // 60:02d}:{i % 60:02d}:00,{i},{i}" for i in range(5)]
    path = tmp_path / "log"
    path.write_text("\n".join(["request_id,startTime,prompt_tokens,completion_tokens", *rows]) + "\n")
    assert read_recording(path).rows == 5
