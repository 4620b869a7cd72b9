"""Reading YAML by the 1.2 core schema, with lines, and refusing what is not a plain document."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from simulator.config import yaml_reader
from simulator.config.faults import Faults
from simulator.config.yaml_reader import Document, parse_document, parse_value, read_document
from simulator.config.yaml_scalars import plain_scalar

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def each_parser(request, monkeypatch):
    monkeypatch.setattr(yaml_reader, "EVENT_LOADER", request.param)


def faults_of(text: str, name: str = "a.yaml") -> list[str]:
    with pytest.raises(Faults) as caught:
        parse_document(text, name)
    return str(caught.value).split("\n")


# Values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1_000_000.0),
        ("1.5e9", 1.5e9),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("250_000", 250_000),
        ("1_000.5", 1000.5),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("+.INF", math.inf),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
    ],
)
def test_numbers_booleans_and_null_are_those_of_the_core_schema(text, value):
    read = parse_document(f"a: {text}", "a.yaml").data
    assert read == {"a": value}
    assert type(read["a"]) is type(value)


def test_not_a_number_is_read():
    assert math.isnan(parse_document("a: .nan", "a.yaml").data["a"])


@pytest.mark.parametrize(
    "text",
    [
        "12:30",
        "no",
        "yes",
        "on",
        "off",
        "2026-12-01",
        "y",
        "1__0",
        "_1",
        "1_",
        "1e",
        "0b1",
        "1.2.3",
        "tRUE",
        "inf",
        "٣",
    ],
)
def test_times_dates_and_words_stay_text(text):
    assert parse_document(f"a: {text}", "a.yaml").data == {"a": text}


def test_a_quoted_number_stays_text():
    assert parse_document("a: '1e6'\nb: \"true\"\nc: ''", "a.yaml").data == {"a": "1e6", "b": "true", "c": ""}


@given(st.integers(-(10**30), 10**30))
def test_whole_numbers_come_back_as_written(number):
    assert plain_scalar(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_written(number):
    assert plain_scalar(repr(number)) == number


def test_a_number_too_large_is_a_fault_not_infinity():
    assert faults_of("a: 1\nb: {c: 1e999}") == ["a.yaml:2: b.c: is '1e999', too large for a number"]
    assert "too large for a number" in faults_of(f"a: {'9' * 5000}")[0]


def test_one_value_is_read_by_the_same_rules():
    assert parse_value("[1e3, {a: no}]", "x") == [1000.0, {"a": "no"}]
    assert parse_value("# nothing", "x") is None


# Lines

NESTED = """\
# a comment
title: x

options:
  llama:
    kind: self_hosted
    replicas: {minimum: 1,
               maximum: 2}
offers:
  - gpu: a
  -
    gpu: b
  - - 1
    - 2
"""


@pytest.mark.usefixtures("each_parser")
@pytest.mark.parametrize(
    ("loc", "line"),
    [
        ((), 2),
        (("title",), 2),
        (("options",), 4),
        (("options", "llama"), 5),
        (("options", "llama", "kind"), 6),
        (("options", "llama", "replicas"), 7),
        (("options", "llama", "replicas", "maximum"), 8),
        (("options", "llama", "missing"), 5),
        (("options", "llama", "self_hosted", "replicas", "function-after[check(), Replicas]", "maximum"), 8),
        (("offers",), 9),
        (("offers", 0, "gpu"), 10),
        (("offers", 1, "gpu"), 12),
        (("offers", 2, 1), 14),
        (("offers", 9), 9),
    ],
)
def test_the_line_is_that_of_the_key_or_of_its_deepest_ancestor(loc, line):
    assert parse_document(NESTED, "a.yaml").line_of(loc) == line


def test_a_key_behind_an_alias_has_the_line_of_its_anchor():
    document = parse_document("a: &x\n  b: 1\nc: *x\n", "a.yaml")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.line_of(("c",)) == 3
    assert document.line_of(("c", "b")) == 2


def test_a_document_from_python_has_no_lines():
    assert Document(None, {"a": 1}).place_of(("a",)) == (None, None)


# What parses but is refused


@pytest.mark.usefixtures("each_parser")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "a.yaml:5: b.c: repeated key, first given in line 3"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "a.yaml:3: c: merge keys (<<) are not read, write the keys out"),
        (
            "a:\n  1: x\n",
            "a.yaml:2: a: a key is 1, must be text, written in quotes; "
            "a number is written without commas, such as 40_000",
        ),
        ("a:\n  true: x\n", "a.yaml:2: a: a key is true, must be text, written in quotes"),
        ("a:\n  ~: x\n", "a.yaml:2: a: a key is null, must be text"),
        ("? [a, b]\n: x\n", "a.yaml:1: a key is a list, must be text"),
        ("a:\n- {b: !foo 1}\n", "a.yaml:2: a[0].b: tags (!foo) are not read, write the plain value"),
        ("a: ! 1\n", "a.yaml:1: a: tags (!) are not read, write the plain value"),
        ("a: !!str 1\n", "a.yaml:1: a: tags (!!str) are not read, write the plain value"),
        (
            "a: !!python/object/apply:os.system [x]\n",
            "a.yaml:1: a: tags (!!python/object/apply:os.system) are not read, write the plain value",
        ),
        ("a: 1\nb: *x\n", "a.yaml:2: b: alias *x has no anchor &x before it"),
        ("a: &x\n  b: [*x]\n", "a.yaml:2: a.b[0]: alias *x stands inside its own anchor"),
        ("a: 1\n---\nb: 1\n", "a.yaml:2: starts a second document, must be one document in a file"),
        ("a:\n\tb: 1\n", "a.yaml:2: is indented by a tab, must be by spaces"),
        ("a: 1\nb: \x07\n", "a.yaml:2: holds a control character, must be text"),
        ("- a\n", "a.yaml:1: must be a mapping with at least one key, is a list"),
        ("\nabc\n", "a.yaml:2: must be a mapping with at least one key, is 'abc'"),
    ],
)
def test_what_is_not_a_plain_document_is_refused_with_its_line(text, fault):
    assert faults_of(text) == [fault]


def test_quoted_merge_signs_and_quoted_numbers_are_keys():
    assert parse_document("'<<': 1\n'1': 2\n", "a.yaml").data == {"<<": 1, "1": 2}


def test_every_fault_is_reported_in_one_run_in_the_order_of_lines():
    faults = faults_of("1: a\nb: !x 1\nc: {d: 1, d: 2}\nb: 3\ne: [\n")
    assert [fault.split(":")[1] for fault in faults[:4]] == ["1", "2", "3", "4"]
    assert "is not valid YAML" in faults[4]


def test_a_key_that_is_repeated_twice_names_its_first_line_each_time():
    assert faults_of("a: 1\na: 2\na: 3\n") == [
        "a.yaml:2: a: repeated key, first given in line 1",
        "a.yaml:3: a: repeated key, first given in line 1",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~", "\ufeff"])
def test_an_empty_file_is_told_what_it_must_hold(text):
    with pytest.raises(Faults) as caught:
        parse_document(text, "a.yaml", at_least="traffic and options")
    assert str(caught.value) == "a.yaml: is empty, must be a mapping with at least traffic and options"


# Syntax


@pytest.mark.usefixtures("each_parser")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c\n", 1),
        ("a: 1\n b: 2\n", 2),
        ("a: [1, 2\nb: 3\n", 2),
        ("a: 1\nb: @x\n", 2),
        ("a: 1\n}\n", 2),
        ("a:\n  - b\n c: 1\n", 3),
        ("key\nother: 1\n", 2),
        ('a: "\\q"\n', 1),
        ("a: 'x\nb: 1\n", 2),
        ("a: {b: 1\n\n\n", 1),
    ],
)
def test_a_syntax_error_has_the_same_line_with_either_parser(text, line):
    (fault,) = faults_of(text)
    assert fault.startswith(f"a.yaml:{line}: is not valid YAML: ")


def test_a_syntax_error_comes_with_a_hint():
    assert "must start in the same column" in faults_of("a: 1\n b: 2\n")[0]
    assert "must be in quotes" in faults_of("a: @x\n")[0]


# Bombs


def bomb(levels: int, width: int) -> str:
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(["a0: &a0 x", *lists])


@pytest.mark.usefixtures("each_parser")
def test_aliases_that_would_expand_to_more_values_than_memory_holds_are_refused():
    (fault,) = faults_of(bomb(levels=40, width=10))
    assert "holds more than 100,000 values" in fault


def test_values_behind_aliases_are_counted_each_time():
    # The mapping, its five keys, and under them 1 value, a list of 10 of that, a list of 10 of those lists, ...
    values = 1 + 5 + 1 + 11 + 111 + 1_111 + 11_111
    assert parse_document(bomb(levels=4, width=10), "a.yaml").lines.values == values
    assert values < 100_000 < values + 111_111
    assert "holds more than 100,000 values" in faults_of(bomb(levels=5, width=10))[0]


@pytest.mark.usefixtures("each_parser")
@pytest.mark.parametrize(
    "text", ["a: " + "[" * 100_000, "a: " + "{b: " * 60, "\n".join(" " * n + "k:" for n in range(200))]
)
def test_deep_nesting_is_refused_without_recursion(text):
    assert "is nested deeper than 50 levels" in faults_of(text)[0]


def test_nesting_through_aliases_counts():
    chain = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60)]
    assert faults_of("\n".join(chain)) == ["a.yaml:50: is nested deeper than 50 levels"]


def test_fifty_levels_are_read():
    parse_document("a: " + "[" * 49 + "]" * 49, "a.yaml")
    assert "nested" in faults_of("a: " + "[" * 50 + "]" * 50)[0]


# Files


def fault_of_file(path: Path) -> str:
    with pytest.raises(Faults) as caught:
        read_document(path)
    (fault,) = caught.value.faults
    assert fault.file == str(path)
    return str(fault).removeprefix(f"{path}:")


def test_a_file_is_read(tmp_path):
    path = tmp_path / "ünïcode.yaml"
    path.write_bytes(b"\xef\xbb\xbftitle: caf\xc3\xa9\r\nseed: 7\r\n")
    document = read_document(path)
    assert document.data == {"title": "café", "seed": 7}
    assert (document.name, document.line_of(("seed",))) == (str(path), 2)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    assert fault_of_file(tmp_path / "no.yaml") == " no such file"
    assert fault_of_file(tmp_path) == " is a folder, must be a file"
    assert "cannot be read" in fault_of_file(tmp_path / "a\0b")
    assert "cannot be read" in fault_of_file(tmp_path / ("a" * 5000))


def test_a_lack_of_permission_is_a_fault(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.yaml"
    path.write_text("a: 1")
    monkeypatch.setattr(Path, "open", refuse)
    assert fault_of_file(path) == " cannot be read: no permission"


def test_a_binary_file_and_other_encodings_are_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert fault_of_file(path) == " is a binary file or not in UTF-8, must be text in UTF-8"
    path.write_bytes("a: é".encode("utf-16"))
    assert "UTF-8" in fault_of_file(path)
    path.write_bytes("a: 1\nb: é".encode("latin-1"))
    assert fault_of_file(path) == "2: holds the byte 0xe9, must be text in UTF-8"


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(2_500_000_000)  # sparse
    assert fault_of_file(path) == " is 2500 MB, must be at most 1 MB"


def test_a_file_of_the_size_limit_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n#" + "x" * (1_000_000 - 6))
    assert read_document(path).data == {"a": 1}
    path.write_text("a: 1\n#" + "x" * (1_000_000 - 5))
    assert fault_of_file(path) == " is 1.01 MB, must be at most 1 MB"


# Whatever the text, either a document or faults


@given(st.text(alphabet="ab:{}[]-&*!<>|?#'\"%@` \n\t1.e,~\\uU\x00\x85\u2028\ud800", max_size=40))
def test_any_text_gives_a_document_or_faults_of_one_line_each(text):
    for loader in LOADERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml_reader, "EVENT_LOADER", loader)
            try:
                parse_document(text, "a.yaml")
            except Faults as faults:
                assert str(faults).count("\n") == len(faults.faults) - 1
