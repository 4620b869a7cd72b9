"""The command, called in this process."""

import sys
from typing import NamedTuple

import pytest

from simulator.cli.main import main


class Result(NamedTuple):
    """What a run of the command left."""

    status: object
    stdout: str
    stderr: str

    @property
    def rows(self):
        """Cells of a listing below its header."""
        return [line.split("\t") for line in self.stdout.splitlines()[1:]]


@pytest.fixture
def breakeven(tmp_path, monkeypatch, capsys):
    """The command, called in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["breakeven", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return Result(stopped.value.code, *capsys.readouterr())

    return call
