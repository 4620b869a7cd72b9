"""Every error of pydantic as one plain line with file, line, key, what was given and what is allowed."""

import pickle
from datetime import date
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_core._pydantic_core import list_all_errors

from simulator.config.faults import Fault, Faults, one_line, shown
from simulator.config.translation import translate
from simulator.config.yaml_reader import Document, parse_document
from simulator.domain.base import Flag, Model, NonNegative, Positive, PositiveWhole, Real, Share, Whole

# A toy scenario


class Api(Model):
    kind: Literal["api"]
    model: str = Field(min_length=1)
    api: Whole = 0  # named as the tag


class Fixed(Model):
    kind: Literal["fixed"]
    count: Whole


class TargetUtilization(Model):
    kind: Literal["target_utilization"]
    target_share: Share = 0.7


Policy = Annotated[Fixed | TargetUtilization, Field(discriminator="kind")]


class Replicas(Model):
    minimum: Whole = 1
    maximum: Whole = 1


class SelfHosted(Model):
    kind: Literal["self_hosted"]
    usd_per_gpu_hour: NonNegative = Field(description="Rent of one GPU. [USD/h]")
    autoscaling: Policy | None = None
    replicas: Replicas = Replicas()

    @model_validator(mode="after")
    def check_replicas(self) -> "SelfHosted":
        if self.replicas.maximum < self.replicas.minimum:
            text = f"is {self.replicas.maximum}, must be at least minimum {self.replicas.minimum}"
            raise PydanticCustomError("at_key", "{text}", {"key": "replicas.maximum", "text": text})
        return self


class Normal(Model):
    kind: Literal["normal"]
    mean: Real


class Uniform(Model):
    kind: Literal["uniform"]
    low: Real
    high: Real


Uncertain = Annotated[Normal | Uniform, Field(discriminator="kind")]


class ByMean(Model):
    keys_in_words: ClassVar[str] = "mean and p90"

    mean: Real
    p90: Real

    @model_validator(mode="after")
    def check_order(self) -> "ByMean":
        if self.p90 < self.mean:
            raise PydanticCustomError("at_key", "{text}", {"key": "p90", "text": "is too short"})
        return self


class ByQuantiles(Model):
    keys_in_words: ClassVar[str] = "quantiles"

    quantiles: dict[str, Real]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def checked_even(value: int) -> int:
    if value % 2:
        raise ValueError(f"is {value}, must be even")
    return value


class Names(RootModel[dict[str, Whole]]):
    pass


class Toy(Model):
    options: dict[str, Annotated[Api | SelfHosted, Field(discriminator="kind")]] = Field(default={})
    policy: Fixed | TargetUtilization | None = Field(default=None, discriminator="kind")
    start: date | None = None
    flag: Flag = False
    whole: PositiveWhole = 1
    positive: Positive = Field(default=1.0, description="A rate. [tokens/s]")
    pure: Share = Field(default=1.0, description="A fraction. [1]")
    weights: tuple[NonNegative, ...] = Field(default=(), description="One per hour. [1/h]")
    pair: tuple[Real, Real] = (0.0, 0.0)
    few: list[Whole] = Field(default=[], min_length=2, max_length=3)
    mode: Literal["a", "b"] = "a"
    only: Literal["a"] = "a"
    colour: Colour = Colour.RED
    rate: Real | Literal["auto"] = Field(default="auto", description="[USD]")
    number: Whole | Real = 0
    uncertain: NonNegative | Uncertain = 0.0
    even: Annotated[int, AfterValidator(checked_even)] = 0
    short: str = Field(default="", max_length=3)
    aliased: Whole = Field(default=0, alias="from")
    named: Names = Names({})
    pattern: dict[Annotated[str, Field(pattern="^[a-z]+$")], Whole] = Field(default={})
    anything: Any = None
    either: Replicas | Normal | None = None
    length: NonNegative | ByMean | ByQuantiles = Field(default=0.0, description="Of a prompt. [tokens]")


def faults_of(text: str, model: type[BaseModel] = Toy) -> list[str]:
    document = parse_document(text, "a.yaml")
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document.data)
    return [str(fault) for fault in translate(caught.value, document, model)]


# One value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("positive: abc", "is 'abc', must be a number [tokens/s]"),
        ("positive: true", "is true, must be a number [tokens/s]"),
        ("positive:", "is null, must be a number [tokens/s]"),
        ("positive: {a: 1}", "is a mapping, must be a number [tokens/s]"),
        ("positive: 0", "is 0, must be greater than 0 [tokens/s]"),
        ("positive: .nan", "is nan, must be a finite number [tokens/s]"),
        ("positive: -.inf", "is -inf, must be a finite number [tokens/s]"),
        ("pure: -2.5", "is -2.5, must be at least 0"),
        ("pure: 30", "is 30, must be at most 1"),
        ("pure: '0.5'", "is '0.5', must be a number"),
        ("whole: 1.5", "is 1.5, must be a whole number"),
        ("whole: 1e3", "is 1000.0, must be a whole number, written 1000"),
        ("whole: true", "is true, must be a whole number"),
        ("whole: 0", "is 0, must be at least 1"),
        ("flag: no", "is 'no', must be true or false"),
        ("flag: 1", "is 1, must be true or false"),
        ("start: soon", "is 'soon', must be a date such as 2026-12-01"),
        ("start: 2026-02-30", "is '2026-02-30', must be a date such as 2026-12-01"),
        ("start: true", "is true, must be a date such as 2026-12-01"),
        ("mode: c", "is 'c', must be one of a, b"),
        ("only: c", "is 'c', must be a"),
        ("colour: green", "is 'green', must be one of red, blue"),
        ("even: 3", "is 3, must be even"),
        ("short: 5", "is 5, must be text"),
        ("short: abcd", "is 'abcd', must have at most 3 characters"),
        ("options: [a]", "must be a mapping, is a list"),
        ("options: 3", "must be a mapping, is 3"),
        ("weights: {a: 1}", "must be a list, is a mapping"),
        ("weights: abc", "must be a list, is 'abc'"),
        ("few: [1]", "has 1 entry, must have at least 2"),
        ("few: [1, 2, 3, 4]", "has 4 entries, must have at most 3"),
        ("pair: [1, 2, 3]", "has 3 entries, must have at most 2"),
        ("either: 3", "must be a mapping, is 3"),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_allowed(text, fault):
    key = text.partition(":")[0]
    assert faults_of(f"# toy\n{text}") == [f"a.yaml:2: {key}: {fault}"]


def test_entries_of_lists_are_numbered_and_take_the_unit_of_their_field():
    assert faults_of("weights:\n  - 1\n  - -1") == ["a.yaml:3: weights[1]: is -1, must be at least 0 [1/h]"]


def test_an_entry_missing_in_a_list_of_fixed_length_is_named():
    assert faults_of("pair: [1]") == ["a.yaml:1: pair[1]: is missing"]


def test_keys_of_a_mapping_can_be_wrong():
    assert faults_of("pattern: {A1: 1}") == [
        "a.yaml:1: pattern.A1: as a key is 'A1', must be text that matches ^[a-z]+$"
    ]


def test_a_field_is_called_by_its_name_in_the_file():
    assert faults_of("from: -1") == ["a.yaml:1: from: is -1, must be at least 0"]
    assert faults_of("form: 1") == ["a.yaml:1: form: unknown key; did you mean 'from'?"]


def test_a_root_model_adds_nothing_to_the_key():
    assert faults_of("named:\n  a: x") == ["a.yaml:2: named.a: is 'x', must be a whole number"]


def test_several_faults_come_in_the_order_of_lines():
    assert [fault.split(":")[1] for fault in faults_of("whole: 0\nzzz: 1\npure: 2\nmode: c\nflag: x\n")] == list(
        "12345"
    )


# Keys


def test_an_unknown_key_comes_with_the_key_that_is_meant():
    faults = faults_of("options:\n  haiku:\n    kind: api\n    model: x\n    aip: 3")
    assert faults == ["a.yaml:5: options.haiku.aip: unknown key; did you mean 'api'?"]
    assert faults_of("Pure: 1") == ["a.yaml:1: Pure: unknown key; did you mean 'pure'?"]


def test_an_unknown_key_like_none_comes_with_those_allowed_there():
    assert faults_of("options:\n  a: {kind: self_hosted, usd_per_gpu_hour: 1, replicas: {zzz: 1}}") == [
        "a.yaml:2: options.a.replicas.zzz: unknown key; allowed are minimum, maximum"
    ]
    assert faults_of("policy: {kind: fixed, count: 1, zzz: 1}") == [
        "a.yaml:1: policy.zzz: unknown key; allowed are kind, count"
    ]


def test_a_key_that_is_given_already_is_not_suggested():
    assert faults_of("policy: {kind: fixed, count: 1, coumt: 1}") == [
        "a.yaml:1: policy.coumt: unknown key; allowed are kind, count"
    ]


def test_a_missing_key_has_the_line_of_its_parent():
    assert faults_of("options:\n  haiku:\n    kind: api\n") == ["a.yaml:2: options.haiku.model: is missing"]


# Unions told apart by `kind`


def test_an_unknown_kind_is_shown_with_those_that_exist():
    text = """\
options:
  llama:
    kind: self_hosted
    usd_per_gpu_hour: 1
    autoscaling:
      kind: target-utilization
"""
    assert faults_of(text) == [
        "a.yaml:6: options.llama.autoscaling.kind: is 'target-utilization', must be one of fixed, target_utilization"
    ]
    assert faults_of("policy: {kind: [a]}") == [
        "a.yaml:1: policy.kind: is a list, must be one of fixed, target_utilization"
    ]


def test_a_missing_kind_is_asked_for():
    assert faults_of("options:\n  llama: {model: x}") == [
        "a.yaml:2: options.llama.kind: is missing, must be one of api, self_hosted"
    ]
    assert faults_of("policy: {}") == ["a.yaml:1: policy.kind: is missing, must be one of fixed, target_utilization"]


def test_a_union_that_is_no_mapping_must_be_one():
    assert faults_of("policy: fixed") == ["a.yaml:1: policy: must be a mapping, is 'fixed'"]


def test_tags_are_no_part_of_the_key_even_where_a_key_is_named_so():
    assert faults_of("options:\n  a:\n    kind: api\n    api: -1\n    model: 3") == [
        "a.yaml:4: options.a.api: is -1, must be at least 0",
        "a.yaml:5: options.a.model: is 3, must be text",
    ]
    assert faults_of("options:\n  api:\n    kind: api\n    model: ''") == [
        "a.yaml:4: options.api.model: is empty, must be text"
    ]


def test_the_unit_of_a_field_in_a_union_is_found():
    assert faults_of("options:\n  a: {kind: self_hosted, usd_per_gpu_hour: -2.5}") == [
        "a.yaml:2: options.a.usd_per_gpu_hour: is -2.5, must be at least 0 [USD/h]"
    ]


def test_a_union_told_apart_by_a_function_shows_its_tags():
    def size_of(value: object) -> str | None:
        return "text" if isinstance(value, str) else None

    class Told(Model):
        size: Annotated[Annotated[Whole, Tag("whole")] | Annotated[Literal["s"], Tag("text")], Discriminator(size_of)]

    assert faults_of("size: x", Told) == ["a.yaml:1: size: is 'x', must be s"]
    (fault,) = faults_of("size: 1.5", Told)
    assert fault.startswith("a.yaml:1: size: Unable to extract tag")


# Unions that nothing tells apart


def test_what_the_members_of_a_union_refuse_is_one_fault():
    assert faults_of("rate: x") == ["a.yaml:1: rate: is 'x', must be a number [USD] or auto"]
    assert faults_of("number: x") == ["a.yaml:1: number: is 'x', must be a number"]
    assert faults_of("uncertain: x") == ["a.yaml:1: uncertain: is 'x', must be a number or a mapping"]
    assert faults_of("uncertain: -1") == ["a.yaml:1: uncertain: is -1, must be at least 0"]
    assert faults_of("uncertain: [1]") == ["a.yaml:1: uncertain: is a list, must be a number or a mapping"]


def test_the_member_that_looked_inside_the_value_is_the_one_meant():
    assert faults_of("uncertain: {kind: normal, mean: x}") == ["a.yaml:1: uncertain.mean: is 'x', must be a number"]
    assert faults_of("uncertain: {kind: normall}") == [
        "a.yaml:1: uncertain.kind: is 'normall', must be one of normal, uniform"
    ]
    assert faults_of("uncertain: {mean: 1}") == ["a.yaml:1: uncertain.kind: is missing, must be one of normal, uniform"]
    assert faults_of("uncertain: {kind: uniform, lwo: 1, high: 2}") == [
        "a.yaml:1: uncertain.low: is missing",
        "a.yaml:1: uncertain.lwo: unknown key; did you mean 'low'?",
    ]


def test_of_two_models_the_one_with_fewer_faults_is_meant():
    assert faults_of("either: {minimum: 1, maximun: 2}") == [
        "a.yaml:1: either.maximun: unknown key; did you mean 'maximum'?"
    ]


def test_a_mapping_whose_model_says_its_keys_is_told_with_them():
    allowed = "must be a number [tokens] or a mapping with mean and p90, or quantiles"
    assert faults_of("length: long") == [f"a.yaml:1: length: is 'long', {allowed}"]
    assert faults_of("length: [1]") == [f"a.yaml:1: length: is a list, {allowed}"]


def test_a_key_of_another_member_of_a_union_is_told_with_those_it_does_not_go_with():
    assert faults_of("length: {mean: 1, p90: 2, quantiles: {p100: 3}}") == [
        "a.yaml:1: length.quantiles: must not be given together with mean, p90"
    ]
    assert faults_of("length: {mean: 1, p90: 2, p50: 3}") == [
        "a.yaml:1: length.p50: unknown key; allowed are mean, p90"
    ]


def test_a_choice_that_is_missing_is_told_with_what_there_is():
    class Chosen(Model):
        kind: Literal["graduated", "all_units"]

    assert faults_of("{}", Chosen) == ["a.yaml:1: kind: is missing, must be one of graduated, all_units"]


# Validators


def test_a_validator_that_compares_keys_names_the_one_at_fault():
    text = """\
options:
  a:
    kind: self_hosted
    usd_per_gpu_hour: 1
    replicas:
      minimum: 4
      maximum: 2
"""
    assert faults_of(text) == ["a.yaml:7: options.a.replicas.maximum: is 2, must be at least minimum 4"]


def test_the_key_a_validator_names_may_hold_a_name_with_dots():
    class Compared(Model):
        options: dict[str, Replicas]

        @model_validator(mode="after")
        def check(self) -> "Compared":
            raise PydanticCustomError("at_key", "{text}", {"key": "options.llama-3.1.maximum", "text": "is bad {x}"})

    assert faults_of("options:\n  llama-3.1:\n    maximum: 2", Compared) == [
        "a.yaml:3: options.llama-3.1.maximum: is bad {x}"
    ]


def test_the_key_a_validator_names_may_begin_with_a_place_in_a_list():
    class Tier(Model):
        from_usd: Whole | None = None
        from_tokens: Whole | None = None

    class Tiers(Model):
        tiers: Annotated[tuple[Tier, ...], AfterValidator(lambda tiers: refuse(tiers[1]))]

    def refuse(tier: Tier) -> None:
        key = "[1].from_usd"
        text = "is missing" if tier.from_usd is None else "is too little"
        raise PydanticCustomError("at_key", "{text}", {"key": key, "text": text})

    assert faults_of("tiers:\n  - {from_usd: 5}\n  -\n    from_usd: 4", Tiers) == [
        "a.yaml:4: tiers[1].from_usd: is too little"
    ]
    assert faults_of("tiers:\n  - {from_usd: 5}\n  - {from_tokens: 4}", Tiers) == [
        "a.yaml:3: tiers[1].from_usd: is missing"
    ]


class Endpoint(Model):
    """Says one of its keys in those of another."""

    usd_per_hour: NonNegative
    rental: dict[str, NonNegative]
    idle_s: NonNegative = 0.0

    @model_validator(mode="before")
    @classmethod
    def as_rental(cls, data: Any) -> Any:
        return {"rental": {"usd": data.get("usd_per_hour")}, **data}


class Endpoints(Model):
    options: dict[str, Endpoint]


def test_what_a_model_fills_in_is_not_told_where_it_was_given_wrong():
    assert faults_of("options:\n  a: {usd_per_hour: -5}\n  b:\n    usd_per_hour: x", Endpoints) == [
        "a.yaml:2: options.a.usd_per_hour: is -5, must be at least 0",
        "a.yaml:4: options.b.usd_per_hour: is 'x', must be a number",
    ]


def test_what_a_model_fills_in_wrongly_by_itself_is_told():
    assert faults_of("options:\n  a: {}", Endpoints) == [
        "a.yaml:2: options.a.usd_per_hour: is missing",
        "a.yaml:2: options.a.rental.usd: is null, must be a number",
    ]


def test_a_fault_of_the_whole_document_has_no_key():
    class Whole(Model):
        a: int

        @model_validator(mode="after")
        def check(self) -> "Whole":
            raise AssertionError("is too little\nby far")

    assert faults_of("# toy\na: 1", Whole) == ["a.yaml:2: is too little\\nby far"]


def test_a_validator_that_rewrites_the_value_keeps_the_line():
    class Rewritten(Model):
        a: Annotated[Replicas, BeforeValidator(lambda value: {"minimum": value})]

    assert faults_of("a: -1", Rewritten) == ["a.yaml:1: a.minimum: is -1, must be at least 0"]


def test_an_error_of_a_kind_not_known_keeps_its_message():
    def refuse(value: object) -> object:
        raise PydanticCustomError("odd", "Odd {thing}", {"thing": "colour"})

    class Odd(Model):
        a: Annotated[str, BeforeValidator(refuse)]

    assert faults_of("a: x", Odd) == ["a.yaml:1: a: is 'x': Odd colour"]


@pytest.mark.parametrize("example", list_all_errors(), ids=lambda example: example["type"])
def test_every_kind_of_error_that_pydantic_knows_becomes_one_line(example):
    details = {"type": example["type"], "loc": ("a",), "input": "x", "ctx": example.get("example_context") or {}}
    error = ValidationError.from_exception_data("Toy", [details])
    (fault,) = translate(error, Document(None, {"a": "x"}), Toy)
    assert fault.key.startswith("a")
    assert fault.message and "\n" not in str(fault)


# Faults and values


def test_a_fault_reads_place_key_message():
    assert str(Fault("a.yaml", 3, "b.c", "is missing")) == "a.yaml:3: b.c: is missing"
    assert str(Fault("a.yaml", None, "", "is empty")) == "a.yaml: is empty"
    assert str(Fault("a.yaml", 3, "", "is bad")) == "a.yaml:3: is bad"
    assert str(Fault("--set a=1", None, "a", "is bad")) == "--set a=1: a: is bad"
    assert str(Fault(None, None, "a", "is bad")) == "a: is bad"
    assert str(Fault(None, None, "a" * 1000, "is bad")) == "a" * 197 + "...: is bad"


def test_faults_are_sorted_by_line_file_by_file():
    faults = Faults(
        [
            Fault("b.yaml", 9, "", "x"),
            Fault("a.yaml", None, "", "x"),
            Fault("b.yaml", 2, "", "x"),
            Fault("a.yaml", 1, "", "x"),
        ]
    )
    assert [(fault.file, fault.line) for fault in faults.faults] == [
        ("b.yaml", 2),
        ("b.yaml", 9),
        ("a.yaml", 1),
        ("a.yaml", None),
    ]
    assert str(faults) == "b.yaml:2: x\nb.yaml:9: x\na.yaml:1: x\na.yaml: x"


def test_faults_travel_between_processes():
    faults = Faults([Fault("a.yaml", 1, "a", "is bad")])
    assert pickle.loads(pickle.dumps(faults)).faults == faults.faults


def test_a_mapping_from_python_has_faults_without_a_place():
    document = Document(None, {"whole": 0, "options": {1: {}}})
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate(document.data)
    assert "whole: is 0, must be at least 1" in [str(fault) for fault in translate(caught.value, document, Toy)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        ("x" * 100, "'" + "x" * 57 + "...'"),
        pytest.param(10**5000, "a whole number of more than 40 digits", id="long"),
        (None, "null"),
        (True, "true"),
        (1e6, "1000000.0"),
        (date(2026, 12, 1), "2026-12-01"),
        ((1, 2), "a list"),
        ({}, "a mapping"),
        (b"x", "of type bytes"),
    ],
)
def test_values_are_shown_short_and_on_one_line(value, text):
    assert shown(value) == text


def test_control_characters_and_line_breaks_are_escaped():
    assert one_line("a\n\x1b[31mb\u2028é") == r"a\n\x1b[31mb\u2028é"
