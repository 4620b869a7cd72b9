"""Requests as they are asked and as they are served, against calls counted one by one."""

import math

import pytest
from pydantic import ValidationError

from simulator.domain.workload import MOST_CALLS, RequestClass, check_shares, holds_media, mix_of, served_calls_of

CLASSES = {
    "plain": {},
    "reasoning": {"reasoning_tokens": 700},
    "agent": {"calls_per_request": 5},
    "agent with tools": {"calls_per_request": 12, "context_growth_tokens": 900, "reasoning_tokens": 30},
    "agent, no growth": {"calls_per_request": 3, "context_growth_tokens": 0},
    "broken calls": {"calls_per_request": 2.75},
    "retries": {"retries": {"failed_share": 0.25}, "calls_per_request": 2},
    "answered": {"response_cache": {"hit_share": 0.4}},
    "capped": {
        "output_tokens": {"quantiles": {"p0": 0, "p100": 400}},
        "output_cap_tokens": 100,
        "calls_per_request": 3,
    },
    "compressed": {"prompt_compression": {"kept_share": 0.5}},
    "compressed beside a prefix": {
        "prompt_compression": {"kept_share": 0.5},
        "prefix": {"tokens": 600, "hit_share": 0.9},
        "calls_per_request": 2,
    },
    "pictures": {"input_images": {"per_request": 2, "tokens_per_image": 150}},
    "everything": {
        "calls_per_request": 3.5,
        "reasoning_tokens": 20,
        "retries": {"failed_share": 0.1, "failed_calls_billed": False},
        "response_cache": {"hit_share": 0.2},
        "prompt_compression": {"kept_share": 0.8},
        "prefix": {"tokens": 500, "lifetime_s": 300},
        "input_images": {"tokens_per_image": 85},
    },
}


def request_class(**given):
    return RequestClass.model_validate({"input_tokens": 1_000, "output_tokens": 200, **given})


def calls_of(given):
    """Each call of a request with the share of the requests that make it."""
    calls = given.get("calls_per_request", 1)
    return [(call, min(1.0, calls - call)) for call in range(math.ceil(calls))]


def answer_of(given):
    """Mean answer without a cap, and under it; the quantiles here are those of a uniform law from 0 to 400."""
    if "output_cap_tokens" in given:
        cap = given["output_cap_tokens"]
        return 200.0, cap / 400 * cap / 2 + (1 - cap / 400) * cap
    return 200.0, 200.0


@pytest.mark.parametrize("name", CLASSES)
def test_the_tokens_asked_for_are_those_of_all_calls(name):
    given = CLASSES[name]
    answer, capped = answer_of(given)
    growth = given.get("context_growth_tokens", capped)
    sent = sum(made * (1_000 + call * growth) for call, made in calls_of(given))
    answered = sum(made * (answer + given.get("reasoning_tokens", 0)) for _, made in calls_of(given))
    request = request_class(**given)
    assert request.asked_input_tokens == pytest.approx(sent)
    assert request.asked_output_tokens == pytest.approx(answered)
    assert request.total_tokens == pytest.approx(sent + answered)


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_served_is_what_caches_leave_shortened_and_repeated(name):
    given = CLASSES[name]
    _, answer = answer_of(given)
    growth = given.get("context_growth_tokens", answer)
    prefix = given.get("prefix", {}).get("tokens", 0)
    kept = given.get("prompt_compression", {}).get("kept_share", 1.0)
    pictures = given.get("input_images", {})
    pictured = pictures.get("per_request", 1) * pictures.get("tokens_per_image", 0)
    failed = given.get("retries", {}).get("failed_share", 0.0)
    reached = 1.0 - given.get("response_cache", {}).get("hit_share", 0.0)
    served = sent = answered = 0.0
    for call, made in calls_of(given):
        attempts = sum(made * reached * failed**attempt for attempt in range(400))
        served += attempts
        sent += attempts * (prefix + (1_000 - prefix) * kept + pictured + call * growth)
        answered += attempts * (answer + given.get("reasoning_tokens", 0))
    found = served_calls_of({"all": request_class(**given)})
    assert found.per_request == pytest.approx(served)
    assert found.per_request * found.input_tokens == pytest.approx(sent)
    assert found.per_request * found.output_tokens == pytest.approx(answered)
    assert found.tokens_per_request == pytest.approx(sent + answered)


def test_a_mix_weighs_requests_by_share_and_served_calls_by_their_number():
    workload = {
        "chat": request_class(share=0.75),
        "agent": request_class(share=0.25, calls_per_request=10, context_growth_tokens=0),
    }
    assert mix_of(workload).input_tokens == pytest.approx(0.75 * 1_000 + 0.25 * 10_000)
    assert mix_of(workload).output_tokens == pytest.approx(0.75 * 200 + 0.25 * 2_000)
    served = served_calls_of(workload)
    assert served.per_request == pytest.approx(0.75 + 2.5)
    assert (served.input_tokens, served.output_tokens) == pytest.approx((1_000, 200))


def test_laws_count_with_their_means():
    request = request_class(
        input_tokens={"mean": 2_000, "p90": 4_000}, output_tokens={"quantiles": {"p0": 100, "p100": 300}}
    )
    assert request.asked_input_tokens == pytest.approx(2_000)
    assert request.asked_output_tokens == pytest.approx(200)


def test_the_last_of_the_calls_is_the_longest():
    request = request_class(calls_per_request=12, context_growth_tokens=900, reasoning_tokens=30)
    assert request.longest_call_tokens == 1_000 + 11 * 900 + 230


@pytest.mark.parametrize("failed", [0.0, 0.1, 0.5, 0.95])
def test_failed_calls_are_made_again_until_they_succeed(failed):
    billed = request_class(retries={"failed_share": failed})
    unbilled = request_class(retries={"failed_share": failed, "failed_calls_billed": False})
    attempts = sum((k + 1) * failed**k * (1 - failed) for k in range(3_000))
    for request in (billed, unbilled):
        assert request.served_calls == pytest.approx(attempts)
    assert billed.retries.billed_attempts == pytest.approx(attempts)
    assert unbilled.retries.billed_attempts == 1.0


@pytest.mark.parametrize(
    ("given", "media"),
    [
        ({}, False),
        ({"images": 1}, True),
        ({"audio_input_s": 3}, True),
        ({"audio_output_s": 3}, True),
        ({"video_s": 5}, True),
    ],
)
def test_images_speech_and_video_are_media(given, media):
    assert holds_media(request_class(**given)) is media


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"input_tokens": 0, "output_tokens": 0}, "output_tokens"),
        ({"cached_input_share": 0.7, "cache_write_input_share": 0.4}, "cache_write_input_share"),
        ({"prefix": {"tokens": 100, "hit_share": 0.5}, "cached_input_share": 0.1}, "cached_input_share"),
        ({"prefix": {"tokens": 100, "hit_share": 0.5}, "cache_write_input_share": 0.1}, "cache_write_input_share"),
        ({"prefix": {"tokens": 1_001, "hit_share": 0.5}}, "prefix.tokens"),
        ({"context_growth_tokens": 10}, "context_growth_tokens"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_at_the_one_at_fault(given, key):
    with pytest.raises(ValidationError) as refused:
        request_class(**given)
    assert refused.value.errors()[0]["ctx"]["key"] == key


def test_no_request_makes_calls_without_end():
    request_class(calls_per_request=MOST_CALLS)
    with pytest.raises(ValidationError, match=f"less than or equal to {MOST_CALLS}"):
        request_class(calls_per_request=MOST_CALLS + 1)


def test_shares_add_to_one_up_to_their_rounding():
    third = request_class(share=0.333_333_3)
    check_shares({"a": third, "b": third, "c": third})
    with pytest.raises(ValueError, match=r"all shares together are 0\.99, must add to 1"):
        check_shares({"a": request_class(share=0.5), "b": request_class(share=0.49)})
    with pytest.raises(ValueError, match="is empty, must hold at least one class"):
        check_shares({})
