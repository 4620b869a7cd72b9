"""Options that buy tokens: routes followed answer by answer, and what options refuse."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from simulator.domain.api_options import RoutedOption, of_class
from simulator.domain.options import DedicatedEndpoint, Option
from simulator.domain.references import check_references

PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
API = {"kind": "api", "prices": PRICES}
ROUTINGS = {
    "two models": {"small": {"share": 0.7}, "large": {"share": 0.3}},
    "escalation": {
        "small": {"share": 1.0, "escalation_share": 0.2, "escalates_to": "large"},
        "large": {},
    },
    "cascade": {
        "small": {"share": 0.8, "escalation_share": 0.3, "escalates_to": "middle"},
        "middle": {"share": 0.15, "escalation_share": 0.25, "escalates_to": "large"},
        "large": {"share": 0.05},
    },
    "by class": {
        "small": {"share": {"chat": 1.0, "code": 0.4}, "escalation_share": {"code": 0.5}, "escalates_to": "large"},
        "large": {"share": {"code": 0.6}},
    },
}


def answers_by_walking(routes, request_class, requests=200_000):
    """Answers of each route to one request in the mean, every request followed from route to route."""
    rng = np.random.default_rng(3)

    def share(route, key):
        given = route.get(key, 0.0)
        return given.get(request_class, 0.0) if isinstance(given, dict) else given

    names = list(routes)
    came = rng.choice(len(names), size=requests, p=[share(route, "share") for route in routes.values()])
    answers = dict.fromkeys(names, 0)
    for place, name in enumerate(names):
        at, here = name, int(np.sum(came == place))
        while True:
            answers[at] += here
            here = int(rng.binomial(here, share(routes[at], "escalation_share")))
            if here == 0:
                break
            at = routes[at]["escalates_to"]
    return {name: count / requests for name, count in answers.items()}


@pytest.mark.parametrize("request_class", ["chat", "code"])
@pytest.mark.parametrize("name", ROUTINGS)
def test_every_route_answers_what_comes_first_and_what_is_handed_on(name, request_class):
    option = RoutedOption.model_validate({"kind": "routed", "routes": ROUTINGS[name]})
    expected = answers_by_walking(ROUTINGS[name], request_class)
    assert option.answers(request_class) == pytest.approx(expected, abs=0.005)


def test_a_class_without_a_share_of_its_own_has_none():
    assert (of_class(0.3, "chat"), of_class({"code": 0.4}, "chat"), of_class({"chat": 0.4}, "chat")) == (0.3, 0.0, 0.4)


def refusal(check, *arguments):
    with pytest.raises(ValueError) as refused:
        check(*arguments)
    error = refused.value
    context = error.errors()[0]["ctx"] if isinstance(error, ValidationError) else error.context
    return context["key"], context["text"]


def option(**given):
    return TypeAdapter(Option).validate_python(given)


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({"kind": "api"}, "model", "is missing; an option of kind api names a model, or gives its prices"),
        ({"kind": "provisioned"}, "model", "is missing; an option of kind provisioned names a model"),
        ({"kind": "api", "prices": {"input_usd_per_mtok": 1}}, "prices.output_usd_per_mtok", "is missing"),
        (
            {"kind": "routed", "routes": {"a": {"share": 1, "escalation_share": 0.1}}},
            "escalates_to",
            "is missing; an escalation_share goes to another route",
        ),
        (
            {"kind": "routed", "routes": {"a": {"share": 1, "escalates_to": "b"}}},
            "routes.a.escalates_to",
            "is 'b', must be one of the routes a",
        ),
        (
            {"kind": "routed", "routes": {"a": {"share": 1, "escalates_to": "b"}, "b": {"escalates_to": "a"}}},
            "routes.a.escalates_to",
            "is 'b', which leads back to 'a'",
        ),
        (
            {
                **API,
                "changes": [
                    {"effective_from": "2026-12-05", "model": "x"},
                    {"effective_from": "2026-12-04", "model": "y"},
                ],
            },
            "[1].effective_from",
            "is 2026-12-04, must be after the change before, 2026-12-05",
        ),
    ],
)
def test_what_an_option_lacks_or_contradicts_is_refused_at_its_key(given, key, text):
    found_key, found_text = refusal(lambda: option(**given))
    assert found_key == key
    assert found_text.startswith(text)


def test_an_image_service_has_no_prices_of_tokens():
    assert option(kind="api", prices={"usd_per_image": 0.04}).model is None


FLEET = {"kind": "self_hosted", "rental": {"usd_per_gpu_hour": 1.0}, "throughput": {"requests_per_s": 1.0}}


@pytest.mark.parametrize(
    ("others", "key", "text"),
    [
        ({"r": {"kind": "routed", "routes": {"fleet": {"share": 1}}}}, "options.r.routes.fleet", "must be one of api"),
        ({"r": {"kind": "routed", "routes": {"r": {"share": 1}}}}, "options.r.routes.r", "is no option to route to"),
        (
            {"r": {"kind": "routed", "routes": {"api": {"share": 0.9}}}},
            "options.r.routes.api.share",
            "is 0.9, all shares of class 'chat' together are 0.9, must add to 1",
        ),
        (
            {"r": {"kind": "routed", "routes": {"api": {"share": {"chat": 1}}}}},
            "options.r.routes.api.share",
            "is 0, all shares of class 'code' together are 0, must add to 1",
        ),
        (
            {"r": {"kind": "routed", "routes": {"api": {"share": {"chat": 1, "code": 1, "cod": 1}}}}},
            "options.r.routes.api.share.cod",
            "is no request class, must be one of chat, code",
        ),
        ({"b": {**API, "fallback": {"option": "b", "share": 0.1}}}, "options.b.fallback.option", "must be one of api"),
        (
            {"b": {**API, "fallback": {"option": "fleet", "share": 0.1}}},
            "options.b.fallback.option",
            "is 'fleet', must",
        ),
        (
            {"p": {"kind": "provisioned", "prices": PRICES}, "f": {**FLEET, "overflow": "p"}},
            "options.f.overflow",
            "is 'p', must be one of api, reject",
        ),
    ],
)
def test_options_lean_on_others_that_can_do_what_is_asked(others, key, text):
    options = {"api": API, "fleet": FLEET, **others}
    parsed = {name: option(**given) for name, given in options.items()}
    found_key, found_text = refusal(check_references, parsed, ["chat", "code"])
    assert found_key == key
    assert text in found_text


def endpoint(**given):
    return DedicatedEndpoint.model_validate(
        {"kind": "dedicated_endpoint", "usd_per_replica_hour": 6.0, "throughput": {"requests_per_s": 2.0}, **given}
    )


@pytest.mark.parametrize(
    ("given", "gpus"),
    [
        ({}, 1),
        ({"gpus_per_replica": 4}, 4),
        ({"tensor_parallel": 4}, 4),
        ({"tensor_parallel": 2, "data_parallel": 3}, 6),
    ],
)
def test_a_dedicated_endpoint_costs_its_price_whatever_its_gpus(given, gpus):
    rental = endpoint(**given).rental
    assert rental.usd_per_instance_hour == 6.0
    assert rental.gpus_per_instance == gpus


@pytest.mark.parametrize("price", [-1.0, True, "5", None, float("nan"), float("inf"), 1e30, 10**400])
def test_a_price_of_an_endpoint_that_is_none_is_refused(price):
    with pytest.raises(ValidationError):
        endpoint(usd_per_replica_hour=price)


def test_a_dedicated_endpoint_stops_after_its_idle_time_or_never():
    stopping = endpoint(idle_timeout_s=900.0)
    assert (stopping.replicas.minimum, stopping.autoscaling.stabilisation_s) == (0, 900.0)
    assert endpoint(scale_to_zero=False).replicas.minimum == 1
    own = endpoint(replicas={"minimum": 2}, autoscaling={"kind": "fixed", "count": 2})
    assert (own.replicas.minimum, own.autoscaling.kind) == (2, "fixed")
