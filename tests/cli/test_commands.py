"""The commands besides run and sweep: help, listings, cards, check, init, schema, and what they load."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml

import simulator
from simulator.config.scenarios import bundled_scenarios
from simulator.domain.autoscaling import AutoscalingPolicy
from simulator.domain.scenario import Scenario

ROOT = Path(__file__).parents[2]
COMMANDS = ("run", "check", "sweep", "throughput", "cost", "list", "show", "init", "schema")
KINDS = ("gpus", "models", "rentals", "prices", "scenarios", "sweeps", "traffic", "policies", "throughput")
HEAVY = ("numpy", "pandas", "matplotlib", "numba", "scipy", "pydantic", "genai_prices", "yaml", "rich")


def process(*command, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, **options)


def assert_refused(result, message):
    assert result.status == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]


# Help


def test_help_names_every_command_and_an_example(breakeven):
    result = breakeven("--help")
    assert result.status == 0
    assert "Try:  breakeven run support-chatbot" in result.stdout
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(breakeven, command):
    result = breakeven(command, "--help")
    assert result.status == 0
    assert f"Example:  breakeven {command}" in result.stdout
    assert breakeven(command, "-h") == result


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_commands_that_write_take_an_output_folder(breakeven, command):
    assert "-o, --output PATH" in breakeven(command, "--help").stdout


def test_the_version_is_the_package_s(breakeven):
    assert breakeven("--version") == (0, f"breakeven {simulator.__version__}\n", "")


def test_an_unknown_command_is_told_with_the_nearest(breakeven):
    assert_refused(breakeven("rnu"), "no command 'rnu', must be one of run, check, sweep")
    assert_refused(breakeven("rnu"), "; did you mean 'run'?")
    assert "did you mean" not in breakeven("quux").stderr


@pytest.mark.parametrize("command", ["run", "check", "sweep", "list", "show"])
def test_a_command_without_its_argument_says_what_is_missing(breakeven, command):
    result = breakeven(command)
    assert result.status == 2
    assert result.stdout == ""
    assert "Missing argument" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_refused(breakeven, command):
    assert_refused(breakeven(command, "--colour"), "No such option '--colour'")


# list


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_as_lines_of_as_many_cells(breakeven, kind):
    result = breakeven("list", kind)
    assert (result.status, result.stderr) == (0, "")
    header, *lines = result.stdout.splitlines()
    assert lines
    assert {line.count("\t") for line in lines} == {header.count("\t")}


def test_gpus_models_and_rentals_are_listed_as_the_files_of_the_catalogue(breakeven):
    for kind in ("gpus", "models"):
        assert [row[0] for row in breakeven("list", kind).rows] == sorted(
            path.stem for path in (ROOT / "hardware" / kind).glob("*.yaml")
        )
    offers = [path.read_text().count("  - {gpu: ") for path in (ROOT / "hardware" / "rentals").glob("*.yaml")]
    assert len(breakeven("list", "rentals").rows) == sum(offers)


def test_scenarios_sweeps_and_policies_are_listed_as_they_are_bundled(breakeven):
    assert [row[0] for row in breakeven("list", "scenarios").rows] == list(bundled_scenarios())
    sweeps = sorted(path.stem for path in (ROOT / "scenarios" / "sweeps").glob("*.yaml"))
    assert [row[0] for row in breakeven("list", "sweeps").rows] == sweeps
    kinds = [get_args(policy.model_fields["kind"].annotation)[0] for policy in get_args(get_args(AutoscalingPolicy)[0])]
    assert [row[0] for row in breakeven("list", "policies").rows] == kinds


def test_a_listing_is_narrowed(breakeven):
    rentals = breakeven("list", "rentals", "--provider", "lambda", "--gpu", "h100-sxm").rows
    assert rentals
    assert {tuple(row[:2]) for row in rentals} == {("lambda", "h100-sxm")}
    everywhere = breakeven("list", "rentals", "--gpu", "h100-sxm").rows
    assert len({row[0] for row in everywhere}) > 1
    prices = breakeven("list", "prices", "--provider", "anthropic").rows
    assert {row[1] for row in prices} == {"anthropic"}
    points = breakeven("list", "throughput", "--gpu", "l40s", "--model", "mixtral-8x7b").rows
    assert {tuple(row[1:3]) for row in points} == {("mixtral-8x7b", "l40s")}


def test_a_narrowing_that_leaves_nothing_is_an_empty_listing(breakeven):
    result = breakeven("list", "rentals", "--provider", "together", "--gpu", "t4")
    assert (result.status, result.stderr, result.rows) == (0, "", [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpu",), "'gpu' is not one of 'gpus', 'models'"),
        (("rentals", "--provider", "lamda"), "--provider: is 'lamda', must be one of akash, aws"),
        (("rentals", "--provider", "lamda"), "did you mean 'lambda'?"),
        (("rentals", "--gpu", "h100"), "--gpu: is 'h100', must be one of a10, a100-40gb-sxm"),
        (("prices", "--provider", "antropic"), "--provider: is 'antropic', must be a provider of the price library"),
        (("throughput", "--model", "llama"), "--model: is 'llama', must be one of codellama-34b"),
        (("throughput", "--gpu", "h100"), "--gpu: is 'h100', must be one of"),
        (("gpus", "--gpu", "h100-sxm"), "--gpu: does not go with 'gpus', which takes no option"),
        (("prices", "--gpu", "h100-sxm"), "--gpu: does not go with 'prices', which takes --provider"),
        (("throughput", "--provider", "aws"), "--provider: does not go with 'throughput', which takes --gpu, --model"),
        (("policies", "--model", "llama-3.1-8b"), "--model: does not go with 'policies', which takes no option"),
    ],
)
def test_a_listing_that_there_is_not_is_refused(breakeven, arguments, message):
    assert_refused(breakeven("list", *arguments), message)


# show


@pytest.mark.parametrize(
    ("identifier", "facts"),
    [
        ("h100-sxm", ["NVIDIA H100 80GB SXM5", "memory_bytes: 85,500,000,000", "tdp_w: 700"]),
        ("llama-3.1-8b", ["Llama 3.1 8B", "parameters: 8,030,261,248", "layers: 32"]),
        ("lambda", ["lambda", "gpu: h100-sxm", "usd_per_hour:", "source:"]),
        ("minimal", ["title: Minimal", "traffic: {requests_per_day: 50_000}"]),
        ("trtllm-0.17.0-llama-3.1-8b-l40s-1x-fp8-128-128", ["gpu: l40s", "output_tokens_per_s: 9104.61", "source:"]),
        (
            "claude-haiku-4-5",
            ["at anthropic, prices on 2026-12-01", "input 1, output 5", "batch", "source: genai-prices"],
        ),
    ],
)
def test_every_kind_of_thing_is_shown_with_its_source(breakeven, identifier, facts):
    result = breakeven("show", identifier)
    assert (result.status, result.stderr) == (0, "")
    for fact in facts:
        assert fact in result.stdout


def test_every_figure_of_a_gpu_names_source_and_date(breakeven):
    lines = breakeven("show", "h100-sxm").stdout.splitlines()
    figures = [line for line in lines if re.match(r"  \w+: [\d,]+  ", line)]
    assert len(figures) >= 6
    for line in figures:
        assert re.search(r"\(.+, (undated|\d{4}-\d\d-\d\d)(, unverified)?\)$", line), line


def test_a_price_card_is_of_the_day_and_the_provider_asked_for(breakeven):
    assert "prices on 2026-06-01" in breakeven("show", "claude-haiku-4-5", "--on", "2026-06-01").stdout
    assert "at anthropic" in breakeven("show", "claude-haiku-4-5", "--provider", "anthropic").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("h100",), "'h100' is not in the catalogue; did you mean 'h100-sxm'?"),
        (("lamda",), "did you mean 'lambda'?"),
        (("quux",), "'quux' is not in the catalogue; as API model it is 'quux', must be given with a provider"),
        (("claude-haiku-45",), "did you mean 'claude-haiku-4-5'"),
        (
            ("claude-haiku-4-5", "--provider", "antropic"),
            "must be a provider of the price library; did you mean 'anthropic'",
        ),
        (("h100-sxm", "--provider", "anthropic"), "must be a model of anthropic in the price library"),
        (("gemma-3", "--provider", "google"), "the price library lists no price at all"),
        (
            ("meta-llama/Llama-3.3-70B-Instruct", "--provider", "deepinfra", "--on", "2026-06-01"),
            "has no price before 2026-10-19",
        ),
        (("claude-haiku-4-5", "--on", "soon"), "is 'soon', must be a date such as 2026-06-01"),
        (("claude-haiku-4-5", "--on", "2026-02-30"), "is '2026-02-30', must be a date such as 2026-06-01"),
    ],
)
def test_what_can_not_be_shown_is_told(breakeven, arguments, message):
    assert_refused(breakeven("show", *arguments), message)


# check


@pytest.mark.parametrize("name", bundled_scenarios())
def test_bundled_scenarios_are_fine(breakeven, name):
    result = breakeven("check", name)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{name}: fine; ")


def test_check_says_what_is_compared_and_writes_nothing(breakeven, tmp_path):
    result = breakeven("check", "minimal", "h100-vs-haiku", "--set", "horizon.days=2")
    assert result.stdout.splitlines() == [
        "minimal: fine; api against fleet, 576 steps",
        "h100-vs-haiku: fine; haiku against llama-h100, 576 steps",
    ]
    assert list(tmp_path.iterdir()) == []


# init and schema


def test_init_writes_a_scenario_that_is_fine_with_its_schema(breakeven, tmp_path):
    result = breakeven("init", "mine.yaml")
    assert result == (0, "Written mine.yaml. Next: breakeven run mine.yaml\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "scenario.schema.json"]
    assert (tmp_path / "mine.yaml").read_text() == bundled_scenarios()["h100-vs-haiku"].read_text()
    assert (tmp_path / "scenario.schema.json").read_text() == breakeven("schema").stdout
    assert breakeven("check", "mine.yaml").status == 0


def test_init_copies_the_scenario_asked_for(breakeven, tmp_path):
    assert breakeven("init", "mine.yaml", "--from", "minimal").status == 0
    assert (tmp_path / "mine.yaml").read_text() == bundled_scenarios()["minimal"].read_text()


def test_init_does_not_write_over_a_file_unless_forced(breakeven, tmp_path):
    (tmp_path / "mine.yaml").write_text("mine")
    assert_refused(breakeven("init", "mine.yaml"), "mine.yaml: is there already; --force writes over it")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    assert breakeven("init", "mine.yaml", "--force").status == 0
    assert (tmp_path / "mine.yaml").read_text().startswith("# yaml-language-server")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mine.txt",), "is 'mine.txt', must end in .yaml"),
        (("mine.yaml", "--from", "nobody"), "is 'nobody', must be one of assistant-70b, code-completion,"),
    ],
)
def test_init_refuses_what_it_can_not_write(breakeven, tmp_path, arguments, message):
    assert_refused(breakeven("init", *arguments), message)
    assert list(tmp_path.iterdir()) == []


def test_init_in_a_missing_folder_names_the_file_that_was_asked_for(breakeven, tmp_path):
    result = breakeven("init", "missing/mine.yaml")
    assert result.status == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("missing/")
    assert "/." not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_over_a_folder_leaves_nothing(breakeven, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    result = breakeven("init", "folder.yaml", "--force")
    assert result.status in (1, 2)
    assert result.stderr.startswith("folder.yaml: ")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.yaml"]


def test_the_schema_describes_every_key_of_a_scenario(breakeven):
    result = breakeven("schema")
    assert (result.status, result.stderr) == (0, "")
    schema = json.loads(result.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(Scenario.model_fields)
    assert sorted(schema["required"]) == ["options", "title", "traffic"]  # a preset may tell the lengths
    growth = schema["$defs"]["Traffic"]["properties"]["growth_per_month"]
    number, distribution = growth["anyOf"]  # any number may be a distribution
    assert (number["exclusiveMinimum"], number["maximum"], growth["default"]) == (-1, 10, 0.0)
    assert distribution == {"$ref": "#/$defs/Distribution"}
    kinds = schema["$defs"]["SelfHostedOption"]["properties"]["autoscaling"]["discriminator"]["mapping"]
    assert sorted(kinds) == [
        "fixed", "horizontal_pod_autoscaler", "perfect_foresight", "predictive", "queue_depth", "scale_to_zero",
        "scheduled", "target_utilization",
    ]  # fmt: skip


def test_every_reference_within_the_schema_leads_somewhere(breakeven):
    text = breakeven("schema").stdout
    schema = json.loads(text)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert references
    assert references <= set(schema["$defs"])


def fits(value, schema, definitions):
    """Whether a value fits a schema, as far as the keywords go that pydantic writes for scenarios."""
    if "$ref" in schema:
        return fits(value, definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return any(fits(value, one, definitions) for one in schema[several])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    types = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "null": type(None)}
    if schema.get("type") == "boolean" or isinstance(value, bool):
        return schema.get("type") == "boolean" and isinstance(value, bool)
    if not isinstance(value, types[schema["type"]]):
        return False
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        missing = set(schema.get("required", ())) - set(value)
        unknown = set(value) - set(known)
        if missing or (unknown and others is False):
            return False
        of_others = others if isinstance(others, dict) else {}
        return all(fits(entry, known.get(key, of_others), definitions) for key, entry in value.items())
    if isinstance(value, list):
        return all(fits(entry, schema["items"], definitions) for entry in value)
    if isinstance(value, int | float):
        return (
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        )
    return True


class _Loader(yaml.SafeLoader):
    """Dates stay text and `3e9` is a number, as an editor that knows YAML 1.2 reads them."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        key: [pair for pair in pairs if "timestamp" not in pair[0]]
        for key, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_scalar(self, node):
        value = super().construct_scalar(node)
        is_number = node.style is None and re.fullmatch(r"\d+e\d+", value) is not None
        return float(value) if is_number else value


@pytest.mark.parametrize("name", bundled_scenarios())
def test_bundled_scenarios_fit_the_schema_and_name_it(breakeven, name):
    schema = json.loads(breakeven("schema").stdout)
    text = bundled_scenarios()[name].read_text()
    content = yaml.load(text, Loader=_Loader)
    assert fits(content, schema, schema["$defs"])
    assert not fits({**content, "sede": 1}, schema, schema["$defs"])
    assert not fits({**content, "seed": -1}, schema, schema["$defs"])
    assert text.startswith("# yaml-language-server: $schema=./scenario.schema.json\n")


def test_the_schema_beside_the_bundled_scenarios_is_the_present_one(breakeven):
    assert (ROOT / "scenarios" / "scenario.schema.json").read_text() == breakeven("schema").stdout


def test_the_schema_as_a_page_names_every_key(breakeven):
    page = breakeven("schema", "--markdown").stdout
    for key in (*Scenario.model_fields, "usd_per_gpu_hour", "peak_to_mean", "target_share", "effective_from"):
        assert f"`{key}`" in page


# As a process of its own


def test_a_reader_that_has_had_enough_ends_the_listing_silently():
    line = f"{sys.executable} -m simulator.cli.main list throughput | head -1"
    done = process("bash", "-o", "pipefail", "-c", line)
    assert done.stdout.startswith("shape\tkind\trows")
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("list", "gpus"), ("schema",), ("--help",)])
def test_a_reader_that_is_gone_ends_the_command_silently_and_well(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "simulator.cli.main", *arguments]
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 0


_LOADED = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"


def test_importing_the_package_loads_nothing_heavy():
    done = process(sys.executable, "-c", f"import simulator; simulator.__version__; {_LOADED}")
    assert (done.stdout, done.stderr) == ("\n", "")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("list", "--help"), ("rnu",)])
def test_help_loads_nothing_heavy(arguments):
    call = f"import sys; sys.argv = ['breakeven', *{arguments!r}]\nfrom simulator.cli.main import main\n"
    done = process(sys.executable, "-c", f"{call}try:\n    main()\nexcept SystemExit:\n    {_LOADED}")
    assert done.stdout.endswith("\n\n") or done.stdout == "\n", done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[-1] == ""


def test_the_module_is_the_command():
    done = process(sys.executable, "-m", "simulator.cli.main", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"breakeven {simulator.__version__}\n", "")
