"""Every command and every page that a reader may trust is run or compared here."""

import doctest
import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest

from simulator.cli import main as command_line
from simulator.config.reference import reference_markdown
from simulator.config.scenarios import bundled_scenarios, bundled_sweeps
from simulator.config.schema import schema_text

ROOT = Path(__file__).parent.parent
LONG = {  # pages whose commands take some seconds together
    "README.md", "api-bill.md", "best-mix.md", "compare.md", "over-time.md", "purchase.md", "service-level.md",
    "solve.md", "sweeps.md", "traffic.md", "uncertainty.md",
}  # fmt: skip
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def breakeven_lines(page):
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    return [line for line in lines if line.startswith("breakeven ")]


def run_command(line, monkeypatch):
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    return stopped.value.code


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=pytest.mark.slow if page.name in LONG else ()) for page in PAGES],
)
def test_every_command_of_a_page_works_in_its_order(page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for line in breakeven_lines(page):
        assert run_command(line, monkeypatch) == 0, f"{line}\n{capsys.readouterr().err}"


def test_the_readme_has_commands_to_check():
    assert len(breakeven_lines(ROOT / "README.md")) >= 8


def test_the_main_job_of_the_readme_installs_and_runs_a_bundled_scenario(monkeypatch, tmp_path):
    install, run = blocks(ROOT / "README.md", "bash")[0].strip().rsplit(" && ", 1)
    assert install == "python3 -m venv .venv && .venv/bin/pip install -q ."
    monkeypatch.chdir(tmp_path)
    assert run_command(run.removeprefix(".venv/bin/"), monkeypatch) == 0
    assert (tmp_path / "reports" / "h100-vs-haiku" / "crossover.pdf").stat().st_size > 0


def test_the_python_of_the_readme_runs(capsys):
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), {})
    assert "None" in capsys.readouterr().out  # settled, so there is no reason to give


def test_the_readme_shows_what_the_main_job_prints(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command("breakeven run h100-vs-haiku", monkeypatch) == 0
    printed = capsys.readouterr().out
    shown = blocks(ROOT / "README.md", "text")[0]
    assert [line.rstrip() for line in shown.strip().splitlines()] == [
        line.rstrip() for line in printed.strip().splitlines()
    ]


def test_the_readme_shows_the_bundled_scenario_it_speaks_of():
    shown = blocks(ROOT / "README.md", "yaml")[0]
    assert shown == (ROOT / "scenarios" / "h100-vs-haiku.yaml").read_text(encoding="utf-8")


def test_the_reference_page_and_the_schema_are_those_of_the_models():
    assert (ROOT / "docs" / "scenario-reference.md").read_text(encoding="utf-8") == reference_markdown()
    assert (ROOT / "scenarios" / "scenario.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("scenario", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bundled_scenario_points_the_editor_to_its_schema_and_says_who_it_is(scenario):
    lines = scenario.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./scenario.schema.json"
    assert lines[1].startswith("# Who: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "simulator.interface.decisions",
        "simulator.interface.scenarios",
        "simulator.interface.several",
        "simulator.domain.serving",
        "simulator.catalogue.asking",
        "simulator.traces.reading",
    ],
)
def test_the_examples_in_docstrings_are_true(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_page_of_scenarios_has_every_bundled_one():
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", page, flags=re.M)) == sorted(bundled_scenarios())


def test_the_page_of_sweeps_has_every_bundled_one():
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*`) \|", page.partition("## Bundled sweeps")[2], flags=re.M)
    assert sorted(re.findall(r"`([\w-]+)`", " ".join(rows))) == sorted(bundled_sweeps())
