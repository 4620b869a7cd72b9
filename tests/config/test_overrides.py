"""Keys set from outside a file: how they are read, where they land, and where their faults point."""

import math

import pytest
from pydantic import Field, ValidationError

from simulator.config.faults import Faults
from simulator.config.overrides import apply_overrides, override_document, parse_override
from simulator.config.translation import translate
from simulator.config.yaml_reader import Document, parse_document
from simulator.domain.base import Model


def fault_of(text: str) -> str:
    with pytest.raises(Faults) as caught:
        parse_override(text)
    return str(caught.value)


# KEY=VALUE


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a.b.c=1e6", ("a", "b", "c"), 1_000_000.0),
        ("seed=250_000", ("seed",), 250_000),
        ("timezone=no", ("timezone",), "no"),
        ("a.b = -.inf", ("a", "b"), -math.inf),
        ("a=[1, x]", ("a",), [1, "x"]),
        ("a={b: 1, c: {d: on}}", ("a",), {"b": 1, "c": {"d": "on"}}),
        ("title=a=b", ("title",), "a=b"),
        ("a=''", ("a",), ""),
        ("a=null", ("a",), None),
        ("a=true", ("a",), True),
        ("offers[1].gpu=h100", ("offers", "1", "gpu"), "h100"),
        ("horizon.start=2026-12-01", ("horizon", "start"), "2026-12-01"),
    ],
)
def test_an_override_is_a_dotted_key_and_a_value_as_in_a_file(text, key, value):
    assert parse_override(text) == (key, value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a.b", "--set a.b: has no '=', must be KEY=VALUE"),
        ("a.b=", "--set a.b=: a.b: has no value; write null or '' if that is meant"),
        ("a= # x", "--set a= # x: a: has no value; write null or '' if that is meant"),
        ("=1", "--set =1: the key is '', must be names joined by single dots"),
        ("a..b=1", "--set a..b=1: the key is 'a..b', must be names joined by single dots"),
        ("a=!foo 1", "--set a=!foo 1: a: tags (!foo) are not read, write the plain value"),
    ],
)
def test_an_override_without_key_value_or_sense_is_a_fault(text, fault):
    assert fault_of(text) == fault


def test_a_value_that_is_not_yaml_is_a_fault_of_one_line():
    assert fault_of("a=[1, 2").startswith("--set a=[1, 2: a: is not valid YAML: ")
    assert fault_of("a=@x").startswith("--set a=@x: a: is not valid YAML: ")


# Where it lands


def test_keys_are_set_in_a_copy_and_mappings_are_made_on_the_way():
    data = {"a": {"b": 1, "c": [1]}}
    changed = apply_overrides(data, {"a.b": 2, "d.e.f": 3})
    assert changed == {"a": {"b": 2, "c": [1]}, "d": {"e": {"f": 3}}}
    changed["a"]["c"].append(2)
    assert data == {"a": {"b": 1, "c": [1]}}


def test_what_two_keys_share_by_an_alias_is_changed_under_one_only():
    data = parse_document("a: &x {b: 1}\nc: *x\n", "a.yaml").data
    assert apply_overrides(data, {"c.b": 2}) == {"a": {"b": 1}, "c": {"b": 2}}


def test_names_with_dots_are_found_whole():
    data = {"options": {"llama-3.1": {"gpus": 1}, "llama-3": {"gpus": 1}}}
    changed = apply_overrides(data, {"options.llama-3.1.gpus": 2})
    assert changed == {"options": {"llama-3.1": {"gpus": 2}, "llama-3": {"gpus": 1}}}


def test_the_longest_name_that_fits_counts():
    data = {"a": {"b": {"c": 1}}, "a.b": {"c": 1}}
    assert apply_overrides(data, {"a.b.c": 2}) == {"a": {"b": {"c": 1}}, "a.b": {"c": 2}}


def test_entries_of_a_list_are_reached_by_index():
    data = {"offers": [{"gpu": "a"}, {"gpu": "b"}]}
    expected = {"offers": [{"gpu": "a"}, {"gpu": "c"}]}
    assert apply_overrides(data, {"offers.1.gpu": "c"}) == expected
    assert apply_overrides(data, {"offers[1].gpu": "c"}) == expected


def test_an_empty_key_can_be_filled():
    assert apply_overrides({"spikes": None}, {"spikes.per_month": 3}) == {"spikes": {"per_month": 3}}


def test_later_overrides_change_what_earlier_ones_set():
    assert apply_overrides({"a": 1}, {"a": {"b": 1, "c": 2}, "a.b": 3}) == {"a": {"b": 3, "c": 2}}


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("seed.x", "--set seed.x=1: seed: is 7, must be a mapping to hold 'x'"),
        ("a.b.c.d", "--set a.b.c.d=1: a.b: is 'text', must be a mapping to hold 'c.d'"),
        ("offers.2", "--set offers.2=1: offers: is a list, '2' must be an index from 0 to 1"),
        ("offers.gpu", "--set offers.gpu=1: offers: is a list, 'gpu' must be an index from 0 to 1"),
        ("none.0", "--set none.0=1: none: is a list, '0' must be set as a whole, it is empty"),
        ("a..b", "--set a..b=1: the key is 'a..b', must be names joined by single dots"),
    ],
)
def test_a_key_that_leads_through_a_value_is_a_fault_that_names_it(key, fault):
    data = {"seed": 7, "a": {"b": "text"}, "offers": [1, 2], "none": []}
    with pytest.raises(Faults) as caught:
        apply_overrides(data, {key: 1})
    assert str(caught.value) == fault


def test_every_fault_of_the_overrides_is_reported():
    with pytest.raises(Faults) as caught:
        apply_overrides({"a": 1}, {"a.b": 1, "c": 2, "a.d": 3})
    assert len(caught.value.faults) == 2


def test_data_that_hold_themselves_are_refused():
    data = {"a": {}}
    data["a"]["b"] = data
    with pytest.raises(ValueError, match="nested deeper than 50 levels"):
        apply_overrides(data, {"c": 1})


# Where faults point


class Replicas(Model):
    minimum: int = Field(ge=0)
    maximum: int = Field(ge=0)


class Toy(Model):
    seed: int = Field(ge=0)
    replicas: Replicas | None = None


def faults_with(text: str, overrides: dict[str, object], **how: str) -> list[str]:
    document = override_document(parse_document(text, "a.yaml"), overrides, **how)
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate(document.data)
    return [str(fault) for fault in translate(caught.value, document, Toy)]


def test_a_fault_of_an_overridden_key_points_at_the_override():
    assert faults_with("seed: 1\nreplicas: {minimum: -1, maximum: 1}", {"seed": -3}) == [
        "a.yaml:2: replicas.minimum: is -1, must be at least 0",
        "--set seed=-3: seed: is -3, must be at least 0",
    ]


def test_a_key_missing_in_a_mapping_that_an_override_made_points_at_the_override():
    assert faults_with("seed: 1", {"replicas.minimum": 2}) == ["--set replicas.minimum=2: replicas.maximum: is missing"]


def test_a_key_missing_in_a_mapping_of_the_file_points_at_the_file():
    assert faults_with("seed: 1\nreplicas:\n  minimum: 1", {"replicas.minimum": 2}) == [
        "a.yaml:2: replicas.maximum: is missing"
    ]


def test_a_fault_below_an_overridden_mapping_points_at_the_override():
    assert faults_with("seed: 1", {"replicas": {"minimum": 1, "maximum": "x"}}) == [
        "--set replicas={minimum: 1, maximum: x}: replicas.maximum: is 'x', must be a whole number"
    ]


def test_the_last_override_of_a_key_is_the_one_at_fault():
    overrides = {"replicas.minimum": -1, "replicas": {"minimum": -2, "maximum": 1}}
    assert faults_with("seed: 1", overrides) == [
        "--set replicas={minimum: -2, maximum: 1}: replicas.minimum: is -2, must be at least 0"
    ]


def test_overrides_from_elsewhere_say_so():
    assert faults_with("seed: 1", {"seed": -1}, origin="overrides") == [
        "overrides seed=-1: seed: is -1, must be at least 0"
    ]


def test_overrides_can_be_laid_over_overrides():
    document = override_document(parse_document("seed: 1", "a.yaml"), {"seed": 2, "replicas.minimum": 1})
    again = override_document(document, {"replicas": None})
    assert again.data == {"seed": 2, "replicas": None}
    assert again.place_of(("seed",)) == ("--set seed=2", None)
    assert again.place_of(("replicas", "minimum")) == ("--set replicas=null", None)


def test_a_mapping_from_python_can_be_overridden():
    document = override_document(Document(None, {"seed": 1}), {"seed": 2})
    assert document.data == {"seed": 2}
    with pytest.raises(TypeError, match="must hold a mapping"):
        override_document(Document(None, [1]), {"seed": 2})
