"""What must hold whatever the demand is made of."""

import math
from datetime import date

import numpy as np
import pytest
from demand_parts import MINUTES_PER_MONTH, MIX, PARTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.domain.scenario import Horizon
from simulator.domain.traffic import Traffic
from simulator.simulation.demand import forget_draws, sample_demand

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = date(2027, 3, 25)  # summer time begins on the fourth day

NOT_RANDOM = ("course", "shift", "plan", "events", "growth")
EXCLUSIVE = (("course", "shift"), ("noise", "noises"), ("spikes", "long spikes"))


@st.composite
def traffics(draw, names=tuple(PARTS)):
    """Any parts together, or two demands of such parts in a blend."""
    chosen = draw(st.sets(st.sampled_from(sorted(names)), min_size=1, max_size=6))
    for one, other in EXCLUSIVE:
        if one in chosen:
            chosen.discard(other)
    content = {key: value for name in sorted(chosen) for key, value in PARTS[name].items()}
    whole = {key: content.pop(key) for key in ("counts", "token_lengths", "growth") if key in content}
    if content and draw(st.booleans()):
        content = {"blend": {"one": {"share": 0.6, **content}, "other": {"share": 0.4, **PARTS["jobs"]}}}
    return {"requests_per_day": 1e4, **whole, **content}


def demand_of(content, seed=1, days=4, step_s=300):
    """A demand drawn anew; a cap holds at ten thousand requests a day."""
    forget_draws()
    return sample_demand(Traffic.model_validate(content), Horizon(start=START, days=days, step_s=step_s), seed)


def path_of(content, per_minute=20.0, **drawn):
    """That demand at a mean number of requests a minute."""
    return demand_of(content, **drawn).path(per_minute * MINUTES_PER_MONTH, MIX)


ARRAYS = ("expected_requests", "requests", "input_tokens", "output_tokens")


# Whatever the parts


@QUICK
@given(
    content=traffics(),
    seed=st.integers(0, 99),
    per_minute=st.floats(0.001, 1e4),
    step_s=st.sampled_from([60, 900, 7200]),
)
def test_demand_is_never_negative_and_the_same_seed_gives_the_same_bytes(content, seed, per_minute, step_s):
    one, other = (path_of(content, per_minute, seed=seed, step_s=step_s) for _ in range(2))
    for name in ARRAYS:
        values = getattr(one, name)
        assert values.shape == (4 * 86_400 // step_s,)
        assert np.all(np.isfinite(values))
        assert values.min() >= 0.0
        assert values.tobytes() == getattr(other, name).tobytes()


@QUICK
@given(
    content=traffics(),
    per_minute=st.one_of(st.floats(1e-3, 1.0), st.floats(1.0, 100.0), st.floats(100.0, 1e5)),
    factor=st.floats(1.0, 4.0),
    step_s=st.sampled_from([60, 300, 3600]),
)
def test_a_larger_volume_never_has_fewer_requests_at_any_step(content, per_minute, factor, step_s):
    demand = demand_of(content, step_s=step_s)
    small, large = (demand.path(rate * MINUTES_PER_MONTH, MIX) for rate in (per_minute, per_minute * factor))
    for name in ("expected_requests", "requests"):
        assert np.all(getattr(large, name) >= getattr(small, name) * (1 - 1e-12))


@QUICK
@given(content=traffics(), per_minute=st.sampled_from([0.05, 5.0, 34.0, 2e3]), seed=st.integers(0, 99))
def test_steps_below_an_hour_hold_the_same_requests_and_tokens(content, per_minute, seed):
    minutes = path_of(content, per_minute, seed=seed, step_s=60)
    for step_s in (300, 600, 900, 1800):
        steps = path_of(content, per_minute, seed=seed, step_s=step_s)
        for name in ARRAYS:
            expected = getattr(minutes, name).reshape(-1, step_s // 60).sum(axis=1)
            np.testing.assert_allclose(getattr(steps, name), expected, rtol=1e-9, atol=1e-9 * max(expected.max(), 1e-9))


@QUICK
@given(content=traffics(), per_minute=st.sampled_from([0.05, 0.6, 2e3]), seed=st.integers(0, 99))
def test_hours_and_longer_steps_hold_the_same_requests_and_tokens(content, per_minute, seed):
    hours = path_of(content, per_minute, seed=seed, step_s=3600)
    for step_s in (7200, 86_400):
        steps = path_of(content, per_minute, seed=seed, step_s=step_s)
        for name in ARRAYS:
            expected = getattr(hours, name).reshape(-1, step_s // 3600).sum(axis=1)
            np.testing.assert_allclose(getattr(steps, name), expected, rtol=1e-9, atol=1e-9 * max(expected.max(), 1e-9))


@QUICK
@given(content=traffics(NOT_RANDOM))
def test_hours_hold_the_requests_of_their_minutes_where_nothing_but_jobs_is_random(content):
    if "blend" in content:
        calm = {key: PARTS["jobs"]["jobs"]["it"][key] for key in ("share", "start_hour", "duration_hours")}
        content["blend"]["other"]["jobs"] = {"it": calm}
    minutes, hours = (path_of(content, step_s=step_s).requests for step_s in (60, 3600))
    np.testing.assert_allclose(hours, minutes.reshape(-1, 60).sum(axis=1), rtol=1e-9)


@QUICK
@given(content=traffics(), per_minute=st.floats(1.0, 1e3))
def test_the_shares_of_spikes_and_jobs_are_told(content, per_minute):
    path = path_of(content, per_minute)
    shapes = content.get("blend", {"": {"share": 1.0, **content}}).values()
    jobs = sum(shape["share"] * sum(job["share"] for job in shape.get("jobs", {}).values()) for shape in shapes)
    assert path.job_share == pytest.approx(jobs)
    has_spikes = any("spikes" in shape for shape in shapes)
    assert (path.spike_share > 0) == has_spikes


RANDOM = [name for name in PARTS if name not in NOT_RANDOM and name != "cap"]


@pytest.mark.parametrize("step_s", [300, 3600])
@pytest.mark.parametrize("name", RANDOM)
def test_switching_a_part_on_keeps_the_mean(name, step_s):
    content = {"requests_per_day": 1e4, **PARTS["course"], **PARTS[name]}
    means = {key: [] for key in ("requests", "input_tokens", "output_tokens")}
    for seed in range(60):
        path = path_of(content, 2.0, seed=seed, days=7, step_s=step_s)
        for key, samples in means.items():
            samples.append(getattr(path, key).sum() / (2.0 * 7 * 1440))
    for samples, expected in zip(means.values(), (1.0, MIX.input_tokens, MIX.output_tokens), strict=True):
        samples = np.array(samples)
        error = samples.std(ddof=1) / math.sqrt(samples.size)
        assert samples.mean() == pytest.approx(expected, abs=4 * error + 1e-9 * expected)


@pytest.mark.parametrize("step_s", [60, 3600])
def test_everything_together_keeps_the_mean(step_s):
    content = {"requests_per_day": 1e4}
    for name in ("shift", "noises", "spikes", "jobs", "counts", "lengths"):
        content |= PARTS[name]
    totals = np.array([path_of(content, 3.0, seed=seed, days=7, step_s=step_s).requests.sum() for seed in range(60)])
    error = totals.std(ddof=1) / math.sqrt(totals.size)
    assert totals.mean() == pytest.approx(3.0 * 7 * 1440, abs=4 * error)


# Streams


def test_every_part_has_a_stream_of_its_own():
    base = {"requests_per_day": 1e4}
    noise = {"noise": {"parts": {"a": {"relative_sd": 0.3}, "b": {"relative_sd": 0.4, "correlation_time_s": 600}}}}
    only_a = {"noise": {"parts": {"a": {"relative_sd": 0.3}}}}
    only_b = {"noise": {"parts": {"b": {"relative_sd": 0.4, "correlation_time_s": 600}}}}
    jobs = {
        "one": {"share": 0.2, "start_hour": 3, "duration_hours": 2, "volume_relative_sd": 0.4},
        "two": {"share": 0.3, "start_hour": 15, "duration_hours": 1, "start_sd_s": 900},
    }

    def level(*parts):
        content = dict(base)
        for part in parts:
            content |= part
        return path_of(content, step_s=60).expected_requests / 20.0

    spikes = PARTS["spikes"]
    assert level(noise) == pytest.approx(level(only_a) * level(only_b), rel=1e-9)
    assert level(noise, spikes) == pytest.approx(level(noise) * level(spikes), rel=1e-9)
    first, second = ({"jobs": {name: jobs[name]}} for name in jobs)
    both = level({"jobs": jobs})
    assert both == pytest.approx(level(first) + level(second) - 1.0, rel=1e-9)
    with_noise = level(noise, {"jobs": jobs}) - both
    assert with_noise == pytest.approx(0.5 * (level(noise) - 1.0), rel=1e-6, abs=1e-9)


def test_counts_and_lengths_have_streams_of_their_own():
    calm = {"requests_per_day": 1e4, **PARTS["noise"], **PARTS["spikes"]}
    counted = {**calm, "counts": "poisson"}
    full = {**counted, **PARTS["lengths"]}
    one, other, all_drawn = (path_of(content) for content in (calm, counted, full))
    assert one.expected_requests.tobytes() == other.expected_requests.tobytes()
    assert one.requests.tobytes() != other.requests.tobytes()
    assert other.requests.tobytes() == all_drawn.requests.tobytes()
    # The numbers that counts are drawn from are the same, whatever the level: 2,000 a minute, where they are normal.
    flat = path_of({"requests_per_day": 1e4, "counts": "poisson"}, 2e3, step_s=60)
    wavy = path_of({**counted}, 2e3, step_s=60)
    normals = [(p.requests - p.expected_requests) / np.sqrt(p.expected_requests) for p in (flat, wavy)]
    many = wavy.expected_requests > 100
    assert normals[0][many] == pytest.approx(normals[1][many], abs=1e-6)


def test_no_two_parts_draw_the_same_numbers():
    # Memoryless parts, of which each one's numbers can be told from a minute's rate, requests and tokens.
    memoryless = {"drift_relative_sd": 0.3, "drift_time_s": 0}
    calm = {"requests_per_day": 1e4, "noise": {"relative_sd": 0.3, "correlation_time_s": 0}}
    common = {"per_minute": 5e4, "days": 20, "step_s": 60}
    drifting = path_of({**calm, "token_lengths": {"input": memoryless, "output": memoryless}}, **common)
    lengths = {"token_lengths": {"input": {"log_sd": 1.0}, "output": {"log_sd": 1.0}}, "counts": "poisson"}
    uneven = path_of({**calm, **lengths}, **common)
    spread = np.sqrt(math.expm1(1.0) / uneven.requests)
    numbers = [
        np.log(drifting.requests),
        np.log(drifting.input_tokens / drifting.requests),
        np.log(drifting.output_tokens / drifting.requests),
        (uneven.requests - uneven.expected_requests) / np.sqrt(uneven.expected_requests),
        (uneven.input_tokens / uneven.requests / MIX.input_tokens - 1) / spread,
        (uneven.output_tokens / uneven.requests / MIX.output_tokens - 1) / spread,
    ]
    related = np.corrcoef(numbers) - np.eye(len(numbers))
    assert np.abs(related).max() < 4 / math.sqrt(20 * 1440)
